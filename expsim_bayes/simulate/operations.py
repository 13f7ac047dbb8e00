"""Pretend calls: a declared truth turned into amounts used up, with the quantiles and means of new calls on new items.

The story is that of `expsim_bayes.models.operations`, told once more with plain NumPy.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import model_validator

from expsim_bayes.errors import SettingError
from expsim_bayes.frozen import Frozen
from expsim_bayes.ratings import Ratings, validate

CALLS = 2_000_000
"""Draws of new calls behind `quality`."""


class Truth(Frozen):
    """What is true of the calls of some variants; q, SDs and noise are in logs of the amount.

    Examples
    --------
    >>> Truth(items=10).q
    (0.0, 0.4, -0.5)
    """

    q: tuple[float, ...] = (0.0, 0.4, -0.5)
    """Log of the typical amount of each variant. The variants are called A, B, C and so on, and A is the control."""
    sd_noise: tuple[float, ...] = (0.3, 0.4, 0.6)
    """Scale of the noise from call to call of each variant; logs."""
    tail: float = 5.0
    """Degrees of freedom of the Student-t noise; no unit."""
    sd_item: float = 0.4
    """SD between items; logs."""
    sd_interaction: float = 0.15
    """SD of what a variant takes more on some items; logs."""
    share_zero: float = 0.0
    """Share of calls that use nothing; no unit."""
    measure: Literal["latency_s", "cost", "tokens_out", "tokens_in"] = "latency_s"
    """What the amounts are: seconds, dollars or tokens."""
    items: int = 80
    """Items, each given to all variants; count."""
    calls: int = 3
    """Calls of each variant on each item; count."""

    @model_validator(mode="after")
    def _possible(self) -> Truth:
        if not 1 <= len(self.q) <= 26 or len(self.sd_noise) != len(self.q):
            raise SettingError(
                f"{len(self.q)} variants and {len(self.sd_noise)} scales of noise",
                where="truth.q",
                remedy="give one of each for 1 to 26 variants",
            )
        return self

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants."""
        return tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(self.q)])


def ratings(truth: Truth, random_seed: int = 0) -> Ratings:
    """Calls drawn from a truth.

    Examples
    --------
    >>> ratings(Truth(items=2, calls=1)).outcome
    'operations'
    """
    rng = np.random.default_rng(random_seed)
    shape = (truth.items, len(truth.q), truth.calls)
    log = np.array(truth.q)[:, None] + rng.normal(0.0, truth.sd_item, (truth.items, 1, 1))
    log = log + rng.normal(0.0, truth.sd_interaction, shape[:2])[:, :, None]
    log = log + np.array(truth.sd_noise)[:, None] * rng.standard_t(truth.tail, shape)
    amount = np.where(rng.random(shape) < truth.share_zero, 0.0, np.exp(log))
    item, variant, _ = np.indices(shape)
    frame = pd.DataFrame(
        {
            "item": [f"item {i + 1:04d}" for i in item.ravel()],
            "variant": [truth.variants[v] for v in variant.ravel()],
            "repeat": np.indices(shape)[2].ravel() + 1,
            truth.measure: amount.ravel(),
        }
    )
    return validate(frame, source="simulated calls", variants=truth.variants, control="A")


def quality(truth: Truth, summary: Literal["mean", "p50", "p95"] = "p95", random_seed: int = 0) -> NDArray[np.float64]:
    """(variant,) mean, median or 95th percentile of a new call on a new item, from draws; exact to about .3 %.

    In the mean, amounts above the quantile .999 count as that quantile.
    """
    rng = np.random.default_rng(random_seed)
    spread = np.hypot(truth.sd_item, truth.sd_interaction)
    found = []
    for q, noise in zip(truth.q, truth.sd_noise, strict=True):
        amount = np.exp(q + spread * rng.normal(size=CALLS) + noise * rng.standard_t(truth.tail, CALLS))
        amount = np.where(rng.random(CALLS) < truth.share_zero, 0.0, amount)
        if summary == "mean":
            cap = np.quantile(amount[amount > 0], 0.999)
            found.append(float(np.minimum(amount, cap).mean()))
        else:
            found.append(float(np.quantile(amount, {"p50": 0.5, "p95": 0.95}[summary])))
    return np.array(found)


def small(random_seed: int = 0) -> Ratings:
    """A small design for calibration: two variants, ten items, three calls each."""
    return ratings(Truth(q=(0.0, 0.4), sd_noise=(0.3, 0.4), items=10, calls=3), random_seed)
