"""Plain sentences from facts: what to do, how sure, at what price, what remains unknown, what would help, what would change the answer.

A product manager reads every one of them, so statistics stand in brackets behind the words. Nothing is computed here but the wording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.special import ndtri

from expsim_bayes import undecided, wording
from expsim_bayes.advice import Recommendation
from expsim_bayes.amounts import change, count, dollars, duration, gap, level, listed, percent, seconds, times
from expsim_bayes.stopping import Superiority
from expsim_bayes.wording import (
    FEW_PEOPLE,
    after_looks,
    best_other,
    counted,
    left_out,
    narrower,
    said_alike,
    said_better,
    said_faults,
    said_lead,
    said_level,
)

if TYPE_CHECKING:
    from expsim_bayes.facts import Facts, VariantFacts


def recommendation(facts: Facts) -> Recommendation:
    """The recommendation that the facts support.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> recommendation(of_experiment(play(load("summarization-prompts"), random_seed=1))).headline
    'Launch B'
    """
    if facts.decision.name == "refuse":
        return _refusal(facts)
    if not facts.variants:
        return _without_variants(facts)
    return Recommendation(
        headline=headline(facts),
        what_to_do=_what_to_do(facts),
        how_sure=how_sure(facts),
        price=_price(facts),
        unknown=_unknown(facts),
        further=_further(facts),
        change=_change(facts),
    )


def headline(facts: Facts) -> str:
    """The decision in a few words."""
    name, variant = facts.decision.name, facts.decision.variant
    if name == "launch":
        return f"Launch {variant}"
    if name == "keep_control":
        return f"Keep {facts.control}" if facts.control else "Launch none of them"
    if name == "stop_equivalent":
        return "Stop: no difference that matters"
    if name == "refuse":
        return "No answer yet: the fit is not to be trusted"
    return undecided.in_a_few_words(facts)


def _what_to_do(facts: Facts) -> str:
    name, decision = facts.decision.name, facts.decision
    control = facts.control
    if name == "launch":
        instead = f" in place of {control}" if control and control != decision.variant else ""
        return f"Launch {decision.variant}{instead}."
    if name == "keep_control":
        barred = left_out(facts)
        if barred and len(barred) == len(facts.variants) - 1:
            return f"Keep {control}: {listed(barred)} {'break' if len(barred) > 1 else 'breaks'} the limit on {facts.limits}."
        return (
            f"Keep {control}: none of the others is better."
            if control
            else "Launch none of them: they break the limits."
        )
    if name == "stop_equivalent":
        keep = f" Keep {control}, or choose by cost and speed." if control else " Choose by cost and speed."
        return f"Stop: the variants are within {gap(facts.rope, facts.unit)} of each other, and that does not matter.{keep}"
    return undecided.what_to_collect(facts)


def how_sure(facts: Facts, *, beside: str = "") -> str:
    """How sure the answer is, without what a sentence beside it has told.

    Parameters
    ----------
    facts : Facts
        With variants, of a fit that is not refused.
    beside : str
        A sentence that is read together with this: from `wording.said_better`, or the first of `wording.said_faults`.
    """
    faults = said_faults(facts).replace(beside, "").strip() if beside else said_faults(facts)
    return " ".join(part for part in (_how_sure(facts, beside), faults) if part)


def _how_sure(facts: Facts, beside: str) -> str:
    leader = facts.variant(facts.leader)
    if facts.decision.name == "stop_equivalent" and facts.prob_equivalent is not None:
        other = best_other(facts)
        apart = f" {said_lead(facts, other)}." if other else ""
        known = said_alike(facts)
        if known == beside:
            return f"{apart.strip()} {_as_sentence(after_looks(facts))}".strip()
        return f"{known.removesuffix('.')}{after_looks(facts)}.{apart}"
    if leader.effect is None:  # the control leads
        rival = best_other(facts)
        if rival is None:
            return f"{said_level(facts, leader)}."
        if len(left_out(facts)) == len(facts.variants) - 1:
            return f"{said_lead(facts, rival)}{after_looks(facts)}."
        return (
            f"{said_lead(facts, rival)}. The probability that {leader.name} is the best of all is "
            f"{percent(leader.prob_best)}{after_looks(facts)}."
        )
    error = (
        f" (Computed to within {gap(2 * facts.mcse, 'share')}{_just_reached(facts, leader)}.)"
        if facts.mcse > 0.002
        else ""
    )
    assert leader.prob_better is not None
    sure = f"; probability of being better {percent(leader.prob_better)}{after_looks(facts)}"
    if beside == said_better(facts, leader):
        sure = f"; {after_looks(facts).lstrip('; ')}"
    lead = said_lead(facts, leader, subject=f"Variant {leader.name}", more=sure)
    return f"{lead}.{_too_little(facts, leader)}{_best_of_all(facts, leader)}{error}"


def _just_reached(facts: Facts, leader: VariantFacts) -> str:
    """That what was asked for lies within the error of what was computed; empty where it does not."""
    asked = facts.decision.threshold if facts.decision.reason == Superiority.question else None
    near = facts.decision.name == "launch" and asked is not None and abs(leader.prob_best - asked) < 2 * facts.mcse
    return f", so the {level(asked)} that were asked for are only just reached" if near and asked is not None else ""


def _too_little(facts: Facts, leader: VariantFacts) -> str:
    """That what a launch gains is surely less than what matters; empty where it may be more."""
    assert leader.effect is not None
    most = leader.effect.high if facts.higher_is_better else -leader.effect.low
    if facts.decision.name != "launch" or most >= facts.min_effect:
        return ""
    return f" That is less than the {gap(facts.min_effect, facts.unit)} that matter, so weigh what a change costs."


def _as_sentence(looks: str) -> str:
    """What stands behind a probability of the looks, as a sentence of its own."""
    text = looks.lstrip("; ")
    return f"{text[:1].upper()}{text[1:]}." if looks.startswith(";") else f"This was seen{looks}."


def _best_of_all(facts: Facts, leader: VariantFacts) -> str:
    barred = left_out(facts)
    if barred:
        limits = f"Leaving out {listed(barred)}, beyond the limit on {facts.limits},"
        return f" {limits} it is the best with a probability of {percent(leader.prob_best)}."
    if len(facts.variants) == 2:
        return ""
    return f" It is the best of all {len(facts.variants)} with a probability of {percent(leader.prob_best)}."


def _price(facts: Facts) -> str:
    if facts.usd is None:
        if facts.rated == "call":
            return f"It rests on {counted(facts)}, which nobody had to rate."
        return f"It rests on {counted(facts)}; what {'it' if facts.ratings == 1 else 'they'} cost is not declared."
    parts = [
        f"{count(e.ratings)} {facts.rated}{'' if e.ratings == 1 else 's'} by {e.name} for {dollars(e.usd)}"
        for e in facts.evaluators
        if e.usd is not None and e.ratings
    ]
    if facts.usd_generation and facts.variants:
        parts.append(
            f"{count(sum(v.outputs for v in facts.variants))} generated outputs for {dollars(facts.usd_generation)}"
        )
    days = f" and took {duration(facts.days)}" if facts.days is not None else ""
    budget = f" of a budget of {dollars(facts.budget_usd)}" if facts.budget_usd is not None else ""
    text = f"The experiment cost {dollars(facts.usd)}{budget}{days}: {listed(parts)}. "
    text += f"One evaluation cost {dollars(facts.usd / max(facts.ratings, 1))}."
    if not facts.variants:  # a fit that is refused has a price, too
        return text
    leader, base = facts.variant(facts.leader), facts.variant(facts.baseline)
    if leader.name != base.name and leader.usd_per_output and base.usd_per_output:
        text += (
            f" In use, {leader.name} costs {times(leader.usd_per_output / base.usd_per_output)} as {base.name} a call"
        )
        if leader.latency_s and base.latency_s:
            text += f" and takes {seconds(leader.latency_s)} against {seconds(base.latency_s)}"
        text += "."
    return text


def how_well_known(facts: Facts) -> str:
    """How well the difference that decides is known; empty where there is none."""
    leader = facts.variant(facts.leader)
    rival = leader if leader.effect is not None else best_other(facts)
    return f"{wording.known_to(facts, rival)}." if rival is not None and rival.effect_sd else ""


def _unknown(facts: Facts) -> str:
    parts = [known] if (known := how_well_known(facts)) else []
    judges = [e for e in facts.evaluators if e.kind != "human" and e.shift_sd]
    people = [e for e in facts.evaluators if e.kind == "human" and e.ratings]
    if judges and not people:
        judge = max(judges, key=lambda e: e.ratings)
        assert judge.shift_sd is not None
        parts.append(
            f"No person has rated: what {judge.name} likes about a variant as such (SD {gap(judge.shift_sd, facts.unit)}) cannot be told "
            "from quality, and no number of its ratings will change that."
        )
    elif judges and people:
        parts.append(
            f"How far {'the judge favours' if len(judges) == 1 else 'judges favour'} a variant as such is learned from outputs that people "
            "rated too; with few variants it rests partly on what was believed beforehand."
        )
    if any(e.kind == "human" and 1 < e.raters <= FEW_PEOPLE and not e.anonymous for e in facts.evaluators):
        parts.append("Few people rated, and a few people are not the public: their common taste stays in the answer.")
    if facts.fit is not None and facts.fit.checks_failed:
        parts.append(
            f"The model does not reproduce all of how these {facts.rated.replace('rating', 'score')}s are distributed "
            f"({facts.fit.checks_failed} of {len(facts.fit.checks)} checks {'fails' if facts.fit.checks_failed == 1 else 'fail'}): "
            "take intervals and probabilities as approximate."
        )
    return " ".join(parts)


def _further(facts: Facts) -> str:
    if not facts.further:
        return ""
    best, *others = sorted(facts.further, key=lambda f: -f.variance_removed)[:3]
    first = f"{best.label[:1].upper()}{best.label[1:]} help most. " if others else ""
    price = f"For {dollars(best.batch_usd)}" if best.batch_usd else "With a first batch"
    most = f"would make the interval of the difference {narrower(best.variance_removed)} narrower"
    offers = [
        f"{count(best.batch_ratings)} {best.label} {most}",
        *(f"{count(f.batch_ratings)} {f.label} {narrower(f.variance_removed)}" for f in others),
    ]
    return " ".join(filter(None, (f"{first}{price}, {listed(offers)}.", wording.never_removed(facts.further))))


def _change(facts: Facts) -> str:
    parts = []
    leader = facts.variant(facts.leader)
    threshold = facts.threshold
    if facts.decision.name == "launch" and leader.effect is not None and leader.effect_sd and threshold:
        sign = 1.0 if facts.higher_is_better else -1.0
        margin = sign * leader.effect.mean - float(ndtri(threshold)) * leader.effect_sd
        if margin > 0:
            parts.append(
                f"{leader.name} would be launched even if it had to be better than {facts.baseline} by up to {gap(margin, facts.unit)} "
                f"(at {level(threshold)})."
            )
    if facts.decision.name == "stop_equivalent":
        parts.append(
            f"A difference smaller than {gap(facts.rope, facts.unit)} would have to matter for the answer to change."
        )
    if facts.decision.name == "keep_control" and (rival := best_other(facts)) is not None and rival.effect is not None:
        edge = rival.effect.high if facts.higher_is_better else -rival.effect.low
        even, how = ("At best", "better") if edge > 0 else ("Even at best", "worse")
        parts.append(
            f"{even} (best end of the {level(facts.ci_prob)} interval) {rival.name} is {gap(abs(edge), facts.unit)} {how}."
        )
    if facts.fit is not None:
        unit = " points" if facts.unit == "points" else ""
        parts += [
            f"{assumption} would be {change(effect, facts.unit)}{unit}, with a probability of being better of {percent(prob)}."
            for assumption, effect, prob in facts.fit.shift_scenarios
        ]
    barred = left_out(facts)
    if barred:
        parts.append(f"{listed(barred)} may not be launched while the limit on {facts.limits} stands.")
    return " ".join(parts)


def against_plain_means(facts: Facts) -> str:
    """How the ranking and its certainty differ from those of plain means; empty without a fit."""
    if facts.fit is None or not facts.fit.plain_means:
        return ""
    sign = -1.0 if facts.higher_is_better else 1.0
    by_model = [v.name for v in sorted(facts.variants, key=lambda v: sign * v.quality.mean)]
    by_mean = [p.name for p in sorted(facts.fit.plain_means, key=lambda p: sign * p.mean)]
    moves = {name: by_mean.index(name) - by_model.index(name) for name in by_model if name in by_mean}
    moved = sorted((name for name, move in moves.items() if move), key=lambda name: -abs(moves[name]))
    first, plain_first = by_model[0], by_mean[0]
    plain = next(p for p in facts.fit.plain_means if p.name == first)
    text = f"{first} leads with a chance of being best of {percent(facts.variant(first).prob_best)}; "
    if plain_first == first:
        text += f"plain means put it first too, and would claim {percent(plain.prob_best)}."
    else:
        text += f"plain means would put {plain_first} first instead."
    if not moved:
        return f"{text} The order of all variants is the same."
    told = [
        f"{name} {abs(moves[name])} place{'s' if abs(moves[name]) > 1 else ''} {'up' if moves[name] > 0 else 'down'}"
        for name in moved[:4]
    ]
    rest = f", and {len(moved) - 4} others" if len(moved) > 4 else ""
    return (
        f"{text} Once severity, items and judges are accounted for, {len(moved)} of {len(by_model)} variants change places: "
        f"{listed(told)}{rest}."
    )


def _without_variants(facts: Facts) -> Recommendation:
    return Recommendation(
        headline=headline(facts),
        what_to_do=(
            "Have outputs of two variants or more rated, and name them in a column 'variant': without it nothing can be recommended. "
            "What the ratings tell of those who rated is told all the same."
        ),
        how_sure="",
        price=_price(facts),
        unknown="",
        further="",
        change="",
    )


def _refusal(facts: Facts) -> Recommendation:
    assert facts.fit is not None
    failed = facts.fit.verdict == "refuse"  # else the fit is fine, but its variants cannot be compared
    return Recommendation(
        headline=headline(facts),
        what_to_do="Do not act on this fit. "
        + (" ".join(facts.fit.verdict_reasons) if failed else facts.decision.reason),
        how_sure=f"No probability is shown, because {'the sampler did not converge' if failed else 'nothing links the variants'}.",
        price=_price(facts),
        unknown="",
        further="",
        change="",
    )
