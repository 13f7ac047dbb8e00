"""What commands and reports say of experiments in which two outputs stand side by side, over a plain posterior of shares won."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from plain_votes import KnownVotes
from small_duels import CROWD, JUDGE, duelling
from typer.testing import CliRunner

from expsim_bayes.cli.app import app
from expsim_bayes.experiment import Played, play
from expsim_bayes.live import Settings, begin
from expsim_bayes.live.ahead import ahead
from expsim_bayes.recommend import of_experiment
from expsim_bayes.recommend.compared import taste_as_share
from expsim_bayes.report.markdown import markdown
from expsim_bayes.scenario import text_of
from expsim_bayes.sentences import recommendation

if TYPE_CHECKING:
    from pathlib import Path

    from expsim_bayes.scenario import Scenario

SEED = 20_265
RULES: dict[str, Any] = {"sequential": {"stopping": [{"rule": "superiority", "threshold": 0.9}]}}


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expsim_bayes.votes.known.KnownVotes", KnownVotes)


def expsim(*arguments: str | Path) -> str:
    """The output of a command on one line."""
    found = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "110", "NO_COLOR": "1"})
    assert found.exit_code == 0, found.output
    return " ".join(found.stdout.split())


def small(**changes: Any) -> Scenario:
    judge = JUDGE | {"shift_sd": 0.4}
    return duelling(0.5, 0.75, 0.4, **{"evaluators": [judge, CROWD], "strategies": RULES, "looks": 6} | changes)


def without_rules(played: dict[str, Any] | None = None, **options: Any) -> Played:
    rules: dict[str, Any] = {"sequential": {"stopping": []}}
    return play(small(strategies=rules, **(played or {})), random_seed=SEED, **options)


def test_a_scenario_is_shown_in_shares_won() -> None:
    text = expsim("scenario", "show", "new-summariser")
    assert "Beats today" in text
    assert re.search(r"new 60\.0 %", text)
    assert re.search(r"judge llm 1 \$0\.00084 3 s 3 % 71 %", text)
    assert re.search(r"crowd human 8 \$0\.30 37 s 39 % 51 %", text)
    assert "share of comparisons in which the control, today, is beaten, a tie counted half" in text
    assert "a difference of 5.0 percentage points matters" in text
    assert "two outputs of an item side by side, 22 looks of 144 outputs" in text
    assert "Noise" not in text


def test_an_experiment_is_told_in_comparisons() -> None:
    played = play(small(), random_seed=SEED)
    facts = of_experiment(played)
    assert (facts.unit, facts.rated, facts.baseline) == ("share", "comparison", "A")
    assert facts.ratings == len(played.ratings.table)
    assert facts.variant("B").outputs == int(played.history["outputs"].sel(variant="B").max())
    assert facts.decision.name == "launch"
    said = recommendation(facts).text()
    assert re.search(r"Variant B beats A on [\d.]+ % of new items \(95 % interval", said)
    assert re.search(r"\d+ comparisons by judge for \$", said)
    assert "generated outputs for" in said
    assert not re.search(r"(?<!percentage) points", said)
    page = markdown(facts)
    assert "Quality is the share of new items on which A is beaten, as the reference panel would say" in page
    assert "| outputs |" in page


def test_the_command_names_the_control_for_a_fit(tmp_path: Path) -> None:
    """Quality is the share won against it, which a table of comparisons does not say."""
    text = expsim("simulate", "new-summariser", "--seed", "3", "--out", tmp_path / "out", "--details")
    assert "Comparisons" in text
    assert "--control today, as if they were real" in text
    header = (tmp_path / "out" / "ratings.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    assert {"item", "variant_left", "variant_right", "rater", "outcome", "evaluator", "kind", "look"} <= set(header)


def test_more_comparisons_help_unless_judges_are_alone() -> None:
    (beside_people,) = of_experiment(without_rules()).further
    assert beside_people.label == "comparisons by the same raters"
    assert 0 < beside_people.variance_removed < 1
    assert beside_people.floor < 1e-6
    (alone,) = of_experiment(without_rules({"outputs_per_look": 240}, evaluators="llm")).further
    assert alone.floor > 0.5
    assert alone.variance_removed < beside_people.variance_removed
    (tasteless,) = of_experiment(
        without_rules({"outputs_per_look": 240, "evaluators": [JUDGE, CROWD]}, evaluators="llm")
    ).further
    assert tasteless.floor < 1e-6


def test_the_price_of_more_is_that_of_those_so_far() -> None:
    facts = of_experiment(without_rules())
    (more,) = facts.further
    assert facts.usd is not None
    assert more.batch_usd == pytest.approx(more.batch_ratings * facts.usd / facts.ratings)


def test_a_taste_is_told_as_what_it_does_to_equals() -> None:
    scenario = small()
    judge, crowd = scenario.evaluators
    nu = 2 * 0.05 / 0.95
    up, down = np.exp(0.2), np.exp(-0.2)
    assert taste_as_share(judge) == pytest.approx((up + nu / 2) / (up + nu + down) - 0.5)
    assert taste_as_share(crowd) == 0.0
    facts = of_experiment(without_rules(evaluators="llm"))
    assert facts.evaluators[0].shift_sd == pytest.approx(
        taste_as_share(judge.model_copy(update={"shift_sd": 0.4})), abs=1e-12
    )
    assert "No person has rated: what judge likes about a variant as such (SD" in recommendation(facts).text()


def test_what_to_have_compared_first(tmp_path: Path) -> None:
    here = begin(tmp_path / "here", text_of("new-summariser")[0], Settings(strategy="sequential"))
    found = ahead(here, None)
    assert found is not None
    assert (found.items, found.per_item) == (72, 2)
    assert [tuple(share) for share in found.shares] == [("today", 48), ("new", 48), ("new-long", 48)]
    assert [(order.evaluator, order.ratings) for order in found.orders] == [("judge", 144), ("crowd", 36)]
