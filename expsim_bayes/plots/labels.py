"""Words and numbers in a picture: names that may be anything, dollars, and labels that stand beside what they name.

Names come from users' files: they may be 10,000 characters long, contain dollar signs, line breaks or scripts for which there is no font. Here
they are made fit for display; nothing else in the program ever sees the shortened form.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.sentences import dollars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

Box = tuple[float, float, float, float]
"""Left, low, right and top, in points."""

FONT_SIZE = 9.5
"""Points."""
LONGEST = 26
"""Characters of a name that are shown."""
NO_GLYPH = "\N{WHITE SQUARE}"
"""Shown for a character that no installed font has."""
FALLBACK_FONTS = ("Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Emoji", "Symbola", "Arial Unicode MS", "Segoe UI Symbol")
"""Fonts that are used, where installed, for characters that the first font lacks."""


@lru_cache(maxsize=1)
def font_families() -> tuple[str, ...]:
    """Fonts for names, in the order in which a character is looked up."""
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    return ("DejaVu Sans", *(font for font in FALLBACK_FONTS if font in installed))


@lru_cache(maxsize=4096)
def _has_glyph(character: str) -> bool:
    from matplotlib.font_manager import FontProperties, fontManager, get_font

    paths = (fontManager.findfont(FontProperties(family=family)) for family in font_families())
    return any(get_font(path).get_char_index(ord(character)) for path in paths)


def shown(name: str, longest: int = LONGEST) -> str:
    """A name as it is displayed: one line, no invisible characters, shortened in the middle.

    Examples
    --------
    >>> shown("prompt-with-a-very-long-name-2026-03-v2")
    'prompt-with-a…e-2026-03-v2'
    """
    start, end = name[: 4 * longest], name[-4 * longest :] if len(name) > 8 * longest else name[4 * longest :]
    spaced = " ".join(unicodedata.normalize("NFC", start + end).split())
    visible = "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cf", "Cs"} and not "\ufe00" <= c <= "\ufe0f")
    if len(visible) > longest:
        visible = f"{visible[: longest // 2]}…{visible[-(longest - longest // 2 - 1) :]}"
    return "".join(c if _has_glyph(c) else NO_GLYPH for c in visible).strip() or "(no name)"


def distinct(names: Sequence[str], longest: int = LONGEST) -> list[str]:
    """Names as they are displayed, numbered where two would look the same.

    Examples
    --------
    >>> distinct(["a", "b", "a "])
    ['a', 'b', 'a (2)']
    """
    found: list[str] = []
    for name in names:
        base = label = shown(name, longest)
        again = 1
        while label in found:
            again += 1
            label = f"{base} ({again})"
        found.append(label)
    return found


def dollar_tick(value: float) -> str:
    """An amount beside an axis, without cents where there are none.

    Examples
    --------
    >>> dollar_tick(10_000.0), dollar_tick(2.0), dollar_tick(0.5)
    ('$10,000', '$2', '$0.50')
    """
    return dollars(value).removesuffix(".00")


def dollar_axis(ax: Axes, values: ArrayLike, *, logarithmic: bool = True) -> None:
    """Make the x axis one of dollars, logarithmic where all are above zero."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    amounts = np.asarray(values, dtype=float)
    low, high = float(amounts.min()), float(amounts.max())
    if logarithmic and low > 0:
        ax.set_xscale("log")
        ax.set_xlim(low / 1.25, high * 1.25)
        decades = np.log10(high / low)
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2.5 else (1,), numticks=20))
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.set_xlim(0, (high or 1.0) * 1.05)
        ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: dollar_tick(float(value))))


def spread(wanted: ArrayLike, gap: float, low: float, high: float) -> NDArray[np.float64]:
    """Positions nearest to the wanted ones that are at least `gap` apart and, if there is room, between low and high.

    Examples
    --------
    >>> spread([0.5, 0.5, 0.9], gap=0.2, low=0, high=1).tolist()
    [0.4, 0.6, 0.9]
    """
    positions = np.asarray(wanted, dtype=float)
    order = np.argsort(positions, kind="stable")
    gap = min(gap, (high - low) / max(positions.size - 1, 1))
    steps = gap * np.arange(positions.size)
    placed = np.clip(_nondecreasing(positions[order] - steps), low, high - steps[-1] if steps.size else high) + steps
    result = np.empty_like(placed)
    result[order] = placed
    return result


