r"""Pretend experiments with stars: everyone who rates gives one of a few steps of a scale, by the story of `models.ordinal`.

A rating exceeds as many cutpoints of its evaluator as lie below its latent value with logistic noise on it:

.. math::

    P(y \le c) = \operatorname{logit}^{-1}(\kappa_{kc} - \eta), \qquad
    \eta = \lambda_k (q_v + u_i + g_{iv}) + b_r + d_{kv} + t_{rv} + a_{ro}

with one generation of a variant on an item, so that what suits the item and what this generation adds are one effect. Quality is the score
that the reference is expected to give a variant on new items by new raters, in points; everything else is in logits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit, logit

from expsim_bayes.evaluators import panel
from expsim_bayes.simulate.counts import taste_in_share
from expsim_bayes.simulate.scores import (
    Look,
    World,
    draw_operations,
    draw_personal,
    opinions,
    without_noise,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate.scores import Plan, Truth
    from expsim_bayes.simulate.streams import Streams

    Floats = NDArray[np.float64]

_REACH, _COARSEST, _FINE_FROM = 7.5, 0.5, 1.4
"""A normal law is averaged over this many SDs either way, in steps of half an SD, and finer ones where an SD is above 1.4 logits: good to
1e-12 (the error of evenly spaced points falls with exp(-2 pi^2 / (step x SD)) for a logistic function)."""
_HALVINGS = 70


class StarWorld(NamedTuple):
    """What is true of each replication. K evaluators, V variants, J raters, C steps."""

    quality: Floats
    """(replication, V) in points: what the reference is expected to give on new items by new raters."""
    q: Floats
    """(replication, V) what each variant adds, in logits."""
    cutpoint: Floats
    """(replication, K, C - 1) where each evaluator cuts the latent scale into steps, ascending, in logits."""
    severity: Floats
    """(replication, J) in logits"""
    shift: Floats
    """(replication, K, V) in logits"""
    taste: Floats
    """(replication, J, V) in logits"""


def expected_score(q: Floats, cutpoint: Floats, sd: Floats, *, lowest: float) -> Floats:
    """(..., V) mean score of variants by an evaluator, in points.

    Parameters
    ----------
    q : numpy.ndarray
        (..., V) mean latent value of each variant's ratings, in logits: lambda q, which is q for a reference.
    cutpoint : numpy.ndarray
        (..., C - 1) cutpoints of the evaluator, in logits.
    sd : numpy.ndarray
        (...,) SD of the latent value between new items, outputs and raters, in logits; normal.
    lowest : float
        The lowest step of the scale, in points.

    Examples
    --------
    >>> expected_score(np.array([-1.0, 0.0, 1.0]), np.array([-1.0, 1.0]), np.array(0.5), lowest=1.0).round(3)
    array([1.629, 2.   , 2.371])
    """
    return lowest + _averaged(expit, q, cutpoint, sd)


def slope(q: Floats, cutpoint: Floats, sd: Floats) -> Floats:
    """(..., V) points that a logit adds to the mean score of each variant; parameters as in `expected_score`.

    Examples
    --------
    >>> slope(np.array([0.0, 3.0]), np.array([0.0]), np.array(0.0)).round(3)
    array([0.25 , 0.045])
    """
    return _averaged(lambda x: expit(x) * expit(-x), q, cutpoint, sd)


def _averaged(of_cut: Callable[[Floats], Floats], q: Floats, cutpoint: Floats, sd: Floats) -> Floats:
    """(..., V) a function of how far the latent value lies above a cutpoint, summed over cutpoints, averaged over a normal law."""
    step = _COARSEST / max(1.0, float(np.max(sd)) / _FINE_FROM)
    reach = int(np.ceil(_REACH / step))
    node = step * np.arange(-reach, reach + 1)
    weight = np.exp(-0.5 * node**2)
    latent = np.asarray(q)[..., None] + np.asarray(sd)[..., None, None] * node
    found: Floats = of_cut(latent[..., None] - np.asarray(cutpoint)[..., None, None, :]).sum(axis=-1)
    averaged: Floats = found @ (weight / weight.sum())
    return averaged


def latent_of(quality: Floats, cutpoint: Floats, sd: Floats, *, lowest: float) -> Floats:
    """(..., V) mean latent values with which variants score so on average: the inverse of `expected_score`.

    Examples
    --------
    >>> cutpoint, sd = np.array([-1.0, 1.0]), np.array(0.5)
    >>> expected_score(latent_of(np.array([1.2, 2.0]), cutpoint, sd, lowest=1.0), cutpoint, sd, lowest=1.0).round(9)
    array([1.2, 2. ])
    """
    reach = 15.0 + 10.0 * np.asarray(sd)[..., None]
    shape = np.broadcast_shapes(np.shape(quality), reach.shape)
    low = np.broadcast_to(cutpoint.min(axis=-1)[..., None] - reach, shape)
    high = np.broadcast_to(cutpoint.max(axis=-1)[..., None] + reach, shape)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = expected_score(middle, cutpoint, sd, lowest=lowest) < quality
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def cutpoints(shares: Floats, variance: Floats) -> Floats:
    """(..., C - 1) where the latent scale is cut, for an evaluator that uses the steps with these shares at q = 0.

    Parameters
    ----------
    shares : numpy.ndarray
        (..., C) share of each step among all that the evaluator rates; they need not add up to exactly 1.
    variance : numpy.ndarray
        (...,) variance of the latent value between its outputs and raters.

    Examples
    --------
    >>> cutpoints(np.full(4, 0.25), np.array(0.0)).round(3)
    array([-1.099,  0.   ,  1.099])
    """
    below = np.cumsum(shares, axis=-1)[..., :-1]
    above = np.cumsum(shares[..., ::-1], axis=-1)[..., -2::-1]
    stretch = np.sqrt(1.0 + 3.0 * np.asarray(variance) / np.pi**2)
    return np.asarray(stretch[..., None] * (np.log(below) - np.log(above)))


def spread(scenario: Scenario, evaluator: Evaluator) -> Floats:
    """(V,) SD of the latent value of an evaluator's ratings between new items, outputs and raters, by variant, in logits."""
    outputs = np.array([v.output_sd for v in scenario.variants])
    worth = scenario.items.sd**2 + scenario.items.interaction_sd**2 + outputs**2
    personal = evaluator.severity_sd**2 + evaluator.taste_sd**2 + evaluator.opinion_sd**2
    return np.sqrt(evaluator.scale_use**2 * worth + personal)


