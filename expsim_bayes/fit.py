"""The fit of real ratings by NUTS: the only caller of a sampler, and the reference that the fast posterior is held against.

`fit` samples a model of the family, with what can be integrated out left out, draws that from its conditionals, and returns a gated
DataTree with every effect and its provenance.
"""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import xarray as xr

from expsim_bayes.diagnostics import gate
from expsim_bayes.errors import SettingError
from expsim_bayes.models import task
from expsim_bayes.models._stored import stored
from expsim_bayes.outcomes import MOST_RANKED
from expsim_bayes.ratings import taking_part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pymc as pm

    from expsim_bayes.diagnostics import Verdict
    from expsim_bayes.frozen import Frozen
    from expsim_bayes.models.continuous import Components
    from expsim_bayes.ratings import Ratings

Engine = Literal["auto", "nuts", "fast"]
"""How a posterior is found: by NUTS, which is the reference, or without a sampler where a model allows it."""
WITHOUT_SAMPLER = ("continuous", "preference", "ordinal", "ranking", "binary")
"""Models whose posterior needs no sampler."""
WAITING = 5_000
"""Rows from which a sampler keeps a person waiting, so that it is done without where that is possible."""
ACCEPT = (0.95, 0.99)
"""Acceptance rates that are aimed at unless told: the second only where draws of the first diverged."""
FULL = 1_500
"""Draws of a chain from which on a run that the gate refuses for too few independent ones is done once more, twice as long."""
FEWEST = {"draws": 50, "tune": 50, "chains": 2}
"""Settings below which nothing can be said about convergence."""
PACKAGES = ("expsim-bayes", "pymc", "pytensor", "nutpie", "arviz", "numpy", "xarray")
"""Packages whose versions a fit remembers."""
STATS = {
    "diverging": "diverging", "energy": "energy", "logp": "lp", "step_size": "step_size", "n_steps": "n_steps", "depth": "tree_depth",
    "mean_tree_accept": "acceptance_rate", "energy_error": "energy_error",
}  # fmt: skip
"""Statistics of the sampler that are kept, under the names that PyMC and ArviZ give them."""


