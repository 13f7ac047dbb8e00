"""What is said of variants that are compared: how far a judge's taste moves verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.outcomes import EQUAL
from expsim_bayes.simulate.duels import won_by_equals

if TYPE_CHECKING:
    from expsim_bayes.evaluators import Evaluator


def taste_as_share(evaluator: Evaluator, *, ties: bool = True) -> float:
    """How many more comparisons of equals one SD of an evaluator's taste for a variant wins it, as a share.

    Parameters
    ----------
    evaluator : Evaluator
        Who compares.
    ties : bool
        Whether it may say that neither is better; one who puts in order may not.

    Examples
    --------
    >>> from expsim_bayes.evaluators import Evaluator
    >>> round(taste_as_share(Evaluator(name="judge", kind="llm", usd_per_rating=0.01, shift_sd=0.4)), 3)
    0.083
    """
    if not ties:
        return float(1.0 / (1.0 + np.exp(-evaluator.shift_sd))) - EQUAL
    return won_by_equals(evaluator, evaluator.shift_sd) - EQUAL
