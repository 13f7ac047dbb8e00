r"""Levels, qualities, shifts, severities and tastes as multiples of their SDs: their posterior given the components, N effects.

With :math:`E` the precision-weighted products of the columns, scores last, and :math:`B` the prior SDs of the effects among the others, the
posterior precision is :math:`P = I + B^\top E_{cc} B`, and up to a constant

.. math:: \log p(y \mid \theta) = -\tfrac12 E_{yy} - \tfrac12 \log |P| + \tfrac12 h^\top P^{-1} h, \qquad h = B^\top E_{cy}.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.models._recover import ComponentDraws, Effects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.fast.moments import Columns
    from expsim_bayes.models._priors import Priors, Scale
    from expsim_bayes.models._terms import Terms

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]


class Assembled(NamedTuple):
    """The effects' posterior as multiples of their SDs, N of them."""

    block: Floats
    """(D, K V, K + V + shifts) prior SDs of levels, qualities and shifts among the columns of views."""
    rest: Floats
    """(D, severities and tastes) prior SDs, each of its own column."""
    precision: Floats
    """(D, N, N)"""
    seen: Floats
    """(D, N) precision times posterior mean."""
    root: Floats
    """(D, N, N) Cholesky root of the precision."""
    log_density: Floats
    """(D,) of the ratings: the last pivot of the bordered precision is the root of their squared distance from the prior mean."""


