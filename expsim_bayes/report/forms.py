"""A report in any of its forms, as the bytes of a file: one document, made once from the facts, and written down in four ways."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from expsim_bayes.plots.labels import emoji_installed
from expsim_bayes.report.build import Figure, document
from expsim_bayes.sentences import recommendation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from expsim_bayes.facts import Facts
    from expsim_bayes.report.document import Document, Length, Picture
    from expsim_bayes.report.images import Image
    from expsim_bayes.report.pdf import Paper

Form = Literal["md", "html", "pdf", "json"]
FORMS: Final[tuple[Form, ...]] = ("md", "html", "pdf", "json")
"""Forms of a report, by the ending of their files."""


def name_of(form: Form, length: Length) -> str:
    """Name of the file of a report.

    Examples
    --------
    >>> name_of("pdf", "brief"), name_of("md", "full")
    ('brief.pdf', 'report.md')
    """
    return f"{'brief' if length == 'brief' else 'report'}.{form}"


def rendered(
    form: Form,
    facts: Facts,
    figures: Sequence[Figure] = (),
    *,
    folder: Path | None = None,
    length: Length = "full",
    paper: Paper = "a4",
) -> bytes:
    """A report as the bytes of a file.

    Parameters
    ----------
    form : {"md", "html", "pdf", "json"}
        Which form.
    facts : Facts
        What may be said.
    figures : sequence of Figure
        Drawn beforehand.
    folder : Path, optional
        Where they lie.
    length : {"brief", "full"}
        A page for who decides, or everything for who checks.
    paper : {"a4", "letter"}
        Size of the pages of a PDF.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> facts = of_experiment(play(load("summarization-prompts"), random_seed=1))
    >>> sorted(json.loads(rendered("json", facts)))
    ['document', 'facts', 'recommendation']
    """
    page = document(facts, figures, length=length, emoji=form != "pdf" or emoji_installed())

    def drawn(*, dark: bool) -> Mapping[Picture, Image]:
        from expsim_bayes.report.images import images

        return images(page, facts, folder, dark=dark)

    return formed(form, page, lambda: _object(facts, page), drawn, paper=paper)


class Drawn(Protocol):
    """Draws the pictures of a document."""

    def __call__(self, *, dark: bool) -> Mapping[Picture, Image]:
        """Every picture that there is to show; with `dark` light on dark, too."""


def formed(
    form: Form, page: Document, told: Callable[[], Mapping[str, Any]], drawn: Drawn, *, paper: Paper = "a4"
) -> bytes:
    """A document as the bytes of a file.

    Parameters
    ----------
    form : {"md", "html", "pdf", "json"}
        Which form.
    page : Document
        What it says.
    told : callable
        Gives what stands in the JSON.
    drawn : callable
        Draws its pictures.
    paper : {"a4", "letter"}
        Size of the pages of a PDF.
    """
    if form == "md":
        from expsim_bayes.report.markdown import of_document

        return of_document(page).encode()
    if form == "json":
        return json.dumps(told(), indent=2, ensure_ascii=False, allow_nan=False).encode()
    if form == "html":
        from expsim_bayes.report.html import html

        return html(page, drawn(dark=True)).encode()
    from expsim_bayes.report.pdf import pdf

    return pdf(page, drawn(dark=False), paper=paper)


def _object(facts: Facts, page: Document) -> dict[str, Any]:
    """Facts, recommendation and document; of a refused fit no number that it does not support."""
    from pydantic import TypeAdapter

    from expsim_bayes.facts import Facts as Known

    told = json.loads(TypeAdapter(Known).dump_json(facts))
    if facts.decision.name == "refuse":
        allowed = ("title", "source", "decision", "ratings", "usd", "notices", "provenance")
        reasons = {name: told["fit"][name] for name in ("verdict", "verdict_reasons")} if told["fit"] else None
        told = {name: told[name] for name in allowed} | {"fit": reasons}
    return {"facts": told, "recommendation": recommendation(facts)._asdict(), "document": asdict(page)}
