"""Preferences of people and judges as votes: which effects each hangs on, what these add, and quality as a share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import logit

from expsim_bayes.models._duel_priors import Priors
from expsim_bayes.models._recover import ComponentDraws
from expsim_bayes.models._star_priors import Priors as Spreads
from expsim_bayes.models._terms import Terms
from expsim_bayes.simulate.duels import SHRINKS
from expsim_bayes.votes.laws import DUELS
from expsim_bayes.votes.modes import Rows, Scales
from expsim_bayes.votes.rows import in_places, numbered, packed
from expsim_bayes.votes.side_by_side import components_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Panel
    from expsim_bayes.fast.parameters import Parameters
    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate import Look, Plan
    from expsim_bayes.votes.modes import Modes

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

STEPS = np.linspace(-5.0, 5.0, 41)
"""Standard normal points of a trapezoid over new items and their raters' favour of a side."""
WEIGHTS = np.exp(-0.5 * STEPS**2) / np.exp(-0.5 * STEPS**2).sum()
MIN_REPLICATES, MIN_SHARED, MIN_A_RATER = 3, 3, 5.0
"""As in the model: comparisons beyond one an item, items compared by two evaluators, and comparisons a rater, for terms to be told."""
Q, ORDER, RATER, SHIFT, TIE, ITEM, WIDTH = 0, 2, 4, 6, 8, 9, 10
"""Codes of an evaluator's coefficients; but for the last two, the next code is the same with the other sign."""


