"""How quality is said, by the kind of rating: a variant scores, passes, beats, costs or takes, in units that a reader knows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.amounts import change, count, gap, level, listed, percent, quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.facts import Facts, Interval, VariantFacts
    from expsim_bayes.planning import Further


DEEDS = ("Launch", "Keep", "Stop")
"""Words with which a right answer says what to do."""


class Words(NamedTuple):
    """Sentences about quality, with {name}, {base}, {amount} and {size} to be filled in."""

    level: str
    """What a variant is like."""
    more: str
    """That its quality is higher than that of the baseline."""
    less: str
    """That it is lower."""
    quality: str
    """What quality is, for a heading or an axis."""
    is_good: bool = False
    """Whether more and less alone tell a reader which is better."""


SCORES = Words(
    "{name} scores {amount}",
    "{name} scores {size} higher than {base}",
    "{name} scores {size} lower than {base}",
    "quality",
)
PASSES = Words(
    "{name} passes on {amount} of outputs",
    "{name} passes on {size} more outputs than {base}",
    "{name} passes on {size} fewer outputs than {base}",
    "share of outputs that pass",
    is_good=True,
)
FAILS = Words(
    "{name} fails on {amount} of outputs",
    "{name} fails on {size} more outputs than {base}",
    "{name} fails on {size} fewer outputs than {base}",
    "share of outputs that fail",
    is_good=True,
)
BEATS = Words(
    "{name} beats {base} on {amount} of new items",
    "{name} beats {base} on {amount} of new items",
    "{name} beats {base} on {amount} of new items",
    "share of new items on which {base} is beaten",
    is_good=True,
)
WINS = Words(
    "{name} wins on {amount} of new items",
    "{name} wins on {size} more new items than {base}",
    "{name} wins on {size} fewer new items than {base}",
    "share of new items on which it wins",
    is_good=True,
)
COSTS = Words(
    "{name} costs {amount} a call",
    "{name} costs {size} more a call than {base}",
    "{name} costs {size} less a call than {base}",
    "dollars a call",
    is_good=True,
)
TAKES = Words(
    "{name} takes {amount} a call",
    "{name} takes {size} longer than {base}",
    "{name} takes {size} less than {base}",
    "seconds a call",
    is_good=True,
)
USES = Words(
    "{name} uses {amount} a call",
    "{name} uses {size} more a call than {base}",
    "{name} uses {size} fewer a call than {base}",
    "tokens a call",
    is_good=True,
)
SLOWEST = Words(
    "95 of 100 calls of {name} take at most {amount}",
    "the slowest calls of {name} (95th percentile) take {size} longer than those of {base}",
    "the slowest calls of {name} (95th percentile) take {size} less than those of {base}",
    "seconds that 95 of 100 calls stay below",
    is_good=True,
)
MIDDLING = Words(
    "half of the calls of {name} take at most {amount}",
    "half of the calls of {name} take up to {size} longer than those of {base}",
    "half of the calls of {name} take up to {size} less than those of {base}",
    "seconds that half of the calls stay below",
    is_good=True,
)
FEW_PEOPLE = 5
"""People up to whom their common taste is worth a word."""
BY_UNIT = {"points": SCORES, "dollars": COSTS, "seconds": TAKES, "tokens": USES}
"""Words by the unit of quality; those of a share hang on the kind of rating."""


def words(facts: Facts) -> Words:
    """How quality of these facts is said."""
    if facts.unit == "seconds" and facts.about in ("p95", "p50"):
        return SLOWEST if facts.about == "p95" else MIDDLING
    if facts.unit in BY_UNIT:
        return BY_UNIT[facts.unit]
    if facts.rated in ("comparison", "ranking"):
        return BEATS if facts.control else WINS
    return PASSES if facts.higher_is_better else FAILS


def what_quality_is(facts: Facts) -> str:
    """What quality is, for a heading or an axis."""
    return words(facts).quality.format(base=facts.baseline)


def took_part_in(facts: Facts) -> str:
    """What is counted of a variant: its outputs where they are known, else what it took part in."""
    return "outputs" if facts.rated == "rating" or facts.usd_generation is not None else f"{facts.rated}s"


def left_out(facts: Facts) -> list[str]:
    """Variants that break a limit."""
    return [v.name for v in facts.variants if not v.allowed]


def counted(facts: Facts) -> str:
    """How many ratings there are, with what they are called."""
    return f"{count(facts.ratings)} {facts.rated}{'' if facts.ratings == 1 else 's'}"


def best_other(facts: Facts) -> VariantFacts | None:
    """The best of the variants that are not the baseline."""
    others = [v for v in facts.variants if v.effect is not None]
    sign = -1.0 if facts.higher_is_better else 1.0
    return min(others, key=lambda v: sign * v.quality.mean) if others else None


def said_level(facts: Facts, variant: VariantFacts) -> str:
    """What a variant is like, with its interval."""
    low, high = (quantity(end, facts.unit) for end in (variant.quality.low, variant.quality.high))
    text = words(facts).level.format(
        name=variant.name, base=facts.baseline, amount=quantity(variant.quality.mean, facts.unit)
    )
    return f"{text} ({level(facts.ci_prob)} interval {low} to {high})"


def said_lead(facts: Facts, variant: VariantFacts, *, subject: str = "", more: str = "") -> str:
    """How a variant stands against the baseline, with the interval and what else belongs into the brackets."""
    assert variant.effect is not None
    used, effect = words(facts), variant.effect
    beats = used is BEATS
    shown = quantity if beats else change
    around = variant.quality if beats else effect
    named = used in (SLOWEST, MIDDLING)
    text = (used.more if effect.mean >= 0 else used.less).format(
        name=variant.name if named else subject or variant.name,
        base=facts.baseline,
        amount=quantity(variant.quality.mean, facts.unit),
        size=size(facts, effect.mean),
    )
    better = "" if used.is_good or facts.higher_is_better else " (worse)" if effect.mean >= 0 else " (better)"
    for word in (" higher than", " lower than") if better else ():
        text = text.replace(word, f"{word.removesuffix(' than')}{better} than")
    text = text[:1].upper() + text[1:] if named else text
    return f"{text} ({level(facts.ci_prob)} interval {shown(around.low, facts.unit)} to {shown(around.high, facts.unit)}{more})"


def said_better(facts: Facts, variant: VariantFacts) -> str:
    """How likely it is that a variant is better than the baseline."""
    assert variant.prob_better is not None
    return f"The probability that {variant.name} is better than {facts.baseline} is {percent(variant.prob_better)}."


def said_alike(facts: Facts) -> str:
    """The probability that the variants lie so near each other that it does not matter, as a sentence."""
    assert facts.prob_equivalent is not None
    which = "both" if len(facts.variants) == 2 else "all"
    within = f"lie within {gap(facts.rope, facts.unit)} of each other"
    return f"The probability that {which} variants {within} is {percent(facts.prob_equivalent)}."


def said_single(facts: Facts) -> str:
    """That one rater speaks for all people, where that is so; empty where it is not.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> said_single(of_experiment(play(load("summarization-prompts"), random_seed=1)))
    ''
    """
    people = [e for e in facts.evaluators if e.kind == "human" and e.ratings and not e.anonymous]
    if [e.raters for e in people] != [1]:
        return ""
    if facts.fit is None:
        return f"A single person rated ({people[0].name}): the answer is that person's, and says nothing of how far others agree."
    return (
        f"A single rater speaks for people ({people[0].name}): unless it is a mean of several, the answer is one person's, and says "
        "nothing of how far others agree."
    )


def after_looks(facts: Facts) -> str:
    """The looks taken and what the rule does when nothing differs: beside every probability."""
    if facts.looks is None:
        caution = "; take it with caution, the sampler's diagnostics pass only in part"
        return "; how often it was looked at before is not known" + (
            caution if facts.fit is not None and facts.fit.verdict == "caution" else ""
        )
    looks = f" after {facts.looks} look{'s' if facts.looks > 1 else ''}"
    if facts.false_launch is None:
        return looks
    error = 100 * 2 * facts.false_launch.mcse
    return (
        f"{looks}; this rule launches a variant that is no better in {100 * facts.false_launch.value:.1f} % of such experiments, "
        f"give or take {error:.1f}"
    )


def known_to(facts: Facts, variant: VariantFacts) -> str:
    """How well the difference of a variant to the baseline is known, by half its interval."""
    assert variant.effect is not None
    half = gap((variant.effect.high - variant.effect.low) / 2.0, facts.unit)
    return f"The difference of {variant.name} to {facts.baseline} is known to about {half} either way ({level(facts.ci_prob)} interval)"


def said_faults(facts: Facts) -> str:
    """How often each variant has the fault that is limited, the control first named by the others; empty where none is.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> said_faults(of_experiment(play(load("faster-model"), random_seed=1))).split(":")[1]
    ' over the limit of 2 (probability 98.9 %).'
    """
    return " ".join(_said_fault(facts, v) for v in facts.variants if v.faults is not None and v.name != facts.control)


def _said_fault(facts: Facts, variant: VariantFacts) -> str:
    found = variant.faults
    assert found is not None
    than = ""
    if found.more is not None:
        than = f", {abs(100 * found.more):.1f} points {'more' if found.more >= 0 else 'less'} than {facts.control}"
    limit = f"{100 * found.limit:.3g}" + ("" if found.against_control else " %")
    over = found.prob_over > 0.5
    chance = (
        f"probability {percent(found.prob_over)}"
        if over
        else f"probability of being over it {percent(found.prob_over)}"
    )
    stands = "over" if over else "within"
    return f"{variant.name} {found.does} in {percent(found.rate.mean)} of its outputs{than}: {stands} the limit of {limit} ({chance})."


def said_waiting(facts: Facts) -> str:
    """What an undecided experiment waits for, where that is the check for faults alone; empty where it is not."""
    leader = facts.variant(facts.leader)
    sure = max(leader.prob_best, leader.prob_better or 0.0)
    if leader.faults is None or not leader.faults.waits or (facts.threshold is not None and sure < facts.threshold):
        return ""
    return f"check more outputs of {leader.name}"


def size(facts: Facts, difference: float) -> str:
    """A difference without its sign, as it stands before "higher than": points go without their unit."""
    text = gap(difference, facts.unit)
    return text.removesuffix(" points") if facts.unit == "points" else text


def interval(value: Interval, ci_prob: float, unit: str = "points") -> str:
    """An interval of a difference with signs and its probability.

    Examples
    --------
    >>> from expsim_bayes.facts import Interval
    >>> interval(Interval(0.07, 0.01, 0.13), 0.95)
    '95 % interval +0.01 to +0.13'
    """
    return f"{level(ci_prob)} interval {change(value.low, unit)} to {change(value.high, unit)}"


def narrower(removed: float) -> str:
    """By how much an interval gets narrower that loses a share of its variance.

    Examples
    --------
    >>> narrower(0.19)
    '10.0 %'
    """
    return percent(1.0 - math.sqrt(1.0 - removed))


def stays(floor: float) -> str:
    """How much of an interval's width is left where a share of its variance is."""
    return percent(math.sqrt(floor))


