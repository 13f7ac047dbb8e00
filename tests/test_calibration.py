"""The search for a threshold: exact thresholds of known designs, its sureness on made-up curves, and a twin that replays paths.

Stochastic assertions use fixed seeds and |z| <= 4 (6e-5 each if the seed were new).
"""

from __future__ import annotations

import tomllib
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from counted_scenario import counted
from scipy import optimize, stats
from scipy.special import ndtr, ndtri
from small_scenario import small, variants

from expsim_bayes.errors import ScenarioError, SettingError
from expsim_bayes.experiment import run, run_in_parts
from expsim_bayes.operating_characteristics import Estimate, false_launch_rate
from expsim_bayes.planning import advice, asked, calibrate, design_of, rules_as_toml, search
from expsim_bayes.planning import calibration as machinery
from expsim_bayes.planning.calibration import Found, Step, _regression, check, rounded_up
from expsim_bayes.scenario import Scenario
from expsim_bayes.stopping import LAUNCH

SEED = 20_264
METRIC: dict[str, Any] = {"name": "outcome", "kind": "metric", "noise_sd": 1.0, "usd_per_rating": 0.0}


def flat(looks: int, *rules: dict[str, Any], control: str | None = None, rates: int = 2) -> Scenario:
    """Normal outcomes with a flat prior, two of them a look: the design for which boundaries are tabled."""
    return Scenario.model_validate(
        {
            "name": "flat",
            "title": "Flat",
            "score_range": [-50, 50],
            "sd_variant": 1000.0,
            "assignment": "split",
            "control": control,
            "looks": looks,
            "outputs_per_look": 2,
            "variants": [{"name": n, "quality": 0.0} for n in "ABC"[:rates]],
            "evaluators": [METRIC],
            "strategies": {"sequential": {"stopping": list(rules) or [{"rule": "superiority", "threshold": 0.95}]}},
        }
    )


def last(found: Any) -> Found:
    *_, end = found
    assert isinstance(end, Found)
    return end


# --------------------------------------------------------------------------------------------------- exact thresholds

ONE_WAY = {"rule": "beats_control", "threshold": 0.9, "keep_at": 0.0}


@pytest.mark.parametrize(
    ("scenario", "exact"),
    [
        (flat(1), 0.975),  # two-sided z of 1.96
        (flat(1, ONE_WAY, control="A"), 0.95),
        (flat(5), float(ndtr(2.413))),  # constants of Pocock (1977) for 5 looks
        (flat(5, ONE_WAY, control="A"), float(ndtr(2.122))),
        (flat(10), float(ndtr(2.555))),
    ],
)
def test_the_threshold_is_that_of_the_tables(scenario: Scenario, exact: float) -> None:
    """The interval of the rate covers 5 % at the exact threshold: its distance in quantiles is within 4 errors of the search."""
    found = last(search(design_of(scenario), tolerance=0.005, random_seed=SEED))
    assert found.settled
    error = found.error / stats.norm.pdf(ndtri(0.05))
    assert abs(ndtri(found.threshold) - ndtri(exact)) <= 4 * error / 0.7  # the slope is near -1, and steeper than -.7
    assert found.interval[0] < 0.05 < found.interval[1]
    assert found.interval[1] - found.interval[0] <= 2 * 0.005


def replayed(scenario: Scenario, thresholds: np.ndarray, *, replications: int, random_seed: int) -> np.ndarray:
    """False-launch rates at many thresholds from one set of whole paths: no rule but superiority, and no control."""
    endless = design_of(scenario).at(1.0).without_difference()
    highest = (
        run(endless, replications=replications, random_seed=random_seed)["prob_best"].max(("variant", "look")).values
    )
    return np.array([(highest >= threshold).mean() for threshold in thresholds])


@pytest.mark.parametrize(
    "scenario",
    [
        flat(4, rates=3),
        small(control=None, variants=variants(5.0, 5.4, 5.1), looks=3, default_strategy="bandit"),
        counted(0.3, 0.5, looks=3),
    ],
)
def test_the_search_agrees_with_replayed_paths(scenario: Scenario) -> None:
    """Where nothing that happens hangs on the threshold, paths can be kept and any threshold asked of them."""
    found = last(search(design_of(scenario), tolerance=0.01, random_seed=SEED))
    (rate,) = replayed(scenario, np.array([found.threshold]), replications=6_000, random_seed=SEED + 1)
    assert abs(rate - 0.05) <= 4 * np.hypot(np.sqrt(0.05 * 0.95 / 6_000), found.error)


