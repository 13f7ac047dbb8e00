"""What a look gave: the posterior in a few numbers, the decision, what was spent, and the facts of its report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from expsim_bayes.amounts import listed
from expsim_bayes.errors import ExpsimError
from expsim_bayes.facts import CI_PROB, Decision, Facts
from expsim_bayes.frozen import Frozen
from expsim_bayes.live.decision import Asked, Decided, breaches, decide, drop_threshold, found_in
from expsim_bayes.live.drift import Drift, drifts
from expsim_bayes.live.posterior import Posterior, Wanted, followable, seed_of
from expsim_bayes.live.spent import Spent, prices_of, spent
from expsim_bayes.recommend.experiment import launch_threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from expsim_bayes.facts import DecisionName
    from expsim_bayes.live.posterior import Engine
    from expsim_bayes.live.settings import Settings
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.scenario import Scenario
    from expsim_bayes.superiority import Superiority


class VariantAt(Frozen):
    """One variant after a look."""

    name: str
    """Its name."""
    mean: float
    """Posterior mean of its quality, in the unit of the look."""
    sd: float
    """Posterior SD."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end."""
    prob_best: float
    """Probability of being the best."""
    prob_superior: float | None
    """Probability to beat the control by more than min_effect; None for the control and without one."""
    expected_loss: float
    """Quality that choosing it is expected to give away."""


class EvaluatorAt(Frozen):
    """What one evaluator did up to a look."""

    name: str
    """Its name in the ratings."""
    kind: str
    """human, llm or metric."""
    declared: str | None
    """Its name in the scenario; None where nobody there is like it."""
    ratings: int
    """Ratings so far."""
    usd: float | None
    """Dollars for them; None where no price is known."""


