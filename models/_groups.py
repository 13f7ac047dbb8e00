"""Draws of the score story as labelled xarray groups: posterior, effects, predictions, prior, data.

Effects of items and outputs and everything that has one value a rating are kept for every n-th draw only, so that no array holds more
than `MAX_VALUES` numbers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from expsim_bayes.models._predict import (
    log_likelihoods,
    predictions,
    prior_components,
    prior_effects,
    prior_nested,
    rating_means,
)
from expsim_bayes.models._priors import Priors, Scale, score_scale
from expsim_bayes.models._recover import (
    ComponentDraws,
    Effects,
    Nested,
    Parts,
    nested_effects,
    parts_to_effects,
    voices_see,
)
from expsim_bayes.models._score_prior import log_priors
from expsim_bayes.models._statistics import Statistics, statistics
from expsim_bayes.models._task import Task, flat
from expsim_bayes.models._terms import Components, Terms, terms
from expsim_bayes.ratings import Coded, code

if TYPE_CHECKING:
    from expsim_bayes.ratings import Ratings

MAX_VALUES = 5_000_000
"""Most numbers in one array of draws by ratings, or draws by outputs."""
PRIOR_DRAWS = 1000
"""Draws from the prior."""
POOLS = {"sd_rater": "severity_pool", "sd_taste": "taste_pool", "sd_opinion": "opinion_pool"}
"""Dim of the sampled SDs that some evaluators lack."""
NESTED = {
    "sd_item": ("item_effect", "item"),
    "sd_interaction": ("interaction", "cell"),
    "sd_output": ("output_effect", "output"),
}
"""Variables of the effects group and their dim after (chain, draw), by the SD of their level."""
DIMS: dict[str, tuple[str, ...]] = {
    "quality": ("variant",),
    "q": ("variant",),
    "level": ("evaluator",),
    "scale_use": ("evaluator",),
    "severity": ("rater",),
    "shift": ("evaluator", "variant"),
    "taste": ("rater", "variant"),
    "sd_item": (),
    "sd_interaction": (),
    "sd_output": (),
    "sd_shift": (),
    "sd_rater": ("evaluator",),
    "sd_taste": ("evaluator",),
    "sd_opinion": ("evaluator",),
    "sd_noise": ("evaluator",),
}
"""Variables of the posterior and prior groups and their dims after (chain, draw)."""


@dataclass(frozen=True)
class Story:
    """Everything that turns sampled parts into the story's groups."""

    data: Coded
    present: Terms
    priors: Priors
    scale: Scale
    sums: Statistics
    fixed: Components | None

    def coords(self) -> dict[str, list[str]]:
        """Coordinates of the evaluators, raters and variants."""
        return {
            "variant": list(self.data.variants),
            "evaluator": list(self.data.evaluators),
            "rater": list(self.data.raters),
        }

    def attrs(self) -> dict[str, str | int]:
        """What a fit remembers of the story."""
        return {
            "model": "continuous",
            "unit": "points",
            "priors": self.priors.model_dump_json(),
            "scale": json.dumps(self.scale._asdict()),
            "reference": self.data.evaluators[self.present.reference],
            "terms": json.dumps([*self.present.sentences, self.scale.sentence]),
            "n_missing": self.data.n_missing,
            "components": "given" if self.fixed is not None else "estimated",
        }


def estimated(story: Story) -> dict[str, NDArray[np.bool_]]:
    """Which entries of each posterior variable are estimated; the others are constant by construction (0, 1 or NaN)."""
    present, data = story.present, story.data
    variants, free = len(data.variants), story.fixed is None
    severity, shift = np.array(present.severity), np.array(present.shift)
    of = data.rater_evaluator
    return {
        "quality": np.ones(variants, dtype=bool),
        "q": np.ones(variants, dtype=bool),
        "level": np.ones(len(data.evaluators), dtype=bool),
        "scale_use": np.array(present.scale_use),
        "severity": severity[of],
        "shift": np.repeat(shift[:, None], variants, axis=1),
        "taste": np.repeat(np.array(present.taste)[of][:, None], variants, axis=1),
        "sd_item": np.array(free and present.item),
        "sd_interaction": np.array(free and present.interaction),
        "sd_output": np.array(free and present.output),
        "sd_shift": np.array(free and any(present.shift)),
        "sd_rater": severity & free,
        "sd_taste": np.array(present.taste) & free,
        "sd_opinion": np.array(present.opinion) & free,
        "sd_noise": np.full(len(data.evaluators), free),
    }


