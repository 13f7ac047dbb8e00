"""Ratings, the one data contract: one long table, checked once, that every reader makes and every model takes.

contract      Ratings, and the names of its columns
validation    validate (data frame -> Ratings)
appending     append (Ratings and more Ratings -> Ratings)
coding        code (scores -> Coded, arrays in canonical order)
comparisons   code_comparisons; rankings: code_rankings; calls: code_calls
description   describe (Ratings -> Description), with the limits of what the data can tell; taking_part (who and what took part);
              for one kind of row each: score_description, comparison_description, ranking_description, call_description
dataset       to_dataset, from_dataset (long table <-> xarray)
likely        likely, header_below: what somebody's columns probably are
columns, numbers, names, structure, agreement, limits, wording
              the checks behind validate and describe, a subject a file
"""

from __future__ import annotations

from expsim_bayes.ratings.appending import append
from expsim_bayes.ratings.calls import CodedCalls, code_calls
from expsim_bayes.ratings.coding import Coded, code
from expsim_bayes.ratings.comparisons import CodedComparisons, code_comparisons, untold
from expsim_bayes.ratings.contract import Ratings
from expsim_bayes.ratings.dataset import from_dataset, to_dataset
from expsim_bayes.ratings.description import Description, TakingPart, describe, taking_part
from expsim_bayes.ratings.rankings import CodedRankings, code_rankings
from expsim_bayes.ratings.score_description import ScoreDescription, describe_scores
from expsim_bayes.ratings.validation import validate

__all__ = [
    "Coded", "CodedCalls", "CodedComparisons", "CodedRankings", "Description", "Ratings", "ScoreDescription", "TakingPart",
    "append", "code", "code_calls", "code_comparisons", "code_rankings", "describe", "describe_scores", "from_dataset", "taking_part",
    "to_dataset", "untold", "validate",
]  # fmt: skip
