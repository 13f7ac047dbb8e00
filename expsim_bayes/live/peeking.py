"""How often the rule launches something when nothing differs, with the looks of this experiment: simulated once, and kept."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.errors import ExpsimError
from expsim_bayes.live.simulated import SEED, keep, looks_of, recall, simulated, unknown
from expsim_bayes.operating_characteristics import Estimate, false_launch_rate

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from expsim_bayes.live.monitor import Opened

REPLICATIONS = 1_000
"""Experiments that are simulated."""
_NAME = "peeking"


class Peeking(NamedTuple):
    """How often the rule launches something when all variants are equal."""

    rate: Estimate | None
    """The rate with its Monte-Carlo error; None where it is not known."""
    looks: int
    """Looks that were simulated."""
    why_not: str = ""
    """Why it is not known."""


def known(here: Opened) -> Peeking | None:
    """What can be told without a simulation: the rate that is kept, or why it is not known; None where there is neither."""
    looks, why_not = looks_of(here), unknown(here)
    if why_not:
        return Peeking(None, looks, why_not)
    rate = _read(recall(here, _NAME, _key(here)))
    return None if rate is None else Peeking(rate, looks)


def peeking(here: Opened, *, store: bool = True, progress: Callable[[int], None] | None = None) -> Peeking:
    """The rate for this experiment, from what is kept or from a simulation.

    Parameters
    ----------
    here : Opened
        The experiment.
    store : bool
        Whether the rate is kept in the experiment's folder.
    progress : callable, optional
        Called with the number of experiments simulated.
    """
    told = known(here)
    if told is not None:
        return told
    looks, what = looks_of(here), simulated(here)
    try:
        rate = false_launch_rate(
            what.scenario, strategy=what.strategy, evaluators=what.evaluators, random_seed=SEED, replications=REPLICATIONS,
            progress=progress,
        )  # fmt: skip
    except ExpsimError as error:
        return Peeking(None, looks, error.problem)
    if store:
        with suppress(ExpsimError):  # a folder that only others may write: it is simulated again the next time
            keep(here, _NAME, _key(here), {"value": rate.value, "mcse": rate.mcse})
    return Peeking(rate, looks)


def _key(here: Opened) -> dict[str, object]:
    return simulated(here).key | {"replications": REPLICATIONS}


def _read(told: dict[str, Any] | None) -> Estimate | None:
    try:
        return None if told is None else Estimate(float(told["value"]), float(told["mcse"]))
    except (ValueError, KeyError, TypeError):
        return None
