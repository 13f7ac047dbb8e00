"""`expsim app`: the dashboard, served by a process of its own until Ctrl-C."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from expsim_bayes.cli import exits
from expsim_bayes.cli.screen import Screen
from expsim_bayes.errors import ExpsimError, SettingError

SERVER = "expsim_bayes.apps.served"
"""What is started; the only tie to the dashboard, which is never imported here."""
FOLDER = "EXPSIM_MONITOR"
"""Variable that tells the server below which folder experiments may be opened."""
HEALTH = "/_stcore/health"
STDERR = 2
"""Where the server says what it has to say."""
TRIED = 50
"""Ports that are tried, from the one asked for."""
PATIENCE = 180.0
"""Seconds until a server that does not answer is given up."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Hosts that mean every address of the machine, and where one looks at them from here."""
LOCAL = ("127.0.0.1", "localhost", "::1")
"""Hosts that only this machine reaches."""


class ServerError(ExpsimError):
    """The server did not start, or has ended by itself."""

    exit_code = exits.FAULT


def serve(
    *,
    port: Annotated[
        int, typer.Option(metavar="N", min=1, max=65535, help="Port; the next free one where it is taken.")
    ] = 8501,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen at; others than this reach beyond this machine.")
    ] = "127.0.0.1",
    opens: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open", help="Open it in the browser; done unless told where a person is at a terminal."
        ),
    ] = None,
    monitor: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Only experiments below this folder may be monitored; this one here unless told."
        ),
    ] = None,
) -> None:
    """Open the dashboard: simulate, analyse, monitor and recommend, in a browser. Ctrl-C ends it."""
    screen = Screen()
    folder = _existing(monitor if monitor is not None else Path.cwd())
    found = free_port(host, port)
    if found != port:
        screen.aside(f"Port {port} is taken; {found} is used.")
    if host not in LOCAL:
        screen.aside(
            f"Warning: whoever reaches this machine at port {found} can use the dashboard and read the experiments below '{folder}'; "
            "there is no password. Put it behind a proxy that asks for one, or leave --host away.",
            style="yellow",
        )
    screen.aside("Getting ready ...")
    try:
        code = _served(screen, host, found, folder, opens=sys.stdout.isatty() if opens is None else opens)
    except KeyboardInterrupt:
        screen.aside("The dashboard has ended.")
        return
    raise _ended(code)


def _served(screen: Screen, host: str, port: int, folder: Path, *, opens: bool) -> int:
    """Exit code of a server that ended by itself; whatever else ends this, ends the server, too."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", SERVER, "--host", host, "--port", str(port)],
        stdin=subprocess.PIPE,
        stdout=STDERR,  # faults in a page are told there; what is said to people comes from here
        env=os.environ | {FOLDER: str(folder), "MPLBACKEND": "Agg"},
        start_new_session=True,  # Ctrl-C comes to this process alone, which ends the other in its turn
    ) as server:
        try:
            _wait(server, host, port)
            at = address(host, port)
            screen.say(f"The dashboard is at {at} (Ctrl-C ends it)")
            if opens:
                _open(at)
            return server.wait()
        finally:
            _end(server)


def free_port(host: str, port: int) -> int:
    """The first port from a given one at which nobody listens.

    Raises
    ------
    SettingError
        The host is none of this machine, or all of many ports are taken.

    Examples
    --------
    >>> with socket.socket() as taken:
    ...     taken.bind(("127.0.0.1", 0))
    ...     port = taken.getsockname()[1]
    ...     free_port("127.0.0.1", port) > port
    True
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise _no_host(host) from None
    last = min(port + TRIED, 65536)
    for tried in range(port, last):
        with socket.socket(family, kind, protocol) as trial:
            if os.name == "posix":
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            try:
                trial.bind((where[0], tried, *where[2:]))
            except PermissionError:
                raise SettingError(
                    f"port {tried} may not be used by you", where="--port", remedy="name one from 1024 up"
                ) from None
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise _no_host(host) from None
                continue
            return tried
    raise SettingError(f"the ports {port} to {last - 1} are all taken", where="--port", remedy="name another")


def _no_host(host: str) -> SettingError:
    return SettingError(
        f"{host!r} is no address of this machine",
        where="--host",
        remedy="leave it away, or use 0.0.0.0 to listen at every address",
    )


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds the dashboard.

    Examples
    --------
    >>> address("127.0.0.1", 8501), address("::", 80)
    ('http://127.0.0.1:8501', 'http://[::1]:80')
    """
    seen = EVERYWHERE.get(host, host)
    return f"http://[{seen}]:{port}" if ":" in seen else f"http://{seen}:{port}"


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise SettingError(f"'{folder}' is no folder", where="--monitor", remedy="name one that exists")
    return folder.resolve()


def _wait(server: subprocess.Popen[bytes], host: str, port: int) -> None:
    """Wait until the server answers that it is well."""
    begun = time.monotonic()
    while not _healthy(EVERYWHERE.get(host, host), port):
        if server.poll() is not None:
            raise _ended(server.returncode)
        if time.monotonic() - begun > PATIENCE:
            raise ServerError(
                f"the dashboard has not answered within {PATIENCE:.0f} seconds",
                remedy="try again when less is going on",
            )
        time.sleep(0.1)


def _healthy(host: str, port: int) -> bool:
    asked = http.client.HTTPConnection(host, port, timeout=5)
    try:
        asked.request("GET", HEALTH)
        return asked.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()


def _open(at: str) -> None:
    import webbrowser

    with suppress(webbrowser.Error, OSError):  # there may be no browser; the address is said
        webbrowser.open(at)


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server, and not be kept waiting by it."""
    if server.poll() is not None:
        return
    server.terminate()
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _ended(code: int) -> ServerError:
    return ServerError(
        f"the dashboard's server has ended by itself (exit code {code})",
        remedy="what it says above tells why; if that is no help, report it",
    )
