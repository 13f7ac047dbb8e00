"""The score story with items, interactions and outputs integrated out: what the sampler runs.

An effect of variance tau^2 that several ratings share, with A = sum lambda^2 / variance and B = sum lambda residual / variance over
them, contributes B^2 tau^2 / (2 D) - log(D) / 2 with D = 1 + A tau^2, and hands A / D and B / D to the level above: output, item x
variant cell, item.

The remaining effects are split into parts that the ratings see separately: the mean of each evaluator, its variants' deviations, its
raters' deviations, and their tastes' deviations from both. Each sums to zero, and the mean that it lost is added to the part above it
with its own variance, so that the prior is the story's. `expsim_bayes.models._recover` draws the story's effects from the parts.
"""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from expsim_bayes.models._components import SymbolicComponents, Tensor, component_coords, component_variables
from expsim_bayes.models._priors import Priors, Scale, score_scale
from expsim_bayes.models._statistics import Statistics, statistics
from expsim_bayes.models._terms import Components, Terms, terms
from expsim_bayes.ratings import Coded, Ratings, code

PARTS = ("evaluator_mean", "variant_deviation", "rater_deviation", "taste_deviation")
"""The sampled parts, in points: dims (evaluator), (evaluator, variant), (rater), (rater, variant)."""

RATINGS_AS_STRONG_AS_PRIOR = {"variant": 9.0, "rater": 4.0, "taste": 9.0}
"""Number of ratings that tell a deviation about as well as its prior does; far more: centred, far fewer: non-centred."""


def build_marginal_model(ratings: Ratings, priors: Priors | None = None, *, fixed: Components | None = None) -> pm.Model:
    """The score story with items, interactions and outputs integrated out analytically.

    Its posterior of everything else is that of `build_model`, at a fraction of the time. The likelihood is a `Potential`.

    Parameters
    ----------
    ratings : Ratings
        Validated ratings; missing scores are left out.
    priors : Priors, optional
        In widths of the score range.
    fixed : Components, optional
        Standard deviations and scale use in points, when they are known rather than estimated.

    Returns
    -------
    pm.Model
        With the components of `build_model` and the parts named in `PARTS`, in points.
    """
    priors = priors or Priors()
    data = code(ratings)
    present = terms(data, fixed)
    scale = score_scale(data, ratings.score_range)
    sums = statistics(data, present)
    coords = {
        "variant": list(data.variants),
        "rater": list(data.raters),
        "evaluator": list(data.evaluators),
        **component_coords(data, present),
    }
    with pm.Model(coords=coords) as model:
        part = component_variables(data, priors, scale, present, fixed)
        pm.Deterministic("scale_use", part.scale_use, dims="evaluator")
        seen = _structure(data, priors, scale, present, part, sums)
        pm.Potential("score", log_likelihood(sums, seen, part))
    return model


def log_likelihood(sums: Statistics, seen: Tensor, part: SymbolicComponents) -> Tensor:
    """Log density of the ratings given what voices think of variants on average, nested effects integrated out.

    Parameters
    ----------
    sums : Statistics
        The ratings, added up.
    seen : Tensor
        (J * V,) mean score of voice and variant, in points.
    part : SymbolicComponents
        Standard deviations and scale use.
    """
    evaluator = sums.class_evaluator
    noise = part.sd_noise**2
    variance = noise[evaluator] / sums.class_size + part.sd_opinion[evaluator] ** 2
    row_variance = variance[sums.row_class]
    square = sums.row_square + sums.row_units * (pm.Data("row_mean", sums.row_mean) - seen[sums.row_place]) ** 2
    total = -0.5 * (pt.sum(sums.class_units * pt.log(variance)) + pt.sum(square / row_variance))
    total -= 0.5 * pt.sum(sums.within_freedom * pt.log(noise) + sums.within_square / noise)
    return total + _constant(sums) + _nested(sums, seen, part, variance)


def _constant(sums: Statistics) -> float:
    """The part of the log density that depends on the design alone."""
    ratings = float((sums.class_units * sums.class_size).sum())
    return float(-0.5 * ratings * np.log(2 * np.pi) - 0.5 * (sums.class_units * np.log(sums.class_size)).sum())


