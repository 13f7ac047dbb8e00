"""Votes fitted without a sampler: against brute force, against NUTS, and the shape of what comes back."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from arviz_contract import holds
from scipy.special import expit, logit, logsumexp, ndtri
from scipy.stats import qmc

from expsim_bayes.errors import SettingError
from expsim_bayes.fit import engine_of, fit, needs_sampler
from expsim_bayes.models._duel_priors import Priors
from expsim_bayes.models._podium_priors import Priors as PodiumPriors
from expsim_bayes.models._star_priors import Priors as StarPriors
from expsim_bayes.posterior.fitted import stacked
from expsim_bayes.ratings import validate
from expsim_bayes.simulate import binary as judged
from expsim_bayes.simulate import preference as duel_truth
from expsim_bayes.simulate import ranking as podium_truth
from expsim_bayes.votes.fitted import fitted
from expsim_bayes.votes.of_duels import Compared
from expsim_bayes.votes.of_rankings import Ordered
from expsim_bayes.votes.of_stars import Starred
from expsim_bayes.votes.sets import weighed
from expsim_bayes.votes.single import drawn

if TYPE_CHECKING:
    import xarray as xr

    from expsim_bayes.fit import Engine
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.votes.single import Drawn

DRAWS: dict[str, Any] = {"draws": 1000, "random_seed": 3}
APART, WIDE = 0.1, 0.1
"""How far means may be apart, in SDs, and SDs, relatively."""


def uniforms(log2: int, dims: int) -> np.ndarray:
    """Evenly spread points of the unit cube."""
    return np.clip(qmc.Sobol(dims, rng=np.random.default_rng(0)).random_base2(log2), 1e-9, 1 - 1e-9)


def close(values: np.ndarray, weight: np.ndarray, draws: np.ndarray) -> None:
    """Weighted values and draws have the same mean and SD."""
    mean = weight @ values / weight.sum()
    sd = np.sqrt(weight @ (values - mean) ** 2 / weight.sum())
    assert weight.sum() ** 2 / (weight**2).sum() > 1_500
    np.testing.assert_allclose((draws.mean(axis=0) - mean) / sd, 0.0, atol=APART)
    np.testing.assert_allclose(draws.std(axis=0) / sd, 1.0, atol=WIDE)


@cache
def few_duels() -> Ratings:
    """One person on five items, three times each; B always wins on two of them."""
    won = [["left"] * 3, ["left"] * 3, ["left", "tie", "right"], ["right", "left", "left"], ["left", "left", "tie"]]
    other = {"left": "right", "right": "left", "tie": "tie"}
    rows = []
    for i, sides in enumerate(won):
        for n, side in enumerate(sides):
            left, right, said = ("B", "A", side) if n % 2 == 0 else ("A", "B", other[side])
            rows.append((str(i), left, right, n, "ann", "human", said))
    columns = ["item", "variant_left", "variant_right", "repeat", "rater", "kind", "outcome"]
    return validate(pd.DataFrame(rows, columns=columns), variants=("A", "B"), control="A")


def test_few_comparisons_are_as_brute_force_has_them() -> None:
    ratings = few_duels()
    u = ndtri(uniforms(16, 4))
    ahead, order, log_nu = np.sqrt(2) * u[:, 0], 0.7 * u[:, 1], -1 + 1.5 * u[:, 2]
    spread = 2.5 * np.abs(u[:, 3])
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    weights = weights / weights.sum()
    table = ratings.table
    logs = np.zeros(len(u))
    for item in table["item"].unique():
        each = np.zeros((len(u), nodes.size))
        for row in table[table["item"] == item].itertuples():
            sign = 1 if row.variant_left == "B" else -1
            eta = (
                sign * (np.sqrt(1 + 0.69 * spread**2) * ahead)[:, None]
                + sign * np.sqrt(2) * spread[:, None] * nodes
                + order[:, None]
            )
            logits = np.stack([eta / 2, np.broadcast_to(log_nu[:, None], eta.shape), -eta / 2])
            logits -= np.log(np.exp(logits).sum(axis=0))
            each += logits[["left", "tie", "right"].index(row.outcome)]
        logs += np.log(np.exp(each) @ weights)
    weight = np.exp(logs - logs.max())
    both = np.zeros(len(u))
    for sign in (1, -1):
        eta = (np.sqrt(1 + 0.69 * spread**2) * ahead + sign * order)[:, None] + np.sqrt(2) * spread[:, None] * nodes
        left, tie, right = np.exp(eta / 2), np.exp(log_nu)[:, None], np.exp(-eta / 2)
        both += 0.5 * ((left + tie / 2) / (left + tie + right)) @ weights
    tree = fit(ratings, model="preference", engine="fast", **DRAWS)
    close(both, weight, stacked(tree, "quality")[:, 1])
    close(spread, weight, tree["posterior"]["sd_interaction"].to_numpy().ravel())
    holds(tree)
    assert list(json.loads(tree.attrs["integration"])["ess"]) == ["B"], "the control's quality is a half by definition"


def test_items_are_integrated_out_however_sharply_a_judge_sees_them() -> None:
    rng = np.random.default_rng(3)
    rows = [
        (str(i), "AB"[i % 2], who, kind, int(rng.integers(1, 6)))
        for i in range(60)
        for who, kind in (("ann", "human"), ("bot", "llm"))
    ]
    frame = pd.DataFrame(rows, columns=["item", "variant", "rater", "kind", "score"])
    story = Starred.of(validate(frame, control="A", score_range=(1, 5)), StarPriors())
    logs = np.array([0.0, 2.0, 4.0])
    given = story.components.values(np.zeros((logs.size, story.components.dims)))
    given["log_use"], given["sd_item"] = logs[:, None], np.full((logs.size, 1), 0.5)
    tables, at = story.tables(given), np.repeat(story.start()[None], logs.size, axis=0)
    own = np.zeros((logs.size, len(rows) // 2))
    found = weighed(story.votes, tables, np.arange(logs.size), at, own)
    z, edges = np.linspace(-9, 9, 40_001), np.r_[-np.inf, logit(np.arange(1, 5) / 5), np.inf]
    exact = np.zeros(logs.size)
    for n in range(0, len(rows), 2):
        log = np.repeat(-0.5 * z[None] ** 2, logs.size, axis=0)
        for _, _, who, _, score in rows[n : n + 2]:
            k = list(story.seen.data.evaluators).index({"ann": "human", "bot": "bot"}[who])
            heard = (np.exp(logs) if who == "bot" else np.ones(logs.size))[:, None] * 0.5 * z
            low, high = (tables.stretch[:, [k]] * edges[score - 1 + side] - heard for side in (0, 1))
            log += np.log(np.maximum(expit(high) - expit(low), 1e-300))
        exact += logsumexp(log, axis=1)
    np.testing.assert_allclose(found - found[0], exact - exact[0], atol=1.0)


@cache
def few_stars() -> Ratings:
    """One person on seven items, with two variants."""
    scores = [(1, 3), (2, 3), (1, 1), (3, 3), (2, 3), (1, 2), (2, 3)]
    rows = [(str(i), v, "ann", "human", s) for i, pair in enumerate(scores) for v, s in zip("AB", pair, strict=True)]
    frame = pd.DataFrame(rows, columns=["item", "variant", "rater", "kind", "score"])
    return validate(frame, variants=("A", "B"), control="A", score_range=(1, 3))


def test_few_stars_are_as_brute_force_has_them() -> None:
    table = few_stars().table
    u = uniforms(19, 12)
    z = ndtri(u[:, :10])
    q, sd = 0.7 * z[:, :2], np.abs(z[:, 2])
    item = sd[:, None] * z[:, 3:10]
    e = -np.log(np.column_stack([u[:, 10:], np.random.default_rng(1).random(len(u))]))
    below = np.cumsum(e / e.sum(axis=1, keepdims=True), axis=1)[:, :2]
    cut = np.sqrt(1 + sd[:, None] ** 2 / (np.pi**2 / 3)) * logit(np.clip(below, 1e-12, 1 - 1e-12))
    logs = np.zeros(len(u))
    for variant, item_name, score in table[["variant", "item", "score"]].to_numpy().tolist():
        v, i, step = "AB".index(variant), int(item_name), int(score)
        eta = q[:, v] - q.mean(axis=1) + item[:, i] - item.mean(axis=1)
        edges = np.column_stack([np.zeros(len(u)), expit(cut - eta[:, None]), np.ones(len(u))])
        logs += np.log(edges[:, step] - edges[:, step - 1])
    weight = np.exp(logs - logs.max())
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    at = q - q.mean(axis=1, keepdims=True) - item.mean(axis=1, keepdims=True)
    quality = np.ones(at.shape)
    for node, share in zip(nodes, weights / weights.sum(), strict=True):
        quality += share * expit(at[:, :, None] + (sd * node)[:, None, None] - cut[:, None, :]).sum(axis=2)
    posterior = fitted(few_stars(), "ordinal", **DRAWS)[0]["posterior"]
    found = posterior["quality"].to_numpy().reshape(-1, 2)
    close(quality, weight, found)
    close(quality[:, 1] - quality[:, 0], weight, found[:, 1] - found[:, 0])
    close(sd, weight, posterior["sd_item"].to_numpy().ravel())


def test_steps_are_believed_in_at_the_average_of_the_items_that_are_there() -> None:
    priors = StarPriors()
    story = Starred.of(few_stars(), priors)
    rng, count, spread = np.random.default_rng(5), 40_000, 2.5
    below = np.cumsum(rng.dirichlet(np.full(3, priors.shares), count), axis=1)[:, :2]
    plain = logit(np.clip(below, 1e-12, 1 - 1e-12))
    x = np.zeros((count, story.size))
    x[:, 0], x[:, 1] = plain[:, 0], np.log(np.expm1(np.diff(plain, axis=1)[:, 0]))
    given = story.components.values(np.zeros((count, story.components.dims)))
    given["sd_item"] = np.full((count, 1), spread)
    mean = spread / np.sqrt(7) * rng.standard_normal(count)
    weight = np.exp(story.preferred(given, x, mean))
    shares = story.named(given, x, mean, mean)["shares"][:, 0]
    believed = rng.dirichlet(np.full(3, priors.shares), count)
    plainly = np.abs((shares**2).mean(axis=0) - (believed**2).mean(axis=0)).max()
    assert plainly > 0.01
    for power in (1, 2, 3):
        weighed = weight @ shares**power / weight.sum()
        np.testing.assert_allclose(weighed, (believed**power).mean(axis=0), atol=0.3 * plainly)


@cache
def fits(model: str, engine: Engine) -> xr.DataTree:
    """A small data set of judges and people, fitted one way or the other."""
    ratings = duel_truth.ratings(duel_truth.Truth(items=10, people=2), random_seed=5)
    if model == "ranking":
        ratings = podium_truth.ratings(podium_truth.Truth(items=20, people=3, ranked=3), random_seed=5)
    if model == "binary":
        ratings = judged.small(3)
    return fit(ratings, model=model, engine=engine, tune=500, **DRAWS)


def layout(tree: xr.DataTree) -> dict[str, Any]:
    """Names, dims, types and coordinates of every group but the sampler's own."""
    return {
        group: (
            {str(n): (v.dims, v.shape, v.dtype.kind) for n, v in tree[group].data_vars.items()},
            {str(n): v.to_numpy().tolist() for n, v in tree[group].coords.items()},
        )
        for group in tree.children
        if group != "sample_stats"
    }


