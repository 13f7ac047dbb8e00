"""Laws of policies and of the draw of variants, with loop twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from expsim_bayes.allocation import (
    Fixed,
    Policy,
    ProbabilityMatching,
    Thompson,
    TopTwoThompson,
    check_policy,
    choose,
)
from expsim_bayes.errors import SettingError
from expsim_bayes.superiority import from_draws

Array = NDArray[Any]

POLICIES: list[Policy] = [
    Fixed(),
    Thompson(),
    TopTwoThompson(),
    TopTwoThompson(beta=1.0),
    ProbabilityMatching(floor=0.05),
    ProbabilityMatching(power=1.0, floor=0.0, ceiling=0.6),
    ProbabilityMatching(power=0.0, floor=0.0),
]


@st.composite
def beliefs(draw: st.DrawFn) -> Array:
    """prob_best of a few replications, zeros and certainties among them."""
    variants = draw(st.integers(2, 6))
    weights = draw(hnp.arrays(float, (3, variants), elements=st.sampled_from([0.0, 1e-200, 1e-12, 0.01, 0.2, 1.0])))
    weights[weights.sum(axis=1) == 0] = 1.0
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def clip_and_rescale(weight: Array, floor: float, ceiling: float) -> Array:
    """What adaptr does: fix those at a limit, rescale the others, until nothing changes."""
    scale_low, scale_high = 0.0, 1e30
    for _ in range(400):
        scale = np.sqrt(max(scale_low, 1e-30) * scale_high)
        if np.clip(scale * weight, floor, ceiling).sum() < 1:
            scale_low = scale
        else:
            scale_high = scale
    return np.clip(scale_high * weight, floor, ceiling)


# ------------------------------------------------------------------------------------------------------------- laws


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@settings(max_examples=40, deadline=None)
@given(best=beliefs(), seed=st.integers(0, 99))
def test_laws_of_every_policy(policy: Policy, best: Array, seed: int) -> None:
    p = policy.probabilities(best, look=2)
    assert p.shape == best.shape
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)
    order = np.random.default_rng(seed).permutation(best.shape[1])
    np.testing.assert_allclose(policy.probabilities(best[:, order], look=2), p[:, order], atol=1e-9)
    np.testing.assert_allclose(policy.probabilities(best[::-1], look=2), p[::-1])
    allowed = np.arange(best.shape[1]) != 0
    kept = policy.probabilities(best, look=2, eligible=allowed)
    assert (kept[:, 0] == 0).all()
    np.testing.assert_allclose(kept.sum(axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("policy", POLICIES[1:], ids=repr)
def test_burn_in_is_an_equal_split(policy: Policy) -> None:
    best = np.array([[0.9, 0.1, 0.0]])
    slow = policy.model_copy(update={"burn_in": 3})
    for look in (1, 2, 3):
        np.testing.assert_allclose(slow.probabilities(best, look=look), 1 / 3)
    np.testing.assert_array_equal(slow.probabilities(best, look=4), policy.probabilities(best, look=2))
    np.testing.assert_allclose(slow.probabilities(best, look=1, eligible=[True, True, False]), [[0.5, 0.5, 0.0]])


def test_policies_read_from_toml_by_name() -> None:
    adapter = TypeAdapter(Policy)
    for policy in POLICIES:
        assert adapter.validate_python(policy.model_dump()) == policy
    with pytest.raises(ValidationError):
        adapter.validate_python({"policy": "greedy"})
    with pytest.raises(ValidationError):
        TopTwoThompson(beta=0.0)


# ------------------------------------------------------------------------------------------------------------ twins


def test_thompson_is_to_draw_from_the_posterior_and_take_the_best() -> None:
    draws = np.random.default_rng(1).normal([0.0, 0.3, 0.1], [1.0, 0.5, 2.0], size=(50_000, 3))
    best = from_draws(draws, control=None).prob_best
    taken = np.bincount(draws.argmax(axis=1), minlength=3) / len(draws)
    np.testing.assert_allclose(Thompson().probabilities(best, look=2), taken, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(best=beliefs(), beta=st.floats(0.1, 1.0))
def test_top_two_against_its_sum(best: Array, beta: float) -> None:
    p = TopTwoThompson(beta=beta).probabilities(best, look=2)
    for r, a in enumerate(best):
        for v in range(len(a)):
            challenges = 0.0
            for j in range(len(a)):
                rest = sum(a[k] for k in range(len(a)) if k != j)
                if j != v:
                    challenges += a[j] * (a[v] / rest if rest > 0 else 1 / (len(a) - 1))
            assert p[r, v] == pytest.approx(beta * a[v] + (1 - beta) * challenges, abs=1e-10)


def test_top_two_of_two_variants_is_an_equal_split() -> None:
    np.testing.assert_allclose(TopTwoThompson().probabilities([[0.999, 0.001], [1.0, 0.0]], look=9), 0.5)


def test_a_certain_leader_is_challenged_by_all_others_alike() -> None:
    np.testing.assert_allclose(TopTwoThompson().probabilities([1.0, 0.0, 0.0], look=2), [0.5, 0.25, 0.25])
    only = TopTwoThompson().probabilities([0.2, 0.5, 0.3], look=2, eligible=[False, True, False])
    np.testing.assert_allclose(only, [0.0, 1.0, 0.0])


@settings(max_examples=60, deadline=None)
@given(best=beliefs(), power=st.floats(0.1, 1.0), floor=st.floats(0.0, 0.16), ceiling=st.floats(0.5, 1.0))
def test_limits_against_bisection(best: Array, power: float, floor: float, ceiling: float) -> None:
    p = ProbabilityMatching(power=power, floor=floor, ceiling=ceiling).probabilities(best, look=2)
    assert (p >= floor - 1e-12).all()
    assert (p <= ceiling + 1e-9).all()
    for row, a in zip(p, best, strict=True):
        weight = np.maximum((a / a.max()) ** power, 1e-12)
        np.testing.assert_allclose(row, clip_and_rescale(weight, floor, ceiling), atol=1e-9)


def test_power_one_without_limits_is_thompson_and_power_zero_is_equal() -> None:
    best = np.array([[0.7, 0.2, 0.1]])
    plain = ProbabilityMatching(power=1.0, floor=0.0)
    np.testing.assert_allclose(plain.probabilities(best, look=2), best, atol=1e-12)
    np.testing.assert_allclose(ProbabilityMatching(power=0.0).probabilities(best, look=2), 1 / 3)


def test_weights_by_name_in_any_order() -> None:
    policy = Fixed(weights={"B": 1.0, "A": 3.0, "C": 0.0})
    np.testing.assert_allclose(
        policy.probabilities(np.ones((2, 3)) / 3, look=1, variants=("A", "B", "C")), [[0.75, 0.25, 0.0]] * 2
    )
    with pytest.raises(SettingError, match="names"):
        policy.probabilities([[0.5, 0.5, 0.0]], look=1)


# -------------------------------------------------------------------------------------------------- draw of variants


def test_one_variant_an_item_is_a_plain_draw() -> None:
    p = np.array([[0.6, 0.3, 0.1, 0.0], [0.25, 0.25, 0.25, 0.25]])
    taken = choose(p, np.random.default_rng(2).random((2, 40_000, 4)))
    assert taken.shape == (2, 40_000, 1)
    for r in range(2):
        share = np.bincount(taken[r, :, 0], minlength=4) / 40_000
        assert (np.abs(share - p[r]) <= 4 * np.sqrt(p[r] * (1 - p[r]) / 40_000)).all()


def test_pairs_are_leader_and_challenger() -> None:
    a = np.array([0.5, 0.3, 0.2])
    taken = choose(a[None], np.random.default_rng(3).random((1, 60_000, 3)), size=2)[0]
    assert (taken[:, 0] != taken[:, 1]).all()
    for leader in range(3):
        for challenger in range(3):
            if leader != challenger:
                share = ((taken[:, 0] == leader) & (taken[:, 1] == challenger)).mean()
                expected = a[leader] * a[challenger] / (1 - a[leader])
                assert abs(share - expected) < 4 * np.sqrt(expected / 60_000)


@settings(max_examples=40, deadline=None)
@given(best=beliefs(), seed=st.integers(0, 999), data=st.data())
def test_variants_of_an_item_differ_and_impossible_ones_come_last(best: Array, seed: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, best.shape[1]))
    taken = choose(best, np.random.default_rng(seed).random((3, 20, best.shape[1])), size=size)
    assert taken.shape == (3, 20, size)
    for r in range(3):
        possible = np.flatnonzero(best[r] > 0)
        for chosen in taken[r]:
            assert len(set(chosen)) == size
            assert set(chosen[: len(possible)]) <= set(possible)
    if size == best.shape[1]:
        np.testing.assert_array_equal(np.sort(taken, axis=-1), np.broadcast_to(np.arange(size), taken.shape))


def test_uniforms_at_their_ends_and_impossible_sizes() -> None:
    assert choose([[0.5, 0.5]], np.zeros((1, 2, 2))).shape == (1, 2, 1)
    assert choose([[0.5, 0.5]], np.ones((1, 2, 2)), size=2).shape == (1, 2, 2)
    with pytest.raises(SettingError, match="3 variants an item"):
        choose([[0.5, 0.5]], np.zeros((1, 2, 2)), size=3)


# ----------------------------------------------------------------------------------------------------- bad settings


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        (ProbabilityMatching(floor=0.3), r"strategies\.ab\.allocation\.floor.*at most 1/4"),
        (ProbabilityMatching(floor=0.1, ceiling=0.2), r"allocation\.ceiling.*at least 1/4"),
        (ProbabilityMatching(floor=0.9, ceiling=0.5), r"allocation\.floor"),
        (Fixed(weights={"A": 1.0, "X": 1.0}), r"allocation\.weights.*variants are A, B, C, D"),
        (Fixed(weights={"A": 1.0, "B": -1.0, "C": 1.0, "D": 1.0}), r"weights.*not negative"),
        (Fixed(weights={"A": 0.0, "B": 0.0, "C": 0.0, "D": 0.0}), r"weights"),
    ],
)
def test_what_cannot_be_met_is_refused(policy: Policy, problem: str) -> None:
    with pytest.raises(SettingError, match=problem):
        check_policy(policy, 4, variants=("A", "B", "C", "D"), where="strategies.ab.allocation")


def test_what_can_be_met_passes() -> None:
    for policy in [*POLICIES, ProbabilityMatching(floor=0.25, ceiling=0.25), Fixed(weights={"A": 1.0, "B": 0.0})]:
        check_policy(policy, 2 if isinstance(policy, Fixed) else 4)
