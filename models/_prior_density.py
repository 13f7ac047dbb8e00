"""Log-densities of the priors that a person chose: of what stands at the top of a story, not of effects whose spread is estimated.

Power-scaling (`expsim_bayes.sensitivity`) asks what the answer would be if these were weaker or stronger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xarray as xr
from pymc.model.transform.conditioning import remove_value_transforms
from pytensor.graph.traversal import ancestors
from pytensor.tensor.random.basic import NormalRV

from expsim_bayes.models._completed import labelled
from expsim_bayes.models._many import many
from expsim_bayes.models._task import flat

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pymc as pm

TURNED = "q_raw"
"""What variants add, where it is sampled turned (`expsim_bayes.models._effects.turned`): of a given SD, unlike all else so named."""


def top_level(model: pm.Model, without: Collection[str] = (), also: Collection[str] = ()) -> tuple[str, ...]:
    """Free variables whose prior a person chose: all but effects whose spread is estimated.

    Nor are the multiples of an estimated SD that effects are made of. A normal one may have a mean that other variables move, as long as
    its SD is given.

    Parameters
    ----------
    model : pm.Model
        An explicit model.
    without : collection of str
        Variables with one value an item, an output or a rating.
    also : collection of str
        Variables whose spread a person chose although another variable enters it.
    """
    return tuple(
        rv.name for rv in model.free_RVs if rv.name not in without and (rv.name in also or _is_chosen(rv, model))
    )


def _is_chosen(rv: Any, model: pm.Model) -> bool:
    """Whether nothing that is estimated sets the spread of a variable, and it is no multiple of such a spread."""
    if rv.name.endswith("_raw") and rv.name != TURNED:
        return False
    others = set(model.free_RVs) - {rv}
    normal = isinstance(rv.owner.op, NormalRV)
    return not others & set(ancestors([rv.owner.op.dist_params(rv.owner)[1] if normal else rv]))


def log_priors(
    model: pm.Model, draws: xr.Dataset, *, without: Collection[str] = (), also: Collection[str] = ()
) -> xr.Dataset:
    """Log prior densities of some draws, one variable a top-level variable of the model, its entries added up.

    What is sampled as `name_raw` is called by its name.

    Parameters
    ----------
    model, draws
        As for `log_densities`.
    without, also : collection of str
        As for `top_level`.
    """
    found = log_densities(model, draws, top_level(model, without, also))
    return xr.Dataset({str(name).removesuffix("_raw"): added_up(values) for name, values in found.items()})


def log_densities(model: pm.Model, draws: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """Log densities of variables of a model at many draws at once, as `pymc.compute_log_prior` and `compute_log_likelihood` tell them.

    Parameters
    ----------
    model : pm.Model
        An explicit model.
    draws : xr.Dataset
        With dims chain and draw, and what these densities hang on.
    names : sequence of str
        Free or observed variables.
    """
    plain = remove_value_transforms(model)
    variables = [plain[name] for name in names]
    inputs = [plain.rvs_to_values[rv] for rv in plain.free_RVs]
    values = {str(name): flat(draws[name]) for name in draws if draws[name].dims[:2] == ("chain", "draw")}
    told = many(plain.logp(vars=variables, sum=False), inputs)(values)
    found = labelled(plain, dict(zip(names, told, strict=True)), draws.sizes["chain"])
    return found.assign_coords({dim: draws[dim].to_numpy() for dim in ("chain", "draw")})


def added_up(values: xr.DataArray) -> xr.DataArray:
    """Sums over everything but chain and draw."""
    return values.sum([dim for dim in values.dims if dim not in ("chain", "draw")])
