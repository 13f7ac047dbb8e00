"""A fit of 100,000 ratings: 8 variants, 200 people, 2,000 items, a judge on every output and people on most, asked in turn.

Prints seconds to validate, to compile and to sample, the verdict, and effective draws a second.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from expsim_bayes.diagnostics import Verdict
from expsim_bayes.fit import fit
from expsim_bayes.scenario import Scenario
from expsim_bayes.simulate import Streams, assign, draw_look, draw_world, plan, ratings_of


def scenario(items: int) -> Scenario:
    """16,000 outputs for 2,000 items: one judge rating and five or six human ratings each."""
    return Scenario.model_validate(
        {
            "name": "large-fit",
            "title": "100,000 ratings",
            "score_range": [1, 5],
            "looks": 1,
            "outputs_per_look": 8 * items,
            "items": {"sd": 0.5, "interaction_sd": 0.2},
            "variants": [{"name": n, "quality": 3 + 0.1 * v, "output_sd": 0.2} for v, n in enumerate("ABCDEFGH")],
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
                    "raters": 200,
                    "ratings_per_output": 5,
                    "severity_sd": 0.4,
                    "taste_sd": 0.1,
                    "noise_sd": 0.7,
                    "usd_per_rating": 0.3,
                },
            ],
            "strategies": {"sequential": {"stopping": [{"rule": "superiority", "threshold": 0.95}]}},
        }
    )


def main() -> None:
    """Print the figures; the number of items may be given (2,083 for 100,000 ratings)."""
    declared = scenario(int(sys.argv[1]) if len(sys.argv) > 1 else 2_083)
    streams = Streams(1, 0, 1)
    layout_of_look = plan(declared, "sequential", 0)
    variant = assign(declared, "sequential", layout_of_look, np.full((1, 8), 1 / 8), streams, look=0)
    rated = draw_look(declared, layout_of_look, draw_world(declared, streams), variant, streams, look=0)
    start = time.perf_counter()
    ratings = ratings_of(declared, [(layout_of_look, variant, rated)])
    print(f"{len(ratings.table):,} ratings, validated in {time.perf_counter() - start:.1f} s")
    marks: dict[str, float] = {}
    start = time.perf_counter()

    def note(_share: float, words: str) -> None:
        marks.setdefault(words, time.perf_counter() - start)

    tree = fit(ratings, draws=500, tune=500, random_seed=1, progress=note)
    total = time.perf_counter() - start
    verdict = Verdict.from_json(str(tree.attrs["verdict"]))
    sampling = marks["drawing what was integrated out, and predictions"] - marks["sampling"]
    print(f"compiled in {marks['sampling']:.1f} s, sampled in {sampling:.1f} s, all of it in {total:.1f} s")
    print(
        f"verdict {verdict.level}; smallest effective sample {verdict.worst_ess:,.0f} ({verdict.worst_ess / sampling:,.0f} a second)"
    )
    print(*verdict.reasons, sep="\n")


if __name__ == "__main__":
    main()