class Duels(NamedTuple):
    """What never changes from look to look; K evaluators, J raters, V variants, n effects."""

    present: Terms
    """Terms that comparisons can tell apart and that the scenario has; severity is how raters differ in favouring a side."""
    unknown: Parameters
    """Components, of which some are estimated; `sd_rater` is that of favouring a side."""
    priors: Priors
    rater_evaluator: Ints
    """(J,)"""
    control: int
    """Variant that the others are compared with; -1 where there is none."""
    tie: Ints
    """(K,) places of the readiness for ties."""
    order: Ints
    """(K,) and of how much an evaluator favours the left."""
    q: Ints
    """(V,)"""
    rater: Ints
    """(J,) -1 where absent, here and below."""
    shift: Ints
    """(K, V)"""
    size: int
    """n."""

    @classmethod
    def of(cls, scenario: Scenario, plans: tuple[Plan, ...], who: Panel) -> Duels:
        """From an experiment and who compares what at its looks."""
        priors = Priors() if scenario.sd_variant is None else Priors(sd_variant=scenario.sd_variant)
        present = _present(scenario, plans, who)
        evaluators, variants = np.ones(len(who.names), dtype=bool), np.ones(len(scenario.variants), dtype=bool)
        differ = np.array(present.severity)[np.asarray(who.rater_evaluator)]
        places, size = numbered(0, evaluators, evaluators, variants, differ, np.outer(present.shift, variants))
        spreads = Spreads(
            sd_interaction=priors.sd_interaction,
            sd_shift=priors.sd_shift,
            sd_rater=priors.sd_order,
            log_scale_use_sd=priors.log_scale_use_sd,
        )
        unknown = components_of(scenario, present, spreads)
        control = -1 if scenario.control_index is None else scenario.control_index
        tie, order, q, rater, shift = places
        of = np.asarray(who.rater_evaluator)
        return cls(present, unknown, priors, of, control, tie, order, q, rater, shift, size)

    @property
    def kind(self) -> int:
        """Which votes these are."""
        return DUELS

    @property
    def ends(self) -> tuple[float, float]:
        """Between what quality lies; a share."""
        return 0.0, 1.0

    def start(self) -> Floats:
        """(n,) where effects are sought first."""
        return np.zeros(self.size)

    def rows(self, plan: Plan, answered: Ints, rated: Look, active: Ints) -> Rows:
        """Votes of one look, (r or 1, 2 N) variants of both slots of each comparison and r of the replications."""
        assert rated.swapped is not None
        swapped = rated.swapped[active]
        told = np.where(swapped, 1.0 - rated.score[active], rated.score[active])
        vote = np.rint(2.0 * (1.0 - told)).astype(np.int8)
        k, j = plan.evaluator, plan.rater
        first, second = answered[:, : k.size], answered[:, k.size :]
        base = k * WIDTH
        columns = (
            (self.q[first], base + Q),
            (self.q[second], base + Q + 1),
            (self.order[k], base + ORDER + swapped),
            (self.rater[j], base + RATER + swapped),
            (self.shift[k, first], base + SHIFT),
            (self.shift[k, second], base + SHIFT + 1),
            (self.tie[k], base + TIE),
        )
        effect = np.stack([np.broadcast_to(places, (len(answered), k.size)) for places, _ in columns], axis=2)
        code = np.stack([np.broadcast_to(codes, vote.shape) for _, codes in columns], axis=2)
        none = np.full(k.size, -1)
        own = plan.item if self.present.interaction else none
        per_item = int(self.present.interaction)
        own_code = np.stack([base + ITEM, base + ITEM], axis=1)
        return packed(vote, effect, code, np.stack([own, none], axis=1), own_code, plan.item, plan.n_items, per_item)

    def stretch(self, sd: ComponentDraws) -> Floats:
        """(S,) logits on an average item that a logit on a new item stands for."""
        return np.sqrt(1.0 + SHRINKS * sd.sd_interaction**2)

    def tables(self, sd: ComponentDraws) -> tuple[Scales, tuple[Floats, Floats]]:
        """No scales, and coefficients on how far the first is ahead and on the log weight of a tie, from S sets of components."""
        use, priors = sd.scale_use, self.priors
        sets, evaluators = use.shape
        every = np.ones((sets, evaluators))
        columns = {
            Q: use * priors.sd_variant * self.stretch(sd)[:, None],
            ORDER: every * priors.order,
            RATER: sd.sd_rater,
            SHIFT: every * sd.sd_shift[:, None],
        }
        ahead, tie = np.zeros((sets, evaluators * WIDTH)), np.zeros((sets, evaluators * WIDTH))
        for code, values in columns.items():
            ahead[:, code::WIDTH], ahead[:, code + 1 :: WIDTH] = values, -values
        ahead[:, ITEM::WIDTH] = np.sqrt(2.0) * use * sd.sd_interaction[:, None]
        tie[:, TIE::WIDTH] = priors.tie_sd
        return Scales(0, evaluators, 1.0, priors.tie_mean, every), (ahead, tie)

    def sizes(self, sd: ComponentDraws) -> Floats:
        """(S, n) what a unit of each effect stands for; one where that never changes."""
        found = np.ones((len(sd.sd_item), self.size))
        found[:, self.q] = self.stretch(sd)[:, None]
        shift = sd.sd_shift[:, None, None] + np.zeros(self.shift.shape)
        return in_places(found, (self.rater, sd.sd_rater[:, self.rater_evaluator]), (self.shift, shift))

    def quality(self, found: Modes, sd: ComponentDraws) -> tuple[Floats, Floats]:
        """(S, V) logits of quality between its ends, and (S, V, n) their slopes along the effects."""
        k, priors, at = self.present.reference, self.priors, found.at
        scale = priors.sd_variant * self.stretch(sd)
        theta = scale[:, None] * at[:, self.q]
        order, log_nu = priors.order * at[:, self.order[k]], priors.tie_mean + priors.tie_sd * at[:, self.tie[k]]
        spread = np.sqrt(2.0 * sd.sd_interaction**2 + sd.sd_rater[:, k] ** 2)
        won = shares_won(theta, self.control, spread, order, log_nu)
        along = np.zeros((*theta.shape, self.size))
        along[:, :, self.q] = won.ahead * scale[:, None, None]
        along[:, :, self.order[k]] = won.order * priors.order
        along[:, :, self.tie[k]] = won.tie * priors.tie_sd
        return logit(won.share), along / (won.share * (1.0 - won.share))[:, :, None]


