"""`expsim simulate`: one experiment told look by look with its recommendation, or many of them counted."""

from __future__ import annotations

import hashlib
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from expsim_bayes.cli import exits, tables
from expsim_bayes.cli.advice import advise, as_object
from expsim_bayes.cli.command import with_command
from expsim_bayes.cli.folder import taken
from expsim_bayes.cli.options import AsJson, Details, Out, Overwrite, ScenarioName, Seed
from expsim_bayes.cli.screen import Screen, plain, to_json
from expsim_bayes.errors import SettingError
from expsim_bayes.outcomes import SIDE_BY_SIDE
from expsim_bayes.scenario import STRATEGY_TITLES, EvaluatorChoice, Scenario, StrategyName, load

if TYPE_CHECKING:
    import xarray as xr

    from expsim_bayes.operating_characteristics import Estimate

EQUAL_REPLICATIONS = 500
"""Experiments without a difference that are simulated to count false launches beside a single experiment."""
END_STATES, ACHIEVED = "end_states.nc", "achieved.json"
"""Files that many replications leave behind."""
WHO: dict[EvaluatorChoice, str] = {"llm": "judges only", "human": "people only", "both": "judges and people"}
"""Evaluators in words."""


def who_rates(scenario: Scenario, choice: EvaluatorChoice) -> str:
    """Evaluators in words; by name where there is but one of outcomes that pass or fail."""
    alone = scenario.outcome == "binary" and len(scenario.evaluators) == 1
    return scenario.evaluators[0].name if alone else WHO[choice]


class Setup(NamedTuple):
    """One way of running a scenario."""

    scenario: Scenario
    """The experiment."""
    strategy: StrategyName
    """How it is run."""
    evaluators: EvaluatorChoice
    """Who rates."""
    seed: int
    """Random seed."""

    def words(self) -> str:
        """The same for a heading."""
        return (
            f"{STRATEGY_TITLES[self.strategy]}, rated by {who_rates(self.scenario, self.evaluators)}, seed {self.seed}"
        )


def simulate(
    scenario: ScenarioName,
    *,
    strategy: Annotated[
        StrategyName | None, typer.Option(help="How it is run; the scenario's default unless told.")
    ] = None,
    evaluators: Annotated[EvaluatorChoice, typer.Option(help="Who rates.")] = "both",
    seed: Seed = 0,
    replications: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, help="1 tells one experiment look by look; more count how such experiments end."
        ),
    ] = 1,
    out: Out = None,
    overwrite: Overwrite = False,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Play an experiment before paying for it.

    Once, to see what it would cost and what it would tell you to do.
    Or many times (--replications 1000), to see how often it would be right.
    With --out, DIR holds data, figures and report of the one experiment, or how each of the many ended.
    Ctrl-C keeps the experiments that are finished; with --out the same command goes on from there.
    """
    found, screen = load(scenario), Screen(as_json=as_json)
    setup = Setup(found, declared_strategy(found, strategy), evaluators, seed)
    stop: KeyboardInterrupt | None = None
    with taken(out, overwrite=overwrite) as folder:
        if replications == 1:
            _tell(setup, screen, folder, details=details)
        else:
            stop = _count(setup, replications, screen, folder, out)
    if stop is not None:
        raise typer.Exit(exits.of_interruption(stop))
    _what_next(screen, shlex.quote(scenario), out, told=replications == 1, options=fit_options(found, evaluators))


def fit_options(scenario: Scenario, evaluators: EvaluatorChoice) -> str:
    """Options with which `expsim fit` reads simulated ratings as they were meant.

    Examples
    --------
    >>> fit_options(load("answer-stars"), "both")
    ' --model ordinal --score-range 1:5'
    """
    pools = [e.name for e in scenario.rated_by(evaluators).evaluators if e.kind == "human"]
    options = f" --reference {shlex.quote(pools[0])}" if len(pools) > 1 else ""
    if scenario.outcome == "binary":
        options += _about_errors(scenario.rated_by(evaluators))
    if scenario.outcome in SIDE_BY_SIDE and scenario.control is not None:  # quality is the share won against it
        options += f" --control {shlex.quote(scenario.control)}"
    if scenario.outcome == "ordinal":
        options += " --model ordinal --score-range {:g}:{:g}".format(*scenario.score_range)
    return options + ("" if scenario.higher_is_better else " --lower-is-better")


def _about_errors(scenario: Scenario) -> str:
    """Options that say whose verdicts are the truth, or that judges are alone with what is believed of their errors."""
    exact = [e.name for e in scenario.evaluators if not e.errs]
    if exact:
        return f" --gold {shlex.quote(exact[0])}"
    alone = all(e.kind != "human" for e in scenario.evaluators)
    return " --prior declared=true" if alone else ""


def declared_strategy(scenario: Scenario, name: StrategyName | None) -> StrategyName:
    """The strategy of that name, the scenario's own where none is named."""
    if name is not None and name not in scenario.strategies:
        raise SettingError(
            f"scenario {scenario.name!r} declares no strategy {name!r}",
            where="--strategy",
            remedy=f"choose among {', '.join(scenario.strategies)}",
        )
    return name or scenario.default_strategy


