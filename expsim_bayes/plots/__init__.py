"""Pictures: finished numbers and an Axes in, the Axes out.

`theme` gives figures, themes and files, `looks` draws one experiment as it went, `intervals` what is known of variants, raters and judges,
`predictive` whether the model fits, `chains` how a sampler went, `operating` what an experiment buys, `card` a decision for a slide.
"""

from expsim_bayes.plots.chains import chain_names, energy, ranks, trace
from expsim_bayes.plots.intervals import differences, judge_shifts, qualities, scale_use, severity, shift_map
from expsim_bayes.plots.looks import allocation_over_looks, cost_over_looks, prob_best_over_looks, quality_over_looks
from expsim_bayes.plots.operating import comparison, learning_curves
from expsim_bayes.plots.predictive import PredictedShares, feature_check, predicted_shares, predictive_check
from expsim_bayes.plots.theme import DARK, LIGHT, THEMES, Theme, figure, panels, render, rows_height, save

__all__ = [
    "DARK",
    "LIGHT",
    "THEMES",
    "PredictedShares",
    "Theme",
    "allocation_over_looks",
    "chain_names",
    "comparison",
    "cost_over_looks",
    "differences",
    "energy",
    "feature_check",
    "figure",
    "judge_shifts",
    "learning_curves",
    "panels",
    "predicted_shares",
    "predictive_check",
    "prob_best_over_looks",
    "qualities",
    "quality_over_looks",
    "ranks",
    "render",
    "rows_height",
    "save",
    "scale_use",
    "severity",
    "shift_map",
    "trace",
]