class Won(NamedTuple):
    """Shares of comparisons that variants win, and their slopes."""

    share: Floats
    """(S, V)"""
    ahead: Floats
    """(S, V, V) along the abilities of all."""
    order: Floats
    """(S, V) along the favour for the left."""
    tie: Floats
    """(S, V) along the readiness for ties."""


def shares_won(theta: Floats, control: int, spread: Floats, order: Floats, log_nu: Floats) -> Won:
    """Shares of comparisons won against the control, or without one (-1) against the others, on new items by new raters; a tie is half.

    Parameters
    ----------
    theta : (S, V) array
        Abilities; logits.
    control : int
        Position of the control.
    spread : (S,) array
        SD of how far one is ahead of another; logits.
    order, log_nu : (S,) arrays
        Favour for the left, and readiness for ties; minus infinity where there are none.
    """
    variants = theta.shape[1]
    v = np.arange(variants)
    opponents = [control] if control >= 0 else v.tolist()
    share, tilt, tie = (np.zeros(theta.shape) for _ in range(3))
    along = np.zeros((*theta.shape, variants))
    for w in opponents:
        beats = _beats(theta - theta[:, [w]], spread, order, log_nu)
        weight = np.where(v == w, float(control >= 0), 1.0 if control >= 0 else 1.0 / max(1, variants - 1))
        share += weight * beats.share
        own = weight * (v != w)
        along[:, v, v] += own * beats.ahead
        along[:, :, w] -= own * beats.ahead
        tilt += own * beats.order
        tie += own * beats.tie
    return Won(share, along, tilt, tie)


class _Beats(NamedTuple):
    """How often one beats another, and its slopes."""

    share: Floats
    ahead: Floats
    order: Floats
    tie: Floats


def _beats(ahead: Floats, spread: Floats, order: Floats, log_nu: Floats) -> _Beats:
    """(S, V) probabilities that one is better plus half that neither is, over both orders, new items and new raters."""
    nu = np.exp(log_nu)[:, None, None]
    share, along, along_order, tie = (np.zeros(ahead.shape) for _ in range(4))
    for sign in (1.0, -1.0):
        half = 0.5 * (ahead[:, :, None] + sign * order[:, None, None] + spread[:, None, None] * STEPS)
        first, second = np.exp(half), np.exp(-half)
        total = first + second + nu
        lead = (first - second) / total
        share += 0.5 * ((0.5 + 0.5 * lead) @ WEIGHTS)
        slope = 0.25 * ((first + second) / total - lead**2)
        along += 0.5 * (slope @ WEIGHTS)
        along_order += 0.5 * sign * (slope @ WEIGHTS)
        tie += 0.5 * ((-0.5 * lead * nu / total) @ WEIGHTS)
    return _Beats(share, along, along_order, tie)


def _present(scenario: Scenario, plans: tuple[Plan, ...], who: Panel) -> Terms:
    """Terms that comparisons can tell apart and that a scenario has."""
    each, evaluators = scenario.evaluators, range(len(who.names))
    evaluator = np.concatenate([plan.evaluator for plan in plans])
    item = np.concatenate([plan.item + plan.first_item for plan in plans])
    items = [np.unique(item[evaluator == k]) for k in evaluators]
    count = np.bincount(evaluator, minlength=len(who.names))
    reference = who.reference
    shared = [np.intersect1d(own, items[reference]).size >= MIN_SHARED for own in items]
    nothing = (False,) * len(who.names)
    return Terms(
        reference=reference,
        item=False,
        interaction=scenario.items.interaction_sd > 0 and item.size - np.unique(item).size >= MIN_REPLICATES,
        output=False,
        shift=tuple(who.kinds[k] != "human" and each[k].shift_sd > 0 for k in evaluators),
        severity=tuple(
            bool(each[k].order_sd > 0 and who.pool_size[k] > 1 and count[k] >= MIN_A_RATER * who.pool_size[k])
            for k in evaluators
        ),
        taste=nothing,
        opinion=nothing,
        scale_use=tuple(k != reference and shared[k] for k in evaluators),
        sentences=(),
    )
