"""Scores by people and judges: the hierarchical model of ratings on a continuous scale.

For rating n of output o (variant v on item i) by rater r of evaluator k::

    y_n = m_k + lambda_k (q_v + u_i + g_iv + w_o) + b_r + d_kv + t_rv + a_ro + e_n
    quality_v = m_reference + q_v

`build_model` tells this story explicitly, from top to bottom. `build_marginal_model` is the same model with items, interactions and
outputs integrated out, which is what a sampler should run. `terms` says which terms the ratings can tell apart.
"""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from expsim_bayes.models._components import Tensor, component_variables
from expsim_bayes.models._marginal import build_marginal_model
from expsim_bayes.models._places import places
from expsim_bayes.models._priors import Priors, Scale, score_scale
from expsim_bayes.models._terms import Components, Terms, terms
from expsim_bayes.ratings import Ratings, code

__all__ = ["Components", "Priors", "Scale", "Terms", "build_marginal_model", "build_model", "score_scale", "terms"]


def build_model(ratings: Ratings, priors: Priors | None = None, *, fixed: Components | None = None) -> pm.Model:
    """The score story as an explicit, generative PyMC model.

    Use it for documentation and for prior and posterior predictions; sample from `build_marginal_model`, whose posterior is the same.

    Parameters
    ----------
    ratings : Ratings
        Validated ratings; missing scores are left out.
    priors : Priors, optional
        In widths of the score range.
    fixed : Components, optional
        Standard deviations and scale use in points, when they are known rather than estimated.

    Returns
    -------
    pm.Model
        With `quality` of dims `("variant",)` in points, one variable a term, and the observed `score` of dim `rating`.

    Raises
    ------
    RatingsError
        No score range is declared and all ratings of every evaluator are equal.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"variant": ["A", "B"] * 2, "item": list("1122"), "rater": "ann", "score": [2.5, 3.0, 4.0, 4.5]})
    >>> build_model(validate(frame, score_range=(1, 5))).named_vars_to_dims["quality"]
    ('variant',)
    """
    priors = priors or Priors()
    data = code(ratings)
    present = terms(data, fixed, tastes=priors.tastes)
    scale = score_scale(data, ratings.score_range)
    where = places(data)
    with pm.Model(coords=where.coords(present)) as model:
        evaluator = pm.Data("evaluator_of", data.evaluator, dims="rating")
        variant = pm.Data("variant_of", data.variant, dims="rating")
        item = pm.Data("item_of", data.item, dims="rating")
        output = pm.Data("output_of", data.output, dims="rating")
        rater = pm.Data("rater_of", data.rater, dims="rating")
        score = pm.Data("score_of", data.score, dims="rating")
        part = component_variables(priors, scale, present, fixed)

        # population: levels of the evaluators, quality of the variants
        level = pm.Normal("level", scale.middle, priors.level_sd * scale.width, dims="evaluator")
        q = pm.Normal("q", 0, priors.sd_variant * scale.width, dims="variant")
        pm.Deterministic("quality", level[present.reference] + q, dims="variant")

        # items and outputs: what an ideal reader would see, beyond the variant
        worth: Tensor = q[variant]
        if present.item:
            worth += pm.Normal("item_effect", 0, part.sd_item, dims="item")[item]
        if present.interaction:
            cell = pm.Data("cell_of", where.cell, dims="rating")
            worth += pm.Normal("interaction", 0, part.sd_interaction, dims="cell")[cell]
        if present.output:
            worth += pm.Normal("output_effect", 0, part.sd_output, dims="output")[output]
        scale_use = pm.Deterministic("scale_use", part.scale_use, dims="evaluator")
        seen: Tensor = level[evaluator] + scale_use[evaluator] * worth

        # evaluators and raters: severity, tastes, lasting opinions
        of_rater = data.rater_evaluator
        if any(present.severity):
            seen += _where("severity", part.sd_rater[of_rater], _of(present.severity, of_rater), ("rater",))[rater]
        if any(present.shift):
            seen += _where("shift", part.sd_shift, np.array(present.shift), ("evaluator", "variant"))[
                evaluator, variant
            ]
        if any(present.taste):
            seen += _where("taste", part.sd_taste[of_rater], _of(present.taste, of_rater), ("rater", "variant"))[
                rater, variant
            ]
        if any(present.opinion):
            pair = pm.Data("pair_of", where.pair, dims="rating")
            has = np.array(present.opinion)[where.pair_evaluator]
            seen += _where("opinion", part.sd_opinion[where.pair_evaluator], has, ("pair",))[pair]

        # the rating itself
        pm.Normal("score", seen, part.sd_noise[evaluator], observed=score, dims="rating")
    return model


def _of(flags: tuple[bool, ...], index: NDArray[np.intp]) -> NDArray[np.bool_]:
    return np.array(flags)[index]


def _where(name: str, sd: Tensor, has: NDArray[np.bool_], dims: tuple[str, ...]) -> Tensor:
    """A centred normal term along `dims` whose first axis has it only in places; zero elsewhere."""
    rows = np.flatnonzero(has)
    sd = sd if sd.ndim == 0 else sd[rows]
    context = pm.modelcontext(None)
    shape = (rows.size, *(len(context.coords[dim]) for dim in dims[1:]))
    sd = pt.shape_padright(sd, len(dims) - 1) if sd.ndim else sd
    some = pm.Normal(f"{name}_some", 0, sd, shape=shape) if rows.size < has.size else pm.Normal(name, 0, sd, dims=dims)
    if rows.size == has.size:
        return some
    full = pt.set_subtensor(pt.zeros((has.size, *shape[1:]))[rows], some)
    return pm.Deterministic(name, full, dims=dims)
