"""What a table of rankings holds, before any model: counts, links, places by variant, and the limits of what they can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from expsim_bayes.ratings.limits import EXTREME_IMBALANCE
from expsim_bayes.ratings.links import linked
from expsim_bayes.ratings.rankings import code_rankings
from expsim_bayes.ratings.wording import count, listing, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from expsim_bayes.ratings.contract import Ratings
    from expsim_bayes.ratings.rankings import CodedRankings

FEW = 10
"""Rankings below which the priors decide nearly everything."""


@dataclass(frozen=True, eq=False)
class RankingDescription:
    """Facts about rankings; `sentences` says them in words, `warnings` says what they cannot tell."""

    n_ratings: int
    """Rankings of two variants or more."""
    n_missing: int
    """Places that are missing."""
    n_alone: int
    """Rankings of a single variant, which say nothing."""
    n_partial: int
    """Rankings that do not hold all variants."""
    variants: pd.DataFrame
    """By variant: `rankings, first, last, mean_place` (mean place among the ranked, from 0 for the first to 1 for the last; NaN where
    there is none)."""
    evaluators: pd.DataFrame
    """By evaluator: `kind, anonymous, raters, rankings, items, share_of_reference` (share of the reference's items that it ranked too;
    NaN without a reference)."""
    components: tuple[tuple[str, ...], ...]
    """Groups of variants that are linked by rankings."""
    held: str
    """What there is, in a sentence."""
    warnings: tuple[str, ...]
    """What these rankings cannot tell, or only with the help of the priors."""

    def sentences(self) -> tuple[str, ...]:
        """The description in plain words, warnings last."""
        return (self.held, *_sentences(self), *self.warnings)


def describe_rankings(ratings: Ratings) -> RankingDescription:
    """Describe rankings: counts, links, and the limits of what they can tell.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> from expsim_bayes.ratings.ranking_description import describe_rankings
    >>> frame = pd.DataFrame({"item": "1", "rater": "ann", "variant": ["A", "B", "C"], "rank": [2, 3, 1]})
    >>> describe_rankings(validate(frame)).held
    '1 ranking: 3 variants, 1 item, 1 rater'
    """
    coded = code_rankings(ratings)
    total = coded.size.size
    items, raters = np.unique(coded.item).size, np.unique(coded.rater).size
    held = (
        f"{count(total, 'ranking')}: {count(len(coded.variants), 'variant')}, {count(items, 'item')}, "
        f"{count(raters, 'rater')}"
    )
    ranking, place = np.nonzero(coded.order >= 0)
    components = linked(coded.order[ranking, 0], coded.order[ranking, place], coded.variants)
    variants, evaluators = _by_variant(coded), _by_evaluator(coded)
    return RankingDescription(
        n_ratings=total,
        n_missing=coded.n_missing,
        n_alone=coded.n_alone,
        n_partial=int((coded.size < len(coded.variants)).sum()),
        variants=variants,
        evaluators=evaluators,
        components=components,
        held=held,
        warnings=tuple(f"warning: {found}" for found in _limits(coded, variants, evaluators, components)),
    )


def _by_variant(coded: CodedRankings) -> pd.DataFrame:
    n = len(coded.variants)
    ranking, place = np.nonzero(coded.order >= 0)
    variant = coded.order[ranking, place]
    rankings = np.bincount(variant, minlength=n)
    depth = np.bincount(variant, place / (coded.size[ranking] - 1), minlength=n)
    last = coded.order[np.arange(coded.size.size), coded.size - 1]
    columns = {
        "rankings": rankings,
        "first": np.bincount(coded.order[:, 0], minlength=n),
        "last": np.bincount(last, minlength=n),
        "mean_place": np.where(rankings > 0, depth / np.maximum(rankings, 1), np.nan),
    }
    return pd.DataFrame(columns, index=pd.Index(coded.variants, name="variant", dtype="str"))


def _by_evaluator(coded: CodedRankings) -> pd.DataFrame:
    items = [np.unique(coded.item[coded.evaluator == k]) for k in range(len(coded.evaluators))]
    reference = items[coded.reference] if coded.reference >= 0 else np.zeros(0, dtype=np.intp)
    columns = {
        "kind": list(coded.kinds),
        "anonymous": coded.anonymous,
        "raters": np.bincount(coded.rater_evaluator, minlength=len(coded.evaluators)),
        "rankings": np.bincount(coded.evaluator, minlength=len(coded.evaluators)),
        "items": [own.size for own in items],
        "share_of_reference": [
            np.intersect1d(own, reference).size / reference.size if reference.size else np.nan for own in items
        ],
    }
    return pd.DataFrame(columns, index=pd.Index(coded.evaluators, name="evaluator", dtype="str"))


def _sentences(facts: RankingDescription) -> Iterator[str]:
    if facts.n_missing:
        yield f"{count(facts.n_missing, 'place')} missing"
    if facts.n_partial:
        yield f"{facts.n_partial:,} of {count(facts.n_ratings, 'ranking')} hold some of the variants only"
    for name, row in facts.evaluators.iterrows():
        raters = count(int(row["raters"]), "slot" if row["anonymous"] else "rater")
        yield f"{quote(name)} ({row['kind']}, {raters}) gave {count(int(row['rankings']), 'ranking')} of {count(int(row['items']), 'item')}"
    if len(facts.components) > 1:
        yield "groups of variants without a link: " + "; ".join(listing(group) for group in facts.components)


def _limits(
    coded: CodedRankings,
    variants: pd.DataFrame,
    evaluators: pd.DataFrame,
    components: tuple[tuple[str, ...], ...],
) -> Iterator[str]:
    if coded.size.size < FEW:
        yield f"only {count(coded.size.size, 'ranking')}: the priors decide nearly everything"
    if coded.n_alone:
        yield f"{count(coded.n_alone, 'ranking')} of a single variant: nothing is learned from them"
    yield from _variants(variants, components)
    if coded.size.size and np.unique(coded.item).size == 1:
        yield "one item: nothing is known about how results carry over to others"
    elif coded.size.size and np.unique(coded.item).size == coded.size.size:
        yield "every item was ranked once: how a variant suits an item is part of the noise"
    yield from _raters(coded)
    yield from _judges(coded, evaluators)


def _variants(variants: pd.DataFrame, components: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    rankings = variants["rankings"]
    absent, ranked = variants.index[rankings == 0], rankings[rankings > 0]
    if len(absent):
        yield f"no ranking holds {listing(absent)}: only the prior speaks of {'it' if len(absent) == 1 else 'them'}"
    if len(ranked) and ranked.max() > EXTREME_IMBALANCE * ranked.min():
        yield (
            f"very unequal numbers of rankings ({quote(ranked.idxmax())} {ranked.max():,}, {quote(ranked.idxmin())} {ranked.min():,}): "
            "the smaller number decides how sure a comparison can be"
        )
    if len(components) > 1:
        groups = "; ".join(listing(group, 5) for group in components[:5])
        yield f"{len(components):,} groups of variants were never ranked together and cannot be put in one order: {groups}"
    for words, column in (("first", "first"), ("last", "last")):
        always = variants.index[(rankings > 0) & (variants[column] == rankings)]
        if len(always):
            verb = "is" if len(always) == 1 else "are"
            yield (
                f"{listing(always)} {verb} {words} in every ranking that holds {'it' if len(always) == 1 else 'them'}: "
                "how far ahead or behind comes from the prior"
            )


def _raters(coded: CodedRankings) -> Iterator[str]:
    for k, name in enumerate(coded.evaluators):
        if coded.kinds[k] != "human":
            continue
        each = np.unique(coded.rater[coded.evaluator == k], return_counts=True)[1]
        if coded.anonymous[k]:
            yield f"rater names of {quote(name)} are slots, not persons: personal tastes join the noise"
        elif each.size == 1:
            yield f"one rater in {quote(name)}: what other people would say is not known, and no agreement can be measured"
        elif each.size and np.median(each) < 2:
            yield f"most of the {each.size:,} raters of {quote(name)} gave one ranking: their tastes are part of the noise"


def _judges(coded: CodedRankings, evaluators: pd.DataFrame) -> Iterator[str]:
    if coded.size.size and coded.reference < 0:
        yield "no people ranked: how far the judges' tastes for variants are off is not known from these data"
        return
    apart = evaluators.index[evaluators["share_of_reference"] == 0]
    if len(apart):
        reference = quote(coded.evaluators[coded.reference])
        yield f"{listing(apart)} ranked no item that {reference} ranked: its use of the scale is taken as that of people"
