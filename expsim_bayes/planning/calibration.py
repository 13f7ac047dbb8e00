r"""The threshold that holds the false-launch rate for this schedule of looks, by a search that says how sure it is of its answer.

Experiments in which all variants are equal are played in batches, each at the threshold that is thought right so far. On the scale of
normal quantiles the rate is close to a straight line in the threshold, with a slope of -1 for a single look, so all batches so far are
fitted by a probit regression (with that slope as a weak belief) and its root is where the next batch is played. The search ends when the
interval of the rate at the answer lies within the tolerance. It takes no threshold's path for granted: policies may change what they
share out, and inferior variants may be dropped, by thresholds that move along.

A threshold that is tuned and judged on the same experiments looks better than it is. So the rate is then counted anew, on experiments of an
independent seed, beside that of the threshold that was declared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from expsim_bayes.errors import SettingError
from expsim_bayes.experiment import run, run_in_parts
from expsim_bayes.operating_characteristics import Estimate, characteristics, estimate
from expsim_bayes.stopping import LAUNCH, BeatsControl, Inferiority, Superiority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import xarray as xr

    from expsim_bayes.scenario import EvaluatorChoice, Scenario, StrategyName

TARGET, TOLERANCE = 0.05, 0.0025
"""False-launch rate that is asked for, and how far the interval of the rate may reach from it."""
CHECKED, AT_TRUTH = 10_000, 2_000
"""Experiments of the independent check, and at most of those at the declared truth, unless told."""
MOST = 200_000
"""Experiments after which the search ends, sure or not."""
_PILOT, _BATCH = 500, 4_000
_SURE = 1.959964
"""Half width of the interval, in standard errors: 95 %."""
_SLOPE, _SLOPE_SD, _LEVEL_SD = -1.0, 0.5, 2.0
_NEAR = 0.35
"""Batches further away than this, in normal quantiles, are left out once there are three nearer ones."""
_MARGIN, _HIGHEST = 0.005, 1.0 - 1e-6
_STEPS = 60

Bound = Literal["", "lowest", "highest"]


class Step(NamedTuple):
    """One batch of the search."""

    threshold: float
    """Threshold at which it was played."""
    replications: int
    """Experiments."""
    launches: int
    """How many of them launched something, although all variants were equal."""


class Found(NamedTuple):
    """What the search knows after a batch."""

    threshold: float
    """The threshold that is thought right, before rounding."""
    rate: float
    """False-launch rate there, by the regression."""
    error: float
    """Its standard error."""
    steps: tuple[Step, ...]
    """The batches so far."""
    settled: bool
    """Whether the interval of the rate lies within the tolerance."""
    bound: Bound
    """Whether even the lowest (or highest) threshold launches too seldom (or too often) for the target."""

    @property
    def spent(self) -> int:
        """Experiments so far."""
        return sum(step.replications for step in self.steps)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the rate at the threshold."""
        return max(self.rate - _SURE * self.error, 0.0), min(self.rate + _SURE * self.error, 1.0)


@dataclass(frozen=True)
class Design:
    """What is calibrated: how an experiment is run, and which rule launches."""

    scenario: Scenario
    """The experiment."""
    strategy: StrategyName
    """How it is run."""
    evaluators: EvaluatorChoice
    """Who rates."""
    rule: Superiority | BeatsControl
    """The rule whose threshold is sought, as declared."""
    moves_inferiority: bool
    """Whether inferior variants are dropped by the mirror image of that threshold."""

    @property
    def at_the_end(self) -> bool:
        """Whether the rules are asked only after the last look."""
        return self.scenario.strategies[self.strategy].decide == "end"

    @property
    def lowest(self) -> float:
        """The lowest threshold that the rules allow."""
        share = 1.0 / len(self.scenario.variants)
        return max(0.5, share, 1.0 - share if self.moves_inferiority else 0.0) + _MARGIN

    def at(self, threshold: float) -> Scenario:
        """The scenario with this threshold in the rule, and in those that mirror it."""
        strategies = dict(self.scenario.strategies)
        declared = strategies[self.strategy]
        rules = tuple(
            rule.model_copy(update={"threshold": threshold}) if rule is self.rule else rule
            for rule in declared.stopping
        )
        strategies[self.strategy] = declared.model_copy(update={"stopping": rules})
        return self.scenario.model_copy(update={"strategies": strategies})


