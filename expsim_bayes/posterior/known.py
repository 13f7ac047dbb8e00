"""What is known after some looks, whatever the kind of outcome: all that the loop of an experiment asks of a posterior.

A kind of outcome is one implementation of `Known`; `scores` is one, `counts` and `verdicts` are others, and `nothing_known` chooses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate import Look, Plan
    from expsim_bayes.simulate.stories import AnyWorld
    from expsim_bayes.superiority import Superiority


class Qualities(NamedTuple):
    """Posterior moments; all (replication, variant)."""

    mean: NDArray[np.float64]
    """Mean of each quality."""
    sd: NDArray[np.float64]
    """Its SD; (1, variant) where all replications agree."""
    effect_mean: NDArray[np.float64]
    """Mean of its difference to the base."""
    effect_sd: NDArray[np.float64]
    """SD of that difference; (1, variant) where all replications agree."""


class Latents(NamedTuple):
    """Posterior of everything that is not known."""

    mean: NDArray[np.float64]
    """(replication, latent)"""
    sd: NDArray[np.float64]
    """(replication or 1, latent)"""
    precision: NDArray[np.float64]
    """(replication or 1, latent, latent) inverse of the covariance."""


class Known(Protocol):
    """What is known of several replications; a value, which `after` and `of` replace."""

    def after(self, layout_of_look: Plan, variant: NDArray[np.intp], rated: Look, active: NDArray[np.intp]) -> Self:
        """With one more look on it.

        Parameters
        ----------
        layout_of_look : Plan
            Who rated what.
        variant : numpy.ndarray
            (replication or 1, item, slot) variants that answered, of all replications.
        rated : Look
            What came in, of all replications.
        active : numpy.ndarray
            Positions of those that this knowledge is of.
        """

    def of(self, kept: NDArray[np.bool_]) -> Self:
        """Of some of the replications."""

    def qualities(self, base: int) -> Qualities:
        """Mean and SD of each quality, and of its difference to the base."""

    def superiority(self, *, eligible: NDArray[np.bool_] | None) -> Superiority:
        """Which of the eligible variants is best, and by how much it matters."""

    def latents(self) -> Latents:
        """Everything that is known."""

    def names(self) -> list[str]:
        """A name for each latent."""

    def truth(self, truth: AnyWorld) -> NDArray[np.float64]:
        """(replication, latent) what is true of each latent, from the story."""


def nothing_known(scenario: Scenario, replications: int) -> Known:
    """What is known before any look, by the kind of outcome; the loop itself chooses where the posterior needs the models, as of stars.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> nothing_known(load("reranker"), 1).qualities(0).mean
    array([[3., 3.]])
    """
    if scenario.outcome == "binary" and any(e.errs for e in scenario.evaluators):
        from expsim_bayes.posterior.verdicts import KnownVerdicts

        return KnownVerdicts.nothing(scenario, replications)
    if scenario.outcome == "binary":
        from expsim_bayes.posterior.counts import KnownCounts

        return KnownCounts.nothing(scenario, replications)
    assert scenario.outcome == "score"
    from expsim_bayes.posterior.scores import KnownScores

    return KnownScores.nothing(scenario)
