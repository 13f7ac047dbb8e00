"""Real ratings fitted twice, with a sampler and without: how far the answers are apart, and the seconds of both.

The checks `scores-engines` and `preference-engines` ask the same of ratings that are made up from the models themselves.
These are read from `../shared/data`, which is not part of the project, and often are not as a model has them: stars, counts of errors and
shares are fitted as scores. Both engines must agree all the same, for they are given the same story. Prints one table, and writes it with
`--out` after every row. `--help` lists the choices.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from expsim_bayes.check.agreement import ERRORS, MEAN_LIMIT, PROB_LIMIT, SD_LIMIT, agree
from expsim_bayes.check.engines import Apart, between
from expsim_bayes.diagnostics import Verdict
from expsim_bayes.fit import fit
from expsim_bayes.models.binary import Priors as Verdicts
from expsim_bayes.ratings import validate

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from expsim_bayes.fit import Engine
    from expsim_bayes.frozen import Frozen
    from expsim_bayes.ratings import Ratings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CRITERIA = ("relevance", "coherence", "empathy", "surprise", "engagement", "complexity")
PAIRS, DOMAINS = ("en-de", "zh-en"), ("cnndm", "bbc")
METRICS = ("dae", "feqa", "qags", "bertscore_p_article")
"""Automatic judges of FRANK whose scores are continuous; those of FactCC are 0 or 1 but for a few."""
CHAINS, SEED = 4, 1
HEAD = """# Real ratings with a sampler and without

{versions}; {cores} cores, shared with other work. A model by `engine="nuts"` ({chains} chains of {draws} draws after {tune}
tuning steps) and by `engine="fast"` (as many draws, independent). What is shown is the largest difference: of the mean of a quality, or of
the difference of two, in posterior SDs; of its SD, relatively; of the probability of being best. The two *agree* where these are at most
{mean:g} SD, {sd:g} % and {prob:g}, the last beyond {errors:g} Monte-Carlo errors. *Others*: the largest difference of a mean of anything
else, such as a severity or a component, in SDs, and which it is. *ESS*: the smallest effective sample size of NUTS; the mean of n
independent draws is itself off by 1 / sqrt(n) SD, or 0.05 with 400. *k-hat* is of the weighted points:
above 0.7 the fast fit prints a caution. Seconds are of the whole fit, with compiling and predictions.

| {columns} |
|---|{rules}|
"""
COLUMNS = (
    "ratings", "model", "rows", "variants", "mean, SDs", "SD", "P(best)", "agree", "others, SDs", "NUTS says", "ESS", "fast says", "k-hat",
    "NUTS, s", "fast, s",
)  # fmt: skip
FOOT = "\nReproduce with `.venv/bin/python benchmarks/engines_real.py{arguments}`.\n"


class Case(NamedTuple):
    """One data set."""

    name: str
    """What it is called in the table, and by `--only`."""
    file: str
    """Where it is."""
    ratings: Callable[[Path], Ratings]
    """From the folder of the data."""
    model: str = "continuous"
    """That is fitted."""
    priors: Frozen | None = None
    """Of that model; its own unless told."""


def cases() -> list[Case]:
    """All of them: one fit each."""
    hanna = [
        Case(f"HANNA {c}{words}", "hanna.csv", partial(stories, criterion=c, people=people))
        for words, people in (("", True), (", machines", False))
        for c in CRITERIA
    ]
    mqm = [Case(f"MQM {pair}", "wmt_mqm_ted.csv", partial(translations, pair=pair)) for pair in PAIRS]
    frank = [Case(f"FRANK {d}", "frank_factuality.csv", partial(summaries, domain=d)) for d in DOMAINS]
    flagged = [
        Case(f"FRANK {d}, flagged", "frank_factuality.csv", partial(flags, domain=d), "binary", Verdicts(gold="human"))
        for d in DOMAINS
    ]
    return hanna + mqm + frank + [Case("PandaLM", "pandalm.csv", comparisons, "preference"), *flagged]


def stories(folder: Path, *, criterion: str, people: bool) -> Ratings:
    """HANNA, one criterion: three people a story whose names are slots, and five judges whose values below 1 hold failed replies.

    Without the stories of people, which are the best for certain, it is open which system is the best.
    """
    frame = pd.read_csv(folder / "hanna.csv")
    kept = (frame["criterion"] == criterion) & (people | (frame["variant"] != "Human"))
    return checked(frame[kept], anonymous_kinds=("human",), score_range=(1, 5), valid_range=(1, 5))


def translations(folder: Path, *, pair: str) -> Ratings:
    """Expert error scores of one language pair; raters of the two pairs share names and are others."""
    frame = pd.read_csv(folder / "wmt_mqm_ted.csv")
    return checked(frame[frame["language_pair"] == pair], higher_is_better=False, score_range=(0, 25))


def summaries(folder: Path, *, domain: str) -> Ratings:
    """FRANK, one domain, for they share no system: the people's mean of each summary, and the metrics that are continuous."""
    frame = pd.read_csv(folder / "frank_factuality.csv")
    kept = (frame["evaluator_kind"] == "human") | frame["rater"].isin(METRICS)
    return checked(frame[(frame["dataset"] == domain) & kept], anonymous_kinds=("human",), score_range=(0, 1))


