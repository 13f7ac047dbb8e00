"""Options with which a file of ratings is read, for the verbs that read one and fit nothing."""

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
