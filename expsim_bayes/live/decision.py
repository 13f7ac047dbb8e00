"""What the rules of the scenario say of a posterior: the decision of one look."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes import superiority
from expsim_bayes.amounts import listed
from expsim_bayes.recommend.experiment import RAN_OUT
from expsim_bayes.recommend.faults import LIMITED
from expsim_bayes.stopping import (
    COLLECT,
    CONTINUE,
    DECISIONS,
    Budget,
    Evidence,
    Guardrail,
    Inferiority,
    MaxDays,
    MaxRatings,
    eligible,
    first,
    prob_breach_beta,
    prob_breach_lognormal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from expsim_bayes.live.posterior import Posterior
    from expsim_bayes.live.spent import Spent
    from expsim_bayes.scenario import Scenario, StrategyName
    from expsim_bayes.stopping import Rule, Verdicts
    from expsim_bayes.superiority import Superiority

COLUMNS = {"cost_usd": "cost", "latency_s": "latency_s", "fault_rate": "fault"}
"""Columns that tell what a guardrail is about."""


class Decided(NamedTuple):
    """The decision of a look."""

    decision: str
    """One of `stopping.DECISIONS`."""
    variant: str | None
    """The variant to launch."""
    reason: str
    """Which rule decided, or why none did."""
    threshold: float | None
    """Threshold of that rule."""
    limit: str
    """What ran out."""


class Asked(NamedTuple):
    """What the rules are asked about."""

    scenario: Scenario
    """Rules and looks."""
    strategy: StrategyName
    """Whose rules."""
    control: str | None
    """The variant in use today."""
    look: int
    """Number of the look."""
    missing: tuple[str, ...]
    """Variants of the experiment that nobody has rated yet."""
    dropped: tuple[str, ...]
    """Variants that were dropped at an earlier look."""


def found_in(posterior: Posterior, asked: Asked, breach: NDArray[np.float64] | None) -> Superiority:
    """How sure it is which variant is best, among those that were neither dropped nor break a limit."""
    control = _control(posterior, asked)
    allowed = eligible(asked.scenario.guardrails, breach, control)
    kept = np.array([name not in asked.dropped for name in posterior.variants])
    return superiority.from_draws(
        posterior.quality,
        control=control,
        min_effect=asked.scenario.min_effect,
        rope=asked.scenario.rope_width,
        higher_is_better=posterior.higher_is_better,
        eligible=kept if allowed is None else kept & allowed[0],
        ess=posterior.ess,
    )


def decide(
    posterior: Posterior, found: Superiority, asked: Asked, spent: Spent, breach: NDArray[np.float64] | None
) -> Decided:
    """The decision of the first rule that fires.

    The next look is taken to cost and to hold as much as the looks so far did on average.
    """
    rules = asked.scenario.rules(asked.strategy)
    limits = tuple(rule for rule in rules if isinstance(rule, MaxRatings | Budget | MaxDays))
    last = asked.look >= asked.scenario.looks
    evidence = Evidence(
        prob_best=found.prob_best[None],
        prob_superior=found.prob_superior[None],
        expected_loss=found.expected_loss[None],
        prob_equivalent=np.atleast_1d(found.prob_equivalent),
        dollars=np.array([spent.usd]),
        ratings=np.array([spent.ratings]),
        days=np.array([spent.days]),
        prob_breach=breach,
        control=_control(posterior, asked),
        next_dollars=0.0 if last else spent.usd / asked.look,
        next_ratings=0 if last else round(spent.ratings / asked.look),
        dropped=np.array([[name in asked.dropped for name in posterior.variants]]),
    )
    ran_out = first(limits, evidence, look=asked.look).decision[0] != CONTINUE
    open_because = posterior.open_because or _unrated(asked)
    if open_because:
        used = limits if ran_out else ()
        return _said(used, first(used, evidence, look=asked.look), posterior, asked, open_because)
    if asked.scenario.strategies[asked.strategy].decide == "end" and not (last or ran_out):
        words = f"The rules are asked after look {asked.scenario.looks}, the last."
        return Decided("continue", None, words, None, "")
    return _said(rules, first(rules, evidence, look=asked.look), posterior, asked, "")


def _said(rules: Sequence[Rule], verdicts: Verdicts, posterior: Posterior, asked: Asked, open_because: str) -> Decided:
    """The verdict of the rules in words."""
    code, at, variant = int(verdicts.decision[0]), int(verdicts.rule[0]), int(verdicts.variant[0])
    planned = asked.scenario.looks
    if at < 0:
        if asked.look >= planned and not open_because:
            return Decided(
                DECISIONS[COLLECT],
                None,
                f"No rule had decided by look {asked.look} of {planned} that were planned.",
                None,
                "looks",
            )
        return Decided(
            "continue", None, open_because or f"No rule has decided at look {asked.look} of {planned}.", None, ""
        )
    rule = rules[at]
    launched = posterior.variants[variant] if variant >= 0 else None
    limit = rule.rule if rule.rule in RAN_OUT else ""
    return Decided(
        DECISIONS[code], launched, RAN_OUT.get(rule.rule, rule.question), getattr(rule, "threshold", None), limit
    )


def _unrated(asked: Asked) -> str:
    if not asked.missing:
        return ""
    return f"Nobody has rated {listed(list(asked.missing))} yet, so nothing can be decided."


def _control(posterior: Posterior, asked: Asked) -> int | None:
    return posterior.variants.index(asked.control) if asked.control in posterior.variants else None


def breaches(
    table: pd.DataFrame, variants: Sequence[str], asked: Asked
) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """(1, guardrail, variant) chance that each variant breaks each limit, and in words the limits of which nothing is known.

    Parameters
    ----------
    table : DataFrame
        All ratings; a column `cost` or `latency_s` tells what the calls of the rated outputs took, `fault` (0 or 1)
        which of these have a fault.
    variants : sequence of str
        In the order of the posterior.
    asked : Asked
        The scenario, and the control.
    """
    chances, unknown = [], []
    for rule in asked.scenario.guardrails:
        column = COLUMNS[rule.metric]
        control = variants.index(asked.control) if asked.control in variants else None
        if column not in table.columns or "variant" not in table.columns or (rule.at_most is None and control is None):
            unknown.append(
                f"warning: the limit on {LIMITED[rule.metric]} is not asked: no batch has a column '{column}'"
            )
            chances.append(np.full(len(variants), 0.5 if rule.clear_at else 0.0))  # what must be cleared waits
            continue
        chances.append(_breach(table, column, variants, rule, control))
    return (np.stack(chances)[None] if chances else None), tuple(unknown)


def _breach(
    table: pd.DataFrame, column: str, variants: Sequence[str], rule: Guardrail, control: int | None
) -> NDArray[np.float64]:
    """(variant,) chance to break one limit, from one value an output."""
    names = [name for name in ("variant", "item", "output") if name in table.columns]
    if rule.metric == "fault_rate":
        return _breach_by_faults(table, names, variants, rule, control)
    calls = table[table[column] > 0].drop_duplicates(names)
    sums = np.zeros((3, len(variants)))
    for v, name in enumerate(variants):
        logs = np.log(calls[column][calls["variant"] == name].to_numpy(float))
        sums[:, v] = logs.size, logs.sum(), (logs**2).sum()
    return np.asarray(prob_breach_lognormal(*sums, rule=rule, control=control))


def _breach_by_faults(
    table: pd.DataFrame, names: list[str], variants: Sequence[str], rule: Guardrail, control: int | None
) -> NDArray[np.float64]:
    """(variant,) chance to break a limit on faults; outputs without a 0 or 1 were not checked."""
    told = table["fault"].astype(str).str.strip().str.removesuffix(".0")
    checked = table.assign(fault=told)[told.isin(["0", "1"])].drop_duplicates(names)
    ones, zeros = (
        np.array([[((checked["variant"] == name) & (checked["fault"] == sign)).sum() for name in variants]])
        for sign in "10"
    )
    return np.asarray(prob_breach_beta(ones + zeros, ones, rule=rule, control=control)[0])


def drop_threshold(scenario: Scenario, strategy: StrategyName, told: float) -> float:
    """Chance of being best below which a variant is dropped: as told, else that of a rule of inferiority, else none."""
    of_rules = [rule.threshold or 0.0 for rule in scenario.rules(strategy) if isinstance(rule, Inferiority)]
    return max([told, *of_rules])
