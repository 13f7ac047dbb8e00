r"""Whether a judge has changed between batches: its ratings against people's on shared outputs, look against earlier looks.

For each judge and look, least squares of :math:`y = \alpha_{variant} + \beta_{person} + \delta\,[\text{this look}]` over the ratings
up to that look, with :math:`y` the judge's mean score of an output minus a person's score of it, and standard errors that take the
ratings of an item as one cluster. What variants are rated and who rates may thus differ from look to look. Without people, :math:`y`
is the judge's score itself. Intervals are corrected by Bonferroni for the number of judges and looks that are compared, and a little
wider than normal ones where a look holds few items (Student, one degree of freedom fewer than the items of the smaller side).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from expsim_bayes.frozen import Frozen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

FEWEST = 10
"""Items that a look, and all before it together, must hold of a judge before it is compared."""
LEVEL = 0.95
"""Probability that no judge that is the same gets an alarm."""


class Drift(Frozen):
    """How a judge rates at one look, against the looks before."""

    judge: str
    """The judge."""
    look: int
    """The look."""
    against: str
    """What it is compared with: "people", or "its own level" where no person rated its outputs."""
    change: float
    """How much higher it rates than before, in points."""
    low: float
    """Lower end of the interval, corrected for all that were compared."""
    high: float
    """Upper end."""
    compared: int
    """How many judges and looks were compared."""

    @property
    def told(self) -> bool:
        """Whether the interval leaves out no change at all."""
        return self.low > 0 or self.high < 0


def drifts(ratings: Ratings, look_of_row: NDArray[np.intp]) -> tuple[Drift, ...]:
    """How each judge rates at each look after its first, against the looks before; none where rows are no scores.

    Parameters
    ----------
    ratings : Ratings
        All so far.
    look_of_row : numpy.ndarray
        (row,) number of the look with which each row came.

    Examples
    --------
    >>> from expsim_bayes.ratings import validate
    >>> rng = np.random.default_rng(1)
    >>> n = 80
    >>> frame = pd.DataFrame({"variant": np.tile(["A", "B"], n // 2), "item": np.arange(n) // 2, "rater": "judge", "kind": "llm"})
    >>> frame["score"] = rng.normal(3.0, 0.1, n) + 0.5 * (np.arange(n) >= n // 2)
    >>> found = drifts(validate(frame), np.repeat([1, 2], n // 2))
    >>> found[0].against, bool(abs(found[0].change - 0.5) < 0.1), found[0].told
    ('its own level', True, True)
    """
    if ratings.outcome != "score":
        return ()
    table = ratings.table.assign(look=look_of_row)
    table = table[table["score"].notna()]
    tests = []
    for judge, own in table[table["kind"] != "human"].groupby("evaluator", sort=True):
        paired = _beside_people(own, table[table["kind"] == "human"])
        against, rows = ("people", paired) if len(paired) else ("its own level", _alone(own))
        for look in sorted(rows["look"].unique())[1:]:
            found = _compared(rows[rows["look"] <= look], int(look))
            if found is not None:
                tests.append((str(judge), int(look), against, *found))
    if not tests:
        return ()
    tail = (1 - LEVEL) / (2 * len(tests))
    return tuple(
        Drift(
            judge=judge,
            look=look,
            against=against,
            change=change,
            low=change + float(stdtrit(freedom, tail)) * error,
            high=change - float(stdtrit(freedom, tail)) * error,
            compared=len(tests),
        )
        for judge, look, against, change, error, freedom in tests
    )


OUTPUT = ["variant", "item", "output"]


def _beside_people(own: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """A row a person's rating of an output that the judge rated too: the difference, the look at which the judge rated."""
    judged = own.groupby(OUTPUT, sort=True).agg(judged=("score", "mean"), look=("look", "min")).reset_index()
    both = judged.merge(people[[*OUTPUT, "rater", "score"]], on=OUTPUT)
    return pd.DataFrame(
        {
            "y": both["judged"] - both["score"],
            "look": both["look"],
            "item": both["item"],
            "variant": both["variant"],
            "rater": both["rater"],
        }
    )


def _alone(own: pd.DataFrame) -> pd.DataFrame:
    """A row a rating by the judge."""
    return pd.DataFrame(
        {"y": own["score"], "look": own["look"], "item": own["item"], "variant": own["variant"], "rater": ""}
    )


def _compared(rows: pd.DataFrame, look: int) -> tuple[float, float, int] | None:
    """Change at the last look of some rows, its standard error and degrees of freedom; None where it cannot be told."""
    here = (rows["look"] == look).to_numpy()
    fewest = min(rows["item"][here].nunique(), rows["item"][~here].nunique())
    if fewest < FEWEST:
        return None
    design = np.column_stack(
        [here.astype(float), pd.get_dummies(rows["variant"], dtype=float), pd.get_dummies(rows["rater"], dtype=float)]
    )
    others = design[:, 1:]
    left = here - others @ np.linalg.lstsq(others, here.astype(float), rcond=None)[0]
    if left @ left < 1e-8 * len(rows):  # who rates, or what is rated, changed with the look: nothing can be told apart
        return None
    return *_least_squares(design, rows["y"].to_numpy(float), pd.factorize(rows["item"])[0]), fewest - 1


def _least_squares(
    design: NDArray[np.float64], y: NDArray[np.float64], cluster: NDArray[np.intp]
) -> tuple[float, float]:
    """First coefficient, and its standard error with the ratings of a cluster taken together (Liang and Zeger 1986)."""
    bread = np.linalg.pinv(design.T @ design)
    coefficient = bread @ design.T @ y
    residual = y - design @ coefficient
    scores = np.zeros((cluster.max() + 1, design.shape[1]))
    np.add.at(scores, cluster, design * residual[:, None])
    n, clusters, rank = len(y), len(scores), np.linalg.matrix_rank(design)
    factor = clusters / (clusters - 1) * (n - 1) / max(n - rank, 1)
    variance = factor * (bread @ scores.T @ scores @ bread)[0, 0]
    return float(coefficient[0]), float(np.sqrt(max(variance, 0.0)))
