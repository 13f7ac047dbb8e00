"""What a table of comparisons holds, before any model: counts, sides, links, what is missing, what cannot be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from expsim_bayes.amounts import rough
from expsim_bayes.ratings.comparisons import code_comparisons, untold
from expsim_bayes.ratings.contract import SIDES
from expsim_bayes.ratings.limits import EXTREME_IMBALANCE, UNEVEN_MISSING
from expsim_bayes.ratings.links import linked
from expsim_bayes.ratings.wording import count, listing, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from expsim_bayes.ratings.coding import Codes
    from expsim_bayes.ratings.comparisons import CodedComparisons
    from expsim_bayes.ratings.contract import Ratings

    Floats = NDArray[np.float64]

FEW_PAIRS = 10
"""Verdicts given again in the other order, from which something is said about how far they are the same."""
NO_BETTER_THAN_CHANCE = 0.6
"""Share of equal verdicts in both orders up to which an evaluator's verdicts hold next to nothing."""


@dataclass(frozen=True, eq=False)
class ComparisonDescription:
    """Facts about comparisons; `sentences` says them in words, `warnings` says what they cannot tell."""

    n_ratings: int
    """Comparisons with an outcome, each as often as its weight."""
    n_missing: int
    """Rows whose outcome is missing."""
    n_items: int
    """Items on which something was compared."""
    variants: pd.DataFrame
    """By variant: `comparisons, missing, won, tied, lost` and `share`, of comparisons won, ties counted half (NaN where there are none)."""
    evaluators: pd.DataFrame
    """By evaluator with an outcome: `kind, anonymous, raters, comparisons, left, tie, right` (the last three as shares), `both_orders`, the
    share of its pairs of variants that it saw in both orders, `order_told`, whether a position effect can be told from abilities,
    `again`, comparisons that a rater made of one item's pair in both orders, and `same_again`, the share of equal verdicts among them."""
    raters: pd.DataFrame
    """By rater: `evaluator, comparisons, left, tie, right` (the last three as shares)."""
    components: tuple[tuple[str, ...], ...]
    """Groups of variants that are linked by comparisons; variants of different groups cannot be compared."""
    levels: tuple[tuple[str, ...], ...]
    """Groups of variants among whom wins and ties lead from each to each; from one group to another they lead one way at most."""
    reference: str | None
    """The evaluator that defines quality; None when no people took part and none was declared."""
    warnings: tuple[str, ...]
    """What these comparisons cannot tell, or only with the help of the priors; each begins with "warning: "."""

    def sentences(self) -> tuple[str, ...]:
        """The description in plain words, warnings last."""
        return (*_sentences(self), *self.warnings)


def describe_comparisons(ratings: Ratings) -> ComparisonDescription:
    """Describe comparisons: counts, sides, links, and the limits of what they can tell.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"item": ["1", "2"], "variant_left": "A", "variant_right": "B", "rater": "ann", "outcome": ["tie", "left"]})
    >>> describe_comparisons(validate(frame)).sentences()[0]
    '2 comparisons of 2 variants: 2 items, 1 rater'
    """
    coded = code_comparisons(ratings)
    variants, evaluators, raters = _by_variant(coded, ratings), _by_evaluator(coded), _by_rater(coded)
    components = linked(coded.left, coded.right, coded.variants)
    levels = _levels(coded)
    found = [
        *_size(coded),
        *_variants(variants, components),
        *_levelled(levels, components, variants),
        *_items(coded),
        *_raters(coded),
        *_evaluators(coded, evaluators, ratings),
        *_outcomes(coded),
    ]
    return ComparisonDescription(
        n_ratings=int(coded.weight.sum()),
        n_missing=coded.n_missing,
        n_items=len(coded.items),
        variants=variants,
        evaluators=evaluators,
        raters=raters,
        components=components,
        levels=levels,
        reference=coded.evaluators[coded.reference] if coded.reference >= 0 else None,
        warnings=tuple(f"warning: {sentence}" for sentence in found),
    )


def _points(coded: CodedComparisons) -> tuple[Floats, Floats, Floats]:
    """(R,) comparisons that the variant on the left won, tied and lost."""
    won, tied, lost = (coded.weight * (coded.outcome == side) for side in range(len(SIDES)))
    return won, tied, lost


