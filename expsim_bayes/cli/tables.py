"""Facts turned into the columns of tables: variants, looks, evaluators, raters, judges, and what many replications achieved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.amounts import change, count, dollars, duration, level, measured, percent, quantity
from expsim_bayes.cli.screen import Cell, Column, short
from expsim_bayes.facts import PRIOR_PROB
from expsim_bayes.wording import took_part_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import xarray as xr

    from expsim_bayes.facts import Facts, Interval, Measure, RaterFacts
    from expsim_bayes.operating_characteristics import Characteristics, Estimate

MOST_LOOKS = 6
"""Looks that a table shows unless all are asked for."""
MOST_RATERS = 12
"""Raters that a table shows unless all are asked for."""


def variants(facts: Facts, *, truth: bool = False) -> list[Column]:
    """One row a variant: quality, difference, probability of being best, and what it costs in use."""
    rows, fit, unit = facts.variants, facts.fit, facts.unit
    means = {mean.name: quantity(mean.mean, unit) for mean in fit.plain_means} if fit else {}
    return [
        _names("Variant", (v.name for v in rows)),
        Column(f"{heading(facts)} ({level(facts.ci_prob)})", tuple(spread(v.quality, unit) for v in rows)),
        Column(f"Against {short(facts.baseline, 14)}", tuple(spread(v.effect, unit, sign=True) for v in rows)),
        Column("P(best)", tuple(brief_percent(v.prob_best) for v in rows)),
        Column("Plain mean", tuple(means.get(v.name, "") for v in rows)),
        Column(
            "Truth", tuple("" if v.true_quality is None or not truth else quantity(v.true_quality, unit) for v in rows)
        ),
        Column(took_part_in(facts).capitalize(), tuple(count(v.outputs) for v in rows), spare=True),
        Column(
            "A call", tuple("" if v.usd_per_output is None else dollars(v.usd_per_output) for v in rows), spare=True
        ),
        Column("Takes", tuple("" if v.latency_s is None else f"{v.latency_s:.2g} s" for v in rows), spare=True),
        Column("Faults", tuple("" if v.faults is None else percent(v.faults.rate.mean) for v in rows)),
    ]


def heading(facts: Facts) -> str:
    """What quality is, in a column's heading."""
    if facts.unit == "share" and facts.rated in ("comparison", "ranking"):
        return f"Beats {short(facts.baseline, 14)}" if facts.control else "Wins"
    if facts.unit == "share":
        return "Passes" if facts.higher_is_better else "Fails"
    told = {"p95": "95 of 100 below", "p50": "Half below"}.get(facts.about, "")
    return told or {"dollars": "Costs", "seconds": "Takes", "tokens": "Uses"}.get(facts.unit, "Quality")


def measure(found: Measure, facts: Facts) -> list[Column]:
    """One row a rater, judge or variant: what the fit tells of it beside quality."""

    def cell(value: Interval) -> Cell:
        ends = f"{measured(value.low, found.unit)} to {measured(value.high, found.unit)}"
        return measured(value.mean, found.unit), ends

    return [
        _names("Of", (name for name, _ in found.rows), width=48),
        Column(f"Value ({level(facts.ci_prob)})", tuple(cell(value) for _, value in found.rows)),
    ]


def looks(history: xr.Dataset, facts: Facts, *, everything: bool = False) -> list[Column]:
    """One row a look: what was spent, and how sure one was by then.

    Parameters
    ----------
    history : xarray.Dataset
        From `experiment.play`, a single replication with dim look.
    facts : Facts
        Its facts.
    everything : bool
        Every look, and every variant.
    """
    one = history.isel(replication=0)
    stop = int(one["stop_look"])
    shown = _thinned(stop, stop if everything else MOST_LOOKS)
    usd = one["usd_rating"].sum("evaluator") + one["usd_generation"].sum("variant")
    names = [v.name for v in sorted(facts.variants, key=lambda v: -v.prob_best)]
    kept = [v.name for v in facts.variants if everything or v.name in names[:4]]
    return [
        Column("Look", tuple(str(look + 1) for look in shown)),
        Column(
            f"{facts.rated.capitalize()}s", tuple(count(float(one["ratings"].sum("evaluator")[look])) for look in shown)
        ),
        Column("Spent", tuple(dollars(float(usd[look])) for look in shown)),
        Column("After", tuple(duration(float(one["days"][look])) for look in shown), spare=True),
        *(
            Column(
                f"P({short(name, 12)} is best)" if len(kept) < 3 else f"P({short(name, 12)})",
                tuple(brief_percent(float(one["prob_best"].sel(variant=name)[look])) for look in shown),
            )
            for name in kept
        ),
    ]


