r"""Preferences: two variants side by side on one item, one is better or neither is, told by people and judges.

In comparison :math:`n`, rater :math:`r` of evaluator :math:`k` sees variant :math:`a` on the left and :math:`b` on the right of item
:math:`i`. Bradley and Terry's (1952) abilities :math:`\log \pi = \theta` with Davidson's (1970) ties and an effect of the order of
presentation (Davidson and Beaver 1977) weigh the three outcomes by

.. math::

    \text{left}: e^{\omega_r} \pi_a, \qquad \text{right}: \pi_b, \qquad \text{tie}: \nu_r \sqrt{\pi_a e^{\omega_r} \pi_b},

    \log \pi_a - \log \pi_b = \rho_r \{(c q_a + g_{ia}) - (c q_b + g_{ib})\} + d_{ka} - d_{kb},
    \qquad c^2 = 1 + 0.69 s_g^2.

What makes an item hard or a rater severe meets both sides and cancels. A positive order effect :math:`\omega` favours the left.

.. math::

    q_v &\sim N(0, s_q), & g_{iv} &\sim N(0, s_g), & d_{kv} &\sim N(0, s_d) \text{ for judges, 0 for the reference} \\
    \omega_r &\sim N(\omega_k, s_{\omega k}), & \log \nu_r &\sim N(\log \nu_k, s_{\nu k}), & \log \rho_r &\sim N(\log \lambda_k, s_{\rho k})

with :math:`\lambda = 1` for the reference and :math:`\log \rho` taken from the average of the raters at hand. The factor :math:`c` makes
:math:`q` the log odds on a new item: a logit averaged over a normal of variance :math:`2 s_g^2` shrinks by it. Without it a prior of q
would mean less, the more items differ.

*Quality* is the probability that a variant beats the control on a new item in the eyes of a new rater of the reference panel, a tie
counted half, averaged over both orders; the control's own is .5. Without a control it is the mean probability of beating another variant.
A variant that never lost has a finite ability because of the prior of q alone. Comparisons that share everything the model looks at are
added up to counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from expsim_bayes.models._counts import Counts
from expsim_bayes.models._duel_checks import features
from expsim_bayes.models._duel_priors import Priors
from expsim_bayes.models._duels import Duels, duels
from expsim_bayes.models._effects import Tensor, effects, group_means, scale_uses, scattered
from expsim_bayes.models._recipe import Recipe
from expsim_bayes.ratings.contract import SIDES

if TYPE_CHECKING:
    from expsim_bayes.ratings import Ratings

__all__ = ["RECIPE", "Priors", "build_model", "build_sampled_model"]

STEPS = np.linspace(-6.0, 6.0, 97)
"""Standard normal points of a trapezoid over new items and their raters' position bias: it is good to 1e-4 up to an SD of 15 logits."""
SHRINKS = 0.69
"""How the variance of a variant's fit to an item shrinks logits on a new item: twice .346, from a logistic as a normal of SD 1.7."""
WEIGHTS = np.exp(-0.5 * STEPS**2) / np.exp(-0.5 * STEPS**2).sum()
FEW, FEW_WEIGHTS = np.sqrt(3.0) * np.array([-1.0, 0.0, 1.0]), np.array([1.0, 4.0, 1.0]) / 6.0
"""Three Gauss-Hermite points over a new rater's reliability and readiness for ties."""


