"""What is said of variants whose outputs pass or fail: rates with intervals, and whose errors they hang on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.special import betaincinv

from expsim_bayes.amounts import listed
from expsim_bayes.facts import Interval
from expsim_bayes.posterior import KnownCounts
from expsim_bayes.posterior.counts import Counts, moments
from expsim_bayes.rates import prob_exceeds

if TYPE_CHECKING:
    from expsim_bayes.posterior import KnownVerdicts
    from expsim_bayes.scenario import Scenario

_HALVINGS = 40


def rate_interval(known: KnownCounts | KnownVerdicts, variant: int, ci_prob: float) -> Interval:
    """The rate of a variant with its central interval."""
    if not isinstance(known, KnownCounts):
        return Interval(float(known.state.mean[0, variant]), *known.interval(variant, ci_prob))
    return rate_of_counts(known.state.successes[0, variant], known.state.failures[0, variant], ci_prob)


def rate_of_counts(a: float, b: float, ci_prob: float) -> Interval:
    """A rate whose posterior is a Beta, with its central interval.

    Examples
    --------
    >>> [round(end, 3) for end in (rate_of_counts(1.0, 1.0, 0.9).low, rate_of_counts(1.0, 1.0, 0.9).high)]
    [0.05, 0.95]
    """
    low, high = betaincinv(a, b, [0.5 - ci_prob / 2, 0.5 + ci_prob / 2])
    return Interval(float(a / (a + b)), float(low), float(high))


def effect_of_counts(
    known: KnownCounts | KnownVerdicts, variant: int, base: int, ci_prob: float
) -> tuple[Interval, float]:
    """The difference of a rate to that of the base with its central interval, and the probability that it is for the better."""
    if not isinstance(known, KnownCounts):
        apart = float(known.state.mean[0, variant] - known.state.mean[0, base])
        found = Interval(apart, *known.interval(variant, ci_prob, base))
        return found, known.prob_better(variant, base)
    mean = moments(known.state)[0][0]
    low, high = (_quantile(known.state, variant, base, 0.5 + sign * ci_prob / 2) for sign in (-1, 1))
    better = _exceeds(known.state, variant, base, 0.0)
    return Interval(float(mean[variant] - mean[base]), low, high), (
        better if known.scenario.higher_is_better else 1.0 - better
    )


def about_errors(scenario: Scenario) -> tuple[str, ...]:
    """What a reader must know about the errors of those who rated: where verdicts do not tell them, they are what was believed of them."""
    who = scenario.evaluators
    if scenario.components == "given" or not all(e.errs for e in who):
        return ()
    people = [e for e in who if e.kind == "human"]
    names = listed([e.name for e in who])
    if not people:
        told = f"No person has rated: how often {names} err{'s' if len(who) == 1 else ''} rests on what was believed beforehand"
        return (f"{told}, and no number of further verdicts will change that.",)
    if len(who) == 1 and who[0].ratings_per_output == 1:
        return (
            f"Every output has one verdict of {names}: how often these people err rests on what was believed beforehand.",
        )
    return ()


def _exceeds(counts: Counts, variant: int, base: int, by: float) -> float:
    """Probability that one rate of a single replication exceeds another by an amount."""
    rate, other = ((counts.successes[:, [v]], counts.failures[:, [v]]) for v in (variant, base))
    return float(prob_exceeds(*rate, *other, by)[0, 0])


def _quantile(counts: Counts, variant: int, base: int, prob: float) -> float:
    """Quantile of the difference of two rates, by halving."""
    if variant == base:
        return 0.0
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if 1.0 - _exceeds(counts, variant, base, middle) < prob else (low, middle)
    return (low + high) / 2
