"""Draws of free variables turned into the dataset that a sampler would hand back: everything that a model derives from them, at once.

What a model derives is evaluated for many draws together by plain NumPy, which starts at once, where a compiled function takes longer to
make than to use.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import xarray as xr
from pytensor.graph.replace import vectorize_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import pymc as pm
    from numpy.typing import NDArray

TOGETHER = 250
"""Draws that are evaluated at once."""


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
    all_of = labelled(model, {name: values[again.ravel()] for name, values in found.items()}, chains)
    return all_of.assign_coords(_left_out(model, [name for name in without if name in model.named_vars]))


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
    many = {rv: pt.tensor(rv.name, dtype=rv.type.dtype, shape=(None, *rv.type.shape)) for rv in told}
    function = pytensor.function(
        list(many.values()), vectorize_graph(derived, many), mode="FAST_COMPILE", on_unused_input="ignore"
    )

    alone = Lock()  # a compiled function keeps its intermediate values, so that one caller at a time may use it

    def all_of(free: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[Any]]:
        values = {str(rv.name): np.asarray(free[rv.name], dtype=np.float64) for rv in told}
        draws = len(next(iter(values.values())))
        parts: list[list[NDArray[Any]]] = []
        for first in range(0, draws, TOGETHER):
            some = [each[first : first + TOGETHER] for each in values.values()]
            size = len(some[0])
            with alone:
                found = function(*some)
            parts.append([
                np.broadcast_to(value, (size, *var.type.shape)) if value.ndim == var.ndim else value
                for value, var in zip(found, derived, strict=True)
            ])  # fmt: skip
        for var, *chunks in zip(derived, *parts, strict=True):
            values[str(var.name)] = np.concatenate(chunks)
        return values

    return all_of


def _left_out(model: pm.Model, names: Collection[str]) -> dict[str, NDArray[Any]]:
    """Coordinates of variables that are left out: a sampler's draws keep them when those are put elsewhere."""
    found: dict[str, NDArray[Any]] = {}
    for name in names:
        shape = model.named_vars[name].shape.eval()
        dims = model.named_vars_to_dims.get(name) or [f"{name}_dim_{n}" for n in range(len(shape))]
        for dim, size in zip(dims, shape, strict=True):
            labels = model.coords.get(dim)
            found[str(dim)] = np.arange(size) if labels is None else np.asarray(labels)
    return found


def labelled(
    model: pm.Model, values: Mapping[str, NDArray[Any]], chains: int, dims_of: Mapping[str, str] | None = None
) -> xr.Dataset:
    """(D, ...) draws of variables with the dims and coordinates that the model gives them, or with the dim that is told."""
    variables, used = {}, {"chain": np.arange(chains)}
    for name, array in values.items():
        shaped = array.reshape(chains, -1, *array.shape[1:])
        dims = model.named_vars_to_dims.get(name) or [f"{name}_dim_{n}" for n in range(array.ndim - 1)]
        if dims_of and name in dims_of and name not in model.named_vars:
            dims = [dims_of[name]]
        variables[name] = (("chain", "draw", *dims), shaped)
        used["draw"] = np.arange(shaped.shape[1])
        for dim, size in zip(dims, array.shape[1:], strict=True):
            labels = model.coords.get(dim)
            used[str(dim)] = np.arange(size) if labels is None else np.asarray(labels)
    return xr.Dataset(variables, coords=used)
