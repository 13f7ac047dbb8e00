r"""What a batch of ratings may lead to: how often the rules would decide then, and what choosing then is worth.

With :math:`m` and :math:`V` the posterior mean and covariance of the qualities and :math:`V'` their covariance after the batch, the
new mean will be distributed as :math:`N(m, V - V')` (Raiffa and Schlaifer 1961, preposterior analysis).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from scipy.special import ndtri

from expsim_bayes import superiority
from expsim_bayes.stopping import CONTINUE, Evidence, first

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from expsim_bayes.scenario import Scenario, StrategyName
    from expsim_bayes.stopping import Rule

TARGET = 0.8
"""Probability of a decision that a recommended batch must give."""
MOST_RATINGS = 100_000
"""No batch larger than this is recommended."""
_FUTURES = 512
"""Possible future means in which the rules are asked; the value of a batch looks at 16 times as many."""
ENDLESS = 1e9
"""Ratings that stand for no end of them."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is to be decided, by which rules."""

    rules: tuple[Rule, ...]
    """Rules that decide."""
    contenders: tuple[int, ...]
    """Variants whose outputs would be rated."""
    barred: tuple[int, ...] = ()
    """Variants that break a limit and so may not be launched."""
    control: int | None = None
    """The control."""
    min_effect: float = 0.0
    """Smallest difference that matters, in units of quality."""
    rope: float = 0.0
    """Width of equivalence, in units of quality."""
    higher_is_better: bool = True
    """Direction of quality."""

    @classmethod
    def declared(cls, scenario: Scenario, strategy: StrategyName, contenders: tuple[int, ...]) -> Self:
        """What a scenario decides, run by one of its strategies, among those who may still win."""
        return cls(
            rules=scenario.rules(strategy),
            contenders=contenders,
            control=scenario.control_index,
            min_effect=scenario.min_effect,
            rope=scenario.rope_width,
            higher_is_better=scenario.higher_is_better,
        )


class Bought(NamedTuple):
    """What a sum of money or a span of time buys of one kind of ratings."""

    ratings: float
    """Ratings."""
    usd: float | None
    """Dollars for them; None where prices are not known."""
    variance_removed: float
    """Share of the variance of leader against challenger that they would remove."""
    prob_decides: float
    """Probability that the rules decide with them."""


class Further(NamedTuple):
    """What further ratings of one kind would bring."""

    label: str
    """Kind of ratings."""
    new_people: int
    """How many people would have to be found for them."""
    ratings: int | None
    """Fewest with which the rules decide with a probability of .8 or more; None where no number does."""
    outputs: int | None
    """Outputs that are generated for them."""
    usd: float | None
    """Dollars for them; None where prices are not known or no number does."""
    days: float | None
    """Days for them; None where speeds are not known or no number does."""
    prob_decides: float
    """Probability that the rules decide with them, or with the most that may be bought where that is not enough."""
    batch_ratings: int
    """Ratings in a first batch: what the same money (or, where prices are not known, the same number) buys of each kind."""
    batch_usd: float | None
    """Dollars for that batch; None where prices are not known."""
    variance_removed: float
    """Share of the variance of leader against challenger that the batch would remove."""
    floor: float
    """Share of that variance that no number of these ratings can remove."""
    value: float
    """Expected gain in quality of the choice after the batch, in points a use."""
    dollar: Bought | None = None
    """What one more dollar buys; None where prices are not known."""
    hundred: Bought | None = None
    """What 100 dollars buy, likewise."""
    week: Bought | None = None
    """What can be rated in a week; None where speeds are not known."""


DOLLARS = (1.0, 100.0)
"""Sums of money of which it is said what they buy."""
WEEK = 7.0
"""Days, likewise."""
FIRST_BATCH = 100
"""Ratings of the dearest kind in a first batch; other kinds are compared at the same price."""


def value_of_batch(mean: float, variance_now: float, variance_then: float) -> float:
    r"""Expected gain of choosing between two variants after a batch rather than now, per unit of use.

    With :math:`D = V - V'` and :math:`z = |m| / \sqrt D` it is :math:`\sqrt D (\phi(z) - z \Phi(-z))`.

    Examples
    --------
    >>> round(value_of_batch(0.0, 0.04, 0.0), 4)  # sd .2, known exactly afterwards
    0.0798
    """
    from scipy.special import ndtr

    spread = np.sqrt(max(variance_now - variance_then, 0.0))
    if spread == 0.0:
        return 0.0
    z = abs(mean) / spread
    return float(spread * (np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) - z * ndtr(-z)))


def _futures(
    mean: NDArray[np.float64], now: NDArray[np.float64], then: NDArray[np.float64], *, count: int
) -> NDArray[np.float64]:
    """(future, variant) evenly weighted means that a batch may lead to, up to a shift common to all variants."""
    n = mean.size
    centre = np.eye(n) - 1.0 / n
    values, vectors = np.linalg.eigh(centre @ (now - then) @ centre)
    root = vectors[:, 1:] * np.sqrt(np.maximum(values[1:], 0.0))
    return mean + _normal_grid(count, n - 1) @ root.T


