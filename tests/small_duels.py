"""A small scenario with a preference as outcome; tests change what they need."""

from __future__ import annotations

from typing import Any

from expsim_bayes.scenario import Scenario

JUDGE: dict[str, Any] = {
    "name": "judge",
    "kind": "llm",
    "usd_per_rating": 0.01,
    "scale_use": 0.7,
    "order": 0.6,
    "ties": 0.05,
}
CROWD: dict[str, Any] = {
    "name": "crowd", "kind": "human", "usd_per_rating": 0.3, "raters": 4, "order": 0.1, "order_sd": 0.4, "ties": 0.3,
}  # fmt: skip


def duelling(*qualities: float, **changes: Any) -> Scenario:
    """Variants A, B, ... with these shares of comparisons won against A, and some keys replaced."""
    declared: dict[str, Any] = {
        "name": "duelling",
        "title": "Duelling",
        "outcome": "preference",
        "score_range": [0, 1],
        "control": "A",
        "looks": 3,
        "outputs_per_look": 24,
        "items": {"interaction_sd": 0.8},
        "variants": [{"name": n, "quality": q, "usd_per_call": 0.1} for n, q in zip("ABCDE", qualities or (0.5, 0.6), strict=False)],
        "evaluators": [JUDGE, CROWD],
        "strategies": {
            "sequential": {"stopping": [{"rule": "superiority"}]},
            "bandit": {"allocation": {"policy": "top_two_thompson"}, "stopping": [{"rule": "superiority"}]},
        },
    }  # fmt: skip
    return Scenario.model_validate(declared | changes)
