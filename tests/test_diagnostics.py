"""The gate and the predictive checks, on made-up fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from expsim_bayes.diagnostics import Verdict, gate, reported
from expsim_bayes.predictive import check_predictions

CHAINS, DRAWS = 4, 1000


def made_up(
    *,
    chains: int = CHAINS,
    draws: int = DRAWS,
    divergences: int = 0,
    apart: float = 0.0,
    sticky: float = 0.0,
    energy_memory: float = 0.0,
) -> xr.DataTree:
    """A fit whose draws are normal: chains may lie apart, draws and energy may have memory."""
    rng = np.random.default_rng(0)
    shape = (chains, draws)
    diverging = np.zeros(shape, dtype=bool)
    diverging.ravel()[:divergences] = True
    quality = memory(rng.normal(size=(*shape, 2)), sticky) + apart * np.arange(chains)[:, None, None]
    severity = np.stack([rng.normal(size=shape), np.full(shape, np.nan)], axis=-1)
    energy = memory(rng.normal(size=(*shape, 1)), energy_memory)[..., 0]
    coords = {"variant": ["A", "B"], "rater": ["ann", "judge"]}
    dims = ("chain", "draw")
    posterior = {
        "quality": ((*dims, "variant"), quality),
        "severity": ((*dims, "rater"), severity),
        "sd_output": (dims, np.zeros(shape)),
    }
    constant = {
        "quality_estimated": ("variant", [1, 1]),
        "severity_estimated": ("rater", [1, 0]),
        "sd_output_estimated": ((), 0),
    }
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(posterior, coords=coords),
            "sample_stats": xr.Dataset({"diverging": (dims, diverging), "energy": (dims, energy)}),
            "constant_data": xr.Dataset(constant, coords=coords),
        }
    )


def memory(noise: np.ndarray, share: float) -> np.ndarray:
    """Draws that keep a share of the draw before, with variance 1."""
    out = noise.copy()
    for n in range(1, noise.shape[1]):
        out[:, n] = share * out[:, n - 1] + np.sqrt(1 - share**2) * noise[:, n]
    return out


def test_independent_draws_pass() -> None:
    verdict = gate(made_up())
    assert (verdict.level, verdict.reasons) == ("ok", ())
    assert verdict.worst_ess > 3000
    assert [row.name for row in verdict.quantities] == ["quality[A]", "quality[B]", "severity[ann]"]


@pytest.mark.parametrize(
    ("flaw", "level", "word"),
    [
        ({"chains": 1}, "refuse", "1 chain"),
        ({"chains": 2}, "caution", "2 chain"),
        ({"divergences": 3}, "caution", "3 draws diverged"),
        ({"divergences": 5}, "refuse", "5 draws diverged"),
        ({"apart": 0.13}, "caution", "R-hat"),
        ({"apart": 1.0}, "refuse", "R-hat"),
        ({"sticky": 0.85}, "caution", "effective sample size"),
        ({"sticky": 0.98}, "refuse", "effective sample size"),
        ({"energy_memory": 0.95}, "caution", "BFMI"),
        ({"draws": 20}, "refuse", "effective sample size"),
    ],
)
def test_a_flaw_has_its_level_and_is_named(flaw: dict[str, Any], level: str, word: str) -> None:
    verdict = gate(made_up(**flaw))
    assert verdict.level == level
    assert any(word in reason for reason in verdict.reasons)


def test_constant_draws_are_refused() -> None:
    fit = made_up()
    fit["posterior"].to_dataset()["quality"][:, :, 0] = 3.0
    verdict = gate(fit)
    assert verdict.level == "refuse"
    assert "quality of A did not move" in verdict.reasons[0]


def test_infinite_draws_are_refused() -> None:
    fit = made_up()
    fit["posterior"].to_dataset()["quality"][2, 7, 1] = np.inf
    assert gate(fit).level == "refuse"


def test_constant_by_construction_is_not_looked_at() -> None:
    assert not any(row.name.startswith(("sd_output", "severity[judge]")) for row in gate(made_up()).quantities)


def test_verdict_survives_json() -> None:
    verdict = gate(made_up(divergences=2))
    assert Verdict.from_json(verdict.to_json()) == verdict


def predicted(score: np.ndarray, rater: np.ndarray, draws: np.ndarray) -> xr.DataTree:
    return xr.DataTree.from_dict(
        {
            "observed_data": xr.Dataset({"score": ("rating", score)}),
            "posterior_predictive": xr.Dataset({"score": (("chain", "draw", "rating"), draws[None])}),
            "constant_data": xr.Dataset({"rater_of": ("rating", rater)}),
        }
    )


def test_a_point_mass_that_the_model_misses_is_said() -> None:
    rng = np.random.default_rng(1)
    score = np.where(rng.random(600) < 0.6, 0.0, rng.choice([1.0, 2.0, 5.0], 600))
    rater = rng.integers(0, 3, 600)
    checks = check_predictions(predicted(score, rater, rng.normal(score.mean(), score.std(), (200, 600))))
    zeros = next(check for check in checks if check.name == "share of scores equal to 0 or below")
    assert zeros.observed == pytest.approx(np.mean(score == 0))
    assert not zeros.reproduced
    assert "does not reproduce the share of scores equal to 0" in zeros.sentence
    outside = next(check for check in checks if "below 0" in check.name or "outside 0" in check.name)
    assert not outside.reproduced


def test_a_model_that_made_the_data_reproduces_them() -> None:
    rng = np.random.default_rng(2)
    rater = np.repeat(np.arange(3), 200)
    centre = np.array([2.0, 3.0, 4.0])[rater]
    score = centre + rng.normal(size=600)
    checks = check_predictions(predicted(score, rater, centre + rng.normal(size=(400, 600))), score_range=(-3, 9))
    assert all(check.reproduced for check in checks)


def test_the_most_frequent_of_rounded_scores_is_no_feature_by_itself() -> None:
    rng = np.random.default_rng(4)
    rater = np.repeat(np.arange(3), 200)
    centre = np.array([5.0, 6.0, 7.0])[rater]
    drawn = centre + rng.normal(size=(400, 600))
    for _ in range(10):
        score = (centre + rng.normal(size=600)).round(2)
        found = [c for c in check_predictions(predicted(score, rater, drawn)) if "most frequent" in c.name]
        assert [check.reproduced for check in found] == [True]
    score[rng.random(600) < 0.1] = 6.0
    found = [c for c in check_predictions(predicted(score, rater, drawn)) if "most frequent" in c.name]
    assert [check.reproduced for check in found] == [False]
    assert "the most frequent value (6 here)" in found[0].name


def test_without_a_declared_range_only_an_end_with_many_ratings_is_one() -> None:
    rng = np.random.default_rng(3)
    score = rng.normal(size=300)
    rater = rng.integers(0, 3, 300)
    drawn = rng.normal(size=(400, 300))
    assert not any("where none can be" in check.sentence for check in check_predictions(predicted(score, rater, drawn)))
    censored = check_predictions(predicted(np.maximum(score, -0.5), rater, drawn))
    assert "below -0.5, where none can be" in " ".join(check.sentence for check in censored)


def test_equal_scores_have_no_skewness_to_check() -> None:
    same = np.full(40, 3.0)
    names = [
        check.name for check in check_predictions(predicted(same, np.zeros(40, dtype=int), np.tile(same, (10, 1))))
    ]
    assert names == ["share of scores equal to 3", "share of scores outside 3 to 3"]


def test_predictive_p_counts_ties_half() -> None:
    score = np.array([0.0, 0.0, 1.0, 1.0])
    checks = check_predictions(predicted(score, np.zeros(4, dtype=int), np.tile(score, (10, 1))))
    assert all(check.p == 0.5 for check in checks)


def test_everything_that_may_be_reported_is_looked_at() -> None:
    draws = np.random.default_rng(1).normal(size=(4, 500))
    posterior = xr.Dataset(
        dict.fromkeys(("sensitivity", "severity_raw", "sd_rater_of_pool", "quality"), (("chain", "draw"), draws))
    )
    assert reported(posterior) == ("quality", "sensitivity")


def test_features_of_a_recipe_are_compared_with_predicted_ones() -> None:
    """Counts of three steps, of which the observed data use only the first."""
    rng = np.random.default_rng(2)
    predicted = rng.multinomial(20, [0.2, 0.5, 0.3], size=(2, 200, 4))
    groups = {
        "observed_data": xr.Dataset({"count": (("group", "step"), np.tile([20, 0, 0], (4, 1)))}),
        "posterior_predictive": xr.Dataset({"count": (("chain", "draw", "group", "step"), predicted)}),
        "constant_data": xr.Dataset(
            {
                "step_points": (("step",), [1, 2, 3]),
                "rater_of": (("group",), [0, 0, 1, 1]),
                "variant_of": (("group",), [0, 1, 0, 1]),
            }
        ),
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs["model"] = "ordinal"
    found = {check.name: check for check in check_predictions(tree)}
    first = found["share of scores equal to 1"]
    assert (first.observed, first.reproduced) == (1.0, False)
    assert "observed 100.0 %" in first.sentence
    assert 0.1 < first.low < 0.2 < first.high < 0.35
