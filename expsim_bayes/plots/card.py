"""The decision card: one picture for a slide, the decision in large type, and below it how sure, at what price, and what could be wrong.

`Card` holds finished words and numbers; `expsim_bayes.report.card` makes one from facts. What there is no room for is set smaller, then
broken into lines, then cut with an ellipsis, so that no text ever runs over another.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple

from expsim_bayes.plots.labels import font_families
from expsim_bayes.plots.theme import LIGHT, Theme

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from expsim_bayes.facts import DecisionName

WIDE, HIGH = 12.8, 7.2
"""Inches: a slide of 16 to 9."""
DOTS = 150
"""Dots an inch: 1920 by 1080 in all."""
LEFT, RIGHT = 0.8, 12.25
"""Inches of the margins from the left edge."""
LEFT_TO_RIGHT = "\u200e"
"""Begins a line that holds a name in a script from right to left, so that the sentence around it stays as it is."""
GUTTER = 1.75
"""Inches for the names beside several intervals."""
COLOURS = {"launch": 2, "keep_control": 4, "stop_equivalent": 4, "collect": 0, "refuse": 1, "ok": 2, "caution": 4}
"""Which colour of a theme a decision has, or a verdict on a fit."""
SIGNS = {
    "launch": [[(0.24, 0.5), (0.43, 0.3), (0.77, 0.71)]],
    "keep_control": [[(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.3), (0.7, 0.3)]],
    "stop_equivalent": [[(0.25, 0.6), (0.75, 0.6)], [(0.25, 0.4), (0.75, 0.4)]],
    "collect": [[(0.25, 0.5), (0.75, 0.5)], [(0.5, 0.25), (0.5, 0.75)]],
    "refuse": [[(0.5, 0.78), (0.5, 0.43)], [(0.5, 0.24), (0.5, 0.235)]],
    "ok": [[(0.24, 0.5), (0.43, 0.3), (0.77, 0.71)]],
    "caution": [[(0.5, 0.78), (0.5, 0.43)], [(0.5, 0.24), (0.5, 0.235)]],
}
"""The strokes of the sign of a decision or verdict, in a square of side 1: drawn, so that no font need have it."""


class Bar(NamedTuple):
    """One interval of the small picture."""

    name: str
    """Of what, as it is displayed."""
    mean: float
    """Where its dot is."""
    low: float
    """Where it begins."""
    high: float
    """Where it ends."""
    said: str
    """The same in a few words."""


class Card(NamedTuple):
    """What stands on a card."""

    decision: DecisionName
    """Gives the colour and the sign."""
    headline: str
    """The decision in a few words."""
    title: str
    """What it is about."""
    do: str
    """What to do, in a sentence."""
    sure: str
    """A probability as large figures; empty where none may be shown."""
    sure_of: str
    """Of what it is the probability."""
    looks: str
    """Looks taken, and what looking does to the rule."""
    bars: tuple[Bar, ...]
    """Intervals, from best to worst."""
    across: str
    """What they are of, with the unit."""
    band: float
    """Half the width of what does not matter, around zero; 0 where there is none."""
    zero: bool
    """Whether zero means no difference."""
    reasons: tuple[str, ...]
    """Why there is no answer."""
    foot: tuple[tuple[str, str], ...]
    """Labels and sentences at the foot: price, what it rests on, what could be wrong."""
    source: str
    """Where it comes from, and when."""


def draw(card: Card, *, theme: Theme = LIGHT) -> Figure:
    """The card as a figure, for `render` or `save`.

    Parameters
    ----------
    card : Card
        What stands on it.
    theme : Theme
        Colours.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fig = Figure(figsize=(WIDE, HIGH), dpi=DOTS, facecolor=theme.ground)
    FigureCanvasAgg(fig)  # with it texts can be measured
    colour = theme.colours[COLOURS[card.decision]]
    _block(fig, (0.0, 0.0, 0.16, HIGH), colour)
    _write(fig, card.title, (LEFT, 6.75), theme.muted, [15, 13, 11], width=RIGHT - LEFT)
    _sign(fig, card.decision, (LEFT, 5.36), colour, theme)
    sizes = [(50, 1), (44, 1), (38, 1), (30, 2), (26, 2), (22, 2)]
    _write(fig, card.headline, (1.98, 5.79), theme.ink, sizes, width=RIGHT - 1.98, bold=True, up="center")
    _write(fig, card.do, (LEFT, 5.04), theme.ink, [17, 15, 13], width=RIGHT - LEFT, lines=2)
    if card.reasons:
        _reasons(fig, card, theme)
    else:
        _how_sure(fig, card, colour, theme)
    _foot(fig, card, theme)
    return fig


