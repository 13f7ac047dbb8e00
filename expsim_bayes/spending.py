"""What looks cost: outputs, ratings, dollars, days and, for guardrails, faults and logs of cost and latency, look after look.

Everything has a leading replication axis. A guardrail on a new metric needs its value per output in `_log_sums`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.costs import HOURS_PER_DAY, SECONDS_PER_HOUR, elapsed_days
from expsim_bayes.evaluators import panel
from expsim_bayes.stopping import prob_breach_beta, prob_breach_lognormal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate import Look, Plan


class Tally(NamedTuple):
    """What was spent so far, over all replications of a chunk."""

    outputs: NDArray[np.float64]
    """(replication, variant)"""
    ratings: NDArray[np.float64]
    """(replication, evaluator)"""
    usd_rating: NDArray[np.float64]
    """(replication, evaluator)"""
    usd_generation: NDArray[np.float64]
    """(replication, variant)"""
    seconds: NDArray[np.float64]
    """(replication, variant) latency, summed over outputs."""
    days: NDArray[np.float64]
    """(replication,)"""
    log_sums: NDArray[np.float64]
    """(guardrail, 2, replication, variant) sums and sums of squares of log cost or log latency."""
    faults: NDArray[np.float64]
    """(replication, variant) outputs that have a fault."""


def nothing_spent(scenario: Scenario, replications: int) -> Tally:
    """The tally before the first look."""
    by_variant = np.zeros((replications, len(scenario.variants)))
    by_evaluator = np.zeros((replications, len(scenario.evaluators)))
    log_sums = np.zeros((len(scenario.guardrails), 2, *by_variant.shape))
    return Tally(
        outputs=by_variant,
        ratings=by_evaluator,
        usd_rating=by_evaluator,
        usd_generation=by_variant,
        seconds=by_variant,
        days=np.zeros(replications),
        log_sums=log_sums,
        faults=by_variant,
    )


def spend(tally: Tally, scenario: Scenario, layout_of_look: Plan, variant: NDArray[np.intp], rated: Look) -> Tally:
    """The tally with one more look on it.

    Parameters
    ----------
    tally : Tally
        What was spent before.
    scenario : Scenario
        Prices and speeds.
    layout_of_look : Plan
        Who rated what.
    variant : numpy.ndarray
        (replication or 1, item, slot) variants that answered.
    rated : Look
        Tokens, latency and faults of the outputs.
    """
    who = panel(scenario.evaluators)
    outputs = variant.reshape(variant.shape[0], -1)
    chosen = outputs[:, :, None] == np.arange(len(scenario.variants))
    usd_each = np.array([v.usd_per_output for v in scenario.variants])
    ratings = _ratings_by_evaluator(layout_of_look, len(who.names))
    rating_days = elapsed_days(
        ratings,
        seconds_each=who.seconds_per_rating,
        parallel=who.parallel,
        hours_per_day=who.hours_per_day,
        turnaround_hours=who.turnaround_hours,
    )
    generation_days = rated.latency_s.sum(1) / (scenario.generation_parallel * SECONDS_PER_HOUR * HOURS_PER_DAY)
    return Tally(
        outputs=tally.outputs + chosen.sum(1),
        ratings=tally.ratings + ratings,
        usd_rating=tally.usd_rating + ratings * who.usd_per_rating,
        usd_generation=tally.usd_generation + _per_variant(rated.relative_tokens, chosen) * usd_each,
        seconds=tally.seconds + _per_variant(rated.latency_s, chosen),
        days=tally.days + generation_days + rating_days.max(),
        log_sums=tally.log_sums + _log_sums(scenario, usd_each[outputs], rated, chosen),
        faults=tally.faults
        if rated.faulty is None
        else tally.faults + _per_variant(rated.faulty.astype(float), chosen),
    )


def price_of_look(scenario: Scenario, layout_of_look: Plan | None) -> tuple[float, int]:
    """Most dollars that a planned look may cost, and its ratings; nothing where none is to come.

    Long outputs cost more: four standard deviations above the mean of outputs that are all of the dearest variant.
    """
    if layout_of_look is None:
        return 0.0, 0
    who = panel(scenario.evaluators)
    ratings = _ratings_by_evaluator(layout_of_look, len(who.names))
    n = layout_of_look.n_items * layout_of_look.n_slots
    generation = max(v.usd_per_output * (n + 4 * np.sqrt(n * np.expm1(v.tokens_log_sd**2))) for v in scenario.variants)
    return float(ratings @ who.usd_per_rating + generation), int(ratings.sum())


def prob_breach(tally: Tally, scenario: Scenario, active: NDArray[np.intp]) -> NDArray[np.float64] | None:
    """(replication, guardrail, variant) chance that each variant breaks each limit, for some replications; None without guardrails."""
    if not scenario.guardrails:
        return None
    outputs = tally.outputs[active]
    control = scenario.control_index
    chances = [
        prob_breach_beta(outputs, tally.faults[active], rule=rule, control=control)
        if rule.metric == "fault_rate"
        else prob_breach_lognormal(outputs, *log_sums[:, active], rule=rule, control=control)
        for rule, log_sums in zip(scenario.guardrails, tally.log_sums, strict=True)
    ]
    return np.stack(chances, axis=1)


def _ratings_by_evaluator(layout_of_look: Plan, n_evaluators: int) -> NDArray[np.float64]:
    """(evaluator,) ratings of a look."""
    return np.bincount(layout_of_look.evaluator, minlength=n_evaluators).astype(float)


def _per_variant(values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(replication, variant) sums over the outputs of each variant."""
    sums: NDArray[np.float64] = np.matmul(values[:, None, :], chosen.astype(float))[:, 0]
    return sums


def _log_sums(
    scenario: Scenario, usd_mean: NDArray[np.float64], rated: Look, chosen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(guardrail, 2, replication, variant) sums and sums of squares of the logarithm of each guarded metric; none of faults."""
    replications = len(rated.latency_s)
    sums = np.zeros((len(scenario.guardrails), 2, replications, chosen.shape[2]))
    for g, rule in enumerate(scenario.guardrails):
        if rule.metric == "fault_rate":
            continue
        metric = usd_mean * rated.relative_tokens if rule.metric == "cost_usd" else rated.latency_s
        logs = np.log(np.maximum(metric, np.finfo(float).tiny))
        sums[g, 0] = _per_variant(logs, chosen)
        sums[g, 1] = _per_variant(logs**2, chosen)
    return sums
