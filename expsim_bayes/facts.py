"""The facts behind a recommendation: every number that a sentence, a table or a figure may use, in one frozen object.

Facts come first and sentences after, so that no text can say what was not computed. `Facts` holds what a simulated experiment and a fit
of real ratings have in common; `FitFacts` what only a fit knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from expsim_bayes.amounts import feature, percent, quantity
from expsim_bayes.notebook import as_html, as_text
from expsim_bayes.operating_characteristics import Estimate
from expsim_bayes.planning import Further

MOST_CHECKS = 16
"""Predictive checks that a page shows one by one."""
CI_PROB = 0.95
"""Probability of an interval unless told."""
PRIOR_PROB = 0.95
"""Share of a prior whose place is told."""

DecisionName = Literal["launch", "keep_control", "collect", "stop_equivalent", "refuse"]


@dataclass(frozen=True)
class Decision:
    """What to do: one of a closed set, with its reason."""

    name: DecisionName
    """launch, keep_control, collect, stop_equivalent or refuse."""
    variant: str | None = None
    """The variant to launch."""
    reason: str = ""
    """Which rule decided, or why none did."""
    threshold: float | None = None
    """Threshold of the rule that decided."""
    limit: str = ""
    """What ran out before a decision (budget, max_ratings or max_days); empty where nothing did."""


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its interval."""

    mean: float
    """Posterior mean."""
    low: float
    """Lower bound at `Facts.ci_prob`."""
    high: float
    """Upper bound at `Facts.ci_prob`."""


@dataclass(frozen=True)
class PriceFacts:
    """A price that what was spent rests on."""

    name: str
    """Of the model, or of the price for a rating."""
    said: str
    """The price in words."""
    as_of: str
    """Day, month or year of it; empty where that is not known."""
    source: str
    """Where it stands."""


@dataclass(frozen=True)
class FaultFacts:
    """How often the outputs of a variant have the fault that a guardrail limits."""

    does: str
    """What it does then, as a verb: hallucinates."""
    rate: Interval
    """Share of its outputs."""
    more: float | None
    """How much more often than the control does; None for the control and without one."""
    limit: float
    """The share that is allowed, or, where `against_control`, how much more."""
    against_control: bool
    """Whether the limit is an amount above the control's."""
    prob_over: float
    """Probability that it is over the limit."""
    bars: bool = False
    """Whether that bars it from launch."""
    waits: bool = False
    """Whether that is too much for a launch, and too little to bar it."""


@dataclass(frozen=True)
class VariantFacts:
    """What is known of one variant."""

    name: str
    """Its name."""
    quality: Interval
    """Quality, in the unit of the facts."""
    effect: Interval | None
    """Difference to the baseline, in the same unit; None for the baseline itself."""
    effect_sd: float | None
    """Posterior SD of that difference."""
    prob_best: float
    """Probability of being the best."""
    prob_better: float | None
    """Probability of being better than the baseline; None for the baseline itself."""
    expected_loss: float
    """Quality that choosing it is expected to give away."""
    outputs: int
    """Outputs that were rated, or comparisons, rankings or calls in which it took part."""
    usd_per_output: float | None = None
    """Mean dollars to generate one output."""
    latency_s: float | None = None
    """Mean seconds to generate one output."""
    allowed: bool = True
    """Whether the guardrails let it be launched."""
    true_quality: float | None = None
    """The truth, where it is known."""
    faults: FaultFacts | None = None
    """How often its outputs have the fault that a guardrail limits; None where none does."""


@dataclass(frozen=True)
class EvaluatorFacts:
    """What one evaluator did and cost."""

    name: str
    """Its name."""
    kind: str
    """human, llm or metric."""
    raters: int
    """How many took part."""
    ratings: int
    """Ratings given."""
    usd: float | None = None
    """Dollars they cost."""
    shift_sd: float | None = None
    """SD of its taste for a variant, in the unit of quality: believed, or estimated."""
    anonymous: bool = False
    """Whether names of its raters are slots, not persons."""


@dataclass(frozen=True)
class RaterFacts:
    """Severity of one rater."""

    name: str
    """The rater."""
    evaluator: str
    """The pool."""
    severity: Interval
    """How far above (+) or below (-) the pool's mean, in the unit of quality."""
    ratings: int
    """Ratings given."""


@dataclass(frozen=True)
class PlainMean:
    """What one would say of a variant without a model."""

    name: str
    """The variant."""
    mean: float
    """Mean of its scores by the reference."""
    standard_error: float
    """Its standard error when all ratings count as independent."""
    prob_best: float
    """Probability of being best under that assumption."""


