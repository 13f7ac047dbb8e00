"""How a fit went, told of any DataTree: its chains, its checks, and everything together as finished numbers.

chains    draws of each number, their ranks, and the energy of a sampler
checks    verdict, sensitivity to priors, predictions of what was left out; what goes wrong is told in words
features  what predictions of any fit reproduce of its data
found     all that a report says of how a fit went, in one frozen object
"""

from expsim_bayes.diagnosis.found import Diagnosed, diagnose

__all__ = ["Diagnosed", "diagnose"]
