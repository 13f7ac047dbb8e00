"""What the ratings so far have cost, by the prices that the scenario declares, and who of those who rated is whom in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.costs import elapsed_days
from expsim_bayes.ratings import taking_part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.live.settings import Settings
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.scenario import Scenario


class Paid(NamedTuple):
    """What one evaluator did and cost."""

    name: str
    """Its name in the ratings."""
    kind: str
    """human, llm or metric."""
    declared: str | None
    """Its name in the scenario: the same, else the first of its kind there; None where there is none."""
    ratings: int
    """Ratings so far."""
    usd: float | None
    """Dollars for them; None where no price is known."""


class Spent(NamedTuple):
    """What was spent so far."""

    evaluators: tuple[Paid, ...]
    """Those who rated."""
    outputs: dict[str, int]
    """Outputs so far, by variant."""
    usd_generation: dict[str, float]
    """Dollars to generate them, by variant."""
    days: float
    """Days that all looks took, by the speeds that the scenario declares."""

    @property
    def ratings(self) -> int:
        """Ratings so far."""
        return sum(paid.ratings for paid in self.evaluators)

    @property
    def usd(self) -> float:
        """Dollars so far, as far as prices are known."""
        return sum(paid.usd or 0.0 for paid in self.evaluators) + sum(self.usd_generation.values())

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Evaluators whose price is not known."""
        return tuple(paid.name for paid in self.evaluators if paid.usd is None)


def declared_as(name: str, kind: str, scenario: Scenario) -> Evaluator | None:
    """The evaluator of the scenario that one of the ratings stands for: of the same name, else the first of its kind.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> scenario = load("summarization-prompts")
    >>> [declared_as(*who, scenario).name for who in (("judge", "llm"), ("my panel", "human"), ("gpt", "llm"))]
    ['judge', 'crowd', 'judge']
    """
    same = [e for e in scenario.evaluators if e.name == name and e.kind == kind]
    alike = [e for e in scenario.evaluators if e.kind == kind]
    return next(iter([*same, *alike]), None)


def spent(batches: Sequence[Ratings], table: pd.DataFrame, scenario: Scenario, settings: Settings) -> Spent:
    """What the batches have cost.

    Parameters
    ----------
    batches : sequence of Ratings
        One a look.
    table : DataFrame
        All of them, as one table.
    scenario : Scenario
        Prices and speeds.
    settings : Settings
        Prices that differ from the scenario's.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.live.settings import Settings
    >>> from expsim_bayes.ratings import validate
    >>> from expsim_bayes.scenario import load
    >>> frame = pd.DataFrame({"variant": ["A", "B"], "item": "1", "rater": "ann", "score": [3, 4], "kind": "human"})
    >>> found = spent([validate(frame)], validate(frame).table, load("summarization-prompts"), Settings(strategy="ab"))
    >>> found.ratings, round(found.usd, 4), found.outputs
    (2, 0.6005, {'A': 1, 'B': 1})
    """
    counts: dict[tuple[str, str], int] = {}
    days = 0.0
    for batch in batches:
        here = _counted(batch)
        for who, n in here.items():
            counts[who] = counts.get(who, 0) + n
        days += _days(here, scenario)
    outputs = outputs_of(table)
    made = {v: len(outputs[outputs["variant"] == v]) for v in sorted(outputs["variant"].unique())}
    price = {variant.name: variant.usd_per_output for variant in scenario.variants}
    return Spent(
        evaluators=tuple(_paid(name, kind, n, scenario, settings.prices) for (name, kind), n in sorted(counts.items())),
        outputs=made,
        usd_generation={v: n * price.get(v, 0.0) for v, n in made.items()},
        days=days,
    )


def outputs_of(table: pd.DataFrame) -> pd.DataFrame:
    """One row an output that was rated: variant, item and, where there is one, its name."""
    if "variant" in table.columns:
        names = [name for name in ("variant", "item", "output") if name in table.columns]
        return table[names].drop_duplicates(ignore_index=True)
    sides = [
        table[[side, "item"]].rename(columns={side: "variant"})
        for side in ("variant_left", "variant_right")
        if "item" in table.columns
    ]
    import pandas as pd

    both: pd.DataFrame = pd.concat(sides) if sides else pd.DataFrame({"variant": [], "item": []}, dtype=str)
    return both.drop_duplicates(ignore_index=True)


def prices_of(ratings: Ratings, scenario: Scenario, settings: Settings) -> dict[str, float]:
    """Dollars a rating of those who rated, as far as they are known."""
    who = taking_part(ratings)
    paid = [
        _paid(name, kind, 1, scenario, settings.prices) for name, kind in zip(who.evaluators, who.kinds, strict=True)
    ]
    return {one.name: one.usd for one in paid if one.usd is not None}


def _paid(name: str, kind: str, n: int, scenario: Scenario, prices: Mapping[str, float]) -> Paid:
    declared = declared_as(name, kind, scenario)
    price = prices.get(name, None if declared is None else declared.usd_per_rating_paid)
    return Paid(name, kind, None if declared is None else declared.name, n, None if price is None else n * price)


def _counted(batch: Ratings) -> dict[tuple[str, str], int]:
    """Ratings of a batch by evaluator and kind."""
    who = taking_part(batch)
    return {
        (name, kind): int(n) for name, kind, n in zip(who.evaluators, who.kinds, who.by_evaluator, strict=True) if n
    }


def _days(counts: Mapping[tuple[str, str], int], scenario: Scenario) -> float:
    """Days until the slowest of those who rated a batch had rated it."""
    longest = 0.0
    for (name, kind), n in counts.items():
        known = declared_as(name, kind, scenario)
        if known is not None:
            took = elapsed_days(
                n,
                seconds_each=known.seconds_per_rating,
                parallel=known.parallel,
                hours_per_day=known.hours_per_day,
                turnaround_hours=known.turnaround_hours,
            )
            longest = max(longest, float(np.max(took)))
    return longest
