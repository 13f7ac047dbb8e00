"""The figures of a report: finished numbers go to `plots`, PNG files and their captions come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes import amounts, plots
from expsim_bayes.operating_characteristics import judges_floor, learning_curve
from expsim_bayes.plots.looks import one_replication
from expsim_bayes.recommend.experiment import best_threshold
from expsim_bayes.report import pictures
from expsim_bayes.report.build import Figure
from expsim_bayes.report.pictures import columns, gaps, times

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

    from expsim_bayes.experiment import Played
    from expsim_bayes.facts import Facts
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.report.document import Redrawn
    from expsim_bayes.scenario import EvaluatorChoice

FOLDER = "figures"
LEARNING = 400
"""Simulated experiments behind a learning curve."""
MOST_FEATURES = 24
"""Features beside their predictions that one picture shows, those that fail first."""
LOW, HIGH = 3.0, 4.0
"""Inches of height of a picture over looks, for up to `FEW_LINES` variants and for more."""
FEW_LINES = 4
"""Variants whose lines a low picture has room for."""
ALIKE = 0.02
"""Relative difference in outputs between variants that no picture needs to show."""
FEW_SHIFTS = 24
"""Judge shifts up to this many are drawn with their intervals, more as a map."""


def draw_experiment(played: Played, facts: Facts, folder: Path) -> list[Figure]:
    """Figures of a simulated experiment: quality, chance of being best, allocation and cost over its looks, where there are several."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    drawn = _over_looks(played, facts, folder) if one_replication(played.history).sizes["look"] > 1 else []
    drawn.append(_of_facts("qualities", facts, folder))
    if {"human", "llm"} <= {e.kind for e in played.declared.evaluators}:
        drawn += _learning(played, folder)
    return drawn


def _over_looks(played: Played, facts: Facts, folder: Path) -> list[Figure]:
    """What changes from look to look."""
    history, control = played.history, facts.control
    ci = amounts.level(facts.ci_prob)
    leader = facts.variant(facts.leader)
    drawn = []
    height = LOW if len(facts.variants) <= FEW_LINES else HIGH
    fig, ax = plots.figure(height=height)
    plots.quality_over_looks(
        history,
        ax,
        control=control,
        higher_is_better=facts.higher_is_better,
        ci_prob=facts.ci_prob,
        unit=facts.unit,
        rated=facts.rated,
    )
    plots.save(fig, folder / FOLDER / "quality.png")
    caption = f"Quality of each variant as {facts.rated}s come in, with {ci} intervals."
    at_the_end = amounts.quantity(leader.quality.mean, facts.unit) + (" points" if facts.unit == "points" else "")
    drawn.append(
        _figure(
            "quality.png",
            caption,
            f"At the end {leader.name} stands at {at_the_end}.",
        )
    )

    fig, ax = plots.figure(height=height)
    plots.prob_best_over_looks(
        history,
        ax,
        threshold=best_threshold(played.scenario, played.history.attrs["strategy"]),
        control=control,
        rated=facts.rated,
    )
    plots.save(fig, folder / FOLDER / "prob_best.png")
    caption = "Probability that each variant is the best, look after look."
    drawn.append(_figure("prob_best.png", caption, f"{leader.name} ends at {amounts.percent(leader.prob_best)}."))

    if not _alike(history):
        fig, ax = plots.figure(height=height)
        plots.allocation_over_looks(history, ax, control=control)
        plots.save(fig, folder / FOLDER / "allocation.png")
        shared = ", ".join(f"{v.name} {amounts.count(v.outputs)}" for v in facts.variants)
        drawn.append(
            _figure("allocation.png", "How the outputs of each look were shared out.", f"Outputs in all: {shared}.")
        )

    fig, ax = plots.figure(height=height)
    plots.cost_over_looks(history, ax)
    plots.save(fig, folder / FOLDER / "cost.png")
    spent = ", ".join(f"{e.name} {amounts.dollars(e.usd or 0.0)}" for e in facts.evaluators)
    drawn.append(_figure("cost.png", "Dollars spent so far, by what they went to.", f"At the end: {spent}."))
    return drawn


