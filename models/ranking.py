r"""Rankings: several variants of one item put in order by people and judges; a ranking need not hold all variants.

Rater :math:`r` of evaluator :math:`k` puts the variants :math:`v_1, v_2, \dots, v_m` of item :math:`i` in that order by the law of Plackett
(1975) and Luce (1959): the first is chosen among all, the second among the rest, and so on:

.. math::

    P(v_1 \succ \dots \succ v_m) = \prod_{j=1}^{m-1} \frac{e^{\eta_{v_j}}}{\sum_{l \ge j} e^{\eta_{v_l}}}, \qquad
    \eta_v = \lambda_k (q_v + g_{iv}) + d_{kv} + t_{rv}

.. math::

    q_v \sim N(0, s_q^2), \quad g_{iv} \sim N(0, \tau_g^2), \quad d_{kv} \sim N(0, \tau_d^2), \quad t_{rv} \sim N(0, \tau_{t,k}^2)

Abilities are in logits, where the noise of a single ranking has an SD of 1.28. Of the reference :math:`\lambda` is 1 and :math:`d` is 0.
What all variants of an item share (its difficulty, a rater's severity) cancels. Only differences between variants matter, so abilities
are written as deviations from their mean: the law of their differences is the same.

*Quality* is the probability that the reference panel puts a variant before the control, for a new item and a new rater; without a
control, the mean probability of being put before another variant. `prob_first` is the probability of being put first among all variants.
Both average over new items and raters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from expsim_bayes.models._counts import Counts
from expsim_bayes.models._effects import Tensor, scale_uses, scattered
from expsim_bayes.models._podium import Podium, podium, sentences
from expsim_bayes.models._podium_checks import features
from expsim_bayes.models._podium_priors import Priors
from expsim_bayes.models._recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

__all__ = ["RECIPE", "Priors", "build_model", "draw_orders", "log_probability"]

NODES = np.linspace(-5.0, 5.0, 25)
"""Equally spaced points over which quality averages new items and raters: as exact as Gauss-Hermite points for smooth functions."""
WEIGHTS = np.exp(-0.5 * NODES**2) / np.exp(-0.5 * NODES**2).sum()
FIRST_NODES = 61
"""Points of the integral behind `prob_first`."""


def build_model(ratings: Ratings, priors: Priors | None = None) -> pm.Model:
    """The story of rankings as an explicit PyMC model.

    Parameters
    ----------
    ratings : Ratings
        Validated rankings; missing places and rankings of a single variant are left out.
    priors : Priors, optional
        In logits.

    Returns
    -------
    pm.Model
        With `quality` and `prob_first` of dims `("variant",)`, shares; one variable a term in logits; and the observed `ranking`: orders
        of dims `("group", "place")`, or, where nothing tells rankings apart, counts of the possible orders, `("group", "order")`.

    Raises
    ------
    RatingsError
        There is no ranking of two variants or more.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"item": list("111222"), "rater": "ann", "variant": list("ABC") * 2, "rank": [1, 2, 3, 2, 1, 3]})
    >>> model = build_model(validate(frame))
    >>> model.named_vars_to_dims["quality"], model["ranking_of"].get_value().tolist()
    (('variant',), [[0, 1, 2], [1, 0, 2]])
    """
    priors = priors or Priors()
    seen = podium(ratings)
    terms = seen.terms
    with pm.Model(coords=_coords(seen)) as model:
        evaluator = pm.Data("evaluator_of", seen.evaluator, dims="group")
        item = pm.Data("item_of", seen.item, dims="group")
        rater = pm.Data("rater_of", seen.rater, dims="group")
        pm.Data("ranked", seen.ranked.astype(float), dims=("group", "variant"))
        pm.Data(
            "is_reference", (np.arange(len(seen.data.evaluators)) == terms.reference).astype(float), dims="evaluator"
        )

        # population: what variants add
        q = pm.ZeroSumNormal("q", priors.sd_variant, dims="variant")

        # items: what an ideal reader would see, beyond the variant
        worth, variance = q[None, :], pt.constant(0.0)
        if terms.interaction:
            sd = pm.HalfNormal("sd_interaction", priors.sd_interaction)
            raw = pm.Normal("interaction_raw", 0.0, 1.0, dims=("item", "variant"))
            worth = worth + pm.Deterministic("interaction", sd * raw, dims=("item", "variant"))[item]
            variance = variance + sd**2

        # evaluators and raters: use of the scale, tastes
        latent = scale_uses(seen.terms.scale_use, priors.log_scale_use_sd)[evaluator][:, None] * worth
        if terms.shift.any():
            sd = pm.HalfNormal("sd_shift", priors.sd_shift)
            latent = latent + scattered("shift_logit", sd, terms.shift, ("evaluator", "variant"))[evaluator]
        if terms.taste.any():
            sd = _sd_taste(seen, priors)
            has = terms.taste[seen.data.rater_evaluator]
            latent = latent + scattered("taste_logit", sd[seen.data.rater_evaluator], has, ("rater", "variant"))[rater]
            variance = variance + sd[terms.reference] ** 2

        # what a report says: the reference panel's answer to new items by new raters
        control = None if ratings.control is None else ratings.variants.index(ratings.control)
        _quality(q, pt.sqrt(variance), control)
        _observe(seen, latent)
    return model


def _coords(seen: Podium) -> dict[str, Any]:
    data, terms = seen.data, seen.terms
    return {
        "variant": list(data.variants),
        "item": list(data.items),
        "rater": list(data.raters),
        "evaluator": list(data.evaluators),
        "group": np.arange(len(seen.value)),
        "place": np.arange(1, seen.placed.shape[1] + 1),
        "order": np.arange(seen.value.shape[1]) if seen.options is not None else [],
        "scaled": [data.evaluators[k] for k in np.flatnonzero(terms.scale_use)],
        "taste_pool": [data.evaluators[k] for k in np.flatnonzero(terms.taste)],
    }


def _sd_taste(seen: Podium, priors: Priors) -> Tensor:
    """(evaluator,) SDs of taste, zero where a pool has none."""
    has = np.flatnonzero(seen.terms.taste)
    sd = pm.HalfNormal("sd_taste_of_pool", priors.sd_taste, dims="taste_pool")
    full = pt.set_subtensor(pt.zeros(len(seen.data.evaluators))[has], sd)
    return pm.Deterministic("sd_taste", full, dims="evaluator")


def _observe(seen: Podium, latent: Tensor) -> None:
    """The rankings themselves, given latent values of dims (group, variant)."""
    if seen.options is None:
        value = pm.Data("ranking_of", seen.value, dims=("group", "place"))
        held = seen.ranked.astype(float), seen.placed.astype(float)
        pm.CustomDist("ranking", latent, *held, logp=log_probability, random=draw_orders, signature="(v),(v),(m)->(m)",
                      dtype="int64", observed=value, dims=("group", "place"))  # fmt: skip
        return
    value = pm.Data("ranking_of", seen.value, dims=("group", "order"))
    options = pm.Data("order_of", seen.options, dims=("group", "order", "place"))
    each = pt.exp(log_probability(options, latent[:, None, :], None, seen.placed[:, None, :].astype(float)))
    Counts("ranking", n=seen.value.sum(axis=1), p=each, observed=value, dims=("group", "order"))


def log_probability(order: Tensor, latent: Tensor, ranked: Tensor, placed: Tensor) -> Tensor:  # noqa: ARG001
    """Log probabilities of orders.

    Parameters
    ----------
    order : (..., place) tensor of int
        Codes of variants, the best first, anything after the last.
    latent : (..., variant) tensor
        Latent values in logits.
    ranked : (..., variant) tensor
        Not needed: it is told by the order.
    placed : (..., place) tensor
        1 where there is a variant in that place, else 0.
    """
    chosen = pt.take_along_axis(*_same_rows(latent, pt.maximum(order, 0)), axis=-1)
    top = latent.max(axis=-1, keepdims=True)
    left = pt.cumsum((placed * pt.exp(chosen - top))[..., ::-1], axis=-1)[..., ::-1] + (1.0 - placed)
    return (placed * (chosen - top - pt.log(left))).sum(axis=-1)


def _same_rows(latent: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the leading axes of the order."""
    lead = [order.shape[n] for n in range(order.ndim - 1)]
    return pt.broadcast_to(latent, [*lead, latent.shape[-1]]), order


