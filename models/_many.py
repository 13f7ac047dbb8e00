"""What a model says of one draw, said of many draws at once.

By plain NumPy, which starts at once, where a compiled function takes longer to make than to use.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt
from pymc.pytensorf import compile as pymc_compile
from pytensor.graph.replace import vectorize_graph
from pytensor.graph.traversal import ancestors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

TOGETHER = 250
"""Draws that are evaluated at once, at most."""
MOST_TOGETHER = 2_000_000
"""Numbers of one output that are evaluated at once, about."""


def many(
    outputs: Sequence[Any], inputs: Sequence[Any], *, random_seed: int | None = None
) -> Callable[[Mapping[str, NDArray[Any]]], list[NDArray[Any]]]:
    """What turns (D, ...) values of inputs, by name, into (D, ...) values of outputs.

    Parameters
    ----------
    outputs : sequence of tensors
        Of one draw; variables that are drawn come out drawn.
    inputs : sequence of tensors
        What differs from draw to draw; those on which nothing hangs are not asked for.
    random_seed : int, optional
        Seed of what is drawn.
    """
    asked = {var: pt.tensor(var.name, dtype=var.type.dtype, shape=(None, *var.type.shape)) for var in inputs}
    batched = vectorize_graph(list(outputs), asked)
    needed = set(ancestors(batched))
    wanted = {var: each for var, each in asked.items() if each in needed}
    function = pymc_compile(list(wanted.values()), batched, random_seed=random_seed, mode="FAST_COMPILE")
    alone = Lock()  # a compiled function keeps its intermediate values, so that one caller at a time may use it

    def all_of(values: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        given = [np.asarray(values[str(var.name)]).astype(var.type.dtype, copy=False) for var in wanted]
        draws = len(next(iter(values.values())))
        found: list[list[NDArray[Any]]] = [[] for _ in outputs]
        first, size = 0, 1
        while first < draws:
            with alone:
                some = function(*(each[first : first + size] for each in given))
            size = min(size, draws - first)
            for kept, value, var in zip(found, some, outputs, strict=True):
                kept.append(np.broadcast_to(value, (size, *value.shape)) if value.ndim == var.ndim else value)
            first += size
            largest = max(value[0].size for (value, *_) in found)
            size = max(1, min(TOGETHER, MOST_TOGETHER // max(largest, 1)))
        return [np.concatenate(parts) for parts in found]

    return all_of
