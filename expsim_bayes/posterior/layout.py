"""Which latent effects exist, and where each stands in the latent vector.

The latent vector of the fast posterior is ``(m, q, b, d, t)``: levels, qualities, severities, judge shifts and tastes. Items, outputs and
opinions are not in it, they are summed out. An effect whose standard deviation is zero is absent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ABSENT = -1


@dataclass(frozen=True)
class Components:
    """Variance components, scale use and levels of the score story, with K evaluators and V variants; all in points.

    They are given to the fast posterior: the beliefs of a scenario, or what a fit found.
    """

    level_mean: NDArray[np.float64]
    """(K,) prior mean of each evaluator's level m."""
    level_sd: NDArray[np.float64]
    """(K,) prior SD of each evaluator's level m."""
    scale: NDArray[np.float64]
    """(K,) how much of the scale each evaluator uses, lambda; 1 for the reference."""
    sd_variant: float
    """SD of what variants add."""
    sd_item: float
    """SD of items."""
    sd_interaction: float
    """SD of item-by-variant effects."""
    sd_output: NDArray[np.float64]
    """(V,) SD between generations of a variant on an item."""
    sd_rater: NDArray[np.float64]
    """(K,) SD of severity within each pool."""
    sd_shift: NDArray[np.float64]
    """(K,) SD of each judge's taste for a variant; 0 for the reference."""
    sd_taste: NDArray[np.float64]
    """(K,) SD of one person's taste for a variant."""
    sd_opinion: NDArray[np.float64]
    """(K,) SD of a rater's lasting opinion of one output."""
    sd_noise: NDArray[np.float64]
    """(K,) SD of the noise of a rating."""
    reference: int
    """Evaluator whose level and scale define quality."""


def among(wider: Components, known: Components, evaluators: NDArray[np.intp]) -> Components:
    """Components of a wider panel, with what is known of some of its members in place of what was believed.

    Parameters
    ----------
    wider : Components
        Of the wider panel, with the same variants.
    known : Components
        Of K evaluators.
    evaluators : numpy.ndarray
        (K,) position of each of them in the wider panel.
    """
    each = ("level_mean", "level_sd", "scale", "sd_rater", "sd_shift", "sd_taste", "sd_opinion", "sd_noise")
    mixed = {}
    for name in each:
        mixed[name] = getattr(wider, name).copy()
        mixed[name][evaluators] = getattr(known, name)
    return replace(known, **mixed, sd_output=known.sd_output, reference=wider.reference)


class Layout(NamedTuple):
    """Positions in the latent vector; -1 where an effect is absent. K evaluators, V variants, J raters."""

    level: NDArray[np.intp]
    """(K,)"""
    quality: NDArray[np.intp]
    """(V,)"""
    severity: NDArray[np.intp]
    """(J,)"""
    shift: NDArray[np.intp]
    """(K, V)"""
    taste: NDArray[np.intp]
    """(J, V)"""
    rater_evaluator: NDArray[np.intp]
    """(J,) evaluator of each rater."""
    size: int
    """Length of the latent vector."""


def layout(components: Components, *, rater_evaluator: NDArray[np.intp]) -> Layout:
    """Positions of the effects that exist, given the components.

    Parameters
    ----------
    components : Components
        An effect is present where its SD is above zero.
    rater_evaluator : numpy.ndarray
        (J,) evaluator of each rater.
    """
    n_evaluators, n_variants = components.scale.size, components.sd_output.size
    taken = n_evaluators + n_variants

    def place(present: NDArray[np.bool_]) -> NDArray[np.intp]:
        nonlocal taken
        positions = np.full(present.shape, ABSENT, dtype=np.intp)
        positions[present] = taken + np.arange(present.sum())
        taken += int(present.sum())
        return positions

    severity = place(components.sd_rater[rater_evaluator] > 0)
    shift = place(np.repeat((components.sd_shift > 0)[:, None], n_variants, axis=1))
    taste = place(np.repeat((components.sd_taste[rater_evaluator] > 0)[:, None], n_variants, axis=1))
    return Layout(
        level=np.arange(n_evaluators, dtype=np.intp),
        quality=np.arange(n_evaluators, n_evaluators + n_variants, dtype=np.intp),
        severity=severity,
        shift=shift,
        taste=taste,
        rater_evaluator=np.asarray(rater_evaluator, dtype=np.intp),
        size=taken,
    )


def prior_moments(components: Components, places: Layout) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Prior mean and SD of the latent vector, each (size,)."""
    mean = np.zeros(places.size)
    sd = np.empty(places.size)
    mean[places.level] = components.level_mean
    sd[places.level] = components.level_sd
    sd[places.quality] = components.sd_variant
    n_variants = places.quality.size
    for positions, spread in (
        (places.severity, components.sd_rater[places.rater_evaluator]),
        (places.shift, np.repeat(components.sd_shift[:, None], n_variants, axis=1)),
        (places.taste, np.repeat(components.sd_taste[places.rater_evaluator][:, None], n_variants, axis=1)),
    ):
        present = positions != ABSENT
        sd[positions[present]] = spread[present]
    return mean, sd
