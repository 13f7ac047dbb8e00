"""What is said of variants that are compared: how far a judge's taste moves verdicts, and what more comparisons or rankings would bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.evaluators import panel
from expsim_bayes.outcomes import EQUAL, RAREST
from expsim_bayes.planning import Choice, more_of_the_same
from expsim_bayes.simulate.duels import abilities, eyes_of, qualities, stretch, won_by_equals
from expsim_bayes.simulate.podiums import ranking_eyes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.planning import Further
    from expsim_bayes.posterior import Known
    from expsim_bayes.scenario import Scenario, StrategyName

_STEP = 1e-3


def taste_as_share(evaluator: Evaluator, *, ties: bool = True) -> float:
    """How many more comparisons of equals one SD of an evaluator's taste for a variant wins it, as a share.

    Parameters
    ----------
    evaluator : Evaluator
        Who compares.
    ties : bool
        Whether it may say that neither is better; one who puts in order may not.

    Examples
    --------
    >>> from expsim_bayes.evaluators import Evaluator
    >>> round(taste_as_share(Evaluator(name="judge", kind="llm", usd_per_rating=0.01, shift_sd=0.4)), 3)
    0.083
    """
    if not ties:
        return float(1.0 / (1.0 + np.exp(-evaluator.shift_sd))) - EQUAL
    return won_by_equals(evaluator, evaluator.shift_sd) - EQUAL


def further_comparisons(
    scenario: Scenario,
    known: Known,
    strategy: StrategyName,
    contenders: tuple[int, ...],
    *,
    ratings: int,
    usd: float,
) -> tuple[Further, ...]:
    """What more comparisons or rankings, shared out as those so far and at their price, would bring; empty with a single contender.

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
        Comparisons or rankings so far, and dollars for them and their outputs.
    """
    from expsim_bayes.votes.known import KnownVotes

    if len(contenders) < 2:
        return ()
    mean, now = _moments(known, len(scenario.variants))
    return (
        more_of_the_same(
            Choice.declared(scenario, strategy, contenders),
            mean=mean,
            now=now,
            prior=_moments(KnownVotes.nothing(scenario, strategy, 1), len(scenario.variants))[1],
            ratings=ratings,
            label=f"{'rankings' if scenario.outcome == 'ranking' else 'comparisons'} by the same raters",
            stays=_bound_to_tastes(scenario, mean),
            usd_per_rating=usd / ratings,
        ),
    )


def _moments(known: Known, n_variants: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(variant,) means and (variant, variant) covariance of qualities, from the SDs of their differences."""
    seen = [known.qualities(base) for base in range(n_variants)]
    variance = seen[0].sd[0] ** 2
    apart = np.stack([each.effect_sd[0] ** 2 for each in seen])
    return seen[0].mean[0], (variance[:, None] + variance - apart) / 2.0


def _bound_to_tastes(scenario: Scenario, mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """(variant, variant) covariance of qualities that no comparison by judges alone removes: their tastes pass for quality."""
    n, evaluators = mean.size, scenario.evaluators
    if any(e.kind == "human" or e.shift_sd == 0 for e in evaluators):
        return np.zeros((n, n))
    told = sum((e.scale_use / e.shift_sd) ** 2 for e in evaluators)
    believed = (stretch(scenario) * scenario.sd_variant_belief) ** -2
    of = ranking_eyes if scenario.outcome == "ranking" else eyes_of
    eyes = of(evaluators[panel(evaluators).reference], scenario.items.interaction_sd)
    ability = abilities(np.clip(mean, RAREST, 1 - RAREST), eyes, scenario.control_index)
    ends = qualities(ability + _STEP * np.vstack([np.eye(n), -np.eye(n)]), eyes, scenario.control_index)
    slope = (ends[:n] - ends[n:]).T / (2.0 * _STEP)
    return np.asarray(slope @ slope.T / (told + believed))
