"""What a session takes away from the page that recommends: the card, the report, the data and the figures, each as the bytes of a file.

What was simulated is made again from how it was asked; what was fitted lies in the session's own folder. A link to the page is read
here, too.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, get_args

import streamlit as st

from expsim_bayes.apps import answers
from expsim_bayes.apps.asked import Asked
from expsim_bayes.apps.kept import Result
from expsim_bayes.apps.knobs import Knob, knobs
from expsim_bayes.errors import ExpsimError
from expsim_bayes.plots.operating import WHO
from expsim_bayes.plots.theme import DARK, LIGHT
from expsim_bayes.report import card, card_png, rendered, tidy, write_experiment
from expsim_bayes.report.folder import FIGURES, facts_json, figures_of
from expsim_bayes.report.forms import name_of
from expsim_bayes.scenario import STRATEGY_TITLES, EvaluatorChoice, library, load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import xarray as xr

    from expsim_bayes.facts import Facts
    from expsim_bayes.report.document import Length
    from expsim_bayes.report.forms import Form
    from expsim_bayes.scenario import StrategyName

POSTERIOR = "posterior.nc"
"""The posterior in the folder of a fit."""
BY_TITLE = {title: name for name, title in STRATEGY_TITLES.items()}
"""Strategies by the words that a link has for them."""
BY_WORDS: dict[str, EvaluatorChoice] = {WHO[name]: name for name in get_args(EvaluatorChoice)}
"""Who rates, likewise."""
MEDIA: dict[Form, str] = {
    "md": "text/markdown",
    "html": "text/html",
    "pdf": "application/pdf",
    "json": "application/json",
}
"""Kinds of file of the forms of a report."""
REPORTS: tuple[tuple[str, Form, Length, str], ...] = (
    ("One page (PDF)", "pdf", "brief", ":material/picture_as_pdf:"),
    ("Report (HTML)", "html", "full", ":material/html:"),
    ("Report (PDF)", "pdf", "full", ":material/picture_as_pdf:"),
    ("Report (Markdown)", "md", "full", ":material/description:"),
)
"""Reports that a page offers: their labels, forms, lengths and signs."""
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time that files in a zip file carry, the first that it can tell: the same files make the same zip file."""


class File(NamedTuple):
    """A file to take away."""

    name: str
    """Its name."""
    mime: str
    """What it is."""
    content: bytes
    """Its bytes."""


def asked_in(query: Mapping[str, str]) -> Asked | None:
    """What the page's address asks for; None where it asks for nothing that there is, or that a slider would not give.

    Examples
    --------
    >>> asked_in({"scenario": "reranker", "seed": "4", "reranker.looks": "3"})
    Asked(library='reranker', edits=(('looks', 3),), strategy='sequential', evaluators='both', seed=4, own='')
    >>> asked_in({"scenario": "../../etc/passwd"}) is None
    True
    """
    name = query.get("scenario", "")
    if name not in library():
        return None
    scenario = load(name)
    own = {key.removeprefix(f"{name}."): value for key, value in query.items() if key.startswith(f"{name}.")}
    strategy = BY_TITLE.get(own.pop("strategy", ""), scenario.default_strategy)
    who = BY_WORDS.get(own.pop("rated_by", ""), "both")
    if strategy not in scenario.strategies:
        return None
    sound = {knob.place: knob for some in knobs(scenario, strategy).values() for knob in some}
    try:
        edits = tuple((place, _turned(sound[place], value)) for place, value in own.items())
        seed = int(query.get("seed", "0"))
    except (KeyError, ValueError):
        return None
    return Asked(name, edits, strategy, who, seed) if 0 <= seed < 2**32 else None


def _turned(knob: Knob, text: str) -> float:
    """Where the address has a knob; nothing beyond its ends, which a page would not let anyone set."""
    value = int(text) if knob.whole else float(text)
    if not knob.low <= value <= knob.high:
        raise ValueError(text)
    return value


def simulated(asked: Asked) -> Result:
    """The decision of a simulated experiment, with what its rule does when nothing differs.

    Raises
    ------
    ExpsimError
        It cannot be run like this.
    """
    facts, found = answers.weighed(asked), answers.one(asked)
    if facts.false_launch is None:
        facts = replace(facts, false_launch=answers.many(asked, answers.replications(asked.scenario)).false_launch)
    return Result(f"A simulated experiment: {facts.title}", facts, asked, found.history)