def test_a_strategy_whose_paths_hang_on_the_threshold() -> None:
    """Inferiority moves along: the rate is held all the same, and what is dropped is the mirror image."""
    rules = [{"rule": "inferiority"}, {"rule": "superiority", "threshold": 0.9}]
    matching = {"policy": "probability_matching", "power": 1.0, "floor": 0.2}
    scenario = counted(0.4, 0.4, 0.4, looks=4, strategies={"bandit": {"allocation": matching, "stopping": rules}})
    found = calibrate(scenario, tolerance=0.0125, replications=3_000, random_seed=SEED)
    assert found.holds
    assert found.design.moves_inferiority
    assert abs(found.checked.value - 0.05) <= 0.0125 + 4 * found.checked.mcse
    changed = found.design.at(found.threshold)
    assert changed.rules("bandit")[0].threshold == pytest.approx(1 - found.threshold)  # type: ignore[union-attr]
    assert "Variants are dropped below" in advice(found).moves


# ------------------------------------------------------------------------------------------------ sureness, made up


def curve(threshold: float) -> float:
    """A rate that is no straight line in quantiles."""
    x = float(ndtri(threshold))
    return float(ndtr(0.9 - 1.15 * x + 0.12 * np.sin(3 * x)))


@pytest.mark.parametrize("declared", [0.6, 0.95, 0.9999])
def test_the_interval_covers_and_the_answer_is_within_the_tolerance(
    monkeypatch: pytest.MonkeyPatch, declared: float
) -> None:
    rng = np.random.default_rng(SEED)

    def made_up(_: Any, threshold: float, *, count: int, **__: Any) -> int:
        return int(rng.binomial(count, curve(threshold)))

    monkeypatch.setattr(machinery, "_launches", made_up)
    design = design_of(flat(3, {"rule": "superiority", "threshold": declared}))
    ends = [last(search(design, tolerance=0.005)) for _ in range(300)]
    true = np.array([curve(end.threshold) for end in ends])
    assert all(end.settled for end in ends)
    inside = np.mean(np.abs(true - 0.05) <= 0.005)
    covered = np.mean([end.interval[0] <= rate <= end.interval[1] for end, rate in zip(ends, true, strict=True)])
    band = 4 * np.sqrt(0.05 * 0.95 / 300)
    assert inside >= 0.95 - band
    assert covered >= 0.95 - band
    assert np.mean([end.spent for end in ends]) < 2 * 0.05 * 0.95 * (1.96 / 0.005) ** 2


@pytest.mark.parametrize(("share", "bound"), [(0.001, "lowest"), (0.9, "highest")])
def test_a_rate_that_no_threshold_reaches(monkeypatch: pytest.MonkeyPatch, share: float, bound: str) -> None:
    monkeypatch.setattr(machinery, "_launches", lambda *_, count, **__: round(share * count))
    design = design_of(flat(3))
    end = last(search(design))
    assert end.bound == bound
    assert not end.settled
    assert end.spent < 40_000
    words = advice(check(design, end, replications=50)).warning
    assert words.startswith("warning: even the lowest" if bound == "lowest" else "warning: no threshold holds 5 %")


def test_a_search_that_runs_out_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machinery, "_launches", lambda *_, count, **__: round(0.05 * count))
    design = design_of(flat(1))
    end = last(search(design, most=2_100))
    assert end.spent == 2_100
    assert not end.settled
    found = check(design, end, replications=50)
    assert not found.holds
    assert "ended before the rate was known to within 0.25 percentage points" in advice(found).warning


def test_a_check_that_contradicts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machinery, "_launches", lambda *_, count, **__: round(0.05 * count))
    end = last(search(design_of(flat(20, {"rule": "superiority", "threshold": 0.95}))))
    assert end.settled
    found = check(design_of(flat(20)), end, replications=400)
    assert found.checked.value > 0.2
    assert not found.holds
    assert "do not agree with 5 %" in advice(found).warning


@pytest.mark.parametrize("seed", range(3))
def test_the_regression_is_the_mode(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, n = rng.normal(scale=0.4, size=5), rng.integers(100, 2_000, 5).astype(float)
    k = rng.binomial(n.astype(int), ndtr(ndtri(0.05) - 1.2 * x)).astype(float)

    def minus_log(beta: np.ndarray) -> float:
        p = stats.norm.cdf(beta[0] + beta[1] * x)
        belief = ((beta[0] - ndtri(0.05)) / 2.0) ** 2 / 2 + ((beta[1] + 1) / 0.5) ** 2 / 2
        return float(belief - np.sum(stats.binom.logpmf(k, n, p)))

    exact = optimize.minimize(
        minus_log, [ndtri(0.05), -1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
    )
    level, slope, cov = _regression(x, n, k, 0.05)
    np.testing.assert_allclose([level, slope], exact.x, atol=1e-6)
    assert (np.linalg.eigvalsh(cov) > 0).all()


# ------------------------------------------------------------------------------------------------------------ details


def test_search_and_check_share_no_experiment_and_every_seed_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int, int]] = []
    whole = run_in_parts

    def watched(*arguments: Any, **choices: Any) -> Any:
        seen.append((choices["random_seed"], choices["first"], choices["replications"]))
        return whole(*arguments, **choices)

    monkeypatch.setattr(machinery, "run_in_parts", watched)
    told: list[int] = []
    one, two = (calibrate(flat(2), tolerance=0.02, replications=100, random_seed=7, progress=told.append) for _ in "12")
    assert one.threshold == two.threshold
    assert one.checked == two.checked
    half = len(seen) // 2
    assert seen[:half] == seen[half:]
    assert all(end == start for (_, _, end), (_, start, _) in pairwise(seen[:half]))
    search_seed, check_seed = machinery.seeds(7)
    assert {seed for seed, *_ in seen} == {search_seed} != {check_seed}
    assert one.found.spent == seen[half - 1][2]
    rate = false_launch_rate(one.design.at(one.threshold), random_seed=check_seed, replications=100)
    assert rate == one.checked
    assert max(told) == one.found.spent + machinery.played_by_check(100)


