"""What a terminal shows: paragraphs, tables that fit the window, progress, errors; or one JSON object instead.

Results go to stdout and everything else to stderr. Names and texts of users are data: markup in them is not obeyed, control characters
are made visible, and a long name is shortened where it is shown, never where it is stored.
"""

from __future__ import annotations

import json
import math
import sys
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from expsim_bayes.cli import exits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from rich.console import RenderableType

WIDEST = 110
"""Columns beyond which text is not spread: longer lines are hard to read."""
FEW_ROWS = 6
"""A table with more rows than this gives up columns before it takes two lines a row."""
FOLDED = 22
"""Columns of the window that words keep which may go over several lines."""
NAME_WIDTH = 28
"""Columns that a name may take in a table."""

Cell = str | tuple[str, str]
"""A value, or a value with what stands around it (an interval, an error)."""


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    title: str
    """Its heading."""
    cells: tuple[Cell, ...]
    """One a row; a column whose cells are all empty is left out."""
    justify: Literal["left", "right"] = "right"
    """Side to which cells are flush."""
    spare: bool = False
    """Whether it may be left out where the window is narrow."""
    folds: bool = False
    """Whether its words may go over several lines where the window is narrow, rather than be cut."""


class Screen:
    """Where a command prints.

    Parameters
    ----------
    as_json : bool
        Print nothing but one JSON object to stdout.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = _console(sys.stdout, quiet=as_json)
        self.err = _console(sys.stderr)

    def heading(self, text: str, *, style: str = "bold") -> None:
        """A line that begins a part."""
        self.out.print()
        self.say(text, style=style)

    def say(self, text: str, *, style: str = "") -> None:
        """A paragraph."""
        self.out.print(Text(clean(text), style=style), width=self._width(self.out))

    def labelled(self, rows: Iterable[tuple[str, str]], *, style: str = "bold") -> None:
        """Paragraphs with a label before each; empty ones are left out."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True, style=style)
        grid.add_column(overflow="fold")
        for label, text in rows:
            if text:
                grid.add_row(Text(label), Text(clean(text)))
        self.out.print(grid, width=self._width(self.out))

    def listed(self, texts: Iterable[str], *, style: str = "", warn: Callable[[str], bool] = lambda _: False) -> None:
        """Short statements, one below the other; those that warn are coloured."""
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for text in texts:
            grid.add_row(Text("-"), Text(clean(text), style="yellow" if warn(text) else style))
        self.out.print(grid, width=self._width(self.out))

    def table(self, columns: Sequence[Column], *, title: str = "", bold: Collection[int] = ()) -> None:
        """A table, in the widest form that the window has room for; nothing where it has no rows."""
        told = [column for column in columns if any(column.cells)]
        if not told:
            return
        self.out.print()
        if title:
            self.say(title, style="bold")
        self.out.print(self._fitted(told, bold))

    def aside(self, text: str, *, style: str = "dim") -> None:
        """A line beside the result: to stderr."""
        self.err.print(Text(clean(text), style=style), width=self._width(self.err))

    @staticmethod
    def text(words: str) -> None:
        """Text to stdout as it is: a file, or JSON."""
        try:
            sys.stdout.write(words)
            sys.stdout.flush()
        except BrokenPipeError:
            exits.closed_pipe()

    def emit(self, value: object) -> None:
        """The one JSON object, where JSON was asked for."""
        if self.as_json:
            self.text(to_json(value) + "\n")

    def fail(self, problem: str, *, where: str = "", remedy: str = "", exit_code: int) -> None:
        """What is wrong, where, and what to do about it."""
        if self.as_json:
            error = {"problem": problem, "where": where, "remedy": remedy, "exit_code": exit_code}
            self.emit({"error": error})
            return
        place = f"{where}: " if where else ""
        rows = [("Error:", f"{place}{_sentence(problem)}", "red"), ("Remedy:", _sentence(remedy), "green")]
        for label, text, style in rows:
            if text:
                line = Text.assemble((label, f"bold {style}"), " ", clean(text))
                self.err.print(line, width=self._width(self.err), overflow="fold")

    @contextmanager
    def progress(self, words: str, *, total: float) -> Iterator[Callable[..., None]]:
        """A bar on stderr that vanishes when the work is done; a line a step where stderr is no terminal.

        Yields
        ------
        callable
            ``(done, words=None)``: how much is done, and what is being done now.
        """
        if not self.err.is_terminal:
            yield _Lines(self.aside, total)
            return
        from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

        bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=self.err,
            transient=True,
            expand=True,
        )
        with bars:
            task = bars.add_task(clean(words), total=total)

            def advance(done: float, words: str | None = None) -> None:
                bars.update(task, completed=done, description=None if words is None else clean(words))

            yield advance

    @staticmethod
    def _width(console: Console) -> int:
        return min(console.width, WIDEST)

    def _fitted(self, columns: Sequence[Column], bold: Collection[int]) -> RenderableType:
        """The first form of a table that fits: whole, then with fewer columns or two lines a row, then both."""
        few = len(columns[0].cells) <= FEW_ROWS
        forms = [(columns, False), *_fewer(columns, few=few)]
        made = [_drawn(kept, bold, stacked=stacked) for kept, stacked in forms]
        endless = self.out.options.update(max_width=10_000)
        for (kept, _), table in zip(forms, made, strict=True):
            if self.out.measure(table, options=endless).maximum - _given_way(kept) <= self.out.width:
                return table
        return made[-1]


