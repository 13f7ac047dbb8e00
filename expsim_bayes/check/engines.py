"""Fits of scores without a sampler held against NUTS: the same ratings, nothing given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes import superiority
from expsim_bayes.check.agreement import agree, designs
from expsim_bayes.check.designs import simulated
from expsim_bayes.models._groups import DIMS
from expsim_bayes.posterior.fitted import stacked
from expsim_bayes.simulate import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from expsim_bayes.scenario import Scenario


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

    @property
    def passed(self) -> bool:
        """Whether everything lies within its limit; NUTS must have converged, and has a Monte-Carlo error of its own."""
        return agree(self)


def check_apart(
    count: int = 30,
    *,
    random_seed: int = 0,
    draws: int = 2_000,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[Apart, ...]:
    """Data sets of all designs of the agreement check, in turn, fitted with a sampler and without.

    Parameters
    ----------
    count : int
        Data sets.
    random_seed : int
        Seed.
    draws : int
        Draws of each of 4 chains.
    progress : callable, optional
        Called with the share done and a few words.
    """
    chosen = list(designs().items())
    found = []
    for number in range(count):
        name, scenario = chosen[number % len(chosen)]
        if progress:
            progress(number / count, f"with a sampler and without: {name}")
        found.append(apart(name, scenario, random_seed=random_seed + number, draws=draws))
    return tuple(found)


def apart(name: str, scenario: Scenario, *, random_seed: int, draws: int) -> Apart:
    """One data set, fitted both ways.

    Parameters
    ----------
    name : str
        Name of the design.
    scenario : Scenario
        Makes the ratings up.
    random_seed, draws : int
        Of both fits.
    """
    from expsim_bayes.fit import fit

    known = simulated(scenario, Streams(random_seed, 0, 1))
    sampled = fit(known.ratings, engine="nuts", draws=draws, tune=1_500, random_seed=random_seed)
    quick = fit(known.ratings, engine="fast", draws=draws, random_seed=random_seed)
    return between(name, known.data.score.size, sampled, quick)


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
    levels = [json.loads(str(tree.attrs["verdict"]))["level"] for tree in (sampled, quick)]
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
        verdicts=", ".join(levels),
        k_hat=json.loads(str(quick.attrs["integration"]))["k_hat"],
    )


def off(values: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Distance of the means of two sets of draws in SDs of the first, and of their SDs relative to it."""
    sd = float(values.std())
    return abs(float(values.mean() - other.mean())) / sd, abs(float(other.std()) / sd - 1)


def pairs(sampled: xr.DataTree, quick: xr.DataTree) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name and draws of every number that both fits estimate, and of the differences between variants."""
    found = []
    variants_told = [str(name) for name in sampled["posterior"]["variant"].to_numpy()]
    for name, dims in DIMS.items():
        if f"{name}_estimated" not in sampled["constant_data"] or name not in sampled["posterior"]:
            continue
        mask = sampled["constant_data"][f"{name}_estimated"].to_numpy().astype(bool)
        one, other = stacked(sampled, name), stacked(quick, name)
        labels = [[str(x) for x in sampled["posterior"][dim].to_numpy()] for dim in dims]
        for at in np.argwhere(mask):
            label = ", ".join(labels[n][i] for n, i in enumerate(at))
            found.append((f"{name}[{label}]", one[:, *at], other[:, *at]))
        if name == "quality":
            for v in range(1, len(variants_told)):
                label = f"quality[{variants_told[v]}] - quality[{variants_told[0]}]"
                found.append((label, one[:, v] - one[:, 0], other[:, v] - other[:, 0]))
    return found
