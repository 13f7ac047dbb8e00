"""Five questions of those who read one page, each answered in a sentence: what to do, how sure, the price, what may be wrong, what next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes import sentences
from expsim_bayes.amounts import count, dollars, duration, listed, percent
from expsim_bayes.report.document import Answer
from expsim_bayes.report.doubts import what_may_be_wrong
from expsim_bayes.report.prices import as_of, how_many
from expsim_bayes.wording import (
    best_other,
    counted,
    left_out,
    narrower,
    never_removed,
    said_alike,
    said_better,
    said_faults,
    said_level,
)

if TYPE_CHECKING:
    from expsim_bayes.facts import Facts
    from expsim_bayes.planning import Further
    from expsim_bayes.planning.futures import Bought

DO, SURE, COST, WRONG, NEXT = (
    "What do we do?",
    "How sure are we?",
    "What did it cost?",
    "What could be wrong?",
    "What would one more week or 100 dollars change?",
)
"""The questions."""
_INSIDE = ".\x00"
"""Stands for a full stop and a space within a name."""


def answers(facts: Facts) -> tuple[Answer, ...]:
    """The answers that displayed facts give.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> found = answers(of_experiment(play(load("summarization-prompts"), random_seed=1)))
    >>> found[0].sentence, found[1].sentence
    ('Launch B in place of A.', 'The probability that B is better than A is ...')
    """
    advice = sentences.recommendation(facts)
    first, rest = split(advice.what_to_do, facts)
    if facts.decision.name == "refuse":
        rest = " ".join(part for part in (rest, remedy(facts)) if part)
    sure = how_sure(facts)
    compared = facts.decision.name != "refuse" and len(facts.variants) > 1
    return (
        Answer(DO, first, rest),
        Answer(SURE, sure, sentences.how_sure(facts, beside=sure) if compared else ""),
        Answer(COST, cost(facts), as_of(facts) if facts.usd is not None else ""),
        Answer(WRONG, what_may_be_wrong(facts), ""),
        Answer(NEXT, *what_next(facts)),
    )


def split(text: str, facts: Facts | None = None) -> tuple[str, str]:
    """The first sentence, and the others; a full stop in a name ends none.

    Examples
    --------
    >>> split("Collect 240 ratings for $3.20 more. Until then keep A.")
    ('Collect 240 ratings for $3.20 more.', 'Until then keep A.')
    """
    names = [] if facts is None else [*(v.name for v in facts.variants), *(e.name for e in facts.evaluators)]
    for name in names:
        text = text.replace(name, name.replace(". ", _INSIDE))
    first, stop, rest = text.partition(". ")
    whole = first + "." if stop else first
    return whole.replace(_INSIDE, ". "), rest.replace(_INSIDE, ". ")


def remedy(facts: Facts) -> str:
    """What to do about a fit that is refused."""
    reasons = " ".join(facts.fit.verdict_reasons) if facts.fit is not None else ""
    if facts.fit is not None and facts.fit.verdict != "refuse":
        return "Have some of the same items rated for variants of both groups, or fit each group by itself (--where)."
    if "fit with the sampler" in reasons:
        return "Fit once more with the sampler (--engine nuts)."
    return (
        "Fit once more with longer runs (--tune 2000 --draws 4000 --target-accept 0.99); where that does not help, gather more "
        "ratings or choose a plainer model (--model)."
    )


def how_sure(facts: Facts) -> str:
    """The one probability, in a sentence."""
    if facts.decision.name == "refuse":
        return "Not at all: no probability is shown, because the fit is not to be trusted."
    if not facts.variants:
        return "There is nothing to be sure of: no variants are named."
    if len(facts.variants) == 1:
        return f"There is nothing to compare: {said_level(facts, facts.variants[0])}."
    return _of_several(facts)


def _of_several(facts: Facts) -> str:
    """The one probability where variants are compared."""
    barred_by_faults = all(v.faults is not None and v.faults.bars for v in facts.variants if v.name != facts.control)
    if _all_barred(facts) and barred_by_faults and (faults := said_faults(facts)):
        return split(faults, facts)[0]
    leader = facts.variant(facts.leader)
    if facts.decision.name == "stop_equivalent" and facts.prob_equivalent is not None:
        return said_alike(facts)
    subject = facts.variant(facts.decision.variant) if facts.decision.variant else leader
    if subject.prob_better is not None:
        return said_better(facts, subject)
    rival = best_other(facts)
    if rival is not None and rival.prob_better is not None:
        return said_better(facts, rival)
    return f"The probability that {subject.name} is the best is {percent(subject.prob_best)}."


def _all_barred(facts: Facts) -> bool:
    """Whether everything but the control breaks a limit."""
    return len(facts.variants) > 1 and len(left_out(facts)) == len(facts.variants) - 1


def cost(facts: Facts) -> str:
    """The price of the experiment and of one evaluation, in a sentence."""
    if facts.usd is None:
        told = "which nobody had to rate" if facts.rated == "call" else "whose price is not declared"
        return f"It rests on {counted(facts)}, {told}."
    budget = f" of a budget of {dollars(facts.budget_usd)}" if facts.budget_usd is not None else ""
    days = f" and took {duration(facts.days)}" if facts.days is not None else ""
    each = dollars(facts.usd / max(facts.ratings, 1))
    return f"The experiment cost {dollars(facts.usd)}{budget}{days} for {counted(facts)}, {each} a {facts.rated}."


def what_next(facts: Facts) -> tuple[str, str]:
    """What more money or time would bring, in a sentence, and the same for others who may rate."""
    if facts.decision.name == "refuse":
        return "Nothing: money and time help only once a fit can be trusted.", ""
    if len(facts.variants) < 2:
        return "Nothing by themselves: a second variant has to be rated first.", ""
    if _all_barred(facts):
        barred = listed(left_out(facts))
        return (
            f"Nothing: {barred} may not be launched while the limit on {facts.limits} stands, however much is rated.",
            "",
        )
    if not facts.further:
        return "It was not worked out what more ratings would bring.", ""
    undecided = facts.decision.name == "collect"
    priced = _best(facts, "hundred")
    weekly = _best(facts, "week")
    parts = []
    if priced is not None and priced.hundred is not None:
        parts.append(f"100 dollars {_would(priced, priced.hundred, undecided=undecided)}")
    if weekly is not None and weekly.week is not None and weekly.week.ratings:
        at = f" (for {dollars(weekly.week.usd)})" if weekly.week.usd is not None else ""
        parts.append(f"a week{at} {_would(weekly, weekly.week, undecided=undecided, again=weekly is priced)}")
    more = "" if undecided else "The decision does not wait for them."
    if not parts:
        best = max(facts.further, key=lambda f: f.variance_removed)
        brings = f"{count(best.batch_ratings)} more {best.label} would {_narrow(best)}"
        asked = facts.fit is not None and facts.evaluators and any(e.usd is None for e in facts.evaluators)
        how = (
            "Declare prices (--price NAME=USD) to see what 100 dollars change"
            if asked
            else "Prices and speeds are not declared"
        )
        return f"{how}; {brings}.", more
    sentence = "; ".join(parts)
    floor = never_removed(facts.further)
    return f"{sentence[:1].upper()}{sentence[1:]}.", " ".join(part for part in (floor, more) if part)


def _best(facts: Facts, span: str) -> Further | None:
    """The kind of which a sum or a week removes most."""
    offers = [(getattr(f, span), f) for f in facts.further if getattr(f, span) is not None]
    return max(offers, key=lambda offer: offer[0].variance_removed)[1] if offers else None


def _would(kind: Further, bought: Bought, *, undecided: bool, again: bool = False) -> str:
    """What some ratings would bring: a decision where none has fallen, else less doubt."""
    what = f"would buy {how_many(bought)}{' of them' if again else f' {kind.label}'}"
    if undecided:
        return f"{what} and bring a decision with a probability of {percent(bought.prob_decides)}"
    return f"{what} and {_narrow(bought)}"


def _narrow(brought: Further | Bought) -> str:
    """What ratings do to an interval, which readers see."""
    return f"make the interval of the difference {narrower(brought.variance_removed)} narrower"
