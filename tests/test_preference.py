"""Preferences: known answers, laws, the simulator as a twin, and what must come of strange tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
from pymc.distributions.transforms import ZeroSumTransform
from scipy.optimize import minimize

from expsim_bayes.errors import SettingError
from expsim_bayes.fit import fit
from expsim_bayes.models._duels import duels
from expsim_bayes.models.preference import RECIPE, Priors, build_model, build_sampled_model
from expsim_bayes.ratings import Ratings, validate
from expsim_bayes.readers import read
from expsim_bayes.simulate import preference as simulator

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FLAT = Priors(sd_variant=1e3, order=1e3, tie_sd=1e3, items=False, raters=False, reliability=False)


@pytest.fixture
def plain() -> Iterator[None]:
    """Compile with pytensor's plain linker, which starts at once."""
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


def file(name: str) -> Path:
    """A data set, or a skipped test where the folder is missing."""
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is not there")
    return DATA / name


def counted(rows: list[tuple[str, str, int, int, int]], **options: Any) -> Ratings:
    """Counted comparisons: left, right, wins of the left, ties, wins of the right."""
    names = ["variant_left", "variant_right", "wins_left", "ties", "wins_right"]
    return validate(pd.DataFrame(rows, columns=names), **options)


def at(model: pm.Model, tensors: list[Any], point: dict[str, Any]) -> list[Any]:
    """Values of some variables of a model at a point of its free variables."""
    inputs = [value for value in model.value_vars if value.name in point]
    told = model.replace_rvs_by_values(tensors)
    compute = pytensor.function(inputs, told, on_unused_input="ignore")
    return list(compute(*(np.asarray(point[value.name], dtype=value.dtype) for value in inputs)))


def mode(model: pm.Model) -> dict[str, Any]:
    """The point of highest density of the free variables, found by quasi-Newton steps."""
    logp, slope, start = model.compile_logp(), model.compile_dlogp(), model.initial_point(0)
    edges = np.cumsum([np.size(value) for value in start.values()])[:-1]

    def told(x: Any) -> dict[str, Any]:
        return {
            name: part.reshape(np.shape(value))
            for (name, value), part in zip(start.items(), np.split(x, edges), strict=True)
        }

    first = np.concatenate([np.ravel(value) for value in start.values()])
    found: Any = minimize(lambda x: -logp(told(x)), first, jac=lambda x: -slope(told(x)), options={"maxiter": 2_000})  # type: ignore[call-overload]
    return told(found.x)


# ------------------------------------------------------------------------------------------------- known answers


@pytest.mark.usefixtures("plain")
def test_baseball_by_the_mode_under_flat_priors() -> None:
    columns = {"variant_left": "home", "variant_right": "away", "wins_left": "home_wins", "wins_right": "away_wins"}
    model = build_model(read(file("bt_baseball.csv"), columns=columns), FLAT)
    point, names = mode(model), list(model.coords["variant"])
    q = at(model, [model["q"]], point)[0]
    known = {
        "Boston": 1.1438, "Cleveland": 0.7047, "Detroit": 1.4754, "Milwaukee": 1.6196, "New York": 1.2813, "Toronto": 1.3271,
    }  # fmt: skip
    for team, ability in known.items():
        assert q[names.index(team)] - q[names.index("Baltimore")] == pytest.approx(ability, abs=0.001)
    assert point["order_level"][0] == pytest.approx(0.3023, abs=0.001)


@pytest.mark.usefixtures("plain")
def test_pooled_people_of_pandalm_with_rater_and_item_effects_off() -> None:
    model = build_model(read(file("pandalm.csv"), where={"evaluator_kind": "human"}), FLAT)
    assert model["count"].eval().shape == (10, 3)
    point, names = mode(model), list(model.coords["variant"])
    ability = at(model, [model["q"]], point)[0]
    known = {"llama-7b": 0.789, "pythia-6.9b": 0.102, "bloom-7b": -0.019, "opt-7b": -0.241, "cerebras-gpt-6.7B": -0.632}
    assert dict(zip(names, ability, strict=True)) == pytest.approx(known, abs=0.001)
    assert point["log_nu_level"][0] == pytest.approx(-1.344, abs=0.001)
    assert point["order_level"][0] == pytest.approx(0.006, abs=0.001)


# ---------------------------------------------------------------------------------------------------------- laws


