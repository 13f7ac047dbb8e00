"""Stars: the ordered logistic model held against loops and grids written from the story alone, and against its simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from scipy.special import expit, gammaln, logsumexp

from expsim_bayes.diagnostics import Verdict
from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.fit import fit
from expsim_bayes.models import _stars
from expsim_bayes.models._effects import turn
from expsim_bayes.models._star_checks import features
from expsim_bayes.models._star_draws import complete
from expsim_bayes.models._stars import stars
from expsim_bayes.models.ordinal import Priors, build_marginal_model, build_model
from expsim_bayes.ratings import Ratings, code, validate
from expsim_bayes.simulate.ordinal import Truth, quality, ratings, small

Point = dict[str, np.ndarray]


@pytest.fixture
def plain() -> Iterator[None]:
    """Compile with pytensor's plain linker: each test has its own graph."""
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


def repeats() -> Ratings:
    """Two people and a judge who rate some outputs again: opinions, and two generations an item."""
    rng = np.random.default_rng(3)
    rows = [
        (v, f"i{i}", f"{v}{i}{g}", r, kind, str(n), int(rng.integers(1, 6)))
        for i in range(4)
        for v in "AB"
        for g in range(2)
        for r, kind in (("ann", "human"), ("bob", "human"), ("j", "llm"))
        for n in range(2)
    ]
    columns = ["variant", "item", "output", "rater", "kind", "repeat", "score"]
    return validate(pd.DataFrame(rows, columns=columns), score_range=(1, 5))


def drawn(model: pm.Model, seed: int = 1, spread: float = 1.0) -> Point:
    """Values of the free variables from the prior, SDs stretched."""
    values = pm.draw(list(model.free_RVs), random_seed=seed)
    point = {rv.name: np.asarray(value) for rv, value in zip(model.free_RVs, values, strict=True)}
    return {name: value * spread if name.startswith("sd_") else value for name, value in point.items()}


def at(model: pm.Model, name: str) -> Callable[[Point], np.ndarray]:
    """A quantity of a model as a function of its free variables."""
    compiled = pytensor.function(list(model.free_RVs), model[name], on_unused_input="ignore")
    return lambda point: np.asarray(compiled(*(point[rv.name] for rv in model.free_RVs)))


def told(model: pm.Model, point: Point) -> Point:
    """All named quantities at a point."""
    names = [variable.name for variable in model.deterministics]
    compiled = pytensor.function(list(model.free_RVs), [model[name] for name in names], on_unused_input="ignore")
    values = compiled(*(point[rv.name] for rv in model.free_RVs))
    return {**point, **{name: np.asarray(value) for name, value in zip(names, values, strict=True)}}


def latent_of(seen: Any, value: Point, n: int, effect: str | None = None) -> float:
    """Latent value of rating n, a term at a time; without one of the effects of items, cells and outputs where told."""
    data = seen.data
    i, v, o, r, k = (int(getattr(data, name)[n]) for name in ("item", "variant", "output", "rater", "evaluator"))
    worth = value["q"][v] - value["q"].mean()
    if "item_effect" in value and effect != "item_effect":
        worth += value["item_effect"][i] - (value["item_effect"].mean() if seen.lowest != "item" else 0.0)
    if "interaction" in value and effect != "interaction":
        worth += value["interaction"][seen.places.cells.index(f"{data.items[i]} | {data.variants[v]}")]
    if "output_effect" in value and effect != "output_effect":
        worth += value["output_effect"][o]
    total = float(value["scale_use"][k] * worth)
    if "severity_logit" in value:
        total += value["severity_logit"][r] - value["severity_logit"][data.rater_evaluator == k].mean()
    if "shift_logit" in value:
        total += value["shift_logit"][k, v] - value["shift_logit"][k].mean()
    if "taste_logit" in value:
        total += value["taste_logit"][r, v]
    if "opinion" in value and seen.present.opinion[k]:
        total += value["opinion"][seen.places.pairs.index(f"{data.raters[r]} | {data.outputs[o]}")]
    return total


