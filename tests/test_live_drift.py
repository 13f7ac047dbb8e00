"""Drift of a judge: the regression against another implementation, false alarms, and what it must not take for drift."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from expsim_bayes.live.drift import FEWEST, LEVEL, Drift, drifts
from expsim_bayes.live.words import drifted
from expsim_bayes.ratings import Ratings, validate


def made_up(
    seed: int,
    *,
    looks: int = 4,
    items: int = 20,
    judges: int = 1,
    people: int = 4,
    drift: float = 0.0,
    gap: float = 0.5,
) -> tuple[Ratings, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Ratings of two variants by judges, and by people unless there are none; the first judge changes at the last look."""
    rng = np.random.default_rng(seed)
    severity = rng.normal(0, 0.5, max(people, 1))
    taste = rng.normal(0, 0.3, (judges, 2))
    rows = []
    for look in range(1, looks + 1):
        for n in range(items):
            easy = rng.normal(0, 0.5)
            suits = rng.normal(0, 0.4, judges)  # what a judge thinks of an item
            for v in range(2):
                true = 5 + gap * v + easy + rng.normal(0, 0.2)
                cell = {"item": f"{look}-{n}", "variant": "AB"[v], "look": look}
                for j in range(judges):
                    changed = drift * (j == 0 and look == looks)
                    score = true - 0.7 + taste[j, v] + suits[j] + changed + rng.normal(0, 0.3)
                    rows.append({**cell, "rater": f"j{j}", "evaluator": f"j{j}", "kind": "llm", "score": score})
                if people:
                    p = n % people
                    score = true + severity[p] + rng.normal(0, 0.5)
                    rows.append({**cell, "rater": f"p{p}", "evaluator": "crowd", "kind": "human", "score": score})
    frame = pd.DataFrame(rows)
    return validate(frame.drop(columns="look")), frame["look"].to_numpy(np.intp)


def slow_twin(
    ratings: Ratings, look_of_row: np.ndarray[tuple[int], np.dtype[np.intp]]
) -> dict[tuple[str, int], tuple[float, float]]:
    """The same by statsmodels, rows put together one by one."""
    import statsmodels.formula.api as smf

    table = ratings.table.assign(look=look_of_row)
    found = {}
    for judge in sorted(set(table["evaluator"][table["kind"] == "llm"])):
        rows = []
        for (variant, item), output in table.groupby(["variant", "item"]):
            own = output[output["evaluator"] == judge]
            rows += [
                {
                    "y": own["score"].mean() - person["score"],
                    "look": own["look"].min(),
                    "variant": variant,
                    "item": item,
                    "rater": person["rater"],
                }
                for person in output[output["kind"] == "human"].to_dict("records")
            ]
        frame = pd.DataFrame(rows)
        for look in sorted(set(frame["look"]))[1:]:
            some = frame[frame["look"] <= look].assign(here=lambda f, look=look: (f["look"] == look).astype(float))
            fit = smf.ols("y ~ here + C(variant) + C(rater)", some).fit(
                cov_type="cluster", cov_kwds={"groups": pd.factorize(some["item"])[0]}
            )
            found[judge, look] = float(fit.params["here"]), float(fit.bse["here"])
    return found


def test_changes_and_errors_are_those_of_another_implementation() -> None:
    ratings, look = made_up(1, judges=2, looks=3)
    slow = slow_twin(ratings, look)
    found = drifts(ratings, look)
    assert {(d.judge, d.look) for d in found} == set(slow)
    reach = student.ppf(1 - (1 - LEVEL) / (2 * len(slow)), 19)
    for d in found:
        change, error = slow[d.judge, d.look]
        assert d.change == pytest.approx(change, abs=1e-9)
        assert (d.high - d.low) / 2 == pytest.approx(reach * error, rel=1e-9)
        assert d.compared == 4


@pytest.mark.slow
@pytest.mark.parametrize("people", [4, 0])
def test_a_judge_that_stays_the_same_is_seldom_accused(people: int) -> None:
    alarms = [any(d.told for d in drifts(*made_up(seed, people=people, judges=2, looks=3))) for seed in range(60)]
    assert np.mean(alarms) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


@pytest.mark.parametrize("people", [4, 0])
def test_a_judge_that_changes_is_found_at_its_look(people: int) -> None:
    found = drifts(*made_up(5, drift=1.0, people=people, judges=2, items=40))
    told = [d for d in found if d.told]
    assert [(d.judge, d.look) for d in told] == [("j0", 4)]
    assert told[0].change == pytest.approx(1.0, abs=0.4)
    assert told[0].against == ("people" if people else "its own level")


def test_another_mix_of_variants_or_people_is_no_drift() -> None:
    ratings, look = made_up(2, gap=5.0, looks=2, items=40)
    table = ratings.table
    only_b = (look == 1) | (table["variant"] == "B").to_numpy()  # the second look is all of the better variant
    found = drifts(validate(table[only_b]), look[only_b])
    assert not any(d.told for d in found)
    severe = table["rater"].isin(["p0", "p1"]).to_numpy()
    human = (table["kind"] == "human").to_numpy()
    others = ~human | np.where(look == 1, severe, ~severe)  # nobody rates at both looks: nothing can be told
    assert drifts(validate(table[others]), look[others]) == ()


def test_late_people_count_for_the_look_of_the_judge() -> None:
    ratings, look = made_up(3, drift=1.0, looks=2, items=30)
    late = np.where((ratings.table["kind"] == "human").to_numpy(), 3, look)
    assert [(d.judge, d.look, d.change) for d in drifts(ratings, late)] == [
        (d.judge, d.look, d.change) for d in drifts(ratings, look)
    ]


def test_too_little_is_not_compared() -> None:
    assert drifts(*made_up(4, items=FEWEST - 1)) == ()
    assert drifts(*made_up(4, looks=1)) == ()


def test_words_say_what_it_is_against() -> None:
    drift = Drift(judge="gpt", look=3, against="people", change=-0.5, low=-0.9, high=-0.1, compared=4)
    assert drifted(drift).startswith("gpt rates -0.50 against people at look 3")
    alone = drift.model_copy(update={"against": "its own level"})
    assert "or the items are others" in drifted(alone)
