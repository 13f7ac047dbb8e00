"""`expsim decide`: several fits, quality, hallucination, cost, latency, weighed and held within limits, to one decision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expsim_bayes.amounts import level, points, quantity, signed
from expsim_bayes.cli import exits
from expsim_bayes.cli.advice import STYLES
from expsim_bayes.cli.opened import opened
from expsim_bayes.cli.options import AsJson, Seed, numbers, pairs
from expsim_bayes.cli.screen import Column, Screen, plain, short
from expsim_bayes.cli.tables import brief_percent
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.objectives import Metric, Weighed

EXAMPLE = "quality=out/stars"


def decide(
    fits: Annotated[
        list[str],
        typer.Argument(
            metavar="METRIC=FIT...",
            help="What each metric is called, and its fit: a folder of `expsim fit --out` or its posterior.nc. Add :VARIABLE for another "
            "number of that fit than its quality, such as p95=out/calls:p95.",
        ),
    ],
    *,
    best: Annotated[str | None, typer.Option(metavar="METRIC", help="Look for the best by this metric alone.")] = None,
    utility: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=WEIGHT",
            help="Utility a unit of a metric, negative where less is better: quality=1 and cost=-0.5 (repeat it).",
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LIMIT",
            help='What must be kept: "hallucination<=0.05", "latency<=2", "hallucination<=control+0.02" (repeat it).',
        ),
    ] = None,
    lower_is_better: Annotated[
        list[str] | None, typer.Option(metavar="METRIC", help="Less of this metric is better (repeat it).")
    ] = None,
    control: Annotated[str | None, typer.Option(metavar="NAME", help="The variant in use today.")] = None,
    threshold: Annotated[
        float, typer.Option(metavar="P", min=0.5, max=1.0, help="Probability of being the best that is asked for.")
    ] = 0.95,
    limit_threshold: Annotated[
        float, typer.Option(metavar="P", min=0.5, max=1.0, help="Probability of keeping all limits that is asked for.")
    ] = 0.95,
    rope: Annotated[
        float, typer.Option(metavar="UTILITY", min=0, help="Variants closer than this in utility are equal.")
    ] = 0.0,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Decide by several metrics at once.

    Best quality with hallucination at most 5 % and latency at most 2 s, or quality against cost: one table and one decision.
    A fit that is not to be trusted gives no probability (exit code 3).
    """
    from expsim_bayes.objectives import advice, weigh
    from expsim_bayes.objectives import limit as read_limit

    screen = Screen(as_json=as_json)
    metrics = _metrics(fits, lower_is_better or [], screen)
    weights = _weights(best, utility, metrics)
    weighed = weigh(
        metrics,
        weights,
        [read_limit(text) for text in limit or ()],
        control=control,
        threshold=threshold,
        limit_threshold=limit_threshold,
        rope=rope,
        random_seed=seed,
    )
    told = advice(weighed)
    screen.table(
        table(weighed), bold=[i for i, c in enumerate(weighed.candidates) if c.name == weighed.decision.variant]
    )
    screen.heading(told.headline, style=STYLES[weighed.decision.name])
    screen.labelled(
        [
            ("Do", told.what_to_do),
            ("How sure", told.how_sure),
            ("Limits", told.limits),
            ("Assumed", told.taken_for_granted),
        ]
    )
    screen.emit(as_object(weighed))
    if weighed.decision.name == "refuse":
        raise typer.Exit(exits.REFUSED)