def build_model(ratings: Ratings, priors: Priors | None = None) -> pm.Model:
    """The story of preferences as an explicit PyMC model.

    Parameters
    ----------
    ratings : Ratings
        Validated comparisons; missing verdicts are left out.
    priors : Priors, optional
        In logits.

    Returns
    -------
    pm.Model
        With `quality` of dims `("variant",)` and `prob_beats` of dims `("variant", "opponent")`, both shares; `order` and `reliability` a
        rater; `scale_use` and `tie` (the share of ties between equals) an evaluator; `shift` an evaluator and variant; and the observed
        `count` of dims `("group", "side")`.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"variant_left": ["A", "B"], "variant_right": ["B", "A"], "outcome": ["left", "tie"], "weight": [30, 10]})
    >>> model = build_model(validate(frame))
    >>> model.named_vars_to_dims["quality"], model["count_of"].eval().tolist()
    (('variant',), [[30, 0, 0], [0, 10, 0]])
    """
    seen = _seen(ratings, priors := priors or Priors())
    with pm.Model(coords=_coords(seen)) as model:
        count, log_weight = _story(seen, priors)
        prob = pm.math.softmax(log_weight, axis=1)
        Counts("count", n=seen.count.sum(axis=1), p=prob, observed=count, dims=("group", "side"))
    return model


def build_sampled_model(ratings: Ratings, priors: Priors | None = None) -> pm.Model:
    """The same model with the likelihood without its constant, which a sampler would compute anew at every step.

    Parameters
    ----------
    ratings, priors
        As in `build_model`.

    Returns
    -------
    pm.Model
        With the free variables of `build_model`, and the likelihood as a `Potential`.
    """
    seen = _seen(ratings, priors := priors or Priors())
    with pm.Model(coords=_coords(seen)) as model:
        count, log_weight = _story(seen, priors)
        total = seen.count.sum(axis=1)
        level = pm.math.logsumexp(log_weight, axis=1, keepdims=False)
        pm.Potential("likelihood", (count * log_weight).sum() - (total * level).sum())
    return model


def _seen(ratings: Ratings, priors: Priors) -> Duels:
    return duels(ratings, items=priors.items, raters=priors.raters, reliability=priors.reliability)


def _story(seen: Duels, priors: Priors) -> tuple[Tensor, Tensor]:
    """The story up to the verdicts: their counts, and the log weights of left, tie and right."""
    count = pm.Data("count_of", seen.count, dims=("group", "side"))
    left = pm.Data("left_of", seen.left, dims="group")
    right = pm.Data("right_of", seen.right, dims="group")
    evaluator = pm.Data("evaluator_of", seen.evaluator, dims="group")
    rater = pm.Data("rater_of", seen.rater, dims="group")
    _for_checks(seen)

    # population: what variants are worth to the reference panel, less their mean, which meets both sides of every comparison
    q = pm.ZeroSumNormal("q", priors.sd_variant, dims="variant")
    sd_interaction: Tensor = pt.constant(0.0)
    if seen.present.interaction:
        sd_interaction = pm.HalfNormal("sd_interaction", priors.sd_interaction)
    ability = pm.Deterministic("ability", pt.sqrt(1.0 + SHRINKS * sd_interaction**2) * q, dims="variant")

    # items: some suit a variant better
    ahead = ability[left] - ability[right]
    if seen.present.interaction:
        fits = effects("interaction", sd_interaction, "cell")
        cell_left = pm.Data("cell_left_of", seen.cell_left, dims="group")
        cell_right = pm.Data("cell_right_of", seen.cell_right, dims="group")
        ahead = ahead + fits[cell_left] - fits[cell_right]

    # evaluators and raters: reliability, taste, position bias, readiness for ties
    asked = _asked(seen, priors)
    taste = _taste(seen, priors, asked.nu_level)
    eta = asked.reliability[rater] * ahead + taste[evaluator, left] - taste[evaluator, right] + asked.order[rater]

    # what a report says: new items, new raters of the reference, both orders
    _quality(seen, ability, sd_interaction, asked.new_rater)

    # verdicts: weights divided by the geometric mean of left and right
    return count, pt.stack([0.5 * eta, asked.log_nu[rater], -0.5 * eta], axis=1)


