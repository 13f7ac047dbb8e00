"""Draws from the explicit PyMC model, the form in which the story is written down: components, effects, expected and actual ratings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pymc as pm

from expsim_bayes.models.continuous import Components, build_model, terms
from expsim_bayes.ratings import code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from expsim_bayes.models.continuous import Terms
    from expsim_bayes.ratings import Ratings

POOLS = ("sd_rater", "sd_taste", "sd_opinion", "sd_noise")
"""Components with one entry an evaluator; the model has a column only for those that have the term."""
SINGLE = ("sd_item", "sd_interaction", "sd_output", "sd_shift")
"""Components with one entry in all."""


class Drawn(NamedTuple):
    """Draws from the model before any rating is seen; D draws, zero where a term is absent."""

    components: Components
    """Each with a leading axis of draws."""
    level: NDArray[np.float64]
    """(D, K)"""
    q: NDArray[np.float64]
    """(D, V)"""
    severity: NDArray[np.float64]
    """(D, J)"""
    shift: NDArray[np.float64]
    """(D, K, V)"""
    taste: NDArray[np.float64]
    """(D, J, V)"""
    mean: NDArray[np.float64]
    """(D, R) ratings without their noise."""
    score: NDArray[np.float64]
    """(D, R) ratings."""


def draw(ratings: Ratings, draws: int, *, random_seed: int, fixed: Components | None = None) -> Drawn:
    """Draws of everything that the model of a set of ratings holds; the first ones are the same for any number of draws.

    Parameters
    ----------
    ratings : Ratings
        The design; their scores do not matter where the score range is declared.
    draws, random_seed : int
        How many, and the seed.
    fixed : Components, optional
        Given components.
    """
    data = code(ratings)
    present = terms(data, fixed)
    model = build_model(ratings, fixed=fixed)
    score = model["score"]
    names = [name for name in (*Components._fields, *Drawn._fields) if name in model.named_vars]
    node = score.owner
    wanted = [*(model[name] for name in names), node.op.dist_params(node)[0]]
    # The plain linker starts at once, where a fast one would compile for longer than the draws take.
    drawn = pm.draw(wanted, draws=draws, random_seed=random_seed, mode="FAST_COMPILE")
    if draws == 1:  # comes without its leading axis
        drawn = [np.asarray(value)[None] for value in drawn]
    values = {name: np.asarray(value, dtype=float) for name, value in zip(names, drawn[:-1], strict=True)}
    count, variants, raters = len(data.evaluators), len(data.variants), len(data.raters)
    shapes = {"severity": (raters,), "shift": (count, variants), "taste": (raters, variants)}
    effects = {name: values.get(name, np.zeros((draws, *shape))) for name, shape in shapes.items()}
    return Drawn(
        components=_repeated(fixed, draws) if fixed is not None else _components(values, present, draws),
        level=values["level"],
        q=values["q"],
        **effects,
        mean=np.asarray(drawn[-1], dtype=float),
        score=values["score"],
    )


def _repeated(fixed: Components, draws: int) -> Components:
    return Components(*(np.repeat(np.asarray(value, dtype=float)[None], draws, axis=0) for value in fixed))  # type: ignore[arg-type]


def _components(values: Mapping[str, NDArray[np.float64]], present: Terms, draws: int) -> Components:
    """Drawn components with a column for every evaluator."""
    has = dict(
        zip(POOLS, (present.severity, present.taste, present.opinion, (True,) * len(present.severity)), strict=True)
    )
    full = {name: np.zeros((draws, len(flags))) for name, flags in has.items()}
    for name, flags in has.items():
        if any(flags):
            full[name][:, np.flatnonzero(flags)] = values[name]
    single = {name: values.get(name, np.zeros(draws)) for name in SINGLE}
    return Components(**single, **full, scale_use=values["scale_use"])  # type: ignore[arg-type]
