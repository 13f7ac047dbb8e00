"""Simulation-based calibration of the fast posterior, also where experiments stop by their own rules.

Qualities and levels are drawn from the beliefs of a scenario, an experiment is played, and the truth is compared with the posterior at the
stop. Calibration under the prior stays exact under optional stopping and under allocation by the posterior.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammainc, ndtr

from expsim_bayes.check.uniformity import Calibration, calibration
from expsim_bayes.experiment import run
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
) -> dict[str, tuple[Calibration, ...]]:
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
        A row a quantity, by strategy; "ab" plays all looks, the others stop by their rules.
    """
    scenario = design()
    found = {}
    for position, strategy in enumerate(STRATEGIES):
        if progress:
            progress(position / len(STRATEGIES), f"fast posterior, {strategy}")
        result = run(
            scenario,
            strategy=strategy,
            random_seed=random_seed,
            replications=simulations,
            truth="prior",
            history=False,
            latents=True,
        )
        found[strategy] = _rows(result)
    return found


def _rows(result: xr.Dataset) -> tuple[Calibration, ...]:
    z = ((result["latent_true"] - result["latent_mean"]) / result["latent_sd"]).values
    rows = [calibration(str(name), ndtr(z[:, n])) for n, name in enumerate(result["latent"].values)]
    quality = ((result["quality_true"] - result["quality_mean"]) / result["quality_sd"]).values
    rows += [calibration(f"quality[{name}]", ndtr(quality[:, v])) for v, name in enumerate(result["variant"].values)]
    true_effect = result["quality_true"] - result["quality_true"].isel(variant=0)
    effect = ((true_effect - result["effect_mean"]) / result["effect_sd"].where(result["effect_sd"] > 0)).values[:, 1:]
    names = result["variant"].values[1:]
    rows += [calibration(f"difference[{name}]", ndtr(effect[:, v])) for v, name in enumerate(names)]
    joint = gammainc(result.sizes["latent"] / 2, result["latent_distance"].values / 2)
    rows += [calibration("all effects jointly", joint), _best_is_best_as_often_as_said(result)]
    return tuple(rows)


def _best_is_best_as_often_as_said(result: xr.Dataset) -> Calibration:
    """prob_best as a predictive distribution of which variant is best: randomised probability integral transform."""
    rng = np.random.default_rng(0)
    said = result["prob_best"].values
    best = result["quality_true"].values.argmax(axis=1)
    upto = np.cumsum(said, axis=1)
    rows = np.arange(best.size)
    below = upto[rows, best] - said[rows, best]
    return calibration("which variant is best", below + rng.random(best.size) * said[rows, best])
