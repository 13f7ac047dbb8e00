"""A small scenario with a binary outcome; tests change what they need."""

from __future__ import annotations

from typing import Any

from expsim_bayes.scenario import Scenario

PLAIN_TEST: dict[str, Any] = {"name": "test", "kind": "metric", "usd_per_rating": 0.01}


def counted(*rates: float, **changes: Any) -> Scenario:
    """Variants A, B, ... with these rates of success, and some keys replaced."""
    declared: dict[str, Any] = {
        "name": "counted",
        "title": "Counted",
        "outcome": "binary",
        "score_range": [0, 1],
        "assignment": "split",
        "looks": 4,
        "outputs_per_look": 24,
        "variants": [
            {
                "name": n,
                "quality": q,
                "usd_per_call": 0.1,
                "latency_s": 1.0,
                "tokens_log_sd": 0.3,
                "latency_log_sd": 0.3,
            }
            for n, q in zip("ABCDE", rates or (0.4, 0.6), strict=False)
        ],
        "evaluators": [PLAIN_TEST],
        "default_strategy": "bandit",
        "strategies": {
            "sequential": {"stopping": [{"rule": "superiority"}]},
            "bandit": {
                "allocation": {"policy": "probability_matching", "power": 1.0},
                "stopping": [{"rule": "superiority"}],
            },
        },
    }
    return Scenario.model_validate(declared | changes)
