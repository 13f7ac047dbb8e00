"""`expsim pretend`: ratings of any kind made up from a declared truth, as a file to try a fit on, and that truth in plain words.

Scores on a continuous scale are not among them: `expsim simulate` makes those, from a scenario.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.text import Text

from expsim_bayes.amounts import count, quantity
from expsim_bayes.cli.options import OUTPUT, AsJson, Seed, pairs, setting
from expsim_bayes.cli.screen import Column, Screen, clean, plain, short
from expsim_bayes.errors import SettingError
from expsim_bayes.ratings.wording import close_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from expsim_bayes.frozen import Frozen
    from expsim_bayes.ratings import Ratings

EXAMPLE = "items=40"
"""What --set may look like."""
TOGETHER = (
    ("q", "variants"),
    ("quality", "variants"),
    ("slope", "judges"),
    ("sensitivity_logit", "specificity_logit"),
    ("sizes", "shares"),
)
"""Settings that have one value each for the same things."""
SHARES = ("gold", "share", "share_zero", "hit", "prevalence", "shares")
"""Settings that lie within 0 and 1."""
WHOLE = ("prevalence", "shares")
"""Settings that are shares of a whole."""


class Kind(NamedTuple):
    """A kind of rating that can be made up; its story is the module of that name in `expsim_bayes.simulate`."""

    rows: str
    """What its rows are."""
    quality: str
    """What quality is."""
    unit: str
    """In what."""


KINDS = {
    "binary": Kind("verdicts of 0 and 1", "share of outputs on new items whose truth is 1", "share"),
    "classes": Kind("labels", "share of outputs whose true class is the highest", "share"),
    "error_scores": Kind("error scores", "expected error score by new people on new items; lower is better", "points"),
    "operations": Kind("calls", "what a new call on a new item uses; lower is better", "seconds"),
    "ordinal": Kind("stars", "expected stars by new people on new items", "points"),
    "preference": Kind(
        "comparisons", "probability of beating the control on a new item, ties counted half (50 % for itself)", "share"
    ),
    "robust": Kind(
        "scores, some of them wild", "what people say of it on average over new items and new people", "points"
    ),
    "ranking": Kind(
        "places in rankings", "probability that people put it before the control (50 % for itself)", "share"
    ),
}
"""Every kind, named as its model."""
MEASURES = {
    "latency_s": ("seconds that 95 of 100 new calls on new items stay below", "seconds"),
    "cost": ("mean cost of a new call on a new item", "dollars"),
    "tokens_in": ("mean tokens of a new call on a new item", "tokens"),
    "tokens_out": ("mean tokens of a new call on a new item", "tokens"),
}
"""What the quality of calls is, by what they use up."""


class Pretence(NamedTuple):
    """Ratings, and the truth that they were drawn from."""

    ratings: Ratings
    """What was seen."""
    truth: Frozen
    """What is true."""
    quality: dict[str, float]
    """True quality of each variant."""
    kind: Kind
    """What it is, and in what unit."""


def pretend(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"What is made up: {', '.join(KINDS)}.")],
    *,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Write the ratings into this CSV file.", rich_help_panel=OUTPUT)
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help=f"Change what is true, such as {EXAMPLE} or q=0,0.4 (repeat it)."
        ),
    ] = None,
    seed: Seed = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file where it exists.", rich_help_panel=OUTPUT)
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make up ratings whose truth is known.

    FILE holds them as a fit reads them. The truth is printed, with the command that fits them:
    how well the fit finds it again shows what it can be trusted with.
    """
    screen = Screen(as_json=as_json)
    told = pairs(settings, option="--set", example=EXAMPLE)
    story = _story(kind)
    truth = truth_of(kind, told)
    _refuse_what_exists(out, overwrite=overwrite)
    made = _drawn(story, kind, truth, seed, told)
    from expsim_bayes.readers import to_csv

    out.parent.mkdir(parents=True, exist_ok=True)
    to_csv(made.ratings, out)
    command = fit_command(kind, made, out)
    _show(screen, made, seed)
    screen.heading("Fit them as if they were real")
    screen.out.print(Text(clean(command)), soft_wrap=True)
    screen.emit(
        {
            "kind": kind,
            "file": str(out),
            "random_seed": seed,
            "rows": len(made.ratings.table),
            "quality": made.quality,
            "quality_is": made.kind.quality,
            "unit": made.kind.unit,
            "truth": plain(made.truth.model_dump()),
            "fit": command,
        }
    )