@dataclass(frozen=True)
class Measure:
    """Something that a fit tells beside quality, such as the sensitivity of every judge, or the longest waits."""

    title: str
    """What it is, in a few words."""
    unit: str
    """Its unit, as `amounts.measured` takes it."""
    rows: tuple[tuple[str, Interval], ...]
    """(of whom or what, value)."""


@dataclass(frozen=True)
class Compared:
    """One feature of the ratings beside what the fitted model predicts of it."""

    name: str
    """What it is."""
    observed: float
    """In the ratings."""
    low: float
    """Lower end of the predictive interval."""
    high: float
    """Upper end."""
    reproduced: bool
    """Whether the model reproduces it."""

    def shown(self, value: float) -> str:
        """A value of the feature as it is written: shares in per cent."""
        return feature(self.name, value)


class Spread(NamedTuple):
    """How much something varies."""

    what: str
    """In words, with its raw name."""
    sd: Interval
    """Its standard deviation."""
    unit: str = ""
    """Of that, such as points or logits."""

    @property
    def shown(self) -> str:
        """What varies, with the unit."""
        return f"{self.what}, {self.unit}" if self.unit else self.what


@dataclass(frozen=True)
class PriorFacts:
    """What was believed of one number of a model before any rating was seen, or a setting of the model."""

    name: str
    """Its raw name, as `--prior` takes it."""
    what: str
    """The same in words, with the raw name."""
    form: str
    """The prior in words, with its number and unit."""
    likely: str
    """Where `PRIOR_PROB` of it lies; empty where that does not follow from its number."""
    value: float | bool | str | None
    """Its number, in its unit, or the setting."""
    unit: str = ""
    """Of that, such as points or logits."""
    asked: bool = False
    """Whether it was asked for, rather than the model's own."""
    default: str = ""
    """What the model would have taken; empty where it was not asked for."""

    @property
    def chosen(self) -> str:
        """By whom it was chosen: the model, or whoever fitted."""
        unless = f" (unless told: {self.default})" if self.default else ""
        return f"whoever fitted{unless}" if self.asked else "the model"


@dataclass(frozen=True)
class FitFacts:
    """What only a fit of ratings knows."""

    verdict: Literal["ok", "caution", "refuse"]
    """Of the diagnostics."""
    verdict_reasons: tuple[str, ...]
    """Why, each with its number."""
    sampled: bool = True
    """Whether a sampler was used, rather than none needed."""
    raters: tuple[RaterFacts, ...] = ()
    """Severities."""
    shifts: tuple[tuple[str, str, Interval], ...] = ()
    """(evaluator, variant, taste for it in the unit of quality)."""
    scale_use: tuple[tuple[str, Interval], ...] = ()
    """(evaluator, share of the scale it uses against the reference)."""
    spreads: tuple[Spread, ...] = ()
    """What varies, and how much."""
    measures: tuple[Measure, ...] = ()
    """What else the model tells."""
    plain_means: tuple[PlainMean, ...] = ()
    """The same variants without a model."""
    rank_correlation: float | None = None
    """Spearman correlation of the ranking with that of the plain means."""
    shift_scenarios: tuple[tuple[str, float, float], ...] = ()
    """(assumption on the judges' taste, effect of the leader, probability that it is better)."""
    terms: tuple[str, ...] = ()
    """Terms that were merged or left out, and why."""
    checks_failed: int = 0
    """Predictive checks in which the data lie outside what the model predicts."""
    checks: tuple[str, ...] = ()
    """How well the model reproduces the data."""
    compared: tuple[Compared, ...] = ()
    """The same as numbers."""
    priors: tuple[PriorFacts, ...] = ()
    """What was believed before any rating was seen."""

    def telling_checks(self) -> tuple[str, ...]:
        """The checks that a page has room for: all of a few, else those that fail, and how many do not."""
        if len(self.checks) <= MOST_CHECKS or len(self.checks) != len(self.compared):
            return self.checks
        failed = [told for told, row in zip(self.checks, self.compared, strict=True) if not row.reproduced]
        return (f"The model reproduces {len(self.checks) - len(failed)} of {len(self.checks)} features.", *failed)


