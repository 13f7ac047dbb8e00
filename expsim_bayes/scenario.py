"""A scenario: everything that is believed about an experiment before it is paid for, declared in TOML.

`Scenario` and its parts are frozen pydantic models; `load` reads one from the library or from a file, and a mistake is told by its TOML
key with what to do about it. The same names of parameters appear in the simulator, in the fast posterior and in the PyMC models.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from expsim_bayes.allocation import Fixed, Policy, check_policy
from expsim_bayes.errors import ScenarioError, SettingError
from expsim_bayes.evaluators import Evaluator, panel, rater_names
from expsim_bayes.frozen import Frozen
from expsim_bayes.outcomes import EQUAL, SIDE_BY_SIDE, OutcomeName, check_outcome
from expsim_bayes.prices import Price, filled_in
from expsim_bayes.stopping import Budget, Equivalence, Guardrail, Inferiority, MaxRatings, Rule, check_rules, mirrored
from expsim_bayes.toml_keys import explained
from expsim_bayes.variants import Variant

StrategyName = Literal["ab", "bandit", "sequential"]
EvaluatorChoice = Literal["llm", "human", "both"]

LEVEL_SD = 0.35
"""Prior SD of an evaluator's level, in widths of the score range."""
SD_VARIANT_LOGITS: dict[OutcomeName, float] = {"ordinal": 0.7, "preference": 1.0, "ranking": 1.0}
"""Prior SD of what variants add unless told, as in `models.ordinal`, `models.preference` and `models.ranking`; logits."""

STRATEGY_TITLES: dict[StrategyName, str] = {"ab": "A/B test", "bandit": "bandit", "sequential": "sequential test"}


class Items(Frozen):
    """The prompts or documents on which variants are tried."""

    count: int | None = Field(default=None, ge=1)
    """Items at hand; without it new ones keep coming, as with live traffic."""
    sd: float = Field(default=0.0, ge=0)
    """SD of how easy items are, in points; ordinal: in logits."""
    interaction_sd: float = Field(default=0.0, ge=0)
    """SD of how much an item suits a variant, in points; ordinal, preference, ranking: in logits."""


class Strategy(Frozen):
    """How outputs are shared out among variants, and when to stop."""

    allocation: Policy = Fixed()
    """Policy that shares out the outputs of a look."""
    assignment: Literal["paired", "split"] | None = None
    """How items are shared out under this strategy, where it differs from the scenario's."""
    decide: Literal["every look", "end"] = "every look"
    """Whether the stopping rules are asked at every look or only after the last."""
    stopping: tuple[Rule, ...]
    """Rules, asked in this order; the first that fires decides."""


