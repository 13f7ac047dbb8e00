"""Log-densities of the priors that a person chose: of what stands at the top of a story, not of effects whose spread is estimated.

Power-scaling (`expsim_bayes.sensitivity`) asks what the answer would be if these were weaker or stronger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pymc as pm
import xarray as xr
from pytensor.graph.traversal import ancestors

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def top_level(model: pm.Model, without: Collection[str] = ()) -> tuple[str, ...]:
    """Free variables whose prior depends on no other one, but for the multiples of an SD that effects are made of.

    Parameters
    ----------
    model : pm.Model
        An explicit model.
    without : collection of str
        Variables with one value an item, an output or a rating.
    """
    free = set(model.free_RVs)
    return tuple(
        rv.name
        for rv in model.free_RVs
        if rv.name not in without and not rv.name.endswith("_raw") and not (free & set(ancestors([rv])) - {rv})
    )


def log_priors(
    model: pm.Model,
    draws: xr.Dataset,
    *,
    without: Collection[str] = (),
    compile_kwargs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Log prior densities of some draws, one variable a top-level variable of the model, its entries added up.

    Parameters
    ----------
    model : pm.Model
        An explicit model.
    draws : xr.Dataset
        With dims chain and draw and every free variable of the model.
    without : collection of str
        As for `top_level`.
    compile_kwargs : mapping, optional
        As for `pymc.stats.compute_log_prior`.
    """
    from pymc.stats import compute_log_prior

    names = top_level(model, without)
    tree = xr.DataTree.from_dict({"posterior": draws[[rv.name for rv in model.free_RVs]]})
    with model:
        compute_log_prior(tree, var_names=names, progressbar=False, compile_kwargs=dict(compile_kwargs or {}))
    found = tree["log_prior"].to_dataset()
    summed = {name: found[name].sum([d for d in found[name].dims if d not in ("chain", "draw")]) for name in names}
    return xr.Dataset(summed)
