"""Which of several models of the same ratings predicts better: leave-one-out cross-validation by Pareto-smoothed importance sampling.

Each observation (a rating, or a group of ratings that the model takes as one) is predicted from all others, without fitting again (Vehtari,
Gelman and Gabry 2017). Effects of items, outputs and raters are taken as they were estimated: what is asked is how well one more such
rating would be predicted, not how well new items would.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import arviz as az
import numpy as np
import xarray as xr

from expsim_bayes.amounts import count, listed
from expsim_bayes.diagnostics import good_k
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SMALL = 4.0
"""A difference in elpd below this is small whatever its error is (Sivula, Magnusson and Vehtari 2020)."""
CLEAR = 2.0
"""Errors by which a difference must exceed nothing to be called one."""


class Scored(NamedTuple):
    """How well one model predicts."""

    name: str
    model: str
    """Name of the model."""
    elpd: float
    """Expected log predictive density of all observations, each left out in turn; higher is better."""
    se: float
    """Its standard error."""
    p: float
    """Effective number of parameters."""
    behind: float
    """How far behind the best, in elpd; 0 for the best."""
    behind_se: float
    """Standard error of that difference."""
    influential: int
    """Observations whose own influence is too large for the approximation (Pareto k-hat above `good_k`)."""
    good_k: float
    observations: int
    """How many there are."""

    @property
    def mistrusted(self) -> str:
        """Of how many observations the approximation fails, with the number that says so."""
        whole = f"of {count(self.observations)} observation{'' if self.observations == 1 else 's'}"
        return f"{count(self.influential)} {whole} (Pareto k-hat above {self.good_k:.2f})"

    @property
    def caution(self) -> str:
        """What it means that the approximation fails for some observations, and what to do; that it holds where it does."""
        if not self.influential:
            return "The approximation holds for every observation."
        without, moves = ("it", "it moves its") if self.influential == 1 else ("them", "each moves its")
        return (
            f"For {self.mistrusted} what was predicted without {without} cannot be trusted, because {moves} own effects too much. The fit "
            "itself, and what it says of the variants, is not touched by that. Where models are compared, differences of the size of a few "
            "such observations say nothing: go by the predictive checks."
        )


class Compared(NamedTuple):
    """Models from the best to the worst, and what may be said of them."""

    scored: tuple[Scored, ...]
    observations: int
    unit: str
    """What is left out at a time: the dim of the observations."""
    sentences: tuple[str, ...]


def compared(fits: Mapping[str, xr.DataTree]) -> Compared:
    """Fits of the same ratings, compared by how well they predict.

    Parameters
    ----------
    fits : mapping
        Name -> fit (from `fit.fit`), two or more.

    Returns
    -------
    Compared
        A row a fit, the one that predicts best first, and sentences.

    Raises
    ------
    SettingError
        There are fewer than two, or they do not predict the same observations.
    """
    if len(fits) < 2:
        raise SettingError("one fit has nothing to be compared with", where="fits", remedy="name two fits or more")
    _same_observations(fits)
    pointwise = {name: _loo(tree) for name, tree in fits.items()}
    best = max(pointwise, key=lambda name: float(pointwise[name].elpd.sum()))
    scored = [
        _scored(name, str(fits[name].attrs.get("model", "")), pointwise[name], pointwise[best].elpd) for name in fits
    ]
    rows = tuple(sorted(scored, key=lambda row: (row.name != best, row.behind)))
    n, unit = len(pointwise[best].elpd), _unit(next(iter(fits.values())))
    return Compared(rows, n, unit, (*_differences(rows), *_warnings(rows, unit), _what_was_asked(unit)))


def predicted(name: str, tree: xr.DataTree) -> Scored:
    """How well one fit predicts a rating that was left out.

    Parameters
    ----------
    name : str
        What it is called.
    tree : xarray.DataTree
        A fit with posterior, log_likelihood and observed_data.

    Raises
    ------
    SettingError
        It holds no log-likelihoods.
    """
    _same_observations({name: tree})
    own = _loo(tree)
    return _scored(name, str(tree.attrs.get("model", "")), own, own.elpd)


class _Pointwise(NamedTuple):
    """LOO, observation by observation."""

    elpd: Floats
    p: Floats
    k: Floats
    good_k: float


def _same_observations(fits: Mapping[str, xr.DataTree]) -> None:
    """An error where the fits were not made of the same observations."""
    (first, one), *others = fits.items()
    for name, tree in fits.items():
        if "log_likelihood" not in tree.children or "observed_data" not in tree.children:
            raise SettingError(
                "holds no log-likelihoods", where=name, remedy="fit it again, and keep a group log_likelihood"
            )
    for name, tree in others:
        if tree.attrs.get("data_sha256") != one.attrs.get("data_sha256"):
            raise SettingError(
                f"{first} and {name} were fitted to different ratings",
                where=name,
                remedy="fit both models to the same file, with the same --where and --valid-range",
            )
        mine, theirs = (t["observed_data"].to_dataset() for t in (one, tree))
        same = set(mine.data_vars) == set(theirs.data_vars) and all(
            mine[v].shape == theirs[v].shape
            and np.array_equal(mine[v].to_numpy(), theirs[v].to_numpy(), equal_nan=True)
            for v in mine.data_vars
        )
        if not same:
            raise SettingError(
                f"{first} ({one.attrs.get('model')}) predicts {_what(one)}, {name} ({tree.attrs.get('model')}) {_what(tree)}: the same "
                "ratings, but not the same observations, so that their predictions have no common measure",
                where=name,
                remedy="compare models that take the ratings alike, or look at the predictive checks of both",
            )


def _what(tree: xr.DataTree) -> str:
    data = tree["observed_data"].to_dataset()
    return listed([f"{name} ({' x '.join(f'{n} {dim}' for dim, n in data[name].sizes.items())})" for name in data])


def _unit(tree: xr.DataTree) -> str:
    values = next(iter(tree["log_likelihood"].to_dataset().data_vars.values()))
    dims = [str(dim) for dim in values.dims if dim not in ("chain", "draw")]
    return " x ".join(dims) or "observation"


def _loo(tree: xr.DataTree) -> _Pointwise:
    """LOO of everything that a fit observed; variables along the same dims are parts of one observation."""
    told = tree["log_likelihood"].to_dataset()
    parts: dict[tuple[str, ...], xr.DataArray] = {}
    for values in told.data_vars.values():
        dims = tuple(str(dim) for dim in values.dims if dim not in ("chain", "draw"))
        parts[dims] = parts[dims] + values if dims in parts else values
    chain, draw = told.sizes["chain"], told.sizes["draw"]
    flat = [part.transpose("chain", "draw", ...).to_numpy().reshape(chain, draw, -1) for part in parts.values()]
    drawn = tree["posterior"].to_dataset()
    posterior = drawn[["quality" if "quality" in drawn else next(iter(drawn.data_vars))]].sel(draw=told["draw"])
    every = np.concatenate(flat, axis=2)
    samples = every.reshape(chain * draw, -1)
    lppd = np.asarray(np.logaddexp.reduce(samples, axis=0) - np.log(chain * draw))
    elpd, k = lppd.copy(), np.full(lppd.size, -np.inf)  # right where all draws say the same
    moves = np.flatnonzero(np.ptp(samples, axis=0) > 0)
    if moves.size:
        elpd[moves], k[moves] = _left_out(posterior, every[:, :, moves])
    return _Pointwise(elpd, lppd - elpd, k, good_k(chain * draw))


def _left_out(posterior: xr.Dataset, values: Floats) -> tuple[Floats, Floats]:
    """Log predictive density and k-hat of each observation, from (chain, draw, observation) log-likelihoods.

    Where the largest weights of an observation are all alike there is no shape to tell and nothing to smooth: its weights are taken as they
    are, and k-hat, which is infinite, says that they are not to be trusted.
    """
    joined = xr.Dataset({"observed": (("chain", "draw", "observation"), values)}, {"draw": posterior["draw"]})
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Estimated shape parameter of Pareto", UserWarning)  # `_warnings` says it
            warnings.filterwarnings(
                "ignore", "The point-wise LOO is the same", UserWarning
            )  # as that of a single one is
            found = az.loo(xr.DataTree.from_dict({"posterior": posterior, "log_likelihood": joined}), pointwise=True)
    except ValueError as problem:
        if "tail values" not in str(problem):
            raise
        half = values.shape[2] // 2
        if half:  # those that are to blame are found by halving
            parts = [_left_out(posterior, part) for part in (values[:, :, :half], values[:, :, half:])]
            return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
        alone = values.ravel()
        return np.array([np.log(alone.size) - np.logaddexp.reduce(-alone)]), np.array([np.inf])
    return found.elpd_i.to_numpy().ravel(), found.pareto_k.to_numpy().ravel()


def _scored(name: str, model: str, own: _Pointwise, best: Floats) -> Scored:
    n, apart = len(own.elpd), best - own.elpd
    return Scored(
        name=name,
        model=model,
        elpd=float(own.elpd.sum()),
        se=float(np.sqrt(n * np.var(own.elpd))),
        p=float(own.p.sum()),
        behind=float(apart.sum()),
        behind_se=float(np.sqrt(n * np.var(apart))),
        influential=int((~(own.k <= own.good_k)).sum()),
        good_k=own.good_k,
        observations=n,
    )


def _differences(rows: Sequence[Scored]) -> list[str]:
    """The best against each other, in words."""
    best, *others = rows
    said = []
    for row in others:
        size = f"{row.behind:.1f} ± {row.behind_se:.1f} in expected log predictive density"
        if row.behind < SMALL:
            said.append(
                f"{best.name} and {row.name} predict about equally well: the difference is {size}, and below {SMALL:g} is small."
            )
        elif row.behind < CLEAR * row.behind_se:
            said.append(
                f"{best.name} and {row.name} cannot be told apart: the difference is {size}, less than twice its error."
            )
        else:
            times = "" if row.behind_se == 0 else f", {row.behind / row.behind_se:.1f} times its error"
            said.append(f"{best.name} predicts better than {row.name} by {size}{times}.")
    return said


def _warnings(rows: Sequence[Scored], unit: str) -> list[str]:
    """Observations that the approximation cannot leave out."""
    return [f"warning: {row.name}, leaving out one {unit} at a time: {row.caution}" for row in rows if row.influential]


def _what_was_asked(unit: str) -> str:
    return (
        f"One {unit} was left out at a time, with the effects of its item, output and rater as the other ratings tell them: what is asked "
        "is how well one more such rating is predicted, not how well new items are."
    )