class Scenario(Frozen):
    """An experiment before it is paid for.

    Examples
    --------
    >>> scenario = load("summarization-prompts")
    >>> scenario.variant_names
    ('A', 'B')
    """

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Short name, in lower case with hyphens."""
    title: str
    """One line for a heading."""
    story: str = ""
    """What is at stake, in plain words."""
    teaches: str = ""
    """What one learns from it, in a sentence."""
    right_answer: str = ""
    """What a perfect experiment would decide, and why."""
    sources: tuple[str, ...] = ()
    """Where the figures come from; an assumption says that it is one."""
    prices: dict[str, Price] = Field(default_factory=dict)
    """Prices of models and ratings by name that hold here in place of those of the library, each with its source."""
    variants: tuple[Variant, ...] = Field(min_length=2)
    """The arms."""
    control: str | None = None
    """The variant in use today; without it all variants are new."""
    outcome: OutcomeName = "score"
    """What is seen of an output: a score by everyone who rates it; binary, whether it passes or fails, seen as it is or with errors;
    ordinal, one of a few steps (stars) by everyone who rates it; preference, which of two outputs of an item is better, if either; or
    ranking, the outputs of an item put in order. With stars, quality, min_effect and rope are in points, with preferences shares of
    comparisons, with rankings shares of those in which one variant stands before another. Everything else of the story is then in logits,
    on whose scale the noise of a rating has an SD of 1.81, that of a place in a ranking 1.28."""
    rate_prior: tuple[float, float] = (1.0, 1.0)
    """Belief about each variant's rate of success where the outcome is binary: the parameters of a Beta, 1 or more each."""
    score_range: tuple[float, float]
    """Ends of the score scale; where the outcome is ordinal, its first and last step, 2 to 20 of whole points."""
    higher_is_better: bool = True
    """Whether a higher score is better."""
    clip_to_range: bool = False
    """Whether scores beyond the ends of the scale are recorded as the end."""
    items: Items = Items()
    """The items."""
    evaluators: tuple[Evaluator, ...] = Field(min_length=1)
    """Who rates."""
    overlap: float = Field(default=1.0, gt=0, le=1)
    """Share of the items whose outputs people rate besides the judges, who rate all; alone, people rate all."""
    assignment: Literal["paired", "split"] = "paired"
    """paired: an item is answered by several variants; split: by one, as with live traffic."""
    variants_per_item: int = Field(default=2, ge=2)
    """Variants that answer an item where a bandit chooses among them in a paired design."""
    traffic: dict[str, float] | None = None
    """Weights of the variants in a split design with a fixed allocation; equal unless told."""
    looks: int = Field(ge=1)
    """Interim analyses, the last included."""
    outputs_per_look: int = Field(ge=1)
    """Outputs that are generated and rated between two looks."""
    first_look_outputs: int | None = Field(default=None, ge=1)
    """Outputs before the first look, where they are not outputs_per_look."""
    pending_outputs: int = Field(default=0, ge=0)
    """Outputs that are already under way at a look, shared out by what the look before it showed, and seen at the next."""
    components: Literal["given", "estimated"] = "given"
    """Whether the analysis knows noise, severities, other SDs, uses of the scale and shares of errors, or estimates them from the ratings,
    as a fit does; given unless told, and estimated where somebody errs about pass and fail, and where the outcome is ordinal, a
    preference or a ranking."""
    sd_variant: float | None = Field(default=None, gt=0)
    """Belief: SD of what variants add, in points, a tenth of the range unless told; ordinal, preference, ranking: in logits, .7, 1
    and 1."""
    min_effect: float = Field(default=0.0, ge=0)
    """Smallest difference in quality that matters, in points."""
    rope: float | None = Field(default=None, gt=0)
    """Variants that differ by less than this are equivalent, in points; min_effect unless told."""
    guardrails: tuple[Guardrail, ...] = ()
    """Limits on cost, latency or faults that bar a variant from launch."""
    fault: str = "fails the check"
    """What a variant does in the outputs that `fault_rate` counts, as in "B hallucinates in 6 % of its outputs"."""
    budget_usd: float | None = Field(default=None, gt=0)
    """Dollars that may be spent."""
    max_ratings: int | None = Field(default=None, ge=1)
    """Ratings that may be collected."""
    generation_parallel: int = Field(default=8, ge=1)
    """Outputs that are generated at the same time."""
    default_strategy: StrategyName = "sequential"
    """Strategy that is run unless told."""
    strategies: dict[StrategyName, Strategy] = Field(min_length=1)
    """How the experiment may be run."""
    _defines_quality: Evaluator | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _votes_are_estimated(cls, declared: Any) -> Any:
        if not isinstance(declared, dict):
            return declared
        some = declared.get("evaluators") or ()
        errs = any(isinstance(e, dict) and {"sensitivity", "specificity"} & set(e) for e in some)
        votes = declared.get("outcome") in SD_VARIANT_LOGITS or (declared.get("outcome") == "binary" and errs)
        return {"components": "estimated"} | declared if votes else declared

    @model_validator(mode="before")
    @classmethod
    def _own_prices(cls, declared: Any) -> Any:
        return filled_in(declared)

    @field_validator("score_range")
    @classmethod
    def _range_ascends(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] >= value[1]:
            raise ValueError("must be [low, high] with low below high")
        return value

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Scenario:
        self._check_names()
        self._check_qualities()
        if self.default_strategy not in self.strategies:
            raise ValueError(
                f"default_strategy: {self.default_strategy!r} is not among the strategies; add it or name another"
            )
        self._check_traffic()
        self._check_schedule()
        check_outcome(self)
        for name, strategy in self.strategies.items():
            self._check_strategy(name, strategy)
        return self

    def _check_names(self) -> None:
        declared = {
            "variants": self.variant_names,
            "evaluators": tuple(e.name for e in self.evaluators),
            "raters of the evaluators": tuple(name for e in self.evaluators for name in rater_names(e)),
        }
        for key, taken in declared.items():
            twice = sorted(name for name, times in Counter(taken).items() if times > 1)
            if twice:
                raise ValueError(f"{key}: name {twice[0]!r} is used twice; give each its own")
        for key, names in (
            ("control", [self.control] if self.control is not None else []),
            ("traffic", self.traffic or {}),
            *((f"evaluators.{e.name}.shift", e.shift) for e in self.evaluators),
        ):
            for name in names:
                if name not in self.variant_names:
                    raise ValueError(f"{key}: no variant is called {name!r}; there are {', '.join(self.variant_names)}")

    def _check_traffic(self) -> None:
        if self.traffic and any(not weight > 0 for weight in self.traffic.values()):
            raise ValueError("traffic: weights must be above 0; leave a variant without traffic out of the experiment")
        if self.traffic and set(self.traffic) != set(self.variant_names):
            raise ValueError("traffic: give a weight for every variant")
        if self.traffic and self.assignment == "paired":
            raise ValueError(
                'traffic: a paired design shows every item to all variants; leave it out, or set assignment = "split"'
            )

    def _check_schedule(self) -> None:
        if self.pending_outputs > self.outputs_per_look:
            raise ValueError(
                f"pending_outputs: {self.pending_outputs} are more than the {self.outputs_per_look} of a look, and all that "
                "is under way at a look must be seen at the next; lower pending_outputs, or raise outputs_per_look"
            )

    def _check_qualities(self) -> None:
        low, high = self.score_range
        for variant in self.variants:
            if not low <= variant.quality <= high:
                raise ValueError(
                    f"variants: quality {variant.quality:g} of {variant.name!r} lies outside score_range {low:g} to {high:g}; "
                    "mend one of the two"
                )

    def _check_strategy(self, name: StrategyName, strategy: Strategy) -> None:
        for position, rule in enumerate(strategy.stopping):
            key = f"strategies.{name}.stopping[{position}]"
            if isinstance(rule, Guardrail):
                raise ValueError(f"{key}: a guardrail holds for every strategy; declare it under [[guardrails]]")
            if isinstance(rule, Equivalence) and self.rope_width == 0:
                raise ValueError(
                    f"rope: {key} asks whether variants are equivalent, and nothing says within what; give rope"
                )
        try:
            check_rules(self.guardrails, len(self.variants), has_control=self.control is not None, where="guardrails")
            where = f"strategies.{name}.stopping"
            check_rules(strategy.stopping, len(self.variants), has_control=self.control is not None, where=where)
            check_policy(
                strategy.allocation,
                len(self.variants),
                variants=self.variant_names,
                where=f"strategies.{name}.allocation",
            )
        except SettingError as error:
            raise ValueError(str(error)) from None
        per_item = self.outputs_per_item(name)
        drops = any(isinstance(rule, Inferiority) for rule in strategy.stopping)
        if drops and (isinstance(strategy.allocation, Fixed) or per_item > 2):
            raise ValueError(
                f"strategies.{name}.stopping: inferiority drops variants, and this strategy goes on serving them; set "
                f"strategies.{name}.assignment to split, with the policy probability_matching (power = 0 keeps shares equal)"
            )
        if per_item > 1 and isinstance(strategy.allocation, Fixed) and strategy.allocation.weights:
            raise ValueError(
                f"strategies.{name}.allocation.weights: every variant answers every item of a paired design; "
                f"remove the weights, or set strategies.{name}.assignment to split"
            )
        for key in ("outputs_per_look", "first_look_outputs", "pending_outputs"):
            outputs = getattr(self, key) or 0
            if outputs % per_item:
                near = max(per_item, round(outputs / per_item) * per_item)
                raise ValueError(
                    f"{key}: {outputs} cannot be shared out in {per_item}s, the variants that answer "
                    f"an item in strategies.{name}; use {near}"
                )
        needed = self.outputs_before(self.looks) // per_item
        if self.items.count is not None and needed > self.items.count:
            raise ValueError(
                f"items.count: strategies.{name} needs {needed} items for {self.looks} looks and there are "
                f"{self.items.count}; raise items.count, or lower looks or outputs_per_look"
            )

    @property
    def variant_names(self) -> tuple[str, ...]:
        """Names of the variants, as declared."""
        return tuple(variant.name for variant in self.variants)

    @property
    def control_index(self) -> int | None:
        """Position of the control among the variants."""
        return None if self.control is None else self.variant_names.index(self.control)

    @property
    def rope_width(self) -> float:
        """Width within which variants count as equivalent: `rope`, else `min_effect`."""
        return self.min_effect if self.rope is None else self.rope

    @property
    def sd_variant_belief(self) -> float:
        """Prior SD of what variants add: `sd_variant`, else a tenth of the range, or what fits the logits of the outcome."""
        unless_told = SD_VARIANT_LOGITS.get(self.outcome, 0.1 * (self.score_range[1] - self.score_range[0]))
        return unless_told if self.sd_variant is None else self.sd_variant

    @property
    def level_belief(self) -> tuple[float, float]:
        """Prior mean and SD of an evaluator's level: the middle of the range, and .35 of its width."""
        low, high = self.score_range
        return (low + high) / 2, LEVEL_SD * (high - low)

    @property
    def defines_quality(self) -> Evaluator:
        """The evaluator whose opinion the declared qualities are: the reference of all who were declared, even where only others rate."""
        return self._defines_quality or self.evaluators[panel(self.evaluators).reference]

    def outputs_before(self, look: int) -> int:
        """Outputs that are seen in the looks before one, counted from 0; with `looks`, all of them."""
        first = self.outputs_per_look if self.first_look_outputs is None else self.first_look_outputs
        return 0 if look == 0 else first + (look - 1) * self.outputs_per_look

    def outputs_per_item(self, strategy: StrategyName) -> int:
        """Variants that answer an item under a strategy."""
        if (self.strategies[strategy].assignment or self.assignment) == "split":
            return 1
        fixed = self.outcome != "preference" and isinstance(self.strategies[strategy].allocation, Fixed)
        return len(self.variants) if fixed else min(self.variants_per_item, len(self.variants))

    def rules(self, strategy: StrategyName) -> tuple[Rule, ...]:
        """All rules in the order in which they are asked: guardrails, the strategy's own, ratings, budget.

        An inferiority without a threshold of its own has the mirror image of that of superiority.
        """
        limits: list[Rule] = []
        if self.max_ratings is not None:
            limits.append(MaxRatings(ratings=self.max_ratings))
        if self.budget_usd is not None:
            limits.append(Budget(usd=self.budget_usd))
        return (*self.guardrails, *mirrored(self.strategies[strategy].stopping), *limits)

    def declared(self, strategy: StrategyName | None) -> StrategyName:
        """The strategy that is meant: the default unless told.

        Raises
        ------
        ScenarioError
            It is not among the strategies of the scenario.
        """
        if strategy is not None and strategy not in self.strategies:
            raise ScenarioError(
                f"there is no strategy {strategy!r}",
                where=self.name,
                remedy=f"add [strategies.{strategy}], or choose {' or '.join(self.strategies)}",
            )
        return strategy or self.default_strategy

    @property
    def choices(self) -> tuple[EvaluatorChoice, ...]:
        """Who may rate: judges, people and both, or the only kind that is declared.

        Examples
        --------
        >>> load("reranker").choices
        ('llm', 'human', 'both')
        """
        people = [e.kind == "human" for e in self.evaluators]
        if any(people) and not all(people):
            return get_args(EvaluatorChoice)
        return ("human",) if all(people) else ("llm",)

    def rated_by(self, choice: EvaluatorChoice) -> Scenario:
        """The same scenario with only the judges, only the people, or both.

        Raises
        ------
        ScenarioError
            Nobody of that kind is declared.
        SettingError
            There is no such choice.
        """
        known = ", ".join(get_args(EvaluatorChoice))
        if choice not in get_args(EvaluatorChoice):
            raise SettingError(f"{choice!r} says not who rates", where="evaluators", remedy=f"choose among {known}")
        if choice == "both":
            return self
        kept = tuple(e for e in self.evaluators if (e.kind == "human") == (choice == "human"))
        if not kept:
            raise ScenarioError(
                f"there is no {'person' if choice == 'human' else 'judge'} among the evaluators",
                where=self.name,
                remedy=f"add one under [[evaluators]], or choose {'llm' if choice == 'human' else 'human'}",
            )
        # of outputs side by side in logits of who then is the reference, who may see less of a difference than those who define quality
        use = kept[panel(kept).reference].scale_use if self.outcome in SIDE_BY_SIDE else 1.0
        items = self.items.model_copy(update={"interaction_sd": use * self.items.interaction_sd})
        chosen = self.model_copy(update={"evaluators": tuple(e.told_in(use) for e in kept), "items": items})
        chosen._defines_quality = self.defines_quality.told_in(use)  # noqa: SLF001  (a copy of its own class)
        return chosen

    def without_difference(self) -> Scenario:
        """The same scenario with every variant as good and as safe as the control, and no taste of judges that the story fixes."""
        same = self.variants[self.control_index or 0]
        level = EQUAL if self.outcome in SIDE_BY_SIDE else same.quality
        return self.model_copy(
            update={
                "variants": tuple(
                    v.model_copy(update={"quality": level, "fault_rate": same.fault_rate}) for v in self.variants
                ),
                "evaluators": tuple(e.model_copy(update={"shift": {}}) for e in self.evaluators),
            }
        )


