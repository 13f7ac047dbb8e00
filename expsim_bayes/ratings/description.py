"""What a table holds, whatever its rows are: in words before any model, and as numbers of things that took part."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from expsim_bayes.ratings.call_description import describe_calls
from expsim_bayes.ratings.calls import code_calls
from expsim_bayes.ratings.coding import code
from expsim_bayes.ratings.comparison_description import describe_comparisons
from expsim_bayes.ratings.comparisons import code_comparisons
from expsim_bayes.ratings.ranking_description import describe_rankings
from expsim_bayes.ratings.rankings import code_rankings
from expsim_bayes.ratings.score_description import describe_scores

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from expsim_bayes.ratings.contract import Outcome, Ratings


class Description(Protocol):
    """What every description can say."""

    @property
    def n_ratings(self) -> int:
        """Scores, verdicts, rankings or calls that can be used."""

    @property
    def components(self) -> tuple[tuple[str, ...], ...]:
        """Groups of variants that are linked; variants of different groups cannot be compared."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What cannot be told, or only with the help of the priors; each begins with "warning: "."""

    def sentences(self) -> tuple[str, ...]:
        """The description in plain words, warnings last."""


DESCRIBED: dict[Outcome, Callable[[Ratings], Description]] = {
    "score": describe_scores,
    "comparison": describe_comparisons,
    "ranking": describe_rankings,
    "operations": describe_calls,
}


def describe(ratings: Ratings) -> Description:
    """Describe a table: counts, links between variants, what is missing, and the limits of what it can tell.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import describe, validate
    >>> frame = pd.DataFrame({"variant": ["A", "B"], "item": "1", "rater": "ann", "score": [4.0, 5.0]})
    >>> describe(validate(frame)).sentences()[0]
    '2 ratings of 2 outputs: 2 variants, 1 item, 1 rater'
    """
    return DESCRIBED[ratings.outcome](ratings)


class TakingPart(NamedTuple):
    """Who and what took part; V variants, K evaluators, J raters."""

    variants: tuple[str, ...]
    """All variants."""
    evaluators: tuple[str, ...]
    """Evaluators; none where nobody rated."""
    kinds: tuple[str, ...]
    """Kind of each evaluator."""
    raters: tuple[str, ...]
    """Raters, by evaluator."""
    rater_evaluator: NDArray[np.intp]
    """(J,) evaluator of each rater."""
    by_variant: NDArray[np.intp]
    """(V,) outputs, comparisons, rankings or calls in which each variant took part."""
    by_evaluator: NDArray[np.intp]
    """(K,) ratings each evaluator gave."""
    by_rater: NDArray[np.intp]
    """(J,) ratings each rater gave."""
    reference: int
    """Evaluator that defines quality; -1 where nobody does."""
    total: int
    """Scores, verdicts, rankings or calls in all."""


def taking_part(ratings: Ratings) -> TakingPart:
    """Who and what took part in some ratings.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import taking_part, validate
    >>> frame = pd.DataFrame({"variant": ["A", "B"], "item": "1", "rater": "ann", "score": [4.0, 5.0]})
    >>> taking_part(validate(frame)).by_rater.tolist()
    [2]
    """
    if ratings.outcome == "operations":
        calls = code_calls(ratings)
        nobody = np.zeros(0, dtype=np.intp)
        by_variant = np.bincount(calls.variant, minlength=len(calls.variants))
        return TakingPart(calls.variants, (), (), (), nobody, by_variant, nobody, nobody, -1, calls.variant.size)
    if ratings.outcome == "score":
        scores = code(ratings)
        weight = np.ones(scores.score.size)
        return _rated(scores, np.bincount(scores.output_variant, minlength=len(scores.variants)), weight)
    if ratings.outcome == "comparison":
        compared = code_comparisons(ratings)
        sides = np.concatenate([compared.left, compared.right])
        met = np.bincount(sides, np.tile(compared.weight, 2), len(compared.variants))
        return _rated(compared, met, compared.weight)
    ranked = code_rankings(ratings)
    placed = np.bincount(ranked.order[ranked.order >= 0], minlength=len(ranked.variants))
    return _rated(ranked, placed, np.ones(ranked.size.size))


class _Coded(Protocol):
    """What all codes of ratings by raters have."""

    @property
    def variants(self) -> tuple[str, ...]: ...
    @property
    def evaluators(self) -> tuple[str, ...]: ...
    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def raters(self) -> tuple[str, ...]: ...
    @property
    def rater_evaluator(self) -> NDArray[np.intp]: ...
    @property
    def rater(self) -> NDArray[np.intp]: ...
    @property
    def evaluator(self) -> NDArray[np.intp]: ...
    @property
    def reference(self) -> int: ...


def _rated(data: _Coded, by_variant: NDArray[np.generic], weight: NDArray[np.float64]) -> TakingPart:
    return TakingPart(
        variants=data.variants,
        evaluators=data.evaluators,
        kinds=data.kinds,
        raters=data.raters,
        rater_evaluator=data.rater_evaluator,
        by_variant=by_variant.astype(np.intp),
        by_evaluator=np.bincount(data.evaluator, weight, len(data.evaluators)).astype(np.intp),
        by_rater=np.bincount(data.rater, weight, len(data.raters)).astype(np.intp),
        reference=data.reference,
        total=int(weight.sum()),
    )
