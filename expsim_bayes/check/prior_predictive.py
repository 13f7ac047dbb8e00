"""Do the simulator and the PyMC model tell the same story? Their ratings before any data, compared in distribution.

Each draw is a whole experiment. It is turned into features (means, variances, products and distances of pairs of ratings that share a
rater, an item, an output or nothing), and the two samples of a feature are compared by a z-test of their means. Given the components all
ratings are jointly normal, so that means and products of pairs settle the distribution; with components drawn from their priors
shares below thresholds are added, which heavy tails cannot blur.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pymc as pm
from scipy.special import ndtr, ndtri

from expsim_bayes.check.designs import Simulated, judge, model_components, people, simulated, small
from expsim_bayes.check.uniformity import ALPHA
from expsim_bayes.models._groups import Story
from expsim_bayes.models._predict import (
    predictions,
    prior_components,
    prior_effects,
    prior_nested,
    rating_means,
)
from expsim_bayes.models._statistics import statistics
from expsim_bayes.models.continuous import Components, Priors, build_model, score_scale, terms
from expsim_bayes.simulate import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from expsim_bayes.models.continuous import Terms
    from expsim_bayes.ratings import Coded
    from expsim_bayes.scenario import Scenario

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of all ratings at which their shares are compared."""
WRONG_BY = 1.2
"""Factor by which one component is changed to see whether the comparison notices."""
POWER_DRAWS, POWER_RUNS = 2_000, 10
"""Draws and repetitions of each comparison with a changed component."""


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
        return limit_of(len(self.features))

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
    z: float
    """Mean of the largest absolute z."""


def limit_of(features: int) -> float:
    """Largest absolute z that passes among so many."""
    return float(-ndtri(ALPHA / (2 * features)))


def design() -> Scenario:
    """Three variants on 12 items, a judge that is asked twice, and four people with tastes who are asked twice about an output."""
    return small(
        evaluators=[
            judge(ratings_per_output=2, opinion_sd=0.3),
            people(ratings_per_output=6, taste_sd=0.2, opinion_sd=0.4),
        ],
        overlap=0.5,
    )


def check_prior(
    draws: int = 4_000, *, random_seed: int = 0, progress: Callable[[float, str], None] | None = None
) -> tuple[tuple[Comparison, ...], tuple[Power, ...]]:
    """The comparisons, and how well they notice a component that is 20 % wrong.

    Parameters
    ----------
    draws : int
        Experiments drawn by each telling.
    random_seed : int
        Seed.
    progress : callable, optional
        Called with the share done and a few words.
    """
    tell = progress or (lambda _share, _words: None)
    scenario = design()
    tell(0.0, "prior predictive, components given")
    given = simulated(scenario, Streams(random_seed, 0, draws))
    by_model = pm.draw(_model(given, scenario)["score"], draws=draws, random_seed=random_seed + 1, mode="FAST_COMPILE")
    found = [compare("simulator and PyMC model, components given", given.score, by_model, given.data)]
    tell(0.4, "prior predictive, components drawn")
    drawn, by_model = _drawn(given, draws, random_seed + 2)
    by_simulator = _simulated_one_by_one(scenario, given.data, drawn, random_seed + 3)
    found.append(compare("simulator and PyMC model, components drawn", by_simulator, by_model, given.data))
    by_fit = _prior_of_a_fit(given, draws, random_seed + 4)
    found.append(compare("prior group of a fit and PyMC model, components drawn", by_fit, by_model, given.data))
    tell(0.8, "prior predictive, power")
    return tuple(found), power(scenario, random_seed=random_seed + 5)


def _model(given: Simulated, scenario: Scenario | None) -> pm.Model:
    """The explicit model, with the scenario's components where there is one, else with its priors."""
    fixed = None if scenario is None else model_components(scenario, given.data)
    return build_model(given.ratings, fixed=fixed)


def _drawn(given: Simulated, draws: int, random_seed: int) -> tuple[list[Components], NDArray[np.float64]]:
    """Components drawn from their priors by the PyMC model, and scores that it draws with others."""
    model = _model(given, None)
    names = [name for name in (*Components._fields, "log_scale_use") if name in model.named_vars]
    options: dict[str, Any] = {"draws": draws, "mode": "FAST_COMPILE"}
    values = dict(zip(names, pm.draw([model[n] for n in names], random_seed=random_seed, **options), strict=True))
    full = full_components(values, given.data, terms(given.data))
    score = pm.draw(model["score"], random_seed=random_seed + 1_000_000, **options)
    return [Components(*(value[n] for value in full)) for n in range(draws)], score


def full_components(values: dict[str, NDArray[np.float64]], data: Coded, present: Terms) -> Components:
    """Draws of the PyMC model's components with one column an evaluator, zero where a term is absent.

    Parameters
    ----------
    values : dict
        (draw, ...) of each variable of the model; an SD that only some evaluators have has a column for each of these.
    data : Coded
        The ratings.
    present : Terms
        Which terms the model has.
    """
    draws = len(values["sd_noise"])
    pools = {
        "sd_rater": present.severity,
        "sd_taste": present.taste,
        "sd_opinion": present.opinion,
        "sd_noise": (True,) * len(data.evaluators),
    }
    full = {name: np.zeros((draws, len(data.evaluators))) for name in pools}
    for name, has in pools.items():
        if any(has):
            full[name][:, np.flatnonzero(has)] = values[name]
    single = {
        name: values.get(name, np.zeros(draws)) for name in ("sd_item", "sd_interaction", "sd_output", "sd_shift")
    }
    return Components(**single, **full, scale_use=values["scale_use"])  # type: ignore[arg-type]


def _simulated_one_by_one(
    scenario: Scenario, data: Coded, drawn: list[Components], random_seed: int
) -> NDArray[np.float64]:
    """(draw, rating) one simulated experiment for each draw of the components."""
    rows = []
    for number, components in enumerate(drawn):
        one = simulated_scores(with_components(scenario, data, components), Streams(random_seed, number, number + 1))
        rows.append(one)
    return np.concatenate(rows)
