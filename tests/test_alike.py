"""What more of the same would bring, held against experiments that went on for as long again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from expsim_bayes.experiment import play
from expsim_bayes.loop import Loop
from expsim_bayes.recommend.alike import more_alike
from expsim_bayes.recommend.experiment import of_experiment
from expsim_bayes.scenario import load
from expsim_bayes.simulate import Streams
from expsim_bayes.stopping import MaxRatings

if TYPE_CHECKING:
    from expsim_bayes.posterior import Known
    from expsim_bayes.scenario import Scenario

MANY = 8


def endless(name: str, rated_by: str) -> Scenario:
    """A scenario of the library that never stops before its last look."""
    scenario = load(name)
    never = scenario.strategies["sequential"].model_copy(update={"stopping": (MaxRatings(ratings=10**9),)})
    chosen = tuple(e for e in scenario.evaluators if rated_by in {"both", e.kind})
    changes = {"strategies": {"sequential": never}, "evaluators": chosen, "guardrails": (), "budget_usd": None}
    return scenario.model_copy(update=changes)


def after(scenario: Scenario, looks: int) -> Known:
    loop = Loop(scenario.model_copy(update={"looks": looks}), "sequential", Streams(1, 0, MANY), "declared")
    loop.run(history=False)
    return loop.known


@pytest.mark.parametrize(
    ("name", "rated_by"),
    [("pass-or-fail", "both"), ("answer-stars", "both"), ("answer-stars", "llm"), ("new-summariser", "both")],
)
def test_as_much_again_brings_what_was_promised(name: str, rated_by: str) -> None:
    scenario = endless(name, rated_by)
    known, later = after(scenario, 5), after(scenario, 10)
    promised, brought = [], []
    for r in range(MANY):
        one = known.of(np.arange(MANY) == r)
        # a first batch is of 100 ratings: as many as there are said to be
        (more,) = more_alike(scenario, one, "sequential", (0, 1), ratings=100, usd=100.0)
        now, then = one.qualities(0).effect_sd[0, 1], later.qualities(0).effect_sd[r, 1]
        promised.append(1.0 - more.variance_removed)
        brought.append((then / now) ** 2)
    assert np.mean(promised) == pytest.approx(np.mean(brought), abs=0.15)
    assert (np.mean(brought) > 0.9) == (rated_by == "llm")


def test_a_judge_alone_is_not_asked_for_more_verdicts() -> None:
    (more,) = of_experiment(play(load("pass-or-fail"), random_seed=3, evaluators="llm")).further
    assert more.label == "ratings by the same raters"
    assert more.ratings is None
    assert more.floor > 0.1
