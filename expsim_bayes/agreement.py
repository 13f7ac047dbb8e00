"""How far raters agree, without a model: Krippendorff's alpha, Cohen's kappa and raw agreement, each with an interval.

What two raters may agree on is a *unit*: an output (with its criterion) that is scored, or a pair of variants on an item that are compared.
Intervals come from a bootstrap over items, so that units of one item stay together. Alpha is from `krippendorff`, kappa from `statsmodels`.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings.contract import SIDES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

    Codes = NDArray[np.intp]
    Floats = NDArray[np.float64]

Level = Literal["nominal", "ordinal", "interval"]
"""What values mean: names, steps in order, or amounts."""
BOOTSTRAP = 1_000
"""Resamples of the items; the Monte-Carlo error of an end of a 95 % interval is then less than a tenth of the standard error."""
MOST_STEPS = 20
"""Whole points with more values than this are amounts."""
FEWEST_UNITS = 10
"""Two raters who share fewer units are not compared."""


class Measure(NamedTuple):
    """A measure of agreement with its interval; NaN where it is not defined (all values equal)."""

    value: float
    low: float
    high: float


class Alpha(NamedTuple):
    """Krippendorff's alpha among some raters: 1 is perfect, 0 is what chance gives."""

    who: str
    """ "people", "judges" or "everyone"."""
    raters: int
    units: int
    """Units with two values or more."""
    alpha: Measure


class Pair(NamedTuple):
    """Two raters, or a judge and people, on the units that both rated."""

    first: str
    second: str
    units: int
    """Pairs of values."""
    agreement: Measure
    """Share of pairs that are equal."""
    kappa: Measure
    """Cohen's kappa; with quadratic weights where steps have an order; alpha of the two where values are amounts."""


class Agreement(NamedTuple):
    """Everything that is said of how far raters agree."""

    level: Level
    alphas: tuple[Alpha, ...]
    pairs: tuple[Pair, ...]
    """Persons with each other, and judges with each other; none of slots."""
    against_people: tuple[Pair, ...]
    """Each judge with single persons, all persons together."""
    against_majority: tuple[Pair, ...]
    """Each judge with what most people said, where values are names."""
    notes: tuple[str, ...]
    """What could not be compared, and why."""
    ci_prob: float


class _Units(NamedTuple):
    """Values on units; R values."""

    value: Codes
    """(R,) codes into `values`."""
    unit: Codes
    """(R,)"""
    rater: Codes
    """(R,) codes into `raters`."""
    item: Codes
    """(unit,) item of each unit."""
    values: Floats
    raters: tuple[str, ...]
    person: NDArray[np.bool_]
    """(rater,) whether it is a person."""
    slot: NDArray[np.bool_]
    """(rater,) whether its name is a slot."""


class _How(NamedTuple):
    """How agreement is measured."""

    level: Level
    draws: Floats
    """(resample, item) how often each item is in a resample."""
    tail: float
    """Probability beyond each end of an interval."""


def agreement(
    ratings: Ratings,
    *,
    level: Level | None = None,
    ci_prob: float = 0.95,
    random_seed: int = 0,
    resamples: int = BOOTSTRAP,
) -> Agreement:
    """How far the raters of a table agree.

    Parameters
    ----------
    ratings : Ratings
        Scores or comparisons.
    level : str, optional
        What values mean. Unless told, comparisons and scores of two values are nominal, whole points up to 20 of them ordinal, others
        interval.
    ci_prob : float
        Probability of the intervals.
    random_seed : int
        Of the bootstrap.
    resamples : int
        Of the items.

    Raises
    ------
    RatingsError
        The table holds rankings, calls or counted comparisons.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> rows = [("A", str(i), rater, i % 2) for i in range(12) for rater in ("ann", "bob")]
    >>> found = agreement(validate(pd.DataFrame(rows, columns=["variant", "item", "rater", "score"]), compare=False))
    >>> found.level, found.alphas[0].alpha.value, found.pairs[0].kappa.value
    ('nominal', 1.0, 1.0)
    """
    seen = _units(ratings)
    scale = level or _level(ratings, seen.values)
    how = _How(scale, _resampled(seen, resamples, random_seed), (1 - ci_prob) / 2)
    people, judges = np.flatnonzero(seen.person), np.flatnonzero(~seen.person)
    groups = {"people": people, "judges": judges, "everyone": np.arange(len(seen.raters))}
    wanted = [
        who
        for who, chosen in groups.items()
        if len(chosen) > 1 and not (who == "everyone" and not (len(people) and len(judges)))
    ]
    alphas = [group for who in wanted if (group := _alpha(seen, who, groups[who], how))]
    notes = []
    if len(seen.raters) == 1:
        notes.append(f"Only {seen.raters[0]!r} rated: with one rater there is no agreement to measure.")
    elif not alphas:
        notes.append("No unit was rated by two raters, so there is no agreement to measure.")
    named = [int(r) for r in (*people, *judges) if not seen.slot[r]]
    if seen.slot.any():
        notes.append("Rater names that are slots are not compared with each other: the persons behind them change.")
    couples = [(a, b) for a, b in combinations(named, 2) if seen.person[a] == seen.person[b]]
    pairs = [found for a, b in couples if (found := _pair(seen, [a], [b], how))]
    if len(pairs) < len(couples):
        notes.append(
            f"{len(couples) - len(pairs)} pairs of raters share fewer than {FEWEST_UNITS} units and are left out."
        )
    against = [found for j in judges if len(people) and (found := _pair(seen, [int(j)], people, how))]
    most = _majority(seen, notes) if scale == "nominal" and len(people) > 1 and len(judges) else None
    voted = [found for j in judges if most and (found := _pair(most, [int(j)], [len(seen.raters)], how))]
    return Agreement(scale, tuple(alphas), tuple(pairs), tuple(against), tuple(voted), tuple(notes), ci_prob)


