"""A document as one HTML file: figures inside, nothing fetched from anywhere, no script, fit for print, phones and dark rooms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from expsim_bayes.plots import DARK, LIGHT
from expsim_bayes.plots.card import COLOURS, SIGNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from expsim_bayes.report.document import Document, Picture, Sign
    from expsim_bayes.report.images import Image


_TOGETHER = re.compile(r"(?<=\d) (?=%|(?:pp|s)\b)")
"""A space between a number and its unit, where no line may end."""


def html(page: Document, images: Mapping[Picture, Image]) -> str:
    """A document as HTML.

    Parameters
    ----------
    page : Document
        What it says.
    images : mapping
        Its pictures, from `images.images`; one that is not there is told by its text alternative.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.report.build import document
    >>> from expsim_bayes.scenario import load
    >>> page = html(document(of_experiment(play(load("summarization-prompts"), random_seed=1))), {})
    >>> page.splitlines()[0], "<script" in page, "://" in page
    ('<!DOCTYPE html>', False, False)
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("expsim_bayes.report", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made = environment.get_template("report.html.j2").render(
        page=page,
        images=images,
        light=LIGHT,
        dark=DARK,
        colour=COLOURS[page.decision],
        strokes=strokes(page.decision),
    )
    return together(made)


def together(text: str) -> str:
    """The same with numbers and their per cent signs on one line.

    Examples
    --------
    >>> together("95 % of it, +4.2 pp").replace("\N{NO-BREAK SPACE}", "~")
    '95~% of it, +4.2~pp'
    """
    return _TOGETHER.sub("\N{NO-BREAK SPACE}", text)


def strokes(decision: Sign) -> list[str]:
    """The sign of a decision as points of lines in a square of side 100, the first corner at the top.

    Examples
    --------
    >>> strokes("launch")
    ['24,50 43,70 77,29']
    """
    return [" ".join(f"{100 * x:.0f},{100 - 100 * y:.0f}" for x, y in line) for line in SIGNS[decision]]
