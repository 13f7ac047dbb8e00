"""Holds the binary model to its story: exact twins, brute force, recovery, and what must be refused or warned of."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest

from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.models import binary
from expsim_bayes.models._verdicts import verdicts
from expsim_bayes.ratings import Ratings, validate
from expsim_bayes.simulate import binary as simulate

PLAIN = {"mode": "FAST_COMPILE"}


def table(**columns: list[object]) -> Ratings:
    return validate(pd.DataFrame(columns), score_range=(0, 1))


def tiny(*, gold: bool = False) -> Ratings:
    """Two items by two variants, seen by two people and a judge; item 1 may have gold labels."""
    rows = [
        (v, i, r, k, float((len(v + i + r) + ord(v) + ord(r[-1]) * int(i)) % 2))
        for v, i in product("AB", "12")
        for r, k in (("ann", "human"), ("bob", "human"), ("judge", "llm"))
    ]
    if gold:
        rows += [("A", "1", "gold", "human", 1.0), ("B", "1", "gold", "human", 0.0)]
    frame = pd.DataFrame(rows, columns=["variant", "item", "rater", "kind", "score"])
    frame["evaluator"] = np.where(frame["rater"].isin(["judge", "gold"]), frame["rater"], "people")
    return validate(frame, score_range=(0, 1))


def test_dims_and_prior_predictions_are_within_range() -> None:
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        model = binary.build_model(simulate.small())
        with model:
            prior = pm.sample_prior_predictive(50, random_seed=1, compile_kwargs=PLAIN)
    assert prior["prior"]["quality"].dims == ("chain", "draw", "variant")
    assert bool(((prior["prior"]["quality"] > 0) & (prior["prior"]["quality"] < 1)).all())
    said = prior["prior_predictive"]["verdict"].to_numpy()
    assert said.min() >= 0
    assert said.max() <= 1


@pytest.mark.parametrize("gold", [None, "gold"])
def test_marginal_is_the_explicit_model_summed_over_truths(gold: str | None) -> None:
    """No effect of items: every truth of every output summed out by brute force."""
    ratings = tiny(gold=gold is not None)
    priors = binary.Priors(gold=gold)
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        explicit, marginal = binary.build_model(ratings, priors), binary.build_marginal_model(ratings, priors)
        names = [rv.name for rv in marginal.free_RVs]
        start = explicit.initial_point(random_seed=1)
        rng = np.random.default_rng(2)
        point = {
            name: np.asarray(value) + 0.4 * rng.standard_normal(np.shape(value))
            for name, value in start.items()
            if name != "truth"
        }
        observed = explicit.compile_logp(vars=[explicit["truth"], explicit["verdict"]])
        terms = [observed({**point, "truth": np.array(truth)}) for truth in product((0, 1), repeat=start["truth"].size)]
        brute = np.logaddexp.reduce(terms)
        likelihood = marginal.compile_logp(vars=[marginal["likelihood"]])
        found = float(likelihood({value.name: point[value.name] for value in marginal.value_vars}))
    assert set(names) <= {rv.name for rv in explicit.free_RVs}
    assert found == pytest.approx(brute, rel=1e-8)


def test_judges_alone_are_refused_unless_their_error_is_declared() -> None:
    ratings = table(variant=list("ABAB"), item=list("1122"), rater=["j"] * 4, kind=["llm"] * 4, score=[1, 0, 1, 1])
    with pytest.raises(RatingsError, match="judges alone") as refused:
        verdicts(ratings)
    assert "gold" in str(refused.value)
    assert "people" in str(refused.value)
    assert "prior" in str(refused.value)
    assert any("not identified" in sentence for sentence in verdicts(ratings, declared=True).sentences)


def test_scores_between_are_refused_with_the_remedy() -> None:
    ratings = table(variant=list("AB"), item=list("11"), rater=["ann"] * 2, score=[0.5, 1])
    with pytest.raises(RatingsError, match="--flag-below"):
        verdicts(ratings)


def test_gold_of_one_class_and_torn_gold_are_warned_of() -> None:
    columns = {"variant": list("AB") * 2, "item": list("1122"), "kind": ["human"] * 4}
    people = pd.DataFrame({**columns, "rater": "ann", "evaluator": "people", "score": [1, 0, 1, 1]})
    gold = pd.DataFrame({**columns, "rater": "g1", "evaluator": "gold", "score": [1, 1, 1, 1]})
    other = gold.assign(rater="g2", score=[1, 1, 1, 0])
    one = verdicts(validate(pd.concat([people, gold])), gold="gold").sentences
    assert any("all 4 gold labels are 1" in sentence for sentence in one)
    torn = verdicts(validate(pd.concat([people, gold, other])), gold="gold")
    assert any("contradict" in sentence for sentence in torn.sentences)
    assert (torn.label < 0).sum() == 1


def test_unknown_gold_and_domain_are_refused() -> None:
    with pytest.raises(SettingError, match="no evaluator"):
        verdicts(tiny(), gold="nobody")
    with pytest.raises(SettingError, match="no column"):
        verdicts(tiny(), domain="nothing")


@pytest.mark.parametrize("name", ["sd_shift", "sd_accuracy", "level_sd"])
def test_priors_of_zero_are_refused(name: str) -> None:
    with pytest.raises(SettingError, match="nothing to learn"):
        binary.Priors(**{name: 0.0})


def test_rows_in_another_order_are_the_same_verdicts() -> None:
    ratings = tiny(gold=True)
    again = validate(ratings.table.sample(frac=1, random_state=3), score_range=(0, 1))
    left, right = verdicts(ratings, gold="gold"), verdicts(again, gold="gold")
    np.testing.assert_array_equal(left.ones, right.ones)
    np.testing.assert_array_equal(left.cell, right.cell)
