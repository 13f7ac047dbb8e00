"""Faults of files and processes, each injected into a monitored experiment: nothing acknowledged is lost, and the numbers stay the same."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from live_experiment import SCENARIO, batches, content, experiment
from live_herd import TESTS, Herd, herd
from plain_posterior import plain_means

from expsim_bayes.errors import ExpsimError, SettingError
from expsim_bayes.live import add, complete, opened
from expsim_bayes.live.folder import clean
from expsim_bayes.live.lock import BusyError, Holder, alone, holder_of, is_alive, myself
from expsim_bayes.readers.atomic import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and forks")


@pytest.fixture(scope="module")
def processes() -> Iterator[Herd]:
    if os.name != "posix":
        pytest.skip("needs forks")
    with herd() as found:
        yield found


def undisturbed(folder: Path, files: list[Path]) -> dict[str, Any]:
    """What the same batches give without any fault."""
    experiment(folder)
    for file in files:
        add(folder, file, engine=plain_means)
    return content(folder)


# ------------------------------------------------------------------------------------------------- faults 1, 2, 3, 13: kills


def kill_at_random(processes: Herd, tmp_path: Path, *, kills: int, seed: int) -> None:
    """Kill writers at random moments while reading, and go on until each experiment is complete and as without any kill."""
    chance = random.Random(seed)
    files = batches(tmp_path / "in", 3, items=12)
    expected = undisturbed(tmp_path / "calm", files)
    done = 0
    for number in range(10_000):
        folder = tmp_path / f"e{number}"
        experiment(folder)
        acknowledged: set[int] = set()
        killed = True
        while killed:
            (pid,) = processes.begin(("add_all", {"folder": str(folder), "files": [str(file) for file in files]}))
            until = time.monotonic() + chance.uniform(0.0, 0.35)
            wanted = done < kills
            while wanted and time.monotonic() < until:
                require_whole(folder, expected, acknowledged=set())  # fault 13: a reader sees the old or the new state
            if wanted:
                with suppress(ProcessLookupError):  # it was faster
                    os.kill(pid, signal.SIGKILL)
            said = processes.ended()
            killed = "ended -9" in said
            done += killed
            assert not [line for line in said if line.startswith("error")]
            acknowledged |= {int(line[4:]) for line in said if line.startswith("ack")}
            require_whole(folder, expected, acknowledged=acknowledged)
        assert content(folder) == expected
        assert holder_of(folder) is None
        shutil.rmtree(folder)
        if done >= kills:
            return


def require_whole(folder: Path, expected: dict[str, Any], *, acknowledged: set[int]) -> None:
    """Everything that the manifest names is there, as far as it goes it is what is expected, and nothing acknowledged is missing."""
    here = opened(folder)  # every part is held against its hash
    manifest = json.loads(here.manifest.model_dump_json())
    for kind, time_of in (("batches", "received_utc"), ("looks", "fitted_utc")):
        told = [{k: v for k, v in entry.items() if k != time_of} for entry in manifest[kind]]
        assert told == expected["manifest"][kind][: len(told)]
    assert len(here.looks) <= len(here.manifest.batches)
    assert acknowledged <= {batch.look for batch in here.manifest.batches}


@pytest.mark.slow
def test_kills_at_random_moments_lose_nothing(processes: Herd, tmp_path: Path) -> None:
    kill_at_random(processes, tmp_path, kills=15, seed=1)


@pytest.mark.long
def test_a_hundred_kills_lose_nothing(processes: Herd, tmp_path: Path) -> None:
    kill_at_random(processes, tmp_path, kills=100, seed=2)


@pytest.mark.slow
def test_a_file_is_never_torn(processes: Herd, tmp_path: Path) -> None:
    chance = random.Random(3)
    path = tmp_path / "file"
    path.write_bytes(b"A")
    sizes = [1, 5_000, 300_000]
    for _ in range(50):
        (pid,) = processes.begin(("write_on", {"path": str(path), "sizes": sizes}))
        until = time.monotonic() + chance.uniform(0.0, 0.05)
        while time.monotonic() < until:
            require_one_letter(path, sizes)
        os.kill(pid, signal.SIGKILL)
        processes.ended()
        require_one_letter(path, sizes)
    assert sum(p != path for p in tmp_path.iterdir()) <= 50


def require_one_letter(path: Path, sizes: list[int]) -> None:
    found = path.read_bytes()
    assert len(found) in sizes
    assert found == found[:1] * len(found)


def steps_of(monkeypatch: pytest.MonkeyPatch, stop_at: int) -> list[Path]:
    """End the process, as it were, right before a file is renamed into its place for the n-th time."""
    renamed: list[Path] = []
    replace = Path.replace

    def stopped(self: Path, target: Path) -> Path:
        if len(renamed) == stop_at:
            raise KilledError
        renamed.append(target)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", stopped)
    return renamed


class KilledError(BaseException):
    """Stands for the end of a process: nothing but cleaning up may follow."""


def test_every_step_may_be_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = batches(tmp_path / "in", 2, items=12)
    expected = undisturbed(tmp_path / "calm", files)
    for step in range(4):  # batch, manifest, look, manifest
        folder = tmp_path / f"e{step}"
        experiment(folder)
        add(folder, files[0], engine=plain_means)
        with monkeypatch.context() as patch:
            renamed = steps_of(patch, step)
            with pytest.raises(KilledError):
                add(folder, files[1], engine=plain_means)
        names = [
            path.parent.name if path.suffix != ".json" or path.parent.name == "looks" else path.name for path in renamed
        ]
        assert names == ["batches", "manifest.json", "looks"][:step]
        kept = len(opened(folder).manifest.batches)
        assert kept == (1 if step < 2 else 2)  # acknowledged with the first manifest
        if kept == 2:
            assert opened(folder).waiting == (2,)
            complete(folder, engine=plain_means)
        else:
            add(folder, files[1], engine=plain_means)
        assert content(folder) == expected


def test_left_overs_are_nothing_and_are_removed(tmp_path: Path) -> None:
    first, second = batches(tmp_path / "in", 2)
    experiment(tmp_path / "e")
    add(tmp_path / "e", first, engine=plain_means)
    before = content(tmp_path / "e")
    left = [
        tmp_path / "e" / "batches" / f"0002-{'0' * 64}.csv",
        tmp_path / "e" / "looks" / f"0002-{'0' * 64}.json",
        tmp_path / "e" / ".manifest.json.abc.part",
        tmp_path / "e" / "looks" / ".0002.abc.part",
        tmp_path / "e" / "cache" / ".peeking.abc.part",
    ]
    (tmp_path / "e" / "cache").mkdir()
    mine = tmp_path / "e" / "batches" / "notes.txt"
    for path in (*left, mine):
        path.write_text("half a")
    assert content(tmp_path / "e") == before
    assert len(opened(tmp_path / "e").looks) == 1
    told: list[str] = []
    add(tmp_path / "e", second, engine=plain_means, notice=told.append)
    assert told == ["5 files that an ended process had left unfinished are removed"]
    assert not any(path.exists() for path in left)
    assert mine.exists()
    assert clean(tmp_path / "e", opened(tmp_path / "e").manifest) == 0


# --------------------------------------------------------------------------------------------- faults 12 and 14: two writers


@pytest.mark.slow
def test_ten_writers_at_once_lose_nothing(processes: Herd, tmp_path: Path) -> None:
    files = batches(tmp_path / "in", 8, items=11)
    experiment(tmp_path / "e")
    everyone = [*files, files[0], files[1]]  # two come twice
    processes.begin(*(("add_patiently", {"folder": str(tmp_path / "e"), "files": [str(file)]}) for file in everyone))
    said = processes.ended(10)
    assert said.count("ended 0") == 10
    assert not [line for line in said if line.startswith("error")]
    here = complete(tmp_path / "e", engine=plain_means)
    assert [batch.look for batch in here.manifest.batches] == list(range(1, 9))
    assert {batch.source for batch in here.manifest.batches} == {file.name for file in files}
    assert [look.ratings for look in here.looks] == [44 * n for n in range(1, 9)]
    # one after the other in the same order gives the same
    order = [next(file for file in files if file.name == batch.source) for batch in here.manifest.batches]
    assert content(tmp_path / "e") == undisturbed(tmp_path / "calm", order)


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    (file,) = batches(tmp_path / "in", 1)
    experiment(tmp_path / "e")
    with alone(tmp_path / "e"):
        with pytest.raises(BusyError, match=rf"process {os.getpid()} is writing into"):
            add(tmp_path / "e", file, engine=plain_means)
        assert opened(tmp_path / "e").manifest.batches == ()  # readers need no lock
    add(tmp_path / "e", file, engine=plain_means)


def left_by(holder: Holder) -> bytes:
    return json.dumps(holder._asdict()).encode()


def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("lock", "notice"),
    [
        (lambda: left_by(Holder(gone(), "1", socket.gethostname())), "was ended while it was writing"),
        (lambda: left_by(Holder(os.getpid(), "1", socket.gethostname())), "was ended while it was writing"),  # recycled
        (lambda: b"", "was ended while it took the lock"),
        (lambda: b'{"pid": "x"', "was ended while it took the lock"),
    ],
)
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells when a process began")
def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path, lock: Callable[[], bytes], notice: str) -> None:
    (file,) = batches(tmp_path / "in", 1)
    experiment(tmp_path / "e")
    (tmp_path / "e" / ".lock").write_bytes(lock())
    told: list[str] = []
    add(tmp_path / "e", file, engine=plain_means, notice=told.append)
    assert len(told) == 1
    assert notice in told[0]
    assert holder_of(tmp_path / "e") is None


def test_the_lock_of_another_machine_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_bytes(left_by(Holder(1, "1", "elsewhere")))
    with pytest.raises(BusyError, match=r"process 1 on elsewhere .* delete"):
        alone(tmp_path).__enter__()
    assert holder_of(tmp_path) == Holder(1, "1", "elsewhere")


@posix
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells when a process began")
def test_a_process_that_waits_to_be_buried_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii")
        holder = Holder(process.pid, stat.rpartition(")")[2].split()[19], socket.gethostname())
        assert is_alive(holder)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(holder)


def test_a_lock_is_given_back_whatever_happens(tmp_path: Path) -> None:
    held = []

    def work() -> None:
        with alone(tmp_path):
            held.append(holder_of(tmp_path))
            raise KilledError

    with pytest.raises(KilledError):
        work()
    assert held == [myself()]
    assert holder_of(tmp_path) is None


# ---------------------------------------------------------------------------------- faults 3, 7, 8, 18, 24: the command line

COMMAND = """
import sys, signal
sys.path.insert(0, {tests!r})
import expsim_bayes.live.posterior as seam
from plain_posterior import plain_means
{before}
seam.posterior_of = {engine}
signal.signal(signal.SIGINT, signal.default_int_handler)
from expsim_bayes.cli import main
main()
"""
WAITING = """
def waiting(*args, **options):
    import time
    print("fitting", file=sys.stderr, flush=True)
    time.sleep(120)
