"""The loop of an experiment: reproducible, the same as a slow twin that reads the table of ratings, calibrated, and known answers met.

Stochastic assertions use fixed seeds and |z| <= 4 (6e-5 each if the seed were new), 3.5 (5e-4) for the published designs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import stats
from score_regression import Row, quality_posterior
from small_scenario import CROWD, JUDGE, small, variants

from expsim_bayes.errors import ScenarioError, SettingError
from expsim_bayes.evaluators import Evaluator
from expsim_bayes.experiment import Played, play, run
from expsim_bayes.scenario import EvaluatorChoice, Scenario, StrategyName, load
from expsim_bayes.stopping import COLLECT, KEEP_CONTROL, LAUNCH, STOP_EQUIVALENT

RULES = [{"rule": "superiority", "threshold": 0.9}, {"rule": "equivalence", "threshold": 0.8}]
THREE: dict[str, Any] = {
    "variants": variants(
        5.0,
        5.3,
        5.5,
        tokens_in=900,
        tokens_out=150,
        model="gpt-4o-mini",
        tokens_log_sd=0.4,
        latency_s=2.0,
        latency_log_sd=0.3,
    ),
    "min_effect": 0.3,
    "outputs_per_look": 12,
    "looks": 5,
    "strategies": {
        "ab": {"decide": "end", "stopping": RULES},
        "sequential": {"stopping": RULES},
        "bandit": {"allocation": {"policy": "top_two_thompson"}, "stopping": RULES},
    },
}
DESIGNS: dict[str, tuple[dict[str, Any], StrategyName, EvaluatorChoice]] = {
    "paired test, judge and people": (THREE, "sequential", "both"),
    "A/B test": (THREE, "ab", "both"),
    "bandit": (THREE, "bandit", "both"),
    "bandit on live traffic": (THREE | {"assignment": "split"}, "bandit", "both"),
    "live traffic": (THREE | {"assignment": "split", "traffic": {"A": 1, "B": 1, "C": 2}}, "sequential", "both"),
    "judge only": (THREE, "bandit", "llm"),
    "people only": (THREE, "sequential", "human"),
    "people rate twice": (
        THREE | {"evaluators": [JUDGE | {"ratings_per_output": 2}, CROWD | {"raters": 2, "ratings_per_output": 3}]},
        "sequential",
        "both",
    ),
    "lower is better": (THREE | {"higher_is_better": False}, "bandit", "both"),
    "two variants": (THREE | {"variants": variants(5.0, 5.4)}, "sequential", "both"),
}


@pytest.fixture(params=DESIGNS, ids=lambda name: name)
def design(request: pytest.FixtureRequest) -> tuple[Scenario, StrategyName, EvaluatorChoice]:
    changes, strategy, evaluators = DESIGNS[request.param]
    return small(**changes), strategy, evaluators


# ------------------------------------------------------------------------------------------------------ reproducibility


def test_one_and_several_chunks_give_the_same_numbers(design: tuple[Scenario, StrategyName, EvaluatorChoice]) -> None:
    scenario, strategy, evaluators = design
    settings: dict[str, Any] = {"strategy": strategy, "evaluators": evaluators, "random_seed": 5, "replications": 22}
    whole = run(scenario, **settings, latents=True)
    parts = run(scenario, **settings, latents=True, chunk=6)
    for name in ("decision", "launched", "rule", "stop_look", "outputs", "ratings"):
        xr.testing.assert_equal(whole[name], parts[name])
    xr.testing.assert_allclose(whole, parts, rtol=1e-10, atol=1e-12)
    assert set(whole["decision"].values.tolist()) > {COLLECT} or strategy == "ab"


def test_another_seed_gives_other_numbers() -> None:
    first, second = (run(small(), random_seed=seed, replications=3) for seed in (1, 2))
    assert not np.array_equal(first["quality_mean"], second["quality_mean"])


def test_history_and_ends_agree(design: tuple[Scenario, StrategyName, EvaluatorChoice]) -> None:
    scenario, strategy, evaluators = design
    settings: dict[str, Any] = {"strategy": strategy, "evaluators": evaluators, "random_seed": 5, "replications": 8}
    history, ends = run(scenario, **settings), run(scenario, **settings, history=False)
    for name in ("decision", "launched", "rule", "stop_look"):
        xr.testing.assert_equal(history[name], ends[name])
    at_stop = history.isel(look=history["stop_look"] - 1)
    for name in ("quality_mean", "quality_sd", "effect_sd", "prob_best", "usd_rating", "days", "outputs"):
        np.testing.assert_allclose(at_stop[name].values, ends[name].values, rtol=1e-9, atol=1e-12)
    for r in range(8):
        shown = ~np.isnan(history["days"].values[r])
        assert shown.tolist() == [look < int(history["stop_look"][r]) for look in range(scenario.looks)]


def test_play_is_the_first_replication_of_run(design: tuple[Scenario, StrategyName, EvaluatorChoice]) -> None:
    scenario, strategy, evaluators = design
    played = play(scenario, strategy=strategy, evaluators=evaluators, random_seed=5)
    several = run(scenario, strategy=strategy, evaluators=evaluators, random_seed=5, replications=3, latents=True)
    xr.testing.assert_allclose(played.history, several.isel(replication=[0]), rtol=1e-9, atol=1e-12)
    assert played.declared is scenario
    assert {e.name for e in played.scenario.evaluators} == set(several["evaluator"].values)


def test_progress_counts_replications() -> None:
    seen: list[int] = []
    run(small(), replications=25, chunk=10, history=False, progress=seen.append)
    assert seen == [10, 20, 25]


def test_settings_without_a_meaning_are_refused() -> None:
    with pytest.raises(SettingError, match="0 replications"):
        run(small(), replications=0)
    with pytest.raises(ScenarioError, match="no strategy 'bandit'"):
        run(small(strategies={"sequential": {"stopping": []}}), strategy="bandit")
    with pytest.raises(ScenarioError, match="budget_usd is 1, and the first look alone may need"):
        run(small(budget_usd=1.0))
    with pytest.raises(ScenarioError, match="max_ratings is 10, and the first look alone may need"):
        play(small(max_ratings=10))


# --------------------------------------------------------------------------------------------------------- a slow twin


def prob_best_by_hand(mean: NDArray[np.float64], cov: NDArray[np.float64], sign: float) -> NDArray[np.float64]:
    """P(all differences to the others are above zero), from scipy's multivariate normal distribution function."""
    n = mean.size
    found = []
    for v in range(n):
        contrasts = np.array([[float(u == w) - float(u == v) for u in range(n)] for w in range(n) if w != v])
        below = stats.multivariate_normal(sign * contrasts @ mean, contrasts @ cov @ contrasts.T)
        found.append(float(below.cdf(np.zeros(n - 1))))
    return np.array(found)


