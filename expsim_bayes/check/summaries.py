"""What each check found, turned into a verdict, sentences and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.check.outcome import Outcome, Table
from expsim_bayes.check.uniformity import ALPHA, LEVELS, covered, outside_band, power, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from expsim_bayes.check.family import Checked
    from expsim_bayes.check.fits import Fits, Settings
    from expsim_bayes.check.imperfect_judge import Cell, Grid
    from expsim_bayes.check.mutants import Caught
    from expsim_bayes.check.outcome import Value
    from expsim_bayes.check.prior_predictive import PriorCheck
    from expsim_bayes.check.uniformity import Calibration, Runs
    from expsim_bayes.scenario import StrategyName

CALIBRATION = {
    "quantity": "",
    "p (chi-square)": ".3g",
    "p (Kolmogorov-Smirnov)": ".3g",
    **{f"{100 * level:.0f} % intervals": ".3f" for level in LEVELS},
}
"""Columns of a calibration table: the coverage of an interval is the share of simulations in which it holds the truth."""
WORDS: dict[StrategyName, str] = {
    "ab": "A/B test, all looks",
    "sequential": "sequential test, at its stop",
    "bandit": "bandit, at its stop",
}


def of_fast(found: Mapping[StrategyName, Runs]) -> Outcome:
    """Of the fast posterior, by strategy.

    Parameters
    ----------
    found : mapping
        As `expsim_bayes.check.fast.check_fast` gives it.
    """
    said, tables = [], []
    for strategy, runs in found.items():
        again = f" The first run was doubtful, so this is a second one, with seed {runs.seed}." if runs.first else ""
        said.append(f"{WORDS[strategy]}: {_calibrated(runs.rows, passed=runs.passed)}{again}")
        tables.append(_calibration_table(capitalised([WORDS[strategy]])[0], runs.rows))
        if runs.first:
            tables.append(_calibration_table(f"{WORDS[strategy]}: the first, doubtful run", runs.first))
    failed = [WORDS[strategy] for strategy, runs in found.items() if not runs.passed]
    summary = (
        f"calibration is rejected for: {'; '.join(failed)}."
        if failed
        else f"calibration is not rejected in any of: {'; '.join(WORDS[strategy] for strategy in found)}."
    )
    fewest = min(runs.rows[0].simulations for runs in found.values())
    return Outcome(not failed, fewest, capitalised([summary, *said]), tuple(tables))


def of_continuous(found: Fits, settings: Settings) -> Outcome:
    """Of the sampled model.

    Parameters
    ----------
    found : Fits
        All fits.
    settings : Settings
        Of the sampler.
    """
    uniform = verdict(found.rows) != "fail"
    return Outcome(
        uniform and found.sampled_well,
        len(found.simulations),
        capitalised([_calibrated(found.rows, passed=uniform), _sampled(found), _noticed(found)]),
        (_calibration_table("Quantities", found.rows),),
        _how(found, settings),
    )


def of_family(found: Checked, settings: Settings) -> Outcome:
    """Of a model with a recipe.

    Parameters
    ----------
    found : Checked
        All fits.
    settings : Settings
        Of the sampler.
    """
    runs, fits = found.runs, found.fits
    said = [_calibrated(runs.rows, passed=runs.passed)]
    if not covered(runs.rows):
        alpha = ALPHA / (len(LEVELS) * len(runs.rows))
        far = [
            f"{100 * level:.0f} % of {name} ({share:.3f})"
            for name, level, share in outside_band(runs.rows, alpha=alpha)
        ]
        said.append(f"intervals do not hold the truth as often as they say: {', '.join(far)}.")
    said += [_sampled(fits), _noticed(fits)]
    tables = [_calibration_table("Quantities", runs.rows)]
    if runs.first:
        said.insert(
            1, f"the first run was doubtful, so this is a second one, with seed {runs.seed} and twice the data sets."
        )
        tables.append(_calibration_table("The first, doubtful run", runs.first))
    return Outcome(found.passed, len(fits.simulations), capitalised(said), tuple(tables), _how(fits, settings))


def of_prior(found: PriorCheck) -> Outcome:
    """Of the comparison of tellings.

    Parameters
    ----------
    found : PriorCheck
        Comparisons and their power.
    """
    unlike = [one.name for one in found.comparisons if not one.passed]
    said = [
        f"these tellings differ: {'; '.join(unlike)}."
        if unlike
        else f"none of {len(found.comparisons)} pairs of tellings differs in any of {len(found.comparisons[0].features)} features."
    ]
    said += [
        f"{one.name}: {len(one.features)} features, largest |z| {_largest(one.z):.2f} where {one.limit:.2f} is allowed "
        f"({one.worst}): {'no difference found' if one.passed else 'they differ'}."
        for one in found.comparisons
    ]
    changed, nothing = found.power[:-1], found.power[-1]
    noticed = [one for one in changed if one.rejected > one.runs / 2]
    said.append(
        f"Of {len(changed)} components made 20 % too large, one at a time, {len(noticed)} are noticed more often than not with 2,000 "
        f"experiments; where nothing was changed {nothing.rejected} of {nothing.runs} comparisons rejected."
    )
    tellings = Table(
        "Tellings compared",
        {
            "tellings": "",
            "experiments of each": ",d",
            "features": "d",
            "largest |z|": ".2f",
            "limit": ".2f",
            "where": "",
        },
        tuple(
            (one.name, one.draws, len(one.features), _largest(one.z), one.limit, one.worst) for one in found.comparisons
        ),
    )
    noticed_table = Table(
        "What the comparison notices: one component 20 % too large in one telling",
        {"component": "", "comparisons": "d", "noticed": "d", "mean of the largest |z|": ".2f"},
        tuple((one.component, one.runs, one.rejected, one.largest) for one in found.power),
    )
    return Outcome(found.passed, found.comparisons[0].draws, capitalised(said), (tellings, noticed_table))


def of_quick(found: Fits) -> Outcome:
    """Of fits without a sampler.

    Parameters
    ----------
    found : Fits
        All fits.
    """
    uniform = verdict(found.rows) != "fail"
    right = uniform and covered(found.rows)
    trusted = (
        f"{found.divergent} of {len(found.simulations):,} fits had a Pareto k-hat above what so many points allow (at most .7) and would "
        f"print a caution; none was left out. "
        f"The weighted points were worth {min(one.ess for one in found.simulations):,.0f} or more."
    )
    said = [_calibrated(found.rows, passed=uniform), trusted, _noticed(found)]
    how: dict[str, Value] = {"commit": found.commit, "begun_utc": found.begun_utc}
    tables = (_calibration_table("Quantities", found.rows),)
    return Outcome(right, len(found.simulations), capitalised(said), tables, how)


def of_mutants(found: Sequence[Caught], settings: Settings | None = None) -> Outcome:
    """Of the right posterior and the wrong ones.

    Parameters
    ----------
    found : sequence of Caught
        The right one first.
    settings : Settings, optional
        Of the sampler, where there is one.
    """
    right, *wrong = found
    caught = sum(one.rejected for one in wrong)
    said = (
        f"{caught} of {len(wrong)} wrong posteriors are rejected; the right one {'is rejected too' if right.rejected else 'passes'}.",
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (one.mutant, one.rejected, one.worst.simulations, one.worst.quantity, one.worst.p, one.worst.coverage[-1])
        for one in found
    )
    columns = {
        "what is wrong": "",
        "rejected": "",
        "simulations": ",d",
        "given away by": "",
        "p": ".2g",
        "95 % intervals": ".3f",
    }
    passed = caught == len(wrong) and not right.rejected
    how: dict[str, Value] = {} if settings is None else settings._asdict()
    return Outcome(passed, right.rows[0].simulations, said, (Table("Posteriors", columns, rows),), how)


def of_imperfect_judge(found: Grid, settings: Settings) -> Outcome:
    """Of intervals for rates that are fixed.

    Parameters
    ----------
    found : Grid
        All truths.
    settings : Settings
        Of the sampler.
    """
    from expsim_bayes.check.imperfect_judge import LEAST

    cells = found.cells
    total, bad = sum(one.data_sets for one in cells), [one for one in cells if one.too_low]
    least, outside = min(cells, key=lambda one: one.covered), 100 * max(one.naive_outside for one in cells)
    said = [
        f"intervals hold the rate too seldom for {_truth(bad)}."
        if bad
        else f"for none of {len(cells)} truths do intervals of 95 % hold the rate in fewer than {100 * LEAST:.0f} % of data sets, beyond "
        "what chance explains.",
        f"The least share is {least.covered:.3f} of {least.data_sets:,}, for {_truth([least])}.",
        f"{sum(one.unconverged for one in cells)} of {total:,} fits had a divergence or an R-hat above 1.01; none was left out.",
        f"The usual correction of the judge's rate leaves [0, 1] in up to {outside:.0f} % of data sets, the model never does.",
    ]
    columns = {
        "rate": ".2f",
        "sensitivity": ".2f",
        "specificity": ".2f",
        "data sets": ",d",
        "95 % intervals that hold the rate": ".3f",
        "their mean width": ".3f",
        "mean error of the posterior mean": "+.4f",
        "usual correction outside [0, 1]": ".3f",
        "fits with trouble": "d",
    }
    rows: tuple[tuple[Value, ...], ...] = tuple(tuple(one) for one in cells)
    return Outcome(not bad, total, capitalised(said), (Table("Truths", columns, rows),), _how(found, settings))


def _truth(cells: Sequence[Cell]) -> str:
    """Truths in words."""
    return "; ".join(
        f"a rate of {one.rate:g} seen with sensitivity {one.sensitivity:g} and specificity {one.specificity:g}"
        for one in cells
    )


def _sampled(found: Fits) -> str:
    """Trouble of the sampler."""
    smallest = min(one.ess for one in found.simulations)
    return (
        f"{found.divergent} of {len(found.simulations)} fits had a divergence and {found.unconverged} an R-hat above 1.01 (at most 3 % of "
        f"each may); none was left out. The smallest effective sample size (bulk) of a reported quantity was {smallest:,.0f}."
    )


def _noticed(found: Fits) -> str:
    """What so many fits can tell."""
    shifted, shrunk = power(len(found.simulations), len(found.rows))
    return (
        f"What {len(found.simulations):,} data sets can tell of one quantity: a posterior whose mean is off by .3 SD fails in "
        f"{100 * shifted:.0f} % of such checks, one whose SD is .7 of the right one in {100 * shrunk:.0f} %."
    )


def _how(found: Fits | Grid, settings: Settings) -> dict[str, Value]:
    return {**settings._asdict(), "commit": found.commit, "begun_utc": found.begun_utc}


def _calibrated(rows: Sequence[Calibration], *, passed: bool) -> str:
    """A calibration in a sentence or two."""
    worst = min(rows, key=lambda row: row.p)
    verdict_words = "uniformity is not rejected" if passed else "ranks are not uniform"
    intervals, outside = len(rows) * len(LEVELS), len(outside_band(rows))
    return (
        f"{verdict_words} for any of {len(rows)} quantities over {rows[0].simulations:,} simulations (smallest p {worst.p:.2g}, "
        f"{worst.quantity}; below {ALPHA / (2 * len(rows)):.2g} fails). {outside} of {intervals} shares of intervals that hold the truth "
        f"lie outside their 99 % band, where {intervals * ALPHA:.0f} would by chance."
        if passed
        else f"{verdict_words} for {worst.quantity} (p {worst.p:.2g}; below {ALPHA / (2 * len(rows)):.2g} fails), over "
        f"{rows[0].simulations:,} simulations of {len(rows)} quantities."
    )


def _calibration_table(title: str, rows: Sequence[Calibration]) -> Table:
    values: tuple[tuple[Value, ...], ...] = tuple(
        (row.quantity, row.p_chi_square, row.p_kolmogorov, *row.coverage) for row in rows
    )
    return Table(title, CALIBRATION, values)


def _largest(z: object) -> float:
    import numpy as np

    return float(np.abs(np.asarray(z)).max())


def capitalised(said: Sequence[str]) -> tuple[str, ...]:
    """Sentences that begin with a capital."""
    return tuple(text[:1].upper() + text[1:] for text in said)
