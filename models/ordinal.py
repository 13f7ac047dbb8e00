r"""Stars: scores on a scale of a few steps, by people and judges.

Rating :math:`n` of output :math:`o` (variant :math:`v`, item :math:`i`) by rater :math:`r` of evaluator :math:`k` falls on one of the steps
:math:`1 \dots C` of the scale by an ordered logistic law (McCullagh 1980):

.. math::

    P(y_n \le c) = \operatorname{logit}^{-1}(\kappa_{kc} - \eta_n), \qquad
    \eta_n = \lambda_k (q_v + u_i + g_{iv} + w_o) + b_r + d_{kv} + t_{rv} + a_{ro}

with the terms of the score story in logits, where the noise of a single rating has an SD of 1.81. Each evaluator has cutpoints
:math:`\kappa_k` of its own: they are ordered, and a step that nobody used is kept. Their prior is a Dirichlet law of shares
:math:`s_{kc}` of its steps among all that it rates,

.. math::

    \kappa_{kc} = \sqrt{1 + 3 V_k / \pi^2}\, \operatorname{logit}(s_{k1} + \dots + s_{kc}),

where :math:`V_k` is the variance of :math:`\eta` between outputs and raters beside the variants: an evaluator that answers strongly to what
it sees need not use the ends of its scale more often. (The square root is what a logistic law is stretched by, nearly, when a normal one of
variance :math:`V_k` is added to it; Zeger, Liang and Albert 1988.)

*Quality* is the score that the reference panel is expected to give a variant on new items by new raters, and `prob_at_least` the share of
its ratings at or above a step. Ratings that share everything the model looks at are added up to counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.gradient import disconnected_grad

from expsim_bayes.models._centring import severity_layout, shift_layout
from expsim_bayes.models._counts import Counts
from expsim_bayes.models._effects import (
    NESTED_EFFECTS,
    Tensor,
    effects,
    group_means,
    pool_sds,
    scale_uses,
    scattered,
    turned,
)
from expsim_bayes.models._recipe import Recipe
from expsim_bayes.models._small_sd import SMALL_SD
from expsim_bayes.models._star_checks import features
from expsim_bayes.models._star_draws import complete
from expsim_bayes.models._star_priors import Priors
from expsim_bayes.models._stars import NOISE, Stars, stars
from expsim_bayes.models._terms import NESTED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

__all__ = ["RECIPE", "Priors", "build_marginal_model", "build_model"]

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
"""Gauss-Hermite points over which quality averages new items and raters."""
INNER, INNER_WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
"""The same for effects with few ratings each, around their modes."""
CAREFUL, NEWTON = 2, 2
"""Steps towards the modes: with a bound of the curvature, then with the curvature."""


def build_model(ratings: Ratings, priors: Priors | None = None, *, centred: bool = True) -> pm.Model:
    """The story of stars as an explicit PyMC model.

    Parameters
    ----------
    ratings : Ratings
        Validated scores in whole points; missing ones are left out.
    priors : Priors, optional
        In logits.
    centred : bool
        Whether the sampler's coordinates lean on these scores; False samples all effects as multiples of their SD, which suits a model that
        is compiled once and sees other scores. The story is the same.

    Returns
    -------
    pm.Model
        With `quality` of dims `("variant",)` in points, `prob_at_least` of dims `("variant", "cut")`, one variable a term in logits, and
        the observed `count` of dims `("group", "step")`.

    Raises
    ------
    RatingsError
        Scores lie between the steps of the scale, or it has too many or too few.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"variant": ["A", "B"] * 4, "item": list("11223344"), "rater": "ann", "score": [1, 3, 2, 2, 4, 5, 3, 3]})
    >>> model = build_model(validate(frame, score_range=(1, 5)))
    >>> model.named_vars_to_dims["quality"], model["count_of"].get_value().sum()
    (('variant',), np.int64(8))
    """
    priors = priors or Priors()
    seen = stars(ratings)
    with pm.Model(coords=_coords(seen)) as model:
        count = pm.Data("count_of", seen.count, dims=("group", "step"))
        told = _story(seen, priors, centred=centred)
        prob = _step_probabilities(told.cutpoint[seen.evaluator], told.latent)
        Counts("count", n=seen.count.sum(axis=1), p=prob, observed=count, dims=("group", "step"))
    return model


def build_marginal_model(ratings: Ratings, priors: Priors | None = None, *, centred: bool = True) -> pm.Model:
    """The same story with the lowest level of items, cells and outputs integrated out by adaptive Gauss-Hermite quadrature.

    Its posterior of everything else is that of `build_model`. Where a unit of that level has few ratings, hundreds of effects of which
    little is known would make the sampler slow, and their SD slower.

    Parameters
    ----------
    ratings, priors, centred
        As in `build_model`.

    Returns
    -------
    pm.Model
        With the free variables of `build_model` but for those of that level, and the likelihood as a `Potential`.
    """
    priors = priors or Priors()
    seen = stars(ratings)
    if seen.lowest is None:
        return build_model(ratings, priors, centred=centred)
    with pm.Model(coords=_coords(seen)) as model:
        count = pm.Data("count_of", seen.count, dims=("group", "step"))
        told = _story(seen, priors, centred=centred, without=seen.lowest)
        stretch = (told.scale_use * model[NESTED[seen.lowest][1]])[seen.evaluator]
        rated = _Rated(count, told.cutpoint[seen.evaluator], told.latent, stretch, getattr(seen, seen.lowest))
        pm.Potential("likelihood", _integrated(rated).sum())
    return model


class _Told(NamedTuple):
    """The story up to the ratings themselves."""

    latent: Tensor
    """(group,) latent value of each group's ratings."""
    cutpoint: Tensor
    """(evaluator, cut)"""
    scale_use: Tensor
    """(evaluator,)"""


