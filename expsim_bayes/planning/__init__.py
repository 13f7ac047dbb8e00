r"""What more ratings would bring: "collect N more", what they are worth, and the floor that no number of them can pass.

N is the smallest number of ratings with which the rules decide with a probability of at least .8. Where none does, more of this kind cannot
settle it.

futures   what a batch may lead to: how often the rules decide, what choosing later is worth
batches   batches of stated kinds of ratings, by the fast posterior
same      more of the same, from the draws of any fit
"""

from __future__ import annotations

from expsim_bayes.planning.batches import Question, Source, further_ratings, pairing_gain, with_new_raters
from expsim_bayes.planning.futures import Choice, Further, value_of_batch
from expsim_bayes.planning.same import bound_to, more_of_the_same

__all__ = [
    "Choice",
    "Further",
    "Question",
    "Source",
    "bound_to",
    "further_ratings",
    "more_of_the_same",
    "pairing_gain",
    "value_of_batch",
    "with_new_raters",
]
