"""What a fit says of those who rated: ratings given, severity, errors and noise, tastes, and who disagrees with the others.

Where a model knows how well each rater follows the truth or the reference, the one who follows least is named with the probability that
nobody follows less; `expsim_bayes.raters.misfit` says who is far from what the fit expects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.errors import SettingError
from expsim_bayes.facts import CI_PROB, Interval
from expsim_bayes.raters.misfit import Apart, Misfit, misfits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]


class Shown(NamedTuple):
    """How a variable of raters or evaluators is shown."""

    words: str
    unit: str
    """ "quality" for a difference in the unit of quality, or as in `amounts.measured`."""


TRAITS = {
    "severity": Shown("gives more or less", "quality"),
    "rater_sensitivity": Shown("sensitivity", "share"),
    "rater_specificity": Shown("specificity", "share"),
    "sensitivity": Shown("sensitivity", "share"),
    "specificity": Shown("specificity", "share"),
    "confusion": Shown("right", "share"),
    "reliability": Shown("follows the reference", ""),
    "left_bias": Shown("favours the left", "change"),
    "tie": Shown("ties of equals", "share"),
    "scale_use": Shown("scale use", ""),
    "rater_noise": Shown("noise", ""),
    "sd_noise": Shown("noise (SD)", ""),
    "slope": Shown("adds per SD of", "quality"),
}
"""Variables that are shown of raters and evaluators, in this order; one that a model lacks is left out."""
CERTAIN = 1e-9
"""Spread below which an entry is constant by construction."""


class Trait(NamedTuple):
    """One number of a rater or an evaluator."""

    name: str
    """Variable of the fit."""
    words: str
    unit: str
    """As in `Shown`, "quality" replaced by that unit."""
    signed: bool
    """Whether it is a difference."""
    value: Interval


class Rater(NamedTuple):
    """One rater."""

    name: str
    evaluator: str
    kind: str
    slot: bool
    """Whether the name stands for changing persons."""
    ratings: int
    traits: tuple[Trait, ...]
    misfit: Misfit | None
    """None where nobody of the pool is to compare with, or raters are not told apart."""


class Evaluator(NamedTuple):
    """One judge, metric or pool of people."""

    name: str
    kind: str
    raters: int
    ratings: int
    traits: tuple[Trait, ...]


class Taste(NamedTuple):
    """How much more a judge gives a variant than people's view of it and the judge's own level and scale suggest."""

    judge: str
    variant: str
    value: Interval
    clear: bool
    """Whether the interval excludes 0."""


class Follows(NamedTuple):
    """Who of some raters follows the truth, or the reference, least."""

    among: str
    """ "people" or "judges"."""
    rater: str
    words: str
    """What is measured."""
    unit: str
    value: Interval
    raters: int
    prob_least: float
    """Probability that nobody of them follows less."""


class Raters(NamedTuple):
    """Everything that is said of those who rated."""

    raters: tuple[Rater, ...]
    evaluators: tuple[Evaluator, ...]
    tastes: tuple[Taste, ...]
    """The largest first."""
    apart: tuple[Apart, ...]
    follows: tuple[Follows, ...]
    model: str
    unit: str
    """Unit of severities and tastes."""
    ci_prob: float


def raters(tree: xr.DataTree, *, ci_prob: float = CI_PROB) -> Raters:
    """What a fit says of those who rated.

    Parameters
    ----------
    tree : xarray.DataTree
        From `fit.fit`, by any model of ratings.
    ci_prob : float
        Probability of the intervals.

    Returns
    -------
    Raters
        Raters, evaluators, tastes, and who disagrees or follows least.

    Raises
    ------
    SettingError
        Nobody rated, or the fit does not hold who did.
    """
    model, unit = str(tree.attrs.get("model", "continuous")), str(tree.attrs.get("unit", "points"))
    if model == "operations":
        raise SettingError(
            "is a fit of calls, and nobody rates calls",
            where="fit",
            remedy="name a fit of scores, comparisons or rankings",
        )
    if "raters" not in tree.children:
        raise SettingError("does not hold who rated", where="fit", remedy="fit it again with this version")
    who = _Who(tree, unit, (1 - ci_prob) / 2)
    comparable = (who.ratings > 0) & ~who.slot
    misfit, apart = misfits(tree, who.pools(), who.names, comparable=comparable, tail=who.tail)
    return Raters(
        raters=tuple(
            Rater(name, who.evaluator[j], who.kind[j], bool(who.slot[j]), int(who.ratings[j]), who.of_rater(name), misfit.get(j))
            for j, name in enumerate(who.names)
        ),
        evaluators=tuple(
            Evaluator(name, who.kind[pool[0]], len(pool), int(who.ratings[pool].sum()), who.of_evaluator(name))
            for name, pool in who.pools().items()
        ),
        tastes=tuple(sorted(_tastes(tree, who), key=lambda taste: -abs(taste.value.mean))),
        apart=apart,
        follows=tuple(_follows(tree, who)),
        model=model,
        unit=unit,
        ci_prob=ci_prob,
    )  # fmt: skip


class _Who:
    """Who rated, and the traits that the posterior has of them."""

    def __init__(self, tree: xr.DataTree, unit: str, tail: float) -> None:
        told = tree["raters"].to_dataset()
        self.names = [str(name) for name in told["rater"].to_numpy()]
        self.evaluator = [str(name) for name in told["evaluator"].to_numpy()]
        self.kind = [str(kind) for kind in told["kind"].to_numpy()]
        self.slot, self.ratings = told["slot"].to_numpy().astype(bool), told["ratings"].to_numpy()
        self.tail = tail
        traits = [trait for name in TRAITS for trait in _traits(tree, name, unit, tail)]
        self.by_rater = _by_name(traits, ("rater", "person"))
        self.by_evaluator = _by_name(traits, ("evaluator",))

    def pools(self) -> dict[str, Codes]:
        """Raters of each evaluator."""
        of = np.array(self.evaluator)
        return {name: np.flatnonzero(of == name) for name in dict.fromkeys(self.evaluator)}

    def of_rater(self, name: str) -> tuple[Trait, ...]:
        """Traits of a rater."""
        return tuple(self.by_rater.get(name, ()))

    def of_evaluator(self, name: str) -> tuple[Trait, ...]:
        """Traits of an evaluator."""
        return tuple(self.by_evaluator.get(name, ()))

    def interval(self, draws: Floats) -> Interval:
        """Mean and central interval of some draws."""
        return interval(draws, self.tail)


def interval(draws: Floats, tail: float) -> Interval:
    """Mean and central interval of some draws, with a probability of `tail` beyond each end."""
    low, high = np.quantile(draws, (tail, 1 - tail))
    return Interval(float(draws.mean()), float(low), float(high))


def _by_name(found: Sequence[tuple[str, str, Trait]], dims: tuple[str, ...]) -> dict[str, list[Trait]]:
    by_name: dict[str, list[Trait]] = {}
    for dim, name, trait in found:
        if dim in dims:
            by_name.setdefault(name, []).append(trait)
    return by_name


def _traits(tree: xr.DataTree, name: str, unit: str, tail: float) -> Iterator[tuple[str, str, Trait]]:
    """Dim and label of whom, and the trait, for every estimated entry of a variable; of tables of errors what is right."""
    if name not in tree["posterior"]:
        return
    draws, labels, dims = _draws(tree, name)
    who = next((dim for dim in ("rater", "person", "evaluator") if dim in dims), None)
    if who is None:
        return
    shown, at = TRAITS[name], dims.index(who)
    for place in np.argwhere(_estimated(tree, name, draws)):
        named = [labels[n][p] for n, p in enumerate(place)]
        if name == "confusion" and len(set(named[-2:])) > 1:
            continue
        others = list(dict.fromkeys(label for n, label in enumerate(named) if n != at))
        words = f"{shown.words} ({', '.join(others)})" if others else shown.words
        value = interval(draws[(slice(None), *place)], tail)
        trait = Trait(
            name, words, unit if shown.unit == "quality" else shown.unit, shown.unit in ("quality", "change"), value
        )
        yield who, named[at], trait


def _draws(tree: xr.DataTree, name: str) -> tuple[Floats, list[list[str]], list[str]]:
    """(draw, ...) draws of a variable, the labels of its dims, and the dims."""
    values = tree["posterior"].to_dataset()[name].transpose("chain", "draw", ...)
    dims = [str(dim) for dim in values.dims[2:]]
    array = values.to_numpy().astype(np.float64)
    return array.reshape(-1, *array.shape[2:]), [[str(x) for x in values[dim].to_numpy()] for dim in dims], dims


def _estimated(tree: xr.DataTree, name: str, draws: Floats) -> NDArray[np.bool_]:
    """Which entries were estimated: not constant, and not declared to be so."""
    moves = np.ptp(draws, axis=0) > CERTAIN * np.abs(draws).max(axis=0)
    constant = tree["constant_data"].to_dataset()
    declared = constant[f"{name}_estimated"].to_numpy() if f"{name}_estimated" in constant else 1
    return np.asarray(moves & np.broadcast_to(np.asarray(declared, dtype=bool), moves.shape))


def _tastes(tree: xr.DataTree, who: _Who) -> Iterator[Taste]:
    if "shift" not in tree["posterior"]:
        return
    draws, labels, dims = _draws(tree, "shift")
    if dims != ["evaluator", "variant"]:
        return
    for k, v in np.argwhere(_estimated(tree, "shift", draws)):
        found = who.interval(draws[:, k, v])
        yield Taste(labels[0][k], labels[1][v], found, not found.low <= 0 <= found.high)


def _follows(tree: xr.DataTree, who: _Who) -> Iterator[Follows]:
    """Who follows least, among people and among judges, by what the model knows of it."""
    kind = {**dict(zip(who.evaluator, who.kind, strict=True)), **dict(zip(who.names, who.kind, strict=True))}
    for measure in _measures(tree):
        judge = np.array([kind.get(name) != "human" for name in measure.names])
        groups = {"judges": judge} if measure.pools else {"people": ~judge, "judges": judge}
        for among, belongs in groups.items():
            chosen = np.flatnonzero(belongs & (np.ptp(measure.draws, axis=0) > CERTAIN) & _told_apart(measure.draws))
            if len(chosen) < 2:
                continue
            some = measure.draws[:, chosen]
            least = int(some.mean(axis=0).argmin())
            prob = float((some.argmin(axis=1) == least).mean())
            value = who.interval(some[:, least])
            name = measure.names[chosen[least]]
            yield Follows(among, name, measure.words, measure.unit, value, len(chosen), prob)


def _told_apart(draws: Floats) -> NDArray[np.bool_]:
    """(name,) whether no other column holds the same (draw, name) draws, as those of raters do who share one number."""
    _, same, count = np.unique(draws, axis=1, return_inverse=True, return_counts=True)
    return np.asarray(count[same.ravel()] == 1)


class _Measure(NamedTuple):
    """How well each of some raters follows the truth or the reference."""

    names: list[str]
    draws: Floats
    """(draw, name)"""
    words: str
    unit: str
    pools: bool
    """Whether the names are evaluators, of which pools of people are not compared."""


def _measures(tree: xr.DataTree) -> Iterator[_Measure]:
    alike = "mean of sensitivity and specificity"
    for first, second in (("rater_sensitivity", "rater_specificity"), ("sensitivity", "specificity")):
        if first in tree["posterior"] and second in tree["posterior"]:
            (one, labels, dims), (other, *_) = _draws(tree, first), _draws(tree, second)
            both = (one + other) / 2
            yield _Measure(
                labels[0], both.reshape(*both.shape[:2], -1).mean(axis=2), alike, "share", dims[0] == "evaluator"
            )
    if "confusion" in tree["posterior"] and "prevalence" in tree["posterior"]:
        table, labels, _ = _draws(tree, "confusion")
        right = np.einsum("drcc,dc->dr", table, _draws(tree, "prevalence")[0].mean(axis=1))
        yield _Measure(labels[0], right, "share of labels that are right", "share", pools=False)
    if "reliability" in tree["posterior"]:
        draws, labels, dims = _draws(tree, "reliability")
        if dims == ["rater"]:
            words = "strength of following the reference (1: as the reference)"
            yield _Measure(labels[0], draws, words, "", pools=False)
