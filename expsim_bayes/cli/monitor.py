"""`expsim monitor`: a real experiment that is running, as a folder that takes batch after batch of ratings."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from expsim_bayes.cli import exits, watched
from expsim_bayes.cli.folder import taken
from expsim_bayes.cli.model import AUTO, timed
from expsim_bayes.cli.options import AsJson, Details, Overwrite, ScenarioName, Seed, grouped
from expsim_bayes.cli.question import LookOptions, ModelOptions, QuestionOptions
from expsim_bayes.cli.reading import ReadingOptions
from expsim_bayes.cli.screen import Screen
from expsim_bayes.errors import SettingError
from expsim_bayes.ratings.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from expsim_bayes.fit import Engine
    from expsim_bayes.live import Acknowledged, Opened
    from expsim_bayes.live.peeking import Peeking
    from expsim_bayes.live.settings import Settings
    from expsim_bayes.planning import Calibration

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the experiment.")]
RULES = "The rules"
"""Heading of the options about the decision in --help."""


@grouped
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    scenario: ScenarioName,
    *,
    strategy: Annotated[
        Literal["ab", "bandit", "sequential"] | None,
        typer.Option(help="Whose rules decide; the scenario's default unless told.", rich_help_panel=RULES),
    ] = None,
    drop_below: Annotated[
        float,
        typer.Option(
            metavar="P",
            min=0.0,
            max=0.49,
            help="Drop a variant at a look after which its chance of being best is below this; 0: never.",
            rich_help_panel=RULES,
        ),
    ] = 0.0,
    reading: ReadingOptions,
    question: QuestionOptions,
    model: ModelOptions,
    sampler: LookOptions,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Begin an experiment: scenario, how batches are read, model and seed are fixed.

    The scenario gives variants, control, what matters, looks, rules, budget and prices.
    """
    from expsim_bayes.live import Reading, Settings, begin
    from expsim_bayes.scenario import parse, text_of

    screen = Screen(as_json=as_json)
    text, source = text_of(scenario)
    known = parse(text, source)
    settings = Settings(
        strategy=known.declared(strategy),
        reading=Reading(**reading.told()),
        lower_is_better=True if question.lower_is_better else None,
        control=question.control,
        reference=question.reference,
        model=model.model,
        priors=model.priors(),
        **asdict(sampler),
        prices=question.prices(),
        drop_below=drop_below,
        seed=seed,
    )
    _require_model(settings)
    here = begin(folder, text, settings, notice=_notice(screen))
    screen.heading(known.title)
    screen.say(f"The experiment is in '{folder}': {watched.about(here)}")
    watched.show_next(screen, here)
    screen.emit(watched.as_object(here))


def _require_model(settings: Settings) -> None:
    """Refuse an engine, a model or a prior that there is not, before any rating comes."""
    from expsim_bayes.fit import engine_of
    from expsim_bayes.models import NAMES
    from expsim_bayes.models._told import priors_from

    engine_of(cast("Engine", settings.engine), "continuous" if settings.model == AUTO else settings.model, 0)
    if settings.model == AUTO:
        return
    if settings.model not in NAMES:
        raise SettingError(
            f"{settings.model!r} is no model", where="--model", remedy=f"choose among {', '.join([AUTO, *NAMES])}"
        )
    priors_from(settings.model, settings.priors)


def add(
    folder: Folder,
    file: Annotated[Path, typer.Argument(metavar="BATCH", help="Ratings, one a row: CSV or Parquet.")],
    *,
    new_variant: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A variant that comes in with this batch (repeat it)."),
    ] = None,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Add a batch of ratings: the next look. It is kept at once, and fitted then; the same batch twice changes nothing."""
    from expsim_bayes.live import add as added

    screen = Screen(as_json=as_json)

    def acknowledge(batch: Acknowledged) -> None:
        if batch.again:
            screen.aside(f"'{file.name}' is there already, as look {batch.look}: nothing is changed.", style="yellow")
        else:
            screen.aside(f"'{file.name}' is kept as look {batch.look}: {count(batch.rows, 'row')}.", style="green")

    with _told_when_interrupted(screen, folder), screen.progress("reading", total=1.0) as advance:
        here, batch = added(
            folder,
            file,
            new_variants=new_variant or (),
            acknowledge=acknowledge,
            notice=_notice(screen),
            progress=timed(advance),
        )
    watched.show_look(screen, here, details=details)
    screen.emit(watched.as_object(here) | {"batch": batch._asdict()})
    _exit_if_refused(here)


def status(
    folder: Folder,
    *,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="Search for the threshold that holds a false-launch rate of 5 % with these looks; it is kept and shown from then on.",
            rich_help_panel=RULES,
        ),
    ] = False,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Where the experiment stands, look by look, and what peeking does to it.

    A look that is not fitted yet, because a process was ended, is fitted first.
    """
    from expsim_bayes.live.calibrated import known

    screen = Screen(as_json=as_json)
    here = _completed(folder, screen)
    found = _peeking(here, screen)
    better, stop = _searched(here, screen) if calibrate else (known(here), None)
    watched.show_status(screen, here, found, better, details=details)
    screen.emit(watched.as_object(here, found, better))
    if stop is not None:
        screen.aside("Stopped early: no threshold was found, and nothing of the search is kept.", style="yellow")
        raise typer.Exit(exits.of_interruption(stop))
    _exit_if_refused(here)


