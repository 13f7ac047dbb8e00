"""What is known where the outcome is a score: the Gaussian posterior of a scenario's panel, as the loop of an experiment asks for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from expsim_bayes import superiority
from expsim_bayes.evaluators import Panel, panel
from expsim_bayes.posterior.beliefs import beliefs
from expsim_bayes.posterior.gaussian import Batch, Marginals, State, init, latent_marginals, quality_marginals, update
from expsim_bayes.posterior.known import Latents, Qualities
from expsim_bayes.posterior.layout import Components, Layout, layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate import Look, Plan, World
    from expsim_bayes.simulate.stories import AnyWorld


class NamedEffects:
    """Effects of a panel, each with a name and a truth; for a posterior of scores that says what its experiment is and where they stand."""

    scenario: Scenario
    """The experiment."""
    places: Layout
    """Positions of the effects."""

    def names(self) -> list[str]:
        """A name for each effect."""
        return latent_names(self.places, self.scenario.variant_names, panel(self.scenario.evaluators))

    def truth(self, truth: AnyWorld) -> NDArray[np.float64]:
        """(replication, latent) what is true of each effect."""
        from expsim_bayes.simulate import World

        assert isinstance(truth, World)
        return latent_truth(truth, self.places)


@dataclass(frozen=True)
class KnownScores(NamedEffects):
    """The posterior of every effect, for several replications."""

    scenario: Scenario
    """The experiment."""
    components: Components
    """What it believes."""
    places: Layout
    """Positions of the effects."""
    state: State
    """Precision and weighted mean."""

    @classmethod
    def nothing(cls, scenario: Scenario) -> Self:
        """The prior, the same for all replications."""
        components = beliefs(scenario)
        places = layout(components, rater_evaluator=panel(scenario.evaluators).rater_evaluator)
        return cls(scenario, components, places, init(components, places))

    def after(self, layout_of_look: Plan, variant: NDArray[np.intp], rated: Look, active: NDArray[np.intp]) -> Self:
        """With one more look on it."""
        batch = batch_of(layout_of_look, variant, rated, active)
        return replace(self, state=update(self.state, batch, self.components, self.places))

    def of(self, kept: NDArray[np.bool_]) -> Self:
        """Of some of the replications."""
        return replace(self, state=self.state.of(kept))

    @cached_property
    def marginals(self) -> Marginals:
        """Mean and covariance of the qualities."""
        return quality_marginals(self.state, self.components, self.places)

    def qualities(self, base: int) -> Qualities:
        """Mean and SD of each quality, and of its difference to the base."""
        return qualities_of(self.marginals.mean, self.marginals.cov, base)

    def superiority(self, *, eligible: NDArray[np.bool_] | None) -> superiority.Superiority:
        """Which variant is best, and by how much it matters."""
        return superiority_of(self.scenario, self.marginals.mean, self.marginals.cov, eligible)

    @property
    def given(self) -> tuple[State, Components, Layout]:
        """What is known, with its components and its layout, for those who look ahead."""
        return self.state, self.components, self.places

    def latents(self) -> Latents:
        """Everything that is known of every effect."""
        latent = latent_marginals(self.state)
        sd = np.sqrt(np.diagonal(latent.cov, axis1=1, axis2=2))
        return Latents(latent.mean, sd, self.state.precision)


def qualities_of(mean: NDArray[np.float64], cov: NDArray[np.float64], base: int) -> Qualities:
    """Mean and SD of each quality, and of its difference to the base, from their joint moments."""
    variance = np.diagonal(cov, axis1=1, axis2=2)
    of_effect = variance + cov[:, [base], [base]] - 2 * cov[:, base]
    return Qualities(
        mean=mean,
        sd=np.sqrt(variance),
        effect_mean=mean - mean[:, [base]],
        effect_sd=np.sqrt(np.maximum(of_effect, 0.0)),
    )


def superiority_of(
    scenario: Scenario, mean: NDArray[np.float64], cov: NDArray[np.float64], eligible: NDArray[np.bool_] | None
) -> superiority.Superiority:
    """What a scenario asks of the joint moments of qualities: which variant is best, and by how much it matters."""
    return superiority.from_gaussian(
        mean,
        cov,
        control=scenario.control_index,
        min_effect=scenario.min_effect,
        rope=scenario.rope_width,
        higher_is_better=scenario.higher_is_better,
        eligible=eligible,
    )


def batch_of(layout_of_look: Plan, variant: NDArray[np.intp], rated: Look, active: NDArray[np.intp]) -> Batch:
    """The ratings of a look for the replications that are still running."""
    answered = variant.reshape(variant.shape[0], -1)[:, layout_of_look.output]
    everyone = active.size == rated.score.shape[0]
    return Batch(
        score=rated.score if everyone else rated.score[active],
        variant=answered if everyone or answered.shape[0] == 1 else answered[active],
        rater=layout_of_look.rater,
        item=layout_of_look.item,
        cell=layout_of_look.output,
        output=layout_of_look.output,
        opinion=layout_of_look.opinion,
    )


def latent_names(places: Layout, variants: tuple[str, ...], who: Panel) -> list[str]:
    """A name for each entry of the latent vector, such as ``shift[judge, B]``."""
    names = [""] * places.size
    tables = (
        ("level", places.level[:, None], who.names, ("",)),
        ("q", places.quality[:, None], variants, ("",)),
        ("severity", places.severity[:, None], who.raters, ("",)),
        ("shift", places.shift, who.names, variants),
        ("taste", places.taste, who.raters, variants),
    )
    for effect, positions, rows, columns in tables:
        for (row, column), position in np.ndenumerate(positions):
            if position >= 0:
                names[position] = f"{effect}[{', '.join(filter(None, (rows[row], columns[column])))}]"
    return names


def latent_truth(world: World, places: Layout) -> NDArray[np.float64]:
    """(replication, latent) the truth, in the order of the layout."""
    truth = np.zeros((world.level.shape[0], places.size))
    for positions, values in (
        (places.level, world.level),
        (places.quality, world.added),
        (places.severity, world.severity),
        (places.shift, world.shift),
        (places.taste, world.taste),
    ):
        present = positions >= 0
        truth[:, positions[present]] = values[:, present]
    return truth
