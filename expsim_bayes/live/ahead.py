"""What to rate next: how many outputs of which variant, by whom, and what is still to come of what was generated."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.allocation import Fixed, choose
from expsim_bayes.live.posterior import seed_of
from expsim_bayes.live.spent import declared_as, outputs_of
from expsim_bayes.simulate import balanced, n_rated_by_people, pairs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.live.monitor import Opened

ALLOCATION = 1_000_000
"""Added to the number of a look for the seed with which its outputs are shared out."""


class Share(NamedTuple):
    """How much of the next look is one variant's."""

    variant: str
    """Its name."""
    outputs: int
    """Outputs of it to generate and have rated; of comparisons, those in which it takes part."""


class Order(NamedTuple):
    """What one evaluator is asked for."""

    evaluator: str
    """Its name in the scenario."""
    kind: str
    """human, llm or metric."""
    ratings: int
    """Ratings."""
    usd: float
    """Dollars for them."""


class Pending(NamedTuple):
    """What one evaluator has still to rate of what was generated."""

    evaluator: str
    """Its name in the scenario."""
    kind: str
    """human, llm or metric."""
    expected: int
    """Outputs that it should rate by the scenario's plan."""
    arrived: int
    """Of them, how many it has rated."""
    by_variant: dict[str, int]
    """Outputs that others have rated and it has not, the first ones up to what is expected, by variant."""
    outputs: tuple[tuple[str, ...], ...]
    """Which ones: variant, item and, where there is one, the output's name."""


class Ahead(NamedTuple):
    """What to do next."""

    look: int
    """Number of the next look."""
    items: int
    """New items."""
    per_item: int
    """Variants that answer each."""
    shares: tuple[Share, ...]
    """Outputs by variant; those that were dropped are not named."""
    orders: tuple[Order, ...]
    """Who is asked for how many ratings of them."""
    usd: float
    """Dollars for the look: ratings and outputs."""
    pending: tuple[Pending, ...]
    """What is still to come; asked for already, so not part of the orders."""
    dropped: tuple[str, ...]
    """Variants that are not asked for."""


def planned(here: Opened) -> Ahead | None:
    """What to rate next, by all ratings so far; None as for `ahead`."""
    from expsim_bayes.live.monitor import batches_of, joined

    return ahead(here, joined(batches_of(here), here).table if here.manifest.batches else None)


