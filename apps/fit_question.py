"""The widgets of what is asked of ratings that were read: which variant is in use, what difference matters, by which model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from expsim_bayes.apps import shown
from expsim_bayes.apps.fit_form import widget
from expsim_bayes.apps.question import AUTO, MODELS, Question, suits

if TYPE_CHECKING:
    from expsim_bayes.apps.uploads import File
    from expsim_bayes.ratings import Ratings

MANY_COMPARISONS = 2_000
"""Comparisons from which a sampler keeps a person waiting, so that the page does without unless told."""
MOST_PRICES = 6
"""Evaluators whose prices are asked for."""
IN_USE = ("control", "baseline", "current", "production", "in production", "today")
"""Names of a variant that is in use."""
ALIKE = (
    "Simpler, and intervals are narrower. Off: a variant may suit some items better than others, as it mostly does, "
    "and intervals are for new items."
)
ENGINES = ("auto", "nuts", "fast")
"""How a fit may be made."""
UNITS = {
    "score": "units of the score",
    "comparison": "percentage points",
    "ranking": "percentage points",
    "operations": "seconds, dollars or tokens",
}
"""In what a difference is asked for, by what a row is."""


def question(file: File, asked: Question, ratings: Ratings) -> Question:
    """What is asked of the ratings, and by which model."""
    a, b, c = st.columns(3)
    control = a.selectbox(
        "In use today",
        list(ratings.variants),
        index=next((n for n, name in enumerate(ratings.variants) if name.strip().casefold() in IN_USE), None),
        placeholder="none of them",
        help="The variant that the others are compared with.",
        **widget(file, "control"),
    )
    higher = ratings.outcome != "score" or a.toggle("Higher is better", value=True, **widget(file, "higher"))
    model = b.selectbox(
        "Model", list(MODELS), format_func=lambda name: f"{name}: {MODELS[name]}", **widget(file, "model")
    )
    name, why = suits(replace(ratings, higher_is_better=higher)) if model == AUTO else (model, "")
    b.caption(shown.plain(f"{name}, because {why}." if why else f"{name}, as you chose."))
    unit = "percentage points" if name in ("binary", "classes") else UNITS[ratings.outcome]
    effect = c.number_input(
        f"Smallest difference that matters ({unit})",
        min_value=0.0,
        value=0.0,
        help="A smaller one is not worth a launch. At 0 any difference matters.",
        **widget(file, f"effect.{unit}"),
    )
    asked = replace(
        asked,
        control=control,
        model=model,
        higher_is_better=higher,
        min_effect=float(effect) / (100.0 if unit == "percentage points" else 1.0),
    )
    comparisons = name == "preference"
    alike = comparisons and st.toggle("Take all items as alike", help=ALIKE, **widget(file, "alike"))
    with st.expander("More about the model", icon=":material/functions:"):
        asked = replace(asked, priors=((("items", False),) if alike else ()) + _known(file, ratings, name))
        return _sampler(
            file, _weighed(file, asked, ratings), without=comparisons and len(ratings.table) > MANY_COMPARISONS
        )


def _known(file: File, ratings: Ratings, name: str) -> tuple[tuple[str, Any], ...]:
    """What is known beside the ratings: gold verdicts, domains, covariates."""
    columns = [str(column) for column in ratings.table.columns]
    if name == "binary":
        a, b = st.columns(2)
        gold = a.selectbox(
            "Whose verdicts are the truth", _judges(ratings), index=None, placeholder="nobody's", **widget(file, "gold")
        )
        domain = b.selectbox(
            "Kinds of items",
            columns,
            index=None,
            placeholder="no column",
            help="Kinds in which raters may err differently.",
            **widget(file, "domain"),
        )
        return tuple((key, value) for key, value in (("gold", gold), ("domain", domain)) if value is not None)
    if name == "robust":
        ignored = st.multiselect(
            "What a judge should ignore", columns, help="Such as length.", **widget(file, "covariates")
        )
        return (("covariates", tuple(ignored)),) if ignored else ()
    return ()


def _weighed(file: File, asked: Question, ratings: Ratings) -> Question:
    """How the answer is weighed: certainty, reference, prices."""
    a, b = st.columns(2)
    judges = _judges(ratings)
    threshold = a.number_input(
        "Certainty asked for",
        0.5,
        1.0,
        0.95,
        0.01,
        format="%.3f",
        help="Probability of being the best from which a variant is recommended: 0.95 is 95 %.",
        **widget(file, "threshold"),
    )
    reference = b.selectbox(
        "Who defines quality", judges, index=None, placeholder="people", **widget(file, "reference")
    )
    prices = []
    for n, judge in enumerate(judges[:MOST_PRICES]):
        usd = (a, b)[n % 2].number_input(
            shown.plain(f"Dollars a rating: {judge[:40]}"),
            min_value=0.0,
            value=None,
            format="%.4f",
            placeholder="not told",
            **widget(file, f"price.{judge}"),
        )
        prices += [] if usd is None else [(judge, float(usd))]
    return replace(asked, threshold=float(threshold), reference=reference, prices=tuple(prices))


def _sampler(file: File, asked: Question, *, without: bool) -> Question:
    """Settings of the sampler, and whether it is done without unless told."""
    a, b, c = st.columns(3)
    draws = a.number_input("Draws", 50, 20_000, 1500, 500, help="Of each of four chains.", **widget(file, "draws"))
    tune = b.number_input("Tuning steps", 50, 20_000, 1000, 500, help="Of each of four chains.", **widget(file, "tune"))
    accept = c.number_input(
        "Acceptance rate",
        0.5,
        0.999,
        value=None,
        format="%.3f",
        placeholder=".95, then .99",
        help="Higher is slower and safer.",
        **widget(file, "accept"),
    )
    engine = a.selectbox(
        "Engine",
        ENGINES,
        index=ENGINES.index("fast" if without else "auto"),
        help="nuts samples; fast does without, for scores, stars, comparisons, rankings; auto is fast for very many.",
        **widget(file, "engine"),
    )
    seed = b.number_input(
        "Seed", 0, 2**31 - 1, 0, 1, help="The same seed gives the same draws.", **widget(file, "seed")
    )
    return replace(asked, draws=int(draws), tune=int(tune), target_accept=accept, engine=engine, seed=int(seed))


def _judges(ratings: Ratings) -> list[str]:
    """Everyone who rated: judges by their names, people by their pool."""
    table = ratings.table
    return sorted(str(name) for name in table["evaluator"].unique()) if "evaluator" in table.columns else []
