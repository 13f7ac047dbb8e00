"""Faults that a guardrail limits, such as hallucinations: drawn, counted, asked about, judged against the truth, and told in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from counted_scenario import counted
from small_scenario import small, variants

from expsim_bayes.experiment import Played, play, run
from expsim_bayes.facts import FaultFacts, Interval
from expsim_bayes.operating_characteristics import allowed_by_guardrails, endings
from expsim_bayes.recommend import of_experiment
from expsim_bayes.scenario import Scenario
from expsim_bayes.sentences import recommendation
from expsim_bayes.stopping import COLLECT, KEEP_CONTROL, LAUNCH, prob_breach_beta
from expsim_bayes.wording import said_faults

LIMIT: dict[str, Any] = {"rule": "guardrail", "metric": "fault_rate", "at_most_more": 0.05, "clear_at": 0.05}
SAFE, RISKY = 0.02, 0.2


def risky(**changes: Any) -> Scenario:
    """A much better variant that has ten times as many faults."""
    arms = variants(5.0, 7.0)
    arms[0]["fault_rate"], arms[1]["fault_rate"] = SAFE, RISKY
    return small(**({"variants": arms, "guardrails": [LIMIT], "looks": 6, "fault": "hallucinates"} | changes))


def passing() -> Scenario:
    """An outcome of another kind, with other shares."""
    plain = counted(0.5, 0.5)
    arms = [{**v.model_dump(), "fault_rate": rate} for v, rate in zip(plain.variants, (0.5, 0.01), strict=True)]
    return counted(variants=arms, strategies={"ab": {"decide": "end", "stopping": []}}, default_strategy="ab")


def counts(result: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and faults at the stop."""
    return result["outputs"].values, result["faults"].values


@pytest.mark.parametrize("pending", [0, 12])
def test_what_is_counted_is_what_the_check_found(pending: int) -> None:
    played = play(risky(pending_outputs=pending, guardrails=[]), random_seed=3)
    last = played.history.isel(replication=0, look=int(played.history["stop_look"][0]) - 1)
    found = played.operations.groupby("variant")["fault"].agg(["size", "sum"])
    waiting = last["under_way"].values if pending else np.zeros(2)
    np.testing.assert_array_equal(last["outputs"].values - waiting, found["size"])
    assert (last["faults"].values - found["sum"] <= waiting).all()
    assert pending or last["faults"].values.tolist() == found["sum"].tolist()


@pytest.mark.parametrize("scenario", [risky(guardrails=[]), passing()])
def test_faults_are_as_frequent_as_declared(scenario: Scenario) -> None:
    outputs, faults = counts(run(scenario, strategy="ab", replications=300, random_seed=2, history=False))
    rates = np.array([v.fault_rate for v in scenario.variants])
    n = outputs.sum(axis=0)
    assert (np.abs(faults.sum(axis=0) - n * rates) <= 4 * np.sqrt(n * rates * (1 - rates))).all()


def test_the_guardrail_decides_by_the_faults_that_were_counted() -> None:
    scenario = risky()
    result = run(scenario, replications=200, random_seed=4, history=False)
    outputs, faults = counts(result)
    over = prob_breach_beta(outputs, faults, rule=scenario.guardrails[0], control=0)[:, 1]
    barred = (result["decision"].values == KEEP_CONTROL) & (result["rule"].values == 0)
    np.testing.assert_array_equal(barred, over >= 0.95)
    assert barred.mean() > 0.8
    launched = result["decision"].values == LAUNCH
    assert (over[launched] <= 0.05).all()
    plain = run(risky(guardrails=[]), replications=200, random_seed=4, history=False)
    assert (plain["decision"].values == LAUNCH).mean() > 0.95, "without the limit it would be launched"


def test_a_safe_variant_is_launched_once_it_is_known_to_be_safe() -> None:
    arms = variants(5.0, 7.0, fault_rate=SAFE)
    safe = risky(variants=arms, looks=40)
    now, later = (
        run(s, replications=100, random_seed=4, history=False)
        for s in (safe.model_copy(update={"guardrails": ()}), safe)
    )
    assert (now["launched"] == 1).mean() > 0.95
    assert (later["launched"] == 1).mean() > 0.8
    assert later["stop_look"].mean() > now["stop_look"].mean() + 3


