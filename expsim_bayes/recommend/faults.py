"""What an experiment tells of faults that a guardrail limits, such as hallucinations, and what guardrails limit in a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.facts import FaultFacts
from expsim_bayes.recommend.counted import rate_of_counts
from expsim_bayes.stopping import prob_breach_beta

if TYPE_CHECKING:
    import xarray as xr

    from expsim_bayes.scenario import Scenario
    from expsim_bayes.stopping import Guardrail

LIMITED = {"cost_usd": "cost", "latency_s": "latency", "fault_rate": "faults"}
"""What a guardrail is about, in a word."""


def what_is_limited(scenario: Scenario) -> str:
    """What the guardrails limit; empty where there are none.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> what_is_limited(load("reranker"))
    'latency'
    """
    return " or ".join(dict.fromkeys(LIMITED[rule.metric] for rule in scenario.guardrails))


def faults_of(end: xr.Dataset, scenario: Scenario, ci_prob: float) -> tuple[FaultFacts | None, ...]:
    """(variant,) how often each has the fault, by the guardrail on it that is likeliest to be broken; None where there is none."""
    rules = [rule for rule in scenario.guardrails if rule.metric == "fault_rate"]
    if not rules:
        return (None,) * len(scenario.variants)
    by_rule = [_by(rule, end, scenario, ci_prob) for rule in rules]
    return tuple(max(told, key=lambda fault: fault.prob_over) for told in zip(*by_rule, strict=True))


def _by(rule: Guardrail, end: xr.Dataset, scenario: Scenario, ci_prob: float) -> tuple[FaultFacts, ...]:
    outputs = end["outputs"].values
    faults = end["faults"].values if "faults" in end else np.zeros_like(outputs)
    control = scenario.control_index
    over = prob_breach_beta(outputs[None], faults[None], rule=rule, control=control)[0]
    mean = (1.0 + faults) / (2.0 + outputs)
    limit = rule.at_most if rule.at_most is not None else rule.at_most_more
    assert limit is not None  # the guardrail saw to it
    return tuple(
        FaultFacts(
            does=scenario.fault,
            rate=rate_of_counts(1.0 + faults[v], 1.0 + outputs[v] - faults[v], ci_prob),
            more=None if control is None or v == control else float(mean[v] - mean[control]),
            limit=limit,
            against_control=rule.at_most is None,
            prob_over=float(over[v]),
            bars=v != control and bool(over[v] >= rule.threshold),
            waits=v != control and rule.clear_at is not None and rule.clear_at < over[v] < rule.threshold,
        )
        for v in range(len(scenario.variants))
    )
