"""The command line: what people see, what scripts get, and what is left behind when something goes wrong."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import xarray as xr
from typer.testing import CliRunner, Result

from expsim_bayes import cli, errors, experiment, facts, operating_characteristics, planning
from expsim_bayes.cli import exits, folder, screen, tables
from expsim_bayes.cli import main as entry
from expsim_bayes.cli.app import app
from expsim_bayes.cli.screen import Column, Screen
from expsim_bayes.errors import ExpsimError
from expsim_bayes.facts import Decision, FitFacts, Interval, PlainMean, RaterFacts, Spread
from expsim_bayes.ratings import validate
from expsim_bayes.recommend import of_experiment
from expsim_bayes.scenario import library, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


PACKAGE = Path(__file__).resolve().parents[1] / "expsim_bayes"
# A shell that runs the tests in the background lets its children ignore Ctrl-C.
LISTEN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
EXPSIM = [sys.executable, "-c", f"{LISTEN}; from expsim_bayes.cli import main; main()"]
RATINGS = "variant,item,rater,score\nA,1,ann,3\nB,1,ann,4\nA,2,bob,2\nB,2,bob,4\n"


def expsim(*arguments: str | Path, columns: int = 80) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": str(columns), "NO_COLOR": "1"})


def flat(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def answer(*arguments: str | Path) -> Any:
    """The one JSON object on stdout."""
    result = expsim(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """False launches are counted roughly: nothing here is about their number."""
    monkeypatch.setattr(cli.simulate, "EQUAL_REPLICATIONS", 20)
    monkeypatch.setattr(planning.calibration, "_PILOT", 100)
    monkeypatch.setattr(planning.calibration, "_BATCH", 200)


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A sampler that does not sample: settings of each fit, whose facts are those of a simulated experiment."""
    import expsim_bayes.fit
    import expsim_bayes.recommend.fit

    asked: list[dict[str, Any]] = []

    def fit(ratings: object, *, progress: Callable[[float, str], None], **settings: Any) -> str:
        progress(0.0, "compiling the model")
        progress(0.5, "sampling")
        asked.append({"ratings": ratings, **settings})
        return "tree"

    def of_fit(tree: object, ratings: object, **settings: Any) -> facts.Facts:
        assert tree == "tree"
        assert ratings is asked[-1]["ratings"]
        asked[-1].update(settings)
        return fitted()

    monkeypatch.setattr(expsim_bayes.fit, "fit", fit)
    monkeypatch.setattr(expsim_bayes.recommend.fit, "of_fit", of_fit)
    return asked


def fitted(**changes: Any) -> facts.Facts:
    """Facts as a fit of two variants, nine raters and a judge would give them."""
    told = of_experiment(experiment.play(load("summarization-prompts"), random_seed=1))
    around = Interval(0.1, -0.1, 0.3)
    known = FitFacts(
        verdict="ok",
        verdict_reasons=("R-hat 1.00",),
        raters=tuple(
            RaterFacts(f"person {n}", "crowd", Interval(n / 10, n / 10 - 1, n / 10 + 1), 40) for n in range(20)
        ),
        shifts=(("judge", "A", around), ("judge", "B", Interval(-0.2, -0.4, 0.0))),
        scale_use=(("judge", Interval(0.8, 0.7, 0.9)),),
        spreads=(Spread("spread between items (sd_item)", around, "points"),),
        plain_means=(PlainMean("A", 3.1, 0.1, 0.2), PlainMean("B", 3.4, 0.1, 0.8)),
        checks=("The model predicts 29 % negative scores; there are none.",),
    )
    return replace(told, looks=None, false_launch=None, fit=known, **changes)


def refused(reason: str = "R-hat of quality is 1.2") -> facts.Facts:
    told = fitted(decision=Decision("refuse"))
    assert told.fit is not None
    return replace(told, fit=replace(told.fit, verdict="refuse", verdict_reasons=(reason,)))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "my ratings.csv"
    file.write_text(RATINGS, encoding="utf-8")
    return file


# ------------------------------------------------------------------------------------------------------------ scenarios


def test_every_scenario_is_listed_and_shown() -> None:
    names = [found["name"] for found in answer("scenario", "list")["scenarios"]]
    assert "summarization-prompts" in names
    text = expsim("scenario", "list").stdout
    for name in names:
        assert name in text
        assert expsim("scenario", "show", name).exit_code == 0
        assert answer("scenario", "show", name)["name"] == name


def test_scenario_of_ones_own_is_checked(tmp_path: Path) -> None:
    source = (PACKAGE / "scenarios" / "reranker.toml").read_text(encoding="utf-8")
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(source, encoding="utf-8")
    bad.write_text(source.replace("quality = 3.40", 'quality = "fine"', 1), encoding="utf-8")
    assert "is sound" in flat(expsim("scenario", "check", good).stdout)
    result = expsim("scenario", "check", bad)
    assert result.exit_code == exits.BAD_INPUT
    assert "variants.quality" in result.stderr
    assert "Remedy:" in result.stderr


# ------------------------------------------------------------------------------------------------------------- simulate


def test_simulate_tells_one_experiment() -> None:
    result = expsim("simulate", "summarization-prompts", "--seed", "1")
    assert result.exit_code == 0
    for part in ("Quality (95 %)", "Look by look", "Launch B", "How sure", "Price", "Truth", "--out DIR"):
        assert part in result.stdout
    assert "launches a variant that is no better in" in flat(result.stdout)


