"""NUTS against the fast posterior: the same ratings and components given, two ways to the same answer.

The fast posterior is exact then, so whatever differs is the sampler, the recovery of the effects from what it sampled, or the fast
algebra. Designs are chosen so that each term of the story, and each way of sharing out items, occurs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from expsim_bayes import superiority
from expsim_bayes.check.designs import (
    Simulated,
    effect_name,
    fast_components,
    judge,
    model_components,
    people,
    simulated,
    small,
    variants,
)
from expsim_bayes.posterior import latent_marginals, quality_marginals
from expsim_bayes.posterior.fitted import stacked, state_of
from expsim_bayes.simulate import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from expsim_bayes.posterior import Layout
    from expsim_bayes.scenario import Scenario

MEAN_LIMIT, SD_LIMIT, PROB_LIMIT = 0.1, 0.1, 0.02
"""Largest difference of means in posterior SDs, of SDs relatively, and of prob_best, where nothing were drawn."""
ERRORS = 3.0
"""Monte-Carlo standard errors of prob_best that are allowed on top."""
DRAWS = 2_000
"""Draws of each of 4 chains."""


class Agreement(NamedTuple):
    """Both posteriors of one data set."""

    design: str
    """Who rates what."""
    ratings: int
    """Size of the data set."""
    effects: int
    """Qualities, levels, severities, shifts and tastes compared."""
    mean_apart: float
    """Largest difference of posterior means, in posterior SDs."""
    sd_apart: float
    """Largest difference of posterior SDs, relative to the exact one."""
    where: str
    """The effect whose mean differs most."""
    prob_best_apart: float
    """Largest difference of prob_best."""
    prob_best_mcse: float
    """Its Monte-Carlo standard error."""
    divergences: int
    """Divergent draws of NUTS."""

    @property
    def passed(self) -> bool:
        """Whether everything lies within its limit."""
        return agree(self)


class Distances(Protocol):
    """How far two posteriors of one data set are apart."""

    @property
    def mean_apart(self) -> float:
        """Largest difference of means, in posterior SDs."""

    @property
    def sd_apart(self) -> float:
        """Largest difference of SDs, relatively."""

    @property
    def prob_best_apart(self) -> float:
        """Largest difference of prob_best."""

    @property
    def prob_best_mcse(self) -> float:
        """Its Monte-Carlo standard error."""


def agree(apart: Distances) -> bool:
    """Whether two posteriors are as near as Monte-Carlo error lets them be."""
    return (
        apart.mean_apart <= MEAN_LIMIT
        and apart.sd_apart <= SD_LIMIT
        and apart.prob_best_apart <= PROB_LIMIT + ERRORS * apart.prob_best_mcse
    )


def designs() -> dict[str, Scenario]:
    """Experiments of several sizes, by what is special about them."""
    split = {"assignment": "split"}
    return {
        "2 variants, paired, judge and people": small(variants=variants(2), outputs_per_look=24),
        "3 variants, paired, judge on all and people on a quarter": small(outputs_per_look=120, overlap=0.25),
        "3 variants, split traffic": small(outputs_per_look=90, **split),
        "2 variants, split, unequal traffic": small(
            variants=variants(2), outputs_per_look=60, traffic={"A": 0.8, "B": 0.2}, **split
        ),
        "people alone, paired": small(evaluators=[people(taste_sd=0.2)]),
        "people alone, split": small(evaluators=[people(raters=8)], **split),
        "judge alone": small(evaluators=[judge(scale_use=1.0)]),
        "judge asked three times, lasting opinions": small(
            evaluators=[judge(ratings_per_output=3, opinion_sd=0.3), people(opinion_sd=0.4)]
        ),
        "people asked again, lasting opinions and tastes": small(
            evaluators=[judge(), people(raters=3, ratings_per_output=6, taste_sd=0.3, opinion_sd=0.4)], overlap=0.5
        ),
        "two judges alone, of whom the second is asked twice": small(
            evaluators=[judge("zed", scale_use=1.0), judge("abe", ratings_per_output=2, scale_use=1.0)]
        ),
        "two pools of people, of whom the second is asked more": small(
            evaluators=[people("zoe's"), people("al's", ratings_per_output=2)]
        ),
        "two judges and people": small(evaluators=[judge(), judge("second", scale_use=1.4), people()]),
        "5 variants, 20 people with tastes": small(
            variants=variants(5, output_sd=0.2),
            outputs_per_look=300,
            evaluators=[judge(), people(raters=20, taste_sd=0.15)],
        ),
        "items equally easy, outputs vary": small(variants=variants(3, output_sd=0.4), items={"interaction_sd": 0.3}),
        "several looks, 1,200 outputs": small(looks=4, outputs_per_look=300, overlap=0.3),
    }


def check_agreement(
    count: int | None = None,
    *,
    random_seed: int = 0,
    draws: int = DRAWS,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[Agreement, ...]:
    """Both posteriors of a data set of every design.

    Parameters
    ----------
    count : int, optional
        Only so many designs, from the first; all unless told.
    random_seed : int
        Seed.
    draws : int
        Draws of each chain of NUTS.
    progress : callable, optional
        Called with the share done and a few words.
    """
    chosen = list(designs().items())[:count]
    found = []
    for number, (name, scenario) in enumerate(chosen):
        if progress:
            progress(number / len(chosen), f"agreement: {name}")
        known = simulated(scenario, Streams(random_seed + number, 0, 1))
        found.append(compare(name, scenario, known, draws=draws, random_seed=random_seed + number))
    return tuple(found)


def compare(name: str, scenario: Scenario, known: Simulated, *, draws: int = DRAWS, random_seed: int = 0) -> Agreement:
    """Both posteriors of one data set.

    Parameters
    ----------
    name : str
        Name of the design.
    scenario : Scenario
        Gives the components.
    known : Simulated
        The data set.
    draws, random_seed : int
        Of NUTS.
    """
    from expsim_bayes.fit import fit
    from expsim_bayes.models._groups import DIMS

    fixed = model_components(scenario, known.data)
    tree = fit(known.ratings, engine="nuts", fixed=fixed, draws=draws, random_seed=random_seed)
    given = fast_components(scenario, known.data)
    state, places = state_of(known.data, given)
    latent, quality = latent_marginals(state), quality_marginals(state, given, places)
    by_name = _positions(places)
    rows = [
        (f"quality[{known.data.variants[v]}]", quality.mean[0, v], np.sqrt(quality.cov[0, v, v]), drawn)
        for v, drawn in enumerate(stacked(tree, "quality").T)
    ]
    for effect, positions in by_name.items():
        if not (positions >= 0).any():
            continue
        drawn = stacked(tree, effect)
        for at in zip(*np.nonzero(positions >= 0), strict=True):
            n = positions[at]
            name_of_it = effect_name(effect, DIMS[effect], at, known.data)
            rows.append((name_of_it, latent.mean[0, n], np.sqrt(latent.cov[0, n, n]), drawn[:, *at]))
    mean = np.array([(drawn.mean() - exact) / sd for _, exact, sd, drawn in rows])
    spread = np.array([drawn.std(ddof=1) / sd - 1 for _, _, sd, drawn in rows])
    exact = superiority.from_gaussian(quality.mean[0], quality.cov[0], control=None, points=8_192)
    counted = superiority.from_draws(stacked(tree, "quality"), control=None)
    return Agreement(
        design=name,
        ratings=known.data.score.size,
        effects=len(rows),
        mean_apart=float(np.abs(mean).max()),
        sd_apart=float(np.abs(spread).max()),
        where=rows[int(np.abs(mean).argmax())][0],
        prob_best_apart=float(np.abs(exact.prob_best - counted.prob_best).max()),
        prob_best_mcse=float(np.hypot(counted.mcse, exact.mcse)),
        divergences=int(tree["sample_stats"]["diverging"].sum()),
    )


def _positions(places: Layout) -> dict[str, NDArray[np.intp]]:
    """Positions of the latent effects under the names of a fit."""
    return {
        "level": places.level,
        "q": places.quality,
        "severity": places.severity,
        "shift": places.shift,
        "taste": places.taste,
    }
