"""Finished experiments and fits to the facts of a recommendation.

experiment   a simulated experiment -> Facts
fit          a fit of real ratings -> Facts (needs ArviZ: import it where it is used); guard: is a variant worse by more than a margin?
counted      what is said where outputs succeed or fail; compared: where they stand side by side
kinds        which kinds of further ratings there are to choose from
reading      a fit as it is read: severities, tastes, spreads; measures: what it tells beside quality; plain: means without a model
forecast     what further ratings would bring
"""

from expsim_bayes.recommend.experiment import of_experiment

__all__ = ["of_experiment"]