def draw_orders(
    latent: NDArray[np.float64],
    ranked: NDArray[np.float64],
    placed: NDArray[np.float64],
    rng: np.random.Generator,
    size: tuple[int, ...] | None = None,
) -> NDArray[np.int64]:
    """Orders of the ranked variants drawn from the law: by latent value plus Gumbel noise, the highest first; -1 after the last."""
    shape = np.broadcast_shapes(latent.shape, ranked.shape)
    shape = shape if size is None else (*size, shape[-1])
    keys = np.where(ranked > 0, latent + rng.gumbel(size=shape), -np.inf)
    first = np.argsort(-keys, axis=-1, kind="stable")[..., : placed.shape[-1]]
    return np.where(placed > 0, first, -1)


def _quality(q: Tensor, sd: Tensor, control: int | None) -> None:
    """Add `quality` and `prob_first`, and shifts and tastes as shares, to the model in context."""
    lead = (q[:, None] - q[None, :])[:, :, None] + np.sqrt(2.0) * sd * NODES  # (variant, other, node)
    before = pm.math.sigmoid(lead)
    prob = (before * WEIGHTS).sum(axis=-1)
    variants = len(pm.modelcontext(None).coords["variant"])
    against = (prob.sum(axis=1) - 0.5) / max(1, variants - 1) if control is None else prob[:, control]
    pm.Deterministic("quality", against, dims="variant")
    pm.Deterministic("prob_first", _first(q, sd), dims="variant")
    steep = (before * (1 - before) * WEIGHTS).sum(axis=-1)
    slope = pm.Deterministic("slope", (steep.sum() - steep.diagonal().sum()) / max(1, variants * (variants - 1)))
    model = pm.modelcontext(None)
    for name in ("shift", "taste"):
        if f"{name}_logit" in model.named_vars:
            own = model[f"{name}_logit"]
            centred = own - own.mean(axis=1, keepdims=True)
            pm.Deterministic(name, slope * centred, dims=model.named_vars_to_dims[f"{name}_logit"])