def posterior_groups(
    effects: Effects, sd: ComponentDraws, story: Story, chains: int, rng: np.random.Generator
) -> dict[str, xr.Dataset]:
    """Groups posterior, log_prior, effects, posterior_predictive and log_likelihood from draws of effects and components.

    Parameters
    ----------
    effects : Effects
        Drawn, chain after chain.
    sd : ComponentDraws
        Drawn with them, or given.
    story : Story
        The ratings and what is believed of them.
    chains : int
        Chains of the same length.
    rng : numpy.random.Generator
        Draws items, outputs, opinions and predictions.
    """
    draws = len(effects.q) // chains
    groups = {"posterior": dataset(effects, sd, story, chains)}
    groups["log_prior"] = log_priors(groups["posterior"], estimated(story), story.priors, story.scale)
    step = keep_every(chains * draws, story.data)
    kept = np.arange(draws) % step == 0
    rows = np.flatnonzero(np.tile(kept, chains))
    sd, effects = sd.rows(rows), effects.rows(rows)
    seen = voices_see(effects, sd, story.sums)
    nested = nested_effects(seen, sd, sums=story.sums, present=story.present, rng=rng)
    groups["effects"] = nested_dataset(nested, story, chains)
    means = rating_means(effects, nested, sd, sums=story.sums)
    groups["posterior_predictive"] = rating_dataset(predictions(means, sd, story.data, rng), chains)
    groups["log_likelihood"] = rating_dataset(log_likelihoods(means, sd, story.data), chains)
    for name in ("effects", "posterior_predictive", "log_likelihood"):
        groups[name] = groups[name].assign_coords(draw=np.flatnonzero(kept)).assign_attrs(kept_every=step)
    return groups


def task(ratings: Ratings, priors: Priors | None = None, fixed: Components | None = None) -> Task:
    """What there is to do for scores on a continuous scale."""
    from expsim_bayes.models._marginal import PARTS, build_marginal_model

    told = story(ratings, priors, fixed)
    model = build_marginal_model(ratings, told.priors, fixed=fixed)
    names = [name for name in (*PARTS, *Components._fields) if name in model.named_vars]

    def groups(sampled: xr.Dataset, seed: np.random.SeedSequence) -> dict[str, xr.Dataset]:
        first, second = (np.random.default_rng(child) for child in seed.spawn(2))
        effects, sd = sampled_effects(sampled, told, first)
        found = posterior_groups(effects, sd, told, sampled.sizes["chain"], first)
        return found | prior_groups(told, second) | data_groups(told)

    return Task(model, names, groups, told.attrs())


def story(ratings: Ratings, priors: Priors | None = None, fixed: Components | None = None) -> Story:
    """Some ratings as the score story sees them, and what is believed of them."""
    data = code(ratings)
    present, scale = terms(data, fixed, tastes=(priors or Priors()).tastes), score_scale(data, ratings.score_range)
    return Story(data, present, priors or Priors(), scale, statistics(data, present), fixed)


def sampled_effects(sampled: xr.Dataset, story: Story, rng: np.random.Generator) -> tuple[Effects, ComponentDraws]:
    """The story's effects and components from the sampler's draws."""
    sd, parts = sampled_components(sampled, story), sampled_parts(sampled, story)
    effects = parts_to_effects(
        parts, sd, data=story.data, present=story.present, priors=story.priors, scale=story.scale, rng=rng
    )
    return effects, sd


def prior_groups(story: Story, rng: np.random.Generator) -> dict[str, xr.Dataset]:
    """Groups prior and prior_predictive, drawn straight from the story."""
    data, present, priors, scale = story.data, story.present, story.priors, story.scale
    sd = prior_components(
        PRIOR_DRAWS, data=data, present=present, priors=priors, scale=scale, fixed=story.fixed, rng=rng
    )
    effects = prior_effects(sd, data=data, present=present, priors=priors, scale=scale, rng=rng)
    groups = {"prior": dataset(effects, sd, story, 1)}
    step = keep_every(PRIOR_DRAWS, data)
    kept = np.arange(0, PRIOR_DRAWS, step)
    sd, effects = sd.rows(kept), effects.rows(kept)
    nested = prior_nested(sd, sums=story.sums, present=story.present, rng=rng)
    means = rating_means(effects, nested, sd, sums=story.sums)
    predicted = rating_dataset(predictions(means, sd, story.data, rng), 1)
    groups["prior_predictive"] = predicted.assign_coords(draw=kept).assign_attrs(kept_every=step)
    return groups


def data_groups(story: Story) -> dict[str, xr.Dataset]:
    """Groups observed_data and constant_data."""
    data = story.data
    codes = {name: ("rating", getattr(data, name)) for name in ("variant", "item", "output", "rater", "evaluator")}
    names = {**story.coords(), "item": list(data.items), "output": list(data.outputs)}
    constant = xr.Dataset({f"{name}_of": value for name, value in codes.items()}, coords=names)
    for name, mask in estimated(story).items():
        constant[f"{name}_estimated"] = (DIMS[name], mask.astype(np.int8))
    constant["rater_evaluator"] = ("rater", data.rater_evaluator)
    constant["evaluator_kind"] = ("evaluator", list(data.kinds))
    return {"observed_data": xr.Dataset({"score": ("rating", data.score)}), "constant_data": constant}


