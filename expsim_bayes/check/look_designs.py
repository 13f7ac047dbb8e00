"""Experiments with scores, stars, comparisons and rankings that stop, and that do not, whose components are estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expsim_bayes.check.designs import judge, people, small, variants
from expsim_bayes.scenario import Scenario

if TYPE_CHECKING:
    from expsim_bayes.scenario import StrategyName

STOPPING = [{"rule": "superiority", "threshold": 0.95}, {"rule": "equivalence", "threshold": 0.9}]
SEQUENTIAL: dict[str, Any] = {"strategies": {"sequential": {"stopping": STOPPING}}}
NEVER: dict[str, Any] = {"strategies": {"sequential": {"stopping": [{"rule": "superiority", "threshold": 1.0}]}}}
BANDIT: dict[str, Any] = {
    "default_strategy": "bandit",
    "strategies": {"bandit": {"allocation": {"policy": "thompson"}, "stopping": STOPPING}},
}
"""How experiments are run: until something is decided, to the end, or by a bandit."""


def _scores() -> list[tuple[str, StrategyName, Scenario]]:
    """Experiments that stop, and that do not, by name and strategy."""
    shared = {"components": "estimated", "looks": 6, "outputs_per_look": 36, "rope": 0.3}
    eight = [judge(), people(raters=8)]
    return [
        ("2 variants, all looks", "sequential", small(variants=variants(2), **shared, **NEVER)),
        ("2 variants, at the stop", "sequential", small(variants=variants(2), **shared, **SEQUENTIAL)),
        ("3 variants, people on half, at the stop", "sequential", small(overlap=0.5, **shared, **SEQUENTIAL)),
        (
            "3 variants, split traffic, 8 people, at the stop",
            "sequential",
            small(assignment="split", evaluators=eight, **shared, **SEQUENTIAL),
        ),
        ("3 variants, bandit, at the stop", "bandit", small(**shared, **BANDIT)),
        ("judge alone, at the stop", "sequential", small(evaluators=[judge(scale_use=1.0)], **shared, **SEQUENTIAL)),
    ]


OF_RATERS = {
    "ordinal": {"severity_sd": 0.3, "taste_sd": 0.2},
    "preference": {"order_sd": 0.3},
    "ranking": {"taste_sd": 0.3},
}
"""How people differ, by outcome."""


def _of_votes(outcome: str, names: str, run: dict[str, Any], **changes: Any) -> Scenario:
    """A small experiment with stars, comparisons or rankings; components are drawn anew before it is played."""
    stars = outcome == "ordinal"
    of_raters = OF_RATERS[outcome]
    machine = {"name": "judge", "kind": "llm", "shift_sd": 0.3, "usd_per_rating": 0.01}
    crowd = {"name": "crowd", "kind": "human", "raters": 4, **of_raters, "usd_per_rating": 0.3}
    declared: dict[str, Any] = {
        "name": "votes",
        "title": "Stars, comparisons or rankings",
        "outcome": outcome,
        "score_range": [1, 5] if stars else [0, 1],
        "control": "A",
        "components": "estimated",
        "looks": 6,
        "outputs_per_look": 36,
        "rope": 0.3 if stars else 0.08,
        "items": {"sd": 1.0, "interaction_sd": 0.5} if stars else {"interaction_sd": 0.5},
        "variants": [{"name": name, "quality": 3.0 if stars else 0.5} for name in names],
        "evaluators": [machine, crowd],
    }
    return Scenario.model_validate(declared | run | changes)


def _stars() -> list[tuple[str, StrategyName, Scenario]]:
    return [
        ("2 variants, all looks", "sequential", _of_votes("ordinal", "AB", NEVER)),
        ("2 variants, at the stop", "sequential", _of_votes("ordinal", "AB", SEQUENTIAL)),
        (
            "3 variants, people on half, at the stop",
            "sequential",
            _of_votes("ordinal", "ABC", SEQUENTIAL, overlap=0.5),
        ),
        (
            "2 variants, split traffic, at the stop",
            "sequential",
            _of_votes("ordinal", "AB", SEQUENTIAL, assignment="split"),
        ),
        ("3 variants, bandit, at the stop", "bandit", _of_votes("ordinal", "ABC", BANDIT)),
    ]


def _comparisons() -> list[tuple[str, StrategyName, Scenario]]:
    return [
        ("2 variants, all looks", "sequential", _of_votes("preference", "AB", NEVER)),
        ("2 variants, at the stop", "sequential", _of_votes("preference", "AB", SEQUENTIAL)),
        (
            "3 variants, people on half, at the stop",
            "sequential",
            _of_votes("preference", "ABC", SEQUENTIAL, overlap=0.5),
        ),
        ("3 variants, no control, at the stop", "sequential", _of_votes("preference", "ABC", SEQUENTIAL, control=None)),
        ("3 variants, bandit, at the stop", "bandit", _of_votes("preference", "ABC", BANDIT)),
    ]


def _rankings() -> list[tuple[str, StrategyName, Scenario]]:
    return [
        ("3 variants, all looks", "sequential", _of_votes("ranking", "ABC", NEVER)),
        ("3 variants, at the stop", "sequential", _of_votes("ranking", "ABC", SEQUENTIAL)),
        ("3 variants, people on half, at the stop", "sequential", _of_votes("ranking", "ABC", SEQUENTIAL, overlap=0.5)),
        ("3 variants, no control, at the stop", "sequential", _of_votes("ranking", "ABC", SEQUENTIAL, control=None)),
        ("3 variants, bandit, at the stop", "bandit", _of_votes("ranking", "ABC", BANDIT)),
    ]


EXPERIMENTS = {"scores": _scores, "stars": _stars, "comparisons": _comparisons, "rankings": _rankings}
"""Experiments by what raters give."""
