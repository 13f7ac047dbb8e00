"""Simulation-based calibration of the sampled model: components, effects and ratings from the prior, refitted by NUTS, ranked.

The truth comes from the explicit model (`build_model`), the fit from the form with items and outputs integrated out, compiled once and
given new ratings each time, and the effects from their recovery: the three are held against each other. Every finished simulation is
appended to a file, and an interrupted run goes on where it stopped with the same numbers.
"""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import arviz as az
import numpy as np
import nutpie

from expsim_bayes.check.designs import effect_name, judge, people, simulated, small
from expsim_bayes.check.explicit import Drawn, draw
from expsim_bayes.check.origin import digest
from expsim_bayes.check.resume import Journal
from expsim_bayes.check.uniformity import Calibration, calibration, predicted_below, ranks_below
from expsim_bayes.diagnostics import REPORTED
from expsim_bayes.fit import sample
from expsim_bayes.models._groups import DIMS, Story, dataset, estimated, sampled_components, sampled_parts
from expsim_bayes.models._marginal import PARTS
from expsim_bayes.models._predict import log_likelihoods, rating_means
from expsim_bayes.models._recover import nested_effects, parts_to_effects, voices_see
from expsim_bayes.models._statistics import statistics
from expsim_bayes.models.continuous import Components, Priors, build_marginal_model, score_scale, terms
from expsim_bayes.ratings import code
from expsim_bayes.simulate import Streams

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

KEPT = 99
"""Draws among which the truth is ranked."""
R_HAT = 1.01
"""R-hat above which a fit counts as not converged."""
MOST_BAD = 0.03
"""Share of fits that may have a divergence, and that may have an R-hat above `R_HAT`."""


class Settings(NamedTuple):
    """Of the sampler."""

    chains: int = 4
    tune: int = 1_000
    draws: int = 2_000


CODE = (
    "models/*.py",
    "ratings/*.py",
    "posterior/*.py",
    *(f"check/{name}.py" for name in ("nuts", "designs", "explicit", "uniformity")),
    "simulate/scores.py",
    *(f"{name}.py" for name in ("evaluators", "scenario", "diagnostics", "fit")),
)
"""Files that, changed, may change the numbers."""
SETTINGS = Settings()
"""Of the run for the record."""


class Simulation(NamedTuple):
    """One data set, fitted as `expsim_bayes.fit.fit` does it: once more in smaller steps where draws diverged."""

    number: int
    """From 0."""
    below: dict[str, float]
    """Posterior probability below the truth, by quantity."""
    divergences: int
    """Divergent draws."""
    r_hat: float
    """The worst of the quantities that a report shows."""
    ess: float
    """Their smallest effective sample size (bulk)."""


class NutsCheck(NamedTuple):
    """What the check found."""

    simulations: tuple[Simulation, ...]
    """All of them; a fit with divergences is counted, never dropped."""
    rows: tuple[Calibration, ...]
    """Calibration of each quantity."""
    commit: str
    """Code with which the first was fitted."""
    begun_utc: str
    """When."""

    @property
    def divergent(self) -> int:
        """Fits with a divergence."""
        return sum(one.divergences > 0 for one in self.simulations)

    @property
    def unconverged(self) -> int:
        """Fits with an R-hat above `R_HAT`."""
        return sum(not one.r_hat <= R_HAT for one in self.simulations)

    @property
    def sampled_well(self) -> bool:
        """Whether few enough fits had trouble."""
        return max(self.divergent, self.unconverged) <= MOST_BAD * len(self.simulations)


def design() -> Ratings:
    """Three variants on 24 items, all rated by a judge and half of them by two of six people."""
    scenario = small(outputs_per_look=72, evaluators=[judge(), people(raters=6, ratings_per_output=2)], overlap=0.5)
    return simulated(scenario, Streams(0, 0, 1)).ratings


