"""`expsim pretend`: a file of made-up ratings, its truth, and the command that fits it."""

from __future__ import annotations

import json
import shlex
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from expsim_bayes.cli import exits
from expsim_bayes.cli.app import app
from expsim_bayes.cli.pretend import KINDS, MEASURES, truth_of
from expsim_bayes.errors import SettingError
from expsim_bayes.models import RECIPES
from expsim_bayes.ratings import Ratings
from expsim_bayes.readers import read
from expsim_bayes.simulate import operations

FEWER = {"error_scores": ("--set", "n_items=8")}


def expsim(*arguments: str | Path, columns: int = 80) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": str(columns), "NO_COLOR": "1"})


def fewer(kind: str) -> tuple[str, ...]:
    """Options for a design of eight items."""
    return FEWER.get(kind, ("--set", "items=8"))


def drawn(kind: str, seed: int = 0) -> Ratings:
    """The same ratings from the simulator."""
    name, value = fewer(kind)[1].split("=")
    found: Ratings = import_module(f"expsim_bayes.simulate.{kind}").ratings(truth_of(kind, {name: value}), seed)
    return found


def answer(*arguments: str | Path) -> Any:
    result = expsim(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Ratings, dict[str, Any]]]:
    """A sampler that takes note of what it is asked for, and then refuses."""
    import expsim_bayes.fit

    asked: list[tuple[Ratings, dict[str, Any]]] = []

    def fit(ratings: Ratings, **settings: Any) -> None:
        asked.append((ratings, settings))
        raise SettingError("enough is known", remedy="none is needed")

    monkeypatch.setattr(expsim_bayes.fit, "fit", fit)
    return asked


