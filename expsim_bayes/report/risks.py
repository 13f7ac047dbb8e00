"""What could be wrong with an answer, point by point: peeking, tastes of judges, few people, guardrails, the model, the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.amounts import count, gap, listed, sentence
from expsim_bayes.report.document import Bullets, Paragraph
from expsim_bayes.wording import FEW_PEOPLE, left_out, said_faults, said_single

if TYPE_CHECKING:
    from expsim_bayes.facts import Facts


def risks(facts: Facts) -> Bullets:
    """Every risk that was looked at, also where nothing was found; where nothing is compared, none of a launch.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> [point.label for point in risks(of_experiment(play(load("summarization-prompts"), random_seed=1))).points]
    ['Peeking', 'Judges', 'Guardrails', 'Model']
    """
    points = [("People", _people(facts)), ("Model", _model(facts)), ("Data", _data(facts))]
    if facts.variants:
        points = [
            ("Peeking", _peeking(facts)),
            ("Judges", _judges(facts)),
            points[0],
            ("Guardrails", _guardrails(facts)),
            *points[1:],
        ]
    return Bullets(tuple(Paragraph(text, label) for label, text in points if text))


def _peeking(facts: Facts) -> str:
    if facts.looks is None:
        return (
            "How often the ratings were looked at before they were complete is not declared; looking often, and stopping when it looks "
            "good, makes false launches likelier."
        )
    planned = f" of {count(facts.looks_planned)}" if facts.looks_planned else ""
    if facts.false_launch is None:
        return f"This is look {count(facts.looks)}{planned}; how often the rule launches something when all are equal was not counted."
    planned_looks = facts.looks_planned or facts.looks
    return (
        f"With {count(planned_looks)} look{'' if planned_looks == 1 else 's'} this rule launches a variant that is no better than the "
        f"control in {100 * facts.false_launch.value:.1f} % of experiments in which all are equal, give or take "
        f"{100 * 2 * facts.false_launch.mcse:.1f}."
    )


def _judges(facts: Facts) -> str:
    judges = [e for e in facts.evaluators if e.kind != "human" and e.ratings]
    people = [e for e in facts.evaluators if e.kind == "human" and e.ratings]
    if not judges:
        return "No judge rated, so none could favour a variant." if people else ""
    tastes = {e.name: gap(e.shift_sd, facts.unit) for e in judges if e.shift_sd}
    alike = f"{next(iter(tastes.values()))} each" if len(tastes) > 1 and len(set(tastes.values())) == 1 else ""
    size = f" (SD of that taste: {alike or listed([' '.join(one) for one in tastes.items()])})" if tastes else ""
    if people:
        return (
            f"How far a judge favours a variant as such is learned from the outputs that people rated too{size}; with few variants it "
            "rests partly on what was believed beforehand."
        )
    like = f"{listed([e.name for e in judges])} {'like' if len(judges) > 1 else 'likes'}"
    return (
        f"No person has rated: what {like} about a variant as such cannot be told from quality{size}, and no number of such ratings will "
        "change that."
    )


def _people(facts: Facts) -> str:
    few = [
        e
        for e in facts.evaluators
        if e.kind == "human" and 1 <= e.raters <= FEW_PEOPLE and e.ratings and not e.anonymous
    ]
    if not few:
        return ""
    if single := said_single(facts):
        return single
    total = sum(e.raters for e in few)
    return f"Only {count(total)} people rated, and a few people are not the public: their common taste stays in the answer."


def _guardrails(facts: Facts) -> str:
    barred, faults = left_out(facts), said_faults(facts)
    if barred:
        breaks = f"{listed(barred)} {'break' if len(barred) > 1 else 'breaks'} the limit on {facts.limits}."
        return f"{breaks} {faults}".strip()
    if faults:
        return faults
    if facts.fit is not None:
        return "A fit of ratings knows no limits on cost, latency or faults; check them before a launch."
    return (
        f"No variant breaks a limit on {facts.limits}."
        if facts.limits
        else "No limit is set on cost, latency or faults."
    )


def _model(facts: Facts) -> str:
    fit = facts.fit
    if fit is None:
        return "These ratings are simulated: the model that decides is the story that made them. Real raters may behave otherwise."
    if fit.verdict == "refuse":
        return "The fit failed its checks."
    caution = "The sampler's diagnostics pass only in part. " if fit.verdict == "caution" else ""
    if not fit.checks:
        return f"{caution}How well the model reproduces the ratings was not checked.".strip()
    if not fit.checks_failed:
        return f"{caution}The model reproduces all {count(len(fit.checks))} features of the ratings that were checked."
    return (
        f"{caution}The model misses {count(fit.checks_failed)} of {count(len(fit.checks))} features of the ratings that were checked: take "
        "intervals and probabilities as approximate."
    )


def _data(facts: Facts) -> str:
    """The first warnings about the data, as sentences."""
    warned = [notice.removeprefix("warning: ") for notice in facts.notices if notice.startswith("warning")]
    return " ".join(sentence(text) for text in warned[:3])
