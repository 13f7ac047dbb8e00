"""What further ratings would bring, for a fit: by the fast posterior where the score story was fitted, else from the draws alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from expsim_bayes import superiority
from expsim_bayes.planning import Choice, Question, bound_to, further_ratings, more_of_the_same
from expsim_bayes.posterior import quality_marginals
from expsim_bayes.posterior.fitted import LARGEST, components_of, latent_size, state_of
from expsim_bayes.ratings import code
from expsim_bayes.recommend.kinds import HOPEFUL, kinds_of_ratings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.planning import Further
    from expsim_bayes.posterior import Components
    from expsim_bayes.ratings import Coded
    from expsim_bayes.recommend.reading import Reading

Scenarios = tuple[tuple[str, float, float], ...]
"""(assumption on the judges' taste, effect of the leader, probability that it is better)."""


def forecast(read: Reading) -> tuple[tuple[Further, ...], Scenarios]:
    """What further ratings of each kind would bring, and what would follow if judges' tastes varied less or more."""
    if read.model != "continuous":
        return _same(read), ()
    data = code(read.ratings)
    given = components_of(read.tree, data)
    if latent_size(data, given) > LARGEST:
        return _same(read), ()
    return _by_kind(read, data, given), _shift_scenarios(read, data, given)


def _hopeful(read: Reading) -> tuple[int, ...]:
    """Variants that may still be best, the leader, the baseline and, where these are one, the next best among them."""
    other = int(read.order[1]) if read.leader == read.baseline and read.order.size > 1 else read.baseline
    return tuple(sorted({*np.flatnonzero(read.found.prob_best >= HOPEFUL).tolist(), read.leader, other, read.baseline}))


def _shift_scenarios(read: Reading, data: Coded, given: Components) -> Scenarios:
    """The leader's lead if judges' tastes varied half and twice as much; empty without judges, or where there is no lead."""
    leader, baseline, names = read.leader, read.baseline, read.who.variants
    if not given.sd_shift.any() or leader == baseline:
        return ()
    rows = []
    for amount, factor in (("half", 0.5), ("twice", 2.0)):
        components = replace(given, sd_shift=given.sd_shift * factor)
        state, places = state_of(data, components)
        quality = quality_marginals(state, components, places)
        lead, sd = superiority.contrast(quality.mean[0], quality.cov[0], leader, baseline)
        words = f"If judges' tastes for a variant varied {amount} as much, the difference of {names[leader]} to {names[baseline]}"
        rows.append((words, float(lead), float(ndtr(read.sign * lead / sd))))
    return tuple(rows)


def _by_kind(read: Reading, data: Coded, given: Components) -> tuple[Further, ...]:
    """What further ratings of each kind would bring, for the variants that may still be best."""
    state, places = state_of(data, given)
    question = Question(
        state=state,
        components=given,
        places=places,
        rules=read.rules,
        contenders=_hopeful(read),
        control=read.control,
        min_effect=read.min_effect,
        rope=read.rope,
        higher_is_better=read.higher_is_better,
    )
    names = data.evaluators
    question, kinds = kinds_of_ratings(question, names=names, kinds=data.kinds, reference=given.reference)
    if all(name in read.prices for name in names):
        kinds = tuple(replace(k, usd_per_rating=tuple(read.prices[names[e]] for e in k.evaluators)) for k in kinds)
    return further_ratings(question, kinds)


LABELS = {
    "score": "ratings by the same raters",
    "comparison": "comparisons by the same raters",
    "ranking": "rankings by the same raters",
    "operations": "calls",
}
"""What more of the same is called, by what a row is."""


def _same(read: Reading) -> tuple[Further, ...]:
    """What more of the same would bring, told from the draws."""
    if len(_hopeful(read)) < 2:
        return ()
    prior = read.tree["prior"]["quality"].transpose("chain", "draw", "variant").to_numpy()
    before, now = np.cov(prior.reshape(-1, prior.shape[-1]).T), np.cov(read.quality.T)
    if not (np.isfinite(before).all() and np.isfinite(now).all() and np.trace(before) > 0):
        return ()
    choice = Choice(
        rules=read.rules,
        contenders=_hopeful(read),
        control=read.control,
        min_effect=read.min_effect,
        rope=read.rope,
        higher_is_better=read.higher_is_better,
    )
    who = read.who
    dollars = [read.prices.get(name) for name in who.evaluators]
    usd = None
    if who.evaluators and None not in dollars:
        usd = float(np.average([price or 0.0 for price in dollars], weights=who.by_evaluator))
    found = more_of_the_same(
        choice,
        mean=read.quality.mean(axis=0),
        now=now,
        prior=before,
        ratings=who.total,
        label=LABELS[read.ratings.outcome],
        stays=_stays(read),
        usd_per_rating=usd,
    )
    return (found._replace(ratings=_rounded_up(found.ratings)),)


def _rounded_up(number: int | None) -> int | None:
    """Up to two digits: the draws of a fit support no more."""
    if number is None:
        return None
    step = int(10 ** max(len(str(number)) - 2, 0))
    return -(-number // step) * step


def _stays(read: Reading) -> NDArray[np.float64] | None:
    """The part of the covariance of quality that goes with tastes of those on whose ratings it rests, and more of the same keeps.

    Where the reference rated, those are its raters' tastes: judges' are then learned from what both rated. Without it, the judges'.
    """
    who, posterior = read.who, read.tree["posterior"]
    if who.reference < 0 and "shift" in posterior and posterior["shift"].dims[-2:] == ("evaluator", "variant"):
        return bound_to(read.quality, read.draws("shift").mean(axis=1))
    if who.reference >= 0 and "taste" in posterior and posterior["taste"].dims[-2:] == ("rater", "variant"):
        members = np.flatnonzero(who.rater_evaluator == who.reference)
        return bound_to(read.quality, read.draws("taste")[:, members].mean(axis=1))
    return None
