"""Every model of the family: seconds to compile, seconds to sample and effective draws a second, by nutpie and by PyMC's own sampler.

Ratings are made up by the simulators, a few times as many as by their defaults, and read from `../shared/data` where that folder
exists. Each measurement runs in a process of its own with nothing compiled before (but see `--warm`). Both samplers sample the same model
with the same settings, and what counts is the smallest effective sample size among the quantities that the gate looks at. Prints one
table, and writes it with `--out` after every row. `--help` lists the choices; with the defaults it takes hours.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from expsim_bayes.models import NAMES, RECIPES, recipe, task
from expsim_bayes.ratings import Ratings
from expsim_bayes.readers import read

if TYPE_CHECKING:
    from collections.abc import Callable

    import pymc as pm
    import xarray as xr

    from expsim_bayes.models._task import Task

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SAMPLERS = ("nutpie", "pymc")
CHAINS, SEED = 4, 1
HEAD = """# What a fit of each model takes

{versions}; {cores} cores, {chains} chains of {draws} draws after {tune} tuning steps, acceptance {accept}. *Compile*{start}: for nutpie
until the model is compiled, for PyMC until the first draw arrives. *ESS*: the smallest bulk effective sample size among the quantities that
the gate looks at, and that number a second of sampling; it means nothing where R-hat is far above 1.01.