def fit(
    ratings: Ratings,
    *,
    model: str = "continuous",
    engine: Engine = "auto",
    priors: Frozen | None = None,
    fixed: Components | None = None,
    draws: int = 1500,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float | None = None,
    random_seed: int = 0,
    cores: int | None = None,
    min_effect: float = 0.0,
    ci_prob: float = 0.95,
    progress: Callable[[float, str], None] | None = None,
) -> xr.DataTree:
    """The posterior of a model, found and gated.

    Parameters
    ----------
    ratings : Ratings
        Validated ratings; missing scores are left out.
    model : str
        A name of `expsim_bayes.models.NAMES`.
    engine : {"auto", "nuts", "fast"}
        "nuts" samples; "fast" does without, for the models of `WITHOUT_SAMPLER`: components are integrated out over points, effects
        drawn exactly given each (`expsim_bayes.fast`), or around their modes and weighed (`expsim_bayes.votes.single`). "auto" samples up
        to `WAITING` ratings, and above only what cannot do without.
    priors : Priors, optional
        Of that model; its own unless told.
    fixed : Components, optional
        Standard deviations and scale use in points, when they are known rather than estimated; of the continuous model alone.
    draws, tune, chains : int
        Kept draws and tuning steps of each chain, and number of chains. Where `FULL` draws or more are too few independent ones, chains are
        run once more, twice as long. Without a sampler nothing is tuned; how many independent draws they are worth
        stands in the verdict (`ess` of ArviZ, which sees no order in them, counts more where points are few).
    target_accept : float, optional
        Acceptance rate that the sampler aims at, within (0, 1); higher is slower and safer. Unless told it is .95, and .99 in a second
        run where draws of the first diverged.
    random_seed : int
        Seed of everything drawn here.
    cores : int, optional
        Chains that run at the same time; all cores unless told.
    min_effect : float
        Smallest difference that matters, in the unit of quality; remembered for `recommend.fit.of_fit`.
    ci_prob : float
        Probability of intervals; remembered likewise.
    progress : callable, optional
        Called with the share done, within [0, 1], and a few words.

    Returns
    -------
    xr.DataTree
        Groups posterior, effects, posterior_predictive, log_likelihood, log_prior, prior, prior_predictive, sample_stats, observed_data,
        constant_data and raters (who gave how many ratings); `attrs` hold provenance, the terms' sentences and the verdict
        (`expsim_bayes.diagnostics.Verdict.from_json`).

    Raises
    ------
    SettingError
        When the number of draws, tuning steps or chains, or the acceptance rate, makes no sense, when `fixed` is given to a model that
        takes none, or when a model cannot do without a sampler.
    """
    accept_rates = ACCEPT if target_accept is None else (target_accept,)
    _check(draws, tune, chains, accept_rates[0])
    started = datetime.now(UTC)
    tell = progress or _silent
    asked: dict[str, Any] = {"draws": draws, "chains": chains, "min_effect": min_effect, "ci_prob": ci_prob}

    def gated(groups: dict[str, xr.Dataset], attrs: dict[str, str | int]) -> tuple[xr.DataTree, Verdict]:
        tree = gathered(groups, ratings)
        tree.attrs = {**_provenance(ratings, asked, random_seed, started), **attrs}
        verdict = gate(tree)
        tree.attrs["verdict"] = verdict.to_json()
        return tree, verdict

    if engine_of(engine, model, len(ratings.table), sampled_anyway=needs_sampler(ratings, model)) == "fast":
        tell(0.05, "integrating the components out")
        tree, _ = gated(*_integrated(ratings, model, priors, fixed, draws, chains, random_seed))
    else:
        asked |= {"tune": tune, "cores": min(cores or os.cpu_count() or 1, chains)}
        sampled = _sampler(ratings, model, priors, fixed, accept_rates, random_seed, tell)
        tree, verdict = gated(*sampled(asked))
        if verdict.level == "refuse" and not verdict.divergences and draws >= FULL:
            tell(0.1, "too few independent draws: sampling once more, twice as long")
            asked |= {"draws": 2 * draws, "tune": 2 * tune}
            tree, _ = gated(*sampled(asked))
    tell(1.0, "done")
    return tree


def _integrated(  # noqa: PLR0917
    ratings: Ratings,
    model: str,
    priors: Frozen | None,
    fixed: Components | None,
    draws: int,
    chains: int,
    random_seed: int,
) -> tuple[dict[str, xr.Dataset], dict[str, str | int]]:
    """Groups and attributes of a fit without a sampler."""
    if model == "continuous":
        from expsim_bayes.fast.scores import fitted as of_scores

        return of_scores(ratings, priors, fixed, draws=draws, chains=chains, random_seed=random_seed)  # type: ignore[arg-type]
    from expsim_bayes.votes.fitted import fitted as of_votes

    return of_votes(ratings, model, priors, fixed, draws=draws, chains=chains, random_seed=random_seed)


def needs_sampler(ratings: Ratings, model: str) -> bool:
    """Whether these ratings cannot do without a sampler, although the model can.

    These are rankings of more than `MOST_RANKED` outputs of an item, and verdicts of pass or fail where how items differ would have to be
    sampled: many outputs of an item, or several of a variant.
    """
    if ratings.outcome == "ranking":
        return int(ratings.table.groupby("item")["variant"].nunique().max()) > MOST_RANKED
    if model != "binary":
        return False
    from expsim_bayes.models._verdicts import nested
    from expsim_bayes.ratings import code

    item, _, integrated, _ = nested(code(ratings))
    return item and not integrated