def table(weighed: Weighed) -> list[Column]:
    """One row a variant: its metrics, what it gains in utility, which limits it keeps, how probably it is the best."""
    from expsim_bayes.objectives.words import limit_text

    rows = weighed.candidates
    against = f"against {short(weighed.control, 14)}" if weighed.control else "against the mean"
    shown = len(weighed.weights) > 1
    return [
        Column("Variant", tuple(short(c.name) for c in rows), justify="left"),
        *(
            Column(
                f"{metric.name} ({level(weighed.ci_prob)})",
                tuple(
                    (
                        quantity(c.metrics[m].mean, metric.unit),
                        f"{quantity(c.metrics[m].low, metric.unit)} to {quantity(c.metrics[m].high, metric.unit)}",
                    )
                    for c in rows
                ),
            )
            for m, metric in enumerate(weighed.metrics)
        ),
        Column(
            f"Utility {against}",
            tuple((signed(c.utility.mean), f"{points(c.utility.low)} to {points(c.utility.high)}") for c in rows)
            if shown
            else ("",) * len(rows),
        ),
        *(
            Column(f"P({limit_text(each, weighed)})", tuple(brief_percent(c.keeps[n]) for c in rows))
            for n, each in enumerate(weighed.limits)
        ),
        Column("P(all limits)", tuple(brief_percent(c.keeps_all) if len(weighed.limits) > 1 else "" for c in rows)),
        Column(
            "P(best)",
            tuple(brief_percent(c.prob_best) if c.launchable or c.name == weighed.control else "-" for c in rows),
        ),
        Column(
            "P(best that keeps them)",
            tuple(brief_percent(c.prob_best_within) if weighed.limits else "" for c in rows),
            spare=True,
        ),
    ]


def as_object(weighed: Weighed) -> dict[str, object]:
    """What --json prints: the decision and its numbers, without the draws."""
    from expsim_bayes.objectives import advice

    metrics = [{key: value for key, value in m._asdict().items() if key != "draws"} for m in weighed.metrics]
    fields = ("decision", "limits", "control", "threshold", "limit_threshold", "rope", "left_out", "ci_prob")
    numbers_ = () if weighed.decision.name == "refuse" else ("candidates", "prob_none", "prob_equivalent", "mcse")
    return {
        **{name: plain(getattr(weighed, name)) for name in (*fields, *numbers_)},
        "weights": dict(weighed.weights),
        "metrics": plain(metrics),
        "recommendation": plain(advice(weighed)),
    }


def _metrics(fits: Sequence[str], lower: Sequence[str], screen: Screen) -> list[Metric]:
    from expsim_bayes.objectives import metric_of

    named = pairs(fits, option="METRIC=FIT", example=EXAMPLE)
    for name in lower:
        if name not in named:
            raise SettingError(
                f"no metric is called {name!r}", where="--lower-is-better", remedy=f"choose among {', '.join(named)}"
            )
    trees, found = {}, []
    for name, text in named.items():
        path, variable = _place(text)
        if path not in trees:
            trees[path] = opened(path, screen)
        metric = metric_of(trees[path], name, fit=str(path), variable=variable)
        found.append(metric._replace(higher_is_better=False) if name in lower else metric)
    return found


def _place(text: str) -> tuple[Path, str]:
    """Path and variable of PATH or PATH:VARIABLE.

    Examples
    --------
    >>> _place("out/calls:p95")[1], _place("out/stars")[1]
    ('p95', 'quality')
    """
    path, colon, variable = text.rpartition(":")
    if colon and variable.isidentifier() and not Path(text).exists():
        return Path(path), variable
    return Path(text), "quality"


def _weights(best: str | None, utility: Sequence[str] | None, metrics: Sequence[Metric]) -> dict[str, float]:
    """Utility a unit of each metric that counts."""
    if (best is None) == (not utility):
        raise SettingError(
            "what is best is not said" if best is None else "what is best is said twice",
            where="--best, --utility",
            remedy="give either --best METRIC, or --utility METRIC=WEIGHT for each metric that counts",
        )
    if best is None:
        return numbers(utility, option="--utility", example="quality=1")
    direction = {metric.name: metric.higher_is_better for metric in metrics}
    if best not in direction:
        raise SettingError(
            f"no metric is called {best!r}", where="--best", remedy=f"choose among {', '.join(direction)}"
        )
    return {best: 1.0 if direction[best] else -1.0}
