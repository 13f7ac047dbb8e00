"""A small scenario in which every effect of the story is present; tests change what they need."""

from __future__ import annotations

from typing import Any

from expsim_bayes.scenario import Scenario

JUDGE: dict[str, Any] = {
    "name": "judge",
    "kind": "llm",
    "noise_sd": 0.4,
    "opinion_sd": 0.3,
    "shift_sd": 0.15,
    "scale_use": 0.8,
    "usd_per_rating": 0.002,
    "seconds_per_rating": 2.0,
    "parallel": 4,
}
CROWD: dict[str, Any] = {
    "name": "crowd",
    "kind": "human",
    "raters": 4,
    "severity_sd": 0.4,
    "taste_sd": 0.1,
    "opinion_sd": 0.4,
    "noise_sd": 0.6,
    "usd_per_rating": 0.3,
    "seconds_per_rating": 40.0,
    "parallel": 2,
    "hours_per_day": 8,
    "turnaround_hours": 4,
}


def variants(*qualities: float, **traits: Any) -> list[dict[str, Any]]:
    """Variants A, B, ... with these qualities and otherwise equal traits."""
    return [{"name": n, "quality": q, "output_sd": 0.2, **traits} for n, q in zip("ABCDEFG", qualities, strict=False)]


def small(**changes: Any) -> Scenario:
    """The scenario, with some of its keys replaced."""
    declared: dict[str, Any] = {
        "name": "small",
        "title": "Small",
        "score_range": [0, 10],
        "control": "A",
        "variants": variants(5.0, 5.3),
        "items": {"sd": 0.5, "interaction_sd": 0.3},
        "evaluators": [JUDGE, CROWD],
        "overlap": 0.5,
        "looks": 4,
        "outputs_per_look": 24,
        "min_effect": 0.2,
        "strategies": {
            "ab": {"decide": "end", "stopping": [{"rule": "superiority"}]},
            "sequential": {"stopping": [{"rule": "superiority"}]},
            "bandit": {"allocation": {"policy": "thompson"}, "stopping": [{"rule": "superiority"}]},
        },
    }
    return Scenario.model_validate(declared | changes)
