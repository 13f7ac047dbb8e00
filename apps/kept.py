"""What a session keeps from page to page: the result that was last shown, for the page that recommends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

    from expsim_bayes.apps.asked import Asked
    from expsim_bayes.facts import Facts

KEY = "result"


class Lines(NamedTuple):
    """What gives the same numbers."""

    command: str
    """Command lines."""
    python: str
    """Lines of Python."""


class Result(NamedTuple):
    """A decision and what it rests on."""

    label: str
    """Where it comes from, in a few words."""
    facts: Facts
    """Every number that may be said."""
    asked: Asked | None = None
    """The way it was simulated; None for real ratings."""
    history: xr.Dataset | None = None
    """A simulated experiment look by look."""
    folder: Path | None = None
    """The session's own folder with report, posterior and figures; None for what was simulated."""
    code: Lines | None = None
    """What gives the same from ratings; None for what was simulated, which says it by how it was asked."""


def keep(result: Result) -> None:
    """Remember a result for the other pages of this session."""
    st.session_state[KEY] = result


def latest() -> Result | None:
    """The result that was last shown; None before there is one."""
    found = st.session_state.get(KEY)
    return found if isinstance(found, Result) else None
