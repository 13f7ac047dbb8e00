"""Agreement: known answers of public data, brute-force twins, laws, and raters that cannot be compared."""

from __future__ import annotations

import json
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from expsim_bayes.agreement import Agreement, _alpha_of, _interval_alphas, agreement
from expsim_bayes.cli.app import app
from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings import validate
from expsim_bayes.readers import read

if TYPE_CHECKING:
    from pathlib import Path

    from expsim_bayes.ratings import Ratings


def scores(values: dict[str, list[float | None]], *, kind: dict[str, str] | None = None, **told: Any) -> Ratings:
    """Scores of one variant by raters, one an item."""
    rows = [
        ("A", str(i), rater, score, (kind or {}).get(rater, "human"))
        for rater, row in values.items()
        for i, score in enumerate(row)
    ]
    return validate(pd.DataFrame(rows, columns=["variant", "item", "rater", "score", "kind"]), compare=False, **told)


def brute_alpha(units: list[list[float]], metric: str) -> float:
    """Krippendorff's alpha by its definition: every ordered pair of values of a unit."""
    units = [u for u in units if len(u) > 1]
    flat = [x for u in units for x in u]
    n = len(flat)

    def delta(x: float, y: float) -> float:
        if metric == "nominal":
            return float(x != y)
        if metric == "interval":
            return (x - y) ** 2
        low, high = min(x, y), max(x, y)
        between = sum(low <= z <= high for z in flat)
        return (between - (flat.count(x) + flat.count(y)) / 2) ** 2 if x != y else 0.0

    observed = sum(delta(x, y) / (len(u) - 1) for u in units for x, y in permutations(u, 2)) / n
    expected = sum(delta(x, y) for x, y in permutations(flat, 2)) / (n * (n - 1))
    return 1 - observed / expected


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_alpha_is_that_of_its_definition(level: Any) -> None:
    rng = np.random.default_rng(3)
    worth = rng.normal(size=15)
    told: dict[str, list[float | None]] = {
        name: [float(np.clip(round(w + e + 3), 1, 5)) for w, e in zip(worth, rng.normal(size=15), strict=True)]
        for name in ("ann", "bob", "cat")
    }
    told["bob"][3] = told["cat"][3] = told["cat"][7] = None
    found = agreement(scores(told), level=level, resamples=20)
    units = [[x for name in told if (x := told[name][i]) is not None] for i in range(15)]
    assert found.alphas[0].alpha.value == pytest.approx(brute_alpha(units, level), rel=1e-10)
    assert (found.alphas[0].raters, found.alphas[0].units) == (3, 14)


def test_alphas_of_resampled_amounts_are_those_of_the_library() -> None:
    rng = np.random.default_rng(4)
    values = np.linspace(0.0, 3.0, 7)
    counts = rng.multinomial(3, np.full(7, 1 / 7), size=30).astype(float)
    item = np.repeat(np.arange(10), 3)
    draws = rng.multinomial(10, np.full(10, 0.1), size=5).astype(float)
    library = [_alpha_of(np.repeat(counts, w[item].astype(int), axis=0), values, "interval") for w in draws]
    np.testing.assert_allclose(_interval_alphas(counts, item, values, draws), library, rtol=1e-10)


def test_kappa_is_that_of_its_definition() -> None:
    x, y = [1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 1], [1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 0]
    pair = agreement(scores({"ann": [float(v) for v in x], "bob": [float(v) for v in y]})).pairs[0]
    equal, expected = 9 / 12, (7 * 6 + 5 * 6) / 144
    assert pair.agreement.value == pytest.approx(equal)
    assert pair.kappa.value == pytest.approx((equal - expected) / (1 - expected))
    assert pair.kappa.low < pair.kappa.value < pair.kappa.high


def test_pandalm_has_its_published_agreement(real_data: Path) -> None:
    found = agreement(read(real_data / "pandalm.csv"), resamples=200)
    people = {(p.first, p.second): p for p in found.pairs if p.first.startswith("annotator")}
    known = {("annotator1", "annotator2"): (0.913, 0.8520), ("annotator1", "annotator3"): (0.929, 0.8789)}
    known["annotator2", "annotator3"] = (0.918, 0.8617)
    for names, (raw, kappa) in known.items():
        assert people[names].agreement.value == pytest.approx(raw, abs=5e-4)
        assert people[names].kappa.value == pytest.approx(kappa, abs=5e-5)
        assert people[names].kappa.low < kappa < people[names].kappa.high
    assert found.alphas[0].who == "people"
    assert found.alphas[0].alpha.value == pytest.approx(0.864, abs=5e-4)
    most = {p.first: p for p in found.against_majority}
    assert most["pandalm-7b"].kappa.value == pytest.approx(0.4354, abs=5e-5)
    assert most["gpt-3.5-turbo"].agreement.value == pytest.approx(0.7156, abs=5e-5)


@pytest.mark.parametrize(
    ("criterion", "alpha"),
    [("relevance", 0.165), ("coherence", -0.054), ("empathy", 0.117), ("surprise", 0.015), ("engagement", 0.167), ("complexity", 0.266)],
)  # fmt: skip
def test_hanna_has_its_ordinal_alphas(real_data: Path, criterion: str, alpha: float) -> None:
    people = {"criterion": criterion, "evaluator_kind": "human"}
    found = agreement(read(real_data / "hanna.csv", where=people, anonymous_kinds=["human"]), resamples=50)
    assert found.level == "ordinal"
    assert found.alphas[0].alpha.value == pytest.approx(alpha, abs=6e-4)
    assert found.alphas[0].alpha.low < alpha < found.alphas[0].alpha.high
    assert found.pairs == ()  # slots are not persons


