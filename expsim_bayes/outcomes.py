"""Kinds of outcome that a scenario may have, and what it may declare with each.

A new kind needs its name in `OutcomeName`, a check here, its way to make looks up in `simulate.stories` and its posterior in
`posterior.known`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from expsim_bayes.allocation import Fixed
from expsim_bayes.evaluators import panel
from expsim_bayes.stopping import Inferiority

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from expsim_bayes.evaluators import Evaluator

OutcomeName = Literal["score", "binary", "ordinal", "preference", "ranking"]
"""score: everyone who rates gives a score; binary: an output passes or fails, and whoever rates sees it as it is or with errors; ordinal:
everyone who rates gives one of a few steps, such as 1 to 5 stars; preference: two outputs of an item stand side by side, and one is better
or neither is; ranking: everyone who rates puts the outputs of an item in order."""
VOTES: tuple[OutcomeName, ...] = ("ordinal", "preference", "ranking")
"""Those whose analysis needs a model of votes."""
SIDE_BY_SIDE: tuple[OutcomeName, ...] = ("preference", "ranking")
"""Those that rate all outputs of an item together, whose quality is a share."""
MOST_STEPS = 20
"""More steps are a continuous scale."""
NEAREST_END = 0.01
"""Points that quality keeps from the ends of a scale of steps: an average of stars reaches them only where all stars are alike."""
SHARES_WITHIN = 1e-6
"""How far the sum of shares may lie from 1."""
EQUAL = 0.5
"""Quality of the control, and of all where nothing differs, where outputs of an item are rated together."""
RAREST = 0.001
"""Share of comparisons below which a variant never wins."""
MOST_RANKED = 7
"""Outputs in a ranking, at most."""
MOST_PATTERNS, BOTH = 100, 2
"""Ways in which verdicts on one output may fall, at most; and sensitivity and specificity."""
WIDEST = 10.0
"""Logits beyond which an SD, or a favour for a side, is a slip of the pen."""


class Declared(Protocol):
    """What is asked of a scenario here; `Scenario` says what each means."""

    @property
    def outcome(self) -> OutcomeName: ...  # noqa: D102
    @property
    def rate_prior(self) -> tuple[float, float]: ...  # noqa: D102
    @property
    def score_range(self) -> tuple[float, float]: ...  # noqa: D102
    @property
    def clip_to_range(self) -> bool: ...  # noqa: D102
    @property
    def control(self) -> str | None: ...  # noqa: D102
    @property
    def assignment(self) -> str: ...  # noqa: D102
    @property
    def variants_per_item(self) -> int: ...  # noqa: D102
    @property
    def higher_is_better(self) -> bool: ...  # noqa: D102
    @property
    def strategies(self) -> Mapping[Any, Any]: ...  # noqa: D102
    @property
    def sd_variant(self) -> float | None: ...  # noqa: D102
    @property
    def evaluators(self) -> Sequence[Evaluator]: ...  # noqa: D102
    @property
    def variants(self) -> Sequence[Any]: ...  # noqa: D102
    @property
    def items(self) -> Any: ...  # noqa: D102


def check_outcome(scenario: Declared) -> None:
    """Refuse what the outcome of a scenario does not have.

    Raises
    ------
    ValueError
        Naming the key and the remedy.
    """
    CHECKS[scenario.outcome](scenario)
    if scenario.outcome != "preference":
        _no_sides(scenario)
    if scenario.outcome != "binary":
        _no_errors(scenario)


def _check_score(scenario: Declared) -> None:
    _refuse_rate_prior(scenario)
    for evaluator in scenario.evaluators:
        if evaluator.shares is not None:
            raise ValueError(
                f'evaluators.{evaluator.name}.shares: belongs to outcome = "ordinal"; leave it out, or change outcome'
            )
        if not evaluator.noise_sd > 0:
            raise ValueError(
                f"evaluators.{evaluator.name}.noise_sd: is missing; no score is without noise, so give its SD in points"
            )


def _refuse_rate_prior(scenario: Declared) -> None:
    if scenario.rate_prior != (1.0, 1.0):
        raise ValueError('rate_prior: belongs to outcome = "binary"; give sd_variant, or change outcome')


def _check_binary(scenario: Declared) -> None:
    """Outputs pass or fail; whoever rates sees it as it is, or with errors of two kinds that are the same for all outputs."""
    if scenario.score_range != (0.0, 1.0):
        low, high = scenario.score_range
        raise ValueError(
            f"score_range: is {low:g} to {high:g}, and quality is a rate where the outcome is binary; use [0, 1]"
        )
    if min(scenario.rate_prior) < 1:
        raise ValueError(
            "rate_prior: parameters below 1 put all belief at rates of 0 and 1; use [1, 1] where every rate is as likely"
        )
    for key in _blurs(scenario):
        raise ValueError(
            f"{key}: is not modelled from look to look where the outcome is binary: an output passes or fails, and errors are told by "
            'sensitivity and specificity, the same for all of an evaluator; leave it out, or use outcome = "score"'
        )
    for e in scenario.evaluators:
        _check_errors(e)
    exact = [e.name for e in scenario.evaluators if not e.errs]
    if len(exact) > 1:
        raise ValueError(
            f"evaluators: {', '.join(exact)} never err and would say the same; keep one, or declare sensitivity and specificity"
        )
    _check_reference(scenario)


def _check_errors(e: Evaluator) -> None:
    """Refuse errors, tastes and repeats that make no sense together."""
    at = f"evaluators.{e.name}"
    if e.kind == "llm" and not e.errs:
        raise ValueError(
            f"{at}.sensitivity: is missing, and a judge errs; give sensitivity and specificity, the shares of outputs that pass and that "
            'fail of which it says so, or kind = "metric" where it never errs'
        )
    for key in ("sensitivity_prior", "specificity_prior"):
        prior = getattr(e, key)
        if prior is not None and not e.errs:
            raise ValueError(
                f"{at}.{key}: {e.name} never errs, as neither sensitivity nor specificity is declared; declare them"
            )
        if prior is not None and not min(prior) > 0:
            raise ValueError(
                f"{at}.{key}: a Beta has two parameters above 0; use [1, 1] where every share is as likely"
            )
    for key, told in (("shift_sd", e.shift_sd), *((f"shift.{name}", taste) for name, taste in e.shift.items())):
        if told and not e.errs:
            raise ValueError(
                f"{at}.{key}: who never errs has no taste; leave it out, or declare sensitivity and specificity"
            )
        _refuse_beyond(abs(told), f"{at}.{key}")
    most = e.raters if e.kind == "human" and e.errs else 1
    if e.ratings_per_output > most:
        why = (
            "errors of different people are independent, and those of the same one asked again are not"
            if e.errs
            else "it never errs"
        )
        raise ValueError(f"{at}.ratings_per_output: is {e.ratings_per_output}, but {why}; use {most} at most")


def _check_reference(scenario: Declared) -> None:
    """Refuse a reference that is no better than chance, and more patterns of verdicts than are followed."""
    patterns = 1
    for e in scenario.evaluators:
        patterns *= 1 + e.ratings_per_output
    if patterns > MOST_PATTERNS:
        raise ValueError(
            f"evaluators: their verdicts on one output can fall in {patterns} ways, and {MOST_PATTERNS} are as many as are followed; "
            "lower ratings_per_output, or leave an evaluator out"
        )
    told = scenario.evaluators[panel(scenario.evaluators).reference]
    if not told.errs or any(not e.errs for e in scenario.evaluators):
        return
    declared = [1.0 if share is None else share for share in (told.sensitivity, told.specificity)]
    priors = [p[0] / sum(p) for p in (told.sensitivity_prior, told.specificity_prior) if p is not None]
    if sum(declared) <= 1 or (len(priors) == BOTH and sum(priors) <= 1):
        raise ValueError(
            f"evaluators.{told.name}: sensitivity and specificity add up to 1 or less, no better than chance, and what {told.name} would "
            "say in the long run is what is called the truth; raise them"
        )


def _blurs(scenario: Declared) -> Iterator[str]:
    """Keys that are declared and that a binary outcome does not have."""
    if scenario.sd_variant is not None:
        yield "sd_variant"
    if scenario.clip_to_range:
        yield "clip_to_range"
    yield from (f"items.{key}" for key in ("sd", "interaction_sd") if getattr(scenario.items, key) > 0)
    yield from (f"variants.{v.name}.output_sd" for v in scenario.variants if v.output_sd > 0)
    neutral = {
        "noise_sd": 0.0,
        "opinion_sd": 0.0,
        "severity_mean": 0.0,
        "severity_sd": 0.0,
        "taste_sd": 0.0,
        "scale_use": 1.0,
        "shares": None,
    }
    for e in scenario.evaluators:
        yield from (f"evaluators.{e.name}.{key}" for key, value in neutral.items() if getattr(e, key) != value)


def _check_ordinal(scenario: Declared) -> None:
    """Whole points as steps, everything else in logits of the latent scale, and noise that is logistic."""
    low, high = scenario.score_range
    n_steps = round(high - low) + 1
    if low % 1 or high % 1 or not 2 <= n_steps <= MOST_STEPS:
        raise ValueError(
            f"score_range: is {low:g} to {high:g}, and an ordinal outcome has 2 to {MOST_STEPS} steps of whole points; use [1, 5] for five "
            'stars, or outcome = "score"'
        )
    _refuse_rate_prior(scenario)
    if scenario.clip_to_range:
        raise ValueError("clip_to_range: steps never lie beyond the scale where the outcome is ordinal; leave it out")
    for variant in scenario.variants:
        if not low + NEAREST_END <= variant.quality <= high - NEAREST_END:
            raise ValueError(
                f"variants.{variant.name}.quality: {variant.quality:g} is too near an end of the scale, where every rating would be the "
                f"same step; keep it within {low + NEAREST_END:g} to {high - NEAREST_END:g}"
            )
    for evaluator in scenario.evaluators:
        if evaluator.noise_sd > 0:
            raise ValueError(
                f"evaluators.{evaluator.name}.noise_sd: the noise of an ordinal rating is logistic, with an SD of 1.81 logits; leave it "
                'out, or use outcome = "score"'
            )
        _check_shares(evaluator, n_steps)


def _check_shares(evaluator: Evaluator, n_steps: int) -> None:
    shares, where = evaluator.shares, f"evaluators.{evaluator.name}.shares"
    if shares is None:
        return
    if len(shares) != n_steps:
        raise ValueError(f"{where}: has {len(shares)} shares and the scale {n_steps} steps; give one for each step")
    if not min(shares) > 0:
        raise ValueError(f"{where}: every step needs a share above 0; give a step that is hardly used a small one")
    if abs(sum(shares) - 1) > SHARES_WITHIN:
        raise ValueError(f"{where}: add up to {sum(shares):g}; make them add up to 1")


def _no_errors(scenario: Declared) -> None:
    """Refuse what only verdicts of pass and fail have."""
    for e in scenario.evaluators:
        for key in ("sensitivity", "specificity", "sensitivity_prior", "specificity_prior"):
            if getattr(e, key) is not None:
                raise ValueError(
                    f'evaluators.{e.name}.{key}: belongs to outcome = "binary", where outputs pass or fail; leave it out, or change outcome'
                )


def _no_sides(scenario: Declared) -> None:
    """Refuse what only two outputs side by side have."""
    for e in scenario.evaluators:
        for key, neutral in (("order", 0.0), ("order_sd", 0.0), ("ties", None)):
            if getattr(e, key) != neutral:
                raise ValueError(
                    f'evaluators.{e.name}.{key}: belongs to outcome = "preference", where two outputs stand side by side; '
                    "leave it out, or change outcome"
                )


class _Said(NamedTuple):
    """What quality is where outputs of an item are rated together."""

    a: str
    """The outcome."""
    share: str
    """Quality, up to whom it is against."""
    better: str
    """Who is better."""
    meets: str
    """What that meets which cancels."""


_SAID = {
    "preference": _Said(
        "a preference",
        "share of comparisons won against",
        "whoever wins more comparisons",
        "both sides of a comparison",
    ),
    "ranking": _Said(
        "a ranking",
        "share of rankings in which a variant stands before",
        "whoever stands before others more often",
        "all outputs of a ranking",
    ),
}


def _check_preference(scenario: Declared) -> None:
    """Two outputs of an item side by side: what meets both sides cancels, and quality is a share of comparisons won."""
    _check_side_by_side(scenario, "taste_sd")
    _check_pairs(scenario)


def _check_ranking(scenario: Declared) -> None:
    """The outputs of an item put in order: what meets all of them cancels, and quality is how often one stands before another."""
    _check_side_by_side(scenario)
    for e in scenario.evaluators:
        _refuse_beyond(e.taste_sd, f"evaluators.{e.name}.taste_sd")
    _check_shown(scenario)


def _check_side_by_side(scenario: Declared, *absent: str) -> None:
    """Refuse what cancels, what is not modelled, and qualities that are no shares; `absent` keys of evaluators are refused, too."""
    said = _SAID[scenario.outcome]
    if scenario.score_range != (0.0, 1.0):
        low, high = scenario.score_range
        raise ValueError(
            f"score_range: is {low:g} to {high:g}, and quality is a {said.share} another where the outcome is {said.a}; use [0, 1]"
        )
    if not scenario.higher_is_better:
        raise ValueError(f"higher_is_better: is false, and {said.better} is better; leave it out, and declare who wins")
    for key in _cancels(scenario, absent):
        raise ValueError(
            f"{key}: meets {said.meets} and cancels, or is not modelled where the outcome is {said.a}; leave it out"
        )
    _check_shares_won(scenario, said)
    reference = panel(scenario.evaluators).reference
    for k, e in enumerate(scenario.evaluators):
        if k == reference and e.scale_use != 1:
            raise ValueError(
                f"evaluators.{e.name}.scale_use: is {e.scale_use:g}, and quality is what {e.name} sees, so it is 1 there; leave it out"
            )
        for key in ("order", "order_sd", "shift_sd"):
            _refuse_beyond(abs(getattr(e, key)), f"evaluators.{e.name}.{key}")
        for name, taste in e.shift.items():
            _refuse_beyond(abs(taste), f"evaluators.{e.name}.shift.{name}")
    _refuse_beyond(scenario.items.interaction_sd, "items.interaction_sd")


def _refuse_beyond(amount: float, key: str) -> None:
    if amount > WIDEST:
        raise ValueError(
            f"{key}: {amount:g} logits are beyond all that is seen ({WIDEST:g} turn 22,000 to 1); give it in logits"
        )


def _cancels(scenario: Declared, absent: tuple[str, ...]) -> Iterator[str]:
    """Keys that are declared and that outputs which are rated together do not have."""
    if scenario.rate_prior != (1.0, 1.0):
        yield "rate_prior"
    if scenario.clip_to_range:
        yield "clip_to_range"
    if scenario.items.sd > 0:
        yield "items.sd"
    yield from (f"variants.{v.name}.output_sd" for v in scenario.variants if v.output_sd > 0)
    keys = ("severity_mean", "severity_sd", *absent, "opinion_sd", "noise_sd")
    yield from (f"evaluators.{e.name}.{key}" for e in scenario.evaluators for key in keys if getattr(e, key) != 0)
    yield from (f"evaluators.{e.name}.shares" for e in scenario.evaluators if e.shares is not None)


def _check_shares_won(scenario: Declared, said: _Said) -> None:
    """Refuse qualities that no abilities of variants give."""
    for v in scenario.variants:
        if not RAREST <= v.quality <= 1 - RAREST:
            raise ValueError(
                f"variants: quality {v.quality:g} of {v.name!r} says that it always wins, or never; use {RAREST:g} to {1 - RAREST:g}"
            )
        if v.name == scenario.control and v.quality != EQUAL:
            raise ValueError(
                f"variants: quality of {v.name!r} is {v.quality:g}, and quality is the {said.share} the control: "
                f"that of the control itself is {EQUAL:g}"
            )
    if scenario.control is not None:
        return
    shares = sorted(v.quality for v in scenario.variants)
    mean = sum(shares) / len(shares)
    if abs(mean - EQUAL) > 1e-6:
        raise ValueError(
            f"variants: qualities average {mean:.4g}, and without a control each is the {said.share} the others, "
            f"which average {EQUAL:g}; change them, or name a control"
        )
    for few in range(1, len(shares)):
        # the weakest few meet each other too, and in each of those comparisons one win is shared out among them
        if (len(shares) - 1) * sum(shares[:few]) < few * (few - 1) / 2 + RAREST:
            raise ValueError(
                f"variants: the weakest {few} cannot win so little ({', '.join(f'{share:g}' for share in shares[:few])}), as they also "
                "meet each other; bring the qualities closer to each other, or name a control"
            )


def _check_pairs(scenario: Declared) -> None:
    """Refuse designs that do not show two outputs of an item."""
    if scenario.variants_per_item != 2:
        raise ValueError(
            f"variants_per_item: is {scenario.variants_per_item}, and a comparison shows two outputs of an item; leave it out"
        )
    _refuse_split(scenario, "a comparison needs two outputs of an item")
    for name, strategy in scenario.strategies.items():
        if not isinstance(strategy.allocation, Fixed):
            continue
        if strategy.allocation.weights:
            raise ValueError(
                f"strategies.{name}.allocation.weights: a fixed allocation takes all pairs of variants in turn; leave them out"
            )
        if any(isinstance(rule, Inferiority) for rule in strategy.stopping):
            raise ValueError(
                f"strategies.{name}.stopping: inferiority drops variants, and a fixed allocation goes on serving them; set the policy "
                "probability_matching (power = 0 keeps shares equal)"
            )


def _check_shown(scenario: Declared) -> None:
    """Refuse designs that do not show a few outputs of each item."""
    _refuse_split(scenario, "a ranking needs several outputs of an item")
    for name, strategy in scenario.strategies.items():
        fixed = isinstance(strategy.allocation, Fixed)
        shown = len(scenario.variants) if fixed else min(scenario.variants_per_item, len(scenario.variants))
        if shown > MOST_RANKED:
            raise ValueError(
                f"{'variants' if fixed else 'variants_per_item'}: strategies.{name} has {shown} outputs of an item put in order, and "
                f"{MOST_RANKED} are the most; "
                + ("set a policy that chooses among variants, such as probability_matching" if fixed else "lower it")
            )
        if isinstance(strategy.allocation, Fixed) and strategy.allocation.weights:
            raise ValueError(
                f"strategies.{name}.allocation.weights: a fixed allocation shows all variants of every item; leave them out"
            )
        if shown > 2 and any(isinstance(rule, Inferiority) for rule in strategy.stopping):
            raise ValueError(
                f"strategies.{name}.stopping: inferiority drops variants, and rankings of {shown} go on showing them; leave "
                "variants_per_item at 2 and set the policy probability_matching (power = 0 keeps shares equal)"
            )


def _refuse_split(scenario: Declared, why: str) -> None:
    assigned = [("assignment", scenario.assignment)]
    assigned += [(f"strategies.{name}.assignment", s.assignment) for name, s in scenario.strategies.items()]
    for key, assignment in assigned:
        if assignment == "split":
            raise ValueError(f'{key}: {why}; use "paired", or leave it out')


CHECKS = {
    "score": _check_score,
    "binary": _check_binary,
    "ordinal": _check_ordinal,
    "preference": _check_preference,
    "ranking": _check_ranking,
}
"""The check of each kind."""
