"""One experiment as it went, look after look: qualities, the probability of being the best, who was shown, what it cost.

Each function takes the history of a single replication, as `experiment.play` gives it, and draws on the Axes that it is given. With more
variants than `MOST` only the leading ones and the control stand out; the others are grey and counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from expsim_bayes.amounts import count, dollars, level, percent
from expsim_bayes.plots.labels import distinct, dollar_tick, label_right, shown
from expsim_bayes.plots.theme import LIGHT, Style, Theme, dress, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Across = Literal["ratings", "look", "usd"]
"""What the x axis counts."""
ACROSS_LABELS: dict[Across, str] = {"ratings": "{rated}s so far", "look": "look", "usd": "dollars spent so far"}

MOST = 6
"""Variants that stand out beside the control."""
MOST_INTERVALS = 4
"""Variants, the control among them, whose intervals are drawn."""


def quality_over_looks(
    history: xr.Dataset,
    ax: Axes,
    *,
    what: Literal["quality", "effect"] = "quality",
    across: Across = "ratings",
    control: str | None = None,
    higher_is_better: bool = True,
    ci_prob: float = 0.95,
    unit: str = "points",
    rated: str = "rating",
    title: str | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """Quality of each variant with its interval, look after look, or its difference to the control.

    Parameters
    ----------
    history : xarray.Dataset
        ``quality_mean`` and ``quality_sd`` (or ``effect_…``) with dims look and variant, and ``ratings`` (look, evaluator), of one
        replication.
    ax : Axes
        To draw on.
    what : {"quality", "effect"}
        The quality itself, or the difference to the control.
    across : {"ratings", "look", "usd"}
        What the x axis counts.
    control : str, optional
        Variant that is drawn as the one to beat.
    higher_is_better : bool
        Which variants lead.
    ci_prob : float
        Probability of the interval.
    unit : str
        Of quality: points, or share, which is drawn in per cent.
    rated : str
        What is counted: a rating, a comparison or a ranking.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    played = one_replication(history)
    times, level_unit, gap_unit = (100.0, "per cent", "percentage points") if unit == "share" else (1.0, unit, unit)
    mean, low, high = (times * part for part in intervals(played, what, ci_prob=ci_prob, unit=unit))
    series = _series(played, mean[-1] * (1 if higher_is_better else -1), control, theme)
    words = (
        f"quality, {level_unit}"
        if what == "quality"
        else f"{gap_unit} above {shown(control, 16) if control else 'the baseline'}"
    )
    dress(
        ax,
        theme=theme,
        title=title,
        x=ACROSS_LABELS[across].format(rated=rated),
        y=f"{words} ({level(ci_prob)} interval)",
    )
    x = _x_axis(ax, played, across)
    _draw_lines(ax, x, mean, series, reach=np.maximum([mean - low, high - mean], 0.0))
    _name_lines(ax, x, mean, series)
    return ax


def intervals(
    played: xr.Dataset, what: Literal["quality", "effect"], *, ci_prob: float = 0.95, unit: str = "points"
) -> tuple[Floats, Floats, Floats]:
    """Means and ends of the intervals of qualities or differences, each (look, variant); shares end within 0 and 1.

    Parameters
    ----------
    played : xarray.Dataset
        ``quality_mean`` and ``quality_sd`` (or ``effect_…``) with dims look and variant, of one replication.
    what : {"quality", "effect"}
        The quality itself, or the difference to the control.
    ci_prob : float
        Probability of the intervals.
    unit : str
        Of quality.
    """
    from scipy.special import ndtri

    from expsim_bayes.rates import ends

    mean, sd = (played[f"{what}_{part}"].transpose("look", "variant").values for part in ("mean", "sd"))
    if what == "quality" and unit == "share":
        return mean, *ends(mean, sd, ci_prob)
    half = float(ndtri((1 + ci_prob) / 2)) * sd
    return mean, mean - half, mean + half


