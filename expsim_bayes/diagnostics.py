"""Whether a fit may be believed: `gate` turns convergence statistics into ok, caution or refuse."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from expsim_bayes import glossary
from expsim_bayes.notebook import as_html, as_text
from expsim_bayes.remedies import OURS

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.remedies import Remedies

INTERNAL = ("_raw", "_of_pool", "_logit")
"""Ends of names that the gate does not look at: multiples of an SD, of which a report shows the product, and what a report shows on another
scale under its own name. Every other variable of the posterior may be reported, so the gate looks at all of them; what has one value an
item, an output or a rating stands in other groups."""
UNREPORTED = ("taste", "slope", "person_shift")
"""Variables that no report shows: tastes of single persons, and what only turns logits into points."""


class Limits(NamedTuple):
    """What a level of the gate demands."""

    r_hat: float
    ess: float
    divergent: float
    """Largest share of divergent draws."""
    bfmi: float
    chains: int


OK = Limits(r_hat=1.01, ess=400, divergent=0.0, bfmi=0.3, chains=4)
OK_POINTS, CAUTION_POINTS = 30, 15
"""What weighted points must be worth at least: where looks are dear there are few of them, and the components are then well known."""
OK_SHAPE, CAUTION_SHAPE = 0.7, 1.0
"""Largest shape of the largest weights, however many there are: `good_k` says what fewer allow, and above 1 they have no mean."""
CAUTION = Limits(r_hat=1.05, ess=200, divergent=0.001, bfmi=0.0, chains=2)


class Quantity(NamedTuple):
    """Convergence of one reported number."""

    name: str
    r_hat: float
    ess_bulk: float
    ess_tail: float


@dataclass(frozen=True)
class Verdict:
    """Whether the fit may be shown: ok prints, caution prints with a warning, refuse does not print a probability."""

    level: Literal["ok", "caution", "refuse"]
    reasons: tuple[str, ...]
    """Why not ok, each with its number and the remedy."""
    chains: int
    draws: int
    """Draws after tuning in each chain."""
    divergences: int
    """Draws that diverged; 0 where the fit does not say, and then among the reasons."""
    bfmi: float
    """Smallest Bayesian fraction of missing information of a chain; NaN where the fit does not say."""
    worst_r_hat: float
    worst_ess: float
    quantities: tuple[Quantity, ...]
    """One row a reported number that is not constant by construction."""
    points: int = 0
    """Weighted points over which components were integrated, where no sampler was used; 0 where one was."""
    k_hat: float | None = None
    """Shape of their largest weights; None where they are too few to tell."""
    good_k: float = OK_SHAPE
    """Largest k-hat that is good with so many of them, by `good_k`."""

    def __repr__(self) -> str:
        return as_text(*self._told())

    def _repr_html_(self) -> str:
        return as_html(*self._told())

    def _told(self) -> tuple[str, list[tuple[str, str]]]:
        """The verdict in a few words, and what it rests on."""
        headline = {
            "ok": "OK: this fit may be believed",
            "caution": "Caution: this fit may be believed in part",
            "refuse": "Refuse: this fit is not to be trusted",
        }[self.level]
        rows = [("Draws", f"{self.chains} x {self.draws:,}"), ("Why", " ".join(self.reasons))]
        if self.points:
            rows.append(("Points", f"{self.points:,}"))
        else:
            rows += [("Diverged", f"{self.divergences:,}"), ("R-hat", f"at most {self.worst_r_hat:.3f}")]
        return headline, [*rows, ("ESS", f"at least {self.worst_ess:,.0f}")]

    def to_json(self) -> str:
        """The verdict as JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        """A verdict from its JSON text."""
        fields = json.loads(text)
        fields["quantities"] = tuple(Quantity(*row) for row in fields["quantities"])
        return cls(**{**fields, "reasons": tuple(fields["reasons"])})


def good_k(count: int) -> float:
    """Largest Pareto k-hat with which so many weighted draws or points may be trusted (Vehtari et al. 2024).

    Examples
    --------
    >>> [round(good_k(count), 2) for count in (100, 512, 6_000)]
    [0.5, 0.63, 0.7]
    """
    return float(min(1.0 - 1.0 / np.log10(max(count, 2)), OK_SHAPE))


