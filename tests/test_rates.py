"""Contests among independent rates: known answers, exact sums, SciPy's Beta distributions, and laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.special import betaln

from expsim_bayes.rates import contest, prob_exceeds, prob_within
from expsim_bayes.superiority import Superiority, from_beta

Array = NDArray[Any]

# Parameters of Betas: few counts, none, many, very different precision, fractions, and one outcome only.
CASES = [
    ([1.0, 1.0], [1.0, 1.0]),
    ([1.0, 4.0], [6.0, 3.0]),
    ([1.0, 1.0, 1.0], [6.0, 6.0, 2.0]),
    ([1.0, 2001.0], [2.0, 2001.0]),
    ([3.0, 300.0, 30_000.0], [3.0, 290.0, 29_900.0]),
    ([1.0, 50.0, 400.0], [12.0, 800.0, 5000.0]),
    ([1.3, 7.9, 2.2], [4.6, 20.1, 1.1]),
    ([31.0, 36.0, 41.0, 36.0], [71.0, 66.0, 61.0, 65.0]),
]
WHOLE, FRACTIONS = 1e-9, 1e-7


def accuracy(a: list[float], b: list[float]) -> float:
    return WHOLE if all(float(x).is_integer() for x in (*a, *b)) else FRACTIONS


def angles(a: list[float], b: list[float], shifts: tuple[float, ...] = (0.0,)) -> tuple[Array, Array]:
    """Nodes and weights on [0, 1] by the angle of the rate, with panels wherever a density, moved by a shift, is bent."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    probs = [
        0.0,
        1e-12,
        1e-8,
        1e-5,
        1e-3,
        0.02,
        0.1,
        0.3,
        0.5,
        0.7,
        0.9,
        0.98,
        0.999,
        1 - 1e-5,
        1 - 1e-8,
        1 - 1e-12,
        1.0,
    ]
    bends = [stats.beta.ppf(probs, x, y) - shift for x, y in zip(a, b, strict=True) for shift in shifts]
    edges = np.unique(np.arcsin(np.sqrt(np.clip(np.concatenate(bends), 0.0, 1.0))))
    half = np.diff(edges)[:, None] / 2
    angle = (edges[:-1, None] + half * (1 + nodes)).ravel()
    return np.sin(angle) ** 2, (half * weights).ravel() * np.sin(2 * angle)


def best_of(a: list[float], b: list[float]) -> Array:
    """P(best) with SciPy's densities and distribution functions."""
    x, w = angles(a, b)
    below = np.stack([stats.beta.cdf(x, p, q) for p, q in zip(a, b, strict=True)])
    density = np.stack([stats.beta.pdf(x, p, q) for p, q in zip(a, b, strict=True)])
    rivals = [np.delete(below, v, axis=0).prod(axis=0) for v in range(len(a))]
    return np.array([(w * density[v] * rivals[v]).sum() for v in range(len(a))])


def row(values: list[float]) -> Array:
    return np.array([values])


def everyone(values: list[float]) -> Array:
    return np.ones((1, len(values)), bool)


# ---------------------------------------------------------------------------------------------------- known answers


def test_known_answers() -> None:
    assert from_beta([51, 61], [51, 41], control=0).prob_superior[1] == pytest.approx(0.9214262485, abs=1e-10)
    assert from_beta([981, 991], [21, 11], control=0).prob_superior[1] == pytest.approx(0.9657042775, abs=1e-10)
    three = from_beta([31, 36, 41], [71, 66, 61], control=None)
    np.testing.assert_allclose(three.prob_best, [0.0420621311, 0.2202126382, 0.7377252306], atol=1e-10)
    np.testing.assert_allclose(
        from_beta([51, 61], [51, 41], control=None).expected_loss, [0.1005076624, 0.0024684467], atol=1e-10
    )


