"""Experiments in which two outputs of an item stand side by side: what is refused, who meets whom, and the law of a verdict.

Stochastic assertions use fixed seeds and |z| <= 4 (6e-5 each if the seed were new).
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy import stats
from small_duels import CROWD, JUDGE, duelling
from small_scenario import small

from expsim_bayes.models import preference
from expsim_bayes.models._duel_priors import Priors
from expsim_bayes.models._duels import duels
from expsim_bayes.operating_characteristics import judges_floor
from expsim_bayes.scenario import Scenario, load
from expsim_bayes.simulate import (
    DuelWorld,
    Look,
    Plan,
    Streams,
    assign,
    draw_duel_world,
    operations_of,
    part_of,
    plan,
    prob_beats,
    ratings_of,
    story_of,
)
from expsim_bayes.simulate import duels as story
from expsim_bayes.simulate.assignment import pairs
from expsim_bayes.spending import nothing_spent, price_of_look, spend

Array = NDArray[Any]
SEED = 20_264
FIXED: dict[str, Any] = {"sequential": {"stopping": []}}


# -------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"score_range": [0, 5]}, r"score_range: is 0 to 5.*use \[0, 1\]"),
        ({"higher_is_better": False}, r"higher_is_better: is false.*leave it out"),
        ({"rate_prior": [2, 1]}, r"rate_prior: meets both sides.*leave it out"),
        ({"clip_to_range": True}, r"clip_to_range: meets both sides"),
        ({"items": {"sd": 0.1}}, r"items.sd: meets both sides"),
        ({"items": {"interaction_sd": 11}}, r"items.interaction_sd: 11 logits are beyond"),
        (
            {"variants": [{"name": "A", "quality": 0.5, "output_sd": 0.1}, {"name": "B", "quality": 0.5}]},
            r"variants.A.output_sd: meets both sides",
        ),
        ({"evaluators": [CROWD | {"severity_mean": 0.1}]}, r"evaluators.crowd.severity_mean: meets both"),
        ({"evaluators": [CROWD | {"severity_sd": 0.1}]}, r"evaluators.crowd.severity_sd: meets both"),
        ({"evaluators": [CROWD | {"taste_sd": 0.1}]}, r"evaluators.crowd.taste_sd: meets both"),
        ({"evaluators": [CROWD | {"opinion_sd": 0.1}]}, r"evaluators.crowd.opinion_sd: meets both"),
        ({"evaluators": [CROWD | {"shares": [0.5, 0.5]}]}, r"evaluators.crowd.shares: meets both"),
        ({"evaluators": [CROWD | {"noise_sd": 0.1}]}, r"evaluators.crowd.noise_sd: meets both"),
        ({"evaluators": [CROWD | {"scale_use": 0.9}]}, r"evaluators.crowd.scale_use: is 0.9, and quality is what crowd sees"),
        ({"evaluators": [JUDGE]}, r"evaluators.judge.scale_use: is 0.7"),
        ({"evaluators": [JUDGE | {"order": -12}, CROWD]}, r"evaluators.judge.order: 12 logits are beyond"),
        ({"evaluators": [JUDGE | {"shift": {"B": 12}}, CROWD]}, r"evaluators.judge.shift.B: 12 logits are beyond"),
        ({"evaluators": [JUDGE | {"order_sd": 0.2}, CROWD]}, r"order_sd needs raters of 2 or more"),
        ({"evaluators": [CROWD | {"ties": 0}]}, r"greater than 0"),
        ({"evaluators": [CROWD | {"ties": 1}]}, r"less than 1"),
        ({"assignment": "split"}, r'assignment: a comparison needs two outputs.*use "paired"'),
        (
            {"strategies": {"sequential": {"stopping": [], "assignment": "split"}}},
            r"strategies.sequential.assignment: a comparison needs two outputs",
        ),
        ({"variants_per_item": 3}, r"variants_per_item: is 3"),
        (
            {"strategies": {"sequential": {"stopping": [], "allocation": {"policy": "fixed", "weights": {"A": 1, "B": 2}}}}},
            r"allocation.weights: a fixed allocation takes all pairs",
        ),
        (
            {"rope": 0.1, "strategies": {"sequential": {"stopping": [{"rule": "inferiority"}, {"rule": "superiority"}]}}},
            r"strategies.sequential.stopping: inferiority drops.*probability_matching",
        ),
        ({"outputs_per_look": 25}, r"outputs_per_look: 25 cannot be shared out in 2s"),
    ],
)  # fmt: skip
def test_what_a_preference_does_not_have_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        duelling(**changes)


@pytest.mark.parametrize(
    ("qualities", "control", "says"),
    [
        ((0.55, 0.6), "A", r"quality of 'A' is 0.55.*that of the control itself is 0.5"),
        ((0.5, 1.0), "A", r"quality 1 of 'B' says that it always wins"),
        ((0.5, 0.0), "A", r"quality 0 of 'B' says that it always wins, or never"),
        ((0.5, 0.6), None, r"qualities average 0.55.*average 0.5"),
        ((0.9, 0.8, 0.15, 0.15), None, r"the weakest 2 cannot win so little \(0.15, 0.15\)"),
    ],
)
def test_qualities_that_no_abilities_give_are_refused(
    qualities: tuple[float, ...], control: str | None, says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        duelling(*qualities, control=control)


@pytest.mark.parametrize("key", ["order", "order_sd", "ties"])
def test_only_a_preference_has_sides(key: str) -> None:
    crowd = {"name": "crowd", "kind": "human", "usd_per_rating": 0.1, "noise_sd": 0.4, "raters": 3}
    with pytest.raises(ValidationError, match=rf"evaluators.crowd.{key}: belongs to outcome = \"preference\""):
        small(evaluators=[crowd | {key: 0.2}])


def test_beliefs_are_those_of_the_model() -> None:
    priors = Priors()
    assert duelling().sd_variant_belief == priors.sd_variant
    assert duelling(sd_variant=0.3).sd_variant_belief == 0.3
    assert priors.order == story.ORDER_BELIEF
    assert (priors.tie_mean, priors.tie_sd) == story.TIE_BELIEF
    assert preference.SHRINKS == story.SHRINKS


# ---------------------------------------------------------------------------------------------------- who meets whom


@pytest.mark.parametrize("n_variants", [2, 3, 4, 5, 6])
def test_pairs_are_even_at_every_moment(n_variants: int) -> None:
    met = pairs(n_variants, 300)
    every = list(combinations(range(n_variants), 2))
    counts = np.cumsum([[(i, j) == tuple(row) for i, j in every] for row in met.tolist()], axis=0)
    assert np.ptp(counts, axis=1).max() <= 1
    np.testing.assert_array_equal(np.concatenate([pairs(n_variants, 70), pairs(n_variants, 230, first_item=70)]), met)


@pytest.mark.parametrize("n_variants", [3, 4, 5])
@pytest.mark.parametrize(
    ("raters", "overlap"), [(1, 0.5), (2, 1.0), (3, 1.0), (5, 0.5), (6, 1.0), (6, 0.5), (10, 1 / 3)]
)
def test_every_rater_meets_every_pair_about_as_often(n_variants: int, raters: int, overlap: float) -> None:
    each = 60 * math.comb(n_variants, 2)
    outputs = 2 * round(raters * each / overlap)
    scenario = duelling(
        *[0.5] * n_variants, overlap=overlap, looks=1, outputs_per_look=outputs,
        evaluators=[JUDGE, {"name": "crowd", "kind": "human", "usd_per_rating": 0.1, "raters": raters}],
    )  # fmt: skip
    layout = plan(scenario, "sequential", 0)
    met = assign(scenario, "sequential", layout, np.full((1, n_variants), 0.5), Streams(1, 0, 1), look=0)[0]
    people = layout.evaluator == 1
    pair = (met[:, 0] * n_variants + met[:, 1])[layout.item[people]]
    counts = np.array(
        [
            [
                np.sum(pair[layout.rater[people] == r] == i * n_variants + j)
                for i, j in combinations(range(n_variants), 2)
            ]
            for r in range(1, raters + 1)
        ]
    )
    assert counts.sum() == people.sum()
    assert np.abs(counts - 60).max() <= 6


def test_a_comparison_is_one_rating_and_two_outputs() -> None:
    crowd = CROWD | {"ratings_per_output": 2}
    scenario = duelling(evaluators=[JUDGE, crowd], overlap=0.5, outputs_per_look=40)
    layout = plan(scenario, "sequential", 1)
    assert (layout.n_items, layout.n_slots, layout.first_item) == (20, 2, 20)
    assert np.bincount(layout.evaluator).tolist() == [20, 20]
    np.testing.assert_array_equal(layout.output, 2 * layout.item)
    by_people = layout.evaluator == 1
    assert all(np.unique(layout.rater[by_people & (layout.item == i)]).size == 2 for i in layout.item[by_people])
    streams = Streams(SEED, 0, 3)
    variant = assign(scenario, "sequential", layout, np.full((3, 2), 0.5), streams, look=1)
    told = story_of(scenario, streams).look(layout, variant, look=1)
    spent = spend(nothing_spent(scenario, 3), scenario, layout, variant, told)
    np.testing.assert_allclose(spent.ratings, [[20, 20]] * 3)
    np.testing.assert_allclose(spent.outputs, [[20, 20]] * 3)
    np.testing.assert_allclose(spent.usd_rating, [[0.2, 6.0]] * 3)
    np.testing.assert_allclose(spent.usd_generation, [[2.0, 2.0]] * 3)
    usd, ratings = price_of_look(scenario, layout)
    assert (round(usd, 9), ratings) == (10.2, 40)
    part = part_of(layout, last=10)
    assert np.bincount(part.evaluator).tolist() == [10, 10]


@pytest.mark.parametrize("strategy", ["sequential", "bandit"])
def test_two_different_variants_answer_an_item(strategy: Any) -> None:
    scenario = duelling(0.5, 0.6, 0.4, 0.55)
    layout, streams = plan(scenario, strategy, 0), Streams(SEED, 0, 50)
    best = np.tile([0.1, 0.2, 0.3, 0.4], (50, 1))
    variant = assign(scenario, strategy, layout, best, streams, look=0)
    assert variant.shape[1:] == (12, 2)
    assert (variant[..., 0] != variant[..., 1]).all()


# ------------------------------------------------------------------------------------------------ the law of a verdict


def weights(eta: float, nu: float) -> list[float]:
    """Davidson's three weights as shares, by the book."""
    of_left, of_right = math.exp(eta), 1.0
    parts = [of_left, nu * math.sqrt(of_left * of_right), of_right]
    return [part / sum(parts) for part in parts]


