"""Reports in every form: the same numbers as the facts, the right words for each situation, and no name that becomes markup."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import report_facts
from report_facts import HOSTILE, SITUATIONS, fitted, launch, refused, renamed
from scipy.special import ndtri
from typer.testing import CliRunner

from expsim_bayes import amounts
from expsim_bayes.cli.app import app
from expsim_bayes.cli.command import with_command
from expsim_bayes.cli.diagnose import FORMS as ON_DIAGNOSE
from expsim_bayes.cli.folder import unfinished
from expsim_bayes.cli.report import FORMS as ON_THE_COMMAND_LINE
from expsim_bayes.facts import FitFacts, Interval, Measure
from expsim_bayes.report import WRITTEN, document, markdown, rendered
from expsim_bayes.report.answers import COST, DO, NEXT, SURE, WRONG
from expsim_bayes.report.build import Figure
from expsim_bayes.report.displayed import displayed, shown
from expsim_bayes.report.document import Paragraph, Table
from expsim_bayes.report.folder import facts_json
from expsim_bayes.report.html import html
from expsim_bayes.report.pdf import _data, pdf
from expsim_bayes.sentences import recommendation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from expsim_bayes.facts import Facts
    from expsim_bayes.report.document import Length
    from expsim_bayes.report.forms import Form

LENGTHS: tuple[Length, ...] = ("brief", "full")
READABLE: tuple[Form, ...] = ("md", "html", "json")
NUMBER = re.compile(r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?")
WORDS_WITH_NUMBERS = (
    "SHA-256, 80 %, 100 dollars, 1 dollar, the reference moves by 1, --tune 2000 --draws 4000 --target-accept 0.99"
)


def walked(value: Any) -> Iterator[Any]:
    """Every number and text of some facts."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from walked(getattr(value, field.name))
    elif isinstance(value, tuple):
        yield len(value)
        for part in value:
            yield from walked(part)
    elif value is not None and not isinstance(value, bool | np.bool_):
        yield value


def written(number: float) -> Iterator[str]:
    """Every way in which a report may write a number."""
    for unit in amounts.UNITS:
        yield from (amounts.quantity(number, unit), amounts.change(number, unit), amounts.gap(number, unit))
    yield from (amounts.percent(number), amounts.level(number), amounts.rough(number), amounts.count(number))
    yield from (amounts.duration(abs(number)), amounts.times(number), amounts.points(number))
    yield from (
        f"{number:.2g}",
        f"{number:.1f}",
        f"{number:.2f}",
        f"{100 * number:.1f}",
        f"{number:g}",
        f"{100 * number:.3g}",
    )


def derived(facts: Facts) -> Iterator[float]:
    """What follows from facts by a single step of arithmetic."""
    if facts.usd is not None:
        yield facts.usd / facts.ratings
    for e in facts.evaluators:
        if e.usd is not None and e.ratings:
            yield e.usd / e.ratings
    yield sum(v.outputs for v in facts.variants)
    for v in facts.variants:
        if v.usd_per_output:
            yield v.usd_per_output * v.outputs
            yield from (v.usd_per_output / w.usd_per_output for w in facts.variants if w.usd_per_output)
        if v.effect is not None:
            yield (v.effect.high - v.effect.low) / 2.0
        if v.effect is not None and v.effect_sd and facts.threshold:
            yield abs(v.effect.mean) - float(ndtri(facts.threshold)) * v.effect_sd
    if facts.false_launch is not None:
        yield 2 * facts.false_launch.mcse
    for f in facts.further:
        bought = [b.variance_removed for b in (f.dollar, f.hundred, f.week) if b is not None]
        yield f.floor**0.5
        yield from (1.0 - (1.0 - removed) ** 0.5 for removed in (f.variance_removed, *bought))


def allowed(facts: Facts) -> set[str]:
    """Every number that a report of these facts may hold, as it is written."""
    found = set(NUMBER.findall(WORDS_WITH_NUMBERS))
    for value in (*walked(displayed(facts)), *derived(facts)):
        texts = [value] if isinstance(value, str) else written(value)
        for text in texts:
            found |= set(NUMBER.findall(text))
    return found


