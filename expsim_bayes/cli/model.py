"""Which model is fitted, with which priors, and how long that will take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.amounts import duration, listed, rough
from expsim_bayes.cli.options import pairs, setting
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from expsim_bayes.frozen import Frozen
    from expsim_bayes.ratings import Ratings

AUTO = "auto"
"""Stands for the model that suits the ratings."""
SHORTHAND = {"gold": "--gold", "domain": "--domain", "covariates": "--covariate"}
"""Priors that have an option of their own."""


SAMPLING = (0.1, 0.9)
"""Shares of a fit's progress at which the sampler begins and ends."""
PATIENCE = 60.0
"""Seconds left from which it is said what would be faster."""
TOLD = (0.05, 0.25, 0.5, 0.75)
"""Shares of the sampling at which it is said how long the rest will take."""
FASTER = {
    "ordinal": "ratings that share everything are added up; anonymous raters and fewer items take less",
    "preference": "comparisons that share everything are added up; --prior items=false takes seconds, but holds all items for alike",
}
"""What would make a fit faster, by model."""


class Model(NamedTuple):
    """A model and its priors."""

    name: str
    """One of `expsim_bayes.models.NAMES`."""
    why: str
    """Why it was chosen; empty where it was asked for."""
    priors: Frozen
    """Its priors."""


def model_of(
    asked: str,
    ratings: Ratings,
    told: Mapping[str, object],
) -> Model:
    """The model that was asked for, or that suits the ratings, and its priors.

    Parameters
    ----------
    asked : str
        Its name, or `AUTO`.
    ratings : Ratings
        To be fitted.
    told : mapping
        Priors from `told_priors`.

    Raises
    ------
    SettingError
        There is no such model, or it has no such prior, or a value is none that the prior can have.
    """
    from expsim_bayes.models import NAMES, choose
    from expsim_bayes.models._told import priors_from

    if asked == AUTO:
        name, why = choose(ratings)
    elif asked in NAMES:
        name, why = asked, ""
    else:
        raise SettingError(f"{asked!r} is no model", where="--model", remedy=f"choose among {listed([AUTO, *NAMES])}")
    for key in SHORTHAND:
        if key in told:
            _require(name, key)
    return Model(name, why, priors_from(name, dict(told)))


def told_priors(
    prior: Sequence[str] | None,
    *,
    gold: str | None = None,
    domain: str | None = None,
    covariate: Sequence[str] | None = None,
) -> dict[str, object]:
    """Priors as they were told, by name; those with an option of their own among them."""
    told = {key: setting(text) for key, text in pairs(prior, option="--prior", example="sd_variant=0.5").items()}
    short = {"gold": gold, "domain": domain, "covariates": tuple(covariate) if covariate else None}
    return told | {key: value for key, value in short.items() if value is not None}


def _require(name: str, key: str) -> None:
    """An error where a model has no such prior, with the models that do."""
    from expsim_bayes.models import NAMES
    from expsim_bayes.models._told import priors_of

    if key not in priors_of(name).model_fields:
        have = [other for other in NAMES if key in priors_of(other).model_fields]
        raise SettingError(
            f"the model {name!r} knows nothing of it",
            where=SHORTHAND[key],
            remedy=f"leave it away, or choose --model {' or --model '.join(have)}" if have else "leave it away",
        )


def timed(advance: Callable[..., None], faster: str = "") -> Callable[[float, str], None]:
    """Progress that says, from the pace so far, roughly how long the sampler will take yet.

    Parameters
    ----------
    advance : callable
        Takes the share done and words.
    faster : str
        What would be faster, said where minutes are left.
    """
    began: list[float] = []
    said: list[str] = ["sampling"]

    def tell(share: float, words: str) -> None:
        if words != "sampling":
            began.clear()
            said[0] = "sampling"
            advance(share, words)
            return
        if not began:
            began.append(time.monotonic())
        done = (share - SAMPLING[0]) / (SAMPLING[1] - SAMPLING[0])
        at = [told for told in TOLD if done >= told]
        if at and f"{rough(at[-1])}" not in said[0]:
            left = (time.monotonic() - began[0]) * (1.0 - done) / done
            hint = f"; faster: {faster}" if faster and left > PATIENCE and at == [TOLD[0]] else ""
            said[0] = (
                f"sampling ({rough(at[-1])} done, roughly {duration(left / 86_400) if left >= 60 else f'{left:.0f} s'} more{hint})"
            )
        advance(share, said[0])

    return tell
