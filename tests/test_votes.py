"""Stars and preferences from look to look: against exact posteriors, calibrated, and the same however replications are cut."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.special import expit, logit
from small_duels import CROWD, JUDGE, duelling
from small_podiums import CROWD as PANEL
from small_podiums import JUDGE as SORTER
from small_podiums import ranking
from star_scenario import STAR_CROWD, STAR_JUDGE, starry

from expsim_bayes.evaluators import Evaluator
from expsim_bayes.experiment import run
from expsim_bayes.models._duel_priors import Priors as DuelPriors
from expsim_bayes.models._star_priors import Priors as StarPriors
from expsim_bayes.simulate import Look, Streams, assign, plan, story_of
from expsim_bayes.simulate.duels import prob_beats, qualities
from expsim_bayes.simulate.podiums import ranking_eyes
from expsim_bayes.simulate.stars import expected_score
from expsim_bayes.votes.known import KnownVotes
from expsim_bayes.votes.modes import Modes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.models._recover import ComponentDraws
    from expsim_bayes.scenario import Scenario

    Floats = NDArray[np.float64]

KINDS = ["stars", "duels", "rankings"]
ONE = {"name": "one", "kind": "human", "usd_per_rating": 0.1}


def known_after(scenario: Scenario, streams: Streams, looks: int, truth: Any = "prior") -> tuple[KnownVotes, Any]:
    """What is known after some looks without a stop, and what is true."""
    n = streams.stop - streams.start
    known, story = KnownVotes.nothing(scenario, "sequential", n), story_of(scenario, streams, truth=truth)
    alike = np.full((n, len(scenario.variants)), 1 / len(scenario.variants))
    for look in range(looks):
        layout = plan(scenario, "sequential", look)
        variant = assign(scenario, "sequential", layout, alike, streams, look=look)
        known = known.after(layout, variant, story.look(layout, variant, look=look), np.arange(n))
    return known, story.truth


def seen(scenario: Scenario, score: list[float], swapped: list[bool] | None = None) -> KnownVotes:
    """What is known after one look with these votes."""
    layout = plan(scenario, "sequential", 0)
    variant = assign(scenario, "sequential", layout, np.full((1, 2), 0.5), Streams(0, 0, 1), look=0)
    sides = None if swapped is None else np.array([swapped])
    nothing = np.ones((1, scenario.outputs_per_look))
    look = Look(np.array([score]), nothing, nothing, np.zeros(1, dtype=np.intp), swapped=sides)
    return KnownVotes.nothing(scenario, "sequential", 1).after(layout, variant, look, np.arange(1))


def summary(weight: Floats, quality: Floats) -> tuple[float, float]:
    """Mean and SD."""
    mean = float((weight * quality).sum())
    return mean, float(np.sqrt((weight * (quality - mean) ** 2).sum()))


@pytest.mark.parametrize(
    ("first", "tied", "second"), [(0, 0, 5), (1, 1, 6), (4, 5, 7), (9, 6, 25)], ids=["0 of 5", "1 of 8", "4 of 16", "9 of 40"]
)  # fmt: skip
def test_a_few_comparisons_are_told_as_an_exact_posterior_tells_them(first: int, tied: int, second: int) -> None:
    told = [0] * first + [1] * tied + [2] * second
    swapped = [n % 3 == 0 for n in range(len(told))]
    score = [{0: 1.0, 1: 0.5, 2: 0.0}[2 - o if side else o] for o, side in zip(told, swapped, strict=True)]
    scenario = duelling(
        0.5, 0.5, evaluators=[ONE], looks=1, outputs_per_look=2 * len(told), items={"interaction_sd": 0.0}
    )
    known = seen(scenario, score, swapped)

    priors = DuelPriors()
    ahead, order, log_nu = np.meshgrid(
        np.linspace(-7, 7, 141), np.linspace(-2.8, 2.8, 41), np.linspace(-7, 5, 81), indexing="ij"
    )
    log = -(ahead**2) / (4 * priors.sd_variant**2) - (order / priors.order) ** 2 / 2
    log -= ((log_nu - priors.tie_mean) / priors.tie_sd) ** 2 / 2
    for o, side in zip(told, swapped, strict=True):
        half = (ahead + (-order if side else order)) / 2
        log += [half, log_nu, -half][o] - np.logaddexp(np.logaddexp(half, -half), log_nu)
    weight = np.exp(log - log.max()) / np.exp(log - log.max()).sum()
    share = np.zeros_like(ahead)
    for favour in (order, -order):
        win, tie, lose = np.exp((favour - ahead) / 2), np.exp(log_nu), np.exp((ahead - favour) / 2)
        share += (win + tie / 2) / (win + tie + lose) / 2
    mean, sd = summary(weight, share)
    quality, best = known.qualities(0), known.superiority(eligible=None).prob_best[0]
    assert abs(quality.mean[0, 1] - mean) < 0.1 * sd
    assert quality.sd[0, 1] == pytest.approx(sd, rel=0.12)
    assert best[1] == pytest.approx(float(weight[ahead < 0].sum() + weight[ahead == 0].sum() / 2), abs=0.02)


def test_a_few_stars_are_told_as_an_exact_posterior_tells_them() -> None:
    stars = [1, 3, 1, 2, 2, 3, 1, 3, 2, 2, 1, 3]  # A, B, A, B, ...
    scenario = starry(
        evaluators=[ONE], score_range=[1, 3], looks=1, outputs_per_look=12, items={},
        variants=[{"name": name, "quality": 2.0, "usd_per_call": 0.1} for name in "AB"],
    )  # fmt: skip
    known = seen(scenario, [float(s) for s in stars])
    priors, grid = StarPriors(), np.linspace(-5, 5, 41)
    found = []
    for lower, step in product(grid, np.linspace(0.02, 6, 60)):
        cut = np.array([lower, lower + step])
        log_prior = float(np.log(expit(cut) * expit(-cut)).sum())
        q = priors.sd_variant * np.linspace(-4, 4, 41)
        chance = np.diff(np.concatenate([np.zeros((41, 1)), expit(cut - q[:, None]), np.ones((41, 1))], axis=1))
        log = np.array(
            [
                np.log(chance[:, [s - 1 for s in stars[v::2]]]).sum(axis=1) - (q / priors.sd_variant) ** 2 / 2
                for v in (0, 1)
            ]
        )
        score = expected_score(q, cut, np.zeros(()), lowest=1)
        found.append((log_prior + log[0][:, None] + log[1][None], score))
    log = np.array([part for part, _ in found])
    weight = np.exp(log - log.max()) / np.exp(log - log.max()).sum()
    score = np.array([part for _, part in found])
    quality, best = known.qualities(0), known.superiority(eligible=None).prob_best[0]
    for v, table in enumerate(
        (np.broadcast_to(score[:, :, None], weight.shape), np.broadcast_to(score[:, None], weight.shape))
    ):
        mean, sd = summary(weight, table)
        assert abs(quality.mean[0, v] - mean) < 0.1 * sd
        assert quality.sd[0, v] == pytest.approx(sd, rel=0.1)
    better = np.triu(np.ones((41, 41)), 1) + np.eye(41) / 2
    assert best[1] == pytest.approx(float((weight * better).sum()), abs=0.02)


def test_a_few_rankings_are_told_as_an_exact_posterior_tells_them() -> None:
    """Three variants on four items that two people put in order: worth on a grid, how variants suit an item by points of their own."""
    people = ONE | {"raters": 2, "ratings_per_output": 2}
    scenario = ranking(
        evaluators=[people], components="given", looks=1, outputs_per_look=12, items={"interaction_sd": 0.9}
    )
    orders = np.array([[0, 1, 2], [1, 0, 2], [2, 0, 1], [1, 2, 0], [1, 0, 2], [1, 0, 2], [0, 1, 2], [1, 2, 0]])
    known = seen(scenario, (1.0 + orders.argsort(axis=1)).ravel().tolist())

    suits = 0.9 * np.random.default_rng(0).normal(size=(1_500, 3))
    first, second = (each.ravel()[:, None] for each in np.meshgrid(*[np.linspace(-5, 5, 45)] * 2, indexing="ij"))
    ahead = np.concatenate([np.zeros_like(first), first, second], axis=1)  # of the first variant
    precision = np.linalg.inv(np.array([[2.0, 1.0], [1.0, 2.0]]))
    log = -0.5 * np.einsum("gv,vw,gw->g", ahead[:, 1:], precision, ahead[:, 1:])
    for both in orders.reshape(4, 2, 3):
        of_item = np.zeros((len(log), len(suits)))
        for order in both:
            worth = np.exp(ahead[:, None, order] + suits[:, order])
            of_item += np.log(worth[..., 0] / worth.sum(axis=2)) + np.log(worth[..., 1] / worth[..., 1:].sum(axis=2))
        log += np.log(np.exp(of_item).mean(axis=1))
    weight = np.exp(log - log.max()) / np.exp(log - log.max()).sum()
    fit = np.sqrt(2.0) * 0.9 * np.linspace(-5, 5, 31)
    of_fit = np.exp(-0.5 * np.linspace(-5, 5, 31) ** 2)
    quality, best = known.qualities(0), known.superiority(eligible=None).prob_best[0]
    for v in (1, 2):
        share = expit(ahead[:, [v]] + fit) @ of_fit / of_fit.sum()
        mean, sd = summary(weight, share)
        assert abs(quality.mean[0, v] - mean) < 0.1 * sd
        assert quality.sd[0, v] == pytest.approx(sd, rel=0.1)
    leads = (ahead[:, 1] > np.maximum(ahead[:, 0], ahead[:, 2])) + 0.5 * (
        ahead[:, 1] == np.maximum(ahead[:, 0], ahead[:, 2])
    )
    assert best[1] == pytest.approx(float(weight @ leads), abs=0.02)


def given(kind: str) -> Scenario:
    """A scenario whose components the analysis knows."""
    if kind == "stars":
        plain = {"opinion_sd": 0.0}  # what the analysis takes for noise is none here
        return starry(components="given", evaluators=[STAR_JUDGE | plain, STAR_CROWD | plain], outputs_per_look=80)
    if kind == "rankings":
        return ranking(components="given", evaluators=[SORTER | {"shift_sd": 0.3}, PANEL], outputs_per_look=90)
    return duelling(
        0.5, 0.6, 0.4, components="given", evaluators=[JUDGE | {"shift_sd": 0.3}, CROWD], outputs_per_look=84
    )


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_with_given_components_what_is_known_is_calibrated(kind: str) -> None:
    n, scenario = 400, given(kind)
    known, truth = known_after(scenario, Streams(7, 0, n), looks=3)
    latents = known.latents()
    away = latents.mean - known.truth(truth)
    z = away / latents.sd
    assert (np.abs(z.std(axis=0) - 1) < 4 / np.sqrt(2 * n)).all()
    assert (np.abs(z.mean(axis=0)) < 4 / np.sqrt(n)).all()
    distance = np.einsum("rv,rvw,rw->r", away, latents.precision, away)
    assert distance.mean() == pytest.approx(away.shape[1], abs=4 * np.sqrt(2 * away.shape[1] / n))


def test_a_judge_who_is_moved_far_by_every_item_makes_nothing_too_sure() -> None:
    """Its rankings are all but decided by what suits the item, so that a few points over that would take them for clearer than they are."""
    sorter = SORTER | {"scale_use": 8.0, "shift_sd": 0.3}
    scenario = ranking(
        components="given", evaluators=[sorter, PANEL], items={"interaction_sd": 1.2}, outputs_per_look=180
    )
    known, truth = known_after(scenario, Streams(7, 0, 100), looks=2)
    latents = known.latents()
    z = (latents.mean - known.truth(truth)) / latents.sd
    assert (np.abs(z.std(axis=0) - 1) < 4 / np.sqrt(200)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_estimated_components_are_found_and_what_is_known_is_calibrated(kind: str) -> None:
    n, scenario = 200, given(kind).model_copy(update={"components": "estimated"})
    known, truth = known_after(scenario, Streams(8, 0, n), looks=3)
    latents = known.latents()
    z = (latents.mean - known.truth(truth)) / latents.sd
    assert (np.abs(z.std(axis=0) - 1) < 4.5 / np.sqrt(2 * n)).all()
    votes = known.votes
    sd = votes.unknown.components(known.axes.centre)
    assert np.median(sd.sd_interaction) == pytest.approx(scenario.items.interaction_sd, abs=0.4)
    assert np.median(sd.sd_item) == pytest.approx(scenario.items.sd, abs=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_any_cut_gives_the_same_numbers(kind: str) -> None:
    scenario = given(kind).model_copy(update={"components": "estimated", "outputs_per_look": 24})
    whole, _ = known_after(scenario, Streams(9, 0, 5), looks=2)
    parts = [known_after(scenario, Streams(9, *cut), looks=2)[0] for cut in ((0, 2), (2, 5))]
    for name in ("mean", "cov"):
        joined = np.concatenate([getattr(part.quality, name) for part in parts])
        np.testing.assert_allclose(getattr(whole.quality, name), joined, rtol=1e-9, atol=1e-12)
    kept = np.array([True, False, True, True, False])
    np.testing.assert_array_equal(whole.of(kept).qualities(0).mean, whole.qualities(0).mean[kept])


def some_modes(known: KnownVotes) -> tuple[Modes, ComponentDraws]:
    """Effects anywhere, and components."""
    rng = np.random.default_rng(3)
    unknown = known.votes.unknown
    at = known.votes.start() + 0.5 * rng.normal(size=(4, known.at.shape[1]))
    nothing = np.zeros(4)
    found = Modes(nothing, at, np.zeros((4, 1, 1)), nothing[:, None], nothing.astype(np.int64))
    return found, unknown.components(rng.normal(size=(4, len(unknown.unknown))))


@pytest.mark.parametrize("kind", KINDS)
def test_slopes_of_quality_are_those_of_differences(kind: str) -> None:
    known = KnownVotes.nothing(given(kind).model_copy(update={"components": "estimated"}), "sequential", 4)
    found, sd = some_modes(known)
    _, along = known.votes.quality(found, sd)
    for n in range(found.at.shape[1]):
        step = 1e-5 * np.eye(found.at.shape[1])[n]
        up, down = (known.votes.quality(found._replace(at=found.at + sign * step), sd)[0] for sign in (1, -1))
        np.testing.assert_allclose(along[:, :, n], (up - down) / 2e-5, atol=1e-6)


def test_quality_of_stars_is_what_the_simulator_means_by_it() -> None:
    known = KnownVotes.nothing(given("stars").model_copy(update={"components": "estimated"}), "sequential", 4)
    votes: Any = known.votes
    found, sd = some_modes(known)
    k, stretch = votes.present.reference, votes.tables(sd)[0].stretch
    for s in range(4):
        own = found.at[s, k * 4 : (k + 1) * 4]
        cut = stretch[s, k] * np.cumsum(np.r_[own[0], np.logaddexp(0.0, own[1:])])
        spread = np.sqrt(
            sd.sd_item[s] ** 2 + sd.sd_interaction[s] ** 2 + sd.sd_rater[s, k] ** 2 + sd.sd_taste[s, k] ** 2
        )
        q = votes.priors.sd_variant * found.at[s, votes.q]
        score = expected_score(q, cut, np.array(spread), lowest=1)
        np.testing.assert_allclose(expit(votes.quality(found, sd)[0][s]) * 4 + 1, score, atol=2e-3)


def test_quality_of_rankings_is_what_the_simulator_means_by_it() -> None:
    known = KnownVotes.nothing(given("rankings").model_copy(update={"components": "estimated"}), "sequential", 4)
    votes: Any = known.votes
    found, sd = some_modes(known)
    for s in range(4):
        crowd = Evaluator.model_validate(PANEL | {"taste_sd": float(sd.sd_taste[s, votes.present.reference])})
        eyes = ranking_eyes(crowd, float(sd.sd_interaction[s]))
        shares = qualities(votes.sd_variant * found.at[[s]][:, votes.q], eyes, 0)[0]
        np.testing.assert_allclose(expit(votes.quality(found, sd)[0][s]), shares, atol=2e-3)


def test_quality_of_comparisons_is_what_the_simulator_means_by_it() -> None:
    known = KnownVotes.nothing(given("duels").model_copy(update={"components": "estimated"}), "sequential", 4)
    votes: Any = known.votes
    found, sd = some_modes(known)
    k, priors = votes.present.reference, votes.priors
    theta = priors.sd_variant * votes.stretch(sd)[:, None] * found.at[:, votes.q]
    order = priors.order * found.at[:, votes.order[k]]
    log_nu = priors.tie_mean + priors.tie_sd * found.at[:, votes.tie[k]]
    share = [
        [
            prob_beats(theta[s, v] - theta[s, 0], sd.sd_interaction[s], order[s], sd.sd_rater[s, k], log_nu[s])
            for v in range(3)
        ]
        for s in range(4)
    ]
    np.testing.assert_allclose(
        votes.quality(found, sd)[0], logit(np.array(share, dtype=float).reshape(4, 3)), atol=1e-4
    )


@pytest.mark.parametrize("scenario", [starry(), duelling(0.5, 0.75)], ids=["stars", "duels"])
@pytest.mark.parametrize("strategy", ["sequential", "bandit"])
def test_an_experiment_runs_to_its_end_and_launches_what_is_better(scenario: Scenario, strategy: Any) -> None:
    longer = scenario.model_copy(update={"looks": 5, "outputs_per_look": 48})
    result = run(longer, strategy=strategy, replications=40, random_seed=2)
    launched = result["launched"].to_numpy()
    assert (launched == 1).mean() > 0.6
    assert (launched == 0).mean() < 0.15


def test_items_that_are_alike_are_counted_and_tell_what_they_tell_one_by_one() -> None:
    scenario, streams = duelling(0.5, 0.6, evaluators=[JUDGE, CROWD], outputs_per_look=48), Streams(11, 0, 120)
    together, _ = known_after(scenario, streams, looks=3)
    assert together.rows is not None
    counts = together.rows.weight
    assert counts.max() > 1
    np.testing.assert_array_equal(counts.sum(axis=1), 72)
    for r in range(5):
        alone, _ = known_after(scenario, Streams(11, r, r + 1), looks=3)
        assert alone.rows is not None
        assert alone.rows.weight.shape == (1, 72)
        np.testing.assert_allclose(alone.quality.mean[0], together.quality.mean[r], atol=1e-6)
        np.testing.assert_allclose(alone.quality.cov[0], together.quality.cov[r], atol=1e-6)


def test_without_a_control_what_is_known_is_calibrated() -> None:
    scenario = duelling(
        0.5, 0.6, 0.4, control=None, components="given", evaluators=[JUDGE | {"shift_sd": 0.3}, CROWD], outputs_per_look=84
    )  # fmt: skip
    known, truth = known_after(scenario, Streams(12, 0, 300), looks=2)
    latents = known.latents()
    assert latents.mean.shape[1] == len(known.names()) == 2
    away = latents.mean - known.truth(truth)
    distance = np.einsum("rv,rvw,rw->r", away, latents.precision, away)
    assert distance.mean() == pytest.approx(2, abs=4 * np.sqrt(4 / 300))


def test_judges_alone_are_known_on_the_scale_of_the_one_that_defines_quality() -> None:
    judges = [
        STAR_JUDGE | {"name": name, "opinion_sd": 0.0, "shares": shares}
        for name, shares in (("zeta", [0.4, 0.3, 0.1, 0.1, 0.1]), ("alpha", None))
    ]
    scenario = starry(components="given", evaluators=judges, outputs_per_look=200)
    known, truth = known_after(scenario, Streams(13, 0, 300), looks=2)
    latents = known.latents()
    z = (latents.mean - known.truth(truth)) / latents.sd
    assert (np.abs(z.std(axis=0) - 1) < 4 / np.sqrt(600)).all()


def test_with_one_output_an_item_what_varies_between_outputs_is_known() -> None:
    scenario = starry(
        components="given", assignment="split", items={"sd": 0.0, "interaction_sd": 1.5}, overlap=1.0, outputs_per_look=60,
        evaluators=[STAR_JUDGE | {"opinion_sd": 0.0}, STAR_CROWD | {"opinion_sd": 0.0}],
    )  # fmt: skip
    known, truth = known_after(scenario, Streams(14, 0, 300), looks=2)
    latents = known.latents()
    z = (latents.mean - known.truth(truth)) / latents.sd
    assert (np.abs(z.std(axis=0) - 1) < 4 / np.sqrt(600)).all()


def test_before_any_look_there_is_the_prior() -> None:
    scenario = duelling(0.5, 0.6, evaluators=[ONE], items={"interaction_sd": 0.0}, sd_variant=0.2, components="given")
    known = KnownVotes.nothing(scenario, "sequential", 2)
    truth = story_of(scenario, Streams(15, 0, 20_000), truth="prior").truth
    quality = known.qualities(0)
    np.testing.assert_allclose(quality.mean, 0.5, atol=1e-6)
    assert quality.sd[0, 0] == pytest.approx(0.0, abs=1e-9)
    assert quality.sd[1, 1] == pytest.approx(float(truth.quality[:, 1].std()), rel=0.2)


def test_a_large_second_look_is_followed_as_far_as_it_goes() -> None:
    scenario = starry(first_look_outputs=12, outputs_per_look=480, looks=2)
    known, truth = known_after(scenario, Streams(16, 0, 60), looks=2)
    latents = known.latents()
    z = (latents.mean - known.truth(truth)) / latents.sd
    assert (np.abs(z.std(axis=0) - 1) < 4.5 / np.sqrt(120)).all()
