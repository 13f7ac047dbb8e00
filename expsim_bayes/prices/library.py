"""The price library: a price by its name, from `prices.toml`, else from genai-prices, which knows more models, but not since when."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Any

from pydantic import Field, model_validator

from expsim_bayes.amounts import dollars
from expsim_bayes.errors import SettingError
from expsim_bayes.frozen import Frozen

MILLION = 1_000_000
"""Tokens of which the price is told."""


class Price(Frozen):
    """What a model or a person costs, in US dollars, and where that comes from.

    Examples
    --------
    >>> Price(usd_per_million_in=0.15, usd_per_million_out=0.6, as_of="2026-11-29", source="a price list").of_tokens(1_000_000, 0)
    0.15
    """

    usd_per_million_in: float | None = Field(default=None, ge=0)
    """Dollars for a million tokens that a model reads."""
    usd_per_million_out: float | None = Field(default=None, ge=0)
    """Dollars for a million tokens that it writes."""
    usd_per_rating: float | None = Field(default=None, ge=0)
    """Dollars for one rating by a person."""
    as_of: str = Field(default="", pattern=r"^([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?)?$")
    """Day, month or year of the price: for a price list the day on which it was read; empty where that is not known."""
    source: str = Field(min_length=1)
    """Where it stands."""

    @model_validator(mode="after")
    def _of_something(self) -> Price:
        tokens = (self.usd_per_million_in, self.usd_per_million_out)
        if (self.usd_per_rating is None) == (None in tokens) or (
            self.usd_per_rating is not None and tokens != (None, None)
        ):
            raise ValueError("needs usd_per_million_in and usd_per_million_out, or else usd_per_rating")
        return self

    def of_tokens(self, tokens_in: float, tokens_out: float) -> float:
        """Dollars for a call that reads and writes so many tokens."""
        assert self.usd_per_million_in is not None
        assert self.usd_per_million_out is not None
        return (tokens_in * self.usd_per_million_in + tokens_out * self.usd_per_million_out) / MILLION

    def said(self) -> str:
        """The price in words.

        Examples
        --------
        >>> price("gpt-4o-mini").said(), price("alpacafarm-crowd").said()
        ('$0.15 and $0.60 for a million tokens in and out', '$0.30 a rating')
        """
        if self.usd_per_rating is not None:
            return f"{dollars(self.usd_per_rating)} a rating"
        assert self.usd_per_million_in is not None
        assert self.usd_per_million_out is not None
        ends = (dollars(self.usd_per_million_in), dollars(self.usd_per_million_out))
        return f"{ends[0]} and {ends[1]} for a million tokens in and out"


@cache
def priced() -> dict[str, Price]:
    """Every price of the library by its name."""
    text = resources.files("expsim_bayes.prices").joinpath("prices.toml").read_text(encoding="utf-8")
    return {name: Price.model_validate(entry) for name, entry in tomllib.loads(text).items()}


def price(name: str) -> Price:
    """The price of a name of the library, or of any model that genai-prices knows.

    Raises
    ------
    SettingError
        Nobody knows the name.

    Examples
    --------
    >>> price("gpt-4o-mini").as_of
    '2026-11-29'
    """
    known = priced().get(name)
    return known if known is not None else of_any_model(name)


@cache
def of_any_model(name: str) -> Price:
    """The price of a model that genai-prices knows, as of the version that is installed.

    Raises
    ------
    SettingError
        It does not know the model.
    """
    from genai_prices import Usage, calc_price

    try:
        ends = [
            float(calc_price(usage, model_ref=name).total_price)
            for usage in (Usage(input_tokens=1_000, output_tokens=0), Usage(input_tokens=0, output_tokens=1_000))
        ]
    except LookupError:
        raise SettingError(
            f"no price is known for model {name!r}",
            remedy="check the spelling, or give usd_per_call (variants) or usd_per_rating (evaluators)",
        ) from None
    thousandfold = [round(end * MILLION / 1_000, 9) for end in ends]
    source = f"genai-prices {version('genai-prices')}, which does not say when it was read"
    return Price(usd_per_million_in=thousandfold[0], usd_per_million_out=thousandfold[1], source=source)


PRICED = ("variants", "evaluators")
"""Parts of a scenario that name models or prices."""


def filled_in(declared: Any) -> Any:
    """A scenario as it is declared, with its own prices (`prices`) handed to the variants and evaluators that name them.

    Parameters
    ----------
    declared : dict
        As it stands in TOML; anything else is left as it is.

    Examples
    --------
    >>> own = {"usd_per_million_in": 1, "usd_per_million_out": 2, "source": "our contract"}
    >>> filled_in({"prices": {"ours": own}, "variants": [{"model": "ours"}, {"model": "gpt-4o"}]})["variants"][1]
    {'model': 'gpt-4o'}
    """
    prices = declared.get("prices") if isinstance(declared, dict) else None
    if not isinstance(prices, dict) or not prices:
        return declared
    parts = {key: declared[key] for key in PRICED if isinstance(declared.get(key), list | tuple)}
    return declared | {key: [_with_own(part, prices) for part in found] for key, found in parts.items()}


def _with_own(part: Any, prices: dict[str, Any]) -> Any:
    """A variant or evaluator with the scenario's own price of what it names."""
    named = part if isinstance(part, dict) else getattr(part, "__dict__", {})
    own = prices.get(str(named.get("price") or named.get("model")))
    if own is None:
        return part
    return (
        part | {"priced": own}
        if isinstance(part, dict)
        else part.model_copy(update={"priced": Price.model_validate(own)})
    )
