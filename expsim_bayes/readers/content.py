"""What a file is, told by its first bytes, and the limits that it must keep before anything is read.

Only formats that cannot carry code are read. What is refused is named, with what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from expsim_bayes.errors import RatingsError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 1_000_000_000
"""A larger file is refused unless the caller allows it."""

MAX_ROWS: Final = 5_000_000
"""A table with more rows is refused."""

READABLE: Final = "CSV (comma, tab or semicolon) and Parquet are read"

PARQUET: Final = b"PAR1"

REFUSED: Final = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive", "save the sheet as CSV UTF-8"),
    (b"PK\x05\x06", "an empty zip archive", "give the table itself"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", "save the sheet as CSV UTF-8"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first with gunzip"),
    (b"BZh", "compressed with bzip2", "unpack it first"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it first"),
    (b"\x93NUMPY", "a NumPy array file", "save the table as CSV or Parquet"),
    (b"\x89HDF", "an HDF5 or netCDF file", "save the table as CSV or Parquet"),
    (b"CDF", "a netCDF file", "save the table as CSV or Parquet"),
    (b"ARROW1", "an Arrow or Feather file", "save the table as Parquet"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (b"%PDF", "a PDF document", "give the table itself"),
    (b"RDX", "an R data file", "save the table as CSV or Parquet"),
)
"""Beginnings of files that are not read: what they are, and the remedy."""

PICKLE_PROTOCOLS: Final = range(2, 10)


def recognise(path: Path, *, max_bytes: int = MAX_BYTES) -> Literal["text", "parquet"]:
    """Whether a file is text or Parquet.

    Raises
    ------
    RatingsError
        When there is no such file, it is empty, larger than `max_bytes`, or of another format.
    """
    start, size = _peek(path)
    if size == 0:
        raise RatingsError(
            "the file is empty (0 bytes)", where=path.name, remedy="give a file with a header and ratings"
        )
    if size > max_bytes:
        raise RatingsError(
            f"the file has {size:,} bytes, at most {max_bytes:,} are read",
            where=path.name,
            remedy="keep only the columns and rows that are needed, or allow more with max_bytes",
        )
    if start.startswith(PARQUET):
        return "parquet"
    _refuse_other_formats(path.name, start)
    return "text"


def _peek(path: Path) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            start = file.read(512)
        return start, path.stat().st_size
    except FileNotFoundError:
        raise RatingsError("there is no such file", where=str(path), remedy="check the path") from None
    except OSError as error:
        raise RatingsError(
            f"the file cannot be read ({error.strerror})", where=str(path), remedy="give a file that you may read"
        ) from None


def _refuse_other_formats(name: str, start: bytes) -> None:
    for magic, what, remedy in REFUSED:
        if start.startswith(magic):
            raise RatingsError(f"this is {what}, whatever its name; {READABLE}", where=name, remedy=remedy)
    if start[0] == 0x80 and len(start) > 1 and start[1] in PICKLE_PROTOCOLS:
        raise RatingsError(
            f"this is a Python pickle, which can run code and is never opened; {READABLE}",
            where=name,
            remedy="save the table as CSV or Parquet",
        )
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] in (b"{", b"["):
        raise RatingsError(f"this is JSON; {READABLE}", where=name, remedy="write one rating a row into a CSV file")
    if text[:1] == b"<":
        raise RatingsError(f"this is HTML or XML; {READABLE}", where=name, remedy="save the table itself as CSV")
