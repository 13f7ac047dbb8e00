"""What a scenario may declare where everyone who rates gives a score, or one of a few steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.outcomes.declared import refuse_rate_prior

if TYPE_CHECKING:
    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.outcomes.declared import Declared

MOST_STEPS = 20
"""More steps are a continuous scale."""
NEAREST_END = 0.01
"""Points that quality keeps from the ends of a scale of steps: an average of stars reaches them only where all stars are alike."""
SHARES_WITHIN = 1e-6
"""How far the sum of shares may lie from 1."""


def check_score(scenario: Declared) -> None:
    """Scores with noise, and nothing of other outcomes."""
    refuse_rate_prior(scenario)
    for evaluator in scenario.evaluators:
        if evaluator.shares is not None:
            raise ValueError(
                f'evaluators.{evaluator.name}.shares: belongs to outcome = "ordinal"; leave it out, or change outcome'
            )
        if not evaluator.noise_sd > 0:
            raise ValueError(
                f"evaluators.{evaluator.name}.noise_sd: is missing; no score is without noise, so give its SD in points"
            )


def check_ordinal(scenario: Declared) -> None:
    """Whole points as steps, everything else in logits of the latent scale, and noise that is logistic."""
    low, high = scenario.score_range
    n_steps = round(high - low) + 1
    if low % 1 or high % 1 or not 2 <= n_steps <= MOST_STEPS:
        raise ValueError(
            f"score_range: is {low:g} to {high:g}, and an ordinal outcome has 2 to {MOST_STEPS} steps of whole points; use [1, 5] for five "
            'stars, or outcome = "score"'
        )
    refuse_rate_prior(scenario)
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
