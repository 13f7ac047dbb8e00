"""Errors that a user can mend: what is wrong, where, and what to do about it.

Everything that a person can put right (a column, a key, a file, a setting) is raised as an `ExpsimError`, which the command line
prints without a traceback. A programming mistake stays an ordinary Python exception.
"""

from __future__ import annotations

from typing import ClassVar


class ExpsimError(Exception):
    """A problem that the user can mend.

    Parameters
    ----------
    problem : str
        What is wrong, in one plain sentence, naming the value.
    where : str, optional
        File, column and row, or the TOML key.
    remedy : str
        What to do about it.

    Examples
    --------
    >>> raise ExpsimError("column 'score' is missing", where="ratings.csv", remedy="name it with --column score=YOURS")
    Traceback (most recent call last):
    ...
    expsim_bayes.errors.ExpsimError: ratings.csv: column 'score' is missing. Remedy: name it with --column score=YOURS.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, problem: str, *, remedy: str, where: str = "") -> None:
        self.problem = problem
        self.where = where
        self.remedy = remedy
        place = f"{where}: " if where else ""
        super().__init__(f"{place}{problem.rstrip('.')}. Remedy: {remedy.rstrip('.')}.")


class RatingsError(ExpsimError):
    """The ratings cannot be used as they are."""


class ScenarioError(ExpsimError):
    """The scenario cannot be used as it is."""


class SettingError(ExpsimError):
    """A setting (prior, threshold, number of draws) has no meaning."""