def truth_of(kind: str, told: Mapping[str, str]) -> Frozen:
    """The truth of a kind, with some of its parts as told.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    told : mapping
        Name to text of a value: a number, a name, or several with commas or as a JSON list.

    Raises
    ------
    SettingError
        It has no such part, or the value is none that the part can have.

    Examples
    --------
    >>> truth_of("ranking", {"q": "0,0.5", "shift": "0,0", "items": "20"}).q
    (0.0, 0.5)
    """
    from pydantic import ValidationError

    form: type[Frozen] = _story(kind).Truth
    known = list(form.model_fields)
    for name in told:
        if name not in known:
            raise SettingError(f"the truth of {kind} has no {name!r}", where="--set", remedy=close_to(name, known))
    values = {name: _value(text, form.model_fields[name].default) for name, text in told.items()}
    try:
        truth = form.model_validate_json(json.dumps(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else next(iter(told))
        raise _no_value(name, told, f"it {_lower(first['msg'])}", form) from None
    _refuse_impossible(truth, told)
    return truth


def fit_command(kind: str, made: Pretence, file: Path) -> str:
    """The command that fits some pretend ratings by the model of their kind."""
    ratings, truth = made.ratings, made.truth
    words = ["expsim", "fit", str(file), "--model", kind]
    if ratings.score_range is not None:
        words += ["--score-range", "{:g}:{:g}".format(*ratings.score_range)]
    if not ratings.higher_is_better:
        words.append("--lower-is-better")
    if ratings.control is not None:
        words += ["--control", ratings.control]
    if getattr(truth, "gold", 0.0) > 0:
        words += ["--gold", "gold"]
    if getattr(truth, "domains", 1) > 1:
        words += ["--domain", "domain"]
    if "words" in ratings.table.columns:
        words += ["--covariate", "words"]
    return shlex.join(words)


def _story(kind: str) -> Any:
    """The module that makes ratings of a kind up."""
    if kind in KINDS:
        return import_module(f"expsim_bayes.simulate.{kind}")
    remedy = close_to(kind, list(KINDS))
    if kind == "continuous":
        remedy = "scores come from a scenario: expsim simulate summarization-prompts --out DIR writes ratings.csv"
    raise SettingError(f"{kind!r} is no kind of rating that can be made up", where="KIND", remedy=remedy)


def _value(text: str, default: object) -> object:
    """What a text means in the place of a default: several values where that has several."""
    if not isinstance(default, tuple) or text.strip().startswith("["):
        return setting(text)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return parts if all(isinstance(value, str) for value in default) else [setting(part) for part in parts]


def _refuse_impossible(truth: Frozen, told: Mapping[str, str]) -> None:
    """An error where numbers lie where none can, or lists do not fit together."""
    form = type(truth)
    for name, value in truth:
        numbers = [number for number in _flat(value) if isinstance(number, int | float)]
        counted = isinstance(form.model_fields[name].default, int) or name.startswith("sd_")
        if (counted or name in SHARES) and min(numbers, default=0) < 0:
            raise _no_value(name, told, "it cannot be below 0", form)
        if name in SHARES and max(numbers, default=0) > 1:
            raise _no_value(name, told, "it cannot be above 1", form)
        if name in WHOLE and any(abs(sum(part) - 1) > 1e-6 for part in _lists(value)):
            raise _no_value(name, told, "shares of a whole add up to 1", form)
    for pair in TOGETHER:
        if set(pair) <= set(form.model_fields):
            lengths = {len(part) for name in pair for part in _lists(getattr(truth, name))}
            if len(lengths) > 1:
                raise SettingError(
                    f"{' and '.join(pair)} have {' and '.join(map(str, sorted(lengths)))} values",
                    where="--set",
                    remedy="give one of each for each, such as " + _as_set(form, pair),
                )


def _drawn(story: Any, kind: str, truth: Frozen, seed: int, told: Mapping[str, str]) -> Pretence:
    """Ratings by a truth."""
    about = KINDS[kind]
    try:
        ratings: Ratings = story.ratings(truth, seed)
        if kind == "operations":
            measure = str(getattr(truth, "measure", ""))
            about = Kind(about.rows, f"{MEASURES[measure][0]}; lower is better", MEASURES[measure][1])
            true = story.quality(truth, "p95" if measure == "latency_s" else "mean")
        else:
            true = story.quality(truth)
    except (ValueError, IndexError) as error:
        raise SettingError(
            f"nothing can be drawn from this truth ({error})",
            where="--set",
            remedy=f"change {' or '.join(told) or 'the truth'}, such as {_as_set(type(truth), tuple(told) or ('items',))}",
        ) from None
    names = getattr(truth, "variants", ratings.variants)
    return Pretence(ratings, truth, dict(zip(names, (float(value) for value in true), strict=True)), about)


def _show(screen: Screen, made: Pretence, seed: int) -> None:
    """What was made up, and what is true."""
    ratings, about = made.ratings, made.kind
    table = ratings.table
    by = f" by {count(table['rater'].nunique())} raters" if "rater" in table.columns else ""
    screen.heading(f"{count(len(table))} {about.rows}{by} on {count(table['item'].nunique())} items, seed {seed}")
    control = ratings.control or ""
    screen.table(
        [
            Column("Variant", tuple(short(name) for name in made.quality), justify="left"),
            Column("", tuple("control" if name == control else "" for name in made.quality), justify="left"),
            Column("True quality", tuple(quantity(value, about.unit) for value in made.quality.values())),
        ]
    )
    screen.out.print()
    screen.say(f"Quality: {about.quality}.", style="dim")
    screen.heading("What is true (change it with --set NAME=VALUE)")
    fields = type(made.truth).model_fields
    screen.labelled(
        ((name, f"{_text(value)}: {(fields[name].description or '').strip()}") for name, value in made.truth), style=""
    )


def _refuse_what_exists(out: Path, *, overwrite: bool) -> None:
    """An error where the file is a folder, or exists and may not be replaced."""
    if out.is_dir():
        raise SettingError(f"'{out}' is a folder", where="--out", remedy="name a file, such as ratings.csv")
    if out.exists() and not overwrite:
        raise SettingError(
            f"'{out}' exists already", where="--out", remedy="name a new file, or add --overwrite to replace it"
        )


def _no_value(name: str, told: Mapping[str, str], why: str, form: type[Frozen]) -> SettingError:
    return SettingError(
        f"{told.get(name, '')!r} cannot be {name!r}: {why}",
        where="--set",
        remedy=f"give a value like {_as_set(form, (name,))}",
    )


def _as_set(form: type[Frozen], names: tuple[str, ...]) -> str:
    """Options that set parts of a truth to what they are unless told."""
    return " ".join(f"--set {name}={shlex.quote(_text(form.model_fields[name].default))}" for name in names)


def _text(value: object) -> str:
    """A part of a truth as --set takes it.

    Examples
    --------
    >>> _text((0.0, 0.5)), _text(((0.5, 0.5), (0.25, 0.75))), _text(None)
    ('0,0.5', '[[0.5,0.5],[0.25,0.75]]', 'none')
    """
    if isinstance(value, tuple):
        nested = any(isinstance(part, tuple) for part in value)
        parts = ",".join(f"[{_text(part)}]" if isinstance(part, tuple) else _text(part) for part in value)
        return f"[{parts}]" if nested else parts
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _flat(value: object) -> Iterator[object]:
    """Every single value of a part of a truth."""
    if isinstance(value, tuple):
        for part in value:
            yield from _flat(part)
    else:
        yield value


def _lists(value: Any) -> list[tuple[Any, ...]]:
    """The lists in a list of lists, or the list itself."""
    return [part for part in value if isinstance(part, tuple)] or [value]


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
