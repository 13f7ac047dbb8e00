"""Comparisons: two variants side by side, one is better or neither; checked, coded, and described.

A row is one comparison, or with a `weight` as many as that; a table of counts has the columns `wins_left`, `wins_right` and `ties` instead
of `outcome`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings import numbers
from expsim_bayes.ratings.coding import rater_names, reference_of, sorted_codes
from expsim_bayes.ratings.columns import as_text
from expsim_bayes.ratings.contract import COUNTS, SIDES
from expsim_bayes.ratings.wording import count, listing, quote, rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from expsim_bayes.ratings.coding import Codes
    from expsim_bayes.ratings.contract import Ratings

WORDS: Final = {
    **{side: side for side in SIDES},
    "l": "left", "r": "right", "t": "tie", "draw": "tie", "equal": "tie", "both": "tie", "neither": "tie",
}  # fmt: skip
"""Words for an outcome, in any case."""

UNUSABLE: Final = numbers.MISSING | {"garbage", "invalid", "unparsable", "unparseable", "error", "unknown"}
"""Words for a verdict that could not be read, in any case: counted as missing."""

ALONE: Final = {"item": "1", "rater": "1"}
"""What stands in a column that a table of comparisons may lack."""


class CodedComparisons(NamedTuple):
    """Comparisons without the missing ones, as codes into tuples of names; R comparisons.

    Sorted by evaluator, rater, item, left, right and outcome.
    """

    outcome: Codes
    """(R,) 0 where the variant on the left is better, 1 for a tie, 2 where the one on the right is: codes into `SIDES`."""
    weight: NDArray[np.float64]
    """(R,) how many comparisons a row stands for."""
    left: Codes
    """(R,) codes into `variants`."""
    right: Codes
    """(R,) codes into `variants`."""
    item: Codes
    """(R,) codes into `items`."""
    rater: Codes
    """(R,) codes into `raters`."""
    evaluator: Codes
    """(R,) codes into `evaluators`."""
    variants: tuple[str, ...]
    """All variants, those never compared included."""
    items: tuple[str, ...]
    """Items, sorted."""
    raters: tuple[str, ...]
    """Raters, by evaluator."""
    evaluators: tuple[str, ...]
    """Evaluators, sorted."""
    rater_evaluator: Codes
    """(rater,) code of the evaluator of each rater."""
    kinds: tuple[str, ...]
    """Kind of each evaluator."""
    reference: int
    """Code of the evaluator that defines quality; -1 where no people took part and none was declared."""
    anonymous: NDArray[np.bool_]
    """(evaluator,) whether rater names are slots."""
    n_missing: int
    """Comparisons without an outcome, left out here."""


def code_comparisons(ratings: Ratings) -> CodedComparisons:
    """Comparisons as codes, in canonical order.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import code_comparisons, validate
    >>> frame = pd.DataFrame({"item": ["1", "2"], "variant_left": "A", "variant_right": "B", "rater": "ann", "outcome": ["tie", "A"]})
    >>> coded = code_comparisons(validate(frame))
    >>> coded.outcome.tolist(), coded.item.tolist()
    ([1, 0], [0, 1])
    """
    table = ratings.table
    said = (table["outcome"] != "").to_numpy(dtype=bool)
    rated = table[said]
    names = pd.Index(ratings.variants, dtype="str")
    left, right = (
        names.get_indexer(pd.Index(rated[column])).astype(np.intp) for column in ("variant_left", "variant_right")
    )
    outcome = pd.Index(SIDES, dtype="str").get_indexer(pd.Index(rated["outcome"])).astype(np.intp)
    item, items = sorted_codes(rated["item"])
    evaluator, evaluators = sorted_codes(rated["evaluator"])
    person, people = sorted_codes(rated["rater"])
    _, first, rater = np.unique(evaluator * len(people) + person, return_index=True, return_inverse=True)
    weight = rated["weight"].to_numpy(np.float64)
    order = np.lexsort((weight, outcome, right, left, item, rater))
    kind = rated["kind"].to_numpy(dtype=object)
    kinds = tuple(str(kind[at]) for at in np.unique(evaluator, return_index=True)[1])
    return CodedComparisons(
        outcome=outcome[order],
        weight=weight[order],
        left=left[order],
        right=right[order],
        item=item[order],
        rater=rater.astype(np.intp)[order],
        evaluator=evaluator[order],
        variants=ratings.variants,
        items=items,
        raters=rater_names(evaluator[first], person[first], evaluators, people),
        evaluators=evaluators,
        rater_evaluator=evaluator[first],
        kinds=kinds,
        reference=reference_of(evaluators, kinds, np.bincount(evaluator, weight, len(evaluators)), ratings.reference),
        anonymous=np.array([k in ratings.anonymous_kinds for k in kinds], dtype=bool),
        n_missing=int((~said).sum()),
    )


def fill_alone(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The frame with the columns that comparisons may lack: one item, one rater."""
    lacking = [name for name in ALONE if name not in frame.columns]
    filled = frame.assign(**{name: pd.Series(ALONE[name], index=frame.index, dtype="str") for name in lacking})
    words = {"item": "items are not told apart", "rater": "raters are not told apart"}
    return filled, [f"no column {quote(name)}: {words[name]}" for name in lacking]


def untold(raters: Sequence[str]) -> bool:
    """Whether the only rater is the one who stands for a missing column: that is no single person.

    Examples
    --------
    >>> untold(["1"]), untold(["ann"]), untold(["1", "2"])
    (True, False, False)
    """
    return list(raters) == [ALONE["rater"]]


