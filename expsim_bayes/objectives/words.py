"""Variants weighed by several metrics, in plain sentences: what to do, how sure, what keeps the limits, what is taken for granted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.amounts import count, gap, level, listed, percent, points, quantity

if TYPE_CHECKING:
    from expsim_bayes.objectives.metrics import Limit
    from expsim_bayes.objectives.weighing import Candidate, Weighed


class Advice(NamedTuple):
    """The decision in words."""

    headline: str
    what_to_do: str
    how_sure: str
    limits: str
    """Who keeps them, and who does not."""
    taken_for_granted: str
    """How metrics were weighed and put together, and what was left out."""


def advice(weighed: Weighed) -> Advice:
    """The sentences that a decision supports.

    Parameters
    ----------
    weighed : Weighed
        From `weigh`.

    Returns
    -------
    Advice
        Headline, what to do, how sure that is, limits, and what was taken for granted.
    """
    if weighed.decision.name == "refuse":
        return Advice("No answer yet: a fit is not to be trusted", weighed.decision.reason, "", "", "")
    return Advice(_headline(weighed), _what_to_do(weighed), _how_sure(weighed), _limits(weighed), _granted(weighed))


def limit_text(limit: Limit, weighed: Weighed) -> str:
    """A limit with the unit of its metric.

    Examples
    --------
    >>> import numpy as np
    >>> from expsim_bayes.objectives import Metric, limit, weigh
    >>> told = Metric("latency", ("A", "B"), np.ones((10, 2)), "t", "seconds", False)
    >>> limit_text(limit("latency<=2"), weigh([told], {"latency": -1.0}))
    'latency at most 2.00 s'
    """
    unit = next(m.unit for m in weighed.metrics if m.name == limit.metric)
    side = "at most" if limit.sign == "<=" else "at least"
    if not limit.against_control:
        return f"{limit.metric} {side} {quantity(limit.bound, unit)}"
    more = "" if limit.bound == 0 else f" {'+' if limit.bound > 0 else '-'} {quantity(abs(limit.bound), unit)}"
    return f"{limit.metric} {side} that of {weighed.control}{more}"


def _headline(weighed: Weighed) -> str:
    name = weighed.decision.name
    if name == "launch":
        return f"Launch {weighed.decision.variant}"
    if name == "keep_control":
        return f"Keep {weighed.control}" if weighed.control else "Launch none of them"
    if name == "stop_equivalent":
        return "Stop: no difference that matters"
    return "Undecided: collect more"


def _what_to_do(weighed: Weighed) -> str:
    decision, control = weighed.decision, weighed.control
    stay = f" Until then keep {control}." if control else ""
    if decision.name == "launch":
        instead = f" in place of {control}" if control else ""
        return f"Launch {decision.variant}{instead}."
    if decision.name == "keep_control":
        why = (
            "none of the others is better within the limits"
            if weighed.limits
            else "none of the others has a higher utility"
        )
        return f"Keep {control}: {why}." if control else "Launch none of them: they break the limits."
    if decision.name == "stop_equivalent":
        keep = f" Keep {control}, or choose by what is not weighed here." if control else ""
        return f"Stop: their utilities are within {points(weighed.rope)} of each other, and that does not matter.{keep}"
    doubtful = [c.name for c in weighed.candidates if _doubtful(c, weighed)]
    whose = f" Of {listed(doubtful)} it is open whether the limits are kept: measure that first." if doubtful else ""
    return f"No decision yet. {decision.reason}{whose}{stay}"


def _doubtful(candidate: Candidate, weighed: Weighed) -> bool:
    """Whether it is open if the limits are kept."""
    return 1 - weighed.limit_threshold < candidate.keeps_all < weighed.limit_threshold and (
        candidate.name != weighed.control
    )


def _how_sure(weighed: Weighed) -> str:
    if len(weighed.candidates) == 1:
        return ""
    if weighed.decision.name == "stop_equivalent" and weighed.prob_equivalent is not None:
        return f"The probability that they lie within {points(weighed.rope)} of each other is {percent(weighed.prob_equivalent)}."
    chosen = weighed.decision.variant or (weighed.control if weighed.decision.name == "keep_control" else None)
    leader = next((c for c in weighed.candidates if c.name == chosen), None)
    leader = leader or max(weighed.candidates, key=lambda c: c.prob_best)
    if leader.prob_best == 0:
        return ""
    among = " of those that may be launched" if weighed.limits else ""
    sure = f"{leader.name} has the highest utility{among} with a probability of {percent(leader.prob_best)}"
    if weighed.control and leader.name != weighed.control:
        gain = leader.utility
        sure += (
            f"; against {weighed.control} it gains {points(gain.mean)} in utility ({level(weighed.ci_prob)} interval "
            f"{points(gain.low)} to {points(gain.high)})"
        )
    error = f" (Computed to within {gap(2 * weighed.mcse, 'share')}.)" if weighed.mcse > 0.002 else ""
    cautious = [m.name for m in weighed.metrics if m.verdict == "caution"]
    care = (
        f" Take it with caution: the sampler's diagnostics of {listed(cautious)} pass only in part." if cautious else ""
    )
    return f"{sure}.{error}{care}"


def _limits(weighed: Weighed) -> str:
    if not weighed.limits:
        return ""
    asked = listed([limit_text(each, weighed) for each in weighed.limits])
    said = [f"Limits: {asked}; a launch asks for {level(weighed.limit_threshold)} that all are kept."]
    keep = [c for c in weighed.candidates if c.launchable]
    broken = [c for c in weighed.candidates if c.keeps_all <= 1 - weighed.limit_threshold]
    for who, one, many in ((keep, "keeps", "keep"), (broken, "breaks", "break")):
        if who:
            said.append(
                f"{listed([f'{c.name} ({percent(c.keeps_all)})' for c in who])} {one if len(who) == 1 else many} them."
            )
    said += [
        f"{c.name} keeps them with a probability of {percent(c.keeps_all)}, and is the best that does with {percent(c.prob_best_within)}."
        for c in weighed.candidates
        if not c.launchable and c.keeps_all > 1 - weighed.limit_threshold
    ]
    control = next((c for c in weighed.candidates if c.name == weighed.control), None)
    if control is not None and not control.launchable:
        said.append(f"{control.name} is compared all the same, since it runs today.")
    return " ".join(said)


def _granted(weighed: Weighed) -> str:
    said = []
    scales = {
        "share": " per 1.00 of a share",
        "points": " a point",
        "dollars": " a dollar",
        "seconds": " a second",
        "tokens": " a token",
    }
    units = {m.name: m.unit for m in weighed.metrics}
    if len(weighed.weights) > 1:
        parts = [f"{weight:+g}{scales[units[name]]} of {name}" for name, weight in weighed.weights]
        said.append(f"Utility is {listed(parts)}.")
    if len({metric.fit for metric in weighed.metrics}) > 1:
        said.append(
            "The fits share no parameter, so that what one says is independent of the others given their ratings; their draws were paired "
            "at random."
        )
    if weighed.left_out:
        lacking = [f"{name} (no {which})" for name, which in weighed.left_out]
        said.append(f"Left out: {count(len(lacking))} variant{'s' if len(lacking) > 1 else ''}, {listed(lacking)}.")
    return " ".join(said)