@dataclass(frozen=True)
class Calibration:
    """The threshold that holds the false-launch rate, how sure that is, and what it changes."""

    design: Design
    """What was calibrated."""
    target: float
    """False-launch rate that was asked for."""
    tolerance: float
    """How far its interval may reach."""
    threshold: float
    """The answer, rounded up to three digits of its distance from 1."""
    found: Found
    """How the search ended."""
    checked: Estimate
    """False-launch rate at the answer, from an independent seed."""
    declared: Estimate
    """False-launch rate of the declared threshold, on the same experiments."""
    right: Estimate
    """Share of experiments that end right at the answer, with the qualities that the scenario declares."""
    right_declared: Estimate
    """The same at the declared threshold."""
    looks: Estimate
    """Mean looks at the answer, with the qualities that the scenario declares."""
    looks_declared: Estimate
    """The same at the declared threshold."""
    random_seed: int
    """Seed of search and check."""
    replications: int
    """Experiments of the check."""

    @property
    def holds(self) -> bool:
        """Whether the search was sure, and the independent check does not contradict it (3 standard errors)."""
        off = abs(self.checked.value - self.target)
        return self.found.settled and off <= self.tolerance + 3.0 * self.checked.mcse


def design_of(
    scenario: Scenario, *, strategy: StrategyName | None = None, evaluators: EvaluatorChoice = "both"
) -> Design:
    """What there is to calibrate in a scenario.

    Raises
    ------
    SettingError
        The strategy has no rule that launches by a probability, or two.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> design = design_of(load("reranker"))
    >>> design.rule.threshold, design.at(0.99).strategies["sequential"].stopping[0].threshold
    (0.985, 0.99)
    """
    strategy = scenario.declared(strategy)
    scenario.rated_by(evaluators)
    rules = scenario.strategies[strategy].stopping
    launching = [rule for rule in rules if isinstance(rule, Superiority | BeatsControl)]
    if len(launching) != 1:
        raise SettingError(
            f"{'two rules launch' if launching else 'no rule launches'} by a probability, and calibration moves the threshold of one",
            where=f"{scenario.name}, strategies.{strategy}.stopping",
            remedy="keep one of superiority and beats_control" if launching else "add superiority or beats_control",
        )
    moves = any(isinstance(rule, Inferiority) and rule.threshold is None for rule in rules)
    return Design(scenario, strategy, evaluators, launching[0], moves)


def search(
    design: Design,
    *,
    target: float = TARGET,
    tolerance: float = TOLERANCE,
    random_seed: int = 0,
    most: int = MOST,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Found]:
    """The search, batch by batch; it ends when it is sure, or after `most` experiments.

    Parameters
    ----------
    design : Design
        From `design_of`.
    target, tolerance : float
        False-launch rate, and how far its 95 % interval may reach from it.
    random_seed : int
        Seed; batches take fresh replications of it.
    most : int
        Experiments after which it ends.
    progress : callable, optional
        Called with the number of experiments so far, within batches too.

    Yields
    ------
    Found
        What is known after a batch.

    Raises
    ------
    SettingError
        A target or tolerance that cannot be met.
    """
    _check(target, tolerance)
    lowest, highest = ndtri(design.lowest), ndtri(_HIGHEST)
    at = float(np.clip(ndtri(min(design.rule.threshold, _HIGHEST)), lowest, highest))
    steps: tuple[Step, ...] = ()
    spent, size = 0, _PILOT
    while spent < most:
        size = min(size, most - spent)
        threshold = float(ndtr(at))
        launches = _launches(design, threshold, random_seed=random_seed, first=spent, count=size, progress=progress)
        steps, spent, size = (*steps, Step(threshold, size, launches)), spent + size, min(2 * size, _BATCH)
        found, root = _judged(steps, target, tolerance, lowest=lowest, highest=highest)
        yield found
        if found.settled or found.bound:
            return
        at = root


