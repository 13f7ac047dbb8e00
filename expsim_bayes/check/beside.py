"""What checks found that set one posterior beside another, or beside the truth at a stop, turned into a verdict, sentences and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.check.outcome import Outcome, Table
from expsim_bayes.check.summaries import capitalised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.check.agreement import Agreement
    from expsim_bayes.check.engines import Apart
    from expsim_bayes.check.looks import Held
    from expsim_bayes.check.outcome import Value
    from expsim_bayes.check.verdict_engines import Judged

AXES = (
    "Averages over components are taken axis by axis here, as many experiments at once need it. Against fits of the same ratings over "
    "weighted points"
)
"""What is rough about experiments with scores, and what they are held against."""

QUALITIES = "means of qualities and of their differences within .1 posterior SD, their SDs within 10 %"
"""What two posteriors must agree in."""
DISTANCES = {
    "design": "",
    "ratings": ",d",
    "numbers": "d",
    "means apart (SD)": ".3f",
    "SDs apart": ".3f",
    "others' means apart (SD)": ".3f",
    "largest at": "",
    "P(best) apart": ".4f",
    "its Monte-Carlo error": ".4f",
}
"""How far apart they are, in the columns of a table."""


def _agreeing(found: Sequence[Agreement] | Sequence[Apart] | Sequence[Judged], limits: str) -> tuple[bool, list[str]]:
    """Whether all data sets agree, how many do, and what is farthest apart, without a full stop."""
    good = sum(one.passed for one in found)
    apart = [(one.mean_apart, one.sd_apart, one.prob_best_apart) for one in found]
    mean, sd, best = (max(values) for values in zip(*apart, strict=True))
    return good == len(found), [
        f"{good} of {len(found)} data sets agree: {limits}, probabilities of being best within .02 beyond their Monte-Carlo error.",
        f"Largest differences: {mean:.3f} SD of a mean, {100 * sd:.1f} % of an SD, {best:.4f} of a probability of being best",
    ]


def of_agreement(found: Sequence[Agreement]) -> Outcome:
    """Of NUTS against the fast posterior.

    Parameters
    ----------
    found : sequence of Agreement
        One a data set.
    """
    from expsim_bayes.check.agreement import DRAWS

    good, said = _agreeing(found, "means within .1 posterior SD, SDs within 10 %")
    columns = {
        "design": "",
        "ratings": ",d",
        "effects": "d",
        "means apart (SD)": ".3f",
        "SDs apart": ".3f",
        "largest at": "",
        "P(best) apart": ".4f",
        "its Monte-Carlo error": ".4f",
        "divergences": "d",
    }
    rows: tuple[tuple[Value, ...], ...] = tuple(tuple(one) for one in found)
    table = Table("Data sets", columns, rows)
    return Outcome(good, len(found), (said[0], f"{said[1]}."), (table,), {"chains": 4, "draws": DRAWS})


def of_apart(found: Sequence[Apart]) -> Outcome:
    """Of fits with a sampler and without.

    Parameters
    ----------
    found : sequence of Apart
        One a data set.
    """
    draws = min(one.draws for one in found)
    good, said = _agreeing(found, QUALITIES)
    said[1] += _others(found)
    longer = sum(one.draws > draws for one in found)
    if longer:
        said.append(
            f"NUTS ran longer on {longer} of them, and from other starts where its chains still disagreed: after {draws:,} draws a "
            "chain its own verdict refused it, or asked for caution and something differed."
        )
    doubted = [one for one in found if not one.verdicts.endswith(", ok")]
    if doubted:
        worst = max(doubted, key=lambda one: one.others_apart)
        said.append(
            f"Fits without a sampler that ask for caution, as a few weights are too large for how many they are: {len(doubted)}; what "
            f"differs most there is {worst.where}, by {worst.others_apart:.2f} SD."
        )
    columns = {**DISTANCES, "verdicts": "", "k-hat": ".2f", "draws of NUTS": ",d"}
    rows: tuple[tuple[Value, ...], ...] = tuple(tuple(one) for one in found)
    table = Table("Data sets", columns, rows)
    return Outcome(good, len(found), tuple(said), (table,), {"chains": 4, "draws": draws})


def of_judged(found: Sequence[Judged]) -> Outcome:
    """Of verdicts of raters who err, by weighted points and by NUTS.

    Parameters
    ----------
    found : sequence of Judged
        One an experiment.
    """
    from expsim_bayes.check.verdict_engines import CHAINS, DRAWS

    good, said = _agreeing(found, QUALITIES)
    said[1] += _others(found)
    rows: tuple[tuple[Value, ...], ...] = tuple(tuple(one) for one in found)
    table = Table("Data sets", {**DISTANCES, "NUTS": "", "points are worth": ",.0f"}, rows)
    return Outcome(good, len(found), tuple(said), (table,), {"chains": CHAINS, "draws": DRAWS})


def _others(found: Sequence[Apart] | Sequence[Judged]) -> str:
    """How far apart they are in what no decision hangs on."""
    return f"; of anything else, {max(one.others_apart for one in found):.3f} SD of a mean."


def of_held(found: Sequence[Held], against: str = AXES) -> Outcome:
    """Of intervals at the stop.

    Parameters
    ----------
    found : sequence of Held
        One a kind of experiment.
    against : str
        What is rough about the posterior, and what it was held against.
    """
    bad = [one.design for one in found if not one.passed]
    mean, sd = max(one.mean_apart for one in found), max(one.sd_apart for one in found)
    apart = (
        f"{against}, the difference of two variants is off by up to {mean:.2f} SD and its SD by up to {100 * sd:.0f} %, in the root "
        "mean square of a design."
    )
    shares = [share for one in found for share in (one.of_effects, one.of_quality)]
    said = (
        f"intervals of 95 % hold the truth too seldom or too often in: {'; '.join(bad)}."
        if bad
        else f"intervals of 95 % hold the truth in {100 * min(shares):.1f} to {100 * max(shares):.1f} % of experiments.",
        apart,
    )
    columns = {
        "experiment": "",
        "experiments": ",d",
        "mean looks": ".1f",
        "intervals that hold the difference": ".3f",
        "intervals that hold the quality": ".3f",
        "means apart (SD, root mean square)": ".3f",
        "SDs apart (root mean square)": ".3f",
    }
    rows: tuple[tuple[Value, ...], ...] = tuple(tuple(one) for one in found)
    return Outcome(not bad, found[0].experiments, capitalised(said), (Table("Experiments", columns, rows),))
