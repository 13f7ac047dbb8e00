"""How a sampler went: traces, ranks and energy of the chains. Finished numbers come from `expsim_bayes.diagnosis.chains`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.plots.labels import FONT_SIZE, shown
from expsim_bayes.plots.theme import LIGHT, Theme, dress, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from expsim_bayes.diagnosis.chains import Draws, Energies, Ranks

MOST_POINTS = 400
"""Draws of a chain that a trace shows, evenly spaced."""
MOST_CROSSES = 300
"""Diverging draws that a trace shows."""
LONGEST_NAME = 44
"""Letters of a number's name that are shown."""


def trace(found: Draws, ax: Axes, *, title: str | None = None, theme: Theme = LIGHT) -> Axes:
    """Every chain, draw after draw: lines that look alike and lie on each other are good.

    Parameters
    ----------
    found : Draws
        From `diagnosis.chains.draws`.
    ax : Axes
        To draw on.
    title : str, optional
        What the picture shows; the name of the number unless told.
    theme : Theme
        Colours.
    """
    from expsim_bayes.diagnosis.chains import MOST_CHAINS

    dress(ax, theme=theme, title=title or shown(found.name, LONGEST_NAME), x="draw of the chain", y="")
    values = found.values[:MOST_CHAINS]
    step = max(1, values.shape[1] // MOST_POINTS)
    at = np.arange(0, values.shape[1], step)
    for n, chain in enumerate(values):
        look = style(n, theme)
        ax.plot(at, chain[at], color=look.colour, linewidth=0.6, alpha=0.75)
    if found.diverging is not None:
        bad = np.argwhere(found.diverging[:MOST_CHAINS])[:MOST_CROSSES]
        ax.plot(bad[:, 1], values[bad[:, 0], bad[:, 1]], "X", color=theme.ink, markersize=5, zorder=3)
    ax.set_xlim(0, values.shape[1] - 1)
    return ax


def ranks(found: Ranks, ax: Axes, *, title: str | None = None, theme: Theme = LIGHT) -> Axes:
    """How often each chain has the lowest, middling and highest draws: steps within the band are good.

    Parameters
    ----------
    found : Ranks
        From `diagnosis.chains.ranks`.
    ax : Axes
        To draw on.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    from matplotlib.ticker import PercentFormatter

    dress(ax, theme=theme, title=title, x="from the lowest draws to the highest", y="times as often\nas expected")
    ax.axhspan(found.low, found.high, color=theme.faint, linewidth=0, zorder=0)
    width = 1 / len(found.middle)
    edges = np.append(found.middle - width / 2, 1.0)
    for n, times in enumerate(found.times):
        look = style(n, theme)
        ax.stairs(times, edges, baseline=None, color=look.colour, linewidth=1.3, label=f"chain {n + 1}")
    ax.set_xlim(0, 1)
    top = max(float(found.times.max()), found.high)
    ax.set_ylim(max(min(float(found.times.min()), found.low) - 0.1, 0), top + 0.1)
    ax.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    return ax


def chain_names(ax: Axes, chains: int, *, theme: Theme = LIGHT) -> None:
    """Names of the chains in their colours, in a row above the axes."""
    for n in range(chains):
        ax.text(
            n / max(chains, 4), 1.04, f"chain {n + 1}", transform=ax.transAxes, color=style(n, theme).colour,
            fontsize=FONT_SIZE - 0.5, va="bottom",
        )  # fmt: skip


def energy(found: Energies, ax: Axes, *, title: str | None = None, theme: Theme = LIGHT) -> Axes:
    """Energy of the sampler, and how far it moves from draw to draw: shapes that are about as wide are good.

    Parameters
    ----------
    found : Energies
        From `diagnosis.chains.energies`.
    ax : Axes
        To draw on.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    from matplotlib.ticker import PercentFormatter

    dress(ax, theme=theme, title=title, x="energy (minus log density), no unit", y="share of draws")
    parts = ((found.level, "energy, around its mean"), (found.moves, "change from draw to draw"))
    for n, (shares, words) in enumerate(parts):
        look = style(n, theme)
        ax.fill_between(found.middle, shares, color=look.colour, alpha=0.16, linewidth=0)
        ax.plot(found.middle, shares, color=look.colour, linestyle=look.dash, linewidth=1.8)
        ax.text(
            0.02, 0.95 - 0.1 * n, words, transform=ax.transAxes, color=look.colour, fontsize=FONT_SIZE, va="top"
        )  # fmt: skip
    ax.set_ylim(0, 1.18 * max(float(found.level.max()), float(found.moves.max())))
    ax.set_xlim(float(found.middle[0]), float(found.middle[-1]))
    ax.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %", decimals=0))
    return ax
