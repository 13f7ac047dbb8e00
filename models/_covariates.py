"""Columns that a judge should ignore, read as numbers and standardised: length, position, own family."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings.coding import coded_rows
from expsim_bayes.ratings.wording import close_to, count, listing, quote, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.ratings import Coded, Ratings

SAME = 1e-9
"""Share of the variation of a covariate within variants below which there is none but for rounding."""
TRUTH = {"true": 1.0, "false": 0.0}
"""Words for flags, as a file of text holds them."""


class Covariates(NamedTuple):
    """Covariates of R ratings, C of them."""

    names: tuple[str, ...]
    """Their columns."""
    value: NDArray[np.float64]
    """(R, C) SDs above the mean of the ratings of those who may follow them; 0 for the ratings of others."""
    mean: NDArray[np.float64]
    """(C,) in the unit of the column."""
    sd: NDArray[np.float64]
    """(C,) in the unit of the column."""
    between: tuple[str, ...]
    """Those that no judge saw vary within a variant."""


def covariates(ratings: Ratings, data: Coded, names: Sequence[str], judges: NDArray[np.bool_]) -> Covariates:
    """Some columns as covariates of the ratings of judges.

    Parameters
    ----------
    ratings : Ratings
        Their table has the columns.
    data : Coded
        The same ratings, coded.
    names : sequence of str
        The columns: numbers, or flags.
    judges : (evaluator,) array of bool
        Who may follow them.

    Raises
    ------
    RatingsError
        There is no such column or nobody who may follow it, or it holds text, lacks values or never varies.
    """
    if names and not judges.any():
        raise RatingsError(
            f"nobody could follow {listing(names)}: there is no judge beside the reference",
            where=ratings.source,
            remedy="leave the covariates away, or add the ratings of a judge (a column 'kind' says who is one)",
        )
    judged = judges[data.evaluator]
    used = coded_rows(ratings)[judged] if names else np.zeros(0, dtype=np.intp)
    values = [_numbers(ratings, name, used) for name in names]
    of_judges = np.stack(values, axis=1) if values else np.zeros((int(judged.sum()), 0))
    mean, sd = (of_judges.mean(axis=0), of_judges.std(axis=0)) if names else (np.zeros(0), np.zeros(0))
    value = np.zeros((data.score.size, len(names)))
    value[judged] = (of_judges - mean) / sd
    place = data.evaluator * len(data.variants) + data.variant
    between = tuple(
        name for name, each in zip(names, value.T, strict=True) if _within(each[judged], place[judged]) < SAME
    )
    return Covariates(tuple(names), value, mean, sd, between)


def _numbers(ratings: Ratings, name: str, used: NDArray[np.intp]) -> NDArray[np.float64]:
    """Values of a column in some rows of the table."""
    table, where = ratings.table, f"{ratings.source}, column {quote(name)}"
    if name not in table.columns or name == "score":
        raise RatingsError(
            f"there is no column {quote(name)} beside the scores",
            where=ratings.source,
            remedy=close_to(name, [str(other) for other in table.columns if other != "score"]),
        )
    column = table[name].iloc[used]
    values = _parsed(column)
    text = np.isnan(values) & (column.notna() & (column.astype(str) != "")).to_numpy(dtype=bool)
    if text.any():
        raise RatingsError(
            f"{count(int(text.sum()), 'cell')} with no number: {listing(column[text].unique(), 5)}",
            where=f"{where}, {rows(np.sort(used[text]) + 1)} of the ratings",
            remedy="give a column of numbers or flags, such as 1 where the judge rates its own family and 0 elsewhere",
        )
    lost = ~np.isfinite(values)
    if lost.any():
        raise RatingsError(
            f"{count(int(lost.sum()), 'rating')} of judges without a value",
            where=f"{where}, {rows(np.sort(used[lost]) + 1)} of the ratings",
            remedy="fill them in, leave these ratings out, or leave the covariate away",
        )
    if not np.ptp(values) > 0:
        raise RatingsError(
            f"it is {values[0]:g} in every rating of a judge, so nothing can be told of it",
            where=where,
            remedy="leave the covariate away",
        )
    return values


def _parsed(column: pd.Series) -> NDArray[np.float64]:
    """Cells as numbers, NaN where they are none."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(np.float64)
    words = column.astype(str).str.strip().str.lower()
    flags = words.map(TRUTH)
    return np.asarray(flags.fillna(pd.to_numeric(words, errors="coerce")), dtype=np.float64)


def _within(values: NDArray[np.float64], group: NDArray[np.intp]) -> float:
    """Share of the variation of values that lies within groups."""
    size = np.maximum(np.bincount(group), 1)
    left = values - (np.bincount(group, values) / size)[group]
    return float((left**2).sum() / (values**2).sum())
