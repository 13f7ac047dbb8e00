"""The loop of an experiment, look after look: allocate, rate, update, decide.

`run` plays thousands of replications of a scenario side by side and gives a Dataset; `play` plays one and keeps its ratings too. What is
true is known here, so results carry it along for those who count errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from expsim_bayes import superiority
from expsim_bayes.allocation import Fixed
from expsim_bayes.errors import ScenarioError, SettingError
from expsim_bayes.evaluators import panel
from expsim_bayes.posterior import Batch, State, beliefs, init, layout, quality_marginals, update
from expsim_bayes.record import Record
from expsim_bayes.simulate import (
    Look,
    Plan,
    Streams,
    Truth,
    assign,
    draw_look,
    draw_world,
    operations_of,
    plan,
    ratings_of,
)
from expsim_bayes.spending import Tally, nothing_spent, price_of_look, prob_breach, spend
from expsim_bayes.stopping import (
    COLLECT,
    CONTINUE,
    Budget,
    Evidence,
    MaxDays,
    MaxRatings,
    Verdicts,
    eligible,
    first,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings
    from expsim_bayes.scenario import EvaluatorChoice, Scenario, StrategyName
    from expsim_bayes.stopping import Rule

CHUNK = 1_000
"""Replications that are held in memory at once."""


class Played(NamedTuple):
    """One experiment, played to its decision."""

    history: xr.Dataset
    """What `run` gives for a single replication, with dim look."""
    ratings: Ratings
    """Its ratings, up to the look at which it stopped."""
    operations: pd.DataFrame
    """Tokens and latency of its outputs: variant, item, tokens_in, tokens_out, latency_s."""
    state: State
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
    chunk : int
        Replications that are held in memory at once.
    progress : callable, optional
        Called with the number of replications that are done.

    Returns
    -------
    xarray.Dataset
        ``quality_mean``, ``quality_sd``, ``effect_mean``, ``effect_sd`` (difference to the control, else to the first),
        ``prob_best``, ``prob_superior``, ``expected_loss`` (replication, [look,] variant); ``prob_equivalent``, ``mcse`` and
        ``days`` (replication[, look]); cumulative ``outputs``, ``usd_generation`` and ``seconds`` of latency (…, variant),
        ``ratings`` and ``usd_rating`` (…, evaluator);
        ``decision``, ``launched``, ``rule``, ``stop_look`` and ``quality_true`` at the stop. Looks after the stop are NaN.

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
        loop = _Loop(scenario, strategy, Streams(random_seed, start, stop), truth)
        loop.run(history=history)
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
    loop = _Loop(scenario, strategy, Streams(random_seed, 0, 1), "declared")
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
    return Played(history, ratings_of(scenario, kept), operations_of(scenario, kept), loop.state, scenario, whole)


def refuse_a_first_look_beyond_the_limits(scenario: Scenario, strategy: StrategyName) -> None:
    """Ask of the first look what the rules ask after each look about the next.

    Raises
    ------
    ScenarioError
        It may cost more, or take more ratings, than the scenario allows.
    """
    usd, ratings = price_of_look(scenario, plan(scenario, strategy, 0))
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


class _Loop:
    """The replications of one chunk: what is true of them, what is known, what was spent."""

    def __init__(self, scenario: Scenario, strategy: StrategyName, streams: Streams, truth: Truth) -> None:
        self.scenario = scenario
        self.strategy = strategy
        self.streams = streams
        self.world = draw_world(scenario, streams, truth=truth)
        self.who = panel(scenario.evaluators)
        self.components = beliefs(scenario)
        self.places = layout(self.components, rater_evaluator=self.who.rater_evaluator)
        self.rules = scenario.rules(strategy)
        self.limits: tuple[Rule, ...] = tuple(r for r in self.rules if isinstance(r, MaxRatings | Budget | MaxDays))
        self.replications = streams.stop - streams.start
        self.state = init(self.components, self.places)

    def run(self, *, history: bool, keep: list[tuple[Plan, NDArray[np.intp], Look]] | None = None) -> None:
        """Play all looks; `keep` receives plan, variants and ratings of each look of a lone replication."""
        record = self.record = Record(scenario=self.scenario, places=self.places, world=self.world, history=history)
        scenario, n_variants = self.scenario, len(self.scenario.variants)
        strategy = scenario.strategies[self.strategy]
        adaptive = not isinstance(strategy.allocation, Fixed)
        active = np.arange(self.replications)
        prob_best = np.full((self.replications, n_variants), 1.0 / n_variants)
        tally = nothing_spent(scenario, self.replications)
        upcoming = _plan_of(scenario, self.strategy, 0)
        for look in range(scenario.looks):
            assert upcoming is not None
            layout_of_look, upcoming = upcoming, _plan_of(scenario, self.strategy, look + 1)
            variant = assign(scenario, self.strategy, layout_of_look, prob_best, self.streams, look=look)
            rated = draw_look(scenario, layout_of_look, self.world, variant, self.streams, look=look)
            if keep is not None:
                keep.append((layout_of_look, variant, rated))
            tally = spend(tally, scenario, layout_of_look, variant, rated)
            batch = _batch(layout_of_look, variant, rated, active)
            self.state = update(self.state, batch, self.components, self.places)
            last = look == scenario.looks - 1
            may_stop = last or strategy.decide == "every look" or bool(self.limits)
            if not (may_stop or adaptive or history):
                continue
            snapshot, evidence = self._judge(tally, active, upcoming)
            prob_best[active] = evidence.prob_best
            verdicts = self._decide(evidence, look)
            done = verdicts.decision != CONTINUE
            snapshot |= {"decision": verdicts.decision, "launched": verdicts.variant, "rule": verdicts.rule}
            record.look(snapshot, active, done, look)
            if done.any():
                record.stop(self.state.of(done), active[done])
                active = active[~done]
            if not active.size:
                break
            if done.any():
                self.state = self.state.of(~done)

    def _judge(
        self, tally: Tally, active: NDArray[np.intp], upcoming: Plan | None
    ) -> tuple[dict[str, NDArray[Any]], Evidence]:
        """What is known and spent at a look, for the record and for the rules, and what the next would take."""
        scenario = self.scenario
        quality = quality_marginals(self.state, self.components, self.places)
        breach = prob_breach(tally, scenario, active)
        found = superiority.from_gaussian(
            quality.mean,
            quality.cov,
            control=scenario.control_index,
            min_effect=scenario.min_effect,
            rope=scenario.rope_width,
            higher_is_better=scenario.higher_is_better,
            eligible=eligible(scenario.guardrails, breach, scenario.control_index),
        )
        next_dollars, next_ratings = price_of_look(scenario, upcoming)
        usd = tally.usd_generation.sum(1) + tally.usd_rating.sum(1)
        evidence = Evidence(
            prob_best=found.prob_best,
            prob_superior=found.prob_superior,
            expected_loss=found.expected_loss,
            prob_equivalent=found.prob_equivalent,
            prob_breach=breach,
            dollars=usd[active],
            ratings=tally.ratings.sum(1)[active].astype(np.int64),
            days=tally.days[active],
            control=scenario.control_index,
            next_dollars=next_dollars,
            next_ratings=next_ratings,
        )
        base = scenario.control_index or 0
        effect_variance = (
            np.diagonal(quality.cov, axis1=1, axis2=2) + quality.cov[:, [base], [base]] - 2 * quality.cov[:, base]
        )
        snapshot = {
            "quality_mean": quality.mean,
            "quality_sd": np.sqrt(np.diagonal(quality.cov, axis1=1, axis2=2)),
            "effect_mean": quality.mean - quality.mean[:, [base]],
            "effect_sd": np.sqrt(np.maximum(effect_variance, 0.0)),
            "prob_best": found.prob_best,
            "prob_superior": found.prob_superior,
            "expected_loss": found.expected_loss,
            "prob_equivalent": found.prob_equivalent,
            "mcse": found.mcse,
            "outputs": tally.outputs[active],
            "ratings": tally.ratings[active],
            "usd_rating": tally.usd_rating[active],
            "usd_generation": tally.usd_generation[active],
            "seconds": tally.seconds[active],
            "days": tally.days[active],
        }
        return snapshot, evidence

    def _decide(self, evidence: Evidence, look: int) -> Verdicts:
        """The verdict of the rules; where they are asked only at the end, limits on spending end it early."""
        verdicts = first(self.rules, evidence, look=look + 1)
        if look == self.scenario.looks - 1:
            undecided = verdicts.decision == CONTINUE
            return verdicts._replace(decision=np.where(undecided, COLLECT, verdicts.decision))
        if self.scenario.strategies[self.strategy].decide == "every look":
            return verdicts
        spent = first(self.limits, evidence, look=look + 1).decision != CONTINUE
        return Verdicts(
            decision=np.where(spent, verdicts.decision, np.int8(CONTINUE)),
            variant=np.where(spent, verdicts.variant, -1),
            rule=np.where(spent, verdicts.rule, -1),
        )


def _plan_of(scenario: Scenario, strategy: StrategyName, look: int) -> Plan | None:
    """Who rates what at a look (from 0); None after the last."""
    return plan(scenario, strategy, look) if look < scenario.looks else None


def _batch(layout_of_look: Plan, variant: NDArray[np.intp], rated: Look, active: NDArray[np.intp]) -> Batch:
    """The ratings of a look for the replications that are still running."""
    answered = variant.reshape(variant.shape[0], -1)[:, layout_of_look.output]
    everyone = active.size == rated.score.shape[0]
    return Batch(
        score=rated.score if everyone else rated.score[active],
        variant=answered if everyone or answered.shape[0] == 1 else answered[active],
        rater=layout_of_look.rater,
        item=layout_of_look.item,
        cell=layout_of_look.output,
        output=layout_of_look.output,
        opinion=layout_of_look.opinion,
    )
