"""A small scenario of stars in which every effect of the story is present; tests change what they need."""

from __future__ import annotations

from typing import Any

from small_scenario import variants

from expsim_bayes.scenario import Scenario

STAR_JUDGE: dict[str, Any] = {
    "name": "judge",
    "kind": "llm",
    "shares": [0.1, 0.2, 0.4, 0.2, 0.1],
    "severity_mean": -0.4,
    "scale_use": 1.5,
    "opinion_sd": 0.6,
    "shift_sd": 0.5,
    "usd_per_rating": 0.002,
}
STAR_CROWD: dict[str, Any] = {
    "name": "crowd",
    "kind": "human",
    "raters": 4,
    "severity_sd": 0.8,
    "taste_sd": 0.3,
    "opinion_sd": 0.5,
    "usd_per_rating": 0.3,
}


def starry(**changes: Any) -> Scenario:
    """The scenario, with some of its keys replaced."""
    declared: dict[str, Any] = {
        "name": "starry",
        "title": "Starry",
        "outcome": "ordinal",
        "score_range": [1, 5],
        "control": "A",
        "variants": variants(3.0, 3.6),
        "items": {"sd": 0.9, "interaction_sd": 0.5},
        "evaluators": [STAR_JUDGE, STAR_CROWD],
        "overlap": 0.5,
        "looks": 4,
        "outputs_per_look": 24,
        "min_effect": 0.1,
        "strategies": {
            "sequential": {"stopping": [{"rule": "superiority"}]},
            "bandit": {"allocation": {"policy": "thompson"}, "stopping": [{"rule": "superiority"}]},
        },
    }
    return Scenario.model_validate(declared | changes)
