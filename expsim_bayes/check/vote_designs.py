"""Votes of several sizes, by what is special about them, on which both engines are held against each other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from expsim_bayes.simulate import binary, ordinal, preference, ranking

if TYPE_CHECKING:
    from collections.abc import Callable

    from expsim_bayes.ratings import Ratings

TWO: dict[str, Any] = {"variants": ("A", "B"), "q": (0.0, 0.4)}
FIVE: dict[str, Any] = {"variants": tuple("ABCDE"), "q": (0.0, 0.3, -0.3, 0.6, 1.5)}
COMPARISONS: dict[str, dict[str, Any]] = {
    "3 variants, 3 people and a judge": {"items": 30},
    "2 variants, 5 items, 2 people, hardly a loss": {**TWO, "q": (0.0, 2.5), "items": 5, "people": 2, "judges": ()},
    "a judge alone": {"items": 100, "people": 0},
    "2 variants, one person, items differ much": {**TWO, "items": 40, "people": 1, "sd_interaction": 2.0},
    "5 variants, 2 people and 2 judges": {**FIVE, "items": 12, "people": 2, "judges": ("j1", "j2")},
    "2 variants, 120 items": {**TWO, "items": 120, "people": 2, "sd_interaction": 1.5},
    "15 people": {"items": 8, "people": 15},
    "2 variants, no judge, items alike": {**TWO, "items": 60, "people": 3, "judges": (), "sd_interaction": 0.0},
    "a judge with strong tastes who favours a side": {"items": 25, "sd_shift": 1.5, "judge_order_level": -1.5},
    "2 variants, ties rare": {**TWO, "items": 50, "log_nu_level": -4.0, "judge_log_nu_level": -4.0},
}
"""Comparisons: changes of `simulate.preference.Truth`."""
STARS: dict[str, dict[str, Any]] = {
    "3 variants, 3 people and a judge": {"items": 40},
    "2 variants, 6 items, 2 people": {**TWO, "items": 6, "people": 2, "judges": ()},
    "one person": {"items": 100, "people": 1, "judges": ()},
    "a judge alone": {"items": 60, "people": 0},
    "5 variants, 2 people and 2 judges": {**FIVE, "items": 12, "people": 2, "judges": ("j1", "j2")},
    "2 variants, 15 people": {**TWO, "items": 12, "people": 15},
    "2 variants, items alike": {**TWO, "items": 40, "sd_item": 0.0, "sd_interaction": 0.0},
    "2 variants, items differ much": {**TWO, "items": 40, "people": 2, "sd_item": 2.5, "sd_interaction": 1.0},
    "nearly everything gets five": {**TWO, "items": 40, "people": 2, "cutpoint": (-6.0, -4.5, -3.5, -2.0)},
    "three steps": {"items": 40, "people": 2, "cutpoint": (-1.0, 1.0), "judge_cutpoint": (-2.0, 1.5)},
}
"""Stars: changes of `simulate.ordinal.Truth`."""
OF_TWO: dict[str, Any] = {"q": (0.0, 0.4), "shift": (0.0, 0.3)}
OF_THREE: dict[str, Any] = {"q": (0.0, 0.4, -0.3), "shift": (0.0, 0.5, 0.0)}
RANKINGS: dict[str, dict[str, Any]] = {
    "4 variants, 3 people and a judge": {"items": 30, "people": 3},
    "3 variants, 5 items, 2 people, hardly a loss": {
        **OF_THREE,
        "q": (0.0, 2.5, 0.5),
        "items": 5,
        "people": 2,
        "share": 1.0,
        "judge": False,
    },
    "a judge alone": {**OF_THREE, "items": 80, "people": 0},
    "3 variants, one person, items differ much": {
        **OF_THREE,
        "items": 40,
        "people": 1,
        "share": 1.0,
        "sd_interaction": 1.5,
    },
    "5 variants, of whom a person sees three": {
        "q": (0.0, 0.3, -0.3, 0.6, 1.5),
        "shift": (0.0,) * 5,
        "items": 20,
        "people": 4,
        "ranked": 3,
    },
    "2 variants": {**OF_TWO, "items": 60, "people": 4},
    "3 variants, 12 people with tastes": {**OF_THREE, "items": 10, "people": 12, "share": 0.8, "sd_taste": 0.8},
    "3 variants, no judge, items alike": {**OF_THREE, "items": 40, "people": 3, "judge": False, "sd_interaction": 0.0},
    "a judge with strong tastes": {"items": 25, "people": 3, "shift": (0.0, 1.5, -1.0, 0.8)},
    "a judge who answers weakly": {**OF_THREE, "items": 40, "people": 4, "scale_use": 0.5},
}
"""Rankings: changes of `simulate.ranking.Truth`."""
APART: dict[str, Any] = {"q": (-0.3, 0.4)}
VERDICTS: dict[str, dict[str, Any]] = {
    "3 variants, 3 people and a judge": {"items": 40},
    "2 variants, 6 items, 2 people": {**APART, "items": 6, "people": 2, "judges": 0},
    "3 people alone": {**APART, "items": 60, "judges": 0},
    "2 variants, 12 people who err unlike": {
        **APART,
        "items": 15,
        "people": 12,
        "sd_sensitivity": 0.9,
        "sd_specificity": 0.9,
    },
    "5 variants, 2 people and 2 judges": {"q": (-0.6, -0.2, 0.0, 0.3, 0.9), "items": 15, "people": 2, "judges": 2},
    "most outputs pass": {**APART, "level": 2.0, "items": 40},
    "items differ much": {**APART, "items": 50, "sd_item": 2.5},
    "items alike": {**APART, "items": 50, "sd_item": 0.0},
    "a judge with strong tastes": {"items": 40, "sd_shift": 1.2},
    "a judge hardly better than chance": {"items": 40, "errors": (0.3, 0.2)},
}
"""Verdicts: changes of `simulate.binary.Truth`, with how many judges there are, and the logits of one whose errors are told."""


def vote_designs(model: str) -> dict[str, Callable[[int], Ratings]]:
    """What makes up votes from a seed, by design.

    Parameters
    ----------
    model : {"preference", "ordinal", "ranking", "binary"}
        Whose story it is.

    Examples
    --------
    >>> len(vote_designs("ordinal")["one person"](1).table)
    300
    """
    stories: dict[str, tuple[Any, dict[str, dict[str, Any]]]] = {
        "preference": (preference, COMPARISONS),
        "ordinal": (ordinal, STARS),
        "ranking": (ranking, RANKINGS),
        "binary": (binary, {name: _judged(**changes) for name, changes in VERDICTS.items()}),
    }
    made, designs = stories[model]
    return {name: partial(made.ratings, made.Truth(**changes)) for name, changes in designs.items()}


def _judged(*, judges: int = 1, errors: tuple[float, float] = (1.2, 0.8), **changes: Any) -> dict[str, Any]:
    """Changes of `simulate.binary.Truth` with the errors of people and of so many judges, in logits."""
    hit, rejected = errors
    return {
        "sensitivity_logit": (2.0, *[hit] * judges),
        "specificity_logit": (2.0, *[rejected] * judges),
        **changes,
    }