@pytest.mark.parametrize(
    ("ahead", "fit", "order", "sd_order", "ties"),
    [(0.4, 0.8, 0.3, 0.4, 0.3), (-1.5, 0.0, -0.9, 0.2, 0.03), (3.0, 2.0, 0.0, 0.0, 0.7), (0.5, 0.0, 1.0, 0.0, 0.16)],
)
def test_prob_beats_against_brute_force(ahead: float, fit: float, order: float, sd_order: float, ties: float) -> None:
    rng = np.random.default_rng(SEED)
    n = 400_000
    favour = order + sd_order * rng.normal(size=n)
    difference = ahead + fit * rng.normal(size=n) - fit * rng.normal(size=n)
    nu = 2 * ties / (1 - ties)
    points = np.zeros(n)
    for eta, mine in ((difference + favour, 0), (-difference + favour, 2)):
        total = np.exp(eta) + nu * np.exp(eta / 2) + 1
        shares = np.stack([np.exp(eta), nu * np.exp(eta / 2), np.ones(n)]) / total
        points += 0.5 * (shares[mine] + 0.5 * shares[1])
    found = float(prob_beats(ahead, fit, order, sd_order, math.log(nu)))
    assert abs(points.mean() - found) <= 4 * points.std() / math.sqrt(n) + 1e-9


