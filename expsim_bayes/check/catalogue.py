"""The checks by name: what each asks, how many simulations it needs, and how it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.errors import SettingError
from expsim_bayes.models import RECIPES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from expsim_bayes.check.outcome import Outcome

    Progress = Callable[[float, str], None]


class Check(NamedTuple):
    """One check."""

    title: str
    """What it looks at."""
    question: str
    """What it asks, and how, for somebody who has never seen it."""
    simulations: int
    """How many are simulated for the record."""
    fewest: int
    """Fewer than these say nothing."""
    run: Callable[[int, int, Path | None, Progress | None], Outcome]
    """From simulations, seed, folder for work to be resumed, and progress."""


def _fast(simulations: int, seed: int, _folder: Path | None, progress: Progress | None) -> Outcome:
    from expsim_bayes.check import fast, summaries

    return summaries.of_fast(fast.check_fast(simulations, random_seed=seed, progress=progress))


def _prior(simulations: int, seed: int, _folder: Path | None, progress: Progress | None) -> Outcome:
    from expsim_bayes.check import prior_predictive, summaries

    return summaries.of_prior(prior_predictive.check_prior(simulations, random_seed=seed, progress=progress))


def _agreement(simulations: int, seed: int, _folder: Path | None, progress: Progress | None) -> Outcome:
    from expsim_bayes.check import agreement, beside

    return beside.of_agreement(agreement.check_agreement(simulations, random_seed=seed, progress=progress))


def _continuous(simulations: int, seed: int, folder: Path | None, progress: Progress | None) -> Outcome:
    from expsim_bayes.check import fits, nuts, summaries

    journal = None if folder is None else folder / "continuous.jsonl"
    found = nuts.check_nuts(simulations, random_seed=seed, file=journal, progress=progress)
    return summaries.of_continuous(found, fits.SETTINGS)


def _quick(simulations: int, seed: int, folder: Path | None, progress: Progress | None) -> Outcome:
    from expsim_bayes.check import quick, summaries

    journal = None if folder is None else folder / "scores-quick.jsonl"
    return summaries.of_quick(quick.check_quick(simulations, random_seed=seed, file=journal, progress=progress))


def _quick_votes(model: str, words: str) -> Check:
    """Calibration of fits of votes without a sampler."""

    def run(simulations: int, seed: int, folder: Path | None, progress: Progress | None) -> Outcome:
        from expsim_bayes.check import quick, summaries

        file = None if folder is None else folder / f"{model}-quick.jsonl"
        found = quick.check_quick_votes(model, simulations, random_seed=seed, file=file, progress=progress)
        return summaries.of_quick(found)

    return Check(
        f"Calibration of {words} without a sampler",
        "Truths and data sets as for the sampled model, fitted without a sampler: components averaged over weighted points, effects drawn "
        "around their modes and weighed. The rank of the truth must be uniform for every parameter, reported number and decision, and "
        "intervals must hold the truth as often as they say.",
        1_000,
        20,
        run,
    )


def _at_the_stop(what: str, unknown: str, run: Callable[[int, int, Path | None, Progress | None], Outcome]) -> Check:
    """Experiments of which nothing is given, at their stop."""
    return Check(
        f"Experiments with {what}, at their stop",
        f"Experiments are played with {unknown} drawn from what an analysis believes beforehand; it knows none of them, and estimates all "
        "anew at every look. Intervals of 95 % must hold the truth in 93 to 97 % of experiments, after all looks and at a stop that the "
        "posterior itself chose.",
        1_000,
        50,
        run,
    )


def _held(kind: str) -> Check:
    """Experiments of a kind of outcome at their stop."""

    def run(simulations: int, seed: int, _folder: Path | None, progress: Progress | None) -> Outcome:
        from expsim_bayes.check import beside, looks

        return beside.of_held(looks.check_held(looks.kinds_of(kind), simulations, random_seed=seed, progress=progress))

    return _at_the_stop(f"{kind} whose components are estimated", "qualities, levels and components", run)


def _engines(model: str, words: str, beyond: str = "") -> Check:
    """Both engines of a model, and what they are known not to agree on."""

    def run(simulations: int, seed: int, _folder: Path | None, progress: Progress | None) -> Outcome:
        from expsim_bayes.check import beside, engines

        found = engines.check_apart(model, simulations, random_seed=seed, progress=progress)
        return beside.of_apart(found)

    return Check(
        f"{words.capitalize()} without a sampler against NUTS",
        "The same ratings, nothing given, fitted with a sampler and without, on designs of many sizes and kinds. What a decision hangs "
        f"on, qualities, their differences and probabilities of being best, must agree.{beyond}",
        30,
        1,
        run,
    )


def _judged(simulations: int, seed: int, _folder: Path | None, progress: Progress | None) -> Outcome:
    from expsim_bayes.check import beside, verdict_looks

    found = verdict_looks.check_verdicts(simulations, random_seed=seed, progress=progress)
    return beside.of_held(found, verdict_looks.POINTS)


def _verdict_engines(simulations: int, seed: int, _folder: Path | None, progress: Progress | None) -> Outcome:
    from expsim_bayes.check import beside, verdict_engines

    return beside.of_judged(verdict_engines.check_judged(simulations, random_seed=seed, progress=progress))


def _mutants(simulations: int, seed: int, _folder: Path | None, progress: Progress | None) -> Outcome:
    from expsim_bayes.check import mutants, summaries

    return summaries.of_mutants(mutants.check_mutants(simulations, random_seed=seed, progress=progress))


def _imperfect_judge(simulations: int, seed: int, folder: Path | None, progress: Progress | None) -> Outcome:
    from expsim_bayes.check import imperfect_judge, summaries

    found = imperfect_judge.check_imperfect_judge(simulations, random_seed=seed, folder=folder, progress=progress)
    return summaries.of_imperfect_judge(found, imperfect_judge.SETTINGS)


def _model(name: str) -> Check:
    """Calibration of a model with a recipe."""

    def run(simulations: int, seed: int, folder: Path | None, progress: Progress | None) -> Outcome:
        from expsim_bayes.check import family, summaries

        found = family.check_family(name, simulations, random_seed=seed, folder=folder, progress=progress)
        return summaries.of_family(found, family.settings_of(name))

    return Check(
        f"Calibration of the model '{name}'",
        "Parameters and observations are drawn from the explicit model on a small design, and the model is fitted to the observations "
        "alone. The rank of the truth among its draws must be uniform for every parameter and reported number, for differences and losses, "
        "for the joint log-likelihood, and for which variant is best; and intervals must hold the truth as often as they say.",
        200,
        PROBED,
        run,
    )


def _mistakes(name: str) -> Check:
    """The wrong fits of a model with a recipe."""

    def run(simulations: int, seed: int, folder: Path | None, progress: Progress | None) -> Outcome:
        from expsim_bayes.check import mistakes, summaries

        found = mistakes.check_mistakes(name, simulations, random_seed=seed, folder=folder, progress=progress)
        return summaries.of_mutants(found, mistakes.SETTINGS)

    return Check(
        f"Wrong fits of the model '{name}' that must be rejected",
        "The fit is spoilt by one mistake at a time, in its observations, its priors or its draws, on the same data sets, and the "
        "calibration check must reject each of them, with up to four times the data sets where these are too few, and pass the fit that is "
        "right.",
        50,
        PROBED,
        run,
    )


PROBED = 20
"""Fewest data sets of a sampled model."""
CHECKS: dict[str, Check] = {
    "fast": Check(
        "Calibration of the fast posterior",
        "Experiments are played with qualities and levels drawn from what the posterior believes beforehand. Where it is right, the truth "
        "lies below its tenth percentile in a tenth of the experiments, and so on for every percentile and every quantity. That must hold "
        "after a fixed number of looks, after stopping at a time that the posterior itself chose, and where it chose who is rated.",
        10_000,
        100,
        _fast,
    ),
    "prior": Check(
        "One story, told three times",
        "Ratings drawn before any data is seen from the simulator, from the explicit PyMC model and from the prior of a fit are compared, "
        "feature by feature: means, variances, covariances of ratings that share a rater, an item or an output, and how far variants, "
        "items and raters lie apart. Each telling draws whole experiments, and differences of means are set against their standard errors.",
        4_000,
        100,
        _prior,
    ),
    "agreement": Check(
        "NUTS against the fast posterior",
        "The same ratings and the same variance components, two ways to the same answer. The fast posterior is exact then, so what differs "
        "would be a fault of the sampled model, of the recovery of effects that were integrated out, or of the fast algebra.",
        15,
        1,
        _agreement,
    ),
    "continuous": Check(
        "Calibration of the sampled model of scores",
        "Components, effects and ratings are drawn from the explicit model, and the model with items and outputs integrated out is fitted "
        "to the ratings alone. The rank of the truth among its draws must be uniform for every component and effect, for differences and "
        "losses, for the joint log-likelihood, and for which variant is best.",
        200,
        20,
        _continuous,
    ),
    "scores-quick": Check(
        "Calibration of scores without a sampler",
        "The same data sets as for the sampled model, fitted without a sampler: components averaged over weighted points, effects drawn "
        "exactly given them. The rank of the truth must be uniform for every component, effect and decision, and intervals must hold the "
        "truth as often as they say.",
        1_000,
        20,
        _quick,
    ),
    "preference-quick": _quick_votes("preference", "comparisons"),
    "ordinal-quick": _quick_votes("ordinal", "stars"),
    "ranking-quick": _quick_votes("ranking", "rankings"),
    "binary-quick": _quick_votes("binary", "verdicts"),
    "scores-engines": _engines("continuous", "scores"),
    "preference-engines": _engines("preference", "comparisons"),
    "ordinal-engines": _engines("ordinal", "stars"),
    "ranking-engines": _engines("ranking", "rankings"),
    "binary-engines": _engines(
        "binary",
        "verdicts",
        " Not among them: two people alone, on whose verdicts NUTS itself may be torn between two solutions, and two people beside a judge "
        "where nearly everything passes, where qualities were up to .2 SD apart, mostly with a caution.",
    ),
    "verdicts-engines": Check(
        "Verdicts of raters who err, by points against NUTS",
        "Experiments in which outputs pass or fail are played to their end, with raters who err as usual ones do. What the experiment then "
        "knows, from the few points that thousands of experiments at once allow, is set against NUTS on the same story, told output by "
        "output. What a decision hangs on, rates, their differences and probabilities of being best, must agree.",
        30,
        1,
        _verdict_engines,
    ),
    "scores-looks": _held("scores"),
    "stars-looks": _held("stars"),
    "comparisons-looks": _held("comparisons"),
    "rankings-looks": _held("rankings"),
    "verdicts-looks": _at_the_stop(
        "outputs that pass or fail in the eyes of raters who err", "rates, errors and judges' tastes", _judged
    ),
    "mutants": Check(
        "Wrong posteriors that must be rejected",
        "A check that has never rejected anything proves nothing. The fast posterior is spoilt by one mistake at a time, on the same "
        "experiments, and the calibration check must reject each of them, and pass the posterior that is right.",
        2_000,
        100,
        _mutants,
    ),
    **{name: _model(name) for name in RECIPES},
    **{f"{name}-mutants": _mistakes(name) for name in RECIPES},
    "imperfect-judge": Check(
        "Intervals for a rate that an imperfect judge sees",
        "A rate is fixed, from rare to nearly always, and so are the judge's errors, from good to hardly better than chance. The judge "
        "sees 500 outputs, 100 of them have a gold label, and the model 'binary' is fitted with its usual priors, which know nothing of "
        "these truths. Intervals of 95 % must hold the rate in at least 90 % of data sets.",
        1_200,
        120,
        _imperfect_judge,
    ),
}
"""Every check."""


def run_check(
    name: str,
    simulations: int | None = None,
    *,
    random_seed: int = 0,
    folder: Path | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Outcome:
    """Run one check.

    Parameters
    ----------
    name : str
        A key of `CHECKS`.
    simulations : int, optional
        Experiments, draws or data sets; as many as for the record unless told.
    random_seed : int
        Seed.
    folder : Path, optional
        Where finished simulations of a long check are kept, so that an interrupted run can go on.
    progress : callable, optional
        Called with the share done and a few words.

    Raises
    ------
    SettingError
        There is no such check, or so few simulations would say nothing.
    """
    if name not in CHECKS:
        raise SettingError(f"{name!r} is no check", where="check", remedy=f"choose among {', '.join(CHECKS)}")
    check = CHECKS[name]
    wanted = check.simulations if simulations is None else simulations
    if wanted < check.fewest:
        raise SettingError(
            f"{wanted} simulations say nothing about {name!r}",
            where="simulations",
            remedy=f"ask for {check.fewest} or more",
        )
    return check.run(wanted, random_seed, folder, progress)
