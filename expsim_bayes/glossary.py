"""What the numbers of a model are called: a plain name for every variable and prior, and its unit, the raw name in brackets behind it.

Every table, figure and sentence that names such a number asks here. Names are noun phrases, so that "the" may stand before them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = {
    "quality": "quality",
    "ability": "ability of a variant",
    "q": "differences between variants",
    "log_typical": "differences between variants",
    "level": "level of the ratings",
    "average": "level of the ratings",
    "level_mean": "level of the ratings",
    "level_sd": "spread of what the level of the ratings may be",
    "sd_level": "spread of what the level of the ratings may be",
    "error_level": "share of ratings with errors",
    "agreeing": "link between number and size of errors",
    "correlation": "link between number and size of errors",
    "severity": "severity of raters",
    "shift": "judges' taste for a variant",
    "taste": "taste of a rater for a variant",
    "scale_use": "judges' use of the scale",
    "log_scale_use": "judges' use of the scale",
    "log_scale_use_sd": "spread of judges' use of the scale",
    "shares": "shares of the steps of the scale",
    "share": "shares of the classes",
    "share_of_variant": "shares of the classes by variant",
    "prevalence": "shares of the classes",
    "similarity": "likeness of the variants' shares",
    "confusion": "errors of raters",
    "concentration": "certainty of raters' errors",
    "hit": "chance that a rater is right",
    "sensitivity": "sensitivity of evaluators",
    "specificity": "specificity of evaluators",
    "rater_sensitivity": "sensitivity of raters",
    "rater_specificity": "specificity of raters",
    "panel_sum": "accuracy of the reference panel",
    "panel_difference": "direction of the reference panel's errors",
    "order": "favour for the left side",
    "order_level": "favour for the left side",
    "left_bias": "favour for the left side",
    "log_nu_level": "readiness for ties",
    "tie": "readiness for ties",
    "tie_mean": "readiness for ties",
    "tie_sd": "spread of readiness for ties",
    "reliability": "reliability of raters",
    "prob_beats": "chance to beat another variant",
    "prob_first": "chance to be ranked first",
    "prob_at_least": "chance to reach a step of the scale",
    "prob_no_error": "chance of no error",
    "mean_size": "mean size of an error",
    "noise": "noise from call to call",
    "log_typical_noise": "noise from call to call",
    "log_typical_noise_sd": "spread of what noise from call to call may be",
    "log_noise": "differences in noise between variants",
    "log_noise_sd": "spread of noise between variants",
    "least_noise": "least noise",
    "tail": "frequency of wild values",
    "fixed_tail": "given frequency of wild values",
    "tail_above": "frequency of wild values",
    "zeros": "rarity of calls that use nothing",
    "share_zero": "share of calls that use nothing",
    "sd_variant": "spread between variants",
    "sd_item": "spread between items",
    "sd_interaction": "spread of a variant's fit to an item",
    "sd_output": "spread between generations of a variant on an item",
    "sd_shift": "spread of judges' tastes for a variant",
    "sd_rater": "spread of raters' severity",
    "sd_taste": "spread of raters' tastes for a variant",
    "sd_opinion": "spread of raters' lasting opinions of an output",
    "sd_noise": "noise from one time to the next",
    "sd_order": "spread of raters' favour for the left side",
    "sd_tie": "spread of raters' readiness for ties",
    "sd_reliability": "spread of raters' reliability",
    "sd_log_noise": "spread of raters' noise",
    "slope": "amount that judges add for a covariate",
    "slope_average": "average amount that judges add for a covariate",
    "sd_slope": "spread of what judges add for a covariate",
    "sd_domain": "spread of sensitivity and specificity between kinds of item",
    "sd_accuracy": "spread of sensitivity and specificity between evaluators",
    "sd_sensitivity": "spread of raters' sensitivity",
    "sd_specificity": "spread of raters' specificity",
    "tastes": "tastes of raters for a variant",
    "items": "differences between items",
    "raters": "differences between raters",
    "covariates": "columns that judges should ignore",
    "gold": "evaluator who is always right",
    "domain": "column with kinds of items",
    "declared": "accuracy of judges known from elsewhere",
    "good": "classes that are good",
    "measure": "measure of what calls use up",
    "summary": "summary of the calls",
}
"""Plain names, by the raw one without its technical ending."""
ENDINGS = ("_raw", "_of_pool", "_of_rater", "_logit")
"""Technical endings of raw names."""
IN_LOGS = ("sd_reliability", "sd_log_noise")
"""Spreads of logarithms, whatever the unit of the others is."""
_LABELLED = re.compile(r"(?P<raw>\w+)(?:\[(?P<of>.*)\]| \((?P<among>.*)\))?", re.DOTALL)
"""A number as fits name it, such as "shift[judge, A]", or "sd_order (human)"."""


def plain(raw: str) -> str:
    """A variable or prior in words.

    Examples
    --------
    >>> plain("sd_rater_of_pool"), plain("something_new")
    ("spread of raters' severity", 'something new')
    """
    return WORDS.get(_stem(raw), _stem(raw).replace("_", " "))


def named(number: str) -> str:
    """A number of a fit of this program: in words with its labels, the raw name, as `--prior` takes it, in brackets where it differs.

    Examples
    --------
    >>> named("sd_interaction"), named("sd_order (human)")
    ("spread of a variant's fit to an item (sd_interaction)", "spread of raters' favour for the left side, human (sd_order)")
    >>> named("quality[A]"), named("quality of A"), named("B (new) against A")
    ('quality of A', 'quality of A', 'B (new) against A')
    """
    found = _LABELLED.fullmatch(number)
    if found is None or (found["among"] is not None and _stem(found["raw"]) not in WORDS):
        return number
    raw, labels = found["raw"], found["of"] or found["among"]
    words = plain(raw)
    if words == raw:
        return f"{words} of {labels}" if labels else words
    if raw == "confusion" and labels and labels.count(", ") > 1:
        who, true, said = labels.rsplit(", ", 2)
        return f"{words}, {who}: {said} where it is {true} ({raw})"
    stem = _stem(raw)
    return f"{words}, {labels} ({stem})" if labels else f"{words} ({stem})"


def unit(raw: str, effects: str) -> str:
    """The unit of a spread, where effects have a unit; "" for anything else.

    Examples
    --------
    >>> unit("sd_item", "logits"), unit("sd_reliability", "logits"), unit("shares", "logits")
    ('logits', 'logs', '')
    """
    if _stem(raw) in IN_LOGS:
        return "logs"
    return effects if raw.startswith("sd_") else ""


def raw(number: str) -> str:
    """The variable that a number or a prior belongs to, without its labels and technical ending.

    Examples
    --------
    >>> raw("sd_order (human)"), raw("sd_order_of_pool")
    ('sd_order', 'sd_order')
    """
    found = _LABELLED.fullmatch(number)
    return number if found is None else _stem(found["raw"])


def answering(number: str, prior: str, called: Callable[[str], str] = named) -> str:
    """The prior that a number answers to: "its own" where the two are of one name.

    Examples
    --------
    >>> answering("sd_order (human)", "sd_order_of_pool"), answering("quality[A]", "sd_item")
    ('its own', 'spread between items (sd_item)')
    """
    return "its own" if raw(number) == raw(prior) else called(prior)


def _stem(raw: str) -> str:
    for ending in ENDINGS:
        raw = raw.removesuffix(ending)
    return raw
