"""What ArviZ must make of every fit."""

from __future__ import annotations

import warnings

import arviz as az
import numpy as np
import xarray as xr

from expsim_bayes.diagnostics import labels


def labels_belong(drawn: xr.Dataset) -> None:
    """Every number that ArviZ tabulates stands at its own label, and all that is there has a meaning."""
    used = {dim for values in drawn.values() for dim in values.dims}
    assert set(drawn.coords) == used == set(drawn.dims)
    assert not [name for name in drawn if str(name).endswith("_raw")]
    means = {
        f"{name}{label}": mean
        for name, values in drawn.items()
        for label, mean in zip(labels(values), values.mean(("chain", "draw")).to_numpy().ravel(), strict=True)
    }
    told = az.summary(drawn, kind="stats", round_to="none")["mean"]
    assert set(told.index) == set(means)
    np.testing.assert_allclose(told[list(means)].to_numpy(float), list(means.values()), rtol=1e-9, atol=1e-12)


def holds(tree: xr.DataTree) -> None:
    """ArviZ reads a fit as it is."""
    for group in ("posterior", "prior"):
        labels_belong(tree[group].to_dataset())
    assert set(tree["sample_stats"].coords) == {"chain", "draw"}
    assert tree["log_prior"].sizes == {dim: tree["posterior"].sizes[dim] for dim in ("chain", "draw")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isfinite(az.loo(tree).elpd)
        sensitivity = az.psense_summary(tree, var_names=["quality"])[["prior", "likelihood"]].to_numpy()
    quality = tree["posterior"]["quality"]
    moves = np.ptp(quality.to_numpy(), axis=(0, 1)) > 0
    assert moves.any()
    assert np.isfinite(sensitivity[moves].astype(float)).all()
