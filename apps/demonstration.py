"""An experiment to look at for those who have none: made-up batches in a folder that belongs to one session and goes with it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from expsim_bayes.apps.kept import Lines
from expsim_bayes.apps.shown import SAVED

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

SCENARIO: Final = "summarization-prompts"
"""What is compared."""
SEED: Final = 3
"""Seed of the ratings."""
FIRST: Final = 3
"""Looks that it begins with."""
KEY: Final = "demonstration"
"""Where the session keeps its folder."""


def folder() -> Path | None:
    """The session's demonstration; None before it was asked for."""
    place = st.session_state.get(KEY)
    found = None if place is None else Path(place.name) / "experiment"
    return found if found is not None and found.is_dir() else None


def code(looks: int) -> Lines:
    """What makes the same, with so many looks."""
    return Lines(
        f"python {SAVED}\nexpsim monitor status demonstration\nexpsim monitor next demonstration",
        "from pathlib import Path\n\n"
        "from expsim_bayes.experiment import play\n"
        "from expsim_bayes.live import Settings, add, begin\n"
        "from expsim_bayes.scenario import load, text_of\n\n"
        f'played = play(load("{SCENARIO}"), strategy="ab", random_seed={SEED})\n'
        'calls = played.operations[["variant", "item", "latency_s"]]\n'
        'ratings = played.ratings.table.merge(calls, on=["variant", "item"], how="left")\n'
        'folder = Path("demonstration")\n'
        f'begin(folder, text_of("{SCENARIO}")[0], Settings(strategy="sequential", engine="fast", draws=500))\n'
        f"for look in range(1, {looks + 1}):\n"
        '    file = Path(f"batch {look}.csv")\n'
        '    ratings[ratings["look"] == look].drop(columns="look").to_csv(file, index=False)\n'
        "    add(folder, file)\n",
    )


def make(progress: Callable[[float], None] = lambda _: None) -> None:
    """Begin it, with its first batches; `progress` is told the share done."""
    from expsim_bayes.live import Settings, begin
    from expsim_bayes.scenario import text_of

    place = tempfile.TemporaryDirectory(prefix="expsim-demonstration-")  # removed when the session's state is
    settings = Settings(strategy="sequential", engine="fast", draws=500)
    begin(Path(place.name) / "experiment", text_of(SCENARIO)[0], settings)
    st.session_state[KEY] = place
    for n in range(FIRST):
        progress(n / FIRST)
        another_batch()


def another_batch() -> bool:
    """One batch more, as `expsim monitor add` would take it; False where there are no more."""
    from expsim_bayes.live import add, opened

    here = folder()
    if here is None:
        return False
    look = len(opened(here).manifest.batches) + 1
    ratings = _ratings()
    batch = ratings[ratings["look"] == look].drop(columns="look")
    if batch.empty:
        return False
    file = here.with_name(f"batch {look}.csv")
    batch.to_csv(file, index=False)
    add(here, file)
    return True


@st.cache_data(show_spinner=False)
def _ratings() -> pd.DataFrame:
    """Made-up ratings of all looks, with how long each call took: those of an A/B test, which takes them all."""
    from expsim_bayes.experiment import play
    from expsim_bayes.scenario import load

    played = play(load(SCENARIO), strategy="ab", random_seed=SEED)
    calls = played.operations[["variant", "item", "latency_s"]]
    return played.ratings.table.merge(calls, on=["variant", "item"], how="left", validate="many_to_one")
