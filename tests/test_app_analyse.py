"""The page that takes a file of ratings to a decision: what it answers, and that nothing that a user does brings it down."""

from __future__ import annotations

import io
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from expsim_bayes.apps import fit_pictures, fit_predicted, fit_tables, guesses, jobs, labels, uploads
from expsim_bayes.apps.jobs import Desk, Job, Ticket
from expsim_bayes.apps.question import MODELS, READING, Question
from expsim_bayes.errors import RatingsError
from expsim_bayes.facts import (
    Compared,
    Decision,
    Facts,
    FitFacts,
    Interval,
    Measure,
    PlainMean,
    RaterFacts,
    Spread,
    VariantFacts,
)

if TYPE_CHECKING:
    from collections.abc import Callable

APPS = Path(__file__).resolve().parents[1] / "apps"
PATIENCE = 300.0  # of a busy machine; all is over in seconds elsewhere
SCORES = "variant,item,rater,kind,score\n" + "".join(
    f"{variant},{item},{rater},{kind},{3 + (variant == 'B') + 0.5 * (rater == 'bob') + 0.25 * ((item * 7 + len(rater)) % 5)}\n"
    for item in range(10)
    for variant in "AB"
    for rater, kind in (("ann", "human"), ("bob", "human"), ("gpt", "llm"))
)
ENDLESS = 'import sys, time; sys.stdin.readline(); print(\'{"share": 0.4, "words": "sampling"}\', flush=True); time.sleep(600)'
QUIET = "import sys; sys.stdin.readline(); sys.exit(3)"
REFUSING = (
    "import json, sys; sys.stdin.readline(); "
    "print(json.dumps({'problem': 'no <b>such</b> prior', 'where': '', 'remedy': 'use --model auto'}))"
)


def page() -> AppTest:
    return AppTest.from_file(str(APPS / "views" / "analyse.py"), default_timeout=PATIENCE)


def given(content: bytes | str, name: str = "ratings.csv") -> AppTest:
    """The page after an upload."""
    at = page().run()
    data = content.encode() if isinstance(content, str) else content
    return at.file_uploader(key="fit_upload").set_value((name, data, "text/csv")).run()


def said(at: AppTest) -> str:
    """Every word on the page, as it is shown."""
    shown = [
        e.value
        for e in (*at.text, *at.warning, *at.error, *at.info, *at.success, *at.markdown, *at.caption, *at.subheader)
    ]
    return "\n".join(str(text).replace("\\", "") for text in shown)


