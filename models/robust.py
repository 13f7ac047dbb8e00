r"""Scores with wild ones among them: noise with a free tail, raters who differ in noise, and covariates that a judge should ignore.

Rating :math:`n` of output :math:`o` (variant :math:`v`, item :math:`i`) by rater :math:`r` of evaluator :math:`k` is told as by
`continuous`, but for its last two terms:

.. math::

    y_n = m_k + \lambda_k (q_v + u_i + g_{iv} + w_o) + b_r + d_{kv} + t_{rv} + a_{ro} + \beta_k^\top x_n + s_r\, \varepsilon_n,
    \qquad \varepsilon_n \sim t_{\nu_k}

.. math::

    \log s_r \sim N(\log s_k, \tau_k^2), \qquad \nu_k - 2 \sim \Gamma(2, \cdot), \qquad \beta_{kc} \sim N(\bar\beta_c, \sigma_\beta^2)

*Noise* is Student's t (Lange, Little and Taylor 1989), with degrees of freedom :math:`\nu_k` that the scores of each evaluator tell: a
score ten times too large is let pass by the tail, where normal noise would bend every quality towards it. `sd_noise` is the scale
:math:`s_k`, the SD that noise would have without its tail. Where an evaluator has several named raters, each has a scale of its own, and
the noisier counts less. Where one value holds a large share of the scores, such noise would shrink onto it: those scores are refused.

*Covariates* :math:`x_n`, such as the length of an answer, its position, or whether it is of the judge's own family, are standardised over
the judges' ratings. `slope` is what a judge adds in points for an SD more of one, beside what the reference sees, and the reference's is
zero. Is a covariate part of quality itself, as where a longer answer is a better one, then that part stands in :math:`q_v`, :math:`u_i`,
:math:`g_{iv}` and :math:`w_o`, which the reference and the judge both see, and the slope is only what the judge makes of it beyond that.
To tell the two apart takes outputs that both of them rated; where people rated few, some of what they would value counts as the judge's
slope, and where no person rates, all of it does.

*Quality* is :math:`m_{reference} + q_v`: what the reference panel would say on average over new items and new raters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pydantic import model_validator

from expsim_bayes.errors import SettingError
from expsim_bayes.models import _priors
from expsim_bayes.models._centring import severity_layout, shift_layout, taste_layout
from expsim_bayes.models._effects import (
    Layout,
    Tensor,
    effects,
    group_means,
    leads,
    pool_sds,
    scale_uses,
    scattered,
    turn,
    turned,
)
from expsim_bayes.models._places import those
from expsim_bayes.models._recipe import Recipe, refuse_not_positive
from expsim_bayes.models._robust import Seen, expected, seen_by
from expsim_bayes.models._robust_checks import features
from expsim_bayes.models._small_sd import SMALL_SD
from expsim_bayes.models._terms import NESTED

if TYPE_CHECKING:
    from expsim_bayes.ratings import Ratings

LEAST_TAIL = 2.0
"""Degrees of freedom are above this: with fewer, noise has no SD."""


class Priors(_priors.Priors):
    """What a judge should ignore, and priors of the robust story: those of `continuous`, in widths of the score range, and some more.

    Examples
    --------
    >>> Priors(covariates=("length",)).covariates
    ('length',)
    >>> Priors(fixed_tail=1)
    Traceback (most recent call last):
    ...
    expsim_bayes.errors.SettingError: priors.fixed_tail: noise with 1.0 degrees of freedom has no SD. Remedy: give a number above 2.
    """

    covariates: tuple[str, ...] = ()
    """Columns that a judge should ignore, of numbers or flags, such as length, position or own_family; no unit."""
    tail: float = 0.1
    """Rate of the gamma prior (shape 2) of the degrees of freedom above 2, one for each evaluator: .1 expects about 20; no unit."""
    fixed_tail: float | None = None
    """Degrees of freedom of all noise where they are given rather than learnt: 4 is heavy, 100 as good as normal; no unit."""
    sd_log_noise: float = 0.4
    """Scale of the half-normal prior of the SD of the logs of raters' noise around that of their evaluator: .4 is a factor of 1.5; logs."""
    slope: float = 0.1
    """SD of what judges add on average for an SD more of a covariate: Normal(0, slope); range widths."""
    sd_slope: float = 0.05
    """Scale of the half-normal prior of the SD of that between judges, where there are several; range widths."""

    @model_validator(mode="after")
    def _all_positive(self) -> Priors:
        refuse_not_positive(self, but=("least_noise",))
        self._refuse_least_noise()
        if self.fixed_tail is not None and not self.fixed_tail > LEAST_TAIL:
            raise SettingError(
                f"noise with {self.fixed_tail} degrees of freedom has no SD",
                where="priors.fixed_tail",
                remedy=f"give a number above {LEAST_TAIL:g}",
            )
        if len(set(self.covariates)) < len(self.covariates):
            raise SettingError("a covariate is named twice", where="priors.covariates", remedy="name each column once")
        return self