"""


def expsim(
    *arguments: str | Path,
    before: str = "",
    engine: str = "plain_means",
    env: dict[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen[str]:
    """The command in a process of its own, with a stand-in for the posterior."""
    code = COMMAND.format(tests=str(TESTS), before=before, engine=engine)
    return subprocess.Popen(
        [sys.executable, "-c", code, "monitor", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "COLUMNS": "300", **(env or {})},
        **options,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code of a process, and all that it printed."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out + err


@posix
@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_fit_keeps_the_batch(tmp_path: Path, number: signal.Signals, code: int) -> None:
    files = batches(tmp_path / "in", 2, items=12)
    expected = undisturbed(tmp_path / "calm", files)
    experiment(tmp_path / "e")
    add(tmp_path / "e", files[0], engine=plain_means)
    process = expsim("add", tmp_path / "e", files[1], before=WAITING, engine="waiting")
    assert process.stderr is not None
    begun = []
    while "fitting" not in (line := process.stderr.readline()):
        assert line, "it ended before the fit"
        begun.append(line)
    assert "is kept as look 2: 48 rows" in "".join(begun)
    process.send_signal(number)
    found, said = ended(process)
    assert found == code
    assert "interrupted; a batch that was told to be kept is kept" in " ".join(said.split())
    assert "Traceback" not in said
    assert holder_of(tmp_path / "e") is None
    assert opened(tmp_path / "e").waiting == (2,)
    found, said = ended(
        expsim("status", tmp_path / "e", before="import expsim_bayes.live.peeking as p; p.REPLICATIONS = 10")
    )
    assert found == 0, said
    assert "Look 2 is not fitted yet, and is fitted now" in said
    assert content(tmp_path / "e") == expected


@posix
@pytest.mark.slow
@pytest.mark.parametrize(("room", "kept"), [(1_000, 1), (3_600, 2)])
def test_a_full_disk_is_told_and_harms_nothing(tmp_path: Path, room: int, kept: int) -> None:
    files = batches(tmp_path / "in", 2, items=20)
    assert 1_000 < files[1].stat().st_size < 3_600
    expected = undisturbed(tmp_path / "calm", files)
    experiment(tmp_path / "e")
    add(tmp_path / "e", files[0], engine=plain_means)
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))"
    # the second look tells more than the room allows
    longer = "import functools\ndef longer(*a, **o): return plain_means(*a, **o)._replace(reasons=('x' * 5000,))"
    code, said = ended(expsim("add", tmp_path / "e", files[1], before=f"{limit}\n{longer}", engine="longer"))
    assert code == 2, said
    assert "bytes cannot be written (File too large)" in said
    assert str(tmp_path / "e") in said
    assert "make room on the disk" in said
    assert "Traceback" not in said
    assert not list((tmp_path / "e").rglob("*.part"))
    assert len(opened(tmp_path / "e").manifest.batches) == kept
    add(tmp_path / "e", files[1], engine=plain_means)
    assert content(tmp_path / "e") == expected


@posix
@pytest.mark.slow
def test_a_folder_that_may_only_be_read_is_told_before_any_fit(tmp_path: Path) -> None:
    files = batches(tmp_path / "in", 2, items=12)
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to others
        folder = Path(place, "e")
        experiment(folder)
        shutil.copy(files[1], Path(place, "b.csv"))
        options: dict[str, Any] = {}
        if os.geteuid() == 0:  # root may write everywhere: become somebody else
            for path in (Path(place), *Path(place).rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            options = {"user": 65534, "group": 65534, "cwd": "/"}
        else:
            folder.chmod(0o555)
        try:
            process = expsim("add", folder, Path(place, "b.csv"), before=WAITING, engine="waiting", **options)
        except PermissionError:
            pytest.skip("another user cannot run this Python")
        code, said = ended(process)
        folder.chmod(0o755)
        if "ModuleNotFoundError" in said or "PermissionError: " in said:
            pytest.skip("another user cannot read this Python or these tests")
        assert code == 2, said
        assert "cannot be written (Permission denied)" in said
        assert "fitting" not in said
        assert "Traceback" not in said


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_cannot_be_written_is_told_before_any_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (file,) = batches(tmp_path / "in", 1)
    experiment(tmp_path / "e")
    open_file = os.open

    def refusing(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_CREAT and str(path).startswith(str(tmp_path / "e")):
            raise OSError(number, os.strerror(number), str(path))
        return open_file(path, flags, *rest, **options)

    def never(*_args: Any, **_options: Any) -> Any:
        raise AssertionError("it must not be fitted")

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(SettingError, match=rf"cannot be written \({os.strerror(number)}\)"):
        add(tmp_path / "e", file, engine=never)
    monkeypatch.undo()
    assert opened(tmp_path / "e").manifest.batches == ()


@posix
@pytest.mark.slow
def test_odd_places_names_and_locales(tmp_path: Path) -> None:
    deep = tmp_path / "my experiments" / "größe und übermaß" / ("x" * 150) / ("y" * 150)
    (file,) = batches(tmp_path / "in", 1)
    odd = file.rename(tmp_path / "bätch  1 (neu).csv")
    scenario = tmp_path / "szenario.toml"
    scenario.write_text(SCENARIO.replace("Two prompts", "Zwei Prüfungen"), encoding="utf-8")
    env = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "Pacific/Kiritimati"}
    bare = {key: value for key, value in os.environ.items() if key not in ("HOME", "LC_CTYPE")}
    for arguments in (("init", deep, scenario), ("add", deep, odd), ("next", deep)):
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                COMMAND.format(tests=str(TESTS), before="", engine="plain_means"),
                "monitor",
                *map(str, arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**bare, **env},
        )
        code, said = process.communicate()[0], ""
        assert process.returncode == 0, code + said
    here = opened(deep)
    assert here.manifest.batches[0].source == odd.name
    assert here.scenario.title == "Zwei Prüfungen"
    assert len(str(deep)) > 300
    times = [here.manifest.begun_utc, here.manifest.batches[0].received_utc, here.manifest.looks[0].fitted_utc]
    assert all(datetime.fromisoformat(told).utcoffset() == timedelta(0) for told in times)


def test_a_name_that_is_too_long_for_the_disk_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"cannot be used \(File name too long\)"):
        experiment(tmp_path / ("z" * 300))


def test_long_names_of_many_bytes_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("😀" * 60)
    with whole(path) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"


def test_times_order_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from expsim_bayes.live import folder as kept

    clock = iter(["2031-01-01T00:00:00+00:00", "1999-01-01T00:00:00+00:00"] * 20)
    monkeypatch.setattr(kept, "now", lambda: next(clock))
    files = batches(tmp_path / "in", 3, items=12)
    backwards = undisturbed(tmp_path / "back", files)
    monkeypatch.undo()
    assert backwards == undisturbed(tmp_path / "calm", files)


def test_a_batch_that_is_not_there_is_told(tmp_path: Path) -> None:
    experiment(tmp_path / "e")
    with pytest.raises(ExpsimError, match="there is no such file"):
        add(tmp_path / "e", tmp_path / "none.csv", engine=plain_means)
