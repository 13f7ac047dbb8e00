"""The simulator against its story written out by hand: streams, who rates what, and the moments of scores.

Stochastic assertions use fixed seeds and |z| <= 4 (6e-5 each if the seed were new).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from small_scenario import CROWD, JUDGE, small, variants

from expsim_bayes.evaluators import panel
from expsim_bayes.experiment import play
from expsim_bayes.models.continuous import terms
from expsim_bayes.ratings import code
from expsim_bayes.readers import read, to_csv
from expsim_bayes.scenario import Scenario, StrategyName
from expsim_bayes.simulate import (
    Look,
    Plan,
    Streams,
    World,
    assign,
    balanced,
    draw_look,
    draw_world,
    operations_of,
    plan,
    ratings_of,
)

SEED = 20_26


def equal_chances(scenario: Scenario, replications: int) -> NDArray[np.float64]:
    return np.full((replications, len(scenario.variants)), 1 / len(scenario.variants))


def one_look(
    scenario: Scenario, replications: int, *, strategy: StrategyName = "sequential", look: int = 0, start: int = 0
) -> tuple[World, Plan, NDArray[np.intp], Look]:
    """World, plan, variants (replication, item, slot) and scores of one look."""
    streams = Streams(SEED, start, start + replications)
    world = draw_world(scenario, streams)
    who_rates = plan(scenario, strategy, look)
    variant = assign(scenario, strategy, who_rates, equal_chances(scenario, replications), streams, look=look)
    return world, who_rates, variant, draw_look(scenario, who_rates, world, variant, streams, look=look)


def mean_z(values: Any, expected: float) -> float:
    """How many standard errors the mean of independent values lies from what is expected."""
    return float((values.mean() - expected) / (values.std(ddof=1) / np.sqrt(values.size)))


def variance_z(values: NDArray[np.float64], expected: float) -> float:
    """The same for the variance of independent normal values of mean zero."""
    return mean_z(values**2, expected)


# ------------------------------------------------------------------------------------------------------------- streams


@settings(max_examples=50)
@given(
    cuts=st.lists(st.integers(0, 40), max_size=5),
    shape=st.lists(st.integers(1, 4), max_size=3).map(tuple),
    look=st.integers(0, 30),
)
def test_numbers_are_the_same_for_any_cut(cuts: list[int], shape: tuple[int, ...], look: int) -> None:
    whole = Streams(SEED, 0, 40).uniforms("noise", look, shape)
    edges = [0, *sorted(cuts), 40]
    parts = [Streams(SEED, a, b).uniforms("noise", look, shape) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_uniform_numbers_are_uniform_and_normal_ones_normal() -> None:
    """Moments, and counts in 20 bins of equal chance."""
    streams = Streams(SEED, 0, 4_000)
    u, x = streams.uniforms("a", 0, (25,)).ravel(), streams.normals("b", 0, (25,)).ravel()
    assert 0 < u.min() < u.max() < 1
    for power in (1, 2, 3):
        assert abs(mean_z(u**power, 1 / (power + 1))) < 4
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3)):
        assert abs(mean_z(x**power, moment)) < 4
    edges = [-1.6448536, -1.2815516, -0.8416212, 0, 0.8416212, 1.2815516, 1.6448536]
    below = [0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95]
    for edge, share in zip(edges, below, strict=True):
        assert abs((np.mean(x < edge) - share) / np.sqrt(share * (1 - share) / x.size)) < 4
    counts = np.histogram(u, bins=20, range=(0, 1))[0]
    assert np.abs((counts - u.size / 20) / np.sqrt(u.size / 20 * 0.95)).max() < 4


def test_purposes_looks_and_seeds_are_independent() -> None:
    numbers = [
        Streams(seed, 0, 20_000).normals(purpose, look, (1,))[:, 0]
        for seed, purpose, look in [(1, "a", 0), (1, "b", 0), (1, "a", 1), (2, "a", 0)]
    ]
    correlation = np.asarray(np.corrcoef(numbers))[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < 4 / np.sqrt(20_000)
    neighbours = Streams(1, 0, 20_001).normals("a", 0, (1,))[:, 0]
    assert abs(np.asarray(np.corrcoef(neighbours[1:], neighbours[:-1]))[0, 1]) < 4 / np.sqrt(20_000)


def test_a_caller_s_global_state_is_untouched() -> None:
    np.random.seed(3)  # noqa: NPY002 - that state is what must not change
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    one_look(small(), 3)
    assert np.random.random() == expected  # noqa: NPY002


# --------------------------------------------------------------------------------------------------------------- world


def test_declared_truth_is_the_scenario() -> None:
    judge = JUDGE | {"severity_mean": -0.7, "shift": {"B": 0.25}}
    scenario = small(evaluators=[judge, CROWD], variants=variants(5.0, 5.5, 6.5))
    world = draw_world(scenario, Streams(SEED, 0, 3_000))
    np.testing.assert_allclose(world.quality, np.broadcast_to([5.0, 5.5, 6.5], (3_000, 3)))
    np.testing.assert_allclose(world.level[:, 0] - world.level[:, 1], -0.7)
    np.testing.assert_allclose(world.shift[:, 0, 1], 0.25)
    np.testing.assert_array_equal(world.shift[:, 1], 0.0)
    np.testing.assert_array_equal(world.severity[:, 0], 0.0)
    np.testing.assert_array_equal(world.taste[:, 0], 0.0)
    assert abs(variance_z(world.shift[:, 0, 0], 0.15**2)) < 4
    assert abs(variance_z(world.severity[:, 1:].ravel(), 0.4**2)) < 4
    assert abs(variance_z(world.taste[:, 1:].ravel(), 0.1**2)) < 4


def test_truth_of_the_prior_has_the_moments_of_the_beliefs() -> None:
    """A taste that the story fixes is drawn too: what is drawn must be what is believed."""
    judge = JUDGE | {"severity_mean": -0.7, "shift": {"B": 2.0}}
    scenario = small(evaluators=[judge, CROWD], variants=variants(5.0, 5.5, 6.5), score_range=[0, 10])
    world = draw_world(scenario, Streams(SEED, 0, 4_000), truth="prior")
    for k in range(2):
        assert abs(mean_z(world.level[:, k], 5.0)) < 4
        assert abs(variance_z(world.level[:, k] - 5.0, 3.5**2)) < 4
    assert abs(np.asarray(np.corrcoef(world.level.T))[0, 1]) < 4 / np.sqrt(4_000)
    for v in range(3):
        assert abs(mean_z(world.added[:, v], 0.0)) < 4
        assert abs(variance_z(world.added[:, v], 1.0)) < 4
        assert abs(variance_z(world.shift[:, 0, v], 0.15**2)) < 4
    np.testing.assert_allclose(world.quality, world.level[:, [1]] + world.added)


def test_adding_a_judge_leaves_the_people_as_they_are() -> None:
    with_judge = draw_world(small(), Streams(SEED, 0, 5))
    alone = draw_world(small().rated_by("human"), Streams(SEED, 0, 5))
    np.testing.assert_array_equal(with_judge.severity[:, 1:], alone.severity)
    np.testing.assert_array_equal(with_judge.taste[:, 1:], alone.taste)


# ---------------------------------------------------------------------------------------------------------------- plan


def plan_by_hand(scenario: Scenario, strategy: StrategyName, looks: int) -> list[tuple[int, int, str, int, int]]:
    """(item, slot, evaluator, rater within the pool, turn) of every rating over several looks, item by item."""
    slots = scenario.outputs_per_item(strategy)
    has_judge = any(e.kind != "human" for e in scenario.evaluators)
    rows, shown = [], 0
    for item in range(looks * scenario.outputs_per_look // slots):
        people_rate = not has_judge or (item + 1) * scenario.overlap + 1e-9 >= shown + 1
        for slot in range(slots):
            for e in scenario.evaluators:
                if e.kind == "human" and not people_rate:
                    continue
                turn = shown if e.kind == "human" else item
                first = turn * e.ratings_per_output
                rows += [
                    (item, slot, e.name, (first + j) % e.raters, j // e.raters) for j in range(e.ratings_per_output)
                ]
        shown += people_rate
    return sorted(rows)


@pytest.mark.parametrize("overlap", [1.0, 0.5, 0.3, 0.07])
@pytest.mark.parametrize("strategy", ["sequential", "bandit"])
@pytest.mark.parametrize("per_output", [1, 2, 5])
def test_plan_is_that_made_item_by_item(overlap: float, strategy: StrategyName, per_output: int) -> None:
    crowd = CROWD | {"raters": 3, "ratings_per_output": per_output}
    scenario = small(overlap=overlap, evaluators=[JUDGE, crowd], variants=variants(5, 5, 5), variants_per_item=2)
    who = panel(scenario.evaluators)
    found: list[tuple[int, int, str, int, int]] = []
    for look in range(scenario.looks):
        p = plan(scenario, strategy, look)
        slot = p.output - p.item * p.n_slots
        for i, s, k, r, t in zip(p.item, slot, p.evaluator, p.rater, p.turn, strict=True):
            found.append((p.first_item + int(i), int(s), who.names[k], int(r - who.first_rater[k]), int(t)))
    assert sorted(found) == plan_by_hand(scenario, strategy, scenario.looks)


@given(
    overlap=st.floats(0.05, 1), raters=st.integers(2, 9), per_output=st.integers(1, 12), n_variants=st.integers(2, 4)
)
def test_laws_of_every_plan(overlap: float, raters: int, per_output: int, n_variants: int) -> None:
    crowd = CROWD | {"raters": raters, "ratings_per_output": per_output}
    scenario = small(
        overlap=overlap,
        evaluators=[JUDGE, crowd],
        variants=variants(*[5.0] * n_variants),
        outputs_per_look=12,
        assignment="paired",
        strategies={"sequential": {"stopping": []}},
    )
    shown = 0
    for look in range(3):
        p = plan(scenario, "sequential", look)
        for codes in (p.item, p.output, p.opinion):
            assert (np.diff(codes) >= 0).all()
        people = p.evaluator == 1
        assert np.bincount(p.output[~people], minlength=12).tolist() == [1] * 12, "the judge rates every output"
        each = np.bincount(p.output[people], minlength=12)
        assert set(each) <= {0, per_output}
        assert len(set(each.reshape(-1, n_variants).sum(1) // per_output)) <= 2, "all variants of an item or none"
        shown += int((each > 0).sum()) // n_variants
        n_items = (look + 1) * 12 // n_variants
        assert shown == int(np.floor(n_items * overlap + 1e-9))
        for item in set(p.item[people].tolist()):
            of_item = [
                sorted(p.rater[people & (p.output == item * n_variants + s)].tolist()) for s in range(n_variants)
            ]
            assert all(team == of_item[0] for team in of_item), "the same people rate all variants of an item"
        for pair in np.unique(p.opinion):
            assert sorted(p.turn[p.opinion == pair]) == list(range((p.opinion == pair).sum()))


def test_people_take_turns() -> None:
    scenario = small(overlap=0.5, evaluators=[JUDGE, CROWD | {"raters": 4}], outputs_per_look=32, looks=2)
    load = sum(np.bincount(plan(scenario, "ab", look).rater, minlength=5) for look in range(2))
    np.testing.assert_array_equal(load, [64, 8, 8, 8, 8])


def test_without_a_judge_people_rate_everything() -> None:
    scenario = small(overlap=0.1).rated_by("human")
    assert np.bincount(plan(scenario, "ab", 0).output).tolist() == [1] * 24


# ---------------------------------------------------------------------------------------------------------- assignment


@given(weights=st.lists(st.floats(0.0, 5.0), min_size=2, max_size=5), n=st.integers(1, 60), first=st.integers(0, 50))
def test_quotas_are_kept_at_every_moment(weights: list[float], n: int, first: int) -> None:
    share = np.array(weights)
    share = np.where(share < 0.05, 0.0, share)
    if share.sum() == 0:
        return
    order = balanced(share, n, first)
    np.testing.assert_array_equal(order, balanced(share, n + first, 0)[first:])
    counts = np.bincount(balanced(share, first + n, 0), minlength=share.size)
    assert (counts[share == 0] == 0).all()
    expected = (first + n) * share / share.sum()
    assert np.abs(counts - expected).max() < share.size / 2 + 1e-9


def test_fixed_paired_designs_show_everything_once() -> None:
    scenario = small(variants=variants(5, 5, 5))
    variant = one_look(scenario, 2)[2]
    assert variant.shape == (1, 8, 3)
    assert (np.sort(variant, axis=2) == np.arange(3)).all()


@pytest.mark.parametrize("traffic", [None, {"A": 3.0, "B": 1.0}])
def test_traffic_of_a_split_design(traffic: dict[str, float] | None) -> None:
    scenario = small(assignment="split", traffic=traffic, outputs_per_look=40, looks=6)
    for look in range(6):
        variant = one_look(scenario, 1, look=look)[2]
        assert np.bincount(variant.ravel(), minlength=2).tolist() == ([30, 10] if traffic else [20, 20])


@pytest.mark.parametrize("outputs", [8, 20, 34, 50, 144])
@pytest.mark.parametrize("overlap", [0.5, 1.0])
def test_a_split_design_ties_no_variant_to_a_rater_or_to_the_overlap(outputs: int, overlap: float) -> None:
    """Raters and the overlap go by turns; were variants to do so too, one rater would see one variant only."""
    looks = 1440 // outputs
    scenario = small(assignment="split", outputs_per_look=outputs, looks=looks, overlap=overlap, items={})
    seen = np.zeros((5, 2))
    for look in range(looks):
        p = plan(scenario, "ab", look)
        variant = assign(scenario, "ab", p, equal_chances(scenario, 1), Streams(SEED, 0, 1), look=look)
        np.add.at(seen, (p.rater, variant.reshape(-1)[p.output]), 1)
    share = seen[:, 0] / seen.sum(axis=1)
    assert np.abs(share - 0.5).max() < 0.1, share


def test_bandits_choose_distinct_variants_by_their_chances() -> None:
    scenario = small(
        variants=variants(5, 5, 5),
        strategies={"bandit": {"allocation": {"policy": "thompson", "burn_in": 0}, "stopping": []}},
        default_strategy="bandit",
        outputs_per_look=400,
    )
    chances = np.array([[0.6, 0.3, 0.1], [0.0, 0.0, 1.0]]).repeat(50, axis=0)
    streams = Streams(SEED, 0, 100)
    p = plan(scenario, "bandit", 3)
    variant = assign(scenario, "bandit", p, chances, streams, look=3)
    assert variant.shape == (100, 200, 2)
    assert (variant[..., 0] != variant[..., 1]).all()
    first = np.stack([(variant[:50, :, 0] == v).ravel() for v in range(3)])
    for v, chance in enumerate((0.6, 0.3, 0.1)):
        assert abs((first[v].mean() - chance) / np.sqrt(chance * (1 - chance) / first[v].size)) < 4
    assert (variant[50:, :, 0] == 2).all()


# -------------------------------------------------------------------------------------------------------------- scores


def test_spread_of_scores_is_that_of_the_story() -> None:
    """Differences that leave some effects out, by hand: within rater and item, between items, between evaluators."""
    scenario = small(
        overlap=1.0,
        items={"sd": 0.5, "interaction_sd": 0.3},
        evaluators=[JUDGE, CROWD | {"taste_sd": 0.5}],
        looks=1,
        outputs_per_look=4,
    )
    world, p, _, look = one_look(scenario, 40_000)
    score = look.score - world.level[:, p.evaluator]
    who = {
        (int(i), int(o % 2), int(e)): n for n, (i, o, e) in enumerate(zip(p.item, p.output, p.evaluator, strict=True))
    }
    judge_scale, cell = 0.8, 0.3**2 + 0.2**2
    added, shift, taste = world.added, world.shift, world.taste
    # A person's A against B on one item: item and severity cancel; interaction, output, opinion and noise are there twice.
    rater = p.rater[who[0, 0, 1]]
    people = score[:, who[0, 0, 1]] - score[:, who[0, 1, 1]] - (added[:, 0] - added[:, 1])
    people -= taste[:, rater, 0] - taste[:, rater, 1]
    assert abs(variance_z(people, 2 * (cell + 0.4**2 + 0.6**2))) < 4
    # The judge's A against B: all but opinion and noise is shrunk by its use of the scale, and its shift stays.
    judge = score[:, who[0, 0, 0]] - score[:, who[0, 1, 0]] - judge_scale * (added[:, 0] - added[:, 1])
    assert abs(variance_z(judge, 2 * 0.15**2 + 2 * (judge_scale**2 * cell + 0.3**2 + 0.4**2))) < 4
    assert abs(variance_z(judge - (shift[:, 0, 0] - shift[:, 0, 1]), 2 * (judge_scale**2 * cell + 0.3**2 + 0.4**2))) < 4
    # The same variant on two items by the judge: items are there.
    items = score[:, who[0, 0, 0]] - score[:, who[1, 0, 0]]
    assert abs(variance_z(items, 2 * (judge_scale**2 * (0.5**2 + cell) + 0.3**2 + 0.4**2))) < 4
    # Judge and person on the same output share item, interaction and output.
    product = (score[:, who[0, 0, 0]] - judge_scale * added[:, 0]) * (score[:, who[0, 0, 1]] - added[:, 0])
    assert abs(mean_z(product, judge_scale * (0.5**2 + cell))) < 4
    # Two items share nothing but the rater, and with the judge's shift taken out not even that.
    product = (items + 0) * (score[:, who[0, 1, 1]] - score[:, who[1, 1, 1]])
    assert abs(mean_z(product, 2 * judge_scale * 0.5**2)) < 4
    assert abs(mean_z(score[:, who[0, 0, 1]], world.added[0, 0])) < 4


def test_repeated_ratings_share_the_opinion() -> None:
    crowd = CROWD | {"raters": 2, "ratings_per_output": 4, "taste_sd": 0.0}
    scenario = small(evaluators=[crowd], items={}, variants=variants(5, 5, output_sd=0.0), looks=1, outputs_per_look=2)
    world, p, _, look = one_look(scenario, 30_000)
    score = look.score - world.level[:, p.evaluator] - world.added[:, p.output] - world.severity[:, p.rater]
    assert p.turn.tolist() == [0, 1] * 4
    same, other, across = score[:, 0] * score[:, 1], score[:, 0] * score[:, 2], score[:, 0] * score[:, 4]
    assert abs(mean_z(same, 0.4**2)) < 4
    assert abs(mean_z(other, 0.0)) < 4
    assert abs(mean_z(across, 0.0)) < 4
    assert abs(variance_z(score[:, 0], 0.4**2 + 0.6**2)) < 4


def test_scores_beyond_the_scale_are_set_to_its_end_and_counted() -> None:
    wild = JUDGE | {"noise_sd": 5.0}
    changes: dict[str, Any] = {"evaluators": [wild], "variants": variants(5, 5)}
    free, clipped = (one_look(small(**changes, clip_to_range=clip), 7)[3] for clip in (False, True))
    np.testing.assert_array_equal(clipped.score, np.minimum(np.maximum(free.score, 0.0), 10.0))
    np.testing.assert_array_equal(clipped.n_clipped, [((row < 0) | (row > 10)).sum() for row in free.score])
    assert free.n_clipped.sum() == 0 < clipped.n_clipped.min()


def test_costs_and_latencies_have_the_declared_mean() -> None:
    scenario = small(variants=variants(5, 5, tokens_log_sd=0.5, latency_s=2.0, latency_log_sd=0.4))
    look = one_look(scenario, 3_000)[3]
    assert abs(mean_z(look.relative_tokens[:, 0], 1.0)) < 4
    assert abs(mean_z(look.latency_s[:, 0], 2.0)) < 4
    assert np.log(look.latency_s).std() == pytest.approx(0.4, rel=0.02)
    assert np.log(look.relative_tokens).std() == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("strategy", ["ab", "bandit"])
def test_replications_are_the_same_in_any_company(strategy: StrategyName) -> None:
    scenario = small(overlap=0.5, variants=variants(5.0, 6.0, 5.5, latency_s=2.0, latency_log_sd=0.4))
    world, _, variant, look = one_look(scenario, 10, strategy=strategy, look=2)
    later_world, _, later_variant, later = one_look(scenario, 4, strategy=strategy, look=2, start=6)
    np.testing.assert_array_equal(world.severity[6:], later_world.severity)
    np.testing.assert_array_equal(look.score[6:], later.score)
    np.testing.assert_array_equal(look.latency_s[6:], later.latency_s)
    np.testing.assert_array_equal(variant if strategy == "ab" else variant[6:], later_variant)


def test_a_judge_rates_the_same_outputs_alike_whether_people_take_part_or_not() -> None:
    whole, alone = small(), small().rated_by("llm")
    _, p, _, both = one_look(whole, 20)
    _, _, _, only = one_look(alone, 20)
    np.testing.assert_allclose(both.score[:, p.evaluator == 0], only.score, rtol=0, atol=1e-12)


# --------------------------------------------------------------------------------------------------------------- table


def played_looks(
    scenario: Scenario, strategy: StrategyName, replications: int
) -> list[tuple[Plan, NDArray[np.intp], Look]]:
    return [one_look(scenario, replications, strategy=strategy, look=look)[1:] for look in range(scenario.looks)]


@pytest.mark.parametrize("strategy", ["sequential", "bandit"])
def test_the_table_holds_every_rating_once(strategy: StrategyName) -> None:
    crowd = CROWD | {"raters": 2, "ratings_per_output": 3}
    scenario = small(evaluators=[JUDGE, crowd], clip_to_range=True, variants=variants(9.5, 9.9))
    looks = played_looks(scenario, strategy, 3)
    for replication in (0, 2):
        ratings = ratings_of(scenario, looks, replication=replication)
        assert len(ratings.table) == sum(look.score.shape[1] for _, _, look in looks)
        keys = ["variant", "item", "evaluator", "rater", "repeat"]
        assert not ratings.table.duplicated(keys).any()
        assert ratings.control == "A"
        assert ratings.score_range == (0.0, 10.0)
        clipped = sum(int(look.n_clipped[replication]) for _, _, look in looks)
        assert any(note.startswith(f"{clipped} simulated scores") for note in ratings.notices)
        who = panel(scenario.evaluators)
        first, variant, look = looks[0]
        shown = variant[min(replication, len(variant) - 1)].reshape(-1)
        for n in (0, 5, first.item.size - 1):
            row = ratings.table[
                (ratings.table["item"] == f"item {first.item[n] + 1:02d}")
                & (ratings.table["variant"] == scenario.variant_names[shown[first.output[n]]])
                & (ratings.table["rater"] == who.raters[first.rater[n]])
                & (ratings.table["repeat"].astype(int) == first.turn[n] + 1)
            ]
            assert row["score"].tolist() == [look.score[replication, n]]


def test_a_simulated_table_survives_a_file(tmp_path: Path) -> None:
    scenario = small()
    ratings = ratings_of(scenario, played_looks(scenario, "bandit", 1))
    to_csv(ratings, tmp_path / "ratings.csv")
    back = read(tmp_path / "ratings.csv", control="A", variants=scenario.variant_names)
    table = back.table.assign(look=back.table["look"].astype(int))  # readers keep columns that they do not know as text
    pd.testing.assert_frame_equal(table, ratings.table, check_exact=True, check_dtype=False)
    assert back.variants == ratings.variants


def test_operations_hold_every_output_once() -> None:
    scenario = small(variants=variants(5, 5, tokens_in=1000, tokens_out=200, tokens_log_sd=0.3, latency_s=1.5))
    looks = played_looks(scenario, "bandit", 2)
    table = operations_of(scenario, looks, replication=1)
    assert len(table) == 24 * 4
    assert not table.duplicated(["variant", "item"]).any()
    relative = np.concatenate([look.relative_tokens[1] for _, _, look in looks])
    np.testing.assert_array_equal(table["tokens_in"], np.rint(1000 * relative))
    np.testing.assert_array_equal(table["tokens_out"], np.rint(200 * relative))
    np.testing.assert_allclose(table["latency_s"], 1.5)


def test_a_fit_of_simulated_ratings_has_the_scenarios_reference() -> None:
    judge, person = ({"kind": kind, "noise_sd": 0.5, "usd_per_rating": 0.1} for kind in ("llm", "human"))
    panels = (
        [{"name": "zoe", **person}, {"name": "abe", **person, "ratings_per_output": 2}],
        [{"name": "zed", **judge}, {"name": "abe", **judge}],
        [{"name": "abe", **judge}, {"name": "zed", **judge, "ratings_per_output": 2}],
    )
    for evaluators in panels:
        scenario = small(evaluators=evaluators)
        who, data = panel(scenario.evaluators), code(play(scenario, random_seed=1).ratings)
        assert data.evaluators[terms(data).reference] == who.names[who.reference]
