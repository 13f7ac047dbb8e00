r"""What counts of verdicts tell of rates and errors: log density, slope and information, everywhere at once.

The truth of an output is summed out. With :math:`\theta_v` the rate of a variant, :math:`s` and :math:`c` sensitivity and specificity, the
chance that one is seen with :math:`y_k` ones among :math:`n_k` verdicts of evaluator :math:`k` is, up to a constant,

.. math::

    \theta_v \prod_k s_{kv}^{y_k} (1 - s_{kv})^{n_k - y_k} + (1 - \theta_v) \prod_k (1 - c_{kv})^{y_k} c_{kv}^{n_k - y_k}

(Hui & Walter 1980; Joseph, Gyorkos & Coupal 1995). Unknowns are logits. A few of them hang on what is believed more than on any number of
verdicts: the errors of the *anchor*, the evaluator that is taken to be better than chance, and the SD of judges' tastes. Given these *few*,
the *rest* is known nearly normally. Arrays have the unknown first, then any shape.
"""

from __future__ import annotations

from math import comb, prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from expsim_bayes.posterior.patterns import Patterns
from expsim_bayes.simulate.counts import SD_SHIFT, Belief, anchor_of, beliefs_of, declared_logits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from expsim_bayes.scenario import Scenario

    Floats = NDArray[np.float64]

FARTHEST = 30.0
"""Prior SDs beyond which the SD of tastes no longer grows."""
LEAST, LARGEST = 1e-300, 700.0
"""Chance of a pattern that cannot be, and the logit of a share that is 1."""


class Few(NamedTuple):
    """Errors of the anchor and SD of tastes."""

    anchor: tuple[Floats, Floats] | None
    """Logits of its sensitivity and specificity."""
    sd: Floats | None
    """SD of judges' tastes, in logits."""
    log_prior: Floats
    """Their prior density, along the coordinates that they come from."""

    def with_axis(self) -> Few:
        """The same for several sets of the rest each."""
        anchor = None if self.anchor is None else (self.anchor[0][..., None], self.anchor[1][..., None])
        return Few(anchor, None if self.sd is None else self.sd[..., None], self.log_prior[..., None])


class Told(NamedTuple):
    """An evaluator's shares of each kind of verdict on a variant."""

    hit: Floats
    """Of outputs that pass, said to pass."""
    miss: Floats
    """Of those, said to fail."""
    rejected: Floats
    """Of outputs that fail, said to fail."""
    alarm: Floats
    """Of those, said to pass."""
    sd: Floats
    """SD of its tastes, in logits."""


class Seen(NamedTuple):
    """A pattern that outputs of a variant show."""

    variant: int
    """Which variant."""
    pattern: int
    """Which pattern."""
    one: Floats
    """Its chance together with a truth of 1."""
    zero: Floats
    """Its chance together with a truth of 0."""
    rate: Floats
    """The variant's rate."""
    told: dict[int, Told]
    """By evaluator."""

    @property
    def chance(self) -> Floats:
        """Of the pattern."""
        return np.maximum(self.one + self.zero, LEAST)


