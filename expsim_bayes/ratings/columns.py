"""From somebody's columns to ours: header names, renaming, the rows that `where` keeps, and cells as text.

Every step takes a data frame whose index holds the row numbers that the user knows, and returns the new frame with the
notices it made.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api import types

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings.contract import ALIASES, COUNTS, KNOWN, OPERATIONS, REQUIRED
from expsim_bayes.ratings.likely import LOOKED_AT, header_below, likely
from expsim_bayes.ratings.wording import close_to, count, listing, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from expsim_bayes.ratings.contract import Outcome

MAX_COLUMNS = 1_000
"""A table with more columns is refused: it is not a table of ratings in long form."""

SHAPES = {
    "scores": REQUIRED["score"],
    "comparisons": REQUIRED["comparison"],
    "counted comparisons": ("variant_left", "variant_right", *COUNTS[:2]),
    "rankings": REQUIRED["ranking"],
    "calls": (*REQUIRED["operations"], " or ".join(OPERATIONS)),
}
"""Columns of every table that is read, for somebody whose columns are called otherwise."""


def tidy_header(frame: pd.DataFrame, source: str) -> tuple[pd.DataFrame, list[str]]:
    """The frame with its column names without stray spaces, known names in lower case, nameless columns gone."""
    if len(frame.columns) > MAX_COLUMNS:
        raise RatingsError(
            f"{len(frame.columns):,} columns, at most {MAX_COLUMNS:,} are read",
            where=source,
            remedy="give one rating a row, with the columns variant, item, rater, score",
        )
    given = [str(name) for name in frame.columns]
    tidy = [_tidy_name(name) for name in given]
    nameless = [name == "" or name.startswith("Unnamed: ") for name in tidy]
    if any(nameless) and header_below([(0, given)]) is None:
        refuse_title(_first_rows(frame), source)
    kept = [name for name, drop in zip(tidy, nameless, strict=True) if not drop]
    _refuse_twins(kept, source)
    notices = [
        f"column {quote(old)} read as {quote(new)}" for old, new in zip(given, tidy, strict=True) if new and old != new
    ]
    if any(nameless):
        notices.append(f"{count(sum(nameless), 'column')} without a name ignored (a row index or a trailing separator)")
    frame = frame.loc[:, [not drop for drop in nameless]]
    return frame.set_axis(pd.Index(kept, dtype=object), axis=1), notices


def refuse_title(rows: Iterable[tuple[int, Sequence[object]]], source: str) -> None:
    """Raise when one of the first rows looks like the header: a title stands above it."""
    found = header_below(rows)
    if found is not None:
        raise RatingsError(
            f"the names of the columns seem to stand in row {found}",
            where=source,
            remedy=f"delete what stands above row {found}, so that the file begins with it",
        )


def _first_rows(frame: pd.DataFrame) -> Iterable[tuple[int, Sequence[object]]]:
    return ((row[0], row[1:]) for row in frame.head(LOOKED_AT).itertuples(name=None))


def _tidy_name(name: str) -> str:
    bare = name.strip().strip("\ufeff\u200b").strip()
    folded = bare.casefold()
    return folded if folded in KNOWN or folded in ALIASES else bare


def _refuse_twins(names: list[str], source: str) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise RatingsError(
            f"column {listing(twins)} appears more than once", where=source, remedy="rename or remove one of them"
        )


def rename(frame: pd.DataFrame, columns: Mapping[str, str], source: str) -> tuple[pd.DataFrame, list[str]]:
    """The frame with our names: `columns` maps ours to theirs, and aliases are recognised.

    A column of the source that already bears the name of ours is set aside under `NAME_in_source`.
    """
    for ours, theirs in columns.items():
        if ours not in KNOWN:
            raise RatingsError(f"{quote(ours)} is not a column of ratings", where=source, remedy=close_to(ours, KNOWN))
        if theirs not in frame.columns:
            raise RatingsError(
                f"no column {quote(theirs)} to read as {quote(ours)}; found {listing(frame.columns, 30)}",
                where=source,
                remedy=f"name the right one with --column {ours}=YOURS",
            )
    wanted = {ours: theirs for ours, theirs in columns.items() if ours != theirs}
    wanted |= {ours: alias for alias, ours in ALIASES.items() if alias in frame.columns and ours not in columns}
    clashing = [ours for ours in wanted if ours in frame.columns]
    ambiguous = [ours for ours in clashing if ours not in columns]
    if ambiguous:
        raise RatingsError(
            f"two columns for {quote(ambiguous[0])}: {quote(ambiguous[0])} and {quote(wanted[ambiguous[0]])}",
            where=source,
            remedy=f"choose one with --column {ambiguous[0]}=YOURS",
        )
    taken = {ours: frame[theirs] for ours, theirs in wanted.items()}
    aside = {ours: f"{ours}_in_source" for ours in clashing if ours not in wanted.values()}
    rest = frame.drop(columns=list(set(wanted.values()))).rename(columns=aside)
    notices = [f"column {quote(theirs)} read as {quote(ours)}" for ours, theirs in wanted.items()]
    notices += [f"column {quote(ours)} of the source set aside as {quote(new)}" for ours, new in aside.items()]
    return rest.assign(**taken), notices


def outcome_of(columns: Iterable[str]) -> Outcome:
    """What the rows of a table are, told by its columns.

    Examples
    --------
    >>> outcome_of(["item", "variant_left", "variant_right", "outcome"]), outcome_of(["variant", "item", "latency_s"])
    ('comparison', 'operations')
    """
    found = set(columns)
    if {"variant_left", "variant_right"} & found:
        return "comparison"
    if "score" in found:
        return "score"
    if "rank" in found:
        return "ranking"
    return "operations" if "rater" not in found and set(OPERATIONS) & found else "score"


def require(frame: pd.DataFrame, source: str, outcome: Outcome, given: Sequence[str] = ()) -> None:
    """Raise when a required column is missing, naming what was found, as `given` in the file, and what yours may be."""
    needed = REQUIRED[outcome]
    if outcome == "comparison" and set(COUNTS) & set(frame.columns):
        needed = ("variant_left", "variant_right")
    missing = [name for name in needed if name not in frame.columns]
    if not missing:
        return
    told = f"missing {count(len(missing), 'column')} {listing(missing)}; found {listing(given or frame.columns, 30)}"
    refuse_title(_first_rows(frame), source)
    guessed = likely(frame.columns, frame)
    yours = {ours: guessed[ours] for ours in missing if guessed.get(ours, ours) not in KNOWN}
    naming = "name yours, for example " + _options(yours or {missing[0]: "YOURS"})
    if len(missing) == len(needed) and not yours:
        shapes = "; ".join(f"{noun} with {', '.join(names)}" for noun, names in SHAPES.items())
        raise RatingsError(
            f"not a table of ratings: {told}", where=source, remedy=f"{naming} (repeat it). What is read: {shapes}"
        )
    alone = missing == ["variant"] and outcome == "score"
    raise RatingsError(
        told,
        where=source,
        remedy=f"{naming}; expected are {', '.join(needed)}"
        + (", or say --no-variants where nothing is compared" if alone else ""),
    )


def _options(columns: Mapping[str, str]) -> str:
    """Options of the command line that name columns."""
    return " ".join(f"--column {ours}={shlex.quote(theirs)}" for ours, theirs in columns.items())


def drop_blank_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The frame without rows in which every cell is empty."""
    blank = np.ones(len(frame), dtype=bool)
    for name in frame.columns:
        if not blank.any():
            return frame, []
        column = frame[name]
        blank[blank] = (column[blank].isna() | (column[blank].astype(object) == "")).to_numpy(dtype=bool)
    return (frame[~blank], [f"{count(int(blank.sum()), 'blank row')} ignored"]) if blank.any() else (frame, [])


