"""The score story with items, interactions and outputs integrated out: what the sampler runs.

An effect of variance tau^2 that several ratings share, with A = sum lambda^2 / variance and B = sum lambda residual / variance over
them, contributes B^2 tau^2 / (2 D) - log(D) / 2 with D = 1 + A tau^2, and hands A / D and B / D to the level above: output, item x
variant cell, item.

The remaining effects are split into parts that the ratings see separately: the mean of each evaluator, its variants' deviations, its
raters' deviations, and their tastes' deviations from both. Each sums to zero, and the mean that it lost is added to the part above it
with its own variance, so that the prior is the story's. `expsim_bayes.models._recover` draws the story's effects from the parts.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor import sparse

from expsim_bayes.models._centring import rater_weight, shift_weight, taste_weight
from expsim_bayes.models._components import SymbolicComponents, Tensor, component_variables, put, take
from expsim_bayes.models._places import pool_coords
from expsim_bayes.models._priors import Priors, Scale, score_scale
from expsim_bayes.models._statistics import Floats, Ints, Statistics, statistics
from expsim_bayes.models._terms import Components, Terms, terms
from expsim_bayes.ratings import Coded, Ratings, code

PARTS = ("q", "evaluator_mean", "variant_deviation", "rater_deviation", "taste_deviation")
"""The sampled parts, in points: dims (variant), (evaluator), (evaluator, variant), (rater), (rater, variant)."""


def build_marginal_model(
    ratings: Ratings, priors: Priors | None = None, *, fixed: Components | None = None, centred: bool = True
) -> pm.Model:
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
    centred : bool
        Whether effects that these scores show clearly are sampled as they are, which is faster; False samples all of them as multiples of
        their SD, which suits a model that is compiled once and sees other scores. The posterior is the same.

    Returns
    -------
    pm.Model
        With the components of `build_model` and the parts named in `PARTS`, in points.
    """
    priors = priors or Priors()
    data = code(ratings)
    present = terms(data, fixed, tastes=priors.tastes)
    scale = score_scale(data, ratings.score_range)
    sums = statistics(data, present)
    coords = {
        "variant": list(data.variants),
        "rater": list(data.raters),
        "evaluator": list(data.evaluators),
        **pool_coords(data, present),
    }
    with pm.Model(coords=coords) as model:
        part = component_variables(priors, scale, present, fixed)
        pm.Deterministic("scale_use", part.scale_use, dims="evaluator")
        seen = _structure(_Steps(data, priors, scale, present, part, centred=centred), scale, present, sums)
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
    variance = take(noise, evaluator) / sums.class_size + take(part.sd_opinion, evaluator) ** 2
    row_variance = take(variance, sums.row_class)
    off = pm.Data("row_mean", sums.row_mean) - take(seen, sums.row_place)
    square = pm.Data("row_square", sums.row_square) + sums.row_units * off**2
    total = -0.5 * (pt.sum(sums.class_units * pt.log(variance)) + pt.sum(square / row_variance))
    within_square = pm.Data("within_square", sums.within_square)
    total -= 0.5 * pt.sum(sums.within_freedom * pt.log(noise) + within_square / noise)
    return total + sums.constant + _nested(sums, seen, part, variance)


def _nested(sums: Statistics, seen: Tensor, part: SymbolicComponents, variance: Tensor) -> Tensor:
    """What integrating out the nested effects adds to the log density."""
    if not sums.levels:
        return 0.0
    groups, lowest = sums.groups, sums.levels[0]
    scale_use = take(part.scale_use, sums.class_evaluator)
    loading = scale_use / variance
    expected = sparse.structured_dot(sparse.as_sparse_variable(groups.places), seen[:, None])
    residual = pm.Data("group_total", groups.total) - expected.reshape(groups.total.shape)
    b = pt.dot(residual, loading)
    tau2 = getattr(part, lowest.component) ** 2
    a = pt.dot(groups.pattern_units, scale_use * loading)
    d = 1 + a * tau2
    total = 0.5 * pt.sum(b**2 * take(tau2 / d, groups.pattern)) - 0.5 * pt.sum(groups.pattern_groups * pt.log(d))
    shrunk = take(a / d, groups.pattern), b * take(1 / d, groups.pattern)
    for below, level in pairwise(sums.levels):
        a, b = (_add_up(value, below.parent, level.size) for value in shrunk)
        tau2 = getattr(part, level.component) ** 2
        d = 1 + a * tau2
        total += 0.5 * pt.sum(b**2 * tau2 / d - pt.log(d))
        shrunk = a / d, b / d
    return total


