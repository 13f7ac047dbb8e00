"""Holds the binary model to its story: exact twins, brute force, recovery, and what must be refused or warned of."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
import xarray as xr

from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.models import binary
from expsim_bayes.models._completed import labelled
from expsim_bayes.models._draws import _data
from expsim_bayes.models._recipe import Supposed
from expsim_bayes.models._truths import draw_truths
from expsim_bayes.models._verdict_checks import features, tastes
from expsim_bayes.models._verdicts import panel, verdicts
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
            if not name.startswith("truth")
        }
        unknown = "truth" if gold is None else "truth_unlabelled"
        observed = explicit.compile_logp(vars=[explicit[unknown], explicit["verdict"]])
        terms = [observed({**point, unknown: np.array(truth)}) for truth in product((0, 1), repeat=start[unknown].size)]
        brute = np.logaddexp.reduce(terms)
        likelihood = marginal.compile_logp(vars=[marginal["likelihood"]])
        found = float(likelihood({value.name: point[value.name] for value in marginal.value_vars}))
    assert set(names) <= {rv.name for rv in explicit.free_RVs}
    assert found == pytest.approx(brute, rel=1e-8)


def test_a_gold_label_is_predicted_by_the_rate_and_verdicts_on_its_output_by_the_label() -> None:
    """Two people give the label of an output; the judge never errs, so that its verdicts follow labels that are drawn anew."""
    rows = [("A", str(i), "judge", "judge", "llm", i % 2) for i in range(6)]
    rows += [("A", str(i), who, "gold", "human", i % 2) for i in range(4) for who in ("ann", "bob")]
    frame = pd.DataFrame(rows, columns=["variant", "item", "rater", "evaluator", "kind", "score"])
    ratings, priors = validate(frame, score_range=(0, 1), compare=False), binary.Priors(gold="gold")
    seen = verdicts(ratings, gold="gold")
    labels, known = seen.evaluator == seen.gold, seen.label >= 0
    rates, sure = np.array([0.4, -1.1]), np.full((2, 1), 30.0)
    point = {"level": rates, "q_raw": np.zeros((2, 1)), "sensitivity_logit": sure, "specificity_logit": sure}
    with pytensor.config.change_flags(mode="FAST_COMPILE"), binary.build_model(ratings, priors) as model:
        values = labelled(model, {**point, "truth_unlabelled": np.zeros((2, 2), dtype=np.int64)}, 1)
        tree = xr.DataTree.from_dict({"posterior": values})
        pm.compute_log_likelihood(tree, progressbar=False)
        told = pm.sample_posterior_predictive(tree, sample_vars=["verdict"], progressbar=False, random_seed=1)
        before = pm.sample_prior_predictive(50, var_names=["verdict"], random_seed=1)
        assert model["truth"].eval({model["truth_unlabelled"]: [0, 1]}).tolist() == [0, 1, 0, 1, 0, 1]
    likelihood = tree["log_likelihood"]["verdict"].to_numpy()[0]
    expected = -np.log1p(np.exp(np.where(seen.ones[labels] > 0, -rates[:, None], rates[:, None])))
    np.testing.assert_allclose(likelihood[:, labels], expected, rtol=1e-12)
    said = told["posterior_predictive"]["verdict"].to_numpy()[0]
    np.testing.assert_array_equal(said[:, ~labels & known[seen.output]], said[:, labels] / 2)
    assert set(np.unique(before["prior_predictive"]["verdict"].to_numpy()[..., labels])) == {0, 2}


def test_judges_alone_are_refused_unless_their_error_is_declared() -> None:
    ratings = table(variant=list("ABAB"), item=list("1122"), rater=["j"] * 4, kind=["llm"] * 4, score=[1, 0, 1, 1])
    with pytest.raises(RatingsError, match="judges alone") as refused:
        verdicts(ratings)
    assert "gold" in str(refused.value)
    assert "people" in str(refused.value)
    assert "prior" in str(refused.value)
    assert any("not identified" in sentence for sentence in verdicts(ratings, declared=True).sentences)


def test_a_reference_that_cannot_say_what_is_true_is_refused_and_one_of_two_judges_is_believed() -> None:
    many = {
        "variant": list("ABAB") * 2,
        "item": list("1122") * 2,
        "rater": ["i"] * 4 + ["j"] * 4,
        "score": [1, 0, 1, 1] * 2,
    }
    mixed = {**many, "kind": ["human"] * 4 + ["llm"] * 4}
    with pytest.raises(SettingError, match="truth is what people say in the long run, not what 'j' says"):
        verdicts(validate(pd.DataFrame(mixed), score_range=(0, 1), reference="j"))
    with pytest.raises(SettingError, match="truth is what human says"):
        verdicts(validate(pd.DataFrame(mixed), score_range=(0, 1), reference="j"), gold="human")
    alone = validate(pd.DataFrame({**many, "kind": "llm"}), score_range=(0, 1), reference="j")
    found = verdicts(alone, declared=True)
    assert found.data.evaluators[found.bound] == "j"


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


def errors(**below: float) -> Ratings:
    """Scores of two people and a judge turned into flags of an error."""
    frame = pd.DataFrame(
        {
            "variant": list("ABABAB"),
            "item": list("112211"),
            "rater": ["ann", "ann", "ann", "ann", "judge", "judge"],
            "kind": ["human"] * 4 + ["llm"] * 2,
            "score": [1.0, 0.5, np.nan, 1.0, 0.7, 0.3],
        }
    )
    return validate(frame, flag_below={"*" if name == "others" else name: value for name, value in below.items()})


def test_flags_are_scores_below_the_threshold_of_their_evaluator() -> None:
    ratings = errors(human=1.0, others=0.5)
    table = ratings.table.set_index(["rater", "variant", "item"])["score"]
    assert table["ann", "A", "1"] == 0.0
    assert table["ann", "B", "1"] == 1.0
    assert np.isnan(table["ann", "A", "2"])
    assert table["judge", "A", "1"] == 0.0
    assert table["judge", "B", "1"] == 1.0
    assert not ratings.higher_is_better
    assert ratings.score_range == (0.0, 1.0)
    assert any("below 1 flag an error: 1 of 3 scores" in notice for notice in ratings.notices)
    assert any("below 0.5 flag an error: 1 of 2 scores" in notice for notice in ratings.notices)


def test_thresholds_for_nobody_and_evaluators_without_one_are_refused() -> None:
    with pytest.raises(SettingError, match="no evaluator is called 'nobody'") as caught:
        errors(nobody=1.0, others=0.5)
    assert "'human'" in str(caught.value)
    with pytest.raises(SettingError, match="no threshold for 'judge'") as caught:
        errors(human=1.0)
    assert "* for all others" in str(caught.value)


def test_complete_draws_truths_by_their_posterior_over_all_tellings() -> None:
    """No effect of items: shares of drawn truths against the odds of every way of being true."""
    ratings = tiny()
    seen = verdicts(ratings)
    assert seen.item is False
    rng = np.random.default_rng(3)
    logit = rng.normal(size=len(seen.data.outputs))
    alpha, beta = rng.normal(1.0, 0.7, (2, seen.cell_rater.size))
    hit, reject = 1 / (1 + np.exp(-alpha)), 1 / (1 + np.exp(-beta))
    every = np.array(list(product((0, 1), repeat=logit.size)))
    weight = np.ones(len(every))
    for n, truth in enumerate(every):
        for o, z in enumerate(truth):
            weight[n] *= 1 / (1 + np.exp(-logit[o] if z else logit[o]))
        for e, o in enumerate(seen.output):
            says = hit[seen.cell[e]] if truth[o] else 1 - reject[seen.cell[e]]
            weight[n] *= says ** seen.ones[e] * (1 - says) ** (seen.asked[e] - seen.ones[e])
    expected = weight @ every / weight.sum()
    drawn = np.stack([draw_truths(seen, logit, None, alpha, beta, rng).truth for _ in range(20_000)])
    np.testing.assert_allclose(drawn.mean(axis=0), expected, atol=0.016)


def test_gold_labels_are_the_truth_and_effects_of_items_follow_their_conditional() -> None:
    """One item, one output labelled 1: its effect has density phi(u) logit^-1(m + s u)."""
    people = pd.DataFrame({"item": ["1", "1"], "rater": ["ann", "g"], "evaluator": ["people", "gold"], "score": [0, 1]})
    seen = verdicts(validate(people.assign(kind="human"), score_range=(0, 1), compare=False), gold="gold")
    rng = np.random.default_rng(4)
    logit, sd, errs = np.array([-0.5]), 1.5, np.full(seen.cell_rater.size, 1.0)
    drawn = [draw_truths(seen, logit, sd, errs, errs, rng) for _ in range(20_000)]
    u = np.linspace(-8, 8, 4001)
    density = np.exp(-0.5 * u**2) / (1 + np.exp(0.5 - sd * u))
    assert all(one.truth[0] == 1 for one in drawn)
    assert np.mean([one.item[0] for one in drawn]) == pytest.approx((u * density).sum() / density.sum(), abs=0.03)


def alone(score: list[int]) -> Ratings:
    """Two variants, three items each judged by two people."""
    rows = list(product("AB", "123", ["ann", "bob"]))
    frame = pd.DataFrame(rows, columns=["variant", "item", "rater"])
    return validate(frame.assign(kind="human", score=score), score_range=(0, 1))


@pytest.mark.parametrize("value", [0, 1])
def test_verdicts_that_are_all_the_same_have_a_finite_density_and_are_named(value: int) -> None:
    ratings = alone([value] * 12)
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        model = binary.build_marginal_model(ratings)
        assert np.isfinite(model.compile_logp()(model.initial_point(random_seed=1)))
    assert any(f"all 12 verdicts of human are {value}" in sentence for sentence in verdicts(ratings).sentences)


def test_a_variant_without_verdicts_keeps_its_place_and_is_warned_of() -> None:
    ratings = validate(alone([0, 1] * 6).table, score_range=(0, 1), variants=["A", "B", "C"])
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        model = binary.build_marginal_model(ratings)
        assert np.isfinite(model.compile_logp()(model.initial_point(random_seed=1)))
    assert list(model.coords["variant"]) == ["A", "B", "C"]
    assert any("no verdicts of C" in sentence for sentence in verdicts(ratings).sentences)


def test_shares_at_the_edge_are_not_compared_and_others_are() -> None:
    """A rater who never says 1 cannot fail a check, and one prediction without a 1 does not take the check away."""
    constant = binary_constant(alone([0, 1] * 6))
    told = binary.RECIPE.features(np.zeros((1, 12)), constant)
    assert all(np.isnan(value).all() for value in told.values())
    mixed = np.array([np.zeros(12), [0, 1] * 6])
    found = binary.RECIPE.features(mixed, constant)["share of 1s from human"]
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(0.5)


def binary_constant(ratings: Ratings) -> xr.Dataset:
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        return _data(binary.RECIPE, binary.build_model(ratings))["constant_data"]


@pytest.mark.long
def test_a_rate_that_the_usual_correction_puts_below_zero_stays_a_share() -> None:
    """Rogan and Gladen: flags at 5 % by a judge of specificity .85 give (.05 + .85 - 1) / .7 < 0."""
    from expsim_bayes.fit import fit

    item = [f"i{n:03d}" for n in range(140)]
    gold = pd.DataFrame({"item": item[:80], "rater": "g", "kind": "human", "evaluator": "gold"})
    gold["score"] = [1.0] * 40 + [0.0] * 40
    judge = pd.DataFrame({"item": item, "rater": "j", "kind": "llm", "evaluator": "judge"})
    judge["score"] = [1.0] * 34 + [0.0] * 6 + [1.0] * 6 + [0.0] * 34 + [1.0] * 3 + [0.0] * 57
    ratings = validate(pd.concat([gold, judge]), score_range=(0, 1), compare=False)
    draws = fit(ratings, model="binary", priors=binary.Priors(gold="gold"), draws=400, tune=400, random_seed=1)
    quality = draws["posterior"]["quality"].to_numpy()
    assert quality.min() > 0
    assert quality.max() < 1


def test_variants_that_each_occur_in_one_kind_of_item_are_warned_of_until_errors_differ_by_kind() -> None:
    nested = pd.DataFrame({"variant": list("AABB") * 2, "item": list("1234") * 2, "dataset": list("xxyy") * 2})
    nested["rater"], nested["kind"] = ["ann"] * 4 + ["judge"] * 4, ["human"] * 4 + ["llm"] * 4
    nested["score"] = [0, 1, 1, 0, 1, 1, 0, 0]
    crossed = nested.assign(variant=list("ABAB") * 2)
    warned = [
        any("no variant occurs in more than one kind of 'dataset'" in sentence for sentence in seen.sentences)
        for seen in (
            verdicts(validate(nested, score_range=(0, 1))),
            verdicts(validate(nested, score_range=(0, 1)), domain="dataset"),
            verdicts(validate(crossed, score_range=(0, 1))),
        )
    ]
    assert warned == [True, False, False]


def tastes_by_kind(raw: np.ndarray, kinds: list[int]) -> dict[str, Supposed]:
    """The check of tastes (draw, judge, variant) where variant v is rated in kind kinds[v] only."""
    variants = [f"v{n}" for n in range(len(kinds))]
    draws = xr.Dataset({"shift_logit": (("chain", "draw", "judge", "variant"), raw[None])})
    constant = xr.Dataset(
        {"variant_of": ("entry", np.arange(len(kinds))), "stratum_of": ("entry", kinds)}, coords={"variant": variants}
    )
    return tastes(draws, constant, np.random.default_rng(3))


def test_tastes_that_go_by_the_kind_of_item_are_told_from_tastes_for_variants() -> None:
    rng = np.random.default_rng(2)
    kinds = [0, 0, 0, 0, 1, 1, 1, 1]
    own = rng.normal(size=(400, 3, 8))
    by_kind = np.where(np.array(kinds), 2.0, -2.0) + 0.3 * own
    for raw, expected in ((own, False), (by_kind, True)):
        (found,) = tastes_by_kind(raw, kinds).values()
        assert bool(found.found > np.quantile(found.fresh, 0.975)) is expected
    # the share of the sum of squares between kinds, by the loop of an analysis of variance
    (found,) = tastes_by_kind(own[:1], kinds).values()
    centred = own[0] - own[0].mean(axis=1, keepdims=True)
    between = sum(4 * centred[j, half].mean() ** 2 for j in range(3) for half in (slice(0, 4), slice(4, 8)))
    assert found.found == pytest.approx(between / (centred**2).sum(), rel=1e-12)


@pytest.mark.parametrize("kinds", [[0, 0, 0, 0], [0, 1, 2, 3]])
def test_tastes_are_not_looked_at_where_kinds_say_nothing_of_them(kinds: list[int]) -> None:
    assert tastes_by_kind(np.ones((2, 1, 4)), kinds) == {}


def test_verdicts_of_the_panel_are_compared_variant_by_variant() -> None:
    constant = xr.Dataset(
        {
            "asked_of": ("entry", [1, 1, 2, 1]),
            "evaluator_of": ("entry", [0, 0, 0, 1]),
            "output_of": ("entry", [0, 1, 2, 0]),
            "variant_of": ("entry", [0, 0, 1, 0]),
            "stratum_of": ("entry", [0, 0, 0, 0]),
            "rater_of": ("entry", [0, 0, 0, 1]),
            "role_of": ("evaluator", [1, 0]),
        },
        coords={"variant": ["A", "B"], "evaluator": ["human", "judge"], "stratum": ["all"]},
    )
    found = features(np.array([[1, 0, 1, 1]]), constant)
    assert found["share of 1s from human for A"] == pytest.approx([0.5])
    assert found["share of 1s from human for B"] == pytest.approx([0.5])
    assert "share of 1s from judge for A" not in found


def test_the_panel_errs_alike_in_all_kinds_of_item_and_judges_need_not() -> None:
    """Were the panel's errors free by kind, what judges agree on against people could pass for the truth of a kind."""
    ratings = simulate.ratings(simulate.Truth(domains=2, sd_domain=1.0), random_seed=4)
    assert any(
        "to be the same in all kinds of 'domain'" in said for said in verdicts(ratings, domain="domain").sentences
    )
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        model = binary.build_model(ratings, binary.Priors(domain="domain"))
        prior = pm.sample_prior_predictive(50, model=model, random_seed=1, compile_kwargs=PLAIN)["prior"]
    seen = verdicts(ratings, domain="domain")
    assert panel(seen).sum() == 1
    for name in ("sensitivity", "specificity"):
        apart = abs(prior[name].diff("domain")).max(("chain", "draw", "domain")).to_numpy()
        np.testing.assert_allclose(apart[panel(seen)], 0.0, atol=1e-12)
        assert (apart[~panel(seen)] > 0.1).all()
    assert not panel(verdicts(ratings, gold=seen.data.evaluators[seen.bound], domain="domain")).any()
