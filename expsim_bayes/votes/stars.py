"""Stars by people and judges as votes: which effects each hangs on, what these add, and quality in points."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit, logit

from expsim_bayes.fast.parameters import parameters
from expsim_bayes.fast.planned import design_of
from expsim_bayes.models._priors import Scale
from expsim_bayes.models._recover import ComponentDraws
from expsim_bayes.models._star_priors import Priors
from expsim_bayes.posterior.beliefs import beliefs
from expsim_bayes.votes.laws import STARS
from expsim_bayes.votes.modes import Rows, Scales
from expsim_bayes.votes.rows import in_places, numbered, packed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Panel
    from expsim_bayes.fast.parameters import Parameters
    from expsim_bayes.models._terms import Terms
    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate import Look, Plan
    from expsim_bayes.votes.modes import Modes

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

NOISE = np.pi / np.sqrt(3.0)
"""SD of the logistic noise of a single rating; logits."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
"""Gauss-Hermite points over which quality averages new items and raters."""
Q, RATER, SHIFT, TASTE, ITEM, CELL, WIDTH = range(7)
"""Codes of an evaluator's coefficients, and how many there are."""


class Stars(NamedTuple):
    """What never changes from look to look; K evaluators, J raters, V variants, scales of C + 1 steps, n effects."""

    present: Terms
    """Terms that the ratings can tell apart and that the scenario has."""
    unknown: Parameters
    """Components, of which some are estimated."""
    priors: Priors
    rater_evaluator: Ints
    """(J,)"""
    low: int
    """The lowest step, in points."""
    cuts: int
    """C; cuts of all evaluators stand before all other effects."""
    q: Ints
    """(V,) places of what variants add."""
    severity: Ints
    """(J,) places; -1 where absent, here and below."""
    shift: Ints
    """(K, V)"""
    taste: Ints
    """(J, V)"""
    size: int
    """n."""

    @classmethod
    def of(cls, scenario: Scenario, plans: tuple[Plan, ...], who: Panel) -> Stars:
        """From an experiment and who rates what at its looks."""
        low, high = (int(end) for end in scenario.score_range)
        priors = Priors() if scenario.sd_variant is None else Priors(sd_variant=scenario.sd_variant)
        present = _present(scenario, plans, who)
        of, variants = np.asarray(who.rater_evaluator), len(scenario.variants)
        each = np.ones(variants, dtype=bool)
        severe, tasting = (np.array(flags)[of] for flags in (present.severity, present.taste))
        has = (each, severe, np.outer(present.shift, each), np.outer(tasting, each))
        places, size = numbered(len(who.names) * (high - low), *has)
        split = plans[0].n_slots == 1
        unknown = parameters(present, priors, Scale(0.0, 1.0, ""), noise=False)
        if scenario.components == "given":
            unknown = unknown._replace(unknown=(), start=_declared(scenario, present, split=split))
        q, severity, shift, taste = places
        return cls(present, unknown, priors, of, low, high - low, q, severity, shift, taste, size)

    @property
    def kind(self) -> int:
        """Which votes these are."""
        return STARS

    @property
    def ends(self) -> tuple[float, float]:
        """Between what quality lies; points."""
        return float(self.low), float(self.low + self.cuts)

    def start(self) -> Floats:
        """(n,) where effects are sought first: all steps as likely, everything else in the middle."""
        found = np.zeros(self.size)
        plain = logit(np.arange(1, self.cuts + 1) / (self.cuts + 1))
        found[: len(self.present.shift) * self.cuts] = np.tile(
            np.r_[plain[0], np.log(np.expm1(np.diff(plain)))], len(self.present.shift)
        )
        return found

    def rows(self, plan: Plan, answered: Ints, rated: Look, active: Ints) -> Rows:
        """Votes of one look, (r or 1, N) variants and r of the replications."""
        vote = (rated.score[active] - self.low).astype(np.int8)
        k, j, cuts = plan.evaluator, plan.rater, self.cuts
        wide = np.broadcast_to
        shape = vote.shape
        upper = np.where(vote < cuts, k * cuts + vote, -1)
        lower = np.where(vote > 0, k * cuts + vote - 1, -1)
        both = len(self.present.shift) * WIDTH
        columns = (
            (self.q[answered], k * WIDTH + Q),
            (self.severity[j], k * WIDTH + RATER),
            (self.shift[k, answered], k * WIDTH + SHIFT),
            (self.taste[j, answered], k * WIDTH + TASTE),
            (upper, both),
            (lower, both + 1),
        )
        effect = np.stack([wide(places, shape) for places, _ in columns], axis=2)
        code = np.stack([wide(codes, shape) for _, codes in columns], axis=2)
        present = self.present
        per_item = present.item + (plan.n_slots if present.interaction else 0)
        none = np.full(k.size, -1)
        item = plan.item * per_item if present.item else none
        cell = plan.item * per_item + present.item + plan.output % plan.n_slots if present.interaction else none
        return packed(
            vote, effect, code, np.stack([item, cell], axis=1), np.stack([k * WIDTH + ITEM, k * WIDTH + CELL], axis=1),
            plan.item, plan.n_items, per_item,
        )  # fmt: skip

    def tables(self, sd: ComponentDraws) -> tuple[Scales, tuple[Floats, Floats]]:
        """Stretched scales and coefficients on both edges, from S sets of components; edges are cuts less the latent value."""
        use = sd.scale_use
        sets, evaluators = use.shape
        columns = {
            Q: use * self.priors.sd_variant,
            RATER: sd.sd_rater,
            SHIFT: np.repeat(sd.sd_shift[:, None], evaluators, axis=1),
            TASTE: sd.sd_taste,
            ITEM: use * sd.sd_item[:, None],
            CELL: use * sd.sd_interaction[:, None],
        }
        upper = np.zeros((sets, evaluators * WIDTH + 2))
        for code, values in columns.items():
            upper[:, code : evaluators * WIDTH : WIDTH] = -values
        lower = upper.copy()
        upper[:, -2] = lower[:, -1] = 1.0
        signal = use**2 * self._worth(sd)[:, None] + sd.sd_rater**2 + sd.sd_taste**2
        scales = Scales(self.cuts, evaluators, self.priors.shares, 0.0, np.sqrt(1.0 + signal / NOISE**2))
        return scales, (upper, lower)

    @staticmethod
    def _worth(sd: ComponentDraws) -> Floats:
        """(S,) variance of outputs of a variant."""
        return np.asarray(sd.sd_item**2 + sd.sd_interaction**2)

    def sizes(self, sd: ComponentDraws) -> Floats:
        """(S, n) what a unit of each effect stands for; one where that never changes."""
        found, of = np.ones((len(sd.sd_item), self.size)), self.rater_evaluator
        shift = sd.sd_shift[:, None, None] + np.zeros(self.shift.shape)
        taste = sd.sd_taste[:, of, None] + np.zeros(self.taste.shape)
        return in_places(found, (self.severity, sd.sd_rater[:, of]), (self.shift, shift), (self.taste, taste))

    def quality(self, found: Modes, sd: ComponentDraws) -> tuple[Floats, Floats]:
        """(S, V) logits of quality between its ends, and (S, V, n) their slopes along the effects."""
        k, cuts = self.present.reference, self.cuts
        stretch = self.tables(sd)[0].stretch[:, k]
        own = slice(k * cuts, (k + 1) * cuts)
        steps, turns = found.at[:, own].copy(), np.ones((len(stretch), cuts))
        turns[:, 1:] = expit(steps[:, 1:])
        steps[:, 1:] = np.logaddexp(0.0, steps[:, 1:])
        cut = stretch[:, None] * np.cumsum(steps, axis=1)
        use = sd.scale_use[:, k]
        spread = np.sqrt(use**2 * self._worth(sd) + sd.sd_rater[:, k] ** 2 + sd.sd_taste[:, k] ** 2)
        worth = (use * self.priors.sd_variant)[:, None]
        latent = worth * found.at[:, self.q]
        weight = WEIGHTS / WEIGHTS.sum()
        above = expit(latent[:, :, None, None] - cut[:, None, :, None] + spread[:, None, None, None] * NODES)
        share = (above @ weight).mean(axis=2)
        steep = ((above * (1.0 - above)) @ weight) / cuts  # (S, V, C)
        along = np.zeros((*share.shape, self.size))
        of_cut = np.cumsum(steep[:, :, ::-1], axis=2)[:, :, ::-1]
        along[:, :, own] = -of_cut * (stretch[:, None] * turns)[:, None]
        v = np.arange(self.q.size)
        along[:, v, self.q] = worth * steep.sum(axis=2)
        return logit(share), along / (share * (1.0 - share))[:, :, None]


