"""Fits as they are kept: what ArviZ makes of them, and densities and predictions of many draws at once."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import numpy as np
import pymc as pm
import pytensor
import pytest
import xarray as xr
from arviz_contract import holds

from expsim_bayes import models
from expsim_bayes.fit import gathered
from expsim_bayes.models import _draws
from expsim_bayes.models._completed import completed
from expsim_bayes.models._many import TOGETHER, many
from expsim_bayes.models._prior_density import log_densities
from expsim_bayes.models._stored import in_order
from expsim_bayes.models._task import Groups
from expsim_bayes.ratings import Ratings

CHAINS, EACH = 2, 20


@pytest.fixture(autouse=True)
def _python_linker() -> Iterator[None]:
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


def groups_of_draws() -> tuple[Ratings, Groups]:
    """Groups of a fit of classes, draws of the prior standing for a sampler's."""
    ratings = import_module("expsim_bayes.simulate.classes").small()
    job = models.task("classes", ratings)
    free = pm.draw(job.model.free_RVs, draws=CHAINS * EACH, random_seed=1)
    named = dict(zip((rv.name for rv in job.model.free_RVs), free, strict=True))
    groups = job.groups(completed(job.model, named, CHAINS), np.random.SeedSequence(1))
    return ratings, groups | {"sample_stats": xr.Dataset({"energy": (("chain", "draw"), np.zeros((CHAINS, EACH)))})}


def test_arviz_reads_draws_that_were_completed() -> None:
    ratings, groups = groups_of_draws()
    tree = gathered(groups, ratings)
    holds(tree)
    for name in ("effects", "posterior_predictive", "log_likelihood"):
        assert tree[name].sizes["draw"] == EACH
        assert tree[name].attrs["kept_every"] == 1


def test_only_what_is_really_large_is_thinned_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_draws, "MOST_VALUES", 3_000)
    _, groups = groups_of_draws()
    assert groups["log_prior"].sizes["draw"] == EACH
    for name in ("effects", "posterior_predictive", "log_likelihood"):
        step = groups[name].attrs["kept_every"]
        assert step > 1
        assert groups[name]["draw"].to_numpy().tolist() == list(range(0, EACH, step))
    assert groups["posterior_predictive"]["label"].size <= 3_000


def test_variables_are_ordered_where_an_order_is_there_and_kept_where_none_is() -> None:
    def group(*dims: str) -> xr.Dataset:
        return xr.Dataset({f"{n}{each}": (tuple(each), np.zeros((2,) * len(each))) for n, each in enumerate(dims)})

    def firsts(found: xr.Dataset) -> str:
        return "".join(dict.fromkeys("".join(map(str, (d for v in found.values() for d in v.dims)))))

    assert firsts(in_order(group("c", "ac", "bc", "a", "b"))) == "abc"
    assert list(in_order(group("a", "ab", "c"))) == ["0a", "1ab", "2c"]
    assert set(in_order(group("ab", "ba"))) == {"0ab", "1ba"}


def toy() -> pm.Model:
    """Parameters of which some differ from draw to draw and others do not, in all places of what is observed."""
    with pm.Model(coords={"unit": ["x", "y", "z"]}) as model:
        p = pm.Beta("p", 1, 1)
        spread = pm.HalfNormal("spread", 1, dims="unit")
        pm.Binomial("won", n=[10, 1000, 0], p=p, observed=[1, 2, 0], dims="unit")
        pm.Normal("seen", 3.0, spread, observed=[3.0, 4.0, 5.0], dims="unit")
    return model


def test_many_draws_at_once_are_predicted_each_by_its_own_parameters() -> None:
    model, draws = toy(), 10 * TOGETHER
    p, spread = np.repeat([0.1, 0.9], draws // 2), np.tile([1.0, 10.0, 0.1], (draws, 1))
    drawn = many([_draws._of_any_size(model[n]) for n in ("won", "seen")], model.free_RVs, random_seed=1)
    won, seen = drawn({"p": p, "spread": spread})
    np.testing.assert_allclose(won[:, 1], 1000 * p, atol=60)
    assert won[:, 0].max() <= 10
    assert not won[:, 2].any()
    np.testing.assert_allclose(seen.std(axis=0), [1.0, 10.0, 0.1], rtol=0.06)
    assert np.unique(seen).size == seen.size


def test_densities_of_many_draws_are_those_of_pymc() -> None:
    model, rng = toy(), np.random.default_rng(1)
    draws = xr.Dataset(
        {"p": (("chain", "draw"), rng.random((2, 3))), "spread": (("chain", "draw", "unit"), rng.random((2, 3, 3)))},
        {"chain": [0, 1], "draw": [0, 5, 10], "unit": ["x", "y", "z"]},
    )
    tree = xr.DataTree.from_dict({"posterior": draws})
    with model:
        pm.compute_log_likelihood(tree, progressbar=False)
        pm.stats.compute_log_prior(tree, progressbar=False)
    for group, names in (("log_likelihood", ["won", "seen"]), ("log_prior", ["p", "spread"])):
        xr.testing.assert_allclose(log_densities(model, draws, names), tree[group].to_dataset())
