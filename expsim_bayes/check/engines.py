"""Fits without a sampler held against NUTS: the same ratings, nothing given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes import superiority
from expsim_bayes.check.agreement import agree, designs
from expsim_bayes.check.designs import simulated
from expsim_bayes.check.vote_designs import vote_designs
from expsim_bayes.diagnostics import labels, reported
from expsim_bayes.posterior.fitted import stacked
from expsim_bayes.simulate import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from expsim_bayes.ratings import Ratings
    from expsim_bayes.scenario import Scenario

DRAWS, TUNE = {"continuous": 2_000}, {"continuous": 1_500}
"""Draws of each of 4 chains, and tuning steps, by model; 1,000 of votes."""
LONGER = 4
"""How many times longer NUTS runs where its own verdict is to refuse it, or asks for caution and something differs."""
STARTS = 3
"""How often NUTS starts anew, at most, where it is refused even so: a chain that starts near a hardly likely solution stays there."""
CONSTANT = 1e-9
"""SD below which a number is constant by construction."""


class Apart(NamedTuple):
    """Two fits of one data set, with a sampler and without."""

    design: str
    """Who rates what."""
    ratings: int
    """Size of the data set."""
    effects: int
    """Numbers of the posterior compared: qualities, effects, components."""
    mean_apart: float
    """Largest difference of posterior means of qualities and their differences, in posterior SDs."""
    sd_apart: float
    """Largest difference of their SDs, relative to that of NUTS."""
    others_apart: float
    """Largest difference of means of everything else, in posterior SDs."""
    where: str
    """The number whose mean differs most."""
    prob_best_apart: float
    """Largest difference of prob_best."""
    prob_best_mcse: float
    """Its Monte-Carlo standard error."""
    verdicts: str
    """Of the gate: with a sampler, and without."""
    k_hat: float
    """Of the weighted points."""
    draws: int
    """Of each chain of NUTS."""

    @property
    def passed(self) -> bool:
        """Whether everything lies within its limit; NUTS must have converged, and has a Monte-Carlo error of its own."""
        return agree(self)


def check_apart(
    model: str,
    count: int = 30,
    *,
    random_seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[Apart, ...]:
    """Data sets of all designs of a model, in turn, fitted with a sampler and without.

    Parameters
    ----------
    model : str
        A model that can do without a sampler.
    count : int
        Data sets.
    random_seed : int
        Seed.
    progress : callable, optional
        Called with the share done and a few words.
    """
    chosen = list(made_up(model).items())
    found = []
    for number in range(count):
        name, ratings = chosen[number % len(chosen)]
        if progress:
            progress(number / count, f"with a sampler and without: {name}")
        found.append(apart(name, ratings(random_seed + number), model, random_seed=random_seed + number))
    return tuple(found)


def made_up(model: str) -> dict[str, Callable[[int], Ratings]]:
    """What makes up ratings from a seed, by design: for scores those of the agreement check."""
    if model != "continuous":
        return vote_designs(model)

    def scores(scenario: Scenario) -> Callable[[int], Ratings]:
        return lambda seed: simulated(scenario, Streams(seed, 0, 1)).ratings

    return {name: scores(scenario) for name, scenario in designs().items()}


def apart(name: str, ratings: Ratings, model: str, *, random_seed: int) -> Apart:
    """One data set, fitted both ways.

    Parameters
    ----------
    name : str
        Name of the design.
    ratings : Ratings
        The data set.
    model : str
        Of both fits.
    random_seed : int
        Of both fits.
    """
    from expsim_bayes.fit import fit

    draws, tune, rows = DRAWS.get(model, 1_000), TUNE.get(model, 1_000), len(ratings.table)
    quick = fit(ratings, model=model, engine="fast", draws=draws, random_seed=random_seed)

    def against(longer: int, start: int) -> tuple[Apart, str]:
        sampled = fit(
            ratings,
            model=model,
            engine="nuts",
            draws=longer * draws,
            tune=longer * tune,
            random_seed=random_seed + start,
        )
        return between(name, rows, sampled, quick), _level(sampled)

    found, level = against(1, 0)
    if level == "caution" and not found.passed:
        return against(LONGER, 0)[0]
    for start in range(STARTS):
        if level != "refuse":
            break
        found, level = against(LONGER, start)
    return found


def between(name: str, ratings: int, sampled: xr.DataTree, quick: xr.DataTree) -> Apart:
    """How far two fits of the same ratings are apart.

    Parameters
    ----------
    name : str
        Who rates what.
    ratings : int
        How many there are.
    sampled, quick : xarray.DataTree
        The fit with a sampler, and the one without.
    """
    rows = {label: off(values, other) for label, values, other in pairs(sampled, quick)}
    telling = [value for label, value in rows.items() if label.startswith("quality")]
    others = {label: mean for label, (mean, _) in rows.items() if not label.startswith("quality")}
    best = [superiority.from_draws(stacked(tree, "quality"), control=None) for tree in (sampled, quick)]
    return Apart(
        design=name,
        ratings=ratings,
        effects=len(rows),
        mean_apart=max(mean for mean, _ in telling),
        sd_apart=max(sd for _, sd in telling),
        others_apart=max(others.values()),
        where=max(others, key=lambda label: others[label]),
        prob_best_apart=float(np.abs(best[0].prob_best - best[1].prob_best).max()),
        prob_best_mcse=float(np.hypot(best[0].mcse, best[1].mcse)),
        verdicts=f"{_level(sampled)}, {_level(quick)}",
        k_hat=json.loads(str(quick.attrs["integration"]))["k_hat"],
        draws=sampled["posterior"].sizes["draw"],
    )


def _level(tree: xr.DataTree) -> str:
    """Of the verdict of a fit."""
    return str(json.loads(str(tree.attrs["verdict"]))["level"])


def off(values: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Distance of the means of two sets of draws in SDs of the first, and of their SDs relative to it."""
    sd = float(values.std())
    return abs(float(values.mean() - other.mean())) / sd, abs(float(other.std()) / sd - 1)


def pairs(sampled: xr.DataTree, quick: xr.DataTree) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name and draws of every number that both fits estimate and a report may show, and of the differences between variants."""
    found = []
    posterior, constant = sampled["posterior"].to_dataset(), sampled["constant_data"]
    for name in reported(posterior):
        if name not in quick["posterior"]:
            continue
        one, other = (stacked(tree, name).astype(np.float64) for tree in (sampled, quick))
        told = labels(posterior[name])
        if name == "quality":
            found += [
                (f"quality{told[v]} - quality{told[0]}", one[:, v] - one[:, 0], other[:, v] - other[:, 0])
                for v in range(1, one.shape[1])
            ]
        mask = np.ones(one.shape[1:], dtype=bool)
        if f"{name}_estimated" in constant:
            mask = constant[f"{name}_estimated"].to_numpy().astype(bool)
        one, other = one.reshape(len(one), -1), other.reshape(len(other), -1)
        found += [(f"{name}{told[n]}", one[:, n], other[:, n]) for n in np.flatnonzero(mask.ravel())]
    return [(label, one, other) for label, one, other in found if one.std() > CONSTANT]