def _add_up(value: Tensor, group: Ints, size: int) -> Tensor:
    if group.size == size and (group == np.arange(size)).all():
        return value
    return pt.inc_subtensor(pt.zeros(size)[group], value)


def _structure(steps: _Steps, scale: Scale, present: Terms, sums: Statistics) -> Tensor:
    """(J * V,) what voices think of variants on average, from parts with the story's prior."""
    q, mean, deviation = steps.evaluators()
    pm.Deterministic("q", scale.step * q, dims="variant")
    pm.Deterministic("evaluator_mean", scale.middle + scale.step * mean, dims="evaluator")
    pm.Deterministic("variant_deviation", scale.step * deviation, dims=("evaluator", "variant"))
    table = take(scale.middle + scale.step * (mean[:, None] + deviation), sums.voice_evaluator)
    speaks = np.flatnonzero(sums.voice_rater >= 0)
    who = sums.voice_rater[speaks]
    if any(present.severity) or any(present.taste):
        rater = pm.Deterministic("rater_deviation", scale.step * steps.raters(), dims="rater")
        table = put(table, speaks, take(rater, who)[:, None])
    if any(present.taste):
        taste = pm.Deterministic("taste_deviation", scale.step * steps.tastes(), dims=("rater", "variant"))
        table = put(table, speaks, take(taste, who))
    return table.ravel()


