"""Many data sets fitted one by one, each with the rank of its truth: what every calibration of a sampled model shares.

Finished fits are kept in a journal, so that an interrupted run goes on where it stopped. Small fits are run side by side, each on one
core, which is faster than the chains of one fit side by side.
"""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from expsim_bayes.check.origin import digest
from expsim_bayes.check.uniformity import Calibration, calibration, predicted_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from expsim_bayes.check.resume import Journal

KEPT = 99
"""Draws among which the truth is ranked."""
R_HAT = 1.01
"""R-hat above which a fit counts as not converged."""
MOST_BAD = 0.03
"""Share of fits that may have a divergence, and that may have an R-hat above `R_HAT`."""

Values = dict[str, "NDArray[np.float64]"]
"""(draw, ...) of variables, or of test quantities, by name."""


class Settings(NamedTuple):
    """Of the sampler."""

    chains: int = 4
    tune: int = 1_000
    draws: int = 2_000


SETTINGS = Settings()
"""Of the runs for the record."""


class Simulation(NamedTuple):
    """One data set, fitted as `expsim_bayes.fit.fit` does it: once more in smaller steps where draws diverged."""

    number: int
    """From 0."""
    below: dict[str, float]
    """Posterior probability below the truth, by quantity."""
    divergences: int
    """Divergent draws."""
    r_hat: float
    """The worst of the quantities that a report shows."""
    ess: float
    """Their smallest effective sample size (bulk)."""


class Fits(NamedTuple):
    """All fits of one calibration."""

    simulations: tuple[Simulation, ...]
    """All of them; a fit with divergences is counted, never dropped."""
    rows: tuple[Calibration, ...]
    """Calibration of each quantity."""
    commit: str
    """Code with which the first was fitted."""
    begun_utc: str
    """When."""

    @property
    def divergent(self) -> int:
        """Fits with a divergence."""
        return sum(one.divergences > 0 for one in self.simulations)

    @property
    def unconverged(self) -> int:
        """Fits with an R-hat above `R_HAT`."""
        return sum(not one.r_hat <= R_HAT for one in self.simulations)

    @property
    def sampled_well(self) -> bool:
        """Whether few enough fits had trouble."""
        return max(self.divergent, self.unconverged) <= MOST_BAD * len(self.simulations)


def what_was_run(code: Iterable[str]) -> dict[str, str]:
    """What must not change between the parts of one run: the code that it rests on, and the packages.

    Parameters
    ----------
    code : iterable of str
        Patterns of files that, changed, may change the numbers.
    """
    packages = {name: version(name) for name in ("pymc", "pytensor", "nutpie", "numpy", "arviz")}
    return {"code": digest(code), **packages}


def all_fits(
    simulations: int,
    journal: Journal,
    prepare: Callable[[], Callable[[int], Simulation]],
    *,
    tell: Callable[[float, str], None],
    title: str,
) -> Fits:
    """Fit every data set that the journal does not hold yet, and test every quantity.

    Parameters
    ----------
    simulations : int
        Data sets.
    journal : Journal
        Of finished simulations.
    prepare : callable
        Compiles, and gives the function from the number of a data set to its simulation; called only where something is missing.
    tell : callable
        Called with the share done and a few words.
    title : str
        What is being calibrated, for those words.
    """

    def rows() -> Callable[[int], dict[str, Any]]:
        fit = prepare()
        return lambda number: fit(number)._asdict()

    ordered = tuple(Simulation(**row) for row in all_rows(simulations, journal, rows, tell=tell, title=title))
    return Fits(ordered, rows_of(ordered), journal.header["commit"], journal.header["begun_utc"])


def all_rows(
    simulations: int,
    journal: Journal,
    prepare: Callable[[], Callable[[int], dict[str, Any]]],
    *,
    tell: Callable[[float, str], None],
    title: str,
) -> list[dict[str, Any]]:
    """What is kept of every data set, in their order: from the journal, else made now and kept there.

    Parameters
    ----------
    simulations, journal, tell, title
        As for `all_fits`.
    prepare : callable
        Compiles, and gives the function from the number of a data set to its row, which holds that `number`; called only where something
        is missing.
    """
    done = {row["number"]: row for row in journal.rows() if row["number"] < simulations}
    missing = [number for number in range(simulations) if number not in done]
    if missing:
        tell(len(done) / simulations, f"{title}: compiling")
        for row in side_by_side(prepare(), missing):
            done[row["number"]] = row
            journal.append(row)
            tell(len(done) / simulations, f"{title}: {len(done)} of {simulations} data sets")
    return [done[number] for number in range(simulations)]


def rows_of(simulations: Sequence[Simulation]) -> tuple[Calibration, ...]:
    """Calibration of each quantity; one that a simulation lacks is not a number there, which fails."""
    names = list(simulations[0].below)
    below = {name: np.array([one.below.get(name, np.nan) for one in simulations]) for name in names}
    return tuple(calibration(name, values) for name, values in below.items())


def side_by_side[Result](work: Callable[[int], Result], numbers: Sequence[int]) -> Iterator[Result]:
    """Results in the order in which they are finished, as many at a time as there are cores.

    Parameters
    ----------
    work : callable
        From a number to its result; most of its time is spent outside the interpreter.
    numbers : sequence of int
        In the order in which they are begun.

    Examples
    --------
    >>> sorted(side_by_side(lambda number: number**2, range(4)))
    [0, 1, 4, 9]
    """
    at_once, todo = os.cpu_count() or 1, list(reversed(numbers))
    with ThreadPoolExecutor(at_once) as pool:
        running: set[Future[Result]] = set()
        while running or todo:
            running |= {pool.submit(work, todo.pop()) for _ in range(min(at_once - len(running), len(todo)))}
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in finished)


def seed(random_seed: int, place: int, number: int) -> int:
    """A seed of its own for each purpose and simulation, whatever was run before.

    Parameters
    ----------
    random_seed : int
        Of the run.
    place, number : int
        Of the purpose, and of the simulation.
    """
    return int(np.random.SeedSequence(random_seed, spawn_key=(place, number)).generate_state(1)[0])


def kept(draws: int) -> NDArray[np.intp]:
    """The draws among which the truth is ranked, evenly spaced over all chains.

    Examples
    --------
    >>> kept(8_000)[:3]
    array([ 0, 82, 163])
    """
    return np.linspace(0, draws - 1, KEPT).round().astype(np.intp)


def best_below(drawn: NDArray[np.float64], true: NDArray[np.float64], rng: np.random.Generator) -> float:
    """Where the best variant lies in the predicted distribution of which one is best.

    Parameters
    ----------
    drawn : numpy.ndarray
        (draw, variant) quality, higher is better.
    true : numpy.ndarray
        (1, variant)
    rng : numpy.random.Generator
        Breaks ties.
    """
    prob = np.bincount(drawn.argmax(axis=1), minlength=drawn.shape[1]) / len(drawn)
    return float(predicted_below(prob[None], true.argmax(axis=1), rng)[0])


def convergence(draws: NDArray[np.float64]) -> tuple[float, float]:
    """Worst R-hat and smallest bulk ESS, NaN where one of them is.

    Parameters
    ----------
    draws : numpy.ndarray
        (chain, draw, quantity)
    """
    import arviz as az

    each: list[Any] = [draws[:, :, n] for n in range(draws.shape[2])]
    r_hats = [float(az.rhat(one)) for one in each]
    sizes = [float(az.ess(one, method="bulk")) for one in each]
    return float(np.max(r_hats)), float(np.min(sizes))
