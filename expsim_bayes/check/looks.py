"""Experiments whose components are estimated look after look: how often intervals hold the truth at the end and at a stop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from expsim_bayes.check.look_designs import EXPERIMENTS
from expsim_bayes.experiment import joined, run
from expsim_bayes.fast.looks import EstimatedScores
from expsim_bayes.loop import Loop
from expsim_bayes.models._groups import story
from expsim_bayes.models._priors import Priors, Scale
from expsim_bayes.models._statistics import statistics
from expsim_bayes.simulate import Streams, ratings_of
from expsim_bayes.votes.known import KnownVotes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from expsim_bayes.fast.parameters import Parameters
    from expsim_bayes.models._groups import Story
    from expsim_bayes.scenario import Scenario, StrategyName


class Held(NamedTuple):
    """How often intervals of one experiment hold the truth when it stops."""

    design: str
    """Which experiment, and how it is run."""
    experiments: int
    """How many were played, everything drawn from what the analysis believes: components anew for every `ALIKE` of them."""
    looks: float
    """Mean number of looks."""
    of_effects: float
    """Share of 95 % intervals that hold the difference to the first variant."""
    of_quality: float
    """Share of those that hold a quality."""
    mean_apart: float
    """Distance of the first difference's mean from that of a fit of the same ratings, in SDs: root mean square of `COMPARED` data sets."""
    sd_apart: float
    """Distance of its SD, relatively."""

    @property
    def passed(self) -> bool:
        """Whether the intervals hold the truth as often as they say, beyond what chance explains."""
        by_chance = 2 * np.sqrt(0.95 * 0.05 / self.experiments)
        return all(LEAST - by_chance <= share <= MOST + by_chance for share in (self.of_effects, self.of_quality))


BOUND = 1.959964
"""SDs from its middle to either end of a 95 % interval."""
COMPARED = 6
"""Data sets of each experiment that are also fitted over weighted points."""
LEAST, MOST = 0.93, 0.97
"""Shares of 95 % intervals between which they count as right, give or take two standard errors."""
ALIKE = 2
"""Experiments that share their components."""


class Kinds(NamedTuple):
    """Experiments of one kind of outcome."""

    experiments: list[tuple[str, StrategyName, Scenario]]
    """Each with a name and how it is run."""
    believed: Callable[[Scenario, StrategyName, np.random.Generator], Scenario]
    """The scenario with components drawn from what an analysis believes of them before it sees a rating."""
    against: Callable[[Scenario, StrategyName, int], tuple[float, float]]
    """How far the difference of the first two variants is from a better answer, at one stop: its mean in SDs, its SD relatively."""


