"""Finished numbers to interactive charts, each with the words that tell the same: Altair, in the colours and shapes of `plots`.

A line is told by its colour, its dash, its marker and its name at the end, so that colour is never the only cue. `Picture.words` is what
a screen reader hears, and stands under the chart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd

from expsim_bayes.amounts import dollars, level, percent
from expsim_bayes.apps.marks import (
    DOLLARS,
    SHAPES,
    Axis,
    Line,
    Picture,
    dressed,
    levelled,
    line_chart,
    places,
)
from expsim_bayes.plots.operating import WHO
from expsim_bayes.plots.theme import LIGHT, Theme, style

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.apps.answers import Curves, Many, Peeked

    Floats = NDArray[np.float64]


def learning(found: Curves, *, theme: Theme = LIGHT, log: bool = True) -> Picture:
    """Chance of picking the right variant against dollars: judge only, humans only, both."""
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
        Axis("dollars spent on outputs and ratings", "$,.2f", log=log, dollars=True),
        Axis("chance of picking the right one", ".0%", domain=(float(bottom), 1.0)),
        theme=theme,
    )
    if found.floor is not None:
        left = min(float(line.x[0]) for line in lines)
        never = f"a judge alone levels off at {percent(found.floor)}"
        chart = levelled(chart, found.floor, never, x=left, theme=theme, align="left")
    return Picture(dressed(chart, theme), in_a_sentence(found))


def in_a_sentence(found: Curves, target: float = 0.95) -> str:
    """What the curves tell, in a sentence or two.

    Parameters
    ----------
    found : Curves
        What certainty costs.
    target : float
        The chance that is asked for.
    """
    reached = {who: _reached(curve, target) for who, curve in found.by_choice.items()}
    told = []
    if "llm" in reached:
        judge = reached.pop("llm")
        told.append(
            f"A judge alone gets stuck: however many of its ratings you buy, it picks the right one {percent(found.floor)} of the time"
            if found.floor is not None and found.floor < target
            else f"A judge alone picks right {level(target)} of the time for about {dollars(judge)}"
            if judge is not None
            else f"A judge alone does not get to {level(target)} with so few ratings"
        )
    who_words = {"human": "people alone", "both": "people and judge together"}
    by_price = sorted(((usd, who_words[who]) for who, usd in reached.items() if usd is not None))
    if by_price:
        dear = [
            f"{words} {'pick right ' + level(target) + ' of the time ' if n == 0 else ''}for about {dollars(usd)}"
            for n, (usd, words) in enumerate(by_price)
        ]
        told.append(", ".join(dear))
    short = [who_words[who] for who, usd in reached.items() if usd is None]
    if short:
        told.append(
            f"{' and '.join(short)} would need more than is drawn here to pick right {level(target)} of the time"
        )
    text = "; ".join(told)
    return f"{text[:1].upper()}{text[1:]}. Rules that launch only when sure take more than a pick."


def _reached(curve: xr.Dataset, target: float) -> float | None:
    """Dollars from which the chance stays at a target or above; None where it does not."""
    below = np.flatnonzero(curve["right"].values < target)
    at = int(below[-1]) + 1 if below.size else 0
    return float(curve["usd"][at]) if at < curve.sizes["look"] else None


def peeking(found: Peeked, *, theme: Theme = LIGHT) -> Picture:
    """How often something has been launched by each look although all variants are equal: an eager rule and the calibrated one."""
    looks = np.arange(1, found.eager.size + 1, dtype=float)
    lines = [
        Line(f"asks for {level(found.eager_threshold)}", looks, found.eager, place=1),
        Line(f"asks for {percent(found.threshold)}", looks, found.calibrated, place=0),
    ]
    far = float(looks[-1])
    top = max(0.1, 1.15 * float(found.eager.max()))
    chart = line_chart(
        lines,
        Axis("looks taken", "d", domain=(1.0, far)),
        Axis("experiments that launched something by mistake", ".0%", domain=(0.0, top)),
        theme=theme,
    )
    chart = levelled(chart, 0.05, "1 in 20", x=far, theme=theme)
    words = (
        f"All variants are equal, and yet after {looks.size} looks a rule that asks for {level(found.eager_threshold)} has launched "
        f"something in {percent(float(found.eager[-1]))} of experiments, one that asks for {percent(found.threshold)} in "
        f"{percent(float(found.calibrated[-1]))}, give or take {100 * found.mcse:.1f}."
    )
    return Picture(dressed(chart, theme), words)


def votes(scores: pd.DataFrame, truth: Mapping[str, float], *, theme: Theme = LIGHT) -> Picture:
    """Mean score of each variant by each evaluator, with two standard errors each way, beside the truth.

    Parameters
    ----------
    scores : pandas.DataFrame
        Columns evaluator, variant, mean and error.
    truth : mapping of str to float
        True quality of each variant.
    theme : Theme
        Colours.
    """
    names = list(truth)
    frame = scores.assign(low=scores["mean"] - 2 * scores["error"], high=scores["mean"] + 2 * scores["error"])
    true = pd.DataFrame({"variant": names, "mean": [truth[name] for name in names], "evaluator": "truth"})
    looks = [style(place, theme) for place in places(names, names[0])]
    colour = alt.Color(
        "variant:N",
        scale=alt.Scale(domain=names, range=[s.colour for s in looks]),
        legend=alt.Legend(title="", orient="top"),
    )
    shape = alt.Shape(
        "variant:N",
        scale=alt.Scale(domain=names, range=[SHAPES[s.marker] for s in looks]),
        legend=alt.Legend(title="", orient="top"),
    )
    order = [*dict.fromkeys(frame["evaluator"]), "truth"]
    y = alt.Y("evaluator:N", title="", sort=order, scale=alt.Scale(domain=order))
    x = alt.X("mean:Q", title="mean score, points", scale=alt.Scale(zero=False, padding=20))
    bars = (
        alt.Chart(frame)
        .mark_rule(strokeWidth=2)
        .encode(
            x=alt.X("low:Q", title="mean score, points", scale=alt.Scale(zero=False)),
            x2="high:Q",
            y=y,
            yOffset="variant:N",
            color=colour,
        )
    )
    tips = [alt.Tooltip("variant:N"), alt.Tooltip("evaluator:N", title="rated by"), alt.Tooltip("mean:Q", format=".2f")]
    points = (
        alt.Chart(pd.concat([frame, true]))
        .mark_point(filled=True, size=120, opacity=1)
        .encode(x=x, y=y, yOffset="variant:N", color=colour, shape=shape, tooltip=tips)
    )
    told = "; ".join(
        f"{who}: " + ", ".join(f"{row.variant} {row.mean:.2f}" for row in part.itertuples())
        for who, part in frame.groupby("evaluator", sort=False)
    )
    truths = ", ".join(f"{name} {truth[name]:.2f}" for name in names)
    return Picture(
        dressed(alt.layer(bars, points), theme, height=200),
        f"Mean scores. {told}; truth: {truths}. Bars are two standard errors.",
    )


def ways(found: Mapping[tuple[str, str], Many], *, theme: Theme = LIGHT) -> Picture:
    """Share of experiments that end right against dollars: the shape for the strategy, the colour for who rates.

    Parameters
    ----------
    found : mapping of (strategy in words, who rates) to Many
        What each way achieves.
    theme : Theme
        Colours.
    """
    rows: list[dict[str, Any]] = [
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
        legend=alt.Legend(title="run as", orient="bottom"),
    )
    x = alt.X(
        "usd:Q",
        title="dollars an experiment, on average",
        axis=alt.Axis(labelExpr=DOLLARS, grid=False),
        scale=alt.Scale(domainMin=0, padding=20),
    )
    y = alt.Y(
        "right:Q",
        title="experiments that end right",
        axis=alt.Axis(format=".0%"),
        scale=alt.Scale(zero=False, padding=12),
    )
    tips = [
        alt.Tooltip("strategy:N"),
        alt.Tooltip("rated by:N"),
        alt.Tooltip("right:Q", format=".1%", title="ends right"),
        alt.Tooltip("false launches if equal:Q", format=".1%"),
        alt.Tooltip("usd:Q", format="$,.2f", title="dollars"),
    ]
    base = alt.Chart(frame)
    bars = base.mark_rule(strokeWidth=1.5).encode(
        x=x, y=alt.Y("low:Q", title="experiments that end right"), y2="high:Q", color=colour
    )
    points = base.mark_point(filled=True, size=150, opacity=1).encode(x=x, y=y, color=colour, shape=shape, tooltip=tips)
    best = max(rows, key=lambda row: row["right"])
    cheap = min((row for row in rows if row["high"] >= best["low"]), key=lambda row: row["usd"])
    words = f"The cheapest of those that end right most often: {_way(cheap)}."
    if cheap is not best:
        words += f" The best by count: {_way(best)}."
    words += " Bars behind the points are two Monte-Carlo errors each way."
    return Picture(dressed(alt.layer(bars, points), theme), words)


def _way(row: Mapping[str, Any]) -> str:
    return f"{row['strategy']} rated by {row['rated by']}, {percent(row['right'])} for {dollars(row['usd'])} on average"
