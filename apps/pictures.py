"""Finished numbers to interactive charts, each with the words that tell the same: Altair, in the colours and shapes of `plots`.

A line is told by its colour, its dash, its marker and its name at the end, so that colour is never the only cue. `Picture.words` is what
a screen reader hears, and stands under the chart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd
from scipy.special import ndtri

from expsim_bayes.amounts import count, dollars, level, percent
from expsim_bayes.plots.labels import distinct
from expsim_bayes.plots.theme import LIGHT, Theme, style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.apps.answers import Curves, Many
    from expsim_bayes.facts import Facts

    Floats = NDArray[np.float64]

HEIGHT = 340
"""Pixels of a chart."""
GAP = 0.07
"""Smallest distance between two names at the ends of lines, in heights of the chart."""
WHO = {"llm": "judge only", "human": "humans only", "both": "both"}
"""Who rates, in words; their order gives the colours."""
SHAPES = {"o": "circle", "D": "diamond", "^": "triangle-up", "v": "triangle-down", "P": "cross", "X": "triangle-right", "s": "square"}
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
    domain: tuple[float, float] | None = None
    """Its ends."""


def learning(found: Curves, *, theme: Theme = LIGHT, log: bool = True) -> Picture:
    """Chance of the right decision against dollars: judge only, humans only, both."""
    order = list(WHO)
    lines = [
        Line(
            WHO[who],
            curve["usd"].values,
            curve["right"].values,
            curve["right"].values - 2 * curve["mcse"].values,
            np.minimum(curve["right"].values + 2 * curve["mcse"].values, 1.0),
            order.index(who),
        )
        for who, curve in found.by_choice.items()
    ]
    low = min(float(np.min(line.y if line.low is None else line.low)) for line in lines)
    bottom = max(0.0, np.floor(20 * min(low, 1.0 if found.floor is None else found.floor)) / 20)
    chart = line_chart(
        lines,
        Axis("dollars spent on outputs and ratings", "$~s", log=log),
        Axis("chance of the right decision", ".0%", domain=(float(bottom), 1.0)),
        theme=theme,
    )
    if found.floor is not None:
        chart = alt.layer(*_level(found.floor, f"a judge alone never passes {percent(found.floor)}", lines, theme), chart)
    return Picture(_dressed(chart, theme), _learning_words(found))


def _learning_words(found: Curves) -> str:
    told = []
    for who, curve in found.by_choice.items():
        usd, right = curve["usd"].values, curve["right"].values
        reached = np.flatnonzero(right >= 0.9)
        told.append(
            f"{WHO[who]}: 90 % right after about {dollars(float(usd[reached[0]]))}"
            if reached.size
            else f"{WHO[who]}: {percent(float(right[-1]))} right after {dollars(float(usd[-1]))}, and never 90 %"
        )
    return "; ".join(told)[:1].upper() + "; ".join(told)[1:] + "."


def over_looks(
    history: xr.Dataset,
    facts: Facts,
    what: str = "prob_best",
    *,
    upto: int | None = None,
    theme: Theme = LIGHT,
) -> Picture:
    """One experiment look after look: `prob_best`, `quality` with its interval, `outputs` or `usd`."""
    one = history.isel(replication=0)
    stop = int(one["stop_look"]) if upto is None else min(upto, int(one["stop_look"]))
    shown = one.isel(look=slice(0, stop))
    looks = np.arange(1, stop + 1, dtype=float)
    names = [str(name) for name in one["variant"].values]
    labels = distinct(names)
    places = _places(names, facts.control)
    last = float(one.sizes["look"])
    across = Axis("look", "d", domain=(1.0, max(last, 2.0)))
    lines: list[Line] = []
    if what == "usd":
        spent = (shown["usd_rating"].sum("evaluator") + shown["usd_generation"].sum("variant")).values
        lines = [Line("spent", looks, spent)]
        axis = Axis("dollars spent so far", "$~s")
        words = f"{dollars(float(spent[-1]))} after {count(stop)} looks."
    elif what == "outputs":
        total = shown["outputs"].sum("variant")
        share = (shown["outputs"] / total).transpose("look", "variant").values
        lines = [Line(labels[v], looks, share[:, v], place=places[v]) for v in range(len(names))]
        axis = Axis("share of outputs so far", ".0%", domain=(0.0, 1.0))
        words = "; ".join(f"{labels[v]}: {percent(float(share[-1, v]))} of outputs" for v in range(len(names))) + "."
    elif what == "quality":
        half = float(ndtri((1 + facts.ci_prob) / 2))
        times = 100.0 if facts.unit == "share" else 1.0
        mean = times * shown["quality_mean"].transpose("look", "variant").values
        sd = times * shown["quality_sd"].transpose("look", "variant").values
        lines = [
            Line(labels[v], looks, mean[:, v], mean[:, v] - half * sd[:, v], mean[:, v] + half * sd[:, v], places[v])
            for v in range(len(names))
        ]
        axis = Axis(f"quality in {'per cent' if facts.unit == 'share' else facts.unit} ({level(facts.ci_prob)} interval)", "~g")
        words = "; ".join(
            f"{labels[v]}: {mean[-1, v]:.3g} ({mean[-1, v] - half * sd[-1, v]:.3g} to {mean[-1, v] + half * sd[-1, v]:.3g})"
            for v in range(len(names))
        )
        words = f"Quality after {count(stop)} looks: {words}."
    else:
        prob = shown["prob_best"].transpose("look", "variant").values
        lines = [Line(labels[v], looks, prob[:, v], place=places[v]) for v in range(len(names))]
        axis = Axis("probability of being the best", ".0%", domain=(0.0, 1.0))
        words = "; ".join(f"{labels[v]}: {percent(float(prob[-1, v]))}" for v in range(len(names)))
        words = f"Probability of being the best after {count(stop)} looks: {words}."
    chart = line_chart(lines, across, axis, theme=theme)
    if what == "prob_best" and facts.threshold is not None:
        chart = alt.layer(*_level(facts.threshold, f"the rule asks for {percent(facts.threshold)}", lines, theme, across), chart)
    return Picture(_dressed(chart, theme), words)


def _places(names: Sequence[str], control: str | None) -> list[int]:
    """Style of each variant: that of the control, or the next."""
    others = [name for name in names if name != control]
    return [-1 if name == control else others.index(name) for name in names]


def ways(found: Mapping[tuple[str, str], Many], *, theme: Theme = LIGHT) -> Picture:
    """Share of experiments that end right against dollars: the shape for the strategy, the colour for who rates.

    Parameters
    ----------
    found : mapping of (strategy in words, who rates) to Many
        What each way achieves.
    theme : Theme
        Colours.
    """
    rows = [
        {
            "strategy": strategy,
            "rated by": WHO[who],
            "usd": many.achieved.usd.value,
            "right": many.achieved.right.value,
            "low": max(many.achieved.right.value - 2 * many.achieved.right.mcse, 0.0),
            "high": min(many.achieved.right.value + 2 * many.achieved.right.mcse, 1.0),
            "false launches if equal": many.false_launch.value,
        }
        for (strategy, who), many in found.items()
    ]
    frame = pd.DataFrame(rows)
    strategies, whos = list(dict.fromkeys(frame["strategy"])), list(dict.fromkeys(frame["rated by"]))
    order = list(WHO.values())
    colour = alt.Color(
        "rated by:N",
        scale=alt.Scale(domain=whos, range=[style(order.index(who), theme).colour for who in whos]),
        legend=alt.Legend(title="rated by", orient="top"),
    )
    shape = alt.Shape(
        "strategy:N",
        scale=alt.Scale(domain=strategies, range=[list(SHAPES.values())[n] for n in range(len(strategies))]),
        legend=alt.Legend(title="run as", orient="top"),
    )
    x = alt.X("usd:Q", title="dollars an experiment, on average", axis=alt.Axis(format="$~s"), scale=alt.Scale(zero=False, padding=20))
    y = alt.Y("right:Q", title="experiments that end right", axis=alt.Axis(format=".0%"), scale=alt.Scale(zero=False, padding=12))
    tips = [
        alt.Tooltip("strategy:N"),
        alt.Tooltip("rated by:N"),
        alt.Tooltip("right:Q", format=".1%", title="ends right"),
        alt.Tooltip("false launches if equal:Q", format=".1%"),
        alt.Tooltip("usd:Q", format="$,.2f", title="dollars"),
    ]
    base = alt.Chart(frame)
    bars = base.mark_rule(strokeWidth=1.5).encode(x=x, y=alt.Y("low:Q", title="experiments that end right"), y2="high:Q", color=colour)
    points = base.mark_point(filled=True, size=150, opacity=1).encode(x=x, y=y, color=colour, shape=shape, tooltip=tips)
    best = frame.loc[frame["right"].idxmax()]
    words = (
        f"Ends right most often: {best['strategy']} rated by {best['rated by']}, {percent(float(best['right']))} for "
        f"{dollars(float(best['usd']))} on average. Bars are two Monte-Carlo errors each way."
    )
    return Picture(_dressed(alt.layer(bars, points), theme), words)


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
        axis=alt.Axis(format=x.format, grid=False, tickMinStep=1 if x.format == "d" else alt.Undefined),
        scale=alt.Scale(type="log" if x.log else "linear", domain=x.domain or alt.Undefined, nice=False, zero=False),
    )
    at_y = alt.Y("y:Q", title=y.title, axis=alt.Axis(format=y.format), scale=alt.Scale(domain=domain, clamp=True, zero=False))
    base = alt.Chart(frame)
    band = base.mark_area(opacity=0.13).encode(x=at_x, y=alt.Y("low:Q", title=y.title, scale=alt.Scale(domain=domain, clamp=True)), y2="high:Q", color=colour)
    line = base.mark_line(strokeWidth=2.4).encode(x=at_x, y=at_y, color=colour, strokeDash=dash)
    some = pd.concat([part.iloc[:: max(1, len(part) // 9)] for _, part in frame.groupby("name", sort=False)])
    tips = [
        alt.Tooltip("name:N", title=" "),
        alt.Tooltip("x:Q", title=x.title, format=x.format or "~g"),
        alt.Tooltip("y:Q", title=y.title, format=".1%" if y.format == ".0%" else y.format or "~g"),
    ]
    marks = alt.Chart(some).mark_point(filled=True, size=55, opacity=1).encode(x=at_x, y=at_y, color=colour, shape=shape)
    hits = base.mark_point(size=260, opacity=0).encode(x=at_x, y=at_y, tooltip=tips)
    return alt.layer(band, line, marks, _names(lines, domain, at_x, colour), hits)


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
    return (
        alt.Chart(frame)
        .mark_text(align="left", dx=10, fontSize=13, fontWeight=600, clip=False)
        .encode(x=x, y=alt.Y("y:Q", scale=alt.Scale(domain=domain), title=""), text="name:N", color=colour)
    )


def _level(at: float, words: str, lines: Sequence[Line], theme: Theme, across: Axis | None = None) -> list[alt.Chart]:
    """A level that counts, as a dashed line with its words."""
    left = min(float(line.x[0]) for line in lines) if across is None or across.domain is None else across.domain[0]
    frame = pd.DataFrame({"y": [at], "x": [left], "words": [words]})
    rule = alt.Chart(frame).mark_rule(strokeDash=[2, 3], color=theme.muted, strokeWidth=1.5).encode(y="y:Q")
    text = (
        alt.Chart(frame)
        .mark_text(align="left", dx=4, dy=-8, color=theme.muted, fontSize=12)
        .encode(x="x:Q", y="y:Q", text="words:N")
    )
    return [rule, text]


def _dressed(chart: alt.LayerChart, theme: Theme, height: int = HEIGHT) -> alt.TopLevelMixin:
    """The same in the colours of a theme, with room for names on the right."""
    text: dict[str, Any] = {"labelColor": theme.ink, "titleColor": theme.muted, "titleFontWeight": "normal"}
    return (
        chart.properties(height=height, width="container", padding={"left": 5, "right": 95, "top": 12, "bottom": 5})
        .configure(background="transparent", font="Source Sans, sans-serif")
        .configure_view(strokeWidth=0)
        .configure_axis(
            gridColor=theme.faint, domainColor=theme.faint, tickColor=theme.faint, labelFontSize=12, titleFontSize=12, **text
        )
        .configure_legend(labelFontSize=12, titleFontSize=12, symbolFillColor=theme.muted, symbolStrokeColor=theme.muted, **text)
    )
