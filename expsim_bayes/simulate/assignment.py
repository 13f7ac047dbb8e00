"""Which variant answers which item of a look: evenly by fixed weights, or by a policy from what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.allocation import Fixed, choose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.scenario import Scenario, StrategyName
    from expsim_bayes.simulate.scores import Plan
    from expsim_bayes.simulate.streams import Streams

_GOLDEN = (5.0**0.5 - 1.0) / 2.0


class Guide(NamedTuple):
    """What a policy goes by."""

    prob_best: NDArray[np.float64]
    """(replication, variant) chance of being best."""
    eligible: NDArray[np.bool_] | None
    """(replication, variant) variants that were not dropped; None where none can be."""


def balanced(weights: NDArray[np.float64], n_items: int, first_item: int = 0) -> NDArray[np.intp]:
    """(item,) variants of a split design with fixed weights, as even as whole numbers allow at every moment.

    The order is that in which the divisor method of Sainte-Lague hands out seats.

    Examples
    --------
    >>> balanced(np.array([0.5, 0.5]), 4)
    array([0, 1, 0, 1])
    >>> np.bincount(balanced(np.array([0.2, 0.8]), 10, first_item=30))
    array([2, 8])
    """
    share = weights / weights.sum()
    last = first_item + n_items
    seats = np.where(share > 0, np.ceil(last * share).astype(int) + 1, 0)
    variant = np.repeat(np.arange(share.size, dtype=np.intp), seats)
    turn = np.concatenate([np.arange(n) for n in seats]) + 0.5
    return variant[np.argsort(turn / share[variant], kind="stable")][first_item:last]


def pairs(n_variants: int, n_items: int, first_item: int = 0) -> NDArray[np.intp]:
    """(item, 2) variants of items on which two are compared: all pairs in turn, as even as whole numbers allow at every moment.

    Raters and the overlap go by turns, so pairs must not: each round of all pairs begins elsewhere, by the golden ratio.

    Examples
    --------
    >>> pairs(2, 2).tolist()
    [[0, 1], [0, 1]]
    >>> pairs(3, 6, first_item=3).tolist()
    [[0, 1], [0, 2], [1, 2], [1, 2], [0, 1], [0, 2]]
    """
    every = np.stack(np.triu_indices(n_variants, 1), axis=1)
    every = every[
        np.lexsort((every[:, 0], every.sum(axis=1) % n_variants))
    ]  # those that share no variant, one after the other
    item = first_item + np.arange(n_items)
    begins = np.floor(item // len(every) * _GOLDEN % 1.0 * len(every)).astype(np.intp)
    return np.asarray(every[(item + begins) % len(every)], dtype=np.intp)


def assign(
    scenario: Scenario,
    strategy: StrategyName,
    layout_of_look: Plan,
    prob_best: NDArray[np.float64],
    streams: Streams,
    *,
    look: int,
    eligible: NDArray[np.bool_] | None = None,
    older: Guide | None = None,
) -> NDArray[np.intp]:
    """(replication or 1, item, slot) which variants answer the items of a look.

    Parameters
    ----------
    scenario, strategy, layout_of_look, streams, look
        The experiment, how it is run, who rates what, random numbers, and the number of the look from 0.
    prob_best : numpy.ndarray
        (replication, variant) chance of being best before this look.
    eligible : numpy.ndarray, optional
        (replication, variant) variants that were not dropped; all unless told.
    older : Guide, optional
        What was known a look earlier, where outputs of this look were already under way then; the first `pending_outputs`
        are shared out by it.
    """
    policy = scenario.strategies[strategy].allocation
    n_variants, n_items, n_slots = len(scenario.variants), layout_of_look.n_items, layout_of_look.n_slots
    if isinstance(policy, Fixed):
        if scenario.outcome == "preference":
            return pairs(n_variants, n_items, layout_of_look.first_item)[None]
        if n_slots > 1:
            return np.broadcast_to(np.arange(n_variants, dtype=np.intp), (1, n_items, n_slots))
        weights = policy.weights or scenario.traffic or {}
        shares = np.array([weights.get(name, 0.0 if weights else 1.0) for name in scenario.variant_names])
        quota = np.sort(balanced(shares, n_items, layout_of_look.first_item))
        # Raters and the overlap go by turns, so variants must not: the golden ratio spreads each of them over all turns.
        place = (layout_of_look.first_item + np.arange(n_items)) * _GOLDEN % 1.0
        return quota[place.argsort().argsort()][None, :, None]
    uniforms = streams.uniforms("allocation", look, (n_items, n_variants))
    chosen = choose(policy.probabilities(prob_best, look + 1, eligible=eligible), uniforms, size=n_slots)
    if older is not None:
        first = items_under_way(scenario, layout_of_look)
        earlier = policy.probabilities(older.prob_best, look, eligible=older.eligible)
        chosen[:, :first] = choose(earlier, uniforms[:, :first], size=n_slots)
    return chosen


def items_under_way(scenario: Scenario, layout_of_look: Plan) -> int:
    """How many items of a look have their outputs under way at the look before."""
    return min(scenario.pending_outputs // layout_of_look.n_slots, layout_of_look.n_items)
