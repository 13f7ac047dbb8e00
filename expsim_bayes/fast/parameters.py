r"""Components of the score story as numbers that are standard normal before a rating is seen.

A half-normal SD, cut off below at a least value or not, is :math:`\sigma = F^{-1}(\Phi(x))` with :math:`x \sim N(0, 1)`; log lambda is a
normal number times its prior SD. What the ratings do not tell is then exactly normal after them, too, and what they tell well nearly so:
the posterior of :math:`x` has no heavy tail where a standard deviation comes near zero, as that of its logarithm has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from expsim_bayes.models._priors import Priors
from expsim_bayes.models._recover import ComponentDraws

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from expsim_bayes.models._priors import Scale
    from expsim_bayes.models._star_priors import Priors as StarPriors
    from expsim_bayes.models._terms import Components, Terms

    Floats = NDArray[np.float64]

FARTHEST = 35.0
"""Prior SDs up to which the normal distribution function can be turned round."""


class _Unknown(NamedTuple):
    """One component that is estimated."""

    name: str
    """Field of `ComponentDraws`."""
    place: tuple[()] | tuple[int]
    """Entry of the field."""
    spread: float
    """Scale of its half-normal prior in points, or SD of its logarithm."""
    upper: float
    """What the prior's normal leaves above its least value; 0 marks a logarithm."""


class Parameters(NamedTuple):
    """The unknown components among all, d of them."""

    unknown: tuple[_Unknown, ...]
    start: ComponentDraws
    """(1, ...) values of all components where nothing is estimated: zeros where absent, one for uses of the scale, or those given."""

    def components(self, x: Floats) -> ComponentDraws:
        """Components in points of D standard normal vectors, (D, d); beyond `FARTHEST` they no longer grow."""
        x = np.clip(x, -FARTHEST, FARTHEST)
        values = [np.repeat(value, len(x), axis=0) for value in self.start]
        fields = ComponentDraws._fields
        for n, what in enumerate(self.unknown):
            values[fields.index(what.name)][(slice(None), *what.place)] = _value(x[:, n], what)
        return ComponentDraws(*values)

    def slopes(self, x: Floats, along: ComponentDraws) -> Floats:
        """(D, d) slopes along the standard normal numbers, from those along the components."""
        found = np.empty_like(x)
        for n, what in enumerate(self.unknown):
            slope = getattr(along, what.name)[:, *what.place]
            found[:, n] = slope * _slope(x[:, n], what)
        return found


def _value(x: Floats, what: _Unknown) -> Floats:
    if not what.upper:
        return np.exp(what.spread * x)
    return -what.spread * ndtri(what.upper * ndtr(-x))


def _slope(x: Floats, what: _Unknown) -> Floats:
    value = _value(x, what)
    if not what.upper:
        return what.spread * value
    return what.spread * what.upper * np.exp(((value / what.spread) ** 2 - x**2) / 2)


def parameters(
    present: Terms, priors: Priors | StarPriors, scale: Scale, fixed: Components | None = None, *, noise: bool = True
) -> Parameters:
    """The components that a data set leaves to be estimated.

    Parameters
    ----------
    present : Terms
        Terms that the ratings can tell apart.
    priors : Priors
        In widths of the score range.
    scale : Scale
        Middle and width of the scale.
    fixed : Components, optional
        Given components, of which nothing is estimated.
    noise : bool
        Whether the noise of a rating is a component; that of a step of a scale is not.
    """
    evaluators = len(present.shift)
    if fixed is not None:
        return Parameters((), ComponentDraws.repeat(fixed, 1))
    found: list[_Unknown] = []

    def add(name: str, places: Iterable[tuple[()] | tuple[int]], upper: float = 0.5) -> None:
        spread = getattr(priors, name) * scale.width
        found.extend(_Unknown(name, place, spread, upper) for place in places)

    singles = {"sd_item": present.item, "sd_interaction": present.interaction, "sd_output": present.output}
    for name, has in {**singles, "sd_shift": any(present.shift)}.items():
        add(name, [()] if has else [])
    for name, flags in {"sd_rater": present.severity, "sd_taste": present.taste, "sd_opinion": present.opinion}.items():
        add(name, [(k,) for k, flag in enumerate(flags) if flag])
    if noise:
        assert isinstance(priors, Priors)
        add("sd_noise", [(k,) for k in range(evaluators)], float(ndtr(-priors.least_noise / priors.sd_noise)))
    free = [(k,) for k, flag in enumerate(present.scale_use) if flag]
    found.extend(_Unknown("scale_use", place, priors.log_scale_use_sd, 0.0) for place in free)
    one, each = np.zeros(1), np.zeros((1, evaluators))
    start = ComponentDraws(one, one, one, one, each, each, each, each, each + 1.0)
    return Parameters(tuple(found), start)
