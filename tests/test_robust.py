"""Robust scores: the model held against loops written from the story alone, against its simulator, and against the continuous model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
import xarray as xr
from numpy.typing import NDArray
from pymc.pytensorf import compile as compile_pytensor
from scipy import stats

from expsim_bayes.diagnostics import Verdict
from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.fit import fit
from expsim_bayes.models._effects import turn
from expsim_bayes.models._robust import seen_by
from expsim_bayes.models._robust_checks import features
from expsim_bayes.models.robust import LEAST_TAIL, Priors, build_lean_model, build_model
from expsim_bayes.ratings import Ratings, validate
from expsim_bayes.simulate.robust import Truth, quality, ratings, small

Point = dict[str, NDArray[np.float64]]
BOTH = Priors(covariates=("words", "own"))


@pytest.fixture
def plain() -> Iterator[None]:
    """Compile with pytensor's plain linker: each test has its own graph."""
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


def length(variant: str, item: int, judge: str) -> float:
    """Words of an answer, as a judge counts them."""
    return 100.0 + 7 * item**2 + 11 * ("ABC".index(variant) * item) + (3.0 if judge == "j" else 0.0)


def own_family(variant: str, judge: str) -> float:
    return float((variant, judge) in {("A", "j"), ("B", "k")})


def everything() -> Ratings:
    """Two people and two judges who rate some outputs again, two generations an item: every term of the story, and two covariates."""
    rng = np.random.default_rng(3)
    rows = [
        (
            v,
            f"i{i}",
            f"{v}{i}{g}",
            r,
            kind,
            str(n),
            rng.normal(60, 10),
            length(v, i, r) if kind == "llm" else None,
            own_family(v, r),
        )
        for i in range(4)
        for v in "ABC"
        for g in range(2)
        for r, kind in (("ann", "human"), ("bob", "human"), ("j", "llm"), ("k", "llm"))
        for n in range(2)
    ]
    columns = ["variant", "item", "output", "rater", "kind", "repeat", "score", "words", "own"]
    return validate(pd.DataFrame(rows, columns=columns).sample(frac=1, random_state=2), score_range=(0, 100))


def drawn(model: pm.Model, seed: int = 1) -> Point:
    """Values of the free variables from the prior."""
    values = pm.draw(list(model.free_RVs), random_seed=seed)
    return {rv.name: np.asarray(value) for rv, value in zip(model.free_RVs, values, strict=True)}


def told(model: pm.Model, point: Point, *more: str) -> Point:
    """All named quantities at a point."""
    names = [*(variable.name for variable in model.deterministics), *more]
    compiled = pytensor.function(list(model.free_RVs), [model[name] for name in names], on_unused_input="ignore")
    values = compiled(*(point[rv.name] for rv in model.free_RVs))
    return {**point, **{name: np.asarray(value) for name, value in zip(names, values, strict=True)}}


def expected_of(value: Point, table: Ratings) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The story's sum for each rating, term by term, on the population's level, and the covariates' part of it."""
    seen = seen_by(table, BOTH.covariates)
    data = seen.data
    judge = [
        row
        for row in zip(data.variant, data.item, data.rater, data.evaluator, strict=True)
        if data.kinds[row[3]] == "llm"
    ]
    names = [(data.variants[v], int(data.items[i][1:]), data.raters[r]) for v, i, r, _ in judge]
    columns = np.array([(length(v, i, r), own_family(v, r)) for v, i, r in names])
    sums, leans = np.zeros(data.score.size), np.zeros(data.score.size)
    for n in range(data.score.size):
        i, v, o, r, k = (int(getattr(data, name)[n]) for name in ("item", "variant", "output", "rater", "evaluator"))
        cell = seen.places.cells.index(f"{data.items[i]} | {data.variants[v]}")
        pair = seen.places.pairs.index(f"{data.raters[r]} | {data.outputs[o]}")
        worth = value["q"][v] + value["item_effect"][i] + value["interaction"][cell] + value["output_effect"][o]
        sums[n] = value["level"][k] + value["scale_use"][k] * worth
        sums[n] += value["severity"][r] + value["shift"][k, v] + value["taste"][r, v] + value["opinion"][pair]
        if data.kinds[k] == "llm":
            own = (
                length(data.variants[v], int(data.items[i][1:]), data.raters[r]),
                own_family(data.variants[v], data.raters[r]),
            )
            leans[n] = value["slope"][k] @ ((np.array(own) - columns.mean(axis=0)) / columns.std(axis=0))
    return sums, leans