def wait(until: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def desk(code: str = ENDLESS, **settings: Any) -> Desk:
    return Desk(command=(sys.executable, "-c", code), **settings)


@pytest.fixture
def file() -> uploads.File:
    return uploads.received("ratings.csv", SCORES.encode())


# ------------------------------------------------------------------------------------------------------------- the page


def test_empty_page_says_what_to_do_and_offers_samples() -> None:
    at = page().run().run()
    assert not at.exception
    assert "Upload the ratings" in said(at)
    at.button(key="fit_sample_comparisons").click().run()
    assert not at.exception
    assert {"A", "B", "C"} <= set(at.selectbox(key=key(at, "control")).options)
    assert "preference, because a row compares two variants" in said(at)


def key(at: AppTest, name: str) -> str:
    """Key of a widget of the file that is shown."""
    return f"fit.{at.session_state['fit_file'].token}.{name}"


def test_page_stands_under_the_navigation() -> None:
    at = AppTest.from_file(str(APPS / "main.py"), default_timeout=PATIENCE).switch_page("views/analyse.py").run()
    assert not at.exception
    assert at.title[0].value == "Analyse ratings"


def test_every_widget_can_be_moved() -> None:
    at = given(SCORES)
    assert "60 ratings of 20 outputs: 2 variants, 10 items, 3 raters" in said(at)
    moves: dict[str, Any] = {
        "control": "A", "higher": False, "model": "robust", "effect.units of the score": 0.5, "threshold": 0.9, "reference": "gpt",
        "price.gpt": 0.01, "draws": 500, "tune": 500, "accept": 0.9, "engine": "nuts", "seed": 7, "anonymous": ["human"],
        "duplicates": "drop", "crossed": "drop", "merge": True, "low": 1.0, "high": 9.0, "outside": "missing", "rounded": True,
        "encoding": "utf-8", "no_quotes": True, "where.column": "rater",
    }  # fmt: skip
    for name, value in moves.items():
        kinds = (at.selectbox, at.number_input, at.toggle, at.multiselect)
        widget = next(w for kind in kinds for w in kind if w.key == key(at, name))
        widget.set_value(value).run()
        assert not at.exception, name
    assert "20 ratings of 20 outputs" in said(at)  # of the first rater alone, by then


def test_criteria_are_taken_one_at_a_time_and_another_file_may_follow() -> None:
    table = pd.read_csv(io.StringIO(SCORES))
    both = pd.concat([table.assign(criterion="fluency"), table.assign(criterion="truth")])
    at = given(both.to_csv(index=False))
    assert at.selectbox(key=key(at, "where.value.criterion")).value == "fluency"
    assert "60 ratings" in said(at)
    at.button(key="fit_other").click().run()
    assert not at.exception
    assert at.file_uploader(key="fit_upload") is not None


def test_parquet_is_told_by_its_bytes() -> None:
    packed = io.BytesIO()
    pd.read_csv(io.StringIO(SCORES)).to_parquet(packed)
    at = given(packed.getvalue(), "ratings.csv")
    assert not at.exception
    assert "60 ratings of 20 outputs" in said(at)


def test_sessions_do_not_see_each_other() -> None:
    one, other = given(SCORES), page().run()
    assert "fit_file" in one.session_state
    assert "fit_file" not in other.session_state


GOOD = "variant,item,rater,score\nA,1,ann,4\nB,1,ann,5\nA,2,bob,3\nB,2,bob,4\n"
COMPARED = "variant_left,variant_right,item,rater,outcome\n"
BAD: dict[str, tuple[str | bytes, str]] = {
    "header only": ("variant,item,rater,score\n", "No rows"),
    "one row": ("variant,item,rater,score\nA,1,ann,4\n", "the priors decide nearly everything"),
    "byte-order mark": (b"\xef\xbb\xbf" + GOOD.encode(), "byte-order mark"),
    "utf-16": (GOOD.encode("utf-16"), "read as UTF-16"),
    "cp1252": (GOOD.replace("ann", "anné").encode("cp1252"), "“Encoding” cp1252"),
    "tabs": (GOOD.replace(",", "\t"), "separated by tabs"),
    "line ends": (GOOD.replace("\n", "\r\n"), "4 ratings of 4 outputs"),
    "open quote": (GOOD.replace("A,1,ann", 'A,1,"ann'), "“Double quotes are text”"),
    "twice a column": (GOOD.replace("item,", "score,"), "appears more than once"),
    "spaces in names": (GOOD.replace("variant,", " Variant ,"), "4 ratings of 4 outputs"),
    "index column": ("Unnamed: 0," + GOOD.replace("\nA", "\n0,A").replace("\nB", "\n1,B"), "without a name ignored"),
    "zero bytes": (GOOD.encode() + b"\0\0", "NUL byte"),
    "workbook": (b"PK\x03\x04" + b"\0" * 50, "Excel workbook"),
    "pickle": (b"\x80\x04" + b"x" * 50, "can run code"),
    "json lines": ('{"variant": "A"}\n', "This is JSON"),
    "no score": (GOOD.replace("score", "words"), "for example “score” under “Columns”;"),
    "case": (GOOD.replace("A,2", "a,2"), "“Names that differ by case or spaces are one”"),
    "leading zeros": (GOOD.replace(",1,", ",001,").replace(",2,", ",01,"), "2 items"),
    "strange names": (GOOD.replace("A,", "__proto__,").replace("B,", "chain,"), "2 variants"),
    "one variant": (GOOD.replace("B,", "A,").replace("A,1,ann,5", "A,3,ann,5").replace("A,2,bob,4", "A,4,bob,4"), "nothing to compare"),
    "same rows": (GOOD + "A,1,ann,4\n", "“Rows that are equal in every column”"),
    "two kinds": ("variant,item,rater,kind,score\nA,1,ann,human,4\nB,1,ann,llm,5\n", "two kinds"),
    "one rater": (GOOD.replace("bob", "ann"), "one rater"),
    "no overlap": (GOOD, "no two raters"),
    "infinite": (GOOD.replace("ann,4", "ann,inf"), "infinite"),
    "missing": (GOOD.replace("ann,4", "ann,NaN"), "1 of 4 scores missing"),
    "words": (GOOD.replace("ann,4", "ann,good"), "“What words are worth”"),
    "yes and no": ("variant,item,rater,score\nA,1,ann,yes\nB,1,ann,no\n", "every score is 0 or 1"),
    "all equal": (GOOD.replace(",5", ",4").replace(",3", ",4"), "no variation"),
    "against itself": (COMPARED + "A,A,1,ann,left\nA,B,1,ann,left\n", "itself"),
    "neither": (COMPARED + "A,B,1,ann,C\nA,B,2,ann,left\n", "C"),
    "not said": (COMPARED + "A,B,1,ann,garbage\nA,B,2,ann,left\nB,A,2,ann,tie\n", "counted as missing"),
    "markup": (GOOD.replace("variant", "img <img src=x onerror=alert(1)>").replace("A,", "**a**:red[x],"), "“Columns”"),
}  # fmt: skip


def test_bad_input_is_answered_in_words_and_the_page_stays_up() -> None:
    at = given("")
    assert not at.exception
    assert "empty (0 bytes)" in said(at)
    for name, (content, words) in BAD.items():
        data = content.encode() if isinstance(content, str) else content
        at.session_state["fit_file"] = uploads.received(f"{name}.csv", data)
        at.run()
        assert not at.exception, name
        assert words.casefold() in said(at).casefold(), name
        assert "Traceback" not in said(at), name


def test_user_text_is_never_markup() -> None:
    at = given(GOOD.replace("score", "**so** :red[x] $y$ <b>"))
    shown = [e.value for e in (*at.error, *at.warning, *at.markdown, *at.caption)]
    assert any("so" in text for text in shown)
    assert not any(sign in text for text in shown for sign in ("**so**", ":red[", "$y$", "<b>"))


def test_size_is_limited_in_code_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LIMIT", 20)
    assert "at most 20 are taken here" in said(given(GOOD))
    with pytest.raises(RatingsError, match="at most 20"):
        uploads.received("ratings.csv", GOOD.encode())


# -------------------------------------------------------------------------------------------------------------- a fit


@pytest.mark.slow
def test_a_file_goes_to_a_decision_by_clicking() -> None:
    table = pd.read_csv(io.StringIO(SCORES))
    at = given(table.assign(variant=table["variant"].map({"A": "**A**", "B": ":red[B]"})).to_csv(index=False))
    at.selectbox(key=key(at, "engine")).set_value("fast").run()
    at.selectbox(key=key(at, "control")).set_value("**A**").run()
    at.button(key="fit_begin").click().run()
    ticket: Ticket = at.session_state["fit_running"]
    wait(lambda: ticket.job.over, "the fit ends")
    at.run()
    assert not at.exception
    assert ticket.job.state == "done", ticket.job.trouble
    assert any("Launch" in title.value for title in at.subheader)
    result = at.session_state["result"]
    assert result.facts.decision.variant == ":red[B]"
    assert {"report.md", "posterior.nc", "facts.json", "agreement.json"} <= {
        path.name for path in result.folder.iterdir()
    }
    marked = "\n".join(str(e.value) for e in (*at.markdown, *at.subheader, *at.success, *at.warning))
    assert "**A**" not in marked
    assert ":red[B]" not in marked
    assert "--control '**A**' --engine fast" in at.code[0].value
    folder = result.folder
    at.button(key="fit_other").click().run()
    assert folder.exists()  # the recommendation still shows it


def test_progress_is_shown_and_a_fit_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "DESK", desk())
    at = given(SCORES)
    at.button(key="fit_begin").click().run()
    ticket: Ticket = at.session_state["fit_running"]
    wait(lambda: ticket.job.share > 0.3, "progress comes")
    at.run()
    assert "You may look at other pages" in said(at)
    at.button(key="fit_cancel").click().run()
    process = ticket.job.process
    assert process is not None
    wait(lambda: process.poll() is not None, "the process ends")
    assert "was cancelled" in said(at.run())
    assert at.button(key="fit_begin") is not None


