"""Which model of the family suits some ratings: told by what a row is and by what the scores look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.amounts import rough

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

MOST_STEPS = 10
"""Whole points up to which a scale is one of a few steps."""
MANY_ZEROS = 0.3
"""Share of outputs without an error from which zeros are a thing of their own."""
SKEWED = 0.5
"""Skewness of the scores above 0 from which they have a long tail."""
BY_OUTCOME = {
    "comparison": ("preference", "a row compares two variants"),
    "ranking": ("ranking", "a row is a place in a ranking"),
    "operations": ("operations", "a row is a call and what it used up; nobody rated it"),
}
"""Models of tables that hold no scores."""


def choose(ratings: Ratings) -> tuple[str, str]:
    """Name of a model and why it was chosen."""
    if ratings.outcome != "score":
        return BY_OUTCOME[ratings.outcome]
    return _of_scores(ratings, ratings.table["score"].dropna().to_numpy(np.float64))


def _of_scores(ratings: Ratings, score: NDArray[np.float64]) -> tuple[str, str]:
    values = np.unique(score)
    if _nothing_compared(ratings):
        return "classes", f"nothing is compared, and the scores name {values.size} classes"
    if set(values.tolist()) <= {0.0, 1.0}:
        return "binary", "every score is 0 or 1"
    if not ratings.higher_is_better and _errors(score):
        return (
            "error_scores",
            f"the scores count errors, {rough((score == 0).mean())} of them are 0 and the others have a long tail",
        )
    steps = _steps(ratings, values)
    if steps is not None:
        return "ordinal", f"every score is one of the {steps[1] - steps[0] + 1} steps from {steps[0]} to {steps[1]}"
    if (values != np.floor(values)).any():
        return "continuous", "scores lie between whole points"
    return "continuous", "the scale has many steps, or its ends are not known"


def _nothing_compared(ratings: Ratings) -> bool:
    """Whether the table came without variants."""
    return ratings.variants == ("all",) and any("nothing is compared" in notice for notice in ratings.notices)


def _errors(score: NDArray[np.float64]) -> bool:
    """Whether scores are errors: none below 0, many 0, and the others with a long tail to the right."""
    if score.min() < 0 or (score == 0).mean() < MANY_ZEROS:
        return False
    from_mean = score[score > 0] - score[score > 0].mean()
    spread = np.sqrt(np.mean(from_mean**2)) if from_mean.size else 0.0
    return bool(spread > 0 and np.mean(from_mean**3) > SKEWED * spread**3)


def _steps(ratings: Ratings, values: NDArray[np.float64]) -> tuple[int, int] | None:
    """Ends of a scale of a few whole steps: declared, or evident where it begins at 0 or 1 and every step of three or more occurs."""
    if (values != np.floor(values)).any():
        return None
    if ratings.score_range is not None:
        low, high = ratings.score_range
    else:
        low, high = float(values[0]), float(values[-1])
        if low not in (0.0, 1.0) or values.size < 3 or values.size != high - low + 1:
            return None
    few = 1 < high - low < MOST_STEPS and low == np.floor(low) and high == np.floor(high)
    return (int(low), int(high)) if few else None
