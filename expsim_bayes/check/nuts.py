"""Simulation-based calibration of the sampled model: components, effects and ratings from the prior, refitted by NUTS, ranked.

The truth comes from the explicit model (`build_model`), the fit from the form with items and outputs integrated out, compiled once and
given new ratings each time, and the effects from their recovery: the three are held against each other. Every finished simulation is
appended to a file, and an interrupted run goes on where it stopped with the same numbers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import nutpie

from expsim_bayes.check.designs import effect_name, judge, people, simulated, small
from expsim_bayes.check.explicit import Drawn, draw
from expsim_bayes.check.fits import (
    SETTINGS,
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
from expsim_bayes.check.resume import Journal
from expsim_bayes.check.uniformity import ranks_below
from expsim_bayes.diagnostics import is_reported
from expsim_bayes.fit import sample
from expsim_bayes.models._groups import DIMS, Story, dataset, estimated, sampled_effects
from expsim_bayes.models._marginal import PARTS
from expsim_bayes.models._predict import log_likelihoods, rating_means
from expsim_bayes.models._recover import nested_effects, voices_see
from expsim_bayes.models._statistics import statistics
from expsim_bayes.models._task import flat
from expsim_bayes.models.continuous import Components, Priors, build_marginal_model, score_scale, terms
from expsim_bayes.ratings import code
from expsim_bayes.simulate import Streams

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import xarray as xr

    from expsim_bayes.models._recover import ComponentDraws, Effects
    from expsim_bayes.ratings import Ratings

CODE = (
    "models/*.py",
    "ratings/*.py",
    "posterior/*.py",
    *(f"check/{name}.py" for name in ("nuts", "fits", "designs", "explicit", "uniformity")),
    "simulate/scores.py",
    *(f"{name}.py" for name in ("evaluators", "scenario", "diagnostics", "fit")),
)
"""Files that, changed, may change the numbers."""


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
) -> Fits:
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
    journal = Journal(file, {"random_seed": random_seed, **settings._asdict(), **what_was_run(CODE)})

    def prepare() -> Callable[[int], Simulation]:
        return Fitter(design(), simulations, random_seed=random_seed, settings=settings).simulation

    return all_fits(simulations, journal, prepare, tell=tell, title="sampled model")


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
        effects, sd = sampled_effects(sampled, story, rng)
        posterior, below = ranked(effects, sd, story, self.truth, number, rng)
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
        settings = {**self.settings._asdict(), "cores": 1}
        trace, _ = sample(self.compiled.with_data(**values), settings, seed=self._seed("chains", number))
        return trace

    def _seed(self, purpose: str, number: int) -> int:
        """A seed of its own for each purpose and simulation, whatever was run before."""
        return seed(self.random_seed, ("truth", "chains", "recovery").index(purpose), number)


def ranked(  # noqa: PLR0917
    effects: Effects, sd: ComponentDraws, story: Story, truths: Drawn, number: int, rng: np.random.Generator
) -> tuple[Values, dict[str, float]]:
    """All draws of the story's variables, and the rank of the truth among the `KEPT` ones, by quantity.

    Parameters
    ----------
    effects, sd
        Draws.
    story : Story
        The data set.
    truths : Drawn
        Of all data sets.
    number : int
        Of this one.
    rng : numpy.random.Generator
        Breaks ties, and draws items and opinions for the log-likelihood.
    """
    posterior, thinned = _posterior(effects, sd, story, rng)
    truth = _truth(truths, number, story)
    leader = int(posterior["quality"].mean(axis=0).argmax())
    rows = kept(len(posterior["quality"]))
    drawn = {name: value[rows] for name, value in posterior.items()} | thinned
    found, true = _quantities(drawn, story, leader), _quantities(truth, story, leader)
    below = {name: float(ranks_below(true[name], values[None], rng)[0]) for name, values in found.items()}
    below["which variant is best"] = best_below(posterior["quality"], truth["quality"], rng)
    return posterior, below


def _posterior(effects: Effects, sd: ComponentDraws, story: Story, rng: np.random.Generator) -> tuple[Values, Values]:
    """All draws of the story's variables, and the log-likelihood of the `KEPT` ones, for which items and opinions are drawn too."""
    named = dataset(effects, sd, story, 1)
    posterior = {str(name): flat(named[name]) for name in named}
    rows = kept(len(posterior["quality"]))
    sd, effects = sd.rows(rows), effects.rows(rows)
    nested = nested_effects(voices_see(effects, sd, story.sums), sd, sums=story.sums, present=story.present, rng=rng)
    means = rating_means(effects, nested, sd, sums=story.sums)
    return posterior, {"log_likelihood": log_likelihoods(means, sd, story.data).sum(axis=1)}


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


def _convergence(posterior: Values, story: Story, chains: int) -> tuple[float, float]:
    """Worst R-hat and smallest bulk ESS of the quantities that a report shows."""
    shown = [
        posterior[name].reshape(chains, len(posterior[name]) // chains, -1)[:, :, mask.ravel()]
        for name, mask in estimated(story).items()
        if is_reported(name) and mask.any()
    ]
    return convergence(np.concatenate(shown, axis=2))
