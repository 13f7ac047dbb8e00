"""What a fit tells beside quality: what raters catch and miss, whom they follow, how long the longest calls take.

A line of `MEASURES` says how one variable of a model is shown; a model may have any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.facts import Measure
from expsim_bayes.ratings import untold

if TYPE_CHECKING:
    from expsim_bayes.recommend.reading import Reading


class Shown(NamedTuple):
    """How a variable is shown."""

    title: str
    """What it is, in a few words; `{one}` and `{zero}` are what verdicts of 1 and 0 call an output."""
    unit: str
    """One of `amounts.UNITS`, "" for a bare number, "change" for a difference of shares, "quality" for the unit of quality."""


MEASURES = {
    "prob_at_least": Shown("share of outputs at or above a score", "share"),
    "prob_first": Shown("chance of being put first among all", "share"),
    "prevalence": Shown("how common each class is", "share"),
    "sensitivity": Shown("share of {one} outputs that each calls {one} (sensitivity)", "share"),
    "specificity": Shown("share of {zero} outputs that each calls {zero} (specificity)", "share"),
    "rater_sensitivity": Shown("share of {one} outputs that each person calls {one} (sensitivity)", "share"),
    "rater_specificity": Shown("share of {zero} outputs that each person calls {zero} (specificity)", "share"),
    "confusion": Shown("what is said of each class", "share"),
    "reliability": Shown("how strongly a rater follows what the reference sees (1: as the reference)", ""),
    "left_bias": Shown("favour for the left one of two that are equally good", "change"),
    "tie": Shown("share of ties between two that are equally good", "share"),
    "mean": Shown("mean of a call", "quality"),
    "p50": Shown("half of the calls stay below", "quality"),
    "p95": Shown("95 of 100 calls stay below", "quality"),
    "prob_no_error": Shown("share of outputs without an error", "share"),
    "mean_size": Shown("mean score of an output with an error", "points"),
}
"""Variables that are shown beside quality, in this order."""
MOST_ROWS = 400
"""Rows of one measure that facts hold."""


def measures(read: Reading) -> tuple[Measure, ...]:
    """What the model tells beside quality."""
    found = []
    for name, shown in MEASURES.items():
        if not read.has(name):
            continue
        rows = tuple((_label(name, labels, read), value) for labels, value in read.entries(name))
        if rows:
            one, zero = ("passing", "failing") if read.higher_is_better else ("failing", "passing")
            title = shown.title.format(one=one, zero=zero)
            found.append(Measure(title, read.unit if shown.unit == "quality" else shown.unit, rows[:MOST_ROWS]))
    return tuple(found)


def nobody(read: Reading) -> bool:
    """Whether raters are not told apart, so that the one in the table is no person."""
    return read.ratings.outcome == "comparison" and untold(read.who.raters)


def _label(name: str, labels: tuple[str, ...], read: Reading) -> str:
    """Of whom or what one entry is."""
    if not read.compares and labels[:1] == read.who.variants:
        labels = labels[1:]
    if nobody(read) and labels == read.who.raters:
        return "all raters"
    if name == "prob_at_least":
        variant, step = labels
        return f"{variant}, {float(step):g} or more"
    if name == "confusion" and len(labels) >= 2:
        *who, true, said = labels
        return f"{', '.join(who)}: {said} where it is {true}"
    return ", ".join(labels) or "all"
