"""Whether an answer hangs on what was assumed: each prior made weaker or stronger, without fitting again.

A prior is raised to a power: to 2 as if it were told twice (a normal one with an SD divided by 1.41), to .5 as if half of it were told.
Draws of the fit are weighted by what that changes, with Pareto smoothing, and the sensitivity of single numbers is that of Kallioinen,
Paananen, Buerkner and Vehtari (2024). Looked at is what a decision hangs on: quality, the difference of the best two, the chance of being
best, and standard deviations.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import arviz as az
import numpy as np
import xarray as xr

from expsim_bayes import glossary
from expsim_bayes.amounts import change, level, listed, percent, quantity
from expsim_bayes.diagnostics import good_k
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

POWERS = (0.5, 2.0)
"""Powers that priors are raised to."""
SENSITIVE = 0.05
"""Sensitivity from which a number is taken to hang on a prior, or on the ratings (Kallioinen et al. 2024)."""
MATTERS = 0.02
"""Least change of the chance of being best that is worth a sentence."""
CLEAR = 2.0
"""Monte-Carlo errors that a change must exceed."""
ALL = "all priors"
"""Name of all priors together."""
MOST_NAMED = 4
"""Numbers that one sentence names."""
MOST_SCALED = 40
"""Numbers of a fit from elsewhere whose sensitivity is worked out."""
SAMPLE = ("chain", "draw")


class Figure(NamedTuple):
    """A number from draws."""

    value: float
    mcse: float
    """Its Monte-Carlo error; NaN where there are too few draws to tell."""


class Hangs(NamedTuple):
    """How one number answers to priors and ratings: 0 not at all; .05 is the least that counts."""

    name: str
    """The number, such as "quality of A" or "sd_item"."""
    prior: float
    """Sensitivity to all priors together."""
    likelihood: float
    """Sensitivity to the ratings."""
    by_prior: tuple[tuple[str, float], ...]
    """Sensitivity to each prior alone, the largest first."""

    @property
    def diagnosis(self) -> str:
        """What follows: "" where the prior does not count."""
        if self.prior < SENSITIVE:
            return ""
        return "prior and ratings pull" if self.likelihood >= SENSITIVE else "rests on its prior"


class Scaled(NamedTuple):
    """What would be said under a prior raised to a power."""

    prior: str
    called: str
    """What that prior is about in words, with its raw name."""
    power: float
    prob_best: Figure | None
    """Chance that the leader is best; None where nothing is compared."""
    moved: Figure | None
    """By how much that differs from the chance under the prior as it is."""
    number: Figure
    """Mean difference of the best two; where nothing is compared, mean quality."""
    k_hat: float
    trusted: bool
    """Whether the draws reach so far (Pareto k-hat)."""


class Sensitivity(NamedTuple):
    """What an answer hangs on."""

    leader: str
    """Variant with the best mean quality."""
    against: str
    """What it is compared with: the control, else the second best; "" where nothing is compared."""
    unit: str
    """Unit of quality."""
    prob_best: Figure | None
    """Chance that the leader is best, from the draws used here."""
    number: Figure
    """Mean difference of the two; where nothing is compared, mean quality."""
    draws: int
    good_k: float
    """Pareto k-hat above which a figure is not to be trusted."""
    hangs: tuple[Hangs, ...]
    scaled: tuple[Scaled, ...]
    """Each prior at each power, and all together."""
    sentences: tuple[str, ...]


class _Draws(NamedTuple):
    """What is looked at, at the draws for which prior densities are kept."""

    leader: str
    against: str
    is_best: xr.DataArray | None
    """(chain, draw) 1 where the leader is best."""
    number: xr.DataArray
    """(chain, draw)"""
    quantities: xr.Dataset
    """(chain, draw) each number by its name."""


def sensitivity(tree: xr.DataTree, *, threshold: float = 0.95) -> Sensitivity:
    """What the answer of a fit hangs on.

    Parameters
    ----------
    tree : xarray.DataTree
        From `fit.fit`, by any model.
    threshold : float
        Probability of being best that is asked for before something is launched.

    Returns
    -------
    Sensitivity
        How each number answers to each prior, and what would be said with priors half and twice as strong, with Monte-Carlo errors.

    Raises
    ------
    SettingError
        The fit holds no prior densities.
    """
    if not {"log_prior", "log_likelihood"} <= set(tree.children) or not tree["log_prior"].data_vars:
        raise SettingError("holds no densities of its priors", where="fit", remedy="fit it again with this version")
    told, likelihood = tree["log_prior"].to_dataset(), tree["log_likelihood"].to_dataset()
    seen, whole = _looked_at(tree, told["draw"]), _looked_at(tree)
    draws = told.sizes["chain"] * told.sizes["draw"]
    most = good_k(draws)
    priors = {**({ALL: _total(told)} if len(told) > 1 else {}), **{str(name): told[name] for name in told}}
    now = _Now(None if whole.is_best is None else mean(whole.is_best), mean(whole.number))
    at_ratings = _looked_at(tree, likelihood["draw"]).quantities[list(seen.quantities)]
    found = Sensitivity(
        leader=seen.leader,
        against=seen.against,
        unit=str(tree.attrs.get("unit", "points")),
        prob_best=now.prob_best,
        number=now.number,
        draws=draws,
        good_k=most,
        hangs=_hangs(told, seen.quantities, likelihood, at_ratings),
        scaled=tuple(_scaled(name, priors[name], power, seen, now, most) for name in priors for power in POWERS),
        sentences=(),
    )
    return found._replace(sentences=_sentences(found, threshold))


class _Now(NamedTuple):
    """What is said under the priors as they are, from all draws."""

    prob_best: Figure | None
    number: Figure


def _looked_at(tree: xr.DataTree, draw: xr.DataArray | None = None) -> _Draws:
    """Leader, opponent, and every number that a decision hangs on, at some of the draws or all."""
    posterior = tree["posterior"].to_dataset()
    posterior = posterior if draw is None else posterior.sel(draw=draw)
    quality = posterior["quality"].transpose("chain", "draw", "variant")
    names = [str(name) for name in quality["variant"].to_numpy()] if "variant" in quality.coords else ["all"]
    sign = 1.0 if json.loads(str(tree.attrs.get("higher_is_better", "true"))) else -1.0
    order = np.argsort(-sign * tree["posterior"]["quality"].mean(SAMPLE).to_numpy(), kind="stable")
    control = json.loads(str(tree.attrs.get("control", "null")))
    of = [f"quality of {name}" if len(names) > 1 else "quality" for name in names]
    numbers = {name: quality.isel(variant=v, drop=True) for v, name in enumerate(of)}
    is_best, number, against = None, numbers[of[order[0]]], ""
    if len(names) > 1:
        other = next(v for v in ([names.index(control)] if control in names else []) + list(order) if v != order[0])
        against = names[other]
        number = number - quality.isel(variant=other, drop=True)
        numbers = {f"{names[order[0]]} against {against}": number, **numbers}
        top = sign * quality == (sign * quality).max("variant")
        is_best = (top / top.sum("variant")).isel(variant=order[0], drop=True)
    for name in (str(n) for n in posterior if str(n).startswith("sd_") and not str(n).endswith(("_raw", "_of_pool"))):
        numbers |= _entries(name, posterior[name])
    kept = {name: values.drop_vars("draw") for name, values in numbers.items() if float(np.ptp(values.to_numpy())) > 0}
    return _Draws(names[order[0]], against, is_best, number, xr.Dataset(kept))


def _entries(name: str, values: xr.DataArray) -> dict[str, xr.DataArray]:
    """Entries of a variable by name and labels."""
    dims = [dim for dim in values.dims if dim not in SAMPLE]
    plain = values.transpose(*SAMPLE, *dims)
    found = {}
    for place in np.ndindex(plain.shape[2:]):
        labels = [str(values[dim].to_numpy()[at]) for dim, at in zip(dims, place, strict=True)]
        one = plain.isel(dict(zip(dims, place, strict=True)), drop=True)
        found[f"{name} ({', '.join(labels)})" if labels else name] = one.reset_coords(drop=True)
    return found


def _scaled(  # noqa: PLR0917
    name: str, log_prior: xr.DataArray, power: float, seen: _Draws, now: _Now, most: float
) -> Scaled:
    weights, k_hat = importance(log_prior, power)
    moved = None if seen.is_best is None else moved_mean(seen.is_best, weights)
    best = None if moved is None or now.prob_best is None else _together(now.prob_best, moved, (0.0, 1.0))
    number = _together(now.number, moved_mean(seen.number, weights))
    return Scaled(name, called(name), power, best, moved, number, k_hat, bool(k_hat <= most))


def _together(now: Figure, moved: Figure, within: tuple[float, float] = (-np.inf, np.inf)) -> Figure:
    """A figure from all draws, moved by as much as those with weights are."""
    return Figure(float(np.clip(now.value + moved.value, *within)), float(np.hypot(now.mcse, moved.mcse)))


def called(prior: str) -> str:
    """A prior in words, with its raw name.

    Examples
    --------
    >>> called("sd_rater_of_pool"), called(ALL)
    ("spread of raters' severity (sd_rater)", 'all priors')
    """
    return prior if prior == ALL else glossary.named(prior)


def _of(prior: str) -> str:
    """What a prior is about, within a sentence."""
    return "all of them together" if prior == ALL else f"the {called(prior)}"


def _that_of(prior: str) -> str:
    """A prior within a sentence."""
    return prior if prior == ALL else f"that of {_of(prior)}"


def importance(log_density: xr.DataArray, power: float) -> tuple[xr.DataArray, float]:
    """Weights, adding up to 1, that turn draws into those under a density raised to a power, and Pareto k-hat of their tail.

    Parameters
    ----------
    log_density : xr.DataArray
        Log densities by chain and draw.
    power : float
        1 changes nothing.
    """
    ratio = (power - 1) * log_density
    if float(np.ptp(ratio.to_numpy())) < 1e-12:
        return xr.full_like(ratio, 1 / ratio.size), float("-inf")
    smoothed, k_hat = (-ratio).azstats.psislw(dim=list(SAMPLE))
    weights = np.exp(smoothed - smoothed.max())
    return weights / weights.sum(), float(k_hat)


def mean(values: xr.DataArray) -> Figure:
    """Mean of draws with its Monte-Carlo error."""
    return Figure(float(values.mean()), _error(values))


def moved_mean(values: xr.DataArray, weights: xr.DataArray) -> Figure:
    """By how much weights, adding up to 1, move a mean, with its Monte-Carlo error: that of a ratio by the delta method.

    Correlation between draws and uneven weights are in it; it is smaller than that of either mean, for both come from the same draws.
    """
    before, after = float(values.mean()), float((weights * values).sum())
    return Figure(after - before, _error(values.size * weights * (values - after) - (values - before)))


def _error(terms: xr.DataArray) -> float:
    return monte_carlo_error(terms.transpose(*SAMPLE).to_numpy())


def monte_carlo_error(draws: NDArray[np.float64]) -> float:
    """Monte-Carlo error of the mean of (chain, draw) draws; 0 where they do not move."""
    return 0.0 if np.ptp(draws) < 1e-12 else float(az.mcse(draws, method="mean"))


def power_scaling(tree: xr.DataTree) -> tuple[Hangs, ...]:
    """How the numbers of any posterior answer to priors and data, those of few entries first and `MOST_SCALED` at most.

    Parameters
    ----------
    tree : xarray.DataTree
        With groups posterior, log_prior and log_likelihood, as `pymc.compute_log_prior` and `compute_log_likelihood` make them.
    """
    told, likelihood = tree["log_prior"].to_dataset(), tree["log_likelihood"].to_dataset()
    posterior = tree["posterior"].to_dataset()
    rows: dict[str, xr.DataArray] = {}
    for name in sorted(map(str, posterior.data_vars), key=lambda name: (posterior[name].size, name)):
        rows |= _entries(name, posterior[name])
    kept = {name: rows[name] for name in list(rows)[:MOST_SCALED] if float(np.ptp(rows[name].to_numpy())) > 0}
    seen, at_data = (
        xr.Dataset(kept).sel(draw=at["draw"]).drop_vars("draw", errors="ignore") for at in (told, likelihood)
    )
    return _hangs(told, seen, likelihood, at_data)


def _hangs(told: xr.Dataset, seen: xr.Dataset, likelihood: xr.Dataset, at_ratings: xr.Dataset) -> tuple[Hangs, ...]:
    """Sensitivity of every number to priors and ratings, each with its draws."""
    by_rating = xr.Dataset({"ratings": _total(likelihood)})
    ratings = _psense(at_ratings, by_rating, "likelihood")
    whole = _psense(seen, told, "prior")
    single = {str(name): _psense(seen, told[[name]], "prior") for name in told}
    return tuple(
        Hangs(
            name,
            whole[name],
            ratings[name],
            tuple(sorted(((prior, values[name]) for prior, values in single.items()), key=lambda pair: -pair[1])),
        )
        for name in whole
    )


def _total(densities: xr.Dataset) -> xr.DataArray:
    """(chain, draw) sum of log densities over everything else."""
    parts = [values.sum([dim for dim in values.dims if dim not in SAMPLE]) for values in densities.values()]
    total: xr.DataArray = sum(parts[1:], start=parts[0])
    return total


def _psense(quantities: xr.Dataset, densities: xr.Dataset, group: str) -> dict[str, float]:
    """Power-scaling sensitivity of each number to a density, by ArviZ."""
    summed = xr.Dataset({"all": _total(densities)}).drop_vars("draw", errors="ignore")
    if float(np.ptp(summed["all"].to_numpy())) < 1e-12:
        return dict.fromkeys(map(str, quantities), 0.0)
    columns = {f"n{n}": quantities[name] for n, name in enumerate(quantities)}  # ArviZ reads marks in names
    made = xr.DataTree.from_dict({"posterior": xr.Dataset(columns), f"log_{group}": summed.expand_dims(part=1, axis=2)})
    found = az.psense(made, group=group, sample_dims=list(SAMPLE))
    return {str(name): float(found[f"n{n}"]) for n, name in enumerate(quantities)}


def _sentences(found: Sensitivity, threshold: float) -> tuple[str, ...]:
    """The answer first, then the numbers that hang on a prior, then what could not be told."""
    doubtful = [f"{_that_of(row.prior)} {_power(row.power)}" for row in found.scaled if not row.trusted]
    said = [*_answer(found, threshold), *_single_numbers(found.hangs)]
    if doubtful:
        said.append(
            f"warning: too few draws lie where these priors would put them: {listed(doubtful)} (Pareto k-hat above "
            f"{found.good_k:.2f}). Those figures cannot be trusted; fit again with another --prior to know."
        )
    said.append(
        "Twice as strong is a prior told twice (a normal one with an SD divided by 1.41), half as strong its square root; computed from "
        f"{found.draws:,} weighted draws of this fit."
    )
    return tuple(said)


def _answer(found: Sensitivity, threshold: float) -> list[str]:
    """What happens to the chance of being best."""
    trusted = [row for row in found.scaled if row.trusted]
    if found.prob_best is None or not trusted:
        return _alone(found, trusted)
    hanging = sorted((row for row in trusted if _matters(row.moved)), key=lambda row: (row.prior == ALL, -_size(row)))
    if not hanging:
        return [_steady(found, max(trusted, key=_size), some=len(trusted) < len(found.scaled))]
    strongest = {row.prior: row for row in reversed(hanging)}
    return [
        _hanging(found, found.prob_best, row, threshold)
        for row in reversed(strongest.values())
        if row.prior != ALL or len(strongest) == 1
    ]


def _hanging(found: Sensitivity, now: Figure, row: Scaled, threshold: float) -> str:
    then = row.prob_best or now
    crossed = (then.value >= threshold) != (now.value >= threshold)
    over = f", to the other side of the {level(threshold)} that is asked for" if crossed else ""
    return (
        f"The answer hangs on what was assumed of {_of(row.prior)}: were that prior {_power(row.power)}, the chance that "
        f"{found.leader} is best would move from {percent(now.value)} to {percent(then.value)} (± {100 * then.mcse:.1f}){over}."
    )


def _steady(found: Sensitivity, row: Scaled, *, some: bool) -> str:
    """Where no prior moves the answer by what matters, or by more than chance in the draws."""
    size = 100 * _size(row)
    error = f" ± {100 * row.moved.mcse:.1f}" if row.moved is not None and row.moved.mcse > 0 else ""
    which = "any of those that can be tried" if some else "any of them"
    now = "" if found.prob_best is None else percent(found.prob_best.value)
    if size < 100 * MATTERS:
        moves = "moves by less than 0.1" if size < 0.05 else f"moves by no more than {size:.1f}{error}"
        return (
            f"The answer does not hang on the priors: with {which} half or twice as strong, the chance that {found.leader} is best, "
            f"{now}, {moves} percentage points."
        )
    return (
        f"No prior clearly moves the answer: of {which}, {_that_of(row.prior)} {_power(row.power)} moves the chance that "
        f"{found.leader} is best, {now}, most, by {size:.1f}{error} percentage points."
    )


def _alone(found: Sensitivity, trusted: Sequence[Scaled]) -> list[str]:
    """Where nothing is compared: what happens to the mean quality."""
    if not trusted:
        return ["No prior can be tried with these draws: none reaches as far as half or twice its strength."]
    row = max(trusted, key=lambda one: abs(one.number.value - found.number.value))
    moved = change(row.number.value - found.number.value, found.unit)
    now = quantity(found.number.value, found.unit)
    where = f"the prior of {_of(row.prior)} is {_power(row.power)}"
    return [f"Nothing is compared. Mean quality, {now}, moves most where {where}: by {moved}."]


def _size(row: Scaled) -> float:
    return 0.0 if row.moved is None else abs(row.moved.value)


def _matters(moved: Figure | None) -> bool:
    return moved is not None and abs(moved.value) >= MATTERS and not abs(moved.value) < CLEAR * moved.mcse


def _power(power: float) -> str:
    return "twice as strong" if power > 1 else "half as strong"


def _single_numbers(hangs: Sequence[Hangs]) -> list[str]:
    """Numbers that rest on a prior, and those on which prior and ratings pull."""
    said = []
    for diagnosis, verb in (
        ("rests on its prior", "rest on their priors rather than on the ratings"),
        ("prior and ratings pull", "answer to prior and ratings alike, which may disagree"),
    ):
        rows = [row for row in hangs if row.diagnosis == diagnosis]
        names = [
            f"{glossary.named(row.name)} ({row.prior:.2f}, most of it to {_most(row)})" for row in rows[:MOST_NAMED]
        ]
        more = [f"{len(rows) - MOST_NAMED} more"] if len(rows) > MOST_NAMED else []
        if rows:
            said.append(
                f"These {verb} (sensitivity to the priors of {SENSITIVE:g} or more): {listed([*names, *more])}."
            )
    return said


def _most(row: Hangs) -> str:
    """The prior to which a number answers most."""
    prior = row.by_prior[0][0]
    return "its own" if glossary.raw(prior) == glossary.raw(row.name) else _that_of(prior)
