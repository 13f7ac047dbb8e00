"""How often a way of running an experiment ends right, and what it costs: many replications, counted, with Monte-Carlo errors.

The truth is known in a simulation, so every ending can be judged. *Right* is to launch a variant that is better than the control and
within `min_effect` of the best that the guardrails allow, or to launch none where none beats the control by `min_effect`. A *false launch*
launches a variant that is not better than the control (without a control: the worst of all). A *wrong stop* ends with a statement that is
false, and is never right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.allocation import Fixed
from expsim_bayes.experiment import run
from expsim_bayes.notebook import as_html, as_text
from expsim_bayes.outcomes import SIDE_BY_SIDE
from expsim_bayes.simulate import (
    StarWorld,
    Streams,
    draw_duel_world,
    draw_podium_world,
    draw_rates,
    draw_star_world,
    draw_world,
)
from expsim_bayes.simulate.duels import stretch
from expsim_bayes.stopping import COLLECT, KEEP_CONTROL, LAUNCH, STOP_EQUIVALENT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.scenario import EvaluatorChoice, Scenario, StrategyName
    from expsim_bayes.simulate import DuelWorld, PodiumWorld, World
    from expsim_bayes.variants import Variant

LEARNING_FIRST = 4
"""Items behind the first point of a learning curve."""
LEARNING_LOOKS, LEARNING_ITEMS = {"given": 50, "estimated": 20}, {"given": 4, "estimated": 20}
"""Points of a learning curve, and new items between two of them, by whether noise and severities are known or have to be estimated, which
takes its time at each point and more items."""
TOLERANCE = 1e-9
"""Differences in quality below this are rounding."""


class Estimate(NamedTuple):
    """A mean over replications with its Monte-Carlo standard error."""

    value: float
    """The mean, or the share."""
    mcse: float
    """Its Monte-Carlo standard error."""

    def __str__(self) -> str:
        return f"{self.value:.3g} +- {self.mcse:.2g}"


class Endings(NamedTuple):
    """How each replication ended, judged against the truth; all (replication,) booleans."""

    right: NDArray[np.bool_]
    """A launch within min_effect of the best, or none where none beats the control by min_effect."""
    right_launch: NDArray[np.bool_]
    """A launch that is right."""
    false_launch: NDArray[np.bool_]
    """A launch of a variant that is not better than the control."""
    wrong_stop: NDArray[np.bool_]
    """A stop with a statement that is false."""
    undecided: NDArray[np.bool_]
    """The budget or the looks ran out before a rule decided."""


class Characteristics(NamedTuple):
    """What a way of running an experiment achieves and costs."""

    strategy: StrategyName
    """ab, bandit or sequential."""
    evaluators: EvaluatorChoice
    """llm, human or both."""
    replications: int
    """Experiments that were simulated."""
    right: Estimate
    """Share that ended right."""
    right_launch: Estimate
    """Share that launched the right variant."""
    false_launch: Estimate
    """Share that launched a variant no better than the control."""
    wrong_stop: Estimate
    """Share that stopped with a false statement."""
    undecided: Estimate
    """Share that ran out of looks or money undecided."""
    ratings: Estimate
    """Mean ratings."""
    usd: Estimate
    """Mean dollars."""
    days: Estimate
    """Mean days."""
    looks: Estimate
    """Mean looks."""

    def __repr__(self) -> str:
        return as_text(*self._told())

    def _repr_html_(self) -> str:
        return as_html(*self._told())

    def _told(self) -> tuple[str, list[tuple[str, str]]]:
        """What was run, and how often it ended how."""
        said = {
            "right": "Ended right", "right_launch": "Launched the right one", "false_launch": "Launched what is no better",
            "wrong_stop": "Stopped with a false statement", "undecided": "Undecided", "ratings": "Ratings", "usd": "Dollars",
            "days": "Days", "looks": "Looks",
        }  # fmt: skip
        rows = [(label, str(getattr(self, name))) for name, label in said.items()]
        return f"{self.strategy}, evaluators {self.evaluators}: {self.replications:,} experiments", rows


def endings(result: xr.Dataset, scenario: Scenario) -> Endings:
    """How each replication of a run ended.

    Parameters
    ----------
    result : xarray.Dataset
        From `experiment.run`.
    scenario : Scenario
        The scenario that was run.
    """
    sign = 1.0 if scenario.higher_is_better else -1.0
    quality = sign * result["quality_true"].values
    decision, launched = result["decision"].values, result["launched"].values
    allowed = allowed_by_guardrails(scenario)
    control = scenario.control_index
    best = np.where(allowed, quality, -np.inf).max(axis=1)
    chosen = np.take_along_axis(quality, np.maximum(launched, 0)[:, None], axis=1)[:, 0]
    launch, decided_on_none = decision == LAUNCH, np.isin(decision, (KEEP_CONTROL, STOP_EQUIVALENT))
    today = quality[:, control] if control is not None else quality.min(axis=1)
    right_launch = launch & (chosen >= best - scenario.min_effect - TOLERANCE) & allowed[np.maximum(launched, 0)]
    beaten = best - today >= max(scenario.min_effect, TOLERANCE) - TOLERANCE * (scenario.min_effect > 0)
    spread = quality.max(axis=1) - quality.min(axis=1)
    false_launch = launch & (chosen <= today + TOLERANCE)
    said_equal_but_differ = (decision == STOP_EQUIVALENT) & (spread >= scenario.rope_width - TOLERANCE)
    right_launch &= ~false_launch
    wrong_stop = (launch & ~right_launch) | ((decision == KEEP_CONTROL) & beaten) | said_equal_but_differ
    return Endings(
        right=right_launch | (decided_on_none & ~beaten & ~wrong_stop),
        right_launch=right_launch,
        false_launch=false_launch,
        wrong_stop=wrong_stop,
        undecided=decision == COLLECT,
    )


def allowed_by_guardrails(scenario: Scenario) -> NDArray[np.bool_]:
    """(variant,) whether the true cost, latency and faults of each variant keep within the guardrails; the control always does."""
    allowed = np.ones(len(scenario.variants), dtype=bool)
    control = scenario.control_index
    for rule in scenario.guardrails:
        metric = np.array([_measured(v, rule.metric) for v in scenario.variants])
        today = metric[control if control is not None else 0]
        limit = rule.at_most or (
            today * rule.at_most_ratio if rule.at_most_ratio else today + (rule.at_most_more or 0.0)
        )
        allowed &= metric <= limit + TOLERANCE
    if control is not None:
        allowed[control] = True
    return allowed


def _measured(variant: Variant, metric: str) -> float:
    """The true value of what a guardrail limits."""
    return variant.usd_per_output if metric == "cost_usd" else float(getattr(variant, metric))


def characteristics(result: xr.Dataset, scenario: Scenario) -> Characteristics:
    """What a run achieved and cost, each with its Monte-Carlo error.

    Parameters
    ----------
    result : xarray.Dataset
        From `experiment.run` with ``history=False``.
    scenario : Scenario
        The scenario that was run.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> scenario = load("summarization-prompts")
    >>> found = characteristics(run(scenario, replications=200, random_seed=1, history=False), scenario)
    >>> found.right.value > 0.8
    True
    """
    ended = endings(result, scenario)
    usd = result["usd_rating"].sum("evaluator") + result["usd_generation"].sum("variant")
    return Characteristics(
        strategy=result.attrs["strategy"],
        evaluators=result.attrs["evaluators"],
        replications=result.sizes["replication"],
        **{name: estimate(getattr(ended, name)) for name in Endings._fields},
        ratings=estimate(result["ratings"].sum("evaluator").values),
        usd=estimate(usd.values),
        days=estimate(result["days"].values),
        looks=estimate(result["stop_look"].values),
    )


def estimate(values: NDArray[np.generic]) -> Estimate:
    """Mean with its Monte-Carlo standard error; a share of 0 or 1 keeps an error above zero (Agresti and Coull 1998).

    Examples
    --------
    >>> estimate(np.zeros(96, dtype=bool))
    Estimate(value=0.0, mcse=0.014...)
    """
    numbers = np.asarray(values, dtype=float)
    n = numbers.size
    if values.dtype == bool:
        smoothed = (numbers.sum() + 2) / (n + 4)
        return Estimate(float(numbers.mean()), float(np.sqrt(smoothed * (1 - smoothed) / (n + 4))))
    return Estimate(float(numbers.mean()), float(numbers.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"))


def false_launch_rate(
    scenario: Scenario,
    *,
    strategy: StrategyName | None = None,
    evaluators: EvaluatorChoice = "both",
    random_seed: int = 0,
    replications: int = 1_000,
    progress: Callable[[int], None] | None = None,
) -> Estimate:
    """How often the rules launch something when every variant is as good as the control.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> false_launch_rate(load("summarization-prompts"), replications=200, random_seed=1).value < 0.15
    True
    """
    equal = scenario.without_difference()
    result = run(
        equal,
        strategy=strategy,
        evaluators=evaluators,
        random_seed=random_seed,
        replications=replications,
        history=False,
        progress=progress,
    )
    return estimate(result["decision"].values == LAUNCH)


def compare(
    scenario: Scenario,
    *,
    strategies: Sequence[StrategyName] | None = None,
    evaluators: Sequence[EvaluatorChoice] = ("llm", "human", "both"),
    random_seed: int = 0,
    replications: int = 1_000,
    progress: Callable[[int], None] | None = None,
) -> tuple[Characteristics, ...]:
    """Strategies and evaluators side by side, on the same random numbers.

    Parameters
    ----------
    scenario : Scenario
        The experiment.
    strategies : sequence of str, optional
        Which to compare; all that the scenario declares unless told.
    evaluators : sequence of {"llm", "human", "both"}
        Who rates.
    random_seed : int
        Shared by all.
    replications : int
        Experiments of each.
    progress : callable, optional
        Called with the number of experiments done so far, over all.
    """
    found: list[Characteristics] = []
    for strategy in strategies or tuple(scenario.strategies):
        for choice in evaluators:
            done = len(found) * replications
            result = run(
                scenario,
                strategy=strategy,
                evaluators=choice,
                random_seed=random_seed,
                replications=replications,
                history=False,
                progress=None if progress is None else lambda count, done=done: progress(done + count),  # type: ignore[misc]
            )
            found.append(characteristics(result, scenario.rated_by(choice)))
    return tuple(found)


def judges_floor(scenario: Scenario, *, random_seed: int = 0, replications: int = 10_000) -> Estimate:
    """Chance of the right pick with endless ratings by the judges alone, whose mean tastes then pass for quality.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> 0.85 < judges_floor(load("summarization-prompts")).value < 0.95
    True
    """
    judges = scenario.rated_by("llm")
    streams = Streams(random_seed, 0, replications)
    sign = 1.0 if scenario.higher_is_better else -1.0
    quality, seen = _verdicts_of(judges, streams) if scenario.outcome == "binary" else _opinions_of(judges, streams)
    quality = sign * quality
    picked = np.take_along_axis(quality, (sign * seen).argmax(axis=1)[:, None], axis=1)[:, 0]
    return estimate(picked >= quality.max(axis=1) - scenario.min_effect - TOLERANCE)


def _verdicts_of(judges: Scenario, streams: Streams) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(replication, variant) shares of outputs that pass, and that judges say pass; of those who never err where there is one."""
    rates = draw_rates(judges, streams)
    passes = rates.quality[:, None]
    told = passes * rates.sensitivity + (1.0 - passes) * (1.0 - rates.specificity)
    exact = np.array([not e.errs for e in judges.evaluators])
    return rates.quality, np.average(told, axis=1, weights=exact if exact.any() else None)


