"""What more of the same would bring to an experiment whose outcome is no score: ratings, comparisons or rankings, shared out as before."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from expsim_bayes.evaluators import panel
from expsim_bayes.loop import before_any_look
from expsim_bayes.outcomes import RAREST
from expsim_bayes.planning import Choice, more_of_the_same
from expsim_bayes.posterior import KnownVerdicts
from expsim_bayes.recommend.counted import about_errors
from expsim_bayes.simulate.counts import SD_SHIFT, taste_in_share
from expsim_bayes.simulate.duels import abilities, eyes_of, qualities, stretch
from expsim_bayes.simulate.podiums import ranking_eyes
from expsim_bayes.simulate.stars import slope_of_quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.planning import Further
    from expsim_bayes.posterior import Known
    from expsim_bayes.scenario import Scenario, StrategyName
    from expsim_bayes.votes.known import KnownVotes

    Floats = NDArray[np.float64]

_STEP = 1e-3
RATED = {"preference": "comparison", "ranking": "ranking"}
"""What is counted, by the kind of outcome; else a rating."""


def more_alike(
    scenario: Scenario, known: Known, strategy: StrategyName, contenders: tuple[int, ...], *, ratings: int, usd: float
) -> tuple[Further, ...]:
    """What more of the same, shared out as those so far and at their price, would bring; empty with a single contender.

    Parameters
    ----------
    scenario : Scenario
        With those who took part.
    known : Known
        What is known of a single replication.
    strategy : {"ab", "bandit", "sequential"}
        How it was run.
    contenders : tuple of int
        Variants that may still be best, the leader and the baseline.
    ratings, usd : int, float
        Ratings, comparisons or rankings so far, and dollars for them and their outputs.
    """
    if len(contenders) < 2:
        return ()
    mean, now = _moments(known, len(scenario.variants))
    return (
        more_of_the_same(
            Choice.declared(scenario, strategy, contenders),
            mean=mean,
            now=now,
            prior=_moments(before_any_look(scenario, strategy, 1), mean.size)[1],
            ratings=ratings,
            label=f"{RATED.get(scenario.outcome, 'rating')}s by the same raters",
            stays=_bound_to_errors(known)
            if scenario.outcome == "binary"
            else _bound_to_tastes(cast("KnownVotes", known), mean),
            usd_per_rating=usd / ratings,
        ),
    )


def _moments(known: Known, n_variants: int) -> tuple[Floats, Floats]:
    """(variant,) means and (variant, variant) covariance of qualities, from the SDs of their differences."""
    seen = [known.qualities(base) for base in range(n_variants)]
    variance = seen[0].sd[0] ** 2
    apart = np.stack([each.effect_sd[0] ** 2 for each in seen])
    return seen[0].mean[0], (variance[:, None] + variance - apart) / 2.0


def _bound_to_errors(known: Known) -> Floats:
    """(variant, variant) covariance of rates that goes with errors and tastes which no number of verdicts can tell."""
    scenario = cast("KnownVerdicts", known).scenario
    n = len(scenario.variants)
    stays = np.zeros((n, n))
    if not isinstance(known, KnownVerdicts):
        return stays
    if about_errors(scenario):
        spread = known.state.spread[0]
        stays += spread[:n, n:] @ np.linalg.solve(spread[n:, n:], spread[n:, :n])
    sd = SD_SHIFT if scenario.components == "estimated" else None
    tastes = np.array([taste_in_share(scenario, _as_believed(e, sd)) for e in scenario.evaluators])
    if all(e.kind == "llm" for e in scenario.evaluators) and tastes.all():
        stays += np.eye(n) / (tastes**-2.0).sum()
    return stays


def _bound_to_tastes(known: KnownVotes, mean: Floats) -> Floats:
    """(variant, variant) covariance of qualities that no more votes by the same raters remove: their tastes pass for quality.

    Where people rated, judges' tastes are learned from what both rated, and those of the people stay.
    """
    scenario = known.scenario
    n, evaluators = mean.size, scenario.evaluators
    reference = evaluators[panel(evaluators).reference]
    if reference.kind == "human":
        tastes = [(reference.taste_sd / np.sqrt(reference.raters), 1.0)] if scenario.outcome != "preference" else []
    else:
        unknown = {each.name: each.spread for each in known.votes.unknown.unknown}
        tastes = [(_as_believed(e, unknown.get("sd_shift")).shift_sd, e.scale_use) for e in evaluators]
    if not tastes or any(taste == 0 for taste, _ in tastes):
        return np.zeros((n, n))
    stars = scenario.outcome == "ordinal"
    told = sum((use / taste) ** 2 for taste, use in tastes)
    believed = ((1.0 if stars else stretch(scenario)) * scenario.sd_variant_belief) ** -2
    slope = slope_of_quality(scenario, mean) if stars else _slope_side_by_side(scenario, mean)
    return np.asarray(slope @ slope.T / (told + believed))


def _as_believed(judge: Evaluator, sd: float | None) -> Evaluator:
    """A judge whose tastes are as strong as is believed of them where they are estimated: its own ratings do not tell."""
    return judge if sd is None or judge.shift_sd == 0 else judge.model_copy(update={"shift_sd": sd})


def _slope_side_by_side(scenario: Scenario, mean: Floats) -> Floats:
    """(variant, variant) slopes of shares of comparisons along abilities."""
    n, evaluators = mean.size, scenario.evaluators
    of = ranking_eyes if scenario.outcome == "ranking" else eyes_of
    eyes = of(evaluators[panel(evaluators).reference], scenario.items.interaction_sd)
    ability = abilities(np.clip(mean, RAREST, 1 - RAREST), eyes, scenario.control_index)
    ends = qualities(ability + _STEP * np.vstack([np.eye(n), -np.eye(n)]), eyes, scenario.control_index)
    return np.asarray((ends[:n] - ends[n:]).T / (2.0 * _STEP))
