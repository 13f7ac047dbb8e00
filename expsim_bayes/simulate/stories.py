"""What is true of each replication and how its looks come about, for every kind of outcome: the counterpart of `posterior.known`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from expsim_bayes.simulate.counts import draw_rates, draw_verdicts
from expsim_bayes.simulate.duels import comparisons_of, draw_duel_world, draw_duels
from expsim_bayes.simulate.podiums import draw_podium_world, draw_podiums, rankings_of
from expsim_bayes.simulate.scores import draw_look, draw_world
from expsim_bayes.simulate.scores import ratings_of as scores_of
from expsim_bayes.simulate.stars import draw_star_world, draw_stars

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings
    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate.counts import Rates
    from expsim_bayes.simulate.duels import DuelWorld
    from expsim_bayes.simulate.podiums import PodiumWorld
    from expsim_bayes.simulate.scores import Look, Plan, Truth, World
    from expsim_bayes.simulate.stars import StarWorld
    from expsim_bayes.simulate.streams import Streams

    AnyWorld = World | Rates | StarWorld | DuelWorld | PodiumWorld


@dataclass(frozen=True)
class Story:
    """What the loop of an experiment asks of what is true."""

    scenario: Scenario
    """The experiment."""
    truth: AnyWorld
    """Everything that is true; its `quality` (replication, variant) is what variants are judged by."""
    streams: Streams
    """Random numbers."""

    def look(self, layout_of_look: Plan, variant: NDArray[np.intp], *, look: int) -> Look:
        """What comes in at a look, counted from 0, when these variants answer its items."""
        seen: Look = DRAWN[self.scenario.outcome][1](
            self.scenario, layout_of_look, self.truth, variant, self.streams, look=look
        )
        return seen


DRAWN: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "score": (draw_world, draw_look),
    "binary": (draw_rates, draw_verdicts),
    "ordinal": (draw_star_world, draw_stars),
    "preference": (draw_duel_world, draw_duels),
    "ranking": (draw_podium_world, draw_podiums),
}
"""How what is true, and what comes in at a look, are drawn, by the kind of outcome."""


def story_of(scenario: Scenario, streams: Streams, *, truth: Truth = "declared") -> Story:
    """What is true of each replication, by the kind of outcome.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> from expsim_bayes.simulate.streams import Streams
    >>> story_of(load("reranker"), Streams(1, 0, 3)).truth.quality.shape
    (3, 2)
    """
    return Story(scenario, DRAWN[scenario.outcome][0](scenario, streams, truth=truth), streams)


def ratings_of(
    scenario: Scenario, looks: Sequence[tuple[Plan, NDArray[np.intp], Look]], *, replication: int = 0
) -> Ratings:
    """The ratings of one replication as the long table that every model takes, by the kind of outcome.

    Parameters
    ----------
    scenario : Scenario
        The experiment.
    looks : sequence of (Plan, variants, Look)
        What was planned, assigned and rated, look by look.
    replication : int
        Position of the replication in the arrays.
    """
    of = {"preference": comparisons_of, "ranking": rankings_of}.get(scenario.outcome, scores_of)
    return of(scenario, looks, replication=replication)
