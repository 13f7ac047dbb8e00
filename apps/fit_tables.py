"""What a fit says, as tables of text and numbers for the pages; cells are data and are never read as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from expsim_bayes.amounts import change, level, measured, percent, quantity
from expsim_bayes.facts import PRIOR_PROB
from expsim_bayes.wording import took_part_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from expsim_bayes.agreement import Agreement, Pair
    from expsim_bayes.agreement import Measure as Agreed
    from expsim_bayes.diagnostics import Quantity
    from expsim_bayes.facts import Facts, Interval, Measure
    from expsim_bayes.model_comparison import Compared
    from expsim_bayes.predictive import PredictiveCheck
    from expsim_bayes.sensitivity import Hangs, Scaled, Sensitivity

KAPPA = {"nominal": "Cohen's kappa", "ordinal": "kappa (quadratic weights)", "interval": "alpha of the two"}
"""What two raters' agreement beyond chance is called, by what values mean."""


def variants(facts: Facts) -> pd.DataFrame:
    """One row a variant, the best first."""
    plain = {mean.name: mean.mean for mean in facts.fit.plain_means} if facts.fit else {}
    sign, unit = -1.0 if facts.higher_is_better else 1.0, facts.unit
    rows = [
        {
            "variant": v.name,
            f"quality ({level(facts.ci_prob)} interval)": spread(v.quality, unit),
            f"against {facts.baseline}": "" if v.effect is None else spread(v.effect, unit, sign=True),
            "probability of being best": percent(v.prob_best),
            **({"plain mean": quantity(plain[v.name], unit) if v.name in plain else ""} if plain else {}),
            took_part_in(facts): v.outputs,
        }
        for v in sorted(facts.variants, key=lambda v: sign * v.quality.mean)
    ]
    return pd.DataFrame(rows)


def people(facts: Facts) -> pd.DataFrame:
    """One row a rater, from the one who gives most."""
    raters = sorted(facts.fit.raters if facts.fit else (), key=lambda rater: -rater.severity.mean)
    return pd.DataFrame(
        [
            {
                "rater": r.name,
                "pool": r.evaluator,
                f"above or below the pool ({level(facts.ci_prob)} interval)": spread(r.severity, facts.unit, sign=True),
                "ratings": r.ratings,
            }
            for r in raters
        ]
    )


def measure(found: Measure) -> pd.DataFrame:
    """One row a rater, judge or variant."""
    return pd.DataFrame(
        [
            {
                "of": name,
                "value": measured(v.mean, found.unit),
                "interval": f"{measured(v.low, found.unit)} to {measured(v.high, found.unit)}",
            }
            for name, v in found.rows
        ]
    )


def spreads(facts: Facts) -> pd.DataFrame:
    """One row a source of variation."""
    if facts.fit is None:
        return pd.DataFrame()
    head = f"standard deviation ({level(facts.ci_prob)} interval)"
    return pd.DataFrame([{"what varies": row.shown, head: spread(row.sd, "points")} for row in facts.fit.spreads])


def priors(facts: Facts) -> pd.DataFrame:
    """One row a prior: what was believed of a number before any rating was seen."""
    rows = () if facts.fit is None else facts.fit.priors
    head = f"{level(PRIOR_PROB)} of it"
    return pd.DataFrame([{"of what": p.what, "prior": p.form, head: p.likely, "chosen by": p.chosen} for p in rows])


def alphas(found: Agreement) -> pd.DataFrame:
    """One row a group of raters."""
    head = f"Krippendorff's alpha ({level(found.ci_prob)} interval)"
    return pd.DataFrame(
        [
            {"among": a.who, "raters": a.raters, "rated by two or more": a.units, head: _agreed(a.alpha)}
            for a in found.alphas
        ]
    )


