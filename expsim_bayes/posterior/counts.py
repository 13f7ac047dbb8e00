"""What is known where the outcome is binary and seen as it is: a Beta posterior for the rate of every variant, exact and independent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from expsim_bayes import superiority
from expsim_bayes.posterior.known import Latents, Qualities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate import Look, Plan
    from expsim_bayes.simulate.stories import AnyWorld


class Counts(NamedTuple):
    """Parameters of the Betas: what was seen, and the prior."""

    successes: NDArray[np.float64]
    """(replication, variant)"""
    failures: NDArray[np.float64]
    """(replication, variant)"""


def init(prior: tuple[float, float], replications: int, n_variants: int) -> Counts:
    """The prior of every variant.

    Examples
    --------
    >>> init((1.0, 3.0), 1, 2)
    Counts(successes=array([[1., 1.]]), failures=array([[3., 3.]]))
    """
    shape = (replications, n_variants)
    return Counts(np.full(shape, float(prior[0])), np.full(shape, float(prior[1])))


def update(counts: Counts, variant: NDArray[np.intp], success: NDArray[np.float64]) -> Counts:
    """Counts with more outputs.

    Parameters
    ----------
    counts : Counts
        What is known so far.
    variant : numpy.ndarray
        (replication or 1, output) variant of each output.
    success : numpy.ndarray
        (replication, output) 1 or 0.

    Examples
    --------
    >>> update(init((1, 1), 1, 2), np.array([[0, 1, 1]]), np.array([[1.0, 0.0, 1.0]]))
    Counts(successes=array([[2., 2.]]), failures=array([[1., 2.]]))
    """
    shape = counts.successes.shape
    at = (np.broadcast_to(variant, success.shape) + shape[1] * np.arange(shape[0])[:, None]).ravel()
    seen = np.bincount(at, minlength=shape[0] * shape[1]).reshape(shape)
    succeeded = np.bincount(at, success.ravel(), minlength=shape[0] * shape[1]).reshape(shape)
    return Counts(counts.successes + succeeded, counts.failures + (seen - succeeded))


def moments(counts: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(replication, variant) posterior means and variances of the rates.

    Examples
    --------
    >>> moments(Counts(np.array([[1.0]]), np.array([[1.0]])))
    (array([[0.5]]), array([[0.08333333]]))
    """
    total = counts.successes + counts.failures
    mean = counts.successes / total
    return mean, mean * (1.0 - mean) / (total + 1.0)


@dataclass(frozen=True)
class KnownCounts:
    """The posterior of every rate, for several replications."""

    scenario: Scenario
    """The experiment."""
    state: Counts
    """Parameters of the Betas."""

    @classmethod
    def nothing(cls, scenario: Scenario, replications: int) -> Self:
        """The prior."""
        return cls(scenario, init(scenario.rate_prior, replications, len(scenario.variants)))

    def after(self, layout_of_look: Plan, variant: NDArray[np.intp], rated: Look, active: NDArray[np.intp]) -> Self:
        """With one more look on it."""
        answered = variant.reshape(variant.shape[0], -1)[:, layout_of_look.output]
        mine = answered if len(answered) == 1 else answered[active]
        return replace(self, state=update(self.state, mine, rated.score[active]))

    def of(self, kept: NDArray[np.bool_]) -> Self:
        """Of some of the replications."""
        return replace(self, state=Counts(self.state.successes[kept], self.state.failures[kept]))

    def qualities(self, base: int) -> Qualities:
        """Mean and SD of each rate, and of its difference to the base, of which it is independent."""
        mean, variance = moments(self.state)
        of_effect = variance + variance[:, [base]]
        of_effect[:, base] = 0.0
        return Qualities(mean, np.sqrt(variance), mean - mean[:, [base]], np.sqrt(of_effect))

    def superiority(self, *, eligible: NDArray[np.bool_] | None) -> superiority.Superiority:
        """Which variant is best, and by how much it matters."""
        scenario = self.scenario
        return superiority.from_beta(
            self.state.successes,
            self.state.failures,
            control=scenario.control_index,
            min_effect=scenario.min_effect,
            rope=scenario.rope_width,
            higher_is_better=scenario.higher_is_better,
            eligible=eligible,
        )

    def latents(self) -> Latents:
        """Mean, SD and precision of the rates."""
        mean, variance = moments(self.state)
        return Latents(mean, np.sqrt(variance), np.eye(mean.shape[1]) / variance[:, None])

    def names(self) -> list[str]:
        """A name for each rate."""
        return [f"rate[{name}]" for name in self.scenario.variant_names]

    def truth(self, truth: AnyWorld) -> NDArray[np.float64]:
        """(replication, variant) the true rates."""
        return np.asarray(truth.quality)