def _variance(scenario: Scenario, evaluator: Evaluator) -> Floats:
    """Variance of the latent value between an evaluator's outputs and raters, beside the variants."""
    return np.asarray(np.mean(spread(scenario, evaluator) ** 2))


def declared_cutpoints(scenario: Scenario, evaluator: Evaluator) -> Floats:
    """(C - 1,) cutpoints by an evaluator's shares of the steps, and by how much less severe than the reference it is."""
    low, high = scenario.score_range
    shares = np.full(round(high - low) + 1, 1.0) if evaluator.shares is None else np.array(evaluator.shares)
    generosity = evaluator.severity_mean - scenario.defines_quality.severity_mean
    return cutpoints(shares, _variance(scenario, evaluator)) - generosity


def points_a_logit(scenario: Scenario, evaluator: Evaluator) -> float:
    """Points that a logit adds to what an evaluator gives, on average over the variants as declared.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> scenario = load("answer-stars")
    >>> [round(points_a_logit(scenario, evaluator), 2) for evaluator in scenario.evaluators]
    [0.38, 0.52]
    """
    latent = evaluator.scale_use * _declared_q(scenario)[:, None]
    return float(slope(latent, declared_cutpoints(scenario, evaluator), spread(scenario, evaluator)).mean())


def slope_of_quality(scenario: Scenario, quality: Floats) -> Floats:
    """(V, V) diagonal: points that quality gains by a logit of what each variant adds, at (V,) qualities."""
    reference = scenario.defines_quality
    cutpoint, sd = declared_cutpoints(scenario, reference), spread(scenario, reference)
    latent = latent_of(np.asarray(quality)[:, None], cutpoint, sd, lowest=scenario.score_range[0])
    return np.diag(reference.scale_use * slope(latent, cutpoint, sd)[:, 0])


def shift_in_points(scenario: Scenario, evaluator: Evaluator) -> float:
    """How far a judge's taste for a variant moves its ratings, as an SD in points, or as a share where they pass or fail."""
    if scenario.outcome == "binary":
        return taste_in_share(scenario, evaluator)
    return evaluator.shift_sd * (points_a_logit(scenario, evaluator) if scenario.outcome == "ordinal" else 1.0)


