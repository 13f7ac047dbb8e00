"""Seconds of `expsim simulate` from a cold start, five times, as whole processes, beside the import of its libraries alone."""

from __future__ import annotations

import os
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
LIBRARIES = "import numpy, scipy.special, xarray, pydantic, typer, rich.table"


def main() -> None:
    """Print the median and the range of each command."""
    expsim = str(Path(sys.executable).with_name("expsim"))
    told = {f"expsim {' '.join(command)}": [expsim, *command] for command in COMMANDS}
    told[f"nothing but `{LIBRARIES}`"] = [sys.executable, "-c", LIBRARIES]
    # A process that may not write bytecode compiles every module anew.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for name, command in told.items():
        times = []
        for _ in range(6):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, env=environment)
            times.append(time.perf_counter() - start)
        kept = sorted(times[1:])  # the first may have compiled modules
        print(f"{name}: median {kept[2]:.2f} s ({kept[0]:.2f} to {kept[-1]:.2f})")


if __name__ == "__main__":
    main()
