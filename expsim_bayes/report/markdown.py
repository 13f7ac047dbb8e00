"""Facts and figures to Markdown. User text is escaped, so a name cannot become markup; nothing is computed here."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes import amounts, sentences, wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.facts import Facts

_MARKUP = re.compile(r"([\\`*_\[\]#|<>~$])")
NAME_LENGTH = 40
"""Longer names are shortened in tables and figures; files keep them whole."""


class Figure(NamedTuple):
    """A figure of a report."""

    file: str
    """Path relative to the report."""
    caption: str
    """What it shows, in a sentence."""
    alternative: str
    """The same for those who cannot see it."""


def markdown(facts: Facts, figures: Sequence[Figure] = ()) -> str:
    """The report as Markdown.

    Parameters
    ----------
    facts : Facts
        What may be said.
    figures : sequence of Figure
        Drawn beforehand, in the order in which they appear.

    Examples
    --------
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> print(markdown(of_experiment(play(load("summarization-prompts"), random_seed=1))).splitlines()[0])
    # Two prompts for summarising support tickets
    """
    import jinja2

    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {
        "md": escape,
        "short": shorten,
        "points": amounts.points,
        "quality": lambda amount: amounts.quantity(amount, facts.unit),
        "change": lambda amount: amounts.change(amount, facts.unit),
        "measured": amounts.measured,
        "percent": amounts.percent,
        "dollars": amounts.dollars,
        "count": amounts.count,
        "duration": amounts.duration,
        "level": amounts.level,
    }
    template = resources.files("expsim_bayes.report").joinpath("report.md.j2").read_text(encoding="utf-8")
    text = environment.from_string(template).render(
        facts=facts,
        advice=sentences.recommendation(_escaped(facts)),
        plain_summary=sentences.against_plain_means(_escaped(facts)),
        figures=figures,
        counted=wording.took_part_in(facts),
        what=wording.what_quality_is(_escaped(facts)),
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def escape(text: str) -> str:
    r"""Text in which nothing is Markdown or HTML.

    Examples
    --------
    >>> print(escape("<b>a*b</b>"))
    \<b\>a\*b\</b\>
    """
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))


def shorten(text: str, length: int = NAME_LENGTH) -> str:
    """A long name cut for display.

    Examples
    --------
    >>> shorten("a" * 50, 10)
    'aaaaaaaaa…'
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def _escaped(facts: Facts) -> Facts:
    """The same facts with every name escaped, for use in sentences."""
    from dataclasses import replace

    def safe(name: str | None) -> str | None:
        return None if name is None else escape(shorten(name))

    means = () if facts.fit is None else facts.fit.plain_means
    return replace(
        facts,
        fit=facts.fit
        and replace(facts.fit, plain_means=tuple(replace(m, name=escape(shorten(m.name))) for m in means)),
        decision=replace(facts.decision, variant=safe(facts.decision.variant)),
        variants=tuple(replace(v, name=escape(shorten(v.name))) for v in facts.variants),
        evaluators=tuple(replace(e, name=escape(shorten(e.name))) for e in facts.evaluators),
        baseline=escape(shorten(facts.baseline)),
        leader=escape(shorten(facts.leader)),
        control=safe(facts.control),
        further=tuple(f._replace(label=escape(f.label)) for f in facts.further),
    )
