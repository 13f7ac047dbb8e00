"""Evaluators: what is refused, which price counts, and the panel against a plain loop."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from expsim_bayes.evaluators import Evaluator, Kind, panel, rater_names

PLAIN: dict[str, Any] = {"name": "e", "kind": "llm", "noise_sd": 0.5, "usd_per_rating": 0.01}


def evaluator(**changes: Any) -> Evaluator:
    return Evaluator.model_validate({key: value for key, value in (PLAIN | changes).items() if value is not None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "name"),
        ({"kind": "robot"}, "kind"),
        ({"noise_sd": 0}, "noise_sd"),
        ({"noise_sd": float("nan")}, "noise_sd"),
        ({"severity_sd": -0.1}, "severity_sd"),
        ({"scale_use": 0}, "scale_use"),
        ({"raters": 0}, "raters"),
        ({"parallel": 0}, "parallel"),
        ({"hours_per_day": 25}, "hours_per_day"),
        ({"usd_per_rating": None}, "has no price"),
        ({"usd_per_rating": None, "wage_usd_per_hour": 20}, "seconds_per_rating"),
        ({"usd_per_rating": None, "model": "gpt-4o-mini"}, "tokens_in"),
        ({"usd_per_rating": None, "model": "gpt-99-huge", "tokens_in": 5}, "gpt-99-huge"),
        ({"kind": "human", "shift_sd": 0.1}, "taste_sd"),
        ({"kind": "human", "shift": {"A": 0.1}}, "taste_sd"),
        ({"severity_sd": 0.2}, "raters of 2 or more"),
        ({"taste_sd": 0.2}, "raters of 2 or more"),
        ({"noise": 0.2}, "noise"),
    ],
)
def test_what_is_refused_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        evaluator(**changes)


def test_a_stated_price_wins_over_wages_and_wages_over_tokens() -> None:
    everything: dict[str, Any] = {
        "wage_usd_per_hour": 18,
        "seconds_per_rating": 20,
        "model": "gpt-4o-mini",
        "tokens_in": 1000,
        "tokens_out": 1000,
    }
    assert evaluator(**everything).usd_per_rating_paid == 0.01
    assert evaluator(**everything, usd_per_rating=None).usd_per_rating_paid == pytest.approx(0.1)
    by_tokens = everything | {"wage_usd_per_hour": None, "usd_per_rating": None}
    assert evaluator(**by_tokens).usd_per_rating_paid == pytest.approx(1000 * (0.15e-6 + 0.60e-6))


def test_an_evaluator_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        evaluator().noise_sd = 1.0  # type: ignore[misc]


def test_names_of_raters_sort_as_they_are_numbered() -> None:
    names = rater_names(evaluator(name="crowd", kind="human", raters=12))
    assert len(set(names)) == 12
    assert list(names) == sorted(names)
    assert rater_names(evaluator(name="judge")) == ("judge",)


@given(
    pools=st.lists(st.tuples(st.sampled_from(["human", "llm", "metric"]), st.integers(1, 12)), min_size=1, max_size=5)
)
def test_panel_numbers_raters_through(pools: list[tuple[Kind, int]]) -> None:
    declared = [evaluator(name=f"e{k}", kind=kind, raters=n) for k, (kind, n) in enumerate(pools)]
    who = panel(declared)
    seen = 0
    for k, (kind, n) in enumerate(pools):
        assert who.kinds[k] == kind
        assert who.first_rater[k] == seen
        for rater in range(seen, seen + n):
            assert who.rater_evaluator[rater] == k
            assert who.raters[rater].startswith(f"e{k}")
        seen += n
    assert seen == len(who.raters) == who.rater_evaluator.size
    kinds = [kind for kind, _ in pools]
    assert who.reference == (kinds.index("human") if "human" in kinds else 0)


def test_the_reference_is_the_first_pool_of_people_and_of_judges_alone_the_one_with_most_ratings() -> None:
    people = [evaluator(name=name, kind="human") for name in ("zoe", "abe")]
    judges = [evaluator(name=name) for name in ("zed", "abe")]
    assert panel([*judges, *people]).reference == 2
    assert panel(judges).reference == 1  # alike: the first by name, as a fit of their ratings has it
    assert panel([evaluator(name="zed", ratings_per_output=2), judges[1]]).reference == 0