def settle_outcomes(frame: pd.DataFrame, source: str, words: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """The frame with `outcome` ("left", "tie", "right", "" where missing) and `weight` in every row; `words` translates further words.

    Raises
    ------
    RatingsError
        A variant is compared with itself, an outcome is no side, or a count is none.
    """
    _refuse_self(frame, source)
    counted: list[str] = []
    if "outcome" not in frame.columns:
        frame, counted = _from_counts(frame, source)
    frame, read = _read(frame, source, words)
    frame, weighed = _weighed(frame, source)
    return frame, [*counted, *read, *weighed]


def _refuse_self(frame: pd.DataFrame, source: str) -> None:
    same = (frame["variant_left"] == frame["variant_right"]).to_numpy(dtype=bool)
    if same.any():
        raise RatingsError(
            f"{count(int(same.sum()), 'comparison')} of a variant with itself: "
            f"{listing(frame['variant_left'][same].unique(), 5)}",
            where=f"{source}, columns 'variant_left' and 'variant_right', {rows(frame.index[same])}",
            remedy="correct the names or remove these rows",
        )


def _from_counts(frame: pd.DataFrame, source: str) -> tuple[pd.DataFrame, list[str]]:
    """One row a side that won at least once, with its count as the weight."""
    present = [name for name in COUNTS if name in frame.columns]
    parts, notices = [], list[str]()
    for name in present:
        values, said = numbers.parse(frame[name], source)
        notices += said
        side = {"wins_left": "left", "wins_right": "right", "ties": "tie"}[name]
        parts.append(frame.drop(columns=present).assign(outcome=side, weight=values))
        _refuse_fractions(frame[name], values, source, noun="count")
    table = pd.concat(parts).sort_index(kind="stable")
    empty = table["weight"] == 0
    notices.append(f"columns {listing(present)} read as counted comparisons")
    return table[~empty], notices


def _read(frame: pd.DataFrame, source: str, words: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """Outcomes as sides: a side by name, the name of the variant that won, or a word that `words` translates."""
    text = as_text(frame["outcome"]).str.strip()
    folded = text.str.casefold()
    known = WORDS | {word.strip().casefold(): _side(side, word) for word, side in words.items()}
    side = folded.map(known)
    for column, name in (("variant_left", "left"), ("variant_right", "right")):
        won = side.isna() & (text == frame[column])
        side = side.mask(won, name)
    unusable = side.isna() & folded.isin(UNUSABLE)
    strange = (side.isna() & ~unusable).to_numpy(dtype=bool)
    if strange.any():
        raise RatingsError(
            f"{count(int(strange.sum()), 'outcome')} that name neither a side nor one of the two variants: "
            f"{listing(text[strange].unique(), 5)}",
            where=f"{source}, column 'outcome', {rows(frame.index[strange])}",
            remedy=f"write left, right or tie, or say what the word means, for example --outcome-map {text[strange].iloc[0]}=tie",
        )
    frame = frame.assign(outcome=side.fillna("").astype("str"))
    return frame, _missing(frame, text, unusable.to_numpy(dtype=bool))


def _side(side: str, word: str) -> str:
    tidy = side.strip().casefold()
    if tidy not in (*SIDES, "missing"):
        raise RatingsError(
            f"{quote(side)} is no outcome",
            where=f"outcome map, {quote(word)}",
            remedy="choose left, right, tie or missing",
        )
    return "" if tidy == "missing" else tidy


def _missing(frame: pd.DataFrame, text: pd.Series, unusable: NDArray[np.bool_]) -> list[str]:
    """What is missing, by the word that stood there, and how evenly over the variants."""
    lost = (frame["outcome"] == "").to_numpy(dtype=bool)
    if not lost.any():
        return []
    by = text[lost].replace("", "an empty cell").value_counts()
    said = ", ".join(f"{quote(word)} {n:,}" for word, n in by.head(5).items())
    names = pd.concat([frame["variant_left"], frame["variant_right"]])
    twice = np.concatenate([lost, lost])
    rate = pd.Series(twice, index=names.to_numpy()).groupby(level=0).mean().sort_values(ascending=False)
    shares = ", ".join(f"{quote(name)} {100 * share:.1f} %" for name, share in rate.head(8).items())
    more = ", ..." if len(rate) > 8 else ""
    warned = "warning: " if unusable.any() else ""
    return [
        f"{warned}{count(int(lost.sum()), 'verdict')} counted as missing ({said}); their share by variant: {shares}{more}"
    ]


def _weighed(frame: pd.DataFrame, source: str) -> tuple[pd.DataFrame, list[str]]:
    if "weight" not in frame.columns:
        return frame.assign(weight=1.0), []
    values, notices = numbers.parse(frame["weight"], source)
    _refuse_fractions(frame["weight"], values, source, noun="weight")
    empty = values == 0
    if empty.any():
        notices.append(f"{count(int(empty.sum()), 'row')} with weight 0 dropped")
    return frame.assign(weight=values)[~empty], notices


def _refuse_fractions(column: pd.Series, values: NDArray[np.float64], source: str, *, noun: str) -> None:
    wrong = ~((values >= 0) & (values == np.floor(values)))
    if wrong.any():
        raise RatingsError(
            f"{count(int(wrong.sum()), noun)} that no number of comparisons can be: {listing(column[wrong].unique(), 5)}",
            where=f"{source}, column {quote(column.name)}, {rows(column.index[wrong])}",
            remedy="give whole numbers from 0 up",
        )