@pytest.mark.parametrize(("name", "columns"), [("reranker", 60), ("support-chat-tone", 80), ("reranker", 120)])
def test_no_line_is_wider_than_the_window(name: str, columns: int) -> None:
    for arguments in (["simulate", name, "--details"], ["scenario", "show", name]):
        result = expsim(*arguments, columns=columns)
        assert result.exit_code == 0
        lines = result.stdout.splitlines()
        assert max(len(line) for line in lines) <= columns


def test_json_is_one_object_and_repeats_with_the_seed() -> None:
    first, again, other = (answer("simulate", "reranker", "--seed", str(seed)) for seed in (3, 3, 4))
    assert first == again
    assert first["facts"] != other["facts"]
    assert first["facts"]["decision"]["name"] in {"launch", "keep_control", "collect", "stop_equivalent"}
    assert first["recommendation"]["what_to_do"]
    assert first["facts"]["false_launch"].keys() == {"value", "mcse"}


def test_strategy_and_evaluators_reach_the_experiment() -> None:
    found = answer("simulate", "summarization-prompts", "--strategy", "ab", "--evaluators", "human")
    assert dict(found["facts"]["provenance"])["strategy"] == "ab"
    assert [e["kind"] for e in found["facts"]["evaluators"]] == ["human"]


def test_simulate_leaves_data_figures_and_report(tmp_path: Path) -> None:
    out = tmp_path / "a run"
    result = expsim("simulate", "summarization-prompts", "--out", out)
    assert result.exit_code == 0, result.output
    assert {"ratings.csv", "operations.csv", "history.nc", "facts.json", "report.md"} <= {p.name for p in out.iterdir()}
    assert list((out / "figures").glob("*.png"))
    assert not (out / folder.ASIDE).exists()
    assert folder.unfinished(out) == ""
    (out / "report.md").write_text("scribbles", encoding="utf-8")
    assert "changed or missing" in folder.unfinished(out)
    again = expsim("report", out)
    assert again.exit_code == 0, again.output
    assert "report.md" in again.stderr  # the warning
    assert "scribbles" not in (out / "report.md").read_text(encoding="utf-8")
    assert folder.unfinished(out) == ""


def test_many_replications_are_counted_and_kept(tmp_path: Path) -> None:
    out = tmp_path / "many"
    arguments = ("simulate", "summarization-prompts", "--replications", "40", "--seed", "2")
    found = answer(*arguments, "--out", out)
    result = experiment.run(load("summarization-prompts"), replications=40, random_seed=2, history=False)
    expected = operating_characteristics.characteristics(result, load("summarization-prompts"))
    assert found["achieved"]["right"]["value"] == expected.right.value
    assert found["achieved"]["usd"]["mcse"] == pytest.approx(expected.usd.mcse)
    with xr.open_dataset(out / "end_states.nc", engine="h5netcdf") as kept:
        assert kept.sizes["replication"] == 40
        assert kept.attrs["random_seed"] == 2
    assert json.loads((out / "achieved.json").read_text(encoding="utf-8")) == found
    text = expsim(*arguments).stdout
    for part in ("Ended right", "False launches", "Ended undecided", "±", "Monte-Carlo"):
        assert part in text


def test_details_tell_more() -> None:
    brief, full = (expsim("simulate", "reranker", *more).stdout for more in ((), ("--details",)))
    assert "Who rated" not in brief
    for part in ("Who rated", "Truth", "Unknown", "What if"):
        assert part in full


# -------------------------------------------------------------------------------------------------------------- compare


def test_compare_shows_every_way_with_its_error(tmp_path: Path) -> None:
    result = expsim("compare", "summarization-prompts", "--replications", "10", "--out", tmp_path / "c")
    assert result.exit_code == 0, result.output
    assert len(re.findall(r"^(ab|bandit|sequential) +(llm|human|both)", result.stdout, re.MULTILINE)) == 9
    assert "±" in result.stdout
    kept = json.loads((tmp_path / "c" / "comparison.json").read_text(encoding="utf-8"))
    assert kept["finished"]
    rows = (tmp_path / "c" / "comparison.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 10
    assert {"right", "right_mcse", "false_launch_if_equal", "usd_mcse"} <= set(rows[0].split(","))


def test_compare_takes_some_ways_and_agrees_with_the_function() -> None:
    arguments = ("--strategies", "ab", "--evaluators", "llm,both", "--replications", "20", "--seed", "5")
    found = answer("compare", "summarization-prompts", *arguments)
    expected = operating_characteristics.compare(
        load("summarization-prompts"), strategies=["ab"], evaluators=["llm", "both"], replications=20, random_seed=5
    )
    assert [row["right"] for row in found["ways"]] == [row.right.value for row in expected]
    assert [row["ratings"] for row in found["ways"]] == [row.ratings.value for row in expected]


@pytest.mark.parametrize(("interruption", "code"), [(KeyboardInterrupt, 130), (exits.Terminated, 143)])
def test_interrupted_comparison_shows_what_is_finished(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, interruption: type[BaseException], code: int
) -> None:
    whole, calls = operating_characteristics.compare, 0

    def tired(*arguments: Any, **choices: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise interruption
        return whole(*arguments, **choices)

    monkeypatch.setattr(operating_characteristics, "compare", tired)
    arguments = ("compare", "summarization-prompts", "--replications", "10", "--out", tmp_path / "c")
    result = expsim(*arguments)
    assert result.exit_code == code
    assert len(re.findall(r"^(ab|bandit|sequential) ", result.stdout, re.MULTILINE)) == 2
    assert "2 of 9 ways" in result.stderr
    kept = json.loads((tmp_path / "c" / "comparison.json").read_text(encoding="utf-8"))
    assert not kept["finished"]
    assert len(kept["ways"]) == 2


def test_interruption_before_anything_is_finished_keeps_the_old_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    arguments = ("compare", "reranker", "--replications", "4", "--strategies", "ab", "--out", tmp_path / "c")
    assert expsim(*arguments).exit_code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "c").rglob("*") if path.is_file()}

    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(operating_characteristics, "compare", interrupted)
    result = expsim(*arguments)
    assert result.exit_code == exits.INTERRUPTED
    assert {path: path.read_bytes() for path in (tmp_path / "c").rglob("*") if path.is_file()} == before


