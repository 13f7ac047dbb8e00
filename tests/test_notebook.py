"""Results as the last line of a notebook cell and at a prompt."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from report_facts import launch

from expsim_bayes.ratings import validate
from expsim_bayes.sentences import recommendation

HOSTILE = "<img src=x onerror=alert(1)>"


def test_a_recommendation_shows_what_it_says_and_nothing_is_taken_for_html() -> None:
    facts = launch()
    advice = recommendation(facts)
    shown = repr(advice)
    assert shown.splitlines()[0] == advice.headline
    assert all(word in shown for word in advice.how_sure.split())
    assert max(map(len, shown.splitlines())) <= 100
    first, *others = facts.variants
    hostile = replace(facts, variants=(replace(first, name=HOSTILE), *others))
    page = hostile._repr_html_()
    assert "<img" not in page
    assert "&lt;img" in page
    assert HOSTILE in repr(hostile)


def test_ratings_show_what_they_are() -> None:
    frame = pd.DataFrame(
        {"variant": ["A", "B"] * 2, "item": list("1122"), "rater": "ann", "score": [1.0, 2.0, 2.0, 3.0]}
    )
    ratings = validate(frame, control="A", source="mine.csv")
    assert repr(ratings).startswith("mine.csv: 4 rows, each a score\n  Variants  A, B\n  Control   A\n")
    assert ratings._repr_html_().count("<tr") == 4 + len(ratings.notices)
