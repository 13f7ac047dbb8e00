"""Fits of scores without a sampler, calibrated on the design and with the quantities of the sampled model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.check.explicit import draw
from expsim_bayes.check.fits import Fits, Simulation, all_fits, seed, what_was_run
from expsim_bayes.check.nuts import design, ranked
from expsim_bayes.check.resume import Journal
from expsim_bayes.diagnostics import OK_SHAPE
from expsim_bayes.models._groups import story
from expsim_bayes.models._statistics import statistics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CODE = (
    "models/*.py",
    "ratings/*.py",
    "fast/*.py",
    *(f"check/{name}.py" for name in ("quick", "nuts", "fits", "designs", "explicit", "uniformity")),
    "simulate/scores.py",
    *(f"{name}.py" for name in ("evaluators", "scenario")),
)
"""Files that, changed, may change the numbers."""
DRAWS = 4_000
"""Of each fit without a sampler."""


def check_quick(
    simulations: int = 1_000,
    *,
    random_seed: int = 0,
    file: Path | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Fits:
    """Calibration of a fit without a sampler, on the design and with the quantities of the sampled model.

    Parameters
    ----------
    simulations : int
        Data sets.
    random_seed : int
        The same seed gives the same numbers, however often the run is interrupted.
    file : Path, optional
        Finished simulations are read from here and appended; without one they are kept in memory.
    progress : callable, optional
        Called with the share done and a few words.

    Returns
    -------
    Fits
        Of which `divergences` counts fits whose k-hat is above `OK_SHAPE`, and `ess` what the weighted points are worth.
    """
    from expsim_bayes.fast.scores import posterior

    tell = progress or (lambda _share, _words: None)
    journal = Journal(file, {"random_seed": random_seed, "draws": DRAWS, **what_was_run(CODE)})

    def prepare() -> Callable[[int], Simulation]:
        ratings = design()
        told = story(ratings)
        truths = draw(ratings, simulations, random_seed=seed(random_seed, 0, 0))

        def one(number: int) -> Simulation:
            rng = np.random.default_rng(seed(random_seed, 1, number))
            data = told.data._replace(score=truths.score[number])
            here = replace(told, data=data, sums=statistics(data, told.present))
            found = posterior(here, DRAWS, rng)
            _, below = ranked(found.effects, found.sd, here, truths, number, rng)
            doubted = int(found.points.k_hat > OK_SHAPE)
            return Simulation(number, below, doubted, 1.0, found.points.effective)

        return one

    return all_fits(simulations, journal, prepare, tell=tell, title="scores without a sampler")
