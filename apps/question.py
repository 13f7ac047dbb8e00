"""What is asked of a file of ratings: how it is read, which difference matters, by which model; told as command line and Python.

The names are those of `expsim_bayes.readers.read`, `expsim_bayes.fit.fit` and `expsim_bayes.recommend.fit.of_fit`.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from expsim_bayes.apps.asked import exact
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from expsim_bayes.frozen import Frozen
    from expsim_bayes.ratings import Ratings

Pairs = tuple[tuple[str, Any], ...]
"""A mapping whose order counts, as it stays frozen."""

AUTO = "auto"
"""Stands for the model that suits the ratings."""
MODELS = {
    AUTO: "what suits the ratings",
    "continuous": "scores on a scale of many steps",
    "robust": "scores, some of them wild",
    "ordinal": "stars on a scale of a few steps",
    "binary": "pass or fail",
    "classes": "labels of some classes",
    "error_scores": "counts of errors, many of them zero",
    "preference": "one variant against another",
    "ranking": "several variants put in order",
    "operations": "seconds, tokens or dollars of calls",
}
"""Every model, by its name, and what it is for."""
MAPPINGS = ("columns", "where", "score_map", "outcome_map")
"""Settings that are mappings where a file is read."""
READING = (
    *MAPPINGS, "score_range", "valid_range", "round_scores", "higher_is_better", "anonymous_kinds", "control", "reference",
    "duplicates", "merge_names", "crossed_users", "compare", "encoding", "quoting",
)  # fmt: skip
"""Settings with which a file is read."""
SAMPLING = ("engine", "draws", "tune", "target_accept")
"""Settings of the sampler."""
CELLS = ("encoding", "quoting")
"""Those with which its cells are read."""
FLAGS = {
    "columns": "--column",
    "where": "--where",
    "score_map": "--score-map",
    "outcome_map": "--outcome-map",
    "prices": "--price",
    "priors": "--prior",
}
"""Options of the command line that are given once a pair."""


class Chosen(NamedTuple):
    """A model with its priors."""

    name: str
    why: str
    """Why it was chosen; empty where it was asked for."""
    priors: Frozen


@dataclass(frozen=True, kw_only=True)
class Question:
    """One way of reading and fitting a file of ratings."""

    columns: Pairs = ()
    """(ours, theirs)"""
    where: Pairs = ()
    """(column, value): only rows that have it."""
    score_map: Pairs = ()
    """(word, number)"""
    outcome_map: Pairs = ()
    """(word, side)"""
    score_range: tuple[float, float] | None = None
    """Ends of the scale; a score outside is an error."""
    valid_range: tuple[float, float] | None = None
    """Ends of the scale; a score outside counts as missing."""
    round_scores: bool = False
    anonymous_kinds: tuple[str, ...] = ()
    """Kinds whose rater names are slots, not persons."""
    duplicates: str = "ask"
    merge_names: bool = False
    crossed_users: str = "keep"
    compare: bool = True
    encoding: str | None = None
    quoting: bool = True
    higher_is_better: bool = True
    control: str | None = None
    reference: str | None = None
    min_effect: float = 0.0
    threshold: float = 0.95
    prices: Pairs = ()
    """(evaluator, dollars a rating)"""
    model: str = AUTO
    priors: Pairs = ()
    """(name, value) of priors of the model, gold, domain and covariates among them."""
    engine: str = "auto"
    draws: int = 1500
    """Draws of each chain."""
    tune: int = 1000
    """Tuning steps of each chain."""
    target_accept: float | None = None
    seed: int = 0

    def reading(self) -> dict[str, Any]:
        """How the file is read, as `expsim_bayes.readers.read` takes it.

        Examples
        --------
        >>> Question(columns=(("score", "stars"),)).reading()["columns"]
        {'score': 'stars'}
        """
        return {name: dict(getattr(self, name)) if name in MAPPINGS else getattr(self, name) for name in READING}

    def sampling(self) -> dict[str, Any]:
        """How it is fitted, as `expsim_bayes.fit.fit` takes it."""
        return {"random_seed": self.seed, **{name: getattr(self, name) for name in SAMPLING}}

    def checking(self) -> dict[str, Any]:
        """The same without what only files have, as `expsim_bayes.ratings.validate` takes it."""
        return {name: value for name, value in self.reading().items() if name not in CELLS}

    def chosen(self, ratings: Ratings) -> Chosen:
        """The model that was asked for, or that suits the ratings, with its priors.

        Raises
        ------
        SettingError
            The model has no such prior, or it cannot have that value.
        """
        from expsim_bayes.models._told import priors_from

        name, why = self.model, ""
        if name == AUTO:
            name, why = suits(ratings)
        elif name not in MODELS:
            raise SettingError(f"{name!r} is no model", where="model", remedy=f"choose among {', '.join(MODELS)}")
        return Chosen(name, why, priors_from(name, dict(self.priors)))

    def command(self, file: str, out: str = "fit") -> str:
        """The command line that gives the same numbers.

        Examples
        --------
        >>> Question(where=(("criterion", "empathy"),), control="GPT-2").command("hanna.csv")
        'expsim fit hanna.csv --where criterion=empathy --control GPT-2 --out fit'
        """
        words = ["expsim", "fit", f"./{file}" if file.startswith("-") else file]
        for name, flag in FLAGS.items():
            for key, value in getattr(self, name):
                words += _told(name, flag, key, value)
        for name, flag in (("score_range", "--score-range"), ("valid_range", "--valid-range")):
            ends = getattr(self, name)
            words += [] if ends is None else [flag, f"{exact(ends[0])}:{exact(ends[1])}"]
        for kind in self.anonymous_kinds:
            words += ["--anonymous-raters", kind]
        for name, flag in _VALUED.items():
            value = getattr(self, name)
            words += [] if value == _default(name) else [flag, exact(value) if isinstance(value, float) else str(value)]
        for name, flag in _SWITCHES.items():
            words += [flag] if getattr(self, name) != _default(name) else []
        return shlex.join([*words, "--out", out])

    def python(self, file: str) -> str:
        """Lines of Python that give the same numbers."""
        reading = {n: v for n, v in self.reading().items() if n not in MAPPINGS and v != _default(n)}
        reading |= {n: dict(getattr(self, n)) for n in MAPPINGS if getattr(self, n)}
        model = "*choose(ratings)" if self.model == AUTO else repr(self.model)
        priors = f", priors=priors_from(model, {dict(self.priors)!r})" if self.priors else ""
        effect = f", min_effect={exact(self.min_effect)}" if self.min_effect else ""
        sampler = "".join(f", {n}={getattr(self, n)!r}" for n in SAMPLING if getattr(self, n) != _default(n))
        weigh = effect + (f", threshold={exact(self.threshold)}" if self.threshold != _default("threshold") else "")
        weigh += f", prices={dict(self.prices)!r}" if self.prices else ""
        lines = [
            "from expsim_bayes.fit import fit",
            *(["from expsim_bayes.models import choose"] if self.model == AUTO else []),
            *(["from expsim_bayes.models._told import priors_from"] if self.priors else []),
            "from expsim_bayes.readers import read",
            "from expsim_bayes.recommend.fit import of_fit",
            "from expsim_bayes.sentences import recommendation",
            "",
            f"ratings = read({', '.join([repr(file), *(f'{n}={v!r}' for n, v in reading.items())])})",
            "model, why = choose(ratings)" if self.model == AUTO else f"model = {model}",
            f"tree = fit(ratings, model=model{priors}, random_seed={self.seed}{sampler}{effect})",
            f"facts = of_fit(tree, ratings{weigh})",
            "print(recommendation(facts).text())",
        ]
        return "\n".join(lines) + "\n"

    def to_json(self) -> str:
        """The question as JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Question:
        """A question from its JSON text.

        Examples
        --------
        >>> asked = Question(score_range=(1.0, 5.0), prices=(("crowd", 0.3),))
        >>> Question.from_json(asked.to_json()) == asked
        True
        """
        told: Mapping[str, Any] = json.loads(text)
        return cls(**{name: _frozen(value) for name, value in told.items()})


