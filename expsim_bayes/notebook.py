"""How a result shows itself as the last line of a notebook cell and at a prompt: a headline, and what belongs to it, row by row."""

from __future__ import annotations

import html
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDTH, INDENT = 100, 12
"""Columns of text, and where what a row says begins; a longer label stands on a line of its own."""


def as_text(headline: str, rows: Iterable[tuple[str, str]]) -> str:
    """For a prompt, or `print`.

    Parameters
    ----------
    headline : str
        The result in a few words.
    rows : iterable of pairs
        What a row is about, and what it says; a row that says nothing is left out.

    Examples
    --------
    >>> print(as_text("Launch B", [("How sure", "99 %"), ("Price", ""), ("Why", "it is better")]))
    Launch B
      How sure  99 %
      Why       it is better
    """
    told = [(label, said) for label, said in rows if said]
    wide = max([INDENT, *(len(label) + 4 for label, _ in told if len(label) <= 2 * INDENT)])
    lines = [headline]
    for label, said in told:
        first = f"  {label}".ljust(wide)
        if len(label) + 4 > wide:
            lines.append(first.rstrip())
            first = " " * wide
        lines += textwrap.wrap(said, WIDTH, initial_indent=first, subsequent_indent=" " * wide, break_on_hyphens=False)
    return "\n".join(lines)


def as_html(headline: str, rows: Iterable[tuple[str, str]]) -> str:
    """For a notebook; colours are those of the page, so that it suits its light and its dark theme, and no text is taken for HTML.

    Examples
    --------
    >>> as_html("Launch <B>", [])
    '<div style="max-width:50rem"><strong style="font-size:1.15em">Launch &lt;B&gt;</strong></div>'
    """
    label_style = "text-align:left;vertical-align:top;white-space:nowrap;padding-right:1em;opacity:.75"
    cells = "".join(
        f'<tr style="background:none"><th scope="row" style="{label_style}">{html.escape(label)}</th>'
        f'<td style="text-align:left">{html.escape(said)}</td></tr>'
        for label, said in rows
        if said
    )
    table = f'<table style="margin:.4em 0 0">{cells}</table>' if cells else ""
    return (
        f'<div style="max-width:50rem"><strong style="font-size:1.15em">{html.escape(headline)}</strong>{table}</div>'
    )
