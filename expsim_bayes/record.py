"""What is kept of an experiment: every look or only its end, the posterior where it stopped, and the truth beside it.

`Record` fills arrays with a leading replication axis and turns them into a labelled Dataset; a new quantity of a look needs its
dimensions in `DIMS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from expsim_bayes.evaluators import panel

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.posterior import Known
    from expsim_bayes.scenario import Scenario

DIMS: dict[str, tuple[str, ...]] = {
    "quality_mean": ("variant",),
    "quality_sd": ("variant",),
    "effect_mean": ("variant",),
    "effect_sd": ("variant",),
    "prob_best": ("variant",),
    "prob_superior": ("variant",),
    "expected_loss": ("variant",),
    "prob_equivalent": (),
    "mcse": (),
    "outputs": ("variant",),
    "ratings": ("evaluator",),
    "usd_rating": ("evaluator",),
    "usd_generation": ("variant",),
    "seconds": ("variant",),
    "days": (),
    "faults": ("variant",),
    "under_way": ("variant",),
    "dropped": ("variant",),
}
"""Quantities of a look, with their dimensions after replication and look."""


class Record:
    """What is kept of the replications of one chunk."""

    def __init__(
        self,
        *,
        scenario: Scenario,
        quality: NDArray[np.float64],
        names: list[str],
        truth: NDArray[np.float64],
        history: bool,
    ) -> None:
        self.scenario = scenario
        self.quality = quality  # (replication, variant), and (replication, latent) of the truth below
        self.names = names
        self.truth = truth
        self.history = history
        self.replications = len(quality)
        self.final: dict[str, NDArray[Any]] = {}
        self.looks: dict[str, NDArray[Any]] = {}

    def look(
        self, snapshot: dict[str, NDArray[Any]], active: NDArray[np.intp], done: NDArray[np.bool_], look: int
    ) -> None:
        """Keep what a look (from 0) showed for the replications that are still running, or for those alone that stop at it."""
        if self.history:
            for name, values in snapshot.items():
                if name in DIMS:
                    if name not in self.looks:
                        self.looks[name] = np.full((self.replications, self.scenario.looks, *values.shape[1:]), np.nan)
                    self.looks[name][active, look] = values
        stopped = active[done]
        if stopped.size:
            for name, values in snapshot.items():
                self._keep(name, values if len(values) == 1 else values[done], stopped)
            self._keep("stop_look", np.full(stopped.size, look + 1), stopped)

    def stop(self, known: Known, stopped: NDArray[np.intp]) -> None:
        """Keep the posterior of all effects where replications stop."""
        latent = known.latents()
        off = self.truth[stopped] - latent.mean
        precision = np.broadcast_to(latent.precision, (len(off), *latent.precision.shape[1:]))
        self._keep("latent_mean", latent.mean, stopped)
        self._keep("latent_sd", np.broadcast_to(latent.sd, latent.mean.shape), stopped)
        self._keep("latent_distance", np.einsum("ri,rij,rj->r", off, precision, off), stopped)

    def dataset(self, *, first: int, latents: bool) -> xr.Dataset:
        """Everything that was kept, with the truth beside it; `first` is the number of the first replication."""
        import xarray as xr

        who = panel(self.scenario.evaluators)
        values = self.looks or {name: self.final[name] for name in self.final if name in DIMS}
        lead = ("replication", "look") if self.history else ("replication",)
        data = {name: ((*lead, *DIMS[name]), array) for name, array in values.items()}
        data |= {name: (("replication",), self.final[name]) for name in ("decision", "launched", "rule", "stop_look")}
        data["quality_true"] = (("replication", "variant"), np.asarray(self.quality))
        coords: dict[str, Any] = {
            "replication": np.arange(first, first + self.replications),
            "variant": list(self.scenario.variant_names),
            "evaluator": list(who.names),
        }
        if self.history:
            coords["look"] = np.arange(1, self.scenario.looks + 1)
        if latents:
            data |= {name: (("replication", "latent"), self.final[name]) for name in ("latent_mean", "latent_sd")}
            data["latent_distance"] = (("replication",), self.final["latent_distance"])
            data["latent_true"] = (("replication", "latent"), self.truth)
            coords["latent"] = self.names
        return xr.Dataset(data, coords=coords)

    def _keep(self, name: str, values: NDArray[Any], at: NDArray[np.intp]) -> None:
        if name not in self.final:
            self.final[name] = np.zeros((self.replications, *values.shape[1:]), dtype=values.dtype)
        self.final[name][at] = values
