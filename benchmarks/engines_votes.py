"""Comparisons, stars and rankings fitted twice, with a sampler and without: how far the answers are apart, and the seconds of both.

Data sets are made up by `expsim pretend`'s stories, of many sizes, or read from `../shared/data`, which is not part of the project. Prints
one table, and writes it with `--out` after every row. `--help` lists the choices.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from expsim_bayes import superiority
from expsim_bayes.diagnostics import Verdict
from expsim_bayes.fit import WITHOUT_SAMPLER, fit
from expsim_bayes.posterior.fitted import stacked
from expsim_bayes.ratings import validate
from expsim_bayes.simulate import ordinal, preference, ranking

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from expsim_bayes.ratings import Ratings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MEAN, SD, BEST = 0.1, 0.1, 0.02
"""Limits: differences of means in posterior SDs, of SDs relatively, and of the chance of being best."""
FIVE = {"variants": tuple("ABCDE"), "q": (0.0, 0.3, -0.3, 0.6, 1.5)}
TWO = {"variants": ("A", "B"), "q": (0.0, 0.4)}
DUELS: dict[str, dict[str, Any]] = {
    "as declared": {},
    "few items": {**TWO, "q": (0.0, 2.5), "items": 5, "people": 2, "judges": ()},
    "a judge alone": {"items": 100, "people": 0},
    "items differ": {**TWO, "items": 40, "people": 1, "sd_interaction": 2.0},
    "five variants": {**FIVE, "items": 30, "people": 2, "judges": ("j1", "j2")},
    "many items": {**TWO, "items": 300, "people": 2, "sd_interaction": 1.5},
    "many people": {"items": 20, "people": 25},
}
RANKINGS: dict[str, dict[str, Any]] = {
    "as declared": {},
    "three of four": {"items": 80, "people": 5, "ranked": 3},
    "people alone": {"items": 20, "people": 3, "judge": False, "share": 1.0},
    "many items": {"items": 400, "people": 8},
    "six variants": {"q": (0.0, 0.3, -0.3, 0.6, 1.5, 0.1), "shift": (0.0,) * 6, "items": 40},
}
STARS: dict[str, dict[str, Any]] = {
    "as declared": {},
    "few items": {**TWO, "items": 6, "people": 2, "judges": ()},
    "one person": {"items": 200, "people": 1, "judges": ()},
    "a judge alone": {"items": 60, "people": 0},
    "five variants": {**FIVE, "items": 30, "people": 2, "judges": ("j1", "j2")},
    "many people": {**TWO, "items": 15, "people": 20},
}
HEAD = """# Comparisons, stars and rankings with a sampler and without

Python {python}; {cores} cores, shared with other work. `engine="nuts"` ({chains} chains of {draws} draws after {tune} tuning steps) and
`engine="fast"` (as many draws). The largest difference: of the mean of a quality, or of the difference of two, in posterior SDs; of its
SD, relatively; of the probability of being best. The two *agree* where these are at most {mean:g} SD, {sd:g} % and {best:g}. *ESS*: the
smallest effective sample size of NUTS; a mean of n independent draws is itself off by 1 / sqrt(n) SD.

