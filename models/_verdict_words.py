"""What is said of verdicts before any fit: repeats, evaluators of one voice, gold labels, and what the design leaves entangled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.amounts import rough

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Coded

    Codes = NDArray[np.intp]


def repeated(asked: NDArray[np.int64], observed: NDArray[np.bool_]) -> list[str]:
    again = int((asked[observed] - 1).sum())
    if not again:
        return []
    return [
        (
            f"{again:,} verdicts are further ones of raters not told apart, or of the same rater, on one output: given the truth they are "
            "independent."
        )
    ]


def one_voiced(data: Coded, gold: int) -> list[str]:
    """Warnings of evaluators who say the same of everything."""
    said = []
    for k, name in enumerate(data.evaluators):
        own = data.score[data.evaluator == k]
        if k != gold and own.size > 1 and np.unique(own).size == 1:
            said.append(
                f"warning: all {own.size:,} verdicts of {name} are {own[0]:g}: they cannot tell outputs apart, and checks of its shares "
                "are left out."
            )
    return said


def labels(data: Coded, label: Codes, ones: NDArray[np.int64]) -> list[str]:
    """What to say of the gold labels: of one class only, or not a random part of the outputs."""
    has = label >= 0
    if not has.any():
        return []
    said = []
    truth = ones[label[has]] > 0
    if truth.all() or not truth.any():
        other = "specificity" if truth.all() else "sensitivity"
        said.append(
            f"warning: all {truth.size:,} gold labels are {int(truth[0])}: the {other} of the others is not identified by them "
            "and leans on its prior."
        )
    if not has.all():
        said.append(
            f"Gold labels cover {int(has.sum()):,} of {has.size:,} outputs; the truth of the others is summed out."
        )
        said += _selected(data, has)
    return said


def absent(data: Coded) -> list[str]:
    """Warnings of variants without verdicts."""
    absent = [name for v, name in enumerate(data.variants) if not (data.output_variant == v).any()]
    return [f"warning: no verdicts of {name}: only the prior speaks of it." for name in absent]


def confounded(data: Coded, column: str | None, stratum: Codes, shift: NDArray[np.bool_]) -> list[str]:
    """A warning where each variant occurs in one kind of item only, and judges' errors are taken to be the same over kinds."""
    pairs = np.unique(np.stack([data.output_variant, stratum[data.output_item]]), axis=1)
    if column is None or not shift.any() or np.unique(pairs[0]).size < pairs.shape[1]:
        return []
    return [
        (
            f"warning: no variant occurs in more than one kind of {column!r}: where a judge errs more in one kind than in another, "
            f"that passes for a taste for its variants, and predictions may look right. --domain {column} tells errors apart by kind."
        )
    ]


def same_everywhere(data: Coded, panel: int, column: str | None) -> list[str]:
    """That the people who define the truth err alike in all kinds of item, where others may not."""
    if column is None or panel < 0 or data.kinds[panel] != "human":
        return []
    return [
        (
            f"How often {data.evaluators[panel]} errs is taken to be the same in all kinds of {column!r}: were it free, a kind in which "
            "judges agree with one another against people would pass for one in which people err."
        )
    ]


def _selected(data: Coded, has: NDArray[np.bool_]) -> list[str]:
    """Warnings where evaluators say 1 more often, or less, of labelled outputs than of others."""
    said = []
    for k, name in enumerate(data.evaluators):
        own = data.evaluator == k
        inside, outside = data.score[own & has[data.output]], data.score[own & ~has[data.output]]
        if min(inside.size, outside.size) < 5:
            continue
        pooled = data.score[own].mean()
        error = np.sqrt(pooled * (1 - pooled) * (1 / inside.size + 1 / outside.size))
        if error > 0 and abs(inside.mean() - outside.mean()) > 3 * error:
            said.append(
                f"warning: gold labels are no random part of the outputs: {name} says 1 of {rough(inside.mean())} of the labelled and of "
                f"{rough(outside.mean())} of the others. What was selected by these verdicts is allowed for, what by the truth is not."
            )
    return said
