r"""The exact Gaussian posterior of the score story, look after look, for many replications at once.

Given the components, a rating is linear in the latent vector plus effects of its item, its item-by-variant cell, its output and its
rater's opinion. Those are summed out from the inside: where a group of ratings shares an effect with loading :math:`\lambda` and variance
:math:`\tau^2`, and :math:`\Omega` is the precision of the group so far, Sherman and Morrison (1950) give

.. math:: \Omega' = \Omega - \frac{\tau^2}{1 + \tau^2 A} (\Omega \lambda)(\Omega \lambda)^\top, \qquad A = \lambda^\top \Omega \lambda,

and :math:`A` and :math:`\Omega \lambda` travel outwards divided by :math:`1 + \tau^2 A`. Ratings of one variant by one rater share a row of
the design, a *kind* of rating, so precisions are first added up by pairs of kinds and then carried to the latent vector once a look. Where
all replications show the same variants, the precision is one for all. An item's ratings must all come in one batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.posterior.layout import ABSENT, Components, Layout, prior_moments

if TYPE_CHECKING:
    from numpy.typing import NDArray


_FEW = 32
"""Codes up to which a product with their indicators adds up faster than counting does."""
_BLOCK = 2**20
"""Numbers of one array that are held at once while precisions are added up."""


class Batch(NamedTuple):
    """Ratings of whole items, sorted by item, then cell, then output, then opinion.

    The structure is shared by all replications; scores and variants differ.
    """

    score: NDArray[np.float64]
    """(replication, rating) scores."""
    variant: NDArray[np.intp]
    """(replication, rating), or (1, rating) where all replications agree."""
    rater: NDArray[np.intp]
    """(rating,)"""
    item: NDArray[np.intp]
    """(rating,) ascending."""
    cell: NDArray[np.intp]
    """(rating,) item-by-variant cell, ascending."""
    output: NDArray[np.intp]
    """(rating,) ascending."""
    opinion: NDArray[np.intp]
    """(rating,) output-by-rater pair, ascending."""


class State(NamedTuple):
    """What is carried from look to look."""

    precision: NDArray[np.float64]
    """(replication or 1, size, size) posterior precision of the latent vector; one for all where all show the same variants."""
    weighted: NDArray[np.float64]
    """(replication, size) precision times posterior mean."""

    def of(self, kept: NDArray[np.bool_]) -> State:
        """The state of some of the replications."""
        return State(self.precision if len(self.precision) == 1 else self.precision[kept], self.weighted[kept])


class Marginals(NamedTuple):
    """Posterior mean and covariance."""

    mean: NDArray[np.float64]
    """(replication, variant)"""
    cov: NDArray[np.float64]
    """(replication or 1, variant, variant)"""


def init(components: Components, places: Layout) -> State:
    """State before any rating, the same for all replications: the prior.

    Examples
    --------
    >>> from expsim_bayes.posterior import beliefs, layout
    >>> from expsim_bayes.evaluators import panel
    >>> from expsim_bayes.scenario import load
    >>> scenario = load("summarization-prompts")
    >>> components = beliefs(scenario)
    >>> places = layout(components, rater_evaluator=panel(scenario.evaluators).rater_evaluator)
    >>> quality_marginals(init(components, places), components, places).mean
    array([[3., 3.]])
    """
    mean, sd = prior_moments(components, places)
    return State(np.diag(sd**-2.0)[None], (mean * sd**-2.0)[None])


def update(state: State, batch: Batch, components: Components, places: Layout) -> State:
    """State after one more batch of ratings.

    Parameters
    ----------
    state : State
        What is known so far.
    batch : Batch
        Ratings of items that were not rated before.
    components : Components
        Variance components and scale use, taken as known.
    places : Layout
        Positions of the latent effects.
    """
    if batch.score.shape[1] == 0:
        return state
    score, variant, rater, noise, groups = _repeats_averaged(batch, components, places)
    scale = components.scale[places.rater_evaluator[rater]]
    levels, noise = _nested(groups, variant, noise, scale, components)
    kind = variant + places.quality.size * rater
    design = _design_of_kinds(components.scale, places)
    precision = _precision_of_kinds(kind, noise, levels, n_kinds=len(design))
    weighted = _weighted_of_kinds(kind, score, noise, levels, n_kinds=len(design))
    return State(
        state.precision + np.matmul(design.T, _times(precision, design)),
        state.weighted + weighted @ design,
    )


def carried_over(
    state: State,
    components: Components,
    places: Layout,
    *,
    wider: Components,
    wider_places: Layout,
    evaluators: NDArray[np.intp],
    raters: NDArray[np.intp],
) -> State:
    """The same knowledge in the layout of a wider panel, about whose other members only the prior is known.

    Parameters
    ----------
    state, components, places
        What is known, and its layout with K evaluators and J raters.
    wider, wider_places
        Components and layout of the wider panel, with the same variants.
    evaluators : numpy.ndarray
        (K,) position of each evaluator in the wider panel.
    raters : numpy.ndarray
        (J,) position of each rater in the wider panel.
    """
    moved = np.full(places.size, ABSENT, dtype=np.intp)
    for old, new in (
        (places.level, wider_places.level[evaluators]),
        (places.quality, wider_places.quality),
        (places.severity, wider_places.severity[raters]),
        (places.shift, wider_places.shift[evaluators]),
        (places.taste, wider_places.taste[raters]),
    ):
        moved[old[old != ABSENT]] = new[old != ABSENT]
    prior, start = init(components, places), init(wider, wider_places)
    precision = np.repeat(start.precision, len(state.precision), axis=0)
    weighted = np.repeat(start.weighted, len(state.weighted), axis=0)
    precision[:, moved[:, None], moved] += state.precision - prior.precision
    weighted[:, moved] += state.weighted - prior.weighted
    return State(precision, weighted)


def quality_marginals(state: State, components: Components, places: Layout) -> Marginals:
    """Posterior of the qualities, on the scale of the reference: its level plus what each variant adds."""
    n_variants = places.quality.size
    contrast = np.zeros((places.size, n_variants))
    contrast[places.quality, np.arange(n_variants)] = 1.0
    contrast[places.level[components.reference]] = 1.0
    solved = np.linalg.solve(state.precision, contrast[None])
    cov = np.matmul(contrast.T, solved)
    return Marginals(_applied(solved, state.weighted), (cov + cov.transpose(0, 2, 1)) / 2)


def latent_marginals(state: State) -> Marginals:
    """Posterior of the whole latent vector, in the order of its layout."""
    cov = np.linalg.inv(state.precision)
    return Marginals(_applied(cov, state.weighted), cov)


def _applied(matrix: NDArray[np.float64], vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """(replication, column) vectors times matrices, of which there may be one for all."""
    if len(matrix) == 1:
        return np.asarray(vector @ matrix[0])
    return np.asarray(np.matmul(vector[:, None], matrix)[:, 0])


def _times(stack: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """A stack of matrices times one matrix, in one large product."""
    return (stack.reshape(-1, stack.shape[2]) @ matrix).reshape(stack.shape[0], stack.shape[1], -1)


class _Level(NamedTuple):
    """One nested effect that is summed out. Ratings are rows; groups are runs of them."""

    starts: NDArray[np.intp]
    """(group,) first row of each group."""
    group: NDArray[np.intp]
    """(row,) group of each row."""
    loaded: NDArray[np.float64]
    """(replication or 1, row) entries of Omega lambda before this effect is summed out."""
    shrink: NDArray[np.float64]
    """(replication or 1, group) tau^2 / (1 + tau^2 A)."""


def _starts(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    """First position of each run of equal codes."""
    return np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])


def _repeats_averaged(
    batch: Batch, components: Components, places: Layout
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp], NDArray[np.float64], tuple[NDArray[np.intp], ...]]:
    """Repeated ratings of an output by one rater as their mean, whose variance is that of the opinion plus noise / repeats."""
    starts = _starts(batch.opinion)
    repeats = np.diff(np.r_[starts, batch.opinion.size])
    rater = batch.rater[starts]
    evaluator = places.rater_evaluator[rater]
    noise = components.sd_opinion[evaluator] ** 2 + components.sd_noise[evaluator] ** 2 / repeats
    groups = (batch.output[starts], batch.cell[starts], batch.item[starts])
    if starts.size == batch.opinion.size:
        return batch.score, batch.variant, rater, noise[None], groups
    score = np.add.reduceat(batch.score, starts, axis=1) / repeats
    return score, batch.variant[:, starts], rater, noise[None], groups


def _nested(
    groups: tuple[NDArray[np.intp], ...],
    variant: NDArray[np.intp],
    noise: NDArray[np.float64],
    scale: NDArray[np.float64],
    components: Components,
) -> tuple[list[_Level], NDArray[np.float64]]:
    """Effects to sum out, from output to item, and the noise variance of each row.

    Where every rating is a group of its own, an effect is but more noise; effects with the same groups are one.
    """
    same_output_sd = bool(np.all(components.sd_output == components.sd_output[0]))
    output_variance = components.sd_output[:1][None] ** 2 if same_output_sd else components.sd_output[variant] ** 2
    variances = (output_variance, np.array([[components.sd_interaction**2]]), np.array([[components.sd_item**2]]))
    n_rows = groups[0].size
    effects: list[tuple[NDArray[np.intp], NDArray[np.float64]]] = []
    for codes, variance in zip(groups, variances, strict=True):
        if not variance.any():
            continue
        first = _starts(codes)
        spread = variance[:, first] if variance.shape[1] == n_rows else variance
        if first.size == n_rows:
            noise = noise + scale**2 * spread
        elif effects and effects[-1][0].size == first.size:
            effects[-1] = (first, effects[-1][1] + spread)
        else:
            effects.append((first, spread))
    levels = []
    loaded = scale / noise
    for first, variance in effects:
        group = np.repeat(np.arange(first.size), np.diff(np.r_[first, n_rows]))
        total = np.add.reduceat(loaded * scale, first, axis=1)
        shrink = variance / (1.0 + variance * total)
        levels.append(_Level(first, group, loaded, shrink))
        loaded = loaded * (1.0 - shrink * total)[:, group]
    return levels, noise


def _design_of_kinds(scale: NDArray[np.float64], places: Layout) -> NDArray[np.float64]:
    """(rater * variant, size) row of the design for each kind of rating, variants running fastest."""
    n_raters, n_variants = places.taste.shape
    design = np.zeros((n_raters, n_variants, places.size))
    raters, variants = np.arange(n_raters)[:, None], np.arange(n_variants)
    evaluators = places.rater_evaluator[:, None]
    design[raters, variants, places.level[evaluators]] = 1.0
    design[raters, variants, places.quality] = scale[evaluators]
    for positions in (places.severity[:, None] + 0 * variants, places.shift[places.rater_evaluator], places.taste):
        r, v = np.nonzero(positions != ABSENT)
        design[r, v, positions[r, v]] = 1.0
    return design.reshape(n_raters * n_variants, places.size)


def _precision_of_kinds(
    kind: NDArray[np.intp], noise: NDArray[np.float64], levels: list[_Level], *, n_kinds: int
) -> NDArray[np.float64]:
    """(replication or 1, kind, kind) precisions of the ratings, added up by pairs of kinds."""
    n_rows = kind.shape[1]
    first, second = [np.arange(n_rows)], [np.arange(n_rows)]
    values = [1.0 / noise]
    for level in levels:
        left, right = _pairs(level.starts, n_rows)
        first.append(left)
        second.append(right)
        values.append(-level.shrink[:, level.group[left]] * level.loaded[:, left] * level.loaded[:, right])
    left, right = np.concatenate(first), np.concatenate(second)
    lead = max(len(kind), *(len(value) for value in values))
    stacked = np.concatenate([np.broadcast_to(value, (lead, value.shape[1])) for value in values], axis=1)
    result = np.empty((lead, n_kinds, n_kinds))
    block = max(1, _BLOCK // max(left.size, n_kinds**2))
    for start in range(0, lead, block):
        here = slice(start, min(start + block, lead))
        codes = kind if len(kind) == 1 else kind[here]
        pair = codes[:, left] * n_kinds + codes[:, right]
        result[here] = _sums_by_code(pair, stacked[here], n_kinds**2).reshape(-1, n_kinds, n_kinds)
    return result


def _weighted_of_kinds(
    kind: NDArray[np.intp],
    score: NDArray[np.float64],
    noise: NDArray[np.float64],
    levels: list[_Level],
    *,
    n_kinds: int,
) -> NDArray[np.float64]:
    """(replication, kind) precisions times scores, added up by kind."""
    weighted = score / noise
    for level in levels:
        total = np.add.reduceat(score * level.loaded, level.starts, axis=1) * level.shrink
        weighted -= level.loaded * total[:, level.group]
    return _sums_by_code(kind, weighted, n_kinds)


def _sums_by_code(codes: NDArray[np.intp], values: NDArray[np.float64], n_codes: int) -> NDArray[np.float64]:
    """(replication, code) sums of the values of each code, the codes shared by all replications or one's own."""
    lead = len(values)
    if len(codes) == 1 and n_codes <= _FEW:
        return np.asarray(values @ np.eye(n_codes)[codes[0]])
    shifted = codes + n_codes * np.arange(lead)[:, None]
    return np.bincount(shifted.ravel(), values.ravel(), n_codes * lead).reshape(lead, n_codes)


def _pairs(starts: NDArray[np.intp], n_rows: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All ordered pairs of rows within each group, a row with itself included."""
    sizes = np.diff(np.r_[starts, n_rows])
    left = np.repeat(np.arange(n_rows), np.repeat(sizes, sizes))
    begins = np.repeat(np.repeat(starts, sizes), np.repeat(sizes, sizes))
    within = np.arange(left.size) - np.repeat(
        np.cumsum(np.repeat(sizes, sizes)) - np.repeat(sizes, sizes), np.repeat(sizes, sizes)
    )
    return left, begins + within
