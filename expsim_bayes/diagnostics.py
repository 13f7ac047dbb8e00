"""Whether a fit may be believed: the gate on the sampler, and what the model reproduces of the data.

`gate` turns convergence statistics into ok, caution or refuse; `check_predictions` compares the ratings with those that the fitted
model would make. Add a predictive check here when an outcome has a feature that decisions hang on.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from expsim_bayes.amounts import level, rough
from expsim_bayes.models import recipe
from expsim_bayes.remedies import OURS

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.models._recipe import Recipe
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
"""Largest shape of the largest weights (Vehtari et al. 2024)."""
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

    def to_json(self) -> str:
        """The verdict as JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        """A verdict from its JSON text."""
        fields = json.loads(text)
        fields["quantities"] = tuple(Quantity(*row) for row in fields["quantities"])
        return cls(**{**fields, "reasons": tuple(fields["reasons"])})


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
    bfmi = _bfmi(stats["energy"].transpose("chain", "draw").to_numpy()) if "energy" in stats else None
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
    effective, k_hat, ess = float(told["effective"]), told["k_hat"], told["ess"]
    sizes = fit["posterior"].sizes
    reasons = {
        "ok": _mistrusted(effective, k_hat, OK_POINTS, OK_SHAPE),
        "caution": _mistrusted(effective, k_hat, CAUTION_POINTS, CAUTION_SHAPE),
    }
    if told["points"] == 1:
        reasons = {"ok": [], "caution": []}
    level: Literal["ok", "caution", "refuse"] = "ok"
    if reasons["ok"]:
        level = "refuse" if reasons["caution"] else "caution"
    nan = float("nan")
    rows = tuple(Quantity(f"quality[{name}]", nan, worth, worth) for name, worth in ess.items())
    chains, draws, worst = sizes["chain"], sizes["draw"], min(ess.values())
    return Verdict(level, tuple(reasons["ok"]), chains, draws, 0, nan, nan, worst, rows, told["points"], k_hat)


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
            f"A few of the points over which standard deviations were averaged weigh too much (Pareto k-hat {k_hat:.2f}, at most {most} is "
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