def ahead(
    folder: Folder,
    *,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """How many outputs of which variant to rate next, and by whom."""
    screen = Screen(as_json=as_json)
    here = _completed(folder, screen)
    plan = watched.show_next(screen, here, details=details)
    screen.emit(watched.plan_object(here, plan))


def report(
    folder: Folder,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Write the pages into this folder.")],
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write the story of the experiment, look by look, with figures."""
    from expsim_bayes.live import story
    from expsim_bayes.live.ahead import planned
    from expsim_bayes.live.calibrated import known

    screen = Screen(as_json=as_json)
    if out.resolve() == folder.resolve():
        raise SettingError("the experiment itself lies there", where="--out", remedy="name another folder")
    with taken(out, overwrite=overwrite) as aside:
        assert aside is not None
        here = _completed(folder, screen)
        page = story.write(here, aside, peeking=_peeking(here, screen), plan=planned(here), calibrated=known(here))
    screen.labelled([("Report", str(out / page.name))])
    screen.emit(watched.as_object(here) | {"report": str(out / page.name)})


def _completed(folder: Path, screen: Screen) -> Opened:
    """The experiment with all its looks; as it stands where somebody else is fitting them, or only they may write."""
    from expsim_bayes.live import complete, opened
    from expsim_bayes.live.lock import BusyError

    here = opened(folder)
    if not here.waiting:
        return here
    try:
        with _told_when_interrupted(screen, folder), screen.progress("reading", total=1.0) as advance:
            screen.aside(f"{_looks(here.waiting)} not fitted yet, and is fitted now.")
            return complete(folder, notice=_notice(screen), progress=timed(advance))
    except BusyError as busy:
        screen.aside(f"{_looks(here.waiting)} not fitted yet: process {busy.holder.pid} is at it.", style="yellow")
    except SettingError as error:
        if error.where != str(folder):
            raise
        screen.aside(f"{_looks(here.waiting)} not fitted yet, and cannot be by you: {error.problem}.", style="yellow")
    return opened(folder)


def _looks(numbers: tuple[int, ...]) -> str:
    return f"Look {numbers[0]} is" if len(numbers) == 1 else f"Looks {numbers[0]} to {numbers[-1]} are"


def _peeking(here: Opened, screen: Screen) -> Peeking:
    from expsim_bayes.live.peeking import REPLICATIONS, peeking

    with screen.progress("simulating looks without a difference", total=REPLICATIONS) as advance:
        return peeking(here, progress=advance)


def _searched(here: Opened, screen: Screen) -> tuple[Calibration | None, KeyboardInterrupt | None]:
    """The threshold that holds the false-launch rate with these looks; or the interruption that ended the search."""
    from expsim_bayes.live.calibrated import calibrated, to_play, why_not

    reason = why_not(here)
    if reason:
        screen.aside(f"No threshold can be searched for: {reason}.", style="yellow")
        return None, None
    total = to_play()
    words = f"searching for the threshold: about {count(total, 'simulated experiment')}, which may take minutes"
    try:
        with screen.progress(words, total=total) as advance:
            advance(0, words)
            found = calibrated(here, progress=lambda done: advance(min(done, total)), notice=_notice(screen))
            return found, None
    except KeyboardInterrupt as stop:
        return None, stop


@contextmanager
def _told_when_interrupted(screen: Screen, folder: Path) -> Iterator[None]:
    """An interruption of a fit ends in words that say what was kept."""
    try:
        yield
    except KeyboardInterrupt as stop:
        code = exits.of_interruption(stop)
        screen.fail(
            "interrupted; a batch that was told to be kept is kept",
            where=str(folder),
            remedy=f"`expsim monitor status {folder}` fits what is missing",
            exit_code=code,
        )
        raise typer.Exit(code) from None


def _notice(screen: Screen) -> Callable[[str], None]:
    return lambda text: screen.aside(f"{text[:1].upper()}{text[1:]}.", style="yellow")


def _exit_if_refused(here: Opened) -> None:
    if here.looks and here.looks[-1].decision == "refuse":
        raise typer.Exit(exits.REFUSED)
