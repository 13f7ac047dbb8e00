"""An experiment run to its decision: many replications side by side, or one that is kept whole.

`run` plays thousands of replications of a scenario side by side and gives a Dataset; `play` plays one and keeps its ratings too. What is
true is known here, so results carry it along for those who count errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.errors import ScenarioError, SettingError
from expsim_bayes.loop import Loop
from expsim_bayes.simulate import Streams, items_under_way, operations_of, part_of, plan, ratings_of
from expsim_bayes.spending import price_of_look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.posterior import Known
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.scenario import EvaluatorChoice, Scenario, StrategyName
    from expsim_bayes.simulate import Look, Plan, Truth

CHUNK = 1_000
"""Replications that are held in memory at once."""


class Played(NamedTuple):
    """One experiment, played to its decision."""

    history: xr.Dataset
    """What `run` gives for a single replication, with dim look."""
    ratings: Ratings
    """Its ratings, up to the look at which it stopped."""
    operations: pd.DataFrame
    """Tokens, latency and faults of its outputs: variant, item, tokens_in, tokens_out, latency_s, and fault where variants have some."""
    known: Known
    """What is known at the stop: the posterior of every effect."""
    scenario: Scenario
    """The scenario as it was run, with only those evaluators who took part."""
    declared: Scenario
    """The scenario with everyone it declares."""


def run(
    scenario: Scenario,
    *,
    strategy: StrategyName | None = None,
    evaluators: EvaluatorChoice = "both",
    random_seed: int = 0,
    replications: int = 1,
    truth: Truth = "declared",
    history: bool = True,
    latents: bool = False,
    probabilities: bool = True,
    chunk: int = CHUNK,
    progress: Callable[[int], None] | None = None,
) -> xr.Dataset:
    """Many replications of an experiment, each to its decision or its last look.

    Parameters
    ----------
    scenario : Scenario
        The experiment.
    strategy : {"ab", "bandit", "sequential"}, optional
        How it is run; the scenario's default unless told.
    evaluators : {"llm", "human", "both"}
        Who rates.
    random_seed : int
        The same seed gives the same numbers for any `chunk`.
    replications : int
        Number of experiments.
    truth : {"declared", "prior"}
        Whether qualities are those of the scenario or drawn from its beliefs.
    history : bool
        Keep every look (dim ``look``), or only the state at the stop.
    latents : bool
        Also keep truth, posterior mean and SD of every latent effect at the stop (dim ``latent``), and ``latent_distance``, the squared
        Mahalanobis distance of the truth from the posterior mean, which is chi-square where the posterior is right.
    probabilities : bool
        Compute which variant is best at each look; False leaves NaN there, and takes a fraction of the time where no rule and no policy
        asks for it.
    chunk : int
        Replications that are held in memory at once.
    progress : callable, optional
        Called with the number of replications that are done.

    Returns
    -------
    xarray.Dataset
        ``quality_mean``, ``quality_sd``, ``effect_mean``, ``effect_sd`` (difference to the control, else to the first),
        ``prob_best``, ``prob_superior``, ``expected_loss`` (replication, [look,] variant); ``prob_equivalent``, ``mcse`` and
        ``days`` (replication[, look]); cumulative and with what is under way, ``outputs``, ``usd_generation`` and ``seconds``
        of latency (…, variant), ``ratings`` and ``usd_rating`` (…, evaluator);
        ``under_way``, the outputs that are not yet seen, where the scenario has some, ``faults`` where variants have
        some, and ``dropped`` where inferiority drops variants
        (…, variant); ``decision``, ``launched``, ``rule``, ``stop_look`` and ``quality_true`` at the stop. Looks after the stop are NaN.

    Raises
    ------
    ScenarioError
        The strategy or the evaluators are not declared, or the first look alone is beyond the budget.
    SettingError
        Fewer than one replication, or chunks of none.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> result = run(load("summarization-prompts"), replications=3, random_seed=1)
    >>> result.sizes["replication"], result.sizes["look"]
    (3, 16)
    """
    done = []
    for part in run_in_parts(
        scenario,
        strategy=strategy,
        evaluators=evaluators,
        random_seed=random_seed,
        replications=replications,
        truth=truth,
        history=history,
        latents=latents,
        probabilities=probabilities,
        chunk=chunk,
    ):
        done.append(part)
        if progress:
            progress(int(part["replication"][-1]) + 1)
    return joined(done)


def run_in_parts(
    scenario: Scenario,
    *,
    strategy: StrategyName | None = None,
    evaluators: EvaluatorChoice = "both",
    random_seed: int = 0,
    first: int = 0,
    replications: int = 1,
    truth: Truth = "declared",
    history: bool = True,
    latents: bool = False,
    probabilities: bool = True,
    chunk: int = CHUNK,
) -> Iterator[xr.Dataset]:
    """What `run` gives, chunk by chunk, from replication `first` on: for runs that may be interrupted and taken up again.

    Yields
    ------
    xarray.Dataset
        The next replications, to be put together by `joined`.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> parts = run_in_parts(load("summarization-prompts"), first=4, replications=9, chunk=3, history=False)
    >>> [part["replication"].values.tolist() for part in parts]
    [[4, 5, 6], [7, 8]]
    """
    if replications < 1 or chunk < 1:
        raise SettingError(
            f"{replications} replications in chunks of {chunk}",
            remedy="ask for 1 or more replications in chunks of 1 or more",
        )
    strategy = scenario.declared(strategy)
    scenario = scenario.rated_by(evaluators)
    refuse_a_first_look_beyond_the_limits(scenario, strategy)
    for start in range(first, replications, chunk):
        stop = min(start + chunk, replications)
        loop = Loop(scenario, strategy, Streams(random_seed, start, stop), truth)
        loop.run(history=history, probabilities=probabilities)
        part = loop.record.dataset(first=start, latents=latents)
        part.attrs.update(
            scenario=scenario.name,
            strategy=strategy,
            evaluators=evaluators,
            random_seed=random_seed,
            truth=truth,
            looks=scenario.looks,
        )
        yield part


def joined(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Replications of one run, put together."""
    import xarray as xr

    return parts[0] if len(parts) == 1 else xr.concat(parts, dim="replication", combine_attrs="override")


