"""Laws of the rules, a loop twin of `first`, and the probability of a breach against simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from scipy.integrate import simpson

from expsim_bayes.errors import SettingError
from expsim_bayes.stopping import (
    DECISIONS,
    BeatsControl,
    Budget,
    Equivalence,
    Evidence,
    ExpectedLoss,
    Guardrail,
    Inferiority,
    MaxDays,
    MaxRatings,
    Rule,
    Superiority,
    check_rules,
    eligible,
    first,
    mirrored,
    prob_breach_beta,
    prob_breach_lognormal,
)
from expsim_bayes.superiority import from_gaussian

Array = NDArray[Any]

RULES: tuple[Rule, ...] = (
    Guardrail(metric="latency_s", at_most=2.0, threshold=0.9, clear_at=0.4),
    Superiority(threshold=0.9),
    Inferiority(threshold=0.1, from_look=2),
    Equivalence(threshold=0.8),
    ExpectedLoss(threshold=0.05, from_look=2),
    BeatsControl(threshold=0.8),
    MaxRatings(ratings=900),
    Budget(usd=90.0),
    MaxDays(days=9.0),
)


def evidence(replications: int = 200, *, seed: int = 0, control: int | None = 0) -> Evidence:
    """What might be known after a look, in all its variety."""
    rng, variants = np.random.default_rng(seed), 3
    mean = rng.normal(size=(replications, variants)) * rng.choice([0.02, 0.3, 2], (replications, 1))
    sd = rng.choice([0.01, 0.2, 1.0], (replications, 1))
    breach: Array = rng.choice(np.array([0.0, 0.4, 0.5, 0.95]), (replications, 1, variants))
    dropped: Array = rng.random((replications, variants)) < 0.3
    dropped[dropped.all(axis=1)] = False
    if control is not None:
        dropped[:, control] = False
    allowed = eligible(RULES, breach, control)
    known = from_gaussian(
        mean, np.square(sd)[:, :, None] * np.eye(variants), control=control, rope=0.3, min_effect=0.01, eligible=allowed
    )
    return Evidence(
        *known[:4],
        dollars=rng.uniform(0, 100, replications),
        ratings=rng.integers(0, 1000, replications),
        days=rng.uniform(0, 10, replications),
        prob_breach=breach,
        control=control,
        dropped=dropped,
    )


def one(probs: list[float], *, control: int | None = 0, **changes: Any) -> Evidence:
    """Evidence of a single replication with these prob_best."""
    best = np.array([probs], float)
    superior = best.copy()
    if control is not None:
        superior[:, control] = np.nan
    plain = Evidence(
        best, superior, 1 - best, np.zeros(1), np.zeros(1), np.zeros(1, np.int64), np.zeros(1), control=control
    )
    return plain._replace(**changes)


def outcome(rules: Sequence[Rule], known: Evidence, look: int = 1) -> tuple[str, int, int]:
    verdicts = first(rules, known, look=look)
    return DECISIONS[verdicts.decision[0]], int(verdicts.variant[0]), int(verdicts.rule[0])


def loop_first(rules: Sequence[Rule], known: Evidence, look: int) -> list[tuple[str, int, int]]:
    """Every replication and rule by itself, in plain Python."""
    out = []
    for r in range(len(known.prob_best)):
        variants = range(known.prob_best.shape[1])
        guardrails = [rule for rule in rules if isinstance(rule, Guardrail)]
        assert known.prob_breach is not None
        barred = {
            v
            for v in variants
            for g, rule in enumerate(guardrails)
            if known.prob_breach[r, g, v] >= rule.threshold and v != known.control
        }
        assert known.dropped is not None
        barred |= {v for v in variants if known.dropped[r, v]}
        verdict = ("continue", -1, -1)
        for position, rule in enumerate(rules):
            if look < rule.from_look:
                continue
            answer = ask_one(rule, known, r, barred, list(variants))
            if answer and answer[0] == "launch":
                chances = [(known.prob_breach[r, g, answer[1]], g) for g in range(len(guardrails))]
                limits = [(chance, guardrails[g].clear_at) for chance, g in chances]
                answer = None if any(most is not None and chance > most for chance, most in limits) else answer
            if answer:
                verdict = (*answer, position)
                break
        out.append(verdict)
    return out


def ask_one(  # noqa: PLR0911 - a case a rule
    rule: Rule, known: Evidence, r: int, barred: set[int], variants: list[int]
) -> tuple[str, int] | None:
    """What one rule says of one replication."""

    def launch(v: int) -> tuple[str, int]:
        return ("keep_control", -1) if v == known.control else ("launch", v)

    best, loss = known.prob_best[r], known.expected_loss[r]
    free = [v for v in variants if v not in barred]
    match rule:
        case Superiority():
            leader = max(variants, key=lambda v: best[v])
            return launch(leader) if best[leader] >= rule.threshold and leader not in barred else None
        case Inferiority():
            assert known.dropped is not None
            return launch(free[0]) if len(free) == 1 and known.dropped[r].any() else None
        case ExpectedLoss():
            if known.control is not None and loss[known.control] <= rule.threshold:
                return ("keep_control", -1)
            small = [v for v in free if loss[v] == min(loss[free]) <= rule.threshold]
            return launch(small[0]) if small else None
        case Equivalence():
            return ("stop_equivalent", -1) if known.prob_equivalent[r] >= rule.threshold else None
        case BeatsControl():
            rivals = [v for v in free if v != known.control]
            if all(known.prob_superior[r, v] <= 1 - rule.threshold for v in rivals):
                return ("keep_control", -1)
            leader = max(rivals, key=lambda v: best[v])
            return ("launch", leader) if known.prob_superior[r, leader] >= rule.threshold else None
        case Guardrail():
            return ("keep_control", -1) if barred and not set(free) - {known.control} else None
        case Budget():
            return ("collect", -1) if known.dollars[r] >= rule.usd else None
        case MaxRatings():
            return ("collect", -1) if known.ratings[r] >= rule.ratings else None
        case MaxDays():
            return ("collect", -1) if known.days[r] >= rule.days else None


# ------------------------------------------------------------------------------------------------------------- laws


@settings(max_examples=25, deadline=None)
@given(
    order=st.permutations(RULES), seed=st.integers(0, 9), control=st.sampled_from([0, 1, None]), look=st.integers(1, 2)
)
def test_first_against_a_loop(order: list[Rule], seed: int, control: int | None, look: int) -> None:
    rules = [rule for rule in order if control is not None or rule.rule != "beats_control"]
    known = evidence(60, seed=seed, control=control)
    verdicts = first(rules, known, look=look)
    found = [
        (DECISIONS[d], int(v), int(r))
        for d, v, r in zip(verdicts.decision, verdicts.variant, verdicts.rule, strict=True)
    ]
    assert found == loop_first(rules, known, look)


def test_all_decisions_are_reached_and_agree_with_each_other() -> None:
    verdicts = first(RULES, evidence(2000), look=2)
    names = np.array(DECISIONS)[verdicts.decision]
    assert set(names) == {"continue", "launch", "keep_control", "collect", "stop_equivalent"}
    np.testing.assert_array_equal(verdicts.variant >= 0, names == "launch")
    np.testing.assert_array_equal(verdicts.rule < 0, names == "continue")
    assert verdicts.decision.dtype == np.int8


def test_a_later_rule_never_changes_an_earlier_answer() -> None:
    known = evidence(500)
    short, long = first(RULES[:3], known, look=2), first(RULES, known, look=2)
    decided = short.decision != 0
    for name, answer in short._asdict().items():
        np.testing.assert_array_equal(answer[decided], getattr(long, name)[decided])


def test_a_stricter_threshold_stops_less() -> None:
    known = evidence(500)
    stopped = [(first([Superiority(threshold=t)], known).decision != 0) for t in (0.6, 0.9, 0.99)]
    assert (stopped[1] <= stopped[0]).all()
    assert (stopped[2] <= stopped[1]).all()
    losses = [(first([ExpectedLoss(threshold=t)], known).decision != 0) for t in (0.1, 0.01)]
    assert (losses[1] <= losses[0]).all()


def test_no_rules_and_no_replications() -> None:
    assert (first([], evidence(5)).decision == 0).all()
    assert first(RULES, evidence(0), look=2).decision.shape == (0,)


# ------------------------------------------------------------------------------------------------------- rule by rule


def test_superiority_launches_the_leader_or_keeps_the_control() -> None:
    rules = [Superiority(threshold=0.95)]
    assert outcome(rules, one([0.05, 0.95])) == ("launch", 1, 0)
    assert outcome(rules, one([0.06, 0.94])) == ("continue", -1, -1)
    assert outcome(rules, one([0.97, 0.03])) == ("keep_control", -1, 0)
    assert outcome(rules, one([0.97, 0.03], control=None)) == ("launch", 0, 0)


def test_expected_loss_prefers_the_control_when_it_will_do() -> None:
    rules = [ExpectedLoss(threshold=0.1)]
    assert outcome(rules, one([0.5, 0.5], expected_loss=np.array([[0.08, 0.01]]))) == ("keep_control", -1, 0)
    assert outcome(rules, one([0.5, 0.5], expected_loss=np.array([[0.2, 0.01]]))) == ("launch", 1, 0)
    assert outcome(rules, one([0.5, 0.5], expected_loss=np.array([[0.2, 0.11]]))) == ("continue", -1, -1)


def test_beats_control_asks_the_leader_and_gives_up_when_none_can() -> None:
    rules = [BeatsControl(threshold=0.9)]
    superior = np.array([[np.nan, 0.97, 0.2]])
    assert outcome(rules, one([0.1, 0.8, 0.1], prob_superior=superior)) == ("launch", 1, 0)
    assert outcome(rules, one([0.1, 0.1, 0.8], prob_superior=superior)) == ("continue", -1, -1)
    hopeless = np.array([[np.nan, 0.07, 0.1 - 1e-12]])
    assert outcome(rules, one([0.8, 0.1, 0.1], prob_superior=hopeless)) == ("keep_control", -1, 0)


def test_the_control_is_kept_early_only_where_that_is_asked_for() -> None:
    hopeless = one([0.9, 0.1, 0.0], prob_superior=np.array([[np.nan, 0.04, 0.0]]))
    assert outcome([BeatsControl(threshold=0.9)], hopeless) == ("keep_control", -1, 0)
    assert outcome([BeatsControl(threshold=0.9, keep_at=0.05)], hopeless) == ("keep_control", -1, 0)
    assert outcome([BeatsControl(threshold=0.9, keep_at=0.03)], hopeless) == ("continue", -1, -1)
    none = one([1.0, 0.0, 0.0], prob_superior=np.array([[np.nan, 0.0, 0.0]]))
    assert outcome([BeatsControl(threshold=0.9, keep_at=0.0)], none) == ("continue", -1, -1)


def test_inferiority_drops_all_but_the_control_and_ends_with_one_left() -> None:
    rule = Inferiority(threshold=0.1)
    best = np.array([[0.05, 0.9, 0.05], [0.05, 0.05, 0.9]])
    everyone = np.ones((2, 3), bool)
    np.testing.assert_array_equal(rule.drops(best, everyone, None), best < 0.1)
    np.testing.assert_array_equal(rule.drops(best, everyone, 0), [[False, False, True], [False, True, False]])
    np.testing.assert_array_equal(rule.drops(best, best > 0.1, None), np.zeros((2, 3), bool))
    left = one([0.0, 1.0, 0.0], control=None, dropped=np.array([[True, False, True]]))
    assert outcome([rule], left) == ("launch", 1, 0)
    assert outcome([rule], left._replace(control=1)) == ("keep_control", -1, 0)
    assert outcome([rule], left._replace(dropped=np.array([[True, False, False]]))) == ("continue", -1, -1)
    assert outcome([rule], left._replace(dropped=np.zeros((1, 3), bool))) == ("continue", -1, -1)
    assert outcome([rule], left._replace(dropped=None)) == ("continue", -1, -1)


def test_a_dropped_variant_is_never_launched() -> None:
    rules: list[Rule] = [Superiority(threshold=0.9), ExpectedLoss(threshold=0.5), BeatsControl(threshold=0.9)]
    for rule in rules:
        gone = one([0.0, 0.99, 0.01], dropped=np.array([[False, True, False]]))
        assert outcome([rule], gone)[1] != 1


def test_inferiority_without_a_threshold_mirrors_superiority() -> None:
    asked: list[Rule] = [Inferiority(), Superiority(threshold=0.98), Equivalence()]
    rules = mirrored(asked)
    assert rules[0] == Inferiority(threshold=1 - 0.98)
    assert rules[1:] == (Superiority(threshold=0.98), Equivalence())
    own: list[Rule] = [Inferiority(threshold=0.01), Superiority(threshold=0.98)]
    assert mirrored(own) == tuple(own)
    check_rules([Inferiority(), Superiority(threshold=0.98)], 3)
    with pytest.raises(SettingError, match=r"rules\[0\].threshold.*not among the rules.*0.01"):
        check_rules([Inferiority()], 3)
    with pytest.raises(SettingError, match=r"rules\[1\].threshold.*with 3 variants.*below 1/3"):
        check_rules([Superiority(), Inferiority(threshold=0.4)], 3)
    with pytest.raises(SettingError, match=r"rules\[0\].threshold.*would be dropped"):
        check_rules([Inferiority(), Superiority(threshold=0.6)], 3)


def test_a_barred_variant_is_never_launched() -> None:
    launching: list[Rule] = [Superiority(), ExpectedLoss(threshold=0.2), BeatsControl()]
    guardrail = Guardrail(metric="cost_usd", at_most=0.01)
    breach = np.array([[[0.99, 0.96, 0.2]]])
    for rule in launching:
        for rules in ([guardrail, rule], [rule, guardrail]):
            assert outcome(rules, one([0.01, 0.98, 0.01], prob_breach=breach))[0] != "launch"
    everyone = one([0.01, 0.98, 0.01], prob_breach=np.array([[[0.0, 0.96, 0.99]]]))
    assert outcome([Superiority(), guardrail], everyone) == ("keep_control", -1, 1)
    np.testing.assert_array_equal(eligible([guardrail], breach, 0), [[True, False, True]])
    np.testing.assert_array_equal(eligible([guardrail], breach, None), [[False, False, True]])
    assert eligible([Superiority()], np.zeros((1, 0, 3)), 0) is None


def test_two_guardrails_each_bar_their_own() -> None:
    rules = [
        Guardrail(metric="cost_usd", at_most=0.01),
        Guardrail(metric="latency_s", at_most_ratio=2.0, threshold=0.8),
    ]
    breach = np.array([[[0.0, 0.94, 0.0], [0.0, 0.5, 0.85]]])
    np.testing.assert_array_equal(eligible(rules, breach, 0), [[True, True, False]])


def test_limits_stop_at_the_limit_or_before_a_look_that_breaks_it() -> None:
    full = one([0.5, 0.5], dollars=np.array([100.0]), ratings=np.array([50]), days=np.array([3.0]))
    assert outcome([Budget(usd=100.0)], full) == ("collect", -1, 0)
    assert outcome([MaxRatings(ratings=50)], full) == ("collect", -1, 0)
    assert outcome([MaxDays(days=3.0)], full) == ("collect", -1, 0)
    roomy: list[Rule] = [Budget(usd=110.0), MaxRatings(ratings=60), MaxDays(days=4.0)]
    assert outcome(roomy, full) == ("continue", -1, -1)
    assert outcome(roomy, full._replace(next_dollars=10.0, next_ratings=10)) == ("continue", -1, -1)
    assert outcome(roomy, full._replace(next_dollars=10.5)) == ("collect", -1, 0)
    assert outcome(roomy, full._replace(next_ratings=11)) == ("collect", -1, 1)


def test_a_rule_is_silent_before_its_look() -> None:
    rules = [Superiority(threshold=0.9, from_look=3)]
    assert [outcome(rules, one([0.0, 1.0]), look=look)[0] for look in (1, 2, 3)] == ["continue", "continue", "launch"]


def test_every_rule_asks_a_question_and_reads_from_toml() -> None:
    adapter = TypeAdapter(Rule)
    for rule in RULES:
        assert rule.question.endswith("?")
        assert adapter.validate_python(rule.model_dump(exclude_none=True)) == rule


# ----------------------------------------------------------------------------------------------------- bad settings


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ([Equivalence(), Superiority(threshold=0.25)], r"strategies\.ab\.stopping\[1\]\.threshold.*above 1/4"),
        ([Superiority(), Superiority(threshold=0.99)], r"stopping\[1\]\.rule.*2 times"),
        ([RULES[0], RULES[0]], r"guardrail on latency_s by amount"),
    ],
)
def test_rules_that_have_no_meaning_are_refused(rules: list[Rule], problem: str) -> None:
    with pytest.raises(SettingError, match=problem):
        check_rules(rules, 4, where="strategies.ab.stopping")


def test_rules_that_need_a_control() -> None:
    for rule in (BeatsControl(), Guardrail(metric="cost_usd", at_most_ratio=2.0)):
        check_rules([rule], 2)
        with pytest.raises(SettingError, match="name the control"):
            check_rules([rule], 2, has_control=False)
    check_rules([*RULES[:4]], 3, has_control=False)


@pytest.mark.parametrize(
    "declared",
    [
        {"rule": "superiority", "threshold": 1.5},
        {"rule": "superiority", "threshold": 0},
        {"rule": "expected_loss", "threshold": -0.1},
        {"rule": "budget", "usd": 0},
        {"rule": "max_ratings", "ratings": -5},
        {"rule": "guardrail", "metric": "latency_s"},
        {"rule": "guardrail", "metric": "latency_s", "at_most": 2.0, "at_most_ratio": 2.0},
        {"rule": "guardrail", "metric": "latency_s", "at_most": 2.0, "threshold": 0.4},
        {"rule": "boredom"},
        {"rule": "superiority", "treshold": 0.9},
    ],
)
def test_values_out_of_range_are_refused(declared: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Rule).validate_python(declared)


# ------------------------------------------------------------------------------------------------- cost and latency


def sums(logs: Array) -> tuple[Array, Array, Array]:
    """Count, sum and sum of squares over the last axis."""
    return np.full(logs.shape[:-1], logs.shape[-1]), logs.sum(axis=-1), np.square(logs).sum(axis=-1)


def test_breach_against_the_exact_posterior() -> None:
    """With flat priors the log-mean is m + s^2 / 2 with s^2 inverse chi-square and m normal given it: draw both."""
    rng = np.random.default_rng(5)
    limit = Guardrail(metric="latency_s", at_most=1.7)
    for n, sd in ((40, 0.4), (200, 0.8)):
        logs = rng.normal(0.3, sd, size=n)
        variance = (n - 1) * logs.var(ddof=1) / rng.chisquare(n - 1, 200_000)
        mean = rng.normal(logs.mean(), np.sqrt(variance / n))
        exact = (mean + variance / 2 > np.log(1.7)).mean()
        assert prob_breach_lognormal(*sums(logs[None]), rule=limit)[0] == pytest.approx(exact, abs=0.03)


def test_breach_is_calibrated_over_repetitions() -> None:
    """At the true mean the probability of a breach is uniform, near enough: 5 % of data sets claim a breach at 95 %."""
    rng = np.random.default_rng(6)
    logs = rng.normal(0.0, 0.6, size=(20_000, 2, 100))
    absolute = Guardrail(metric="cost_usd", at_most=float(np.exp(0.18)))
    p = prob_breach_lognormal(*sums(logs), rule=absolute)[:, 0]
    assert (p > 0.95).mean() == pytest.approx(0.05, abs=0.02)
    assert p.mean() == pytest.approx(0.5, abs=0.02)
    ratio = prob_breach_lognormal(*sums(logs), rule=Guardrail(metric="cost_usd", at_most_ratio=1.0), control=0)[:, 1]
    assert (ratio > 0.95).mean() == pytest.approx(0.05, abs=0.006)


def test_breach_laws() -> None:
    logs = np.random.default_rng(7).normal([[0.0], [0.5], [1.0]], 0.5, size=(3, 60))
    ratio = Guardrail(metric="latency_s", at_most_ratio=1.5)
    p = prob_breach_lognormal(*sums(logs), rule=ratio, control=0)
    np.testing.assert_allclose(prob_breach_lognormal(*sums(logs + 3.0), rule=ratio, control=0), p, atol=1e-9)
    assert p[0] == 0
    assert (np.diff(p) > 0).all()
    other = prob_breach_lognormal(*sums(logs), rule=Guardrail(metric="latency_s", at_most=2.0))
    scaled = prob_breach_lognormal(*sums(logs + np.log(10)), rule=Guardrail(metric="latency_s", at_most=20.0))
    np.testing.assert_allclose(other, scaled, atol=1e-9)


def test_breach_with_next_to_nothing_known() -> None:
    limit, ratio = Guardrail(metric="cost_usd", at_most=1.0), Guardrail(metric="cost_usd", at_most_ratio=1.0)
    few = ([0, 1, 5], [0.0, 9.0, 5.0], [0.0, 81.0, 5.0])
    np.testing.assert_array_equal(prob_breach_lognormal(*few, rule=limit), [0.5, 0.5, 1.0])
    np.testing.assert_array_equal(prob_breach_lognormal(*few, rule=ratio, control=0), [0.0, 0.5, 0.5])
    np.testing.assert_array_equal(prob_breach_lognormal([5], [0.0], [0.0], rule=limit), [0.0])
    with pytest.raises(SettingError, match="name the control"):
        prob_breach_lognormal(*few, rule=ratio)


# --------------------------------------------------------------------------------------------------------------- faults


def exceeds_by_summing(found: Sequence[int], n: Sequence[int], by: float) -> float:
    """P(p1 - p0 > by) for two Betas of whole counts: P(Beta(a, b) > x) is a binomial sum, integrated over p0 by Simpson."""
    (f0, f1), (n0, n1) = found, n
    x = np.linspace(0.0, 1.0, 20_001)
    log_density = [f0 * math.log(p) + (n0 - f0) * math.log(1 - p) if 0 < p < 1 else -math.inf for p in x]
    density = (n0 + 1) * math.comb(n0, f0) * np.exp(log_density)
    density[0] = n0 + 1 if f0 == 0 else 0.0
    shifted = x + by
    above = np.zeros_like(x)
    for k in range(f1 + 1):  # Beta(f + 1, n - f + 1) is above y where at most f of n + 1 uniform numbers lie below it
        inside = np.clip(shifted, 0.0, 1.0)
        above += math.comb(n1 + 1, k) * inside**k * (1 - inside) ** (n1 + 1 - k)
    return float(simpson(density * np.where(shifted >= 1, 0.0, above), x=x))


@pytest.mark.parametrize(
    ("found", "n"), [((0, 0), (0, 0)), ((0, 3), (40, 40)), ((2, 9), (120, 150)), ((30, 4), (60, 80))]
)
def test_faults_above_those_of_the_control_against_an_exact_sum(found: tuple[int, int], n: tuple[int, int]) -> None:
    rule = Guardrail(metric="fault_rate", at_most_more=0.02)
    p = prob_breach_beta([n], [found], rule=rule, control=0)
    assert p[0, 0] == 0.0
    assert p[0, 1] == pytest.approx(exceeds_by_summing(found, n, 0.02), abs=1e-5)


def test_faults_above_a_share_against_a_binomial_sum() -> None:
    """P(Beta(f + 1, n - f + 1) > x) is the chance of at most f among n + 1."""
    n, f, x = 50, 3, 0.05
    exact = sum(math.comb(n + 1, k) * x**k * (1 - x) ** (n + 1 - k) for k in range(f + 1))
    assert prob_breach_beta([[n]], [[f]], rule=Guardrail(metric="fault_rate", at_most=x))[0, 0] == pytest.approx(exact)


def test_a_limit_on_faults_needs_a_control_to_compare_with() -> None:
    with pytest.raises(SettingError, match="name the control"):
        prob_breach_beta([[5, 5]], [[0, 1]], rule=Guardrail(metric="fault_rate", at_most_more=0.02))


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"metric": "fault_rate", "at_most_ratio": 2.0}, "fault_rate takes one of at_most and at_most_more"),
        ({"metric": "fault_rate", "at_most": 0.1, "at_most_more": 0.02}, "give exactly one"),
        ({"metric": "latency_s", "at_most_more": 0.02}, "latency_s takes one of at_most and at_most_ratio"),
        ({"metric": "fault_rate", "at_most": 1.0}, "give a share below 1"),
    ],
)
def test_a_guardrail_has_one_limit_that_suits_its_metric(keys: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Guardrail(**keys)


def test_a_launch_waits_until_the_risk_is_cleared_and_the_control_does_not() -> None:
    rules = (Guardrail(metric="fault_rate", at_most_more=0.02, clear_at=0.05), Superiority(threshold=0.9))

    def at(risk: float, best: list[float]) -> str:
        return outcome(rules, one(best, prob_breach=np.array([[[0.0, risk]]])))[0]

    assert at(0.05, [0.05, 0.95]) == "launch"
    assert at(0.06, [0.05, 0.95]) == at(0.94, [0.05, 0.95]) == "continue"
    assert at(0.95, [0.05, 0.95]) == at(0.5, [0.95, 0.05]) == "keep_control"