@pytest.mark.usefixtures("plain")
def test_the_density_of_verdicts_is_that_of_a_loop() -> None:
    ratings = simulator.small(3)
    model, seen = build_model(ratings), duels(ratings)
    point = {name: value + 0.3 for name, value in model.initial_point(1).items()}
    names = ["ability", "interaction", "reliability", "shift_logit", "order", "log_nu_level", "tie_of_rater"]
    told = dict(zip(names, at(model, [model[name] for name in names], point), strict=True))
    total = 0.0
    for n in range(seen.count.shape[0]):
        a, b, k, r = seen.left[n], seen.right[n], seen.evaluator[n], seen.rater[n]
        worth = [
            told["reliability"][r] * (told["ability"][v] + told["interaction"][cell]) + told["shift_logit"][k, v]
            for v, cell in ((a, seen.cell_left[n]), (b, seen.cell_right[n]))
        ]
        left, right = np.exp(worth[0] + told["order"][r]), np.exp(worth[1])
        tie = np.exp(told["log_nu_level"][k] + told["tie_of_rater"][r]) * np.sqrt(left * right)
        total += float(seen.count[n] @ np.log(np.array([left, tie, right]) / (left + tie + right)))
    sampled = build_sampled_model(ratings)
    assert at(sampled, [sampled["likelihood"]], point)[0] == pytest.approx(total, rel=1e-10)
    density = model.logp(vars=[model["count"]])
    assert at(model, [density], point)[0] == pytest.approx(total, rel=1e-8)  # one verdict a group: no constant


@pytest.mark.usefixtures("plain")
def test_quality_is_that_of_the_simulator_at_its_truth() -> None:
    truth = simulator.Truth(sd_interaction=1.7, sd_reliability=0.3, people=3)
    ratings = simulator.ratings(truth)
    model = build_model(ratings)
    centred = pytensor.tensor.as_tensor_variable(np.array(truth.q) - np.mean(truth.q))
    unconstrained: Any = ZeroSumTransform([0]).forward(centred)
    given: dict[str, Any] = {
        "q_zerosum__": np.asarray(unconstrained.eval()),
        "order_level": np.array([truth.order_level, 0.0]), "sd_interaction": truth.sd_interaction,
        "log_nu_level": np.array([truth.log_nu_level, 0.0]), "sd_order_of_pool": [truth.sd_order],
        "sd_tie_of_pool": [truth.sd_tie], "sd_reliability_of_pool": [truth.sd_reliability],
    }  # fmt: skip
    point = model.initial_point(0)
    values: dict[str, Any] = dict(given)
    for name, value in values.items():
        suffix = "_log__" if f"{name}_log__" in point else ""
        point[name + suffix] = np.log(value) if suffix else np.asarray(value)
    found = at(model, [model["quality"]], point)[0]
    np.testing.assert_allclose(found, simulator.quality(truth), atol=2e-4)


@pytest.mark.usefixtures("plain")
def test_prior_of_quality_is_centred_and_opponents_share_one() -> None:
    with build_model(simulator.small()):
        drawn = pm.sample_prior_predictive(400, var_names=["quality", "prob_beats", "count"], random_seed=2)
    beats = drawn["prior"]["prob_beats"].to_numpy()[0]
    np.testing.assert_allclose(beats + beats.transpose(0, 2, 1), 1.0, atol=1e-12)
    error = beats[:, 1, 0].std() / np.sqrt(400)
    assert abs(beats[:, 1, 0].mean() - 0.5) < 4 * error
    share = drawn["prior_predictive"]["count"].to_numpy()[0].mean(axis=(0, 1))
    assert abs(share[0] - share[2]) < 0.1


@pytest.mark.usefixtures("plain")
def test_a_hundred_thousand_comparisons_of_twenty_variants_are_a_few_hundred_counts() -> None:
    rng = np.random.default_rng(0)
    left = rng.integers(0, 20, 100_000)
    right = (left + rng.integers(1, 20, left.size)) % 20
    names = np.array([f"v{n:02d}" for n in range(20)])
    frame = pd.DataFrame({"variant_left": names[left], "variant_right": names[right]})
    frame["outcome"] = rng.choice(["left", "right", "tie"], left.size)
    seen = duels(validate(frame, duplicates="keep"))
    assert seen.count.shape == (380, 3)
    assert seen.count.sum() == 100_000


def test_weights_and_rows_are_the_same_counts() -> None:
    one = counted([("A", "B", 5, 2, 3), ("B", "A", 1, 0, 4)])
    rows = one.table.loc[one.table.index.repeat(one.table["weight"].astype(int))].drop(columns="weight")
    many = validate(rows.reset_index(drop=True), duplicates="keep")
    np.testing.assert_array_equal(duels(one).count, duels(many).count)


@pytest.mark.parametrize("name", ["sd_variant", "order", "tie_sd", "sd_reliability"])
def test_a_prior_that_leaves_nothing_to_learn_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="nothing to learn"):
        Priors(**{name: 0.0})


