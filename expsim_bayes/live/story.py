"""A monitored experiment told look by look: a page in Markdown with figures, and the report of the last look beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes import amounts, plots
from expsim_bayes.live import words
from expsim_bayes.readers.atomic import whole
from expsim_bayes.recommend.experiment import best_threshold
from expsim_bayes.report.markdown import Figure, escape, markdown, shorten
from expsim_bayes.wording import what_quality_is

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import xarray as xr

    from expsim_bayes.facts import Facts
    from expsim_bayes.live.ahead import Ahead
    from expsim_bayes.live.look import Look
    from expsim_bayes.live.monitor import Opened
    from expsim_bayes.live.peeking import Peeking
    from expsim_bayes.planning import Calibration

PAGE, LAST = "report.md", "last-look.md"
"""The story, and the report of the last look."""


def write(
    here: Opened, folder: Path, *, peeking: Peeking, plan: Ahead | None, calibrated: Calibration | None = None
) -> Path:
    """The page, its figures, and the report of the last look.

    Parameters
    ----------
    here : Opened
        The experiment.
    folder : Path
        An existing folder to write into.
    peeking : Peeking
        How often the rule launches something when nothing differs.
    plan : Ahead or None
        What comes next.
    calibrated : Calibration, optional
        The threshold that would hold the false-launch rate, where it was searched.

    Returns
    -------
    pathlib.Path
        The page.
    """
    figures = draw(here, folder)
    facts = here.looks[-1].told_facts() if here.looks else None
    if facts is not None:
        _text(folder / LAST, markdown(replace(facts, false_launch=peeking.rate)))
    story = page(here, peeking=peeking, plan=plan, calibrated=calibrated, figures=figures, facts=facts)
    _text(folder / PAGE, story)
    return folder / PAGE


def page(
    here: Opened,
    *,
    peeking: Peeking,
    plan: Ahead | None,
    calibrated: Calibration | None = None,
    figures: Sequence[Figure] = (),
    facts: Facts | None = None,
) -> str:
    """The story as Markdown; `facts` are those of the last look, told on a page of their own."""
    parts = [
        f"# {escape(here.scenario.title)}",
        escape(here.scenario.story),
        f"## Now: {escape(words.headline(here))}",
        *_said(words.state(here)),
        "## Look by look",
        *_table(here),
        "" if facts is None else escape(_quality(facts)),
        *(f"![{escape(f.alternative)}]({f.file})\n\n*{escape(f.caption)}*" for f in figures),
        *(escape(text) for text in told(here)),
        "## Peeking",
        escape(words.peeked(here, peeking, calibrated=calibrated is not None)),
        *_said(words.calibration(calibrated)),
        "## What to rate next",
        *_said(words.next_words(here, plan)),
    ]
    warned = words.warnings(here.looks[-1]) if here.looks else []
    if warned:
        parts += ["## To be borne in mind", "\n".join(f"- {escape(text)}" for text in warned)]
    if facts is not None:
        parts += ["## Everything about the last look", f"Raters, judges, checks and priors stand in [{LAST}]({LAST})."]
    parts += ["## Where this comes from", "\n".join(_sources(here))]
    return "\n\n".join(part for part in parts if part) + "\n"


def told(here: Opened) -> Iterator[str]:
    """One paragraph a look: what came, who leads, what the rules said."""
    control = here.settings.control or here.scenario.control
    before: Look | None = None
    for look, batch in zip(here.looks, here.manifest.batches, strict=False):
        new = look.ratings - (before.ratings if before else 0)
        text = f"Look {look.look}: {amounts.count(new)} {words.NOUN[look.outcome]}s from {batch.source}."
        joined = [added.name for added in here.manifest.added if added.look == look.look]
        if joined:
            text += f" {amounts.listed(joined)} came in."
        best = look.of(look.leader) if look.leader else None
        if best is not None:
            verb = "leads" if before is None or before.leader == best.name else f"takes the lead from {before.leader}"
            text += (
                f" {best.name} {verb} with {amounts.quantity(best.mean, look.unit)}, the best with a probability of "
                f"{amounts.percent(best.prob_best)}."
            )
        if look.decision == "continue":
            text += f" {look.reason}"
        elif look.reason.endswith("?"):
            text += f" To the question, {look.reason[:1].lower()}{look.reason[1:]} the rules say: {words.decision(look, control)}."
        else:
            text += f" {look.reason} So: {words.decision(look, control)}."
        gone = [name for name in look.dropped if before is None or name not in before.dropped]
        if gone:
            text += f" From here on {amounts.listed(gone)} {'is' if len(gone) == 1 else 'are'} no longer tried."
        if before is not None and look.model and before.model and look.model != before.model:
            text += f" From here on the model is {look.model}, because {look.why_model}."
        text += "".join(f" {words.drifted(d)}" for d in look.drift if d.told and d.look == look.look)
        before = look
        yield text


def draw(here: Opened, folder: Path) -> list[Figure]:
    """Figures of an experiment with two looks or more that were not refused: quality and chance of being best over its looks."""
    history = history_of(here)
    if history is None:
        return []
    last = [look for look in here.looks if look.variants][-1]
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    control = here.settings.control or here.scenario.control
    shown = control if control in history["variant"].values else None
    drawn = []
    fig, ax = plots.figure()
    plots.quality_over_looks(
        history, ax, control=shown, higher_is_better=last.higher_is_better, ci_prob=last.ci_prob, across="look"
    )
    ci = amounts.level(last.ci_prob)
    ax.set_ylabel(f"quality, {amounts.UNITS[last.unit].axis} ({ci} interval)")
    plots.save(fig, folder / "figures" / "quality.png")
    leader = last.of(last.leader or "")
    assert leader is not None
    caption = f"Quality of each variant, look after look, with {ci} intervals."
    at_end = f"At look {last.look} {leader.name} stands at {amounts.quantity(leader.mean, last.unit)}."
    drawn.append(Figure("figures/quality.png", caption, f"{caption} {at_end}"))
    fig, ax = plots.figure()
    plots.prob_best_over_looks(
        history, ax, threshold=best_threshold(here.scenario, here.settings.strategy), control=shown, across="look"
    )
    plots.save(fig, folder / "figures" / "prob_best.png")
    caption = "Probability that each variant is the best, look after look."
    drawn.append(
        Figure(
            "figures/prob_best.png", caption, f"{caption} {leader.name} ends at {amounts.percent(leader.prob_best)}."
        )
    )
    return drawn


def history_of(here: Opened) -> xr.Dataset | None:
    """The looks as the pictures of a simulated experiment take them; None with fewer than two that were not refused."""
    import xarray as xr

    looks = [look for look in here.looks if look.variants]
    if len(looks) < 2:
        return None
    variants = [v.name for v in looks[-1].variants]
    evaluators = list(dict.fromkeys(e.name for look in looks for e in look.evaluators)) or ["nobody"]
    times = 100.0 if looks[-1].unit == "share" else 1.0

    def of(look: Look, name: str, field: str) -> float:
        found = look.of(name)
        return float("nan") if found is None else float(getattr(found, field))

    def table(field: str, factor: float = 1.0) -> tuple[tuple[str, str], list[list[float]]]:
        return ("look", "variant"), [[factor * of(look, name, field) for name in variants] for look in looks]

    given = [{e.name: e.ratings for e in look.evaluators} for look in looks]
    return xr.Dataset(
        {
            "quality_mean": table("mean", times),
            "quality_sd": table("sd", times),
            "prob_best": table("prob_best"),
            "ratings": (("look", "evaluator"), np.array([[float(n.get(e, 0)) for e in evaluators] for n in given])),
        },
        coords={"look": [look.look for look in looks], "variant": variants, "evaluator": evaluators},
    )


def _quality(facts: Facts) -> str:
    """What the column of quality holds."""
    name = what_quality_is(facts)
    if name == "quality":
        return f"Quality is what those who define it would say of a variant on average, on new items; {facts.unit}."
    return f"Quality is the {name}."


def _said(rows: Sequence[tuple[str, str]]) -> list[str]:
    return [f"**{label}.** {escape(text)}" for label, text in rows if text]


def _table(here: Opened) -> list[str]:
    if not here.looks:
        return ["There are no ratings yet."]
    control = here.settings.control or here.scenario.control
    ci = amounts.level(here.looks[-1].ci_prob)
    lines = [
        (
            f"| look | {words.NOUN[here.looks[-1].outcome]}s | dollars | leader | quality | {ci} interval | best "
            f"| {words.better_by(here.scenario.min_effect, here.looks[-1].unit)} | the rules |"
        ),
        "|---:|---:|---:|---|---:|---|---:|---:|---|",
    ]
    for look in here.looks:
        best = look.of(look.leader) if look.leader else None
        known = ["-"] * 5
        if best is not None:
            superior = "-" if best.prob_superior is None else amounts.percent(best.prob_superior)
            span = f"{amounts.quantity(best.low, look.unit)} to {amounts.quantity(best.high, look.unit)}"
            known = [
                escape(shorten(best.name)), amounts.quantity(best.mean, look.unit), span, amounts.percent(best.prob_best), superior,
            ]  # fmt: skip
        usd = ("at least " if look.unpriced else "") + amounts.dollars(look.usd)
        cells = [str(look.look), amounts.count(look.ratings), usd, *known, escape(words.decision(look, control))]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"| {n} | to be fitted | | | | | | | |" for n in here.waiting]
    return ["\n".join(lines)]


def _sources(here: Opened) -> Iterator[str]:
    yield f"- scenario: {escape(here.scenario.name)}, SHA-256 {here.manifest.scenario_sha256}"
    yield f"- strategy: {here.settings.strategy}; random seed: {here.settings.seed}, and the number of the look"
    yield f"- begun (UTC): {here.manifest.begun_utc}, with expsim {escape(here.manifest.expsim)}"
    for batch in here.manifest.batches:
        yield (
            f"- batch {batch.look}: {escape(batch.source)}, {amounts.count(batch.rows)} rows, SHA-256 {batch.sha256}, "
            f"received (UTC) {batch.received_utc}"
        )


def _text(path: Path, text: str) -> None:
    with whole(path) as file:
        file.write(text.encode())
