"""What is known of variants, raters and judges: a dot with its interval a row, and a map of judges' tastes.

Each function takes arrays with one entry a row and draws on the Axes that it is given;
`theme.rows_height` gives a height that suits. Beyond `MOST_NAMES` rows only the ends of a long group are named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.amounts import level
from expsim_bayes.plots.labels import FONT_SIZE, distinct, font_families, shown
from expsim_bayes.plots.theme import LIGHT, Style, Theme, dress, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

MOST_NAMES = 45
"""Rows that are all named."""
FEW_DIGITS = 10.0
"""Largest number of a map from which one digit behind the point is enough."""
LONG_GROUP = 8
"""Rows from which the ends of a group are named where not all are."""


def qualities(
    names: Sequence[str],
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    ax: Axes,
    *,
    control: str | None = None,
    plain: ArrayLike | None = None,
    higher_is_better: bool = True,
    ci_prob: float = 0.95,
    unit: str = "points",
    what: str = "quality",
    title: str | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """Quality of each variant with its interval, best on top, the numbers beside it.

    Parameters
    ----------
    names : sequence of str
        Variants.
    mean, low, high : array_like of shape (variant,)
        Posterior means and ends of the intervals, in points.
    ax : Axes
        To draw on.
    control : str, optional
        Variant that is drawn as the one to beat, with a line through its mean.
    plain : array_like of shape (variant,), optional
        Plain means of the ratings, as hollow markers to compare with.
    higher_is_better : bool
        Which end is on top.
    ci_prob : float
        Probability of the intervals.
    unit : str
        What the numbers are in, as it stands beside an axis.
    what : str
        What quality is.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    displayed = distinct(names)
    at = list(names).index(control) if control is not None else -1
    words = f"{what}, {unit} (dot and {level(ci_prob)} interval" + (
        "; ◇ plain mean of the ratings)" if plain is not None else ")"
    )
    dress(ax, theme=theme, title=title, x=words, y="", grid="x")
    looks = [style(-1 if n == at else 0, theme) for n in range(len(displayed))]
    order = _ranked(ax, (mean, low, high), looks, theme, higher_is_better=higher_is_better)
    if plain is not None:
        ax.plot(
            np.asarray(plain, dtype=float)[order],
            np.arange(order.size),
            "D",
            mfc="none",
            mec=theme.muted,
            ms=6,
            zorder=2,
        )
    if at >= 0:
        ax.axvline(
            float(np.asarray(mean, dtype=float)[at]), color=theme.muted, linewidth=1, linestyle=(0, (2, 2)), zorder=1
        )
    _name_rows(ax, range(order.size), [displayed[n] + (" (in use)" if n == at else "") for n in order], theme)
    return ax


