"""What a page asks: a scenario with its edits, a way to run it and a seed; told as TOML, command line, Python and link.

`Asked` is what every page of simulated experiments reads and writes, and its four tellings give the numbers that the page shows.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from expsim_bayes.errors import ScenarioError
from expsim_bayes.plots.operating import WHO
from expsim_bayes.scenario import STRATEGY_TITLES, EvaluatorChoice, Scenario, StrategyName, load, parse, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Edits = tuple[tuple[str, float], ...]
"""(place in the scenario, value): places such as ``variants.1.quality``."""


class Asked(NamedTuple):
    """One way of running a scenario, as it was set up on a page."""

    library: str
    """Name of the scenario in the library that it began as."""
    edits: Edits = ()
    """What was changed in it."""
    strategy: StrategyName | None = None
    """How it is run; the scenario's default unless told."""
    evaluators: EvaluatorChoice = "both"
    """Who rates."""
    seed: int = 0
    """Random seed."""
    own: str = ""
    """The TOML of a scenario that does not come from the library."""

    @property
    def declared(self) -> Scenario:
        """The scenario before it was changed."""
        return parse(self.own, self.library) if self.own else load(self.library)

    @property
    def scenario(self) -> Scenario:
        """The scenario with its edits.

        Raises
        ------
        ScenarioError
            The edits do not go together.

        Examples
        --------
        >>> Asked("reranker", edits=(("looks", 3),)).scenario.looks
        3
        """
        return edited(self.declared, self.edits)

    def toml(self) -> str:
        """The scenario as a TOML file."""
        if self.edits:
            return written(self.declared, self.edits)
        return self.own or text_of(self.library)[0]

    def file(self) -> str:
        """Name of the scenario for `expsim`: that of the library, or of the file that `toml` goes to."""
        return f"{self.declared.name}.toml" if self.edits or self.own else self.library

    def command(self, *more: str, verb: str = "simulate") -> str:
        """The command line that gives the same numbers.

        Examples
        --------
        >>> Asked("reranker", strategy="bandit", seed=3).command("--replications", "1000")
        'expsim simulate reranker --strategy bandit --seed 3 --replications 1000'
        """
        words = ["expsim", verb, self.file()]
        if self.strategy is not None and verb == "simulate":
            words += ["--strategy", self.strategy]
        if self.evaluators != "both" and verb == "simulate":
            words += ["--evaluators", self.evaluators]
        return shlex.join([*words, "--seed", str(self.seed), *more])

    def python(self, replications: int = 1) -> str:
        """Lines of Python that give the same numbers."""
        way = f"strategy={self.strategy!r}, evaluators={self.evaluators!r}, random_seed={self.seed}"
        begin = f'scenario = load("{self.file()}")\n'
        if replications == 1:
            return (
                "from expsim_bayes.experiment import play\n"
                "from expsim_bayes.recommend import of_experiment\n"
                "from expsim_bayes.scenario import load\n"
                "from expsim_bayes.sentences import recommendation\n\n"
                f"{begin}played = play(scenario, {way})\n"
                "print(recommendation(of_experiment(played)).text())\n"
            )
        return (
            "from expsim_bayes.experiment import run\n"
            "from expsim_bayes.operating_characteristics import characteristics\n"
            "from expsim_bayes.scenario import load\n\n"
            f"{begin}many = run(scenario, {way}, replications={replications}, history=False)\n"
            f'print(characteristics(many, scenario.rated_by("{self.evaluators}")))\n'
        )

    def curves(self, replications: int) -> str:
        """Lines of Python that give the same learning curves."""
        return (
            "from expsim_bayes.operating_characteristics import judges_floor, learning_curve\n"
            "from expsim_bayes.scenario import load\n\n"
            f'scenario = load("{self.file()}")\n'
            "for who in scenario.choices:\n"
            f"    curve = learning_curve(scenario, evaluators=who, random_seed={self.seed}, replications={replications})\n"
            '    print(who, curve[["usd", "right"]].to_dataframe(), sep="\\n")\n'
            'if {"llm", "human"} <= set(scenario.choices):\n'
            f'    print("floor of a judge", judges_floor(scenario, random_seed={self.seed}).value)\n'
        )

    def means(self) -> str:
        """Lines of Python that give the mean scores of one experiment, by evaluator and variant."""
        return (
            "from expsim_bayes.experiment import play\n"
            "from expsim_bayes.scenario import load\n\n"
            f'played = play(load("{self.file()}"), strategy={self.strategy!r}, random_seed={self.seed})\n'
            'scores = played.ratings.table.groupby(["evaluator", "variant"])["score"]\n'
            'print(scores.agg(["mean", "sem"]))\n'
        )

    def link(self, page: str = "simulate") -> str:
        """The page's address below the dashboard's own.

        Examples
        --------
        >>> Asked("reranker", edits=(("looks", 3),), seed=4).link()
        'simulate?scenario=reranker&seed=4&reranker.looks=3'
        """
        told: dict[str, Any] = {"scenario": self.library}
        if self.strategy is not None and self.strategy != self.declared.default_strategy:
            told[f"{self.library}.strategy"] = STRATEGY_TITLES[self.strategy]
        if self.evaluators != "both":
            told[f"{self.library}.rated_by"] = WHO[self.evaluators]
        if self.seed:
            told["seed"] = self.seed
        told |= {f"{self.library}.{place}": exact(value) for place, value in self.edits}
        return f"{page}?{urlencode(told)}"


def exact(value: float) -> str:
    """A number with all its digits, as commands and links have it.

    Examples
    --------
    >>> exact(1234567.0), exact(0.01234567), exact(3)
    ('1234567', '0.01234567', '3')
    """
    return repr(value).removesuffix(".0")


def edited(scenario: Scenario, edits: Edits | Mapping[str, float]) -> Scenario:
    """A scenario with values put at places.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    edits : pairs, or mapping of str to float
        Place, such as ``variants.1.quality`` or ``strategies.ab.stopping.0.threshold``, and value.

    Examples
    --------
    >>> edited(load("reranker"), {"variants.0.latency_s": 0.5}).variants[0].latency_s
    0.5
    """
    pairs = dict(edits)
    return parse(written(scenario, pairs), scenario.name) if pairs else scenario


def written(scenario: Scenario, edits: Edits | Mapping[str, float] = ()) -> str:
    """The TOML of a scenario with values put at places.

    Parameters
    ----------
    scenario, edits
        As in `edited`.

    Raises
    ------
    ScenarioError
        There is no such place.

    Examples
    --------
    >>> "outputs_per_look = 80" in written(load("reranker"), {"outputs_per_look": 80})
    True
    """
    import tomli_w

    told = scenario.model_dump(mode="json", exclude_unset=True)
    for place, value in dict(edits).items():
        *way, last = place.split(".")
        inner: Any = told
        try:
            for step in way:
                inner = inner[int(step)] if isinstance(inner, list) else inner.setdefault(step, {})
            inner[last] = value
        except (AttributeError, IndexError, TypeError, ValueError):
            raise ScenarioError(
                f"has no place called {place!r}", where=scenario.name, remedy="leave it out of the address"
            ) from None
    return tomli_w.dumps(_without_none(told), multiline_strings=True)


def _without_none(told: Any) -> Any:
    """The same without keys that hold nothing, for which TOML has no word."""
    if isinstance(told, dict):
        return {key: _without_none(value) for key, value in told.items() if value is not None}
    return [_without_none(value) for value in told] if isinstance(told, list) else told
