"""How draws are kept in a fit: only what has a meaning, labelled, and in an order that ArviZ reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable

    import xarray as xr

    from expsim_bayes.models._task import Groups

SAMPLE = ("chain", "draw")
MULTIPLES = "_raw"
"""End of the names of what a sampler moves in the place of effects: multiples of an SD, or sums and differences of effects."""


def stored(groups: Groups) -> Groups:
    """The groups of a fit as they are kept: what concerns nobody but the sampler is left out, and every draw has its number."""
    kept = {name: _draws(group) if set(SAMPLE) <= set(group.dims) else group for name, group in groups.items()}
    return {name: group for name, group in kept.items() if group.data_vars}


def _draws(group: xr.Dataset) -> xr.Dataset:
    numbered = group.assign_coords({dim: np.arange(group.sizes[dim]) for dim in SAMPLE if dim not in group.coords})
    return in_order(numbered[[name for name in group if not str(name).endswith(MULTIPLES)]])


def in_order(group: xr.Dataset) -> xr.Dataset:
    """The variables of a group in such an order that the dims of none run against the order in which dims first appeared.

    `arviz.summary` takes values in the order of a group's dims and labels in that of each variable's own, so that it mixes up the entries
    of `shift`, by evaluator and variant, after `quality`, by variant (arviz-stats 1.3.3). Coordinates that no variable has are left out.

    Examples
    --------
    >>> import xarray as xr
    >>> some = xr.Dataset({"quality": ("variant", [0]), "shift": (("evaluator", "variant"), [[0]]), "level": ("evaluator", [0])})
    >>> list(in_order(some))
    ['shift', 'quality', 'level']
    """
    waiting = {name: values.dims for name, values in group.items()}
    before: dict[Hashable, set[Hashable]] = {}
    for dims in waiting.values():
        for place, dim in enumerate(dims):
            before.setdefault(dim, set()).update(dims[:place])
    order: list[Hashable] = []
    seen: set[Hashable] = set()
    while waiting:
        fit = (name for name, dims in waiting.items() if all(before[dim] <= seen.union(dims) for dim in dims))
        order.append(next(fit, next(iter(waiting))))
        seen.update(waiting.pop(order[-1]))
    return group[order]