def calibrate(
    scenario: Scenario,
    *,
    strategy: StrategyName | None = None,
    evaluators: EvaluatorChoice = "both",
    target: float = TARGET,
    tolerance: float = TOLERANCE,
    replications: int = CHECKED,
    random_seed: int = 0,
    most: int = MOST,
    progress: Callable[[int], None] | None = None,
) -> Calibration:
    """The superiority threshold that holds the false-launch rate at the target, found and then checked.

    A false launch is a launch when every variant is as good as the control, or, without one, when all are equal.

    Parameters
    ----------
    scenario : Scenario
        The experiment.
    strategy : {"ab", "bandit", "sequential"}, optional
        How it is run; the scenario's default unless told.
    evaluators : {"llm", "human", "both"}
        Who rates.
    target, tolerance : float
        False-launch rate, and how far its 95 % interval may reach from it.
    replications : int
        Experiments of the independent check.
    random_seed : int
        Seed; search and check take children of it.
    most : int
        Experiments after which the search ends.
    progress : callable, optional
        Called with the number of experiments so far.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> found = calibrate(load("reranker"), tolerance=0.02, replications=200)
    >>> 0.95 < found.threshold < 0.99
    True
    """
    design = design_of(scenario, strategy=strategy, evaluators=evaluators)
    of_search, _ = seeds(random_seed)
    found = None
    for found in search(  # noqa: B007 - the last is the answer
        design, target=target, tolerance=tolerance, random_seed=of_search, most=most, progress=progress
    ):
        pass
    if found is None:
        raise SettingError("the search may not play an experiment", where="most", remedy="allow 1,000 or more")
    return check(
        design,
        found,
        target=target,
        tolerance=tolerance,
        replications=replications,
        random_seed=random_seed,
        progress=None if progress is None else lambda done: progress(found.spent + done),
    )


