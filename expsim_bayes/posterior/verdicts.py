"""What is known where outputs pass or fail and those who rate err: rates and errors estimated together, look after look."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from expsim_bayes.posterior import nested
from expsim_bayes.posterior.confusion import Confusion
from expsim_bayes.posterior.known import Latents, Qualities
from expsim_bayes.superiority import Superiority, from_draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate import Look, Plan
    from expsim_bayes.simulate.counts import Rates
    from expsim_bayes.simulate.stories import AnyWorld

    Floats = NDArray[np.float64]

TOGETHER = 16
"""Replications that a thread works on at once."""


@dataclass(frozen=True)
class KnownVerdicts:
    """The posterior of every rate, errors averaged over, for several replications."""

    scenario: Scenario
    """The experiment."""
    story: Confusion
    """Its unknowns."""
    state: nested.Cloud
    """What is known of them."""

    @classmethod
    def nothing(cls, scenario: Scenario, replications: int) -> Self:
        """Before any look."""
        story = Confusion(scenario)
        return cls(scenario, story, nested.nothing(story).of(np.zeros(replications, dtype=np.intp)))

    def after(self, layout_of_look: Plan, variant: NDArray[np.intp], rated: Look, active: NDArray[np.intp]) -> Self:
        """With one more look on it."""
        slots = variant.reshape(variant.shape[0], -1)
        mine = slots if len(slots) == 1 else slots[active]
        more = self.story.patterns.counted(layout_of_look, mine, rated.score[active], self.story.variants)
        now = self.state._replace(counts=self.state.counts + more)
        parts = [now.of(np.arange(n, min(n + TOGETHER, active.size))) for n in range(0, active.size, TOGETHER)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(lambda part: nested.seen(self.story, part), parts))
        return replace(self, state=nested.Cloud(*(np.concatenate(values) for values in zip(*found, strict=True))))

    def finer(self, times: int) -> Self:
        """The same over so many times as many points, to see how far they matter."""
        return replace(self, state=nested.seen(self.story, self.state, finer=times))

    def of(self, kept: NDArray[np.bool_]) -> Self:
        """Of some of the replications."""
        return replace(self, state=self.state.of(kept))

    def qualities(self, base: int) -> Qualities:
        """Mean and SD of each rate, and of its difference to the base."""
        v = self.story.variants
        mean, cov = self.state.mean[:, :v], self.state.spread[:, :v, :v]
        variance = np.diagonal(cov, axis1=1, axis2=2)
        apart = np.maximum(variance + variance[:, [base]] - 2.0 * cov[:, :, base], 0.0)
        apart[:, base] = 0.0
        return Qualities(mean, np.sqrt(variance), mean - mean[:, [base]], np.sqrt(apart))

    def superiority(self, *, eligible: NDArray[np.bool_] | None) -> Superiority:
        """Which variant is best, and by how much it matters."""
        rows = [slice(n, n + TOGETHER) for n in range(0, len(self.state.weight), TOGETHER)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(lambda part: self._superiority(part, eligible), rows))
        return Superiority(*(np.concatenate(values) for values in zip(*found, strict=True)))

    def _superiority(self, part: slice, eligible: NDArray[np.bool_] | None) -> Superiority:
        scenario = self.scenario
        return from_draws(
            self.state.rate[part].swapaxes(1, 2),
            control=scenario.control_index,
            min_effect=scenario.min_effect,
            rope=scenario.rope_width,
            higher_is_better=scenario.higher_is_better,
            eligible=None if eligible is None else eligible[part],
            weight=self.state.weight[part],
            ess=self.state.worth[part],
        )

    def interval(self, variant: int, ci_prob: float, base: int | None = None) -> tuple[float, float]:
        """Central interval of a rate, or of its difference to the base, of the first replication."""
        rate = self.state.rate[0]
        value = rate[variant] - (0.0 if base is None else rate[base])
        order = np.argsort(value)
        upto = np.cumsum(self.state.weight[0, order]) - self.state.weight[0, order] / 2.0
        low, high = np.interp([0.5 - ci_prob / 2.0, 0.5 + ci_prob / 2.0], upto, value[order])
        return float(low), float(high)

    def prob_better(self, variant: int, base: int) -> float:
        """Probability that one variant is better than another, of the first replication."""
        apart = self.state.rate[0, variant] - self.state.rate[0, base]
        return float(self.state.weight[0] @ ((apart > 0) == self.scenario.higher_is_better))

    def latents(self) -> Latents:
        """Mean, SD and precision of rates, sensitivities and specificities."""
        spread = self.state.spread
        variance = np.diagonal(spread, axis1=1, axis2=2)
        return Latents(self.state.mean, np.sqrt(variance), np.linalg.inv(spread))

    def names(self) -> list[str]:
        """A name for each."""
        who = self.scenario.evaluators
        errors = [f"{what}[{who[k].name}]" for k in self.story.unknown for what in ("sensitivity", "specificity")]
        return [*(f"rate[{name}]" for name in self.scenario.variant_names), *errors]

    def truth(self, truth: AnyWorld) -> Floats:
        """(replication, latent) what is true of each; of errors on average over variants."""
        rates: Rates = truth  # type: ignore[assignment]
        errors = [
            share[:, [k]].mean(axis=2) for k in self.story.unknown for share in (rates.sensitivity, rates.specificity)
        ]
        return np.concatenate([rates.quality, *errors], axis=1)
