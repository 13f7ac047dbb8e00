"""Sentences say what the facts say, for every decision, and no more."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from expsim_bayes.amounts import dollars, duration, percent
from expsim_bayes.experiment import play
from expsim_bayes.facts import Decision, Facts, FitFacts, PlainMean
from expsim_bayes.operating_characteristics import Estimate
from expsim_bayes.planning import Further
from expsim_bayes.recommend import of_experiment
from expsim_bayes.report.risks import risks
from expsim_bayes.scenario import load
from expsim_bayes.sentences import against_plain_means, how_sure, recommendation
from expsim_bayes.wording import never_removed, said_better


@pytest.fixture(scope="module")
def facts() -> Facts:
    """An experiment that launches B."""
    found = of_experiment(play(load("summarization-prompts"), random_seed=1), false_launch=Estimate(0.046, 0.005))
    assert found.decision.name == "launch"
    return found


def test_a_launch_names_difference_interval_probability_looks_and_the_rules_false_launches(facts: Facts) -> None:
    effect = facts.variant("B").effect
    assert effect is not None
    said = recommendation(facts)
    assert said.headline == "Launch B"
    assert f"{effect.mean:.2f} higher than A" in said.how_sure
    assert f"95 % interval +{effect.low:.2f} to +{effect.high:.2f}" in said.how_sure
    assert f"after {facts.looks} look" in said.how_sure
    assert "launches a variant that is no better in 4.6 % of such experiments, give or take 1.0" in said.how_sure


def test_a_launch_that_gains_less_than_what_matters_says_so(facts: Facts) -> None:
    effect = facts.variant("B").effect
    assert effect is not None
    assert "less than the" not in recommendation(facts).how_sure
    assert "less than the 0.90 points that matter" in recommendation(replace(facts, min_effect=0.9)).how_sure
    turned = replace(facts, higher_is_better=False, min_effect=0.9)
    assert "less than the 0.90 points that matter" in recommendation(turned).how_sure


def test_undecided_between_two_that_are_both_better_does_not_keep_the_control(facts: Facts) -> None:
    a, b = facts.variant("A"), replace(facts.variant("B"), prob_best=0.55, prob_better=0.99, expected_loss=0.02)
    c = replace(b, name="C", prob_best=0.43, prob_better=0.98)
    known = replace(facts, variants=(b, c, replace(a, prob_best=0.02)), decision=Decision("collect"), threshold=0.95)
    open_ = replace(known, further=tuple(f._replace(ratings=None) for f in facts.further), looks=None)
    said = recommendation(open_)
    assert said.headline == "Undecided between B and C"
    assert "B and C are each better than A (probabilities 99.0 % and 98.0 %)" in said.what_to_do
    assert "B, which gives away 0.02 points on average" in said.what_to_do
    assert "keep A" not in said.what_to_do
    doubtful = replace(open_, variants=(b, replace(c, prob_better=0.9), a))
    assert "Until then keep A" in recommendation(doubtful).what_to_do


def test_a_probability_that_just_reaches_what_was_asked_for_says_so(facts: Facts) -> None:
    just = replace(facts, variants=(facts.variant("A"), replace(facts.variant("B"), prob_best=0.953)))
    just = replace(just, decision=replace(facts.decision, threshold=0.95))
    assert "only just reached" in how_sure(replace(just, mcse=0.004))
    assert "only just reached" not in how_sure(replace(just, mcse=0.0))
    assert "only just reached" not in how_sure(
        replace(just, mcse=0.004, decision=replace(facts.decision, threshold=0.9))
    )
    assert "only just reached" not in how_sure(replace(just, mcse=0.004, decision=replace(just.decision, reason="?")))


def test_the_price_adds_up(facts: Facts) -> None:
    assert facts.usd is not None
    assert facts.usd_generation is not None
    assert sum(e.usd or 0 for e in facts.evaluators) + facts.usd_generation == pytest.approx(facts.usd)
    assert dollars(facts.usd) in recommendation(facts).price
    assert f"One evaluation cost {dollars(facts.usd / facts.ratings)}" in recommendation(facts).price


@pytest.mark.parametrize(
    ("decision", "headline"),
    [
        (Decision("launch", "B"), "Launch B"),
        (Decision("keep_control"), "Keep A"),
        (Decision("stop_equivalent"), "Stop: no difference that matters"),
        (Decision("collect"), r"Collect [\d,]+ more .* ratings|Undecided: more of the same will not settle it"),
    ],
)
def test_every_decision_has_words(facts: Facts, decision: Decision, headline: str) -> None:
    said = recommendation(replace(facts, decision=decision))
    assert re.fullmatch(headline, said.headline)
    assert said.what_to_do.endswith((".", ")"))
    assert said.how_sure


def test_an_experiment_that_is_under_way_goes_on(facts: Facts) -> None:
    further = tuple(batch._replace(ratings=None, prob_decides=0.0) for batch in facts.further)
    under_way = replace(facts, decision=Decision("collect"), looks=3, looks_planned=16, further=further)
    assert further
    assert recommendation(under_way).headline == "Go on: nothing is decided after look 3 of 16"
    assert "go on as planned" in recommendation(under_way).what_to_do
    assert "will not settle it" in recommendation(replace(under_way, looks=16)).headline


def test_a_refused_fit_shows_no_probability(facts: Facts) -> None:
    fit = FitFacts(verdict="refuse", verdict_reasons=("Chains disagree on quality[B]: the worst R-hat is 1.20.",))
    said = recommendation(replace(facts, decision=Decision("refuse"), fit=fit))
    bare = recommendation(replace(facts, decision=Decision("refuse"), fit=fit, variants=()))
    assert bare.price.startswith("The experiment cost $36.15")
    assert "generated outputs" not in bare.price
    assert "R-hat is 1.20" in said.what_to_do
    assert not re.search(r"\d %", said.text())


def test_looks_that_were_not_declared_are_named_as_such(facts: Facts) -> None:
    assert "how often it was looked at before is not known" in recommendation(replace(facts, looks=None)).how_sure


def test_a_fit_that_passes_with_caution_says_so_beside_its_probability(facts: Facts) -> None:
    cautious = FitFacts(verdict="caution", verdict_reasons=("Too few independent draws.",))
    said = recommendation(replace(facts, looks=None, fit=cautious)).how_sure
    assert re.search(
        r"probability of being better [^;]*; how often it was looked at before is not known; take it with caution", said
    )


def test_lower_is_better_says_so(facts: Facts) -> None:
    assert "higher (worse)" in recommendation(replace(facts, higher_is_better=False)).how_sure


@pytest.mark.parametrize("probability", [0.0, 1e-9, 0.9999999, 1.0])
def test_no_probability_claims_to_be_certain(probability: float) -> None:
    assert percent(probability) in {"less than 0.1 %", "more than 99.9 %"}


def test_judges_alone_are_told_who_could_settle_it() -> None:
    played = play(load("summarization-prompts"), random_seed=3, evaluators="llm")
    facts = of_experiment(played)
    assert facts.decision.name == "collect"
    judge = next(f for f in facts.further if f.label == "judge ratings")
    people = next(f for f in facts.further if f.label == "crowd ratings")
    assert judge.ratings is None
    assert judge.floor > 0.9
    assert people.ratings is not None
    said = recommendation(facts)
    assert "crowd ratings" in said.what_to_do
    assert "no number of its ratings will change that" in said.unknown
    assert "However many judge ratings are added" in said.further


def test_units_read_well() -> None:
    assert duration(1.0) == "1.0 days"
    assert duration(1 / 24 / 60) == "1 minute"
    assert dollars(99.999) == "$100.00"


def test_changes_of_place_against_plain_means_are_counted(facts: Facts) -> None:
    plain = (PlainMean("B", 3.0, 0.1, 0.2), PlainMean("A", 3.5, 0.1, 0.8))
    told = against_plain_means(replace(facts, fit=FitFacts("ok", (), plain_means=plain)))
    assert "plain means would put A first instead" in told
    assert "2 of 2 variants change places" in told


def test_an_experiment_that_ran_out_of_money_says_so(facts: Facts) -> None:
    decision = Decision("collect", reason="The next look may cost more than is left of the budget.", limit="budget")
    said = recommendation(replace(facts, decision=decision, further=()))
    assert said.headline == "Undecided: the budget does not suffice"
    assert "more than is left of the budget. What is left is not likely to bring one" in said.what_to_do


def test_nothing_is_said_of_further_ratings_where_nothing_is_known_of_them(facts: Facts) -> None:
    said = recommendation(replace(facts, decision=Decision("collect"), looks=16, further=()))
    assert said.headline == "Undecided"
    assert said.what_to_do == "No decision yet. Until then keep A."
    assert said.further == ""


def test_new_people_are_asked_where_they_cost_less_than_half(facts: Facts) -> None:
    def batch(label: str, new_people: int, usd: float) -> Further:
        made = facts.further[0]
        return made._replace(label=label, new_people=new_people, usd=usd, ratings=int(usd), prob_decides=0.8)

    for dear, chosen in ((150.0, "mine"), (250.0, "new")):
        further = (batch("mine", 0, dear), batch("new", 8, 100.0))
        said = recommendation(replace(facts, decision=Decision("collect"), further=further))
        assert said.headline.endswith(f"more {chosen}")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"unit": "share", "rated": "comparison"}, "B beats A on"),
        ({"unit": "share", "rated": "ranking", "control": None}, "percentage points more new items than A"),
        ({"unit": "share"}, "percentage points more outputs than A"),
        ({"unit": "share", "higher_is_better": False}, "Variant B fails on"),
        ({"unit": "dollars", "rated": "call", "higher_is_better": False}, "more a call than A"),
        ({"unit": "seconds", "rated": "call", "higher_is_better": False}, "s longer than A"),
        ({"unit": "seconds", "about": "p95", "rated": "call"}, "The slowest calls of B (95th percentile) take"),
        ({"unit": "tokens", "rated": "call", "higher_is_better": False}, "tokens more a call than A"),
    ],
)
def test_quality_is_said_in_the_words_of_its_kind(facts: Facts, settings: dict[str, Any], words: str) -> None:
    said = recommendation(replace(facts, looks=None, **settings))
    assert words in said.how_sure
    assert "points higher" not in said.how_sure
    assert "higher" not in said.how_sure


def test_one_of_something_is_singular(facts: Facts) -> None:
    assert "It rests on 1 comparison;" in recommendation(replace(facts, usd=None, ratings=1, rated="comparison")).price


def test_slots_are_no_persons(facts: Facts) -> None:
    people = tuple(replace(e, raters=3) for e in facts.evaluators if e.kind == "human")
    assert "Few people rated" in recommendation(replace(facts, evaluators=people)).unknown
    slots = tuple(replace(e, anonymous=True) for e in people)
    assert "Few people rated" not in recommendation(replace(facts, evaluators=slots)).unknown


def test_several_judges_are_several(facts: Facts) -> None:
    judge = next(e for e in facts.evaluators if e.kind != "human")
    more = replace(facts, evaluators=(*facts.evaluators, replace(judge, name="judge 2")))
    assert "the judge favours" in recommendation(facts).unknown
    assert "How far judges favour a variant" in recommendation(more).unknown
    points = {
        point.label: point.text for point in risks(replace(more, notices=("warning: one is alone", "kept"))).points
    }
    assert re.search(r"\(SD of that taste: [\d.]+ points each\)", points["Judges"])
    assert points["Data"] == "One is alone."
    stuck = tuple(facts.further[0]._replace(label=f"{name} ratings", floor=0.9) for name in ("a", "b"))
    assert (
        never_removed(stuck) == "However many a and b ratings are added, at least 94.9 % of the interval's width stays."
    )


def test_a_probability_that_stands_beside_is_left_out_and_another_of_the_same_size_stays(facts: Facts) -> None:
    leader, whole = facts.variant(facts.leader), how_sure(facts)
    assert leader.prob_better is not None
    told = f"probability of being better {percent(leader.prob_better)} after"
    assert told in whole
    assert how_sure(facts, beside=said_better(facts, leader)) == whole.replace(told, "after")
    assert how_sure(facts, beside=said_better(facts, replace(leader, name="another"))) == whole
