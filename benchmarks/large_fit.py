"""Fits of 100,000 ratings: 8 variants, 200 people, 2,000 items, a judge on every output and people on most, asked in turn.

Prints seconds without a sampler, with and without the tastes of persons, and by NUTS: to compile, to sample, the verdict, effective draws
a second, and how far the two are apart.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from expsim_bayes.diagnostics import Verdict
from expsim_bayes.fit import fit
from expsim_bayes.models.continuous import Priors
from expsim_bayes.scenario import Scenario
from expsim_bayes.simulate import Streams, assign, draw_look, draw_world, plan, ratings_of

if TYPE_CHECKING:
    import xarray as xr

    from expsim_bayes.ratings import Ratings


def scenario(items: int, *, taste_sd: float = 0.1) -> Scenario:
    """16,000 outputs for 2,000 items: one judge rating and five human ratings each."""
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
                    "taste_sd": taste_sd,
                    "noise_sd": 0.7,
                    "usd_per_rating": 0.3,
                },
            ],
            "strategies": {"sequential": {"stopping": [{"rule": "superiority", "threshold": 0.95}]}},
        }
    )


def made_up(items: int, *, taste_sd: float) -> Ratings:
    """The ratings of one experiment."""
    declared = scenario(items, taste_sd=taste_sd)
    streams = Streams(1, 0, 1)
    layout_of_look = plan(declared, "sequential", 0)
    variant = assign(declared, "sequential", layout_of_look, np.full((1, 8), 1 / 8), streams, look=0)
    rated = draw_look(declared, layout_of_look, draw_world(declared, streams), variant, streams, look=0)
    return ratings_of(declared, [(layout_of_look, variant, rated)])


def timed(ratings: Ratings, words: str, **asked: Any) -> xr.DataTree:
    """One fit, with what it took."""
    marks: dict[str, float] = {}
    start = time.perf_counter()

    def note(_share: float, doing: str) -> None:
        marks.setdefault(doing, time.perf_counter() - start)

    tree = fit(ratings, random_seed=1, progress=note, **asked)
    total = time.perf_counter() - start
    verdict = Verdict.from_json(str(tree.attrs["verdict"]))
    if verdict.points:
        print(
            f"{words}: {total:.1f} s, {verdict.chains * verdict.draws:,} independent draws, {verdict.points:,} points"
        )
    else:
        sampling = marks["drawing what was integrated out, and predictions"] - marks["sampling"]
        print(
            f"{words}: {total:.1f} s ({marks['sampling']:.1f} s to compile, {sampling:.1f} s to sample), smallest effective sample "
            f"{verdict.worst_ess:,.0f} ({verdict.worst_ess / sampling:,.0f} a second)"
        )
    print(f"  verdict {verdict.level}", *verdict.reasons)
    return tree


def apart(one: xr.DataTree, other: xr.DataTree) -> str:
    """How far two fits of the same ratings are apart, in a line."""
    first, second = (tree["posterior"]["quality"].stack(every=("chain", "draw")).to_numpy() for tree in (one, other))
    first, second = first - first[:1], second - second[:1]
    sd = first[1:].std(axis=1)
    means = np.abs(first[1:].mean(axis=1) - second[1:].mean(axis=1)) / sd
    spreads = np.abs(second[1:].std(axis=1) / sd - 1)
    return f"differences of variants: means apart by {means.max():.3f} SD at most, SDs by {100 * spreads.max():.1f} %"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2_083, help="items; 2,083 make 100,000 ratings")
    parser.add_argument("--no-nuts", action="store_true", help="leave out the sampler, which takes minutes")
    asked = parser.parse_args()
    timed(made_up(50, taste_sd=0.0), "to warm up", engine="fast", draws=100)
    calm = Priors(tastes=False)
    for words, taste_sd, priors in (("severity alone", 0.0, calm), ("tastes of persons, too", 0.1, Priors())):
        start = time.perf_counter()
        ratings = made_up(asked.items, taste_sd=taste_sd)
        print(f"\n{words}: {len(ratings.table):,} ratings, made and validated in {time.perf_counter() - start:.1f} s")
        quick = timed(ratings, "without a sampler", engine="fast", draws=1_000, priors=priors)
        if not asked.no_nuts:
            sampled = timed(ratings, "NUTS", engine="nuts", draws=500, tune=500, priors=priors)
            print(apart(sampled, quick))


if __name__ == "__main__":
    main()
