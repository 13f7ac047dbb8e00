"""A report before it has a form: sections of paragraphs, lists, tables, figures and answers, all of them finished words.

Every form (Markdown, HTML, PDF, JSON) is made from the same `Document`, so that none can say what another does not. Texts here are plain:
what is markup in a form is escaped by that form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from expsim_bayes.facts import DecisionName

    Sign = DecisionName | Literal["ok", "caution"]

Length = Literal["brief", "full"]
Redrawn = Literal["", "differences", "qualities"]


@dataclass(frozen=True)
class Paragraph:
    """A few sentences, with what they are about where that helps."""

    text: str
    """The sentences."""
    label: str = ""
    """Stands before them in bold."""
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True)
class Bullets:
    """A list."""

    points: tuple[Paragraph, ...]
    """Its points."""
    kind: Literal["bullets"] = "bullets"


@dataclass(frozen=True)
class Table:
    """A table whose cells are finished words and numbers."""

    columns: tuple[str, ...]
    """Headings."""
    rows: tuple[tuple[str, ...], ...]
    """Cells, as many a row as there are headings."""
    words: tuple[int, ...] = (0,)
    """Positions of the columns that hold words, which are flush left; numbers are flush right."""
    note: str = ""
    """What a reader must know of it."""
    sheet: str = ""
    """Name of the tidy table that holds its numbers in full."""
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Picture:
    """A figure with its caption, and the same for those who cannot see it."""

    file: str
    """Path relative to the report; empty where none has been drawn yet."""
    caption: str
    """What it shows."""
    alternative: str
    """The same with what is to be seen on it."""
    redrawn: Redrawn = ""
    """Which picture of facts it is, so that a form may draw it anew in its own colours; empty where it hangs on more than the facts."""
    kind: Literal["picture"] = "picture"


@dataclass(frozen=True)
class Answer:
    """A reader's question and its answer in one sentence."""

    question: str
    """As a reader would ask it."""
    sentence: str
    """The answer."""
    more: str = ""
    """What belongs to it."""
    kind: Literal["answer"] = "answer"


Block = Paragraph | Bullets | Table | Picture | Answer


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it."""

    key: str
    """A name that stays the same whatever the heading says."""
    heading: str
    """The heading; empty where none is needed."""
    blocks: tuple[Block, ...]
    """What stands below."""


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    """What it is about."""
    story: str
    """What is at stake; may be empty."""
    decision: Sign
    """The decision, or the verdict on a fit: gives the sign and its colour."""
    headline: str
    """The same in a few words."""
    source: str
    """Where the ratings come from, in a line."""
    length: Length
    """For whom it is: a page, or everything."""
    sections: tuple[Section, ...]
    """What it says."""

    def section(self, key: str) -> Section:
        """The section of that name."""
        return next(section for section in self.sections if section.key == key)

    def blocks(self) -> Iterator[Block]:
        """Everything in it, from top to bottom."""
        for section in self.sections:
            yield from section.blocks
