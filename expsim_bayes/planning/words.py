"""A calibrated threshold in plain sentences, and as TOML to paste into the scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.amounts import count

if TYPE_CHECKING:
    from expsim_bayes.operating_characteristics import Estimate
    from expsim_bayes.planning.calibration import Calibration, Found
    from expsim_bayes.stopping import Rule


class Advice(NamedTuple):
    """What a calibration says."""

    headline: str
    """What to ask for."""
    holds: str
    """What that holds, and what the declared threshold does."""
    how_sure: str
    """How the threshold was found, and how sure that is."""
    price: str
    """What it changes where the variants are as the scenario declares them."""
    moves: str
    """What else moves along; empty where nothing does."""
    warning: str
    """Why the answer is not to be used as it is; empty where it may."""


def asked(threshold: float) -> str:
    """A threshold in per cent, with all digits that were declared or found.

    Examples
    --------
    >>> asked(0.95), asked(0.9814318), asked(0.999001)
    ('95 %', '98.1432 %', '99.9001 %')
    """
    return f"{100 * threshold:.6g} %"


def advice(found: Calibration) -> Advice:
    """What a calibration says."""
    design = found.design
    scenario = design.scenario
    looks = f"With this schedule of {scenario.looks} looks" if scenario.looks > 1 else "With a single look"
    if design.at_the_end:
        looks = f"With one decision after {scenario.looks} looks" if scenario.looks > 1 else looks
    old, new = asked(design.rule.threshold), asked(found.threshold)
    change = f"{old} is right" if old == new else f"ask for {new} instead of {old}"
    no_better = "no better than the control" if scenario.control else "no better than the others"
    return Advice(
        headline=f"{looks}, {change}.",
        holds=f"Where all variants are equal, {new} launches one that is {no_better} in {rate(found.checked)} of experiments, and "
        f"{old} in {rate(found.declared)} ({count(found.replications)} experiments each, which the search has not seen).",
        how_sure=sure(found.found),
        price=_price(found, old),
        moves=f"Variants are dropped below {asked(1.0 - found.threshold)}, the mirror image."
        if design.moves_inferiority
        else "",
        warning=_warning(found),
    )


def rate(value: Estimate) -> str:
    """A share in per cent with its Monte-Carlo error.

    Examples
    --------
    >>> from expsim_bayes.operating_characteristics import Estimate
    >>> rate(Estimate(0.0513, 0.0022))
    '5.1 % (± 0.2)'
    """
    return f"{100 * value.value:.1f} % (± {100 * value.mcse:.1f})"


def sure(found: Found) -> str:
    """How the threshold was found, and how sure that is."""
    low, high = (f"{100 * end:.2f}" for end in found.interval)
    return (
        f"Found by {count(found.spent)} experiments in {len(found.steps)} batches, by which the rate at this threshold lies "
        f"between {low} and {high} % (95 %)."
    )


def _price(found: Calibration, old: str) -> str:
    if found.threshold == found.design.rule.threshold:
        return ""
    return (
        f"With the qualities that the scenario declares, {rate(found.right)} of experiments end right, and {rate(found.right_declared)} "
        f"with {old}; they take {found.looks.value:.1f} looks on average, and {found.looks_declared.value:.1f} with {old}."
    )


def _warning(found: Calibration) -> str:
    target = f"{100 * found.target:g} %"
    if found.found.bound == "lowest":
        return (
            f"warning: even the lowest threshold launches in fewer than {target} of such experiments; other rules decide before, "
            "or the prior is strong."
        )
    if found.found.bound == "highest":
        return f"warning: no threshold holds {target}: even near certainty launches in more of such experiments."
    if not found.found.settled:
        return f"warning: the search ended before the rate was known to within {100 * found.tolerance:g} percentage points."
    if not found.holds:
        return f"warning: the independent experiments do not agree with {target}; run it again with another seed and more experiments."
    return ""


def rules_as_toml(found: Calibration) -> str:
    """The rules of the strategy with the calibrated threshold, as lines for the scenario's file."""
    strategy = found.design.strategy
    rules = found.design.at(found.threshold).strategies[strategy].stopping
    lines = [f"  {_as_toml(rule)}," for rule in rules]
    return "\n".join([f"[strategies.{strategy}]", "stopping = [", *lines, "]"])


def _as_toml(rule: Rule) -> str:
    """One rule on one line, without what is so anyway."""
    told = {"rule": f'"{rule.rule}"'} | {
        name: f'"{value}"' if isinstance(value, str) else repr(value)
        for name, value in rule.model_dump(exclude_defaults=True).items()
        if name != "rule"
    }
    return "{ " + ", ".join(f"{name} = {value}" for name, value in told.items()) + " }"
