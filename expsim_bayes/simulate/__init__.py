"""Pretend ratings from known truths, one file a kind of rating.

scores        a scenario and a seed -> scores, one experiment or thousands side by side
counts        the same for a binary outcome that is seen as it is
stars         the same for an ordinal outcome: one of a few steps by everyone who rates
duels         the same where two outputs of an item stand side by side
podiums       the same where the outputs of an item are put in order
stories       what is true and how looks come about, whatever the kind of outcome
assignment    which variant answers which item of a look
streams       random numbers by purpose and look
preference    a declared truth -> comparisons by people and judges
ranking       a declared truth -> rankings by people and judges
operations    a declared truth -> calls and what they used up
error_scores  a declared truth -> error scores by people and a judge
robust        a declared truth -> scores with a heavy tail by people and judges
"""

from __future__ import annotations

from expsim_bayes.simulate.assignment import Guide, assign, balanced, items_under_way, pairs
from expsim_bayes.simulate.counts import Rates, draw_rates, draw_verdicts
from expsim_bayes.simulate.duels import DuelWorld, draw_duel_world, draw_duels, prob_beats
from expsim_bayes.simulate.podiums import PodiumWorld, draw_podium_world, draw_podiums
from expsim_bayes.simulate.scores import (
    Look,
    Plan,
    Truth,
    World,
    draw_look,
    draw_operations,
    draw_world,
    n_rated_by_people,
    operations_of,
    part_of,
    plan,
)
from expsim_bayes.simulate.stars import StarWorld, draw_star_world, draw_stars, expected_score
from expsim_bayes.simulate.stories import Story, ratings_of, story_of
from expsim_bayes.simulate.streams import Streams

__all__ = [
    "DuelWorld",
    "Guide",
    "Look",
    "Plan",
    "PodiumWorld",
    "Rates",
    "StarWorld",
    "Story",
    "Streams",
    "Truth",
    "World",
    "assign",
    "balanced",
    "draw_duel_world",
    "draw_duels",
    "draw_look",
    "draw_operations",
    "draw_podium_world",
    "draw_podiums",
    "draw_rates",
    "draw_star_world",
    "draw_stars",
    "draw_verdicts",
    "draw_world",
    "expected_score",
    "items_under_way",
    "n_rated_by_people",
    "operations_of",
    "pairs",
    "part_of",
    "plan",
    "prob_beats",
    "ratings_of",
    "story_of",
]
