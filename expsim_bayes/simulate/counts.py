r"""Pretend experiments with a binary outcome: outputs pass or fail, and whoever rates sees it as it is or with errors of two kinds.

An output of variant *v* passes at its rate. Evaluator *k* then says so, given the truth *z* and by the story of `models.binary`, with

.. math::

    P(y = 1 \mid z = 1) = \operatorname{logit}^{-1}(\alpha_k + d_{kv}), \qquad
    P(y = 0 \mid z = 0) = \operatorname{logit}^{-1}(\beta_k - d_{kv})

where :math:`d_{kv}` is a judge's taste for a variant, counted from its own average. Verdicts are independent given the truth. The truth of
outputs does not hang on who rates them, so evaluators that are compared under one seed see the same outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import betaincinv, expit, logit, ndtri

from expsim_bayes.evaluators import panel
from expsim_bayes.simulate.scores import Look, draw_operations, draw_shift

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate.scores import Plan, Truth
    from expsim_bayes.simulate.streams import Streams

    Floats = NDArray[np.float64]

ACCURACY_MEAN, ACCURACY_SD, SD_SHIFT = 1.5, 1.5, 0.5
"""Priors of `models.binary`: mean and SD of the logit of a sensitivity or specificity, and scale of the SD of judges' tastes."""
_TRIES = 32


class Rates(NamedTuple):
    """What is true of each replication."""

    quality: Floats
    """(replication, variant) rate of success: the share of outputs that pass."""
    sensitivity: Floats
    """(replication, evaluator, variant) share of outputs that pass of which an evaluator says so."""
    specificity: Floats
    """(replication, evaluator, variant) share of outputs that fail of which it says so."""


class Belief(NamedTuple):
    """What is believed of the logit of a share: a Beta of the share, or, without its parameters, a normal law."""

    beta: tuple[float, float] | None = None
    """Parameters of the Beta."""

    def log_density(self, x: Floats) -> Floats:
        """At some logits, up to a constant."""
        if self.beta is None:
            return -0.5 * np.square((x - ACCURACY_MEAN) / ACCURACY_SD)
        a, b = self.beta
        return np.asarray(a * np.minimum(x, 0.0) - b * np.maximum(x, 0.0) - (a + b) * np.log1p(np.exp(-np.abs(x))))

    def slope(self, x: Floats) -> tuple[Floats, Floats]:
        """Slope of the log density at some logits, and minus its bend."""
        if self.beta is None:
            return (ACCURACY_MEAN - x) / ACCURACY_SD**2, np.full(np.shape(x), ACCURACY_SD**-2)
        a, b = self.beta
        share = expit(x)
        return a - (a + b) * share, (a + b) * share * (1.0 - share)

    def quantile(self, uniform: Floats) -> Floats:
        """Logits below which so much of the belief lies.

        Examples
        --------
        >>> Belief().quantile(np.array([0.5])).tolist(), Belief((1.0, 1.0)).quantile(np.array([0.5])).tolist()
        ([1.5], [0.0])
        """
        if self.beta is None:
            return np.asarray(ACCURACY_MEAN + ACCURACY_SD * ndtri(uniform))
        return np.asarray(logit(np.clip(betaincinv(*self.beta, uniform), 1e-15, 1.0 - 1e-15)))


def beliefs_of(evaluator: Evaluator) -> tuple[Belief, Belief]:
    """What is believed of an evaluator's sensitivity and specificity before it rates."""
    return Belief(evaluator.sensitivity_prior), Belief(evaluator.specificity_prior)


def anchor_of(scenario: Scenario) -> int:
    """The evaluator that is taken to be better than chance, so that pass and fail cannot change names; -1 where somebody never errs."""
    if not all(e.errs for e in scenario.evaluators):
        return -1
    return panel(scenario.evaluators).reference


def draw_rates(scenario: Scenario, streams: Streams, *, truth: Truth = "declared") -> Rates:
    """The rates and the errors that the scenario declares, or those drawn from what it believes."""
    n_variants, n = len(scenario.variants), streams.stop - streams.start
    if truth == "declared":
        declared = np.array([variant.quality for variant in scenario.variants])
        quality = np.broadcast_to(declared, (n, n_variants))
    else:
        quality = betaincinv(*scenario.rate_prior, streams.uniforms("quality", 0, (n_variants,)))
    anchor = anchor_of(scenario)
    shares = [_draw_errors(scenario, e, streams, truth, bound=k == anchor) for k, e in enumerate(scenario.evaluators)]
    sensitivity, specificity = (np.stack(each, axis=1) for each in zip(*shares, strict=True))
    return Rates(quality, sensitivity, specificity)


