"""Verdicts of pass or fail without a sampler: the density against the PyMC model, its slopes by differences, and few verdicts on a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from expsim_bayes.errors import RatingsError
from expsim_bayes.fit import needs_sampler
from expsim_bayes.models._effects import turn
from expsim_bayes.models._truths import draw_truths
from expsim_bayes.models.binary import Priors, build_marginal_model
from expsim_bayes.ratings import validate
from expsim_bayes.simulate import binary
from expsim_bayes.votes.of_verdicts import Ruled
from expsim_bayes.votes.single import drawn
from expsim_bayes.votes.verdicts import SURE, _looked, _mode, weighed_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings
    from expsim_bayes.votes.sets import Tables

    Floats = NDArray[np.float64]

TWO: dict[str, Any] = {"q": (-0.5, 0.5)}
STORIES = {
    "gold labels for some": (binary.Truth(**TWO, items=12, gold=0.25), Priors(gold="gold")),
    "kinds of item, two judges": (
        binary.Truth(
            items=12, people=2, domains=2, sd_domain=0.5, sensitivity_logit=(2, 1, 0.5), specificity_logit=(2, 0.7, 0.3)
        ),
        Priors(domain="domain"),
    ),
    "judges alone, whose errors are known": (binary.Truth(**TWO, items=25, people=0), Priors(declared=True)),
}


class Case(NamedTuple):
    """Some ratings, and places at random."""

    ratings: Ratings
    priors: Priors
    story: Ruled
    given: dict[str, Floats]
    tables: Tables
    x: Floats


def case(name: str, sets: int = 3) -> Case:
    truth, priors = STORIES[name]
    ratings, rng = binary.ratings(truth, 3), np.random.default_rng(0)
    story = Ruled.of(ratings, priors)
    given = story.components.values(rng.normal(size=(sets, story.components.dims)))
    return Case(ratings, priors, story, given, story.tables(given), rng.normal(size=(sets, story.kind.size)))


@pytest.mark.parametrize("name", STORIES)
def test_the_likelihood_is_that_of_the_model(name: str) -> None:
    made = case(name)
    model = build_marginal_model(made.ratings, made.priors)
    whole = model.compile_fn(
        sum(part.sum() for part in model.potentials), inputs=model.free_RVs, on_unused_input="ignore", point_fn=True
    )
    free = made.story.named(made.given, made.x)
    wanted = [float(whole({rv.name: free[rv.name][s] for rv in model.free_RVs})) for s in range(len(made.x))]
    tables, which = made.tables, np.arange(len(made.x))
    found = weighed_each(made.story.votes, *tables, which, made.x, np.zeros((len(made.x), 0)))
    np.testing.assert_allclose(found + 0.5 * (made.x**2).sum(axis=1), wanted, rtol=1e-10)


@pytest.mark.parametrize("name", STORIES)
def test_slopes_and_curvatures_are_those_of_the_density(name: str) -> None:
    made, step = case(name), 1e-5
    at = made.story.votes, made.tables.first[0], made.tables.second[0], float(made.tables.stretch[0, 0])
    moves = step * np.eye(made.x.shape[1])
    up, down = ([_looked(*at, made.x[0] + sign * move) for move in moves] for sign in (1, -1))
    here = _looked(*at, made.x[0])
    slope = np.array([a.value - b.value for a, b in zip(up, down, strict=True)]) / (2 * step)
    bent = np.array([b.slope - a.slope for a, b in zip(up, down, strict=True)]) / (2 * step)
    np.testing.assert_allclose(here.slope, slope, atol=1e-6)
    np.testing.assert_allclose(here.curvature, bent, atol=1e-6)
    assert np.linalg.eigvalsh(here.certain).min() >= 1.0 - 1e-9  # wherever one is, a step leads uphill


@pytest.mark.parametrize("name", STORIES)
def test_the_mode_is_found_from_far_away(name: str) -> None:
    made = case(name)
    at = made.story.votes, made.tables.first[0], made.tables.second[0], float(made.tables.stretch[0, 0])
    for start in (np.zeros(made.x.shape[1]), 2.0 * made.x[0]):
        density, place, root = _mode(*at, start)
        here = _looked(*at, place)
        left = np.linalg.solve(root, here.slope)
        assert left @ left < SURE
        log_det = np.linalg.slogdet(here.curvature)[1]
        assert density == pytest.approx(here.value - 0.5 * log_det, abs=0.02)


def test_none_of_five_is_as_a_grid_has_it() -> None:
    """Five outputs of A fail and four of five of B pass, says gold: level and difference on a grid."""
    passed = [0] * 5 + [1, 1, 1, 1, 0]
    frame = pd.DataFrame(
        {"variant": ["A"] * 5 + ["B"] * 5, "item": list("0123456789"), "rater": "gold", "kind": "human", "score": passed}
    )  # fmt: skip
    ratings = validate(frame.assign(evaluator="gold"), score_range=(0, 1))
    story = Ruled.of(ratings, Priors(gold="gold"))
    assert story.components.dims == 0
    found = drawn(story, 4_000, np.random.default_rng(3), candidates=4_000, looks=100)
    named = story.named(found.given, found.x)
    q = named["q_raw"] @ turn(np.zeros(2, dtype=np.intp)).T
    rate = expit(named["level"][:, None] + q - q.mean(axis=1, keepdims=True))
    axis = np.linspace(-9.0, 9.0, 301)
    level, apart = np.meshgrid(axis, axis, indexing="ij")
    log = -0.5 * (level / np.hypot(1.5, 1.0 / np.sqrt(2.0))) ** 2 - 0.5 * (apart / np.sqrt(0.5)) ** 2
    a, b = expit(level - apart), expit(level + apart)
    weight = np.exp(log) * (1 - a) ** 5 * b**4 * (1 - b)
    weight /= weight.sum()
    for draws, values in ((rate[:, 0], a), (rate[:, 1], b), (rate[:, 1] - rate[:, 0], b - a)):
        mean = (weight * values).sum()
        sd = np.sqrt((weight * (values - mean) ** 2).sum())
        assert abs(draws.mean() - mean) < 0.08 * sd
        assert draws.std() == pytest.approx(sd, rel=0.06)


def test_gold_labels_alone_are_the_truths() -> None:
    """Without any verdict but gold labels, the truths that are drawn are these, not what rounds from infinity."""
    passed = [0, 1, 1, 0, 1, 1]
    frame = pd.DataFrame(
        {"variant": list("AAABBB"), "item": list("012345"), "rater": "gold", "kind": "human", "score": passed}
    )
    ratings = validate(frame.assign(evaluator="gold"), score_range=(0, 1))
    seen = Ruled.of(ratings, Priors(gold="gold")).seen
    drawn_truths = draw_truths(seen, np.zeros(6), None, np.zeros(0), np.zeros(0), np.random.default_rng(0))
    label = seen.ones[seen.label]
    np.testing.assert_array_equal(drawn_truths.truth, label)


def test_where_how_items_differ_must_be_sampled_the_sampler_is_asked_for() -> None:
    rows = [(v, i, n, int((n + len(i)) % 2)) for v in "AB" for i in ("x", "yy", "zzz") for n in range(4)]
    frame = pd.DataFrame(rows, columns=["variant", "item", "repeat", "score"])
    frame["output"] = frame["variant"] + frame["item"] + frame["repeat"].astype(str)
    ratings = validate(frame.drop(columns="repeat").assign(rater="ann", kind="human"), score_range=(0, 1))
    assert needs_sampler(ratings, "binary")
    with pytest.raises(RatingsError, match=r"so often.*engine nuts"):
        Ruled.of(ratings, Priors())
    assert not needs_sampler(binary.ratings(), "binary")
