"""Log-densities of the priors of the score story at draws of its posterior, which hold everything that has a prior of its own.

The sampler runs other numbers than the story's own (`expsim_bayes.models._marginal`), so that PyMC cannot be asked for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.special import ndtr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from expsim_bayes.models._priors import Priors, Scale


def log_priors(
    posterior: xr.Dataset, estimated: Mapping[str, NDArray[np.bool_]], priors: Priors, scale: Scale
) -> xr.Dataset:
    """Log prior densities of some draws, one variable a prior, its entries added up.

    Parameters
    ----------
    posterior : xr.Dataset
        With dims chain and draw, in points.
    estimated : mapping
        Which entries of each variable were estimated; the others have no prior.
    priors : Priors
        In widths of the score range.
    scale : Scale
        Middle and width of the scale, in points.
    """
    told: dict[str, tuple[xr.DataArray, float]] = {
        "q": (posterior["q"], priors.sd_variant * scale.width),
        "level": (posterior["level"] - scale.middle, priors.level_sd * scale.width),
        "scale_use": (_log(posterior["scale_use"]), priors.log_scale_use_sd),
    }
    sds = [str(name) for name in posterior if str(name).startswith("sd_")]
    told |= {name: (posterior[name], getattr(priors, name) * scale.width) for name in sds}
    found = {}
    for name, (value, sd) in told.items():
        dims = value.dims[2:]
        if not (has := xr.DataArray(estimated[name], dims=dims)).any():
            continue
        allowed = 1.0 if name not in sds else _upper_half(name, priors)
        density = -0.5 * (value / sd) ** 2 - np.log(sd * allowed * np.sqrt(2 * np.pi))
        found[name] = density.where(has, 0.0).sum(list(dims))
    return xr.Dataset(found)


def _log(values: xr.DataArray) -> xr.DataArray:
    logs: xr.DataArray = xr.apply_ufunc(np.log, values)
    return logs


def _upper_half(name: str, priors: Priors) -> float:
    """Probability that a normal prior around 0 leaves to a standard deviation: half of it, and of noise what lies above its least value."""
    return float(ndtr(-priors.least_noise / priors.sd_noise)) if name == "sd_noise" else 0.5
