"""Qualities between two ends, against millions of draws."""

from __future__ import annotations

import numpy as np
import pytest

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


def test_a_quality_that_is_known_for_certain_is_no_trouble() -> None:
    cov = np.array([[[0.0, 0.0], [0.0, 0.09]]])
    told = bounded.superiority(np.array([[0.0, 0.3]]), cov, (0.0, 1.0), control=0, min_effect=0.05)
    assert told.prob_best[0, 1] == pytest.approx(0.841345, abs=1e-6)
    assert told.prob_superior[0, 1] == pytest.approx(0.629, abs=0.01)  # P(logit > log(.55 / .45))
    assert bounded.moments(np.array([[0.0, 0.3]]), cov, (0.0, 1.0), 0)[1][0, 0] == pytest.approx(0.0, abs=1e-9)
