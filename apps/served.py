"""The dashboard's server: settings of `config.toml`, the opening chart answered, then Streamlit on `main.py`.

`expsim app` starts it as a process of its own, ``python -m expsim_bayes.apps.served``, and keeps a pipe open to it: when the pipe
closes, for whatever reason, the server ends, so that none is left behind.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


def settings(**changed: Any) -> dict[str, Any]:
    """Settings of `config.toml` by their dotted names, with some changed.

    Examples
    --------
    >>> found = settings(**{"server.port": 8700})
    >>> found["server.address"], found["server.port"]
    ('127.0.0.1', 8700)
    """
    told = tomllib.loads((HERE / "config.toml").read_text(encoding="utf-8"))
    return dict(_dotted(told)) | changed


def _dotted(table: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{before}{name}.")
        else:
            yield before + name, value


def serve(host: str, port: int) -> None:
    """Serve the dashboard until the process is told to end."""
    from streamlit.web import bootstrap

    from expsim_bayes.apps.warm import warm

    flags = settings(
        **{"server.address": host, "server.port": port, "logger.hideWelcomeMessage": True, "logger.level": "warning"}
    )
    bootstrap.load_config_options(flags)
    warm()
    bootstrap.run(str(HERE / "main.py"), False, [], flags)  # noqa: FBT003


def _end_with_the_pipe() -> None:
    os.read(sys.stdin.fileno(), 1)  # not through the buffer, whose lock a thread that waits would keep at the end
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve as the command line says."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--host", default="127.0.0.1")
    asked.add_argument("--port", type=int, default=8501)
    told = asked.parse_args()
    threading.Thread(target=_end_with_the_pipe, daemon=True).start()
    serve(told.host, told.port)


if __name__ == "__main__":
    main()
