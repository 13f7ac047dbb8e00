"""Fits without a sampler, calibrated on the design and with the quantities of the sampled model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from expsim_bayes.check.explicit import draw
from expsim_bayes.check.family import Family, Fitted
from expsim_bayes.check.fits import Fits, Simulation, all_fits, seed, what_was_run
from expsim_bayes.check.nuts import design, ranked
from expsim_bayes.check.resume import Journal
from expsim_bayes.check.small import small
from expsim_bayes.diagnostics import good_k
from expsim_bayes.models import recipe
from expsim_bayes.models._completed import deriving
from expsim_bayes.models._groups import story
from expsim_bayes.models._statistics import statistics
from expsim_bayes.votes.fitted import CANDIDATES, LOOKS, STORIES, shape, with_own
from expsim_bayes.votes.single import drawn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from expsim_bayes.check.family import Observed

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
        Of which `divergences` counts fits whose k-hat is above `good_k`, and `ess` what the weighted points are worth.
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
            doubted = int(found.points.k_hat > good_k(len(found.points.x)))
            return Simulation(number, below, doubted, 1.0, found.points.effective)

        return one

    return all_fits(simulations, journal, prepare, tell=tell, title="scores without a sampler")


VOTES = (
    *CODE[:2],
    "votes/*.py",
    "fast/integration.py",
    *(f"check/{name}.py" for name in ("quick", "family", "fits", "uniformity")),
)
"""The same of votes."""
OF_VOTES = 1_000
"""Draws of each fit of votes."""


def check_quick_votes(
    model: str,
    simulations: int = 1_000,
    *,
    random_seed: int = 0,
    file: Path | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Fits:
    """The same of comparisons, stars, rankings or verdicts: `divergences` counts fits whose k-hat is above `good_k`.

    Parameters
    ----------
    model : {"preference", "ordinal", "ranking", "binary"}
        Whose votes.
    simulations, random_seed, file, progress
        As for `check_quick`.
    """
    tell = progress or (lambda _share, _words: None)
    journal = Journal(file, {"random_seed": random_seed, "draws": OF_VOTES, **what_was_run(VOTES)})

    def prepare() -> Callable[[int], Simulation]:
        return _Votes(model, simulations, random_seed).simulation

    return all_fits(simulations, journal, prepare, tell=tell, title=f"{model} without a sampler")


class _Votes(Family):
    """Votes of one design fitted without a sampler, and the truths that fits are to find again."""

    def __init__(self, model: str, simulations: int, random_seed: int) -> None:
        design = small(model)
        super().__init__(recipe(model), design, simulations, random_seed=random_seed, compiles=False)
        self.priors = design.priors
        self.story = STORIES[model].of(design.ratings, design.priors)
        self.derived = deriving(self.model, without=self.story.apart)

    def fit(self, number: int, data: Observed) -> Fitted:
        """The posterior given some observations."""
        story = type(self.story).told(_seen(self.story.seen, data), self.priors)
        rng = np.random.default_rng(seed(self.random_seed, 1, number))
        found = drawn(story, OF_VOTES, rng, candidates=CANDIDATES, looks=LOOKS)
        found, own, free = with_own(story, found, np.ones(OF_VOTES, dtype=bool), rng)
        nested = {name: values for name, (_, values) in story.nested(own, found.given).items()}
        values = self.derived(free) | nested
        k_hat, weighed = shape(found, CANDIDATES)
        doubted = int(k_hat > good_k(weighed))
        return Fitted({name: values[name] for name in self.truth}, doubted, 1.0, found.effective)


def _seen(seen: Any, data: Observed) -> Any:
    """Votes of one design with other observations: counts of answers, verdicts, or orders."""
    if "count_of" in data:
        return seen._replace(count=data["count_of"].astype(np.int64))
    if "ones_of" in data:
        return seen._replace(ones=data["ones_of"].astype(np.int64))
    order = data["ranking_of"].astype(np.intp)
    return seen._replace(value=order, data=seen.data._replace(order=order))
