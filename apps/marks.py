"""Parts of an interactive chart: lines with bands, markers and names at their ends, levels, axes, and the colours of a theme.

A line is told by its colour, its dash, its marker and its name at the end, so that colour is never the only cue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import altair as alt
import numpy as np
import pandas as pd

from expsim_bayes.plots.theme import LIGHT, Theme, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DOLLARS = "datum.value < 1 ? format(datum.value, '$.2f') : format(datum.value, '$,.0f')"
"""How dollars stand beside an axis."""
HEIGHT = 340
"""Pixels of a chart."""
GAP = 0.07
"""Smallest distance between two names at the ends of lines, in heights of the chart."""
SHAPES = {
    "o": "circle",
    "D": "diamond",
    "^": "triangle-up",
    "v": "triangle-down",
    "P": "cross",
    "X": "triangle-right",
    "s": "square",
}
"""Markers of `plots`, by the names that Altair has for them."""
DASHES = ([1, 0], [7, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 2, 1, 2, 1, 2])
"""Dashes of the styles of `plots`."""


class Picture(NamedTuple):
    """A chart with its words."""

    chart: alt.TopLevelMixin
    """The chart."""
    words: str
    """The same in words."""


class Line(NamedTuple):
    """One line of a chart."""

    name: str
    """What stands at its end."""
    x: Floats
    """Where."""
    y: Floats
    """What."""
    low: Floats | None = None
    """Lower end of its band."""
    high: Floats | None = None
    """Upper end of its band."""
    place: int = 0
    """Which style it has; -1 is that of the control."""


class Axis(NamedTuple):
    """An axis with its words."""

    title: str
    """What it counts, with its unit."""
    format: str = ""
    """How numbers are written, as d3 does."""
    log: bool = False
    """Whether it is logarithmic."""
    dollars: bool = False
    """Whether it counts dollars."""
    domain: tuple[float, float] | None = None
    """Its ends."""


def line_chart(lines: Sequence[Line], x: Axis, y: Axis, *, theme: Theme = LIGHT) -> alt.LayerChart:
    """Lines with their bands, markers, and names at their ends."""
    frame = pd.concat(
        [
            pd.DataFrame(
                {
                    "x": line.x,
                    "y": line.y,
                    "low": line.y if line.low is None else line.low,
                    "high": line.y if line.high is None else line.high,
                    "name": line.name,
                }
            )
            for line in lines
        ]
    )
    names = [line.name for line in lines]
    looks = [style(line.place, theme) for line in lines]
    domain = y.domain or _ends(frame)
    colour = alt.Color("name:N", scale=alt.Scale(domain=names, range=[s.colour for s in looks]), legend=None)
    dash = alt.StrokeDash(
        "name:N",
        scale=alt.Scale(domain=names, range=[DASHES[max(line.place, 0) % len(DASHES)] for line in lines]),
        legend=None,
    )
    shape = alt.Shape("name:N", scale=alt.Scale(domain=names, range=[SHAPES[s.marker] for s in looks]), legend=None)
    at_x = alt.X(
        "x:Q",
        title=x.title,
        axis=_ticks(x, grid=False),
        scale=alt.Scale(type="log" if x.log else "linear", domain=x.domain or alt.Undefined, nice=False, zero=False),
    )
    at_y = alt.Y("y:Q", title=y.title, axis=_ticks(y), scale=alt.Scale(domain=domain, clamp=True, zero=False))
    base = alt.Chart(frame)
    band = base.mark_area(opacity=0.13).encode(
        x=at_x, y=alt.Y("low:Q", title=y.title, scale=alt.Scale(domain=domain, clamp=True)), y2="high:Q", color=colour
    )
    line = base.mark_line(strokeWidth=2.4).encode(x=at_x, y=at_y, color=colour, strokeDash=dash)
    some = pd.concat([part.iloc[:: max(1, len(part) // 9)] for _, part in frame.groupby("name", sort=False)])
    tips = [
        alt.Tooltip("name:N", title=" "),
        alt.Tooltip("x:Q", title=x.title, format=x.format or "~g"),
        alt.Tooltip("y:Q", title=y.title, format=".1%" if y.format == ".0%" else y.format or "~g"),
    ]
    marks = (
        alt.Chart(some).mark_point(filled=True, size=55, opacity=1).encode(x=at_x, y=at_y, color=colour, shape=shape)
    )
    hits = base.mark_point(size=260, opacity=0).encode(x=at_x, y=at_y, tooltip=tips)
    return layered(band, line, marks, _names(lines, domain, at_x, colour), hits)


def _ticks(axis: Axis, *, grid: bool = True) -> alt.Axis:
    """How numbers stand beside an axis."""
    if axis.dollars and axis.log:
        return alt.Axis(labelExpr=DOLLARS, grid=grid, values=[10.0**k for k in range(-4, 7)], tickCount=8)
    if axis.dollars:
        return alt.Axis(labelExpr=DOLLARS, grid=grid)
    return alt.Axis(format=axis.format, grid=grid, tickMinStep=1 if axis.format == "d" else alt.Undefined)


def _ends(frame: pd.DataFrame) -> tuple[float, float]:
    """Ends of an axis that hold all that is drawn."""
    low, high = float(np.nanmin(frame["low"])), float(np.nanmax(frame["high"]))
    room = 0.05 * max(high - low, 1e-9 + 0.01 * abs(high))
    return low - room, high + room


def _names(lines: Sequence[Line], domain: tuple[float, float], x: alt.X, colour: alt.Color) -> alt.Chart:
    """Names beside the last points, moved apart where they would meet."""
    ends = [(float(line.x[-1]), float(line.y[-1]), line.name) for line in lines]
    gap = GAP * (domain[1] - domain[0])
    order = sorted(range(len(ends)), key=lambda n: ends[n][1])
    at = np.array([ends[n][1] for n in order])
    for n in range(1, at.size):
        at[n] = max(at[n], at[n - 1] + gap)
    over = max(0.0, at[-1] - domain[1]) if at.size else 0.0
    at = at - over
    for n in range(at.size - 2, -1, -1):
        at[n] = min(at[n], at[n + 1] - gap) if over else at[n]
    frame = pd.DataFrame([{"x": ends[n][0], "y": at[k], "name": ends[n][2]} for k, n in enumerate(order)])
    return cast(
        "alt.Chart",
        (
            alt.Chart(frame)
            .mark_text(align="left", dx=10, fontSize=13, fontWeight=600, clip=False)
            .encode(x=x, y=alt.Y("y:Q", scale=alt.Scale(domain=domain), title=""), text="name:N", color=colour)
        ),
    )


def level_line(
    at: float, words: str, theme: Theme, x: float, align: Literal["left", "right"] = "right"
) -> list[alt.Chart]:
    """A level that counts, as a dotted line with its words above or below it."""
    frame = pd.DataFrame({"y": [at], "x": [x], "words": [words]})
    rule = alt.Chart(frame).mark_rule(strokeDash=[2, 3], color=theme.muted, strokeWidth=1.5).encode(y="y:Q")
    text = (
        alt.Chart(frame)
        .mark_text(align=align, dx=4 if align == "left" else -4, dy=-9, color=theme.muted, fontSize=12)
        .encode(x="x:Q", y="y:Q", text="words:N")
    )
    return [rule, text]


def layered(*charts: alt.Chart | alt.LayerChart) -> alt.LayerChart:
    """Charts one above the other."""
    return cast("alt.LayerChart", alt.layer(*charts))


def dressed(
    chart: Any, theme: Theme, *, height: int | alt.Step | None = HEIGHT, named: bool = False
) -> alt.TopLevelMixin:
    """A chart in the colours of a theme, as wide as the page.

    Parameters
    ----------
    chart : altair chart
        Whose parts are drawn.
    theme : Theme
        Colours.
    height : int or altair.Step, optional
        Pixels of the whole, or of a row; what the chart says itself where None.
    named : bool
        Leave room for names at the ends of lines.
    """
    text: dict[str, Any] = {"labelColor": theme.ink, "titleColor": theme.muted, "titleFontWeight": "normal"}
    sizes = {"labelFontSize": 12, "titleFontSize": 12}
    made: alt.TopLevelMixin = chart.copy(deep=False)  # its own methods copy all that is drawn, each time
    settings: dict[str, Any] = {
        "width": "container",
        "padding": {"left": 5, "right": 95 if named else 20, "top": 22 if named else 8, "bottom": 5},
        "config": {
            "background": "transparent",
            "font": "Source Sans, sans-serif",
            "view": {"strokeWidth": 0},
            "axis": {"gridColor": theme.faint, "domainColor": theme.faint, "tickColor": theme.faint, **sizes, **text},
            "legend": {"symbolFillColor": theme.muted, "symbolStrokeColor": theme.muted, **sizes, **text},
            "header": {"labelColor": theme.ink, "labelFontSize": 12, "title": None},
        },
    }
    for name, value in (settings | ({} if height is None else {"height": height})).items():
        setattr(made, name, value)
    return made
