"""A running experiment as a folder: begun, given batches, looked at.

`add` acknowledges a batch as soon as the manifest names it, and fits it afterwards: whatever ends the process in between, the batch stays,
and whoever writes next completes what is missing with the same numbers. Readers take no lock: they see what was there, or what is there
now.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.live import folder as kept
from expsim_bayes.live import posterior as seam
from expsim_bayes.live.lock import alone
from expsim_bayes.live.look import Look, look_at
from expsim_bayes.live.settings import ROW, Settings, read_batch, require_declared
from expsim_bayes.ratings import append
from expsim_bayes.ratings.wording import count, rows
from expsim_bayes.readers.content import recognise
from expsim_bayes.scenario import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from expsim_bayes.live.posterior import Engine
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.scenario import Scenario


def _silent(_text: str) -> None:
    """Nobody listens."""


class Opened(NamedTuple):
    """An experiment as it stands."""

    folder: Path
    """Its folder."""
    manifest: kept.Manifest
    """What there is in it."""
    scenario: Scenario
    """Its scenario."""
    settings: Settings
    """How it is read and fitted."""
    looks: tuple[Look, ...]
    """What the looks gave, as far as they are fitted."""

    @property
    def variants(self) -> tuple[str, ...]:
        """All variants of the experiment: those of the scenario, and those that came later."""
        return (*self.scenario.variant_names, *(added.name for added in self.manifest.added))

    @property
    def dropped(self) -> tuple[str, ...]:
        """Variants that are no longer tried."""
        return self.looks[-1].dropped if self.looks else ()

    @property
    def waiting(self) -> tuple[int, ...]:
        """Numbers of the looks that are not fitted yet."""
        return tuple(range(len(self.looks) + 1, len(self.manifest.batches) + 1))

    @property
    def ended(self) -> Look | None:
        """The look at which a rule ended the experiment: the first that decided, else the first at which something ran out."""
        ends = [look for look in self.looks if look.ends]
        return next((look for look in ends if look.decision != "collect"), ends[0] if ends else None)


class Acknowledged(NamedTuple):
    """A batch that is kept."""

    look: int
    """Number of its look."""
    rows: int
    """Its rows."""
    again: bool
    """Whether it was there already."""


def begin(folder: Path, scenario: str, settings: Settings, *, notice: Callable[[str], None] = _silent) -> Opened:
    """Make the folder of an experiment.

    Parameters
    ----------
    folder : Path
        It is made; or it is empty.
    scenario : str
        TOML text of the scenario.
    settings : Settings
        How batches are read, fitted and decided.
    notice : callable
        Told when the lock of a dead process was taken over.

    Raises
    ------
    ExpsimError
        The scenario does not fit, the folder holds something else or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from expsim_bayes.scenario import text_of
    >>> folder = Path(tempfile.mkdtemp()) / "prompts"
    >>> begun = begin(folder, text_of("summarization-prompts")[0], Settings(strategy="sequential"))
    >>> begun.variants, len(begun.manifest.batches)
    (('A', 'B'), 0)
    """
    found = parse(scenario, str(folder / kept.SCENARIO))
    found.declared(settings.strategy)
    if settings.control is not None and settings.control not in found.variant_names:
        raise SettingError(
            f"the control {settings.control!r} is no variant of the scenario",
            where="--control",
            remedy=f"choose among {', '.join(found.variant_names)}",
        )
    kept.require_room(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(
            f"'{folder}' cannot be made ({error.strerror})",
            where="DIR",
            remedy="name a folder in which you may make files",
        ) from None
    with alone(folder, notice=notice):
        kept.require_room(folder)
        text, asked = scenario.encode(), settings.model_dump_json(indent=2).encode()
        kept.put(folder / kept.SCENARIO, text)
        kept.put(folder / kept.SETTINGS, asked)
        kept.put_manifest(folder, kept.first_manifest(text, asked))
    return opened(folder)


def opened(folder: Path) -> Opened:
    """An experiment as it stands, every part of it held against the manifest.

    Raises
    ------
    ExpsimError
        It is none, was changed, or a part is damaged.
    """
    manifest = kept.read_manifest(folder)
    scenario = kept.declared(folder, kept.SCENARIO, manifest.scenario_sha256).decode()
    settings = kept.declared(folder, kept.SETTINGS, manifest.settings_sha256)
    for batch in manifest.batches:
        kept.part(folder, batch.file, batch.sha256)
    looks = [Look.model_validate_json(kept.part(folder, done.file, done.sha256)) for done in manifest.looks]
    return Opened(
        folder,
        manifest,
        parse(scenario, str(folder / kept.SCENARIO)),
        Settings.model_validate_json(settings),
        tuple(looks),
    )


def add(
    folder: Path,
    file: Path,
    *,
    new_variants: Sequence[str] = (),
    engine: Engine | None = None,
    acknowledge: Callable[[Acknowledged], None] = lambda _: None,
    notice: Callable[[str], None] = _silent,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[Opened, Acknowledged]:
    """Keep a batch, and fit all looks that are not fitted yet.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    file : Path
        The batch, CSV or Parquet.
    new_variants : sequence of str
        Variants that come in with this batch.
    engine : callable, optional
        What gives the posterior; `posterior_of` unless told.
    acknowledge : callable
        Called once the batch is kept, whatever happens afterwards.
    notice : callable
        Told what was taken over or removed.
    progress : callable, optional
        Called with the share done and a few words.

    Returns
    -------
    Opened, Acknowledged
        The experiment as it stands then, and the batch.

    Raises
    ------
    ExpsimError
        The batch is refused, and nothing is changed; or another process is writing.
    """
    opened(folder)  # what is wrong with the folder is said before it is locked
    with alone(folder, notice=notice):
        before = opened(folder)
        _clean(before, notice)
        here, batch, known = _keep(before, file, tuple(new_variants))
        acknowledge(batch)
        return _completed(here, known, engine, progress), batch


def complete(
    folder: Path,
    *,
    engine: Engine | None = None,
    notice: Callable[[str], None] = _silent,
    progress: Callable[[float, str], None] | None = None,
) -> Opened:
    """Fit the looks whose batches are kept and that are not fitted yet; an experiment without such looks is only read.

    Raises
    ------
    ExpsimError
        As for `add`.
    """
    found = opened(folder)
    if not found.waiting:
        return found
    with alone(folder, notice=notice):
        found = opened(folder)
        _clean(found, notice)
        return _completed(found, None, engine, progress)


def _clean(here: Opened, notice: Callable[[str], None]) -> None:
    left = kept.clean(here.folder, here.manifest)
    if left:
        notice(
            f"{count(left, 'file')} that an ended process had left unfinished {'is' if left == 1 else 'are'} removed"
        )


class _Known(NamedTuple):
    """Batches that were read already, and the table that they make together."""

    batches: list[Ratings]
    whole: Ratings


def _keep(here: Opened, file: Path, new: tuple[str, ...]) -> tuple[Opened, Acknowledged, _Known | None]:
    """The experiment with one more batch in its manifest, unless it is there already."""
    kind = recognise(file)
    content = file.read_bytes()
    digest = kept.sha256(content)
    for batch in here.manifest.batches:
        if batch.sha256 == digest:
            return here, Acknowledged(batch.look, batch.rows, again=True), None
    ratings = read_batch(file, here.settings, here.scenario, source=file.name)
    for batch in here.manifest.batches:
        if batch.table_sha256 == ratings.sha256:
            return here, Acknowledged(batch.look, batch.rows, again=True), None
    if kept.sha256(file.read_bytes()) != digest:
        raise RatingsError(
            "changed while it was read", where=file.name, remedy="wait until it is complete, and add it then"
        )
    known = _fitting(here, file, ratings, new)
    look = len(here.manifest.batches) + 1
    batch = kept.Batch(
        look=look,
        file=f"{kept.BATCHES}/{look:04d}-{digest}.{'parquet' if kind == 'parquet' else 'csv'}",
        sha256=digest,
        table_sha256=ratings.sha256,
        source=os.fsencode(file.name).decode(errors="replace"),
        rows=len(ratings.table),
        received_utc=kept.now(),
    )
    added = tuple(kept.Added(name=name, look=look) for name in new)
    manifest = here.manifest.model_copy(
        update={"batches": (*here.manifest.batches, batch), "added": (*here.manifest.added, *added)}
    )
    kept.put(here.folder / batch.file, content)
    kept.put_manifest(here.folder, manifest)
    return here._replace(manifest=manifest), Acknowledged(look, batch.rows, again=False), known


def _fitting(here: Opened, file: Path, ratings: Ratings, new: tuple[str, ...]) -> _Known:
    """All batches with a new one; refused with variants that nobody knows, rows that are there, or another form than those before."""

    def numbered() -> Ratings:
        return read_batch(file, here.settings, here.scenario, source=file.name, numbered=True)

    if new or any(name not in here.variants for name in ratings.variants):
        require_declared(ratings, here.variants, new, numbered=numbered())
    batches = batches_of(here)
    if here.settings.reading.duplicates != "keep":
        _require_no_overlap(batches, ratings, numbered)
    everything = [*batches, ratings]
    return _Known(everything, _stacked(everything))


def _require_no_overlap(batches: Sequence[Ratings], ratings: Ratings, numbered: Callable[[], Ratings]) -> None:
    """Refuse rows that equal one of an earlier batch in all that both tables tell."""
    for batch in batches:
        if batch.outcome != ratings.outcome or not _shared(batch.table, ratings.table).any():
            continue
        table = numbered().table
        twice = _shared(batch.table, table.drop(columns=ROW))
        raise RatingsError(
            f"{count(int(twice.sum()), 'row')} equal to a row of an earlier batch ({batch.source})",
            where=f"{ratings.source}, {rows(table[ROW][twice])}",
            remedy=(
                "remove the rows that were added before; if they were truly rated twice, number them in a column 'repeat', or begin "
                "the experiment with --duplicates keep"
            ),
        )


def _shared(old: pd.DataFrame, new: pd.DataFrame) -> pd.Series:
    """Which rows of the new table equal one of the old, in the columns that both have; ratings are numbered anew by a column `repeat`."""
    if "repeat" in new.columns and "repeat" not in old.columns:
        old = old.assign(repeat="")
    common = [name for name in new.columns if name in old.columns and old[name].dtype == new[name].dtype]
    known = pd.Index(pd.util.hash_pandas_object(old[common], index=False))
    found: pd.Series = pd.util.hash_pandas_object(new[common], index=False).isin(known)
    return found


def batches_of(here: Opened) -> list[Ratings]:
    """The batches, read as they came."""
    return [
        read_batch(here.folder / batch.file, here.settings, here.scenario, source=batch.source)
        for batch in here.manifest.batches
    ]


def joined(batches: Sequence[Ratings], here: Opened) -> Ratings:
    """Batches as one table, with control and reference as far as they have ratings."""
    return _settled(_stacked(batches), len(batches), here)


def _stacked(batches: Sequence[Ratings]) -> Ratings:
    whole = batches[0]
    for more in batches[1:]:
        whole = append(whole, more, duplicates="keep")
    assert len(whole.table) == sum(len(batch.table) for batch in batches)
    return whole


def _settled(whole: Ratings, n: int, here: Opened) -> Ratings:
    """The table of n batches with variants in their order, and control and reference as far as they have ratings."""
    control = here.settings.control or here.scenario.control
    reference = here.settings.reference
    rated = "evaluator" in whole.table.columns and reference in set(whole.table["evaluator"])
    notices = whole.notices
    if reference is not None and not rated:
        notices = (*notices, f"warning: the reference {reference!r} has no rating yet, so another defines quality")
    return replace(
        whole,
        variants=tuple(name for name in here.variants if name in whole.variants),
        control=control if control in whole.variants else None,
        reference=reference if rated else None,
        source=here.manifest.batches[0].source if n == 1 else f"{n} batches",
        notices=notices,
    )


def _completed(
    here: Opened, known: _Known | None, engine: Engine | None, progress: Callable[[float, str], None] | None
) -> Opened:
    """The experiment with every look fitted, each in its turn and with its own seed."""
    if not here.waiting:
        return here
    batches = batches_of(here) if known is None else known.batches
    for number in here.waiting:
        some = batches[:number]
        look = look_at(
            _settled(known.whole, number, here) if known and number == len(batches) else joined(some, here),
            some,
            here.scenario,
            here.settings,
            declared=(
                *here.scenario.variant_names,
                *(added.name for added in here.manifest.added if added.look <= number),
            ),
            dropped=here.dropped,
            engine=engine or seam.posterior_of,
            progress=progress,
        )
        content = kept.to_json(look.model_dump(mode="json"))
        digest = kept.sha256(content)
        done = kept.Done(
            look=number, file=f"{kept.LOOKS}/{number:04d}-{digest}.json", sha256=digest, fitted_utc=kept.now()
        )
        manifest = here.manifest.model_copy(update={"looks": (*here.manifest.looks, done)})
        kept.put(here.folder / done.file, content)
        kept.put_manifest(here.folder, manifest)
        here = here._replace(manifest=manifest, looks=(*here.looks, look))
    return here