@pytest.mark.parametrize(
    ("a", "b", "c", "d"),
    [(1, 1, 1, 1), (1, 6, 4, 3), (51, 51, 61, 41), (7, 1, 8, 1), (1, 6, 2, 5), (300, 700, 320, 690)],
)
def test_two_rates_with_whole_numbers_against_an_exact_sum(a: int, b: int, c: int, d: int) -> None:
    """P(second > first) by the finite sum over the first parameter of the second (E. Miller 2014)."""
    k = np.arange(c)
    exact = np.exp(betaln(a + k, b + d) - np.log(d + k) - betaln(1 + k, d) - betaln(a, b)).sum()
    found = prob_exceeds(
        row([c]).astype(float), row([d]).astype(float), row([a]).astype(float), row([b]).astype(float), 0.0
    )
    assert found[0, 0] == pytest.approx(exact, abs=WHOLE)


@pytest.mark.parametrize(("a", "b"), CASES)
def test_prob_best_against_scipy(a: list[float], b: list[float]) -> None:
    found = contest(row(a), row(b), everyone(a))
    np.testing.assert_allclose(found.best[0], best_of(a, b), atol=accuracy(a, b))
    assert found.best.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("by", [-0.4, -0.05, 0.0, 0.02, 0.3])
@pytest.mark.parametrize(("a", "b"), CASES)
def test_prob_exceeds_against_scipy(a: list[float], b: list[float], by: float) -> None:
    x, w = angles(a, b, (0.0, by))
    density = stats.beta.pdf(x, a[0], b[0])
    exact = [(w * density * stats.beta.sf(x + by, p, q)).sum() for p, q in zip(a[1:], b[1:], strict=True)]
    found = prob_exceeds(row(a[1:]), row(b[1:]), row(a[:1]), row(b[:1]), by)
    np.testing.assert_allclose(found[0], exact, atol=accuracy(a, b))


@pytest.mark.parametrize("width", [0.01, 0.05, 0.3])
@pytest.mark.parametrize(("a", "b"), CASES)
def test_prob_within_against_scipy(a: list[float], b: list[float], width: float) -> None:
    x, w = angles(a, b, (0.0, width))
    between = np.stack([stats.beta.cdf(x + width, p, q) - stats.beta.cdf(x, p, q) for p, q in zip(a, b, strict=True)])
    lowest = [
        (w * stats.beta.pdf(x, a[v], b[v]) * np.delete(between, v, axis=0).prod(axis=0)).sum() for v in range(len(a))
    ]
    assert prob_within(row(a), row(b), everyone(a), width)[0] == pytest.approx(sum(lowest), abs=accuracy(a, b))


def test_uniform_rates_within_a_width_of_each_other() -> None:
    """n uniform numbers: n w^(n-1) - (n-1) w^n."""
    for n in (2, 3, 5):
        ones = np.ones((1, n))
        assert prob_within(ones, ones, ones > 0, 0.3)[0] == pytest.approx(
            n * 0.3 ** (n - 1) - (n - 1) * 0.3**n, abs=WHOLE
        )


def test_expected_top_of_uniform_rates() -> None:
    for n in (2, 3, 6):
        ones = np.ones((1, n))
        assert contest(ones, ones, ones > 0).top[0] == pytest.approx(n / (n + 1), abs=WHOLE)


# ------------------------------------------------------------------------------------------------------------- laws

counts = st.integers(0, 400)
posteriors = st.lists(st.tuples(counts, counts), min_size=2, max_size=4)


def both(posterior: list[tuple[int, int]]) -> tuple[Array, Array]:
    values = np.array(posterior, float) + 1.0
    return values[:, 0], values[:, 1]


