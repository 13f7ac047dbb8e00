r"""Pass or fail: verdicts of 0 and 1 by people and judges who err, with or without gold labels.

The truth :math:`z_o` of output :math:`o` (variant :math:`v`, item :math:`i`) is not seen; rater :math:`r` of evaluator :math:`k`
sees it with errors of two kinds (Dawid & Skene 1979; Joseph, Gyorkos & Coupal 1995):

.. math::

    z_o \sim \operatorname{Bernoulli}(\operatorname{logit}^{-1}(m + q_v + u_i + g_{iv})) \\
    P(y = 1 \mid z = 1) = \operatorname{logit}^{-1}(\alpha_k + \alpha_{kd} + \alpha_r + d_{kv}) \qquad \text{(sensitivity)} \\
    P(y = 0 \mid z = 0) = \operatorname{logit}^{-1}(\beta_k + \beta_{kd} + \beta_r - d_{kv}) \qquad \text{(specificity)}

for items of kind :math:`d` (the column named as `domain`). :math:`d_{kv}` is a judge's taste for a variant: it makes the judge say 1 more
often, whatever the truth; like the effects of kinds of item it is counted from the judge's own average. Given the truth, verdicts are
independent. A gold label *is* the truth: it tells of :math:`z_o` as one draw, and verdicts on its output are given it. Without gold labels
truth and error could change names; sensitivity + specificity > 1 for the reference panel excludes that (:math:`\alpha_k + \beta_k > 0`),
and its errors are the same for all kinds of item. Judges may be no better than chance: they then tell nothing.

*Quality* is the probability that the truth is 1, averaged over new items: the share of outputs that pass, or that hold an error, whatever 1
stands for. It lies within [0, 1] where the usual correction (apparent rate + specificity - 1) / (sensitivity + specificity - 1) does not.

Many verdicts are fitted without a sampler (`expsim_bayes.votes.verdicts`), unless one variant answered an item several times. There may
be a second, much less likely solution in which nearly all raters err more often than not; a chain of NUTS that starts there stays there,
which the gate sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pydantic import model_validator

from expsim_bayes.frozen import Frozen
from expsim_bayes.models._centring import shift_layout
from expsim_bayes.models._effects import Tensor, effects, scattered, turned
from expsim_bayes.models._labels import chance_of_one, labels_and_verdicts
from expsim_bayes.models._recipe import Recipe, refuse_not_positive
from expsim_bayes.models._small_sd import SMALL_SD
from expsim_bayes.models._truths import draw_truths
from expsim_bayes.models._verdict_checks import features, tastes
from expsim_bayes.models._verdicts import Verdicts, coords, panel, verdicts

if TYPE_CHECKING:
    from expsim_bayes.ratings import Ratings

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
"""Gauss-Hermite points over which quality averages new items."""
INNER, INNER_WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
"""The same for items that are integrated out."""
SOME, SOME_WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
"""The same for new raters of a pool."""
A_VERDICT = 0.05
"""What a verdict tells of a sensitivity near .9, were half the outputs errors: inverse of a variance in logits."""
SIGNED = ("level_mean", "sensitivity", "specificity")
"""Priors that may be negative or zero."""


class Priors(Frozen):
    """Priors of the story of verdicts, in logits, and whose word is the truth.

    Examples
    --------
    >>> Priors(gold="experts", domain="dataset").gold
    'experts'
    """

    gold: str | None = None
    """A setting: the evaluator whose verdicts are the truth; without one all are taken to err."""
    domain: str | None = None
    """A setting: the column with the kind of each item, along which sensitivity and specificity differ."""
    declared: bool = False
    """A setting: whether sensitivity, specificity and sd_accuracy are knowledge from elsewhere, so that judges alone may be fitted."""
    level_mean: float = 0.0
    """Mean of the prior of the average variant's level, m ~ Normal(level_mean, level_sd); logits, 0 is a rate of one half."""
    level_sd: float = 1.5
    """SD of that prior; logits."""
    sd_variant: float = 1.0
    """SD of what a variant adds, fixed: q ~ Normal(0, sd_variant); logits."""
    sd_item: float = 1.0
    """Scale of the half-normal prior of the SD between items; logits."""
    sd_interaction: float = 0.7
    """Scale of the half-normal prior of the SD of a variant's fit to an item; logits."""
    sensitivity: float = 1.5
    """Mean of the prior of an evaluator's sensitivity, P(says 1 | truth 1); logits, 1.5 is .82."""
    specificity: float = 1.5
    """Mean of the prior of an evaluator's specificity, P(says 0 | truth 0); logits, 1.5 is .82."""
    sd_accuracy: float = 1.5
    """SD of both priors; logits."""
    sd_domain: float = 1.0
    """Scale of the half-normal prior of the SD of sensitivity and specificity between kinds of item; logits."""
    sd_rater: float = 0.7
    """Scale of the half-normal prior of the SD of sensitivity, and of specificity, between the raters of a pool; logits."""
    sd_shift: float = 0.5
    """Scale of the half-normal prior of the SD of judges' tastes for variants, one SD for all judges; logits."""

    @model_validator(mode="after")
    def _all_positive(self) -> Priors:
        refuse_not_positive(self, but=SIGNED)
        return self


