"""What a scenario may declare where outputs of an item are rated together: compared, or put in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.allocation import Fixed
from expsim_bayes.evaluators import panel
from expsim_bayes.outcomes.declared import refuse_beyond
from expsim_bayes.stopping import Inferiority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from expsim_bayes.outcomes.declared import Declared

EQUAL = 0.5
"""Quality of the control, and of all where nothing differs, where outputs of an item are rated together."""
RAREST = 0.001
"""Share of comparisons below which a variant never wins."""
MOST_RANKED = 7
"""Outputs in a ranking, at most."""


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


def check_preference(scenario: Declared) -> None:
    """Two outputs of an item side by side: what meets both sides cancels, and quality is a share of comparisons won."""
    _check_side_by_side(scenario, "taste_sd")
    _check_pairs(scenario)


def check_ranking(scenario: Declared) -> None:
    """The outputs of an item put in order: what meets all of them cancels, and quality is how often one stands before another."""
    _check_side_by_side(scenario)
    for e in scenario.evaluators:
        refuse_beyond(e.taste_sd, f"evaluators.{e.name}.taste_sd")
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
            refuse_beyond(abs(getattr(e, key)), f"evaluators.{e.name}.{key}")
        for name, taste in e.shift.items():
            refuse_beyond(abs(taste), f"evaluators.{e.name}.shift.{name}")
    refuse_beyond(scenario.items.interaction_sd, "items.interaction_sd")


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


def no_sides(scenario: Declared) -> None:
    """Refuse what only two outputs side by side have."""
    for e in scenario.evaluators:
        for key, neutral in (("order", 0.0), ("order_sd", 0.0), ("ties", None)):
            if getattr(e, key) != neutral:
                raise ValueError(
                    f'evaluators.{e.name}.{key}: belongs to outcome = "preference", where two outputs stand side by side; '
                    "leave it out, or change outcome"
                )