def _units(ratings: Ratings) -> _Units:
    """Values, units and raters of a table of scores or comparisons."""
    table = ratings.table
    if ratings.outcome == "score":
        table = table[table["score"].notna()]
        keys = [name for name in ("item", "variant", "output", "criterion") if name in table.columns]
        value = table["score"].to_numpy(np.float64)
        first = np.zeros(len(table), dtype=np.intp)
    elif ratings.outcome == "comparison":
        table = table[table["outcome"] != ""]
        if (table["weight"] != 1).any():
            raise RatingsError(
                "counted comparisons do not say who agreed with whom",
                where=ratings.source,
                remedy="give one row a comparison",
            )
        swapped = (table["variant_left"] > table["variant_right"]).to_numpy(dtype=bool)
        low = table["variant_left"].where(~swapped, table["variant_right"])
        high = table["variant_right"].where(~swapped, table["variant_left"])
        table = table.assign(low=low, high=high)
        keys = [name for name in ("item", "low", "high", "criterion") if name in table.columns]
        side = pd.Index(SIDES, dtype="str").get_indexer(pd.Index(table["outcome"])).astype(np.float64)
        value = np.where(swapped, 2.0 - side, side)
        first = swapped.astype(np.intp)
    else:
        raise RatingsError(
            f"agreement is measured of scores and comparisons, and this table holds {ratings.outcome}",
            where=ratings.source,
            remedy="name a file with a column 'score' or 'outcome'",
        )
    if not len(table):
        raise RatingsError("there is no rating", where=ratings.source, remedy="name a file with ratings")
    who = table["evaluator"] + "\0" + table["rater"]
    order = first if "repeat" not in table.columns else table["repeat"]
    frame = table[keys].assign(_who=who.to_numpy(), _first=first, _order=np.asarray(order), _value=value)
    frame = frame.sort_values(["_first", "_order"], kind="stable")
    frame["_again"] = frame.groupby([*keys, "_who"], sort=False).cumcount().to_numpy()
    unit = frame.groupby([*keys, "_again"], sort=False).ngroup().to_numpy().astype(np.intp)
    item = pd.factorize(frame["item"])[0].astype(np.intp)
    codes, raters = pd.factorize(frame["_who"], sort=True)
    values, coded = np.unique(frame["_value"].to_numpy(np.float64), return_inverse=True)
    kind = table.assign(_who=who).drop_duplicates("_who").set_index("_who")["kind"].loc[list(raters)]
    plain = [name.split("\0")[1] for name in raters]
    names = tuple(p if plain.count(p) == 1 else name.replace("\0", "/") for p, name in zip(plain, raters, strict=True))
    of_unit = np.zeros(int(unit.max()) + 1, dtype=np.intp)
    of_unit[unit] = item
    return _Units(
        coded.ravel().astype(np.intp),
        unit,
        codes.astype(np.intp),
        of_unit,
        values,
        names,
        (kind == "human").to_numpy(dtype=bool),
        kind.isin(list(ratings.anonymous_kinds)).to_numpy(dtype=bool),
    )


def _level(ratings: Ratings, values: Floats) -> Level:
    if ratings.outcome == "comparison" or len(values) <= 2:
        return "nominal"
    return "ordinal" if len(values) <= MOST_STEPS and (values == np.floor(values)).all() else "interval"


def _resampled(seen: _Units, resamples: int, seed: int) -> Floats:
    """(resample, item) how often each item is in a resample."""
    items = int(seen.item.max()) + 1
    rng = np.random.default_rng(seed)
    return rng.multinomial(items, np.full(items, 1 / items), size=resamples).astype(np.float64)


def _measure(value: float, resampled: Sequence[float] | Floats, tail: float) -> Measure:
    known = np.asarray(resampled)[np.isfinite(resampled)]
    if not np.isfinite(value) or not known.size:
        return Measure(value, np.nan, np.nan)
    low, high = np.quantile(known, (tail, 1 - tail))
    return Measure(value, float(low), float(high))


