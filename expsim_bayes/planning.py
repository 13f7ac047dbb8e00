r"""What more ratings would bring: "collect N more", what they are worth, and the floor that no number of them can pass.

With :math:`m` and :math:`V` the posterior mean and covariance of the qualities and :math:`V'` their covariance after :math:`n` more ratings
of a stated kind, the new mean will be distributed as :math:`N(m, V - V')` (Raiffa and Schlaifer 1961, preposterior analysis). N is the
smallest :math:`n` with which the rules decide with a probability of at least .8. Where none does, more of this kind cannot settle it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtri

from expsim_bayes import superiority
from expsim_bayes.costs import elapsed_days
from expsim_bayes.posterior import Batch, State, carried_over, layout, quality_marginals, update
from expsim_bayes.stopping import CONTINUE, Evidence, first

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from expsim_bayes.posterior import Components, Layout
    from expsim_bayes.stopping import Rule

TARGET = 0.8
"""Probability of a decision that a recommended batch must give."""
MOST_RATINGS = 100_000
"""No batch larger than this is recommended."""
_FUTURES = 512
"""Possible future means in which the rules are asked; the value of a batch looks at 16 times as many."""
_ENDLESS = 1e9
"""Ratings that stand for no end of them."""


@dataclass(frozen=True)
class Source:
    """A kind of further ratings: who rates new items, and what that costs."""

    label: str
    """In words, such as "human ratings"."""
    evaluators: tuple[int, ...]
    """Evaluators that rate each output."""
    raters: tuple[tuple[int, ...], ...]
    """Raters who take turns, for each of them."""
    new_people: int = 0
    """How many of the raters did not take part so far."""
    usd_per_rating: tuple[float, ...] | None = None
    """Dollars a rating for each of them; None where prices are not known."""
    usd_per_output: float = 0.0
    """Dollars to generate one output."""
    seconds_per_rating: tuple[float, ...] = ()
    """Seconds a rating for each of them; empty where not known."""
    parallel: tuple[int, ...] = ()
    """Ratings at the same time, for each of them."""
    hours_per_day: tuple[float, ...] = ()
    """Working hours a day, for each of them."""
    turnaround_hours: tuple[float, ...] = ()
    """Hours before a batch comes back, for each of them; none where empty."""


@dataclass(frozen=True)
class Question:
    """What is to be decided, and what is known about it."""

    state: State
    """Posterior of one replication."""
    components: Components
    """Its components."""
    places: Layout
    """Its layout."""
    rules: tuple[Rule, ...]
    """Rules that decide."""
    contenders: tuple[int, ...]
    """Variants whose outputs would be rated."""
    barred: tuple[int, ...] = ()
    """Variants that break a limit and so may not be launched."""
    control: int | None = None
    """The control."""
    min_effect: float = 0.0
    """Smallest difference that matters, in points."""
    rope: float = 0.0
    """Width of equivalence, in points."""
    higher_is_better: bool = True
    """Direction of the scale."""


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


FIRST_BATCH = 100
"""Ratings of the dearest kind in a first batch; other kinds are compared at the same price."""


def further_ratings(
    question: Question, sources: Sequence[Source], *, usd_left: float | None = None, target: float = TARGET
) -> tuple[Further, ...]:
    """What further ratings of each kind, on new items, would bring.

    Parameters
    ----------
    question : Question
        What is to be decided and what is known.
    sources : sequence of Source
        Who would rate.
    usd_left : float, optional
        Dollars that may still be spent; no limit unless told.
    target : float
        Probability of a decision that is asked for.

    Returns
    -------
    tuple of Further
        One a source; empty with a single contender, for then there is nothing to choose.
    """
    if len(question.contenders) < 2:
        return ()
    prices = [_usd_per_item(source, question) for source in sources]
    batch_usd: float | None = None
    if prices and all(price is not None for price in prices):
        batch_usd = max(
            FIRST_BATCH * price / (len(question.contenders) * len(source.evaluators))
            for source, price in zip(sources, prices, strict=True)
            if price is not None
        )
    return tuple(_further(question, source, batch_usd, usd_left, target) for source in sources)


def _further(
    question: Question, source: Source, batch_usd: float | None, usd_left: float | None, target: float
) -> Further:
    """What further ratings of one kind would bring."""
    per_item, ratings_per_item, outputs_per_item = _information(question, source)
    usd_per_item = _usd_per_item(source, question)
    before = quality_marginals(question.state, question.components, question.places)

    def after(ratings: float) -> NDArray[np.float64]:
        state = State(question.state.precision + per_item * (ratings / ratings_per_item), question.state.weighted)
        cov: NDArray[np.float64] = quality_marginals(state, question.components, question.places).cov[0]
        return cov

    def decides(ratings: float) -> float:
        return _prob_decides(question, before.mean[0], before.cov[0], after(ratings))

    most = MOST_RATINGS
    if usd_left is not None and usd_per_item:
        most = min(most, int(max(usd_left, 0.0) / usd_per_item) * ratings_per_item)
    needed = _fewest(decides, ratings_per_item, most, target)
    pick = _leader_and_challenger(question, before.mean[0])
    batch = float(FIRST_BATCH)
    if batch_usd is not None and usd_per_item:
        batch = min(batch_usd / usd_per_item * ratings_per_item, float(MOST_RATINGS))
    start, first_batch, end = (_variance(cov, pick) for cov in (before.cov[0], after(batch), after(_ENDLESS)))
    return Further(
        label=source.label,
        new_people=source.new_people,
        ratings=needed,
        outputs=None if needed is None else needed // ratings_per_item * outputs_per_item,
        usd=None if needed is None or usd_per_item is None else needed / ratings_per_item * usd_per_item,
        days=None if needed is None else _days(source, needed),
        prob_decides=decides(most if needed is None else needed),
        batch_ratings=round(batch),
        batch_usd=None if usd_per_item is None else batch / ratings_per_item * usd_per_item,
        variance_removed=1.0 - first_batch / start,
        floor=end / start,
        value=_value(question, before.mean[0], before.cov[0], after(batch)),
    )


def with_new_raters(question: Question, evaluator: int, n_new: int) -> tuple[Question, tuple[int, ...]]:
    """The same question with new people in a pool, and their numbers: about them only the prior is known."""
    places = question.places
    n_known = places.rater_evaluator.size
    wider = layout(
        question.components,
        rater_evaluator=np.concatenate([places.rater_evaluator, np.full(n_new, evaluator, dtype=np.intp)]),
    )
    state = carried_over(
        question.state,
        question.components,
        places,
        wider=question.components,
        wider_places=wider,
        evaluators=np.arange(question.components.scale.size),
        raters=np.arange(n_known),
    )
    return replace(question, state=state, places=wider), tuple(range(n_known, n_known + n_new))


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


def pairing_gain(components: Components) -> float:
    """How many times as many outputs a split design needs to know a difference as well as a paired one, with the reference rating.

    Items cancel where variants share them: the ratio is that of the variance of one rating around its variant with and without the item's.
    """
    reference = components.reference
    of_rating = components.sd_opinion[reference] ** 2 + components.sd_noise[reference] ** 2
    rest = (
        components.sd_interaction**2
        + float(np.mean(components.sd_output**2))
        + of_rating / components.scale[reference] ** 2
    )
    return float(1.0 + components.sd_item**2 / rest)


def _information(question: Question, source: Source) -> tuple[NDArray[np.float64], int, int]:
    """(1, size, size) mean precision that one new item adds, its ratings, and its outputs.

    All contenders answer the item. The people of a pool take turns, so a round of the largest pool is averaged.
    """
    places = question.places
    rounds = max(len(pool) for pool in source.raters)
    slots = len(question.contenders)
    table = np.array(
        [(i, s, pool[i % len(pool)]) for i in range(rounds) for s in range(slots) for pool in source.raters],
        dtype=np.intp,
    )
    output = table[:, 0] * slots + table[:, 1]
    batch = Batch(
        score=np.zeros((1, len(table))),
        variant=np.array(question.contenders, dtype=np.intp)[table[:, 1]][None],
        rater=table[:, 2],
        item=table[:, 0],
        cell=output,
        output=output,
        opinion=np.arange(len(table)),
    )
    nothing = State(np.zeros((1, places.size, places.size)), np.zeros((1, places.size)))
    added = update(nothing, batch, question.components, places)
    return added.precision / rounds, slots * len(source.raters), slots


def _usd_per_item(source: Source, question: Question) -> float | None:
    if source.usd_per_rating is None:
        return None
    return len(question.contenders) * (sum(source.usd_per_rating) + source.usd_per_output)


def _days(source: Source, ratings: int) -> float | None:
    """Days until the slowest of the evaluators has given its share."""
    if not source.seconds_per_rating:
        return None
    each = ratings / len(source.evaluators)
    days = elapsed_days(
        each,
        seconds_each=source.seconds_per_rating,
        parallel=source.parallel,
        hours_per_day=source.hours_per_day,
        turnaround_hours=source.turnaround_hours or 0.0,
    )
    return float(np.max(days))


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


def _prob_decides(
    question: Question, mean: NDArray[np.float64], now: NDArray[np.float64], then: NDArray[np.float64]
) -> float:
    """Share of the futures in which a rule fires, among contenders and control, or all variants where a rule asks of all."""
    asks_all = any(rule.rule == "equivalence" for rule in question.rules)
    playing = list(range(mean.size)) if asks_all else _playing(question)
    pick = np.ix_(playing, playing)
    futures = _futures(mean[playing], now[pick], then[pick], count=_FUTURES)
    control = None if question.control is None else playing.index(question.control)
    found = superiority.from_gaussian(
        futures,
        then[pick][None],
        control=control,
        min_effect=question.min_effect,
        rope=question.rope,
        higher_is_better=question.higher_is_better,
        eligible=~np.isin(playing, question.barred)[None] if question.barred else None,
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
    deciding = tuple(rule for rule in question.rules if rule.rule in _DECIDING)
    return float(np.mean(first(deciding, evidence, look=10**6).decision != CONTINUE))


def _playing(question: Question) -> list[int]:
    """Variants among which the choice is made: the contenders and the control."""
    return sorted({*question.contenders, *(() if question.control is None else (question.control,))})


_DECIDING = ("superiority", "beats_control", "expected_loss", "equivalence")


def _value(question: Question, mean: NDArray[np.float64], now: NDArray[np.float64], then: NDArray[np.float64]) -> float:
    """Expected gain of choosing after the batch rather than now, in points a use."""
    sign = 1.0 if question.higher_is_better else -1.0
    playing = _playing(question)
    if len(playing) == 2:
        a, b = playing
        return value_of_batch(float(mean[a] - mean[b]), _variance(now, playing), _variance(then, playing))
    pick = np.ix_(playing, playing)
    futures = sign * _futures(mean[playing], now[pick], then[pick], count=16 * _FUTURES)
    return max(float(futures.max(axis=1).mean() - futures.mean(axis=0).max()), 0.0)


def _leader_and_challenger(question: Question, mean: NDArray[np.float64]) -> tuple[int, int]:
    """The two contenders with the best means."""
    sign = -1.0 if question.higher_is_better else 1.0
    order = sorted(question.contenders, key=lambda v: sign * mean[v])
    return order[0], order[1]


def _variance(cov: NDArray[np.float64], pick: Sequence[int]) -> float:
    """Variance of the difference of two variants."""
    a, b = pick
    return float(cov[a, a] + cov[b, b] - 2 * cov[a, b])


def _fewest(decides: Callable[[float], float], step: int, most: int, target: float) -> int | None:
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
