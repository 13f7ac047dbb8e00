"""What can go wrong with the observations of each model on their way in: mistakes of reading, each a function of the values.

A function takes the values of every `pm.Data` of observations of one data set, and all data of the model, both by name, and gives the
values that a program with that mistake would fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Observed = dict[str, NDArray[Any]]
    Spoil = Callable[[Observed, Observed], Observed]


def _each(change: Callable[[NDArray[Any], Observed], NDArray[Any]]) -> Spoil:
    """The same change of every array of observations."""
    return lambda data, held: {name: change(values, held) for name, values in data.items()}


def _odd(held: Observed) -> NDArray[np.bool_]:
    """Observations of every other rater."""
    return np.asarray(np.asarray(held["rater_of"]) % 2 == 1)


def backwards(values: NDArray[Any], _held: Observed) -> NDArray[Any]:
    """The last axis the wrong way round: steps of a scale, places of a ranking.

    Examples
    --------
    >>> backwards(np.array([[1, 2, 3]]), {}).tolist()
    [[3, 2, 1]]
    """
    return values[..., ::-1]


def backwards_for_half(values: NDArray[Any], held: Observed) -> NDArray[Any]:
    """The last axis the wrong way round for every other rater.

    Examples
    --------
    >>> backwards_for_half(np.array([[1, 2, 3], [1, 2, 3]]), {"rater_of": np.array([0, 1])}).tolist()
    [[1, 2, 3], [3, 2, 1]]
    """
    return np.where(_odd(held)[:, None], values[:, ::-1], values)


def ties_to_left(values: NDArray[Any], _held: Observed) -> NDArray[Any]:
    """Counts of left, tie and right, ties read as wins of the left.

    Examples
    --------
    >>> ties_to_left(np.array([[1, 2, 3]]), {}).tolist()
    [[3, 0, 3]]
    """
    left, tie, right = np.moveaxis(values, -1, 0)
    return np.stack([left + tie, np.zeros_like(tie), right], axis=-1)


def exchanged(values: NDArray[Any], held: Observed) -> NDArray[Any]:
    """Verdicts of 1 of so many asked, 1 read as 0 and 0 as 1: sensitivity and specificity change places.

    Examples
    --------
    >>> exchanged(np.array([1, 0]), {"asked_of": np.array([1, 3])}).tolist()
    [0, 3]
    """
    return np.asarray(held["asked_of"] - values)


def quarter_missing_as_zero(values: NDArray[Any], _held: Observed) -> NDArray[Any]:
    """Every fourth value is missing and read as 0.

    Examples
    --------
    >>> quarter_missing_as_zero(np.array([1, 2, 3, 4, 5]), {}).tolist()
    [0, 2, 3, 4, 0]
    """
    return np.where(np.arange(len(values)) % 4 == 0, np.zeros_like(values), values)


def cut_off(values: NDArray[Any], _held: Observed) -> NDArray[Any]:
    """Values above the ninth decile cut off there, as a timeout does.

    Examples
    --------
    >>> cut_off(np.arange(11.0), {}).max()
    np.float64(9.0)
    """
    return np.asarray(np.minimum(values, np.quantile(values, 0.9)))


SPOILT: dict[str, dict[str, Spoil]] = {
    "ordinal": {"steps of the scale are read backwards": _each(backwards)},
    "preference": {
        "left and right change places for half of the raters": _each(backwards_for_half),
        "ties are read as wins of the left": _each(ties_to_left),
    },
    "ranking": {
        "rankings are read from the last": _each(backwards),
        "half of the raters' rankings are read from the last": _each(backwards_for_half),
    },
    "operations": {"the slowest tenth is cut off": _each(cut_off)},
    "robust": {"a quarter of the scores is missing and read as 0": _each(quarter_missing_as_zero)},
    "error_scores": {"a quarter of the scores is missing and read as 0": _each(quarter_missing_as_zero)},
    "classes": {
        "labels are read backwards": _each(backwards),
        "half of the raters' labels are read backwards": _each(backwards_for_half),
    },
    "binary": {
        "pass and fail change places": _each(exchanged),
        "a quarter of the verdicts is missing and read as 0": _each(quarter_missing_as_zero),
    },
}
"""By model, what is wrong and how it is done."""
