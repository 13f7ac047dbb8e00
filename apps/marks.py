"""Parts of an interactive chart, as Vega-Lite reads them: lines with bands, markers and names, levels, axes, the colours of a theme.

A line is told by its colour, its dash, its marker and its name at the end, so that colour is never the only cue. Charts that are drawn
anew with every move of a slider are written down as they are; the others are composed with Altair, which takes a tenth of a second more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import altair as alt
import numpy as np

from expsim_bayes.plots.theme import LIGHT, Theme, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Spec = dict[str, Any]
"""A chart, or a part of one, as Vega-Lite reads it."""
DOLLARS = "datum.value === 0 ? '$0' : datum.value < 1 ? format(datum.value, '$.2f') : format(datum.value, '$,.0f')"
"""How dollars stand beside an axis."""
ROOM = 130
"""Most pixels that a name beside the end of its line is given; a longer one ends in dots, and stands whole under the chart."""
PLAIN = "~f"
"""How plain numbers stand beside an axis, as d3 has it: with as many digits as its steps need, and never as powers of ten."""
TIPS = {".0%": ".1%", PLAIN: ".4~r", "": ".4~r"}
"""How they stand in a tooltip, by how they stand beside the axis."""
NAME = {"type": "text", "align": "left", "dx": 10, "fontSize": 13, "fontWeight": 600, "clip": False, "limit": ROOM}
"""A name beside the end of its line."""
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

    chart: Spec
    """The chart, as Vega-Lite reads it."""
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


def places(names: Sequence[str], control: str | None) -> list[int]:
    """Style of each variant: that of the control, or the next."""
    others = [name for name in names if name != control]
    return [-1 if name == control else others.index(name) for name in names]


def line_chart(lines: Sequence[Line], x: Axis, y: Axis, *, theme: Theme = LIGHT) -> Spec:
    """Lines with their bands, markers, and names at their ends."""
    rows = [row for line in lines for row in _rows(line)]
    marked = [row for line in lines for row in _rows(line)[:: max(1, len(line.x) // 9)]]
    names, looks = [line.name for line in lines], [style(line.place, theme) for line in lines]
    domain = list(y.domain or _ends(rows))
    dashes = [DASHES[max(line.place, 0) % len(DASHES)] for line in lines]
    colour = _by_name(names, [look.colour for look in looks])
    scale = {"type": "log" if x.log else "linear", "nice": False, "zero": False} | _domain(x)
    at_x = _number("x", x.title, axis=_ticks(x, grid=False), scale=scale)
    at_y = _number("y", y.title, axis=_ticks(y), scale={"domain": domain, "clamp": True, "zero": False})
    low = _number("low", y.title, scale={"domain": domain, "clamp": True})
    tips = [
        {"field": "name", "type": "nominal", "title": " "},
        _number("x", x.title, format=TIPS.get(x.format, x.format)),
        _number("y", y.title, format=TIPS.get(y.format, y.format)),
    ]
    here = {"x": at_x, "y": at_y, "color": colour}
    named = here | {"y": _number("y", "", scale={"domain": domain}), "text": {"field": "name", "type": "nominal"}}
    return layered(
        _layer(rows, {"type": "area", "opacity": 0.13}, here | {"y": low, "y2": {"field": "high"}}),
        _layer(rows, {"type": "line", "strokeWidth": 2.4}, here | {"strokeDash": _by_name(names, dashes)}),
        _layer(
            marked,
            {"type": "point", "filled": True, "size": 55, "opacity": 1},
            here | {"shape": _by_name(names, [SHAPES[look.marker] for look in looks])},
        ),
        _layer(
            _names(lines, domain), NAME | {"stroke": theme.ground, "strokeWidth": 5}, named
        ),  # hides what runs through it
        _layer(_names(lines, domain), NAME, named),
        _layer(rows, {"type": "point", "size": 260, "opacity": 0}, {"x": at_x, "y": at_y, "tooltip": tips}),
    )


def _rows(line: Line) -> list[dict[str, Any]]:
    low, high = line.y if line.low is None else line.low, line.y if line.high is None else line.high
    points = zip(line.x.tolist(), line.y.tolist(), low.tolist(), high.tolist(), strict=True)
    return [{"x": x, "y": y, "low": a, "high": b, "name": line.name} for x, y, a, b in points]


def _layer(rows: list[dict[str, Any]], mark: Spec, encoding: Spec) -> Spec:
    return {"data": {"values": rows}, "mark": mark, "encoding": encoding}


def _number(field: str, title: str, **more: Any) -> Spec:
    return {"field": field, "type": "quantitative", "title": title, **more}


def _by_name(names: Sequence[str], values: Sequence[Any]) -> Spec:
    scale = {"domain": list(names), "range": list(values)}
    return {"field": "name", "type": "nominal", "scale": scale, "legend": None}


def _domain(axis: Axis) -> Spec:
    return {} if axis.domain is None else {"domain": list(axis.domain)}


def _ticks(axis: Axis, *, grid: bool = True) -> Spec:
    """How numbers stand beside an axis."""
    if axis.dollars and axis.log:
        return {"labelExpr": DOLLARS, "grid": grid, "values": [10.0**k for k in range(-4, 7)], "tickCount": 8}
    if axis.dollars:
        return {"labelExpr": DOLLARS, "grid": grid}
    return {"format": axis.format, "grid": grid} | ({"tickMinStep": 1} if axis.format == "d" else {})


def _ends(rows: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Ends of an axis that hold all that is drawn."""
    low, high = float(np.nanmin([row["low"] for row in rows])), float(np.nanmax([row["high"] for row in rows]))
    room = 0.05 * max(high - low, 1e-9 + 0.01 * abs(high))
    return low - room, high + room


