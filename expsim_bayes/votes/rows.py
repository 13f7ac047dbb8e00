"""Votes of one look as rows, looks added up, and some of the replications."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.votes.modes import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.intp]


def numbered(first: int, *has: NDArray[np.bool_]) -> tuple[list[Ints], int]:
    """Places of effects, one after another from the first; -1 where there is none. And one past the last.

    Examples
    --------
    >>> numbered(4, np.array([True, False]), np.array([[True], [True]]))
    ([array([ 4, -1]), array([[5],
           [6]])], 7)
    """
    places = []
    for flags in has:
        own = np.where(flags, first - 1 + np.cumsum(flags).reshape(flags.shape), -1)
        places.append(own.astype(np.intp))
        first += int(flags.sum())
    return places, first


def packed(  # noqa: PLR0917
    vote: NDArray[np.int8], effect: Ints, code: Ints, own: Ints, own_code: Ints, item: Ints, n_items: int, per_item: int
) -> Rows:
    """Rows of one look, the effects of each vote moved to the front.

    Parameters
    ----------
    vote, effect, code, own, own_code
        As in `Rows`, with absent effects anywhere.
    item : (N,) array of int
        Item of each vote within the look, ascending.
    n_items : int
        Items of the look.
    per_item : int
        Effects that an item has.
    """
    order = np.argsort(effect < 0, axis=2, kind="stable")
    most = int((effect >= 0).sum(axis=2).max())
    return Rows(
        vote,
        np.take_along_axis(effect, order, axis=2)[:, :, :most].astype(np.int16),
        np.take_along_axis(code, order, axis=2)[:, :, :most].astype(np.int16),
        own.astype(np.int32),
        own_code.astype(np.int16),
        np.searchsorted(item, np.arange(n_items + 1)).astype(np.int64),
        per_item * np.arange(n_items + 1, dtype=np.int64),
    )


def added(before: Rows | None, look: Rows) -> Rows:
    """The rows of all looks so far."""
    if before is None:
        return look
    votes, own = before.votes_from[-1], before.own_from[-1]
    most = max(before.effect.shape[2], look.effect.shape[2])
    wide = [[(0, 0), (0, 0), (0, most - rows.effect.shape[2])] for rows in (before, look)]
    return Rows(
        np.concatenate([before.vote, look.vote], axis=1),
        np.concatenate(
            [np.pad(rows.effect, pad, constant_values=-1) for rows, pad in zip((before, look), wide, strict=True)],
            axis=1,
        ),
        np.concatenate([np.pad(rows.code, pad) for rows, pad in zip((before, look), wide, strict=True)], axis=1),
        np.concatenate([before.own, np.where(look.own >= 0, look.own + own, -1)]).astype(np.int32),
        np.concatenate([before.own_code, look.own_code]),
        np.concatenate([before.votes_from, look.votes_from[1:] + votes]),
        np.concatenate([before.own_from, look.own_from[1:] + own]),
    )


def of(rows: Rows, kept: NDArray[np.bool_] | Ints) -> Rows:
    """Of some of the replications; what all share stays."""

    def some[T: np.generic](values: NDArray[T]) -> NDArray[T]:
        return values if len(values) < len(rows.vote) else values[kept]

    return rows._replace(vote=rows.vote[kept], effect=some(rows.effect), code=some(rows.code))
