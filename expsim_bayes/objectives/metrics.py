"""What is measured of every variant, as a posterior, and the limits it must keep."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import numpy as np

from expsim_bayes.errors import SettingError
from expsim_bayes.posterior.fitted import stacked

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Direction(NamedTuple):
    """In what a variable is measured, and which way is better; None as the quality of its fit."""

    unit: str | None
    higher_is_better: bool | None


MEASURED = {
    "quality": Direction(None, None),
    "mean": Direction(None, None),
    "p50": Direction(None, None),
    "p95": Direction(None, None),
    "prob_first": Direction("share", higher_is_better=True),
    "prob_no_error": Direction("share", higher_is_better=True),
    "mean_size": Direction("points", higher_is_better=False),
}
"""Variables of fits that have one value a variant and a better side."""


class Metric(NamedTuple):
    """One thing that is measured of every variant, as a posterior."""

    name: str
    """What it is called where weights and limits are given."""
    variants: tuple[str, ...]
    """Names of the variants."""
    draws: Floats
    """(draw, variant) posterior draws, in units of the metric."""
    fit: str
    """Which fit it comes from: metrics with the same text are drawn together."""
    unit: str = "points"
    """A unit of `expsim_bayes.amounts.UNITS`."""
    higher_is_better: bool = True
    """Its direction."""
    control: str | None = None
    """The variant in use today, as its fit has it."""
    verdict: Literal["ok", "caution", "refuse"] = "ok"
    """Of the gate on its fit."""
    reasons: tuple[str, ...] = ()
    """Why not ok."""
    ess: float | None = None
    """Effective draws of its least certain variant; the number of draws unless told."""


class Limit(NamedTuple):
    """What a metric may be at most, or must be at least."""

    metric: str
    """Name of the metric."""
    sign: Literal["<=", ">="]
    """Which side is within."""
    bound: float
    """In units of the metric; beside a control, what is added to the control's value."""
    against_control: bool = False
    """Whether the bound is counted from the control."""

    def __str__(self) -> str:
        if not self.against_control:
            return f"{self.metric} {self.sign} {self.bound:g}"
        return f"{self.metric} {self.sign} control {'+' if self.bound >= 0 else '-'} {abs(self.bound):g}"


_LIMIT = re.compile(r"\s*(?P<metric>.+?)\s*(?P<sign><=|>=)\s*(?P<control>control)?\s*(?P<bound>[-+]?\s*[0-9.eE+-]*)\s*")


def limit(text: str) -> Limit:
    """A limit as people write it.

    Parameters
    ----------
    text : str
        A metric, <= or >=, and a number in units of the metric, or "control" and what is added to it.

    Returns
    -------
    Limit
        The same, read.

    Raises
    ------
    SettingError
        It cannot be read.

    Examples
    --------
    >>> limit("latency<=2"), str(limit("hallucination <= control + 0.02"))
    (Limit(metric='latency', sign='<=', bound=2.0, against_control=False), 'hallucination <= control + 0.02')
    """
    found = _LIMIT.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        number = found["bound"].replace(" ", "")
        bound = float(number) if number or not found["control"] else 0.0
        if not np.isfinite(bound):
            raise ValueError
    except ValueError:
        raise SettingError(
            f"{text!r} is no limit",
            where="--limit",
            remedy='write it like --limit "latency<=2" or --limit "hallucination<=control+0.02"',
        ) from None
    return Limit(found["metric"], cast('Literal["<=", ">="]', found["sign"]), bound, found["control"] is not None)


def metric_of(tree: xr.DataTree, name: str, *, fit: str, variable: str = "quality") -> Metric:
    """A metric from a fit.

    Parameters
    ----------
    tree : xarray.DataTree
        From `fit.fit`.
    name : str
        What it is to be called.
    fit : str
        Which fit that is, such as its file.
    variable : str
        A variable of the posterior, one of `MEASURED`.

    Returns
    -------
    Metric
        With (draw, variant) draws, all chains one after the other.

    Raises
    ------
    SettingError
        The fit has no such variable, or it has no better side.
    """
    posterior = tree["posterior"]
    able = [
        name for name in MEASURED if name in posterior and set(posterior[name].dims) == {"chain", "draw", "variant"}
    ]
    if variable not in able:
        raise SettingError(
            f"{variable!r} is nothing in this fit of which each variant has more or less, one of which is better",
            where=fit,
            remedy=f"choose among {', '.join(able)}" if able else "name the folder of another fit",
        )
    verdict = json.loads(tree.attrs["verdict"])
    sizes = [row[2] for row in verdict["quantities"] if row[0].startswith(f"{variable}[")]
    unit, higher_is_better = MEASURED[variable]
    if higher_is_better is None:
        higher_is_better = bool(json.loads(tree.attrs["higher_is_better"]))
    return Metric(
        name=name,
        variants=tuple(str(v) for v in posterior["variant"].to_numpy()),
        draws=stacked(tree, variable),
        fit=fit,
        unit=unit or str(tree.attrs.get("unit", "points")),
        higher_is_better=higher_is_better,
        control=json.loads(tree.attrs["control"]),
        verdict=verdict["level"],
        reasons=tuple(verdict["reasons"]),
        ess=min(sizes) if sizes and np.isfinite(sizes).all() else None,
    )
