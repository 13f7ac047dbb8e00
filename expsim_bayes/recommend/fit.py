"""A fit of real ratings to the facts of its recommendation.

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
from expsim_bayes.facts import (
    CI_PROB,
    Decision,
    EvaluatorFacts,
    Facts,
    FitFacts,
    VariantFacts,
)
from expsim_bayes.planning import Question, further_ratings
from expsim_bayes.posterior import Components, quality_marginals
from expsim_bayes.posterior.fitted import LARGEST, components_of, estimated, latent_size, stacked, state_of
from expsim_bayes.ratings import code, describe
from expsim_bayes.ratings.wording import count
from expsim_bayes.recommend import reading
from expsim_bayes.recommend.kinds import HOPEFUL, kinds_of_ratings
from expsim_bayes.recommend.reading import Reading
from expsim_bayes.stopping import CONTINUE, DECISIONS, Equivalence, Evidence, first
from expsim_bayes.stopping import Superiority as SuperiorityRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from expsim_bayes.facts import DecisionName
    from expsim_bayes.planning import Further
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.stopping import Rule

THRESHOLD = 0.95
"""Probability of being best, or of no difference that matters, that a fit must give before anything is recommended."""
PROVENANCE = {
    "data": "data_source",
    "SHA-256 of the data": "data_sha256",
    "random seed": "random_seed",
    "sampler settings": "settings",
    "versions": "versions",
    "started (UTC)": "started_utc",
    "finished (UTC)": "finished_utc",
}
"""What a report says of where a fit comes from, in words, and where the fit keeps it."""


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
    width = min_effect if rope is None else rope
    rules: tuple[Rule, ...] = (
        SuperiorityRule(threshold=threshold),
        *([Equivalence(threshold=threshold)] if width > 0 else []),
    )
    read = _read(tree, ratings, rules=rules, min_effect=min_effect, rope=width, prices=prices or {}, ci_prob=ci_prob)
    data, found, names = read.data, read.found, read.data.variants
    description, verdict = describe(ratings), Verdict.from_json(tree.attrs["verdict"])
    decision = _decision(read, verdict, description.components, threshold)
    given = components_of(tree, data)
    plannable = plan_further and decision.name != "refuse" and len(names) > 1 and latent_size(data, given) <= LARGEST
    shown = decision.name != "refuse"
    plain = reading.plain_means(read) if shown else ()
    checks = check_predictions(tree, score_range=ratings.score_range)
    return Facts(
        title=f"{ratings.source}: {count(len(names), 'variant')}, {count(len(data.score), 'rating')}",
        source=ratings.source,
        decision=decision,
        variants=tuple(_variant(read, int(v)) for v in read.order) if shown else (),
        evaluators=_evaluators(read),
        baseline=names[read.baseline],
        leader=names[read.leader],
        control=ratings.control,
        higher_is_better=ratings.higher_is_better,
        score_range=ratings.score_range,
        ci_prob=ci_prob,
        min_effect=min_effect,
        rope=width,
        prob_equivalent=float(found.prob_equivalent) if shown else None,
        mcse=float(found.mcse),
        ratings=int(data.score.size),
        usd=_spent(read),
        further=_further(read, given) if plannable else (),
        threshold=threshold,
        notices=(*ratings.notices, *description.warnings),
        provenance=tuple((words, str(tree.attrs[key])) for words, key in PROVENANCE.items()),
        fit=FitFacts(
            verdict=verdict.level,
            verdict_reasons=verdict.reasons or (_passed(verdict),),
            raters=reading.raters(read) if shown else (),
            shifts=reading.shifts(read) if shown else (),
            scale_use=reading.scale_use(read) if shown else (),
            spreads=reading.spreads(read) if shown else (),
            plain_means=plain,
            rank_correlation=reading.rank_correlation(read, plain),
            shift_scenarios=_shift_scenarios(read, given) if plannable else (),
            terms=tuple(json.loads(tree.attrs["terms"])),
            checks_failed=sum(not check.reproduced for check in checks),
            checks=tuple(check.sentence for check in checks),
            priors=(_priors(tree),),
        ),
    )


def _read(
    tree: xr.DataTree,
    ratings: Ratings,
    *,
    rules: tuple[Rule, ...],
    min_effect: float,
    rope: float,
    prices: Mapping[str, float],
    ci_prob: float,
) -> Reading:
    """The draws of a fit and what they say of the variants."""
    data, quality = code(ratings), stacked(tree, "quality")
    control = None if ratings.control is None else data.variants.index(ratings.control)
    found = superiority.from_draws(
        quality,
        control=control,
        min_effect=min_effect,
        rope=rope,
        higher_is_better=ratings.higher_is_better,
        ess=_effective_draws(Verdict.from_json(tree.attrs["verdict"])),
    )
    order = np.argsort((-1.0 if ratings.higher_is_better else 1.0) * quality.mean(axis=0), kind="stable")
    baseline = control if control is not None else int(order[min(1, order.size - 1)])
    return Reading(tree, ratings, data, quality, found, order, baseline, rules, min_effect, rope, prices, ci_prob)


def _effective_draws(verdict: Verdict) -> float:
    """Effective draws of the least certain quality."""
    return min((q.ess_bulk for q in verdict.quantities if q.name.startswith("quality[")), default=float(verdict.draws))


def _decision(read: Reading, verdict: Verdict, linked: tuple[tuple[str, ...], ...], threshold: float) -> Decision:
    """What the rules say of the posterior, once the gate lets it through."""
    if verdict.level == "refuse":
        return Decision("refuse", reason=" ".join(verdict.reasons))
    if len(linked) > 1:
        groups = "; ".join(", ".join(group) for group in linked)
        return Decision(
            "refuse",
            reason=f"The variants fall into groups that share no item and no rater ({groups}): they cannot be ranked.",
        )
    if len(read.data.variants) == 1:
        return Decision("collect", reason="Only one variant was rated, so there is nothing to choose between.")
    found = read.found
    said = first(
        read.rules,
        Evidence(
            prob_best=found.prob_best[None],
            prob_superior=found.prob_superior[None],
            expected_loss=found.expected_loss[None],
            prob_equivalent=np.atleast_1d(found.prob_equivalent),
            dollars=np.zeros(1),
            ratings=np.zeros(1, dtype=np.int64),
            days=np.zeros(1),
            control=read.control,
        ),
    )
    if said.decision[0] == CONTINUE:
        return Decision(
            "collect", reason=f"No variant reaches a probability of {100 * threshold:g} % of being the best."
        )
    fired, variant = read.rules[int(said.rule[0])], int(said.variant[0])
    name = cast("DecisionName", DECISIONS[int(said.decision[0])])
    launched = read.data.variants[variant] if variant >= 0 else None
    return Decision(name, launched, fired.question, getattr(fired, "threshold", None))


def _variant(read: Reading, v: int) -> VariantFacts:
    effect = read.quality[:, v] - read.quality[:, read.baseline]
    other = v != read.baseline
    return VariantFacts(
        name=read.data.variants[v],
        quality=read.interval(read.quality[:, v]),
        effect=read.interval(effect) if other else None,
        effect_sd=float(effect.std(ddof=1)) if other else None,
        prob_best=float(read.found.prob_best[v]),
        prob_better=float((read.sign * effect > 0).mean()) if other else None,
        expected_loss=float(read.found.expected_loss[v]),
        outputs=int((read.data.output_variant == v).sum()),
    )


def _evaluators(read: Reading) -> tuple[EvaluatorFacts, ...]:
    data = read.data
    has_shift = estimated(read.tree, "shift").any(axis=1) & np.ones(len(data.evaluators), dtype=bool)
    sd_shift = float(read.draws("sd_shift").mean())
    counts = np.bincount(data.evaluator, minlength=len(data.evaluators))
    return tuple(
        EvaluatorFacts(
            name=name,
            kind=data.kinds[k],
            raters=int((data.rater_evaluator == k).sum()),
            ratings=int(counts[k]),
            usd=float(counts[k]) * read.prices[name] if name in read.prices else None,
            shift_sd=sd_shift if has_shift[k] else None,
        )
        for k, name in enumerate(data.evaluators)
    )


def _spent(read: Reading) -> float | None:
    """Dollars spent on ratings, where every evaluator has a price."""
    if any(name not in read.prices for name in read.data.evaluators):
        return None
    counts = np.bincount(read.data.evaluator, minlength=len(read.data.evaluators))
    return float(sum(n * read.prices[name] for n, name in zip(counts, read.data.evaluators, strict=True)))


def _shift_scenarios(read: Reading, given: Components) -> tuple[tuple[str, float, float], ...]:
    """The leader's lead if judges' tastes varied half and twice as much; empty without judges, or where there is no lead."""
    leader, baseline, names = read.leader, read.baseline, read.data.variants
    if not given.sd_shift.any() or leader == baseline:
        return ()
    rows = []
    for amount, factor in (("half", 0.5), ("twice", 2.0)):
        components = replace(given, sd_shift=given.sd_shift * factor)
        state, places = state_of(read.data, components)
        quality = quality_marginals(state, components, places)
        lead, sd = superiority.contrast(quality.mean[0], quality.cov[0], leader, baseline)
        words = f"If judges' tastes for a variant varied {amount} as much, {names[leader]} against {names[baseline]}"
        rows.append((words, float(lead), float(ndtr(read.sign * lead / sd))))
    return tuple(rows)


def _further(read: Reading, given: Components) -> tuple[Further, ...]:
    """What further ratings of each kind would bring, for the variants that may still be best."""
    state, places = state_of(read.data, given)
    hopeful = set(np.flatnonzero(read.found.prob_best >= HOPEFUL).tolist()) | {read.leader, read.baseline}
    question = Question(
        state=state,
        components=given,
        places=places,
        rules=read.rules,
        contenders=tuple(sorted(hopeful)),
        control=read.control,
        min_effect=read.min_effect,
        rope=read.rope,
        higher_is_better=read.ratings.higher_is_better,
    )
    names = read.data.evaluators
    question, kinds = kinds_of_ratings(question, names=names, kinds=read.data.kinds, reference=given.reference)
    if all(name in read.prices for name in names):
        kinds = tuple(replace(k, usd_per_rating=tuple(read.prices[names[e]] for e in k.evaluators)) for k in kinds)
    return further_ratings(question, kinds)


def _passed(verdict: Verdict) -> str:
    return (
        f"{verdict.chains} chains of {verdict.draws:,} draws agree (worst R-hat {verdict.worst_r_hat:.3f}), the smallest effective "
        f"sample size is {verdict.worst_ess:,.0f}, no draw diverged."
    )


def _priors(tree: xr.DataTree) -> str:
    priors, width = json.loads(tree.attrs["priors"]), json.loads(tree.attrs["scale"])["width"]
    return (
        f"Prior: variants differ with an SD of {priors['sd_variant'] * width:.3g} points, judges' tastes for a variant by about "
        f"{priors['sd_shift'] * width:.3g}, severities by about {priors['sd_rater'] * width:.3g}, tastes of persons by about "
        f"{priors['sd_taste'] * width:.3g}."
    )
