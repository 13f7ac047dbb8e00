"""Votes of one look as rows, looks added up, and some of the replications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from expsim_bayes.votes.modes import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.intp]


SMALL = 1e-3
"""What a unit of an effect stands for at least; logits."""
MOST, OFTEN = 3_000, 8
"""Different items up to which they are counted rather than kept one by one, and how often each must be there on average."""


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


def in_places(found: NDArray[np.float64], *parts: tuple[Ints, NDArray[np.float64]]) -> NDArray[np.float64]:
    """(S, n) sizes of effects, those of some places replaced, where there are such effects; none below `SMALL`.

    Parameters
    ----------
    found : (S, n) array
        Sizes of all effects.
    *parts : pairs of arrays
        Places as `numbered` gives them, and sizes, (S, *shape of the places).
    """
    for places, sizes in parts:
        found[:, places[places >= 0]] = np.maximum(sizes[:, places >= 0], SMALL)
    return found


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
    return Rows(
        vote,
        np.take_along_axis(effect, order, axis=2).astype(np.int16),
        np.take_along_axis(code, order, axis=2).astype(np.int16),
        own.astype(np.int32),
        own_code.astype(np.int16),
        np.searchsorted(item, np.arange(n_items + 1)).astype(np.int64),
        per_item * np.arange(n_items + 1, dtype=np.int64),
        np.ones((1, n_items), dtype=np.float32),
    )


def nothing() -> Rows:
    """No votes yet."""
    none, few = np.zeros((0, 2)), np.zeros(2, dtype=np.int64)
    effect = np.zeros((1, 0, 1), dtype=np.int16)
    return Rows(
        np.zeros((1, 0), dtype=np.int8),
        effect,
        effect,
        none.astype(np.int32),
        none.astype(np.int16),
        few,
        few,
        np.ones((1, 1), np.float32),
    )


def added(before: Rows | None, look: Rows) -> Rows:
    """The rows of all looks so far; where items are counted, those that are alike in both are counted together."""
    if before is None:
        return look
    if len(before.vote) == 1 and len(look.vote) == 1 and len(look.weight) > 1:
        look, before = _together(before, look)
    votes, own = before.votes_from[-1], before.own_from[-1]
    return Rows(
        np.concatenate([before.vote, look.vote], axis=1),
        np.concatenate([before.effect, look.effect], axis=1),
        np.concatenate([before.code, look.code], axis=1),
        np.concatenate([before.own, np.where(look.own >= 0, look.own + own, -1)]).astype(np.int32),
        np.concatenate([before.own_code, look.own_code]),
        np.concatenate([before.votes_from, look.votes_from[1:] + votes]),
        np.concatenate([before.own_from, look.own_from[1:] + own]),
        np.concatenate([before.weight, look.weight], axis=1),
    )


def _together(before: Rows, look: Rows) -> tuple[Rows, Rows]:
    """Items of a look that were not there before, and what was before with the others counted in."""
    there = {part.tobytes(): n for n, part in enumerate(_parts(before))}
    parts = _parts(look)
    at = np.array([there.get(part.tobytes(), -1) for part in parts])
    weight = before.weight.copy()
    weight[:, at[at >= 0]] += look.weight[:, at >= 0]
    new = np.flatnonzero(at < 0)
    per_item = int(look.own_from[1])
    rest = _of_parts([parts[n] for n in new], look.weight[:, new], look.effect.shape[2], per_item)
    return rest, before._replace(weight=weight)


def _parts(rows: Rows) -> list[NDArray[np.int16]]:
    """Items that are counted, each (votes, columns): the vote, effects, their codes, the item's own effects, their codes."""
    first = np.repeat(rows.own_from[:-1], np.diff(rows.votes_from))[:, None]
    own = np.where(rows.own >= 0, rows.own - first, -1)
    columns = np.concatenate([rows.vote[0][:, None], rows.effect[0], rows.code[0], own, rows.own_code], axis=1).astype(
        np.int16
    )
    return np.split(columns, rows.votes_from[1:-1])


def counted(look: Rows, *, anyway: bool = False) -> Rows:
    """Items of one look that are alike, in one replication or in several, as one with a count; as they are where many differ.

    Items are alike where the same votes hang on the same effects. What is left is shared by all replications but for the counts.
    """
    replications = len(look.vote)
    size = np.diff(look.votes_from)
    per_item = int(look.own_from[1]) if size.size else 0
    shared = [np.broadcast_to(values, (replications, *values.shape[1:])) for values in (look.effect, look.code)]
    parts: list[NDArray[np.int16]] = []
    weights: list[NDArray[np.intp]] = []
    for n in np.unique(size):
        some = np.flatnonzero(size == n)
        votes = (look.votes_from[some][:, None] + np.arange(n)).ravel()
        shape = (replications * some.size, n)
        own = np.where(look.own[votes] >= 0, look.own[votes] - np.repeat(look.own_from[some], n)[:, None], -1)
        fixed = [np.broadcast_to(values, (replications, *values.shape)) for values in (own, look.own_code[votes])]
        columns: list[NDArray[Any]] = [look.vote[:, votes, None], *(values[:, votes] for values in shared), *fixed]
        key = np.concatenate([values.astype(np.int16).reshape(*shape, -1) for values in columns], axis=2)
        alike, first, which = np.unique(
            np.ascontiguousarray(key.reshape(len(key), -1)).view(f"V{2 * key[0].size}").ravel(),
            return_index=True,
            return_inverse=True,
        )
        if not anyway and len(parts) + alike.size > min(MOST, replications * size.size / OFTEN):
            return look
        parts.extend(key[first])
        at = which.reshape(replications, some.size) + alike.size * np.arange(replications)[:, None]
        weights.append(np.bincount(at.ravel(), minlength=replications * alike.size).reshape(replications, -1))
    return _of_parts(parts, np.concatenate(weights, axis=1), look.effect.shape[2], per_item)


def _of_parts(parts: list[NDArray[np.int16]], weight: NDArray[np.generic], most: int, per_item: int) -> Rows:
    """Rows of items, each (votes, columns) as `counted` lays them out, with their counts."""
    size = np.array([len(part) for part in parts], dtype=np.int64)
    columns = np.concatenate([np.zeros((0, 5 + 2 * most), dtype=np.int16), *parts])
    item = np.repeat(np.arange(size.size), size)[:, None]
    own = columns[:, 1 + 2 * most : 3 + 2 * most].astype(np.int32)
    effect, code, own_code = (  # as they lie in memory where items are kept one by one: else all is compiled again
        np.ascontiguousarray(columns[:, some])
        for some in (slice(1, 1 + most), slice(1 + most, 1 + 2 * most), slice(3 + 2 * most, None))
    )
    return Rows(
        columns[None, :, 0].astype(np.int8),
        effect[None],
        code[None],
        np.where(own >= 0, own + per_item * item, -1).astype(np.int32),
        own_code,
        np.concatenate([[0], np.cumsum(size)]).astype(np.int64),
        per_item * np.arange(size.size + 1, dtype=np.int64),
        weight.astype(np.float32),
    )


def of(rows: Rows, kept: NDArray[np.bool_] | Ints, replications: int) -> Rows:
    """Of some of the replications; what all share stays."""

    def some[T: np.generic](values: NDArray[T]) -> NDArray[T]:
        return values[kept] if len(values) == replications else values

    return rows._replace(vote=some(rows.vote), effect=some(rows.effect), code=some(rows.code), weight=some(rows.weight))
