"""Ways in which verdicts on one output fall: a pattern says who was asked how often, and how many of them said 1.

Outputs of a variant with the same pattern tell the same, so counts of patterns are all that is kept of any number of verdicts.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate import Plan


class Patterns(NamedTuple):
    """C patterns of K evaluators; an output is rated by all of them or, in a second group, by the judges alone."""

    asked: NDArray[np.intp]
    """(C, K) verdicts of each evaluator."""
    ones: NDArray[np.intp]
    """(C, K) how many of these are 1."""
    group: NDArray[np.intp]
    """(C,) 0 where everybody rates, 1 where judges rate alone."""
    first: NDArray[np.intp]
    """(group,) its first pattern."""
    step: NDArray[np.intp]
    """(group, K) patterns by which a verdict of 1 moves on."""
    human: NDArray[np.bool_]
    """(K,)"""

    @classmethod
    def of(cls, scenario: Scenario) -> Self:
        """Those of a scenario.

        Examples
        --------
        >>> from expsim_bayes.scenario import load
        >>> Patterns.of(load("pass-or-fail")).ones.tolist()
        [[0, 0], [0, 1], [1, 0], [1, 1], [0, 0], [1, 0]]
        """
        who = scenario.evaluators
        human = np.array([e.kind == "human" for e in who])
        groups = [np.ones(len(who), bool)]
        if scenario.overlap < 1 and human.any() and not human.all():
            groups.append(~human)
        told = [_ways(who, group) for group in groups]
        size = [len(ways) for ways in told]
        asked = np.concatenate(
            [np.tile([e.ratings_per_output * rates for e, rates in zip(who, g, strict=True)], (n, 1))
             for g, n in zip(groups, size, strict=True)]
        )  # fmt: skip
        step = [np.append(np.cumprod((np.array(ways).max(axis=0) + 1)[::-1])[::-1][1:], 1) for ways in told]
        return cls(
            asked=asked,
            ones=np.concatenate([np.array(ways) for ways in told]),
            group=np.repeat(np.arange(len(groups)), size),
            first=np.cumsum([0, *size[:-1]]),
            step=np.array(step),
            human=human,
        )

    def counted(
        self, plan: Plan, variant: NDArray[np.intp], score: NDArray[np.float64], n_variants: int
    ) -> NDArray[np.float64]:
        """(replication, variant, C) outputs of a look by variant and pattern.

        Parameters
        ----------
        plan : Plan
            Who rated what; ratings of an output follow each other.
        variant : numpy.ndarray
            (replication or 1, output) variant of each output of the look.
        score : numpy.ndarray
            (replication, rating) 1 or 0.
        n_variants : int
            Number of variants.
        """
        start = np.flatnonzero(np.diff(plan.output, prepend=-1))
        group = np.where(np.logical_or.reduceat(self.human[plan.evaluator], start), 0, len(self.first) - 1)
        step = self.step[np.repeat(group, np.diff(start, append=plan.output.size)), plan.evaluator]
        pattern = self.first[group] + np.add.reduceat(score * step, start, axis=1).astype(np.intp)
        n, size = len(score), n_variants * len(self.group)
        at = (np.arange(n)[:, None] * n_variants + variant[:, plan.output[start]]) * len(self.group) + pattern
        return np.bincount(at.ravel(), minlength=n * size).reshape(n, n_variants, -1).astype(float)

    def totals(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Counts along the last axis summed over all patterns of a group, for each of them."""
        return np.stack([counts[..., self.group == g].sum(axis=-1) for g in self.group], axis=-1)


def _ways(who: tuple[Evaluator, ...], group: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Numbers of ones that the evaluators of a group may give, 0 for the others."""
    return list(product(*(range(e.ratings_per_output * bool(rates) + 1) for e, rates in zip(who, group, strict=True))))
