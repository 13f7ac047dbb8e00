r"""Error scores: what is wrong with an output, counted and weighed. Most are zero, the others skewed, and none is above a cap.

A hurdle (Mullahy 1986) in two parts. Rating :math:`n` of output :math:`o` (variant :math:`v`, item :math:`i`) by rater :math:`r` of
evaluator :math:`k` finds an error, and an error has one of the sizes :math:`s_1 < \dots < s_S`, the last of them the cap:

.. math::

    P(y_n > 0) = \operatorname{logit}^{-1}(m_k + \eta_{1n}), \qquad
    P(y_n \le s_c \mid y_n > 0) = \operatorname{logit}^{-1}(\kappa_{kc} - \eta_{2n})

    \eta_{pn} = \lambda_{pk} (q_{pv} + u_{pi} + g_{piv} + w_{po}) + b_{pr} + d_{pkv} + t_{prv} + a_{pro}

with the terms of the score story in logits, once for each part. A rater has two severities, a judge two shifts, a variant two effects, all
independent a priori: who finds errors rarely need not find them small. What is rated has its two effects jointly normal with one
*correlation*, for a hard text has more errors and larger ones, and the expected score is their product. Sizes follow an ordered logistic
law with cutpoints :math:`\kappa_k` for each evaluator, which takes the heaps of such scores (1, 5, 10) as they are and cannot pass the cap.

*Quality* is the score that the reference panel is expected to give a variant on new items by new raters, lower being better;
`prob_no_error` is how often it finds none, and `mean_size` the mean score where it finds one. What the model does not reproduce: sizes
beside those seen, and raters who differ in more than how often and how large, such as one who never uses the smallest sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pydantic import model_validator

from expsim_bayes.frozen import Frozen
from expsim_bayes.models._centring import severity_layout, shift_layout
from expsim_bayes.models._effects import NESTED_EFFECTS, group_means, pool_sds, scattered, turned
from expsim_bayes.models._error_draws import complete, features
from expsim_bayes.models._error_parts import (
    Tensor,
    cutpoints,
    edges,
    expected_sizes,
    grid,
    integrated,
    joint,
    one_by_one,
    size_probs,
    tabled,
)
from expsim_bayes.models._error_steps import Errors, errors
from expsim_bayes.models._recipe import Recipe, refuse_not_positive
from expsim_bayes.models._terms import NESTED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

PARTS = ("error", "size")
"""Whether there is an error, and how large it is."""


class Priors(Frozen):
    """Priors of the story of error scores; every SD holds for both parts, in logits, where the noise of a rating has an SD of 1.81.

    Examples
    --------
    >>> Priors(sd_variant=0.5).sd_variant
    0.5
    """

    sd_level: float = 1.5
    """SD of the level of an evaluator, whose mean is an error in every second rating: m ~ Normal(0, sd_level); logits."""
    sd_variant: float = 0.7
    """SD of what a variant adds, fixed: q ~ Normal(0, sd_variant); logits."""
    shares: float = 0.5
    """Concentration of the Dirichlet prior of the shares of an evaluator's sizes; pretend ratings a size."""
    correlation: float = 3.0
    """Shape a of the prior (1 + correlation) / 2 ~ Beta(a, a) of an item's two effects; higher holds them for unrelated; no unit."""
    log_scale_use_sd: float = 0.5
    """SD of log lambda, how strongly an evaluator answers to what the reference sees; no unit."""
    sd_item: float = 1.0
    """Scale of the half-normal prior of the SD between items; logits."""
    sd_interaction: float = 0.7
    """Scale of the half-normal prior of the SD of a variant's fit to an item; logits."""
    sd_output: float = 0.7
    """Scale of the half-normal prior of the SD between generations of one variant on one item; logits."""
    sd_rater: float = 1.0
    """Scale of the half-normal prior of the SD of severity between the raters of a pool; logits."""
    sd_shift: float = 0.7
    """Scale of the half-normal prior of the SD of judges' tastes for variants, one SD for all judges; logits."""
    sd_taste: float = 0.35
    """Scale of the half-normal prior of the SD of one person's taste for a variant; logits."""
    sd_opinion: float = 0.7
    """Scale of the half-normal prior of the SD of a rater's lasting opinion of one output; logits."""

    @model_validator(mode="after")
    def _all_positive(self) -> Priors:
        refuse_not_positive(self)
        return self