def check_nuts(
    simulations: int = 200,
    *,
    random_seed: int = 0,
    settings: Settings = SETTINGS,
    file: Path | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> NutsCheck:
    """Calibration of every parameter, of differences, of the joint log-likelihood and of what is decided.

    Parameters
    ----------
    simulations : int
        Data sets.
    random_seed : int
        The same seed gives the same numbers, however often the run is interrupted.
    settings : Settings
        Of the sampler.
    file : Path, optional
        Finished simulations are read from here and appended; without one they are kept in memory.
    progress : callable, optional
        Called with the share done and a few words.

    Raises
    ------
    SettingError
        The file holds simulations of another run.
    """
    tell = progress or (lambda _share, _words: None)
    journal = Journal(file, {"random_seed": random_seed, **settings._asdict(), **_what_was_run()})
    done = {row["number"]: Simulation(**row) for row in journal.rows()}
    missing = [number for number in range(simulations) if number not in done]
    if missing:
        tell(1 - len(missing) / simulations, "sampled model: compiling")
        fitter = Fitter(design(), simulations, random_seed=random_seed, settings=settings)
    for number in missing:
        tell(len(done) / simulations, f"sampled model: {len(done)} of {simulations} data sets")
        done[number] = fitter.simulation(number)
        journal.append(done[number]._asdict())
    ordered = tuple(done[number] for number in range(simulations))
    names = list(ordered[0].below)
    rows = tuple(calibration(name, np.array([one.below[name] for one in ordered])) for name in names)
    return NutsCheck(ordered, rows, journal.header["commit"], journal.header["begun_utc"])


def _what_was_run() -> dict[str, str]:
    """What must not change between the parts of one run: the code that it rests on, and the packages."""
    packages = {name: version(name) for name in ("pymc", "pytensor", "nutpie", "numpy", "arviz")}
    return {"code": digest(CODE), **packages}


class Fitter:
    """The compiled model of one design, and the truths that it is to find again."""

    def __init__(self, ratings: Ratings, simulations: int, *, random_seed: int, settings: Settings) -> None:
        data, priors = code(ratings), Priors()
        present, scale = terms(data), score_scale(data, ratings.score_range)
        self.story = Story(data, present, priors, scale, statistics(data, present), None)
        self.random_seed, self.settings = random_seed, settings
        self.truth = draw(ratings, simulations, random_seed=self._seed("truth", 0))
        model = build_marginal_model(ratings, priors, centred=False)
        names = [name for name in (*PARTS, *Components._fields) if name in model.named_vars]
        self.compiled: Any = nutpie.compile_pymc_model(model, var_names=names)

    def simulation(self, number: int) -> Simulation:
        """Fit one data set and rank its truth."""
        data = self.story.data._replace(score=self.truth.score[number])
        story = replace(self.story, data=data, sums=statistics(data, self.story.present))
        trace = self._sample(story, number)
        rng = np.random.default_rng(self._seed("recovery", number))
        sampled = trace["posterior"].to_dataset()
        posterior, thinned = _posterior(sampled, story, rng)
        truth = _truth(self.truth, number, story)
        leader = int(posterior["quality"].mean(axis=0).argmax())
        kept = _kept(len(posterior["quality"]))
        drawn = {name: value[kept] for name, value in posterior.items()} | thinned
        found, true = _quantities(drawn, story, leader), _quantities(truth, story, leader)
        below = {name: float(ranks_below(true[name], values[None], rng)[0]) for name, values in found.items()}
        below["which variant is best"] = _best_below(posterior["quality"], truth["quality"], rng)
        r_hat, ess = _convergence(posterior, story, self.settings.chains)
        return Simulation(number, below, int(trace["sample_stats"]["diverging"].sum()), r_hat, ess)

    def _sample(self, story: Story, number: int) -> xr.DataTree:
        sums = story.sums
        values = {
            "row_mean": sums.row_mean,
            "row_square": sums.row_square,
            "within_square": sums.within_square,
            "group_total": sums.groups.total,
        }
        settings = {**self.settings._asdict(), "cores": min(os.cpu_count() or 1, self.settings.chains)}
        trace, _ = sample(self.compiled.with_data(**values), settings, seed=self._seed("chains", number))
        return trace

    def _seed(self, purpose: str, number: int) -> int:
        """A seed of its own for each purpose and simulation, whatever was run before."""
        place = ("truth", "chains", "recovery").index(purpose)
        return int(np.random.SeedSequence(self.random_seed, spawn_key=(place, number)).generate_state(1)[0])


Values = dict[str, "NDArray[np.float64]"]
"""(draw, ...) of each variable of the story, with `log_likelihood`."""


def _posterior(sampled: xr.Dataset, story: Story, rng: np.random.Generator) -> tuple[Values, Values]:
    """All draws of the story's variables, and the log-likelihood of the `KEPT` ones, for which items and opinions are drawn too."""
    sd, parts = sampled_components(sampled, story), sampled_parts(sampled, story)
    effects = parts_to_effects(
        parts, sd, data=story.data, present=story.present, priors=story.priors, scale=story.scale, rng=rng
    )
    named = dataset(effects, sd, story, sampled.sizes["chain"])
    posterior = {str(name): _flat(named[name]) for name in named}
    kept = _kept(len(posterior["quality"]))
    sd, parts, effects = sd.rows(kept), parts.rows(kept), effects.rows(kept)
    nested = nested_effects(voices_see(parts, story.sums), sd, sums=story.sums, present=story.present, rng=rng)
    means = rating_means(effects, nested, sd, data=story.data, sums=story.sums)
    return posterior, {"log_likelihood": log_likelihoods(means, sd, story.data).sum(axis=1)}


def _kept(draws: int) -> NDArray[np.intp]:
    """The draws among which the truth is ranked, evenly spaced over all chains."""
    return np.linspace(0, draws - 1, KEPT).round().astype(np.intp)


def _flat(values: xr.DataArray) -> NDArray[np.float64]:
    array = values.transpose("chain", "draw", ...).to_numpy()
    return np.asarray(array.reshape(-1, *array.shape[2:]), dtype=float)


def _truth(drawn: Drawn, number: int, story: Story) -> Values:
    """The truth of one data set in the shape of a posterior with one draw; the log-likelihood is written from the story alone."""
    noise = drawn.components.sd_noise[number, story.data.evaluator]
    off = (drawn.score[number] - drawn.mean[number]) / noise
    level, q = drawn.level[number], drawn.q[number]
    effects = {"level": level, "q": q, "quality": level[story.present.reference] + q}
    effects |= {name: getattr(drawn, name)[number] for name in ("severity", "shift", "taste")}
    effects |= {name: np.asarray(value)[number] for name, value in drawn.components._asdict().items()}
    effects["log_likelihood"] = np.asarray((-0.5 * off**2 - np.log(noise) - 0.5 * np.log(2 * np.pi)).sum())
    return {name: np.asarray(value)[None] for name, value in effects.items()}


def _quantities(values: Values, story: Story, leader: int) -> Values:
    """(draw,) every test quantity, by name."""
    found: Values = {}
    for name, mask in estimated(story).items():
        for at in zip(*np.nonzero(mask), strict=True) if mask.ndim else [()] * int(mask):
            found[effect_name(name, DIMS[name], at, story.data)] = values[name][:, *at]
    quality = values["quality"]
    first = quality[:, 1] - quality[:, 0]
    found["quality[B] - quality[A]"] = first
    found["quality[C] - quality[A]"] = quality[:, 2] - quality[:, 0]
    found["(quality[B] - quality[A]) x sd_shift"] = first * values["sd_shift"]
    found["loss if the leader were launched"] = quality.max(axis=1) - quality[:, leader]
    found["joint log-likelihood"] = values["log_likelihood"]
    return found


def _best_below(drawn: NDArray[np.float64], true: NDArray[np.float64], rng: np.random.Generator) -> float:
    """Where the best variant lies in the predicted distribution of which one is best."""
    prob = np.bincount(drawn.argmax(axis=1), minlength=drawn.shape[1]) / len(drawn)
    return float(predicted_below(prob[None], true.argmax(axis=1), rng)[0])


def _convergence(posterior: Values, story: Story, chains: int) -> tuple[float, float]:
    """Worst R-hat and smallest bulk ESS of the quantities that a report shows."""
    r_hats, sizes = [], []
    for name, mask in estimated(story).items():
        if name not in REPORTED or not mask.any():
            continue
        draws = posterior[name].reshape(chains, len(posterior[name]) // chains, -1)[:, :, mask.ravel()]
        for n in range(draws.shape[2]):
            r_hats.append(float(az.rhat(draws[:, :, n])))
            sizes.append(float(az.ess(draws[:, :, n], method="bulk")))
    return float(np.max(r_hats)), float(np.min(sizes))  # NaN where any of them is
