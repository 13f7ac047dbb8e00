"""The `expsim` command: its verbs, its version, and what happens when something fails.

A mistake of the user ends in one message with its remedy, an interruption in what was kept, a fault of ours in a request to report it;
each has an exit code of its own. Nobody is shown a traceback who has not asked for it with --debug.
"""

from __future__ import annotations

import errno
import signal
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from typer.core import TyperGroup

from expsim_bayes.cli import (
    agreement,
    calibrate,
    check,
    command,
    compare,
    compare_models,
    decide,
    diagnose,
    exits,
    export,
    fit,
    guard,
    monitor,
    pretend,
    raters,
    report,
    scenario_table,
    scenarios,
    sensitivity,
    serve,
    simulate,
)
from expsim_bayes.cli.screen import Screen
from expsim_bayes.errors import ExpsimError

if TYPE_CHECKING:
    from types import FrameType

ABOUT = """Bayesian experiments on GenAI features: simulate before you pay, fit real ratings, decide in plain words.

Begin with: expsim simulate summarization-prompts"""
EPILOG = "\n\n".join(["Exit codes:", *(f"{code:>4}  {meaning}" for code, meaning in exits.MEANINGS.items())])
_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Guarded(TyperGroup):
    """The group of all verbs: turns what they raise into a message and an exit code."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Remember whether messages are to be JSON, before anything can fail; --debug may stand anywhere."""
        ctx.meta["as_json"] = "--json" in args
        ctx.meta["debug"] = "--debug" in args
        words = [word for word in args if word != "--debug"]
        command.typed.set(tuple(words))
        return super().parse_args(ctx, words)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run a verb; whatever it raises becomes a message and an exit code."""
        try:
            return super().invoke(ctx)
        except (ExpsimError, KeyboardInterrupt, MemoryError, OSError) as error:
            if ctx.meta["debug"]:
                raise
            raise typer.Exit(explain(error, Screen(as_json=ctx.meta["as_json"]))) from None


def explain(error: BaseException, screen: Screen) -> int:
    """Say what happened and what to do about it; the exit code."""
    if isinstance(error, ExpsimError):
        screen.fail(error.problem, where=error.where, remedy=error.remedy, exit_code=error.exit_code)
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        code = exits.of_interruption(error)
        screen.fail("interrupted before anything was finished; nothing was written", exit_code=code)
        return code
    if isinstance(error, MemoryError):
        screen.fail(
            "there is not enough memory", remedy="use fewer replications, draws or ratings", exit_code=exits.BAD_INPUT
        )
        return exits.BAD_INPUT
    assert isinstance(error, OSError)
    remedy = (
        "make room, or name another folder with --out"
        if error.errno in _ROOM
        else "check that the place exists and may be used"
    )
    screen.fail(error.strerror or str(error), where=str(error.filename or ""), remedy=remedy, exit_code=exits.BAD_INPUT)
    return exits.BAD_INPUT


app = typer.Typer(
    name="expsim",
    cls=Guarded,
    help=ABOUT,
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
scenario = typer.Typer(
    help="List, show and check scenarios, and count how often following them ends right.", no_args_is_help=True
)
scenario.command("list")(scenarios.show_library)
scenario.command("show")(scenarios.show)
scenario.command("prices")(scenarios.show_prices)
scenario.command("check")(scenarios.check)
scenario.command("table")(scenario_table.table)
app.add_typer(scenario, name="scenario")
watch = typer.Typer(
    help="Monitor a running experiment: batches of ratings in, a decision after each look.", no_args_is_help=True
)
watch.command("init")(monitor.init)
watch.command("add")(monitor.add)
watch.command("status")(monitor.status)
watch.command("next")(monitor.ahead)
watch.command("report")(monitor.report)
app.add_typer(watch, name="monitor")
app.command("simulate")(simulate.simulate)
app.command("compare")(compare.compare)
app.command("calibrate")(calibrate.calibrate)
app.command("pretend")(pretend.pretend)
app.command("fit")(fit.fit)
app.command("guard")(guard.guard)
app.command("report")(report.report)
app.command("decide")(decide.decide)
app.command("compare-models")(compare_models.compare_models)
app.command("diagnose")(diagnose.diagnose)
app.command("export")(export.export)
app.command("sensitivity")(sensitivity.sensitivity)
app.command("raters")(raters.raters)
app.command("agreement")(agreement.agreement)
app.command("check")(check.check)
app.command("app")(serve.serve)


def _show_version(wanted: bool) -> None:  # noqa: FBT001
    if wanted:
        Screen().say(f"expsim {version('expsim-bayes')}")
        raise typer.Exit


@app.callback()
def common(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    _debug: Annotated[bool, typer.Option("--debug", help="Show where in the program an error came from.")] = False,
) -> None:
    """Options before the verb."""


def main() -> NoReturn:
    """Run `expsim`, as the script of that name does."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a terminal that lacks a sign shows a question mark
    Console.on_broken_pipe = _closed  # type: ignore[method-assign]  # Typer's help is printed by a console of its own
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except KeyboardInterrupt as stop:  # before a verb began or after it ended
        if "--debug" in sys.argv:
            raise
        sys.exit(exits.of_interruption(stop))
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        Screen(as_json="--json" in sys.argv).fail(
            f"an unexpected fault ({type(error).__name__}: {error})",
            remedy="run it again with --debug, and report what it shows",
            exit_code=exits.FAULT,
        )
        sys.exit(exits.FAULT)
    raise SystemExit(0)


def _closed(self: Console) -> None:  # noqa: ARG001
    exits.closed_pipe()


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise exits.Terminated
