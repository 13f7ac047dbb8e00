"""Bad inputs and what must happen: one table, a row an input.

Outcomes: E refuse with a message that names the remedy, W continue with a warning, C convert and say so, OK work.
Every row has a function that does the thing in an empty folder and returns what the user is told; add rows for other
parts of the tool in the same way. The numbers are those of the project's list of what goes wrong, and rows without one
are neighbours.
"""

from __future__ import annotations

import gzip
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pytest

from expsim_bayes.errors import ExpsimError
from expsim_bayes.facts import Facts
from expsim_bayes.fit import fit
from expsim_bayes.models.continuous import Priors
from expsim_bayes.ratings import Ratings, append, code, describe, validate
from expsim_bayes.readers import read
from expsim_bayes.recommend.fit import of_fit
from expsim_bayes.scenario import parse
from expsim_bayes.sentences import recommendation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from expsim_bayes.fit import Engine

HEADER = "variant,item,rater,score\n"
GOOD = HEADER + "A,1,ann,4\nB,1,ann,5\nA,2,bob,3\nB,2,bob,4\n"


@dataclass(frozen=True)
class Case:
    """One bad input, what is done with it, and what must come of it."""

    number: int | None
    name: str
    act: Callable[[Path], Sequence[str]]
    """Does the thing in an empty folder and returns the notices and warnings that the user sees."""
    outcome: Literal["E", "W", "C", "OK"]
    message: str = ""
    """Pattern of the error, or of one of the notices; for OK nothing or a notice."""

    def __str__(self) -> str:
        return f"{self.number or 'x'}-{self.name}"


def told(ratings: Ratings) -> tuple[str, ...]:
    """Everything that a user reads about ratings before a model is fitted."""
    return (*ratings.notices, *describe(ratings).sentences())


def text(content: str | bytes, **options: object) -> Callable[[Path], Sequence[str]]:
    """Read a file with this content, under a name that says CSV."""

    def act(folder: Path) -> Sequence[str]:
        path = folder / "ratings.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return told(read(path, **options))  # type: ignore[arg-type]

    return act


def frame(make: Callable[[], pd.DataFrame], **options: object) -> Callable[[Path], Sequence[str]]:
    """Validate a data frame."""
    return lambda _: told(validate(make(), **options))  # type: ignore[arg-type]


SCENARIO = """
name = "bad"
title = "Bad settings"
score_range = [1, 5]
looks = {looks}
outputs_per_look = 20
default_strategy = "bandit"
variants = [{{ name = "A", quality = 3.0 }}, {{ name = "B", quality = 3.1 }}]
evaluators = [{{ name = "judge", kind = "llm", noise_sd = 0.4, usd_per_rating = 0.001 }}]

[strategies.bandit]
allocation = {{ policy = "probability_matching", floor = {floor} }}
stopping = [{{ rule = "superiority", threshold = {threshold} }}]
"""


def scenario(*, looks: int = 4, floor: float = 0.1, threshold: float = 0.95) -> Callable[[Path], Sequence[str]]:
    """Declare a scenario of two variants with some of its settings changed."""
    return lambda _: [str(parse(SCENARIO.format(looks=looks, floor=floor, threshold=threshold), source="bad.toml"))]


def sampled(setting: str, value: int) -> Callable[[Path], Sequence[str]]:
    """Fit sound ratings with a setting of the sampler that cannot be used."""
    return lambda _: [str(fit(validate(crossed()), **{setting: value}))]  # type: ignore[arg-type]


def crossed(
    raters: Sequence[str] = ("ann", "bob"), items: int = 4, variants: Sequence[str] = ("A", "B")
) -> pd.DataFrame:
    """Every rater rates every variant on every item, with scores that vary."""
    rows = [(v, str(i), r) for r in raters for i in range(items) for v in variants]
    table = pd.DataFrame(rows, columns=["variant", "item", "rater"])
    return table.assign(score=np.random.default_rng(1).integers(1, 6, len(table)).astype(float))


