"""What most deserves doubt about an answer, in a sentence; `risks` tells all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.wording import FEW_PEOPLE, best_other, known_to, said_single

if TYPE_CHECKING:
    from expsim_bayes.facts import Facts

LENIENT = 0.05
"""False launches above which a rule is called lenient."""


def what_may_be_wrong(facts: Facts) -> str:
    """What most deserves doubt, in a sentence.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> what_may_be_wrong(of_experiment(play(load("summarization-prompts"), random_seed=1)))
    'The judge may favour a variant as such: how far is learned only from the outputs that people rated too.'
    """
    if facts.decision.name == "refuse":
        return (
            "Everything: the numbers of this fit may be far from what the ratings say."
            if failed(facts)
            else "Any comparison between the groups: the ratings hold nothing that links them."
        )
    if not facts.variants:
        return "Nothing was decided, so nothing can be wrong yet."
    if facts.fit is not None and facts.fit.verdict == "caution":
        return (
            "The fit passes its own checks only in part, so take its probabilities as rough: the full report says why."
        )
    if found := said_single(facts) or _of_those_who_rated(facts):
        return found
    other = best_other(facts)
    if other is None or not other.effect_sd:
        return "The items that were rated may differ from those in use."
    return f"{known_to(facts, other)}, and the items that were rated may differ from those in use."


def failed(facts: Facts) -> bool:
    """Whether it is the fit that is refused, rather than a comparison of variants that nothing links."""
    return facts.fit is None or facts.fit.verdict == "refuse"


def _of_those_who_rated(facts: Facts) -> str:
    """What their number, their tastes or their scores leave in doubt; empty where nothing stands out."""
    people = [e for e in facts.evaluators if e.kind == "human" and e.ratings]
    judges = [e for e in facts.evaluators if e.kind != "human" and e.ratings]
    fit = facts.fit
    if judges and not people:
        name = max(judges, key=lambda e: e.ratings).name
        return f"No person has rated: what {name} likes as such cannot be told from quality."
    if fit is not None and fit.checks_failed:
        return f"The model misses {fit.checks_failed} of {len(fit.checks)} features of the ratings: take intervals as approximate."
    if facts.false_launch is not None and facts.false_launch.value - 2 * facts.false_launch.mcse > LENIENT:
        return f"The rule is lenient: it launches one of several equal variants in {100 * facts.false_launch.value:.0f} % of experiments."
    few = [e.raters for e in people if e.raters > 1 and not e.anonymous]
    if few and sum(few) <= FEW_PEOPLE:
        return f"Only {sum(few)} people rated: their common taste stays in the answer."
    if people and judges:
        judge = "The judge" if len(judges) == 1 else "Judges"
        return f"{judge} may favour a variant as such: how far is learned only from the outputs that people rated too."
    return ""
