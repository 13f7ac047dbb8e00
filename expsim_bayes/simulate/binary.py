"""Pretend verdicts of 0 and 1 from a declared truth: outputs pass or fail, and people and a judge see it with errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from expsim_bayes.frozen import Frozen
from expsim_bayes.ratings import validate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

NAMES = "ABCDEFGH"
"""Names of variants and of judges (J and the name)."""


class Truth(Frozen):
    """A small story: three variants, people who err a little, a judge who errs more, and gold labels for some items.

    Examples
    --------
    >>> Truth(q=(0.0, 1.0)).q
    (0.0, 1.0)
    """

    level: float = 0.5
    """Level of the truth, m; logits."""
    q: tuple[float, ...] = (-0.6, 0.0, 0.6)
    """What each variant adds; logits."""
    sd_item: float = 0.8
    """SD between items; logits."""
    items: int = 60
    """Number of items; each is answered by all variants."""
    people: int = 3
    """Number of people, who rate every output; 0 for none."""
    sensitivity_logit: tuple[float, ...] = (2.0, 1.0)
    """Sensitivity of the people, then of each judge, P(says 1 | truth 1); logits."""
    specificity_logit: tuple[float, ...] = (2.0, 0.7)
    """Specificity of the people, then of each judge, P(says 0 | truth 0); logits."""
    sd_sensitivity: float = 0.4
    """SD of sensitivity between people; logits."""
    sd_specificity: float = 0.4
    """SD of specificity between people; logits."""
    sd_shift: float = 0.3
    """SD of judges' tastes for variants, counted from each judge's own average; logits."""
    gold: float = 0.0
    """Share of items with a gold label by the evaluator "gold"."""
    domains: int = 1
    """Kinds of item, in a column `domain`; items take turns."""
    sd_domain: float = 0.0
    """SD of sensitivity and specificity between kinds of item, counted from the evaluator's own average; logits."""


def ratings(truth: Truth | None = None, random_seed: int = 0) -> Ratings:
    """Verdicts by a story.

    Parameters
    ----------
    truth : Truth, optional
        The story.
    random_seed : int
        Seed of everything drawn.

    Examples
    --------
    >>> ratings(Truth(items=2, people=1)).table["score"].isin([0, 1]).all()
    np.True_
    """
    told = truth or Truth()
    rng = np.random.default_rng(random_seed)
    n_variants, n_judges = len(told.q), len(told.sensitivity_logit) - 1
    item, variant = (axis.ravel() for axis in np.indices((told.items, n_variants)))
    domain = item % told.domains
    effect = rng.normal(0.0, told.sd_item, told.items)
    is_true = rng.random(item.size) < _inverse_logit(told.level + np.array(told.q)[variant] + effect[item])
    frames = []
    for number in range(told.people + n_judges):
        judge = number - told.people
        k = 0 if judge < 0 else judge + 1
        moved = [_from_average(rng, told.sd_domain, told.domains) for _ in range(2)]
        if judge < 0:
            if number == 0:
                shared = moved
            moved = shared
            own, shift = rng.normal(0.0, [told.sd_sensitivity, told.sd_specificity]), np.zeros(n_variants)
        else:
            own, shift = np.zeros(2), _from_average(rng, told.sd_shift, n_variants)
        hit = told.sensitivity_logit[k] + own[0] + moved[0][domain] + shift[variant]
        reject = told.specificity_logit[k] + own[1] + moved[1][domain] - shift[variant]
        says = rng.random(item.size) < np.where(is_true, _inverse_logit(hit), 1.0 - _inverse_logit(reject))
        names = ("human", f"person {number + 1}") if judge < 0 else ("llm", f"judge {judge + 1}")
        frames.append(_frame(item, variant, domain, says, names[0], names[1], "" if judge < 0 else names[1]))
    labelled = item < round(told.gold * told.items)
    if labelled.any():
        frames.append(
            _frame(item[labelled], variant[labelled], domain[labelled], is_true[labelled], "human", "gold", "gold")
        )
    table = pd.concat(frames, ignore_index=True)
    return validate(table, score_range=(0, 1), variants=NAMES[:n_variants], source="pretend verdicts")


def quality(truth: Truth | None = None) -> NDArray[np.float64]:
    """(variant,) probability that the truth is 1 on a new item."""
    told = truth or Truth()
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    rate = _inverse_logit(told.level + np.array(told.q)[:, None] + told.sd_item * nodes)
    return np.asarray(rate @ weights / weights.sum())


def small(random_seed: int = 0) -> Ratings:
    """A small design: two variants, twelve items, three people, a judge, gold labels for a quarter of the items."""
    return ratings(Truth(q=(-0.5, 0.5), items=12, gold=0.25), random_seed)


def _frame(  # noqa: PLR0917
    item: NDArray[np.intp],
    variant: NDArray[np.intp],
    domain: NDArray[np.intp],
    says: NDArray[np.bool_],
    kind: str,
    rater: str,
    evaluator: str,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "variant": np.array(list(NAMES))[variant],
            "item": [f"item {i + 1:04d}" for i in item],
            "domain": [f"kind {d + 1}" for d in domain],
            "rater": rater,
            "kind": kind,
            "evaluator": evaluator or "people",
            "score": says.astype(float),
        }
    )


def _from_average(rng: np.random.Generator, sd: float, size: int) -> NDArray[np.float64]:
    drawn = rng.normal(0.0, sd, size)
    return np.asarray(drawn - drawn.mean())


def _inverse_logit(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))
