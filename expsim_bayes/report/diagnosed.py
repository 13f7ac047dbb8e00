"""How a fit went as a `Document`: the verdict first, then the numbers that it rests on, and everything that stands behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes import glossary
from expsim_bayes.amounts import count, feature, level, listed, sentence
from expsim_bayes.diagnosis import words
from expsim_bayes.diagnosis.chains import MOST_CHAINS, ranks
from expsim_bayes.report.displayed import clean, shown
from expsim_bayes.report.document import Block, Bullets, Document, Length, Paragraph, Picture, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from expsim_bayes.diagnosis import Diagnosed

NAME = 80
"""Characters of a number's name that are shown."""
MOST_ROWS = 40
"""Rows of a table; more stand in the JSON and CSV."""
NOT_TOLD = "not told"
FIGURES = "figures"
"""Folder of the pictures, beside the report."""


def document(found: Diagnosed, *, length: Length = "full") -> Document:
    """The report of how a fit went.

    Parameters
    ----------
    found : Diagnosed
        From `diagnosis.diagnose`.
    length : {"brief", "full"}
        The verdict with its numbers on a page, or everything.

    Examples
    --------
    >>> import xarray as xr
    >>> from expsim_bayes.diagnosis import diagnose
    >>> theta = xr.Dataset({"theta": (("chain", "draw"), np.random.default_rng(1).normal(size=(4, 500)))})
    >>> page = document(diagnose(xr.DataTree.from_dict({"posterior": theta}), "theta.nc"))
    >>> page.headline, [section.key for section in page.sections]
    ('Caution: take its probabilities as approximate', ['decision', 'numbers', 'chains', 'quantities', 'lacking'])
    """
    sections = [
        Section("decision", f"Verdict: {found.headline}", tuple(Paragraph(clean(text)) for text in _verdict(found))),
        Section("numbers", "What the verdict rests on", (_numbers(found),)),
        Section("chains", "Do the chains see the same?", tuple(_chains(found, length))),
    ]
    if length == "full":
        sections += [
            Section("energy", "Does the sampler move freely?", tuple(_energy(found))),
            Section("predictive", "Does the model reproduce the data?", tuple(_predictive(found))),
            Section("priors", "What hangs on the priors?", tuple(_priors(found))),
            Section("left_out", "How well is what was left out predicted?", tuple(_left_out(found))),
            Section("quantities", "Every number", (_quantities(found),) if found.rows else ()),
            Section("lacking", "What could not be told", _points((*found.lacking, *found.notes))),
            Section("reproduce", "Where this fit comes from", _about(found)),
        ]
    return Document(
        title=f"How a fit went: {shown(found.name, 100)}" if found.name else "How a fit went",
        story="",
        decision=found.verdict.level,
        headline=found.headline,
        source=shown(found.name, 100) if found.name else "a fit",
        length=length,
        sections=tuple(section for section in sections if section.blocks),
    )


def _verdict(found: Diagnosed) -> Iterator[str]:
    """Why, and that draws which may be believed are not yet a model that fits."""
    yield from found.reasons
    missed = sum(not check.reproduced for check in found.checks)
    if missed and found.verdict.level != "refuse":
        yield (
            f"This is said of the draws. The model itself misses {count(missed)} of {count(len(found.checks))} features of the data, which "
            "is told below."
        )


def _numbers(found: Diagnosed) -> Table:
    """The figures of the gate, beside what is good."""
    v = found.verdict
    rows = [
        ("chains and draws of each", f"{count(v.chains)} × {count(v.draws)}", "4 chains"),
        ("smallest effective sample size (ESS)", number(v.worst_ess, ",.0f"), "" if v.points else "400 or more"),
    ]
    if v.points:
        rows += [
            ("weighted points, no sampler", count(v.points), ""),
            (
                "Pareto k-hat of their weights",
                NOT_TOLD if v.k_hat is None else f"{v.k_hat:.2f}",
                f"up to {v.good_k:.2f}",
            ),
        ]
    else:
        rows += [
            ("largest R-hat", number(v.worst_r_hat, ".3f"), "up to 1.01"),
            ("draws that diverged", NOT_TOLD if found.divergences is None else count(found.divergences), "none"),
            ("smallest BFMI of a chain", number(v.bfmi, ".2f"), ".3 or more"),
        ]
    share = max((row.mcse / row.sd for row in found.rows if row.sd > 0), default=float("nan"))
    rows.append(
        (
            "largest Monte-Carlo error (MCSE), of a posterior SD",
            number(share, ".1%").replace("%", " %"),
            "" if v.points else "up to 5 %",
        )
    )
    if found.scored is not None:
        told = found.scored.mistrusted if found.scored.influential else "none"
        rows.append(("left-out predictions not to be trusted", told, "any number: no part of the verdict"))
    return Table(("what", "here", "good"), tuple(rows), words=(0, 1, 2), sheet="diagnostics-verdict")


def number(value: float, form: str) -> str:
    """A number; said to be missing where it is.

    Examples
    --------
    >>> number(1.0034, ".3f"), number(float("nan"), ".3f")
    ('1.003', 'not told')
    """
    return format(value, form) if np.isfinite(value) else NOT_TOLD


