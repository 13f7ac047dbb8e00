"""Verdicts of 0 and 1 laid out for the binary model: who said what of which output, and which outputs carry a gold label.

An *entry* is what one rater said of one output, asked once or more often. Raters who are not told apart are one rater. A *cell* is
everything that the chance of a verdict depends on beside the truth: rater, kind of item and, for judges, the variant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.models import _verdict_words as words
from expsim_bayes.models._centring import group_weight
from expsim_bayes.ratings import Coded, Ratings, code

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.intp]

MOST_OUTPUTS = 30
"""Outputs of one item up to which its effect is integrated out by quadrature rather than sampled."""
FEWEST_A_RATER = 2.0
"""Mean verdicts of a pool's raters without which they are not told apart."""
MIN_REPLICATES = 3
"""Outputs beyond the first of their item (or cell) without which items (or fits of a variant to an item) are not told apart."""
MOST_STRATA = 6
"""Most values of a column of the table for which predictions are looked at one by one."""


class Verdicts(NamedTuple):
    """E entries on O outputs by K evaluators, with C cells."""

    data: Coded
    """The verdicts one by one, those of gold raters who contradict each other left out."""
    gold: int
    """Evaluator whose verdicts are the truth; -1 without one."""
    bound: int
    """Evaluator of which sensitivity + specificity > 1 is assumed, which excludes the mirrored solution; -1 where gold labels do."""
    ones: NDArray[np.int64]
    """(E,) verdicts of 1."""
    asked: NDArray[np.int64]
    """(E,) verdicts."""
    output: Codes
    """(E,)"""
    rater: Codes
    """(E,) the first of the evaluator where its raters are not told apart."""
    evaluator: Codes
    """(E,)"""
    cell: Codes
    """(E,) cell; 0 for gold labels, which have none."""
    label: Codes
    """(O,) entry that is the gold label of an output; -1 without one."""
    cell_rater: Codes
    """(C,)"""
    cell_evaluator: Codes
    """(C,)"""
    cell_domain: Codes
    """(C,)"""
    cell_variant: Codes
    """(C,) variant; 0 for people, whose verdicts do not shift with it."""
    domains: tuple[str, ...]
    """Kinds of item along which sensitivity and specificity differ; one without a column for them."""
    rated: NDArray[np.float64]
    """(evaluator, domain, variant) outputs rated; evenly spread where an evaluator rated none in a domain."""
    strata: tuple[str, ...]
    """Values of the column by which predictions are looked at; one without such a column."""
    stratum: Codes
    """(O,)"""
    shift: NDArray[np.bool_]
    """(K,) judges, whose errors may shift with the variant."""
    individual: NDArray[np.bool_]
    """(K,) pools whose raters are told apart."""
    item: bool
    """Whether items differ in how often the truth is 1."""
    interaction: bool
    """Whether a variant's fit to an item can be told from its generations."""
    integrated: bool
    """Whether the effects of items are integrated out."""
    output_cell: Codes
    """(O,) item x variant."""
    centring: float
    """How far effects of items, where they are sampled, are sampled as they are."""
    sentences: tuple[str, ...]
    """What was merged, left out or assumed."""


