"""The pages of simulated experiments: every page twice, one widget at a time; what they say of the code is what they show."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from expsim_bayes.amounts import quantity
from expsim_bayes.apps import answers, knobs, look_pictures, marks, pictures, shown, story
from expsim_bayes.apps.asked import Asked, edited, written
from expsim_bayes.cli.simulate import EQUAL_REPLICATIONS
from expsim_bayes.errors import ExpsimError
from expsim_bayes.operating_characteristics import false_launch_rate
from expsim_bayes.plots import DARK
from expsim_bayes.scenario import library, load, parse
from expsim_bayes.sentences import recommendation
from expsim_bayes.stopping import Superiority

MAIN = str(Path(answers.__file__).with_name("main.py"))
EDITS = (("looks", 4), ("variants.1.quality", 3.3), ("strategies.sequential.stopping.0.threshold", 0.97))


def page(name: str = "", **query: str) -> AppTest:
    """A page, shown once."""
    at = AppTest.from_file(MAIN, default_timeout=120)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    if name:
        at.switch_page(f"views/{name}.py").run()
    assert not at.exception, at.exception
    return at


def texts(at: AppTest) -> str:
    """All that a page says."""
    return "\n".join(
        str(getattr(e, "value", ""))
        for kind in ("title", "header", "subheader", "markdown", "caption", "info")
        for e in at.get(kind)
    )


class TestAsked:
    @pytest.mark.parametrize("name", library())
    def test_a_written_scenario_is_the_same_scenario(self, name: str) -> None:
        scenario = load(name)
        assert parse(written(scenario), name) == scenario

    def test_edits_stand_where_they_are_put(self) -> None:
        scenario = Asked("summarization-prompts", EDITS).scenario
        assert (scenario.looks, scenario.variants[1].quality) == (4, 3.3)
        rule = scenario.strategies["sequential"].stopping[0]
        assert rule == Superiority(threshold=0.97)
        assert scenario.variants[0] == load("summarization-prompts").variants[0]

    def test_edits_that_do_not_go_together_are_told_in_words(self) -> None:
        with pytest.raises(ExpsimError, match="quality"):
            edited(load("reranker"), {"variants.0.quality": 99.0})

    @pytest.mark.parametrize(
        "place", ["variants.9.quality", "variants.x.quality", "looks.more", "variants", "nothing.at.all"]
    )
    def test_places_that_there_are_not_are_told_in_words(self, place: str) -> None:
        with pytest.raises(ExpsimError):
            edited(load("reranker"), {place: 1.0})

    @pytest.mark.parametrize("edits", [(), EDITS])
    def test_its_python_says_what_the_page_says(
        self, edits: tuple[tuple[str, float], ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = Asked("summarization-prompts", edits, "sequential", "both", 7)
        monkeypatch.chdir(tmp_path)
        if edits:
            Path(asked.file()).write_text(asked.toml(), encoding="utf-8")
        told = io.StringIO()
        with redirect_stdout(told):
            exec(asked.python(), {})
        assert told.getvalue().strip() == recommendation(replace(answers.weighed(asked), false_launch=None)).text()

    def test_the_page_counts_false_launches_as_the_command_does(self) -> None:
        asked = Asked("reranker", (("looks", 3),), "sequential", "both", 2)
        scenario = asked.scenario
        counted = false_launch_rate(scenario, strategy="sequential", random_seed=2, replications=EQUAL_REPLICATIONS)
        assert answers.weighed(asked).false_launch == counted

    def test_the_lines_behind_a_curve_run(self) -> None:
        told = io.StringIO()
        with redirect_stdout(told):
            exec(Asked("reranker").curves(5), {})
        assert "usd" in told.getvalue()

    def test_the_lines_behind_mean_scores_give_them(self) -> None:
        asked = Asked("reranker", seed=2)
        lines = answers.enough(asked, 5).means().replace('load("reranker.toml")', "scenario")
        told: dict[str, object] = {"scenario": parse(answers.enough(asked, 5).toml(), "reranker")}
        with redirect_stdout(io.StringIO()):
            exec(lines, told)
        mean = told["scores"].mean().rename("mean").reset_index()  # type: ignore[attr-defined]
        seen = answers.seen(asked, 5).merge(mean, on=["evaluator", "variant"])
        assert len(seen) > 3
        assert np.allclose(seen["mean_x"], seen["mean_y"])

    def test_the_scenario_behind_peeking_launches_as_often(self) -> None:
        asked = Asked("summarization-prompts")
        equal = answers.equal(asked, 0.9)
        assert "--seed 0" in equal.command()
        found = false_launch_rate(equal.scenario, random_seed=0, replications=60)
        assert found.value == answers.peeked(asked, 0.9, 60).eager[-1] > 0

    def test_its_link_brings_back_the_page(self) -> None:
        asked = Asked("support-chat-tone", (("looks", 3),), "bandit", "human", 5)
        where, query = asked.link().split("?")
        pairs = dict(pair.split("=") for pair in query.replace("+", " ").split("&"))
        assert where == "simulate"
        at = AppTest.from_file(MAIN, default_timeout=120)
        for key, value in pairs.items():
            at.query_params[key] = value
        at.switch_page("views/simulate.py").run()
        assert not at.exception
        assert any(asked.command() in block.value for block in at.code)


class TestKnobs:
    @pytest.mark.parametrize("name", library())
    def test_every_knob_turns_the_scenario_and_declares_what_it_holds(self, name: str) -> None:
        scenario = load(name)
        for strategy in scenario.strategies:
            for knob in (k for some in knobs.knobs(scenario, strategy).values() for k in some):
                assert knob.low <= knob.value <= knob.high, knob
                kind = int if knob.whole else float
                assert parse(written(scenario, {knob.place: kind(knob.value)}), name) == scenario, knob
                turned = edited(
                    scenario,
                    {knob.place: kind(knob.low + knob.step if knob.low + knob.step != knob.value else knob.low)},
                )
                assert turned != scenario, knob


class TestPictures:
    def test_a_floor_below_the_target_is_told(self) -> None:
        found = answers.curves(Asked("summarization-prompts"), 60)
        assert "gets stuck" in pictures.in_a_sentence(found)
        assert found.floor is not None
        assert "gets stuck" not in pictures.in_a_sentence(found._replace(floor=0.99))

    def test_dollars_are_those_from_which_the_chance_stays(self) -> None:
        import xarray as xr

        curve = xr.Dataset(
            {
                "usd": ("look", [1.0, 2.0, 3.0, 4.0]),
                "right": ("look", [0.96, 0.94, 0.95, 0.97]),
                "mcse": ("look", [0.01] * 4),
            }
        )
        found = answers.Curves({"human": curve}, None)
        assert "$3.00" in pictures.in_a_sentence(found)
        never = answers.Curves({"human": curve.assign(right=curve["right"] * 0.9)}, None)
        assert "would need more than is drawn" in pictures.in_a_sentence(never)

    @pytest.mark.parametrize("what", ["prob_best", "quality", "effect", "outputs", "usd"])
    def test_a_picture_tells_its_last_look_in_words(self, what: str) -> None:
        one = answers.one(Asked("support-chat-tone", seed=5))
        found = look_pictures.over_looks(one.history, one.facts, what, truth=True, theme=DARK)
        assert found.chart["layer"]
        if what == "prob_best":
            for variant in one.facts.variants:
                assert f"{variant.name}: {100 * variant.prob_best:.1f} %" in found.words or "than" in found.words

    def test_what_the_rule_asks_for_is_drawn_where_it_asks_of_that_probability(self) -> None:
        best, control = (
            Asked("summarization-prompts"),
            Asked("support-chat-tone"),
        )  # whose rule asks who beats the control
        assert (answers.asks(best), answers.asks(control)) == (0.985, None)
        for asked, drawn in ((best, True), (control, False)):
            one = answers.one(asked)
            found = look_pictures.over_looks(one.history, one.facts, asked=answers.asks(asked))
            assert ("the rule asks for" in str(found.chart)) == drawn

    @pytest.mark.parametrize(
        "asked", [Asked("pass-or-fail", evaluators="human"), Asked("drafts-in-order", strategy="ab")]
    )
    def test_bands_of_shares_end_where_the_decision_says_and_within_0_and_100(self, asked: Asked) -> None:
        one = answers.one(asked)
        found = look_pictures.over_looks(one.history, one.facts, "quality")
        rows = found.chart["layer"][0]["data"]["values"]
        assert all(0 <= row["low"] <= row["high"] <= 100 for row in rows)
        for variant in one.facts.variants:
            last = [row for row in rows if row["name"] == variant.name][-1]
            ends = variant.quality.low, variant.quality.high
            np.testing.assert_allclose([last["low"] / 100, last["high"] / 100], ends, atol=1e-6)
            assert quantity(variant.quality.low, "share") in found.words

    def test_names_at_the_ends_of_lines_keep_apart(self) -> None:
        x = np.array([0.0, 1.0])
        lines = [marks.Line(name, x, np.array([0.5, 0.5])) for name in "abcd"]
        spec = marks.line_chart(lines, marks.Axis("x"), marks.Axis("y", domain=(0.0, 1.0)))
        layer = next(part for part in spec["layer"] if part["mark"].get("type") == "text")
        at = sorted(row["y"] for row in layer["data"]["values"])
        assert np.diff(at).min() >= marks.GAP - 1e-12
        assert 0 <= at[0] <= at[-1] <= 1

    def test_what_a_user_wrote_is_shown_as_it_is(self) -> None:
        told = shown.plain("<b>[x](http://y)</b> $1$ :red[z] www.evil.example a@b.example")
        assert told.replace(shown.JOINER, "") == (
            r"\<b\>\[x\]\(http\://y\)\</b\> \$1\$ \:red\[z\] www\.evil\.example a@b\.example"
        )
        assert not re.search(r"https?[\\]?:|www[\\]?\.|@\w|:red", told)


class TestPeeking:
    def test_an_eager_rule_launches_more_by_mistake_and_shares_only_grow(self) -> None:
        found = answers.peeked(Asked("summarization-prompts"), 0.9, 400)
        assert found.eager[-1] > found.calibrated[-1] + 2 * found.mcse
        assert (np.diff(found.eager) >= 0).all()
        assert found.calibrated[-1] <= 0.05 + 3 * found.mcse


class TestQuiz:
    def test_answers_are_those_of_the_simulated_truth(self) -> None:
        decided = []
        for seed in range(11, 23):
            found = answers.puzzle(Asked("summarization-prompts", seed=seed))
            facts = found.one.facts
            gain = facts.variant("B").true_quality - facts.variant("A").true_quality  # type: ignore[operator]
            assert found.best == (("B",) if gain > 0 else ())
            assert found.keep == (gain < facts.min_effect)
            assert 1 <= found.look <= facts.looks  # type: ignore[operator]
            decided.append(found.decided)
        assert 0 < sum(decided) < len(decided)

    def test_a_scenario_of_ones_own_is_told_as_its_file(self) -> None:
        text = written(load("reranker"), {"looks": 2})
        asked = Asked("own", own=text)
        assert asked.scenario.looks == 2
        assert (asked.file(), asked.toml()) == ("reranker.toml", text)
        assert asked._replace(edits=(("looks", 3),)).scenario.looks == 3


class TestPages:
    def test_start(self) -> None:
        at = page()
        assert "what will it cost to know" in texts(at)
        assert "A judge alone gets stuck" in texts(at)
        at.selectbox(key="scenario").set_value("reranker").run()
        assert not at.exception
        assert load("reranker").story.split(".")[0][:40] in texts(at).replace("\\", "")

    def test_what_was_missed_does_not_read_as_an_order(self) -> None:
        told = texts(page("simulate", **{"summarization-prompts.rated_by": "judge only"})).replace("\\", "")
        assert "nothing was decided. The right answer would have been to launch B: it is 0.35" in told

    def test_simulate_one_widget_at_a_time(self) -> None:
        at = page("simulate")
        first = texts(at)
        assert "Known, since this is simulated" in first
        at.run()
        assert texts(at) == first
        at.number_input(key="seed").set_value(3).run()
        assert texts(at) != first
        at.button_group(key="summarization-prompts.rated_by").set_value("llm").run()
        assert not at.exception
        at.slider(key="summarization-prompts.variants.1.quality").set_value(3.2).run()
        assert not at.exception
        assert any("summarization-prompts.toml" in block.value for block in at.code)

    @pytest.mark.parametrize(("asked", "chosen"), [("Dollars", "usd"), ("nothing", "prob_best")])
    def test_a_link_opens_the_chart_that_was_looked_at(self, asked: str, chosen: str) -> None:
        at = AppTest.from_file(MAIN, default_timeout=120)
        at.query_params["what"] = asked
        at.switch_page("views/simulate.py").run()
        assert not at.exception
        assert at.button_group(key="what").value == chosen

    def test_a_scenario_of_ones_own_is_opened_or_its_mistake_told(self) -> None:
        at = page("simulate")
        text = written(load("reranker"), {"looks": 2, "title": "My own reranker"})  # type: ignore[dict-item]
        at.file_uploader(key="own").set_value(("mine.toml", text.encode(), "application/toml")).run()
        assert not at.exception
        assert "My own reranker" in texts(at)
        bad = text.replace("looks = 2", "looks = -2")
        at.file_uploader(key="own").set_value(("mine.toml", bad.encode(), "application/toml")).run()
        assert not at.exception
        assert "looks" in at.error[0].value
        assert "cannot be used yet" in at.warning[0].value

    def test_a_knob_goes_back_to_where_the_scenario_has_it(self) -> None:
        at = page("simulate")
        at.slider(key="summarization-prompts.looks").set_value(5).run()
        assert at.button(key="undo").click().run().slider(key="summarization-prompts.looks").value == 16
        assert not at.exception

    def test_an_experiment_is_played_look_by_look(self) -> None:
        at = page("simulate")
        at.slider(key="summarization-prompts.variants.1.quality").set_value(3.25).run()
        stop = int(str(at.slider(key="look").value))
        assert stop > 2
        at.slider(key="look").set_value(1).run()
        assert f"Look 1 of {stop}" in texts(at)
        assert "Known, since" not in texts(at)

    def test_a_look_stays_where_it_was_while_another_part_is_looked_at(self) -> None:
        at = page("simulate")
        at.slider(key="summarization-prompts.variants.1.quality").set_value(3.25).run()
        at.slider(key="look").set_value(3).run()
        for part in ("Many of them", "One experiment"):
            at.session_state["part"] = part
            at.run()
        assert not at.exception
        assert at.slider(key="look").value == 3

    def test_probabilities_are_read_in_per_cent_and_linked_as_they_are(self) -> None:
        key = "summarization-prompts.strategies.sequential.stopping.0.threshold"
        slider = page("simulate", **{key: "0.985"}).slider(key=key)
        assert (slider.value, slider.proto.format) == (0.985, "percent")

    @pytest.mark.parametrize("step", range(len(story.STEPS) + 1))
    def test_every_step_of_the_story(self, step: int) -> None:
        at = page()
        at.session_state["story.at"] = step
        at.switch_page("views/story.py").run()
        assert not at.exception
        title = story.STEPS[step].title if step < len(story.STEPS) else "Quiz"
        assert title in texts(at)
        assert any(block.value.startswith("story?") for block in at.code)
        if step < len(story.STEPS):
            assert at.code[0].value.split()[0] in ("expsim", "python")
            compile(at.code[1].value, "shown", "exec")

    def test_a_link_opens_a_step_of_the_story_as_it_stood(self) -> None:
        at = AppTest.from_file(MAIN, default_timeout=120)
        at.query_params["step"], at.query_params["story.eager"] = "4", "0.93"
        at.switch_page("views/story.py").run()
        assert not at.exception
        assert at.header[0].value == "Peeking"
        assert "asks for 93 %" in texts(at).replace("\\", "")
        assert "story?step=4&story.eager=0.93" in [block.value for block in at.code]
        for strange in ("99", "-1", "x", "9" * 40):
            at = AppTest.from_file(MAIN, default_timeout=120)
            at.query_params["step"] = strange
            assert at.switch_page("views/story.py").run().header[0].value == story.STEPS[0].title

    def test_the_quiz_is_marked(self) -> None:
        at = page()
        at.session_state["story.at"] = len(story.STEPS)
        at.switch_page("views/story.py").run()
        found = answers.puzzle(Asked("summarization-prompts", seed=11))
        at.radio(key="quiz.launch").set_value(found.best[0] if found.best else "keep A")
        at.radio(key="quiz.converged").set_value("yes" if found.decided else "no")
        at.button(key="quiz.check").click().run()
        has = "it has." if found.decided else "it has not."
        launch, converged = at.success
        assert launch.value.startswith("Correct")
        assert converged.value.startswith(f"Correct: {has}")
        assert any(block.value.startswith("expsim simulate summarization-prompts.toml") for block in at.code)
        at.radio(key="quiz.converged").set_value("no" if found.decided else "yes")
        at.button(key="quiz.check").click().run()
        assert len(at.success) == len(at.warning) == 1
