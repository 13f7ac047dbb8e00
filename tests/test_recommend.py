"""Facts of experiments and fits: what is gathered is what was computed elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from expsim_bayes.diagnostics import gate
from expsim_bayes.experiment import play
from expsim_bayes.facts import Facts
from expsim_bayes.fit import fit
from expsim_bayes.planning import pairing_gain
from expsim_bayes.posterior import beliefs
from expsim_bayes.posterior.fitted import components_of
from expsim_bayes.ratings import code, validate
from expsim_bayes.recommend import of_experiment
from expsim_bayes.recommend.fit import PROVENANCE, of_fit
from expsim_bayes.scenario import Scenario, load
from expsim_bayes.sentences import recommendation

if TYPE_CHECKING:
    from expsim_bayes.ratings import Ratings


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
    tree = fit(ratings, engine="fast", draws=1000, random_seed=1)
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


def test_a_difference_that_is_sure_and_does_not_matter_launches_nobody() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (variant, f"i{item}", f"p{rater}", 3.0 + better + easy + rng.normal(0, 0.15))
        for item, easy in enumerate(rng.normal(0, 0.4, 100))
        for variant, better in (("A", 0.0), ("B", 0.1))
        for rater in range(3)
    ]
    table = pd.DataFrame(rows, columns=["variant", "item", "rater", "score"])
    ratings = validate(table, score_range=(0, 7), control="A")
    tree = fit(ratings, engine="fast", draws=500, min_effect=0.4, ci_prob=0.8)
    facts = of_fit(tree, ratings, plan_further=False)
    assert facts.variant("B").prob_best > 0.95
    assert (facts.min_effect, facts.ci_prob) == (0.4, 0.8)  # as the fit remembers
    assert facts.decision.name == "stop_equivalent"
    assert of_fit(tree, ratings, min_effect=0.0, plan_further=False).decision.name == "launch"


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
    tree = fit(ratings, engine="fast", draws=100, random_seed=1)
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


VARIANTS = ("new", "old")


def told_by_draws(
    quality: np.ndarray, *, model: str, unit: str, higher_is_better: bool = True, extra: xr.Dataset | None = None
) -> xr.DataTree:
    """A fit of a model of the family with these draws of quality, (draw, variant), that passes the gate."""
    names = list(VARIANTS)
    rng = np.random.default_rng(5)
    values = quality.reshape(4, -1, 2)
    posterior = xr.Dataset({"quality": (("chain", "draw", "variant"), values)}, coords={"variant": names})
    if extra is not None:
        posterior = posterior.merge(extra)
    prior = xr.Dataset(
        {"quality": (("chain", "draw", "variant"), rng.uniform(size=(1, 500, 2)))}, coords={"variant": names}
    )
    moving = xr.Dataset({"quality_estimated": (("variant",), (np.ptp(quality, axis=0) > 0).astype(int))})
    stats_of = xr.Dataset(
        {
            "diverging": (("chain", "draw"), np.zeros(values.shape[:2], dtype=bool)),
            "energy": (("chain", "draw"), rng.normal(size=values.shape[:2])),
        }
    )
    tree = xr.DataTree.from_dict(
        {"posterior": posterior, "prior": prior, "sample_stats": stats_of, "constant_data": moving}
    )
    tree.attrs = {
        "model": model, "unit": unit, "effects_unit": "logits", "higher_is_better": str(higher_is_better).lower(),
        "priors": '{"sd_variant": 1.0}', "terms": '["Something was merged."]', **dict.fromkeys(PROVENANCE.values(), "{}"),
    }  # fmt: skip
    tree.attrs["verdict"] = gate(tree).to_json()
    return tree


def comparisons() -> Ratings:
    import pandas as pd

    rows = pd.DataFrame(
        {"variant_left": "old", "variant_right": "new", "item": [str(n) for n in range(40)], "rater": "ann"}
    )
    rows["outcome"] = ["right"] * 28 + ["left"] * 8 + ["tie"] * 4
    return validate(rows, control="old")


def calls() -> Ratings:
    import pandas as pd

    rng = np.random.default_rng(2)
    rows = [{"variant": v, "item": str(i), "cost": rng.gamma(2.0, 0.001)} for v in VARIANTS for i in range(30)]
    return validate(pd.DataFrame(rows), control="old")


@pytest.fixture(autouse=True)
def no_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws that are made up have no predictions to check."""
    from expsim_bayes import predictive
    from expsim_bayes.recommend import fit as recommending

    real = predictive.check_predictions

    def checks(tree: xr.DataTree, **settings: Any) -> Any:
        return real(tree, **settings) if "posterior_predictive" in tree.children else ()

    monkeypatch.setattr(recommending, "check_predictions", checks)


