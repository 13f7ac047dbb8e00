r"""Pretend comparisons, look after look: two outputs of one item side by side, one is better or neither is.

The story is that of `models.preference`. Rater :math:`r` of evaluator :math:`k` sees variants :math:`a` and :math:`b` on item :math:`i`,

.. math::

    \log \pi_a - \log \pi_b = \lambda_k \{(c q_a + g_{ia}) - (c q_b + g_{ib})\} + d_{ka} - d_{kb}, \qquad c^2 = 1 + 0.69 s_g^2,

and what stands on the left is favoured by :math:`\omega_r`. Davidson's ties: left, tie and right have weights
:math:`e^{\eta / 2}, \nu_k, e^{-\eta / 2}`, with :math:`\eta` the log weight of left over right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from expsim_bayes.evaluators import panel
from expsim_bayes.outcomes import EQUAL
from expsim_bayes.ratings.contract import SIDES
from expsim_bayes.simulate.scores import Look, draw_operations, draw_shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate.scores import Plan, Truth
    from expsim_bayes.simulate.streams import Streams

SHRINKS = 0.69
"""How the variance of a variant's fit to an item shrinks logits on a new item, as in `models.preference`."""
TIES = 0.16
"""Share of ties between equals unless told."""
ORDER_BELIEF, TIE_BELIEF = 0.7, (-1.0, 1.5)
"""Beliefs of `models.preference.Priors`: SD of order effects, mean and SD of log nu; logits."""
STEPS = np.linspace(-6.5, 6.5, 209)
"""Standard normal points of a trapezoid, good to 1e-6 up to an SD of 20 logits."""
WEIGHTS = np.exp(-0.5 * STEPS**2) / np.exp(-0.5 * STEPS**2).sum()
_FARTHEST, _HALVINGS = 512.0, 64
_NEWTON_STEPS, _LONGEST, _SMALL, _EXACT = 60, 4.0, 1e-4, 1e-13


class DuelWorld(NamedTuple):
    """What is true of each replication. K evaluators, V variants, J raters."""

    quality: NDArray[np.float64]
    """(replication, V) share of comparisons won against the control, or without one against the others, ties counted half."""
    q: NDArray[np.float64]
    """(replication, V) what each variant is worth to the reference on a new item, less the mean; logits."""
    order: NDArray[np.float64]
    """(replication, J) how far each rater favours what stands on the left; logits."""
    log_nu: NDArray[np.float64]
    """(replication, K) readiness for ties."""
    shift: NDArray[np.float64]
    """(replication, K, V) tastes of judges; logits."""


class Eyes(NamedTuple):
    """Who compares: everything but abilities that a share of comparisons won hangs on; logits."""

    sd_fit: ArrayLike
    """SD of the fit of one variant to an item."""
    order: ArrayLike
    """Mean over raters of the favour for the left."""
    sd_order: ArrayLike
    """Its SD."""
    log_nu: ArrayLike
    """Readiness for ties."""

    def beats(self, ability_difference: ArrayLike) -> NDArray[np.float64]:
        """`prob_beats` in these eyes."""
        return prob_beats(ability_difference, *self)


def prob_beats(
    ability_difference: ArrayLike, sd_fit: ArrayLike, order: ArrayLike, sd_order: ArrayLike, log_nu: ArrayLike
) -> NDArray[np.float64]:
    """Probability that one variant beats another on a new item in the eyes of a new rater, ties counted half, over both orders.

    Parameters
    ----------
    ability_difference : array_like
        Log odds that the one is ahead on an item that suits both alike, c (q_a - q_b); logits.
    sd_fit : array_like
        SD of the fit of one variant to an item, s_g; logits.
    order, sd_order : array_like
        Mean and SD over raters of the favour for the left; logits.
    log_nu : array_like
        Readiness for ties.

    Returns
    -------
    numpy.ndarray
        Of the shape to which the arguments broadcast; good to 1e-6 up to an SD of 20 logits.

    Examples
    --------
    >>> prob_beats([0.0, 1.0, -1.0], sd_fit=0.8, order=0.3, sd_order=0.2, log_nu=-1.0).round(4)
    array([0.5   , 0.6666, 0.3334])
    """
    ahead, fit, favour, spread, ties = np.broadcast_arrays(ability_difference, sd_fit, order, sd_order, log_nu)
    sd = np.sqrt(2.0 * np.square(fit) + np.square(spread))[..., None] * STEPS
    nu = np.exp(ties)[..., None]
    both = sum(_points((ahead + sign * favour)[..., None] + sd, nu) for sign in (-1.0, 1.0))
    return np.asarray((0.5 * both * WEIGHTS).sum(axis=-1))