def prob_equivalent_by_hand(mean: NDArray[np.float64], cov: NDArray[np.float64], rope: float) -> float:
    """P(max - min < rope), exactly for two variants and by 100,000 draws (error .0016) for more."""
    if mean.size == 2:
        gap, sd = mean[1] - mean[0], math.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
        return float(stats.norm.cdf(rope, gap, sd) - stats.norm.cdf(-rope, gap, sd))
    draws = np.random.default_rng(1).multivariate_normal(mean, cov, size=100_000)
    return float((np.ptp(draws, axis=1) < rope).mean())


def rows_of(played: Played, up_to_look: int) -> list[Row]:
    table = played.ratings.table[played.ratings.table["look"] <= up_to_look]
    columns = ("variant", "item", "evaluator", "rater", "score")
    return [Row(*values) for values in zip(*(table[c] for c in columns), strict=True)]


def test_the_loop_agrees_with_a_twin_that_reads_the_table(
    design: tuple[Scenario, StrategyName, EvaluatorChoice],
) -> None:
    scenario, strategy, evaluators = design
    played = play(scenario, strategy=strategy, evaluators=evaluators, random_seed=5)
    history = played.history.isel(replication=0)
    sign = 1.0 if scenario.higher_is_better else -1.0
    decision, launched, look = COLLECT, -1, 0
    for look in range(1, scenario.looks + 1):
        mean, cov = quality_posterior(played.scenario, rows_of(played, look))
        best = prob_best_by_hand(mean, cov, sign)
        seen = history.isel(look=look - 1)
        np.testing.assert_allclose(seen["quality_mean"], mean, rtol=1e-8)
        np.testing.assert_allclose(seen["quality_sd"], np.sqrt(np.diag(cov)), rtol=1e-8)
        np.testing.assert_allclose(seen["prob_best"], best, atol=2e-5)
        for v in range(mean.size):
            variance = max(cov[v, v] + cov[0, 0] - 2 * cov[v, 0], 0.0)
            assert float(seen["effect_mean"][v]) == pytest.approx(mean[v] - mean[0], abs=1e-8)
            assert float(seen["effect_sd"][v]) == pytest.approx(math.sqrt(variance), abs=1e-6)
            if v > 0:
                above = stats.norm.sf(scenario.min_effect, sign * (mean[v] - mean[0]), math.sqrt(variance))
                assert float(seen["prob_superior"][v]) == pytest.approx(above, abs=1e-8)
        equivalent = prob_equivalent_by_hand(mean, cov, scenario.min_effect)
        assert float(seen["prob_equivalent"]) == pytest.approx(equivalent, abs=0.0065 + 4 * float(seen["mcse"]))
        if strategy == "ab" and look < scenario.looks:
            continue
        leader = int(best.argmax())
        if best[leader] >= 0.9:
            decision, launched = (KEEP_CONTROL, -1) if leader == 0 else (LAUNCH, leader)
            break
        if equivalent >= 0.8:
            decision = STOP_EQUIVALENT
            break
    assert (int(history["decision"]), int(history["launched"])) == (decision, launched)
    assert int(history["stop_look"]) == look
    assert played.ratings.table["look"].max() == look


