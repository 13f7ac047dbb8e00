"""Calls: the law against scipy and draws, the story against its simulator, recovery, and amounts that break plain averages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
from scipy import integrate, optimize, stats

from expsim_bayes.diagnostics import Verdict
from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.fit import fit
from expsim_bayes.models import _heavy_tail, operations
from expsim_bayes.models._calls import calls
from expsim_bayes.ratings import validate
from expsim_bayes.simulate import operations as simulated


@pytest.fixture
def plain_linker() -> Iterator[None]:
    """Compile with pytensor's plain linker, which starts at once."""
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


def table(**columns: Any) -> Any:
    """Calls of A and B from columns of numbers, two calls of each on each item."""
    n = len(next(iter(columns.values())))
    frame = {"variant": [("A", "B")[i % 2] for i in range(n)], "item": [f"i{i // 4}" for i in range(n)]}
    return validate(pd.DataFrame({**frame, **columns, "repeat": [str(i) for i in range(n)]}), control="A")


def point(model: Any, seed: Any = 3) -> Any:
    """A point of the sampler's space."""
    rng = np.random.default_rng(seed)
    return {
        name: np.asarray(value) + 0.3 * rng.normal(size=np.shape(value))
        for name, value in model.initial_point().items()
    }


def evaluated(model: Any, names: Any, at: Any) -> Any:
    """Values of variables and deterministics at a point of the sampler's space."""
    values = model.replace_rvs_by_values([model[name] for name in names])
    inputs = [model.rvs_to_values[variable] for variable in model.free_RVs]
    return dict(zip(names, model.compile_fn(values, inputs=inputs, on_unused_input="ignore")(at), strict=True))


def logp(model: Any, at: Any) -> Any:
    return float(model.compile_logp(model.observed_RVs)(at))


# ------------------------------------------------------------------------------------------------------------- the law


def exact_tail(x: Any, noise: Any, freedom: Any, sd: Any) -> Any:
    """P(normal effect + Student-t noise > x) by adaptive quadrature."""
    if sd == 0:
        return stats.t.sf(x / noise, freedom)
    return integrate.quad(
        lambda z: stats.norm.pdf(z) * stats.t.sf((x - sd * z) / noise, freedom), -9, 9, epsabs=1e-11, limit=200
    )[0]


@pytest.mark.usefixtures("plain_linker")
@pytest.mark.parametrize(
    ("noise", "freedom", "sd"), [(0.4, 2.1, 0.5), (0.4, 5.0, 0.0), (1.2, 30.0, 0.3), (0.01, 8.0, 0.0)]
)
def test_quantiles_and_means_against_adaptive_quadrature(noise: Any, freedom: Any, sd: Any) -> None:
    of = _heavy_tail.sums(
        pytensor.tensor.constant([noise]), pytensor.tensor.constant(freedom), pytensor.tensor.constant(sd**2)
    )
    exact = {}
    for prob in (0.95, 0.999):
        found = _heavy_tail.quantile(of, pytensor.tensor.constant([prob])).eval()[0]
        exact[prob] = optimize.brentq(
            lambda x, prob=prob: exact_tail(x, noise, freedom, sd) - (1 - prob), 0, 60 * (noise + sd)
        )
        assert found == pytest.approx(exact[prob], rel=2e-3)
    cap = exact[0.999]
    wanted = integrate.quad(lambda x: np.exp(x) * exact_tail(x, noise, freedom, sd), -40 * (noise + sd), cap, limit=400,
                            epsabs=1e-10, points=[0.0])[0]  # fmt: skip
    low = np.exp(-40 * (noise + sd))
    found = _heavy_tail.mean_below(of, pytensor.tensor.constant([cap])).eval()[0]
    assert found == pytest.approx(wanted + low, rel=2e-3)


