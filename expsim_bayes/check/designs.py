"""A scenario seen from all three tellings of the story: its pretend ratings, and its components for PyMC and for the fast posterior.

Checks compare two tellings of one experiment, so who rates what, the order of the ratings and the components must be the same in both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from expsim_bayes import posterior
from expsim_bayes.evaluators import panel
from expsim_bayes.posterior import beliefs
from expsim_bayes.ratings import Coded, Ratings, code
from expsim_bayes.scenario import Scenario
from expsim_bayes.simulate import Look, Plan, Streams, World, assign, draw_look, draw_world, plan, ratings_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.models.continuous import Components

STRATEGY = "sequential"


class Simulated(NamedTuple):
    """Replications of one experiment with a fixed plan, played to its last look."""

    ratings: Ratings
    """Those of the first replication, with the score range declared."""
    data: Coded
    """The same, coded."""
    score: NDArray[np.float64]
    """(replication, rating) scores of all replications, in the order of `data`."""
    world: World
    """What is true of each replication."""


def small(**changes: Any) -> Scenario:
    """A small scenario on a 1-5 scale, without stopping, and with some of its keys replaced.

    Examples
    --------
    >>> small(looks=2).looks
    2
    """
    declared = {
        "name": "check",
        "title": "Two tellings compared",
        "score_range": [1, 5],
        "variants": variants(3),
        "evaluators": [judge(), people()],
        "items": {"sd": 0.5, "interaction_sd": 0.3},
        "looks": 1,
        "outputs_per_look": 36,
        "strategies": {STRATEGY: {"stopping": [{"rule": "superiority"}]}},
    }
    return Scenario.model_validate(declared | changes)


def variants(count: int, *, output_sd: float = 0.0) -> list[dict[str, Any]]:
    """Variants A, B, ...; their qualities do not matter, since they are drawn."""
    return [{"name": name, "quality": 3.0, "output_sd": output_sd} for name in "ABCDEFGH"[:count]]


def judge(name: str = "judge", **changes: Any) -> dict[str, Any]:
    """A judge with a taste for variants that uses less of the scale."""
    declared = {"kind": "llm", "shift_sd": 0.2, "scale_use": 0.7, "noise_sd": 0.4, "usd_per_rating": 0.001}
    return {"name": name, **declared, **changes}


def people(name: str = "people", **changes: Any) -> dict[str, Any]:
    """Four people who differ in severity."""
    declared = {"kind": "human", "raters": 4, "severity_sd": 0.4, "noise_sd": 0.6, "usd_per_rating": 0.3}
    return {"name": name, **declared, **changes}


def simulated(scenario: Scenario, streams: Streams) -> Simulated:
    """All looks of the replications of `streams`, with qualities and levels drawn from the scenario's beliefs."""
    world = draw_world(scenario, streams, truth="prior")
    replications = streams.stop - streams.start
    nobody_leads = np.full((replications, len(scenario.variants)), 1.0 / len(scenario.variants))
    looks: list[tuple[Plan, NDArray[np.intp], Look]] = []
    for number in range(scenario.looks):
        who = plan(scenario, STRATEGY, number)
        variant = assign(scenario, STRATEGY, who, nobody_leads, streams, look=number)
        looks.append((who, variant, draw_look(scenario, who, world, variant, streams, look=number)))
    ratings = replace(ratings_of(scenario, looks), score_range=scenario.score_range)
    score = np.concatenate([rated.score for _, _, rated in looks], axis=1)
    return Simulated(ratings, code(ratings), score[:, _order(scenario, looks)], world)


def _order(scenario: Scenario, looks: list[tuple[Plan, NDArray[np.intp], Look]]) -> NDArray[np.intp]:
    """Position of each coded rating among the simulated ones: ratings that carry their own number are coded."""
    ends = np.cumsum([rated.score.shape[1] for _, _, rated in looks])
    numbered = [
        (who, variant, rated._replace(score=np.arange(end - rated.score.shape[1], end, dtype=float)[None]))
        for (who, variant, rated), end in zip(looks, ends, strict=True)
    ]
    scenario = scenario.model_copy(update={"clip_to_range": False})
    return code(ratings_of(scenario, numbered)).score.astype(np.intp)


def fast_components(scenario: Scenario, data: Coded) -> posterior.Components:
    """What the scenario believes, for the fast posterior, with evaluators in the order of the data."""
    known = beliefs(scenario)
    index = _index(scenario, data)
    return replace(
        known,
        level_mean=known.level_mean[index],
        level_sd=known.level_sd[index],
        scale=known.scale[index],
        sd_rater=known.sd_rater[index],
        sd_shift=known.sd_shift[index],
        sd_taste=known.sd_taste[index],
        sd_opinion=known.sd_opinion[index],
        sd_noise=known.sd_noise[index],
        reference=index.index(known.reference),
    )


def model_components(scenario: Scenario, data: Coded) -> Components:
    """What the scenario believes, for the PyMC model; its judges share one SD of tastes and its variants one of outputs."""
    from expsim_bayes.models.continuous import Components

    known = fast_components(scenario, data)
    return Components(
        sd_item=known.sd_item,
        sd_interaction=known.sd_interaction,
        sd_output=float(known.sd_output.max()),
        sd_shift=float(known.sd_shift.max()),
        sd_rater=known.sd_rater,
        sd_taste=known.sd_taste,
        sd_opinion=known.sd_opinion,
        sd_noise=known.sd_noise,
        scale_use=known.scale,
    )


def _index(scenario: Scenario, data: Coded) -> list[int]:
    names = panel(scenario.evaluators).names
    return [names.index(name) for name in data.evaluators]
