"""`expsim app`: a server that starts where there is room, answers, and ends when it is told to."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from expsim_bayes.apps.served import settings
from expsim_bayes.cli import exits
from expsim_bayes.cli.app import app
from expsim_bayes.cli.serve import HEALTH, address, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
# A shell that runs the tests in the background lets its children ignore Ctrl-C.
LISTEN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
EXPSIM = [sys.executable, "-c", f"{LISTEN}; from expsim_bayes.cli import main; main()", "app", "--no-open"]


@contextmanager
def taken() -> Iterator[int]:
    """A port at which somebody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def answers(port: int) -> bool:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        asked.request("GET", HEALTH)
        return asked.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        asked.close()


@contextmanager
def started(folder: Path, port: int, n: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Commands that are started at once, all with the same port."""
    with ExitStack() as stack:
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        commands = [
            stack.enter_context(
                subprocess.Popen([*EXPSIM, "--port", str(port + 60 * k)], cwd=folder, text=True, **pipes)
            )
            for k in range(n)
        ]
        try:
            yield commands
        finally:
            for command in commands:
                command.kill()


@pytest.mark.slow
def test_it_starts_beside_a_taken_port_answers_and_ends_with_its_command(tmp_path: Path) -> None:
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    with taken() as port, started(tmp_path, port, len(ends)) as commands:
        for command, number in zip(commands, ends, strict=True):
            assert command.stdout is not None
            said = command.stdout.readline()
            found = re.fullmatch(r"The dashboard is at http://127\.0\.0\.1:(\d+) \(Ctrl-C ends it\)\n", said)
            assert found, said
            at = int(found[1])
            assert at > port
            assert answers(at)
            command.send_signal(number)
            if number == signal.SIGKILL:
                assert ends_soon(at)  # a killed command tells nobody; the server finds its pipe closed
                continue
            out, err = command.communicate(timeout=60)
            assert command.returncode == 0
            assert out == ""
            assert "Traceback" not in err
            assert ("is taken" in err) == (number == signal.SIGINT)
            assert not answers(at)
    assert list(tmp_path.iterdir()) == []


def ends_soon(port: int) -> bool:
    for _ in range(300):
        if not answers(port):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "nowhere.invalid"], "is no address of this machine"),
        (["--host", "192.0.2.1"], "is no address of this machine"),
        (["--monitor", "not there"], "is no folder"),
    ],
)
def test_what_cannot_be_served_is_said(arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a server was started"))
    result = CliRunner().invoke(app, ["app", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert words in result.output
    assert "Remedy:" in result.output


def test_a_host_beyond_this_machine_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", stop)
    everywhere = CliRunner().invoke(app, ["app", "--host", "0.0.0.0", "--port", "8791"], env={"COLUMNS": "300"})
    assert "there is no password" in everywhere.output
    here = CliRunner().invoke(app, ["app", "--port", "8791"], env={"COLUMNS": "300"})
    assert "password" not in here.output


def test_a_server_that_ends_by_itself_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expsim_bayes.cli.serve.SERVER", "expsim_bayes.no_such_module")
    result = CliRunner().invoke(app, ["app", "--no-open"], env={"COLUMNS": "200"})
    assert result.exit_code == exits.FAULT
    assert "has ended by itself" in result.output


def test_free_ports_are_tried_in_their_order() -> None:
    with taken() as port:
        found = free_port("127.0.0.1", port)
        assert port < found < port + 50
    assert address("0.0.0.0", 8501) == "http://127.0.0.1:8501"


def test_the_server_is_closed_to_others_unless_told() -> None:
    told = settings()
    assert told["server.address"] == "127.0.0.1"
    assert told["server.enableXsrfProtection"] is True
    assert told["server.enableCORS"] is True
    assert told["browser.gatherUsageStats"] is False
    assert told["client.showErrorDetails"] == "none"
    assert told["server.maxUploadSize"] <= 200


def test_every_setting_is_one_of_streamlit() -> None:
    from streamlit import config

    known = set(config.get_config_options())
    assert set(settings()) - known == set()


def test_settings_and_pages_are_shipped() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    shipped = {path for pattern in data["expsim_bayes.apps"] for path in (ROOT / "apps").glob(pattern)}
    files = {path for path in (ROOT / "apps").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert files - shipped - set((ROOT / "apps").glob("*.py")) == set()