def _normal_grid(count: int, dims: int) -> NDArray[np.float64]:
    """(count, dims) evenly weighted standard normal points: midpoints in one dimension, a Kronecker sequence in more.

    Each point of the sequence comes with its mirror image, so that turning the scale around turns the answer around.
    """
    if dims == 1:
        return np.asarray(ndtri((np.arange(count) + 0.5) / count))[:, None]
    ratio = 1.5
    for _ in range(64):
        ratio = (1.0 + ratio) ** (1.0 / (dims + 1))
    steps = ratio ** -np.arange(1.0, dims + 1)
    uniform = (np.arange(count // 2) + 0.5)[:, None] * steps % 1.0
    half = ndtri(np.clip(uniform, 1e-12, 1 - 1e-12))
    return np.concatenate([half, -half])


def prob_decides(
    choice: Choice, mean: NDArray[np.float64], now: NDArray[np.float64], then: NDArray[np.float64]
) -> float:
    """Share of the futures in which a rule fires, among contenders and control, or all variants where a rule asks of all."""
    asks_all = any(rule.rule == "equivalence" for rule in choice.rules)
    among = list(range(mean.size)) if asks_all else playing(choice)
    pick = np.ix_(among, among)
    futures = _futures(mean[among], now[pick], then[pick], count=_FUTURES)
    control = None if choice.control is None else among.index(choice.control)
    found = superiority.from_gaussian(
        futures,
        then[pick][None],
        control=control,
        min_effect=choice.min_effect,
        rope=choice.rope,
        higher_is_better=choice.higher_is_better,
        eligible=~np.isin(among, choice.barred)[None] if choice.barred else None,
        points=64,
    )
    nothing = np.zeros(len(futures))
    evidence = Evidence(
        prob_best=found.prob_best,
        prob_superior=found.prob_superior,
        expected_loss=found.expected_loss,
        prob_equivalent=found.prob_equivalent,
        dollars=nothing,
        ratings=nothing.astype(np.int64),
        days=nothing,
        control=control,
    )
    deciding = tuple(rule for rule in choice.rules if rule.rule in _DECIDING)
    return float(np.mean(first(deciding, evidence, look=10**6).decision != CONTINUE))


def playing(choice: Choice) -> list[int]:
    """Variants among which the choice is made: the contenders and the control."""
    return sorted({*choice.contenders, *(() if choice.control is None else (choice.control,))})


_DECIDING = ("superiority", "beats_control", "expected_loss", "equivalence")


def gain_of_choosing_later(
    choice: Choice, mean: NDArray[np.float64], now: NDArray[np.float64], then: NDArray[np.float64]
) -> float:
    """Expected gain of choosing after the batch rather than now, in points a use."""
    sign = 1.0 if choice.higher_is_better else -1.0
    among = playing(choice)
    if len(among) == 2:
        a, b = among
        return value_of_batch(float(mean[a] - mean[b]), variance(now, among), variance(then, among))
    pick = np.ix_(among, among)
    futures = sign * _futures(mean[among], now[pick], then[pick], count=16 * _FUTURES)
    return max(float(futures.max(axis=1).mean() - futures.mean(axis=0).max()), 0.0)


def leader_and_challenger(choice: Choice, mean: NDArray[np.float64]) -> tuple[int, int]:
    """The two contenders with the best means."""
    sign = -1.0 if choice.higher_is_better else 1.0
    order = sorted(choice.contenders, key=lambda v: sign * mean[v])
    return order[0], order[1]


def variance(cov: NDArray[np.float64], pick: Sequence[int]) -> float:
    """Variance of the difference of two variants."""
    a, b = pick
    return float(cov[a, a] + cov[b, b] - 2 * cov[a, b])


def bought(
    choice: Choice,
    mean: NDArray[np.float64],
    after: Callable[[float], NDArray[np.float64]],
    ratings: float | None,
    *,
    usd_each: float | None,
) -> Bought | None:
    """What a number of ratings brings; None where it is not known how many.

    Parameters
    ----------
    choice : Choice
        What is to be decided.
    mean : numpy.ndarray
        (variant,) what is known now.
    after : callable
        Covariance of quality after a number of further ratings.
    ratings : float, optional
        How many are bought.
    usd_each : float, optional
        Dollars for one.
    """
    if ratings is None:
        return None
    number = min(ratings, float(MOST_RATINGS))
    now, then = after(0.0), after(number)
    pick = leader_and_challenger(choice, mean)
    return Bought(
        ratings=number,
        usd=None if usd_each is None else number * usd_each,
        variance_removed=1.0 - variance(then, pick) / variance(now, pick),
        prob_decides=prob_decides(choice, mean, now, then),
    )


def fewest(decides: Callable[[float], float], step: int, most: int, target: float) -> int | None:
    """Fewest ratings, in whole items, with which the rules decide often enough: doubling, then halving."""
    largest = most // step
    low, high = 0, 1
    while high < largest and decides(high * step) < target:
        low, high = high, min(2 * high, largest)
    if largest < 1 or decides(high * step) < target:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle * step) >= target else (middle, high)
    return high * step
