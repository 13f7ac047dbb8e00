"""What a fit's diagnostics say, worked out once a session: verdict, sensitivity to priors, predictions of what was left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.diagnostics import Verdict
    from expsim_bayes.model_comparison import Compared, Scored
    from expsim_bayes.sensitivity import Sensitivity

    Floats = NDArray[np.float64]

TROUBLE = (ValueError, KeyError, TypeError, IndexError, AttributeError, FloatingPointError, np.linalg.LinAlgError)
"""What a strange fit from elsewhere may lead to."""
HEADLINES = {
    "ok": "Ok: this fit may be believed",
    "caution": "Caution: take its probabilities as approximate",
    "refuse": "Refuse: this fit is not to be trusted",
}
"""The verdict in a few words."""


class Draws(NamedTuple):
    """One number of a posterior."""

    name: str
    values: Floats
    """(chain, draw)"""
    diverging: NDArray[np.bool_] | None
    """(chain, draw) which draws diverged; None where that is not known."""


def verdict(tree: xr.DataTree) -> Verdict:
    """Whether a fit may be believed, told from its draws and not from what the file claims.

    Raises
    ------
    SettingError
        It cannot be judged.
    """
    from expsim_bayes.diagnostics import gate

    try:
        return gate(tree)
    except TROUBLE as error:
        raise SettingError(
            f"the draws cannot be judged ({type(error).__name__})",
            where="posterior",
            remedy="save the fit again with its groups posterior and sample_stats",
        ) from error


def passed(found: Verdict) -> str:
    """Why a verdict is good, with its numbers."""
    if found.points == 1:
        return "Fitted without a sampler, exactly."
    if found.points:
        shape = "" if found.k_hat is None else f" (Pareto k-hat {found.k_hat:.2f}, at most .7)"
        return f"Fitted without a sampler, over {found.points:,} weighted points{shape}; draws are independent."
    return f"The chains agree, enough of the {found.chains * found.draws:,} draws are independent, and none diverged."


def numbers(tree: xr.DataTree, found: Verdict) -> list[str]:
    """Names of all numbers that can be drawn, the worst first."""
    judged = sorted(found.quantities, key=lambda q: -q.r_hat if np.isfinite(q.r_hat) else -np.inf)
    return [q.name for q in judged if q.name in _places(tree)]


def draws(tree: xr.DataTree, name: str) -> Draws:
    """Draws of one number, by its name in the verdict."""
    variable, place = _places(tree)[name]
    posterior = tree["posterior"].to_dataset()
    values = posterior[variable].transpose("chain", "draw", ...).to_numpy()
    flat = values.reshape(*values.shape[:2], -1)[:, :, place].astype(np.float64)
    return Draws(name, flat, _stat(tree, "diverging", np.bool_))


def energy(tree: xr.DataTree) -> Floats | None:
    """(chain, draw) energy of the sampler; None where it is not known."""
    found: Floats | None = _stat(tree, "energy", np.float64)
    return found


def _stat(tree: xr.DataTree, name: str, kind: Any) -> Any:
    if "sample_stats" not in tree.children or name not in tree["sample_stats"].data_vars:
        return None
    return tree["sample_stats"][name].transpose("chain", "draw").to_numpy().astype(kind)


def _places(tree: xr.DataTree) -> dict[str, tuple[str, int]]:
    """Variable and place of every number of a posterior, by its name."""
    from expsim_bayes.diagnostics import labels

    posterior = tree["posterior"].to_dataset()
    return {
        f"{name}{label}": (str(name), place)
        for name in posterior.data_vars
        for place, label in enumerate(labels(posterior[name]))
    }


def sensitivity(tree: xr.DataTree) -> Sensitivity:
    """What the answer hangs on.

    Raises
    ------
    SettingError
        The fit does not hold what that needs.
    """
    from expsim_bayes.sensitivity import sensitivity as found_in

    try:
        return found_in(tree)
    except TROUBLE as error:
        raise _unusable(error, "densities of its priors") from error


def left_out(name: str, tree: xr.DataTree) -> Scored:
    """How well a rating that was left out is predicted.

    Raises
    ------
    SettingError
        The fit holds no log-likelihoods.
    """
    from expsim_bayes.model_comparison import predicted

    try:
        return predicted(name, tree)
    except TROUBLE as error:
        raise _unusable(error, "log-likelihoods") from error


def compared(fits: dict[str, xr.DataTree]) -> Compared:
    """Two fits of the same ratings, by how well they predict.

    Raises
    ------
    SettingError
        They are not of the same ratings.
    """
    from expsim_bayes.model_comparison import compared as found_in

    try:
        return found_in(fits)
    except TROUBLE as error:
        raise _unusable(error, "log-likelihoods") from error


def _unusable(error: Exception, what: str) -> SettingError:
    return SettingError(
        f"the {what} in this fit cannot be used ({type(error).__name__})",
        where="",
        remedy="fit again with `expsim fit`",
    )


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