def build_model(ratings: Ratings, priors: Priors | None = None, *, centred: bool = True) -> pm.Model:
    """The robust story as an explicit PyMC model.

    Parameters
    ----------
    ratings : Ratings
        Validated scores; missing ones are left out.
    priors : Priors, optional
        In widths of the score range, with the covariates.
    centred : bool
        Whether the sampler's coordinates lean on these scores; False suits a model that is compiled once and sees other scores.

    Returns
    -------
    pm.Model
        With `quality` of dims `("variant",)` and `slope` of dims `("evaluator", "covariate")` in points, one variable a term, and the
        observed `score` of dim `rating`.

    Raises
    ------
    RatingsError
        One value holds a large share of an evaluator's scores, or a covariate cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"variant": ["A", "B"] * 4, "item": list("11223344"), "rater": "ann", "score": range(8)})
    >>> model = build_model(validate(frame, score_range=(0, 10)))
    >>> model.named_vars_to_dims["quality"], model["score_of"].get_value().shape
    (('variant',), (8,))
    """
    priors = priors or Priors()
    seen = seen_by(ratings, priors.covariates, tastes=priors.tastes)
    with pm.Model(coords=_coords(seen)) as model:
        score = pm.Data("score_of", seen.data.score, dims="rating")
        told = _story(seen, priors, centred=centred)
        tail, noise = told.tail[seen.data.evaluator], told.noise[seen.data.rater]
        pm.StudentT("score", nu=tail, mu=told.expected, sigma=noise, observed=score, dims="rating")
    return model


def build_lean_model(ratings: Ratings, priors: Priors | None = None, *, centred: bool = True) -> pm.Model:
    """The same model with the constants of the noise taken once an evaluator and once a rater, which is what a sampler should run.

    Parameters
    ----------
    ratings, priors, centred
        As in `build_model`.

    Returns
    -------
    pm.Model
        With the free variables of `build_model`, and the likelihood as a `Potential`.
    """
    priors = priors or Priors()
    seen = seen_by(ratings, priors.covariates, tastes=priors.tastes)
    data = seen.data
    with pm.Model(coords=_coords(seen)) as model:
        score = pm.Data("score_of", data.score, dims="rating")
        told = _story(seen, priors, centred=centred)
        z2 = ((score - told.expected) / told.noise[data.rater]) ** 2
        half = 0.5 * (told.tail + 1)
        once = pt.gammaln(half) - pt.gammaln(0.5 * told.tail) - 0.5 * pt.log(np.pi * told.tail)
        of_evaluator = np.bincount(data.evaluator, minlength=len(data.evaluators))
        of_rater = np.bincount(data.rater, minlength=len(data.raters))
        each = (half[data.evaluator] * pt.log1p(z2 / told.tail[data.evaluator])).sum()
        pm.Potential("likelihood", (of_evaluator * once).sum() - (of_rater * pt.log(told.noise)).sum() - each)
    return model


class _Told(NamedTuple):
    """The story up to the ratings themselves."""

    expected: Tensor
    """(rating,) in points."""
    noise: Tensor
    """(rater,) scale of the noise, in points."""
    tail: Tensor
    """(evaluator,) degrees of freedom."""


