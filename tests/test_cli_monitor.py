"""`expsim monitor` as its user sees it: what is printed, what scripts get, and how it ends."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from live_experiment import SCENARIO, batch, batches, write
from plain_posterior import plain_means
from typer.testing import CliRunner, Result

from expsim_bayes.cli import exits
from expsim_bayes.cli.app import app
from expsim_bayes.live import peeking, posterior
from expsim_bayes.live.lock import alone
from expsim_bayes.live.posterior import Posterior

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posterior, "posterior_of", plain_means)
    monkeypatch.setattr(peeking, "REPLICATIONS", 20)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    scenario = tmp_path / "mine.toml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    result = expsim("init", tmp_path / "e", scenario)
    assert result.exit_code == 0, result.output
    return tmp_path / "e"


def expsim(*arguments: str | Path, columns: int = 100) -> Result:
    return CliRunner().invoke(
        app, ["monitor", *(str(a) for a in arguments)], env={"COLUMNS": str(columns), "NO_COLOR": "1"}
    )


def flat(text: str) -> str:
    return " ".join(text.split())


def answer(*arguments: str | Path) -> Any:
    result = expsim(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_init_says_what_comes_first(tmp_path: Path) -> None:
    result = expsim("init", tmp_path / "e", "summarization-prompts", "--seed", "3")
    assert result.exit_code == 0
    said = flat(result.stdout)
    for part in (
        "2 variants (A, B; A is in use), 16 looks",
        "Look 1: 60 outputs of A and 60 outputs of B",
        "judge for 120 ratings",
    ):
        assert part in said
    assert json.loads((tmp_path / "e" / "settings.json").read_text(encoding="utf-8"))["seed"] == 3


def test_options_of_init_are_those_of_fit(tmp_path: Path) -> None:
    result = expsim(
        "init", tmp_path / "e", "reranker", "--strategy", "sequential", "--column", "score=points", "--where", "language=en",
        "--valid-range", "0:9", "--lower-is-better", "--anonymous-raters", "human", "--model", "continuous", "--prior", "sd_variant=0.2",
        "--price", "judge=0.5", "--draws", "700", "--drop-below", "0.02", "--control", "vendor",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "e" / "settings.json").read_text(encoding="utf-8"))
    assert told["reading"]["columns"] == {"score": "points"}
    assert told["reading"]["anonymous_kinds"] == ["human"]
    assert (told["lower_is_better"], told["priors"], told["prices"]) == (True, {"sd_variant": 0.2}, {"judge": 0.5})
    assert (told["draws"], told["drop_below"], told["control"]) == (700, 0.02, "vendor")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("nothing-of-the-kind",), "no scenario is called"),
        (("reranker", "--strategy", "bandit", "--model", "magic"), "is no model"),
        (("reranker", "--model", "continuous", "--prior", "magic=1"), "has no prior 'magic'"),
        (("reranker", "--control", "magic"), "is no variant"),
        (("reranker", "--where", "magic"), "has no name before an equals sign"),
    ],
)
def test_what_cannot_be_begun_is_told_and_leaves_nothing(
    tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    result = expsim("init", tmp_path / "e", *arguments)
    assert result.exit_code == exits.BAD_INPUT
    assert problem in flat(result.stderr)
    assert "Remedy:" in result.stderr
    assert not (tmp_path / "e").exists()


def test_add_tells_the_look_and_keeps_the_batch_at_once(begun: Path, tmp_path: Path) -> None:
    first, second = batches(tmp_path / "in", 2)
    result = expsim("add", begun, first)
    assert result.exit_code == 0, result.output
    assert "'batch 1.csv' is kept as look 1: 80 rows." in flat(result.stderr)
    said = flat(result.stdout)
    for part in (
        "After look 1",
        "Go on",
        "No rule has decided at look 1 of 6",
        "1 of 6 looks",
        "40 ratings by judge for $4.00",
    ):
        assert part in said
    again = expsim("add", begun, first)
    assert again.exit_code == 0
    assert "is there already, as look 1: nothing is changed" in flat(again.stderr)
    told = answer("add", begun, second)
    assert told["batch"] == {"look": 2, "rows": 80, "again": False}
    assert [look["decision"] for look in told["looks"]] == ["continue", "continue"]


def test_a_decision_is_told_in_plain_words(begun: Path, tmp_path: Path) -> None:
    result = expsim("add", begun, write(tmp_path / "b.csv", batch(1, gap=3.0)))
    said = flat(result.stdout)
    assert "Launch B Do Launch B in place of A." in said
    assert "beats A by 0.20 points or more with a probability of more than 99.9 %" in said or "99.9 %" in said
    assert "Nothing: the experiment ended at look 1 (launch B)" in flat(expsim("next", begun).stdout)
    expsim("add", begun, write(tmp_path / "c.csv", batch(2, gap=0.0)))
    told = answer("status", begun)
    assert (told["headline"], told["ended_at"]) == ("Launch B (decided at look 1)", 1)


def test_status_shows_the_looks_and_what_peeking_does(begun: Path, tmp_path: Path) -> None:
    assert "No ratings yet" in expsim("status", begun).stdout
    for file in batches(tmp_path / "in", 3):
        expsim("add", begun, file)
    result = expsim("status", begun)
    assert result.exit_code == 0
    said = flat(result.stdout)
    assert "Peeking 3 of 6 looks. Were all variants equal, this rule would launch one of them in" in said
    rows = [line.split()[:2] for line in result.stdout.splitlines() if line.strip()[:1].isdigit()]
    assert rows[:3] == [["1", "80"], ["2", "160"], ["3", "240"]]
    told = answer("status", begun)
    assert told["peeking"]["rate"].keys() == {"value", "mcse"}
    assert told["waiting"] == []


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_no_line_is_wider_than_the_window(begun: Path, tmp_path: Path, columns: int) -> None:
    expsim("add", begun, write(tmp_path / "b.csv", batch(1, people=False)))
    for arguments in (("status", begun, "--details"), ("next", begun, "--details")):
        result = expsim(*arguments, columns=columns)
        assert result.exit_code == 0, result.output
        assert max(len(line) for line in result.stdout.splitlines()) <= columns


def test_next_names_what_is_pending(begun: Path, tmp_path: Path) -> None:
    expsim("add", begun, write(tmp_path / "b.csv", batch(1, people=False)))
    said = flat(expsim("next", begun, "--details").stdout)
    assert "Look 2: 20 outputs of A and 20 outputs of B, on 20 new items" in said
    assert "crowd has still to rate 20 outputs that others have rated" in said
    assert "Still to be rated by crowd" in said
    told = answer("next", begun)
    assert told["next"]["pending"][0]["outputs"][0] == ["A", "i1-0", "1"]


def test_errors_name_file_column_row_and_remedy(begun: Path, tmp_path: Path) -> None:
    strange = write(tmp_path / "strange.csv", batch(1, variants="ABC"))
    result = expsim("add", begun, strange)
    assert result.exit_code == exits.BAD_INPUT
    said = flat(result.stderr)
    assert "strange.csv, column 'variant', rows 6, 7" in said
    assert "--new-variant 'C'" in said
    assert expsim("add", begun, strange, "--new-variant", "C").exit_code == 0
    assert [added["name"] for added in answer("status", begun)["added"]] == ["C"]
    error = json.loads(expsim("add", tmp_path / "nowhere", strange, "--json").stdout)["error"]
    assert "expsim monitor init" in error["remedy"]


def test_another_writer_is_named_and_readers_go_on(
    begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = batches(tmp_path / "in", 2)
    expsim("add", begun, first)
    with alone(begun):
        result = expsim("add", begun, second)
        assert result.exit_code == exits.BAD_INPUT
        assert f"process {os.getpid()} is writing" in flat(result.stderr)
        assert expsim("status", begun).exit_code == 0

    def interrupted(*_args: object, **_options: object) -> Posterior:
        raise KeyboardInterrupt

    monkeypatch.setattr(posterior, "posterior_of", interrupted)
    result = expsim("add", begun, second)
    assert result.exit_code == exits.INTERRUPTED
    assert "is kept as look 2" in flat(result.stderr)
    assert "".join(f"`expsim monitor status {begun}` fits what is missing".split()) in "".join(result.stderr.split())
    monkeypatch.setattr(posterior, "posterior_of", plain_means)
    with alone(begun):
        result = expsim("status", begun)
        assert result.exit_code == 0
        assert f"Look 2 is not fitted yet: process {os.getpid()} is at it" in flat(result.stderr)
    result = expsim("status", begun)
    assert "Look 2 is not fitted yet, and is fitted now" in flat(result.stderr)
    assert "After look 2" in result.stdout


def test_advice_and_help_of_a_monitored_experiment_can_be_followed() -> None:
    assert posterior.followable(("Weak: fit with the sampler (--engine nuts).",))[1] == posterior.ELSEWHERE
    assert posterior.followable(("Nobody rated both.",)) == ("Nobody rated both.",)
    told = CliRunner().invoke(app, ["monitor", "init", "--help"], env={"COLUMNS": "400"}).stdout
    assert "auto: fast wherever the model allows it" in told


def test_a_refused_fit_has_its_exit_code(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any, **options: Any) -> Posterior:
        return plain_means(*args, **options)._replace(verdict="refuse", reasons=("R-hat is 1.2.",))

    monkeypatch.setattr(posterior, "posterior_of", refused)
    result = expsim("add", begun, *batches(tmp_path / "in", 1))
    assert result.exit_code == exits.REFUSED
    assert "Do not act on it: R-hat is 1.2." in flat(result.stdout)
    assert "P(best)" not in result.stdout


def test_a_judge_that_changed_is_told(begun: Path, tmp_path: Path) -> None:
    expsim("add", begun, write(tmp_path / "1.csv", batch(1)))
    changed = batch(2)
    changed.loc[changed["kind"] == "llm", "score"] += 3.0
    changed["score"] = changed["score"].clip(0, 10)
    expsim("add", begun, write(tmp_path / "2.csv", changed))
    assert "against people at look 2 compared with the looks before" in flat(expsim("status", begun).stdout)


def test_report_tells_the_story(begun: Path, tmp_path: Path) -> None:
    for file in batches(tmp_path / "in", 3):
        expsim("add", begun, file)
    result = expsim("report", begun, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "Look 3: 80 ratings from batch 3.csv." in text
    assert (tmp_path / "out" / "figures" / "prob_best.png").exists()
    result = expsim("report", begun, "--out", begun)
    assert result.exit_code == exits.BAD_INPUT
    assert "the experiment itself lies there" in flat(result.stderr)


@pytest.mark.slow
def test_a_real_fit_goes_through_the_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(peeking, "REPLICATIONS", 20)
    scenario = tmp_path / "mine.toml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    assert expsim("init", tmp_path / "e", scenario, "--draws", "800", "--tune", "500", "--chains", "2").exit_code == 0
    result = expsim("add", tmp_path / "e", write(tmp_path / "b.csv", batch(1, gap=1.5, items=30)))
    assert result.exit_code in (0, exits.REFUSED), result.output
    told = json.loads(expsim("status", tmp_path / "e", "--json").stdout)
    (look,) = told["looks"]
    assert look["model"] == "continuous"
    assert look["verdict"] == "ok"
    kept = next((tmp_path / "e" / "looks").iterdir())
    facts = json.loads(kept.read_text(encoding="utf-8"))["facts"]
    assert facts["title"] == "Two prompts"
    assert not [name for name, _ in facts["provenance"] if "UTC" in name]
    assert dict(facts["provenance"])["random seed"] == str(look["random_seed"])
    assert expsim("report", tmp_path / "e", "--out", tmp_path / "out").exit_code == 0
    page = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "last-look.md" in page
    assert "Quality is what those who define it would say of a variant on average, on new items; points." in page
    assert (tmp_path / "out" / "last-look.md").read_text(encoding="utf-8").startswith("# Two prompts")
