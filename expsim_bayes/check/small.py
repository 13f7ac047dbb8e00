"""Small designs on which a model of the family is calibrated: who rates what, in data sets that are fitted in tenths of a second."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from expsim_bayes.ratings import Ratings


def small(name: str) -> Ratings:
    """The small design of a model, from its simulator.

    Parameters
    ----------
    name : str
        A model with a recipe.
    """
    try:
        simulator = import_module(f"expsim_bayes.simulate.{name}")
    except ModuleNotFoundError:
        return _stars()
    found: Ratings = simulator.small(0)
    return found


def _stars() -> Ratings:
    """Two variants on six items, each seen by two of three people, on a scale of three steps."""
    import pandas as pd

    from expsim_bayes.ratings import validate

    rng = np.random.default_rng(0)
    rows = [
        (variant, f"item {item}", f"person {(item + k) % 3 + 1}", int(rng.integers(1, 4)))
        for item in range(8)
        for variant in "AB"
        for k in range(2)
    ]
    return validate(pd.DataFrame(rows, columns=["variant", "item", "rater", "score"]), score_range=(1, 3))