@pytest.mark.usefixtures("plain")
def test_likelihood_is_that_of_the_story_told_term_by_term() -> None:
    table = everything()
    model, lean = build_model(table, BOTH), build_lean_model(table, BOTH)
    data = seen_by(table, BOTH.covariates).data
    assert [rv.name for rv in model.free_RVs] == [rv.name for rv in lean.free_RVs]
    for seed in (1, 2, 3):
        value = told(lean, drawn(lean, seed), "likelihood")
        sums, leans = expected_of(value, table)
        noise = value["rater_noise"][data.rater]
        log = stats.t.logpdf(data.score, df=value["tail"][data.evaluator], loc=sums + leans, scale=noise)
        assert float(value["likelihood"]) == pytest.approx(float(np.sum(log)), rel=1e-8)
        reference = data.reference
        np.testing.assert_allclose(value["quality"], value["level"][reference] + value["q"], rtol=1e-12)
        assert (value["slope"][reference] == 0).all()
        assert (value["shift"][reference] == 0).all()
        assert np.abs(leans[data.evaluator != reference]).max() > 0
    ours, other = model.compile_logp(), lean.compile_logp()
    start = lean.initial_point(0)
    assert float(ours(start)) == pytest.approx(float(other(start)), rel=1e-10)


@pytest.mark.usefixtures("plain")
def test_noise_of_raters_lies_around_that_of_their_evaluator() -> None:
    model = build_model(everything(), Priors(least_noise=0.05))
    value = told(model, drawn(model, 4))
    people = model.coords["rater"].index("ann"), model.coords["rater"].index("bob")
    above = value["rater_noise"][list(people)] - 5.0
    middle = value["sd_noise"][model.coords["evaluator"].index("human")] - 5.0
    assert above.prod() == pytest.approx(middle**2, rel=1e-10)
    assert above[0] != pytest.approx(above[1], rel=1e-3)
    judge = value["sd_noise"][model.coords["evaluator"].index("j")]
    assert value["rater_noise"][model.coords["rater"].index("j")] == pytest.approx(judge)


@pytest.mark.usefixtures("plain")
def test_slopes_of_judges_have_the_law_of_the_story() -> None:
    model = build_model(everything(), Priors(covariates=("words",), slope=0.1, sd_slope=0.08))
    slope = pm.draw(model["slope"], 4000, random_seed=1)[:, 1:, 0]
    between = 8.0**2  # of a half-normal SD: its mean square is the square of its scale
    np.testing.assert_allclose(np.cov(slope.T), [[100 + between, 100], [100, 100 + between]], atol=12)


@pytest.mark.usefixtures("plain")
def test_contract() -> None:
    table = small()
    believed = Priors(covariates=("words",))
    model = cloudpickle.loads(cloudpickle.dumps(build_model(table, believed)))
    assert model.named_vars_to_dims["quality"] == ("variant",)
    assert model.named_vars_to_dims["slope"] == ("evaluator", "covariate")
    assert list(model.coords["covariate"]) == ["words"]
    with model:
        prior = pm.sample_prior_predictive(200, random_seed=1, compile_kwargs={"mode": "FAST_COMPILE"})
    assert np.isfinite(prior["prior_predictive"]["score"]).all()
    assert (prior["prior"]["tail"] > LEAST_TAIL).all()
    inside = (prior["prior"]["quality"] > -50) & (prior["prior"]["quality"] < 150)
    assert float(inside.mean()) > 0.95
    found = features(prior["prior_predictive"]["score"].to_numpy()[0], constant_of(model))
    assert "correlation of judge's scores with words, the reference's given" in found
    assert all(np.shape(values) == (200,) and np.isfinite(values).all() for values in found.values())


def constant_of(model: pm.Model) -> xr.Dataset:
    """The constant_data group of a fit of the model."""
    names = ["evaluator_of", "variant_of", "rater_of", "output_of", "is_reference"]
    names += ["covariate_of"] if "covariate_of" in model.named_vars else []
    dims = {name: model.named_vars_to_dims[name] for name in names}
    coords = {dim: list(model.coords[dim]) for each in dims.values() for dim in each}
    return xr.Dataset({name: (dims[name], model[name].get_value()) for name in names}, coords=coords)