@pytest.mark.parametrize("sd", [0.1, 1.0, 5.0, 14.0])
@pytest.mark.parametrize("log_nu", [-6.0, 0.0, 4.0])
def test_prob_beats_is_good_to_a_millionth(sd: float, log_nu: float) -> None:
    """Beside a quadrature of forty thousand points."""
    steps = np.linspace(-9, 9, 40_001)
    density = np.exp(-(steps**2) / 2)
    for ahead in (0.2, 2.0, 20.0):
        points = np.zeros_like(steps)
        for order in (0.8, -0.8):
            eta = np.clip(ahead + order + math.sqrt(2) * sd * steps, -300, 300)
            up, down = np.exp(eta / 2), np.exp(-eta / 2)
            points += 0.5 * (up + 0.5 * math.exp(log_nu)) / (up + math.exp(log_nu) + down)
        exact = float((points * density).sum() / density.sum())
        assert abs(float(prob_beats(ahead, sd, 0.8, 0.0, log_nu)) - exact) < 1e-6


def test_two_variants_share_a_comparison() -> None:
    ahead = np.linspace(-5, 5, 11)
    found = prob_beats(ahead, 1.2, 0.7, 0.3, [[-1.0], [2.0]])
    assert found.shape == (2, 11)
    np.testing.assert_allclose(found + found[:, ::-1], 1.0, atol=1e-12)
    assert (np.diff(found, axis=1) > 0).all()