def _coords(seen: Seen) -> dict[str, Any]:
    own = {"noise_pool": those(seen.data, seen.noisy), "covariate": list(seen.covariates.names)}
    return seen.places.coords(seen.present) | own


def _story(seen: Seen, priors: Priors, *, centred: bool) -> _Told:
    """Everything but the ratings, told from the top."""
    data, width, k = seen.data, seen.scale.width, seen.present.reference
    evaluator = pm.Data("evaluator_of", data.evaluator, dims="rating")
    variant = pm.Data("variant_of", data.variant, dims="rating")
    pm.Data("rater_of", data.rater, dims="rating")
    pm.Data("output_of", data.output, dims="rating")
    pm.Data("is_reference", np.arange(len(data.evaluators)) == k, dims="evaluator")

    # population: what variants add, and what an evaluator says on average of the variants, items and raters at hand
    q = turned("q", priors.sd_variant * width, ("variant",))
    average = pm.Normal("average", seen.scale.middle, priors.level_sd * width, dims="evaluator")

    # items and outputs: what an ideal reader would see, beyond the variant
    worth, ease = _worth(seen, priors, centred=centred)

    # evaluators and raters: use of the scale, severity, tastes, lasting opinions, what covariates add
    scale_use = scale_uses(seen.present.scale_use, priors.log_scale_use_sd)
    own, lean = _personal(seen, priors, centred=centred)

    # what a report says: what would be said of new items by new raters
    level = pm.Deterministic("level", average - scale_use * (q.mean() + ease) - lean, dims="evaluator")
    pm.Deterministic("quality", level[k] + q, dims="variant")
    expected = average[evaluator] + scale_use[evaluator] * ((q - q.mean())[variant] + worth) + own
    if seen.covariates.names:
        x = pm.Data("covariate_of", seen.covariates.value, dims=("rating", "covariate"))
        expected = expected + (_slopes(seen, priors)[evaluator] * x).sum(axis=1)
    return _Told(expected, _noise(seen, priors, centred=centred), _tail(priors, len(data.evaluators)))


def _worth(seen: Seen, priors: Priors, *, centred: bool) -> tuple[Tensor, Tensor]:
    """(rating,) worth of outputs beyond their variant, and the mean of the items at hand, which the averages absorb."""
    worth, ease = pt.zeros(seen.data.score.size), pt.constant(0.0)
    shown = seen.shown if centred else expected(seen, priors.sd_noise * seen.scale.width)
    for dim, (name, sd) in NESTED.items():
        if not seen.present.has(dim):
            continue
        spread = pm.HalfNormal(sd, getattr(priors, sd) * seen.scale.width, default_transform=SMALL_SD)
        effect = effects(name, spread, dim, shown=shown[dim], absorbed=dim == "item")
        if dim == "item":
            ease = effect.mean()
            effect = effect - ease
        worth = worth + effect[seen.places.unit(dim)]
    return worth, ease


def _personal(seen: Seen, priors: Priors, *, centred: bool) -> tuple[Tensor, Tensor]:
    """(rating,) what evaluators and raters add of their own, and (evaluator,) its mean at hand, which the averages absorb."""
    data, present, width = seen.data, seen.present, seen.scale.width
    of = data.rater_evaluator
    own, lean = pt.zeros(data.score.size), pt.zeros(len(data.evaluators))
    if any(present.severity):
        sd = pool_sds("sd_rater", priors.sd_rater * width, present.severity, "severity_pool")
        has = np.array(present.severity)[of]
        severity = scattered(
            "severity", sd[of], has, ("rater",), layout=severity_layout(seen.calm, has, centred=centred)
        )
        pool = group_means(severity, of)
        own, lean = own + (severity - pool[of])[data.rater], lean + pool
    if any(present.shift):
        sd = pm.HalfNormal("sd_shift", priors.sd_shift * width, default_transform=SMALL_SD)
        has = np.array(present.shift)
        layout = shift_layout(seen.calm, has, present.reference, centred=centred)
        shift = scattered("shift", sd, has, ("evaluator", "variant"), layout=layout)
        mean = shift.mean(axis=1)
        own, lean = own + (shift - mean[:, None])[data.evaluator, data.variant], lean + mean
    if any(present.taste):
        sd = pool_sds("sd_taste", priors.sd_taste * width, present.taste, "taste_pool")
        has = np.array(present.taste)[of]
        taste = scattered(
            "taste", sd[of], has, ("rater", "variant"), layout=taste_layout(seen.among, has, centred=centred)
        )
        own = own + taste[data.rater, data.variant]
    if any(present.opinion):
        sd = pool_sds("sd_opinion", priors.sd_opinion * width, present.opinion, "opinion_pool")
        has = np.array(present.opinion)[seen.places.pair_evaluator]
        own = own + scattered("opinion", sd[seen.places.pair_evaluator], has, ("pair",))[seen.places.pair]
    return own, lean


