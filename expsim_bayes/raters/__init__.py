"""What a fit says of those who rated.

`report` ratings given, severity, errors and noise, tastes, and who follows least, in one value.
`misfit` who of a pool is farther from what the fit expects than the others.
`words`  all that in plain sentences.
"""

from expsim_bayes.raters.misfit import Apart, Misfit
from expsim_bayes.raters.report import Evaluator, Follows, Rater, Raters, Taste, Trait, raters
from expsim_bayes.raters.words import sentences

__all__ = ["Apart", "Evaluator", "Follows", "Misfit", "Rater", "Raters", "Taste", "Trait", "raters", "sentences"]
