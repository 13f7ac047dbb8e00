"""The long table as an xarray Dataset, and back: one variable a column, one dimension, `rating`.

Settings go into attributes that netCDF and Zarr can hold (text only), so a saved Dataset gives the same `Ratings`
again.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import xarray as xr

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings.contract import Ratings
from expsim_bayes.ratings.validation import content_hash

DIM = "rating"


def to_dataset(ratings: Ratings) -> xr.Dataset:
    """The ratings as a Dataset with dimension `rating`; settings and notices in the attributes.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import from_dataset, to_dataset, validate
    >>> ratings = validate(pd.DataFrame({"variant": ["A", "B"], "item": "1", "rater": "ann", "score": [4.0, 5.0]}))
    >>> dataset = to_dataset(ratings)
    >>> dict(dataset.sizes), from_dataset(dataset).sha256 == ratings.sha256
    ({'rating': 2}, True)
    """
    table = ratings.table
    cells = {str(name): (DIM, _cells(table[name])) for name in table.columns}
    settings = {
        "columns": [str(name) for name in table.columns],
        "variants": ratings.variants,
        "score_range": ratings.score_range,
        "higher_is_better": ratings.higher_is_better,
        "control": ratings.control,
        "anonymous_kinds": sorted(ratings.anonymous_kinds),
        "reference": ratings.reference,
        "outcome": ratings.outcome,
        "notices": ratings.notices,
    }
    return xr.Dataset(
        cells,
        attrs={
            "source": ratings.source,
            "sha256": ratings.sha256,
            "settings": json.dumps(settings, ensure_ascii=False),
        },
    )


def _cells(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype=object) if isinstance(column.dtype, pd.StringDtype) else column.to_numpy()


def from_dataset(dataset: xr.Dataset) -> Ratings:
    """The ratings of a Dataset made by `to_dataset`.

    Raises
    ------
    RatingsError
        When the Dataset was not made by `to_dataset`, or was changed since.
    """
    if not {"source", "sha256", "settings"} <= set(dataset.attrs):
        raise RatingsError("this Dataset holds no ratings", where="Dataset", remedy="make it with to_dataset")
    settings = json.loads(dataset.attrs["settings"])
    table = pd.DataFrame({name: _column(dataset[name].to_numpy()) for name in settings["columns"]})
    if content_hash(table) != dataset.attrs["sha256"]:
        raise RatingsError(
            "the ratings in this Dataset were changed",
            where=dataset.attrs["source"],
            remedy="read them again from their file",
        )
    bounds = settings["score_range"]
    return Ratings(
        table=table,
        variants=tuple(settings["variants"]),
        score_range=None if bounds is None else (bounds[0], bounds[1]),
        higher_is_better=settings["higher_is_better"],
        control=settings["control"],
        anonymous_kinds=frozenset(settings["anonymous_kinds"]),
        notices=tuple(settings["notices"]),
        sha256=dataset.attrs["sha256"],
        source=dataset.attrs["source"],
        reference=settings["reference"],
        outcome=settings["outcome"],
    )


def _column(cells: np.ndarray) -> pd.Series:
    return pd.Series(cells, dtype="str") if cells.dtype.kind in "OUT" else pd.Series(cells)