def test_prob_beats_is_that_of_the_model() -> None:
    """`prob_beats` of the PyMC model, evaluated where its free variables are set."""
    import pytensor

    scenario = duelling(0.5, 0.7, 0.4, evaluators=[CROWD | {"ratings_per_output": 4}], looks=1, outputs_per_look=60)
    ratings = simulated(scenario, replications=1)
    model = preference.build_model(ratings)
    q = draw_duel_world(scenario, Streams(SEED, 0, 1)).q[0]
    given: dict[str, Any] = {
        "q": q, "sd_interaction": 0.8, "order_level": [0.1], "sd_order": [0.4], "log_nu_level": [math.log(0.6 / 0.7)], "sd_tie": [0.0],
        "sd_reliability": [0.0],
    }  # fmt: skip
    free = {model.named_vars[name]: value for name, value in given.items() if name in model.named_vars}
    assert {variable.name for variable in free} >= {
        "q",
        "sd_interaction",
        "order_level",
        "sd_order",
        "log_nu_level",
        "sd_tie",
    }
    quality = pytensor.function(list(free), model["quality"], on_unused_input="ignore")
    found = quality(*[np.asarray(value, dtype=float) for value in free.values()])
    np.testing.assert_allclose(found, [0.5, 0.7, 0.4], atol=2e-4)


@pytest.mark.parametrize(
    ("qualities", "control"),
    [
        ((0.5, 0.6), "A"),
        ((0.5, 0.97, 0.04, 0.5), "A"),
        ((0.6, 0.4), None),
        ((0.95, 0.54, 0.01), None),
        ((0.5,) * 5, None),
    ],
)
def test_abilities_give_the_declared_qualities(qualities: tuple[float, ...], control: str | None) -> None:
    scenario = duelling(*qualities, control=control)
    crowd = scenario.evaluators[1]
    found = story.declared_abilities(scenario)
    assert abs(found.sum()) < 1e-9
    beats = prob_beats(found[:, None] - found, 0.8, crowd.order, crowd.order_sd, math.log(0.6 / 0.7))
    n = len(qualities)
    won = beats[:, 0] if control else (beats.sum(axis=1) - 0.5) / (n - 1)
    np.testing.assert_allclose(won, qualities, atol=1e-9)


def test_equal_variants_without_a_control_win_half() -> None:
    equal = duelling(0.7, 0.3, control=None).without_difference()
    np.testing.assert_allclose(draw_duel_world(equal, Streams(1, 0, 2)).q, 0.0, atol=1e-12)
    assert [v.quality for v in equal.variants] == [0.5, 0.5]


def simulated(scenario: Scenario, *, replications: int, replication: int = 0, strategy: Any = "sequential") -> Any:
    """All looks of some replications as a table of one of them."""
    return ratings_of(scenario, played(scenario, Streams(SEED, 0, replications), strategy), replication=replication)


