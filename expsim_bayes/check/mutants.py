"""Wrong posteriors on purpose: a calibration check that has never rejected anything proves nothing.

Each mutant is one mistake that a program like this could make. The fast posterior is spoilt with it and goes through the calibration
check, on the same experiments for all; the check must reject every mutant and pass the posterior that is right.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.check.fast import design, log_likelihood_row, rows_of
from expsim_bayes.check.replayed import all_looks, untouched
from expsim_bayes.check.uniformity import Calibration, verdict
from expsim_bayes.posterior import Components, State, beliefs

if TYPE_CHECKING:
    from collections.abc import Callable

    from expsim_bayes.posterior import Layout


def _right(components: Components) -> Components:
    return components


class Mutant(NamedTuple):
    """One mistake."""

    name: str
    """What is wrong, in a few words."""
    components: Callable[[Components], Components] = _right
    """What the posterior believes instead of the truth."""
    posterior: Callable[[State, State, Layout], State] = untouched
    """What becomes of the posterior, given the prior."""


def _too_sure(_prior: State, after: State, _places: Layout) -> State:
    return State(after.precision / 0.7**2, after.weighted / 0.7**2)


def _likelihood_dropped(prior: State, after: State, _places: Layout) -> State:
    return State(prior.precision, np.repeat(prior.weighted, len(after.weighted), axis=0))


def _counted_twice(prior: State, after: State, _places: Layout) -> State:
    return State(2 * after.precision - prior.precision, 2 * after.weighted - prior.weighted)


def _severity_flipped(_prior: State, after: State, places: Layout) -> State:
    sign = np.ones(places.size)
    sign[places.severity[places.severity >= 0]] = -1.0
    return State(after.precision * sign[:, None] * sign, after.weighted * sign)


def _opinion_as_noise(components: Components) -> Components:
    noise = np.hypot(components.sd_noise, components.sd_opinion)
    return replace(components, sd_opinion=np.zeros_like(noise), sd_noise=noise)


def _not_a_number(_prior: State, after: State, _places: Layout) -> State:
    return State(after.precision, np.full_like(after.weighted, np.nan))


RIGHT = Mutant("nothing: the posterior as it is")
"""The control, which must pass."""
MUTANTS = (
    Mutant("posterior SDs times .7", posterior=_too_sure),
    Mutant("the ratings are ignored", posterior=_likelihood_dropped),
    Mutant("every rating is counted twice", posterior=_counted_twice),
    Mutant("severity has the wrong sign", posterior=_severity_flipped),
    Mutant("the judge's tastes are left out", lambda c: replace(c, sd_shift=np.zeros_like(c.sd_shift))),
    Mutant("severity of raters is left out", lambda c: replace(c, sd_rater=np.zeros_like(c.sd_rater))),
    Mutant("personal tastes are left out", lambda c: replace(c, sd_taste=np.zeros_like(c.sd_taste))),
    Mutant("items are taken as equally easy", lambda c: replace(c, sd_item=0.0)),
    Mutant("items suit all variants alike", lambda c: replace(c, sd_interaction=0.0, sd_output=0.0 * c.sd_output)),
    Mutant("the judge's scale use is taken as 1", lambda c: replace(c, scale=np.ones_like(c.scale))),
    Mutant("a second opinion of the same rater counts as new", _opinion_as_noise),
    Mutant("the posterior is not a number", posterior=_not_a_number),
    Mutant("the prior SD of qualities is halved", lambda c: replace(c, sd_variant=c.sd_variant / 2)),
)
"""Mistakes that the check must reject."""


class Caught(NamedTuple):
    """What the check made of one posterior."""

    mutant: str
    """What is wrong with it."""
    rejected: bool
    """Whether the check fails."""
    rows: tuple[Calibration, ...]
    """Calibration of each quantity."""

    @property
    def worst(self) -> Calibration:
        """The quantity that gave it away, or came closest to."""
        return min(self.rows, key=lambda row: row.p)


def check_mutants(
    simulations: int = 2_000, *, random_seed: int = 0, progress: Callable[[float, str], None] | None = None
) -> tuple[Caught, ...]:
    """The calibration check of the right posterior, then of every mutant.

    Parameters
    ----------
    simulations : int
        Experiments, the same for all.
    random_seed : int
        Seed.
    progress : callable, optional
        Called with the share done and a few words.
    """
    scenario = design()
    true = beliefs(scenario)
    found = []
    for position, mutant in enumerate((RIGHT, *MUTANTS)):
        if progress:
            progress(position / (len(MUTANTS) + 1), f"mutants: {mutant.name}")
        result = all_looks(
            scenario,
            mutant.components(true),
            simulations=simulations,
            random_seed=random_seed,
            spoil=mutant.posterior,
        )
        rows = (*rows_of(result), log_likelihood_row(result))
        found.append(Caught(mutant.name, verdict(rows) == "fail", rows))
    return tuple(found)
