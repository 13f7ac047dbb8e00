"""CSV files: comma, tab or semicolon, read as text cell by cell.

Identifiers stay as they are written ("001" is not "1"). The reader is strict: a ragged row or an unbalanced quote is
an error with its line, because a tolerant reader would lose rows in silence.
"""

from __future__ import annotations

import codecs
import csv
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd
import pyarrow as pa

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings.columns import MAX_COLUMNS, refuse_title
from expsim_bayes.ratings.contract import ALIASES, KNOWN
from expsim_bayes.ratings.likely import LOOKED_AT
from expsim_bayes.ratings.wording import count, quote
from expsim_bayes.readers.atomic import whole
from expsim_bayes.readers.content import MAX_ROWS
from expsim_bayes.readers.spreadsheet import protect, restore

if TYPE_CHECKING:
    import os
    from _csv import Reader as Records
    from collections.abc import Iterator

    from expsim_bayes.ratings import Ratings

SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons"}
"""Characters that may separate cells, and their names."""

CHUNK = 2_000
"""Rows held as Python lists at a time."""

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_csv(path: Path, *, encoding: str | None = None, quoting: bool = True) -> tuple[pd.DataFrame, list[str]]:
    """The cells of a CSV file as text, and what had to be converted; a blank line is a row of empty cells.

    Parameters
    ----------
    path : Path
    encoding : str, optional
        Default: UTF-8, or UTF-16 where the file begins with its mark.
    quoting : bool
        Whether double quotes enclose cells.

    Raises
    ------
    RatingsError
        With the line, for text that is not in the encoding, NUL bytes, ragged rows, unbalanced quotes or too many rows.
    """
    codec, notices = _settle_encoding(path, encoding)
    _scan(path, binary=codec.startswith(("utf-16", "utf-32")))
    try:
        with path.open(encoding=codec, newline="") as file:
            separator = _sniff(file.readline(), quoting=quoting)
            file.seek(0)
            records = csv.reader(
                file, delimiter=separator, strict=True, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE
            )
            frame = _frame(records, path.name, separator)
    except UnicodeDecodeError:
        raise _decoding_error(path, codec) from None
    if separator != ",":
        notices.append(f"cells are separated by {SEPARATORS[separator]}")
    return _restore(frame, notices)


def _settle_encoding(path: Path, encoding: str | None) -> tuple[str, list[str]]:
    if encoding is not None:
        try:
            return codecs.lookup(encoding).name, [f"read with the encoding {encoding}"]
        except LookupError:
            raise RatingsError(
                f"unknown encoding {quote(encoding)}", where=path.name, remedy="try utf-8, utf-16 or cp1252"
            ) from None
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", ["byte-order mark at the start of the file ignored"]
    if start.startswith(UTF16):
        return "utf-16", ["read as UTF-16, as its byte-order mark says"]
    return "utf-8", []


def _scan(path: Path, *, binary: bool) -> None:
    """Refuse too many lines, and NUL bytes, without holding the file in memory."""
    lines, offset = 0, 0
    with path.open("rb") as file:
        while block := file.read(1 << 24):
            if not binary and b"\0" in block:
                raise RatingsError(
                    f"a NUL byte at offset {offset + block.index(0):,}: this is not a text file, or it is damaged",
                    where=path.name,
                    remedy="export the table again as CSV UTF-8, or give its encoding with --encoding",
                )
            lines += max(block.count(b"\n"), block.count(b"\r"))
            offset += len(block)
            if lines > MAX_ROWS:
                raise RatingsError(
                    f"more than {MAX_ROWS:,} rows, which is the most that is read",
                    where=path.name,
                    remedy="keep only the rows that are needed",
                )


def _sniff(header: str, *, quoting: bool) -> str:
    """The separator whose cells hold most known column names, then the one with most cells."""

    def promise(separator: str) -> tuple[int, int]:
        names = next(
            csv.reader([header], delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE), []
        )
        known = sum(name.strip().casefold() in KNOWN or name.strip().casefold() in ALIASES for name in names)
        return known, len(names)

    return max(SEPARATORS, key=promise)


def _frame(records: Records, name: str, separator: str) -> pd.DataFrame:
    try:
        header = next(records, [])
        if len(header) > MAX_COLUMNS:
            raise RatingsError(
                f"{len(header):,} columns, at most {MAX_COLUMNS:,} are read", where=name, remedy="give one rating a row"
            )
        parts = list(_parts(records, len(header), name, separator))
    except csv.Error as error:
        raise RatingsError(
            f"line {records.line_num:,} cannot be split into cells ({error})",
            where=name,
            remedy="close or double the quote, shorten the cell, or read quotes as text with --no-quotes",
        ) from None
    columns = [pa.chunked_array(column, pa.large_string()) for column in zip(*parts, strict=True)] or [
        pa.array([], pa.large_string())
    ] * len(header)
    table = pa.table(columns, names=[str(position) for position in range(len(columns))])
    frame: pd.DataFrame = table.to_pandas()
    return frame.set_axis(pd.Index(header, dtype=object), axis=1)


