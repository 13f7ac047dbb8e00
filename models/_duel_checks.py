"""What the predictive checks of preferences compare: ties, sides, wins, circles, and how far evaluators agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]


def features(values: NDArray[Any], constant: xr.Dataset) -> dict[str, Floats]:
    """(draw,) numbers that decisions hang on, from (draw, group, side) counts."""
    counts = np.asarray(values, dtype=float)
    told = {str(name): constant[name].to_numpy() for name in constant.data_vars}
    evaluator, rater, left, right = (told[f"{name}_of"] for name in ("evaluator", "rater", "left", "right"))
    names = [str(name) for name in constant["evaluator"].to_numpy()]
    reference = int(np.argmax(told["is_reference"]))
    points = np.stack([counts[..., 0] + 0.5 * counts[..., 1], counts[..., 2] + 0.5 * counts[..., 1]], axis=-1)
    side = _shares(counts, evaluator, len(names))
    found = {"share of ties": counts[..., 1].sum(axis=1) / counts.sum(axis=(1, 2))}
    if len(names) > 1:
        found |= {f"share of ties, {name}": side[:, k, 1] for k, name in enumerate(names)}
    found |= {f"share of wins on the left, {name}": side[:, k, 0] for k, name in enumerate(names)}
    found["spread between variants' shares of wins (SD)"] = _wins(points, left, right).std(axis=1)
    found |= _between_raters(counts, rater, told["rater_evaluator"], names)
    if (circles := _circular(points, left, right)) is not None:
        found["circular wins (A over B over C over A)"] = circles
    return found | _agreements(counts, told, names, reference)


def _sums(values: Floats, code: Codes, n: int) -> Floats:
    """(draw, n, ...) sums over groups with the same code."""
    belongs = csr_array((np.ones(code.size), (code, np.arange(code.size))), shape=(n, code.size))
    draws, groups, rest = values.shape[0], values.shape[1], values.shape[2:]
    flat = np.moveaxis(values, 1, 0).reshape(groups, -1)
    return np.asarray(np.moveaxis((belongs @ flat).reshape(n, draws, *rest), 0, 1))


def _shares(counts: Floats, code: Codes, n: int) -> Floats:
    total = _sums(counts, code, n)
    return np.asarray(total / np.maximum(total.sum(axis=2, keepdims=True), 1.0))


def _wins(points: Floats, left: Codes, right: Codes) -> Floats:
    """(draw, variant) share of the comparisons that a variant won, ties counted half; variants that were compared."""
    both = np.concatenate([points[..., 0], points[..., 1]], axis=1)
    _, code = np.unique(np.concatenate([left, right]), return_inverse=True)
    n = int(code.max()) + 1
    total = np.concatenate([points.sum(axis=2)] * 2, axis=1)
    return np.asarray(_sums(both, code.ravel(), n) / _sums(total, code.ravel(), n))


def _between_raters(counts: Floats, rater: Codes, rater_evaluator: Codes, names: list[str]) -> dict[str, Floats]:
    """Spread within a pool of the shares of ties and of left, where its raters are told apart."""
    who, code = np.unique(rater, return_inverse=True)
    shares = _shares(counts, code.ravel(), who.size)
    found = {}
    for k, name in enumerate(names):
        pool = rater_evaluator[who] == k
        if pool.sum() > 1:
            found[f"spread between raters' shares of ties, {name} (SD)"] = shares[:, pool, 1].std(axis=1)
            found[f"spread between raters' shares of wins on the left, {name} (SD)"] = shares[:, pool, 0].std(axis=1)
    return found


def _circular(points: Floats, left: Codes, right: Codes) -> Floats | None:
    """(draw,) squared distance of the pairs' shares from the nearest table in which shares add up along every way; None without circles.

    With y the share of a over b less a half, one order of merit makes y(a, b) + y(b, c) + y(c, a) nearly 0; circles do not.
    """
    low, high = np.minimum(left, right), np.maximum(left, right)
    (pairs, code), swapped = np.unique(np.stack([low, high]), axis=1, return_inverse=True), left > right
    own = np.where(swapped, points[..., 1], points[..., 0])
    code, n = code.ravel(), pairs.shape[1]
    total = _sums(points.sum(axis=2)[:1], code, n)[0]
    share = _sums(own, code, n) / total - 0.5
    design = np.zeros((n, int(pairs.max()) + 1))
    design[np.arange(n), pairs[0]], design[np.arange(n), pairs[1]] = 1.0, -1.0
    root = np.sqrt(total / total.sum())
    basis = np.linalg.svd(design * root[:, None], full_matrices=False)
    kept = basis.U[:, basis.S / basis.S.max() > 1e-9]
    if kept.shape[1] == n:
        return None
    scaled = share * root
    return np.asarray(((scaled - (scaled @ kept) @ kept.T) ** 2).sum(axis=1))


def _agreements(counts: Floats, told: dict[str, Any], names: list[str], reference: int) -> dict[str, Floats]:
    """Share of equal verdicts on the same matter: within an evaluator, and of each with the reference."""
    swapped = told["left_of"] > told["right_of"]
    verdict = np.where(swapped[:, None], counts[..., ::-1], counts)
    evaluator, matter = told["evaluator_of"], told["matter_of"]
    n = int(matter.max()) + 1
    by = [_sums(verdict[:, evaluator == k], matter[evaluator == k], n) for k in range(len(names))]
    size = [total[0].sum(axis=1) for total in by]
    found = {}
    for k, name in enumerate(names):
        pairs = (size[k] * (size[k] - 1)).sum()
        if pairs > 0:
            same = (by[k] ** 2).sum(axis=(1, 2)) - size[k].sum()
            found[f"agreement within {name}"] = same / pairs
        together = (size[k] * size[reference]).sum()
        if k != reference and together > 0:
            found[f"agreement of {name} and {names[reference]}"] = (by[k] * by[reference]).sum(axis=(1, 2)) / together
    return found