def draw_fit(tree: xr.DataTree, ratings: Ratings, facts: Facts, folder: Path) -> list[Figure]:
    """Figures of a fit: qualities, differences, severities, judges' tastes and use of the scale, and the predictive check."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    if facts.fit is None or facts.decision.name == "refuse":
        return []
    drawn = [_of_facts("qualities", facts, folder)] if facts.variants else []
    if len(facts.variants) > 1:
        drawn.append(_of_facts("differences", facts, folder))
    if facts.fit.raters:
        drawn.append(_severity(facts, folder))
    if facts.fit.shifts:
        drawn.append(_shifts(facts, folder))
    if facts.fit.scale_use:
        drawn.append(_scale_use(facts, folder))
    if facts.model == "continuous":
        drawn.append(_predictive(tree, ratings, facts, folder))
    elif facts.fit.compared:
        drawn.append(_features(facts, folder))
    return drawn


def _alike(history: xr.Dataset) -> bool:
    """Whether all variants got the same number of outputs at every look, so that a picture of it would show nothing."""
    outputs = one_replication(history)["outputs"]
    return bool((outputs.max("variant") - outputs.min("variant") <= ALIKE * outputs.max("variant")).all())


def _figure(file: str, caption: str, finding: str) -> Figure:
    return Figure(f"{FOLDER}/{file}", caption, f"{caption} {finding}")


def _of_facts(which: Redrawn, facts: Facts, folder: Path) -> Figure:
    """A picture that facts alone can draw."""
    plots.save(pictures.drawn(which, facts), folder / FOLDER / f"{which}.png")
    return _figure(f"{which}.png", *pictures.told(which, facts))


def _learning(played: Played, folder: Path) -> list[Figure]:
    """Chance of picking the right variant against dollars: judge, people, both, and the judge's limit; none where every pick is right."""
    scenario = played.declared
    choices: tuple[EvaluatorChoice, ...] = ("llm", "human", "both")
    curves: dict[str, xr.Dataset] = {
        choice: learning_curve(scenario, evaluators=choice, replications=LEARNING) for choice in choices
    }
    if all(bool((curve["right"] == 1).all()) for curve in curves.values()):
        return []
    floor = judges_floor(scenario).value
    fig, ax = plots.figure(height=LOW)
    plots.learning_curves(curves, ax, floor=floor)
    plots.save(fig, folder / FOLDER / "learning.png")
    caption = (
        f"What money buys: the chance that the variant in the lead is the right one, over {LEARNING} simulated experiments. "
        "The judge's line levels off at a limit that no number of its ratings moves."
    )
    return [_figure("learning.png", caption, f"The judge's limit is {amounts.percent(floor)}.")]


def _severity(facts: Facts, folder: Path) -> Figure:
    assert facts.fit is not None
    raters = facts.fit.raters
    fig, ax = plots.figure(height=plots.rows_height(len(raters), groups=len({r.evaluator for r in raters})))
    plots.severity(
        [r.name for r in raters],
        *columns([r.severity for r in raters], facts.unit),
        ax,
        unit=gaps(facts.unit),
        evaluators=[r.evaluator for r in raters],
        higher_is_better=facts.higher_is_better,
        ci_prob=facts.ci_prob,
    )
    plots.save(fig, folder / FOLDER / "severity.png")
    lowest, highest = raters[0], raters[-1]
    finding = (
        f"From {amounts.change(lowest.severity.mean, facts.unit)} ({lowest.name}) to "
        f"{amounts.change(highest.severity.mean, facts.unit)} ({highest.name})."
    )
    return _figure(
        "severity.png", "How far each rater scores above (+) or below (-) the pool for the same outputs.", finding
    )


