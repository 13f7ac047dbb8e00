"""Modes, densities and draws of the effects of one data set at many sets of components, by as many threads as there are cores."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from expsim_bayes.votes import ordered, verdicts, whole
from expsim_bayes.votes.modes import Rows
from expsim_bayes.votes.verdicts import Judged

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from expsim_bayes.votes.whole import Votes

    AnyVotes = Votes | Rows | Judged

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

TRIES = 12
"""Tries among which own effects are drawn."""


class Tables(NamedTuple):
    """What depends on the components, at S sets of these."""

    first: Floats
    """(S, codes) coefficients on the first edge, or on what `role` says."""
    second: Floats
    """(S, codes) on the second."""
    own: Floats
    """(S, own codes) of own effects."""
    stretch: Floats
    """(S, K) what cuts are stretched by."""


class Found(NamedTuple):
    """Modes at S sets of components."""

    density: Floats
    """(S,) log marginal density up to a constant."""
    at: Floats
    """(S, n)"""
    root: Floats
    """(S, n, n) lower root of the precision."""
    own: Floats
    """(S, L)"""


def _each(votes: AnyVotes) -> Any:
    """Where what is asked of such votes is answered for one set after the other."""
    if isinstance(votes, Judged):
        return verdicts
    return ordered if isinstance(votes, Rows) else whole


def _in_parts(count: int) -> list[slice]:
    """Parts of a job for as many threads as there are cores."""
    parts = min(count, 4 * (os.cpu_count() or 1))
    edges = np.linspace(0, count, parts + 1).astype(int)
    return [slice(a, b) for a, b in itertools.pairwise(edges.tolist())]


def _threaded[T](work: Callable[[slice], T], count: int) -> list[T]:
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(work, _in_parts(count)))


def found_at(votes: AnyVotes, tables: Tables, start: Floats, start_own: Floats) -> Found:
    """Modes at S sets of components.

    Parameters
    ----------
    votes : Votes, Rows or Judged
        Of one data set; rankings are rows.
    tables : Tables
        Coefficients at these sets.
    start : (S, n) array
        Where effects may be.
    start_own : (S, L) array
        And own effects.
    """

    def some(part: slice) -> Found:
        given = [np.array(values[part], order="C") for values in (*tables, start, start_own)]
        return Found(*_each(votes).found_each(votes, *given))

    parts = _threaded(some, len(tables.first))
    return Found(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def weighed(votes: AnyVotes, tables: Tables, which: Ints, x: Floats, own: Floats) -> Floats:
    """(D,) log densities of effects, own ones integrated out, at places x, (D, n), under the sets of components that `which` names.

    Parameters
    ----------
    votes, tables
        As in `found_at`.
    which : (D,) array of int
        Set of components of each place.
    x : (D, n) array
        Places.
    own : (S, L) array
        Where own effects may be, by set of components.
    """
    plain = [np.array(values, dtype=np.float64, order="C") for values in (*tables, x, own)]
    places, found = plain[-2], plain[-1]
    chosen = which.astype(np.int64)
    of = _each(votes)
    parts = _threaded(lambda part: of.weighed_each(votes, *plain[:-2], chosen[part], places[part], found), len(x))
    return np.concatenate(parts)


def own_drawn(votes: AnyVotes, tables: Tables, x: Floats, own: Floats, *, seed: int, tries: int = TRIES) -> Floats:
    """(D, L) own effects drawn given components and all other effects, one set of components a draw.

    Parameters
    ----------
    votes, tables
        As in `found_at`, one set a draw.
    x : (D, n) array
        Effects.
    own : (D, L) array
        Where own effects may be.
    seed : int
        Draws.
    tries : int
        Tries from a normal law among which one is chosen.
    """

    def some(part: slice) -> Floats:
        given = [np.array(values[part], order="C") for values in tables]
        which = np.arange(len(given[0]))
        places = np.array(x[part], order="C"), np.array(own[part], order="C")
        return np.asarray(_each(votes).own_drawn_each(votes, *given, which, *places, tries, seed + part.start))

    return np.concatenate(_threaded(some, len(x)))