class Plain(HTMLParser):
    """Text of a page, and the addresses that it would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self._style = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._style = tag == "style"
        self.addresses += [value or "" for name, value in attrs if name in ("src", "srcset", "href", "action", "data")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._style = self._style and tag != "style"

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.texts).replace("\N{NO-BREAK SPACE}", " ")


def in_html(facts: Facts, length: Length = "full") -> Plain:
    return Plain(html(document(facts, length=length), {}))


def strings(value: Any) -> Iterator[str]:
    """Every text in some JSON."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from strings(part)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_number_in_every_form_is_one_of_the_facts(situation: str) -> None:
    facts = SITUATIONS[situation]()
    may_stand = allowed(facts)
    for length in LENGTHS:
        page = document(facts, length=length)
        handed = json.loads(json.dumps(_data(page, {})))
        texts = {
            "md": re.sub(r"\\(.)", r"\1", markdown(facts, length=length)),
            "html": in_html(facts, length).text,
            "pdf": "\n".join(
                strings({name: handed[name] for name in ("title", "story", "headline", "source", "sections")})
            ).replace("\u200b", ""),
        }
        for form, text in texts.items():
            told = NUMBER.findall(text)
            assert told, form
            assert not [n for n in told if n not in may_stand], form
        # HTML says what Markdown says, and tells pictures that are not there in words
        assert set(NUMBER.findall(texts["md"])) <= set(NUMBER.findall(texts["html"]))


def test_a_wrong_number_is_noticed() -> None:
    facts = launch()
    text = markdown(facts).replace("$36.15", "$36.17")
    assert "36.17" in NUMBER.findall(text)
    assert "36.17" not in allowed(facts)


def test_the_table_of_variants_holds_their_facts_and_no_others() -> None:
    facts = SITUATIONS["shares"]()
    table = next(block for block in document(facts).section("evidence").blocks if block.kind == "table")
    for v, row in zip(facts.variants, table.rows, strict=True):
        assert row[0].removesuffix(" (in use)") == v.name
        assert row[1] == f"{100 * v.quality.mean:.1f} %"
        assert row[2] == f"{100 * v.quality.low:.1f} % to {100 * v.quality.high:.1f} %"
        if v.effect is not None:
            assert row[3] == f"{100 * v.effect.mean:+.1f} pp"
            assert row[4] == f"{100 * v.effect.low:+.1f} pp to {100 * v.effect.high:+.1f} pp"
        assert row[5] in (f"{100 * v.prob_best:.1f} %", "more than 99.9 %", "less than 0.1 %")
        assert row[-1] == f"{v.outputs:,}"


def test_five_questions_have_an_answer_each_in_every_situation() -> None:
    for name, make in SITUATIONS.items():
        page = document(make(), length="brief")
        told = {block.question: block for block in page.blocks() if block.kind == "answer"}
        assert list(told) == [DO, SURE, COST, WRONG, NEXT], name
        for block in told.values():
            assert block.sentence.endswith("."), (name, block)
            assert not block.sentence[:1].islower() or name == "guardrail broken", (name, block)  # begins with a name
            assert "  " not in block.sentence + block.more, (name, block)


@pytest.mark.parametrize(
    ("situation", "words"),
    [
        ("clear winner", "Launch B in place of A. The probability that B is better than A is"),
        ("leaning", "Until then keep A."),
        ("leaning", "and bring a decision with a probability of"),
        ("equivalent", "lie within 0.15 points of each other is 96.1 %"),
        ("judge-limited", "No person has rated: what judge likes"),
        ("guardrail broken", "however much is rated"),
        ("too few data", "There is nothing to compare"),
        ("no variants", "no variants are named"),
        ("one rater", "A single rater speaks for people (crowd)"),
        ("too few data", "It rests on 1 rating, whose price is not declared"),
    ],
)
def test_the_page_for_a_manager_says_what_the_situation_is(situation: str, words: str) -> None:
    page = document(SITUATIONS[situation](), length="brief")
    told = " ".join(f"{block.sentence} {block.more}".strip() for block in page.blocks() if block.kind == "answer")
    assert words in told


@pytest.mark.parametrize(
    ("situation", "words"),
    [
        ("clear winner", "this rule launches a variant that is no better than the control in 4.2 % of experiments"),
        ("guardrail broken", "fast breaks the limit on faults"),
        ("one rater", "A single rater speaks for people"),
        ("lower is better", "Lower is better."),
        ("shares", "Quality is the share of new items"),
        ("leaning", "to decide with 80 %"),
    ],
)
def test_the_full_report_says_what_the_situation_is(situation: str, words: str) -> None:
    assert words in in_html(SITUATIONS[situation]()).text


def test_lower_reads_as_better_where_it_is() -> None:
    text = in_html(report_facts.lower_is_better(), "brief").text
    assert "The probability that B is better than A" in text
    assert "lower (better) than A" in text