def _story(seen: Stars, priors: Priors, *, centred: bool, without: str | None = None) -> _Told:
    """Everything but the ratings, told from the top; `without` the effects of one of the dims item, cell and output."""
    evaluator = pm.Data("evaluator_of", seen.evaluator, dims="group")
    variant = pm.Data("variant_of", seen.variant, dims="group")
    pm.Data("rater_of", seen.rater, dims="group")
    pm.Data("step_points", seen.steps, dims="step")

    # population: what variants add, and how each evaluator cuts its scale, at the average of the variants, items and raters at hand
    q = turned("q", priors.sd_variant, ("variant",))
    shares = pm.Dirichlet("shares", np.full(seen.steps.size, priors.shares), dims=("evaluator", "step"))
    below = pt.cumsum(shares, axis=1)[:, :-1]

    # items and outputs: what an ideal reader would see, beyond the variant
    worth = _worth(seen, priors, (q - q.mean())[variant], centred=centred, without=without)

    # evaluators and raters: use of the scale, severity, tastes, lasting opinions
    heard = pt.sqrt(worth.variance) if any(seen.present.has(dim) for dim in NESTED) else None
    scale_use = scale_uses(seen.present.scale_use, priors.log_scale_use_sd, heard=heard)
    people = _personal(seen, priors, centred=centred)
    signal = scale_use**2 * worth.variance + people.variance
    cut = pt.sqrt(1.0 + signal / NOISE**2)[:, None] * (pt.log(below) - pt.log1p(-below))
    cutpoint = pm.Deterministic("cutpoint", cut, dims=("evaluator", "cut"))

    # what a report says: the reference panel's answer to new items by new raters
    k = seen.present.reference
    location = q - q.mean() - worth.mean - people.mean[k]
    slope = _quality(seen, location, cutpoint[k], pt.sqrt(worth.variance + people.variance[k]))
    _in_points(slope)
    return _Told(scale_use[evaluator] * worth.latent + people.latent, cutpoint, scale_use)


def _coords(seen: Stars) -> dict[str, Any]:
    shared = seen.places.coords(seen.present)
    return shared | {"group": np.arange(len(seen.count)), "step": seen.steps, "cut": seen.steps[1:]}


class _Part(NamedTuple):
    """Some terms of the story."""

    latent: Tensor
    """(group,) what they add to the latent value of each group's ratings."""
    mean: Tensor
    """What the cutpoints absorb of them."""
    variance: Tensor
    """What new members add to the variance of the latent value."""


