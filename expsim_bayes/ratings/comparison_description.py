"""What a table of comparisons holds, before any model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from expsim_bayes.ratings.comparisons import code_comparisons
from expsim_bayes.ratings.links import linked
from expsim_bayes.ratings.wording import count

if TYPE_CHECKING:
    from expsim_bayes.ratings.contract import Ratings


@dataclass(frozen=True, eq=False)
class ComparisonDescription:
    """Facts about comparisons; `sentences` says them in words, `warnings` says what they cannot tell."""

    n_ratings: int
    """Comparisons with an outcome, each as often as its weight."""
    components: tuple[tuple[str, ...], ...]
    """Groups of variants that are linked by comparisons."""
    held: str
    """What there is, in a sentence."""
    warnings: tuple[str, ...]
    """What these comparisons cannot tell, or only with the help of the priors."""

    def sentences(self) -> tuple[str, ...]:
        """The description in plain words, warnings last."""
        return (self.held, *self.warnings)


def describe_comparisons(ratings: Ratings) -> ComparisonDescription:
    """Describe comparisons: counts, links, and the limits of what they can tell."""
    coded = code_comparisons(ratings)
    total = int(coded.weight.sum())
    held = (
        f"{count(total, 'comparison')}: {count(len(coded.variants), 'variant')}, {count(len(coded.items), 'item')}, "
        f"{count(len(coded.raters), 'rater')}"
    )
    return ComparisonDescription(total, linked(coded.left, coded.right, coded.variants), held, ())
