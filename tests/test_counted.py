"""Experiments with a binary outcome, larger first looks, outputs under way, and variants that are dropped.

Stochastic assertions use fixed seeds and |z| <= 4 (6e-5 each if the seed were new).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from counted_scenario import PLAIN_TEST, counted
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy import stats
from small_scenario import small, variants

from expsim_bayes.experiment import play, run
from expsim_bayes.operating_characteristics import learning_curve
from expsim_bayes.posterior import KnownCounts
from expsim_bayes.posterior.counts import init, moments, update
from expsim_bayes.recommend import of_experiment
from expsim_bayes.scenario import Scenario
from expsim_bayes.simulate import Streams, plan, story_of
from expsim_bayes.stopping import COLLECT, LAUNCH, STOP_EQUIVALENT

Array = NDArray[Any]
SEED = 20_263
MATCHING: dict[str, Any] = {"policy": "probability_matching", "power": 1.0, "floor": 0.2}
ENDLESS: dict[str, Any] = {"bandit": {"allocation": MATCHING, "stopping": []}}
DROPPING: list[dict[str, Any]] = [
    {"rule": "inferiority"},
    {"rule": "superiority", "threshold": 0.9},
    {"rule": "equivalence", "threshold": 0.9},
]


# -------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"score_range": [0, 5]}, r"score_range: is 0 to 5.*use \[0, 1\]"),
        ({"evaluators": [PLAIN_TEST | {"noise_sd": 0.1}]}, r"evaluators.test.noise_sd: is not modelled.*leave it out"),
        ({"evaluators": [PLAIN_TEST | {"shift_sd": 0.1}]}, r"evaluators.test.shift_sd: who never errs has no taste"),
        ({"evaluators": [PLAIN_TEST | {"shift": {"A": 0.1}}]}, r"evaluators.test.shift.A: who never errs has no taste"),
        ({"evaluators": [PLAIN_TEST | {"scale_use": 0.9}]}, r"evaluators.test.scale_use: is not modelled"),
        ({"evaluators": [PLAIN_TEST | {"ratings_per_output": 2}]}, r"test.ratings_per_output: is 2.*never errs"),
        ({"evaluators": [PLAIN_TEST | {"severity_mean": 0.1}]}, r"evaluators.test.severity_mean: is not modelled"),
        (
            {"evaluators": [PLAIN_TEST | {"kind": "llm"}]},
            r"evaluators.test.sensitivity: is missing.*judge errs.*metric",
        ),
        (
            {"evaluators": [PLAIN_TEST, PLAIN_TEST | {"name": "two"}]},
            r"evaluators: test, two never err.*keep one",
        ),
        ({"items": {"sd": 0.1}}, r"items.sd: is not modelled"),
        ({"items": {"interaction_sd": 0.1}}, r"items.interaction_sd: is not modelled"),
        ({"variants": variants(0.4, 0.5)}, r"variants.A.output_sd: is not modelled"),
        ({"sd_variant": 0.1}, r"sd_variant: is not modelled"),
        ({"clip_to_range": True}, r"clip_to_range: is not modelled"),
        ({"rate_prior": [0.5, 1]}, r"rate_prior: parameters below 1.*\[1, 1\]"),
        ({"pending_outputs": 25}, r"pending_outputs: 25 are more than the 24 of a look"),
        ({"outcome": "verdict"}, r"score.*binary"),
    ],
)
def test_what_a_binary_outcome_does_not_have_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        counted(**changes)


def test_scores_need_noise_and_have_no_prior_of_rates() -> None:
    silent = {"name": "judge", "kind": "llm", "usd_per_rating": 0.1}
    with pytest.raises(ValidationError, match=r"evaluators.judge.noise_sd: is missing.*give its SD in points"):
        small(evaluators=[silent])
    with pytest.raises(ValidationError, match=r"rate_prior: belongs to outcome"):
        small(rate_prior=[2, 1])


def test_shares_of_a_look_must_fit_the_items() -> None:
    paired = {"assignment": "paired", "default_strategy": "sequential"}
    for key in ("first_look_outputs", "pending_outputs"):
        with pytest.raises(ValidationError, match=rf"{key}: 7 cannot be shared out in 2s.*use 8"):
            counted(**paired, **{key: 7})


def test_inferiority_needs_a_policy_that_can_leave_a_variant_out() -> None:
    fixed = {"sequential": {"stopping": DROPPING}}
    with pytest.raises(ValidationError, match=r"strategies.sequential.stopping: inferiority.*power = 0"):
        counted(0.4, 0.5, 0.6, rope=0.1, strategies=fixed, default_strategy="sequential")
    paired = {"bandit": {"assignment": "paired", "allocation": MATCHING, "stopping": DROPPING}}
    with pytest.raises(ValidationError, match="goes on serving them"):
        counted(0.4, 0.5, 0.6, rope=0.1, strategies=paired, variants_per_item=3)
    assert counted(0.4, 0.5, 0.6, rope=0.1, strategies=paired, variants_per_item=2).outputs_per_item("bandit") == 2


# ------------------------------------------------------------------------------------------- the story and the posterior


def test_successes_come_at_the_rates() -> None:
    scenario = counted(0.2, 0.7, outputs_per_look=400)
    story = story_of(scenario, Streams(SEED, 0, 200))
    half = np.arange(400)[None, :, None] % 2
    seen = story.look(plan(scenario, "bandit", 0), half, look=0).score
    assert set(np.unique(seen)) == {0.0, 1.0}
    for v, rate in enumerate((0.2, 0.7)):
        mean = seen[:, v::2].mean()
        assert abs(mean - rate) <= 4 * np.sqrt(rate * (1 - rate) / seen[:, v::2].size)


def test_rates_of_the_prior_have_its_distribution() -> None:
    scenario = counted(rate_prior=[2.0, 5.0])
    rates = story_of(scenario, Streams(SEED, 0, 4_000), truth="prior").truth.quality
    assert stats.kstest(rates.ravel(), stats.beta(2, 5).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(rates[:, 0], rates[:, 1])[1, 0].item()) < 4 / np.sqrt(4_000)


def test_counts_are_counted() -> None:
    rng = np.random.default_rng(1)
    variant, success = rng.integers(0, 3, (5, 40)), rng.integers(0, 2, (5, 40)).astype(float)
    found = update(init((1.5, 2.0), 5, 3), variant, success)
    for r in range(5):
        for v in range(3):
            mine = success[r, variant[r] == v]
            assert found.successes[r, v] == 1.5 + mine.sum()
            assert found.failures[r, v] == 2.0 + (1 - mine).sum()
    mean, variance = moments(found)
    exact = stats.beta(found.successes, found.failures)
    np.testing.assert_allclose(mean, exact.mean())
    np.testing.assert_allclose(variance, exact.var())


def test_every_look_of_one_experiment_against_its_ratings() -> None:
    """The posterior of each look is the Beta of the ratings up to it, and prob_best that of draws from it."""
    scenario = counted(0.3, 0.45, 0.5, rate_prior=[2.0, 3.0], strategies=ENDLESS, first_look_outputs=48)
    played = play(scenario, random_seed=SEED)
    table, history = played.ratings.table, played.history.isel(replication=0)
    assert played.ratings.score_range == (0.0, 1.0)
    assert table["look"].value_counts().sort_index().tolist() == [48, 24, 24, 24]
    rng = np.random.default_rng(5)
    for look in range(1, 5):
        seen = table[table["look"] <= look]
        now = history.sel(look=look)
        a = np.array([2 + seen.loc[seen["variant"] == name, "score"].sum() for name in "ABC"])
        b = np.array([3 + (1 - seen.loc[seen["variant"] == name, "score"]).sum() for name in "ABC"])
        variance = np.asarray(stats.beta.var(a, b))
        np.testing.assert_allclose(now["quality_mean"], stats.beta.mean(a, b))
        np.testing.assert_allclose(now["quality_sd"], stats.beta.std(a, b))
        np.testing.assert_allclose(now["effect_sd"][1:], np.sqrt(variance[1:] + variance[0]))
        best = np.bincount(rng.beta(a, b, (200_000, 3)).argmax(axis=1)) / 200_000
        np.testing.assert_allclose(now["prob_best"], best, atol=4 * 0.5 / np.sqrt(200_000))
        np.testing.assert_allclose(now["outputs"], [(seen["variant"] == name).sum() for name in "ABC"])
    assert isinstance(played.known, KnownCounts)
    np.testing.assert_allclose(played.known.state.successes[0], a)


@pytest.mark.parametrize("pending", [0, 24])
def test_the_posterior_is_right_where_it_stops(pending: int) -> None:
    """Rates drawn from the prior have uniform ranks in their posteriors at the stop, whatever stopped it."""
    scenario = counted(
        0.5, 0.5, 0.5, rope=0.1, rate_prior=[2.0, 2.0], looks=8, pending_outputs=pending,
        strategies={"bandit": {"allocation": MATCHING, "stopping": DROPPING}},
    )  # fmt: skip
    result = run(scenario, replications=4_000, random_seed=SEED, truth="prior", history=False, latents=True)
    assert len(np.unique(result["stop_look"])) == 8
    mean, sd, true = (result[f"latent_{name}"].values for name in ("mean", "sd", "true"))
    total = mean * (1 - mean) / sd**2 - 1
    ranks = stats.beta.cdf(true, mean * total, (1 - mean) * total)
    for v in range(3):
        assert stats.kstest(ranks[:, v], "uniform").pvalue > 1e-3


def test_the_same_numbers_in_any_chunks() -> None:
    scenario = counted(
        0.4, 0.5, 0.6, rope=0.1, pending_outputs=12, first_look_outputs=36,
        strategies={"bandit": {"allocation": MATCHING, "stopping": DROPPING}},
    )  # fmt: skip
    whole, parts = (run(scenario, replications=20, random_seed=2, chunk=chunk, latents=True) for chunk in (20, 3))
    xr.testing.assert_allclose(whole, parts, rtol=1e-12)


def test_people_may_see_outcomes_too() -> None:
    crowd = {"name": "crowd", "kind": "human", "raters": 3, "usd_per_rating": 0.2}
    people, test = (play(counted(evaluators=[who]), random_seed=1) for who in (crowd, PLAIN_TEST))
    assert people.ratings.table["rater"].nunique() == 3
    np.testing.assert_array_equal(people.ratings.table["score"], test.ratings.table["score"])
    assert float(people.history["usd_rating"].max()) > float(test.history["usd_rating"].max())


def test_a_learning_curve_knows_no_delay() -> None:
    curve = learning_curve(counted(0.2, 0.8, pending_outputs=24, first_look_outputs=48), replications=50)
    calm = learning_curve(counted(0.2, 0.8), replications=50)
    xr.testing.assert_allclose(curve, calm)
    assert float(curve["right"][-1]) > 0.95


def test_a_paired_design_shows_every_item_to_all() -> None:
    played = play(counted(0.4, 0.6, assignment="paired", default_strategy="sequential"), random_seed=1)
    assert (played.ratings.table.groupby("item")["variant"].nunique() == 2).all()


# ------------------------------------------------------------------------------------------------- outputs under way


def test_outputs_under_way_are_shared_out_by_what_the_look_before_showed() -> None:
    """With all of a look under way, its shares follow the probabilities of two looks ago, and not those of the last."""
    scenario = counted(0.2, 0.5, 0.8, pending_outputs=24, looks=3, strategies=ENDLESS)
    result = run(scenario, replications=3_000, random_seed=SEED)
    outputs, best = result["outputs"].values, result["prob_best"].values
    under_way = result["under_way"].values
    np.testing.assert_array_equal(outputs.sum(axis=2)[0], [48, 72, 72])
    np.testing.assert_array_equal(under_way.sum(axis=2)[0], [24, 24, 0])
    policy = scenario.strategies["bandit"].allocation
    second, third = under_way[:, 0], under_way[:, 1]
    assert abs(second.mean(axis=0) - 8).max() <= 4 * np.sqrt(24 * (1 / 3) * (2 / 3) / 3_000)
    expected = policy.probabilities(best[:, 0], 2)
    z = (third - 24 * expected) / np.sqrt(24 * expected * (1 - expected))
    assert abs(z.mean(axis=0)).max() <= 4 / np.sqrt(3_000)
    assert abs((z**2).mean(axis=0) - 1).max() <= 4 * np.sqrt(2.2 / 3_000)
    later = policy.probabilities(best[:, 1], 2)
    wrong = (third - 24 * later) / np.sqrt(24 * later * (1 - later))
    assert ((wrong**2).mean(axis=0) - 1).max() > 0.3


def test_a_part_of_a_look_under_way() -> None:
    scenario = counted(0.2, 0.8, pending_outputs=6, looks=2, strategies=ENDLESS)
    first = run(scenario, replications=2_000, random_seed=SEED)
    outputs, best = first["outputs"].values, first["prob_best"].values
    chosen = outputs[:, 1] - (outputs[:, 0] - first["under_way"].values[:, 0])
    share = scenario.strategies["bandit"].allocation.probabilities(best[:, 0], 2)
    expected, variance = 6 * 0.5 + 18 * share, 6 * 0.25 + 18 * share * (1 - share)
    z = (chosen - expected)[:, 0] / np.sqrt(variance[:, 0])
    assert abs(z.mean()) <= 4 / np.sqrt(2_000)


@pytest.mark.parametrize(
    "scenario",
    [
        counted(0.4, 0.6, pending_outputs=24, looks=6),
        small(pending_outputs=24, looks=6, variants=variants(5.0, 5.3, usd_per_call=0.1)),
    ],
)
def test_what_is_under_way_is_paid_but_not_seen(scenario: Scenario) -> None:
    """All that a later look shows of outputs, ratings, dollars and seconds was committed in part before."""
    waiting = scenario.model_copy(update={"default_strategy": "bandit"})
    played = play(waiting, random_seed=4)
    history = played.history.isel(replication=0)
    stop = int(history["stop_look"])
    seen = played.ratings.table["look"].value_counts().sort_index().cumsum().to_numpy()
    ratings = history["ratings"].sum("evaluator").to_numpy()[:stop]
    outputs = history["outputs"].sum("variant").to_numpy()[:stop]
    under_way = history["under_way"].sum("variant").to_numpy()[:stop]
    np.testing.assert_array_equal(outputs - under_way, 24 * np.arange(1, stop + 1))
    assert (under_way == np.where(np.arange(1, stop + 1) < 6, 24, 0)).all()
    assert (ratings >= seen).all()
    assert (ratings > seen).sum() == (under_way > 0).sum()
    calm = play(waiting.model_copy(update={"pending_outputs": 0}), random_seed=4)
    first = calm.history.isel(replication=0, look=0)
    assert float(history["usd_generation"][0].sum()) > float(first["usd_generation"].sum())
    assert float(history["days"][0]) == pytest.approx(float(first["days"]))


def test_what_is_committed_at_the_end_is_what_was_spent() -> None:
    """Without an early stop, waiting changes when things are paid and not how much: equal shares, the same random numbers."""
    equal = {"bandit": {"allocation": {"policy": "probability_matching", "power": 0.0}, "stopping": []}}
    waiting, calm = (
        run(counted(0.4, 0.6, pending_outputs=pending, strategies=equal), replications=50, random_seed=SEED)
        for pending in (12, 0)
    )
    for name in ("outputs", "ratings", "usd_rating", "usd_generation", "seconds", "days", "quality_mean", "prob_best"):
        np.testing.assert_allclose(waiting[name].isel(look=-1), calm[name].isel(look=-1), rtol=1e-12, err_msg=name)
    assert (waiting["outputs"].isel(look=0).sum("variant") == 36).all()


@pytest.mark.parametrize("pending", [0, 12, 24])
def test_limits_hold_with_outputs_under_way(pending: int) -> None:
    endless = {"bandit": {"allocation": MATCHING, "stopping": []}}
    scenario = counted(0.4, 0.6, looks=9, pending_outputs=pending, max_ratings=100, strategies=endless)
    result = run(scenario, replications=30, random_seed=1, history=False)
    assert float(result["ratings"].sum("evaluator").max()) <= 100
    assert float(result["ratings"].sum("evaluator").min()) > 100 - 24
    dear = counted(0.4, 0.6, looks=9, pending_outputs=pending, budget_usd=12.0, strategies=endless)
    result = run(dear, replications=300, random_seed=1, history=False)
    spent = result["usd_rating"].sum("evaluator") + result["usd_generation"].sum("variant")
    assert float(spent.max()) <= 12.0
    assert (result["decision"] == COLLECT).all()


def test_a_budget_too_small_for_what_is_under_way_is_refused() -> None:
    from expsim_bayes.errors import ScenarioError

    with pytest.raises(ScenarioError, match="max_ratings is 30, and the first look alone may need 48"):
        run(counted(0.4, 0.6, max_ratings=30, pending_outputs=24), replications=2)
    run(counted(0.4, 0.6, max_ratings=30), replications=2)


# --------------------------------------------------------------------------------------------------- dropped variants


def dropping(*rates: float, **changes: Any) -> Scenario:
    settings = {"looks": 10, "outputs_per_look": 60, "rope": 0.05} | changes
    return counted(*rates, strategies={"bandit": {"allocation": MATCHING, "stopping": DROPPING}}, **settings)


def test_dropped_variants_stay_out_and_the_others_are_judged_among_themselves() -> None:
    result = run(dropping(0.2, 0.45, 0.5), replications=300, random_seed=SEED)
    dropped, best, outputs = (result[name].values for name in ("dropped", "prob_best", "outputs"))
    stop = result["stop_look"].values
    for r in range(300):
        gone = dropped[r, : stop[r]]
        assert (np.diff(gone, axis=0) >= 0).all(), "nobody comes back"
        assert (best[r, : stop[r]][gone == 1] == 0).all()
        grown = np.diff(outputs[r, : stop[r]], axis=0)
        assert (grown[gone[:-1] == 1] == 0).all(), "no further outputs"
        assert (gone.sum(axis=1) < 3).all()
        left = best[r, : stop[r]][gone == 0]
        assert (left >= 0.1).all(), "whoever stays was not below the threshold"
    np.testing.assert_allclose(np.nansum(best, axis=2)[~np.isnan(best[..., 0])], 1.0)
    assert 0 < np.nanmean(dropped[:, :, 0]) < 1
    lone = np.take_along_axis(dropped, (stop - 1)[:, None, None], 1).sum(axis=(1, 2)) == 2
    assert (result["decision"].values[lone] == LAUNCH).all()


def test_prob_best_of_those_left_is_that_of_a_trial_without_the_others() -> None:
    """At each look, dropping is repeated until nobody is below the threshold: done again by hand, one variant after another."""
    from expsim_bayes.superiority import from_beta

    result = run(dropping(0.3, 0.45, 0.5, 0.52), replications=60, random_seed=3)
    mean, sd = (result[f"quality_{name}"].values for name in ("mean", "sd"))
    total = mean * (1 - mean) / sd**2 - 1
    for r in range(60):
        left = np.ones(4, bool)
        for look in range(int(result["stop_look"][r])):
            a, b = mean[r, look] * total[r, look], (1 - mean[r, look]) * total[r, look]
            while True:
                best = from_beta(a, b, control=None, eligible=left).prob_best
                low = left & (best < 1 - 0.9)
                if not low.any():
                    break
                left &= ~low
            np.testing.assert_array_equal(result["dropped"].values[r, look] == 1, ~left)
            np.testing.assert_allclose(result["prob_best"].values[r, look], best, atol=1e-9)


def test_the_control_is_never_dropped_and_is_kept_when_it_is_left() -> None:
    result = run(dropping(0.8, 0.3, 0.3, control="A"), replications=50, random_seed=2, history=False)
    assert (result["dropped"].values[:, 0] == 0).all()
    assert (result["launched"] == -1).all()


def test_nobody_is_dropped_before_the_look_that_is_named() -> None:
    late = [{"rule": "inferiority", "threshold": 0.2, "from_look": 3}]
    scenario = counted(0.1, 0.9, looks=4, strategies={"bandit": {"allocation": MATCHING, "stopping": late}})
    result = run(scenario, replications=50, random_seed=2)
    assert (result["dropped"].isel(look=[0, 1]) == 0).all()
    assert (result["stop_look"] >= 3).all()
    end = {"bandit": {"allocation": MATCHING, "decide": "end", "stopping": [{"rule": "inferiority", "threshold": 0.2}]}}
    result = run(counted(0.1, 0.9, strategies=end), replications=50, random_seed=2)
    assert (result["dropped"].isel(look=slice(0, 3)) == 0).all()
    assert (result["decision"] == LAUNCH).all()


def test_scores_are_dropped_too() -> None:
    strategies = {"bandit": {"allocation": MATCHING, "assignment": "split", "stopping": DROPPING}}
    scenario = small(variants=variants(5.0, 8.0, 5.1), control=None, strategies=strategies, default_strategy="bandit")
    result = run(scenario, replications=50, random_seed=1, history=False)
    assert (result["launched"].values == 1).mean() > 0.9
    assert result["dropped"].values[:, 0].mean() > 0.5


# -------------------------------------------------------------------------------------------------- what is said of it


def test_rates_and_their_differences_are_told_with_exact_intervals() -> None:
    played = play(dropping(0.25, 0.5, 0.5, control="A"), random_seed=6)
    facts = of_experiment(played)
    assert facts.unit == "share"
    assert isinstance(played.known, KnownCounts)
    a, b = played.known.state.successes[0], played.known.state.failures[0]
    draws = np.random.default_rng(1).beta(a, b, (400_000, 3))
    for v, variant in enumerate(facts.variants):
        ends = (variant.quality.low, variant.quality.high)
        np.testing.assert_allclose(ends, stats.beta.ppf([0.025, 0.975], a[v], b[v]), atol=1e-9)
        assert variant.prob_best == pytest.approx((draws.argmax(axis=1) == v).mean(), abs=0.004)
        if v:
            assert variant.effect is not None
            lead = draws[:, v] - draws[:, 0]
            ends = (variant.effect.low, variant.effect.high)
            np.testing.assert_allclose(ends, np.quantile(lead, [0.025, 0.975]), atol=0.002)
            assert variant.prob_better == pytest.approx((lead > 0).mean(), abs=0.004)


def test_who_was_dropped_is_told() -> None:
    facts = of_experiment(play(dropping(0.1, 0.5, 0.9), random_seed=6))
    assert any("Dropped, as probably not the best: A at look" in notice for notice in facts.notices)
    calm = of_experiment(play(counted(0.5, 0.5), random_seed=6))
    assert calm.notices == ()
    waiting = of_experiment(play(counted(0.1, 0.9, pending_outputs=24), random_seed=6))
    assert waiting.notices[0].startswith("24 outputs were still under way at the stop: they are paid for")


def test_more_of_the_same_is_counted_from_the_outcomes() -> None:
    facts = of_experiment(play(counted(0.5, 0.55, looks=2, strategies=ENDLESS), random_seed=6))
    (more,) = facts.further
    assert more.label == "ratings by the same raters"
    assert more.floor == pytest.approx(0.0, abs=1e-6)


def test_equal_rates_end_as_equivalent_when_they_are_known_well() -> None:
    result = run(
        dropping(0.5, 0.5, looks=12, outputs_per_look=400, rope=0.1), replications=60, random_seed=3, history=False
    )
    assert set(np.unique(result["decision"])) == {LAUNCH, STOP_EQUIVALENT}
    assert (result["decision"] == STOP_EQUIVALENT).mean() > 0.5