# ------------------------------------------------------------------------------------------------------------ calibrate

QUICKLY = ("--tolerance", "0.02", "--replications", "100", "--seed", "3")


def test_calibrate_says_what_to_ask_for_and_gives_rules_to_paste(tmp_path: Path) -> None:
    result = expsim("calibrate", "reranker", *QUICKLY, "--details", "--out", tmp_path / "c")
    assert result.exit_code == 0, result.output
    (asked,) = re.findall(
        r"With this schedule of 18 looks, ask for ([\d.]+) % instead of 98.5 %\.", flat(result.stdout)
    )
    for part in ("Holds", "How sure", "Price", "To paste into the scenario:", "The search", "False launches"):
        assert part in result.stdout
    assert "checking on other experiments" in result.stderr
    kept = json.loads((tmp_path / "c" / "calibration.json").read_text(encoding="utf-8"))
    assert kept["finished"]
    assert kept["threshold"] == pytest.approx(float(asked) / 100)
    mine = tmp_path / "mine.toml"
    text = expsim("scenario", "show", "reranker", "--toml").stdout
    rules = (tmp_path / "c" / "rules.toml").read_text(encoding="utf-8")
    old = re.search(r"(?m)^\[strategies.sequential\]\nallocation = .*\nstopping = .*$", text)
    assert old is not None
    mine.write_text(text.replace(old[0], rules), encoding="utf-8")
    assert load(mine).strategies["sequential"].stopping[0].threshold == kept["threshold"]  # type: ignore[union-attr]


def test_calibrate_gives_the_numbers_of_the_function() -> None:
    from expsim_bayes.planning import calibrate

    found = answer("calibrate", "reranker", "--strategy", "ab", "--evaluators", "llm", *QUICKLY)
    expected = calibrate(
        load("reranker"), strategy="ab", evaluators="llm", tolerance=0.02, replications=100, random_seed=3
    )
    assert found["threshold"] == expected.threshold
    assert found["checked"]["value"] == expected.checked.value
    assert found["search"]["experiments"] == expected.found.spent
    assert found["holds"] == expected.holds
    assert found["looks"] == 18


def test_calibrate_takes_a_scenario_with_a_binary_outcome(tmp_path: Path) -> None:
    trial = PACKAGE.parent / "benchmarks" / "three_arm_trial.toml"
    found = answer("calibrate", trial, "--most", "1000", "--replications", "20")
    assert not found["holds"]
    assert found["moves_inferiority"]
    assert "inferiority" in found["toml"]
    told = expsim("simulate", trial, "--seed", "3", "--out", tmp_path / "t").stdout
    assert "csv --gold test --lower-is-better, as if they were real" in flat(told)
    assert "bandit, rated by test, seed 3" in told
    assert "Noted" in told
    assert "Fails" in told
    assert "inferiority at 0.0185682" in flat(expsim("scenario", "show", trial).stdout)


@pytest.mark.parametrize("calls", [2, 5])
def test_an_interrupted_calibration_shows_what_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, calls: int
) -> None:
    from expsim_bayes.planning import calibration

    done = 0

    def tired(whole: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **choices: Any) -> Any:
            nonlocal done
            done += 1
            if done == calls:
                raise KeyboardInterrupt
            return whole(*arguments, **choices)

        return called

    monkeypatch.setattr(calibration, "run_in_parts", tired(experiment.run_in_parts))
    monkeypatch.setattr(calibration, "run", tired(experiment.run))
    result = expsim("calibrate", "reranker", *QUICKLY, "--out", tmp_path / "c")
    assert result.exit_code == exits.INTERRUPTED
    assert re.search(r"About 9[\d.]+ %, as far as is known", result.stdout)
    assert "is not checked on other experiments" in flat(result.stderr)
    kept = json.loads((tmp_path / "c" / "calibration.json").read_text(encoding="utf-8"))
    assert not kept["finished"]
    assert "threshold" not in kept
    assert not (tmp_path / "c" / "rules.toml").exists()


def test_calibrate_refuses_what_cannot_be_met() -> None:
    result = expsim("calibrate", "reranker", "--target", "0.05", "--tolerance", "0.1")
    assert result.exit_code == exits.BAD_INPUT
    assert "tolerance: a tolerance of 0.1 about a rate of 0.05" in flat(result.stderr)
    result = expsim("calibrate", "reranker", "--strategy", "abc")
    assert result.exit_code == exits.BAD_INPUT


