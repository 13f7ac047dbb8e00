"""What is asked of a fit, from wherever it comes: verdict, sensitivity to priors, predictions of what was left out.

A fit from elsewhere may hold anything: what cannot be worked out is told as an error with a remedy, never as a fault of the program.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes import glossary
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import xarray as xr

    from expsim_bayes.diagnostics import Verdict
    from expsim_bayes.model_comparison import Compared, Scored
    from expsim_bayes.predictive import PredictiveCheck
    from expsim_bayes.sensitivity import Hangs, Sensitivity

TROUBLE = (ValueError, KeyError, TypeError, IndexError, AttributeError, FloatingPointError, np.linalg.LinAlgError)
"""What a strange fit from elsewhere may lead to."""


def verdict(tree: xr.DataTree) -> Verdict:
    """Whether a fit may be believed, told from its draws and not from what the file claims.

    Raises
    ------
    SettingError
        It cannot be judged.
    """
    from expsim_bayes.diagnostics import gate
    from expsim_bayes.remedies import ANY, OURS

    try:
        return gate(tree, OURS if ours(tree) else ANY)
    except TROUBLE as error:
        raise SettingError(
            f"the draws cannot be judged ({type(error).__name__})",
            where="posterior",
            remedy="save the fit again with its groups posterior and sample_stats",
        ) from error


def ours(tree: xr.DataTree) -> bool:
    """Whether a fit was made by this program, so that its options help."""
    return {"model", "verdict"} <= set(tree.attrs)


def called(tree: xr.DataTree) -> Callable[[str], str]:
    """What the numbers of a fit are called: in words where this program made it; others may mean something else by the same name."""
    return glossary.named if ours(tree) else str


def predictions(tree: xr.DataTree) -> tuple[PredictiveCheck, ...]:
    """What the predictions of a fit reproduce of its data; none where it holds none of them.

    Raises
    ------
    SettingError
        They do not fit what was observed.
    """
    from expsim_bayes.diagnosis.features import checked

    try:
        return checked(tree)
    except TROUBLE as error:
        raise SettingError(
            f"the predictions in this fit cannot be used ({type(error).__name__})",
            where="posterior_predictive",
            remedy="save them with the dims of what was observed, in observed_data",
        ) from error


def sensitivity(tree: xr.DataTree) -> Sensitivity:
    """What the answer hangs on.

    Raises
    ------
    SettingError
        The fit does not hold what that needs.
    """
    from expsim_bayes.sensitivity import sensitivity as found_in

    with _needing(tree, "densities of its priors"):
        return found_in(tree)


def power_scaling(tree: xr.DataTree) -> tuple[Hangs, ...]:
    """How every number of a fit answers to its priors and its data, of whatever model it is.

    Raises
    ------
    SettingError
        The fit does not hold what that needs.
    """
    from expsim_bayes.sensitivity import power_scaling as found_in

    with _needing(tree, "densities of its priors"):
        return found_in(tree)


def left_out(name: str, tree: xr.DataTree) -> Scored:
    """How well a rating that was left out is predicted.

    Raises
    ------
    SettingError
        The fit holds no log-likelihoods.
    """
    from expsim_bayes.model_comparison import predicted

    with _needing(tree, "log-likelihoods"):
        return predicted(name, tree)


def compared(fits: dict[str, xr.DataTree]) -> Compared:
    """Two fits of the same ratings, by how well they predict.

    Raises
    ------
    SettingError
        They are not of the same ratings.
    """
    from expsim_bayes.model_comparison import compared as found_in

    strange = next((tree for tree in fits.values() if not ours(tree)), next(iter(fits.values())))
    with _needing(strange, "log-likelihoods"):
        return found_in(fits)


@contextmanager
def _needing(tree: xr.DataTree, what: str) -> Iterator[None]:
    """Trouble told as what the fit does not hold, with a remedy for whoever made it."""
    try:
        yield
    except TROUBLE as error:
        raise SettingError(
            f"the {what} in this fit cannot be used ({type(error).__name__})",
            where="",
            remedy="fit again with `expsim fit`"
            if ours(tree)
            else "save them as groups log_prior and log_likelihood, by chain and draw, the latter with one value an observation",
        ) from error


def about(tree: xr.DataTree) -> list[tuple[str, str]]:
    """What a fit says of where it comes from, in words; nothing where it says nothing."""
    told = [
        ("data", "data_source"), ("model", "model"), ("engine", "engine"), ("seed", "random_seed"), ("finished (UTC)", "finished_utc"),
        ("versions", "versions"),
    ]  # fmt: skip
    found = [(words, str(tree.attrs[key])) for words, key in told if key in tree.attrs]
    return [(words, _versions(text) if words == "versions" else text[:200]) for words, text in found]


def _versions(text: str) -> str:
    try:
        told = json.loads(text)
        return ", ".join(f"{name} {version}" for name, version in told.items())[:300]
    except (ValueError, AttributeError):
        return text[:300]