def picture(result: Result, *, dark: bool) -> File:
    """The decision card."""
    return File("decision-card.png", "image/png", _card(facts_json(result.facts), result.facts, dark=dark))


@st.cache_data(
    scope="session", max_entries=8, show_spinner=False, hash_funcs={"expsim_bayes.facts.Facts": lambda _: ""}
)
def _card(told: str, facts: Facts, *, dark: bool) -> bytes:  # noqa: ARG001
    """The card; `told` is what it is known by."""
    return card_png(facts, theme=DARK if dark else LIGHT)


def in_words(facts: Facts) -> str:
    """What the card shows, for those who cannot see it."""
    found = card(facts)
    sure = f"{found.sure} {found.sure_of}" if found.sure else " ".join(found.reasons)
    foot = " ".join(f"{label}: {text.rstrip('.')}." for label, text in found.foot)
    return f"Decision card. {found.headline.rstrip('.')}. {found.do} {sure.rstrip('.')}. {foot}"


def report(result: Result, form: Form, length: Length) -> File:
    """The report in a form and a length, with the figures of a fit."""
    figures = () if result.folder is None else figures_of(result.folder)
    content = rendered(form, result.facts, figures, folder=result.folder, length=length)
    return File(name_of(form, length), MEDIA[form], content)


def facts(result: Result) -> File:
    """Every number that may be said, as JSON: `expsim report` reads it."""
    return File("facts.json", "application/json", facts_json(result.facts).encode())


def data(result: Result) -> File | None:
    """The posterior of a fit, or a simulated experiment look by look, as netCDF."""
    if result.history is not None:
        return File("history.nc", "application/x-netcdf", _netcdf(result.history))
    mine = _in(result, POSTERIOR)
    return None if mine is None else File(POSTERIOR, "application/x-netcdf", mine)


def tables(result: Result) -> File:
    """Every table of the report as CSV, in one file."""
    return sheets("tables.zip", tidy.sheets(result.facts))


def sheets(name: str, found: Sequence[tidy.Sheet]) -> File:
    """Tables as CSV, in one file."""
    return File(name, "application/zip", _zipped({f"{sheet.name}.csv": tidy.csv(sheet) for sheet in found}))


def has_figures(result: Result) -> bool:
    """Whether there are figures to take away."""
    return result.asked is not None or bool(_drawn(result))


def figures(result: Result) -> File:
    """All figures, with their captions and words, in one file; what was simulated brings its report and its ratings along.

    Raises
    ------
    ExpsimError
        There are none.
    """
    if result.asked is not None:
        asked = result.asked
        whole = _experiment(asked.toml(), asked.strategy, asked.evaluators, asked.seed)
        return File("figures.zip", "application/zip", whole)
    found = _drawn(result)
    if not found:
        raise ExpsimError("there are no figures", remedy="fit the ratings again")
    return File("figures.zip", "application/zip", _zipped(found))


def _drawn(result: Result) -> dict[str, bytes]:
    """Figures in a session's folder, those that its own list names."""
    listed = _in(result, FIGURES)
    if result.folder is None or listed is None:
        return {}
    names = [str(entry["file"]) for entry in json.loads(listed)]
    found = {name: content for name in names if (content := _in(result, name)) is not None}
    return found | {FIGURES: listed} if found else {}


def _in(result: Result, name: str) -> bytes | None:
    path = None if result.folder is None else result.folder / name
    return path.read_bytes() if path is not None and path.is_file() else None


@st.cache_data(max_entries=4, show_spinner=False)
def _experiment(toml: str, strategy: StrategyName | None, evaluators: EvaluatorChoice, seed: int) -> bytes:
    """Everything that a simulated experiment leaves behind, in one file."""
    from expsim_bayes.experiment import play
    from expsim_bayes.recommend import of_experiment
    from expsim_bayes.scenario import parse

    played = play(parse(toml, "scenario"), strategy=strategy, evaluators=evaluators, random_seed=seed)
    with tempfile.TemporaryDirectory() as place:
        write_experiment(played, of_experiment(played), Path(place))
        return _zipped(dict(_files(Path(place))))


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """Files in one file; the same files make the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _netcdf(history: xr.Dataset) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "history.nc"
        history.to_netcdf(path, engine="h5netcdf")
        return path.read_bytes()