def build_model(ratings: Ratings, priors: Priors | None = None) -> pm.Model:
    """The story of error scores as an explicit PyMC model.

    Parameters
    ----------
    ratings : Ratings
        Validated scores of 0 and above; missing ones are left out.
    priors : Priors, optional
        In logits.

    Returns
    -------
    pm.Model
        With `quality` and `mean_size` in points and `prob_no_error`, all of dims `("variant",)`, one variable a term in logits with the
        dim `part`, and the observed `finding` of dims `("rating",)`: the step of each rating, 0 where there is no error.

    Raises
    ------
    RatingsError
        A score is below zero.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"variant": ["A", "B"] * 4, "item": list("11223344"), "rater": "ann", "score": [0, 5, 0, 0, 1, 0, 0, 6]})
    >>> model = build_model(validate(frame, score_range=(0, 25)))
    >>> [float(step) for step in model.coords["step"]], model["finding_of"].get_value().tolist()
    ([0.0, 1.0, 5.0, 6.0, 25.0], [0, 2, 0, 0, 1, 0, 0, 3])
    """
    seen = errors(ratings)
    with pm.Model(coords=_coords(seen)) as model:
        pm.Data("step_points", seen.points, dims="step")
        finding = pm.Data("finding_of", seen.step, dims="rating")
        told = _story(seen, priors or Priors(), np.arange(seen.step.size), dim="rating")
        pm.Categorical("finding", p=_step_probabilities(told), observed=finding, dims="rating")
    return model


def build_marginal_model(ratings: Ratings, priors: Priors | None = None) -> pm.Model:
    """The same story with both effects of the lowest level of items, cells and outputs integrated out on a grid.

    Its posterior of everything else is that of `build_model`. Ratings that differ by that level alone share one row of a table of
    log-likelihoods, and each rating only looks up its own.

    Parameters
    ----------
    ratings, priors
        As in `build_model`.

    Returns
    -------
    pm.Model
        With the free variables of `build_model` but for those of that level, and the likelihood as a `Potential`.
    """
    seen = errors(ratings)
    if seen.lowest is None:
        return build_model(ratings, priors)
    unit = seen.places.unit(seen.lowest)
    nodes = grid(int(np.bincount(unit).max()))
    shared = seen.first.size * seen.points.size < seen.step.size
    rows, dim = (seen.first, "row") if shared else (np.arange(seen.step.size), "rating")
    with pm.Model(coords={**_coords(seen), dim: np.arange(rows.size)}) as model:
        pm.Data("step_points", seen.points, dims="step")
        step = pm.Data("finding_of", seen.step, dims="rating")
        told = _story(seen, priors or Priors(), rows, dim=dim, without=seen.lowest)
        spread = told.scale_use * model[NESTED[seen.lowest][1]][:, None]
        latent = told.latent[:, :, None] + spread[:, :, None] * nodes  # (part, row, node)
        likelihood = tabled if shared else one_by_one
        error, size = likelihood(edges(told.cutpoint), latent, step, seen.row if shared else rows, unit)
        pm.Potential("likelihood", integrated(error, size, told.correlation, nodes).sum())
    return model


class _Told(NamedTuple):
    """The story up to the ratings themselves."""

    latent: Tensor
    """(part, row) latent value of each row."""
    cutpoint: Tensor
    """(row, cut)"""
    scale_use: Tensor
    """(part, row)"""
    correlation: Tensor


def _step_probabilities(told: _Told) -> Tensor:
    """(rating, step) probabilities."""
    found = pm.math.sigmoid(told.latent[0])[:, None]
    edge = edges(told.cutpoint)
    size = size_probs(edge[:, :-1], edge[:, 1:], told.latent[1][:, None])
    return pt.concatenate([1 - found, found * size], axis=1)


def _coords(seen: Errors) -> dict[str, Any]:
    shared = seen.places.coords(seen.present)
    return shared | {"part": PARTS, "step": seen.points, "size": seen.points[1:], "cut": seen.points[2:]}


def _story(seen: Errors, priors: Priors, rows: NDArray[np.intp], *, dim: str, without: str | None = None) -> _Told:
    """Everything but the ratings, told from the top, for the ratings at `rows`; `without` the effects of one of the nested dims."""
    data, k = seen.data, seen.present.reference
    variant = pm.Data("variant_of", data.variant[rows], dims=dim)
    evaluator = pm.Data("evaluator_of", data.evaluator[rows], dims=dim)
    pm.Data("rater_of", data.rater[rows], dims=dim)

    # population: what variants add, how often an evaluator finds errors and how large, at the average of variants and raters at hand
    q = turned("q", priors.sd_variant, ("part", "variant"))
    deviation = q - q.mean(axis=1, keepdims=True)
    level = pm.Normal("error_level", 0.0, priors.sd_level, dims="evaluator")
    cutpoint = _cutpoints(seen, priors)

    # items and outputs: what an ideal reader would see, beyond the variant
    worth, correlation = _worth(seen, priors, rows, without=without)

    # evaluators and raters: use of the scale, severity, tastes, lasting opinions
    scale_use = _scale_use(seen, priors)
    people = _personal(seen, priors, rows)

    # what a report says: the reference panel's answer to new items by new raters
    base = pt.stack([level[k], 0.0])[:, None]
    location = base + deviation - worth.mean - people.mean[:, k, None]
    new = _New(worth.variance, people.variance[:, k], worth.covariance)
    _quality(seen, location, cutpoint[k], new)
    _in_points(seen, base, cutpoint[k], new)
    latent = scale_use[:, evaluator] * (deviation[:, variant] + worth.latent) + people.latent
    latent = latent + pt.stack([level[evaluator], pt.zeros(rows.size)])
    return _Told(latent, cutpoint[evaluator], scale_use[:, evaluator], correlation)


