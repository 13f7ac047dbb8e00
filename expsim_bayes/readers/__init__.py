"""Files of the field -> Ratings, and back: a format a file.

csv       comma, tab or semicolon separated text
parquet   Apache Parquet
content   what a file is, told by its bytes
atomic    writing a file whole or not at all

`read` finds the format in the content; the name of a file is never trusted. `cells` gives the same cells before anything is checked.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings import Ratings, validate
from expsim_bayes.readers.content import MAX_BYTES, recognise
from expsim_bayes.readers.csv import read_csv, to_csv
from expsim_bayes.readers.parquet import read_parquet, to_parquet

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Mapping, Sequence

    import pandas as pd

    from expsim_bayes.ratings.structure import CrossedUsers, Duplicates

__all__ = ["Cells", "cells", "read", "read_csv", "read_parquet", "to_csv", "to_parquet"]

NOTHING: Mapping[str, str] = {}


class Cells(NamedTuple):
    """What a file holds, before anything is checked."""

    frame: pd.DataFrame
    """Its cells."""
    notices: tuple[str, ...]
    """What had to be converted."""
    first_row: int
    """Number that a person knows the first row by."""


def cells(
    path: str | os.PathLike[str], *, encoding: str | None = None, quoting: bool = True, max_bytes: int = MAX_BYTES
) -> Cells:
    r"""The cells of a file; parameters and errors as for `read`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "ratings.csv"
    >>> _ = file.write_text("variant,score\nA,4\n")
    >>> cells(file).frame["score"].tolist(), cells(file).first_row
    (['4'], 2)
    """
    file = Path(path)
    if recognise(file, max_bytes=max_bytes) == "text":
        frame, notices = read_csv(file, encoding=encoding, quoting=quoting)
        return Cells(frame, tuple(notices), 2)
    if encoding is not None or not quoting:
        raise RatingsError(
            "a Parquet file has no text encoding and no quotes", where=file.name, remedy="leave these options away"
        )
    frame, notices = read_parquet(file, max_bytes=max_bytes)
    return Cells(frame, tuple(notices), 1)


def read(
    path: str | os.PathLike[str],
    *,
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
    encoding: str | None = None,
    quoting: bool = True,
    max_bytes: int = MAX_BYTES,
) -> Ratings:
    r"""Ratings from a file: CSV (comma, tab or semicolon) or Parquet, told apart by content.

    Parameters
    ----------
    path : path
        The file. Pickles, workbooks, archives and JSON are refused.
    columns, where, score_range, valid_range, round_scores, higher_is_better, anonymous_kinds, control, variants,
    reference, duplicates, merge_names, crossed_users, score_map, outcome_map, flag_below, compare
        As in `expsim_bayes.ratings.validate`.
    encoding : str, optional
        Encoding of a text file, such as "cp1252". Default: UTF-8, or UTF-16 where the file begins with its mark.
    quoting : bool
        Whether double quotes enclose cells of a text file; False for files with stray quotes.
    max_bytes : int
        A larger file is refused before it is read.

    Returns
    -------
    Ratings

    Raises
    ------
    RatingsError
        When the file cannot be read or its ratings cannot be used.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "ratings.csv"
    >>> _ = file.write_text("variant;item;rater;score\nA;1;ann;4\nB;1;ann;5\n")
    >>> read(file, control="A").notices[0]
    'cells are separated by semicolons'
    """
    frame, notices, first_row = cells(path, encoding=encoding, quoting=quoting, max_bytes=max_bytes)
    ratings = validate(
        frame,
        source=Path(path).name,
        columns=columns,
        where=where,
        score_range=score_range,
        valid_range=valid_range,
        round_scores=round_scores,
        flag_below=flag_below,
        higher_is_better=higher_is_better,
        anonymous_kinds=anonymous_kinds,
        control=control,
        variants=variants,
        reference=reference,
        duplicates=duplicates,
        merge_names=merge_names,
        crossed_users=crossed_users,
        score_map=score_map,
        outcome_map=outcome_map,
        compare=compare,
        first_row=first_row,
    )
    return replace(ratings, notices=(*notices, *ratings.notices))
