"""Facts of every situation a report may be about, from simulated experiments; nothing here samples."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from expsim_bayes.experiment import play
from expsim_bayes.facts import Compared, Decision, Facts, FitFacts, Interval, PlainMean, PriorFacts, RaterFacts, Spread
from expsim_bayes.operating_characteristics import Estimate
from expsim_bayes.recommend import of_experiment
from expsim_bayes.scenario import load

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '#read("/etc/passwd") $x^2$ *b* @cite <label>',
    "\\input{/etc/passwd} \\textbf{%} {{ 7*7 }}",
    "=cmd|' /C calc'!A0 | [x](javascript:1) `$HOME`",
    "x" * 10_000,
    "🚀 v2 👩‍👩‍👧",
    "مرحبا بالعالم",
    "\u202eevil\x1b[2J\n\x00",
)
"""Names that would be markup somewhere, or that do not end, or that turn around what follows."""


@cache
def launch() -> Facts:
    """A clear winner, with judge and people."""
    facts = of_experiment(play(load("summarization-prompts"), random_seed=1))
    return replace(facts, false_launch=Estimate(0.042, 0.0095))


@cache
def guarded() -> Facts:
    """A faster model that breaks its limit on faults."""
    return of_experiment(play(load("faster-model"), random_seed=1))


def shares() -> Facts:
    """Comparisons side by side: quality is a share."""
    facts = launch()

    def share(value: Interval) -> Interval:
        return Interval(value.mean / 6, value.low / 6, value.high / 6)

    variants = tuple(
        replace(v, quality=share(v.quality), effect=None if v.effect is None else share(v.effect))
        for v in facts.variants
    )
    return replace(facts, variants=variants, unit="share", rated="comparison", score_range=None)


def fitted(facts: Facts, **more: object) -> Facts:
    """The same as a fit of real ratings."""
    names = [v.name for v in facts.variants]
    fit = FitFacts(
        verdict="ok",
        verdict_reasons=(
            "4 chains of 1,500 draws agree (worst R-hat 1.003), the smallest effective sample size is 2,104.",
        ),
        raters=(
            RaterFacts("ann", "crowd", Interval(-0.41, -0.62, -0.2), 31),
            RaterFacts("bob", "crowd", Interval(0.33, 0.12, 0.54), 29),
        ),
        shifts=(("judge", names[0], Interval(0.11, -0.13, 0.36)),),
        scale_use=(("judge", Interval(0.62, 0.51, 0.74)),),
        spreads=(Spread("spread between items (sd_item)", Interval(0.47, 0.35, 0.61), "points"),),
        plain_means=tuple(PlainMean(name, 3.1 + 0.2 * n, 0.07, 0.25 + 0.5 * n) for n, name in enumerate(names[:2])),
        rank_correlation=0.91,
        checks_failed=1,
        checks=("The mean score is reproduced.", "The share of the highest score is missed."),
        compared=(
            Compared("mean", 3.4, 3.3, 3.5, reproduced=True),
            Compared("highest", 0.31, 0.12, 0.22, reproduced=False),
        ),
        priors=(
            PriorFacts(
                "sd_item",
                "spread between items (sd_item)",
                "half-normal, scale 0.6 points",
                "up to 1.2 points",
                0.6,
                "points",
            ),
            PriorFacts(
                name="sd_variant",
                what="spread between variants (sd_variant)",
                form="normal, SD 0.5 points (not estimated)",
                likely="± 0.98 points",
                value=0.5,
                unit="points",
                asked=True,
                default="normal, SD 0.4 points (not estimated)",
            ),
        ),
    )
    found = replace(
        facts,
        title="ratings.csv: 2 variants, 360 ratings",
        source="ratings.csv",
        looks=None,
        false_launch=None,
        ended_right=None,
        usd=None,
        usd_generation=None,
        days=None,
        story="",
        sources=(),
        provenance=(("command", "expsim fit ratings.csv"), ("SHA-256 of the data", "ab" * 32), ("random seed", "7")),
        fit=fit,
    )
    return replace(found, **more)  # type: ignore[arg-type]


def leaning() -> Facts:
    """A leader, but not clearly enough: more ratings are asked for."""
    facts = launch()
    further = tuple(f._replace(ratings=400 + 100 * n, usd=61.5 + n, days=2.4) for n, f in enumerate(facts.further))
    variants = tuple(
        replace(v, effect=Interval(0.12, -0.05, 0.29), prob_better=0.917, prob_best=0.917)
        if v.effect is not None
        else replace(v, prob_best=0.083)
        for v in facts.variants
    )
    return replace(facts, decision=Decision("collect", reason="No rule fired."), variants=variants, further=further)


def equivalent() -> Facts:
    """No difference that matters."""
    return replace(launch(), decision=Decision("stop_equivalent"), rope=0.15, prob_equivalent=0.961)


def judge_limited() -> Facts:
    """Only a judge rated, and more of its ratings will not help."""
    facts = leaning()
    further = tuple(
        f._replace(
            ratings=None,
            usd=None,
            days=None,
            hundred=None if f.hundred is None else f.hundred._replace(prob_decides=0.021),
            week=None if f.week is None else f.week._replace(prob_decides=0.021),
        )
        for f in facts.further
        if f.label == "judge ratings"
    )
    judges = tuple(e for e in facts.evaluators if e.kind != "human")
    return replace(facts, evaluators=judges, further=further)


def refused() -> Facts:
    """A fit that fails its gate; its variants are there to see that nothing of them is shown."""
    reasons = (
        "Chains disagree on quality[B]: the worst R-hat is 1.23 (at most 1.05 is allowed).",
        "37 draws diverged.",
    )
    facts = fitted(launch())
    assert facts.fit is not None
    return replace(
        facts,
        decision=Decision("refuse", reason=" ".join(reasons)),
        further=(),
        fit=FitFacts("refuse", reasons),
    )


def unlinked() -> Facts:
    """A fit that is fine, of variants that nothing links."""
    facts = fitted(launch())
    assert facts.fit is not None
    reason = "The variants fall into groups that share no item and no rater (A; B): they cannot be ranked."
    return replace(facts, decision=Decision("refuse", reason=reason), further=(), variants=())


def too_few() -> Facts:
    """A single variant, of which there is nothing to say but its level."""
    facts = fitted(launch())
    assert facts.fit is not None
    only = tuple(replace(v, effect=None, effect_sd=None, prob_better=None, prob_best=1.0) for v in facts.variants[:1])
    return replace(
        facts,
        decision=Decision("collect", reason="Only one variant was rated, so there is nothing to choose between."),
        variants=only,
        leader=only[0].name,
        baseline=only[0].name,
        further=(),
        ratings=1,
        fit=replace(facts.fit, plain_means=(), rank_correlation=None),
    )


def no_variants() -> Facts:
    """Nothing is compared: no variants are named."""
    facts = fitted(launch())
    assert facts.fit is not None
    return replace(
        facts,
        decision=Decision("collect", reason="No variants are named, so there is nothing to choose between."),
        variants=(),
        leader="",
        baseline="",
        control=None,
        prob_equivalent=None,
        further=(),
        fit=replace(facts.fit, plain_means=(), rank_correlation=None, shifts=()),
    )


def one_rater() -> Facts:
    """A single person rated."""
    facts = fitted(launch())
    people = tuple(replace(e, raters=1) for e in facts.evaluators if e.kind == "human")
    return replace(facts, evaluators=people)


def lower_is_better() -> Facts:
    """The winner makes fewer errors."""
    facts = launch()
    variants = tuple(
        replace(v, effect=Interval(-v.effect.mean, -v.effect.high, -v.effect.low)) if v.effect is not None else v
        for v in facts.variants
    )
    return replace(facts, variants=variants, higher_is_better=False)


SITUATIONS: dict[str, Callable[[], Facts]] = {
    "clear winner": launch,
    "leaning": leaning,
    "equivalent": equivalent,
    "judge-limited": judge_limited,
    "guardrail broken": guarded,
    "shares": shares,
    "invalid fit": refused,
    "variants that nothing links": unlinked,
    "too few data": too_few,
    "no variants": no_variants,
    "one rater": one_rater,
    "lower is better": lower_is_better,
}
"""Every situation by its name."""


def renamed(facts: Facts, new: str) -> Facts:
    """The same facts with another name for the leader, the title, the notices and an evaluator."""
    old = facts.leader

    def named(name: str | None) -> str | None:
        return new if name == old else name

    fit = facts.fit
    if fit is not None:
        fit = replace(
            fit,
            raters=tuple(replace(r, name=f"{new} {n}") for n, r in enumerate(fit.raters)),
            plain_means=tuple(replace(p, name=named(p.name) or "") for p in fit.plain_means),
            shifts=tuple((new, named(name) or "", value) for _, name, value in fit.shifts),
        )
    return replace(
        facts,
        title=new,
        story=new,
        source=new,
        leader=new,
        baseline=named(facts.baseline) or "",
        control=named(facts.control),
        decision=replace(facts.decision, variant=named(facts.decision.variant)),
        variants=tuple(replace(v, name=named(v.name) or "") for v in facts.variants),
        evaluators=tuple(replace(e, name=f"{new} {n}") for n, e in enumerate(facts.evaluators)),
        notices=(new,),
        fit=fit,
    )
