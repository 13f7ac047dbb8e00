"""Calls prepared for a model: one measure, without missing amounts, and which terms the calls can tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from expsim_bayes import glossary
from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.ratings import code_calls
from expsim_bayes.ratings.wording import count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

Measure = Literal["latency_s", "cost", "tokens_out", "tokens_in"]
"""What a call uses up; the first that a table has is modelled unless told."""
MEASURES: tuple[Measure, ...] = ("latency_s", "cost", "tokens_out", "tokens_in")
SAID: dict[str, str] = {
    "latency_s": "latency",
    "cost": "cost",
    "tokens_out": "tokens written",
    "tokens_in": "tokens read",
}
"""The same in words."""
UNITS: dict[str, str] = {"latency_s": "seconds", "cost": "dollars", "tokens_out": "tokens", "tokens_in": "tokens"}
"""Unit of each measure."""
MIN_REPLICATES = 3
"""Replicates beyond the first without which two terms are taken as one."""
FAR = 1_000.0
"""Times the median of its variant beyond which a call is pointed out."""


class Calls(NamedTuple):
    """Calls of one measure; R calls, V variants."""

    measure: Measure
    amount: NDArray[np.float64]
    """(R,) 0 or more."""
    variant: NDArray[np.intp]
    """(R,)"""
    item: NDArray[np.intp]
    """(R,)"""
    cell: NDArray[np.intp]
    """(R,) item x variant."""
    variants: tuple[str, ...]
    items: tuple[str, ...]
    cells: tuple[str, ...]
    has_item: bool
    """u: some items take more."""
    has_interaction: bool
    """g: a variant takes more on some items."""
    has_zeros: bool
    """Whether any amount is zero: then calls that use nothing have a share of their own."""
    middle: float
    """Log of the median of the amounts above zero."""
    sentences: tuple[str, ...]
    """What was merged, left out or assumed."""


def calls(ratings: Ratings, measure: Measure | None = None) -> Calls:
    """Calls of one measure.

    Parameters
    ----------
    ratings : Ratings
        Validated calls.
    measure : str, optional
        Unless told, the first of latency_s, cost, tokens_out and tokens_in that the table has.

    Raises
    ------
    SettingError
        The table does not have that measure.
    RatingsError
        Every amount is missing or zero.
    """
    data = code_calls(ratings)
    chosen = _chosen(data.measures, measure)
    values = data.amount[:, data.measures.index(chosen)]
    kept = ~np.isnan(values)
    amount, variant, item = values[kept], data.variant[kept], data.item[kept]
    if not (amount > 0).any():
        raise RatingsError(
            "every amount is missing or zero, so nothing is known of calls that use something up",
            where=f"{ratings.source}, column '{chosen}'",
            remedy=f"give amounts above zero, or model another of {', '.join(data.measures)}",
        )
    codes, cell = np.unique(np.stack([item, variant]), axis=1, return_inverse=True)
    cell = cell.ravel()
    has_item, has_interaction, said = _terms(item, cell)
    if len(data.measures) > 1:
        said.append(f"Modelled: {chosen}; the table also has {', '.join(m for m in data.measures if m != chosen)}.")
    if not kept.all():
        said.append(
            f"{count(int((~kept).sum()), 'call')} without {chosen} left out: missing because nothing was measured, it is assumed."
        )
    return Calls(
        measure=chosen,
        amount=amount,
        variant=variant,
        item=item,
        cell=cell,
        variants=data.variants,
        items=data.items,
        cells=tuple(f"{data.items[i]} | {data.variants[v]}" for i, v in codes.T),
        has_item=has_item,
        has_interaction=has_interaction,
        has_zeros=bool((amount == 0).any()),
        middle=float(np.log(np.median(amount[amount > 0]))),
        sentences=(*said, *_zeros(amount, chosen), *_far(amount, variant, data.variants)),
    )


def _chosen(measures: tuple[str, ...], measure: Measure | None) -> Measure:
    if measure is None:
        return next(name for name in MEASURES if name in measures)
    if measure not in measures:
        raise SettingError(
            f"the table has no column {measure!r}", where="priors.measure", remedy=f"choose among {', '.join(measures)}"
        )
    return measure


def _terms(item: NDArray[np.intp], cell: NDArray[np.intp]) -> tuple[bool, bool, list[str]]:
    """Whether items and their interaction with variants can be told from noise, and what to say.

    Items are told apart by several variants on one item, a variant's fit to an item by several calls. Two terms that nothing
    replicates between are one.
    """
    items, cells = np.unique(item).size, np.unique(cell).size
    if items == 1:
        return (
            False,
            False,
            ["There is only one item: quality is about this item alone, and how items differ is unknown."],
        )
    several_variants = cells - items >= MIN_REPLICATES
    several_calls = item.size - cells >= MIN_REPLICATES
    if several_variants and several_calls:
        return True, True, []
    if several_calls:
        return (
            True,
            False,
            [
                (
                    "Differences between items and a variant's fit to an item cannot be told apart, because items were not given to "
                    f"several variants. Together they are called {glossary.named('sd_item')}."
                )
            ],
        )
    if several_variants:
        return (
            True,
            False,
            ["A variant's fit to an item is part of the noise of a call: there is one call a variant and item."],
        )
    return False, False, ["How items differ is part of the noise of a call: each item has one call."]


def _zeros(amount: NDArray[np.float64], measure: str) -> list[str]:
    zeros = int((amount == 0).sum())
    if not zeros:
        return []
    return [
        f"{count(zeros, 'call')} with a {measure} of zero: the share of such calls is modelled beside the amount of the others."
    ]


def _far(amount: NDArray[np.float64], variant: NDArray[np.intp], variants: tuple[str, ...]) -> list[str]:
    """Calls that can hardly be of the same kind as the others."""
    said = []
    for v, name in enumerate(variants):
        own = amount[(variant == v) & (amount > 0)]
        far = own[own > FAR * np.median(own)] if own.size else own
        if far.size:
            said.append(
                f"{count(far.size, 'call')} of {name} took more than {FAR:,.0f} times its median (up to {far.max():.3g}): an error of "
                "recording? The tail of the model lets it pass without bending the rest."
            )
    return said
