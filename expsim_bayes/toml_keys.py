"""A mistake in a file of declared values, told by its TOML key, the table it stands in, and what to do about it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from expsim_bayes.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails


MOST = 5
"""Mistakes that are told at once."""
UNKNOWN, MISSING = "extra_forbidden", "missing"
"""What pydantic calls a key that is not known, and one that is not there."""


def explained(problems: Sequence[ErrorDetails], declared: Mapping[str, Any], source: str) -> ScenarioError:
    """What is wrong, in words: one mistake with its place and remedy, or several, one after the other.

    Parameters
    ----------
    problems : sequence of ErrorDetails
        From pydantic's ValidationError, at least one.
    declared : mapping
        What the TOML says.
    source : str
        Name of the file, for the message.

    Examples
    --------
    >>> missing = {"type": "missing", "loc": ("looks",), "msg": "", "input": {}}
    >>> explained([missing], {}, "mine.toml").remedy
    'add `looks = ...` there'
    >>> explained([missing, {**missing, "type": "extra_forbidden", "loc": ("lokks",)}], {}, "mine.toml").problem
    "key 'lokks' is not known, and 'looks' is missing"
    """
    found = [problems[0], *(p for p in problems[1:] if p["type"] != "too_short")]  # entries that do not fit are told
    meant = _meant(found)
    told = [_told(one, declared, meant) for one in found if one["loc"] not in meant.values()]
    if len(told) == 1:
        (only,) = told
        return ScenarioError(
            only.problem, where=f"{source}, {only.place}" if only.place else source, remedy=only.remedy
        )
    lines = [one.problem + (f" ({one.place})" if one.place else "") for one in told[:MOST]]
    more = [f"and {len(told) - MOST} more"] if len(told) > MOST else []
    return ScenarioError(
        f"{len(told)} mistakes: {'; '.join(lines + more)}",
        where=source,
        remedy="; ".join(dict.fromkeys(one.among_others for one in told[:MOST])),
    )


class _Mistake(NamedTuple):
    """One mistake in words."""

    problem: str
    place: str
    remedy: str
    """What to do where it is the only one."""
    among_others: str
    """What to do where there are others like it."""


def _meant(found: Sequence[ErrorDetails]) -> dict[tuple[int | str, ...], tuple[int | str, ...]]:
    """Keys that are not known, to keys that are missing in the same table and nearly spelt like them."""
    missing = [one["loc"] for one in found if one["type"] == MISSING]
    meant: dict[tuple[int | str, ...], tuple[int | str, ...]] = {}
    for loc in (one["loc"] for one in found if one["type"] == UNKNOWN):
        beside = [str(m[-1]) for m in missing if m[:-1] == loc[:-1] and m not in meant.values()]
        for near in get_close_matches(str(loc[-1]), beside, 1):
            meant[loc] = (*loc[:-1], near)
    return meant


def _told(
    one: ErrorDetails, declared: Mapping[str, Any], meant: Mapping[tuple[int | str, ...], tuple[int | str, ...]]
) -> _Mistake:
    loc, kind = one["loc"], one["type"]
    key, place = _key(loc, declared, named=kind in {MISSING, UNKNOWN}), _place(loc, declared)
    message, _, advice = (
        one["msg"].removeprefix("Value error, ").replace("Input should be", "must be").partition(". Remedy: ")
    )
    if kind == MISSING:
        return _Mistake(
            f"key {key!r} is missing", place, f"add `{loc[-1]} = ...` there", "add the keys that are missing"
        )
    if kind == UNKNOWN:
        spelling = "check the spelling of the keys that are not known, or remove them"
        if loc in meant:
            name = meant[loc][-1]
            return _Mistake(f"key {key!r} is not known, and {name!r} is missing", place, f"write `{name}`", spelling)
        return _Mistake(f"key {key!r} is not known", place, "check its spelling, or remove it", spelling)
    if kind == "value_error":
        remedy = advice or "change that value"
        return _Mistake(f"{key}: {message}" if key else message, place, remedy, remedy)
    problem = f"key {key!r} is {one['input']!r}: {message[:1].lower()}{message[1:]}"
    return _Mistake(problem, place, "change that value", "change the values that do not fit")


def _key(loc: tuple[int | str, ...], declared: Mapping[str, Any], *, named: bool) -> str:
    """The TOML key: names of tables and keys, without the tags that tell kinds of rules and policies apart."""
    node: Any = declared
    key = []
    for depth, part in enumerate(loc):
        known = isinstance(node, dict | list) and (isinstance(part, int) or part in node)
        if known:
            node = node[part]
        if isinstance(part, str) and (known or (named and depth == len(loc) - 1)):
            key.append(part)
    return ".".join(key)


def _place(loc: tuple[int | str, ...], declared: Mapping[str, Any]) -> str:
    """Which entry of an array of tables is meant, by number and name."""
    node: Any = declared
    for depth, part in enumerate(loc):
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(part, int):
            name = f" {node['name']!r}" if isinstance(node, dict) and "name" in node else ""
            return f"[[{'.'.join(str(p) for p in loc[:depth])}]] number {part + 1}{name}"
    return ""
