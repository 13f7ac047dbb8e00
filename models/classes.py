r"""Classes: labels in K classes by raters who err, without gold labels (Dawid & Skene 1979).

The true class :math:`z_o` of output :math:`o` of variant :math:`v` is not seen; rater :math:`r` labels it by the row
of its own table of errors:

.. math::

    z_o \sim \operatorname{Categorical}(\pi_v), \qquad P(y = l \mid z = c) = \theta_{rcl}

    \pi_v \sim \operatorname{Dirichlet}(s\, \pi), \quad \pi \sim \operatorname{Dirichlet}(a, \dots, a), \qquad
    \theta_{rc} \sim \operatorname{Dirichlet}\bigl(n\,(1 - h) / (K - 1), \dots, n\,h, \dots\bigr)

with :math:`n h` at the right class. Where nothing is compared there is one variant and :math:`\pi_v = \pi`. Tables of errors are of single
raters, not pooled: the plain model. Classes could change names; the prior of :math:`\theta`, by which the right label is the likeliest,
and starting values there keep them. The true class is summed out. Labels that one rater gave to one output are added up; outputs with equal
labels are not, for which are equal is told by the labels, and the graph knows the design alone.

*Quality* is the share of outputs whose true class is one of those named good (by default the best). For two classes, gold labels, kinds of
item or judges whose errors shift with the variant use `binary`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pydantic import model_validator

from expsim_bayes.errors import SettingError
from expsim_bayes.frozen import Frozen
from expsim_bayes.models._classes import Labels, labels
from expsim_bayes.models._counts import Counts
from expsim_bayes.models._effects import Tensor
from expsim_bayes.models._recipe import Recipe
from expsim_bayes.models._task import flat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings


class Priors(Frozen):
    """Priors of the story of classes.

    Examples
    --------
    >>> Priors(hit=0.8).hit
    0.8
    """

    good: str | None = None
    """A setting: the classes whose share is the quality, separated by commas; the best one unless told."""
    prevalence: float = 3.0
    """Concentration a of the Dirichlet prior of the shares of true classes, each class alike; pretend outputs a class."""
    similarity: float = 10.0
    """Concentration s by which variants' shares keep to the common shares; pretend outputs a variant."""
    concentration: float = 8.0
    """Sum n of the Dirichlet prior of a row of a rater's table of errors; pretend labels a row."""
    hit: float = 0.6
    """Prior mean h of the probability that a rater gives the right class; a share within (0, 1), above that of any other class."""

    @model_validator(mode="after")
    def _in_range(self) -> Priors:
        for name in ("prevalence", "similarity", "concentration", "hit"):
            value = getattr(self, name)
            if not value > 0 or (name == "hit" and value >= 1):
                raise SettingError(
                    f"a prior of {value} has no meaning",
                    where=f"priors.{name}",
                    remedy="give a number above 0" + (" and below 1" if name == "hit" else ""),
                )
        return self


def build_model(ratings: Ratings, priors: Priors | None = None) -> pm.Model:
    """The story of classes as an explicit PyMC model, the true class of each output included.

    Parameters
    ----------
    ratings : Ratings
        Validated scores, each the number of a class; missing ones are left out.
    priors : Priors, optional
        Concentrations.

    Returns
    -------
    pm.Model
        With `quality` of dims `("variant",)`; `prevalence`, the shares of true classes, of dims `("variant", "class")`; `confusion`,
        P(says said | truth class), of dims `("rater", "class", "said")`; `truth` of dims `("output",)`, the place of a class from 0; and
        the observed `label` of dims `("entry", "said")`.

    Raises
    ------
    RatingsError
        There is one class, or too many.
    SettingError
        The right class is not believed to be the likeliest label.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"item": list("112233"), "rater": ["ann", "bob"] * 3, "score": [1, 1, 2, 3, 3, 3]})
    >>> model = build_model(validate(frame, compare=False))
    >>> model["confusion"].eval().shape
    (2, 3, 3)
    """
    priors = priors or Priors()
    seen = _seen(ratings, priors)
    with pm.Model(coords=_coords(seen)) as model:
        count, prevalence, confusion = _story(seen, priors)
        truth = pm.Categorical("truth", p=prevalence[seen.data.output_variant], dims="output")
        said = confusion[seen.rater, truth[seen.output]]
        Counts("label", n=seen.counts.sum(axis=1), p=said, observed=count, dims=("entry", "said"))
    return model


