"""Rankings: the law against enumeration and a slow twin, the story against its simulator, recovery, and rankings that say little."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
from scipy import integrate, special, stats

from expsim_bayes.diagnostics import Verdict
from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.fit import fit
from expsim_bayes.models import ranking
from expsim_bayes.models._podium import podium
from expsim_bayes.ratings import code_rankings, validate
from expsim_bayes.simulate import ranking as simulated


@pytest.fixture
def plain_linker() -> Iterator[None]:
    """Compile with pytensor's plain linker, which starts at once."""
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


def rankings(orders: Any, **settings: Any) -> Any:
    """Ratings from (item, rater, order as a word of letters) triples."""
    rows = [
        (str(item), rater, "llm" if rater.startswith("judge") else "human", letter, place)
        for item, rater, order in orders
        for place, letter in enumerate(order, 1)
    ]
    frame = pd.DataFrame(rows, columns=["item", "rater", "kind", "variant", "rank"])
    return validate(frame, duplicates="keep", **settings)


def slow_log_probability(order: Any, worth: Any) -> Any:
    """Log probability of one order, choice by choice."""
    total, left = 0.0, list(order)
    while len(left) > 1:
        total += worth[left[0]] - np.log(sum(np.exp(worth[v]) for v in left))
        left = left[1:]
    return total


def point(model: Any, seed: Any = 3) -> Any:
    """A point of the sampler's space, and the values of the free variables there."""
    start = model.initial_point()
    rng = np.random.default_rng(seed)
    return {name: np.asarray(value) + 0.3 * rng.normal(size=np.shape(value)) for name, value in start.items()}


def evaluated(model: Any, names: Any, at: Any) -> Any:
    """Values of variables and deterministics at a point of the sampler's space."""
    values = model.replace_rvs_by_values([model[name] for name in names])
    inputs = [model.rvs_to_values[variable] for variable in model.free_RVs]
    return dict(zip(names, model.compile_fn(values, inputs=inputs, on_unused_input="ignore")(at), strict=True))


def logp(model: Any, at: Any) -> Any:
    """(likelihood) at a point."""
    return float(model.compile_logp(model.observed_RVs)(at))


# ------------------------------------------------------------------------------------------------------------- the law


def _numpy_log_probability(order: Any, worth: Any) -> Any:
    """The model's own law, evaluated."""
    order = np.atleast_2d(order)
    worth = np.broadcast_to(worth, (len(order), np.shape(worth)[-1]))
    placed = (order >= 0).astype(float)
    return ranking.log_probability(
        pytensor.tensor.constant(order), pytensor.tensor.constant(worth), None, placed
    ).eval()


@pytest.mark.usefixtures("plain_linker")
@pytest.mark.parametrize("n", [2, 3, 5])
def test_probabilities_of_all_orders_sum_to_one(n: Any) -> None:
    worth = np.random.default_rng(n).normal(0, 2, n)
    every = np.array(list(permutations(range(n))))
    found = _numpy_log_probability(every, worth)
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-12)
    assert found == pytest.approx([slow_log_probability(order, worth) for order in every], rel=1e-10)


@pytest.mark.usefixtures("plain_linker")
def test_two_variants_follow_bradley_and_terry() -> None:
    worth = np.array([0.3, -1.1])
    assert np.exp(_numpy_log_probability([0, 1], worth))[0] == pytest.approx(1 / (1 + np.exp(-1.4)), rel=1e-12)


@pytest.mark.usefixtures("plain_linker")
def test_a_partial_ranking_is_as_likely_as_all_full_rankings_that_hold_it() -> None:
    worth = np.array([0.4, -0.2, 1.0, 0.1])
    partial = np.exp(_numpy_log_probability([2, 0, -1, -1], worth))[0]
    full = [order for order in permutations(range(4)) if order.index(2) < order.index(0)]
    assert partial == pytest.approx(np.exp(_numpy_log_probability(np.array(full), worth)).sum(), rel=1e-12)


@pytest.mark.usefixtures("plain_linker")
def test_only_differences_matter_and_far_ones_stay_finite() -> None:
    worth = np.array([0.4, -0.2, 1.0])
    assert _numpy_log_probability([1, 0, 2], worth) == pytest.approx(_numpy_log_probability([1, 0, 2], worth + 50))
    assert np.isfinite(_numpy_log_probability([1, 0, 2], 200 * worth)).all()


def test_drawn_orders_follow_the_law() -> None:
    worth, rng = np.array([0.8, 0.0, -0.5]), np.random.default_rng(5)
    n = 20_000
    drawn = ranking.draw_orders(np.tile(worth, (n, 1)), np.ones((n, 3)), np.ones((n, 3)), rng)
    every = list(permutations(range(3)))
    found = [int((drawn == order).all(axis=1).sum()) for order in every]
    wanted = [n * np.exp(slow_log_probability(order, worth)) for order in every]
    assert stats.chisquare(found, wanted).pvalue > 1e-4


