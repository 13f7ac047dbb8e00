"""Counts of what was answered, as PyMC has them but for their draws: those of all groups at once, where PyMC draws one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
from pytensor.tensor.random.basic import MultinomialRV

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _CountsRV(MultinomialRV):  # type: ignore[misc]
    """Drawn by NumPy."""

    @classmethod
    def rng_fn(cls, rng: np.random.Generator, n: Any, p: Any, size: tuple[int, ...] | None) -> NDArray[np.int64]:
        """Counts of `n` answers by their probabilities `p`."""
        return rng.multinomial(n, p, size=size)


class Counts(pm.Multinomial):  # type: ignore[misc]
    """`pymc.Multinomial`.

    Examples
    --------
    >>> pm.draw(Counts.dist(n=[3, 0], p=[[0.0, 1.0], [0.5, 0.5]]), random_seed=1).tolist()
    [[0, 3], [0, 0]]
    """

    rv_op = _CountsRV()
