"""How names, numbers and rows are put into messages: short, quoted, never a whole list."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def quote(name: object, limit: int = 60) -> str:
    """A name in quotes, shortened for display only.

    Examples
    --------
    >>> quote("prompt B")
    "'prompt B'"
    >>> quote("x" * 100, limit=8)
    "'xxxxxxx…' (100 characters)"
    """
    text = str(name)
    if len(text) <= limit:
        return repr(text)
    return f"{text[: limit - 1] + '…'!r} ({len(text):,} characters)"


def listing(names: Iterable[object], limit: int = 12) -> str:
    """Names in quotes with commas, the first ones and the number of the others.

    Examples
    --------
    >>> listing(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    return _some([quote(name) for name in names], limit)


def rows(numbers: Iterable[int], limit: int = 5) -> str:
    """Row numbers in words: the first ones and how many follow.

    Examples
    --------
    >>> rows([7]), rows([7, 9, 12], limit=2)
    ('row 7', 'rows 7, 9 and 1 more')
    """
    shown = [str(number) for number in numbers]
    return f"row {shown[0]}" if len(shown) == 1 else f"rows {_some(shown, limit)}"


def close_to(name: str, known: Sequence[str]) -> str:
    """What was probably meant, as a phrase that ends a remedy.

    Examples
    --------
    >>> close_to("promt_a", ["prompt_a", "prompt_b"])
    "did you mean 'prompt_a', 'prompt_b'?"
    >>> close_to("zzz", ["a", "b"])
    "there are 'a', 'b'"
    """
    folded = {candidate.casefold(): candidate for candidate in reversed(known)}
    matches = [folded[match] for match in get_close_matches(name.casefold(), folded, n=3)]
    return f"did you mean {listing(matches)}?" if matches else f"there are {listing(known)}"


def count(number: int, noun: str) -> str:
    """A number and its noun, plural where it must be.

    Examples
    --------
    >>> count(1, "row"), count(12_000, "row")
    ('1 row', '12,000 rows')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _some(words: Sequence[str], limit: int) -> str:
    rest = len(words) - limit
    return ", ".join(words) if rest <= 0 else f"{', '.join(words[:limit])} and {rest:,} more"
