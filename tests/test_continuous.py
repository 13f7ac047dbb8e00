"""The score story in PyMC: laws of its two forms, held against a dense multivariate normal written from the story alone."""

from __future__ import annotations

from collections.abc import Iterator

import cloudpickle  # type: ignore[import-untyped]
import numpy as np
import pymc as pm
import pytensor
import pytest
from dense_story import DESIGNS, RANGE, Dense, design, given
from scipy import linalg

from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.models._groups import (
    Story,
    dataset,
    prior_groups,
)
from expsim_bayes.models._marginal import PARTS
from expsim_bayes.models._predict import log_likelihoods, rating_means
from expsim_bayes.models._recover import (
    ComponentDraws,
    Effects,
    Nested,
    Parts,
    nested_effects,
    parts_to_effects,
    voices_see,
)
from expsim_bayes.models._statistics import statistics
from expsim_bayes.models.continuous import Components, Priors, build_marginal_model, build_model, score_scale, terms
from expsim_bayes.ratings import Ratings, code, validate


@pytest.fixture(autouse=True)
def _python_linker() -> Iterator[None]:
    """Compile with pytensor's plain linker: each test has its own graph, and numba would spend minutes on them."""
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


def quadratic(model: pm.Model) -> tuple[np.ndarray, np.ndarray, float, list[tuple[str, tuple[int, ...]]]]:
    """Mode, covariance and log normaliser of a model whose log density is exactly quadratic in its variables."""
    point = model.initial_point()
    layout = [(name, value.shape) for name, value in point.items()]
    sizes = [int(np.prod(shape)) for _, shape in layout]
    log_density = model.compile_logp(jacobian=False)
    gradient = model.compile_dlogp(jacobian=False)

    def unpack(x: np.ndarray) -> dict[str, np.ndarray]:
        pieces = np.split(x, np.cumsum(sizes)[:-1])
        return {name: piece.reshape(shape) for (name, shape), piece in zip(layout, pieces, strict=True)}

    n = sum(sizes)
    at_zero = gradient(unpack(np.zeros(n)))
    hessian = np.stack([gradient(unpack(row)) - at_zero for row in np.eye(n)])
    covariance = linalg.inv(-(hessian + hessian.T) / 2)
    mode = covariance @ at_zero
    normaliser = float(log_density(unpack(mode))) + 0.5 * n * np.log(2 * np.pi) + 0.5 * np.linalg.slogdet(covariance)[1]
    return mode, covariance, normaliser, layout


@pytest.mark.parametrize("name", DESIGNS)
def test_marginal_model_has_the_evidence_of_the_dense_story(name: str) -> None:
    ratings = design(name)
    fixed = given(ratings)
    dense = Dense(ratings, fixed, Priors()).log_density()
    *_, evidence, _ = quadratic(build_marginal_model(ratings, fixed=fixed))
    assert evidence == pytest.approx(dense, rel=1e-9)


@pytest.mark.parametrize("name", ["holes", "judges", "people"])
def test_explicit_model_has_the_evidence_of_the_dense_story(name: str) -> None:
    ratings = design(name)
    fixed = given(ratings)
    dense = Dense(ratings, fixed, Priors()).log_density()
    *_, evidence, _ = quadratic(build_model(ratings, fixed=fixed))
    assert evidence == pytest.approx(dense, rel=1e-9)


def test_tastes_can_be_left_out() -> None:
    data = code(design("full"))
    assert any(terms(data).taste)
    without = terms(data, tastes=False)
    assert not any(without.taste)
    assert without.severity == terms(data).severity
    assert "taken for noise, as was asked" in " ".join(without.sentences)
    assert Priors(tastes=False).sd_taste == Priors().sd_taste