def build_model(ratings: Ratings, priors: Priors | None = None) -> pm.Model:
    """The story of verdicts as an explicit PyMC model, the truth of each output included.

    Parameters
    ----------
    ratings : Ratings
        Validated scores of 0 and 1; missing ones are left out.
    priors : Priors, optional
        In logits, with the settings.

    Returns
    -------
    pm.Model
        With `quality` of dims `("variant",)`; `sensitivity`, P(says 1 | truth 1), and `specificity`, P(says 0 | truth 0), of dims
        `("evaluator",)`, or `("evaluator", "domain")` where a domain is named, over outputs like those rated; `rater_sensitivity` and
        `rater_specificity` of the raters of pools; `severity` and `shift` as differences in the share of verdicts of 1; `truth` of dims
        `("output",)`, of which those without a gold label are free (`truth_unlabelled`, where there is gold); and the observed `verdict` of
        dims `("entry",)`, gold labels included.

    Raises
    ------
    RatingsError
        A score is neither 0 nor 1, or judges are alone and no prior of their errors is declared.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"variant": ["A", "B"] * 4, "item": list("11223344"), "rater": "ann", "score": [1, 0, 1, 1, 0, 0, 1, 0]})
    >>> model = build_model(validate(frame, score_range=(0, 1)), Priors(gold="human"))
    >>> model.named_vars_to_dims["quality"], int(model["ones_of"].get_value().sum())
    (('variant',), 4)
    """
    priors = priors or Priors()
    seen = _seen(ratings, priors)
    with pm.Model(coords=coords(seen)) as model:
        told = _story(seen, priors, integrated=False)
        rate = told.location[seen.data.output_variant] + told.effect
        if seen.gold < 0:
            truth = pm.Bernoulli("truth", logit_p=rate, dims="output")
            says = chance_of_one(truth[seen.output], told.sensitivity[seen.cell], told.specificity[seen.cell])
            pm.Binomial("verdict", n=seen.asked, p=says, observed=told.ones, dims="entry")
        else:
            labels_and_verdicts(seen, told.ones, rate, told.sensitivity, told.specificity)
    return model


def build_marginal_model(ratings: Ratings, priors: Priors | None = None) -> pm.Model:
    """The same story with the truth summed out, and items integrated out by Gauss-Hermite quadrature.

    Outputs with a gold label come in as counts of cell and truth, so that their number costs next to nothing.

    Parameters
    ----------
    ratings, priors
        As in `build_model`.

    Returns
    -------
    pm.Model
        With the free variables of `build_model` but for the truth and the effects of items, and the likelihood as a `Potential`.
    """
    priors = priors or Priors()
    seen = _seen(ratings, priors)
    with pm.Model(coords=coords(seen)) as model:
        told = _story(seen, priors, integrated=seen.integrated)
        pm.Potential("likelihood", _labelled_verdicts(seen, told) + _truths(seen, told, model))
    return model


class _Told(NamedTuple):
    """The story up to the truths."""

    ones: Tensor
    """(entry,) verdicts of 1, data."""
    location: Tensor
    """(variant,) logits of the truth at an average item."""
    effect: Tensor
    """(output,) what items add, where they are not integrated out."""
    sensitivity: Tensor
    """(cell,) logits."""
    specificity: Tensor
    """(cell,) logits."""


