"""A monitored experiment: batches in, decisions out, what is next; and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from live_experiment import SCENARIO, batch, batches, content, experiment, write
from plain_posterior import plain_means

from expsim_bayes import superiority
from expsim_bayes.errors import ExpsimError, RatingsError, SettingError
from expsim_bayes.live import Reading, add, complete, opened, peeking, story, words
from expsim_bayes.live.ahead import ahead
from expsim_bayes.live.monitor import batches_of, joined
from expsim_bayes.live.peeking import Peeking
from expsim_bayes.live.simulated import SEED
from expsim_bayes.operating_characteristics import Estimate
from expsim_bayes.scenario import load

if TYPE_CHECKING:
    from pathlib import Path

    from expsim_bayes.live import Opened
    from expsim_bayes.live.posterior import Posterior


THREE = SCENARIO.replace("outputs_per_look = 40", "outputs_per_look = 42").replace(
    "[[evaluators]]", '[[variants]]\nname = "C"\nquality = 5\n\n[[evaluators]]', 1
)


def run(folder: Path, files: list[Path], **options: Any) -> Opened:
    for file in files:
        here, _ = add(folder, file, engine=plain_means, **options)
    return here


def table_of(here: Opened) -> pd.DataFrame:
    return joined(batches_of(here), here).table


# --------------------------------------------------------------------------------------------------------------- batches


def test_looks_tell_what_an_engine_and_the_rules_say(tmp_path: Path) -> None:
    files = batches(tmp_path / "in", 3)
    experiment(tmp_path / "e", seed=5)
    here = run(tmp_path / "e", files)
    assert [look.look for look in here.looks] == [1, 2, 3]
    whole = pd.concat([pd.read_csv(file) for file in files])
    last = here.looks[-1]
    # the same by hand: means, and the chance of being best of two independent normals
    mean = whole.groupby("variant")["score"].mean()
    variance = [float(score.var(ddof=1)) / len(score) for _, score in whole.groupby("variant")["score"]]
    exact = superiority.from_gaussian(mean.to_numpy(), np.diag(variance), control=0, min_effect=0.2)
    np.testing.assert_allclose([v.mean for v in last.variants], mean, atol=1e-9)
    np.testing.assert_allclose([v.prob_best for v in last.variants], exact.prob_best, atol=0.04)
    assert last.variants[0].prob_superior is None
    assert last.variants[1].prob_superior == pytest.approx(exact.prob_superior[1], abs=0.04)
    assert last.ratings == len(whole)
    assert last.decision == "continue"
    assert "look 3 of 6" in last.reason
    assert len({look.random_seed for look in here.looks}) == 3
    assert last.data_sha256 != here.looks[0].data_sha256
    assert opened(tmp_path / "e") == here


def test_dollars_and_days_by_brute_force(tmp_path: Path) -> None:
    files = batches(tmp_path / "in", 2)
    experiment(tmp_path / "e")
    last = run(tmp_path / "e", files).looks[-1]
    dollars, outputs, days = 0.0, set(), 0.0
    for file in files:
        people = 0
        for row in pd.read_csv(file, dtype=str).to_dict("records"):
            dollars += {"judge": 0.1, "crowd": 1.0}[row["evaluator"]]
            people += int(row["evaluator"] == "crowd")
            outputs.add((row["variant"], row["item"]))
        days += people * 36 / 3600 / 8  # people are slower than the judge
    dollars += sum({"A": 0.01, "B": 0.02}[v] for v, _ in outputs)
    assert last.usd == pytest.approx(dollars)
    assert last.days == pytest.approx(days)
    assert sum(last.outputs.values()) == len(outputs)


def test_the_same_batch_twice_changes_nothing(tmp_path: Path) -> None:
    first, second = batches(tmp_path / "in", 2)
    experiment(tmp_path / "e")
    run(tmp_path / "e", [first, second])
    before = content(tmp_path / "e")
    renamed = write(tmp_path / "other name.csv", pd.read_csv(first, dtype=str))
    windows = tmp_path / "windows.csv"
    windows.write_bytes(first.read_bytes().replace(b"\n", b"\r\n"))
    for again in (first, renamed, windows):
        here, told = add(tmp_path / "e", again, engine=plain_means)
        assert told.again
        assert told.look == 1
        assert len(here.looks) == 2
    assert content(tmp_path / "e") == before


def test_rows_of_an_earlier_batch_are_refused_by_their_number_in_the_file(tmp_path: Path) -> None:
    (first,) = batches(tmp_path / "in", 1)
    experiment(tmp_path / "e")
    run(tmp_path / "e", [first])
    before = content(tmp_path / "e")
    old = pd.read_csv(first, dtype=str).iloc[[4, 7]]
    mixed = write(
        tmp_path / "mixed.csv", pd.concat([batch(2).astype(str).iloc[:3], old, batch(2).astype(str).iloc[3:]])
    )
    with pytest.raises(
        RatingsError, match=r"mixed\.csv, rows 5, 6: 2 rows equal to a row of an earlier batch \(batch 1\.csv\)"
    ):
        add(tmp_path / "e", mixed, engine=plain_means)
    assert content(tmp_path / "e") == before


def test_what_was_truly_rated_twice_can_be_kept(tmp_path: Path) -> None:
    (first,) = batches(tmp_path / "in", 1)
    again = batch(1).iloc[:6]
    experiment(tmp_path / "e")
    run(tmp_path / "e", [first])
    here = run(tmp_path / "e", [write(tmp_path / "numbered.csv", again.assign(repeat="2"))])
    assert [batch.rows for batch in here.manifest.batches] == [80, 6]
    experiment(tmp_path / "k", reading=Reading(duplicates="keep"))
    here = run(tmp_path / "k", [first, write(tmp_path / "again.csv", again)])
    assert here.looks[-1].ratings == 86
    assert any("6 rows equal to one that is already there" in text for text in words.warnings(here.looks[-1]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": 11}, r"bad\.csv.*score.*Remedy"),
        ({"score": "good"}, r"bad\.csv.*score.*row.*Remedy"),
        ({"variant": "C"}, r"bad\.csv, column 'variant', rows 2, 3.*--new-variant 'C'"),
        ({"rater": ""}, r"bad\.csv, column 'rater'.*Remedy"),
        ({"kind": "robot"}, r"bad\.csv, column 'kind'.*Remedy"),
    ],
)
def test_a_batch_that_is_refused_changes_nothing(tmp_path: Path, change: dict[str, object], message: str) -> None:
    experiment(tmp_path / "e")
    run(tmp_path / "e", batches(tmp_path / "in", 1))
    before = content(tmp_path / "e")
    bad = write(tmp_path / "bad.csv", batch(2).assign(**change))  # type: ignore[arg-type]
    with pytest.raises(RatingsError, match=message):
        add(tmp_path / "e", bad, engine=plain_means)
    assert content(tmp_path / "e") == before
    names = {path.name for path in (tmp_path / "e").rglob("*")} - {".guard"}
    assert names == {"manifest.json", "scenario.toml", "settings.json", "batches", "looks"} | {
        file.rpartition("/")[2] for file in before["parts"]
    }


def test_settings_of_the_reading_reach_the_reader(tmp_path: Path) -> None:
    experiment(tmp_path / "e", reading=Reading(columns={"score": "points"}, where={"language": "en"}))
    frame = batch(1).rename(columns={"score": "points"}).assign(language=["en", "de"] * 40)
    here, told = add(tmp_path / "e", write(tmp_path / "b.csv", frame), engine=plain_means)
    assert told.rows == 40
    assert here.looks[-1].ratings == 40


def test_raters_are_known_by_name_or_by_kind(tmp_path: Path) -> None:
    experiment(tmp_path / "e", prices={"panel": 7.0})
    frame = batch(1).replace({"evaluator": {"judge": "gpt-9", "crowd": "panel"}})
    metric = frame.iloc[:2].assign(evaluator="bleu", rater="bleu", kind="metric")
    here, _ = add(tmp_path / "e", write(tmp_path / "b.csv", pd.concat([frame, metric])), engine=plain_means)
    found = {e.name: (e.declared, e.usd) for e in here.looks[-1].evaluators}
    assert found == {"gpt-9": ("judge", pytest.approx(4.0)), "panel": ("crowd", 280.0), "bleu": (None, None)}
    assert here.looks[-1].unpriced == ("bleu",)
    assert any("no price is known for bleu" in text for text in words.warnings(here.looks[-1]))


# --------------------------------------------------------------------------------------------------------------- rules


def test_the_first_decision_stands(tmp_path: Path) -> None:
    experiment(tmp_path / "e")
    files = [
        write(tmp_path / "1.csv", batch(1, gap=3.0)),
        write(tmp_path / "2.csv", batch(2, gap=-9.0)),
    ]
    here = run(tmp_path / "e", files)
    assert here.ended is not None
    assert (here.ended.look, here.ended.decision, here.ended.variant) == (1, "launch", "B")
    assert here.looks[-1].decision != "launch"
    assert words.headline(here) == "Launch B (decided at look 1)"
    assert "What was decided stands" in dict(words.state(here))["Since then"]
    assert words.next_words(here, None)[0][1].startswith("Nothing: the experiment ended at look 1")


def test_rules_of_an_ab_test_are_asked_at_the_end(tmp_path: Path) -> None:
    text = SCENARIO.replace("looks = 6", "looks = 2")
    experiment(tmp_path / "e", text, strategy="ab")
    here = run(tmp_path / "e", batches(tmp_path / "in", 2, gap=3.0))
    assert [look.decision for look in here.looks] == ["continue", "launch"]
    assert "after look 2, the last" in here.looks[0].reason


def test_looks_and_money_run_out(tmp_path: Path) -> None:
    for name, change, limit in (
        ("looks", ("looks = 6", "looks = 2"), "looks"),
        ("money", ("budget_usd = 1000", "budget_usd = 100"), "budget"),
    ):
        experiment(tmp_path / name, SCENARIO.replace(*change))
        here = run(tmp_path / name, batches(tmp_path / "in", 2, gap=0.0))
        assert [look.decision for look in here.looks] == ["continue", "collect"]
        assert here.looks[-1].limit == limit
        assert here.ended == here.looks[-1]
    beyond = run(tmp_path / "looks", [write(tmp_path / "3.csv", batch(3, gap=5.0))])
    assert beyond.ended is not None
    assert (beyond.ended.look, beyond.ended.decision) == (3, "launch")  # what decides ends it, not what ran out before
    assert "3 looks, 1 more than the 2 that were planned" in words.looks_taken(beyond)


def test_nothing_is_decided_before_every_variant_is_rated(tmp_path: Path) -> None:
    experiment(tmp_path / "e", THREE)
    here = run(tmp_path / "e", batches(tmp_path / "in", 1, gap=3.0))
    assert here.looks[-1].decision == "continue"
    assert "Nobody has rated C yet" in here.looks[-1].reason
    more = write(tmp_path / "c.csv", batch(2, gap=3.0, variants="ABC"))
    assert run(tmp_path / "e", [more]).looks[-1].variant == "C"


def test_a_control_that_comes_late(tmp_path: Path) -> None:
    experiment(tmp_path / "e")
    only = write(tmp_path / "b.csv", batch(1, variants="B"))
    here = run(tmp_path / "e", [only])
    assert "Nobody has rated A yet" in here.looks[-1].reason
    here = run(tmp_path / "e", [write(tmp_path / "both.csv", batch(2))])
    assert here.looks[-1].variants[1].prob_superior is not None


def test_a_limit_on_latency_bars_a_variant(tmp_path: Path) -> None:
    text = SCENARIO + '\n[[guardrails]]\nrule = "guardrail"\nmetric = "latency_s"\nat_most_ratio = 2.0\n'
    experiment(tmp_path / "slow", text)
    slow = batch(1, gap=3.0)
    slow["latency_s"] = np.where(slow["variant"] == "B", 9.0, 1.0) * np.exp(0.01 * np.arange(len(slow)) % 0.1)
    here = run(tmp_path / "slow", [write(tmp_path / "slow.csv", slow)])
    assert here.looks[-1].decision == "keep_control"
    assert here.looks[-1].of("B").prob_best == 0  # type: ignore[union-attr]
    experiment(tmp_path / "unknown", text)
    here = run(tmp_path / "unknown", [write(tmp_path / "plain.csv", batch(1, gap=3.0))])
    assert here.looks[-1].variant == "B"
    assert any("the limit on latency is not asked" in notice for notice in here.looks[-1].notices)


def test_a_limit_on_faults_bars_a_variant_and_what_must_be_cleared_waits(tmp_path: Path) -> None:
    text = (
        SCENARIO + '\n[[guardrails]]\nrule = "guardrail"\nmetric = "fault_rate"\nat_most_more = 0.02\nclear_at = 0.05\n'
    )
    experiment(tmp_path / "risky", text)
    risky = batch(1, gap=3.0)
    risky["fault"] = ((risky["variant"] == "B") & (risky["item"].astype(str).str[-1] < "5")).astype(int)
    here = run(tmp_path / "risky", [write(tmp_path / "risky.csv", risky)])
    assert here.looks[-1].decision == "keep_control"
    experiment(tmp_path / "unknown", text)
    here = run(tmp_path / "unknown", [write(tmp_path / "plain.csv", batch(1, gap=3.0))])
    assert here.looks[-1].decision == "continue"
    assert any(
        "the limit on faults is not asked: no batch has a column 'fault'" in notice for notice in here.looks[-1].notices
    )


def test_a_fit_that_is_refused_shows_no_probability_and_decides_nothing(tmp_path: Path) -> None:
    def doubtful(*args: Any, **options: Any) -> Posterior:
        return plain_means(*args, **options)._replace(verdict="refuse", reasons=("R-hat is 1.2.",))

    def impossible(*_args: Any, **_options: Any) -> Posterior:
        raise SettingError("this model needs people", remedy="have people rate")

    files = batches(tmp_path / "in", 3, gap=3.0)
    experiment(tmp_path / "e")
    for file, engine, reason in ((files[0], doubtful, "R-hat"), (files[1], impossible, "needs people")):
        here, _ = add(tmp_path / "e", file, engine=engine)
        last = here.looks[-1]
        assert (last.decision, last.variants, last.leader, last.prob_equivalent) == ("refuse", (), None, None)
        assert reason in last.reason
    assert here.ended is None
    here, _ = add(tmp_path / "e", files[2], engine=plain_means)
    assert here.looks[-1].decision == "launch"


# --------------------------------------------------------------------------------------------------- variants come and go


def test_a_new_variant_is_declared_with_its_batch(tmp_path: Path) -> None:
    experiment(tmp_path / "e")
    run(tmp_path / "e", batches(tmp_path / "in", 1))
    newer = write(tmp_path / "c.csv", batch(2, variants="ABC"))
    with pytest.raises(RatingsError, match=r"no row of c\.csv is of the variant 'D'"):
        add(tmp_path / "e", newer, new_variants=["C", "D"], engine=plain_means)
    with pytest.raises(RatingsError, match="'A' is known already"):
        add(tmp_path / "e", newer, new_variants=["A", "C"], engine=plain_means)
    here, _ = add(tmp_path / "e", newer, new_variants=["C"], engine=plain_means)
    assert here.variants == ("A", "B", "C")
    assert [added.look for added in here.manifest.added] == [2]
    here = run(tmp_path / "e", [write(tmp_path / "3.csv", batch(3, variants="ABC"))])
    assert [v.name for v in here.looks[-1].variants] == ["A", "B", "C"]
    found = peeking.peeking(here)
    assert found.rate is None
    assert "C, which came in later" in found.why_not


def test_a_dropped_variant_is_not_asked_for_again(tmp_path: Path) -> None:
    experiment(tmp_path / "e", THREE, drop_below=0.05, strategy="bandit")
    frame = batch(1, variants="ABC", gap=0.1)
    frame.loc[frame["variant"] == "C", "score"] = 1.0 + 0.01 * np.arange(40)
    here = run(tmp_path / "e", [write(tmp_path / "1.csv", frame)])
    assert here.dropped == ("C",)
    plan = ahead(here, table_of(here))
    assert plan is not None
    assert {share.variant for share in plan.shares} == {"A", "B"}
    assert sum(share.outputs for share in plan.shares) == 42
    here = run(tmp_path / "e", [write(tmp_path / "2.csv", batch(2))])
    assert here.dropped == ("C",)
    assert here.looks[-1].of("C").prob_best == 0  # type: ignore[union-attr]
    assert "C, which was dropped" in dict(words.next_words(here, ahead(here, table_of(here))))["Not asked for"]


def test_the_control_is_never_dropped(tmp_path: Path) -> None:
    experiment(tmp_path / "e", drop_below=0.4)
    here = run(tmp_path / "e", [write(tmp_path / "1.csv", batch(1, gap=3.0))])
    assert here.dropped == ()


# ---------------------------------------------------------------------------------------------------------------- next


def test_next_shares_out_by_the_policy_and_repeats(tmp_path: Path) -> None:
    here = experiment(tmp_path / "e", strategy="bandit")
    first = ahead(here, None)
    assert first is not None
    assert first == ahead(here, None)
    assert first.per_item == 1
    assert sum(share.outputs for share in first.shares) == 40
    here = run(tmp_path / "e", [write(tmp_path / "1.csv", batch(1, gap=0.6, items=40))])
    best = np.array([[v.prob_best for v in here.looks[-1].variants]])
    expected = 40 * here.scenario.strategies["bandit"].allocation.probabilities(best, 2)[0]
    plan = ahead(here, table_of(here))
    assert plan is not None
    np.testing.assert_allclose([share.outputs for share in plan.shares], expected, atol=3 * np.sqrt(40) / 2)


def test_next_counts_what_people_have_still_to_rate(tmp_path: Path) -> None:
    experiment(tmp_path / "e")
    judged = batch(1, people=False)
    here = run(tmp_path / "e", [write(tmp_path / "judge.csv", judged)])
    plan = ahead(here, table_of(here))
    assert plan is not None
    (pending,) = plan.pending
    assert (pending.evaluator, pending.expected, pending.arrived, len(pending.outputs)) == ("crowd", 20, 0, 20)
    some = batch(1)
    some = some[some["kind"] == "human"].iloc[:14]
    here = run(tmp_path / "e", [write(tmp_path / "people.csv", some)])
    plan = ahead(here, table_of(here))
    assert plan is not None
    (pending,) = plan.pending
    assert (pending.arrived, len(pending.outputs)) == (14, 6)
    rated = set(zip(some["variant"], some["item"], strict=True))
    assert not rated & {(variant, item) for variant, item, *_ in pending.outputs}
    assert here.looks[-1].outputs == {"A": 20, "B": 20}  # late ratings are of outputs that are paid for
    assert "20 that were to come have arrived" in dict(words.next_words(here, plan))["Pending"]


def test_comparisons_are_planned_and_peeking_is_not_known(tmp_path: Path) -> None:
    experiment(tmp_path / "e")

    def halves(ratings: Any, settings: Any, wanted: Any, **_: Any) -> Posterior:  # noqa: ARG001
        even = np.random.default_rng(wanted.random_seed).normal(0.5, 0.05, (500, len(ratings.variants)))
        return replace_posterior(even, ratings.variants)

    frame = pd.DataFrame(
        {"variant_left": "A", "variant_right": "B", "item": [f"i{n}" for n in range(30)], "rater": "ann", "kind": "human",
         "outcome": ["left", "right", "tie"] * 10}
    )  # fmt: skip
    here, _ = add(tmp_path / "e", write(tmp_path / "pairs.csv", frame), engine=halves)
    assert here.looks[-1].outcome == "comparison"
    assert here.looks[-1].usd == pytest.approx(30 * 1.0 + 30 * 0.03)
    plan = ahead(here, table_of(here))
    assert plan is not None
    assert (plan.items, plan.per_item) == (20, 2)
    assert "cannot be told for this kind yet" in words.peeked(here, peeking.peeking(here))


def replace_posterior(quality: np.ndarray[Any, Any], variants: tuple[str, ...]) -> Posterior:
    from expsim_bayes.live.posterior import Posterior as Made

    return Made(variants, quality, float(len(quality)), True, "preference", "", "ok", (), unit="share")  # noqa: FBT003


# ------------------------------------------------------------------------------------------------------ peeking and story


def test_peeking_is_of_the_kind_of_looks_that_the_scenario_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peeking, "false_launch_rate", lambda *_, **__: Estimate(0.04, 0.006))
    experiment(tmp_path / "e")
    here = run(tmp_path / "e", batches(tmp_path / "in", 1))
    stars = here._replace(scenario=load("answer-stars"))

    def found(of: Any, model: str) -> Peeking:
        return peeking.peeking(of._replace(looks=(of.looks[-1].model_copy(update={"model": model}),)))

    assert found(stars, "ordinal").rate == found(here, "continuous").rate == Estimate(0.04, 0.006)
    assert found(stars, "continuous").why_not.startswith(
        "simulated looks are of stars, and the model here is 'continuous'"
    )
    assert "are of scores on a continuous scale" in found(here, "ordinal").why_not
    verdicts = here._replace(scenario=load("pass-or-fail"))
    assert found(verdicts, "binary").rate == Estimate(0.04, 0.006)
    assert found(verdicts, "continuous").why_not.startswith("simulated looks are of verdicts of pass or fail")


def test_peeking_is_simulated_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counted(scenario: Any, **_: Any) -> Estimate:
        asked.append(scenario.looks)
        return Estimate(0.04, 0.006)

    monkeypatch.setattr(peeking, "false_launch_rate", counted)
    experiment(tmp_path / "e")
    here = run(tmp_path / "e", batches(tmp_path / "in", 1))
    assert peeking.peeking(here) == peeking.peeking(here) == Peeking(Estimate(0.04, 0.006), 6)
    assert asked == [6]
    (file,) = (tmp_path / "e" / "cache").iterdir()
    file.write_bytes(b"")  # lost: made anew
    peeking.peeking(here)
    assert asked == [6, 6]
    file.unlink()
    (tmp_path / "e" / "cache").rmdir()
    peeking.peeking(here)
    assert asked == [6, 6, 6]
    told = words.peeked(here, peeking.peeking(here))
    assert "4.0 % of experiments with 6 looks (give or take 1.2" in told
    assert "calibrate" not in told
    loose = words.peeked(here, Peeking(Estimate(0.12, 0.01), 6))
    assert f"`expsim monitor status {tmp_path / 'e'} --calibrate` searches for the threshold that holds 5 %" in loose
    assert "--calibrate" not in words.peeked(here, Peeking(Estimate(0.12, 0.01), 6), calibrated=True)


def test_peeking_is_that_of_the_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from expsim_bayes.operating_characteristics import false_launch_rate

    monkeypatch.setattr(peeking, "REPLICATIONS", 60)
    here = experiment(tmp_path / "e")
    expected = false_launch_rate(here.scenario, strategy="sequential", random_seed=SEED, replications=60)
    assert peeking.peeking(here).rate == expected


def test_the_story_tells_every_look(tmp_path: Path) -> None:
    experiment(tmp_path / "e")
    here = run(tmp_path / "e", batches(tmp_path / "in", 3))
    out = tmp_path / "out"
    out.mkdir()
    page = story.write(here, out, peeking=Peeking(Estimate(0.04, 0.006), 6), plan=ahead(here, table_of(here)))
    text = page.read_text(encoding="utf-8")
    for part in (
        "# Two prompts",
        "## Look by look",
        "Look 2: 80 ratings from batch 2",
        "## Peeking",
        "4.0 %",
        "## What to rate next",
    ):
        assert part in text
    assert text.count("| go on |") == 3
    assert (out / "figures" / "quality.png").stat().st_size > 1000
    history = story.history_of(here)
    assert history is not None
    np.testing.assert_array_equal(history["ratings"].sum("evaluator"), [80, 160, 240])


def test_names_of_users_are_not_markup(tmp_path: Path) -> None:
    text = SCENARIO.replace('name = "B"', 'name = "<b>*B*"')
    experiment(tmp_path / "e", text)
    frame = batch(1).replace({"variant": {"B": "<b>*B*"}})
    here = run(tmp_path / "e", [write(tmp_path / "a|b.csv", frame)])
    page = story.page(here, peeking=Peeking(None, 6, "why"), plan=None)
    assert "<b>" not in page.replace(r"\<b\>", "")
    assert r"a\|b.csv" in page


# -------------------------------------------------------------------------------------------------------------- settings


def test_an_experiment_is_begun_once_and_where_there_is_room(tmp_path: Path) -> None:
    experiment(tmp_path / "e")
    with pytest.raises(SettingError, match="holds an experiment already"):
        experiment(tmp_path / "e")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    with pytest.raises(SettingError, match=r"holds other files \(thesis.tex\)"):
        experiment(tmp_path / "full")
    with pytest.raises(SettingError, match="is a file"):
        experiment(tmp_path / "full" / "thesis.tex")
    with pytest.raises(ExpsimError, match="'Z' is no variant"):
        experiment(tmp_path / "z", control="Z")
    with pytest.raises(SettingError, match="holds no monitored experiment"):
        opened(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["scenario.toml", "settings.json"])
def test_a_changed_scenario_or_setting_is_refused(tmp_path: Path, name: str) -> None:
    files = batches(tmp_path / "in", 2)
    experiment(tmp_path / "e")
    run(tmp_path / "e", files[:1])
    before = content(tmp_path / "e")
    path = tmp_path / "e" / name
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("0.999", "0.6").replace('"seed": 0', '"seed": 1'), encoding="utf-8")
    for call in (lambda: opened(tmp_path / "e"), lambda: add(tmp_path / "e", files[1], engine=plain_means)):
        with pytest.raises(SettingError, match=rf"{name}: was changed since the experiment began. Remedy: put it back"):
            call()
    path.write_text(text, encoding="utf-8")
    assert content(tmp_path / "e") == before
    assert len(run(tmp_path / "e", files[1:]).looks) == 2


def test_damage_is_told_by_name(tmp_path: Path) -> None:
    experiment(tmp_path / "e")
    here = run(tmp_path / "e", batches(tmp_path / "in", 1))
    for file in (here.manifest.batches[0].file, here.manifest.looks[0].file):
        path = tmp_path / "e" / file
        whole = path.read_bytes()
        for broken, message in ((whole[:-1], "is damaged"), (b"", "is empty or missing")):
            path.write_bytes(broken)
            with pytest.raises(ExpsimError, match=rf"{path.name}.*{message}"):
                opened(tmp_path / "e")
        path.unlink()
        with pytest.raises(ExpsimError, match="is empty or missing"):
            complete(tmp_path / "e")
        path.write_bytes(whole)
    manifest = tmp_path / "e" / "manifest.json"
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["batches"][0]["file"] = "../../secret.csv"
    for broken in (b"", b"{", json.dumps(told).encode()):
        manifest.write_bytes(broken)
        with pytest.raises(ExpsimError, match=r"manifest\.json"):
            opened(tmp_path / "e")


def test_late_control_and_reference_are_set_on_the_whole(tmp_path: Path) -> None:
    experiment(tmp_path / "e", reference="crowd")
    here = run(tmp_path / "e", [write(tmp_path / "judge.csv", batch(1, people=False))])
    whole = joined(batches_of(here), here)
    assert whole.reference is None
    assert any("the reference 'crowd' has no rating yet" in notice for notice in here.looks[-1].notices)
    here = run(tmp_path / "e", [write(tmp_path / "both.csv", batch(2))])
    whole = joined(batches_of(here), here)
    assert (whole.reference, whole.control) == ("crowd", "A")
    assert replace(whole) is not whole