def test_ratings_say_what_was_spent(design: tuple[Scenario, StrategyName, EvaluatorChoice]) -> None:
    """Money and days by loops over the tables of ratings and operations."""
    scenario, strategy, evaluators = design
    played = play(scenario, strategy=strategy, evaluators=evaluators, random_seed=5)
    end = played.history.isel(replication=0, look=int(played.history["stop_look"][0]) - 1)
    table, calls = played.ratings.table, played.operations
    for e in played.scenario.evaluators:
        n = int((table["evaluator"] == e.name).sum())
        assert int(end["ratings"].sel(evaluator=e.name)) == n
        assert e.usd_per_rating is not None
        assert float(end["usd_rating"].sel(evaluator=e.name)) == pytest.approx(n * e.usd_per_rating)
    for v in scenario.variants:
        mine = calls[calls["variant"] == v.name]
        assert int(end["outputs"].sel(variant=v.name)) == len(mine)
        usd = (mine["tokens_in"] * 0.15e-6 + mine["tokens_out"] * 0.60e-6).sum()
        assert float(end["usd_generation"].sel(variant=v.name)) == pytest.approx(usd, rel=5e-3, abs=1e-12)
        assert float(end["seconds"].sel(variant=v.name)) == pytest.approx(mine["latency_s"].sum())
    item_look = table.drop_duplicates("item").set_index("item")["look"]
    days = 0.0
    for look in range(1, int(end["look"]) + 1):
        latency = calls[calls["item"].map(item_look) == look]["latency_s"].sum()
        days += latency / scenario.generation_parallel / 86_400
        rating = [
            rating_days(e, table[(table["look"] == look) & (table["evaluator"] == e.name)])
            for e in played.scenario.evaluators
        ]
        days += max(rating)
    assert float(end["days"]) == pytest.approx(days)


def rating_days(e: Evaluator, batch: Any) -> float:
    """Days until an evaluator has rated a batch."""
    if not len(batch):
        return 0.0
    return math.ceil(len(batch) / e.parallel) * e.seconds_per_rating / 3600 / e.hours_per_day + e.turnaround_hours / 24


# -------------------------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize("strategy", ["ab", "sequential", "bandit"])
@pytest.mark.parametrize("assignment", ["paired", "split"])
@pytest.mark.parametrize("extra_looks", [1, 6])
def test_limits_are_never_passed(strategy: StrategyName, assignment: str, extra_looks: int) -> None:
    """Generation costs vary from call to call, and still the budget holds."""
    dear = variants(5.0, 5.0, usd_per_call=0.4, tokens_log_sd=0.6)
    policies = {"ab": "fixed", "sequential": "fixed", "bandit": "thompson"}
    endless = {name: {"allocation": {"policy": policy}, "stopping": []} for name, policy in policies.items()}
    endless["ab"]["decide"] = "end"
    scenario = small(
        variants=dear,
        looks=5 + extra_looks,
        budget_usd=30.0,
        assignment=assignment,
        outputs_per_look=10,
        strategies=endless,
    )
    result = run(scenario, strategy=strategy, replications=300, random_seed=3, history=False)
    spent = result["usd_rating"].sum("evaluator") + result["usd_generation"].sum("variant")
    assert float(spent.max()) <= 30.0
    assert float(spent.mean()) > 20.0
    assert (result["decision"] == COLLECT).all()
    assert (result["rule"] == 0).all()
    few = small(looks=3 + extra_looks, max_ratings=130, assignment=assignment)
    result = run(few, strategy=strategy, replications=100, random_seed=3, history=False)
    assert float(result["ratings"].sum("evaluator").max()) <= 130


