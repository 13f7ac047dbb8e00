"""Cuts of scales, compiled: from coordinates that may be any numbers, and back; their prior."""

from __future__ import annotations

import numpy as np

from expsim_bayes.votes.compiling import compiled
from expsim_bayes.votes.laws import star


@compiled
def cuts_of(cuts, evaluators, stretch, x, y):
    """Cuts from their coordinates: the first cut, then the way from each to the next as log(1 + exp(coordinate))."""
    for k in range(evaluators if cuts else 0):
        plain = x[k * cuts]
        y[k * cuts] = stretch[k] * plain
        for j in range(1, cuts):
            plain += max(x[k * cuts + j], 0.0) + np.log1p(np.exp(-abs(x[k * cuts + j])))
            y[k * cuts + j] = stretch[k] * plain


@compiled
def cut_prior(cuts, evaluators, shares, stretch, cut, g, p):
    """Log prior density of cuts before they are turned to coordinates; slopes and minus curvatures are added to g and p.

    Shares of steps are differences of the logistic function at the cuts before they are stretched; their Dirichlet density is the
    product of its slopes there and of the shares to the power of the concentration less one.
    """
    value = 0.0
    for k in range(evaluators):
        at, f = k * cuts, stretch[k]
        for j in range(cuts):
            plain = cut[at + j] / f
            one = 1.0 / (1.0 + np.exp(-plain))
            value -= 2.0 * np.log1p(np.exp(-abs(plain))) + abs(plain)
            g[at + j] += (1.0 - 2.0 * one) / f
            p[at + j, at + j] += 2.0 * one * (1.0 - one) / (f * f)
        if shares != 1.0:
            w = shares - 1.0
            for step in range(cuts + 1):
                upper = cut[at + step] / f if step < cuts else 0.0
                lower = cut[at + step - 1] / f if step > 0 else 0.0
                v, g1, g2, h11, h12, h22 = star(step, cuts, np.exp(-upper), np.exp(lower))
                value += w * np.log(v)
                if step < cuts:
                    g[at + step] += w * g1 / f
                    p[at + step, at + step] += w * h11 / (f * f)
                if step > 0:
                    g[at + step - 1] += w * g2 / f
                    p[at + step - 1, at + step - 1] += w * h22 / (f * f)
                if 0 < step < cuts:
                    p[at + step, at + step - 1] += w * h12 / (f * f)
                    p[at + step - 1, at + step] += w * h12 / (f * f)
    return value


@compiled
def in_coordinates(cuts, evaluators, stretch, x, g, p, bend):
    """Slopes and minus curvatures along cuts turned to those along their coordinates; the logarithm of the turn's Jacobian.

    What the turn itself is bent by is left aside, as it may take away more than there is far from the mode.
    """
    n, value, size = evaluators * cuts, 0.0, x.size
    turn, slope = np.zeros((n, n)), g[:n].copy()
    for k in range(evaluators):
        at = k * cuts
        for j in range(cuts):
            turn[at + j, at] = stretch[k]
            for i in range(1, j + 1):
                turn[at + j, at + i] = stretch[k] / (1.0 + np.exp(-x[at + i]))
    moved = np.zeros((n, size))
    for i in range(n):
        g[i] = 0.0
        for j in range(i, (i // cuts + 1) * cuts):
            g[i] += turn[j, i] * slope[j]
            for u in range(size):
                moved[i, u] += turn[j, i] * p[j, u]
    for i in range(n):
        for u in range(n, size):
            p[i, u] = moved[i, u]
            p[u, i] = moved[i, u]
        for i2 in range(n):
            total = 0.0
            for j in range(i2, (i2 // cuts + 1) * cuts):
                total += moved[i, j] * turn[j, i2]
            p[i, i2] = total
    for k in range(evaluators):
        at = k * cuts
        for i in range(1, cuts):
            part = 1.0 / (1.0 + np.exp(-x[at + i]))
            value += min(x[at + i], 0.0) - np.log1p(np.exp(-abs(x[at + i])))
            g[at + i] += 1.0 - part
            p[at + i, at + i] += part * (1.0 - part)
            bend[at + i] = 0.0
            for j in range(i, cuts):
                bend[at + i] -= stretch[k] * part * (1.0 - part) * slope[at + j]
    return value


@compiled
def turned_back(cuts, evaluators, stretch, x, step, moved):
    """A step along coordinates as one along cuts."""
    moved[:] = step
    for k in range(evaluators if cuts else 0):
        total = stretch[k] * step[k * cuts]
        moved[k * cuts] = total
        for j in range(k * cuts + 1, (k + 1) * cuts):
            total += stretch[k] * step[j] / (1.0 + np.exp(-x[j]))
            moved[j] = total