def _cutpoints(seen: Errors, priors: Priors) -> Tensor:
    """(evaluator, cut) cutpoints between the sizes."""
    sizes, evaluators = seen.points.size - 1, len(seen.data.evaluators)
    if sizes == 1:
        return pt.zeros((evaluators, 0))
    shares = pm.Dirichlet("shares", np.full(sizes, priors.shares), dims=("evaluator", "size"))
    return pm.Deterministic("cutpoint", cutpoints(shares, sizes), dims=("evaluator", "cut"))


class _Worth(NamedTuple):
    """Worth of what is rated, beyond the variant."""

    latent: Tensor
    """(part, row)"""
    mean: Tensor
    """(part, 1) what the levels absorb of it."""
    variance: Tensor
    """(part,) what new items and outputs add to the variance of the latent values."""
    covariance: Tensor
    """Their covariance between the parts."""


def _worth(seen: Errors, priors: Priors, rows: NDArray[np.intp], *, without: str | None) -> tuple[_Worth, Tensor]:
    """Items, cells and outputs, and the correlation of their two effects."""
    latent, mean, variance, covariance = pt.zeros((2, rows.size)), pt.zeros((2, 1)), pt.zeros(2), pt.constant(0.0)
    if seen.lowest is None:
        return _Worth(latent, mean, variance, covariance), pt.constant(0.0)
    agreeing = pm.Beta("agreeing", priors.correlation, priors.correlation)
    correlation = pm.Deterministic("correlation", 2 * agreeing - 1)
    for dim, (name, sd) in NESTED.items():
        if not seen.present.has(dim):
            continue
        spread = pm.HalfNormal(sd, getattr(priors, sd), dims="part")
        variance, covariance = variance + spread**2, covariance + correlation * spread.prod()
        if dim == without:
            continue
        raw = pm.Normal(f"{name}_raw", 0.0, 1.0, dims=("part", dim))
        both = pt.stack([raw[0], correlation * raw[0] + pt.sqrt(1 - correlation**2) * raw[1]])
        effect = pm.Deterministic(name, spread[:, None] * both, dims=("part", dim))
        absorbed = effect.mean(axis=1, keepdims=True) if dim == "item" and dim != seen.lowest else pt.zeros((2, 1))
        latent, mean = latent + (effect - absorbed)[:, seen.places.unit(dim)[rows]], mean + absorbed
    return _Worth(latent, mean, variance, covariance), correlation


def _scale_use(seen: Errors, priors: Priors) -> Tensor:
    """(part, evaluator) lambda, 1 for the reference."""
    where = np.flatnonzero(seen.present.scale_use)
    use: Tensor = pt.ones((2, len(seen.data.evaluators)))
    if where.size:
        log_use = pm.Normal("log_scale_use", 0.0, priors.log_scale_use_sd, dims=("part", "scaled"))
        use = pt.set_subtensor(use[:, where], pt.exp(log_use))
    return pm.Deterministic("scale_use", use, dims=("part", "evaluator"))


class _People(NamedTuple):
    """What evaluators and raters add of their own."""

    latent: Tensor
    """(part, row)"""
    mean: Tensor
    """(part, evaluator) what the levels absorb of it."""
    variance: Tensor
    """(part, evaluator) what new raters add to the variance of the latent values."""


