"""The story's effects from sampled parts: exact draws from their Gaussian conditionals, vectorised over draws.

`parts_to_effects` splits the sampled parts into levels, severities, shifts and tastes. `nested_effects` draws items, interactions,
outputs and opinions, which the sampler had integrated out. All arrays have a leading axis of D draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from expsim_bayes.models._priors import Priors, Scale
from expsim_bayes.models._statistics import Statistics
from expsim_bayes.models._terms import Components, Terms
from expsim_bayes.ratings import Coded

Floats = NDArray[np.float64]


class ComponentDraws(NamedTuple):
    """`Components` of every draw, in points; zero where a term is absent."""

    sd_item: Floats
    """(D,)"""
    sd_interaction: Floats
    """(D,)"""
    sd_output: Floats
    """(D,)"""
    sd_shift: Floats
    """(D,)"""
    sd_rater: Floats
    """(D, K)"""
    sd_taste: Floats
    """(D, K)"""
    sd_opinion: Floats
    """(D, K)"""
    sd_noise: Floats
    """(D, K)"""
    scale_use: Floats
    """(D, K)"""

    @classmethod
    def repeat(cls, components: Components, draws: int) -> Self:
        """Given components as equal draws."""
        return cls._make(np.repeat(np.asarray(value, dtype=np.float64)[None], draws, axis=0) for value in components)

    def level(self, component: str) -> Floats:
        """(D, 1) SD of a nested level."""
        nested = {"sd_item": self.sd_item, "sd_interaction": self.sd_interaction, "sd_output": self.sd_output}
        return nested[component][:, None]

    def rows(self, index: NDArray[np.intp]) -> ComponentDraws:
        """Some of the draws."""
        return ComponentDraws(*(value[index] for value in self))


class Parts(NamedTuple):
    """What the sampler saw, in points."""

    q: Floats
    """(D, V)"""
    evaluator_mean: Floats
    """(D, K)"""
    variant_deviation: Floats
    """(D, K, V)"""
    rater_deviation: Floats
    """(D, J) over all raters."""
    taste_deviation: Floats
    """(D, J, V)"""


class Effects(NamedTuple):
    """The story's effects of evaluators, variants and raters, in points."""

    level: Floats
    """(D, K) m"""
    q: Floats
    """(D, V) q"""
    severity: Floats
    """(D, J) b"""
    shift: Floats
    """(D, K, V) d"""
    taste: Floats
    """(D, J, V) t"""

    def rows(self, index: NDArray[np.intp]) -> Effects:
        """Some of the draws."""
        return Effects(*(value[index] for value in self))


class Nested(NamedTuple):
    """The story's effects of items and outputs, in points; None where a term is absent."""

    item: Floats | None
    """(D, I) u"""
    interaction: Floats | None
    """(D, cells) g"""
    output: Floats | None
    """(D, O) w"""
    opinion: Floats | None
    """(D, pairs) a; zero for evaluators without."""


def parts_to_effects(
    parts: Parts,
    sd: ComponentDraws,
    *,
    data: Coded,
    present: Terms,
    priors: Priors,
    scale: Scale,
    rng: np.random.Generator,
) -> Effects:
    """Draws of levels, severities, shifts and tastes given the parts.

    A part is a sum of independent normal effects, so each effect given the sum is its share of the sum plus normal noise.

    Parameters
    ----------
    parts : Parts
        Sampled parts.
    sd : ComponentDraws
        Components, drawn or given.
    """
    draws, evaluators = parts.evaluator_mean.shape
    variants = len(data.variants)
    pool = np.bincount(data.rater_evaluator, minlength=evaluators)
    shift2 = np.array(present.shift) * sd.sd_shift[:, None] ** 2
    mean_taste2 = sd.sd_taste**2 / pool
    own2 = shift2 + mean_taste2

    rest = parts.evaluator_mean - scale.middle - sd.scale_use * parts.q.mean(axis=1, keepdims=True)
    level2 = np.full((draws, evaluators), (priors.level_sd * scale.width) ** 2)
    level, severity_mean, own_mean = split(rest, (level2, sd.sd_rater**2 / pool, own2 / variants), rng)

    q_deviation = parts.q - parts.q.mean(axis=1, keepdims=True)
    own = parts.variant_deviation - sd.scale_use[:, :, None] * q_deviation[:, None, :] + own_mean[:, :, None]
    own = np.where(own2[:, :, None] > 0, own, 0.0)
    shift, mean_taste = split(own, (shift2[:, :, None], mean_taste2[:, :, None]), rng)

    of = data.rater_evaluator
    noise = rng.standard_normal((2, draws, of.size))
    noise = _centre_in_pools(noise, of, evaluators)
    severity, rater_taste = _split_given(
        parts.rater_deviation, (sd.sd_rater[:, of] ** 2, sd.sd_taste[:, of] ** 2 / variants), noise
    )
    taste = parts.taste_deviation + rater_taste[:, :, None] + mean_taste[:, of]
    return Effects(level + scale.middle, parts.q, severity + severity_mean[:, of], shift, taste)


