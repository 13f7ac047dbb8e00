"""Words and numbers in a picture: names that may be anything, dollars, and labels that stand beside what they name.

Names come from users' files: they may be 10,000 characters long, contain dollar signs, line breaks or scripts for which
there is no font. Here they are made fit for display; nothing else in the program ever sees the shortened form.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from expsim_bayes.amounts import dollars

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

Beside = Literal["left", "center", "right"]
Up = Literal["bottom", "center", "top"]
Box = tuple[float, float, float, float]
"""Left, low, right and top, in points."""

FONT_SIZE = 9.5
"""Points."""
LONGEST = 26
"""Characters of a name that are shown."""
NO_GLYPH = "\N{WHITE SQUARE}"
"""Shown for a letter that no installed font has."""
PICTOGRAPHS = frozenset({"So", "Sk", "Me", "Co"})
"""Categories of signs, such as emoji, that are left out where no installed font has them."""
FALLBACK_FONTS = (
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Emoji",
    "Symbola",
    "Arial Unicode MS",
    "Segoe UI Symbol",
    "Segoe UI Emoji",
    "Apple Symbols",
)
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

    An emoji that no installed font has is left out, and told by its name where nothing else is left.

    Examples
    --------
    >>> shown("prompt-with-a-very-long-name-2026-03-v2")
    'prompt-with-a…e-2026-03-v2'
    """
    start, end = name[: 4 * longest], name[-4 * longest :] if len(name) > 8 * longest else name[4 * longest :]
    spaced = " ".join(unicodedata.normalize("NFC", start + end).split())
    visible = "".join(
        c for c in spaced if unicodedata.category(c) not in {"Cc", "Cf", "Cs"} and not "\ufe00" <= c <= "\ufe0f"
    )
    visible = _drawable(visible)
    if len(visible) > longest:
        visible = f"{visible[: longest // 2]}…{visible[-(longest - longest // 2 - 1) :]}"
    return visible or "(no name)"


def _drawable(text: str) -> str:
    """A text of characters that an installed font has."""
    kept = without_pictographs(text, lambda c: not _has_glyph(c))
    return "".join(c if _has_glyph(c) else NO_GLYPH for c in kept).strip()


def without_pictographs(text: str, lacking: Callable[[str], bool]) -> str:
    """A text without the emoji and other pictographs that are lacking; their names where nothing else is left.

    Examples
    --------
    >>> without_pictographs("\N{ROCKET} v2", lambda _: True), without_pictographs("\N{ROCKET}", lambda _: True)
    ('v2', 'rocket')
    """
    gone = {c for c in text if unicodedata.category(c) in PICTOGRAPHS and lacking(c)}
    if not gone:
        return text
    kept = " ".join(_ORPHANS.sub("", "".join(c for c in text if c not in gone)).split())
    return kept or " ".join(filter(None, (unicodedata.name(c, "").lower() for c in dict.fromkeys(text) if c in gone)))


_ORPHANS = re.compile("[\ufe00-\ufe0f]|(?<!\\w)[\u200c\u200d]+|[\u200c\u200d]+(?!\\w)")
"""What joined or dressed pictographs that are gone."""


@lru_cache(maxsize=1)
def emoji_installed() -> bool:
    """Whether a font with emoji is installed, so that what sets text with the fonts of this machine can show them."""
    from matplotlib.font_manager import findSystemFonts

    return any("emoji" in name or "symbola" in name for name in map(str.lower, findSystemFonts()))


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