class _Steps:
    """The parts in steps of the scale, so that the sampler starts near where it should be; each method adds its variables."""

    def __init__(
        self, data: Coded, priors: Priors, scale: Scale, present: Terms, part: SymbolicComponents, *, centred: bool
    ) -> None:
        self.data, self.present, self.centred = data, present, centred
        self.evaluator_count, self.variant_count = len(data.evaluators), len(data.variants)
        self.pool = np.bincount(data.rater_evaluator, minlength=self.evaluator_count)
        self.scale_use = part.scale_use
        self.variant2 = (priors.sd_variant * scale.width / scale.step) ** 2
        self.level2 = (priors.level_sd * scale.width / scale.step) ** 2
        self.rater2 = (part.sd_rater / scale.step) ** 2
        self.noise = part.sd_noise / scale.step
        self.taste2 = (part.sd_taste / scale.step) ** 2
        self.own2 = np.array(present.shift, dtype=float) * (part.sd_shift / scale.step) ** 2 + self.taste2 / self.pool

    def evaluators(self) -> tuple[Tensor, Tensor, Tensor]:
        """(V,) q, (K,) means of the evaluators, and (K, V) deviations of what they think of variants, summing to zero over variants.

        Means and deviations are lambda_k q plus something of the evaluator's own; the mean of q over variants and its deviations are
        independent.
        """
        own2 = self.level2 + self.rater2 / self.pool + self.own2 / self.variant_count
        q_mean = np.sqrt(self.variant2 / self.variant_count) * pm.Normal("q_mean", 0, 1)
        mean = pm.Normal("mean", self.scale_use * q_mean, pt.sqrt(own2), shape=self.evaluator_count)
        if self.variant_count == 1:
            return q_mean[None], mean, pt.zeros((self.evaluator_count, 1))
        basis = zero_sum_basis(self.variant_count)
        q, deviation = self._deviations()
        return q_mean + pt.dot(basis, q), mean, pt.dot(deviation, basis.T)

    def _deviations(self) -> tuple[Tensor, Tensor]:
        """(V - 1,) of q and (K, V - 1) of the evaluators: the reference first, then q given the reference, then the others given q."""
        reference, size = self.present.reference, self.variant_count - 1
        scale_use, own2 = self.scale_use[reference], self.own2[reference]
        seen2 = scale_use**2 * self.variant2 + own2
        seen = pm.Normal("reference_deviation", 0, pt.sqrt(seen2), shape=size)
        q = seen / scale_use
        if self.present.shift[reference] or self.present.taste[reference]:
            unexplained = pt.sqrt(self.variant2 * own2 / seen2)
            q = scale_use * self.variant2 / seen2 * seen + unexplained * pm.Normal("q_deviation", 0, 1, shape=size)
        others = np.delete(np.arange(self.evaluator_count), reference)
        if not others.size:
            return q, seen[None, :]
        view = self._others(q, others)
        return q, put(put(pt.zeros((self.evaluator_count, size)), np.array([reference]), seen[None, :]), others, view)

    def _others(self, q: Tensor, others: Ints) -> Tensor:
        """(K - 1, V - 1) what the other evaluators think, given q: between centred and non-centred."""
        centre = take(self.scale_use, others)[:, None] * q[None, :]
        own = np.array(self.present.shift)[others] | np.array(self.present.taste)[others]
        free = others[own]
        if not free.size:
            return centre
        weight = np.array([[self.centred * shift_weight(self.data, k, self.present.reference)] for k in free])
        sd = pt.sqrt(take(self.own2, free))[:, None]
        rows = np.flatnonzero(own)
        middle = weight * take(centre, rows)
        seen = pm.Normal("deviation", middle, sd**weight, shape=(free.size, self.variant_count - 1))
        return put(centre, rows, sd ** (1 - weight) * (seen - middle))

    def raters(self) -> Tensor:
        """(raters,) deviations of raters from their evaluator's mean: severity and mean taste, summing to zero in a pool."""
        deviation = pt.zeros(len(self.data.raters))
        for k in np.flatnonzero(np.array(self.present.severity) | np.array(self.present.taste)):
            who = np.flatnonzero(self.data.rater_evaluator == k)
            if who.size < 2:
                continue
            sd = pt.sqrt(self.rater2[k] + self.taste2[k] / self.variant_count)
            free = self._free(f"rater_{k}", int(k), sd, (who.size - 1,), self.centred * rater_weight(self.data, int(k)))
            deviation = put(deviation, who, zero_sum(free, who.size))
        return deviation

    def _free(self, name: str, k: int, sd: Tensor, shape: tuple[int, ...], weight: float) -> Tensor:
        """Free normals of a given SD by evaluator k's raters, somewhere between centred and multiples of their SD.

        Where scores do not vary, the effects are as near zero as the noise is small while their SD may be anything: a cross that no share
        of centring straightens. There they are multiples of the SD that prior and ratings leave them.
        """
        of_k = self.data.evaluator == k
        if self.centred and not np.ptp(self.data.score[of_k]):
            noise = self.noise[k] * np.sqrt(np.prod([n + 1 for n in shape]) / of_k.sum())
            left = sd * noise / pt.sqrt(sd**2 + noise**2)
            return left * pm.Normal(name, 0, sd / left, shape=shape)
        return sd ** (1 - weight) * pm.Normal(name, 0, sd**weight, shape=shape)

    def tastes(self) -> Tensor:
        """(raters, V) deviations of raters' tastes from the means of the rater and of the variant, summing to zero over both."""
        deviation = pt.zeros((len(self.data.raters), self.variant_count))
        for k in np.flatnonzero(self.present.taste):
            who = np.flatnonzero(self.data.rater_evaluator == k)
            if who.size < 2 or self.variant_count < 2:
                continue
            sd = pt.sqrt(self.taste2[k])
            shape = (who.size - 1, self.variant_count - 1)
            free = self._free(f"taste_{k}", int(k), sd, shape, self.centred * taste_weight(self.data, int(k)))
            rows = pt.dot(free, zero_sum_basis(self.variant_count).T)
            deviation = put(deviation, who, zero_sum(rows, who.size))
        return deviation


def zero_sum(free: Tensor, n: int) -> Tensor:
    """Zero-sum numbers: n - 1 free ones along the first axis as n that sum to zero, lengths kept (independent normals stay so).

    A Householder reflection takes the last axis to the direction of equal numbers; for few numbers `zero_sum_basis` is its matrix.
    """
    mirror = _mirror(n)
    padded = pt.set_subtensor(pt.zeros((n, *free.type.shape[1:]))[:-1], free)
    total = pt.dot(np.ones(n - 1), free) / (np.sqrt(n) - 1)
    return padded + (mirror * total if free.ndim == 1 else mirror[:, None] * total[None, :])


def zero_sum_basis(n: int) -> Floats:
    """(n, n - 1) orthonormal columns that sum to zero."""
    basis: Floats = np.eye(n)[:, :-1] + _mirror(n)[:, None] / (np.sqrt(n) - 1)
    return basis


def _mirror(n: int) -> Floats:
    mirror = np.full(n, -1 / np.sqrt(n))
    mirror[-1] += 1
    return mirror
