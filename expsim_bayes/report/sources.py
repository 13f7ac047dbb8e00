"""Where an answer comes from, and how to get it again: command, seed, versions, hashes, sources."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from expsim_bayes.report.document import Block, Bullets, Paragraph

if TYPE_CHECKING:
    from expsim_bayes.facts import Facts


def reproduce(facts: Facts) -> tuple[Block, ...]:
    """What is needed to get the same numbers again, and the sources of what was assumed."""
    points = [Paragraph(_plain(value), name) for name, value in facts.provenance if value]
    points += [
        Paragraph(f"{p.said} ({p.source}).", f"Price of {p.name}{f' as of {p.as_of}' if p.as_of else ''}")
        for p in facts.prices
    ]
    points += [Paragraph(source) for source in facts.sources]
    files = "manifest.json beside this report names every file with its SHA-256; facts.json holds every number of it."
    return (Bullets(tuple(points)), Paragraph(files))


def _plain(text: str) -> str:
    """A JSON object as a list of names and values.

    Examples
    --------
    >>> _plain('{"draws": 1500, "engine": "nuts"}'), _plain("7")
    ('draws 1500, engine nuts', '7')
    """
    try:
        found = json.loads(text)
    except ValueError:
        return text
    if not isinstance(found, dict):
        return text
    return ", ".join(f"{name} {value}" for name, value in found.items())
