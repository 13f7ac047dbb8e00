"""The calls behind the pages, cached at the edge: the same question is answered once, for everyone who asks it.

Every function takes plain values that say all of the question (a scenario is its TOML) and gives finished numbers. Nothing that a user
uploads passes through here: what belongs to one session stays in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from expsim_bayes.scenario import EvaluatorChoice, Scenario, StrategyName, parse

if TYPE_CHECKING:
    import xarray as xr

    from expsim_bayes.apps.asked import Asked
    from expsim_bayes.facts import Facts
    from expsim_bayes.operating_characteristics import Characteristics, Estimate

MANY = 1_000
"""Experiments behind a share."""
CURVE = 400
"""Experiments behind a learning curve."""
KEPT = 256
"""Answers of each kind that are kept."""
CHOICES: tuple[EvaluatorChoice, ...] = ("llm", "human", "both")
"""Who may rate."""


class One(NamedTuple):
    """One experiment."""

    history: xr.Dataset
    """Look by look, one replication."""
    facts: Facts
    """At the look where it stopped."""


class Many(NamedTuple):
    """Many experiments of one kind."""

    achieved: Characteristics
    """What they achieve and cost."""
    false_launch: Estimate
    """How often the rules launch something when all variants are equal."""


class Curves(NamedTuple):
    """What certainty costs."""

    by_choice: dict[str, xr.Dataset]
    """Dollars and chance of the right pick, by who rates."""
    floor: float | None
    """Chance that no number of judge ratings can pass; None where no judge takes part."""


def one(asked: Asked) -> One:
    """One experiment, with its recommendation and the false-launch rate of its rules.

    Raises
    ------
    ExpsimError
        The scenario cannot be run like this.
    """
    return _one(asked.toml(), asked.strategy, asked.evaluators, asked.seed)


def many(asked: Asked, replications: int = MANY) -> Many:
    """How often such experiments end right, and what they cost.

    Raises
    ------
    ExpsimError
        The scenario cannot be run like this.
    """
    return _many(asked.toml(), asked.strategy, asked.evaluators, asked.seed, replications)


def curves(asked: Asked, replications: int = CURVE) -> Curves:
    """Chance of the right pick against dollars: judges, people, and both."""
    return _curves(asked.toml(), asked.seed, replications)


def who_may_rate(scenario: Scenario) -> tuple[EvaluatorChoice, ...]:
    """Choices of evaluators that a scenario has.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> who_may_rate(load("reranker"))
    ('llm', 'human', 'both')
    """
    people = [e.kind == "human" for e in scenario.evaluators]
    if any(people) and not all(people):
        return CHOICES
    return ("human",) if all(people) else ("llm",)


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _one(toml: str, strategy: StrategyName | None, evaluators: EvaluatorChoice, seed: int) -> One:
    from expsim_bayes.experiment import play
    from expsim_bayes.recommend import of_experiment

    scenario = parse(toml, "scenario")
    played = play(scenario, strategy=strategy, evaluators=evaluators, random_seed=seed)
    return One(played.history, of_experiment(played))


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _many(
    toml: str, strategy: StrategyName | None, evaluators: EvaluatorChoice, seed: int, replications: int
) -> Many:
    from expsim_bayes.experiment import run
    from expsim_bayes.operating_characteristics import characteristics, false_launch_rate

    scenario = parse(toml, "scenario")
    way = {"strategy": strategy, "evaluators": evaluators, "random_seed": seed, "replications": replications}
    achieved = characteristics(run(scenario, **way, history=False), scenario.rated_by(evaluators))  # type: ignore[arg-type]
    return Many(achieved, false_launch_rate(scenario, **way))  # type: ignore[arg-type]


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _curves(toml: str, seed: int, replications: int) -> Curves:
    from expsim_bayes.operating_characteristics import judges_floor, learning_curve

    scenario = parse(toml, "scenario")
    choices = who_may_rate(scenario)
    found = {
        who: learning_curve(scenario, evaluators=who, random_seed=seed, replications=replications) for who in choices
    }
    floor = judges_floor(scenario, random_seed=seed).value if "llm" in choices and "human" in choices else None
    return Curves(dict(found), floor)
