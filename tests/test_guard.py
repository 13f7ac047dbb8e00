"""The regression guard: its line, its exit code, both directions, and silence about a fit that cannot be trusted."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from expsim_bayes.cli import exits
from expsim_bayes.cli.app import app
from expsim_bayes.cli.guard import line
from expsim_bayes.diagnostics import Verdict
from expsim_bayes.errors import SettingError
from expsim_bayes.fit import fit
from expsim_bayes.posterior.fitted import stacked
from expsim_bayes.ratings import Ratings, validate
from expsim_bayes.recommend.guard import Guarded, guard, refusals

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr


def scores() -> pd.DataFrame:
    """B better than A, C far worse."""
    rng = np.random.default_rng(1)
    rows = [
        (variant, f"item {item}", rater, round(float(level + easy + rng.normal(0, 0.4)), 2))
        for item, easy in enumerate(rng.normal(0, 0.4, 40))
        for variant, level in (("A", 3.0), ("B", 3.4), ("C", 2.4))
        for rater in ("ann", "bob")
    ]
    return pd.DataFrame(rows, columns=["variant", "item", "rater", "score"])


@pytest.fixture(scope="module")
def ratings() -> Ratings:
    return validate(scores(), control="A")


@pytest.fixture(scope="module")
def tree(ratings: Ratings) -> xr.DataTree:
    return fit(ratings, engine="fast", random_seed=1)


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch, tree: xr.DataTree) -> None:
    """A fit that is there at once."""
    import expsim_bayes.fit

    monkeypatch.setattr(expsim_bayes.fit, "fit", lambda *_args, **_settings: tree)


def asked(table: Path, *options: str) -> Result:
    return CliRunner().invoke(
        app, ["guard", str(table), "--control", "A", *options], env={"COLUMNS": "60", "NO_COLOR": "1"}
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("guard") / "scores.csv"
    scores().to_csv(file, index=False)
    return file


def test_the_probability_is_the_share_of_draws(tree: xr.DataTree, ratings: Ratings) -> None:
    quality = stacked(tree, "quality")
    b, c = guard(tree, ratings, margin=0.05)
    assert (b.variant, c.variant) == ("B", "C")
    assert b.prob_worse == np.mean(quality[:, 0] - quality[:, 1] > 0.05)
    assert c.prob_worse == np.mean(quality[:, 0] - quality[:, 2] > 0.05)
    assert (b.passes, c.passes) == (True, False)
    assert guard(tree, ratings, margin=0.05, risk=1.0)[1].passes == (c.prob_worse < 1.0)


def test_a_wider_margin_is_broken_less_often(tree: xr.DataTree, ratings: Ratings) -> None:
    at = [guard(tree, ratings, margin=margin)[1].prob_worse for margin in (0.0, 0.5, 0.7, 5.0)]
    assert at == sorted(at, reverse=True)
    assert at[0] > 0.99
    assert at[-1] == 0.0


def test_lower_is_better_turns_it_around(tree: xr.DataTree, ratings: Ratings) -> None:
    turned = tree.copy()
    turned.attrs = {**tree.attrs, "higher_is_better": "false"}
    b, c = guard(turned, ratings, margin=0.0)
    above, below = guard(tree, ratings, margin=0.0)
    assert b.prob_worse == pytest.approx(1 - above.prob_worse)
    assert c.prob_worse == pytest.approx(1 - below.prob_worse)


def test_without_a_control_or_another_variant_there_is_a_remedy(tree: xr.DataTree, ratings: Ratings) -> None:
    with pytest.raises(SettingError, match="no control"):
        guard(tree, replace(ratings, control=None), margin=0.1)
    result = CliRunner().invoke(app, ["guard", "nothing.csv", "--margin", "0.1"])
    assert result.exit_code == exits.BAD_INPUT
    assert "--control A" in result.stderr


@pytest.mark.parametrize(
    ("unit", "margin", "words"),
    [
        ("points", 0.02, "by more than 0.02 points with probability 3.0 % (must stay below 5 %): pass"),
        ("share", 0.02, "by more than 2 percentage points with"),
        ("dollars", 0.001, "by more than $0.001 with"),
        ("points", 0.0, "B is worse than A with probability"),
    ],
)
def test_the_line_has_the_unit_of_quality(unit: str, margin: float, words: str) -> None:
    assert words in line(Guarded("B", 0.03, 0.002, passes=True), "A", margin, 0.05, unit)


@pytest.mark.usefixtures("at_hand")
def test_one_line_a_variant_and_an_exit_code(table: Path) -> None:
    result = asked(table, "--margin", "0.05")
    told = result.stdout.splitlines()
    assert result.exit_code == exits.FAILED == 1
    assert [text[:16] for text in told] == ["B is worse than ", "C is worse than "]
    assert told[0].endswith(": pass")
    assert told[1].endswith(": fail")
    fine = asked(table, "--margin", "2")
    assert fine.exit_code == 0
    assert fine.stdout.count(": pass") == 2


@pytest.mark.usefixtures("at_hand")
def test_json_holds_the_same(table: Path, tree: xr.DataTree, ratings: Ratings) -> None:
    result = asked(table, "--margin", "0.05", "--json")
    found = json.loads(result.stdout)
    assert found["passes"] is False
    assert (found["control"], found["margin"], found["unit"], found["risk"]) == ("A", 0.05, "points", 0.05)
    expected = [row._asdict() for row in guard(tree, ratings, margin=0.05)]
    assert found["variants"] == expected


def test_a_fit_that_is_not_to_be_trusted_gets_no_probability(
    monkeypatch: pytest.MonkeyPatch, table: Path, tree: xr.DataTree, ratings: Ratings
) -> None:
    import expsim_bayes.fit

    verdict = replace(Verdict.from_json(tree.attrs["verdict"]), level="refuse", reasons=("Chains disagree.",))
    broken = tree.copy()
    broken.attrs = {**tree.attrs, "verdict": verdict.to_json()}
    assert refusals(tree, ratings) == ()
    assert refusals(broken, ratings) == ("Chains disagree.",)
    monkeypatch.setattr(expsim_bayes.fit, "fit", lambda *_args, **_settings: broken)
    result = asked(table, "--margin", "0.05")
    assert result.exit_code == exits.REFUSED
    assert "Chains disagree." in result.stdout
    assert "probability" not in result.stdout
    assert json.loads(asked(table, "--margin", "0.05", "--json").stdout) == {"refused": ["Chains disagree."]}


def test_groups_that_nothing_links_are_not_compared(tree: xr.DataTree) -> None:
    frame = scores()
    apart = frame["variant"] == "C"
    frame.loc[apart, "item"] = "other " + frame.loc[apart, "item"]
    frame.loc[apart, "rater"] = "other " + frame.loc[apart, "rater"]
    assert "cannot be compared" in refusals(tree, validate(frame, control="A"))[0]