| ratings | model | rows | unknowns | sampler | compile s | sampling s | ESS | ESS / s | R-hat | divergent |
|---|---|---:|---:|---|---:|---:|---:|---:|---:|---:|
"""
FOOT = "\nReproduce with `.venv/bin/python benchmarks/model_family.py{arguments}`.\n"


class Case(NamedTuple):
    """Ratings and how they are fitted."""

    name: str
    model: str
    ratings: Callable[[], Ratings]
    priors: dict[str, Any] = {}  # noqa: RUF012


class Measured(NamedTuple):
    """One sampler on one case."""

    rows: int
    unknowns: int
    compile_s: float
    sampling_s: float
    ess: float
    r_hat: float
    divergent: int


def cases(scale: float) -> list[Case]:
    """Made-up ratings of every model, then the real ones that are at hand, of which those with few ratings come first."""
    made_up = [
        Case(f"made up, x{scale:g}", name, partial(pretend, name, scale), told(name) if name in RECIPES else {})
        for name in NAMES
    ]
    files = {
        "dawid_skene_anesthesia": Case(
            "anaesthetists", "classes", lambda: real("dawid_skene_anesthesia", compare=False)
        ),
        "hanna": Case(
            "HANNA complexity, people",
            "ordinal",
            lambda: real(
                "hanna",
                where={"criterion": "complexity", "evaluator_kind": "human"},
                anonymous_kinds=("human",),
                score_range=(1, 5),
            ),
        ),
        "pandalm": Case("PandaLM", "preference", lambda: real("pandalm")),
        "wmt_mqm_ted": Case(
            "MQM en-de",
            "error_scores",
            lambda: real("wmt_mqm_ted", where={"language_pair": "en-de"}, higher_is_better=False, score_range=(0, 25)),
        ),
        "frank_factuality": Case(
            "FRANK, gold, by domain",
            "binary",
            lambda: real("frank_factuality", flag_below={"human": 1.0, "*": 0.5}),
            {"gold": "human", "domain": "dataset"},
        ),
    }
    return made_up + [case for name, case in files.items() if (DATA / f"{name}.csv").exists()]


def told(name: str) -> dict[str, Any]:
    """What a fit of made-up ratings is told about them."""
    found: dict[str, Any] = getattr(import_module(f"expsim_bayes.simulate.{name}"), "TOLD", {})
    return found


def real(name: str, **settings: Any) -> Ratings:
    return read(DATA / f"{name}.csv", **settings)


def pretend(name: str, scale: float) -> Ratings:
    """Ratings by the simulator of a model, with `scale` times its number of items; scores by a scenario of the library."""
    if name not in RECIPES:
        from expsim_bayes.experiment import play
        from expsim_bayes.scenario import load

        scenario = load("support-chat-tone")
        outputs = round(scenario.outputs_per_look * scale)
        return play(scenario.model_copy(update={"outputs_per_look": outputs}), random_seed=SEED).ratings
    story = import_module(f"expsim_bayes.simulate.{name}")
    items = "n_items" if "n_items" in story.Truth.model_fields else "items"
    scaled = round(scale * story.Truth.model_fields[items].default)
    ratings: Ratings = story.ratings(story.Truth(**{items: scaled}), SEED)
    return ratings


def measure(case: Case, sampler: str, asked: argparse.Namespace) -> Measured:
    """Compile and sample."""
    from expsim_bayes.fit import unknowns

    ratings = case.ratings()
    priors = recipe(case.model).priors(**case.priors) if case.model in RECIPES else None
    job = task(case.model, ratings, priors)
    run = by_nutpie if sampler == "nutpie" else by_pymc
    trace, compile_s, sampling_s = run(job.model, job.names, asked)
    ess, r_hat = smallest(looked_at(case.model, job, trace["posterior"].to_dataset()))
    divergent = int(trace["sample_stats"]["diverging"].sum())
    return Measured(len(ratings.table), unknowns(job.model), compile_s, sampling_s, ess, r_hat, divergent)


def by_nutpie(model: pm.Model, names: list[str] | None, asked: argparse.Namespace) -> tuple[xr.DataTree, float, float]:
    """Draws, seconds to compile and seconds to sample."""
    import nutpie

    start = time.perf_counter()
    compiled = nutpie.compile_pymc_model(model, var_names=names)
    compiled_at = time.perf_counter()
    trace = nutpie.sample(
        compiled, draws=asked.draws, tune=asked.tune, chains=CHAINS, cores=cores(), seed=SEED,
        target_accept=asked.target_accept, progress_bar=False, save_warmup=False,
    )  # fmt: skip
    return trace, compiled_at - start, time.perf_counter() - compiled_at


def by_pymc(model: pm.Model, names: list[str] | None, asked: argparse.Namespace) -> tuple[xr.DataTree, float, float]:
    """The same by PyMC's own sampler."""
    import pymc as pm

    first: list[float] = []

    def note(**_: Any) -> None:
        if not first:
            first.append(time.perf_counter())

    start = time.perf_counter()
    with model:
        trace = pm.sample(
            draws=asked.draws, tune=asked.tune, chains=CHAINS, cores=cores(), random_seed=SEED, nuts_sampler="pymc",
            target_accept=asked.target_accept, var_names=names, callback=note, quiet=True, compute_convergence_checks=False,
        )  # fmt: skip
    return trace, first[0] - start, time.perf_counter() - first[0]


def cores() -> int:
    return min(os.cpu_count() or 1, CHAINS)


def looked_at(name: str, job: Task, draws: xr.Dataset) -> xr.Dataset:
    """What the gate looks at, from the draws of a sampler."""
    from expsim_bayes.diagnostics import reported

    if name in RECIPES:
        posterior = draws.drop_vars([nested for nested in recipe(name).nested if nested in draws])
    else:
        posterior = job.groups(draws, np.random.SeedSequence(SEED))["posterior"]
    return posterior[list(reported(posterior))]


def smallest(draws: xr.Dataset) -> tuple[float, float]:
    """Smallest bulk ESS and worst R-hat of the entries that vary."""
    import arviz as az

    columns = [
        values
        for name in draws
        for values in np.moveaxis(draws[name].transpose("chain", "draw", ...).to_numpy().reshape(CHAINS, len(draws.draw), -1), 2, 0)
        if np.isfinite(values).all() and np.ptp(values) > 1e-10 * np.abs(values).max()
    ]  # fmt: skip
    return min(float(az.ess(x, method="bulk")) for x in columns), max(float(az.rhat(x)) for x in columns)