def test_a_preference_says_on_how_many_items_a_variant_wins() -> None:
    rng = np.random.default_rng(1)
    quality = np.stack([rng.normal(0.68, 0.04, 4000), np.full(4000, 0.5)], axis=1)
    facts = of_fit(told_by_draws(quality, model="preference", unit="share"), comparisons(), min_effect=0.02)
    assert (facts.decision.name, facts.decision.variant, facts.unit, facts.rated) == (
        "launch",
        "new",
        "share",
        "comparison",
    )
    said = recommendation(facts)
    assert "Variant new beats old on 68." in said.how_sure
    assert re.search(r"95 % interval 6\d\.\d % to 7\d\.\d %", said.how_sure)
    assert "It rests on 40 comparisons" in said.price
    assert "percentage points" in said.unknown
    assert facts.fit is not None
    assert [(p.name, p.mean) for p in facts.fit.plain_means] == [("new", 0.75), ("old", 0.5)]
    assert [f.label for f in facts.further] == ["comparisons by the same raters"]


def test_the_kind_of_rating_fixes_the_direction_where_the_ratings_say_another() -> None:
    """Cheaper calls win although nobody said that lower is better."""
    rng = np.random.default_rng(1)
    quality = np.stack([rng.normal(0.002, 0.0002, 4000), rng.normal(0.004, 0.0002, 4000)], axis=1)
    facts = of_fit(told_by_draws(quality, model="operations", unit="dollars", higher_is_better=False), calls())
    assert (facts.leader, facts.decision.variant, facts.higher_is_better) == ("new", "new", False)
    said = recommendation(facts)
    assert "Variant new costs $0.002 less a call than old" in said.how_sure
    assert "nobody had to rate" in said.price
    assert facts.evaluators == ()
    assert facts.usd is None


def test_what_a_model_tells_beside_quality_is_shown() -> None:
    rng = np.random.default_rng(1)
    quality = rng.normal(0.7, 0.05, (4000, 2))
    extra = xr.Dataset(
        {"sensitivity": (("chain", "draw", "evaluator"), rng.normal(0.8, 0.05, (4, 1000, 2)))},
        coords={"evaluator": ["human", "judge"]},
    )
    tree = told_by_draws(quality, model="preference", unit="share", extra=extra)
    facts = of_fit(tree, comparisons())
    assert facts.fit is not None
    (found,) = facts.fit.measures
    assert [name for name, _ in found.rows] == ["human", "judge"]
    assert found.unit == "share"
    assert found.rows[0][1].low < 0.8 < found.rows[0][1].high


def test_more_of_the_same_keeps_what_the_judge_likes() -> None:
    """Judges alone: quality is known up to the judge's taste, and no further rating by the judge tells them apart."""
    rng = np.random.default_rng(3)
    taste = rng.normal(0.0, 0.05, (4000, 2))
    quality = np.array([0.55, 0.5]) + rng.normal(0.0, 0.01, (4000, 2)) - taste
    extra = xr.Dataset(
        {"shift": (("chain", "draw", "evaluator", "variant"), taste.reshape(4, 1000, 1, 2))},
        coords={"evaluator": ["judge"], "variant": list(VARIANTS)},
    )
    tree = told_by_draws(quality, model="preference", unit="share", extra=extra)
    table = comparisons().table.assign(kind="llm", rater="judge").drop(columns="evaluator")
    facts = of_fit(tree, validate(table, control="old"))
    (further,) = facts.further
    assert further.floor > 0.9
    assert further.ratings is None
    assert facts.variant("new").effect is not None
    assert facts.evaluators[0].shift_sd == pytest.approx(0.05, rel=0.1)
    assert "cannot be told from quality" in recommendation(facts).unknown


def test_plain_means_of_classes_are_shares_of_good_labels() -> None:
    import pandas as pd

    rows = pd.DataFrame(
        {"variant": ["old", "new"] * 4, "item": list("aabbccdd"), "rater": "x", "score": [1, 3, 2, 3, 3, 3, 2, 1]}
    )
    quality = np.random.default_rng(1).normal([0.7, 0.3], 0.05, (4000, 2))
    tree = told_by_draws(quality, model="classes", unit="share")
    good = xr.Dataset({"good_of": ("said", [0, 1, 1])}, coords={"said": ["1", "2", "3"]})
    tree["constant_data"] = xr.DataTree(good)
    facts = of_fit(tree, validate(rows, control="old"))
    assert facts.fit is not None
    assert {plain.name: plain.mean for plain in facts.fit.plain_means} == {"old": 0.75, "new": 0.75}


def test_a_table_without_variants_is_told_to_name_them() -> None:
    import pandas as pd

    rows = pd.DataFrame({"item": list("aabbcc"), "rater": ["x", "y"] * 3, "score": [1, 1, 2, 2, 3, 2]})
    ratings = validate(rows, compare=False)
    quality = np.random.default_rng(1).normal(0.7, 0.05, (4000, 2))
    tree = told_by_draws(quality, model="classes", unit="share")
    tree = tree.assign({})  # a copy of the tree with a single, unnamed variant
    tree["posterior"] = xr.DataTree(tree["posterior"].to_dataset().isel(variant=[0]).assign_coords(variant=["all"]))
    facts = of_fit(tree, ratings)
    assert facts.variants == ()
    assert facts.decision.name == "collect"
    said = recommendation(facts)
    assert said.headline == "Nothing to compare: no variants are named"
    assert not re.search(r"\d %", said.text())
