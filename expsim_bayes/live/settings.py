"""How a monitored experiment reads its batches and fits them: said once, when it begins, and never changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from expsim_bayes.errors import RatingsError
from expsim_bayes.frozen import Frozen
from expsim_bayes.ratings import columns as header
from expsim_bayes.ratings import validate
from expsim_bayes.ratings.wording import close_to, count, listing, rows
from expsim_bayes.readers import cells
from expsim_bayes.scenario import StrategyName

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from expsim_bayes.ratings import Ratings
    from expsim_bayes.scenario import Scenario

ROW = "row of the file"
"""Column that carries the number of a row where a message must name it."""


class Reading(Frozen):
    """How a batch is read: the choices of `expsim_bayes.ratings.validate`."""

    columns: dict[str, str] = Field(default_factory=dict)
    """Our column names to those of the files."""
    where: dict[str, str] = Field(default_factory=dict)
    """Column to value: only rows that have it are used."""
    score_range: tuple[float, float] | None = None
    """The possible scores; those of the scenario unless told, where rows are scores."""
    valid_range: tuple[float, float] | None = None
    """Scores outside count as missing."""
    round_scores: bool = False
    """Whether scores between whole points are rounded."""
    flag_below: dict[str, float] = Field(default_factory=dict)
    """Evaluator to threshold below which a score flags an error."""
    score_map: dict[str, float] = Field(default_factory=dict)
    """What words are worth."""
    outcome_map: dict[str, str] = Field(default_factory=dict)
    """What words for the outcome of a comparison mean."""
    anonymous_kinds: tuple[Literal["human", "llm", "metric"], ...] = ()
    """Kinds whose rater names are slots, not persons."""
    duplicates: Literal["ask", "keep", "drop"] = "ask"
    """What to do with equal rows."""
    crossed_users: Literal["keep", "drop"] = "keep"
    """What to do with users who met several variants."""
    merge_names: bool = False
    """Whether names that look the same are one."""
    encoding: str | None = None
    """Encoding of a text file."""
    quoting: bool = True
    """Whether double quotes enclose cells of a text file."""


class Settings(Frozen):
    """How a monitored experiment is read, fitted and decided.

    Examples
    --------
    >>> Settings(strategy="sequential", seed=7).model
    'auto'
    """

    strategy: StrategyName
    """Strategy of the scenario whose rules decide and whose policy shares out outputs."""
    reading: Reading = Reading()
    """How batches are read."""
    lower_is_better: bool | None = None
    """Whether scores count errors; as the scenario says unless told."""
    control: str | None = None
    """The variant in use today; that of the scenario unless told."""
    reference: str | None = None
    """The evaluator that defines quality; people unless told."""
    model: str = "auto"
    """Model that is fitted; the one that suits the ratings unless told."""
    priors: dict[str, Any] = Field(default_factory=dict)
    """Its priors, as far as they were told."""
    engine: str = "auto"
    """Engine that fits: none that samples, where the model can do without, unless told."""
    draws: int = Field(default=1500, ge=1)
    """Draws of each chain."""
    tune: int = Field(default=1000, ge=0)
    """Tuning steps of each chain."""
    chains: int = Field(default=4, ge=1)
    """Chains."""
    target_accept: float | None = None
    """Acceptance rate aimed at."""
    prices: dict[str, float] = Field(default_factory=dict)
    """Dollars a rating by evaluator, where they differ from those of the scenario."""
    drop_below: float = Field(default=0.0, ge=0, lt=0.5)
    """Chance of being best below which a variant is dropped at a look; none is unless told."""
    seed: int = Field(default=0, ge=0)
    """Random seed; each look has its own, made of it and the number of the look."""


def read_batch(path: Path, settings: Settings, scenario: Scenario, *, source: str, numbered: bool = False) -> Ratings:
    """The ratings of one batch, checked.

    Control and reference are not asked of a batch: those who rate late, or a variant, may come with another.

    Parameters
    ----------
    path : Path
        The file.
    settings, scenario
        How it is read, and the scale.
    source : str
        What to call the file in messages.
    numbered : bool
        Whether every row carries its number in the file, in the column `ROW`.

    Raises
    ------
    RatingsError
        The file cannot be used: with file, column, rows and remedy.
    """
    asked = settings.reading
    frame, told, first_row = cells(path, encoding=asked.encoding, quoting=asked.quoting)
    if numbered:
        frame = frame.assign(**{ROW: [str(n) for n in range(first_row, first_row + len(frame))]})
    score_range = asked.score_range
    if (
        score_range is None
        and asked.valid_range is None
        and not asked.flag_below
        and _holds_scores(frame, asked, source)
    ):
        score_range = scenario.score_range
    ratings = _validated(frame, settings, scenario, score_range, source=source, first_row=first_row)
    return replace(ratings, notices=(*told, *ratings.notices))


def _holds_scores(frame: pd.DataFrame, asked: Reading, source: str) -> bool:
    """Whether a row of a table is a score."""
    renamed = header.rename(header.tidy_header(frame.iloc[:0], source)[0], asked.columns, source)[0]
    return header.outcome_of(renamed.columns) == "score"


def _validated(
    frame: pd.DataFrame,
    settings: Settings,
    scenario: Scenario,
    score_range: tuple[float, float] | None,
    *,
    source: str,
    first_row: int,
) -> Ratings:
    asked = settings.reading
    lower = settings.lower_is_better
    return validate(
        frame,
        source=source,
        columns=asked.columns,
        where=asked.where,
        score_range=score_range,
        valid_range=asked.valid_range,
        round_scores=asked.round_scores,
        flag_below=asked.flag_below or None,
        higher_is_better=scenario.higher_is_better if lower is None else not lower,
        anonymous_kinds=asked.anonymous_kinds,
        duplicates=asked.duplicates,
        merge_names=asked.merge_names,
        crossed_users=asked.crossed_users,
        score_map=asked.score_map or None,
        outcome_map=asked.outcome_map or None,
        first_row=first_row,
    )


def require_declared(ratings: Ratings, known: tuple[str, ...], new: tuple[str, ...], *, numbered: Ratings) -> None:
    """Refuse variants that nobody declared, and declared ones that the batch does not hold.

    Parameters
    ----------
    ratings : Ratings
        The batch.
    known : tuple of str
        Variants of the scenario, and those added so far.
    new : tuple of str
        Variants that are declared with this batch.
    numbered : Ratings
        The batch with the numbers of its rows.
    """
    strange = [name for name in ratings.variants if name not in (*known, *new)]
    if strange:
        table = numbered.table
        at = [name for name in ("variant", "variant_left", "variant_right") if name in table.columns]
        where = table[at].isin(strange).any(axis=1)
        raise RatingsError(
            f"{count(len(strange), 'variant')} that neither the scenario nor an earlier batch declares: {listing(strange)}",
            where=f"{ratings.source}, column {' or '.join(repr(name) for name in at)}, {rows(table[ROW][where])}",
            remedy=(
                f"correct the name ({close_to(strange[0], known).rstrip('?')}), or say that it is new: "
                f"--new-variant {strange[0]!r}"
            ),
        )
    for name in new:
        if name in known:
            raise RatingsError(
                f"the variant {name!r} is known already", where="--new-variant", remedy="leave the option away"
            )
        if name not in ratings.variants:
            raise RatingsError(
                f"no row of {ratings.source} is of the variant {name!r}",
                where="--new-variant",
                remedy=f"declare it with the batch that brings it, or correct the name: {close_to(name, ratings.variants)}",
            )
