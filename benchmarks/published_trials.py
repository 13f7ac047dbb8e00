"""Published error rates beside those of the same designs run here as scenarios, without special code.

Prints two tables: the trial of adaptr's README (`three_arm_trial.toml`) with what `calibrate` makes of it, and the rates of repeated looks
of Armitage, McPherson and Rowe (1969, `repeated_looks.toml`). "Re-simulated" are independent simulations in plain NumPy.
`.venv/bin/python benchmarks/published_trials.py > benchmarks/published_trials.md` writes the page.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from expsim_bayes.experiment import run
from expsim_bayes.operating_characteristics import Estimate, estimate
from expsim_bayes.planning import advice, calibrate
from expsim_bayes.scenario import Scenario, load
from expsim_bayes.stopping import COLLECT, LAUNCH, STOP_EQUIVALENT

HERE = Path(__file__).parent
SEED = 20_262
LOOKS = (1, 2, 3, 4, 5, 10, 20)
TWO_SIDED = (0.05, 0.083, 0.107, 0.126, 0.142, 0.193, 0.248)
"""Published rates of P > .975 either way."""
ONE_SIDED = {
    0.95: (0.05, 0.0801, 0.1011, 0.1171, 0.13, 0.1718, 0.2145),
    0.975: (0.025, 0.0416, 0.0536, 0.0631, 0.0709, 0.0968, 0.1244),
    0.99: (0.01, 0.0173, 0.0228, 0.0273, 0.031, 0.0439, 0.0582),
}
"""Re-simulated rates of P > threshold one way."""


class Row(NamedTuple):
    """A figure of the three-arm trial."""

    name: str
    """What it is."""
    published: float
    """In the README, from 1,000 trials."""
    resimulated: float
    """From 4,000 trials in NumPy."""
    found: Estimate
    """Here."""


def three_arms(replications: int, random_seed: int = SEED) -> list[Row]:
    """The three-arm trial with the published threshold."""
    result = run(load(HERE / "three_arm_trial.toml"), replications=replications, random_seed=random_seed, history=False)
    decision, size = result["decision"].values, result["outputs"].values.sum(axis=1)
    seen = result["outputs"].values - result["under_way"].values
    events = (result["quality_mean"].values * (seen + 2) - 1).sum(axis=1)  # of a Beta(1 + events, 1 + the others)
    spread = size.std(ddof=1)
    kurtosis = np.mean((size - size.mean()) ** 4) / spread**4
    return [
        Row("superiority", 0.048, 0.059, estimate(decision == LAUNCH)),
        Row("equivalence", 0.381, 0.369, estimate(decision == STOP_EQUIVALENT)),
        Row("largest size", 0.571, 0.572, estimate(decision == COLLECT)),
        Row("mean size", 1749.6, 1753.3, estimate(size)),
        Row(
            "SD of size", 373.7, 378.8, Estimate(float(spread), float(spread * np.sqrt((kurtosis - 1) / size.size) / 2))
        ),
        Row("median size", 2000, 2000, Estimate(float(np.median(size)), 0.0)),
        Row("lower quartile", 1400, 1500, Estimate(float(np.quantile(size, 0.25)), 0.0)),
        Row("upper quartile", 2000, 2000, Estimate(float(np.quantile(size, 0.75)), 0.0)),
        Row("event rate", 0.251, 0.25, estimate(events / seen.sum(axis=1))),
    ]


def repeated_looks(changes: dict[str, Any], replications: int, random_seed: int = SEED) -> list[Estimate]:
    """Share of experiments that launch something by each number of looks."""
    declared = tomllib.loads((HERE / "repeated_looks.toml").read_text(encoding="utf-8"))
    scenario = Scenario.model_validate(declared | changes)
    result = run(scenario, replications=replications, random_seed=random_seed, history=False)
    launched = np.where(result["decision"].values == LAUNCH, result["stop_look"].values, np.inf)
    return [estimate(launched <= looks) for looks in LOOKS]


def one_way(threshold: float) -> dict[str, Any]:
    """Only B against the control A, which is never kept early."""
    rule = {"rule": "beats_control", "threshold": threshold, "keep_at": 0.0}
    return {"control": "A", "strategies": {"sequential": {"stopping": [rule]}}}


HEAD = """# Published error rates, and the same designs here

Each design is a scenario, run without special code; seed {seed}.

## The three-arm trial of adaptr's README

Three arms without a control, binary outcomes of rate .25, the lowest rate is the best, uniform priors. Looks at 300, 400, ..., 2,000
outcomes with 100 more under way, each arm at least 20 % of the outputs, shared out by the chance of being best. An arm is dropped below
.0185682, and one is launched from .9814318 ([three_arm_trial.toml](three_arm_trial.toml)). Published: 1,000 trials; re-simulated: 4,000
trials in NumPy; here: {trials:,} trials, with Monte-Carlo errors, and z of the difference to the re-simulated ones.

| figure | published | re-simulated | here | z |
|---|---:|---:|---:|---:|"""
CALIBRATED = """
The published threshold was tuned on the trials that judge it, so its share of 4.8 % is optimistic. `expsim calibrate` searches one and
counts anew: {headline} {holds} {sure} {warning}

## Repeated looks

Two equal variants with normal outcomes of known SD and a flat prior ([repeated_looks.toml](repeated_looks.toml)): per cent of {looks:,}
experiments that claim a difference by the number of looks; in brackets what is published (either way: Armitage, McPherson and Rowe 1969)
or re-simulated (one way), and z. The columns of a row are the same experiments.

| rule | {columns} |
|---|{bars}|"""


def _said(name: str, known: tuple[float, ...], found: list[Estimate]) -> str:
    cells = [
        f"{100 * value.value:.2f} ({100 * exact:.4g}, {(value.value - exact) / value.mcse:+.1f})"
        for exact, value in zip(known, found, strict=True)
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _row(row: Row, trials: int) -> str:
    error, z = "", ""
    if row.found.mcse:
        error = f" ± {row.found.mcse:.2g}"
        z = f"{(row.found.value - row.resimulated) / (row.found.mcse * np.sqrt(1 + trials / 4_000)):+.1f}"
    return f"| {row.name} | {row.published:g} | {row.resimulated:g} | {row.found.value:.4g}{error} | {z} |"


def main() -> None:
    """Print the page, with the numbers of replications that are asked for (20,000 and 100,000 unless told)."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    looks = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    print(HEAD.format(seed=SEED, trials=trials))
    print("\n".join(_row(row, trials) for row in three_arms(trials)))
    found = calibrate(load(HERE / "three_arm_trial.toml"), random_seed=SEED, replications=3 * trials)
    told = advice(found)
    words = {"headline": told.headline, "holds": told.holds, "sure": told.how_sure, "warning": told.warning}
    columns = {"columns": " | ".join(map(str, LOOKS)), "bars": "|".join(["---:"] * len(LOOKS))}
    print("\n".join(line.rstrip() for line in CALIBRATED.format(looks=looks, **words, **columns).splitlines()))
    print(_said("P > .975 either way", TWO_SIDED, repeated_looks({}, looks)))
    for threshold, known in ONE_SIDED.items():
        print(_said(f"P > {threshold:g} one way", known, repeated_looks(one_way(threshold), looks)))


if __name__ == "__main__":
    main()
