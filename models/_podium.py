"""Rankings prepared for a model: who ranked what, added up as far as nothing is lost, and which terms the rankings can tell apart."""

from __future__ import annotations

import math
from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings import CodedRankings, code_rankings
from expsim_bayes.ratings.wording import count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

MIN_REPLICATES = 3
"""Rankings beyond the first of a unit without which two terms are taken as one."""
MIN_RANKINGS_A_TASTE = 1.5
"""Mean rankings of a rater without which a person's taste is noise."""
MOST_COUNTED = 5
"""Variants in a ranking up to which rankings are added up: five have 120 orders."""


class Terms(NamedTuple):
    """The terms of one fit; K evaluators."""

    reference: int
    """Evaluator whose opinion defines quality."""
    interaction: bool
    """g: a variant suits some items better."""
    shift: NDArray[np.bool_]
    """(K,) d: the evaluator has a taste for variants."""
    taste: NDArray[np.bool_]
    """(K,) t: the evaluator's raters differ in taste for variants."""
    scale_use: NDArray[np.bool_]
    """(K,) lambda is estimated (else it is 1)."""
    sentences: tuple[str, ...]
    """What is merged or left out, and why."""


class Podium(NamedTuple):
    """Rankings by group: one ranking each, or all that share everything the model looks at; G groups, V variants, M places.

    Everything but `value` depends on who ranked what, never on how.
    """

    data: CodedRankings
    terms: Terms
    evaluator: NDArray[np.intp]
    """(G,)"""
    item: NDArray[np.intp]
    """(G,) item; the first of them where items are not looked at and rankings are added up."""
    rater: NDArray[np.intp]
    """(G,) rater; the first of the evaluator where raters are not looked at and rankings are added up."""
    ranked: NDArray[np.bool_]
    """(G, V) which variants were ranked."""
    placed: NDArray[np.bool_]
    """(G, M) whether there is a variant in that place."""
    options: NDArray[np.intp] | None
    """(G, order, M) the possible orders of each group where rankings are added up, else None."""
    value: NDArray[np.intp]
    """(G, M) the order found, -1 after the last; or (G, order) how often each possible order was found."""


def podium(ratings: Ratings) -> Podium:
    """Rankings as a model takes them.

    Raises
    ------
    RatingsError
        There is no ranking of two variants or more.
    """
    data = code_rankings(ratings)
    if not data.size.size:
        raise RatingsError(
            "no ranking holds two variants or more",
            where=ratings.source,
            remedy="rank several variants of the same item, or give scores",
        )
    terms = _terms(data)
    placed = data.order >= 0
    ranked = np.zeros((len(data.order), len(data.variants)), dtype=bool)
    row, place = np.nonzero(placed)
    ranked[row, data.order[row, place]] = True
    alone = Podium(data, terms, data.evaluator, data.item, data.rater, ranked, placed, None, data.order)
    return _added_up(alone) or alone


def _added_up(seen: Podium) -> Podium | None:
    """Rankings that share everything the model looks at, as counts of the possible orders; None where that saves nothing."""
    data, terms, size = seen.data, seen.terms, seen.data.size
    if np.ptp(size) > 0 or int(size[0]) > MOST_COUNTED:
        return None
    first = np.array([np.flatnonzero(data.rater_evaluator == k)[0] for k in range(len(data.evaluators))])
    key = np.column_stack(
        [
            data.evaluator,
            data.item if terms.interaction else np.zeros_like(data.item),
            np.where(terms.taste[data.evaluator], data.rater, first[data.evaluator]),
            seen.ranked,
        ]
    )
    groups, group = np.unique(key, axis=0, return_inverse=True)
    orders = math.factorial(int(size.max()))
    if len(groups) * orders > len(key) / 2:
        return None
    ranked = groups[:, 3:].astype(bool)
    options = np.array([list(permutations(np.flatnonzero(row))) for row in ranked], dtype=np.intp)
    found = (options[group.ravel()] == data.order[:, None]).all(axis=2).argmax(axis=1)
    value = np.zeros(options.shape[:2], dtype=np.intp)
    np.add.at(value, (group.ravel(), found), 1)
    placed = np.ones((len(groups), int(size.max())), dtype=bool)
    return seen._replace(
        evaluator=groups[:, 0], item=groups[:, 1], rater=groups[:, 2], ranked=ranked, placed=placed, options=options, value=value
    )  # fmt: skip


