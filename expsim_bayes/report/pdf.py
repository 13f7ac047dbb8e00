"""A document as PDF, set by Typst. What is said goes in as data and is never read as markup; nothing is fetched from anywhere."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from expsim_bayes.plots import LIGHT
from expsim_bayes.plots.card import COLOURS
from expsim_bayes.report.html import strokes, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from expsim_bayes.report.document import Document, Picture
    from expsim_bayes.report.images import Image

Paper = Literal["a4", "letter"]
PAPERS: dict[Paper, str] = {"a4": "a4", "letter": "us-letter"}
"""Sizes of pages, as Typst calls them."""
LONGEST_WORD = 18
"""Characters without a space after which a word may be broken, so that a long name stays within its column."""
_LONG = re.compile(rf"[^\s\u200b-\u200d\ufe0e\ufe0f\u2066-\u2069]{{{LONGEST_WORD}}}(?=[A-Za-z0-9_.\-/])")


_JOINT = re.compile(r"(?<=\w)[_/](?=\w)(?!\w{0,24}\))")
"""Where a name may be broken before that; not one alone in brackets, which goes to the next line whole."""


def pdf(page: Document, images: Mapping[Picture, Image], *, paper: Paper = "a4") -> bytes:
    """A document as PDF: a single page where it is a brief one.

    Parameters
    ----------
    page : Document
        What it says.
    images : mapping
        Its pictures, from `images.images`; one that is not there is told by its text alternative.
    paper : {"a4", "letter"}
        Size of its pages.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.report.build import document
    >>> from expsim_bayes.scenario import load
    >>> pdf(document(of_experiment(play(load("summarization-prompts"), random_seed=1))), {})[:5]
    b'%PDF-'
    """
    import typst

    with TemporaryDirectory() as place:
        folder = Path(place)
        template = resources.files("expsim_bayes.report").joinpath("report.typ").read_text(encoding="utf-8")
        (folder / "report.typ").write_text(template, encoding="utf-8")
        (folder / "sign.svg").write_text(_sign(page), encoding="utf-8")
        names = {}
        for n, (picture, image) in enumerate(images.items()):
            names[picture] = f"{n}.{image.ending}"
            (folder / names[picture]).write_bytes(image.light)
        made = typst.compile(
            folder / "report.typ",
            root=folder,
            package_path=folder / "none",
            package_cache_path=folder / "none",
            format="pdf",
            sys_inputs={"page": json.dumps(_data(page, names, paper), ensure_ascii=False)},
        )
    return bytes(made)


def _data(page: Document, names: Mapping[Picture, str], paper: Paper = "a4") -> Any:
    """The document with its colours, as the template reads it."""
    found = asdict(page)
    for section, told in zip(page.sections, found["sections"], strict=True):
        for block, data in zip(section.blocks, told["blocks"], strict=True):
            if block.kind == "picture":
                data["image"] = names.get(block)
    accent = LIGHT.colours[COLOURS[page.decision]]
    colours = {"ground": LIGHT.ground, "ink": LIGHT.ink, "muted": LIGHT.muted, "faint": LIGHT.faint, "accent": accent}
    return _breakable(found) | {"colours": colours, "paper": PAPERS[paper]}


def _breakable(value: Any) -> Any:
    """The same with places in long words where a line may end, and none before a per cent sign."""
    if isinstance(value, str):
        return together(_JOINT.sub("\\g<0>\u200b", _LONG.sub("\\g<0>\u200b", value)))
    if isinstance(value, dict):
        return {name: part if name in _FIXED else _breakable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_breakable(part) for part in value]
    return value


_FIXED = ("kind", "key", "image", "file", "length", "decision")
"""What is no text."""


def _sign(page: Document) -> str:
    """The sign of the decision as SVG."""
    lines = "".join(f'<polyline points="{points}"/>' for points in strokes(page.decision))
    colour = LIGHT.colours[COLOURS[page.decision]]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><circle cx="50" cy="50" r="50" fill="{colour}"/>'
        f'<g fill="none" stroke="{LIGHT.ground}" stroke-width="10" stroke-linecap="round" stroke-linejoin="round">{lines}</g></svg>'
    )
