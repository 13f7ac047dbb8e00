"""Experiments in which the outputs of an item are put in order: what is refused, who is shown, what it costs, and the law of a ranking.

Stochastic assertions use fixed seeds and |z| <= 4 (6e-5 each if the seed were new).
"""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import ValidationError
from small_podiums import CROWD, JUDGE, ranking
from typer.testing import CliRunner

from expsim_bayes.cli.app import app
from expsim_bayes.cli.simulate import fit_options
from expsim_bayes.experiment import play
from expsim_bayes.live import Settings, begin
from expsim_bayes.live.ahead import ahead
from expsim_bayes.models._podium import podium
from expsim_bayes.models._podium_priors import Priors
from expsim_bayes.operating_characteristics import judges_floor
from expsim_bayes.recommend import of_experiment
from expsim_bayes.recommend.compared import taste_as_share
from expsim_bayes.scenario import load, text_of
from expsim_bayes.sentences import recommendation
from expsim_bayes.simulate import (
    Look,
    Plan,
    PodiumWorld,
    Streams,
    assign,
    draw_podium_world,
    plan,
    ratings_of,
    story_of,
)
from expsim_bayes.simulate.podiums import ranked_abilities
from expsim_bayes.simulate.ranking import Truth, quality
from expsim_bayes.spending import nothing_spent, spend

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from expsim_bayes.scenario import Scenario

SEED = 20_267
EXAMPLE = "drafts-in-order"
DROPS: dict[str, Any] = {
    "bandit": {
        "allocation": {"policy": "probability_matching"},
        "stopping": [{"rule": "inferiority"}, {"rule": "superiority"}],
    }
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"score_range": [0, 5]}, r"score_range: is 0 to 5, and quality is a share of rankings.*use \[0, 1\]"),
        ({"higher_is_better": False}, r"higher_is_better: is false.*stands before others.*leave it out"),
        ({"rate_prior": [2, 1]}, r"rate_prior: meets all outputs of a ranking and cancels"),
        ({"items": {"sd": 0.1}}, r"items.sd: meets all outputs of a ranking"),
        ({"evaluators": [CROWD | {"severity_sd": 0.1}]}, r"evaluators.crowd.severity_sd: meets all outputs"),
        ({"evaluators": [CROWD | {"opinion_sd": 0.1}]}, r"evaluators.crowd.opinion_sd: meets all outputs"),
        ({"evaluators": [CROWD | {"noise_sd": 0.1}]}, r"evaluators.crowd.noise_sd: meets all outputs"),
        ({"evaluators": [CROWD | {"order": 0.1}]}, r"evaluators.crowd.order: belongs to outcome = \"preference\""),
        ({"evaluators": [CROWD | {"ties": 0.1}]}, r"evaluators.crowd.ties: belongs to outcome = \"preference\""),
        ({"evaluators": [CROWD | {"taste_sd": 11}]}, r"evaluators.crowd.taste_sd: 11 logits are beyond"),
        ({"evaluators": [JUDGE]}, r"evaluators.judge.scale_use: is 0.7"),
        ({"assignment": "split"}, r"assignment: a ranking needs several outputs"),
        ({"variants": [{"name": n, "quality": 0.5} for n in "ABCDEFGH"]}, r"8 outputs.*7 are the most; set a policy"),
        (
            {"strategies": {"sequential": {"stopping": [], "allocation": {"policy": "fixed", "weights": {"A": 1, "B": 2, "C": 1}}}}},
            r"allocation.weights: a fixed allocation shows all variants",
        ),
        ({"rope": 0.1, "strategies": DROPS, "default_strategy": "bandit"}, r"stopping: inferiority drops.*leave variants_per_item at 2"),
        ({"outputs_per_look": 25}, r"outputs_per_look: 25 cannot be shared out in 3s"),
        (
            {"variants": [{"name": "A", "quality": 0.6}, {"name": "B", "quality": 0.5}]},
            r"share of rankings in which a variant stands before the control",
        ),
    ],
)  # fmt: skip
def test_what_a_ranking_does_not_have_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ranking(**changes)


def test_beliefs_are_those_of_the_model() -> None:
    assert ranking().sd_variant_belief == Priors().sd_variant
    assert ranking().components == "estimated"


def played(scenario: Scenario, streams: Streams, strategy: Any = "sequential") -> list[tuple[Plan, NDArray[Any], Look]]:
    """All looks, everything as likely to be best."""
    story, n = story_of(scenario, streams), streams.stop - streams.start
    kept = []
    for look in range(scenario.looks):
        layout = plan(scenario, strategy, look)
        alike = np.full((n, len(scenario.variants)), 1 / len(scenario.variants))
        variant = assign(scenario, strategy, layout, alike, streams, look=look)
        kept.append((layout, variant, story.look(layout, variant, look=look)))
    return kept


