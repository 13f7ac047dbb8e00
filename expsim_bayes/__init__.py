"""Bayesian experiments on GenAI features: simulate before you pay, fit real ratings, decide in plain words.

Nothing is loaded here until it is asked for.

==============================================  ==================================================================
to read a scenario; to see or write one         ``from expsim_bayes import load, library, Scenario``
to play one experiment, to run many             ``from expsim_bayes import play, run``
to count how they end, to compare ways          ``from expsim_bayes import characteristics, compare``
to read ratings from a file, or from a table    ``from expsim_bayes import read, validate``
to fit them                                     ``from expsim_bayes.fit import fit``
to choose and build a model                     ``from expsim_bayes.models import choose, task``
to know whether a fit can be trusted            ``from expsim_bayes import diagnose``
to turn either into facts and a decision        ``from expsim_bayes import of_experiment, of_fit``
to say it                                       ``from expsim_bayes import recommendation``
to see it                                       ``from expsim_bayes import plots``
to hand it on                                   ``from expsim_bayes.report import document, rendered, write_forms``
to keep a fit for other programs                ``from expsim_bayes.fits.written import write``
to keep an experiment that is running           ``from expsim_bayes.live import begin, add, opened``
to check that all of this is right              ``from expsim_bayes import check``
==============================================  ==================================================================

`expsim_bayes.fit` is the module, and `expsim_bayes.fit.fit` its function.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from expsim_bayes.diagnosis import diagnose
    from expsim_bayes.experiment import play, run
    from expsim_bayes.operating_characteristics import characteristics, compare
    from expsim_bayes.ratings import validate
    from expsim_bayes.readers import read
    from expsim_bayes.recommend import of_experiment
    from expsim_bayes.recommend.fit import of_fit
    from expsim_bayes.scenario import Scenario, library, load
    from expsim_bayes.sentences import recommendation

__all__ = [
    "Scenario",
    "characteristics",
    "compare",
    "diagnose",
    "library",
    "load",
    "of_experiment",
    "of_fit",
    "play",
    "read",
    "recommendation",
    "run",
    "validate",
]

_HOME = {
    "Scenario": "scenario",
    "characteristics": "operating_characteristics",
    "compare": "operating_characteristics",
    "diagnose": "diagnosis",
    "library": "scenario",
    "load": "scenario",
    "of_experiment": "recommend",
    "of_fit": "recommend.fit",
    "play": "experiment",
    "read": "readers",
    "recommendation": "sentences",
    "run": "experiment",
    "validate": "ratings",
}
"""The module of each name; none of them is the name of a module, which an import elsewhere would put in its place."""
_MODULES = ("check", "fit", "live", "models", "plots", "report")
"""Modules that are found without an import of their own."""


def __getattr__(name: str) -> Any:
    """What is asked for by name, loaded now and kept."""
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """What is offered, loaded or not."""
    return sorted({*globals(), *__all__, *_MODULES})
