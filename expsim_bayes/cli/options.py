"""Options that several verbs have, and how values such as COLUMN=VALUE and LO:HI are read."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OUTPUT = "Output"
"""Heading of the options about output in --help."""

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else there.", rich_help_panel=OUTPUT)
]
Details = Annotated[
    bool, typer.Option("--details", help="Show everything that is known, not one screen of it.", rich_help_panel=OUTPUT)
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Write results into this folder. It is made if need be; a folder of an earlier run is written anew.",
        rich_help_panel=OUTPUT,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Write into DIR although it holds files that are not expsim's.", rich_help_panel=OUTPUT
    ),
]
Paper = Annotated[
    Literal["a4", "letter"], typer.Option("--paper", help="Size of the pages of a PDF.", rich_help_panel=OUTPUT)
]
Seed = Annotated[
    int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Random seed: the same seed gives the same numbers.")
]
ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="Name in `expsim scenario list`, or a TOML file.")
]


def grouped[Result](verb: Callable[..., Result]) -> Callable[..., Result]:
    """A verb that takes classes of options, as a verb with the options in them: several verbs share a class and list it once.

    Typer learns the options of a verb from its signature; there each parameter whose type is a dataclass gives way to its fields.

    Parameters
    ----------
    verb : callable
        What stands for it is called with keywords alone, as typer does.

    Examples
    --------
    >>> from expsim_bayes.cli.reading import RowOptions
    >>> @grouped
    ... def used(file: str, *, rows: RowOptions, seed: Seed = 0) -> str:
    ...     return f"{file}, {rows.where}, duplicates: {rows.duplicates}, seed {seed}"
    >>> used(file="tone.csv", where=["language=en"], seed=7)
    "tone.csv, ['language=en'], duplicates: ask, seed 7"
    >>> list(inspect.signature(used).parameters)[:3]
    ['file', 'where', 'column']
    """
    hints = get_type_hints(verb, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    shown: list[inspect.Parameter] = []
    for parameter in inspect.signature(verb).parameters.values():
        kind = groups.get(parameter.name)
        if kind is None:
            shown.append(parameter.replace(annotation=hints[parameter.name]))
            continue
        told = get_type_hints(kind, include_extras=True)
        shown += [parameter.replace(name=f.name, default=f.default, annotation=told[f.name]) for f in fields(kind)]

    @wraps(verb)
    def spread(**options: Any) -> Result:
        made = {}
        for name, kind in groups.items():
            mine = [field.name for field in fields(kind) if field.name in options]
            made[name] = kind(**{field: options.pop(field) for field in mine})
        return verb(**options, **made)

    spread.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    return spread


def pairs(texts: Sequence[str] | None, *, option: str, example: str) -> dict[str, str]:
    """Left to right side of values such as COLUMN=VALUE; the right side may hold further equals signs.

    Examples
    --------
    >>> pairs(["criterion=tone", "note=a=b"], option="--where", example="language=en")
    {'criterion': 'tone', 'note': 'a=b'}
    """
    found: dict[str, str] = {}
    for text in texts or ():
        left, sign, right = text.partition("=")
        if not sign or not left.strip():
            raise SettingError(
                f"{text!r} has no name before an equals sign", where=option, remedy=f"write it like {option} {example}"
            )
        if left.strip() in found:
            raise SettingError(f"{left.strip()!r} is given twice", where=option, remedy="give it once")
        found[left.strip()] = right
    return found


def numbers(
    texts: Sequence[str] | None, *, option: str, example: str, lowest: float = float("-inf")
) -> dict[str, float]:
    """The same where the right side is a number.

    Examples
    --------
    >>> numbers(["crowd=0.3"], option="--price", example="crowd=0.30", lowest=0.0)
    {'crowd': 0.3}
    """
    return {
        name: number(text, option=option, example=example, lowest=lowest)
        for name, text in pairs(texts, option=option, example=example).items()
    }


def number(text: str, *, option: str, example: str, lowest: float = float("-inf")) -> float:
    """A finite number that is not below the lowest."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not lowest <= value < float("inf"):
        kind = "a number" if lowest == float("-inf") else f"a number from {lowest:g} up"
        raise SettingError(f"{text!r} is not {kind}", where=option, remedy=f"write it like {option} {example}")
    return value


def choices[Name: str](texts: Sequence[str] | None, known: Sequence[Name], *, option: str) -> tuple[Name, ...]:
    """Names out of a known few, given with commas or by repeating the option; each once.

    Examples
    --------
    >>> choices(["ab,bandit", "ab"], ("ab", "bandit", "sequential"), option="--strategies")
    ('ab', 'bandit')
    """
    asked = [part.strip() for text in texts or () for part in text.split(",") if part.strip()]
    for name in asked:
        if name not in known:
            raise SettingError(f"{name!r} is not known", where=option, remedy=f"choose among {', '.join(known)}")
    return tuple(name for name in known if name in asked)


def bounds(text: str | None, *, option: str) -> tuple[float, float] | None:
    """The two ends of LO:HI.

    Examples
    --------
    >>> bounds("1:5", option="--score-range")
    (1.0, 5.0)
    """
    if text is None:
        return None
    low, sign, high = text.partition(":")
    if not sign:
        raise SettingError(f"{text!r} is not of the form LO:HI", where=option, remedy=f"write it like {option} 1:5")
    return number(low, option=option, example="1:5"), number(high, option=option, example="1:5")


def setting(text: str) -> object:
    """The value of NAME=VALUE: a number, true, false, none, a list in brackets, or else a name.

    Examples
    --------
    >>> setting("0.5"), setting("true"), setting("human"), setting("[1, 2]"), setting("none")
    (0.5, True, 'human', [1, 2], None)
    """
    import json

    bare = text.strip()
    if bare.casefold() in ("true", "yes", "false", "no"):
        return bare.casefold() in ("true", "yes")
    if bare.casefold() in ("none", "null", ""):
        return None
    try:
        return json.loads(bare)
    except json.JSONDecodeError:
        pass
    try:
        return float(bare)
    except ValueError:
        return bare