def test_a_killed_process_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "DESK", desk())
    at = given(SCORES)
    at.button(key="fit_begin").click().run()
    job: Job = at.session_state["fit_running"].job
    wait(lambda: job.share > 0.3, "progress comes")
    assert job.process is not None
    os.kill(job.process.pid, signal.SIGKILL)
    wait(lambda: job.over, "the death is seen")
    at.run()
    assert not at.exception
    assert "ran out of memory" in said(at)
    assert at.button(key="fit_begin") is not None


@pytest.mark.parametrize(
    ("code", "words"), [(QUIET, "could not tell"), (REFUSING, "No <b>such</b> prior.**\n\nUse “Model” auto")]
)
def test_a_fit_that_fails_says_why(code: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "DESK", desk(code))
    at = given(SCORES)
    at.button(key="fit_begin").click().run()
    job: Job = at.session_state["fit_running"].job
    wait(lambda: job.over, "the fit ends")
    assert words in said(at.run())


# ------------------------------------------------------------------------------------------------------------- the desk


def test_fits_wait_for_their_turn(file: uploads.File) -> None:
    here = desk(at_once=1)
    first, second, third = (here.begin(file, Question()) for _ in range(3))
    assert (second.job.state, second.ahead(), third.ahead()) == ("waiting", 1, 2)
    second.cancel()
    assert third.ahead() == 1
    first.cancel()
    wait(lambda: third.job.state == "running", "the next one begins")
    assert (second.job.state, second.job.process) == ("cancelled", None)
    third.cancel()


