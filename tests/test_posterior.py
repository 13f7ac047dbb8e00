"""The fast posterior against a dense twin that keeps every latent effect, items, outputs and opinions included."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from expsim_bayes.posterior import (
    Batch,
    Components,
    Layout,
    State,
    carried_over,
    init,
    latent_marginals,
    layout,
    quality_marginals,
    update,
)


def make_components(n_variants: int = 3, **changes: Any) -> Components:
    """A judge and a pool of people, all effects present."""
    given: dict[str, Any] = {
        "level_mean": np.array([3.0, 3.0]),
        "level_sd": np.array([2.0, 2.0]),
        "scale": np.array([0.7, 1.0]),
        "sd_variant": 0.4,
        "sd_item": 0.5,
        "sd_interaction": 0.3,
        "sd_output": np.linspace(0.2, 0.4, n_variants),
        "sd_rater": np.array([0.0, 0.4]),
        "sd_shift": np.array([0.2, 0.0]),
        "sd_taste": np.array([0.0, 0.15]),
        "sd_opinion": np.array([0.3, 0.5]),
        "sd_noise": np.array([0.4, 0.6]),
        "reference": 1,
    }
    return Components(**(given | changes))


RATER_EVALUATOR = np.array([0, 1, 1, 1])


def make_batch(
    rng: np.random.Generator,
    *,
    replications: int = 2,
    n_items: int = 5,
    n_variants: int = 3,
    n_generations: int = 2,
    repeats: int = 2,
    keep: float = 0.7,
) -> Batch:
    """A ragged design: some outputs are rated by judge and people, some raters rate twice, some cells have two generations."""
    rows = []
    for item in range(n_items):
        for slot in range(rng.integers(1, 4)):
            for generation in range(rng.integers(1, n_generations + 1)):
                for rater in range(4):
                    if rng.random() < keep:
                        rows += [(item, slot, generation, rater)] * int(rng.integers(1, repeats + 1))
    table = np.array(rows or [(0, 0, 0, 0)])
    cell = table[:, 0] * 100 + table[:, 1]
    output = cell * 10 + table[:, 2]
    # Which variant a slot shows may differ between replications, but not within a cell.
    cells, position = np.unique(cell, return_inverse=True)
    variant = rng.integers(0, n_variants, size=(replications, cells.size))[:, position]
    return Batch(
        score=rng.normal(3, 1, size=(replications, len(table))),
        variant=variant,
        rater=table[:, 3],
        item=table[:, 0],
        cell=cell,
        output=output,
        opinion=output * 10 + table[:, 3],
    )


def some(batch: Batch, mask: NDArray[np.bool_]) -> Batch:
    """Those ratings of a batch."""
    return Batch._make(values[..., mask] for values in batch)


def dense_twin(
    batches: list[Batch], components: Components, replication: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Posterior mean and covariance of (m, q, b, d, t) from the precision of everything, one effect a column, written out by loops."""
    columns: dict[tuple[Any, ...], tuple[float, float]] = {}
    k_count, v_count = len(components.scale), len(components.sd_output)
    for k in range(k_count):
        columns["m", k] = components.level_mean[k], components.level_sd[k]
    for v in range(v_count):
        columns["q", v] = 0.0, components.sd_variant
    for r, k in enumerate(RATER_EVALUATOR):
        if components.sd_rater[k] > 0:
            columns["b", r] = 0.0, components.sd_rater[k]
    for k in range(k_count):
        for v in range(v_count):
            if components.sd_shift[k] > 0:
                columns["d", k, v] = 0.0, components.sd_shift[k]
    for r, k in enumerate(RATER_EVALUATOR):
        for v in range(v_count):
            if components.sd_taste[k] > 0:
                columns["t", r, v] = 0.0, components.sd_taste[k]
    n_kept = len(columns)
    rows = []
    for b, batch in enumerate(batches):
        for n in range(batch.score.shape[1]):
            v, r = batch.variant[replication, n], batch.rater[n]
            k = RATER_EVALUATOR[r]
            lam = components.scale[k]
            row: dict[tuple[Any, ...], float] = {("m", k): 1.0, ("q", v): lam}
            crossed: tuple[tuple[Any, ...], ...] = (("b", r), ("d", k, v), ("t", r, v))
            for key in crossed:
                if key in columns:
                    row[key] = 1.0
            for key, loading, sd in (
                (("u", b, batch.item[n]), lam, components.sd_item),
                (("g", b, batch.cell[n]), lam, components.sd_interaction),
                (("w", b, batch.output[n]), lam, components.sd_output[v]),
                (("a", b, batch.opinion[n]), 1.0, components.sd_opinion[k]),
            ):
                if sd > 0:
                    columns.setdefault(key, (0.0, sd))
                    row[key] = loading
            rows.append((row, components.sd_noise[k], batch.score[replication, n]))
    index = {key: i for i, key in enumerate(columns)}
    mean, sd = np.array(list(columns.values())).T
    precision, weighted = np.diag(sd**-2), mean * sd**-2
    for row, noise, score in rows:
        x = np.zeros(len(columns))
        for key, value in row.items():
            x[index[key]] = value
        precision += np.outer(x, x) / noise**2
        weighted += x * score / noise**2
    cov = np.linalg.inv(precision)
    return (cov @ weighted)[:n_kept], cov[:n_kept, :n_kept]


