"""A mistake in a file of declared values, told by its TOML key, the table it stands in, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expsim_bayes.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails


def explained(problems: Sequence[ErrorDetails], declared: Mapping[str, Any], source: str) -> ScenarioError:
    """The first problem in words, with the number of the others.

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
    >>> explained([{"type": "missing", "loc": ("looks",), "msg": "", "input": {}}], {}, "mine.toml").remedy
    'add `looks = ...` there'
    """
    first = problems[0]
    others = [p for p in problems[1:] if p["type"] != "too_short"]  # entries that do not fit are not counted
    key = _key(first["loc"], declared, named=first["type"] in {"missing", "extra_forbidden"})
    message, _, advice = (
        first["msg"].removeprefix("Value error, ").replace("Input should be", "must be").partition(". Remedy: ")
    )
    if first["type"] == "missing":
        problem, remedy = f"key {key!r} is missing", f"add `{first['loc'][-1]} = ...` there"
    elif first["type"] == "extra_forbidden":
        problem, remedy = f"key {key!r} is not known", "check its spelling, or remove it"
    elif first["type"] == "value_error":
        problem, remedy = f"{key}: {message}" if key else message, advice or "change that value"
    else:
        problem, remedy = f"key {key!r} is {first['input']!r}: {message[:1].lower()}{message[1:]}", "change that value"
    more = f" ({len(others)} more after this one)" if others else ""
    return ScenarioError(problem, where=f"{source}{_place(first['loc'], declared)}{more}", remedy=remedy)


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
            return f", [[{'.'.join(str(p) for p in loc[:depth])}]] number {part + 1}{name}"
    return ""
