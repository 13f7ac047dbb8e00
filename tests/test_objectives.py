"""Several objectives: exact Gaussian twins, laws of the weighing, decisions of the closed set, and the command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import quad
from scipy.stats import norm
from typer.testing import CliRunner

from expsim_bayes import superiority
from expsim_bayes.cli.app import app
from expsim_bayes.errors import SettingError
from expsim_bayes.objectives import Metric, advice, limit, metric_of, weigh

if TYPE_CHECKING:
    from pathlib import Path

N = 20_000


def gaussian(
    name: str, mean: list[float], sd: list[float], *, seed: int, unit: str = "points", higher: bool = True, **more: Any
) -> Metric:
    """A metric whose draws have exactly the quantiles of independent normals."""
    rng = np.random.default_rng(seed)
    z = norm.ppf((np.arange(N) + 0.5) / N)
    draws = np.stack([m + s * rng.permutation(z) for m, s in zip(mean, sd, strict=True)], axis=1)
    return Metric(name, tuple("ABCD"[: len(mean)]), draws, name, unit, higher, **more)


QUALITY = gaussian("quality", [3.0, 3.15, 3.1], [0.05, 0.06, 0.08], seed=1)
COST = gaussian("cost", [1.0, 1.3, 1.05], [0.02, 0.05, 0.1], seed=2, unit="dollars", higher=False)


def test_utility_of_gaussian_posteriors_has_its_exact_probabilities() -> None:
    found = weigh([QUALITY, COST], {"quality": 1.0, "cost": -0.4}, control="A")
    mean = np.array([3.0, 3.15, 3.1]) - 0.4 * np.array([1.0, 1.3, 1.05])
    variance = np.array([0.05, 0.06, 0.08]) ** 2 + 0.16 * np.array([0.02, 0.05, 0.1]) ** 2
    exact = superiority.from_gaussian(mean, np.diag(variance), control=0)
    by_name = {c.name: c for c in found.candidates}
    for v, name in enumerate("ABC"):
        assert by_name[name].prob_best == pytest.approx(exact.prob_best[v], abs=0.01)
        assert by_name[name].expected_loss == pytest.approx(exact.expected_loss[v], abs=0.002)
        gain = by_name[name].utility
        assert gain.mean == pytest.approx(mean[v] - mean[0], abs=1e-3)
        sd = np.sqrt(variance[v] + variance[0]) if v else 0.0
        assert gain.high - gain.low == pytest.approx(2 * norm.ppf(0.975) * sd, abs=0.01)
    assert sum(c.prob_best for c in found.candidates) == pytest.approx(1.0, abs=1e-12)
    assert found.mcse < 0.006


def test_best_within_a_limit_is_the_exact_integral() -> None:
    """Two variants; each keeps the limit or not; the one with the higher quality of those that keep it."""
    quality = gaussian("quality", [0.0, 0.3], [0.3, 0.2], seed=3)
    latency = gaussian("latency", [1.9, 1.95], [0.1, 0.1], seed=4, unit="seconds", higher=False)
    found = weigh([quality, latency], {"quality": 1.0}, [limit("latency<=2")])
    keep = norm.cdf((2 - np.array([1.9, 1.95])) / 0.1)
    better = quad(lambda x: norm.pdf(x, 0.3, 0.2) * norm.cdf(x, 0.0, 0.3), -2, 3)[0]
    exact = {
        "A": keep[0] * (keep[1] * (1 - better) + 1 - keep[1]),
        "B": keep[1] * (keep[0] * better + 1 - keep[0]),
    }
    for c in found.candidates:
        assert c.prob_best_within == pytest.approx(exact[c.name], abs=0.01)
        assert c.keeps_all == pytest.approx(keep["AB".index(c.name)], abs=1e-3)
    assert found.prob_none == pytest.approx(np.prod(1 - keep), abs=0.005)
    assert sum(c.prob_best_within for c in found.candidates) + (found.prob_none or 0.0) == pytest.approx(1.0, abs=1e-12)


def test_a_limit_counted_from_the_control_is_the_probability_of_a_difference() -> None:
    found = weigh([QUALITY, COST], {"quality": 1.0}, [limit("cost <= control + 0.1")], control="A")
    b = next(c for c in found.candidates if c.name == "B")
    assert b.keeps_all == pytest.approx(norm.cdf((0.1 - 0.3) / np.hypot(0.02, 0.05)), abs=0.005)
    assert next(c for c in found.candidates if c.name == "A").keeps_all == 1.0


def test_metrics_of_one_fit_keep_their_draws_together() -> None:
    rng = np.random.default_rng(5)
    z = rng.normal(size=(N, 2))
    first = Metric("quality", ("A", "B"), z, "one")
    second = Metric("other", ("A", "B"), -z, "one")
    together = weigh([first, second], {"quality": 1.0, "other": 1.0})
    apart = weigh([first, second._replace(fit="two")], {"quality": 1.0, "other": 1.0})
    assert max(abs(c.utility.high) for c in together.candidates) < 1e-12
    assert min(c.utility.high for c in apart.candidates) > 1.0


def test_the_answer_does_not_depend_on_the_order_of_variants_or_fits() -> None:
    turned = [m._replace(variants=m.variants[::-1], draws=m.draws[:, ::-1]) for m in (COST, QUALITY)]
    a = weigh([QUALITY, COST], {"quality": 1.0, "cost": -0.4}, control="A")
    b = weigh(turned, {"quality": 1.0, "cost": -0.4}, control="A")
    assert {c.name: c.prob_best for c in a.candidates} == pytest.approx(
        {c.name: c.prob_best for c in b.candidates}, abs=4 * 0.005
    )
    assert a.candidates == weigh([QUALITY, COST], {"quality": 1.0, "cost": -0.4}, control="A").candidates


SURE = gaussian("quality", [3.0, 3.5, 4.0], [0.05, 0.05, 0.05], seed=6)


@pytest.mark.parametrize(
    ("hallucination", "decision", "variant"),
    [
        ([0.03, 0.03, 0.03], "launch", "C"),
        ([0.03, 0.03, 0.09], "launch", "B"),  # the best breaks the limit and does not compete
        ([0.03, 0.09, 0.09], "keep_control", None),
        ([0.09, 0.09, 0.09], "keep_control", None),  # the control breaks it too, but nothing else may be launched
        ([0.03, 0.05, 0.05], "collect", None),  # it is open whether the better ones keep it
        ([0.03, 0.09, 0.049], "collect", None),
    ],
)
def test_only_variants_that_keep_the_limits_are_launched(
    hallucination: list[float], decision: str, variant: str | None
) -> None:
    rate = gaussian("hallucination", hallucination, [0.005] * 3, seed=7, unit="share", higher=False)
    found = weigh([SURE, rate], {"quality": 1.0}, [limit("hallucination<=0.05")], control="A")
    assert (found.decision.name, found.decision.variant) == (decision, variant)
    told = advice(found)
    assert "hallucination at most 5.0 %" in told.limits
    if decision == "collect":
        assert "it is open whether the limits are kept" in told.what_to_do
    if hallucination[0] > 0.05:
        assert "A is compared all the same, since it runs today." in told.limits


def test_without_a_control_none_is_launched_where_all_break_the_limits() -> None:
    rate = gaussian("hallucination", [0.09] * 3, [0.005] * 3, seed=7, unit="share", higher=False)
    found = weigh([SURE, rate], {"quality": 1.0}, [limit("hallucination<=0.05")])
    assert found.decision.name == "keep_control"
    assert advice(found).headline == "Launch none of them"
    assert all(c.prob_best == 0 for c in found.candidates)


def test_equal_utilities_stop_as_equivalent() -> None:
    same = gaussian("quality", [3.0, 3.0], [0.01, 0.01], seed=8)
    assert weigh([same], {"quality": 1.0}, rope=0.1).decision.name == "stop_equivalent"
    assert weigh([same], {"quality": 1.0}).decision.name == "collect"


def test_a_refused_fit_gives_no_probability() -> None:
    found = weigh([SURE, COST._replace(verdict="refuse", reasons=("R-hat is 1.3.",))], {"quality": 1.0}, control="A")
    assert (found.decision.name, found.candidates, found.prob_none, found.prob_equivalent) == ("refuse", (), None, None)
    assert "The fit of cost is not to be trusted: R-hat is 1.3." in advice(found).what_to_do


def test_variants_are_matched_by_name_and_missing_ones_reported() -> None:
    other = Metric("cost", ("B", "A", "D"), COST.draws, "cost", "dollars", higher_is_better=False)
    found = weigh([QUALITY, other], {"quality": 1.0})
    assert sorted(c.name for c in found.candidates) == ["A", "B"]
    assert found.left_out == (("C", "cost"), ("D", "quality"))
    assert "C (no cost)" in advice(found).taken_for_granted
    assert next(c for c in found.candidates if c.name == "A").metrics[1].mean == pytest.approx(1.3, abs=0.01)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"weights": {"speed": 1.0}}, "no metric is called 'speed'"),
        ({"weights": {"cost": 1.0}}, "better when lower"),
        ({"weights": {"quality": 0.0}}, "nothing is weighed"),
        ({"limits": [limit("speed<=1")]}, "no metric is called 'speed'"),
        ({"limits": [limit("cost<=control+1")]}, "needs a control"),
        ({"control": "Z"}, "not in every fit"),
    ],
)
def test_what_cannot_be_weighed_is_said(change: dict[str, Any], problem: str) -> None:
    asked = {"weights": {"quality": 1.0}, "limits": (), **change}
    with pytest.raises(SettingError, match=problem):
        weigh([QUALITY, COST], asked.pop("weights"), asked.pop("limits"), **asked)


@pytest.mark.parametrize("text", ["latency", "latency<2", "<=2", "latency<=", "latency<=fast", "latency<=nan"])
def test_a_limit_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(SettingError, match="is no limit"):
        limit(text)


def test_fits_without_a_common_variant_are_an_error() -> None:
    with pytest.raises(SettingError, match="no variant in common"):
        weigh([QUALITY, COST._replace(variants=("x", "y", "z"))], {"quality": 1.0})


def fitted(
    metric: Metric, *, verdict: Literal["ok", "refuse"] = "ok", control: str | None = "A", lower: bool = False
) -> xr.DataTree:
    """A fit as `expsim fit --out` leaves it, as far as metrics are read from it."""
    draws = metric.draws[:4000].reshape(4, 1000, -1)
    posterior = xr.Dataset(
        {"quality": (("chain", "draw", "variant"), draws), "p95": (("chain", "draw", "variant"), 2 * draws)},
        coords={"variant": list(metric.variants)},
    )
    tree = xr.DataTree.from_dict({"posterior": posterior})
    rows = [[f"quality[{name}]", 1.0, 3000.0, 3000.0] for name in metric.variants]
    tree.attrs = {
        "verdict": json.dumps({"level": verdict, "reasons": ["Too few draws."] if verdict == "refuse" else [], "quantities": rows}),
        "unit": metric.unit, "higher_is_better": json.dumps(not lower), "control": json.dumps(control),
    }  # fmt: skip
    return tree


def test_a_metric_is_read_from_a_fit() -> None:
    found = metric_of(fitted(COST, lower=True), "cost", fit="out/calls")
    assert (found.variants, found.unit, found.higher_is_better, found.control) == (
        ("A", "B", "C"),
        "dollars",
        False,
        "A",
    )
    assert found.ess == 3000.0
    assert metric_of(fitted(COST), "p95", fit="x", variable="p95").draws.mean() == pytest.approx(2 * found.draws.mean())
    with pytest.raises(SettingError, match="choose among"):
        metric_of(fitted(COST), "p95", fit="x", variable="p99")


def test_other_numbers_of_a_fit_have_their_own_unit_and_better_side() -> None:
    tree = fitted(COST, lower=True)
    posterior = tree["posterior"].to_dataset()
    clean = posterior["quality"] / 4
    tree["posterior"] = posterior.assign(prob_no_error=clean, q=posterior["quality"])
    found = metric_of(tree, "clean", fit="x", variable="prob_no_error")
    assert (found.unit, found.higher_is_better) == ("share", True)
    assert metric_of(tree, "slow", fit="x", variable="p95").higher_is_better is False
    with pytest.raises(SettingError, match=r"'q' is nothing in this fit .* choose among quality, p95, prob_no_error"):
        metric_of(tree, "q", fit="x", variable="q")


def test_decide_prints_the_decision_and_its_json(tmp_path: Path) -> None:
    rate = gaussian("hallucination", [0.03, 0.03, 0.09], [0.005] * 3, seed=7, unit="share", higher=False)
    fitted(SURE).to_netcdf(tmp_path / "quality.nc", engine="h5netcdf")
    fitted(rate, lower=True).to_netcdf(tmp_path / "rate.nc", engine="h5netcdf")
    fitted(rate, lower=True, verdict="refuse").to_netcdf(tmp_path / "bad.nc", engine="h5netcdf")
    told = ["decide", f"quality={tmp_path}/quality.nc", "--best", "quality"]
    run = CliRunner().invoke(app, [*told, f"hallucination={tmp_path}/rate.nc", "--limit", "hallucination<=0.05"])
    assert run.exit_code == 0, run.output
    assert "Launch B" in run.output
    out = CliRunner().invoke(app, [*told, f"hallucination={tmp_path}/rate.nc", "--json"]).output
    assert json.loads(out)["decision"]["variant"] == "C"
    assert "draws" not in json.loads(out)["metrics"][0]
    refused = CliRunner().invoke(app, [*told, f"hallucination={tmp_path}/bad.nc", "--json"])
    assert refused.exit_code == 3
    assert "candidates" not in json.loads(refused.output)
    assert CliRunner().invoke(app, ["decide", f"quality={tmp_path}/none", "--best", "quality"]).exit_code == 2
    assert CliRunner().invoke(app, told[:2]).exit_code == 2
