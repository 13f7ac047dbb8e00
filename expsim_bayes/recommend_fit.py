"""From a fit of real ratings to the facts of its recommendation.

The gate comes first: a fit that is refused yields no probability. Then the same rules that stop an experiment decide, and the fast
posterior with the fitted components says what further ratings would bring.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.special import ndtr

from expsim_bayes import superiority
from expsim_bayes.diagnostics import Verdict, check_predictions
from expsim_bayes.facts import Decision, EvaluatorFacts, Facts, FitFacts, Interval, PlainMean, RaterFacts, VariantFacts
from expsim_bayes.planning import Question, Source, further_ratings
from expsim_bayes.posterior import Components, quality_marginals
from expsim_bayes.posterior.fitted import LARGEST, latent_size, state_of
from expsim_bayes.ratings import code, describe
from expsim_bayes.recommend import CI_PROB, HOPEFUL
from expsim_bayes.stopping import CONTINUE, DECISIONS, Equivalence, Evidence, first
from expsim_bayes.stopping import Superiority as SuperiorityRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.facts import DecisionName
    from expsim_bayes.planning import Further
    from expsim_bayes.ratings import Coded, Ratings
    from expsim_bayes.stopping import Rule

THRESHOLD = 0.95
"""Probability of being best, or of no difference that matters, that a fit must give before anything is recommended."""
SPREADS = {
    "sd_item": "items",
    "sd_interaction": "how a variant suits an item",
    "sd_output": "generations of a variant on an item",
    "sd_shift": "judges' taste for a variant",
    "sd_rater": "severity of raters",
    "sd_taste": "a rater's taste for a variant",
    "sd_opinion": "a rater's lasting opinion of an output",
    "sd_noise": "noise of a rating",
}
"""Standard deviations that a report shows, in words."""


def of_fit(
    tree: xr.DataTree,
    ratings: Ratings,
    *,
    min_effect: float = 0.0,
    rope: float | None = None,
    threshold: float = THRESHOLD,
    prices: Mapping[str, float] | None = None,
    ci_prob: float = CI_PROB,
    plan_further: bool = True,
) -> Facts:
    """Facts of a fit.

    Parameters
    ----------
    tree : xarray.DataTree
        From `fit.fit`.
    ratings : Ratings
        The ratings that were fitted.
    min_effect : float
        Smallest difference that matters, in points.
    rope : float, optional
        Width of equivalence, in points; `min_effect` unless told.
    threshold : float
        Probability that is asked for before a variant is recommended.
    prices : mapping, optional
        Dollars a rating by evaluator.
    ci_prob : float
        Probability of the intervals.
    plan_further : bool
        Also compute what further ratings would bring.
    """
    data = code(ratings)
    description = describe(ratings)
    sign = 1.0 if ratings.higher_is_better else -1.0
    quality = _stacked(tree, "quality")
    names = list(data.variants)
    mean = quality.mean(axis=0)
    order = np.argsort(-sign * mean, kind="stable")
    control = None if ratings.control is None else names.index(ratings.control)
    width = min_effect if rope is None else rope
    found = superiority.from_draws(
        quality,
        control=control,
        min_effect=min_effect,
        rope=width,
        higher_is_better=ratings.higher_is_better,
        ess=_effective_draws(tree),
    )
    leader = int(order[0])
    baseline = control if control is not None else int(order[min(1, len(order) - 1)])
    rules: tuple[Rule, ...] = (SuperiorityRule(threshold=threshold), *([Equivalence(threshold=threshold)] if width > 0 else []))
    verdict = Verdict.from_json(tree.attrs["verdict"])
    given = components_of(tree, data)
    affordable = plan_further and verdict.level != "refuse" and len(names) > 1 and latent_size(data, given) <= LARGEST
    further = _further(data, given, found.prob_best, rules, leader, baseline, ratings, min_effect, width, prices) if affordable else ()
    low, high = _bounds(quality, ci_prob)
    return Facts(
        title=f"{ratings.source}: {len(names)} variants, {len(data.score):,} ratings",
        source=ratings.source,
        decision=_decision(verdict, found, rules, control, names, description.components),
        variants=tuple(
            _variant(v, quality, baseline, sign, found, (low, high), data, ci_prob) for v in map(int, order)
        ),
        evaluators=_evaluators(tree, data, prices),
        baseline=names[baseline],
        leader=names[leader],
        control=ratings.control,
        higher_is_better=ratings.higher_is_better,
        score_range=ratings.score_range,
        ci_prob=ci_prob,
        min_effect=min_effect,
        rope=width,
        prob_equivalent=float(found.prob_equivalent),
        mcse=float(found.mcse),
        ratings=int(data.score.size),
        usd=_spent(data, prices),
        further=further,
        threshold=threshold,
        notices=(*ratings.notices, *description.warnings),
        provenance=_provenance(tree),
        fit=FitFacts(
            verdict=verdict.level,
            verdict_reasons=verdict.reasons or (_passed(verdict),),
            raters=_raters(tree, data, ci_prob),
            shifts=_shifts(tree, data, ci_prob),
            scale_use=_scale_use(tree, data, ci_prob),
            spreads=_spreads(tree, data, ci_prob),
            plain_means=_plain_means(data, order, sign),
            rank_correlation=_rank_correlation(mean, _plain_means(data, np.arange(len(names)), sign)),
            shift_scenarios=_shift_scenarios(data, given, leader, baseline, sign, names) if affordable else (),
            terms=tuple(json.loads(tree.attrs["terms"])),
            checks=tuple(check.sentence for check in check_predictions(tree, score_range=ratings.score_range)),
            priors=_priors(tree),
        ),
    )


def components_of(tree: xr.DataTree, data: Coded) -> Components:
    """Posterior means of a fit's components, as the fast posterior takes them."""
    posterior = {name: _stacked(tree, name).mean(axis=0) for name in (*SPREADS, "scale_use")}
    priors, scale = json.loads(tree.attrs["priors"]), json.loads(tree.attrs["scale"])
    n_evaluators = len(data.evaluators)
    reference = data.evaluators.index(tree.attrs["reference"])
    has_shift = _estimated(tree, "shift").any(axis=1) if "shift" in tree["posterior"] else np.zeros(n_evaluators, bool)
    has_severity = _estimated(tree, "severity") if "severity" in tree["posterior"] else np.zeros(len(data.raters), bool)
    of_evaluator = np.zeros(n_evaluators, dtype=bool)
    of_evaluator[data.rater_evaluator[has_severity]] = True
    return Components(
        level_mean=np.full(n_evaluators, scale["middle"]),
        level_sd=np.full(n_evaluators, priors["level_sd"] * scale["width"]),
        scale=posterior["scale_use"],
        sd_variant=priors["sd_variant"] * scale["width"],
        sd_item=float(posterior["sd_item"]),
        sd_interaction=float(posterior["sd_interaction"]),
        sd_output=np.full(len(data.variants), float(posterior["sd_output"])),
        sd_rater=np.where(of_evaluator, posterior["sd_rater"], 0.0),
        sd_shift=np.where(has_shift, float(posterior["sd_shift"]), 0.0),
        sd_taste=posterior["sd_taste"],
        sd_opinion=posterior["sd_opinion"],
        sd_noise=posterior["sd_noise"],
        reference=reference,
    )


