"""The report on raters: distances against slow loops, a planted rater found and chance not mistaken for one, traits, words, files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from expsim_bayes.cli.app import app
from expsim_bayes.errors import SettingError
from expsim_bayes.fit import fit
from expsim_bayes.raters import Raters, raters, sentences
from expsim_bayes.raters.misfit import distances
from expsim_bayes.simulate import preference

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CHAINS, DRAWS = 2, 150
SAMPLE = ("chain", "draw")


def tree_of(
    groups: dict[str, xr.Dataset],
    *,
    model: str,
    raters_: dict[str, tuple[str, str, int]],
    unit: str = "points",
    level: str = "ok",
) -> xr.DataTree:
    """A fit with some groups; `raters_` is name -> (evaluator, kind, ratings)."""
    columns = list(zip(*raters_.values(), strict=True))
    told = {
        "evaluator": ("rater", list(columns[0])),
        "kind": ("rater", list(columns[1])),
        "ratings": ("rater", list(columns[2])),
        "slot": ("rater", np.zeros(len(raters_), dtype=np.int8)),
    }
    tree = xr.DataTree.from_dict({**groups, "raters": xr.Dataset(told, {"rater": list(raters_)})})
    tree.attrs = {"model": model, "unit": unit, "verdict": json.dumps({"level": level, "reasons": ["R-hat is 2."]})}
    return tree


def scored(
    noise: tuple[float, ...], *, seed: int = 0, each: int = 40, posterior: xr.Dataset | None = None, **more: Any
) -> xr.DataTree:
    """Scores by people whose noise is `noise`, of which the fit believes that it is 1."""
    rng = np.random.default_rng(seed)
    rater = np.repeat(np.arange(len(noise)), each)
    mean = rng.normal(3, 1, rater.size)
    score = mean + rng.normal(0, np.array(noise)[rater])
    predicted = mean + rng.normal(0, 1, (CHAINS, DRAWS, rater.size))
    names = [f"person {n + 1}" for n in range(len(noise))]
    groups = {
        "posterior": posterior if posterior is not None else xr.Dataset({"q": (SAMPLE, np.zeros((CHAINS, DRAWS)))}),
        "posterior_predictive": xr.Dataset({"score": ((*SAMPLE, "rating"), predicted)}),
        "observed_data": xr.Dataset({"score": ("rating", score)}),
        "constant_data": xr.Dataset({"rater_of": ("rating", rater)}),
    }
    return tree_of(groups, model="continuous", raters_=dict.fromkeys(names, ("people", "human", each)), **more)


# distances


def slow(tree: xr.DataTree, numbers: Any, raters_: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same sums, rating by rating; `numbers(values of a group, group)` lists the numbers of each of its ratings."""
    name = next(iter(tree["posterior_predictive"].data_vars))
    observed = tree["observed_data"].to_dataset()[name].to_numpy()
    predicted = tree["posterior_predictive"].to_dataset()[name].to_numpy()
    predicted = predicted.reshape(-1, *predicted.shape[2:])
    rater = tree["constant_data"]["rater_of"].to_numpy()
    own, made = np.zeros(raters_), np.zeros((len(predicted), raters_))
    for g in range(len(rater)):
        rows = [np.array(numbers(draw[g], g), dtype=float) for draw in predicted]
        mean = np.mean([row.mean(axis=0) for row in rows], axis=0)
        own[rater[g]] += ((np.array(numbers(observed[g], g), dtype=float) - mean) ** 2).sum()
        for d, row in enumerate(rows):
            made[d, rater[g]] += ((row - mean) ** 2).sum()
    return own, made


def counted(dims: tuple[str, str], categories: int, constant: dict[str, Any]) -> xr.DataTree:
    """Counts of 12 groups by three raters."""
    rng = np.random.default_rng(5)
    size, rater = rng.integers(1, 5, 12), np.arange(12) % 3
    share = rng.dirichlet(np.ones(categories), 12)
    observed = np.stack([rng.multinomial(n, p) for n, p in zip(size, share, strict=True)])
    predicted = np.stack([[rng.multinomial(n, p) for n, p in zip(size, share, strict=True)] for _ in range(8)])
    return xr.DataTree.from_dict({
        "posterior_predictive": xr.Dataset({"count": ((*SAMPLE, *dims), predicted.reshape(2, 4, 12, categories))}),
        "observed_data": xr.Dataset({"count": (dims, observed)}),
        "constant_data": xr.Dataset({"rater_of": (dims[0], rater), **constant}),
    })  # fmt: skip


