"""Seconds of `expsim simulate` from a cold start, five times, as whole processes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

COMMANDS = (
    ("simulate", "summarization-prompts"),
    ("simulate", "support-chat-tone"),
    ("simulate", "reranker"),
    ("simulate", "summarization-prompts", "--replications", "1000"),
)


def main() -> None:
    """Print the median and the range of each command."""
    expsim = Path(sys.executable).with_name("expsim")
    for command in COMMANDS:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([expsim, *command], check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        print(f"expsim {' '.join(command)}: median {sorted(times)[2]:.2f} s ({min(times):.2f} to {max(times):.2f})")


if __name__ == "__main__":
    main()
