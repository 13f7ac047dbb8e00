"""What a fit says of those who rated, in plain sentences: who gives most and least, who disagrees, which judge favours which variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.amounts import change, count, gap, level, listed, measured, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from expsim_bayes.raters.misfit import Apart
    from expsim_bayes.raters.report import Follows, Raters, Taste, Trait

WITHOUT_SEVERITY = {
    "preference": "Severity is not reported: where variants are compared it cancels.",
    "ranking": "Severity is not reported: where variants are ranked it cancels.",
    "classes": "Severity is not reported: this model has a table of errors for each rater in its place.",
}
"""Why a model has no severity, where it is the model that has none."""
WITHOUT_TASTES = {"classes": "Tastes for variants are not reported: this model has none."}
"""The same of judges' tastes for variants."""
PAIRED = ("preference", "ranking")
"""Models in which a judge has no level of its own."""
RARE = 0.05
"""Share of made-up data sets below which a misfit is more than chance."""
MOST_NAMED = 3
"""Tastes that one sentence names."""


def sentences(found: Raters) -> tuple[str, ...]:
    """What is said of those who rated, the most telling first, then what the model cannot tell.

    Parameters
    ----------
    found : Raters
        From `expsim_bayes.raters.raters`.

    Returns
    -------
    tuple of str
        Sentences.
    """
    return (
        *_severities(found),
        *(_farthest(apart) for apart in found.apart),
        *(_least(follows, found) for follows in found.follows),
        *_tastes(found),
        *_missing(found),
        f"Intervals are of {level(found.ci_prob)} and shrunken: the fewer ratings, the nearer to the others of the pool.",
    )


def _severities(found: Raters) -> Iterator[str]:
    """Who of each pool gives most and least."""
    for evaluator in found.evaluators:
        rows = [
            (r.name, t) for r in found.raters if r.evaluator == evaluator.name for t in r.traits if t.name == "severity"
        ]
        if len(rows) < 2:
            continue
        rows.sort(key=lambda row: -row[1].value.mean)
        clear = sum(not trait.value.low <= 0 <= trait.value.high for _, trait in rows)
        most, least = (f"{name} ({_spread(trait)})" for name, trait in (rows[0], rows[-1]))
        yield (
            f"Of the {count(len(rows))} raters of {evaluator.name}, {most} gives most and {least} least, beside the others; "
            f"{_how_many(clear)} an interval without 0."
        )


def _how_many(clear: int) -> str:
    return "none has" if not clear else "1 has" if clear == 1 else f"{count(clear)} have"


def _spread(trait: Trait) -> str:
    show = change if trait.signed else measured
    return f"{show(trait.value.mean, trait.unit)}, {show(trait.value.low, trait.unit)} to {show(trait.value.high, trait.unit)}"


def _farthest(apart: Apart) -> str:
    chance = percent(apart.by_chance)
    size = (
        f"{apart.times:.2f} times as far, in squared distance, from what the fit expects of them as those of the others"
    )
    if apart.by_chance < RARE:
        return (
            f"Of {count(apart.raters)} raters of {apart.evaluator}, {apart.rater} disagrees most with the others: ratings by "
            f"{apart.rater} lie {size}. By chance the farthest would lie so far in {chance} of data sets."
        )
    return (
        f"No rater of {apart.evaluator} disagrees with the others by more than chance: the farthest is {apart.rater}, whose ratings lie "
        f"{size}; by chance the farthest of {count(apart.raters)} would lie so far in {chance} of data sets."
    )


def _least(follows: Follows, found: Raters) -> str:
    value, unit = follows.value, follows.unit
    size = f"{measured(value.mean, unit)}, {measured(value.low, unit)} to {measured(value.high, unit)} ({level(found.ci_prob)})"
    return (
        f"Of {count(follows.raters)} {follows.among}, {follows.rater} is the least reliable: {follows.words} {size}. The chance "
        f"that none of the others is lower is {percent(follows.prob_least)}."
    )


def _tastes(found: Raters) -> Iterator[str]:
    """Which judge favours which variant."""
    clear = [taste for taste in found.tastes if taste.clear]
    if clear:
        more = f"; {count(len(clear) - MOST_NAMED)} more are clear of 0" if len(clear) > MOST_NAMED else ""
        yield f"{_listed(clear[:MOST_NAMED], found)}{more}."
    elif found.tastes:
        largest = found.tastes[0]
        yield f"No judge's taste for a variant is clear of 0: the largest is that {_favour(largest, found)}."


def _listed(tastes: Sequence[Taste], found: Raters) -> str:
    text = listed([_favour(taste, found) for taste in tastes])
    return text[:1].upper() + text[1:] if not tastes[0].judge.islower() else text


def _favour(taste: Taste, found: Raters) -> str:
    value, unit = taste.value, found.unit
    verb = "more" if value.mean > 0 else "less"
    people = any(evaluator.kind == "human" for evaluator in found.evaluators)
    usual = "than people's view and its usual level suggest"
    beside = (usual if found.model not in PAIRED else "than people do") if people else "beside the other variants"
    return (
        f"{taste.judge} gives {taste.variant} {gap(value.mean, unit)} {verb} {beside} "
        f"({change(value.low, unit)} to {change(value.high, unit)})"
    )


def _missing(found: Raters) -> Iterator[str]:
    """What the model does not have, and who is not told apart."""
    if not any(trait.name == "severity" for rater in found.raters for trait in rater.traits):
        plain = "Severity is not reported: nobody of a pool could be told apart by it (the report of the fit says why)."
        yield WITHOUT_SEVERITY.get(found.model, plain)
    if not found.tastes:
        judges = any(evaluator.kind != "human" for evaluator in found.evaluators)
        plain = "Judges' tastes for variants are not reported: " + (
            "the fit could not tell any." if judges else "no judge rated."
        )
        yield WITHOUT_TASTES.get(found.model, plain)
    if slots := list(dict.fromkeys(rater.evaluator for rater in found.raters if rater.slot)):
        yield f"Rater names of {listed(slots)} are slots: nothing is said of single ones."
    if not found.apart:
        yield "Who disagrees with the others of a pool is not reported: no pool has two raters whom the model tells apart."
