"""The small designs on which models of the family are calibrated: who rates what, in data sets that are fitted in a few seconds."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.models import recipe

if TYPE_CHECKING:
    from expsim_bayes.frozen import Frozen
    from expsim_bayes.ratings import Ratings


class Design(NamedTuple):
    """On what a model is calibrated."""

    ratings: Ratings
    """Who rates what; observations are not looked at."""
    priors: Frozen
    """Of the model, with what it has to be told about the ratings."""


def small(name: str) -> Design:
    """The small design of a model, from its simulator.

    Parameters
    ----------
    name : str
        A model with a recipe.

    Examples
    --------
    >>> small("ordinal").ratings.outcome
    'score'
    >>> small("robust").priors.covariates
    ('words',)
    """
    simulator = import_module(f"expsim_bayes.simulate.{name}")
    return Design(simulator.small(), recipe(name).priors(**getattr(simulator, "TOLD", {})))
