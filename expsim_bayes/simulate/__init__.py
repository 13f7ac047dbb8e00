"""Pretend ratings from known truths, one file a kind of rating.

scores        a scenario and a seed -> scores, one experiment or thousands side by side
preference    a declared truth -> comparisons by people and judges
ranking       a declared truth -> rankings by people and judges
operations    a declared truth -> calls and what they used up
error_scores  a declared truth -> error scores by people and a judge
robust        a declared truth -> scores with a heavy tail by people and judges
"""

from __future__ import annotations

from expsim_bayes.simulate.scores import (
    Look,
    Plan,
    Streams,
    Truth,
    World,
    assign,
    balanced,
    draw_look,
    draw_world,
    n_rated_by_people,
    operations_of,
    plan,
    ratings_of,
)

__all__ = [
    "Look",
    "Plan",
    "Streams",
    "Truth",
    "World",
    "assign",
    "balanced",
    "draw_look",
    "draw_world",
    "n_rated_by_people",
    "operations_of",
    "plan",
    "ratings_of",
]