@pytest.mark.usefixtures("plain")
def test_names_and_order_of_rows_do_not_matter() -> None:
    table = small()
    frame = table.table.drop(columns="output")
    shuffled = validate(frame.sample(frac=1, random_state=1), score_range=(0, 100))
    one, other = seen_by(table, ("words",)), seen_by(shuffled, ("words",))
    np.testing.assert_array_equal(one.data.score, other.data.score)
    np.testing.assert_allclose(one.covariates.value, other.covariates.value, rtol=1e-12)
    swapped = validate(frame.assign(variant=frame.variant.map({"A": "C", "B": "B", "C": "A"})), score_range=(0, 100))
    believed = Priors(covariates=("words",))
    model, mirror = build_lean_model(table, believed), build_lean_model(swapped, believed)
    point = drawn(model)
    about = turn(np.zeros(3, dtype=np.intp))
    mirrored = point | {name: (point[name] @ about.T)[..., ::-1] @ about for name in ("q_raw", "shift_raw")}
    for name, dim in (("interaction_raw", "cell"), ("opinion_raw", "pair")):
        ours, theirs = (
            [each for each in one.coords[dim] if dim == "cell" or each.startswith("judge")] for one in (model, mirror)
        )
        names = [re.sub("[AC]", lambda found: {"A": "C", "C": "A"}[found[0]], each) for each in theirs]
        mirrored[name] = point[name][[ours.index(each) for each in names]]
    if "taste_raw" in point:
        mirrored["taste_raw"] = point["taste_raw"][:, ::-1]
    before, after = told(model, point, "likelihood"), told(mirror, mirrored, "likelihood")
    assert float(after["likelihood"]) == pytest.approx(float(before["likelihood"]), rel=1e-10)
    np.testing.assert_allclose(after["quality"], before["quality"][::-1], rtol=1e-10)


