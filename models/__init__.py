"""The science: one generative story a file, each an explicit hierarchical PyMC model that reads like a paper's model section.

`continuous` scores on a continuous scale, by people and judges.
`robust`     the same with wild scores among them, raters who differ in noise, and covariates that a judge should ignore.
`preference` one variant against another, ties allowed, by people and judges.
`binary`     pass or fail, by people and judges who err, with or without gold labels.
`classes`    labels in some classes, by raters who err (Dawid-Skene).
`ranking`    several variants of an item put in order, by people and judges; a ranking may hold some of them.
`error_scores` scores of what is wrong: most are zero, the others skewed and capped.
`ordinal`    stars on a scale of a few steps, by people and judges.
`operations` what calls use up: seconds, dollars or tokens, with a heavy tail.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from expsim_bayes.models._recipe import Recipe
    from expsim_bayes.models._task import Task
    from expsim_bayes.ratings import Ratings

RECIPES = ("binary", "classes", "error_scores", "operations", "ordinal", "preference", "ranking", "robust")
"""Models with a recipe, each named as its module."""
NAMES = ("continuous", *RECIPES)
"""Every model."""


def recipe(name: str) -> Recipe:
    """The recipe of a model.

    Parameters
    ----------
    name : str
        One of `RECIPES`.

    Returns
    -------
    Recipe
        How its ratings become a model, and its draws what a report shows.

    Raises
    ------
    SettingError
        There is no such model, or it has no recipe.

    Examples
    --------
    >>> recipe("ranking").title
    'rankings of several variants, partial ones too'
    """
    if name in set(NAMES) - set(RECIPES):
        raise SettingError(
            f"the model {name!r} has no recipe: its draws are completed without the help of PyMC",
            where="model",
            remedy=f"ask expsim_bayes.models.task, which serves every model, or choose among {', '.join(RECIPES)}",
        )
    if name not in RECIPES:
        raise SettingError(f"{name!r} is no model", where="model", remedy=f"choose among {', '.join(NAMES)}")
    found: Recipe = import_module(f"expsim_bayes.models.{name}").RECIPE
    return found


def task(name: str, ratings: Ratings, priors: Any = None, *, fixed: Any = None) -> Task:
    """What there is to do to fit a model to some ratings.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    ratings : Ratings
        What is fitted.
    priors : Priors, optional
        Of that model; its own unless told.
    fixed : Components, optional
        Given components, of the continuous model alone.

    Returns
    -------
    Task
        The model that is sampled, and how its draws become the groups of a fit.

    Raises
    ------
    SettingError
        There is no such model, or components are given to one that takes none.
    """
    if name == "continuous":
        from expsim_bayes.models import _groups

        return _groups.task(ratings, priors, fixed)
    if fixed is not None:
        raise SettingError(
            f"the model {name!r} takes no given components",
            where="fixed",
            remedy="leave them away, or fit 'continuous'",
        )
    from expsim_bayes.models import _draws

    return _draws.task(recipe(name), ratings, priors)


class Chosen(NamedTuple):
    """A model picked from the ratings."""

    name: str
    """One of `NAMES`."""
    reason: str
    """Why, in a sentence."""


def choose(ratings: Ratings) -> Chosen:
    """The model that suits some ratings, and why.

    Parameters
    ----------
    ratings : Ratings
        Validated ratings of any kind.

    Returns
    -------
    Chosen
        Its name and a reason in words.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"variant": ["A", "B"] * 4, "item": list("11223344"), "rater": "ann", "score": [1, 0] * 4})
    >>> choose(validate(frame)).name
    'binary'
    """
    from expsim_bayes.models import _choice

    return Chosen(*_choice.choose(ratings))
