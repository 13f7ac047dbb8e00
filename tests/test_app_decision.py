"""The page that recommends: what it says before and after a decision, and what can be taken away from it."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import xarray as xr
from streamlit.testing.v1 import AppTest

from expsim_bayes.apps import answers, handed
from expsim_bayes.apps.asked import Asked
from expsim_bayes.apps.kept import KEY, Result
from expsim_bayes.apps.knobs import knobs
from expsim_bayes.errors import ExpsimError
from expsim_bayes.facts import Decision, FitFacts
from expsim_bayes.report import markdown, read_facts
from expsim_bayes.report.folder import facts_json
from expsim_bayes.scenario import load
from expsim_bayes.sentences import recommendation

MAIN = Path(answers.__file__).with_name("main.py")
ASKED = Asked("summarization-prompts", strategy="sequential", seed=1)


@pytest.fixture(scope="module")
def simulated() -> Result:
    facts = replace(answers.weighed(ASKED), false_launch=None)
    return Result("A simulated experiment", facts, ASKED, answers.one(ASKED).history)


ALWAYS = (
    "Card (PNG)",
    "One page (PDF)",
    "Report (HTML)",
    "Report (PDF)",
    "Report (Markdown)",
    "Facts (JSON)",
    "Tables (CSV)",
)
"""What there is to take away of any decision."""


@pytest.fixture
def fitted(simulated: Result, tmp_path: Path) -> Result:
    """What the page of uploads hands over: facts, and a folder with files."""
    facts = replace(
        simulated.facts, title="*ratings* of <b>users</b>", source="ratings.csv", fit=FitFacts("ok", ()), usd=None
    )
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "qualities.png").write_bytes(b"a picture")
    (tmp_path / "figures.json").write_text(
        json.dumps([{"file": "figures/qualities.png", "caption": "c", "alternative": "a"}])
    )
    (tmp_path / "posterior.nc").write_bytes(b"a posterior")
    (tmp_path / "secret.txt").write_text("not for anybody")
    return Result("ratings.csv, fitted", facts, folder=tmp_path)


def page(result: Result | None = None, **query: str) -> AppTest:
    """The page, shown once."""
    at = AppTest.from_file(MAIN.with_name("views") / "decision.py", default_timeout=120)
    for key, value in query.items():
        at.query_params[key] = value
    if result is not None:
        at.session_state[KEY] = result
    at.run()
    assert not at.exception, at.exception
    return at


def said(at: AppTest) -> str:
    return "\n".join(
        str(getattr(e, "value", ""))
        for kind in ("title", "subheader", "markdown", "caption", "info")
        for e in at.get(kind)
    )


def buttons(at: AppTest) -> set[str]:
    return {e.proto.label for e in at.get("download_button")}


def test_before_a_decision_it_says_what_to_do() -> None:
    at = page()
    assert "Nothing has been decided" in at.info[0].value
    assert [b.label for b in at.button] == ["Simulate an experiment", "Analyse ratings"]
    at.run()
    assert not at.exception


def test_its_buttons_lead_to_the_pages() -> None:
    at = AppTest.from_file(MAIN, default_timeout=120).run()
    at.switch_page("views/decision.py").run()
    at.button(key="to_analyse").click().run()
    assert not at.exception
    assert "Recommendation" not in [t.value for t in at.title]


def test_pages_lead_to_each_other_in_one_way() -> None:
    # A path below the entry fails where the entry is streamlit_app.py, and other ways to switch where a widget is bound to the address.
    code = {
        path.name: path.read_text(encoding="utf-8") for path in MAIN.parent.rglob("*.py") if path.name != "shown.py"
    }
    assert [name for name, text in code.items() if '"views/' in text or "switch_page" in text] == []


def test_a_simulated_decision_is_told_and_taken_away(simulated: Result) -> None:
    at = page(simulated)
    advice = recommendation(simulated.facts)
    assert advice.headline in at.subheader[0].value
    assert buttons(at) == {*ALWAYS, "Figures (zip)", "Looks (netCDF)"}
    codes = [code.value for code in at.code]
    assert ASKED.command() in codes
    assert ASKED.link("recommendation") in codes
    (image,) = at.get("image")
    assert advice.headline in image.proto.imgs[0].alt
    at.run()
    assert not at.exception
    at.toggle(key="dark").set_value(True).run()
    assert not at.exception


def test_a_fit_is_told_with_its_own_files_and_nothing_of_its_names_is_markup(fitted: Result) -> None:
    at = page(fitted)
    assert buttons(at) == {*ALWAYS, "Figures (zip)", "Posterior (netCDF)"}
    assert "<b>" not in said(at)
    assert any("expsim report" in code.value for code in at.code)
    at.run()
    assert not at.exception


def test_a_refused_fit_shows_no_probability(fitted: Result) -> None:
    refused = replace(
        fitted.facts,
        decision=Decision("refuse"),
        variants=(),
        leader="",
        baseline="",
        control=None,
        prob_equivalent=None,
        fit=FitFacts("refuse", ("R-hat of quality is 1.12.",)),
    )
    at = page(fitted._replace(facts=refused))
    assert "not to be trusted" in at.subheader[0].value
    assert "R\\-hat of quality is 1\\.12" in said(at)
    assert "%" not in said(at)


def test_a_link_brings_back_the_experiment() -> None:
    at = page(scenario="summarization-prompts", seed="1")
    kept = at.session_state[KEY]
    assert kept.asked == ASKED
    assert kept.facts.decision == answers.one(ASKED).facts.decision
    assert kept.facts.false_launch is not None
    assert "such experiments" in said(at)


@pytest.mark.parametrize("asked", [ASKED, ASKED._replace(strategy="bandit", evaluators="llm", edits=(("looks", 4),))])
def test_a_link_is_read_as_it_was_written(asked: Asked) -> None:
    from urllib.parse import parse_qsl

    assert handed.asked_in(dict(parse_qsl(asked.link("recommendation").split("?")[1]))) == asked


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"scenario": "nothing"},
        {"scenario": "../pyproject"},
        {"scenario": "reranker", "seed": "x"},
        {"scenario": "reranker", "seed": "-1"},
        {"scenario": "reranker", "reranker.looks": "many"},
        {"scenario": "reranker", "reranker.looks": "100000000"},
        {"scenario": "reranker", "reranker.variants.0.quality": "nan"},
        {"scenario": "reranker", "reranker.evaluators.9.raters": "3"},
    ],
)
def test_a_link_that_asks_for_nothing_known_is_left_alone(query: dict[str, str]) -> None:
    assert handed.asked_in(query) is None


def test_a_link_that_cannot_be_run_is_told_in_words() -> None:
    at = page(
        None, **{"scenario": "small-effect", "small-effect.budget_usd": str(knob_low("small-effect", "budget_usd"))}
    )
    assert len(at.error) == 1
    assert "budget" in at.error[0].value


def knob_low(name: str, place: str) -> float:
    scenario = load(name)
    turned = (knob for some in knobs(scenario, scenario.default_strategy).values() for knob in some)
    return next(knob.low for knob in turned if knob.place == place)


def test_what_is_taken_away_is_what_is_shown(simulated: Result, fitted: Result, tmp_path: Path) -> None:
    assert handed.report(simulated, "md", "full").content.decode() == markdown(simulated.facts)
    assert "figures/qualities.png" in handed.report(fitted, "md", "full").content.decode()
    assert handed.report(simulated, "html", "full").content.startswith(b"<!")
    brief = handed.report(simulated, "pdf", "brief")
    assert (brief.name, brief.content[:5]) == ("brief.pdf", b"%PDF-")
    folder = tmp_path / "again"
    folder.mkdir()
    (folder / "facts.json").write_bytes(handed.facts(simulated).content)
    assert read_facts(folder) == simulated.facts
    looks = handed.data(simulated)
    assert looks is not None
    (folder / "history.nc").write_bytes(looks.content)
    with xr.open_dataset(folder / "history.nc", engine="h5netcdf") as again:
        xr.testing.assert_allclose(again["prob_best"], simulated.history["prob_best"])  # type: ignore[index]
    with zipfile.ZipFile(io.BytesIO(handed.tables(simulated).content)) as archive:
        assert {"variants.csv", "evaluators.csv", "answers.csv"} <= set(archive.namelist())
        assert archive.read("variants.csv").decode().splitlines()[1].startswith("A,true,")
    posterior = handed.data(fitted)
    assert posterior is not None
    assert posterior.content == b"a posterior"


def test_figures_hold_what_their_list_names_and_nothing_else(fitted: Result) -> None:
    with zipfile.ZipFile(io.BytesIO(handed.figures(fitted).content)) as archive:
        assert set(archive.namelist()) == {"figures/qualities.png", "figures.json"}
    assert handed.figures(fitted) == handed.figures(fitted)
    bare = fitted._replace(folder=None)
    assert not handed.has_figures(bare)
    assert handed.data(bare) is None
    with pytest.raises(ExpsimError, match="no figures"):
        handed.figures(bare)


@pytest.mark.slow
def test_figures_of_a_simulated_experiment_come_with_its_ratings(simulated: Result) -> None:
    with zipfile.ZipFile(io.BytesIO(handed.figures(simulated).content)) as archive:
        names = set(archive.namelist())
        assert {"report.md", "ratings.csv", "facts.json", "history.nc", "figures/prob_best.png"} <= names
        assert json.loads(archive.read("facts.json")) == json.loads(facts_json(simulated.facts))