# --------------------------------------------------------------------------------------------------------- checks


def numbers(ratings: Ratings) -> dict[str, float]:
    """The observed features of some ratings."""
    from expsim_bayes.models._draws import _data

    model = build_model(ratings)
    constant = _data(RECIPE, model)["constant_data"]
    found = RECIPE.features(model["count_of"].get_value()[None], constant)
    return {name: float(value[0]) for name, value in found.items()}


@pytest.mark.usefixtures("plain")
def test_features_by_hand() -> None:
    rows = [
        ("1", "A", "B", "ann", "left"),
        ("1", "A", "B", "bob", "left"),
        ("2", "B", "A", "ann", "left"),
        ("2", "B", "A", "bob", "tie"),
    ]
    frame = pd.DataFrame(rows, columns=["item", "variant_left", "variant_right", "rater", "outcome"])
    found = numbers(validate(frame))
    assert found["share of ties"] == pytest.approx(0.25)
    assert found["share of wins on the left, human"] == pytest.approx(0.75)
    assert found["spread between variants' shares of wins (SD)"] == pytest.approx(abs(2.5 / 4 - 1.5 / 4) / 2)
    assert "circular wins (A over B over C over A)" not in found


@pytest.mark.usefixtures("plain")
def test_circles_are_seen_and_an_order_of_merit_is_none() -> None:
    circle = numbers(counted([("A", "B", 90, 0, 10), ("B", "C", 90, 0, 10), ("C", "A", 90, 0, 10)]))
    ladder = numbers(counted([("A", "B", 60, 0, 40), ("B", "C", 60, 0, 40), ("A", "C", 70, 0, 30)]))
    name = "circular wins (A over B over C over A)"
    assert circle[name] == pytest.approx(0.4**2)
    assert ladder[name] == pytest.approx(0.0, abs=1e-12)


# -------------------------------------------------------------------------------------------------------- sampled


def sampled(ratings: Ratings, **options: Any) -> Any:
    return fit(ratings, model="preference", draws=500, tune=500, cores=2, random_seed=1, **options)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fast", pytest.param("nuts", marks=pytest.mark.long)])
def test_all_ties_hold_variants_for_equal(engine: str) -> None:
    tree = sampled(counted([("A", "B", 0, 40, 0), ("B", "A", 0, 40, 0)], control="A"), engine=engine)
    quality = tree["posterior"]["quality"].sel(variant="B").to_numpy()
    assert float((quality > 0.5).mean()) == pytest.approx(0.5, abs=0.05)
    assert quality.mean() == pytest.approx(0.5, abs=0.02)
    assert np.isfinite(tree["posterior"]["log_nu_level"].to_numpy()).all()


@pytest.mark.long
def test_circular_wins_give_equal_abilities_and_are_flagged() -> None:
    rows = [row for one, other in ("AB", "BC", "CA") for row in ((one, other, 45, 0, 5), (other, one, 5, 0, 45))]
    tree = sampled(counted(rows))
    ability = tree["posterior"]["ability"].mean(("chain", "draw")).to_numpy()
    np.testing.assert_allclose(ability, 0.0, atol=0.1)
    constant = tree["constant_data"].to_dataset()
    name = "circular wins (A over B over C over A)"
    observed = RECIPE.features(tree["observed_data"]["count"].to_numpy()[None], constant)[name]
    predicted = tree["posterior_predictive"]["count"].to_numpy().reshape(-1, *tree["observed_data"]["count"].shape)
    assert observed > np.quantile(RECIPE.features(predicted, constant)[name], 0.999)


@pytest.mark.long
def test_a_variant_that_never_lost_stays_finite() -> None:
    tree = sampled(counted([("A", "B", 20, 0, 0), ("B", "C", 20, 0, 0), ("B", "A", 0, 0, 20), ("C", "B", 0, 0, 20)]))
    ability = tree["posterior"]["ability"].mean(("chain", "draw")).to_numpy()
    assert (np.diff(ability) < 0).all()
    assert np.abs(ability).max() < 5


@pytest.mark.long
def test_a_known_truth_is_found_again() -> None:
    truth = simulator.Truth(items=100)
    tree = sampled(simulator.ratings(truth, 7))
    quality = tree["posterior"]["quality"]
    mean, sd = quality.mean(("chain", "draw")).to_numpy(), quality.std(("chain", "draw")).to_numpy()
    assert (np.abs(mean - simulator.quality(truth))[1:] < 3 * sd[1:]).all()
    assert (sd[1:] < 0.06).all()
