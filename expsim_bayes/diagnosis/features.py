"""What predictions of a fit reproduce of its data: the features of its model where it is of the family, else plain ones of any data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.predictive import PredictiveCheck

    Floats = NDArray[np.float64]

PLAIN: dict[str, Callable[[Floats], Floats]] = {
    "mean": lambda rows: rows.mean(axis=1),
    "standard deviation": lambda rows: rows.std(axis=1),
    "smallest value": lambda rows: rows.min(axis=1),
    "largest value": lambda rows: rows.max(axis=1),
}
"""Features that any numbers have."""
CI_PROB = 0.95
"""Probability of the predictive intervals."""
GROUPS = {"posterior_predictive", "observed_data"}
"""Groups without which nothing can be compared."""


def checked(tree: xr.DataTree) -> tuple[PredictiveCheck, ...]:
    """Predictive checks of a fit; none where it holds no predictions of what was observed.

    Parameters
    ----------
    tree : xarray.DataTree
        A fit with groups posterior_predictive and observed_data.
    """
    if not set(tree.children) >= GROUPS:
        return ()
    if {"model", "score_range"} <= set(tree.attrs) and "constant_data" in tree.children:
        from expsim_bayes.predictive import check_predictions

        ends = json.loads(str(tree.attrs["score_range"]))
        return check_predictions(tree, score_range=None if ends is None else (float(ends[0]), float(ends[1])))
    return _plain(tree)


def _plain(tree: xr.DataTree) -> tuple[PredictiveCheck, ...]:
    """Plain features of every observed variable that is predicted."""
    from expsim_bayes.predictive import compared

    observed, predicted = tree["observed_data"].to_dataset(), tree["posterior_predictive"].to_dataset()
    found = []
    for name in map(str, observed.data_vars):
        data = observed[name]
        if name not in predicted or not {"chain", "draw"} <= set(predicted[name].dims) or data.dtype.kind not in "biuf":
            continue
        seen = data.to_numpy().astype(np.float64).reshape(1, -1)
        made = predicted[name].transpose("chain", "draw", ...).to_numpy().astype(np.float64)
        rows = made.reshape(made.shape[0] * made.shape[1], -1)
        if rows.shape[1] != seen.shape[1] or not seen.size:
            continue
        there = np.isfinite(seen[0])
        found += [
            compared(f"{feature} of {name}", float(of(seen[:, there])[0]), of(rows[:, there]), CI_PROB)
            for feature, of in PLAIN.items()
            if there.any()
        ]
    return tuple(found)
