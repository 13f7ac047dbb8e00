"""Processes that are made to be killed: one that has imported everything forks another for each task, at once.

The first reads tasks from its standard input, one JSON object a line, and writes what its children say: `pid N` when one begins, `ack N`
when a batch is kept, `ended CODE` when one is gone.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TESTS = Path(__file__).resolve().parent


def add_all(folder: str, files: list[str]) -> None:
    """Add batches in their order, with the stand-in of plain means."""
    from plain_posterior import plain_means

    from expsim_bayes.live import Acknowledged, add

    def acknowledge(batch: Acknowledged) -> None:
        _say(f"ack {batch.look}")

    for file in files:
        add(Path(folder), Path(file), engine=plain_means, acknowledge=acknowledge)


def add_patiently(folder: str, files: list[str]) -> None:
    """The same, again and again as long as another process writes."""
    from expsim_bayes.live.lock import BusyError

    for file in files:
        while True:
            try:
                add_all(folder, [file])
                break
            except BusyError:
                time.sleep(random.uniform(0.1, 0.3))


def write_on(path: str, sizes: list[int]) -> None:
    """Write a file again and again, each time all of one letter."""
    from expsim_bayes.readers.atomic import whole

    for n in range(1_000_000):
        with whole(path) as file:
            file.write(bytes([65 + n % 26]) * sizes[n % len(sizes)])


TASKS: dict[str, Callable[..., None]] = {f.__name__: f for f in (add_all, add_patiently, write_on)}


def _say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def main() -> None:
    """Fork a child for each task, all tasks of a line at the same time."""
    for name in ("plain_posterior", "expsim_bayes.live", "expsim_bayes.readers.parquet"):
        import_module(name)
    _say("ready")
    for line in sys.stdin:
        children = []
        for task in json.loads(line):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    TASKS[task["do"]](**task["with"])
                    code = 0
                except Exception as error:  # noqa: BLE001 - told to the parent
                    _say(f"error {error!r}")
                finally:
                    os._exit(code)
            children.append(pid)
            _say(f"pid {pid}")
        for pid in children:
            _say(f"ended {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}")


class Herd:
    """The process that forks, as the test sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def begin(self, *tasks: tuple[str, dict[str, Any]]) -> list[int]:
        """Begin tasks at the same time; the numbers of their processes."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([{"do": do, "with": options} for do, options in tasks]) + "\n")
        self.process.stdin.flush()
        self.said: list[str] = []
        pids: list[int] = []
        while len(pids) < len(tasks):
            line = self.line()
            if line.startswith("pid "):
                pids.append(int(line[4:]))
            else:
                self.said.append(line)
        return pids

    def ended(self, n: int = 1) -> list[str]:
        """Wait for the end of n tasks; everything that was said."""
        while sum(line.startswith("ended ") for line in self.said) < n:
            self.said.append(self.line())
        return self.said

    def line(self) -> str:
        """The next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process that forks is gone"
        return line.strip()


@contextmanager
def herd() -> Iterator[Herd]:
    """A process that has imported everything."""
    code = f"import sys; sys.path.insert(0, {str(TESTS)!r}); import live_herd; live_herd.main()"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    try:
        found = Herd(process)
        assert found.line() == "ready"
        yield found
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait()
        process.stdout.close()