def _seen(ratings: Ratings, priors: Priors) -> Verdicts:
    return verdicts(ratings, gold=priors.gold, domain=priors.domain, declared=priors.declared)


def _story(seen: Verdicts, priors: Priors, *, integrated: bool) -> _Told:
    """Everything but truths and verdicts, told from the top."""
    ones = pm.Data("ones_of", seen.ones, dims="entry")
    for name in ("evaluator", "output", "rater", "asked"):
        pm.Data(f"{name}_of", getattr(seen, name), dims="entry")
    pm.Data("variant_of", seen.data.output_variant[seen.output], dims="entry")
    pm.Data("stratum_of", seen.stratum[seen.output], dims="entry")
    pm.Data(
        "role_of",
        [2 if k == seen.gold else int(k == seen.bound) for k in range(len(seen.data.evaluators))],
        dims="evaluator",
    )
    pm.Data("variant_outputs", np.bincount(seen.data.output_variant, minlength=len(seen.data.variants)), dims="variant")
    pm.Data("stratum_outputs", np.bincount(seen.stratum, minlength=len(seen.strata)), dims="stratum")

    # population: how often the truth is 1; the average variant, and what each adds to it
    n_variants = len(seen.data.variants)
    level = pm.Normal("level", priors.level_mean, np.hypot(priors.level_sd, priors.sd_variant / np.sqrt(n_variants)))
    q = turned("q", priors.sd_variant, ("variant",))
    location = level + q - q.mean()

    # items
    effect, variance = _items(seen, priors, integrated=integrated)
    rate = pm.math.sigmoid(location[:, None] + pt.sqrt(variance) * NODES)
    quality = pm.Deterministic("quality", pt.dot(rate, WEIGHTS / WEIGHTS.sum()), dims="variant")

    # evaluators and raters: their errors
    sensitivity, specificity = _errors(seen, priors, quality)
    return _Told(ones, location, effect, sensitivity, specificity)


def _items(seen: Verdicts, priors: Priors, *, integrated: bool) -> tuple[Tensor, Tensor]:
    """(output,) effects of items, and the variance that new ones add."""
    effect: Tensor = pt.zeros(len(seen.data.outputs))
    variance: Tensor = pt.constant(0.0)
    if seen.item:
        sd = pm.HalfNormal("sd_item", priors.sd_item)
        variance = variance + sd**2
        if not integrated:
            centred = 0.0 if seen.integrated else seen.centring
            effect = effect + effects("item_effect", sd, "item", centred=centred)[seen.data.output_item]
    if seen.interaction:
        sd = pm.HalfNormal("sd_interaction", priors.sd_interaction)
        variance = variance + sd**2
        effect = effect + effects("interaction", sd, "cell")[seen.output_cell]
    return effect, variance


def _errors(seen: Verdicts, priors: Priors, quality: Tensor) -> tuple[Tensor, Tensor]:
    """(cell,) logits of sensitivity and specificity."""
    alpha, beta = _bases(seen, priors)
    if len(seen.domains) > 1:
        differs = ~panel(seen)[:, None]
        sd = pm.HalfNormal("sd_domain", priors.sd_domain, default_transform=SMALL_SD)
        alpha = alpha[:, None] + differs * _by_domain("sensitivity_domain_logit", sd, seen)
        beta = beta[:, None] + differs * _by_domain("specificity_domain_logit", sd, seen)
    else:
        alpha, beta = alpha[:, None], beta[:, None]
    shift: Tensor = pt.zeros((len(seen.data.evaluators), len(seen.data.variants)))
    if seen.shift.any():
        sd = pm.HalfNormal("sd_shift", priors.sd_shift)
        layout = shift_layout(seen.data, seen.shift, max(seen.gold, seen.bound))
        shift = scattered("shift_logit", sd, seen.shift, ("evaluator", "variant"), layout=layout)
        shift = shift - shift.mean(axis=1, keepdims=True)
    spread_alpha, people_alpha = _people(seen, priors, "sensitivity")
    spread_beta, people_beta = _people(seen, priors, "specificity")
    _report(seen, quality, (alpha, spread_alpha, people_alpha), (beta, spread_beta, people_beta), shift)
    k, d, v, r = seen.cell_evaluator, seen.cell_domain, seen.cell_variant, seen.cell_rater
    moved = pt.where(seen.shift[k], shift[k, v], 0.0)
    return alpha[k, d] + people_alpha[r] + moved, beta[k, d] + people_beta[r] - moved