def _tell(setup: Setup, screen: Screen, folder: Path | None, *, details: bool) -> None:
    """One experiment: what it says of the variants, look by look, and what to do."""
    from expsim_bayes.experiment import play
    from expsim_bayes.operating_characteristics import false_launch_rate
    from expsim_bayes.recommend import of_experiment
    from expsim_bayes.wording import truth

    scenario, strategy, evaluators, seed = setup
    played = play(scenario, strategy=strategy, evaluators=evaluators, random_seed=seed)
    rate = false_launch_rate(
        scenario, strategy=strategy, evaluators=evaluators, random_seed=seed, replications=EQUAL_REPLICATIONS
    )
    facts = with_command(of_experiment(played, false_launch=rate))
    screen.heading(facts.title)
    screen.say(setup.words(), style="dim")
    screen.say(facts.story)
    leader = [i for i, v in enumerate(facts.variants) if v.name == facts.leader]
    screen.table(tables.variants(facts, truth=details), bold=leader)
    screen.table(tables.looks(played.history, facts, everything=details), title="Look by look")
    if details:
        screen.table(tables.evaluators(facts), title="Who rated")
    advise(screen, facts, details=details, more=[("Noted", " ".join(facts.notices)), ("Truth", truth(facts))])
    report = None
    if folder is not None:
        from expsim_bayes.report import write_experiment

        report = write_experiment(played, facts, folder)
    screen.emit(as_object(facts, report))


def _count(
    setup: Setup, replications: int, screen: Screen, folder: Path | None, out: Path | None
) -> KeyboardInterrupt | None:
    """Many experiments: how often they end right, and what they cost.

    Those that an earlier run left in `out` are taken from there, and an interruption keeps what is finished.
    """
    from expsim_bayes.experiment import joined, run_in_parts
    from expsim_bayes.operating_characteristics import characteristics, false_launch_rate

    scenario, strategy, evaluators, seed = setup
    asked = _identity(setup)
    parts = _earlier(out, asked, replications)
    kept = sum(part.sizes["replication"] for part in parts)
    if kept:
        screen.aside(f"{kept:,} of {replications:,} experiments are taken from '{out}'.")
    if_equal: Estimate | None = None
    stop: KeyboardInterrupt | None = None
    done = kept
    try:
        with screen.progress(f"{scenario.name}, {replications:,} times", total=2 * replications) as advance:
            for part in run_in_parts(
                scenario,
                strategy=strategy,
                evaluators=evaluators,
                random_seed=seed,
                first=kept,
                replications=replications,
                history=False,
            ):
                parts.append(part)
                done += part.sizes["replication"]
                advance(done)
            if_equal = false_launch_rate(
                scenario,
                strategy=strategy,
                evaluators=evaluators,
                random_seed=seed,
                replications=replications,
                progress=lambda equal: advance(replications + equal, "the same with equal variants"),
            )
    except KeyboardInterrupt as interrupt:
        if not parts:
            raise
        stop = interrupt
    result = joined(parts)
    result.attrs["run_sha256"] = asked
    achieved = characteristics(result, scenario.rated_by(evaluators))
    answer = {
        "scenario": scenario.name,
        "random_seed": seed,
        "finished": stop is None,
        "achieved": plain(achieved),
        "false_launch_if_equal": plain(if_equal),
    }
    screen.heading(scenario.title)
    screen.say(f"{done:,} experiments: {setup.words()}", style="dim")
    screen.table(tables.counted(achieved, if_equal))
    screen.out.print()
    screen.say(tables.FOOTNOTE, style="dim")
    if folder is not None:
        _keep(folder, result, answer)
    screen.emit(answer)
    if stop is not None:
        again = " The same command goes on from there." if out is not None else ""
        words = (
            "false launches were not counted"
            if done == replications
            else f"{done:,} of {replications:,} experiments were finished"
        )
        screen.aside(f"Stopped early: {words}.{again}", style="yellow")
    return stop


def _keep(folder: Path, result: xr.Dataset, answer: dict[str, Any]) -> None:
    """How each experiment ended, and what they achieved, as files."""
    from expsim_bayes.readers.atomic import whole

    with whole(folder / END_STATES) as file:
        file.write(result.to_netcdf(engine="h5netcdf"))
    with whole(folder / ACHIEVED) as file:
        file.write(to_json(answer).encode())


def _identity(setup: Setup) -> str:
    """Digest of everything that, changed, would change how the experiments end."""
    told = (
        setup.scenario.model_dump_json(),
        setup.strategy,
        setup.evaluators,
        str(setup.seed),
        version("expsim-bayes"),
    )
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _earlier(out: Path | None, asked: str, replications: int) -> list[xr.Dataset]:
    """The experiments of the same run that a folder holds, as one part; none where it holds others."""
    if out is None or not (out / END_STATES).is_file():
        return []
    import xarray as xr

    try:
        with xr.open_dataset(out / END_STATES, engine="h5netcdf") as file:
            found = file.load() if file.attrs.get("run_sha256") == asked else None
    except (OSError, ValueError):
        return []
    return [] if found is None else [found.isel(replication=slice(0, replications))]


def _what_next(screen: Screen, scenario: str, out: Path | None, *, told: bool, options: str) -> None:
    """Where things are, and what one may do now."""
    if out is not None and told:
        rows = [
            ("Report", str(out / "report.md")),
            ("Next", f"expsim fit {shlex.quote(str(out / 'ratings.csv'))}{options}, as if they were real"),
        ]
    elif out is not None:
        rows = [("Written", str(out / END_STATES))]
    else:
        once = "Add --out DIR for data, figures and a report, or --replications 1000 to see how often it is right."
        words = once if told else "Add --out DIR to keep how each of them ended."
        rows = [("Next", f"{words} Other ways to run it: expsim compare {scenario}")]
    screen.out.print()
    screen.labelled(rows)
