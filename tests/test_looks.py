"""Components estimated look after look: the sums against those of one data set, averages against exact ones, and the loop around them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_scenario import CROWD, JUDGE, small, variants

from expsim_bayes.check.looks import on_its_terms
from expsim_bayes.experiment import run
from expsim_bayes.fast.axes import Axes, Looked, averaged, followed
from expsim_bayes.fast.looks import EstimatedScores, _Conditional
from expsim_bayes.fast.marginal import Marginal
from expsim_bayes.fast.moments import moments
from expsim_bayes.fast.scores import posterior
from expsim_bayes.loop import Loop
from expsim_bayes.models._groups import Story, story
from expsim_bayes.models._priors import Priors
from expsim_bayes.models._recover import ComponentDraws
from expsim_bayes.scenario import Scenario
from expsim_bayes.simulate import Streams, ratings_of

Floats = np.ndarray


def estimated(**changed: object) -> Scenario:
    """A small experiment whose components are estimated, played to its last look."""
    rules = [{"rule": "superiority", "threshold": 1.0}]
    declared = {"components": "estimated", "looks": 3, "outputs_per_look": 24}
    strategies = {
        "sequential": {"stopping": rules},
        "bandit": {"allocation": {"policy": "thompson"}, "stopping": rules},
    }
    return small(**{**declared, "strategies": strategies, **changed})


DESIGNS: dict[str, tuple[str, Scenario]] = {
    "paired": ("sequential", estimated()),
    "people on some": ("sequential", estimated(overlap=0.5, outputs_per_look=32)),
    "split": ("sequential", estimated(assignment="split")),
    "bandit": ("bandit", estimated(variants=variants(3.0, 3.1, 3.2), outputs_per_look=24)),
    "repeats": (
        "sequential",
        estimated(evaluators=[{**JUDGE, "ratings_per_output": 3}, {**CROWD, "ratings_per_output": 2}]),
    ),
    "judge alone": ("sequential", estimated(evaluators=[JUDGE])),
}


def played(name: str, seed: int = 1) -> tuple[EstimatedScores, Story]:
    """What is known after all looks, and the same ratings as one data set, told by the same terms."""
    strategy, scenario = DESIGNS[name]
    loop = Loop(scenario, strategy, Streams(seed, 0, 1), "prior")  # type: ignore[arg-type]
    kept: list[Any] = []
    loop.run(history=True, keep=kept)
    known = loop.known
    assert isinstance(known, EstimatedScores)
    ratings = ratings_of(scenario, kept)
    low, high = scenario.score_range
    told = story(ratings, Priors(sd_variant=scenario.sd_variant_belief / (high - low)))
    return known, on_its_terms(known, told)


@pytest.mark.parametrize("name", DESIGNS)
def test_sums_hold_what_the_ratings_hold(name: str) -> None:
    known, told = played(name)
    order = [told.data.evaluators.index(e.name) for e in known.scenario.evaluators]
    one = on_its_terms(known, told)
    same = one.present
    sums = moments(one.data, same, one.sums, one.scale.middle)
    marginal = Marginal.of(sums, same, one.priors, one.scale)
    x = np.random.default_rng(0).standard_normal((1, 6, len(known.unknown.unknown)))
    sd = known.unknown.components(x[0])
    swapped = ComponentDraws(*(v[:, np.argsort(order)] if v.ndim == 2 else v for v in sd))
    found = _Conditional(known, effects=False).look(x, np.arange(1))
    here = found.log_density[0] + 0.5 * (x[0] ** 2).sum(axis=1)
    there = marginal.log_density(swapped)
    assert np.diff(here) == pytest.approx(np.diff(there), rel=1e-9, abs=1e-8)
    drawn = marginal.draw(swapped.rows(np.array([0])), 20_000, np.random.default_rng(1))
    quality = drawn.level[:, [same.reference]] + drawn.q - one.scale.middle
    error = np.sqrt(np.diag(found.cov[0, 0]) / len(quality))
    assert np.abs((quality.mean(axis=0) - found.mean[0, 0]) / error).max() < 4.5
    assert np.cov(quality.T) == pytest.approx(found.cov[0, 0], rel=0.06, abs=1e-3)


@pytest.mark.parametrize("name", ["paired", "split", "bandit"])
def test_averages_are_near_those_over_many_points(name: str) -> None:
    off = []
    for seed in range(3):
        known, told = played(name, seed)
        exact = posterior(told, 4_000, np.random.default_rng(0)).effects.q
        difference = exact[:, 1] - exact[:, 0]
        mean, cov = known.quality.mean[0], known.quality.cov[0]
        sd = np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
        off.append([(mean[1] - mean[0] - difference.mean()) / difference.std(), sd / difference.std() - 1])
    assert np.abs(np.mean(off, axis=0)).max() < 0.1
    assert np.abs(off).max() < 0.25


def test_the_same_numbers_in_chunks_of_any_size() -> None:
    _, scenario = DESIGNS["paired"]
    whole = run(scenario, replications=7, random_seed=3, history=False)
    parts = run(scenario, replications=7, random_seed=3, history=False, chunk=2)
    for name in ("quality_mean", "effect_sd", "prob_best"):
        assert whole[name].values == pytest.approx(parts[name].values, rel=1e-9, abs=1e-11)


def test_replications_that_stop_leave_the_others_as_they_were() -> None:
    rules = [{"rule": "superiority", "threshold": 0.9}]
    scenario = estimated(strategies={"sequential": {"stopping": rules}})
    together = run(scenario, replications=6, random_seed=2, history=False)
    assert len(np.unique(together["stop_look"])) > 1
    for n in range(6):
        alone = run(scenario, replications=n + 1, random_seed=2, history=False, chunk=1).isel(replication=n)
        assert alone["quality_mean"].values == pytest.approx(
            together["quality_mean"].isel(replication=n).values, rel=1e-8
        )


class Bent:
    """Correlated normals, of which one also moves what is averaged along a parabola."""

    cov = np.array([[1.0, 0.6], [0.6, 0.5]])

    def log_density(self, x: Floats, chosen: Floats) -> Floats:
        off = x - np.array([0.7, -0.4])
        return np.asarray(-0.5 * np.einsum("rmi,ij,rmj->rm", off, np.linalg.inv(self.cov), off) + 0.0 * chosen[:, None])

    def look(self, x: Floats, chosen: Floats) -> Looked:
        mean = np.stack([x[..., 0], 2.0 + 0.0 * x[..., 1]], axis=-1)
        cov = np.broadcast_to(0.25 * np.eye(2), (*x.shape[:2], 2, 2))
        return Looked(self.log_density(x, chosen), mean, cov.copy())


def test_averages_over_a_normal_density_are_exact() -> None:
    axes, seen = followed(Bent(), Axes.prior(3, 2), turn=True, rounds=12)
    found = averaged(seen)
    assert axes.centre == pytest.approx(np.repeat([[0.7, -0.4]], 3, axis=0), abs=0.2)
    assert found.mean == pytest.approx(np.repeat([[0.7, 2.0]], 3, axis=0), abs=0.05)
    assert found.cov[0] == pytest.approx(np.array([[1.25, 0.0], [0.0, 0.25]]), abs=0.1)


@pytest.mark.long
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    strategy, scenario = DESIGNS["paired"]
    found = run(scenario, strategy=strategy, replications=400, random_seed=5, truth="prior", history=False)  # type: ignore[arg-type]
    true = found["quality_true"][:, 1] - found["quality_true"][:, 0]
    z = (true - found["effect_mean"][:, 1]) / found["effect_sd"][:, 1]
    assert float((np.abs(z) < 1.96).mean()) > 0.9
