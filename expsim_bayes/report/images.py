"""The pictures of a document as bytes: drawn anew from the facts where they can be, else as they lie in the folder."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes import plots
from expsim_bayes.report import pictures

if TYPE_CHECKING:
    from pathlib import Path

    from expsim_bayes.facts import Facts
    from expsim_bayes.report.document import Document, Picture


class Image(NamedTuple):
    """A picture as bytes."""

    ending: str
    """svg or png."""
    light: bytes
    """Dark on white."""
    dark: bytes | None = None
    """Light on dark; None where only the light one is there."""
    narrow: bytes | None = None
    """Dark on white, drawn anew for the width of a phone; None where it was not."""
    narrow_dark: bytes | None = None
    """Light on dark, likewise."""

    def uri(self, *, dark: bool = False, narrow: bool = False) -> str:
        """The picture as the address of itself."""
        media = {"svg": "image/svg+xml", "png": "image/png"}[self.ending]
        wide, small = (self.dark, self.narrow_dark) if dark else (self.light, self.narrow)
        content = (small if narrow else None) or wide or self.light
        return f"data:{media};base64,{b64encode(content).decode()}"


def _within(folder: Path, name: str) -> Path | None:
    """A file of a folder; None where it is not there, or lies elsewhere."""
    file = folder / name
    return file if name and file.is_file() and file.resolve().is_relative_to(folder.resolve()) else None


def images(page: Document, facts: Facts, folder: Path | None, *, dark: bool = False) -> dict[Picture, Image]:
    """Every picture that there is to show.

    Parameters
    ----------
    page : Document
        With the pictures.
    facts : Facts
        What it was made from.
    folder : Path, optional
        Where its figures lie.
    dark : bool
        Draw those of facts light on dark, too, and both for the width of a phone.
    """
    found: dict[Picture, Image] = {}
    shown = pictures.fewer(facts) if page.length == "brief" else facts
    for block in page.blocks():
        if block.kind != "picture":
            continue
        if block.redrawn:
            kinds = (
                [(theme, narrow) for narrow in (False, True) for theme in (plots.LIGHT, plots.DARK)]
                if dark
                else [(plots.LIGHT, False)]
            )
            made = [
                plots.render(pictures.drawn(block.redrawn, shown, theme=theme, narrow=narrow), "svg")
                for theme, narrow in kinds
            ]
            found[block] = Image("svg", *made)
        elif folder is not None and (file := _within(folder, block.file)) is not None:
            found[block] = Image("png", file.read_bytes())
    return found
