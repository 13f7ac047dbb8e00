"""Facts as a document displays them: names on one line and not too long, told apart, and texts without what a reader cannot see."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from expsim_bayes.plots.labels import without_pictographs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from expsim_bayes.facts import Facts

NAME = 40
"""Characters of a name that are shown; files keep names whole."""
TEXT = 2000
"""Characters of a text from elsewhere."""
ISOLATE, POP = "\u2068", "\u2069"
"""Around a name in a script from right to left: the sentence around it stays as it is."""
_JOINERS = "\u200c\u200d"  # join letters and emoji


def displayed(facts: Facts, *, emoji: bool = True) -> Facts:
    """The same facts with every name and text as it is displayed, without emoji where no font shows them.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from expsim_bayes.experiment import play
    >>> from expsim_bayes.recommend import of_experiment
    >>> from expsim_bayes.scenario import load
    >>> facts = of_experiment(play(load("summarization-prompts"), random_seed=1))
    >>> displayed(replace(facts, leader="prompt " * 20)).leader
    'prompt prompt prompt…rompt prompt prompt'
    """
    known = _names(facts, emoji=emoji)
    long = sorted((name for name in known if known[name] != name and len(name) > 1), key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, long))) if long else None

    def tidy(text: str) -> str:
        if text in known:
            return known[text]
        if pattern is not None:
            text = pattern.sub(lambda found: known[found[0]], text)
        return _cut(clean(text if emoji else _without_emoji(text)), TEXT)

    found: Facts = _walked(facts, tidy)
    return replace(found, title=_cut(found.title, 160), source=_cut(found.source, 100))


def clean(text: str) -> str:
    r"""Text on one line, without characters that nobody sees or that turn the direction of what follows.

    Examples
    --------
    >>> clean("a\x1b[2J\n\u202eb")
    'a[2J b'
    """
    spaced = " ".join(unicodedata.normalize("NFC", text).split())
    kept = _JOINERS + ISOLATE + POP
    return "".join(
        sign for sign in spaced if sign in kept or unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co"}
    )


def shown(name: str, longest: int = NAME) -> str:
    """A name as it is displayed: shortened in the middle, and kept from turning a sentence around.

    Examples
    --------
    >>> shown("prompt-with-a-very-long-name-2026-03-v2", 20)
    'prompt-wit…026-03-v2'
    """
    text = clean(name[: 4 * longest] + name[-4 * longest :] if len(name) > 8 * longest else name)
    text = text.replace(ISOLATE, "").replace(POP, "")
    if len(text) > longest:
        text = f"{text[: longest // 2].rstrip()}…{text[-(longest - longest // 2 - 1) :].lstrip()}"
    if any(unicodedata.bidirectional(sign) in {"R", "AL", "AN"} for sign in text):
        text = f"{ISOLATE}{text}{POP}"
    return text if text.strip(_JOINERS + " ") else "(no name)"


def _without_emoji(text: str) -> str:
    return without_pictographs(text, lambda _: True)


def _names(facts: Facts, *, emoji: bool) -> dict[str, str]:
    """Every name with the form in which it is displayed; no two of a kind look the same."""
    fit = facts.fit
    kinds: list[Iterable[str | None]] = [
        [*(v.name for v in facts.variants), facts.baseline, facts.leader, facts.control, facts.decision.variant],
        [e.name for e in facts.evaluators],
    ]
    if fit is not None:
        kinds[0] = [*kinds[0], *(p.name for p in fit.plain_means), *(row[1] for row in fit.shifts)]
        kinds[1] = [*kinds[1], *(r.evaluator for r in fit.raters), *(name for name, _ in fit.scale_use)]
        kinds.append([r.name for r in fit.raters])
        kinds += [[name for name, _ in measure.rows] for measure in fit.measures]
    known: dict[str, str] = {}
    for kind in kinds:
        taken: set[str] = set()
        for name in dict.fromkeys(name for name in kind if name is not None):
            if name == "" and not any(v.name == "" for v in facts.variants):
                continue  # nothing is compared
            label = base = known.get(name, shown(name if emoji else _without_emoji(name)))
            again = 1
            while label in taken:
                again += 1
                label = f"{base} ({again})"
            taken.add(label)
            known[name] = label
    return known


def _walked(value: Any, tidy: Callable[[str], str]) -> Any:
    """A value with every text in it tidied."""
    if isinstance(value, str):
        return tidy(value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _walked(getattr(value, field.name), tidy) for field in fields(value)})
    if isinstance(value, tuple):
        parts = [_walked(part, tidy) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
