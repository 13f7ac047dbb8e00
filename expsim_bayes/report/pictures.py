"""The pictures that facts alone can draw, in any colours: quality of the variants, and how they differ from the baseline."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes import amounts, plots
from expsim_bayes.wording import what_quality_is

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from expsim_bayes.facts import Facts, Interval
    from expsim_bayes.plots.theme import Theme
    from expsim_bayes.report.document import Redrawn

WIDE, NARROW = 7.0, 4.4
"""Inches across of a picture for a page, and of one for a phone."""
FEW = 6
"""Variants on the picture of a single page."""


class Told(NamedTuple):
    """What a picture shows, and what is to be seen on it."""

    caption: str
    """What it shows."""
    finding: str
    """What is to be seen."""


def evidence(facts: Facts) -> Redrawn:
    """The one picture that shows the evidence; none where nothing may be shown."""
    if facts.decision.name == "refuse" or not facts.variants:
        return ""
    return "differences" if any(v.effect is not None for v in facts.variants) else "qualities"


def told(which: Redrawn, facts: Facts) -> Told:
    """The words that belong to a picture."""
    return _told_differences(facts) if which == "differences" else _told_qualities(facts)


def drawn(which: Redrawn, facts: Facts, *, theme: Theme = plots.LIGHT, narrow: bool = False) -> Drawing:
    """A picture of facts.

    Parameters
    ----------
    which : {"differences", "qualities"}
        Which one.
    facts : Facts
        What may be shown.
    theme : Theme
        Colours.
    narrow : bool
        For the width of a phone.
    """
    return (_differences if which == "differences" else _qualities)(facts, theme, NARROW if narrow else WIDE)


def fewer(facts: Facts, most: int = FEW) -> Facts:
    """The same facts with only the variants for which a small picture has room: the best, and the baseline."""
    sign = -1.0 if facts.higher_is_better else 1.0
    ranked = sorted((v for v in facts.variants if v.effect is not None), key=lambda v: sign * v.quality.mean)
    kept = {v.name for v in ranked[:most]} | {facts.baseline}
    if facts.decision.variant:
        kept.add(facts.decision.variant)
    return replace(facts, variants=tuple(v for v in facts.variants if v.name in kept or len(ranked) <= most))


def columns(values: list[Interval], unit: str = "points") -> tuple[list[float], list[float], list[float]]:
    """Means and ends of intervals, as they are drawn."""
    scale = times(unit)
    return [scale * v.mean for v in values], [scale * v.low for v in values], [scale * v.high for v in values]


def times(unit: str) -> float:
    """What numbers are multiplied by to be drawn: shares in per cent."""
    return 100.0 if unit == "share" else 1.0


def gaps(unit: str) -> str:
    """Unit of differences beside an axis."""
    return "percentage points" if unit == "share" else amounts.UNITS[unit].axis


def _qualities(facts: Facts, theme: Theme, width: float) -> Drawing:
    names = [v.name for v in facts.variants]
    plain = {p.name: p.mean for p in facts.fit.plain_means} if facts.fit else {}
    fig, ax = plots.figure(width, plots.rows_height(len(names)), theme=theme)
    plots.qualities(
        names,
        *columns([v.quality for v in facts.variants], facts.unit),
        ax,
        unit=amounts.UNITS[facts.unit].axis,
        what=what_quality_is(facts),
        control=facts.control,
        plain=[times(facts.unit) * plain[name] for name in names] if plain else None,
        higher_is_better=facts.higher_is_better,
        ci_prob=facts.ci_prob,
        theme=theme,
    )
    return fig


def _told_qualities(facts: Facts) -> Told:
    beside = ", beside the plain means (hollow)" if facts.fit is not None and facts.fit.plain_means else ""
    leader = facts.variant(facts.leader)
    return Told(
        f"Quality of the variants with {amounts.level(facts.ci_prob)} intervals{beside}.",
        f"{leader.name} leads with {amounts.quantity(leader.quality.mean, facts.unit)}.",
    )


def _differences(facts: Facts, theme: Theme, width: float) -> Drawing:
    compared = [(v.name, v.effect) for v in facts.variants if v.effect is not None]
    fig, ax = plots.figure(width, plots.rows_height(len(compared)), theme=theme)
    plots.differences(
        [name for name, _ in compared],
        *columns([effect for _, effect in compared], facts.unit),
        ax,
        unit=gaps(facts.unit),
        baseline=facts.baseline,
        min_effect=times(facts.unit) * facts.min_effect,
        higher_is_better=facts.higher_is_better,
        ci_prob=facts.ci_prob,
        theme=theme,
    )
    return fig


def _told_differences(facts: Facts) -> Told:
    effects = [v.effect for v in facts.variants if v.effect is not None]
    clear = [effect for effect in effects if effect.low > 0 or effect.high < 0]
    alone = next(v.name for v in facts.variants if v.effect is not None) if len(effects) == 1 else ""
    severe = "how easy an item is" if facts.unit == "share" else "the severity of the raters"
    shared = severe if facts.evaluators else "how long their items are"
    return Told(
        f"Difference of {alone or 'each variant'} to {facts.baseline}: what {'both' if alone else 'all'} share, such as {shared}, is gone "
        "from it.",
        f"Its interval {'leaves out' if clear else 'holds'} zero."
        if alone
        else f"The interval of {len(clear)} of {len(effects)} leaves out zero.",
    )