def _how_sure(fig: Figure, card: Card, colour: str, theme: Theme) -> None:
    wide = 3.9
    if card.sure:
        _write(fig, card.sure, (LEFT, 3.62), colour, [50, 40, 32, 27], width=wide, bold=True, up="center")
        low = _write(fig, card.sure_of, (LEFT, 3.13), theme.ink, [15, 13], width=wide, lines=3)
        _write(fig, card.looks, (LEFT, low - 0.13), theme.muted, [11.5, 10], width=wide, lines=3)
    if card.bars:
        left = 5.35 if len(card.bars) == 1 else 5.35 + GUTTER
        ax = fig.add_axes((left / WIDE, 2.62 / HIGH, (RIGHT - 1.15 - left) / WIDE, 1.52 / HIGH))
        _bars(ax, card, colour, theme)
        _write(fig, card.across, (5.35, 2.26), theme.muted, [11.5, 10], width=RIGHT - 5.35, lines=2)


def _bars(ax: Axes, card: Card, colour: str, theme: Theme) -> None:
    """Intervals over each other, with what does not matter as a band around zero."""
    ends = [end for bar in card.bars for end in (bar.low, bar.high)] + (
        [0.0, card.band, -card.band] if card.zero else []
    )
    room = 0.06 * (max(ends) - min(ends) or 1.0)
    ax.set_xlim(min(ends) - room, max(ends) + room)
    ax.set_ylim(len(card.bars) - 0.4, -0.6)
    ax.set_facecolor(theme.ground)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(theme.faint)
    ax.set_yticks([])
    ax.tick_params(colors=theme.muted, labelcolor=theme.muted, labelsize=10.5, length=3)
    ax.locator_params(axis="x", nbins=6)
    if card.band:
        ax.axvspan(-card.band, card.band, color=theme.muted, alpha=0.16, linewidth=0)
    if card.zero:
        ax.axvline(0.0, color=theme.muted, linewidth=1.2, linestyle=(0, (2, 2)))
    size = 14 if len(card.bars) < 3 else 12
    for row, bar in enumerate(card.bars):
        tint = colour if row == 0 else theme.muted
        ax.plot([bar.low, bar.high], [row, row], color=tint, linewidth=5 if row == 0 else 3.5, solid_capstyle="round")
        ax.plot(
            [bar.mean],
            [row],
            "o",
            color=theme.ground,
            markeredgecolor=tint,
            markeredgewidth=3,
            markersize=12 if row == 0 else 9,
        )
        text: dict[str, Any] = {
            "fontsize": size,
            "fontfamily": font_families(),
            "parse_math": False,
            "va": "center",
            "color": theme.ink,
        }
        ax.annotate(bar.said, (1.0, row), (8, 0), ax.get_yaxis_transform(), "offset points", ha="left", **text)
        if len(card.bars) > 1:
            ax.annotate(bar.name, (0.0, row), (-8, 0), ax.get_yaxis_transform(), "offset points", ha="right", **text)


def _reasons(fig: Figure, card: Card, theme: Theme) -> None:
    at = 4.15
    for reason in card.reasons[:4]:
        _block(fig, (LEFT, at - 0.17, 0.09, 0.09), theme.colours[COLOURS[card.decision]])
        at = _write(fig, reason, (LEFT + 0.3, at), theme.ink, [15, 13], width=RIGHT - LEFT - 0.3, lines=2) - 0.17
    more = len(card.reasons) - 4
    if more > 0:
        _write(fig, f"and {more} more", (LEFT + 0.3, at), theme.muted, [13], width=4.0)