def keep_where(
    frame: pd.DataFrame, where: Mapping[str, str], columns: Mapping[str, str], source: str
) -> tuple[pd.DataFrame, list[str]]:
    """The rows whose columns have the wanted values, compared as text."""
    ours = {theirs: name for name, theirs in columns.items()} | ALIASES
    notices: list[str] = []
    for name, value in where.items():
        column = name if name in frame.columns else ours.get(name, name)
        if column not in frame.columns:
            raise RatingsError(
                f"no column {quote(name)} for --where {name}={value}; found {listing(frame.columns, 30)}",
                where=source,
                remedy=close_to(name, [str(found) for found in frame.columns]),
            )
        cells = as_text(frame[column])
        kept = (cells == str(value)).to_numpy(dtype=bool)
        if not kept.any():
            raise RatingsError(
                f"no row has {name}={value}; column {quote(column)} holds {listing(cells.value_counts().index)}",
                where=source,
                remedy="choose one of these values",
            )
        notices.append(f"kept {int(kept.sum()):,} of {count(len(frame), 'row')} where {name}={value}")
        frame = frame[kept]
    return frame, notices


def as_text(column: pd.Series) -> pd.Series:
    """Cells as text, exactly as written; whole numbers without a decimal point, missing cells as the empty text.

    Examples
    --------
    >>> as_text(pd.Series(["001", "1", None])).tolist(), as_text(pd.Series([1.0, 2.5, float("nan")])).tolist()
    (['001', '1', ''], ['1', '2.5', ''])
    """
    if types.is_string_dtype(column.dtype) and not types.is_object_dtype(column.dtype):
        return column.astype("str").fillna("")
    if types.is_integer_dtype(column.dtype) and not column.hasnans:
        return column.astype("str")
    codes, distinct = pd.factorize(column.astype(object), use_na_sentinel=True)
    words = np.array([_cell_text(value) for value in distinct] + [""], dtype=object)
    try:
        return pd.Series(words[codes], index=column.index, name=column.name).astype("str")
    except UnicodeEncodeError as error:
        raise RatingsError(
            f"{error.object!a} holds half a character", where=f"column {quote(column.name)}", remedy="correct the text"
        ) from None


def _cell_text(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def plain_extra(column: pd.Series) -> pd.Series:
    """A kept column in a plain type: text, integers, floats, truth values or times."""
    dtype = column.dtype
    if types.is_datetime64_any_dtype(dtype):
        return column
    if types.is_bool_dtype(dtype) and not types.is_object_dtype(dtype) and not column.hasnans:
        return column.astype("bool")
    if types.is_integer_dtype(dtype) and not column.hasnans:
        return column.astype("int64")
    if types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype):
        return column.astype("float64")
    return as_text(column)
