"""Components of votes as numbers that are standard normal before a vote is seen (`expsim_bayes.fast.parameters` says why)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from scipy.special import ndtr, ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FARTHEST = 8.0
"""Prior SDs beyond which nothing grows."""


class Component(NamedTuple):
    """Some components of one name."""

    name: str
    """As the model's free variable."""
    spread: float
    """Scale of their half-normal prior, or SD of their normal one."""
    count: int  # type: ignore[assignment]
    """How many there are."""
    half: bool
    """Whether the prior is half-normal."""


def half_normal(name: str, spread: float, count: int) -> Component:
    """Standard deviations with half-normal priors."""
    return Component(name, spread, count, half=True)


def logarithm(name: str, spread: float, count: int) -> Component:
    """Logarithms with normal priors."""
    return Component(name, spread, count, half=False)


class Components(NamedTuple):
    """All of them, one after another."""

    parts: tuple[Component, ...]

    @classmethod
    def of(cls, *parts: Component) -> Self:
        """From those of each name."""
        return cls(parts)

    @property
    def dims(self) -> int:
        """How many."""
        return sum(part.count for part in self.parts)

    def values(self, x: Floats) -> dict[str, Floats]:
        """(S, count) components of each name, from (S, d) standard normal numbers.

        Examples
        --------
        >>> Components.of(half_normal("sd", 2.0, 1)).values(np.zeros((1, 1)))["sd"].round(2).tolist()
        [[1.35]]
        """
        x, first, found = np.clip(x, -FARTHEST, FARTHEST), 0, {}
        for part in self.parts:
            own = x[:, first : first + part.count]
            found[part.name] = part.spread * (-ndtri(0.5 * ndtr(-own)) if part.half else own)
            first += part.count
        return found
