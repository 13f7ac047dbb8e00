"""Gold labels and verdicts as one observed variable of the binary model: a label is the truth of its output, verdicts are given it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

if TYPE_CHECKING:
    from expsim_bayes.models._effects import Tensor
    from expsim_bayes.models._verdicts import Verdicts


def chance_of_one(true: Tensor, sensitivity: Tensor, specificity: Tensor) -> Tensor:
    """Probability of a verdict of 1, from logits."""
    return pm.math.sigmoid(pt.where(true, sensitivity, -specificity))


def labels_and_verdicts(seen: Verdicts, ones: Tensor, rate: Tensor, sensitivity: Tensor, specificity: Tensor) -> None:
    """Add `verdict` to a model, the truths that nobody labelled, and all truths together.

    The log-likelihood of a label is that of the truth. A label that is drawn anew takes the verdicts on its output along, so that
    predictions of both belong together.

    Parameters
    ----------
    seen : Verdicts
        What was said, with gold labels.
    ones : (entry,) tensor
        Verdicts of 1, data.
    rate : (output,) tensor
        Logits of the truth.
    sensitivity, specificity : (cell,) tensor
        In logits.
    """
    known, of = seen.label >= 0, np.maximum(seen.label, 0)
    labels, labelled = seen.evaluator == seen.gold, known[seen.output]

    def truths(ones: Tensor, unlabelled: Tensor) -> Tensor:
        """(entry,) of the output, by the label among the same verdicts where it has one."""
        return pt.where(labelled, pt.gt(ones[of[seen.output]], 0), unlabelled)

    def drawn(rate: Tensor, unlabelled: Tensor, hit: Tensor, rejected: Tensor, size: Tensor) -> Tensor:
        label = seen.asked * pm.Bernoulli.dist(logit_p=rate, size=size)
        says = chance_of_one(truths(label, unlabelled), hit, rejected)
        return pt.where(labels, label, pm.Binomial.dist(n=seen.asked, p=says, size=size))

    def log_density(ones: Tensor, rate: Tensor, unlabelled: Tensor, hit: Tensor, rejected: Tensor) -> Tensor:
        label = pm.logp(pm.Bernoulli.dist(logit_p=rate), pt.gt(ones, 0) * 1)
        says = chance_of_one(truths(ones, unlabelled), hit, rejected)
        return pt.where(labels, label, pm.logp(pm.Binomial.dist(n=seen.asked, p=says), ones))

    truth = pt.gt(ones[of], 0) * 1
    if not known.all():
        truth = pt.set_subtensor(
            truth[~known], pm.Bernoulli("truth_unlabelled", logit_p=rate[~known], dims="unlabelled")
        )
    truth = pm.Deterministic("truth", truth, dims="output")
    told_by = rate[seen.output], truth[seen.output], sensitivity[seen.cell], specificity[seen.cell]
    pm.CustomDist("verdict", *told_by, dist=drawn, logp=log_density, observed=ones, dims="entry")