def expanded(points: NDArray[np.float64]) -> Any:
    """Numbers of single ratings from counts."""
    return lambda values, _: np.repeat(points, values.astype(int), axis=0)


@pytest.mark.parametrize(
    ("dims", "points", "constant"),
    [
        (("group", "step"), np.array([[1.0], [2.0], [4.0]]), {"step_points": ("step", [1.0, 2.0, 4.0])}),
        (("group", "side"), np.array([[1.0], [0.5], [0.0]]), {}),
        (("entry", "said"), np.eye(3), {}),
    ],
)
def test_distances_of_counts_are_those_of_single_ratings(
    dims: tuple[str, str], points: NDArray[np.float64], constant: Any
) -> None:
    tree = counted(dims, 3, constant)
    for mine, theirs in zip(
        distances(tree, tree["constant_data"]["rater_of"].to_numpy(), 3), slow(tree, expanded(points), 3), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10)


def test_distances_of_verdicts_scores_and_errors() -> None:
    rng = np.random.default_rng(6)
    rater, asked = np.arange(12) % 3, rng.integers(1, 4, 12)
    ones = rng.binomial(asked, 0.6, (9, 12))

    def made(name: str, values: NDArray[Any], constant: dict[str, Any]) -> xr.DataTree:
        return xr.DataTree.from_dict({
            "posterior_predictive": xr.Dataset({name: ((*SAMPLE, "entry"), values[1:].reshape(2, 4, 12))}),
            "observed_data": xr.Dataset({name: ("entry", values[0])}),
            "constant_data": xr.Dataset({"rater_of": ("entry", rater), **constant}),
        })  # fmt: skip

    verdicts = made("verdict", ones, {"asked_of": ("entry", asked)})
    scores = made("score", rng.normal(size=(9, 12)), {})
    points = np.array([0.0, 1.0, 5.0])
    errors = made("finding", rng.integers(0, 3, (9, 12)), {"step_points": ("step", points)})
    cases = [
        (verdicts, lambda value, g: [[1.0]] * int(value) + [[0.0]] * int(asked[g] - value)),
        (scores, lambda value, _: [[value]]),
        (errors, lambda value, _: [[points[int(value)]]]),
    ]
    for tree, numbers in cases:
        for mine, theirs in zip(distances(tree, rater, 3), slow(tree, numbers, 3), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-10)


def test_a_ranking_is_the_places_of_its_variants_however_it_is_kept() -> None:
    options = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    found = np.random.default_rng(7).integers(0, 6, (9, 5))
    rater = np.array([0, 1, 0, 1, 1])

    def tree(values: NDArray[Any], dim: str, constant: dict[str, Any]) -> xr.DataTree:
        return xr.DataTree.from_dict({
            "posterior_predictive": xr.Dataset({"ranking": ((*SAMPLE, "group", dim), values[1:].reshape(2, 4, 5, -1))}),
            "observed_data": xr.Dataset({"ranking": (("group", dim), values[0])}),
            "constant_data": xr.Dataset({"rater_of": ("group", rater), **constant}, {"variant": list("ABC")}),
        })  # fmt: skip

    one = tree(options[found], "place", {})
    other = tree(
        np.eye(6, dtype=int)[found], "order", {"order_of": (("group", "order", "place"), np.tile(options, (5, 1, 1)))}
    )
    exact = slow(one, lambda order, _: [np.argsort(order) + 1], 2)
    for made in (one, other):
        for mine, theirs in zip(distances(made, rater, 2), exact, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-10)


# who disagrees


def test_a_rater_whose_noise_is_larger_is_found() -> None:
    found = raters(scored((1.0, 1.0, 1.7, 1.0, 1.0)))
    (apart,) = found.apart
    assert (apart.rater, apart.raters) == ("person 3", 5)
    assert apart.by_chance < 0.02
    misfit = found.raters[2].misfit
    assert misfit is not None
    assert misfit.times == apart.times > misfit.high
    assert apart.times == pytest.approx(1.7**2, rel=0.4)
    assert "person 3 disagrees most with the others" in " ".join(sentences(found))


def test_chance_is_not_mistaken_for_disagreement() -> None:
    shares = [raters(scored((1.0,) * 6, seed=seed)).apart[0].by_chance for seed in range(60)]
    assert np.mean(np.array(shares) < 0.1) < 0.25
    assert np.mean(shares) == pytest.approx(0.5, abs=0.13)
    quiet = raters(scored((1.0,) * 6, seed=int(np.argmax(shares))))
    assert "disagrees with the others by more than chance" in " ".join(sentences(quiet))


