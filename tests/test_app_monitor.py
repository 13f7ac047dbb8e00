"""The page that watches an experiment: which ones it knows, what it says, that it never writes, and that it shows what is new."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from live_experiment import batches, experiment
from streamlit.testing.v1 import AppTest

from expsim_bayes.apps import demonstration, monitor_pictures, monitored
from expsim_bayes.apps.kept import KEY
from expsim_bayes.errors import ExpsimError
from expsim_bayes.experiment import play
from expsim_bayes.live import add, opened
from expsim_bayes.live.folder import MANIFEST
from expsim_bayes.live.look import Look
from expsim_bayes.live.posterior import Posterior
from expsim_bayes.recommend import of_experiment
from expsim_bayes.scenario import load

if TYPE_CHECKING:
    from expsim_bayes.live.settings import Settings
    from expsim_bayes.ratings import Ratings

PAGE = Path(monitored.__file__).with_name("views") / "monitor.py"


def quickly(ratings: Ratings, settings: Settings, wanted: object, *, progress: object = None) -> Posterior:  # noqa: ARG001
    """A posterior without a fit: plain means with their errors."""
    rng = np.random.default_rng(1)
    scores = ratings.table.groupby("variant")["score"]
    mean, error = scores.mean()[list(ratings.variants)].to_numpy(), scores.sem()[list(ratings.variants)].to_numpy()
    return Posterior(
        ratings.variants,
        rng.normal(mean, 3 * error, (400, mean.size)),
        ess=400.0,
        higher_is_better=True,
        model="continuous",
        why_model="",
        verdict="ok",
        reasons=(),
    )


@pytest.fixture
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder below which experiments may be opened."""
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.setenv(monitored.BELOW, str(inside))
    return inside


@pytest.fixture
def two_looks(below: Path, tmp_path: Path) -> Path:
    folder = below / "team" / "two prompts"
    folder.parent.mkdir()
    experiment(folder)
    for file in batches(tmp_path / "batches", 2, gap=0.6):
        add(folder, file, engine=quickly)
    return folder


def page(**query: str) -> AppTest:
    at = AppTest.from_file(PAGE, default_timeout=120)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def said(at: AppTest) -> str:
    kinds = ("title", "subheader", "markdown", "caption", "info", "error", "warning")
    return "\n".join(str(getattr(e, "value", "")) for kind in kinds for e in at.get(kind)).replace("\\", "")


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_without_an_experiment_it_says_how_to_begin_one(below: Path) -> None:
    at = page()
    assert "No experiment is kept" in at.info[0].value
    assert "expsim monitor init" in at.code[0].value
    assert not at.selectbox
    at.run()
    assert not at.exception
    assert list(below.iterdir()) == []


def test_it_tells_how_an_experiment_stands_and_never_writes(two_looks: Path) -> None:
    before = files(two_looks)
    at = page()
    assert at.selectbox(key="experiment").value == "team/two prompts"
    text = said(at)
    assert "Two prompts" in text
    assert "Go on" in text
    assert "Were all variants equal, this rule would launch one of them in" in text
    assert "Look 3: 20 outputs of A and 20 outputs of B" in text
    assert "Last change" in text
    assert [m.value for m in at.metric][:2] == ["2 of 6", "160"]
    assert str(two_looks.parents[1]) not in text + "".join(code.value for code in at.code)
    assert "expsim monitor status 'team/two prompts'" in at.code[0].value
    assert at.code[2].value == "monitor?experiment=team%2Ftwo+prompts"
    for what in (monitor_pictures.QUALITY, monitor_pictures.SPENT):
        at.segmented_control(key="monitor.what").set_value(what).run()
        assert not at.exception
    assert files(two_looks) == before


def test_it_shows_what_is_new(two_looks: Path, tmp_path: Path) -> None:
    at = page()
    assert at.metric[0].value == "2 of 6"
    add(two_looks, batches(tmp_path / "batches", 3, gap=0.6)[2], engine=quickly)
    at.run()
    assert at.metric[0].value == "3 of 6"


def test_a_link_opens_one_of_several_and_nothing_else(two_looks: Path, below: Path, tmp_path: Path) -> None:
    experiment(below / "other")
    outside = tmp_path / "outside"
    experiment(outside)
    (below / "a link").symlink_to(outside, target_is_directory=True)
    experiment(below / ".hidden")
    assert set(monitored.experiments(below)) == {"other", "team/two prompts"}
    at = page(experiment="team/two prompts")
    assert at.selectbox(key="experiment").value == "team/two prompts"
    for path in ("../outside", str(outside), "a link", ".hidden", "team/../../outside"):
        at = page(experiment=path)
        assert at.selectbox(key="experiment").value in {"other", "team/two prompts"}
    assert two_looks.is_dir()