def sentences(seen: Podium) -> tuple[str, ...]:
    """What was merged, left out, added up or assumed."""
    data, said = seen.data, list(seen.terms.sentences)
    if data.n_missing:
        said.append(f"{count(data.n_missing, 'place')} missing: a ranking holds the variants that it places.")
    if data.n_alone:
        said.append(f"{count(data.n_alone, 'ranking')} of a single variant left out.")
    if seen.options is not None:
        said.append(
            f"{count(data.size.size, 'ranking')} were added up to counts of {seen.value.shape[1]:,} orders in "
            f"{count(len(seen.value), 'group')} that share everything the model looks at."
        )
    said.append(
        "A ranking is taken as a first choice, then a choice among the rest, and so on (Plackett-Luce): which variants a rater "
        "was shown is taken as having nothing to do with how they would have been ranked."
    )
    return tuple(said)


def _terms(data: CodedRankings) -> Terms:
    """Terms that a set of rankings can tell apart."""
    reference, shift, said = _reference(data)
    n_items = np.unique(data.item).size
    interaction = n_items > 1 and data.item.size - n_items >= MIN_REPLICATES
    if n_items == 1:
        said.append("There is only one item: quality is about this item alone, and how items differ is unknown.")
    elif not interaction:
        said.append("A variant's fit to an item is part of the noise of a ranking: items were ranked once each.")
    taste = np.array([_has_taste(data, k, said) for k in range(len(data.evaluators))])
    scale_use = np.array([_has_scale_use(data, k, reference, said) for k in range(len(data.evaluators))])
    return Terms(reference, interaction, shift, taste, scale_use, tuple(said))


def _reference(data: CodedRankings) -> tuple[int, NDArray[np.bool_], list[str]]:
    """Evaluator whose opinion defines quality, who has a shift, and what to say about it."""
    shift = np.array([kind != "human" and k != data.reference for k, kind in enumerate(data.kinds)])
    if data.reference >= 0:
        name = data.evaluators[data.reference]
        return (
            data.reference,
            shift,
            [f"{name} is the reference: what it likes about a variant counts as quality."] if shift.any() else [],
        )
    reference = int(np.argmax(np.bincount(data.evaluator, minlength=len(data.evaluators))))
    sentence = (
        f"No person ranked: quality stands on the use of the scale of {data.evaluators[reference]}, and the uncertainty of judges' "
        "tastes for variants, which no number of their own rankings can reduce, stays in every quality."
    )
    return reference, shift, [sentence]


def _has_taste(data: CodedRankings, k: int, said: list[str]) -> bool:
    """Whether tastes of evaluator k's raters can be told from noise."""
    name, each = data.evaluators[k], np.unique(data.rater[data.evaluator == k], return_counts=True)[1]
    if data.anonymous[k]:
        said.append(f"Raters of {name} are slots, not persons: personal taste is part of the noise.")
        return False
    if each.size == 1:
        if data.kinds[k] == "human":
            said.append(
                f"{name} is a single rater: quality is this one person's view, and what others would say is unknown."
            )
        return False
    if (each >= 2).sum() >= 2 and each.mean() >= MIN_RANKINGS_A_TASTE:
        return True
    said.append(f"Personal tastes of the raters of {name} are part of the noise: most of them gave one ranking.")
    return False


def _has_scale_use(data: CodedRankings, k: int, reference: int, said: list[str]) -> bool:
    """Whether lambda of evaluator k can be estimated."""
    if k == reference:
        return False
    shared = np.intersect1d(data.item[data.evaluator == k], data.item[data.evaluator == reference]).size
    if shared < MIN_REPLICATES:
        said.append(
            f"{data.evaluators[k]} and {data.evaluators[reference]} ranked {count(shared, 'item')} in common: use of the scale by "
            f"{data.evaluators[k]} is taken as 1."
        )
    return shared >= MIN_REPLICATES
