"""How often the rule launches something when nothing differs, with the looks of this experiment: simulated once, and kept.

What is kept can be computed again: it is named by the scenario, the looks and the version of the package, and one that is lost or damaged
is made anew.
"""

from __future__ import annotations

import json
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.errors import ExpsimError
from expsim_bayes.live import folder as kept
from expsim_bayes.operating_characteristics import Estimate, false_launch_rate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from expsim_bayes.live.monitor import Opened
    from expsim_bayes.scenario import EvaluatorChoice

REPLICATIONS = 1_000
"""Experiments that are simulated."""
SEED = 20_000
"""Seed of the simulation, another than that of any fit."""


class Peeking(NamedTuple):
    """How often the rule launches something when all variants are equal."""

    rate: Estimate | None
    """The rate with its Monte-Carlo error; None where it is not known."""
    looks: int
    """Looks that were simulated."""
    why_not: str = ""
    """Why it is not known."""


def peeking(here: Opened, *, progress: Callable[[int], None] | None = None) -> Peeking:
    """The rate for this experiment, from what is kept or from a simulation.

    Parameters
    ----------
    here : Opened
        The experiment.
    progress : callable, optional
        Called with the number of experiments simulated.
    """
    looks = max(here.scenario.looks, len(here.manifest.batches))
    unknown = _unknown(here)
    if unknown:
        return Peeking(None, looks, unknown)
    who = _who(here)
    key = {
        "scenario": here.manifest.scenario_sha256,
        "strategy": here.settings.strategy,
        "evaluators": who,
        "looks": looks,
        "replications": REPLICATIONS,
        "seed": SEED,
        "version": version("expsim-bayes"),
    }
    file = here.folder / kept.CACHE / f"peeking-{kept.sha256(kept.to_json(key))[:16]}.json"
    known = _read(file, key)
    if known is not None:
        return Peeking(known, looks)
    items = here.scenario.items.model_copy(update={"count": None})
    longer = here.scenario.model_copy(update={"looks": looks, "items": items})
    try:
        rate = false_launch_rate(
            longer, strategy=here.settings.strategy, evaluators=who, random_seed=SEED, replications=REPLICATIONS,
            progress=progress,
        )  # fmt: skip
    except ExpsimError as error:
        return Peeking(None, looks, error.problem)
    with suppress(ExpsimError):  # a folder that only others may write: it is simulated again the next time
        kept.put(file, kept.to_json({"key": key, "value": rate.value, "mcse": rate.mcse}))
    return Peeking(rate, looks)


def _read(file: Path, key: dict[str, object]) -> Estimate | None:
    try:
        told = json.loads(file.read_bytes())
        return Estimate(float(told["value"]), float(told["mcse"])) if told["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _unknown(here: Opened) -> str:
    """Why the simulation would not be of this experiment; empty where it is."""
    last = here.looks[-1] if here.looks else None
    if last is not None and last.outcome != "score":
        return f"simulated looks are of scores, and a row here is {NOUNS[last.outcome]}: it cannot be told for this kind yet"
    model, looks = SIMULATED.get(here.scenario.outcome, SIMULATED["score"])
    if last is not None and last.model not in (model, ""):
        return (
            f"simulated looks are of {looks}, and the model here is '{last.model}': it cannot be told for this kind yet"
        )
    if here.manifest.added:
        names = ", ".join(added.name for added in here.manifest.added)
        return f"the scenario does not know {names}, which came in later"
    return ""


SIMULATED = {"score": ("continuous", "scores on a continuous scale"), "ordinal": ("ordinal", "stars")}
"""The model that suits simulated looks, and what these are of, by the outcome of a scenario."""
NOUNS = {"comparison": "a comparison", "ranking": "a place in a ranking", "operations": "a call"}


def _who(here: Opened) -> EvaluatorChoice:
    """Who rates in the simulation: those kinds that have rated so far, where the scenario has them."""
    rated = {e.kind == "human" for look in here.looks for e in look.evaluators}
    declared = {e.kind == "human" for e in here.scenario.evaluators}
    if rated == {True} and True in declared:
        return "human"
    if rated == {False} and False in declared:
        return "llm"
    return "both"
