"""The looks of a running experiment as interactive charts, with the words that tell the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.amounts import count, dollars, level, listed, percent, quantity
from expsim_bayes.apps.look_pictures import from_zero, with_threshold
from expsim_bayes.apps.marks import PLAIN, Axis, Line, Picture, dressed, line_chart
from expsim_bayes.plots.labels import distinct
from expsim_bayes.plots.theme import LIGHT, Theme
from expsim_bayes.recommend.experiment import best_threshold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from expsim_bayes.live import Opened

QUALITY, BEST, SPENT = "Quality", "Chance of being best", "Dollars"
"""What may be drawn."""


def over_looks(here: Opened, what: str, *, theme: Theme = LIGHT) -> Picture:
    """The looks of an experiment as lines: chance of being best, quality with its interval, or dollars."""
    last = here.looks[-1]
    far = float(max(here.scenario.looks, last.look, 2))
    across = Axis("look", "d", domain=(1.0, far))
    if what == SPENT:
        at = np.array([float(look.look) for look in here.looks])
        usd = np.array([look.usd for look in here.looks])
        told = f"{dollars(float(usd[-1]))} after {_looks(last.look)}."
        lines = [Line("spent", at, usd)]
        axis = Axis("dollars so far", "$,.2f", dollars=True, domain=from_zero(usd))
        chart = line_chart(lines, across, axis, theme=theme)
        return Picture(dressed(chart, theme), told)
    lines = list(_lines(here, what))
    unit = "per cent" if last.unit == "share" else last.unit
    axis = (
        Axis("chance of being the best", ".0%", domain=(0.0, 1.0))
        if what == BEST
        else Axis(f"quality in {unit} ({level(last.ci_prob)} interval)", PLAIN)
    )
    chart = line_chart(lines, across, axis, theme=theme)
    asked = best_threshold(here.scenario, here.settings.strategy)
    if what == BEST and lines and asked is not None:
        reached = max(float(line.y[-1]) for line in lines)
        chart = with_threshold(chart, asked, reached, far=far, theme=theme)
    return Picture(dressed(chart, theme), _said(here, what))


def _lines(here: Opened, what: str) -> Iterator[Line]:
    control = here.settings.control or here.scenario.control
    labels = dict(zip(here.variants, distinct(here.variants), strict=True))
    others = [name for name in here.variants if name != control]
    for name in here.variants:
        rows = [(float(look.look), v) for look in here.looks if (v := look.of(name)) is not None]
        if not rows:
            continue
        at = np.array([look for look, _ in rows])
        place = -1 if name == control else others.index(name)
        if what == BEST:
            yield Line(labels[name], at, np.array([v.prob_best for _, v in rows]), place=place)
            continue
        times = 100.0 if here.looks[-1].unit == "share" else 1.0
        mean, low, high = (times * np.array([getattr(v, part) for _, v in rows]) for part in ("mean", "low", "high"))
        yield Line(labels[name], at, mean, low, high, place)


def _said(here: Opened, what: str) -> str:
    """The last look in words."""
    last = next((look for look in reversed(here.looks) if look.variants), here.looks[-1])
    labels = dict(zip(here.variants, distinct(here.variants), strict=True))
    rows = sorted(last.variants, key=lambda v: -v.prob_best)
    told = [
        f"{labels[v.name]} {percent(v.prob_best)}"
        if what == BEST
        else f"{labels[v.name]} {quantity(v.mean, last.unit)} ({quantity(v.low, last.unit)} to {quantity(v.high, last.unit)})"
        for v in rows
    ]
    return f"{what} after {_looks(last.look)}: {listed(told)}."


def drawable(here: Opened) -> bool:
    """Whether any look has a posterior that may be shown."""
    return any(look.variants for look in here.looks)


def _looks(number: int) -> str:
    return f"{count(number)} look{'s' if number > 1 else ''}"
