"""Where ratings belong: outputs and items, cells of an item and a variant, pairs of a rater and an output, and pools of evaluators."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from expsim_bayes.models._terms import Terms
from expsim_bayes.ratings import Coded

Ints = NDArray[np.intp]


class Places(NamedTuple):
    """The units that R ratings share beside their variant, rater and evaluator."""

    data: Coded
    """The ratings one by one."""
    cell: Ints
    """(R,) item x variant."""
    cells: tuple[str, ...]
    """Their names."""
    pair: Ints
    """(R,) rater x output."""
    pairs: tuple[str, ...]
    """Their names."""
    pair_evaluator: Ints
    """(pair,)"""

    def unit(self, dim: str) -> Ints:
        """(R,) member of a dim of item, cell, output and pair."""
        return {"item": self.data.item, "cell": self.cell, "output": self.data.output, "pair": self.pair}[dim]

    def coords(self, present: Terms) -> dict[str, Any]:
        """Coordinates of a model of these ratings."""
        data = self.data
        return {
            "variant": list(data.variants),
            "item": list(data.items),
            "cell": list(self.cells),
            "output": list(data.outputs),
            "rater": list(data.raters),
            "evaluator": list(data.evaluators),
            "pair": list(self.pairs),
            "rating": np.arange(data.score.size),
            **pool_coords(data, present),
        }


def places(data: Coded) -> Places:
    """Cells and pairs of ratings, numbered and named.

    Parameters
    ----------
    data : Coded
        R ratings.
    """
    cells, cell = np.unique(np.stack([data.item, data.variant]), axis=1, return_inverse=True)
    pairs, pair = np.unique(np.stack([data.rater, data.output]), axis=1, return_inverse=True)
    return Places(
        data=data,
        cell=cell.ravel().astype(np.intp),
        cells=tuple(f"{data.items[i]} | {data.variants[v]}" for i, v in cells.T),
        pair=pair.ravel().astype(np.intp),
        pairs=tuple(f"{data.raters[r]} | {data.outputs[o]}" for r, o in pairs.T),
        pair_evaluator=data.rater_evaluator[pairs[0]],
    )


def pool_coords(data: Coded, present: Terms) -> dict[str, list[str]]:
    """Coordinates of the evaluators that have severity, taste, opinions, or a free scale use."""
    flags = {
        "severity_pool": present.severity,
        "taste_pool": present.taste,
        "opinion_pool": present.opinion,
        "scaled": present.scale_use,
    }
    return {dim: those(data, flag) for dim, flag in flags.items()}


def those(data: Coded, has: Any) -> list[str]:
    """Names of the evaluators that have something, by (evaluator,) flags."""
    return [name for name, flag in zip(data.evaluators, has, strict=True) if flag]
