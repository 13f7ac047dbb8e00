"""A made-up fit of four chains with every group that diagnostics look at."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr


def tree(*, apart: float = 0.0, stats: bool = True, draws: int = 200, quality: str = "quality") -> xr.DataTree:
    """A made-up fit of four chains, the last of which may lie apart."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(4, draws, 2)) + np.array([0, 0, 0, apart])[:, None, None]
    likelihood = rng.normal(-1, 0.1, size=(4, draws, 12))
    groups = {
        "posterior": xr.Dataset({quality: (("chain", "draw", "variant"), values), "sd_item": (("chain", "draw"), np.exp(values[..., 0]))},
                                {"variant": ["A", "<b>B</b>"]}),
        "log_prior": xr.Dataset({"q": (("chain", "draw"), -0.5 * values[..., 0] ** 2), "sd_item": (("chain", "draw"), -values[..., 0])}),
        "log_likelihood": xr.Dataset({"score": (("chain", "draw", "rating"), likelihood)}),
        "observed_data": xr.Dataset({"score": ("rating", np.zeros(12))}),
    }  # fmt: skip
    if stats:
        sampler = {
            "diverging": (("chain", "draw"), np.zeros((4, draws), bool)),
            "energy": (("chain", "draw"), rng.normal(size=(4, draws))),
        }
        groups["sample_stats"] = xr.Dataset(sampler)
    made = xr.DataTree.from_dict({name: with_draws(group) for name, group in groups.items()})
    made.attrs = {
        "model": "continuous",
        "data_source": "ratings.csv",
        "verdict": "{}",
        "versions": json.dumps({"pymc": "6"}),
        "unit": "points",
    }
    return made


def with_draws(group: xr.Dataset) -> xr.Dataset:
    return group.assign_coords({dim: np.arange(group.sizes[dim]) for dim in ("chain", "draw") if dim in group.dims})
