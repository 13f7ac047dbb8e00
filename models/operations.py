r"""Operations: what a call of a variant uses up, in seconds, dollars or tokens.

Call :math:`n` of variant :math:`v` on item :math:`i` uses the amount :math:`y_n \ge 0`. Some calls use nothing; the others follow a
log-normal law with a heavy tail (Student's t in logs; Lange, Little and Taylor 1989):

.. math::

    P(y_n = 0) = \pi_v, \qquad \log y_n = q_v + u_i + g_{iv} + \sigma_v\, \varepsilon_n, \quad \varepsilon_n \sim t_\nu

.. math::

    q_v \sim N(m, s_q^2), \quad u_i \sim N(0, \tau_u^2), \quad g_{iv} \sim N(0, \tau_g^2), \quad
    \log(\sigma_v - \sigma_0) \sim N(\log \sigma, s_\sigma^2), \quad \nu - 3 \sim \Gamma(2, r), \quad \pi_v \sim B(1, b)

where :math:`m` is the log of the median of the amounts above zero, :math:`\sigma` is log-normal, the :math:`\tau` are half-normal, and all
are in logs, so that a unit of the amounts is never needed: .1 is about ten per cent.

A new call on a new item has all of these in it. `p50` and `p95` are quantiles of its amount, and `mean` its mean, in which an amount above
the quantile .999 of the calls that use anything counts as that quantile: a law with a tail this heavy has no mean otherwise, and one call
in a thousand is not left to decide what calls cost. *Quality* is one of the three: `p95` of a latency, `mean` of anything else, unless
told. A call recorded as :math:`10^9` seconds is let pass by the tail.

Calls that were cut off (a time limit) are taken as if they had ended then: such an amount is too low, and nothing here mends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pydantic import model_validator

from expsim_bayes.frozen import Frozen
from expsim_bayes.models._calls import SAID, UNITS, Calls, Measure, calls
from expsim_bayes.models._effects import Shown, Tensor, effects
from expsim_bayes.models._heavy_tail import mean_below, quantile, sums
from expsim_bayes.models._recipe import Recipe, refuse_not_positive
from expsim_bayes.models._small_sd import SMALL_SD

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

MANY_CALLS = 20
"""Calls of a variant on an item from which its interaction is told better by them than by the SD of interactions."""
CAP = 0.999
"""Quantile above which an amount counts as that quantile in a mean."""
LEAST_FREEDOM = 3.0
"""Degrees of freedom of the tail are above this: with fewer, single calls would decide the mean even where the largest are capped."""
LARGEST_LOG = 700.0
"""Log above which a predicted amount would be no number."""


class Priors(Frozen):
    """What is modelled, and priors of the story of calls; SDs are in logs of amounts: .1 is about ten per cent.

    Examples
    --------
    >>> Priors(measure="cost").measure
    'cost'
    """

    measure: Measure | None = None
    """What is modelled: latency_s, cost, tokens_out or tokens_in; unless told the first of them that the table has; no unit."""
    summary: Literal["mean", "p50", "p95"] | None = None
    """What quality is: mean, p50 or p95; unless told p95 of a latency and the mean of anything else; no unit."""
    sd_variant: float = 1.5
    """SD of the log of a variant's typical amount around that of all calls, fixed; logs."""
    sd_item: float = 0.7
    """Scale of the half-normal prior of the SD between items; logs."""
    sd_interaction: float = 0.3
    """Scale of the half-normal prior of the SD of what a variant takes more on some items; logs."""
    noise: float = 0.3
    """Middle of the log-normal prior of the typical scale of noise from call to call; logs."""
    log_typical_noise_sd: float = 0.8
    """SD of the log of that typical scale: with .8 it lies within a factor of 5 with probability .95; no unit."""
    least_noise: float = 0.005
    """Least scale of noise, half a per cent, added to every variant's: without it amounts that never vary have no posterior; logs."""
    log_noise_sd: float = 0.4
    """SD of the log of a variant's scale of noise around the typical one; no unit."""
    tail: float = 0.1
    """Rate of the gamma prior (shape 2) of the degrees of freedom of the tail above 3: .1 expects about 20; no unit."""
    zeros: float = 9.0
    """Second parameter of the Beta(1, .) prior of the share of calls that use nothing, where there are any: 9 expects a tenth; calls."""

    @model_validator(mode="after")
    def _all_positive(self) -> Priors:
        refuse_not_positive(self)
        return self


