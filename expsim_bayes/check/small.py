"""The small designs on which models of the family are calibrated: who rates what, in data sets that are fitted in a few seconds."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from expsim_bayes.ratings import Ratings


def small(name: str) -> Ratings:
    """The small design of a model, from its simulator.

    Parameters
    ----------
    name : str
        A model with a recipe.

    Examples
    --------
    >>> small("ordinal").outcome
    'score'
    """
    found: Ratings = import_module(f"expsim_bayes.simulate.{name}").small()
    return found