def ahead(here: Opened, table: pd.DataFrame | None) -> Ahead | None:
    """The next look by the policy of the strategy; None where fewer than two variants are left to try.

    Parameters
    ----------
    here : Opened
        The experiment, all looks fitted.
    table : DataFrame or None
        All ratings so far; None before the first batch.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from expsim_bayes.live import Settings, begin
    >>> from expsim_bayes.scenario import text_of
    >>> folder = Path(tempfile.mkdtemp()) / "prompts"
    >>> found = ahead(begin(folder, text_of("summarization-prompts")[0], Settings(strategy="sequential")), None)
    >>> [tuple(share) for share in found.shares], [(o.evaluator, o.ratings) for o in found.orders]
    ([('A', 60), ('B', 60)], [('judge', 120), ('crowd', 60)])
    """
    scenario, dropped = here.scenario, here.dropped
    active = tuple(name for name in here.variants if name not in dropped)
    if len(active) < 2:
        return None
    compares = scenario.outcome == "preference" if table is None else "variant_left" in table.columns
    ranks = scenario.outcome == "ranking" if table is None else "rank" in table.columns
    pairs_or_all = scenario.outputs_per_item(here.settings.strategy)
    everyone = pairs_or_all == len(scenario.variants) and not compares
    per_item = 2 if compares else len(active) if everyone else min(pairs_or_all, len(active))
    n_items = max(scenario.outputs_per_look // per_item, 1)
    look = len(here.manifest.batches) + 1
    items_before = 0 if table is None or "item" not in table.columns else int(table["item"].nunique())
    counts = _counts(here, active, n_items=n_items, per_item=per_item, look=look, items_before=items_before)
    shares = tuple(Share(name, int(n)) for name, n in zip(active, counts, strict=True))
    orders = _orders(here, n_items, 1 if compares or ranks else per_item, items_before)
    price = {v.name: v.usd_per_output for v in scenario.variants}
    usd = sum(order.usd for order in orders) + sum(share.outputs * price.get(share.variant, 0.0) for share in shares)
    pending = (
        ()
        if table is None or "variant" not in table.columns or "evaluator" not in table.columns
        else _pending(here, table)
    )
    return Ahead(look, n_items, per_item, shares, orders, usd, pending, dropped)


def _counts(
    here: Opened, active: tuple[str, ...], *, n_items: int, per_item: int, look: int, items_before: int
) -> NDArray[np.intp]:
    """(active variant,) outputs of each at the next look."""
    n = len(active)
    policy = here.scenario.strategies[here.settings.strategy].allocation
    if per_item == n:
        return np.full(n, n_items, dtype=np.intp)
    rng = np.random.default_rng(seed_of(here.settings.seed, ALLOCATION + look))
    if isinstance(policy, Fixed) and here.scenario.outcome == "preference":
        return np.bincount(pairs(n, n_items, items_before).ravel(), minlength=n)
    if isinstance(policy, Fixed):
        told = policy.weights or here.scenario.traffic or {}
        usual = float(np.mean(list(told.values()))) if told else 1.0
        shares = np.array([told.get(name, usual) for name in active])
        if per_item == 1:
            return np.bincount(balanced(shares, n_items, items_before), minlength=n)
        probabilities = shares / shares.sum()
    else:
        probabilities = policy.probabilities(_prob_best(here, active)[None], look)[0]
    drawn = choose(probabilities[None], rng.random((1, n_items, n)), size=per_item)
    return np.bincount(drawn.ravel(), minlength=n)


def _prob_best(here: Opened, active: tuple[str, ...]) -> NDArray[np.float64]:
    """(active variant,) chance of being best; a variant that nobody has rated has an equal share of it."""
    last = here.looks[-1] if here.looks else None
    known = {} if last is None else {v.name: v.prob_best for v in last.variants}
    best = np.array([known.get(name, np.nan) for name in active])
    best = np.where(np.isnan(best), 1.0 / len(active), best)
    total = best.sum()
    return best / total if total > 0 else np.full(len(active), 1.0 / len(active))


def _orders(here: Opened, n_items: int, per_item: int, items_before: int) -> tuple[Order, ...]:
    """Ratings of the next look by evaluator: judges rate every output, people those of the overlap's share of the items."""
    scenario = here.scenario
    before, after = n_rated_by_people(scenario, np.array([items_before, items_before + n_items], dtype=np.intp))
    orders = []
    for one in scenario.evaluators:
        items = int(after - before) if one.kind == "human" else n_items
        ratings = items * per_item * one.ratings_per_output
        price = here.settings.prices.get(one.name, one.usd_per_rating_paid)
        orders.append(Order(one.name, one.kind, ratings, ratings * price))
    return tuple(orders)


def _pending(here: Opened, table: pd.DataFrame) -> tuple[Pending, ...]:
    """What each evaluator has still to rate of the outputs that somebody has rated."""
    known = outputs_of(table[~table["variant"].isin(here.dropped)])
    names = list(known.columns)
    everyone = [tuple(row) for row in known.itertuples(index=False, name=None)]
    people_rate_all = all(e.kind == "human" for e in here.scenario.evaluators)
    found = []
    for one in here.scenario.evaluators:
        own = {tuple(row) for row in _rated_by(one, here, table)[names].itertuples(index=False, name=None)}
        share = 1.0 if one.kind != "human" or people_rate_all else here.scenario.overlap
        expected = int(np.floor(share * len(everyone) + 1e-9))
        arrived = sum(output in own for output in everyone)
        missing = [output for output in everyone if output not in own][: max(expected - arrived, 0)]
        if missing:
            by = {name: sum(output[0] == name for output in missing) for name in here.variants}
            found.append(
                Pending(one.name, one.kind, expected, arrived, {name: n for name, n in by.items() if n}, tuple(missing))
            )
    return tuple(found)


def _rated_by(one: Evaluator, here: Opened, table: pd.DataFrame) -> pd.DataFrame:
    """The ratings of those who stand for an evaluator of the scenario."""
    pairs = table[["evaluator", "kind"]].drop_duplicates()
    stand = []
    for name, kind in pairs.itertuples(index=False, name=None):
        known = declared_as(str(name), str(kind), here.scenario)
        if known is not None and known.name == one.name:
            stand.append(name)
    rated: pd.DataFrame = table[table["evaluator"].isin(stand)]
    return rated
