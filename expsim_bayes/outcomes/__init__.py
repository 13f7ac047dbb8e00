"""Kinds of outcome that a scenario may have, and what it may declare with each.

A new kind needs its name in `declared`, a check here, its way to make looks up in `simulate.stories` and its posterior in
`posterior.known`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.outcomes.declared import SIDE_BY_SIDE, VOTES, OutcomeName
from expsim_bayes.outcomes.graded import check_ordinal, check_score
from expsim_bayes.outcomes.side_by_side import EQUAL, MOST_RANKED, RAREST, check_preference, check_ranking, no_sides
from expsim_bayes.outcomes.verdicts import check_binary, no_errors

if TYPE_CHECKING:
    from expsim_bayes.outcomes.declared import Declared

__all__ = ["EQUAL", "MOST_RANKED", "RAREST", "SIDE_BY_SIDE", "VOTES", "OutcomeName", "check_outcome"]

CHECKS = {
    "score": check_score,
    "binary": check_binary,
    "ordinal": check_ordinal,
    "preference": check_preference,
    "ranking": check_ranking,
}
"""The check of each kind."""


def check_outcome(scenario: Declared) -> None:
    """Refuse what the outcome of a scenario does not have.

    Raises
    ------
    ValueError
        Naming the key and the remedy.
    """
    CHECKS[scenario.outcome](scenario)
    if scenario.outcome != "preference":
        no_sides(scenario)
    if scenario.outcome != "binary":
        no_errors(scenario)
