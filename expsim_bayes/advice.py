"""A recommendation in words, and how it shows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.notebook import as_html, as_text

if TYPE_CHECKING:
    from collections.abc import Iterable


class Recommendation(NamedTuple):
    """A recommendation in words."""

    headline: str
    """The decision in a few words."""
    what_to_do: str
    """The decision and its reason."""
    how_sure: str
    """The evidence."""
    price: str
    """What it cost."""
    unknown: str
    """What remains unknown."""
    further: str
    """Which further ratings would help most."""
    change: str
    """What would change the answer."""

    def text(self) -> str:
        """All of it, one paragraph after the other."""
        return "\n\n".join(part for part in self[1:] if part)

    def __repr__(self) -> str:
        return as_text(self.headline, self._rows())

    def _repr_html_(self) -> str:
        return as_html(self.headline, self._rows())

    def _rows(self) -> Iterable[tuple[str, str]]:
        labels = ("Do", "How sure", "Price", "Not known", "Further", "Change")
        return zip(labels, self[1:], strict=True)