def _chains(found: Diagnosed, length: Length) -> Iterator[Block]:
    if not found.worst:
        return
    few = found.worst[: 1 if length == "brief" else None]
    names = [shown(one.name, NAME) for one in few]
    fewest = "the number" if len(names) == 1 else f"the {len(names)} numbers"
    known = all(np.isfinite(row.r_hat) for row in found.rows[: len(names)])
    which = f"Draws of {fewest} on which chains agree least" if known else "Draws"
    caption = f"{which} ({listed(names)}): on the left every chain from its first draw to its last, on the right how often each is where."
    seen = " ".join(f"{name}: {words.of_trace(one)}" for name, one in zip(names, few, strict=True))
    yield Picture(f"{FIGURES}/{'worst' if length == 'brief' else 'chains'}.png", caption, f"{caption} {seen}")
    first = found.worst[0]
    told = f"{words.of_trace(first)} {words.of_ranks(ranks(first.values[:MOST_CHAINS]))}"
    yield Paragraph(told, f"Of {names[0]}.")


def _energy(found: Diagnosed) -> Iterator[Block]:
    if found.energies is None:
        return
    caption = "Energy of the sampler, and how far it moves from draw to draw: the two shapes should be about as wide."
    told = words.of_energies(found.energies)
    yield Picture(f"{FIGURES}/energy.png", caption, f"{caption} {told}")
    yield Paragraph(told)


def _predictive(found: Diagnosed) -> Iterator[Block]:
    if not found.checks:
        return
    missed = [check for check in found.checks if not check.reproduced]
    total = count(len(found.checks))
    yield Paragraph(
        f"Its predictions reproduce all {total} features of the data that were checked."
        if not missed
        else f"Its predictions miss {count(len(missed))} of {total} features of the data: {listed([clean(c.name) for c in missed[:5]])}."
    )
    caption = (
        f"What was observed, and what the fitted model predicts of it ({level(found.checks[0].ci_prob)} intervals)."
    )
    yield Picture(
        f"{FIGURES}/checks.png",
        caption,
        f"{caption} {count(len(missed))} of {total} {'lies' if len(missed) == 1 else 'lie'} outside what it predicts.",
    )
    ordered = sorted(found.checks, key=lambda check: check.reproduced)
    rows = [
        (
            clean(c.name),
            feature(c.name, c.observed),
            f"{feature(c.name, c.low)} to {feature(c.name, c.high)}",
            f"{c.p:.3f}",
            "yes" if c.reproduced else "no",
        )
        for c in ordered[:MOST_ROWS]
    ]
    note = "p is the share of predicted data sets that have at least the observed value."
    yield Table(
        ("feature", "observed", "predicted", "p", "reproduced"),
        tuple(rows),
        words=(0, 2, 4),
        note=note,
        sheet="diagnostics-checks",
    )


def _priors(found: Diagnosed) -> Iterator[Block]:
    yield from _points(found.sensitivity)
    if not found.hangs:
        return
    rows = sorted(found.hangs, key=lambda row: -row.prior)[:MOST_ROWS]
    if not found.sensitivity:
        some = [shown(found.called(row.name), NAME) for row in rows if row.diagnosis]
        yield Paragraph(
            f"These answer to a prior: {listed(some[:5])}." if some else "No number answers much to a prior."
        )
    yield Table(
        ("number", "to the priors", "to the data", "most to", ""),
        tuple(
            (
                shown(found.called(r.name), NAME),
                f"{r.prior:.2f}",
                f"{r.likelihood:.2f}",
                clean(glossary.answering(r.name, r.by_prior[0][0], found.called)) if r.by_prior else "-",
                r.diagnosis,
            )
            for r in rows
        ),
        words=(0, 3, 4),
        note="Power-scaling sensitivity: how far a number moves where priors, or the data, are told a little more strongly; .05 counts.",
        sheet="diagnostics-priors",
    )


def _left_out(found: Diagnosed) -> Iterator[Block]:
    scored = found.scored
    if scored is None:
        return
    yield Paragraph(
        f"Log predictive density {scored.elpd:,.1f} ± {scored.se:,.1f}, {scored.p:,.1f} effective parameters (leave-one-out, Pareto "
        f"smoothed). It serves to compare models of the same data. {scored.caution}"
    )


def _quantities(found: Diagnosed) -> Table:
    rows = found.rows[:MOST_ROWS]
    more = (
        f" {count(len(found.rows) - len(rows))} more stand in the JSON and CSV." if len(found.rows) > len(rows) else ""
    )
    known = any(np.isfinite(row.r_hat) for row in rows)
    cells = (
        (
            shown(found.called(r.name), NAME),
            f"{r.mean:.4g}", f"{r.sd:.3g}", f"{r.mcse:.2g}", *((number(r.r_hat, ".3f"),) if known else ()),
            number(r.ess_bulk, ",.0f"), number(r.ess_tail, ",.0f"),
        )
        for r in rows
    )  # fmt: skip
    return Table(
        ("number", "mean", "SD", "MCSE", *(("R-hat",) if known else ()), "ESS (bulk)", "ESS (tail)"),
        tuple(cells),
        note=f"{'The worst R-hat first; ' if known else ''}MCSE is the Monte-Carlo error of the mean.{more}",
        sheet="diagnostics-numbers",
    )


def _points(texts: Sequence[str]) -> tuple[Block, ...]:
    return (Bullets(tuple(Paragraph(sentence(clean(text))) for text in texts)),) if texts else ()


def _about(found: Diagnosed) -> tuple[Block, ...]:
    return (Bullets(tuple(Paragraph(clean(text), what) for what, text in found.about)),) if found.about else ()
