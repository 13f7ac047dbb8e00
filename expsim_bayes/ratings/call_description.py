"""What a table of calls holds, before any model: counts, amounts by variant and measure, and the limits of what they can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from expsim_bayes.amounts import rough
from expsim_bayes.ratings.calls import code_calls
from expsim_bayes.ratings.limits import EXTREME_IMBALANCE, UNEVEN_MISSING
from expsim_bayes.ratings.wording import count, listing, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from expsim_bayes.ratings.calls import CodedCalls
    from expsim_bayes.ratings.contract import Ratings

FEW = 10
"""Calls below which the priors decide nearly everything."""
FEW_FOR_TAIL = 20
"""Calls of a variant below which fewer than one is expected beyond its 95th percentile."""
FAR = 1_000.0
"""Times the median of its variant beyond which an amount is pointed out."""


@dataclass(frozen=True, eq=False)
class CallDescription:
    """Facts about calls; `sentences` says them in words, `warnings` says what they cannot tell."""

    n_ratings: int
    """Calls."""
    amounts: pd.DataFrame
    """By variant and measure (a MultiIndex of both): `calls, missing, zeros, p50, p95, largest`; NaN where there is nothing."""
    components: tuple[tuple[str, ...], ...]
    """One group of all variants with a call: amounts have units of their own and can always be compared."""
    held: str
    """What there is, in a sentence."""
    warnings: tuple[str, ...]
    """What these calls cannot tell, or only with the help of the priors."""

    def sentences(self) -> tuple[str, ...]:
        """The description in plain words, warnings last."""
        return (self.held, *_sentences(self.amounts), *self.warnings)


def describe_calls(ratings: Ratings) -> CallDescription:
    """Describe calls: counts, amounts, and the limits of what they can tell.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> from expsim_bayes.ratings.call_description import describe_calls
    >>> describe_calls(validate(pd.DataFrame({"variant": ["B", "A"], "item": "1", "latency_s": [1.5, 0.9]}))).held
    '2 calls: 2 variants, 1 item'
    """
    coded = code_calls(ratings)
    total = coded.variant.size
    held = f"{count(total, 'call')}: {count(len(coded.variants), 'variant')}, {count(len(coded.items), 'item')}"
    called = tuple(coded.variants[v] for v in np.unique(coded.variant))
    amounts = _amounts(coded)
    warnings = tuple(f"warning: {found}" for found in _limits(coded, amounts))
    return CallDescription(total, amounts, (called,), held, warnings)


def _amounts(coded: CodedCalls) -> pd.DataFrame:
    rows = {
        (name, measure): _summary(coded.amount[coded.variant == v, m])
        for v, name in enumerate(coded.variants)
        for m, measure in enumerate(coded.measures)
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["calls", "missing", "zeros", "p50", "p95", "largest"])
    frame.index = pd.MultiIndex.from_tuples(list(rows), names=["variant", "measure"])
    whole = ["calls", "missing", "zeros"]
    frame[whole] = frame[whole].astype(np.intp)
    return frame


def _summary(values: NDArray[np.float64]) -> list[float]:
    known = values[~np.isnan(values)]
    middle = np.quantile(known, (0.5, 0.95)).tolist() if known.size else [np.nan, np.nan]
    largest = float(known.max()) if known.size else np.nan
    return [known.size, values.size - known.size, int((known == 0).sum()), *middle, largest]


def _sentences(amounts: pd.DataFrame) -> Iterator[str]:
    for measure in amounts.index.unique("measure"):
        of_measure = amounts.xs(measure, level="measure")
        called = of_measure[of_measure["calls"] > 0]
        parts = [
            f"{quote(variant)} {p50:.3g} (95th percentile {p95:.3g})"
            for variant, p50, p95 in zip(called.index, called["p50"], called["p95"], strict=True)
        ]
        more = f" and {len(parts) - 8} more" if len(parts) > 8 else ""
        yield f"median {measure}: {', '.join(parts[:8])}{more}"


def _limits(coded: CodedCalls, amounts: pd.DataFrame) -> Iterator[str]:
    if coded.variant.size < FEW:
        yield f"only {count(coded.variant.size, 'call')}: the priors decide nearly everything"
    if len(coded.variants) == 1:
        yield f"one variant, {quote(coded.variants[0])}: what it takes can be estimated, but there is nothing to compare it with"
    each = pd.Series(np.bincount(coded.variant, minlength=len(coded.variants)), index=list(coded.variants))
    absent, called = each.index[each == 0], each[each > 0]
    if len(absent):
        yield f"no calls of {listing(absent)}: only the prior speaks of {'it' if len(absent) == 1 else 'them'}"
    if len(called) and called.max() > EXTREME_IMBALANCE * called.min():
        yield (
            f"very unequal numbers of calls ({quote(called.idxmax())} {called.max():,}, {quote(called.idxmin())} {called.min():,}): "
            "the smaller number decides how sure a comparison can be"
        )
    few = called.index[called < FEW_FOR_TAIL]
    if len(few):
        yield f"fewer than {FEW_FOR_TAIL} calls of {listing(few)}: 95th percentiles are read off the assumed shape of the tail"
    if len(coded.items) == 1:
        yield "one item: nothing is known about how results carry over to others"
    elif len(coded.items) == coded.variant.size and len(coded.items) > 1:
        yield "every item has one call: how much items differ is part of the noise, and stays in the comparison"
    for measure, of_measure in amounts.groupby(level="measure", sort=False):
        yield from _measure(str(measure), of_measure.droplevel("measure"))


def _measure(measure: str, amounts: pd.DataFrame) -> Iterator[str]:
    known = amounts[amounts["calls"] > 0]
    if not len(known):
        yield f"every {measure} is missing"
        return
    share = known["missing"] / (known["missing"] + known["calls"])
    if share.max() - share.min() > UNEVEN_MISSING:
        yield (
            f"{measure} is missing unevenly ({quote(share.idxmax())} {rough(share.max())}, {quote(share.idxmin())} {rough(share.min())}): "
            "if calls that failed or ran out of time are the missing ones, the comparison flatters"
        )
    if known["zeros"].any():
        yield f"{measure} is zero in {count(int(known['zeros'].sum()), 'call')}"
    far = known.index[known["largest"] > FAR * known["p50"].where(known["p50"] > 0)]
    if len(far):
        yield (
            f"the largest {measure} of {listing(far)} is more than {FAR:,.0f} times the median ({known['largest'].max():.3g}): "
            "see whether it was recorded in another unit"
        )
