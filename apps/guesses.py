"""What a table of ratings probably means, told by the names of its columns and a glance at its cells; a person may correct all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.ratings.contract import COUNTS, OPERATIONS, REQUIRED, Outcome
from expsim_bayes.ratings.likely import likely

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

ROWS: dict[Outcome, str] = {
    "score": "a score of one output",
    "comparison": "a comparison of two outputs",
    "ranking": "a place in a ranking",
    "operations": "a call and what it used up",
}
"""What a row may be, in words."""
OPTIONAL: dict[Outcome, tuple[str, ...]] = {
    "score": ("kind", "evaluator", "criterion", "output", "repeat", "user"),
    "comparison": ("item", "rater", "kind", "evaluator", "criterion", "repeat", "weight", "user"),
    "ranking": ("kind", "evaluator", "criterion", "repeat", "user"),
    "operations": ("output", *OPERATIONS),
}
"""Columns that a table may have beside those it must, by what its rows are."""
MOST_VALUES = 200
"""Distinct values of a column that are offered for a choice."""


class Guess(NamedTuple):
    """What a table probably means."""

    outcome: Outcome
    """What a row is."""
    columns: dict[str, str]
    """Ours to theirs, of every column that was recognised."""


def guess(names: Iterable[str], frame: pd.DataFrame | None = None) -> Guess:
    """What a table means, by the names of its columns and, where it is given, by its cells.

    Examples
    --------
    >>> found = guess(["prompt_id", "model_a", "model_b", "winner", "worker"])
    >>> found.outcome, found.columns["variant_left"], found.columns["outcome"], found.columns["item"]
    ('comparison', 'model_a', 'winner', 'prompt_id')
    """
    given = [str(name) for name in names]
    found = likely(given, frame)
    return Guess(_outcome(found, given), found)


def _outcome(found: Mapping[str, str], given: list[str]) -> Outcome:
    if {"variant_left", "variant_right"} <= found.keys():
        return "comparison"
    if "rank" in found and "score" not in found:
        return "ranking"
    if "score" not in found and "rater" not in found and set(OPERATIONS) & found.keys():
        return "operations"
    return "comparison" if set(COUNTS) & set(given) else "score"


def fields(outcome: Outcome) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns that a table must have, and those it may have.

    Examples
    --------
    >>> fields("ranking")[0]
    ('item', 'rater', 'variant', 'rank')
    """
    return REQUIRED[outcome], OPTIONAL[outcome]


def values(frame: pd.DataFrame, column: str | None) -> list[str]:
    """Distinct cells of a column as text, sorted; none where there is no such column or too many are different."""
    from expsim_bayes.errors import ExpsimError
    from expsim_bayes.ratings.columns import as_text

    if column is None or column not in frame.columns:
        return []
    try:
        found = as_text(frame[column]).unique()
    except ExpsimError:
        return []
    return sorted(str(value) for value in found if value) if len(found) <= MOST_VALUES else []


def words_without_number(cells: Iterable[str]) -> list[str]:
    """Cells that are neither numbers nor missing: what each is worth must be told.

    Examples
    --------
    >>> words_without_number(["4", "4,5", "", "n/a", "good", "bad"])
    ['good', 'bad']
    """
    import re

    from expsim_bayes.ratings.numbers import DECIMAL_COMMA, MISSING, NUMBER

    number = re.compile(rf"\s*(?:{NUMBER}|{DECIMAL_COMMA})\s*")
    return [cell for cell in cells if cell.strip().casefold() not in MISSING and not number.fullmatch(cell)]


def worth(word: str) -> float | None:
    """What a word of a verdict is usually worth.

    Examples
    --------
    >>> worth("Yes"), worth("fail"), worth("good")
    (1.0, 0.0, None)
    """
    folded = word.strip().casefold()
    if folded in ("yes", "y", "true", "pass", "passed", "ok", "correct", "ja", "oui", "si", "sí"):
        return 1.0
    return 0.0 if folded in ("no", "n", "false", "fail", "failed", "incorrect", "nein", "non") else None


def side(word: str, names: Iterable[str]) -> str | None:
    """What a word for a verdict means: "" where the reader knows it, a side where it is likely, None where it must be told.

    Parameters
    ----------
    word : str
        A verdict.
    names : iterable of str
        Variants: the name of the winner is known.

    Examples
    --------
    >>> side("left", []), side("model_a", []), side("Tie (both bad)", []), side("garbage", []), side("?!", [])
    ('', 'left', 'tie', '', None)
    """
    from expsim_bayes.ratings.comparisons import UNUSABLE
    from expsim_bayes.ratings.comparisons import WORDS as KNOWN_WORDS

    folded = word.strip().casefold()
    if folded in KNOWN_WORDS or folded in UNUSABLE or word in set(names):
        return ""
    if folded in ("a", "1", "first", "model_a", "system_a", "variant_a", "response_a", "a wins", "chosen_a"):
        return "left"
    if folded in ("b", "2", "second", "model_b", "system_b", "variant_b", "response_b", "b wins", "chosen_b"):
        return "right"
    return "tie" if folded == "0" or folded.startswith(("tie", "both", "same", "equal", "draw")) else None


def slots(frame: pd.DataFrame, column: str | None) -> bool:
    """Whether names of raters look like slots ("annotator slot 2") rather than persons."""
    names = [name.casefold() for name in values(frame, column)]
    return any("slot" in name for name in names)
