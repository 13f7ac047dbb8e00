"""Coordinates of effects: they change how the sampler moves, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy import stats

from expsim_bayes.models._centring import shown_nested
from expsim_bayes.models._effects import Shown, effects, scale_uses
from expsim_bayes.ratings import code, validate

SHOWN = Shown(np.array([1.2, -0.4, 0.0]), np.array([4.0, 0.5, 0.0]))


def model_of(shown: Shown | None, *, absorbed: bool = False) -> pm.Model:
    with pm.Model(coords={"item": list("abc")}) as model:
        effects("u", pm.HalfNormal("sd", 1.0, default_transform=None), "item", shown=shown, absorbed=absorbed)
    return model


def test_the_law_of_effects_is_the_same_in_coordinates_that_lean() -> None:
    model, sd, z = model_of(SHOWN), 0.8, np.array([0.3, -1.1, 0.6])
    transform = model.rvs_to_transforms[model["u_raw"]]
    spread, value = pt.constant(sd), pt.constant(z)
    known = sd**2 * SHOWN.information
    u = SHOWN.estimate * known / (1 + known) + sd / np.sqrt(1 + known) * z
    np.testing.assert_allclose(transform.backward(value, 0.0, spread).eval(), u, rtol=1e-12)
    np.testing.assert_allclose(transform.forward(pt.constant(u), 0.0, spread).eval(), z, rtol=1e-12)
    expected = stats.halfnorm.logpdf(sd) + stats.norm.logpdf(u, 0, sd).sum() + np.log(sd / np.sqrt(1 + known)).sum()
    assert float(model.compile_logp()({"sd": sd, "u_raw_leaning__": z})) == pytest.approx(expected, rel=1e-12)
    assert u[2] == pytest.approx(sd * z[2])  # nothing known: a multiple of the SD


@pytest.mark.parametrize("sd", [0.01, 0.5, 40.0])
def test_the_coordinate_is_standard_normal_where_ratings_say_just_that(sd: float) -> None:
    model = model_of(SHOWN)
    transform = model.rvs_to_transforms[model["u_raw"]]
    density, left = model.compile_logp(), []
    for z in np.random.default_rng(1).normal(size=(5, 3)):
        u = transform.backward(pt.constant(z), 0.0, pt.constant(sd)).eval()
        seen = -0.5 * (SHOWN.information * (u - SHOWN.estimate) ** 2).sum()
        left.append(float(density({"sd": sd, "u_raw_leaning__": z})) + seen - stats.norm.logpdf(z).sum())
    assert np.ptp(left) < 1e-6


@pytest.mark.parametrize("shown", [None, SHOWN])
def test_turned_effects_keep_their_law(shown: Shown | None) -> None:
    model = model_of(shown, absorbed=True)
    draws = pm.draw([model["sd"], model["u"]], 4_000, random_seed=1)
    z = draws[1] / draws[0][:, None]
    np.testing.assert_allclose(np.cov(z.T), np.eye(3), atol=0.12)
    assert np.abs(z.mean(axis=0)).max() < 0.08


def test_the_prior_of_scale_use_does_not_hang_on_what_there_is_to_hear() -> None:
    with pm.Model(coords={"evaluator": ["human", "j"], "scaled": ["j"]}) as model:
        scale_uses([False, True], 0.5, heard=pm.HalfNormal("heard", 1.0))
    heard, use = pm.draw([model["heard"], model["scale_use"]], 4_000, random_seed=1)
    log = np.log(use)
    assert (log[:, 0] == 0).all()
    assert log[:, 1].std() == pytest.approx(0.5, rel=0.05)
    assert abs(np.corrcoef(np.log(heard), log[:, 1])[0, 1]) < 0.06


def test_what_ratings_show_of_balanced_items_and_cells_is_their_mean_deviations() -> None:
    rng = np.random.default_rng(4)
    rows = [
        (v, f"i{i}", r, float(each))
        for i in range(6)
        for v in "AB"
        for r, each in zip(("ann", "bob"), 50 + 9 * rng.normal() + 3 * rng.normal(size=2), strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["variant", "item", "rater", "score"]).assign(kind="human")
    data = code(validate(frame, score_range=(0, 100)))
    cell = data.item * 2 + data.variant
    shown = shown_nested(data, cell, 0)
    left = frame.score - frame.groupby(["rater", "variant"]).score.transform("mean")
    by_cell = left.groupby([frame.item, frame.variant]).mean()
    by_item = left.groupby(frame["item"]).mean()
    np.testing.assert_allclose(shown["item"].estimate, by_item.to_numpy(), atol=1e-9)
    np.testing.assert_allclose(shown["cell"].estimate, by_cell.to_numpy() - np.repeat(by_item.to_numpy(), 2), atol=1e-9)
    within = ((left - left.groupby([frame.item, frame.variant]).transform("mean")) ** 2).sum() / 12
    np.testing.assert_allclose(shown["cell"].information, 2 / within, rtol=1e-9)
    assert (shown["item"].information > 0).all()
    assert (shown["item"].information <= 4 / within + 1e-9).all()


def test_items_that_the_reference_never_rated_are_not_known() -> None:
    frame = pd.DataFrame(
        {
            "variant": list("ABABAB"),
            "item": list("112233"),
            "rater": ["ann"] * 4 + ["gpt"] * 2,
            "kind": ["human"] * 4 + ["llm"] * 2,
            "score": [3.0, 4, 5, 2, 1, 1],
        }
    )
    data = code(validate(frame, score_range=(1, 5)))
    shown = shown_nested(data, data.item * 2 + data.variant, data.evaluators.index("human"))
    assert shown["item"].information[2] == 0
    assert shown["item"].estimate[2] == 0
    assert all(np.isfinite(each.estimate).all() and np.isfinite(each.information).all() for each in shown.values())