def _bases(seen: Verdicts, priors: Priors) -> tuple[Tensor, Tensor]:
    """(evaluator,) logits of sensitivity and specificity, averaged over kinds of item and variants; 0 for gold, which has none."""
    n = len(seen.data.evaluators)
    alpha, beta = pt.zeros(n), pt.zeros(n)
    free = [k for k in range(n) if k not in (seen.gold, seen.bound)]
    if free:
        alpha = pt.set_subtensor(
            alpha[free], pm.Normal("sensitivity_logit", priors.sensitivity, priors.sd_accuracy, dims="free")
        )
        beta = pt.set_subtensor(
            beta[free], pm.Normal("specificity_logit", priors.specificity, priors.sd_accuracy, dims="free")
        )
    if seen.bound >= 0:  # the same two priors in sum and difference, the sum above 0
        sd = np.sqrt(2.0) * priors.sd_accuracy
        both = pm.TruncatedNormal("panel_sum", priors.sensitivity + priors.specificity, sd, lower=0.0)
        lean = pm.Normal("panel_difference", priors.sensitivity - priors.specificity, sd)
        alpha = pt.set_subtensor(alpha[seen.bound], (both + lean) / 2)
        beta = pt.set_subtensor(beta[seen.bound], (both - lean) / 2)
    return alpha, beta


def _by_domain(name: str, sd: Tensor, seen: Verdicts) -> Tensor:
    """(evaluator, domain) logits by which an evaluator errs otherwise in a kind of item than on average over kinds."""
    effect = turned(name, sd, ("evaluator", "domain"), information=A_VERDICT * seen.rated.sum(axis=2))
    return effect - effect.mean(axis=1, keepdims=True)


def _people(seen: Verdicts, priors: Priors, what: str) -> tuple[Tensor, Tensor]:
    """(evaluator,) SDs between the raters of pools, and (rater,) logits by which each differs."""
    of = seen.data.rater_evaluator
    sd, effect = pt.zeros(len(seen.data.evaluators)), pt.zeros(len(seen.data.raters))
    if seen.individual.any():
        pools = np.flatnonzero(seen.individual)
        sd = pt.set_subtensor(sd[pools], pm.HalfNormal(f"sd_{what}", priors.sd_rater, dims="pool"))
        persons = np.flatnonzero(seen.individual[of])
        raw = pm.Normal(f"person_{what}_raw", 0.0, 1.0, dims="person")
        effect = pt.set_subtensor(effect[persons], sd[of[persons]] * raw)
    return sd, effect


