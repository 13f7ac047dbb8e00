"""What a fit says, as interactive charts with their words: qualities, severities, tastes, use of the scale.

Every row is told by its name, its place and its numbers in the tooltip, so that colour is never the only cue.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

import altair as alt
import pandas as pd

from expsim_bayes import amounts
from expsim_bayes.amounts import change, count, level, quantity
from expsim_bayes.apps.marks import Picture, dressed
from expsim_bayes.plots.labels import distinct
from expsim_bayes.plots.theme import LIGHT, Theme, style
from expsim_bayes.wording import what_quality_is

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.facts import Facts, Interval

ROW = 26
"""Pixels of a row."""
LABEL = 200
"""Pixels that a name may take beside an axis."""
LINE = 48
"""Letters of a line beside an axis, as a phone has room for them."""
FEW_JUDGES = 3
"""Judges whose names stand level above a map."""
MOST_ROWS = 40
"""Rows that one chart shows: the ends of a longer list."""


class Row(NamedTuple):
    """One thing with its interval."""

    name: str
    value: Interval
    hollow: float | None = None
    """What to show beside it, such as a plain mean."""
    place: int = 0
    """Which style it has; -1 is that of the control."""
    group: str = ""


def intervals(
    rows: Sequence[Row], title: str, *, theme: Theme = LIGHT, mark: float | None = None, digits: str = ".3~g"
) -> Any:
    """A dot and an interval a row, in the order given; `mark` is a value that counts, such as 0."""
    shown, lines = _ends(list(rows)), textwrap.wrap(title, LINE)
    labels = distinct([row.name for row in shown], 40)
    frame = pd.DataFrame(
        [
            {
                "name": label,
                "whole": row.name[:200],
                "mean": row.value.mean,
                "low": row.value.low,
                "high": row.value.high,
                "hollow": row.hollow,
                "style": row.place,
                "of": row.group,
            }
            for label, row in zip(labels, shown, strict=True)
        ]
    )
    places = sorted({row.place for row in shown})
    looks = [style(place, theme) for place in places]
    colour = alt.Color("style:O", scale=alt.Scale(domain=places, range=[look.colour for look in looks]), legend=None)
    y = alt.Y(
        "name:N", sort=labels, title=None, axis=alt.Axis(labelLimit=LABEL, labelPadding=6, ticks=False, domain=False)
    )
    x = alt.X("mean:Q", title=lines, scale=alt.Scale(zero=False, nice=True, padding=12), axis=alt.Axis(tickCount=6))
    tips = [
        alt.Tooltip("whole:N", title=" "),
        *([alt.Tooltip("of:N", title="of")] if any(row.group for row in shown) else []),
        alt.Tooltip("mean:Q", title="mean", format=digits),
        alt.Tooltip("low:Q", title="from", format=digits),
        alt.Tooltip("high:Q", title="to", format=digits),
        *(
            [alt.Tooltip("hollow:Q", title="plain mean", format=digits)]
            if any(row.hollow is not None for row in shown)
            else []
        ),
    ]
    base = alt.Chart(frame)
    layers = [
        base.mark_rule(strokeWidth=3, opacity=0.5).encode(y=y, x=alt.X("low:Q", title=lines), x2="high:Q", color=colour)
    ]
    if any(row.hollow is not None for row in shown):
        layers.append(
            base.mark_point(shape="diamond", size=70, filled=False, strokeWidth=1.5, color=theme.muted).encode(
                y=y, x="hollow:Q"
            )
        )
    layers.append(base.mark_point(filled=True, size=80, opacity=1).encode(y=y, x=x, color=colour, tooltip=tips))
    if mark is not None:
        line = alt.Chart(pd.DataFrame({"at": [mark]})).mark_rule(strokeDash=[3, 3], color=theme.muted).encode(x="at:Q")
        layers.insert(0, line)
    return alt.layer(*layers)


def _ends(rows: list[Row]) -> list[Row]:
    """All rows, or the ends of a list that is too long."""
    half = MOST_ROWS // 2
    return rows if len(rows) <= MOST_ROWS else [*rows[:half], *rows[-half:]]


def qualities(facts: Facts, *, theme: Theme = LIGHT) -> Picture:
    """Quality of every variant, the best first."""
    times, sign = _times(facts.unit), -1.0 if facts.higher_is_better else 1.0
    plain = {mean.name: times * mean.mean for mean in facts.fit.plain_means} if facts.fit else {}
    ordered = sorted(facts.variants, key=lambda v: sign * v.quality.mean)
    rows = [
        Row(
            v.name + (" (in use)" if v.name == facts.control else ""),
            _scaled(v.quality, times),
            plain.get(v.name),
            -1 if v.name == facts.control else 0,
        )
        for v in ordered
    ]
    beside = "; ◇ plain mean" if plain else ""
    title = (
        f"{what_quality_is(facts)}, {amounts.UNITS[facts.unit].axis} (dot and {level(facts.ci_prob)} interval{beside})"
    )
    told = "; ".join(f"{v.name} {_told(v.quality, facts.unit)}" for v in ordered[:6])
    more = f"; and {len(ordered) - 6} more" if len(ordered) > 6 else ""
    better = "" if facts.higher_is_better else " Lower is better."
    return Picture(
        dressed(intervals(rows, title, theme=theme), theme, height=alt.Step(ROW)),
        f"From the best: {told}{more}.{better}",
    )


def severities(facts: Facts, *, theme: Theme = LIGHT) -> Picture | None:
    """How far each rater is above or below the pool; None where no rater is told."""
    found = sorted(facts.fit.raters if facts.fit else (), key=lambda rater: -rater.severity.mean)
    if not found:
        return None
    pools = list(dict.fromkeys(rater.evaluator for rater in found))
    rows = [
        Row(r.name, _scaled(r.severity, _times(facts.unit)), None, pools.index(r.evaluator), r.evaluator) for r in found
    ]
    title = (
        f"above (+) or below (−) the pool for the same outputs, {_gaps(facts.unit)} ({level(facts.ci_prob)} interval)"
    )
    first, last = found[0], found[-1]
    words = (
        f"{count(len(found))} people, from {change(first.severity.mean, facts.unit)} ({first.name}) to "
        f"{change(last.severity.mean, facts.unit)} ({last.name})."
    )
    if len(found) > MOST_ROWS:
        words += f" The chart shows the first and last {MOST_ROWS // 2}."
    return Picture(dressed(intervals(rows, title, theme=theme, mark=0.0), theme, height=alt.Step(ROW)), words)


def tastes(facts: Facts, *, theme: Theme = LIGHT) -> Picture | None:
    """What each judge adds to a variant as such: a map; None where there is no judge beside people."""
    found = facts.fit.shifts if facts.fit else ()
    if not found:
        return None
    times = _times(facts.unit)
    judges, names = list(dict.fromkeys(row[0] for row in found)), list(dict.fromkeys(row[1] for row in found))
    shown_judges, shown_names = (
        dict(zip(judges, distinct(judges, 24), strict=True)),
        dict(zip(names, distinct(names), strict=True)),
    )
    frame = pd.DataFrame(
        [
            {
                "judge": shown_judges[j],
                "variant": shown_names[v],
                "taste": times * t.mean,
                "told": f"{times * t.mean:+.2f}".replace("-", "\N{MINUS SIGN}").replace("\N{MINUS SIGN}0.00", "0.00"),
                "low": times * t.low,
                "high": times * t.high,
            }
            for j, v, t in found
        ]
    )
    most = float(frame["taste"].abs().max()) or 1.0
    ends = [style(1, theme).colour, theme.ground, style(0, theme).colour]
    y = alt.Y(
        "variant:N",
        sort=list(shown_names.values()),
        title=None,
        axis=alt.Axis(labelLimit=LABEL, ticks=False, domain=False),
    )
    x = alt.X(
        "judge:N",
        sort=list(shown_judges.values()),
        title=None,
        axis=alt.Axis(labelAngle=0 if len(judges) <= FEW_JUDGES else -35, orient="top", ticks=False, domain=False),
    )
    base = alt.Chart(frame).encode(x=x, y=y)
    tips = [
        alt.Tooltip("judge:N"),
        alt.Tooltip("variant:N"),
        alt.Tooltip("taste:Q", format="+.2f"),
        alt.Tooltip("low:Q", title="from", format="+.2f"),
        alt.Tooltip("high:Q", title="to", format="+.2f"),
    ]
    cells = base.mark_rect(stroke=theme.ground, strokeWidth=2, opacity=0.65).encode(
        color=alt.Color(
            "taste:Q", scale=alt.Scale(domain=[-most, 0, most], range=ends, interpolate="rgb"), legend=None
        ),
        tooltip=tips,
    )
    numbers = base.mark_text(fontSize=12, color=theme.ink).encode(text="told:N")
    judge, variant, taste = max(found, key=lambda row: abs(row[2].mean))
    words = (
        f"What a judge adds to (+) or takes from (−) a variant as such, in {_gaps(facts.unit)}. The largest is {judge} on {variant}: "
        f"{_told(taste, facts.unit, sign=True)}."
    )
    return Picture(dressed(alt.layer(cells, numbers), theme, height=alt.Step(ROW + 4)), words)


def scale_use(facts: Facts, *, theme: Theme = LIGHT) -> Picture | None:
    """How strongly each judge follows what people see."""
    found = facts.fit.scale_use if facts.fit else ()
    if not found:
        return None
    moved = "points that a score moves" if facts.unit == "points" else "how far its verdicts move"
    title = f"{moved} when the reference moves by 1 ({level(facts.ci_prob)} interval)"
    rows = [Row(name, value) for name, value in found]
    words = "; ".join(f"{name} {value.mean:.2f} ({value.low:.2f} to {value.high:.2f})" for name, value in found)
    drawn = intervals(rows, title, theme=theme, mark=1.0)
    return Picture(dressed(drawn, theme, height=alt.Step(ROW)), f"1 is as the reference. {words}.")


def _times(unit: str) -> float:
    """What numbers are multiplied by to be drawn: shares in per cent."""
    return 100.0 if unit == "share" else 1.0


def _gaps(unit: str) -> str:
    return "percentage points" if unit == "share" else amounts.UNITS[unit].axis


def _scaled(value: Interval, times: float) -> Interval:
    from expsim_bayes.facts import Interval as Made

    return Made(times * value.mean, times * value.low, times * value.high)


def _told(value: Interval, unit: str, *, sign: bool = False) -> str:
    said = change if sign else quantity
    return f"{said(value.mean, unit)} ({said(value.low, unit)} to {said(value.high, unit)})"
