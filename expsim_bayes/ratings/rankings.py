"""Rankings: several variants of one item put in order by a rater, 1 for the best; a ranking need not hold all variants.

A row is the place of one variant in one ranking; the rows of one item, rater and repeat are one ranking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings import numbers
from expsim_bayes.ratings.coding import rater_names, reference_of, sorted_codes
from expsim_bayes.ratings.wording import count, listing, rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings.coding import Codes
    from expsim_bayes.ratings.contract import Ratings

KEY = ("item", "evaluator", "rater", "repeat")
"""Columns that tell rankings apart."""


class CodedRankings(NamedTuple):
    """Rankings as codes into tuples of names; L rankings of at most M variants, sorted by evaluator, rater, item and order."""

    order: Codes
    """(L, M) codes into `variants`, the best first; -1 after the last one ranked."""
    size: Codes
    """(L,) variants ranked, 2 or more."""
    item: Codes
    """(L,) codes into `items`."""
    rater: Codes
    """(L,) codes into `raters`."""
    evaluator: Codes
    """(L,) codes into `evaluators`."""
    variants: tuple[str, ...]
    """All variants, those never ranked included."""
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
    """Places that are missing, left out here."""
    n_alone: int
    """Rankings of a single variant, left out here: they say nothing."""


def code_rankings(ratings: Ratings) -> CodedRankings:
    """Rankings as codes, in canonical order.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import code_rankings, validate
    >>> frame = pd.DataFrame({"item": "1", "rater": "ann", "variant": ["A", "B", "C"], "rank": [2, 3, 1]})
    >>> code_rankings(validate(frame)).order.tolist()
    [[2, 0, 1]]
    """
    table = ratings.table
    placed = table["rank"].notna().to_numpy(dtype=bool)
    rated = table[placed].sort_values("rank", kind="stable")
    names = pd.Index(ratings.variants, dtype="str")
    variant = names.get_indexer(pd.Index(rated["variant"])).astype(np.intp)
    item, items = sorted_codes(rated["item"])
    evaluator, evaluators = sorted_codes(rated["evaluator"])
    person, people = sorted_codes(rated["rater"])
    _, first_rater, rater = np.unique(evaluator * len(people) + person, return_index=True, return_inverse=True)
    ranking = rated.groupby([name for name in KEY if name in rated.columns], sort=True).ngroup().to_numpy()
    _, first, size = np.unique(ranking, return_index=True, return_counts=True)
    place = rated.groupby(ranking, sort=False).cumcount().to_numpy()
    order = np.full((first.size, int(size.max(initial=1))), -1, dtype=np.intp)
    order[ranking, place] = variant
    told = size > 1
    of_ranking = rater.astype(np.intp)[first], item[first]
    canonical = np.lexsort((*order.T[::-1], of_ranking[1], of_ranking[0]))
    canonical = canonical[told[canonical]]
    kind = rated["kind"].to_numpy(dtype=object)
    kinds = tuple(str(kind[at]) for at in np.unique(evaluator, return_index=True)[1])
    return CodedRankings(
        order=order[canonical],
        size=size[canonical].astype(np.intp),
        item=of_ranking[1][canonical],
        rater=of_ranking[0][canonical],
        evaluator=evaluator[first][canonical],
        variants=ratings.variants,
        items=items,
        raters=rater_names(evaluator[first_rater], person[first_rater], evaluators, people),
        evaluators=evaluators,
        rater_evaluator=evaluator[first_rater],
        kinds=kinds,
        reference=reference_of(evaluators, kinds, np.bincount(evaluator, minlength=len(evaluators)), ratings.reference),
        anonymous=np.array([k in ratings.anonymous_kinds for k in kinds], dtype=bool),
        n_missing=int((~placed).sum()),
        n_alone=int((~told).sum()),
    )


def settle_ranks(frame: pd.DataFrame, source: str) -> tuple[pd.DataFrame, list[str]]:
    """The frame with ranks as numbers, NaN where missing.

    Raises
    ------
    RatingsError
        A rank is no number, a variant is ranked twice in one ranking, or two variants share a place.
    """
    values, notices = numbers.parse(frame["rank"], source)
    frame = frame.assign(rank=values)
    key = [name for name in KEY if name in frame.columns]
    placed = frame[frame["rank"].notna()]
    for column, problem, remedy in (
        ("variant", "ranked twice in one ranking", "number the rankings of one rater in a column 'repeat'"),
        (
            "rank",
            "that two variants of one ranking share",
            "give every variant a place of its own, or compare pairs with ties",
        ),
    ):
        twice = placed.duplicated([*key, column]).to_numpy(dtype=bool)
        if twice.any():
            noun = "place" if column == "rank" else "variant"
            raise RatingsError(
                f"{count(int(twice.sum()), noun)} {problem}: {listing(placed[column][twice].unique(), 5)}",
                where=f"{source}, column '{column}', {rows(placed.index[twice])}",
                remedy=remedy,
            )
    alone = (placed.groupby(key)["rank"].size() == 1).sum()
    if alone:
        notices.append(f"warning: {count(int(alone), 'ranking')} of a single variant: nothing is learned from them")
    if frame["rank"].isna().any():
        notices.append(f"{int(frame['rank'].isna().sum()):,} of {count(len(frame), 'place')} missing")
    return frame, notices
