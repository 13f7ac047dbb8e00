"""Experiments played to their last look and judged by a posterior that one may get wrong on purpose.

`all_looks` gives what `expsim_bayes.experiment.run` gives for an A/B test, but takes any components and lets the posterior be spoilt, so
that the calibration check can be shown to reject what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from expsim_bayes import superiority
from expsim_bayes.check.uniformity import ranks_below
from expsim_bayes.evaluators import panel
from expsim_bayes.experiment import joined
from expsim_bayes.posterior import (
    Batch,
    State,
    init,
    latent_marginals,
    latent_names,
    latent_truth,
    layout,
    quality_marginals,
    update,
)
from expsim_bayes.simulate import Streams, assign, draw_look, draw_world, plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from expsim_bayes.posterior import Components, Layout
    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate import World

CHUNK = 1_000
"""Experiments that are held in memory at once."""
DRAWS = 99
"""Draws among which the true log-likelihood is ranked."""


def untouched(_prior: State, after: State, _places: Layout) -> State:
    """The posterior as it is."""
    return after


def all_looks(
    scenario: Scenario,
    components: Components,
    *,
    simulations: int,
    random_seed: int,
    spoil: Callable[[State, State, Layout], State] = untouched,
) -> xr.Dataset:
    """Experiments of an A/B test with a fixed plan, the truth beside what is believed after the last look.

    Parameters
    ----------
    scenario : Scenario
        Draws the truth and the ratings; its strategy "ab" is played.
    components : Components
        What the posterior believes, right or wrong.
    simulations, random_seed : int
        Experiments, and the seed of their random numbers.
    spoil : callable, optional
        A wrong posterior from the prior, the posterior and their layout.
    """
    parts = [
        _chunk(scenario, components, Streams(random_seed, start, min(start + CHUNK, simulations)), spoil)
        for start in range(0, simulations, CHUNK)
    ]
    return joined(parts)


def _chunk(
    scenario: Scenario, components: Components, streams: Streams, spoil: Callable[[State, State, Layout], State]
) -> xr.Dataset:
    who = panel(scenario.evaluators)
    places = layout(components, rater_evaluator=who.rater_evaluator)
    world = draw_world(scenario, streams, truth="prior")
    before = init(components, places)
    state = _after_all_looks(scenario, components, places, world, streams)
    truth = latent_truth(world, places)
    spoilt = spoil(before, state, places)
    told = State(state.precision - before.precision, state.weighted - before.weighted)
    return xr.Dataset(
        {
            **_latent_values(spoilt, truth),
            **_quality_values(spoilt, components, places),
            "quality_true": (("replication", "variant"), world.quality),
            "log_likelihood_below": (("replication",), _log_likelihood_below(told, spoilt, truth, streams)),
        },
        coords={"variant": list(scenario.variant_names), "latent": latent_names(places, scenario.variant_names, who)},
    )


def _after_all_looks(
    scenario: Scenario, components: Components, places: Layout, world: World, streams: Streams
) -> State:
    """The posterior after the last look."""
    state = init(components, places)
    nobody_leads = np.full_like(world.quality, 1.0 / world.quality.shape[1])
    for number in range(scenario.looks):
        who = plan(scenario, "ab", number)
        variant = assign(scenario, "ab", who, nobody_leads, streams, look=number)
        rated = draw_look(scenario, who, world, variant, streams, look=number)
        answered = variant.reshape(variant.shape[0], -1)[:, who.output]
        batch = Batch(rated.score, answered, who.rater, who.item, who.output, who.output, who.opinion)
        state = update(state, batch, components, places)
    return state


def _latent_values(state: State, truth: NDArray[np.float64]) -> dict[str, Any]:
    known = latent_marginals(state)
    off = truth - known.mean
    distance = np.einsum("ri,rij,rj->r", off, np.broadcast_to(state.precision, (len(off), *known.cov.shape[1:])), off)
    sd = np.broadcast_to(np.sqrt(np.diagonal(known.cov, axis1=1, axis2=2)), known.mean.shape)
    dims = ("replication", "latent")
    return {
        "latent_true": (dims, truth),
        "latent_mean": (dims, known.mean),
        "latent_sd": (dims, sd),
        "latent_distance": (("replication",), distance),
    }


def _quality_values(state: State, components: Components, places: Layout) -> dict[str, Any]:
    known = quality_marginals(state, components, places)
    cov = np.broadcast_to(known.cov, (len(known.mean), *known.cov.shape[1:]))
    found = superiority.from_gaussian(known.mean, cov, control=0)
    effect = known.mean - known.mean[:, [0]]
    variance = np.diagonal(cov, axis1=1, axis2=2)
    dims = ("replication", "variant")
    return {
        "quality_mean": (dims, known.mean),
        "quality_sd": (dims, np.sqrt(variance)),
        "effect_mean": (dims, effect),
        "effect_sd": (dims, np.sqrt(np.maximum(variance + cov[:, [0], [0]] - 2 * cov[:, 0], 0.0))),
        "prob_best": (dims, found.prob_best),
    }


def _log_likelihood_below(
    told: State, state: State, truth: NDArray[np.float64], streams: Streams
) -> NDArray[np.float64]:
    """(replication,) rank of the true log-likelihood of all ratings among its posterior draws.

    Up to a constant the log-likelihood of effects x is h x - x P x / 2, with P and h what the ratings added to the prior.
    """
    known = latent_marginals(state)
    root = np.linalg.cholesky(known.cov)
    normals = streams.normals("draws of the effects", 0, (DRAWS, truth.shape[1]))
    draws = known.mean[:, None] + np.matmul(normals, np.swapaxes(root, 1, 2))
    points = np.concatenate([truth[:, None], draws], axis=1)
    value = np.einsum("rdi,ri->rd", points, told.weighted)
    value -= 0.5 * (np.matmul(points, told.precision) * points).sum(axis=2)
    return ranks_below(value[:, 0], value[:, 1:], np.random.default_rng((streams.random_seed, streams.start)))