def _by_variant(coded: CodedComparisons, ratings: Ratings) -> pd.DataFrame:
    n, (won, tied, lost) = len(coded.variants), _points(coded)
    both = np.concatenate([coded.left, coded.right])
    columns = {
        "won": np.bincount(both, np.concatenate([won, lost]), n),
        "tied": np.bincount(both, np.concatenate([tied, tied]), n),
        "lost": np.bincount(both, np.concatenate([lost, won]), n),
    }
    total = np.asarray(sum(columns.values()))
    missing = ratings.table[ratings.table["outcome"] == ""]
    names = pd.concat([missing["variant_left"], missing["variant_right"]])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (columns["won"] + columns["tied"] / 2) / total
    frame = pd.DataFrame(
        {"comparisons": total, **columns}, index=pd.Index(coded.variants, name="variant", dtype="str")
    ).astype(np.intp)
    lost_rows = names.value_counts().reindex(frame.index, fill_value=0)
    frame.insert(1, "missing", lost_rows.to_numpy(np.intp))
    return frame.assign(share=share)


def _shares(coded: CodedComparisons, code: Codes, n: int) -> dict[str, Floats]:
    total = np.maximum(np.bincount(code, coded.weight, n), 1.0)
    return {
        side: np.bincount(code, part, n) / total
        for side, part in zip(("left", "tie", "right"), _points(coded), strict=True)
    }


def _by_rater(coded: CodedComparisons) -> pd.DataFrame:
    n = len(coded.raters)
    columns = {
        "evaluator": np.array(coded.evaluators, dtype=object)[coded.rater_evaluator],
        "comparisons": np.bincount(coded.rater, coded.weight, n).astype(np.intp),
        **_shares(coded, coded.rater, n),
    }
    return pd.DataFrame(columns, index=pd.Index(coded.raters, name="rater", dtype="str"))


def _by_evaluator(coded: CodedComparisons) -> pd.DataFrame:
    n = len(coded.evaluators)
    own = [coded.evaluator == k for k in range(n)]
    again = [_again(coded, mask) for mask in own]
    columns = {
        "kind": list(coded.kinds),
        "anonymous": coded.anonymous,
        "raters": np.bincount(coded.rater_evaluator, minlength=n),
        "comparisons": np.bincount(coded.evaluator, coded.weight, n).astype(np.intp),
        **_shares(coded, coded.evaluator, n),
        "both_orders": [_both_orders(coded.left[mask], coded.right[mask]) for mask in own],
        "order_told": [_order_told(coded.left[mask], coded.right[mask], len(coded.variants)) for mask in own],
        "again": [pairs for pairs, _ in again],
        "same_again": [same for _, same in again],
    }
    return pd.DataFrame(columns, index=pd.Index(coded.evaluators, name="evaluator", dtype="str"))


def _both_orders(left: Codes, right: Codes) -> float:
    """Share of the pairs of variants that were shown in both orders."""
    shown = np.unique(np.stack([left, right]), axis=1)
    pairs = np.unique(np.sort(shown, axis=0), axis=1).shape[1]
    return float((shown.shape[1] - pairs) / pairs)


def _order_told(left: Codes, right: Codes, n: int) -> bool:
    """Whether no abilities can do to every comparison shown what favouring one side does."""
    shown = np.unique(np.stack([left, right]), axis=1)
    design = np.zeros((shown.shape[1], n + 1))
    rows = np.arange(shown.shape[1])
    design[rows, shown[0]], design[rows, shown[1]], design[:, n] = 1.0, -1.0, 1.0
    return bool(np.linalg.matrix_rank(design) > np.linalg.matrix_rank(design[:, :n]))


