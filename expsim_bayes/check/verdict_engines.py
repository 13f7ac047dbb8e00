"""Verdicts of raters who err, in pretend experiments: weighted points held against NUTS on the same verdicts.

The story is told once more as a PyMC model, output by output and from the verdicts themselves, so that neither counts of patterns nor
slopes nor points are shared with what is checked.

Raters err as usual ones do. Where one is drawn that is hardly better than chance, pass and fail may nearly change names: the posterior then
has a second, smaller mode, which points around the first find too seldom, and chains of NUTS, too (`verdict_looks` has such raters).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from expsim_bayes import superiority
from expsim_bayes.check.agreement import agree
from expsim_bayes.check.verdict_looks import JUDGE, PEOPLE, judged, stopping_designs
from expsim_bayes.loop import Loop
from expsim_bayes.ratings import code
from expsim_bayes.simulate import Streams, ratings_of
from expsim_bayes.simulate.counts import ACCURACY_MEAN, ACCURACY_SD, SD_SHIFT, anchor_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pymc as pm
    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.posterior import KnownVerdicts
    from expsim_bayes.ratings import Coded
    from expsim_bayes.scenario import Scenario, StrategyName

    Floats = NDArray[np.float64]

DRAWS, TUNE, CHAINS = 4_000, 1_500, 4
"""Of NUTS; the ridges of these posteriors make draws depend on each other."""
TOLD: dict[str, Any] = {"sensitivity_prior": (18.0, 2.0), "specificity_prior": (8.0, 2.0)}
"""What was learned about a judge's errors elsewhere."""
NEVER_ERRS = 500.0
"""Logit of a share that is 1 but for what arithmetic cannot hold."""


class Judged(NamedTuple):
    """Both posteriors of one experiment."""

    design: str
    """Who rates what."""
    ratings: int
    """Verdicts."""
    numbers: int
    """Of the posterior that are compared: rates, their differences, sensitivities and specificities."""
    mean_apart: float
    """Largest difference of means of rates and of their differences, in posterior SDs."""
    sd_apart: float
    """Largest difference of their SDs, relative to that of NUTS."""
    others_apart: float
    """Largest difference of means of sensitivities and specificities, in posterior SDs."""
    where: str
    """The one whose mean differs most."""
    prob_best_apart: float
    """Largest difference of prob_best."""
    prob_best_mcse: float
    """Its Monte-Carlo standard error."""
    verdict: str
    """Of the gate on NUTS."""
    worth: float
    """How many equal points the weighted ones are worth."""

    @property
    def passed(self) -> bool:
        """Whether everything lies within its limit."""
        return agree(self)


def check_judged(
    count: int = 30, *, random_seed: int = 0, progress: Callable[[float, str], None] | None = None
) -> tuple[Judged, ...]:
    """Experiments of all designs, in turn, to their end, and both posteriors of each.

    Parameters
    ----------
    count : int
        Experiments.
    random_seed : int
        Seed.
    progress : callable, optional
        Called with the share done and a few words.
    """
    chosen, found = designs(), []
    for number in range(count):
        name, strategy, scenario = chosen[number % len(chosen)]
        if progress:
            progress(number / count, f"verdicts by points and by NUTS: {name}")
        found.append(compare(name, scenario, strategy, random_seed + number))
    return tuple(found)


def designs() -> list[tuple[str, StrategyName, Scenario]]:
    """Those whose intervals are checked at their stop, and three that go on to the end: by name and strategy."""
    thrice, second = PEOPLE | {"ratings_per_output": 3}, JUDGE | {"name": "second", "shift_sd": 0.3}
    return [
        *stopping_designs(),
        ("three people an output", "sequential", judged([thrice], [])),
        ("judge whose errors were measured elsewhere, alone", "sequential", judged([JUDGE | TOLD], [])),
        ("4 variants, two judges and people", "sequential", judged([JUDGE, second, PEOPLE], [], variants=4)),
    ]


def compare(name: str, scenario: Scenario, strategy: StrategyName, random_seed: int, *, draws: int = DRAWS) -> Judged:
    """Both posteriors of one experiment whose raters err as the scenario declares.

    Parameters
    ----------
    name : str
        Of the design.
    scenario : Scenario
        The experiment.
    strategy : str
        Who is rated.
    random_seed : int
        Of the experiment and of NUTS.
    draws : int
        Of each chain.
    """
    from expsim_bayes.diagnostics import gate

    loop, kept = Loop(scenario, strategy, Streams(random_seed, 0, 1), "declared"), []  # type: ignore[var-annotated]
    loop.run(history=False, keep=kept)
    known: KnownVerdicts = loop.known  # type: ignore[assignment]
    ratings = ratings_of(scenario, kept)
    tree = sampled(scenario, code(ratings), random_seed, draws=draws)
    posterior = tree["posterior"]
    rate = posterior["rate"].to_numpy().reshape(-1, len(scenario.variants))
    exact, latent = known.qualities(0), known.latents()
    rows = [
        *_rows(rate, exact.mean[0], exact.sd[0]),
        *_rows((rate - rate[:, :1])[:, 1:], exact.effect_mean[0, 1:], exact.effect_sd[0, 1:]),
    ]
    errors = known.names()[len(scenario.variants) :]
    told = np.stack([posterior[label].to_numpy().ravel() for label in errors], axis=1)
    off = _rows(told, latent.mean[0, len(scenario.variants) :], latent.sd[0, len(scenario.variants) :])
    others = {label: mean for label, (mean, _) in zip(errors, off, strict=True)}
    counted = superiority.from_draws(rate, control=None)
    quick = known.superiority(eligible=None)
    return Judged(
        design=name,
        ratings=len(ratings.table),
        numbers=len(rows) + len(others),
        mean_apart=float(max(mean for mean, _ in rows)),
        sd_apart=float(max(sd for _, sd in rows)),
        others_apart=float(max(others.values(), default=0.0)),
        where=max(others, key=lambda label: others[label], default=""),
        prob_best_apart=float(np.abs(counted.prob_best - quick.prob_best[0]).max()),
        prob_best_mcse=float(np.hypot(counted.mcse, quick.mcse[0])),
        verdict=gate(tree).level,
        worth=float(known.state.worth[0]),
    )