def dollar_axis(ax: Axes, values: ArrayLike, *, room: float = 1.25) -> None:
    """Make the x axis one of dollars, logarithmic (with a factor of room on both sides) where all are above zero."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    amounts = np.asarray(values, dtype=float)
    low, high = float(amounts.min()), float(amounts.max())
    if low > 0:
        ax.set_xscale("log")
        ax.set_xlim(low / room, high * room)
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
    >>> spread([0.5, 0.5, 0.9], gap=0.2, low=0, high=1).round(6).tolist()
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


def figure_of(ax: Axes) -> Figure:
    """The figure that an Axes lies in."""
    fig = ax.get_figure(root=True)
    if fig is None:
        raise ValueError("the Axes belongs to no figure: make one with `figure`")
    return fig


def label_above(ax: Axes, x: float, y: float, text: str, colour: str) -> None:
    """A label just above a point."""
    _label(ax, text, (x, y), (0, 5), colour, across="center", up="bottom")


def label_right(ax: Axes, x: ArrayLike, y: ArrayLike, texts: Sequence[str], colours: Sequence[str]) -> None:
    """Labels in the right margin, each at the height of what it names or near it, tied to it by a thin line."""
    low, high = ax.get_ylim()
    height = ax.get_position().height * figure_of(ax).get_figheight() * 72
    places = spread(y, 1.35 * FONT_SIZE / height * (high - low), low, high)
    starts = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    for text, colour, start, end, place in zip(texts, colours, *starts, places, strict=True):
        point = (float(start), float(end))
        _label(ax, text, point, (1.035, float(place)), colour, across="left", up="center", margin=True, tied=True)


_ALIGNED: tuple[tuple[int, int, Beside, Up], ...] = (
    (1, 0, "left", "center"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
    (-1, 0, "right", "center"),
    (1, 1, "left", "bottom"),
    (1, -1, "left", "top"),
    (-1, 1, "right", "bottom"),
    (-1, -1, "right", "top"),
)
PLACES = tuple(((x * far, y * far), across, up) for far in (9, 24) for x, y, across, up in _ALIGNED)
"""Where a label may stand, the preferred place first: offset in points, then alignment."""
_LEFT = {"left": 0.0, "center": -0.5, "right": -1.0}
_LOW = {"bottom": 0.0, "center": -0.5, "top": -1.0}
MARKER = 6.0
"""Half the width of what a marker covers, in points."""


def label_points(
    ax: Axes, points: NDArray[np.float64], texts: Sequence[str], colours: Sequence[str], taken: NDArray[np.float64]
) -> None:
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
    unit = 72 / figure_of(ax).dpi
    at = ax.transData.transform(points) * unit
    marker = np.array([(x, y) for x in (-MARKER, 0, MARKER) for y in (-MARKER, 0, MARKER)])
    busy = np.concatenate([ax.transData.transform(taken) * unit, (at[:, None] + marker).reshape(-1, 2)])
    left, low, right, top = (float(edge) * unit for edge in ax.bbox.extents)
    boxes: list[Box] = []
    for n, text in enumerate(texts):
        candidates = [_box(at[n], text, *place) for place in PLACES]
        best = int(np.argmin([_hidden(box, busy, boxes, (left, low, right, top)) for box in candidates]))
        boxes.append(candidates[best])
        offset, across, up = PLACES[best]
        point = (float(points[n, 0]), float(points[n, 1]))
        _label(ax, text, point, offset, colours[n], across=across, up=up, tied=best >= len(_ALIGNED))


def _label(
    ax: Axes,
    text: str,
    point: tuple[float, float],
    at: tuple[float, float],
    colour: str,
    *,
    across: Beside,
    up: Up,
    margin: bool = False,
    tied: bool = False,
) -> None:
    """A text beside a point: `at` is an offset in points, or with `margin` a share of the width and a height in data units."""
    line = {"arrowstyle": "-", "color": colour, "linewidth": 0.7, "alpha": 0.6, "shrinkA": 2, "shrinkB": 4}
    ax.annotate(
        text,
        xy=point,
        xytext=at,
        textcoords=ax.get_yaxis_transform() if margin else "offset points",
        ha=across,
        va=up,
        color=colour,
        fontsize=FONT_SIZE,
        fontfamily=font_families(),
        parse_math=False,
        annotation_clip=False,
        arrowprops=line | {"relpos": (-_LEFT[across], 0.5)} if tied else None,
    )


def _box(at: NDArray[np.float64], text: str, offset: tuple[float, float], across: Beside, up: Up) -> Box:
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