def test_a_ranking_is_one_rating_of_all_outputs_of_an_item() -> None:
    scenario = ranking(evaluators=[JUDGE, CROWD | {"ratings_per_output": 2}], overlap=0.5)
    (layout, variant, told), *_ = played(scenario, Streams(SEED, 0, 3))
    assert (layout.n_items, layout.n_slots) == (12, 3)
    assert np.bincount(layout.evaluator).tolist() == [12, 12]
    spent = spend(nothing_spent(scenario, 3), scenario, layout, variant, told)
    np.testing.assert_allclose(spent.ratings, [[12, 12]] * 3)
    np.testing.assert_allclose(spent.outputs, [[12, 12, 12]] * 3)
    np.testing.assert_allclose(spent.usd_rating, [[0.12, 3.6]] * 3)
    assert (np.sort(told.score.reshape(3, 24, 3), axis=2) == [1, 2, 3]).all()


@pytest.mark.parametrize("shown", [2, 3])
def test_a_bandit_chooses_which_variants_are_put_in_order(shown: int) -> None:
    scenario = ranking(0.5, 0.6, 0.4, 0.55, variants_per_item=shown)
    (layout, variant, _), *_ = played(scenario, Streams(SEED, 0, 20), "bandit")
    assert variant.shape == (20, 36 // shown, shown)
    assert all(np.unique(row).size == shown for row in variant.reshape(-1, shown))
    assert layout.n_slots == shown


def test_the_law_of_a_ranking_by_the_book() -> None:
    """How often each order is told by a judge who fits no item, beside a first choice and a choice among the rest."""
    scenario = ranking(
        0.5, 0.7, 0.35, items={}, evaluators=[JUDGE | {"shift": {"C": 0.8}}, CROWD], outputs_per_look=900
    )
    (layout, _, told), *_ = played(scenario, Streams(SEED, 0, 40))
    q = ranked_abilities(scenario)
    worth = np.exp(0.7 * q + [0.0, 0.0, 0.8])
    order = told.score.reshape(40, -1, 3)[:, layout.evaluator == 0].argsort(axis=2).reshape(-1, 3)
    for told_as in itertools.permutations(range(3)):
        first, second, third = worth[list(told_as)]
        chance = first / worth.sum() * second / (second + third)
        seen = float((order == told_as).all(axis=1).mean())
        assert abs(seen - chance) <= 4 * math.sqrt(chance * (1 - chance) / len(order))


@pytest.mark.parametrize(
    ("shares", "control"), [((0.5, 0.6, 0.3), "A"), ((0.6, 0.45, 0.45), None), ((0.9, 0.5, 0.1), None)]
)
def test_people_put_variants_before_others_as_often_as_declared(shares: tuple[float, ...], control: str | None) -> None:
    scenario = ranking(*shares, control=control)
    q = ranked_abilities(scenario)
    truth = Truth(q=tuple(q), shift=(0.0, 0.0, 0.0), sd_interaction=0.7, sd_taste=0.3)
    before = [
        quality(truth.model_copy(update={"q": tuple(np.roll(q, -v))}))[np.arange(3) - v] for v in range(3)
    ]  # of each rival
    expected = before[0] if control else (np.mean(before, axis=0) * 3 - 0.5) / 2
    np.testing.assert_allclose(expected, shares, atol=1e-6)
    (layout, _, told), *_ = played(
        scenario.model_copy(update={"outputs_per_look": 900, "looks": 1}), Streams(SEED, 0, 60)
    )
    place = told.score.reshape(60, -1, 3)[:, layout.evaluator == 1]
    ahead = [(place[..., [v]] < place).mean(axis=1) for v in range(3)]
    seen = np.stack([each[:, 0] if control else each.sum(axis=1) / 2 for each in ahead], axis=1)
    for v in range(0 if control is None else 1, 3):
        assert abs(seen[:, v].mean() - shares[v]) <= 4 * seen[:, v].std() / math.sqrt(60)


@pytest.mark.parametrize("truth", ["declared", "prior"])
def test_the_same_seed_gives_the_same_numbers_for_any_cut(truth: Any) -> None:
    scenario = ranking(evaluators=[JUDGE | {"shift_sd": 0.3}, CROWD])
    layout, whole = plan(scenario, "bandit", 1), Streams(SEED, 0, 6)
    best = np.full((6, 3), 1 / 3)
    variant = assign(scenario, "bandit", layout, best, whole, look=1)
    together = story_of(scenario, whole, truth=truth)
    told = together.look(layout, variant, look=1)
    for start, stop in ((0, 2), (2, 6)):
        alone = story_of(scenario, Streams(SEED, start, stop), truth=truth)
        for name, value in alone.truth._asdict().items():
            np.testing.assert_allclose(value, getattr(together.truth, name)[start:stop], rtol=1e-12, atol=1e-15)
        found = alone.look(layout, variant[start:stop] if len(variant) > 1 else variant, look=1)
        np.testing.assert_array_equal(found.score, told.score[start:stop])


def test_a_judge_says_the_same_with_and_without_people() -> None:
    both = ranking(0.5, 0.7, 0.4, evaluators=[JUDGE | {"shift_sd": 0.3}, CROWD])
    alone = both.rated_by("llm")
    world = draw_podium_world(alone, Streams(SEED, 0, 5))
    assert isinstance(world, PodiumWorld)
    np.testing.assert_allclose(world.q, 0.7 * draw_podium_world(both, Streams(SEED, 0, 5)).q)
    np.testing.assert_allclose(world.quality[0], [0.5, 0.7, 0.4])
    (layout, _, told), *_ = played(both, Streams(SEED, 0, 5))
    (_, _, of_judge), *_ = played(alone, Streams(SEED, 0, 5))
    np.testing.assert_array_equal(told.score.reshape(5, -1, 3)[:, layout.evaluator == 0].reshape(5, -1), of_judge.score)


def test_rankings_of_one_experiment_are_a_table_that_the_model_takes() -> None:
    scenario = ranking(evaluators=[JUDGE | {"ratings_per_output": 2}, CROWD])
    kept = played(scenario, Streams(SEED, 0, 2), "bandit")
    ratings = ratings_of(scenario, kept, replication=1)
    assert (ratings.outcome, ratings.control, ratings.reference) == ("ranking", "A", "crowd")
    assert ratings.notices == ()
    assert len(ratings.table) == 3 * 36 * 3
    found = podium(ratings)
    assert found.data.size.size == 3 * 36
    assert (found.terms.interaction, found.terms.taste.tolist(), found.terms.scale_use.tolist()) == (
        True,
        [True, False],
        [False, True],
    )
    layout, variant, told = kept[0]
    mine = ratings.table[ratings.table["look"] == 1]
    n = int(np.flatnonzero(layout.evaluator == 1)[0])
    rows = mine[(mine["item"] == f"item {layout.item[n] + 1:02d}") & (mine["evaluator"] == "crowd")]
    said = dict(zip(rows["variant"], rows["rank"], strict=True))
    shown = ["ABC"[v] for v in variant[min(1, len(variant) - 1), layout.item[n]]]
    assert said == dict(zip(shown, told.score[1].reshape(-1, 3)[n], strict=True))


def test_the_floor_of_judges_alone() -> None:
    scenario = ranking(0.5, 0.6, evaluators=[JUDGE | {"shift_sd": 0.4}, CROWD], variants_per_item=2)
    lead = np.diff(ranked_abilities(scenario)).item()
    chance = 0.5 * math.erfc(-0.7 * lead / (math.sqrt(2) * 0.4) / math.sqrt(2))
    found = judges_floor(scenario)
    assert abs(found.value - chance) <= 4 * found.mcse


# -------------------------------------------------------------------------------------------------------- what is said


def test_a_scenario_is_shown_and_simulated_in_rankings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expsim_bayes.cli.simulate.EQUAL_REPLICATIONS", 4)

    def expsim(*arguments: str) -> str:
        found = CliRunner().invoke(app, arguments, env={"COLUMNS": "110", "NO_COLOR": "1"})
        assert found.exit_code == 0, found.output
        return " ".join(found.stdout.split())

    text = expsim("scenario", "show", EXAMPLE)
    assert "share of rankings in which a variant stands before the control, today" in text
    assert "2 or 3 outputs of an item put in order, 14 looks of 132 outputs" in text
    assert "A ranking" in text
    assert "Noise" not in text
    text = expsim("simulate", EXAMPLE, "--seed", "3", "--details")
    assert "Rankings" in text
    assert "A ranking" in text
    assert fit_options(load(EXAMPLE), "both") == " --control today"


def test_an_experiment_is_told_in_rankings() -> None:
    scenario = ranking(
        0.5, 0.75, 0.4, outputs_per_look=90, evaluators=[JUDGE | {"shift_sd": 0.4}, CROWD], min_effect=0.05,
        strategies={"sequential": {"stopping": [{"rule": "superiority", "threshold": 0.9}]}},
    )  # fmt: skip
    played = play(scenario, random_seed=SEED)
    facts = of_experiment(played)
    assert (facts.unit, facts.rated, facts.baseline) == ("share", "ranking", "A")
    assert facts.ratings == len(played.ratings.table) // 3
    said = recommendation(facts).text()
    assert re.search(r"B beats A on [\d.]+ % of new items \(95 % interval", said)
    assert re.search(r"\d+ rankings by judge for \$", said)
    (more,) = facts.further
    assert more.label == "rankings by the same raters"
    assert 0 < more.variance_removed < 1
    assert taste_as_share(scenario.evaluators[0], ties=False) == pytest.approx(1 / (1 + math.exp(-0.4)) - 0.5)


def test_what_to_have_put_in_order_first(tmp_path: Path) -> None:
    found = ahead(begin(tmp_path / "here", text_of(EXAMPLE)[0], Settings(strategy="sequential")), None)
    assert found is not None
    assert (found.items, found.per_item) == (44, 3)
    assert [(order.evaluator, order.ratings) for order in found.orders] == [("judge", 44), ("crowd", 22)]
