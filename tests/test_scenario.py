"""Scenarios: every mistake in a TOML file is told by its key, with a remedy; the library holds together."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from small_scenario import small, variants

from expsim_bayes.errors import ScenarioError, SettingError
from expsim_bayes.operating_characteristics import allowed_by_guardrails
from expsim_bayes.scenario import Scenario, StrategyName, library, load, parse
from expsim_bayes.stopping import Budget, Guardrail, MaxRatings

GOOD = """
name = "two-prompts"
title = "Two prompts"
score_range = [1.0, 5.0]
control = "A"
min_effect = 0.1
looks = 4
outputs_per_look = 20

[items]
count = 100
sd = 0.5

[[variants]]
name = "A"
quality = 3.0
output_sd = 0.2

[[variants]]
name = "B"
quality = 3.5
output_sd = 0.2

[[evaluators]]
name = "judge"
kind = "llm"
noise_sd = 0.5
shift_sd = 0.1
usd_per_rating = 0.001

[[evaluators]]
name = "crowd"
kind = "human"
raters = 4
severity_sd = 0.3
noise_sd = 0.6
usd_per_rating = 0.30

[strategies.sequential]
stopping = [{ rule = "superiority", threshold = 0.95 }]

[strategies.bandit]
allocation = { policy = "thompson" }
stopping = [{ rule = "superiority", threshold = 0.95 }]
"""

EVALUATOR = r"\[\[evaluators\]\] number 2 'crowd'"
VARIANT = r"\[\[variants\]\] number 2 'B'"
RULE = r"\[\[strategies.sequential.stopping\]\] number 1"

# (what is wrong, text to replace, its replacement, what the message must say)
BAD = [
    ("missing key", "looks = 4", "", "'looks' is missing.*add `looks"),
    ("missing key of an entry", "quality = 3.5", "", f"{VARIANT}.*'variants.quality' is missing"),
    ("misspelt key", "outputs_per_look", "output_per_look", "outputs_per_look"),
    (
        "misspelt key of an entry",
        "severity_sd",
        "severty_sd",
        f"{EVALUATOR}.*'evaluators.severty_sd' is not known.*spelling",
    ),
    ("unknown key of items", "sd = 0.5\n\n[[var", "spread = 0.5\n\n[[var", "'items.spread' is not known"),
    ("text for a number", "quality = 3.5", 'quality = "high"', f"{VARIANT}.*'variants.quality' is 'high'"),
    ("fraction of a look", "looks = 4", "looks = 4.5", "'looks' is 4.5"),
    ("no looks", "looks = 4", "looks = 0", "'looks' is 0"),
    ("not a number", "quality = 3.5", "quality = nan", f"{VARIANT}.*'variants.quality' is nan"),
    ("infinite", "noise_sd = 0.6", "noise_sd = inf", f"{EVALUATOR}.*'evaluators.noise_sd' is inf"),
    ("negative SD", "severity_sd = 0.3", "severity_sd = -0.3", f"{EVALUATOR}.*'evaluators.severity_sd' is -0.3"),
    ("no noise", "noise_sd = 0.6", "noise_sd = 0", f"{EVALUATOR}.*'evaluators.noise_sd' is 0"),
    ("unknown kind", '"human"', '"person"', f"{EVALUATOR}.*'evaluators.kind' is 'person'.*'human', 'llm'"),
    ("variant twice", 'name = "B"', 'name = "A"', "variants: name 'A' is used twice"),
    ("evaluator twice", 'name = "crowd"', 'name = "judge"', "evaluators: name 'judge' is used twice"),
    ("unknown control", 'control = "A"', 'control = "C"', "control: no variant is called 'C'; there are A, B"),
    ("shift for nobody", "shift_sd = 0.1", "shift = { C = 0.2 }", "evaluators.judge.shift: no variant is called 'C'"),
    (
        "shift of people",
        "severity_sd = 0.3",
        "shift_sd = 0.3",
        f"{EVALUATOR}.*shift is a judge's; for people use taste_sd",
    ),
    ("severities of one", "raters = 4", "raters = 1", f"{EVALUATOR}.*severity_sd and taste_sd need raters of 2"),
    ("nobody in the pool", "raters = 4", "raters = 0", f"{EVALUATOR}.*'evaluators.raters' is 0"),
    (
        "no price",
        "usd_per_rating = 0.30",
        "",
        f"{EVALUATOR}.*has no price: give usd_per_rating, wage_usd_per_hour or model",
    ),
    (
        "negative price",
        "usd_per_rating = 0.30",
        "usd_per_rating = -1",
        f"{EVALUATOR}.*'evaluators.usd_per_rating' is -1",
    ),
    ("wage without time", "usd_per_rating = 0.30", "wage_usd_per_hour = 20", f"{EVALUATOR}.*seconds_per_rating"),
    (
        "unknown model of a judge",
        "usd_per_rating = 0.001",
        'model = "gpt-99-huge"\ntokens_in = 9',
        r"\[\[evaluators\]\] number 1 'judge'.*no price is known for model 'gpt-99-huge'.*usd_per_rating",
    ),
    (
        "unknown model of a variant",
        "quality = 3.5",
        'quality = 3.5\nmodel = "gpt-99-huge"\ntokens_in = 9',
        f"{VARIANT}.*no price is known for model 'gpt-99-huge'.*usd_per_call",
    ),
    (
        "model without tokens",
        "quality = 3.5",
        'quality = 3.5\nmodel = "gpt-4o-mini"',
        f"{VARIANT}.*tokens_in and tokens_out",
    ),
    (
        "threshold of nothing",
        "threshold = 0.95",
        "threshold = 0",
        f"{RULE}.*'strategies.sequential.stopping.threshold' is 0",
    ),
    (
        "threshold above 1",
        "threshold = 0.95",
        "threshold = 1.2",
        f"{RULE}.*'strategies.sequential.stopping.threshold' is 1.2",
    ),
    (
        "threshold that fires at once",
        "threshold = 0.95",
        "threshold = 0.5",
        r"stopping\[0\].threshold.*above 1/2 = 0.5",
    ),
    ("unknown rule", '"superiority"', '"superb"', f"{RULE}.*'superb'.*'superiority', 'inferiority', 'beats_control'"),
    ("rule twice", "0.95 }]", '0.95 }, { rule = "superiority" }]', r"stopping\[1\].rule.*given 2 times.*keep one"),
    (
        "guardrail among the rules",
        '{ rule = "superiority", threshold = 0.95 }',
        '{ rule = "guardrail", metric = "latency_s", at_most = 2.0 }',
        r"strategies.sequential.stopping\[0\]: a guardrail.*under \[\[guardrails\]\]",
    ),
    (
        "guardrail without a limit",
        "[items]",
        '[[guardrails]]\nrule = "guardrail"\nmetric = "latency_s"\n\n[items]',
        r"\[\[guardrails\]\] number 1.*at_most and at_most_ratio: give exactly one",
    ),
    (
        "ratio without a control",
        'control = "A"',
        'guardrails = [{ rule = "guardrail", metric = "latency_s", at_most_ratio = 2.0 }]',
        r"guardrails\[0\].rule.*there is none.*name the control",
    ),
    ("nothing to be beaten", 'control = "A"', "", "beats_control"),
    ("equivalent within what", "min_effect = 0.1", "", "rope: strategies.sequential.stopping"),
    (
        "floors above 1",
        '{ policy = "thompson" }',
        '{ policy = "probability_matching", floor = 0.6 }',
        "strategies.bandit.allocation.floor.*sums to 1.2.*at most 1/2",
    ),
    ("unknown policy", '"thompson"', '"thomson"', "'strategies.bandit.allocation'.*'thomson'.*'thompson'"),
    (
        "weights where all answer",
        "[strategies.sequential]",
        '[strategies.sequential]\nallocation = { policy = "fixed", weights = { A = 3, B = 1 } }',
        "strategies.sequential.allocation.weights.*split",
    ),
    ("unknown strategy", "strategies.bandit", "strategies.gambler", "gambler"),
    ("no default", "[items]", 'default_strategy = "ab"\n[items]', "default_strategy: 'ab' is not among the strategies"),
    (
        "odd outputs",
        "outputs_per_look = 20",
        "outputs_per_look = 21",
        "outputs_per_look: 21 cannot be shared out in 2s.*use 2",
    ),
    ("too few items", "count = 100", "count = 10", "items.count: strategies.sequential needs 40 items.*there are 10"),
    ("range reversed", "[1.0, 5.0]", "[5.0, 1.0]", "score_range: must be.*low below high"),
    (
        "quality off the scale",
        "quality = 3.5",
        "quality = 35",
        "variants: quality 35 of 'B' lies outside score_range 1 to 5",
    ),
    ("traffic for nobody", "[items]", "traffic = { A = 1, C = 1 }\n[items]", "traffic: no variant is called 'C'"),
    ("negative traffic", "[items]", "traffic = { A = 1, B = -1 }\n[items]", "traffic: weights must be above 0"),
    ("traffic in a paired design", "[items]", "traffic = { A = 1, B = 2 }\n[items]", "traffic: a paired design"),
    ("traffic for some", "[items]", "traffic = { A = 1 }\n[items]", "traffic: give a weight for every variant"),
    ("no budget", "[items]", "budget_usd = 0\n[items]", "'budget_usd' is 0"),
    ("no overlap", "[items]", "overlap = 0\n[items]", "'overlap' is 0"),
    ("name with spaces", '"two-prompts"', '"Two prompts!"', "'name' is 'Two prompts!'"),
    ("broken TOML", "looks = 4", "looks = = 4", "is not valid TOML.*line 7"),
    ("key twice", "looks = 4", "looks = 4\nlooks = 5", "is not valid TOML"),
]


def spoilt(name: str, old: str, new: str) -> str:
    """The good file with one mistake."""
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    if name == "nothing to be beaten":
        text = text.replace('rule = "superiority"', 'rule = "beats_control"', 1)
    if name == "equivalent within what":
        text = text.replace('rule = "superiority"', 'rule = "equivalence"', 1)
    return text


def test_the_good_file_is_good() -> None:
    scenario = parse(GOOD)
    assert scenario.variant_names == ("A", "B")
    assert scenario.control_index == 0
    assert scenario.default_strategy == "sequential"


@pytest.mark.parametrize(("name", "old", "new", "says"), BAD, ids=[name for name, *_ in BAD])
def test_every_mistake_is_told_by_its_key_with_a_remedy(name: str, old: str, new: str, says: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(spoilt(name, old, new), source="mine.toml")
    message = str(caught.value)
    assert message.startswith("mine.toml")
    assert re.search(says, message), message
    assert message.count("Remedy: ") == 1
    assert caught.value.exit_code == 2
    for jargon in ("Value error", "pydantic", "extra_forbidden", "Traceback"):
        assert jargon not in message


def test_all_mistakes_are_told_at_once() -> None:
    text = GOOD.replace("looks = 4", "looks = 0").replace("quality = 3.5", "qualty = 3.5").replace("title =", "titel =")
    with pytest.raises(ScenarioError) as caught:
        parse(text, source="mine.toml")
    message = str(caught.value)
    assert message.startswith("mine.toml: 3 mistakes: ")
    for told in (
        "key 'looks' is 0: ",
        "'titel' is not known, and 'title' is missing",
        "'variants.qualty' is not known",
    ):
        assert told in message
    assert "'quality' is missing ([[variants]] number " in message


def test_at_most_five_mistakes_are_told_and_the_others_counted() -> None:
    with pytest.raises(ScenarioError, match=r"^scenario: 7 mistakes: .*'odd4' is not known; and 2 more\. Remedy"):
        parse("".join(f"odd{n} = 1\n" for n in range(7)) + GOOD)


def test_a_bad_entry_is_one_mistake() -> None:
    """pydantic adds that there are now too few variants; a reader would look for a second mistake."""
    with pytest.raises(ScenarioError) as caught:
        parse(GOOD.replace("quality = 3.5", 'quality = "x"'))
    assert "mistakes" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"gone\.toml.*cannot be read.*check the path"):
        load(tmp_path / "gone.toml")


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "latin.toml"
    file.write_bytes(GOOD.replace("Two prompts", "Zwei Prömpte").encode("latin-1"))
    with pytest.raises(ScenarioError, match=r"latin\.toml.*UTF-8"):
        load(file)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "marked.toml"
    file.write_text(GOOD, encoding="utf-8-sig")
    assert load(file) == parse(GOOD)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    with pytest.raises(ScenarioError, match="cannot be read"):
        load(folder)


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ScenarioError, match=r"'rerankr'.*did you mean 'reranker'\?"):
        load("rerankr")
    with pytest.raises(ScenarioError, match=r"choose among .*reranker.*path of a \.toml file"):
        load("zzzz")


def test_nothing_can_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        small().looks = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", library())
def test_the_library_holds_together(name: str) -> None:
    scenario = load(name)
    assert scenario.name == name
    assert scenario.title
    assert scenario.story
    assert scenario.right_answer
    assert re.fullmatch(r"[A-Z][^.]*\.", scenario.teaches), "one sentence"
    assert scenario.sources
    assert any("ssumption" in source for source in scenario.sources), "an assumption says that it is one"
    assert set(scenario.strategies) == {"ab", "bandit", "sequential"}
    assert scenario.budget_usd is not None
    assert scenario.control is not None
    low, high = scenario.score_range
    assert all(low < v.quality < high for v in scenario.variants)
    for choice in ("llm", "human", "both"):
        assert scenario.rated_by(choice).evaluators


@pytest.mark.parametrize("name", library())
def test_library_scenarios_say_the_right_answer(name: str) -> None:
    """The stated answer agrees with the declared qualities, limits of min_effect and all."""
    scenario = load(name)
    todo, names = scenario.right_answer.split()[0], scenario.right_answer.split(":")[0]
    quality = {
        v.name: v.quality for v, may in zip(scenario.variants, allowed_by_guardrails(scenario), strict=True) if may
    }
    assert scenario.control is not None
    gain = max(quality.values()) - quality[scenario.control]
    winners = [v for v, q in quality.items() if q >= max(quality.values()) - scenario.min_effect]
    if todo == "Launch":
        assert gain >= scenario.min_effect
        assert all(winner in names for winner in winners)
    else:
        assert gain < scenario.min_effect
        spread = max(v.quality for v in scenario.variants) - min(v.quality for v in scenario.variants)
        assert names == (f"Keep {scenario.control}" if todo == "Keep" else "Stop")
        assert todo == "Keep" or spread < scenario.rope_width


def test_only_the_evaluators_asked_for_are_kept() -> None:
    scenario = small()
    assert [e.name for e in scenario.rated_by("llm").evaluators] == ["judge"]
    assert [e.name for e in scenario.rated_by("human").evaluators] == ["crowd"]
    assert scenario.rated_by("both") is scenario
    with pytest.raises(ScenarioError, match=r"no person.*\[\[evaluators\]\], or choose llm"):
        scenario.rated_by("llm").rated_by("human")


def test_a_strategy_that_is_not_declared_is_named() -> None:
    only = small(strategies={"sequential": {"stopping": [{"rule": "superiority"}]}})
    assert only.declared(None) == "sequential"
    with pytest.raises(ScenarioError, match=r"no strategy 'bandit'.*\[strategies.bandit\], or choose sequential"):
        only.declared("bandit")


@pytest.mark.parametrize(
    ("n_variants", "strategy", "assignment", "expected"),
    [
        (2, "ab", "paired", 2),
        (4, "ab", "paired", 4),
        (4, "bandit", "paired", 3),
        (2, "bandit", "paired", 2),
        (4, "bandit", "split", 1),
        (4, "ab", "split", 1),
    ],
)
def test_variants_that_answer_an_item(n_variants: int, strategy: StrategyName, assignment: str, expected: int) -> None:
    scenario = small(variants=variants(*[5.0] * n_variants), variants_per_item=3, assignment=assignment)
    assert scenario.outputs_per_item(strategy) == expected


def test_a_strategy_may_assign_otherwise_than_the_scenario() -> None:
    split: dict[str, object] = {"assignment": "split", "stopping": []}
    scenario = small(strategies={"sequential": {"stopping": []}, "ab": split})
    assert (scenario.outputs_per_item("sequential"), scenario.outputs_per_item("ab")) == (2, 1)


def test_rules_are_asked_in_the_stated_order() -> None:
    guard = {"rule": "guardrail", "metric": "latency_s", "at_most": 2.0}
    scenario = small(guardrails=[guard], max_ratings=500, budget_usd=90.0)
    rules = scenario.rules("sequential")
    assert [type(rule) for rule in rules] == [
        Guardrail,
        type(scenario.strategies["sequential"].stopping[0]),
        MaxRatings,
        Budget,
    ]


def test_without_difference_all_are_as_good_as_the_control() -> None:
    biased = {"name": "judge", "kind": "llm", "noise_sd": 1, "usd_per_rating": 0, "shift": {"B": 0.5}}
    scenario = small(variants=variants(4.0, 5.0, 6.0), control="B", evaluators=[biased])
    equal = scenario.without_difference()
    assert [v.quality for v in equal.variants] == [5.0, 5.0, 5.0]
    assert not equal.evaluators[0].shift
    assert [v.quality for v in scenario.variants] == [4.0, 5.0, 6.0]


def test_beliefs_are_in_units_of_the_scale() -> None:
    """The same experiment on a scale ten times as wide has beliefs ten times as wide."""
    narrow, wide = (Scenario.model_validate(small().model_dump() | {"score_range": (0, w)}) for w in (10, 100))
    assert wide.sd_variant_belief == pytest.approx(10 * narrow.sd_variant_belief)
    np.testing.assert_allclose(wide.level_belief, 10 * np.array(narrow.level_belief))
    assert small(sd_variant=0.7).sd_variant_belief == 0.7


def test_rope_is_min_effect_unless_told() -> None:
    assert small(min_effect=0.3).rope_width == 0.3
    assert small(min_effect=0.3, rope=0.4).rope_width == 0.4


def test_who_rates_is_one_of_three_words() -> None:
    with pytest.raises(SettingError, match=r"'robots' says not who rates.*llm, human, both"):
        load("reranker").rated_by("robots")  # type: ignore[arg-type]


def test_raters_of_a_pool_and_a_judge_cannot_share_a_name() -> None:
    crowd = load("reranker").evaluators[1]
    judge = (
        load("reranker").evaluators[0].model_copy(update={"name": f"{crowd.name} {'1'.zfill(len(str(crowd.raters)))}"})
    )
    declared = load("reranker").model_dump() | {"evaluators": [judge.model_dump(), crowd.model_dump()]}
    with pytest.raises(ValidationError, match=r"raters of the evaluators: name .* is used twice"):
        Scenario.model_validate(declared)