@pytest.mark.long
@pytest.mark.parametrize("model", ["preference", "ranking", "binary"])
def test_a_fit_without_a_sampler_is_laid_out_like_one_with(model: str) -> None:
    sampled, quick = fits(model, "nuts"), fits(model, "fast")
    assert layout(quick) == layout(sampled)
    for tree in (sampled, quick):
        holds(tree)
    kept = {"engine", "verdict", "settings", "started_utc", "finished_utc", "integration"}
    assert {k: v for k, v in quick.attrs.items() if k not in kept} == {
        k: v for k, v in sampled.attrs.items() if k not in kept
    }
    assert json.loads(quick.attrs["verdict"])["level"] == "ok"


@pytest.mark.long
@pytest.mark.parametrize("model", ["preference", "ranking", "binary"])
def test_engines_agree(model: str) -> None:
    sampled, quick = (stacked(tree, "quality") for tree in (fits(model, "nuts"), fits(model, "fast")))
    for one, other in ((sampled, quick), (np.diff(sampled, axis=1), np.diff(quick, axis=1))):
        free = one.std(axis=0) > 1e-9  # the control is one half by definition
        assert np.abs((one.mean(axis=0) - other.mean(axis=0))[free] / one.std(axis=0)[free]).max() < 0.15
        np.testing.assert_allclose(other.std(axis=0)[free] / one.std(axis=0)[free], 1.0, atol=0.1)
    best = [np.eye(one.shape[1])[one.argmax(axis=1)].mean(axis=0) for one in (sampled, quick)]
    np.testing.assert_allclose(best[0], best[1], atol=0.03)


