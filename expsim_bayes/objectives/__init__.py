"""Several objectives at once: which variant is best by quality, cost, latency together, within limits.

metrics    a fit -> Metric; limits as people write them
weighing   weigh (metrics, weights and limits -> Weighed, with the decision)
words      the decision and its reasons in plain sentences
"""

from expsim_bayes.objectives.metrics import Limit, Metric, limit, metric_of
from expsim_bayes.objectives.weighing import Candidate, Weighed, weigh
from expsim_bayes.objectives.words import advice

__all__ = ["Candidate", "Limit", "Metric", "Weighed", "advice", "limit", "metric_of", "weigh"]