def _nested(sums: Statistics, seen: Tensor, part: SymbolicComponents, variance: Tensor) -> Tensor:
    """What integrating out the nested effects adds to the log density."""
    if not sums.levels:
        return 0.0
    loading = part.scale_use[sums.class_evaluator] / variance
    residual = pm.Data("unit_mean", sums.unit_mean) - seen[sums.unit_place]
    count = pm.Data("group_units", sums.group_units)
    a = pt.dot(count, part.scale_use[sums.class_evaluator] * loading)
    b = _add_up(loading[sums.unit_class] * residual, sums.unit_group, sums.levels[0].size)
    total: Tensor = 0.0
    for level, above in zip(sums.levels, (*sums.levels[1:], None), strict=True):
        tau2 = getattr(part, level.component) ** 2
        d = 1 + a * tau2
        total += 0.5 * pt.sum(b**2 * tau2 / d - pt.log(d))
        if above is not None:
            a, b = (_add_up(x / d, level.parent, above.size) for x in (a, b))
    return total


def _add_up(value: Tensor, group: np.ndarray[tuple[int], np.dtype[np.intp]], size: int) -> Tensor:
    return pt.inc_subtensor(pt.zeros(size)[group], value)


def _structure(
    data: Coded, priors: Priors, scale: Scale, present: Terms, part: SymbolicComponents, sums: Statistics
) -> Tensor:
    """(J * V,) what voices think of variants on average, from parts with the story's prior."""
    step = scale.step
    pool = np.bincount(data.rater_evaluator, minlength=len(data.evaluators))
    mean, deviation = _evaluators(data, priors, scale, present, part, pool)
    pm.Deterministic("evaluator_mean", scale.middle + step * mean, dims="evaluator")
    pm.Deterministic("variant_deviation", step * deviation, dims=("evaluator", "variant"))
    table = (scale.middle + step * (mean[:, None] + deviation))[sums.voice_evaluator]
    speaks = np.flatnonzero(sums.voice_rater >= 0)
    who = sums.voice_rater[speaks]
    if any(present.severity) or any(present.taste):
        rater = pm.Deterministic("rater_deviation", step * _raters(data, present, part, step, pool), dims="rater")
        table = pt.inc_subtensor(table[speaks], rater[who][:, None])
    if any(present.taste):
        taste = pm.Deterministic("taste_deviation", step * _tastes(data, present, part, step), dims=("rater", "variant"))
        table = pt.inc_subtensor(table[speaks], taste[who])
    return table.ravel()


def _evaluators(
    data: Coded, priors: Priors, scale: Scale, present: Terms, part: SymbolicComponents, pool: np.ndarray[tuple[int], np.dtype[np.intp]]
) -> tuple[Tensor, Tensor]:
    """(K,) means and (K, V) deviations of the evaluators' opinions of variants, in steps of the scale.

    theta_kv = lambda_k q_v + s_kv with s of variance sd_shift^2 + sd_taste^2 / raters, q integrated out evaluator by evaluator.
    """
    step, variants = scale.step, len(data.variants)
    tau2 = (priors.sd_variant * scale.width / step) ** 2
    level2 = (priors.level_sd * scale.width / step) ** 2
    belief_mean = _Belief(tau2 / variants)
    belief_deviation = _Belief(tau2)
    means: list[Tensor] = [None] * len(data.evaluators)
    deviations: list[Tensor] = [pt.zeros(variants)] * len(data.evaluators)
    count = np.bincount(data.evaluator, minlength=len(data.evaluators))
    order = sorted(range(len(count)), key=lambda k: (k != present.reference, -count[k]))
    for place, k in enumerate(order):
        own = _own_variance(k, present, part, pool, step)
        extra = level2 + (part.sd_rater[k] / step) ** 2 / pool[k]
        means[k] = belief_mean.see(f"mean_{k}", part.scale_use[k], (0.0 if own is None else own / variants) + extra, 1.0, 1)
        if variants > 1:
            weight = 1.0 if place == 0 else _centred(count[k] / variants, "variant")
            deviations[k] = spread(belief_deviation.see(f"deviation_{k}", part.scale_use[k], own, weight, variants - 1))
    return pt.stack([m[0] for m in means]), pt.stack(deviations)


