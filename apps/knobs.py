"""What of a scenario can be changed on a page: each knob has a place in the scenario, words, ends and a step.

Knobs follow from the scenario (its variants, who rates, its rules), so a scenario of one's own has them, too. A place is that of
`asked.edited`.
"""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.allocation import Fixed
from expsim_bayes.outcomes import SIDE_BY_SIDE

if TYPE_CHECKING:
    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.scenario import Scenario, StrategyName

SHARES = {
    "binary": "share of outputs that pass",
    "preference": "share of comparisons won",
    "ranking": "share of rankings in which it stands before {control}",
}
"""Unit of quality, by the kind of outcome; else points."""
MOST_VARIANTS = 6
"""Variants whose quality can be changed."""


class Knob(NamedTuple):
    """A number of a scenario that can be changed."""

    place: str
    """Where it stands in the scenario."""
    label: str
    """What it is, with its unit."""
    low: float
    """Its least value."""
    high: float
    """Its largest value."""
    step: float
    """From one value to the next."""
    value: float
    """What the scenario declares."""
    tip: str = ""
    """What it does, for those who ask."""
    whole: bool = False
    """Whether it counts something."""
    percent: bool = False
    """Whether it is a probability or a share, which is read in per cent."""


def knobs(scenario: Scenario, strategy: StrategyName) -> dict[str, list[Knob]]:
    """Knobs of a scenario, by what they are about.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> found = knobs(load("summarization-prompts"), "sequential")
    >>> list(found), found["What is true"][1].label
    (['What is true', 'How it is run', 'Who rates', 'What it costs'], 'True quality of B, points')
    """
    found = {
        "What is true": _truth(scenario),
        "How it is run": [*_design(scenario, strategy), *_rules(scenario, strategy)],
        "Who rates": [knob for n, e in enumerate(scenario.evaluators) for knob in _rater(scenario, n, e)],
        "What it costs": _prices(scenario),
    }
    return {about: some for about, some in found.items() if some}


def _truth(scenario: Scenario) -> list[Knob]:
    low, high = scenario.score_range
    share = scenario.outcome in SHARES
    unit = SHARES.get(scenario.outcome, "points").format(control=scenario.control or "another")
    step = 0.01 if high - low <= 20 else (high - low) / 200
    return [
        Knob(
            f"variants.{n}.quality",
            f"True quality of {v.name}, {unit}",
            low + step * share,
            high - step * share,
            step,
            v.quality,
            "What the experiment has to find out. In a simulation you set it, so every decision can be judged.",
            percent=share,
        )
        for n, v in enumerate(scenario.variants[:MOST_VARIANTS])
        if not (scenario.outcome in SIDE_BY_SIDE and v.name == scenario.control)
    ]


def _design(scenario: Scenario, strategy: StrategyName) -> list[Knob]:
    per_item = lcm(*(scenario.outputs_per_item(s) for s in scenario.strategies))
    most = max(4 * scenario.outputs_per_look, 40 * per_item)
    found = [
        Knob(
            "looks",
            "Looks",
            1,
            max(40, scenario.looks),
            1,
            scenario.looks,
            "How often the rules are asked, the last look included.",
            whole=True,
        ),
        Knob(
            "outputs_per_look",
            "Outputs rated between two looks",
            max(2 * per_item, -(-scenario.pending_outputs // per_item) * per_item),
            most - most % per_item,
            per_item,
            scenario.outputs_per_look,
            "Sample size: outputs of all variants together.",
            whole=True,
        ),
    ]
    split = (scenario.strategies[strategy].assignment or scenario.assignment) == "split"
    if scenario.traffic and split and isinstance(scenario.strategies[strategy].allocation, Fixed):
        found += [
            Knob(
                f"traffic.{name}",
                f"Traffic to {name}, relative weight",
                0.1,
                max(5.0, weight),
                0.1,
                weight,
                "How live traffic is split.",
            )
            for name, weight in scenario.traffic.items()
        ]
    return found


def _rules(scenario: Scenario, strategy: StrategyName) -> list[Knob]:
    return [
        Knob(
            f"strategies.{strategy}.stopping.{n}.threshold",
            "Probability asked for before launching",
            0.8,
            0.999,
            0.001,
            rule.threshold,
            "Higher is safer and dearer. Looking often makes false launches likelier: see the false-launch rate.",
            percent=True,
        )
        for n, rule in enumerate(scenario.strategies[strategy].stopping)
        if rule.rule in ("superiority", "beats_control")
    ]


def _rater(scenario: Scenario, n: int, evaluator: Evaluator) -> list[Knob]:
    if scenario.outcome == "binary" and not evaluator.errs:
        return []
    at, name, votes = f"evaluators.{n}", evaluator.name, scenario.outcome != "score"
    unit = "logits" if votes else "points"
    widest = 3.0 if votes else (scenario.score_range[1] - scenario.score_range[0]) / 2
    step = round(widest / 100, 3)
    found = _errors(at, evaluator) if evaluator.errs else []
    if evaluator.kind == "human":
        found.append(
            Knob(
                f"{at}.raters",
                f"People in {name}",
                1,
                max(40, evaluator.raters),
                1,
                evaluator.raters,
                "More people average out severity and taste.",
                whole=True,
            )
        )
    else:
        found.append(
            Knob(
                f"{at}.shift_sd",
                f"Taste of {name} for a variant as such, SD in {unit}",
                0.0,
                widest,
                step,
                evaluator.shift_sd,
                "A judge may like its own family or length. No number of its ratings averages this out.",
            )
        )
    if not votes:
        found.append(
            Knob(
                f"{at}.noise_sd",
                f"Noise of a rating by {name}, SD in points",
                step,
                widest,
                step,
                evaluator.noise_sd,
                "How much the same rater's scores of the same output differ.",
            )
        )
    return found


def _errors(at: str, evaluator: Evaluator) -> list[Knob]:
    return [
        Knob(
            f"{at}.{key}",
            f"{evaluator.name} says so of outputs that {do}, share",
            min(0.51, value),
            1.0,
            0.01,
            value,
            "What is true of it. The analysis does not know this share, but estimates it together with the qualities.",
            percent=True,
        )
        for key, do, value in (
            ("sensitivity", "pass", 1.0 if evaluator.sensitivity is None else evaluator.sensitivity),
            ("specificity", "fail", 1.0 if evaluator.specificity is None else evaluator.specificity),
        )
    ]


def _prices(scenario: Scenario) -> list[Knob]:
    found = [
        Knob(
            f"evaluators.{n}.usd_per_rating",
            f"A rating by {e.name}, dollars",
            0.0,
            max(5.0, 4 * e.usd_per_rating),
            0.01,
            e.usd_per_rating,
            "What one rating costs.",
        )
        for n, e in enumerate(scenario.evaluators)
        if e.kind == "human" and e.usd_per_rating is not None
    ]
    if scenario.budget_usd is not None:
        found.append(
            Knob(
                "budget_usd",
                "Budget, dollars",
                max(1.0, scenario.budget_usd / 20),
                4 * scenario.budget_usd,
                scenario.budget_usd / 100,
                scenario.budget_usd,
                "The experiment ends, decided or not, when the next look would cost more.",
            )
        )
    return found
