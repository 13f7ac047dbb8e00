"""A regression guard: how probable it is that a variant is worse than the control by more than a margin, from the draws of a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.diagnostics import Verdict
from expsim_bayes.errors import SettingError
from expsim_bayes.posterior.fitted import stacked
from expsim_bayes.ratings import describe, taking_part
from expsim_bayes.recommend.reading import direction

if TYPE_CHECKING:
    import xarray as xr

    from expsim_bayes.ratings import Ratings

RISK = 0.05
"""Probability of being worse from which a guard fails, unless told."""


class Guarded(NamedTuple):
    """What a guard says of one variant."""

    variant: str
    """Which."""
    prob_worse: float
    """Probability that it is worse than the control by more than the margin."""
    mcse: float
    """Monte-Carlo error of that probability."""
    passes: bool
    """Whether the probability is below the risk."""


def refusals(tree: xr.DataTree, ratings: Ratings) -> tuple[str, ...]:
    """Why nothing may be said from a fit; empty where it may be.

    Parameters
    ----------
    tree : xarray.DataTree
        From `fit.fit`.
    ratings : Ratings
        What was fitted.
    """
    verdict = Verdict.from_json(tree.attrs["verdict"])
    if verdict.level == "refuse":
        return verdict.reasons
    groups = describe(ratings).components
    if len(groups) > 1:
        told = "; ".join(", ".join(group) for group in groups)
        return (f"The variants fall into groups that nothing links ({told}): they cannot be compared.",)
    return ()


def guard(tree: xr.DataTree, ratings: Ratings, *, margin: float, risk: float = RISK) -> tuple[Guarded, ...]:
    """How probable it is that each other variant is worse than the control by more than a margin.

    Parameters
    ----------
    tree : xarray.DataTree
        From `fit.fit`, let through by its gate (see `refusals`).
    ratings : Ratings
        What was fitted, with a control.
    margin : float
        By how much, in the unit of quality.
    risk : float
        Probability from which the guard fails.

    Returns
    -------
    tuple of Guarded
        One a variant, in the order of the ratings.

    Raises
    ------
    SettingError
        There is no control, or nothing to compare with it.
    """
    names = taking_part(ratings).variants
    if ratings.control is None:
        raise SettingError("no control is named", where="--control", remedy="name the variant in use today")
    if "quality" not in tree["posterior"] or len(names) < 2:
        raise SettingError(
            "there is nothing to compare with the control",
            where=ratings.source,
            remedy="have another variant rated on the same items",
        )
    control = names.index(ratings.control)
    sign = 1.0 if direction(tree, ratings) else -1.0
    quality = sign * stacked(tree, "quality")
    worth = _worth(tree, len(quality))
    return tuple(
        _guarded(name, quality[:, v] - quality[:, control] < -margin, worth, risk)
        for v, name in enumerate(names)
        if v != control
    )


def _guarded(name: str, worse: np.ndarray[tuple[int], np.dtype[np.bool_]], worth: float, risk: float) -> Guarded:
    probability = float(worse.mean())
    error = float(np.sqrt(max(probability * (1.0 - probability), 1.0 / worth) / worth))
    return Guarded(name, probability, error, passes=probability < risk)


def _worth(tree: xr.DataTree, draws: int) -> float:
    """Independent draws that those of the least certain quality are worth."""
    quantities = Verdict.from_json(tree.attrs["verdict"]).quantities
    return min((q.ess_bulk for q in quantities if q.name.startswith("quality[")), default=float(draws))