def verdicts(
    ratings: Ratings, *, gold: str | None = None, domain: str | None = None, declared: bool = False
) -> Verdicts:
    """Verdicts of 0 and 1 as the binary model takes them.

    Parameters
    ----------
    ratings : Ratings
        Validated scores of 0 and 1; missing ones are left out.
    gold : str, optional
        The evaluator whose verdicts are the truth.
    domain : str, optional
        A column of the table with the kind of each item.
    declared : bool
        Whether the priors of sensitivity and specificity are knowledge, so that judges alone may be fitted.

    Raises
    ------
    RatingsError
        A score is neither 0 nor 1, a kind of item is not one of its item, or judges are alone.
    SettingError
        There is no such evaluator or column.
    """
    data = code(ratings)
    _require_verdicts(data, ratings.source)
    k_gold = _gold(data, gold)
    data, said = _settled(data, k_gold, ratings.source)
    bound, about = _anchor(data, k_gold, ratings, declared=declared)
    of_item, domains = _domain(ratings, data, domain)
    column, stratum, strata = (domain, of_item, domains) if domain else _strata(ratings, data)
    n_evaluators = len(data.evaluators)
    judges = np.array([kind != "human" for kind in data.kinds]) & (np.arange(n_evaluators) != k_gold)
    shift = judges & (np.unique(data.variant).size > 1)
    individual, people = _individual(data, k_gold)
    first = np.array([np.flatnonzero(data.rater_evaluator == k)[0] for k in range(n_evaluators)])
    rater = np.where(individual[data.evaluator], data.rater, first[data.evaluator])
    pairs, entry = np.unique(np.stack([data.output, rater]), axis=1, return_inverse=True)
    entry = entry.ravel()
    ones = np.bincount(entry, data.score, pairs.shape[1]).astype(np.int64)
    asked = np.bincount(entry, minlength=pairs.shape[1]).astype(np.int64)
    output, rater = pairs
    evaluator = data.rater_evaluator[rater]
    observed = evaluator != k_gold
    keys = np.stack(
        [rater, of_item[data.output_item[output]], np.where(shift[evaluator], data.output_variant[output], 0)]
    )
    cells, at = np.unique(keys[:, observed], axis=1, return_inverse=True)
    cell = np.zeros(output.size, dtype=np.intp)
    cell[observed] = at.ravel()
    label = np.full(len(data.outputs), -1, dtype=np.intp)
    label[output[~observed]] = np.flatnonzero(~observed)
    item, interaction, integrated, answers = nested(data)
    return Verdicts(
        data=data,
        gold=k_gold,
        bound=bound,
        ones=ones,
        asked=asked,
        output=output,
        rater=rater,
        evaluator=evaluator,
        cell=cell,
        label=label,
        cell_rater=cells[0],
        cell_evaluator=data.rater_evaluator[cells[0]],
        cell_domain=cells[1],
        cell_variant=cells[2],
        domains=domains,
        rated=_rated(data, evaluator, output, of_item, len(domains)),
        strata=strata,
        stratum=stratum[data.output_item],
        shift=shift,
        individual=individual,
        item=item,
        interaction=interaction,
        integrated=integrated,
        output_cell=np.unique(np.stack([data.output_item, data.output_variant]), axis=1, return_inverse=True)[
            1
        ].ravel(),
        centring=group_weight(data.score - data.score.mean(), data.item),
        sentences=(
            *said,
            *about,
            *people,
            *answers,
            *words.repeated(asked, observed),
            *words.one_voiced(data, k_gold),
            *words.labels(data, label, ones),
            *words.absent(data),
            *words.confounded(data, None if domain else column, stratum, shift),
            *words.same_everywhere(data, bound, domain),
        ),
    )


def _require_verdicts(data: Coded, source: str) -> None:
    odd = ~np.isin(data.score, (0.0, 1.0))
    if odd.any():
        raise RatingsError(
            f"{int(odd.sum()):,} of {odd.size:,} scores are neither 0 nor 1 (such as {data.score[odd][0]:g})",
            where=f"{source}, column 'score'",
            remedy="say below what score an error is flagged, such as --flag-below '*=0.5', or fit with --model ordinal or continuous",
        )


def _gold(data: Coded, gold: str | None) -> int:
    if gold is None:
        return -1
    if gold not in data.evaluators:
        raise SettingError(
            f"no evaluator is called {gold!r}", where="gold", remedy=f"choose among {', '.join(data.evaluators)}"
        )
    return data.evaluators.index(gold)


def _settled(data: Coded, gold: int, source: str) -> tuple[Coded, list[str]]:
    """Verdicts without the gold labels that contradict each other."""
    if gold < 0:
        return data, []
    is_gold = data.evaluator == gold
    n = len(data.outputs)
    asked = np.bincount(data.output[is_gold], minlength=n)
    ones = np.bincount(data.output[is_gold], data.score[is_gold], n)
    torn = (ones > 0) & (ones < asked)
    said = []
    if torn.any():
        said = [
            (
                f"warning: {int(torn.sum()):,} of {int((asked > 0).sum()):,} outputs carry gold labels that contradict each other: "
                "their truth is taken as unknown, not as the majority says."
            )
        ]
    if not (asked[~torn] > 0).any():
        raise RatingsError(
            "no output has gold labels that agree",
            where=f"{source}, evaluator {data.evaluators[gold]!r}",
            remedy="fit without --gold: its raters are then people who err",
        )
    drop = is_gold & torn[data.output]
    kept = {name: getattr(data, name)[~drop] for name in ("score", "variant", "item", "output", "rater", "evaluator")}
    return data._replace(**kept), said


