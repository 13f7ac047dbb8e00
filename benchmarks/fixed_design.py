"""The fixed two-arm normal design: SD 1, 50 patients a look 1:1, 40 looks, stop when an arm's probability of being better passes .99.

Its exact stopping probability is .146425 when the means are equal (mean size 1790.66) and .910826 at a difference of .15 (859.07).
"""

from __future__ import annotations

import sys
import time

import numpy as np
from scipy.special import ndtr

from expsim_bayes.experiment import run
from expsim_bayes.operating_characteristics import estimate
from expsim_bayes.scenario import Scenario
from expsim_bayes.stopping import COLLECT

EXACT = {0.0: (0.146425, 1790.66), 0.15: (0.910826, 859.07)}


def scenario(difference: float) -> Scenario:
    """The design as a scenario with a flat prior, one exact metric and no items."""
    return Scenario.model_validate(
        {
            "name": "fixed-two-arm",
            "title": "Two arms, normal outcomes",
            "score_range": [-50, 50],
            "sd_variant": 1000.0,
            "assignment": "split",
            "looks": 40,
            "outputs_per_look": 50,
            "variants": [{"name": "A", "quality": 0.0}, {"name": "B", "quality": difference}],
            "evaluators": [{"name": "outcome", "kind": "metric", "noise_sd": 1.0, "usd_per_rating": 0.0}],
            "strategies": {"sequential": {"stopping": [{"rule": "superiority", "threshold": 0.99}]}},
        }
    )


def bare_loop(replications: int, difference: float, random_seed: int = 1) -> tuple[float, float]:
    """The same with nothing but sums, one array operation a look."""
    rng = np.random.default_rng(random_seed)
    total = np.zeros((2, replications))
    size = np.full(replications, 2000)
    done = np.zeros(replications, dtype=bool)
    for look in range(1, 41):
        total += rng.normal(size=(2, replications, 25)).sum(axis=2)
        n = 25 * look
        better = ndtr(((total[1] - total[0]) / n + difference) / np.sqrt(2 / n))
        fires = ((better > 0.99) | (better < 0.01)) & ~done
        size[fires] = 2 * n
        done |= fires
    return float(done.mean()), float(size.mean())


def main() -> None:
    """Print times, then the probabilities with the number of replications that is asked for (100,000 unless told)."""
    run(scenario(0.0), replications=10, history=False)  # imports and caches
    for name, call in (
        ("bare loop", lambda: bare_loop(1_000, 0.0)),
        ("expsim_bayes", lambda: run(scenario(0.0), replications=1_000, random_seed=1, history=False)),
    ):
        times = []
        for _ in range(7):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        print(f"1,000 replications, {name}: median {np.median(times):.3f} s")
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for difference, (probability, size) in EXACT.items():
        start = time.perf_counter()
        result = run(scenario(difference), replications=replications, random_seed=2, history=False)
        stopped = estimate(result["decision"].values != COLLECT)
        mean_size = estimate(result["outputs"].sum("variant").values)
        print(
            f"difference {difference}: stopped {stopped.value:.5f} +- {stopped.mcse:.5f} (exact {probability}, "
            f"z {(stopped.value - probability) / stopped.mcse:+.2f}); mean size {mean_size.value:.2f} +- {mean_size.mcse:.2f} "
            f"(exact {size}, z {(mean_size.value - size) / mean_size.mcse:+.2f}); {replications:,} replications in "
            f"{time.perf_counter() - start:.1f} s"
        )


if __name__ == "__main__":
    main()
