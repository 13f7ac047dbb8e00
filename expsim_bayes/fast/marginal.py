r"""The density of score ratings given the components, every effect integrated out, with its slopes; exact, and for many components at once.

The ratings' columns are weighed and nested effects taken from their products :math:`E`; `latent` integrates out the rest.
A nested effect of variance :math:`\tau^2` takes :math:`\tau^2 / D \, u u^\top` from :math:`E`, where :math:`u` is the weighted column sum
of a group and :math:`D = 1 + \tau^2 a`, and hands :math:`a / D` and :math:`u / D` to the level above (Sherman and Morrison 1950). Slopes
are those of the same formulas read backwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from expsim_bayes.fast.latent import Latent
from expsim_bayes.models._recover import ComponentDraws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.fast.latent import Assembled
    from expsim_bayes.fast.moments import Moments, Upper
    from expsim_bayes.models._priors import Priors, Scale
    from expsim_bayes.models._recover import Effects
    from expsim_bayes.models._terms import Terms

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

BLOCK = 4_000_000
"""Numbers of one array that are held at once while several components are looked at."""


class _Shared(NamedTuple):
    """What the levels leave behind for the slopes, by level from the lowest."""

    tau2: Floats
    """(D, 1) variance of the effect."""
    a: Floats
    """(D, G or P) weight of each group."""
    d: Floats
    """(D, G or P) 1 + a tau2."""
    u: Floats | None
    """(D, G, n) column sums; None of the lowest, which is kept as products."""


class _Weighed(NamedTuple):
    """Products of columns under some components."""

    e: Floats
    """(D, n, n)"""
    log_constant: Floats
    """(D,) what else the log density holds."""
    v: Floats
    """(D, S) variance of a class of units."""
    loading: Floats
    """(D, S) lambda."""
    levels: tuple[_Shared, ...]


@dataclass(frozen=True)
class Marginal:
    """The marginal likelihood of one data set's scores."""

    sums: Moments
    latent: Latent

    @classmethod
    def of(cls, sums: Moments, present: Terms, priors: Priors, scale: Scale) -> Marginal:
        """With the given part of the priors in points."""
        return cls(sums, Latent.of(sums.columns, sums.rater_evaluator, present, priors, scale))

    @property
    def work(self) -> float:
        """Rough number of multiplications that one look at the density takes."""
        n = self.sums.columns.size
        groups = sum(level.size for level in self.sums.upper)
        linear = self.sums.pairs.matrix.nnz + self.sums.plain.matrix.nnz + self.sums.rows.matrix.nnz
        return 2.0 * groups * n**2 + self.latent.size**3 + 5.0 * linear + 20_000

    def at_once(self) -> int:
        """Components that are looked at together without holding more than `BLOCK` numbers."""
        n: int = self.sums.columns.size
        rows: int = max(n, max((level.size for level in self.sums.upper), default=0))
        return max(1, BLOCK // (n * rows))

    def log_density(self, sd: ComponentDraws) -> Floats:
        """(D,) log p(ratings | components), of D components."""
        step = self.at_once()
        parts = [sd.rows(np.arange(n, min(n + step, len(sd.sd_item)))) for n in range(0, len(sd.sd_item), step)]
        return np.concatenate([self._assembled(part).log_density for part in parts])

    def with_slopes(self, sd: ComponentDraws) -> tuple[Floats, ComponentDraws]:
        """(D,) log p(ratings | components), and its slopes along the components."""
        step = self.at_once()
        parts = [sd.rows(np.arange(n, min(n + step, len(sd.sd_item)))) for n in range(0, len(sd.sd_item), step)]
        found = [self._with_slopes(part) for part in parts]
        slopes = ComponentDraws(*(np.concatenate(values) for values in zip(*(each[1] for each in found), strict=True)))
        return np.concatenate([each[0] for each in found]), slopes

    def log_density_given(self, effects: Effects, sd: ComponentDraws) -> Floats:
        """(D,) log density of the ratings given D draws of effects and components: items, outputs and opinions integrated out."""
        where, latent = self.sums.columns, self.latent
        view = effects.level[:, :, None] - latent.middle + sd.scale_use[:, :, None] * effects.q[:, None] + effects.shift
        beside = np.full((len(view), where.size), -1.0)
        beside[:, where.view.ravel()] = view.reshape(len(view), -1)
        for position, values in ((where.severity, effects.severity), (where.taste, effects.taste)):
            has = position >= 0
            beside[:, position[has]] = values[:, has]
        step = self.at_once()
        found = []
        for n in range(0, len(beside), step):
            rows = np.arange(n, min(n + step, len(beside)))
            weighed = self._weigh(sd.rows(rows))
            distance = np.einsum("di,dij,dj->d", beside[rows], weighed.e, beside[rows], optimize=True)
            found.append(weighed.log_constant - 0.5 * distance)
        return np.concatenate(found)

    def draw(self, sd: ComponentDraws, times: int, rng: np.random.Generator) -> Effects:
        """Effects drawn from their posterior given D components, `times` of each: D * times draws."""
        found = self._assembled(sd)
        noise = rng.standard_normal((*found.seen.shape, times))
        z = np.linalg.solve(found.precision, found.seen[..., None] + found.root @ noise).swapaxes(1, 2)
        return self.latent.effects(z.reshape(-1, z.shape[2]), sd.rows(np.repeat(np.arange(len(z)), times)))

    def _assembled(self, sd: ComponentDraws) -> Assembled:
        weighed = self._weigh(sd)
        return self.latent.assembled(sd, weighed.e, weighed.log_constant)

    def _weigh(self, sd: ComponentDraws) -> _Weighed:
        """Products of columns, nested effects summed out."""
        sums, of = self.sums, self.sums.unit_evaluator
        n = sums.columns.size
        noise2 = sd.sd_noise**2
        v = noise2[:, of] / sums.unit_size + sd.sd_opinion[:, of] ** 2
        loading = sd.scale_use[:, of]
        load = loading / v
        constant = sums.constant - 0.5 * (np.log(v) @ sums.units)
        constant -= 0.5 * (np.log(noise2) @ sums.within_freedom + (1 / noise2) @ sums.within_square)
        e = sums.plain.of(1 / v, n * n)
        levels: list[_Shared] = []
        if sums.lowest:
            tau2 = sd.level(sums.lowest) ** 2
            a = (loading * load) @ sums.pattern_units.T
            d = 1 + a * tau2
            constant -= 0.5 * (np.log(d) @ sums.pattern_groups)
            pattern, left, right = sums.pair_of
            e -= sums.pairs.of((tau2 / d)[:, pattern] * load[:, left] * load[:, right], n * n)
            levels.append(_Shared(tau2, a, d, None))
        e = e.reshape(-1, n, n)
        for level in sums.upper:
            tau2 = sd.level(level.component) ** 2
            a, u = self._handed_up(level, levels[-1], load)
            d = 1 + a * tau2
            constant -= 0.5 * np.log(d).sum(axis=1)
            weighted = u * np.sqrt(tau2 / d)[:, :, None]
            e -= np.matmul(weighted.swapaxes(1, 2), weighted)
            levels.append(_Shared(tau2, a, d, u))
        return _Weighed(e, constant, v, loading, tuple(levels))

    def _handed_up(self, level: Upper, below: _Shared, load: Floats) -> tuple[Floats, Floats]:
        """Weights and column sums of a level's groups from those of the level below."""
        sums = self.sums
        if below.u is None:
            pattern, of_class = sums.row_of
            a = np.asarray((sums.row_patterns @ (below.a / below.d).T).T)
            u = sums.rows.of(load[:, of_class] / below.d[:, pattern], level.size * sums.columns.size)
            return a, u.reshape(len(load), level.size, -1)
        return (
            np.add.reduceat(below.a / below.d, level.starts, axis=1),
            np.add.reduceat(below.u / below.d[:, :, None], level.starts, axis=1),
        )

    def _with_slopes(self, sd: ComponentDraws) -> tuple[Floats, ComponentDraws]:
        weighed = self._weigh(sd)
        solved = self.latent.assembled(sd, weighed.e, weighed.log_constant)
        slopes = ComponentDraws(*(np.zeros_like(value) for value in sd))
        e_slope = self.latent.slopes(weighed.e, solved, slopes)
        self._slopes_of_ratings(sd, weighed, e_slope, slopes)
        return solved.log_density, slopes

    def _slopes_of_ratings(
        self, sd: ComponentDraws, weighed: _Weighed, along_e: Floats, slopes: ComponentDraws
    ) -> None:
        """Slopes along noise, opinions, nested SDs and uses of the scale are added to `slopes`."""
        sums, of = self.sums, self.sums.unit_evaluator
        flat = along_e.reshape(len(along_e), -1)
        weight = 1 / weighed.v
        load = weighed.loading * weight
        along_weight = sums.plain.adjoint(flat) + 0.5 * sums.units * weighed.v
        along_load, along_use = np.zeros_like(load), np.zeros_like(load)
        if sums.lowest:
            upper = self._slopes_of_upper(weighed, along_e, slopes)
            lowest = weighed.levels[0]
            along_d = -0.5 * sums.pattern_groups / lowest.d
            along_a = np.zeros_like(lowest.a)
            if upper is not None:
                along_a1, along_u = upper
                pattern, of_class = sums.row_of
                handed = sums.rows.adjoint(along_u.reshape(len(load), -1))
                per_d = handed / lowest.d[:, pattern]
                _add_to(along_load, of_class, per_d)
                _add_to(along_d, pattern, -per_d * load[:, of_class] / lowest.d[:, pattern])
                ratio = np.asarray((sums.row_patterns.T @ along_a1.T).T)
                along_a += ratio / lowest.d
                along_d -= ratio * lowest.a / lowest.d**2
            pattern, left, right = sums.pair_of
            product = -sums.pairs.adjoint(flat)
            shrink = (lowest.tau2 / lowest.d)[:, pattern]
            _add_to(along_load, left, product * shrink * load[:, right])
            _add_to(along_load, right, product * shrink * load[:, left])
            along_shrink = np.zeros_like(lowest.d)
            _add_to(along_shrink, pattern, product * load[:, left] * load[:, right])
            along_a += self._level_slope(sums.lowest, lowest, along_shrink, along_d, slopes)
            by_class = along_a @ sums.pattern_units
            along_use += by_class * load
            along_load += by_class * weighed.loading
        along_use += along_load * weight
        along_weight += along_load * weighed.loading
        along_v = -along_weight * weight**2
        _add_to(slopes.sd_noise, of, 2 * sd.sd_noise[:, of] * along_v / sums.unit_size)
        _add_to(slopes.sd_opinion, of, 2 * sd.sd_opinion[:, of] * along_v)
        _add_to(slopes.scale_use, of, along_use)
        slopes.sd_noise[:] += sums.within_square / sd.sd_noise**3 - sums.within_freedom / sd.sd_noise

    def _slopes_of_upper(
        self, weighed: _Weighed, along_e: Floats, slopes: ComponentDraws
    ) -> tuple[Floats, Floats] | None:
        """Slopes along weights and column sums of the lowest of the upper levels; None where there is none."""
        handed: tuple[Floats, Floats] | None = None
        for at in range(len(self.sums.upper) - 1, -1, -1):
            level, shared = self.sums.upper[at], weighed.levels[at + 1]
            assert shared.u is not None
            turned = shared.u @ along_e
            shrink = shared.tau2 / shared.d
            along_shrink = -(turned * shared.u).sum(axis=2)
            along_u = -2 * shrink[:, :, None] * turned
            along_a, along_d = np.zeros_like(shared.a), -0.5 / shared.d
            if handed is not None:
                group = np.repeat(
                    np.arange(self.sums.upper[at + 1].size),
                    np.diff(np.r_[self.sums.upper[at + 1].starts, level.size]),
                )
                above_a, above_u = handed[0][:, group], handed[1][:, group]
                along_u += above_u / shared.d[:, :, None]
                along_a += above_a / shared.d
                along_d -= ((above_u * shared.u).sum(axis=2) + above_a * shared.a) / shared.d**2
            along_a += self._level_slope(level.component, shared, along_shrink, along_d, slopes)
            handed = along_a, along_u
        return handed

    @staticmethod
    def _level_slope(
        component: str, level: _Shared, along_shrink: Floats, along_d: Floats, slopes: ComponentDraws
    ) -> Floats:
        """Slopes along a level's weights, from those along tau2 / D and along D; that along its SD is added to `slopes`."""
        along_d = along_d - along_shrink * level.tau2 / level.d**2
        along_tau2 = (along_shrink / level.d + along_d * level.a).sum(axis=1)
        getattr(slopes, component)[:] += 2 * np.sqrt(level.tau2[:, 0]) * along_tau2
        return along_d * level.tau2


def _add_to(total: Floats, index: Ints, values: Floats) -> None:
    """Add (D, m) values to the columns of `total` that `index` names, which may recur."""
    belongs = sparse.csr_matrix(
        (np.ones(index.size), (index, np.arange(index.size))), shape=(total.shape[1], index.size)
    )
    total += (belongs @ values.T).T
