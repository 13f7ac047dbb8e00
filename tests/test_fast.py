"""The posterior without a sampler: its density against the dense story, its slopes against differences, its draws against exact moments."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from dense_story import DESIGNS, RANGE, Dense, design, given
from scipy.special import ndtr

from expsim_bayes.diagnostics import Verdict, gate
from expsim_bayes.errors import SettingError
from expsim_bayes.fast.integration import MANY, Peak, Points, peak, points, resampled, smoothed
from expsim_bayes.fast.marginal import Marginal
from expsim_bayes.fast.moments import moments
from expsim_bayes.fast.parameters import parameters
from expsim_bayes.fast.scores import Scores, posterior
from expsim_bayes.fit import engine_of, fit
from expsim_bayes.models._groups import Story, story
from expsim_bayes.models._recover import ComponentDraws
from expsim_bayes.models._statistics import statistics
from expsim_bayes.models.continuous import Components, Priors
from expsim_bayes.ratings import Ratings, validate

Floats = np.ndarray


def density_of(told: Story) -> Marginal:
    sums = moments(told.data, told.present, told.sums, told.scale.middle)
    return Marginal.of(sums, told.present, told.priors, told.scale)


@pytest.mark.parametrize("name", DESIGNS)
def test_density_is_that_of_the_dense_story(name: str) -> None:
    ratings = design(name)
    fixed = given(ratings)
    found = density_of(story(ratings, fixed=fixed)).log_density(ComponentDraws.repeat(fixed, 2))
    assert found == pytest.approx([Dense(ratings, fixed, Priors()).log_density()] * 2, rel=1e-10)


@pytest.mark.parametrize("drop", ["sd_item", "sd_interaction", "sd_output", "sd_shift", "sd_rater", "sd_taste"])
def test_absent_terms_keep_the_density(drop: str) -> None:
    ratings = design("holes")
    fixed = given(ratings)
    fixed = Components(**(fixed._asdict() | {drop: 0 * fixed._asdict()[drop]}))
    found = density_of(story(ratings, fixed=fixed)).log_density(ComponentDraws.repeat(fixed, 1))
    assert found[0] == pytest.approx(Dense(ratings, fixed, Priors()).log_density(), rel=1e-10)


@pytest.mark.parametrize("name", DESIGNS)
def test_slopes_are_those_of_the_density(name: str) -> None:
    target = Scores.of(story(design(name)))
    x = np.random.default_rng(3).standard_normal((4, target.dims))
    value, slope = target.with_slopes(x)
    assert value == pytest.approx(target.log_density(x), rel=1e-12)
    step = 1e-5
    for n in range(target.dims):
        aside = step * np.eye(target.dims)[n]
        differences = (target.log_density(x + aside) - target.log_density(x - aside)) / (2 * step)
        assert slope[:, n] == pytest.approx(differences, rel=1e-5, abs=1e-5)


def test_many_components_at_once_are_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Scores.of(story(design("full")))
    x = np.random.default_rng(0).standard_normal((7, target.dims))
    together = target.with_slopes(x)
    monkeypatch.setattr("expsim_bayes.fast.marginal.BLOCK", 1)
    apart = target.with_slopes(x)
    assert together[0] == pytest.approx(apart[0], rel=1e-12)
    assert together[1] == pytest.approx(apart[1], rel=1e-9)


def test_components_of_normal_numbers_have_their_priors() -> None:
    told = story(design("full"))
    unknown = parameters(told.present, told.priors, told.scale)
    x = np.linspace(-8, 8, 33)
    sd = unknown.components(np.repeat(x[:, None], len(unknown.unknown), axis=1))
    width, priors = RANGE[1] - RANGE[0], told.priors
    item = 2 * ndtr(sd.sd_item / (priors.sd_item * width)) - 1
    assert item == pytest.approx(ndtr(x), abs=1e-9)
    least = ndtr(priors.least_noise / priors.sd_noise)
    noise = (ndtr(sd.sd_noise[:, 0] / (priors.sd_noise * width)) - least) / (1 - least)
    assert noise == pytest.approx(ndtr(x), abs=1e-9)
    assert (sd.sd_noise >= 0.999 * priors.least_noise * width).all()
    free = np.flatnonzero(told.present.scale_use)
    assert np.log(sd.scale_use[:, free]) == pytest.approx(
        np.repeat(x[:, None], free.size, axis=1) * priors.log_scale_use_sd
    )


@pytest.mark.parametrize("name", ["full", "holes", "judges", "one judge", "people"])
def test_effects_given_the_components_have_the_dense_posterior(name: str) -> None:
    ratings = design(name)
    fixed = given(ratings)
    told = story(ratings, fixed=fixed)
    found = posterior(told, 6_000, np.random.default_rng(1))
    drawn: dict[tuple[object, ...], Floats] = {}
    present = told.present
    for k in range(len(told.data.evaluators)):
        drawn["m", k] = found.effects.level[:, k] - told.scale.middle
        for v in range(len(told.data.variants)):
            if present.shift[k]:
                drawn["d", k, v] = found.effects.shift[:, k, v]
    for v in range(len(told.data.variants)):
        drawn["q", v] = found.effects.q[:, v]
    for r, k in enumerate(told.data.rater_evaluator):
        if present.severity[k]:
            drawn["b", r] = found.effects.severity[:, r]
        for v in range(len(told.data.variants)):
            if present.taste[k]:
                drawn["t", r, v] = found.effects.taste[:, r, v]
    mean, cov = Dense(ratings, fixed, Priors()).posterior(list(drawn))
    values = np.stack(list(drawn.values()), axis=1)
    sd = np.sqrt(np.diag(cov))
    assert np.abs((values.mean(axis=0) - mean) / sd * np.sqrt(len(values))).max() < 4.5
    spread = (values - mean) / sd
    correlation = cov / sd / sd[:, None]
    error = np.sqrt((1 + correlation**2) / len(values))
    assert (np.abs(spread.T @ spread / len(values) - correlation) < 5 * error).all()


class Normal(NamedTuple):
    """A correlated normal target with a bend."""

    bend: float = 0.0
    work: float = 1e3

    @property
    def dims(self) -> int:
        return 2

    def log_density(self, x: Floats) -> Floats:
        off = x[:, 1] - 1 - self.bend * (x[:, 0] ** 2 - 1)
        return -0.5 * (x[:, 0] ** 2 + (off / 0.3) ** 2)

    def with_slopes(self, x: Floats) -> tuple[Floats, Floats]:
        off = (x[:, 1] - 1 - self.bend * (x[:, 0] ** 2 - 1)) / 0.3**2
        return self.log_density(x), np.stack([-x[:, 0] + off * 2 * self.bend * x[:, 0], -off], axis=1)


def test_weights_that_one_point_carries_are_not_trusted() -> None:
    alone = np.full(600, -1e6)
    alone[7] = 0.0
    weight, k_hat = smoothed(alone)
    assert weight[7] == pytest.approx(1.0)
    assert k_hat == np.inf
    weight, k_hat = smoothed(np.zeros(600))
    np.testing.assert_allclose(weight, 1 / 600)
    assert np.isnan(k_hat)


@pytest.mark.parametrize("bend", [0.0, 0.3])
def test_points_stand_for_a_density_of_known_moments(bend: float) -> None:
    target = Normal(bend)
    found = points(target, peak(target), np.random.default_rng(2), most=8_000)
    mean = found.weight @ found.x
    spread = np.sqrt(found.weight @ (found.x - mean) ** 2)
    assert mean == pytest.approx([0.0, 1.0], abs=0.03)
    assert spread == pytest.approx([1.0, np.sqrt(0.09 + 2 * bend**2)], rel=0.04)
    assert found.k_hat < 0.7
    assert found.effective > 0.4 * len(found.x)


def test_the_mode_is_found_from_afar_and_its_width_with_it() -> None:
    found = peak(Normal(), Peak(np.array([4.0, -3.0]), np.eye(2)))
    assert found.at == pytest.approx([0.0, 1.0], abs=0.01)
    assert found.root @ found.root.T == pytest.approx(np.diag([1.0, 0.09]), abs=1e-3)


def test_draws_from_few_points_keep_mean_and_covariance() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, 3)) * [1.0, 2.0, 0.5]
    weight = rng.random(100)
    some = Points(x, weight / weight.sum(), 0.1, 0)
    at, drawn = resampled(some, 40_000, rng)
    mean = some.weight @ x
    cov = ((x - mean) * some.weight[:, None]).T @ (x - mean)
    assert drawn.mean(axis=0) == pytest.approx(mean, abs=0.03)
    assert np.cov(drawn.T) == pytest.approx(cov, rel=0.06, abs=0.03)
    assert np.bincount(at, minlength=100) / len(at) == pytest.approx(some.weight, abs=1e-4)
    assert len(np.unique(drawn[:, 0])) == len(drawn)


def one_judge() -> Ratings:
    """A judge alone, one rating an output of split items: noise and the taste of the judge are all that is unknown."""
    rng = np.random.default_rng(8)
    rows = [
        {"variant": "AB"[n % 2], "item": f"i{n}", "rater": "judge", "kind": "llm", "score": 3 + 0.4 * (n % 2) + e}
        for n, e in enumerate(0.5 * rng.standard_normal(16))
    ]
    return validate(pd.DataFrame(rows), score_range=RANGE)


def test_components_are_integrated_out_as_a_grid_does() -> None:
    ratings = one_judge()
    told = story(ratings)
    target = Scores.of(told)
    assert [what.name for what in target.unknown.unknown] == ["sd_shift", "sd_noise"]
    # every component on a fine grid, the dense story at each
    axis = np.linspace(-4.5, 4.5, 43)
    x = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    sd = target.unknown.components(x)
    log_weight, mean, variance = [], [], []
    for n in range(len(x)):
        fixed = Components(*(value[n] for value in sd))
        dense = Dense(ratings, fixed, told.priors)
        log_weight.append(dense.log_density() - 0.5 * (x[n] ** 2).sum())
        of_q, cov = dense.posterior([("q", 0), ("q", 1)])
        mean.append(of_q[1] - of_q[0])
        variance.append(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    weight = np.exp(np.array(log_weight) - max(log_weight))
    weight /= weight.sum()
    effect = float(weight @ mean)
    spread = float(np.sqrt(weight @ (np.array(variance) + (np.array(mean) - effect) ** 2)))
    found = posterior(told, 40_000, np.random.default_rng(4))
    difference = found.effects.q[:, 1] - found.effects.q[:, 0]
    assert difference.mean() == pytest.approx(effect, abs=4.5 * spread / np.sqrt(20_000))
    assert difference.std() == pytest.approx(spread, rel=0.03)
    for name in ("sd_shift", "sd_noise"):
        values = getattr(sd, name).reshape(len(x))
        drawn = getattr(found.sd, name).ravel()
        exact = float(weight @ values)
        width = float(np.sqrt(weight @ (values - exact) ** 2))
        assert drawn.mean() == pytest.approx(exact, abs=4.5 * width / np.sqrt(20_000))
        assert drawn.std() == pytest.approx(width, rel=0.03)


def test_more_ratings_are_begun_from_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    told = story(design("full"))
    target = Scores.of(told)
    plain = peak(target)
    monkeypatch.setattr("expsim_bayes.fast.scores.ENOUGH", 20)
    from expsim_bayes.fast.scores import _near

    near = _near(told, target)
    assert near is not None
    assert near.at.shape == plain.at.shape
    again = peak(target, near)
    assert again.at == pytest.approx(plain.at, abs=0.05)
    assert again.root @ again.root.T == pytest.approx(plain.root @ plain.root.T, rel=0.1, abs=0.02)


def test_same_seed_same_draws_and_rows_in_any_order() -> None:
    ratings = design("holes")
    shuffled = validate(ratings.table.sample(frac=1, random_state=3), score_range=RANGE)
    first, second = (fit(r, engine="fast", draws=100, random_seed=7) for r in (ratings, shuffled))
    assert np.array_equal(first["posterior"]["quality"], second["posterior"]["quality"])
    other = fit(ratings, engine="fast", draws=100, random_seed=8)
    assert not np.array_equal(first["posterior"]["quality"], other["posterior"]["quality"])


def test_a_variant_without_ratings_keeps_its_prior() -> None:
    ratings = one_judge()
    more = replace(ratings, variants=("A", "B", "C"))
    found = posterior(story(more), 20_000, np.random.default_rng(0)).effects.q[:, 2]
    assert found.mean() == pytest.approx(0, abs=0.02)
    assert found.std() == pytest.approx(Priors().sd_variant * (RANGE[1] - RANGE[0]), rel=0.03)


def test_scores_that_never_vary_leave_a_posterior() -> None:
    rows = [
        {"variant": v, "item": f"i{i}", "rater": r, "kind": "human", "score": 3.0}
        for v in "AB"
        for i in range(6)
        for r in ("ann", "bob")
    ]
    found = posterior(story(validate(pd.DataFrame(rows), score_range=RANGE)), 2_000, np.random.default_rng(0))
    difference = found.effects.q[:, 1] - found.effects.q[:, 0]
    assert np.isfinite(difference).all()
    assert (difference > 0).mean() == pytest.approx(0.5, abs=0.05)
    assert difference.std() > 0


def test_the_gate_judges_the_points() -> None:
    tree = fit(one_judge(), engine="fast", draws=200)
    verdict = Verdict.from_json(tree.attrs["verdict"])
    assert (verdict.level, verdict.divergences) == ("ok", 0)
    assert verdict.points >= MANY
    assert [row.name for row in verdict.quantities] == ["quality[A]", "quality[B]"]
    for changed, level in (
        ({"k_hat": 0.8}, "caution"),
        ({"k_hat": 1.2}, "refuse"),
        ({"k_hat": 0.66, "weighed": 4_000}, "ok"),  # of so many; fewer tell less of a tail
        ({"k_hat": 0.66, "weighed": 512}, "caution"),
        ({"effective": 20}, "caution"),
    ):
        tree.attrs["integration"] = json.dumps(json.loads(tree.attrs["integration"]) | changed)
        assert gate(tree).level == level
        tree.attrs["integration"] = json.dumps(json.loads(tree.attrs["integration"]) | {"k_hat": 0.1})


def test_given_components_need_no_points() -> None:
    ratings = design("people")
    tree = fit(ratings, engine="fast", fixed=given(ratings), draws=200)
    assert Verdict.from_json(tree.attrs["verdict"]).level == "ok"
    assert tree.attrs["components"] == "given"


def test_engines_are_chosen_by_model_and_size() -> None:
    assert engine_of("auto", "continuous", 100) == "nuts"
    assert engine_of("auto", "continuous", 50_000) == "fast"
    assert engine_of("auto", "robust", 50_000) == "nuts"
    assert engine_of("nuts", "continuous", 50_000) == "nuts"
    with pytest.raises(SettingError, match="needs a sampler"):
        engine_of("fast", "robust", 10)
    with pytest.raises(SettingError, match="no engine"):
        engine_of("slow", "continuous", 10)  # type: ignore[arg-type]


def test_moments_hold_all_ratings_whatever_their_pattern() -> None:
    told = story(design("holes"))
    sums = moments(told.data, told.present, told.sums, 0.0)
    precision = np.ones((1, sums.units.size))
    n = sums.columns.size
    products = sums.plain.of(precision, n * n).reshape(n, n)
    unit = statistics(told.data, told.present).unit_mean
    assert products[-1, -1] == pytest.approx(float((unit**2).sum()), rel=1e-12)
    assert np.allclose(products, products.T)
