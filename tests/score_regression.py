"""The posterior of the qualities from a plain list of ratings: normal regression on the covariance of all scores, effect by effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from expsim_bayes.scenario import Scenario


class Row(NamedTuple):
    """One rating, by names."""

    variant: str
    item: str
    evaluator: str
    rater: str
    score: float


def quality_posterior(scenario: Scenario, rows: Sequence[Row]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of the qualities, in the order of the scenario's variants; one generation a variant and item."""
    low, high = scenario.score_range
    level_mean, level_sd = (low + high) / 2, 0.35 * (high - low)
    sd_variant = 0.1 * (high - low) if scenario.sd_variant is None else scenario.sd_variant
    people = [e.name for e in scenario.evaluators if e.kind == "human"]
    reference = people[0] if people else scenario.evaluators[0].name
    evaluators = {e.name: e for e in scenario.evaluators}
    output_sd = {v.name: v.output_sd for v in scenario.variants}

    def effects(row: Row) -> dict[tuple[str, ...], float]:
        """Every effect in a score, times its SD."""
        e = evaluators[row.evaluator]
        return {
            ("level", e.name): level_sd,
            ("variant", row.variant): e.scale_use * sd_variant,
            ("item", row.item): e.scale_use * scenario.items.sd,
            ("interaction", row.item, row.variant): e.scale_use * scenario.items.interaction_sd,
            ("output", row.item, row.variant): e.scale_use * output_sd[row.variant],
            ("severity", e.name, row.rater): e.severity_sd,
            ("shift", e.name, row.variant): e.shift_sd,
            ("taste", e.name, row.rater, row.variant): e.taste_sd,
            ("opinion", e.name, row.rater, row.item, row.variant): e.opinion_sd,
        }

    asked: list[dict[tuple[str, ...], float]] = [
        {("level", reference): level_sd, ("variant", v.name): sd_variant} for v in scenario.variants
    ]
    known = [effects(row) for row in rows]
    index: dict[tuple[str, ...], int] = {}
    for loadings in (*asked, *known):
        for key in loadings:
            index.setdefault(key, len(index))

    def matrix(table: list[dict[tuple[str, ...], float]]) -> NDArray[np.float64]:
        filled = np.zeros((len(table), len(index)))
        for r, loadings in enumerate(table):
            for key, loading in loadings.items():
                filled[r, index[key]] = loading
        return filled

    of_asked, of_known = matrix(asked), matrix(known)
    noise = np.array([evaluators[row.evaluator].noise_sd ** 2 for row in rows])
    score = np.array([row.score for row in rows])
    gain = np.linalg.solve(of_known @ of_known.T + np.diag(noise), of_known @ of_asked.T).T
    cov = of_asked @ of_asked.T - gain @ of_known @ of_asked.T
    return level_mean + gain @ (score - level_mean), cov
