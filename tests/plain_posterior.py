"""A fast stand-in for the posterior of a monitored experiment: plain means with their standard errors, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from expsim_bayes.live.posterior import Posterior, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from expsim_bayes.live.settings import Settings
    from expsim_bayes.ratings import Ratings

DRAWS = 512


def plain_means(
    ratings: Ratings,
    settings: Settings,  # noqa: ARG001 - the signature of an engine
    wanted: Wanted,
    *,
    progress: Callable[[float, str], None] | None = None,
) -> Posterior:
    """Independent normal posteriors of the mean scores under a flat prior, as draws at even quantiles in a random order."""
    if progress is not None:
        progress(0.5, "adding up")
    rng = np.random.default_rng(wanted.random_seed)
    even = ndtri((np.arange(DRAWS) + 0.5) / DRAWS)
    columns = []
    for name in ratings.variants:
        score = ratings.table["score"][ratings.table["variant"] == name].dropna().to_numpy(float)
        sd = score.std(ddof=1) / np.sqrt(score.size) if score.size > 1 else 1.0
        columns.append((score.mean() if score.size else 0.0) + max(float(sd), 1e-3) * rng.permutation(even))
    return Posterior(
        variants=ratings.variants,
        quality=np.column_stack(columns),
        ess=float(DRAWS),
        higher_is_better=ratings.higher_is_better,
        model="continuous",
        why_model="means are plain",
        verdict="ok",
        reasons=(),
    )