def _again(coded: CodedComparisons, mask: NDArray[np.bool_]) -> tuple[int, float]:
    """Comparisons that a rater made of one item's pair in both orders, and the share of equal verdicts among them."""
    if len(coded.items) == 1:
        return 0, float("nan")
    left, right, outcome = coded.left[mask], coded.right[mask], coded.outcome[mask]
    swapped = left > right
    key = np.stack([coded.rater[mask], coded.item[mask], np.minimum(left, right), np.maximum(left, right)])
    groups, group = np.unique(key, axis=1, return_inverse=True)
    seen = np.zeros((2, groups.shape[1], len(SIDES)))
    verdict = np.where(swapped, len(SIDES) - 1 - outcome, outcome)
    np.add.at(seen, (swapped.astype(np.intp), group.ravel(), verdict), coded.weight[mask])
    size = seen.sum(axis=2)
    twice = (size > 0).all(axis=0)
    if not twice.any():
        return 0, float("nan")
    share = seen[:, twice] / size[:, twice, None]
    return int(twice.sum()), float(share.prod(axis=0).sum(axis=1).mean())


def _levels(coded: CodedComparisons) -> tuple[tuple[str, ...], ...]:
    """Strongly connected groups of the graph in which a win, or either side of a tie, leads from winner to loser."""
    n, (won, tied, lost) = len(coded.variants), _points(coded)
    ahead, behind = won + tied > 0, lost + tied > 0
    start = np.concatenate([coded.left[ahead], coded.right[behind]])
    end = np.concatenate([coded.right[ahead], coded.left[behind]])
    graph = coo_array((np.ones(start.size), (start, end)), shape=(n, n))
    label = connected_components(graph, directed=True, connection="strong")[1]
    took_part = np.unique(np.concatenate([coded.left, coded.right]))
    groups = dict.fromkeys(label[took_part].tolist())
    return tuple(tuple(coded.variants[v] for v in took_part if label[v] == group) for group in groups)


def _size(coded: CodedComparisons) -> Iterator[str]:
    total = int(coded.weight.sum())
    if total < 10:
        yield f"only {count(total, 'comparison')}: the priors decide nearly everything"


