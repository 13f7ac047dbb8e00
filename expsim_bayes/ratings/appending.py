"""Two tables of ratings as one: look after look, or file after file, under one contract."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings import numbers, structure
from expsim_bayes.ratings.names import merge_look_alikes
from expsim_bayes.ratings.validation import arrange, content_hash, contradictions
from expsim_bayes.ratings.wording import count, listing, rows

if TYPE_CHECKING:
    from expsim_bayes.ratings.contract import Ratings
    from expsim_bayes.ratings.structure import Duplicates


def append(ratings: Ratings, more: Ratings, *, duplicates: Duplicates = "ask") -> Ratings:
    """The ratings and more of the same contract, as one table; the new rows come last.

    Parameters
    ----------
    ratings, more : Ratings
        Must agree in what a row is, direction, score range, anonymous kinds, and in control and reference where both name one.
    duplicates : {"ask", "keep", "drop"}
        What to do with rows of `more` that equal one of `ratings` in every column; "ask" is an error.

    Raises
    ------
    RatingsError
        When the two cannot be one table.
    """
    for name in ("outcome", "higher_is_better", "score_range", "anonymous_kinds"):
        _require_same(name, getattr(ratings, name), getattr(more, name), more.source)
    control = _merge_choice("control", ratings.control, more.control, more.source)
    reference = _merge_choice("reference", ratings.reference, more.reference, more.source)
    table, notices = _stack(ratings.table, more.table)
    source = f"{ratings.source} + {more.source}"
    structure.require_one_criterion(table, source)
    table, known = structure.settle_evaluators(table, source) if ratings.outcome != "operations" else (table, [])
    if "output" in table.columns:
        table = structure.settle_outputs(table, source)
    table, alike = merge_look_alikes(table, merge=False)
    table, crossed = structure.settle_users(table, "keep")
    if "currency" in table.columns:
        numbers.require_one_currency(table["currency"], source)
    table, twice = _settle_overlap(table, len(ratings.table), duplicates, more.source)
    table = arrange(table)
    both = replace(
        ratings,
        table=table,
        variants=tuple(dict.fromkeys(ratings.variants + more.variants)),
        control=control,
        reference=reference,
        sha256=content_hash(table),
        source=source,
    )
    told = (*ratings.notices, *more.notices, *notices, *known, *alike, *crossed, *twice, *contradictions(both))
    return replace(both, notices=tuple(dict.fromkeys(told)))


def _require_same(name: str, old: object, new: object, source: str) -> None:
    if old != new:
        raise RatingsError(
            f"{name} differs: {old} before, {new} here", where=source, remedy=f"read both with the same {name}"
        )


def _merge_choice(name: str, old: str | None, new: str | None, source: str) -> str | None:
    if old is not None and new is not None:
        _require_same(name, old, new, source)
    return old if old is not None else new


def _stack(old: pd.DataFrame, new: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    both = pd.concat([old, new], ignore_index=True)
    lone = sorted(set(old.columns) ^ set(new.columns))
    notices = [f"columns only in one of the appended tables: {listing(lone)}; empty elsewhere"] if lone else []
    return both, notices


def _settle_overlap(
    table: pd.DataFrame, n_old: int, duplicates: Duplicates, source: str
) -> tuple[pd.DataFrame, list[str]]:
    structure.check_duplicates_choice(duplicates)
    old = pd.Index(pd.util.hash_pandas_object(table.iloc[:n_old], index=False))
    twice = np.zeros(len(table), dtype=bool)
    twice[n_old:] = pd.util.hash_pandas_object(table.iloc[n_old:], index=False).isin(old)
    if not twice.any():
        return table, []
    words = f"{count(int(twice.sum()), 'row')} equal to one that is already there in every column"
    if duplicates == "ask":
        raise RatingsError(
            words,
            where=f"{source}, {rows(np.flatnonzero(twice) - n_old)} (counted from 0)",
            remedy="say duplicates='drop' if they were stored twice, duplicates='keep' if they were given twice",
        )
    return (table[~twice] if duplicates == "drop" else table), [
        f"warning: {words}, {'dropped' if duplicates == 'drop' else 'kept'}"
    ]
