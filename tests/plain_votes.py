"""A plain posterior of comparisons: shares won against the control, each a normal of its own; for tests of words and costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from expsim_bayes import superiority
from expsim_bayes.posterior import Latents, Qualities
from expsim_bayes.scenario import Scenario, StrategyName
from expsim_bayes.simulate import DuelWorld, Look, Plan, Rates, World

Array = NDArray[Any]
BEFORE = 16.0
"""Comparisons that the belief beforehand is worth."""


@dataclass(frozen=True)
class KnownVotes:
    """Shares won against the control, by whomever."""

    scenario: Scenario
    won: Array
    met: Array
    votes: ClassVar[Any] = SimpleNamespace(unknown=SimpleNamespace(unknown=()))
    """No component is estimated."""

    @classmethod
    def nothing(cls, scenario: Scenario, strategy: StrategyName, replications: int) -> Self:
        """Before any look."""
        assert strategy in scenario.strategies
        shape = (replications, len(scenario.variants))
        return cls(scenario, np.full(shape, BEFORE / 2), np.full(shape, BEFORE))

    def after(self, layout_of_look: Plan, variant: Array, rated: Look, active: Array) -> Self:
        """With one more look on it."""
        assert rated.swapped is not None
        points = np.where(rated.swapped, 1 - rated.score, rated.score)[active]
        every = np.broadcast_to(variant, (len(rated.score), *variant.shape[1:]))[active]
        pair = every[:, layout_of_look.item]
        control = self.scenario.control_index
        won, met = self.won.copy(), self.met.copy()
        for v in range(won.shape[1]):
            for own, other, mine in ((0, 1, points), (1, 0, 1 - points)):
                here = (pair[..., own] == v) & (pair[..., other] == control)
                won[:, v] += (here * mine).sum(axis=1)
                met[:, v] += here.sum(axis=1)
        return replace(self, won=won, met=met)

    def of(self, kept: Array) -> Self:
        """Of some of the replications."""
        return replace(self, won=self.won[kept], met=self.met[kept])

    def _moments(self) -> tuple[Array, Array]:
        mean = self.won / self.met
        variance = mean * (1 - mean) / self.met
        assert self.scenario.control_index is not None
        mean[:, self.scenario.control_index], variance[:, self.scenario.control_index] = 0.5, 0.0
        return mean, variance

    def qualities(self, base: int) -> Qualities:
        """Shares won."""
        mean, variance = self._moments()
        of_effect = variance + variance[:, [base]]
        of_effect[:, base] = 0.0
        return Qualities(mean, np.sqrt(variance), mean - mean[:, [base]], np.sqrt(of_effect))

    def superiority(self, *, eligible: Array | None) -> superiority.Superiority:
        """Which is best."""
        mean, variance = self._moments()
        scenario = self.scenario
        return superiority.from_gaussian(
            mean, variance[..., None] * np.eye(mean.shape[1]), control=scenario.control_index,
            min_effect=scenario.min_effect, rope=scenario.rope_width, eligible=eligible,
        )  # fmt: skip

    def latents(self) -> Latents:
        """Shares won."""
        mean, variance = self._moments()
        return Latents(mean, np.sqrt(variance), np.eye(mean.shape[1]) / np.maximum(variance, 1e-9)[:, None])

    def names(self) -> list[str]:
        """Of the shares."""
        return [f"share[{name}]" for name in self.scenario.variant_names]

    def truth(self, truth: World | Rates | DuelWorld) -> Array:
        """True shares."""
        return np.asarray(truth.quality)
