"""Every table of a report as tidy CSV: a row a thing, a column a number, units beside the numbers, safe to open in a spreadsheet.

Cells are numbers as they were computed, never rounded; names are whole. A text cell that a spreadsheet would run as a formula gets a
leading apostrophe (`readers.spreadsheet`), which `readers` takes off again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.readers.atomic import whole
from expsim_bayes.report.displayed import clean, displayed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from expsim_bayes.diagnosis import Diagnosed
    from expsim_bayes.facts import Facts, FitFacts, Interval, VariantFacts
    from expsim_bayes.planning.futures import Bought

Cell = str | float | int | bool | None
FOLDER = "tables"
"""Folder of the tables, beside the report."""
ENDS = ("low", "high")


class Sheet(NamedTuple):
    """One table."""

    name: str
    """Of its file, without the ending."""
    columns: tuple[str, ...]
    """Headings; one that ends in usd, s or days has that unit, what stands in `unit` holds for all others that have one."""
    rows: tuple[tuple[Cell, ...], ...]
    """Cells; None where there is nothing."""


def sheets(facts: Facts) -> tuple[Sheet, ...]:
    """Every table that a report of these facts has, and what it says in words as a table of its own.

    Parameters
    ----------
    facts : Facts
        What may be said; of a refused fit no number that it does not support.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> found = sheets(of_experiment(play(load("summarization-prompts"), random_seed=1)))
    >>> [sheet.name for sheet in found], found[1].columns[:3]
    (['answers', 'variants', 'evaluators', 'further', 'provenance'], ('variant', 'in_use', 'quality'))
    """
    from expsim_bayes.report.answers import answers

    told = tuple((a.question, a.sentence, a.more) for a in answers(displayed(facts)))
    found = [Sheet("answers", ("question", "answer", "more"), told)]
    if facts.decision.name == "refuse":
        found.append(_evaluators(facts, told=False))
    else:
        found += [_variants(facts), _evaluators(facts), _further(facts)]
        found += _of_fit(facts, facts.fit) if facts.fit is not None else ()
    found.append(Sheet("provenance", ("what", "value"), facts.provenance))
    return tuple(sheet for sheet in found if sheet.rows)


def _variants(facts: Facts) -> Sheet:
    columns = (
        "variant", "in_use", "quality", *_ends("quality"), "against", "difference", *_ends("difference"), "unit", "interval", "prob_best",
        "prob_better", "expected_loss", "outputs", "generation_usd", "call_usd", "latency_s", "may_be_launched", "true_quality",
    )  # fmt: skip
    return Sheet("variants", columns, tuple(_variant(facts, v) for v in facts.variants))


def _variant(facts: Facts, v: VariantFacts) -> tuple[Cell, ...]:
    against = None if v.effect is None else facts.baseline
    spent = None if v.usd_per_output is None else v.usd_per_output * v.outputs
    return (
        v.name, v.name == facts.control, *_interval(v.quality), against, *_interval(v.effect), facts.unit, facts.ci_prob, v.prob_best,
        v.prob_better, v.expected_loss, v.outputs, spent, v.usd_per_output, v.latency_s, v.allowed, v.true_quality,
    )  # fmt: skip


def _evaluators(facts: Facts, *, told: bool = True) -> Sheet:
    """Who rated, and what it cost; their tastes only where a fit may tell them."""
    rows = tuple(
        (
            e.name,
            e.kind,
            e.raters,
            e.ratings,
            e.usd,
            e.usd / e.ratings if e.usd is not None and e.ratings else None,
            e.shift_sd if told else None,
            facts.unit,
        )
        for e in facts.evaluators
    )
    return Sheet(
        "evaluators", ("evaluator", "kind", "raters", "ratings", "usd", "rating_usd", "taste_sd", "unit"), rows
    )


def _further(facts: Facts) -> Sheet:
    spans = ("dollar", "hundred", "week")
    columns = (
        "further", "new_people", "ratings", "usd", "days", "prob_decides", "batch_ratings", "batch_usd", "batch_removes", "never_removed",
        "worth_a_use", "unit", *(f"{span}_{what}" for span in spans for what in ("ratings", "usd", "removes", "prob_decides")),
    )  # fmt: skip
    rows = tuple(
        (
            f.label, f.new_people, f.ratings, f.usd, f.days, f.prob_decides, f.batch_ratings, f.batch_usd, f.variance_removed, f.floor,
            f.value, facts.unit, *(cell for span in spans for cell in _bought(getattr(f, span))),
        )
        for f in facts.further
    )  # fmt: skip
    return Sheet("further", columns, rows)


def _bought(found: Bought | None) -> tuple[Cell, ...]:
    return (None,) * 4 if found is None else (found.ratings, found.usd, found.variance_removed, found.prob_decides)


def _of_fit(facts: Facts, fit: FitFacts) -> Iterator[Sheet]:
    """What only a fit knows."""
    unit, ci = facts.unit, facts.ci_prob
    yield Sheet(
        "plain_means",
        ("variant", "plain_mean", "standard_error", "unit", "prob_best"),
        tuple((p.name, p.mean, p.standard_error, unit, p.prob_best) for p in fit.plain_means),
    )
    yield Sheet(
        "raters",
        ("rater", "pool", "severity", *_ends("severity"), "unit", "interval", "ratings"),
        tuple((r.name, r.evaluator, *_interval(r.severity), unit, ci, r.ratings) for r in fit.raters),
    )
    yield Sheet(
        "scale_use",
        ("judge", "scale_use", *_ends("scale_use"), "interval"),
        tuple((name, *_interval(value), ci) for name, value in fit.scale_use),
    )
    yield Sheet(
        "tastes",
        ("judge", "variant", "taste", *_ends("taste"), "unit", "interval"),
        tuple((judge, variant, *_interval(value), unit, ci) for judge, variant, value in fit.shifts),
    )
    yield Sheet(
        "spreads",
        ("what", "sd", *_ends("sd"), "unit", "interval"),
        tuple((s.what, *_interval(s.sd), s.unit, ci) for s in fit.spreads),
    )
    yield Sheet(
        "measures",
        ("measure", "of", "value", *_ends("value"), "unit", "interval"),
        tuple((m.title, name, *_interval(value), m.unit, ci) for m in fit.measures for name, value in m.rows),
    )
    yield Sheet(
        "checks",
        ("feature", "observed", *_ends("predicted"), "reproduced"),
        tuple((c.name, c.observed, c.low, c.high, c.reproduced) for c in fit.compared),
    )
    yield Sheet(
        "priors",
        ("prior", "of", "form", "likely", "value", "unit", "asked_for", "default"),
        tuple((p.name, p.what, p.form, p.likely, p.value, p.unit, p.asked, p.default) for p in fit.priors),
    )


def of_diagnosed(found: Diagnosed) -> tuple[Sheet, ...]:
    """Every table of the report of how a fit went."""
    v = found.verdict
    k_hat = None if found.scored is None else found.scored.influential
    told: tuple[tuple[str, Cell], ...] = (
        ("verdict", v.level), ("chains", v.chains), ("draws of each", v.draws), ("largest R-hat", v.worst_r_hat),
        ("smallest ESS", v.worst_ess), ("divergences", found.divergences), ("smallest BFMI", v.bfmi),
        ("weighted points", v.points or None), ("Pareto k-hat of their weights", v.k_hat), ("observations with a large k-hat", k_hat),
    )  # fmt: skip
    every = [
        Sheet("diagnostics-verdict", ("what", "value"), told),
        Sheet(
            "diagnostics-numbers", ("number", "mean", "sd", "mcse", "r_hat", "ess_bulk", "ess_tail"), tuple(found.rows)
        ),
        Sheet(
            "diagnostics-checks",
            ("feature", "observed", *_ends("predicted"), "interval", "p", "reproduced"),
            tuple((c.name, c.observed, c.low, c.high, c.ci_prob, c.p, c.reproduced) for c in found.checks),
        ),
        Sheet(
            "diagnostics-priors",
            ("number", "to_priors", "to_data", "most_to", "diagnosis"),
            tuple(
                (h.name, h.prior, h.likelihood, h.by_prior[0][0] if h.by_prior else None, h.diagnosis)
                for h in found.hangs
            ),
        ),
    ]
    return tuple(sheet for sheet in every if sheet.rows)


def _ends(what: str) -> tuple[str, ...]:
    return tuple(f"{what}_{end}" for end in ENDS)


def _interval(value: Interval | None) -> tuple[Cell, ...]:
    return (None,) * 3 if value is None else (value.mean, value.low, value.high)


def csv(sheet: Sheet) -> bytes:
    r"""A table as the bytes of a CSV file (UTF-8, LF, comma).

    Examples
    --------
    >>> print(csv(Sheet("a", ("name", "effect", "best"), (("=1+1", -0.5, True), ("b", None, False)))).decode())
    name,effect,best
    '=1+1,-0.5,true
    b,,false
    <BLANKLINE>
    """
    import pandas as pd

    from expsim_bayes.readers.spreadsheet import protect

    table = pd.DataFrame(
        {
            name: protect(pd.Series([_text(row[n]) for row in sheet.rows], dtype="str"))
            for n, name in enumerate(sheet.columns)
        }
    )
    return table.to_csv(index=False, lineterminator="\n").encode()


def _text(cell: Cell) -> str:
    """A cell as it is written: numbers in full, nothing where there is none."""
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, bool | np.bool_):
        return str(bool(cell)).lower()
    return repr(float(cell)) if isinstance(cell, float) else str(cell)


def write(found: Sequence[Sheet], folder: Path) -> tuple[Path, ...]:
    """The tables as files of a folder.

    Returns
    -------
    tuple of pathlib.Path
        One file a table.
    """
    where = folder / FOLDER
    where.mkdir(parents=True, exist_ok=True)
    paths = tuple(where / f"{sheet.name}.csv" for sheet in found)
    for sheet, path in zip(found, paths, strict=True):
        with whole(path) as file:
            file.write(csv(sheet))
    return paths
