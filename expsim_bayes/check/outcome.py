"""What a check found, in a form that every page and terminal can show: a verdict, a few sentences, tables of numbers."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = str | float | int | bool


class Table(NamedTuple):
    """Numbers of a check."""

    title: str
    """What they are."""
    columns: Mapping[str, str]
    """Heading of each column, and how its values are written (a format specification; none for words)."""
    rows: tuple[tuple[Value, ...], ...]
    """One value a column."""

    def text(self) -> list[list[str]]:
        """The rows as they are shown.

        Examples
        --------
        >>> Table("", {"what": "", "p": ".3f"}, (("a", 0.25),)).text()
        [['a', '0.250']]
        """
        forms = tuple(self.columns.values())
        return [[_shown(value, form) for value, form in zip(row, forms, strict=True)] for row in self.rows]

    def records(self) -> list[dict[str, Any]]:
        """The rows by heading, in full."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Outcome(NamedTuple):
    """What a check found."""

    passed: bool
    """The verdict."""
    simulations: int
    """Experiments, draws or data sets that were simulated."""
    said: tuple[str, ...]
    """What it rests on, in sentences, the verdict first."""
    tables: tuple[Table, ...]
    """The numbers, the most telling first."""
    settings: Mapping[str, Value] = MappingProxyType({})
    """With what it was run, beyond simulations and seed."""


def _shown(value: Value, form: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str) else format(value, form)