def test_the_same_faults_in_chunks_of_any_size() -> None:
    whole, parts = (run(risky(), replications=30, random_seed=5, chunk=size, history=False) for size in (30, 7))
    np.testing.assert_array_equal(whole["faults"], parts["faults"])


def test_variants_without_faults_have_no_record_of_them() -> None:
    assert "faults" not in run(small(), replications=2, random_seed=1)
    assert "fault" not in play(small(), random_seed=1).operations


def test_right_is_judged_by_the_true_shares() -> None:
    scenario = risky()
    assert allowed_by_guardrails(scenario).tolist() == [True, False]
    near = risky(
        variants=[
            {**v.model_dump(), "fault_rate": rate} for v, rate in zip(scenario.variants, (0.02, 0.07), strict=True)
        ]
    )
    assert allowed_by_guardrails(near).tolist() == [True, True], "the limit itself is allowed"
    absolute = risky(guardrails=[{"rule": "guardrail", "metric": "fault_rate", "at_most": 0.1}])
    assert allowed_by_guardrails(absolute).tolist() == [True, False]
    ended = xr.Dataset(
        {
            "quality_true": (("replication", "variant"), [[5.0, 7.0]] * 2),
            "decision": ("replication", [LAUNCH, KEEP_CONTROL]),
            "launched": ("replication", [1, -1]),
        }
    )
    found = endings(ended, scenario)
    assert found.right.tolist() == [False, True]
    assert found.wrong_stop.tolist() == [True, False]


def test_where_nothing_differs_faults_do_not_either() -> None:
    assert [v.fault_rate for v in risky().without_difference().variants] == [SAFE, SAFE]


@pytest.fixture(scope="module")
def played() -> Played:
    return play(risky(), random_seed=1)


def test_words_say_how_often_and_against_which_limit(played: Played) -> None:
    facts = of_experiment(played)
    outputs, faults = (values[0, int(played.history["stop_look"][0]) - 1] for values in counts(played.history))
    share = (faults + 1) / (outputs + 2)
    told = recommendation(facts)
    assert told.headline == "Keep A"
    assert "B breaks the limit on faults" in told.what_to_do
    more = (
        f"B hallucinates in {100 * share[1]:.1f} % of its outputs, {100 * (share[1] - share[0]):.1f} points more than A"
    )
    assert f"{more}: over the limit of 5 (probability " in told.how_sure
    assert "best of all" not in told.how_sure, "whoever is alone is no winner"


def test_an_experiment_that_waits_for_the_check_says_so() -> None:
    result = run(risky(looks=3), replications=30, random_seed=4, history=False)
    assert (result["decision"].values[0], result["rule"].values[0]) == (COLLECT, -1)
    told = recommendation(of_experiment(play(risky(looks=3), random_seed=4)))
    assert told.headline == "Undecided: check more outputs of B"
    assert "not known to be within the limit on faults. Until then keep A." in told.what_to_do


def test_words_of_a_share_within_its_limit(played: Played) -> None:
    facts = of_experiment(played)
    found = FaultFacts("errs", Interval(0.013, 0.01, 0.02), -0.002, 0.02, against_control=True, prob_over=0.0123)
    changed = tuple(replace(v, faults=found) for v in facts.variants)
    told = said_faults(replace(facts, variants=changed))
    assert (
        told
        == "B errs in 1.3 % of its outputs, 0.2 points less than A: within the limit of 2 (probability of being over it 1.2 %)."
    )
    alone = replace(found, more=None, against_control=False)
    told = said_faults(replace(facts, variants=tuple(replace(v, faults=alone) for v in facts.variants)))
    assert told.startswith("B errs in 1.3 % of its outputs: within the limit of 2 % (")
    assert said_faults(replace(facts, variants=tuple(replace(v, faults=None) for v in facts.variants))) == ""
