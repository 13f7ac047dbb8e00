"""What a scenario may declare where outputs pass or fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.evaluators import panel
from expsim_bayes.outcomes.declared import refuse_beyond

if TYPE_CHECKING:
    from collections.abc import Iterator

    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.outcomes.declared import Declared

MOST_PATTERNS, BOTH = 100, 2
"""Ways in which verdicts on one output may fall, at most; and sensitivity and specificity."""


def check_binary(scenario: Declared) -> None:
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
        refuse_beyond(abs(told), f"{at}.{key}")
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


def no_errors(scenario: Declared) -> None:
    """Refuse what only verdicts of pass and fail have."""
    for e in scenario.evaluators:
        for key in ("sensitivity", "specificity", "sensitivity_prior", "specificity_prior"):
            if getattr(e, key) is not None:
                raise ValueError(
                    f'evaluators.{e.name}.{key}: belongs to outcome = "binary", where outputs pass or fail; leave it out, or change outcome'
                )
