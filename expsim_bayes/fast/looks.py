"""What is known of scores whose components are estimated too, look after look, for many replications, as the loop asks for it.

A look adds its ratings to `tables`; `axes` follows the components from where they were at the look before, and averages over them.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Self

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from expsim_bayes.evaluators import panel
from expsim_bayes.fast.axes import Averaged, Axes, Looked, averaged, followed
from expsim_bayes.fast.integration import peak
from expsim_bayes.fast.latent import Latent
from expsim_bayes.fast.parameters import Parameters, parameters
from expsim_bayes.fast.planned import Design, design_of
from expsim_bayes.fast.tables import Tables, as_units
from expsim_bayes.models._priors import Priors, Scale
from expsim_bayes.posterior.beliefs import beliefs
from expsim_bayes.posterior.gaussian import State
from expsim_bayes.posterior.known import Latents, Qualities
from expsim_bayes.posterior.layout import ABSENT, Components, Layout
from expsim_bayes.posterior.scores import NamedEffects, qualities_of, superiority_of
from expsim_bayes.simulate import Streams, assign, plan, story_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from expsim_bayes.models._recover import ComponentDraws
    from expsim_bayes.scenario import Scenario, StrategyName
    from expsim_bayes.simulate import Look, Plan
    from expsim_bayes.superiority import Superiority

    Floats = NDArray[np.float64]

TURNS = (1, 3, 9, 27, 81)
"""Looks after which the axes are turned anew."""
ROUNDS, LATER = 6, 3
"""How often the axes are moved at one look: at the first, and later, when they are near."""
HELD = 400_000
"""Numbers of one array that a thread holds at once: as many as its cache does."""


class _Conditional:
    """Several replications' density over components, with moments of something given these."""

    def __init__(self, known: EstimatedScores, *, effects: bool) -> None:
        self.known, self.effects = known, effects

    def look(self, x: Floats, chosen: NDArray[np.intp]) -> Looked:
        """At (r, m, d) places of the chosen replications: of qualities, or of all effects."""
        sd, e, constant = self._weighed(x, chosen)
        latent = self.known.latent
        if self.effects:
            found = latent.assembled(sd, e, constant)
            wanted = np.eye(latent.size) * latent.spreads(sd)[:, None]
            solved = np.linalg.solve(found.precision, np.concatenate([wanted, found.seen[..., None]], axis=2))
            log_density, mean = found.log_density, (wanted * solved[..., -1:]).sum(axis=1)
            cov = wanted.swapaxes(1, 2) @ solved[..., :-1]
        else:
            log_density, mean, cov = latent.qualities(sd, e, constant)
        r, m, _ = x.shape
        size = mean.shape[1]
        density = log_density.reshape(r, m) - 0.5 * (x**2).sum(axis=2)
        return Looked(density, mean.reshape(r, m, size), cov.reshape(r, m, size, size))

    def log_density(self, x: Floats, chosen: NDArray[np.intp]) -> Floats:
        """(r, m) at (r, m, d) places."""
        sd, e, constant = self._weighed(x, chosen)
        found = self.known.latent.assembled(sd, e, constant).log_density
        return found.reshape(x.shape[:2]) - 0.5 * (x**2).sum(axis=2)

    def _weighed(self, x: Floats, chosen: NDArray[np.intp]) -> tuple[ComponentDraws, Floats, Floats]:
        known = self.known
        tables = known.tables if chosen.size == len(known.tables.seen) else known.tables.of(chosen)
        sd = known.unknown.components(x.reshape(-1, x.shape[2]))
        return sd, *tables.weighed(sd, x.shape[1])


