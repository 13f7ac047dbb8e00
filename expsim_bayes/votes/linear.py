"""Small symmetric matrices, compiled: their roots, and equations solved with these."""

from __future__ import annotations

import numpy as np

from expsim_bayes.votes.compiling import compiled

LEAST = 1e-12
"""What a precision is not below."""


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
