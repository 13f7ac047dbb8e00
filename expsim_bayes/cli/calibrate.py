"""`expsim calibrate`: the threshold that holds the false-launch rate for a scenario's own schedule of looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from expsim_bayes.cli import exits
from expsim_bayes.cli.folder import taken
from expsim_bayes.cli.options import AsJson, Details, Out, Overwrite, ScenarioName, Seed
from expsim_bayes.cli.screen import Column, Screen, plain, to_json
from expsim_bayes.cli.simulate import declared_strategy, who_rates
from expsim_bayes.scenario import STRATEGY_TITLES, EvaluatorChoice, StrategyName, load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from expsim_bayes.planning import Calibration, Design, Found

ANSWER, RULES = "calibration.json", "rules.toml"
"""Files that a calibration leaves behind."""


class Wanted(NamedTuple):
    """What was asked for, beside the design."""

    target: float
    """False-launch rate."""
    tolerance: float
    """How far its interval may reach."""
    replications: int
    """Experiments of the check."""
    most: int
    """Experiments after which the search ends."""
    seed: int
    """Random seed."""


def calibrate(
    scenario: ScenarioName,
    *,
    strategy: Annotated[
        StrategyName | None, typer.Option(help="How it is run; the scenario's default unless told.")
    ] = None,
    evaluators: Annotated[EvaluatorChoice, typer.Option(help="Who rates.")] = "both",
    target: Annotated[float, typer.Option(metavar="P", help="False-launch rate to hold.")] = 0.05,
    tolerance: Annotated[
        float,
        typer.Option(metavar="P", help="The search ends when the 95 % interval of the rate is within this of it."),
    ] = 0.0025,
    replications: Annotated[
        int,
        typer.Option(metavar="N", min=2, help="Experiments of the independent check; the search takes what it needs."),
    ] = 10_000,
    most: Annotated[
        int, typer.Option(metavar="N", min=1_000, help="Experiments after which the search ends, sure or not.")
    ] = 200_000,
    seed: Seed = 0,
    out: Out = None,
    overwrite: Overwrite = False,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Find the threshold that holds the false-launch rate for this schedule of looks.

    Whoever looks often and stops at the first good look launches by chance more often than the threshold suggests.
    The threshold is searched where all variants are equal, and its rate counted anew on other experiments.
    Ctrl-C shows what is known by then.
    With --out, DIR holds the answer as JSON and the rules as TOML.
    """
    found, screen = load(scenario), Screen(as_json=as_json)
    from expsim_bayes.planning import design_of, rules_as_toml

    design = design_of(found, strategy=declared_strategy(found, strategy), evaluators=evaluators)
    with taken(out, overwrite=overwrite) as folder:
        wanted = Wanted(target, tolerance, replications, most, seed)
        calibrated, known, stop = _searched(screen, design, wanted)
        answer = _answer(design, wanted, known, calibrated)
        if folder is not None:
            rules = "" if calibrated is None else rules_as_toml(calibrated)
            _write(folder, answer, rules)
    screen.heading(found.title)
    words = f"{STRATEGY_TITLES[design.strategy]}, rated by {who_rates(found, evaluators)}, seed {seed}"
    screen.say(words, style="dim")
    _show(screen, known, calibrated, details=details)
    if out is not None:
        screen.labelled([("Written", str(out / ANSWER))])
    screen.emit(answer)
    if stop is not None:
        screen.aside("Stopped early: the threshold is not checked on other experiments.", style="yellow")
        raise typer.Exit(exits.of_interruption(stop))


