"""Kinds of outcome that a scenario may have, and what it may declare with each.

A new kind needs its name in `OutcomeName`, a check here, its way to make looks up in `simulate.stories` and its posterior in
`posterior.known`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from expsim_bayes.evaluators import Evaluator

OutcomeName = Literal["score", "binary"]
"""score: everyone who rates gives a score; binary: an output is a success or a failure, and is seen as it is."""


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
    if scenario.rate_prior != (1.0, 1.0):
        raise ValueError('rate_prior: belongs to outcome = "binary"; give sd_variant, or change outcome')
    for evaluator in scenario.evaluators:
        if not evaluator.noise_sd > 0:
            raise ValueError(
                f"evaluators.{evaluator.name}.noise_sd: is missing; no score is without noise, so give its SD in points"
            )


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
    }
    for e in scenario.evaluators:
        yield from (f"evaluators.{e.name}.{key}" for key, value in neutral.items() if getattr(e, key) != value)


CHECKS = {"score": _check_score, "binary": _check_binary}
"""The check of each kind."""
