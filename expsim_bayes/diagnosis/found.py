"""Everything that a report says of how a fit went, as finished numbers and sentences in one frozen object.

A fit may come from anywhere: what it does not hold is named in `lacking`, and nothing is made up for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes import glossary
from expsim_bayes.amounts import listed
from expsim_bayes.diagnosis import checks, words
from expsim_bayes.diagnosis.chains import MOST_CHAINS, Draws, Energies, draws, energies, energy, numbers
from expsim_bayes.errors import ExpsimError

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from expsim_bayes.diagnostics import Quantity, Verdict
    from expsim_bayes.model_comparison import Scored
    from expsim_bayes.predictive import PredictiveCheck
    from expsim_bayes.sensitivity import Hangs

TRACED = 3
"""Numbers whose chains are drawn: those on which they agree least."""


class Row(NamedTuple):
    """One number of the posterior, and how well it is known."""

    name: str
    """Of the number, with its labels."""
    mean: float
    """Posterior mean."""
    sd: float
    """Posterior standard deviation."""
    mcse: float
    """Monte-Carlo standard error of the mean."""
    r_hat: float
    """Whether chains agree; NaN where it cannot be told."""
    ess_bulk: float
    """Independent draws that it is worth in its middle."""
    ess_tail: float
    """The same at its ends."""


@dataclass(frozen=True)
class Diagnosed:
    """How a fit went."""

    name: str
    """Of the fit, for display."""
    verdict: Verdict
    """Whether it may be believed."""
    headline: str
    """The same in a few words."""
    reasons: tuple[str, ...]
    """Why, each with its number."""
    rows: tuple[Row, ...]
    """Every number that the verdict looks at, the worst first."""
    divergences: int | None
    """Draws that diverged; None where the fit does not say."""
    worst: tuple[Draws, ...]
    """Draws of the numbers on which chains agree least."""
    energies: Energies | None
    """Energy of the sampler; None where the fit does not say."""
    checks: tuple[PredictiveCheck, ...]
    """What its predictions reproduce of the data."""
    hangs: tuple[Hangs, ...]
    """How its numbers answer to priors and data."""
    sensitivity: tuple[str, ...]
    """What the answer hangs on, in words; of fits of this program alone."""
    scored: Scored | None
    """How well what was left out is predicted."""
    lacking: tuple[str, ...]
    """What could not be told, and why."""
    notes: tuple[str, ...]
    """What was left out when it was opened."""
    about: tuple[tuple[str, str], ...]
    """Where it comes from, as far as it says."""
    ours: bool = False
    """Whether this program made it, so that it is known what its numbers mean."""

    def called(self, number: str) -> str:
        """What a number is called: in words where it is known what it means."""
        return glossary.named(number) if self.ours else number


def diagnose(tree: xr.DataTree, name: str = "", *, notes: tuple[str, ...] = ()) -> Diagnosed:
    """How a fit went, of any model and any program.

    Parameters
    ----------
    tree : xarray.DataTree
        A posterior by chain and draw; with sample_stats, posterior_predictive and observed_data, log_prior and log_likelihood where it
        has them.
    name : str
        What it is called.
    notes : tuple of str
        What was left out when it was opened.

    Raises
    ------
    SettingError
        It holds no posterior that can be judged.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> rng = np.random.default_rng(1)
    >>> theta = xr.Dataset({"theta": (("chain", "draw"), rng.normal(size=(4, 500)))})
    >>> found = diagnose(xr.DataTree.from_dict({"posterior": theta}), "theta.nc")
    >>> found.verdict.level, found.rows[0].name, found.divergences
    ('caution', 'theta', None)
    """
    verdict, called = checks.verdict(tree), checks.called(tree)
    lacking: list[str] = []
    values = energy(tree)
    stats = tree["sample_stats"].data_vars if "sample_stats" in tree.children else {}
    checked = _asked(lambda: checks.predictions(tree), lacking) or ()
    if not checked:
        lacking.append(
            "It holds no predictions that fit what was observed (posterior_predictive, observed_data), so its model was not checked."
        )
    hangs, sentences = _sensitivity(tree, lacking)
    return Diagnosed(
        name=name,
        verdict=verdict,
        headline=words.HEADLINES[verdict.level],
        reasons=verdict.reasons or (words.passed(verdict),),
        rows=_rows(tree, verdict),
        divergences=verdict.divergences if "diverging" in stats else None,
        worst=tuple(draws(tree, one)._replace(name=called(one)) for one in numbers(tree, verdict)[:TRACED]),
        energies=None if values is None else energies(values[:MOST_CHAINS]),
        checks=checked,
        hangs=hangs,
        sensitivity=sentences,
        scored=_left_out(tree, name, lacking),
        lacking=tuple(lacking),
        notes=notes,
        about=tuple(checks.about(tree)),
        ours=checks.ours(tree),
    )


def _rows(tree: xr.DataTree, verdict: Verdict) -> tuple[Row, ...]:
    """Every number of a verdict with its mean, the worst first."""
    judged = {row.name: row for row in verdict.quantities}
    weighed = verdict.points > 1
    return tuple(_row(draws(tree, name), judged[name], weighed=weighed) for name in numbers(tree, verdict))


def _row(found: Draws, judged: Quantity, *, weighed: bool) -> Row:
    """One number; where draws are of weighted points, its error comes from what these are worth."""
    from expsim_bayes.sensitivity import monte_carlo_error

    mean, sd = float(found.values.mean()), float(found.values.std())
    error = sd / judged.ess_bulk**0.5 if weighed else monte_carlo_error(found.values)
    return Row(found.name, mean, sd, error, judged.r_hat, judged.ess_bulk, judged.ess_tail)


def _sensitivity(tree: xr.DataTree, lacking: list[str]) -> tuple[tuple[Hangs, ...], tuple[str, ...]]:
    """How numbers answer to priors, and in words for fits of this program."""
    missing = [
        name for name in ("log_prior", "log_likelihood") if name not in tree.children or not tree[name].data_vars
    ]
    if missing:
        lacking.append(f"It holds no {listed(missing)}, so it cannot be told what hangs on the priors.")
        return (), ()
    if "quality" in tree["posterior"].data_vars:
        told = _asked(lambda: checks.sensitivity(tree), lacking)
        return ((), ()) if told is None else (told.hangs, told.sentences)
    return _asked(lambda: checks.power_scaling(tree), lacking) or (), ()


def _left_out(tree: xr.DataTree, name: str, lacking: list[str]) -> Scored | None:
    if "log_likelihood" not in tree.children:
        lacking.append("It holds no log_likelihood, so it cannot be told how well what was left out is predicted.")
        return None
    return _asked(lambda: checks.left_out(name, tree), lacking)


def _asked[Answer](question: Callable[[], Answer], lacking: list[str]) -> Answer | None:
    """An answer; None where a fit cannot give it, which is then told."""
    try:
        with np.errstate(all="ignore"):
            return question()
    except (ExpsimError, *checks.TROUBLE) as error:
        told = (
            error.problem
            if isinstance(error, ExpsimError)
            else f"its groups do not fit together ({type(error).__name__})"
        )
        lacking.append(f"Something could not be worked out: {told}.")
        return None
