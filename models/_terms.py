"""Which terms of the score story a set of ratings can tell apart, and why the others are merged or left out.

The five nested terms item > item x variant > output > opinion > noise are told apart by replication: items by two variants on
one item, interaction by two generations, outputs by two raters, opinions by the same rater asked again. Two terms that nothing
replicates between are one; the name of the upper one stays, and what runs into the noise is noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from expsim_bayes import glossary
from expsim_bayes.amounts import listed
from expsim_bayes.errors import SettingError
from expsim_bayes.ratings import Coded

MIN_REPLICATES = 3
"""Replicates beyond the first (degrees of freedom) without which two terms are taken as one."""
MIN_RATINGS_A_TASTE = 1.5
"""Mean ratings a rater gives a variant, without which a person's taste for it is noise."""
NESTED = {
    "item": ("item_effect", "sd_item"), "cell": ("interaction", "sd_interaction"), "output": ("output_effect", "sd_output"),
}  # fmt: skip
"""Effects of what is rated and their SDs, by dim, from the top."""


class Components(NamedTuple):
    """Standard deviations and scale use of the score story, in points; zero where a term is absent.

    K evaluators. Given as `fixed`, they replace their priors, and a term is present where its SD is above zero.
    """

    sd_item: float
    """SD between items."""
    sd_interaction: float
    """SD of a variant's fit to an item."""
    sd_output: float
    """SD between generations of one variant on one item."""
    sd_shift: float
    """SD of judges' tastes for variants."""
    sd_rater: NDArray[np.float64]
    """(K,) SD of severity between the raters of a pool."""
    sd_taste: NDArray[np.float64]
    """(K,) SD of one person's taste for a variant."""
    sd_opinion: NDArray[np.float64]
    """(K,) SD of a rater's lasting opinion of an output."""
    sd_noise: NDArray[np.float64]
    """(K,) SD of noise from one rating to the next."""
    scale_use: NDArray[np.float64]
    """(K,) how much of the scale an evaluator uses (lambda); 1 for the reference."""


@dataclass(frozen=True)
class Terms:
    """The terms of one fit: what is present, and in plain sentences what is merged or left out."""

    reference: int
    """Evaluator on whose scale quality stands."""
    item: bool
    """u: some items are easier."""
    interaction: bool
    """g: a variant suits some items better."""
    output: bool
    """w: the same item, another generation."""
    shift: tuple[bool, ...]
    """(K,) d: the evaluator has a taste for variants."""
    severity: tuple[bool, ...]
    """(K,) b: the evaluator's raters differ in severity."""
    taste: tuple[bool, ...]
    """(K,) t: the evaluator's raters differ in taste for variants."""
    opinion: tuple[bool, ...]
    """(K,) a: the evaluator's raters have a lasting opinion of an output."""
    scale_use: tuple[bool, ...]
    """(K,) lambda is estimated (else it is 1, or given)."""
    sentences: tuple[str, ...]
    """What is merged or left out, and why."""

    def has(self, dim: str) -> bool:
        """Whether a dim of item, cell and output has effects."""
        return {"item": self.item, "cell": self.interaction, "output": self.output}[dim]

    @property
    def individual(self) -> tuple[bool, ...]:
        """(K,) whether it matters which rater of the evaluator gave a rating."""
        return tuple(any(flags) for flags in zip(self.severity, self.taste, self.opinion, strict=True))


def terms(data: Coded, fixed: Components | None = None, *, tastes: bool = True) -> Terms:
    """Terms that a set of ratings can tell apart.

    Parameters
    ----------
    data : Coded
        The ratings.
    fixed : Components, optional
        Given components: the terms are then those with an SD above zero, whether the ratings could tell them apart or not.
    tastes : bool
        Whether persons may have tastes of their own for variants.
    """
    reference, shift, said = _reference(data)
    if fixed is not None:
        return _given_terms(data, fixed, reference, shift, said)
    item, interaction, output, opinion, nested = _nested(data)
    severity, taste, people = _people(data)
    if any(taste) and not tastes:
        taste = (False,) * len(taste)
        people.append("Personal tastes of raters for variants are taken for noise, as was asked.")
    scale_use, scale = _scale_use(data, reference)
    return Terms(
        reference,
        item,
        interaction,
        output,
        shift,
        severity,
        taste,
        opinion,
        scale_use,
        (*said, *nested, *people, *scale),
    )