def split(total: Floats, variances: tuple[Floats, ...], rng: np.random.Generator) -> tuple[Floats, ...]:
    """Draws of independent centred normals given their sum.

    Parameters
    ----------
    total : array
        The sum.
    variances : tuple of arrays
        Variance of each term, each broadcastable to `total`; where all are zero the terms are zero.
    """
    return _split_given(total, variances, rng.standard_normal((len(variances), *total.shape)))


def _split_given(total: Floats, variances: tuple[Floats, ...], noise: Floats) -> tuple[Floats, ...]:
    free = [np.sqrt(variance) * z for variance, z in zip(variances, noise, strict=True)]
    whole = np.maximum(_sum(variances), np.finfo(float).tiny)
    gap = total - _sum(free)
    return tuple(z + variance / whole * gap for z, variance in zip(free, variances, strict=True))


def _sum(terms: Sequence[Floats]) -> Floats:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _centre_in_pools(noise: Floats, of: NDArray[np.intp], evaluators: int) -> Floats:
    """Noise of raters less its mean in each pool."""
    belongs = np.eye(evaluators)[of]
    mean: Floats = (noise @ (belongs / belongs.sum(axis=0).clip(1)))[..., of]
    return noise - mean


def voices_see(effects: Effects, sd: ComponentDraws, sums: Statistics) -> Floats:
    """(D, J * V) mean score that each voice gives each variant, in points."""
    of, who = sums.voice_evaluator, sums.voice_rater
    view = effects.level[:, :, None] + sd.scale_use[:, :, None] * effects.q[:, None, :] + effects.shift
    personal = effects.severity[:, who, None] + effects.taste[:, who]
    seen: Floats = view[:, of] + np.where(who[:, None] >= 0, personal, 0.0)
    return seen.reshape(len(seen), -1)


def nested_effects(
    seen: Floats, sd: ComponentDraws, *, sums: Statistics, present: Terms, rng: np.random.Generator
) -> Nested:
    """Draws of items, interactions, outputs and opinions given what voices think of variants on average.

    Parameters
    ----------
    seen : array
        (D, J * V) from `voices_see`.
    sd : ComponentDraws
        Components, drawn or given.
    """
    of = sums.class_evaluator
    variance = sd.sd_noise[:, of] ** 2 / sums.class_size + sd.sd_opinion[:, of] ** 2
    residual = sums.unit_mean - seen[:, sums.unit_place]
    effect: dict[str, Floats] = {}
    worth = np.zeros_like(residual)
    if sums.levels:
        loading = sd.scale_use[:, of] / variance
        a = (sd.scale_use[:, of] * loading) @ sums.groups.pattern_units[sums.groups.pattern].T
        b = _add_up(loading[:, sums.unit_class] * residual, sums.unit_group, sums.levels[0].size)
        effect, worth = _top_down(a, b, sd, sums, rng)
        worth = worth[:, sums.unit_group] * sd.scale_use[:, of][:, sums.unit_class]
    opinion = None
    if any(present.opinion):
        noise2 = (sd.sd_noise[:, of] ** 2 / sums.class_size)[:, sums.unit_class]
        opinion, _ = split(residual - worth, ((sd.sd_opinion[:, of] ** 2)[:, sums.unit_class], noise2), rng)
    return Nested(effect.get("sd_item"), effect.get("sd_interaction"), effect.get("sd_output"), opinion)


def _add_up(value: Floats, group: NDArray[np.intp], size: int) -> Floats:
    """Sums of values over groups along the last axis."""
    belongs = sparse.csr_array((np.ones(group.size), (group, np.arange(group.size))), shape=(size, group.size))
    return np.asarray((belongs @ value.T).T)


def _top_down(
    a: Floats, b: Floats, sd: ComponentDraws, sums: Statistics, rng: np.random.Generator
) -> tuple[dict[str, Floats], Floats]:
    """Effects of each level given the levels above it, and the sum of all of them by group of the lowest level."""
    known = []
    for level, above in zip(sums.levels, (*sums.levels[1:], None), strict=True):
        tau2 = sd.level(level.component) ** 2
        known.append((a, b, tau2))
        if above is not None:
            d = 1 + a * tau2
            a, b = (_add_up(x / d, level.parent, above.size) for x in (a, b))
    effect: dict[str, Floats] = {}
    above_sum = np.zeros((len(b), 1))
    for level, (a, b, tau2) in zip(reversed(sums.levels), reversed(known), strict=True):
        from_above = above_sum[:, level.parent] if level.parent.size else above_sum
        d = 1 + a * tau2
        drawn = tau2 * (b - a * from_above) / d + np.sqrt(tau2 / d) * rng.standard_normal(b.shape)
        effect[level.component] = drawn
        above_sum = drawn + from_above
    return effect, above_sum