def _points(eta: NDArray[np.float64], nu: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Probability of left plus half that of a tie, from the log weight of left over right."""
    decided = np.exp(-0.5 * np.abs(eta))  # of e^{|eta| / 2}, nu and e^{-|eta| / 2}, all times this
    return np.asarray(0.5 + 0.5 * np.sign(eta) * (1.0 - decided**2) / (1.0 + decided**2 + nu * decided))


def log_nu_of(evaluator: Evaluator) -> float:
    """Readiness for ties from the share of ties between equals, nu / (2 + nu).

    Examples
    --------
    >>> from expsim_bayes.evaluators import Evaluator
    >>> round(log_nu_of(Evaluator(name="judge", kind="llm", usd_per_rating=0.01, ties=0.5)), 3)
    0.693
    """
    ties = TIES if evaluator.ties is None else evaluator.ties
    return float(np.log(2.0 * ties / (1.0 - ties)))


def won_by_equals(evaluator: Evaluator, favour: float) -> float:
    """Share of comparisons with an equal that one wins whom an evaluator favours by some logits, ties counted half.

    Examples
    --------
    >>> from expsim_bayes.evaluators import Evaluator
    >>> judge = Evaluator(name="judge", kind="llm", usd_per_rating=0.01, order=0.9, ties=0.03)
    >>> round(won_by_equals(judge, judge.order), 2), won_by_equals(judge, 0.0)
    (0.71, 0.5)
    """
    return float(_points(np.array(favour), np.exp(log_nu_of(evaluator))))


def stretch(scenario: Scenario) -> float:
    """c: how much farther abilities on an average item lie apart than log odds on a new one; 1 for rankings, told of an average one."""
    if scenario.outcome == "ranking":
        return 1.0
    return float(np.sqrt(1.0 + SHRINKS * scenario.items.interaction_sd**2))


def draw_duel_world(scenario: Scenario, streams: Streams, *, truth: Truth = "declared") -> DuelWorld:
    """What is true of each replication, with a preference as outcome.

    Parameters
    ----------
    scenario, streams
        As in `draw_world`.
    truth : {"declared", "prior"}
        Abilities that give the declared qualities, and order effects, ties and tastes as declared; or all drawn from what is believed,
        as `models.preference` has it.

    Notes
    -----
    Quality is in the eyes of the reference, whose tastes for variants do not count. Where judges rate alone for people who are declared,
    the verdicts are those that the judges would give beside people; declared qualities stay those of people, abilities are in logits of the
    judge that is then the reference, and qualities that are drawn are in its eyes.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> from expsim_bayes.simulate import Streams
    >>> world = draw_duel_world(load("new-summariser"), Streams(1, 0, 3))
    >>> world.quality.shape, world.order.shape
    ((3, 3), (3, 9))
    """
    evaluators, n_variants = scenario.evaluators, len(scenario.variants)
    replications = streams.stop - streams.start
    who = panel(evaluators)
    order_sd = np.array([e.order_sd for e in evaluators])
    if truth == "declared":
        order = np.broadcast_to([e.order for e in evaluators], (replications, len(evaluators)))
        log_nu = np.broadcast_to([log_nu_of(e) for e in evaluators], order.shape)
        quality = np.broadcast_to([v.quality for v in scenario.variants], (replications, n_variants))
        q = np.broadcast_to(declared_abilities(scenario) / stretch(scenario), quality.shape)
    else:
        order = ORDER_BELIEF * _of_each(scenario, "order", streams)
        log_nu = TIE_BELIEF[0] + TIE_BELIEF[1] * _of_each(scenario, "ties", streams)
        q = scenario.sd_variant_belief * streams.normals("quality", 0, (n_variants,))
        q = q - q.mean(axis=1, keepdims=True)
        k = who.reference
        eyes = Eyes(scenario.items.interaction_sd, order[:, [k]], evaluators[k].order_sd, log_nu[:, [k]])
        quality = qualities(stretch(scenario) * q, eyes, scenario.control_index)
    own = [streams.normals(f"order of the raters of {e.name}", 0, (e.raters,)) for e in evaluators]
    return DuelWorld(
        quality=quality,
        q=q,
        order=order[:, who.rater_evaluator] + order_sd[who.rater_evaluator] * np.concatenate(own, axis=1),
        log_nu=log_nu,
        shift=np.stack([draw_shift(e, scenario.variant_names, streams, truth) for e in evaluators], axis=1),
    )


def draw_duels(
    scenario: Scenario,
    layout_of_look: Plan,
    world: DuelWorld,
    variant: NDArray[np.intp],
    streams: Streams,
    *,
    look: int,
) -> Look:
    """Comparisons of one look: 1, .5 or 0 where left, tie or right is told, with the sides, drawn anew for each.

    Parameters
    ----------
    scenario, layout_of_look, variant, streams, look
        As in `draw_look`.
    world : DuelWorld
        What is true.
    """
    every = np.broadcast_to(variant, (len(world.q), *variant.shape[1:]))
    fits = streams.normals("cells", look, (layout_of_look.n_items, world.q.shape[1]))
    ahead = _ahead(scenario, layout_of_look, world, every, scenario.items.interaction_sd * fits)
    swapped, chance = np.empty(ahead.shape, dtype=bool), np.empty(ahead.shape)
    for k, evaluator in enumerate(scenario.evaluators):
        mine = np.flatnonzero(layout_of_look.evaluator == k)
        swapped[:, mine] = streams.uniforms(f"sides of {evaluator.name}", look, (mine.size,)) < 0.5
        chance[:, mine] = streams.uniforms(f"verdicts of {evaluator.name}", look, (mine.size,))
    eta = np.where(swapped, -ahead, ahead) + world.order[:, layout_of_look.rater]
    log_nu = world.log_nu[:, layout_of_look.evaluator]
    largest = np.maximum(0.5 * np.abs(eta), log_nu)
    left, tie, right = (np.exp(part - largest) for part in (0.5 * eta, log_nu, -0.5 * eta))
    chance *= left + tie + right
    score = np.where(chance < left, 1.0, np.where(chance < left + tie, 0.5, 0.0))
    used = draw_operations(scenario, variant, streams, look)._asdict()
    return Look(score=score, n_clipped=np.zeros(len(score), dtype=np.intp), swapped=swapped, **used)


def _ahead(
    scenario: Scenario,
    layout_of_look: Plan,
    world: DuelWorld,
    variant: NDArray[np.intp],
    fits: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(replication, rating) log weight of the output of slot 0 over that of slot 1, sides left out; `fits` of variants to items."""
    item, who = layout_of_look.item, layout_of_look.evaluator
    worth = np.take_along_axis((stretch(scenario) * world.q)[:, None, :] + fits, variant, axis=2)
    scale_use = np.array([e.scale_use for e in scenario.evaluators])
    ahead = scale_use[who] * (worth[:, item, 0] - worth[:, item, 1])
    if world.shift.any():
        each = np.arange(len(world.q))[:, None]
        ahead += world.shift[each, who, variant[:, item, 0]] - world.shift[each, who, variant[:, item, 1]]
    return np.asarray(ahead)


def comparisons_of(
    scenario: Scenario, looks: Sequence[tuple[Plan, NDArray[np.intp], Look]], *, replication: int = 0
) -> Ratings:
    """The comparisons of one replication as the long table that models take.

    Parameters
    ----------
    scenario : Scenario
        The experiment.
    looks : sequence of (Plan, variants, Look)
        What was planned, assigned and told, look by look.
    replication : int
        Position of the replication in the arrays.
    """
    names = np.array(scenario.variant_names)
    parts = []
    for layout_of_look, variant, told in looks:
        assert told.swapped is not None  # comparisons have sides
        answered = variant[min(replication, variant.shape[0] - 1)]
        shown, swapped = answered[layout_of_look.item], told.swapped[replication].astype(np.intp)
        rows = np.arange(swapped.size)
        sides = {"variant_left": names[shown[rows, swapped]], "variant_right": names[shown[rows, 1 - swapped]]}
        outcome = np.array(SIDES)[np.rint(2.0 - 2.0 * told.score[replication]).astype(np.intp)]
        parts.append((layout_of_look, rows, sides, {"outcome": outcome}))
    return side_by_side(scenario, parts)


def side_by_side(
    scenario: Scenario,
    looks: Sequence[tuple[Plan, NDArray[np.intp], dict[str, NDArray[Any]], dict[str, NDArray[Any]]]],
) -> Ratings:
    """Outputs of an item that were rated together as the long table that models take.

    Parameters
    ----------
    scenario : Scenario
        The experiment.
    looks : sequence of (Plan, rows, dict, dict)
        Of each look what was planned, the planned rating that each row belongs to, and columns that stand before and after who rated.
    """
    import pandas as pd

    from expsim_bayes.ratings import validate

    who = panel(scenario.evaluators)
    width = len(str(sum(layout_of_look.n_items for layout_of_look, *_ in looks)))
    parts = []
    for number, (layout_of_look, rows, before, after) in enumerate(looks, start=1):
        evaluator = layout_of_look.evaluator[rows]
        item = {"item": [f"item {layout_of_look.first_item + i + 1:0{width}d}" for i in layout_of_look.item[rows]]}
        rated = {
            "rater": np.array(who.raters)[layout_of_look.rater[rows]],
            "evaluator": np.array(who.names)[evaluator],
            "kind": np.array(who.kinds)[evaluator],
            "repeat": layout_of_look.turn[rows] + 1,
        }
        parts.append(pd.DataFrame({"look": number} | item | before | rated | after))
    return validate(
        pd.concat(parts, ignore_index=True),
        source=f"{scenario.name} (simulated)",
        control=scenario.control,
        reference=who.names[who.reference] if who.kinds[who.reference] == "human" else None,
        variants=scenario.variant_names,
    )


def _of_each(scenario: Scenario, what: str, streams: Streams) -> NDArray[np.float64]:
    """(replication, evaluator) standard normal numbers."""
    return np.concatenate([streams.normals(f"{what} of {e.name}", 0, (1,)) for e in scenario.evaluators], axis=1)


def eyes_of(evaluator: Evaluator, sd_fit: float) -> Eyes:
    """The eyes of one evaluator, as declared, where variants fit items with an SD."""
    return Eyes(sd_fit, evaluator.order, evaluator.order_sd, log_nu_of(evaluator))


def qualities(ability: NDArray[np.float64], eyes: Eyes, control: int | None) -> NDArray[np.float64]:
    """(replication, variant) share of comparisons won against the control, or without one against the others.

    Parameters
    ----------
    ability : numpy.ndarray
        (replication, variant) c q; logits.
    eyes : Eyes
        Who compares; with an axis more than `ability` has, where replications differ.
    control : int or None
        Position of the control.
    """
    n = ability.shape[1]
    if control is not None:
        found = eyes.beats(ability - ability[:, [control]])
        found[:, control] = EQUAL
        return found
    first, second = np.triu_indices(n, 1)
    beats = np.zeros((len(ability), n, n))
    beats[:, first, second] = eyes.beats(ability[:, first] - ability[:, second])
    beats[:, second, first] = 1.0 - beats[:, first, second]
    return np.asarray(beats.sum(axis=2) / (n - 1))


def declared_abilities(scenario: Scenario) -> NDArray[np.float64]:
    """(variant,) c q, less the mean, that give the declared qualities to 1e-9; logits of the reference of those who rate.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> declared_abilities(load("new-summariser")).round(2)
    array([-0.33,  0.5 , -0.17])
    """
    reference = scenario.defines_quality
    eyes = eyes_of(reference, reference.scale_use * scenario.items.interaction_sd)
    quality = np.array([v.quality for v in scenario.variants])
    return abilities(quality, eyes, scenario.control_index) / reference.scale_use


def abilities(quality: NDArray[np.float64], eyes: Eyes, control: int | None) -> NDArray[np.float64]:
    """(variant,) c q, less the mean, with which variants win these shares in someone's eyes; logits."""
    found = _against_others(quality, eyes) if control is None else _against_control(quality, eyes)
    return np.asarray(found - found.mean())


def _against_control(quality: NDArray[np.float64], eyes: Eyes) -> NDArray[np.float64]:
    """(variant,) how far each is ahead of the control, by halving."""
    low, high = np.full(quality.size, -_FARTHEST), np.full(quality.size, _FARTHEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        too_low = eyes.beats(middle) < quality
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return np.where(quality == EQUAL, 0.0, (low + high) / 2.0)


def _against_others(quality: NDArray[np.float64], eyes: Eyes) -> NDArray[np.float64]:
    """(variant,) abilities by Newton's method; shares won are the gradient of a convex function, so a step that is short enough helps."""
    found = np.zeros(quality.size)
    off = quality - qualities(found[None], eyes, None)[0]
    for _ in range(_NEWTON_STEPS):
        if np.abs(off).max() < _EXACT:
            break
        apart = found[:, None] - found
        slope = (eyes.beats(apart + _SMALL) - eyes.beats(apart - _SMALL)) / (2.0 * _SMALL * (quality.size - 1))
        step = np.linalg.lstsq(np.diag(slope.sum(axis=1)) - slope, off, rcond=1e-12)[0]
        step *= min(1.0, _LONGEST / np.abs(step).max())
        left = quality - qualities((found + step)[None], eyes, None)[0]
        while np.linalg.norm(left) >= np.linalg.norm(off) and np.abs(step).max() > _EXACT:
            step /= 2.0
            left = quality - qualities((found + step)[None], eyes, None)[0]
        found, off = found + step, left
    return found
