"""Which variants can be compared: those that a chain of shared items, raters or comparisons links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from expsim_bayes.ratings.coding import Codes


def linked(one: Codes, other: Codes, variants: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Groups of variants that are linked, the first variant's group first; a variant that took no part is in none.

    Parameters
    ----------
    one, other : (edge,) arrays of int
        Codes of the two variants of each link.
    variants : tuple of str
        Their names.

    Examples
    --------
    >>> linked(np.array([0, 2]), np.array([1, 3]), ("A", "B", "C", "D"))
    (('A', 'B'), ('C', 'D'))
    """
    n = len(variants)
    graph = coo_array((np.ones(one.size), (one, other)), shape=(n, n))
    label = np.asarray(connected_components(graph, directed=False)[1])
    took_part = np.isin(np.arange(n), np.concatenate([one, other]))
    groups = [np.flatnonzero((label == group) & took_part) for group in dict.fromkeys(label.tolist())]
    return tuple(tuple(variants[v] for v in group) for group in groups if group.size)
