"""What an experiment buys: the chance of picking the right variant against dollars, for judges, people and both, and for each strategy.

Chances come from simulated experiments and carry their Monte-Carlo error: bands and bars are two standard errors each way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.amounts import level
from expsim_bayes.plots.labels import dollar_axis, label_above, label_points, label_right, shown
from expsim_bayes.plots.theme import LIGHT, Theme, dress, style
from expsim_bayes.scenario import STRATEGY_TITLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from expsim_bayes.operating_characteristics import Characteristics

    Floats = NDArray[np.float64]

WHO = {"llm": "judge only", "human": "humans only", "both": "both"}
"""Choices of evaluators, in words; their order gives the colours."""
TITLES: dict[str, str] = {str(name): title for name, title in STRATEGY_TITLES.items()}
"""Strategies in words; their order gives the markers."""
GLYPHS = {"o": "●", "D": "◆", "^": "▲"}
"""Markers as they appear in text."""


def learning_curves(
    curves: Mapping[str, xr.Dataset],
    ax: Axes,
    *,
    floor: float | None = None,
    title: str | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """Chance of picking the right variant against dollars, a line for each choice of who rates.

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
    dress(ax, theme=theme, title=title, x="dollars spent on outputs and ratings", y="chance of picking the right one")
    drawn = {name: (c["usd"].values, c["right"].values, 2 * c["mcse"].values) for name, c in curves.items()}
    lowest = min(float((right - error).min()) for _, right, error in drawn.values())
    _chance_axis(ax, min(lowest, floor if floor is not None else 1.0))
    dollar_axis(ax, np.concatenate([usd for usd, _, _ in drawn.values()]))
    for name, (usd, right, error) in drawn.items():
        look = style(_place(name, list(curves)), theme)
        ax.plot(
            usd,
            right,
            color=look.colour,
            linestyle=look.dash,
            linewidth=2.2,
            marker=look.marker,
            markevery=0.09,
            markersize=5.5,
        )
        ax.fill_between(usd, right - error, np.minimum(right + error, 1), color=look.colour, alpha=0.15, linewidth=0)
    if floor is not None:
        ax.axhline(floor, color=style(0, theme).colour, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
    _name_ends(ax, drawn, floor, theme)
    return ax


def comparison(found: Sequence[Characteristics], ax: Axes, *, title: str | None = None, theme: Theme = LIGHT) -> Axes:
    """Share of experiments that end right against their mean dollars, the shape for the strategy, the colour for who rates.

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
    shapes = {c.strategy: style(list(TITLES).index(c.strategy), theme).marker for c in found}
    entries = (f"{GLYPHS[marker]} {TITLES[strategy]}" for strategy, marker in shapes.items())
    key = ", ".join(entry.replace(" ", "\N{NO-BREAK SPACE}") for entry in entries)
    words = f"dollars an experiment, on average ({key})"
    dress(ax, theme=theme, title=title, x=words, y="experiments that end right", grid="both")
    points = np.array([(c.usd.value, c.right.value) for c in found])
    errors = 2 * np.array([(np.nan_to_num(c.usd.mcse), c.right.mcse) for c in found])
    _chance_axis(ax, float((points[:, 1] - errors[:, 1]).min()))
    dollar_axis(ax, points[:, 0], room=1.5)
    tops = []
    for who in dict.fromkeys(c.evaluators for c in found):
        members = [n for n, c in enumerate(found) if c.evaluators == who]
        colour = style(_place(who, []), theme).colour
        _draw_group(
            ax,
            points[members],
            errors[members],
            [shapes[found[n].strategy] for n in members],
            colour,
            edge=theme.ground,
        )
        tops.append((*points[max(members, key=lambda n: points[n, 1])], WHO[who], colour))
    steps = np.linspace(-1, 1, 9)[:, None, None]
    taken = np.concatenate([(points + steps * errors * axis).reshape(-1, 2) for axis in np.eye(2)])
    label_points(ax, np.array([top[:2] for top in tops]), [top[2] for top in tops], [top[3] for top in tops], taken)
    return ax


def _draw_group(ax: Axes, points: Floats, errors: Floats, shapes: list[str], colour: str, *, edge: str) -> None:
    """The strategies of one choice of who rates, held together by a faint band."""
    path = points[np.argsort(points[:, 0])]
    ax.plot(path[:, 0], path[:, 1], color=colour, linewidth=6, alpha=0.12, solid_capstyle="round", zorder=1)
    for (usd, right), (across, up), shape in zip(points, errors, shapes, strict=True):
        bars = [[min(up, right)], [min(up, 1 - right)]]
        ax.errorbar(usd, right, bars, across, fmt=shape, color=colour, markersize=8, mec=edge, elinewidth=1.2)


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


def _name_ends(ax: Axes, drawn: Mapping[str, tuple[Floats, Floats, Floats]], floor: float | None, theme: Theme) -> None:
    """A label at the end of each line: in the margin where the line reaches the right of the picture, else above its end."""
    names = list(drawn)
    colours = {name: style(_place(name, names), theme).colour for name in names}
    last = max(usd[-1] for usd, _, _ in drawn.values())
    texts = {name: WHO.get(name, shown(name)) for name in names}
    margin = [name for name in names if drawn[name][0][-1] >= last / 4]
    ends = [(drawn[name][0][-1], drawn[name][1][-1], texts[name], colours[name]) for name in margin]
    if floor is not None:
        ends.append((last, floor, f"judge's limit, {level(round(floor, 3))}", style(0, theme).colour))
    label_right(
        ax, [end[0] for end in ends], [end[1] for end in ends], [end[2] for end in ends], [end[3] for end in ends]
    )
    for name in set(names) - set(margin):
        usd, right, error = drawn[name]
        label_above(ax, usd[-1], min(right[-1] + error[-1], 1.0), texts[name], colours[name])
