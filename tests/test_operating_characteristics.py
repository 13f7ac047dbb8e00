"""How endings are judged, by hand-made results for each clause; what is counted, with its error; and the picture that sells the tool.

Stochastic assertions use fixed seeds and |z| <= 4 (6e-5 each if the seed were new).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from small_scenario import CROWD, JUDGE, small, variants

from expsim_bayes.experiment import run
from expsim_bayes.operating_characteristics import (
    Endings,
    allowed_by_guardrails,
    characteristics,
    compare,
    endings,
    estimate,
    false_launch_rate,
    judges_floor,
    learning_curve,
)
from expsim_bayes.scenario import EvaluatorChoice, Scenario
from expsim_bayes.stopping import COLLECT, KEEP_CONTROL, LAUNCH, STOP_EQUIVALENT

LATENCY = {"rule": "guardrail", "metric": "latency_s", "at_most": 2.0}
DOLLARS = {"rule": "guardrail", "metric": "cost_usd", "at_most_ratio": 1.5}


def judged(scenario: Scenario, decision: int, launched: int = -1) -> set[str]:
    """Names of the endings that are true of one decision."""
    result = xr.Dataset(
        {
            "quality_true": (("replication", "variant"), [[v.quality for v in scenario.variants]]),
            "decision": ("replication", [decision]),
            "launched": ("replication", [launched]),
        }
    )
    found = endings(result, scenario)
    return {name for name in Endings._fields if getattr(found, name)[0]}


CHOICES: tuple[EvaluatorChoice, ...] = ("llm", "both")
RIGHT_LAUNCH = {"right", "right_launch"}

SLOW_BEST = [*variants(5.0), *variants(5.0, 6.0, latency_s=3.0)[1:], variants(5, 6, 5.5, latency_s=1.0)[2]]

# (what happened, changes of the scenario, decision, launched, what is true of it). The control is A, min_effect .2.
CLAUSES: list[tuple[str, dict[str, Any], int, int, set[str]]] = [
    ("launch of the best", {"variants": variants(5, 6, 5.5)}, LAUNCH, 1, RIGHT_LAUNCH),
    ("launch within min_effect of the best", {"variants": variants(5, 6, 5.85)}, LAUNCH, 2, RIGHT_LAUNCH),
    ("launch exactly min_effect below the best", {"variants": variants(5, 6, 5.8)}, LAUNCH, 2, RIGHT_LAUNCH),
    ("launch of the second best", {"variants": variants(5, 6, 5.7)}, LAUNCH, 2, {"wrong_stop"}),
    ("launch of a worse variant", {"variants": variants(5, 6, 4.5)}, LAUNCH, 2, {"wrong_stop", "false_launch"}),
    (
        "launch of a variant below the best control",
        {"variants": variants(5, 4)},
        LAUNCH,
        1,
        {"wrong_stop", "false_launch"},
    ),
    ("launch of an equal variant", {"variants": variants(5, 5)}, LAUNCH, 1, {"false_launch", "wrong_stop"}),
    ("control kept where it is the best", {"variants": variants(5, 4)}, KEEP_CONTROL, -1, {"right"}),
    ("control kept where it is beaten by little", {"variants": variants(5, 5.1)}, KEEP_CONTROL, -1, {"right"}),
    ("control kept where it is beaten", {"variants": variants(5, 5.3)}, KEEP_CONTROL, -1, {"wrong_stop"}),
    (
        "control kept where it is beaten by exactly min_effect",
        {"variants": variants(5, 5.2)},
        KEEP_CONTROL,
        -1,
        {"wrong_stop"},
    ),
    ("equivalent where all are close", {"variants": variants(5, 5.1, 4.95)}, STOP_EQUIVALENT, -1, {"right"}),
    ("equivalent where one is better", {"variants": variants(5, 5.3)}, STOP_EQUIVALENT, -1, {"wrong_stop"}),
    (
        "equivalent within a wider rope",
        {"variants": variants(5, 5.1), "rope": 0.05},
        STOP_EQUIVALENT,
        -1,
        {"wrong_stop"},
    ),
    ("ran out", {"variants": variants(5, 6)}, COLLECT, -1, {"undecided"}),
    ("lower is better: launch", {"variants": variants(5, 4), "higher_is_better": False}, LAUNCH, 1, RIGHT_LAUNCH),
    (
        "lower is better: false launch",
        {"variants": variants(5, 6), "higher_is_better": False},
        LAUNCH,
        1,
        {"wrong_stop", "false_launch"},
    ),
    (
        "lower is better: control kept",
        {"variants": variants(5, 6), "higher_is_better": False},
        KEEP_CONTROL,
        -1,
        {"right"},
    ),
    (
        "lower is better: control beaten",
        {"variants": variants(5, 4), "higher_is_better": False},
        KEEP_CONTROL,
        -1,
        {"wrong_stop"},
    ),
    (
        "the best is barred: launch of the next",
        {"variants": SLOW_BEST, "guardrails": [LATENCY]},
        LAUNCH,
        2,
        RIGHT_LAUNCH,
    ),
    (
        "launch of a barred variant",
        {"variants": SLOW_BEST[:2], "guardrails": [LATENCY]},
        LAUNCH,
        1,
        {"wrong_stop"},
    ),
    (
        "the best is barred: control kept",
        {"variants": SLOW_BEST[:2], "guardrails": [LATENCY]},
        KEEP_CONTROL,
        -1,
        {"right"},
    ),
    ("no control: launch of the best", {"variants": variants(5, 6), "control": None}, LAUNCH, 1, RIGHT_LAUNCH),
    (
        "no control: launch of the worst",
        {"variants": variants(5, 6), "control": None},
        LAUNCH,
        0,
        {"wrong_stop", "false_launch"},
    ),
    ("no control: equivalent", {"variants": variants(5, 5.1), "control": None}, STOP_EQUIVALENT, -1, {"right"}),
]


@pytest.mark.parametrize(
    ("name", "changes", "decision", "launched", "expected"), CLAUSES, ids=[name for name, *_ in CLAUSES]
)
def test_every_clause(name: str, changes: dict[str, Any], decision: int, launched: int, expected: set[str]) -> None:
    assert judged(small(**changes), decision, launched) == expected, name


@given(
    qualities=st.lists(st.integers(40, 60), min_size=2, max_size=4),
    decision=st.sampled_from([LAUNCH, KEEP_CONTROL, STOP_EQUIVALENT, COLLECT]),
    pick=st.integers(1, 3),
)
def test_laws_of_endings(qualities: list[int], decision: int, pick: int) -> None:
    scenario = small(variants=variants(*[q / 10 for q in qualities]))
    launched = pick % len(qualities) if decision == LAUNCH else -1
    found = judged(scenario, decision, launched)
    assert found, "every ending is judged"
    assert "right_launch" not in found or "right" in found
    assert ("undecided" in found) == (decision == COLLECT)
    if decision != COLLECT:
        assert found & {"right", "wrong_stop"}
    if decision == LAUNCH:
        assert ("right" in found) != ("wrong_stop" in found)
        assert ("false_launch" in found) == (qualities[launched] <= qualities[0])


def test_guardrails_are_about_true_means_and_never_bar_the_control() -> None:
    scenario = small(
        variants=[
            {"name": "A", "quality": 5, "latency_s": 9.0, "usd_per_call": 0.02},
            {"name": "B", "quality": 5, "latency_s": 1.0, "usd_per_call": 0.04},
            {"name": "C", "quality": 5, "latency_s": 2.0, "usd_per_call": 0.03},
            {"name": "D", "quality": 5, "latency_s": 2.1, "usd_per_call": 0.01},
        ],
        guardrails=[LATENCY, DOLLARS],
    )
    assert allowed_by_guardrails(scenario).tolist() == [True, False, True, False]
    assert allowed_by_guardrails(small()).all()


@given(wins=st.integers(0, 200), losses=st.integers(0, 200))
def test_a_share_has_the_error_of_agresti_and_coull(wins: int, losses: int) -> None:
    if wins + losses == 0:
        return
    found = estimate(np.array([True] * wins + [False] * losses))
    n, p = wins + losses + 4, (wins + 2) / (wins + losses + 4)
    assert found.value == pytest.approx(wins / (wins + losses))
    assert found.mcse == pytest.approx(math.sqrt(p * (1 - p) / n))
    assert found.mcse > 0


def test_a_mean_has_the_usual_error() -> None:
    found = estimate(np.array([1.0, 2.0, 6.0]))
    assert found.value == 3.0
    assert found.mcse == pytest.approx(math.sqrt(7.0 / 3))
    assert math.isnan(estimate(np.array([1.0])).mcse)


def test_characteristics_count_what_happened() -> None:
    scenario = small(variants=variants(5, 5.6, usd_per_call=0.1))
    result = run(scenario, strategy="sequential", replications=60, random_seed=1, history=False)
    found = characteristics(result, scenario)
    assert (found.strategy, found.evaluators, found.replications) == ("sequential", "both", 60)
    usd, right = [], []
    for r in range(60):
        one = result.isel(replication=r)
        usd.append(float(one["usd_rating"].sum()) + float(one["usd_generation"].sum()))
        right.append(int(one["decision"]) == LAUNCH and int(one["launched"]) == 1)
    assert found.usd.value == pytest.approx(np.mean(usd))
    assert found.usd.mcse == pytest.approx(np.std(usd, ddof=1) / math.sqrt(60))
    assert found.right.value == found.right_launch.value == pytest.approx(np.mean(right))
    assert found.looks.value == pytest.approx(result["stop_look"].values.mean())
    assert found.days.value == pytest.approx(result["days"].values.mean())
    assert found.ratings.value == pytest.approx(result["ratings"].values.sum(axis=1).mean())


def test_compare_lists_every_way_on_shared_numbers() -> None:
    scenario, seen = small(looks=2), list[int]()
    table = compare(
        scenario, evaluators=("llm", "both"), strategies=("ab", "bandit"), replications=30, progress=seen.append
    )
    assert [(row.strategy, row.evaluators) for row in table] == [
        ("ab", "llm"),
        ("ab", "both"),
        ("bandit", "llm"),
        ("bandit", "both"),
    ]
    assert seen == [30, 60, 90, 120]
    again = compare(scenario, evaluators=("both",), strategies=("ab",), replications=30)[0]
    assert again == table[1]
    assert table[0].usd.value < table[1].usd.value


def test_compare_takes_all_strategies_unless_told() -> None:
    rows = compare(small(looks=1), evaluators=("llm",), replications=4)
    assert [row.strategy for row in rows] == ["ab", "sequential", "bandit"]


def test_false_launches_are_counted_among_equal_variants() -> None:
    """One look, a flat prior and an exact metric: the rule P > .95 launches the only rival in 5 % of experiments."""
    metric = {"name": "m", "kind": "metric", "noise_sd": 1.0, "usd_per_rating": 0}
    scenario = small(
        looks=1,
        outputs_per_look=20,
        items={},
        variants=variants(5, 9, output_sd=0.0),
        evaluators=[metric],
        sd_variant=1e3,
    )
    found = false_launch_rate(scenario, replications=8_000, random_seed=3)
    assert abs(found.value - 0.05) < 4 * found.mcse
    looks = false_launch_rate(scenario.model_copy(update={"looks": 10}), replications=2_000, random_seed=3)
    assert looks.value > 0.12, "looking ten times launches more"


def test_the_picture_that_sells_it() -> None:
    """Dollars across, chance of the right pick up: the judge goes flat at its floor, judge and people go on rising."""
    judge = JUDGE | {"shift_sd": 0.3, "usd_per_rating": 0.001}
    scenario = small(
        evaluators=[judge, CROWD | {"taste_sd": 0.02, "raters": 8}], variants=variants(5.0, 5.25), min_effect=0.05,
        overlap=1.0, budget_usd=50.0, max_ratings=200, items={"count": 60}, sd_variant=0.5,
    )  # fmt: skip
    curves = {
        choice: learning_curve(scenario, evaluators=choice, replications=600, random_seed=2) for choice in CHOICES
    }
    for curve in curves.values():
        assert (curve["usd"].diff("look") > 0).all()
        assert (curve["mcse"] > 0).all()
    judge_alone, both = (curves[choice]["right"].values for choice in CHOICES)
    error = float(curves["llm"]["mcse"].max())
    late = judge_alone[judge_alone.size // 2 :]
    assert late.mean() > judge_alone[0], "rises first"
    assert np.ptp(late) < 4 * error, "and then goes flat"
    # Phi(.25 / (sqrt(2) .3 / .8)): how often the judge's taste leaves the truth standing, whatever the number of ratings.
    floor = 0.5 * (1 + math.erf(0.25 / (math.sqrt(2) * 0.3 / 0.8) / math.sqrt(2)))
    assert abs(judge_alone[-1] - floor) < 4 * error + 0.01
    assert abs(judges_floor(scenario, random_seed=5).value - floor) < 4 * math.sqrt(floor * (1 - floor) / 10_000)
    assert both[-1] > judge_alone[-1] + 0.15
    assert both[-1] > both[0] + 0.1


def test_the_floor_of_several_judges_is_that_of_their_weighted_mean() -> None:
    """Independent tastes average out in proportion to what each judge tells; a judge without a taste leaves no floor."""
    first, second = (
        JUDGE | {"name": "first", "shift_sd": 0.3},
        JUDGE | {"name": "second", "shift_sd": 0.2, "scale_use": 1.0},
    )
    scenario = small(evaluators=[first, second], variants=variants(5.0, 5.25), min_effect=0.05)
    told = (0.8 / 0.3) ** 2 + (1.0 / 0.2) ** 2
    expected = 0.5 * (1 + math.erf(0.25 / math.sqrt(2 / told) / math.sqrt(2)))
    assert abs(judges_floor(scenario, random_seed=1).value - expected) < 4 * math.sqrt(
        expected * (1 - expected) / 10_000
    )
    exact = JUDGE | {"name": "exact", "shift_sd": 0.0}
    assert judges_floor(small(evaluators=[first, exact], variants=variants(5.0, 5.25), min_effect=0.05)).value == 1.0


def test_a_learning_curve_needs_no_fixed_strategy() -> None:
    only = small(
        strategies={"bandit": {"allocation": {"policy": "thompson"}, "stopping": []}}, default_strategy="bandit"
    )
    assert learning_curve(only, replications=3)["right"].notnull().all()
