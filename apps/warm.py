"""The opening chart answered before anyone asks, so that the first visitor does not wait for it."""

from __future__ import annotations

import logging


def warm() -> None:
    """Import what the pages need, and answer the opening chart: it is kept for everyone who asks."""
    caching = logging.getLogger("streamlit.runtime.caching.cache_data_api")
    level = caching.level
    caching.setLevel(logging.ERROR)  # it says that no server runs yet, which is meant
    try:
        from expsim_bayes.apps import answers, pictures
        from expsim_bayes.apps.asked import Asked
        from expsim_bayes.apps.controls import OPENING

        asked = Asked(OPENING)
        pictures.learning(answers.curves(asked, answers.curve_replications(asked.scenario)))
    finally:
        caching.setLevel(level)
