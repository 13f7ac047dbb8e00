"""Facts of experiments and fits: what is gathered is what was computed elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from expsim_bayes.experiment import play
from expsim_bayes.facts import Facts
from expsim_bayes.fit import fit
from expsim_bayes.planning import pairing_gain
from expsim_bayes.posterior import beliefs
from expsim_bayes.posterior.fitted import components_of
from expsim_bayes.ratings import code, validate
from expsim_bayes.recommend import of_experiment
from expsim_bayes.recommend.fit import of_fit
from expsim_bayes.scenario import Scenario, load
from expsim_bayes.sentences import recommendation


def test_an_experiments_facts_are_those_of_its_history() -> None:
    played = play(load("support-chat-tone"), random_seed=5)
    facts = of_experiment(played, plan_further=False)
    end = played.history.isel(replication=0, look=int(played.history["stop_look"][0]) - 1)
    for v in facts.variants:
        at = end.sel(variant=v.name)
        assert v.quality.mean == pytest.approx(float(at["quality_mean"]))
        assert v.prob_best == pytest.approx(float(at["prob_best"]))
        assert v.outputs == int(at["outputs"])
        half = float(stats.norm.ppf(0.975) * at["quality_sd"])
        assert v.quality.high - v.quality.mean == pytest.approx(half)
    table = played.ratings.table
    assert facts.ratings == len(table)
    assert facts.usd == pytest.approx(float(end["usd_rating"].sum() + end["usd_generation"].sum()))
    for e in facts.evaluators:
        assert e.ratings == (table["evaluator"] == e.name).sum()


def test_the_gain_of_pairing_is_the_ratio_of_variances_of_a_difference() -> None:
    components = beliefs(load("summarization-prompts"))
    rest = 0.25**2 + 0.2**2 + 0.6**2 + 0.6**2
    assert pairing_gain(components) == pytest.approx((rest + 0.5**2) / rest)


@pytest.fixture(scope="module")
def fitted() -> tuple[Facts, Facts]:
    """A fit of simulated ratings by judge and people, and its facts with a control and without."""
    scenario = load("summarization-prompts").model_copy(update={"looks": 4})
    ratings = play(scenario, strategy="ab", random_seed=7).ratings
    tree = fit(ratings, draws=1000, tune=700, random_seed=1)
    facts = of_fit(tree, ratings, min_effect=0.1, prices={"judge": 0.0004, "crowd": 0.3})
    without = of_fit(tree, replace(ratings, control=None), plan_further=False)
    components = components_of(tree, code(ratings))
    assert components.scale[components.reference] == 1.0
    return facts, without


def test_a_fit_recovers_who_is_better_and_says_what_it_rests_on(fitted: tuple[Facts, Facts]) -> None:
    facts, _ = fitted
    better = facts.variant("B")
    assert facts.leader == "B"
    assert better.effect is not None
    assert better.effect.low < 0.35 < better.effect.high
    assert facts.fit is not None
    assert [name for name, _ in facts.fit.scale_use] == ["judge"]
    use = facts.fit.scale_use[0][1]
    assert use.low < 0.8 < use.high
    assert len(facts.fit.raters) == 8
    assert {judge for judge, _, _ in facts.fit.shifts} == {"judge"}
    assert len(facts.fit.shift_scenarios) == 2
    assert facts.fit.checks


def test_prices_give_the_dollars_of_a_fit(fitted: tuple[Facts, Facts]) -> None:
    facts, without = fitted
    assert facts.usd == pytest.approx(
        sum(e.ratings * {"judge": 0.0004, "crowd": 0.3}[e.name] for e in facts.evaluators)
    )
    assert without.usd is None


def test_without_a_control_the_leader_is_compared_with_the_runner_up(fitted: tuple[Facts, Facts]) -> None:
    assert fitted[1].baseline == "A"
    assert fitted[1].control is None


def test_a_larger_taste_of_judges_makes_the_difference_less_certain(fitted: tuple[Facts, Facts]) -> None:
    assert fitted[0].fit is not None
    half, twice = (
        lead / stats.norm.ppf(prob) for _, lead, prob in fitted[0].fit.shift_scenarios
    )  # SDs of the difference
    assert twice > half


def test_plain_means_are_those_of_the_reference(fitted: tuple[Facts, Facts]) -> None:
    facts, _ = fitted
    assert facts.fit is not None
    assert {p.name for p in facts.fit.plain_means} == {"A", "B"}
    assert sum(p.prob_best for p in facts.fit.plain_means) == pytest.approx(1.0)


def test_variants_without_a_common_item_or_rater_are_not_ranked() -> None:
    rng = np.random.default_rng(0)
    rows = [
        {"variant": v, "item": f"{v}{i}", "rater": f"{v} rater", "score": rng.normal(3, 1)}
        for v in "AB"
        for i in range(30)
    ]
    import pandas as pd

    ratings = validate(pd.DataFrame(rows))
    tree = fit(ratings, draws=100, tune=200, random_seed=1)
    facts = of_fit(tree, ratings, plan_further=False)
    assert facts.decision.name == "refuse"
    assert "cannot be ranked" in facts.decision.reason or (facts.fit is not None and facts.fit.verdict == "refuse")


def test_a_forecast_leaves_out_the_variant_that_a_limit_bars() -> None:
    """The best variant is far too dear: counted as one that could be launched, it would settle everything at once."""
    rules = [{"rule": "superiority", "threshold": 0.985}, {"rule": "equivalence", "threshold": 0.9}]
    declared = {
        "name": "limits",
        "title": "A dear favourite",
        "score_range": [1, 5],
        "control": "plain",
        "min_effect": 0.15,
        "rope": 0.15,
        "looks": 10,
        "outputs_per_look": 90,
        "budget_usd": 50.0,
        "items": {"sd": 0.5, "interaction_sd": 0.25},
        "guardrails": [{"rule": "guardrail", "metric": "cost_usd", "at_most_ratio": 2.0}],
        "variants": [
            {"name": "plain", "quality": 3.2, "usd_per_call": 0.001},
            {"name": "structured", "quality": 3.25, "usd_per_call": 0.001},
            {"name": "chatty", "quality": 4.2, "usd_per_call": 0.01},
        ],
        "evaluators": [{"name": "people", "kind": "human", "raters": 10, "noise_sd": 0.8, "usd_per_rating": 0.5}],
        "strategies": {"sequential": {"stopping": rules}},
    }
    facts = of_experiment(play(Scenario.model_validate(declared), random_seed=1))
    assert facts.decision.name == "collect"
    assert facts.decision.limit == "budget"
    assert [v.name for v in facts.variants if not v.allowed] == ["chatty"]
    assert facts.further
    assert all(f.ratings is None or f.ratings > 20 for f in facts.further)
    assert "Leaving out chatty" in recommendation(facts).how_sure