class _Pilot:
    """The density over components after the first look of one experiment of the same design: near it all others begin."""

    def __init__(self, known: EstimatedScores, strategy: StrategyName) -> None:
        scenario, streams = known.scenario, Streams(0, 0, 1)
        first = plan(scenario, strategy, 0)
        story = story_of(scenario, streams)
        alike = np.full((1, len(scenario.variants)), 1 / len(scenario.variants))
        variant = assign(scenario, strategy, first, alike, streams, look=0)
        score = story.look(first, variant, look=0).score - known.latent.middle
        look = as_units(known.design, first, variant.reshape(1, -1), score)
        self.alone = replace(known.of(np.array([0])), tables=Tables.empty(known.design, 1).after(look))
        self.dims, self.work = known.axes.centre.shape[1], 1.0

    def log_density(self, x: Floats) -> Floats:
        """(D,) at (D, d) points."""
        found: Floats = _Conditional(self.alone, effects=False).log_density(x[None], np.arange(1))[0]
        return found

    def with_slopes(self, x: Floats) -> tuple[Floats, Floats]:
        """(D,) and its slopes by differences, (D, d)."""
        step = 1e-5 * np.eye(self.dims)
        around = np.concatenate([x[:, None], x[:, None] + step, x[:, None] - step], axis=1)
        seen = self.log_density(around.reshape(-1, self.dims)).reshape(len(x), -1)
        return seen[:, 0], (seen[:, 1 : self.dims + 1] - seen[:, self.dims + 1 :]) / 2e-5