def _report(
    seen: Verdicts,
    quality: Tensor,
    alpha: tuple[Tensor, Tensor, Tensor],
    beta: tuple[Tensor, Tensor, Tensor],
    shift: Tensor,
) -> None:
    """What a report says of evaluators and raters, as shares."""
    hits = _share(alpha[0], shift, alpha[1])
    rejections = _share(beta[0], -shift, beta[1])
    gold = (np.arange(len(seen.data.evaluators)) == seen.gold)[:, None]
    one, zero = seen.rated * quality, seen.rated * (1.0 - quality)
    sensitivity = pt.where(gold, 1.0, (one * hits).sum(axis=2) / one.sum(axis=2))
    specificity = pt.where(gold, 1.0, (zero * rejections).sum(axis=2) / zero.sum(axis=2))
    several = len(seen.domains) > 1
    dims = ("evaluator", "domain") if several else ("evaluator",)
    pm.Deterministic("sensitivity", sensitivity if several else sensitivity[:, 0], dims=dims)
    pm.Deterministic("specificity", specificity if several else specificity[:, 0], dims=dims)
    if seen.shift.any():
        more, without = (
            quality * hits + (1 - quality) * (1 - rejections),
            quality * _share(alpha[0], 0 * shift, alpha[1]),
        )
        less = without + (1 - quality) * (1 - _share(beta[0], 0 * shift, beta[1]))
        judges = seen.shift[:, None]
        pm.Deterministic("shift", pt.where(judges, (more - less).mean(axis=1), 0.0), dims=("evaluator", "variant"))
    if seen.individual.any():
        of = seen.data.rater_evaluator
        told = pm.math.sigmoid(alpha[0][of] + alpha[2][:, None]).mean(axis=1)
        rejected = pm.math.sigmoid(beta[0][of] + beta[2][:, None]).mean(axis=1)
        average = quality.mean()
        says = average * told + (1 - average) * (1 - rejected)
        pool = average * pm.math.sigmoid(alpha[0]).mean(axis=1) + (1 - average) * (
            1 - pm.math.sigmoid(beta[0]).mean(axis=1)
        )
        persons = np.flatnonzero(seen.individual[of])
        pm.Deterministic("rater_sensitivity", told[persons], dims="person")
        pm.Deterministic("rater_specificity", rejected[persons], dims="person")
        pm.Deterministic("severity", pt.where(seen.individual[of], says - pool[of], 0.0), dims="rater")


def _share(base: Tensor, shift: Tensor, spread: Tensor) -> Tensor:
    """(evaluator, domain, variant) probabilities, averaged over new raters of a pool."""
    logit = base[:, :, None] + shift[:, None, :]
    return pt.dot(
        pm.math.sigmoid(logit[..., None] + spread[:, None, None, None] * SOME), SOME_WEIGHTS / SOME_WEIGHTS.sum()
    )


def _labelled_verdicts(seen: Verdicts, told: _Told) -> Tensor:
    """Log-likelihood of verdicts on outputs with a gold label: binomials of cell and truth."""
    at = np.flatnonzero((seen.label[seen.output] >= 0) & (seen.evaluator != seen.gold))
    if not at.size:
        return pt.constant(0.0)
    cell, label = seen.cell[at], seen.label[seen.output[at]]
    true = pt.gt(told.ones[label], 0)
    ones, asked = told.ones[at], seen.asked[at]
    none = pt.zeros(seen.cell_rater.size)
    says = told.sensitivity, -told.specificity
    total: Tensor = pt.constant(0.0)
    for logit, holds in zip(says, (true, pt.eq(true, 0)), strict=True):
        one = pt.inc_subtensor(none[cell], ones * holds)
        zero = pt.inc_subtensor(none[cell], (asked - ones) * holds)
        total = total - (one * pt.softplus(-logit)).sum() - (zero * pt.softplus(logit)).sum()
    return total


def _truths(seen: Verdicts, told: _Told, model: pm.Model) -> Tensor:
    """Log-likelihood of truths: of gold labels, and of verdicts on the other outputs with their truth summed out."""
    data = seen.data
    unit = data.output_item if seen.integrated else np.zeros(len(data.outputs), dtype=np.intp)
    nodes, weights = (INNER, INNER_WEIGHTS) if seen.integrated else (np.zeros(1), np.ones(1))
    stretch = model["sd_item"] if seen.integrated else 0.0
    if seen.integrated or not seen.item:  # outputs of a variant share their rate
        row, rate = data.output_variant, told.location[:, None] + stretch * nodes
    else:
        row, rate = np.arange(len(data.outputs)), (told.location[data.output_variant] + told.effect)[:, None]
    known, hidden = np.flatnonzero(seen.label >= 0), np.flatnonzero(seen.label < 0)
    total: Tensor = pt.zeros((int(unit.max()) + 1, nodes.size))
    if known.size:
        true = pt.gt(told.ones[seen.label[known]], 0)
        none = pt.zeros((int(unit.max()) + 1, int(row.max()) + 1))
        one = pt.inc_subtensor(none[unit[known], row[known]], true * 1.0)
        zero = pt.inc_subtensor(none[unit[known], row[known]], 1.0 - true)
        seen_rows = rate[: int(row.max()) + 1]
        total = total - pt.dot(one, pt.softplus(-seen_rows)) - pt.dot(zero, pt.softplus(seen_rows))
    if hidden.size:
        if_one, if_zero = (part[hidden] for part in _evidence(seen, told))
        top = pt.maximum(if_one, if_zero)
        share = pm.math.sigmoid(rate)[row[hidden]]
        each = top[:, None] + pt.log(
            pt.exp(if_one - top)[:, None] * share + pt.exp(if_zero - top)[:, None] * (1.0 - share)
        )
        total = pt.inc_subtensor(total[unit[hidden]], each)
    return pm.math.logsumexp(total + np.log(weights / weights.sum()), axis=1).sum()