def evaluators(facts: Facts) -> list[Column]:
    """One row an evaluator: how much it rated and cost, and how far its taste for a variant may go."""
    rows = facts.evaluators
    return [
        _names("Evaluator", (e.name for e in rows)),
        Column("Kind", tuple(e.kind for e in rows), justify="left"),
        Column("Raters", tuple(count(e.raters) for e in rows)),
        Column(f"{facts.rated.capitalize()}s", tuple(count(e.ratings) for e in rows)),
        Column("Cost", tuple("" if e.usd is None else dollars(e.usd) for e in rows)),
        Column(
            f"A {facts.rated}",
            tuple(dollars(e.usd / e.ratings) if e.usd is not None and e.ratings else "" for e in rows),
        ),
        Column("Taste (SD)", tuple("" if not e.shift_sd else change(e.shift_sd, facts.unit).lstrip("+") for e in rows)),
    ]


def raters(facts: Facts, *, everything: bool = False) -> list[Column]:
    """One row a rater, from the one who gives most to the one who gives least; the middle is left out where there are many."""
    ordered = sorted(facts.fit.raters if facts.fit else (), key=lambda rater: -rater.severity.mean)
    rows: list[RaterFacts | None] = list(ordered)
    if len(rows) > MOST_RATERS and not everything:
        rows = [*ordered[: MOST_RATERS // 2], None, *ordered[-(MOST_RATERS // 2) :]]
    several = len({r.evaluator for r in rows if r is not None}) > 1
    return [
        Column("Rater", tuple("..." if r is None else short(r.name) for r in rows), justify="left"),
        Column("Pool", tuple(short(r.evaluator) if r is not None and several else "" for r in rows), justify="left"),
        Column(
            f"Above or below the others ({level(facts.ci_prob)})",
            tuple("" if r is None else spread(r.severity, facts.unit, sign=True) for r in rows),
        ),
        Column("Ratings", tuple("" if r is None else count(r.ratings) for r in rows)),
    ]


def judges(facts: Facts) -> list[Column]:
    """One row a judge: how much of the scale it uses, and which variants it likes more and less than people do."""
    fit = facts.fit
    tastes: dict[str, list[tuple[str, Interval]]] = {}
    for name, variant, taste in fit.shifts if fit else ():
        tastes.setdefault(name, []).append((variant, taste))
    use = dict(fit.scale_use) if fit else {}
    names = list(dict.fromkeys([*use, *tastes]))
    sign = -1.0 if facts.higher_is_better else 1.0
    ordered = {name: sorted(pairs, key=lambda pair: sign * pair[1].mean) for name, pairs in tastes.items()}
    return [
        _names("Judge", names),
        Column(
            f"Scale use, people 1 ({level(facts.ci_prob)})",
            tuple(spread(use[n]) if n in use else "" for n in names),
        ),
        Column(
            "Favours most",
            tuple(_taste(ordered[n][0], facts.unit) if n in ordered else "" for n in names),
            justify="left",
        ),
        Column(
            "Favours least",
            tuple(_taste(ordered[n][-1], facts.unit) if n in ordered else "" for n in names),
            justify="left",
        ),
    ]


def shifts(facts: Facts) -> list[Column]:
    """One row a judge and variant: its taste for that variant."""
    rows = facts.fit.shifts if facts.fit else ()
    return [
        _names("Judge", (name for name, _, _ in rows)),
        _names("Variant", (variant for _, variant, _ in rows)),
        Column(
            f"Taste for it ({level(facts.ci_prob)})",
            tuple(spread(taste, facts.unit, sign=True) for _, _, taste in rows),
        ),
    ]


def spreads(facts: Facts) -> list[Column]:
    """One row a source of variation: its SD."""
    rows = facts.fit.spreads if facts.fit else ()
    return [
        Column("What varies", tuple(short(row.shown, 72) for row in rows), justify="left", folds=True),
        Column(f"SD ({level(facts.ci_prob)})", tuple(spread(row.sd) for row in rows)),
    ]


def priors(facts: Facts) -> list[Column]:
    """One row a prior: what was believed of a number before any rating was seen."""
    rows = facts.fit.priors if facts.fit else ()
    return [
        Column("Of what", tuple(row.what for row in rows), justify="left", folds=True),
        Column("Prior", tuple(row.form for row in rows), justify="left", folds=True),
        Column(f"{level(PRIOR_PROB)} of it", tuple(row.likely for row in rows), justify="left", spare=True),
        Column("Chosen by", tuple(row.chosen for row in rows), justify="left", folds=True),
    ]


def achieved(rows: Sequence[Characteristics], if_equal: Sequence[Estimate | None]) -> list[Column]:
    """One row a way of running the experiment: how often it ends right, and what it costs.

    Parameters
    ----------
    rows : sequence of Characteristics
        What each achieves.
    if_equal : sequence of Estimate
        How often each launches something when all variants are equal.
    """
    return [
        Column("Strategy", tuple(row.strategy for row in rows), justify="left"),
        Column("Rated\nby", tuple(row.evaluators for row in rows), justify="left"),
        Column("Right", tuple(share(row.right) for row in rows)),
        Column("False\nlaunch", tuple("" if found is None else share(found) for found in if_equal)),
        Column("Wrong\nstop", tuple(share(row.wrong_stop) for row in rows), spare=True),
        Column("Open", tuple(share(row.undecided) for row in rows)),
        Column("Ratings", tuple(_with_error(row.ratings) for row in rows)),
        Column("Cost", tuple(("$" + value, error) for value, error in (_with_error(row.usd) for row in rows))),
        Column("Days", tuple(_with_error(row.days) for row in rows)),
    ]


FOOTNOTE = (
    "Right: a variant is launched that is within the smallest difference that matters of the best, or none where none beats the control by "
    "that much. False launch: how often something is launched when all variants are equal. Wrong stop: ended with a false statement. "
    "Open: undecided at the end. ± is the Monte-Carlo error of the simulation."
)
"""What the columns of `achieved` and the rows of `counted` mean."""


def counted(found: Characteristics, if_equal: Estimate | None) -> list[Column]:
    """One row a figure: how often one way of running an experiment ends right, and what it costs."""
    rows = [
        ("Ended right", " ".join(share(found.right))),
        ("False launches if all were equal", "not counted" if if_equal is None else " ".join(share(if_equal))),
        ("Stopped with a false statement", " ".join(share(found.wrong_stop))),
        ("Ended undecided", " ".join(share(found.undecided))),
        ("Ratings", amount(found.ratings)),
        ("Cost", "$" + amount(found.usd)),
        ("Days", amount(found.days)),
        ("Looks", amount(found.looks)),
    ]
    return [
        Column("On average", tuple(label for label, _ in rows), justify="left"),
        Column("", tuple(value for _, value in rows), justify="left"),
    ]


def spread(value: Interval | None, unit: str = "points", *, sign: bool = False) -> Cell:
    """A level, or with its sign a difference, with its interval; what is known exactly has none.

    Examples
    --------
    >>> from expsim_bayes.facts import Interval
    >>> spread(Interval(0.07, -0.01, 0.15), sign=True), spread(Interval(0.5, 0.5, 0.5), "share")
    (('+0.07', '-0.01 to +0.15'), '50.0 %')
    """
    if value is None:
        return ""
    shown = change if sign else quantity
    if value.high - value.low < 1e-9 * max(abs(value.mean), 1e-9):
        return shown(value.mean, unit)
    return shown(value.mean, unit), f"{shown(value.low, unit)} to {shown(value.high, unit)}"


def brief_percent(probability: float) -> str:
    """A probability in per cent, short enough for a table.

    Examples
    --------
    >>> brief_percent(0.9999), brief_percent(0.42)
    ('> 99.9 %', '42.0 %')
    """
    return percent(probability).replace("more than", ">").replace("less than", "<")


def share(value: Estimate) -> Cell:
    """A share in per cent with its Monte-Carlo error.

    Examples
    --------
    >>> from expsim_bayes.operating_characteristics import Estimate
    >>> share(Estimate(0.935, 0.008))
    ('93.5 %', '± 0.8')
    """
    return f"{100 * value.value:.1f} %", f"± {100 * value.mcse:.1f}"


def amount(value: Estimate) -> str:
    """A mean with its Monte-Carlo error, to the digits that the error supports.

    Examples
    --------
    >>> from expsim_bayes.operating_characteristics import Estimate
    >>> amount(Estimate(1234.56, 12.3)), amount(Estimate(2.345, 0.02))
    ('1,235 ± 12', '2.35 ± 0.02')
    """
    return " ".join(_with_error(value)).strip()


def _with_error(value: Estimate) -> tuple[str, str]:
    digits = 0 if value.value >= 100 else 1 if value.value >= 10 else 2
    if not value.mcse > 0:  # always the same, or a single replication
        return f"{value.value:,.{digits}f}", ""
    return f"{value.value:,.{digits}f}", f"± {value.mcse:,.{digits if value.mcse >= 1 else max(digits, 1)}f}"


def _names(title: str, names: Iterable[str], *, width: int = 28) -> Column:
    return Column(title, tuple(short(name, width) for name in names), justify="left")


def _taste(pair: tuple[str, Interval], unit: str) -> Cell:
    name, taste = pair
    return short(name, 18), change(taste.mean, unit)


def _thinned(total: int, most: int) -> list[int]:
    """Positions of the first, the last and evenly spaced looks between them.

    Examples
    --------
    >>> _thinned(10, 4), _thinned(3, 4)
    ([0, 3, 6, 9], [0, 1, 2])
    """
    return sorted({int(p) for p in np.linspace(0, total - 1, min(total, most)).round()})