def check(
    design: Design,
    found: Found,
    *,
    target: float = TARGET,
    tolerance: float = TOLERANCE,
    replications: int = CHECKED,
    random_seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Calibration:
    """The rates of the answer and of the declared threshold, on experiments that the search has not seen."""
    _, of_check = seeds(random_seed)
    threshold = rounded_up(found.threshold)
    at_truth = min(replications, AT_TRUTH)
    done = 0

    def played(scenario: Scenario, count: int) -> xr.Dataset:
        nonlocal done
        begun, done = done, done + count
        return run(
            scenario,
            strategy=design.strategy,
            evaluators=design.evaluators,
            random_seed=of_check,
            replications=count,
            history=False,
            progress=None if progress is None else lambda n: progress(begun + n),
        )

    rates, ends = [], []
    for value in (threshold, design.rule.threshold):
        scenario = design.at(value)
        rates.append(estimate(played(scenario.without_difference(), replications)["decision"].values == LAUNCH))
        ends.append(characteristics(played(scenario, at_truth), scenario.rated_by(design.evaluators)))
    return Calibration(
        design=design,
        target=target,
        tolerance=tolerance,
        threshold=threshold,
        found=found,
        checked=rates[0],
        declared=rates[1],
        right=ends[0].right,
        right_declared=ends[1].right,
        looks=ends[0].looks,
        looks_declared=ends[1].looks,
        random_seed=random_seed,
        replications=replications,
    )


def expected(target: float, tolerance: float) -> int:
    """About how many experiments the search takes.

    Examples
    --------
    >>> expected(0.05, 0.0025)
    34700
    """
    needed = target * (1.0 - target) * (_SURE / tolerance) ** 2
    return 100 * round((needed + 5_500) / 100)


def played_by_check(replications: int) -> int:
    """Experiments that `check` plays in all.

    Examples
    --------
    >>> played_by_check(10_000)
    24000
    """
    return 2 * (replications + min(replications, AT_TRUTH))


def seeds(random_seed: int) -> tuple[int, int]:
    """Independent seeds of search and check.

    Examples
    --------
    >>> len(set(seeds(0) + seeds(1)))
    4
    """
    of_search, of_check = (int(c.generate_state(1)[0]) for c in np.random.SeedSequence(random_seed).spawn(2))
    return of_search, of_check


def rounded_up(threshold: float) -> float:
    """A threshold to three digits of its distance from 1, on the strict side.

    Examples
    --------
    >>> rounded_up(0.98143187), rounded_up(0.9990001), rounded_up(0.7)
    (0.9815, 0.999001, 0.7)
    """
    digits = 2 - int(np.floor(np.log10(1.0 - threshold)))
    return float(round(1.0 - np.floor((1.0 - threshold) * 10**digits + 1e-9) / 10**digits, digits))


def _check(target: float, tolerance: float) -> None:
    if not 0 < target < 0.5:
        raise SettingError(f"a false-launch rate of {target:g}", where="target", remedy="ask for one such as 0.05")
    if not 1e-4 <= tolerance < target:
        raise SettingError(
            f"a tolerance of {tolerance:g} about a rate of {target:g}",
            where="tolerance",
            remedy=f"take one from 0.0001 to below the rate, such as {target / 20:g}",
        )


def _launches(
    design: Design,
    threshold: float,
    *,
    random_seed: int,
    first: int,
    count: int,
    progress: Callable[[int], None] | None,
) -> int:
    """How many of the next experiments without a difference launch something."""
    launches = 0
    for part in run_in_parts(
        design.at(threshold).without_difference(),
        strategy=design.strategy,
        evaluators=design.evaluators,
        random_seed=random_seed,
        first=first,
        replications=first + count,
        history=False,
    ):
        launches += int((part["decision"].values == LAUNCH).sum())
        if progress:
            progress(int(part["replication"][-1]) + 1)
    return launches


def _judged(
    steps: Sequence[Step], target: float, tolerance: float, *, lowest: float, highest: float
) -> tuple[Found, float]:
    """What the batches tell, and the quantile at which the next should be played."""
    x = ndtri(np.array([step.threshold for step in steps]))
    kept = np.abs(x - x[-1]) <= _NEAR
    kept |= kept.sum() < 3
    centre = x[-1]
    level, slope, cov = _regression(
        x[kept] - centre,
        np.array([step.replications for step in steps], float)[kept],
        np.array([step.launches for step in steps], float)[kept],
        target,
    )
    root = float(np.clip(centre + (ndtri(target) - level) / slope, lowest, highest))
    row = np.array([1.0, root - centre])
    quantile = float(row @ (level, slope))
    error = float(np.exp(-0.5 * quantile**2) / np.sqrt(2 * np.pi) * np.sqrt(row @ cov @ row))
    rate = float(ndtr(quantile))
    there = sum(step.replications for step, at in zip(steps, x, strict=True) if abs(at - root) < 1e-9)
    sure = there >= _BATCH // 2
    bound: Bound = ""
    if root <= lowest and sure and rate + _SURE * error < target:
        bound = "lowest"
    if root >= highest and sure and rate - _SURE * error > target:
        bound = "highest"
    reach = abs(rate - target) + _SURE * error
    settled = reach <= tolerance and len(steps) > 2
    return Found(float(ndtr(root)), rate, error, tuple(steps), settled, bound), root


def _regression(x: np.ndarray, n: np.ndarray, k: np.ndarray, target: float) -> tuple[float, float, np.ndarray]:
    """Level and slope of a probit regression with weak beliefs about both, and their covariance, by Fisher scoring."""
    middle = np.array([ndtri(target), _SLOPE])
    belief = np.diag([_LEVEL_SD**-2, _SLOPE_SD**-2])
    design = np.stack([np.ones_like(x), x], axis=1)
    beta = middle
    information = belief
    for _ in range(_STEPS):
        eta = np.clip(design @ beta, -7.0, 7.0)
        p, density = ndtr(eta), np.exp(-0.5 * eta**2) / np.sqrt(2 * np.pi)
        spread = np.maximum(p * (1 - p), 1e-12)
        information = belief + (design.T * (n * density**2 / spread)) @ design
        gradient = design.T @ (density * (k - n * p) / spread) - belief @ (beta - middle)
        step = np.linalg.solve(information, gradient)
        beta = beta + step * min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < 1e-10:
            break
    return float(beta[0]), float(min(beta[1], -0.2)), np.linalg.inv(information)
