"""What an experiment buys: the chance of the right decision against dollars, for judges, people and both, and for each strategy.

Chances come from simulated experiments and carry their Monte-Carlo error: bands and bars are two standard errors each way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.plots.labels import FONT_SIZE, dollar_axis, label_points, shown
from expsim_bayes.plots.theme import LIGHT, Theme, dress, style
from expsim_bayes.scenario import STRATEGY_TITLES
from expsim_bayes.sentences import level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from expsim_bayes.operating_characteristics import Characteristics

    Floats = NDArray[np.float64]

WHO = {"llm": "judge only", "human": "humans only", "both": "both"}
"""Choices of evaluators, in words; their order gives the colours."""
STRATEGIES = tuple(STRATEGY_TITLES)
"""Strategies; their order gives the markers."""


def learning_curves(
    curves: Mapping[str, xr.Dataset],
    ax: Axes,
    *,
    floor: float | None = None,
    title: str | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """Chance of the right decision against dollars, a line for each choice of who rates.

    Parameters
    ----------
    curves : mapping of str to xarray.Dataset
        From `operating_characteristics.learning_curve`, by choice of evaluators (``llm``, ``human``, ``both``) or by a label of your own.
    ax : Axes
        To draw on.
    floor : float, optional
        Chance that no number of judge ratings can pass, drawn as a line.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    dress(ax, theme=theme, title=title, x="dollars spent on outputs and ratings", y="chance of the right decision")
    drawn = {name: (c["usd"].values, c["right"].values, 2 * c["mcse"].values) for name, c in curves.items()}
    lowest = min(float((right - error).min()) for _, right, error in drawn.values())
    _chance_axis(ax, min(lowest, floor if floor is not None else 1.0))
    dollar_axis(ax, np.concatenate([usd for usd, _, _ in drawn.values()]))
    for name, (usd, right, error) in drawn.items():
        look = style(_place(name, list(curves)), theme)
        often = max(1, usd.size // 12)
        ax.plot(usd, right, color=look.colour, linestyle=look.dash, linewidth=2.2, marker=look.marker, markevery=often, markersize=5)
        ax.fill_between(usd, right - error, np.minimum(right + error, 1), color=look.colour, alpha=0.15, linewidth=0)
    if floor is not None:
        _draw_floor(ax, floor, theme)
    _name_ends(ax, drawn, theme)
    return ax


def comparison(
    found: Sequence[Characteristics], ax: Axes, *, title: str | None = None, theme: Theme = LIGHT
) -> Axes:
    """Share of experiments that end right against their mean dollars, a point for each strategy and choice of who rates.

    Parameters
    ----------
    found : sequence of Characteristics
        From `operating_characteristics.compare`.
    ax : Axes
        To draw on.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    dress(ax, theme=theme, title=title, x="dollars an experiment, on average", y="experiments that end right", grid="both")
    points = np.array([(c.usd.value, c.right.value) for c in found])
    errors = 2 * np.array([(np.nan_to_num(c.usd.mcse), c.right.mcse) for c in found])
    _chance_axis(ax, float((points[:, 1] - errors[:, 1]).min()))
    dollar_axis(ax, points[:, 0])
    looks = [style(list(WHO).index(c.evaluators), theme) for c in found]
    for c, (usd, right), (across, up), look in zip(found, points, errors, looks, strict=True):
        marker = style(STRATEGIES.index(c.strategy), theme).marker
        bars = [[min(up, right)], [min(up, 1 - right)]]
        ax.errorbar(usd, right, bars, across, fmt=marker, color=look.colour, markersize=8, elinewidth=1.2, mec=theme.ground)
    texts = [f"{STRATEGY_TITLES[c.strategy]}, {WHO[c.evaluators]}" for c in found]
    taken = np.concatenate([points, points + errors * (0, 1), points - errors * (0, 1)])
    label_points(ax, points, texts, [look.colour for look in looks], taken)
    return ax


def _place(name: str, names: list[str]) -> int:
    """Position of the style: that of the choice of evaluators, else of the curve."""
    return list(WHO).index(name) if name in WHO else names.index(name)


def _chance_axis(ax: Axes, lowest: float) -> None:
    """Up to 1, down to the tenth below the lowest chance that is drawn."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    bottom = max(0.0, np.floor(10 * lowest) / 10)
    ax.set_ylim(bottom, 1 + 0.04 * (1 - bottom))
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: level(round(float(value), 4))))


def _draw_floor(ax: Axes, floor: float, theme: Theme) -> None:
    colour = style(0, theme).colour
    ax.axhline(floor, color=colour, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
    text = f"the judge's floor: more of its ratings do not pass {level(round(floor, 3))}"
    ax.text(0.995, floor, text, transform=ax.get_yaxis_transform(), color=colour, fontsize=FONT_SIZE - 1, ha="right", va="top")


def _name_ends(ax: Axes, drawn: Mapping[str, tuple[Floats, Floats, Floats]], theme: Theme) -> None:
    """A label at the end of each line, where it hides no line."""
    names = list(drawn)
    ends = np.array([(usd[-1], right[-1]) for usd, right, _ in drawn.values()])
    taken = np.concatenate([_dense(usd, right) for usd, right, _ in drawn.values()])
    colours = [style(_place(name, names), theme).colour for name in names]
    label_points(ax, ends, [WHO.get(name, shown(name)) for name in names], colours, taken)


def _dense(x: Floats, y: Floats, points: int = 200) -> Floats:
    """Points along a line, close enough together that no label slips between them."""
    position = np.linspace(0, x.size - 1, points)
    return np.stack([np.interp(position, np.arange(x.size), values) for values in (x, y)], axis=1)
