"""Who gets the next items: policies as frozen values, maps from `prob_best` to probabilities over variants.

A policy is declared once (in TOML, by its `policy` key) and asked at every look. To allocate by prob_best is to draw
from the posterior and take the best: it is Thompson sampling in distribution, without its noise. To add a policy,
write one class with `policy`, its fields and `probabilities`, and put it into `Policy`. `choose` turns probabilities
into variants for items.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from expsim_bayes.errors import SettingError
from expsim_bayes.frozen import Frozen

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Fixed(Frozen):
    """The same probabilities at every look: an A/B test, equal unless told.

    Examples
    --------
    >>> Fixed().probabilities([[0.9, 0.1]], look=2).tolist()
    [[0.5, 0.5]]
    >>> Fixed(weights={"A": 3, "B": 1}).probabilities([[0.9, 0.1]], look=2, variants=("A", "B")).tolist()
    [[0.75, 0.25]]
    """

    policy: Literal["fixed"] = "fixed"
    """Name of this policy in TOML."""
    weights: dict[str, float] = Field(default_factory=dict)
    """Share of the traffic by variant name, on any scale; empty means equal."""

    def probabilities(
        self,
        prob_best: ArrayLike,
        look: int,  # noqa: ARG002 - one signature for all policies
        *,
        eligible: ArrayLike | None = None,
        variants: Sequence[str] = (),
    ) -> Floats:
        """(replication, variant) probabilities of the next items; `variants` are the names in order, for weights."""
        best, allowed = _start(prob_best, eligible)
        if not self.weights:
            return _equal(allowed)
        if not variants:
            raise SettingError("weights are by name, and no names are given", remedy="pass variants, in their order")
        shares = [self.weights.get(name, 0.0) for name in variants]
        return _rescale(np.broadcast_to(shares, best.shape), allowed)


class Thompson(Frozen):
    """Each variant as often as it is believed to be the best.

    Examples
    --------
    >>> Thompson().probabilities([[0.9, 0.1]], look=2).tolist()
    [[0.9, 0.1]]
    """

    policy: Literal["thompson"] = "thompson"
    """Name of this policy in TOML."""
    burn_in: int = Field(default=1, ge=0)
    """Number of first looks with equal probabilities."""

    def probabilities(self, prob_best: ArrayLike, look: int, *, eligible: ArrayLike | None = None) -> Floats:
        """(replication, variant) probabilities of the items of this look (counted from 1)."""
        best, allowed = _start(prob_best, eligible)
        return _equal(allowed) if look <= self.burn_in else _rescale(best, allowed)


class TopTwoThompson(Frozen):
    """The likely best with probability `beta`, else its likeliest challenger: finds the best sooner than Thompson.

    p_v = beta a_v + (1 - beta) sum over j != v of a_j a_v / (1 - a_j), with a = prob_best: the leader is drawn from
    a, the challenger from a again until it differs (Russo, Simple Bayesian Algorithms for Best-Arm Identification,
    2020). For two variants at beta = .5 this is an equal split.

    Examples
    --------
    >>> TopTwoThompson().probabilities([[0.8, 0.1, 0.1]], look=2).round(4).tolist()
    [[0.4889, 0.2556, 0.2556]]
    """

    policy: Literal["top_two_thompson"] = "top_two_thompson"
    """Name of this policy in TOML."""
    beta: float = Field(default=0.5, gt=0, le=1)
    """Probability to take the leader rather than its challenger."""
    burn_in: int = Field(default=1, ge=0)
    """Number of first looks with equal probabilities."""

    def probabilities(self, prob_best: ArrayLike, look: int, *, eligible: ArrayLike | None = None) -> Floats:
        """(replication, variant) probabilities of the items of this look (counted from 1)."""
        best, allowed = _start(prob_best, eligible)
        if look <= self.burn_in:
            return _equal(allowed)
        leader = _rescale(best, allowed)
        return _rescale(self.beta * leader + (1.0 - self.beta) * _challenger(leader, allowed), allowed)


class ProbabilityMatching(Frozen):
    """In proportion to a softened prob_best, each variant kept between a floor and a ceiling.

    The probabilities are those that keep the proportions of prob_best ** power for all variants that touch neither
    limit and sum to 1: what adaptr reaches by clipping and rescaling in turn, here solved at once. (GrowthBook adds
    its floor instead.)

    Examples
    --------
    >>> ProbabilityMatching(power=1.0, floor=0.1).probabilities([[0.96, 0.03, 0.01]], look=2).round(4).tolist()
    [[0.8, 0.1, 0.1]]
    """

    policy: Literal["probability_matching"] = "probability_matching"
    """Name of this policy in TOML."""
    power: float = Field(default=0.5, ge=0)
    """Exponent of prob_best: 1 is Thompson sampling, 0 is an equal split."""
    floor: float = Field(default=0.1, ge=0, lt=1)
    """Least probability of an eligible variant."""
    ceiling: float = Field(default=1.0, gt=0, le=1)
    """Greatest probability of a variant, unless too few are eligible for it."""
    burn_in: int = Field(default=1, ge=0)
    """Number of first looks with equal probabilities."""

    def probabilities(self, prob_best: ArrayLike, look: int, *, eligible: ArrayLike | None = None) -> Floats:
        """(replication, variant) probabilities of the items of this look (counted from 1)."""
        best, allowed = _start(prob_best, eligible)
        if look <= self.burn_in:
            return _equal(allowed)
        count = allowed.sum(axis=-1, keepdims=True)
        low = np.where(allowed, np.minimum(self.floor, 1.0 / count), 0.0)
        high = np.where(allowed, np.maximum(self.ceiling, 1.0 / count), 0.0)
        return _between(_rescale(best**self.power, allowed), low, high)


Policy = Annotated[Fixed | Thompson | TopTwoThompson | ProbabilityMatching, Field(discriminator="policy")]
"""Any policy, told apart by its `policy` key."""


def check_policy(policy: Policy, n_variants: int, *, variants: Sequence[str] = (), where: str = "allocation") -> None:
    """Refuse limits and weights that no probabilities over these variants can meet.

    Parameters
    ----------
    policy : Policy
        What was declared.
    n_variants : int
        How many variants there are.
    variants : sequence of str, optional
        Their names; weights are held against them where they are given.
    where : str
        The TOML key of the policy, for the message.

    Raises
    ------
    SettingError
        A floor or ceiling that cannot sum to 1; a weight that is negative, missing or for an unknown variant.

    Examples
    --------
    >>> check_policy(ProbabilityMatching(floor=0.3), 4)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    expsim_bayes.errors.SettingError: allocation.floor: a floor of 0.3 for each of 4 variants sums to 1.2, ...
    """
    if isinstance(policy, ProbabilityMatching):
        _check_limits(policy, n_variants, where)
    if isinstance(policy, Fixed) and policy.weights:
        _check_weights(policy.weights, variants, where)


def choose(probabilities: ArrayLike, uniforms: ArrayLike, size: int = 1) -> NDArray[np.intp]:
    """Distinct variants for every item, drawn without replacement in proportion to the probabilities.

    Parameters
    ----------
    probabilities : array_like, shape (replication, variant)
        From a policy.
    uniforms : array_like, shape (replication, item, variant)
        Independent uniform numbers in [0, 1).
    size : int
        How many different variants answer each item; all of them where it is the number of variants.

    Returns
    -------
    ndarray of int, shape (replication, item, size)
        Positions of the variants, in the order in which they were drawn. A variant of probability 0 comes only after
        all others.

    Raises
    ------
    SettingError
        More variants asked for than there are.

    Notes
    -----
    The smallest `size` of independent exponential times with the probabilities as rates, which is the Gumbel-top-k
    rule. With prob_best as probabilities and `size` 2 the pair is the leader and challenger of top-two Thompson
    sampling.

    Examples
    --------
    >>> choose([[0.0, 1.0, 0.0]], [[[0.1, 0.9, 0.2]]]).tolist()
    [[[1]]]
    """
    p, u = np.asarray(probabilities, float), np.asarray(uniforms, float)
    if not 1 <= size <= p.shape[-1]:
        raise SettingError(
            f"{size} variants an item of {p.shape[-1]} in all", remedy=f"choose a number from 1 to {p.shape[-1]}"
        )
    times = -np.log1p(-np.minimum(u, 1.0 - 2.0**-53)) / np.maximum(p, 1e-300)[:, None, :]
    if size == 1:
        return np.asarray(times.argmin(axis=-1))[..., None]
    return np.asarray(times.argsort(axis=-1, kind="stable"))[..., :size]


def _start(prob_best: ArrayLike, eligible: ArrayLike | None) -> tuple[Floats, Mask]:
    """prob_best as an array and who may be chosen (everyone where nobody is eligible)."""
    best = np.asarray(prob_best, float)
    allowed = np.broadcast_to(True if eligible is None else np.asarray(eligible, bool), best.shape)
    return best, allowed | ~allowed.any(axis=-1, keepdims=True)


def _equal(allowed: Mask) -> Floats:
    """An equal split over those allowed."""
    return np.asarray(allowed / allowed.sum(axis=-1, keepdims=True))


def _rescale(weight: Floats, allowed: Mask) -> Floats:
    """Weights over those allowed that sum to 1; equal where all of them are zero."""
    kept = np.where(allowed, weight, 0.0)
    total = kept.sum(axis=-1, keepdims=True)
    return np.asarray(np.where(total > 0, kept / np.where(total > 0, total, 1.0), _equal(allowed)))


def _challenger(leader: Floats, allowed: Mask) -> Floats:
    """Probability to be the challenger; where the leader is certain, the others share it equally."""
    n = leader.shape[-1]
    others = ~np.eye(n, dtype=bool) & allowed[..., None, :]  # (replication, leader j, challenger v)
    none = ~others.any(axis=-1, keepdims=True)  # nobody else: the leader challenges itself
    share = _rescale(np.broadcast_to(leader[..., None, :], others.shape), others | (none & np.eye(n, dtype=bool)))
    return np.asarray(np.einsum("...j,...jv->...v", leader, share))


def _between(weight: Floats, low: Floats, high: Floats) -> Floats:
    """clip(scale * weight, low, high) with the scale at which the sum over variants is 1.

    The sum is a rising, piecewise linear function of the scale with corners at low / weight and high / weight.
    """
    w = np.maximum(weight / weight.max(axis=-1, keepdims=True), 1e-12)
    corners = np.sort(np.concatenate([low / w, high / w], axis=-1), axis=-1)
    sums = np.clip(corners[..., None] * w[..., None, :], low[..., None, :], high[..., None, :]).sum(axis=-1)
    at = np.clip((sums <= 1.0).sum(axis=-1, keepdims=True) - 1, 0, corners.shape[-1] - 2)
    x0, x1 = (np.take_along_axis(corners, at + k, axis=-1) for k in (0, 1))
    y0, y1 = (np.take_along_axis(sums, at + k, axis=-1) for k in (0, 1))
    part = np.divide(1.0 - y0, y1 - y0, out=np.zeros_like(y0), where=y1 > y0)
    shared = np.clip((x0 + np.clip(part, 0.0, 1.0) * (x1 - x0)) * w, low, high)
    return np.asarray(shared / shared.sum(axis=-1, keepdims=True))


def _check_limits(policy: ProbabilityMatching, n: int, where: str) -> None:
    if policy.floor * n > 1.0 + 1e-12:
        raise SettingError(
            f"a floor of {policy.floor:g} for each of {n} variants sums to {policy.floor * n:g}, more than 1",
            where=f"{where}.floor",
            remedy=f"take at most 1/{n} = {1 / n:.3g}",
        )
    if policy.ceiling * n < 1.0 - 1e-12:
        raise SettingError(
            f"a ceiling of {policy.ceiling:g} for each of {n} variants sums to {policy.ceiling * n:g}, less than 1",
            where=f"{where}.ceiling",
            remedy=f"take at least 1/{n} = {1 / n:.3g}",
        )
    if policy.floor > policy.ceiling:
        raise SettingError(
            f"the floor {policy.floor:g} is above the ceiling {policy.ceiling:g}",
            where=f"{where}.floor",
            remedy="lower the floor or raise the ceiling",
        )


def _check_weights(weights: dict[str, float], variants: Sequence[str], where: str) -> None:
    if variants and sorted(weights) != sorted(variants):
        raise SettingError(
            f"weights are given for {', '.join(weights)}, the variants are {', '.join(variants)}",
            where=f"{where}.weights",
            remedy="give each variant one weight (0 for none), or leave weights out for an equal split",
        )
    if min(weights.values()) < 0 or sum(weights.values()) <= 0:
        raise SettingError(
            f"weights {weights} are not shares of traffic",
            where=f"{where}.weights",
            remedy="use numbers that are not negative, at least one of them above 0",
        )
