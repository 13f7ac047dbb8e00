"""What a table of calls holds, before any model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.ratings.calls import code_calls
from expsim_bayes.ratings.wording import count

if TYPE_CHECKING:
    from expsim_bayes.ratings.contract import Ratings


@dataclass(frozen=True, eq=False)
class CallDescription:
    """Facts about calls; `sentences` says them in words, `warnings` says what they cannot tell."""

    n_ratings: int
    """Calls."""
    components: tuple[tuple[str, ...], ...]
    """One group of all variants with a call: amounts have units of their own and can always be compared."""
    held: str
    """What there is, in a sentence."""
    warnings: tuple[str, ...]
    """What these calls cannot tell, or only with the help of the priors."""

    def sentences(self) -> tuple[str, ...]:
        """The description in plain words, warnings last."""
        return (self.held, *self.warnings)


def describe_calls(ratings: Ratings) -> CallDescription:
    """Describe calls: counts, and the limits of what they can tell."""
    coded = code_calls(ratings)
    total = coded.variant.size
    held = f"{count(total, 'call')}: {count(len(coded.variants), 'variant')}, {count(len(coded.items), 'item')}"
    called = tuple(coded.variants[v] for v in np.unique(coded.variant))
    return CallDescription(total, (called,), held, ())