class Look(Frozen):
    """What a look gave."""

    look: int
    """Its number, from 1."""
    random_seed: int
    """Its seed."""
    data_sha256: str
    """SHA-256 of all ratings up to it."""
    outcome: str
    """What a row is: score, comparison, ranking or operations."""
    model: str
    """Model that was fitted; empty where none could be."""
    why_model: str
    """Why that model; empty where it was asked for."""
    unit: str
    """Unit of quality."""
    higher_is_better: bool
    """Direction of quality."""
    ci_prob: float
    """Probability of the intervals."""
    ratings: int
    """Ratings so far."""
    evaluators: tuple[EvaluatorAt, ...]
    """Who rated."""
    outputs: dict[str, int]
    """Outputs so far, by variant."""
    usd: float
    """Dollars so far, as far as prices are known."""
    usd_generation: dict[str, float]
    """Of them for generating outputs, by variant."""
    days: float
    """Days so far, by the speeds that the scenario declares."""
    verdict: Literal["ok", "caution", "refuse"]
    """Whether the posterior may be believed."""
    reasons: tuple[str, ...]
    """Why not, or how well."""
    variants: tuple[VariantAt, ...]
    """What is known of each; none where the posterior is refused."""
    leader: str | None
    """The variant that is most probably the best."""
    prob_equivalent: float | None
    """Probability that all are within the rope."""
    mcse: float
    """Largest Monte-Carlo error of the probabilities."""
    decision: str
    """continue, launch, keep_control, collect, stop_equivalent or refuse."""
    variant: str | None
    """The variant to launch."""
    reason: str
    """Which rule decided, or why none did."""
    threshold: float | None
    """Threshold of that rule."""
    limit: str
    """What ran out."""
    dropped: tuple[str, ...]
    """Variants that are no longer tried, those of this look included."""
    drift: tuple[Drift, ...]
    """How judges rate, look against earlier looks."""
    notices: tuple[str, ...]
    """Conversions, exclusions, counts and warnings."""
    facts: Any = None
    """The facts of the report, as JSON; None where there are none."""

    @property
    def ends(self) -> bool:
        """Whether a rule has ended the experiment at this look."""
        return self.decision not in ("continue", "refuse")

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Evaluators whose price is not known."""
        return tuple(e.name for e in self.evaluators if e.usd is None)

    def of(self, name: str) -> VariantAt | None:
        """What is known of one variant."""
        return next((v for v in self.variants if v.name == name), None)

    def told_facts(self) -> Facts | None:
        """The facts of the report."""
        from pydantic import TypeAdapter, ValidationError

        if self.facts is None:
            return None
        try:
            return TypeAdapter(Facts).validate_python(self.facts)
        except ValidationError:  # written by a version whose facts were others
            return None


def look_at(
    joined: Ratings,
    batches: Sequence[Ratings],
    scenario: Scenario,
    settings: Settings,
    *,
    declared: tuple[str, ...],
    dropped: tuple[str, ...],
    engine: Engine,
    progress: Callable[[float, str], None] | None = None,
) -> Look:
    """The look after the last of some batches.

    Parameters
    ----------
    joined : Ratings
        All batches as one table, their rows in order.
    batches : sequence of Ratings
        One a look.
    scenario, settings
        Rules, prices, model and seed.
    declared : tuple of str
        All variants of the experiment so far.
    dropped : tuple of str
        Variants that were dropped before.
    engine : callable
        What gives the posterior.
    progress : callable, optional
        Called with the share done and a few words.
    """
    number = len(batches)
    seed = seed_of(settings.seed, number)
    bill = spent(batches, joined.table, scenario, settings)
    rows = np.repeat(np.arange(1, number + 1), [len(batch.table) for batch in batches])
    asked = Asked(
        scenario=scenario,
        strategy=settings.strategy,
        control=settings.control or scenario.control,
        look=number,
        missing=tuple(name for name in declared if name not in joined.variants and name not in dropped),
        dropped=dropped,
    )
    wanted = Wanted(
        min_effect=scenario.min_effect,
        rope=scenario.rope_width,
        threshold=launch_threshold(scenario, settings.strategy),
        prices=prices_of(joined, scenario, settings),
        random_seed=seed,
    )
    try:
        posterior = engine(joined, settings, wanted, progress=progress)
    except ExpsimError as error:  # these ratings do not allow a fit: said, and the next batch may mend it
        posterior = _none(joined, str(error))
    breach, unknown = breaches(joined.table, posterior.variants, asked)
    found = found_in(posterior, asked, breach)
    said = _refused(posterior) if posterior.verdict == "refuse" else decide(posterior, found, asked, bill, breach)
    variants = () if posterior.verdict == "refuse" else _variants(posterior, found)
    return Look(
        look=number,
        random_seed=seed,
        data_sha256=joined.sha256,
        outcome=joined.outcome,
        model=posterior.model,
        why_model=posterior.why_model,
        unit=posterior.unit,
        higher_is_better=posterior.higher_is_better,
        ci_prob=CI_PROB,
        ratings=bill.ratings if bill.evaluators else len(joined.table),
        evaluators=tuple(EvaluatorAt(**paid._asdict()) for paid in bill.evaluators),
        outputs=bill.outputs,
        usd=bill.usd,
        usd_generation=bill.usd_generation,
        days=bill.days,
        verdict=posterior.verdict,
        reasons=posterior.reasons,
        variants=variants,
        leader=max(variants, key=lambda v: v.prob_best).name if variants else None,
        prob_equivalent=float(found.prob_equivalent) if variants else None,
        mcse=float(found.mcse) if variants else 0.0,
        decision=said.decision,
        variant=said.variant,
        reason=said.reason,
        threshold=said.threshold,
        limit=said.limit,
        dropped=(
            *dropped,
            *_hopeless(variants, asked, drop_threshold(scenario, settings.strategy, settings.drop_below)),
        ),
        drift=drifts(joined, rows),
        notices=(*joined.notices, *unknown, *_unpriced(bill)),
        facts=_facts(posterior, said, bill, scenario, number),
    )


def _none(joined: Ratings, why: str) -> Posterior:
    """Stands for a posterior that there is not."""
    nothing = np.zeros((2, len(joined.variants)))
    return Posterior(joined.variants, nothing, 2.0, joined.higher_is_better, "", "", "refuse", followable((why,)))


def _refused(posterior: Posterior) -> Decided:
    return Decided("refuse", None, " ".join(posterior.reasons), None, "")


def _variants(posterior: Posterior, found: Superiority) -> tuple[VariantAt, ...]:
    low, high = np.quantile(posterior.quality, ((1 - CI_PROB) / 2, (1 + CI_PROB) / 2), axis=0)
    mean, sd = posterior.quality.mean(axis=0), posterior.quality.std(axis=0, ddof=1)
    return tuple(
        VariantAt(
            name=name,
            mean=float(mean[v]),
            sd=float(sd[v]),
            low=float(low[v]),
            high=float(high[v]),
            prob_best=float(found.prob_best[v]),
            prob_superior=None if np.isnan(found.prob_superior[v]) else float(found.prob_superior[v]),
            expected_loss=float(found.expected_loss[v]),
        )
        for v, name in enumerate(posterior.variants)
    )


def _hopeless(variants: Sequence[VariantAt], asked: Asked, below: float) -> tuple[str, ...]:
    """Variants that are dropped at this look; never the control."""
    return tuple(v.name for v in variants if v.prob_best < below and v.name not in (asked.control, *asked.dropped))


def _unpriced(bill: Spent) -> tuple[str, ...]:
    names = list(bill.unpriced)
    return (f"warning: no price is known for {listed(names)}, so their dollars are not counted",) if names else ()


def _facts(posterior: Posterior, said: Decided, bill: Spent, scenario: Scenario, number: int) -> Any:
    """The facts of the fit with the decision of the experiment's own rules, its looks and its price."""
    from pydantic import TypeAdapter

    if posterior.facts is None:
        return None
    name = cast("DecisionName", "collect" if said.decision == "continue" else said.decision)
    paid = {one.name: one.usd for one in bill.evaluators}
    facts = replace(
        posterior.facts,
        title=scenario.title,
        decision=Decision(name, said.variant, said.reason, said.threshold, said.limit),
        evaluators=tuple(replace(e, usd=paid.get(e.name)) for e in posterior.facts.evaluators),
        looks=number,
        looks_planned=scenario.looks,
        usd=None if bill.unpriced else bill.usd,
        usd_generation=sum(bill.usd_generation.values()) if posterior.facts.rated == "rating" else None,
        days=bill.days,
        budget_usd=scenario.budget_usd,
        story=scenario.story.strip(),
    )
    return TypeAdapter(Facts).dump_python(facts, mode="json")