def _foot(fig: Figure, card: Card, theme: Theme) -> None:
    _block(fig, (LEFT, 1.66, RIGHT - LEFT, 0.012), theme.faint)
    widths = {1: [11.4], 2: [3.6, 7.2], 3: [2.55, 3.1, 5.0]}[len(card.foot)]
    at = LEFT
    for (label, text), width in zip(card.foot, widths, strict=True):
        _write(fig, label, (at, 1.47), theme.muted, [11.5], width=width)
        _write(fig, text, (at, 1.21), theme.ink, [13.5, 12, 11, 10], width=width, lines=3)
        at += width + 0.4
    _write(fig, card.source, (LEFT, 0.36), theme.muted, [10, 9], width=RIGHT - LEFT)


def _sign(fig: Figure, decision: str, at: tuple[float, float], colour: str, theme: Theme) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import FancyBboxPatch

    x, y = at
    side, pad = 0.86, 0.12
    box = FancyBboxPatch(
        ((x + pad) * DOTS, (y + pad) * DOTS),
        (side - 2 * pad) * DOTS,
        (side - 2 * pad) * DOTS,
        boxstyle=f"round,pad={pad * DOTS}",
        facecolor=colour,
        edgecolor="none",
        transform=None,
    )
    fig.add_artist(box)
    for stroke in SIGNS[decision]:
        across, up = zip(*stroke, strict=True)
        fig.add_artist(
            Line2D(
                [(x + side * a) / WIDE for a in across],
                [(y + side * u) / HIGH for u in up],
                color=theme.ground,
                linewidth=7,
                solid_capstyle="round",
                solid_joinstyle="round",
                transform=fig.transFigure,
            )
        )


def _block(fig: Figure, place: tuple[float, float, float, float], colour: str) -> None:
    """A filled rectangle: left, low, width and height in inches."""
    from matplotlib.patches import Rectangle

    left, low, wide, high = place
    fig.add_artist(Rectangle((left / WIDE, low / HIGH), wide / WIDE, high / HIGH, color=colour, linewidth=0))


def _write(
    fig: Figure,
    text: str,
    at: tuple[float, float],
    colour: str,
    sizes: Sequence[float | tuple[float, int]],
    *,
    width: float,
    lines: int = 1,
    bold: bool = False,
    up: str = "top",
) -> float:
    """A text in the first of some sizes, each with its number of lines, in which it fits; gives the height at which it ends, in inches."""
    if not text:
        return at[1]
    drawn = fig.text(
        at[0] / WIDE,
        at[1] / HIGH,
        "",
        color=colour,
        fontfamily=list(font_families()),
        fontweight="bold" if bold else "normal",
        parse_math=False,
        ha="left",
        va=up,
        linespacing=1.25,
    )

    before = LEFT_TO_RIGHT if any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in text) else ""

    def fits(words: str) -> bool:
        drawn.set_text(before + words)
        return bool(drawn.get_window_extent().width <= width * DOTS)

    most, broken = lines, [text]
    for choice in sizes:
        size, most = choice if isinstance(choice, tuple) else (choice, lines)
        drawn.set_fontsize(size)
        broken = _broken(text, fits)
        if len(broken) <= most:
            break
    else:
        last = broken[most - 1]
        while last and not fits(f"{last}…"):
            last = last[:-1]
        broken = [*broken[: most - 1], f"{last.rstrip(' ,.;:')}…"]
    drawn.set_text("\n".join(before + line for line in broken))
    return float(drawn.get_window_extent().y0) / DOTS


def _broken(text: str, fits: Callable[[str], bool]) -> list[str]:
    """A text in lines that fit; a word that does not fit alone is broken, too."""
    found: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if fits(longer):
            line = longer
            continue
        if line:
            found.append(line)
        line = word
        while not fits(line) and len(line) > 1:
            most = next((n for n in range(len(line) - 1, 1, -1) if fits(line[:n])), 1)
            found.append(line[:most])
            line = line[most:]
    return [*found, line]
