"""Comparisons that nothing tells apart added up to counts, and which terms of the story they can tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.ratings import CodedComparisons, code_comparisons
from expsim_bayes.ratings.contract import SIDES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

MIN_REPLICATES = 3
"""Comparisons beyond those that an item's variants need to be in one order, without which an item's own order is noise."""
MIN_SHARED = 3
"""Things that an evaluator and the reference must both have compared before its scale use can be told."""
MIN_A_RATER = 5.0
"""Mean comparisons a rater, without which his position bias and his readiness for ties are noise."""
MIN_FOR_RELIABILITY = 20.0
"""Mean comparisons a rater, without which his reliability is that of his pool."""
FEWEST_RELIABLE = 3
"""Raters of a pool between whom an SD of reliability can be told."""


class Present(NamedTuple):
    """Terms of one fit; K evaluators."""

    reference: int
    """Evaluator on whose scale quality stands."""
    interaction: bool
    """g: a variant suits some items better."""
    shift: NDArray[np.bool_]
    """(K,) d: the evaluator has a taste for variants."""
    scale_use: NDArray[np.bool_]
    """(K,) how strongly the evaluator answers to what the reference sees is estimated, else 1."""
    rater: NDArray[np.bool_]
    """(K,) the evaluator's raters differ in position bias and in readiness for ties."""
    reliability: NDArray[np.bool_]
    """(K,) the evaluator's raters differ in reliability."""


class Duels(NamedTuple):
    """Comparisons added up: G groups of comparisons that share everything the model looks at."""

    data: CodedComparisons
    """The comparisons one by one."""
    present: Present
    """What they can tell apart."""
    count: NDArray[np.intp]  # type: ignore[assignment]
    """(G, side) comparisons of each group that ended left, tie and right."""
    evaluator: NDArray[np.intp]
    """(G,)"""
    rater: NDArray[np.intp]
    """(G,) rater; the first of the evaluator where its raters are not told apart."""
    left: NDArray[np.intp]
    """(G,) variant on the left."""
    right: NDArray[np.intp]
    """(G,) variant on the right."""
    cell_left: NDArray[np.intp]
    """(G,) item x variant on the left; 0 where items are not looked at."""
    cell_right: NDArray[np.intp]
    """(G,) item x variant on the right; 0 where items are not looked at."""
    cells: tuple[str, ...]
    """Names of the item x variant cells; empty where they are not looked at."""
    matter: NDArray[np.intp]
    """(G,) what is compared, by whomever and in whichever order: a pair of variants, of one item where items are looked at."""
    control: int
    """Variant that the others are compared with; -1 where there is none."""
    sentences: tuple[str, ...]
    """What was merged or left out, and how far comparisons could be added up."""


def duels(ratings: Ratings, *, items: bool = True, raters: bool = True, reliability: bool = True) -> Duels:
    """Comparisons added up as far as nothing is lost.

    Parameters
    ----------
    ratings : Ratings
        Validated comparisons.
    items, raters, reliability : bool
        False leaves a variant's fit to an item, differences between the raters of a pool, or those in reliability out of the story.
    """
    data = code_comparisons(ratings)
    present, said = _present(data, items=items, raters=raters, reliability=reliability)
    n = len(data.variants)
    first = np.array([np.flatnonzero(data.rater_evaluator == k)[0] for k in range(len(data.evaluators))])
    told_apart = (present.rater | present.reliability)[data.evaluator]
    columns = np.stack([
        data.evaluator,
        np.where(told_apart, data.rater, first[data.evaluator]),
        data.left,
        data.right,
        data.item if present.interaction else np.zeros_like(data.item),
    ])  # fmt: skip
    groups, group = np.unique(columns, axis=1, return_inverse=True)
    count = np.zeros((groups.shape[1], len(SIDES)))
    np.add.at(count, (group.ravel(), data.outcome), data.weight)
    evaluator, rater, left, right, item = groups
    cells, cell = np.unique(np.concatenate([item * n + left, item * n + right]), return_inverse=True)
    pair = (item * n + np.minimum(left, right)) * n + np.maximum(left, right)
    total = int(data.weight.sum())
    if groups.shape[1] < 0.9 * total:
        said.append(
            f"{total:,} comparisons were added up to {groups.shape[1]:,} groups that share everything the model looks at."
        )
    own = cell.ravel() if present.interaction else np.zeros(2 * left.size, dtype=np.intp)
    return Duels(
        data=data,
        present=present,
        count=count.astype(np.intp),
        evaluator=evaluator,
        rater=rater,
        left=left,
        right=right,
        cell_left=own[: left.size],
        cell_right=own[left.size :],
        cells=tuple(f"{data.items[c // n]} | {data.variants[c % n]}" for c in cells) if present.interaction else (),
        matter=np.unique(pair, return_inverse=True)[1].ravel().astype(np.intp),
        control=-1 if ratings.control is None else data.variants.index(ratings.control),
        sentences=tuple(said),
    )


