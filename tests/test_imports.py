"""What an import costs: the simulating half must start at once, so the sampler and its friends stay out of it."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import expsim_bayes

HEAVY = {"pymc", "pytensor", "arviz", "nutpie", "streamlit", "scipy.stats"}
# Each needs what it names at its top; every other module imports such things inside the function that uses them.
SAMPLING = {"models", "diagnostics", "fit", "model_comparison", "sensitivity", "apps"}
DRAWING = {"plots", "report"}


def loaded_after(statements: str, *arguments: str) -> set[str]:
    """Names of all modules that a fresh interpreter holds after the statements."""
    program = f"import json, sys\n{statements}\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def light_modules() -> list[str]:
    package = Path(__file__).resolve().parents[1] / "expsim_bayes"
    names = {path.stem for path in package.glob("*.py")} | {path.parent.name for path in package.glob("*/__init__.py")}
    return sorted(names - SAMPLING - DRAWING - {"__init__"})


def test_package_is_light() -> None:
    found = loaded_after("import expsim_bayes\nassert 'load' in dir(expsim_bayes) and 'fit' in dir(expsim_bayes)")
    assert found & (HEAVY | {"matplotlib", "numpy", "xarray", "pydantic"}) == set()
    assert [name for name in found if name.startswith("expsim_bayes.")] == []


def test_every_line_of_the_table_of_contents_runs() -> None:
    told = re.findall(r"``(from expsim_bayes[^`]+)``", expsim_bayes.__doc__ or "")
    offered: dict[str, object] = {}
    for line in told:
        exec(line, offered)
    assert len(told) == (expsim_bayes.__doc__ or "").count("\nto ")
    assert set(expsim_bayes.__all__) <= set(offered)
    for name in expsim_bayes.__all__:
        assert getattr(expsim_bayes, name) is offered[name]
        assert (
            importlib.util.find_spec(f"expsim_bayes.{name}") is None
        )  # an import of such a module would take its place
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = expsim_bayes.nothing


def test_fit_is_its_module_however_it_is_asked_for() -> None:
    loaded_after(
        "from expsim_bayes import fit as asked\nimport expsim_bayes.fit\nfrom expsim_bayes.fit import fit\n"
        "assert expsim_bayes.fit is asked and asked.fit is fit"
    )


def test_modules_outside_the_sampling_half_are_light() -> None:
    statements = "\n".join(f"import expsim_bayes.{name}" for name in light_modules())
    assert loaded_after(statements) & (HEAVY | {"matplotlib"}) == set()


def test_drawing_needs_no_sampler() -> None:
    statements = "\n".join(f"import expsim_bayes.{name}" for name in sorted(DRAWING))
    assert loaded_after(statements) & HEAVY == set()


@pytest.mark.slow
@pytest.mark.parametrize("writes", [False, True], ids=["table", "folder"])
def test_simulate_command_needs_no_sampler(tmp_path: Path, *, writes: bool) -> None:
    statements = """
from expsim_bayes.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""
    out = ["--out", str(tmp_path / "a run")] if writes else []
    assert loaded_after(statements, "simulate", "summarization-prompts", *out) & HEAVY == set()
