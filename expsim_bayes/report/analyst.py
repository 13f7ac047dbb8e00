"""What only the full report holds: the table of variants, what was assumed, and all that a fit tells of raters, judges and its model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from expsim_bayes import sentences
from expsim_bayes.amounts import change, count, gap, level, measured, percent, points, quantity, sentence
from expsim_bayes.facts import MOST_CHECKS, PRIOR_PROB
from expsim_bayes.report.document import Block, Bullets, Paragraph, Table
from expsim_bayes.wording import took_part_in, what_quality_is

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from expsim_bayes.facts import Facts, FitFacts, Interval, Measure, VariantFacts

MOST_ROWS = 40
"""Rows of a table; more stand in facts.json."""
_SAID_OF = re.compile(r"(?:(.*): )?(.*) where it is (.*)")
"""Of whom, and of what, an entry of a table of errors is."""
VERDICTS = {"ok": "All pass.", "caution": "They pass only in part.", "refuse": "They fail."}
"""Verdicts of the diagnostics, as sentences."""


def variants(facts: Facts) -> tuple[Block, ...]:
    """The variants side by side, with what the numbers are."""
    if not facts.variants:
        return ()
    around = f"{level(facts.ci_prob)} interval"
    table = Table(
        (
            "variant",
            "quality",
            around,
            f"against {facts.baseline}",
            around,
            "chance of being best",
            took_part_in(facts),
        ),
        tuple(_variant(facts, v) for v in facts.variants),
        words=(0, 2, 4),
        note=" ".join(_what_numbers_are(facts)),
        sheet="variants",
    )
    found: list[Block] = [table]
    if facts.pairing_gain:
        found.append(
            Paragraph(
                "Every item is answered by several variants, so how easy an item is cancels. A split design would need "
                f"{facts.pairing_gain:.1f} times as many human ratings for the same certainty.",
                "Pairing.",
            )
        )
    if facts.ended_right is not None:
        ended = "right" if facts.ended_right else "undecided" if facts.decision.name == "collect" else "wrong"
        text = f"The truth is known here, because this experiment is simulated. {facts.right_answer} This run ended {ended}."
        found.append(Paragraph(text))
    return tuple(found)


def _variant(facts: Facts, v: VariantFacts) -> tuple[str, ...]:
    name = v.name + (" (in use)" if v.name == facts.control else "") + ("" if v.allowed else " (breaks a limit)")
    effect = ("-", "-") if v.effect is None else (change(v.effect.mean, facts.unit), _ends(v.effect, facts))
    low, high = (quantity(end, facts.unit) for end in (v.quality.low, v.quality.high))
    return (
        name,
        quantity(v.quality.mean, facts.unit),
        "-" if low == high else f"{low} to {high}",
        *effect,
        percent(v.prob_best),
        count(v.outputs),
    )


def _ends(value: Interval, facts: Facts) -> str:
    return f"{change(value.low, facts.unit)} to {change(value.high, facts.unit)}"


def _what_numbers_are(facts: Facts) -> Iterator[str]:
    if not facts.higher_is_better:
        yield "Lower is better."
    if facts.unit == "points":
        people = any(e.kind == "human" for e in facts.evaluators)
        who = "the reference panel" if people else "the judge itself, whose level need not be that of people,"
        scale = ""
        if facts.score_range is not None:
            scale = f", on a scale from {facts.score_range[0]:g} to {facts.score_range[1]:g}"
        yield f"Quality is what {who} would say on average over new items{scale}."
        return
    told = ", as the reference panel would say" if facts.evaluators else ""
    unit = "percentage points (pp)" if facts.unit == "share" else facts.unit
    yield f"Quality is the {what_quality_is(facts)}{told}; differences are in {unit}."


def assumed(facts: Facts) -> tuple[Block, ...]:
    """What the answer takes for granted; where nothing is compared, the model alone."""
    lines = [
        ("Direction", f"{'Higher' if facts.higher_is_better else 'Lower'} is better."),
        ("What matters", _matters(facts)),
        ("Intervals", f"They hold the truth with a probability of {level(facts.ci_prob)}, if the model is right."),
    ]
    if facts.threshold is not None:
        lines.append(("Threshold", _threshold(facts)))
    if not facts.variants:
        lines = lines[2:3]
    if facts.fit is not None:
        because = f", because {facts.why_model}" if facts.why_model else ""
        lines.append(("Model", f"The model is {facts.model}{because}."))
        lines += [("", sentence(text) if text.startswith("warning") else text) for text in facts.fit.terms]
    points = Bullets(tuple(Paragraph(text, label) for label, text in lines))
    return (points, *(_priors(facts.fit) if facts.fit is not None else ()))


def _priors(fit: FitFacts) -> Iterator[Block]:
    """What was believed before any rating was seen."""
    if not fit.priors:
        return
    yield Paragraph(
        "What was believed before any rating was seen; ratings outweigh it the sooner, the more there are.", "Priors."
    )
    columns = [
        ("of what", [p.what for p in fit.priors]),
        ("prior", [p.form for p in fit.priors]),
        (f"{level(PRIOR_PROB)} of it", [p.likely for p in fit.priors]),
        ("chosen by", [p.chosen for p in fit.priors]),
    ]
    told = [(heading, [cell or "-" for cell in cells]) for heading, cells in columns if any(cells)]
    rows = tuple(zip(*(cells for _, cells in told), strict=True))
    yield Table(tuple(heading for heading, _ in told), rows, words=tuple(range(len(told))), sheet="priors")


def _threshold(facts: Facts) -> str:
    """The probability that a launch needs, and that of the rule which decided where it is another."""
    assert facts.threshold is not None
    own = facts.decision.threshold
    if own is None or own == facts.threshold:
        return f"A decision needs a probability of {level(facts.threshold)}."
    return f"A launch needs a probability of {level(facts.threshold)}; the rule that decided here needs {level(own)}."


def _matters(facts: Facts) -> str:
    least = (
        f"A difference counts from {gap(facts.min_effect, facts.unit)} on"
        if facts.min_effect
        else "Any difference counts, however small"
    )
    equal = f"; variants within {gap(facts.rope, facts.unit)} of each other are equal" if facts.rope else ""
    return f"{least}{equal}."


Details = tuple[str, str, tuple[Block, ...]]
"""Key, heading and blocks of a section."""


def details(facts: Facts) -> Iterator[Details]:
    """Sections about what only a fit knows."""
    fit = facts.fit
    if fit is None:
        return
    yield "means", "Against plain means", _against_means(facts, fit)
    yield "raters", "Severity of the raters", _raters(facts, fit)
    yield "scale", "How strongly the judges follow the reference", _scale_use(facts, fit)
    yield "shifts", "What each judge likes about a variant as such", _shifts(facts, fit)
    for n, measure in enumerate(fit.measures):
        title = measure.title[:1].upper() + measure.title[1:]
        if (errors := _said_of(measure)) is not None:
            yield f"measure-{n}", title, (errors,)
            continue
        rows = [(name, _measured(value, measure.unit)) for name, value in measure.rows]
        table = _first_rows(
            ("of whom or what", "value", f"{level(facts.ci_prob)} interval"),
            [(name, *two) for name, two in rows],
            "measures",
        )
        yield f"measure-{n}", title, (table,)
    yield "checks", "How well the model reproduces the data", _checks(fit, facts.ci_prob)
    yield "numbers", "Behind the numbers", _behind(facts, fit)


def _said_of(measure: Measure) -> Table | None:
    """What each rater says of each class, a class a row; None for any other measure."""
    found = [_SAID_OF.fullmatch(name) for name, _ in measure.rows]
    if not found or not all(found):
        return None
    told = {
        each.groups(): measured(value.mean, measure.unit)
        for each, (_, value) in zip(found, measure.rows, strict=True)
        if each
    }
    said = list(dict.fromkeys(key[1] for key in told))
    places = list(dict.fromkeys((who, true) for who, _, true in told))
    rows = [(who or "all", true, *(told.get((who, each, true), "-") for each in said)) for who, true in places]
    columns = ("rater", "what it is", *(f"called {each}" for each in said))
    return _first_rows(columns, rows, "measures", words=(0, 1))


def _against_means(facts: Facts, fit: FitFacts) -> tuple[Block, ...]:
    if not fit.plain_means:
        return ()
    text = sentences.against_plain_means(facts)
    if fit.rank_correlation is not None:
        text += f" The ranking agrees with that of the plain means to a rank correlation of {fit.rank_correlation:.2f}."
    rows = []
    for plain in fit.plain_means:
        v = facts.variant(plain.name)
        rows.append(
            (
                plain.name,
                quantity(v.quality.mean, facts.unit),
                percent(v.prob_best),
                quantity(plain.mean, facts.unit),
                percent(plain.prob_best),
            )
        )
    columns = (
        "variant",
        "quality (model)",
        "chance of being best (model)",
        "plain mean",
        "chance of being best (plain)",
    )
    return Paragraph(text), Table(columns, tuple(rows), sheet="plain_means")


def _raters(facts: Facts, fit: FitFacts) -> tuple[Block, ...]:
    if not fit.raters:
        return ()
    higher = "score" if facts.unit == "points" else "share"
    rows = [
        (r.name, r.evaluator, change(r.severity.mean, facts.unit), _ends(r.severity, facts), count(r.ratings))
        for r in fit.raters
    ]
    such = "lenient" if facts.higher_is_better else "severe"
    text = f"A positive number is a higher {higher} than the pool's mean gives for the same outputs: such a rater is {such}."
    columns = ("rater", "pool", "against the pool", f"{level(facts.ci_prob)} interval", "ratings")
    return Paragraph(text), _first_rows(columns, rows, "raters", words=(0, 1, 3))


def _scale_use(facts: Facts, fit: FitFacts) -> tuple[Block, ...]:
    if not fit.scale_use:
        return ()
    rows = tuple((name, f"{v.mean:.2f}", f"{v.low:.2f} to {v.high:.2f}") for name, v in fit.scale_use)
    columns = ("judge", "how far its ratings move when the reference moves by 1", f"{level(facts.ci_prob)} interval")
    return (Table(columns, rows, words=(0, 2), sheet="scale_use"),)


def _shifts(facts: Facts, fit: FitFacts) -> tuple[Block, ...]:
    if not fit.shifts:
        return ()
    rows = [(judge, name, change(v.mean, facts.unit), _ends(v, facts)) for judge, name, v in fit.shifts]
    columns = ("judge", "variant", "taste", f"{level(facts.ci_prob)} interval")
    return (_first_rows(columns, rows, "tastes", words=(0, 1, 3)),)


def _behind(facts: Facts, fit: FitFacts) -> tuple[Block, ...]:
    found: list[Block] = [Paragraph(f"{VERDICTS[fit.verdict]} " + " ".join(fit.verdict_reasons), "Diagnostics")]
    if fit.spreads:
        rows = tuple((s.shown, points(s.sd.mean), f"{points(s.sd.low)} to {points(s.sd.high)}") for s in fit.spreads)
        columns = ("what varies", "standard deviation", f"{level(facts.ci_prob)} interval")
        found.append(Table(columns, rows, words=(0, 2), sheet="spreads"))
    return tuple(found)


def _measured(value: Interval, unit: str) -> tuple[str, str]:
    return measured(value.mean, unit), f"{measured(value.low, unit)} to {measured(value.high, unit)}"


def _first_rows(
    columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], sheet: str, words: tuple[int, ...] = (0, 2)
) -> Table:
    left = len(rows) - MOST_ROWS
    note = f"And {count(left)} more, in facts.json." if left > 0 else ""
    return Table(columns, tuple(rows[:MOST_ROWS]), words, note, sheet)


def _checks(fit: FitFacts, ci_prob: float) -> tuple[Block, ...]:
    """What the model reproduces, and the features one by one: all of a few, else those that it misses."""
    if len(fit.checks) != len(fit.compared):
        return (Bullets(tuple(Paragraph(text) for text in fit.checks)),) if fit.checks else ()
    if not fit.compared:
        return ()
    total, missed = len(fit.compared), [row for row in fit.compared if not row.reproduced]
    text = f"The model reproduces {count(total - len(missed))} of {count(total)} features of the ratings."
    rows = sorted(fit.compared, key=lambda row: row.reproduced) if total <= MOST_CHECKS else missed
    columns = ("feature", "observed", f"predicted ({level(ci_prob)} interval)", "reproduced")
    cells = tuple(
        (
            row.name,
            row.shown(row.observed),
            f"{row.shown(row.low)} to {row.shown(row.high)}",
            "yes" if row.reproduced else "no",
        )
        for row in rows
    )
    return Paragraph(text), *((Table(columns, cells, words=(0, 2, 3), sheet="checks"),) if cells else ())
