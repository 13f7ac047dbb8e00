"""Qualities between two ends, against millions of draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, ndtr

from expsim_bayes import bounded
from expsim_bayes.superiority import from_draws

MEAN = np.array([[0.2, 0.5, -0.1], [1.5, 1.4, 2.0]])
ROOT = np.array([[0.3, 0.0, 0.0], [0.1, 0.25, 0.0], [-0.2, 0.1, 0.2]])
COV = np.stack([ROOT @ ROOT.T, 2 * ROOT.T @ ROOT])
ENDS = (1.0, 5.0)


def drawn() -> np.ndarray:
    """(replication, draw, variant) qualities."""
    rng = np.random.default_rng(1)
    logits = np.stack([rng.multivariate_normal(m, c, size=400_000) for m, c in zip(MEAN, COV, strict=True)])
    return np.asarray(1 + 4 / (1 + np.exp(-logits)))


def test_moments_are_those_of_draws() -> None:
    draws = drawn()
    mean, sd, effect, effect_sd = bounded.moments(MEAN, COV, ENDS, 1)
    away = draws - draws[..., [1]]
    np.testing.assert_allclose(mean, draws.mean(axis=1), atol=4e-3)
    np.testing.assert_allclose(sd, draws.std(axis=1), rtol=6e-3)
    np.testing.assert_allclose(effect, away.mean(axis=1), atol=4e-3)
    np.testing.assert_allclose(effect_sd, away.std(axis=1), rtol=6e-3, atol=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("eligible", [None, np.array([[True, True, False], [True, True, True]])])
def test_superiority_is_that_of_draws(sign: int, eligible: np.ndarray | None) -> None:
    settings = {"control": 0, "min_effect": 0.15, "rope": 0.5, "higher_is_better": sign > 0, "eligible": eligible}
    told = bounded.superiority(MEAN, COV, ENDS, **settings)  # type: ignore[arg-type]
    true = from_draws(drawn(), **settings)  # type: ignore[arg-type]
    np.testing.assert_allclose(told.prob_best, true.prob_best, atol=3e-3)
    np.testing.assert_allclose(told.prob_superior, true.prob_superior, atol=3e-3)
    np.testing.assert_allclose(told.expected_loss, true.expected_loss, atol=0.01)
    assert (np.abs(told.prob_equivalent - true.prob_equivalent) < 4 * told.mcse + 2e-3).all()
    assert (told.mcse < 0.02).all()


@pytest.mark.parametrize(
    ("mean", "sd"),
    [([0, 0.5], 0.15), ([2, 2.6], 0.2), ([0, 0.3, 0.7], 0.18), ([0, 0.1, 0.2, 0.9], 0.25), ([0, 0, 0], 0.2)],
)
def test_what_the_likely_best_gives_away_is_right_however_little_it_is(mean: list[float], sd: float) -> None:
    """Independent logits: E[max - x_v] is the integral of F_v less the product of all F."""
    middle = np.array(mean, dtype=float)
    logits = np.linspace(middle.min() - 9 * sd, middle.max() + 9 * sd, 40_001)
    below = ndtr((logits - middle[:, None]) / sd)
    true = np.trapezoid(below - below.prod(axis=0), expit(logits), axis=1)
    found, error = bounded.losses(middle[None], sd**2 * np.eye(len(mean))[None], np.ones((1, len(mean)), dtype=bool))
    if len(mean) == 2:
        np.testing.assert_allclose(found[0], true, rtol=1e-4)
        assert error[0] == 0
    else:
        np.testing.assert_allclose(found[0], true, rtol=0.03)
        assert abs(found[0].min() - true.min()) < 4 * error[0] < 0.1 * true.min()


def test_two_variants_lie_within_the_rope_as_often_as_draws_do() -> None:
    cov = COV[:, :2, :2]
    told = bounded.superiority(MEAN[:, :2], cov, ENDS, control=0, rope=0.3)
    np.testing.assert_allclose(told.prob_equivalent, (np.ptp(drawn()[..., :2], axis=2) < 0.3).mean(axis=1), atol=3e-3)
    assert (told.mcse == 0).all()
    alone = bounded.superiority(MEAN[:, :2], cov, ENDS, control=0, rope=0.3, eligible=np.array([[True, False]] * 2))
    assert (alone.prob_equivalent == 1).all()
    assert (alone.expected_loss[:, 0] == 0).all()


def test_a_quality_that_is_known_for_certain_is_no_trouble() -> None:
    cov = np.array([[[0.0, 0.0], [0.0, 0.09]]])
    told = bounded.superiority(np.array([[0.0, 0.3]]), cov, (0.0, 1.0), control=0, min_effect=0.05)
    assert told.prob_best[0, 1] == pytest.approx(0.841345, abs=1e-6)
    assert told.prob_superior[0, 1] == pytest.approx(0.629, abs=0.01)  # P(logit > log(.55 / .45))
    assert bounded.moments(np.array([[0.0, 0.3]]), cov, (0.0, 1.0), 0)[1][0, 0] == pytest.approx(0.0, abs=1e-9)