def test_folders_are_not_searched_without_end(below: Path) -> None:
    deep = below
    for _ in range(monitored.DEEP):
        deep = deep / "d"
    deep.mkdir(parents=True)
    experiment(deep)
    experiment(deep / "too deep")
    assert list(monitored.experiments(below)) == ["/".join("d" * monitored.DEEP)]


def test_a_damaged_experiment_is_told_in_words_without_where_it_lies(two_looks: Path) -> None:
    part = next((two_looks / "batches").iterdir())
    part.write_bytes(b"")
    at = page()
    assert len(at.error) == 1
    text = said(at)
    assert "is empty or missing" in text
    assert str(two_looks) not in text
    with pytest.raises(ExpsimError) as caught:
        monitored.standing(two_looks, "team/two prompts")
    assert caught.value.where.startswith("team/two prompts")


def test_a_batch_that_is_not_fitted_yet_is_said(two_looks: Path, tmp_path: Path) -> None:
    def stop(*_: object, **__: object) -> Posterior:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add(two_looks, batches(tmp_path / "batches", 3)[2], engine=stop)
    at = page()
    assert "kept and not fitted yet" in at.info[0].value


def test_names_are_shown_as_they_are(below: Path, tmp_path: Path) -> None:
    from live_experiment import SCENARIO, batch, write

    hostile = "**B** <img src=x> :red[x] $y$ `z`"
    text = SCENARIO.replace('name = "B"', f"name = '{hostile}'").replace(
        'title = "Two prompts"', "title = '# <b>T</b>'"
    )
    experiment(below / "x", text)
    frame = batch(1).replace({"variant": {"B": hostile}})
    add(below / "x", write(tmp_path / "b.csv", frame), engine=quickly)
    at = page()
    raw = "\n".join(str(getattr(e, "value", "")) for kind in ("subheader", "markdown", "caption") for e in at.get(kind))
    assert "\\*\\*B\\*\\*" in raw
    assert "**B**" not in raw
    assert not re.search(r"(?<!\\)[<>$`]", raw.replace("`expsim", "").replace("` ", " "))
    assert not re.search(r"(?<!\\):red", raw)


def test_rates_are_counted_without_a_trace_in_the_folder(two_looks: Path) -> None:
    here = opened(two_looks)
    found = monitored.peeked(here._replace(folder=Path("name")), two_looks)
    assert found is not None
    assert found.rate is not None
    assert not (two_looks / "cache").exists()


def test_what_takes_long_is_counted_on_request_alone(two_looks: Path) -> None:
    here = opened(two_looks)
    slow = here._replace(scenario=here.scenario.model_copy(update={"components": "estimated"}))
    assert monitored.peeked(slow, two_looks) is None


def test_the_stamp_changes_with_the_experiment(two_looks: Path) -> None:
    before = monitored.stamp(two_looks)
    assert monitored.stamp(two_looks) == before
    os.utime(two_looks / MANIFEST, ns=(1, 1))
    assert monitored.stamp(two_looks) != before
    assert monitored.stamp(two_looks / "nowhere") == (0, 0)


def test_the_demonstration_is_the_sessions_own(below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "FIRST", 1)
    monkeypatch.setattr("expsim_bayes.live.posterior.posterior_of", quickly)
    at = page()
    at.button(key="demonstrate").click().run()
    assert not at.exception
    assert at.selectbox(key="experiment").value == "A demonstration (made up)"
    place = Path(at.session_state[demonstration.KEY].name)
    assert place.is_dir()
    assert not place.is_relative_to(below)
    assert at.metric[0].value == "1 of 16"
    at.button(key="another").click().run()
    assert not at.exception
    assert at.metric[0].value == "2 of 16"
    compile(at.code[-1].value, "shown", "exec")
    assert "range(1, 3)" in at.code[-1].value
    assert not page().selectbox  # another session has none of it
    at.session_state[KEY] = None
    at.session_state[demonstration.KEY].cleanup()
    assert not place.exists()


def test_the_last_look_goes_to_the_page_that_recommends(two_looks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = of_experiment(play(load("summarization-prompts"), random_seed=1))
    monkeypatch.setattr(Look, "told_facts", lambda _: facts)
    assert two_looks.is_dir()
    at = AppTest.from_file(PAGE.parents[1] / "main.py", default_timeout=120).run()
    at.query_params["experiment"] = "team/two prompts"
    at.switch_page("views/monitor.py").run()
    at.button(key="monitor.to_decision").click().run()
    assert not at.exception
    kept = at.session_state[KEY]
    assert kept.label == "team/two prompts, as it stands after look 2"
    assert kept.code == monitored.code("team/two prompts")
    assert kept.facts.false_launch is not None
    assert kept.facts.source == f"team/two prompts: {facts.source}"
    assert at.title[0].value == "Recommendation"