def _slopes(seen: Seen, priors: Priors) -> Tensor:
    """(evaluator, covariate) points that an SD more of a covariate adds, 0 for all but judges.

    Slopes are normal around a mean of their own, which is normal too: the average of J judges is then Normal(0, slope^2 + sd_slope^2 / J),
    and what they deviate from it by is independent of it.
    """
    width, where = seen.scale.width, np.flatnonzero(seen.judges)
    judges, columns = where.size, len(seen.covariates.names)
    sd = pm.HalfNormal("sd_slope", priors.sd_slope * width) if judges > 1 else pt.constant(0.0)
    average = pm.Normal("slope_average", 0.0, pt.sqrt((priors.slope * width) ** 2 + sd**2 / judges), dims="covariate")
    each = pt.repeat(average[None], judges, axis=0)
    if judges > 1:
        deviation = pm.Normal("slope_raw", 0.0, 1.0, shape=(judges - 1, columns))
        each = each + sd * pt.dot(turn(np.zeros(judges, dtype=np.intp))[:, 1:], deviation)
    every = pt.set_subtensor(pt.zeros((seen.judges.size, columns))[where], each)
    return pm.Deterministic("slope", every, dims=("evaluator", "covariate"))


def _noise(seen: Seen, priors: Priors, *, centred: bool) -> Tensor:
    """(rater,) scales of the noise; an evaluator's own is that of the middle of its raters."""
    of, least = seen.data.rater_evaluator, priors.least_noise * seen.scale.width
    sd = pm.TruncatedNormal("sd_noise", 0.0, priors.sd_noise * seen.scale.width, lower=least, dims="evaluator")
    if not seen.noisy.any():
        return sd[of]
    spread = pool_sds("sd_log_noise", priors.sd_log_noise, list(seen.noisy), "noise_pool")
    has = seen.noisy[of]
    pool = of[has]
    layout = Layout(turn(pool), np.where(leads(pool), 0.0, centred * seen.noise_centring[pool]))
    log = scattered("log_noise", spread[of], has, ("rater",), layout=layout)
    noise = least + (sd[of] - least) * pt.exp(log - group_means(log, of)[of])
    return pm.Deterministic("rater_noise", noise, dims="rater")


def _tail(priors: Priors, evaluators: int) -> Tensor:
    """(evaluator,) degrees of freedom."""
    if priors.fixed_tail is not None:
        return pm.Deterministic("tail", pt.full((evaluators,), priors.fixed_tail), dims="evaluator")
    return pm.Deterministic(
        "tail", LEAST_TAIL + pm.Gamma("tail_above", 2.0, priors.tail, dims="evaluator"), dims="evaluator"
    )


def _sentences(ratings: Ratings, priors: Priors) -> tuple[str, ...]:
    return seen_by(ratings, priors.covariates, tastes=priors.tastes).sentences


RECIPE = Recipe(
    name="robust",
    title="scores with wild ones among them, and judges who heed what they should ignore",
    outcome="score",
    priors=Priors,
    build=build_model,
    observed={"score": "score_of"},
    features=features,
    sentences=_sentences,
    sampled=build_lean_model,
    leans=True,
    nested=(
        "item_effect", "interaction", "output_effect", "opinion", "item_effect_raw", "interaction_raw", "output_effect_raw", "opinion_raw",
        "severity_raw", "shift_raw", "taste_raw", "log_noise_raw",
    ),
    chosen=("slope_average",),
    effects_unit="points",
)  # fmt: skip
