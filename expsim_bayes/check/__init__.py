"""Is what is computed right? Checks that can fail, each run by one command, each with a page that says what it found.

``expsim check all --out docs/validation`` runs them for the record. The names of the checks are those of `CHECKS`.

Examples
--------
>>> from expsim_bayes.check import CHECKS
>>> list(CHECKS)[:5]
['fast', 'prior', 'agreement', 'continuous', 'scores-quick']
"""

from __future__ import annotations

from expsim_bayes.check.catalogue import CHECKS, Check, run_check
from expsim_bayes.check.outcome import Outcome, Table
from expsim_bayes.check.pages import write

__all__ = ["CHECKS", "Check", "Outcome", "Table", "run_check", "write"]
