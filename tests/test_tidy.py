"""Tables as CSV: every table of every report has its file, the same numbers in full, and nothing that a spreadsheet would run."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from report_facts import HOSTILE, SITUATIONS, fitted, launch, leaning, renamed
from small_fit import tree
from typer.testing import CliRunner

from expsim_bayes import amounts
from expsim_bayes.cli.app import app
from expsim_bayes.cli.folder import unfinished
from expsim_bayes.diagnosis import diagnose
from expsim_bayes.fits.written import write
from expsim_bayes.readers.spreadsheet import restore
from expsim_bayes.report import document
from expsim_bayes.report.diagnosed import document as of_diagnosis
from expsim_bayes.report.folder import facts_json
from expsim_bayes.report.tidy import csv, of_diagnosed, sheets

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from expsim_bayes.report.document import Block
    from expsim_bayes.report.tidy import Sheet


def read(sheet: Sheet) -> pd.DataFrame:
    return pd.read_csv(BytesIO(csv(sheet)), keep_default_na=False, dtype=str)


def every_table_has_its_sheet(blocks: Iterable[Block], found: dict[str, Sheet]) -> int:
    tables = [block for block in blocks if block.kind == "table"]
    for table in tables:
        assert table.sheet in found, table.columns
        assert len(found[table.sheet].rows) >= len(table.rows) - (table.sheet == "diagnostics-verdict")
        assert [str(row[0]) for row in found[table.sheet].rows][: len(table.rows)] or not table.rows
    return len(tables)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_table_of_a_report_has_its_file(situation: str) -> None:
    facts = SITUATIONS[situation]()
    found = {sheet.name: sheet for sheet in sheets(facts)}
    tables = every_table_has_its_sheet(document(facts).blocks(), found)
    assert tables or facts.decision.name == "refuse" or not facts.variants
    assert len(read(found["answers"])) == 5
    if facts.decision.name == "refuse":
        assert set(found) <= {"answers", "evaluators", "provenance"}


def test_every_table_of_diagnostics_has_its_file() -> None:
    found = diagnose(tree(), "fit.nc")
    assert every_table_has_its_sheet(of_diagnosis(found).blocks(), {sheet.name: sheet for sheet in of_diagnosed(found)})
    numbers = read(next(sheet for sheet in of_diagnosed(found) if sheet.name == "diagnostics-numbers"))
    assert numbers["r_hat"].astype(float).tolist() == [row.r_hat for row in found.rows]


def test_numbers_are_those_of_the_report_in_full() -> None:
    facts = SITUATIONS["shares"]()
    table = read(next(sheet for sheet in sheets(facts) if sheet.name == "variants"))
    shown = next(block for block in document(facts).section("evidence").blocks if block.kind == "table")
    for row, cells, v in zip(table.to_dict("records"), shown.rows, facts.variants, strict=True):
        assert (row["variant"], row["unit"]) == (v.name, "share")
        assert float(row["quality"]) == v.quality.mean
        assert amounts.quantity(float(row["quality"]), row["unit"]) == cells[1]
        assert row["difference"] == ("" if v.effect is None else repr(v.effect.mean))
        assert row["in_use"] == str(v.name == facts.control).lower()


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name[:12]))
def test_nothing_is_run_by_a_spreadsheet_and_names_stay_whole(name: str) -> None:
    facts = renamed(fitted(leaning()), name)
    tables = {sheet.name: read(sheet) for sheet in sheets(facts)}
    for sheet, table in tables.items():
        for column, cells in table.items():
            words = cells[pd.to_numeric(cells, errors="coerce").isna()]
            assert not words.str.match(r"[=+@\t\r\n＝＋－＠-]").any(), (sheet, column)
    variants = tables["variants"]
    if name.isprintable():
        assert " ".join(name.split()) in restore(variants["variant"])[0].tolist()


def test_the_commands_write_the_tables_and_keep_the_manifest_true(tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(facts_json(fitted(launch())), encoding="utf-8")
    write(tree(), tmp_path / "posterior.nc")
    for verb in ("report", "diagnose"):
        done = CliRunner().invoke(app, [verb, str(tmp_path), "--format", "csv", "--json"])
        assert done.exit_code == 0, done.output
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert {"variants.csv", "raters.csv", "checks.csv", "diagnostics-numbers.csv", "diagnostics-verdict.csv"} <= names
    assert unfinished(tmp_path) == ""
    listed = set(json.loads((tmp_path / ".expsim").read_text())["files"])
    assert {f"tables/{name}" for name in names} <= listed