def _worth(seen: Stars, priors: Priors, latent: Tensor, *, centred: bool, without: str | None) -> _Part:
    """Worth of outputs."""
    mean, variance = pt.constant(0.0), pt.constant(0.0)
    for dim, (name, sd) in NESTED.items():
        if not seen.present.has(dim):
            continue
        spread = pm.HalfNormal(sd, getattr(priors, sd), default_transform=SMALL_SD)
        variance = variance + spread**2
        if dim == without:
            continue
        easy = dim == "item" and dim != seen.lowest  # the cutpoints absorb how easy the items at hand are
        effect = effects(name, spread, dim, shown=seen.shown.get(dim) if centred else None, absorbed=easy)
        absorbed = effect.mean() if easy else 0.0
        latent = latent + (effect - absorbed)[pm.Data(f"{dim}_of", getattr(seen, dim), dims="group")]
        mean = mean + absorbed
    return _Part(latent, mean, variance)


def _personal(seen: Stars, priors: Priors, *, centred: bool) -> _Part:
    """What evaluators and raters add of their own; mean and variance are (evaluator,)."""
    data, present = seen.data, seen.present
    of = data.rater_evaluator
    latent: Tensor = pt.zeros(len(seen.count))
    mean: Tensor = pt.zeros(len(data.evaluators))
    variance: Tensor = pt.zeros(len(data.evaluators))
    if any(present.severity):
        sd = pool_sds("sd_rater", priors.sd_rater, present.severity, "severity_pool")
        has = np.array(present.severity)[of]
        severity = scattered(
            "severity_logit", sd[of], has, ("rater",), layout=severity_layout(data, has, centred=centred)
        )
        pool = group_means(severity, of)
        latent = latent + (severity - pool[of])[seen.rater]
        mean, variance = mean + pool, variance + sd**2
    if any(present.shift):
        sd = pm.HalfNormal("sd_shift", priors.sd_shift)
        has = np.array(present.shift)
        layout = shift_layout(data, has, present.reference, centred=centred)
        shift = scattered("shift_logit", sd, has, ("evaluator", "variant"), layout=layout)
        latent = latent + (shift - shift.mean(axis=1, keepdims=True))[seen.evaluator, seen.variant]
        mean = mean + shift.mean(axis=1)
    if any(present.taste):
        sd = pool_sds("sd_taste", priors.sd_taste, present.taste, "taste_pool")
        taste = scattered("taste_logit", sd[of], np.array(present.taste)[of], ("rater", "variant"))
        latent = latent + taste[seen.rater, seen.variant]
        variance = variance + sd**2
    if any(present.opinion):
        sd = pool_sds("sd_opinion", priors.sd_opinion, present.opinion, "opinion_pool")
        has = np.array(present.opinion)[seen.places.pair_evaluator]
        opinion = scattered("opinion", sd[seen.places.pair_evaluator], has, ("pair",))
        latent = latent + pt.where(np.array(present.opinion)[seen.evaluator], opinion[seen.pair], 0.0)
        variance = variance + sd**2
    return _Part(latent, mean, variance)


def _quality(seen: Stars, latent: Tensor, cutpoint: Tensor, sd: Tensor) -> Tensor:
    """Add `quality` and `prob_at_least` to the model; the mean slope of quality in logits comes back."""
    nodes = latent[:, None, None] + sd * NODES[:, None] - cutpoint  # (variant, node, cut)
    weight = (WEIGHTS / WEIGHTS.sum())[:, None]
    above = pm.math.sigmoid(nodes)
    at_least = (weight * above).sum(axis=1)
    pm.Deterministic("prob_at_least", at_least, dims=("variant", "cut"))
    pm.Deterministic("quality", float(seen.steps[0]) + at_least.sum(axis=1), dims="variant")
    return pm.Deterministic("slope", (weight * above * (1 - above)).sum(axis=(1, 2)).mean())


def _in_points(slope: Tensor) -> None:
    """Severities, shifts and tastes in points too: logits times the mean slope of quality."""
    model = pm.modelcontext(None)
    for name in ("severity", "shift", "taste"):
        if f"{name}_logit" in model.named_vars:
            pm.Deterministic(name, slope * model[f"{name}_logit"], dims=model.named_vars_to_dims[f"{name}_logit"])


class _Rated(NamedTuple):
    """Counts of groups, and the effects of units z ~ Normal(0, 1) that are to be integrated out."""

    count: Tensor
    """(group, step)"""
    cutpoint: Tensor
    """(group, cut)"""
    latent: Tensor
    """(group,) latent value without the unit's effect."""
    stretch: Tensor
    """(group,) logits that z = 1 adds to it."""
    unit: NDArray[np.intp]
    """(group,) unit of each group."""

    def add_up(self, each: Tensor) -> Tensor:
        """(unit, ...) sums over the groups of a unit."""
        zeros = pt.zeros((int(self.unit.max()) + 1, *each.type.shape[1:]))
        return pt.inc_subtensor(zeros[self.unit], each)


