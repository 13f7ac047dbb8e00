"""A fit of real ratings carried over to the fast posterior: its components as given, its ratings as one batch.

That is what planning needs: how much is known, and how much more would be known after further ratings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.posterior.gaussian import Batch, State, init, update
from expsim_bayes.posterior.layout import Components, Layout, layout

if TYPE_CHECKING:
    from expsim_bayes.ratings import Coded

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
