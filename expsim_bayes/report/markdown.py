"""A document as Markdown. Text is escaped, so that neither a name nor a sentence can become markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from expsim_bayes.report.build import Figure, document
from expsim_bayes.report.displayed import NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.facts import Facts
    from expsim_bayes.report.document import Document, Length

__all__ = ["NAME_LENGTH", "Figure", "escape", "markdown", "of_document", "shorten"]

_MARKUP = re.compile(r"([\\`*_\[\]#|<>~]|\$(?!\d))")  # $5 is money: no mathematics ends before a digit
NAME_LENGTH = NAME
"""Longer names are shortened in tables and figures; files keep them whole."""


def markdown(facts: Facts, figures: Sequence[Figure] = (), *, length: Length = "full") -> str:
    """The report as Markdown.

    Parameters
    ----------
    facts : Facts
        What may be said.
    figures : sequence of Figure
        Drawn beforehand.
    length : {"brief", "full"}
        A page for who decides, or everything for who checks.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> print(markdown(of_experiment(play(load("summarization-prompts"), random_seed=1))).splitlines()[0])
    # Two prompts for summarising support tickets
    """
    return of_document(document(facts, figures, length=length))


def of_document(page: Document) -> str:
    """A document as Markdown."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("expsim_bayes.report", ""),
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["md"] = escape
    text = environment.get_template("report.md.j2").render(page=page)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def escape(text: str) -> str:
    r"""Text in which nothing is Markdown or HTML.

    Examples
    --------
    >>> print(escape("<b>a*b</b> for $3"))
    \<b\>a\*b\</b\> for $3
    """
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))


def shorten(text: str, length: int = NAME_LENGTH) -> str:
    """A long name cut for display.

    Examples
    --------
    >>> shorten("a" * 50, 10)
    'aaaaaaaaa…'
    """
    return text if len(text) <= length else text[: length - 1] + "…"