@pytest.mark.parametrize(
    "drop", ["sd_item", "sd_interaction", "sd_output", "sd_shift", "sd_rater", "sd_taste", "sd_opinion"]
)
def test_absent_terms_keep_the_evidence(drop: str) -> None:
    ratings = design("holes")
    fixed = given(ratings)
    fixed = Components(**(fixed._asdict() | {drop: 0 * fixed._asdict()[drop]}))
    dense = Dense(ratings, fixed, Priors()).log_density()
    *_, evidence, _ = quadratic(build_marginal_model(ratings, fixed=fixed))
    assert evidence == pytest.approx(dense, rel=1e-9)


def story(ratings: Ratings, fixed: Components) -> Story:
    data = code(ratings)
    present = terms(data, fixed)
    return Story(data, present, Priors(), score_scale(data, ratings.score_range), statistics(data, present), fixed)


def part_draws(ratings: Ratings, fixed: Components, draws: int, rng: np.random.Generator) -> Parts:
    """Exact posterior draws of the parts."""
    model = build_marginal_model(ratings, fixed=fixed)
    mode, covariance, _, layout = quadratic(model)
    free = rng.multivariate_normal(mode, covariance, size=draws, method="cholesky")
    names = [name for name in PARTS if name in model.named_vars]
    outputs = pytensor.function(
        list(model.value_vars), model.replace_rvs_by_values([model[name] for name in names]),
        on_unused_input="ignore",
    )  # fmt: skip
    offsets = np.cumsum([0, *(int(np.prod(shape)) for _, shape in layout)])
    at = {name: (offsets[n], shape) for n, (name, shape) in enumerate(layout)}
    rows = []
    for x in free:
        values = [
            x[at[v.name][0] : at[v.name][0] + int(np.prod(at[v.name][1]))].reshape(at[v.name][1])
            for v in model.value_vars
        ]
        rows.append(outputs(*values))
    found = {name: np.stack([row[n] for row in rows]) for n, name in enumerate(names)}
    data = code(ratings)
    shapes = {"rater_deviation": (len(data.raters),), "taste_deviation": (len(data.raters), len(data.variants))}
    return Parts(*(found.get(name, np.zeros((draws, *shapes.get(name, ())))) for name in Parts._fields))


@pytest.mark.parametrize("name", ["holes", "judges"])
def test_recovered_effects_have_the_dense_posterior(name: str) -> None:
    ratings = design(name)
    fixed = given(ratings)
    one = story(ratings, fixed)
    rng = np.random.default_rng(1)
    draws = 3000
    parts = part_draws(ratings, fixed, draws, rng)
    sd = ComponentDraws.repeat(fixed, draws)
    effects = parts_to_effects(
        parts, sd, data=one.data, present=one.present, priors=one.priors, scale=one.scale, rng=rng
    )
    nested = nested_effects(voices_see(effects, sd, one.sums), sd, sums=one.sums, present=one.present, rng=rng)
    assert nested.item is not None
    assert nested.interaction is not None
    assert nested.output is not None
    assert nested.opinion is not None
    found: dict[tuple[object, ...], np.ndarray] = {
        ("m", k): effects.level[:, k] - 3.0 for k in range(len(one.data.evaluators))
    }
    found |= {("q", v): effects.q[:, v] for v in range(3)}
    found |= {("d", k, v): effects.shift[:, k, v] for k in np.flatnonzero(one.present.shift) for v in range(3)}
    found |= {
        ("b", r): effects.severity[:, r]
        for r in range(len(one.data.raters))
        if sd.sd_rater[0, one.data.rater_evaluator[r]] > 0
    }
    found |= {
        ("t", r, v): effects.taste[:, r, v]
        for r in range(len(one.data.raters)) if sd.sd_taste[0, one.data.rater_evaluator[r]] > 0 for v in range(3)
    }  # fmt: skip
    cells = np.unique(np.stack([one.data.output_item, one.data.output_variant]), axis=1)
    found |= {("u", i): nested.item[:, i] for i in range(len(one.data.items))}
    found |= {("g", *cells[:, c]): nested.interaction[:, c] for c in range(cells.shape[1])}
    found |= {("w", o): nested.output[:, o] for o in range(len(one.data.outputs))}
    opinionated = fixed.sd_opinion[one.data.rater_evaluator[one.sums.unit_rater]] > 0
    found |= {
        ("a", one.sums.unit_rater[n], one.sums.unit_output[n]): nested.opinion[:, n]
        for n in np.flatnonzero(opinionated)
    }
    names = list(found)
    mean, covariance = Dense(ratings, fixed, Priors()).posterior(names)
    drawn = np.stack([found[n] for n in names], axis=1)
    sd_exact = np.sqrt(np.diag(covariance))
    z = (drawn.mean(axis=0) - mean) / (sd_exact / np.sqrt(draws))
    assert np.abs(z).max() < 4.5
    np.testing.assert_allclose(drawn.std(axis=0) / sd_exact, 1, atol=0.07)
    correlation = np.corrcoef(drawn.T) - covariance / np.outer(sd_exact, sd_exact)
    assert np.abs(correlation).max() < 5 / np.sqrt(draws)