def log_prob(seen: Any, value: Point, n: int, latent: Any) -> Any:
    """Log probability of rating n's step at latent values."""
    cut = np.concatenate([[-np.inf], value["cutpoint"][seen.data.evaluator[n]], [np.inf]])
    step = int(seen.data.score[n] - seen.steps[0])
    return np.log(expit(cut[step + 1] - latent) - expit(cut[step] - latent))


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("make", [small, repeats])
def test_log_density_is_that_of_a_loop(make: Callable[[], Ratings]) -> None:
    table = make()
    seen, model = stars(table), build_model(table)
    point = drawn(model)
    value = told(model, point)
    looped = sum(float(log_prob(seen, value, n, latent_of(seen, value, n))) for n in range(seen.data.score.size))
    ways = gammaln(seen.count.sum(axis=1) + 1).sum() - gammaln(seen.count + 1).sum()
    dataset = xr.Dataset(
        {name: ((), x) if x.ndim == 0 else ([f"{name}_{d}" for d in range(x.ndim)], x) for name, x in point.items()}
    )
    tree = xr.DataTree.from_dict({"posterior": dataset.expand_dims(chain=1, draw=1)})
    with model:
        pm.compute_log_likelihood(tree, progressbar=False, compile_kwargs={"mode": "FAST_COMPILE"})
    found = float(tree["log_likelihood"]["count"].sum())
    assert found == pytest.approx(looped + ways, rel=1e-8)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("spread", [0.5, 3.0])
def test_integrated_form_is_the_explicit_one_integrated_by_brute_force(
    spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_stars, "MANY", 1)
    table = small()
    seen, model, explicit = stars(table), build_marginal_model(table), build_model(table)
    assert seen.lowest == "cell"
    names = {rv.name for rv in explicit.free_RVs}
    assert {rv.name for rv in model.free_RVs} == names - {"interaction_raw"}
    point = drawn(model) | {"sd_interaction": np.asarray(spread)}
    value = told(model, point)
    grid = np.linspace(-9, 9, 3001)
    weight = -0.5 * grid**2 - logsumexp(-0.5 * grid**2)
    cells: dict[tuple[int, int], np.ndarray] = {}
    for n in range(seen.data.score.size):
        k = seen.data.evaluator[n]
        latent = latent_of(seen, value, n) + value["scale_use"][k] * spread * grid
        cell = (int(seen.data.item[n]), int(seen.data.variant[n]))
        cells[cell] = cells.get(cell, 0.0) + log_prob(seen, value, n, latent)
    exact = sum(float(logsumexp(weight + each)) for each in cells.values())
    assert float(at(model, "likelihood")(point)) == pytest.approx(exact, abs=1e-3 * len(cells))


@pytest.mark.usefixtures("plain")
def test_effects_that_were_integrated_out_come_from_their_conditional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stars, "MANY", 1)
    table = small(2)
    seen, model = stars(table), build_marginal_model(table)
    value = told(model, drawn(model, 4)) | {"sd_interaction": np.asarray(1.2)}
    value["sd_interaction"] = np.asarray(1.2)
    draws = 2_000
    dims = {**model.named_vars_to_dims}
    named = {
        name: (
            ("chain", "draw", *dims.get(name, [f"{name}_{d}" for d in range(x.ndim)])),
            np.tile(x, (1, draws, *[1] * x.ndim)),
        )
        for name, x in value.items()
    }
    found = complete(xr.Dataset(named), table, Priors(), np.random.default_rng(1))["interaction"].to_numpy()[0]
    grid = np.linspace(-6, 6, 2001)
    for c, name in enumerate(seen.places.cells):
        log = -0.5 * grid**2
        for n in range(seen.data.score.size):
            i, v, k = seen.data.item[n], seen.data.variant[n], seen.data.evaluator[n]
            if name == f"{seen.data.items[i]} | {seen.data.variants[v]}":
                log = log + log_prob(seen, value, n, latent_of(seen, value, n) + value["scale_use"][k] * 1.2 * grid)
        prob = np.exp(log - logsumexp(log))
        mean = 1.2 * float(prob @ grid)
        sd = float(np.sqrt(1.44 * (prob @ grid**2) - mean**2))
        assert abs(found[:, c].mean() - mean) < 4.5 * sd / np.sqrt(draws)
        assert found[:, c].std() == pytest.approx(sd, rel=0.1)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("judges", [(), ("judge",)])