def _given_terms(data: Coded, fixed: Components, reference: int, shift: tuple[bool, ...], said: list[str]) -> Terms:
    """Terms whose given SD is above zero.

    Raises
    ------
    SettingError
        An evaluator is given no noise.
    """
    if not np.all(np.asarray(fixed.sd_noise) > 0):
        raise SettingError(
            "a rating without noise cannot be modelled",
            where="fixed.sd_noise",
            remedy="give a noise SD above 0 to every evaluator",
        )
    return Terms(
        reference=reference,
        item=fixed.sd_item > 0,
        interaction=fixed.sd_interaction > 0,
        output=fixed.sd_output > 0,
        shift=tuple(flag and fixed.sd_shift > 0 for flag in shift),
        severity=_above_zero(fixed.sd_rater),
        taste=_above_zero(fixed.sd_taste),
        opinion=_above_zero(fixed.sd_opinion),
        scale_use=(False,) * len(data.evaluators),
        sentences=(*said, "Standard deviations and scale use were given, not estimated."),
    )


def _above_zero(sd: NDArray[np.float64]) -> tuple[bool, ...]:
    return tuple(bool(value > 0) for value in sd)


def _reference(data: Coded) -> tuple[int, tuple[bool, ...], list[str]]:
    """Evaluator on whose scale quality stands, who has a shift, and what to say about it."""
    shift = tuple(kind != "human" and k != data.reference for k, kind in enumerate(data.kinds))
    if data.reference >= 0:
        said = []
        if any(shift):
            said.append(
                f"{data.evaluators[data.reference]} is the reference: its level and scale define quality, and what it likes about a "
                "variant counts as quality."
            )
        return data.reference, shift, said
    reference = int(np.argmax(np.bincount(data.evaluator, minlength=len(data.evaluators))))
    name = data.evaluators[reference]
    if len(data.evaluators) == 1:
        sentence = (
            f"No person rates: quality stands on the level and scale of {name} alone (scale use 1), and the uncertainty of its "
            "taste for variants, which no number of its own ratings can reduce, stays in every quality."
        )
    else:
        sentence = (
            f"No person rates: quality stands on the level and scale of {name}, the judge with the most ratings (scale use 1). All "
            "judges keep a taste for variants, and its uncertainty stays in every quality."
        )
    return reference, shift, [sentence]


def _replicates(upper: NDArray[np.intp], lower: NDArray[np.intp]) -> int:
    """Distinct lower groups beyond the first within their upper group, summed."""
    return _distinct(_codes(upper, lower)) - _distinct(_codes(upper))


def _distinct(codes: NDArray[np.intp]) -> int:
    """How many combinations some codes of `_codes` tell apart."""
    return int(codes.max(initial=-1)) + 1


def _codes(*columns: NDArray[np.intp]) -> NDArray[np.intp]:
    """One code for each distinct combination of the columns."""
    code = np.zeros(columns[0].size, dtype=np.intp)
    for column in columns if code.size else ():
        lowest = column.min()
        code = np.unique(code * (column.max() - lowest + 1) + column - lowest, return_inverse=True)[1].ravel()
    return code


def _nested(data: Coded) -> tuple[bool, bool, bool, tuple[bool, ...], list[str]]:
    """Presence of item, interaction, output and opinion, and what to say."""
    count = data.score.size
    voice = np.where(data.anonymous[data.evaluator], -1 - np.arange(count), data.rater).astype(np.intp)
    cell = _codes(data.item, data.variant)
    pair = _codes(voice, data.output)
    repeats = [_repeats(pair[data.evaluator == k]) for k in range(len(data.evaluators))]
    opinions_told = _replicates(data.output, voice) >= MIN_REPLICATES
    asked_again = tuple(r >= MIN_REPLICATES for r in repeats)
    boundary = {
        "item": _replicates(data.item, cell) >= MIN_REPLICATES,
        "interaction": _replicates(cell, data.output) >= MIN_REPLICATES,
        "output": opinions_told or any(asked_again),
    }
    one_item = len(np.unique(data.item)) == 1
    said = (
        ["There is only one item: quality is about this item alone, and how items differ is unknown."]
        if one_item
        else []
    )
    chain = ["output"] if one_item else ["item", "interaction", "output"]
    present, words = _merge(chain, boundary)
    opinion = tuple(opinions_told and again for again in asked_again)
    said += words + _opinion_words(asked_again, opinions_told=opinions_told)
    return "item" in present, "interaction" in present, "output" in present, opinion, said


def _repeats(pair: NDArray[np.intp]) -> int:
    """Ratings beyond the first by the same rater on the same output."""
    return pair.size - _distinct(_codes(pair))


NESTED_WORDS = {
    "item": "differences between items",
    "interaction": "a variant's fit to an item",
    "output": "differences between generations",
    "noise": "noise",
}
MISSING_REPLICATE = {
    "item": "items were not answered by several variants",
    "interaction": "there is one generation of a variant on an item",
    "output": "each output has one rating",
}


