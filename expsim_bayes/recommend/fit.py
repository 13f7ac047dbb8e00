"""A fit of real ratings, by whichever model, to the facts of its recommendation.

The gate comes first: a fit that is refused yields no probability. Then the same rules that stop an experiment decide, and `forecast` says
what further ratings would bring.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import numpy as np

from expsim_bayes import superiority
from expsim_bayes.diagnostics import Verdict
from expsim_bayes.facts import CI_PROB, Compared, Decision, EvaluatorFacts, Facts, FitFacts, VariantFacts
from expsim_bayes.posterior.fitted import stacked
from expsim_bayes.predictive import PredictiveCheck, check_predictions
from expsim_bayes.ratings import describe, taking_part
from expsim_bayes.ratings.wording import count
from expsim_bayes.recommend import plain, reading
from expsim_bayes.recommend.forecast import forecast
from expsim_bayes.recommend.measures import measures, nobody
from expsim_bayes.recommend.priors import priors
from expsim_bayes.recommend.reading import Reading
from expsim_bayes.stopping import CONTINUE, DECISIONS, evidence_of_one, first, of_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from expsim_bayes.facts import DecisionName
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.stopping import Rule

THRESHOLD = 0.95
"""Probability of being best, or of no difference that matters, that a fit must give before anything is recommended."""
ROWS = {"score": "rating", "comparison": "comparison", "ranking": "ranking", "operations": "call"}
"""What a row of each kind of table is called."""
UNLINKED = {
    "score": "share no item and no rater",
    "comparison": "no comparison links",
    "ranking": "no ranking links",
    "operations": "nothing links",
}
"""Why groups of variants cannot be compared."""
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
    min_effect: float | None = None,
    rope: float | None = None,
    threshold: float = THRESHOLD,
    prices: Mapping[str, float] | None = None,
    ci_prob: float | None = None,
    plan_further: bool = True,
    why_model: str = "",
) -> Facts:
    """Facts of a fit.

    Parameters
    ----------
    tree : xarray.DataTree
        From `fit.fit`, by any model.
    ratings : Ratings
        The ratings that were fitted.
    min_effect : float, optional
        Smallest difference that matters, in the unit of quality: points, a share (.05 is 5 percentage points), dollars or seconds; what
        the fit was told unless given.
    rope : float, optional
        Width of equivalence, in the unit of quality; `min_effect` unless told.
    threshold : float
        Probability that is asked for before a variant is recommended.
    prices : mapping, optional
        Dollars a rating by evaluator.
    ci_prob : float, optional
        Probability of the intervals; what the fit was told unless given.
    plan_further : bool
        Also compute what further ratings would bring.
    why_model : str
        Why this model was chosen, where it was not asked for.
    """
    settings = json.loads(str(tree.attrs["settings"]))
    min_effect = settings.get("min_effect", 0.0) if min_effect is None else min_effect
    ci_prob = settings.get("ci_prob", CI_PROB) if ci_prob is None else ci_prob
    width = min_effect if rope is None else rope
    rules = of_all(threshold=threshold, rope=width)
    read = _read(tree, ratings, rules=rules, min_effect=min_effect, rope=width, prices=prices or {}, ci_prob=ci_prob)
    who, found, names = read.who, read.found, read.who.variants
    description, verdict = describe(ratings), Verdict.from_json(tree.attrs["verdict"])
    decision = _decision(read, verdict, description.components, threshold)
    shown = decision.name != "refuse"
    compared = read.compares
    further, scenarios = forecast(read) if plan_further and shown and len(names) > 1 else ((), ())
    means = plain.plain_means(read) if shown and compared else ()
    checks = check_predictions(tree, score_range=ratings.score_range)
    noun = ROWS[ratings.outcome]
    return Facts(
        title=f"{ratings.source}: {count(len(names), 'variant') + ', ' if compared else ''}{count(who.total, noun)}",
        source=ratings.source,
        decision=decision,
        variants=tuple(_variant(read, int(v)) for v in read.order) if shown and compared else (),
        evaluators=_evaluators(read),
        baseline=names[read.baseline] if compared else "",
        leader=names[read.leader] if compared else "",
        control=ratings.control,
        higher_is_better=read.higher_is_better,
        score_range=ratings.score_range,
        ci_prob=ci_prob,
        min_effect=min_effect,
        rope=width,
        prob_equivalent=float(found.prob_equivalent) if shown and compared else None,
        mcse=float(found.mcse),
        ratings=who.total,
        model=read.model,
        why_model=why_model,
        unit=read.unit,
        about=read.about,
        rated=noun,
        usd=_spent(read),
        further=further,
        threshold=threshold,
        notices=(*ratings.notices, *description.warnings),
        provenance=tuple((words, str(tree.attrs[key])) for words, key in PROVENANCE.items()),
        fit=FitFacts(
            verdict=verdict.level,
            verdict_reasons=verdict.reasons or (_passed(verdict, exact=tree.attrs["model"] == "continuous"),),
            sampled=not verdict.points,
            raters=reading.raters(read) if shown else (),
            shifts=reading.shifts(read) if shown else (),
            scale_use=reading.scale_use(read) if shown else (),
            spreads=reading.spreads(read) if shown else (),
            measures=measures(read) if shown else (),
            plain_means=means,
            rank_correlation=plain.rank_correlation(read, means),
            shift_scenarios=scenarios,
            terms=tuple(json.loads(tree.attrs["terms"])),
            checks_failed=sum(not check.reproduced for check in checks),
            checks=tuple(check.sentence for check in checks),
            compared=tuple(_compared(check) for check in checks),
            priors=priors(tree),
        ),
    )


def _compared(check: PredictiveCheck) -> Compared:
    return Compared(check.name, check.observed, check.low, check.high, check.reproduced)


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
    who = taking_part(ratings)
    quality = stacked(tree, "quality") if "quality" in tree["posterior"] else np.zeros((2, len(who.variants)))
    control = None if ratings.control is None else who.variants.index(ratings.control)
    higher = reading.direction(tree, ratings)
    found = superiority.from_draws(
        quality,
        control=control,
        min_effect=min_effect,
        rope=rope,
        higher_is_better=higher,
        ess=_effective_draws(Verdict.from_json(tree.attrs["verdict"])),
    )
    order = np.argsort((-1.0 if higher else 1.0) * quality.mean(axis=0), kind="stable")
    baseline = control if control is not None else int(order[min(1, order.size - 1)])
    return Reading(tree, ratings, who, quality, found, order, baseline, rules, min_effect, rope, prices, ci_prob)


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
            reason=f"The variants fall into groups that {UNLINKED[read.ratings.outcome]} ({groups}): they cannot be ranked.",
        )
    if not read.compares:
        return Decision("collect", reason="No variants are named, so there is nothing to choose between.")
    if len(read.who.variants) == 1:
        return Decision("collect", reason="Only one variant was rated, so there is nothing to choose between.")
    found = read.found
    said = first(
        read.rules,
        evidence_of_one(found, control=read.control),
    )
    if said.decision[0] == CONTINUE:
        return Decision(
            "collect", reason=f"No variant reaches a probability of {100 * threshold:g} % of being the best."
        )
    fired, variant = read.rules[int(said.rule[0])], int(said.variant[0])
    name = cast("DecisionName", DECISIONS[int(said.decision[0])])
    launched = read.who.variants[variant] if variant >= 0 else None
    return Decision(name, launched, fired.question, getattr(fired, "threshold", None))


def _variant(read: Reading, v: int) -> VariantFacts:
    effect = read.quality[:, v] - read.quality[:, read.baseline]
    other = v != read.baseline
    return VariantFacts(
        name=read.who.variants[v],
        quality=read.interval(read.quality[:, v]),
        effect=read.interval(effect) if other else None,
        effect_sd=float(effect.std(ddof=1)) if other else None,
        prob_best=float(read.found.prob_best[v]),
        prob_better=float((read.sign * effect > 0).mean()) if other else None,
        expected_loss=float(read.found.expected_loss[v]),
        outputs=int(read.who.by_variant[v]),
    )


def _evaluators(read: Reading) -> tuple[EvaluatorFacts, ...]:
    who, tastes = read.who, reading.shift_sds(read)
    return tuple(
        EvaluatorFacts(
            name=name,
            kind=who.kinds[k],
            raters=int((who.rater_evaluator == k).sum()),
            ratings=int(who.by_evaluator[k]),
            usd=float(who.by_evaluator[k]) * read.prices[name] if name in read.prices else None,
            shift_sd=tastes.get(name),
            anonymous=nobody(read) or who.kinds[k] in read.ratings.anonymous_kinds,
        )
        for k, name in enumerate(who.evaluators)
    )


def _spent(read: Reading) -> float | None:
    """Dollars spent on ratings, where every evaluator has a price."""
    who = read.who
    if not who.evaluators or any(name not in read.prices for name in who.evaluators):
        return None
    return float(sum(n * read.prices[name] for n, name in zip(who.by_evaluator, who.evaluators, strict=True)))


def _passed(verdict: Verdict, *, exact: bool) -> str:
    """Why a fit may be believed; given standard deviations, effects are normal and drawn exactly only where ratings are."""
    if verdict.points:
        draws = f"{verdict.chains * verdict.draws:,} draws, worth at least {verdict.worst_ess:,.0f} independent ones"
        how = "exactly" if exact else "near where it is likeliest, and weighed"
        shape = "" if verdict.k_hat is None else f" (Pareto k-hat {verdict.k_hat:.2f}, at most {verdict.good_k:.2f})"
        if verdict.points == 1:
            return f"Fitted without a sampler, {how}{shape}: {draws}."
        return (
            f"Fitted without a sampler: standard deviations averaged over {verdict.points:,} weighted points{shape}, everything else "
            f"drawn {how}; {draws}."
        )
    return (
        f"{verdict.chains} chains of {verdict.draws:,} draws agree (worst R-hat {verdict.worst_r_hat:.3f}), the smallest effective "
        f"sample size is {verdict.worst_ess:,.0f}, no draw diverged."
    )
