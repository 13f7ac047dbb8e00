"""Exponentials of many numbers at once, compiled: several are one instruction, where the mathematical library tells one at a time."""

from __future__ import annotations

import numpy as np

from expsim_bayes.votes.compiling import compiled
from expsim_bayes.votes.laws import bounded

PER_LOG2, LOG2, REST = 1.4426950408889634, 0.693145751953125, 1.42860682030941723e-6
"""1 / log 2; log 2 in so few digits that small multiples are exact, and the rest of it."""
ROUNDING = 1.5 * 2.0**52
"""What, added to a number, leaves its nearest integer as the last digits."""
DIGITS, BIAS = 52, 1023
"""Binary digits of a number, and the power of 2 that is written as 0."""


@compiled
def exponentials(x, found):
    """Exponentials of numbers, bounded as edges are, to 14 digits; `x` is used up."""
    whole = np.empty(x.size)
    for d in range(x.size):
        at = bounded(x[d])
        whole[d] = at * PER_LOG2 + ROUNDING
        times = whole[d] - ROUNDING
        r = at - times * LOG2 - times * REST
        total = 1.0 + r / 12.0
        total = 1.0 + r * total * (1.0 / 11.0)
        total = 1.0 + r * total * (1.0 / 10.0)
        total = 1.0 + r * total * (1.0 / 9.0)
        total = 1.0 + r * total * (1.0 / 8.0)
        total = 1.0 + r * total * (1.0 / 7.0)
        total = 1.0 + r * total * (1.0 / 6.0)
        total = 1.0 + r * total * (1.0 / 5.0)
        total = 1.0 + r * total * (1.0 / 4.0)
        total = 1.0 + r * total * (1.0 / 3.0)
        total = 1.0 + r * total * (1.0 / 2.0)
        found[d] = 1.0 + r * total
    power = whole.view(np.int64)
    for d in range(x.size):
        power[d] = (power[d] + BIAS) << DIGITS
    for d in range(x.size):
        found[d] *= whole[d]
