"""What is known of stars, preferences or rankings, look after look, for many replications, as the loop of an experiment asks for it.

A look adds its votes as rows. Given the components, effects are integrated out around their `modes`; `axes` follows the components from
where they were at the look before and averages over them, where they are not given.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from scipy.special import logit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from expsim_bayes import bounded
from expsim_bayes.evaluators import panel
from expsim_bayes.fast.axes import Averaged, Axes, Looked, averaged, followed, positive
from expsim_bayes.outcomes import SIDE_BY_SIDE
from expsim_bayes.posterior.known import Latents, Qualities
from expsim_bayes.simulate import plan
from expsim_bayes.votes import rows as of_looks
from expsim_bayes.votes.duels import Duels
from expsim_bayes.votes.modes import modes
from expsim_bayes.votes.rankings import Rankings
from expsim_bayes.votes.stars import Stars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from expsim_bayes.fast.parameters import Parameters
    from expsim_bayes.models._recover import ComponentDraws
    from expsim_bayes.scenario import Scenario, StrategyName
    from expsim_bayes.simulate import Look, Plan
    from expsim_bayes.superiority import Superiority
    from expsim_bayes.votes.modes import Modes, Rows, Scales

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

ROUNDS, LATER = 6, 1
"""How often the axes are moved at one look: at the first, and later, when they are near."""
GROWN, MUCH = 4 / 3, 2.5
"""How votes grow until components are followed again, as they change little before; and how, until there may be far to go."""
TOGETHER = 32
"""Replications that a thread works on at once."""


class Votes(Protocol):
    """A kind of votes: what never changes from look to look."""

    @property
    def unknown(self) -> Parameters:
        """Components, of which some are estimated."""

    @property
    def kind(self) -> int:
        """As `modes` asks for it."""

    @property
    def ends(self) -> tuple[float, float]:
        """Between what quality lies."""

    def start(self) -> Floats:
        """(n,) where effects are sought first."""

    def rows(self, plan: Plan, answered: Ints, rated: Look, active: Ints) -> Rows:
        """Votes of one look."""

    def tables(self, sd: ComponentDraws) -> tuple[Scales, tuple[Floats, Floats]]:
        """Coefficients at S sets of components."""

    def sizes(self, sd: ComponentDraws) -> Floats:
        """(S, n) what a unit of each effect stands for."""

    def quality(self, found: Modes, sd: ComponentDraws) -> tuple[Floats, Floats]:
        """(S, V) logits of quality between its ends, and (S, V, n) their slopes along the effects."""


@dataclass
class _Conditional:
    """Several replications' density over components, with the logits of quality given these; modes move as they are found."""

    votes: Votes
    rows: Rows
    at: Floats
    """(r, n) modes at the centre."""
    own: Floats
    """(r, L)"""
    offset: Floats
    """(r, m, n) how far from there modes were at the ends of the axes."""
    reach: Floats
    """(r, m) how far away the ends were."""

    def look(self, x: Floats, chosen: Ints) -> Looked:
        """At (r, m, d) places of the chosen replications."""
        sd, found, density = self._found(x, chosen)
        mean, along = self.votes.quality(found, sd)
        cov = along @ np.linalg.solve(found.precision, along.swapaxes(1, 2))
        r, m, _ = x.shape
        return Looked(density, mean.reshape(r, m, -1), cov.reshape(r, m, *cov.shape[1:]))

    def log_density(self, x: Floats, chosen: Ints) -> Floats:
        """(r, m) at (r, m, d) places."""
        return self._found(x, chosen)[2]

    @property
    def modes(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Where modes are now, and how far from those at the centre they are at the ends."""
        return self.at, self.own, self.offset, self.reach

    def _found(self, x: Floats, chosen: Ints) -> tuple[ComponentDraws, Modes, Floats]:
        """Components, modes and log density at (r, m, d) places; where modes were found they are sought the next time."""
        votes, sd = self.votes, self.votes.unknown.components(x.reshape(x.shape[0] * x.shape[1], x.shape[2]))
        sizes, reach = votes.sizes(sd), np.linalg.norm(x - x[:, :1], axis=2)
        of_axes = x.shape[1] == self.offset.shape[1]
        offset = self._stretched(reach, chosen) if of_axes else np.zeros((*x.shape[:2], self.at.shape[1]))
        starts = self.at[chosen], self.own[chosen]
        found = modes(votes.kind, self.rows, *votes.tables(sd), sizes, offset.reshape(sizes.shape), chosen, *starts)
        found.precision[~np.isfinite(found.density)] = np.eye(found.at.shape[1])
        centre = found.at[:: x.shape[1]]
        self.at[chosen] = np.where(np.isfinite(centre).all(axis=1)[:, None], centre, self.votes.start())
        self.own[chosen] = np.nan_to_num(found.own)
        if of_axes:
            moved = (found.at * sizes).reshape(*x.shape[:2], -1)
            self.offset[chosen] = np.nan_to_num((moved - moved[:, :1]) / sizes.reshape(moved.shape))
            self.reach[chosen] = reach
        return sd, found, found.density.reshape(x.shape[:2]) - 0.5 * (x**2).sum(axis=2)

    def _stretched(self, reach: Floats, chosen: Ints) -> Floats:
        """(r, m, n) how far from the centre's modes those of the ends should be, now that the ends are so far away."""
        before = self.reach[chosen]
        return np.divide(reach, before, out=np.zeros_like(reach), where=before > 0)[..., None] * self.offset[chosen]


@dataclass(frozen=True)
class KnownVotes:
    """The posterior of qualities, components averaged over where they are not given, for several replications."""

    scenario: Scenario
    """The experiment."""
    votes: Votes
    """What its looks share."""
    rows: Rows | None
    """Its votes so far."""
    at: Floats
    """(replication, n) modes of the effects."""
    own: Floats
    """(replication, L) those of items."""
    axes: Axes
    """Where the components are."""
    quality: Averaged
    """Of the logits of qualities between their ends."""
    held: Averaged
    """The same given the components at the centre of their axes."""
    offset: Floats
    """(replication, m, n) how far modes were from those at the centre, at the ends of the axes."""
    reach: Floats
    """(replication, m) how far away the ends were."""
    count: int = 0
    """Votes so far, of each replication."""
    followed_at: int = 0
    """The same when components were followed the last time."""

    @classmethod
    def nothing(cls, scenario: Scenario, strategy: StrategyName, replications: int) -> Self:
        """Before any look."""
        plans = tuple(plan(scenario, strategy, look) for look in range(scenario.looks))
        kind: Any = {"ordinal": Stars, "preference": Duels, "ranking": Rankings}[scenario.outcome]
        votes: Votes = kind.of(scenario, plans, panel(scenario.evaluators))
        axes = Axes.prior(replications, len(votes.unknown.unknown))
        at = np.repeat(votes.start()[None], replications, axis=0)
        ends = 1 + 2 * len(votes.unknown.unknown)
        one = np.zeros((1, ends, at.shape[1])), np.zeros((1, ends))
        prior = _Conditional(votes, of_looks.nothing(), votes.start()[None], np.zeros((1, 0)), *one)
        seen = averaged(prior.look(axes.of(np.arange(1)).ends(), np.arange(1)))
        known = Averaged(*(np.repeat(values, replications, axis=0) for values in seen))
        offset, reach = np.zeros((replications, ends, at.shape[1])), np.zeros((replications, ends))
        return cls(scenario, votes, None, at, np.zeros((replications, 0)), axes, known, known, offset, reach)

    def after(self, layout_of_look: Plan, variant: NDArray[np.intp], rated: Look, active: NDArray[np.intp]) -> Self:
        """With one more look on it."""
        slots = variant.reshape(variant.shape[0], -1)
        answered = slots if len(slots) == 1 else slots[active]
        together = 1 if self.scenario.outcome == "ordinal" else layout_of_look.n_slots  # outputs in a rating
        answered = np.concatenate([answered[:, layout_of_look.output + slot] for slot in range(together)], axis=1)
        look = self.votes.rows(layout_of_look, answered, rated, active)
        if active.size > 1 and self.rows is None:
            look = of_looks.counted(look)
        elif active.size > 1 and self.rows is not None and len(self.rows.vote) == 1:  # as they were counted so far
            look = of_looks.counted(look, anyway=True)
        rows = of_looks.added(self.rows, look)
        more = int(rows.own_from[-1]) - self.own.shape[1]
        grown = replace(
            self,
            rows=rows,
            own=np.pad(self.own, [(0, 0), (0, more)]),
            axes=self.axes.with_more(self.count / layout_of_look.item.size),
            count=self.count + layout_of_look.item.size,
        )
        return grown.followed()

    def followed(self) -> Self:
        """With modes, and at some looks components, where they are now."""
        everyone = np.arange(len(self.at))
        parts = [everyone[n : n + TOGETHER] for n in range(0, everyone.size, TOGETHER)]
        follow = self.count >= GROWN * self.followed_at
        task = self._followed_part if follow else self._held_part
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(task, parts))
        at, own, offset, reach, centre, root, *moments = (np.concatenate(values) for values in zip(*found, strict=True))
        return replace(
            self,
            at=at,
            own=own,
            offset=offset,
            reach=reach,
            axes=Axes(centre, root),
            quality=Averaged(*moments[:2]),
            held=Averaged(*moments[2:]),
            followed_at=self.count if follow else self.followed_at,
        )

    def _followed_part(self, chosen: Ints) -> tuple[Floats, ...]:
        """Modes, axes, and qualities averaged over the components and at their centre, of some of the replications."""
        density = self._density(chosen)
        far = self.count > MUCH * self.followed_at
        rounds = (ROUNDS if far else LATER) if self.votes.unknown.unknown else 0
        axes, seen = followed(density, self.axes.of(chosen), turn=False, rounds=rounds)
        return *density.modes, *axes, *averaged(seen), seen.mean[:, 0], seen.cov[:, 0]

    def _held_part(self, chosen: Ints) -> tuple[Floats, ...]:
        """The same with the components where they were: what they add to what is known at their centre shrinks as the SDs there do."""
        density, axes = self._density(chosen), self.axes.of(chosen)
        seen = density.look(axes.centre[:, None], np.arange(chosen.size))
        mean, cov = seen.mean[:, 0], seen.cov[:, 0]
        before = Averaged(self.held.mean[chosen], self.held.cov[chosen])
        now, then = (np.diagonal(values, axis1=1, axis2=2) for values in (cov, before.cov))
        shrunk = np.sqrt(np.divide(now, then, out=np.zeros_like(now), where=then > 0))
        more = self.quality.cov[chosen] - before.cov
        moved = self.quality.mean[chosen] - before.mean
        whole = positive(cov + shrunk[:, :, None] * more * shrunk[:, None], cov)
        averages = mean + shrunk * moved, whole
        return *density.modes, *axes, *averages, mean, cov

    def _density(self, chosen: Ints) -> _Conditional:
        """What some of the replications' votes tell of the components."""
        assert self.rows is not None
        rows, starts = of_looks.of(self.rows, chosen, len(self.at)), (self.at, self.own, self.offset, self.reach)
        return _Conditional(self.votes, rows, *(values[chosen] for values in starts))

    def of(self, kept: NDArray[np.bool_]) -> Self:
        """Of some of the replications."""
        return replace(
            self,
            rows=None if self.rows is None else of_looks.of(self.rows, kept, len(self.at)),
            at=self.at[kept],
            own=self.own[kept],
            offset=self.offset[kept],
            reach=self.reach[kept],
            axes=self.axes.of(kept),
            quality=Averaged(self.quality.mean[kept], self.quality.cov[kept]),
            held=Averaged(self.held.mean[kept], self.held.cov[kept]),
        )

    def qualities(self, base: int) -> Qualities:
        """Mean and SD of each quality, and of its difference to the base."""
        return Qualities(*bounded.moments(*self.quality, self.votes.ends, base))

    def superiority(self, *, eligible: NDArray[np.bool_] | None) -> Superiority:
        """Which variant is best, and by how much it matters."""
        scenario = self.scenario
        return bounded.superiority(
            *self.quality,
            self.votes.ends,
            control=scenario.control_index,
            min_effect=scenario.min_effect,
            rope=scenario.rope_width,
            higher_is_better=scenario.higher_is_better,
            eligible=eligible,
        )

    @property
    def _told(self) -> Sequence[int]:
        """Variants whose quality does not follow from the others': shares won add up, and that of the control is a half."""
        last = len(self.scenario.variants) - 1
        fixed = None
        if self.scenario.outcome in SIDE_BY_SIDE:
            fixed = last if self.scenario.control_index is None else self.scenario.control_index
        return [v for v in range(len(self.scenario.variants)) if v != fixed]

    def latents(self) -> Latents:
        """Logits of the qualities."""
        told = self._told
        mean, cov = self.quality.mean[:, told], self.quality.cov[:, told][:, :, told]
        return Latents(mean, np.sqrt(np.diagonal(cov, axis1=1, axis2=2)), np.linalg.inv(cov))

    def names(self) -> list[str]:
        """A name for each."""
        return [f"quality[{self.scenario.variant_names[v]}]" for v in self._told]

    def truth(self, truth: object) -> Floats:
        """(replication, latent) what is true of each."""
        quality: Floats = truth.quality  # type: ignore[attr-defined]
        low, high = self.votes.ends
        return np.asarray(logit((quality[:, self._told] - low) / (high - low)))
