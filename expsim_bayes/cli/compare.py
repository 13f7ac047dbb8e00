"""`expsim compare`: strategies and evaluators side by side, on the same random numbers."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from expsim_bayes.cli import exits, tables
from expsim_bayes.cli.folder import taken
from expsim_bayes.cli.options import AsJson, Out, Overwrite, ScenarioName, Seed, choices
from expsim_bayes.cli.screen import Screen, plain, to_json
from expsim_bayes.cli.simulate import WHO, declared_strategy
from expsim_bayes.scenario import STRATEGY_TITLES, EvaluatorChoice, Scenario, StrategyName, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from expsim_bayes.operating_characteristics import Characteristics, Estimate

TABLE, ANSWER = "comparison.csv", "comparison.json"
"""Files that a comparison leaves behind."""
EVERYONE: tuple[EvaluatorChoice, ...] = ("llm", "human", "both")
"""Choices of evaluators, in the order of the table."""


Way = tuple[StrategyName, EvaluatorChoice]


class Row(NamedTuple):
    """One way of running the experiment."""

    achieved: Characteristics
    """What it achieves."""
    if_equal: Estimate
    """How often it launches something when all variants are equal."""


def compare(
    scenario: ScenarioName,
    *,
    strategies: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME,...", help="ab, bandit, sequential; all that are declared unless told."),
    ] = None,
    evaluators: Annotated[
        list[str] | None, typer.Option(metavar="NAME,...", help="llm, human, both; all unless told.")
    ] = None,
    replications: Annotated[int, typer.Option(metavar="N", min=2, help="Experiments of each way.")] = 1_000,
    seed: Seed = 0,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare A/B test, sequential test and bandit, rated by judges, by people or by both.

    Every way is simulated on the same random numbers.
    Ctrl-C ends it early and shows the ways that are finished.
    With --out, DIR holds the table as CSV and as JSON.
    """
    found, screen = load(scenario), Screen(as_json=as_json)
    ways = _ways(
        found,
        choices(strategies, tuple(STRATEGY_TITLES), option="--strategies"),
        choices(evaluators, EVERYONE, option="--evaluators"),
    )
    rows: list[Row] = []
    stop: KeyboardInterrupt | None = None
    with taken(out, overwrite=overwrite) as folder:
        try:
            with screen.progress(found.name, total=2 * replications * len(ways)) as advance:
                for row in _simulated(found, ways, replications, seed, advance):
                    rows.append(row)  # noqa: PERF402  (what is finished must survive an interruption)
        except KeyboardInterrupt as interrupt:
            if not rows:
                raise
            stop = interrupt
        answer = {
            "scenario": found.name,
            "random_seed": seed,
            "replications": replications,
            "finished": stop is None,
            "ways": [_flat(row) for row in rows],
        }
        if folder is not None:
            _write(folder, answer)
    _show(screen, found, rows, replications, seed)
    if out is not None:
        screen.labelled([("Written", str(out / TABLE))])
    screen.emit(answer)
    if stop is not None:
        screen.aside(f"Stopped early: {len(rows)} of {len(ways)} ways were finished.", style="yellow")
        raise typer.Exit(exits.of_interruption(stop))


def _ways(scenario: Scenario, strategies: Sequence[StrategyName], evaluators: Sequence[EvaluatorChoice]) -> list[Way]:
    """What was asked for, or all that the scenario declares."""
    for name in strategies:
        declared_strategy(scenario, name)
    for choice in evaluators:
        scenario.rated_by(choice)
    return [
        (strategy, choice)
        for strategy in strategies or tuple(scenario.strategies)
        for choice in evaluators or scenario.choices
    ]


def _simulated(
    scenario: Scenario,
    ways: list[Way],
    replications: int,
    seed: int,
    advance: Callable[..., None],
) -> Iterator[Row]:
    """One way after the other, each as soon as it is finished."""
    from expsim_bayes import operating_characteristics as achieved

    for number, (strategy, choice) in enumerate(ways):
        words, begun = f"{STRATEGY_TITLES[strategy]}, {WHO[choice]}", 2 * number * replications
        advance(begun, words)

        def tell(done: int, begun: int = begun, words: str = words) -> None:
            advance(begun + done, words)

        (found,) = achieved.compare(
            scenario,
            strategies=(strategy,),
            evaluators=(choice,),
            random_seed=seed,
            replications=replications,
            progress=tell,
        )
        if_equal = achieved.false_launch_rate(
            scenario,
            strategy=strategy,
            evaluators=choice,
            random_seed=seed,
            replications=replications,
            progress=lambda done, tell=tell: tell(replications + done),  # type: ignore[misc]
        )
        yield Row(found, if_equal)


def _show(screen: Screen, scenario: Scenario, rows: list[Row], replications: int, seed: int) -> None:
    screen.heading(scenario.title)
    screen.say(f"{replications:,} experiments of each way, seed {seed}", style="dim")
    best = max(range(len(rows)), key=lambda i: rows[i].achieved.right.value)
    screen.table(tables.achieved([row.achieved for row in rows], [row.if_equal for row in rows]), bold=[best])
    screen.out.print()
    screen.say(tables.FOOTNOTE, style="dim")


def _flat(row: Row) -> dict[str, Any]:
    """One level of names, each figure with its Monte-Carlo error behind it."""
    named = {**plain(row.achieved), "false_launch_if_equal": plain(row.if_equal)}
    flat: dict[str, Any] = {}
    for name, value in named.items():
        flat |= {name: value["value"], f"{name}_mcse": value["mcse"]} if isinstance(value, dict) else {name: value}
    return flat


def _write(folder: Path, answer: dict[str, Any]) -> None:
    from expsim_bayes.readers.atomic import whole

    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(answer["ways"][0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(answer["ways"])
    for name, content in ((TABLE, text.getvalue()), (ANSWER, to_json(answer))):
        with whole(folder / name) as file:
            file.write(content.encode())