class Confusion:
    """The unknowns of a scenario with V variants, K evaluators and C patterns."""

    def __init__(self, scenario: Scenario) -> None:
        who = scenario.evaluators
        given = scenario.components == "given"
        self.patterns = Patterns.of(scenario)
        self.variants = len(scenario.variants)
        self.rate = Belief(scenario.rate_prior)
        self.beliefs = [beliefs_of(e) for e in who]
        self.fixed = {k: declared_logits(e) for k, e in enumerate(who) if given or not e.errs}
        self.anchor = -1 if given else anchor_of(scenario)
        free = [k for k in range(len(who)) if k not in self.fixed and k != self.anchor]
        self.errors = {k: self.variants + 2 * n for n, k in enumerate(free)}
        judges = [k for k, e in enumerate(who) if e.shift_sd > 0 or (e.shift and not given)]
        start = self.variants + 2 * len(free)
        self.taste = {k: start + n * (self.variants - 1) for n, k in enumerate(judges)}
        self.sd = {k: who[k].shift_sd for k in judges} if given else {}
        self.size = start + len(judges) * (self.variants - 1)
        self.few = 2 * (self.anchor >= 0) + (bool(judges) and not given)
        self.contrast = _contrasts(self.variants)
        self.unknown = sorted([*self.errors, *([self.anchor] if self.anchor >= 0 else [])])

    def start(self) -> Floats:
        """(rest,) where the mode is sought first."""
        found = np.zeros(self.size)
        for at, belief in self._shares():
            found[at] = belief.quantile(np.array(0.5))
        return found

    def believed(self, uniform: Floats) -> Floats:
        """(few, n) coordinates of the few as they are believed to be, from (few, n) uniform numbers; those of no anchor left out."""
        parts = []
        if self.anchor >= 0:
            alpha, beta = (b.quantile(u) for b, u in zip(self.beliefs[self.anchor], uniform, strict=False))
            parts = [np.log(np.expm1(np.maximum(alpha + beta, 1e-9))), alpha - beta]
            uniform = uniform[:, alpha + beta > 0]
            parts = [part[alpha + beta > 0] for part in parts]
        if self.few % 2:
            parts.append(ndtri(uniform[-1]))
        return np.array(parts)

    def few_at(self, x: Floats) -> Few:
        """The few at their coordinates: log(exp(sum) - 1) and difference of the anchor's logits, and a standard normal number."""
        log_prior, anchor, sd = np.zeros(x.shape[1:]), None, None
        if self.anchor >= 0:
            total = np.logaddexp(0.0, x[0])
            anchor = (total + x[1]) / 2.0, (total - x[1]) / 2.0
            log_prior = log_prior - np.logaddexp(0.0, -x[0])
            for belief, logit in zip(self.beliefs[self.anchor], anchor, strict=True):
                log_prior = log_prior + belief.log_density(logit)
        if self.few % 2:
            sd = SD_SHIFT * np.abs(ndtri(ndtr(-np.clip(x[-1], -FARTHEST, FARTHEST)) / 2.0))
            log_prior = log_prior - x[-1] ** 2 / 2.0
        return Few(anchor, sd, log_prior)

    def logits(self, k: int, rest: Sequence[Floats], few: Few) -> tuple[Floats, Floats]:
        """Of an evaluator's sensitivity and specificity, on average over variants."""
        if k in self.fixed:
            return self.fixed[k][0], self.fixed[k][1]
        if k == self.anchor:
            assert few.anchor is not None
            return few.anchor
        return rest[self.errors[k]], rest[self.errors[k] + 1]

    def log_density(self, rest: Sequence[Floats], few: Few, counts: Floats) -> Floats:
        """Of the rest and the few, up to a constant.

        Parameters
        ----------
        rest : sequence of arrays
            The unknowns, each of the same shape.
        few : Few
            The others, of shapes that fit.
        counts : numpy.ndarray
            (V, C, ...) outputs by variant and pattern.
        """
        total = self._log_prior(rest, few)
        for seen in self._seen(rest, few, counts):
            total = total + counts[seen.variant, seen.pattern] * np.log(seen.chance)
        return total

    def _log_prior(self, rest: Sequence[Floats], few: Few) -> Floats:
        total = few.log_prior
        for at, belief in self._shares():
            total = total + belief.log_density(rest[at])
        for at in self._tastes():
            total = total - rest[at] ** 2 / 2.0
        return total

    def ascent(
        self, rest: Sequence[Floats], few: Few, counts: Floats, totals: Floats
    ) -> tuple[Floats, list[Floats], list[list[Floats]]]:
        """The log density, its slope along the rest, and the lower half of the information that so many outputs are expected to hold.

        Parameters
        ----------
        rest, few, counts
            As in `log_density`.
        totals : numpy.ndarray
            (V, C, ...) outputs of all patterns of the group of each pattern.
        """
        none = np.zeros(np.shape(rest[0]))
        density = self._log_prior(rest, few)
        slope = [none.copy() for _ in range(self.size)]
        bend = [[none.copy() for _ in range(n + 1)] for n in range(self.size)]
        for at, belief in self._shares():
            slope[at], bend[at][at] = belief.slope(rest[at])
        for at in self._tastes():
            slope[at], bend[at][at] = -rest[at], none + 1.0
        ways = [
            prod(map(comb, a, y))
            for a, y in zip(self.patterns.asked.tolist(), self.patterns.ones.tolist(), strict=True)
        ]
        for seen in self._seen(rest, few, totals):
            cell = seen.variant, seen.pattern
            density = density + counts[cell] * np.log(seen.chance)
            moved = self._moved(seen)
            expected = totals[cell] * ways[seen.pattern] * seen.chance
            for n, (place, along) in enumerate(moved):
                slope[place] += counts[cell] * along
                weighed = expected * along
                for other, across in moved[: n + 1]:
                    bend[place][other] += weighed * across
        return density, slope, bend

    def _moved(self, seen: Seen) -> list[tuple[int, Floats]]:
        """How the log chance of a pattern moves along each of the rest, in ascending order."""
        v, told, is_one = seen.variant, seen.told, seen.one / seen.chance
        errors, tastes = [], []
        for k, (asked, ones) in enumerate(self._of_pattern(seen.pattern)):
            if not asked or (k not in self.errors and k not in self.taste):
                continue
            along_hit = is_one * (ones - asked * told[k].hit)
            along_rejected = (1.0 - is_one) * (asked - ones - asked * told[k].rejected)
            if k in self.errors:
                errors += [(self.errors[k], along_hit), (self.errors[k] + 1, along_rejected)]
            if k in self.taste:
                along = told[k].sd * (along_hit - along_rejected)
                tastes += [(self.taste[k] + n, self.contrast[v, n] * along) for n in range(self.variants - 1)]
        return [(v, is_one - seen.rate), *errors, *tastes]

    def _seen(self, rest: Sequence[Floats], few: Few, counts: Floats) -> Iterator[Seen]:
        """Patterns of each variant that there are outputs of."""
        some = counts.reshape(*counts.shape[:2], -1).any(axis=2)
        shared = {k: self._told(0, k, rest, few) for k in range(len(self.beliefs)) if k not in self.taste}
        for v in range(self.variants):
            told = shared | {k: self._told(v, k, rest, few) for k in self.taste}
            rate, other = both(rest[v])
            for c in np.flatnonzero(some[v]).tolist():
                one, zero = rate, other
                for k, (asked, ones) in enumerate(self._of_pattern(c)):
                    for _ in range(ones):
                        one, zero = one * told[k].hit, zero * told[k].alarm
                    for _ in range(asked - ones):
                        one, zero = one * told[k].miss, zero * told[k].rejected
                yield Seen(v, c, one, zero, rate, told)

    def _of_pattern(self, c: int) -> Iterator[tuple[int, int]]:
        """Verdicts of each evaluator, and how many of them are 1."""
        return zip(self.patterns.asked[c].tolist(), self.patterns.ones[c].tolist(), strict=True)

    def _told(self, v: int, k: int, rest: Sequence[Floats], few: Few) -> Told:
        """Shares of an evaluator for a variant."""
        alpha, beta = self.logits(k, rest, few)
        sd = np.asarray(self.sd.get(k, 0.0)) if few.sd is None else few.sd
        if k in self.taste:
            taste = sd * sum(self.contrast[v, n] * rest[self.taste[k] + n] for n in range(self.variants - 1))
            alpha, beta = alpha + taste, beta - taste
        return Told(*both(alpha), *both(beta), sd)

    def _tastes(self) -> range:
        """Where tastes stand among the rest."""
        return range(self.size - (self.variants - 1) * len(self.taste), self.size)

    def _shares(self) -> Iterator[tuple[int, Belief]]:
        """Where logits of shares stand among the rest, with what is believed of them."""
        yield from ((v, self.rate) for v in range(self.variants))
        for k, at in self.errors.items():
            yield from ((at + n, belief) for n, belief in enumerate(self.beliefs[k]))


def both(logit: Floats) -> tuple[Floats, Floats]:
    """A share with this logit, and what is left of it.

    Examples
    --------
    >>> [part.round(4).tolist() for part in both(np.array([-2.0, 0.0, np.inf]))]
    [[0.1192, 0.5, 1.0], [0.8808, 0.5, 0.0]]
    """
    less = np.exp(-np.clip(logit, -LARGEST, LARGEST))
    share = 1.0 / (1.0 + less)
    return share, less * share


def _contrasts(n: int) -> Floats:
    """(n, n - 1) orthonormal contrasts (Helmert), in which numbers less their mean are as many independent ones.

    Examples
    --------
    >>> _contrasts(2).round(3).tolist()
    [[0.707], [-0.707]]
    """
    found = np.triu(np.ones((n, n - 1))) - np.eye(n, n - 1, -1) * np.arange(1.0, n)
    return np.asarray(found / np.linalg.norm(found, axis=0))
