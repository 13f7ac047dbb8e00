"""Models compared by leave-one-out: exact twin, ArviZ's own comparison, and fits that have no common measure."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING

import arviz as az
import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm
from typer.testing import CliRunner

from expsim_bayes.cli.app import app
from expsim_bayes.errors import SettingError
from expsim_bayes.model_comparison import _loo, compared

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Y = np.random.default_rng(1).normal(0.3, 1.0, 40)


def normal_fit(
    prior_mean: float,
    prior_sd: float,
    *,
    y: NDArray[np.float64] = Y,
    sha: str = "x",
    level: str = "ok",
    sd: float = 1.0,
) -> xr.DataTree:
    """Exact draws of y ~ N(mu, sd) with a normal prior, and their log-likelihoods."""
    precision = 1 / prior_sd**2 + len(y) / sd**2
    mean = (prior_mean / prior_sd**2 + y.sum() / sd**2) / precision
    mu = np.random.default_rng(2).normal(mean, precision**-0.5, (4, 1000))
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"quality": (("chain", "draw", "variant"), mu[:, :, None])}, {"draw": np.arange(1000)}),
            "log_likelihood": xr.Dataset(
                {"score": (("chain", "draw", "rating"), norm.logpdf(y, mu[:, ::2, None], sd))}, {"draw": np.arange(0, 1000, 2)}
            ),
            "observed_data": xr.Dataset({"score": ("rating", y)}),
        }
    )  # fmt: skip
    tree.attrs = {
        "data_sha256": sha,
        "model": "continuous",
        "verdict": json.dumps({"level": level, "reasons": ["R-hat is 2."]}),
    }
    return tree


def exact_loo(prior_mean: float, prior_sd: float, sd: float = 1.0) -> NDArray[np.float64]:
    """Log predictive density of each y given the others, in closed form."""
    found = []
    for n in range(len(Y)):
        others = np.delete(Y, n)
        precision = 1 / prior_sd**2 + len(others) / sd**2
        mean = (prior_mean / prior_sd**2 + others.sum() / sd**2) / precision
        found.append(norm.logpdf(Y[n], mean, np.sqrt(sd**2 + 1 / precision)))
    return np.array(found)


FITS = {"vague": normal_fit(0.0, 10.0), "wrong": normal_fit(3.0, 0.1), "wide": normal_fit(0.0, 10.0, sd=2.0)}
EXACT = {"vague": exact_loo(0.0, 10.0), "wrong": exact_loo(3.0, 0.1), "wide": exact_loo(0.0, 10.0, 2.0)}


def test_leave_one_out_is_that_of_the_closed_form() -> None:
    found = compared(FITS)
    assert [row.name for row in found.scored] == ["vague", "wide", "wrong"]
    for row in found.scored:
        exact = EXACT[row.name]
        assert row.elpd == pytest.approx(exact.sum(), abs=0.2)
        assert row.se == pytest.approx(np.sqrt(len(Y) * exact.var()), rel=0.03)
        apart = EXACT["vague"] - exact
        assert row.behind == pytest.approx(apart.sum(), abs=0.3)
        assert row.behind_se == pytest.approx(np.sqrt(len(Y) * apart.var()), rel=0.05, abs=0.02)
    assert found.scored[0].p == pytest.approx(1.0, abs=0.4)
    assert "vague predicts better than wrong" in " ".join(found.sentences)
    assert (found.observations, found.unit) == (len(Y), "rating")


def test_it_is_what_arviz_says() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its weights, which are not used here
        thinned = {
            name: xr.DataTree.from_dict({
                "posterior": t["posterior"].to_dataset().isel(draw=slice(None, None, 2)),
                "log_likelihood": t["log_likelihood"].to_dataset(),
            })
            for name, t in FITS.items()
        }  # fmt: skip
        theirs = az.compare(thinned, round_to="none")
    for row in compared(FITS).scored:
        assert row.elpd == pytest.approx(float(theirs.loc[row.name, "elpd"]), rel=1e-6)
        assert row.behind_se == pytest.approx(float(theirs.loc[row.name, "dse"]), rel=1e-6, abs=1e-9)


def test_small_and_unsure_differences_are_said_to_be_so() -> None:
    found = compared({"a": normal_fit(0.0, 10.0), "b": normal_fit(0.0, 5.0)})
    assert "predict about equally well" in found.sentences[0]


def test_observations_that_cannot_be_left_out_are_counted() -> None:
    y = np.append(Y, 40.0)
    found = compared({"a": normal_fit(0.0, 10.0, y=y), "b": normal_fit(0.0, 9.0, y=y)})
    assert found.scored[0].influential >= 1
    first = found.scored[0]
    assert first.caution.startswith(
        f"For {first.influential} of {y.size} observations (Pareto k-hat above {first.good_k:.2f}) "
    )
    assert f"warning: {first.name}, leaving out one rating at a time: {first.caution}" in found.sentences
    assert first._replace(influential=0).caution == "The approximation holds for every observation."


def test_observations_of_which_all_draws_or_the_heaviest_say_the_same_are_no_fault() -> None:
    """One that nothing moves is predicted as it is; one that many draws find equally unlikely cannot be left out."""
    fit = normal_fit(0.0, 10.0)
    known = fit["log_likelihood"].to_dataset()["score"].copy()
    known[..., 3] = -0.4
    split = known[..., 5].to_numpy()
    split.reshape(-1)[:700] = split.min()
    alike = np.mean(np.exp(-split))
    fit["log_likelihood"] = xr.DataTree(known.to_dataset(name="score"))
    found = _loo(fit)
    assert (found.elpd[3], found.p[3]) == pytest.approx((-0.4, 0.0), abs=1e-12)
    assert (found.elpd[5], found.k[5]) == (pytest.approx(-np.log(alike)), np.inf)
    others = np.delete(np.arange(len(Y)), [3, 5])
    np.testing.assert_allclose(found.elpd[others], _loo(normal_fit(0.0, 10.0)).elpd[others], rtol=1e-12)
    assert compared({"this": fit, "that": fit}).scored[0].influential == 1


def test_parts_of_one_observation_are_added() -> None:
    whole = normal_fit(0.0, 10.0)
    halves = whole.copy()
    score = whole["log_likelihood"]["score"]
    halves["log_likelihood"] = xr.DataTree(xr.Dataset({"a": 0.25 * score, "b": 0.75 * score}))
    assert compared({"x": whole, "y": halves}).scored[1].behind == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (normal_fit(0.0, 1.0, sha="y"), "different ratings"),
        (normal_fit(0.0, 1.0, y=Y[:-1]), "not the same observations"),
        (normal_fit(0.0, 1.0, y=Y + 1), "not the same observations"),
    ],
)
def test_fits_without_a_common_measure_are_refused(other: xr.DataTree, problem: str) -> None:
    with pytest.raises(SettingError, match=problem):
        compared({"a": FITS["vague"], "b": other})
    with pytest.raises(SettingError, match="nothing to be compared"):
        compared({"a": FITS["vague"]})


def test_the_command(tmp_path: Path) -> None:
    paths = []
    for name, tree in {**FITS, "bad": normal_fit(0.0, 1.0, level="refuse")}.items():
        paths.append(str(tmp_path / f"{name}.nc"))
        tree.to_netcdf(paths[-1], engine="h5netcdf")
    run = CliRunner().invoke(app, ["compare-models", *paths[:3]])
    assert run.exit_code == 0, run.output
    assert "predicts better than" in " ".join(run.output.split())
    found = json.loads(CliRunner().invoke(app, ["compare-models", *paths, "--json"]).stdout)
    assert len(found["scored"]) == 3
    assert list(found["refused"]) == [paths[3]]
    assert CliRunner().invoke(app, ["compare-models", paths[0], paths[3]]).exit_code == 3
    assert CliRunner().invoke(app, ["compare-models", paths[0]]).exit_code == 2
