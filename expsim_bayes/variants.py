"""What is compared: a prompt, a model or a reranker, with its true quality, its price and its speed.

Add a field here when a new trait of a variant enters the generative story.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from expsim_bayes.costs import call_usd
from expsim_bayes.evaluators import require_price
from expsim_bayes.frozen import Frozen
from expsim_bayes.prices import Price


class Variant(Frozen):
    """One arm: a prompt, a model or a reranker, with its true quality and what a call costs."""

    name: str = Field(min_length=1)
    """Name of the variant."""
    quality: float
    """True quality on the score scale, in points where it has steps, too: what the reference panel would say on average over new items;
    of a preference, the share of comparisons with the control that it wins, or without one with the others, a tie counted half;
    of a ranking, the share in which it stands before the control, or without one before another."""
    output_sd: float = Field(default=0.0, ge=0)
    """SD between generations of this variant on the same item, in points; ordinal: in logits."""
    tokens_in: float = Field(default=0.0, ge=0)
    """Mean tokens a call reads."""
    tokens_out: float = Field(default=0.0, ge=0)
    """Mean tokens a call writes."""
    tokens_log_sd: float = Field(default=0.0, ge=0)
    """SD of the logarithm of a call's tokens."""
    latency_s: float = Field(default=0.0, ge=0)
    """Mean seconds a call takes."""
    latency_log_sd: float = Field(default=0.0, ge=0)
    """SD of the logarithm of a call's latency."""
    fault_rate: float = Field(default=0.0, ge=0, le=1)
    """True share of its outputs with the fault of the scenario, such as a hallucination; a check sees it on every output, and is taken
    never to err."""
    model: str | None = None
    """Model that is called, for its token prices."""
    usd_per_call: float | None = Field(default=None, ge=0)
    """Mean dollars a call; else it follows from the model's tokens, and is 0 without a model."""

    priced: Price | None = Field(default=None, exclude=True)
    """The price of the model's tokens where the scenario has one of its own (`prices`), which fills it in; else that of the library."""

    @model_validator(mode="after")
    def _priced(self) -> Variant:
        if self.usd_per_call is None and self.model is not None:
            if self.tokens_in + self.tokens_out == 0:
                raise ValueError("model needs tokens_in and tokens_out for its price; or give usd_per_call")
            require_price(self.model, self.priced, remedy="usd_per_call")
        return self

    @property
    def usd_per_output(self) -> float:
        """Mean dollars that one output costs to generate."""
        if self.usd_per_call is not None:
            return self.usd_per_call
        if self.model is None:
            return 0.0
        if self.priced is not None:
            return self.priced.of_tokens(self.tokens_in, self.tokens_out)
        return call_usd(self.model, tokens_in=self.tokens_in, tokens_out=self.tokens_out)
