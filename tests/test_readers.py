"""Readers and writers: the format is told by content, a round trip is exact, a file is written whole or not at all."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings import Ratings, validate
from expsim_bayes.readers import read, to_csv, to_parquet
from expsim_bayes.readers.atomic import whole
from expsim_bayes.readers.spreadsheet import protect, restore

if TYPE_CHECKING:
    from pathlib import Path

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
NAMES = CELLS.filter(lambda name: name.strip() != "")
RISKY = [
    "=1+1",
    "+A1",
    "-B2",
    "@SUM(1+1)",
    "\tx",
    "\rx",
    "\nx",
    "'=x",
    "''@y",
    "＝1",
    "-4.5",
    "'tis",
    '=cmd|"/C calc"!A0',
    "=HYPERLINK(1)",
]


def ratings(names: list[str], scores: list[float] | None = None) -> Ratings:
    score = scores if scores is not None else [float(i) for i in range(len(names))]
    frame = pd.DataFrame(
        {"variant": names, "item": [str(i) for i in range(len(names))], "rater": "ann", "score": score, "note": names}
    )
    return validate(frame)


def assert_round_trip(given_ratings: Ratings, path: Path) -> None:
    back = read(path)
    pd.testing.assert_frame_equal(back.table, given_ratings.table)
    assert back.sha256 == given_ratings.sha256


@given(st.lists(st.tuples(NAMES, st.floats(-1e100, 1e100)), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_any_text_and_any_number_survive_a_csv_file(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, float]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "ratings.csv"
    table = ratings([name for name, _ in cells], [score for _, score in cells])
    to_csv(table, path)
    assert_round_trip(table, path)


@given(st.lists(NAMES, min_size=1, max_size=6))
@settings(max_examples=20, deadline=None)
def test_any_text_survives_a_parquet_file(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("parquet") / "ratings.parquet"
    to_parquet(ratings(names), path)
    assert_round_trip(ratings(names), path)


def test_formulas_are_written_as_text_and_numbers_as_numbers(tmp_path: Path) -> None:
    table = ratings(RISKY, [-float(i) for i in range(len(RISKY))])
    to_csv(table, tmp_path / "safe.csv")
    cells = pd.read_csv(
        tmp_path / "safe.csv", dtype=str, keep_default_na=False, lineterminator="\n" if os.name == "posix" else None
    )
    for cell in (*cells["variant"], *cells["note"]):
        assert cell == "-4.5" or cell[0] not in "=+-@\t\r\n＝＋－＠"
    assert cells["score"].str.startswith("-").sum() == len(RISKY)
    assert_round_trip(table, tmp_path / "safe.csv")
    assert any("taken off" in notice for notice in read(tmp_path / "safe.csv").notices)


def test_protection_can_be_off_for_machines(tmp_path: Path) -> None:
    to_csv(ratings(["=1+1"]), tmp_path / "raw.csv", protect_formulas=False)
    assert "\n=1+1,0," in (tmp_path / "raw.csv").read_text()


@given(st.lists(st.one_of(CELLS, st.sampled_from(RISKY)), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_restore_undoes_protect(cells: list[str]) -> None:
    column = pd.Series(cells, dtype="str")
    assert restore(protect(column))[0].tolist() == cells


def test_the_name_of_a_file_is_not_trusted(tmp_path: Path) -> None:
    table = ratings(["a", "b"])
    to_parquet(table, tmp_path / "really_parquet.csv")
    to_csv(table, tmp_path / "really_csv.parquet")
    assert read(tmp_path / "really_parquet.csv").sha256 == read(tmp_path / "really_csv.parquet").sha256 == table.sha256


def test_whole_numbers_of_parquet_become_their_text(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "variant": [1, 2],
            "item": pd.array([2**60 + 1, 7], dtype="Int64"),
            "rater": ["ann", "ann"],
            "score": pd.array([4, None], dtype="Int64"),
        }
    )
    frame = frame.assign(tags=pd.Series([["x", "y"], None], dtype=object))
    frame.to_parquet(tmp_path / "ints.parquet")
    found = read(tmp_path / "ints.parquet")
    assert found.table["item"].tolist() == [str(2**60 + 1), "7"]
    assert found.variants == ("1", "2")
    assert np.isnan(found.table["score"].iloc[1])
    assert any("'tags' of type" in notice for notice in found.notices)


@pytest.mark.parametrize("name", ["ratings.csv", "ratings.parquet", "ratings.pkl"])
def test_a_pickle_is_refused_under_every_name(tmp_path: Path, name: str) -> None:
    pd.DataFrame({"variant": ["a"]}).to_pickle(tmp_path / name)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / name).write_bytes(pickle.dumps({"a": 1}, protocol=protocol))
        with pytest.raises(RatingsError, match="pickle"):
            read(tmp_path / name)


def test_row_numbers_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("variant,item,rater,score,lang\nA,1,ann,4,de\n\nA,2,ann,5,en\nA,3,ann,bad,de\n")
    with pytest.raises(RatingsError, match=r"ratings.csv, column 'score', row 5: 1 cell with no number: 'bad'"):
        read(path, where={"lang": "de"})


def test_real_files_survive_both_formats(real_data: Path, tmp_path: Path) -> None:
    found = read(real_data / "wmt_mqm_ted.csv", where={"language_pair": "en-de"})
    to_csv(found, tmp_path / "a.csv")
    to_parquet(found, tmp_path / "a.parquet")
    assert_round_trip(found, tmp_path / "a.csv")
    assert read(tmp_path / "a.parquet").sha256 != ""
    pd.testing.assert_frame_equal(read(tmp_path / "a.parquet").table, found.table)


def test_other_tables_are_refused_with_what_they_hold(real_data: Path) -> None:
    with pytest.raises(RatingsError, match="not a table of ratings"):
        read(real_data / "eight_schools_reference.csv")
    with pytest.raises(RatingsError, match="missing 1 column 'variant'"):
        read(real_data / "dawid_skene_anesthesia.csv")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "result.csv"
    path.write_text("old")

    def fail_half_way() -> None:
        with whole(path) as file:
            file.write(b"new")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.csv"]
    assert path.read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "result.bin"
    path.write_bytes(b"0" * 200_000)
    script = (
        "import sys\nfrom expsim_bayes.readers.atomic import whole\nprint('ready', flush=True)\n"
        "for i in range(10**9):\n    with whole(sys.argv[1]) as file:\n        for _ in range(20):\n       "
        "     file.write(b'%d' % (i % 10) * 10_000)\n"
    )
    for attempt in range(3):
        with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(0.01 * attempt)
            child.send_signal(signal.SIGKILL)
        content = path.read_bytes()
        assert len(content) == 200_000
        assert len(set(content)) == 1
