"""What the robust model makes of scores before it tells its story: the terms they tell apart, whose noise differs, how to sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from expsim_bayes.errors import RatingsError
from expsim_bayes.models._centring import less_means, shown_nested
from expsim_bayes.models._covariates import Covariates, covariates
from expsim_bayes.models._effects import Shown
from expsim_bayes.models._places import Places, places
from expsim_bayes.models._priors import Scale, score_scale
from expsim_bayes.models._terms import Terms, terms
from expsim_bayes.ratings import code
from expsim_bayes.ratings.wording import listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.ratings import Coded, Ratings

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]

HEAP = 0.2
"""Share of an evaluator's scores at one value above which they are a point mass."""
FEWEST_EQUAL = 3
"""Equal scores below which there is no point mass, however few the scores are."""
RATINGS_A_NOISE = 8
"""Ratings of a rater without which nothing is told of its own noise."""
RATERS_A_POOL = 2
"""Raters with as many, without which the raters of an evaluator share one noise."""
CALM = 4.0
"""Robust SDs from the median of an evaluator beyond which a score does not decide how the sampler moves."""
MAD = 1.4826
"""SD of a normal law over its median absolute deviation."""


class Seen(NamedTuple):
    """R scores of K evaluators, and what the robust story can say of them."""

    data: Coded
    """The scores one by one."""
    places: Places
    """Where they belong."""
    present: Terms
    """What they can tell apart."""
    scale: Scale
    """What priors are measured in."""
    covariates: Covariates
    """What judges should ignore."""
    judges: NDArray[np.bool_]
    """(K,) who may follow covariates: judges beside the reference; every judge where no person rates."""
    noisy: NDArray[np.bool_]
    """(K,) whose raters may differ in noise."""
    calm: Coded
    """The scores with those far out drawn in, by which it is told how the sampler should move."""
    among: Coded
    """The same less the mean of what the evaluator says of the output: what its raters differ in."""
    shown: dict[str, Shown]
    """What the reference's scores say of the effects of items, cells and outputs, by dim; points."""
    noise_centring: Floats
    """(K,) the same for the logs of the raters' noise."""
    sentences: tuple[str, ...]
    """What was merged, left out and assumed."""


def seen_by(ratings: Ratings, columns: Sequence[str], *, tastes: bool = True) -> Seen:
    """Scores prepared for the robust story.

    Parameters
    ----------
    ratings : Ratings
        Validated scores.
    columns : sequence of str
        Columns that judges should ignore.
    tastes : bool
        Whether persons may have tastes of their own for variants.

    Raises
    ------
    RatingsError
        One value holds a large share of an evaluator's scores, or a covariate cannot be used.
    """
    data = code(ratings)
    _refuse_heaps(data, ratings.source)
    present, scale = terms(data, tastes=tastes), score_scale(data, ratings.score_range)
    judges = np.array(present.shift)
    follows = covariates(ratings, data, columns, judges)
    where, noisy, calm = places(data), _noisy(data), data._replace(score=_calm(data))
    among = calm._replace(score=less_means(calm.score, calm.evaluator * len(calm.outputs) + calm.output))
    said = (*_noise_words(data, noisy), *_covariate_words(data, follows, judges))
    return Seen(
        data=data,
        places=where,
        present=present,
        scale=scale,
        covariates=follows,
        judges=judges,
        noisy=noisy,
        calm=calm,
        among=among,
        shown=shown_nested(calm, where.cell, max(present.reference, 0)),
        noise_centring=_noise_centring(among, noisy),
        sentences=(*present.sentences, scale.sentence, *said),
    )


def expected(seen: Seen, noise: float) -> dict[str, Shown]:
    """What the reference's scores would tell of the effects of items, cells and outputs before any is seen, by dim.

    Parameters
    ----------
    seen : Seen
        Who scores what; no score is looked at.
    noise : float
        SD of the noise of a score, as it is believed to be; points.
    """
    unseen = seen.data._replace(score=np.zeros(seen.data.score.size))
    return shown_nested(unseen, seen.places.cell, max(seen.present.reference, 0), noise=noise)


