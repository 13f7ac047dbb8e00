"""Small symmetric matrices, compiled: their roots, and equations solved with these."""

from __future__ import annotations

import numpy as np

from expsim_bayes.votes.compiling import compiled

LEAST = 1e-12
"""What a precision is not below."""
SHARE = 0.1
"""Share of what slopes were to fall along a step from which that is learned from."""


@compiled
def cholesky(a, n):
    """The lower root of a matrix, in place; whether it is positive definite."""
    for j in range(n):
        total = a[j, j]
        for m in range(j):
            total -= a[j, m] * a[j, m]
        if not total > LEAST:
            return False
        root = np.sqrt(total)
        a[j, j] = root
        for i in range(j + 1, n):
            total = a[i, j]
            for m in range(j):
                total -= a[i, m] * a[j, m]
            a[i, j] = total / root
    return True


@compiled
def learned(a, n, step, fell):
    """A positive definite matrix changed so that slopes fall along a step as they did (Broyden 1970), unless that is far too little."""
    expected = np.zeros(n)
    wanted, along = 0.0, 0.0
    for i in range(n):
        for j in range(n):
            expected[i] += a[i, j] * step[j]
        wanted += step[i] * expected[i]
        along += step[i] * fell[i]
    if wanted > 0.0 and along > SHARE * wanted:
        for i in range(n):
            for j in range(n):
                a[i, j] += fell[i] * fell[j] / along - expected[i] * expected[j] / wanted


@compiled
def steadied(root, a, n):
    """The lower root of a matrix, with as much added along its diagonal as makes it positive definite; whether that was possible."""
    more = 0.0
    for _ in range(16):
        root[:] = a
        for j in range(n):
            root[j, j] += more
        if cholesky(root, n):
            return True
        more = 4.0 * more + 1.0
    return False


@compiled
def product(root, n):
    """The matrix that a lower root belongs to."""
    found = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            total = 0.0
            for m in range(j + 1):
                total += root[i, m] * root[j, m]
            found[i, j] = total
            found[j, i] = total
    return found


@compiled
def solve_root(a, n, b):
    """Solve with a lower root, then with its transpose, in place."""
    for i in range(n):
        total = b[i]
        for m in range(i):
            total -= a[i, m] * b[m]
        b[i] = total / a[i, i]
    for i in range(n - 1, -1, -1):
        total = b[i]
        for m in range(i + 1, n):
            total -= a[m, i] * b[m]
        b[i] = total / a[i, i]