def posterior(batches: list[Batch], components: Components) -> tuple[State, Layout]:
    places = layout(components, rater_evaluator=RATER_EVALUATOR)
    state = init(components, places)
    for batch in batches:
        state = update(state, batch, components, places)
    return state, places


CASES: dict[str, dict[str, Any]] = {
    "everything": {},
    "no items": {"sd_item": 0.0},
    "no interaction": {"sd_interaction": 0.0},
    "no output": {"sd_output": np.zeros(3)},
    "nothing shared": {"sd_item": 0.0, "sd_interaction": 0.0, "sd_output": np.zeros(3)},
    "no opinion": {"sd_opinion": np.zeros(2)},
    "no taste": {"sd_taste": np.zeros(2)},
    "no severity": {"sd_rater": np.zeros(2), "sd_taste": np.zeros(2)},
    "several judges without people": {"sd_shift": np.array([0.2, 0.3]), "reference": 0},
}


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("design", [{}, {"n_generations": 1}, {"repeats": 1, "n_generations": 1}, {"keep": 0.25}])
def test_agrees_with_the_dense_twin(changes: dict[str, Any], design: dict[str, Any]) -> None:
    rng = np.random.default_rng(7)
    components = make_components(**changes)
    batches = [make_batch(rng, **design) for _ in range(3)]
    state, _ = posterior(batches, components)
    found = latent_marginals(state)
    for replication in range(2):
        mean, cov = dense_twin(batches, components, replication)
        np.testing.assert_allclose(found.mean[replication], mean, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(found.cov[replication], cov, rtol=1e-8, atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), keep=st.floats(0.1, 1.0))