def library() -> tuple[str, ...]:
    """Names of the scenarios that come with the package.

    Examples
    --------
    >>> "reranker" in library()
    True
    """
    folder = resources.files("expsim_bayes.scenarios")
    return tuple(sorted(entry.name[: -len(".toml")] for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load(name: str | Path) -> Scenario:
    """A scenario of the library by its name, or of a TOML file by its path.

    Raises
    ------
    ScenarioError
        Nothing of that name exists, the file is no TOML, or a key does not fit: the message names the key and the remedy.
    """
    return parse(*text_of(name))


def text_of(name: str | Path) -> tuple[str, str]:
    """The TOML of a scenario of the library or of a file, and its name for messages.

    Raises
    ------
    ScenarioError
        Nothing of that name exists, or the file cannot be read.
    """
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ScenarioError(
                f"cannot be read ({error})", where=str(path), remedy="check the path and the encoding (UTF-8)"
            ) from None
        return text, str(path)
    if str(name) not in library():
        near = get_close_matches(str(name), library(), n=1)
        choice = f"choose among {', '.join(library())}, or give the path of a .toml file"
        raise ScenarioError(
            f"no scenario is called {str(name)!r}", remedy=f"did you mean {near[0]!r}?" if near else choice
        )
    entry = resources.files("expsim_bayes.scenarios") / f"{name}.toml"
    return entry.read_text(encoding="utf-8"), f"{name}.toml"


def parse(text: str, source: str = "scenario") -> Scenario:
    """A scenario from the text of a TOML file.

    Parameters
    ----------
    text : str
        TOML.
    source : str
        Name to use in messages.

    Raises
    ------
    ScenarioError
        The text is no TOML, or a key does not fit.
    """
    try:
        declared = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"is not valid TOML: {error}", where=source, remedy="mend the line that is named") from None
    try:
        return Scenario.model_validate(declared)
    except ValidationError as error:
        raise explained(error.errors(include_url=False), declared, source) from None
