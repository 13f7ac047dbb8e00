"""What the predictive checks of stars compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from numpy.typing import NDArray


def features(values: NDArray[Any], constant: xr.Dataset) -> dict[str, NDArray[np.float64]]:
    """(draw,) numbers that decisions hang on, from (draw, group, step) counts."""
    counts = np.asarray(values, dtype=float)
    points, rater = constant["step_points"].to_numpy(), constant["rater_of"].to_numpy()
    shares = counts.sum(axis=1) / counts.sum(axis=(1, 2))[:, None]
    found = {f"share of scores equal to {point:g}": shares[:, c] for c, point in enumerate(points)}
    total = counts @ points
    if np.unique(rater).size > 1:
        who = np.unique(rater, return_inverse=True)[1]
        belongs = np.eye(who.max() + 1)[who]
        mean = (total @ belongs) / (counts.sum(axis=2) @ belongs)
        found["spread between raters' mean scores (SD)"] = mean.std(axis=1)
    variant = np.unique(constant["variant_of"].to_numpy(), return_inverse=True)[1]
    belongs = np.eye(variant.max() + 1)[variant]
    found["spread between variants' mean scores (SD)"] = ((total @ belongs) / (counts.sum(axis=2) @ belongs)).std(
        axis=1
    )
    return found