def test_a_fit_that_nobody_holds_is_ended_and_its_files_go(file: uploads.File) -> None:
    here = desk(at_once=1)
    ticket = here.begin(file, Question())
    job = ticket.job
    wait(lambda: job.share > 0, "it runs")
    process, folder = job.process, job.folder.path
    assert process is not None
    assert folder.exists()
    del ticket
    wait(lambda: process.poll() is not None, "the process ends")
    wait(lambda: not folder.exists(), "the folder goes")


def test_a_fit_has_a_longest_time_and_a_full_queue_refuses(file: uploads.File, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = desk(at_once=1, longest=0.2).begin(file, Question())
    wait(lambda: slow.job.over, "it is given up")
    assert slow.job.trouble == jobs.TOO_LONG
    monkeypatch.setattr(jobs, "MOST_WAITING", 0)
    refused = desk(at_once=0).begin(file, Question())
    assert refused.job.trouble == jobs.FULL


def written(job: Job) -> None:
    """What a fit leaves behind that came to its end."""
    from expsim_bayes.report.folder import facts_json

    job.results.mkdir(parents=True)
    (job.results / "facts.json").write_text(facts_json(facts()), encoding="utf-8")
    (job.results / "agreement.json").write_text('{"none": "nobody rated twice"}', encoding="utf-8")
    job.state, job.share = "done", 1.0


def test_other_pages_tell_of_a_fit_that_runs_and_have_its_decision_at_once(file: uploads.File) -> None:
    ticket = desk(at_once=0).begin(file, Question())
    ticket.job.state, ticket.job.share, ticket.job.words = "running", 0.4, "sampling"
    start, decided = (
        AppTest.from_file(str(APPS / "views" / f"{name}.py"), default_timeout=PATIENCE)
        for name in ("start", "decision")
    )
    decided.query_params["scenario"] = "summarization-prompts"  # the experiment of a link gives way to the fit
    for at in (start, decided):
        at.session_state["fit_running"] = ticket
        at.run()
        assert not at.exception
        assert "The fit of ratings.csv is still running" in said(at)
        (bar,) = at.get("progress")
        assert (bar.proto.value, bar.proto.text[:8]) == (40, "Sampling")
    written(ticket.job)
    assert not start.run().exception
    assert start.button(key="fit_news").label.replace("\\", "") == "The fit of ratings.csv is done: see what it says"
    assert not decided.run().exception
    assert "The fit of ratings.csv" in said(decided)
    assert "still running" not in said(decided)
    assert decided.session_state["result"].folder == ticket.job.results
    assert decided.code[0].value == "expsim fit ratings.csv --out fit\nexpsim report fit --card card.png"


def test_a_link_carries_settings_to_whoever_has_the_same_file(file: uploads.File) -> None:
    sound = {"control": "A", "seed": "7", "effect.units of the score": "0.5", "price.gpt": "0.25", "anonymous": "human"}
    strange = {"threshold": "7", "draws": "900000000", "model": "none such", "where.column": "<b>", "low": "abc"}
    at = page()
    for name, value in (sound | strange).items():
        at.query_params[f"fit.{file.token}.{name}"] = value
    at.run()
    assert not at.exception
    assert "a file cannot travel in a link: choose the same file" in said(at)
    at.file_uploader(key="fit_upload").set_value((file.name, SCORES.encode(), "text/csv")).run()
    assert not at.exception
    assert "The address of this page is a link to these settings" in said(at)
    found = {
        name: next(w for w in (*at.selectbox, *at.number_input, *at.multiselect) if w.key == key(at, name)).value
        for name in (*sound, *strange)
    }
    assert found == {
        "control": "A", "seed": 7, "effect.units of the score": 0.5, "price.gpt": 0.25, "anonymous": ["human"],
        "threshold": 0.95, "draws": 1500, "model": "auto", "where.column": None, "low": None,
    }  # fmt: skip


def test_a_link_opens_a_sample() -> None:
    at = page()
    at.query_params["sample"] = "comparisons"
    assert not at.run().exception
    assert "720 comparisons of 3 variants" in said(at)
    at.button(key="fit_other").click().run()
    assert not at.exception
    assert "Upload the ratings" in said(at)
    at = page()
    at.query_params["sample"] = "../secret"
    assert "Upload the ratings" in said(at.run())


def test_other_pages_tell_of_a_fit_that_failed(file: uploads.File) -> None:
    ticket = desk(at_once=0).begin(file, Question())
    ticket.job.state, ticket.job.trouble = "failed", jobs.KILLED
    at = AppTest.from_file(str(APPS / "views" / "decision.py"), default_timeout=PATIENCE)
    at.session_state["fit_running"] = ticket
    assert not at.run().exception
    assert "The fit of ratings.csv came to nothing" in said(at)
    assert "ran out of memory" in said(at)


def test_an_upload_goes_with_whoever_holds_it() -> None:
    file = uploads.received("../a b.csv", b"x")
    path = file.path
    assert path.name == "a b.csv"
    del file
    assert not path.parent.exists()


# --------------------------------------------------------------------------------------------------- what it is made of


ASKED = Question(
    columns=(("score", "stars given"),), where=(("language", "en"),), score_map=(("good", 1.0),), score_range=(1.0, 5.0),
    round_scores=True, anonymous_kinds=("human",), duplicates="keep", merge_names=True, crossed_users="drop", compare=False,
    encoding="cp1252", quoting=False, higher_is_better=False, control="A b", reference="crowd", min_effect=0.1, threshold=0.9,
    prices=(("crowd", 0.3),), model="robust", priors=(("covariates", ("words", "length")),), engine="nuts", draws=500, tune=600,
    target_accept=0.9, seed=3,
)  # fmt: skip


def test_command_line_reads_as_the_page_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from expsim_bayes import readers
    from expsim_bayes.cli.app import app

    seen: dict[str, Any] = {}

    def watched(path: Path, **told: Any) -> None:
        seen.update(told, path=path)
        raise RatingsError("enough", remedy="none")

    monkeypatch.setattr(readers, "read", watched)
    words = shlex.split(ASKED.command("ratings.csv", str(tmp_path / "fit")))
    assert "enough" in CliRunner().invoke(app, words[1:]).output
    assert seen.pop("path") == Path("ratings.csv")
    wanted = {name: value for name, value in ASKED.reading().items() if name in READING}
    assert seen.pop("flag_below") == {}
    assert {name: tuple(v) if isinstance(v, list | tuple) else v for name, v in seen.items()} == wanted


def test_python_is_python_and_json_keeps_the_question() -> None:
    compile(ASKED.python("ratings.csv"), "shown", "exec")
    compile(Question().python("it's.csv"), "shown", "exec")
    assert Question.from_json(ASKED.to_json()) == ASKED


def test_every_model_is_offered() -> None:
    from expsim_bayes.models import NAMES

    assert set(MODELS) == {"auto", *NAMES}


def test_guesses() -> None:
    hanna = guesses.guess(["item", "variant", "criterion", "rater", "evaluator_kind", "prompt", "score"])
    assert (hanna.outcome, hanna.columns["kind"], hanna.columns["item"]) == ("score", "evaluator_kind", "item")
    assert guesses.guess(["Model", "Question ID", "Annotator", "Stars"]).columns == {
        "variant": "Model", "item": "Question ID", "rater": "Annotator", "score": "Stars",
    }  # fmt: skip
    assert guesses.guess(["variant", "item", "latency_s"]).outcome == "operations"
    assert guesses.guess(["item", "rater", "variant", "rank"]).outcome == "ranking"
    assert guesses.guess([]).columns == {}
    few = pd.DataFrame(
        {"summary id": [n // 2 for n in range(20)], "who": "ann", "prompt": ["short", "long"] * 10, "score": 4}
    )
    found = {"variant": "prompt", "item": "summary id", "rater": "who", "score": "score"}
    assert guesses.guess(few.columns, few).columns == found
    assert guesses.guess(few.columns, few.assign(prompt=few["summary id"])).columns["item"] == "prompt"
    assert guesses.guess([*few.columns, "model"], few.assign(model="A")).columns == {
        **found,
        "variant": "model",
        "item": "prompt",
    }
    duels = few.assign(left="a", right="b")
    assert "variant" not in guesses.guess(duels.columns, duels).columns
    assert guesses.slots(pd.DataFrame({"rater": ["human_slot_1"]}), "rater")


def facts(variants: int = 3) -> Facts:
    names = [f"<b>{n}</b>" for n in range(variants)]
    each = [
        VariantFacts(name, Interval(n, n - 0.5, n + 0.5), Interval(n, n - 1, n + 1), 0.5, n / 10, 0.5, 0.1, 10)
        for n, name in enumerate(names)
    ]
    known = FitFacts(
        "ok", ("fine",), raters=tuple(RaterFacts(f"r{n}", "crowd", Interval(n / 10, 0, 1), 5) for n in range(60)),
        shifts=(("gpt", names[0], Interval(0.4, 0.1, 0.7)), ("gpt", names[1], Interval(-0.2, -0.4, 0.1))),
        scale_use=(("gpt", Interval(0.8, 0.6, 1.0)),),
        spreads=(Spread("spread between items (sd_item)", Interval(0.3, 0.2, 0.4), "points"),),
        plain_means=tuple(PlainMean(name, n + 0.1, 0.1, 0.3) for n, name in enumerate(names)),
        compared=(Compared("mean", 3.0, 2.5, 3.5, True), Compared("share of 1", 0.9, 0.1, 0.2, False)),  # noqa: FBT003
    )  # fmt: skip
    return Facts(
        "t", "s", Decision("launch", names[-1]), tuple(each), (), names[0], names[-1], names[0], True, None, 0.95, 0.0, 0.0, None, 0.0, 30,  # noqa: FBT003
        fit=known,
    )  # fmt: skip


def test_pictures_tell_every_row_and_say_it_in_words() -> None:
    found = facts()
    drawn = fit_pictures.qualities(found)
    assert drawn.words.startswith("From the best: <b>2</b> 2.00 (1.50 to 2.50)")
    told = drawn.chart
    rows = next(data for data in told["datasets"].values() if "mean" in data[0])
    assert [row["mean"] for row in rows] == [2, 1, 0]
    assert [row["style"] for row in rows] == [0, 0, -1]
    people = fit_pictures.severities(found)
    assert people is not None
    assert "60 people, from +5.90 (r59)" in people.words
    assert "first and last 20" in people.words
    taste = fit_pictures.tastes(found)
    assert taste is not None
    assert "gpt on <b>0</b>: +0.40" in taste.words
    assert fit_pictures.scale_use(found) is not None
    assert fit_predicted.features(found.fit.compared if found.fit else ()).words.startswith("1 of 2 features")


def test_tables_hold_the_numbers() -> None:
    found = facts()
    table = fit_tables.variants(found)
    assert table["variant"].tolist() == ["<b>2</b>", "<b>1</b>", "<b>0</b>"]
    assert table["quality (95 % interval)"][0] == "2.00 (1.50 to 2.50)"
    assert fit_tables.people(found)["ratings"].sum() == 300
    assert fit_tables.spreads(found).iloc[0, 1] == "0.30 (0.20 to 0.40)"
    rates = Measure("m", "share", (("a", Interval(0.5, 0.4, 0.6)),))
    assert fit_tables.measure(rates).iloc[0].tolist() == ["a", "50.0 %", "40.0 % to 60.0 %"]


def test_every_label_of_an_option_stands_on_the_page() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (APPS / "fit_form.py", APPS / "fit_question.py"))
    assert {label for label in labels.LABELS.values() if f'"{label}' not in text} == set()
