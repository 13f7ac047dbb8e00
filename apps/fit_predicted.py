"""What the fitted model would make, beside what there is, as interactive charts with their words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import numpy as np
import pandas as pd

from expsim_bayes.amounts import count, level
from expsim_bayes.apps.fit_pictures import LABEL, ROW
from expsim_bayes.apps.marks import Picture, dressed
from expsim_bayes.plots.labels import distinct
from expsim_bayes.plots.theme import LIGHT, Theme, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.facts import Compared
    from expsim_bayes.plots import PredictedShares
    from expsim_bayes.predictive import PredictiveCheck

MOST_FEATURES = 24
"""Features that one chart shows, those that are not reproduced first."""


def predicted(shares: PredictedShares, *, theme: Theme = LIGHT) -> Picture:
    """Scores as they are, as bars, and as the fitted model would make them, as dots with a band."""
    middle = (shares.edges[1:] + shares.edges[:-1]) / 2
    frame = pd.DataFrame(
        {
            "score": middle,
            "left": shares.edges[:-1],
            "right": shares.edges[1:],
            "observed": shares.observed,
            "predicted": shares.median,
            "low": shares.low,
            "high": shares.high,
        }
    )
    x = alt.X(
        "left:Q",
        title="score, points",
        scale=alt.Scale(nice=False, zero=False),
        axis=alt.Axis(grid=False, tickCount=10),
    )
    y = alt.Y("observed:Q", title="share of the ratings", axis=alt.Axis(format=".0%", tickCount=5))
    tips = [
        alt.Tooltip("score:Q", format=".3~g"),
        alt.Tooltip("observed:Q", format=".1%"),
        alt.Tooltip("predicted:Q", format=".1%"),
        alt.Tooltip("low:Q", title="from", format=".1%"),
        alt.Tooltip("high:Q", title="to", format=".1%"),
    ]
    base = alt.Chart(frame)
    bars = base.mark_rect(color=theme.faint, stroke=theme.ground).encode(
        x=x, x2="right:Q", y=y, y2=alt.datum(0), tooltip=tips
    )
    blue = style(0, theme).colour
    band = base.mark_rule(strokeWidth=4, opacity=0.5, color=blue).encode(x="score:Q", y="low:Q", y2="high:Q")
    dots = base.mark_point(filled=True, size=60, opacity=1, color=blue).encode(
        x="score:Q", y="predicted:Q", tooltip=tips
    )
    words = (
        f"Bars: the {count(shares.ratings)} scores as they are. Dots with lines: what the fitted model would give "
        f"({level(shares.ci_prob)} band)."
    )
    return Picture(dressed(alt.layer(bars, band, dots), theme, height=280), words)


def features(rows: Sequence[Compared | PredictiveCheck], *, theme: Theme = LIGHT, ci_prob: float = 0.95) -> Picture:
    """Features of the ratings, each on a scale of its own: where the observed value lies against the predicted interval."""
    shown = sorted(rows, key=lambda row: row.reproduced)[:MOST_FEATURES]
    labels = distinct([row.name for row in shown], 60)
    half = [max((row.high - row.low) / 2, 1e-12) for row in shown]
    frame = pd.DataFrame(
        [
            {
                "feature": label,
                "at": float(np.clip((row.observed - (row.low + row.high) / 2) / width, -4, 4)),
                "low": -1.0,
                "high": 1.0,
                "reproduced": "reproduced" if row.reproduced else "not reproduced",
                "observed": row.observed,
                "predicted": f"{row.low:.3g} to {row.high:.3g}",
            }
            for label, row, width in zip(labels, shown, half, strict=True)
        ]
    )
    reach = max(2.0, 1.1 * float(frame["at"].abs().max()))
    y = alt.Y("feature:N", sort=labels, title=None, axis=alt.Axis(labelLimit=LABEL + 40, ticks=False, domain=False))
    x = alt.X(
        "at:Q",
        title=None,
        axis=alt.Axis(labels=False, ticks=False, grid=False),
        scale=alt.Scale(domain=[-reach, reach], nice=False),
    )
    tips = [
        alt.Tooltip("feature:N"),
        alt.Tooltip("observed:Q", format=".3~g"),
        alt.Tooltip("predicted:N"),
        alt.Tooltip("reproduced:N", title=" "),
    ]
    kinds = ["reproduced", "not reproduced"]
    colours = [style(0, theme).colour, style(1, theme).colour]
    base = alt.Chart(frame)
    bars = base.mark_rule(strokeWidth=8, color=theme.faint).encode(y=y, x=alt.X("low:Q", title=""), x2="high:Q")
    dots = base.mark_point(filled=True, size=75, opacity=1).encode(
        y=y,
        x=x,
        color=alt.Color(
            "reproduced:N",
            scale=alt.Scale(domain=kinds, range=colours),
            legend=alt.Legend(title=None, orient="top", columns=1),
        ),
        shape=alt.Shape("reproduced:N", scale=alt.Scale(domain=kinds, range=["circle", "triangle-up"])),
        tooltip=tips,
    )
    failed = sum(not row.reproduced for row in rows)
    said = (
        f"{count(failed)} of {count(len(rows))} features of the data lie outside"
        if failed
        else f"All {count(len(rows))} features of the data lie within"
    )
    words = f"{said} what the model predicts (bars: {level(ci_prob)} intervals)."
    if len(rows) > MOST_FEATURES:
        words += f" The chart shows {MOST_FEATURES}, those first."
    return Picture(dressed(alt.layer(bars, dots), theme, height=alt.Step(ROW - 2)), words)
