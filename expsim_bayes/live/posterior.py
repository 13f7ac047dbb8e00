"""The posterior of all ratings so far: the one place at which a monitored experiment asks an engine.

Whatever fits, `posterior_of` hands back the same few things: draws of quality, whether they may be believed, and the facts of a report.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from expsim_bayes.facts import Facts
    from expsim_bayes.fit import Engine as Engine_
    from expsim_bayes.live.settings import Settings
    from expsim_bayes.ratings import Ratings


OPTION = re.compile(r"--(?:engine|chains|draws|tune|target-accept|seed|model|prior)\b")
"""An option that is fixed when an experiment begins."""
ELSEWHERE = (
    "Options are fixed when an experiment begins: give them to `expsim monitor init` of a new folder, "
    "and add the same batches there."
)
"""What can be done where advice names one."""


class Wanted(NamedTuple):
    """What the decision asks of a posterior."""

    min_effect: float
    """Smallest difference that matters, in the unit of quality."""
    rope: float
    """Width of equivalence."""
    threshold: float | None
    """Probability that is asked for before a launch; None where the rules ask for none."""
    prices: dict[str, float]
    """Dollars a rating by evaluator, as far as known."""
    random_seed: int
    """Seed of this look."""


class Posterior(NamedTuple):
    """What is known after a look; V variants."""

    variants: tuple[str, ...]
    """Variants that were rated."""
    quality: NDArray[np.float64]
    """(draw, V) joint draws of their quality."""
    ess: float
    """Effective number of draws."""
    higher_is_better: bool
    """Direction of quality."""
    model: str
    """Model that was fitted."""
    why_model: str
    """Why; empty where it was asked for."""
    verdict: Literal["ok", "caution", "refuse"]
    """Whether the posterior may be believed."""
    reasons: tuple[str, ...]
    """Why not."""
    unit: str = "points"
    """Unit of quality."""
    open_because: str = ""
    """Why nothing can be decided, where these ratings do not allow it."""
    facts: Facts | None = None
    """What a report may say."""


class Engine(Protocol):
    """What gives the posterior: `posterior_of`, or another that a test puts in its place."""

    def __call__(
        self,
        ratings: Ratings,
        settings: Settings,
        wanted: Wanted,
        *,
        progress: Callable[[float, str], None] | None = None,
    ) -> Posterior:
        """The posterior of all ratings so far."""
        ...


def posterior_of(
    ratings: Ratings,
    settings: Settings,
    wanted: Wanted,
    *,
    progress: Callable[[float, str], None] | None = None,
) -> Posterior:
    """The posterior of all ratings so far, from `fit`, gated; one without a sampler that is refused is done once more, with one.

    Parameters
    ----------
    ratings : Ratings
        All of them, as one table.
    settings : Settings
        Model, priors, draws and engine.
    wanted : Wanted
        What the decision asks, and the seed of the look.
    progress : callable, optional
        Called with the share done and a few words.

    Raises
    ------
    ExpsimError
        The model cannot be fitted to these ratings.
    """
    from expsim_bayes.diagnostics import Verdict
    from expsim_bayes.fit import fit
    from expsim_bayes.models import choose
    from expsim_bayes.models._told import priors_from
    from expsim_bayes.posterior.fitted import stacked
    from expsim_bayes.recommend.fit import of_fit

    name, why = choose(ratings) if settings.model == "auto" else (settings.model, "")
    threshold: dict[str, Any] = {} if wanted.threshold is None else {"threshold": wanted.threshold}
    for engine in _engines(settings.engine, name, ratings):
        tree = fit(
            ratings,
            model=name,
            engine=engine,
            priors=priors_from(name, settings.priors),
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            target_accept=settings.target_accept,
            random_seed=wanted.random_seed,
            min_effect=wanted.min_effect,
            progress=progress,
        )
        if Verdict.from_json(tree.attrs["verdict"]).level != "refuse":
            break
    facts = of_fit(
        tree,
        ratings,
        min_effect=wanted.min_effect,
        rope=wanted.rope,
        prices=wanted.prices,
        why_model=why,
        **threshold,
    )
    assert facts.fit is not None
    refused = facts.decision.name == "refuse"
    quality = np.zeros((2, len(ratings.variants))) if "quality" not in tree["posterior"] else stacked(tree, "quality")
    compares = len(facts.variants) > 1
    return Posterior(
        variants=ratings.variants,
        quality=quality,
        ess=_effective(tree.attrs["verdict"], len(quality)),
        higher_is_better=facts.higher_is_better,
        model=name,
        why_model=why,
        verdict="refuse" if refused else facts.fit.verdict,
        reasons=followable((facts.decision.reason,) if refused else facts.fit.verdict_reasons),
        unit=facts.unit,
        open_because="" if compares or refused else facts.decision.reason,
        facts=_timeless(facts),
    )


def _engines(asked: str, model: str, ratings: Ratings) -> tuple[Engine_, ...]:
    """What is tried in turn, unless told.

    Where the model can do without a sampler, that comes first: it takes seconds a look and gives the same numbers whatever was compiled.
    """
    from expsim_bayes.fit import WAITING, engine_of, needs_sampler

    engine = engine_of(cast("Engine_", asked), model, WAITING + 1, sampled_anyway=needs_sampler(ratings, model))
    return ("fast", "nuts") if asked == "auto" and engine == "fast" else (engine,)


def followable(reasons: tuple[str, ...]) -> tuple[str, ...]:
    """Reasons of a fit, with where the options go that they name: a look is fitted as was said when the experiment began.

    Examples
    --------
    >>> followable(("Too few draws: run longer (--draws doubled).",))[1]
    'Options are fixed when an experiment begins: give them to `expsim monitor init` of a new folder, and add the same batches there.'
    >>> followable(("Nobody rated two variants.",))
    ('Nobody rated two variants.',)
    """
    return (*reasons, ELSEWHERE) if any(OPTION.search(reason) for reason in reasons) else reasons


def _effective(verdict: str, draws: int) -> float:
    """Effective draws of the least certain quality."""
    from expsim_bayes.diagnostics import Verdict

    known = [q.ess_bulk for q in Verdict.from_json(verdict).quantities if q.name.startswith("quality[")]
    return min(known, default=float(draws))


def _timeless(facts: Facts) -> Facts:
    """Facts without the times of the fit, so that the same look gives the same facts; the manifest keeps the times."""
    return replace(facts, provenance=tuple(pair for pair in facts.provenance if "(UTC)" not in pair[0]))


def seed_of(seed: int, look: int) -> int:
    """The seed of one look, whatever happened before it.

    Examples
    --------
    >>> seed_of(0, 1) == seed_of(0, 1), seed_of(0, 1) == seed_of(0, 2)
    (True, False)
    """
    return int(np.random.SeedSequence(seed, spawn_key=(look,)).generate_state(1)[0])
