"""The ratings contract: what every reader makes and every model takes.

One long table, one rating a row, with the settings that give its scores a meaning. The table is checked once, in
`validation`, and never again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

REQUIRED: Final = ("variant", "item", "rater", "score")
"""Columns that a table of scores must have."""

IDS: Final = ("variant", "item", "output", "evaluator", "kind", "rater", "criterion", "repeat")
"""Columns that name things: text in every table, in this order, before the score."""

OPERATIONS: Final = ("cost", "tokens_in", "tokens_out", "latency_s")
"""Optional columns of what a rating or its output used up: numbers, never negative."""

KNOWN: Final = (*IDS, "score", *OPERATIONS, "currency", "user")
"""Every column with a meaning of its own; any other is kept as it is."""

ALIASES: Final = {"evaluator_kind": "kind"}
"""Other names under which a known column is recognised."""

KINDS: Final = ("human", "llm", "metric")
"""Kinds of evaluator."""


@dataclass(frozen=True, eq=False)
class Ratings:
    """Validated ratings: a long table of scores and what is needed to read them.

    Made by `validate` (from a data frame), `expsim_bayes.readers.read` (from a file) or `append`; never by hand.
    """

    table: pd.DataFrame
    """One rating a row: text columns `variant, item, output, evaluator, kind, rater` (and `criterion`, `repeat` where
    present), the float column `score` with NaN where missing, then every other column of the source."""
    variants: tuple[str, ...]
    """Names of the variants, sorted, or as declared; a declared variant may have no rating yet."""
    score_range: tuple[float, float] | None
    """Lowest and highest possible score; None when it was not declared."""
    higher_is_better: bool
    """Whether a higher score is a better one."""
    control: str | None
    """The variant that the others are compared with; None when nothing is the control."""
    anonymous_kinds: frozenset[str]
    """Kinds whose rater names are slots, not persons: their severity is not estimable."""
    notices: tuple[str, ...]
    """Every conversion, exclusion, count and warning, in plain words."""
    sha256: str
    """SHA-256 of the table, columns and rows in order."""
    source: str
    """Name of the file, or what else the ratings came from."""
    reference: str | None = None
    """The evaluator that defines quality, when declared; None means the human pool."""
