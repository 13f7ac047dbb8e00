"""How often intervals hold a rate that is fixed, seen by an imperfect judge and, for some outputs, by gold labels.

Calibration averages over truths drawn from the prior. Here truths stand on a grid that the prior does not know of: rates from next to never
to nearly always, judges from good to hardly better than chance. Bayesian intervals need not hold a fixed truth as often as they say; where
priors are weak they should come near.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import bdtr

from expsim_bayes.check.family import code_of
from expsim_bayes.check.fits import R_HAT, Settings, all_rows, convergence, seed, what_was_run
from expsim_bayes.check.resume import Journal
from expsim_bayes.fit import sample
from expsim_bayes.models.binary import Priors, build_marginal_model
from expsim_bayes.ratings import validate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

RATES = (0.02, 0.1, 0.5, 0.9)
"""Shares of outputs of which the truth is 1."""
JUDGES = ((0.9, 0.9), (0.7, 0.8), (0.55, 0.6))
"""Sensitivity and specificity of judges."""
GRID = tuple(product(RATES, JUDGES))
"""Truths, each a rate and a judge."""
OUTPUTS, LABELLED = 500, 100
"""Outputs that the judge sees, and those of them with a gold label."""
LEVEL, LEAST = 0.95, 0.9
"""Probability of the intervals, and the least share of them that must hold the truth."""
SETTINGS = Settings(tune=1_000, draws=1_000)
"""Of the sampler."""
ALPHA = 0.01
"""A share counts as too low where one so low has less than this probability at the least share allowed."""


class Cell(NamedTuple):
    """One truth, and what became of the fits to its data sets."""

    rate: float
    """Share of outputs of which the truth is 1."""
    sensitivity: float
    """Of the judge."""
    specificity: float
    """Of the judge."""
    data_sets: int
    """Fitted."""
    covered: float
    """Share of intervals that hold the rate."""
    width: float
    """Their mean width."""
    bias: float
    """Mean of the posterior means less the rate."""
    naive_outside: float
    """Share of data sets in which the usual correction of the judge's rate lies outside [0, 1]."""
    unconverged: int
    """Fits with an R-hat above 1.01 or a divergence."""

    @property
    def too_low(self) -> bool:
        """Whether intervals hold the rate less often than allowed, and not by chance."""
        held = round(self.covered * self.data_sets)
        return bool(bdtr(held, self.data_sets, LEAST) < ALPHA)


class Grid(NamedTuple):
    """All truths."""

    cells: tuple[Cell, ...]
    """In the order of `GRID`."""
    commit: str
    """Code with which the first data set was fitted."""
    begun_utc: str
    """When."""


