"""From a file to a fit, for the verbs that fit: the same options, the same words, the same progress."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from expsim_bayes.cli.model import FASTER, model_of, timed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import xarray as xr

    from expsim_bayes.cli.model import Model
    from expsim_bayes.cli.question import ModelOptions, QuestionOptions, SamplerOptions
    from expsim_bayes.cli.reading import ReadingOptions
    from expsim_bayes.cli.screen import Screen
    from expsim_bayes.ratings import Ratings


def ratings_of(file: Path, reading: ReadingOptions, question: QuestionOptions, *, compare: bool = True) -> Ratings:
    """The ratings of a file, with the question that is asked of them."""
    from expsim_bayes.readers import read

    return read(
        file,
        **reading.told(),
        higher_is_better=not question.lower_is_better,
        control=question.control,
        reference=question.reference,
        compare=compare,
    )


def chosen_for(ratings: Ratings, model: ModelOptions) -> Model:
    """The model that was asked for, or that suits the ratings."""
    return model_of(model.model, ratings, model.priors())


def fit_then[Answer](
    screen: Screen,
    ratings: Ratings,
    chosen: Model,
    sampler: SamplerOptions,
    then: Callable[[xr.DataTree], Answer],
    *,
    seed: int,
    min_effect: float = 0.0,
) -> tuple[xr.DataTree, Answer]:
    """A fit, and what is made of it, with one bar of progress for both."""
    with screen.progress("loading the model", total=1.0) as advance:
        advance(0.0, "loading the model")
        from expsim_bayes.fit import fit

        tree = fit(
            ratings,
            model=chosen.name,
            priors=chosen.priors,
            **asdict(sampler),
            random_seed=seed,
            min_effect=min_effect,
            progress=timed(advance, FASTER.get(chosen.name, "")),
        )
        advance(0.99, "weighing the decision")
        return tree, then(tree)
