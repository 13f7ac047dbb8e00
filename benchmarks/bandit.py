"""A four-variant bandit: 500 outputs, a judge and one of 8 people on each, 20 looks, 1,000 and 10,000 replications.

Beside it stands a plain loop over looks, vectorised over replications, that knows no raters, judges or items: Thompson sampling on the
mean of all ratings.
"""

from __future__ import annotations

import resource
import time

import numpy as np

from expsim_bayes.experiment import run
from expsim_bayes.scenario import Scenario

QUALITY = (3.0, 3.1, 3.2, 3.3)


def scenario(taste_sd: float) -> Scenario:
    """The experiment; its threshold of 1 is never reached, so that all looks are played."""
    return Scenario.model_validate(
        {
            "name": "bandit-benchmark",
            "title": "Four variants",
            "score_range": [1, 5],
            "control": "A",
            "assignment": "split",
            "looks": 20,
            "outputs_per_look": 25,
            "items": {"sd": 0.5, "interaction_sd": 0.2},
            "variants": [{"name": n, "quality": q, "output_sd": 0.2} for n, q in zip("ABCD", QUALITY, strict=True)],
            "evaluators": [
                {
                    "name": "judge",
                    "kind": "llm",
                    "noise_sd": 0.3,
                    "opinion_sd": 0.3,
                    "shift_sd": 0.15,
                    "scale_use": 0.8,
                    "usd_per_rating": 0.001,
                },
                {
                    "name": "crowd",
                    "kind": "human",
                    "raters": 8,
                    "severity_sd": 0.4,
                    "taste_sd": taste_sd,
                    "noise_sd": 0.7,
                    "usd_per_rating": 0.3,
                },
            ],
            "default_strategy": "bandit",
            "strategies": {
                "bandit": {
                    "allocation": {"policy": "thompson"},
                    "stopping": [{"rule": "superiority", "threshold": 1.0}],
                }
            },
        }
    )


def plain_loop(replications: int, random_seed: int = 1) -> np.ndarray:
    """Thompson sampling on plain means, one array operation a look; returns how often each variant was chosen."""
    rng = np.random.default_rng(random_seed)
    quality, n_looks, n_outputs = np.array(QUALITY), 20, 25
    count = np.full((replications, 4), 1e-9)
    total = np.zeros((replications, 4))
    rows = np.arange(replications)[:, None]
    for _ in range(n_looks):
        draws = rng.normal(size=(replications, n_outputs, 4)) / np.sqrt(count)[:, None] + (total / count)[:, None]
        chosen = draws.argmax(axis=2)
        score = quality[chosen] + rng.normal(size=chosen.shape) * 0.9
        np.add.at(count, (rows, chosen), 1.0)
        np.add.at(total, (rows, chosen), score)
    return count.mean(axis=0)


def main() -> None:
    """Print the table."""
    run(scenario(0.1), replications=10, history=False)  # imports and caches
    for replications in (1_000, 10_000):
        start = time.perf_counter()
        plain_loop(replications)
        print(f"{replications:>6,} replications, plain loop without hierarchy: {time.perf_counter() - start:6.2f} s")
        for taste_sd in (0.0, 0.1):
            start = time.perf_counter()
            run(scenario(taste_sd), replications=replications, random_seed=1, history=False)
            words = "with raters' tastes" if taste_sd else "levels, qualities, severities, shift"
            print(f"{replications:>6,} replications, {words}: {time.perf_counter() - start:6.2f} s")
        print(f"       peak memory so far: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
