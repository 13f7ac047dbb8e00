"""A small scenario with a ranking as outcome; tests change what they need."""

from __future__ import annotations

from typing import Any

from expsim_bayes.scenario import Scenario

JUDGE: dict[str, Any] = {"name": "judge", "kind": "llm", "usd_per_rating": 0.01, "scale_use": 0.7}
CROWD: dict[str, Any] = {"name": "crowd", "kind": "human", "usd_per_rating": 0.3, "raters": 4, "taste_sd": 0.3}


def ranking(*qualities: float, **changes: Any) -> Scenario:
    """Variants A, B, ... that stand before A in these shares of rankings, and some keys replaced."""
    declared: dict[str, Any] = {
        "name": "ranking",
        "title": "Ranking",
        "outcome": "ranking",
        "score_range": [0, 1],
        "control": "A",
        "looks": 3,
        "outputs_per_look": 36,
        "variants_per_item": 3,
        "items": {"interaction_sd": 0.7},
        "variants": [
            {"name": n, "quality": q, "usd_per_call": 0.1} for n, q in zip("ABCDEFGH", qualities or (0.5, 0.6, 0.4), strict=False)
        ],
        "evaluators": [JUDGE, CROWD],
        "strategies": {
            "sequential": {"stopping": [{"rule": "superiority"}]},
            "bandit": {"allocation": {"policy": "top_two_thompson"}, "stopping": [{"rule": "superiority"}]},
        },
    }  # fmt: skip
    return Scenario.model_validate(declared | changes)
