"""Names of outcomes, what their checks ask of a scenario, and what several of them refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from expsim_bayes.evaluators import Evaluator

OutcomeName = Literal["score", "binary", "ordinal", "preference", "ranking"]
"""score: everyone who rates gives a score; binary: an output passes or fails, and whoever rates sees it as it is or with errors; ordinal:
everyone who rates gives one of a few steps, such as 1 to 5 stars; preference: two outputs of an item stand side by side, and one is better
or neither is; ranking: everyone who rates puts the outputs of an item in order."""
VOTES: tuple[OutcomeName, ...] = ("ordinal", "preference", "ranking")
"""Those whose analysis needs a model of votes."""
SIDE_BY_SIDE: tuple[OutcomeName, ...] = ("preference", "ranking")
"""Those that rate all outputs of an item together, whose quality is a share."""
WIDEST = 10.0
"""Logits beyond which an SD, or a favour for a side, is a slip of the pen."""


class Declared(Protocol):
    """What is asked of a scenario here; `Scenario` says what each means."""

    @property
    def outcome(self) -> OutcomeName: ...  # noqa: D102
    @property
    def rate_prior(self) -> tuple[float, float]: ...  # noqa: D102
    @property
    def score_range(self) -> tuple[float, float]: ...  # noqa: D102
    @property
    def clip_to_range(self) -> bool: ...  # noqa: D102
    @property
    def control(self) -> str | None: ...  # noqa: D102
    @property
    def assignment(self) -> str: ...  # noqa: D102
    @property
    def variants_per_item(self) -> int: ...  # noqa: D102
    @property
    def higher_is_better(self) -> bool: ...  # noqa: D102
    @property
    def strategies(self) -> Mapping[Any, Any]: ...  # noqa: D102
    @property
    def sd_variant(self) -> float | None: ...  # noqa: D102
    @property
    def evaluators(self) -> Sequence[Evaluator]: ...  # noqa: D102
    @property
    def variants(self) -> Sequence[Any]: ...  # noqa: D102
    @property
    def items(self) -> Any: ...  # noqa: D102


def refuse_rate_prior(scenario: Declared) -> None:
    """Refuse what is believed of rates."""
    if scenario.rate_prior != (1.0, 1.0):
        raise ValueError('rate_prior: belongs to outcome = "binary"; give sd_variant, or change outcome')


def refuse_beyond(amount: float, key: str) -> None:
    """Refuse logits that are a slip of the pen."""
    if amount > WIDEST:
        raise ValueError(
            f"{key}: {amount:g} logits are beyond all that is seen ({WIDEST:g} turn 22,000 to 1); give it in logits"
        )
