"""Stars made up from a scenario: held against integrals, brute force and a slow twin that share nothing with the fast code.

Stochastic assertions use fixed seeds and |z| <= 4 (6e-5 each if the seed were new).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counted_scenario import PLAIN_TEST, counted
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy import integrate, stats
from scipy.special import expit
from small_scenario import JUDGE, small, variants
from star_scenario import STAR_CROWD, STAR_JUDGE, starry
from typer.testing import CliRunner

from expsim_bayes.cli.app import app
from expsim_bayes.models import _stars
from expsim_bayes.models.ordinal import Priors
from expsim_bayes.operating_characteristics import judges_floor
from expsim_bayes.ratings import code
from expsim_bayes.readers import read, to_csv
from expsim_bayes.scenario import Scenario, load
from expsim_bayes.simulate import (
    Look,
    Plan,
    StarWorld,
    Streams,
    assign,
    draw_star_world,
    draw_stars,
    expected_score,
    plan,
    ratings_of,
    story_of,
)
from expsim_bayes.simulate.stars import cutpoints, latent_of, points_a_logit, slope, spread

Array = NDArray[Any]
SEED = 20_267


# -------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"score_range": [0.5, 5]}, r"score_range: is 0.5 to 5, .*2 to 20 steps of whole points; use \[1, 5\]"),
        ({"score_range": [1, 21]}, r"score_range: is 1 to 21"),
        ({"score_range": [0, 100]}, r"score_range: is 0 to 100.*outcome = \"score\""),
        ({"clip_to_range": True}, r"clip_to_range: steps never lie beyond the scale.*leave it out"),
        ({"rate_prior": [2, 1]}, r"rate_prior: belongs to outcome = \"binary\""),
        ({"variants": variants(3.0, 5.0)}, r"variants.B.quality: 5 is too near an end.*within 1.01 to 4.99"),
        ({"variants": variants(1.005, 3.0)}, r"variants.A.quality: 1.005 is too near an end"),
        ({"evaluators": [STAR_JUDGE | {"noise_sd": 0.5}]}, r"evaluators.judge.noise_sd: .*logistic.*leave it out"),
        (
            {"evaluators": [STAR_JUDGE | {"shares": [0.5, 0.5]}]},
            r"evaluators.judge.shares: has 2 shares and the scale 5",
        ),
        (
            {"evaluators": [STAR_JUDGE | {"shares": [0.0, 0.2, 0.3, 0.3, 0.2]}]},
            r"evaluators.judge.shares: every step needs a share above 0",
        ),
        (
            {"evaluators": [STAR_JUDGE | {"shares": [0.1, 0.2, 0.3, 0.3, 0.2]}]},
            r"evaluators.judge.shares: add up to 1.1; make them add up to 1",
        ),
    ],
)
def test_what_stars_do_not_have_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        starry(**changes)


def test_shares_belong_to_stars_alone() -> None:
    with pytest.raises(ValidationError, match=r"evaluators.judge.shares: belongs to outcome = \"ordinal\""):
        small(evaluators=[JUDGE | {"shares": [0.5, 0.5]}])
    with pytest.raises(ValidationError, match=r"evaluators.test.shares: is not modelled"):
        counted(evaluators=[PLAIN_TEST | {"shares": [0.5, 0.5]}])


def test_what_is_taken_unless_told() -> None:
    assert starry().components == "estimated"
    assert starry(components="given").components == "given"
    assert small().components == "given"
    assert starry().sd_variant_belief == Priors().sd_variant
    assert starry(sd_variant=0.4).sd_variant_belief == 0.4
    assert starry(score_range=[0, 1], variants=variants(0.4, 0.6), evaluators=[STAR_CROWD]).outcome == "ordinal"


# ------------------------------------------------------------------------------------- expected scores and cutpoints


def by_quadrature(mean: float, cutpoint: Array, sd: float, lowest: float) -> float:
    """Expected score, one cutpoint after the other, by adaptive quadrature."""
    total = lowest
    for cut in cutpoint:
        if sd == 0:
            total += expit(mean - cut)
            continue
        middle = (cut - mean) / sd
        total += integrate.quad(
            lambda z, cut=cut: expit(mean + sd * z - cut) * stats.norm.pdf(z),
            -12, 12, points=[float(np.clip(middle, -11, 11))], epsabs=1e-13, epsrel=1e-13, limit=400,
        )[0]  # fmt: skip
    return float(total)


@pytest.mark.parametrize("sd", [0.0, 0.3, 1.4, 1.5, 4.0, 12.0])
def test_expected_scores_are_integrals(sd: float) -> None:
    cutpoint, q = np.array([-2.0, -1.9, 0.5, 4.0]), np.array([-3.0, 0.0, 0.7, 6.0])
    found = expected_score(q, cutpoint, np.array(sd), lowest=2.0)
    np.testing.assert_allclose(found, [by_quadrature(m, cutpoint, sd, 2.0) for m in q], atol=1e-10)
    step = 1e-5
    up, down = (expected_score(q + side, cutpoint, np.array(sd), lowest=2.0) for side in (step, -step))
    np.testing.assert_allclose(slope(q, cutpoint, np.array(sd)), (up - down) / (2 * step), atol=1e-8)


def test_expected_scores_of_many_replications_are_those_of_each() -> None:
    rng = np.random.default_rng(3)
    q, sd = rng.normal(size=(5, 2, 3)), rng.uniform(0, 3, (5, 2))
    cutpoint = np.sort(rng.normal(size=(5, 2, 4)), axis=-1)
    found = expected_score(q, cutpoint, sd, lowest=0.0)
    for at in np.ndindex(5, 2):
        alone = expected_score(q[at], cutpoint[at], sd[at], lowest=0.0)
        np.testing.assert_allclose(found[at], alone, atol=1e-11)
        np.testing.assert_allclose(latent_of(alone, cutpoint[at], sd[at], lowest=0.0), q[at], atol=1e-9)
    np.testing.assert_allclose(latent_of(found, cutpoint, sd, lowest=0.0), q, atol=1e-9)


def test_cutpoints_give_the_shares_of_the_steps() -> None:
    """Without variance exactly, with it nearly: that is what the stretch is for."""
    shares = np.array([0.05, 0.15, 0.4, 0.3, 0.1])
    at_rest = cutpoints(shares, np.array(0.0))
    np.testing.assert_allclose(np.diff(expit(at_rest), prepend=0, append=1), shares, atol=1e-12)
    rng = np.random.default_rng(SEED)
    for sd in (0.5, 1.5, 3.0):
        latent = rng.normal(0, sd, 1_000_000) + rng.logistic(size=1_000_000)
        without = np.bincount(np.digitize(latent, at_rest)) / latent.size
        assert sd < 3 or abs(without - shares).max() > 0.1
        step = np.digitize(latent, cutpoints(shares, np.array(sd**2)))
        np.testing.assert_allclose(np.bincount(step) / step.size, shares, atol=0.035)
    tiny = cutpoints(np.array([1e-300, 1.0, 1e-300]), np.array(0.0))
    assert np.isfinite(tiny).all()
    assert tiny[0] == -tiny[1]


# ------------------------------------------------------------------------------------------------------ what is true


def test_declared_qualities_are_what_the_reference_is_expected_to_give() -> None:
    varied = variants(1.02, 3.3, 4.9)
    varied[1]["output_sd"] = 1.5
    scenario = starry(variants=varied, evaluators=[STAR_JUDGE, STAR_CROWD | {"shares": [0.3, 0.1, 0.1, 0.2, 0.3]}])
    world = draw_star_world(scenario, Streams(SEED, 0, 3))
    assert world.quality.tolist() == [[1.02, 3.3, 4.9]] * 3
    for v, output_sd in enumerate((0.2, 1.5, 0.2)):
        sd = np.sqrt(0.9**2 + 0.5**2 + output_sd**2 + 0.8**2 + 0.3**2 + 0.5**2)
        found = by_quadrature(world.q[0, v], world.cutpoint[0, 1], sd, 1.0)
        assert found == pytest.approx(scenario.variants[v].quality, abs=1e-9)


def test_declared_quality_is_the_mean_of_millions_of_ratings() -> None:
    """Each by a new person of a new output of a new item, written from the story alone."""
    scenario = starry()
    world = draw_star_world(scenario, Streams(SEED, 0, 1))
    rng, n = np.random.default_rng(SEED), 2_000_000
    for v, quality in enumerate((3.0, 3.6)):
        item, suits, output = (sd * rng.standard_normal(n) for sd in (0.9, 0.5, 0.2))
        severity, taste, opinion = (sd * rng.standard_normal(n) for sd in (0.8, 0.3, 0.5))
        heard = world.q[0, v] + item + suits + output + severity + taste + opinion + rng.logistic(size=n)
        stars = 1.0 + (heard[:, None] > world.cutpoint[0, 1]).sum(axis=1)
        assert abs(stars.mean() - quality) <= 4 * stars.std() / np.sqrt(n)


def test_cutpoints_of_each_evaluator_are_those_of_its_shares() -> None:
    """The formula of the model, number by number."""
    world = draw_star_world(starry(), Streams(SEED, 0, 2))
    worth = 0.9**2 + 0.5**2 + 0.2**2
    for k, shares, variance, generosity in (
        (0, [0.1, 0.2, 0.4, 0.2, 0.1], 1.5**2 * worth + 0.6**2, -0.4),
        (1, [0.2] * 5, worth + 0.8**2 + 0.3**2 + 0.5**2, 0.0),
    ):
        below = np.cumsum(shares)[:-1]
        expected = np.sqrt(1 + 3 * variance / np.pi**2) * np.log(below / (1 - below)) - generosity
        np.testing.assert_allclose(world.cutpoint[:, k], [expected] * 2, atol=1e-9)


def test_variants_are_the_same_whoever_rates_them() -> None:
    scenario = starry(evaluators=[STAR_JUDGE | {"shift": {"B": 0.7}}, STAR_CROWD])
    whole, judges, people = (
        draw_star_world(scenario.rated_by(who), Streams(SEED, 0, 4)) for who in ("both", "llm", "human")
    )
    for some, k, raters in ((judges, [0], [0]), (people, [1], [1, 2, 3, 4])):
        np.testing.assert_array_equal(some.q, whole.q)
        np.testing.assert_array_equal(some.quality, whole.quality)
        np.testing.assert_array_equal(some.cutpoint, whole.cutpoint[:, k])
        np.testing.assert_array_equal(some.shift, whole.shift[:, k])
        np.testing.assert_array_equal(some.severity, whole.severity[:, raters])
    assert (whole.shift[:, 0, 1] == 0.7).all()
    assert whole.shift[:, 0, 0].std() > 0
    equal = draw_star_world(scenario.without_difference().rated_by("llm"), Streams(SEED, 0, 1))
    assert equal.q[0, 0] == equal.q[0, 1]
    assert (equal.quality == 3.0).all()


def test_truth_of_the_prior_has_its_laws() -> None:
    scenario, n = starry(sd_variant=0.6), 4_000
    world = draw_star_world(scenario, Streams(SEED, 0, n), truth="prior")
    for v in range(2):
        assert stats.kstest(world.q[:, v] / 0.6, "norm").pvalue > 1e-3
    variance = [1.5**2 * (0.9**2 + 0.5**2 + 0.2**2) + 0.6**2, 0.9**2 + 0.5**2 + 0.2**2 + 0.8**2 + 0.3**2 + 0.5**2]
    for k in range(2):
        below = expit(world.cutpoint[:, k] / np.sqrt(1 + 3 * variance[k] / np.pi**2))
        shares = np.diff(below, prepend=0, append=1, axis=1)
        for c in range(5):  # each share of a Dirichlet(1, ..., 1) of five is a Beta(1, 4)
            assert stats.kstest(shares[:, c], stats.beta(1, 4).cdf).pvalue > 1e-3
        correlation = np.corrcoef(shares[:, 0], shares[:, 3])[0, 1]
        assert abs(correlation - (-0.25)) < 4 / np.sqrt(n)
    for r in range(5):
        for v in range(2):
            found = by_quadrature(world.q[r, v], world.cutpoint[r, 1], np.sqrt(variance[1]), 1.0)
            assert world.quality[r, v] == pytest.approx(found, abs=1e-9)


def test_a_judge_alone_defines_quality_by_its_use_of_the_scale() -> None:
    judge = STAR_JUDGE | {"severity_mean": 0.0}
    for truth in ("declared", "prior"):
        scenario = starry(evaluators=[judge])
        world = draw_star_world(scenario, Streams(SEED, 0, 1), truth=truth)
        sd = np.sqrt(1.5**2 * (0.9**2 + 0.5**2 + 0.2**2) + 0.6**2)
        for v in range(2):
            found = by_quadrature(1.5 * world.q[0, v], world.cutpoint[0, 0], sd, 1.0)
            assert world.quality[0, v] == pytest.approx(found, abs=1e-9)


# ------------------------------------------------------------------------------------------------------------- looks


def one_look(
    scenario: Scenario, replications: int, *, start: int = 0, look: int = 0
) -> tuple[StarWorld, Plan, Array, Look]:
    """World, plan, variants and stars of one look of the fixed design."""
    streams = Streams(SEED, start, start + replications)
    world = draw_star_world(scenario, streams)
    who_rates = plan(scenario, "sequential", look)
    alike = np.full((replications, len(scenario.variants)), 1 / len(scenario.variants))
    variant = assign(scenario, "sequential", who_rates, alike, streams, look=look)
    return world, who_rates, variant, draw_stars(scenario, who_rates, world, variant, streams, look=look)


def twin(scenario: Scenario, cut: Array, q: Array, who_rates: Plan, replications: int) -> Array:
    """(replication, rating) stars of the paired design, one experiment, item and rating after the other."""
    rng = np.random.default_rng(11)
    judge, crowd = scenario.evaluators
    found = np.empty((replications, who_rates.item.size))
    for r in range(replications):
        shift = {v: judge.shift_sd * rng.standard_normal() for v in range(2)}
        severity = {j: crowd.severity_sd * rng.standard_normal() for j in range(1, 4)}
        taste = {(j, v): crowd.taste_sd * rng.standard_normal() for j in range(1, 4) for v in range(2)}
        item: dict[int, float] = {}
        cell: dict[tuple[int, int], float] = {}
        opinion: dict[tuple[int, int, int], float] = {}
        for n in range(who_rates.item.size):
            i, j = int(who_rates.item[n]), int(who_rates.rater[n])
            v = int(who_rates.output[n]) % 2
            item.setdefault(i, scenario.items.sd * rng.standard_normal())
            if (i, v) not in cell:
                suits = scenario.items.interaction_sd * rng.standard_normal()
                cell[i, v] = suits + scenario.variants[v].output_sd * rng.standard_normal()
            who = judge if j == 0 else crowd
            opinion.setdefault((j, i, v), who.opinion_sd * rng.standard_normal())
            eta = who.scale_use * (q[v] + item[i] + cell[i, v]) + opinion[j, i, v]
            eta += shift[v] if j == 0 else severity[j] + taste[j, v]
            u = rng.random()
            below = 1 / (1 + np.exp(-(cut[0 if j == 0 else 1] - eta)))
            found[r, n] = 1 + (u > below).sum()
    return found


def test_the_law_of_a_look_is_that_of_a_slow_twin() -> None:
    """Steps of every evaluator and variant, and how any two ratings of a look go together."""
    asked_twice = [
        STAR_JUDGE | {"ratings_per_output": 2},
        STAR_CROWD | {"raters": 3, "ratings_per_output": 4, "taste_sd": 0.8},
    ]
    scenario = starry(outputs_per_look=8, evaluators=asked_twice, overlap=1.0)
    world, who_rates, _, rated = one_look(scenario, 40_000)
    slow = twin(scenario, world.cutpoint[0], world.q[0], who_rates, 4_000)
    fast = rated.score
    for k in range(2):
        for v in range(2):
            mine = (who_rates.evaluator == k) & (who_rates.output % 2 == v)
            for step in range(1, 6):
                a, b = ((x[:, mine] == step).mean(axis=1) for x in (fast, slow))
                error = np.hypot(a.std() / np.sqrt(a.size), b.std() / np.sqrt(b.size))
                assert abs(a.mean() - b.mean()) <= 4 * error, (k, v, step)
    centred = [x - x.mean(axis=0) for x in (fast, slow)]
    kinds: dict[tuple[object, ...], list[tuple[int, int]]] = {}
    for m in range(who_rates.item.size):
        for n in range(m):
            kinds.setdefault(
                (
                    tuple(sorted((int(who_rates.evaluator[m]), int(who_rates.evaluator[n])))),
                    who_rates.item[m] == who_rates.item[n],
                    who_rates.output[m] % 2 == who_rates.output[n] % 2,
                    who_rates.rater[m] == who_rates.rater[n],
                ),
                [],
            ).append((m, n))
    assert len(kinds) > 10
    for kind, pairs in kinds.items():
        left, right = (np.array(side) for side in zip(*pairs, strict=True))
        a, b = ((x[:, left] * x[:, right]).mean(axis=1) for x in centred)
        error = np.hypot(a.std() / np.sqrt(a.size), b.std() / np.sqrt(b.size))
        assert abs(a.mean() - b.mean()) <= 4 * error, kind


def test_shares_of_the_steps_are_integrals() -> None:
    """Of every evaluator and variant over new items, raters and tastes."""
    scenario = starry(outputs_per_look=16, overlap=1.0)
    world, who_rates, _, rated = one_look(scenario, 20_000)
    worth = 0.9**2 + 0.5**2 + 0.2**2
    spreads = (np.sqrt(1.5**2 * worth + 0.6**2 + 0.5**2), np.sqrt(worth + 0.8**2 + 0.3**2 + 0.5**2))
    for k, scale in enumerate((1.5, 1.0)):
        for v in range(2):
            mine = (who_rates.evaluator == k) & (who_rates.output % 2 == v)
            for c, cut in enumerate(world.cutpoint[0, k]):
                above = (rated.score[:, mine] > 1 + c).mean(axis=1)
                exact = by_quadrature(scale * world.q[0, v], np.array([cut]), float(spreads[k]), 0.0)
                assert abs(above.mean() - exact) <= 4 * above.std() / np.sqrt(above.size)


def test_noise_of_every_rating_is_its_own() -> None:
    """Where nothing is shared, no two ratings go together: of two evaluators, of two outputs, of two looks."""
    alike = {"kind": "llm", "usd_per_rating": 0.1}
    scenario = starry(
        items={}, variants=[{"name": n, "quality": 3.0} for n in "AB"], outputs_per_look=4,
        evaluators=[alike | {"name": "one"}, alike | {"name": "two"}],
    )  # fmt: skip
    n = 40_000
    looks = np.concatenate([one_look(scenario, n, look=look)[3].score for look in range(2)], axis=1)
    correlation = np.corrcoef(looks.T)
    assert abs(correlation[~np.eye(16, dtype=bool)]).max() <= 4.5 / np.sqrt(n)


def test_stars_are_steps_of_the_scale() -> None:
    scenario = starry(score_range=[0, 3], variants=variants(1.0, 2.0), evaluators=[STAR_CROWD])
    rated = one_look(scenario, 200)[3]
    assert set(np.unique(rated.score)) == {0.0, 1.0, 2.0, 3.0}
    assert not rated.n_clipped.any()


@pytest.mark.parametrize("truth", ["declared", "prior"])
def test_replications_are_the_same_in_any_company(truth: Any) -> None:
    scenario = starry(evaluators=[STAR_JUDGE | {"ratings_per_output": 2}, STAR_CROWD])
    variant = np.arange(2)[None, None].repeat(12, axis=1)

    def told(start: int, stop: int) -> tuple[Array, ...]:
        story = story_of(scenario, Streams(SEED, start, stop), truth=truth)
        looks = [story.look(plan(scenario, "sequential", n), variant, look=n) for n in range(2)]
        return (*story.truth, *(look.score for look in looks))

    whole = told(0, 9)
    parts = [told(start, stop) for start, stop in ((0, 2), (2, 3), (3, 9))]
    for n, together in enumerate(whole):
        np.testing.assert_allclose(np.concatenate([part[n] for part in parts]), together, rtol=1e-12)
    assert not np.array_equal(whole[-1], whole[-2])


def test_a_judge_gives_the_same_stars_whether_people_take_part_or_not() -> None:
    scenario = starry()
    _, who_rates, _, rated = one_look(scenario, 5)
    _, _, _, alone = one_look(scenario.rated_by("llm"), 5)
    np.testing.assert_array_equal(rated.score[:, who_rates.evaluator == 0], alone.score)


# ------------------------------------------------------------------------------------- what comes of it elsewhere


def test_the_model_of_stars_takes_the_table(tmp_path: Path) -> None:
    scenario = starry()
    _, who_rates, variant, rated = one_look(scenario, 2)
    table = ratings_of(scenario, [(who_rates, variant, rated)], replication=1)
    assert table.score_range == (1.0, 5.0)
    assert table.control == "A"
    seen = _stars.stars(table)
    assert seen.steps.tolist() == [1, 2, 3, 4, 5]
    assert seen.count.sum() == rated.score.shape[1]
    np.testing.assert_array_equal(seen.count.sum(axis=0), [(rated.score[1] == c).sum() for c in range(1, 6)])
    assert seen.present.reference == code(table).evaluators.index("crowd")
    to_csv(table, tmp_path / "ratings.csv")
    again = _stars.stars(read(tmp_path / "ratings.csv", score_range=(1, 5)))
    np.testing.assert_array_equal(again.count, seen.count)


def test_points_of_a_logit_are_those_of_the_reference() -> None:
    scenario = starry()
    world = draw_star_world(scenario, Streams(SEED, 0, 1))
    sd = np.sqrt(0.9**2 + 0.5**2 + 0.2**2 + 0.8**2 + 0.3**2 + 0.5**2)
    np.testing.assert_allclose(spread(scenario, scenario.evaluators[1]), sd)
    up, down = (
        [by_quadrature(world.q[0, v] + side, world.cutpoint[0, 1], sd, 1.0) for v in range(2)] for side in (1e-4, -1e-4)
    )
    assert points_a_logit(scenario, scenario.evaluators[1]) == pytest.approx(
        np.mean(np.subtract(up, down)) / 2e-4, abs=1e-6
    )


def test_the_floor_of_the_judge_is_that_of_its_taste() -> None:
    """One judge, two variants: endless ratings show lambda (q_B - q_A) + d_B - d_A."""
    scenario = starry()
    world = draw_star_world(scenario, Streams(0, 0, 1))
    lead = 1.5 * (world.q[0, 1] - world.q[0, 0])
    exact = stats.norm.cdf(lead / (0.5 * np.sqrt(2)))
    found = judges_floor(scenario)
    assert abs(found.value - exact) <= 4 * found.mcse


def test_a_scenario_of_stars_is_shown_in_its_units() -> None:
    shown = CliRunner().invoke(app, ["scenario", "show", "answer-stars"], terminal_width=200).stdout
    flat = re.sub(r"\s+", " ", shown)
    assert "1 to 5 in whole points, higher is better; a difference of 0.10 matters" in flat
    assert re.search(r"judge +llm .* 0.15\s", shown)
    assert "Noise" not in flat


def test_the_judge_of_the_library_agrees_with_people_as_its_sources_say() -> None:
    scenario = load("answer-stars")
    judge, crowd = scenario.evaluators
    three = crowd.model_copy(update={"ratings_per_output": 3})
    wide = scenario.model_copy(update={"evaluators": (judge, three), "overlap": 1.0, "outputs_per_look": 4_000})
    _, who_rates, _, rated = one_look(wide, 30)
    by_judge = rated.score[:, who_rates.evaluator == 0]
    by_people = rated.score[:, who_rates.evaluator == 1].reshape(30, -1, 3)
    found = [np.corrcoef(a, b)[0, 1] for a, b in zip(by_judge, by_people.mean(axis=2), strict=True)]
    assert 0.36 < np.mean(found) < 0.46
    single = by_people.reshape(-1, 3)
    assert 0.15 < np.cov(single.T)[0, 1] / single.var() < 0.22
    assert 0.4 < by_people.mean() - by_judge.mean() < 0.7
