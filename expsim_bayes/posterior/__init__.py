"""The fast sequential posterior: of the score story exact given the variance components and the use of the scale, of counts exact.

`layout` which latent effects exist and where they stand in the latent vector;
`beliefs` what a scenario believes, as components;
`gaussian` init, update and marginals, every array with a leading replication axis;
`counts` the same for a binary outcome that is seen as it is;
`verdicts` the same for one that is seen with errors: `patterns` of verdicts, whose `confusion` tells rates and errors, by `nested` points;
`known` what the loop of an experiment asks of a posterior, and `scores` how the Gaussian one answers.
"""

from expsim_bayes.posterior.beliefs import beliefs
from expsim_bayes.posterior.counts import Counts, KnownCounts
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
from expsim_bayes.posterior.known import Known, Latents, Qualities, nothing_known
from expsim_bayes.posterior.layout import Components, Layout, among, layout
from expsim_bayes.posterior.scores import KnownScores, latent_names, latent_truth
from expsim_bayes.posterior.verdicts import KnownVerdicts

__all__ = [
    "Batch",
    "Components",
    "Counts",
    "Known",
    "KnownCounts",
    "KnownScores",
    "KnownVerdicts",
    "Latents",
    "Layout",
    "Marginals",
    "Qualities",
    "State",
    "among",
    "beliefs",
    "carried_over",
    "init",
    "latent_marginals",
    "latent_names",
    "latent_truth",
    "layout",
    "nothing_known",
    "quality_marginals",
    "update",
]