def _shifts(facts: Facts, folder: Path) -> Figure:
    assert facts.fit is not None
    shifts, unit = facts.fit.shifts, gaps(facts.unit)
    judges, names = list(dict.fromkeys(row[0] for row in shifts)), list(dict.fromkeys(row[1] for row in shifts))
    mean, low, high = (np.full((len(judges), len(names)), np.nan) for _ in range(3))
    for judge, name, value in shifts:
        place = judges.index(judge), names.index(name)
        mean[place], low[place], high[place] = (times(facts.unit) * end for end in (value.mean, value.low, value.high))
    if len(shifts) <= FEW_SHIFTS:
        fig, ax = plots.figure(height=plots.rows_height(len(shifts), groups=len(judges)))
        plots.judge_shifts(
            names,
            mean,
            low,
            high,
            ax,
            evaluators=judges,
            unit=unit,
            higher_is_better=facts.higher_is_better,
            ci_prob=facts.ci_prob,
        )
    else:
        fig, ax = plots.figure(width=8.0, height=plots.rows_height(len(names)))
        plots.shift_map(names, mean, ax, evaluators=judges, unit=unit)
    plots.save(fig, folder / FOLDER / "shifts.png")
    most = max(shifts, key=lambda row: abs(row[2].mean))
    finding = f"The largest is {most[0]} on {most[1]}: {amounts.change(most[2].mean, facts.unit)}."
    return _figure(
        "shifts.png", f"What each judge adds to (+) or takes from (-) a variant as such, in {unit}.", finding
    )


def _scale_use(facts: Facts, folder: Path) -> Figure:
    assert facts.fit is not None
    names = [name for name, _ in facts.fit.scale_use]
    values = [value for _, value in facts.fit.scale_use]
    fig, ax = plots.figure(height=plots.rows_height(len(names)))
    plots.scale_use(names, *columns(values), ax, unit=facts.unit, ci_prob=facts.ci_prob)
    plots.save(fig, folder / FOLDER / "scale_use.png")
    finding = ", ".join(f"{name} {value.mean:.2f}" for name, value in zip(names, values, strict=True))
    return _figure(
        "scale_use.png", "How strongly each judge follows what the reference sees (1: as the reference).", f"{finding}."
    )


def _predictive(tree: xr.DataTree, ratings: Ratings, facts: Facts, folder: Path) -> Figure:
    observed = tree["observed_data"]["score"].to_numpy()
    drawn = tree["posterior_predictive"]["score"].to_numpy()
    shares = plots.predicted_shares(observed, drawn.reshape(-1, drawn.shape[-1]), ci_prob=facts.ci_prob)
    fig, ax = plots.figure()
    plots.predictive_check(shares, ax)
    plots.save(fig, folder / FOLDER / "predictive.png")
    finding = f"The model misses {facts.fit.checks_failed} of {len(facts.fit.checks)} features." if facts.fit else ""
    count = amounts.count(np.size(observed))
    caption = f"Scores as they are ({count} ratings in {ratings.source}) and as the fitted model would make them."
    return _figure("predictive.png", caption, finding)


def _features(facts: Facts, folder: Path) -> Figure:
    """What the model reproduces, feature by feature."""
    assert facts.fit is not None
    rows = sorted(facts.fit.compared, key=lambda row: row.reproduced)[:MOST_FEATURES]
    fig, ax = plots.figure(width=9.0, height=plots.rows_height(len(rows)))
    plots.feature_check(
        [row.name for row in rows],
        [row.observed for row in rows],
        [row.low for row in rows],
        [row.high for row in rows],
        ax,
        ci_prob=facts.ci_prob,
    )
    plots.save(fig, folder / FOLDER / "predictive.png")
    missed, total = facts.fit.checks_failed, len(facts.fit.compared)
    finding = f"{missed} of {total} features {'lies' if missed == 1 else 'lie'} outside what it predicts."
    return _figure("predictive.png", "What was observed, and what the fitted model predicts of it.", finding)
