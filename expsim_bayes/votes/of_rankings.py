"""Real rankings as the votes of one data set: which effects each place hangs on, and effects as the model names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from expsim_bayes.errors import SettingError
from expsim_bayes.models._podium import Podium, podium
from expsim_bayes.outcomes import MOST_RANKED
from expsim_bayes.votes.components import Components, half_normal, logarithm
from expsim_bayes.votes.modes import Rows
from expsim_bayes.votes.rankings import ITEM, SHIFT, TASTE, WIDTH, Q
from expsim_bayes.votes.rows import numbered
from expsim_bayes.votes.sets import Tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.models._podium_priors import Priors
    from expsim_bayes.ratings import CodedRankings, Ratings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]


class _At(NamedTuple):
    """Places of effects, -1 where absent."""

    q: Ints
    """(V,)"""
    shift: Ints
    """(K, V)"""
    taste: Ints
    """(J, V)"""


class _Ranked(NamedTuple):
    """Who put what in order, a value a ranking."""

    order: Ints
    """(L, M)"""
    evaluator: Ints
    """(L,)"""
    rater: Ints
    """(L,)"""
    weight: NDArray[np.float32]
    """(blocks,) how many blocks are like each."""


class Ordered(NamedTuple):
    """Rankings of one data set; K evaluators, J raters, V variants, n effects."""

    seen: Podium
    priors: Priors
    votes: Rows
    components: Components
    q: Ints
    """(V,) places of what variants are worth."""
    shift: Ints
    """(K, V) -1 where absent, here and below."""
    taste: Ints
    """(J, V)"""
    size: int
    """n."""
    own: Ints
    """(item, V) where how a variant suits an item stands."""

    @classmethod
    def of(cls, ratings: Ratings, priors: Priors) -> Self:
        """From rankings.

        Raises
        ------
        SettingError
            More variants of one item were ranked than points are at hand for.
        """
        return cls.told(podium(ratings), priors)

    @classmethod
    def told(cls, seen: Podium, priors: Priors) -> Self:
        """From rankings as the model sees them."""
        data, terms = seen.data, seen.terms
        every = np.ones(len(data.variants), dtype=bool)
        taste = terms.taste[data.rater_evaluator]
        places, size = numbered(0, every, np.outer(terms.shift, every), np.outer(taste, every))
        at = _At(*places)
        own = np.zeros((0, 0), dtype=np.intp)
        if terms.interaction:
            votes, own = _laid_out(data, at)
        else:
            votes = _counted(data, terms.taste, at)
        components = Components.of(
            half_normal("sd_interaction", priors.sd_interaction, int(terms.interaction)),
            half_normal("sd_shift", priors.sd_shift, int(terms.shift.any())),
            logarithm("log_scale_use", priors.log_scale_use_sd, int(terms.scale_use.sum())),
            half_normal("sd_taste_of_pool", priors.sd_taste, int(terms.taste.sum())),
        )
        return cls(seen, priors, votes, components, at.q, at.shift, at.taste, size, own)

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
        terms = self.seen.terms
        use = self._by_evaluator(np.exp(given["log_scale_use"]), terms.scale_use, 1.0)
        sets, evaluators = use.shape
        worth = np.zeros((sets, evaluators * WIDTH))
        worth[:, Q::WIDTH] = use * self.priors.sd_variant
        worth[:, SHIFT::WIDTH] = given["sd_shift"].sum(axis=1, keepdims=True)
        worth[:, TASTE::WIDTH] = self._by_evaluator(given["sd_taste_of_pool"], terms.taste)
        worth[:, ITEM::WIDTH] = use * given["sd_interaction"].sum(axis=1, keepdims=True)
        return Tables(worth, worth, worth, np.ones((sets, evaluators)))

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
        return self.seen.value.size

    def named(self, given: dict[str, Floats], x: Floats) -> dict[str, Floats]:
        """Values of the model's free variables but for those of own effects, from D components and effects."""
        terms = self.seen.terms
        q = self.priors.sd_variant * x[:, self.q]
        found = {
            "q": q - q.mean(axis=1, keepdims=True),
            "shift_logit_raw": x[:, self.shift[terms.shift]],
            "taste_logit_raw": x[:, self.taste[terms.taste[self.seen.data.rater_evaluator]]],
        }
        single = {name: given[name].sum(axis=1) for name in ("sd_interaction", "sd_shift")}
        return found | given | single

    def nested(self, own: Floats, given: dict[str, Floats]) -> dict[str, tuple[str | None, Floats]]:
        """Values of own effects as the model names them, with the dims that it gives them."""
        if not self.seen.terms.interaction:
            return {}
        raw = own[:, self.own]
        return {"interaction_raw": (None, raw), "interaction": (None, given["sd_interaction"][:, :, None] * raw)}