@dataclass(frozen=True)
class Facts:
    """Everything that a report may say."""

    title: str
    """Heading."""
    source: str
    """Scenario or file."""
    decision: Decision
    """What to do."""
    variants: tuple[VariantFacts, ...]
    """As declared, or from best to worst in a fit; none where a fit is refused."""
    evaluators: tuple[EvaluatorFacts, ...]
    """Who rated."""
    baseline: str
    """The variant that others are compared with: the control, else the runner-up; empty where nothing is compared."""
    leader: str
    """The variant with the best posterior mean among those allowed; empty where nothing is compared."""
    control: str | None
    """The variant in use today."""
    higher_is_better: bool
    """Direction of the scale."""
    score_range: tuple[float, float] | None
    """Ends of the scale."""
    ci_prob: float
    """Probability of the intervals."""
    min_effect: float
    """Smallest difference that matters, in the unit of quality."""
    rope: float
    """Width of equivalence, in the unit of quality."""
    prob_equivalent: float | None
    """Probability that all variants are within it; None where a fit is refused."""
    mcse: float
    """Largest Monte-Carlo error of the probabilities."""
    ratings: int
    """Ratings, comparisons, rankings or calls used."""
    model: str = "continuous"
    """Which model of the family says so."""
    why_model: str = ""
    """Why it was chosen; empty where it was asked for."""
    unit: str = "points"
    """Unit of quality: one of `amounts.UNITS`."""
    about: str = "mean"
    """Of what quality is the mean or a quantile: mean, p50 or p95 of what calls use up; the mean of anything else."""
    rated: str = "rating"
    """What one of `ratings` is called: rating, comparison, ranking or call."""
    looks: int | None = None
    """Looks taken; None where not declared."""
    looks_planned: int | None = None
    """Looks that were planned."""
    false_launch: Estimate | None = None
    """How often the rules launch something when all variants are equal."""
    usd: float | None = None
    """Dollars spent."""
    usd_generation: float | None = None
    """Of them for generating outputs."""
    days: float | None = None
    """Days taken."""
    budget_usd: float | None = None
    """Dollars that might be spent."""
    further: tuple[Further, ...] = ()
    """What further ratings would bring, by kind."""
    pairing_gain: float | None = None
    """How many times as many outputs a split design would need for the same certainty."""
    threshold: float | None = None
    """Probability that the rules ask for before they launch, of being the best or of beating the control."""
    limits: str = "cost or latency"
    """What the guardrails limit."""
    ended_right: bool | None = None
    """Whether the decision was right, where the truth is known."""
    story: str = ""
    """What is at stake."""
    right_answer: str = ""
    """What a perfect experiment would decide."""
    sources: tuple[str, ...] = ()
    """Where the scenario's figures come from."""
    prices: tuple[PriceFacts, ...] = ()
    """Prices that the dollars rest on, where they were looked up."""
    notices: tuple[str, ...] = ()
    """Conversions, exclusions, counts and warnings."""
    provenance: tuple[tuple[str, str], ...] = ()
    """(what, value): seed, versions, data, time."""
    fit: FitFacts | None = field(default=None)
    """What only a fit knows."""

    def __repr__(self) -> str:
        return as_text(*self._told())

    def _repr_html_(self) -> str:
        return as_html(*self._told())

    def _told(self) -> tuple[str, list[tuple[str, str]]]:
        """What is decided, why, and what is known of each variant."""
        decided = " ".join(filter(None, (self.decision.name.replace("_", " "), self.decision.variant)))
        rows = [("Why", self.decision.reason)]
        for v in self.variants:
            low, high = (quantity(end, self.unit) for end in (v.quality.low, v.quality.high))
            said = f"{quantity(v.quality.mean, self.unit)} ({100 * self.ci_prob:g} % from {low} to {high})"
            rows.append((v.name, f"{said}, the best with {percent(v.prob_best)}"))
        return f"{self.title}: {decided}", [*rows, ("Rests on", f"{self.ratings:,} {self.rated}s")]

    @property
    def cheapest_that_decides(self) -> Further | None:
        """The cheapest further ratings that decide, but by those who rate already unless new people cost less than half as much.

        Ratings are compared where prices are not known.
        """
        deciding = [f for f in self.further if f.ratings is not None]
        if not deciding:
            return None
        priced = all(f.usd is not None for f in deciding)

        def amount(batch: Further) -> tuple[float, int]:
            return float((batch.usd if priced else batch.ratings) or 0), batch.new_people

        cheapest = min(deciding, key=amount)
        at_hand = min((f for f in deciding if f.new_people == 0), key=amount, default=cheapest)
        return at_hand if amount(at_hand)[0] <= 2 * amount(cheapest)[0] else cheapest

    def variant(self, name: str) -> VariantFacts:
        """The facts of one variant."""
        return next(v for v in self.variants if v.name == name)