def test_rating_means_and_likelihood_are_those_of_the_explicit_model() -> None:
    ratings = design("holes")
    fixed = given(ratings)
    one = story(ratings, fixed)
    rng = np.random.default_rng(2)
    model = build_model(ratings, fixed=fixed)
    point = {name: rng.normal(size=value.shape) for name, value in model.initial_point().items()}
    full = pytensor.function(model.value_vars, model.replace_rvs_by_values(
        [model[name] for name in ("level", "q", "severity", "shift", "taste", "opinion", "item_effect", "interaction", "output_effect")]
    ), on_unused_input="ignore")  # fmt: skip
    level, q, severity, shift, taste, opinion, item, interaction, output = (
        value[None] for value in full(*(point[v.name] for v in model.value_vars))
    )
    sd = ComponentDraws.repeat(fixed, 1)
    by_unit = dict(zip(_pairs(one), opinion[0], strict=True))
    units = np.array([[by_unit[pair] for pair in zip(one.sums.unit_rater, one.sums.unit_output, strict=True)]])
    means = rating_means(
        Effects(level, q, severity, shift, taste),
        Nested(item, interaction, output, units),
        sd,
        sums=one.sums,
    )
    expected = model.compile_logp(vars=[model["score"]], sum=False, jacobian=False)(point)[0]
    np.testing.assert_allclose(log_likelihoods(means, sd, one.data)[0], expected, rtol=1e-9)


def _pairs(one: Story) -> list[tuple[int, int]]:
    pairs = np.unique(np.stack([one.data.rater, one.data.output]), axis=1)
    return [(int(r), int(o)) for r, o in pairs.T]


def test_prior_draws_have_the_explicit_models_prior() -> None:
    ratings, priors = design("repeats"), Priors(least_noise=0.2)
    data = code(ratings)
    present = terms(data)
    one = Story(data, present, priors, score_scale(data, ratings.score_range), statistics(data, present), None)
    fast = prior_groups(one, np.random.default_rng(0))
    with build_model(ratings, priors):
        slow = pm.sample_prior_predictive(1000, random_seed=1)
    assert float(fast["prior"]["sd_noise"].min()) >= 0.2 * one.scale.width
    for name in ("quality", "q", "level", "sd_item", "sd_shift", "sd_noise", "scale_use"):
        a, b = fast["prior"][name], slow["prior"][name]
        spread = float(b.std(("chain", "draw")).max())
        np.testing.assert_allclose(
            a.mean(("chain", "draw")), b.mean(("chain", "draw")), atol=4.5 * spread * np.sqrt(2 / 1000)
        )
        np.testing.assert_allclose(a.std(("chain", "draw")), b.std(("chain", "draw")), atol=0.2 * spread)
    a = fast["prior_predictive"]["score"].to_numpy()[0]
    b = slow["prior_predictive"]["score"].to_numpy()[0]
    np.testing.assert_allclose(a.std(), b.std(), rtol=0.1)
    np.testing.assert_allclose(np.median(np.abs(a - 3)), np.median(np.abs(b - 3)), rtol=0.1)
    pair = [(0, 1), (0, 5), (0, -1)]
    for i, j in pair:
        assert np.mean((a[:, i] - a[:, j]) ** 2) == pytest.approx(np.mean((b[:, i] - b[:, j]) ** 2), rel=0.35)