@pytest.mark.usefixtures("plain_linker")
def test_likelihood_against_scipy() -> None:
    ratings = simulated.ratings(simulated.Truth(items=5, calls=3, share_zero=0.2), 3)
    model, seen = operations.build_model(ratings), calls(ratings)
    at = point(model)
    told = evaluated(model, ["q", "item_effect", "interaction", "sd_noise", "tail", "share_zero"], at)
    expected = 0.0
    for n, amount in enumerate(seen.amount):
        v = seen.variant[n]
        if amount == 0:
            expected += np.log(told["share_zero"][v])
            continue
        location = told["q"][v] + told["item_effect"][seen.item[n]] + told["interaction"][seen.cell[n]]
        law = stats.t(told["tail"], loc=location, scale=told["sd_noise"][v])
        expected += np.log1p(-told["share_zero"][v]) + law.logpdf(np.log(amount)) - np.log(amount)
    assert logp(model, at) == pytest.approx(expected, rel=1e-8)


@pytest.mark.usefixtures("plain_linker")
def test_likelihood_does_not_depend_on_names_or_the_order_of_rows() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"variant": list("AB") * 8, "item": [f"i{n // 4}" for n in range(16)], "latency_s": rng.lognormal(size=16)}
    )
    renamed = frame.assign(variant=frame["variant"].map({"A": "B", "B": "A"}))[::-1]
    one, other = (operations.build_model(validate(f, duplicates="keep")) for f in (frame, renamed))
    at = point(one)
    moved = dict(at)
    for name in at:
        if at[name].shape == (2,):
            moved[name] = at[name][::-1]
    cells = at["interaction_raw"].reshape(-1, 2)
    moved["interaction_raw"] = cells[:, ::-1].ravel()
    assert logp(one, at) == pytest.approx(logp(other, moved), rel=1e-10)
    assert evaluated(other, ["quality"], moved)["quality"][::-1] == pytest.approx(
        evaluated(one, ["quality"], at)["quality"]
    )


@pytest.mark.usefixtures("plain_linker")
def test_another_unit_changes_the_unit_of_quality_alone() -> None:
    seconds = simulated.ratings(simulated.Truth(items=4, calls=2), 5)
    in_ms = validate(seconds.table.assign(latency_s=seconds.table["latency_s"] * 1000), variants=seconds.variants)
    one, other = operations.build_model(seconds), operations.build_model(in_ms)
    at = point(one)
    moved = {**at, "log_typical": at["log_typical"] + np.log(1000)}
    assert evaluated(other, ["quality"], moved)["quality"] == pytest.approx(
        1000 * evaluated(one, ["quality"], at)["quality"]
    )
    n = calls(seconds).amount.size
    assert logp(other, moved) == pytest.approx(logp(one, at) - n * np.log(1000), rel=1e-9)


@pytest.mark.usefixtures("plain_linker")
def test_summaries_of_amounts_some_of_which_are_zero_against_draws() -> None:
    ratings = simulated.ratings(simulated.Truth(items=5, calls=3, share_zero=0.2), 3)
    model = operations.build_model(ratings)
    at = point(model)
    told = evaluated(
        model, ["q", "sd_noise", "tail", "share_zero", "sd_item", "sd_interaction", "p50", "p95", "mean"], at
    )
    truth = simulated.Truth(
        q=tuple(told["q"]), sd_noise=tuple(told["sd_noise"]), tail=float(told["tail"]), sd_item=float(told["sd_item"]),
        sd_interaction=float(told["sd_interaction"]),
    )  # fmt: skip
    for v in range(3):
        same = truth.model_copy(update={"share_zero": float(told["share_zero"][v])})
        for name in ("p50", "p95", "mean"):
            assert told[name][v] == pytest.approx(simulated.quality(same, name)[v], rel=0.02), name


