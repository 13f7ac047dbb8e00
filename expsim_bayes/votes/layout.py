"""Votes of one data set laid out for `whole`: counted, sorted by block, with the patterns of own effects that they hang on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from expsim_bayes.votes.whole import Votes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.intp]


class Row(NamedTuple):
    """Groups of votes that hang on the same effects, G of them."""

    effects: tuple[tuple[Ints, Ints], ...]
    """Pairs of (G,) effects, -1 for none, and the codes of their coefficients."""
    own: tuple[tuple[Ints, Ints], ...]
    """The same of own effects, which blocks do not share."""
    count: NDArray[np.intp]  # type: ignore[assignment]
    """(G, outcomes) votes."""


def laid_out(  # noqa: PLR0917
    kind: int,
    row: Row,
    role: Ints,
    centred: Ints,
    by_vote: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...] = (),
    scales: tuple[int, int, float] = (0, 0, 1.0),
    *,
    middle: float = 0.0,
    own_size: int | None = None,
) -> tuple[Votes, Ints]:
    """Votes, and where each own effect stands among those of all blocks.

    Parameters
    ----------
    kind : int
        `laws.STARS` or `laws.DUELS`.
    row : Row
        Groups.
    role, centred
        As in `Votes`.
    by_vote : pairs of (G, outcomes) arrays
        More effects, and the codes of their coefficients, which hang on how a vote ended.
    scales : tuple
        Cuts of a scale, evaluators, and the concentration of the prior of steps.
    middle : float
        As in `Votes`.
    own_size : int, optional
        How many own effects there are, those included that no vote hangs on; one past the last unless told.
    """
    group, vote = np.nonzero(row.count)
    pairs = [(at[group], code[group]) for at, code in row.effects] + [
        (at[group, vote], code[group, vote]) for at, code in by_vote
    ]
    effect, code = (np.stack([np.asarray(pair[n]) for pair in pairs], axis=1) for n in (0, 1))
    own, own_code = (np.stack([pair[n][group] for pair in row.own], axis=1) for n in (0, 1))
    size = int(own.max(initial=-1)) + 1 if own_size is None else own_size
    block = _blocks(own, size)
    first = np.argsort(effect < 0, axis=1, kind="stable")
    effect, code = (np.take_along_axis(values, first, axis=1) for values in (effect, code))
    key, pattern = np.unique(np.column_stack([block, own, own_code]), axis=0, return_inverse=True)
    order = np.lexsort((vote, pattern.ravel(), block))
    of_own = np.zeros(size, dtype=np.intp)
    of_own[own[own >= 0]] = np.repeat(block[:, None], own.shape[1], axis=1)[own >= 0]
    stands = np.empty(size, dtype=np.intp)
    stands[np.argsort(of_own, kind="stable")] = np.arange(size)
    blocks = int(block.max(initial=0)) + 1
    own_from = np.searchsorted(np.sort(of_own), np.arange(blocks + 1))
    width = own.shape[1]
    inside = key[:, 1 : 1 + width]
    inside = np.where(inside >= 0, stands[np.maximum(inside, 0)] - own_from[key[:, 0]][:, None], -1) if size else inside
    cuts, evaluators, shares = scales
    votes = (
        vote[order], row.count[group, vote][order], effect[order], code[order], centred, np.asarray(role), pattern.ravel()[order],
        np.searchsorted(block[order], np.arange(blocks + 1)), np.searchsorted(key[:, 0], np.arange(blocks + 1)), own_from, inside,
        key[:, 1 + width :],
    )  # fmt: skip
    plain: list[Any] = [
        np.array(values, dtype=np.float64 if n == 1 else np.int64, order="C") for n, values in enumerate(votes)
    ]
    return Votes(kind, int(cuts), int(evaluators), float(shares), float(middle), *plain), stands


def _blocks(own: Ints, size: int) -> Ints:
    """(N,) block of each row: rows that share own effects, by way of others or not; those that have none are one block."""
    rows = len(own)
    at, which = np.nonzero(own >= 0)
    graph = coo_array((np.ones(at.size), (at, rows + own[at, which])), shape=(rows + size, rows + size))
    found = connected_components(graph, directed=False)[1][:rows]
    found[(own < 0).all(axis=1)] = found.max(initial=0) + 1
    return np.unique(found, return_inverse=True)[1].ravel()
