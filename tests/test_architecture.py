"""Holds ARCHITECTURE.md, the import contract and the pins to the tree."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "expsim_bayes"
LONGEST = 300  # lines of code; a longer file has more than one subject

ROW = re.compile(r"^\| `(?P<path>[^`]+)` \| (?P<purpose>[^|]+) \|(?:(?P<parts>[^|]*)\|)?$", re.MULTILINE)


def rows(heading: str) -> list[tuple[str, set[str]]]:
    """Path and parts of each row of the table below a heading of ARCHITECTURE.md."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [(row["path"], set(re.findall(r"`([^`]+)`", row["parts"] or ""))) for row in ROW.finditer(section)]


def module_name(path: str) -> str:
    """The name in the package: `costs.py` and `posterior/` are `costs` and `posterior`."""
    return path.removesuffix(".py").strip("/")


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def project_files() -> list[Path]:
    """What git tracks or would track; without git every file outside folders that tools make."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        paths = [ROOT / name for name in names if name]
    else:
        made = re.compile(r"\.git|\.venv|__pycache__|\..*_cache|\.hypothesis|.*\.egg-info|build|dist|out")
        paths = [p for p in ROOT.rglob("*") if not any(made.fullmatch(part) for part in p.relative_to(ROOT).parts)]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def lines_of_code(path: Path) -> int:
    """Lines that are neither blank nor a comment nor part of a docstring."""
    source = path.read_text(encoding="utf-8")
    texts = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    docstrings = {
        number
        for text in texts
        if isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
        for number in range(text.lineno, (text.end_lineno or text.lineno) + 1)
    }
    lines = enumerate(source.splitlines(), start=1)
    return sum(bool(line.strip()) and line.strip()[0] != "#" and number not in docstrings for number, line in lines)


def test_modules_of_the_table_are_those_of_the_tree() -> None:
    files = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    folders = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    assert sorted(path for path, _ in rows("Modules")) == sorted(files | folders)


@pytest.mark.parametrize(("path", "parts"), [row for row in rows("Modules") if row[0].endswith("/")])
def test_parts_of_a_folder_are_its_files(path: str, parts: set[str]) -> None:
    assert parts == {file.stem for file in (PACKAGE / path).glob("*.py")} - {"__init__"}


def test_folders_of_the_table_exist() -> None:
    assert [path for path, _ in rows("Around the package") if not (ROOT / path).exists()] == []


def test_import_contract_has_the_order_of_the_table() -> None:
    contract = next(c for c in pyproject()["tool"]["importlinter"]["contracts"] if c["id"] == "layers")
    layers = [{name.strip("( )") for name in layer.split("|")} for layer in reversed(contract["layers"])]
    order = [module_name(path) for path, _ in rows("Modules")]
    position = {name: n for n, layer in enumerate(layers) for name in layer}
    assert sorted(position) == sorted(order)
    assert order == sorted(order, key=position.__getitem__)


def test_import_contract_is_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_is_shipped() -> None:
    found = {f"expsim_bayes.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py")} | {"expsim_bayes"}
    assert set(pyproject()["tool"]["setuptools"]["packages"]) == found


def test_files_have_one_subject() -> None:
    code = [path for path in project_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] != "tests"]
    lengths = {str(path.relative_to(ROOT)): lines_of_code(path) for path in code}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_pins_cover_every_declared_dependency() -> None:
    project = pyproject()
    declared = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE)
    }
    requirements = [Requirement(line) for line in declared]
    unmet = [str(r) for r in requirements if not r.specifier.contains(pinned.get(canonicalize_name(r.name), "0"))]
    assert unmet == [], "run `make lock`"


def test_no_file_names_a_registry_host() -> None:
    # Spelt in pieces, so that this file does not name one either.
    hosts = [
        ".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("anaconda", "org"), ("npmjs", "org"))
    ]
    found = {
        (str(path.relative_to(ROOT)), host)
        for path in project_files()
        for host in hosts
        if host.encode() in path.read_bytes().lower()
    }
    assert found == set()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_make_targets_in_the_pages_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", (ROOT / page).read_text(encoding="utf-8")))
    assert named - targets == set()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_relative_links_in_the_pages_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []
