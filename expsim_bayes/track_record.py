"""How often following the rules of a scenario ends right, a row a scenario, as a page or as CSV.

The scenario's own strategy is run many times by everybody who rates in it; what counts as right stands in `operating_characteristics`.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.amounts import dollars, duration
from expsim_bayes.experiment import run
from expsim_bayes.operating_characteristics import Characteristics, Estimate, characteristics, false_launch_rate
from expsim_bayes.scenario import STRATEGY_TITLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from expsim_bayes.scenario import Scenario

HEAD = """# The scenario library

Each scenario run {replications:,} times by the strategy that it recommends, to a decision or to the end of its looks or budget, with judges
and people together (seed {seed}). *Ends right*: a variant is launched that is better than the control and within the smallest difference
that matters of the best that the limits allow, or none where none beats the control by that much; whoever is still undecided at the end
is not right. *False launches*: how often the same rules launch something when every variant is as good as the control. Errors are
Monte-Carlo standard errors; dollars and days are medians.

| scenario | what it teaches | right answer | run as | runs | ends right | false launches | dollars | days |
|---|---|---|---|---:|---:|---:|---:|---:|"""
FOOT = """
Write this page anew with `expsim scenario table --replications {replications} --seed {seed} --out docs/scenarios.md`."""


class Row(NamedTuple):
    """What a scenario says, and what following it achieves."""

    name: str
    """The scenario."""
    teaches: str
    """What one learns from it."""
    right_answer: str
    """What a perfect experiment would decide."""
    achieved: Characteristics
    """Of the strategy that it recommends."""
    false_launch: Estimate
    """How often that launches something when all variants are equal."""
    usd: float
    """Median dollars."""
    days: float
    """Median days."""


def row(
    scenario: Scenario,
    *,
    random_seed: int = 0,
    replications: int = 1_000,
    progress: Callable[[int], None] | None = None,
) -> Row:
    """What following a scenario achieves.

    Parameters
    ----------
    scenario : Scenario
        The experiment; run by its default strategy.
    random_seed : int
        Seed of the experiments; those with equal variants have the one after it.
    replications : int
        Experiments of each of the two kinds.
    progress : callable, optional
        Called with the number of experiments done so far, of twice as many.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> found = row(load("summarization-prompts"), replications=100, random_seed=1)
    >>> found.name, found.achieved.right.value > 0.9, found.usd < 400
    ('summarization-prompts', True, True)
    """
    result = run(scenario, random_seed=random_seed, replications=replications, history=False, progress=progress)
    equal = false_launch_rate(
        scenario,
        random_seed=random_seed + 1,
        replications=replications,
        progress=None if progress is None else lambda done: progress(replications + done),
    )
    usd = result["usd_rating"].sum("evaluator") + result["usd_generation"].sum("variant")
    return Row(
        name=scenario.name,
        teaches=scenario.teaches,
        right_answer=scenario.right_answer,
        achieved=characteristics(result, scenario),
        false_launch=equal,
        usd=float(np.median(usd.values)),
        days=float(np.median(result["days"].values)),
    )


def share(estimate: Estimate) -> str:
    """A share in per cent with its error.

    Examples
    --------
    >>> share(Estimate(0.953, 0.0067))
    '95.3 % ± 0.7'
    """
    return f"{100 * estimate.value:.1f} % ± {100 * estimate.mcse:.1f}"


def as_markdown(rows: Sequence[Row], *, random_seed: int, replications: int) -> str:
    """The rows as a page."""
    head = HEAD.format(replications=replications, seed=random_seed)
    return "\n".join([head, *(_line(r) for r in rows), FOOT.format(replications=replications, seed=random_seed)]) + "\n"


def _line(told: Row) -> str:
    cells = (
        told.name,
        told.teaches,
        told.right_answer,
        STRATEGY_TITLES[told.achieved.strategy],
        f"{told.achieved.replications:,}",
        share(told.achieved.right),
        share(told.false_launch),
        dollars(told.usd),
        duration(told.days),
    )
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def as_csv(rows: Sequence[Row]) -> str:
    """The rows as CSV, shares as numbers from 0 to 1.

    Examples
    --------
    >>> as_csv([]).split(",")[:3]
    ['scenario', 'teaches', 'right_answer']
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    measured = ("right", "wrong", "undecided", "false_launch_if_equal")
    lines.writerow(
        [
            *("scenario", "teaches", "right_answer", "strategy", "replications"),
            *(name for share in measured for name in (share, f"{share}_mcse")),
            *("median_usd", "median_days"),
        ]
    )
    for r in rows:
        a = r.achieved
        shares = [part for found in (a.right, a.wrong_stop, a.undecided, r.false_launch) for part in found]
        lines.writerow([r.name, r.teaches, r.right_answer, a.strategy, a.replications, *shares, r.usd, r.days])
    return text.getvalue()
