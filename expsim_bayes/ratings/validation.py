"""From a data frame to `Ratings`: the checks, in the order in which a person would make them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings import columns as header
from expsim_bayes.ratings import numbers, structure
from expsim_bayes.ratings.agreement import polarity_warnings, require_one_scale
from expsim_bayes.ratings.coding import encode
from expsim_bayes.ratings.contract import IDS, KINDS, Ratings
from expsim_bayes.ratings.names import merge_look_alikes, require_control, require_filled, settle_variants
from expsim_bayes.ratings.wording import close_to, count, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from expsim_bayes.ratings.structure import CrossedUsers, Duplicates

NOTHING: Mapping[str, str] = {}


def validate(
    frame: pd.DataFrame,
    *,
    source: str = "table",
    columns: Mapping[str, str] = NOTHING,
    where: Mapping[str, str] = NOTHING,
    score_range: tuple[float, float] | None = None,
    valid_range: tuple[float, float] | None = None,
    higher_is_better: bool = True,
    anonymous_kinds: Collection[str] = (),
    control: str | None = None,
    variants: Sequence[str] | None = None,
    reference: str | None = None,
    duplicates: Duplicates = "ask",
    merge_names: bool = False,
    crossed_users: CrossedUsers = "keep",
    score_map: Mapping[str, float] | None = None,
    first_row: int = 0,
) -> Ratings:
    """Ratings from a long table of scores, checked.

    Use it on a data frame; `expsim_bayes.readers.read` does the same for a file. Nothing is dropped or converted
    without a line in `notices`.

    Parameters
    ----------
    frame : DataFrame
        One rating a row: `variant, item, rater, score`, optionally `output, evaluator, kind, criterion, repeat`,
        costs, and any other column.
    source : str
        What to call the table in messages.
    columns : mapping, optional
        Our column names to those of the table, such as ``{"score": "rating"}``.
    where : mapping, optional
        Column to value: only rows that have it are used. Values are compared as text.
    score_range : (low, high), optional
        The possible scores. A score outside is an error. Without it nothing is checked against a range.
    valid_range : (low, high), optional
        Scores outside count as missing. Stands for `score_range` too where that is not given.
    higher_is_better : bool
        Direction of the scores; False for error counts.
    anonymous_kinds : collection of {"human", "llm", "metric"}
        Kinds whose rater names are slots, not persons.
    control : str, optional
        The variant that others are compared with.
    variants : sequence of str, optional
        All variants, in the order of reports; may name one without ratings. Default: those found, sorted.
    reference : str, optional
        The evaluator that defines quality. Default: the human pool with most ratings.
    duplicates : {"ask", "keep", "drop"}
        What to do with rows equal in every column; "ask" is an error unless a column `repeat` explains them.
    merge_names : bool
        Whether names that differ only by case, spaces or invisible characters are one.
    crossed_users : {"keep", "drop"}
        What to do with users (column `user`) who met several variants.
    score_map : mapping, optional
        What words are worth, such as ``{"good": 1, "bad": 0}``.
    first_row : int
        Number that the user knows the first row by: 0 for a data frame, 2 for a file with a header.

    Returns
    -------
    Ratings

    Raises
    ------
    RatingsError
        When the table cannot be used; the message names column, rows, value and remedy.
    SettingError
        When a choice has no meaning, such as a reversed range.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"variant": ["A", "B"], "item": ["1", "1"], "rater": "ann", "points": ["4", "NA"]})
    >>> ratings = validate(frame, columns={"score": "points"}, score_range=(1, 5))
    >>> ratings.variants, ratings.table["score"].tolist()
    (('A', 'B'), [4.0, nan])
    """
    score_range, valid_range = (
        numbers.check_range("score_range", score_range),
        numbers.check_range("valid_range", valid_range),
    )
    anonymous = _known_kinds(anonymous_kinds)
    table, notices = _prepare(frame, source, columns, where, first_row)
    table, made = structure.settle_evaluators(table, source)
    table, merged = merge_look_alikes(table, merge=merge_names)
    names, absent = settle_variants(table["variant"], variants, source)
    require_control(control, names, source)
    table, scored = _score(table, source, score_map or {}, score_range, valid_range)
    table, operations = numbers.parse_operations(table, source)
    table, repeated = structure.settle_duplicates(table, duplicates, anonymous, source)
    table, crossed = structure.settle_users(table, crossed_users)
    if score_range is None and valid_range is not None:
        score_range = valid_range
        scored = [*scored, f"score range taken as {valid_range[0]:g} to {valid_range[1]:g}, from the valid range"]
    table = arrange(table)
    ratings = Ratings(
        table=table,
        variants=names,
        score_range=score_range,
        higher_is_better=higher_is_better,
        control=control,
        anonymous_kinds=anonymous,
        notices=(*notices, *made, *merged, *absent, *scored, *operations, *repeated, *crossed),
        sha256=content_hash(table),
        source=source,
        reference=reference,
    )
    return replace(ratings, notices=(*ratings.notices, *contradictions(ratings)))


def _known_kinds(kinds: Collection[str]) -> frozenset[str]:
    wanted = frozenset([kinds] if isinstance(kinds, str) else kinds)
    for kind in sorted(wanted - set(KINDS)):
        raise RatingsError(
            f"unknown kind {quote(kind)} of anonymous raters", where="anonymous_kinds", remedy=close_to(kind, KINDS)
        )
    return wanted


def _prepare(
    frame: pd.DataFrame, source: str, columns: Mapping[str, str], where: Mapping[str, str], first_row: int
) -> tuple[pd.DataFrame, list[str]]:
    """The rows and columns that will be used, under our names, with identifiers as text."""
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    frame = frame.set_axis(pd.RangeIndex(first_row, first_row + len(frame)), axis=0)
    frame, tidied = header.tidy_header(frame, source)
    frame, renamed = header.rename(frame, columns, source)
    header.require(frame, source)
    frame, blank = header.drop_blank_rows(frame)
    if not len(frame):
        raise RatingsError("no rows", where=source, remedy="give at least one rating below the header")
    frame, kept = header.keep_where(frame, where, columns, source)
    text = [name for name in (*IDS, "user") if name in frame.columns]
    frame = frame.assign(**{name: header.as_text(frame[name]) for name in text})
    require_filled(frame, ("variant", "item", "rater"), source)
    structure.require_one_criterion(frame, source)
    return frame, [*tidied, *renamed, *blank, *kept]


def _score(
    table: pd.DataFrame,
    source: str,
    score_map: Mapping[str, float],
    score_range: tuple[float, float] | None,
    valid_range: tuple[float, float] | None,
) -> tuple[pd.DataFrame, list[str]]:
    values, notices = numbers.parse(table["score"], source, score_map)
    score = pd.Series(values, index=table.index, name="score")
    unrated = int(score.isna().sum())
    if unrated:
        notices.append(f"{unrated:,} of {count(len(score), 'score')} missing")
    if valid_range is not None:
        score, voided = numbers.void_outside(score, table["evaluator"], valid_range)
        notices += voided
    if score_range is not None:
        numbers.require_range(score, score_range, source)
    if score.isna().all():
        raise RatingsError(
            "every score is missing", where=f"{source}, column 'score'", remedy="give at least one score"
        )
    return table.assign(score=score), notices


def arrange(table: pd.DataFrame) -> pd.DataFrame:
    """Columns in the order of the contract, kept ones behind in plain types, rows numbered from 0."""
    known = [name for name in (*IDS, "score") if name in table.columns]
    extra = [name for name in table.columns if name not in known]
    return (
        table[known + extra].assign(**{name: header.plain_extra(table[name]) for name in extra}).reset_index(drop=True)
    )


def contradictions(ratings: Ratings) -> list[str]:
    """Warnings of sources that contradict each other; two scales in one pool are an error where no range is known."""
    coded = encode(ratings.table, ratings.variants, ratings.anonymous_kinds, ratings.reference)
    if ratings.score_range is None:
        require_one_scale(coded, ratings.source)
    return polarity_warnings(coded)


def content_hash(table: pd.DataFrame) -> str:
    """SHA-256 of a table: column names, cells and their order; equal tables have equal hashes on every machine."""
    digest = hashlib.sha256()
    for name in table.columns:
        column = table[name]
        digest.update(f"{len(str(name))}:{name}:{len(column)}:".encode("utf-8", "surrogatepass"))
        if column.dtype == np.float64:
            values = column.to_numpy(np.float64)
            digest.update(np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes())
            continue
        cells = pa.array(header.as_text(column).to_numpy(dtype=object), pa.large_string())
        digest.update(pc.binary_length(cells).to_numpy(zero_copy_only=False).astype("<i8").tobytes())
        digest.update(cells.buffers()[2] or b"")
    return digest.hexdigest()