def play(
    scenario: Scenario,
    *,
    strategy: StrategyName | None = None,
    evaluators: EvaluatorChoice = "both",
    random_seed: int = 0,
) -> Played:
    """One experiment, with its ratings: the first replication that `run` gives for the same seed.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> played = play(load("summarization-prompts"), random_seed=1)
    >>> len(played.ratings.table) == int(played.history.ratings.max("look").sum())
    True
    """
    whole, strategy = scenario, scenario.declared(strategy)
    scenario = scenario.rated_by(evaluators)
    refuse_a_first_look_beyond_the_limits(scenario, strategy)
    loop = Loop(scenario, strategy, Streams(random_seed, 0, 1), "declared")
    kept: list[tuple[Plan, NDArray[np.intp], Look]] = []
    loop.run(history=True, keep=kept)
    history = loop.record.dataset(first=0, latents=True)
    history.attrs.update(
        scenario=whole.name,
        strategy=strategy,
        evaluators=evaluators,
        random_seed=random_seed,
        truth="declared",
        looks=scenario.looks,
    )
    return Played(history, ratings_of(scenario, kept), operations_of(scenario, kept), loop.known, scenario, whole)


def refuse_a_first_look_beyond_the_limits(scenario: Scenario, strategy: StrategyName) -> None:
    """Ask of the first look what the rules ask after each look about the next.

    Raises
    ------
    ScenarioError
        It may cost more, or take more ratings, than the scenario allows.
    """
    usd, ratings = price_of_look(scenario, plan(scenario, strategy, 0))
    if scenario.pending_outputs and scenario.looks > 1:
        following = plan(scenario, strategy, 1)
        more = price_of_look(scenario, part_of(following, last=items_under_way(scenario, following)))
        usd, ratings = usd + more[0], ratings + more[1]
    for key, limit, needed in (
        ("budget_usd", scenario.budget_usd, usd),
        ("max_ratings", scenario.max_ratings, ratings),
    ):
        if limit is not None and needed > limit:
            raise ScenarioError(
                f"{key} is {limit:g}, and the first look alone may need {needed:.4g}",
                where=scenario.name,
                remedy=f"raise {key}, or lower outputs_per_look",
            )
