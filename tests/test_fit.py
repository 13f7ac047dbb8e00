"""Fits by NUTS: recovery, the contract of the result, reproducibility, files, and the real data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from arviz_contract import holds

import expsim_bayes.fit as module
from expsim_bayes.diagnostics import Verdict, gate
from expsim_bayes.errors import SettingError
from expsim_bayes.fit import fit
from expsim_bayes.models._groups import DIMS
from expsim_bayes.models.continuous import Priors
from expsim_bayes.posterior.fitted import stacked
from expsim_bayes.predictive import check_predictions
from expsim_bayes.ratings import Ratings, validate

pytestmark = pytest.mark.slow

DRAWS = 700
TRUTH = {"A": -0.25, "B": 0.05, "C": 0.3}
SHIFT = {"A": 0.3, "B": -0.2, "C": 0.0}
SEVERITY = {"ann": -0.5, "bob": 0.1, "cat": 0.0, "dan": 0.5}


def pretend(seed: int = 4) -> Ratings:
    """A judge and four people on 60 items by three variants, on a scale of 1 to 5."""
    rng = np.random.default_rng(seed)
    rows = []
    for item in range(60):
        ease = rng.normal(0, 0.5)
        for variant, q in TRUTH.items():
            worth = q + ease + rng.normal(0, 0.25)
            rows.append((variant, item, "judge", "llm", 2.8 + 1.3 * worth + SHIFT[variant] + rng.normal(0, 0.4)))
            rows += [
                (variant, item, name, "human", 3 + worth + b + rng.normal(0, 0.6))
                for name, b in SEVERITY.items()
                if rng.random() < 0.6
            ]
    frame = pd.DataFrame(rows, columns=["variant", "item", "rater", "kind", "score"])
    return validate(frame.assign(item=frame.item.astype(str)), control="A")


@pytest.fixture(scope="module")
def fitted() -> xr.DataTree:
    return fit(pretend(), draws=DRAWS, tune=700, random_seed=7)


@pytest.fixture(scope="module")
def quick() -> xr.DataTree:
    return fit(pretend(), engine="fast", draws=DRAWS, random_seed=7)


def test_known_truth_is_recovered(fitted: xr.DataTree) -> None:
    posterior = fitted["posterior"].to_dataset()
    truths = {
        "q": xr.DataArray(list(TRUTH.values()), {"variant": list(TRUTH)}),
        "severity": xr.DataArray(list(SEVERITY.values()), {"rater": list(SEVERITY)}),
        "scale_use": xr.DataArray([1.3], {"evaluator": ["judge"]}),
        "sd_item": xr.DataArray(0.5),
        "sd_noise": xr.DataArray([0.4, 0.6], {"evaluator": ["judge", "human"]}),
    }
    for name, truth in truths.items():
        z = (posterior[name].mean(("chain", "draw")) - truth) / posterior[name].std(("chain", "draw"))
        assert float(np.abs(z).max()) < 3.3, name
    difference = posterior["q"].sel(variant="C") - posterior["q"].sel(variant="A")
    assert float(difference.std()) < 0.15


def test_fit_passes_the_gate(fitted: xr.DataTree) -> None:
    verdict = Verdict.from_json(fitted.attrs["verdict"])
    assert verdict.level == "ok", verdict.reasons
    assert verdict == gate(fitted)


def test_groups_dims_and_coords_are_the_contract(fitted: xr.DataTree) -> None:
    groups = {
        "posterior", "effects", "posterior_predictive", "log_likelihood", "log_prior", "prior", "prior_predictive", "sample_stats",
        "observed_data", "constant_data", "raters",
    }  # fmt: skip
    assert set(fitted.children) == groups
    for group in ("posterior", "prior"):
        for name, variable in fitted[group].data_vars.items():
            assert variable.dims == ("chain", "draw", *DIMS[str(name)])
    assert fitted["posterior"].to_dataset()["variant"].to_numpy().tolist() == ["A", "B", "C"]
    assert set(fitted["effects"].data_vars) == {"item_effect", "interaction"}
    rating = fitted["observed_data"].sizes["rating"]
    assert fitted["posterior_predictive"].sizes["rating"] == rating == fitted["log_likelihood"].sizes["rating"]
    assert not fitted["posterior"]["shift"].sel(evaluator="human").any()
    assert np.isnan(fitted["posterior"]["severity"].sel(rater="judge")).all()


def test_arviz_reads_both(fitted: xr.DataTree, quick: xr.DataTree) -> None:
    for tree in (fitted, quick):
        holds(tree)
    assert float(az.bfmi(fitted)["energy"].min()) == pytest.approx(gate(fitted).bfmi, rel=0.01)
    assert {"lp", "tree_depth", "acceptance_rate", "diverging"} <= set(fitted["sample_stats"].data_vars)
    constant = fitted["constant_data"].to_dataset()
    assert set(constant["item"].to_numpy()) >= set(fitted["effects"]["item"].to_numpy())


def test_a_fit_without_a_sampler_holds_and_says_the_same(fitted: xr.DataTree, quick: xr.DataTree) -> None:
    assert set(fitted.children) == set(quick.children)
    for name in set(fitted.children) - {"sample_stats"}:
        one, other = fitted[name].to_dataset(), quick[name].to_dataset()
        assert {str(key): value.dims for key, value in one.items()} == {
            str(key): value.dims for key, value in other.items()
        }
        assert one.sizes == other.sizes
        assert set(one.coords) == set(other.coords)
    assert set(fitted.attrs) == set(quick.attrs) - {"integration"}
    assert (fitted.attrs["engine"], quick.attrs["engine"]) == ("nuts", "fast")
    sampled, drawn = stacked(fitted, "quality"), stacked(quick, "quality")
    for slow, fast in ((sampled, drawn), (np.diff(sampled, axis=1), np.diff(drawn, axis=1))):
        assert np.abs((slow.mean(axis=0) - fast.mean(axis=0)) / slow.std(axis=0)).max() < 0.15
        np.testing.assert_allclose(fast.std(axis=0) / slow.std(axis=0), 1.0, atol=0.1)


def test_effects_are_those_of_the_predictions(fitted: xr.DataTree) -> None:
    """Residuals of the ratings from posterior mean predictions are about noise: items and interactions are in."""
    predicted = fitted["posterior_predictive"]["score"].mean(("chain", "draw"))
    residual = fitted["observed_data"]["score"] - predicted
    judge = fitted["constant_data"]["evaluator_of"] == fitted["posterior"].to_dataset()[
        "evaluator"
    ].to_numpy().tolist().index("judge")
    assert 0.2 < float(residual.where(judge).std()) < 0.45
    assert all(check.reproduced for check in check_predictions(fitted, score_range=(-3, 9)))


def test_provenance_can_be_read_again(fitted: xr.DataTree) -> None:
    attrs = fitted.attrs
    assert all(isinstance(value, str | int | float) and not isinstance(value, bool) for value in attrs.values())
    assert json.loads(attrs["settings"])["draws"] == DRAWS
    assert json.loads(attrs["versions"])["nutpie"]
    assert Priors.model_validate_json(attrs["priors"]) == Priors()
    assert attrs["data_sha256"] == pretend().sha256
    assert attrs["random_seed"] == 7
    assert any("one generation" in sentence for sentence in json.loads(attrs["terms"]))


@pytest.mark.parametrize("form", ["netcdf", "zarr"])
def test_files_give_back_the_fit(fitted: xr.DataTree, tmp_path: Path, form: str) -> None:
    if form == "netcdf":
        fitted.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
        back = xr.open_datatree(tmp_path / "fit.nc", engine="h5netcdf")
    else:
        pytest.importorskip("zarr")
        fitted.to_zarr(tmp_path / "fit.zarr", consolidated=False)
        back = xr.open_datatree(tmp_path / "fit.zarr", engine="zarr", consolidated=False)
    xr.testing.assert_identical(back.load(), fitted)
    assert gate(back) == gate(fitted)


@pytest.mark.long
def test_same_seed_gives_the_same_draws(fitted: xr.DataTree) -> None:
    shares: list[float] = []
    again = fit(
        pretend(), draws=DRAWS, tune=700, random_seed=7, cores=1, progress=lambda share, _: shares.append(share)
    )
    for group in ("posterior", "effects", "posterior_predictive", "prior"):
        xr.testing.assert_identical(again[group].to_dataset(), fitted[group].to_dataset())
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    "setting", [{"draws": 5}, {"chains": 1}, {"tune": 0}, {"target_accept": 1.0}, {"target_accept": 0.0}], ids=str
)
def test_settings_without_meaning_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=next(iter(setting))):
        fit(pretend(), **setting)


def test_too_few_independent_draws_are_made_up_for_once(fitted: xr.DataTree, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {name: fitted[name].to_dataset() for name in fitted.children if name != "raters"}
    apart = groups["posterior"].assign(quality=lambda d: d.quality + 10.0 * d.chain)
    tried: list[int] = []

    def sampled(asked: dict[str, Any]) -> tuple[dict[str, xr.Dataset], dict[str, str | int]]:
        tried.append(asked["draws"])
        asked["target_accept"] = 0.95
        return groups | ({"posterior": apart} if len(tried) != 2 else {}), {}

    monkeypatch.setattr(module, "_sampler", lambda *_: sampled)
    tree = fit(pretend(), draws=module.FULL)
    assert tried == [module.FULL, 2 * module.FULL]
    assert Verdict.from_json(tree.attrs["verdict"]).level == "ok"
    assert json.loads(tree.attrs["settings"])["draws"] == 2 * module.FULL
    short = fit(pretend(), draws=module.FULL - 1)
    assert tried[2:] == [module.FULL - 1]
    assert Verdict.from_json(short.attrs["verdict"]).level == "refuse"


class Endless:
    """A sampler that never finishes."""

    cancelled = False

    def wait(self, **_: float) -> None:
        raise TimeoutError

    def cancel(self) -> None:
        self.cancelled = True


def test_interruption_stops_the_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = Endless()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(nutpie, "sample", lambda *_, **__: sampler)
    with pytest.raises(KeyboardInterrupt):
        module._sample(None, {"draws": 1}, 0.9, 1, interrupt)
    assert sampler.cancelled


def test_error_scores_of_translation(real_data: Path) -> None:
    table = pd.read_csv(real_data / "wmt_mqm_ted.csv")
    ratings = validate(table, where={"language_pair": "en-de"}, higher_is_better=False)
    result = fit(ratings, draws=500, tune=500, random_seed=1)
    verdict = Verdict.from_json(result.attrs["verdict"])
    assert verdict.level == "ok", verdict.reasons
    quality = result["posterior"]["quality"].mean(("chain", "draw"))
    plain = ratings.table.groupby("variant")["score"].mean()
    assert np.corrcoef(quality.to_series().rank(), plain[quality["variant"].values].rank())[0, 1] > 0.85
    checks = {check.name: check for check in check_predictions(result)}
    assert checks["share of scores equal to 0 or below"].observed == pytest.approx(0.595, abs=0.005)
    assert not checks["share of scores equal to 0 or below"].reproduced
    assert checks["spread between raters' mean scores (SD)"].reproduced


def test_people_and_judges_on_stories(real_data: Path) -> None:
    table = pd.read_csv(real_data / "hanna.csv")
    ratings = validate(table, where={"criterion": "complexity"}, valid_range=(1, 5), anonymous_kinds=("human",))
    result = fit(ratings, draws=500, tune=500, random_seed=1)
    verdict = Verdict.from_json(result.attrs["verdict"])
    assert verdict.level in ("ok", "caution"), verdict.reasons
    posterior = result["posterior"]
    assert float(posterior["scale_use"].sel(evaluator="ChatGPT").mean()) == pytest.approx(1.03, abs=0.1)
    assert "severity" not in posterior
    assert abs(float(posterior["shift"].sel(evaluator="OrcaPlatypus", variant="Human").mean())) > 0.5


def test_eight_schools_with_our_settings(real_data: Path) -> None:
    """Moments of the classic funnel lie within four standard errors of the published reference, and are known finely enough to tell."""
    reference = pd.read_csv(real_data / "eight_schools_reference.csv").set_index("parameter")
    effect, error = [28.0, 8, -3, 7, -1, 1, 18, 12], [15.0, 10, 16, 11, 9, 11, 10, 18]
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        theta = pm.Deterministic("theta", mu + tau * pm.Normal("raw", 0, 1, shape=8))
        pm.Normal("effect", theta, error, observed=effect)
    settings = {"draws": 4000, "tune": 1000, "chains": 4, "cores": 2}
    compiled = nutpie.compile_pymc_model(model)
    trace, _ = module.sample(compiled, settings, module.ACCEPT, seed=1)
    again, _ = module.sample(compiled, settings | {"cores": 1}, module.ACCEPT, seed=1)
    xr.testing.assert_equal(again["posterior"].to_dataset(), trace["posterior"].to_dataset())
    assert not trace["sample_stats"]["diverging"].any()
    posterior = trace["posterior"]
    draws = {name: posterior[name].to_numpy() for name in ("mu", "tau")}
    draws |= {f"theta[{n + 1}]": posterior["theta"].to_numpy()[:, :, n] for n in range(8)}
    for name, values in draws.items():
        for power, column in ((1, "mean"), (2, "mean_sq")):
            moment, mcse = float((values**power).mean()), float(az.mcse(values**power, method="mean"))
            known, known_mcse = (float(reference[part][name]) for part in (f"ref_{column}", f"ref_mcse_{column}"))
            assert abs(moment - known) <= 4 * np.hypot(mcse, known_mcse), (name, column)
        assert float(az.mcse(values, method="mean")) <= 0.03 * values.std(), name
