"""Text cells that a spreadsheet would take for a formula, and the apostrophe that stops it.

A cell that begins with = + - @ TAB CR LF, or their full-width forms, is written with a leading apostrophe; reading
takes it off again. Numbers are left alone. A cell that begins with apostrophes before such a sign gets one more, so
that every text comes back as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.ratings.numbers import NUMBER

if TYPE_CHECKING:
    import pandas as pd

SIGNS = "=+@\t\r\n＝＋－＠-"

FORMULA = rf"^'*[{SIGNS}]"
"""A cell that needs protection."""

PROTECTED = rf"^''*[{SIGNS}]"
"""A cell that was protected."""


def protect(cells: pd.Series) -> pd.Series:
    """Text cells with an apostrophe before what looks like a formula.

    Examples
    --------
    >>> import pandas as pd
    >>> protect(pd.Series(["=1+1", "-4.5", "plain", "'@x"])).tolist()
    ["'=1+1", '-4.5', 'plain', "''@x"]
    """
    risky = cells.str.contains(FORMULA, regex=True)
    if not risky.any():
        return cells
    return cells.where(~risky | cells.str.fullmatch(NUMBER), "'" + cells)


def restore(cells: pd.Series) -> tuple[pd.Series, int]:
    """Text cells without the protecting apostrophe, and how many there were.

    Examples
    --------
    >>> import pandas as pd
    >>> restore(pd.Series(["'=1+1", "'tis", "''@x"]))[0].tolist()
    ['=1+1', "'tis", "'@x"]
    """
    held = cells.str.contains(PROTECTED, regex=True)
    found = int(held.sum())
    return (cells.where(~held, cells.str.slice(1)), found) if found else (cells, 0)