def check_held(
    kinds: Kinds,
    experiments: int = 1_000,
    *,
    random_seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[Held, ...]:
    """Intervals at the last look and at the stop, of experiments whose components are estimated.

    Parameters
    ----------
    kinds : Kinds
        The experiments.
    experiments : int
        Of each kind.
    random_seed : int
        Seed.
    progress : callable, optional
        Called with the share done and a few words.
    """
    found = []
    for number, (name, strategy, scenario) in enumerate(kinds.experiments):
        if progress:
            progress(number / len(kinds.experiments), f"at the stop: {name}")
        rng = np.random.default_rng([random_seed, number])
        parts = [
            run(
                kinds.believed(scenario, strategy, rng),
                strategy=strategy,
                random_seed=int(rng.integers(2**31)),
                replications=ALIKE,
                truth="prior",
                history=False,
            )
            for _ in range(max(1, experiments // ALIKE))
        ]
        played = joined(parts)
        true = played["quality_true"].to_numpy()
        effect = (true - true[:, :1] - played["effect_mean"].to_numpy())[:, 1:], played["effect_sd"].to_numpy()[:, 1:]
        quality = true - played["quality_mean"].to_numpy(), played["quality_sd"].to_numpy()
        shares = [_held(*values) for values in (effect, quality)]
        away = np.array([kinds.against(scenario, strategy, seed) for seed in range(COMPARED)])
        apart = np.sqrt((away**2).mean(axis=0)).tolist()
        found.append(Held(name, len(true), float(played["stop_look"].mean()), *shares, *apart))
    return tuple(found)


def kinds_of(name: str) -> Kinds:
    """Experiments by what raters give: scores, stars, comparisons or rankings.

    Examples
    --------
    >>> len(kinds_of("stars").experiments)
    5
    """
    return Kinds(EXPERIMENTS[name](), believed, against if name == "scores" else against_votes)


def _held(off: NDArray[np.float64], sd: NDArray[np.float64]) -> float:
    """Share of 95 % intervals that hold the truth, of what is not known for certain: a control beats itself half the time."""
    told = sd > 0
    return float((np.abs(off[told]) <= BOUND * sd[told]).mean())


def believed(scenario: Scenario, strategy: StrategyName, rng: np.random.Generator) -> Scenario:
    """The scenario with components drawn from what an analysis believes of them before it sees a rating."""
    unknown = _unknown(scenario, strategy)
    sd = unknown.components(rng.standard_normal((1, len(unknown.unknown))))
    of_rater = "order_sd" if scenario.outcome == "preference" else "severity_sd"
    evaluators = [
        evaluator.model_copy(
            update={
                "noise_sd": float(sd.sd_noise[0, k]) if scenario.outcome == "score" else 0.0,
                of_rater: float(sd.sd_rater[0, k]),
                "taste_sd": float(sd.sd_taste[0, k]),
                "shift_sd": float(sd.sd_shift[0]) * (evaluator.kind != "human"),
                "scale_use": float(sd.scale_use[0, k]),
            }
        )
        for k, evaluator in enumerate(scenario.evaluators)
    ]
    items = scenario.items.model_copy(
        update={"sd": float(sd.sd_item[0]), "interaction_sd": float(sd.sd_interaction[0])}
    )
    return scenario.model_copy(update={"evaluators": tuple(evaluators), "items": items})


def _unknown(scenario: Scenario, strategy: StrategyName) -> Parameters:
    """What an analysis estimates."""
    if scenario.outcome == "score":
        return EstimatedScores.nothing(scenario, strategy, 1).unknown
    return KnownVotes.nothing(scenario, strategy, 1).votes.unknown


def against(scenario: Scenario, strategy: StrategyName, random_seed: int) -> tuple[float, float]:
    """How far the difference of the first two variants, at the stop of one experiment, is from a fit of the same ratings.

    Parameters
    ----------
    scenario : Scenario
        Whose components are estimated.
    strategy : str
        How it is run.
    random_seed : int
        Seed.

    Returns
    -------
    mean, sd : float
        Distance of its mean in SDs of the fit, and of its SD relative to that.
    """
    from expsim_bayes.fast.scores import posterior

    loop = Loop(scenario, strategy, Streams(random_seed, 0, 1), "prior")
    kept: Any = []
    loop.run(history=False, keep=kept)
    known = cast(EstimatedScores, loop.known)
    low, high = scenario.score_range
    told = story(ratings_of(scenario, kept), Priors(sd_variant=scenario.sd_variant_belief / (high - low)))
    told = on_its_terms(known, told)
    q = posterior(told, 10_000, np.random.default_rng(random_seed)).effects.q
    difference = q[:, 1] - q[:, 0]
    mean, cov = known.quality.mean[0], known.quality.cov[0]
    sd = float(np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]))
    spread = float(difference.std())
    return float(mean[1] - mean[0] - difference.mean()) / spread, sd / spread - 1


def against_votes(scenario: Scenario, strategy: StrategyName, random_seed: int) -> tuple[float, float]:
    """The same of votes, whose fit may find a term to tell that the scenario sets to zero.

    Parameters
    ----------
    scenario, strategy, random_seed
        As for `against`.
    """
    from expsim_bayes.votes.fitted import fitted

    loop = Loop(scenario, strategy, Streams(random_seed, 0, 1), "prior")
    kept: Any = []
    loop.run(history=False, keep=kept)
    ratings = ratings_of(scenario, kept)
    groups, _ = fitted(ratings, scenario.outcome, random_seed=random_seed)
    quality = groups["posterior"]["quality"].to_numpy().reshape(-1, len(ratings.variants))
    order = [ratings.variants.index(variant.name) for variant in scenario.variants[:2]]
    difference = quality[:, order[1]] - quality[:, order[0]]
    known, spread = loop.known.qualities(0), float(difference.std())
    away = float(known.effect_mean[0, 1] - difference.mean()) / spread
    return away, float(known.effect_sd[0, 1]) / spread - 1


def on_its_terms(known: EstimatedScores, told: Story) -> Story:
    """A data set told by the terms and on the scale of the experiment that it comes from.

    A fit has every term that its ratings can tell, an experiment none that its scenario sets to zero; and made-up scores may lie beyond
    the scale, which is then not declared.

    Parameters
    ----------
    known : EstimatedScores
        The experiment.
    told : Story
        Its ratings, whose evaluators may come in another order.
    """
    low, high = known.scenario.score_range
    present = known.latent.present
    order = [told.data.evaluators.index(evaluator.name) for evaluator in known.scenario.evaluators]
    flags = {}
    for name in ("severity", "taste", "shift", "opinion", "scale_use"):
        turned = [False] * len(order)
        for k, at in enumerate(order):
            turned[at] = getattr(present, name)[k]
        flags[name] = tuple(turned)
    same = replace(
        told.present,
        reference=order[present.reference],
        item=present.item,
        interaction=present.interaction,
        output=present.output,
        severity=flags["severity"],
        taste=flags["taste"],
        shift=flags["shift"],
        opinion=flags["opinion"],
        scale_use=flags["scale_use"],
    )
    scale = Scale((low + high) / 2, high - low, "")
    return replace(told, present=same, sums=statistics(told.data, same), scale=scale)
