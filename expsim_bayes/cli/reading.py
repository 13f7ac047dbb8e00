"""Options with which a file of ratings is read."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

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