def _present(data: CodedComparisons, *, items: bool, raters: bool, reliability: bool) -> tuple[Present, list[str]]:
    """Terms that the comparisons can tell apart, and what to say of the others."""
    reference, shift, said = _reference(data)
    interaction, words = _interaction(data, wanted=items)
    scale_use, more = _scale_use(data, reference, by_item=interaction)
    differ, reliable, last = _raters(data, raters=raters, reliability=reliability)
    return Present(reference, interaction, shift, scale_use, differ, reliable), [*said, *words, *more, *last]


def _reference(data: CodedComparisons) -> tuple[int, NDArray[np.bool_], list[str]]:
    """Evaluator whose view defines quality, who has a shift, and what to say about it."""
    shift = np.array([kind != "human" and k != data.reference for k, kind in enumerate(data.kinds)])
    if data.reference >= 0:
        name = data.evaluators[data.reference]
        said = [
            f"The reference is {name}: its verdicts define quality, and what it likes about a variant counts as quality."
        ]
        return data.reference, shift, said if shift.any() else []
    reference = int(np.argmax(np.bincount(data.evaluator, data.weight, len(data.evaluators))))
    sentence = (
        f"No person compared anything: quality stands on the verdicts of {data.evaluators[reference]}, and the uncertainty of its "
        "taste for variants, which no number of its own comparisons can reduce, stays in every quality."
    )
    return reference, shift, [sentence]


def _interaction(data: CodedComparisons, *, wanted: bool) -> tuple[bool, list[str]]:
    """Whether a variant's fit to an item can be told from noise, and what to say."""
    if not wanted:
        return False, ["A variant's fit to an item was left out, as asked: items count as alike."]
    if len(data.items) == 1:
        return False, [
            "Items are not told apart: quality is about items like those that were compared, taken together."
        ]
    n = len(data.variants)
    cells = np.unique(np.concatenate([data.item * n + data.left, data.item * n + data.right]))
    spare = data.weight.sum() - (cells.size - len(data.items))
    if spare < MIN_REPLICATES:
        sentence = (
            "A variant's fit to an item is part of the noise of a comparison: no item was compared more often than its variants "
            "need to be put in one order."
        )
        return False, [sentence]
    return True, []


def _scale_use(data: CodedComparisons, reference: int, *, by_item: bool) -> tuple[NDArray[np.bool_], list[str]]:
    """Whose scale use can be estimated, and what to say."""
    n = len(data.variants)
    item = data.item if by_item else np.zeros_like(data.item)
    pair = (item * n + np.minimum(data.left, data.right)) * n + np.maximum(data.left, data.right)
    own = [np.unique(pair[data.evaluator == k]) for k in range(len(data.evaluators))]
    shared = np.array([np.intersect1d(pairs, own[reference]).size for pairs in own])
    free = (shared >= MIN_SHARED) & (np.arange(shared.size) != reference)
    what = "pairs of outputs" if by_item else "pairs of variants"
    said = [
        f"Scale use of {name} is taken as 1: it compared {shared[k]} {what} in common with {data.evaluators[reference]}."
        for k, name in enumerate(data.evaluators)
        if k != reference and not free[k]
    ]
    return free, said


def _raters(
    data: CodedComparisons, *, raters: bool, reliability: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], list[str]]:
    """Whose raters differ in position bias and ties, whose in reliability, and what to say."""
    size = np.bincount(data.rater_evaluator, minlength=len(data.evaluators))
    each = np.bincount(data.evaluator, data.weight, len(data.evaluators)) / size
    several = (size > 1) & ~data.anonymous
    differ = several & (each >= MIN_A_RATER) & raters
    reliable = differ & (size >= FEWEST_RELIABLE) & (each >= MIN_FOR_RELIABILITY) & reliability
    said = [] if raters else ["Differences between the raters of a pool were left out, as asked."]
    for k, name in enumerate(data.evaluators):
        if size[k] == 1 or not raters:
            continue
        if data.anonymous[k]:
            said.append(f"Raters of {name} are slots, not persons: they count as alike.")
        elif not differ[k]:
            said.append(f"Raters of {name} count as alike: they made {each[k]:.1f} comparisons each.")
        elif not reliable[k] and reliability:
            said.append(
                f"Raters of {name} count as equally reliable: {size[k]} raters with {each[k]:.0f} comparisons each do not tell more."
            )
    return differ, reliable, said
