"""From a data frame to `Ratings`: the checks, in the order in which a person would make them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.ratings import columns as header
from expsim_bayes.ratings import numbers, structure
from expsim_bayes.ratings.agreement import polarity_warnings, require_one_scale
from expsim_bayes.ratings.calls import require_measures
from expsim_bayes.ratings.coding import encode
from expsim_bayes.ratings.comparisons import fill_alone, settle_outcomes
from expsim_bayes.ratings.contract import IDS, KINDS, NO_VARIANTS, REQUIRED, SAID, Ratings
from expsim_bayes.ratings.names import merge_look_alikes, require_control, require_filled, settle_variants
from expsim_bayes.ratings.rankings import settle_ranks
from expsim_bayes.ratings.wording import close_to, count, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from expsim_bayes.ratings.contract import Outcome
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
    round_scores: bool = False,
    flag_below: Mapping[str, float] | None = None,
    higher_is_better: bool = True,
    anonymous_kinds: Collection[str] = (),
    control: str | None = None,
    variants: Sequence[str] | None = None,
    reference: str | None = None,
    duplicates: Duplicates = "ask",
    merge_names: bool = False,
    crossed_users: CrossedUsers = "keep",
    score_map: Mapping[str, float] | None = None,
    outcome_map: Mapping[str, str] | None = None,
    compare: bool = True,
    first_row: int = 0,
) -> Ratings:
    """Ratings from a long table of scores, comparisons, rankings or calls, checked.

    Use it on a data frame; `expsim_bayes.readers.read` does the same for a file. What the rows are is told by the columns. Nothing is
    dropped or converted without a line in `notices`.

    Parameters
    ----------
    frame : DataFrame
        Scores: `variant, item, rater, score`, optionally `output, evaluator, kind, criterion, repeat`, costs, and any other column.
        Comparisons: `variant_left, variant_right, outcome` (left, right, tie or the name of the winner) or counts `wins_left,
        wins_right, ties`, optionally `item, rater, weight` and as above. Rankings: `item, rater, variant, rank` (1 is best). Calls:
        `variant, item` and any of `tokens_in, tokens_out, latency_s, cost`.
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
    round_scores : bool
        Scores between whole points (averages of several answers) are rounded to the nearest one, halves to the even one, and counted.
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
    flag_below : mapping, optional
        Evaluator to threshold, "*" for all others: a score becomes 1, which flags an error, below it, else 0. Lower is then better.
    outcome_map : mapping, optional
        What words for the outcome of a comparison mean: left, right, tie or missing, such as ``{"first": "left"}``.
    compare : bool
        Whether variants are compared; False lets the column `variant` be missing.
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
    asked = _Asked(
        numbers.check_range("score_range", score_range), numbers.check_range("valid_range", valid_range),
        score_map or {}, outcome_map or {}, round_scores, flag_below or {},
    )  # fmt: skip
    anonymous = _known_kinds(anonymous_kinds)
    table, outcome, notices = _prepare(frame, source, columns, where, first_row, compare=compare)
    if outcome != "operations":
        table, made = structure.settle_evaluators(table, source)
        notices += made
    if outcome in ("score", "operations"):
        table = structure.settle_outputs(table, source)
    table, merged = merge_look_alikes(table, merge=merge_names)
    names, absent = settle_variants(variant_cells(table), variants, source)
    require_control(control, names, source)
    table, said = _said(table, outcome, source, asked)
    table, operations = numbers.parse_operations(table, source)
    notices += [*merged, *absent, *said, *operations]
    if outcome != "operations":
        table, repeated = structure.settle_duplicates(table, duplicates, anonymous, source)
        notices += repeated
    table, crossed = structure.settle_users(table, crossed_users)
    if asked.score_range is None and asked.valid_range is not None:
        low, high = asked.valid_range
        notices.append(f"score range taken as {low:g} to {high:g}, from the valid range")
    table = arrange(table)
    ratings = Ratings(
        table=table,
        variants=names,
        score_range=(0.0, 1.0) if asked.flag_below else asked.score_range or asked.valid_range,
        higher_is_better=higher_is_better and not asked.flag_below,
        control=control,
        anonymous_kinds=anonymous,
        notices=(*notices, *crossed),
        sha256=content_hash(table),
        source=source,
        reference=reference,
        outcome=outcome,
    )
    return replace(ratings, notices=(*ratings.notices, *contradictions(ratings)))


class _Asked(NamedTuple):
    """How the person wants what was said to be read."""

    score_range: tuple[float, float] | None
    valid_range: tuple[float, float] | None
    score_map: Mapping[str, float]
    outcome_map: Mapping[str, str]
    round_scores: bool
    flag_below: Mapping[str, float]