def build_marginal_model(ratings: Ratings, priors: Priors | None = None) -> pm.Model:
    """The same story with the true class of each output summed out.

    Parameters
    ----------
    ratings, priors
        As in `build_model`.

    Returns
    -------
    pm.Model
        With the free variables of `build_model` but for the true classes, and the likelihood as a `Potential`.
    """
    priors = priors or Priors()
    seen = _seen(ratings, priors)
    with pm.Model(coords=_coords(seen)) as model:
        count, prevalence, confusion = _story(seen, priors, started=True)
        each = (count[:, None, :] * pt.log(confusion)[seen.rater]).sum(axis=2)
        none = pt.zeros((len(seen.data.outputs), seen.classes.size))
        given = pt.inc_subtensor(none[seen.output], each)
        pm.Potential(
            "likelihood", pm.math.logsumexp(given + pt.log(prevalence)[seen.data.output_variant], axis=1).sum()
        )
    return model


def _seen(ratings: Ratings, priors: Priors) -> Labels:
    seen = labels(ratings, good=priors.good)
    if priors.hit * seen.classes.size <= 1:
        raise SettingError(
            f"a hit of {priors.hit} is no more than chance among {seen.classes.size} classes, which could then change names",
            where="priors.hit",
            remedy=f"give a share above {1 / seen.classes.size:.3g}",
        )
    return seen


def _coords(seen: Labels) -> dict[str, Any]:
    names = [f"{c:g}" for c in seen.classes]
    data = seen.data
    return {
        "variant": list(data.variants),
        "class": names,
        "said": names,
        "rater": list(seen.raters),
        "output": list(data.outputs),
        "entry": np.arange(len(seen.counts)),
    }


