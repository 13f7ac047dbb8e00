"""The threshold that would hold the false-launch rate with the looks of this experiment: searched on request, and kept.

The search takes minutes, so nobody begins it by looking at the experiment. What it found is kept beside the rate of the declared threshold,
under all that it hangs on, and is shown from then on. It is for the next experiment: the rules of one that is running are fixed.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from expsim_bayes.errors import ExpsimError, SettingError
from expsim_bayes.live.simulated import SEED, Simulated, keep, recall, simulated, unknown
from expsim_bayes.operating_characteristics import Estimate
from expsim_bayes.planning import Calibration, Design, Found, calibrate, design_of
from expsim_bayes.planning.calibration import CHECKED, MOST, TARGET, TOLERANCE, Step, expected, played_by_check

if TYPE_CHECKING:
    from collections.abc import Callable

    from expsim_bayes.live.monitor import Opened

REPLICATIONS = CHECKED
"""Experiments of the independent check."""
REACH = TOLERANCE
"""How far from the rate that is asked for its interval may reach when the search ends."""
LONGEST = MOST
"""Experiments after which the search ends, sure or not."""
_NAME = "calibrated"
_COUNTED = ("checked", "declared", "right", "right_declared", "looks", "looks_declared")


def why_not(here: Opened) -> str:
    """Why no threshold can be searched for this experiment; empty where one can."""
    reason = unknown(here)
    if reason:
        return reason
    try:
        _design(simulated(here))
    except ExpsimError as error:
        return error.problem
    return ""


def known(here: Opened) -> Calibration | None:
    """The threshold that was found for this experiment as it stands; None where none is kept."""
    if why_not(here):
        return None
    what = simulated(here)
    return _read(recall(here, _NAME, _key(what)), _design(what))


def calibrated(
    here: Opened,
    *,
    progress: Callable[[int], None] | None = None,
    notice: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """The threshold for this experiment, from what is kept or from a search; one that is interrupted leaves nothing behind.

    Parameters
    ----------
    here : Opened
        The experiment.
    progress : callable, optional
        Called with the number of experiments simulated, of about `to_play()`.
    notice : callable
        Told where what was found cannot be kept.

    Raises
    ------
    SettingError
        The looks cannot be simulated, or the scenario has no single rule that launches by a probability.
    """
    reason = why_not(here)
    if reason:
        raise SettingError(
            f"no threshold can be searched: {reason}", where=str(here.folder), remedy="leave out --calibrate"
        )
    what = simulated(here)
    found = known(here)
    if found is not None:
        return found
    found = calibrate(
        what.scenario,
        strategy=what.strategy,
        evaluators=what.evaluators,
        target=TARGET,
        tolerance=REACH,
        replications=REPLICATIONS,
        random_seed=SEED,
        most=LONGEST,
        progress=progress,
    )
    try:
        keep(here, _NAME, _key(what), _written(found))
    except ExpsimError as error:
        notice(f"the threshold is not kept: {error.problem}")
    return found


def to_play() -> int:
    """About how many experiments a search and its check simulate."""
    return expected(TARGET, REACH) + played_by_check(REPLICATIONS)


def _design(what: Simulated) -> Design:
    return design_of(what.scenario, strategy=what.strategy, evaluators=what.evaluators)


def _key(what: Simulated) -> dict[str, object]:
    return what.key | {"target": TARGET, "tolerance": REACH, "replications": REPLICATIONS, "most": LONGEST}


def _written(found: Calibration) -> dict[str, Any]:
    """All but the design, which the scenario gives."""
    told = {field.name: getattr(found, field.name) for field in fields(found) if field.name != "design"}
    return told | {"found": found.found._asdict()}


def _read(told: dict[str, Any] | None, design: Design) -> Calibration | None:
    """What `_written` wrote; None where it is something else."""
    if told is None:
        return None
    try:
        rest = {name: value for name, value in told.items() if name != "key"}
        steps = tuple(Step(*step) for step in told["found"]["steps"])
        rest |= {"found": Found(**(told["found"] | {"steps": steps}))}
        return Calibration(design=design, **(rest | {name: Estimate(*told[name]) for name in _COUNTED}))
    except (KeyError, TypeError):
        return None
