"""Error scores: the hurdle against plain twins, its integrated form against brute force, and what it recovers and reproduces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
import xarray as xr
from scipy import stats
from scipy.special import expit

from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.fit import fit
from expsim_bayes.models import error_scores
from expsim_bayes.models._error_steps import MOST_SIZES, errors
from expsim_bayes.ratings import Coded, Ratings, validate
from expsim_bayes.simulate import error_scores as simulate

PLAIN = {"mode": "FAST_COMPILE"}


def table(
    scores: Any,
    *,
    variants: Sequence[str] = "AB",
    raters: tuple[str, ...] = ("ann", "bob"),
    score_range: tuple[float, float] | None = (0, 25),
) -> Ratings:
    """Ratings of items in turn by variants and raters."""
    count = len(scores)
    frame = pd.DataFrame(
        {
            "variant": [variants[n % len(variants)] for n in range(count)],
            "item": [f"i{n // len(variants)}" for n in range(count)],
            "rater": [raters[(n // len(variants) + n) % len(raters)] for n in range(count)],
            "score": scores,
        }
    )
    return validate(frame, score_range=score_range, higher_is_better=False)


SCORES = [0, 5, 1, 0, 0, 0, 5, 6, 1, 1, 0, 10, 0, 0, 5, 1, 0, 1, 0, 5]


def draw_of(model: pm.Model, seed: int = 1) -> dict[str, Any]:
    """One draw of every free variable from the prior, and of what follows from them."""
    names = [v.name for v in (*model.free_RVs, *model.deterministics)]
    variables = [model[name] for name in names]
    with pytensor.config.change_flags(**PLAIN):
        return dict(zip(names, pm.draw(variables, random_seed=seed), strict=True))


def told_of(data: Coded, draw: dict[str, Any], n: int) -> Any:
    """(part,) latent value of rating n by its variant and its rater, items left out."""
    v, r = data.variant[n], data.rater[n]
    latent = draw["q"][:, v] - draw["q"].mean(axis=1)
    latent[0] += draw["error_level"][0]
    if "severity_logit" in draw:
        latent = latent + draw["severity_logit"][:, r] - draw["severity_logit"].mean(axis=1)
    if "taste_logit" in draw:
        latent = latent + draw["taste_logit"][:, r, v]
    return latent


def slow_log_likelihood(ratings: Ratings, draw: dict[str, Any], items: Any) -> float:
    """Ratings one by one, with scipy, given all effects; items (part, item)."""
    seen = errors(ratings)
    data = seen.data
    total = 0.0
    for n, score in enumerate(data.score):
        latent = told_of(data, draw, n) + items[:, data.item[n]]
        p = stats.logistic.cdf(latent[0])
        if score == 0:
            total += np.log(1 - p)
            continue
        size = list(seen.points[1:]).index(score)
        below = np.cumsum(draw["shares"][0])[:-1]
        edges = np.concatenate([[-np.inf], np.log(below / (1 - below)), [np.inf]])
        low, high = edges[size], edges[size + 1]
        total += np.log(p) + np.log(stats.logistic.cdf(high - latent[1]) - stats.logistic.cdf(low - latent[1]))
    return total


def test_contract_of_the_model() -> None:
    ratings = table(SCORES)
    model = error_scores.build_model(ratings)
    assert model.named_vars_to_dims["quality"] == ("variant",)
    assert model.coords["step"] == (0.0, 1.0, 5.0, 6.0, 10.0, 25.0)
    again = cloudpickle.loads(cloudpickle.dumps(model))
    assert [v.name for v in again.free_RVs] == [v.name for v in model.free_RVs]
    assert error_scores.RECIPE.higher_is_better is False
    with model, pytensor.config.change_flags(**PLAIN):
        drawn = pm.sample_prior_predictive(200, random_seed=1, compile_kwargs=PLAIN)
    prior = drawn["prior"].to_dataset()
    assert (prior["quality"] > 0).all()
    assert (prior["quality"] < 25).all()
    assert ((prior["prob_no_error"] > 0) & (prior["prob_no_error"] < 1)).all()
    np.testing.assert_allclose(prior["quality"], (1 - prior["prob_no_error"]) * prior["mean_size"], rtol=1e-10)
    steps = drawn["prior_predictive"]["finding"].to_numpy()
    assert steps.min() == 0
    assert steps.max() == 5


def test_explicit_likelihood_is_that_of_a_loop() -> None:
    ratings = table(SCORES)
    model = error_scores.build_model(ratings)
    draw = draw_of(model)
    with pytensor.config.change_flags(**PLAIN):
        finding = model["finding"]
        logp = pm.logp(finding, model.rvs_to_values[finding]).sum()
        given = {model[name]: draw[name] for name in draw if name in {v.name for v in model.free_RVs}}
        found = float(logp.eval({**given}))
    assert found == pytest.approx(slow_log_likelihood(ratings, draw, draw["item_effect"]), rel=1e-8)


@pytest.mark.parametrize("repeat", [1, 8], ids=["one by one", "from a table"])
def test_integrated_form_is_the_explicit_one_averaged_over_items(repeat: int) -> None:
    scores = SCORES * repeat
    frame = table(SCORES).table.drop(columns=["output", "evaluator"], errors="ignore")
    frame = pd.concat([frame.assign(item=frame["item"] + f"_{n}") for n in range(repeat)], ignore_index=True)
    ratings = validate(frame, score_range=(0, 25), higher_is_better=False)
    assert len(scores) == len(ratings.table)
    seen = errors(ratings)
    assert seen.lowest == "item"
    model = error_scores.build_marginal_model(ratings)
    draw = draw_of(model, seed=3)
    with pytensor.config.change_flags(**PLAIN):
        given = {model[v.name]: draw[v.name] for v in model.free_RVs}
        found = float(model["likelihood"].eval(given))
    rho, sd = draw["correlation"], draw["sd_item"]
    x, weight = np.polynomial.hermite_e.hermegauss(60)
    weight = weight / weight.sum()
    expected = 0.0
    for i in range(len(seen.data.items)):
        one = seen.data.item == i
        values: Any = np.zeros((x.size, x.size))
        for n in np.flatnonzero(one).tolist():
            base = told_of(seen.data, draw, n)
            first = base[0] + sd[0] * x[:, None] + 0 * x
            second = base[1] + sd[1] * (rho * x[:, None] + np.sqrt(1 - rho**2) * x)
            if seen.step[n] == 0:
                values += np.log(expit(-first))
                continue
            below = np.cumsum(draw["shares"][0])[:-1]
            edges = np.concatenate([[-np.inf], np.log(below / (1 - below)), [np.inf]])
            s = seen.step[n]
            values += np.log(expit(first)) + np.log(expit(edges[s] - second) - expit(edges[s - 1] - second))
        expected += np.log(weight @ np.exp(values) @ weight)
    assert found == pytest.approx(expected, rel=1e-5)


def test_quality_is_the_expected_score_by_new_raters_on_new_items() -> None:
    model = error_scores.build_model(table(SCORES))
    draw = draw_of(model, seed=2)
    rng, count = np.random.default_rng(5), 400_000
    z = rng.standard_normal((4, count))
    rho = draw["correlation"]
    items = draw["sd_item"][:, None] * np.stack([z[0], rho * z[0] + np.sqrt(1 - rho**2) * z[1]])
    raters = draw["sd_rater"][:, 0][:, None] * z[2:] if "sd_rater" in draw else 0.0
    new = items + raters
    if "sd_taste" in draw:
        new = new + draw["sd_taste"][:, 0][:, None] * rng.standard_normal((2, count))
    q = draw["q"] - draw["q"].mean(axis=1, keepdims=True)
    absorbed = draw["severity_logit"].mean(axis=1) if "severity_logit" in draw else np.zeros(2)
    points = np.array(model.coords["size"])
    for v in range(2):
        latent = (q[:, v] - absorbed)[:, None] + new
        size = points[0] + (expit(latent[1][:, None] - draw["cutpoint"][0]) * np.diff(points)).sum(axis=1)
        score = expit(draw["error_level"][0] + latent[0]) * size
        assert abs(draw["quality"][v] - score.mean()) < 4.5 * score.std() / np.sqrt(count)


def test_prior_of_the_model_and_the_simulator_tell_one_story() -> None:
    truth = simulate.Truth(n_items=4_000, n_raters=400)
    scores = simulate.ratings(truth, 3).table
    found = scores.groupby("variant")["score"].mean().to_numpy()
    error = scores.groupby("variant")["score"].std().to_numpy() / np.sqrt(4_000) * 1.5
    assert (np.abs(found - simulate.quality(truth)) < 4 * error).all()


def test_complete_draws_items_from_their_conditional() -> None:
    ratings = table(SCORES)
    seen = errors(ratings)
    model = error_scores.build_marginal_model(ratings)
    draw = draw_of(model, seed=4)
    count = 4_000
    dims = {
        name: model.named_vars_to_dims.get(name, tuple(f"{name}_{n}" for n in range(np.ndim(value))))
        for name, value in draw.items()
    }
    one = xr.Dataset({name: (dims[name], value) for name, value in draw.items()})
    draws = one.expand_dims(chain=1, draw=count)
    full = error_scores.RECIPE.complete(draws, ratings, error_scores.Priors(), np.random.default_rng(1))
    found = full["item_effect"].to_numpy()[0]  # (draw, part, item)
    assert found.shape == (count, 2, len(seen.data.items))
    nodes = np.linspace(-5, 5, 201)
    rho, sd = draw["correlation"], draw["sd_item"]
    x, y = nodes[:, None], nodes[None, :]
    prior = np.exp(-(x**2 - 2 * rho * x * y + y**2) / (2 * (1 - rho**2)))
    for i in (0, 3):
        values: Any = np.zeros(prior.shape)
        for n in np.flatnonzero(seen.data.item == i).tolist():
            base = told_of(seen.data, draw, n)
            first, second = base[0] + sd[0] * x, base[1] + sd[1] * y
            if (s := seen.step[n]) == 0:
                values = values + np.log(expit(-first))
            else:
                edges = np.concatenate([[-np.inf], draw["cutpoint"][0], [np.inf]])
                values = values + np.log(expit(first)) + np.log(expit(edges[s] - second) - expit(edges[s - 1] - second))
        mass = prior * np.exp(values)
        mass /= mass.sum()
        means = sd * np.array([(mass * x).sum(), (mass * y).sum()])
        spreads = sd * np.sqrt(
            [(mass * x**2).sum() - (mass * x).sum() ** 2, (mass * y**2).sum() - (mass * y).sum() ** 2]
        )
        z = (found[:, :, i].mean(axis=0) - means) / (spreads / np.sqrt(count))
        assert (np.abs(z) < 4).all()
        np.testing.assert_allclose(found[:, :, i].std(axis=0), spreads, rtol=0.06)


def test_names_and_the_order_of_rows_do_not_matter() -> None:
    plain = table(SCORES)
    shuffled = validate(plain.table.sample(frac=1, random_state=1), score_range=(0, 25), higher_is_better=False)
    renamed = table(SCORES, variants=("X", "Y"))
    draw, likelihoods = None, []
    for ratings in (plain, shuffled, renamed):
        model = error_scores.build_marginal_model(ratings)
        draw = draw or draw_of(model)
        with pytensor.config.change_flags(**PLAIN):
            found = float(model["likelihood"].eval({model[v.name]: draw[v.name] for v in model.free_RVs}))
        likelihoods.append(found)
    np.testing.assert_allclose(likelihoods, likelihoods[0], rtol=1e-12)


def test_the_graph_depends_on_the_design_alone() -> None:
    scores = np.array(SCORES)
    model = error_scores.build_marginal_model(table(scores))
    other = np.array([5, 0, 10, 1, 6, 0, 25, 0, 0, 0] * 2)
    same = error_scores.build_marginal_model(table(other))
    assert same.coords["step"] == model.coords["step"]
    draw = draw_of(model)
    with pytensor.config.change_flags(**PLAIN):
        expected = float(same["likelihood"].eval({same[v.name]: draw[v.name] for v in same.free_RVs}))
        model["finding_of"].set_value(errors(table(other)).step.astype("int32"))
        found = float(model["likelihood"].eval({model[v.name]: draw[v.name] for v in model.free_RVs}))
    assert found == pytest.approx(expected, rel=1e-12)


def test_sizes_are_those_seen_and_the_cap() -> None:
    seen = errors(table([0, 1, 5, 5]))
    assert seen.points.tolist() == [0, 1, 5, 25]
    assert seen.step.tolist() == [0, 1, 2, 2]
    undeclared = errors(table([0, 1, 5, 5], score_range=None))
    assert undeclared.points.tolist() == [0, 1, 5]
    assert any("largest score seen, 5" in sentence for sentence in undeclared.sentences)


def test_many_sizes_are_taken_together_and_keep_their_mean() -> None:
    scores = np.random.default_rng(1).exponential(3.0, 3_000).clip(0, 25) * (np.arange(3_000) % 2)
    seen = errors(table(scores.tolist()))
    assert seen.points.size <= MOST_SIZES + 2
    assert seen.points[seen.step].mean() == pytest.approx(scores.mean(), rel=1e-12)
    assert (np.diff(seen.points) > 0).all()
    assert ((seen.data.score > 0) == (seen.step > 0)).all()


@pytest.mark.parametrize(
    ("scores", "score_range", "words"),
    [
        ([0] * 12, (0, 25), "No rating found an error"),
        ([0] * 12, None, "taken as 1"),
        ([1, 5] * 6, (0, 25), "Every rating found an error"),
        ([0, 5] * 6, (0, 25), "No error was found in A"),
        ([0, 1, 1, 0] * 3, None, "largest score seen, 1"),
    ],
)
def test_scores_without_zeros_or_without_errors(
    scores: list[float], score_range: tuple[float, float] | None, words: str
) -> None:
    ratings = table(scores, score_range=score_range)
    assert any(words in sentence for sentence in error_scores.RECIPE.sentences(ratings, None))
    for build in (error_scores.build_model, error_scores.build_marginal_model):
        model = build(ratings)
        with pytensor.config.change_flags(**PLAIN):
            logp = model.compile_logp(**PLAIN)(model.initial_point())
            assert np.isfinite(logp)


@pytest.mark.parametrize("raters", [("ann",), ("ann", "bob")])
def test_one_item_and_one_rater(raters: tuple[str, ...]) -> None:
    frame = table(SCORES, raters=raters).table.assign(item="only", repeat=[str(n) for n in range(len(SCORES))])
    ratings = validate(frame.drop(columns=["output"], errors="ignore"), score_range=(0, 25), higher_is_better=False)
    model = error_scores.build_marginal_model(ratings)
    with pytensor.config.change_flags(**PLAIN):
        assert np.isfinite(model.compile_logp(**PLAIN)(model.initial_point()))


def test_judge_beside_people_has_a_shift_and_the_reference_none() -> None:
    ratings = simulate.ratings(simulate.Truth(n_items=12, judge=True, sd_shift=(0.5, 0.5)))
    model = error_scores.build_model(ratings)
    draw = draw_of(model)
    at = list(model.coords["evaluator"]).index("human")
    assert (draw["shift_logit"][:, at] == 0).all()
    assert (draw["shift_logit"][:, 1 - at] != 0).all()
    assert draw["shift"].shape == (2, 3)


def test_a_score_below_zero_is_refused_with_a_remedy() -> None:
    with pytest.raises(RatingsError, match="below zero") as caught:
        errors(table([0, -1, 5, 5], score_range=None))
    assert "sign" in str(caught.value)


def test_priors_are_above_zero() -> None:
    with pytest.raises(SettingError, match="nothing to learn"):
        error_scores.Priors(sd_item=0.0)


def test_features_of_a_small_table() -> None:
    constant = xr.Dataset(
        {
            "step_points": ("step", [0.0, 1.0, 5.0]),
            "rater_of": ("rating", [0, 0, 1, 1]),
            "variant_of": ("rating", [0, 1, 0, 1]),
        }
    )
    found = error_scores.RECIPE.features(np.array([[0, 1, 2, 0]]), constant)
    assert found["share of scores equal to 0"][0] == 0.5
    assert found["mean score"][0] == 1.5
    assert found["spread between raters' mean scores (SD)"][0] == 1.0
    assert found["spread between raters' shares of scores equal to 0 (SD)"][0] == 0.0
    assert found["largest score"][0] == 5.0


@pytest.mark.long
def test_a_known_truth_is_recovered() -> None:
    truth = simulate.Truth(n_items=150, n_raters=6)
    tree = fit(simulate.ratings(truth, 11), model="error_scores", draws=500, tune=500, random_seed=1)
    quality = tree["posterior"]["quality"]
    z = (quality.mean(("chain", "draw")) - simulate.quality(truth)) / quality.std(("chain", "draw"))
    assert (np.abs(z) < 3).all()
    low, high = tree["posterior"]["correlation"].quantile([0.005, 0.995]).to_numpy()
    assert low < truth.correlation < high
