"""What ratings cannot tell, or only with the help of the priors: one sentence a limit.

None of these stops an analysis. Each is a fact that a reader of its result must know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.amounts import rough
from expsim_bayes.ratings.wording import count, listing, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from expsim_bayes.ratings.coding import Coded

EXTREME_IMBALANCE = 100
"""Ratio of the ratings of two variants beyond which the smaller one rules the comparison."""

UNEVEN_MISSING = 0.05
"""Difference between two variants in the share of missing scores that is worth a warning."""


def limits(
    coded: Coded,
    variants: pd.DataFrame,
    evaluators: pd.DataFrame,
    raters: pd.DataFrame,
    components: tuple[tuple[str, ...], ...],
    *,
    unnamed: bool = False,
) -> tuple[str, ...]:
    """The limits of these ratings, as sentences that begin with "warning: "; where no variants are named, none about comparing them."""
    found = [
        *_size(coded),
        *(() if unnamed else _variants(variants, components)),
        *_items(coded, unnamed=unnamed),
        *_raters(coded, raters),
        *_evaluators(evaluators, coded),
        *_scores(coded, variants),
    ]
    return tuple(f"warning: {sentence}" for sentence in found)


def _size(coded: Coded) -> Iterator[str]:
    if len(coded.score) < 10:
        yield f"only {count(len(coded.score), 'rating')}: the priors decide nearly everything"


def _variants(variants: pd.DataFrame, components: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    absent = variants.index[variants["ratings"] == 0]
    rated = variants["ratings"][variants["ratings"] > 0]
    if len(variants) == 1:
        yield (
            f"one variant, {quote(variants.index[0])}: its quality can be estimated, but there is nothing to "
            "compare it with"
        )
    if len(absent):
        yield f"no ratings of {listing(absent)}: only the prior speaks of {'it' if len(absent) == 1 else 'them'}"
    if rated.max() > EXTREME_IMBALANCE * rated.min():
        yield (
            f"very unequal numbers of ratings ({quote(rated.idxmax())} {rated.max():,}, "
            f"{quote(rated.idxmin())} {rated.min():,}): "
            "the smaller number decides how sure a comparison can be"
        )
    if len(components) > 1:
        groups = "; ".join(listing(group, 5) for group in components[:5])
        yield (
            f"{len(components):,} groups of variants share neither items nor raters and cannot be ranked "
            f"together: {groups}"
        )
    share = variants["missing"] / (variants["missing"] + variants["ratings"]).clip(lower=1)
    if share.max() - share.min() > UNEVEN_MISSING:
        yield (
            f"scores are missing unevenly ({quote(share.idxmax())} {rough(share.max())}, "
            f"{quote(share.idxmin())} {rough(share.min())}): "
            "if bad outputs are missing more often, the comparison flatters"
        )


def _items(coded: Coded, *, unnamed: bool) -> Iterator[str]:
    if len(coded.items) == 1:
        yield "one item: nothing is known about how results carry over to others"
    elif len(coded.items) == len(coded.outputs) and not unnamed:
        yield (
            "every item was answered by one variant once: how much items differ comes from the prior, and "
            "differences between items stay in the comparison"
        )


def _raters(coded: Coded, raters: pd.DataFrame) -> Iterator[str]:
    for k, name in enumerate(coded.evaluators):
        pool = raters[coded.rater_evaluator == k]
        if coded.kinds[k] != "human":
            continue
        if coded.anonymous[k]:
            yield f"rater names of {quote(name)} are slots, not persons: severity is not estimated and joins the noise"
        elif len(pool) == 1:
            yield (
                f"one rater in {quote(name)}, {quote(pool.index[0])}: how severe or reliable such a rater is cannot be identified. "
                f"If {quote(pool.index[0])} is a mean of several people, say --anonymous-raters {coded.kinds[k]}"
            )
        elif _no_item_shared(coded, k):
            yield f"no two raters of {quote(name)} rated the same item: severity is confounded with the items"
        if not coded.anonymous[k] and len(pool) > 1 and pool["ratings"].median() < 2:
            yield (
                f"most of the {len(pool):,} raters of {quote(name)} gave one rating: their severities come from "
                "the prior"
            )


def _no_item_shared(coded: Coded, k: int) -> bool:
    own = coded.evaluator == k
    pairs = np.unique(coded.item[own].astype(np.int64) * len(coded.raters) + coded.rater[own])
    return len(pairs) == len(np.unique(coded.item[own]))


def _evaluators(evaluators: pd.DataFrame, coded: Coded) -> Iterator[str]:
    if coded.reference < 0:
        yield (
            "no people rated: quality stands on the judges' own scales, and how far they are off is not known "
            "from these data"
        )
        return
    reference = coded.evaluators[coded.reference]
    others = evaluators.drop(index=reference)
    apart = others.index[others["share_of_reference"] == 0]
    if len(apart):
        yield (
            f"{listing(apart)} rated no output that {quote(reference)} rated: shift and use of the scale come "
            "from the prior"
        )
    silent = evaluators.index[evaluators["ratings"] == 0]
    if len(silent):
        yield f"every score of {listing(silent)} is missing"


def _scores(coded: Coded, variants: pd.DataFrame) -> Iterator[str]:
    if len(coded.score) > 1 and np.ptp(coded.score) == 0:
        yield f"no variation: every score is {coded.score[0]:g}"
        return
    flat = variants.index[(variants["sd"] == 0) & (variants["ratings"] >= 2)]
    if len(flat):
        yield (
            f"all scores are equal within {listing(flat)}: how much they would vary comes from the prior and "
            "the other variants"
        )