def flags(folder: Path, *, domain: str) -> Ratings:
    """FRANK, one domain, as verdicts: an error is what people, who are gold, see in any sentence, and a judge below one half."""
    frame = pd.read_csv(folder / "frank_factuality.csv")
    frame = frame[frame["dataset"] == domain]
    below = frame["score"] < np.where(frame["evaluator_kind"] == "human", 1.0, 0.5)
    score = below.astype(float).where(frame["score"].notna())
    return checked(frame.assign(score=score), anonymous_kinds=("human",), score_range=(0, 1), higher_is_better=False)


def comparisons(folder: Path) -> Ratings:
    """PandaLM: five systems on 170 instructions; verdicts that could not be read are missing."""
    frame = pd.read_csv(folder / "pandalm.csv", dtype=str).drop(columns=["pair"])
    return checked(frame.assign(outcome=frame["outcome"].replace({"garbage": np.nan})))


def checked(frame: pd.DataFrame, **settings: Any) -> Ratings:
    """Ratings of some rows of a file."""
    return validate(frame.dropna(axis="columns", how="all"), **settings)


def timed(ratings: Ratings, case: Case, engine: Engine, asked: argparse.Namespace) -> tuple[xr.DataTree, float]:
    """One fit, and its seconds."""
    start = time.perf_counter()
    tree = fit(
        ratings, model=case.model, engine=engine, priors=case.priors, draws=asked.draws, tune=asked.tune, chains=CHAINS,
        random_seed=SEED,
    )  # fmt: skip
    return tree, time.perf_counter() - start


def row(case: Case, asked: argparse.Namespace) -> str:
    """A line of the table."""
    ratings = case.ratings(asked.data)
    quick, quick_s = timed(ratings, case, "fast", asked)
    sampled, sampled_s = timed(ratings, case, "nuts", asked)
    found = between(case.name, len(ratings.table), sampled, quick)
    verdicts = [Verdict.from_json(str(tree.attrs["verdict"])) for tree in (sampled, quick)]
    return line(found, case.model, len(ratings.variants), verdicts[0].worst_ess, (sampled_s, quick_s))


def line(found: Apart, model: str, variants: int, ess: float, seconds: tuple[float, float]) -> str:
    """The same from what was measured."""
    sampled, quick = found.verdicts.split(", ")
    return (
        f"| {found.design} | {model} | {found.ratings:,} | {variants} | {found.mean_apart:.3f} | {100 * found.sd_apart:.1f} % | "
        f"{found.prob_best_apart:.4f} | {'yes' if agree(found) else '**no**'} | {found.others_apart:.3f} ({found.where}) | {sampled} | "
        f"{ess:,.0f} | {quick} | {found.k_hat:.2f} | {seconds[0]:.1f} | {seconds[1]:.1f} |\n"
    )


def options() -> argparse.Namespace:
    """What was asked for."""
    names = [case.name for case in cases()]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", action="append", choices=names, metavar="RATINGS", help=f"one of {', '.join(names)}")
    parser.add_argument("--draws", type=int, default=2_000)
    parser.add_argument("--tune", type=int, default=1_500)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data; ../shared/data unless told")
    parser.add_argument("--out", type=Path, help="write the table into this Markdown file, too")
    return parser.parse_args()


def main() -> None:
    """Print the table, a row as soon as it is measured."""
    asked = options()
    versions = [f"{name} {version(name)}" for name in ("pymc", "pytensor", "nutpie", "numpy")]
    page = HEAD.format(
        versions=", ".join([f"Python {platform.python_version()}", *versions]), cores=os.cpu_count(), chains=CHAINS,
        draws=f"{asked.draws:,}", tune=f"{asked.tune:,}", mean=MEAN_LIMIT, sd=100 * SD_LIMIT, prob=PROB_LIMIT, errors=ERRORS,
        columns=" | ".join(COLUMNS), rules="|".join("---:" for _ in COLUMNS[1:]),
    )  # fmt: skip
    print(page, end="", flush=True)
    told = [f" --draws {asked.draws} --tune {asked.tune}", *(f' --only "{name}"' for name in asked.only or ())]
    foot = FOOT.format(arguments="".join(told))
    for case in cases():
        if asked.only and case.name not in asked.only:
            continue
        if not (asked.data / case.file).exists():
            print(f"{case.name} is left out: {asked.data / case.file} does not exist", file=sys.stderr)
            continue
        measured = row(case, asked)
        print(measured, end="", flush=True)
        page += measured
        if asked.out:
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            asked.out.write_text(page + foot, encoding="utf-8")
    print(foot, end="")


if __name__ == "__main__":
    main()