def test_a_budget_ends_an_ab_test_early_and_asks_its_rules_then() -> None:
    scenario = small(variants=variants(5.0, 7.0), budget_usd=12.0, looks=10)
    result = run(scenario, strategy="ab", replications=20, random_seed=1, history=False)
    assert (result["stop_look"] == 3).all()
    assert (result["decision"] == LAUNCH).mean() > 0.9


def test_a_rule_on_days_ends_an_ab_test_early_too() -> None:
    rules = [{"rule": "superiority"}, {"rule": "max_days", "days": 0.5}]
    scenario = small(looks=10, strategies={"ab": {"decide": "end", "stopping": rules}}, default_strategy="ab")
    result = run(scenario, replications=5, random_seed=1)
    stop = result["stop_look"].values
    assert (stop < 10).all()
    days = result["days"].values
    for r in range(5):
        assert days[r, stop[r] - 1] >= 0.5 > days[r, stop[r] - 2]


# ------------------------------------------------------------------------------------------- shared random numbers


def test_strategies_and_evaluators_share_their_random_numbers() -> None:
    """The judge gives the same outputs the same scores whether people take part or not, and also in another strategy."""
    scenario = small(looks=3, strategies={"ab": {"decide": "end", "stopping": []}, "sequential": {"stopping": []}})
    scores = []
    ways: list[tuple[StrategyName, EvaluatorChoice]] = [("ab", "both"), ("ab", "llm"), ("sequential", "both")]
    for strategy, evaluators in ways:
        table = play(scenario, strategy=strategy, evaluators=evaluators, random_seed=9).ratings.table
        scores.append(table[table["kind"] == "llm"].set_index(["item", "variant"])["score"])
    for other in scores[1:]:
        np.testing.assert_allclose(scores[0].to_numpy(), other.loc[scores[0].index].to_numpy(), atol=1e-12)


def test_people_who_rate_alone_are_the_same_people() -> None:
    scenario = small(overlap=1.0, looks=2, strategies={"sequential": {"stopping": []}})
    both, alone = (play(scenario, evaluators=choice, random_seed=9).ratings.table for choice in ("both", "human"))
    np.testing.assert_allclose(both[both["kind"] == "human"]["score"], alone["score"], atol=1e-12)


# --------------------------------------------------------------------------------------------------------- calibration


CALIBRATED: dict[str, tuple[dict[str, Any], StrategyName]] = {
    "fixed design": ({"strategies": {"sequential": {"stopping": []}}}, "sequential"),
    "optional stopping": ({"looks": 5, "outputs_per_look": 12}, "sequential"),
    "bandit with optional stopping": ({"variants": variants(5, 5, 5), "looks": 5, "outputs_per_look": 12}, "bandit"),
    "bandit on live traffic": ({"variants": variants(5, 5, 5), "assignment": "split"}, "bandit"),
    "a story with fixed tastes": (
        {"evaluators": [JUDGE | {"shift": {"B": 1.0}, "severity_mean": -1.0}, CROWD], "overlap": 0.3},
        "sequential",
    ),
}


@pytest.mark.parametrize("name", CALIBRATED)
def test_every_effect_is_calibrated_at_the_stopping_time(name: str) -> None:
    """Truth from the prior: (truth - mean) / SD has mean 0 and mean square 1, for every effect and for the qualities."""
    changes, strategy = CALIBRATED[name]
    particular = CROWD | {"taste_sd": 0.4, "raters": 3}
    scenario, n = small(**({"evaluators": [JUDGE, particular]} | changes)), 2_000
    result = run(
        scenario, strategy=strategy, truth="prior", latents=True, replications=n, random_seed=17, history=False
    )
    if "stopping" in name:
        assert len(np.unique(result["stop_look"])) > 1
    latent = (result["latent_true"] - result["latent_mean"]) / result["latent_sd"]
    quality = (result["quality_true"] - result["quality_mean"]) / result["quality_sd"]
    leader = result["quality_mean"].argmax("variant")
    for z in (*latent.values.T, *quality.values.T, quality.isel(variant=leader).values):
        assert abs(z.mean()) < 4 / math.sqrt(n)
        assert abs((z**2).mean() - 1) < 4 * math.sqrt(2 / n)
        assert abs((np.abs(z) < 1.0).mean() - 0.682689) < 4 * math.sqrt(0.682689 * 0.317311 / n)
    assert len({str(label) for label in result["latent"].values}) == result.sizes["latent"]