def _coords(seen: Duels) -> dict[str, Any]:
    data, present = seen.data, seen.present
    names = np.array(data.evaluators, dtype=object)
    return {
        "variant": list(data.variants),
        "opponent": list(data.variants),
        "cell": list(seen.cells),
        "rater": list(data.raters),
        "evaluator": list(data.evaluators),
        "group": np.arange(len(seen.count)),
        "side": list(SIDES),
        "judge": list(names[present.shift]),
        "scaled": list(names[present.scale_use]),
        "pool": list(names[present.rater]),
        "reliability_pool": list(names[present.reliability]),
    }


def _for_checks(seen: Duels) -> None:
    """Data that only the predictive checks look at."""
    pm.Data("matter_of", seen.matter, dims="group")
    pm.Data("rater_evaluator", seen.data.rater_evaluator, dims="rater")
    told = np.arange(len(seen.data.evaluators)) == seen.present.reference
    pm.Data("is_reference", told.astype(np.intp), dims="evaluator")


class _NewRater(NamedTuple):
    """A new rater of the reference panel."""

    order: Tensor
    """Mean of the order effect."""
    sd_order: Tensor
    log_nu: Tensor
    """Mean of the readiness for ties."""
    sd_tie: Tensor
    sd_reliability: Tensor
    """SD of log reliability around 0."""
    varies: tuple[bool, bool]
    """Whether new raters differ in readiness for ties, and in reliability."""


class _Asked(NamedTuple):
    """Those who were asked."""

    reliability: Tensor
    """(rater,)"""
    order: Tensor
    """(rater,)"""
    log_nu: Tensor
    """(rater,)"""
    nu_level: Tensor
    """(evaluator,) nu of a rater in the middle of the pool."""
    new_rater: _NewRater


def _asked(seen: Duels, priors: Priors) -> _Asked:
    """Order effects, readiness for ties and reliability of everybody."""
    present, of = seen.present, seen.data.rater_evaluator
    order_level = pm.Normal("order_level", 0.0, priors.order, dims="evaluator")
    log_nu_level = pm.Normal("log_nu_level", priors.tie_mean, priors.tie_sd, dims="evaluator")
    scale_use = scale_uses(seen.present.scale_use, priors.log_scale_use_sd)
    own_order, sd_order = _deviations("order", priors.sd_order, present.rater, of, "pool")
    own_tie, sd_tie = _deviations("tie", priors.sd_tie, present.rater, of, "pool")
    own_use, sd_reliability = _deviations(
        "reliability", priors.sd_reliability, present.reliability, of, "reliability_pool"
    )
    order = pm.Deterministic("order", order_level[of] + own_order, dims="rater")
    log_nu = log_nu_level[of] + own_tie
    own_use = own_use - group_means(own_use, of)[of]
    reliability = pm.Deterministic("reliability", scale_use[of] * pt.exp(own_use), dims="rater")
    nu_level = pt.exp(log_nu_level)
    pm.Deterministic("tie", nu_level / (2.0 + nu_level), dims="evaluator")
    pm.Deterministic("left_bias", _points(order, pt.exp(log_nu)) - 0.5, dims="rater")
    k = present.reference
    varies = (bool(present.rater[k]), bool(present.reliability[k]))
    new = _NewRater(order_level[k], sd_order[k], log_nu_level[k], sd_tie[k], sd_reliability[k], varies)
    return _Asked(reliability, order, log_nu, nu_level, new)


def _deviations(name: str, scale: float, has: Any, of: Any, dim: str) -> tuple[Tensor, Tensor]:
    """(rater,) deviations from the level of their evaluator, and (evaluator,) their SDs; zero where raters count as alike."""
    sd: Tensor = pt.zeros(has.size)
    if not has.any():
        return pt.zeros(of.size), sd
    sd = pt.set_subtensor(sd[np.flatnonzero(has)], pm.HalfNormal(f"sd_{name}_of_pool", scale, dims=dim))
    sd = pm.Deterministic(f"sd_{name}", sd, dims="evaluator")
    return scattered(f"{name}_of_rater", sd[of], has[of], ("rater",)), sd