def engine_of(asked: Engine, model: str, rows: int, *, sampled_anyway: bool = False) -> Literal["nuts", "fast"]:
    """Whether a sampler is used.

    Parameters
    ----------
    asked : {"auto", "nuts", "fast"}
        What was asked for.
    model : str
        Name of the model.
    rows : int
        Ratings.
    sampled_anyway : bool
        Whether these ratings cannot do without a sampler (`needs_sampler`).

    Raises
    ------
    SettingError
        There is no such engine, or the model cannot do without a sampler.

    Examples
    --------
    >>> engine_of("auto", "preference", 100_000), engine_of("auto", "robust", 100_000)
    ('fast', 'nuts')
    """
    if asked not in get_args(Engine):
        raise SettingError(f"{asked!r} is no engine", where="engine", remedy="choose auto, nuts or fast")
    able = model in WITHOUT_SAMPLER
    if asked == "fast" and not able:
        raise SettingError(
            f"the model {model!r} needs a sampler",
            where="engine",
            remedy=f"choose nuts or auto; without a sampler there is {', '.join(WITHOUT_SAMPLER)}",
        )
    many = asked == "auto" and able and rows > WAITING and not sampled_anyway
    return "fast" if asked == "fast" or many else "nuts"


def _sampler(  # noqa: PLR0917
    ratings: Ratings,
    model: str,
    priors: Frozen | None,
    fixed: Components | None,
    accept_rates: Sequence[float],
    random_seed: int,
    tell: Callable[[float, str], None],
) -> Callable[[dict[str, Any]], tuple[dict[str, xr.Dataset], dict[str, str | int]]]:
    """What turns settings into groups and attributes of a fit by NUTS, and adds the acceptance rate that served to the settings."""
    import nutpie
    import pytensor

    tell(0.0, "compiling the model")
    with pytensor.config.change_flags(traceback__limit=0):  # where each node was made takes a tenth of the time
        job = task(model, ratings, priors, fixed=fixed)
        size = f"{unknowns(job.model):,} unknown numbers from {len(ratings.table):,} rows"
        tell(0.05, f"compiling the model: {size} (a minute or two the first time, less later)")
        compiled = nutpie.compile_pymc_model(job.model, var_names=job.names)

    def sampled(asked: dict[str, Any]) -> tuple[dict[str, xr.Dataset], dict[str, str | int]]:
        seeds = np.random.SeedSequence(random_seed).spawn(2)
        settings = {name: asked[name] for name in ("draws", "tune", "chains", "cores")}
        trace, asked["target_accept"] = sample(
            compiled, settings, accept_rates, int(seeds[0].generate_state(1, np.uint64)[0]), tell
        )
        tell(0.9, "drawing what was integrated out, and predictions")
        groups = job.groups(trace["posterior"].to_dataset(), seeds[1])
        groups["sample_stats"] = _stats(trace["sample_stats"].to_dataset())
        return groups, {**job.attrs, "engine": "nuts"}

    return sampled


def unknowns(model: pm.Model) -> int:
    """How many numbers the sampler has to find: time grows with them, and rows that share everything are added up to counts."""
    sizes = []
    for rv in model.free_RVs:
        dims = model.named_vars_to_dims.get(rv.name)
        lengths = [len(model.coords[dim] or ()) for dim in dims] if dims else [n or 1 for n in rv.type.shape]
        sizes.append(int(np.prod(lengths)))
    return sum(sizes)


def _silent(share: float, words: str) -> None:
    """Progress that nobody watches."""


def _check(draws: int, tune: int, chains: int, target_accept: float) -> None:
    """Settings with which convergence can be judged."""
    for name, value in {"draws": draws, "tune": tune, "chains": chains}.items():
        if value < FEWEST[name]:
            raise SettingError(
                f"with {name} {value} nothing can be said about convergence",
                where=name,
                remedy=f"use {FEWEST[name]} or more; 1500 draws, 1000 tuning steps and 4 chains are the usual",
            )
    if not 0 < target_accept < 1:
        raise SettingError(
            f"an acceptance rate of {target_accept} has no meaning", where="target_accept", remedy="use .95 or .99"
        )