def _present(scenario: Scenario, plans: tuple[Plan, ...], who: Panel) -> Terms:
    """Terms that stars can tell apart and that the scenario has, on the scale of whoever defines quality.

    Lasting opinions, and what sets generations of one variant on one item apart, are taken for noise.
    """
    found = design_of(plans, who, beliefs(scenario)).present
    use = list(found.scale_use)
    use[found.reference], use[who.reference] = use[who.reference], False
    return replace(found, reference=who.reference, scale_use=tuple(use), opinion=(False,) * len(use), output=False)


def _declared(scenario: Scenario, present: Terms, *, split: bool) -> ComponentDraws:
    """(1, ...) components that a scenario declares; with one output an item, what varies between outputs varies between items."""

    def of(name: str, has: tuple[bool, ...]) -> Floats:
        pairs = zip(scenario.evaluators, has, strict=True)
        return np.array([[getattr(evaluator, name) * flag for evaluator, flag in pairs]])

    nothing = np.zeros((1, len(scenario.evaluators)))
    cell = np.hypot(scenario.items.interaction_sd, max(v.output_sd for v in scenario.variants))
    item = scenario.items.sd if present.interaction else np.hypot(scenario.items.sd, cell * split)
    return ComponentDraws(
        sd_item=np.array([item * present.item]),
        sd_interaction=np.array([cell * present.interaction]),
        sd_output=np.zeros(1),
        sd_shift=of("shift_sd", present.shift).max(axis=1),
        sd_rater=of("severity_sd", present.severity),
        sd_taste=of("taste_sd", present.taste),
        sd_opinion=nothing,
        sd_noise=nothing,
        scale_use=np.array([[evaluator.scale_use for evaluator in scenario.evaluators]]),
    )