def test_drawn_orders_hold_what_was_ranked() -> None:
    held, placed = np.array([[1.0, 0.0, 1.0, 1.0]]), np.array([[1.0, 1.0, 1.0, 0.0]])
    drawn = ranking.draw_orders(np.zeros((1, 4)), held, placed, np.random.default_rng(1))
    assert set(drawn[0, :3].tolist()) == {0, 2, 3}
    assert drawn[0, 3] == -1


# ----------------------------------------------------------------------------------------------------------- the model


@pytest.mark.usefixtures("plain_linker")
def test_likelihood_against_a_slow_twin() -> None:
    ratings = simulated.ratings(simulated.Truth(items=6, people=3, ranked=3), 2)
    model, seen = ranking.build_model(ratings), podium(ratings)
    at = point(model)
    names = ["q", "interaction", "scale_use", "shift_logit", "taste_logit"]
    told = evaluated(model, names, at)
    expected = 0.0
    for n in range(seen.data.size.size):
        k, i, r = seen.data.evaluator[n], seen.data.item[n], seen.data.rater[n]
        worth = (
            told["scale_use"][k] * (told["q"] + told["interaction"][i])
            + told["shift_logit"][k]
            + told["taste_logit"][r]
        )
        expected += slow_log_probability([v for v in seen.data.order[n] if v >= 0], worth)
    assert logp(model, at) == pytest.approx(expected, rel=1e-8)


@pytest.mark.usefixtures("plain_linker")
def test_counted_rankings_have_the_likelihood_of_single_ones() -> None:
    rng = np.random.default_rng(4)
    orders = [(n, f"p{n}", "".join(rng.permutation(list("ABC")))) for n in range(60)]
    model = ranking.build_model(rankings(orders))
    counts = model["ranking_of"].get_value()[0]
    assert counts.shape == (6,)
    assert counts.sum() == 60
    q = np.array([0.5, -0.8, 0.3])
    single = sum(slow_log_probability(["ABC".index(x) for x in word], q) for _, _, word in orders)
    (name,) = model.initial_point()
    at = {name: model.rvs_to_transforms[model["q"]].forward(pytensor.tensor.constant(q)).eval()}
    ways = special.gammaln(61) - special.gammaln(counts + 1).sum()
    assert logp(model, at) - ways == pytest.approx(single, rel=1e-9)


@pytest.mark.usefixtures("plain_linker")
def test_likelihood_does_not_depend_on_names_or_the_order_of_rows() -> None:
    orders = [
        (1, "ann", "ABC"),
        (1, "bob", "BAC"),
        (2, "ann", "CA"),
        (2, "bob", "ACB"),
        (3, "ann", "BCA"),
        (3, "bob", "BAC"),
    ]
    swap = str.maketrans("ABC", "CBA")
    one = ranking.build_model(rankings(orders))
    other = ranking.build_model(rankings([(i, r, order.translate(swap)) for i, r, order in reversed(orders)]))
    at = point(one)
    told = evaluated(one, ["q", "interaction", "taste_logit"], at)
    turned = {name: value[..., ::-1] for name, value in at.items() if "raw" in name}
    turn = other.rvs_to_transforms[other["q"]].forward(pytensor.tensor.constant(told["q"][::-1].copy())).eval()
    moved = {**at, **turned, **{name: turn for name in at if name.startswith("q_")}}
    assert logp(one, at) == pytest.approx(logp(other, moved), rel=1e-10)
    assert evaluated(other, ["quality"], moved)["quality"][::-1] == pytest.approx(
        evaluated(one, ["quality"], at)["quality"]
    )


@pytest.mark.usefixtures("plain_linker")
def test_quality_and_first_places_against_numerical_integration() -> None:
    ratings = simulated.ratings(simulated.Truth(items=6, people=3), 2)
    model = ranking.build_model(ratings)
    at = point(model)
    told = evaluated(model, ["q", "sd_interaction", "sd_taste", "quality", "prob_first"], at)
    human = podium(ratings).terms.reference
    sd = np.hypot(told["sd_interaction"], told["sd_taste"][human])
    for v, q in enumerate(told["q"]):
        lead = q - told["q"][0]
        wanted = integrate.quad(
            lambda z, lead=lead: stats.norm.pdf(z) / (1 + np.exp(-lead - np.sqrt(2) * sd * z)), -9, 9, epsabs=1e-12
        )[0]
        assert told["quality"][v] == pytest.approx(wanted, abs=1e-6)
    draws = told["q"] + sd * np.random.default_rng(0).normal(size=(400_000, 4))
    share = np.exp(draws) / np.exp(draws).sum(axis=1, keepdims=True)
    assert told["prob_first"] == pytest.approx(share.mean(axis=0), abs=0.0015)
    assert told["prob_first"].sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.usefixtures("plain_linker")