def played(scenario: Scenario, streams: Streams, strategy: Any = "sequential") -> list[tuple[Plan, Array, Look]]:
    """All looks, shared out as if nothing was learned."""
    told, kept = story_of(scenario, streams), []
    best = np.full((streams.stop - streams.start, len(scenario.variants)), 1.0 / len(scenario.variants))
    for look in range(scenario.looks):
        layout = plan(scenario, strategy, look)
        variant = assign(scenario, strategy, layout, best, streams, look=look)
        kept.append((layout, variant, told.look(layout, variant, look=look)))
    return kept


def test_people_find_the_declared_quality_in_a_simulation() -> None:
    """Shares won on new items by many new raters, each of whom tells little: quality, as declared."""
    crowd = CROWD | {"raters": 6_000}
    scenario = duelling(0.5, 0.7, 0.35, evaluators=[crowd], looks=1, outputs_per_look=12_000)
    (layout, variant, told), *_ = played(scenario, Streams(SEED, 0, 40))
    slot = variant[0][layout.item]
    assert told.swapped is not None
    first = np.where(told.swapped, 1 - told.score, told.score)  # points of slot 0
    for v, quality in ((1, 0.7), (2, 0.35)):
        met = (slot[:, 0] == 0) & (slot[:, 1] == v)
        won = 1 - first[:, met]
        assert met.sum() == 2_000
        assert abs(won.mean() - quality) <= 4 * won.std() / math.sqrt(won.size)


def test_a_look_follows_its_law_cell_by_cell() -> None:
    """Verdicts of a slow twin, which draws nothing: the chance of each outcome from what is true, comparison by comparison."""
    judge = JUDGE | {"shift_sd": 0.5, "ratings_per_output": 2}
    scenario = duelling(0.5, 0.7, 0.35, evaluators=[judge, CROWD], looks=1, items={"interaction_sd": 0.0})
    streams = Streams(SEED, 0, 3_000)
    told = story_of(scenario, streams)
    world, layout = told.truth, plan(scenario, "bandit", 0)
    assert isinstance(world, DuelWorld)
    variant = assign(scenario, "bandit", layout, np.full((3_000, 3), 1 / 3), streams, look=0)
    rated = told.look(layout, variant, look=0)
    assert rated.swapped is not None
    scale_use, ties = [0.7, 1.0], [0.05, 0.3]
    off = np.zeros((2, 3))
    variance = np.zeros((2, 3))
    for n in range(0, layout.item.size, 3):
        k, r, i = layout.evaluator[n], layout.rater[n], layout.item[n]
        nu = 2 * ties[k] / (1 - ties[k])
        for rep in range(3_000):
            left, right = (variant[rep, i, s] for s in ((1, 0) if rated.swapped[rep, n] else (0, 1)))
            eta = scale_use[k] * (world.q[rep, left] - world.q[rep, right])
            eta += world.shift[rep, k, left] - world.shift[rep, k, right] + world.order[rep, r]
            for at, (share, score) in enumerate(zip(weights(eta, nu), (1.0, 0.5, 0.0), strict=True)):
                off[k, at] += (rated.score[rep, n] == score) - share
                variance[k, at] += share * (1 - share)
    assert (np.abs(off) <= 4 * np.sqrt(variance)).all()
    assert abs(rated.swapped.mean() - 0.5) <= 4 * 0.5 / math.sqrt(rated.swapped.size)


def test_what_suits_an_item_is_shared_by_all_who_compare_it() -> None:
    """With differences between items far beyond everything else, judge and people agree on each item."""
    scenario = duelling(
        0.5, 0.5, evaluators=[JUDGE | {"order": 0.0}, CROWD | {"order": 0.0}], items={"interaction_sd": 10.0}, looks=1
    )
    (layout, _, told), *_ = played(scenario, Streams(SEED, 0, 400))
    assert told.swapped is not None
    first = np.where(told.swapped, 1 - told.score, told.score)
    by_judge, by_people = (first[:, layout.evaluator == k] for k in (0, 1))
    assert np.corrcoef(by_judge.ravel(), by_people.ravel())[0, 1] > 0.7
    spread = first[:, layout.evaluator == 0].mean()
    assert abs(spread - 0.5) < 0.05