def sample(
    compiled: Any,
    settings: Mapping[str, int],
    accept_rates: Sequence[float] = ACCEPT,
    seed: int = 0,
    tell: Callable[[float, str], None] = _silent,
) -> tuple[xr.DataTree, float]:
    """Draws of a compiled model, and the acceptance rate aimed at: the first of those given at which nothing diverges, else the last.

    Parameters
    ----------
    compiled : nutpie model
        With its data.
    settings : mapping
        draws, tune, chains and cores.
    accept_rates : sequence of float
        In the order in which they are tried.
    seed : int
        The same for each try.
    tell : callable, optional
        Called with the share done and a few words.
    """
    for accept in accept_rates:
        trace = _sample(compiled, settings, accept, seed, tell)
        if not trace["sample_stats"]["diverging"].any():
            break
    return trace, accept


def _sample(
    compiled: Any, settings: Mapping[str, int], target_accept: float, seed: int, tell: Callable[[float, str], None]
) -> xr.DataTree:
    """Draws by nutpie in the background, so that the keyboard can stop them."""
    share = [0.0]

    def watch(chains: list[Any]) -> None:
        share[0] = sum(chain.finished_draws for chain in chains) / max(1, sum(chain.total_draws for chain in chains))

    import nutpie

    sampler: Any = nutpie.sample(
        compiled, **settings, seed=seed, target_accept=target_accept, progress_bar=False, save_warmup=False, blocking=False,
        progress_callback=watch, progress_rate=200,
    )  # fmt: skip
    try:
        while True:
            try:
                trace: xr.DataTree = sampler.wait(timeout=0.2)
                return trace
            except TimeoutError:
                tell(0.1 + 0.8 * share[0], "sampling")
    except BaseException:
        sampler.cancel()
        raise


def _stats(stats: xr.Dataset) -> xr.Dataset:
    """Statistics of the sampler with plain types."""
    named = {
        name: as_kept for name, as_kept in STATS.items() if name in stats and stats[name].dims[:2] == ("chain", "draw")
    }
    kept = stats[list(named)].rename(named)
    kept.attrs = {}
    return kept.drop_vars([name for name in kept.coords if name not in ("chain", "draw")])


def gathered(groups: dict[str, xr.Dataset], ratings: Ratings) -> xr.DataTree:
    """The groups of a fit of some ratings as one tree, each as it is kept, with the group raters."""
    return xr.DataTree.from_dict(stored(groups) | _rater_group(ratings))


def _rater_group(ratings: Ratings) -> dict[str, xr.Dataset]:
    """The group raters: of each, the evaluator with its kind, ratings given, and whether the name is a slot; none where nobody rated."""
    who = taking_part(ratings)
    if not who.raters:
        return {}
    kinds = [who.kinds[k] for k in who.rater_evaluator]
    of_rater = {
        "evaluator": [who.evaluators[k] for k in who.rater_evaluator],
        "kind": kinds,
        "ratings": who.by_rater,
        "slot": np.array([kind in ratings.anonymous_kinds for kind in kinds], dtype=np.int8),
    }
    return {
        "raters": xr.Dataset(
            {name: ("rater", values) for name, values in of_rater.items()}, {"rater": list(who.raters)}
        )
    }


def _provenance(
    ratings: Ratings, settings: dict[str, float], random_seed: int, started: datetime
) -> dict[str, str | int]:
    """What a result file must carry to be made again."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    return {
        "random_seed": random_seed,
        "settings": json.dumps(settings),
        "versions": json.dumps(versions),
        "platform": platform.platform(),
        "data_source": ratings.source,
        "data_sha256": ratings.sha256,
        "score_range": json.dumps(ratings.score_range),
        "higher_is_better": json.dumps(ratings.higher_is_better),
        "control": json.dumps(ratings.control),
        "started_utc": started.isoformat(timespec="seconds"),
        "finished_utc": datetime.now(UTC).isoformat(timespec="seconds"),
    }
