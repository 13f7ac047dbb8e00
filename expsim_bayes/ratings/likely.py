"""What the columns of somebody's table probably are, told by their names and a glance at their cells; a person may correct all of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from expsim_bayes.ratings.contract import ALIASES, KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

WORDS: Final = {
    "variant": ("variant", "arm", "system", "model", "model_name", "prompt_version", "candidate", "treatment", "group", "version",
        "condition", "template", "prompt_name", "config", "llm", "assistant", "bot", "method"),
    "item": ("item", "item_id", "prompt_id", "question", "question_id", "document", "doc_id", "example", "sample", "input", "prompt",
        "query", "task", "task_id", "ticket", "article"),
    "rater": ("rater", "rater_id", "annotator", "annotator_id", "worker", "worker_id", "judge", "assessor", "labeler", "labeller",
        "reviewer", "who", "rated_by", "scored_by", "graded_by", "grader"),
    "score": ("score", "rating", "stars", "grade", "label", "points", "value", "verdict"),
    "variant_left": ("variant_left", "left", "model_a", "system_a", "variant_a", "model_1", "system_1", "response_a", "a"),
    "variant_right": ("variant_right", "right", "model_b", "system_b", "variant_b", "model_2", "system_2", "response_b", "b"),
    "outcome": ("outcome", "winner", "preference", "preferred", "choice", "verdict", "label"),
    "rank": ("rank", "place", "position", "ranking"),
    "kind": ("kind", "evaluator_kind", "rater_kind", "rater_type", "annotator_type"),
    "evaluator": ("evaluator", "pool", "team", "judge_model"),
    "criterion": ("criterion", "criteria", "aspect", "dimension", "quality_dimension"),
    "repeat": ("repeat", "trial", "attempt", "repetition"),
    "output": ("output", "output_id", "generation", "sample_id"),
    "latency_s": ("latency_s", "latency", "seconds", "duration_s"),
    "cost": ("cost", "cost_usd", "usd", "dollars"),
    "tokens_in": ("tokens_in", "input_tokens", "prompt_tokens"),
    "tokens_out": ("tokens_out", "output_tokens", "completion_tokens"),
    "user": ("user", "user_id"),
    "weight": ("weight", "count", "n"),
}  # fmt: skip
"""Names that columns have in the field, the likeliest first."""
PROMPTS: Final = ("prompt", "prompt_id")
"""Names of a column that holds what is compared where few are used over and over, and what was answered where there are many."""
FEW, ROWS_EACH = 20, 5
"""Most prompts that are taken for what is compared, and the fewest rows of each."""
LOOKED_AT = 4
"""Rows from the top that may be the header below a title."""


def likely(names: Iterable[str], frame: pd.DataFrame | None = None) -> dict[str, str]:
    """Our names to theirs, of every column that was recognised.

    Parameters
    ----------
    names : iterable of str
        Names of the columns.
    frame : DataFrame, optional
        The table. Without it the names alone are looked at.

    Examples
    --------
    >>> likely(["Model", "Question ID", "rated by", "Stars"])
    {'variant': 'Model', 'item': 'Question ID', 'rater': 'rated by', 'score': 'Stars'}

    With few prompts that are used over and over, prompts are what is compared:

    >>> import pandas as pd
    >>> table = pd.DataFrame({"prompt": ["short", "long"] * 6, "summary id": [n // 2 for n in range(12)], "who": "ann", "score": 4})
    >>> likely(table.columns, table)
    {'variant': 'prompt', 'item': 'summary id', 'rater': 'who', 'score': 'score'}
    """
    given = [str(name) for name in names]
    found: dict[str, str] = {}
    for ours, words in WORDS.items():
        free = [name for name in given if name not in found.values()]
        theirs = _first(words, free, ours)
        if theirs is None and frame is not None:
            theirs = next((name for name in free if _by_cells(frame, name, ours, found)), None)
        if theirs is not None:
            found[ours] = theirs
    return found


def header_below(rows: Iterable[tuple[int, Sequence[object]]]) -> int | None:
    """Number of the row that looks like the header, below a title; None where none of the first rows does.

    Examples
    --------
    >>> header_below([(2, ["", ""]), (3, ["prompt", "score"])]), header_below([(2, ["short", "4"])])
    (3, None)
    """
    known = {*KNOWN, *ALIASES, *(word for words in WORDS.values() for word in words)}
    for _, (number, cells) in zip(range(LOOKED_AT), rows, strict=False):
        parts = [part for cell in cells for part in re.split(r"[,;|\t]", str(cell))]
        if sum(len(part.strip()) > 1 and _folded(part) in known for part in parts) > 1:
            return number
    return None


def _folded(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _first(words: tuple[str, ...], given: list[str], ours: str) -> str | None:
    """The likeliest of some names; a name with a meaning of its own is only taken for that."""
    folded = {_folded(name): name for name in reversed(given)}
    return next((folded[word] for word in words if word in folded and (word == ours or word not in KNOWN)), None)


def _by_cells(frame: pd.DataFrame, name: str, ours: str, found: dict[str, str]) -> bool:
    """Whether a column is what is compared, or what was answered, by its cells."""
    if ours == "variant":
        return _folded(name) in PROMPTS and not _side_by_side(frame.columns) and _used_over_and_over(frame[name])
    return ours == "item" and "variant" in found and _crosses(frame, name, found["variant"])


def _side_by_side(names: Iterable[object]) -> bool:
    """Whether variants stand on the left and on the right."""
    given = [str(name) for name in names]
    return all(_first(WORDS[ours], given, ours) is not None for ours in ("variant_left", "variant_right"))


def _used_over_and_over(column: pd.Series) -> bool:
    """Whether a column has few values, each in many rows."""
    rows = column.value_counts()
    return 1 < len(rows) <= FEW and int(rows.min()) >= ROWS_EACH


def _crosses(frame: pd.DataFrame, name: str, variant: str) -> bool:
    """Whether a column numbers what every variant answered: an id that mostly stands beside several variants."""
    if not _folded(name).endswith("id") or name in KNOWN:
        return False
    met = frame[[name, variant]].drop_duplicates()[name].value_counts()
    return len(met) > 1 and bool((met > 1).mean() > 0.5)
