"""Priors as a person told them, by name and value, turned into those of a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

from expsim_bayes.errors import SettingError
from expsim_bayes.models import recipe
from expsim_bayes.ratings.wording import close_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from expsim_bayes.frozen import Frozen


def priors_of(name: str) -> type[Frozen]:
    """The class of the priors of a model."""
    if name != "continuous":
        return recipe(name).priors
    from expsim_bayes.models._priors import Priors

    return Priors


def priors_from(name: str, told: Mapping[str, object]) -> Frozen:
    """The priors of a model with some of them as told, its own otherwise.

    Raises
    ------
    SettingError
        The model has no such prior, or it cannot have that value.

    Examples
    --------
    >>> priors_from("continuous", {"sd_variant": 0.2}).sd_variant
    0.2
    """
    from pydantic import ValidationError

    kind = priors_of(name)
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
