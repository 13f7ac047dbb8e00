"""Laws of a vote, compiled: its probability between two edges, the slopes of its logarithm and minus its curvatures along them."""

from __future__ import annotations

import numpy as np

from expsim_bayes.votes.compiling import compiled

STARS, DUELS, RANKINGS = 0, 1, 2
"""Kinds of votes; the law of rankings is in `places`."""
FARTHEST = 60.0
"""Logits beyond which a vote is as good as certain."""
LEAST = 1e-12
"""Share of the way between two edges that is not told from nothing."""


@compiled
def bounded(x):
    """An edge within what exponentials can bear."""
    return min(max(x, -FARTHEST), FARTHEST)


@compiled
def star(step, cuts, above, below):
    """Probability of a step between two edges, its log's slopes and minus its curvatures, from exp(-upper) and exp(lower)."""
    p, q = 1.0 / (1.0 + above), 1.0 / (1.0 + below)
    if step == 0:
        return p, 1.0 - p, 0.0, p * (1.0 - p), 0.0, 0.0
    if step == cuts:
        return q, 0.0, q - 1.0, 0.0, 0.0, q * (1.0 - q)
    together = min(above * below, 1.0 - LEAST)
    r = together / (1.0 - together)
    both = r * (1.0 + r)
    return p * q * (1.0 - together), 1.0 - p + r, q - 1.0 - r, p * (1.0 - p) + both, -both, q * (1.0 - q) + both


@compiled
def duel(outcome, first, tied):
    """Probability of an outcome, its log's slopes and minus its curvatures, from Davidson's weights of the first and of a tie."""
    second = 1.0 / first
    whole = 1.0 / (first + tied + second)
    p, t, s = first * whole, tied * whole, second * whole
    lead = p - s
    bent, cross, own = 0.25 * (p + s - lead * lead), -0.5 * t * lead, t * (1.0 - t)
    if outcome == 0:
        return p, 0.5 - 0.5 * lead, -t, bent, cross, own
    if outcome == 2:
        return s, -0.5 - 0.5 * lead, -t, bent, cross, own
    return t, -0.5 * lead, 1.0 - t, bent, cross, own


@compiled
def weights(kind, e1, e2):
    """What the law of a vote is told from: exponentials of both edges."""
    if kind == STARS:
        return np.exp(-bounded(e1)), np.exp(bounded(e2))
    return np.exp(0.5 * bounded(e1)), np.exp(bounded(e2))


@compiled
def law(kind, cuts, vote, one, two):
    """Probability of a vote, its log's slopes and minus its curvatures along both edges."""
    if kind == STARS:
        return star(vote, cuts, one, two)
    return duel(vote, one, two)
