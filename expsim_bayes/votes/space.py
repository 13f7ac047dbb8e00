"""What compiled loops over items are given: the votes of one replication, and work space."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.votes.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

NODES = np.polynomial.hermite_e.hermegauss(7)[0]
"""Points over an effect that is integrated out."""


class Voted(NamedTuple):
    """N votes of one replication, and what they hang on; as `modes.Rows` has them for several."""

    vote: NDArray[np.int8]
    """(N,)"""
    effect: NDArray[np.int16]
    """(N, M)"""
    code: NDArray[np.int16]
    """(N, M)"""
    own: NDArray[np.int32]
    """(N, 2)"""
    own_code: NDArray[np.int16]
    """(N, 2)"""


class Space(NamedTuple):
    """Work space for I items whose votes hang on U effects at most, beside n effects and W of their own at most."""

    touched: Ints
    """(I, U) effects that the votes of each item hang on."""
    counts: Ints
    """(I,) how many of them there are."""
    place: Ints
    """(n,) places of effects among those touched by the item at hand; -1 for the others."""
    pull: Floats
    """(I, W) slopes along the item's own effects."""
    root: Floats
    """(I, W, W) minus curvatures along them, and then their Cholesky root."""
    cross: Floats
    """(I, W, U) minus curvatures between them and those touched."""
    gt: Floats
    """(U,) slopes along effects touched by the item at hand."""
    pt: Floats
    """(U, U) minus curvatures along them."""
    local: Floats
    """(votes of an item, 3, M) place and both coefficients of each effect of a vote."""
    seen: Floats
    """(votes of an item, 1 + points, 5) edges of a vote, and its law at each point over an effect that is integrated out."""
    pulls: Floats
    """(points, 1 + U) log probability and slopes at each point."""


@compiled
def space_for(votes_from, own_from, most, n, items):
    """Work space for the first `items` items, of votes that hang on `most` effects at most."""
    own, longest = 1, np.max(votes_from[1:] - votes_from[:-1])
    for i in range(items):
        own = max(own, own_from[i + 1] - own_from[i])
    widest, points = min(n, 1 + max(1, most) * longest), NODES.size
    return Space(
        np.zeros((items, widest), np.int64),
        np.zeros(votes_from.size - 1, np.int64),
        np.full(n, -1, np.int64),
        np.zeros((items, own)),
        np.zeros((items, own, own)),
        np.zeros((items, own, widest)),
        np.zeros(widest),
        np.zeros((widest, widest)),
        np.zeros((longest, 3, most)),
        np.zeros((longest, points + 1, 5)),
        np.zeros((points, 1 + widest)),
    )
