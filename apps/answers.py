"""The calls behind the pages, cached at the edge: the same question is answered once, for everyone who asks it.

Every function takes plain values that say all of the question (a scenario is its TOML, a scenario of one's own as well) and gives finished
numbers. Nobody meets an answer who has not asked the same question; ratings never pass through here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from expsim_bayes.apps.asked import edited, written
from expsim_bayes.scenario import EvaluatorChoice, Scenario, StrategyName, parse

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.apps.asked import Asked, Edits
    from expsim_bayes.experiment import Played
    from expsim_bayes.facts import Facts
    from expsim_bayes.operating_characteristics import Characteristics, Estimate

MANY = 1_000
"""Experiments behind a share."""
EQUAL = 500
"""Experiments without a difference behind the false-launch rate of one experiment, as `expsim simulate` counts them."""
CURVE = 400
"""Experiments behind a learning curve."""
RECENT = 16
"""Experiments that are kept whole."""
KEPT = 256
"""Answers of each kind that are kept."""


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


class Peeked(NamedTuple):
    """What looking often does when all variants are equal."""

    eager: NDArray[np.float64]
    """(look,) share of experiments that have launched something by then, with the eager rule."""
    calibrated: NDArray[np.float64]
    """(look,) the same with the rule that the scenario declares."""
    eager_threshold: float
    """What the eager rule asks for."""
    threshold: float
    """What the other asks for."""
    mcse: float
    """Largest Monte-Carlo error of the shares."""


class Puzzle(NamedTuple):
    """An experiment whose truth was drawn, shown up to a look."""

    one: One
    """The experiment."""
    look: int
    """The look up to which it is shown."""
    best: tuple[str, ...]
    """Variants that may rightly be launched: better than the control and within the smallest difference that matters of the best."""
    keep: bool
    """Whether the control may rightly be kept: none is better by a difference that matters."""
    decided: bool
    """Whether a rule had decided by that look."""
    edits: Edits
    """The true qualities that were drawn, as changes of the scenario."""


def one(asked: Asked) -> One:
    """One experiment, as fast as it may be had: its facts without what further ratings would bring.

    Raises
    ------
    ExpsimError
        The scenario cannot be run like this.
    """
    return _one(asked.toml(), asked.strategy, asked.evaluators, asked.seed)


def weighed(asked: Asked) -> Facts:
    """All facts of one experiment: also what further ratings would bring, and how often its rules launch when nothing differs.

    The latter only where it is counted in a moment.

    Raises
    ------
    ExpsimError
        The scenario cannot be run like this.
    """
    scenario = asked.scenario
    rate = None
    if quick(scenario):
        rate = _false_launch(written(scenario.without_difference()), asked.strategy, asked.evaluators, asked.seed)
    return replace(_weighed(asked.toml(), asked.strategy, asked.evaluators, asked.seed), false_launch=rate)


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


def asks(asked: Asked) -> float | None:
    """Probability of being the best that the rules ask for before they launch; None where they ask for another."""
    from expsim_bayes.recommend.experiment import best_threshold

    return best_threshold(asked.scenario, asked.scenario.declared(asked.strategy))


def seen(asked: Asked, outputs: int) -> pd.DataFrame:
    """Mean score and its standard error of each variant by each evaluator, after so many outputs each: evaluator, variant, mean, error."""
    found = enough(asked, outputs)
    return _seen(found.toml(), found.strategy, found.seed)


def enough(asked: Asked, outputs: int) -> Asked:
    """The same with one look of so many outputs of each variant."""
    return asked._replace(
        edits=(*asked.edits, ("looks", 1), ("outputs_per_look", outputs * len(asked.scenario.variants)))
    )


def peeked(asked: Asked, eager: float = 0.95, replications: int = MANY) -> Peeked:
    """What looking often does when all variants are equal: a rule that asks for `eager`, beside the rule that is declared."""
    return _peeked(asked.toml(), asked.strategy, asked.seed, eager, replications)


def equal(asked: Asked, threshold: float) -> Asked:
    """The same where all variants are equal and the rule that launches asks for `threshold`."""
    scenario = asked.scenario
    place = _launches(scenario, scenario.declared(asked.strategy))
    return asked._replace(edits=(), own=written(edited(scenario, {place: threshold}).without_difference()))


def _launches(scenario: Scenario, way: StrategyName) -> str:
    """Where a scenario keeps the threshold of the rule that launches."""
    at = next(n for n, r in enumerate(scenario.strategies[way].stopping) if r.rule in ("superiority", "beats_control"))
    return f"strategies.{way}.stopping.{at}.threshold"


def puzzle(asked: Asked) -> Puzzle:
    """An experiment with true qualities drawn anew by the seed, shown up to a look that the seed draws as well."""
    return _puzzle(asked.toml(), asked.strategy, asked.seed)


def quick(scenario: Scenario) -> bool:
    """Whether a thousand experiments take no longer than a person waits unasked."""
    return scenario.components == "given"


def replications(scenario: Scenario) -> int:
    """Experiments behind a share."""
    return MANY if quick(scenario) else MANY // 10


def curve_replications(scenario: Scenario) -> int:
    """Experiments behind a learning curve."""
    return CURVE if quick(scenario) else CURVE // 4


@st.cache_resource(max_entries=RECENT, show_spinner=False)
def _played(toml: str, strategy: StrategyName | None, evaluators: EvaluatorChoice, seed: int) -> Played:
    """One experiment, kept whole for the questions that follow at once; nobody changes it."""
    from expsim_bayes.experiment import play

    return play(parse(toml, "scenario"), strategy=strategy, evaluators=evaluators, random_seed=seed)


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _one(toml: str, strategy: StrategyName | None, evaluators: EvaluatorChoice, seed: int) -> One:
    from expsim_bayes.recommend import of_experiment

    played = _played(toml, strategy, evaluators, seed)
    return One(played.history, of_experiment(played, plan_further=False))


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _weighed(toml: str, strategy: StrategyName | None, evaluators: EvaluatorChoice, seed: int) -> Facts:
    from expsim_bayes.recommend import of_experiment

    return of_experiment(_played(toml, strategy, evaluators, seed))


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _false_launch(equal: str, strategy: StrategyName | None, evaluators: EvaluatorChoice, seed: int) -> Estimate:
    """How often the rules launch something, of a scenario without differences: true qualities that are moved do not change it."""
    from expsim_bayes.operating_characteristics import false_launch_rate

    scenario = parse(equal, "scenario")
    return false_launch_rate(scenario, strategy=strategy, evaluators=evaluators, random_seed=seed, replications=EQUAL)


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _many(toml: str, strategy: StrategyName | None, evaluators: EvaluatorChoice, seed: int, replications: int) -> Many:
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
    choices = scenario.choices
    found = {
        who: learning_curve(scenario, evaluators=who, random_seed=seed, replications=replications) for who in choices
    }
    floor = judges_floor(scenario, random_seed=seed).value if "llm" in choices and "human" in choices else None
    return Curves({str(who): curve for who, curve in found.items()}, floor)


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _seen(toml: str, strategy: StrategyName | None, seed: int) -> pd.DataFrame:
    from expsim_bayes.experiment import play

    table = play(parse(toml, "scenario"), strategy=strategy, random_seed=seed).ratings.table
    by = table.groupby(["evaluator", "variant"], observed=True, sort=False)["score"]
    return by.agg(mean="mean", error="sem").reset_index()


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _peeked(toml: str, strategy: StrategyName | None, seed: int, eager: float, replications: int) -> Peeked:
    import numpy as np

    from expsim_bayes.experiment import run
    from expsim_bayes.stopping import LAUNCH

    scenario = parse(toml, "scenario")
    way = scenario.declared(strategy)
    place = _launches(scenario, way)

    def launched_by_look(asked_for: float) -> NDArray[np.float64]:
        equal = edited(scenario, {place: asked_for}).without_difference()
        found = run(equal, strategy=way, random_seed=seed, replications=replications, history=False)
        launch = found["decision"].values == LAUNCH
        stops = found["stop_look"].values[:, None] <= np.arange(1, scenario.looks + 1)
        shares: NDArray[np.float64] = (launch[:, None] & stops).mean(axis=0)
        return shares

    declared = float(getattr(scenario.strategies[way].stopping[int(place.split(".")[3])], "threshold", 1.0))
    shares = launched_by_look(eager), launched_by_look(declared)
    mcse = max(float(np.sqrt(s[-1] * (1 - s[-1]) / replications)) for s in shares)
    return Peeked(*shares, eager, declared, mcse)


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _puzzle(toml: str, strategy: StrategyName | None, seed: int) -> Puzzle:
    import numpy as np

    from expsim_bayes.experiment import play
    from expsim_bayes.operating_characteristics import TOLERANCE
    from expsim_bayes.recommend import of_experiment

    scenario = parse(toml, "scenario")
    rng = np.random.default_rng(seed)
    middle, spread = scenario.variants[scenario.control_index or 0].quality, 2.5 * scenario.min_effect
    drawn = {
        f"variants.{n}.quality": round(
            float(np.clip(middle + spread * rng.standard_normal(), *scenario.score_range)), 2
        )
        for n, v in enumerate(scenario.variants)
        if v.name != scenario.control
    }
    played = play(edited(scenario, drawn), strategy=strategy, random_seed=seed)
    facts = of_experiment(played, plan_further=False)
    stop = int(played.history["stop_look"].values[0])
    look = int(rng.integers(1, stop + 1))
    quality = {v.name: float(v.true_quality or 0.0) for v in facts.variants}
    sign = 1.0 if scenario.higher_is_better else -1.0
    top, today = max(sign * q for q in quality.values()), sign * quality[facts.baseline]
    best = tuple(
        n for n, q in quality.items() if sign * q >= top - scenario.min_effect - TOLERANCE and sign * q > today
    )
    return Puzzle(
        one=One(played.history, facts),
        look=look,
        best=best,
        keep=top - today < scenario.min_effect - TOLERANCE,
        decided=look == stop and facts.decision.name != "collect",
        edits=tuple(drawn.items()),
    )
