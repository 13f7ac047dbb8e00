"""Numbers with their units, as people read them: dollars, percentages, points, durations, lists of names."""

from __future__ import annotations


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
    >>> points(0.0712), points(12.345), points(0.0004)
    ('0.07', '12.3', '0.0004')
    """
    size = abs(amount)
    if size >= 10:
        return f"{amount:.1f}"
    return f"{amount:.2f}" if size >= 0.01 or size == 0 else f"{amount:.1g}"


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