def differences(
    names: Sequence[str],
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    ax: Axes,
    *,
    baseline: str,
    min_effect: float = 0.0,
    higher_is_better: bool = True,
    ci_prob: float = 0.95,
    unit: str = "points",
    title: str | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """Difference of each variant to one of them, best on top: what all share, such as the pool's severity, is gone from it.

    Parameters
    ----------
    names : sequence of str
        Variants, without the one that they are compared with.
    mean, low, high : array_like of shape (variant,)
        Posterior means of the differences and ends of their intervals, in points.
    ax : Axes
        To draw on.
    baseline : str
        The variant that they are compared with.
    min_effect : float
        Smallest difference that matters, drawn as a band around zero.
    higher_is_better : bool
        Which end is on top.
    ci_prob : float
        Probability of the intervals.
    unit : str
        What the numbers are in, as it stands beside an axis.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    *displayed, shown_baseline = distinct([*names, baseline])
    band = f"; band: within {min_effect:g}, which does not matter" if min_effect > 0 else ""
    side = "right" if higher_is_better else "left"
    words = f"difference to {shown_baseline}, {unit} (dot and {level(ci_prob)} interval{band}): {side} of 0 is better"
    dress(ax, theme=theme, title=title, x=words, y="", grid="x")
    looks = [style(0, theme)] * len(displayed)
    order = _ranked(ax, (mean, low, high), looks, theme, higher_is_better=higher_is_better)
    if min_effect > 0:
        ax.axvspan(-min_effect, min_effect, color=theme.muted, alpha=0.12, linewidth=0, zorder=0)
    ax.axvline(0.0, color=theme.muted, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
    _name_rows(ax, range(order.size), [displayed[n] for n in order], theme)
    return ax


def severity(
    raters: Sequence[str],
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    ax: Axes,
    *,
    evaluators: Sequence[str],
    higher_is_better: bool = True,
    ci_prob: float = 0.95,
    unit: str = "points",
    title: str | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """How severe or lenient each rater is, grouped by evaluator, the highest scores on top.

    Parameters
    ----------
    raters : sequence of str
        Raters.
    mean, low, high : array_like of shape (rater,)
        Points that the rater adds to a score, with the ends of its interval.
    ax : Axes
        To draw on.
    evaluators : sequence of str
        The evaluator that each rater belongs to.
    higher_is_better : bool
        Whether points added to a score are a kindness.
    ci_prob : float
        Probability of the intervals.
    unit : str
        What the numbers are in, as it stands beside an axis.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    sides = ("severe", "lenient") if higher_is_better else ("lenient", "severe")
    words = f"{unit} added to {_said(unit)} ({level(ci_prob)} interval): left of 0 {sides[0]}, right {sides[1]}"
    rows = _rows(raters, evaluators, mean, low, high, ranked=True)
    dress(ax, theme=theme, title=title, x=words, y="", grid="x")
    _draw_groups(ax, rows, theme)
    return ax


def judge_shifts(
    variants: Sequence[str],
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    ax: Axes,
    *,
    evaluators: Sequence[str],
    higher_is_better: bool = True,
    ci_prob: float = 0.95,
    unit: str = "points",
    title: str | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """Each judge's taste for each variant, with its interval.

    Parameters
    ----------
    variants : sequence of str
        Variants.
    mean, low, high : array_like of shape (evaluator, variant)
        Points that the judge adds to the variant's scores beyond what people would, with the ends of the interval.
    ax : Axes
        To draw on.
    evaluators : sequence of str
        Judges.
    higher_is_better : bool
        Whether more is a favour.
    ci_prob : float
        Probability of the intervals.
    unit : str
        What the numbers are in, as it stands beside an axis.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    groups = np.repeat(np.asarray(evaluators, dtype=object), len(variants)).tolist()
    centre, lows, highs = (np.asarray(values, dtype=float).ravel() for values in (mean, low, high))
    rows = _rows(list(variants) * len(evaluators), groups, centre, lows, highs, ranked=False)
    side = "right" if higher_is_better else "left"
    words = f"{unit} added to the variant's {_said(unit, several=True)} ({level(ci_prob)} interval): {side} of 0 favoured by the judge"
    dress(ax, theme=theme, title=title, x=words, y="", grid="x")
    _draw_groups(ax, rows, theme)
    return ax


def shift_map(
    variants: Sequence[str],
    mean: ArrayLike,
    ax: Axes,
    *,
    evaluators: Sequence[str],
    unit: str = "points",
    title: str | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """Judges' tastes as a map with a number in every cell, for many variants at once.

    Parameters
    ----------
    variants : sequence of str
        Variants, downwards.
    mean : array_like of shape (evaluator, variant)
        Points that the judge adds to the variant's scores; NaN where it rated none.
    ax : Axes
        To draw on.
    evaluators : sequence of str
        Judges, across.
    unit : str
        What the numbers are in, as it stands beside an axis.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    from matplotlib.colors import LinearSegmentedColormap

    values = np.asarray(mean, dtype=float).T
    most = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    ramp = LinearSegmentedColormap.from_list("shift", [theme.colours[1], theme.ground, theme.colours[0]])
    dress(
        ax,
        theme=theme,
        title=title,
        x=f"{unit} added to the variant's {_said(unit, several=True)} by each judge",
        y="",
        grid="x",
    )
    ax.grid(visible=False)
    ax.imshow(values, cmap=ramp, vmin=-1.6 * most, vmax=1.6 * most, aspect="auto")
    digits = 1 if most >= FEW_DIGITS else 2
    for (row, column), value in np.ndenumerate(values):
        sign = "+" if round(abs(value), digits) else ""
        text = f"{value:{sign}z.{digits}f}".replace("-", "\N{MINUS SIGN}") if np.isfinite(value) else "\N{EN DASH}"
        ax.text(column, row, text, ha="center", va="center", color=theme.ink, fontsize=FONT_SIZE - 1)
    names = distinct(evaluators, 16)
    ax.set_xticks(range(len(names)), names, fontfamily=font_families(), parse_math=False)
    ax.tick_params(length=0)
    ax.set_yticks(range(len(variants)), distinct(variants), fontfamily=font_families(), parse_math=False)
    ax.spines["bottom"].set_visible(False)
    return ax


def scale_use(
    evaluators: Sequence[str],
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    ax: Axes,
    *,
    unit: str = "points",
    ci_prob: float = 0.95,
    title: str | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """How strongly each evaluator follows what the reference sees.

    Parameters
    ----------
    evaluators : sequence of str
        Evaluators.
    mean, low, high : array_like of shape (evaluator,)
        How far its ratings move when the reference would move by 1, with the ends of the interval.
    ax : Axes
        To draw on.
    unit : str
        Of quality: with points a judge gives scores, else comparisons or rankings.
    ci_prob : float
        Probability of the intervals.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    centre, lows, highs = (np.asarray(values, dtype=float) for values in (mean, low, high))
    numbers = _numbers(centre, lows, highs)
    moved = "points a score moves" if unit == "points" else "how far its verdicts move"
    words = f"{moved} when the reference moves by 1 ({level(ci_prob)} interval)"
    dress(ax, theme=theme, title=title, x=words, y="", grid="x")
    rows = range(centre.size)[::-1]
    for n, row in enumerate(rows):
        _dot(ax, row, (centre[n], lows[n], highs[n]), style(n, theme), theme)
        _beside(ax, row, numbers[n], theme.ink)
    ax.axvline(1.0, color=theme.muted, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
    ax.set_xlim(left=min(0.0, float(np.nanmin(lows, initial=0.0))))
    _name_rows(ax, rows, distinct(evaluators), theme)
    return ax


def _said(unit: str, *, several: bool = False) -> str:
    """What points, or percentage points, are added to."""
    if unit == "points":
        return "scores" if several else "a score"
    return "share" if several else "the share"


class Row(NamedTuple):
    """A row of a grouped picture."""

    name: str
    """As displayed; empty where it is not named."""
    group: int
    """Position of its group."""
    y: float
    """Height."""
    value: tuple[float, float, float]
    """Mean and ends of the interval."""


class Rows(NamedTuple):
    """Rows in groups, from the top down."""

    rows: list[Row]
    """All rows."""
    headings: list[tuple[str, float]]
    """Name and height of each group."""


def _rows(
    names: Sequence[str], groups: Sequence[str], mean: ArrayLike, low: ArrayLike, high: ArrayLike, *, ranked: bool
) -> Rows:
    """Places of the rows: group after group, in the order in which groups first appear."""
    values = np.stack([np.asarray(column, dtype=float) for column in (mean, low, high)], axis=1)
    order = list(dict.fromkeys(groups))
    heading = max(1.0, 0.04 * len(names))
    rows: list[Row] = []
    headings: list[tuple[str, float]] = []
    y = 0.0
    for group, (name, title) in enumerate(zip(order, distinct(order), strict=True)):
        members = [n for n, of in enumerate(groups) if of == name]
        if ranked:
            members.sort(key=lambda n: -float(np.nan_to_num(values[n, 0])))
        headings.append((f"{title} ({len(members)})" if ranked else title, y))
        displayed = distinct([names[n] for n in members])
        ends = {0, len(members) - 1} if len(members) >= LONG_GROUP else set()
        named = range(len(members)) if len(names) <= MOST_NAMES else ends
        y -= heading
        for place, n in enumerate(members):
            a, b, c = values[n].tolist()
            rows.append(Row(displayed[place] if place in named else "", group, y, (a, b, c)))
            y -= 1.0
        y -= 0.8 * heading
    return Rows(rows, headings)


def _draw_groups(ax: Axes, table: Rows, theme: Theme) -> None:
    """A dot and an interval a row, a heading a group, and a line at zero."""
    small = len(table.rows) > MOST_NAMES
    for row in table.rows:
        _dot(ax, row.y, row.value, style(row.group, theme), theme, small=small)
    ax.axvline(0.0, color=theme.muted, linewidth=1, zorder=1)
    named = [row for row in table.rows if row.name]
    texts = [heading for heading, _ in table.headings] + [row.name for row in named]
    _name_rows(ax, [y for _, y in table.headings] + [row.y for row in named], texts, theme)
    ax.set_ylim(table.rows[-1].y - 0.7, table.headings[0][1] + 0.7)
    for group, label in enumerate(ax.get_yticklabels()[: len(table.headings)]):
        label.set_color(style(group, theme).colour)
        label.set_fontweight("bold")


def _dot(
    ax: Axes, y: float, value: tuple[float, float, float], look: Style, theme: Theme, *, small: bool = False
) -> None:
    mean, low, high = value
    ax.plot(
        [low, high],
        [y, y],
        color=look.colour,
        linewidth=0.8 if small else 2,
        solid_capstyle="round",
        zorder=3,
        alpha=0.55,
    )
    ax.plot(
        [mean],
        [y],
        marker=look.marker,
        color=look.colour,
        markersize=3.0 if small else 7.0,
        markeredgecolor=theme.ground,
        markeredgewidth=0.0 if small else 0.8,
        linestyle="",
        zorder=4,
    )


def _ranked(
    ax: Axes,
    values: tuple[ArrayLike, ArrayLike, ArrayLike],
    looks: Sequence[Style],
    theme: Theme,
    *,
    higher_is_better: bool,
) -> NDArray[np.intp]:
    """Draw means with their intervals and numbers, the best on top; which entry stands in each row, from the bottom up."""
    mean, low, high = (np.asarray(column, dtype=float) for column in values)
    numbers = _numbers(mean, low, high)
    order = np.argsort(mean if higher_is_better else -mean, kind="stable")
    for row, n in enumerate(order):
        _dot(ax, row, (mean[n], low[n], high[n]), looks[n], theme)
        _beside(ax, row, numbers[n], theme.ink)
    return order


def _beside(ax: Axes, y: float, text: str, colour: str) -> None:
    ax.text(1.03, y, text, transform=ax.get_yaxis_transform(), color=colour, fontsize=FONT_SIZE - 1, va="center")


def _numbers(mean: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> list[str]:
    """Means with their intervals, all to the digits that the narrowest interval supports."""
    known = high - low <= 1e-9 * np.maximum(np.abs(mean), 1e-9)
    width = (high - low)[~known]
    digits = int(np.clip(1 - np.floor(np.log10(width.min())), 0, 4)) if width.size else 2

    def shown(value: float) -> str:
        return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "\N{MINUS SIGN}")

    return [
        f"{m:g} (fixed)" if exact else f"{shown(m)}  [{shown(a)}, {shown(b)}]"
        for m, a, b, exact in zip(mean, low, high, known, strict=True)
    ]


def _name_rows(ax: Axes, y: Sequence[float] | range, names: Sequence[str], theme: Theme) -> None:
    ax.set_yticks(
        list(y), [shown(name, 60) for name in names], color=theme.ink, fontfamily=font_families(), parse_math=False
    )
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(min(y) - 0.7, max(y) + 0.7)
