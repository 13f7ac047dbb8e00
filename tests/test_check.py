"""The checks themselves: uniformity is told from its opposite, wrong posteriors are rejected, and a run can be resumed.

The runs for the record have thousands of simulations and are kept under docs/validation; here each check is run small, end to end.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytest
from scipy import stats
from typer.testing import CliRunner

from expsim_bayes.check import CHECKS, Outcome, Table, family, mistakes, run_check, verdict_engines, write
from expsim_bayes.check import fast as fast_check
from expsim_bayes.check.agreement import check_agreement, designs
from expsim_bayes.check.designs import fast_components, model_components, simulated, small
from expsim_bayes.check.engines import between
from expsim_bayes.check.family import Family, check_family
from expsim_bayes.check.features import features, z_of
from expsim_bayes.check.fits import Fits, Settings, Simulation, side_by_side
from expsim_bayes.check.imperfect_judge import GRID, Cell, Grid, check_imperfect_judge
from expsim_bayes.check.likelihood import log_likelihood
from expsim_bayes.check.mistakes import check_mistakes
from expsim_bayes.check.mutants import MUTANTS, check_mutants
from expsim_bayes.check.nuts import check_nuts
from expsim_bayes.check.prior_predictive import check_prior
from expsim_bayes.check.replayed import all_looks
from expsim_bayes.check.resume import Journal
from expsim_bayes.check.small import Design
from expsim_bayes.check.spoilt import SPOILT
from expsim_bayes.check.summaries import of_continuous, of_fast, of_imperfect_judge, of_prior
from expsim_bayes.check.uniformity import (
    ALPHA,
    Calibration,
    calibration,
    coverage_band,
    outside_band,
    power,
    predicted_below,
    ranks_below,
    run_again_if_doubtful,
    verdict,
)
from expsim_bayes.cli import exits
from expsim_bayes.cli.app import app
from expsim_bayes.errors import SettingError
from expsim_bayes.experiment import run
from expsim_bayes.fit import fit
from expsim_bayes.frozen import Frozen
from expsim_bayes.models import RECIPES
from expsim_bayes.models._recipe import Recipe
from expsim_bayes.posterior import beliefs
from expsim_bayes.ratings import Ratings, validate
from expsim_bayes.simulate import Streams

ROOT = Path(__file__).resolve().parents[1]


# Uniformity


def test_false_alarms_of_the_uniformity_tests_are_as_rare_as_they_say() -> None:
    rng = np.random.default_rng(1)
    p = np.array([calibration("q", rng.random(200)).p for _ in range(600)])
    # Two tests, each at alpha / 2: between alpha / 2 (were they the same) and alpha (were they exclusive), the chi-square being discrete.
    alarms = int((p < 0.05).sum())
    assert stats.binom.cdf(alarms, 600, 0.04) > 1e-4
    assert stats.binom.sf(alarms - 1, 600, 0.11) > 1e-4


@pytest.mark.parametrize(("shift", "scale"), [(0.3, 1.0), (0.0, 0.7), (0.0, 1.5), (-0.3, 1.0)])
def test_a_posterior_that_is_off_is_not_uniform(shift: float, scale: float) -> None:
    rng = np.random.default_rng(2)
    below = stats.norm.cdf((rng.normal(size=2_000) - shift) / scale)
    assert verdict([calibration("q", below)]) == "fail"


def test_ranks_with_ties_are_uniform() -> None:
    rng = np.random.default_rng(3)
    draws, truth = rng.integers(0, 3, (4_000, 19)), rng.integers(0, 3, 4_000)
    assert stats.kstest(ranks_below(truth.astype(float), draws.astype(float), rng), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("share", [1.0, 0.5, 0.001])
def test_what_is_not_a_number_is_not_calibrated(share: float) -> None:
    below = np.random.default_rng(5).random(1_000)
    below[: int(share * 1_000)] = np.nan
    good = calibration("good", np.random.default_rng(6).random(1_000))
    assert verdict([calibration("q", below), good]) == "fail"
    assert verdict([good, calibration("q", below)]) == "fail"


def test_the_stated_power_is_that_of_the_tests() -> None:
    shifted, shrunk = power(200, 49)
    assert shifted == pytest.approx(0.36, abs=0.09)  # independent simulations gave .36 and .86
    assert shrunk == pytest.approx(0.86, abs=0.08)


def test_which_of_several_is_uniform_where_the_probabilities_are_right_and_not_where_they_are_wrong() -> None:
    rng = np.random.default_rng(4)
    prob = rng.dirichlet(np.ones(3), 4_000)
    happened = (prob.cumsum(axis=1) < rng.random((4_000, 1))).sum(axis=1)
    assert stats.kstest(predicted_below(prob, happened, rng), "uniform").pvalue > 1e-3
    assert stats.kstest(predicted_below(prob[:, ::-1], happened, rng), "uniform").pvalue < 1e-6


def test_the_band_of_coverage_is_that_of_the_binomial() -> None:
    low, high = coverage_band(1_000, 0.9)
    assert (low, high) == pytest.approx((0.875, 0.924))
    row = Calibration("q", 1_000, 0.5, 0.5, (0.5, 0.8, 0.93, 0.95))
    assert outside_band([row]) == [("q", 0.9, 0.93)]


def test_a_doubtful_run_is_run_once_more_with_twice_the_simulations() -> None:
    asked: list[tuple[int, int]] = []

    def result(p: float, n: int, seed: int) -> tuple[Calibration, ...]:
        asked.append((n, seed))
        return (Calibration("q", n, p if len(asked) == 1 else 0.5, 0.5, (0.5, 0.8, 0.9, 0.95)),)

    doubtful = run_again_if_doubtful(lambda n, seed: result(0.01, n, seed), simulations=100, random_seed=7)
    assert asked == [(100, 7), (200, 8)]
    assert doubtful.passed
    assert len(doubtful.first) == 1
    asked.clear()
    failed = run_again_if_doubtful(lambda n, seed: result(1e-5, n, seed), simulations=100, random_seed=7)
    assert asked == [(100, 7)]
    assert not failed.passed


# The fast posterior


def test_the_replayed_experiment_is_the_one_that_run_plays() -> None:
    scenario = fast_check.design()
    replayed = all_looks(scenario, beliefs(scenario), simulations=30, random_seed=5)
    played = run(scenario, strategy="ab", random_seed=5, replications=30, truth="prior", history=False, latents=True)
    for name in (
        "latent_true",
        "latent_mean",
        "latent_sd",
        "latent_distance",
        "quality_mean",
        "effect_sd",
        "prob_best",
    ):
        np.testing.assert_allclose(replayed[name], played[name], rtol=1e-9, atol=1e-12)


def test_the_fast_posterior_is_calibrated_also_at_the_stopping_time() -> None:
    found = fast_check.check_fast(600, random_seed=11)
    assert set(found) == {"ab", "sequential", "bandit"}
    assert of_fast(found).passed


def test_wrong_posteriors_are_rejected_and_the_right_one_is_not() -> None:
    found = check_mutants(1_000, random_seed=12)
    assert [one.mutant for one in found if one.rejected] == [mutant.name for mutant in MUTANTS]


# One story, told three times


def test_the_tellings_agree_before_any_data() -> None:
    found = check_prior(400, random_seed=13, power_runs=1)
    assert of_prior(found).passed
    assert {one.name.split(",")[0] for one in found.comparisons} == {
        "simulator and PyMC model",
        "prior of a fit and PyMC model",
    }


def test_features_tell_two_distributions_apart() -> None:
    known = simulated(small(), Streams(1, 0, 1_500))
    same = simulated(small(), Streams(2, 0, 1_500))
    noisier = simulated(small(items={"sd": 0.8, "interaction_sd": 0.3}), Streams(2, 0, 1_500))
    names, one, other = features(known.score, same.score, known.data)
    assert np.abs(z_of(one, other)).max() < stats.norm.isf(ALPHA / (2 * len(names)))
    names, one, other = features(known.score, noisier.score, known.data)
    assert np.abs(z_of(one, other)).max() > 8


def test_a_sample_that_is_not_a_number_differs_from_one_that_is() -> None:
    known = simulated(small(), Streams(1, 0, 200))
    broken = known.score.copy()
    broken[0] = np.nan
    _, one, other = features(known.score, broken, known.data)
    assert np.abs(z_of(one, other)).max() > 1e6


def test_components_are_the_same_in_both_tellings() -> None:
    for scenario in designs().values():
        known = simulated(scenario, Streams(3, 0, 1))
        fast, model = fast_components(scenario, known.data), model_components(scenario, known.data)
        for name in ("sd_item", "sd_interaction", "sd_rater", "sd_taste", "sd_opinion", "sd_noise"):
            np.testing.assert_array_equal(getattr(fast, name), getattr(model, name))
        np.testing.assert_array_equal(fast.scale, model.scale_use)
        assert fast.sd_shift.max() == model.sd_shift
        assert fast.sd_output.max() == model.sd_output


@pytest.mark.long
def test_nuts_and_the_fast_posterior_agree() -> None:
    (found,) = check_agreement(1, random_seed=14, draws=1_500)
    assert found.passed, found
    assert found.effects >= 10
    assert not found._replace(mean_apart=0.2).passed
    assert not found._replace(sd_apart=0.2).passed
    assert not found._replace(prob_best_apart=0.2).passed


def test_points_and_nuts_agree_on_verdicts_of_raters_who_err() -> None:
    name, strategy, scenario = verdict_engines.designs()[6]
    found = verdict_engines.compare(name, scenario, strategy, 2032, draws=1_500)
    assert found.passed, found
    assert found.numbers == 9  # 3 rates, 2 differences, sensitivity and specificity of judge and people
    assert found.others_apart < 0.1
    assert not found._replace(sd_apart=0.2).passed


def test_two_fits_of_the_same_ratings_are_compared_number_by_number() -> None:
    ratings = simulated(next(iter(designs().values())), Streams(3, 0, 1)).ratings
    one, other = (fit(ratings, engine="fast", draws=1_000, random_seed=seed) for seed in (1, 2))
    found = between("seeds", len(ratings.table), one, other)
    assert found.passed, found
    assert 0 < found.mean_apart < 0.1
    sd = float(one["posterior"]["quality"].sel(variant="B").std())
    moved = other.copy()
    moved["posterior"] = other["posterior"].to_dataset().assign(quality=lambda d: d.quality + sd * (d.variant == "B"))
    spoilt = between("moved", len(ratings.table), one, moved)
    assert spoilt.mean_apart > 0.9
    assert not spoilt.passed
    assert spoilt.others_apart == found.others_apart


# The sampled model


@pytest.mark.long
def test_calibration_of_the_sampled_model_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[Any] = []
    compile_model = nutpie.compile_pymc_model

    def once(*arguments: Any, **names: Any) -> Any:
        """Both runs sample the same model: only their data differ."""
        compiled.extend([] if compiled else [compile_model(*arguments, **names)])
        return compiled[0]

    monkeypatch.setattr(nutpie, "compile_pymc_model", once)
    settings = Settings(chains=2, tune=300, draws=200)
    file = tmp_path / "continuous.jsonl"
    whole = check_nuts(2, random_seed=15, settings=settings, file=file)
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:-1]) + lines[-1][:30], encoding="utf-8")  # the last line was cut short
    told: list[str] = []
    resumed = check_nuts(2, random_seed=15, settings=settings, file=file, progress=lambda _, words: told.append(words))
    assert [one.number for one in resumed.simulations] == [0, 1]
    assert told == ["sampled model: compiling", "sampled model: 2 of 2 data sets"]
    assert resumed.simulations[0] == whole.simulations[0]
    assert resumed.begun_utc == whole.begun_utc
    for one, other in zip(resumed.simulations, whole.simulations, strict=True):
        assert one.below == pytest.approx(other.below, abs=1e-12)
    assert all(0 < value < 1 for one in whole.simulations for value in one.below.values())
    told_of = set(whole.simulations[0].below)
    assert {"joint log-likelihood", "which variant is best", "loss if the leader were launched"} <= told_of


def test_a_journal_of_another_run_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    Journal(file, {"random_seed": 1}).append({"number": 0})
    before = file.read_bytes()
    again = Journal(file, {"random_seed": 1})
    assert again.rows() == [{"number": 0}]
    with pytest.raises(SettingError, match=r"journal.jsonl: holds 1 simulations made with other settings"):
        Journal(file, {"random_seed": 2})
    assert file.read_bytes() == before


def test_fits_that_did_not_converge_fail_the_check() -> None:
    good = Simulation(0, {"q": 0.5}, 0, 1.005, 900.0)
    rows = (Calibration("q", 100, 0.5, 0.5, (0.5, 0.8, 0.9, 0.95)),)
    few = Fits((*[good] * 97, *[good._replace(divergences=1)] * 3), rows, "", "")
    many = Fits((*[good] * 96, *[good._replace(divergences=1)] * 4), rows, "", "")
    unconverged = Fits((*[good] * 96, *[good._replace(r_hat=float("nan"))] * 4), rows, "", "")
    assert of_continuous(few, Settings()).passed
    assert not of_continuous(many, Settings()).passed
    assert not of_continuous(unconverged, Settings()).passed
    assert "3 of 100 fits had a divergence" in " ".join(of_continuous(few, Settings()).said)


# Models with a recipe, on a toy: scores of two variants with a given noise


def toy_model(ratings: Ratings, priors: Any) -> pm.Model:
    table = ratings.table
    variant = table["variant"].map({"A": 0, "B": 1}).to_numpy()
    with pm.Model(coords={"variant": ["A", "B"], "row": np.arange(len(table))}) as model:
        seen = pm.Data("score_of", table["score"].to_numpy(), dims="row")
        pm.Data("rater_of", np.arange(len(table)), dims="row")
        quality = pm.Normal("quality", 0.0, priors.sd_variant, dims="variant")
        pm.Deterministic("twice", 2.0 * quality, dims="variant")
        pm.Deterministic("one", 1.0 + 0.0 * quality[0])
        pm.Normal("score", quality[variant], 1.0, observed=seen, dims="row")
    return model


class ToyPriors(Frozen):
    sd_variant: float = 1.0


TOY = Recipe(
    name="toy",
    title="scores of two variants",
    outcome="score",
    priors=ToyPriors,
    build=toy_model,
    observed={"score": "score_of"},
    features=lambda _values, _constant: {},
    sentences=lambda _ratings, _priors: (),
)
SHORT = Settings(chains=2, tune=200, draws=200)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Ratings:
    frame = pd.DataFrame({"variant": list("AB") * 4, "item": list("11223344"), "rater": "ann", "score": 0.0})
    ratings = validate(frame, score_range=(-9, 9))
    for module in (family, mistakes):
        monkeypatch.setattr(module, "recipe", lambda _name: TOY)
        monkeypatch.setattr(module, "small", lambda _name: Design(ratings, ToyPriors()))
    return ratings


def test_the_joint_log_likelihood_is_that_of_the_data_it_is_given(toy: Ratings) -> None:
    at = log_likelihood(toy_model(toy, ToyPriors()), ("score_of",))
    data, quality = np.arange(8.0), np.array([[0.0, 1.0], [2.0, 3.0]])
    expected = [np.sum(stats.norm.logpdf(data, np.tile(row, 4))) for row in quality]
    np.testing.assert_allclose(at({"score_of": data}, {"quality": quality}), expected, rtol=1e-12)


def test_a_model_with_a_recipe_is_calibrated_and_goes_on_where_it_stopped(toy: Ratings, tmp_path: Path) -> None:
    begun = check_family("toy", 20, random_seed=16, settings=SHORT, folder=tmp_path)
    more = check_family("toy", 24, random_seed=16, settings=SHORT, folder=tmp_path)
    assert more.fits.simulations[:20] == begun.fits.simulations
    names = list(more.fits.simulations[0].below)
    assert names == [
        "twice[A]", "twice[B]", "quality[A]", "quality[B]", "quality[B] - quality[A]", "loss if the leader were launched",
        "quality[B] x twice[A]", "joint log-likelihood", "which variant is best",
    ]  # fmt: skip
    assert all(0 < value < 1 for one in more.fits.simulations for value in one.below.values())
    assert more.runs.passed
    single = Family(TOY, Design(toy, ToyPriors()), 1, random_seed=16, settings=SHORT)
    assert single.simulation(0).below == pytest.approx(begun.fits.simulations[0].below, abs=1e-6)


@pytest.mark.long
def test_wrong_fits_are_rejected_and_the_right_one_is_not(
    toy: Ratings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(toy.variants) == {"A", "B"}
    monkeypatch.setitem(SPOILT, "toy", {"scores have the wrong sign": lambda data, _: {"score_of": -data["score_of"]}})
    found = check_mistakes("toy", 50, random_seed=17, settings=SHORT, folder=tmp_path)
    rejected = {one.mutant: one.rejected for one in found}
    assert not rejected.pop("nothing: the fit as it is")
    assert rejected.pop("scores have the wrong sign")
    assert rejected.pop("the data are ignored")
    assert rejected.pop("posterior SDs times .7")
    assert list(rejected) == ["prior SDs are halved"]  # which eight scores with little noise tell little of


@pytest.mark.long
def test_intervals_for_fixed_rates_are_counted_by_truth_and_a_run_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, simulations = Settings(chains=2, tune=150, draws=150), len(GRID)
    found = check_imperfect_judge(simulations, random_seed=3, settings=settings, folder=tmp_path)
    assert [(cell.rate, (cell.sensitivity, cell.specificity)) for cell in found.cells] == list(GRID)
    assert all(cell.data_sets == 1 and 0 < cell.width < 0.7 and abs(cell.bias) < 0.3 for cell in found.cells)
    assert np.mean([cell.covered for cell in found.cells]) > 0.7
    monkeypatch.setattr("nutpie.compile_pymc_model", None)
    assert check_imperfect_judge(simulations, random_seed=3, settings=settings, folder=tmp_path) == found
    outcome = of_imperfect_judge(found, settings)
    assert outcome.passed == (not any(cell.too_low for cell in found.cells))
    assert outcome.simulations == simulations
    assert len(outcome.tables[0].rows) == len(GRID)


@pytest.mark.parametrize(("covered", "too_low"), [(0.95, False), (0.88, False), (0.84, True), (0.0, True)])
def test_a_share_of_intervals_is_too_low_where_chance_does_not_explain_it(covered: float, too_low: bool) -> None:  # noqa: FBT001
    cell = Cell(0.5, 0.9, 0.9, 200, covered, 0.1, 0.0, 0.0, 0)
    assert cell.too_low == too_low
    assert of_imperfect_judge(Grid((cell,), "", ""), Settings()).passed != too_low


def test_what_can_go_wrong_with_observations_is_known_of_every_model() -> None:
    assert set(SPOILT) == set(RECIPES)


def test_an_error_in_one_fit_stops_the_others() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError
        return number

    with pytest.raises(ValueError, match=r"^$"):
        list(side_by_side(work, range(50)))


# Pages and command line

TABLE = Table("Numbers", {"what": "", "p": ".2f"}, (("a|b", 0.123), ("c", 1.0)))


def written(folder: Path, name: str = "fast", *, passed: bool = True) -> dict[str, Any]:
    outcome = Outcome(passed, 1_000, ("It is so.",), (TABLE,), {"chains": 4})
    write(name, outcome, folder, random_seed=3, begun=datetime.now(UTC))
    result: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return result


def test_a_result_says_with_what_it_was_made(tmp_path: Path) -> None:
    result = written(tmp_path)
    assert result["random_seed"] == 3
    assert result["chains"] == 4
    assert result["versions"]["pymc"]
    assert result["begun_utc"] <= result["ended_utc"]
    assert result["tables"] == {"Numbers": [{"what": "a|b", "p": 0.123}, {"what": "c", "p": 1.0}]}
    page = (tmp_path / "fast.md").read_text(encoding="utf-8")
    assert "| a\\|b | 0.12 |" in page
    assert "expsim check fast --simulations 1000 --seed 3" in page


def test_the_front_page_has_a_row_for_every_result(tmp_path: Path) -> None:
    written(tmp_path, "prior", passed=False)
    written(tmp_path, "fast")
    rows = [
        line for line in (tmp_path / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| [")
    ]
    assert [(row.split("](")[1][:4], "FAIL" in row) for row in rows] == [("fast", False), ("prio", True)]


def test_a_folder_with_a_page_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Mine\n", encoding="utf-8")
    with pytest.raises(SettingError, match=r"not a page of expsim"):
        written(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "# Mine\n"


def test_the_command_writes_pages_and_its_exit_code_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def invoke(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["check", *words])
        return done.exit_code, done.stdout

    code, text = invoke("fast", "--simulations", "400", "--seed", "1", "--out", str(tmp_path), "--json")
    assert code == 0
    assert json.loads(text)["checks"]["fast"]["passed"]
    assert (tmp_path / "fast.md").exists()
    fails = CHECKS["fast"]._replace(run=lambda *_: Outcome(False, 9, ("It is not so.",), (TABLE,)))  # noqa: FBT003
    monkeypatch.setitem(CHECKS, "fast", fails)
    code, text = invoke("fast")
    assert code == exits.REFUSED
    assert "FAIL" in text
    assert "a|b" in text
    assert invoke("slow")[0] == exits.BAD_INPUT
    assert invoke("mutants", "--simulations", "99")[0] == exits.BAD_INPUT
    (tmp_path / "file").touch()
    assert invoke("mutants", "--out", str(tmp_path / "file"))[0] == exits.BAD_INPUT
    assert invoke("--simulations", "9")[0] == exits.BAD_INPUT


def test_an_unknown_check_is_refused() -> None:
    with pytest.raises(SettingError, match=r"'slow' is no check"):
        run_check("slow")


@pytest.mark.parametrize("name", CHECKS)
def test_the_result_on_record_passes_and_is_of_full_size(name: str) -> None:
    result = json.loads((ROOT / "docs" / "validation" / f"{name}.json").read_text(encoding="utf-8"))
    assert result["passed"]
    assert result["simulations"] >= CHECKS[name].simulations
    assert not result["commit"].endswith("+")