def gate(fit: xr.DataTree, remedies: Remedies = OURS) -> Verdict:
    """Verdict on the sampler, from the posterior, sample_stats and constant_data groups of a fit.

    It looks at every variable of the posterior that a report may show: all but those of `INTERNAL` and `UNREPORTED`. Entries that are
    constant by construction (`<variable>_estimated` is 0 in constant_data) are not looked at. What the sampler did not tell (which draws
    diverged, its energy) is a reason for caution. The reasons say what to do in the words of `remedies`.
    """
    if "integration" in fit.attrs:
        return _gate_of_points(fit)
    posterior = fit["posterior"].to_dataset()
    stats = fit["sample_stats"].to_dataset() if "sample_stats" in fit.children else posterior[[]]
    constant = fit["constant_data"].to_dataset() if "constant_data" in fit.children else None
    quantities = tuple(row for name in reported(posterior) for row in _quantities(posterior[name], constant))
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    divergences = int(stats["diverging"].sum()) if "diverging" in stats else None
    bfmi = _bfmi(stats["energy"]) if "energy" in stats else None
    r_hat = _worst([row.r_hat for row in quantities], max)
    ess = _worst([min(row.ess_bulk, row.ess_tail) for row in quantities], min)
    run = _Run(chains, draws, divergences, bfmi)
    problems = {
        "ok": [*_problems(OK, run, quantities, remedies), *_untold(run)],
        "caution": _problems(CAUTION, run, quantities, remedies),
    }
    level: Literal["ok", "caution", "refuse"] = "ok"
    if problems["ok"]:
        level = "refuse" if problems["caution"] else "caution"
    energy = float("nan") if bfmi is None else bfmi
    return Verdict(level, tuple(problems["ok"]), chains, draws, divergences or 0, energy, r_hat, ess, quantities)


def _gate_of_points(fit: xr.DataTree) -> Verdict:
    """Verdict on a fit without a sampler: whether its weighted points may be trusted."""
    told = json.loads(str(fit.attrs["integration"]))
    k_hat, ess = told["k_hat"], told["ess"]
    effective = float("inf") if told["points"] == 1 else float(told["effective"])  # nothing is averaged over
    sizes = fit["posterior"].sizes
    most = OK_SHAPE if k_hat is None else good_k(told.get("weighed", told["points"]))
    reasons = {
        "ok": _mistrusted(effective, k_hat, OK_POINTS, most),
        "caution": _mistrusted(effective, k_hat, CAUTION_POINTS, CAUTION_SHAPE),
    }
    level: Literal["ok", "caution", "refuse"] = "ok"
    if reasons["ok"]:
        level = "refuse" if reasons["caution"] else "caution"
    nan = float("nan")
    rows = tuple(Quantity(f"quality[{name}]", nan, worth, worth) for name, worth in ess.items())
    chains, draws, worst = sizes["chain"], sizes["draw"], min(ess.values(), default=nan)
    return Verdict(level, tuple(reasons["ok"]), chains, draws, 0, nan, nan, worst, rows, told["points"], k_hat, most)


def _mistrusted(effective: float, k_hat: float | None, least: float, most: float) -> list[str]:
    """What weighted points lack, with the number and the remedy."""
    found = []
    if effective < least:
        found.append(
            f"The points over which standard deviations were averaged are worth only {effective:.0f} (at least {least:.0f} are needed): "
            "fit with the sampler (--engine nuts)."
        )
    if k_hat is not None and k_hat > most:
        found.append(
            f"A few of the points that stand for the posterior weigh too much (Pareto k-hat {k_hat:.2f}, at most {most:.2f} is "
            "allowed): fit with the sampler (--engine nuts)."
        )
    return found


def is_reported(name: str) -> bool:
    """Whether a variable of the posterior may be reported, so that the gate looks at it.

    Examples
    --------
    >>> is_reported("quality"), is_reported("severity_raw")
    (True, False)
    """
    return not name.endswith(INTERNAL) and name not in UNREPORTED


def reported(posterior: xr.Dataset) -> tuple[str, ...]:
    """Names of the variables that the gate looks at, quality first, whatever order a file keeps them in."""
    names = [str(name) for name in posterior if is_reported(str(name)) or "covariate" in posterior[name].dims]
    return tuple(sorted(names, key=lambda name: (name != "quality", name)))


def _worst(values: list[float], pick: Callable[[list[float]], float]) -> float:
    """The worst of some numbers; NaN when any is."""
    return float("nan") if not values or np.isnan(values).any() else float(pick(values))


def _quantities(values: xr.DataArray, constant: xr.Dataset | None) -> list[Quantity]:
    """Convergence of every entry of a variable that is not constant by construction."""
    name = str(values.name)
    drawn = values.transpose("chain", "draw", ...).to_numpy().astype(np.float64, copy=False)
    flat = drawn.reshape(values.sizes["chain"], values.sizes["draw"], -1)
    mask = np.ones(flat.shape[2], dtype=bool)
    if constant is not None and f"{name}_estimated" in constant:
        mask = constant[f"{name}_estimated"].to_numpy().ravel().astype(bool)
    named = labels(values)
    return [Quantity(f"{name}{named[n]}", *_convergence(flat[:, :, n])) for n in np.flatnonzero(mask)]


