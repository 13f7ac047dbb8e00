"""Calls: what one generation of a variant on an item used up: tokens, seconds, dollars. Nobody rates them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings.coding import sorted_codes
from expsim_bayes.ratings.contract import OPERATIONS
from expsim_bayes.ratings.wording import listing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings.coding import Codes
    from expsim_bayes.ratings.contract import Ratings


class CodedCalls(NamedTuple):
    """Calls as codes into tuples of names, and what each used up; R calls, sorted by item, variant and amounts."""

    amount: NDArray[np.float64]
    """(R, M) what each call used up by measure, NaN where missing."""
    variant: Codes
    """(R,) codes into `variants`."""
    item: Codes
    """(R,) codes into `items`."""
    measures: tuple[str, ...]
    """Which columns there are, out of cost, tokens_in, tokens_out and latency_s, in that order."""
    variants: tuple[str, ...]
    """All variants, those without a call included."""
    items: tuple[str, ...]
    """Items, sorted."""


def code_calls(ratings: Ratings) -> CodedCalls:
    """Calls as codes, in canonical order.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import code_calls, validate
    >>> coded = code_calls(validate(pd.DataFrame({"variant": ["B", "A"], "item": "1", "latency_s": [1.5, 0.9]})))
    >>> coded.measures, coded.amount.tolist()
    (('latency_s',), [[0.9], [1.5]])
    """
    table = ratings.table
    measures = tuple(name for name in OPERATIONS if name in table.columns)
    variant = pd.Index(ratings.variants, dtype="str").get_indexer(pd.Index(table["variant"])).astype(np.intp)
    item, items = sorted_codes(table["item"])
    amount = table[list(measures)].to_numpy(np.float64)
    order = np.lexsort((*amount.T[::-1], variant, item))
    return CodedCalls(amount[order], variant[order], item[order], measures, ratings.variants, items)


def require_measures(frame: pd.DataFrame, source: str) -> None:
    """Raise when nothing that a call uses up is there."""
    if not set(OPERATIONS) & set(frame.columns):
        raise RatingsError(
            f"nothing that a call uses up; found {listing(frame.columns, 30)}",
            where=source,
            remedy=f"give at least one of the columns {', '.join(OPERATIONS)}",
        )
