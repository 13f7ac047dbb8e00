"""Facts to the decision card: the words and numbers that stand on it, and the picture as bytes.

Whoever sees the card sees nothing else, so that it must be honest by itself: a refused fit has its reasons and no probability, a simulated
experiment says that it is one, and one line always says what could be wrong.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from expsim_bayes import plots
from expsim_bayes.amounts import change, count, dollars, duration, gap, level, listed, percent, quantity
from expsim_bayes.plots.card import Bar, Card, draw
from expsim_bayes.plots.labels import distinct, shown
from expsim_bayes.report.doubts import failed, what_may_be_wrong
from expsim_bayes.sentences import recommendation
from expsim_bayes.wording import size, what_quality_is, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from expsim_bayes.facts import Facts, Interval, VariantFacts
    from expsim_bayes.plots.theme import Theme

MOST = 4
"""Variants that the small picture has room for."""
NAME = 30
"""Characters of a name."""
TEXT = 400
"""Characters of a sentence that comes from elsewhere."""


def card(facts: Facts, *, day: str | None = None) -> Card:
    """What stands on the card of a decision.

    Parameters
    ----------
    facts : Facts
        What may be said.
    day : str, optional
        When it was drawn; today unless told.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> found = card(of_experiment(play(load("summarization-prompts"), random_seed=1)), day="2026-01-31")
    >>> found.headline, found.sure_of
    ('Launch B', 'probability that B is better than A')
    """
    told = _displayed(facts)
    advice = recommendation(told)
    subject = _subject(told)
    refused = told.decision.name == "refuse"
    sure, of = ("", "") if refused or subject is None else _probability(told, subject)
    sure = sure.replace("more than", ">").replace("less than", "<")
    bars = () if refused or subject is None else _bars(told, subject)
    return Card(
        decision=told.decision.name,
        headline=advice.headline,
        title=told.title,
        do=_do(told, subject, advice.headline, advice.what_to_do),
        sure=sure,
        sure_of=of,
        looks=_looks(told) if sure else "",
        bars=bars,
        across=_across(told, bars, left_out=len(told.variants) - 1 - len(bars)) if bars else "",
        band=_times(told) * (told.rope if told.decision.name == "stop_equivalent" else told.min_effect)
        if bars
        else 0.0,
        zero=len(told.variants) > 1,
        reasons=_reasons(told) if refused else (),
        foot=_foot(told),
        source=_source(told, day),
    )


def card_png(facts: Facts, *, theme: Theme = plots.LIGHT, day: str | None = None) -> bytes:
    """The card as a PNG of 1920 by 1080.

    Parameters
    ----------
    facts, day
        As for `card`.
    theme : Theme
        Colours.
    """
    return plots.render(draw(card(facts, day=day), theme=theme), "png")


def save_card(facts: Facts, path: Path, *, theme: Theme = plots.LIGHT) -> None:
    """Write the card to a .png, .svg or .pdf file, whole or not at all.

    Raises
    ------
    SettingError
        The name ends in something else.
    """
    plots.save(draw(card(facts), theme=theme), path)


def _displayed(facts: Facts) -> Facts:
    """The same facts with every name as it is displayed."""
    names = [v.name for v in facts.variants]
    known = dict(zip(names, distinct(names, NAME), strict=True))

    def short(name: str | None) -> str:
        return known.get(name, shown(name, NAME)) if name else ""

    return replace(
        facts,
        title=shown(facts.title, 110),
        source=shown(facts.source, 80),
        decision=replace(
            facts.decision,
            variant=short(facts.decision.variant) or None,
            reason=shown(facts.decision.reason, TEXT) if facts.decision.reason else "",
        ),
        variants=tuple(replace(v, name=short(v.name)) for v in facts.variants),
        evaluators=tuple(replace(e, name=shown(e.name, NAME)) for e in facts.evaluators),
        baseline=short(facts.baseline),
        leader=short(facts.leader),
        control=short(facts.control) or None,
        further=tuple(f._replace(label=shown(f.label, 60)) for f in facts.further),
    )


def _subject(facts: Facts) -> VariantFacts | None:
    """The variant that the card is about: the one to launch, else the leader, else the best of those that it is compared with."""
    if not facts.variants:
        return None
    first = facts.variant(facts.decision.variant or facts.leader)
    others = [v for v in facts.variants if v.effect is not None]
    if first.effect is not None or not others:
        return first
    sign = -1.0 if facts.higher_is_better else 1.0
    return min(others, key=lambda v: sign * v.quality.mean)


def _probability(facts: Facts, subject: VariantFacts) -> tuple[str, str]:
    """The one probability, and of what it is."""
    if facts.decision.name == "stop_equivalent" and facts.prob_equivalent is not None:
        what = "that the two differ" if len(facts.variants) == 2 else "that all differ"
        return percent(facts.prob_equivalent), f"probability {what} by less than {gap(facts.rope, facts.unit)}"
    if subject.prob_better is not None:
        of = f"probability that {subject.name} is better than {facts.baseline}"
        best = f"; best of all {len(facts.variants)}: {percent(subject.prob_best)}"
        return percent(subject.prob_better), of + (best if len(facts.variants) > 2 else "")
    if len(facts.variants) > 1:
        return percent(subject.prob_best), f"probability that {subject.name} is the best"
    return "", ""


def _bars(facts: Facts, subject: VariantFacts) -> tuple[Bar, ...]:
    """Differences to the baseline, that of the subject first; the quality where nothing is compared."""
    if len(facts.variants) == 1:
        return (_bar(facts, subject.name, subject.quality, quantity(subject.quality.mean, facts.unit)),)
    sign = -1.0 if facts.higher_is_better else 1.0
    others = sorted(
        (v for v in facts.variants if v.effect and v.name != subject.name), key=lambda v: sign * v.quality.mean
    )
    rows = [subject, *others][:MOST]
    return tuple(_bar(facts, v.name, v.effect, change(v.effect.mean, facts.unit)) for v in rows if v.effect is not None)


def _bar(facts: Facts, name: str, value: Interval, said: str) -> Bar:
    times = _times(facts)
    return Bar(shown(name, 16), times * value.mean, times * value.low, times * value.high, said)


def _times(facts: Facts) -> float:
    """Shares are drawn in per cent."""
    return 100.0 if facts.unit == "share" else 1.0


def _across(facts: Facts, bars: Sequence[Bar], *, left_out: int) -> str:
    """What the small picture shows."""
    around = f"dot and {level(facts.ci_prob)} interval"
    if len(facts.variants) == 1:
        return f"{what_quality_is(facts)}, {_unit(facts)} ({around})"
    side = "right" if facts.higher_is_better else "left"
    whose = f"of {bars[0].name} " if len(bars) == 1 else ""
    wide = facts.rope if facts.decision.name == "stop_equivalent" else facts.min_effect
    band = f"; grey: within {gap(wide, facts.unit)}, which does not matter" if wide else ""
    more = f"; {left_out} more variant{'s' if left_out > 1 else ''} not shown" if left_out > 0 else ""
    return f"difference {whose}to {facts.baseline}, {_unit(facts)} ({around}{band}); {side} of zero is better{more}"


def _unit(facts: Facts) -> str:
    return {"share": "percentage points" if len(facts.variants) > 1 else "%"}.get(facts.unit, facts.unit)


def _looks(facts: Facts) -> str:
    """The looks, and what the rule does when nothing differs: beside every probability."""
    parts = []
    if facts.looks is not None:
        planned = f" of {count(facts.looks_planned)}" if facts.looks_planned else ""
        parts.append(f"after look {count(facts.looks)}{planned}")
    if facts.false_launch is not None:
        rate = f"{100 * facts.false_launch.value:.1f} % ± {200 * facts.false_launch.mcse:.1f}"
        parts.append(f"were all equal, this rule would launch one in {rate} of such experiments")
    return "; ".join(parts)


def _do(facts: Facts, subject: VariantFacts | None, headline: str, what_to_do: str) -> str:
    """What to do, or why, without what the headline and the reasons say."""
    if facts.decision.name == "refuse":
        because = "the sampler did not converge" if failed(facts) else "nothing links the variants"
        return f"Do not act on this fit. No probability is shown, because {because}."
    if facts.decision.name == "launch" and subject is not None and subject.effect is not None:
        used = words(facts)
        said = (used.more if subject.effect.mean >= 0 else used.less).format(
            name=subject.name,
            base=facts.baseline,
            amount=quantity(subject.quality.mean, facts.unit),
            size=size(facts, subject.effect.mean),
        )
        return f"{said[:1].upper()}{said[1:]}." if not said.startswith(subject.name) else f"Variant {said}."
    rest = what_to_do.split(" (Why not now?", maxsplit=1)[0].removeprefix(headline).strip()
    return rest[:1].upper() + rest[1:]


def _reasons(facts: Facts) -> tuple[str, ...]:
    found = facts.fit.verdict_reasons if facts.fit is not None and failed(facts) else ()
    return tuple(shown(reason, TEXT) for reason in found) or (shown(facts.decision.reason, TEXT),)


def _foot(facts: Facts) -> tuple[tuple[str, str], ...]:
    doubt = what_may_be_wrong(facts) if facts.variants or facts.decision.name == "refuse" else ""
    rows = [("Price", _price(facts)), ("Rests on", _rests_on(facts)), ("What could be wrong", doubt)]
    return tuple((label, text) for label, text in rows if text)


def _price(facts: Facts) -> str:
    if facts.usd is None:
        return "not declared"
    budget = f" of {dollars(facts.budget_usd)}" if facts.budget_usd is not None else ""
    return dollars(facts.usd) + budget + (f", {duration(facts.days)}" if facts.days is not None else "")


def _rests_on(facts: Facts) -> str:
    whole = f"{count(facts.ratings)} {facts.rated}{'' if facts.ratings == 1 else 's'}"
    by = [f"{count(e.ratings)} by {e.name}" for e in facts.evaluators if e.ratings]
    if len(by) == 1:
        return f"{whole} by {next(e.name for e in facts.evaluators if e.ratings)}"
    rest = [*by[:3], f"{len(by) - 3} more"] if len(by) > 4 else by
    return f"{whole}: {listed(rest)}" if by else whole


def _source(facts: Facts, day: str | None) -> str:
    when = day or datetime.now(UTC).date().isoformat()
    where = f"Simulated, not real ratings: scenario {facts.source}" if facts.fit is None else facts.source
    return f"{where}  ·  {when}  ·  expsim_bayes"
