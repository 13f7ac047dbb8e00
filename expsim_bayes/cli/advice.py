"""The recommendation on the screen and as JSON: the same for a simulated experiment and for a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expsim_bayes.cli.screen import NAME_WIDTH, plain, short
from expsim_bayes.sentences import recommendation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from expsim_bayes.cli.screen import Screen
    from expsim_bayes.facts import Facts

STYLES = {
    "launch": "bold green",
    "keep_control": "bold yellow",
    "stop_equivalent": "bold yellow",
    "collect": "bold cyan",
    "refuse": "bold red",
}
"""Colour of each decision."""


def advise(screen: Screen, facts: Facts, *, details: bool, more: Sequence[tuple[str, str]] = ()) -> None:
    """Print what to do, how sure it is, what it cost and what may be wrong; with details also what is unknown and what would change that.

    Parameters
    ----------
    screen : Screen
        Where to print.
    facts : Facts
        What may be said.
    details : bool
        Say all of it.
    more : sequence of (label, text)
        What else belongs there.
    """
    advice = recommendation(facts)
    screen.heading(brief(advice.headline, facts), style=STYLES[facts.decision.name])
    rows = [("Do", advice.what_to_do), ("How sure", advice.how_sure), ("Price", advice.price)]
    if facts.fit is not None and facts.variants and not details:
        from expsim_bayes.report.doubts import what_may_be_wrong

        rows.append(("Beware", what_may_be_wrong(facts)))
    if details or facts.decision.name == "collect":
        rows.append(("Further", advice.further))
    if details:
        rows += [("Unknown", advice.unknown), ("What if", advice.change)]
    screen.labelled((label, brief(text, facts)) for label, text in (*rows, *more))


def brief(text: str, facts: Facts) -> str:
    """A text in which long names are shortened as in the tables.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> brief("Launch B", of_experiment(play(load("summarization-prompts"), random_seed=1)))
    'Launch B'
    """
    names = [v.name for v in facts.variants] + [e.name for e in facts.evaluators]
    for name in sorted({name for name in names if len(name) > NAME_WIDTH}, key=len, reverse=True):
        text = text.replace(name, short(name))
    return text


def as_object(facts: Facts, report: Path | None) -> dict[str, Any]:
    """What --json prints of an experiment or a fit; of a refused fit no number that it does not support."""
    told: object = facts
    if facts.decision.name == "refuse" and facts.fit is not None:
        told = {
            "decision": facts.decision,
            "notices": facts.notices,
            "fit": {"verdict_reasons": facts.fit.verdict_reasons},
        }
    return {
        "facts": plain(told),
        "recommendation": plain(recommendation(facts)),
        "report": None if report is None else str(report),
    }
