"""Do the simulator and the PyMC model tell the same story? Their ratings before any data, compared in distribution.

Each draw is a whole experiment, and two samples of experiments are compared feature by feature with z-tests. Given the components all
ratings are jointly normal, so that means and products of pairs settle the distribution; with components drawn from their priors tails
are heavy, and shares of ratings and of close pairs have the power.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtri

from expsim_bayes.check.designs import (
    Simulated,
    judge,
    model_components,
    people,
    scores,
    simulated,
    small,
    with_components,
)
from expsim_bayes.check.features import features, z_of
from expsim_bayes.check.uniformity import ALPHA
from expsim_bayes.simulate import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from expsim_bayes.ratings import Coded
    from expsim_bayes.scenario import Scenario

WRONG_BY = 1.2
"""Factor by which one component is changed to see whether the comparison notices."""
POWER_DRAWS, POWER_RUNS = 2_000, 10
"""Draws of each sample, and repetitions, of the comparisons with a changed component."""


class Comparison(NamedTuple):
    """Two tellings of one design compared."""

    name: str
    """Which two, and what was given."""
    draws: int
    """Experiments drawn by each."""
    features: tuple[str, ...]
    """What was compared."""
    z: NDArray[np.float64]
    """(feature,) difference of the means over its standard error."""

    @property
    def limit(self) -> float:
        """Largest absolute z that passes, with Bonferroni's correction over the features."""
        return float(-ndtri(ALPHA / (2 * len(self.features))))

    @property
    def passed(self) -> bool:
        """Whether no feature differs."""
        return bool(np.abs(self.z).max() <= self.limit)

    @property
    def worst(self) -> str:
        """The feature that differs most."""
        return self.features[int(np.abs(self.z).argmax())]


class Power(NamedTuple):
    """How well the comparison notices one changed component."""

    component: str
    """The component that was multiplied by `WRONG_BY`."""
    runs: int
    """Comparisons."""
    rejected: int
    """How many of them noticed."""
    largest: float
    """Mean over the comparisons of the largest absolute z."""


class PriorCheck(NamedTuple):
    """What the check found."""

    comparisons: tuple[Comparison, ...]
    """One a pair of tellings."""
    power: tuple[Power, ...]
    """One a component; the last row changes nothing."""

    @property
    def passed(self) -> bool:
        """Whether no telling differs from another."""
        return all(comparison.passed for comparison in self.comparisons)


def design() -> Scenario:
    """Three variants on 12 items, a judge that is asked twice, and four people with tastes of whom two are asked twice about an output."""
    return small(
        evaluators=[
            judge(ratings_per_output=2, opinion_sd=0.3),
            people(ratings_per_output=6, taste_sd=0.2, opinion_sd=0.4),
        ],
        overlap=0.5,
    )


def check_prior(
    draws: int = 4_000,
    *,
    random_seed: int = 0,
    power_runs: int = POWER_RUNS,
    progress: Callable[[float, str], None] | None = None,
) -> PriorCheck:
    """The comparisons, and how well they notice a component that is 20 % wrong.

    Parameters
    ----------
    draws : int
        Experiments drawn by each telling.
    random_seed : int
        Seed.
    power_runs : int
        Comparisons with each changed component.
    progress : callable, optional
        Called with the share done and a few words.
    """
    from expsim_bayes.check.explicit import draw

    seeds = [int(child.generate_state(1)[0]) for child in np.random.SeedSequence(random_seed).spawn(6)]
    tell = progress or (lambda _share, _words: None)
    scenario = design()
    tell(0.0, "prior predictive, components given")
    known = simulated(scenario, Streams(seeds[0], 0, draws))
    fixed = model_components(scenario, known.data)
    by_model = draw(known.ratings, draws, random_seed=seeds[1], fixed=fixed).score
    found = [compare("simulator and PyMC model, components given", known.score, by_model, known.data)]
    tell(0.3, "prior predictive, components drawn")
    drawn = draw(known.ratings, 2 * draws, random_seed=seeds[2])
    by_model = drawn.score[:draws]
    parts = [type(fixed)(*(np.asarray(value)[n] for value in drawn.components)) for n in range(draws, 2 * draws)]
    streams = [Streams(seeds[3], n, n + 1) for n in range(draws)]
    one_by_one = [
        scores(with_components(scenario, known.data, part), stream, known.order)
        for part, stream in zip(parts, streams, strict=True)
    ]
    by_simulator = np.concatenate(one_by_one)
    found.append(compare("simulator and PyMC model, components drawn", by_simulator, by_model, known.data))
    by_fit = _prior_of_a_fit(known, draws, seeds[4])
    found.append(compare("prior of a fit and PyMC model, components drawn", by_fit, by_model, known.data))
    tell(0.7, "prior predictive, power")
    return PriorCheck(tuple(found), power(scenario, runs=power_runs, random_seed=seeds[5]))


