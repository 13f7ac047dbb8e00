"""A monitored experiment on real ratings, batch after batch to its decision, and the same killed at random moments.

Rows are shuffled with a fixed seed and come 200 at a time, or as many as `--batch` says. With `--kills N` the same batches are added by
processes of their own that are killed at random moments, and what they leave is held against the run that nobody disturbed: decisions
exactly, numbers by their largest difference (draws are the same where the compiled model comes from the same cache). `--help` lists the
choices.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from expsim_bayes.live import Opened, Reading, Settings, add, begin, complete, opened
from expsim_bayes.live.words import decision

HERE = Path(__file__).resolve().parent
SHUFFLE = 1
STARTING = 4.0
"""Seconds in which a process imports what its first look needs."""


class Case(NamedTuple):
    """Real ratings and how they are read."""

    scenario: str
    where: dict[str, str]
    variants: tuple[str, ...]
    outcome_map: dict[str, str]
    priors: dict[str, object]


CASES = {
    "wmt": Case("monitor_wmt.toml", {"language_pair": "en-de"}, ("Facebook-AI", "Online-W", "eTranslation"), {}, {}),
    "pandalm": Case("monitor_pandalm.toml", {}, (), {"garbage": "missing"}, {}),
}


def batches(case: Case, file: Path, folder: Path, size: int) -> list[Path]:
    """Files of the rows that are used, shuffled, so many in each."""
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    for column, value in case.where.items():
        frame = frame[frame[column] == value]
    if case.variants:
        frame = frame[frame["variant"].isin(case.variants)]
    frame = frame.iloc[np.random.default_rng(SHUFFLE).permutation(len(frame))]
    folder.mkdir()
    files = []
    for number, start in enumerate(range(0, len(frame), size), 1):
        files.append(folder / f"batch-{number:02d}.csv")
        frame.iloc[start : start + size].to_csv(files[-1], index=False)
    return files


def settings(case: Case, arguments: argparse.Namespace) -> Settings:
    """How the experiment is read and fitted."""
    told = dict(pair.split("=", 1) for pair in arguments.prior)
    return Settings(
        strategy="sequential",
        reading=Reading(outcome_map=case.outcome_map),
        model=arguments.model,
        engine=arguments.engine,
        draws=arguments.draws,
        tune=arguments.tune,
        priors=case.priors | {name: json.loads(value) for name, value in told.items()},
        seed=1,
    )


def undisturbed(folder: Path, files: list[Path], *, looks: int) -> float:
    """Add batches until a rule decides; seconds a look. Prints a line a look."""
    began = time.monotonic()
    print("look  ratings  leader                   quality  P(best)  the rules")
    for file in files[:looks]:
        started = time.monotonic()
        here, _ = add(folder, file)
        show(here, time.monotonic() - started)
        if here.ended is not None:
            break
    return (time.monotonic() - began) / len(here.looks)


def show(here: Opened, seconds: float) -> None:
    """A line for the last look."""
    last = here.looks[-1]
    best = last.of(last.leader or "")
    known = " " * 41 if best is None else f"{best.name:22s} {best.mean:9.3f} {100 * best.prob_best:7.1f} %"
    said = f"{decision(last, here.scenario.control)}  ({last.model}, {last.verdict}, {seconds:.0f} s)"
    print(f"{last.look:4d} {last.ratings:8d}  {known}  {said}", flush=True)


def killed(folder: Path, files: list[Path], *, kills: int, seconds: float, seed: int) -> int:
    """Add the batches by processes that are killed at random moments, until one ends by itself; how many were."""
    chance, done = random.Random(seed), 0
    while True:
        command = [sys.executable, __file__, "--add", str(folder), *map(str, files)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        if done >= kills:
            process.communicate()
            assert process.returncode == 0
            return done
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(0.0, 1.5 * (seconds + STARTING)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done += process.returncode == -signal.SIGKILL
        here = opened(folder)
        print(f"kill {done}: {len(here.manifest.batches)} batches kept, {len(here.looks)} looks fitted", flush=True)
        if process.returncode == 0:
            return done


def compare(calm: Opened, rough: Opened) -> None:
    """Hold two runs of the same batches against each other."""
    same = [a.sha256 == b.sha256 for a, b in zip(calm.manifest.looks, rough.manifest.looks, strict=True)]
    assert [b.sha256 for b in calm.manifest.batches] == [b.sha256 for b in rough.manifest.batches]
    pairs = list(zip(calm.looks, rough.looks, strict=True))
    decisions = all((a.decision, a.variant, a.verdict) == (b.decision, b.variant, b.verdict) for a, b in pairs)
    apart = [
        max(abs(x.mean - y.mean) / (x.sd or 1.0), abs(x.prob_best - y.prob_best))
        for a, b in pairs
        for x, y in zip(a.variants, b.variants, strict=True)
    ]
    print(f"looks that are the same to the last byte: {sum(same)} of {len(same)}; decisions the same: {decisions}")
    print(f"largest difference of a mean (in SDs) or of a chance of being best: {max(apart, default=0.0):.2g}")
    assert decisions


def main() -> None:
    """Run one case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("file", type=Path, help="wmt_mqm_ted.csv or pandalm.csv")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--batch", type=int, default=200, help="rows of a batch")
    parser.add_argument("--looks", type=int, default=10**6, help="most looks")
    parser.add_argument(
        "--model", default="auto", help="continuous needs no sampler: seconds a look, the same to the last byte"
    )
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--draws", type=int, default=1500)
    parser.add_argument("--tune", type=int, default=1000)
    parser.add_argument("--prior", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--out", type=Path, help="keep the folders here")
    arguments = parser.parse_args()
    case = CASES[arguments.case]
    place = Path(tempfile.mkdtemp()) if arguments.out is None else arguments.out
    place.mkdir(parents=True, exist_ok=True)
    files = batches(case, arguments.file, place / "batches", arguments.batch)
    text = (HERE / case.scenario).read_text(encoding="utf-8")
    begin(place / "calm", text, settings(case, arguments))
    seconds = undisturbed(place / "calm", files, looks=arguments.looks)
    calm = opened(place / "calm")
    print(f"{len(calm.looks)} looks, {seconds:.1f} s a look; in {place}")
    done, experiments = 0, 0
    while done < arguments.kills:
        experiments += 1
        folder = place / f"killed-{experiments}"
        begin(folder, text, settings(case, arguments))
        done += killed(
            folder, files[: len(calm.looks)], kills=arguments.kills - done, seconds=seconds, seed=experiments
        )
        compare(calm, complete(folder))
        print(f"{done} kills so far, in {experiments} experiments", flush=True)
    if arguments.out is None:
        shutil.rmtree(place)


def child(folder: Path, files: list[Path]) -> None:
    """Add batches, as a process that will be killed."""
    print("ready", flush=True)
    for file in files:
        add(folder, file)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--add"]:
        child(Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
    else:
        main()
