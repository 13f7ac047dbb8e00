"""Numbers with their units, as people read them: dollars, percentages, points, durations, lists of names.

Quality comes in one of the `UNITS`: `quantity` says a level of it, `change` a difference with its sign, `gap` a difference without.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


def count(number: float) -> str:
    """A whole number with thousands separators.

    Examples
    --------
    >>> count(12345)
    '12,345'
    """
    return f"{round(number):,}"


def dollars(amount: float) -> str:
    """Dollars, to the cent where cents matter.

    Examples
    --------
    >>> dollars(1234.5), dollars(3.2), dollars(0.00038), dollars(0)
    ('$1,234', '$3.20', '$0.00038', '$0')
    """
    if amount == 0:
        return "$0"
    if amount >= 100:
        return f"${amount:,.0f}"
    return f"${amount:.2f}" if amount >= 0.095 else f"${amount:.2g}"


def percent(probability: float) -> str:
    """A probability in per cent that never claims to be certain.

    Examples
    --------
    >>> percent(0.989), percent(0.99995), percent(0.0002), percent(0.5)
    ('98.9 %', 'more than 99.9 %', 'less than 0.1 %', '50.0 %')
    """
    if probability > 0.999:
        return "more than 99.9 %"
    if probability < 0.001:
        return "less than 0.1 %"
    return f"{100 * probability:.1f} %"


def rough(amount: float) -> str:
    """A share in whole per cent.

    Examples
    --------
    >>> rough(0.834), rough(0.0)
    ('83 %', '0 %')
    """
    return f"{100 * amount:.0f} %"


def level(probability: float) -> str:
    """A round probability such as that of an interval.

    Examples
    --------
    >>> level(0.95), level(0.985)
    ('95 %', '98.5 %')
    """
    return f"{100 * probability:g} %"


def points(amount: float) -> str:
    """An amount on the score scale, to two or three digits that matter.

    Examples
    --------
    >>> points(0.0712), points(12.345), points(0.0004), points(0.00003)
    ('0.07', '12.3', '0.0004', '0.00003')
    """
    size = abs(amount)
    if size >= 10:
        return f"{amount:.1f}"
    if size >= 0.01 or size == 0:
        return f"{amount:.2f}"
    rounded = f"{amount:.1g}"
    return f"{Decimal(rounded):f}" if size >= 1e-6 else rounded


def signed(amount: float) -> str:
    """The same with its sign.

    Examples
    --------
    >>> signed(0.13), signed(-0.01)
    ('+0.13', '-0.01')
    """
    return ("+" if amount >= 0 else "-") + points(abs(amount))


def duration(days: float) -> str:
    """A time span in the unit that reads best.

    Examples
    --------
    >>> duration(0.0021), duration(0.3), duration(12.25)
    ('3 minutes', '7.2 hours', '12.2 days')
    """
    if days < 1 / 24:
        return f"{max(round(days * 24 * 60), 1)} minute{'s' if round(days * 24 * 60) > 1 else ''}"
    return f"{days * 24:.1f} hours" if days < 1 else f"{days:.1f} days"


def times(ratio: float) -> str:
    """A ratio in words.

    Examples
    --------
    >>> times(1.0), times(1.8)
    ('as much', '1.8 times as much')
    """
    return "as much" if abs(ratio - 1) < 0.05 else f"{ratio:.2g} times as much"


def listed(names: list[str]) -> str:
    """Names in a row.

    Examples
    --------
    >>> listed(["A", "B", "C"])
    'A, B and C'
    """
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1] if names else ""


def feature(name: str, value: float) -> str:
    """A value of a feature of ratings: in per cent where its name begins with "share".

    Examples
    --------
    >>> feature("share of ties", 0.0948), feature("skewness of the scores", -0.1238)
    ('9.5 %', '-0.124')
    """
    return f"{100 * value:.1f} %" if name.startswith("share") else f"{value:.3g}"


def sentence(text: str) -> str:
    """A note as a sentence: a capital, unless a name in quotes begins it, and a full stop.

    Examples
    --------
    >>> sentence("3 ratings dropped"), sentence("'A' has no score"), sentence("warning: one rater.")
    ('3 ratings dropped.', "'A' has no score.", 'Warning: one rater.')
    """
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


class Unit(NamedTuple):
    """How amounts of one unit are said."""

    level: Callable[[float], str]
    """An amount, such as "83.1 %"."""
    short: Callable[[float], str]
    """A difference without its sign, short enough for a table, such as "4.2 pp"."""
    long: Callable[[float], str]
    """The same in a sentence, such as "4.2 percentage points"."""
    axis: str
    """What stands beside an axis."""


def share(amount: float) -> str:
    """A share in per cent; one that is known not to be 0 or 1 never looks like it.

    Examples
    --------
    >>> share(0.831), share(0.0042), share(0.9999), share(0.0)
    ('83.1 %', '0.42 %', '99.99 %', '0 %')
    """
    near = min(abs(amount), abs(1.0 - amount))
    if near == 0.0:
        return rough(amount)
    digits = 1 if near >= 0.01 else 2 if near >= 0.00005 else 4
    return f"{100 * amount:.{digits}f} %"


def seconds(amount: float) -> str:
    """A time of waiting.

    Examples
    --------
    >>> seconds(1.234), seconds(0.0451), seconds(75.2)
    ('1.23 s', '0.045 s', '75.2 s')
    """
    size = abs(amount)
    return f"{amount:.1f} s" if size >= 10 else f"{amount:.2f} s" if size >= 0.1 or size == 0 else f"{amount:.2g} s"


def _tokens(amount: float) -> str:
    return f"{amount:,.0f} tokens" if abs(amount) >= 10 else f"{amount:.2g} tokens"


def _percentage_points(amount: float) -> str:
    size = 100 * abs(amount)
    return f"{size:.1f}" if size >= 0.1 or size == 0 else f"{size:.1g}"


UNITS: Final = {
    "points": Unit(points, points, lambda a: f"{points(a)} points", "points"),
    "share": Unit(
        share, lambda a: f"{_percentage_points(a)} pp", lambda a: f"{_percentage_points(a)} percentage points", "%"
    ),
    "dollars": Unit(dollars, dollars, dollars, "dollars"),
    "seconds": Unit(seconds, seconds, seconds, "seconds"),
    "tokens": Unit(_tokens, _tokens, _tokens, "tokens"),
}
"""Units of quality: points of a scale, a share or probability, and what a call uses up."""


def quantity(amount: float, unit: str) -> str:
    """A level of quality.

    Examples
    --------
    >>> quantity(3.207, "points"), quantity(0.831, "share"), quantity(0.0012, "dollars"), quantity(812.4, "tokens")
    ('3.21', '83.1 %', '$0.0012', '812 tokens')
    """
    text = UNITS[unit].level(abs(amount))
    return f"-{text}" if amount < 0 and any(digit in text for digit in "123456789") else text


def change(amount: float, unit: str) -> str:
    """A difference with its sign, short enough for a table.

    Examples
    --------
    >>> change(0.13, "points"), change(-0.042, "share"), change(-0.0003, "dollars"), change(0.21, "seconds")
    ('+0.13', '-4.2 pp', '-$0.0003', '+0.21 s')
    """
    return ("+" if amount >= 0 else "-") + UNITS[unit].short(abs(amount))


def gap(amount: float, unit: str) -> str:
    """A difference without its sign, in a sentence.

    Examples
    --------
    >>> gap(-0.13, "points"), gap(0.042, "share"), gap(0.0003, "dollars")
    ('0.13 points', '4.2 percentage points', '$0.0003')
    """
    return UNITS[unit].long(abs(amount))


def measured(amount: float, unit: str) -> str:
    """A number that stands beside quality: in one of the `UNITS`, "change" for a difference of shares, or "" for a bare number.

    Examples
    --------
    >>> measured(0.91, "share"), measured(-0.02, "change"), measured(1.3, "")
    ('91.0 %', '-2.0 pp', '1.30')
    """
    if unit == "change":
        return change(amount, "share")
    return quantity(amount, unit) if unit in UNITS else f"{amount:.2f}"
