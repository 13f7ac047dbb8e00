"""Truths of outputs and effects of items, drawn from their conditionals: what the binary model's sampler leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.models._verdicts import Verdicts

    Floats = NDArray[np.float64]

GRID = np.linspace(-6.0, 6.0, 61)
"""Multiples of its SD among which an item's effect is drawn from its conditional; between them it is spread evenly."""


class Drawn(NamedTuple):
    """One draw of what was left out."""

    item: Floats
    """(item,) effects of items as multiples of their SD; of no length where they were sampled or there are none."""
    truth: NDArray[np.int64]
    """(output,) 0 or 1."""


def draw_truths(  # noqa: PLR0917
    seen: Verdicts,
    logit: Floats,
    sd_item: float | None,
    sensitivity: Floats,
    specificity: Floats,
    rng: np.random.Generator,
) -> Drawn:
    """Effects of items and truths given everything else.

    Parameters
    ----------
    seen : Verdicts
        What was said.
    logit : (output,) array
        Logits of the truth, without the effects of items that were integrated out.
    sd_item : float, optional
        SD of those effects; None where there are none.
    sensitivity, specificity : (cell,) array
        In logits.
    rng : Generator
        Randomness.
    """
    evidence = log_odds(seen, sensitivity, specificity)
    multiples = np.zeros(0)
    if sd_item is not None:
        multiples = _draw_items(seen, logit, sd_item, evidence, rng)
        logit = logit + sd_item * multiples[seen.data.output_item]
    prob = 1.0 / (1.0 + np.exp(-np.clip(logit + evidence, -700.0, 700.0)))
    return Drawn(multiples, (rng.random(prob.size) < prob).astype(np.int64))


def log_odds(seen: Verdicts, sensitivity: Floats, specificity: Floats) -> Floats:
    """(output,) log of how much likelier the verdicts on an output are if its truth is 1; +-inf where a gold label says so."""
    own = seen.evaluator != seen.gold
    cell, ones, zeros = seen.cell[own], seen.ones[own], (seen.asked - seen.ones)[own]
    one = np.logaddexp(0.0, specificity) - np.logaddexp(0.0, -sensitivity)
    zero = np.logaddexp(0.0, -specificity) - np.logaddexp(0.0, sensitivity)
    odds = np.zeros(len(seen.data.outputs))
    np.add.at(odds, seen.output[own], ones * one[cell] + zeros * zero[cell])
    known = seen.label >= 0
    odds[known] = np.where(seen.ones[seen.label[known]] > 0, np.inf, -np.inf)
    return odds


def _draw_items(seen: Verdicts, logit: Floats, sd: float, evidence: Floats, rng: np.random.Generator) -> Floats:
    """(item,) multiples of the SD."""
    rate = logit[:, None] + sd * GRID
    known = np.isinf(evidence)[:, None]
    sign = np.where(evidence > 0, 1.0, -1.0)[:, None]
    finite = np.where(np.isinf(evidence), 0.0, evidence)[:, None]
    each = np.where(known, -np.logaddexp(0.0, -sign * rate), np.logaddexp(0.0, rate + finite) - np.logaddexp(0.0, rate))
    log = np.tile(-0.5 * GRID**2, (len(seen.data.items), 1))
    np.add.at(log, seen.data.output_item, each)
    prob = np.exp(log - log.max(axis=1, keepdims=True))
    below = np.cumsum(prob, axis=1)
    at = (below < rng.random(len(below))[:, None] * below[:, -1:]).sum(axis=1)
    return np.asarray(GRID[at] + (GRID[1] - GRID[0]) * (rng.random(at.size) - 0.5))