def _searched(
    screen: Screen, design: Design, wanted: Wanted
) -> tuple[Calibration | None, Found, KeyboardInterrupt | None]:
    """The calibration, or what is known when an interruption comes."""
    from expsim_bayes.planning import calibration

    target, tolerance, replications, most, seed = wanted
    searching = calibration.expected(target, tolerance)
    total = searching + calibration.played_by_check(replications)
    known: Found | None = None
    try:
        with screen.progress(design.scenario.name, total=total) as advance:
            advance(0, _stage(known))
            steps = calibration.search(
                design,
                target=target,
                tolerance=tolerance,
                random_seed=calibration.seeds(seed)[0],
                most=most,
                progress=lambda done: advance(min(done, searching)),
            )
            while (step := next(steps, None)) is not None:
                known = step
                advance(min(known.spent, searching), _stage(known))
            assert known is not None  # the search plays at least one batch
            calibrated = calibration.check(
                design,
                known,
                target=target,
                tolerance=tolerance,
                replications=replications,
                random_seed=seed,
                progress=lambda done: advance(searching + done, "checking on other experiments"),
            )
    except KeyboardInterrupt as interrupt:
        if known is None:
            raise
        return None, known, interrupt
    return calibrated, known, None


def _stage(known: Found | None) -> str:
    from expsim_bayes.planning import asked

    return "searching" if known is None else f"searching, now near {asked(round(known.threshold, 4))}"


def _show(screen: Screen, known: Found, calibrated: Calibration | None, *, details: bool) -> None:
    from expsim_bayes.planning import advice, asked, rules_as_toml, sure

    if calibrated is None:
        screen.heading(f"About {asked(round(known.threshold, 4))}, as far as is known")
        screen.labelled([("How sure", sure(known))])
    else:
        told = advice(calibrated)
        screen.heading(told.headline, style="bold yellow" if told.warning else "bold green")
        if told.warning:
            screen.say(told.warning, style="yellow")
        screen.labelled(
            [("Holds", told.holds), ("How sure", told.how_sure), ("Price", told.price), ("Also", told.moves)]
        )
        screen.out.print()
        screen.say("To paste into the scenario:", style="dim")
        screen.say(rules_as_toml(calibrated))
    if details:
        screen.table(_steps(known), title="The search")


def _steps(known: Found) -> Sequence[Column]:
    from expsim_bayes.planning import asked

    return [
        Column("Batch", tuple(str(number) for number in range(1, len(known.steps) + 1))),
        Column("Threshold", tuple(asked(step.threshold) for step in known.steps)),
        Column("Experiments", tuple(f"{step.replications:,}" for step in known.steps)),
        Column("False launches", tuple(f"{100 * step.launches / step.replications:.1f} %" for step in known.steps)),
    ]


def _answer(design: Design, wanted: Wanted, known: Found, calibrated: Calibration | None) -> dict[str, Any]:
    """What --json prints."""
    from expsim_bayes.planning import advice, rules_as_toml

    low, high = known.interval
    answer: dict[str, Any] = {
        "scenario": design.scenario.name,
        "strategy": design.strategy,
        "evaluators": design.evaluators,
        "looks": design.scenario.looks,
        "random_seed": wanted.seed,
        "finished": calibrated is not None,
        "target": wanted.target,
        "tolerance": wanted.tolerance,
        "rule": design.rule.rule,
        "threshold_declared": design.rule.threshold,
        "threshold_found": known.threshold,
        "moves_inferiority": design.moves_inferiority,
        "search": {
            "settled": known.settled,
            "bound": known.bound,
            "experiments": known.spent,
            "rate_low": low,
            "rate_high": high,
            "batches": plain(known.steps),
        },
    }
    if calibrated is None:
        return answer
    of_numbers = ("threshold", "checked", "declared", "right", "right_declared", "looks", "looks_declared", "holds")
    numbers = {name: plain(getattr(calibrated, name)) for name in of_numbers}
    numbers |= {"mean_looks": numbers.pop("looks"), "mean_looks_declared": numbers.pop("looks_declared")}
    told = plain(advice(calibrated))
    return answer | {
        "replications": wanted.replications,
        **numbers,
        "sentences": told,
        "toml": rules_as_toml(calibrated),
    }


def _write(folder: Path, answer: dict[str, Any], rules: str) -> None:
    from expsim_bayes.readers.atomic import whole

    for name, content in ((ANSWER, to_json(answer)), (RULES, rules)):
        if content:
            with whole(folder / name) as file:
                file.write(f"{content}\n".encode())
