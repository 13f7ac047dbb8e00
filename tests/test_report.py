"""Reports: everything is written, nothing in a name becomes markup, and a folder tells whether it is whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from expsim_bayes.errors import ExpsimError
from expsim_bayes.experiment import Played, play
from expsim_bayes.recommend import of_experiment
from expsim_bayes.report import markdown, read_facts, rewrite, write_experiment
from expsim_bayes.report.markdown import Figure, escape
from expsim_bayes.scenario import load

if TYPE_CHECKING:
    from pathlib import Path

    from expsim_bayes.facts import Facts

HOSTILE = "<script>alert(1)</script> | [x](javascript:1) `$HOME` *b*"


@pytest.fixture(scope="module")
def played() -> Played:
    return play(load("support-chat-tone"), strategy="bandit", random_seed=3)


@pytest.fixture(scope="module")
def facts(played: Played) -> Facts:
    return of_experiment(played)


@pytest.fixture(scope="module")
def folder(played: Played, facts: Facts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("out") / "with a space"
    write_experiment(played, facts, where)
    return where


def test_the_folder_holds_data_facts_figures_and_report(folder: Path) -> None:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {
        "ratings.csv",
        "operations.csv",
        "history.nc",
        "facts.json",
        "figures.json",
        "report.md",
        "manifest.json",
    } <= names
    assert {
        f"figures/{n}.png" for n in ("quality", "prob_best", "allocation", "cost", "qualities", "learning")
    } <= names


def test_the_manifest_names_every_part_with_its_hash(folder: Path) -> None:
    parts = json.loads((folder / "manifest.json").read_text())["parts"]
    assert set(parts) == {
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json"
    }
    for name, digest in parts.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_every_figure_of_the_report_exists(folder: Path) -> None:
    text = (folder / "report.md").read_text()
    for entry in json.loads((folder / "figures.json").read_text()):
        assert f"]({entry['file']})" in text
        assert (folder / entry["file"]).stat().st_size > 1_000


def test_facts_survive_their_file(folder: Path, facts: Facts) -> None:
    assert read_facts(folder) == facts


def test_a_rewritten_report_is_the_same(folder: Path) -> None:
    before = (folder / "report.md").read_text()
    (folder / "report.md").unlink()
    assert rewrite(folder).read_text() == before


def test_a_folder_without_facts_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ExpsimError, match=r"no facts.*Remedy"):
        rewrite(tmp_path)
    (tmp_path / "facts.json").write_text("{}")
    with pytest.raises(ExpsimError, match="does not hold the facts"):
        rewrite(tmp_path)


def test_nothing_in_a_name_becomes_markup(facts: Facts) -> None:
    hostile = replace(
        facts,
        title=HOSTILE,
        leader=HOSTILE,
        decision=replace(facts.decision, variant=HOSTILE),
        variants=tuple(replace(v, name=HOSTILE) if v.name == facts.leader else v for v in facts.variants),
        notices=(HOSTILE,),
    )
    text = markdown(hostile, [Figure("figures/a.png", HOSTILE, HOSTILE)])
    assert "<script>" not in text
    assert "[x](javascript" not in text
    assert "`$HOME`" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "script" in line]
    assert rows
    header = next(line for line in text.splitlines() if line.startswith("| variant"))
    assert all(row.replace(r"\|", "").count("|") == header.count("|") for row in rows)


def test_long_names_are_cut_for_display_only(facts: Facts) -> None:
    long = "x" * 10_000
    text = markdown(
        replace(
            facts,
            variants=tuple(replace(v, name=long) if v.name == facts.leader else v for v in facts.variants),
            leader=long,
        )
    )
    assert long not in text
    assert "x" * 20 in text


@pytest.mark.parametrize("name", ["مرحبا", "🚀 v2", "naïve", "a_b"])
def test_names_of_any_script_stay_readable(name: str) -> None:
    assert escape(name).replace("\\", "") == name


def test_the_report_names_false_launches_pairing_truth_and_sources(folder: Path, facts: Facts) -> None:
    text = (folder / "report.md").read_text()
    assert "A split design would need" in text
    assert "The truth is known here" in text
    assert all(escape(source) in text for source in facts.sources)
