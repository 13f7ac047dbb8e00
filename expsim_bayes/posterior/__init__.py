"""The fast sequential posterior of the score story: exact given the variance components and the use of the scale.

`layout` which latent effects exist and where they stand in the latent vector;
`beliefs` what a scenario believes, as components;
`gaussian` init, update and marginals, every array with a leading replication axis.
"""

from expsim_bayes.posterior.beliefs import beliefs
from expsim_bayes.posterior.gaussian import (
    Batch,
    Marginals,
    State,
    carried_over,
    init,
    latent_marginals,
    quality_marginals,
    update,
)
from expsim_bayes.posterior.layout import Components, Layout, layout

__all__ = [
    "Batch",
    "Components",
    "Layout",
    "Marginals",
    "State",
    "beliefs",
    "carried_over",
    "init",
    "latent_marginals",
    "layout",
    "quality_marginals",
    "update",
]