def test_agrees_with_the_dense_twin_on_any_design(seed: int, keep: float) -> None:
    rng = np.random.default_rng(seed)
    components = make_components()
    batches = [make_batch(rng, keep=keep, replications=1)]
    state, _ = posterior(batches, components)
    mean, cov = dense_twin(batches, components, 0)
    np.testing.assert_allclose(latent_marginals(state).mean[0], mean, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(latent_marginals(state).cov[0], cov, rtol=1e-8, atol=1e-8)


def test_quality_is_the_references_level_plus_what_the_variant_adds() -> None:
    components = make_components()
    state, places = posterior([make_batch(np.random.default_rng(1))], components)
    latent, quality = latent_marginals(state), quality_marginals(state, components, places)
    pick = np.zeros((3, places.size))
    pick[np.arange(3), places.quality] = 1
    pick[:, places.level[components.reference]] = 1
    np.testing.assert_allclose(quality.mean, latent.mean @ pick.T, rtol=1e-10)
    np.testing.assert_allclose(quality.cov, pick @ latent.cov @ pick.T, rtol=1e-9)


def test_before_any_rating_the_posterior_is_the_prior() -> None:
    components = make_components()
    state, places = posterior([], components)
    latent = latent_marginals(state)
    np.testing.assert_allclose(latent.mean[:, places.level], 3.0)
    np.testing.assert_allclose(np.sqrt(np.diagonal(latent.cov, axis1=1, axis2=2))[:, places.quality], 0.4)


def test_one_batch_equals_its_items_in_two() -> None:
    rng = np.random.default_rng(3)
    components = make_components()
    batch = make_batch(rng)
    early = batch.item < 2
    parts = [some(batch, mask) for mask in (early, ~early)]
    together, apart = posterior([batch], components)[0], posterior(parts, components)[0]
    np.testing.assert_allclose(together.precision, apart.precision, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(together.weighted, apart.weighted, rtol=1e-10, atol=1e-10)


def test_replications_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(5)
    components = make_components()
    batch = make_batch(rng, replications=4)
    whole = posterior([batch], components)[0]
    for r in range(4):
        alone = posterior([batch._replace(score=batch.score[[r]], variant=batch.variant[[r]])], components)[0]
        np.testing.assert_allclose(alone.precision[0], whole.precision[r], rtol=1e-12, atol=1e-12)


def test_renaming_variants_permutes_the_answer() -> None:
    rng = np.random.default_rng(6)
    components = make_components()
    batch = make_batch(rng)
    order = np.array([2, 0, 1])
    renamed = dataclasses.replace(components, sd_output=components.sd_output[np.argsort(order)])
    places = layout(components, rater_evaluator=RATER_EVALUATOR)
    first = quality_marginals(posterior([batch], components)[0], components, places)
    second = quality_marginals(posterior([batch._replace(variant=order[batch.variant])], renamed)[0], renamed, places)
    np.testing.assert_allclose(second.mean[:, order], first.mean, rtol=1e-9)
    np.testing.assert_allclose(second.cov[:, order][:, :, order], first.cov, rtol=1e-9)


def test_judges_alone_never_pass_the_floor() -> None:
    """With a flat prior the difference of two variants is never known better than sqrt(2) sd_shift / lambda."""
    components = make_components(
        sd_variant=1e4, sd_item=0.0, sd_interaction=0.0, sd_output=np.zeros(3), sd_opinion=np.zeros(2)
    )
    places = layout(components, rater_evaluator=RATER_EVALUATOR)
    n = 30_000
    codes = np.arange(n)
    batch = Batch(np.zeros((1, n)), (codes % 3)[None], np.zeros(n, dtype=int), codes, codes, codes, codes)
    cov = quality_marginals(update(init(components, places), batch, components, places), components, places).cov[0]
    sd = np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    assert sd == pytest.approx(np.sqrt(2) * 0.2 / 0.7, rel=1e-2)
    assert sd > np.sqrt(2) * 0.2 / 0.7


def test_knowledge_carried_to_a_wider_panel_is_that_of_the_wider_panel_from_the_start() -> None:
    """A judge's ratings, then carried to judge and people: the same as judge and people where the people gave none."""
    wider = make_components()
    by_evaluator = ("level_mean", "level_sd", "scale", "sd_rater", "sd_shift", "sd_taste", "sd_opinion", "sd_noise")
    judge_alone = dataclasses.replace(wider, **{name: getattr(wider, name)[:1] for name in by_evaluator}, reference=0)
    places, wider_places = (
        layout(judge_alone, rater_evaluator=np.array([0])),
        layout(wider, rater_evaluator=RATER_EVALUATOR),
    )
    batch = make_batch(np.random.default_rng(9), keep=1.0)
    batch = some(batch, batch.rater == 0)
    carried = carried_over(
        update(init(judge_alone, places), batch, judge_alone, places),
        judge_alone,
        places,
        wider=wider,
        wider_places=wider_places,
        evaluators=np.array([0]),
        raters=np.array([0]),
    )
    direct = update(init(wider, wider_places), batch, wider, wider_places)
    np.testing.assert_allclose(carried.precision, direct.precision, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(carried.weighted, direct.weighted, rtol=1e-10, atol=1e-10)