def test_position_and_ties_are_as_declared() -> None:
    """Equal variants on equal items: shares of left, tie and right follow from order and ties alone."""
    equal = {
        "evaluators": [JUDGE | {"ties": 0.2, "order": 0.9, "ratings_per_output": 200}, CROWD],
        "items": {},
        "looks": 1,
    }
    (layout, _, told), *_ = played(duelling(0.5, 0.5, **equal), Streams(SEED, 0, 60))
    mine = told.score[:, layout.evaluator == 0]
    for score, share in zip((1.0, 0.5, 0.0), weights(0.9, 0.5), strict=True):
        assert abs((mine == score).mean() - share) <= 4 * math.sqrt(share * (1 - share) / mine.size)
    no_order = duelling(
        0.5, 0.5, **equal | {"evaluators": [JUDGE | {"ties": 0.2, "order": 0.0, "ratings_per_output": 200}, CROWD]}
    )
    (layout, _, told), *_ = played(no_order, Streams(SEED, 0, 60))
    mine = told.score[:, layout.evaluator == 0]
    assert abs((mine == 0.5).mean() - 0.2) <= 4 * 0.4 / math.sqrt(mine.size)
    assert (
        abs(story.log_nu_of(duelling().evaluators[0].model_copy(update={"ties": None})) - math.log(0.32 / 0.84)) < 1e-12
    )


def test_people_differ_in_their_favour_for_a_side() -> None:
    world = draw_duel_world(duelling(evaluators=[JUDGE, CROWD | {"raters": 400}]), Streams(SEED, 0, 100))
    assert (world.order[:, 0] == 0.6).all()
    own = world.order[:, 1:]
    assert abs(own.mean() - 0.1) <= 4 * 0.4 / math.sqrt(own.size)
    assert abs(own.std() - 0.4) <= 4 * 0.4 / math.sqrt(2 * own.size)


def test_the_prior_has_its_law() -> None:
    scenario = duelling(
        0.5, 0.6, 0.4, sd_variant=0.7, evaluators=[JUDGE | {"shift_sd": 0.3, "shift": {"B": 2.0}}, CROWD]
    )
    n = 4_000
    world = draw_duel_world(scenario, Streams(SEED, 0, n), truth="prior")

    def close(values: Array, mean: float, sd: float) -> bool:
        off, wide = abs(values.mean() - mean), abs(values.std() - sd)
        return bool(off <= 4 * sd / math.sqrt(values.size) and wide <= 4 * sd / math.sqrt(values.size))

    np.testing.assert_allclose(world.q.sum(axis=1), 0.0, atol=1e-12)
    assert close(world.q[:, 0], 0.0, 0.7 * math.sqrt(2 / 3))
    assert close(world.log_nu[:, 0], -1.0, 1.5)
    assert close(world.order[:, 0], 0.0, 0.7)
    assert close(world.order[:, 1], 0.0, math.hypot(0.7, 0.4))
    assert close(world.shift[:, 0], 0.0, 0.3)
    assert not world.shift[:, 1].any()
    assert (world.quality[:, 0] == 0.5).all()
    order = world.order[:3, 1:].mean(axis=1)
    assert np.ptp(order) > 0
    for v in (1, 2):
        assert np.array_equal(world.quality[:, v] > 0.5, world.q[:, v] > world.q[:, 0])
    free = draw_duel_world(scenario.model_copy(update={"control": None}), Streams(SEED, 0, 50), truth="prior")
    np.testing.assert_allclose(free.quality.mean(axis=1), 0.5, atol=1e-12)
    assert (free.quality.argsort(axis=1) == free.q.argsort(axis=1)).all()


