"""Who rates: an LLM judge, a metric, or a pool of people, each with its noise, bias, price and speed.

`Evaluator` is what a person declares in a scenario; `Panel` is several of them as arrays, ready for thousands of replications. Add a
field here when a new trait of a rater enters the generative story.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from expsim_bayes.costs import HOURS_PER_DAY, call_usd, labour_usd
from expsim_bayes.errors import SettingError
from expsim_bayes.frozen import Frozen
from expsim_bayes.prices import Price, priced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Kind = Literal["human", "llm", "metric"]


def require_price(model: str | None, own: Price | None = None, *, remedy: str) -> None:
    """Refuse a model that is not in the price list, where it is declared without a price of its own."""
    if model is None:
        return
    if own is not None:
        if own.usd_per_rating is not None:
            raise ValueError(
                f"model: the price of {model!r} is that of a rating; give usd_per_million_in and usd_per_million_out"
            )
        return
    try:
        call_usd(model, tokens_in=1, tokens_out=1)
    except SettingError as error:
        raise ValueError(f"model: {error.problem}; check the spelling, or give {remedy}") from None


def _require_rating(name: str, own: Price | None) -> None:
    """Refuse a name that is not that of a price for a rating."""
    found = own or priced().get(name)
    if found is None or found.usd_per_rating is None:
        known = [known for known, entry in priced().items() if entry.usd_per_rating is not None]
        raise ValueError(
            f"price: {name!r} is no price of a rating; there is {', '.join(known)}, or give it under [prices.{name}], or usd_per_rating"
        )


class Evaluator(Frozen):
    """One LLM judge with its model and prompt, one metric, or one pool of people.

    All standard deviations are in points of the score scale. Where the outcome is ordinal, severities, tastes and opinions are in logits of
    the latent scale, on which the noise of a rating has an SD of 1.81; where it is a preference or a ranking, in logits of a comparison.

    Examples
    --------
    >>> crowd = Evaluator(name="crowd", kind="human", raters=8, noise_sd=0.6, severity_sd=0.4,
    ...                   wage_usd_per_hour=20, seconds_per_rating=45, parallel=4)
    >>> round(crowd.usd_per_rating_paid, 3)
    0.25
    """

    name: str = Field(min_length=1)
    """Name of the evaluator, as it appears in reports."""
    kind: Kind
    """human, llm or metric."""
    raters: int = Field(default=1, ge=1, le=10_000)
    """Number of people in the pool, up to 10,000; 1 for a judge."""
    ratings_per_output: int = Field(default=1, ge=1)
    """Ratings that each output, or comparisons or rankings that the outputs of an item get from it: different people, or the judge asked
    again."""
    severity_mean: float = 0.0
    """How far above (+) or below (-) the reference's level this evaluator scores, in points; ordinal: in logits."""
    severity_sd: float = Field(default=0.0, ge=0)
    """SD of severity between the people of a pool, in points; ordinal: in logits."""
    shift_sd: float = Field(default=0.0, ge=0)
    """SD of a judge's taste for a variant as such (family, verbosity), in points; ordinal, preference, ranking, binary: in logits; 0
    for people. Where the outcome is binary it makes the judge say 1 more often, whatever the truth, counted from its own average."""
    shift: dict[str, float] = Field(default_factory=dict)
    """Taste for a variant that is fixed by the story, by variant name, in the unit of shift_sd; others are drawn with it."""
    taste_sd: float = Field(default=0.0, ge=0)
    """SD of one person's taste for a variant, in points; ordinal, ranking: in logits."""
    opinion_sd: float = Field(default=0.0, ge=0)
    """SD of a rater's lasting opinion of one output, in points; ordinal: in logits: asking again does not remove it."""
    scale_use: float = Field(default=1.0, gt=0)
    """How much of the scale the evaluator uses (lambda); 1 for the reference."""
    noise_sd: float = Field(default=0.0, gt=0)
    """SD of the noise from one rating to the next, in points; left out where the outcome is binary, whose errors are shares, or ordinal, a
    preference or a ranking, whose noise is logistic."""
    shares: tuple[float, ...] | None = None
    """How often it uses each step of the scale among all that it rates, at a variant that adds nothing (q = 0), where the outcome is
    ordinal; all steps alike unless told."""
    sensitivity: float | None = Field(default=None, gt=0, le=1)
    """Share of outputs that are 1 (that pass) of which it says so, where the outcome is binary; whoever declares neither this nor
    specificity never errs."""
    specificity: float | None = Field(default=None, gt=0, le=1)
    """Share of outputs that are 0 (that fail) of which it says so, where the outcome is binary."""
    sensitivity_prior: tuple[float, float] | None = None
    """Belief about its sensitivity: the parameters of a Beta, such as one more than it found and missed of outputs that are known to pass;
    unless told, the logit is normal with a mean and an SD of 1.5, which is .82 and anything from .19 to .99."""
    specificity_prior: tuple[float, float] | None = None
    """The same of its specificity."""
    order: float = 0.0
    """How far it favours what stands on the left (above 0) or on the right (below), in logits, where the outcome is a preference."""
    order_sd: float = Field(default=0.0, ge=0)
    """SD of that favour between the people of a pool, in logits."""
    ties: float | None = Field(default=None, gt=0, lt=1)
    """Share of ties between equals, were there no favour for a side, where the outcome is a preference; .16 unless told."""
    usd_per_rating: float | None = Field(default=None, ge=0)
    """Dollars a rating; else it follows from the wage or from the model's tokens."""
    wage_usd_per_hour: float | None = Field(default=None, ge=0)
    """Wage of people, dollars an hour."""
    price: str | None = None
    """Name of a price for a rating, in the scenario's `prices` or in the library, such as alpacafarm-crowd."""
    priced: Price | None = Field(default=None, exclude=True)
    """That price, or the one of the model's tokens, where the scenario has one of its own, which fills it in."""
    model: str | None = None
    """Model behind a judge, for its token prices."""
    tokens_in: float = Field(default=0.0, ge=0)
    """Mean tokens that a judge reads for a rating."""
    tokens_out: float = Field(default=0.0, ge=0)
    """Mean tokens that a judge writes for a rating."""
    seconds_per_rating: float = Field(default=0.0, ge=0)
    """Seconds that one rating takes one rater."""
    parallel: int = Field(default=1, ge=1)
    """How many ratings are made at the same time."""
    hours_per_day: float = Field(default=HOURS_PER_DAY, gt=0, le=HOURS_PER_DAY)
    """Hours a day in which ratings are made: 24 for a judge, 8 or so for people."""
    turnaround_hours: float = Field(default=0.0, ge=0)
    """Hours that pass before a batch comes back, whatever its size."""

    @model_validator(mode="after")
    def _priced_and_consistent(self) -> Evaluator:
        if self.usd_per_rating is None and self.wage_usd_per_hour is None and self.model is None and self.price is None:
            raise ValueError(
                "has no price: give usd_per_rating, wage_usd_per_hour or model with tokens_in and tokens_out, or the name of a price"
            )
        if self.usd_per_rating is None:
            self._refuse_a_price_of_nothing()
        if self.kind == "human" and (self.shift_sd > 0 or self.shift):
            raise ValueError("shift is a judge's; for people use taste_sd")
        if self.raters == 1 and (self.severity_sd > 0 or self.taste_sd > 0):
            raise ValueError(
                "severity_sd and taste_sd need raters of 2 or more; a single rater has severity_mean and shift_sd"
            )
        if self.raters == 1 and self.order_sd > 0:
            raise ValueError("order_sd needs raters of 2 or more; a single rater has order")
        return self

    @property
    def errs(self) -> bool:
        """Whether it declares how often it errs about outputs that pass or fail.

        Examples
        --------
        >>> Evaluator(name="judge", kind="llm", usd_per_rating=0.01, sensitivity=0.9, specificity=0.8).errs
        True
        """
        return self.sensitivity is not None or self.specificity is not None

    def _refuse_a_price_of_nothing(self) -> None:
        """A wage without time, a model without tokens, or a model that nobody knows the price of."""
        if self.wage_usd_per_hour is not None:
            if self.seconds_per_rating == 0:
                raise ValueError("wage_usd_per_hour needs seconds_per_rating above 0; or give usd_per_rating")
        elif self.price is not None:
            _require_rating(self.price, self.priced)
        elif self.tokens_in + self.tokens_out == 0:
            raise ValueError("model needs tokens_in and tokens_out for its price; or give usd_per_rating")
        else:
            require_price(self.model, self.priced, remedy="usd_per_rating")

    def told_in(self, use: float) -> Evaluator:
        """The same evaluator beside one who sees `use` of what was a whole logit, for whom that is now a whole one."""
        return self.model_copy(update={"scale_use": self.scale_use / use})

    @property
    def usd_per_rating_paid(self) -> float:
        """Dollars that one rating costs: the stated price, else wages, else the price that is named, else tokens."""
        if self.usd_per_rating is not None:
            return self.usd_per_rating
        if self.wage_usd_per_hour is not None:
            return labour_usd(seconds=self.seconds_per_rating, wage_usd_per_hour=self.wage_usd_per_hour)
        if self.price is not None:
            named = self.priced or priced()[self.price]
            assert named.usd_per_rating is not None  # the validator saw to it
            return named.usd_per_rating
        assert self.model is not None
        if self.priced is not None:
            return self.priced.of_tokens(self.tokens_in, self.tokens_out)
        return call_usd(self.model, tokens_in=self.tokens_in, tokens_out=self.tokens_out)


