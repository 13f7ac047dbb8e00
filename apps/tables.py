"""What a simulated experiment says, as tables; cells are data and are never read as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from expsim_bayes.amounts import change, count, dollars, duration, level, percent, quantity
from expsim_bayes.plots.operating import WHO
from expsim_bayes.wording import took_part_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from expsim_bayes.apps.answers import Many
    from expsim_bayes.facts import Facts, Interval


def variants(facts: Facts) -> pd.DataFrame:
    """One row a variant: what is known of it, the truth, and what it costs in use."""
    unit = facts.unit
    return pd.DataFrame(
        [
            {
                "Variant": v.name,
                f"Quality ({level(facts.ci_prob)} interval)": _spread(v.quality, unit),
                f"Against {facts.baseline}": "" if v.effect is None else change(v.effect.mean, unit),
                "Chance of being best": percent(v.prob_best),
                "Truth": "" if v.true_quality is None else quantity(v.true_quality, unit),
                took_part_in(facts).capitalize(): count(v.outputs),
                "A call costs": "" if v.usd_per_output is None else dollars(v.usd_per_output),
                "A call takes": "" if v.latency_s is None else f"{v.latency_s:.2g} s",
            }
            for v in facts.variants
        ]
    )


def _spread(value: Interval, unit: str) -> str:
    """A quality with its interval; alone where it is known, as of a variant that others are compared with."""
    mean, low, high = (quantity(part, unit) for part in (value.mean, value.low, value.high))
    return mean if low == high else f"{mean} ({low} to {high})"


def evaluators(facts: Facts) -> pd.DataFrame:
    """One row an evaluator: how much it rated, and what that cost."""
    return pd.DataFrame(
        [
            {
                "Rated by": e.name,
                "Kind": {"llm": "judge", "human": "people"}.get(e.kind, e.kind),
                "Raters": count(e.raters),
                f"{facts.rated.capitalize()}s": count(e.ratings),
                "Cost": "" if e.usd is None else dollars(e.usd),
                f"One {facts.rated} costs": dollars(e.usd / e.ratings) if e.usd is not None and e.ratings else "",
            }
            for e in facts.evaluators
        ]
    )


def ways(found: Mapping[tuple[str, str], Many]) -> pd.DataFrame:
    """One row a way of running an experiment."""
    return pd.DataFrame(
        [
            {
                "Run as": strategy,
                "Rated by": WHO[who],
                "Ends right": percent(many.achieved.right.value),
                "False launches if equal": percent(many.false_launch.value),
                "Undecided": percent(many.achieved.undecided.value),
                "Costs": dollars(many.achieved.usd.value),
                "Takes": duration(many.achieved.days.value),
                "Ratings": count(many.achieved.ratings.value),
            }
            for (strategy, who), many in found.items()
        ]
    )