def _names(lines: Sequence[Line], domain: Sequence[float]) -> list[dict[str, Any]]:
    """Names beside the last points, moved apart where they would meet."""
    ends = sorted(((float(line.y[-1]), float(line.x[-1]), line.name) for line in lines), key=lambda end: end[0])
    gap = GAP * (domain[1] - domain[0])
    at = np.array([y for y, _, _ in ends])
    for n in range(1, at.size):
        at[n] = max(at[n], at[n - 1] + gap)
    over = max(0.0, at[-1] - domain[1])
    at = at - over
    for n in range(at.size - 2, -1, -1):
        at[n] = min(at[n], at[n + 1] - gap) if over else at[n]
    return [{"x": x, "y": float(y), "name": name} for y, (_, x, name) in zip(at, ends, strict=True)]


def levelled(
    chart: Spec,
    at: float,
    words: str,
    *,
    x: float,
    theme: Theme,
    align: Literal["left", "right"] = "right",
    below: bool = False,
) -> Spec:
    """A chart with a level that counts: a dotted line behind it, whose words stand above or below the line and before all else."""
    row = {"y": at, "x": x, "words": words}
    place = {"x": _number("x", ""), "y": _number("y", ""), "text": {"field": "words", "type": "nominal"}}
    text = {
        "type": "text",
        "align": align,
        "dx": 4 if align == "left" else -4,
        "dy": 11 if below else -9,
        "fontSize": 12,
    }
    halo = {"stroke": theme.ground, "strokeWidth": 4, "opacity": 0.7}
    told = [_layer([row], text | {"color": theme.muted} | more, place) for more in (halo, {})]
    return layered(dotted(at, theme.muted), chart, *told)


def dotted(at: float, colour: str) -> Spec:
    """A dotted line across."""
    mark = {"type": "rule", "strokeDash": [2, 3], "strokeWidth": 1.6, "color": colour}
    return _layer([{"y": at}], mark, {"y": _number("y", "")})


def layered(*charts: Spec) -> Spec:
    """Charts one above the other."""
    return {"layer": list(charts)}


def dressed(chart: Any, theme: Theme, *, height: int | alt.Step | None = HEIGHT) -> Spec:
    """A chart in the colours of a theme, as wide as the page.

    Parameters
    ----------
    chart : dict, or altair chart
        What is drawn.
    theme : Theme
        Colours.
    height : int or altair.Step, optional
        Pixels of the whole, or of a row; what the chart says itself where None.
    """
    text: dict[str, Any] = {"labelColor": theme.ink, "titleColor": theme.muted, "titleFontWeight": "normal"}
    sizes = {"labelFontSize": 12, "titleFontSize": 12}
    settings: Spec = {
        "width": "container",
        "padding": {"left": 5, "right": 20, "top": 8, "bottom": 5},
        "config": {
            "background": "transparent",
            "font": "Source Sans, sans-serif",
            "view": {"strokeWidth": 0},
            "axis": {"gridColor": theme.faint, "domainColor": theme.faint, "tickColor": theme.faint, **sizes, **text},
            "legend": {"symbolFillColor": theme.muted, "symbolStrokeColor": theme.muted, **sizes, **text},
            "header": {"labelColor": theme.ink, "labelFontSize": 12, "title": None},
        },
    }
    if height is not None:
        settings["height"] = height if isinstance(height, int) else height.to_dict()
    return (chart if isinstance(chart, dict) else chart.to_dict(validate=False)) | settings