class Panel(NamedTuple):
    """Several evaluators as arrays: K evaluators, their J raters numbered through.

    The reference is the first evaluator of people, or the first of all where nobody is human.
    """

    names: tuple[str, ...]
    """(K,) names of the evaluators."""
    kinds: tuple[Kind, ...]
    """(K,) their kinds."""
    raters: tuple[str, ...]
    """(J,) names of the raters."""
    rater_evaluator: NDArray[np.intp]
    """(J,) evaluator of each rater."""
    first_rater: NDArray[np.intp]
    """(K,) number of each evaluator's first rater."""
    pool_size: NDArray[np.intp]
    """(K,) raters of each evaluator."""
    ratings_per_output: NDArray[np.intp]
    """(K,) ratings an output gets."""
    reference: int
    """Evaluator whose opinion defines quality."""
    usd_per_rating: NDArray[np.float64]
    """(K,) dollars a rating."""
    seconds_per_rating: NDArray[np.float64]
    """(K,) seconds a rating."""
    parallel: NDArray[np.float64]
    """(K,) ratings at the same time."""
    hours_per_day: NDArray[np.float64]
    """(K,) working hours a day."""
    turnaround_hours: NDArray[np.float64]
    """(K,) hours before a batch comes back."""


def rater_names(evaluator: Evaluator) -> tuple[str, ...]:
    """Names of the raters of one evaluator: its own where there is one, else numbered.

    Examples
    --------
    >>> rater_names(Evaluator(name="crowd", kind="human", raters=2, noise_sd=1, usd_per_rating=0.2))
    ('crowd 1', 'crowd 2')
    """
    if evaluator.raters == 1:
        return (evaluator.name,)
    width = len(str(evaluator.raters))
    return tuple(f"{evaluator.name} {number:0{width}d}" for number in range(1, evaluator.raters + 1))