def _own_variance(
    k: int, present: Terms, part: SymbolicComponents, pool: np.ndarray[tuple[int], np.dtype[np.intp]], step: float
) -> Tensor | None:
    """Variance of an evaluator's own taste for a variant, or None where it has none."""
    if not (present.shift[k] or present.taste[k]):
        return None
    shift = (part.sd_shift / step) ** 2 if present.shift[k] else 0.0
    return shift + (part.sd_taste[k] / step) ** 2 / pool[k]


class _Belief:
    """What the evaluators seen so far say of q: a normal belief that each `see` refines (a Kalman step)."""

    def __init__(self, variance: float) -> None:
        self.mean: Tensor = 0.0
        self.variance: Tensor | None = pt.constant(variance)

    def see(self, name: str, scale_use: Tensor, own: Tensor | None, weight: float, size: int) -> Tensor:
        """(size,) a new evaluator's view, lambda q + own: a variable between non-centred (weight 0) and centred (1)."""
        centre = scale_use * self.mean
        if own is None and self.variance is None:
            return centre
        spare = 0.0 if self.variance is None else scale_use**2 * self.variance
        variance = spare + (0.0 if own is None else own)
        sd = pt.sqrt(variance)
        free = pm.Normal(name, weight * centre, sd**weight, shape=size)
        view = centre + sd ** (1 - weight) * (free - weight * centre)
        if self.variance is not None:
            gain = scale_use * self.variance / variance
            self.mean = self.mean + gain * (view - centre)
            self.variance = None if own is None else self.variance * own / variance
        return view


def _raters(
    data: Coded, present: Terms, part: SymbolicComponents, step: float, pool: np.ndarray[tuple[int], np.dtype[np.intp]]
) -> Tensor:
    """(raters,) deviations of raters from their evaluator's mean, in steps: severity and mean taste, summing to zero in a pool."""
    deviation = pt.zeros(len(data.raters))
    for k in np.flatnonzero(np.array(present.severity) | np.array(present.taste)):
        if pool[k] < 2:
            continue
        who = np.flatnonzero(data.rater_evaluator == k)
        sd = pt.sqrt(part.sd_rater[k] ** 2 + part.sd_taste[k] ** 2 / len(data.variants)) / step
        weight = _centred(np.median(np.bincount(data.rater, minlength=len(data.raters))[who]), "rater")
        free = pm.Normal(f"rater_{k}", 0, sd**weight, shape=who.size - 1)
        deviation = pt.set_subtensor(deviation[who], spread(sd ** (1 - weight) * free))
    return deviation


def _tastes(data: Coded, present: Terms, part: SymbolicComponents, step: float) -> Tensor:
    """(raters, V) deviations of raters' tastes from the means of rater and variant, in steps."""
    variants = len(data.variants)
    deviation = pt.zeros((len(data.raters), variants))
    for k in np.flatnonzero(present.taste):
        who = np.flatnonzero(data.rater_evaluator == k)
        if who.size < 2 or variants < 2:
            continue
        sd = part.sd_taste[k] / step
        weight = _centred((data.evaluator == k).sum() / (who.size * variants), "taste")
        free = pm.Normal(f"taste_{k}", 0, sd**weight, shape=(who.size - 1, variants - 1))
        deviation = pt.set_subtensor(deviation[who], spread(spread(sd ** (1 - weight) * free).T).T)
    return deviation


def _centred(ratings: float, kind: str) -> float:
    """How far a deviation is centred: 0 where its prior says more than its ratings, 1 where these do."""
    return float(ratings / (ratings + RATINGS_AS_STRONG_AS_PRIOR[kind]))


def spread(free: Tensor) -> Tensor:
    """n - 1 free numbers along the last axis as n that sum to zero, lengths kept: independent normals become zero-sum normals."""
    n = free.shape[-1] + 1
    root = pt.sqrt(n.astype("float64"))
    total = free.sum(axis=-1, keepdims=True)
    back = total / (root + n)
    return pt.concatenate([free, back - total / root], axis=-1) - back