def keep_every(draws: int, data: Coded) -> int:
    """Distance of the draws that are kept where there is one value a rating or an output."""
    return max(1, int(np.ceil(draws * max(data.score.size, len(data.outputs)) / MAX_VALUES)))


def sampled_components(sampled: xr.Dataset, story: Story) -> ComponentDraws:
    """Components of every draw, zero where a term is absent."""
    draws = sampled.sizes["chain"] * sampled.sizes["draw"]
    if story.fixed is not None:
        return ComponentDraws.repeat(story.fixed, draws)
    evaluators = list(story.data.evaluators)

    def values(name: str) -> NDArray[np.float64]:
        full = np.zeros((draws, *(len(evaluators) for _ in DIMS[name])))
        if name in sampled and name in POOLS:
            full[:, [evaluators.index(str(who)) for who in sampled[POOLS[name]].values]] = flat(sampled[name])
        elif name in sampled:
            full = flat(sampled[name])
        return full

    return ComponentDraws(*(values(name) for name in ComponentDraws._fields))


def sampled_parts(sampled: xr.Dataset, story: Story) -> Parts:
    """Parts of every draw, zero where absent."""
    draws = sampled.sizes["chain"] * sampled.sizes["draw"]
    raters, variants = len(story.data.raters), len(story.data.variants)
    empty = {"rater_deviation": (draws, raters), "taste_deviation": (draws, raters, variants)}
    return Parts(*(flat(sampled[name]) if name in sampled else np.zeros(empty[name]) for name in Parts._fields))


def dataset(effects: Effects, sd: ComponentDraws, story: Story, chains: int) -> xr.Dataset:
    """The story's named quantities with dims (chain, draw, ...)."""
    quality = effects.level[:, [story.present.reference]] + effects.q
    values = {"quality": quality, **effects._asdict(), **sd._asdict()}
    masks = estimated(story)
    for name in ("severity", "taste"):
        values[name] = np.where(masks[name], values[name], np.nan)
    arrays = {
        name: (("chain", "draw", *dims), values[name].reshape(chains, -1, *values[name].shape[1:]))
        for name, dims in DIMS.items()
        if masks[name].any() or name.startswith("sd_") or name == "scale_use"
    }
    return xr.Dataset(arrays, coords={**story.coords(), **_draw_coords(chains, len(quality))})


def nested_dataset(nested: Nested, story: Story, chains: int) -> xr.Dataset:
    """Effects of items, cells, outputs and pairs of rater and output, with names as coordinates."""
    data, sums = story.data, story.sums
    cells = np.unique(np.stack([data.output_item, data.output_variant]), axis=1)
    effects = {"sd_item": nested.item, "sd_interaction": nested.interaction, "sd_output": nested.output}
    arrays: dict[str, tuple[tuple[str, ...], NDArray[np.float64]]] = {}
    coords: dict[str, list[str]] = {}
    for level in sums.levels:
        name, dim = NESTED[level.component]
        value = effects[level.component]
        assert value is not None  # a level that is present has been drawn
        arrays[name] = (("chain", "draw", dim), value.reshape(chains, -1, level.size))
        names = {"item": data.items, "output": data.outputs, "cell": cell_names(data, cells)}[dim]
        coords[dim] = [names[n] for n in level.label]
    if nested.opinion is not None:
        arrays["opinion"] = (("chain", "draw", "pair"), nested.opinion.reshape(chains, -1, nested.opinion.shape[1]))
        pairs = zip(sums.unit_rater, sums.unit_output, strict=True)
        coords["pair"] = [f"{data.raters[r]} | {data.outputs[o]}" for r, o in pairs]
    return xr.Dataset(arrays, coords={**coords, "chain": np.arange(chains)})


def cell_names(data: Coded, cells: NDArray[np.intp]) -> tuple[str, ...]:
    """Names of item x variant cells, given (2, cells) codes of item and variant."""
    return tuple(f"{data.items[i]} | {data.variants[v]}" for i, v in cells.T)


def rating_dataset(values: NDArray[np.float64], chains: int) -> xr.Dataset:
    """`score` with dims (chain, draw, rating), in single precision: a file of it stays small."""
    array = np.asarray(values.reshape(chains, -1, values.shape[1]), dtype=np.float32)
    return xr.Dataset({"score": (("chain", "draw", "rating"), array)}, coords={"chain": np.arange(chains)})


def _draw_coords(chains: int, rows: int) -> dict[str, NDArray[np.intp]]:
    return {"chain": np.arange(chains), "draw": np.arange(rows // chains)}
