"""Fits in processes of their own: begun, watched, cancelled, and told in words when one dies; a few at once over all sessions.

A `Desk` knows every fit of the server. A session holds a `Ticket`: when it lets go of that (it begins another fit, or ends), the fit is
cancelled, so that nothing is computed for nobody.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import expsim_bayes
from expsim_bayes.apps.uploads import Folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.apps.question import Question
    from expsim_bayes.apps.uploads import File

State = Literal["waiting", "running", "done", "failed", "cancelled"]

AT_ONCE = max(1, (os.cpu_count() or 1) // 4)
"""Fits that run at the same time; each uses several cores."""
MOST_WAITING = 20
"""Fits that may wait for their turn."""
LONGEST = 3_600.0
"""Seconds after which a fit is given up."""
GRACE = 5.0
"""Seconds that a process has to end when it is asked to."""
SAMPLING = (0.12, 0.84)
"""Shares of the progress at which the sampler begins and ends."""
WORKER = (sys.executable, "-P", "-m", "expsim_bayes.apps.worker")
"""The command of a process that fits."""


class Trouble(NamedTuple):
    """Why there is no result."""

    problem: str
    where: str
    remedy: str


KILLED = Trouble(
    "the fit was ended from outside, most likely because the machine ran out of memory",
    "",
    "use fewer rows or fewer items, or run `expsim fit` on a machine with more memory",
)
DIED = Trouble(
    "the fit stopped for a reason that it could not tell",
    "",
    "fit again; if it stops again, report it with the ratings",
)
TOO_LONG = Trouble(
    f"the fit took longer than {LONGEST / 60:.0f} minutes and was given up",
    "",
    "use fewer rows or fewer items, or run `expsim fit` on the command line, which has no such limit",
)
FULL = Trouble("too many fits are waiting", "", "try again in a few minutes")


class Job:
    """One fit, from the moment it was asked for."""

    def __init__(self, file: File, question: Question) -> None:
        self.file = file
        self.question = question
        self.folder = Folder()
        self.state: State = "waiting"
        self.share = 0.0
        self.words = "waiting for its turn"
        self.trouble: Trouble | None = None
        self.began: float | None = None
        self.sampling_since: float | None = None
        self.process: subprocess.Popen[str] | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def results(self) -> Path:
        """Where its results lie."""
        return self.folder.path / "fit"

    def seconds(self) -> float:
        """How long it has been running."""
        return 0.0 if self.began is None else time.monotonic() - self.began

    def left(self) -> float | None:
        """Roughly how many seconds sampling will take yet; None where that cannot be told."""
        done = (self.share - SAMPLING[0]) / (SAMPLING[1] - SAMPLING[0])
        if self.sampling_since is None or not 0.05 < done < 1:
            return None
        return (time.monotonic() - self.sampling_since) * (1 - done) / done


class Ticket:
    """A session's hold on its fit: whoever lets go of it cancels the fit and removes its results."""

    def __init__(self, desk: Desk, job: Job) -> None:
        self.job = job
        self._desk = desk
        self._end = weakref.finalize(self, _let_go, desk, job)

    def cancel(self) -> None:
        """End the fit now."""
        self._desk.cancel(self.job)

    def ahead(self) -> int:
        """How many fits come before this one begins."""
        return self._desk.ahead(self.job)


class Desk:
    """All fits of a server.

    Parameters
    ----------
    at_once : int
        Fits that run at the same time.
    command : sequence of str
        What starts a process that fits.
    longest : float
        Seconds after which a fit is given up.
    """

    def __init__(self, at_once: int = AT_ONCE, command: Sequence[str] = WORKER, longest: float = LONGEST) -> None:
        self.at_once = at_once
        self.command = tuple(command)
        self.longest = longest
        self._lock = threading.RLock()
        self._waiting: list[Job] = []
        self._running: list[Job] = []

    def begin(self, file: File, question: Question) -> Ticket:
        """Ask for a fit; it begins when its turn comes."""
        job = Job(file, question)
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                _fail(job, FULL)
            else:
                self._waiting.append(job)
        self._start_next()
        return Ticket(self, job)

    def ahead(self, job: Job) -> int:
        """How many fits run or wait before this one."""
        with self._lock:
            return len(self._running) + self._waiting.index(job) if job in self._waiting else 0

    def cancel(self, job: Job) -> None:
        """End a fit, whether it runs or waits."""
        with self._lock:
            if job.over:
                return
            job.state = "cancelled"
            if job in self._waiting:
                self._waiting.remove(job)
            process = job.process
        if process is not None:
            _end(process)

    def _start_next(self) -> None:
        with self._lock:
            while self._waiting and len(self._running) < self.at_once:
                job = self._waiting.pop(0)
                self._running.append(job)
                job.state, job.words, job.began = "running", "starting", time.monotonic()
                threading.Thread(target=self._run, args=(job,), daemon=True).start()

    def _run(self, job: Job) -> None:
        """Start the process of a fit and follow it to its end."""
        try:
            self._follow(job)
        except OSError:
            self._settle(job, DIED)
        finally:
            with self._lock:
                self._running.remove(job)
            self._start_next()

    def _follow(self, job: Job) -> None:
        task = {"file": str(job.file.path), "question": job.question.to_json(), "folder": str(job.results)}
        with (job.folder.path / "log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(),
                text=True,
                encoding="utf-8",
            )
        with self._lock:
            job.process = process
            unwanted = job.over
        if unwanted:
            _end(process)
        timer = threading.Timer(self.longest, self._give_up, (job,))
        timer.daemon = True
        timer.start()
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
        for line in process.stdout:
            self._hear(job, line)
        code = process.wait()
        timer.cancel()
        with suppress(OSError):
            process.stdin.close()
        process.stdout.close()
        if code > 0 and not job.over:
            written = (job.folder.path / "log").read_text(encoding="utf-8", errors="replace")
            logging.getLogger(__name__).error("a fit ended with code %d:\n%s", code, written[-4_000:])
        self._settle(job, KILLED if code < 0 else DIED)

    def _hear(self, job: Job, line: str) -> None:
        """What a process says."""
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            return
        with self._lock:
            if job.over:
                return
            if "share" in said:
                job.share, job.words = float(said["share"]), str(said["words"])
                if job.words == "sampling" and job.sampling_since is None:
                    job.sampling_since = time.monotonic()
            elif "problem" in said:
                _fail(job, Trouble(str(said["problem"]), str(said["where"]), str(said["remedy"])))
            elif "done" in said:
                job.state, job.share, job.words = "done", 1.0, "done"

    def _give_up(self, job: Job) -> None:
        self._settle(job, TOO_LONG)
        if job.process is not None:
            _end(job.process)

    def _settle(self, job: Job, trouble: Trouble) -> None:
        """A process that ended without a word has failed."""
        with self._lock:
            if not job.over:
                _fail(job, trouble)


def _fail(job: Job, trouble: Trouble) -> None:
    job.state, job.trouble = "failed", trouble


def _let_go(desk: Desk, job: Job) -> None:
    desk.cancel(job)
    job.folder.remove()


def _end(process: subprocess.Popen[str]) -> None:
    """Ask a process to end, and make it where it does not."""
    process.terminate()

    def insist() -> None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
            return
        process.kill()

    threading.Thread(target=insist, daemon=True).start()


def _environment() -> dict[str, str]:
    """The environment of a process that fits: this package, wherever it was found."""
    package = str(Path(expsim_bayes.__file__).parents[1])
    rest = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([package, *([rest] if rest else [])]), "MPLBACKEND": "Agg"}


DESK = Desk()
"""The desk of this server."""
