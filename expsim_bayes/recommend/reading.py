"""A fit as it is read: its draws turned into severities, tastes, uses of the scale and spreads, whatever the model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from expsim_bayes import glossary
from expsim_bayes.facts import Interval, RaterFacts, Spread
from expsim_bayes.posterior.fitted import stacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings, TakingPart
    from expsim_bayes.stopping import Rule
    from expsim_bayes.superiority import Superiority

SPREADS = (
    "sd_variant", "sd_item", "sd_interaction", "sd_output", "sd_shift", "sd_rater", "sd_taste", "sd_opinion", "sd_order", "sd_tie",
    "sd_reliability", "sd_domain", "sd_sensitivity", "sd_specificity", "sd_noise", "sd_log_noise", "sd_slope",
)  # fmt: skip
"""Order in which a report shows spreads; others that a model has come last."""


@dataclass(frozen=True)
class Reading:
    """A fit as it is read: its draws, and what the reader wants to know."""

    tree: xr.DataTree
    ratings: Ratings
    who: TakingPart
    quality: NDArray[np.float64]
    """(draw, variant)"""
    found: Superiority
    order: NDArray[np.intp]
    """Variants from best to worst posterior mean."""
    baseline: int
    rules: tuple[Rule, ...]
    min_effect: float
    rope: float
    prices: Mapping[str, float]
    ci_prob: float

    @property
    def model(self) -> str:
        """Which model was fitted."""
        return str(self.tree.attrs.get("model", "continuous"))

    @property
    def unit(self) -> str:
        """Unit of quality."""
        return str(self.tree.attrs.get("unit", "points"))

    @property
    def about(self) -> str:
        """Which summary of what calls use up quality is, as the model of operations chooses it; the mean of anything else."""
        if self.model != "operations":
            return "mean"
        asked = json.loads(self.tree.attrs["priors"]).get("summary")
        return str(asked or ("p95" if self.unit == "seconds" else "mean"))

    @property
    def higher_is_better(self) -> bool:
        """Direction of quality: that of the kind of rating where it fixes one, else that of the ratings."""
        return direction(self.tree, self.ratings)

    @property
    def compares(self) -> bool:
        """Whether variants are compared: there is a quality, and the table named variants."""
        return self.has("quality") and self.ratings.compares

    @property
    def sign(self) -> float:
        """1 where higher is better, else -1."""
        return 1.0 if self.higher_is_better else -1.0

    @property
    def leader(self) -> int:
        """The variant with the best posterior mean."""
        return int(self.order[0])

    @property
    def control(self) -> int | None:
        """Position of the control."""
        return None if self.ratings.control is None else self.who.variants.index(self.ratings.control)

    def has(self, name: str) -> bool:
        """Whether the posterior holds a variable."""
        return name in self.tree["posterior"]

    def draws(self, name: str) -> NDArray[np.float64]:
        """(draw, ...) draws of all chains of a variable."""
        return stacked(self.tree, name)

    def interval(self, draws: NDArray[np.float64]) -> Interval:
        """Mean and central interval of some draws."""
        low, high = np.quantile(draws, ((1 - self.ci_prob) / 2, (1 + self.ci_prob) / 2))
        return Interval(float(draws.mean()), float(low), float(high))

    def estimated(self, name: str) -> NDArray[np.bool_]:
        """Which entries of a variable were estimated rather than constant by construction, shaped as the variable."""
        values = self.tree["posterior"][name]
        shape = tuple(values.sizes[dim] for dim in values.dims if dim not in ("chain", "draw"))
        constant = self.tree["constant_data"]
        key = f"{name}_estimated"
        mask = constant[key].to_numpy().astype(bool) if key in constant else np.ones(1, dtype=bool)
        return np.broadcast_to(mask if mask.ndim == len(shape) else mask.reshape((1,) * len(shape)), shape)

    def entries(self, name: str) -> Iterator[tuple[tuple[str, ...], Interval]]:
        """Labels and interval of every entry of a variable that was estimated."""
        values = self.tree["posterior"][name]
        dims = [dim for dim in values.dims if dim not in ("chain", "draw")]
        labels: list[list[Any]] = [values.coords[dim].to_numpy().tolist() for dim in dims]
        draws = self.draws(name)
        for place in np.argwhere(self.estimated(name)):
            yield (
                tuple(str(labels[n][at]) for n, at in enumerate(place)),
                self.interval(draws[(slice(None), *place)]),
            )


def direction(tree: xr.DataTree, ratings: Ratings) -> bool:
    """Whether a higher quality is better: as the fit remembers, else as the ratings say."""
    told = tree.attrs.get("higher_is_better")
    return ratings.higher_is_better if told is None else bool(json.loads(str(told)))


def raters(read: Reading) -> tuple[RaterFacts, ...]:
    """Severities, the lowest first; none where the model has none."""
    if not read.has("severity") or "rater" not in read.tree["posterior"]["severity"].dims:
        return ()
    who = read.who
    place = {name: r for r, name in enumerate(who.raters)}
    rows = [
        RaterFacts(name, who.evaluators[who.rater_evaluator[place[name]]], severity, int(who.by_rater[place[name]]))
        for (name,), severity in read.entries("severity")
        if name in place
    ]
    return tuple(sorted(rows, key=lambda row: row.severity.mean))


def shifts(read: Reading) -> tuple[tuple[str, str, Interval], ...]:
    """Tastes of the judges for variants."""
    if not read.has("shift") or read.tree["posterior"]["shift"].dims[-2:] != ("evaluator", "variant"):
        return ()
    return tuple((evaluator, variant, taste) for (evaluator, variant), taste in read.entries("shift"))


def shift_sds(read: Reading) -> dict[str, float]:
    """Root mean square of each judge's tastes for the variants; where one SD is theirs in the unit of quality, that."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    if not shifts(read):
        return {}
    draws = read.draws("shift")
    names = [str(name) for name in read.tree["posterior"]["shift"].coords["evaluator"].to_numpy()]
    for k, v in np.argwhere(read.estimated("shift")):
        found.setdefault(names[k], []).append(draws[:, k, v])
    if read.model == "continuous":
        common = float(read.draws("sd_shift").mean())
        return dict.fromkeys(found, common)
    return {name: float(np.sqrt(np.mean(np.square(tastes)))) for name, tastes in found.items()}


def scale_use(read: Reading) -> tuple[tuple[str, Interval], ...]:
    """How much of the scale each judge uses."""
    if not read.has("scale_use"):
        return ()
    return tuple((", ".join(labels), use) for labels, use in read.entries("scale_use"))


def spreads(read: Reading) -> tuple[Spread, ...]:
    """Spreads that were estimated, in words and with their units."""
    present = [str(name) for name in read.tree["posterior"] if str(name).startswith("sd_")]
    known = [name for name in SPREADS if name in present]
    others = [name for name in present if name not in SPREADS and not name.endswith(glossary.ENDINGS)]
    effects = str(read.tree.attrs.get("effects_unit", "points"))
    return tuple(
        Spread(glossary.named(f"{name}[{', '.join(labels)}]" if labels else name), value, glossary.unit(name, effects))
        for name in (*known, *others)
        for labels, value in read.entries(name)
    )
