"""Components of comparisons and rankings: which are estimated, or what the scenario gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.fast.parameters import parameters
from expsim_bayes.models._priors import Scale
from expsim_bayes.models._recover import ComponentDraws

if TYPE_CHECKING:
    from expsim_bayes.fast.parameters import Parameters
    from expsim_bayes.models._star_priors import Priors
    from expsim_bayes.models._terms import Terms
    from expsim_bayes.scenario import Scenario


def components_of(scenario: Scenario, present: Terms, spreads: Priors) -> Parameters:
    """What is unknown of the components of an experiment whose terms are present; nothing where the scenario gives them."""
    unknown = parameters(present, spreads, Scale(0.0, 1.0, ""), noise=False)
    if scenario.components == "given":
        return unknown._replace(unknown=(), start=_declared(scenario, present))
    return unknown


def _declared(scenario: Scenario, present: Terms) -> ComponentDraws:
    """(1, ...) components that a scenario declares."""
    each = scenario.evaluators
    nothing, zero = np.zeros((1, len(each))), np.zeros(1)
    return ComponentDraws(
        sd_item=zero,
        sd_interaction=np.array([scenario.items.interaction_sd * present.interaction]),
        sd_output=zero,
        sd_shift=np.array([max((e.shift_sd for e, has in zip(each, present.shift, strict=True) if has), default=0.0)]),
        sd_rater=np.array([[e.order_sd * has for e, has in zip(each, present.severity, strict=True)]]),
        sd_taste=np.array([[e.taste_sd * has for e, has in zip(each, present.taste, strict=True)]]),
        sd_opinion=nothing,
        sd_noise=nothing,
        scale_use=np.array([[e.scale_use for e in each]]),
    )