def compare(name: str, first: NDArray[np.float64], second: NDArray[np.float64], data: Coded) -> Comparison:
    """Two samples of experiments, feature by feature.

    Parameters
    ----------
    name : str
        Which two.
    first, second : numpy.ndarray
        (draw, rating) scores.
    data : Coded
        Their design.
    """
    names, one, other = features(first, second, data)
    return Comparison(name, len(first), names, z_of(one, other))


def _prior_of_a_fit(known: Simulated, draws: int, random_seed: int) -> NDArray[np.float64]:
    """(draw, rating) scores as a fit draws them for its prior_predictive group."""
    from expsim_bayes.models._predict import (
        predictions,
        prior_components,
        prior_effects,
        prior_nested,
        rating_means,
    )
    from expsim_bayes.models._statistics import statistics
    from expsim_bayes.models.continuous import Priors, score_scale, terms

    data, rng, priors = known.data, np.random.default_rng(random_seed), Priors()
    present, scale = terms(data), score_scale(data, known.ratings.score_range)
    sums = statistics(data, present)
    sd = prior_components(draws, data=data, present=present, priors=priors, scale=scale, fixed=None, rng=rng)
    effects = prior_effects(sd, data=data, present=present, priors=priors, scale=scale, rng=rng)
    nested = prior_nested(sd, sums=sums, present=present, rng=rng)
    return predictions(rating_means(effects, nested, sd, sums=sums), sd, data, rng)


def power(
    scenario: Scenario, *, runs: int = POWER_RUNS, draws: int = POWER_DRAWS, random_seed: int = 0
) -> tuple[Power, ...]:
    """How often the comparison rejects a simulator in which one component is 20 % too large; the last row changes nothing.

    Parameters
    ----------
    scenario : Scenario
        The right one.
    runs, draws : int
        Comparisons, and experiments in each of their samples.
    random_seed : int
        Seed.
    """
    right = simulated(scenario, Streams(random_seed, 0, runs * draws))
    found = []
    for number, (name, wrong) in enumerate(wrong_scenarios(scenario)):
        score = scores(wrong, Streams(random_seed + 1 + number, 0, runs * draws), right.order)
        cut = [slice(n * draws, (n + 1) * draws) for n in range(runs)]
        compared = [compare(name, score[part], right.score[part], right.data) for part in cut]
        largest = float(np.mean([np.abs(one.z).max() for one in compared]))
        found.append(Power(name, runs, sum(not one.passed for one in compared), largest))
    return tuple(found)


def wrong_scenarios(scenario: Scenario) -> list[tuple[str, Scenario]]:
    """The scenario with one component after the other 20 % too large, and last the scenario as it is."""
    changed = [("sd_variant", scenario.model_copy(update={"sd_variant": WRONG_BY * scenario.sd_variant_belief}))]
    for key, name in (("sd", "sd_item"), ("interaction_sd", "sd_interaction")):
        items = scenario.items.model_copy(update={key: WRONG_BY * getattr(scenario.items, key)})
        changed.append((name, scenario.model_copy(update={"items": items})))
    for position, evaluator in enumerate(scenario.evaluators):
        for key in ("severity_sd", "shift_sd", "taste_sd", "opinion_sd", "scale_use", "noise_sd"):
            value = getattr(evaluator, key)
            if value == 0 or (key == "scale_use" and evaluator.kind == "human"):
                continue
            one = evaluator.model_copy(update={key: WRONG_BY * value})
            everyone = (*scenario.evaluators[:position], one, *scenario.evaluators[position + 1 :])
            changed.append((f"{key} of {evaluator.name}", scenario.model_copy(update={"evaluators": everyone})))
    return [*changed, ("nothing", scenario)]
