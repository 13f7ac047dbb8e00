"""Wrong fits of the model family on purpose: each is one mistake, and the calibration check must reject it.

A mistake spoils the observations before they are fitted, the priors of the fit, or its draws; the compiled model, the truths and the check
are those of the model that is right. `MISTAKES` are made with every model; `spoilt` lists what can go wrong with observations of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.check.family import Family, Observed, code_of
from expsim_bayes.check.fits import (
    KEPT,
    Settings,
    Simulation,
    Values,
    rows_of,
    side_by_side,
    what_was_run,
)
from expsim_bayes.check.mutants import Caught
from expsim_bayes.check.resume import Journal
from expsim_bayes.check.small import small
from expsim_bayes.check.spoilt import SPOILT
from expsim_bayes.check.uniformity import verdict
from expsim_bayes.models import recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from expsim_bayes.frozen import Frozen

SETTINGS = Settings(chains=2, tune=400, draws=750)
"""Of the sampler: a mistake need not be measured finely."""
MOST = 4
"""Times as many data sets as at first, at most, for a mistake that is hard to see."""
CONCENTRATIONS = ("prevalence", "similarity", "concentration")
"""Priors that say how sure a Dirichlet law is."""
CODE = ("check/mistakes.py", "check/spoilt.py")
"""Files that, changed, may change the numbers, beside those of the model."""


def _as_observed(data: Observed, _held: Observed) -> Observed:
    return data


def _as_believed(priors: Frozen) -> Frozen:
    return priors


def _as_drawn(values: Values, _before: Values) -> Values:
    return values


class Mistake(NamedTuple):
    """One mistake."""

    name: str
    """What is wrong, in a few words."""
    data: Callable[[Observed, Observed], Observed] = _as_observed
    """What is fitted, given what was observed and all data of the model, by name."""
    priors: Callable[[Frozen], Frozen] = _as_believed
    """What the fit believes, given what it should."""
    draws: Callable[[Values, Values], Values] = _as_drawn
    """What becomes of the draws, given draws from the prior."""

    @property
    def fits(self) -> tuple[object, object]:
        """Mistakes that agree in this share their fits."""
        return self.data, self.priors


def halved_sds(priors: Frozen) -> Frozen:
    """Priors whose SDs are half of what they should be.

    Parameters
    ----------
    priors : Priors
        Of any model; SDs are the fields whose names begin with ``sd_`` or end with ``_sd``, and a Dirichlet prior whose concentration is
        four times as high has about half the SD.
    """
    sds = {name: value / 2 for name, value in priors if name.startswith("sd_") or name.endswith("_sd")}
    concentrations = {name: 4 * value for name, value in priors if name in CONCENTRATIONS}
    return priors.model_copy(update=sds | concentrations)


def _too_sure(values: Values, _before: Values) -> Values:
    return {name: each.mean(axis=0) + 0.7 * (each - each.mean(axis=0)) for name, each in values.items()}


def _ignored(values: Values, before: Values) -> Values:
    size = len(next(iter(values.values())))
    return {name: np.resize(before[name], (size, *each.shape[1:])) for name, each in values.items()}


RIGHT = Mistake("nothing: the fit as it is")
"""The control, which must pass."""
MISTAKES = (
    Mistake("posterior SDs times .7", draws=_too_sure),
    Mistake("the data are ignored", draws=_ignored),
    Mistake("prior SDs are halved", priors=halved_sds),
)
"""Mistakes that can be made with every model."""


def mistakes(name: str) -> tuple[Mistake, ...]:
    """The control, and every mistake that is made with a model.

    Parameters
    ----------
    name : str
        A model with a recipe.
    """
    return (RIGHT, *MISTAKES, *(Mistake(what, data=spoil) for what, spoil in SPOILT.get(name, {}).items()))


def check_mistakes(
    name: str,
    simulations: int = 50,
    *,
    random_seed: int = 0,
    settings: Settings = SETTINGS,
    folder: Path | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[Caught, ...]:
    """The calibration check of a model that is right, then of every mistake made with it.

    Parameters
    ----------
    name : str
        A model with a recipe.
    simulations : int
        Data sets, the same for all; twice as many, and twice as many again, for a mistake that so many do not give away.
    random_seed : int
        Seed.
    settings : Settings
        Of the sampler.
    folder : Path, optional
        Finished simulations are read from here and appended; without one they are kept in memory.
    progress : callable, optional
        Called with the share done and a few words.
    """
    tell = progress or (lambda _share, _words: None)
    file = None if folder is None else folder / f"{name}-mutants.jsonl"
    bench = _Bench(name, simulations, random_seed, settings, file)
    chosen = mistakes(name)
    found = []
    for position, mistake in enumerate(chosen):
        for count in (simulations, 2 * simulations, MOST * simulations):
            tell(position / len(chosen), f"{name}: {mistake.name}, {count} data sets")
            caught = bench.check(mistake, count)
            if caught.rejected or mistake is RIGHT:
                break
        found.append(caught)
    found[0] = bench.check(RIGHT, bench.finished(RIGHT))  # with all data sets that were fitted for the mistakes
    return tuple(found)


class _Bench:
    """Fits of one model, with and without mistakes; those that can share fits do."""

    def __init__(self, name: str, simulations: int, random_seed: int, settings: Settings, file: Path | None) -> None:
        self.name, self.most, self.random_seed, self.settings = name, MOST * simulations, random_seed, settings
        run = {
            "random_seed": random_seed,
            "most": self.most,
            **settings._asdict(),
            **what_was_run((*code_of(name), *CODE)),
        }
        self.journal = Journal(file, run)
        self.done: dict[tuple[str, int], Simulation] = {}
        for row in self.journal.rows():
            self._keep(row.pop("mistake"), Simulation(**row))
        self.made: dict[object, Family] = {}

    def check(self, mistake: Mistake, simulations: int) -> Caught:
        """The calibration check of one mistake."""
        missing = [number for number in range(simulations) if (mistake.name, number) not in self.done]
        if missing:
            self._fit(mistake, missing)
        rows = rows_of([self.done[mistake.name, number] for number in range(simulations)])
        return Caught(mistake.name, verdict(rows) == "fail", rows)

    def finished(self, mistake: Mistake) -> int:
        """Data sets from the first on that were fitted."""
        return next(number for number in range(self.most + 1) if (mistake.name, number) not in self.done)

    def _fit(self, mistake: Mistake, numbers: Sequence[int]) -> None:
        """Fit data sets, and rank their truths under every mistake that shares these fits."""
        family = self._family(mistake)
        sharing = [other for other in mistakes(self.name) if other.fits == mistake.fits]

        def work(number: int) -> list[tuple[str, Simulation]]:
            fitted = family.fit(number, mistake.data(family.data(number), family.held))
            before = _before(family.truth, number)
            quality = (fitted.divergences, fitted.r_hat, fitted.ess)
            return [
                (other.name, Simulation(number, family.below(number, other.draws(fitted.values, before)), *quality))
                for other in sharing
            ]

        for finished in side_by_side(work, numbers):
            for name, one in finished:
                self.journal.append({"mistake": name, **one._asdict()})
                self._keep(name, one)

    def _keep(self, name: str, one: Simulation) -> None:
        self.done[name, one.number] = one

    def _family(self, mistake: Mistake) -> Family:
        if mistake.priors not in self.made:
            design = small(self.name)
            self.made[mistake.priors] = Family(
                recipe(self.name),
                design,
                self.most,
                random_seed=self.random_seed,
                settings=self.settings,
                believed=mistake.priors(design.priors),
            )
        return self.made[mistake.priors]


def _before(truth: Values, number: int) -> Values:
    """Draws from the prior other than the truth of a data set."""
    return {name: np.delete(each, number, axis=0)[:KEPT] for name, each in truth.items()}