def test_raters_who_are_not_told_apart_are_not_compared() -> None:
    tree = scored((1.0, 1.0, 1.0))
    merged = tree["constant_data"].to_dataset()
    tree["constant_data"] = merged.assign(rater_of=0 * merged["rater_of"])
    found = raters(tree)
    assert found.apart == ()
    assert all(rater.misfit is None for rater in found.raters)
    assert "no pool has two raters whom the model tells apart" in " ".join(sentences(found))
    slots = scored((1.0, 1.0, 1.0))
    slots["raters"] = slots["raters"].to_dataset().assign(slot=("rater", np.ones(3, dtype=np.int8)))
    assert raters(slots).apart == ()
    assert "Rater names of people are slots" in " ".join(sentences(raters(slots)))


# traits


def posterior(**variables: tuple[tuple[str, ...], Any]) -> xr.Dataset:
    """Draws around given means."""
    rng = np.random.default_rng(8)
    arrays = {
        name: ((*SAMPLE, *dims), np.asarray(mean) + 0.05 * rng.normal(size=(CHAINS, DRAWS, *np.shape(mean))))
        for name, (dims, mean) in variables.items()
    }
    coords = {
        "rater": ["person 1", "person 2"],
        "person": ["person 1", "person 2"],
        "variant": ["A", "B"],
        "evaluator": ["people", "judge"],
    }
    used = {dim for dims, _ in variables.values() for dim in dims}
    return xr.Dataset(arrays, {dim: labels for dim, labels in coords.items() if dim in used})


def test_severity_and_tastes_with_their_intervals() -> None:
    draws = posterior(severity=(("rater",), [0.4, -0.4]), shift=(("evaluator", "variant"), [[0.0, 0.0], [0.5, -0.01]]))
    tree = scored((1.0, 1.0), posterior=draws)
    constant = tree["constant_data"].to_dataset()
    tree["constant_data"] = constant.assign(shift_estimated=(("evaluator", "variant"), [[0, 0], [1, 1]]))
    found = raters(tree)
    exact = draws["severity"].sel(rater="person 1").to_numpy().ravel()
    trait = found.raters[0].traits[0]
    assert (trait.name, trait.unit, trait.signed) == ("severity", "points", True)
    assert (trait.value.mean, trait.value.low, trait.value.high) == pytest.approx(
        (exact.mean(), *np.quantile(exact, (0.025, 0.975)))
    )
    assert [(t.judge, t.variant, t.clear) for t in found.tastes] == [("judge", "A", True), ("judge", "B", False)]
    said = " ".join(sentences(found))
    assert "person 1 (+0.4" in said
    assert "gives most and person 2" in said
    assert "2 have an interval without 0" in said
    assert "gives A 0.5" in said


def test_who_follows_the_truth_least_with_the_probability_that_nobody_is_lower() -> None:
    draws = posterior(rater_sensitivity=(("person",), [0.8, 0.7]), rater_specificity=(("person",), [0.8, 0.84]))
    found = raters(scored((1.0, 1.0), posterior=draws, unit="share"))
    (follows,) = found.follows
    both = (draws["rater_sensitivity"] + draws["rater_specificity"]).to_numpy() / 2
    assert (follows.rater, follows.among, follows.raters) == ("person 2", "people", 2)
    assert follows.prob_least == pytest.approx((both[..., 1] < both[..., 0]).mean())
    assert [trait.words for trait in found.raters[0].traits] == ["sensitivity", "specificity"]
    assert "person 2 is the least reliable" in " ".join(sentences(found))


def test_raters_who_share_one_number_are_not_ranked_by_it() -> None:
    draws = posterior(reliability=(("rater",), [0.9, 0.7]))
    assert [one.rater for one in raters(scored((1.0, 1.0), posterior=draws)).follows] == ["person 2"]
    shared = draws.assign(
        reliability=draws["reliability"].isel(rater=0, drop=True).expand_dims(rater=draws["rater"], axis=2)
    )
    assert raters(scored((1.0, 1.0), posterior=shared)).follows == ()