def pairs(found: Agreement, rows: Sequence[Pair]) -> pd.DataFrame:
    """One row a pair of raters."""
    raw, ends = found.level != "interval", f"({level(found.ci_prob)} interval)"
    return pd.DataFrame(
        [
            {
                "rater": p.first,
                "and": p.second,
                "pairs": p.units,
                **({f"equal {ends}": _agreed(p.agreement)} if raw else {}),
                f"{KAPPA[found.level]} {ends}": _agreed(p.kappa),
            }
            for p in rows
        ]
    )


def convergence(rows: Sequence[Quantity], called: Callable[[str], str]) -> pd.DataFrame:
    """One row a number that the gate looks at, the worst first."""
    frame = pd.DataFrame(
        [{"number": called(q.name), "R-hat": q.r_hat, "ESS (bulk)": q.ess_bulk, "ESS (tail)": q.ess_tail} for q in rows]
    )
    return frame.sort_values("R-hat", ascending=False, na_position="first", ignore_index=True) if len(frame) else frame


def strengths(found: Sensitivity) -> pd.DataFrame:
    """One row a prior: the answer were it half or twice as strong."""
    what = "mean quality" if found.prob_best is None else f"chance that {found.leader} is best"

    def cell(row: Scaled) -> str:
        if not row.trusted:
            return "cannot be told"
        return quantity(row.number.value, found.unit) if row.prob_best is None else percent(row.prob_best.value)

    pairs = zip(found.scaled[::2], found.scaled[1::2], strict=True)
    return pd.DataFrame(
        [
            {
                "prior": half.called,
                f"{what}, half as strong": cell(half),
                "twice as strong": cell(twice),
            }
            for half, twice in pairs
        ]
    )


def answers(found: Sequence[Hangs], called: Callable[[str], str]) -> pd.DataFrame:
    """One row a number, by how far it answers to its prior."""
    return pd.DataFrame(
        [
            {
                "number": called(row.name),
                "to the priors": f"{row.prior:.2f}",
                "to the data": f"{row.likelihood:.2f}",
                "most to": called(row.by_prior[0][0]) if row.by_prior else "",
                "so": row.diagnosis,
            }
            for row in sorted(found, key=lambda row: -row.prior)
        ]
    )


def checks(found: Sequence[PredictiveCheck]) -> pd.DataFrame:
    """One row a feature of the data, those that the model misses first."""
    return pd.DataFrame(
        [
            {
                "feature": check.name,
                "observed": f"{check.observed:.3g}",
                f"predicted ({level(check.ci_prob)} interval)": f"{check.low:.3g} to {check.high:.3g}",
                "share of predictions above": f"{check.p:.3f}",
                "reproduced": "yes" if check.reproduced else "no",
            }
            for check in sorted(found, key=lambda check: check.reproduced)
        ]
    )


def scored(found: Compared) -> pd.DataFrame:
    """One row a fit, the best first."""
    return pd.DataFrame(
        [
            {
                "fit": row.name,
                "model": row.model,
                "log density": f"{row.elpd:,.1f} ± {row.se:,.1f}",
                "behind": f"{row.behind:,.1f} ± {row.behind_se:,.1f}" if row.behind else "",
                "cannot be left out": row.influential,
            }
            for row in found.scored
        ]
    )


def spread(value: Interval, unit: str, *, sign: bool = False) -> str:
    """A value with its interval.

    Examples
    --------
    >>> from expsim_bayes.facts import Interval
    >>> spread(Interval(0.07, -0.01, 0.15), "points", sign=True)
    '+0.07 (-0.01 to +0.15)'
    """
    said = change if sign else quantity
    if value.high - value.low < 1e-9 * max(abs(value.mean), 1e-9):
        return said(value.mean, unit)
    return f"{said(value.mean, unit)} ({said(value.low, unit)} to {said(value.high, unit)})"


def _agreed(value: Agreed) -> str:
    if value.value != value.value:
        return "not defined"
    return f"{value.value:.2f} ({value.low:.2f} to {value.high:.2f})"
