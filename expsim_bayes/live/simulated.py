"""A monitored experiment as it is simulated when its rule is judged, and the place where answers of such simulations are kept.

What is kept can be computed again: it is named by the scenario, the looks, the version of the package and all else that it hangs on, and
one that is lost or damaged is made anew.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

from expsim_bayes.live import folder as kept

if TYPE_CHECKING:
    from pathlib import Path

    from expsim_bayes.live.monitor import Opened
    from expsim_bayes.scenario import EvaluatorChoice, Scenario, StrategyName

SEED = 20_000
"""Seed of the simulations, another than that of any fit."""
SIMULATED = {
    "score": ("score", "continuous", "scores on a continuous scale"),
    "ordinal": ("score", "ordinal", "stars"),
    "binary": ("score", "binary", "verdicts of pass or fail"),
    "preference": ("comparison", "preference", "comparisons"),
    "ranking": ("ranking", "ranking", "rankings"),
}
"""By the outcome of a scenario: what a row is, the model that suits simulated looks, and what these are of."""
NOUNS = {"score": "a score", "comparison": "a comparison", "ranking": "a place in a ranking", "operations": "a call"}


class Simulated(NamedTuple):
    """What is simulated."""

    scenario: Scenario
    """The scenario with as many looks as were planned or taken, whichever is more."""
    strategy: StrategyName
    """Whose rules decide."""
    evaluators: EvaluatorChoice
    """Who rates."""
    key: dict[str, object]
    """What names the experiment where an answer is kept."""


def simulated(here: Opened) -> Simulated:
    """What is simulated of an experiment, with those raters who have rated so far."""
    looks, who = looks_of(here), _who(here)
    items = here.scenario.items.model_copy(update={"count": None})
    longer = here.scenario.model_copy(update={"looks": looks, "items": items})
    key: dict[str, object] = {
        "scenario": here.manifest.scenario_sha256,
        "strategy": here.settings.strategy,
        "evaluators": who,
        "looks": looks,
        "seed": SEED,
        "version": version("expsim-bayes"),
    }
    return Simulated(longer, here.settings.strategy, who, key)


def looks_of(here: Opened) -> int:
    """Looks that are simulated: those that were planned, or those that were taken where they are more."""
    return max(here.scenario.looks, len(here.manifest.batches))


def unknown(here: Opened) -> str:
    """Why a simulation would not be of this experiment; empty where it is."""
    last = here.looks[-1] if here.looks else None
    row, model, looks = SIMULATED.get(here.scenario.outcome, SIMULATED["score"])
    if last is not None and last.outcome != row:
        return f"simulated looks are of {looks}, and a row here is {NOUNS[last.outcome]}: it cannot be told for this kind yet"
    if last is not None and last.model not in (model, ""):
        return (
            f"simulated looks are of {looks}, and the model here is '{last.model}': it cannot be told for this kind yet"
        )
    if here.manifest.added:
        names = ", ".join(added.name for added in here.manifest.added)
        return f"the scenario does not know {names}, which came in later"
    return ""


def recall(here: Opened, name: str, key: dict[str, object]) -> dict[str, Any] | None:
    """What was kept of a simulation under this name and key; None where there is nothing, or nothing that can be read."""
    try:
        told = json.loads(_place(here, name, key).read_bytes())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and told.get("key") == key else None


def keep(here: Opened, name: str, key: dict[str, object], found: dict[str, Any]) -> None:
    """Keep what a simulation gave, whole.

    Raises
    ------
    SettingError
        It cannot be written.
    """
    kept.put(_place(here, name, key), kept.to_json({"key": key, **found}))


def _place(here: Opened, name: str, key: dict[str, object]) -> Path:
    return here.folder / kept.CACHE / f"{name}-{kept.sha256(kept.to_json(key))[:16]}.json"


def _who(here: Opened) -> EvaluatorChoice:
    """Who rates in the simulation: those kinds that have rated so far, where the scenario has them."""
    rated = {e.kind == "human" for look in here.looks for e in look.evaluators}
    declared = {e.kind == "human" for e in here.scenario.evaluators}
    if rated == {True} and True in declared:
        return "human"
    if rated == {False} and False in declared:
        return "llm"
    return "both"