@dataclass(frozen=True)
class EstimatedScores(NamedEffects):
    """The posterior of qualities, components averaged over, for several replications."""

    scenario: Scenario
    """The experiment."""
    design: Design
    """What its looks share."""
    latent: Latent
    """Its effects."""
    places: Layout
    """Where each of them stands."""
    unknown: Parameters
    """Its components."""
    tables: Tables
    """Its ratings so far."""
    axes: Axes
    """Where the components are."""
    quality: Averaged
    """Of the qualities, from the middle of the scale."""
    looks: int = 0
    """How many looks there were."""

    @classmethod
    def nothing(cls, scenario: Scenario, strategy: StrategyName, replications: int) -> Self:
        """Before any look."""
        who = panel(scenario.evaluators)
        plans = tuple(plan(scenario, strategy, look) for look in range(scenario.looks))
        design = design_of(plans, who, beliefs(scenario))
        low, high = scenario.score_range
        scale = Scale((low + high) / 2, high - low, "")
        priors = Priors(sd_variant=scenario.sd_variant_belief / scale.width)
        latent = Latent.of(design.columns, design.rater_evaluator, design.present, priors, scale)
        unknown = parameters(design.present, priors, scale)
        variants = len(scenario.variants)
        cov = latent.level_sd**2 + latent.sd_variant**2 * np.eye(variants)
        prior = Averaged(np.zeros((replications, variants)), np.repeat(cov[None], replications, axis=0))
        none = Tables.empty(design, replications)
        start = Axes.prior(replications, len(unknown.unknown))
        known = cls(scenario, design, latent, places_of(latent), unknown, none, start, prior)
        centre, root = peak(_Pilot(known, strategy))
        return replace(
            known, axes=Axes(np.repeat(centre[None], replications, 0), np.repeat(root[None], replications, 0))
        )

    def after(self, layout_of_look: Plan, variant: NDArray[np.intp], rated: Look, active: NDArray[np.intp]) -> Self:
        """With one more look on it."""
        answered, score = variant.reshape(variant.shape[0], -1), rated.score
        if active.size != len(score):
            score = score[active]
            answered = answered if len(answered) == 1 else answered[active]
        look = as_units(self.design, layout_of_look, answered, score - self.latent.middle)
        grown = replace(self, tables=self.tables.after(look), looks=self.looks + 1)
        grown = replace(grown, axes=self.axes.with_more(self.looks))
        parts = _in_parts(grown, partial(_followed, turn=grown.looks in TURNS, rounds=LATER if self.looks else ROUNDS))
        axes = Axes(*(np.concatenate(values) for values in zip(*(part[0] for part in parts), strict=True)))
        return replace(grown, axes=axes, quality=_joined([part[1] for part in parts]))

    def of(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Of some of the replications."""
        quality = Averaged(self.quality.mean[kept], self.quality.cov[kept])
        return replace(self, tables=self.tables.of(kept), axes=self.axes.of(kept), quality=quality)

    def qualities(self, base: int) -> Qualities:
        """Mean and SD of each quality, and of its difference to the base."""
        return qualities_of(self.quality.mean + self.latent.middle, self.quality.cov, base)

    def superiority(self, *, eligible: NDArray[np.bool_] | None) -> Superiority:
        """Which variant is best, and by how much it matters."""
        return superiority_of(self.scenario, self.quality.mean, self.quality.cov, eligible)

    def latents(self) -> Latents:
        """Everything that is known of every effect."""
        found = _joined(_in_parts(self, _all_effects))
        mean = found.mean.copy()
        mean[:, : self.latent.columns.view.shape[0]] += self.latent.middle
        sd = np.sqrt(np.diagonal(found.cov, axis1=1, axis2=2))
        return Latents(mean, sd, np.linalg.inv(found.cov))

    @property
    def given(self) -> tuple[State, Components, Layout]:
        """What is known of the first replication, its components at the centre of what they may be, for those who look ahead."""
        alone, latent = self.of(np.array([0])), self.latent
        known = alone.latents()
        sd = self.unknown.components(alone.axes.centre)
        evaluators, variants = latent.columns.view.shape
        has_shift, severe = np.array(latent.present.shift), np.array(latent.present.severity)
        components = Components(
            level_mean=np.full(evaluators, latent.middle),
            level_sd=np.full(evaluators, latent.level_sd),
            scale=sd.scale_use[0],
            sd_variant=latent.sd_variant,
            sd_item=float(sd.sd_item[0]),
            sd_interaction=float(sd.sd_interaction[0]),
            sd_output=np.full(variants, float(sd.sd_output[0])),
            sd_rater=sd.sd_rater[0] * severe,
            sd_shift=sd.sd_shift[0] * has_shift,
            sd_taste=sd.sd_taste[0],
            sd_opinion=sd.sd_opinion[0],
            sd_noise=sd.sd_noise[0],
            reference=latent.present.reference,
        )
        return State(known.precision, (known.precision @ known.mean[..., None])[..., 0]), components, self.places


def places_of(latent: Latent) -> Layout:
    """Where each effect stands among all of them."""
    where, present = latent.columns, latent.present
    evaluators, variants = where.view.shape
    shift = np.full((evaluators, variants), ABSENT)
    shifted = np.flatnonzero(present.shift)
    shift[shifted] = evaluators + variants + np.arange(shifted.size * variants).reshape(-1, variants)
    offset = evaluators + variants + shifted.size * variants - evaluators * variants
    return Layout(
        level=np.arange(evaluators),
        quality=evaluators + np.arange(variants),
        severity=np.where(where.severity >= 0, where.severity + offset, ABSENT),
        shift=shift,
        taste=np.where(where.taste >= 0, where.taste + offset, ABSENT),
        rater_evaluator=latent.rater_evaluator,
        size=latent.size,
    )


def _in_parts[T](known: EstimatedScores, task: Callable[[EstimatedScores], T]) -> list[T]:
    """What becomes of some replications after the others, several at the same time."""
    rows = np.arange(len(known.axes.centre))
    each = (1 + 2 * len(known.unknown.unknown)) * (known.latent.size + 1) ** 2
    together = max(1, HELD // each)
    parts = [known.of(rows[n : n + together]) for n in range(0, rows.size, together)]
    with threadpool_limits(1, "blas"):
        if len(parts) == 1:
            return [task(parts[0])]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(task, parts))


def _followed(known: EstimatedScores, *, turn: bool, rounds: int) -> tuple[Axes, Averaged]:
    axes, seen = followed(_Conditional(known, effects=False), known.axes, turn=turn, rounds=rounds)
    return axes, averaged(seen)


def _all_effects(known: EstimatedScores) -> Averaged:
    places = known.axes.ends()
    return averaged(_Conditional(known, effects=True).look(places, np.arange(len(places))))


def _joined(parts: Sequence[Averaged]) -> Averaged:
    return Averaged(*(np.concatenate(values) for values in zip(*parts, strict=True)))
