"""One simulated experiment look after look, as interactive charts with the words that tell the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from expsim_bayes.amounts import change, dollars, duration, level, percent, quantity
from expsim_bayes.apps.marks import (
    PLAIN,
    Axis,
    Line,
    Picture,
    Spec,
    dotted,
    dressed,
    layered,
    levelled,
    line_chart,
    places,
)
from expsim_bayes.plots.labels import distinct
from expsim_bayes.plots.looks import intervals
from expsim_bayes.plots.theme import LIGHT, Theme, style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

    from expsim_bayes.apps.marks import Floats
    from expsim_bayes.facts import Facts

FEWEST = 6
"""Looks that an axis has room for, at least."""


def over_looks(
    history: xr.Dataset,
    facts: Facts,
    what: str = "prob_best",
    *,
    upto: int | None = None,
    truth: bool = False,
    asked: float | None = None,
    theme: Theme = LIGHT,
) -> Picture:
    """One experiment look after look.

    Parameters
    ----------
    history : xarray.Dataset
        From `experiment.play`, one replication.
    facts : Facts
        Of the same experiment.
    what : {"prob_best", "quality", "effect", "outputs", "usd", "days"}
        What is drawn; quality has its interval.
    upto : int, optional
        Looks that are drawn; all up to the stop unless told.
    truth : bool
        Draw the true qualities, too.
    asked : float, optional
        Probability of being the best that the rules ask for, drawn beside it.
    theme : Theme
        Colours.
    """
    one = history.isel(replication=0)
    stop = int(one["stop_look"]) if upto is None else min(upto, int(one["stop_look"]))
    shown = one.isel(look=slice(0, stop))
    looks = np.arange(1, stop + 1, dtype=float)
    names = [str(name) for name in one["variant"].values]
    labels = distinct(names)
    styles = places(names, facts.control)
    far = float(max(min(max(stop + 1, FEWEST), one.sizes["look"]), 2))
    across = Axis("look", "d", domain=(1.0, far))
    after = f"after {stop} look{'s' if stop > 1 else ''}"
    lines: list[Line] = []
    if what == "days":
        days = shown["days"].values
        lines = [Line("days", looks, days)]
        axis = Axis("days so far", PLAIN, domain=from_zero(days))
        words = f"{duration(float(days[-1]))} {after}."
    elif what == "usd":
        spent = (shown["usd_rating"].sum("evaluator") + shown["usd_generation"].sum("variant")).values
        lines = [Line("spent", looks, spent)]
        axis = Axis("dollars spent so far", "$,.2f", dollars=True, domain=from_zero(spent))
        words = f"{dollars(float(spent[-1]))} {after}."
    elif what == "outputs":
        total = shown["outputs"].sum("variant")
        share = (shown["outputs"] / total).transpose("look", "variant").values
        lines = [Line(labels[v], looks, share[:, v], place=styles[v]) for v in range(len(names))]
        axis = Axis("share of outputs so far", ".0%", domain=(0.0, 1.0))
        words = "; ".join(f"{labels[v]}: {percent(float(share[-1, v]))} of outputs" for v in range(len(names))) + "."
    elif what in ("quality", "effect"):
        lines, axis, words = _with_intervals(shown, facts, what, labels, styles)  # type: ignore[arg-type]
        words = f"{'Quality' if what == 'quality' else f'Difference to {facts.baseline}'} {after}: {words}."
        words += f" Bands are {level(facts.ci_prob)} intervals{'; the truth is dotted' if truth else ''}."
    else:
        prob = shown["prob_best"].transpose("look", "variant").values
        lines = [Line(labels[v], looks, prob[:, v], place=styles[v]) for v in range(len(names))]
        axis = Axis("probability of being the best", ".0%", domain=(0.0, 1.0))
        words = "; ".join(f"{labels[v]}: {percent(float(prob[-1, v]))}" for v in range(len(names)))
        words = f"Probability of being the best {after}: {words}."
    chart = line_chart(lines, across, axis, theme=theme)
    if what == "prob_best" and asked is not None:
        chart = with_threshold(chart, asked, float(prob[-1].max()), far=far, theme=theme)
    if what in ("quality", "effect") and truth:
        chart = layered(
            chart, *_truths(facts, what, [line.name for line in lines], dict(zip(labels, names, strict=True)), theme)
        )
    return Picture(dressed(chart, theme), words)


def _with_intervals(
    shown: xr.Dataset,
    facts: Facts,
    what: Literal["quality", "effect"],
    labels: Sequence[str],
    styles: Sequence[int],
) -> tuple[list[Line], Axis, str]:
    """Lines of qualities, or of differences to the baseline, with their intervals; their axis and words."""
    times, found = _times(facts), intervals(shown, what, ci_prob=facts.ci_prob, unit=facts.unit)
    names = [str(name) for name in shown["variant"].values]
    if len(shown["look"]) == int(shown["stop_look"]):  # of the look where it stopped more is known than moments
        for v, given in enumerate(getattr(facts.variant(name), what) for name in names):
            if given is not None:
                found[1][-1, v], found[2][-1, v] = given.low, given.high
    mean, low, high = (times * part for part in found)
    looks = np.arange(1, mean.shape[0] + 1, dtype=float)
    kept = [v for v, name in enumerate(names) if what == "quality" or name != facts.baseline]
    lines = [Line(labels[v], looks, mean[:, v], low[:, v], high[:, v], styles[v]) for v in kept]
    unit = facts.unit if facts.unit != "share" else "per cent" if what == "quality" else "percentage points"
    title = "quality" if what == "quality" else f"difference to {facts.baseline}"
    say = quantity if what == "quality" else change
    last = {v: [say(float(part[-1, v]), facts.unit) for part in found] for v in kept}
    words = "; ".join(
        f"{labels[v]} {y}" + ("" if left == right else f" ({left} to {right})") for v, (y, left, right) in last.items()
    )
    return lines, Axis(f"{title}, {unit}", PLAIN), words


def with_threshold(chart: Spec, asked: float, reached: float, *, far: float, theme: Theme) -> Spec:
    """A chart of chances with what the rule asks for; where that is reached a name stands above the line, and the words below it."""
    words = f"the rule asks for {percent(asked)}"
    return levelled(chart, asked, words, x=far, theme=theme, below=reached >= asked)


def from_zero(rising: Floats) -> tuple[float, float]:
    """Ends of an axis of what adds up."""
    return 0.0, 1.05 * float(rising[-1]) or 1.0


def _times(facts: Facts) -> float:
    """What quality is multiplied by before it is drawn."""
    return 100.0 if facts.unit == "share" else 1.0


def _truths(facts: Facts, what: str, shown: Sequence[str], names: Mapping[str, str], theme: Theme) -> list[Spec]:
    """True values as dotted lines in the colours of their variants."""
    styles = dict(zip(names.values(), places(list(names.values()), facts.control), strict=True))
    base = facts.variant(facts.baseline).true_quality if what == "effect" else 0.0
    found = []
    for label in shown:
        true = facts.variant(names[label]).true_quality
        if true is None or base is None:
            continue
        look = style(styles[names[label]], theme)
        found.append(dotted(_times(facts) * (true - base), look.colour))
    return found