def test_every_kind_with_a_recipe_can_be_made_up() -> None:
    assert sorted(KINDS) == sorted(RECIPES)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the command says of each kind, with seed 3."""
    folder = tmp_path_factory.mktemp("my ratings")
    return {k: answer("pretend", k, "--out", folder / f"{k}.csv", "--seed", "3", *fewer(k)) for k in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_that_is_told_fits_the_ratings_that_were_drawn(
    kind: str, made: dict[str, Any], fitted: list[tuple[Ratings, dict[str, Any]]]
) -> None:
    command = shlex.split(made[kind]["fit"])
    assert command[:2] == ["expsim", "fit"]
    assert "enough is known" in expsim(*command[1:]).stderr
    ratings, settings = fitted[0]
    original = drawn(kind, 3)
    kept = ratings.table.astype(original.table.dtypes)  # columns that only some models know are read as text
    pd.testing.assert_frame_equal(kept, original.table, check_exact=True)
    assert settings["model"] == kind
    for name in ("score_range", "higher_is_better", "control", "variants", "outcome"):
        assert getattr(ratings, name) == getattr(original, name), name


@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_is_that_of_the_simulator(kind: str, made: dict[str, Any]) -> None:
    story, truth, told = import_module(f"expsim_bayes.simulate.{kind}"), truth_of(kind, {}), made[kind]
    assert list(told["quality"].values()) == pytest.approx(story.quality(truth).tolist(), rel=1e-9)
    assert list(told["quality"]) == sorted(told["quality"])
    assert set(told["truth"]) == set(type(truth).model_fields)
    assert told["rows"] == len(read(told["file"]).table)


def test_the_seed_fixes_the_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", "7"), ("two", "7"), ("three", "8")):
        assert expsim("pretend", "ordinal", "--out", tmp_path / name, "--seed", seed, *fewer("ordinal")).exit_code == 0
    one, two, three = ((tmp_path / name).read_bytes() for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_the_screen_says_quality_in_its_unit_and_every_part_of_the_truth(tmp_path: Path) -> None:
    text = expsim("pretend", "preference", "--out", tmp_path / "r.csv").stdout
    assert "50.0 %" in text
    assert "60.3 %" in text
    assert text.splitlines()[-1].endswith("--model preference --control A")
    for name in truth_of("preference", {}).__class__.model_fields:
        assert name in text
    assert "$" in expsim("pretend", "operations", "--out", tmp_path / "c.csv", "--set", "measure=cost").stdout


@pytest.mark.parametrize("measure", MEASURES)
def test_calls_use_up_what_is_asked_for(measure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "CALLS", 2_000)
    told = answer(
        "pretend", "operations", "--out", tmp_path / "r.csv", "--set", f"measure={measure}", "--set", "items=5"
    )
    assert told["unit"] == MEASURES[measure][1]
    assert measure in read(tmp_path / "r.csv").table.columns


@pytest.mark.parametrize("columns", [50, 200])
def test_no_line_but_the_command_is_wider_than_the_window(columns: int, tmp_path: Path) -> None:
    for kind in ("binary", "classes", "ranking"):
        lines = expsim("pretend", kind, "--out", tmp_path / kind, *fewer(kind), columns=columns).stdout.splitlines()
        assert [line for line in lines[:-1] if len(line) > columns] == []


def test_gold_labels_and_kinds_of_item_reach_the_command(
    tmp_path: Path, fitted: list[tuple[Ratings, dict[str, Any]]]
) -> None:
    told = answer("pretend", "binary", "--out", tmp_path / "r.csv", "--set", "gold=0.25", "--set", "domains=2")
    expsim(*shlex.split(told["fit"])[1:])
    priors = fitted[0][1]["priors"]
    assert (priors.gold, priors.domain) == ("gold", "domain")


def test_settings_take_commas_lists_words_and_none() -> None:
    assert truth_of("ordinal", {"variants": "x,y", "q": "0, 0.4"}).model_dump()["variants"] == ("x", "y")
    assert truth_of("ordinal", {"variants": "1,2", "q": "[0, 0.4]"}).model_dump()["variants"] == ("1", "2")
    assert truth_of("ordinal", {"judges": ""}).model_dump()["judges"] == ()
    assert truth_of("classes", {"prevalence": "[[0.5, 0.5], [0.9, 0.1]]"}).model_dump()["prevalence"][1] == (0.9, 0.1)
    assert truth_of("ranking", {"judge": "no", "ranked": "2"}).model_dump()["judge"] is False
    assert truth_of("ranking", {"ranked": "none"}).model_dump()["ranked"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ordnial",), "did you mean 'ordinal'"),
        (("continuous",), "expsim simulate"),
        (("ordinal", "--set", "item=40"), "did you mean 'items'"),
        (("ordinal", "--set", "items"), "no name before an equals sign"),
        (("ordinal", "--set", "items=many"), "--set items=80"),
        (("ordinal", "--set", "items=2.5"), "cannot be 'items'"),
        (("ordinal", "--set", "items=-3"), "cannot be below 0"),
        (("ordinal", "--set", "items=0"), "no rows"),
        (("ordinal", "--set", "sd_item=-1"), "cannot be below 0"),
        (("ordinal", "--set", "sd_item=nan"), "cannot be 'sd_item'"),
        (("ordinal", "--set", "q=0,1"), "2 and 3 values"),
        (("error_scores", "--set", "q=[[0,1],[0,1]]"), "2 and 3 values"),
        (("error_scores", "--set", "shares=0.5,0.5"), "2 and 5 values"),
        (("ranking", "--set", "q=0,1"), "give one of each"),
        (("robust", "--set", "judges=one,two"), "1 and 2 values"),
        (("binary", "--set", "gold=2"), "cannot be above 1"),
        (("binary", "--set", "q=0,0,0,0,0,0,0,0,0"), "nothing can be drawn"),
        (("classes", "--set", "prevalence=[[0.5,0.5],[0.5,0.6]]"), "add up to 1"),
        (("classes", "--set", "prevalence=[[0.5,0.5],[1.0]]"), "nothing can be drawn"),
        (("operations", "--set", "measure=miles"), "cannot be 'measure'"),
        (("operations", "--set", "tail=0"), "nothing can be drawn"),
    ],
)
def test_what_cannot_be_made_up_is_named_with_a_remedy(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    result = expsim("pretend", *arguments, "--out", tmp_path / "r.csv")
    assert result.exit_code == exits.BAD_INPUT, result.output
    assert "Remedy:" in result.stderr
    assert words in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_left_alone_unless_told(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "ratings.csv"
    assert expsim("pretend", "ordinal", "--out", file, *fewer("ordinal")).exit_code == 0
    before = file.read_bytes()
    result = expsim("pretend", "classes", "--out", file)
    assert result.exit_code == exits.BAD_INPUT
    assert "--overwrite" in result.stderr
    assert file.read_bytes() == before
    assert expsim("pretend", "classes", "--out", file, "--overwrite").exit_code == 0
    assert file.read_bytes() != before
    result = expsim("pretend", "classes", "--out", tmp_path)
    assert result.exit_code == exits.BAD_INPUT
    assert "is a folder" in " ".join(result.stderr.split())