def _variants(variants: pd.DataFrame, components: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    total = variants["comparisons"]
    absent, met = variants.index[total == 0], total[total > 0]
    if len(absent):
        yield f"no comparisons of {listing(absent)}: only the prior speaks of {'it' if len(absent) == 1 else 'them'}"
    if len(met) and met.max() > EXTREME_IMBALANCE * met.min():
        yield (
            f"very unequal numbers of comparisons ({quote(met.idxmax())} {met.max():,}, {quote(met.idxmin())} {met.min():,}): "
            "the smaller number decides how sure one can be"
        )
    if len(components) > 1:
        groups = "; ".join(listing(group, 5) for group in components[:5])
        yield f"{len(components):,} groups of variants were never compared with each other and cannot be ranked together: {groups}"
    share = variants["missing"] / (variants["missing"] + total).clip(lower=1)
    if share.max() - share.min() > UNEVEN_MISSING:
        yield (
            f"verdicts are missing unevenly ({quote(share.idxmax())} {rough(share.max())}, {quote(share.idxmin())} {rough(share.min())}): "
            "if bad outputs are missing more often, the comparison flatters"
        )


def _levelled(
    levels: tuple[tuple[str, ...], ...], components: tuple[tuple[str, ...], ...], variants: pd.DataFrame
) -> Iterator[str]:
    """Complete separation: where wins lead one way only, the data alone put no bound on a difference."""
    if len(levels) == len(components):
        return
    met = variants[variants["comparisons"] > 0]
    sides = [
        f"{listing(names, 5)} never {verb}"
        for names, verb in ((met.index[met["lost"] + met["tied"] == 0], "lost"), (met.index[met["won"] + met["tied"] == 0], "won"))
        if len(names)
    ]  # fmt: skip
    what = "; ".join(sides) or f"wins between {count(len(levels), 'group')} of variants go one way only"
    yield f"{what}: how far apart such variants are has no bound in these data, and the prior alone keeps it finite"


def _items(coded: CodedComparisons) -> Iterator[str]:
    if len(coded.items) == 1:
        yield "items are not told apart: nothing is known about how results carry over to others"


def _raters(coded: CodedComparisons) -> Iterator[str]:
    each = np.bincount(coded.rater, coded.weight, len(coded.raters))
    for k, name in enumerate(coded.evaluators):
        pool = np.flatnonzero(coded.rater_evaluator == k)
        if coded.kinds[k] != "human":
            continue
        if coded.anonymous[k]:
            yield f"rater names of {quote(name)} are slots, not persons: differences between raters join the noise"
        elif untold(coded.raters):
            yield "raters are not told apart: how far they agree is unknown"
        elif len(pool) == 1:
            yield f"one rater in {quote(name)}, {quote(coded.raters[pool[0]])}: what other raters would say is unknown"
        elif np.median(each[pool]) < 2:
            yield f"most of the {len(pool):,} raters of {quote(name)} made one comparison: differences between them join the noise"


def _evaluators(coded: CodedComparisons, evaluators: pd.DataFrame, ratings: Ratings) -> Iterator[str]:
    blind = evaluators.index[~evaluators["order_told"]]
    if len(blind):
        yield (
            f"{listing(blind)} saw variants in one order only: a position effect cannot be told from ability, and the prior alone speaks "
            "of it"
        )
    one_sided = evaluators.index[evaluators["order_told"] & (evaluators["both_orders"] == 0)]
    if len(one_sided):
        yield f"{listing(one_sided)} saw no pair of variants in both orders: what the position does can be told only indirectly"
    for name, row in evaluators.iterrows():
        if row["again"] >= FEW_PAIRS and row["same_again"] <= NO_BETTER_THAN_CHANCE:
            yield (
                f"{quote(name)} gave the same verdict in both orders in {rough(row['same_again'])} of {row['again']:,} cases: its verdicts "
                "hold next to no information"
            )
    silent = sorted(set(ratings.table["evaluator"]) - set(coded.evaluators))
    if silent:
        yield f"every verdict of {listing(silent)} is missing"
    yield from _unlike_reference(coded)


def _unlike_reference(coded: CodedComparisons) -> Iterator[str]:
    if coded.reference < 0:
        yield (
            "no people compared anything: quality stands on the judges' own taste, and how far it is off is not known from these data"
        )
        return
    n = len(coded.variants)
    pair = np.minimum(coded.left, coded.right) * n + np.maximum(coded.left, coded.right)
    known = pair[coded.evaluator == coded.reference]
    apart = [
        name
        for k, name in enumerate(coded.evaluators)
        if k != coded.reference and not np.isin(pair[coded.evaluator == k], known).any()
    ]
    if apart:
        yield (
            f"{listing(apart)} compared no pair of variants that {quote(coded.evaluators[coded.reference])} compared: its taste comes from "
            "the prior"
        )


def _outcomes(coded: CodedComparisons) -> Iterator[str]:
    kinds = np.unique(coded.outcome)
    if coded.outcome.size > 1 and kinds.size == 1 and SIDES[kinds[0]] == "tie":
        yield "no variation: every comparison is a tie"
    elif coded.outcome.size and 1 not in kinds:
        yield "no ties: how ready raters are to call one comes from the prior"


def _sentences(facts: ComparisonDescription) -> list[str]:
    parts = ((facts.n_items, "item"), (len(facts.raters), "rater"))
    whole = ", ".join(count(number, noun) for number, noun in parts)
    words = [f"{count(facts.n_ratings, 'comparison')} of {count(len(facts.variants), 'variant')}: {whole}"]
    if facts.n_missing:
        words.append(f"{count(facts.n_missing, 'verdict')} missing")
    for name, row in facts.evaluators.iterrows():
        raters = count(int(row["raters"]), "slot" if row["anonymous"] else "rater")
        again = (
            f", the same verdict in both orders in {rough(row['same_again'])} of {row['again']:,} cases"
            if row["again"]
            else ""
        )
        words.append(
            f"{quote(name)} ({row['kind']}, {raters}) made {count(int(row['comparisons']), 'comparison')}: left {rough(row['left'])}, "
            f"tie {rough(row['tie'])}, right {rough(row['right'])}; {rough(row['both_orders'])} of its pairs of variants in both "
            f"orders{again}"
        )
    if len(facts.components) == 1:
        words.append("all variants are linked by comparisons")
    else:
        words.append("groups of variants without a link: " + "; ".join(listing(group) for group in facts.components))
    return words