def test_dims_and_coords_are_the_vocabulary() -> None:
    model = build_model(design("full"))
    assert model.named_vars_to_dims["quality"] == ("variant",)
    assert tuple(model.coords["variant"]) == ("A", "B", "C")
    assert tuple(model.coords["evaluator"]) == ("a", "human", "z")
    assert {"variant_of", "item_of", "output_of", "rater_of", "evaluator_of", "score_of"} <= set(model.named_vars)
    observed = {variable.name for variable in model.observed_RVs}
    assert observed == {"score"}


def test_builder_and_data_travel_to_workers() -> None:
    builder, ratings = cloudpickle.loads(cloudpickle.dumps((build_marginal_model, design("crossed"))))
    a, b = builder(ratings), build_marginal_model(design("crossed"))
    point = b.initial_point()
    assert a.compile_logp()(point) == b.compile_logp()(point)


def test_order_of_rows_changes_nothing() -> None:
    ratings = design("holes")
    shuffled = validate(ratings.table.sample(frac=1, random_state=3), score_range=RANGE)
    a, b = build_marginal_model(ratings), build_marginal_model(shuffled)
    point = {name: np.full_like(value, 0.1) for name, value in a.initial_point().items()}
    assert a.compile_logp()(point) == pytest.approx(b.compile_logp()(point), rel=1e-12)


def test_names_change_nothing() -> None:
    ratings = design("crossed")
    renamed = ratings.table.assign(variant=ratings.table.variant.map({"A": "B", "B": "C", "C": "A"}))
    fixed = given(ratings)
    *_, a, _ = quadratic(build_marginal_model(ratings, fixed=fixed))
    *_, b, _ = quadratic(build_marginal_model(validate(renamed.drop(columns="output"), score_range=RANGE), fixed=fixed))
    assert a == pytest.approx(b, rel=1e-10)


def test_scale_of_scores_changes_nothing_but_the_units() -> None:
    ratings = design("crossed")
    tenfold = validate(ratings.table.assign(score=ratings.table.score * 10), score_range=(10, 50))
    fixed = given(ratings)
    scaled = Components(*(value if name == "scale_use" else value * 10 for name, value in fixed._asdict().items()))
    *_, a, _ = quadratic(build_marginal_model(ratings, fixed=fixed))
    *_, b, _ = quadratic(build_marginal_model(tenfold, fixed=scaled))
    assert b == pytest.approx(a - np.log(10) * len(ratings.table), rel=1e-10)


@pytest.mark.parametrize("value", [0, -1.0])
def test_prior_sd_must_be_positive(value: float) -> None:
    with pytest.raises(SettingError, match=r"priors\.sd_shift"):
        Priors(sd_shift=value)


def test_without_a_range_pooled_sds_stand_for_it() -> None:
    ratings = validate(design("crossed").table)
    scale = score_scale(code(ratings), None)
    assert "No score range was declared" in scale.sentence
    assert scale.middle == pytest.approx(ratings.table.score.mean())


def test_equal_scores_need_a_range() -> None:
    ratings = validate(design("crossed").table.assign(score=3.0))
    with pytest.raises(RatingsError, match="score-range"):
        build_model(ratings)


def said(ratings: Ratings) -> str:
    return " ".join(terms(code(ratings)).sentences)