def _first(q: Tensor, sd: Tensor) -> Tensor:
    """(variant,) probabilities of being put first among all.

    The first is the highest of the latent values plus Gumbel noise: with density f_v and distribution F_v of each, P(first) is the
    integral of f_v times the product of the other F_w, on equally spaced points that hold all but 1e-7 of it.
    """
    low, high = q.max() - 3.4 - 5.0 * sd, q.max() + 16.0 + 5.0 * sd
    points = low + (high - low) * np.linspace(0.0, 1.0, FIRST_NODES)
    past = pt.exp(-(points[:, None, None] - q[:, None] - sd * NODES))  # (point, variant, node)
    within = pt.exp(-past)
    below = (within * WEIGHTS).sum(axis=-1)
    density = (past * within * WEIGHTS).sum(axis=-1)
    log_below = pt.log(pt.maximum(below, 1e-300))
    mass = (density * pt.exp(log_below.sum(axis=1, keepdims=True) - log_below)).sum(axis=0)
    return mass / mass.sum()


def _sentences(ratings: Ratings, priors: Priors) -> tuple[str, ...]:  # noqa: ARG001
    return sentences(podium(ratings))


RECIPE = Recipe(
    name="ranking",
    title="rankings of several variants, partial ones too",
    outcome="ranking",
    priors=Priors,
    build=build_model,
    observed={"ranking": "ranking_of"},
    features=features,
    sentences=_sentences,
    nested=tuple(f"{name}{part}" for name in ("interaction", "shift_logit", "taste_logit") for part in ("", "_raw")),
    unit="share",
    higher_is_better=True,
)