@pytest.mark.usefixtures("plain_linker")
def test_amounts_that_the_model_makes_look_like_the_simulators() -> None:
    truth = simulated.Truth(items=20, calls=2, share_zero=0.1)
    model = operations.build_model(simulated.ratings(truth))
    told = {
        "log_typical": np.array(truth.q),
        "sd_item": np.array(truth.sd_item),
        "sd_interaction": np.array(truth.sd_interaction),
        "log_typical_noise": np.array(-1.0),
        "log_noise": np.log(np.array(truth.sd_noise) - operations.Priors().least_noise),
        "tail_above": np.array(truth.tail - operations.LEAST_FREEDOM),
        "share_zero": np.full(3, truth.share_zero),
    }
    given = az.from_dict(
        {"posterior": {name: np.broadcast_to(value, (1, 300, *value.shape)) for name, value in told.items()}}
    )
    with model:
        made = pm.sample_posterior_predictive(
            given, var_names=["amount"], sample_vars=["item_effect_raw", "interaction_raw", "amount"],
            freeze_vars=list(told), random_seed=2, progressbar=False,
        )  # fmt: skip
    amounts = made["posterior_predictive"]["amount"].to_numpy()[0]
    truths = [calls(simulated.ratings(truth, seed)) for seed in range(100)]
    variant = truths[0].variant
    for v in range(3):
        model_log, own_log = (
            [np.log(a[(variant == v) & (a > 0)]) for a in x] for x in (amounts, [t.amount for t in truths])
        )
        for summary in (np.mean, np.std, lambda x: np.quantile(x, 0.9), len):
            one, other = (np.array([summary(x) for x in logs], dtype=float) for logs in (model_log, own_log))
            error = np.sqrt(one.var() / one.size + other.var() / other.size)
            assert abs(one.mean() - other.mean()) / error < 4.5


# ------------------------------------------------------------------------------------------------------ what is modelled


def test_the_first_measure_there_is_is_modelled_unless_told() -> None:
    ratings = table(cost=[0.1, 0.2] * 4, latency_s=[1.0, 2.0] * 4)
    assert calls(ratings).measure == "latency_s"
    assert calls(ratings, "cost").amount.max() == pytest.approx(0.2)
    assert any("also has cost" in said for said in calls(ratings).sentences)
    unit = operations.RECIPE.unit
    assert callable(unit)
    assert unit(ratings, operations.Priors(measure="cost")) == "dollars"
    with pytest.raises(SettingError, match="tokens_in"):
        calls(ratings, "tokens_in")


def test_quality_is_the_95th_percentile_of_a_latency_and_the_mean_of_a_cost() -> None:
    ratings = table(cost=[0.1, 0.2] * 4, latency_s=[1.0, 2.0] * 4)
    for priors, name in (({}, "p95"), ({"measure": "cost"}, "mean"), ({"measure": "cost", "summary": "p50"}, "p50")):
        believed = operations.Priors(**priors)
        assert operations.summary(calls(ratings, believed.measure), believed) == name
        assert any("lower is better" in said for said in operations.RECIPE.sentences(ratings, believed))


def test_missing_amounts_are_left_out_and_counted() -> None:
    ratings = table(latency_s=[1.0, None, 2.0, 3.0, 1.0, 2.0, 2.0, 1.5])
    assert calls(ratings).amount.size == 7
    assert any("1 call without latency_s" in said for said in calls(ratings).sentences)


def test_nothing_but_zeros_or_missing_amounts_is_refused() -> None:
    for values in ([0.0] * 8, [None] * 8):
        with pytest.raises(RatingsError, match="missing or zero"):
            calls(table(latency_s=[1.0] * 8, cost=values), "cost")


def test_zeros_and_far_amounts_are_said() -> None:
    seen = calls(table(latency_s=[1.0, 2.0, 1.1, 0.0, 1.2, 1.9, 1e9, 2.2]))
    assert seen.has_zeros
    assert any("latency_s of zero" in said for said in seen.sentences)
    assert any("1 call of A took more than 1,000 times its median (up to 1e+09)" in said for said in seen.sentences)