def labels(values: xr.DataArray) -> list[str]:
    """Names of the entries after chain and draw: "[A]", "[judge, A]", or "" for a single number."""
    dims = [dim for dim in values.dims if dim not in ("chain", "draw")]
    if not dims:
        return [""]
    names = [[str(label) for label in values[dim].to_numpy()] for dim in dims]
    grid = np.stack(np.meshgrid(*names, indexing="ij"), axis=-1).reshape(-1, len(dims))
    return [f"[{', '.join(row)}]" for row in grid]


def _convergence(draws: NDArray[np.float64]) -> tuple[float, float, float]:
    """R-hat, bulk and tail ESS of (chain, draw); NaN when draws are constant or not finite."""
    if not np.isfinite(draws).all() or np.ptp(draws) == 0:
        return float("nan"), float("nan"), float("nan")
    import arviz as az

    r_hat = float(az.rhat(draws)) if len(draws) > 1 else float("nan")
    return r_hat, float(az.ess(draws, method="bulk")), float(az.ess(draws, method="tail", prob=(0.05, 0.95)))


def _bfmi(energy: xr.DataArray) -> float:
    """Smallest over chains; NaN where the energy of one does not move."""
    import arviz as az

    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.min(az.bfmi(energy.transpose("chain", "draw").to_numpy())))


class _Run(NamedTuple):
    """What the gate looks at beside the quantities."""

    chains: int
    draws: int
    divergences: int | None
    """None where the fit does not say."""
    bfmi: float | None
    """None where the fit does not say."""


def _untold(run: _Run) -> list[str]:
    """What the sampler did not tell, so that it cannot be judged."""
    told = {"which draws diverged": run.divergences, "the sampler's energy": run.bfmi}
    lacking = [words for words, value in told.items() if value is None]
    return (
        [f"The fit does not say {' or '.join(lacking)}: what the draws never reached cannot be seen."]
        if lacking
        else []
    )


def _problems(limits: Limits, run: _Run, quantities: tuple[Quantity, ...], remedies: Remedies) -> list[str]:
    """What a fit lacks to meet the limits, each with its number and the remedy."""
    chains, draws, divergences, bfmi = run
    found = []
    if chains < limits.chains:
        found.append(
            f"{chains} chain(s) were run, {limits.chains} are needed to see whether they agree: {remedies.chains}."
        )
    if divergences is not None and not divergences <= limits.divergent * chains * draws:
        share = divergences / (chains * draws)
        diverged = "1 draw diverged" if divergences == 1 else f"{divergences} draws diverged"
        found.append(
            f"{diverged} ({100 * share:.2f} %): the sampler could not follow the posterior everywhere; "
            f"{remedies.steps}."
        )
    if bfmi is not None and not bfmi >= limits.bfmi:
        found.append(
            f"The energy moves too slowly (BFMI {bfmi:.2f}, at least {limits.bfmi} is needed): {remedies.energy}."
        )
    found += _unconverged(limits, quantities, remedies)
    return found


def _unconverged(limits: Limits, quantities: tuple[Quantity, ...], remedies: Remedies) -> list[str]:
    """Reasons from R-hat and ESS, naming the worst quantity of each."""
    called = glossary.named if remedies is OURS else str  # other programs may mean something else by the same name
    found = []
    broken = [row.name for row in quantities if np.isnan(row.r_hat) or np.isnan(row.ess_bulk) or np.isnan(row.ess_tail)]
    if broken:
        found.append(
            f"{_some([called(name) for name in broken])} did not move or is not finite, so it cannot be judged: {remedies.seed}."
        )
    apart = [row for row in quantities if row.r_hat > limits.r_hat]
    if apart:
        worst = max(apart, key=lambda row: row.r_hat)
        found.append(
            f"Chains disagree on {_some([called(row.name) for row in apart])}: the worst R-hat is {worst.r_hat:.3f} "
            f"({called(worst.name)}), at most {limits.r_hat} is allowed; {remedies.longer}."
        )
    few = [row for row in quantities if min(row.ess_bulk, row.ess_tail) < limits.ess]
    if few:
        worst = min(few, key=lambda row: min(row.ess_bulk, row.ess_tail))
        found.append(
            f"Too few independent draws of {_some([called(row.name) for row in few])}: the smallest effective sample size is "
            f"{min(worst.ess_bulk, worst.ess_tail):.0f} ({called(worst.name)}), at least {limits.ess:.0f} is needed; {remedies.more}."
        )
    return found


def _some(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    apart = "; " if any(", " in name for name in names[:3]) else ", "
    return apart.join(names[:3]) + more
