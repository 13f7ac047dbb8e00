"""Options with which a file of ratings is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from expsim_bayes.cli.options import bounds, choices, numbers, pairs

READING = "Reading the file"
"""Heading of these options in --help."""

Where = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN=VALUE", help="Use only rows with this value (repeat it).", rich_help_panel=READING),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OURS=THEIRS", help="A column's name in the file, such as score=rating.", rich_help_panel=READING
    ),
]
ScoreRange = Annotated[
    str | None,
    typer.Option(metavar="LO:HI", help="Ends of the scale; a score outside is an error.", rich_help_panel=READING),
]
ValidRange = Annotated[
    str | None, typer.Option(metavar="LO:HI", help="Scores outside count as missing.", rich_help_panel=READING)
]
ScoreMap = Annotated[
    list[str] | None,
    typer.Option(metavar="WORD=NUMBER", help="What a word is worth, such as good=1.", rich_help_panel=READING),
]
Anonymous = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KIND",
        help="Rater names of this kind (human, llm, metric) are slots, not persons.",
        rich_help_panel=READING,
    ),
]
Duplicates = Annotated[
    Literal["ask", "keep", "drop"], typer.Option(help="Rows that are equal in every column.", rich_help_panel=READING)
]
Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="Encoding of a CSV, such as cp1252.", rich_help_panel=READING)
]
NoQuotes = Annotated[
    bool, typer.Option("--no-quotes", help="Read double quotes in a CSV as text.", rich_help_panel=READING)
]
RoundScores = Annotated[
    bool, typer.Option("--round-scores", help="Round averages to the nearest whole point.", rich_help_panel=READING)
]
FlagBelow = Annotated[
    list[str] | None,
    typer.Option(
        metavar="EVALUATOR=NUMBER",
        help="A score below it flags an error (1), else 0; * for all others (repeat it).",
        rich_help_panel=READING,
    ),
]
OutcomeMap = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WORD=SIDE",
        help="What a verdict of a comparison means: left, tie, right or missing.",
        rich_help_panel=READING,
    ),
]
NoVariants = Annotated[
    bool, typer.Option("--no-variants", help="Nothing is compared: no column 'variant'.", rich_help_panel=READING)
]
CrossedUsers = Annotated[
    Literal["keep", "drop"], typer.Option(help="Users who met several variants.", rich_help_panel=READING)
]
MergeNames = Annotated[
    bool, typer.Option("--merge-names", help="Names that differ by case or spaces are one.", rich_help_panel=READING)
]


@dataclass(frozen=True, kw_only=True)
class RowOptions:
    """How rows of any kind are read."""

    where: Where = None
    column: Columns = None
    score_range: ScoreRange = None
    valid_range: ValidRange = None
    score_map: ScoreMap = None
    anonymous_raters: Anonymous = None
    duplicates: Duplicates = "ask"
    encoding: Encoding = None
    no_quotes: NoQuotes = False

    def told(self) -> dict[str, Any]:
        """The same as `expsim_bayes.readers.read` takes it."""
        return {
            "columns": pairs(self.column, option="--column", example="score=rating"),
            "where": pairs(self.where, option="--where", example="language=en"),
            "score_range": bounds(self.score_range, option="--score-range"),
            "valid_range": bounds(self.valid_range, option="--valid-range"),
            "score_map": numbers(self.score_map, option="--score-map", example="good=1"),
            "anonymous_kinds": choices(self.anonymous_raters, ("human", "llm", "metric"), option="--anonymous-raters"),
            "duplicates": self.duplicates,
            "encoding": self.encoding,
            "quoting": not self.no_quotes,
        }


@dataclass(frozen=True, kw_only=True)
class ReadingOptions(RowOptions):
    """How ratings are read that are to be fitted."""

    round_scores: RoundScores = False
    flag_below: FlagBelow = None
    outcome_map: OutcomeMap = None
    crossed_users: CrossedUsers = "keep"
    merge_names: MergeNames = False

    def told(self) -> dict[str, Any]:
        """The same as `expsim_bayes.readers.read` takes it, and `expsim_bayes.live.Reading`."""
        return super().told() | {
            "round_scores": self.round_scores,
            "flag_below": numbers(self.flag_below, option="--flag-below", example="human=1"),
            "outcome_map": pairs(self.outcome_map, option="--outcome-map", example="first=left"),
            "crossed_users": self.crossed_users,
            "merge_names": self.merge_names,
        }