def _values(found: Agreement) -> list[float]:
    return [a.alpha.value for a in found.alphas] + [x for p in found.pairs for x in (p.agreement.value, p.kappa.value)]


def test_agreement_does_not_depend_on_order_of_rows_or_on_sides() -> None:
    rng = np.random.default_rng(5)
    rows = []
    for i in range(40):
        truth = rng.integers(3)
        for rater in ("ann", "bob", "cat"):
            said = truth if rng.random() < 0.7 else rng.integers(3)
            rows.append((str(i), "A", "B", rater, ("left", "tie", "right")[said]))
    frame = pd.DataFrame(rows, columns=["item", "variant_left", "variant_right", "rater", "outcome"])
    swapped = frame.copy()
    some = rng.random(len(frame)) < 0.5
    swapped.loc[some, ["variant_left", "variant_right"]] = ["B", "A"]
    turned = {"left": "right", "right": "left", "tie": "tie"}
    swapped.loc[some, "outcome"] = frame["outcome"][some].map(turned)
    plain = _values(agreement(validate(frame), resamples=5))
    assert _values(agreement(validate(swapped), resamples=5)) == pytest.approx(plain, rel=1e-12)
    shuffled = frame.sample(frac=1.0, random_state=1)
    assert _values(agreement(validate(shuffled), resamples=5)) == pytest.approx(plain, rel=1e-12)


def test_the_interval_of_alpha_covers_what_many_items_give() -> None:
    rng = np.random.default_rng(6)

    def made(n: int) -> Ratings:
        worth = rng.normal(size=n)
        return scores({name: list((worth + rng.normal(size=n)).round(3)) for name in ("ann", "bob", "cat")})

    covered = []
    for _ in range(60):
        alpha = agreement(made(40), resamples=200).alphas[0].alpha
        covered.append(alpha.low < 0.5 < alpha.high)  # ICC: 1 / (1 + 1)
    assert 0.8 <= np.mean(covered) <= 1.0


def test_one_rater_has_no_alpha() -> None:
    found = agreement(scores({"ann": [1.0, 2.0, 3.0]}))
    assert (found.alphas, found.pairs) == ((), ())
    assert found.notes == ("Only 'ann' rated: with one rater there is no agreement to measure.",)


def test_raters_without_a_common_unit_have_no_alpha() -> None:
    found = agreement(scores({"ann": [1.0, 2.0, None, None], "bob": [None, None, 1.0, 2.0]}))
    assert found.alphas == ()
    assert "No unit was rated by two raters" in found.notes[0]


def test_without_variation_alpha_is_not_defined() -> None:
    found = agreement(scores({"ann": [3.0] * 12, "bob": [3.0] * 12}), resamples=10)
    assert np.isnan(found.alphas[0].alpha.value)
    assert np.isnan(found.pairs[0].kappa.value)
    assert found.pairs[0].agreement.value == 1.0


def test_a_judge_is_compared_with_single_persons_and_with_most_of_them() -> None:
    told: dict[str, list[float | None]] = {"ann": [0.0, 1.0] * 10, "bob": [0.0, 1.0] * 10, "gpt": [0.0, 1.0] * 10}
    told["bob"][0] = 1.0
    found = agreement(scores(told, kind={"gpt": "llm"}), resamples=10)
    assert [a.who for a in found.alphas] == ["people", "everyone"]
    assert found.against_people[0].agreement.value == pytest.approx(39 / 40)
    assert found.against_majority[0].agreement.value == 1.0
    assert any("split evenly" in note for note in found.notes)


def test_tables_that_do_not_say_who_agreed_are_refused() -> None:
    rows = [("A", "B", 3, 4)]
    counted = validate(pd.DataFrame(rows, columns=["variant_left", "variant_right", "wins_left", "wins_right"]))
    with pytest.raises(RatingsError, match="counted comparisons"):
        agreement(counted)


def test_the_command_prints_tables_and_json(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    rows = ["item,variant,rater,kind,score"]
    for i in range(30):
        for rater, kind in (("ann", "human"), ("bob", "human"), ("gpt", "llm")):
            rows.append(f"{i},A,{rater},{kind},{rng.integers(1, 6)}")
    file = tmp_path / "r.csv"
    file.write_text("\n".join(rows))
    run = CliRunner().invoke(app, ["agreement", str(file)])
    assert run.exit_code == 0, run.output
    assert "Krippendorff's alpha (ordinal)" in run.output
    found = json.loads(CliRunner().invoke(app, ["agreement", str(file), "--json"]).output)
    assert [a["who"] for a in found["alphas"]] == ["people", "everyone"]
    alone = tmp_path / "one.csv"
    alone.write_text("\n".join(row for row in rows if ",bob," not in row and ",gpt," not in row))
    run = CliRunner().invoke(app, ["agreement", str(alone)])
    assert "alpha" not in run.output.casefold()
    assert CliRunner().invoke(app, ["agreement", str(tmp_path / "none.csv")]).exit_code == 2
