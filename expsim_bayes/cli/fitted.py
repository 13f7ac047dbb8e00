"""What `expsim fit` prints: the ratings that it read, and what the fit says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.cli import tables
from expsim_bayes.cli.advice import advise
from expsim_bayes.sentences import against_plain_means

if TYPE_CHECKING:
    from expsim_bayes.cli.screen import Screen
    from expsim_bayes.facts import Facts
    from expsim_bayes.ratings import Ratings

MOST_ROWS = 12
"""Rows of what a fit tells beside quality, up to which they are shown unless all are asked for."""
MOST_NOTICES = 10
"""Statements about the data that are shown unless all are asked for; those that warn always are."""


def describe_ratings(screen: Screen, ratings: Ratings, *, details: bool) -> None:
    """What the file holds, what was converted or left out, and what its ratings cannot tell."""
    from expsim_bayes.ratings import describe

    found = describe(ratings)
    held, *more = found.sentences()[: -len(found.warnings) or None]
    words = [held, *ratings.notices, *more]
    warned = [word for word in words if _warns(word)] + list(found.warnings)
    plain = [word for word in words if not _warns(word)]
    hidden = 0 if details else max(len(plain) - MOST_NOTICES, 0)
    screen.heading(ratings.source)
    screen.listed([*plain[: len(plain) - hidden], *([f"{hidden} more with --details"] if hidden else [])])
    screen.listed(warned, style="yellow")


def _warns(text: str) -> bool:
    return text.startswith("warning")


def show_fit(screen: Screen, facts: Facts, *, details: bool) -> None:
    """Verdict, variants, raters, judges, checks and the recommendation."""
    known = facts.fit
    assert known is not None
    screen.heading(facts.title)
    if known.verdict == "refuse":
        advise(screen, facts, details=details)
        return
    caution = known.verdict == "caution"
    words = (
        (
            "The sampler converged."
            if known.sampled
            else "No sampler was needed: the posterior was integrated and weighed, and its points may be trusted."
        )
        if not caution
        else "Take the probabilities with caution. " + " ".join(known.verdict_reasons)
    )
    screen.say(words, style="yellow" if caution else "green")
    screen.table(tables.variants(facts), bold=[i for i, v in enumerate(facts.variants) if v.name == facts.leader])
    screen.table(tables.raters(facts, everything=details), title="How severe or lenient people are")
    screen.table(tables.judges(facts), title="Judges against people")
    for measure in known.measures:
        if details or len(measure.rows) <= MOST_ROWS:
            screen.table(tables.measure(measure, facts), title=measure.title[:1].upper() + measure.title[1:])
    if details:
        screen.table(tables.shifts(facts), title="Judges' tastes")
        screen.table(tables.spreads(facts), title="Where the variation comes from")
        screen.heading("What the model holds")
        screen.listed(known.terms)
        screen.table(tables.priors(facts), title="What was believed before any rating was seen")
    if known.checks:
        screen.heading("How well the model reproduces the data")
        screen.listed(known.checks if details else known.telling_checks())
    advise(screen, facts, details=details, more=[("By means", against_plain_means(facts))])