def prob_best_over_looks(
    history: xr.Dataset,
    ax: Axes,
    *,
    threshold: float | None = None,
    across: Across = "ratings",
    control: str | None = None,
    rated: str = "rating",
    title: str | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """Probability of each variant to be the best, look after look, with the threshold of the rule that stops.

    Parameters
    ----------
    history : xarray.Dataset
        ``prob_best`` (look, variant) and ``ratings`` (look, evaluator) of one replication.
    ax : Axes
        To draw on.
    threshold : float, optional
        Probability at which the rule stops.
    across : {"ratings", "look", "usd"}
        What the x axis counts.
    control : str, optional
        Variant that is drawn as the one to beat.
    rated : str
        What is counted: a rating, a comparison or a ranking.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    played = one_replication(history)
    prob = played["prob_best"].values
    series = _series(played, prob[-1], control, theme)
    dress(ax, theme=theme, title=title, x=ACROSS_LABELS[across].format(rated=rated), y="probability of being the best")
    _share_axis(ax)
    x = _x_axis(ax, played, across)
    _draw_lines(ax, x, prob, series)
    said = [percent(float(value)) for value in prob[-1]]
    if threshold is not None:
        ax.axhline(threshold, color=theme.muted, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
    _name_lines(ax, x, prob, series, said=said, threshold=threshold)
    return ax


def allocation_over_looks(
    history: xr.Dataset,
    ax: Axes,
    *,
    share: bool = True,
    control: str | None = None,
    title: str | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """How the outputs of each look were shared out among the variants.

    Parameters
    ----------
    history : xarray.Dataset
        ``outputs`` (look, variant), cumulative, of one replication.
    ax : Axes
        To draw on.
    share : bool
        Shares of the look's outputs, or their number.
    control : str, optional
        Variant that is drawn at the bottom, as the one to beat.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    played = one_replication(history)
    total = played["outputs"].values
    each = np.diff(total, axis=0, prepend=0.0)
    height = each / np.maximum(each.sum(1, keepdims=True), 1) if share else each
    series = _series(played, total[-1], control, theme)
    dress(ax, theme=theme, title=title, x="look", y="share of the outputs of a look" if share else "outputs of a look")
    if share:
        _share_axis(ax)
    rows = [n for n in (series.control, *series.leading) if n >= 0]
    words = (lambda value: f"{100 * value:.0f} %") if share else count
    said = [words(float(value)) for value in height[-1]]
    parts = [Part(f"{series.names[n]}: {said[n]}", height[:, n], series.styles[n]) for n in rows]
    if series.others:
        rest = height[:, series.others].sum(1)
        parts.append(
            Part(f"{len(series.others)} others: {words(float(rest[-1]))}", rest, Style(theme.faint, "", "-", ""))
        )
    _stack(ax, played["look"].values.astype(float), parts, theme)
    return ax


def cost_over_looks(history: xr.Dataset, ax: Axes, *, title: str | None = None, theme: Theme = LIGHT) -> Axes:
    """Dollars spent so far at each look, on generating outputs and on each evaluator.

    Parameters
    ----------
    history : xarray.Dataset
        ``usd_generation`` (look, variant) and ``usd_rating`` (look, evaluator), cumulative, of one replication.
    ax : Axes
        To draw on.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    from matplotlib.ticker import FuncFormatter

    played = one_replication(history)
    amounts = [played["usd_generation"].sum("variant").values, *played["usd_rating"].values.T]
    names = ["generation", *distinct([str(name) for name in played["evaluator"].values])]
    parts = [
        Part(f"{name}: {dollars(float(usd[-1]))}", usd, style(n - 1, theme))
        for n, (name, usd) in enumerate(zip(names, amounts, strict=True))
    ]
    dress(ax, theme=theme, title=title, x="look", y="dollars spent so far")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: dollar_tick(float(value))))
    _stack(ax, played["look"].values.astype(float), parts, theme)
    return ax


def one_replication(history: xr.Dataset) -> xr.Dataset:
    """The history of a single replication up to the look at which it stopped.

    Raises
    ------
    ValueError
        There are several replications: choose one with ``history.isel(replication=...)``.
    """
    if history.sizes.get("replication", 1) != 1:
        raise ValueError("the history holds several replications: choose one with .isel(replication=...)")
    single = history.squeeze("replication") if "replication" in history.dims else history
    return single.isel(look=np.isfinite(single["ratings"].sum("evaluator", skipna=False).values))


class Part(NamedTuple):
    """One layer of a stack of bars."""

    label: str
    """What it is, with its amount at the last look."""
    height: Floats
    """(look,)"""
    style: Style
    """Colour and hatch."""


class Series(NamedTuple):
    """Which variants stand out, and how each is drawn."""

    names: list[str]
    """Names as displayed."""
    leading: list[int]
    """Variants that stand out, best first, without the control."""
    control: int
    """Position of the control, else -1."""
    others: list[int]
    """Variants that are only counted."""
    styles: list[Style]
    """(variant,)"""
    theme: Theme


def _series(played: xr.Dataset, final: Floats, control: str | None, theme: Theme) -> Series:
    """Styles go to variants by their place in the data, not by rank, so that they are the same in every picture of an experiment."""
    raw = [str(name) for name in played["variant"].values]
    names = distinct(raw)
    at = raw.index(control) if control is not None else -1
    ranked = [int(n) for n in np.argsort(-np.nan_to_num(final, nan=-np.inf), kind="stable") if n != at]
    leading, others = ranked[:MOST], ranked[MOST:]
    grey = Style(theme.muted, "", "-", "")
    places = {n: place for place, n in enumerate(sorted(leading))}
    styles = [style(-1 if n == at else places[n], theme) if n == at or n in places else grey for n in range(len(names))]
    if at >= 0:
        names[at] = f"{names[at]} (in use)"
    return Series(names, leading, at, others, styles, theme)


def _x_axis(ax: Axes, played: xr.Dataset, across: Across) -> Floats:
    """(look,) what the x axis counts, on an axis that ends with the last look."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    if across == "look":
        x = played["look"].values.astype(float)
    elif across == "ratings":
        x = played["ratings"].sum("evaluator").values
    else:
        x = (played["usd_rating"].sum("evaluator") + played["usd_generation"].sum("variant")).values
    words = dollar_tick if across == "usd" else count
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10], integer=across != "usd", min_n_ticks=1))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words(float(value))))
    ax.set_xlim(0 if across != "look" else 1 - 0.04 * x[-1], x[-1] * 1.03 or 1.0)
    return x


