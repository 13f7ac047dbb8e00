"""Simulation-based calibration of the fast posterior, also where experiments stop by their own rules.

Qualities and levels are drawn from the beliefs of a scenario, an experiment is played, and the truth is compared with the posterior at the
stop. Calibration under the prior stays exact under optional stopping and under allocation by the posterior.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammainc, ndtr

from expsim_bayes.check.replayed import all_looks
from expsim_bayes.check.uniformity import Calibration, Runs, calibration, predicted_below, run_again_if_doubtful
from expsim_bayes.experiment import run
from expsim_bayes.posterior import beliefs
from expsim_bayes.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from expsim_bayes.scenario import StrategyName

STRATEGIES: tuple[StrategyName, ...] = ("ab", "sequential", "bandit")


def design() -> Scenario:
    """A small experiment with every effect: three variants, a judge asked twice, five people, items shared by variants."""
    rules = [{"rule": "superiority", "threshold": 0.9}, {"rule": "equivalence", "threshold": 0.8}]
    return Scenario.model_validate(
        {
            "name": "calibration",
            "title": "Every effect at once",
            "score_range": [1, 5],
            "control": "A",
            "min_effect": 0.1,
            "rope": 0.4,
            "looks": 6,
            "outputs_per_look": 24,
            "overlap": 0.5,
            "items": {"sd": 0.5, "interaction_sd": 0.3},
            "variants": [
                {"name": name, "quality": 3.0, "output_sd": sd} for name, sd in zip("ABC", (0.2, 0.3, 0.4), strict=True)
            ],
            "evaluators": [
                {
                    "name": "judge",
                    "kind": "llm",
                    "ratings_per_output": 2,
                    "shift_sd": 0.2,
                    "opinion_sd": 0.3,
                    "scale_use": 0.7,
                    "noise_sd": 0.4,
                    "usd_per_rating": 0.001,
                },
                {
                    "name": "people",
                    "kind": "human",
                    "raters": 5,
                    "severity_sd": 0.4,
                    "taste_sd": 0.2,
                    "opinion_sd": 0.4,
                    "noise_sd": 0.6,
                    "usd_per_rating": 0.3,
                },
            ],
            "strategies": {
                "ab": {"decide": "end", "stopping": rules},
                "sequential": {"stopping": rules},
                "bandit": {"allocation": {"policy": "thompson"}, "stopping": rules},
            },
        }
    )


def check_fast(
    simulations: int = 10_000, *, random_seed: int = 0, progress: Callable[[float, str], None] | None = None
) -> dict[StrategyName, Runs]:
    """Calibration of every effect, the differences and the joint posterior, by strategy.

    Parameters
    ----------
    simulations : int
        Experiments of each strategy.
    random_seed : int
        Seed.
    progress : callable, optional
        Called with the share done and a few words.

    Returns
    -------
    dict
        The check of each strategy; "ab" plays all looks, the others stop by their rules.
    """
    found = {}
    for position, strategy in enumerate(STRATEGIES):
        if progress:
            progress(position / len(STRATEGIES), f"fast posterior, {strategy}")
        found[strategy] = run_again_if_doubtful(
            partial(_rows, strategy), simulations=simulations, random_seed=random_seed
        )
    return found


def _rows(strategy: StrategyName, simulations: int, random_seed: int) -> tuple[Calibration, ...]:
    """One strategy; where all looks are played, the joint log-likelihood too."""
    scenario = design()
    result = run(
        scenario,
        strategy=strategy,
        random_seed=random_seed,
        replications=simulations,
        truth="prior",
        history=False,
        latents=True,
    )
    rows = rows_of(result)
    if strategy != "ab":
        return rows
    whole = all_looks(scenario, beliefs(scenario), simulations=simulations, random_seed=random_seed)
    return (*rows, log_likelihood_row(whole))


def rows_of(result: xr.Dataset) -> tuple[Calibration, ...]:
    """Calibration of every effect, quality and difference, of all effects jointly, and of which variant is best.

    Parameters
    ----------
    result : xarray.Dataset
        As `expsim_bayes.experiment.run` gives it with truth "prior" and latents.
    """
    z = ((result["latent_true"] - result["latent_mean"]) / result["latent_sd"]).values
    rows = [calibration(str(name), ndtr(z[:, n])) for n, name in enumerate(result["latent"].values)]
    quality = ((result["quality_true"] - result["quality_mean"]) / result["quality_sd"]).values
    rows += [calibration(f"quality[{name}]", ndtr(quality[:, v])) for v, name in enumerate(result["variant"].values)]
    true_effect = result["quality_true"] - result["quality_true"].isel(variant=0)
    effect = ((true_effect - result["effect_mean"]) / result["effect_sd"].where(result["effect_sd"] > 0)).values[:, 1:]
    names = result["variant"].values[1:]
    rows += [calibration(f"difference[{name}]", ndtr(effect[:, v])) for v, name in enumerate(names)]
    joint = gammainc(result.sizes["latent"] / 2, result["latent_distance"].values / 2)
    best = predicted_below(
        result["prob_best"].values, result["quality_true"].values.argmax(axis=1), np.random.default_rng(0)
    )
    rows += [calibration("all effects jointly", joint), calibration("which variant is best", best)]
    return tuple(rows)


def log_likelihood_row(result: xr.Dataset) -> Calibration:
    """Calibration of the joint log-likelihood: without it a posterior that ignores the ratings would pass.

    Parameters
    ----------
    result : xarray.Dataset
        As `expsim_bayes.check.replayed.all_looks` gives it.
    """
    return calibration("joint log-likelihood", result["log_likelihood_below"].values)