def _opinions_of(judges: Scenario, streams: Streams) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(replication, variant) qualities, and what variants add in the eyes of the judges."""
    world: World | StarWorld | DuelWorld | PodiumWorld
    if judges.outcome in SIDE_BY_SIDE:
        world = (draw_duel_world if judges.outcome == "preference" else draw_podium_world)(judges, streams)
        added = stretch(judges) * world.q
    else:
        world = draw_star_world(judges, streams) if judges.outcome == "ordinal" else draw_world(judges, streams)
        added = world.q if isinstance(world, StarWorld) else world.added
    use = np.array([e.scale_use for e in judges.evaluators])[:, None]
    sd = np.array([e.shift_sd for e in judges.evaluators])
    weight = (sd == 0).astype(float) if (sd == 0).any() else np.square(use[:, 0] / sd)
    return world.quality, np.average(added[:, None] + world.shift / use, axis=1, weights=weight)


def learning_curve(
    scenario: Scenario,
    *,
    evaluators: EvaluatorChoice = "both",
    random_seed: int = 0,
    replications: int = 1_000,
) -> xr.Dataset:
    """Chance of the right pick against dollars, look by look, when nobody stops early.

    The pick of a look is the variant with the best posterior mean. With judges alone the chance goes flat at a floor that no number of
    ratings can pass.

    Returns
    -------
    xarray.Dataset
        ``usd``, ``right`` and ``mcse`` with dim look.
    """
    import xarray as xr

    fixed = [name for name, s in scenario.strategies.items() if isinstance(s.allocation, Fixed)]
    strategy = fixed[0] if fixed else scenario.default_strategy
    endless = scenario.strategies[strategy].model_copy(update={"stopping": (), "decide": "end"})
    patient = scenario.model_copy(
        update={
            "strategies": {strategy: endless},
            "default_strategy": strategy,
            "items": scenario.items.model_copy(update={"count": None}),
            "looks": LEARNING_LOOKS[scenario.components],
            "outputs_per_look": LEARNING_ITEMS[scenario.components] * scenario.outputs_per_item(strategy),
            "first_look_outputs": LEARNING_FIRST * scenario.outputs_per_item(strategy),
            "pending_outputs": 0,
            "budget_usd": None,
            "max_ratings": None,
            "guardrails": (),
        }
    )
    result = run(
        patient, evaluators=evaluators, random_seed=random_seed, replications=replications, probabilities=False
    )
    sign = 1.0 if scenario.higher_is_better else -1.0
    quality = sign * result["quality_true"]
    pick = (sign * result["quality_mean"]).argmax("variant")
    right = quality.isel(variant=pick) >= quality.max("variant") - scenario.min_effect - TOLERANCE
    usd = result["usd_rating"].sum("evaluator") + result["usd_generation"].sum("variant")
    shares = [estimate(right.isel(look=at).values) for at in range(result.sizes["look"])]
    return xr.Dataset(
        {
            "usd": usd.mean("replication"),
            "right": ("look", [share.value for share in shares]),
            "mcse": ("look", [share.mcse for share in shares]),
        },
        attrs={"evaluators": evaluators, "replications": replications},
    )
