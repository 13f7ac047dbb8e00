"""Many experiments at once, look after look, whose components are estimated anew at every look: seconds and memory.

1,000 experiments, about 2,000 ratings each in 20 looks, by a judge and ten people: scores without and with a bandit, stars,
comparisons, rankings, verdicts of pass or fail.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import Any

import numpy as np

from expsim_bayes.experiment import run
from expsim_bayes.scenario import Scenario


def scenario(
    components: str, *, variants: int = 2, taste_sd: float = 0.0, outputs: int = 60, policy: str = "fixed"
) -> Scenario:
    """A judge on all outputs, one person on each, and no rule that stops early."""
    declared: dict[str, Any] = {
        "name": "replications",
        "title": "Components estimated",
        "score_range": [1, 5],
        "looks": 20,
        "outputs_per_look": outputs,
        "components": components,
        "items": {"sd": 0.4, "interaction_sd": 0.2},
        "variants": [{"name": name, "quality": 3.0} for name in "ABCDEFGH"[:variants]],
        "evaluators": [
            {
                "name": "judge",
                "kind": "llm",
                "noise_sd": 0.4,
                "shift_sd": 0.2,
                "scale_use": 0.8,
                "usd_per_rating": 0.01,
            },
            {
                "name": "crowd",
                "kind": "human",
                "raters": 10,
                "severity_sd": 0.4,
                "taste_sd": taste_sd,
                "noise_sd": 0.7,
                "usd_per_rating": 0.3,
            },
        ],
        "overlap": 2 / 3,
        "default_strategy": "bandit" if policy != "fixed" else "sequential",
        "strategies": {
            "bandit" if policy != "fixed" else "sequential": {
                "allocation": {"policy": policy},
                "stopping": [{"rule": "max_ratings", "ratings": 100_000}],
            }
        },
    }
    return Scenario.model_validate(declared)


def of_votes(outcome: str, *, variants: int = 2) -> Scenario:
    """The same with votes; what varies is in logits, and every item is rated by the judge and, two in three, by a person."""
    stars = outcome == "ordinal"
    judge: dict[str, Any] = {"name": "judge", "kind": "llm", "shift_sd": 0.3, "scale_use": 0.8, "usd_per_rating": 0.01}
    crowd: dict[str, Any] = {"name": "crowd", "kind": "human", "raters": 10, "usd_per_rating": 0.3}
    judge |= {"order": 0.5, "ties": 0.1} if outcome == "preference" else {}
    crowd |= {"ordinal": {"severity_sd": 0.7}, "preference": {"order_sd": 0.3}, "ranking": {"taste_sd": 0.3}}[outcome]
    declared: dict[str, Any] = {
        "name": "votes",
        "title": "Stars, comparisons or rankings",
        "outcome": outcome,
        "score_range": [1, 5] if stars else [0, 1],
        "control": "A",
        "looks": 20,
        "outputs_per_look": 60 if stars else 60 * variants,
        "items": {"sd": 1.0, "interaction_sd": 0.5} if stars else {"interaction_sd": 0.8},
        "variants": [{"name": name, "quality": 3.0 if stars else 0.5} for name in "ABCDEFG"[:variants]],
        "evaluators": [judge, crowd],
        "overlap": 2 / 3,
        "strategies": {"sequential": {"stopping": [{"rule": "max_ratings", "ratings": 100_000}]}},
    }
    return Scenario.model_validate(declared)


def of_verdicts() -> Scenario:
    """The same with verdicts of pass or fail by a judge with a taste and by people, both of whom err."""
    declared: dict[str, Any] = {
        "name": "verdicts",
        "title": "Verdicts",
        "outcome": "binary",
        "score_range": [0, 1],
        "looks": 20,
        "outputs_per_look": 60,
        "variants": [{"name": name, "quality": 0.7} for name in "AB"],
        "evaluators": [
            {
                "name": "judge",
                "kind": "llm",
                "sensitivity": 0.9,
                "specificity": 0.7,
                "shift_sd": 0.3,
                "usd_per_rating": 0.01,
            },
            {
                "name": "crowd",
                "kind": "human",
                "raters": 10,
                "sensitivity": 0.95,
                "specificity": 0.9,
                "usd_per_rating": 0.3,
            },
        ],
        "overlap": 2 / 3,
        "strategies": {"sequential": {"stopping": [{"rule": "max_ratings", "ratings": 100_000}]}},
    }
    return Scenario.model_validate(declared)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=1_000)
    parser.add_argument("--only", nargs="+", default=[""], help="parts of the names of the kinds to run")
    asked = parser.parse_args()
    kinds = {
        "2 variants, paired, components given": scenario("given"),
        "2 variants, paired, components estimated": scenario("estimated"),
        "4 variants, bandit, components estimated": scenario("estimated", variants=4, policy="thompson"),
        "2 variants, paired, stars": of_votes("ordinal"),
        "2 variants, comparisons": of_votes("preference"),
        "3 variants, rankings": of_votes("ranking", variants=3),
        "4 variants, rankings": of_votes("ranking", variants=4),
        "2 variants, verdicts with errors": of_verdicts(),
    }
    for outcome in ("ordinal", "preference", "ranking"):  # compile once
        run(of_votes(outcome).model_copy(update={"looks": 1}), replications=2)
    for words, declared in kinds.items():
        if not any(part in words for part in asked.only):
            continue
        start = time.perf_counter()
        found = run(declared, replications=asked.experiments, random_seed=1, truth="prior", history=False)
        seconds = time.perf_counter() - start
        true = found["quality_true"] - found["quality_true"].isel(variant=0)
        z = ((true - found["effect_mean"]) / found["effect_sd"]).isel(variant=slice(1, None)).to_numpy()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{words}: {seconds:.1f} s for {asked.experiments:,} experiments of {float(found['ratings'].sum('evaluator').mean()):,.0f} "
            f"ratings in 20 looks; 95 % intervals hold {100 * float((np.abs(z) < 1.96).mean()):.1f} %; peak memory {peak:,.0f} MB"
        )


if __name__ == "__main__":
    main()
