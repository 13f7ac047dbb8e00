"""A journal of finished simulations: one JSON object a line, so that an interrupted run goes on where it stopped.

The first line says what is run, from which commit and since when. A journal of another run is refused, so that nothing is lost; a line
that an interruption cut short is dropped.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from expsim_bayes.check.origin import commit
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Journal:
    """Finished simulations of one run.

    Parameters
    ----------
    file : Path or None
        Where they are kept; None keeps nothing.
    run : mapping
        What is run: everything that, changed, would change the numbers.

    Raises
    ------
    SettingError
        The file holds simulations of another run.
    """

    def __init__(self, file: Path | None, run: Mapping[str, object]) -> None:
        self.file = file
        self.kept: list[dict[str, Any]] = []
        self.header = {
            "run": json.loads(json.dumps(run)),
            "commit": commit(),
            "begun_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if file is None:
            return
        lines = _whole_lines(file)
        if lines and lines[0].get("run") != self.header["run"]:
            raise SettingError(
                f"holds {len(lines) - 1} simulations made with other settings, packages or code",
                where=str(file),
                remedy="name another folder with --out, or move this file away",
            )
        if lines:
            self.header, *self.kept = lines
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(line) + "\n" for line in (self.header, *self.kept)), encoding="utf-8")

    def rows(self) -> list[dict[str, Any]]:
        """What was finished before."""
        return self.kept

    def append(self, row: Mapping[str, object]) -> None:
        """Keep one more, at once."""
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")


def _whole_lines(file: Path) -> list[dict[str, Any]]:
    """The lines of a journal that were written in full."""
    if not file.exists():
        return []
    found = []
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.endswith("\n"):
            break
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found
