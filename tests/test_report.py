"""Reports: everything is written, nothing in a name becomes markup, and a folder tells whether it is whole."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from expsim_bayes.errors import ExpsimError
from expsim_bayes.experiment import Played, play
from expsim_bayes.facts import FitFacts, PlainMean
from expsim_bayes.ratings import validate
from expsim_bayes.recommend import of_experiment
from expsim_bayes.report import markdown, read_facts, rewrite, write_experiment, write_fit
from expsim_bayes.report.figures import _alike
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


def test_no_picture_shows_that_outputs_were_shared_out_evenly(played: Played) -> None:
    assert not _alike(played.history)
    assert _alike(play(load("support-chat-tone"), strategy="ab", random_seed=3).history)


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
    bars = [line.replace(r"\|", "").count("|") if line.startswith("| ") else 0 for line in text.splitlines()]
    rows = [n for n, line in enumerate(text.splitlines()) if line.startswith("| ") and "script" in line]
    assert rows
    assert all(bars[n - 1] in (0, bars[n]) and bars[n + 1] in (0, bars[n]) for n in rows)


def test_plain_means_are_found_under_names_that_had_to_be_escaped(facts: Facts) -> None:
    names = {v.name: f"{v.name}_v2 " + "x" * 60 for v in facts.variants}
    named = replace(
        facts,
        variants=tuple(replace(v, name=names[v.name]) for v in facts.variants),
        leader=names[facts.leader],
        baseline=names[facts.baseline],
        control=names[facts.control or facts.baseline],
        decision=replace(facts.decision, name="collect", variant=None),
        fit=FitFacts("ok", ("fine",), plain_means=tuple(PlainMean(n, 3.0, 0.1, 0.5) for n in names.values())),
    )
    assert "plain means" in markdown(named, [])


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


@pytest.fixture(scope="module")
def preferred(tmp_path_factory: pytest.TempPathFactory) -> tuple[Facts, Path]:
    """A fit of comparisons, from the table to the folder."""
    from expsim_bayes.fit import fit
    from expsim_bayes.models import recipe
    from expsim_bayes.recommend.fit import of_fit

    rows = [
        ("A", "B", "left", 30),
        ("B", "A", "left", 12),
        ("A", "C", "right", 20),
        ("C", "B", "tie", 9),
        ("B", "C", "left", 8),
    ]
    frame = pd.DataFrame(rows, columns=["variant_left", "variant_right", "outcome", "weight"])
    ratings = validate(frame, control="B")
    priors = recipe("preference").priors.model_validate({"items": False, "raters": False})
    tree = fit(ratings, model="preference", priors=priors, engine="fast", draws=500, random_seed=1)
    found = of_fit(tree, ratings, min_effect=0.05, why_model="a row compares two variants")
    where = tmp_path_factory.mktemp("preferred")
    write_fit(tree, ratings, found, where)
    return found, where


@pytest.mark.slow
def test_a_fit_of_comparisons_has_a_whole_folder(preferred: tuple[Facts, Path]) -> None:
    found, where = preferred
    assert read_facts(where) == found
    before = (where / "report.md").read_text()
    assert rewrite(where).read_text() == before
    names = {path.name for path in (where / "figures").iterdir()}
    assert {"qualities.png", "differences.png", "predictive.png"} <= names
    assert "because a row compares two variants" in before
    assert "share of new items on which B is beaten" in before
    assert re.search(r"\| B \(in use\) \| 50\.0 %", before)
    assert "comparisons |" in before
    assert all(measure.title[1:] in before for measure in found.fit.measures) if found.fit else False


@pytest.mark.slow
def test_chances_of_being_best_add_up_and_every_comparison_counts(preferred: tuple[Facts, Path]) -> None:
    found, _ = preferred
    assert found.fit is not None
    assert found.fit.verdict == "ok"
    assert 0 < sum(v.prob_best for v in found.variants) <= 1 + 1e-9
    assert found.rated == "comparison"
    assert found.ratings == 79