def test_the_rule_that_launches_is_found() -> None:
    design = design_of(small(), strategy="bandit", evaluators="llm")
    assert design.at(0.99).strategies["bandit"].stopping[0].threshold == 0.99  # type: ignore[union-attr]
    assert design.at(0.99).strategies["sequential"] == small().strategies["sequential"]
    with pytest.raises(SettingError, match=r"small, strategies.sequential.stopping: no rule launches.*add superiority"):
        design_of(small(strategies={"sequential": {"stopping": [{"rule": "expected_loss", "threshold": 0.1}]}}))
    two = [{"rule": "superiority"}, {"rule": "beats_control"}]
    with pytest.raises(SettingError, match=r"two rules launch.*keep one"):
        design_of(small(strategies={"sequential": {"stopping": two}}))
    with pytest.raises(ScenarioError, match="no strategy 'ab'"):
        design_of(flat(2), strategy="ab")
    with pytest.raises(ScenarioError, match="no person"):
        design_of(flat(2), evaluators="human")


def test_targets_that_cannot_be_met_are_refused() -> None:
    for target, tolerance, says in (
        (0.0, 0.001, "target: a false-launch rate of 0"),
        (0.05, 0.05, "take one from 0.0001"),
    ):
        with pytest.raises(SettingError, match=says):
            next(search(design_of(flat(2)), target=target, tolerance=tolerance))


def test_thresholds_are_rounded_to_the_strict_side() -> None:
    for threshold in np.random.default_rng(1).uniform(0.5, 1.0, 500) ** 0.01:
        told = rounded_up(threshold)
        assert threshold - 1e-12 <= told < 1
        assert told - threshold <= 0.0101 * (1 - threshold)
    assert asked(0.9814318) == "98.1432 %"


def test_rules_can_be_pasted() -> None:
    rules: list[dict[str, Any]] = [
        {"rule": "inferiority"},
        {"rule": "superiority", "threshold": 0.95, "from_look": 2},
        {"rule": "equivalence", "threshold": 0.9},
        {"rule": "budget", "usd": 5.0},
    ]
    matching = {"policy": "probability_matching"}
    scenario = counted(0.4, 0.5, rope=0.1, strategies={"bandit": {"allocation": matching, "stopping": rules}})
    design = design_of(scenario)
    found = check(design, Found(0.98, 0.05, 0.001, (Step(0.98, 100, 5),), settled=True, bound=""), replications=20)
    pasted = tomllib.loads(rules_as_toml(found))["strategies"]["bandit"]["stopping"]
    assert pasted == [*rules[:1], {**rules[1], "threshold": 0.98}, *rules[2:]]


def test_sentences_say_what_was_found() -> None:
    design = design_of(flat(20))
    found = check(
        design, Found(0.9912, 0.05, 0.001, (Step(0.99, 900, 5),) * 3, settled=True, bound=""), replications=200
    )
    told = advice(found)
    assert told.headline == "With this schedule of 20 looks, ask for 99.12 % instead of 95 %."
    assert "no better than the others in" in told.holds
    assert "Found by 2,700 experiments in 3 batches" in told.how_sure
    assert "between 4.80 and 5.20 % (95 %)" in told.how_sure
    assert told.moves == ""
    assert found.declared.value > found.checked.value
    single = check(design_of(flat(1)), Found(0.95, 0.05, 0.001, (), settled=True, bound=""), replications=20)
    assert advice(single).headline == "With a single look, 95 % is right."
    assert advice(single).price == ""
    end = small(strategies={"ab": {"decide": "end", "stopping": [{"rule": "superiority"}]}}, default_strategy="ab")
    late = check(design_of(end), Found(0.96, 0.05, 0.001, (), settled=True, bound=""), replications=20)
    assert advice(late).headline.startswith("With one decision after 4 looks, ask for 96 %")
    assert "no better than the control" in advice(late).holds
    assert isinstance(late.right, Estimate)


def test_what_is_launched_among_equals_is_what_is_counted() -> None:
    scenario = flat(3)
    result = run(scenario, replications=400, random_seed=3, history=False)
    assert false_launch_rate(scenario, random_seed=3, replications=400).value == (result["decision"] == LAUNCH).mean()
