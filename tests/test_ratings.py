"""The ratings contract: laws of coding, appending and describing, and slow twins of the vectorised parts."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings import Coded, Ratings, append, code, describe_scores, from_dataset, to_dataset, validate
from expsim_bayes.ratings.agreement import (
    correlation_with_others,
    polarity_warnings,
    require_one_scale,
    reversed_sources,
)
from expsim_bayes.readers import read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAMES = st.sampled_from(["a", "b", "B2", "é", "1", "01", "constant"])
ROWS = st.lists(
    st.tuples(
        NAMES,
        NAMES,
        st.sampled_from(["1", "2"]),
        st.sampled_from(["ann", "bob", "gpt", "rouge"]),
        st.one_of(st.none(), st.floats(-5, 5)),
    ),
    min_size=1,
    max_size=25,
)
KIND = {"ann": "human", "bob": "human", "gpt": "llm", "rouge": "metric"}


def table(rows: Sequence[tuple[str, str, str, str, float | None]], first_repeat: int = 0) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["variant", "item", "output", "rater", "score"])
    kind, repeat = frame["rater"].map(KIND), [str(first_repeat + i) for i in range(len(frame))]
    return frame.assign(
        kind=kind,
        repeat=repeat,
        score=frame["score"].astype(float).fillna(0.5 if frame["score"].isna().all() else np.nan),
    )


def assert_same_codes(one: Coded, other: Coded) -> None:
    for name, left, right in zip(Coded._fields, one, other, strict=True):
        if isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right, err_msg=name)
        else:
            assert left == right, name


def decoded(coded: Coded) -> list[tuple[str, str, str, str, float]]:
    return [
        (coded.items[i], coded.variants[v], coded.evaluators[k], coded.raters[r], y)
        for i, v, k, r, y in zip(
            coded.item, coded.variant, coded.evaluator, coded.rater, coded.score.tolist(), strict=True
        )
    ]


# ------------------------------------------------------------------------------------------------------------- coding


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_coding_does_not_depend_on_the_order_of_rows(
    rows: list[tuple[str, str, str, str, float | None]], random: np.random.Generator
) -> None:
    frame = table(rows)
    order = list(range(len(frame)))
    random.shuffle(order)
    assert_same_codes(code(validate(frame)), code(validate(frame.iloc[order])))


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_codes_point_at_the_cells_they_came_from(rows: list[tuple[str, str, str, str, float | None]]) -> None:
    frame = table(rows)
    coded = code(validate(frame))
    pool = frame["rater"].where(frame["kind"] != "human", "human")
    cells = frame.assign(evaluator=pool)[["item", "variant", "evaluator", "rater", "score", "output"]].dropna()
    expected = sorted(cells[["item", "variant", "evaluator", "rater", "score"]].itertuples(index=False, name=None))
    assert sorted(decoded(coded)) == expected
    assert coded.n_missing == len(frame) - len(expected)
    triples = sorted({(row["item"], row["variant"], row["output"]) for _, row in cells.iterrows()})
    assert [
        (coded.items[i], coded.variants[v]) for i, v in zip(coded.output_item, coded.output_variant, strict=True)
    ] == [t[:2] for t in triples]
    assert len(coded.outputs) == len(set(coded.outputs)) == len(triples)
    np.testing.assert_array_equal(coded.output_item[coded.output], coded.item)
    np.testing.assert_array_equal(coded.output_variant[coded.output], coded.variant)
    np.testing.assert_array_equal(coded.rater_evaluator[coded.rater], coded.evaluator)


def test_new_names_in_the_same_order_leave_the_codes_alone() -> None:
    frame = table([("a", "1", "1", "ann", 3.0), ("b", "1", "1", "gpt", 4.0), ("a", "2", "1", "bob", 5.0)])
    renamed = frame.assign(variant="new_" + frame["variant"], item="doc" + frame["item"])
    old, new = code(validate(frame)), code(validate(renamed))
    for name in ("score", "variant", "item", "output", "rater", "evaluator", "output_item", "output_variant"):
        np.testing.assert_array_equal(getattr(old, name), getattr(new, name))
    assert new.variants == ("new_a", "new_b")


def test_a_declared_order_and_absent_variants_are_kept() -> None:
    frame = table([("a", "1", "1", "ann", 3.0), ("b", "1", "1", "ann", 4.0)])
    coded = code(validate(frame, variants=("c", "b", "a")))
    assert coded.variants == ("c", "b", "a")
    assert [coded.variants[v] for v in coded.variant] == ["b", "a"]


def test_without_evaluators_people_are_one_pool_and_judges_stand_alone() -> None:
    frame = table([("a", "1", "1", rater, 3.0) for rater in KIND])
    coded = code(validate(frame, anonymous_kinds={"human"}))
    assert coded.evaluators == ("gpt", "human", "rouge")
    assert coded.kinds == ("llm", "human", "metric")
    assert coded.reference == 1
    assert coded.anonymous.tolist() == [False, True, False]
    assert coded.raters == ("gpt", "ann", "bob", "rouge")


def test_rater_names_are_unique_within_their_evaluator_and_told_apart_where_ambiguous() -> None:
    frame = pd.DataFrame(
        {
            "variant": ["a"] * 3,
            "item": "1",
            "rater": ["1", "1", "2"],
            "evaluator": ["x", "y", "y"],
            "score": [1.0, 2.0, 3.0],
        }
    )
    assert code(validate(frame)).raters == ("x/1", "y/1", "2")


@pytest.mark.parametrize(("declared", "expected"), [(None, "big"), ("small", "small"), ("gpt", "gpt")])
def test_the_reference_is_the_largest_human_pool_unless_declared(declared: str | None, expected: str) -> None:
    evaluator = ["small", "big", "big", "gpt", "gpt", "gpt"]
    frame = pd.DataFrame(
        {
            "variant": "a",
            "item": list("123456"),
            "rater": "r_" + pd.Series(evaluator),
            "evaluator": evaluator,
            "score": 1.0,
        }
    )
    frame["kind"] = ["human"] * 3 + ["llm"] * 3
    coded = code(validate(frame, reference=declared))
    assert coded.evaluators[coded.reference] == expected


def test_judges_alone_have_no_reference() -> None:
    assert code(validate(table([("a", "1", "1", "gpt", 3.0)]))).reference == -1


# --------------------------------------------------------------------------------------------------- columns and rows


def test_foreign_names_may_be_swapped_and_shared() -> None:
    frame = pd.DataFrame(
        {"item": ["A"], "variant": ["7"], "judge": ["gpt"], "score": ["x"], "stars": [4.0], "kind": ["llm"]}
    )
    ratings = validate(
        frame, columns={"variant": "item", "item": "variant", "rater": "judge", "evaluator": "judge", "score": "stars"}
    )
    row = ratings.table.iloc[0]
    assert (row["variant"], row["item"], row["rater"], row["evaluator"], row["score"]) == ("A", "7", "gpt", "gpt", 4.0)
    assert row["score_in_source"] == "x"
    assert any("set aside" in notice for notice in ratings.notices)


def test_where_finds_a_column_under_its_old_name_too() -> None:
    frame = pd.DataFrame(
        {"variant": "a", "item": ["1", "2"], "who": ["ann", "bob"], "evaluator_kind": "human", "score": [1.0, 2.0]}
    )
    ratings = validate(frame, columns={"rater": "who"}, where={"who": "bob", "evaluator_kind": "human"})
    assert ratings.table["rater"].tolist() == ["bob"]
    assert "kept 1 of 2 rows where who=bob" in ratings.notices


def test_where_compares_numbers_as_they_are_written() -> None:
    frame = pd.DataFrame({"variant": "a", "item": ["1", "2"], "rater": "ann", "score": [1.0, 2.0], "batch": [1.0, 2.5]})
    assert len(validate(frame, where={"batch": "1"}).table) == 1
    assert len(validate(frame, where={"batch": "2.5"}).table) == 1


def test_covariates_are_kept_in_plain_types() -> None:
    frame = table([("a", "1", "1", "ann", 3.0), ("b", "1", "1", "ann", 4.0)])
    extra = frame.assign(words=[10, 20], ratio=[0.5, np.nan], tone=pd.Categorical(["calm", "loud"]), ok=[True, False])
    kept = validate(extra).table
    assert [str(kept[name].dtype) for name in ("words", "ratio", "tone", "ok")] == ["int64", "float64", "str", "bool"]
    assert kept["tone"].tolist() == ["calm", "loud"]


def test_an_index_with_names_is_columns() -> None:
    frame = table([("a", "1", "1", "ann", 3.0), ("b", "1", "1", "ann", 4.0)]).set_index(["variant", "item"])
    assert validate(frame).variants == ("a", "b")


def test_the_hash_follows_the_content() -> None:
    frame = table([("a", "1", "1", "ann", 3.0), ("ab", "1", "1", "ann", None)])
    same, moved = validate(frame.copy(), source="other"), validate(frame.assign(variant=["aa", "b"]))
    assert validate(frame).sha256 == same.sha256 != moved.sha256


def test_a_valid_range_stands_for_the_score_range() -> None:
    ratings = validate(table([("a", "1", "1", "ann", 3.0), ("a", "2", "1", "ann", -1.0)]), valid_range=(1, 5))
    assert ratings.score_range == (1.0, 5.0)
    assert code(ratings).n_missing == 1


def test_nothing_is_range_checked_without_a_range() -> None:
    assert validate(table([("a", "1", "1", "ann", -400.0), ("a", "2", "1", "ann", 1e9)])).score_range is None


# ------------------------------------------------------------------------------------------------------------- append


@given(ROWS, ROWS, ROWS)
@settings(max_examples=25, deadline=None)
def test_append_is_associative(
    a: list[tuple[str, str, str, str, float | None]],
    b: list[tuple[str, str, str, str, float | None]],
    c: list[tuple[str, str, str, str, float | None]],
) -> None:
    x, y, z = (
        validate(table(rows, first), source=name) for rows, first, name in ((a, 0, "x"), (b, 100, "y"), (c, 200, "z"))
    )
    left, right = append(append(x, y), z), append(x, append(y, z))
    pd.testing.assert_frame_equal(left.table, right.table)
    assert (left.sha256, left.variants, left.source) == (right.sha256, right.variants, right.source)
    assert set(left.notices) == set(right.notices)


def test_appending_equals_validating_the_whole() -> None:
    rows = [("a", str(i), "1", rater, float(i % 5)) for i in range(20) for rater in KIND]
    whole = validate(table(rows))
    both = append(validate(table(rows[:30])), validate(table(rows[30:], 30)))
    pd.testing.assert_frame_equal(whole.table, both.table)
    assert whole.sha256 == both.sha256


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ({"score_range": (1, 5)}, {"score_range": (0, 10)}, "score_range differs"),
        ({"score_range": (1, 5)}, {}, "score_range differs"),
        ({}, {"higher_is_better": False}, "higher_is_better differs"),
        ({}, {"anonymous_kinds": ["human"]}, "anonymous_kinds differs"),
        ({"control": "a"}, {"control": "b"}, "control differs"),
    ],
)
def test_another_contract_is_not_appended(old: dict[str, object], new: dict[str, object], problem: str) -> None:
    rows = [("a", "1", "1", "ann", 3.0), ("b", "1", "1", "ann", 4.0)]
    with pytest.raises(RatingsError, match=problem):
        append(validate(table(rows), **old), validate(table(rows, 10), **new))  # type: ignore[arg-type]


def test_duplicates_between_tables_are_dropped_or_kept_as_asked() -> None:
    x = validate(table([("a", "1", "1", "ann", 3.0), ("b", "1", "1", "ann", 4.0)]))
    assert len(append(x, x, duplicates="drop").table) == 2
    assert len(append(x, x, duplicates="keep").table) == 4
    with pytest.raises(RatingsError, match="2 rows equal to one that is already there"):
        append(x, x)


def test_columns_of_one_table_are_empty_in_the_other() -> None:
    x = validate(table([("a", "1", "1", "ann", 3.0)]).assign(words=3, tone="calm"))
    both = append(x, validate(table([("b", "1", "1", "ann", 4.0)], 10)))
    assert np.isnan(both.table["words"].iloc[1])
    assert both.table["tone"].tolist() == ["calm", ""]
    assert any("only in one of the appended tables" in notice for notice in both.notices)


# ------------------------------------------------------------------------------------------------------------ xarray


@given(ROWS)
@settings(max_examples=25, deadline=None)
def test_a_dataset_gives_the_same_ratings_back(rows: list[tuple[str, str, str, str, float | None]]) -> None:
    assume(any(score is not None and abs(score) <= 4 for *_, score in rows))
    ratings = validate(
        table(rows).assign(rating=1, when=pd.Timestamp("2026-01-02")), anonymous_kinds=["human"], valid_range=(-4, 4)
    )
    assert_same_ratings(from_dataset(to_dataset(ratings)), ratings)


def test_a_dataset_survives_a_file(tmp_path: Path) -> None:
    ratings = validate(
        table([("a🚀", "1", "1", "ann", 3.0), ("b", "1", "1", "gpt", None)]).assign(words=[1, 2]), control="b"
    )
    to_dataset(ratings).to_netcdf(tmp_path / "ratings.nc", engine="h5netcdf")
    import xarray as xr

    with xr.open_dataset(tmp_path / "ratings.nc", engine="h5netcdf") as dataset:
        assert_same_ratings(from_dataset(dataset), ratings)


def assert_same_ratings(one: Ratings, other: Ratings) -> None:
    pd.testing.assert_frame_equal(one.table, other.table)
    for name in (
        "variants",
        "score_range",
        "higher_is_better",
        "control",
        "anonymous_kinds",
        "notices",
        "sha256",
        "source",
        "reference",
    ):
        assert getattr(one, name) == getattr(other, name)


def test_a_changed_dataset_is_refused() -> None:
    dataset = to_dataset(validate(table([("a", "1", "1", "ann", 3.0)])))
    dataset["score"] = dataset["score"] + 1
    with pytest.raises(RatingsError, match="were changed"):
        from_dataset(dataset)


# -------------------------------------------------------------------------------------------- contradicting sources


def brute_correlation(score: np.ndarray, source: np.ndarray, cell: np.ndarray, who: int) -> tuple[float, int]:
    """The slow twin: cell means by hand, standardised within each source, correlated with the mean of the others."""
    frame = pd.DataFrame({"y": score, "s": source, "c": cell}).pivot_table(
        values="y", index="c", columns="s", aggfunc="mean"
    )
    standard = (frame - frame.mean()) / frame.std(ddof=0)
    others = standard.drop(columns=who)
    shared = frame[who].notna() & (others.notna().sum(axis=1) > 0)
    return float(np.corrcoef(frame.loc[shared, who], others[shared].mean(axis=1))[0, 1]), int(shared.sum())


def test_correlation_with_others_agrees_with_its_slow_twin() -> None:
    rng = np.random.default_rng(7)
    source, cell = rng.integers(0, 4, 600), rng.integers(0, 90, 600)
    score = rng.normal(size=90)[cell] * np.array([1.0, 0.5, -1.0, 0.0])[source] + rng.normal(size=600)
    fast = correlation_with_others(score, source, cell, 4)
    for who in range(4):
        r, pairs = brute_correlation(score, source, cell, who)
        assert fast.r[who] == pytest.approx(r, abs=1e-12)
        assert fast.pairs[who] == pairs
    assert reversed_sources(fast).tolist() == [False, False, True, False]


def test_unrelated_raters_are_seldom_called_reversed() -> None:
    rng = np.random.default_rng(8)
    called = [
        reversed_sources(
            correlation_with_others(rng.normal(size=600), np.repeat(np.arange(30), 20), np.tile(np.arange(20), 30), 30)
        ).any()
        for _ in range(400)
    ]
    assert np.mean(called) < 0.05


def test_severe_and_lenient_raters_are_not_two_scales() -> None:
    rng = np.random.default_rng(9)
    severity = rng.normal(0, 1, 40)
    score = np.clip(np.round(3 + severity[:, None] + rng.normal(0, 1, (40, 60))), 1, 5)
    frame = pd.DataFrame(
        {
            "rater": np.repeat([f"r{i}" for i in range(40)], 60),
            "item": np.tile(np.arange(60), 40),
            "score": score.ravel(),
        }
    )
    require_one_scale(code(validate(frame.assign(variant="a"), score_range=(1, 5))), "simulated")


# -------------------------------------------------------------------------------------------------------- description


def brute_components(coded: Coded) -> set[frozenset[str]]:
    """The slow twin: merge variants that share an item or a rater until nothing changes."""
    groups = {
        v: {("i", int(i)) for i in coded.item[coded.variant == v]}
        | {("r", int(r)) for r in coded.rater[coded.variant == v]}
        for v in set(coded.variant.tolist())
    }
    names = {v: {coded.variants[v]} for v in groups}
    while pair := next(((v, w) for v, w in combinations(groups, 2) if groups[v] & groups[w]), None):
        groups[pair[0]] |= groups.pop(pair[1])
        names[pair[0]] |= names.pop(pair[1])
    return {frozenset(group) for group in names.values()}


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_description_agrees_with_its_slow_twin(rows: list[tuple[str, str, str, str, float | None]]) -> None:
    frame = table(rows)
    ratings = validate(frame)
    facts, coded = describe_scores(ratings), code(ratings)
    assert {frozenset(group) for group in facts.components} == brute_components(coded)
    rated = frame.dropna(subset=["score"])
    for name, row in facts.variants.iterrows():
        own = rated[rated["variant"] == name]
        assert row["ratings"] == len(own)
        assert row["items"] == own["item"].nunique()
        assert row["missing"] == (frame["variant"] == name).sum() - len(own)
        assert row["sd"] == pytest.approx(own["score"].std(), nan_ok=True, abs=1e-9)
    assert facts.n_ratings == facts.evaluators["ratings"].sum() == facts.raters["ratings"].sum() == len(rated)
    assert int((facts.ratings_per_output * facts.ratings_per_output.index).sum()) == len(rated)
    assert facts.n_repeated == rated.duplicated(["variant", "item", "output", "rater"]).sum()
    assert not any("repeat" in sentence for sentence in facts.sentences())  # which a notice tells


def test_overlap_is_the_share_of_the_references_outputs() -> None:
    rows = [("a", str(i), "1", "ann", 3.0) for i in range(4)] + [("a", str(i), "1", "gpt", 3.5) for i in range(3, 10)]
    facts = describe_scores(validate(table(rows)))
    assert facts.reference == "human"
    assert facts.evaluators.loc["gpt", "share_of_reference"] == 0.25
    assert facts.evaluators.loc["human", "share_of_outputs"] == 0.4


def test_an_evaluator_without_a_single_score_is_still_described() -> None:
    facts = describe_scores(validate(table([("a", "1", "1", "ann", 3.0), ("a", "1", "1", "gpt", None)])))
    assert [facts.evaluators.loc["gpt", name] for name in ("ratings", "missing", "raters")] == [0, 1, 0]
    assert any("every score of 'gpt' is missing" in sentence for sentence in facts.warnings)


def test_anonymous_slots_do_not_link_variants_as_persons_but_as_their_pool() -> None:
    rows = [("a", "1", "1", "ann", 3.0), ("b", "2", "1", "bob", 4.0)]
    assert len(describe_scores(validate(table(rows))).components) == 2
    assert len(describe_scores(validate(table(rows), anonymous_kinds=["human"])).components) == 1


# ---------------------------------------------------------------------------------------------------------- real data


def test_mqm_scores_are_read_without_false_alarms(real_data: Path) -> None:
    for pair, raters, variants in (("en-de", 4, 14), ("zh-en", 9, 15)):
        ratings = read(real_data / "wmt_mqm_ted.csv", where={"language_pair": pair}, higher_is_better=False)
        facts = describe_scores(ratings)
        assert (len(facts.raters), len(facts.variants), facts.n_missing) == (raters, variants, 0)
        assert not [notice for notice in (*ratings.notices, *facts.warnings) if "warning" in notice]
        assert facts.components_by_item == (ratings.variants,)
    assert facts.variants.loc["DIDI-NLP", "mean"] == pytest.approx(1.65, abs=0.005)


def test_hanna_needs_a_criterion_and_counts_what_is_not_valid(real_data: Path) -> None:
    with pytest.raises(RatingsError, match=r"6 criteria.*--where criterion=coherence"):
        read(real_data / "hanna.csv", valid_range=(1, 5))
    ratings = read(
        real_data / "hanna.csv", where={"criterion": "complexity"}, valid_range=(1, 5), anonymous_kinds=["human"]
    )
    coded = code(ratings)
    assert (len(coded.score), coded.n_missing, len(coded.outputs)) == (8_421, 27, 1_056)
    assert coded.evaluators[coded.reference] == "human"
    assert coded.anonymous.tolist() == [kind == "human" for kind in coded.kinds]
    assert len(coded.raters) == 8
    assert polarity_warnings(coded) == []


def test_frank_judges_are_metrics_of_their_own(real_data: Path) -> None:
    facts = describe_scores(read(real_data / "frank_factuality.csv"))
    assert sorted(facts.evaluators["kind"]) == ["human"] + ["metric"] * 5
    assert facts.evaluators.loc["dae", "outputs"] == 2_246 - 83


def test_averages_are_rounded_on_request_and_counted() -> None:
    frame = pd.DataFrame(
        {"variant": ["A", "B", "A", "B"], "item": list("1122"), "rater": "ann", "score": [2.5, 3.67, None, 4]}
    )
    ratings = validate(frame, round_scores=True)
    assert ratings.table["score"].dropna().tolist() == [2.0, 4.0, 4.0]
    assert any("2 scores rounded to the nearest whole point" in notice for notice in ratings.notices)
    assert not any("rounded" in notice for notice in validate(frame).notices)