def tried(ratings: Ratings, seed: int = 3) -> tuple[dict[str, np.ndarray], Drawn]:
    """Draws of comparisons, without the groups of a fit."""
    story = Compared.of(ratings, Priors())
    found = drawn(story, 4_000, np.random.default_rng(seed), candidates=2_000, looks=100)
    return story.named(found.given, found.x), found


def test_the_same_seed_gives_the_same_draws() -> None:
    one, other = (tried(few_duels())[1] for _ in range(2))
    assert np.array_equal(one.x, other.x)
    assert one.k_hat < 0.7


def test_who_never_lost_is_not_certain_to_be_better() -> None:
    rows = [("A", "B", "left", n, "ann") for n in range(5)]
    frame = pd.DataFrame(rows, columns=["variant_left", "variant_right", "outcome", "repeat", "rater"])
    named, _ = tried(validate(frame, control="B"))
    order, log_nu = 0.7 * ndtri(uniforms(14, 3)[:, 1]), -1 + 1.5 * ndtri(uniforms(14, 3)[:, 2])
    ahead = np.sqrt(2) * ndtri(uniforms(14, 3)[:, 0])
    left = np.exp((ahead + order) / 2)
    weight = (left / (left + np.exp(log_nu) + 1 / left)) ** 5
    close(ahead, weight, named["q"][:, 0] - named["q"][:, 1])