def _story(seen: Labels, priors: Priors, *, started: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Labels, shares of true classes by variant, and raters' tables of errors, which a sampler begins from their prior means."""
    count = pm.Data("label_of", seen.counts, dims=("entry", "said"))
    pm.Data("rater_of", seen.rater, dims="entry")
    pm.Data("good_of", seen.good.astype(int), dims="said")
    pm.Data("output_of", seen.output, dims="entry")
    pm.Data("variant_of", seen.data.output_variant[seen.output], dims="entry")
    k = seen.classes.size

    # population: shares of true classes, common and by variant
    share = pm.Dirichlet("share", np.full(k, priors.prevalence), dims="class")
    if len(seen.data.variants) == 1:
        each: Tensor = share[None, :]
    else:
        each = pm.Dirichlet("share_of_variant", priors.similarity * share, dims=("variant", "class"))
    prevalence = pm.Deterministic("prevalence", each, dims=("variant", "class"))
    pm.Deterministic("quality", prevalence[:, np.flatnonzero(seen.good)].sum(axis=1), dims="variant")

    # raters: a table of errors each
    right = priors.concentration * priors.hit
    wrong = priors.concentration * (1 - priors.hit) / (k - 1)
    believed = np.full((k, k), wrong) + np.eye(k) * (right - wrong)
    start = np.broadcast_to(believed / priors.concentration, (len(seen.raters), k, k))
    confusion = pm.Dirichlet("confusion", believed, dims=("rater", "class", "said"), initval=start if started else None)
    return count, prevalence, confusion


def complete(draws: xr.Dataset, ratings: Ratings, priors: Priors, rng: np.random.Generator) -> xr.Dataset:
    """Draws with the true class of each output, drawn from its conditional."""
    seen = _seen(ratings, priors)
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    confusion, prevalence = (flat(draws[name]) for name in ("confusion", "prevalence"))
    truth = np.stack([_draw(seen, confusion[n], prevalence[n], rng) for n in range(len(confusion))])
    coords = {"output": list(seen.data.outputs)}
    return draws.assign(truth=xr.DataArray(truth.reshape(*shape, -1), dims=("chain", "draw", "output"), coords=coords))


def _draw(
    seen: Labels, confusion: NDArray[np.float64], prevalence: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """(output,) true classes of one draw."""
    tiny = np.finfo(float).tiny
    log = np.log(np.maximum(prevalence, tiny))[seen.data.output_variant]
    np.add.at(log, seen.output, np.einsum("el,ecl->ec", seen.counts, np.log(np.maximum(confusion, tiny))[seen.rater]))
    below = np.cumsum(np.exp(log - log.max(axis=1, keepdims=True)), axis=1)
    return np.asarray((below < rng.random(len(below))[:, None] * below[:, -1:]).sum(axis=1))


MOST_SHOWN = 6
"""Raters and variants up to which predictions are looked at one by one."""


def features(values: NDArray[Any], constant: xr.Dataset) -> Mapping[str, NDArray[np.float64]]:
    """(draw,) numbers that decisions hang on, from (draw, entry, said) counts of labels."""
    counts = np.asarray(values, dtype=float)
    rater, output, variant = (constant[f"{name}_of"].to_numpy() for name in ("rater", "output", "variant"))
    total = counts.sum(axis=2)
    shares = counts.sum(axis=1) / total.sum(axis=1)[:, None]
    found = {f"share of labels {name}": shares[:, c] for c, name in enumerate(constant["said"].to_numpy())}
    by_rater = _shares(counts, rater)
    if by_rater.shape[1] > 1:
        found["spread between raters' shares of classes (SD)"] = by_rater.std(axis=1).mean(axis=1)
    by_variant = _shares(counts, variant)
    if by_variant.shape[1] > 1:
        found["spread between variants' shares of classes (SD)"] = by_variant.std(axis=1).mean(axis=1)
    pairs = _together(counts, output)
    several = counts.sum(axis=2)[0] > 1
    if pairs is not None:
        found["share of pairs of labels of one output that agree"] = pairs
    if several.any():
        found["share of a rater's repeated labels that agree"] = _agree(counts[:, several])
    return found


def _shares(counts: NDArray[np.float64], group: NDArray[np.intp]) -> NDArray[np.float64]:
    """(draw, group, class) shares of labels."""
    found = np.unique(group, return_inverse=True)[1]
    total = np.stack([counts[:, found == g].sum(axis=1) for g in range(found.max() + 1)], axis=1)
    return np.asarray(total / total.sum(axis=2, keepdims=True))


def _together(counts: NDArray[np.float64], output: NDArray[np.intp]) -> NDArray[np.float64] | None:
    """(draw,) share of the pairs of labels of one output, by whomever, that agree; None without such pairs."""
    found = np.unique(output, return_inverse=True)[1]
    total = np.zeros((counts.shape[0], found.max() + 1, counts.shape[2]))
    np.add.at(total.transpose(1, 0, 2), found, counts.transpose(1, 0, 2))
    return _agree(total) if (total[0].sum(axis=1) > 1).any() else None


def _agree(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(draw,) share of agreeing pairs within the rows of (draw, row, class) counts."""
    size = counts.sum(axis=2)
    return np.asarray((counts * (counts - 1)).sum(axis=(1, 2)) / (size * (size - 1)).sum(axis=1))


def _sentences(ratings: Ratings, priors: Priors) -> tuple[str, ...]:
    return _seen(ratings, priors).sentences


RECIPE = Recipe(
    name="classes",
    title="labels in some classes, by raters who err",
    outcome="score",
    priors=Priors,
    build=build_model,
    observed={"label": "label_of"},
    features=features,
    sentences=_sentences,
    sampled=build_marginal_model,
    complete=complete,
    nested=("truth",),
    chosen=("share_of_variant",),
    unit="share",
    higher_is_better=True,
)
