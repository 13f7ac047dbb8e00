"""The compiled rankings of one item against plain twins: the law written out, how outputs suit the item averaged over a fine grid."""

from __future__ import annotations

import itertools
from math import factorial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from expsim_bayes.outcomes import MOST_RANKED
from expsim_bayes.votes.places import ranked, room_for
from expsim_bayes.votes.points import rule, rules
from expsim_bayes.votes.space import Voted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

USE = (0.6, 1.0)
"""How strongly two raters answer to what suits the item."""


def _moment(power: tuple[int, ...]) -> float:
    """Of independent standard normal numbers."""
    odd = any(k % 2 for k in power)
    return 0.0 if odd else float(np.prod([factorial(k) / (2 ** (k // 2) * factorial(k // 2)) for k in power]))


@pytest.mark.parametrize("finer", [False, True])
@pytest.mark.parametrize("outputs", range(2, MOST_RANKED + 1))
def test_points_have_the_moments_of_normal_numbers(outputs: int, finer: bool) -> None:  # noqa: FBT001
    contrasts, points, log_weight = rule(outputs, finer=finer)
    n = outputs - 1
    np.testing.assert_allclose(contrasts.T @ contrasts, np.eye(n), atol=1e-12)
    np.testing.assert_allclose(contrasts.sum(axis=0), 0.0, atol=1e-12)
    both = np.concatenate([np.zeros((1, n)), points, -points])
    share = np.exp(np.r_[log_weight, log_weight[1:]] - 0.5 * (both**2).sum(axis=1))
    for power in itertools.product(range(6), repeat=min(n, 3)):
        if sum(power) <= 5:
            some = both[:, : len(power)]
            assert share @ np.prod(some**power, axis=1) == pytest.approx(_moment(power), abs=1e-10)


class Item(NamedTuple):
    """Rankings of one item by two raters, who see the same worth and have tastes of their own."""

    order: NDArray[np.intp]
    """(ranking, place) outputs, the best first."""
    outputs: int
    fit: float
    """SD of how an output suits the item."""


def item(outputs: int, *, fit: float, rankings: int = 3, seed: int = 0) -> Item:
    rng = np.random.default_rng(seed)
    return Item(np.array([rng.permutation(outputs) for _ in range(rankings)]), outputs, fit)


def logits(made: Item, effects: Floats, suits: Floats) -> Floats:
    """(..., ranking, output) from effects (worth of all, tastes of the first, tastes of the second) and how outputs suit the item."""
    m = made.outputs
    worth, tastes = effects[:m], (effects[m : 2 * m], effects[2 * m :])
    each = [
        USE[t % 2] * (0.8 * worth + made.fit * suits) + (0.5 + 0.1 * (t % 2)) * tastes[t % 2]
        for t in range(len(made.order))
    ]
    return np.stack(each, axis=-2)


def log_law(made: Item, of: Floats) -> Floats:
    """Log probability of all rankings: a choice among all, then one among the rest, and so on."""
    chosen = np.take_along_axis(of, np.broadcast_to(made.order, of.shape), axis=-1)
    total = np.zeros(chosen.shape[:-2])
    for place in range(made.outputs - 1):
        left = chosen[..., place:]
        total += (chosen[..., place] - np.log(np.exp(left).sum(axis=-1))).sum(axis=-1)
    return total


def found(made: Item, effects: Floats, *, finer: bool = False, steep: bool = False) -> tuple[float, Floats, Floats]:
    """Log probability, slopes and minus curvatures of the compiled twin."""
    m, rows = made.outputs, made.order.size
    place = np.argsort(made.order, axis=1)
    vote = place.copy()
    vote[:, 0] = -1 - vote[:, 0]
    rater, slot = np.repeat(np.arange(len(made.order)) % 2, m), np.tile(np.arange(m), len(made.order))
    effect = np.stack([slot, m * (1 + rater) + slot], axis=1).astype(np.int16)
    code = np.stack([3 * rater, 3 * rater + 1], axis=1).astype(np.int16)
    own = np.stack([slot, np.full(rows, -1)], axis=1).astype(np.int32)
    own_code = np.stack([3 * rater + 2] * 2, axis=1).astype(np.int16)
    table = np.array([[0.8 * use, 0.5 + 0.1 * r, made.fit * use] for r, use in enumerate(USE)]).ravel()
    points = rules(finer=finer)
    room = room_for(np.array([0, rows]), np.array([0, m]), points)
    n = 3 * m
    slopes, curvatures, suits = np.zeros(n), np.zeros((n, n)), np.zeros(m)
    value = ranked(
        Voted(vote.ravel().astype(np.int8), effect, code, own, own_code), 0, rows, 0, m if made.fit else 0, table, effects, suits,
        points[m - 1 + steep * MOST_RANKED], room, slopes, curvatures, 1.0,
    )  # fmt: skip
    assert abs(suits.sum()) < 1e-9
    return value, slopes, curvatures + np.tril(curvatures, -1).T


def on_a_grid(made: Item, effects: Floats) -> float:
    """Log probability, averaged over how three outputs suit the item."""
    steps = np.linspace(-6.0, 6.0, 61)
    suits = np.stack(np.meshgrid(*[steps] * made.outputs, indexing="ij"), axis=-1).reshape(-1, made.outputs)
    weight = np.exp(-0.5 * (suits**2).sum(axis=1))
    law = np.exp(log_law(made, logits(made, effects, suits)))
    return float(np.log(weight @ law / weight.sum()))


@pytest.mark.parametrize(("outputs", "fit", "within"), [(2, 1.5, 0.002), (3, 0.7, 0.002), (3, 1.5, 0.02)])
def test_what_suits_an_item_is_integrated_out(outputs: int, fit: float, within: float) -> None:
    made = item(outputs, fit=fit)
    effects = np.random.default_rng(1).normal(size=3 * outputs)
    exact = on_a_grid(made, effects)
    assert found(made, effects)[0] == pytest.approx(exact, abs=within)
    assert found(made, effects, finer=True)[0] == pytest.approx(exact, abs=within / 10)


@pytest.mark.parametrize("fit", [1.5, 8.0, 60.0])
def test_raters_who_read_the_order_off_what_suits_the_item(fit: float) -> None:
    steps = np.linspace(-6.0, 6.0, 1201)
    differences = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    weight = np.exp(-0.5 * (differences**2).sum(axis=1))
    suits = differences @ rule(3).contrasts.T
    off = []
    for seed in range(8):
        made = item(3, fit=fit, rankings=1 + seed % 2, seed=seed)
        effects = np.random.default_rng(seed).normal(size=9)
        exact = float(np.log(weight @ np.exp(log_law(made, logits(made, effects, suits))) / weight.sum()))
        off.append(found(made, effects, finer=True, steep=True)[0] - exact)
    assert np.abs(off).max() < 0.25
    assert abs(np.mean(off)) < 0.05


@pytest.mark.parametrize(("outputs", "fit"), [(3, 0.0), (5, 0.0), (2, 1.0), (3, 1.0), (4, 0.8), (6, 0.5)])
def test_slopes_and_curvatures_are_those_of_differences(outputs: int, fit: float) -> None:
    made = item(outputs, fit=fit, seed=2)
    effects = np.random.default_rng(3).normal(size=3 * outputs)
    value, slopes, curvatures = found(made, effects)
    if not fit:
        assert value == pytest.approx(float(log_law(made, logits(made, effects, np.zeros(outputs)))), abs=1e-12)
    step = 0.02 * np.eye(3 * outputs)
    up, down = ([found(made, effects + sign * e) for e in step] for sign in (1, -1))
    differences = [(a[0] - b[0]) / 0.04 for a, b in zip(up, down, strict=True)]
    np.testing.assert_allclose(slopes, differences, atol=2e-3)
    bent = -np.array([(a[1] - b[1]) / 0.04 for a, b in zip(up, down, strict=True)])
    np.testing.assert_allclose(curvatures, bent, atol=0.03 * np.abs(bent).max())
    assert np.linalg.eigvalsh(curvatures).min() > -1e-9


def test_a_ranking_that_is_all_but_certain_is_told_without_overflow() -> None:
    made = Item(np.array([[0, 1, 2], [0, 1, 2]]), 3, 2.0)
    value, slopes, curvatures = found(made, np.array([40.0, 0.0, -40.0] * 3))
    assert value == pytest.approx(0.0, abs=1e-6)
    assert np.abs(slopes).max() < 1e-6
    assert np.isfinite(curvatures).all()
    against = found(made, np.array([-40.0, 0.0, 40.0] * 3))[0]
    assert -1e3 < against < -50