def _declared_q(scenario: Scenario) -> Floats:
    """(V,) what the variants add where the declared qualities are the expected scores of the reference."""
    reference = scenario.defines_quality
    quality = np.array([[v.quality] for v in scenario.variants])
    cutpoint, sd = declared_cutpoints(scenario, reference), spread(scenario, reference)
    latent = latent_of(quality, cutpoint, sd, lowest=scenario.score_range[0])[:, 0]
    return np.asarray(latent / reference.scale_use)


def draw_star_world(scenario: Scenario, streams: Streams, *, truth: Truth = "declared") -> StarWorld:
    """What is true of each replication.

    Parameters
    ----------
    scenario : Scenario
        Declares qualities, shares of the steps and the spread of everything else.
    streams : Streams
        Random numbers.
    truth : {"declared", "prior"}
        Qualities, shares and fixed tastes as the scenario declares them, or drawn from what is believed: q normal with the scenario's SD,
        shares with all shares equally likely. Declared qualities are the opinion of the reference of everyone who was declared, so that a
        variant is the same whoever rates it.
    """
    evaluators, n_variants = scenario.evaluators, len(scenario.variants)
    if truth == "declared":
        q = _declared_q(scenario)[None]
        cutpoint = np.stack([declared_cutpoints(scenario, e) for e in evaluators])[None]
        quality = np.array([[v.quality for v in scenario.variants]])
    else:
        q = scenario.sd_variant_belief * streams.normals("quality", 0, (n_variants,))
        cutpoint = np.stack([_drawn_cutpoints(scenario, e, streams) for e in evaluators], axis=1)
        k = panel(evaluators).reference
        quality = expected_score(
            evaluators[k].scale_use * q[..., None],
            cutpoint[:, [k]],
            spread(scenario, evaluators[k]),
            lowest=scenario.score_range[0],
        )[..., 0]
    n = streams.stop - streams.start
    return StarWorld(
        quality=np.broadcast_to(quality, (n, n_variants)),
        q=np.broadcast_to(q, (n, n_variants)),
        cutpoint=np.broadcast_to(cutpoint, (n, *cutpoint.shape[1:])),
        **draw_personal(scenario, streams, truth)._asdict(),
    )


def _drawn_cutpoints(scenario: Scenario, evaluator: Evaluator, streams: Streams) -> Floats:
    """(replication, C - 1) cutpoints from shares of which all are equally likely: Dirichlet(1, ..., 1)."""
    low, high = scenario.score_range
    uniform = streams.uniforms(f"shares of {evaluator.name}", 0, (round(high - low) + 1,))
    return cutpoints(-np.log(uniform), _variance(scenario, evaluator))


def draw_stars(
    scenario: Scenario,
    layout_of_look: Plan,
    world: StarWorld,
    variant: NDArray[np.intp],
    streams: Streams,
    *,
    look: int,
) -> Look:
    """Stars, costs and latencies of one look.

    Parameters
    ----------
    scenario, layout_of_look, variant, streams, look
        As in `scores.draw_look`.
    world : StarWorld
        What is true.

    Returns
    -------
    Look
        Its scores are whole points.
    """
    level = np.zeros((len(world.q), len(scenario.evaluators)))
    effects = World(world.quality, level, world.q, world.severity, world.shift, world.taste)
    latent = without_noise(scenario, layout_of_look, effects, variant, streams, look=look)
    score = np.full(latent.shape, float(scenario.score_range[0]))
    for k, evaluator in enumerate(scenario.evaluators):
        mine = np.flatnonzero(layout_of_look.evaluator == k)
        heard = latent[:, mine]
        if evaluator.opinion_sd > 0:
            heard += opinions(evaluator, layout_of_look.opinion[mine], streams, look)
        heard += logit(streams.uniforms(f"noise of {evaluator.name}", look, (mine.size,)))
        for cut in world.cutpoint[:, k].T:
            score[:, mine] += heard > cut[:, None]
    used = draw_operations(scenario, variant, streams, look)._asdict()
    return Look(score=score, n_clipped=np.zeros(len(score), dtype=np.intp), **used)
