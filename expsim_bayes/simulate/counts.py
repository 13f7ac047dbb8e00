"""Pretend experiments with a binary outcome: each output of a variant is a success at the variant's rate, and seen as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import betaincinv

from expsim_bayes.simulate.scores import Look, draw_operations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate.scores import Plan, Truth
    from expsim_bayes.simulate.streams import Streams


class Rates(NamedTuple):
    """What is true of each replication."""

    quality: NDArray[np.float64]
    """(replication, variant) rate of success."""


def draw_rates(scenario: Scenario, streams: Streams, *, truth: Truth = "declared") -> Rates:
    """The rates that the scenario declares, or rates drawn from what it believes."""
    n_variants = len(scenario.variants)
    if truth == "declared":
        declared = np.array([variant.quality for variant in scenario.variants])
        return Rates(np.broadcast_to(declared, (streams.stop - streams.start, n_variants)))
    return Rates(betaincinv(*scenario.rate_prior, streams.uniforms("quality", 0, (n_variants,))))


def draw_verdicts(
    scenario: Scenario, layout_of_look: Plan, rates: Rates, variant: NDArray[np.intp], streams: Streams, *, look: int
) -> Look:
    """One verdict on each output of a look, 1 for a success and 0 for a failure, as scores.

    Parameters
    ----------
    scenario, layout_of_look, variant, streams, look
        As in `draw_look`.
    rates : Rates
        What is true.
    """
    answered = variant.reshape(variant.shape[0], -1)[:, layout_of_look.output]
    rate = np.take_along_axis(rates.quality, np.broadcast_to(answered, (len(rates.quality), answered.shape[1])), axis=1)
    score = (streams.uniforms("verdicts", look, (answered.shape[1],)) < rate).astype(float)
    used = draw_operations(scenario, variant, streams, look)._asdict()
    return Look(score=score, n_clipped=np.zeros(len(score), dtype=np.intp), **used)
