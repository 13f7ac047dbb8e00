"""Draws of free variables turned into the dataset that a sampler would hand back: everything that a model derives from them, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from expsim_bayes.models._many import many

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import pymc as pm
    from numpy.typing import NDArray


def completed(
    model: pm.Model, free: Mapping[str, NDArray[np.float64]], chains: int, *, without: Collection[str] = ()
) -> xr.Dataset:
    """Free variables and what a model derives from them, with dims chain and draw; draws that are the same are evaluated once.

    Parameters
    ----------
    model : pm.Model
        As it would be sampled.
    free : mapping
        (D, ...) draws of each free variable but for those of `without`.
    chains : int
        Equal parts in which draws are told.
    without : collection of str
        Variables that are left out; nothing else may be derived from them.
    """
    rows = np.concatenate([np.reshape(values, (len(values), -1)) for values in free.values()], axis=1)
    _, first, again = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    found = deriving(model, without=without)({name: np.asarray(values)[first] for name, values in free.items()})
    return labelled(model, {name: values[again.ravel()] for name, values in found.items()}, chains)


def deriving(
    model: pm.Model, *, without: Collection[str] = ()
) -> Callable[[Mapping[str, NDArray[np.float64]]], dict[str, NDArray[Any]]]:
    """What turns (D, ...) draws of free variables into these and all that a model derives from them.

    Parameters
    ----------
    model, without
        As for `completed`.
    """
    told = [rv for rv in model.free_RVs if rv.name not in without]
    derived = [var for var in model.deterministics if var.name not in without]
    function = many(derived, told)

    def all_of(free: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[Any]]:
        values = {str(rv.name): np.asarray(free[rv.name], dtype=np.float64) for rv in told}
        return values | dict(zip((str(var.name) for var in derived), function(values), strict=True))

    return all_of


def labelled(
    model: pm.Model, values: Mapping[str, NDArray[Any]], chains: int, dims_of: Mapping[str, str] | None = None
) -> xr.Dataset:
    """(D, ...) draws of variables with the dims and coordinates that the model gives them, or with the dim that is told.

    What has fewer dims than its variable, as densities of vectors have, is labelled by the first.
    """
    variables, used = {}, {"chain": np.arange(chains)}
    for name, array in values.items():
        shaped = array.reshape(chains, -1, *array.shape[1:])
        dims = model.named_vars_to_dims.get(name) or [f"{name}_dim_{n}" for n in range(array.ndim - 1)]
        dims = list(dims)[: array.ndim - 1]
        if dims_of and name in dims_of and name not in model.named_vars:
            dims = [dims_of[name]]
        variables[name] = (("chain", "draw", *dims), shaped)
        used["draw"] = np.arange(shaped.shape[1])
        for dim, size in zip(dims, array.shape[1:], strict=True):
            labels = model.coords.get(dim)
            used[str(dim)] = np.arange(size) if labels is None else np.asarray(labels)
    return xr.Dataset(variables, coords=used)
