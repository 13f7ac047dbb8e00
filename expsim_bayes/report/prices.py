"""What an experiment cost, by whom and for which variant, and what more money or time would buy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.amounts import count, dollars, duration, listed, seconds
from expsim_bayes.planning.futures import MOST_RATINGS
from expsim_bayes.report.document import Block, Paragraph, Table
from expsim_bayes.wording import narrower, stays

if TYPE_CHECKING:
    from expsim_bayes.advice import Recommendation
    from expsim_bayes.facts import Facts
    from expsim_bayes.planning import Further
    from expsim_bayes.planning.futures import Bought


LEAST_WORTH = 1e-4
"""Expected gain of a choice, in its unit, below which none is told."""


def costs(facts: Facts, advice: Recommendation) -> tuple[Block, ...]:
    """Sentences and tables about the price; after a refused fit nothing of what more ratings would bring."""
    found: list[Block] = [Paragraph(advice.price)] if advice.price else []
    if dated := as_of(facts):
        found.append(Paragraph(dated))
    found += [table for table in (_by_evaluator(facts), _by_variant(facts)) if table is not None]
    if facts.decision.name == "refuse" or not facts.further:
        return tuple(found)
    if advice.further:
        found.append(Paragraph(advice.further, "What would help."))
    if dollar := _one_dollar(facts):
        found.append(Paragraph(dollar, "One more dollar."))
    found += [table for table in (_one_more(facts), _further(facts)) if table is not None]
    return tuple(found)


def as_of(facts: Facts) -> str:
    """Of which day the prices are that were looked up; empty where none was.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> as_of(of_experiment(play(load("summarization-prompts"), random_seed=1)))
    'Prices as of 2026-11-29 (gpt-4o-mini) and 2023 (alpacafarm-crowd).'
    """
    dates = dict.fromkeys(p.as_of for p in facts.prices)
    named = {date: listed([p.name for p in facts.prices if p.as_of == date]) for date in dates}
    said = [f"{date or 'a day that is not known'} ({names})" for date, names in named.items()]
    return f"Prices as of {listed(said)}." if said else ""


def _by_evaluator(facts: Facts) -> Table | None:
    """What each evaluator did and cost, where prices are known."""
    rows = [e for e in facts.evaluators if e.ratings]
    if not rows or any(e.usd is None for e in rows):
        return None
    return Table(
        ("rated by", "kind", "raters", f"{facts.rated}s", "cost", f"a {facts.rated}"),
        tuple(
            (
                e.name,
                {"human": "people", "llm": "LLM judge"}.get(e.kind, e.kind),
                count(e.raters),
                count(e.ratings),
                dollars(e.usd or 0.0),
                dollars((e.usd or 0.0) / e.ratings),
            )
            for e in rows
        ),
        words=(0, 1),
        sheet="evaluators",
    )


def _by_variant(facts: Facts) -> Table | None:
    """What the outputs of each variant cost, where that is known."""
    if facts.usd_generation is None or not any(v.usd_per_output is not None for v in facts.variants):
        return None
    return Table(
        ("variant", "outputs", "cost", "a call", "latency"),
        tuple(
            (
                v.name,
                count(v.outputs),
                "-" if v.usd_per_output is None else dollars(v.usd_per_output * v.outputs),
                "-" if v.usd_per_output is None else dollars(v.usd_per_output),
                seconds(v.latency_s) if v.latency_s else "-",
            )
            for v in facts.variants
        ),
        sheet="variants",
    )


def _one_dollar(facts: Facts) -> str:
    """What one more dollar removes of what is uncertain, where it removes most."""
    offers = [(f.dollar, f.label) for f in facts.further if f.dollar is not None]
    if not offers:
        return ""
    best, label = max(offers, key=lambda offer: offer[0].variance_removed)
    most = f"Spent on {label}, " if len(offers) > 1 else ""
    text = f"{most}it would make the interval of the difference {narrower(best.variance_removed)} narrower."
    return text[:1].upper() + text[1:]


def _one_more(facts: Facts) -> Table | None:
    """What one more dollar, 100 dollars and a week buy."""
    spans = [
        (heading, name)
        for heading, name in (("1 dollar", "dollar"), ("100 dollars", "hundred"), ("a week", "week"))
        if any(getattr(f, name) is not None for f in facts.further)
    ]
    if not spans:
        return None
    columns = ["further ratings"]
    for heading, _ in spans:
        columns += [
            f"{heading} buys" if heading == "1 dollar" else f"{heading} {'buy' if heading.endswith('s') else 'brings'}",
            "narrower by",
        ]
    rows = tuple((f.label, *(cell for _, name in spans for cell in _cells(getattr(f, name)))) for f in facts.further)
    return Table(
        tuple(columns),
        rows,
        note='"Narrower by": how much narrower the interval of the difference would be.',
        sheet="further",
    )


def _cells(bought: Bought | None) -> tuple[str, str]:
    if bought is None:
        return "-", "-"
    return how_many(bought), narrower(bought.variance_removed)


def how_many(bought: Bought) -> str:
    """How many ratings are bought; beyond `MOST_RATINGS` nobody counts.

    Examples
    --------
    >>> from expsim_bayes.planning.futures import Bought
    >>> [how_many(Bought(ratings, 1.0, 0.1, 0.5)) for ratings in (3.25, 1210, 100_000)]
    ['3.2', '1,210', '100,000 or more']
    """
    if bought.ratings >= MOST_RATINGS:
        return f"{count(MOST_RATINGS)} or more"
    return count(bought.ratings) if bought.ratings >= 10 else f"{bought.ratings:.2g}"


def _further(facts: Facts) -> Table | None:
    """What would decide, and what the same money of each kind would remove."""
    undecided = facts.decision.name == "collect"
    priced = facts.further[0].batch_usd is not None
    known = (True, any(f.usd is not None for f in facts.further), any(f.days is not None for f in facts.further))
    shown = tuple(n for n in range(3) if undecided and known[n])
    worth = any(_worth(f, facts.unit) >= LEAST_WORTH for f in facts.further)
    headings = ("to decide with 80 %", "dollars", "days")
    return Table(
        (
            "further ratings",
            *(headings[n] for n in shown),
            "for the same money" if priced else "first batch",
            "narrower by",
            "always stays",
            *((f"worth, {'percentage points' if facts.unit == 'share' else facts.unit} a use",) if worth else ()),
        ),
        tuple(
            (f.label, *(_deciding(f)[n] for n in shown), *_batch(f, facts.unit)[: None if worth else -1])
            for f in facts.further
        ),
        note='"Narrower by": how much narrower the interval of the difference would be; "always stays": how much of its width no number of '
        "such ratings takes away"
        + ('; "worth": how much better the choice is expected to be for having them.' if worth else "."),
        sheet="further",
    )


def _deciding(further: Further) -> tuple[str, str, str]:
    return (
        count(further.ratings) if further.ratings is not None else "cannot settle it",
        dollars(further.usd) if further.usd is not None else "-",
        duration(further.days) if further.days is not None else "-",
    )


def _worth(further: Further, unit: str) -> float:
    """How much better the choice is expected to be for a batch, in the unit in which people are told."""
    return further.value * (100.0 if unit == "share" else 1.0)


def _batch(further: Further, unit: str) -> tuple[str, str, str, str]:
    value = _worth(further, unit)
    worth = "0" if value < 1e-6 else f"less than {LEAST_WORTH:.4f}" if value < LEAST_WORTH else f"{value:.2g}"
    return count(further.batch_ratings), narrower(further.variance_removed), stays(further.floor), worth