def _integrated(rated: _Rated) -> Tensor:
    """(unit,) log-likelihoods of the units' ratings with their effects integrated out (Naylor and Smith 1982; Pinheiro and Bates 1995).

    Quadrature points lie around the mode of each effect, as wide as it is known: with 9 of them the error of a unit's log-likelihood is
    below .0003 for effects with an SD of up to 3 logits, where points around zero are wrong by more than 1.
    """
    mode, width = (disconnected_grad(value) for value in _mode(rated))
    points = mode[:, None] + width[:, None] * INNER
    each = _log_likelihoods(
        rated.count, rated.cutpoint, rated.latent[:, None] + rated.stretch[:, None] * points[rated.unit]
    )
    weight = np.log(INNER_WEIGHTS / INNER_WEIGHTS.sum()) + 0.5 * INNER**2
    return pm.math.logsumexp(rated.add_up(each) - 0.5 * points**2 + weight, axis=1) + pt.log(width)


def _mode(rated: _Rated) -> tuple[Tensor, Tensor]:
    """(unit,) modes of the effects given everything else, and the SDs of their normal approximations.

    The log density is concave; the first steps use a bound of its curvature, with which no step is too long.
    """
    lower, upper = rated.count[:, :-1], rated.count[:, 1:]
    both = lower + upper
    bound = 1.0 + rated.add_up(rated.stretch**2 * both.sum(axis=1) / 4)
    mode = pt.zeros(int(rated.unit.max()) + 1)
    for step in range(CAREFUL + NEWTON + 1):
        beyond = pm.math.sigmoid(
            rated.latent[:, None] + rated.stretch[:, None] * mode[rated.unit][:, None] - rated.cutpoint
        )
        curvature = 1.0 + rated.add_up(rated.stretch**2 * (both * beyond * (1 - beyond)).sum(axis=1))
        if step == CAREFUL + NEWTON:
            break
        slope = rated.add_up(rated.stretch * (upper - both * beyond).sum(axis=1)) - mode
        mode = mode + slope / (bound if step < CAREFUL else curvature)
    return mode, curvature**-0.5


def _log_likelihoods(count: Tensor, cutpoint: Tensor, latent: Tensor) -> Tensor:
    """(group, node) log-likelihoods of counts (group, step) but for constants, given cutpoints (group, cut) and latent (group, node).

    The probability of a step is sigmoid(upper) sigmoid(-lower) (1 - exp(lower - upper)) with its edges less the latent value, and the last
    factor does not depend on it.
    """
    edge = cutpoint[:, :, None] - latent[:, None, :]
    lower, upper = count[:, :-1, None], count[:, 1:, None]  # ratings just below and just above each cutpoint
    inside = count[:, 1:-1] * pt.log(-pt.expm1(cutpoint[:, :-1] - cutpoint[:, 1:]))
    return (-(lower + upper) * pt.softplus(-edge) - upper * edge).sum(axis=1) + inside.sum(axis=1)[:, None]


def _step_probabilities(cutpoint: Tensor, eta: Tensor) -> Tensor:
    """(group, step) probabilities; a difference of two logistic functions as a product, which loses no digits in the tails."""
    edge = cutpoint - eta[:, None]
    up = pm.math.sigmoid(edge)
    down = pm.math.sigmoid(-edge)
    between = up[:, 1:] * down[:, :-1] * -pt.expm1(cutpoint[:, :-1] - cutpoint[:, 1:])
    return pt.concatenate([up[:, :1], between, down[:, -1:]], axis=1)


def _sentences(ratings: Ratings, priors: Priors) -> tuple[str, ...]:  # noqa: ARG001
    return stars(ratings).sentences


RECIPE = Recipe(
    name="ordinal",
    title="stars on a scale of a few steps",
    outcome="score",
    priors=Priors,
    build=build_model,
    observed={"count": "count_of"},
    features=features,
    sentences=_sentences,
    sampled=build_marginal_model,
    leans=True,
    complete=complete,
    nested=NESTED_EFFECTS,
)
