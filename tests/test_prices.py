"""Prices have a date and a source, are found by name, give way to a scenario's own, and their day stands in the report."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from typer.testing import CliRunner

from expsim_bayes.cli.app import app
from expsim_bayes.errors import ExpsimError
from expsim_bayes.experiment import play
from expsim_bayes.prices import price, priced
from expsim_bayes.recommend import of_experiment
from expsim_bayes.report import document, markdown
from expsim_bayes.scenario import Scenario, library, load, parse, text_of

OWN = """
[prices."gpt-4o-mini"]
usd_per_million_in = 1.5
usd_per_million_out = 6.0
as_of = "2026-11"
source = "our contract"

[prices.alpacafarm-crowd]
usd_per_rating = 0.5
source = "our agency"
"""


def own(changes: str = OWN) -> Scenario:
    return parse(text_of("summarization-prompts")[0] + changes)


def test_every_price_has_a_day_and_a_source() -> None:
    assert len(priced()) >= 8
    for name, found in priced().items():
        assert found.as_of, name
        assert len(found.source) > 10, name


@pytest.mark.parametrize("name", [name for name, found in priced().items() if found.usd_per_rating is None])
def test_a_price_of_a_model_is_that_of_the_installed_price_list(name: str) -> None:
    one = price(name)
    usage = Usage(input_tokens=1_000, output_tokens=1_000)
    assert one.of_tokens(1_000, 1_000) == pytest.approx(float(calc_price(usage, model_ref=name).total_price)), (
        "read the source again, and set as_of"
    )


def test_every_model_and_price_that_the_library_names_is_in_the_price_library() -> None:
    for name in library():
        scenario = load(name)
        named = {v.model for v in scenario.variants} | {e.price or e.model for e in scenario.evaluators}
        assert named - {None} <= set(priced()), name


def test_a_model_outside_the_library_is_looked_up_and_its_day_is_not_made_up() -> None:
    found = price("gpt-5-nano")
    assert (found.usd_per_million_in, found.as_of) == (0.05, "")
    assert "does not say when it was read" in found.source
    with pytest.raises(ExpsimError, match="no price is known"):
        price("gpt-99-huge")


def test_a_scenarios_own_price_wins_over_the_library_and_a_stated_one_over_both() -> None:
    usual, dear = load("summarization-prompts"), own()
    assert dear.variants[0].usd_per_output == pytest.approx(10 * usual.variants[0].usd_per_output)
    paid = {e.name: e.usd_per_rating_paid for e in dear.evaluators}
    assert paid["crowd"] == 0.5
    assert paid["judge"] == pytest.approx(
        10 * next(e for e in usual.evaluators if e.name == "judge").usd_per_rating_paid
    )
    stated = tomllib.loads(text_of("summarization-prompts")[0] + OWN)
    stated["variants"][0]["usd_per_call"] = 0.25
    assert Scenario.model_validate(stated).variants[0].usd_per_output == 0.25


def test_a_scenario_with_prices_survives_being_written_down() -> None:
    made: dict[str, Any] = own().model_dump(mode="json", exclude_none=True)
    assert "priced" not in made["variants"][0]
    again = Scenario.model_validate(made)
    assert again == own()
    assert again.variants[0].usd_per_output == own().variants[0].usd_per_output


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ('[prices."gpt-4o-mini"]\nusd_per_rating = 1\nsource = "x"', "is that of a rating"),
        (
            '[prices."gpt-4o-mini"]\nusd_per_million_in = 1\nsource = "x"',
            "needs usd_per_million_in and usd_per_million_out",
        ),
        (
            '[prices."gpt-4o-mini"]\nusd_per_million_in = 1\nusd_per_million_out = 1\nsource = "x"\nas_of = "today"',
            "as_of",
        ),
        ("[prices.alpacafarm-crowd]\nusd_per_rating = 1", "source"),
    ],
)
def test_a_price_that_makes_no_sense_is_refused(changes: str, message: str) -> None:
    with pytest.raises(ExpsimError, match=message):
        own("\n" + changes)


def test_a_name_that_nobody_knows_is_refused_with_those_there_are() -> None:
    text = text_of("summarization-prompts")[0].replace("alpacafarm-crowd", "cheap-crowd")
    with pytest.raises(ExpsimError, match="'cheap-crowd' is no price of a rating; there is alpacafarm-crowd"):
        parse(text)


def test_the_report_says_of_which_day_prices_are() -> None:
    facts = of_experiment(play(own(), random_seed=1))
    assert {(p.name, p.as_of) for p in facts.prices} == {("gpt-4o-mini", "2026-11"), ("alpacafarm-crowd", "")}
    told = "Prices as of 2026-11 (gpt-4o-mini) and a day that is not known (alpacafarm-crowd)."
    brief = [block.more for block in document(facts, length="brief").blocks() if block.kind == "answer"]
    assert told in brief
    text = markdown(facts).replace("\\", "")
    assert told in text
    assert "$1.50 and $6.00 for a million tokens in and out (our contract)" in text


def test_the_command_lists_every_price() -> None:
    done = CliRunner().invoke(app, ["scenario", "prices", "--json"])
    assert done.exit_code == 0
    told = {entry["name"]: entry for entry in json.loads(done.stdout)["prices"]}
    assert set(told) == set(priced())
    assert told["gpt-4o-mini"]["as_of"] == price("gpt-4o-mini").as_of