def _taste(seen: Duels, priors: Priors, nu: Tensor) -> Tensor:
    """(evaluator, variant) tastes of judges in logits; as `shift` also in points between two variants that people hold for equal."""
    shape = (len(seen.data.evaluators), len(seen.data.variants))
    if not seen.present.shift.any():
        return pt.zeros(shape)
    taste = pm.HalfNormal("sd_shift", priors.sd_shift) * pm.Normal("shift_raw", 0.0, 1.0, dims=("judge", "variant"))
    judges = np.flatnonzero(seen.present.shift)
    own = pt.set_subtensor(pt.zeros(shape)[judges], taste - taste.mean(axis=1, keepdims=True))
    pm.Deterministic("shift_logit", own, dims=("evaluator", "variant"))
    pm.Deterministic("shift", _points(own, nu[:, None]) - 0.5, dims=("evaluator", "variant"))
    return own


def _points(eta: Tensor, nu: Tensor) -> Tensor:
    """Probability of left plus half that of a tie, from the log weight of left over right."""
    return 0.5 + 0.5 * pt.tanh(0.5 * eta) / (1.0 + 0.5 * nu / pt.cosh(0.5 * eta))


def _quality(seen: Duels, ability: Tensor, sd_interaction: Tensor, rater: _NewRater) -> None:
    """Add `prob_beats` and `quality`: both orders, new items, new raters."""
    shapes = [(FEW, FEW_WEIGHTS) if varies else (np.zeros(1), np.ones(1)) for varies in rater.varies]
    (ties, tie_weights), (uses, use_weights) = shapes
    steps, weights = (STEPS, WEIGHTS) if seen.present.interaction or any(rater.varies) else (np.zeros(1), np.ones(1))
    one, other = np.triu_indices(len(seen.data.variants), 1)
    nu = pt.exp(rater.log_nu + rater.sd_tie * ties)[None, :, None, None]
    use = pt.exp(rater.sd_reliability * uses)[None, None, :, None]
    ahead = (ability[one] - ability[other])[:, None, None, None]
    spread = pt.sqrt(2.0 * (use * sd_interaction) ** 2 + rater.sd_order**2 + 1e-12) * steps
    weight = tie_weights[:, None, None] * use_weights[:, None] * weights
    both = 0.5 * sum(_points(use * ahead + sign * rater.order + spread, nu) for sign in (-1.0, 1.0))
    won = (both * weight).sum(axis=(1, 2, 3))
    place = np.zeros((len(seen.data.variants), len(seen.data.variants)), dtype=np.intp)
    place[one, other], place[other, one] = 1 + np.arange(one.size), 1 + one.size + np.arange(one.size)
    every = pt.concatenate([np.full(1, 0.5), won, 1.0 - won])[place]
    beats = pm.Deterministic("prob_beats", every, dims=("variant", "opponent"))
    if seen.control >= 0:
        pm.Deterministic("quality", beats[:, seen.control], dims="variant")
    else:
        others = max(len(seen.data.variants) - 1, 1)
        pm.Deterministic("quality", (beats.sum(axis=1) - 0.5) / others, dims="variant")


def _sentences(ratings: Ratings, priors: Priors) -> tuple[str, ...]:
    seen = _seen(ratings, priors)
    meaning = (
        f"Quality is the probability of beating {ratings.control}, a tie counted half"
        if ratings.control is not None
        else "Quality is the mean probability of beating another variant, a tie counted half, because no control was named"
    )
    return (f"{meaning}, averaged over both orders and new items.", *seen.sentences)


RECIPE = Recipe(
    name="preference",
    title="one variant against another",
    outcome="comparison",
    priors=Priors,
    build=build_model,
    sampled=build_sampled_model,
    observed={"count": "count_of"},
    features=features,
    sentences=_sentences,
    nested=("interaction", "interaction_raw"),
    unit="share",
    higher_is_better=True,
)
