"""Laws of superiority first, then exact and brute-force twins, then what must not break it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import multivariate_normal, norm

from expsim_bayes.contests import contest
from expsim_bayes.orthants import bivariate, trivariate
from expsim_bayes.superiority import contrast, from_draws, from_gaussian, prob_best_independent

Array = NDArray[Any]


def posteriors(variants: int, replications: int, seed: int) -> tuple[Array, Array]:
    """Correlated posteriors with a common level, of very different spread."""
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.2, 1.5, (replications, variants, 1))
    root = rng.normal(size=(replications, variants, variants + 1)) * spread
    mean = rng.normal(size=(replications, variants)) * rng.choice([0.0, 0.5, 1.5], (replications, 1))
    return mean, root @ root.swapaxes(1, 2) / variants + rng.uniform(0, 2, (replications, 1, 1))


def loop_prob_best(mean: Array, cov: Array) -> list[float]:
    """P(best) of each variant as the distribution function of its differences to the others, by scipy."""
    n = len(mean)
    found = []
    for v in range(n):
        others = [w for w in range(n) if w != v]
        d = np.zeros((n - 1, n))
        for row, w in enumerate(others):
            d[row, w], d[row, v] = 1.0, -1.0
        below = multivariate_normal.cdf(
            np.zeros(n - 1), d @ mean, d @ cov @ d.T, abseps=1e-7, maxpts=200_000, rng=np.random.default_rng(0)
        )
        found.append(float(below))
    return found


# ------------------------------------------------------------------------------------------------------------- laws

MEANS = hnp.arrays(float, st.shared(st.integers(2, 6), key="n"), elements=st.floats(-3, 3))
ROOTS = st.shared(st.integers(2, 6), key="n").flatmap(lambda n: hnp.arrays(float, (n, n), elements=st.floats(-2, 2)))


@settings(max_examples=40, deadline=None)
@given(MEANS, ROOTS, st.floats(-50, 50))
def test_laws_of_a_gaussian_posterior(mean: Array, root: Array, shift: float) -> None:
    cov = root @ root.T + 0.05 * np.eye(len(mean))
    known = from_gaussian(mean, cov, control=0, min_effect=0.1, rope=0.5)
    assert known.prob_best.sum() == pytest.approx(1, abs=1e-12)
    assert ((known.prob_best >= 0) & (known.prob_best <= 1)).all()
    assert 0 <= known.prob_equivalent <= 1
    assert known.expected_loss.min() > -1e-6 - 4 * known.mcse * np.sqrt(cov.max())
    assert known.expected_loss + mean == pytest.approx(np.full(len(mean), known.expected_loss[0] + mean[0]))
    moved = from_gaussian(mean + shift, cov + abs(shift), control=0, min_effect=0.1, rope=0.5)
    for was, now in zip(known, moved, strict=True):
        assert now == pytest.approx(was, abs=1e-6, nan_ok=True)
    mirrored = from_gaussian(-mean, cov, control=0, min_effect=0.1, rope=0.5, higher_is_better=False)
    for was, now in zip(known, mirrored, strict=True):
        np.testing.assert_array_equal(was, now)


@pytest.mark.parametrize("variants", [2, 3, 4, 7])
def test_renaming_variants_renames_the_answer(variants: int) -> None:
    mean, cov = posteriors(variants, 50, seed=5)
    order = np.random.default_rng(1).permutation(variants)
    known = from_gaussian(mean, cov, control=int(order[0]), min_effect=0.1, rope=0.4)
    turned = from_gaussian(mean[:, order], cov[:, order][:, :, order], control=0, min_effect=0.1, rope=0.4)
    np.testing.assert_allclose(turned.prob_superior, known.prob_superior[:, order], atol=1e-12)
    tolerance = 1e-7 if variants <= 4 else 5 * np.hypot(known.mcse, turned.mcse)[:, None]
    assert (np.abs(turned.prob_best - known.prob_best[:, order]) <= tolerance).all()
    loss_tolerance = 1e-6 if variants <= 4 else 0.1
    assert (np.abs(turned.expected_loss - known.expected_loss[:, order]) <= loss_tolerance).all()
    assert (
        np.abs(turned.prob_equivalent - known.prob_equivalent) <= 1e-9 + 5 * np.hypot(known.mcse, turned.mcse)
    ).all()


@pytest.mark.parametrize("variants", [2, 3, 4, 6])
def test_a_larger_unit_changes_losses_only(variants: int) -> None:
    mean, cov = posteriors(variants, 40, seed=6)
    small = from_gaussian(mean, cov, control=0, min_effect=0.1, rope=0.3)
    large = from_gaussian(20 * mean, 400 * cov, control=0, min_effect=2.0, rope=6.0)
    np.testing.assert_allclose(large.expected_loss, 20 * small.expected_loss, rtol=1e-6, atol=1e-8)
    for name in ("prob_best", "prob_superior", "prob_equivalent", "mcse"):
        np.testing.assert_allclose(getattr(large, name), getattr(small, name), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("variants", [2, 3, 4, 6])
def test_prob_best_is_the_slope_of_the_expected_maximum(variants: int) -> None:
    mean, cov = posteriors(variants, 20, seed=7)
    step = 1e-4
    known = from_gaussian(mean, cov, control=None, points=2048)
    for v in range(min(variants, 4)):
        up, down = mean.copy(), mean.copy()
        up[:, v] += step
        down[:, v] -= step
        high, low = (from_gaussian(m, cov, control=None, points=2048) for m in (up, down))
        slope = ((high.expected_loss[:, 0] + up[:, 0]) - (low.expected_loss[:, 0] + down[:, 0])) / (2 * step)
        assert np.abs(slope - known.prob_best[:, v]).max() < (1e-5 if variants <= 4 else 0.02)


@pytest.mark.parametrize("variants", [3, 4, 5, 6])
def test_a_variant_that_is_not_eligible_might_as_well_not_be_there(variants: int) -> None:
    mean, cov = posteriors(variants, 40, seed=8)
    mean[:, 1] += 2.0
    kept = [v for v in range(variants) if v != 1]
    known = from_gaussian(mean, cov, control=0, rope=0.5, eligible=np.arange(variants) != 1, points=2048)
    without = from_gaussian(mean[:, kept], cov[:, kept][:, :, kept], control=0, rope=0.5, points=2048)
    tolerance = 2e-4 + 6 * np.hypot(known.mcse, without.mcse)
    assert (known.prob_best[:, 1] == 0).all()
    assert (np.abs(known.prob_best[:, kept] - without.prob_best) <= tolerance[:, None]).all()
    assert (np.abs(known.prob_equivalent - without.prob_equivalent) <= tolerance).all()
    np.testing.assert_allclose(known.expected_loss[:, kept], without.expected_loss, atol=0.02 if variants > 4 else 1e-6)
    np.testing.assert_allclose(known.prob_superior[:, kept], without.prob_superior, atol=1e-12)


def test_two_variants_are_antisymmetric() -> None:
    mean, cov = posteriors(2, 100, seed=9)
    forth, back = (from_gaussian(mean, cov, control=control) for control in (0, 1))
    np.testing.assert_allclose(forth.prob_superior[:, 1] + back.prob_superior[:, 0], 1.0, atol=1e-14)
    np.testing.assert_allclose(forth.prob_superior[:, 1], forth.prob_best[:, 1], atol=1e-14)
    np.testing.assert_allclose(contrast(mean, cov, 0, 1)[0], -contrast(mean, cov, 1, 0)[0])
    np.testing.assert_allclose(contrast(mean, cov, 0, 1)[1], contrast(mean, cov, 1, 0)[1])


@pytest.mark.parametrize("variants", [2, 4, 6])
def test_replications_do_not_know_of_each_other(variants: int) -> None:
    mean, cov = posteriors(variants, 700, seed=10)
    whole = from_gaussian(mean, cov, control=0, min_effect=0.1, rope=0.4)
    for part in (slice(0, 123), slice(123, 700)):
        for name, values in from_gaussian(mean[part], cov[part], control=0, min_effect=0.1, rope=0.4)._asdict().items():
            np.testing.assert_allclose(values, getattr(whole, name)[part], rtol=0, atol=1e-12)
    deep = from_gaussian(mean.reshape(7, 100, -1), cov.reshape(7, 100, variants, variants), control=0, min_effect=0.1)
    np.testing.assert_array_equal(deep.prob_best.reshape(700, -1), whole.prob_best)


# ------------------------------------------------------------------------------------------------------------ twins


def test_bivariate_and_trivariate_against_scipy() -> None:
    rng = np.random.default_rng(11)
    for _ in range(15):
        root = rng.normal(size=(3, 4))
        cov = root @ root.T
        r = cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
        h = rng.normal(size=3) * rng.choice([0, 0.4, 2])
        two = multivariate_normal.cdf(h[:2], cov=r[:2, :2], abseps=1e-12)
        assert bivariate(h[:1], h[1:2], r[:1, 1])[0] == pytest.approx(two, abs=1e-10)
        three = multivariate_normal.cdf(h, cov=r, abseps=1e-7, maxpts=200_000, rng=1)
        assert trivariate(h[:, None], np.array([r[1, 2], r[0, 2], r[0, 1]])[:, None])[0] == pytest.approx(
            three, abs=1e-6
        )


def test_two_variants_against_quadrature() -> None:
    mean, cov = posteriors(2, 12, seed=12)
    known = from_gaussian(mean, cov, control=0, min_effect=0.2, rope=0.5)
    for r in range(len(mean)):
        d = mean[r, 1] - mean[r, 0]
        s = np.sqrt(cov[r, 0, 0] + cov[r, 1, 1] - 2 * cov[r, 0, 1])
        density = norm(d, s).pdf
        assert known.prob_best[r, 1] == pytest.approx(quad(density, 0, d + 12 * s + 1)[0], abs=1e-9)
        assert known.prob_superior[r, 1] == pytest.approx(quad(density, 0.2, d + 12 * s + 1)[0], abs=1e-9)
        assert known.prob_equivalent[r] == pytest.approx(quad(density, -0.5, 0.5)[0], abs=1e-9)
        gain = quad(lambda x, density=density: x * density(x), 0, d + 12 * s + 1)[0]
        assert known.expected_loss[r, 0] == pytest.approx(gain, abs=1e-9)
        assert known.expected_loss[r, 1] == pytest.approx(gain - d, abs=1e-9)
    assert (known.mcse == 0).all()


@pytest.mark.parametrize(("variants", "tolerance"), [(3, 1e-7), (4, 3e-6)])
def test_three_and_four_variants_against_scipy(variants: int, tolerance: float) -> None:
    mean, cov = posteriors(variants, 6, seed=13)
    known = from_gaussian(mean, cov, control=None)
    for r in range(len(mean)):
        np.testing.assert_allclose(known.prob_best[r], loop_prob_best(mean[r], cov[r]), atol=tolerance)
    assert (known.mcse < 1e-6).all()


@pytest.mark.parametrize("variants", [3, 4, 5, 8])
def test_everything_against_brute_force_draws(variants: int) -> None:
    mean, cov = posteriors(variants, 4, seed=14)
    known = from_gaussian(mean, cov, control=1, min_effect=0.2, rope=1.0, points=1024)
    rng = np.random.default_rng(15)
    n = 200_000
    for r in range(len(mean)):
        q = rng.multivariate_normal(mean[r], cov[r], size=n)
        top, low = q.max(axis=1), q.min(axis=1)
        best = np.bincount(q.argmax(axis=1), minlength=variants) / n
        error = np.sqrt(0.25 / n + known.mcse[r] ** 2)
        assert np.abs(best - known.prob_best[r]).max() < 4 * error
        assert abs((top - low < 1.0).mean() - known.prob_equivalent[r]) < 4 * error
        superior = (q > q[:, [1]] + 0.2).mean(axis=0)
        others = np.arange(variants) != 1
        assert np.abs(superior - known.prob_superior[r])[others].max() < 4 * np.sqrt(0.25 / n)
        e_top = known.expected_loss[r, 0] + mean[r, 0]
        quasi = 0.0 if variants <= 4 else 0.01 * top.std()
        assert abs(top.mean() - e_top) < 4 * top.std() / np.sqrt(n) + quasi


def test_stated_error_covers_the_true_one() -> None:
    mean, cov = posteriors(6, 150, seed=16)
    allowed = np.ones(mean.shape, bool)
    fine = contest(mean, cov, allowed, rope=0.8, points=16_384)
    coarse = contest(mean, cov, allowed, rope=0.8, points=256)
    error = np.maximum(np.abs(coarse.best - fine.best).max(axis=1), np.abs(coarse.equivalent - fine.equivalent))
    assert np.sqrt(np.mean(error**2)) < np.sqrt(np.mean(coarse.mcse**2))
    assert (error < 4 * coarse.mcse + 1e-4).mean() > 0.98
    assert np.sqrt(np.mean(error**2)) < 0.01


@pytest.mark.parametrize(
    ("variants", "e_top"), [(2, 0.5641895835), (3, 0.8462843753), (4, 1.0293753730), (5, 1.1629644736)]
)
def test_expected_maximum_of_equals_is_the_tabled_order_statistic(variants: int, e_top: float) -> None:
    known = from_gaussian(np.zeros(variants), np.eye(variants), control=None, points=16_384)
    assert known.expected_loss == pytest.approx(np.full(variants, e_top), abs=1e-8 if variants <= 4 else 2e-3)
    assert known.prob_best == pytest.approx(np.full(variants, 1 / variants), abs=1e-8 if variants <= 4 else 1e-3)


def test_independent_variants_against_quadrature_and_against_the_correlated_answer() -> None:
    rng = np.random.default_rng(17)
    mean, sd = rng.normal(size=(8, 4)), rng.uniform(0.5, 1.5, (8, 4))
    known = prob_best_independent(mean, sd)
    for r in range(8):
        for v in range(4):
            others = [w for w in range(4) if w != v]

            def slice_of(x: float, r: int = r, v: int = v, others: list[int] = others) -> float:
                below = np.prod(ndtr((x - mean[r, others]) / sd[r, others]))
                return float(norm.pdf(x, mean[r, v], sd[r, v]) * below)

            assert known[r, v] == pytest.approx(quad(slice_of, -12, 12, epsabs=1e-12, limit=200)[0], abs=1e-8)
    cov = np.square(sd)[:, :, None] * np.eye(4)
    np.testing.assert_allclose(known, from_gaussian(mean, cov, control=None).prob_best, atol=1e-7)
    np.testing.assert_array_equal(prob_best_independent(-mean, sd, higher_is_better=False), known)
    assert prob_best_independent([0.0, 0.0, 0.0], [1.0, 1e-4, 1e-8]) == pytest.approx([0.5, 0.25, 0.25], abs=2e-4)
    assert prob_best_independent(np.zeros((2, 5)), np.ones((2, 5))) == pytest.approx(np.full((2, 5), 0.2), abs=1e-12)
    assert prob_best_independent([1.0, 0.0], [0.0, 0.0]) == pytest.approx([1.0, 0.0])


# ------------------------------------------------------------------------------------------------------------ draws


def test_draws_agree_with_the_gaussian_they_come_from() -> None:
    mean, cov = posteriors(4, 1, seed=18)
    draws = np.random.default_rng(19).multivariate_normal(mean[0], cov[0], size=200_000)
    drawn = from_draws(draws, control=0, min_effect=0.1, rope=1.0)
    exact = from_gaussian(mean[0], cov[0], control=0, min_effect=0.1, rope=1.0, points=8192)
    assert drawn.mcse == pytest.approx(np.sqrt(0.25 / 200_000), rel=0.3)
    error = np.hypot(drawn.mcse, exact.mcse)
    assert np.abs(drawn.prob_best - exact.prob_best).max() < 4 * error
    assert np.abs(drawn.prob_superior - exact.prob_superior)[1:].max() < 4 * error
    assert abs(drawn.prob_equivalent - exact.prob_equivalent) < 4 * error
    assert np.abs(drawn.expected_loss - exact.expected_loss).max() < 4 * 2 / np.sqrt(200_000)


@pytest.mark.parametrize(
    ("successes", "size", "known"),
    [
        ((50, 60), 100, (1 - 0.9214262485, 0.9214262485)),
        ((980, 990), 1000, (1 - 0.9657042775, 0.9657042775)),
        ((30, 35, 40), 100, (0.0420621311, 0.2202126382, 0.7377252306)),
    ],
)
def test_draws_meet_the_known_answers_for_beta_posteriors(
    successes: tuple[int, ...], size: int, known: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(20)
    k = np.array(successes)
    draws = rng.beta(1 + k, 1 + size - k, size=(400_000, len(k)))
    drawn = from_draws(draws, control=0)
    assert (np.abs(drawn.prob_best - known) < 4 * np.sqrt(np.array(known) * (1 - np.array(known)) / 4e5)).all()
    if successes == (50, 60):
        assert drawn.expected_loss == pytest.approx([0.1005076624, 0.0024684467], abs=4 * 0.07 / 600)


def test_weighted_draws_count_as_often_as_they_weigh() -> None:
    q = np.random.default_rng(4).normal(size=(6, 3))
    often = np.array([3, 1, 2, 1, 4, 1])
    weighed = from_draws(q, control=0, min_effect=0.1, rope=0.5, weight=often / often.sum())
    repeated = from_draws(np.repeat(q, often, axis=0), control=0, min_effect=0.1, rope=0.5)
    for one, other in zip(weighed[:4], repeated[:4], strict=True):
        np.testing.assert_allclose(one, other)
    assert weighed.mcse > repeated.mcse


def test_ties_among_draws_are_shared() -> None:
    tied = from_draws(np.zeros((3, 10, 4)), control=0, rope=0.1)
    np.testing.assert_allclose(tied.prob_best, 0.25)
    np.testing.assert_allclose(tied.prob_superior[:, 1:], 0.5)
    np.testing.assert_allclose(tied.expected_loss, 0.0)
    np.testing.assert_allclose(tied.prob_equivalent, 1.0)
    barred = from_draws(np.zeros((10, 4)), control=0, eligible=[True, False, True, False])
    np.testing.assert_allclose(barred.prob_best, [0.5, 0, 0.5, 0])


def test_error_of_draws_follows_the_effective_number_and_is_never_nothing() -> None:
    draws = np.random.default_rng(21).normal(size=(2, 4000, 2))
    full, few = from_draws(draws, control=None), from_draws(draws, control=None, ess=[400, 1000])
    np.testing.assert_allclose(few.mcse / full.mcse, np.sqrt([10, 4]), rtol=1e-2)
    assert from_draws(draws + np.array([0, 100]), control=None).mcse.min() > 0


# ------------------------------------------------------------------------------------------- what may come along


@pytest.mark.parametrize("variants", [2, 3, 4, 6])
def test_certain_qualities(variants: int) -> None:
    mean = np.arange(float(variants))
    known = from_gaussian(mean, np.zeros((variants, variants)), control=0, min_effect=0.5, rope=0.5)
    np.testing.assert_allclose(known.prob_best, np.eye(variants)[-1], atol=1e-12)
    np.testing.assert_allclose(known.expected_loss, mean[-1] - mean, atol=1e-9)
    np.testing.assert_allclose(known.prob_superior[1:], 1.0)
    assert known.prob_equivalent == pytest.approx(0, abs=1e-9)
    tied = from_gaussian(np.ones(variants), np.full((variants, variants), 3.0), control=0, rope=0.1, points=4096)
    np.testing.assert_allclose(tied.prob_best, 1 / variants, atol=1e-9 if variants <= 4 else 0.01)
    np.testing.assert_allclose(tied.expected_loss, 0.0, atol=1e-9)
    assert tied.prob_equivalent == pytest.approx(1)


@pytest.mark.parametrize("variants", [3, 4, 6])
def test_a_variant_of_which_nothing_is_known(variants: int) -> None:
    mean = np.zeros(variants)
    cov = np.eye(variants)
    cov[0, 0] = 1e9
    known = from_gaussian(mean, cov, control=None, points=4096)
    assert known.prob_best[0] == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(known.prob_best[1:], 0.5 / (variants - 1), atol=0.01)
    level = from_gaussian(mean, np.eye(variants) + 1e9, control=None, points=4096)
    np.testing.assert_allclose(level.prob_best, 1 / variants, atol=0.01)


@pytest.mark.parametrize("variants", [3, 4, 6])
def test_variants_that_move_together(variants: int) -> None:
    factor = np.ones((variants, 1))
    factor[0] = 2.0
    cov = factor @ factor.T
    mean = -0.1 * np.arange(variants)
    known = from_gaussian(mean, cov, control=1, rope=0.5, points=4096)
    assert np.isfinite(known.prob_best).all()
    assert known.prob_best[:2] == pytest.approx([ndtr(0.1), ndtr(-0.1)], abs=0.01)
    assert known.prob_best[2:] == pytest.approx(np.zeros(variants - 2), abs=1e-3)


def test_one_variant_and_nobody_eligible() -> None:
    alone = from_gaussian([[1.0], [2.0]], [[[1.0]], [[0.0]]], control=None, rope=0.1)
    np.testing.assert_array_equal(alone.prob_best, [[1.0], [1.0]])
    np.testing.assert_array_equal(alone.expected_loss, [[0.0], [0.0]])
    for variants in (2, 3, 5):
        mean, cov = np.zeros(variants), np.eye(variants)
        nobody = from_gaussian(mean, cov, control=0, eligible=np.zeros(variants, bool))
        np.testing.assert_array_equal(nobody.prob_best, from_gaussian(mean, cov, control=0).prob_best)
        last = from_gaussian(mean, cov, control=0, rope=0.1, eligible=np.arange(variants) == 1)
        np.testing.assert_allclose(last.prob_best, np.eye(variants)[1], atol=1e-12)
        np.testing.assert_allclose(last.expected_loss, 0.0, atol=1e-9)
        assert last.prob_equivalent == pytest.approx(1.0)


def test_no_replications() -> None:
    none = from_gaussian(np.zeros((0, 4)), np.zeros((0, 4, 4)), control=0, rope=0.1)
    assert none.prob_best.shape == (0, 4)
    assert none.prob_equivalent.shape == (0,)


def test_contrast_with_one_pair_a_replication() -> None:
    mean, cov = posteriors(4, 5, seed=22)
    v, w = np.array([0, 1, 2, 3, 1]), np.array([3, 0, 1, 2, 1])
    d, sd = contrast(mean, cov, v, w)
    for r in range(5):
        assert d[r] == pytest.approx(mean[r, v[r]] - mean[r, w[r]])
        e = np.eye(4)[v[r]] - np.eye(4)[w[r]]
        assert sd[r] == pytest.approx(np.sqrt(max(e @ cov[r] @ e, 0)), abs=1e-9)
