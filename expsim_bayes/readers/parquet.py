"""Parquet files: numbers keep their type, whole numbers with gaps stay whole, identifiers become text in `validate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings.columns import MAX_COLUMNS
from expsim_bayes.readers.atomic import whole
from expsim_bayes.readers.content import MAX_BYTES, MAX_ROWS

if TYPE_CHECKING:
    import os

    import pyarrow as pa

    from expsim_bayes.ratings import Ratings


def read_parquet(path: Path, *, max_bytes: int = MAX_BYTES) -> tuple[pd.DataFrame, list[str]]:
    """The table of a Parquet file, and what had to be converted; the limits are checked before the content is unpacked.

    Raises
    ------
    RatingsError
        When the file is damaged or too large.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            _check_size(path.name, file.metadata, max_bytes)
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise RatingsError(f"the Parquet file is damaged ({error})", where=path.name, remedy="write it again") from None
    table, notices = _plain_types(table)
    whole_numbers = {
        pa.int8(): pd.Int64Dtype(),
        pa.int16(): pd.Int64Dtype(),
        pa.int32(): pd.Int64Dtype(),
        pa.int64(): pd.Int64Dtype(),
    }
    return table.to_pandas(types_mapper=whole_numbers.get, ignore_metadata=True), notices


def _check_size(name: str, metadata: pa.parquet.FileMetaData, max_bytes: int) -> None:
    unpacked = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    for amount, limit, what in (
        (metadata.num_rows, MAX_ROWS, "rows"),
        (metadata.num_columns, MAX_COLUMNS, "columns"),
        (unpacked, max_bytes, "bytes when unpacked"),
    ):
        if amount > limit:
            raise RatingsError(
                f"{amount:,} {what}, at most {limit:,} are read", where=name, remedy="keep only what is needed"
            )


def _plain_types(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """The table with decimals as floats and nested or binary cells as text."""
    import pyarrow as pa
    from pyarrow import types

    notices = []
    for position, field in enumerate(table.schema):
        column = table.column(position)
        if types.is_decimal(field.type):
            table = table.set_column(position, field.name, column.cast(pa.float64()))
        elif types.is_nested(field.type) or types.is_binary(field.type) or types.is_large_binary(field.type):
            cells = [None if value is None else str(value) for value in column.to_pylist()]
            table = table.set_column(position, field.name, pa.array(cells, pa.string()))
        else:
            continue
        notices.append(f"column {field.name!r} of type {field.type} read as {table.schema.field(position).type}")
    return table, notices


def to_parquet(ratings: Ratings, path: str | os.PathLike[str]) -> None:
    """Write the table of ratings as Parquet, whole or not at all.

    Parameters
    ----------
    ratings : Ratings
    path : path
        The file; an existing one is replaced.
    """
    with whole(Path(path)) as file:
        ratings.table.to_parquet(file, index=False)
