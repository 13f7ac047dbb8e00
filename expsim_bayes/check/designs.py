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
from expsim_bayes.simulate import Look, Plan, Streams, assign, draw_look, draw_world, plan, ratings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from expsim_bayes.models.continuous import Components
    from expsim_bayes.scenario import StrategyName

STRATEGY: StrategyName = "sequential"
"""The one strategy of these scenarios: items are shared out by a fixed plan, and all looks are played."""


Looks = list[tuple[Plan, "NDArray[np.intp]", Look]]


class Simulated(NamedTuple):
    """Replications of one experiment with a fixed plan, played to its last look."""

    ratings: Ratings
    """Those of the first replication, with the score range declared."""
    data: Coded
    """The same, coded."""
    order: NDArray[np.intp]
    """(rating,) position of each coded rating among those that the simulator gives, look after look."""
    score: NDArray[np.float64]
    """(replication, rating) scores of all replications, in the order of `data`."""


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
    looks = _looks(scenario, streams)
    ratings = replace(ratings_of(scenario, looks), score_range=scenario.score_range)
    order = _order(scenario, looks)
    return Simulated(ratings, code(ratings), order, _scores(looks)[:, order])


def scores(scenario: Scenario, streams: Streams, order: NDArray[np.intp]) -> NDArray[np.float64]:
    """(replication, rating) scores of a scenario that differs from another in its components alone, in the order of that one."""
    return _scores(_looks(scenario, streams))[:, order]


def _looks(scenario: Scenario, streams: Streams) -> Looks:
    """All looks under a fixed allocation."""
    world = draw_world(scenario, streams, truth="prior")
    nobody_leads = np.full_like(world.quality, 1.0 / len(scenario.variants))
    looks: Looks = []
    for number in range(scenario.looks):
        who = plan(scenario, STRATEGY, number)
        variant = assign(scenario, STRATEGY, who, nobody_leads, streams, look=number)
        looks.append((who, variant, draw_look(scenario, who, world, variant, streams, look=number)))
    return looks


def _scores(looks: Looks) -> NDArray[np.float64]:
    return np.concatenate([rated.score for _, _, rated in looks], axis=1)


def _order(scenario: Scenario, looks: Looks) -> NDArray[np.intp]:
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


def with_components(scenario: Scenario, data: Coded, components: Components) -> Scenario:
    """The scenario with the components of a PyMC model, whose evaluators are in the order of the data."""
    of = {name: k for k, name in enumerate(data.evaluators)}
    kinds = dict(zip(data.evaluators, data.kinds, strict=True))
    updated = tuple(
        e.model_copy(
            update={
                "severity_sd": float(components.sd_rater[of[e.name]]),
                "taste_sd": float(components.sd_taste[of[e.name]]),
                "opinion_sd": float(components.sd_opinion[of[e.name]]),
                "noise_sd": float(components.sd_noise[of[e.name]]),
                "scale_use": float(components.scale_use[of[e.name]]),
                "shift_sd": 0.0 if kinds[e.name] == "human" else float(components.sd_shift),
            }
        )
        for e in scenario.evaluators
    )
    items = scenario.items.model_copy(
        update={"sd": float(components.sd_item), "interaction_sd": float(components.sd_interaction)}
    )
    arms = tuple(v.model_copy(update={"output_sd": float(components.sd_output)}) for v in scenario.variants)
    return scenario.model_copy(update={"evaluators": updated, "items": items, "variants": arms})


def effect_name(effect: str, dims: tuple[str, ...], at: Sequence[int], data: Coded) -> str:
    """An entry of an effect by the names of its places, such as ``shift[judge, B]``."""
    labels = {"evaluator": data.evaluators, "variant": data.variants, "rater": data.raters}
    words = ", ".join(labels[dim][i] for dim, i in zip(dims, at, strict=True))
    return f"{effect}[{words}]" if words else effect


def _index(scenario: Scenario, data: Coded) -> list[int]:
    names = panel(scenario.evaluators).names
    return [names.index(name) for name in data.evaluators]
