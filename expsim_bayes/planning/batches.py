r"""What more ratings would bring: "collect N more", what they are worth, and the floor that no number of them can pass.

With :math:`m` and :math:`V` the posterior mean and covariance of the qualities and :math:`V'` their covariance after :math:`n` more ratings
of a stated kind, the new mean will be distributed as :math:`N(m, V - V')` (Raiffa and Schlaifer 1961, preposterior analysis). N is the
smallest :math:`n` with which the rules decide with a probability of at least .8. Where none does, more of this kind cannot settle it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from expsim_bayes.costs import elapsed_days
from expsim_bayes.planning.futures import (
    DOLLARS,
    ENDLESS,
    FIRST_BATCH,
    MOST_RATINGS,
    TARGET,
    WEEK,
    Choice,
    Further,
    bought,
    fewest,
    gain_of_choosing_later,
    leader_and_challenger,
    prob_decides,
    variance,
)
from expsim_bayes.posterior import Batch, State, carried_over, layout, quality_marginals, update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from expsim_bayes.posterior import Components, Layout


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


@dataclass(frozen=True, kw_only=True)
class Question(Choice):
    """What is to be decided, and what is known about it."""

    state: State
    """Posterior of one replication."""
    components: Components
    """Its components."""
    places: Layout
    """Its layout."""


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
    with threadpool_limits(1, "blas"):  # many small products: threads would wait for each other
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
        return prob_decides(question, before.mean[0], before.cov[0], after(ratings))

    most = MOST_RATINGS
    if usd_left is not None and usd_per_item:
        most = min(most, int(max(usd_left, 0.0) / usd_per_item) * ratings_per_item)
    needed = fewest(decides, ratings_per_item, most, target)
    pick = leader_and_challenger(question, before.mean[0])
    batch = float(FIRST_BATCH)
    if batch_usd is not None and usd_per_item:
        batch = min(batch_usd / usd_per_item * ratings_per_item, float(MOST_RATINGS))
    start, first_batch, end = (variance(cov, pick) for cov in (before.cov[0], after(batch), after(ENDLESS)))
    usd_each = usd_per_item / ratings_per_item if usd_per_item else None
    dollar, hundred, week = (
        bought(question, before.mean[0], after, ratings, usd_each=usd_each)
        for ratings in (*(None if usd_each is None else usd / usd_each for usd in DOLLARS), _in_a_week(source, most))
    )
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
        value=gain_of_choosing_later(question, before.mean[0], before.cov[0], after(batch)),
        dollar=dollar,
        hundred=hundred,
        week=week,
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


def _in_a_week(source: Source, most: int) -> float | None:
    """Ratings, of the most that may be bought, that come back within a week; None where speeds are not known."""
    if not source.seconds_per_rating:
        return None
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if (_days(source, middle) or 0.0) <= WEEK else (low, middle - 1)
    return float(low)