def _refuse_heaps(data: Coded, source: str) -> None:
    """Raise where one value holds so many scores of an evaluator that noise with a free tail would shrink onto it."""
    for k, name in enumerate(data.evaluators):
        values, counts = np.unique(data.score[data.evaluator == k], return_counts=True)
        most = int(counts.argmax())
        if counts[most] >= FEWEST_EQUAL and counts[most] > HEAP * counts.sum():
            raise RatingsError(
                f"{counts[most]:,} of {counts.sum():,} scores of {name!r} are exactly {values[most]:g}: noise with a free tail would "
                "shrink onto so many equal scores",
                where=f"{source}, column 'score'",
                remedy="fit stars with --model ordinal, errors of which most are zero with --model error_scores, and anything else with "
                "--model continuous",
            )


def _noisy(data: Coded) -> NDArray[np.bool_]:
    """(K,) evaluators of whom several named raters gave enough ratings."""
    enough = np.bincount(data.rater, minlength=len(data.raters)) >= RATINGS_A_NOISE
    several = np.bincount(data.rater_evaluator[enough], minlength=len(data.evaluators)) >= RATERS_A_POOL
    return np.asarray(several & ~data.anonymous)


def _calm(data: Coded) -> Floats:
    """(R,) scores, those far from the median of their evaluator drawn in."""
    score = data.score.copy()
    for k in range(len(data.evaluators)):
        of_k = data.evaluator == k
        middle = np.median(score[of_k])
        reach = CALM * MAD * np.median(np.abs(score[of_k] - middle))
        if reach > 0:
            score[of_k] = np.clip(score[of_k], middle - reach, middle + reach)
    return score


def _noise_centring(among: Coded, noisy: NDArray[np.bool_]) -> Floats:
    """(K,) share of the spread between the logs of raters' noise that is more than chance."""
    weight = np.zeros(noisy.size)
    size = np.bincount(among.rater, minlength=len(among.raters))
    for k in np.flatnonzero(noisy):
        own = np.flatnonzero((among.rater_evaluator == k) & (size >= RATINGS_A_NOISE))
        spread = np.array([among.score[among.rater == r].std() for r in own])
        if (spread > 0).all():
            log = np.log(spread)
            real = 1 - float(np.mean(0.5 / size[own])) / max(float(log.var()), 1e-12)
            weight[k] = max(0.0, 2 * real - 1) * (own.size - 1) / own.size
    return weight


def _noise_words(data: Coded, noisy: NDArray[np.bool_]) -> list[str]:
    said = ["Noise has tails as heavy as the scores show: one wild score moves little."]
    for k, name in enumerate(data.evaluators):
        raters = int((data.rater_evaluator == k).sum())
        if noisy[k]:
            said.append(f"Each rater of {name} has noise of its own, and the noisier counts less.")
        elif raters > 1:
            why = (
                "are slots"
                if data.anonymous[k]
                else f"are not told apart by it, for no two of them gave {RATINGS_A_NOISE} ratings or more"
            )
            said.append(f"Raters of {name} share one noise: they {why}.")
    return said


def _covariate_words(data: Coded, follows: Covariates, judges: NDArray[np.bool_]) -> list[str]:
    if not follows.names:
        return []
    who = listing([name for name, judge in zip(data.evaluators, judges, strict=True) if judge])
    units = ", ".join(
        f"{name!r} (mean {mean:.3g}, SD {sd:.3g})"
        for name, mean, sd in zip(follows.names, follows.mean, follows.sd, strict=True)
    )
    said = [f"What scores of {who} owe to {units} is taken out of quality: the reference alone says what it is worth."]
    if data.reference < 0:
        said.append(
            "warning: no person rates, so that all that goes with a covariate is held for the judges' mistake, also what is truly better "
            "or worse."
        )
    if follows.between:
        said.append(
            f"warning: {listing(follows.between)} never varies within a variant: only the priors tell its slope from a judge's taste for "
            "variants."
        )
    return said
