"""What `expsim monitor` shows: the looks as a table, the state in words, what comes next, all of it as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expsim_bayes.amounts import count, dollars, level, quantity
from expsim_bayes.cli.screen import Column, plain, short
from expsim_bayes.cli.tables import brief_percent, heading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.cli.screen import Cell, Screen
    from expsim_bayes.live import Opened
    from expsim_bayes.live.ahead import Ahead
    from expsim_bayes.live.look import Look
    from expsim_bayes.live.peeking import Peeking
    from expsim_bayes.planning import Calibration

STYLES = {
    "launch": "bold green",
    "keep_control": "bold yellow",
    "stop_equivalent": "bold yellow",
    "collect": "bold cyan",
    "continue": "bold cyan",
    "refuse": "bold red",
}
"""Colour of each decision."""
MOST_LOOKS = 12
"""Looks that the table shows unless all are asked for: the last ones."""


def about(here: Opened) -> str:
    """What a new experiment is about, in a sentence."""
    scenario = here.scenario
    control = here.settings.control or scenario.control
    names = ", ".join(scenario.variant_names)
    return (
        f"{len(scenario.variants)} variants ({names}{f'; {control} is in use' if control else ''}), {scenario.looks} looks, rules of the "
        f"strategy '{here.settings.strategy}'."
    )


def looks(here: Opened, *, everything: bool) -> list[Column]:
    """One row a look."""
    from expsim_bayes.live.words import NOUN, better_by, decision

    rows: Sequence[Look] = here.looks if everything else here.looks[-MOST_LOOKS:]
    control = here.settings.control or here.scenario.control
    best = [look.of(look.leader) if look.leader else None for look in rows]
    noun = NOUN[rows[-1].outcome] if rows else "rating"
    unit = rows[-1].unit if rows else "points"
    ci = level(rows[-1].ci_prob) if rows else ""

    def spread(value: Any) -> Cell:
        if value is None:
            return ""
        return quantity(value.mean, unit), f"{quantity(value.low, unit)} to {quantity(value.high, unit)}"

    return [
        Column("Look", tuple(str(look.look) for look in rows)),
        Column(f"{noun[:1].upper()}{noun[1:]}s", tuple(count(look.ratings) for look in rows)),
        Column("Cost", tuple(("≥ " if look.unpriced else "") + dollars(look.usd) for look in rows), spare=True),
        Column("Leader", tuple("" if v is None else short(v.name, 20) for v in best), justify="left"),
        Column(f"Its quality ({ci})", tuple(spread(v) for v in best), spare=True),
        Column("P(best)", tuple("" if v is None else brief_percent(v.prob_best) for v in best)),
        Column(
            f"P({better_by(here.scenario.min_effect, unit)})",
            tuple("" if v is None or v.prob_superior is None else brief_percent(v.prob_superior) for v in best),
        ),
        Column("The rules", tuple(short(decision(look, control), 32) for look in rows), justify="left"),
    ]


def variants(look: Look, min_effect: float) -> list[Column]:
    """One row a variant at one look, the best first."""
    from expsim_bayes.live.words import better_by

    rows = sorted(look.variants, key=lambda v: -v.prob_best)
    unit, facts = look.unit, look.told_facts()
    return [
        Column("Variant", tuple(short(v.name) for v in rows), justify="left"),
        Column(
            f"{'Quality' if facts is None else heading(facts)} ({level(look.ci_prob)})",
            tuple((quantity(v.mean, unit), f"{quantity(v.low, unit)} to {quantity(v.high, unit)}") for v in rows),
        ),
        Column("P(best)", tuple(brief_percent(v.prob_best) for v in rows)),
        Column(
            f"P({better_by(min_effect, unit)})",
            tuple("" if v.prob_superior is None else brief_percent(v.prob_superior) for v in rows),
        ),
        Column("Loses on average", tuple(quantity(v.expected_loss, unit) for v in rows), spare=True),
        Column("Outputs", tuple(count(look.outputs.get(v.name, 0)) for v in rows), spare=True),
        Column("", tuple("dropped" if v.name in look.dropped else "" for v in rows), justify="left"),
    ]


def show_look(screen: Screen, here: Opened, *, details: bool) -> None:
    """The last look: its variants, the decision in words, and what must be borne in mind."""
    from expsim_bayes.live.words import looks_taken

    _show(screen, here, details=details)
    if here.looks:
        screen.labelled([("Looks", looks_taken(here) + " `expsim monitor status` tells what looking often does.")])


def show_status(
    screen: Screen, here: Opened, found: Peeking, better: Calibration | None = None, *, details: bool
) -> None:
    """All looks, the decision in words, what peeking does, and the threshold that would hold where it was searched."""
    from expsim_bayes.live.words import calibration, peeked

    screen.heading(here.scenario.title)
    screen.table(looks(here, everything=details))
    if not details and len(here.looks) > MOST_LOOKS:
        screen.say(f"The last {MOST_LOOKS} of {len(here.looks)} looks; all with --details.", style="dim")
    _show(screen, here, details=details)
    screen.labelled([("Peeking", peeked(here, found, calibrated=better is not None)), *calibration(better)])


def _show(screen: Screen, here: Opened, *, details: bool) -> None:
    from expsim_bayes.live.words import headline, state, warnings

    last = here.looks[-1] if here.looks else None
    if last is not None:
        screen.table(
            variants(last, here.scenario.min_effect), title=f"After look {last.look}", bold=[0] if last.variants else []
        )
    style = STYLES[(here.ended or last).decision] if last is not None else "bold"
    screen.heading(headline(here), style=style)
    screen.labelled(state(here))
    if last is not None:
        screen.listed(warnings(last), style="yellow")
        if details:
            screen.listed(n for n in last.notices if not n.startswith("warning"))


def show_next(screen: Screen, here: Opened, *, details: bool = False) -> Ahead | None:
    """What to rate next."""
    from expsim_bayes.live.ahead import planned
    from expsim_bayes.live.words import collected, next_words

    plan = planned(here)
    screen.labelled(next_words(here, plan))
    screen.labelled([("Further", collected(here))])
    if details and plan is not None:
        for pending in plan.pending:
            names = ("Variant", "Item", "Output")
            columns = zip(*pending.outputs, strict=True)
            screen.table(
                [
                    Column(n, tuple(short(c) for c in cells), justify="left")
                    for n, cells in zip(names, columns, strict=False)
                ],
                title=f"Still to be rated by {pending.evaluator}",
            )
    return plan


def as_object(here: Opened, found: Peeking | None = None, better: Calibration | None = None) -> dict[str, Any]:
    """What --json prints of an experiment, of peeking where that was asked, and of a threshold where one was searched."""
    from expsim_bayes.live.words import headline

    told: dict[str, Any] = {
        "folder": str(here.folder),
        "headline": headline(here),
        "ended_at": None if here.ended is None else here.ended.look,
        "looks_planned": here.scenario.looks,
        "batches": [batch.model_dump(mode="json") for batch in here.manifest.batches],
        "looks": [look.model_dump(mode="json", exclude={"facts"}) for look in here.looks],
        "waiting": list(here.waiting),
        "added": [added.model_dump() for added in here.manifest.added],
    }
    if found is None:
        return told
    return told | {"peeking": plain(found), "calibrated": None if better is None else _calibrated(better)}


def _calibrated(better: Calibration) -> dict[str, Any]:
    """What --json prints of a threshold, under the names that `expsim calibrate` gives."""
    numbers = {name: plain(getattr(better, name)) for name in ("target", "threshold", "checked", "declared", "holds")}
    return numbers | {"threshold_declared": better.design.rule.threshold, "replications": better.replications}


def plan_object(here: Opened, plan: Ahead | None) -> dict[str, Any]:
    """What --json prints of what comes next."""
    ended = here.ended
    return {"ended_at": None if ended is None else ended.look, "next": plain(plan)}
