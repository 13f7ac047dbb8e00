"""Five questions of those who read one page: each is answered in one sentence that can be pointed at, in every situation and form.

What do we do, how sure are we, what did it cost, what could be wrong, what would a week or 100 dollars change. For each the sentence must
say what was asked: an action, a probability or why there is none, a price or that none is declared, a doubt, and what money or time would
bring.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest
from report_facts import SITUATIONS

from expsim_bayes.amounts import count, dollars, percent
from expsim_bayes.report import document, markdown, rendered
from expsim_bayes.report.answers import COST, DO, NEXT, SURE, WRONG, split
from expsim_bayes.report.html import html
from expsim_bayes.report.pdf import _data
from expsim_bayes.report.tidy import sheets

if TYPE_CHECKING:
    from expsim_bayes.facts import Facts
    from expsim_bayes.report.document import Answer, Document

QUESTIONS = (DO, SURE, COST, WRONG, NEXT)
ACTIONS = {
    "launch": r"^Launch {variant}( in place of {baseline})?\.$",
    "keep_control": r"^Keep {control}\b",
    "collect": r"^(Collect [\d,]+ more .* ratings|No decision yet|Have (another variant|outputs of two variants))",
    "stop_equivalent": r"^Stop: ",
    "refuse": r"^Do not act on this fit\.$",
}
"""What the first sentence must ask for, by decision."""
SAID: dict[str, tuple[str, str, str]] = {
    "clear winner": ("is more than 99.9 %", "judge may favour a variant", "100 dollars would buy"),
    "leaning": ("is 91.7 %", "judge may favour a variant", "bring a decision with a probability of"),
    "equivalent": (
        "within 0.15 points of each other is 96.1 %",
        "judge may favour a variant",
        "make the interval of the difference",
    ),
    "judge-limited": ("is 91.7 %", "No person has rated", "bring a decision with a probability of 2.1 %"),
    "guardrail broken": ("over the limit of 2", "judge may favour a variant", "may not be launched while the limit"),
    "shares": ("is more than 99.9 %", "judge may favour a variant", "100 dollars would buy"),
    "invalid fit": (
        "no probability is shown",
        "may be far from what the ratings say",
        "only once a fit can be trusted",
    ),
    "variants that nothing links": (
        "no probability is shown",
        "nothing that links them",
        "only once a fit can be trusted",
    ),
    "too few data": ("There is nothing to compare", "misses 1 of 2 features", "a second variant has to be rated"),
    "no variants": ("no variants are named", "Nothing was decided", "a second variant has to be rated"),
    "one rater": (
        "is more than 99.9 %",
        "unless it is a mean of several, the answer is one person's",
        "100 dollars would buy",
    ),
    "lower is better": (
        "B is better than A is more than 99.9 %",
        "judge may favour a variant",
        "100 dollars would buy",
    ),
}
"""How sure, what could be wrong and what next, in words that tell the situations apart."""


@cache
def page_of(situation: str) -> tuple[Facts, Document]:
    facts = SITUATIONS[situation]()
    return facts, document(facts, length="brief")


def answers(situation: str) -> dict[str, Answer]:
    return {block.question: block for block in page_of(situation)[1].blocks() if block.kind == "answer"}


def test_every_situation_is_looked_at() -> None:
    assert set(SAID) == set(SITUATIONS)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_each_answer_is_one_sentence(situation: str) -> None:
    facts, _ = page_of(situation)
    found = answers(situation)
    assert tuple(found) == QUESTIONS
    for question, answer in found.items():
        assert split(answer.sentence, facts) == (answer.sentence, ""), question
        assert re.search(r"[\w%)]\.$", answer.sentence), question
        assert 15 <= len(answer.sentence) <= 320, question


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_to_do_is_an_action_that_the_decision_asks_for(situation: str) -> None:
    facts, _ = page_of(situation)
    names = {"variant": facts.decision.variant, "baseline": facts.baseline, "control": facts.control}
    assert re.search(ACTIONS[facts.decision.name].format(**names), answers(situation)[DO].sentence)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_sure_wrong_and_next_say_what_the_situation_is(situation: str) -> None:
    found = answers(situation)
    for question, words in zip((SURE, WRONG, NEXT), SAID[situation], strict=True):
        assert words in found[question].sentence, question


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_probability_and_the_price_are_those_of_the_facts(situation: str) -> None:
    facts, _ = page_of(situation)
    found = answers(situation)
    if facts.decision.name in ("launch", "collect") and len(facts.variants) > 1:
        asked = facts.variant(facts.decision.variant or facts.leader)
        assert asked.prob_better is not None
        assert percent(asked.prob_better) in found[SURE].sentence
    if facts.usd is None:
        assert "not declared" in found[COST].sentence
    else:
        each = dollars(facts.usd / facts.ratings)
        assert f"cost {dollars(facts.usd)}" in found[COST].sentence
        assert found[COST].sentence.endswith(f"{each} a {facts.rated}.")
    assert f"{count(facts.ratings)} {facts.rated}" in found[COST].sentence


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_form_has_the_sentence_where_one_can_point_at_it(situation: str) -> None:
    facts, page = page_of(situation)
    text = re.sub(r"\\(.)", r"\1", markdown(facts, length="brief"))
    pages = html(page, {}).replace("&#39;", "'").replace("\u00a0", " ")
    told = json.loads(rendered("json", facts, length="brief"))["document"]
    in_json = {b["question"]: b["sentence"] for s in told["sections"] for b in s["blocks"] if b["kind"] == "answer"}
    in_pdf = {
        b["question"]: b["sentence"] for s in _data(page, {})["sections"] for b in s["blocks"] if b["kind"] == "answer"
    }
    in_csv = {str(row[0]): row[1] for row in sheets(facts)[0].rows}
    for question, answer in answers(situation).items():
        assert text.count(f"**{question}** {answer.sentence}") == 1
        assert pages.count(f'<h3>{question}</h3>\n<p class="sentence">{answer.sentence}</p>') == 1
        assert in_json[question] == in_csv[question] == answer.sentence
        assert in_pdf[question].replace("\u200b", "").replace("\u00a0", " ") == answer.sentence


def test_what_is_said_in_bold_is_not_said_again_below() -> None:
    for situation in SITUATIONS:
        sure = answers(situation)[SURE]
        probability = re.search(r"(?:(?:more|less) than )?[\d.]+ %\.$", sure.sentence)
        assert probability is None or f"being better {probability[0].rstrip('.')}" not in sure.more, situation


def test_what_money_brings_is_the_width_of_an_interval() -> None:
    facts, _ = page_of("equivalent")
    best = max((f.hundred for f in facts.further if f.hundred is not None), key=lambda bought: bought.variance_removed)
    narrower = percent(1.0 - (1.0 - best.variance_removed) ** 0.5)
    assert f"make the interval of the difference {narrower} narrower" in answers("equivalent")[NEXT].sentence
