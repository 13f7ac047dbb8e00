"""Comparisons before any model: what is counted, how, and what is said of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from expsim_bayes.ratings import code_comparisons, describe, validate
from expsim_bayes.ratings.comparison_description import ComparisonDescription, describe_comparisons
from expsim_bayes.recommend import measures
from expsim_bayes.simulate.preference import Truth, ratings

COLUMNS = ["item", "variant_left", "variant_right", "rater", "outcome"]


def table(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


def described(*rows: tuple[str, str, str, str, str]) -> ComparisonDescription:
    return describe_comparisons(validate(table(*rows)))


def test_the_reference_has_most_comparisons_and_not_most_rows() -> None:
    few = [("A", "B", "left", "expert", 1)] * 2 + [("A", "B", "right", "expert", 1)] * 2
    many = [("A", "B", "left", "crowd", 500), ("A", "B", "right", "crowd", 400)]
    frame = pd.DataFrame(few + many, columns=["variant_left", "variant_right", "outcome", "evaluator", "weight"])
    frame = frame.assign(rater=frame["evaluator"], kind="human", item=[str(n) for n in range(len(frame))])
    coded = code_comparisons(validate(frame))
    assert coded.evaluators[coded.reference] == "crowd"


def test_numbers_by_hand() -> None:
    facts = described(
        ("1", "A", "B", "ann", "left"), ("1", "B", "A", "ann", "right"), ("2", "A", "C", "bob", "tie"), ("2", "C", "B", "bob", ""),
    )  # fmt: skip
    assert (facts.n_ratings, facts.n_missing, facts.n_items) == (3, 1, 2)
    of_a: Any = facts.variants.loc["A"]
    assert of_a[["comparisons", "missing", "won", "tied", "lost"]].tolist() == [3, 0, 2, 1, 0]
    assert facts.variants["missing"].tolist() == [0, 1, 1]
    assert facts.variants["share"].to_numpy() == pytest.approx([2.5 / 3, 0.0, 0.5])
    row: Any = facts.evaluators.loc["human"]
    assert row[["raters", "comparisons", "again"]].tolist() == [2, 3, 1]
    assert row[["left", "tie", "right", "both_orders", "same_again"]].astype(float).to_numpy() == pytest.approx(
        [1 / 3, 1 / 3, 1 / 3, 0.5, 1.0]
    )
    assert facts.raters.loc["bob", "tie"] == 1.0


def test_totals_agree_with_each_other_and_with_the_table() -> None:
    facts = describe_comparisons(ratings(Truth(items=20), 4))
    assert facts.variants["won"].sum() == facts.variants["lost"].sum()
    assert facts.variants["comparisons"].sum() == 2 * facts.n_ratings
    assert facts.evaluators["comparisons"].sum() == facts.raters["comparisons"].sum() == facts.n_ratings
    np.testing.assert_allclose(facts.evaluators[["left", "tie", "right"]].sum(axis=1), 1.0)


def test_the_order_of_rows_changes_nothing() -> None:
    one = ratings(Truth(items=5), 1)
    other = validate(one.table.sample(frac=1.0, random_state=3), variants=one.variants, control=one.control)
    for x, y in zip(code_comparisons(one), code_comparisons(other), strict=True):
        np.testing.assert_array_equal(x, y)


def test_counts_and_rows_say_the_same() -> None:
    counts = pd.DataFrame(
        {
            "variant_left": ["A", "B"],
            "variant_right": ["B", "A"],
            "wins_left": [3, 1],
            "ties": [1, 0],
            "wins_right": [2, 2],
        }
    )
    whole = validate(counts)
    rows = whole.table.loc[whole.table.index.repeat(whole.table["weight"].astype(int))].drop(columns="weight")
    single = validate(rows.reset_index(drop=True), duplicates="keep")
    one, other = describe_comparisons(whole), describe_comparisons(single)
    pd.testing.assert_frame_equal(one.variants, other.variants)
    assert describe(whole).n_ratings == 9
    assert set(one.warnings) == set(other.warnings)


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ([("A", "B")], False),
        ([("A", "B"), ("B", "A")], True),
        ([("A", "B"), ("B", "C")], False),
        ([("A", "B"), ("B", "C"), ("A", "C")], True),
        ([("A", "B"), ("A", "C"), ("A", "D")], False),
    ],
)
def test_a_position_effect_is_told_where_no_abilities_do_the_same(shown: list[tuple[str, str]], told: bool) -> None:  # noqa: FBT001
    facts = described(*((str(n), one, other, "ann", "left") for n, (one, other) in enumerate(shown)))
    assert bool(facts.evaluators.loc["human", "order_told"]) is told


def test_levels_are_where_wins_lead_one_way() -> None:
    facts = described(("1", "A", "B", "ann", "left"), ("2", "B", "C", "ann", "tie"), ("3", "C", "D", "ann", "left"))
    assert sorted(facts.levels) == [("A",), ("B", "C"), ("D",)]
    assert any("'A' never lost; 'D' never won" in warning for warning in facts.warnings)


def test_raters_that_are_not_told_apart_are_no_single_person() -> None:
    frame = pd.DataFrame(
        {"variant_left": ["A", "B"], "variant_right": ["B", "A"], "wins_left": [3, 1], "wins_right": [2, 2]}
    )
    alone = describe_comparisons(validate(frame)).warnings
    named = describe_comparisons(validate(frame.assign(rater="ann"))).warnings
    assert "warning: raters are not told apart: how far they agree is unknown" in alone
    assert not [w for w in alone if "one rater" in w]
    assert [w for w in named if "one rater in 'human', 'ann'" in w]
    who = SimpleNamespace(raters=("1",), variants=("A", "B"))
    read: Any = SimpleNamespace(ratings=SimpleNamespace(outcome="comparison"), who=who, compares=True)
    assert measures._label("left_bias", ("1",), read) == "all raters"
    who.raters = ("ann",)
    assert measures._label("left_bias", ("ann",), read) == "ann"