def test_an_exact_posterior_is_calibrated_where_everything_is_drawn_from_the_prior() -> None:
    """Worth, order effect and ties on a grid, the fit to each item summed out; each truth lies anywhere within its posterior alike."""
    person = {"name": "one", "kind": "human", "usd_per_rating": 0.1, "ratings_per_output": 3}
    scenario = duelling(0.5, 0.5, evaluators=[person], looks=1, outputs_per_look=160, items={"interaction_sd": 1.5})
    streams, n = Streams(SEED, 0, 300), 300
    told = story_of(scenario, streams, truth="prior")
    world, layout = told.truth, plan(scenario, "sequential", 0)
    assert isinstance(world, DuelWorld)
    rated = told.look(layout, np.broadcast_to([0, 1], (1, 80, 2)), look=0)
    assert rated.swapped is not None

    stretch = math.sqrt(1 + 0.69 * 1.5**2)
    ahead, order, log_nu = np.linspace(-8, 8, 61), np.linspace(-2.4, 2.4, 25), np.linspace(-6, 4, 91)
    fit = np.linspace(-5, 5, 25)
    of_fit = np.exp(-(fit**2) / 2) / np.exp(-(fit**2) / 2).sum()
    eta = ahead[:, None, None, None] + math.sqrt(2) * 1.5 * fit
    grids = np.meshgrid(ahead / (stretch * math.sqrt(2)), order / 0.7, (log_nu + 1) / 1.5, indexing="ij")
    prior = -(np.stack(grids) ** 2).sum(axis=0).ravel() / 2
    nu = np.exp(log_nu)[None, None, :, None]
    cells = []  # chance of each verdict, the first on the left and on the right
    for sign in (1, -1):
        half = (sign * eta + order[None, :, None, None]) / 2
        parts = [np.exp(half), nu, np.exp(-half)]
        total = np.exp(half) + nu + np.exp(-half)
        cells += [np.broadcast_to(part / total, (61, 25, 91, 25)).reshape(-1, 25).astype(np.float32) for part in parts]
    code = (3 * rated.swapped + np.rint(2 - 2 * rated.score)).astype(int).reshape(n, 80, 3)
    code.sort(axis=2)
    patterns, which = np.unique(code.reshape(-1, 3), axis=0, return_inverse=True)
    counts = np.zeros((n, len(patterns)))
    np.add.at(counts, (np.repeat(np.arange(n), 80), which.ravel()), 1)
    log_chance = np.stack([np.log((cells[a] * cells[b] * cells[c]) @ of_fit) for a, b, c in patterns])
    truths = (stretch * (world.q[:, 0] - world.q[:, 1]), world.order[:, 0], world.log_nu[:, 0])
    found = []
    for r in range(n):
        log_density = counts[r] @ log_chance + prior
        density = np.exp(log_density - log_density.max()).reshape(61, 25, 91)
        for axis, (grid, truth) in enumerate(zip((ahead, order, log_nu), truths, strict=True)):
            marginal = density.sum(axis=tuple({0, 1, 2} - {axis}))
            below = np.cumsum(marginal) - marginal / 2  # of the middle of each step
            found.append(np.interp(truth[r], grid, below / marginal.sum()))
    ranks = np.array(found).reshape(n, 3)
    z = stats.norm.ppf(ranks)
    assert (stats.kstest(ranks, "uniform").pvalue > 1e-3).all()
    assert (np.abs(z.std(axis=0) - 1) <= 4 / math.sqrt(2 * n)).all()


@pytest.mark.parametrize("truth", ["declared", "prior"])
def test_the_same_seed_gives_the_same_numbers_for_any_cut(truth: Any) -> None:
    scenario = duelling(0.5, 0.6, 0.4, evaluators=[JUDGE | {"shift_sd": 0.3}, CROWD])
    layout, whole = plan(scenario, "bandit", 1), Streams(SEED, 0, 10)
    best = np.full((10, 3), 1 / 3)
    variant = assign(scenario, "bandit", layout, best, whole, look=1)
    together = story_of(scenario, whole, truth=truth)
    told = together.look(layout, variant, look=1)
    for start, stop in ((0, 3), (3, 10)):
        part = Streams(SEED, start, stop)
        own = assign(scenario, "bandit", layout, best[start:stop], part, look=1)
        alone = story_of(scenario, part, truth=truth)
        for name, value in alone.truth._asdict().items():
            np.testing.assert_allclose(value, getattr(together.truth, name)[start:stop], rtol=1e-12, atol=1e-15)
        found = alone.look(layout, own, look=1)
        np.testing.assert_array_equal(found.score, told.score[start:stop])
        assert found.swapped is not None
        assert told.swapped is not None
        np.testing.assert_array_equal(found.swapped, told.swapped[start:stop])


