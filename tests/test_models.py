"""The contract that every model of the family keeps, over the whole catalogue."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, cast

import cloudpickle  # type: ignore[import-untyped]
import numpy as np
import pymc as pm
import pytensor
import pytest
from arviz_contract import labels_belong
from pytensor.graph.traversal import ancestors

from expsim_bayes import models
from expsim_bayes.errors import SettingError
from expsim_bayes.frozen import Frozen
from expsim_bayes.models._completed import labelled
from expsim_bayes.models._effects import turn
from expsim_bayes.models._recipe import Recipe
from expsim_bayes.models._stored import stored
from expsim_bayes.ratings import Ratings, taking_part, validate

VARIANT_COLUMNS = ("variant", "variant_left", "variant_right")


@pytest.fixture(autouse=True)
def _python_linker() -> Iterator[None]:
    """Compile with pytensor's plain linker: each test has its own graph, and numba would spend minutes on them."""
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


def small(name: str) -> Ratings:
    """The small design of a model's simulator."""
    found: Ratings = import_module(f"expsim_bayes.simulate.{name}").small()
    return found


@pytest.fixture(params=models.RECIPES, scope="module")
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return models.recipe(request.param)


@pytest.fixture(scope="module")
def ratings(recipe: Recipe) -> Ratings:
    return small(recipe.name)


@pytest.fixture(scope="module")
def explicit(recipe: Recipe, ratings: Ratings) -> pm.Model:
    return recipe.build(ratings, recipe.priors())


@pytest.fixture(scope="module")
def sampled(recipe: Recipe, ratings: Ratings, explicit: pm.Model) -> pm.Model:
    return recipe.sampled(ratings, recipe.priors()) if recipe.sampled else explicit


@pytest.fixture(scope="module")
def density(sampled: pm.Model) -> Callable[[dict[str, Any]], float]:
    """Log density of the form that is sampled."""
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        return cast("Callable[[dict[str, Any]], float]", sampled.compile_logp())


@pytest.fixture(scope="module")
def start(sampled: pm.Model) -> dict[str, Any]:
    """Where its sampler may begin."""
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        return dict(sampled.initial_point(random_seed=1))


def test_a_model_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingError, match="no model") as caught:
        models.recipe("nonsense")
    with pytest.raises(SettingError, match="'continuous' has no recipe") as refused:
        models.recipe("continuous")
    assert "choose among binary" in str(refused.value)
    assert all(name in str(caught.value) for name in models.NAMES)


def test_a_recipe_bears_the_name_of_its_module(recipe: Recipe) -> None:
    module = import_module(f"expsim_bayes.models.{recipe.name}")
    assert module.RECIPE is recipe
    assert recipe.priors is module.Priors
    assert recipe.build is module.build_model
    assert f"`{recipe.name}`" in (models.__doc__ or "")


