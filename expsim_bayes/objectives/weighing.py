"""Several objectives at once: quality, hallucination, cost, latency, each with its posterior, weighed and held within limits.

Each metric comes from a fit of its own, or several from one. What is asked is which variant is probably the best by a utility (a weight a
metric, in utility a unit of that metric), and which keep all limits. Fits of different ratings share no parameter, so that their posteriors
are independent: joint draws are made by pairing theirs at random. Metrics of one fit keep their draws together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from expsim_bayes import superiority
from expsim_bayes.amounts import level
from expsim_bayes.errors import SettingError
from expsim_bayes.facts import CI_PROB, Decision, DecisionName, Interval
from expsim_bayes.objectives.metrics import Limit, Metric
from expsim_bayes.stopping import CONTINUE, DECISIONS, evidence_of_one, first, of_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

THRESHOLD = 0.95
"""Probability asked for unless told, of being the best and of keeping all limits."""
JOINT_DRAWS = 40_000
"""Joint draws, at least; each draw of each fit takes part equally often."""


class Candidate(NamedTuple):
    """What is known of one variant."""

    name: str
    metrics: tuple[Interval, ...]
    """One a metric, in their order."""
    utility: Interval
    """Its utility against the control (without one, against the mean of the variants)."""
    keeps: tuple[float, ...]
    """Probability of keeping each limit, in their order."""
    keeps_all: float
    """Probability of keeping all of them."""
    launchable: bool
    """Whether that suffices to launch it; the control runs already."""
    prob_best: float
    """Probability of the highest utility among those that may be launched, and the control; 0 for the others."""
    prob_best_within: float
    """Probability of keeping all limits and having the highest utility of all that do, so that doubt about the limits is in it; the control
    counts as keeping them."""
    expected_loss: float
    """Utility that choosing it is expected to give away against the best that may be launched."""


@dataclass(frozen=True)
class Weighed:
    """Variants weighed by several metrics at once, and the decision."""

    decision: Decision
    """What to do."""
    metrics: tuple[Metric, ...]
    weights: tuple[tuple[str, float], ...]
    """(metric, utility a unit of it)."""
    limits: tuple[Limit, ...]
    candidates: tuple[Candidate, ...]
    """From the highest to the lowest mean utility; none where a fit is refused."""
    control: str | None
    threshold: float
    """Probability of being the best that a decision asks for."""
    limit_threshold: float
    """Probability of keeping all limits that a launch asks for."""
    rope: float
    """Variants closer in utility than this are equal."""
    prob_none: float | None
    """Probability that no variant keeps all limits; None where a fit is refused."""
    prob_equivalent: float | None
    """Probability that those which may be launched lie within the rope; None where a fit is refused."""
    mcse: float
    """Monte-Carlo error of the probabilities, on the safe side."""
    left_out: tuple[tuple[str, str], ...]
    """(variant, metrics that lack it)."""
    ci_prob: float


def weigh(
    metrics: Sequence[Metric],
    weights: Mapping[str, float],
    limits: Sequence[Limit] = (),
    *,
    control: str | None = None,
    threshold: float = THRESHOLD,
    limit_threshold: float = THRESHOLD,
    rope: float = 0.0,
    ci_prob: float = CI_PROB,
    random_seed: int = 0,
) -> Weighed:
    """Variants weighed by a utility under limits.

    Parameters
    ----------
    metrics : sequence of Metric
        What was measured.
    weights : mapping
        Utility a unit of each metric that counts: negative where less is better.
    limits : sequence of Limit
        What a variant must keep to be launched.
    control : str, optional
        The variant in use today; as the fits have it unless told.
    threshold, limit_threshold : float
        Probability asked for of being the best, and of keeping all limits together.
    rope : float
        In utility.
    ci_prob : float
        Probability of the intervals.
    random_seed : int
        Of the pairing of draws.

    Raises
    ------
    SettingError
        A name is unknown, a weight contradicts the direction of its metric, or the fits have no variant in common.

    Examples
    --------
    >>> from expsim_bayes.objectives.metrics import Metric, limit
    >>> rng = np.random.default_rng(1)
    >>> quality = Metric("quality", ("A", "B"), rng.normal([3.0, 3.4], 0.1, (1000, 2)), "q")
    >>> latency = Metric("latency", ("A", "B"), rng.normal([1.0, 1.5], 0.05, (1000, 2)), "t", "seconds", False)
    >>> weigh([quality, latency], {"quality": 1.0}, [limit("latency<=2")], control="A").decision.name
    'launch'
    >>> weigh([quality, latency], {"quality": 1.0, "latency": -2.0}, control="A").decision.name
    'keep_control'
    """
    control = _control(metrics, control)
    _check(metrics, weights, limits, control)
    names, left_out = _common(metrics, control)
    made = partial(
        Weighed,
        metrics=tuple(metrics),
        weights=tuple(weights.items()),
        limits=tuple(limits),
        control=control,
        threshold=threshold,
        limit_threshold=limit_threshold,
        rope=rope,
        left_out=left_out,
        ci_prob=ci_prob,
    )
    refused = [metric for metric in metrics if metric.verdict == "refuse"]
    if refused:
        reason = " ".join(f"The fit of {m.name} is not to be trusted: {' '.join(m.reasons)}" for m in refused)
        return made(Decision("refuse", reason=reason), candidates=(), prob_none=None, prob_equivalent=None, mcse=0.0)
    draws = _joint(metrics, names, np.random.default_rng(random_seed))
    at = None if control is None else names.index(control)
    utility = sum((weight * draws[name] for name, weight in weights.items()), start=np.zeros(1))
    kept = np.stack([_kept(draws, each, at) for each in limits] or [np.ones(utility.shape, bool)])
    keeps_all = kept.all(axis=0)
    share = keeps_all.mean(axis=0)
    launchable = share >= limit_threshold
    contenders = launchable | (np.arange(len(names)) == (-1 if at is None else at))
    ess = min(metric.ess or float(len(metric.draws)) for metric in metrics)
    found = superiority.from_draws(utility, control=at, rope=rope, eligible=contenders, ess=ess)
    within, nobody = _best_within(utility, keeps_all, at)
    base = utility[:, at] if at is not None else utility.mean(axis=1)
    rows = [
        Candidate(
            name=name,
            metrics=tuple(_interval(draws[m.name][:, v], ci_prob) for m in metrics),
            utility=_interval(utility[:, v] - base, ci_prob),
            keeps=tuple(float(k[:, v].mean()) for k in kept) if limits else (),
            keeps_all=float(share[v]),
            launchable=bool(launchable[v]),
            prob_best=float(found.prob_best[v]) if contenders.any() else 0.0,
            prob_best_within=float(within[v]),
            expected_loss=float(found.expected_loss[v]),
        )
        for v, name in enumerate(names)
    ]
    order = np.argsort(-utility.mean(axis=0), kind="stable")
    return made(
        _decision(rows, found, at, threshold=threshold, limit_threshold=limit_threshold, rope=rope),
        candidates=tuple(rows[v] for v in order),
        prob_none=nobody,
        prob_equivalent=float(found.prob_equivalent),
        mcse=float(found.mcse),
    )


def _control(metrics: Sequence[Metric], told: str | None) -> str | None:
    known = {metric.control for metric in metrics if metric.control is not None}
    if told is None and len(known) > 1:
        raise SettingError(
            f"the fits have different controls ({', '.join(sorted(known))})",
            where="--control",
            remedy="say which one is in use",
        )
    return told if told is not None else next(iter(known), None)


def _check(
    metrics: Sequence[Metric], weights: Mapping[str, float], limits: Sequence[Limit], control: str | None
) -> None:
    """Names that are known, weights in the direction of their metrics."""
    known = {metric.name: metric for metric in metrics}
    if len(known) < len(metrics):
        raise SettingError("two metrics have the same name", where="metrics", remedy="give each a name of its own")
    for name, where in [*((name, "--utility") for name in weights), *((each.metric, "--limit") for each in limits)]:
        if name not in known:
            raise SettingError(f"no metric is called {name!r}", where=where, remedy=f"choose among {', '.join(known)}")
    if not any(weights.values()):
        raise SettingError(
            "nothing is weighed", where="--utility", remedy="name what counts, for example --best quality"
        )
    for name, weight in weights.items():
        if weight and (weight > 0) != known[name].higher_is_better:
            better = "higher" if known[name].higher_is_better else "lower"
            raise SettingError(
                f"{name} is better when {better}, and its weight {weight:g} says the opposite",
                where="--utility",
                remedy=f"give {-weight:g}, or fit it with the direction that is meant",
            )
    for each in limits:
        if each.against_control and control is None:
            raise SettingError(
                f"the limit '{each}' needs a control", where="--limit", remedy="name it with --control NAME"
            )


def _common(metrics: Sequence[Metric], control: str | None) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Variants that every metric has, and what the others lack."""
    everyone = tuple(dict.fromkeys(name for metric in metrics for name in metric.variants))
    lacking = {name: [m.name for m in metrics if name not in m.variants] for name in everyone}
    common = tuple(name for name in everyone if not lacking[name])
    if not common:
        raise SettingError(
            "the fits have no variant in common",
            where="variants",
            remedy="variants are matched by name: "
            + "; ".join(f"{m.name} has {', '.join(m.variants)}" for m in metrics),
        )
    if control is not None and control not in common:
        raise SettingError(
            f"the control {control!r} is not in every fit",
            where="--control",
            remedy=f"choose among {', '.join(common)}",
        )
    return common, tuple((name, ", ".join(lack)) for name, lack in lacking.items() if lack)


