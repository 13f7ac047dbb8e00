"""How a sampler went, as interactive charts with their words: traces, ranks, energy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import numpy as np
import pandas as pd

from expsim_bayes.apps.marks import DASHES, Picture, dressed
from expsim_bayes.diagnosis import chains, words
from expsim_bayes.diagnosis.chains import MOST_CHAINS
from expsim_bayes.plots.theme import LIGHT, Theme, style

if TYPE_CHECKING:
    from expsim_bayes.diagnosis.chains import Draws, Floats

MOST_POINTS = 300
"""Draws of a chain that a trace shows, evenly spaced."""
HEIGHT = 240


def trace(found: Draws, *, theme: Theme = LIGHT) -> Picture:
    """Every chain, draw after draw: lines that look alike and lie on each other are good."""
    values = found.values[:MOST_CHAINS]
    step = max(1, values.shape[1] // MOST_POINTS)
    shown = np.arange(0, values.shape[1], step)
    frame = _long(values[:, shown], shown)
    x = alt.X("draw:Q", title="draw of the chain", axis=alt.Axis(grid=False, format="d"), scale=alt.Scale(nice=False))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
    lines = (
        alt.Chart(frame)
        .mark_line(strokeWidth=1, opacity=0.75)
        .encode(
            x=x, y=y, color=_colour(values, theme), tooltip=["chain:N", "draw:Q", alt.Tooltip("value:Q", format=".4~g")]
        )
    )
    layers: list[alt.Chart] = [lines]
    if found.diverging is not None and found.diverging.any():
        at = np.argwhere(found.diverging[:MOST_CHAINS])[:500]
        bad = pd.DataFrame(
            {"draw": at[:, 1], "value": [values[c, d] for c, d in at], "chain": [f"chain {c + 1}" for c, _ in at]}
        )
        layers.append(
            alt.Chart(bad)
            .mark_point(shape="cross", size=60, filled=True, color=theme.ink, opacity=1)
            .encode(x="draw:Q", y="value:Q", tooltip=["chain:N", "draw:Q"])
        )
    thin = f" One draw of {step} is shown." if step > 1 else ""
    return Picture(dressed(alt.layer(*layers), theme, height=HEIGHT), words.of_trace(found) + thin)


def ranks(found: Draws, *, theme: Theme = LIGHT) -> Picture:
    """How often each chain has the lowest, middling and highest draws: about equally often is good."""
    values = found.values[:MOST_CHAINS]
    told = chains.ranks(values)
    frame = _long(told.times, told.middle)
    x = alt.X(
        "draw:Q",
        title="from the lowest draws to the highest",
        axis=alt.Axis(format=".0%", grid=False),
        scale=alt.Scale(domain=[0, 1]),
    )
    y = alt.Y("value:Q", title="times as often as expected", axis=alt.Axis(tickCount=5), scale=alt.Scale(zero=False))
    band = (
        alt.Chart(pd.DataFrame({"x": [0.0, 1.0], "low": [told.low] * 2, "high": [told.high] * 2}))
        .mark_area(color=theme.faint, opacity=0.8)
        .encode(x=alt.X("x:Q"), y=alt.Y("low:Q", title="times as often as expected"), y2="high:Q")
    )
    lines = (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.8, interpolate="step")
        .encode(
            x=x,
            y=y,
            color=_colour(values, theme),
            strokeDash=_dash(values),
            tooltip=["chain:N", alt.Tooltip("value:Q", format=".2f")],
        )
    )
    return Picture(dressed(alt.layer(band, lines), theme, height=HEIGHT), words.of_ranks(told))


def energies(found: Floats, *, theme: Theme = LIGHT) -> Picture:
    """Energy of the sampler, and how far it moves from draw to draw: shapes that are about as wide are good."""
    told = chains.energies(found[:MOST_CHAINS])
    names = ["energy, around its mean", "change from draw to draw"]
    frame = pd.concat(
        [
            pd.DataFrame({"x": told.middle, "share": shares, "what": name})
            for shares, name in zip((told.level, told.moves), names, strict=True)
        ]
    )
    colours = [style(0, theme).colour, style(1, theme).colour]
    chart = (
        alt.Chart(frame)
        .mark_area(opacity=0.25, line=True, interpolate="monotone")
        .encode(
            x=alt.X("x:Q", title="energy (minus log density), no unit", axis=alt.Axis(grid=False)),
            y=alt.Y("share:Q", title="share of draws", stack=None, axis=alt.Axis(format=".0%", tickCount=4)),
            color=alt.Color(
                "what:N",
                scale=alt.Scale(domain=names, range=colours),
                legend=alt.Legend(title=None, orient="top", labelLimit=300, columns=1),
            ),
            strokeDash=alt.StrokeDash("what:N", scale=alt.Scale(domain=names, range=[[1, 0], [6, 3]]), legend=None),
            tooltip=["what:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    return Picture(dressed(chart, theme, height=HEIGHT), words.of_energies(told))


def _long(values: Floats, x: Floats) -> pd.DataFrame:
    """One row a chain and place."""
    names = [f"chain {n + 1}" for n in range(len(values))]
    return pd.DataFrame(
        {"draw": np.tile(x, len(values)), "value": values.ravel(), "chain": np.repeat(names, values.shape[1])}
    )


def _colour(values: Floats, theme: Theme) -> alt.Color:
    names = [f"chain {n + 1}" for n in range(len(values))]
    colours = [style(n, theme).colour for n in range(len(values))]
    return alt.Color(
        "chain:N", scale=alt.Scale(domain=names, range=colours), legend=alt.Legend(title=None, orient="top")
    )


def _dash(values: Floats) -> alt.StrokeDash:
    names = [f"chain {n + 1}" for n in range(len(values))]
    return alt.StrokeDash(
        "chain:N",
        scale=alt.Scale(domain=names, range=[DASHES[n % len(DASHES)] for n in range(len(values))]),
        legend=None,
    )
