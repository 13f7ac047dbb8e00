"""Facts and figures to a `Document`: a page for who decides, or everything for who checks. Nothing is computed here but the wording."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes import sentences
from expsim_bayes.amounts import sentence
from expsim_bayes.report import analyst, pictures
from expsim_bayes.report.answers import answers, remedy, split
from expsim_bayes.report.displayed import clean, displayed
from expsim_bayes.report.document import Answer, Block, Bullets, Document, Length, Paragraph, Picture, Redrawn, Section
from expsim_bayes.report.prices import costs
from expsim_bayes.report.risks import risks
from expsim_bayes.report.sources import reproduce

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.advice import Recommendation
    from expsim_bayes.facts import Facts

LONGEST = 700
"""Characters of an answer on a single page."""


class Figure(NamedTuple):
    """A figure of a report."""

    file: str
    """Path relative to the report."""
    caption: str
    """What it shows, in a sentence."""
    alternative: str
    """The same for those who cannot see it."""


_FILE = re.compile(r"(?:[\w-]+/)*[\w-]+\.png")
"""What a figure may be called: a file below the report, and nothing else that a link could be."""
PLACES = {
    "differences": "evidence",
    "qualities": "evidence",
    "quality": "evidence",
    "prob_best": "evidence",
    "allocation": "evidence",
    "cost": "cost",
    "learning": "cost",
    "predictive": "checks",
    "severity": "raters",
    "scale_use": "scale",
    "shifts": "shifts",
}
"""The section of each figure; any other stands with the evidence."""


def document(facts: Facts, figures: Sequence[Figure] = (), *, length: Length = "full", emoji: bool = True) -> Document:
    """The report of some facts.

    Parameters
    ----------
    facts : Facts
        What may be said.
    figures : sequence of Figure
        Drawn beforehand.
    length : {"brief", "full"}
        A page for who decides, or everything for who checks.
    emoji : bool
        Whether names keep them: not where no font shows them.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> found = document(of_experiment(play(load("summarization-prompts"), random_seed=1)))
    >>> [section.key for section in found.sections]
    ['decision', 'evidence', 'cost', 'risks', 'change', 'assumed', 'data', 'reproduce']
    """
    told = displayed(facts, emoji=emoji)
    shown = [Figure(f.file, clean(f.caption), clean(f.alternative)) for f in figures if _FILE.fullmatch(f.file)]
    advice = sentences.recommendation(told)
    sections = _brief(told, shown) if length == "brief" else _full(told, shown, advice)
    return Document(
        title=told.title,
        story=told.story if length == "full" else "",
        decision=told.decision.name,
        headline=advice.headline,
        source=f"Simulated, not real ratings: scenario {told.source}" if told.fit is None else told.source,
        length=length,
        sections=tuple(
            section for section in sections if section.blocks or section.key == "decision"
        ),  # whose heading says it all
    )


def _brief(facts: Facts, figures: Sequence[Figure]) -> list[Section]:
    """Five questions with their answers, and the evidence in one picture between them."""
    told = [Answer(a.question, _cut(a.sentence), _cut(a.more)) for a in answers(facts)]
    picture = _evidence(facts, figures, brief=True)
    return [
        Section("do", "", (told[0],)),
        Section("evidence", "", (told[1], *picture)),
        Section("others", "", tuple(told[2:])),
    ]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "… (more in the full report)"


def _full(facts: Facts, figures: Sequence[Figure], advice: Recommendation) -> list[Section]:
    """Everything, in the order in which readers ask."""
    refused = facts.decision.name == "refuse"
    by_place: dict[str, list[Block]] = {}
    one_picture = _evidence(facts, figures)
    for figure in figures:
        if not any(picture.file == figure.file for picture in one_picture) and not refused:
            name = figure.file.rpartition("/")[2].partition(".")[0]
            which: Redrawn = "qualities" if name == "qualities" else ""
            picture = Picture(figure.file, figure.caption, figure.alternative, which)
            by_place.setdefault(PLACES.get(name, "evidence"), []).append(picture)
    first, rest = split(advice.what_to_do, facts)
    found = [
        Section("decision", f"Recommendation: {advice.headline}", _decision(facts, first, rest, advice)),
        Section(
            "evidence",
            "The evidence",
            ()
            if refused
            else (
                *(_said(advice.how_sure)),
                *one_picture,
                *_with_pictures(analyst.variants(facts), by_place.pop("evidence", [])),
            ),
        ),
        Section("cost", "What it cost", (*costs(facts, advice), *by_place.pop("cost", ()))),
        Section("risks", "What could be wrong", () if refused else (*_known(facts), risks(facts))),
        Section("change", "What would change the answer", () if refused else _said(advice.change)),
        Section("assumed", "What was assumed", () if refused else analyst.assumed(facts)),
    ]
    for key, heading, blocks in () if refused else analyst.details(facts):
        found.append(Section(key, heading, _with_pictures(blocks, by_place.pop(key, []))))
    left = tuple(picture for rest_of in by_place.values() for picture in rest_of)
    return [
        *found,
        Section("figures", "More figures", left),
        Section("data", "What was done to the data", _points([sentence(notice) for notice in facts.notices])),
        Section("reproduce", "Where this comes from", reproduce(facts)),
    ]


def _with_pictures(blocks: Sequence[Block], shown: Sequence[Block]) -> tuple[Block, ...]:
    """Blocks of a section with its pictures behind the first sentences: tables and lists, which may go over pages, come last."""
    first = next((n for n, block in enumerate(blocks) if block.kind != "paragraph"), len(blocks))
    return (*blocks[:first], *shown, *blocks[first:])


def _decision(facts: Facts, first: str, rest: str, advice: Recommendation) -> tuple[Block, ...]:
    if facts.decision.name == "refuse":
        return (
            Paragraph(first),
            *_said(rest),
            *_said(advice.how_sure),
            Paragraph(remedy(facts), "What to do about it."),
        )
    said = rest if first == f"{advice.headline}." else f"{first} {rest}"  # the heading has said it
    return _said(said.strip())


def _evidence(facts: Facts, figures: Sequence[Figure], *, brief: bool = False) -> tuple[Picture, ...]:
    """The evidence in one picture: drawn beforehand where it is among the figures, else left to the form."""
    which = pictures.evidence(facts)
    if not which:
        return ()
    few = pictures.fewer(facts) if brief else facts
    caption, finding = pictures.told(which, few)
    if left := len(facts.variants) - len(few.variants):
        caption += f" {left} more {'is' if left == 1 else 'are'} not shown."
    file = next((f.file for f in figures if f.file.endswith(f"/{which}.png")), "")
    return (Picture(file, caption, f"{caption} {finding}", which),)


def _known(facts: Facts) -> tuple[Block, ...]:
    """How well the difference is known; what else is unknown is said risk by risk."""
    return _said(sentences.how_well_known(facts)) if facts.variants else ()


def _said(text: str) -> tuple[Block, ...]:
    return (Paragraph(text),) if text else ()


def _points(texts: Sequence[str]) -> tuple[Block, ...]:
    return (Bullets(tuple(Paragraph(text) for text in texts)),) if texts else ()
