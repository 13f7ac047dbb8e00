r"""What more ratings would bring: "collect N more", what they are worth, and the floor that no number of them can pass.

N is the smallest number of ratings with which the rules decide with a probability of at least .8. Where none does, more of this kind cannot
settle it.

futures   what a batch may lead to: how often the rules decide, what choosing later is worth
batches   batches of stated kinds of ratings, by the fast posterior
same      more of the same, from the draws of any fit

And the threshold that holds the false-launch rate for a schedule of looks:

calibration   the search and its independent check
words         the same in sentences, and as TOML
"""

from __future__ import annotations

from expsim_bayes.planning.batches import Question, Source, further_ratings, pairing_gain, with_new_raters
from expsim_bayes.planning.calibration import Calibration, Design, Found, calibrate, check, design_of, search
from expsim_bayes.planning.futures import Choice, Further, value_of_batch
from expsim_bayes.planning.same import bound_to, more_of_the_same
from expsim_bayes.planning.words import Advice, advice, asked, rules_as_toml, sure

__all__ = [
    "Advice",
    "Calibration",
    "Choice",
    "Design",
    "Found",
    "Further",
    "Question",
    "Source",
    "advice",
    "asked",
    "bound_to",
    "calibrate",
    "check",
    "design_of",
    "further_ratings",
    "more_of_the_same",
    "pairing_gain",
    "rules_as_toml",
    "search",
    "sure",
    "value_of_batch",
    "with_new_raters",
]
