"""What a table of scores holds, before any model: counts, overlap, links, what is missing, what cannot be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from expsim_bayes.amounts import rough
from expsim_bayes.ratings.coding import code
from expsim_bayes.ratings.limits import limits
from expsim_bayes.ratings.wording import count, listing, quote

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings.coding import Coded, Codes
    from expsim_bayes.ratings.contract import Ratings


@dataclass(frozen=True, eq=False)
class ScoreDescription:
    """Facts about scores; `sentences` says them in words, `warnings` says what they cannot tell."""

    source: str
    """Where the ratings came from."""
    n_ratings: int
    """Ratings that have a score."""
    n_missing: int
    """Ratings whose score is missing."""
    n_items: int
    """Items with a rating."""
    n_outputs: int
    """Outputs with a rating."""
    n_repeated: int
    """Ratings of an output by a rater who has rated it before."""
    variants: pd.DataFrame
    """By variant: `ratings, missing, items, outputs, mean, sd` (sd with n - 1; NaN where there is nothing)."""
    evaluators: pd.DataFrame
    """By evaluator: `kind, anonymous, raters, ratings, missing, outputs, share_of_outputs, mean, sd, lowest, highest`
    and `share_of_reference`, the share of the reference's outputs that it rated too (NaN without a reference)."""
    raters: pd.DataFrame
    """By rater: `evaluator, ratings, items, mean, sd`."""
    ratings_per_output: pd.Series
    """Number of outputs by the number of their ratings."""
    components: tuple[tuple[str, ...], ...]
    """Groups of variants that are linked by shared items or raters; variants of different groups cannot be compared."""
    components_by_item: tuple[tuple[str, ...], ...]
    """The same by shared items alone: in one group, differences between items cancel."""
    reference: str | None
    """The evaluator that defines quality; None when no people took part and none was declared."""
    warnings: tuple[str, ...]
    """What these ratings cannot tell, or only with the help of the priors."""

    def sentences(self) -> tuple[str, ...]:
        """The description in plain words, warnings last."""
        return (*_sentences(self), *self.warnings)


def describe_scores(ratings: Ratings) -> ScoreDescription:
    """Describe scores: counts, overlap, connections, missing scores and the limits of what they can tell.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import describe_scores, validate
    >>> frame = pd.DataFrame({"variant": ["A", "B"], "item": "1", "rater": "ann", "score": [4.0, 5.0]})
    >>> describe_scores(validate(frame)).sentences()[0]
    '2 ratings of 2 outputs: 2 variants, 1 item, 1 rater'
    """
    coded = code(ratings)
    variants, evaluators, raters = _by_variant(coded, ratings), _by_evaluator(coded, ratings), _by_rater(coded)
    again = len(coded.score) - len(_distinct(coded.output, coded.rater))
    components = _components(coded, by_item=False)
    return ScoreDescription(
        source=ratings.source,
        n_ratings=len(coded.score),
        n_missing=coded.n_missing,
        n_items=len(coded.items),
        n_outputs=len(coded.outputs),
        n_repeated=again,
        variants=variants,
        evaluators=evaluators,
        raters=raters,
        ratings_per_output=_tally(coded.output),
        components=components,
        components_by_item=_components(coded, by_item=True),
        reference=coded.evaluators[coded.reference] if coded.reference >= 0 else None,
        warnings=limits(coded, variants, evaluators, raters, components, unnamed=not ratings.compares),
    )


def _distinct(major: Codes, minor: Codes) -> NDArray[np.int64]:
    """Keys of the distinct pairs of two codes."""
    width = int(minor.max()) + 1 if len(minor) else 1
    return np.unique(major.astype(np.int64) * width + minor)


