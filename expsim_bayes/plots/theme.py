"""How every picture looks, and making, dressing and writing one: a theme, a figure without global state, its bytes.

Nothing here goes through pyplot or changes `rcParams`, so that pictures can be drawn in several threads at once. For another look write
another `Theme`; for another picture see the files beside this one.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Literal, NamedTuple

from expsim_bayes.plots.labels import FONT_SIZE, figure_of, font_families

if TYPE_CHECKING:
    from os import PathLike

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Format = Literal["png", "svg", "pdf"]

NARROW = 360.0
"""Points across below which an axis gets few numbers."""
MARKERS = ("o", "D", "^", "v", "P", "X", "s")
"""Marker of each style, for the control the last."""
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (9, 2)), (0, (3, 1, 1, 1, 1, 1)), "-")
"""Line style of each style, for the control the last."""
HATCHES = ("//", "..", "\\\\", "xx", "oo", "--", "")
"""Hatch of each style, for the control the last."""


@dataclass(frozen=True)
class Theme:
    """Colours of a picture; series colours stay apart under the common kinds of colour blindness and pass as text (4.5:1)."""

    ground: str
    """Background."""
    ink: str
    """Text, and what is compared with: the control, the observed."""
    muted: str
    """Secondary text, ticks and lines that only accompany."""
    faint: str
    """Grid lines and the fill of bars in the background."""
    colours: tuple[str, ...]
    """Series, most important first."""


LIGHT = Theme(
    ground="#ffffff",
    ink="#1b1f24",
    muted="#656d76",
    faint="#e3e6ea",
    colours=("#1558b7", "#d11e00", "#00855d", "#9a4f96", "#6e7a25", "#2f2499"),
)
"""Dark on white, for pages and print."""
DARK = Theme(
    ground="#14171c",
    ink="#eceff3",
    muted="#9aa4b0",
    faint="#2b313a",
    colours=("#4fa2c9", "#f18348", "#35e0a5", "#fb92ed", "#edd35a", "#908bf5"),
)
"""Light on near-black, for screens and rooms."""
THEMES = {"light": LIGHT, "dark": DARK}
"""Themes by name."""


class Style(NamedTuple):
    """How one series is drawn; colour is never the only cue."""

    colour: str
    """Colour of line, marker and label."""
    marker: str
    """Marker at each point."""
    dash: str | tuple[int, tuple[float, ...]]
    """Line style."""
    hatch: str
    """Hatch, where the series is an area."""


def style(position: int, theme: Theme) -> Style:
    """The style of the series at a position; -1 is that of the control."""
    if position < 0:
        return Style(theme.ink, MARKERS[-1], DASHES[-1], HATCHES[-1])
    n = position % len(theme.colours)
    return Style(theme.colours[n], MARKERS[n], DASHES[n], HATCHES[n])


def figure(width: float = 7.0, height: float = 4.0, *, theme: Theme = LIGHT) -> tuple[Figure, Axes]:
    """An empty figure with one Axes.

    Parameters
    ----------
    width, height : float
        In inches; `rows_height` gives one that suits a number of rows.
    theme : Theme
        The same that is given to the drawing function.

    Examples
    --------
    >>> fig, ax = figure(6, 3)
    >>> len(render(fig, "png")) > 1_000
    True
    """
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width, height), dpi=150, layout="constrained", facecolor=theme.ground)
    return fig, fig.add_subplot()


def panels(
    rows: int, columns: int, *, width: float = 9.0, height: float = 2.3, theme: Theme = LIGHT
) -> tuple[Figure, list[list[Axes]]]:
    """An empty figure with several Axes.

    Parameters
    ----------
    rows, columns : int
        How many below and beside each other.
    width, height : float
        Of the whole, and of each row, in inches.
    theme : Theme
        The same that is given to the drawing functions.

    Examples
    --------
    >>> fig, axes = panels(2, 3)
    >>> len(axes), len(axes[0])
    (2, 3)
    """
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width, height * rows), dpi=150, layout="constrained", facecolor=theme.ground)
    return fig, [list(row) for row in fig.subplots(rows, columns, squeeze=False)]


def rows_height(rows: int, *, groups: int = 0) -> float:
    """Height in inches that suits a picture with a row a variant or rater: never too tall for a page.

    Examples
    --------
    >>> rows_height(2) < rows_height(30) <= rows_height(200)
    True
    """
    return min(max(1.0 + 0.3 * rows + 0.35 * groups, 1.8), 10.0)


def render(fig: Figure, format: Format = "svg") -> bytes:  # noqa: A002
    """The picture as the bytes of a file, with text drawn as shapes, so that names in it are inert and need no font.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        From `figure`.
    format : {"svg", "png", "pdf"}
        Kind of file.
    """
    date = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[format]
    buffer = BytesIO()
    fig.savefig(buffer, format=format, facecolor=fig.get_facecolor(), metadata=date)
    return buffer.getvalue()


def save(fig: Figure, path: str | PathLike[str]) -> None:
    """Write the picture to a .png, .svg or .pdf file, whole or not at all.

    Raises
    ------
    SettingError
        The name ends in something else.
    """
    from pathlib import Path

    from expsim_bayes.errors import SettingError
    from expsim_bayes.readers.atomic import whole  # here, for the readers beside it load pandas

    ending = Path(path).suffix.lower()
    formats: dict[str, Format] = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
    if ending not in formats:
        raise SettingError(
            f"a picture cannot be written as {ending or 'a file without ending'!r}", remedy="use .png, .svg or .pdf"
        )
    with whole(path) as file:
        file.write(render(fig, formats[ending]))


def dress(ax: Axes, *, theme: Theme, title: str | None, x: str, y: str, grid: Literal["x", "y", "both"] = "y") -> None:
    """Colours, grid, axis labels and title, the same for every picture."""
    ax.set_facecolor(theme.ground)
    ax.set_axisbelow(True)
    ax.grid(visible=True, axis=grid, color=theme.faint, linewidth=0.8)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom" or (side == "left" and grid != "x"))
        spine.set_color(theme.muted)
    ax.tick_params(colors=theme.muted, labelcolor=theme.ink, labelsize=FONT_SIZE, length=3)
    ax.tick_params(which="minor", length=0)
    width = figure_of(ax).get_figwidth() * 72
    if grid == "x" and width < NARROW:
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.set_xlabel(
        _wrapped(x, 0.75 * width, FONT_SIZE), color=theme.muted, fontsize=FONT_SIZE, loc="left", parse_math=False
    )
    ax.set_ylabel(y, color=theme.muted, fontsize=FONT_SIZE, parse_math=False)
    if title is not None:
        size = FONT_SIZE + 2
        text = ax.set_title(_wrapped(title, 0.85 * width, size), loc="left", color=theme.ink, fontsize=size, pad=12)
        text.set_fontfamily(font_families())
        text.set_parse_math(False)


def _wrapped(text: str, width: float, size: float) -> str:
    """A text in lines of about the same length that fit into a width, with the size of its letters, both in points."""
    text = text.replace(" %", "\N{NO-BREAK SPACE}%")
    longest = max(int(width / (0.56 * size)), 20)
    lines = len(textwrap.wrap(text, longest))
    shorter = (size for size in range(min(20, longest), longest) if len(textwrap.wrap(text, size)) <= lines)
    return textwrap.fill(text, next(shorter, longest)).replace("\N{NO-BREAK SPACE}%", " %")