def suits(ratings: Ratings) -> tuple[str, str]:
    """Name of the model that suits some ratings, and why."""
    from expsim_bayes.models import choose

    found = choose(ratings)
    return found.name, found.reason


_VALUED = {
    "duplicates": "--duplicates",
    "crossed_users": "--crossed-users",
    "encoding": "--encoding",
    "control": "--control",
    "reference": "--reference",
    "min_effect": "--min-effect",
    "threshold": "--threshold",
    "model": "--model",
    "engine": "--engine",
    "draws": "--draws",
    "tune": "--tune",
    "target_accept": "--target-accept",
    "seed": "--seed",
}
_SWITCHES = {
    "round_scores": "--round-scores",
    "merge_names": "--merge-names",
    "compare": "--no-variants",
    "quoting": "--no-quotes",
    "higher_is_better": "--lower-is-better",
}
_SHORT = {"gold": "--gold", "domain": "--domain", "covariates": "--covariate"}


def _told(name: str, flag: str, key: str, value: Any) -> list[str]:
    """Words of the command line for one pair."""
    if name == "priors" and key in _SHORT:
        return [word for one in (value if isinstance(value, tuple) else (value,)) for word in (_SHORT[key], str(one))]
    return [flag, f"{key}={exact(value)}" if isinstance(value, float) else f"{key}={value}"]


def _default(name: str) -> Any:
    return next(field.default for field in fields(Question) if field.name == name)


def _frozen(value: Any) -> Any:
    """Lists as tuples, all the way down."""
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value
