"""Ratings, the one data contract: one long table, checked once, that every reader makes and every model takes.

contract      Ratings, and the names of its columns
validation    validate (data frame -> Ratings), append
coding        code (Ratings -> Coded, arrays in canonical order)
columns, numbers, names, structure, agreement, wording
              the checks behind validate, a subject a file
"""

from __future__ import annotations

from expsim_bayes.ratings.coding import Coded, code
from expsim_bayes.ratings.contract import Ratings
from expsim_bayes.ratings.validation import append, validate

__all__ = ["Coded", "Ratings", "append", "code", "validate"]