def alone(case: Case, sampler: str, asked: argparse.Namespace) -> Measured | str:
    """The measurement from a process of its own, or why there is none."""
    settings = ["--draws", asked.draws, "--tune", asked.tune, "--scale", asked.scale]
    settings += ["--target-accept", asked.target_accept, "--one", case.name, case.model, sampler]
    environment = dict(os.environ) if asked.warm else {**os.environ, "PYTENSOR_FLAGS": "numba__cache=False"}
    process = subprocess.Popen(
        [sys.executable, __file__, *map(str, settings)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True,
    )  # fmt: skip
    try:
        told, failure = process.communicate(timeout=asked.limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f"not finished in {asked.limit:,.0f} s"
    if process.returncode:
        return (failure.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
    return Measured(*json.loads(told.splitlines()[-1]))


def row(case: Case, sampler: str, found: Measured | str) -> str:
    """A line of the table."""
    if isinstance(found, str):
        return f"| {case.name} | {case.model} | | | {sampler} | {found.replace('|', '/')} | | | | | |\n"
    return (
        f"| {case.name} | {case.model} | {found.rows:,} | {found.unknowns:,} | {sampler} | {found.compile_s:.1f} | "
        f"{found.sampling_s:.1f} | {found.ess:,.0f} | {found.ess / found.sampling_s:,.1f} | {found.r_hat:.3f} | {found.divergent} |\n"
    )


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--models", default=",".join(NAMES), help="names with commas; all unless told")
    parser.add_argument("--samplers", default=",".join(SAMPLERS), help="nutpie, pymc or both with a comma")
    parser.add_argument("--ratings", choices=("both", "made-up", "real"), default="both", help="which ratings")
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--tune", type=int, default=1_000)
    parser.add_argument("--target-accept", type=float, default=0.95)
    parser.add_argument("--scale", type=float, default=5.0, help="times the items of a simulator's default")
    parser.add_argument("--warm", action="store_true", help="take from earlier runs what they have compiled")
    parser.add_argument("--limit", type=float, default=3_600.0, help="seconds after which a measurement is given up")
    parser.add_argument("--out", type=Path, help="write the table into this Markdown file, too")
    parser.add_argument("--one", nargs=3, metavar=("RATINGS", "MODEL", "SAMPLER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    for given, known in ((asked.models, NAMES), (asked.samplers, SAMPLERS)):
        if strange := sorted(set(given.split(",")) - set(known)):
            parser.error(f"{', '.join(strange)}: choose among {', '.join(known)}")
    return asked


def main() -> None:
    """Print the table, a row as soon as it is measured."""
    asked = options()
    every = cases(asked.scale)
    if asked.one:
        case = next(case for case in every if [case.name, case.model] == asked.one[:2])
        print(json.dumps(measure(case, asked.one[2], asked)))
        return
    versions = [f"{name} {version(name)}" for name in ("pymc", "pytensor", "nutpie", "numpy")]
    page = HEAD.format(
        versions=", ".join([f"Python {platform.python_version()}", *versions]),
        cores=cores(), chains=CHAINS, draws=f"{asked.draws:,}", tune=f"{asked.tune:,}", accept=asked.target_accept,
        start=" (with what earlier runs have compiled)" if asked.warm else " (from nothing)",
    )  # fmt: skip
    print(page, end="", flush=True)
    foot = FOOT.format(arguments=" ".join(["", *sys.argv[1:]]))
    kinds = {"both": (True, False), "made-up": (True,), "real": (False,)}[asked.ratings]
    for case in every:
        if case.model not in asked.models.split(",") or case.name.startswith("made up") not in kinds:
            continue
        for sampler in asked.samplers.split(","):
            line = row(case, sampler, alone(case, sampler, asked))
            print(line, end="", flush=True)
            page += line
            if asked.out:
                asked.out.parent.mkdir(parents=True, exist_ok=True)
                asked.out.write_text(page + foot, encoding="utf-8")
    print(foot, end="")


if __name__ == "__main__":
    main()