# ------------------------------------------------------------------------------------------------------------------ fit


def test_fit_prints_data_first_then_table_raters_judges_checks_and_advice(
    sampled: list[dict[str, Any]], table: Path
) -> None:
    result = expsim("fit", table)
    assert result.exit_code == 0, result.output
    parts = [
        "4 ratings of 4 outputs",
        "converged",
        "Quality",
        "severe or lenient",
        "Judges against",
        "reproduces",
        "Launch",
    ]
    places = [result.stdout.index(part) for part in parts]
    assert places == sorted(places)
    assert "sampling" in result.stderr
    assert "how often it was looked at before is not known" in flat(result.stdout)
    assert "person 19" in result.stdout
    assert "person 10" not in result.stdout  # the middle of many raters needs --details
    assert "person 10" in expsim("fit", table, "--details").stdout
    assert sampled[0]["draws"] == 1500


def test_options_of_fit_reach_reader_sampler_and_decision(sampled: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "theirs.csv"
    file.write_text(
        "system,seg,annotator,points,lang\nA,1,ann,0\nB,1,ann,9\n".replace("\nA,1,ann,0\n", "\nA,1,ann,0,de\n").replace(
            "9\n", "-3,de\nC,1,ann,1,fr\nB,2,ann,bad,de\n"
        ),
        encoding="utf-8",
    )
    columns = [f"--column={ours}={theirs}" for ours, theirs in
               (("variant", "system"), ("item", "seg"), ("rater", "annotator"), ("score", "points"))]  # fmt: skip
    result = expsim(
        "fit", file, *columns, "--where", "lang=de", "--valid-range", "-2:5", "--score-map", "bad=1", "--lower-is-better",
        "--anonymous-raters", "human", "--control", "A", "--min-effect", "0.5", "--rope", "0.2", "--price", "human=0.3",
        "--draws", "60", "--tune", "70", "--chains", "2", "--target-accept", "0.99", "--seed", "7", "--threshold", "0.9",
        "--model", "continuous", "--prior", "sd_variant=0.2",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (asked,) = sampled
    ratings = asked.pop("ratings")
    assert ratings.variants == ("A", "B")
    assert ratings.table["score"].isna().sum() == 1
    assert ratings.table["score"].max() == 1.0
    assert (ratings.control, ratings.higher_is_better, ratings.anonymous_kinds) == ("A", False, {"human"})
    from expsim_bayes.models.continuous import Priors

    assert asked == {
        "draws": 60, "tune": 70, "chains": 2, "target_accept": 0.99, "random_seed": 7, "min_effect": 0.5, "rope": 0.2,
        "threshold": 0.9, "prices": {"human": 0.3}, "model": "continuous", "priors": Priors(sd_variant=0.2), "why_model": "",
        "engine": "auto",
    }  # fmt: skip


@pytest.mark.usefixtures("sampled")
def test_refused_fit_shows_no_probability(monkeypatch: pytest.MonkeyPatch, table: Path) -> None:
    import expsim_bayes.recommend.fit

    monkeypatch.setattr(expsim_bayes.recommend.fit, "of_fit", lambda *_, **__: refused())
    result = expsim("fit", table)
    assert result.exit_code == exits.REFUSED
    assert "R-hat of quality is 1.2" in result.stdout
    assert "P(best)" not in result.stdout
    scripted = expsim("fit", table, "--json")
    assert scripted.exit_code == exits.REFUSED
    assert "prob_" not in scripted.stdout
    assert json.loads(scripted.stdout)["facts"]["fit"]["verdict_reasons"] == ["R-hat of quality is 1.2"]


@pytest.mark.usefixtures("sampled")
def test_doubtful_fit_says_so_beside_its_numbers(monkeypatch: pytest.MonkeyPatch, table: Path) -> None:
    import expsim_bayes.recommend.fit

    told = fitted()
    assert told.fit is not None
    doubtful = replace(told, fit=replace(told.fit, verdict="caution", verdict_reasons=("Two draws diverged.",)))
    monkeypatch.setattr(expsim_bayes.recommend.fit, "of_fit", lambda *_, **__: doubtful)
    text = expsim("fit", table).stdout
    assert text.index("with caution. Two draws diverged.") < text.index("P(best)")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--where", "lang"], "--where: 'lang' has no name before an equals sign"),
        (["--where", "a=1", "--where", "a=2"], "given twice"),
        (["--score-range", "1-5"], "'1-5' is not of the form LO:HI"),
        (["--score-range", "5:1"], "score_range"),
        (["--score-range", "1:high"], "'high' is not a number"),
        (["--score-map", "good=fine"], "'fine' is not a number"),
        (["--price", "human=-1"], "'-1' is not a number from 0 up"),
        (["--price", "nobody=1"], "no evaluator is called 'nobody'"),
        (["--anonymous-raters", "robots"], "'robots' is not known"),
        (["--control", "Z"], "'Z'"),
        (["--column", "score=stars"], "stars"),
        (["--draws", "0"], "--draws"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
@pytest.mark.usefixtures("sampled")
def test_unusable_option_is_named(table: Path, arguments: list[str], words: str) -> None:
    result = expsim("fit", table, *arguments, columns=200)
    assert result.exit_code == exits.BAD_INPUT
    assert words in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("sampled")
def test_results_are_not_written_over_what_they_were_made_from(table: Path) -> None:
    result = expsim("fit", table, "--out", table.parent, "--overwrite")
    assert result.exit_code == exits.BAD_INPUT
    assert "lies in the folder" in result.stderr
    assert table.read_text(encoding="utf-8") == RATINGS


@pytest.mark.usefixtures("sampled")
def test_fit_is_written_aside_and_moved_in(monkeypatch: pytest.MonkeyPatch, table: Path, tmp_path: Path) -> None:
    import expsim_bayes.report

    def write_fit(tree: object, _ratings: object, _facts: object, place: Path) -> Path:
        assert tree == "tree"
        (place / "report.md").write_text("text", encoding="utf-8")
        return place / "report.md"

    monkeypatch.setattr(expsim_bayes.report, "write_fit", write_fit)
    assert answer("fit", table, "--out", tmp_path / "out")["report"] == str(tmp_path / "out" / "report.md")
    assert (tmp_path / "out" / "report.md").read_text(encoding="utf-8") == "text"


def test_every_option_that_a_remedy_names_exists() -> None:
    """Messages are written far from here: a renamed option must not leave them behind."""
    texts = {
        node.value
        for file in [*PACKAGE.rglob("*.py"), *(PACKAGE / "models").glob("*.py")]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    named = {option for text in texts for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)}
    verbs = (
        (),
        ("fit",),
        ("simulate",),
        ("compare",),
        ("calibrate",),
        ("pretend",),
        ("check",),
        ("decide",),
        ("agreement",),
        ("scenario", "show"),
        ("monitor", "init"),
        ("monitor", "add"),
        ("monitor", "status"),
        ("report",),
        ("guard",),
        ("app",),
    )
    helps = [expsim(*verb, "--help", columns=200).stdout for verb in verbs]
    known = set(re.findall(r"--[a-z][a-z-]+", " ".join(helps)))
    assert {option for option in named if option not in known} == set()


# -------------------------------------------------------------------------------------------------- words on the screen


def hostile(tmp_path: Path, name: str) -> Path:
    """A scenario with a variant of that name."""
    source = (PACKAGE / "scenarios" / "reranker.toml").read_text(encoding="utf-8")
    file = tmp_path / "hostile.toml"
    file.write_text(source.replace('"vendor"', json.dumps(name, ensure_ascii=False)), encoding="utf-8")
    return file


def test_names_are_data_not_markup(tmp_path: Path) -> None:
    text = expsim("simulate", hostile(tmp_path, "[red]x[/red] :smile: \x1b[2J"), "--details", columns=160).stdout
    assert "[red]x[/red] :smile:" in text
    assert "\x1b" not in text


def test_long_names_are_shortened_on_the_screen_only(tmp_path: Path) -> None:
    name = "prompt " + "very " * 2000 + "long"
    file = hostile(tmp_path, name)
    text = expsim("simulate", file).stdout
    assert name not in flat(text)
    assert "…" in text
    assert len(text) < 6000
    assert answer("simulate", file)["facts"]["variants"][1]["name"] == name


@pytest.mark.parametrize("name", ["شرح", "提示詞" * 20, "🙂👩‍🚀" * 20], ids=["Arabic", "Chinese", "emoji"])
def test_names_of_all_scripts_fit_the_window(tmp_path: Path, name: str) -> None:
    from rich.cells import cell_len

    result = expsim("simulate", hostile(tmp_path, name))
    assert result.exit_code == 0
    assert max(cell_len(line) for line in result.stdout.splitlines()) <= 80


def test_short_keeps_what_fits_and_both_ends_of_what_does_not() -> None:
    assert screen.short("plain") == "plain"
    assert screen.short("a\nb") == "a b"
    shortened = screen.short("model-2024-" + "x" * 100 + "-final")
    assert shortened.startswith("model-2024-")
    assert shortened.endswith("final")
    assert len(shortened) == screen.NAME_WIDTH


def test_json_holds_no_nan() -> None:
    found = screen.to_json({"a": float("nan"), "b": (1, 2.5, None), "c": frozenset({"x"})}, indent=None)
    assert found == '{"a": null, "b": [1, 2.5, null], "c": ["x"]}'


def test_looks_are_thinned_to_the_first_the_last_and_some_between() -> None:
    played = experiment.play(load("summarization-prompts"), strategy="ab", random_seed=0)
    told = of_experiment(played, plan_further=False)
    few, every = (tables.looks(played.history, told, everything=everything)[0].cells for everything in (False, True))
    assert len(every) == 16
    assert len(few) == tables.MOST_LOOKS
    assert (few[0], few[-1]) == ("1", "16")


# ------------------------------------------------------------------------------------------------- folders of --out


def write(text: str, *names: str) -> Callable[[Path], None]:
    def into(place: Path) -> None:
        for name in names:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, encoding="utf-8")

    return into


def run_into(out: Path, work: Callable[[Path], None], *, overwrite: bool = False) -> None:
    with folder.taken(out, overwrite=overwrite) as place:
        assert place is not None
        work(place)


def contents(out: Path) -> dict[str, str]:
    files = (path for path in out.rglob("*") if path.is_file() and path.name != folder.MARK)
    return {path.relative_to(out).as_posix(): path.read_text(encoding="utf-8") for path in files}


def test_folder_of_strangers_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    result = expsim("simulate", "reranker", "--out", tmp_path)
    assert result.exit_code == exits.BAD_INPUT
    assert "thesis.txt" in result.stderr
    assert "--overwrite" in result.stderr
    assert contents(tmp_path) == {"thesis.txt": "mine"}


def test_next_run_replaces_the_last_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine", encoding="utf-8")
    run_into(out, write("1", "a.txt", "figures/one.png", "manifest.json"), overwrite=True)
    run_into(out, write("2", "a.txt", "b.txt"))
    assert contents(out) == {"thesis.txt": "mine", "a.txt": "2", "b.txt": "2"}


def test_failed_run_leaves_the_old_result(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_into(out, write("1", "a.txt"))

    def fail(place: Path) -> None:
        write("2", "a.txt", "b.txt")(place)
        raise OSError(28, "No space left on device", "a.txt")

    with pytest.raises(OSError, match="No space"):
        run_into(out, fail)
    assert contents(out) == {"a.txt": "1"}
    with pytest.raises(OSError, match="No space"):
        run_into(tmp_path / "new", fail)
    assert not (tmp_path / "new").exists()


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    with folder.taken(tmp_path / "out"), pytest.raises(errors.SettingError, match="another run"):
        run_into(tmp_path / "out", write("2", "a.txt"))
    run_into(tmp_path / "out", write("3", "a.txt"))
    assert contents(tmp_path / "out") == {"a.txt": "3"}


def test_mark_that_names_files_outside_is_not_obeyed(tmp_path: Path) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside.txt"
    outside.write_text("mine", encoding="utf-8")
    out.mkdir()
    (out / folder.MARK).write_text(json.dumps({"files": ["../outside.txt"]}), encoding="utf-8")
    run_into(out, write("1", "a.txt"))
    assert outside.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("place", ["a file", "a file/below"])
def test_impossible_folder_fails_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    (tmp_path / "a file").write_text("", encoding="utf-8")
    monkeypatch.setattr(experiment, "play", None)
    result = expsim("simulate", "reranker", "--out", tmp_path / place)
    assert result.exit_code == exits.BAD_INPUT
    assert "Remedy:" in result.stderr


def test_folder_without_manifest_is_known_to_be_unfinished(tmp_path: Path) -> None:
    assert "did not finish" in folder.unfinished(tmp_path)


def test_report_of_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    result = expsim("report", tmp_path)
    assert result.exit_code == exits.BAD_INPUT
    assert "holds no facts" in flat(result.stderr)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------------- errors and exits


def test_error_has_problem_and_remedy_and_no_traceback() -> None:
    result = expsim("simulate", "summarisation-prompts")
    assert result.exit_code == exits.BAD_INPUT
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "Error: no scenario is called 'summarisation-prompts'.",
        "Remedy: did you mean 'summarization-prompts'?",
    ]


def test_error_as_json() -> None:
    result = expsim("fit", "nowhere.csv", "--json")
    assert result.exit_code == exits.BAD_INPUT
    error = json.loads(result.stdout)["error"]
    assert error == {
        "problem": "there is no such file",
        "where": "nowhere.csv",
        "remedy": "check the path",
        "exit_code": 2,
    }


def test_debug_shows_where_an_error_came_from() -> None:
    for arguments in (["--debug", "simulate", "x"], ["simulate", "x", "--debug"]):
        result = expsim(*arguments)
        assert isinstance(result.exception, errors.ScenarioError)


@pytest.mark.parametrize(
    ("fault", "words"),
    [(OSError(28, "No space left on device", "x.nc"), "make room"), (MemoryError(), "not enough memory")],
)
def test_faults_of_the_machine_have_a_remedy(monkeypatch: pytest.MonkeyPatch, fault: Exception, words: str) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise fault

    monkeypatch.setattr(experiment, "play", fail)
    result = expsim("simulate", "reranker")
    assert result.exit_code == exits.BAD_INPUT
    assert words in result.stderr


def test_unexpected_fault_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("by nought")

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(experiment, "play", fail)
    monkeypatch.setattr(sys, "argv", ["expsim", "simulate", "reranker"])
    with pytest.raises(SystemExit) as stop:
        entry()
    signal.signal(signal.SIGTERM, before)
    assert stop.value.code == exits.FAULT
    told = capsys.readouterr().err
    assert "ZeroDivisionError: by nought" in told
    assert "--debug" in told
    assert "Traceback" not in told


def test_help_names_every_exit_code() -> None:
    text = expsim("--help").stdout
    assert all(re.search(rf"^ +{code}  ", text, re.MULTILINE) for code in exits.MEANINGS)


# --------------------------------------------------------------------------------------------------- a real process


def process(arguments: Sequence[str | Path], **environment: str) -> subprocess.Popen[str]:
    command = [*EXPSIM, *(str(a) for a in arguments)]
    env = {**os.environ, "COLUMNS": "80", **environment}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, encoding="utf-8"
    )


@pytest.mark.slow
def test_simulate_starts_light() -> None:
    program = """
import sys
from expsim_bayes.cli import main
sys.argv = ["expsim", "simulate", "reranker"]
try:
    main()
except SystemExit as stop:
    heavy = {"pymc", "pytensor", "arviz", "nutpie", "matplotlib", "scipy.stats", "streamlit"} & set(sys.modules)
    sys.exit(f"{stop.code} {heavy}" if stop.code or heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_version_errors_and_colours_of_a_real_process() -> None:
    version = process(["--version"])
    assert re.fullmatch(r"expsim \d+\.\d+\.\d+\n", version.communicate()[0])
    wrong = process(["simulate", "nothing", "--json"])
    assert json.loads(wrong.communicate()[0])["error"]["problem"]
    assert wrong.returncode == exits.BAD_INPUT
    colour, plain = (
        process(["scenario", "check", "reranker"], FORCE_COLOR="1", **more).communicate()[0]
        for more in ({}, {"NO_COLOR": "1"})
    )
    assert "\x1b[32m" in colour
    assert "\x1b[32m" not in plain


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, exits.INTERRUPTED), (signal.SIGTERM, exits.TERMINATED)])
def test_signal_ends_a_comparison_with_what_is_finished(number: signal.Signals, code: int) -> None:
    running = process(["compare", "reranker", "--replications", "2000", "--strategies", "ab"])
    assert running.stderr is not None
    assert "judges only" in running.stderr.readline()
    assert "people only" in running.stderr.readline()  # the first way is finished
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == code
    assert re.search(r"^ab +llm", out, re.MULTILINE)
    assert "1 of 3 ways" in err
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
@pytest.mark.parametrize(
    "words",
    [["scenario", "list"], ["scenario", "list", "--json"], ["scenario", "show", "reranker", "--toml"], ["--help"]],
    ids=" ".join,
)
def test_an_end_of_a_pipe_that_has_gone_ends_the_command_quietly(words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*EXPSIM, *words], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (exits.CLOSED, "")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_while_modules_are_imported_ends_quietly() -> None:
    while_importing = """
import os, signal, sys
class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Pressed())
"""
    program = f"{while_importing}\n{LISTEN}\nfrom expsim_bayes.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-c", program, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")  # a shell calls this 130


def test_the_example_of_the_readme_is_what_the_command_prints() -> None:
    page = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    command, shown = page.split("```console\n$ expsim ", 1)[1].split("```", 1)[0].split("\n", 1)
    done = subprocess.run([*EXPSIM, *command.split()], capture_output=True, text=True, check=True)
    for part in shown.split("..."):
        assert flat(part) in flat(done.stdout)


def test_many_experiments_go_on_where_they_were_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("simulate", "reranker", "--replications", "50", "--seed", "3", "--json", "--out")
    whole = expsim(*words, tmp_path / "whole")

    def interrupted(*arguments: Any, **settings: Any) -> Iterator[xr.Dataset]:
        yield next(parts(*arguments, **settings, chunk=20))
        raise KeyboardInterrupt

    parts = experiment.run_in_parts
    with monkeypatch.context() as patch:
        patch.setattr(experiment, "run_in_parts", interrupted)
        cut = expsim(*words, tmp_path / "cut")
    assert cut.exit_code == exits.INTERRUPTED
    assert json.loads(cut.stdout)["achieved"]["replications"] == 20
    assert "20 of 50 experiments were finished. The same command goes on from there." in flat(cut.stderr)
    again = expsim(*words, tmp_path / "cut")
    assert "20 of 50 experiments are taken" in flat(again.stderr)
    assert json.loads(again.stdout) == json.loads(whole.stdout)
    left, right = (xr.load_dataset(tmp_path / name / "end_states.nc") for name in ("whole", "cut"))
    xr.testing.assert_allclose(left, right, rtol=1e-12)
    assert left.attrs == right.attrs
    other = expsim(*words[:4], "--seed", "4", *words[6:], tmp_path / "cut")
    assert "are taken" not in other.stderr


@pytest.mark.parametrize("name", library())
def test_a_scenario_of_ones_own_begins_with_one_of_the_library(name: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(expsim("scenario", "show", name, "--toml").stdout, encoding="utf-8")
    assert load(file) == load(name)
    assert "is sound" in flat(expsim("scenario", "check", file).stdout)


def test_a_scenario_that_cannot_pay_its_first_look_is_not_sound(tmp_path: Path) -> None:
    text = expsim("scenario", "show", "reranker", "--toml").stdout
    file = tmp_path / "mine.toml"
    file.write_text(re.sub(r"(?m)^budget_usd = .*$", "budget_usd = 5", text), encoding="utf-8")
    result = expsim("scenario", "check", file)
    assert result.exit_code == exits.BAD_INPUT
    assert "budget_usd is 5, and the first look alone may need" in flat(result.stderr)


def test_limits_are_shown() -> None:
    assert re.search(
        r"Limits +(cost of a call|latency) at most", expsim("scenario", "show", "summarization-prompts").stdout
    )


@pytest.mark.parametrize(
    ("columns", "settings", "name"),
    [
        ({"score": [0, 1] * 8}, {}, "binary"),
        ({"score": [1, 2, 3, 4, 5, 3, 2, 4] * 2}, {}, "ordinal"),
        ({"score": [1, 5] * 8}, {"score_range": (1, 5)}, "ordinal"),
        ({"score": [1, 5] * 8}, {}, "continuous"),
        ({"score": [1.0, 2.5] * 8}, {"score_range": (1, 5)}, "continuous"),
        ({"score": [0, 37, 80, 100] * 4}, {"score_range": (0, 100)}, "continuous"),
        ({"score": [0] * 10 + [1, 1, 1, 1, 5, 25]}, {"higher_is_better": False}, "error_scores"),
        ({"score": [0] * 10 + [1, 1, 1, 1, 5, 25]}, {}, "continuous"),
        ({"rank": [1, 2] * 8}, {}, "ranking"),
        ({"latency_s": [0.5, 2.0] * 8}, {}, "operations"),
    ],
)
def test_the_model_is_picked_from_the_ratings(columns: dict[str, Any], settings: dict[str, Any], name: str) -> None:
    from expsim_bayes.models import choose

    frame = pd.DataFrame(
        {"variant": ["A", "B"] * 8, "item": [str(n // 2) for n in range(16)], "rater": "ann", **columns}
    )
    frame = frame.drop(columns="rater") if "latency_s" in columns else frame
    found = choose(validate(frame, **settings))
    assert found.name == name
    assert found.reason


def test_what_is_compared_in_pairs_or_not_at_all_has_its_model() -> None:
    from expsim_bayes.models import choose

    pairs = pd.DataFrame({"variant_left": ["A", "B"], "variant_right": ["B", "A"], "outcome": ["left", "tie"]})
    assert choose(validate(pairs)).name == "preference"
    labels = pd.DataFrame({"item": list("aabb"), "rater": list("xyxy"), "score": [1, 2, 3, 3]})
    assert choose(validate(labels, compare=False)).name == "classes"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"model": "ordinall"}, "choose among auto, continuous"),
        ({"model": "binary", "prior": ["sd_varian=1"]}, "did you mean 'sd_variant'"),
        ({"model": "binary", "prior": ["sd_variant=much"]}, "cannot be the prior 'sd_variant'"),
        ({"model": "binary", "prior": ["sd_variant=-1"]}, "above 0"),
        ({"model": "ranking", "gold": "ann"}, "--model binary"),
    ],
)
def test_a_model_or_prior_that_does_not_exist_is_named_with_a_remedy(told: dict[str, Any], words: str) -> None:
    from expsim_bayes.cli.model import model_of
    from expsim_bayes.cli.question import ModelOptions

    frame = pd.DataFrame({"variant": ["A", "B"] * 8, "item": list("aabbccdd") * 2, "rater": "ann", "repeat": range(16)})
    ratings = validate(frame.assign(score=[0, 1] * 8))
    options = ModelOptions(**told)
    with pytest.raises(ExpsimError) as raised:
        model_of(options.model, ratings, options.priors())
    assert words in str(raised.value)


def test_a_class_is_named_by_its_number() -> None:
    from expsim_bayes.cli.model import model_of, told_priors
    from expsim_bayes.simulate import classes

    ratings = classes.small()
    for told in ("good=3", "good=2,3"):
        assert model_of("classes", ratings, told_priors([told])).priors.model_dump()["good"] == told.removeprefix(
            "good="
        )


def test_priors_reach_the_model() -> None:
    from expsim_bayes.cli.model import model_of, told_priors

    frame = pd.DataFrame({"variant": ["A", "B"] * 8, "item": list("aabbccdd") * 2, "rater": "ann", "repeat": range(16)})
    ratings = validate(frame.assign(score=[0, 1] * 8))
    found = model_of("auto", ratings, told_priors(["sd_variant=0.5"], gold="human", domain="item"))
    assert found.name == "binary"
    assert found.priors.model_dump()["sd_variant"] == 0.5
    assert (found.priors.model_dump()["gold"], found.priors.model_dump()["domain"]) == ("human", "item")


def test_what_is_left_of_sampling_is_told_from_its_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    from expsim_bayes.cli import model

    clock = iter([0.0, 30.0, 60.0, 90.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    told: list[str] = []
    tell = model.timed(lambda _, words: told.append(words), "fewer items")
    for share, words in ((0.0, "compiling"), (0.1, "sampling"), (0.18, "sampling"), (0.9, "done")):
        tell(share, words)
    assert told == ["compiling", "sampling", "sampling (5 % done, roughly 5 minutes more; faster: fewer items)", "done"]


def test_verbs_that_read_ratings_have_the_same_options_and_defaults() -> None:
    from inspect import signature

    from expsim_bayes.cli import agreement, fit, monitor

    fits, begins, agrees = (dict(signature(verb).parameters) for verb in (fit.fit, monitor.init, agreement.agreement))
    alone = {
        "file", "folder", "scenario", "strategy", "drop_below", "no_variants", "min_effect", "rope", "threshold", "out", "overwrite",
        "details", "scale",
    }  # fmt: skip
    assert set(fits) - alone == set(begins) - alone
    assert set(agrees) - alone < set(fits)
    assert fits["engine"].default == begins["engine"].default
    for name in set(fits) - alone - {"engine"}:  # whose automatic choice differs, and so its help
        assert str(fits[name]) == str(begins[name])
        assert name not in agrees or str(agrees[name]) == str(fits[name])


def test_long_words_of_a_table_are_folded_not_cut_in_a_narrow_window(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    names = [f"spread of raters' favour for the left side, pool {n} (sd_order)" for n in range(9)]
    cells = tuple("0.123456789012" for _ in names)
    columns = [Column("Number", tuple(names), justify="left", folds=True), Column("Mean", cells), Column("SD", cells)]
    Screen().table(columns)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    told = " ".join(line[:24].strip() for line in lines if line)
    assert all(f"pool {n}" in " ".join(told.split()) for n in range(9))
    assert "…" not in told