def test_full_design_keeps_every_term() -> None:
    present = terms(code(design("full")))
    assert (present.item, present.interaction, present.output) == (True, True, True)
    assert present.shift == (True, False, True)
    assert present.severity == (False, True, False)
    assert present.taste == (False, True, False)
    assert present.opinion == (True, True, False)
    assert present.scale_use == (True, False, True)
    assert present.reference == 1


def test_one_generation_merges_output_into_interaction() -> None:
    present = terms(code(design("repeats")))
    assert (present.item, present.interaction, present.output) == (True, True, False)
    assert (
        "A variant's fit to an item and differences between generations cannot be told apart, because there is one generation of a variant "
        "on an item. Together they are called spread of a variant's fit to an item (sd_interaction)."
    ) in present.sentences


def test_one_rating_an_output_leaves_one_residual() -> None:
    ratings = design("people")
    one_each = validate(ratings.table.drop_duplicates("output"), score_range=RANGE)
    present = terms(code(one_each))
    assert (present.item, present.interaction, present.output, any(present.opinion)) == (True, False, False, False)
    assert "Together they are called noise from one time to the next (sd_noise)." in " ".join(present.sentences)


def test_one_item_speaks_of_this_item_alone() -> None:
    ratings = design("full")
    one = validate(ratings.table[ratings.table.item == "i0"], score_range=RANGE)
    present = terms(code(one))
    assert not present.item
    assert not present.interaction
    assert "only one item" in said(one)


def test_judge_alone_keeps_its_shift() -> None:
    present = terms(code(design("one judge")))
    assert present.shift == (True,)
    assert "stands on the level and scale of z alone" in " ".join(present.sentences)


def test_judges_alone_stand_on_the_one_with_most_ratings() -> None:
    ratings = design("judges")
    fewer = ratings.table[(ratings.table.evaluator == "z") | (ratings.table.item != "i0")]
    present = terms(code(validate(fewer, score_range=RANGE)))
    assert present.reference == 1
    assert present.shift == (True, True)
    assert present.scale_use == (True, False)


def test_anonymous_raters_have_no_severity() -> None:
    ratings = validate(design("crossed").table, score_range=RANGE, anonymous_kinds=("human",))
    present = terms(code(ratings))
    assert not any(present.severity)
    assert not any(present.taste)
    assert "slots, not persons" in said(ratings)


def test_scale_use_needs_shared_outputs() -> None:
    table = design("crossed").table
    apart = table[(table.kind == "human") == table.item.isin(["i0", "i1"])]
    ratings = validate(apart, score_range=RANGE)
    assert not any(terms(code(ratings)).scale_use)
    assert "0 outputs in common: scale use of a is taken as 1" in said(ratings)


def test_labels_of_absent_severity_are_missing_not_zero() -> None:
    ratings = design("full")
    fixed = given(ratings)
    one = story(ratings, fixed)
    sd = ComponentDraws.repeat(fixed, 4)
    zeros = Effects(np.zeros((4, 3)), np.zeros((4, 3)), np.zeros((4, 5)), np.zeros((4, 3, 3)), np.zeros((4, 5, 3)))
    labelled = dataset(zeros, sd, one, chains=2)
    assert np.isnan(labelled["severity"].sel(rater="a")).all()
    assert (labelled["severity"].sel(rater="p1") == 0).all()
    assert labelled["quality"].dims == ("chain", "draw", "variant")


@pytest.mark.parametrize("least", [0.0, -1.0, 0.25, 0.5])
def test_the_least_noise_lies_below_the_scale_of_noise(least: float) -> None:
    with pytest.raises(SettingError, match=r"priors.least_noise: a least noise of .* is not between 0 and sd_noise"):
        Priors(least_noise=least)


def test_given_components_have_noise() -> None:
    data = code(design("crossed"))
    one = np.ones(len(data.evaluators))
    given = Components(1.0, 0.0, 0.0, 0.0, one, 0 * one, 0 * one, 0 * one, one)
    with pytest.raises(SettingError, match=r"fixed.sd_noise: a rating without noise"):
        terms(data, given)