def few_rankings(orders: list[list[str]]) -> Ratings:
    """What one person says of three variants or two of them, item after item, up to three times."""
    rows = [
        (str(i), n, variant, place)
        for i, several in enumerate(orders)
        for n, order in enumerate(several)
        for place, variant in enumerate(order, start=1)
    ]
    frame = pd.DataFrame(rows, columns=["item", "repeat", "variant", "rank"])
    return validate(frame.assign(rater="ann", kind="human"), variants=("A", "B", "C"), control="A")


def test_few_rankings_are_as_brute_force_has_them() -> None:
    orders = [["BCA", "BAC", "BCA"], ["ABC", "BAC", "AB"], ["CBA", "CA", "CBA"], ["BA", "BAC", "ABC"]]
    u = ndtri(uniforms(14, 4))
    spread = 0.7 * np.abs(u[:, 3])
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    fits = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    turned = (fits / np.sqrt([2.0, 6.0])) @ np.array([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]])
    logs = np.zeros(len(u))
    for several in orders:
        worth = np.exp(u[:, None, :3] + spread[:, None, None] * turned)
        each = np.ones(worth.shape[:2])
        for order in several:
            at = ["ABC".index(name) for name in order]
            for place in range(len(at) - 1):
                each *= worth[..., at[place]] / worth[..., at[place:]].sum(axis=2)
        logs += np.log(each @ np.outer(weights, weights).ravel())
    weight = np.exp(logs - logs.max())
    story = Ordered.of(few_rankings(orders), PodiumPriors())
    found = drawn(story, 4_000, np.random.default_rng(3), candidates=2_000, looks=100)
    named = story.named(found.given, found.x)
    assert found.k_hat < 0.7
    q = u[:, :3] - u[:, :3].mean(axis=1, keepdims=True)
    close(q, weight, named["q"])
    close(spread, weight, named["sd_interaction"])


def test_rankings_of_one_item_are_counted_and_told_as_brute_force_has_them() -> None:
    orders = ["ABC", "ABC", "ACB", "BAC", "ABC", "BC"]
    q = ndtri(uniforms(14, 3))
    weight = np.ones(len(q))
    for order in orders:
        worth = np.exp(q[:, ["ABC".index(name) for name in order]])
        for place in range(len(order) - 1):
            weight *= worth[:, place] / worth[:, place:].sum(axis=1)
    story = Ordered.of(few_rankings([orders]), PodiumPriors())
    assert story.components.dims == 0
    assert story.votes.weight.sum() == len(orders)
    assert story.votes.weight.size == len(set(orders))
    found = drawn(story, 4_000, np.random.default_rng(3), candidates=2_000, looks=100)
    close(q - q.mean(axis=1, keepdims=True), weight, story.named(found.given, found.x)["q"])


def test_engines_of_votes() -> None:
    assert engine_of("fast", "preference", 10) == "fast"
    assert engine_of("auto", "robust", 50_000) == "nuts"
    assert engine_of("fast", "ranking", 10) == "fast"
    assert engine_of("auto", "ranking", 50_000) == engine_of("auto", "binary", 50_000) == "fast"
    assert engine_of("auto", "ranking", 50_000, sampled_anyway=True) == "nuts"
    assert not needs_sampler(few_rankings([["ABC"]] * 3), "ranking")
    eight = few_rankings([["ABC"]] * 3)
    table = pd.concat([eight.table.assign(variant=eight.table["variant"] + str(n), repeat=n) for n in range(3)])
    assert needs_sampler(validate(table), "ranking")
    with pytest.raises(SettingError, match=r"9 variants of one item.*7 are the most"):
        Ordered.of(validate(table), PodiumPriors())
    with pytest.raises(SettingError, match="needs a sampler"):
        engine_of("fast", "robust", 10)
