"""A fit brought up to date: weighed draws against a fit of everything, and fitted again where weights will not do."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from dense_story import Dense, design, given
from small_scenario import CROWD, JUDGE, small

from expsim_bayes.diagnostics import Verdict
from expsim_bayes.errors import SettingError
from expsim_bayes.experiment import play
from expsim_bayes.fast.integration import systematic
from expsim_bayes.fast.marginal import Marginal
from expsim_bayes.fast.moments import moments
from expsim_bayes.fast.scores import posterior
from expsim_bayes.fit import fit
from expsim_bayes.models._groups import story
from expsim_bayes.models.continuous import Priors
from expsim_bayes.posterior.fitted import stacked
from expsim_bayes.ratings import Ratings, append, validate
from expsim_bayes.update import drawn, update, weigh


def two_batches(outputs: int = 24) -> tuple[Ratings, Ratings]:
    """The ratings of an experiment's looks but the last, and those of the last."""
    rules = [{"rule": "superiority", "threshold": 1.0}]
    crowd = {**CROWD, "raters": 3, "opinion_sd": 0.0, "taste_sd": 0.0}
    scenario = small(
        score_range=[-20, 30],
        looks=12,
        outputs_per_look=outputs,
        evaluators=[{**JUDGE, "opinion_sd": 0.0}, crowd],
        strategies={"sequential": {"stopping": rules}},
    )
    table = play(scenario, random_seed=5).ratings.table
    last = table["look"] == table["look"].max()

    def some(rows: pd.Series[bool]) -> Ratings:
        return validate(table.loc[rows].drop(columns="look"), score_range=scenario.score_range)

    return some(~last), some(last)


def test_weights_are_the_density_of_the_batch_given_the_draws() -> None:
    ratings = design("holes")
    told = story(ratings, fixed=given(ratings))
    sums = moments(told.data, told.present, told.sums, told.scale.middle)
    marginal = Marginal.of(sums, told.present, told.priors, told.scale)
    drawn = posterior(told, 5, np.random.default_rng(0))
    found = marginal.log_density_given(drawn.effects, drawn.sd)
    # p(ratings | effects) = p(ratings) p(effects | ratings) / p(effects), all three from the dense story
    dense = Dense(ratings, given(ratings), Priors())
    names: list[tuple[object, ...]] = []
    columns = []
    data, present = told.data, told.present
    for k in range(len(data.evaluators)):
        names.append(("m", k))
        columns.append(drawn.effects.level[:, k] - told.scale.middle)
    for v in range(len(data.variants)):
        names.append(("q", v))
        columns.append(drawn.effects.q[:, v])
        for k in range(len(data.evaluators)):
            if present.shift[k]:
                names.append(("d", k, v))
                columns.append(drawn.effects.shift[:, k, v])
    for r, k in enumerate(data.rater_evaluator):
        if present.severity[k]:
            names.append(("b", r))
            columns.append(drawn.effects.severity[:, r])
        for v in range(len(data.variants)):
            if present.taste[k]:
                names.append(("t", r, v))
                columns.append(drawn.effects.taste[:, r, v])
    x = np.stack(columns, axis=1)
    mean, cov = dense.posterior(names)
    prior = np.array([dense.prior[dense.names.index(name)] for name in names])

    def normal(off: np.ndarray, spread: np.ndarray) -> np.ndarray:
        _, log_det = np.linalg.slogdet(spread)
        return np.asarray(-0.5 * (np.einsum("di,ij,dj->d", off, np.linalg.inv(spread), off) + log_det))

    expected = dense.log_density() + normal(x - mean, cov) - normal(x, np.diag(prior))
    assert found == pytest.approx(expected, rel=1e-7)


def test_weighed_draws_are_those_of_a_fit_of_everything() -> None:
    ratings, batch = two_batches()
    before = fit(ratings, engine="fast", draws=4_000, random_seed=1)
    after, both = update(before, ratings, batch, random_seed=2)
    told = json.loads(after.attrs["update"])
    assert told["how"] == "reweighted"
    assert told["effective"] > 1_000
    assert len(both.table) == len(ratings.table) + len(batch.table)
    whole = fit(both, engine="fast", draws=4_000, random_seed=3)
    for name in ("quality", "level", "sd_noise"):
        one, other = (stacked(tree, name) for tree in (after, whole))
        sd = other.std(axis=0)
        assert np.abs((one.mean(axis=0) - other.mean(axis=0)) / sd).max() < 5 / np.sqrt(told["effective"] / 2)
        assert np.abs(one.std(axis=0) / sd - 1).max() < 0.12
    assert after["observed_data"].sizes["rating"] == len(both.table)
    assert Verdict.from_json(after.attrs["verdict"]).worst_ess <= told["effective"]
    assert after.attrs["data_sha256"] == both.sha256


def test_a_draw_that_was_taken_often_counts_once() -> None:
    ratings, batch = two_batches()
    told = story(append(ratings, batch))
    effects, sd = drawn(fit(ratings, engine="fast", draws=1_000, random_seed=1), story(ratings))
    once = weigh(effects, sd, told, batch)
    places = once.at
    taken = places[systematic(once.weight, 4_000, np.random.default_rng(0))]
    again = weigh(effects.rows(taken), sd.rows(taken), told, batch)
    assert len(again.at) == len(np.unique(taken)) < len(taken)
    assert again.effective < once.effective


def test_where_weights_will_not_do_it_is_fitted_again() -> None:
    ratings, batch = two_batches()
    before = fit(ratings, engine="fast", draws=100, random_seed=1)
    after, _ = update(before, ratings, batch, random_seed=2)
    told = json.loads(after.attrs["update"])
    assert told["how"] == "refitted"
    assert "worth" in told["why"]
    assert after["posterior"].sizes["draw"] == 100


def test_new_people_and_known_items_are_fitted_again() -> None:
    ratings, batch = two_batches(12)
    before = fit(ratings, engine="fast", draws=100)
    table = batch.table.assign(rater=batch.table["rater"].astype(str).replace({"crowd 1": "somebody"}))
    _, both = after = update(before, ratings, validate(table, score_range=ratings.score_range))
    assert "new raters" in json.loads(after[0].attrs["update"])["why"]
    assert "somebody" in set(both.table["rater"])
    again = batch.table.assign(item=ratings.table["item"].iloc[0], output=[f"o{n}" for n in range(len(batch.table))])
    found, _ = update(before, ratings, validate(again, score_range=ratings.score_range))
    assert "items" in json.loads(found.attrs["update"])["why"]


def test_a_fit_of_other_ratings_is_refused() -> None:
    ratings, batch = two_batches(12)
    before = fit(ratings, engine="fast", draws=100)
    with pytest.raises(SettingError, match="other ratings"):
        update(before, replace(ratings, sha256="0"), batch)
