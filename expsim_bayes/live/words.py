"""The state of a monitored experiment in plain words: the decision, the looks, peeking, what comes next, judges that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.amounts import change, count, dollars, gap, level, listed, percent, quantity
from expsim_bayes.planning import advice
from expsim_bayes.planning.calibration import TARGET
from expsim_bayes.sentences import recommendation

if TYPE_CHECKING:
    from expsim_bayes.live.ahead import Ahead, Pending
    from expsim_bayes.live.drift import Drift
    from expsim_bayes.live.look import Look
    from expsim_bayes.live.monitor import Opened
    from expsim_bayes.live.peeking import Peeking
    from expsim_bayes.planning import Calibration

NOUN = {"score": "rating", "comparison": "comparison", "ranking": "ranking", "operations": "call"}
"""What one of the ratings is called."""


def decision(look: Look, control: str | None) -> str:
    """The decision of a look in a few words.

    Parameters
    ----------
    look : Look
        The look.
    control : str or None
        The variant in use today.
    """
    told = {
        "launch": f"launch {look.variant}",
        "keep_control": f"keep {control}" if control else "launch none of them",
        "stop_equivalent": "stop: no difference that matters",
        "collect": "undecided at the end",
        "continue": "go on",
        "refuse": "no answer: not to be trusted",
    }
    return told[look.decision]


def headline(here: Opened) -> str:
    """What to do now, in a few words."""
    if not here.looks:
        return "No ratings yet"
    ended, last = here.ended, here.looks[-1]
    told = decision(ended or last, here.settings.control or here.scenario.control)
    words = told[:1].upper() + told[1:]
    return f"{words} (decided at look {ended.look})" if ended is not None and ended.look < last.look else words


def state(here: Opened) -> list[tuple[str, str]]:
    """What is known now: labels, and a sentence or two each."""
    if not here.looks:
        return [("Do", "Have the first outputs rated: `expsim monitor next` says how many of which, and by whom.")]
    last, ended = here.looks[-1], here.ended
    rows = [("Do", _do(here)), ("How sure", _how_sure(here, last)), ("Price", _price(here, last))]
    if ended is not None and ended.look < last.look:
        rows.insert(1, ("Since then", _since(here, ended, last)))
    if last.dropped:
        rows.append(
            ("Dropped", f"{listed(list(last.dropped))} {'is' if len(last.dropped) == 1 else 'are'} no longer tried.")
        )
    judged = any(e.kind != "human" for e in last.evaluators)
    if last.outcome != "score" and judged and last.look > 1:
        rows.append(
            ("Judges", f"Whether a judge has changed between looks cannot be told of {NOUN[last.outcome]}s yet.")
        )
    if last.verdict == "caution":
        rows.append(("Caution", " ".join(last.reasons)))
    return rows


def looks_taken(here: Opened) -> str:
    """Looks so far of those that were planned."""
    taken, planned = len(here.manifest.batches), here.scenario.looks
    if taken > planned:
        return f"{taken} looks, {taken - planned} more than the {planned} that were planned."
    return f"{taken} of {planned} looks."


def peeked(here: Opened, found: Peeking, *, calibrated: bool = False) -> str:
    """What looking often does to this rule, and how to find a better threshold unless one is told beside it."""
    taken = looks_taken(here)
    if found.rate is None:
        return f"{taken} How often this rule launches something that is no better is not known here: {found.why_not}."
    better = ""
    if found.rate.value - 2 * found.rate.mcse > TARGET and not calibrated:
        better = (
            f" `expsim monitor status {here.folder} --calibrate` searches for the threshold that holds {100 * TARGET:.0f} % with these "
            "looks, for the next experiment; it may take minutes."
        )
    return (
        f"{taken} Were all variants equal, this rule would launch one of them in {100 * found.rate.value:.1f} % of experiments with "
        f"{found.looks} looks (give or take {200 * found.rate.mcse:.1f}; simulated with the raters and the outputs a look of the "
        f"scenario).{better}"
    )


def calibration(found: Calibration | None) -> list[tuple[str, str]]:
    """The threshold that holds the false-launch rate: labels, and a sentence or two each; nothing where none was searched."""
    if found is None:
        return []
    told = advice(found)
    warning = told.warning.removeprefix("warning: ")
    later = (
        "It is for the next experiment. The rules of this one are fixed: a threshold that is changed once ratings are seen no longer "
        "holds what it promises."
    )
    return [
        ("Threshold", f"{told.headline} {told.holds} {later}"),
        ("Its price", told.price),
        ("Beware", warning[:1].upper() + warning[1:]),
    ]


def drifted(drift: Drift) -> str:
    """What a judge that changed has done."""
    span = f"interval {change(drift.low, 'points')} to {change(drift.high, 'points')}, corrected for {drift.compared} comparisons"
    amount = change(drift.change, "points")
    if drift.against == "people":
        return (
            f"{drift.judge} rates {amount} against people at look {drift.look} compared with the looks before ({span}): its model or "
            "prompt may have changed, or how people rate."
        )
    return (
        f"{drift.judge} rates {amount} at look {drift.look} compared with the looks before ({span}): its model or prompt may have "
        "changed, or the items are others; people's ratings of the same outputs would tell."
    )


def better_by(min_effect: float, unit: str) -> str:
    """What the probability to beat the control is of, for the head of a column: any difference counts, or only one that matters."""
    return f"better by {change(min_effect, unit).removeprefix('+')}" if min_effect else "better"


def warnings(look: Look) -> list[str]:
    """What must be said of a look beside its numbers."""
    return [drifted(d) for d in look.drift if d.told] + [
        n.removeprefix("warning: ") for n in look.notices if n.startswith("warning")
    ]


def next_words(here: Opened, plan: Ahead | None) -> list[tuple[str, str]]:
    """What to rate next: labels, and a sentence or two each."""
    ended = here.ended
    if ended is not None and ended.decision != "collect":
        return [
            (
                "Next",
                f"Nothing: the experiment ended at look {ended.look} ({decision(ended, here.settings.control or here.scenario.control)}).",
            )
        ]
    if plan is None:
        return [("Next", "Nothing: fewer than two variants are left to try.")]
    compares = bool(here.looks) and here.looks[-1].outcome == "comparison"
    each = "take part in" if compares else "outputs of"
    shared = [
        f"{share.variant} in {count(share.outputs)}" if compares else f"{count(share.outputs)} {each} {share.variant}"
        for share in plan.shares
    ]
    what = (
        f"{count(plan.items)} comparisons on new items ({listed(shared)})"
        if compares
        else f"{listed(shared)}, on {count(plan.items)} new items"
    )
    rows = [("Next", f"Look {plan.look}: {what}, for about {dollars(plan.usd)} in all.")]
    asked = [
        f"{order.evaluator} for {count(order.ratings)} ratings ({dollars(order.usd)})"
        for order in plan.orders
        if order.ratings
    ]
    if asked:
        rows.append(("Ask", f"{listed(asked)}."))
    rows += [("Pending", _pending(p)) for p in plan.pending]
    if plan.dropped:
        rows.append(
            (
                "Not asked for",
                f"{listed(list(plan.dropped))}, which {'was' if len(plan.dropped) == 1 else 'were'} dropped.",
            )
        )
    if plan.look > here.scenario.looks:
        rows.append(
            (
                "Beware",
                f"All {here.scenario.looks} looks that were planned are taken; each further one makes a false launch likelier.",
            )
        )
    if ended is not None:
        rows.insert(0, ("Ended", f"{ended.reason} Whoever goes on all the same finds below what the plan would be."))
    return rows


def collected(here: Opened) -> str:
    """What further ratings would bring, by the last look; empty where nothing is open or known."""
    facts = here.looks[-1].told_facts() if here.looks and here.ended is None else None
    if facts is None or facts.decision.name != "collect" or not facts.further:
        return ""
    advice = recommendation(facts)
    return f"{advice.headline}: {advice.further}" if advice.headline.startswith("Collect") else advice.further


def _pending(pending: Pending) -> str:
    return (
        f"{pending.evaluator} has still to rate {count(len(pending.outputs))} outputs that others have rated ({_by(pending.by_variant)}): "
        f"{count(pending.arrived)} of {count(pending.expected)} that were to come have arrived. They are not asked for again."
    )


def _by(counts: dict[str, int]) -> str:
    return listed([f"{count(n)} of {name}" for name, n in counts.items()])


def _do(here: Opened) -> str:
    look = here.ended or here.looks[-1]
    control = here.settings.control or here.scenario.control
    stay = f" Until then keep {control}." if control else ""
    told = {
        "launch": f"Launch {look.variant}"
        + (f" in place of {control}." if control and control != look.variant else "."),
        "keep_control": f"Keep {control}." if control else "Launch none of them.",
        "stop_equivalent": "Stop: choose by cost and speed, the variants are the same for all that matters.",
        "collect": f"{look.reason}{stay}",
        "continue": f"Go on. {look.reason}{stay}",
        "refuse": f"Do not act on it: {look.reason}",
    }
    asked = (
        f" (The rule asked: {look.reason})" if look.decision in ("launch", "keep_control", "stop_equivalent") else ""
    )
    return told[look.decision] + asked


def _how_sure(here: Opened, last: Look) -> str:
    if last.leader is None:
        return "No probability is shown."
    best = last.of(last.leader)
    assert best is not None
    facts = last.told_facts()
    if facts is not None and facts.leader == best.name:
        text = recommendation(facts).how_sure
    else:
        span = f"{quantity(best.low, last.unit)} to {quantity(best.high, last.unit)}"
        text = (
            f"{best.name} leads with {quantity(best.mean, last.unit)} ({level(last.ci_prob)} interval {span}) and is the best of "
            f"{len(last.variants)} with a probability of {percent(best.prob_best)}, after look {last.look}."
        )
    control = here.settings.control or here.scenario.control
    if best.prob_superior is not None and control and here.scenario.min_effect:
        by = gap(here.scenario.min_effect, last.unit)
        text += f" It beats {control} by {by} or more with a probability of {percent(best.prob_superior)}."
    return f"{text} {'' if last.higher_is_better else 'Lower is better.'}".strip()


def _since(here: Opened, ended: Look, last: Look) -> str:
    n = last.look - ended.look
    control = here.settings.control or here.scenario.control
    return (
        f"{n} look{'s' if n > 1 else ''} more after the decision of look {ended.look}. The rules would now say: {decision(last, control)}. "
        "What was decided stands: a decision that is taken again at every further look errs more often."
    )


def _price(here: Opened, last: Look) -> str:
    noun = NOUN[last.outcome]
    parts = [
        f"{count(e.ratings)} {noun}s by {e.name}"
        + (f" for {dollars(e.usd)}" if e.usd is not None else " at a price that is not known")
        for e in last.evaluators
    ]
    made = sum(last.usd_generation.values())
    if made:
        parts.append(f"{count(sum(last.outputs.values()))} outputs for {dollars(made)}")
    budget = f" of a budget of {dollars(here.scenario.budget_usd)}" if here.scenario.budget_usd is not None else ""
    if not parts:
        return f"It rests on {count(last.ratings)} {noun}s, which nobody had to rate."
    least = "at least " if last.unpriced else ""
    return (
        f"{least}{dollars(last.usd)}{budget}: {listed(parts)}.".capitalize()
        if least
        else f"{dollars(last.usd)}{budget}: {listed(parts)}."
    )
