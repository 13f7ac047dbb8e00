"""The ratings contract: what every reader makes and every model takes.

One long table, one rating a row, with the settings that give its scores a meaning. The table is checked once, in
`validation`, and never again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from expsim_bayes.notebook import as_html, as_text

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["score", "comparison", "ranking", "operations"]
"""What a row of a table is: a score, one comparison of two variants, one place in a ranking, or one call."""

REQUIRED: Final[dict[Outcome, tuple[str, ...]]] = {
    "score": ("variant", "item", "rater", "score"),
    "comparison": ("variant_left", "variant_right", "outcome"),
    "ranking": ("item", "rater", "variant", "rank"),
    "operations": ("variant", "item"),
}
"""Columns that a table must have, by what its rows are."""

IDS: Final = (
    "variant", "variant_left", "variant_right", "item", "output", "evaluator", "kind", "rater", "criterion", "repeat",
)  # fmt: skip
"""Columns that name things: text in every table, in this order, before what was said of them."""

OPERATIONS: Final = ("cost", "tokens_in", "tokens_out", "latency_s")
"""Columns of what a rating or its output used up: numbers, never negative."""

COUNTS: Final = ("wins_left", "wins_right", "ties")
"""Columns that may stand for `outcome` in a table of counted comparisons."""

SIDES: Final = ("left", "tie", "right")
"""Outcomes of a comparison, in the order of their codes: the variant on the left is better, neither is, the one on the right is."""

SAID: Final = ("score", "outcome", "rank", "weight")
"""Columns of what was said of the things named."""

KNOWN: Final = (*IDS, *SAID, *COUNTS, *OPERATIONS, "currency", "user")
"""Every column with a meaning of its own; any other is kept as it is."""

ALIASES: Final = {"evaluator_kind": "kind"}
"""Other names under which a known column is recognised."""

KINDS: Final = ("human", "llm", "metric")
"""Kinds of evaluator."""

NO_VARIANTS: Final = "nothing is compared"
"""What a notice says of a table without variants."""


@dataclass(frozen=True, eq=False)
class Ratings:
    """Validated ratings: a long table of scores, comparisons, rankings or calls, and what is needed to read them.

    Made by `validate` (from a data frame), `expsim_bayes.readers.read` (from a file) or `append`; never by hand.
    """

    table: pd.DataFrame
    """One row a rating, comparison, place or call: text columns as in `IDS`, then the float columns of what was said (`score`, `rank`,
    `weight`, NaN where missing) or `outcome` ("left", "tie", "right", "" where missing), then every other column of the source."""
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
    outcome: Outcome = "score"
    """What a row of the table is."""

    @property
    def compares(self) -> bool:
        """Whether the table named variants, so that there is something to compare."""
        return self.variants != ("all",) or not any(NO_VARIANTS in notice for notice in self.notices)

    def __repr__(self) -> str:
        return as_text(*self._told())

    def _repr_html_(self) -> str:
        return as_html(*self._told())

    def _told(self) -> tuple[str, list[tuple[str, str]]]:
        """What these are, and what was noticed."""
        rows = [
            ("Variants", ", ".join(self.variants)),
            ("Control", self.control or ""),
            ("Columns", ", ".join(map(str, self.table.columns))),
            ("Better", "" if self.outcome != "score" else "higher" if self.higher_is_better else "lower"),
            *(("Noted", notice) for notice in self.notices),
        ]
        return f"{self.source}: {len(self.table):,} rows, each a {self.outcome}", rows