def straight(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is sampled of effects of one group, from the effects as multiples of their SD."""
    return np.asarray(value @ turn(np.zeros(value.shape[-1], dtype=np.intp)))


def truth_point(truth: Truth, shapes: Point, rng: np.random.Generator) -> Point:
    """Effects of a truth, drawn, as values of the model's free variables; the averages follow from the levels."""
    raw = {name: rng.standard_normal(value.shape) for name, value in shapes.items() if name.endswith("_raw")}
    q = np.array(truth.quality) - np.mean(truth.quality)
    sd = {"item_effect": truth.sd_item, "interaction": truth.sd_interaction}
    scaled = {f"{name}_raw": sd[name] * raw[f"{name}_raw"] for name in sd}
    return (
        raw
        | scaled
        | {
            "q_raw": straight(q),
            "average": np.zeros(2),
            "log_scale_use": np.log([truth.scale_use]),
            "slope_average": np.array(truth.slope),
            "sd_item": np.asarray(truth.sd_item),
            "sd_interaction": np.asarray(truth.sd_interaction),
            "sd_shift": np.asarray(truth.sd_shift),
            "sd_rater_of_pool": np.array([truth.sd_rater]),
            "sd_taste_of_pool": np.array([truth.sd_taste]),
            "sd_log_noise_of_pool": np.array([truth.sd_log_noise]),
            "sd_noise": np.array([truth.sd_noise, truth.judge_noise]),
            "tail_above": np.full(2, truth.tail - LEAST_TAIL),
        }
    )


@pytest.mark.usefixtures("plain")
def test_model_and_simulator_tell_one_story() -> None:
    truth, sets = Truth(items=12, people=3), 60
    table = ratings(truth)
    believed = Priors(covariates=("words",))
    model = build_model(table, believed)
    free = list(model.free_RVs)
    draw = compile_pytensor(
        free, [model["score"], model["level"], model["log_noise"]], random_seed=4, on_unused_input="ignore"
    )
    seen = seen_by(table, ("words",))
    assert seen.data.evaluators == ("human", "judge")
    shapes, rng = drawn(model), np.random.default_rng(2)
    assert set(shapes) == set(truth_point(truth, shapes, rng))
    human = seen.data.evaluator == 0

    def numbers(score: NDArray[np.float64], x: NDArray[np.float64]) -> list[float]:
        left = score - pd.Series(score).groupby(seen.data.output).transform("mean").to_numpy()
        own = [np.abs(left[seen.data.rater == r]).mean() for r in np.unique(seen.data.rater[human])]
        return [
            *(score[human & (seen.data.variant == v)].mean() for v in range(3)),
            score[~human].mean(),
            float(np.median(np.abs(score[human] - np.median(score[human])))),
            float(np.median(np.abs(score[~human] - np.median(score[~human])))),
            np.corrcoef(*(score[seen.data.rater == r] for r in (0, 1)))[0, 1],
            float(np.log(own).std()),
            float(np.polyfit(x, score[~human], 1)[0]),
            float(np.log(np.abs(left).max())),
        ]

    model_sets, twin_sets = [], []
    for n in range(sets):
        point = truth_point(truth, shapes, rng)
        values = [point[rv.name] for rv in free]
        _, level, log_noise = draw(*values)
        # The model's averages and middle noise are those of the effects at hand; the truth's are those of the population.
        wanted = np.array([np.mean(truth.quality), truth.judge_level])
        shift = np.exp(log_noise[seen.data.rater_evaluator == 0].mean())
        point |= {
            "average": wanted - level,
            "sd_noise": np.array([0.1 + (truth.sd_noise - 0.1) * shift, truth.judge_noise]),
        }
        model_sets.append(numbers(draw(*(point[rv.name] for rv in free))[0], seen.covariates.value[~human, 0]))
        twin = seen_by(ratings(truth, 1000 + n), ("words",))
        twin_sets.append(numbers(twin.data.score, twin.covariates.value[~human, 0]))
    ours, other = np.array(model_sets), np.array(twin_sets)
    z = (ours.mean(axis=0) - other.mean(axis=0)) / np.sqrt((ours.var(axis=0) + other.var(axis=0)) / sets)
    assert np.abs(z).max() < 4, z


def scores(values: Any, *, judge: bool = False, **columns: Any) -> Ratings:
    """Scores by ann and, where asked, by a judge, who gives the second half."""
    half = len(values) // 2 if judge else len(values)
    frame = pd.DataFrame({"score": values, **columns}).assign(
        variant=["AB"[n % 2] for n in range(len(values))],
        item=[str((n % half) // 2) for n in range(len(values))],
        rater=["ann" if n < half else "gpt" for n in range(len(values))],
        kind=["human" if n < half else "llm" for n in range(len(values))],
    )
    return validate(frame, source="mine.csv", score_range=(0, 1000))


@pytest.mark.parametrize(
    "values",
    [[1, 2, 3, 4, 5, 3, 4, 3, 2, 3] * 4, [50.0] * 12, [0, 0, 0, 0, 0, 1.5, 7, 12, 3.3, 25] * 2],
    ids=["stars", "all equal", "mostly zero"],
)
def test_scores_in_heaps_are_refused(values: list[float]) -> None:
    with pytest.raises(
        RatingsError, match=r"mine.csv, column 'score': .* of 'human' are exactly .*--model ordinal.*error_scores"
    ):
        seen_by(scores(values), ())


def test_a_heap_of_one_evaluator_is_refused_where_another_has_none() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(RatingsError, match="scores of 'gpt' are exactly 70"):
        seen_by(scores([*rng.normal(60, 9, 40), *[60, 70, 70, 80] * 10], judge=True), ())


def test_whole_points_on_a_long_scale_and_few_scores_are_no_heaps() -> None:
    rng = np.random.default_rng(1)
    seen_by(scores(rng.normal(60, 12, 200).round()), ())
    seen_by(scores([50, 50, 60, 70]), ())


def spread(count: int = 40) -> list[float]:
    return [float(value) for value in np.random.default_rng(1).normal(60, 9, count)]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["short", "long"] * 20, r"mine.csv, column 'words', rows 21, 22.*20 cells with no number: 'short', 'long'"),
        (
            [*[5.0] * 20, 5.0, None, *[6.0] * 18],
            r"mine.csv, column 'words', row 22 .*1 rating of judges without a value",
        ),
        ([*range(20), *[5.0] * 20], "it is 5 in every rating of a judge.*leave the covariate away"),
        ([*[5.0] * 20, np.inf, *range(19)], "1 rating of judges without a value"),
    ],
    ids=["text", "missing", "constant", "infinite"],
)
def test_covariates_that_cannot_be_used_are_refused(column: list[Any], message: str) -> None:
    with pytest.raises(RatingsError, match=message):
        seen_by(scores(spread(), judge=True, words=column), ("words",))


