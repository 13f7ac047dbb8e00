"""What a table of rankings holds, before any model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.ratings.links import linked
from expsim_bayes.ratings.rankings import code_rankings
from expsim_bayes.ratings.wording import count

if TYPE_CHECKING:
    from expsim_bayes.ratings.contract import Ratings


@dataclass(frozen=True, eq=False)
class RankingDescription:
    """Facts about rankings; `sentences` says them in words, `warnings` says what they cannot tell."""

    n_ratings: int
    """Rankings of two variants or more."""
    components: tuple[tuple[str, ...], ...]
    """Groups of variants that are linked by rankings."""
    held: str
    """What there is, in a sentence."""
    warnings: tuple[str, ...]
    """What these rankings cannot tell, or only with the help of the priors."""

    def sentences(self) -> tuple[str, ...]:
        """The description in plain words, warnings last."""
        return (self.held, *self.warnings)


def describe_rankings(ratings: Ratings) -> RankingDescription:
    """Describe rankings: counts, links, and the limits of what they can tell."""
    coded = code_rankings(ratings)
    total = coded.size.size
    held = (
        f"{count(total, 'ranking')}: {count(len(coded.variants), 'variant')}, {count(len(coded.items), 'item')}, "
        f"{count(len(coded.raters), 'rater')}"
    )
    ranking, place = np.nonzero(coded.order >= 0)
    components = linked(coded.order[ranking, 0], coded.order[ranking, place], coded.variants)
    return RankingDescription(total, components, held, ())
