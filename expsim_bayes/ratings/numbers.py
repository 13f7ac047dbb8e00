"""Cells as numbers: scores and costs, what counts as missing, and the ranges that they must keep.

A cell is a number, a missing value or a mistake. Mistakes are listed with their rows; nothing is guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api import types

from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.ratings.columns import as_text
from expsim_bayes.ratings.contract import OPERATIONS
from expsim_bayes.ratings.wording import count, listing, quote, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
"""What a number looks like as text."""

DECIMAL_COMMA = r"[+-]?[0-9]+,(?:[0-9]{1,2}|[0-9]{4,})"
"""A decimal comma; three digits after it could be thousands and are not guessed."""

MISSING = frozenset({"", "nan", "na", "n/a", "#n/a", "null", "none", "nil", "missing", "<na>"})
"""Words for a missing number, in any case."""


LARGEST = 1e100
"""A number beyond it, either way, is a mistake: squares would overflow."""


def parse(
    column: pd.Series, source: str, score_map: Mapping[str, float] | None = None
) -> tuple[NDArray[np.float64], list[str]]:
    """The numbers of a column, NaN where missing, with the notices on what was converted.

    Raises
    ------
    RatingsError
        When a cell is neither a number nor missing, or is infinite; the first rows are listed.
    """
    if types.is_bool_dtype(column.dtype) and not types.is_object_dtype(column.dtype):
        return column.to_numpy(np.float64, na_value=np.nan), [
            f"column {quote(column.name)}: true read as 1, false as 0"
        ]
    if types.is_numeric_dtype(column.dtype):
        values, notices = column.to_numpy(np.float64, na_value=np.nan), list[str]()
    else:
        values, notices = _parse_text(column, source, score_map or {})
    infinite = np.abs(values) > LARGEST
    if infinite.any():
        raise RatingsError(
            f"{count(int(infinite.sum()), 'infinite number')} (beyond {LARGEST:g})",
            where=_place(source, column, infinite),
            remedy="write the number itself, or leave the cell empty where it is missing",
        )
    return values, notices


def _parse_text(
    column: pd.Series, source: str, score_map: Mapping[str, float]
) -> tuple[NDArray[np.float64], list[str]]:
    text = as_text(column).str.strip()
    notices: list[str] = []
    if score_map:
        text, notices = _translate(text, score_map)
    folded = text.str.lower()
    missing = folded.isin(MISSING).to_numpy(dtype=bool)
    numeric = text.str.fullmatch(NUMBER).to_numpy(dtype=bool, copy=True)
    commas = ~missing & ~numeric
    if commas.any() and bool(text[commas].str.fullmatch(DECIMAL_COMMA).all()):
        text = text.where(~commas, text.str.replace(",", ".", regex=False))
        notices.append(
            f"column {quote(column.name)}: decimal commas read as points in {count(int(commas.sum()), 'cell')}"
        )
        numeric |= commas
    wrong = ~missing & ~numeric
    infinite = wrong & folded.str.fullmatch(r"[+-]?inf(?:inity)?").to_numpy(dtype=bool)
    if (wrong & ~infinite).any():
        _refuse_words(column, text, wrong & ~infinite, source)
    values = np.full(len(text), np.nan)
    values[numeric] = text[numeric].to_numpy(dtype=object).astype(np.float64)
    values[infinite] = np.inf
    words = text[missing & (text != "").to_numpy(dtype=bool)].value_counts()
    notices += [
        f"column {quote(column.name)}: {quote(word)} counted as missing in {count(int(n), 'cell')}"
        for word, n in words.items()
    ]
    return values, notices


def _translate(text: pd.Series, score_map: Mapping[str, float]) -> tuple[pd.Series, list[str]]:
    mapping = {str(word).strip().casefold(): repr(float(number)) for word, number in score_map.items()}
    folded = text.str.casefold()
    found = folded.isin(list(mapping))
    counts = folded[found].value_counts()
    notices = [
        f"score {quote(word)} read as {mapping[str(word)]} in {count(int(n), 'cell')}" for word, n in counts.items()
    ]
    return text.where(~found, folded.map(mapping)), notices


def _refuse_words(column: pd.Series, text: pd.Series, wrong: NDArray[np.bool_], source: str) -> None:
    words = text[wrong].value_counts()
    example = str(words.index[0])
    remedy = f"write a number, leave the cell empty, or say what the word is worth, for example --score-map {example}=1"
    raise RatingsError(
        f"{count(int(wrong.sum()), 'cell')} with no number: {listing(words.index, 5)}",
        where=_place(source, column, wrong),
        remedy=remedy if column.name == "score" else "write a number or leave the cell empty",
    )


def _place(source: str, column: pd.Series, at: NDArray[np.bool_]) -> str:
    return f"{source}, column {quote(column.name)}, {rows(column.index[at])}"


def flag(score: pd.Series, evaluator: pd.Series, below: Mapping[str, float]) -> tuple[pd.Series, list[str]]:
    """Scores as flags of an error: 1 below the threshold of their evaluator ("*" for all others), else 0, missing ones left missing.

    Raises
    ------
    SettingError
        A threshold is for nobody, or an evaluator has none.
    """
    known = sorted(evaluator.unique())
    strange = sorted(set(below) - {"*", *known})
    absent = [] if "*" in below else [name for name in known if name not in below]
    if strange or absent:
        raise SettingError(
            f"no evaluator is called {quote(strange[0])}" if strange else f"no threshold for {listing(absent)}",
            where="flag_below",
            remedy=f"name evaluators ({listing(known)}), or * for all others",
        )
    threshold = evaluator.map(lambda name: below.get(name, below.get("*", np.nan))).to_numpy(np.float64)
    flags = (score.to_numpy() < threshold).astype(np.float64)
    flags[score.isna().to_numpy()] = np.nan
    marked = pd.Series(flags, index=score.index, name=score.name)
    notices = [
        f"scores of {quote(name)} below {below.get(name, below.get('*', np.nan)):g} flag an error: {int(np.nansum(flags[own])):,} of "
        f"{count(int(np.isfinite(flags[own]).sum()), 'score')}"
        for name in known
        for own in [(evaluator == name).to_numpy(dtype=bool)]
    ]
    return marked, notices


def check_range(name: str, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
    """The bounds as two floats, lowest first; raise when they are not a range."""
    if bounds is None:
        return None
    low, high = (float(bound) for bound in bounds)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise SettingError(
            f"{name} {low:g} to {high:g} is not a range",
            where=name,
            remedy="give two numbers, the lower one first, such as 1:5",
        )
    return low, high


def outside(values: NDArray[np.float64], bounds: tuple[float, float]) -> NDArray[np.bool_]:
    """Where a number lies outside the bounds (NaN does not)."""
    low, high = bounds
    return (values < low) | (values > high)


def void_outside(
    score: pd.Series, evaluator: pd.Series, valid_range: tuple[float, float]
) -> tuple[pd.Series, list[str]]:
    """Scores with those outside the valid range turned into missing ones, counted by evaluator."""
    low, high = valid_range
    void = outside(score.to_numpy(), valid_range)
    if not void.any():
        return score, [f"all scores lie in the valid range {low:g} to {high:g}"]
    words = f"{count(int(void.sum()), 'score')} outside the valid range {low:g} to {high:g} counted as missing"
    return score.mask(void), [f"{words} ({_by_evaluator(evaluator[void])})"]


def round_to_whole(score: pd.Series, evaluator: pd.Series) -> tuple[pd.Series, list[str]]:
    """Scores rounded to the nearest whole point, halves to the even one, with those that moved counted by evaluator."""
    whole = score.round()
    moved = (score.notna() & (score != whole)).to_numpy()
    if not moved.any():
        return score, []
    return whole, [
        f"{count(int(moved.sum()), 'score')} rounded to the nearest whole point ({_by_evaluator(evaluator[moved])})"
    ]


def _by_evaluator(evaluator: pd.Series) -> str:
    """How many rows each evaluator has, the first eight of them."""
    by = evaluator.value_counts()
    shown = ", ".join(f"{quote(name)} {n:,}" for name, n in by.head(8).items())
    return shown + (", ..." if len(by) > 8 else "")


def require_range(score: pd.Series, score_range: tuple[float, float], source: str) -> None:
    """Raise when a score lies outside the declared range, with its row."""
    low, high = score_range
    wrong = outside(score.to_numpy(), score_range)
    if wrong.any():
        values = ", ".join(f"{value:g}" for value in np.unique(score.to_numpy()[wrong])[:5])
        raise RatingsError(
            f"{count(int(wrong.sum()), 'score')} outside the score range {low:g} to {high:g} (such as {values})",
            where=_place(source, score, wrong),
            remedy=f"correct them, or count them as missing with --valid-range {low:g}:{high:g}",
        )


def parse_operations(frame: pd.DataFrame, source: str) -> tuple[pd.DataFrame, list[str]]:
    """Costs, tokens and latencies as numbers: negative ones and several currencies are refused."""
    notices: list[str] = []
    for name in OPERATIONS:
        if name not in frame.columns:
            continue
        values, converted = parse(frame[name], source)
        negative = values < 0
        if negative.any():
            raise RatingsError(
                f"{count(int(negative.sum()), 'negative number')}",
                where=_place(source, frame[name], negative),
                remedy="correct them, or leave the cells empty where the value is not known",
            )
        missing = int(np.isnan(values).sum())
        notices += converted + (
            [f"warning: column {quote(name)} is missing in {missing:,} of {count(len(frame), 'row')}"]
            if missing
            else []
        )
        frame = frame.assign(**{name: values})
    if "currency" in frame.columns:
        require_one_currency(frame["currency"], source)
    return frame, notices


def require_one_currency(column: pd.Series, source: str) -> None:
    """Raise when costs come in several currencies."""
    currencies = [value for value in as_text(column).str.strip().str.upper().unique() if value]
    if len(currencies) > 1:
        raise RatingsError(
            f"costs in several currencies: {listing(currencies)}",
            where=f"{source}, column 'currency'",
            remedy="convert all costs to one currency before reading them",
        )