| ratings | rows | variants | mean, SDs | SD | P(best) | agree | NUTS says | ESS | fast says | k-hat | worth | NUTS, s | fast, s |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
"""


class Case(NamedTuple):
    """One data set."""

    name: str
    model: str
    ratings: Callable[[int], Ratings]
    """From a seed."""


def made_up(model: str, settings: dict[str, Any], seed: int) -> Ratings:
    """From the story of a model."""
    story: Any = {"preference": preference, "ordinal": ordinal, "ranking": ranking}[model]
    found: Ratings = story.ratings(story.Truth(**settings), random_seed=seed)
    return found


def pandalm(_: int, *, data: Path = DATA) -> Ratings:
    """Five systems on 170 instructions; verdicts that could not be read are missing."""
    frame = pd.read_csv(data / "pandalm.csv", dtype=str).drop(columns=["pair"])
    return validate(frame.assign(outcome=frame["outcome"].replace({"garbage": np.nan})))


def hanna(_: int, *, criterion: str, data: Path = DATA) -> Ratings:
    """Stories, one criterion, averages of judges rounded to steps."""
    frame = pd.read_csv(data / "hanna.csv")
    kept = frame[frame["criterion"] == criterion].dropna(axis="columns", how="all")
    return validate(
        kept.assign(score=kept["score"].round()), anonymous_kinds=("human",), score_range=(1, 5), valid_range=(1, 5)
    )


def cases() -> list[Case]:
    """All of them."""
    found = [Case(f"comparisons, {n}", "preference", partial(made_up, "preference", s)) for n, s in DUELS.items()]
    found += [Case(f"stars, {n}", "ordinal", partial(made_up, "ordinal", s)) for n, s in STARS.items()]
    found += [Case(f"rankings, {n}", "ranking", partial(made_up, "ranking", s)) for n, s in RANKINGS.items()]
    found.append(Case("PandaLM", "preference", pandalm))
    hanna_cases = (Case(f"HANNA {c}", "ordinal", partial(hanna, criterion=c)) for c in ("relevance", "surprise"))
    return [case for case in (*found, *hanna_cases) if case.model in WITHOUT_SAMPLER]


def apart(sampled: xr.DataTree, quick: xr.DataTree) -> tuple[float, float, float]:
    """Largest differences of means in SDs, of SDs relatively, and of the chance of being best."""
    one, other = stacked(sampled, "quality"), stacked(quick, "quality")
    left, right = np.triu_indices(one.shape[1], 1)
    pairs = [(np.hstack([values, values[:, left] - values[:, right]])) for values in (one, other)]
    sd = pairs[0].std(axis=0)
    free = sd > 1e-9
    mean = np.abs(pairs[0].mean(axis=0) - pairs[1].mean(axis=0))[free] / sd[free]
    wide = np.abs(pairs[1].std(axis=0)[free] / sd[free] - 1)
    best = [superiority.from_draws(values, control=None).prob_best for values in (one, other)]
    return float(mean.max()), float(wide.max()), float(np.abs(best[0] - best[1]).max())


def row(case: Case, seed: int, asked: argparse.Namespace) -> str:
    """A line of the table."""
    ratings, trees, seconds = case.ratings(seed), [], []
    for engine in ("nuts", "fast"):
        start = time.perf_counter()
        tree = fit(ratings, model=case.model, engine=engine, draws=asked.draws, tune=asked.tune, random_seed=seed)
        seconds.append(time.perf_counter() - start)
        trees.append(tree)
    mean, sd, best = apart(*trees)
    agree = "yes" if mean <= MEAN and sd <= SD and best <= BEST else "**no**"
    verdicts = [Verdict.from_json(str(tree.attrs["verdict"])) for tree in trees]
    k_hat = json.loads(str(trees[1].attrs["integration"]))["k_hat"]
    shape = "" if k_hat is None else f"{k_hat:.2f}"
    return (
        f"| {case.name}, {seed} | {len(ratings.table):,} | {len(ratings.variants)} | {mean:.3f} | {100 * sd:.1f} % | {best:.4f} | "
        f"{agree} | {verdicts[0].level} | {verdicts[0].worst_ess:,.0f} | {verdicts[1].level} | {shape} | {verdicts[1].worst_ess:,.0f} | "
        f"{seconds[0]:.1f} | {seconds[1]:.1f} |\n"
    )


def main() -> None:
    """Print the table, a row as soon as it is measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", action="append", metavar="RATINGS", help=", ".join(case.name for case in cases()))
    parser.add_argument("--seeds", type=int, default=1, help="data sets of each that is made up")
    parser.add_argument("--draws", type=int, default=1_500)
    parser.add_argument("--tune", type=int, default=1_000)
    parser.add_argument("--out", type=Path, help="write the table into this Markdown file, too")
    asked = parser.parse_args()
    page = HEAD.format(
        python=platform.python_version(), cores=os.cpu_count(), chains=4, draws=f"{asked.draws:,}",
        tune=f"{asked.tune:,}", mean=MEAN, sd=100 * SD, best=BEST,
    )  # fmt: skip
    print(page, end="", flush=True)
    for seed in range(1, asked.seeds + 1):
        for case in cases():
            real = not isinstance(case.ratings, partial) or case.ratings.func is not made_up
            if (asked.only and case.name not in asked.only) or (real and (seed > 1 or not DATA.exists())):
                continue
            line = row(case, seed, asked)
            print(line, end="", flush=True)
            page += line
            if asked.out:
                asked.out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