def _parts(records: Records, width: int, name: str, separator: str) -> Iterator[list[pa.Array]]:
    """The cells, chunk by chunk and column by column."""
    first, line = 2, records.line_num
    while chunk := list(islice(records, CHUNK)):
        if set(map(len, chunk)) != {width}:
            chunk = [
                record if len(record) == width else _blank(record, width, name, row)
                for row, record in enumerate(chunk, first)
            ]
        if records.line_num - line > len(chunk):
            _refuse_swallowed_rows(chunk, name, first, separator)
        yield [pa.array(column, pa.large_string()) for column in zip(*chunk, strict=True)]
        first, line = first + len(chunk), records.line_num


def _blank(record: list[str], width: int, name: str, row: int) -> list[str]:
    if not record:
        return [""] * width
    if row <= LOOKED_AT + 1:
        refuse_title([(row, record)], name)
    raise RatingsError(
        f"{count(len(record), 'cell')} under {count(width, 'column name')}",
        where=f"{name}, row {row:,}",
        remedy="put cells that hold a separator in double quotes, or read stray quotes as text with --no-quotes",
    )


def _refuse_swallowed_rows(chunk: list[list[str]], name: str, first: int, separator: str) -> None:
    """A quote that is closed rows later makes one cell of them all: its inner lines then look like rows."""
    for row, record in enumerate(chunk, first):
        for cell in record:
            inner = cell.splitlines()[1:-1] if "\n" in cell or "\r" in cell else []
            if any(line.count(separator) == len(record) - 1 > 0 for line in inner):
                raise RatingsError(
                    f"a quoted cell runs over {len(inner) + 2:,} lines that look like rows: an opening "
                    "quote is probably not closed",
                    where=f"{name}, row {row:,}",
                    remedy="close or double the quote, or read quotes as text with --no-quotes",
                )


def _decoding_error(path: Path, codec: str) -> RatingsError:
    """Where the text stops being in the encoding."""
    decoder = codecs.getincrementaldecoder(codec)()
    offset, line = 0, 1
    with path.open("rb") as file:
        for text in file:
            try:
                decoder.decode(text)
            except UnicodeDecodeError as error:
                return RatingsError(
                    f"byte 0x{error.object[error.start]:02x} at offset {offset + error.start:,} (line "
                    f"{line:,}) is not {codec.upper()}",
                    where=path.name,
                    remedy="say which encoding the file has, for example --encoding cp1252",
                )
            offset, line = offset + len(text), line + 1
    return RatingsError(
        f"the text is not {codec.upper()}",
        where=path.name,
        remedy="say which encoding the file has, for example --encoding cp1252",
    )


def _restore(frame: pd.DataFrame, notices: list[str]) -> tuple[pd.DataFrame, list[str]]:
    restored = [restore(frame.iloc[:, position]) for position in range(frame.shape[1])]
    header, in_header = restore(pd.Series(frame.columns.to_list(), dtype="str"))
    total = in_header + sum(found for _, found in restored)
    if not total:
        return frame, notices
    cells = pd.concat([column for column, _ in restored], axis=1).set_axis(
        pd.Index(header.to_list(), dtype=object), axis=1
    )
    return cells, [
        *notices,
        f"{count(total, 'apostrophe')} before = + - @ taken off (protection against formulas in spreadsheets)",
    ]


def to_csv(ratings: Ratings, path: str | os.PathLike[str], *, protect_formulas: bool = True) -> None:
    """Write the table of ratings as CSV (UTF-8, LF, comma), whole or not at all.

    Parameters
    ----------
    ratings : Ratings
    path : path
        The file; an existing one is replaced.
    protect_formulas : bool
        Whether text cells that a spreadsheet would run as a formula get a leading apostrophe, which `read` takes off
        again. Numbers never do.
    """
    table = ratings.table
    if protect_formulas:
        text = [name for name in table.columns if isinstance(table[name].dtype, pd.StringDtype)]
        table = table.assign(**{name: protect(table[name]) for name in text})
        table = table.set_axis(protect(pd.Series(table.columns.to_list(), dtype="str")).to_list(), axis=1)
    with whole(Path(path)) as file:
        table.to_csv(file, index=False, encoding="utf-8", lineterminator="\n", quoting=_quoting(table))


def _quoting(table: pd.DataFrame) -> Literal[0, 2]:
    """Quote only where needed; every text where a lone carriage return would else end a row."""
    text = [table[name] for name in table.columns if isinstance(table[name].dtype, pd.StringDtype)]
    returns = any(bool(column.str.contains("\r", regex=False).any()) for column in text)
    return 2 if returns else 0  # csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL
