"""What a scenario believes about its evaluators and items, as the components of the fast posterior."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.evaluators import panel
from expsim_bayes.posterior.layout import Components

if TYPE_CHECKING:
    from expsim_bayes.scenario import Scenario


def beliefs(scenario: Scenario) -> Components:
    """Components of the fast posterior that a scenario declares.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> beliefs(load("summarization-prompts")).sd_shift.max() > 0
    np.True_
    """
    evaluators = scenario.evaluators
    mean, sd = scenario.level_belief
    return Components(
        level_mean=np.full(len(evaluators), mean),
        level_sd=np.full(len(evaluators), sd),
        scale=np.array([e.scale_use for e in evaluators]),
        sd_variant=scenario.sd_variant_belief,
        sd_item=scenario.items.sd,
        sd_interaction=scenario.items.interaction_sd,
        sd_output=np.array([v.output_sd for v in scenario.variants]),
        sd_rater=np.array([e.severity_sd for e in evaluators]),
        sd_shift=np.array([e.shift_sd for e in evaluators]),
        sd_taste=np.array([e.taste_sd for e in evaluators]),
        sd_opinion=np.array([e.opinion_sd for e in evaluators]),
        sd_noise=np.array([e.noise_sd for e in evaluators]),
        reference=panel(evaluators).reference,
    )