def _anchor(data: Coded, gold: int, ratings: Ratings, *, declared: bool) -> tuple[int, list[str]]:
    """Whose verdicts are assumed to be better than chance, and what to say about what truth means."""
    observers = [k for k in range(len(data.evaluators)) if k != gold]
    people = [k for k in observers if data.kinds[k] == "human"]
    count = np.bincount(data.evaluator, minlength=len(data.evaluators))
    _refuse_reference(data, gold, people, ratings.reference)
    if gold >= 0:
        return -1, [f"{data.evaluators[gold]} is gold: where it gave a verdict, that is the truth."]
    if people:
        panel = data.reference if data.reference in people else max(people, key=lambda k: count[k])
        said = [
            (
                f"Truth is what {data.evaluators[panel]} would say in the long run: its sensitivity + specificity is taken to be above 1, "
                "which excludes the mirrored solution. Where its verdicts are the truth, name it with --gold."
            )
        ]
        if _verdicts_an_output(data, panel) < 1.5 and len(observers) < 3:
            said.append(
                f"warning: outputs have one verdict of {data.evaluators[panel]} each, so how often it errs is not identified by data and "
                "comes from its prior."
            )
        return panel, said
    if not declared:
        raise RatingsError(
            "judges alone: their errors and the truth cannot be told apart",
            where=ratings.source,
            remedy=(
                "add gold labels (--gold NAME) or people's verdicts for some outputs, or declare what is known of the judges' errors: "
                "--prior sensitivity, specificity, sd_accuracy, and declared=true"
            ),
        )
    panel = int(np.argmax(count)) if ratings.reference is None else data.reference
    return panel, [
        "warning: judges alone: the truth is not identified by the data, and stands on the declared prior of the judges' errors.",
        f"Sensitivity + specificity of {data.evaluators[panel]} is taken to be above 1.",
    ]


def _refuse_reference(data: Coded, gold: int, people: list[int], declared: str | None) -> None:
    """Raise where a declared reference cannot say what is true."""
    if declared is None or declared == (data.evaluators[gold] if gold >= 0 else None):
        return
    if gold >= 0 or (people and data.reference not in people):
        truth = data.evaluators[gold] if gold >= 0 else "people"
        raise SettingError(
            f"truth is what {truth} {'says' if gold >= 0 else 'say in the long run'}, not what {declared!r} says",
            where="reference",
            remedy=f"leave it away, or name {declared!r} with --gold where its verdicts are the truth",
        )


def panel(seen: Verdicts) -> NDArray[np.bool_]:
    """(evaluator,) whether its verdicts in the long run are what is called the truth: people, where there is no gold."""
    return np.array([k == seen.bound and kind == "human" for k, kind in enumerate(seen.data.kinds)])


def _verdicts_an_output(data: Coded, k: int) -> float:
    own = data.output[data.evaluator == k]
    return float(own.size / np.unique(own).size)


def _of_items(ratings: Ratings, data: Coded, column: str) -> tuple[Codes, tuple[str, ...]] | None:
    """Codes of a column along items, and its values; None where an item has several."""
    table = ratings.table
    values = table[column].astype(str).where(table[column].notna(), "")
    pairs = pd.DataFrame({"item": table["item"], "value": values}).drop_duplicates()
    if pairs["item"].duplicated().any():
        return None
    found = pairs.set_index("item")["value"].loc[list(data.items)]
    names, codes = np.unique(found.to_numpy(dtype=object).astype(str), return_inverse=True)
    return codes.astype(np.intp), tuple(names.tolist())