def _stacked(tree: xr.DataTree, name: str) -> NDArray[np.float64]:
    """(draw, ...) draws of all chains of a variable."""
    values = tree["posterior"][name].transpose("chain", "draw", ...).to_numpy()
    return values.reshape(-1, *values.shape[2:])


def _estimated(tree: xr.DataTree, name: str) -> NDArray[np.bool_]:
    """Which entries of a variable are estimated rather than constant by construction."""
    return tree["constant_data"][f"{name}_estimated"].to_numpy().astype(bool)


def _effective_draws(tree: xr.DataTree) -> float:
    """Effective draws of the least certain quality."""
    import arviz as az

    return float(az.ess(tree["posterior"].to_dataset()[["quality"]])["quality"].min())


def _bounds(draws: NDArray[np.float64], ci_prob: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds of the central interval over the first axis."""
    low, high = np.quantile(draws, ((1 - ci_prob) / 2, (1 + ci_prob) / 2), axis=0)
    return low, high


def _interval(draws: NDArray[np.float64], ci_prob: float) -> Interval:
    low, high = _bounds(draws, ci_prob)
    return Interval(float(draws.mean()), float(low), float(high))


def _decision(
    verdict: Verdict,
    found: superiority.Superiority,
    rules: tuple[Rule, ...],
    control: int | None,
    names: list[str],
    linked: tuple[tuple[str, ...], ...],
) -> Decision:
    """What the rules say of the posterior, once the gate lets it through."""
    if verdict.level == "refuse":
        return Decision("refuse", reason=" ".join(verdict.reasons))
    if len(linked) > 1:
        groups = "; ".join(", ".join(group) for group in linked)
        return Decision("refuse", reason=f"The variants fall into groups without a shared item or rater ({groups}), so they cannot be ranked.")
    if len(names) == 1:
        return Decision("collect", reason="Only one variant was rated, so there is nothing to choose between.")
    evidence = Evidence(
        prob_best=found.prob_best[None],
        prob_superior=found.prob_superior[None],
        expected_loss=found.expected_loss[None],
        prob_equivalent=np.atleast_1d(found.prob_equivalent),
        dollars=np.zeros(1),
        ratings=np.zeros(1, dtype=np.int64),
        days=np.zeros(1),
        control=control,
    )
    said = first(rules, evidence)
    if said.decision[0] == CONTINUE:
        reason = f"No variant reaches a probability of {THRESHOLD:.0%} of being the best."
        return Decision("collect", reason=reason)
    name = cast("DecisionName", DECISIONS[int(said.decision[0])])
    fired = rules[int(said.rule[0])]
    launched = names[int(said.variant[0])] if said.variant[0] >= 0 else None
    return Decision(name, launched, fired.question, getattr(fired, "threshold", None))


def _variant(
    v: int,
    quality: NDArray[np.float64],
    baseline: int,
    sign: float,
    found: superiority.Superiority,
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]],
    data: Coded,
    ci_prob: float,
) -> VariantFacts:
    effect = quality[:, v] - quality[:, baseline]
    other = v != baseline
    return VariantFacts(
        name=data.variants[v],
        quality=Interval(float(quality[:, v].mean()), float(bounds[0][v]), float(bounds[1][v])),
        effect=_interval(effect, ci_prob) if other else None,
        effect_sd=float(effect.std(ddof=1)) if other else None,
        prob_best=float(found.prob_best[v]),
        prob_better=float((sign * effect > 0).mean()) if other else None,
        expected_loss=float(found.expected_loss[v]),
        outputs=int((data.output_variant == v).sum()),
    )


def _evaluators(tree: xr.DataTree, data: Coded, prices: Mapping[str, float] | None) -> tuple[EvaluatorFacts, ...]:
    has_shift = _estimated(tree, "shift").any(axis=1) if "shift" in tree["posterior"] else np.zeros(len(data.evaluators), bool)
    sd_shift = float(_stacked(tree, "sd_shift").mean())
    counts = np.bincount(data.evaluator, minlength=len(data.evaluators))
    return tuple(
        EvaluatorFacts(
            name=name,
            kind=data.kinds[k],
            raters=int((data.rater_evaluator == k).sum()),
            ratings=int(counts[k]),
            usd=float(counts[k]) * prices[name] if prices and name in prices else None,
            shift_sd=sd_shift if has_shift[k] else None,
        )
        for k, name in enumerate(data.evaluators)
    )


def _spent(data: Coded, prices: Mapping[str, float] | None) -> float | None:
    """Dollars spent on ratings, where every evaluator has a price."""
    if not prices or any(name not in prices for name in data.evaluators):
        return None
    counts = np.bincount(data.evaluator, minlength=len(data.evaluators))
    return float(sum(count * prices[name] for count, name in zip(counts, data.evaluators, strict=True)))


def _raters(tree: xr.DataTree, data: Coded, ci_prob: float) -> tuple[RaterFacts, ...]:
    if "severity" not in tree["posterior"]:
        return ()
    severity, counts = _stacked(tree, "severity"), np.bincount(data.rater, minlength=len(data.raters))
    rows = [
        RaterFacts(data.raters[r], data.evaluators[data.rater_evaluator[r]], _interval(severity[:, r], ci_prob), int(counts[r]))
        for r in np.flatnonzero(_estimated(tree, "severity"))
    ]
    return tuple(sorted(rows, key=lambda row: row.severity.mean))


def _shifts(tree: xr.DataTree, data: Coded, ci_prob: float) -> tuple[tuple[str, str, Interval], ...]:
    if "shift" not in tree["posterior"]:
        return ()
    shift = _stacked(tree, "shift")
    places = np.argwhere(_estimated(tree, "shift"))
    return tuple((data.evaluators[k], data.variants[v], _interval(shift[:, k, v], ci_prob)) for k, v in places)


def _scale_use(tree: xr.DataTree, data: Coded, ci_prob: float) -> tuple[tuple[str, Interval], ...]:
    use = _stacked(tree, "scale_use")
    return tuple((data.evaluators[k], _interval(use[:, k], ci_prob)) for k in np.flatnonzero(_estimated(tree, "scale_use")))


def _spreads(tree: xr.DataTree, data: Coded, ci_prob: float) -> tuple[tuple[str, Interval], ...]:
    rows = []
    for name, words in SPREADS.items():
        draws = _stacked(tree, name)
        estimated = _estimated(tree, name)
        if draws.ndim == 1:
            rows += [(words, _interval(draws, ci_prob))] if estimated.all() else []
        else:
            rows += [(f"{words}, {data.evaluators[k]}", _interval(draws[:, k], ci_prob)) for k in np.flatnonzero(estimated)]
    return tuple(rows)


def _plain_means(data: Coded, order: NDArray[np.intp], sign: float) -> tuple[PlainMean, ...]:
    """Means of the reference's scores (of all where there is none), with all ratings taken as independent."""
    kept = data.evaluator == data.reference if data.reference >= 0 else np.ones(data.score.size, dtype=bool)
    variant, score = data.variant[kept], data.score[kept]
    n = np.bincount(variant, minlength=len(data.variants))
    if (n < 2).any():
        return ()
    mean = np.bincount(variant, score, len(data.variants)) / n
    variance = np.bincount(variant, (score - mean[variant]) ** 2, len(data.variants)) / (n - 1)
    error = np.sqrt(variance / n)
    if not (error > 0).all():
        return ()
    best = superiority.prob_best_independent(mean, error, higher_is_better=sign > 0)
    return tuple(PlainMean(data.variants[v], float(mean[v]), float(error[v]), float(best[v])) for v in order)


def _rank_correlation(mean: NDArray[np.float64], plain: tuple[PlainMean, ...]) -> float | None:
    """Spearman's correlation of the model's ranking with that of the plain means."""
    if len(plain) < 3:
        return None
    ranks = [np.argsort(np.argsort(values)) for values in (mean, np.array([p.mean for p in plain]))]
    return float(np.corrcoef(*ranks)[0, 1])


def _shift_scenarios(
    data: Coded, given: Components, leader: int, baseline: int, sign: float, names: list[str]
) -> tuple[tuple[str, float, float], ...]:
    """The leader's lead if judges' tastes varied half and twice as much; empty without judges, or where there is no lead."""
    if not given.sd_shift.any() or leader == baseline:
        return ()
    rows = []
    for words, factor in (("half", 0.5), ("twice", 2.0)):
        components = replace(given, sd_shift=given.sd_shift * factor)
        state, places = state_of(data, components)
        quality = quality_marginals(state, components, places)
        m, c = quality.mean[0], quality.cov[0]
        lead = float(m[leader] - m[baseline])
        sd = float(np.sqrt(c[leader, leader] + c[baseline, baseline] - 2 * c[leader, baseline]))
        words = f"If judges' tastes for a variant varied {words} as much, {names[leader]} against {names[baseline]}"
        rows.append((words, lead, float(ndtr(sign * lead / sd))))
    return tuple(rows)


def _further(
    data: Coded,
    given: Components,
    prob_best: NDArray[np.float64],
    rules: tuple[Rule, ...],
    leader: int,
    baseline: int,
    ratings: Ratings,
    min_effect: float,
    rope: float,
    prices: Mapping[str, float] | None,
) -> tuple[Further, ...]:
    """What further ratings of each kind would bring, for the variants that may still be best."""
    state, places = state_of(data, given)
    hopeful = set(np.flatnonzero(prob_best >= HOPEFUL).tolist()) | {leader, baseline}
    question = Question(
        state=state,
        components=given,
        places=places,
        rules=rules,
        contenders=tuple(sorted(hopeful)),
        control=None if ratings.control is None else data.variants.index(ratings.control),
        min_effect=min_effect,
        rope=rope,
        higher_is_better=ratings.higher_is_better,
    )
    people = [given.reference] if data.kinds[given.reference] == "human" else []
    judges = [k for k in range(len(data.evaluators)) if k not in people]
    choices = [*((k,) for k in (*people, *judges)), *((k, *people) for k in judges if people)]
    sources = []
    for chosen in choices:
        labels = [data.evaluators[k] for k in chosen]
        priced = prices is not None and all(label in prices for label in labels)
        paid = tuple(prices[label] for label in labels) if priced and prices is not None else None
        sources.append(Source(f"{' and '.join(labels)} ratings", tuple(chosen), paid))
    return further_ratings(question, sources)


def _passed(verdict: Verdict) -> str:
    return (
        f"{verdict.chains} chains of {verdict.draws:,} draws agree (worst R-hat {verdict.worst_r_hat:.3f}), the smallest effective "
        f"sample size is {verdict.worst_ess:,.0f}, no draw diverged."
    )


def _priors(tree: xr.DataTree) -> tuple[str, ...]:
    priors, scale = json.loads(tree.attrs["priors"]), json.loads(tree.attrs["scale"])
    width = scale["width"]
    return (
        f"Prior: variants differ with an SD of {priors['sd_variant'] * width:.3g} points, "
        f"judges' tastes for a variant by about {priors['sd_shift'] * width:.3g}, severities by about {priors['sd_rater'] * width:.3g}, "
        f"tastes of persons by about {priors['sd_taste'] * width:.3g}.",
    )


def _provenance(tree: xr.DataTree) -> tuple[tuple[str, str], ...]:
    shown = {
        "data": "data_source",
        "SHA-256 of the data": "data_sha256",
        "random seed": "random_seed",
        "sampler settings": "settings",
        "versions": "versions",
        "started (UTC)": "started_utc",
        "finished (UTC)": "finished_utc",
    }
    return tuple((words, str(tree.attrs[key])) for words, key in shown.items())
