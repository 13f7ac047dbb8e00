"""Sensitivity to priors: closed forms of a normal model, densities against PyMC's own, and what is said of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
import xarray as xr
from scipy.stats import halfnorm, norm
from typer.testing import CliRunner

from expsim_bayes.cli.app import app
from expsim_bayes.errors import SettingError
from expsim_bayes.fit import fit
from expsim_bayes.models import binary, classes, continuous, operations, ordinal
from expsim_bayes.models import recipe as recipe_of
from expsim_bayes.models._prior_density import log_priors, top_level
from expsim_bayes.models._priors import Priors, Scale
from expsim_bayes.models._score_prior import log_priors as score_log_priors
from expsim_bayes.ratings import validate
from expsim_bayes.sensitivity import called, importance, moved_mean, sensitivity
from expsim_bayes.simulate import binary as verdicts
from expsim_bayes.simulate import classes as labels
from expsim_bayes.simulate import operations as calls
from expsim_bayes.simulate import ordinal as stars

if TYPE_CHECKING:
    from pathlib import Path

PRIOR_SD, BETWEEN_SD = 0.5, 0.3
MEANS, ERROR = np.array([0.1, 0.55]), 0.35
DRAWS = 4_000


def closed_form(power: float) -> tuple[float, float]:
    """Mean and SD of B less A where A and B ~ Normal(0, PRIOR_SD), the prior to a power, and each is seen with an error."""
    precision = power / PRIOR_SD**2 + 1 / ERROR**2
    return float(np.diff(MEANS)[0] / ERROR**2 / precision), float(np.sqrt(2 / precision))


def normal_fit(
    *, seed: int = 1, draws: int = DRAWS, control: str | None = "A", level: str = "ok", thin: int = 1
) -> xr.DataTree:
    """Independent exact draws of that model; `sd_between` has a prior of its own, of which the data say nothing."""
    rng = np.random.default_rng(seed)
    precision = 1 / PRIOR_SD**2 + 1 / ERROR**2
    quality = rng.normal(MEANS / ERROR**2 / precision, precision**-0.5, (4, draws // 4, 2))
    sd = np.abs(rng.normal(0, BETWEEN_SD, (4, draws // 4)))
    some = slice(None, None, thin)
    axis = {"draw": np.arange(draws // 4)}
    kept = {"draw": axis["draw"][some]}
    prior = {
        "q": (("chain", "draw"), np.asarray(norm.logpdf(quality, 0, PRIOR_SD)).sum(axis=2)[:, some]),
        "sd_between": (("chain", "draw"), np.asarray(halfnorm.logpdf(sd, scale=BETWEEN_SD))[:, some]),
    }
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(
                {"quality": (("chain", "draw", "variant"), quality), "sd_between": (("chain", "draw"), sd)},
                {**axis, "variant": ["A", "B"]},
            ),
            "log_prior": xr.Dataset(prior, kept),
            "log_likelihood": xr.Dataset(
                {"score": (("chain", "draw", "rating"), np.asarray(norm.logpdf(MEANS, quality, ERROR))[:, some])}, kept
            ),
        }
    )
    tree.attrs = {
        "model": "continuous",
        "control": json.dumps(control),
        "higher_is_better": "true",
        "verdict": json.dumps({"level": level, "reasons": ["R-hat is 2."]}),
    }
    return tree


@pytest.mark.parametrize("thin", [1, 2])
def test_a_weaker_and_a_stronger_prior_are_those_of_the_closed_form(thin: int) -> None:
    found = sensitivity(normal_fit(thin=thin))
    assert (found.leader, found.against, found.draws) == ("B", "A", DRAWS // thin)
    for row in found.scaled:
        mean, sd = closed_form(row.power if row.prior in ("q", "all priors") else 1.0)
        assert row.trusted
        assert row.prob_best is not None
        assert abs(row.prob_best.value - norm.cdf(mean / sd)) < 4 * row.prob_best.mcse + 1e-9
        assert abs(row.number.value - mean) < 4 * row.number.mcse + 1e-9
        assert row.prob_best.mcse < 0.02
    for row in found.scaled:
        if row.prior == "sd_between":  # says nothing of the variants
            assert row.moved is not None
            assert abs(row.moved.value) < 4 * row.moved.mcse


def test_the_error_of_a_move_is_what_repetitions_show() -> None:
    moves, errors = [], []
    for seed in range(60):
        tree = normal_fit(seed=seed, draws=1_000)
        quality = tree["posterior"].to_dataset()["quality"]
        is_best = (quality.isel(variant=1) > quality.isel(variant=0)).astype(float)
        weights, _ = importance(tree["log_prior"].to_dataset()["q"], 2.0)
        move = moved_mean(is_best, weights)
        moves.append(move.value)
        errors.append(move.mcse)
    assert np.mean(errors) == pytest.approx(np.std(moves), rel=0.35)


def test_weights_are_those_of_the_density() -> None:
    log_density = xr.DataArray(np.random.default_rng(3).normal(size=(4, 500)), dims=("chain", "draw"))
    weights, k_hat = importance(log_density, 1.5)
    exact = np.exp(0.5 * log_density)
    assert float(np.abs(weights - exact / exact.sum()).max()) < 2e-4
    assert k_hat < 0.5
    same, k_hat = importance(log_density, 1.0)
    assert np.allclose(same, 1 / 2000)
    assert k_hat == -np.inf


def test_sensitivity_of_single_numbers_is_what_arviz_says() -> None:
    tree = normal_fit()
    found = {row.name: row for row in sensitivity(tree).hangs}
    assert set(found) == {"B against A", "quality of A", "quality of B", "sd_between"}
    for group, name in (("prior", "prior"), ("likelihood", "likelihood")):
        theirs = az.psense(tree, group=group, var_names=["quality", "sd_between"])
        assert getattr(found["quality of B"], name) == pytest.approx(
            float(theirs["quality"].sel(variant="B")), rel=1e-6
        )
        assert getattr(found["sd_between"], name) == pytest.approx(float(theirs["sd_between"]), rel=1e-6)
    assert found["sd_between"].diagnosis == "rests on its prior"
    assert found["sd_between"].by_prior[0][0] == "sd_between"
    assert found["quality of B"].by_prior[0][0] == "q"


def test_what_is_said() -> None:
    found = sensitivity(normal_fit(), threshold=0.75)
    assert found.sentences[0].startswith(
        "The answer hangs on what was assumed of the differences between variants (q): were that prior twice"
    )
    assert "rest on their priors rather than on the ratings" in " ".join(found.sentences)
    assert called("q") in found.sentences[0]
    crossed = sensitivity(normal_fit(), threshold=float(norm.cdf(np.divide(*closed_form(1.4)))))
    assert "to the other side of the" in crossed.sentences[0]


def test_a_prior_that_moves_nothing_is_said_to_move_nothing() -> None:
    tree = normal_fit()
    tree["log_prior"] = tree["log_prior"].to_dataset()[["sd_between"]]
    found = sensitivity(tree)
    assert found.sentences[0].startswith("The answer does not hang on the priors")
    assert {row.prior for row in found.scaled} == {"sd_between"}  # one prior is all priors


def test_a_prior_that_the_draws_do_not_reach_is_not_trusted() -> None:
    tree = normal_fit()
    far = tree["log_prior"].to_dataset()
    tree["log_prior"] = far.assign(q=20 * far["q"])
    found = sensitivity(tree)
    assert any(not row.trusted for row in found.scaled if row.prior == "q")
    assert any(text.startswith("warning: too few draws lie where") for text in found.sentences)


def test_the_best_leads_and_the_second_best_is_against_it() -> None:
    assert sensitivity(normal_fit(control=None)).against == "A"
    assert sensitivity(normal_fit(control="B")).against == "A"  # the control leads
    lower = normal_fit()
    lower.attrs["higher_is_better"] = "false"
    assert sensitivity(lower).leader == "A"


def test_one_variant_has_no_chance_of_being_best() -> None:
    tree = normal_fit(control=None)
    tree["posterior"] = tree["posterior"].to_dataset().isel(variant=[1])
    found = sensitivity(tree)
    assert (found.prob_best, found.against) == (None, "")
    assert found.sentences[0].startswith("Nothing is compared. Mean quality")


def test_a_fit_without_densities_is_refused() -> None:
    tree = normal_fit()
    del tree["log_prior"]
    with pytest.raises(SettingError, match="fit it again"):
        sensitivity(tree)


def test_the_command(tmp_path: Path) -> None:
    path = str(tmp_path / "fit.nc")
    normal_fit().to_netcdf(path, engine="h5netcdf")
    run = CliRunner().invoke(app, ["sensitivity", path])
    assert run.exit_code == 0, run.output
    words = " ".join(run.output.split())
    assert words.startswith("- The answer hangs on what was assumed")
    assert "Twice as strong" in words
    found = json.loads(CliRunner().invoke(app, ["sensitivity", path, "--json"]).stdout)
    assert found["leader"] == "B"
    assert {row["prior"] for row in found["scaled"]} == {"all priors", "q", "sd_between"}
    normal_fit(level="refuse").to_netcdf(path, engine="h5netcdf")
    refused = CliRunner().invoke(app, ["sensitivity", path])
    assert refused.exit_code == 3
    assert "chance" not in refused.output
    none = normal_fit()
    del none["log_prior"]
    none.to_netcdf(path, engine="h5netcdf")
    assert CliRunner().invoke(app, ["sensitivity", path]).exit_code == 2


@pytest.mark.long
def test_a_fit_with_the_stronger_prior_says_what_the_weights_say() -> None:
    """Normal priors to the power 2 are normal priors with an SD divided by 1.41."""
    ratings = stars.small(1)
    first = fit(ratings, draws=1_000, tune=700, random_seed=3)
    found = sensitivity(first)
    (row,) = (row for row in found.scaled if (row.prior, row.power) == ("q", 2.0))
    again = fit(
        ratings, priors=Priors(sd_variant=Priors().sd_variant / np.sqrt(2)), draws=1_000, tune=700, random_seed=4
    )
    direct = sensitivity(again).prob_best
    assert sensitivity(again).leader == found.leader
    assert row.trusted
    assert row.prob_best is not None
    assert direct is not None
    assert abs(row.prob_best.value - direct.value) < 4 * np.hypot(row.prob_best.mcse, direct.mcse)


# densities of the priors


def test_priors_of_stars_are_those_that_a_person_chose() -> None:
    ratings = stars.small()
    model = ordinal.build_model(ratings)
    names = top_level(model, recipe_of("ordinal").nested)
    assert {"q_raw", "shares", "sd_item", "sd_shift", "log_scale_use"} <= set(names)
    assert not {name for name in names if name.startswith(("severity", "shift_", "taste_", "item_"))}


def test_multiples_of_an_estimated_spread_have_no_prior_of_their_own() -> None:
    names = top_level(binary.build_model(verdicts.small()), recipe_of("binary").nested)
    assert {"q_raw", "level", "sensitivity_logit", "sd_shift"} <= set(names)
    assert not {name for name in names if name.endswith("_raw")} - {"q_raw"}


def test_a_prior_whose_strength_is_given_counts_although_its_middle_is_estimated() -> None:
    made = recipe_of("classes")
    names = top_level(classes.build_model(labels.small()), made.nested, made.chosen)
    assert set(names) == {"share", "share_of_variant", "confusion"}


def test_the_density_of_quality_is_that_of_the_story() -> None:
    ratings = stars.small()
    model = ordinal.build_model(ratings)
    draws = prior_draws(model)
    found = log_priors(model, draws, without=recipe_of("ordinal").nested)
    exact = np.asarray(norm.logpdf(draws["q"], 0, ordinal.Priors().sd_variant)).sum(axis=-1)
    np.testing.assert_allclose(found["q"], exact, rtol=1e-8)
    np.testing.assert_allclose(
        found["sd_item"], halfnorm.logpdf(draws["sd_item"], scale=ordinal.Priors().sd_item), rtol=1e-8
    )


def test_a_normal_with_a_mean_that_moves_has_a_prior() -> None:
    ratings = calls.small()
    model = operations.build_model(ratings)
    draws = prior_draws(model)
    found = log_priors(model, draws, without=recipe_of("operations").nested)
    assert {"log_typical", "log_noise", "log_typical_noise"} <= set(found)
    noise: Any = norm.logpdf(
        draws["log_noise"], draws["log_typical_noise"].to_numpy()[..., None], operations.Priors().log_noise_sd
    )
    np.testing.assert_allclose(found["log_noise"], noise.sum(axis=-1), rtol=1e-8)


def prior_draws(model: pm.Model) -> xr.Dataset:
    """A few draws of everything before any rating is seen."""
    names = [rv.name for rv in (*model.free_RVs, *model.deterministics)]
    with model:
        tree: Any = pm.sample_prior_predictive(
            4, var_names=names, random_seed=2, compile_kwargs={"mode": "FAST_COMPILE"}
        )
    found: xr.Dataset = tree["prior"].to_dataset()
    return found


def test_densities_of_the_score_story_are_those_of_its_explicit_model() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (variant, str(item), rater, "llm" if rater == "judge" else "human", rng.uniform(1, 5))
        for item in range(8)
        for variant in "AB"
        for rater in ("ann", "bob", "judge")
    ]
    ratings = validate(pd.DataFrame(rows, columns=["variant", "item", "rater", "kind", "score"]), score_range=(1, 5))
    priors, scale = Priors(), Scale(3.0, 4.0, "")
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        model = continuous.build_model(ratings, priors)
        draws = prior_draws(model)
        names = [
            rv.name for rv in model.free_RVs if rv.name in {"level", "q", "log_scale_use"} or rv.name.startswith("sd_")
        ]
        with model:
            theirs = pm.stats.compute_log_prior(
                xr.DataTree.from_dict({"posterior": draws[[rv.name for rv in model.free_RVs]]}),
                var_names=names,
                progressbar=False,
            )["log_prior"].to_dataset()
    several = {"sd_rater": "severity_pool", "sd_taste": "taste_pool", "sd_opinion": "opinion_pool"}
    full, estimated = {}, {}
    for name in ("level", "q", "scale_use", *(n for n in names if n.startswith("sd_"))):
        values = draws[name]
        if several.get(name) in values.dims:  # zero for evaluators that have none
            pools = [str(who) for who in values[several[name]].to_numpy()]
            values = values.rename({several[name]: "evaluator"}).reindex(evaluator=draws["evaluator"], fill_value=0.0)
            estimated[name] = np.isin(draws["evaluator"].to_numpy().astype(str), pools)
        else:
            estimated[name] = np.ones(values.shape[2:], dtype=bool)
        full[name] = values
    estimated["scale_use"] = np.asarray(draws["scale_use"][0, 0] != 1.0)
    mine = score_log_priors(xr.Dataset(full), estimated, priors, scale)
    assert {"scale_use", "sd_shift", "sd_noise", "sd_rater"} <= set(mine)
    for name in names:
        other = theirs[name].sum([dim for dim in theirs[name].dims if dim not in ("chain", "draw")])
        np.testing.assert_allclose(mine[name.removeprefix("log_")], other, rtol=1e-8, err_msg=name)