def _bfmi(energy: NDArray[np.float64]) -> float:
    """Smallest over chains of mean squared change of energy over its variance."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.min(np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1)))


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
        found.append(
            f"{divergences} draws diverged ({100 * share:.2f} %): the sampler could not follow the posterior everywhere; "
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
    found = []
    broken = [row.name for row in quantities if np.isnan(row.r_hat) or np.isnan(row.ess_bulk) or np.isnan(row.ess_tail)]
    if broken:
        found.append(f"{_some(broken)} did not move or is not finite, so it cannot be judged: {remedies.seed}.")
    apart = [row for row in quantities if row.r_hat > limits.r_hat]
    if apart:
        worst = max(apart, key=lambda row: row.r_hat)
        found.append(
            f"Chains disagree on {_some([row.name for row in apart])}: the worst R-hat is {worst.r_hat:.3f} ({worst.name}), at most "
            f"{limits.r_hat} is allowed; {remedies.longer}."
        )
    few = [row for row in quantities if min(row.ess_bulk, row.ess_tail) < limits.ess]
    if few:
        worst = min(few, key=lambda row: min(row.ess_bulk, row.ess_tail))
        found.append(
            f"Too few independent draws of {_some([row.name for row in few])}: the smallest effective sample size is "
            f"{min(worst.ess_bulk, worst.ess_tail):.0f} ({worst.name}), at least {limits.ess:.0f} is needed; {remedies.more}."
        )
    return found


def _some(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


END_MASS = 0.05
"""Share of the ratings at their lowest or highest value from which it is taken for an end of the scale."""
MOST_OUTSIDE = 0.01
"""Share of predicted scores outside the scale that does no harm."""


@dataclass(frozen=True)
class PredictiveCheck:
    """One feature of the ratings beside what the fitted model predicts of it."""

    name: str
    observed: float
    low: float
    """Lower end of the central predictive interval."""
    high: float
    """Upper end."""
    ci_prob: float
    p: float
    """Share of predicted data sets with at least the observed value, ties counted half."""
    reproduced: bool
    """Whether the observed value lies within the interval."""
    sentence: str


def check_predictions(
    fit: xr.DataTree, *, score_range: tuple[float, float] | None = None, ci_prob: float = 0.95
) -> tuple[PredictiveCheck, ...]:
    """Posterior predictive checks of what decisions hang on.

    Of continuous scores point masses, ends of the scale, skewness and the spread of the raters; of every other model the features that its
    recipe names.

    Parameters
    ----------
    fit : xr.DataTree
        With groups posterior_predictive, observed_data and constant_data.
    score_range : tuple of float, optional
        Ends of the scale; without one, an end of the ratings counts as an end of the scale where `END_MASS` of them lie.
    ci_prob : float
        Probability of the predictive intervals.
    """
    name = str(fit.attrs.get("model", "continuous"))
    if name != "continuous":
        return _features(fit, recipe(name), ci_prob)
    score = fit["observed_data"]["score"].to_numpy()
    predicted = fit["posterior_predictive"]["score"].to_numpy()
    predicted = predicted.reshape(-1, predicted.shape[-1])
    rater = fit["constant_data"]["rater_of"].to_numpy()
    low, high = score_range or _ends(score)
    values, counts = np.unique(score, return_counts=True)
    telling = {float(values[np.argmax(counts)]), *(score_range or (float(values[0]), float(values[-1])))}
    checks = [_at(score, predicted, value, ci_prob) for value in sorted(telling & set(values.tolist()))]
    if len(np.unique(rater)) > 1:
        checks.append(_rater_spread(score, predicted, rater, ci_prob))
    if np.isfinite([low, high]).any():
        checks.append(_outside(predicted, low, high, ci_prob))
    if values.size > 1:
        checks.append(compared("skewness of the scores", _skewness(score[None])[0], _skewness(predicted), ci_prob))
    return tuple(checks)


def _features(fit: xr.DataTree, model: Recipe, ci_prob: float) -> tuple[PredictiveCheck, ...]:
    """The features that a recipe names, of the ratings and of predicted ones."""
    variable = next(iter(model.observed))
    observed = fit["observed_data"][variable]
    predicted = fit["posterior_predictive"][variable].transpose("chain", "draw", *observed.dims).to_numpy()
    constant = fit["constant_data"].to_dataset()
    told = model.features(observed.to_numpy()[None], constant)
    made = model.features(predicted.reshape(-1, *predicted.shape[2:]), constant)
    pairs = [(name, float(value[0]), np.asarray(made[name])) for name, value in told.items()]
    if model.supposed is not None:
        found = model.supposed(fit["posterior"].to_dataset(), constant, np.random.default_rng(0))
        pairs += [(name, each.found, each.fresh) for name, each in found.items()]
    return tuple(
        compared(name, observed, values[np.isfinite(values)], ci_prob)
        for name, observed, values in pairs
        if np.isfinite(observed) and np.isfinite(values).any()
    )


def compared(name: str, observed: float, predicted: NDArray[np.float64], ci_prob: float) -> PredictiveCheck:
    """A check from one observed number and its predicted draws."""
    tail = (1 - ci_prob) / 2
    low, high = (float(x) for x in np.quantile(predicted, (tail, 1 - tail)))
    p = float(np.mean(predicted > observed) + 0.5 * np.mean(predicted == observed))
    within = bool(low - 1e-9 <= observed <= high + 1e-9)
    verb = "reproduces" if within else "does not reproduce"
    shown = _percent if name.startswith("share") else _digits
    span = f"{shown(low)} to {shown(high)} ({level(ci_prob)} interval)"
    sentence = f"The model {verb} the {name}: observed {shown(observed)}, predicted {span}."
    return PredictiveCheck(name, float(observed), low, high, ci_prob, p, within, sentence)


def _digits(value: float) -> str:
    return f"{value:.3g}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _rater_spread(
    score: NDArray[np.float64], predicted: NDArray[np.float64], rater: NDArray[np.intp], ci_prob: float
) -> PredictiveCheck:
    """SD between raters of their mean scores."""
    belongs = np.eye(int(rater.max()) + 1)[rater]
    mean = belongs / belongs.sum(axis=0).clip(1)
    return compared(
        "spread between raters' mean scores (SD)", float((score @ mean).std()), (predicted @ mean).std(axis=1), ci_prob
    )


def _ends(score: NDArray[np.float64]) -> tuple[float, float]:
    """Ends of the scale as the ratings tell them: where many lie at the lowest or highest value, it is an end; else it is unknown."""
    low, high = float(score.min()), float(score.max())
    return (
        low if (score == low).mean() >= END_MASS else -np.inf,
        high if (score == high).mean() >= END_MASS else np.inf,
    )


def _outside(predicted: NDArray[np.float64], low: float, high: float, ci_prob: float) -> PredictiveCheck:
    """Share of predicted scores beyond the ends of the scale: none can be observed, so all of them are the model's error."""
    share = ((predicted < low) | (predicted > high)).mean(axis=1)
    mean = float(share.mean())
    place = (
        f"outside {low:g} to {high:g}"
        if np.isfinite([low, high]).all()
        else f"below {low:g}"
        if low > -np.inf
        else f"above {high:g}"
    )
    sentence = f"The model puts {rough(mean)} of scores {place}, where none can be."
    check = compared(f"share of scores {place}", 0.0, share, ci_prob)
    return replace(check, reproduced=mean < MOST_OUTSIDE, sentence=sentence)


def _at(score: NDArray[np.float64], predicted: NDArray[np.float64], value: float, ci_prob: float) -> PredictiveCheck:
    """Share of scores equal to one value; predicted ones count that the grid of scores rounds to it, or that lie beyond its end."""
    return compared(
        f"share of scores equal to {value:g}",
        float((score == value).mean()),
        _share(predicted, np.unique(score), value),
        ci_prob,
    )


def _share(predicted: NDArray[np.float64], grid: NDArray[np.float64], value: float) -> NDArray[np.float64]:
    """(draws,) share of predicted scores that are nearest to a value of the grid of scores, or beyond its end."""
    lower, higher = grid[grid < value], grid[grid > value]
    below = (value + lower[-1]) / 2 if lower.size else -np.inf
    above = (value + higher[0]) / 2 if higher.size else np.inf
    share: NDArray[np.float64] = ((predicted >= below) & (predicted < above)).mean(axis=1)
    return share


def _skewness(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Skewness of each row."""
    deviation = scores - scores.mean(axis=1, keepdims=True)
    spread = np.sqrt((deviation**2).mean(axis=1))
    cubed: NDArray[np.float64] = (deviation**3).mean(axis=1)
    return np.asarray(np.divide(cubed, spread**3, out=np.full_like(cubed, np.nan), where=spread > 0))
