"""Real comparisons as the votes of one data set: which effects each hangs on, and effects as the model names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from expsim_bayes.models._duel_priors import Priors
from expsim_bayes.models._duels import Duels, duels
from expsim_bayes.simulate.duels import SHRINKS
from expsim_bayes.votes.blocks import LOG, PLAIN, SCALED
from expsim_bayes.votes.components import Components, half_normal, logarithm
from expsim_bayes.votes.laws import DUELS
from expsim_bayes.votes.layout import Row, laid_out
from expsim_bayes.votes.rows import numbered
from expsim_bayes.votes.sets import Tables
from expsim_bayes.votes.whole import Votes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

FIRST, SECOND, LEFT, RIGHT, ORDER, RATER, TIE, RATER_TIE, RELIABILITY, WIDTH = range(10)
"""Codes of an evaluator's coefficients: of both variants, its tastes for both, favour of the left, ties, reliability."""
ROLES = (SCALED, SCALED, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, LOG)


class Compared(NamedTuple):
    """Comparisons of one data set; K evaluators, J raters, V variants, n effects."""

    seen: Duels
    priors: Priors
    votes: Votes
    components: Components
    q: Ints
    """(V,) places of what variants are worth."""
    order: Ints
    """(K,) of how much an evaluator favours the left."""
    tie: Ints
    """(K,) of the readiness for ties."""
    rater_order: Ints
    """(J,) -1 where absent, here and below."""
    rater_tie: Ints
    """(J,)"""
    reliability: Ints
    """(J,)"""
    shift: Ints
    """(K, V)"""
    size: int
    """n."""
    own: Ints
    """(cells,) where the effect of each item x variant stands."""

    @classmethod
    def of(cls, ratings: Ratings, priors: Priors) -> Self:
        """From comparisons."""
        return cls.told(
            duels(ratings, items=priors.items, raters=priors.raters, reliability=priors.reliability), priors
        )

    @classmethod
    def told(cls, seen: Duels, priors: Priors) -> Self:
        """From comparisons as the model sees them."""
        data, present = seen.data, seen.present
        of, every = data.rater_evaluator, np.ones(len(data.evaluators), dtype=bool)
        variants = np.ones(len(data.variants), dtype=bool)
        differ, reliable = present.rater[of], present.reliability[of]
        places, size = numbered(0, variants, every, every, differ, differ, reliable, np.outer(present.shift, variants))
        q, order, tie, rater_order, rater_tie, reliability, shift = places
        centred = np.full(size, -1)
        pools = np.unique(of[reliable], return_inverse=True)[1]
        centred[reliability[reliable]] = pools.ravel()
        k, j, a, b = seen.evaluator, seen.rater, seen.left, seen.right
        base = k * WIDTH
        columns = (
            (q[a], base + FIRST), (q[b], base + SECOND), (shift[k, a], base + LEFT), (shift[k, b], base + RIGHT), (order[k], base + ORDER),
            (rater_order[j], base + RATER), (tie[k], base + TIE), (rater_tie[j], base + RATER_TIE),
            (reliability[j], base + RELIABILITY),
        )  # fmt: skip
        none = np.full(k.size, -1)
        cells = (seen.cell_left, seen.cell_right) if present.interaction else (none, none)
        row = Row(columns, ((cells[0], 2 * k), (cells[1], 2 * k + 1)), seen.count)
        votes, own = laid_out(DUELS, row, np.tile(ROLES, every.size), centred, middle=priors.tie_mean)
        components = Components.of(
            half_normal("sd_interaction", priors.sd_interaction, int(present.interaction)),
            half_normal("sd_shift", priors.sd_shift, int(present.shift.any())),
            logarithm("log_scale_use", priors.log_scale_use_sd, int(present.scale_use.sum())),
            half_normal("sd_order_of_pool", priors.sd_order, int(present.rater.sum())),
            half_normal("sd_tie_of_pool", priors.sd_tie, int(present.rater.sum())),
            half_normal("sd_reliability_of_pool", priors.sd_reliability, int(present.reliability.sum())),
        )
        return cls(
            seen, priors, votes, components, q, order, tie, rater_order, rater_tie, reliability, shift, size, own
        )

    def start(self) -> Floats:
        """(n,) where effects are sought first."""
        return np.zeros(self.size)

    def _by_evaluator(self, values: Floats, has: NDArray[np.bool_], other: float = 0.0) -> Floats:
        """(S, K) values of those that have some."""
        found = np.full((len(values), has.size), other)
        found[:, has] = values
        return found

    def tables(self, given: dict[str, Floats]) -> Tables:
        """Coefficients at S sets of components."""
        priors, present = self.priors, self.seen.present
        use = self._by_evaluator(np.exp(given["log_scale_use"]), present.scale_use, 1.0)
        sets, evaluators = use.shape
        apart = given["sd_interaction"].sum(axis=1, keepdims=True)
        worth = use * priors.sd_variant * np.sqrt(1.0 + SHRINKS * apart**2)
        taste = np.repeat(given["sd_shift"].sum(axis=1, keepdims=True), evaluators, axis=1)
        every = np.ones((sets, evaluators))
        first, second = np.zeros((2, sets, evaluators * WIDTH))
        for code, values in {
            FIRST: worth, SECOND: -worth, LEFT: taste, RIGHT: -taste, ORDER: every * priors.order,
            RATER: self._by_evaluator(given["sd_order_of_pool"], present.rater),
            RELIABILITY: self._by_evaluator(given["sd_reliability_of_pool"], present.reliability),
        }.items():  # fmt: skip
            first[:, code::WIDTH] = values
        second[:, TIE::WIDTH] = priors.tie_sd
        second[:, RATER_TIE::WIDTH] = self._by_evaluator(given["sd_tie_of_pool"], present.rater)
        own = np.stack([use * apart, -use * apart], axis=2).reshape(sets, 2 * evaluators)
        return Tables(first, second, own, every)

    @property
    def absorbs(self) -> bool:
        """Nothing absorbs the mean of own effects."""
        return False

    @property
    def apart(self) -> tuple[str, ...]:
        """Variables of own effects, from which nothing else is derived."""
        return "interaction", "interaction_raw"

    @property
    def observed(self) -> int:
        """How many values the model has observed."""
        return self.seen.count.size

    def named(self, given: dict[str, Floats], x: Floats) -> dict[str, Floats]:
        """Values of the model's free variables but for those of own effects, from D components and effects."""
        priors, present = self.priors, self.seen.present
        q = priors.sd_variant * x[:, self.q]
        found = {
            "q": q - q.mean(axis=1, keepdims=True),
            "order_level": priors.order * x[:, self.order],
            "log_nu_level": priors.tie_mean + priors.tie_sd * x[:, self.tie],
            "order_of_rater_raw": x[:, self.rater_order[self.rater_order >= 0]],
            "tie_of_rater_raw": x[:, self.rater_tie[self.rater_tie >= 0]],
            "reliability_of_rater_raw": x[:, self.reliability[self.reliability >= 0]],
            "shift_raw": x[:, self.shift[present.shift]],
        }
        single = {name: given[name].sum(axis=1) for name in ("sd_interaction", "sd_shift")}
        return found | given | single

    def nested(self, own: Floats, given: dict[str, Floats]) -> dict[str, tuple[str | None, Floats]]:
        """Values of own effects as the model names them, each with its dim."""
        if not self.seen.present.interaction:
            return {}
        raw = own[:, self.own]
        return {"interaction_raw": ("cell", raw), "interaction": ("cell", given["sd_interaction"] * raw)}