def _joint(metrics: Sequence[Metric], names: tuple[str, ...], rng: np.random.Generator) -> dict[str, Floats]:
    """(joint draw, variant) draws of each metric: those of one fit together, those of different fits paired at random."""
    longest = max(len(metric.draws) for metric in metrics)
    size = longest * -(-JOINT_DRAWS // longest)
    rows: dict[str, NDArray[np.intp]] = {}
    joint = {}
    for metric in metrics:
        n = len(metric.draws)
        if metric.fit not in rows:
            rows[metric.fit] = np.concatenate([rng.permutation(n) for _ in range(-(-size // n))])[:size]
        columns = [metric.variants.index(name) for name in names]
        joint[metric.name] = metric.draws[rows[metric.fit]][:, columns]
    return joint


def _kept(draws: Mapping[str, Floats], limit: Limit, control: int | None) -> NDArray[np.bool_]:
    """(draw, variant) whether a limit is kept; the control keeps a limit that is counted from itself."""
    values = draws[limit.metric]
    bound: Floats | float = limit.bound
    if limit.against_control:
        assert control is not None
        bound = values[:, [control]] + limit.bound
    return np.asarray(values <= bound if limit.sign == "<=" else values >= bound)


def _best_within(utility: Floats, keeps: NDArray[np.bool_], control: int | None) -> tuple[Floats, float]:
    """(variant,) probability of the highest utility of those that keep all limits and the control, which runs already; and of nobody."""
    allowed = keeps.copy()
    nobody = float((~keeps.any(axis=1)).mean())
    if control is not None:
        allowed[:, control] = True
    inside = np.where(allowed, utility, -np.inf)
    top = inside.max(axis=1, keepdims=True)
    wins = (inside == top) & allowed
    count = np.maximum(wins.sum(axis=1, keepdims=True), 1)
    return np.asarray((wins / count).mean(axis=0)), nobody


def _interval(draws: Floats, ci_prob: float) -> Interval:
    low, high = np.quantile(draws, ((1 - ci_prob) / 2, (1 + ci_prob) / 2))
    return Interval(float(draws.mean()), float(low), float(high))


def _decision(
    rows: Sequence[Candidate],
    found: superiority.Superiority,
    control: int | None,
    *,
    threshold: float,
    limit_threshold: float,
    rope: float,
) -> Decision:
    """What the rules say among the variants that may be launched."""
    if len(rows) == 1:
        return Decision("collect", reason="Only one variant has all metrics, so there is nothing to choose between.")
    others = [row for v, row in enumerate(rows) if v != control]
    if not any(row.launchable for row in others):
        return _nobody(rows, control, others, threshold=threshold, limit_threshold=limit_threshold)
    rules = of_all(threshold=threshold, rope=rope)
    said = first(
        rules,
        evidence_of_one(found, control=control),
    )
    code, variant = int(said.decision[0]), int(said.variant[0])
    if code == CONTINUE:
        return Decision("collect", reason=f"No variant is the best with a probability of {level(threshold)}.")
    name = cast("DecisionName", DECISIONS[code])
    if name == "keep_control" and control is not None and rows[control].prob_best_within < threshold:
        return Decision("collect", reason="It is not known whether better variants keep the limits.")
    return Decision(name, rows[variant].name if variant >= 0 else None, rules[int(said.rule[0])].question, threshold)


def _nobody(
    rows: Sequence[Candidate],
    control: int | None,
    others: Sequence[Candidate],
    *,
    threshold: float,
    limit_threshold: float,
) -> Decision:
    """Where no variant is sure enough of keeping the limits: the control where that is settled, else more data."""
    settled = all(row.keeps_all <= 1 - limit_threshold for row in others) or (
        control is not None and rows[control].prob_best_within >= threshold
    )
    if settled:
        return Decision("keep_control", reason="Does a variant keep all limits?", threshold=limit_threshold)
    return Decision("collect", reason=f"No variant keeps all limits with a probability of {level(limit_threshold)}.")
