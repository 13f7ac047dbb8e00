"""Exchangeable normal effects as PyMC variables, told as the story has them and laid out so that the sampler moves well.

A level (cutpoints, an evaluator's mean) absorbs the mean of effects that all its ratings carry. Ratings then see only the deviations from
that mean, and the mean, of which they tell nothing, enters where the answer to new members of the group is asked for. The story is the
same, and the sampler has no ridge to climb.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pymc.logprob.transforms import Transform
from scipy.linalg import helmert

from expsim_bayes.models._small_sd import SMALL_SD

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Tensor = Any
"""A symbolic array of pytensor, which has no usable static types."""
MOST_TURNED = 200
"""Members of a group up to which it is turned: the mean of more is as well known as a member."""
NESTED_EFFECTS = tuple(
    f"{name}{part}"
    for name in (
        "item_effect", "interaction", "output_effect", "opinion", "severity_logit", "shift_logit", "taste_logit",
    )
    for part in ("", "_raw")
)  # fmt: skip
"""Effects of scores in logits, and the multiples of their SDs: one value an item, an output, a rater or a rating."""


class Shown(NamedTuple):
    """What ratings say of n effects beforehand, as if each were rated alone; it decides how fast the sampler moves, never what it finds."""

    estimate: Floats
    """(n,) of each effect."""
    information: Floats
    """(n,) inverse of the variance of its error; 0 where nothing is known."""

    def turned(self, matrix: Floats) -> Shown:
        """The same of turned effects, of whose mean nothing is known."""
        information = np.full(len(matrix), self.information.mean())
        information[0] = 0.0
        return Shown(matrix.T @ self.estimate, information)


class _Leaning(Transform):  # type: ignore[misc]
    """z of an effect Normal(0, sd^2) that would be standard normal given sd, were the effect known just as `Shown` says.

    Centred where ratings say more than the SD does, multiples of the SD where they say less, and between the two as the SD moves
    (Papaspiliopoulos, Roberts and Skold 2007): neither a small SD nor a large one makes a funnel.
    """

    name = "leaning"

    def __init__(self, shown: Shown) -> None:
        self.shown = shown

    def backward(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """Effects at z."""
        middle, width = self._conditional(inputs[-1])
        return middle + width * value

    def forward(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """Coordinates of effects."""
        middle, width = self._conditional(inputs[-1])
        return (value - middle) / width

    def log_jac_det(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """Log of the derivatives of effects by z."""
        return pt.log(self._conditional(inputs[-1])[1]) + pt.zeros_like(value)

    def _conditional(self, sd: Tensor) -> tuple[Tensor, Tensor]:
        known = sd**2 * self.shown.information
        return self.shown.estimate * known / (1 + known), sd / pt.sqrt(1 + known)


def effects(
    name: str, sd: Tensor, dim: str, *, centred: float = 0.0, shown: Shown | None = None, absorbed: bool = False
) -> Tensor:
    """Independent Normal(0, sd^2) effects along a dim, as a Deterministic of that name.

    Parameters
    ----------
    name : str
        Of the effects; what is sampled is called `name_raw`.
    sd : scalar tensor
        Their SD.
    dim : str
        A dim of the model in context.
    centred : float
        From 0, they are sampled as multiples of the SD, to 1, as they are (`expsim_bayes.models._centring`).
    shown : Shown, optional
        What ratings say of the effects. They are then sampled as they are, in coordinates that lean on it.
    absorbed : bool
        Whether a level absorbs their mean, so that they had better be turned (`turn`); more than `MOST_TURNED` are not.
    """
    size = len(pm.modelcontext(None).coords[dim])
    if not absorbed or not 1 < size <= MOST_TURNED:
        return pm.Deterministic(name, _sampled(f"{name}_raw", sd, centred, shown, dims=dim), dims=dim)
    together = np.zeros(size, dtype=np.intp)
    matrix = turn(together)
    told = None if shown is None else shown.turned(matrix)
    raw = _sampled(f"{name}_raw", sd, np.where(leads(together), 0.0, centred), told, shape=size)
    return pm.Deterministic(name, pt.dot(matrix, raw), dims=dim)


def _sampled(name: str, sd: Tensor, centred: float | Floats, shown: Shown | None, **size: Any) -> Tensor:
    """Normal(0, sd^2) numbers by way of the free variable of that name."""
    if shown is not None:
        return pm.Normal(name, 0.0, sd, default_transform=_Leaning(shown), **size)
    raw = pm.Normal(name, 0.0, sd**centred if np.any(centred) else 1.0, **size)
    return sd ** (1.0 - centred) * raw


def turn(group: Ints) -> NDArray[np.float64]:
    """(n, n) orthogonal matrix that makes n members of groups of as many numbers: for each group, its mean and what deviates from it.

    Independent normals of one SD stay what they are when they are turned, so that the story is the same. Where a level absorbs the mean of
    a group, ratings tell the deviations well and the mean not at all; a sampler that moves along the members has a ridge to climb.

    Parameters
    ----------
    group : (n,) array of int
        Group of each member. The number at a group's first member stands for its mean.

    Examples
    --------
    >>> turn(np.array([0, 0, 1])).round(2).tolist()
    [[0.71, 0.71, 0.0], [0.71, -0.71, 0.0], [0.0, 0.0, 1.0]]
    """
    matrix = np.eye(group.size)
    for members in (np.flatnonzero(group == g) for g in np.unique(group)):
        if members.size <= MOST_TURNED:
            matrix[np.ix_(members, members)] = helmert(members.size, full=True).T
    return matrix


def leads(group: Ints) -> NDArray[np.bool_]:
    """(n,) which of the numbers that `turn` takes stand for the mean of a group."""
    first = np.zeros(group.size, dtype=bool)
    first[np.unique(group, return_index=True)[1]] = True
    return first


def turned(name: str, sd: Tensor, dims: tuple[str, ...], *, information: Floats | None = None) -> Tensor:
    """Independent Normal(0, sd^2) numbers along dims, as a Deterministic of that name, turned along the last (`turn`).

    Parameters
    ----------
    name : str
        Of the numbers; what is sampled is called `name_raw`.
    sd : float or scalar tensor
        Their SD.
    dims : tuple of str
        Dims of the model in context.
    information : array along dims, optional
        What so many ratings should tell of each number but for the mean of the last dim, which a level absorbs: inverse of a variance.
    """
    sizes = [len(pm.modelcontext(None).coords[dim]) for dim in dims]
    leaning = None
    if information is not None:
        each = np.repeat(information.mean(axis=-1, keepdims=True), sizes[-1], axis=-1)
        each[..., 0] = 0.0
        leaning = _Leaning(Shown(np.zeros(sizes), each))
    raw = pm.Normal(f"{name}_raw", 0.0, sd, shape=sizes, default_transform=leaning)
    return pm.Deterministic(name, pt.dot(raw, turn(np.zeros(sizes[-1], dtype=np.intp)).T), dims=dims)


class Layout(NamedTuple):
    """In which numbers the sampler moves effects along an axis."""

    matrix: NDArray[np.float64]
    """(n, n) from `turn`, or the identity."""
    centred: NDArray[np.float64]
    """(n,) of those numbers, from 0, sampled as multiples of the SD, to 1, as they are (`expsim_bayes.models._centring`)."""


def scattered(
    name: str, sd: Tensor, has: NDArray[np.bool_], dims: tuple[str, ...], *, layout: Layout | None = None
) -> Tensor:
    """Effects along dims, one of which has them only in places: zero elsewhere.

    Parameters
    ----------
    name : str
        Of the effects; what is sampled is called `name_raw`.
    sd : tensor
        One SD, or (..., first) SDs.
    has : (first,) array of bool
        Where there are any.
    dims : tuple of str
        Dims of the model in context: those of `sd`, the last of them the one with places, then any others.
    layout : Layout, optional
        Along the last dim, of those that are there; multiples of the SDs unless told.
    """
    lead = max(sd.ndim - 1, 0)
    sizes = [len(pm.modelcontext(None).coords[dim]) for dim in dims]
    where = (slice(None),) * lead + (np.flatnonzero(has),)
    shape = (*sizes[:lead], int(np.sum(has)), *sizes[lead + 1 :])
    scale = sd if sd.ndim == 0 else pt.shape_padright(sd[where], len(dims) - sd.ndim)
    effect = _sampled(f"{name}_raw", scale, 0.0 if layout is None else layout.centred, None, shape=shape)
    if layout is not None:
        effect = pt.dot(effect, layout.matrix.T)
    return pm.Deterministic(name, pt.set_subtensor(pt.zeros(sizes)[where], effect), dims=dims)


def pool_sds(name: str, scale: float, has: Sequence[bool], dim: str, *, lead: tuple[str, ...] = ()) -> Tensor:
    """(*lead, evaluator) half-normal SDs of the pools that have a term, along `dim` where they are sampled, and zero elsewhere."""
    some = pm.HalfNormal(f"{name}_of_pool", scale, dims=(*lead, dim), default_transform=SMALL_SD)
    sizes = [len(pm.modelcontext(None).coords[each]) for each in lead]
    where = (slice(None),) * len(lead) + (np.flatnonzero(has),)
    return pm.Deterministic(
        name, pt.set_subtensor(pt.zeros((*sizes, len(has)))[where], some), dims=(*lead, "evaluator")
    )


def group_means(values: Tensor, group: Ints) -> Tensor:
    """(..., groups) means of values along the last axis by group; every group from 0 has a member."""
    belongs = np.eye(int(group.max()) + 1)[group]
    return pt.dot(values, belongs / belongs.sum(axis=0))


def scale_uses(has: Sequence[bool] | NDArray[np.bool_], log_sd: float, *, heard: Tensor | None = None) -> Tensor:
    """(evaluator,) lambda as a Deterministic `scale_use`: how strongly an evaluator answers to what the reference sees.

    Parameters
    ----------
    has : (evaluator,) sequence of bool
        Whose lambda is estimated, along the dim `scaled`; it is 1 for the others.
    log_sd : float
        SD of log lambda; no unit.
    heard : scalar tensor, optional
        SD of what there is to be heard. Ratings of a judge tell well how much it hears, lambda times that SD, which is what is then
        sampled, and neither factor alone where the reference says little.
    """
    where, use = np.flatnonzero(has), pt.ones(len(has))
    if where.size:
        about = 0.0 if heard is None else pt.log(heard)
        use = pt.set_subtensor(use[where], pt.exp(pm.Normal("log_scale_use", about, log_sd, dims="scaled") - about))
    return pm.Deterministic("scale_use", use, dims="evaluator")
