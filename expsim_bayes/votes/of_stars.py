"""Real stars as the votes of one data set: which effects each hangs on, and effects as the model names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from scipy.special import expit, logit, logsumexp

from expsim_bayes.models._centring import severity_layout, shift_layout
from expsim_bayes.models._effects import MOST_TURNED, turn
from expsim_bayes.models._star_priors import Priors
from expsim_bayes.models._stars import NOISE, Stars, stars
from expsim_bayes.models._terms import NESTED
from expsim_bayes.votes.blocks import PLAIN
from expsim_bayes.votes.components import Components, half_normal, logarithm
from expsim_bayes.votes.laws import STARS
from expsim_bayes.votes.layout import Row, laid_out
from expsim_bayes.votes.rows import numbered
from expsim_bayes.votes.sets import Tables
from expsim_bayes.votes.whole import Votes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

Q, RATER, SHIFT, TASTE, WIDTH = range(5)
"""Codes of an evaluator's coefficients, and how many there are; after all of these come an upper and a lower cut."""
NODES = 21
"""Gauss-Hermite points over the mean of the items' effects."""
LEVELS = (*NESTED, "pair")
"""Dims of own effects."""


class Starred(NamedTuple):
    """Stars of one data set; K evaluators, J raters, V variants, C cuts, n effects."""

    seen: Stars
    priors: Priors
    votes: Votes
    components: Components
    q: Ints
    """(V,) places of what variants add."""
    severity: Ints
    """(J,) -1 where absent, here and below."""
    shift: Ints
    """(K, V)"""
    taste: Ints
    """(J, V)"""
    size: int
    """n."""
    own: dict[str, Ints]
    """Where the effects of each dim of `LEVELS` that has some stand."""

    @classmethod
    def of(cls, ratings: Ratings, priors: Priors) -> Self:
        """From stars."""
        return cls.told(stars(ratings), priors)

    @classmethod
    def told(cls, seen: Stars, priors: Priors) -> Self:
        """From stars as the model sees them."""
        data, present = seen.data, seen.present
        of, every = data.rater_evaluator, np.ones(len(data.variants), dtype=bool)
        evaluators, cuts = len(data.evaluators), seen.steps.size - 1
        severe, tasting = (np.array(flags)[of] for flags in (present.severity, present.taste))
        has = (every, severe, np.outer(present.shift, every), np.outer(tasting, every))
        places, size = numbered(evaluators * cuts, *has)
        q, severity, shift, taste = places
        k, j, v = seen.evaluator, seen.rater, seen.variant
        columns = (
            (q[v], k * WIDTH + Q), (severity[j], k * WIDTH + RATER), (shift[k, v], k * WIDTH + SHIFT),
            (taste[j, v], k * WIDTH + TASTE),
        )  # fmt: skip
        step, both = np.arange(cuts + 1), np.full((k.size, cuts + 1), evaluators * WIDTH)
        upper = np.where(step < cuts, k[:, None] * cuts + step, -1)
        lower = np.where(step > 0, k[:, None] * cuts + step - 1, -1)
        effects, first, stands = [], 0, {}
        for n, dim in enumerate(LEVELS):
            at = np.asarray(getattr(seen, dim))
            there = np.full(at.size, present.has(dim)) if dim in NESTED else np.array(present.opinion)[k]
            if there.any():
                effects.append((np.where(there, first + at, -1), k * len(LEVELS) + n))
                stands[dim] = first + np.arange(len(seen.places.coords(present)[dim]))
                first = int(stands[dim][-1]) + 1
        nothing = (np.full(k.size, -1), k)
        row = Row(columns, tuple(effects) or (nothing,), seen.count)
        role = np.full(evaluators * WIDTH + 2, PLAIN)
        votes, own = laid_out(
            STARS, row, role, _together(of, q, severity, shift, size), ((upper, both), (lower, both + 1)),
            (cuts, evaluators, priors.shares), own_size=first,
        )  # fmt: skip
        components = Components.of(
            *(half_normal(sd, getattr(priors, sd), int(present.has(dim))) for dim, (_, sd) in NESTED.items()),
            half_normal("sd_shift", priors.sd_shift, int(any(present.shift))),
            half_normal("sd_rater_of_pool", priors.sd_rater, sum(present.severity)),
            half_normal("sd_taste_of_pool", priors.sd_taste, sum(present.taste)),
            half_normal("sd_opinion_of_pool", priors.sd_opinion, sum(present.opinion)),
            logarithm("log_use", priors.log_scale_use_sd, sum(present.scale_use)),
        )
        own_places = {dim: own[at] for dim, at in stands.items()}
        return cls(seen, priors, votes, components, q, severity, shift, taste, size, own_places)

    @property
    def cuts(self) -> int:
        """C."""
        return self.seen.steps.size - 1

    @property
    def apart(self) -> tuple[str, ...]:
        """Variables of own effects that the sampler's draws hold too, but nothing is derived from."""
        names = [NESTED[dim][0] for dim in NESTED if dim != "item" or not self.absorbs] + ["opinion"]
        return tuple(f"{name}{part}" for name in names for part in ("", "_raw"))

    @property
    def absorbs(self) -> bool:
        """Whether cuts absorb the mean of the items' effects."""
        return self.seen.present.item and self.seen.lowest != "item"

    def start(self) -> Floats:
        """(n,) where effects are sought first: all steps as likely, everything else in the middle."""
        found, cuts, evaluators = np.zeros(self.size), self.cuts, len(self.seen.data.evaluators)
        plain = logit(np.arange(1, cuts + 1) / (cuts + 1))
        found[: evaluators * cuts] = np.tile(np.r_[plain[0], np.log(np.expm1(np.diff(plain)))], evaluators)
        return found

    def _evaluators(self, values: Floats, has: tuple[bool, ...], other: float = 0.0) -> Floats:
        """(S, K) values of those that have some."""
        found = np.full((len(values), len(has)), other)
        found[:, np.array(has)] = values
        return found

    def _people(self, given: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
        """(S, K) SDs of severity, tastes and opinions."""
        present = self.seen.present
        return (
            self._evaluators(given["sd_rater_of_pool"], present.severity),
            self._evaluators(given["sd_taste_of_pool"], present.taste),
            self._evaluators(given["sd_opinion_of_pool"], present.opinion),
        )

    def _uses(self, given: dict[str, Floats]) -> Floats:
        """(S, K) lambda."""
        return self._evaluators(np.exp(given["log_use"]), self.seen.present.scale_use, 1.0)

    @staticmethod
    def _worth(given: dict[str, Floats]) -> Floats:
        """(S, 1) variance of outputs of a variant."""
        return np.asarray(sum((given[sd] ** 2).sum(axis=1, keepdims=True) for _, sd in NESTED.values()))

    def tables(self, given: dict[str, Floats]) -> Tables:
        """Coefficients at S sets of components."""
        use, (rater, taste, opinion) = self._uses(given), self._people(given)
        sets, evaluators = use.shape
        upper = np.zeros((sets, evaluators * WIDTH + 2))
        shift = given["sd_shift"].sum(axis=1, keepdims=True) + np.zeros_like(use)
        for code, values in {Q: use * self.priors.sd_variant, RATER: rater, SHIFT: shift, TASTE: taste}.items():
            upper[:, code : evaluators * WIDTH : WIDTH] = -values
        lower = upper.copy()
        upper[:, -2] = lower[:, -1] = 1.0
        own = [use * given[sd].sum(axis=1, keepdims=True) for _, sd in NESTED.values()]
        signal = use**2 * self._worth(given) + rater**2 + taste**2 + opinion**2
        stretch = np.sqrt(1.0 + signal / NOISE**2)
        return Tables(upper, lower, np.stack([*own, opinion], axis=2).reshape(sets, -1), stretch)

    @property
    def observed(self) -> int:
        """How many values the model has observed."""
        return self.seen.count.size

    def _plain(self, x: Floats) -> Floats:
        """(D, K, C) cuts before they are stretched."""
        steps = x[:, : self.votes.evaluators * self.cuts].reshape(len(x), -1, self.cuts).copy()
        steps[:, :, 1:] = np.logaddexp(0.0, steps[:, :, 1:])
        return np.asarray(np.cumsum(steps, axis=2))

    def _absorbed(self, given: dict[str, Floats], mean: Floats) -> Floats:
        """(D, K, 1) by how much such a mean of the items' effects moves cuts before they are stretched."""
        return np.asarray((self._uses(given) * mean[:, None] / self.tables(given).stretch)[:, :, None])

    def preferred(self, given: dict[str, Floats], x: Floats, mean: Floats) -> Floats:
        """(D,) log weights of draws with such means of the items' effects.

        The model believes in shares of steps at the average of the items that are there, and draws come from a belief in the same shares at
        an average of all items. Given where cuts lie among the items that are there, the latter is averaged over the mean of these.
        """
        here = self._plain(x) - self._absorbed(given, mean)
        spread = given["sd_item"][:, 0] / np.sqrt(len(self.seen.data.items))
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
        logs = [self._belief(here + self._absorbed(given, node * spread)) for node in nodes]
        return self._belief(here) - logsumexp(np.stack(logs), b=(weights / weights.sum())[:, None], axis=0)

    def _belief(self, plain: Floats) -> Floats:
        """(D,) log density of cuts before they are stretched."""
        share = expit(plain)
        ends = np.zeros((*share.shape[:2], 1))
        steps = np.diff(np.concatenate([ends, share, ends + 1.0], axis=2), axis=2)
        slopes = (np.log(share) + np.log1p(-share)).sum(axis=(1, 2))
        return np.asarray(slopes + (self.priors.shares - 1.0) * np.log(steps).sum(axis=(1, 2)))

    def believed_mean(self, given: dict[str, Floats], rng: np.random.Generator) -> Floats:
        """(D,) means of the items' effects, of which no rating tells anything but through their SD."""
        spread = given["sd_item"][:, 0] / np.sqrt(len(self.seen.data.items))
        return np.asarray(spread * rng.standard_normal(len(spread)))

    def moved(self, own: Floats, given: dict[str, Floats], by: Floats) -> Floats:
        """(D, L) own effects, those of all items moved by (D,) as much."""
        found = own.copy()
        found[:, self.own["item"]] += (by / given["sd_item"][:, 0])[:, None]
        return found

    def named(
        self, given: dict[str, Floats], x: Floats, absorbed: Floats | None = None, item_mean: Floats | None = None
    ) -> dict[str, Floats]:
        """Values of the model's free variables but for those of own effects, from D components and effects.

        Parameters
        ----------
        given, x
            Components and effects.
        absorbed : (D,) array, optional
            Mean of the effects of items that cuts absorb.
        item_mean : (D,) array, optional
            And the one that the model has beside these cuts.
        """
        data, present, of = self.seen.data, self.seen.present, self.seen.data.rater_evaluator
        plain = self._plain(x) - (0.0 if absorbed is None else self._absorbed(given, absorbed))
        below = np.concatenate([np.zeros((*plain.shape[:2], 1)), expit(plain), np.ones((*plain.shape[:2], 1))], axis=2)
        together = np.zeros(len(data.variants), dtype=np.intp)
        found = {"q_raw": self.priors.sd_variant * x[:, self.q] @ turn(together), "shares": np.diff(below, axis=2)}
        for name in ("sd_item", "sd_interaction", "sd_output", "sd_shift"):
            found[name] = given[name].sum(axis=1)
        for name in ("sd_rater_of_pool", "sd_taste_of_pool", "sd_opinion_of_pool"):
            found[name] = given[name]
        heard = np.log(self._worth(given)) / 2 if any(present.has(dim) for dim in NESTED) else 0.0
        found["log_scale_use"] = given["log_use"] + heard
        severe = np.array(present.severity)[of]
        if severe.any():
            layout, sd = severity_layout(data, severe), self._people(given)[0][:, of[severe]]
            found["severity_logit_raw"] = (
                (sd * x[:, self.severity[severe]]) @ layout.matrix / sd ** (1 - layout.centred)
            )
        if any(present.shift):
            layout, sd = (
                shift_layout(data, np.array(present.shift), present.reference),
                found["sd_shift"][:, None, None],
            )
            shift = sd * x[:, self.shift[np.array(present.shift)]]
            found["shift_logit_raw"] = shift @ layout.matrix / sd ** (1 - layout.centred)
        found["taste_logit_raw"] = x[:, self.taste[np.array(present.taste)[of]]]
        if self.absorbs and item_mean is not None:
            same = np.repeat(item_mean[:, None], len(data.items), axis=1)
            found["item_effect_raw"] = self._raw("item", same, given)
        return found

    def item_mean(self, own: Floats, given: dict[str, Floats]) -> Floats:
        """(D,) means of the effects of items."""
        return np.asarray(given["sd_item"][:, 0] * own[:, self.own["item"]].mean(axis=1))

    def _raw(self, dim: str, effect: Floats, given: dict[str, Floats]) -> Floats:
        """Effects of items, cells or outputs in the numbers that a sampler moves in."""
        if dim == "item" and self.absorbs and 1 < effect.shape[1] <= MOST_TURNED:
            effect = effect @ turn(np.zeros(effect.shape[1], dtype=np.intp))
        return effect if self.seen.shown else effect / given[NESTED[dim][1]]

    def nested(self, own: Floats, given: dict[str, Floats]) -> dict[str, tuple[str | None, Floats]]:
        """Values of own effects as the model names them, each with its dim."""
        found: dict[str, tuple[str | None, Floats]] = {}
        for dim, at in self.own.items():
            if dim in NESTED:
                name, sd = NESTED[dim]
                effect = given[sd] * own[:, at]
                found[name], found[f"{name}_raw"] = (dim, effect), (dim, self._raw(dim, effect, given))
            else:
                sds = self._people(given)[2][:, self.seen.places.pair_evaluator]
                has = np.array(self.seen.present.opinion)[self.seen.places.pair_evaluator]
                found["opinion"] = (dim, sds * np.where(has, own[:, at], 0.0))
                found["opinion_raw"] = (None, own[:, at[has]])
        return found


def _together(of: Ints, q: Ints, severity: Ints, shift: Ints, size: int) -> Ints:
    """(n,) groups of effects that votes see beside their mean: variants, raters of a pool, tastes of a judge."""
    found = np.full(size, -1)
    found[q] = 0
    group = 1
    for own in [severity[(of == k) & (severity >= 0)] for k in np.unique(of)] + [row[row >= 0] for row in shift]:
        if own.size:
            found[own] = group
            group += 1
    return found