def test_without_spread_first_places_are_shares_of_strength() -> None:
    model = ranking.build_model(rankings([(1, "ann", "ABC"), (1, "bob", "BAC")]))
    assert "sd_interaction" not in model.named_vars
    told = evaluated(model, ["q", "prob_first", "quality"], point(model))
    assert told["prob_first"] == pytest.approx(np.exp(told["q"]) / np.exp(told["q"]).sum(), abs=1e-5)
    assert told["quality"].mean() == pytest.approx(0.5, abs=1e-12)


@pytest.mark.usefixtures("plain_linker")
def test_prior_predictions_follow_the_simulator() -> None:
    ratings = rankings([(i, f"judge{k}", "ABC") for i in range(4) for k in (1, 2)])
    with ranking.build_model(ratings):
        found = pm.sample_prior_predictive(800, var_names=["ranking", "quality"], random_seed=1)
    quality = found["prior"]["quality"].to_numpy().reshape(-1, 3)
    assert (quality > 0).all()
    assert (quality < 1).all()
    first = (found["prior_predictive"]["ranking"].to_numpy()[..., 0].reshape(800, -1)[..., None] == np.arange(3)).mean(
        axis=1
    )
    assert np.abs((first.mean(axis=0) - 1 / 3) / (first.std(axis=0) / np.sqrt(800))).max() < 4


@pytest.mark.usefixtures("plain_linker")
def test_rankings_that_the_model_makes_look_like_the_simulators() -> None:
    truth = simulated.Truth(items=25, people=4, share=1.0)
    model = ranking.build_model(simulated.ratings(truth))
    shift = np.array(truth.shift)
    told = {
        "q": np.array(truth.q) - np.mean(truth.q),
        "sd_interaction": np.array(truth.sd_interaction),
        "sd_taste_of_pool": np.array([truth.sd_taste]),
        "log_scale_use": np.log([truth.scale_use]),
        "sd_shift": np.array(1.0),
        "shift_logit_raw": shift[None, :],
    }
    given = az.from_dict(
        {"posterior": {name: np.broadcast_to(value, (1, 400, *value.shape)) for name, value in told.items()}}
    )
    with model:
        made = pm.sample_posterior_predictive(
            given, var_names=["ranking"], sample_vars=["interaction_raw", "taste_logit_raw", "ranking"],
            freeze_vars=list(told), random_seed=2, progressbar=False,
        )  # fmt: skip
    orders = made["posterior_predictive"]["ranking"].to_numpy()[0]
    evaluator = podium(simulated.ratings(truth)).evaluator
    for k in (0, 1):
        model_share = _first_shares(orders[:, evaluator == k])
        truths = [code_rankings(simulated.ratings(truth, seed)) for seed in range(60)]
        shares = np.concatenate([_first_shares(coded.order[None, coded.evaluator == k]) for coded in truths])
        error = np.sqrt(model_share.var(axis=0) / len(model_share) + shares.var(axis=0) / len(shares))
        assert np.abs((model_share.mean(axis=0) - shares.mean(axis=0)) / error).max() < 4


def _first_shares(orders: Any) -> Any:
    """(data set, variant) shares of first places."""
    return (orders[:, :, 0, None] == np.arange(4)).mean(axis=1)


# -------------------------------------------------------------------------------------------------- rankings that say little


def test_terms_that_rankings_cannot_tell_apart_are_left_out_and_named() -> None:
    once = podium(rankings([(n, f"p{n}", "ABC") for n in range(5)]))
    assert not once.terms.interaction
    assert not once.terms.taste.any()
    assert any("items were ranked once" in said for said in once.terms.sentences)
    alone = podium(rankings([(n, "ann", "ABC") for n in range(5)]))
    assert any("single rater" in said for said in alone.terms.sentences)
    judges = podium(rankings([(n, "judge1", "ABC") for n in range(5)]))
    assert judges.terms.shift.all()
    assert any("No person ranked" in said for said in judges.terms.sentences)


def test_no_ranking_of_two_variants_is_refused() -> None:
    frame = pd.DataFrame({"item": ["1", "2"], "rater": "ann", "variant": ["A", "B"], "rank": [1, 1]})
    with pytest.raises(RatingsError, match="two variants or more"):
        podium(validate(frame))


def test_a_prior_of_nothing_is_refused() -> None:
    with pytest.raises(SettingError, match=r"priors\.sd_shift"):
        ranking.Priors(sd_shift=0)