def test_of_a_table_of_errors_what_is_right_is_shown() -> None:
    table = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.5, 0.5]]])
    draws = posterior(
        confusion=(("rater", "class", "said"), table), prevalence=(("variant", "class"), [[0.5, 0.5], [0.7, 0.3]])
    )
    draws = draws.assign_coords({"class": ["1", "2"], "said": ["1", "2"]})
    tree = scored((1.0, 1.0), posterior=draws, unit="share")
    tree.attrs["model"] = "classes"
    found = raters(tree)
    assert [trait.words for trait in found.raters[0].traits] == ["right (1)", "right (2)"]
    assert found.raters[0].traits[0].value.mean == pytest.approx(0.9, abs=0.02)
    assert found.follows[0].rater == "person 2"
    assert found.follows[0].value.mean == pytest.approx(0.6 * 0.6 + 0.4 * 0.5, abs=0.02)
    assert "table of errors" in " ".join(sentences(found))


def test_traits_of_evaluators_have_their_labels_and_constants_are_left_out() -> None:
    draws = posterior(
        sd_noise=(("evaluator",), [1.0, 0.5]),
        slope=(("evaluator", "covariate"), [[0.0], [0.2]]),
        scale_use=(("evaluator",), [1.0, 0.7]),
    )
    draws = draws.assign_coords(covariate=["length"])
    draws["slope"] = draws["slope"] * [[0.0], [1.0]]  # people are the reference
    tree = scored((1.0, 1.0), posterior=draws)
    constant = tree["constant_data"].to_dataset()
    tree["constant_data"] = constant.assign(scale_use_estimated=("evaluator", [0, 1]))
    told = (
        tree["raters"].to_dataset().assign(evaluator=("rater", ["people", "judge"]), kind=("rater", ["human", "llm"]))
    )
    tree["raters"] = told
    people, judge = raters(tree).evaluators
    assert [trait.words for trait in people.traits] == ["noise (SD)"]
    assert [trait.words for trait in judge.traits] == ["scale use", "noise (SD)", "adds per SD of (length)"]
    assert (judge.kind, judge.raters, judge.ratings) == ("llm", 1, 40)


def test_what_a_model_lacks_is_said() -> None:
    tree = scored((1.0, 1.0))
    for model, words in (("preference", "it cancels"), ("ranking", "it cancels"), ("continuous", "nobody of a pool")):
        tree.attrs["model"] = model
        said = " ".join(sentences(raters(tree)))
        assert f"Severity is not reported: {words}" in said.replace("where variants are compared ", "").replace(
            "where variants are ranked ", ""
        )
        assert "no judge rated" in said


@pytest.mark.parametrize(
    ("model", "problem"), [("operations", "nobody rates calls"), ("ordinal", "does not hold who rated")]
)
def test_fits_without_raters_are_refused(model: str, problem: str) -> None:
    tree = scored((1.0, 1.0))
    del tree["raters"]
    tree.attrs["model"] = model
    with pytest.raises(SettingError, match=problem):
        raters(tree)


# the command


def test_the_command(tmp_path: Path) -> None:
    path = str(tmp_path / "fit.nc")
    scored((1.0, 1.0, 3.0)).to_netcdf(path, engine="h5netcdf")
    run = CliRunner().invoke(app, ["raters", path])
    assert run.exit_code == 0, run.output
    words = " ".join(run.output.split())
    assert "person 3 disagrees most" in words
    assert words.index("disagrees most") < words.index("Misfit")
    found = json.loads(CliRunner().invoke(app, ["raters", path, "--json"]).stdout)
    assert [rater["name"] for rater in found["raters"]] == ["person 1", "person 2", "person 3"]
    assert found["apart"][0]["rater"] == "person 3"
    scored((1.0, 1.0), level="refuse").to_netcdf(path, engine="h5netcdf")
    assert CliRunner().invoke(app, ["raters", path]).exit_code == 3
    none = scored((1.0, 1.0))
    none.attrs["model"] = "operations"
    none.to_netcdf(path, engine="h5netcdf")
    refused = CliRunner().invoke(app, ["raters", path])
    assert refused.exit_code == 2
    assert "nobody rates calls" in " ".join(refused.output.split())


@pytest.mark.slow
def test_a_fit_holds_who_rated(tmp_path: Path) -> None:
    ratings = preference.small()
    tree = fit(ratings, model="preference", engine="fast", draws=100, chains=2, random_seed=1)
    tree.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    with xr.open_datatree(tmp_path / "fit.nc", engine="h5netcdf") as kept:
        found: Raters = raters(kept.load())
    each = ratings.table.groupby("rater")["weight"].sum()
    assert {rater.name: rater.ratings for rater in found.raters} == {str(name): int(n) for name, n in each.items()}
    assert {rater.kind for rater in found.raters} == set(ratings.table["kind"])
    assert any(trait.name == "left_bias" for rater in found.raters for trait in rater.traits)