def _domain(ratings: Ratings, data: Coded, column: str | None) -> tuple[Codes, tuple[str, ...]]:
    if column is None:
        return np.zeros(len(data.items), dtype=np.intp), ("all",)
    if column not in ratings.table.columns:
        raise SettingError(
            f"the table has no column {column!r}",
            where="domain",
            remedy=f"name one of its columns: {', '.join(ratings.table.columns)}",
        )
    found = _of_items(ratings, data, column)
    if found is None:
        raise RatingsError(
            "one item has several kinds",
            where=f"{ratings.source}, column {column!r}",
            remedy="name a column that has one value an item",
        )
    return found


def _strata(ratings: Ratings, data: Coded) -> tuple[str | None, Codes, tuple[str, ...]]:
    """The first column of a few kinds of item, by which predictions are looked at even where the model does not: name, codes, values."""
    from expsim_bayes.ratings.contract import KNOWN

    for column in ratings.table.columns:
        if column in KNOWN or pd.api.types.is_numeric_dtype(ratings.table[column].dtype):
            continue
        found = _of_items(ratings, data, column)
        if found is not None and 1 < len(found[1]) <= MOST_STRATA:
            return column, *found
    return None, np.zeros(len(data.items), dtype=np.intp), ("all",)


def _individual(data: Coded, gold: int) -> tuple[NDArray[np.bool_], list[str]]:
    """Pools whose raters are told apart, and what to say of the others."""
    told, said = [], []
    for k, name in enumerate(data.evaluators):
        own = data.rater[data.evaluator == k]
        several = np.unique(own).size > 1 and k != gold
        enough = own.size >= FEWEST_A_RATER * np.unique(own).size
        told.append(bool(several and enough and not data.anonymous[k]))
        if several and data.anonymous[k]:
            said.append(f"Raters of {name} are slots, not persons: they share one sensitivity and one specificity.")
        elif several and not enough:
            said.append(
                f"Raters of {name} gave fewer than {FEWEST_A_RATER:g} verdicts on average and are not told apart."
            )
    return np.array(told), said


def nested(data: Coded) -> tuple[bool, bool, bool, list[str]]:
    """Whether items and fits of variants to items are told apart, and whether items are integrated out."""
    items = np.unique(data.output_item)
    cells = np.unique(np.stack([data.output_item, data.output_variant]), axis=1).shape[1]
    outputs = len(data.outputs)
    item = items.size > 1 and outputs - items.size >= MIN_REPLICATES
    interaction = item and outputs - cells >= MIN_REPLICATES and cells > items.size
    most = int(np.bincount(data.output_item).max())
    said = []
    if items.size == 1:
        said.append("There is only one item: quality is about this item alone.")
    elif not item:
        said.append("Items were answered once: how much they differ is part of the chance of each output.")
    if item and not interaction:
        said.append(
            "A variant's fit to an item is part of the chance of each output: there is one generation of a variant on an item."
        )
    return bool(item), bool(interaction), bool(item and not interaction and most <= MOST_OUTPUTS), said


def _rated(data: Coded, evaluator: Codes, output: Codes, of_item: Codes, domains: int) -> NDArray[np.float64]:
    rated = np.zeros((len(data.evaluators), domains, len(data.variants)))
    np.add.at(rated, (evaluator, of_item[data.output_item[output]], data.output_variant[output]), 1.0)
    rated[rated.sum(axis=2) == 0] = 1.0
    return rated


def coords(seen: Verdicts) -> dict[str, Any]:
    """Labels of the dims of the binary model."""
    data = seen.data
    of = data.rater_evaluator
    cells = dict(zip(seen.output_cell, zip(data.output_item, data.output_variant, strict=True), strict=True))
    return {
        "variant": list(data.variants),
        "item": list(data.items),
        "cell": [f"{data.items[i]} | {data.variants[v]}" for _, (i, v) in sorted(cells.items())],
        "output": list(data.outputs),
        "unlabelled": [name for o, name in enumerate(data.outputs) if seen.label[o] < 0],
        "rater": list(data.raters),
        "evaluator": list(data.evaluators),
        "domain": list(seen.domains),
        "stratum": list(seen.strata),
        "entry": np.arange(seen.ones.size),
        "free": [name for k, name in enumerate(data.evaluators) if k not in (seen.gold, seen.bound)],
        "pool": [name for k, name in enumerate(data.evaluators) if seen.individual[k]],
        "person": [name for r, name in enumerate(data.raters) if seen.individual[of[r]]],
    }
