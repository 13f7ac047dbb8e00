"""`expsim scenario table`: how often following each scenario of the library ends right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expsim_bayes.amounts import dollars, duration
from expsim_bayes.cli.options import OUTPUT, AsJson, Seed
from expsim_bayes.cli.screen import Cell, Column, Screen, plain
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.operating_characteristics import Estimate
    from expsim_bayes.track_record import Row

SUFFIXES = (".md", ".csv")
"""What the file is, by the end of its name."""


def table(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SCENARIO]...", help="Names, or TOML files; the whole library unless told."),
    ] = None,
    *,
    replications: Annotated[int, typer.Option(metavar="N", min=2, help="Experiments of each scenario.")] = 1_000,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the table into this .md or .csv file.", rich_help_panel=OUTPUT),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write FILE anew where it is there.", rich_help_panel=OUTPUT)
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Count how often following each scenario ends right, what it launches by chance, and what it costs.

    With 1,000 experiments most scenarios take seconds; those with stars, comparisons or rankings take minutes.
    """
    from expsim_bayes.scenario import library, load
    from expsim_bayes.track_record import as_csv, as_markdown, row

    _check_place(out, overwrite=overwrite)
    screen = Screen(as_json=as_json)
    scenarios = [load(name) for name in names or library()]
    found: list[Row] = []
    with screen.progress("scenarios", total=2 * replications * len(scenarios)) as advance:
        for number, scenario in enumerate(scenarios):
            begun = 2 * replications * number
            advance(begun, f"{scenario.name}, {replications:,} times")
            found.append(
                row(
                    scenario,
                    random_seed=seed,
                    replications=replications,
                    progress=lambda done, begun=begun: advance(begun + done),  # type: ignore[misc]
                )
            )
    if out is not None:
        from expsim_bayes.readers.atomic import whole

        page = (
            as_csv(found) if out.suffix == ".csv" else as_markdown(found, random_seed=seed, replications=replications)
        )
        with whole(out) as file:
            file.write(page.encode())
    _show(screen, found, replications)
    if out is not None:
        screen.labelled([("", ""), ("Written", str(out))])
    screen.emit({"random_seed": seed, "replications": replications, "scenarios": plain(found)})


def _check_place(out: Path | None, *, overwrite: bool) -> None:
    """Refuse a file that could not be written, before minutes are spent."""
    if out is None:
        return
    if out.suffix not in SUFFIXES:
        raise SettingError(f"{str(out)!r} is neither Markdown nor CSV", where="--out", remedy="end it in .md or .csv")
    if not out.parent.is_dir():
        raise SettingError(f"there is no folder {str(out.parent)!r}", where="--out", remedy="make it, or name another")
    if out.exists() and not overwrite:
        raise SettingError(
            f"{str(out)!r} is there already", where="--out", remedy="name another file, or add --overwrite"
        )


def _show(screen: Screen, rows: Sequence[Row], replications: int) -> None:
    screen.heading(f"Following each scenario, {replications:,} times")
    screen.table(
        [
            Column("Scenario", tuple(r.name for r in rows), justify="left"),
            Column("Ends right", tuple(_share(r.achieved.right) for r in rows)),
            Column("Undecided", tuple(_share(r.achieved.undecided) for r in rows), spare=True),
            Column("False launches\nwhen equal", tuple(_share(r.false_launch) for r in rows)),
            Column("Median\ncost", tuple(dollars(r.usd) for r in rows)),
            Column("Median\ntime", tuple(duration(r.days) for r in rows)),
        ]
    )
    screen.out.print()
    screen.labelled([(r.name, f"{r.teaches} Right answer: {r.right_answer}".strip()) for r in rows])


def _share(estimate: Estimate) -> Cell:
    return f"{100 * estimate.value:.1f} %", f"± {100 * estimate.mcse:.1f}"
