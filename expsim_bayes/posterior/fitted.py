"""A fit of real ratings carried over to the fast posterior: its components as given, its ratings as one batch.

That is what planning needs: how much is known, and how much more would be known after further ratings.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.posterior.gaussian import Batch, State, init, update
from expsim_bayes.posterior.layout import Components, Layout, layout

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Coded

COMPONENTS = (
    "sd_item",
    "sd_interaction",
    "sd_output",
    "sd_shift",
    "sd_rater",
    "sd_taste",
    "sd_opinion",
    "sd_noise",
    "scale_use",
)
"""Variables of a fit that the fast posterior takes as given."""
LARGEST = 4_000
"""Longest latent vector for which the dense posterior is worth its memory."""


def batch_of(data: Coded) -> Batch:
    """Coded ratings as one batch of one replication.

    Parameters
    ----------
    data : Coded
        Ratings in their canonical order: by item, variant, output, evaluator, rater.
    """
    n_variants, n_raters = len(data.variants), len(data.raters)
    return Batch(
        score=data.score[None],
        variant=data.variant[None],
        rater=data.rater,
        item=data.item,
        cell=data.item * n_variants + data.variant,
        output=data.output,
        opinion=data.output * n_raters + data.rater,
    )


def state_of(data: Coded, components: Components) -> tuple[State, Layout]:
    """What ratings tell, given the components, and the layout of the latent vector.

    Parameters
    ----------
    data : Coded
        The ratings.
    components : Components
        Variance components, scale use and levels, taken as known.
    """
    places = layout(components, rater_evaluator=np.asarray(data.rater_evaluator))
    return update(init(components, places), batch_of(data), components, places), places


def latent_size(data: Coded, components: Components) -> int:
    """Length of the latent vector, without building it."""
    return layout(components, rater_evaluator=np.asarray(data.rater_evaluator)).size


def stacked(tree: xr.DataTree, name: str) -> NDArray[np.float64]:
    """(draw, ...) draws of all chains of a variable of the posterior."""
    values = tree["posterior"][name].transpose("chain", "draw", ...).to_numpy()
    draws: NDArray[np.float64] = values.reshape(-1, *values.shape[2:])
    return draws


def estimated(tree: xr.DataTree, name: str) -> NDArray[np.bool_]:
    """Which entries of a variable are estimated rather than constant by construction; none where there is no such variable."""
    key = f"{name}_estimated"
    if key not in tree["constant_data"]:
        return np.zeros((1, 1), dtype=bool)
    flags: NDArray[np.bool_] = tree["constant_data"][key].to_numpy().astype(bool)
    return flags


def components_of(tree: xr.DataTree, data: Coded) -> Components:
    """Posterior means of a fit's components, as the fast posterior takes them."""
    posterior = {name: stacked(tree, name).mean(axis=0) for name in COMPONENTS}
    priors, scale = json.loads(tree.attrs["priors"]), json.loads(tree.attrs["scale"])
    n_evaluators = len(data.evaluators)
    reference = data.evaluators.index(tree.attrs["reference"])
    has_shift = estimated(tree, "shift").any(axis=1)
    has_severity = np.zeros(n_evaluators, dtype=bool)
    if "severity" in tree["posterior"]:
        has_severity[data.rater_evaluator[estimated(tree, "severity")]] = True
    return Components(
        level_mean=np.full(n_evaluators, scale["middle"]),
        level_sd=np.full(n_evaluators, priors["level_sd"] * scale["width"]),
        scale=posterior["scale_use"],
        sd_variant=priors["sd_variant"] * scale["width"],
        sd_item=float(posterior["sd_item"]),
        sd_interaction=float(posterior["sd_interaction"]),
        sd_output=np.full(len(data.variants), float(posterior["sd_output"])),
        sd_rater=np.where(has_severity, posterior["sd_rater"], 0.0),
        sd_shift=np.where(has_shift, float(posterior["sd_shift"]), 0.0),
        sd_taste=posterior["sd_taste"],
        sd_opinion=posterior["sd_opinion"],
        sd_noise=posterior["sd_noise"],
        reference=reference,
    )