def test_effects_that_were_integrated_out_are_those_of_the_explicit_model(
    judges: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_stars, "MANY", 1)
    table = ratings(Truth(items=8, people=2, judges=judges))
    model, explicit = build_marginal_model(table), build_model(table)
    assert stars(table).lowest == "cell"
    value = told(model, drawn(model))
    dims = model.named_vars_to_dims
    named = {
        name: (("chain", "draw", *dims.get(name, [f"{name}_{d}" for d in range(x.ndim)])), x[None, None])
        for name, x in value.items()
    }
    found = complete(xr.Dataset(named), table, Priors(), np.random.default_rng(1))
    raw = value | {"interaction_raw": found["interaction_raw"].to_numpy()[0, 0]}
    np.testing.assert_allclose(at(explicit, "interaction")(raw), found["interaction"].to_numpy()[0, 0], rtol=1e-12)


@pytest.mark.usefixtures("plain")
def test_contract() -> None:
    table = small()
    model = cloudpickle.loads(cloudpickle.dumps(build_model(table)))
    assert model.named_vars_to_dims["quality"] == ("variant",)
    assert model.named_vars_to_dims["prob_at_least"] == ("variant", "cut")
    assert list(model.coords["cut"]) == [2, 3, 4, 5]
    with model:
        prior = pm.sample_prior_predictive(40, random_seed=1, compile_kwargs={"mode": "FAST_COMPILE"})
    counts = prior["prior_predictive"]["count"]
    seen = stars(table)
    assert (counts.sum("step") == seen.count.sum(axis=1)).all()
    assert 1 < float(prior["prior"]["quality"].min()) < float(prior["prior"]["quality"].max()) < 5
    assert (prior["prior"]["prob_at_least"].diff("cut") <= 0).all()
    found = features(
        counts.to_numpy()[0],
        xr.Dataset(
            {
                "step_points": ("step", seen.steps),
                "rater_of": ("group", seen.rater),
                "variant_of": ("group", seen.variant),
            }
        ),
    )
    assert sum(found[f"share of scores equal to {c}"] for c in range(1, 6)) == pytest.approx(1.0)


@pytest.mark.usefixtures("plain")
def test_names_and_order_of_rows_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stars, "MANY", 1)
    table = small()
    frame = table.table.drop(columns="output")
    shuffled = validate(frame.sample(frac=1, random_state=1), score_range=(1, 5))
    np.testing.assert_array_equal(stars(shuffled).count, stars(table).count)
    swapped = validate(frame.assign(variant=frame.variant.map({"A": "C", "B": "B", "C": "A"})), score_range=(1, 5))
    model, other = build_marginal_model(table), build_marginal_model(swapped)
    point = drawn(model)
    mirrored = point | {name: reversed_effects(point[name]) for name in ("q_raw", "shift_logit_raw")}
    if "taste_logit_raw" in point:
        mirrored["taste_logit_raw"] = point["taste_logit_raw"][:, ::-1]
    assert float(at(other, "likelihood")(mirrored)) == pytest.approx(float(at(model, "likelihood")(point)), rel=1e-10)
    np.testing.assert_allclose(at(other, "quality")(mirrored), at(model, "quality")(point)[::-1], rtol=1e-10)