def _alpha(seen: _Units, who: str, chosen: Sequence[int] | Codes, how: _How) -> Alpha | None:
    """Alpha among the chosen raters; None where no unit has two of their values."""
    kept = np.isin(seen.rater, chosen)
    counts = np.zeros((len(seen.item), len(seen.values)))
    np.add.at(counts, (seen.unit[kept], seen.value[kept]), 1)
    shared = counts.sum(axis=1) > 1
    if not shared.any():
        return None
    taking_part = len(np.unique(seen.rater[kept & shared[seen.unit]]))
    found = _alpha_measure(counts[shared], seen.item[shared], seen.values, how)
    return Alpha(who, taking_part, int(shared.sum()), found)


def _alpha_measure(counts: Floats, item: Codes, values: Floats, how: _How) -> Measure:
    """Alpha of (unit, value) counts with its interval."""
    value = _alpha_of(counts, values, how.level)
    if how.level == "interval":
        return _measure(value, _interval_alphas(counts, item, values, how.draws), how.tail)
    resampled = [_alpha_of(np.repeat(counts, w[item].astype(int), axis=0), values, how.level) for w in how.draws]
    return _measure(value, resampled, how.tail)


def _alpha_of(counts: Floats, values: Floats, level: Level) -> float:
    """Krippendorff's alpha of (unit, value) counts; NaN where all values are equal."""
    import krippendorff

    used = counts.any(axis=0)
    if used.sum() < 2:
        return float("nan")
    return float(
        krippendorff.alpha(value_counts=counts[:, used], value_domain=values[used], level_of_measurement=level)
    )


def _interval_alphas(counts: Floats, item: Codes, values: Floats, draws: Floats) -> Floats:
    """(resample,) alphas of amounts, from sums by item: squared differences within units over those among all values."""
    size, total, squares = counts.sum(axis=1), counts @ values, counts @ values**2
    within = (size * squares - total**2) / (size - 1)
    n, x, xx, inside = (draws @ np.bincount(item, w, minlength=draws.shape[1]) for w in (size, total, squares, within))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(1 - (n - 1) * inside / (n * xx - x**2))


def _pair(seen: _Units, first: Sequence[int] | Codes, second: Sequence[int] | Codes, how: _How) -> Pair | None:
    """Agreement of two sides, each value of the one with each of the other on the same unit; None where they share too little."""
    a, b = np.isin(seen.rater, first), np.isin(seen.rater, second)
    left = pd.DataFrame({"unit": seen.unit[a], "x": seen.value[a]})
    both = left.merge(pd.DataFrame({"unit": seen.unit[b], "y": seen.value[b]}), on="unit")
    if len(both) < FEWEST_UNITS:
        return None
    names = [seen.raters[int(s[0])] if len(s) == 1 else "a person" for s in (first, second)]
    x, y = both["x"].to_numpy(), both["y"].to_numpy()
    item, items, n = seen.item[both["unit"].to_numpy()], how.draws.shape[1], len(seen.values)
    if how.level == "interval":
        counts = np.zeros((len(both), n))
        np.add.at(counts, (np.arange(len(both)), x), 1)
        np.add.at(counts, (np.arange(len(both)), y), 1)
        kappa = _alpha_measure(counts, item, seen.values, how)
    else:
        of_item = np.zeros((items, n * n))
        np.add.at(of_item, (item, x * n + y), 1)
        value = _kappa_of(of_item.sum(axis=0).reshape(n, n), seen.values, how.level)
        resampled = [_kappa_of(table.reshape(n, n), seen.values, how.level) for table in how.draws @ of_item]
        kappa = _measure(value, resampled, how.tail)
    equal, pairs = (np.bincount(item, w, minlength=items) for w in ((x == y).astype(float), np.ones(len(both))))
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = (how.draws @ equal) / (how.draws @ pairs)
    return Pair(names[0], names[1], len(both), _measure(float((x == y).mean()), shares, how.tail), kappa)


def _kappa_of(table: Floats, values: Floats, level: Level) -> float:
    """Cohen's kappa of a table of counts, with quadratic weights where steps have an order; NaN where only one value was used."""
    from statsmodels.stats.inter_rater import cohens_kappa

    used = table.any(axis=0) | table.any(axis=1)
    if used.sum() < 2:
        return float("nan")
    told = {} if level == "nominal" else {"weights": values[used], "wt": "quadratic"}
    return float(cohens_kappa(table[np.ix_(used, used)], return_results=False, **told))


def _majority(seen: _Units, notes: list[str]) -> _Units:
    """With one more rater: what most people said, where most said the same."""
    counts = np.zeros((len(seen.item), len(seen.values)))
    people = seen.person[seen.rater]
    np.add.at(counts, (seen.unit[people], seen.value[people]), 1)
    top = counts.max(axis=1)
    settled = (top > 0) & ((counts == top[:, None]).sum(axis=1) == 1)
    split = int(((top > 0) & ~settled).sum())
    if split:
        notes.append(
            f"On {split} units people were split evenly: no majority, so they are left out where one is asked for."
        )
    unit = np.flatnonzero(settled)
    return seen._replace(
        value=np.concatenate([seen.value, counts[unit].argmax(axis=1)]),
        unit=np.concatenate([seen.unit, unit]),
        rater=np.concatenate([seen.rater, np.full(unit.size, len(seen.raters))]),
        raters=(*seen.raters, "most people"),
    )
