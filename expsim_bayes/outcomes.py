"""Kinds of outcome that a scenario may have, and what it may declare with each.

A new kind needs its name in `OutcomeName`, a check here, its way to make looks up in `simulate.stories` and its posterior in
`posterior.known`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from expsim_bayes.evaluators import Evaluator

OutcomeName = Literal["score", "binary", "ordinal"]
"""score: everyone who rates gives a score; binary: an output is a success or a failure, and is seen as it is; ordinal: everyone who rates
gives one of a few steps, such as 1 to 5 stars."""
MOST_STEPS = 20
"""More steps are a continuous scale."""
NEAREST_END = 0.01
"""Points that quality keeps from the ends of a scale of steps: an average of stars reaches them only where all stars are alike."""
SHARES_WITHIN = 1e-6
"""How far the sum of shares may lie from 1."""


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
    """One metric or pool that sees every success as one: what would blur that is not modelled from look to look."""
    if scenario.score_range != (0.0, 1.0):
        low, high = scenario.score_range
        raise ValueError(
            f"score_range: is {low:g} to {high:g}, and quality is a rate where the outcome is binary; use [0, 1]"
        )
    if min(scenario.rate_prior) < 1:
        raise ValueError(
            "rate_prior: parameters below 1 put all belief at rates of 0 and 1; use [1, 1] where every rate is as likely"
        )
    names = [e.name for e in scenario.evaluators]
    if len(names) > 1:
        raise ValueError(
            f"evaluators: a binary outcome is seen by one evaluator, and there are {', '.join(names)}; keep one"
        )
    if scenario.evaluators[0].kind == "llm":
        raise ValueError(
            f"evaluators.{names[0]}.kind: a judge errs, and errors on binary outcomes are not yet modelled from look to look; "
            'use kind = "metric" or "human", or outcome = "score"'
        )
    for key in _blurs(scenario):
        raise ValueError(
            f"{key}: is not modelled from look to look where the outcome is binary, for an output is seen as it is; "
            'leave it out, or use outcome = "score"'
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
        "shift_sd": 0.0,
        "shift": {},
        "scale_use": 1.0,
        "ratings_per_output": 1,
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


CHECKS = {"score": _check_score, "binary": _check_binary, "ordinal": _check_ordinal}
"""The check of each kind."""