@dataclass(frozen=True)
class Latent:
    """Which effects there are, and what is believed of them."""

    columns: Columns
    rater_evaluator: Ints
    """(J,) evaluator of each rater."""
    present: Terms
    sd_variant: float
    """In points."""
    level_sd: float
    """In points."""
    middle: float
    """Prior mean of the levels, in points."""

    @classmethod
    def of(cls, columns: Columns, rater_evaluator: Ints, present: Terms, priors: Priors, scale: Scale) -> Latent:
        """With the given part of the priors in points."""
        width = scale.width
        return cls(columns, rater_evaluator, present, priors.sd_variant * width, priors.level_sd * width, scale.middle)

    @property
    def size(self) -> int:
        """N: levels, qualities, shifts, severities and tastes."""
        evaluators, variants = self.columns.view.shape
        rest = self.columns.size - 1 - evaluators * variants
        return int(evaluators + variants + sum(self.present.shift) * variants + rest)

    def effects(self, z: Floats, sd: ComponentDraws) -> Effects:
        """Effects in points from (D, N) multiples of their SDs."""
        where, of = self.columns, self.rater_evaluator
        evaluators, variants = where.view.shape
        raters = where.severity.size
        shifted = np.flatnonzero(self.present.shift)
        first = evaluators + variants
        shift = np.zeros((len(z), evaluators, variants))
        own = first + np.arange(shifted.size * variants)
        shift[:, shifted] = sd.sd_shift[:, None, None] * z[:, own].reshape(len(z), shifted.size, variants)
        offset = first + own.size - evaluators * variants
        severity, taste = np.zeros((len(z), raters)), np.zeros((len(z), raters, variants))
        has = where.severity >= 0
        severity[:, has] = sd.sd_rater[:, of[has]] * z[:, offset + where.severity[has]]
        has = where.taste[:, 0] >= 0
        taste[:, has] = sd.sd_taste[:, of[has], None] * z[:, offset + where.taste[has]]
        return Effects(
            level=self.middle + self.level_sd * z[:, :evaluators],
            q=self.sd_variant * z[:, evaluators:first],
            severity=severity,
            shift=shift,
            taste=taste,
        )

    def spreads(self, sd: ComponentDraws) -> Floats:
        """(D, N) prior SDs of the effects, in points."""
        evaluators, variants = self.columns.view.shape
        shifted = sum(self.present.shift) * variants
        known = np.repeat([self.level_sd, self.sd_variant], [evaluators, variants])
        own = np.repeat(known[None], len(sd.sd_item), axis=0)
        return np.concatenate([own, np.repeat(sd.sd_shift[:, None], shifted, axis=1), self._rest(sd)], axis=1)

    def _rest(self, sd: ComponentDraws) -> Floats:
        """(D, severities and tastes) their prior SDs, in the order of their columns."""
        where, of = self.columns, self.rater_evaluator
        views = where.view.size
        rest = np.empty((len(sd.sd_item), where.size - 1 - views))
        for position, spread in ((where.severity[:, None], sd.sd_rater), (where.taste, sd.sd_taste)):
            rater, variant = np.nonzero(position >= 0)
            rest[:, position[rater, variant] - views] = spread[:, of[rater]]
        return rest

    def _block(self, sd: ComponentDraws) -> Floats:
        """(D, K V, K + V + shifts) prior SDs of levels, qualities and shifts among the columns of views."""
        where = self.columns
        evaluators, variants = where.view.shape
        shifted = np.flatnonzero(self.present.shift)
        views = np.arange(evaluators * variants)
        block = np.zeros((len(sd.sd_item), views.size, evaluators + variants + shifted.size * variants))
        block[:, views, views // variants] = self.level_sd
        block[:, views, evaluators + views % variants] = self.sd_variant * np.repeat(sd.scale_use, variants, axis=1)
        rows = where.view[shifted].ravel()
        block[:, rows, evaluators + variants + np.arange(rows.size)] = sd.sd_shift[:, None]
        return block

    @property
    def of_quality(self) -> Floats:
        """(N, V) what each effect, as a multiple of its SD, adds to the qualities."""
        evaluators, variants = self.columns.view.shape
        found = np.zeros((self.size, variants))
        found[self.present.reference] = self.level_sd
        found[evaluators + np.arange(variants), np.arange(variants)] = self.sd_variant
        return found

    def qualities(self, sd: ComponentDraws, e: Floats, log_constant: Floats) -> tuple[Floats, Floats, Floats]:
        """Log density of the ratings, (D,), and mean, (D, V), and covariance, (D, V, V), of the qualities from the middle of the scale.

        All three are read off one Cholesky root: of the precision, bordered by what the qualities are made of and by what the scores say.

        Parameters
        ----------
        sd, e, log_constant
            As `assembled` takes them.
        """
        block, rest = self._block(sd), self._rest(sd)
        made = self.of_quality
        size, variants = made.shape
        p = np.zeros((len(e), size + variants + 1, size + variants + 1))
        self._fill(p, size + variants, block, rest, e)
        p[:, :size, size:-1], p[:, size:-1, :size] = made, made.T
        bound = made.T @ made
        diagonal = np.arange(size)
        p[:, diagonal, diagonal] += 1.0
        p[:, -1, -1] += 1.0
        p[:, size:-1, size:-1] = bound + np.eye(variants)
        root = _roots(p)
        corner = root[:, size:-1, size:-1]
        cov = bound + np.eye(variants) - corner @ corner.swapaxes(1, 2)
        mean = -(corner @ root[:, -1, size:-1, None])[..., 0]
        pivots = np.diagonal(root, axis1=1, axis2=2)
        away = pivots[:, -1] ** 2 + (root[:, -1, size:-1] ** 2).sum(axis=1) - 1
        return log_constant - np.log(pivots[:, :size]).sum(axis=1) - 0.5 * away, mean, cov

    def assembled(self, sd: ComponentDraws, e: Floats, log_constant: Floats) -> Assembled:
        """The effects' precision, bordered by what the scores say of them.

        Parameters
        ----------
        sd : ComponentDraws
            D components.
        e : numpy.ndarray
            (D, n, n) products of columns under them.
        log_constant : numpy.ndarray
            (D,) what else the log density of the ratings holds.
        """
        block, rest = self._block(sd), self._rest(sd)
        size = self.size + 1
        p = np.empty((len(e), size, size))
        self._fill(p, size - 1, block, rest, e)
        diagonal = np.arange(size)  # the corner, too: scores that never vary would leave nothing there
        p[:, diagonal, diagonal] += 1.0
        root = _roots(p)
        pivots = np.diagonal(root, axis1=1, axis2=2)
        log_density = log_constant - np.log(pivots[:, :-1]).sum(axis=1) - 0.5 * (pivots[:, -1] ** 2 - 1)
        return Assembled(block, rest, p[:, :-1, :-1], p[:, :-1, -1], root[:, :-1, :-1], log_density)

    @staticmethod
    def _fill(p: Floats, end: int, block: Floats, rest: Floats, e: Floats) -> None:
        """B' E B, with the scores as a last effect of SD one, of which the row and column `end` hold the scores."""
        narrow, wide = block.shape[1:]
        turned = block.swapaxes(1, 2)
        sides = np.concatenate([rest, np.ones((len(rest), 1))], axis=1)
        own, last = slice(0, wide), slice(wide, wide + rest.shape[1])
        crossed = (turned @ e[:, :narrow, narrow:]) * sides[:, None]
        p[:, own, own] = turned @ e[:, :narrow, :narrow] @ block
        p[:, own, last], p[:, last, own] = crossed[:, :, :-1], crossed[:, :, :-1].swapaxes(1, 2)
        p[:, own, end] = p[:, end, own] = crossed[:, :, -1]
        outer = e[:, narrow:, narrow:] * sides[:, None]
        outer *= sides[:, :, None]
        p[:, last, last] = outer[:, :-1, :-1]
        p[:, last, end] = p[:, end, last] = outer[:, :-1, -1]
        p[:, end, end] = outer[:, -1, -1]

    def slopes(self, e_all: Floats, solved: Assembled, slopes: ComponentDraws) -> Floats:
        """(D, n, n) slopes along the products of columns; those along prior SDs of effects are added to `slopes`."""
        block, rest = solved.block, solved.rest
        wide, narrow = block.shape[2], block.shape[1]
        inverse = np.linalg.inv(solved.precision)
        mean = (inverse @ solved.seen[..., None])[..., 0]
        spread = np.concatenate([block @ inverse[:, :wide], rest[:, :, None] * inverse[:, wide:]], axis=1)
        point = np.concatenate([(block @ mean[:, :wide, None])[..., 0], rest * mean[:, wide:]], axis=1)
        cov = np.concatenate([spread[:, :, :wide] @ block.swapaxes(1, 2), spread[:, :, wide:] * rest[:, None]], axis=2)
        along_e = np.empty_like(e_all)
        along_e[:, :-1, :-1] = -0.5 * (cov + point[:, :, None] * point[:, None, :])
        along_e[:, :-1, -1] = along_e[:, -1, :-1] = 0.5 * point
        along_e[:, -1, -1] = -0.5
        e = e_all[:, :-1, :-1]
        left = e_all[:, :-1, -1] - (e @ point[..., None])[..., 0]
        along_block = left[:, :narrow, None] * mean[:, None, :wide] - e[:, :narrow] @ spread[:, :, :wide]
        along_rest = left[:, narrow:] * mean[:, wide:] - (e[:, narrow:] * spread[:, :, wide:].swapaxes(1, 2)).sum(
            axis=2
        )
        self._along_spreads(along_block, along_rest, slopes)
        return along_e

    def _along_spreads(self, along_block: Floats, along_rest: Floats, slopes: ComponentDraws) -> None:
        """Slopes along prior SDs of effects gathered by component."""
        where, of = self.columns, self.rater_evaluator
        evaluators, variants = where.view.shape
        views = np.arange(evaluators * variants)
        use = self.sd_variant * along_block[:, views, evaluators + views % variants]
        slopes.scale_use[:] += use.reshape(-1, evaluators, variants).sum(axis=2)
        rows = where.view[np.flatnonzero(self.present.shift)].ravel()
        slopes.sd_shift[:] += along_block[:, rows, evaluators + variants + np.arange(rows.size)].sum(axis=1)
        for position, slope in ((where.severity[:, None], slopes.sd_rater), (where.taste, slopes.sd_taste)):
            rater, variant = np.nonzero(position >= 0)
            each = along_rest[:, position[rater, variant] - views.size]
            for k in np.unique(of[rater]):
                slope[:, k] += each[:, of[rater] == k].sum(axis=1)


def _roots(matrices: Floats) -> Floats:
    """Cholesky roots; NaN where rounding leaves a matrix without one, which then has no density."""
    try:
        return np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full_like(matrices, np.nan)
        return np.concatenate([_roots(matrix[None]) for matrix in matrices])