def reversed_effects(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is sampled of effects whose order along the last axis is reversed."""
    return np.asarray(straight(raw)[..., ::-1] @ turn(np.zeros(raw.shape[-1], dtype=np.intp)))


def straight(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Effects of one group along the last axis, as multiples of their SD, from what is sampled of them."""
    return np.asarray(raw @ turn(np.zeros(raw.shape[-1], dtype=np.intp)).T)


def unstretched(truth: Truth, people: NDArray[np.float64], judge: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Cutpoints of people and of a judge over the SD of what they hear, in SDs of the noise of a rating."""
    worth = truth.sd_item**2 + truth.sd_interaction**2
    heard = (worth + truth.sd_rater**2 + truth.sd_taste**2, truth.scale_use**2 * worth)
    return [cut / np.sqrt(1 + 3 * each / np.pi**2) for cut, each in zip((people, judge), heard, strict=True)]


def truth_point(truth: Truth, model: pm.Model, rng: np.random.Generator | None = None) -> Point:
    """The truth as values of the model's free variables, effects drawn, or zero without a generator."""
    q = np.array(truth.q)
    cut = {"human": truth.cutpoint, "llm": truth.judge_cutpoint}
    point = drawn(model)
    for name, value in point.items():
        if name.endswith("_raw"):
            point[name] = np.zeros_like(value) if rng is None else rng.standard_normal(value.shape)
    people = np.array(cut["human"]) - q.mean()
    judge = np.array(cut["llm"]) - truth.scale_use * q.mean()
    edges = [np.concatenate([[0.0], expit(each), [1.0]]) for each in unstretched(truth, people, judge)]
    return point | {
        "q_raw": q @ turn(np.zeros(q.size, dtype=np.intp)),
        "shares": np.diff(np.stack(edges), axis=1),
        "log_scale_use": np.log([truth.scale_use]),
        "sd_item": np.asarray(truth.sd_item),
        "sd_interaction": np.asarray(truth.sd_interaction),
        "sd_shift": np.asarray(truth.sd_shift),
        "sd_rater_of_pool": np.array([truth.sd_rater]),
        "sd_taste_of_pool": np.array([truth.sd_taste]),
    }


@pytest.mark.usefixtures("plain")
def test_quality_is_that_of_the_simulator() -> None:
    truth = Truth(items=8)
    model = build_model(ratings(truth), centred=False)
    assert code(ratings(truth)).evaluators == ("human", "judge")
    np.testing.assert_allclose(at(model, "quality")(truth_point(truth, model)), quality(truth), atol=1e-4)


@pytest.mark.usefixtures("plain")
def test_model_and_simulator_tell_one_story() -> None:
    truth, sets = Truth(items=12, people=2), 60
    model = build_model(ratings(truth), centred=False)
    rng = np.random.default_rng(2)
    draw = compile_pytensor(list(model.free_RVs), model["count"], random_seed=4)
    seen = stars(ratings(truth))

    def numbers(count: np.ndarray) -> list[float]:
        mean = count @ seen.steps / count.sum(axis=1)
        human = seen.evaluator == 0
        by = [mean[human & (seen.variant == v)].mean() for v in range(3)]
        return [
            *by,
            mean[~human].mean(),
            mean[human].var(),
            mean[~human].var(),
            np.corrcoef(*(mean[seen.rater == r] for r in (0, 1)))[0, 1],
            count[human, -1].sum(),
        ]

    # The model's cutpoints stand at the average of the items and raters at hand; so do the truth's where their means are taken away.
    model_sets, twin_sets = [], []
    for n in range(sets):
        point = truth_point(truth, model, rng)
        ease = truth.sd_item * straight(point["item_effect_raw"]).mean()
        severity = truth.sd_rater * straight(point["severity_logit_raw"]).mean()
        lean = truth.sd_shift * straight(point["shift_logit_raw"]).mean()
        edges = [
            np.array(truth.cutpoint) - np.mean(truth.q) - ease - severity,
            np.array(truth.judge_cutpoint) - truth.scale_use * (np.mean(truth.q) + ease) - lean,
        ]
        edges = [np.concatenate([[0.0], expit(e), [1.0]]) for e in unstretched(truth, *edges)]
        point["shares"] = np.diff(np.stack(edges), axis=1)
        model_sets.append(numbers(draw(*(point[rv.name] for rv in model.free_RVs))))
        twin_sets.append(numbers(stars(ratings(truth, 1000 + n)).count))
    ours, twin = np.array(model_sets), np.array(twin_sets)
    z = (ours.mean(axis=0) - twin.mean(axis=0)) / np.sqrt((ours.var(axis=0) + twin.var(axis=0)) / sets)
    assert np.abs(z).max() < 4, z


def scores(*values: float, **declared: Any) -> Ratings:
    frame = pd.DataFrame({"score": values})
    frame = frame.assign(
        variant=["AB"[n % 2] for n in range(len(values))], item=[str(n // 2) for n in range(len(values))], rater="ann"
    )
    return validate(frame, **declared)


def test_49_averages_are_no_steps() -> None:
    with pytest.raises(RatingsError, match=r"1 of 4 scores lie between whole points.*continuous.*--round-scores"):
        stars(scores(1, 2.5, 3, 4))
    assert stars(scores(1, 2.5, 3, 4, round_scores=True)).count.sum() == 4


@pytest.mark.parametrize(
    ("values", "declared"), [((3, 3, 3, 3), {}), ((1, 50, 2, 3), {}), ((1, 2, 3, 4), {"score_range": (0, 100)})]
)
def test_scales_that_are_no_stars_are_refused(values: tuple[float, ...], declared: dict[str, Any]) -> None:
    with pytest.raises(RatingsError, match="steps"):
        stars(scores(*values, **declared))


def test_51_52_empty_steps_are_kept() -> None:
    seen = stars(scores(2, 2, 4, 4, score_range=(1, 5)))
    assert seen.steps.tolist() == [1, 2, 3, 4, 5]
    assert seen.count.sum(axis=0).tolist() == [0, 2, 0, 2, 0]


@pytest.mark.parametrize("field", list(Priors.model_fields))
def test_80_priors_of_zero_are_refused(field: str) -> None:
    with pytest.raises(SettingError, match=field):
        Priors(**{field: 0.0})


def test_ratings_of_anonymous_raters_are_added_up() -> None:
    frame = small().table.drop(columns="output")
    seen = stars(validate(frame, score_range=(1, 5), anonymous_kinds=("human",)))
    assert len(seen.count) == 48
    assert seen.count.sum() == 72
    assert any("added up to 48 groups" in sentence for sentence in seen.sentences)


@pytest.mark.long
def test_known_truth_is_recovered() -> None:
    truth = Truth()
    found = fit(ratings(truth, 5), model="ordinal", draws=600, tune=600, random_seed=1)
    verdict = Verdict.from_json(found.attrs["verdict"])
    assert verdict.level != "refuse", verdict.reasons
    posterior = found["posterior"].to_dataset()
    value, exact = posterior["quality"], quality(truth)
    z = (value.mean(("chain", "draw")) - exact) / value.std(("chain", "draw"))
    assert float(np.abs(z).max()) < 3.3
    lead = value.sel(variant="B") - value.sel(variant="C")
    assert abs(float(lead.mean()) - (exact[1] - exact[2])) < 3.3 * float(lead.std())
    assert float(lead.std()) < 0.2
    for name, true in (
        ("scale_use", truth.scale_use),
        ("sd_item", truth.sd_item),
        ("sd_interaction", truth.sd_interaction),
    ):
        draws = posterior[name].sel(evaluator="judge") if name == "scale_use" else posterior[name]
        assert abs(float(draws.mean()) - true) < 3.3 * float(draws.std()), name


@pytest.mark.long
@pytest.mark.parametrize(
    "values", [[2, 4] * 12, [3] * 24, [1, 5] * 12], ids=["empty steps", "all equal", "only the ends"]
)
def test_few_stars_get_an_answer(values: list[int]) -> None:
    found = fit(scores(*values, score_range=(1, 5)), model="ordinal", random_seed=1)
    verdict = Verdict.from_json(found.attrs["verdict"])
    assert verdict.level != "refuse", verdict.reasons
    low, high = found["posterior"]["quality"].quantile([0.025, 0.975], ("chain", "draw")).to_numpy()
    assert (high - low > 0.1).all()
    assert (low > 1).all()
    assert (high < 5).all()