def test_covariates_without_a_column_or_a_judge_are_refused() -> None:
    table = scores(spread(), judge=True, words=range(40))
    with pytest.raises(RatingsError, match=r"there is no column 'word' beside the scores.*did you mean 'words'"):
        seen_by(table, ("word",))
    with pytest.raises(RatingsError, match="no column 'score' beside"):
        seen_by(table, ("score",))
    with pytest.raises(RatingsError, match=r"there is no judge beside the reference.*leave the covariates away"):
        seen_by(scores(spread(), words=range(40)), ("words",))


def test_flags_and_numbers_in_text_are_read_and_people_need_no_covariate() -> None:
    flags = [*[""] * 20, *["TRUE", "false"] * 10]
    found = seen_by(scores(spread(), judge=True, own=flags), ("own",))
    assert found.covariates.mean.tolist() == [0.5]
    judged = found.judges[found.data.evaluator]
    assert (found.covariates.value[~judged] == 0).all()
    assert set(found.covariates.value[judged].ravel()) == {-1.0, 1.0}
    assert any("'own' never varies within a variant" in sentence for sentence in found.sentences)
    numbers = seen_by(scores(spread(), judge=True, words=[str(n) for n in range(40)]), ("words",))
    assert numbers.covariates.mean.tolist() == [29.5]


def test_sentences_say_what_is_taken_out_and_who_shares_a_noise() -> None:
    table = ratings(Truth(items=8))
    said = " ".join(seen_by(table, ("words",)).sentences)
    assert "What scores of 'judge' owe to 'words' (mean" in said
    assert "Each rater of human has noise of its own" in said
    assert "Priors suit the width of the score range, 0 to 100." in said
    alone = table.table[table.table.kind == "llm"].drop(columns="output")
    said = " ".join(seen_by(validate(alone, score_range=(0, 100)), ("words",)).sentences)
    assert "no person rates, so that all that goes with a covariate is held for the judges' mistake" in said
    few = table.table[table.table.kind == "human"].drop(columns="output").groupby("rater").head(5)
    said = " ".join(seen_by(validate(few), ()).sentences)
    assert (
        "Raters of human share one noise: they are not told apart by it, for no two of them gave 8 ratings or more"
        in said
    )
    assert "No score range was declared" in said


@pytest.mark.parametrize(
    "field", [name for name in Priors.model_fields if name not in ("covariates", "fixed_tail", "tastes")]
)
def test_80_priors_of_zero_are_refused(field: str) -> None:
    with pytest.raises(SettingError, match=field):
        Priors(**{field: 0.0})


def test_80_tails_without_an_sd_and_covariates_named_twice_are_refused() -> None:
    with pytest.raises(SettingError, match=r"fixed_tail: noise with 2.0 degrees of freedom has no SD"):
        Priors(fixed_tail=2)
    with pytest.raises(SettingError, match="named twice"):
        Priors(covariates=("words", "words"))


@pytest.mark.usefixtures("plain")
def test_features_are_what_they_are_called() -> None:
    table = ratings(Truth(items=30, people=2), 3)
    model = build_model(table, Priors(covariates=("words",)))
    seen = seen_by(table, ("words",))
    found = features(seen.data.score[None], constant_of(model))
    y, k, o = seen.data.score, seen.data.evaluator, seen.data.output
    centred = np.concatenate([(y[k == j] - y[k == j].mean()) / y[k == j].std() for j in (0, 1)])
    assert found["excess kurtosis of the scores"][0] == pytest.approx(np.mean(centred**4) - 3)
    far = np.concatenate(
        [
            np.abs(y[k == j] - np.median(y[k == j])) / stats.median_abs_deviation(y[k == j], scale="normal")
            for j in (0, 1)
        ]
    )
    assert found["largest deviation from the median (robust SDs)"][0] == pytest.approx(far.max(), rel=1e-4)
    assert found["share of scores more than 3 robust SDs from the median"][0] == pytest.approx((far > 3).mean())
    panel = np.array([y[(k == 0) & (o == output)].mean() for output in o[k == 1]])
    x = seen.covariates.value[k == 1, 0]
    ones = np.column_stack([np.ones_like(panel), panel])
    left = [each - ones @ np.linalg.lstsq(ones, each, rcond=None)[0] for each in (y[k == 1], x)]
    name = "correlation of judge's scores with words, the reference's given"
    assert found[name][0] == pytest.approx(np.corrcoef(*left)[0, 1])