def build_model(ratings: Ratings, priors: Priors | None = None) -> pm.Model:
    """The story of calls as an explicit PyMC model.

    Parameters
    ----------
    ratings : Ratings
        Validated calls; those without an amount are left out.
    priors : Priors, optional
        And which measure is modelled.

    Returns
    -------
    pm.Model
        With `quality`, `mean`, `p50` and `p95` of dims `("variant",)` in the unit of the measure, one variable a term in logs, and the
        observed `amount` of dims `("call",)`.

    Raises
    ------
    SettingError
        The table does not have the measure asked for.
    RatingsError
        Every amount is missing or zero.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"variant": ["A", "B"] * 2, "item": list("1122"), "latency_s": [1.0, 2.0, 1.5, 3.5]})
    >>> model = build_model(validate(frame))
    >>> model.named_vars_to_dims["quality"], model["amount_of"].get_value().tolist()
    (('variant',), [1.0, 2.0, 1.5, 3.5])
    """
    priors = priors or Priors()
    seen = calls(ratings, priors.measure)
    with pm.Model(coords=_coords(seen)) as model:
        variant = pm.Data("variant_of", seen.variant, dims="call")
        item = pm.Data("item_of", seen.item, dims="call")

        # items: what they take, whatever the variant, and with one of them
        latent, variance, at_hand = pt.zeros(len(seen.amount)), pt.constant(0.0), pt.zeros(len(seen.variants))
        if seen.has_item:
            sd = pm.HalfNormal("sd_item", priors.sd_item, default_transform=SMALL_SD)
            effect = effects("item_effect", sd, "item", centred=_centred(seen.item), absorbed=True)
            latent, variance, at_hand = latent + effect[item], variance + sd**2, at_hand + effect.mean()
        if seen.has_interaction:
            sd = pm.HalfNormal("sd_interaction", priors.sd_interaction, default_transform=SMALL_SD)
            effect = effects("interaction", sd, "cell", shown=_expected(seen.cell, priors))
            latent, variance = latent + effect[pm.Data("cell_of", seen.cell, dims="call")], variance + sd**2
            at_hand = at_hand + pt.dot(_share_of_cells(seen), effect)

        # population: what variants take, sampled at the average of the items at hand, of which the calls tell most
        typical = pm.Normal("log_typical", seen.middle + at_hand, priors.sd_variant, dims="variant")
        q = pm.Deterministic("q", typical - at_hand, dims="variant")
        noise, freedom, zero = _noise(seen, priors)

        # what a report says: a new call on a new item
        _summaries(q, noise, freedom, variance, zero)
        pm.Deterministic("quality", model[summary(seen, priors)] * 1.0, dims="variant")

        pm.CustomDist("amount", q[variant] + latent, noise[variant], freedom, zero[variant], logp=log_density, random=draw_amounts,
                      signature="(),(),(),()->()", observed=pm.Data("amount_of", seen.amount, dims="call"), dims="call")  # fmt: skip
    return model


def summary(seen: Calls, priors: Priors) -> str:
    """What quality is: mean, p50 or p95."""
    return priors.summary or ("p95" if seen.measure == "latency_s" else "mean")


def _coords(seen: Calls) -> dict[str, Any]:
    return {
        "variant": list(seen.variants),
        "item": list(seen.items),
        "cell": list(seen.cells),
        "call": np.arange(len(seen.amount)),
    }


def _centred(item: NDArray[np.intp]) -> float:
    """How far effects of items are sampled as they are: from 0 where an item has 4 calls or fewer, to 1 where it has very many."""
    return max(0.0, 1.0 - 4.0 * np.unique(item).size / item.size)


def _expected(cell: NDArray[np.intp], priors: Priors) -> Shown | None:
    """What so many calls should tell of interactions, noise being as believed; None where these are best multiples of their SD.

    Their SD may be near zero, where effects that are sampled only partly as multiples of it make a funnel.
    """
    count = np.bincount(cell).astype(float)
    return Shown(np.zeros(count.size), count / priors.noise**2) if count.mean() >= MANY_CALLS else None


def _share_of_cells(seen: Calls) -> NDArray[np.float64]:
    """(variant, cell) 1 / number of cells of the variant where the cell is one of them, else 0."""
    cells, first = np.unique(seen.cell, return_index=True)
    belongs = np.zeros((len(seen.variants), cells.size))
    belongs[seen.variant[first], cells] = 1.0
    return np.asarray(belongs / np.maximum(belongs.sum(axis=1, keepdims=True), 1.0))


def _noise(seen: Calls, priors: Priors) -> tuple[Tensor, Tensor, Tensor]:
    """Scale of noise (variant,), degrees of freedom of its tail, and share of calls that use nothing (variant,)."""
    typical = pm.Normal("log_typical_noise", np.log(priors.noise), priors.log_typical_noise_sd)
    log_noise = pm.Normal("log_noise", typical, priors.log_noise_sd, dims="variant")
    noise = pm.Deterministic("sd_noise", priors.least_noise + pt.exp(log_noise), dims="variant")
    freedom = pm.Deterministic("tail", LEAST_FREEDOM + pm.Gamma("tail_above", 2.0, priors.tail))
    if not seen.has_zeros:
        return noise, freedom, pt.zeros(len(seen.variants))
    return noise, freedom, pm.Beta("share_zero", 1.0, priors.zeros, dims="variant")