@settings(max_examples=40, deadline=None)
@given(posterior=posteriors, rope=st.floats(0.0, 0.5), effect=st.floats(0.0, 0.3))
def test_turning_the_scale_around_exchanges_successes_and_failures(
    posterior: list[tuple[int, int]], rope: float, effect: float
) -> None:
    a, b = both(posterior)
    known = from_beta(a, b, control=0, rope=rope, min_effect=effect)
    turned = from_beta(b, a, control=0, rope=rope, min_effect=effect, higher_is_better=False)
    for one, other in zip(known, turned, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(posterior=posteriors, seed=st.integers(0, 99))
def test_the_order_of_variants_does_not_matter(posterior: list[tuple[int, int]], seed: int) -> None:
    a, b = both(posterior)
    order = np.random.default_rng(seed).permutation(len(a))
    known, moved = (from_beta(a[o], b[o], control=None, rope=0.1) for o in (np.arange(len(a)), order))
    np.testing.assert_allclose(known.prob_best[order], moved.prob_best, atol=1e-9)
    np.testing.assert_allclose(known.prob_equivalent, moved.prob_equivalent, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(posterior=posteriors)
def test_probabilities_are_probabilities(posterior: list[tuple[int, int]]) -> None:
    a, b = both(posterior)
    known = from_beta(a, b, control=0, rope=0.05)
    assert known.prob_best.sum() == pytest.approx(1.0, abs=1e-12)
    assert (known.expected_loss >= -1e-9).all()
    for values in (known.prob_best, known.prob_superior[1:], known.prob_equivalent):
        assert ((values >= 0) & (values <= 1)).all()
    wider = from_beta(a, b, control=0, rope=0.2)
    assert wider.prob_equivalent >= known.prob_equivalent - 1e-9


def test_equal_posteriors_share_equally() -> None:
    np.testing.assert_allclose(from_beta([8.0] * 4, [3.0] * 4, control=None).prob_best, 0.25, atol=1e-9)


def test_those_who_cannot_be_launched_do_not_compete() -> None:
    allowed = np.array([True, False, True])
    known = from_beta([31.0, 90.0, 41.0], [71.0, 12.0, 61.0], control=0, rope=0.1, eligible=allowed)
    pair = from_beta([31.0, 41.0], [71.0, 61.0], control=0, rope=0.1)
    np.testing.assert_allclose(known.prob_best, [pair.prob_best[0], 0.0, pair.prob_best[1]], atol=1e-12)
    assert known.prob_equivalent == pytest.approx(pair.prob_equivalent, abs=1e-12)
    assert known.expected_loss[1] < 0
    lone = from_beta([31.0, 90.0], [71.0, 12.0], control=None, rope=0.1, eligible=[True, False])
    assert lone.prob_best.tolist() == [1.0, 0.0]
    assert lone.prob_equivalent == 1.0
    none = from_beta([31.0, 90.0], [71.0, 12.0], control=None, eligible=[False, False])
    np.testing.assert_allclose(none.prob_best, from_beta([31.0, 90.0], [71.0, 12.0], control=None).prob_best)


def test_replications_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.integers(1, 900, (2, 500, 3)).astype(float)
    whole = from_beta(a, b, control=1, rope=0.05, min_effect=0.02)
    assert isinstance(whole, Superiority)
    for r in (0, 17, 499):
        alone = from_beta(a[r], b[r], control=1, rope=0.05, min_effect=0.02)
        for values, value in zip(whole, alone, strict=True):
            np.testing.assert_allclose(values[r], value, atol=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "best"),
    [
        ([1.0, 1.0], [1e7, 1e7], 0.5),  # no success among ten million
        ([1.0, 1e6], [1e6, 1.0], 1.0),  # all fail against all succeed
        ([1e9, 1.0], [3.0, 1.0], 3e-9),  # near certainty against nothing known: E[1 - rate] of the first
        ([1e8, 1.0002e8], [1e8, 1e8], float(stats.norm.cdf((1.0002 / 2.0002 - 0.5) / 5e-5))),  # next to normal
    ],
)
def test_extreme_counts(a: list[float], b: list[float], best: float) -> None:
    with np.errstate(all="raise", under="ignore"):
        known = from_beta(a, b, control=0, rope=0.05, min_effect=0.01)
    assert known.prob_best[1] == pytest.approx(best, abs=1e-6, rel=1e-5)
    assert known.prob_best.sum() == pytest.approx(1.0, abs=1e-12)