def _share_axis(ax: Axes) -> None:
    from matplotlib.ticker import FuncFormatter

    ax.set_ylim(0, 1.02)
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: level(float(value))))


def _draw_lines(ax: Axes, x: Floats, y: Floats, series: Series, *, reach: Floats | None = None) -> None:
    """A line a variant over looks, those that stand out above the others; intervals stand side by side for the control and the leaders."""
    for n in series.others:
        ax.plot(x, y[:, n], color=series.theme.muted, linewidth=0.8, alpha=0.45, zorder=2)
    front = [*([series.control] if series.control >= 0 else []), *series.leading]
    with_interval = front[:MOST_INTERVALS] if reach is not None else []
    step = 0.011 * (x[-1] - x[0] or x[-1])
    for place, n in enumerate(front):
        look = series.styles[n]
        shifted = x + step * (place - (len(with_interval) - 1) / 2) if n in with_interval else x
        ax.errorbar(
            shifted,
            y[:, n],
            None if reach is None or n not in with_interval else reach[:, :, n],
            color=look.colour,
            linestyle=look.dash,
            linewidth=1.8,
            elinewidth=0.9,
            errorevery=max(1, x.size // 15),
            marker=look.marker,
            markersize=5,
            markevery=max(1, x.size // 15),
            markeredgecolor=series.theme.ground,
            markeredgewidth=0.6,
            zorder=3 + (len(front) - place) / 100,
        )


def _name_lines(
    ax: Axes, x: Floats, y: Floats, series: Series, *, said: Sequence[str] | None = None, threshold: float | None = None
) -> None:
    """Names in the right margin, for the grey ones their number, and what the threshold is."""
    named = [n for n in (series.control, *series.leading) if n >= 0]
    texts = [f"{series.names[n]}: {said[n]}" if said else series.names[n] for n in named]
    ends, colours = [float(y[-1, n]) for n in named], [series.styles[n].colour for n in named]
    if series.others:
        texts.append(f"{len(series.others)} others")
        ends.append(float(np.median(y[-1, series.others])))
        colours.append(series.theme.muted)
    if threshold is not None:
        texts.append(f"the rule stops at {level(threshold)}")
        ends.append(threshold)
        colours.append(series.theme.muted)
    label_right(ax, float(x[-1]), ends, texts, colours)


def _stack(ax: Axes, x: Floats, parts: Sequence[Part], theme: Theme) -> None:
    """Bars on top of each other, each layer with its own hatch and its name at the right."""
    from matplotlib.ticker import MaxNLocator

    base = np.zeros_like(x)
    middles = []
    for part in parts:
        ax.bar(
            x,
            part.height,
            0.86,
            bottom=base,
            color=part.style.colour,
            hatch=part.style.hatch,
            edgecolor=theme.ground,
            linewidth=0.6,
            hatch_linewidth=0.7,
        )
        middles.append(float(base[-1] + part.height[-1] / 2))
        base = base + part.height
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
    ax.set_xlim(x[0] - 0.55, x[-1] + 0.55)
    colours = [part.style.colour if part.style.colour != theme.faint else theme.muted for part in parts]
    label_right(ax, float(x[-1]) + 0.43, middles, [part.label for part in parts], colours)