def sampled(scenario: Scenario, data: Coded, random_seed: int, *, draws: int = DRAWS) -> xr.DataTree:
    """Draws of NUTS of rates, sensitivities and specificities, under the names of `KnownVerdicts.names`.

    Parameters
    ----------
    scenario : Scenario
        The experiment, whose errors are not known.
    data : Coded
        Its verdicts.
    random_seed : int
        Of the sampler.
    draws : int
        Of each chain.
    """
    import nutpie

    from expsim_bayes.fit import sample

    model = explicit(scenario, data)
    names = ["rate", *(v.name for v in model.deterministics if v.name.startswith(("sensitivity[", "specificity[")))]
    compiled = nutpie.compile_pymc_model(model, var_names=names)
    settings = {"draws": draws, "tune": TUNE, "chains": CHAINS, "cores": CHAINS}
    return sample(compiled, settings, (0.98,), random_seed)[0]


def explicit(scenario: Scenario, data: Coded) -> pm.Model:
    """The story of a scenario's verdicts, the truth of each output summed out.

    Parameters
    ----------
    scenario, data
        As in `sampled`.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.scenario import load
    >>> scenario = load("pass-or-fail")
    >>> model = explicit(scenario, code(play(scenario).ratings))
    >>> [v.name for v in model.free_RVs if "judge" in v.name]
    ['sensitivity of judge', 'specificity of judge', 'shift of judge']
    """
    import pymc as pm
    import pytensor.tensor as pt

    who = {e.name: e for e in scenario.evaluators}
    anchor = scenario.evaluators[anchor_of(scenario)].name if anchor_of(scenario) >= 0 else ""
    variant_of = np.array([scenario.variant_names.index(name) for name in data.variants])
    of_output = variant_of[data.output_variant]
    with pm.Model(coords={"variant": scenario.variant_names}) as model:
        rate = pm.Beta("rate", *scenario.rate_prior, dims="variant")
        log_one, log_zero = pt.log(rate)[of_output], pt.log1p(-rate)[of_output]
        sd = pm.HalfNormal("sd_shift", SD_SHIFT) if any(e.shift_sd > 0 or e.shift for e in who.values()) else 0.0
        for k, name in enumerate(data.evaluators):
            errors = _errors(who[name], bound=name == anchor)
            taste: Any = pt.zeros(len(scenario.variants))
            if who[name].shift_sd > 0 or who[name].shift:
                raw = pm.Normal(f"shift of {name}", dims="variant")
                taste = sd * (raw - raw.mean())
            mine = np.flatnonzero(data.evaluator == k)
            output, said = data.output[mine], data.score[mine] == 1
            moved = taste[of_output[output]]
            hit, rejected = errors[0] + moved, errors[1] - moved
            log_one = pt.inc_subtensor(log_one[output], -pt.softplus(pt.where(said, -hit, hit)))
            log_zero = pt.inc_subtensor(log_zero[output], -pt.softplus(pt.where(said, rejected, -rejected)))
        pm.Potential("verdicts", pt.logaddexp(log_one, log_zero).sum())
    return model


def _errors(evaluator: Any, *, bound: bool) -> tuple[Any, Any]:
    """Logits of an evaluator's sensitivity and specificity, within a model; of a bound one their sum is above 0."""
    import pymc as pm
    import pytensor.tensor as pt

    if not evaluator.errs:
        return NEVER_ERRS, NEVER_ERRS
    what = ("sensitivity", "specificity")
    beliefs = dict(zip(what, (evaluator.sensitivity_prior, evaluator.specificity_prior), strict=True))
    if bound:  # any pair whose sum is above 0, and then what is believed of each
        total, lean = pm.Exponential("sum of errors", 1.0), pm.Normal("lean of errors")
        pm.Potential("of the pair alone", total + lean**2 / 2.0)
        logits = [(total + lean) / 2.0, (total - lean) / 2.0]
        for name, logit in zip(what, logits, strict=True):
            pm.Potential(f"belief of {name}", _log_belief(logit, beliefs[name]))
    else:
        logits = []
        for name in what:
            label = f"{name} of {evaluator.name}"
            if beliefs[name] is None:
                logits.append(pm.Normal(label, ACCURACY_MEAN, ACCURACY_SD))
            else:
                logits.append(pm.math.logit(pm.Beta(label, *beliefs[name])))
    for name, logit in zip(what, logits, strict=True):
        pm.Deterministic(f"{name}[{evaluator.name}]", pt.sigmoid(logit))
    return logits[0], logits[1]


def _log_belief(logit: Any, prior: tuple[float, float] | None) -> Any:
    """Log density of a logit, up to a constant: normal, or that of a share with a Beta."""
    import pytensor.tensor as pt

    if prior is None:
        return -0.5 * ((logit - ACCURACY_MEAN) / ACCURACY_SD) ** 2
    return -prior[0] * pt.softplus(-logit) - prior[1] * pt.softplus(logit)


def _rows(draws: Floats, mean: Floats, sd: Floats) -> list[tuple[float, float]]:
    """How far means and SDs are from those of columns of draws."""
    spread = draws.std(axis=0)
    return list(zip(np.abs(draws.mean(axis=0) - mean) / spread, np.abs(sd / spread - 1.0), strict=True))
