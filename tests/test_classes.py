"""Holds the model of classes to its story: brute force over true classes, and the known answer of Dawid-Skene."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytensor
import pytest
import xarray as xr

from expsim_bayes.errors import SettingError
from expsim_bayes.models import classes
from expsim_bayes.models._classes import labels
from expsim_bayes.ratings import validate
from expsim_bayes.simulate import classes as simulate

DATA = Path(__file__).resolve().parents[2] / "shared/data/dawid_skene_anesthesia.csv"


def test_marginal_is_the_explicit_model_summed_over_true_classes() -> None:
    ratings = simulate.ratings(simulate.Truth(items=2, raters=2), 1)
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        explicit, marginal = classes.build_model(ratings), classes.build_marginal_model(ratings)
        start = explicit.initial_point(random_seed=1)
        rng = np.random.default_rng(2)
        point = {
            name: value + 0.5 * rng.standard_normal(np.shape(value)) for name, value in start.items() if name != "truth"
        }
        observed = explicit.compile_logp(vars=[explicit["truth"], explicit["label"]])
        every = product(range(3), repeat=start["truth"].size)
        brute = np.logaddexp.reduce([observed({**point, "truth": np.array(truth)}) for truth in every])
        likelihood = marginal.compile_logp(vars=[marginal["likelihood"]])
        found = float(likelihood({value.name: point[value.name] for value in marginal.value_vars}))
    assert found == pytest.approx(brute, rel=1e-8)


def test_quality_is_the_share_of_the_classes_named_good() -> None:
    ratings = simulate.small()
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        model = classes.build_model(ratings, classes.Priors(good="1,3"))
        both = model.replace_rvs_by_values([model["quality"], model["prevalence"]])
        fn = model.compile_fn(both, inputs=model.value_vars, on_unused_input="ignore")
        quality, prevalence = fn(model.initial_point(random_seed=1))
    np.testing.assert_allclose(quality, prevalence[:, [0, 2]].sum(axis=1))


def test_a_class_that_does_not_occur_cannot_be_good() -> None:
    with pytest.raises(SettingError, match="names no class"):
        classes.build_model(simulate.small(), classes.Priors(good="9"))


def test_chance_is_no_prior_of_the_right_class() -> None:
    with pytest.raises(SettingError, match="no more than chance among 3 classes"):
        classes.build_model(simulate.small(), classes.Priors(hit=1 / 3))


def test_slots_share_one_table_of_errors_under_the_name_of_their_pool() -> None:
    table = simulate.small().table
    named = classes.build_model(simulate.small())
    slots = classes.build_model(validate(table, anonymous_kinds=("human",)))
    assert list(named.coords["rater"]) == sorted(set(table["rater"]))
    assert list(slots.coords["rater"]) == ["human"]
    assert set(slots["rater_of"].get_value()) == {0}
    assert slots["label_of"].get_value().sum() == named["label_of"].get_value().sum()


@pytest.mark.long
@pytest.mark.skipif(not DATA.exists(), reason="the data of anaesthetists is not here")
def test_known_answer_of_the_anaesthetists() -> None:
    from expsim_bayes.fit import fit
    from expsim_bayes.readers import read

    posterior = fit(read(DATA, compare=False), model="classes", draws=1500, random_seed=1)["posterior"].to_dataset()
    first = posterior["confusion"].sel(rater="anaesthetist_1").mean(("chain", "draw")).to_numpy()
    np.testing.assert_allclose(np.diagonal(first), [0.865, 0.852, 0.794, 0.683], atol=0.01)
    np.testing.assert_allclose(posterior["share"].mean(("chain", "draw")), [0.3756, 0.4073, 0.1432, 0.0738], atol=0.01)


def test_complete_draws_classes_by_bayes_rule() -> None:
    """Shares of drawn classes of one output against the product of its labels' chances."""
    ratings = simulate.ratings(simulate.Truth(items=1, raters=2), 3)
    seen = labels(ratings)
    rng = np.random.default_rng(5)
    raters, variants, k = len(seen.data.raters), len(seen.data.variants), 3
    confusion, prevalence = rng.dirichlet(np.ones(k), (raters, k)), rng.dirichlet(np.ones(k), variants)
    expected = prevalence[seen.data.output_variant].copy()
    for e, (o, r) in enumerate(zip(seen.output, seen.rater, strict=True)):
        expected[o] *= np.prod(confusion[r] ** seen.counts[e], axis=1)
    expected /= expected.sum(axis=1, keepdims=True)
    shape = (1, 8000)
    draws = xr.Dataset(
        {
            "confusion": (
                ("chain", "draw", "rater", "class", "said"),
                np.broadcast_to(confusion, shape + confusion.shape),
            ),
            "prevalence": (
                ("chain", "draw", "variant", "class"),
                np.broadcast_to(prevalence, shape + prevalence.shape),
            ),
        }
    )
    truth = classes.complete(draws, ratings, classes.Priors(), rng)["truth"].to_numpy()[0]
    np.testing.assert_allclose((truth[..., None] == np.arange(k)).mean(axis=0), expected, atol=0.025)


def test_labels_that_are_all_the_same_have_a_finite_density_and_unused_classes_are_named() -> None:
    table = simulate.small().table.assign(score=2.0)
    ratings = validate(table, score_range=(1, 3))
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        model = classes.build_marginal_model(ratings)
        assert np.isfinite(model.compile_logp()(model.initial_point(random_seed=1)))
    assert any("No label is 1, 3" in sentence for sentence in labels(ratings).sentences)