def never_removed(further: Sequence[Further]) -> str:
    """Which further ratings leave most of what is uncertain, however many they are; empty where none does."""
    stuck = [f for f in further if f.floor > 0.5]
    if not stuck:
        return ""
    least = f"{'at least ' if len(stuck) > 1 else ''}{stays(min(f.floor for f in stuck))}"
    labels = [f.label for f in stuck]
    if all(label.endswith(" ratings") for label in labels):
        labels = [*(label.removesuffix(" ratings") for label in labels[:-1]), labels[-1]]
    return f"However many {listed(labels)} are added, {least} of the interval's width stays."


def truth(facts: Facts, *, told: bool = True) -> str:
    """Whether a simulated experiment ended right, which is known, and what the right answer was.

    Parameters
    ----------
    facts : Facts
        Of an experiment whose truth is known.
    told : bool
        Whether the right answer that its scenario tells is still the right one.
    """
    decided = facts.decision.name != "collect"
    right = decided and bool(facts.ended_right)
    verdict = f"the decision was {'right' if right else 'wrong'}" if decided else "nothing was decided"
    answer = facts.right_answer if right else missed(facts.right_answer)
    return f"Known, since this is simulated: {verdict}. {answer if told else ''}".strip()


def missed(right_answer: str) -> str:
    """A right answer that was not given, so that nobody takes it for what to do.

    Examples
    --------
    >>> missed("Launch B: it is 0.35 points better.")
    'The right answer would have been to launch B: it is 0.35 points better.'
    >>> missed("B and C are alike."), missed("")
    ('The right answer would have been: B and C are alike.', '')
    """
    first, _, rest = right_answer.partition(" ")
    if not first:
        return ""
    verb = first.rstrip(":")
    said = f" to {first.lower()} {rest}" if verb in DEEDS else f": {right_answer}"
    return f"The right answer would have been{said}"