def test_a_judge_says_the_same_with_and_without_people() -> None:
    """Strategies and evaluators that are compared share random numbers."""
    both = duelling(0.5, 0.7, 0.4, evaluators=[JUDGE | {"shift_sd": 0.3}, CROWD])
    alone = both.rated_by("llm")
    assert [(e.name, e.scale_use) for e in alone.evaluators] == [("judge", 1.0)]
    people = alone.defines_quality
    assert (people.name, round(people.scale_use, 12)) == ("crowd", round(1 / 0.7, 12))
    assert alone.rated_by("llm").defines_quality == people
    assert both.rated_by("human").defines_quality == both.evaluators[1]
    world = draw_duel_world(alone, Streams(SEED, 0, 5))
    np.testing.assert_array_equal(world.quality[0], [0.5, 0.7, 0.4])
    judges = story.stretch(alone) * world.q
    np.testing.assert_allclose(judges, 0.7 * story.stretch(both) * draw_duel_world(both, Streams(SEED, 0, 5)).q)
    (layout, _, told), *_ = played(both, Streams(SEED, 0, 5))
    (_, _, of_judge), *_ = played(alone, Streams(SEED, 0, 5))
    np.testing.assert_array_equal(told.score[:, layout.evaluator == 0], of_judge.score)


# ------------------------------------------------------------------------------------------------- tables and the floor


def test_comparisons_of_one_experiment_are_a_table_that_the_model_takes() -> None:
    scenario = duelling(0.5, 0.6, 0.4, evaluators=[JUDGE | {"ratings_per_output": 2}, CROWD], outputs_per_look=120)
    kept = played(scenario, Streams(SEED, 0, 2), "bandit")
    ratings = ratings_of(scenario, kept, replication=1)
    table = ratings.table
    assert ratings.outcome == "comparison"
    assert (ratings.control, ratings.reference, ratings.variants) == ("A", "crowd", ("A", "B", "C"))
    assert ratings.notices == ()
    assert len(table) == 3 * 60 * 3
    assert set(table.columns) >= {
        "item",
        "variant_left",
        "variant_right",
        "rater",
        "outcome",
        "evaluator",
        "kind",
        "look",
    }
    layout, variant, told = kept[1]
    mine = table[table["look"] == 2]
    seen = sorted(
        zip(mine["item"], mine["rater"], mine["variant_left"], mine["variant_right"], mine["outcome"], strict=True)
    )
    assert told.swapped is not None
    raters = ["judge", "crowd 1", "crowd 2", "crowd 3", "crowd 4"]
    expected = []
    for n in range(layout.item.size):
        pair = ["ABC"[v] for v in variant[1, layout.item[n]]]
        left, right = pair[::-1] if told.swapped[1, n] else pair
        said = {1.0: "left", 0.5: "tie", 0.0: "right"}[told.score[1, n]]
        expected.append((f"item {61 + layout.item[n]:03d}", raters[layout.rater[n]], left, right, said))
    assert seen == sorted(expected)
    found = duels(ratings)
    assert found.count.sum() == len(table)
    assert found.present.interaction
    assert found.present.scale_use.tolist() == [False, True]  # crowd, judge
    assert len(operations_of(scenario, kept, replication=1)) == 3 * 120


def test_the_floor_of_judges_alone() -> None:
    """With endless comparisons a judge puts first what is best plus its taste, whatever the items."""
    judge = JUDGE | {"shift_sd": 0.4}
    scenario = duelling(0.5, 0.6, evaluators=[judge, CROWD])
    lead = np.diff(draw_duel_world(scenario, Streams(0, 0, 1)).q[0]).item()
    chance = 0.5 * math.erfc(-0.7 * math.sqrt(1 + 0.69 * 0.64) * lead / (math.sqrt(2) * 0.4) / math.sqrt(2))
    found = judges_floor(scenario)
    assert abs(found.value - chance) <= 4 * found.mcse


def test_the_ready_scenario_is_even() -> None:
    scenario = load("new-summariser")
    layout = plan(scenario, "sequential", 0)
    met = assign(scenario, "sequential", layout, np.full((1, 3), 1 / 3), Streams(1, 0, 1), look=0)[0]
    assert np.bincount(met[:, 0] * 3 + met[:, 1]).tolist() == [0, 24, 24, 0, 0, 24]