def _personal(seen: Errors, priors: Priors, rows: NDArray[np.intp]) -> _People:
    data, present = seen.data, seen.present
    rater, variant, evaluator = (pm.modelcontext(None)[f"{name}_of"] for name in ("rater", "variant", "evaluator"))
    of, evaluators = data.rater_evaluator, len(data.evaluators)
    latent, mean, variance = pt.zeros((2, rows.size)), pt.zeros((2, evaluators)), pt.zeros((2, evaluators))
    if any(present.severity):
        sd = pool_sds("sd_rater", priors.sd_rater, present.severity, "severity_pool", lead=("part",))
        has = np.array(present.severity)[of]
        severity = scattered("severity_logit", sd[:, of], has, ("part", "rater"), layout=severity_layout(data, has))
        pool = group_means(severity, of)
        latent = latent + (severity - pool[:, of])[:, rater]
        mean, variance = mean + pool, variance + sd**2
    if any(present.shift):
        sd = pm.HalfNormal("sd_shift", priors.sd_shift, dims="part")
        has = np.array(present.shift)
        sd = pt.repeat(sd[:, None], evaluators, axis=1)
        layout = shift_layout(data, has, present.reference)
        shift = scattered("shift_logit", sd, has, ("part", "evaluator", "variant"), layout=layout)
        average = shift.mean(axis=2)
        latent = latent + (shift - average[:, :, None])[:, evaluator, variant]
        mean = mean + average
    if any(present.taste):
        sd = pool_sds("sd_taste", priors.sd_taste, present.taste, "taste_pool", lead=("part",))
        taste = scattered("taste_logit", sd[:, of], np.array(present.taste)[of], ("part", "rater", "variant"))
        latent, variance = latent + taste[:, rater, variant], variance + sd**2
    if any(present.opinion):
        sd = pool_sds("sd_opinion", priors.sd_opinion, present.opinion, "opinion_pool", lead=("part",))
        has = np.array(present.opinion)[seen.places.pair_evaluator]
        opinion = scattered("opinion", sd[:, seen.places.pair_evaluator], has, ("part", "pair"))
        latent, variance = latent + opinion[:, seen.places.pair[rows]], variance + sd**2
    return _People(latent, mean, variance)


class _New(NamedTuple):
    """What new items and new raters add to the latent values of the reference panel's ratings."""

    items: Tensor
    """(part,) variance."""
    raters: Tensor
    """(part,) variance."""
    covariance: Tensor
    """Of the two parts, by items alone."""


def _expected(
    seen: Errors, location: Tensor, cutpoint: Tensor, variance: Tensor, covariance: Tensor
) -> tuple[Tensor, Tensor]:
    """Expected scores and probabilities of an error at locations (part, n), averaged over normal effects of these variances."""
    nodes = grid(1)
    sd = pt.sqrt(variance)
    product = pt.where(sd.prod() > 0, sd.prod(), 1.0)
    latent = location[:, :, None] + sd[:, None, None] * nodes
    error, size = pm.math.sigmoid(latent[0]), expected_sizes(seen.points[1:], cutpoint, latent[1])
    weight = joint(covariance / product, nodes)
    return ((error @ weight) * size).sum(axis=1), (error * weight.sum(axis=1)).sum(axis=1)


def _quality(seen: Errors, location: Tensor, cutpoint: Tensor, new: _New) -> None:
    """Add `quality`, `prob_no_error` and `mean_size` to the model."""
    score, error = _expected(seen, location, cutpoint, new.items + new.raters, new.covariance)
    pm.Deterministic("quality", score, dims="variant")
    pm.Deterministic("prob_no_error", 1 - error, dims="variant")
    pm.Deterministic("mean_size", score / error, dims="variant")


def _in_points(seen: Errors, base: Tensor, cutpoint: Tensor, new: _New) -> None:
    """Severities, shifts and tastes in points too: what they add to the expected score of a new item by an average variant."""
    model = pm.modelcontext(None)
    logits = {
        name: model[f"{name}_logit"] for name in ("severity", "shift", "taste") if f"{name}_logit" in model.named_vars
    }
    flat = pt.concatenate([base, *(base + logit.reshape((2, -1)) for logit in logits.values())], axis=1)
    score = _expected(seen, flat, cutpoint, new.items, new.covariance)[0]
    start = 1
    for name in logits:
        dims = model.named_vars_to_dims[f"{name}_logit"][1:]
        shape = tuple(len(model.coords[dim]) for dim in dims)
        stop = start + int(np.prod(shape))
        pm.Deterministic(name, (score[start:stop] - score[0]).reshape(shape), dims=dims)
        start = stop


def _sentences(ratings: Ratings, priors: Priors) -> tuple[str, ...]:  # noqa: ARG001
    return errors(ratings).sentences


RECIPE = Recipe(
    name="error_scores",
    title="error scores, most of them zero",
    outcome="score",
    priors=Priors,
    build=build_model,
    observed={"finding": "finding_of"},
    features=features,
    sentences=_sentences,
    sampled=build_marginal_model,
    complete=complete,
    nested=NESTED_EFFECTS,
    higher_is_better=False,
)