class _Lines:
    """Progress where there is no terminal: a line whenever the words change, nothing for counts."""

    def __init__(self, say: Callable[[str], None], total: float) -> None:
        self.say = say
        self.total = total
        self.last: str | None = None

    def __call__(self, done: float, words: str | None = None) -> None:
        if words is not None and words != self.last and done < self.total:
            self.last = words
            self.say(f"{words} ...")


def _console(file: Any, *, quiet: bool = False) -> Console:
    return Console(file=file, quiet=quiet, highlight=False, markup=False, emoji=False)


def _fewer(columns: Sequence[Column], *, few: bool) -> list[tuple[list[Column], bool]]:
    """Narrower forms of a table, the best first: spare columns leave from the right."""
    spare = [i for i, column in enumerate(columns) if column.spare]
    left = [[c for i, c in enumerate(columns) if i not in spare[len(spare) - n :]] for n in range(len(spare) + 1)]
    if few:
        return [(kept, True) for kept in left]
    return [(kept, stacked) for stacked, kept in product((False, True), left)]


def _drawn(columns: Sequence[Column], bold: Collection[int], *, stacked: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        fit: Literal["fold", "ellipsis"] = "fold" if column.folds else "ellipsis"
        table.add_column(Text(column.title), justify=column.justify, vertical="top", overflow=fit)
    folds = [column.folds for column in columns]
    for number, row in enumerate(zip(*(column.cells for column in columns), strict=True)):
        cells = (_cell(cell, stacked=stacked, folds=each) for cell, each in zip(row, folds, strict=True))
        table.add_row(*cells, style="bold" if number in bold else "")
    return table


def _given_way(columns: Sequence[Column]) -> int:
    """Columns of the window that words give way which go over several lines."""
    longest = (max(cell_len(cell) for cell in c.cells if isinstance(cell, str)) for c in columns if c.folds)
    return sum(max(length - FOLDED, 0) for length in longest)


def _cell(cell: Cell, *, stacked: bool, folds: bool = False) -> Text:
    if isinstance(cell, str):
        return Text(cell, no_wrap=not folds)
    value, around = cell
    return Text.assemble(value, "\n" if stacked else " ", (around, "not bold dim"), no_wrap=True)


def clean(text: str) -> str:
    r"""Text without what a terminal would obey: control characters and marks that reverse the direction become visible.

    Examples
    --------
    >>> clean("a\x1b[2Jb")
    'a\ufffd[2Jb'
    """
    kept = " \n\u200c\u200d"  # the last two join letters and emoji
    return "".join(sign if sign.isprintable() or sign in kept else "\ufffd" for sign in text)


def short(name: str, width: int = NAME_WIDTH) -> str:
    """A name as a table shows it: on one line, cleaned, with its middle left out where it is long.

    Examples
    --------
    >>> short("prompt-" + "x" * 40 + "-v2", 16)
    'prompt-xxx…xx-v2'
    """
    text = clean(name).replace("\n", " ")
    if cell_len(text) <= width:
        return text
    tail = text[-5:] if cell_len(text[-5:]) == 5 else ""
    return set_cell_size(text, width - 1 - len(tail)).rstrip() + "…" + tail


def to_json(value: object, *, indent: int | None = 2) -> str:
    """One JSON object: dataclasses and named tuples by their fields, NaN as null.

    Examples
    --------
    >>> from expsim_bayes.facts import Interval
    >>> to_json(Interval(0.5, float("nan"), 1.0), indent=None)
    '{"mean": 0.5, "low": null, "high": 1.0}'
    """
    return json.dumps(plain(value), indent=indent, allow_nan=False)


def plain(value: object) -> Any:
    """The same value made of dicts, lists, text, numbers and None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _sentence(text: str) -> str:
    """Text that begins with a capital, unless with a name in quotes, and ends with one full stop or question mark."""
    text = text.strip()
    return text if not text or text[-1] in ".?!" else f"{text}."