def _summaries(q: Tensor, noise: Tensor, freedom: Tensor, variance: Tensor, zero: Tensor) -> None:
    """Add `mean`, `p50` and `p95` of a new call on a new item to the model in context."""
    of = sums(noise, freedom, variance)
    above = (np.array([[0.5], [0.95]]) - zero) / (1.0 - zero)  # quantiles of the calls that use something
    asked = pt.clip(0.5 + pt.abs(above - 0.5), 0.5, 1.0 - 1e-9)  # their law is symmetric in logs
    found = quantile(of, pt.concatenate([asked, pt.ones_like(asked[:1]) * CAP]))
    amounts = pt.where(above <= 1e-9, 0.0, pt.exp(q + pt.sign(above - 0.5) * found[:2]))
    pm.Deterministic("p50", amounts[0], dims="variant")
    pm.Deterministic("p95", amounts[1], dims="variant")
    pm.Deterministic("mean", (1.0 - zero) * pt.exp(q) * mean_below(of, found[2]), dims="variant")


def log_density(amount: Tensor, location: Tensor, noise: Tensor, freedom: Tensor, zero: Tensor) -> Tensor:
    """Log densities of amounts: the log of the share of nothing at zero, else of a Student-t law in logs."""
    log = pt.log(pt.where(amount > 0, amount, 1.0))
    z2 = ((log - location) / noise) ** 2
    level = pt.gammaln((freedom + 1) / 2) - pt.gammaln(freedom / 2) - 0.5 * pt.log(np.pi * freedom)
    some = pt.log1p(-zero) + level - pt.log(noise) - 0.5 * (freedom + 1) * pt.log1p(z2 / freedom) - log
    return pt.where(amount > 0, some, pt.log(zero))


def draw_amounts(  # noqa: PLR0917
    location: NDArray[np.float64],
    noise: NDArray[np.float64],
    freedom: NDArray[np.float64],
    zero: NDArray[np.float64],
    rng: np.random.Generator,
    size: tuple[int, ...] | None = None,
) -> NDArray[np.float64]:
    """Amounts drawn from the law."""
    shape = np.broadcast_shapes(*(np.shape(x) for x in (location, noise, freedom, zero))) if size is None else size
    log = location + noise * rng.standard_t(np.broadcast_to(freedom, shape))
    return np.where(rng.random(shape) < zero, 0.0, np.exp(np.minimum(log, LARGEST_LOG)))


def features(values: NDArray[Any], constant: xr.Dataset) -> dict[str, NDArray[np.float64]]:
    """(draw,) numbers that decisions hang on, from (draw, call) amounts."""
    amount = np.asarray(values, dtype=float)
    variant, item = constant["variant_of"].to_numpy(), constant["item_of"].to_numpy()
    middle, high = np.quantile(amount, (0.5, 0.95), axis=1)
    found = {
        "median amount": middle,
        "95th percentile of amounts": high,
        "share of amounts of zero": (amount == 0).mean(axis=1),
    }
    logs = np.log(np.where(amount > 0, amount, np.nan))
    for words, group in (("variants'", variant), ("items'", item)):
        if np.unique(group).size > 1:
            medians = np.stack([_median(logs[:, group == g]) for g in np.unique(group)], axis=1)
            found[f"spread between {words} median amounts (SD of logs)"] = np.nanstd(medians, axis=1)
    return found


def _median(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """(draw,) medians of logs, those of nothing left out; NaN where there are no others."""
    some = np.isfinite(logs).any(axis=1)
    return np.where(some, np.nanmedian(np.where(some[:, None], logs, 0.0), axis=1), np.nan)


def _sentences(ratings: Ratings, priors: Priors) -> tuple[str, ...]:
    seen = calls(ratings, priors.measure)
    said = SAID[seen.measure]
    what = {
        "mean": f"mean {said}, in which a call above the quantile {CAP} of those that use anything counts as that quantile",
        "p50": f"median {said}",
        "p95": f"95th percentile of {said}",
    }[summary(seen, priors)]
    return (
        f"Quality is the {what}, of a new call on a new item like these, in {UNITS[seen.measure]}: lower is better.",
        *seen.sentences,
        "Calls cut off by a time limit are taken as if they had ended then; repeated tries are part of what one call took.",
    )


def _unit(ratings: Ratings, priors: Priors) -> str:
    return UNITS[calls(ratings, priors.measure).measure]


RECIPE = Recipe(
    name="operations",
    title="what calls use up: seconds, dollars or tokens",
    outcome="operations",
    priors=Priors,
    build=build_model,
    observed={"amount": "amount_of"},
    features=features,
    sentences=_sentences,
    nested=("item_effect", "item_effect_raw", "interaction", "interaction_raw"),
    unit=_unit,
    effects_unit="logs",
    higher_is_better=False,
)
