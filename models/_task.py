"""What `expsim_bayes.fit` is to do for one model and some ratings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    import pymc as pm
    from numpy.typing import NDArray

Groups = dict[str, xr.Dataset]


class Task(NamedTuple):
    """What the sampler runs, and how its draws become the groups of a fit."""

    model: pm.Model
    """With everything that was integrated out left out."""
    names: list[str] | None
    """Variables that are kept; all unless told."""
    groups: Callable[[xr.Dataset, np.random.SeedSequence], Groups]
    """From the sampler's draws and a seed, every group but sample_stats."""
    attrs: Mapping[str, str | int]
    """What only the model knows: its name, priors, reference, terms."""


def flat(values: xr.DataArray) -> NDArray[np.float64]:
    """(chain x draw, ...) values with chain and draw as one leading axis, chain by chain."""
    array = values.transpose("chain", "draw", ...).to_numpy().astype(np.float64)
    return array.reshape(-1, *array.shape[2:])
