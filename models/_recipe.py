"""What every member of the model family declares, so that one fit, one gate, one calibration check and one report serve them all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.frozen import Frozen
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.ratings.contract import Outcome

Features = Callable[["NDArray[Any]", "xr.Dataset"], Mapping[str, "NDArray[np.float64]"]]
"""From (draw, ...) observed values of D data sets, and the constant_data group of the fit, to (D,) numbers that decisions hang on."""


class Supposed(NamedTuple):
    """One number about effects, beside what the story supposes of it."""

    found: float
    """Its posterior mean."""
    fresh: NDArray[np.float64]
    """(draw,) of effects drawn afresh from their distribution."""


def refuse_not_positive(priors: Frozen, *, but: Collection[str] = ()) -> None:
    """Raise where a number among some priors leaves nothing to learn.

    Parameters
    ----------
    priors : Frozen
        Of a model; settings that are no numbers are not looked at.
    but : collection of str
        Priors that may have any sign.

    Raises
    ------
    SettingError
        A number is not above 0.
    """
    for name, value in priors:
        if isinstance(value, int | float) and not isinstance(value, bool) and name not in but and not value > 0:
            raise SettingError(
                f"a prior of {value} leaves nothing to learn", where=f"priors.{name}", remedy="give a number above 0"
            )


def as_sampled(draws: xr.Dataset, ratings: Ratings, priors: Frozen, rng: np.random.Generator) -> xr.Dataset:  # noqa: ARG001
    """Draws of a model from which nothing was integrated out: they are complete."""
    return draws


@dataclass(frozen=True)
class Recipe:
    """How one kind of rating becomes a PyMC model, and its draws become what a report shows."""

    name: str
    """As in `expsim fit --model NAME`; the name of its module."""
    title: str
    """What it models, in a few plain words: "stars on a scale of a few steps"."""
    outcome: Outcome
    """What a row of its ratings is."""
    priors: type[Frozen]
    """Its priors; made without arguments they are the ones used unless told."""
    build: Callable[..., pm.Model]
    """(ratings, priors) -> the explicit model, generative from top to bottom, observed variables included."""
    observed: Mapping[str, str]
    """Observed variable of `build` -> name of the `pm.Data` that holds its values, in `build` and in `sampled` alike."""
    features: Features
    """What its predictive checks compare, from values shaped (draw, *shape of the first observed variable)."""
    sentences: Callable[[Ratings, Any], tuple[str, ...]]
    """What was merged, left out or assumed for these ratings, in plain sentences."""
    sampled: Callable[..., pm.Model] | None = None
    """The same story with something integrated out, for the sampler, its free variables named as in `build`; `build` unless told.
    What stands for the observed variables is a `pm.Potential` named "likelihood"."""
    leans: bool = False
    """Whether `build` and `sampled` choose coordinates by what the ratings show. They then take `centred=False`, for a model that is
    compiled once and sees many data sets."""
    complete: Callable[[xr.Dataset, Ratings, Any, np.random.Generator], xr.Dataset] = as_sampled
    """(draws with dims chain and draw, ratings, priors, rng) -> the same with what was integrated out drawn from its conditional. It is
    asked for some of the draws only, so that what it adds is `nested`."""
    nested: tuple[str, ...] = ()
    """Variables with one value an item, an output or a rating: kept in the group `effects`, and not looked at by the gate."""
    chosen: tuple[str, ...] = ()
    """Variables that `expsim_bayes.models._prior_density.top_level` would miss: a person chose how far they spread, although another
    variable enters it."""
    supposed: Callable[[xr.Dataset, xr.Dataset, np.random.Generator], Mapping[str, Supposed]] | None = None
    """(posterior, constant data, rng) -> numbers about effects that predictions of ratings cannot tell, for the predictive checks."""
    unit: str | Callable[[Ratings, Any], str] = "points"
    """Unit of `quality`: "points", "share" (a probability), "dollars", "seconds" or "tokens"; or what tells it of (ratings, priors)."""
    effects_unit: str = "logits"
    """Unit of the standard deviations `sd_*`."""
    higher_is_better: bool | None = None
    """Direction of `quality` where the kind of rating fixes it; None where the ratings say."""