def _laid_out(data: CodedRankings, at: _At) -> tuple[Rows, Ints]:
    """Rankings by item, each with an effect of every variant that was ranked on it; those of others stand last, without votes."""
    variants = len(data.variants)
    by_item = np.argsort(data.item, kind="stable")
    order, item = data.order[by_item], data.item[by_item]
    of_place = np.repeat(item, np.count_nonzero(order >= 0, axis=1))
    cells, cell = np.unique(of_place * variants + order[order >= 0], return_inverse=True)
    items, sizes = np.unique(cells // variants, return_counts=True)
    if sizes.max() > MOST_RANKED:
        raise SettingError(
            f"{sizes.max()} variants of one item were put in order, and without a sampler {MOST_RANKED} are the most",
            where="engine",
            remedy="choose nuts",
        )
    others = np.setdiff1d(np.arange(len(data.items) * variants), cells)
    own = np.empty(len(data.items) * variants, dtype=np.intp)
    own[np.concatenate([cells, others])] = np.arange(own.size)
    weight = np.r_[np.ones(items.size), 0.0].astype(np.float32)
    told = _Ranked(order, data.evaluator[by_item], data.rater[by_item], weight)
    votes_from = np.r_[np.searchsorted(of_place, items), of_place.size, of_place.size]
    rows = _rows(told, at, cell.ravel(), votes_from, np.r_[0, np.cumsum(sizes), own.size])
    return rows, own.reshape(len(data.items), variants)


def _counted(data: CodedRankings, has_taste: NDArray[np.bool_], at: _At) -> Rows:
    """Rankings where items are all alike, those that share everything counted together."""
    person = np.where(has_taste[data.evaluator], data.rater, -1)
    key = np.column_stack([data.evaluator, person, data.order])
    _, first, count = np.unique(key, axis=0, return_index=True, return_counts=True)
    told = _Ranked(data.order[first], data.evaluator[first], data.rater[first], count.astype(np.float32))
    votes_from = np.r_[0, np.cumsum(np.count_nonzero(told.order >= 0, axis=1))]
    return _rows(told, at, np.full(votes_from[-1], -1), votes_from, np.zeros_like(votes_from))


def _rows(told: _Ranked, at: _At, own: Ints, votes_from: Ints, own_from: Ints) -> Rows:
    """Rows of rankings in this order, a row a place."""
    ranking, place = np.nonzero(told.order >= 0)
    variant, k, j = told.order[ranking, place], told.evaluator[ranking], told.rater[ranking]
    effect = np.stack([at.q[variant], at.shift[k, variant], at.taste[j, variant]], axis=1)
    code = k[:, None] * WIDTH + np.array([Q, SHIFT, TASTE])
    front = np.argsort(effect < 0, axis=1, kind="stable")
    return Rows(
        np.where(place == 0, -1, place).astype(np.int8)[None],
        np.take_along_axis(effect, front, axis=1).astype(np.int16)[None],
        np.take_along_axis(code, front, axis=1).astype(np.int16)[None],
        np.stack([own, np.full(own.size, -1)], axis=1).astype(np.int32),
        np.stack([k * WIDTH + ITEM] * 2, axis=1).astype(np.int16),
        votes_from.astype(np.int64),
        own_from.astype(np.int64),
        told.weight[None],
    )