def columns(**cells: Sequence[object]) -> str:
    """A CSV file with the good table and these columns behind it."""
    lines = GOOD.splitlines()
    extra = [",".join(cells), *(",".join(str(cell) for cell in row) for row in zip(*cells.values(), strict=True))]
    return "\n".join(f"{line},{more}" for line, more in zip(lines, extra, strict=True)) + "\n"


def reversed_rater() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    table = crossed(raters=("ann", "bob", "eve"), items=30)
    truth = dict(zip(range(60), rng.integers(1, 6, 60), strict=True))
    score = np.array([truth[row % 60] for row in range(len(table))], dtype=float) + rng.normal(0, 0.5, len(table))
    return table.assign(score=np.where(table["rater"] == "eve", 6 - score, score))


def two_scales() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    table = crossed(raters=("ann", "bob", "cy", "dee"), items=20)
    wide = table["rater"].isin(["ann", "bob"])
    return table.assign(
        score=np.where(wide, rng.integers(4, 11, len(table)), rng.integers(1, 6, len(table))).astype(float)
    )


def judges_on_two_scales() -> pd.DataFrame:
    table = two_scales()
    return table.assign(kind="human", evaluator=np.where(table["rater"].isin(["ann", "bob"]), "wide", "narrow"))


def only_one_each(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "variant": np.where(np.arange(n) % 2, "A", "B"),
            "item": (np.arange(n) // 4).astype(str),
            "rater": [f"r{i}" for i in range(n)],
            "score": rng.normal(size=n),
        }
    )


def without_overlap() -> pd.DataFrame:
    return pd.concat([crossed(("ann",)), crossed(("bob",)).assign(item=lambda t: "b" + t["item"])])


def two_islands() -> pd.DataFrame:
    other = crossed(("bob", "cy"), variants=("C", "D")).assign(item=lambda t: "x" + t["item"])
    return pd.concat([crossed(("ann", "eve")), other])


def split_items() -> pd.DataFrame:
    return crossed(items=8).loc[lambda t: (t["variant"] == "A") == (t["item"].astype(int) < 4)]


PAIR = "item,variant_left,variant_right,rater,outcome\n"


def pairs(*rows: str) -> str:
    """A CSV file of comparisons of ann's, each row like "A,B,left", every one on an item of its own."""
    cells = [row.split(",") for row in rows]
    return PAIR + "".join(f"{n},{one},{other},ann,{outcome}\n" for n, (one, other, outcome) in enumerate(cells))


def both_orders(same: int, different: int) -> str:
    """Comparisons in both orders: a judge that gives the same verdict again, or always names the left."""
    rows = [(n, "left" if n >= same else "right") for n in range(same + different)]
    return PAIR + "".join(f"{n},A,B,gpt,left\n{n},B,A,gpt,{again}\n" for n, again in rows)


def append_twice(_: Path) -> Sequence[str]:
    return told(append(validate(crossed()), validate(crossed())))


def pickled() -> bytes:
    return pickle.dumps(Canary())


