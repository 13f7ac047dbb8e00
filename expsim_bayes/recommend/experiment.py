"""A simulated experiment to the facts of its recommendation, at the look where it stopped."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.special import ndtr, ndtri

from expsim_bayes.evaluators import panel
from expsim_bayes.facts import (
    CI_PROB,
    Decision,
    DecisionName,
    EvaluatorFacts,
    Facts,
    Interval,
    PriceFacts,
    VariantFacts,
)
from expsim_bayes.operating_characteristics import allowed_by_guardrails, endings
from expsim_bayes.outcomes import SIDE_BY_SIDE
from expsim_bayes.planning import Question, further_ratings, pairing_gain
from expsim_bayes.posterior import KnownCounts, KnownVerdicts, among, beliefs, carried_over, layout
from expsim_bayes.prices import price
from expsim_bayes.recommend.alike import RATED, more_alike
from expsim_bayes.recommend.compared import taste_as_share
from expsim_bayes.recommend.counted import about_errors, effect_of_counts, rate_interval
from expsim_bayes.recommend.faults import faults_of, what_is_limited
from expsim_bayes.recommend.kinds import HOPEFUL, kinds_of_ratings
from expsim_bayes.simulate.stars import shift_in_points
from expsim_bayes.stopping import DECISIONS

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.experiment import Played
    from expsim_bayes.fast.looks import EstimatedScores
    from expsim_bayes.operating_characteristics import Estimate
    from expsim_bayes.planning import Further
    from expsim_bayes.posterior import KnownScores
    from expsim_bayes.scenario import Scenario, StrategyName


RAN_OUT = {
    "budget": "The next look may cost more than is left of the budget.",
    "max_ratings": "The next look would take more ratings than are allowed.",
    "max_days": "The time that was given is up.",
}
"""Why an experiment ended undecided, by the limit that ended it."""


def of_experiment(
    played: Played, *, false_launch: Estimate | None = None, ci_prob: float = CI_PROB, plan_further: bool = True
) -> Facts:
    """Facts of a simulated experiment at the look where it stopped.

    Parameters
    ----------
    played : Played
        From `experiment.play`.
    false_launch : Estimate, optional
        How often its rules launch something when all variants are equal, from `operating_characteristics.false_launch_rate`.
    ci_prob : float
        Probability of the intervals.
    plan_further : bool
        Also compute what further ratings would bring.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.scenario import load
    >>> of_experiment(play(load("summarization-prompts"), random_seed=1)).decision.name
    'launch'
    """
    scenario, history = played.scenario, played.history.isel(replication=0)
    strategy = cast("StrategyName", played.history.attrs["strategy"])
    stop = int(history["stop_look"])
    end = history.isel(look=stop - 1)
    decision = _decision(scenario, strategy, history, stop)
    leader = _leader(end, scenario)
    baseline = scenario.control or _runner_up(end, leader, scenario)
    usd_generation = float(end["usd_generation"].sum())
    usd = usd_generation + float(end["usd_rating"].sum())
    contenders = _contenders(scenario, end, leader, baseline)
    question = _question(played, strategy, contenders) if scenario.outcome == "score" else None
    usd_left = None if scenario.budget_usd is None else scenario.budget_usd - usd
    return Facts(
        title=scenario.title,
        source=scenario.name,
        decision=decision,
        variants=_variants(played, end, baseline, ci_prob),
        evaluators=_evaluators(scenario, end),
        baseline=baseline,
        leader=leader,
        control=scenario.control,
        higher_is_better=scenario.higher_is_better,
        score_range=scenario.score_range,
        ci_prob=ci_prob,
        min_effect=scenario.min_effect,
        rope=scenario.rope_width,
        prob_equivalent=float(end["prob_equivalent"]),
        mcse=float(end["mcse"]),
        ratings=int(end["ratings"].sum()),
        looks=stop,
        looks_planned=scenario.looks,
        false_launch=false_launch,
        usd=usd,
        usd_generation=usd_generation,
        days=float(end["days"]),
        budget_usd=scenario.budget_usd,
        further=_what_further(played, question, contenders, (usd, usd_left)) if plan_further else (),
        pairing_gain=pairing_gain(question.components)
        if question and scenario.outputs_per_item(strategy) > 1
        else None,
        unit="share" if scenario.outcome in ("binary", *SIDE_BY_SIDE) else "points",
        rated=RATED.get(scenario.outcome, "rating"),
        threshold=launch_threshold(scenario, strategy),
        limits=what_is_limited(scenario),
        ended_right=bool(endings(played.history, scenario).right[0]),
        story=scenario.story.strip(),
        right_answer=scenario.right_answer,
        sources=scenario.sources,
        prices=_prices(scenario),
        notices=_notices(played, end),
        provenance=(
            ("strategy", strategy),
            ("rated by", str(played.history.attrs["evaluators"])),
            ("random seed", str(played.history.attrs["random_seed"])),
            ("version", f"expsim-bayes {version('expsim-bayes')}"),
        ),
    )


def _prices(scenario: Scenario) -> tuple[PriceFacts, ...]:
    """Prices that were looked up for what the scenario spends, each once."""
    looked_up = [(v.model, v.priced) for v in scenario.variants if v.usd_per_call is None]
    looked_up += [
        (e.price or e.model, e.priced)
        for e in scenario.evaluators
        if e.usd_per_rating is None and e.wage_usd_per_hour is None
    ]
    named = {name: own or price(name) for name, own in looked_up if name is not None}
    return tuple(PriceFacts(name, found.said(), found.as_of, found.source) for name, found in named.items())


def launch_threshold(
    scenario: Scenario, strategy: StrategyName, *, among: tuple[str, ...] = ("superiority", "beats_control")
) -> float | None:
    """Probability that some rules ask for before they launch, of whatever they ask it; None where none asks for one."""
    asked = [getattr(rule, "threshold", None) for rule in scenario.rules(strategy) if rule.rule in among]
    return min((a for a in asked if a is not None), default=None)


def best_threshold(scenario: Scenario, strategy: StrategyName) -> float | None:
    """Probability of being the best that the rules ask for before they launch; None where none asks for that."""
    return launch_threshold(scenario, strategy, among=("superiority",))


def _decision(scenario: Scenario, strategy: StrategyName, history: xr.Dataset, stop: int) -> Decision:
    name = cast("DecisionName", DECISIONS[int(history["decision"])])
    launched, fired = int(history["launched"]), int(history["rule"])
    rules = scenario.rules(strategy)
    variant = scenario.variant_names[launched] if launched >= 0 else None
    if fired < 0:
        return Decision(name, variant, f"No rule had decided by the last of {stop} looks.")
    rule = rules[fired]
    limit = rule.rule if rule.rule in RAN_OUT else ""
    return Decision(name, variant, RAN_OUT.get(rule.rule, rule.question), getattr(rule, "threshold", None), limit)


def _leader(end: xr.Dataset, scenario: Scenario) -> str:
    """The best posterior mean among the variants that may be launched."""
    sign = 1.0 if scenario.higher_is_better else -1.0
    mean = np.where(end["prob_best"] > 0, sign * end["quality_mean"], -np.inf)
    return scenario.variant_names[int(mean.argmax())]


def _barred(end: xr.Dataset, scenario: Scenario) -> NDArray[np.bool_]:
    """(variant,) which of them were left out because they break a limit."""
    return np.asarray(end["prob_best"].values == 0) & ~allowed_by_guardrails(scenario)


def _runner_up(end: xr.Dataset, leader: str, scenario: Scenario) -> str:
    sign = 1.0 if scenario.higher_is_better else -1.0
    mean = sign * end["quality_mean"].values.copy()
    mean[scenario.variant_names.index(leader)] = -np.inf
    return scenario.variant_names[int(mean.argmax())]


def _what_further(
    played: Played, question: Question | None, contenders: tuple[int, ...], usd: tuple[float, float | None]
) -> tuple[Further, ...]:
    """What further ratings would bring, by the kind of outcome; `usd` are dollars spent and left."""
    if question is not None:
        return _further(question, played.declared, usd[1])
    scenario, strategy = played.scenario, cast("StrategyName", played.history.attrs["strategy"])
    places = scenario.outputs_per_item(strategy) if scenario.outcome == "ranking" else 1
    ratings = len(played.ratings.table) // places
    return more_alike(scenario, played.known, strategy, contenders, ratings=ratings, usd=usd[0])


def _contenders(scenario: Scenario, end: xr.Dataset, leader: str, baseline: str) -> tuple[int, ...]:
    """Positions of the leader, the baseline and others that may still be best."""
    hopeful = {name for name, p in zip(scenario.variant_names, end["prob_best"].values, strict=True) if p >= HOPEFUL}
    return tuple(i for i, name in enumerate(scenario.variant_names) if name in hopeful | {leader, baseline})


def _question(played: Played, strategy: StrategyName, contenders: tuple[int, ...]) -> Question:
    """What further ratings would have to decide: between the leader, the control, and others that may still be best.

    Those who did not take part may be asked next, so what is known is carried over to everyone whom the scenario declares.
    """
    scenario, whole = played.scenario, played.declared
    took_part, everyone = panel(scenario.evaluators), panel(whole.evaluators)
    scores = cast("KnownScores | EstimatedScores", played.known)
    known, components, places = scores.given
    evaluators = np.array([everyone.names.index(name) for name in took_part.names])
    wider = among(beliefs(whole), components, evaluators)
    wider_places = layout(wider, rater_evaluator=everyone.rater_evaluator)
    state = carried_over(
        known,
        components,
        places,
        wider=wider,
        wider_places=wider_places,
        evaluators=evaluators,
        raters=np.array([everyone.raters.index(name) for name in took_part.raters]),
    )
    end = played.history.isel(replication=0, look=int(played.history["stop_look"][0]) - 1)
    barred = _barred(end, scenario)
    return Question(
        state=state,
        components=wider,
        places=wider_places,
        rules=scenario.rules(strategy),
        contenders=contenders,
        barred=tuple(np.flatnonzero(barred).tolist()),
        control=scenario.control_index,
        min_effect=scenario.min_effect,
        rope=scenario.rope_width,
        higher_is_better=scenario.higher_is_better,
    )


def _further(question: Question, scenario: Scenario, usd_left: float | None) -> tuple[Further, ...]:
    """What further ratings of each kind would bring."""
    who = panel(scenario.evaluators)
    dollars = float(np.mean([scenario.variants[v].usd_per_output for v in question.contenders]))
    question, kinds = kinds_of_ratings(question, names=who.names, kinds=who.kinds, reference=who.reference)
    priced = []
    for kind in kinds:
        chosen = list(kind.evaluators)
        priced.append(
            replace(
                kind,
                usd_per_output=dollars,
                usd_per_rating=tuple(who.usd_per_rating[chosen].tolist()),
                seconds_per_rating=tuple(who.seconds_per_rating[chosen].tolist()),
                parallel=tuple(who.parallel[chosen].astype(int).tolist()),
                hours_per_day=tuple(who.hours_per_day[chosen].tolist()),
                turnaround_hours=tuple(who.turnaround_hours[chosen].tolist()),
            )
        )
    return further_ratings(question, priced, usd_left=usd_left)


def interval(mean: float, sd: float, ci_prob: float) -> Interval:
    """Central interval of a normal marginal.

    Examples
    --------
    >>> interval(0.0, 1.0, 0.95)
    Interval(mean=0.0, low=-1.9599..., high=1.9599...)
    """
    reach = float(ndtri(0.5 + ci_prob / 2)) * sd
    return Interval(mean, mean - reach, mean + reach)


def _among_all(played: Played, end: xr.Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """prob_best and expected loss of the variants, those among them that were dropped on the way."""
    if "dropped" not in end or not end["dropped"].any():
        return end["prob_best"].values, end["expected_loss"].values
    allowed = (end["prob_best"].values > 0) | (end["dropped"].values > 0)
    found = played.known.superiority(eligible=allowed[None])
    return found.prob_best[0], found.expected_loss[0]


def _notices(played: Played, end: xr.Dataset) -> tuple[str, ...]:
    """What a reader must know about the ratings, what was still under way, and who was dropped."""
    waiting = int(end["under_way"].sum()) if "under_way" in end else 0
    late = f"{waiting} outputs were still under way at the stop: they are paid for, and nothing here rests on them."
    errors = about_errors(played.scenario) if played.scenario.outcome == "binary" else ()
    return (*played.ratings.notices, *errors, *([late] if waiting else ()), *_dropped(played))


def _dropped(played: Played) -> tuple[str, ...]:
    """Who was dropped, and when."""
    history = played.history.isel(replication=0)
    if "dropped" not in history:
        return ()
    dropped = history["dropped"].fillna(0.0)
    gone = [
        f"{name} at look {int(dropped.sel(variant=name).to_numpy().argmax()) + 1}"
        for name in played.scenario.variant_names
        if bool(dropped.sel(variant=name).any())
    ]
    note = f"Dropped, as probably not the best: {', '.join(gone)}. From there on P(best) is among the others."
    return (note,) if gone else ()


def _normal_effect(mean: float, sd: float, scenario: Scenario, ci_prob: float) -> tuple[Interval, float]:
    """A difference to the baseline with its interval, and the probability that it is for the better."""
    sign = 1.0 if scenario.higher_is_better else -1.0
    return interval(mean, sd, ci_prob), float(ndtr(sign * mean / sd)) if sd > 0 else 0.5


def _variants(played: Played, end: xr.Dataset, baseline: str, ci_prob: float) -> tuple[VariantFacts, ...]:
    scenario = played.scenario
    base = scenario.variant_names.index(baseline)
    counts = played.known if isinstance(played.known, KnownCounts | KnownVerdicts) else None
    quality = played.known.qualities(base)
    mean, sd, effect, effect_sd = (values[0] for values in quality)
    prob_best, expected_loss = _among_all(played, end)
    barred, faults = _barred(end, scenario), faults_of(end, scenario, ci_prob)
    rows = []
    for v, variant in enumerate(scenario.variants):
        if counts is None:
            level = interval(float(mean[v]), float(sd[v]), ci_prob)
            lead, prob_better = _normal_effect(float(effect[v]), float(effect_sd[v]), scenario, ci_prob)
        else:
            level = rate_interval(counts, v, ci_prob)
            lead, prob_better = effect_of_counts(counts, v, base, ci_prob)
        outputs = float(end["outputs"][v])
        rows.append(
            VariantFacts(
                name=variant.name,
                quality=level,
                effect=None if v == base else lead,
                effect_sd=None if v == base else float(effect_sd[v]),
                prob_best=float(prob_best[v]),
                prob_better=None if v == base else prob_better,
                expected_loss=float(expected_loss[v]),
                outputs=int(outputs),
                usd_per_output=float(end["usd_generation"][v]) / outputs if outputs else variant.usd_per_output,
                latency_s=float(end["seconds"][v]) / outputs if outputs else variant.latency_s,
                allowed=not barred[v],
                true_quality=variant.quality,
                faults=faults[v],
            )
        )
    return tuple(rows)


def _evaluators(scenario: Scenario, end: xr.Dataset) -> tuple[EvaluatorFacts, ...]:
    return tuple(
        EvaluatorFacts(
            name=e.name,
            kind=e.kind,
            raters=e.raters,
            ratings=int(end["ratings"][k]),
            usd=float(end["usd_rating"][k]),
            shift_sd=_taste(scenario, e),
        )
        for k, e in enumerate(scenario.evaluators)
    )


def _taste(scenario: Scenario, evaluator: Evaluator) -> float:
    """SD of an evaluator's taste for a variant, in the unit of quality."""
    if scenario.outcome in SIDE_BY_SIDE:
        return taste_as_share(evaluator, ties=scenario.outcome == "preference")
    return shift_in_points(scenario, evaluator)
