"""A small scenario whose outputs pass or fail in the eyes of a judge and people who err; tests change what they need."""

from __future__ import annotations

from typing import Any

from expsim_bayes.scenario import Scenario

ERRING_JUDGE: dict[str, Any] = {
    "name": "judge",
    "kind": "llm",
    "sensitivity": 0.9,
    "specificity": 0.7,
    "shift_sd": 0.3,
    "usd_per_rating": 0.01,
}
ERRING_CROWD: dict[str, Any] = {
    "name": "crowd",
    "kind": "human",
    "raters": 6,
    "sensitivity": 0.95,
    "specificity": 0.9,
    "usd_per_rating": 0.3,
}
EXPERTS: dict[str, Any] = {"name": "experts", "kind": "human", "usd_per_rating": 2.0}


def judged(*rates: float, **changes: Any) -> Scenario:
    """Variants A, B, ... with these shares of outputs that pass, and some keys replaced."""
    declared: dict[str, Any] = {
        "name": "judged",
        "title": "Judged",
        "outcome": "binary",
        "score_range": [0, 1],
        "control": "A",
        "looks": 4,
        "outputs_per_look": 48,
        "overlap": 0.5,
        "min_effect": 0.02,
        "variants": [
            {"name": n, "quality": q, "usd_per_call": 0.1} for n, q in zip("ABCDE", rates or (0.6, 0.7), strict=False)
        ],
        "evaluators": [ERRING_JUDGE, ERRING_CROWD],
        "strategies": {
            "sequential": {"stopping": [{"rule": "superiority"}]},
            "bandit": {"allocation": {"policy": "thompson"}, "stopping": [{"rule": "superiority"}]},
        },
    }
    return Scenario.model_validate(declared | changes)
