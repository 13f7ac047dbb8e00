"""Experiments in which outputs pass or fail and raters err: how often intervals hold the truth at the end and at a stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from expsim_bayes.check.looks import Held, Kinds, check_held
from expsim_bayes.loop import Loop
from expsim_bayes.posterior import KnownVerdicts
from expsim_bayes.scenario import Scenario
from expsim_bayes.simulate import Streams
from expsim_bayes.simulate.counts import SD_SHIFT

if TYPE_CHECKING:
    from collections.abc import Callable

    from expsim_bayes.scenario import StrategyName

FINER = 32
"""How many times as many points the better answer rests on."""
POINTS = f"Many experiments at once rest on few points each. Against {FINER} times as many"
"""What is rough here, and what it is held against."""
JUDGE: dict[str, Any] = {"name": "judge", "kind": "llm", "sensitivity": 0.9, "specificity": 0.8, "usd_per_rating": 0.01}
PEOPLE: dict[str, Any] = {"name": "people", "kind": "human", "raters": 6, "sensitivity": 0.9, "usd_per_rating": 0.3}


def check_verdicts(
    experiments: int = 1_000, *, random_seed: int = 0, progress: Callable[[float, str], None] | None = None
) -> tuple[Held, ...]:
    """Intervals at the last look and at the stop, of experiments in which rates, errors and tastes are drawn from what is believed of them.

    Parameters
    ----------
    experiments, random_seed, progress
        As in `check_held`.
    """
    kinds = Kinds(stopping_designs(), believed, against)
    return check_held(kinds, experiments, random_seed=random_seed, progress=progress)


def believed(scenario: Scenario, _strategy: StrategyName, rng: np.random.Generator) -> Scenario:
    """The scenario with an SD of judges' tastes drawn from what an analysis believes of it."""
    sd = SD_SHIFT * abs(float(rng.standard_normal()))
    evaluators = tuple(e.model_copy(update={"shift_sd": sd if e.shift_sd else 0.0}) for e in scenario.evaluators)
    return scenario.model_copy(update={"evaluators": evaluators})


def against(scenario: Scenario, strategy: StrategyName, random_seed: int) -> tuple[float, float]:
    """How far the difference of the first two variants, at the stop of one experiment, is from an answer over many more points."""
    loop = Loop(scenario, strategy, Streams(random_seed, 0, 1), "prior")
    loop.run(history=False, keep=[])
    known = cast("KnownVerdicts", loop.known)
    here, better = (one.qualities(0) for one in (known, known.finer(FINER)))
    spread = float(better.effect_sd[0, 1])
    return float(here.effect_mean[0, 1] - better.effect_mean[0, 1]) / spread, float(here.effect_sd[0, 1]) / spread - 1


def stopping_designs() -> list[tuple[str, StrategyName, Scenario]]:
    """Experiments that stop, and that do not, by name and strategy."""
    stopping = [{"rule": "superiority", "threshold": 0.95}, {"rule": "equivalence", "threshold": 0.9}]
    taste, thrice = {"shift_sd": 0.3}, {"ratings_per_output": 3}
    gold = {"name": "experts", "kind": "human", "usd_per_rating": 3.0}
    return [
        ("judge, people on half, all looks", "sequential", judged([JUDGE, PEOPLE], [])),
        ("judge, people on half", "sequential", judged([JUDGE, PEOPLE], stopping)),
        ("judge with a taste, people on half", "sequential", judged([JUDGE | taste, PEOPLE], stopping)),
        (
            "judge with a taste, three people on a tenth",
            "sequential",
            judged([JUDGE | taste, PEOPLE | thrice], stopping, overlap=0.1),
        ),
        ("judge with a taste, experts on a tenth", "sequential", judged([JUDGE | taste, gold], stopping, overlap=0.1)),
        ("judge alone", "sequential", judged([JUDGE], stopping)),
        ("3 variants, bandit, people on half", "bandit", judged([JUDGE | taste, PEOPLE], stopping, variants=3)),
    ]


def judged(
    evaluators: list[dict[str, Any]], stopping: list[dict[str, Any]], *, variants: int = 2, overlap: float = 0.5
) -> Scenario:
    """60 outputs at each of six looks: who rates them, and when it stops."""
    return Scenario.model_validate(
        {
            "name": "judged",
            "title": "Judged",
            "outcome": "binary",
            "score_range": [0, 1],
            "rope": 0.1,
            "looks": 6,
            "outputs_per_look": 60,
            "overlap": overlap,
            "variants": [{"name": name, "quality": 0.5, "usd_per_call": 0.0} for name in "ABCD"[:variants]],
            "evaluators": evaluators,
            "strategies": {
                "sequential": {"stopping": stopping},
                "bandit": {"allocation": {"policy": "thompson"}, "stopping": stopping},
            },
        }
    )