class Canary:
    """Touches a file when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (_touch, ("canary-was-run",))


def _touch(name: str) -> None:
    Path(name).touch()


def many(n: int) -> str:
    return HEADER + "".join(f"A,{i},ann,{i % 5}\n" for i in range(n))


CASES = [
    # files and parsing
    Case(1, "empty file", text(""), "E", "empty"),
    Case(None, "no such file", lambda folder: told(read(folder / "nothing.csv")), "E", "no such file"),
    Case(None, "a folder", lambda folder: told(read(folder)), "E", "cannot be read"),
    Case(2, "header only", text(HEADER), "E", "no rows"),
    Case(2, "header and blank lines", text(HEADER + "\n,,,\n"), "E", "no rows"),
    Case(3, "one row", text(HEADER + "A,1,ann,4\n"), "W", "only 1 rating: the priors decide"),
    Case(4, "byte-order mark", text(b"\xef\xbb\xbf" + GOOD.encode()), "C", "byte-order mark"),
    Case(5, "UTF-16", text(GOOD.encode("utf-16")), "C", "UTF-16"),
    Case(
        6,
        "cp1252 byte",
        text(GOOD.encode().replace(b"ann", b"o\x92neil")),
        "E",
        r"0x92 at offset 30 \(line 2\).*--encoding cp1252",
    ),
    Case(6, "cp1252 declared", text(GOOD.encode().replace(b"ann", b"o\x92neil"), encoding="cp1252"), "C", "cp1252"),
    Case(6, "unknown encoding", text(GOOD, encoding="klingon"), "E", "unknown encoding 'klingon'"),
    Case(8, "tabs in a .csv", text(GOOD.replace(",", "\t")), "C", "tabs"),
    Case(8, "semicolons", text(GOOD.replace(",", ";")), "C", "semicolons"),
    Case(9, "CRLF", text(GOOD.replace("\n", "\r\n")), "OK", "4 ratings"),
    Case(9, "lone CR", text(GOOD.replace("\n", "\r")), "OK", "4 ratings"),
    Case(9, "mixed line ends", text(GOOD.replace("4\n", "4\r\n", 1)), "OK", "4 ratings"),
    Case(10, "unbalanced quote to the end", text(GOOD + 'A,"3,ann,4\nB,3,ann,4\n'), "E", "line 7 .*--no-quotes"),
    Case(
        10,
        "unbalanced quote swallows rows",
        text(columns(note=['"a', "b", "c", 'd"'])),
        "E",
        "row 2: .* looks? like rows",
    ),
    Case(10, "quotes off", text(columns(note=['"a', "b", "c", 'd"']), quoting=False), "OK", "4 ratings"),
    Case(11, "quoted line breaks", text(columns(note=['"two\nlines"', "b", '"a, b\n\nc"', "d"])), "OK", "4 ratings"),
    Case(None, "ragged row", text(GOOD + "A,3,ann\n"), "E", "row 6: 3 cells under 4 column names"),
    Case(None, "blank lines", text(GOOD.replace("A,2", "\nA,2")), "C", "1 blank row ignored"),
    Case(13, "column twice", text(GOOD.replace("rater", "item", 1)), "E", "'item' appears more than once"),
    Case(
        14,
        "spaces and case in names",
        text(GOOD.replace("variant,item", " Variant ,ITEM")),
        "C",
        "' Variant ' read as 'variant'",
    ),
    Case(14, "two names alike", text(columns(Score=[1, 2, 3, 4])), "E", "'score' appears more than once"),
    Case(
        15,
        "index column",
        text("\n".join(f"{i or ''},{row}" for i, row in enumerate(GOOD.splitlines()))),
        "C",
        "without a name ignored",
    ),
    Case(16, "NUL bytes", text(GOOD.replace("ann", "a\0n")), "E", "NUL byte at offset 30"),
    Case(17, "file above the limit", text(GOOD, max_bytes=50), "E", "at most 50 are read"),
    Case(18, "5,000 columns", text(",".join(f"c{i}" for i in range(5_000)) + "\n"), "E", "5,000 columns"),
    Case(19, "enormous cell", text(GOOD.replace("ann", "n" * 200_000)), "E", "cannot be split"),
    Case(
        20, "JSON lines", text('{"variant": "A", "item": 1}\n{"variant": \n'), "E", "JSON; CSV .* and Parquet are read"
    ),
    Case(21, "Excel renamed", text(b"PK\x03\x04" + bytes(100)), "E", "Excel workbook.*save the sheet as CSV"),
    Case(21, "old Excel renamed", text(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)), "E", "old Excel"),
    Case(23, "gzip", text(gzip.compress(GOOD.encode())), "E", "gzip.*unpack"),
    Case(None, "pickle", text(pickled()), "E", "pickle, which can run code"),
    Case(None, "NumPy array", text(b"\x93NUMPY\x01\x00" + bytes(50)), "E", "NumPy"),
    Case(None, "web page", text("<!DOCTYPE html><html></html>"), "E", "HTML"),
    Case(None, "damaged Parquet", text(b"PAR1" + bytes(100)), "E", "damaged"),
    # identifiers and structure
    Case(
        24,
        "missing column",
        text(GOOD.replace("score", "points")),
        "E",
        "missing 1 column 'score'; found .*'points'.*--column score=points;",
    ),
    Case(
        24,
        "comparisons without their outcome",
        text("item,variant_left,variant_right,rater,winner\n1,A,B,ann,left\n"),
        "E",
        "missing 1 column 'outcome'.*'winner'.*--column outcome=winner",
    ),
    Case(
        24,
        "names of the file",
        text("summary id,who,prompt,score\n1,ann,short,4\n", columns={"item": "prompt"}),
        "E",
        "found 'summary id', 'who', 'prompt', 'score'.*--column rater=who",
    ),
    *(
        Case(24, f"title above the header, {way}", text(f"Ratings of March{title}" + GOOD), "E", f"row {row}.*delete")
        for way, title, row in (("alone", "\n", 2), ("with commas", ",,,\n,,,\n", 3), ("and a gap", "\n\n", 3))
    ),
    Case(24, "title above semicolons", text("Ratings of March\n" + GOOD.replace(",", ";")), "E", "row 2.*delete"),
    Case(
        24,
        "counts under names of their own",
        text("home,away,home_wins,away_wins\nDetroit,Boston,4,3\n"),
        "E",
        "not a table of ratings: missing 4 columns.*'home_wins'.*counted comparisons with variant_left, variant_right, wins_left",
    ),
    # pairwise
    Case(
        63,
        "compared with itself",
        text(pairs("A,B,left", "B,B,tie")),
        "E",
        "row 3: 1 comparison of a variant with itself: 'B'",
    ),
    Case(64, "all ties", text(pairs("A,B,tie", "B,A,tie", "A,B,tie")), "W", "no variation: every comparison is a tie"),
    Case(65, "no ties", text(pairs("A,B,left", "B,A,left", "A,B,right")), "W", "no ties: how ready .* from the prior"),
    Case(
        67,
        "perfect ladder",
        text(pairs("A,B,left", "B,C,left", "B,A,right")),
        "W",
        "'A' never lost; 'C' never won: .*prior alone",
    ),
    Case(
        67,
        "neither won nor lost all",
        text(pairs("A,B,left", "B,A,left", "C,D,left", "D,C,left", "A,C,left")),
        "W",
        "go one way only: .*prior",
    ),
    Case(
        68,
        "one order only",
        text(pairs("A,B,left", "A,B,right", "A,B,tie")),
        "W",
        "one order only: a position effect cannot be told",
    ),
    Case(
        68,
        "order told indirectly",
        text(pairs("A,B,left", "B,C,right", "A,C,tie")),
        "W",
        "in both orders: what the position does can be told only indirectly",
    ),
    Case(70, "wins in a circle", text(pairs("A,B,left", "B,C,left", "C,A,left")), "OK", "all variants are linked"),
    Case(
        71,
        "winner is neither",
        text(pairs("A,B,left", "A,B,C")),
        "E",
        "row 3: 1 outcome .*neither a side nor one of the two.*'C'",
    ),
    Case(71, "winner by name", text(pairs("A,B,A", "A,B,B")), "OK", "left 50 %, tie 0 %, right 50 %"),
    Case(
        72,
        "same verdict in half",
        text(both_orders(10, 10)),
        "W",
        "both orders in 50 % of 20 cases: .*next to no information",
    ),
    Case(
        None,
        "groups never compared",
        text(pairs("A,B,left", "B,A,left", "C,D,left")),
        "W",
        "2 groups of variants .*'A', 'B'; 'C', 'D'",
    ),
    Case(
        None,
        "unreadable verdicts",
        text(pairs("A,B,left", "B,A,garbage")),
        "W",
        "1 verdict counted as missing .*garbage",
    ),
    Case(25, "case", text(GOOD.replace("B,2", "b,2")), "W", r"'B', 'b' look the same.*--merge-names"),
    Case(25, "spaces", text(GOOD.replace("B,2", "B ,2")), "W", "look the same"),
    Case(
        25,
        "Unicode form",
        text(GOOD.replace("A,1", "caf\u00e9,1").replace("A,2", "cafe\u0301,2")),
        "W",
        "look the same",
    ),
    Case(25, "zero-width space", text(GOOD.replace("B,2", "B\u200b,2")), "W", r"u200b.*look the same"),
    Case(
        25,
        "merged on request",
        text(GOOD.replace("B,2", "b ,2"), merge_names=True),
        "C",
        "merged into 'B': 1 row renamed",
    ),
    Case(27, "001 and 1", text(GOOD.replace("A,2,bob", "A,001,bob")), "OK", "3 items"),
    Case(
        28,
        "names of coordinates",
        frame(lambda: crossed(variants=("__proto__", "constant", "chain", "draw", "mu"))),
        "OK",
        "5 variants",
    ),
    Case(
        29, "long name", text(GOOD.replace("A,", "A" * 10_000 + ","), control="zzz"), "E", r"A…' \(10,000 characters\)"
    ),
    Case(30, "emoji and right-to-left", text(GOOD.replace("A,", "🚀,").replace("B,", "שלום,")), "OK", "2 variants"),
    Case(31, "one variant", frame(lambda: crossed(variants=("A",))), "W", "one variant, 'A'.*nothing to compare"),
    Case(
        32,
        "declared, without a row",
        frame(crossed, variants=("A", "B", "C")),
        "W",
        "no ratings of 'C': only the prior",
    ),
    Case(None, "rated, not declared", frame(crossed, variants=("A",)), "E", "1 variant rated but not declared: 'B'"),
    Case(
        33, "duplicate rows", text(GOOD + "A,1,ann,4\n"), "E", "row 6: 1 row equal to an earlier one.*--duplicates drop"
    ),
    Case(33, "duplicates kept", text(GOOD + "A,1,ann,4\n", duplicates="keep"), "W", "1 exact duplicate row kept"),
    Case(33, "duplicates dropped", text(GOOD + "A,1,ann,4\n", duplicates="drop"), "W", "1 exact duplicate row dropped"),
    Case(
        33,
        "duplicates beside repeat",
        text(columns(repeat=[1, 1, 1, 1]) + "A,1,ann,4,1\n"),
        "W",
        "1 exact duplicate row kept",
    ),
    Case(
        33,
        "another score",
        text(GOOD + "A,1,ann,5\n"),
        "OK",
        "1 rating of an output by a rater who had rated it already",
    ),
    Case(33, "appended twice", append_twice, "E", "16 rows equal to one that is already there"),
    Case(
        35,
        "rater of two kinds",
        text(columns(kind=["human", "llm", "human", "human"])),
        "E",
        "1 rater under two kinds: 'ann' is 'human', 'llm'",
    ),
    Case(
        35,
        "evaluator of two kinds",
        text(columns(kind=["human", "human", "llm", "llm"], evaluator=["x"] * 4)),
        "E",
        "'x' appears under two kinds",
    ),
    Case(
        35,
        "unknown kind",
        text(columns(kind=["robot"] * 4)),
        "E",
        "unknown kind 'robot'.*one of 'human', 'llm', 'metric'",
    ),
    Case(
        36, "one rater", frame(lambda: crossed(("ann",))), "W", "mean of several people, say --anonymous-raters human"
    ),
    Case(37, "no overlap", frame(without_overlap), "W", "severity is confounded with the items"),
    Case(
        38,
        "disconnected",
        frame(two_islands),
        "W",
        "2 groups of variants .*cannot be ranked together: 'A', 'B'; 'C', 'D'",
    ),
    Case(39, "one item", frame(lambda: crossed(items=1)), "W", "one item"),
    Case(
        40,
        "every item once",
        frame(lambda: only_one_each(40).assign(item=[str(i) for i in range(40)])),
        "W",
        "how much items differ comes from the prior",
    ),
    Case(40, "one variant an item", frame(split_items), "W", "answered by one variant once"),
    Case(41, "100,000 raters", frame(lambda: only_one_each(100_000)), "W", "raters of 'human' gave one rating"),
    Case(
        42,
        "extreme imbalance",
        frame(lambda: pd.concat([crossed(("ann", "bob"), 400, ("A",)), crossed(("ann", "bob"), 2, ("B",))])),
        "W",
        "'A' 800, 'B' 4",
    ),
    Case(
        44,
        "user in both arms",
        text(columns(user=["u1", "u1", "u2", "u3"])),
        "W",
        "1 user met more than one variant .2 rows.; they are kept",
    ),
    Case(
        44,
        "excluded on request",
        text(columns(user=["u1", "u1", "u2", "u3"]), crossed_users="drop"),
        "W",
        "these rows are dropped",
    ),
    Case(None, "empty identifier", text(GOOD.replace("A,2", ",2")), "E", "'variant', row 4: 1 row without a variant"),
    Case(
        None,
        "unknown control",
        frame(lambda: crossed(variants=("prompt_a", "prompt_b")), control="promt_a"),
        "E",
        "did you mean 'prompt_a'",
    ),
    Case(None, "unknown reference", frame(crossed, reference="gpt"), "E", "'gpt' is not an evaluator"),
    Case(
        None,
        "several criteria",
        text(columns(criterion=["x", "y", "x", "y"])),
        "E",
        "2 criteria in one table: 'x', 'y'.*--where criterion=x",
    ),
    Case(
        None,
        "half a character",
        frame(lambda: crossed().assign(rater=pd.Series(["\ud800"] * 16, dtype=object))),
        "E",
        "holds half a character",
    ),
    Case(
        44,
        "nobody left",
        text(columns(user=["u1"] * 4), crossed_users="drop"),
        "E",
        "which leaves none",
    ),
    Case(
        None,
        "where: unknown column",
        text(GOOD, where={"langage": "de"}),
        "E",
        "no column 'langage'.*'variant', 'item', 'rater', 'score'",
    ),
    Case(
        None,
        "where: no such value",
        text(GOOD, where={"rater": "eve"}),
        "E",
        "no row has rater=eve; column 'rater' holds 'ann', 'bob'",
    ),
    Case(
        None,
        "foreign name that is not there",
        text(GOOD, columns={"score": "stars"}),
        "E",
        "no column 'stars' to read as 'score'",
    ),
    Case(
        None,
        "name that is not ours",
        text(GOOD, columns={"scor": "score"}),
        "E",
        "'scor' is not a column of ratings.*'score'",
    ),
    # scores
    Case(45, "NaN", text(GOOD.replace("ann,4", "ann,NaN").replace("bob,3", "bob,")), "OK", "2 of 4 scores missing"),
    Case(45, "infinite", text(GOOD.replace("ann,4", "ann,-inf")), "E", "'score', row 2: 1 infinite number"),
    Case(45, "overflow", text(GOOD.replace("ann,4", "ann,1e999")), "E", "infinite"),
    Case(45, "all missing", text(HEADER + "A,1,ann,\nB,1,ann,NA\n"), "E", "every score is missing"),
    Case(
        46,
        "outside the scale",
        text(GOOD.replace("ann,5", "ann,6"), score_range=(1, 5)),
        "E",
        r"'score', row 3: 1 score outside the score range 1 to 5 \(such as 6\).*--valid-range 1:5",
    ),
    Case(
        46,
        "outside the valid range",
        text(GOOD.replace("ann,5", "ann,6"), valid_range=(1, 5)),
        "C",
        r"1 score outside the valid range 1 to 5 counted as missing \('human' 1\)",
    ),
    Case(46, "reversed range", text(GOOD, score_range=(5, 1)), "E", "5 to 1 is not a range"),
    Case(
        47,
        "words",
        text(GOOD.replace("ann,4", "ann,good")),
        "E",
        "'score', row 2: 1 cell with no number: 'good'.*--score-map good=1",
    ),
    Case(
        47,
        "words mapped",
        text(GOOD.replace("ann,4", "ann,Good"), score_map={"good": 4}),
        "C",
        "'good' read as 4.0 in 1 cell",
    ),
    Case(47, "4.0 among 4", text(GOOD.replace("ann,4", "ann,4.0")), "OK", "4 ratings"),
    Case(None, "decimal comma", text(GOOD.replace(",", ";").replace("ann;4", "ann;4,5")), "C", "decimal commas"),
    Case(
        None,
        "thousands or decimals",
        text(GOOD.replace(",", ";").replace("ann;4", "ann;4,500")),
        "E",
        "no number: '4,500'",
    ),
    Case(50, "all scores equal", frame(lambda: crossed().assign(score=3.0)), "W", "no variation: every score is 3"),
    Case(
        54, "reversed rater", frame(reversed_rater), "W", "the rater 'eve' contradicts the other raters.*reversed scale"
    ),
    Case(
        54,
        "reversed judge",
        frame(lambda: reversed_rater().assign(kind=lambda t: np.where(t["rater"] == "eve", "llm", "human"))),
        "W",
        "'eve' and 'human' contradict each other",
    ),
    Case(
        55,
        "two scales in one pool",
        frame(two_scales),
        "E",
        "two scales among the raters of 'human': 'cy' never passes 5, 'ann' gives more than 5",
    ),
    Case(55, "outside the declared scale", frame(two_scales, score_range=(1, 5)), "E", "outside the score range"),
    Case(55, "declared as one scale", frame(two_scales, score_range=(0, 10)), "OK", "160 ratings"),
    Case(55, "one scale an evaluator", frame(judges_on_two_scales), "OK", "160 ratings"),
    Case(
        58,
        "no rating in an arm",
        text(GOOD.replace("bob,4", "bob,").replace("ann,5", "ann,")),
        "W",
        "no ratings of 'B'",
    ),
    Case(
        60,
        "no variance within an arm",
        frame(lambda: crossed().assign(score=lambda t: t["score"].where(t["variant"] == "A", 3.0))),
        "W",
        "all scores are equal within 'B'",
    ),
    Case(61, "negative cost", text(columns(cost=[0.1, -0.2, 0.1, 0.1])), "E", "'cost', row 3: 1 negative number"),
    Case(61, "cost missing", text(columns(cost=[0.1, "", 0.1, ""])), "W", "'cost' is missing in 2 of 4 rows"),
    Case(
        61,
        "two currencies",
        text(columns(cost=[1, 1, 1, 1], currency=["USD", "EUR", "usd", "USD"])),
        "E",
        "several currencies: 'USD', 'EUR'",
    ),
    # settings
    Case(80, "prior SD of 0", lambda _: [str(Priors(sd_item=0))], "E", "priors.sd_item: a prior SD of 0"),
    Case(80, "negative prior SD", lambda _: [str(Priors(sd_noise=-1))], "E", "priors.sd_noise: a prior SD of -1"),
    Case(81, "threshold of chance", scenario(threshold=0.5), "E", "bad.toml.*threshold"),
    Case(81, "threshold above 1", scenario(threshold=1.5), "E", "bad.toml.*threshold.*1.5"),
    Case(81, "least shares above 1", scenario(floor=0.6), "E", "bad.toml.*floor.*0.6"),
    Case(81, "no look", scenario(looks=0), "E", "bad.toml.*looks.*0"),
    Case(82, "5 draws", sampled("draws", 5), "E", "draws 5 nothing can be said"),
    Case(82, "one chain", sampled("chains", 1), "E", "chains 1 nothing can be said"),
    Case(82, "no tuning", sampled("tune", 0), "E", "tune 0 nothing can be said"),
    Case(
        50,
        "all scores equal, no scale declared",
        lambda _: [str(fit(validate(crossed().assign(score=3.0)), engine="fast"))],
        "E",
        "the ratings have no scale of their own.*--score-range",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bad_input(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if case.outcome == "E":
        with pytest.raises(ExpsimError) as caught:
            case.act(tmp_path)
        assert re.search(case.message, str(caught.value)), str(caught.value)
        assert caught.value.remedy
        assert not (tmp_path / "canary-was-run").exists()
        return
    sentences = case.act(tmp_path)
    matching = [sentence for sentence in sentences if re.search(case.message, sentence)]
    assert matching, sentences
    if case.outcome == "W":
        assert any(sentence.startswith("warning: ") for sentence in matching), matching


def test_the_byte_order_mark_leaves_the_first_name_intact(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert list(read(path).table["variant"]) == ["A", "B", "A", "B"]


def test_numeric_ids_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(HEADER + "A,001,ann,4\nA,1,ann,3\n")
    assert code(read(path)).items == ("001", "1")


def test_no_limit_is_read_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expsim_bayes.readers.csv.MAX_ROWS", 100)
    path = tmp_path / "ratings.csv"
    path.write_text(many(200))
    with pytest.raises(ExpsimError, match="more than 100 rows"):
        read(path)


# Ratings that say little, fitted: what must come out is an honest answer, neither a crash nor a false certainty.

ENGINES = pytest.mark.parametrize("engine", ["fast", pytest.param("nuts", marks=pytest.mark.long)])
"""Without a sampler in seconds; with one in minutes, in `make long`."""


def asked_again() -> pd.DataFrame:
    """A judge that is asked three times and always repeats itself, and two people."""
    rng = np.random.default_rng(0)
    rows = []
    for item in range(30):
        for variant, quality in (("A", 3.0), ("B", 3.3)):
            worth = quality + 0.5 * rng.normal()
            rows += [(variant, str(item), "judge", "llm", n, float(round(worth))) for n in (1, 2, 3)]
            rows += [
                (variant, str(item), name, "human", 1, round(worth + 0.6 * rng.normal(), 1)) for name in ("ann", "bob")
            ]
    return pd.DataFrame(rows, columns=["variant", "item", "rater", "kind", "repeat", "score"])


def answered(table: pd.DataFrame, engine: Engine, **declared: Any) -> Facts:
    """What a fit of ratings on a 1-5 scale says, which it must be willing to say."""
    ratings = validate(table, score_range=(1, 5), **declared)
    facts = of_fit(fit(ratings, engine=engine, random_seed=1), ratings)
    assert facts.fit is not None
    assert facts.fit.verdict != "refuse", facts.fit.verdict_reasons
    return facts


@ENGINES
def test_50_without_variation_nothing_is_certain(engine: Engine) -> None:
    facts = answered(crossed().assign(score=3.0), engine)
    assert facts.variant("A").prob_best == pytest.approx(0.5, abs=0.05)
    assert all(v.quality.high - v.quality.low > 0.05 for v in facts.variants)
    assert facts.decision.name == "collect"


@ENGINES
def test_58_a_variant_without_ratings_is_what_was_believed(engine: Engine) -> None:
    table = crossed(items=10).assign(score=lambda t: t["score"].where(t["variant"] == "A"))
    facts = answered(table, engine, variants=("A", "B"))
    assert facts.variant("B").prob_best == pytest.approx(0.5, abs=0.1)
    known, unknown = (facts.variant(name).quality for name in "AB")
    assert unknown.high - unknown.low > 1.2 * (known.high - known.low)


@ENGINES
def test_60_an_arm_without_variance_has_an_interval(engine: Engine) -> None:
    table = crossed(items=10).assign(score=lambda t: t["score"].where(t["variant"] == "A", 3.0))
    facts = answered(table, engine)
    assert all(v.quality.high - v.quality.low > 0.1 for v in facts.variants)


@ENGINES
def test_31_one_variant_is_estimated_and_not_compared(engine: Engine) -> None:
    facts = answered(crossed(variants=("A",), items=10), engine)
    told = recommendation(facts)
    assert told.headline == "Nothing to compare: only A was rated"
    assert "interval" in told.how_sure
    assert "probability" not in told.text()


@ENGINES
def test_a_judge_that_always_repeats_itself_counts_once(engine: Engine) -> None:
    table = asked_again()
    facts = answered(table, engine)
    once = answered(table.drop_duplicates(["variant", "item", "rater"]), engine)
    both = [f.variants[0].effect or f.variants[1].effect for f in (facts, once)]
    widths = [effect.high - effect.low for effect in both if effect is not None]
    assert widths[0] == pytest.approx(widths[1], rel=0.1)