def test_every_prior_has_a_sentence(recipe: Recipe) -> None:
    declared = [each for each in recipe.priors.__mro__ if issubclass(each, Frozen) and each is not Frozen]
    bodies = [ast.parse(inspect.getsource(each)).body[0] for each in declared]
    said = {
        field.target.id: after.value.value
        for priors in bodies if isinstance(priors, ast.ClassDef)
        for field, after in itertools.pairwise(priors.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }  # fmt: skip
    assert set(said) == set(recipe.priors.model_fields)
    assert all(str(sentence).endswith(".") for sentence in said.values())


def test_quality_has_one_value_a_variant(recipe: Recipe, ratings: Ratings, explicit: pm.Model) -> None:
    assert explicit.named_vars_to_dims["quality"] == ("variant",)
    assert tuple(explicit.coords["variant"]) == ratings.variants
    assert taking_part(ratings).variants == ratings.variants
    assert recipe.outcome == ratings.outcome


def test_what_is_observed_stands_in_data_of_both_forms(recipe: Recipe, explicit: pm.Model, sampled: pm.Model) -> None:
    assert {rv.name for rv in explicit.observed_RVs} == set(recipe.observed)
    for data in recipe.observed.values():
        for model in (explicit, sampled):
            assert hasattr(model[data], "get_value"), f"{data} is no pm.Data"
    assert {rv.name for rv in sampled.free_RVs} <= {rv.name for rv in explicit.free_RVs}


@pytest.mark.long
def test_both_forms_have_the_same_prior_of_what_they_share(explicit: pm.Model, sampled: pm.Model) -> None:
    if sampled is explicit:
        pytest.skip("nothing is integrated out")
    shared = [rv.name for rv in sampled.free_RVs]
    point = explicit.initial_point(random_seed=3)
    values = {model: [model.rvs_to_values[model[name]] for name in shared] for model in (explicit, sampled)}
    logps = [
        model.compile_fn(model.logp(vars=[model[name] for name in shared], sum=False), inputs=values[model])(
            {value.name: point[value.name] for value in values[model]}
        )
        for model in (explicit, sampled)
    ]
    for one, other in zip(*logps, strict=True):
        np.testing.assert_allclose(one, other)


def test_prior_predictions_can_be_observed(recipe: Recipe, explicit: pm.Model) -> None:
    with explicit:
        drawn = pm.sample_prior_predictive(20, var_names=["quality", *recipe.observed], random_seed=1)
    for name, data in recipe.observed.items():
        predicted, observed = drawn["prior_predictive"][name].to_numpy(), explicit[data].get_value()
        assert predicted.shape[2:] == observed.shape
        assert np.isfinite(predicted).all()
        if np.issubdtype(observed.dtype, np.integer):
            assert np.issubdtype(predicted.dtype, np.integer)
            assert predicted.min() >= 0
    quality = drawn["prior"]["quality"].to_numpy()
    assert np.isfinite(quality).all()
    if recipe.unit == "share":
        assert quality.min() >= 0
        assert quality.max() <= 1


def test_arviz_labels_the_draws_of_a_fit_right(recipe: Recipe, explicit: pm.Model, sampled: pm.Model) -> None:
    """Made-up draws of everything that either form has, laid out as a fit keeps them."""
    rng = np.random.default_rng(1)
    for model in (explicit, sampled):
        told = [rv for rv in (*model.free_RVs, *model.deterministics) if rv.name not in recipe.nested]
        dims = [model.named_vars_to_dims.get(rv.name, ()) for rv in told]
        sizes = [
            [len(model.coords[dim]) for dim in each] if each else [n or 1 for n in rv.type.shape]
            for rv, each in zip(told, dims, strict=True)
        ]
        draws = labelled(model, {rv.name: rng.normal(size=(8, *size)) for rv, size in zip(told, sizes, strict=True)}, 2)
        labels_belong(stored({"posterior": draws})["posterior"])


def test_features_are_numbers_of_data_sets(recipe: Recipe, ratings: Ratings) -> None:
    job = models.task(recipe.name, ratings)
    assert job.attrs["model"] == recipe.name
    explicit = recipe.build(ratings, recipe.priors())
    name = next(iter(recipe.observed))
    observed = explicit[recipe.observed[name]].get_value()
    from expsim_bayes.models._draws import _data

    constant = _data(recipe, explicit)["constant_data"]
    once, twice = (recipe.features(np.stack([observed] * n), constant) for n in (1, 2))
    assert once
    assert list(once) == list(twice)
    for feature, value in twice.items():
        assert value.shape == (2,), feature
        np.testing.assert_allclose(value, np.repeat(once[feature], 2), rtol=1e-12)


def test_sentences_are_sentences(recipe: Recipe, ratings: Ratings) -> None:
    for sentence in recipe.sentences(ratings, recipe.priors()):
        assert sentence.endswith((".", ")"))


@pytest.mark.long
def test_a_model_travels_to_another_process(
    sampled: pm.Model, density: Callable[[dict[str, Any]], float], start: dict[str, Any]
) -> None:
    copied = cloudpickle.loads(cloudpickle.dumps(sampled))
    np.testing.assert_allclose(copied.compile_logp()(start), density(start), rtol=1e-12)


def test_the_order_of_rows_changes_nothing(
    recipe: Recipe, ratings: Ratings, density: Callable[[dict[str, Any]], float], start: dict[str, Any]
) -> None:
    shuffled = replace(ratings, table=ratings.table.sample(frac=1.0, random_state=2).reset_index(drop=True))
    other = (recipe.sampled or recipe.build)(shuffled, recipe.priors())
    point = moved(start, 4)
    np.testing.assert_allclose(other.compile_logp()(point), density(point), rtol=1e-10)


def test_names_of_variants_change_nothing(recipe: Recipe, ratings: Ratings, sampled: pm.Model) -> None:
    """Variants in the opposite order of names: the same values, told under the new names, have the same density."""
    new = dict(zip(ratings.variants, reversed(ratings.variants), strict=True))
    other = (recipe.sampled or recipe.build)(renamed(ratings, new), recipe.priors())
    drawn = dict(zip(sampled.free_RVs, pm.draw(sampled.free_RVs, random_seed=5), strict=True))
    told = {variable.name: _reordered(sampled, other, variable.name, value, new) for variable, value in drawn.items()}
    density = density_of(sampled, {variable.name: value for variable, value in drawn.items()})
    np.testing.assert_allclose(density_of(other, told), density, rtol=1e-9)


def density_of(model: pm.Model, values: Mapping[str, Any]) -> float:
    """Log density at some values of the free variables."""
    point = {}
    for variable in model.free_RVs:
        value, transform = values[variable.name], model.rvs_to_transforms[variable]
        if transform is not None:
            coordinate = transform.forward(pytensor.tensor.as_tensor_variable(value), *variable.owner.inputs)
            others = [other for other in model.free_RVs if other in ancestors([coordinate])]
            value = coordinate.eval({other: values[other.name] for other in others})
        point[model.rvs_to_values[variable].name] = value
    return float(model.compile_logp(jacobian=False)(point))


def renamed(ratings: Ratings, new: Mapping[str, str]) -> Ratings:
    """The same ratings, in the opposite order of variants."""
    frame = ratings.table.copy()
    for column in VARIANT_COLUMNS:
        if column in frame.columns:
            frame[column] = frame[column].map(dict(new))
    if "output" in frame.columns and frame["output"].nunique() > 1:
        frame["output"] = frame["output"].astype("str")
    return validate(
        frame,
        score_range=ratings.score_range,
        higher_is_better=ratings.higher_is_better,
        anonymous_kinds=ratings.anonymous_kinds,
        control=None if ratings.control is None else new[ratings.control],
        duplicates="keep",
    )


def moved(start: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """A point some way off the start."""
    rng = np.random.default_rng(seed)
    return {name: value + 0.1 * rng.normal(size=value.shape) for name, value in start.items()}


TURNED = ("q_raw", "shift_logit_raw", "shift_raw")
"""Effects of variants that models which turn what variants add have turned along the variants."""


def _reordered(one: pm.Model, other: pm.Model, name: str, value: Any, new: Mapping[str, str]) -> Any:
    """Values of one model along the coordinates of the other, matched by label with variants renamed."""
    dims = one.named_vars_to_dims.get(name) or one.named_vars_to_dims.get(name.removesuffix("_raw"), ())
    result = np.asarray(value)
    back = turn(np.zeros(result.shape[-1], dtype=np.intp)) if name in TURNED and "q_raw" in one.named_vars else None
    if back is not None:
        result = result @ back.T
    for axis, dim in enumerate(dims[: result.ndim]):
        labels, target = (_there(model, name, dim, result.shape) for model in (one, other))
        told = [_rename(label, new) for label in labels]
        if result.shape[axis] == len(labels) and sorted(told) == sorted(target):
            result = np.take(result, [told.index(label) for label in target], axis=axis)
    return result if back is None else result @ back


def _there(model: pm.Model, name: str, dim: str, shape: tuple[int, ...]) -> list[str]:
    """Labels along a dim, of lasting opinions only those that are there."""
    labels = np.array([str(label) for label in model.coords[dim]])
    some = len(shape) == 1 and shape[0] != labels.size and dim == "pair"
    return list(labels[pm.draw(model[name.removesuffix("_raw")]) != 0] if some else labels)


def _rename(label: str, new: Mapping[str, str]) -> str:
    for mark in (" | ", "/", " > ", ", "):
        if mark in label:
            return mark.join(_rename(part, new) for part in label.split(mark))
    return new.get(label, label)
