"""Simulation-based calibration of any model with a recipe: truth and data from the explicit model, refitted by NUTS, ranked.

Everything comes from the `Recipe`: the explicit model draws parameters and observations, the model that is sampled is compiled once on a
small design and given new observations each time, and the rank of the truth among the draws is taken for every scalar that is not one of
many (an item's effect, say), for the joint log-likelihood, and for what is decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import nutpie
import pymc as pm

from expsim_bayes.check.fits import (
    KEPT,
    Fits,
    Settings,
    Simulation,
    Values,
    all_fits,
    best_below,
    convergence,
    kept,
    seed,
    what_was_run,
)
from expsim_bayes.check.likelihood import log_likelihood
from expsim_bayes.check.resume import Journal
from expsim_bayes.check.small import Design, small
from expsim_bayes.check.uniformity import Runs, covered, ranks_below, run_again_if_doubtful
from expsim_bayes.diagnostics import is_reported
from expsim_bayes.fit import sample
from expsim_bayes.models import recipe
from expsim_bayes.models._task import flat

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.frozen import Frozen
    from expsim_bayes.models._recipe import Recipe

Observed = dict[str, "NDArray[Any]"]
"""Values of each `pm.Data` of observations, by its name."""
SETTINGS = Settings(tune=1_000, draws=1_500)
"""Of the runs for the record: those of a fit."""
LONGER = {"robust": 3_000}
"""Draws of models that report so many quantities that one R-hat or another would pass its limit by chance after fewer."""
PROBED = 20
"""Draws from the prior by which it is told what is constant by construction."""
SAME = 1e-9
"""Values that differ relatively by less are the same but for rounding."""
PLAIN = {"mode": "FAST_COMPILE"}
"""The plain linker starts at once, where a fast one would compile for longer than some hundred draws take."""


class Checked(NamedTuple):
    """What the check of a model found."""

    runs: Runs
    """The run, or both where the first was doubtful."""
    fits: Fits
    """Of the last run, by which the check is judged."""

    @property
    def passed(self) -> bool:
        """Whether uniformity is not rejected, intervals hold the truth as often as they say, and fits had no trouble."""
        return self.runs.passed and covered(self.runs.rows) and self.fits.sampled_well


def check_family(
    name: str,
    simulations: int = 200,
    *,
    random_seed: int = 0,
    settings: Settings | None = None,
    folder: Path | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Checked:
    """Calibration of every scalar of a model, of differences, of the joint log-likelihood and of what is decided.

    Parameters
    ----------
    name : str
        A model with a recipe.
    simulations : int
        Data sets; twice as many in a second run, where the first was doubtful.
    random_seed : int
        The same seed gives the same numbers, however often the run is interrupted.
    settings : Settings, optional
        Of the sampler; `settings_of` the model unless told.
    folder : Path, optional
        Finished simulations are read from here and appended; without one they are kept in memory.
    progress : callable, optional
        Called with the share done and a few words.

    Raises
    ------
    SettingError
        The folder holds simulations of another run.
    """
    tell = progress or (lambda _share, _words: None)
    chosen = settings or settings_of(name)
    found: list[Fits] = []

    def run(count: int, with_seed: int) -> tuple[Any, ...]:
        file = None if folder is None else folder / f"{name}{'-again' * len(found)}.jsonl"
        journal = Journal(file, {"random_seed": with_seed, **chosen._asdict(), **what_was_run(code_of(name))})

        def prepare() -> Callable[[int], Simulation]:
            return Family(recipe(name), small(name), count, random_seed=with_seed, settings=chosen).simulation

        found.append(all_fits(count, journal, prepare, tell=tell, title=name))
        return found[-1].rows

    return Checked(run_again_if_doubtful(run, simulations=simulations, random_seed=random_seed), found[-1])


def settings_of(name: str) -> Settings:
    """How a model is sampled for its calibration."""
    return SETTINGS._replace(draws=LONGER.get(name, SETTINGS.draws))


def code_of(name: str) -> tuple[str, ...]:
    """Patterns of the files that, changed, may change the numbers of a model."""
    checks = ("family", "fits", "likelihood", "small", "uniformity")
    return (
        f"models/{name}.py",
        "models/_*.py",
        "ratings/*.py",
        f"simulate/{name}.py",
        "diagnostics.py",
        "fit.py",
        *(f"check/{check}.py" for check in checks),
    )


class Fitted(NamedTuple):
    """One data set, fitted."""

    values: Values
    """(draw, ...) of every variable that was kept, all chains one after the other."""
    divergences: int
    """Divergent draws."""
    r_hat: float
    """The worst of the quantities that a report shows."""
    ess: float
    """Their smallest effective sample size (bulk)."""


class Family:
    """The compiled model of one design, and the truths that it is to find again.

    Parameters
    ----------
    made : Recipe
        Of the model.
    design : Design
        Who rates what, and the priors that truths come from.
    simulations : int
        Data sets.
    random_seed : int
        Of truths and of fits; the first truths are the same for any number of simulations.
    settings : Settings
        Of the sampler.
    believed : Priors, optional
        Of the model that is fitted, where they are to differ from those that the truth comes from.
    compiles : bool
        Whether the model is compiled for a sampler, in numbers that suit it whatever the observations.
    """

    def __init__(
        self,
        made: Recipe,
        design: Design,
        simulations: int,
        *,
        random_seed: int,
        settings: Settings = SETTINGS,
        believed: Frozen | None = None,
        compiles: bool = True,
    ) -> None:
        self.random_seed, self.settings, self.recipe = random_seed, settings, made
        ratings, priors = design
        any_ratings = {"centred": False} if made.leans and compiles else {}
        explicit = made.build(ratings, priors, **any_ratings)
        self.model = model = (made.sampled or made.build)(ratings, believed or priors, **any_ratings)
        self.held: Observed = {
            name: np.asarray(explicit[name].get_value())
            for name in explicit.named_vars
            if hasattr(explicit[name], "get_value")
        }
        shown = [variable.name for variable in model.deterministics if variable.name not in made.nested]
        free = [variable.name for variable in model.free_RVs]
        drawn = _drawn(explicit, max(simulations, KEPT + 1), seed(random_seed, 0, 0))
        self.observed = {data: drawn[name] for name, data in made.observed.items()}
        self.truth: Values = {name: drawn[name].astype(float) for name in (*free, *shown)}
        self.names = _ranked([name for name in (*shown, *free) if name not in made.nested], self.truth, model)
        self.log_likelihood = log_likelihood(model, tuple(made.observed.values()))
        self.compiled: Any = nutpie.compile_pymc_model(model, var_names=[*free, *shown]) if compiles else None
        self.better = -1.0 if made.higher_is_better is False or not ratings.higher_is_better else 1.0
        self.variants = [str(label) for label in model.coords["variant"]]

    def simulation(self, number: int) -> Simulation:
        """Fit one data set and rank its truth."""
        fitted = self.fit(number, self.data(number))
        return Simulation(number, self.below(number, fitted.values), fitted.divergences, fitted.r_hat, fitted.ess)

    def data(self, number: int) -> Observed:
        """Observations of one data set."""
        return {name: values[number] for name, values in self.observed.items()}

    def fit(self, number: int, data: Observed) -> Fitted:
        """The posterior given some observations."""
        cast = {name: np.asarray(values, dtype=self.held[name].dtype) for name, values in data.items()}
        settings = {**self.settings._asdict(), "cores": 1}
        trace, _ = sample(self.compiled.with_data(**cast), settings, seed=seed(self.random_seed, 1, number))
        posterior = trace["posterior"].to_dataset()
        r_hat, ess = self._convergence(posterior)
        values = {name: flat(posterior[name]) for name in self.truth}
        return Fitted(values, int(trace["sample_stats"]["diverging"].sum()), r_hat, ess)

    def below(self, number: int, values: Values) -> dict[str, float]:
        """Posterior probability below the truth of one data set, by quantity.

        Parameters
        ----------
        number : int
            Of the data set.
        values : dict
            (draw, ...) of every variable.
        """
        rng = np.random.default_rng(seed(self.random_seed, 2, number))
        truth = {name: each[number : number + 1] for name, each in self.truth.items()}
        leader = int((self.better * values["quality"]).mean(axis=0).argmax())
        some = kept(len(values["quality"]))
        found = self.quantities({name: each[some] for name, each in values.items()}, number, leader)
        true = self.quantities(truth, number, leader)
        below = {name: float(ranks_below(true[name], each[None], rng)[0]) for name, each in found.items()}
        if len(self.variants) > 1:
            best = best_below(self.better * values["quality"], self.better * truth["quality"], rng)
            below["which variant is best"] = best
        return {name: round(each, 6) for name, each in below.items()}

    def quantities(self, values: Values, number: int, leader: int) -> Values:
        """(draw,) every test quantity, by name.

        Parameters
        ----------
        values : dict
            (draw, ...) of every variable.
        number : int
            Of the data set at which the likelihood is taken.
        leader : int
            The variant that would be launched.
        """
        found: Values = {
            label: values[name].reshape(len(values[name]), -1)[:, place] for label, (name, place) in self.names.items()
        }
        parameters = [label for label, (name, _) in self.names.items() if name != "quality"]
        quality = values["quality"]
        first = self.variants[0]
        for v, other in enumerate(self.variants[1:], start=1):
            found[f"quality[{other}] - quality[{first}]"] = quality[:, v] - quality[:, 0]
        if len(self.variants) > 1:
            better = self.better * quality
            found["loss if the leader were launched"] = better.max(axis=1) - better[:, leader]
        if parameters:
            some = next((label for label in parameters if label.startswith("sd_")), parameters[0])
            found[f"quality[{self.variants[-1]}] x {some}"] = quality[:, -1] * found[some]
        found["joint log-likelihood"] = self.log_likelihood(self.data(number), values)
        return found

    def _convergence(self, posterior: xr.Dataset) -> tuple[float, float]:
        """Of what the gate looks at, but for what is constant by construction."""
        size = (posterior.sizes["chain"], posterior.sizes["draw"])
        shown = [
            posterior[name].transpose("chain", "draw", ...).to_numpy().reshape(*size, -1)[:, :, place]
            for name, place in self.names.values()
            if is_reported(name)
        ]
        return convergence(np.stack(shown, axis=2))


def _drawn(explicit: pm.Model, draws: int, random_seed: int) -> dict[str, NDArray[Any]]:
    """(draw, ...) of every variable of the explicit model, before any rating is seen."""
    with explicit:
        tree = pm.sample_prior_predictive(draws, random_seed=random_seed, compile_kwargs=PLAIN)
    groups = [tree["prior"].to_dataset(), tree["prior_predictive"].to_dataset()]
    return {str(name): group[name].isel(chain=0).to_numpy() for group in groups for name in group.data_vars}


def _ranked(names: list[str], truth: Values, model: pm.Model) -> dict[str, tuple[str, int]]:
    """Variable and place of every scalar, by its label, but for what is constant by construction or the same as another."""
    found: dict[str, tuple[str, int]] = {}
    seen: set[bytes] = set()
    for name in names:
        probe = truth[name][:PROBED].reshape(PROBED, -1)
        for place, label in enumerate(_labels(name, truth[name].shape[1:], model)):
            key = probe[:, place].tobytes()
            if np.ptp(probe[:, place]) > SAME * np.abs(probe[:, place]).max() and key not in seen:
                seen.add(key)
                found[label] = (name, place)
    return found


def _labels(name: str, shape: tuple[int, ...], model: pm.Model) -> list[str]:
    """Names of the entries of a variable, such as ``shift[judge, B]``."""
    dims = model.named_vars_to_dims.get(name, (None,) * len(shape))
    coords = [
        [str(label) for label in model.coords[dim]] if model.coords.get(dim) else range(size)
        for dim, size in zip(dims, shape, strict=True)
    ]
    places = np.ndindex(*shape)
    return [f"{name}[{', '.join(str(c[i]) for c, i in zip(coords, at, strict=True))}]" if at else name for at in places]