def test_terms_follow_what_was_repeated() -> None:
    rng = np.random.default_rng(1)

    def seen(variant: Any, item: Any) -> Any:
        return calls(
            validate(
                pd.DataFrame({"variant": variant, "item": item, "latency_s": rng.lognormal(size=len(item))}),
                duplicates="keep",
            )
        )

    items = [f"i{n}" for n in range(6)]
    both = seen(["A", "B"] * 12, sorted(items * 4))
    once = seen(["A", "B"] * 6, sorted(items * 2))
    split = seen(["A"] * 9 + ["B"] * 9, sorted(items * 3))
    single = seen(["A", "B"] * 3, items)
    one = seen(["A", "B"] * 6, ["i"] * 12)
    assert [(s.has_item, s.has_interaction) for s in (both, once, split, single, one)] == [
        (True, True), (True, False), (True, False), (False, False), (False, False),
    ]  # fmt: skip


def test_a_prior_of_nothing_is_refused() -> None:
    with pytest.raises(SettingError, match=r"priors\.sd_item"):
        operations.Priors(sd_item=0)


def test_features_of_amounts_that_are_zero_are_finite() -> None:
    ratings = table(latency_s=[0.0, 2.0, 0.0, 3.0, 1.0, 2.0, 2.0, 1.5])
    from expsim_bayes.models import _draws

    constant = _draws._data(operations.RECIPE, operations.build_model(ratings))["constant_data"]
    found = operations.features(np.stack([calls(ratings).amount] * 2), constant)
    assert found["share of amounts of zero"].tolist() == [0.25, 0.25]
    assert all(np.isfinite(value).all() for value in found.values())


# -------------------------------------------------------------------------------------------------------------- sampled


def fitted(ratings: Any, **priors: Any) -> Any:
    tree = fit(
        ratings, model="operations", priors=operations.Priors(**priors), draws=1500, tune=1000, random_seed=1, cores=2
    )
    verdict = Verdict.from_json(tree.attrs["verdict"])
    assert verdict.level == "ok", verdict.reasons
    return tree


@pytest.mark.long
def test_a_known_truth_is_recovered_and_an_absurd_call_does_no_harm() -> None:
    truth = simulated.Truth(items=30, calls=5)
    ratings = simulated.ratings(truth, 11)
    tree = fitted(ratings)
    draws = {name: tree["posterior"][name].to_numpy().reshape(-1, 3) for name in ("p50", "p95", "mean")}
    true = {
        "p50": simulated.quality(truth, "p50"),
        "p95": simulated.quality(truth, "p95"),
        "mean": simulated.quality(truth, "mean"),
    }
    for name, values in draws.items():
        z = (values.mean(axis=0) - true[name]) / values.std(axis=0)
        assert np.abs(z).max() < 3, name
    spoilt = ratings.table.copy()
    spoilt.loc[spoilt.index[0], "latency_s"] = 1e9
    again = fitted(validate(spoilt, variants=ratings.variants, control="A"))
    for name, values in draws.items():
        moved = again["posterior"][name].to_numpy().reshape(-1, 3).mean(axis=0) / values.mean(axis=0) - 1
        assert np.abs(moved).max() < {"p50": 0.02, "p95": 0.06, "mean": 0.15}[name], name


@pytest.mark.long
@pytest.mark.parametrize("case", ["one call each", "all equal", "zeros"])
def test_calls_that_say_little_pass_the_gate(case: Any) -> None:
    rng = np.random.default_rng(3)
    values = {
        "one call each": [1.3, 2.9],
        "all equal": [0.002] * 24,
        "zeros": np.where(rng.random(24) < 0.3, 0.0, rng.lognormal(3, 0.4, 24)),
    }[case]
    tree = fitted(table(cost=values))
    low, high = np.quantile(tree["posterior"]["quality"].to_numpy(), (0.025, 0.975), axis=(0, 1))
    assert (high > low).all()
