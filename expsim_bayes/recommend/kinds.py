"""Which kinds of further ratings there are to choose from: each evaluator, judge and people together, new people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.planning import Question, Source, with_new_raters

if TYPE_CHECKING:
    from collections.abc import Sequence

HOPEFUL = 0.02
"""Probability of being best below which no further ratings are planned for a variant."""

CROWDS = (1, 4)
"""How many new people may be asked, in multiples of the pool."""


def kinds_of_ratings(
    question: Question, *, names: Sequence[str], kinds: Sequence[str], reference: int
) -> tuple[Question, tuple[Source, ...]]:
    """Kinds of further ratings, without prices, and the question widened by the new people that one of them needs.

    Each evaluator alone; where people are the reference, each judge together with them on the same outputs, and as many new people as
    the pool has where persons differ in taste or severity.
    """
    components, known = question.components, question.places.rater_evaluator
    pools = [tuple(np.flatnonzero(known == k).tolist()) for k in range(len(names))]
    people = [reference] if kinds[reference] == "human" else []
    judges = [k for k in range(len(names)) if k not in people]
    found = [
        Source(" and ".join(names[k] for k in chosen) + " ratings", tuple(chosen), tuple(pools[k] for k in chosen))
        for chosen in (*([k] for k in (*people, *judges)), *([k, *people] for k in judges if people))
    ]
    if people and (components.sd_taste[reference] > 0 or components.sd_rater[reference] > 0):
        crowds = [times * len(pools[reference]) for times in CROWDS]
        question, new = with_new_raters(question, reference, max(crowds))
        found += [
            Source(f"ratings by {n} new people ({names[reference]})", (reference,), (new[:n],), n) for n in crowds
        ]
    return question, tuple(found)
