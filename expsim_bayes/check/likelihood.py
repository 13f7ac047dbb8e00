"""The joint log-likelihood of a PyMC model at given values of its free variables: the test quantity that looks at the data.

A posterior that ignores the data is calibrated in every parameter; the rank of the log-likelihood gives it away (Modrák et al. 2023).
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor
from pytensor.graph.replace import clone_replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    LogLikelihood = Callable[[Mapping[str, NDArray[Any]], Mapping[str, NDArray[np.float64]]], NDArray[np.float64]]


def log_likelihood(model: pm.Model, observed: tuple[str, ...]) -> LogLikelihood:
    """A function of observed values and draws of the free variables: (draw,) log-likelihoods, but for constants.

    Parameters
    ----------
    model : pm.Model
        Its observed variables and its potentials are the likelihood.
    observed : tuple of str
        Names of the `pm.Data` that hold the observed values.
    """
    data = [model[name] for name in observed]
    free = list(model.free_RVs)
    terms = [pm.logp(variable, model.rvs_to_values[variable]).sum() for variable in model.observed_RVs]
    total = sum((*terms, *(potential.sum() for potential in model.potentials)), start=pytensor.tensor.constant(0.0))
    inputs = [variable.type() for variable in (*data, *free)]
    graph = clone_replace([total], dict(zip((*data, *free), inputs, strict=True)))
    # The plain linker starts at once, where a fast one would compile for longer than some thousand values take.
    compiled = pytensor.function(inputs, graph, mode="FAST_COMPILE", on_unused_input="ignore")
    alone = Lock()  # a compiled function keeps its intermediate values, so that one caller at a time may use it
    types = [variable.type.dtype for variable in data]

    def at(values: Mapping[str, NDArray[Any]], draws: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        seen = [np.asarray(values[name], dtype=kind) for name, kind in zip(observed, types, strict=True)]
        columns = [np.asarray(draws[variable.name], dtype=variable.type.dtype) for variable in free]
        with alone:
            return np.array([float(compiled(*seen, *row)[0]) for row in zip(*columns, strict=True)])

    return at