@pytest.mark.parametrize("situation", ["invalid fit", "variants that nothing links"])
def test_a_fit_that_is_not_to_be_trusted_has_reasons_and_a_remedy_and_no_probability(situation: str) -> None:
    facts = SITUATIONS[situation]()
    reason = facts.decision.reason.split(":")[0]
    for length in LENGTHS:
        for form in READABLE:
            text = rendered(form, facts, length=length).decode()
            text = text if form == "json" else re.sub(r"\\(.)", r"\1", text)
            assert reason in text, (form, length)
            assert re.search(r"Fit once more|Have some of the same items rated", text), (form, length)
            assert "Launch" not in text, (form, length)
            body = text.partition("</style>")[2] or text
            assert not re.search(r"\d %|prob_best|prob_better|probability (of|that)", body), (form, length)
    assert "sampler did not converge" in markdown(refused())
    assert "nothing links the variants" in markdown(report_facts.unlinked())


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name[:12]))
def test_no_name_becomes_markup(name: str) -> None:
    facts = renamed(fitted(launch()), name)
    found = in_html(facts)
    assert not found.tags & {"script", "iframe", "object", "link"}
    assert not found.handlers
    assert "img" not in found.tags
    assert shown(name) in found.text
    text = markdown(facts, [Figure("javascript:alert(1)", name, name), Figure("../../etc/passwd.png", name, name)])
    assert "javascript:alert(1))" not in text
    assert "passwd.png" not in text
    assert not re.search(r"(?<!\\)[<>`]|(?<!\\)\[(?!\d)", re.sub(r"!\[.*?\]\(", "", text))
    assert "x" * 41 not in text + found.text
    for sign in ("\u202e", "\x1b", "\x00"):
        assert sign not in text + found.text + rendered("json", facts).decode().partition('"document"')[2]


def test_a_full_stop_in_a_name_ends_no_sentence() -> None:
    facts = renamed(launch(), "St. Mary v1. 2")
    told = [block.sentence for block in document(facts, length="brief").blocks() if block.kind == "answer"]
    assert told[0] == "Launch St. Mary v1. 2 in place of A."


def test_names_that_look_the_same_stay_apart_and_right_to_left_stays_in_its_place() -> None:
    facts = launch()
    same = replace(facts, variants=tuple(replace(v, name="x" * (90 + n)) for n, v in enumerate(facts.variants)))
    one, two = (v.name for v in displayed(same).variants)
    assert one != two
    assert shown("مرحبا") == "\u2068مرحبا\u2069"
    assert "\u2068" not in shown("🚀 v2")


def test_html_is_one_file_that_fetches_nothing() -> None:
    page = rendered("html", launch()).decode()
    found = Plain(page)
    assert found.addresses
    assert all(address.startswith("data:image/") for address in found.addresses)
    assert not re.search(r"url\(|@import|https?:", page.partition("</style>")[0])
    assert "script" not in found.tags
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def pages(made: bytes) -> int:
    found = re.search(rb"/Type\s*/Pages\s*/Count (\d+)", made)
    assert found is not None
    return int(found[1])


def test_a_brief_pdf_is_one_page_and_holds_what_the_document_says() -> None:
    facts = renamed(report_facts.leaning(), HOSTILE[2])
    made = rendered("pdf", facts, length="brief")
    assert made.startswith(b"%PDF-")
    assert pages(made) == 1
    assert b"/URI" not in made


def test_emoji_leave_no_squares_where_no_font_has_them() -> None:
    facts = renamed(launch(), "\N{ROCKET} v2 \N{WOMAN}\u200d\N{GIRL}")
    assert displayed(facts, emoji=False).leader == "v2"
    assert displayed(renamed(launch(), "\N{ROCKET}"), emoji=False).leader == "rocket"
    told = [block.sentence for block in document(facts, length="brief", emoji=False).blocks() if block.kind == "answer"]
    assert told[0] == "Launch v2 in place of A."
    pair = launch()
    named = {v.name: f"{sign} A" for v, sign in zip(pair.variants, "\N{ROCKET}\N{FIRE}", strict=True)}
    alike = replace(pair, variants=tuple(replace(v, name=named[v.name]) for v in pair.variants))
    assert [v.name for v in displayed(alike, emoji=False).variants] == ["A", "A (2)"]
    assert displayed(facts).leader == "\N{ROCKET} v2 \N{WOMAN}\u200d\N{GIRL}"


def test_a_page_is_a4_or_letter() -> None:
    for paper, size in (("a4", b"595.27"), ("letter", b"612 792")):
        made = rendered("pdf", launch(), length="brief", paper=paper)  # type: ignore[arg-type]
        assert pages(made) == 1
        assert size in made, paper