def _evidence(seen: Verdicts, told: _Told) -> tuple[Tensor, Tensor]:
    """(output,) log-likelihoods of the verdicts on an output if its truth is 1, and if it is 0; gold labels left out."""
    at = np.flatnonzero((seen.label[seen.output] < 0) & (seen.evaluator != seen.gold))
    cell, output = seen.cell[at], seen.output[at]
    ones, zeros = told.ones[at], seen.asked[at] - told.ones[at]
    none = pt.zeros(len(seen.data.outputs))
    says = told.sensitivity, -told.specificity
    each = [ones * -pt.softplus(-logit)[cell] + zeros * -pt.softplus(logit)[cell] for logit in says]
    return pt.inc_subtensor(none[output], each[0]), pt.inc_subtensor(none[output], each[1])


def complete(draws: xr.Dataset, ratings: Ratings, priors: Priors, rng: np.random.Generator) -> xr.Dataset:
    """Draws with the effects of items and the truths that were integrated out, each from its conditional given the rest of its draw."""
    seen = _seen(ratings, priors)
    told = _told(seen, priors, draws)
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    logit, alpha, beta = (told[name].to_numpy().reshape(shape[0] * shape[1], -1) for name in TOLD)
    sd = draws["sd_item"].transpose("chain", "draw").to_numpy().ravel() if seen.integrated else [None] * len(logit)
    drawn = [draw_truths(seen, logit[n], sd[n], alpha[n], beta[n], rng) for n in range(len(logit))]
    truth = np.stack([one.truth for one in drawn]).reshape(*shape, -1)
    draws = draws.assign(
        truth=xr.DataArray(truth, dims=("chain", "draw", "output"), coords={"output": list(seen.data.outputs)})
    )
    if seen.gold >= 0 and (hidden := seen.label < 0).any():
        draws["truth_unlabelled"] = draws["truth"][..., hidden].rename(output="unlabelled")
    if not seen.integrated:
        return draws
    raw = np.stack([one.item for one in drawn]).reshape(*shape, -1)
    item = xr.DataArray(raw, dims=("chain", "draw", "item"), coords={"item": list(seen.data.items)})
    return draws.assign(item_effect_raw=item, item_effect=item * draws["sd_item"])


TOLD = ("told_logit", "told_sensitivity", "told_specificity")
"""Logits of truths by output and of errors by cell."""


def _told(seen: Verdicts, priors: Priors, draws: xr.Dataset) -> xr.Dataset:
    """Logits of truths and errors at each draw, by the graph that was sampled."""
    with pm.Model(coords=coords(seen)) as model:
        told = _story(seen, priors, integrated=seen.integrated)
        values = told.location[seen.data.output_variant] + told.effect, told.sensitivity, told.specificity
        for name, value in zip(TOLD, values, strict=True):
            pm.Deterministic(name, value)
    found: xr.Dataset = pm.compute_deterministics(
        draws, var_names=list(TOLD), model=model, progressbar=False, compile_kwargs={"mode": "FAST_COMPILE"}
    )
    return found


def _sentences(ratings: Ratings, priors: Priors) -> tuple[str, ...]:
    return _seen(ratings, priors).sentences


RECIPE = Recipe(
    name="binary",
    title="pass or fail, by people and judges who err",
    outcome="score",
    priors=Priors,
    build=build_model,
    observed={"verdict": "ones_of"},
    features=features,
    sentences=_sentences,
    supposed=tastes,
    sampled=build_marginal_model,
    complete=complete,
    nested=("truth", "truth_unlabelled", "item_effect", "item_effect_raw", "interaction", "interaction_raw"),
    unit="share",
)