def test_rankings_of_different_lengths_are_not_added_up() -> None:
    orders = [(n, f"p{n}", "ABC" if n % 2 else "BA") for n in range(200)]
    assert podium(rankings(orders)).options is None
    assert podium(rankings(orders[1::2])).options is not None


def test_features_against_a_slow_twin() -> None:
    ratings = simulated.ratings(simulated.Truth(items=5, people=3, ranked=3), 7)
    seen = podium(ratings)
    constant = _constant(ratings)
    found = {name: float(value[0]) for name, value in ranking.RECIPE.features(seen.value[None], constant).items()}
    data = seen.data
    alike: dict[int, list[float]] = {0: [], 1: []}
    human = data.reference
    for m in range(data.size.size):
        for n in range(data.size.size):
            if m == n or data.item[m] != data.item[n] or data.evaluator[m] != human:
                continue
            one, other = (list(data.order[x][data.order[x] >= 0]) for x in (m, n))
            both = [v for v in one if v in other]
            for a in both:
                for b in both:
                    if a < b:
                        same = (one.index(a) < one.index(b)) == (other.index(a) < other.index(b))
                        alike[int(data.evaluator[n])].append(1.0 if same else -1.0)
    names = {human: "each other", 1 - human: data.evaluators[1 - human]}
    for k, words in names.items():
        key = f"agreement (mean Kendall's tau, one item) of {data.evaluators[human]} with {words}"
        assert found[key] == pytest.approx(np.mean(alike[k]), abs=1e-12)
    first = [sum(order[0] == v for order in data.order) / data.size.size for v in range(4)]
    assert [found[f"share of first places of {name}"] for name in "ABCD"] == pytest.approx(first)
    told = [tuple(order) for order in data.order.tolist()]
    most = max(told.count(one) for one in told) / len(told)
    assert found["share of rankings in the commonest order"] == pytest.approx(most)


def _constant(ratings: Any) -> Any:
    from expsim_bayes.models import _draws

    return _draws._data(ranking.RECIPE, ranking.build_model(ratings))["constant_data"]


# -------------------------------------------------------------------------------------------------------------- sampled


@pytest.fixture(scope="module")
def sampled() -> Any:
    """A fit of a known truth."""
    truth = simulated.Truth(items=40, people=5)
    return truth, fit(simulated.ratings(truth, 11), model="ranking", draws=1000, tune=800, random_seed=1, cores=2)


@pytest.mark.long
def test_a_known_truth_is_recovered(sampled: Any) -> None:
    truth, tree = sampled
    verdict = Verdict.from_json(tree.attrs["verdict"])
    assert verdict.level == "ok", verdict.reasons
    for name, wanted in (("quality", simulated.quality(truth)), ("prob_first", simulated.prob_first(truth))):
        draws = tree["posterior"][name].to_numpy().reshape(-1, 4)
        free = draws.std(axis=0) > 1e-12
        z = (draws.mean(axis=0) - wanted)[free] / draws.std(axis=0)[free]
        assert np.abs(z).max() < 3, name
    shift = tree["effects"]["shift_logit"].sel(evaluator="judge").to_numpy().reshape(-1, 4)
    shift = shift - shift.mean(axis=1, keepdims=True)
    z = (shift.mean(axis=0) - np.array(truth.shift) + np.mean(truth.shift)) / shift.std(axis=0)
    assert np.abs(z).max() < 3


@pytest.mark.long
def test_predictions_of_the_true_model_reproduce_what_decisions_hang_on(sampled: Any) -> None:
    _, tree = sampled
    constant = tree["constant_data"].to_dataset()
    observed = ranking.RECIPE.features(tree["observed_data"]["ranking"].to_numpy()[None], constant)
    made = tree["posterior_predictive"]["ranking"].to_numpy()
    predicted = ranking.RECIPE.features(made.reshape(-1, *made.shape[2:]), constant)
    assert set(observed) == set(predicted)
    within = [np.mean(predicted[name] <= observed[name][0]) for name in observed]
    assert min(within) > 0.001
    assert max(np.mean(predicted[name] < observed[name][0]) for name in observed) < 0.999


@pytest.mark.long
def test_an_undefeated_variant_stays_finite() -> None:
    ratings = rankings([(n, f"p{n}", "ABC" if n % 2 else "ACB") for n in range(40)], control="B")
    tree = fit(ratings, model="ranking", draws=500, tune=500, random_seed=1, cores=2)
    assert Verdict.from_json(tree.attrs["verdict"]).level == "ok"
    quality = tree["posterior"]["quality"].to_numpy()
    assert 0.9 < quality[..., 0].mean() < 1
    assert quality[..., 0].max() < 1
