"""Files of one session: an upload in a folder of its own that goes when it is replaced or the session ends, and samples to try.

Names of uploaded files are shown and stored, never trusted: they lose every part that is a path, and what a file is, its bytes tell.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import unicodedata
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.errors import RatingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from expsim_bayes.ratings import Ratings

LIMIT = 50_000_000
"""Bytes of a file that are taken; `server.maxUploadSize` holds browsers to the same."""
UNPACKED = 400_000_000
"""Bytes that the cells of a file may take once they are unpacked."""
LONGEST = 120
"""Characters of a file's name that are kept."""


class Folder:
    """A temporary folder that goes with whoever holds it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="expsim-"))
        self._end = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def remove(self) -> None:
        """Delete it now."""
        self._end()


@dataclass(frozen=True)
class File:
    """A file of ratings that belongs to one session."""

    path: Path
    """Where it lies."""
    token: str
    """Beginning of its SHA-256, which tells files apart."""
    sample: str = ""
    """What it shows, where it was made up."""
    folder: Folder = field(default_factory=Folder, compare=False)
    """What it lies in."""

    @property
    def name(self) -> str:
        """Its name, for display."""
        return self.path.name


class Sample(NamedTuple):
    """A made-up file to try."""

    title: str
    name: str
    words: str
    """What it holds."""
    make: Callable[[], Ratings]


def received(name: str, content: bytes) -> File:
    r"""An uploaded file, written into a folder of its own.

    Raises
    ------
    RatingsError
        It is empty or too large.

    Examples
    --------
    >>> file = received("../../etc/pass\x00wd.csv", b"variant,score")
    >>> file.name, file.path.read_bytes()
    ('passwd.csv', b'variant,score')
    """
    return _written(name, content)


def safe_name(name: str) -> str:
    r"""A name that is only a name: no path, nothing invisible, short enough for a disk.

    Examples
    --------
    >>> safe_name("C:\\data\\r\u202eatings.csv"), safe_name(".."), safe_name("x" * 500 + ".csv")[-8:]
    ('ratings.csv', 'ratings', 'xxxx.csv')
    """
    bare = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(sign for sign in bare if unicodedata.category(sign)[0] != "C").strip(" .")
    if len(shown.encode()) > LONGEST:
        stem, dot, ending = shown.rpartition(".")
        end = f"{dot}{ending[:10]}" if dot else ""
        shown = (stem or shown).encode()[: LONGEST - len(end.encode())].decode(errors="ignore") + end
    return shown or "ratings"


def samples() -> dict[str, Sample]:
    """Files to try, by a short name."""
    return {
        "scores": Sample(
            "Scores by people and a judge",
            "sample-scores.csv",
            "Made up: two prompts for summaries, scored by people and by an LLM judge that has a taste of its own.",
            _scores,
        ),
        "comparisons": Sample(
            "Comparisons side by side",
            "sample-comparisons.csv",
            "Made up: three assistants compared two at a time, by people and by two judges, ties allowed.",
            _comparisons,
        ),
    }


def sample(key: str) -> File:
    """A made-up file, as if it had been uploaded."""
    from expsim_bayes.readers import to_csv

    found = samples()[key]
    folder = Folder()
    path = folder.path / found.name
    to_csv(found.make(), path)
    return File(path, _token(path.read_bytes()), found.words, folder)


def _written(name: str, content: bytes) -> File:
    shown = safe_name(name)
    if not content:
        raise RatingsError("the file is empty (0 bytes)", where=shown, remedy="choose a file with a header and ratings")
    if len(content) > LIMIT:
        raise RatingsError(
            f"the file has {len(content):,} bytes, at most {LIMIT:,} are taken here",
            where=shown,
            remedy="keep only the columns and rows that are needed, or use `expsim fit` on the command line",
        )
    folder = Folder()
    path = folder.path / shown
    path.write_bytes(content)
    return File(path, _token(content), "", folder)


def _token(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _scores() -> Ratings:
    from expsim_bayes.experiment import play
    from expsim_bayes.scenario import load

    return play(load("summarization-prompts"), random_seed=2).ratings


def _comparisons() -> Ratings:
    from expsim_bayes.simulate import preference

    return preference.ratings(preference.Truth(), 2)
