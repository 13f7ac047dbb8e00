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
    """SD of their normal prior, or its scale where it is cut off."""
    count: int  # type: ignore[assignment]
    """How many there are."""
    mean: float = 0.0
    """Of the prior, were it not cut off."""
    positive: bool = False
    """Whether it is cut off at 0."""


def half_normal(name: str, spread: float, count: int) -> Component:
    """Standard deviations with half-normal priors."""
    return Component(name, spread, count, positive=True)


def logarithm(name: str, spread: float, count: int) -> Component:
    """Logarithms with normal priors."""
    return Component(name, spread, count)


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
            away = -ndtri(ndtr(part.mean / part.spread) * ndtr(-own)) if part.positive else own
            found[part.name] = part.mean + part.spread * away
            first += part.count
        return found
