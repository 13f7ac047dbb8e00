"""The table of the library: what the command counts, where it writes, and that the page in the docs holds every scenario."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from expsim_bayes.cli.app import app
from expsim_bayes.experiment import run
from expsim_bayes.operating_characteristics import endings
from expsim_bayes.scenario import library, load
from expsim_bayes.stopping import LAUNCH
from expsim_bayes.track_record import as_markdown, row

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scenarios.md"
NAMES = ("reranker", "own-family-judge")


def test_the_command_counts_what_the_experiments_did(tmp_path: Path) -> None:
    words = ("scenario", "table", *NAMES, "--replications", "40", "--seed", "5", "--json", "--out")
    told = CliRunner().invoke(app, [*words, str(tmp_path / "t.csv")])
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["scenario"] for line in lines] == [entry["name"] for entry in answer["scenarios"]] == list(NAMES)
    for name, line in zip(NAMES, lines, strict=True):
        scenario = load(name)
        result = run(scenario, replications=40, random_seed=5, history=False)
        equal = run(scenario.without_difference(), replications=40, random_seed=6, history=False)
        usd = result["usd_rating"].values.sum(axis=1) + result["usd_generation"].values.sum(axis=1)
        assert float(line["right"]) == np.mean(endings(result, scenario).right)
        assert float(line["false_launch_if_equal"]) == np.mean(equal["decision"].values == LAUNCH)
        assert float(line["median_usd"]) == pytest.approx(np.median(usd))
        assert float(line["median_days"]) == pytest.approx(np.median(result["days"].values))
        assert line["teaches"] == scenario.teaches


def test_the_page_keeps_to_one_line_a_scenario() -> None:
    scenario = load("reranker").model_copy(update={"teaches": "Left | right,\nand more."})
    found = row(scenario, replications=4, random_seed=1)
    line = as_markdown([found], random_seed=1, replications=4).split("---:|\n")[1].splitlines()[0]
    assert len(re.findall(r"(?<!\\)\|", line)) == 10
    assert r"Left \| right, and more." in line


@pytest.mark.parametrize(
    ("name", "says"),
    [("t.txt", "neither Markdown nor CSV"), ("gone/t.md", "there is no folder"), ("here.md", "is there already")],
)
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_run(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "here.md").write_text("mine", encoding="utf-8")
    told = CliRunner().invoke(app, ["scenario", "table", "reranker", "--out", str(tmp_path / name)], terminal_width=200)
    assert told.exit_code == 2
    assert says in " ".join(told.output.split())
    assert (tmp_path / "here.md").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", library())
def test_the_page_in_the_docs_holds_every_scenario(name: str) -> None:
    """Its row is that of the scenario as it is; following it ends right in 90 % or more, and launches by chance in 5 % or less."""
    scenario = load(name)
    line = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {name} |"))
    _, _, teaches, right_answer, *_ = (cell.strip() for cell in line.split("|"))
    assert (teaches, right_answer) == (scenario.teaches, scenario.right_answer)
    right, false_launches = (float(share) for share in re.findall(r"([\d.]+) % ±", line))
    assert right >= 90
    assert false_launches <= 5