def test_probabilities_mean_what_they_say() -> None:
    """Of all launches under the prior, the share that launches the best is the mean of the probabilities that were shown."""
    scenario = small(variants=variants(5, 5, 5), looks=5)
    result = run(scenario, strategy="bandit", truth="prior", replications=2_000, random_seed=23, history=False)
    best = result["quality_true"].argmax("variant").values
    shown = result["prob_best"].values
    won = np.arange(3) == best[:, None]
    error = (won - shown)[:, 0]
    assert abs(error.mean() / (error.std() / math.sqrt(error.size))) < 4
    leader = shown.argmax(axis=1)
    rows = np.arange(leader.size)
    error = won[rows, leader] - shown[rows, leader]
    assert abs(error.mean() / (error.std() / math.sqrt(error.size))) < 4


# --------------------------------------------------------------------------------------------------- published designs


def flat_two_arms(*, difference: float, looks: int, threshold: float, outputs: int) -> Scenario:
    """Two arms, normal outcomes with SD 1, flat prior, no items."""
    return small(
        score_range=[-50, 50],
        sd_variant=1000.0,
        control=None,
        assignment="split",
        items={},
        looks=looks,
        outputs_per_look=outputs,
        variants=[{"name": "A", "quality": 0.0}, {"name": "B", "quality": difference}],
        evaluators=[{"name": "outcome", "kind": "metric", "noise_sd": 1.0, "usd_per_rating": 0.0}],
        strategies={"sequential": {"stopping": [{"rule": "superiority", "threshold": threshold}]}},
    )


@pytest.mark.parametrize(("difference", "stops", "size"), [(0.0, 0.146425, 1790.66), (0.15, 0.910826, 859.07)])
def test_exact_stopping_probabilities_of_a_fixed_design(difference: float, stops: float, size: float) -> None:
    """Two arms, 50 patients a look 1:1, 40 looks, threshold .99: exact by recursion (shared data sheet)."""
    scenario = flat_two_arms(difference=difference, looks=40, threshold=0.99, outputs=50)
    n = 5_000
    result = run(scenario, replications=n, random_seed=4, history=False)
    stopped = (result["decision"] != COLLECT).values
    sizes = result["outputs"].sum("variant").values
    assert abs(stopped.mean() - stops) < 3.5 * math.sqrt(stops * (1 - stops) / n)
    assert abs(sizes.mean() - size) < 3.5 * sizes.std() / math.sqrt(n)


@pytest.mark.parametrize(("looks", "rate"), [(1, 0.05), (2, 0.0831), (5, 0.1417), (10, 0.1934)])
def test_repeated_looks_at_two_equal_arms(looks: int, rate: float) -> None:
    """Armitage, McPherson and Rowe (1969): a flat prior and P > .975 either way at each of K equal looks."""
    n = 5_000
    scenario = flat_two_arms(difference=0.0, looks=looks, threshold=0.975, outputs=10)
    result = run(scenario, replications=n, random_seed=8, history=False)
    assert abs((result["decision"] == LAUNCH).mean().item() - rate) < 3.5 * math.sqrt(rate * (1 - rate) / n)


# ------------------------------------------------------------------------------------------------------------ behaviour


def test_a_bandit_moves_its_outputs_to_the_better_variants() -> None:
    never = {"allocation": {"policy": "thompson"}, "stopping": []}
    scenario = small(variants=variants(5.0, 5.0, 6.0), looks=6, strategies={"bandit": never}, default_strategy="bandit")
    outputs = run(scenario, replications=200, random_seed=2)["outputs"].mean("replication")
    gained = outputs.diff("look")
    assert (gained.isel(look=-1, variant=2) > 1.3 * gained.isel(look=-1, variant=0)).item()
    assert outputs.isel(look=0).values == pytest.approx([8, 8, 8], abs=1)
    assert (gained.isel(variant=2).diff("look") > -0.5).all()


