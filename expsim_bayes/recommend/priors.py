"""What a fit believed before any rating was seen: each prior in words, with its unit, and whether it was asked for.

A model says what each of its priors is in the docstring of its `Priors`; the form is read off there, so that no list has to be kept.
"""

from __future__ import annotations

import json
import re
from math import exp
from typing import TYPE_CHECKING, Any

from scipy.special import ndtri

from expsim_bayes import glossary
from expsim_bayes.facts import PRIOR_PROB, PriorFacts
from expsim_bayes.models._told import priors_of

if TYPE_CHECKING:
    import xarray as xr
    from pydantic.fields import FieldInfo

Told = float | bool | str | None
"""A number, a yes or no, a name, or nothing."""
WIDTHS = "range widths"
"""Unit of priors that are told in widths of the scale; people are told points where the fit says how many that are."""
UNITS = {WIDTHS: "widths of the scale", "logits": "logits", "logs": "logs"}
"""How units of docstrings begin, and what they are called; any other that does not begin as `PRETEND` is none."""
PRETEND = "pretend "
"""How the unit of a prior begins that counts as so many observations."""
FINE_PRINT = ("least_noise",)
"""Priors that keep a sampler well and say nothing of what is believed: told where they were asked for."""
LOG_NORMAL = "log-normal, SD {} of the log"
"""What is said of the SD of a log, which has no unit."""
FORMS = (
    (r".*\bfixed\b", "normal, SD {} (not estimated)"),
    (r"Scale of the half-normal\b", "half-normal, scale {}"),
    (r"SD of\b", "normal, SD {}"),
    (r"(Mean of|Prior mean)\b", "mean {}"),
    (r"Middle of the log-normal\b", "log-normal around {}"),
    (r"Concentration\b.*\bDirichlet\b", "Dirichlet, concentration {}"),
    (r"Sum\b.*\bDirichlet\b", "Dirichlet, sum {}"),
    (r"Rate of the gamma\b", "gamma, shape 2 and rate {}"),
    (r"Shape\b.*\bBeta\b", "Beta with both shapes {}"),
    (r"Second parameter of the Beta\b", "Beta, shapes 1 and {}"),
)
"""How docstrings of priors begin, and what is said of such a prior."""
LEARNT_AS = {"sd_rater": ("sd_sensitivity", "sd_specificity")}
"""Spreads that a prior is about under another name."""
REACH = float(ndtri((1 + PRIOR_PROB) / 2))
"""What that share of a half-normal of scale 1 lies below, and of a normal within."""


def priors(tree: xr.DataTree) -> tuple[PriorFacts, ...]:
    """The priors of a fit; those of terms that the ratings could not tell apart, and settings that nobody asked for, are left out."""
    model = str(tree.attrs.get("model", "continuous"))
    kind = priors_of(model)
    told, own = json.loads(tree.attrs["priors"]), json.loads(kind().model_dump_json())
    width = float(json.loads(tree.attrs["scale"])["width"]) if "scale" in tree.attrs else None
    found = []
    for name, field in kind.model_fields.items():
        if name not in told:
            continue
        value, default = told[name], own[name]
        asked = value != default
        unit, times = _unit(name, field, width)
        form = _form(field, unit)
        absent = form.startswith("half-normal") and not _learnt(tree, name)
        if not asked and (not _is_belief(value) or name in FINE_PRINT or absent):
            continue
        here, usual = _scaled(value, times), _scaled(default, times)
        found.append(
            PriorFacts(
                name=name,
                what=glossary.named(name),
                form=_said(form, here, unit),
                likely=_likely(form, here, unit),
                value=here,
                unit=unit,
                asked=asked,
                default=_said(form, usual, unit) if asked and usual not in (None, "") else "",
            )
        )
    return tuple(found)


def _is_belief(value: Any) -> bool:
    """Whether a value is a number that says what is believed; any other is a setting."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _learnt(tree: xr.DataTree, name: str) -> bool:
    """Whether a spread is one of the fit's, not left out of it."""
    constant, wanted = tree["constant_data"], (name, *LEARNT_AS.get(name, ()))
    present = [str(each) for each in tree["posterior"] if glossary.raw(str(each)) in wanted]
    masks = [constant[f"{each}_estimated"].to_numpy() for each in present if f"{each}_estimated" in constant]
    return any(mask.any() for mask in masks) if masks else bool(present)


def _unit(name: str, field: FieldInfo, width: float | None) -> tuple[str, float]:
    """The unit of a prior, from the end of its docstring, and how many of it one is that the fit was told."""
    told = " ".join((field.description or "").split()).rpartition("; ")[2].rstrip(".")
    if told.startswith(WIDTHS) and width is not None:
        return "points", width
    other = told if told.startswith(PRETEND) else ""
    found = next((unit for start, unit in UNITS.items() if told.startswith(start)), other)
    return found or glossary.unit(name, ""), 1.0


def _form(field: FieldInfo, unit: str) -> str:
    """What is said of a prior, with a place for its number."""
    described = " ".join((field.description or "").split())
    if not unit and re.match(r"SD of .*\blog\b", described):
        return LOG_NORMAL
    return next((form for start, form in FORMS if re.match(start, described)), "{}")


def _scaled(value: Any, times: float) -> Told:
    """A value in its unit; several names are one text."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(f"{value * times:.6g}")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _said(form: str, value: Told, unit: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return "none" if value is None or value == "" else value
    number = _with_unit(f"{value:.3g}", unit)
    return form.format(number) if "{}" in form else number


def _likely(form: str, value: Told, unit: str) -> str:
    """Where 95 % of a prior lie, where that follows from its one number."""
    if isinstance(value, bool) or not isinstance(value, float):
        return ""
    reach = f"{REACH * value:.2g}"
    if form.startswith("half-normal"):
        return f"up to {_with_unit(reach, unit)}"
    if form.startswith("normal"):
        return f"± {_with_unit(reach, unit)}"
    return f"a factor of {exp(REACH * value):.2g} either way" if form == LOG_NORMAL else ""


def _with_unit(number: str, unit: str) -> str:
    if unit.startswith(PRETEND):
        return f"{number} ({unit})"
    return f"{number} {unit.removesuffix('s') if number == '1' else unit}".strip()
