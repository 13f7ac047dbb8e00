"""Rankings of people and judges as votes: which effects each place hangs on, what these add, and quality as a share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import logit

from expsim_bayes.models._podium import MIN_RANKINGS_A_TASTE, MIN_REPLICATES
from expsim_bayes.models._podium_priors import Priors
from expsim_bayes.models._recover import ComponentDraws
from expsim_bayes.models._star_priors import Priors as Spreads
from expsim_bayes.models._terms import Terms
from expsim_bayes.votes.duels import shares_won
from expsim_bayes.votes.laws import RANKINGS
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

Q, SHIFT, TASTE, ITEM, WIDTH = range(5)
"""Codes of an evaluator's coefficients."""
STEEPEST = 4.0
"""Logits that one SD of what suits an item moves a rater, at most. Of who is moved more, all is scaled down to that, for points over what
suits an item are too few there: its noise is then taken as a third of that SD, so that it says a tenth less of a variant than it does."""


class Rankings(NamedTuple):
    """What never changes from look to look; K evaluators, J raters, V variants, n effects."""

    present: Terms
    """Terms that rankings can tell apart and that the scenario has."""
    unknown: Parameters
    """Components, of which some are estimated."""
    sd_variant: float
    """SD of what variants add; logits."""
    rater_evaluator: Ints
    """(J,)"""
    control: int
    """Variant that the others are compared with; -1 where there is none."""
    q: Ints
    """(V,) places of what variants are worth."""
    shift: Ints
    """(K, V) -1 where absent, here and below."""
    taste: Ints
    """(J, V)"""
    size: int
    """n."""

    @classmethod
    def of(cls, scenario: Scenario, plans: tuple[Plan, ...], who: Panel) -> Rankings:
        """From an experiment and who ranks what at its looks."""
        priors, present, of = Priors(), _present(scenario, plans, who), np.asarray(who.rater_evaluator)
        every = np.ones(len(scenario.variants), dtype=bool)
        (q, shift, taste), size = numbered(
            0, every, np.outer(present.shift, every), np.outer(np.array(present.taste)[of], every)
        )
        spreads = Spreads(
            sd_interaction=priors.sd_interaction,
            sd_shift=priors.sd_shift,
            sd_taste=priors.sd_taste,
            log_scale_use_sd=priors.log_scale_use_sd,
        )
        unknown = components_of(scenario, present, spreads)
        control = -1 if scenario.control_index is None else scenario.control_index
        return cls(present, unknown, scenario.sd_variant_belief, of, control, q, shift, taste, size)

    @property
    def kind(self) -> int:
        """Which votes these are."""
        return RANKINGS

    @property
    def ends(self) -> tuple[float, float]:
        """Between what quality lies; a share."""
        return 0.0, 1.0

    def start(self) -> Floats:
        """(n,) where effects are sought first."""
        return np.zeros(self.size)

    def rows(self, plan: Plan, answered: Ints, rated: Look, active: Ints) -> Rows:
        """Places of one look, a row each, from (r or 1, M N) variants of the M slots of each ranking and r of the replications.

        The first row of a ranking has a negative place, -1 for the first and so on.
        """
        slots = plan.n_slots
        each, slot = np.divmod(np.arange(plan.item.size * slots), slots)
        vote = np.rint(rated.score[active]).astype(np.int8) - np.int8(1)
        vote[:, ::slots] = -1 - vote[:, ::slots]
        variant = answered.reshape(len(answered), slots, -1)[:, slot, each]
        k, j, item = plan.evaluator[each], plan.rater[each], plan.item[each]
        columns = ((self.q[variant], Q), (self.shift[k, variant], SHIFT), (self.taste[j, variant], TASTE))
        effect = np.stack([places for places, _ in columns], axis=2)
        code = np.stack([np.broadcast_to(k * WIDTH + code, variant.shape) for _, code in columns], axis=2)
        none = np.full(k.size, -1)
        own = item * slots + slot if self.present.interaction else none
        own_code = np.stack([k * WIDTH + ITEM] * 2, axis=1)
        per_item = slots * self.present.interaction
        return packed(vote, effect, code, np.stack([own, none], axis=1), own_code, item, plan.n_items, per_item)

    def tables(self, sd: ComponentDraws) -> tuple[Scales, tuple[Floats, Floats]]:
        """No scales, and coefficients on the logit of a place, from S sets of components."""
        use = sd.scale_use
        sets, evaluators = use.shape
        worth = np.zeros((sets, evaluators * WIDTH))
        moved = use * sd.sd_interaction[:, None]
        scaled = STEEPEST / np.maximum(moved, STEEPEST)
        worth[:, Q::WIDTH] = scaled * use * self.sd_variant
        worth[:, SHIFT::WIDTH] = scaled * sd.sd_shift[:, None]
        worth[:, TASTE::WIDTH] = scaled * sd.sd_taste
        worth[:, ITEM::WIDTH] = scaled * moved
        return Scales(0, evaluators, 1.0, 0.0, np.ones((sets, evaluators))), (worth, worth)

    def sizes(self, sd: ComponentDraws) -> Floats:
        """(S, n) what a unit of each effect stands for; one where that never changes."""
        shift = sd.sd_shift[:, None, None] + np.zeros(self.shift.shape)
        taste = sd.sd_taste[:, self.rater_evaluator, None] + np.zeros(self.taste.shape)
        return in_places(np.ones((len(sd.sd_item), self.size)), (self.shift, shift), (self.taste, taste))

    def quality(self, found: Modes, sd: ComponentDraws) -> tuple[Floats, Floats]:
        """(S, V) logits of quality between its ends, and (S, V, n) their slopes along the effects."""
        theta = self.sd_variant * found.at[:, self.q]
        spread = np.sqrt(2.0 * (sd.sd_interaction**2 + sd.sd_taste[:, self.present.reference] ** 2))
        nothing = np.zeros(len(theta))
        won = shares_won(theta, self.control, spread, nothing, nothing - np.inf)
        along = np.zeros((*theta.shape, self.size))
        along[:, :, self.q] = self.sd_variant * won.ahead
        return logit(won.share), along / (won.share * (1.0 - won.share))[:, :, None]


def _present(scenario: Scenario, plans: tuple[Plan, ...], who: Panel) -> Terms:
    """Terms that rankings can tell apart and that a scenario has, as `models.ranking` has them."""
    each, evaluators = scenario.evaluators, range(len(who.names))
    evaluator = np.concatenate([plan.evaluator for plan in plans])
    item = np.concatenate([plan.item + plan.first_item for plan in plans])
    items = [np.unique(item[evaluator == k]) for k in evaluators]
    count, reference, nothing = np.bincount(evaluator, minlength=len(who.names)), who.reference, (False,) * len(each)
    return Terms(
        reference=reference,
        item=False,
        interaction=scenario.items.interaction_sd > 0 and item.size - np.unique(item).size >= MIN_REPLICATES,
        output=False,
        shift=tuple(who.kinds[k] != "human" and each[k].shift_sd > 0 for k in evaluators),
        severity=nothing,
        taste=tuple(
            bool(e.taste_sd > 0 and who.pool_size[k] > 1 and count[k] >= MIN_RANKINGS_A_TASTE * who.pool_size[k])
            for k, e in enumerate(each)
        ),
        opinion=nothing,
        scale_use=tuple(
            k != reference and np.intersect1d(items[k], items[reference]).size >= MIN_REPLICATES for k in evaluators
        ),
        sentences=(),
    )
