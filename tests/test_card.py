"""The decision card: what stands on it, what never does, and that no name can break it."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, get_args

import matplotlib.image
import numpy as np
import pytest
from matplotlib.text import Text
from typer.testing import CliRunner

from expsim_bayes.cli.app import app
from expsim_bayes.experiment import play
from expsim_bayes.facts import Decision, DecisionName, Facts, FitFacts, Interval
from expsim_bayes.operating_characteristics import Estimate
from expsim_bayes.plots import DARK, LIGHT
from expsim_bayes.plots.card import COLOURS, DOTS, HIGH, SIGNS, WIDE, draw
from expsim_bayes.recommend import of_experiment
from expsim_bayes.report import card, card_png
from expsim_bayes.report.doubts import what_may_be_wrong
from expsim_bayes.report.folder import facts_json
from expsim_bayes.scenario import load
from expsim_bayes.sentences import headline

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = [
    "$x^2$ _{",
    "<script>alert(1)</script>",
    "مرحبا بالعالم",
    "🚀 v2",
    "x" * 10_000,
    "\u202eevil\x1b[2J\n",
    "",
    "\u200b",
]


@pytest.fixture(scope="module")
def launch() -> Facts:
    return of_experiment(play(load("summarization-prompts"), random_seed=1))


def renamed(facts: Facts, names: dict[str, str]) -> Facts:
    def new(name: str | None) -> str:
        return names.get(name or "", name or "")

    return replace(
        facts,
        decision=replace(facts.decision, variant=new(facts.decision.variant) or None),
        variants=tuple(replace(v, name=new(v.name)) for v in facts.variants),
        leader=new(facts.leader),
        baseline=new(facts.baseline),
        control=new(facts.control) or None,
    )


def refused(facts: Facts) -> Facts:
    return replace(
        facts,
        decision=Decision("refuse"),
        variants=(),
        leader="",
        baseline="",
        control=None,
        prob_equivalent=None,
        fit=FitFacts("refuse", ("R-hat of quality is 1.12, above 1.01.", "37 divergences in 4,000 draws.")),
    )


def kept(facts: Facts, probability: float = 0.02) -> Facts:
    """The control leads."""
    worse = Interval(-0.31, -0.6, -0.03)
    return replace(
        facts,
        decision=Decision("keep_control"),
        leader="A",
        variants=tuple(
            replace(v, effect=worse, prob_better=probability) if v.effect is not None else v for v in facts.variants
        ),
    )


def texts(facts: Facts) -> list[str]:
    """All texts that are drawn."""
    fig = draw(card(facts, day="2026-01-31"))
    return [text.get_text() for text in fig.findobj(Text) if text.get_text()]


def test_it_says_what_the_facts_say(launch: Facts) -> None:
    found = card(launch, day="2026-01-31")
    assert found.headline == headline(launch) == "Launch B"
    assert found.title == launch.title
    (bar,) = found.bars
    effect = launch.variant("B").effect
    assert effect is not None
    assert (bar.mean, bar.low, bar.high) == (effect.mean, effect.low, effect.high)
    assert found.band == launch.min_effect
    foot = dict(found.foot)
    assert foot["Price"].startswith("$36.15 of $400")
    assert foot["Rests on"] == "360 ratings: 240 by judge and 120 by crowd"
    assert "2026-01-31" in found.source
    assert found.source.startswith("Simulated, not real ratings")


def test_real_ratings_are_not_called_simulated(launch: Facts) -> None:
    found = card(replace(launch, fit=FitFacts("ok", ()), source="ratings.csv"))
    assert found.source.startswith("ratings.csv")


def test_a_refused_fit_has_reasons_and_no_probability(launch: Facts) -> None:
    facts = refused(launch)
    found = card(facts)
    assert (found.sure, found.sure_of, found.bars) == ("", "", ())
    assert found.reasons == (facts.fit.verdict_reasons if facts.fit else ())
    assert not any("%" in text for text in texts(facts))
    # even where a refused fit still has variants, nothing of them is shown
    with_variants = replace(launch, decision=Decision("refuse"), fit=facts.fit)
    assert not any("%" in text for text in texts(with_variants))


def test_the_control_that_leads_is_compared_with_its_rival(launch: Facts) -> None:
    found = card(kept(launch))
    assert found.headline == "Keep A"
    assert (found.sure, found.sure_of) == ("2.0 %", "probability that B is better than A")
    assert found.bars[0].mean == -0.31


def test_equivalence_has_its_own_probability_and_band(launch: Facts) -> None:
    facts = replace(launch, decision=Decision("stop_equivalent"), rope=0.15, prob_equivalent=0.961)
    found = card(facts)
    assert found.sure == "96.1 %"
    assert "less than 0.15 points" in found.sure_of
    assert found.band == 0.15


def test_shares_are_drawn_in_percentage_points(launch: Facts) -> None:
    found = card(replace(launch, unit="share", min_effect=0.01))
    effect = launch.variant("B").effect
    assert effect is not None
    assert found.bars[0].mean == pytest.approx(100 * effect.mean)
    assert found.band == 1.0
    assert "percentage points" in found.across


def test_what_looking_does_stands_beside_the_probability(launch: Facts) -> None:
    found = card(replace(launch, false_launch=Estimate(0.042, 0.0095)))
    assert "after look 2" in found.looks
    assert "4.2 % ± 1.9" in found.looks


def test_certainty_is_never_claimed(launch: Facts) -> None:
    assert card(kept(launch, 0.0)).sure == "< 0.1 %"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"fit": FitFacts("caution", ("R-hat is 1.02.",))}, "passes its own checks only in part"),
        ({"fit": FitFacts("ok", (), checks_failed=2, checks=("a",) * 9)}, "2 of 9 features"),
        ({"false_launch": Estimate(0.2, 0.01)}, "20 % of experiments"),
    ],
)
def test_what_could_be_wrong_is_said(launch: Facts, changed: dict[str, object], words: str) -> None:
    assert words in what_may_be_wrong(replace(launch, **changed))  # type: ignore[arg-type]


def test_few_people_are_counted(launch: Facts) -> None:
    few = tuple(replace(e, raters=2) if e.kind == "human" else e for e in launch.evaluators)
    assert what_may_be_wrong(replace(launch, evaluators=few)).startswith("Only 2 people rated")


def test_judges_alone_are_doubted_first(launch: Facts) -> None:
    judge = tuple(e for e in launch.evaluators if e.kind != "human")
    assert "No person has rated" in what_may_be_wrong(replace(launch, evaluators=judge))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_it_and_no_text_leaves_it(launch: Facts, name: str) -> None:
    facts = replace(renamed(launch, {"B": name, "A": name + "2"}), title=name * 3, source=name)
    fig = draw(card(facts))
    for text in fig.findobj(Text):
        if not text.get_text():
            continue
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= WIDE * DOTS
        assert box.y0 >= 0
        assert box.y1 <= HIGH * DOTS
        assert not any(sign in text.get_text() for sign in "\x1b\u202e")


def test_every_decision_has_a_sign_and_a_colour_in_both_themes(launch: Facts) -> None:
    assert set(SIGNS) == set(COLOURS) == {*get_args(DecisionName), "ok", "caution"}
    for theme in (LIGHT, DARK):
        picture = matplotlib.image.imread(BytesIO(card_png(launch, theme=theme)))
        assert picture.shape[:2] == (1080, 1920)
        ground = tuple(int(theme.ground[n : n + 2], 16) for n in (1, 3, 5))
        assert np.array_equal((255 * picture[5, 960, :3]).round(), ground)


def test_nothing_to_compare_has_a_card_too(launch: Facts) -> None:
    alone = replace(
        launch, variants=launch.variants[:1], leader="A", baseline="A", decision=Decision("collect"), further=()
    )
    assert card(alone).sure == ""
    assert card(alone).bars[0].name == "A"
    none = replace(alone, variants=(), leader="", baseline="", control=None)
    assert card(none).bars == ()
    assert texts(alone)
    assert texts(none)


def test_the_command_line_draws_it(launch: Facts, tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(facts_json(launch))
    picture = tmp_path / "a card.png"
    done = CliRunner().invoke(app, ["report", str(tmp_path), "--card", str(picture), "--dark"])
    assert done.exit_code == 0, done.output
    assert "a card.png" in " ".join(done.output.split())
    assert picture.read_bytes().startswith(b"\x89PNG")
    wrong = CliRunner().invoke(app, ["report", str(tmp_path), "--card", str(tmp_path / "card.doc")])
    assert wrong.exit_code == 2
    assert "Remedy" in wrong.output
