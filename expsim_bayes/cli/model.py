"""Which model is fitted, with which priors, and how long that will take."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, NamedTuple, get_args

from expsim_bayes.amounts import duration, listed, rough
from expsim_bayes.cli.options import pairs, setting
from expsim_bayes.errors import SettingError
from expsim_bayes.ratings.wording import close_to

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    *,
    prior: Sequence[str] | None = None,
    gold: str | None = None,
    domain: str | None = None,
    covariate: Sequence[str] | None = None,
) -> Model:
    """The model that was asked for, or that suits the ratings, and its priors.

    Raises
    ------
    SettingError
        There is no such model, or it has no such prior, or a value is none that the prior can have.
    """
    from expsim_bayes.models import NAMES, choose

    if asked == AUTO:
        name, why = choose(ratings)
    elif asked in NAMES:
        name, why = asked, ""
    else:
        raise SettingError(f"{asked!r} is no model", where="--model", remedy=f"choose among {listed([AUTO, *NAMES])}")
    told = {key: setting(text) for key, text in pairs(prior, option="--prior", example="sd_variant=0.5").items()}
    short = {"gold": gold, "domain": domain, "covariates": tuple(covariate) if covariate else None}
    for key, value in short.items():
        if value is not None:
            _require(name, key)
            told[key] = value
    return Model(name, why, _priors(name, told))


def _priors_of(name: str) -> type[Frozen]:
    from expsim_bayes.models import recipe

    if name != "continuous":
        return recipe(name).priors
    from expsim_bayes.models.continuous import Priors

    return Priors


def _require(name: str, key: str) -> None:
    """An error where a model has no such prior, with the models that do."""
    from expsim_bayes.models import NAMES

    if key not in _priors_of(name).model_fields:
        have = [other for other in NAMES if key in _priors_of(other).model_fields]
        raise SettingError(
            f"the model {name!r} knows nothing of it",
            where=SHORTHAND[key],
            remedy=f"leave it away, or choose --model {' or --model '.join(have)}" if have else "leave it away",
        )


def _priors(name: str, told: dict[str, object]) -> Frozen:
    from pydantic import ValidationError

    kind = _priors_of(name)
    known = list(kind.model_fields)
    for key in told:
        if key not in known:
            raise SettingError(f"the model {name!r} has no prior {key!r}", where="--prior", remedy=close_to(key, known))
    numbers = {
        key: value for key, value in told.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }
    names = {key: f"{value:g}" for key, value in numbers.items() if _is_name(kind, key)}
    try:
        return kind.model_validate_json(json.dumps({**told, **names}))
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else "--prior"
        raise SettingError(
            f"{told.get(key)!r} cannot be the prior {key!r} of the model {name!r}: {first['msg'].lower()}",
            where="--prior",
            remedy=f"give a value like {getattr(kind(), key, 'that of the default')!r}",
        ) from None


def _is_name(kind: type[Frozen], key: str) -> bool:
    """Whether a prior is text, such as the class 3, which looks like a number."""
    return str in get_args(kind.model_fields[key].annotation)


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
