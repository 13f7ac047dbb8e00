"""What is said where nothing was decided: why in a few words, what to collect, and what to do until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.amounts import count, dollars, gap, listed, percent
from expsim_bayes.wording import left_out, said_waiting

if TYPE_CHECKING:
    from expsim_bayes.facts import Facts, VariantFacts


def in_a_few_words(facts: Facts) -> str:
    """What to do where nothing was decided, in a few words."""
    if not facts.variants:
        return "Nothing to compare: no variants are named"
    if len(facts.variants) == 1:
        return f"Nothing to compare: only {facts.leader} was rated"
    if waiting := said_waiting(facts):
        return f"Undecided: {waiting}"
    best = facts.cheapest_that_decides
    if best and best.ratings:
        return f"Collect {count(best.ratings)} more {best.label}"
    return _undecided(facts)


def _undecided(facts: Facts) -> str:
    """Why nothing was decided, where no batch is known to bring a decision."""
    ran_out = {"budget": "the budget", "max_ratings": "the number of ratings", "max_days": "the time"}
    if facts.decision.limit in ran_out:
        return f"Undecided: {ran_out[facts.decision.limit]} does not suffice"
    if _under_way(facts):
        return f"Go on: nothing is decided after look {facts.looks} of {facts.looks_planned}"
    if running := _better_than_control(facts):
        return f"Undecided between {listed([v.name for v in running])}"
    return "Undecided: more of the same will not settle it" if facts.further else "Undecided"


def _under_way(facts: Facts) -> bool:
    """Whether looks that were planned are still to come, and nothing forbids them."""
    return facts.looks is not None and facts.looks < (facts.looks_planned or 0) and not facts.decision.limit


def what_to_collect(facts: Facts) -> str:
    """What to have rated, what that brings, and what to do until then."""
    if len(facts.variants) == 1:
        return f"Have another variant rated on the same items: there is nothing to compare {facts.leader} with."
    best = facts.cheapest_that_decides
    spent = f" {facts.decision.reason}" if facts.decision.reason else ""
    stay = _until_then(facts)
    if waiting := said_waiting(facts):
        return f"No decision yet: {waiting}, for it is not known to be within the limit on {facts.limits}.{stay}"
    if best is None or best.ratings is None:
        if facts.decision.limit:
            return f"No decision yet. {facts.decision.reason} What is left is not likely to bring one.{stay}"
        never = ", and more ratings of these kinds are not likely to bring one" if facts.further else ""
        return f"No decision yet{': go on as planned' if _under_way(facts) else never}.{stay}"
    cost = f" for about {dollars(best.usd)}" if best.usd is not None else ""
    return (
        f"Collect {count(best.ratings)} more {best.label} on new items{cost}: they bring a decision with a "
        f"probability of {percent(best.prob_decides)}.{stay}" + (f" (Why not now? {spent.strip()})" if spent else "")
    )


def _better_than_control(facts: Facts) -> list[VariantFacts]:
    """Two or more that are surely better than the control, and each of which may be the best of all, likeliest first; else none."""
    if facts.threshold is None or not facts.control:
        return []
    running = [
        v
        for v in facts.variants
        if (v.prob_better or 0.0) >= facts.threshold
        and v.prob_best > 1.0 - facts.threshold
        and v.name not in left_out(facts)
    ]
    return sorted(running, key=lambda v: -v.prob_best) if len(running) > 1 else []


def _until_then(facts: Facts) -> str:
    """What to do where nothing is decided yet: keep the control, unless others are surely better and only which of them is open."""
    if not facts.control:
        return ""
    running = _better_than_control(facts)
    if not running or said_waiting(facts):
        return f" Until then keep {facts.control}."
    names, better = listed([v.name for v in running]), listed([percent(v.prob_better or 0.0) for v in running])
    loss = gap(running[0].expected_loss, facts.unit)
    return (
        f" {names} are each better than {facts.control} (probabilities {better}): whoever does not wait takes the cheaper one, or "
        f"{running[0].name}, which gives away {loss} on average."
    )
