"""What tables of rankings and calls are said to hold, and what they are said not to tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings import code_calls, code_rankings, describe, validate
from expsim_bayes.ratings.call_description import describe_calls
from expsim_bayes.ratings.ranking_description import describe_rankings
from expsim_bayes.simulate import operations, ranking


def rankings(orders: Any, **settings: Any) -> Any:
    """Ratings from (item, rater, order as a word of letters) triples."""
    rows = [
        (str(item), rater, "llm" if rater.startswith("judge") else "human", letter, place)
        for item, rater, order in orders
        for place, letter in enumerate(order, 1)
    ]
    return validate(pd.DataFrame(rows, columns=["item", "rater", "kind", "variant", "rank"]), **settings)


def calls(variants: Any, items: Any, **columns: Any) -> Any:
    return validate(pd.DataFrame({"variant": list(variants), "item": list(items), **columns}), duplicates="keep")


def said(ratings: Any) -> Any:
    return " / ".join(describe(ratings).warnings)


# ------------------------------------------------------------------------------------------------------------- rankings


def test_an_ordinary_table_of_rankings_is_described_without_a_warning() -> None:
    facts = describe_rankings(ranking.ratings(ranking.Truth(items=20)))
    assert facts.warnings == ()
    assert facts.held.endswith("4 variants, 20 items, 7 raters")
    assert facts.variants["rankings"].tolist() == [facts.n_ratings] * 4
    assert facts.variants["first"].sum() == facts.variants["last"].sum() == facts.n_ratings
    assert facts.variants["mean_place"].mean() == pytest.approx(0.5)
    assert facts.evaluators.loc["human", "raters"] == 6


def test_rankings_without_a_link_are_groups() -> None:
    ratings = rankings(
        [(n, "ann", word) for n in range(3) for word in ("AB",)] + [(n + 3, "ann", "CD") for n in range(3)]
    )
    facts = describe(ratings)
    assert facts.components == (("A", "B"), ("C", "D"))
    assert "2 groups of variants were never ranked together" in said(ratings)
    assert any("without a link" in sentence for sentence in facts.sentences())


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        ([(1, "ann", "AB")], "only 1 ranking"),
        ([(1, "ann", "AB"), (2, "ann", "BA")], "one rater in 'human'"),
        ([(1, "ann", "AB"), (1, "bob", "BA")], "one item"),
        ([(1, "ann", "AB"), (2, "bob", "BA")], "every item was ranked once"),
        ([(1, "ann", "AB"), (2, "bob", "BA")], "gave one ranking"),
        ([(1, "ann", "ABC"), (2, "ann", "ACB")], "'A' is first in every ranking that holds it"),
        ([(1, "ann", "ABC"), (2, "ann", "BAC")], "'C' is last in every ranking that holds it"),
        ([(1, "judge", "AB"), (2, "judge", "BA")], "no people ranked"),
        ([(1, "ann", "AB"), (2, "judge", "BA")], "'judge' ranked no item that 'human' ranked"),
        ([(1, "ann", "AB"), (2, "ann", "C")], "1 ranking of a single variant"),
        ([(1, "ann", "AB"), (2, "ann", "C")], "no ranking holds 'C'"),
    ],
)
def test_what_rankings_cannot_tell_is_said(orders: Any, words: Any) -> None:
    assert words in said(rankings(orders))


def test_a_variant_without_a_ranking_is_named() -> None:
    assert "no ranking holds 'Z'" in said(rankings([(1, "ann", "AB")], variants=["A", "B", "Z"]))


def test_slots_are_no_persons() -> None:
    ratings = rankings([(1, "s1", "AB"), (2, "s2", "BA")], anonymous_kinds=["human"])
    assert "slots, not persons" in said(ratings)


def test_partial_rankings_are_counted() -> None:
    facts = describe_rankings(rankings([(1, "ann", "ABC"), (2, "ann", "BA")]))
    assert facts.n_partial == 1
    assert any("1 of 2 rankings hold some of the variants only" in sentence for sentence in facts.sentences())


def test_a_shared_place_is_refused() -> None:
    frame = pd.DataFrame({"item": "1", "rater": "ann", "variant": ["A", "B"], "rank": [1, 1]})
    with pytest.raises(RatingsError, match="share"):
        validate(frame)


def test_codes_of_rankings_do_not_depend_on_the_order_of_rows() -> None:
    ratings = ranking.ratings(ranking.Truth(items=5))
    mixed = ratings.table.sample(frac=1.0, random_state=1)
    one, other = code_rankings(ratings), code_rankings(validate(mixed, variants=ratings.variants))
    assert all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("order", "item", "rater", "evaluator")
    )


def test_nothing_but_single_variants_is_described() -> None:
    ratings = rankings([(1, "ann", "A"), (2, "ann", "B")])
    assert describe(ratings).n_ratings == 0
    assert "only 0 rankings" in said(ratings)


# ---------------------------------------------------------------------------------------------------------------- calls


def test_an_ordinary_table_of_calls_is_described_without_a_warning() -> None:
    facts = describe_calls(operations.ratings(operations.Truth(items=20)))
    assert facts.warnings == ()
    assert facts.held == "180 calls: 3 variants, 20 items"
    assert facts.components == (("A", "B", "C"),)
    assert facts.amounts.loc[("A", "latency_s"), "calls"] == 60
    assert any(sentence.startswith("median latency_s: 'A' ") for sentence in facts.sentences())


@pytest.mark.parametrize(
    ("ratings", "words"),
    [
        (calls("AB", "11", cost=[1.0, 2.0]), "only 2 calls"),
        (calls("AB", "11", cost=[1.0, 2.0]), "one item"),
        (calls("AB", "12", cost=[1.0, 2.0]), "every item has one call"),
        (calls("AB", "12", cost=[1.0, 2.0]), "fewer than 20 calls of 'A', 'B'"),
        (calls("AA", "12", cost=[1.0, 2.0]), "one variant, 'A'"),
        (calls("AABB", "1212", cost=[1.0, None, 2.0, 3.0]), "cost is missing unevenly ('A' 50 %, 'B' 0 %)"),
        (calls("AABB", "1212", cost=[None] * 4, latency_s=[1.0] * 4), "every cost is missing"),
        (calls("AABB", "1212", cost=[0.0, 1.0, 2.0, 3.0]), "cost is zero in 1 call"),
        (calls("AAABBB", "123123", cost=[1.0, 1.0, 1e9, 2.0, 2.0, 2.0]), "the largest cost of 'A' is more than 1,000 times"),
        (calls("A" * 300 + "B", "12" * 150 + "1", cost=[1.0] * 301), "very unequal numbers of calls"),
    ],
)  # fmt: skip
def test_what_calls_cannot_tell_is_said(ratings: Any, words: Any) -> None:
    assert words in said(ratings)


def test_a_variant_without_a_call_is_named() -> None:
    frame = pd.DataFrame({"variant": ["A", "B"], "item": "1", "cost": [1.0, 2.0]})
    assert "no calls of 'Z'" in said(validate(frame, variants=["A", "B", "Z"]))


def test_a_negative_amount_is_refused() -> None:
    with pytest.raises(RatingsError, match="negative"):
        calls("AB", "12", cost=[1.0, -2.0])


def test_amounts_are_in_the_order_of_their_measures() -> None:
    coded = code_calls(calls("AB", "12", latency_s=[1.0, 2.0], cost=[3.0, 4.0]))
    assert coded.measures == ("cost", "latency_s")
    assert coded.amount.tolist() == [[3.0, 1.0], [4.0, 2.0]]