def panel(evaluators: Sequence[Evaluator]) -> Panel:
    """Evaluators as arrays, raters numbered through.

    Examples
    --------
    >>> judge = Evaluator(name="judge", kind="llm", noise_sd=0.5, usd_per_rating=0.001)
    >>> crowd = Evaluator(name="crowd", kind="human", raters=3, noise_sd=0.6, usd_per_rating=0.2)
    >>> panel([judge, crowd]).rater_evaluator
    array([0, 1, 1, 1])
    >>> panel([judge, crowd]).reference
    1
    """
    pool_size = np.array([e.raters for e in evaluators], dtype=np.intp)
    humans = [k for k, e in enumerate(evaluators) if e.kind == "human"]
    return Panel(
        names=tuple(e.name for e in evaluators),
        kinds=tuple(e.kind for e in evaluators),
        raters=tuple(name for e in evaluators for name in rater_names(e)),
        rater_evaluator=np.repeat(np.arange(len(evaluators), dtype=np.intp), pool_size),
        first_rater=np.concatenate([[0], np.cumsum(pool_size)[:-1]]).astype(np.intp),
        pool_size=pool_size,
        ratings_per_output=np.array([e.ratings_per_output for e in evaluators], dtype=np.intp),
        reference=humans[0]
        if humans
        else min(range(len(evaluators)), key=lambda k: (-evaluators[k].ratings_per_output, evaluators[k].name)),
        usd_per_rating=np.array([e.usd_per_rating_paid for e in evaluators]),
        seconds_per_rating=np.array([e.seconds_per_rating for e in evaluators]),
        parallel=np.array([e.parallel for e in evaluators], dtype=float),
        hours_per_day=np.array([e.hours_per_day for e in evaluators]),
        turnaround_hours=np.array([e.turnaround_hours for e in evaluators]),
    )
