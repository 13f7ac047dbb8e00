"""Outputs that pass or fail, seen with errors: the story, posteriors of a few verdicts by brute force, calibration, and what is said.

Stochastic assertions use fixed seeds and |z| <= 4 (6e-5 each if the seed were new).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.special import expit
from verdict_scenario import ERRING_CROWD, ERRING_JUDGE, EXPERTS, judged

from expsim_bayes.cli.simulate import fit_options, who_rates
from expsim_bayes.experiment import play, run
from expsim_bayes.operating_characteristics import judges_floor
from expsim_bayes.posterior import KnownVerdicts, nothing_known
from expsim_bayes.posterior.confusion import Confusion
from expsim_bayes.recommend import of_experiment
from expsim_bayes.scenario import Scenario
from expsim_bayes.simulate import Look, Streams, plan, story_of
from expsim_bayes.simulate.counts import Rates

Array = NDArray[Any]
SEED = 20_264
SURE: dict[str, Any] = {"sensitivity_prior": [18.0, 2.0], "specificity_prior": [8.0, 2.0]}


# -------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"evaluators": [ERRING_JUDGE | {"sensitivity": 1.2}]}, "sensitivity"),
        ({"evaluators": [ERRING_JUDGE | {"ratings_per_output": 2}]}, r"judge.ratings_per_output: is 2.*same one asked again"),
        ({"evaluators": [ERRING_CROWD | {"ratings_per_output": 7}]}, r"crowd.ratings_per_output: is 7.*use 6 at most"),
        ({"evaluators": [ERRING_CROWD | {"severity_sd": 0.5}]}, r"crowd.severity_sd: is not modelled.*the same for all"),
        ({"evaluators": [ERRING_CROWD | {"sensitivity": 0.4, "specificity": 0.5}]}, r"crowd: .*no better than chance.*raise"),
        ({"evaluators": [EXPERTS | {"sensitivity_prior": [9, 1]}]}, r"experts.sensitivity_prior: experts never errs"),
        ({"evaluators": [ERRING_JUDGE | {"sensitivity_prior": [9, 0]}]}, r"judge.sensitivity_prior: a Beta has"),
        ({"evaluators": [ERRING_JUDGE | {"shift": {"B": 12.0}}]}, r"judge.shift.B: 12 logits are beyond"),
        (
            {"evaluators": [ERRING_JUDGE, *(ERRING_CROWD | {"name": n, "ratings_per_output": 6} for n in "xyz")]},
            r"evaluators: .*686 ways, and 100.*lower ratings_per_output",
        ),
        ({"outcome": "ordinal", "score_range": [1, 5]}, r"judge.sensitivity: belongs to outcome = \"binary\""),
    ],
)  # fmt: skip
def test_errors_that_make_no_sense_are_refused(changes: dict[str, Any], says: str) -> None:
    qualities = [{"name": n, "quality": 0.5 if "outcome" not in changes else 3.0} for n in "AB"]
    with pytest.raises(ValidationError, match=says):
        judged(variants=qualities, **changes)


# --------------------------------------------------------------------------------------------------------- the story


def test_outputs_stay_the_same_whoever_rates_them() -> None:
    """Gold labels beside a judge, beside people and alone are the same."""
    told = []
    for others in ([ERRING_JUDGE], [], [ERRING_JUDGE, ERRING_CROWD]):
        scenario = judged(evaluators=[EXPERTS, *others], overlap=1.0)
        story, layout = story_of(scenario, Streams(SEED, 0, 3)), plan(scenario, "sequential", 0)
        seen = story.look(layout, np.tile([0, 1], (1, 24, 1)), look=0)
        told.append(seen.score[:, layout.evaluator == 0])
    np.testing.assert_array_equal(told[0], told[1])
    np.testing.assert_array_equal(told[0], told[2])


def test_errors_come_as_often_as_declared() -> None:
    scenario = judged(
        0.3, 0.8, outputs_per_look=4_000, overlap=1.0, evaluators=[EXPERTS, ERRING_JUDGE | {"shift": {"B": 1.0}, "shift_sd": 0.0}]
    )  # fmt: skip
    story, layout = story_of(scenario, Streams(SEED, 0, 20)), plan(scenario, "sequential", 0)
    score = story.look(layout, np.tile([0, 1], (1, 2_000, 1)), look=0).score
    truth, said = score[:, layout.evaluator == 0], score[:, layout.evaluator == 1]
    assert isinstance(story.truth, Rates)
    for v, taste in enumerate((-0.5, 0.5)):
        ones, zeros = truth[:, v::2] == 1, truth[:, v::2] == 0
        hit, rejected = expit(np.log(9) + taste), expit(np.log(0.7 / 0.3) - taste)
        np.testing.assert_allclose(
            [story.truth.sensitivity[0, 1, v], story.truth.specificity[0, 1, v]], [hit, rejected]
        )
        for share, found in ((hit, said[:, v::2][ones]), (1 - rejected, said[:, v::2][zeros])):
            assert abs(found.mean() - share) < 4 * np.sqrt(share * (1 - share) / found.size)


# ---------------------------------------------------------------------------------------- a few verdicts, by brute force


def after(scenario: Scenario, score: list[float]) -> KnownVerdicts:
    """What is known after one look with these verdicts, variants taking turns."""
    layout = plan(scenario, "sequential", 0)
    variant = np.tile(np.arange(len(scenario.variants)), (1, layout.n_items, 1))
    nothing = np.ones((1, scenario.outputs_per_look))
    look = Look(np.array([score]), nothing, nothing, np.zeros(1, dtype=np.intp))
    known = nothing_known(scenario, 1)
    assert isinstance(known, KnownVerdicts)
    return known.after(layout, variant, look, np.arange(1))


def by_brute_force(scenario: Scenario, score: list[float], draws: int = 300_000) -> tuple[Array, Array]:
    """(draw, variant) rates from the prior, and (draw,) their weights, output by output."""
    rng, layout = np.random.default_rng(3), plan(scenario, "sequential", 0)
    n_variants = len(scenario.variants)
    rate = rng.beta(*scenario.rate_prior, (draws, n_variants))
    weight = np.ones(draws)
    gold = any(e.sensitivity is None for e in scenario.evaluators)
    reference = next((k for k, e in enumerate(scenario.evaluators) if e.kind == "human"), 0)
    sd = np.abs(rng.normal(0.0, 0.5, draws))
    chance = []
    for k, e in enumerate(scenario.evaluators):
        logit = rng.normal(1.5, 1.5, (2, draws))
        for row, prior in enumerate((e.sensitivity_prior, e.specificity_prior)):
            if prior is not None:
                share = rng.beta(*prior, draws)
                logit[row] = np.log(share / (1 - share))
        if k == reference and not gold:
            weight *= logit.sum(axis=0) > 0
        taste = rng.normal(0.0, 1.0, (n_variants, draws)) * sd * bool(e.shift_sd)
        taste -= taste.mean(axis=0)
        chance.append((expit(logit[0] + taste), expit(taste - logit[1])))
    for output in range(scenario.outputs_per_look):
        v = output % n_variants
        one, zero = rate[:, v].copy(), 1 - rate[:, v]
        for k, said in zip(
            layout.evaluator[layout.output == output], np.array(score)[layout.output == output], strict=True
        ):
            if scenario.evaluators[k].sensitivity is None:
                one, zero = one * (said == 1), zero * (said == 0)
                continue
            one = one * np.where(said, chance[k][0][v], 1 - chance[k][0][v])
            zero = zero * np.where(said, chance[k][1][v], 1 - chance[k][1][v])
        weight *= one + zero
    return rate, weight / weight.sum()


@pytest.mark.parametrize(
    ("evaluators", "changes", "score"),
    [
        ([ERRING_JUDGE | SURE], {}, [0, 1] * 5),
        ([ERRING_JUDGE], {}, [0, 1, 0, 0, 1, 1, 0, 1, 0, 1]),
        ([ERRING_CROWD | {"ratings_per_output": 3}], {"outputs_per_look": 6}, [0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1]),
        ([EXPERTS, ERRING_JUDGE], {"overlap": 0.4}, [0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1]),
        ([ERRING_JUDGE, ERRING_CROWD], {"overlap": 0.4}, [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0, 1, 0]),
    ],
    ids=["0 and 5 of 5 by a judge who is known", "a judge alone", "three people", "experts on some", "people on some"],
)  # fmt: skip
def test_a_few_verdicts_are_told_as_by_brute_force(
    evaluators: list[dict[str, Any]], changes: dict[str, Any], score: list[float]
) -> None:
    scenario = judged(**({"evaluators": evaluators, "outputs_per_look": 10, "rope": 0.2} | changes))
    known, (rate, weight) = after(scenario, score), by_brute_force(scenario, score)
    mean = weight @ rate
    sd = np.sqrt(weight @ (rate - mean) ** 2)
    found, better = known.qualities(0), known.superiority(eligible=None)
    assert (np.abs(found.mean[0] - mean) < 0.1 * sd).all()
    np.testing.assert_allclose(found.sd[0], sd, rtol=0.1)
    lead = rate[:, 1] - rate[:, 0]
    np.testing.assert_allclose(found.effect_sd[0, 1], np.sqrt(weight @ (lead - weight @ lead) ** 2), rtol=0.1)
    assert better.prob_best[0, 1] == pytest.approx(weight @ (lead > 0), abs=0.02)
    assert better.prob_superior[0, 1] == pytest.approx(weight @ (lead > 0.02), abs=0.02)
    assert better.prob_equivalent[0] == pytest.approx(weight @ (np.abs(lead) < 0.2), abs=0.02)
    assert better.expected_loss[0, 0] == pytest.approx(weight @ np.maximum(lead, 0), abs=0.1 * sd.max())


def test_where_gold_labels_are_everywhere_a_judge_adds_nothing() -> None:
    scenario = judged(evaluators=[EXPERTS, ERRING_JUDGE], overlap=1.0, outputs_per_look=10)
    gold, judge = [0, 1, 0, 1, 0, 1, 0, 0, 0, 1], [1, 1, 0, 1, 0, 0, 0, 1, 1, 1]
    found = after(scenario, [float(s) for pair in zip(gold, judge, strict=True) for s in pair]).qualities(0)
    np.testing.assert_allclose(found.mean[0], [1 / 7, 5 / 7], atol=4e-3)
    np.testing.assert_allclose(found.sd[0], [np.sqrt(6 / 49 / 8), np.sqrt(10 / 49 / 8)], rtol=0.03)


def test_slopes_are_those_of_the_density() -> None:
    story = Confusion(judged(0.5, 0.6, 0.7, evaluators=[ERRING_JUDGE | SURE, ERRING_CROWD | {"ratings_per_output": 2}]))
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 9, (story.variants, len(story.patterns.group), 1)).astype(float)
    few = story.few_at(rng.normal(size=(story.few, 1)))
    rest = rng.normal(size=(story.size, 1))
    _, slope, bend = story.ascent(list(rest), few, counts, story.patterns.totals(counts.swapaxes(1, 2)).swapaxes(1, 2))
    for n, step in enumerate(1e-5 * np.eye(story.size)[:, :, None]):
        high, low = (story.log_density(list(rest + sign * step), few, counts) for sign in (1, -1))
        np.testing.assert_allclose(slope[n], (high - low) / 2e-5, rtol=1e-5, atol=1e-6)
    full = np.array([[bend[max(n, m)][min(n, m)][0] for m in range(story.size)] for n in range(story.size)])
    assert np.linalg.eigvalsh(full).min() > 0


# ------------------------------------------------------------------------------------------------------ look after look


def test_what_is_known_is_calibrated_and_the_same_in_any_chunks() -> None:
    scenario = judged(0.5, 0.6, 0.7, looks=3, strategies={"sequential": {"stopping": []}})
    n = 120
    whole = run(scenario, replications=n, random_seed=SEED, truth="prior", history=False, latents=True)
    z = ((whole["latent_true"] - whole["latent_mean"]) / whole["latent_sd"]).to_numpy()
    assert whole["latent"].to_numpy().tolist()[-2:] == ["sensitivity[crowd]", "specificity[crowd]"]
    assert np.abs(z[:, :3].mean()) < 4 / np.sqrt(3 * n)
    assert np.abs((z[:, :3] ** 2).mean() - 1) < 4 * np.sqrt(2 / n)
    part = run(scenario, replications=20, random_seed=SEED, truth="prior", history=False, latents=True, chunk=7)
    xr.testing.assert_allclose(part, whole.isel(replication=slice(0, 20)), rtol=1e-9)


def test_a_judge_alone_has_a_floor_that_a_few_people_lift() -> None:
    scenario = judged(looks=3, outputs_per_look=600, strategies={"sequential": {"stopping": []}})
    sd = {
        who: run(scenario, evaluators=who, random_seed=1)["quality_sd"].to_numpy()[0, :, 0] for who in ("llm", "both")
    }
    assert sd["llm"][-1] > 0.15
    assert sd["both"][-1] < 0.6 * sd["llm"][-1]
    known = judged(looks=3, outputs_per_look=600, components="given", strategies={"sequential": {"stopping": []}})
    assert float(run(known, evaluators="llm", random_seed=1)["quality_sd"][0, -1, 0]) < 0.6 * sd["llm"][-1]


def test_a_bandit_follows_the_better_variant() -> None:
    result = run(judged(0.3, 0.9, 0.3, outputs_per_look=96), strategy="bandit", replications=20, random_seed=2)
    outputs = result["outputs"].to_numpy()
    at = np.minimum(result["stop_look"].to_numpy() - 1, 3)
    assert outputs[np.arange(20), at, 1].mean() > outputs[np.arange(20), at, 0].mean()
    assert (result["launched"].to_numpy() == 1).mean() > 0.9


# ------------------------------------------------------------------------------------------------------- what is said


def test_shares_are_said_as_passes_with_their_intervals_and_whose_errors_they_hang_on() -> None:
    facts = of_experiment(play(judged(0.5, 0.8, looks=2), random_seed=1))
    assert facts.unit == "share"
    assert facts.notices == ()
    a, b = facts.variants
    assert 0 < a.quality.low < a.quality.mean < a.quality.high < 1
    assert b.effect is not None
    assert b.effect.low < b.effect.mean < b.effect.high
    assert b.prob_better == pytest.approx(b.prob_best)
    alone = of_experiment(play(judged(0.5, 0.8, looks=2), evaluators="llm", random_seed=1))
    assert "No person has rated: how often judge errs rests on" in alone.notices[0]
    people = of_experiment(play(judged(0.5, 0.8, looks=2), evaluators="human", random_seed=1))
    assert "Every output has one verdict of crowd" in people.notices[0]


def test_endless_verdicts_of_judges_pick_by_what_they_say_passes() -> None:
    scenario = judged(
        0.6, 0.63, evaluators=[ERRING_JUDGE | {"shift": {"A": 0.5, "B": 0.0}}, ERRING_CROWD], min_effect=0.01
    )
    assert judges_floor(scenario).value == 0.0
    assert judges_floor(judged(0.6, 0.63, evaluators=[ERRING_JUDGE | {"shift_sd": 0.0}, ERRING_CROWD])).value == 1.0


@pytest.mark.parametrize(
    ("who", "options"),
    [("both", ""), ("llm", " --prior declared=true"), ("human", "")],
)
def test_a_fit_of_its_ratings_is_told_whose_word_is_the_truth(who: Any, options: str) -> None:
    assert fit_options(judged(), who) == options
    gold = judged(evaluators=[ERRING_JUDGE, EXPERTS])
    assert fit_options(gold, "both") == " --gold experts"
    assert who_rates(gold, "both") == "judges and people"


@pytest.mark.long
def test_against_a_sampler_of_the_model() -> None:
    """One data set by NUTS, whose normal priors of logits of rates are exchanged for the Betas by weights."""
    from expsim_bayes.fit import fit
    from expsim_bayes.models.binary import Priors
    from expsim_bayes.posterior.fitted import stacked
    from expsim_bayes.simulate.counts import ACCURACY_MEAN, ACCURACY_SD, SD_SHIFT

    priors = Priors()
    assert (priors.sensitivity, priors.specificity, priors.sd_accuracy) == (ACCURACY_MEAN, ACCURACY_MEAN, ACCURACY_SD)
    assert priors.sd_shift == SD_SHIFT
    one = ERRING_CROWD | {"raters": 1}
    scenario = judged(
        0.4, 0.6, assignment="split", looks=2, outputs_per_look=300, evaluators=[ERRING_JUDGE, one],
        strategies={"sequential": {"stopping": []}},
    )  # fmt: skip
    played = play(scenario, random_seed=3)
    tree = fit(played.ratings, model="binary", engine="nuts", draws=2_000, chains=4, random_seed=1)
    rate = stacked(tree, "quality")
    logit = np.log(rate / (1 - rate))
    cov = np.eye(2) * priors.sd_variant**2 + priors.level_sd**2
    weight = np.exp(
        np.log(rate * (1 - rate)).sum(axis=1) + 0.5 * np.einsum("ni,ij,nj->n", logit, np.linalg.inv(cov), logit)
    )
    weight /= weight.sum()
    mean = weight @ rate
    sd = np.sqrt(weight @ (rate - mean) ** 2)
    assert isinstance(played.known, KnownVerdicts)
    finer = played.known.finer(16)
    assert (np.abs(finer.qualities(0).mean[0] - mean) < 0.1 * sd).all()
    for known in (played.known, finer):
        found, better = known.qualities(0), known.superiority(eligible=None)
        assert (np.abs(found.mean[0] - finer.qualities(0).mean[0]) < 0.1 * sd).all()
        np.testing.assert_allclose(found.sd[0], sd, rtol=0.1)
        assert better.prob_best[0, 1] == pytest.approx(weight @ (rate[:, 1] > rate[:, 0]), abs=0.02)