def test_a_brief_pdf_is_one_page_however_much_there_is_to_say(tmp_path: Path) -> None:
    facts = fitted(launch())
    reasons = tuple(f"Chains disagree on quality[variant {n}]: the worst R-hat is 1.{n}." for n in range(10, 60))
    crowded = replace(refused(), fit=FitFacts("refuse", reasons))
    assert pages(pdf(document(crowded, length="brief"), {})) == 1
    made = pdf(document(renamed(facts, HOSTILE[7])), {})
    assert pages(made) > 1
    if shutil.which("pdftotext"):
        (tmp_path / "full.pdf").write_bytes(made)
        text = subprocess.run(
            ["pdftotext", "-layout", str(tmp_path / "full.pdf"), "-"], capture_output=True, text=True, check=True
        ).stdout
        assert "What could be wrong" in text
        assert "مرحبا" in text or "ﻣﺮﺣﺒﺎ" in text


def test_json_holds_facts_recommendation_and_document() -> None:
    facts = launch()
    found = json.loads(rendered("json", facts, length="brief"))
    assert found["facts"] == json.loads(facts_json(facts))
    assert found["recommendation"] == recommendation(facts)._asdict()
    assert found["document"]["headline"] == "Launch B"
    assert [block["kind"] for section in found["document"]["sections"] for block in section["blocks"]].count(
        "answer"
    ) == 5


def test_the_command_writes_each_form_and_keeps_the_manifest_true(tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(facts_json(launch()), encoding="utf-8")
    asked = [
        "report",
        str(tmp_path),
        "--format",
        "html,pdf",
        "--format",
        "json",
        "--length",
        "brief",
        "--json",
        "--card",
        str(tmp_path / "card.svg"),
    ]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    files = json.loads(result.stdout)["reports"]
    assert files == {form: str(tmp_path / f"brief.{form}") for form in ("html", "pdf", "json")}
    assert unfinished(tmp_path) == ""
    assert "card.svg" in json.loads((tmp_path / "manifest.json").read_text())["parts"]
    assert {"brief.html", "brief.pdf", "brief.json"} <= set(
        json.loads((tmp_path / "manifest.json").read_text())["parts"]
    )
    assert "brief.pdf" in json.loads((tmp_path / ".expsim").read_text())["files"]
    assert with_command(launch()).provenance[0] == (
        "command",
        f"expsim report {tmp_path.name} --format html,pdf --format json --length brief --card card.svg",
    )
    wrong = CliRunner().invoke(app, ["report", str(tmp_path), "--format", "docx"])
    assert wrong.exit_code == 2
    assert ON_THE_COMMAND_LINE == ON_DIAGNOSE == WRITTEN


def test_dollars_and_days_that_nobody_declared_are_no_columns() -> None:
    facts = SITUATIONS["leaning"]()
    unpriced = replace(facts, further=tuple(f._replace(usd=None, days=None, value=1.9e-5) for f in facts.further))
    assert "worth" not in markdown(unpriced)
    first, *others = unpriced.further
    assert "| less than 0.0001 |" in markdown(replace(unpriced, further=(first._replace(value=0.02), *others)))
    assert "| to decide with 80 % | dollars | days |" in markdown(facts)
    assert re.search(r"\| to decide with 80 % \| (for the same money|first batch) \|", markdown(unpriced))


def test_a_full_report_names_its_recommendation_in_every_form() -> None:
    """Also where the heading says all of it, so that nothing stands below."""
    facts = fitted(launch(), control=None)
    page = document(facts)
    assert page.section("decision").blocks == ()
    assert markdown(facts).splitlines()[2] == f"## Recommendation: {page.headline}"
    assert page.headline in in_html(facts).text


def test_a_report_that_compares_nothing_says_nothing_of_a_launch() -> None:
    text = markdown(report_facts.no_variants())
    assert "launch" not in text
    assert "Direction" not in text


def test_errors_of_raters_are_a_table_with_a_column_a_class() -> None:
    facts = fitted(launch())
    assert facts.fit is not None
    shares = {"1 where it is 1": 0.8, "2 where it is 1": 0.2, "1 where it is 2": 0.1, "2 where it is 2": 0.9}
    rows = tuple((f"ann: {name}", Interval(share, share - 0.05, share + 0.05)) for name, share in shares.items())
    told = replace(facts, fit=replace(facts.fit, measures=(Measure("what is said of each class", "share", rows),)))
    (table,) = document(told).section("measure-0").blocks
    assert isinstance(table, Table)
    assert table.columns == ("rater", "what it is", "called 1", "called 2")
    assert table.rows == (("ann", "1", "80.0 %", "20.0 %"), ("ann", "2", "10.0 %", "90.0 %"))


def test_features_that_the_model_misses_come_first() -> None:
    paragraph, table = document(fitted(launch())).section("checks").blocks
    assert isinstance(paragraph, Paragraph)
    assert isinstance(table, Table)
    assert paragraph.text == "The model reproduces 1 of 2 features of the ratings."
    assert table.rows == (("highest", "0.31", "0.12 to 0.22", "no"), ("mean", "3.4", "3.3 to 3.5", "yes"))