def test_a_guardrail_bars_what_is_too_slow() -> None:
    slow = [
        {"name": "A", "quality": 5.0, "latency_s": 1.0, "latency_log_sd": 0.3},
        {"name": "B", "quality": 8.0, "latency_s": 5.0, "latency_log_sd": 0.3},
        {"name": "C", "quality": 7.0, "latency_s": 1.5, "latency_log_sd": 0.3},
    ]
    guard = {"rule": "guardrail", "metric": "latency_s", "at_most_ratio": 2.0}
    scenario = small(variants=slow, guardrails=[guard], looks=6)
    for strategy in ("sequential", "bandit"):
        result = run(scenario, strategy=strategy, replications=100, random_seed=2, history=False)
        assert (result["launched"] != 1).all()
        assert (result["launched"] == 2).mean() > 0.95
    nobody = small(variants=slow[:2], guardrails=[guard], looks=6)
    result = run(nobody, replications=50, random_seed=2, history=False)
    assert (result["decision"] == KEEP_CONTROL).all()
    assert (result["rule"] == 0).all()


def test_more_ratings_of_a_judge_do_not_pass_its_floor() -> None:
    """The SD of the difference goes flat at the floor with the judge alone, and keeps falling with people."""
    scenario = small(
        sd_variant=100.0, looks=12, outputs_per_look=400, strategies={"sequential": {"stopping": []}}, overlap=1.0
    )
    floor = math.sqrt(2) * 0.15 / 0.8
    judge, both = (
        run(scenario, evaluators=e)["effect_sd"].isel(replication=0, variant=1).values for e in ("llm", "both")
    )
    assert (judge > floor).all()
    assert judge[-1] == pytest.approx(floor, rel=0.03)
    assert both[-1] < 0.5 * floor
    tasteless = small(sd_variant=100.0, looks=12, outputs_per_look=400, evaluators=[JUDGE | {"shift_sd": 0.0}])
    assert float(run(tasteless, strategy="ab")["effect_sd"].isel(replication=0, look=-1, variant=1)) < 0.1 * floor


def test_the_control_may_stand_anywhere() -> None:
    """Turning the order of variants around turns the answer around, in a design that shows all of them."""
    there, back = small(variants=variants(5, 5.5, 6)), small(variants=variants(5, 5.5, 6)[::-1])
    first, second = (run(s, strategy="ab", replications=60, random_seed=6, history=False) for s in (there, back))
    np.testing.assert_allclose(
        first["effect_sd"].sel(variant=["A", "B", "C"]), second["effect_sd"].sel(variant=["A", "B", "C"]), rtol=1e-9
    )
    assert (first["effect_mean"].sel(variant="A") == 0).all()
    assert (second["effect_mean"].sel(variant="A") == 0).all()


def test_turning_the_scale_around_turns_the_decisions_around() -> None:
    up = small(variants=variants(5.0, 6.0, 5.5), looks=5)
    down = small(variants=variants(5.0, 4.0, 4.5), looks=5, higher_is_better=False)
    good, bad = (run(s, replications=150, random_seed=6, history=False) for s in (up, down))
    assert (good["launched"] == 1).mean() > 0.7
    assert abs((good["launched"] == 1).mean() - (bad["launched"] == 1).mean()) < 0.15


@pytest.mark.parametrize("name", ["summarization-prompts", "support-chat-tone", "reranker"])
@pytest.mark.parametrize("strategy", ["ab", "sequential", "bandit"])
def test_the_library_runs(name: str, strategy: StrategyName) -> None:
    scenario = load(name)
    result = run(scenario, strategy=strategy, replications=5, random_seed=1)
    spent = result["usd_rating"].sum("evaluator") + result["usd_generation"].sum("variant")
    assert scenario.budget_usd is not None
    assert float(spent.max()) <= scenario.budget_usd
    assert set(result["decision"].values.tolist()) <= {1, 2, 3, 4}
    np.testing.assert_allclose(result["prob_best"].sum("variant").where(result["days"].notnull(), 1.0), 1.0, atol=1e-9)


def test_without_probabilities_all_else_is_the_same() -> None:
    scenario = load("support-chat-tone")
    silent = {name: s.model_copy(update={"stopping": (), "decide": "end"}) for name, s in scenario.strategies.items()}
    endless = scenario.model_copy(update={"strategies": silent, "budget_usd": None, "looks": 3})
    told, untold = (run(endless, strategy="sequential", replications=4, probabilities=asked) for asked in (True, False))
    for name in told.data_vars:
        if name in ("prob_best", "prob_superior", "expected_loss", "prob_equivalent", "mcse"):
            assert untold[name].isnull().all(), name
        else:
            np.testing.assert_array_equal(told[name], untold[name], err_msg=str(name))