def _merge(chain: list[str], boundary: dict[str, bool]) -> tuple[set[str], list[str]]:
    """Terms that stay present when neighbours without a boundary between them are merged, and what to say."""
    present: set[str] = set()
    said: list[str] = []
    block: list[str] = []
    for name in chain:
        block.append(name)
        if boundary[name]:
            present.add(block[0])
            if len(block) > 1:
                said.append(_merge_words(block, [MISSING_REPLICATE[name] for name in block[:-1]], f"sd_{block[0]}"))
            block = []
    if block:
        said.append(_merge_words([*block, "noise"], [MISSING_REPLICATE[name] for name in block], "sd_noise"))
    return present, said


def _merge_words(block: list[str], reasons: list[str], into: str) -> str:
    """What to say of terms that became one."""
    parts = listed([NESTED_WORDS[name] for name in block])
    together = f"Together they are called {glossary.named(into)}."
    return f"{parts[:1].upper()}{parts[1:]} cannot be told apart, because {listed(reasons)}. {together}"


def _opinion_words(asked_again: tuple[bool, ...], *, opinions_told: bool) -> list[str]:
    if not any(asked_again):
        return ["A rater's lasting opinion of an output is part of the noise: no rater rated the same output again."]
    if not opinions_told:
        return [
            "A rater's lasting opinion of an output is part of the output's own worth: no output was rated by several raters."
        ]
    return []


def _people(data: Coded) -> tuple[tuple[bool, ...], tuple[bool, ...], list[str]]:
    """Presence of severity and taste by evaluator, and what to say."""
    severity, taste, said, alone = [], [], [], []
    for k, name in enumerate(data.evaluators):
        of_k = data.evaluator == k
        raters = np.unique(data.rater[of_k])
        if data.anonymous[k]:
            has = (False, False)
            said.append(f"Raters of {name} are slots, not persons: severity and personal taste are part of the noise.")
        elif raters.size == 1:
            has = (False, False)
            if data.kinds[k] == "human":
                said.append(
                    f"{name} is a single rater: severity is its level, and quality is this one person's view: what others would say is "
                    "unknown."
                )
            else:
                alone.append(name)
        else:
            has = _pool(data.rater[of_k], data.variant[of_k], data.output[of_k])
            said += _pool_words(name, has)
        severity.append(has[0])
        taste.append(has[1])
    return tuple(severity), tuple(taste), said + _alone_words(alone)


def _alone_words(names: list[str]) -> list[str]:
    """What severity and taste are of judges that are one rater each."""
    if not names:
        return []
    if len(names) == 1:
        return [
            f"{names[0]} is a single rater: severity is its level, and what it likes about a variant is told as its taste."
        ]
    return [
        f"{listed(names)} are single raters: the severity of each is its level, and what it likes about a variant is told as its taste."
    ]


def _pool(rater: NDArray[np.intp], variant: NDArray[np.intp], output: NDArray[np.intp]) -> tuple[bool, bool]:
    """Whether a pool's severity and taste can be told from noise."""
    severity = _replicates(rater, output) >= MIN_REPLICATES
    cells = _codes(rater, variant)
    first = np.unique(cells, return_index=True)[1]
    several = (np.bincount(rater[first]) >= 2).sum()
    taste = several >= 2 and cells.size >= MIN_RATINGS_A_TASTE * _distinct(cells)
    return severity, bool(severity and taste)


def _pool_words(name: str, has: tuple[bool, bool]) -> list[str]:
    if not has[0]:
        return [f"Severity of the raters of {name} is part of the noise: they rated one output each."]
    if not has[1]:
        sentence = (
            f"Personal tastes of the raters of {name} for variants are part of the noise: raters gave a variant fewer than "
            f"{MIN_RATINGS_A_TASTE:g} ratings on average, or rated one variant each."
        )
        return [sentence]
    return []


def _scale_use(data: Coded, reference: int) -> tuple[tuple[bool, ...], list[str]]:
    """Whose lambda can be estimated, and what to say."""
    rated = np.zeros((len(data.evaluators), len(data.outputs)), dtype=bool)
    rated[data.evaluator, data.output] = True
    shared = (rated & rated[reference]).sum(axis=1)
    free = tuple(k != reference and bool(n >= MIN_REPLICATES) for k, n in enumerate(shared))
    said = [
        f"{name} and {data.evaluators[reference]} rated {shared[k]} outputs in common: scale use of {name} is taken as 1."
        for k, name in enumerate(data.evaluators)
        if k != reference and not free[k]
    ]
    return free, said
