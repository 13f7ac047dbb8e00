"""What things cost: tokens, people's time and waiting, turned into dollars and days.

Pure functions of numbers and arrays. Prices of language models come from the library `expsim_bayes.prices`, and for models that are not in
it from the maintained `genai-prices` package, so a scenario names a model rather than a price; a price that is written down wins over it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.errors import SettingError
from expsim_bayes.prices import priced

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

HOURS_PER_DAY = 24.0
SECONDS_PER_HOUR = 3600.0


def call_usd(model: str, *, tokens_in: float, tokens_out: float) -> float:
    """Price of one call of a language model, in US dollars.

    Parameters
    ----------
    model : str
        Model name as its provider spells it, such as ``"gpt-4o-mini"``.
    tokens_in, tokens_out : float
        Mean tokens of the prompt and of the reply.

    Raises
    ------
    SettingError
        The model is not in the price list.

    Examples
    --------
    >>> round(call_usd("gpt-4o-mini", tokens_in=1020, tokens_out=129), 6)
    0.00023
    """
    known = priced().get(model)
    if known is not None and known.usd_per_rating is None:
        return known.of_tokens(tokens_in, tokens_out)
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=round(tokens_in), output_tokens=round(tokens_out))
    try:
        return float(calc_price(usage, model_ref=model).total_price)
    except LookupError:
        raise SettingError(
            f"no price is known for model {model!r}",
            remedy="check the spelling, or give usd_per_call (variants) or usd_per_rating (evaluators)",
        ) from None


def labour_usd(*, seconds: float, wage_usd_per_hour: float) -> float:
    """Wages for `seconds` of one person's work, in US dollars.

    Examples
    --------
    >>> labour_usd(seconds=36, wage_usd_per_hour=20.0)
    0.2
    """
    return seconds * wage_usd_per_hour / SECONDS_PER_HOUR


def elapsed_days(
    count: ArrayLike,
    *,
    seconds_each: ArrayLike,
    parallel: ArrayLike = 1,
    hours_per_day: ArrayLike = HOURS_PER_DAY,
    turnaround_hours: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Calendar days until `count` pieces of work are done by `parallel` workers.

    Parameters
    ----------
    count : array_like
        Pieces of work.
    seconds_each : array_like
        Seconds that one piece takes one worker.
    parallel : array_like
        Workers at the same time; with fewer pieces than workers, only as many are busy.
    hours_per_day : array_like
        Hours a day in which they work: 24 for machines, 8 or so for people.
    turnaround_hours : array_like
        Hours that pass for any batch that is not empty, such as finding the people.

    Returns
    -------
    numpy.ndarray
        Days, broadcast over the arguments; 0 where `count` is 0.

    Examples
    --------
    >>> float(elapsed_days(800, seconds_each=36, parallel=1, hours_per_day=8))
    1.0
    """
    count = np.asarray(count, dtype=float)
    rounds = np.ceil(count / np.asarray(parallel, dtype=float))
    working_days = rounds * np.asarray(seconds_each) / (SECONDS_PER_HOUR * np.asarray(hours_per_day))
    return np.where(count > 0, working_days + np.asarray(turnaround_hours) / HOURS_PER_DAY, 0.0)