@pytest.mark.long
def test_with_normal_noise_quality_is_that_of_the_continuous_model() -> None:
    table = ratings(Truth(items=12, people=2, sd_log_noise=0.0, tail=1e6), 4)
    priors = Priors(fixed_tail=1e6, sd_log_noise=1e-3)
    robust = fit(table, model="robust", priors=priors, draws=400, tune=400, random_seed=1)
    normal = fit(table, engine="fast", draws=2000, random_seed=1)
    ours, theirs = (
        each["posterior"]["quality"].transpose("variant", ...).to_numpy().reshape(3, -1) for each in (robust, normal)
    )
    for contrast in ([-1, 1, 0], [-1, 0, 1]):
        one, other = np.array(contrast) @ ours, np.array(contrast) @ theirs
        assert abs(one.mean() - other.mean()) < 0.15 * other.std()
        assert one.std() == pytest.approx(other.std(), rel=0.12)
    assert np.abs(ours.mean(axis=1) - theirs.mean(axis=1)).max() < 0.2 * theirs.std(axis=1).min()


@pytest.mark.long
def test_slopes_a_noisy_rater_and_a_tail_are_recovered() -> None:
    truth = Truth(judges=("j", "k"), slope=(2.5, 0.5), items=80, sd_log_noise=0.0)
    table = ratings(truth, 5)
    rng = np.random.default_rng(6)
    frame = table.table.drop(columns="output")
    noisy = (frame.rater == "person 2").to_numpy()
    frame.loc[noisy, "score"] += rng.normal(0, 12, noisy.sum())
    found = fit(
        validate(frame.assign(score=frame.score.clip(0, 100)), score_range=(0, 100), control="A"),
        model="robust", priors=Priors(covariates=("words",)), random_seed=1,
    )  # fmt: skip
    verdict = Verdict.from_json(found.attrs["verdict"])
    assert verdict.level != "refuse", verdict.reasons
    assert any(row.name == "slope[j, words]" for row in verdict.quantities)
    posterior = found["posterior"].to_dataset()
    spread_of = frame.words[frame.kind == "llm"].std() / truth.sd_words
    for judge, true in zip(truth.judges, truth.slope, strict=True):
        slope = posterior["slope"].sel(evaluator=judge, covariate="words")
        assert abs(float(slope.mean()) - true * spread_of) < 3.3 * float(slope.std())
        assert float(slope.std()) < 0.6
    noise = posterior["rater_noise"].mean(("chain", "draw"))
    assert float(noise.sel(rater="person 2")) > 1.8 * float(noise.sel(rater=["person 1", "person 3", "person 4"]).max())
    assert 2 < float(posterior["tail"].sel(evaluator="k").median()) < 12
    value = posterior["quality"]
    z = (value.mean(("chain", "draw")) - quality(truth)) / value.std(("chain", "draw"))
    assert float(np.abs(z).max()) < 3.3


@pytest.mark.long
def test_one_wild_score_moves_quality_less_than_under_normal_noise() -> None:
    table = ratings(Truth(items=20, people=2, score_range=(0.0, 1000.0)), 7)
    wild = table.table.drop(columns="output")
    wild.loc[(wild.rater == "person 1") & (wild.item == "item 3") & (wild.variant == "B"), "score"] *= 10
    spoilt = validate(wild, score_range=(0, 1000), control="A")
    moved = {}
    for name in ("robust", "continuous"):
        leads = []
        for each in (table, spoilt):
            value = fit(each, model=name, draws=500, tune=800, random_seed=1)["posterior"]["quality"]
            leads.append(value.sel(variant="B") - value.sel(variant="A"))
        moved[name] = abs(float(leads[1].mean() - leads[0].mean()))
    assert moved["robust"] < 0.7
    assert moved["continuous"] > 5 * moved["robust"]