def _draw_errors(
    scenario: Scenario, evaluator: Evaluator, streams: Streams, truth: Truth, *, bound: bool
) -> tuple[Floats, Floats]:
    """(replication, variant) sensitivity and specificity of an evaluator."""
    n, names = streams.stop - streams.start, scenario.variant_names
    if not evaluator.errs:
        return np.ones((n, len(names))), np.ones((n, len(names)))
    if truth == "declared" or scenario.components == "given":
        base = declared_logits(evaluator)[:, None, None]
    else:
        base = _drawn_logits(evaluator, streams, bound=bound)[..., None]
    taste = draw_shift(evaluator, names, streams, truth)
    taste = taste - taste.mean(axis=1, keepdims=True)
    return expit(base[0] + taste), expit(base[1] - taste)


def declared_logits(evaluator: Evaluator) -> Floats:
    """(2,) logits of the sensitivity and specificity that an evaluator declares; infinite where it never errs."""
    shares = (evaluator.sensitivity, evaluator.specificity)
    return np.asarray(logit([1.0 if share is None else share for share in shares]))


def _drawn_logits(evaluator: Evaluator, streams: Streams, *, bound: bool) -> Floats:
    """(2, replication) logits of sensitivity and specificity as they are believed to be; of an anchor, the first pair of tries above 0."""
    uniform = streams.uniforms(f"errors of {evaluator.name}", 0, (2, _TRIES))
    drawn = np.stack([belief.quantile(uniform[:, j]) for j, belief in enumerate(beliefs_of(evaluator))])
    chosen = (drawn.sum(axis=0) > 0).argmax(axis=1) if bound else np.zeros(len(uniform), dtype=np.intp)
    return np.asarray(np.take_along_axis(drawn, chosen[None, :, None], axis=2)[..., 0])


def draw_verdicts(
    scenario: Scenario, layout_of_look: Plan, rates: Rates, variant: NDArray[np.intp], streams: Streams, *, look: int
) -> Look:
    """Verdicts on the outputs of a look, 1 for pass and 0 for fail, as scores.

    Parameters
    ----------
    scenario, layout_of_look, variant, streams, look
        As in `draw_look`.
    rates : Rates
        What is true.
    """
    replications = len(rates.quality)
    answered = np.broadcast_to(variant.reshape(variant.shape[0], -1), (replications, variant[0].size))
    rate = np.take_along_axis(rates.quality, answered, axis=1)
    passes = streams.uniforms("verdicts", look, (answered.shape[1],)) < rate
    score = passes[:, layout_of_look.output].astype(float)
    for k, evaluator in enumerate(scenario.evaluators):
        mine = np.flatnonzero(layout_of_look.evaluator == k)
        if not evaluator.errs or not mine.size:
            continue
        of = answered[:, layout_of_look.output[mine]]
        hit, rejected = (
            np.take_along_axis(share[:, k], of, axis=1) for share in (rates.sensitivity, rates.specificity)
        )
        chance = np.where(score[:, mine] == 1, hit, 1.0 - rejected)
        score[:, mine] = streams.uniforms(f"verdicts of {evaluator.name}", look, (mine.size,)) < chance
    used = draw_operations(scenario, variant, streams, look)._asdict()
    return Look(score=score, n_clipped=np.zeros(replications, dtype=np.intp), **used)


def taste_in_share(scenario: Scenario, evaluator: Evaluator) -> float:
    """How much more often one SD of a judge's taste for a variant makes it say 1, as a share, on average over the variants.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> scenario = load("pass-or-fail")
    >>> round(taste_in_share(scenario, scenario.evaluators[0]), 3)
    0.037
    """
    if not evaluator.errs:
        return 0.0
    hit, rejected = expit(declared_logits(evaluator))
    passes = np.array([v.quality for v in scenario.variants])
    moved = passes * hit * (1.0 - hit) + (1.0 - passes) * rejected * (1.0 - rejected)
    return evaluator.shift_sd * float(moved.mean())