def _nondecreasing(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest sequence that never falls: neighbours that fall are pooled into their mean."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        blocks.append((float(value), 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (last, n_last), (before, n_before) = blocks.pop(), blocks.pop()
            blocks.append(((before * n_before + last * n_last) / (n_before + n_last), n_before + n_last))
    return np.repeat([mean for mean, _ in blocks], [count for _, count in blocks]).astype(float)


def label_right(ax: Axes, x: float, y: ArrayLike, texts: Sequence[str], colours: Sequence[str]) -> None:
    """Labels in the right margin, each at the height of what it names or near it, tied to it by a thin line."""
    low, high = ax.get_ylim()
    gap = 1.35 * FONT_SIZE / (ax.get_position().height * ax.get_figure(root=True).get_figheight() * 72) * (high - low)  # type: ignore[union-attr]
    places = spread(y, gap, low, high)
    for text, colour, end, place in zip(texts, colours, np.asarray(y, dtype=float), places, strict=True):
        ax.annotate(
            text,
            xy=(x, end),
            xytext=(1.035, place),
            textcoords=ax.get_yaxis_transform(),
            color=colour,
            fontsize=FONT_SIZE,
            fontfamily=font_families(),
            va="center",
            parse_math=False,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "alpha": 0.6, "shrinkA": 2, "shrinkB": 4},
        )


PLACES = (((7, 0), "left", "center"), ((0, 7), "center", "bottom"), ((0, -7), "center", "top"), ((-7, 0), "right", "center"),
          ((6, 6), "left", "bottom"), ((6, -6), "left", "top"), ((-6, 6), "right", "bottom"), ((-6, -6), "right", "top"))  # fmt: skip
"""Where a label may stand, nearest habit first: offset in points, then alignment."""
_LEFT = {"left": 0.0, "center": -0.5, "right": -1.0}
_LOW = {"bottom": 0.0, "center": -0.5, "top": -1.0}


def label_points(ax: Axes, points: NDArray[np.float64], texts: Sequence[str], colours: Sequence[str], taken: NDArray[np.float64]) -> None:
    """Labels beside points, each at the place around its point where it hides least.

    Parameters
    ----------
    ax : Axes
        With its limits and scales set.
    points : array of shape (label, 2)
        What is labelled, in data units.
    texts, colours : sequence of str
        A label each.
    taken : array of shape (n, 2)
        Points that no label should hide, in data units.
    """
    pixels = (ax.transData.transform(values) / ax.get_figure(root=True).dpi * 72 for values in (points, taken))  # type: ignore[union-attr]
    at, busy = pixels
    boxes: list[Box] = []
    inside = tuple(ax.bbox.extents / ax.get_figure(root=True).dpi * 72)  # type: ignore[union-attr]
    for n, text in enumerate(texts):
        candidates = [_box(at[n], text, *place) for place in PLACES]
        best = int(np.argmin([_hidden(box, busy, boxes, inside) for box in candidates]))
        boxes.append(candidates[best])
        offset, across, up = PLACES[best]
        ax.annotate(
            text,
            xy=(points[n, 0], points[n, 1]),
            xytext=offset,
            textcoords="offset points",
            ha=across,
            va=up,
            color=colours[n],
            fontsize=FONT_SIZE,
            fontfamily=font_families(),
            parse_math=False,
            annotation_clip=False,
        )

def _box(at: NDArray[np.float64], text: str, offset: tuple[float, float], across: str, up: str) -> Box:
    """(left, low, right, top) in points of a text that stands beside a point."""
    width, height = 0.58 * FONT_SIZE * len(text), 1.2 * FONT_SIZE
    left, low = at[0] + offset[0] + _LEFT[across] * width, at[1] + offset[1] + _LOW[up] * height
    return left, low, left + width, low + height


def _hidden(box: Box, busy: NDArray[np.float64], boxes: Sequence[Box], inside: Box) -> float:
    """How much a text would hide or leave the picture; whole labels count most."""
    left, low, right, top = box
    points = ((busy[:, 0] > left) & (busy[:, 0] < right) & (busy[:, 1] > low) & (busy[:, 1] < top)).sum()
    labels = sum(left < b[2] and right > b[0] and low < b[3] and top > b[1] for b in boxes)
    outside = (left < inside[0]) + (low < inside[1]) + (right > inside[2]) + (top > inside[3])
    return float(points + 1_000 * labels + 100 * outside)