def _distinct_per(major: Codes, minor: Codes, n: int) -> NDArray[np.intp]:
    """Number of distinct minor codes with each major code."""
    width = int(minor.max()) + 1 if len(minor) else 1
    return np.bincount(_distinct(major, minor) // width, minlength=n).astype(np.intp)


def _moments(
    score: NDArray[np.float64], group: Codes, n_groups: int
) -> dict[str, NDArray[np.float64] | NDArray[np.intp]]:
    n = np.bincount(group, minlength=n_groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(group, score, minlength=n_groups) / n
        centred = score - mean[group]
        sd = np.where(n > 1, np.sqrt(np.bincount(group, centred**2, minlength=n_groups) / (n - 1)), np.nan)
    return {"ratings": n, "mean": mean, "sd": sd}


def _missing(ratings: Ratings, column: str, names: tuple[str, ...]) -> NDArray[np.intp]:
    table = ratings.table
    counts = table.loc[table["score"].isna(), column].value_counts().reindex(list(names), fill_value=0)
    return np.asarray(counts, dtype=np.intp)


def _by_variant(coded: Coded, ratings: Ratings) -> pd.DataFrame:
    n = len(coded.variants)
    columns = _moments(coded.score, coded.variant, n) | {
        "missing": _missing(ratings, "variant", coded.variants),
        "items": _distinct_per(coded.variant, coded.item, n),
        "outputs": np.bincount(coded.output_variant, minlength=n),
    }
    order = ["ratings", "missing", "items", "outputs", "mean", "sd"]
    return pd.DataFrame(columns, index=pd.Index(coded.variants, name="variant", dtype="str"))[order]


def _by_evaluator(coded: Coded, ratings: Ratings) -> pd.DataFrame:
    n = len(coded.evaluators)
    table = ratings.table[["evaluator", "kind"]].drop_duplicates().set_index("evaluator")["kind"].sort_index()
    names = tuple(table.index)
    pairs = _distinct(coded.evaluator, coded.output)
    width = int(coded.output.max()) + 1
    outputs = np.bincount(pairs // width, minlength=n)
    lowest, highest = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(lowest, coded.evaluator, coded.score)
    np.maximum.at(highest, coded.evaluator, coded.score)
    columns = _moments(coded.score, coded.evaluator, n) | {
        "raters": np.bincount(coded.rater_evaluator, minlength=n),
        "outputs": outputs,
        "share_of_outputs": outputs / len(coded.outputs),
        "lowest": lowest,
        "highest": highest,
        "share_of_reference": _share_of_reference(coded, pairs, width),
    }
    frame = pd.DataFrame(columns, index=pd.Index(coded.evaluators, dtype="str")).reindex(list(names))
    whole = ["ratings", "raters", "outputs"]
    frame[whole] = frame[whole].fillna(0).astype(np.intp)
    frame = frame.assign(
        kind=table.to_numpy(),
        anonymous=table.isin(ratings.anonymous_kinds).to_numpy(),
        missing=_missing(ratings, "evaluator", names),
    )
    order = [
        "kind",
        "anonymous",
        "raters",
        "ratings",
        "missing",
        "outputs",
        "share_of_outputs",
        "share_of_reference",
        "mean",
        "sd",
        "lowest",
        "highest",
    ]
    return frame[order].rename_axis("evaluator")


def _share_of_reference(coded: Coded, pairs: NDArray[np.int64], width: int) -> NDArray[np.float64]:
    """Share of the reference's outputs that each evaluator rated too."""
    if coded.reference < 0:
        return np.full(len(coded.evaluators), np.nan)
    rated = np.zeros(width, dtype=bool)
    rated[pairs[pairs // width == coded.reference] % width] = True
    both = np.bincount(pairs // width, weights=rated[pairs % width], minlength=len(coded.evaluators))
    return np.asarray(both / rated.sum(), dtype=np.float64)


def _by_rater(coded: Coded) -> pd.DataFrame:
    n = len(coded.raters)
    columns = _moments(coded.score, coded.rater, n) | {
        "evaluator": np.array(coded.evaluators, dtype=object)[coded.rater_evaluator],
        "items": _distinct_per(coded.rater, coded.item, n),
    }
    return pd.DataFrame(columns, index=pd.Index(coded.raters, name="rater", dtype="str"))[
        ["evaluator", "ratings", "items", "mean", "sd"]
    ]


def _tally(output: Codes) -> pd.Series:
    sizes, outputs = np.unique(np.bincount(output), return_counts=True)
    return pd.Series(outputs, index=pd.Index(sizes, name="ratings"), name="outputs")


def _components(coded: Coded, *, by_item: bool) -> tuple[tuple[str, ...], ...]:
    """Groups of variants in the graph of variants and items, with raters too unless `by_item`.

    Slots are not persons: they count as their evaluator.
    """
    n_variants, n_items = len(coded.variants), len(coded.items)
    rater = np.where(coded.anonymous[coded.evaluator], len(coded.raters) + coded.evaluator, coded.rater)
    links = [n_variants + coded.item] if by_item else [n_variants + coded.item, n_variants + n_items + rater]
    ends = np.concatenate(links)
    starts = np.tile(coded.variant, len(links))
    size = n_variants + n_items + len(coded.raters) + len(coded.evaluators)
    _, label = connected_components(coo_array((np.ones(len(ends)), (starts, ends)), shape=(size, size)), directed=False)
    rated = np.unique(coded.variant)
    groups = [
        tuple(coded.variants[v] for v in rated if label[v] == group) for group in dict.fromkeys(label[rated].tolist())
    ]
    return tuple(groups)


def _sentences(facts: ScoreDescription) -> list[str]:
    parts = ((len(facts.variants), "variant"), (facts.n_items, "item"), (len(facts.raters), "rater"))
    whole = ", ".join(count(number, noun) for number, noun in parts)
    words = [f"{count(facts.n_ratings, 'rating')} of {count(facts.n_outputs, 'output')}: {whole}"]
    if facts.n_missing:
        by = ", ".join(f"{quote(name)} {n:,}" for name, n in facts.evaluators["missing"].items() if n)
        words.append(f"{count(facts.n_missing, 'score')} missing: {by}")
    sizes = facts.ratings_per_output
    fewest, most = int(sizes.index.min()), int(sizes.index.max())
    words.append(
        f"every output has {count(fewest, 'rating')}"
        if fewest == most
        else f"an output has {fewest:,} to {most:,} ratings, {facts.n_ratings / facts.n_outputs:.1f} on average"
    )
    for name, row in facts.evaluators.iterrows():
        overlap = (
            ""
            if facts.reference in (None, name)
            else f", {rough(row['share_of_reference'])} of those of {quote(facts.reference)}"
        )
        raters = f"{count(int(row['raters']), 'slot' if row['anonymous'] else 'rater')}"
        words.append(
            f"{quote(name)} ({row['kind']}, {raters}) rated {rough(row['share_of_outputs'])} of the "
            f"outputs{overlap}, mean {row['mean']:.3g}"
        )
    if len(facts.components_by_item) == 1 and len(facts.variants) > 1:
        words.append("all variants are linked by shared items")
    elif len(facts.components) == 1 and len(facts.variants) > 1:
        words.append(
            f"variants share raters but not items: {count(len(facts.components_by_item), 'group')} by items alone"
        )
    elif len(facts.components) > 1:
        words.append("groups of variants without a link: " + "; ".join(listing(group) for group in facts.components))
    return words
