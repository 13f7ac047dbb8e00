"""The compiled modes against plain twins: the log density written out, its maximum by a general optimiser, its Hessian by differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

from expsim_bayes.votes.exponentials import exponentials
from expsim_bayes.votes.laws import DUELS, FARTHEST, STARS
from expsim_bayes.votes.modes import Modes, Rows, Scales, modes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TIE_MEAN, STRETCH = -1.0, (1.3, 0.8)


class Case(NamedTuple):
    """Votes of one replication, and coefficients of one set of components."""

    kind: int
    rows: Rows
    scales: Scales
    tables: tuple[Floats, Floats]
    effects: int


def case(kind: int, *, items: int = 7, seed: int = 0, cuts: int = 3, shares: float = 1.0) -> Case:
    """Votes at random: each item has two effects of its own and four votes; effects in any place, and not all of them."""
    rng = np.random.default_rng(seed)
    votes = 4 * items
    scaled = cuts if kind == STARS else 0
    effects, codes = (2 if scaled else 0) * cuts + 5, 6
    tables = rng.normal(size=(2, 1, codes + 2))
    if kind == STARS:
        tables[1] = tables[0]
        tables[:, :, codes] = [[1.0], [0.0]]
        tables[:, :, codes + 1] = [[0.0], [1.0]]
    vote = rng.integers(0, cuts + 1 if kind == STARS else 3, size=(1, votes)).astype(np.int8)
    effect = np.full((1, votes, 5), -1, dtype=np.int16)
    code = np.zeros((1, votes, 5), dtype=np.int16)
    for t in range(votes):
        some = rng.choice(5, size=rng.integers(1, 4), replace=False) + effects - 5
        held = [(at, int(rng.integers(0, 4))) for at in some]
        if kind == STARS:
            given, scale = int(vote[0, t]), cuts * int(rng.integers(0, 2))
            held += [(scale + given, codes)] if given < cuts else []
            held += [(scale + given - 1, codes + 1)] if given > 0 else []
        for n, (at, which) in enumerate(held):
            effect[0, t, n], code[0, t, n] = at, which
    item = np.repeat(np.arange(items), 4)
    own = np.stack([2 * item, np.where(rng.random(votes) < 0.7, 2 * item + 1, -1)], axis=1).astype(np.int32)
    rows = Rows(
        vote,
        effect,
        code,
        own,
        rng.integers(4, 6, size=(votes, 2)).astype(np.int16),
        4 * np.arange(items + 1),
        2 * np.arange(items + 1),
        np.ones((1, items), dtype=np.float32),
    )
    scales = Scales(scaled, 2, shares, 0.0 if kind == STARS else TIE_MEAN, np.array([STRETCH]))
    return Case(kind, rows, scales, (tables[0], tables[1]), effects)


def log_joint(made: Case, both: Floats) -> float:
    """The log density of effects, those of items last, written out vote by vote."""
    rows, cuts = made.rows, made.scales.cuts
    x, z = both[: made.effects], both[made.effects :]
    y, value = x.copy(), -0.5 * float(z @ z) - 0.5 * float(x[2 * cuts :] @ x[2 * cuts :])
    for k in range(2 if cuts else 0):
        own = slice(k * cuts, (k + 1) * cuts)
        plain = np.cumsum(np.r_[x[own][0], np.logaddexp(0.0, x[own][1:])])
        share = np.diff(np.r_[0.0, expit(plain), 1.0])
        value += (made.scales.shares - 1.0) * np.log(share).sum()
        value += np.log(expit(plain) * expit(-plain)).sum() + np.log(expit(x[own][1:])).sum()
        y[own] = STRETCH[k] * plain
    for t in range(rows.vote.shape[1]):
        edges = np.array([0.0, made.scales.middle])
        for at, which in zip(rows.effect[0, t], rows.code[0, t], strict=True):
            edges += [made.tables[e][0, which] * y[at] if at >= 0 else 0.0 for e in (0, 1)]
        for at, which in zip(rows.own[t], rows.own_code[t], strict=True):
            edges += [made.tables[e][0, which] * z[at] if at >= 0 else 0.0 for e in (0, 1)]
        vote = rows.vote[0, t]
        if made.kind == STARS:
            upper = expit(edges[0]) if vote < cuts else 1.0
            lower = expit(edges[1]) if vote > 0 else 0.0
            value += float(np.log(upper - lower))
        else:
            weights = np.array([edges[0] / 2, edges[1], -edges[0] / 2])
            value += float(weights[vote] - logsumexp(weights))
    return value


def found(made: Case) -> Modes:
    start = np.zeros((1, made.effects))
    return modes(
        made.kind,
        made.rows,
        made.scales,
        made.tables,
        np.ones_like(start),
        np.zeros_like(start),
        np.arange(1),
        start,
        np.zeros((1, int(made.rows.own_from[-1]))),
    )


def hessian(made: Case, at: Floats) -> Floats:
    """Minus the Hessian by central differences."""
    step, n = 1e-4, at.size
    shifts = step * np.eye(n)

    def value(*moved: Floats) -> float:
        return log_joint(made, at + sum(moved))

    found = np.array(
        [
            [value(a, b) - value(a, -b) - value(-a, b) + value(-a, -b) for b in shifts]
            for a in shifts
        ]
    )  # fmt: skip
    return -found / (4 * step**2)


@pytest.mark.parametrize(("kind", "shares"), [(STARS, 1.0), (STARS, 2.5), (DUELS, 1.0)])
def test_mode_curvature_and_density_are_those_of_the_density_written_out(kind: int, shares: float) -> None:
    made = case(kind, shares=shares)
    n = made.effects

    def downhill(both: Floats) -> float:
        return -log_joint(made, both)

    got = found(made)
    best = minimize(downhill, np.concatenate([got.at[0], got.own[0]]), method="BFGS")
    np.testing.assert_allclose(got.at[0], best.x[:n], atol=5e-3)
    np.testing.assert_allclose(got.own[0], best.x[n:], atol=5e-3)
    whole = hessian(made, best.x)
    schur = whole[:n, :n] - whole[:n, n:] @ np.linalg.solve(whole[n:, n:], whole[n:, :n])
    np.testing.assert_allclose(got.precision[0], schur, atol=0.02 * np.abs(schur).max())
    density = -best.fun - 0.5 * np.linalg.slogdet(whole)[1]
    assert got.density[0] == pytest.approx(density, abs=5e-3)  # what is left of the last step


def alone(kind: int, seed: int = 1) -> Case:
    """The same where each item has one effect of its own."""
    made = case(kind, items=3, seed=seed)
    items = made.rows.votes_from.size - 1
    own = np.stack([np.repeat(np.arange(items), 4), np.full(4 * items, -1)], axis=1).astype(np.int32)
    return made._replace(rows=made.rows._replace(own=own, own_from=np.arange(items + 1)))


def integrated(made: Case, x: Floats) -> float:
    """The log density of effects with those of items integrated out on a fine grid."""
    grid = np.linspace(-8.0, 8.0, 161)
    items = made.rows.votes_from.size - 1
    whole = np.zeros((items, grid.size))
    nothing = log_joint(made, np.r_[x, np.zeros(items)])
    for i in range(items):
        for n, value in enumerate(grid):
            whole[i, n] = log_joint(made, np.r_[x, value * np.eye(items)[i]]) - nothing
    return nothing + float((logsumexp(whole, axis=1) + np.log((grid[1] - grid[0]) / np.sqrt(2.0 * np.pi))).sum())


@pytest.mark.long
@pytest.mark.parametrize("kind", [STARS, DUELS])
def test_an_effect_that_an_item_has_alone_is_integrated_out(kind: int) -> None:
    made = alone(kind)
    n, got = made.effects, found(made)
    at = got.at[0]
    value = integrated(made, at)
    assert got.density[0] + 0.5 * np.linalg.slogdet(got.precision[0])[1] == pytest.approx(value, abs=0.02)
    for j in range(n):  # no direction leads uphill, and the way down is as steep as it should be
        step = 0.05 * np.eye(n)[j]
        up, down = integrated(made, at + step), integrated(made, at - step)
        assert abs(up - down) / 0.1 < 0.05
        assert (2 * value - up - down) / 0.05**2 == pytest.approx(got.precision[0][j, j], rel=0.03, abs=0.02)


def test_exponentials_of_many_numbers_are_those_of_each() -> None:
    x = np.concatenate([np.linspace(-FARTHEST, FARTHEST, 4001), [0.0, -1e-12, 1e-12, 700.0, -700.0]])
    found = np.empty_like(x)
    exponentials(x.copy(), found)
    np.testing.assert_allclose(found, np.exp(np.clip(x, -FARTHEST, FARTHEST)), rtol=2e-14)