def variant_cells(table: pd.DataFrame) -> pd.Series:
    """Every cell that names a variant, with the number of its row."""
    columns = ("variant", "variant_left", "variant_right")
    cells: pd.Series = pd.concat([table[name] for name in columns if name in table.columns])
    return cells


def _said(table: pd.DataFrame, outcome: Outcome, source: str, asked: _Asked) -> tuple[pd.DataFrame, list[str]]:
    """The table with what was said in numbers or sides."""
    if outcome == "score":
        return _score(table, source, asked)
    if asked.score_range is not None or asked.valid_range is not None:
        raise SettingError(
            f"a range of scores has no meaning in a table of {outcome}s".replace("operationss", "calls"),
            where="score_range",
            remedy="leave it away",
        )
    if outcome == "comparison":
        return settle_outcomes(table, source, asked.outcome_map)
    return settle_ranks(table, source) if outcome == "ranking" else (table, [])


def _known_kinds(kinds: Collection[str]) -> frozenset[str]:
    wanted = frozenset([kinds] if isinstance(kinds, str) else kinds)
    for kind in sorted(wanted - set(KINDS)):
        raise RatingsError(
            f"unknown kind {quote(kind)} of anonymous raters", where="anonymous_kinds", remedy=close_to(kind, KINDS)
        )
    return wanted


def _prepare(
    frame: pd.DataFrame,
    source: str,
    columns: Mapping[str, str],
    where: Mapping[str, str],
    first_row: int,
    *,
    compare: bool,
) -> tuple[pd.DataFrame, Outcome, list[str]]:
    """The rows and columns that will be used, under our names, with identifiers as text, and what a row is."""
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    frame = frame.set_axis(pd.RangeIndex(first_row, first_row + len(frame)), axis=0)
    frame, tidied = header.tidy_header(frame, source)
    given = [str(name) for name in frame.columns]
    frame, renamed = header.rename(frame, columns, source)
    outcome = header.outcome_of(frame.columns)
    filled: list[str] = []
    if not compare and outcome == "score" and "variant" not in frame.columns:
        frame, filled = frame.assign(variant="all"), [f"no column 'variant': {NO_VARIANTS}"]
    header.require(frame, source, outcome, given)
    if outcome == "comparison":
        frame, filled = fill_alone(frame)
    if outcome == "operations":
        require_measures(frame, source)
    frame, blank = header.drop_blank_rows(frame)
    if not len(frame):
        raise RatingsError("no rows", where=source, remedy="give at least one rating below the header")
    frame, kept = header.keep_where(frame, where, columns, source)
    text = [name for name in (*IDS, "user") if name in frame.columns]
    frame = frame.assign(**{name: header.as_text(frame[name]) for name in text})
    named = [name for name in (*REQUIRED[outcome], "item", "rater") if name in text]
    require_filled(frame, tuple(dict.fromkeys(named)), source)
    structure.require_one_criterion(frame, source)
    return frame, outcome, [*tidied, *renamed, *filled, *blank, *kept]


def _score(table: pd.DataFrame, source: str, asked: _Asked) -> tuple[pd.DataFrame, list[str]]:
    values, notices = numbers.parse(table["score"], source, asked.score_map)
    score = pd.Series(values, index=table.index, name="score")
    unrated = int(score.isna().sum())
    if unrated:
        notices.append(f"{unrated:,} of {count(len(score), 'score')} missing")
    if asked.valid_range is not None:
        score, voided = numbers.void_outside(score, table["evaluator"], asked.valid_range)
        notices += voided
    if asked.score_range is not None:
        numbers.require_range(score, asked.score_range, source)
    if asked.round_scores:
        score, rounded = numbers.round_to_whole(score, table["evaluator"])
        notices += rounded
    if asked.flag_below:
        score, flagged = numbers.flag(score, table["evaluator"], asked.flag_below)
        notices += [*flagged, "a score of 1 flags an error: lower is better"]
    if score.isna().all():
        raise RatingsError(
            "every score is missing", where=f"{source}, column 'score'", remedy="give at least one score"
        )
    return table.assign(score=score), notices


def arrange(table: pd.DataFrame) -> pd.DataFrame:
    """Columns in the order of the contract, kept ones behind in plain types, rows numbered from 0."""
    known = [name for name in (*IDS, *SAID) if name in table.columns]
    extra = [name for name in table.columns if name not in known]
    return (
        table[known + extra].assign(**{name: header.plain_extra(table[name]) for name in extra}).reset_index(drop=True)
    )


def contradictions(ratings: Ratings) -> list[str]:
    """Warnings of sources that contradict each other; two scales in one pool are an error where no range is known."""
    if ratings.outcome != "score":
        return []
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