def check_imperfect_judge(
    simulations: int = 1_200,
    *,
    random_seed: int = 0,
    settings: Settings = SETTINGS,
    folder: Path | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Grid:
    """Coverage of the model of verdicts at every truth of `GRID`.

    Parameters
    ----------
    simulations : int
        Data sets, shared out among the truths.
    random_seed : int
        The same seed gives the same numbers, however often the run is interrupted.
    settings : Settings
        Of the sampler.
    folder : Path, optional
        Finished fits are read from here and appended; without one they are kept in memory.
    progress : callable, optional
        Called with the share done and a few words.

    Raises
    ------
    SettingError
        The folder holds fits of another run.
    """
    import nutpie

    tell = progress or (lambda _share, _words: None)
    code = (*code_of("binary"), "check/imperfect_judge.py")
    file = None if folder is None else folder / "imperfect-judge.jsonl"
    journal = Journal(file, {"random_seed": random_seed, **settings._asdict(), **what_was_run(code)})

    def prepare() -> Callable[[int], dict[str, Any]]:
        model = build_marginal_model(_design(), Priors(gold="gold"))
        held = {name: np.asarray(model[name].get_value()) for name in ("evaluator_of", "output_of", "ones_of")}
        gold = held["evaluator_of"] == list(model.coords["evaluator"]).index("gold")
        labelled = np.unique(held["output_of"][gold])
        compiled = nutpie.compile_pymc_model(model, var_names=["quality"])

        def work(number: int) -> dict[str, Any]:
            rng = np.random.default_rng(seed(random_seed, 0, number))
            truth, says = draw(*GRID[number % len(GRID)], rng)
            ones = np.where(gold, truth[held["output_of"]], says[held["output_of"]])
            cast = compiled.with_data(ones_of=ones.astype(held["ones_of"].dtype))
            trace, _ = sample(cast, {**settings._asdict(), "cores": 1}, seed=seed(random_seed, 1, number))
            return {"number": number, **_kept(trace), "naive": corrected(truth, says, labelled)}

        return work

    rows = all_rows(simulations, journal, prepare, tell=tell, title="imperfect-judge")
    cells = (_cell(at, rows[at :: len(GRID)]) for at in range(len(GRID)))
    return Grid(tuple(cells), journal.header["commit"], journal.header["begun_utc"])


def draw(
    rate: float, judge: tuple[float, float], rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(output,) truths, and what the judge says of them.

    Parameters
    ----------
    rate : float
        Probability that a truth is 1.
    judge : tuple of float
        Sensitivity and specificity.
    rng : numpy.random.Generator
        Draws both.

    Examples
    --------
    >>> truth, says = draw(1.0, (1.0, 0.5), np.random.default_rng(0))
    >>> truth.all(), says.all()
    (np.True_, np.True_)
    """
    truth = rng.random(OUTPUTS) < rate
    says = rng.random(OUTPUTS) < np.where(truth, judge[0], 1.0 - judge[1])
    return truth, says


def corrected(truth: NDArray[np.bool_], says: NDArray[np.bool_], labelled: NDArray[np.intp]) -> float:
    """The judge's rate, corrected by its errors where there are labels (Rogan and Gladen 1978); NaN where labels do not tell them.

    Parameters
    ----------
    truth, says : numpy.ndarray
        (output,)
    labelled : numpy.ndarray
        Outputs of which the truth is known.

    Examples
    --------
    >>> truth, says = np.array([True, False, False, False]), np.array([True, False, False, True])
    >>> corrected(truth, says, np.array([0, 1, 2]))
    0.5
    """
    known, said = truth[labelled], says[labelled]
    if not known.any() or known.all():
        return float("nan")
    sensitivity, specificity = float(said[known].mean()), float((~said[~known]).mean())
    informed = sensitivity + specificity - 1.0
    return (float(says.mean()) + specificity - 1.0) / informed if informed else float("nan")


def _design() -> Ratings:
    """Who rates what: a judge all outputs, gold labels some; both verdicts occur."""
    item = [f"item {number + 1:04d}" for number in range(OUTPUTS)]
    says = (np.arange(OUTPUTS) % 2).astype(float)
    judge = pd.DataFrame({"item": item, "rater": "judge", "kind": "llm", "evaluator": "judge", "score": says})
    gold = judge.head(LABELLED).assign(rater="gold", kind="human", evaluator="gold")
    table = pd.concat([judge, gold], ignore_index=True).assign(variant="A")
    return validate(table, score_range=(0, 1), source="an imperfect judge")


def _kept(trace: Any) -> dict[str, float]:
    """Of a fit, what its cell needs."""
    quality = trace["posterior"]["quality"].transpose("chain", "draw", "variant").to_numpy()
    low, high = np.quantile(quality, [(1.0 - LEVEL) / 2, (1.0 + LEVEL) / 2])
    r_hat, _ = convergence(quality)
    diverging = int(trace["sample_stats"]["diverging"].sum())
    found = {"mean": quality.mean(), "low": low, "high": high, "r_hat": r_hat}
    return {**{name: round(float(value), 6) for name, value in found.items()}, "divergences": diverging}


def _cell(at: int, rows: list[dict[str, Any]]) -> Cell:
    """Of the fits to the data sets of one truth."""
    rate, (sensitivity, specificity) = GRID[at]
    low, high, mean, naive = (
        np.array([row[name] for row in rows], dtype=float) for name in ("low", "high", "mean", "naive")
    )
    trouble = [not row["r_hat"] <= R_HAT or row["divergences"] > 0 for row in rows]
    return Cell(
        rate=rate,
        sensitivity=sensitivity,
        specificity=specificity,
        data_sets=len(rows),
        covered=float(((low <= rate) & (rate <= high)).mean()),
        width=float((high - low).mean()),
        bias=float(mean.mean() - rate),
        naive_outside=float(((naive < 0) | (naive > 1)).mean()),
        unconverged=sum(trouble),
    )
