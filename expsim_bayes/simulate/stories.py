"""What is true of each replication and how its looks come about, for every kind of outcome: the counterpart of `posterior.known`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from expsim_bayes.simulate.counts import draw_rates, draw_verdicts
from expsim_bayes.simulate.duels import comparisons_of, draw_duel_world, draw_duels
from expsim_bayes.simulate.podiums import draw_podium_world, draw_podiums, rankings_of
from expsim_bayes.simulate.scores import draw_look, draw_world
from expsim_bayes.simulate.scores import ratings_of as scores_of
from expsim_bayes.simulate.stars import draw_star_world, draw_stars

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class Story(Protocol):
    """What the loop of an experiment asks of what is true."""

    @property
    def truth(self) -> AnyWorld:
        """Everything that is true; its `quality` (replication, variant) is what variants are judged by."""

    def look(self, layout_of_look: Plan, variant: NDArray[np.intp], *, look: int) -> Look:
        """What comes in at a look, counted from 0, when these variants answer its items."""


@dataclass(frozen=True)
class OfScores:
    """Raters and judges with their severities, tastes and noise."""

    scenario: Scenario
    """The experiment."""
    truth: World
    """What is true."""
    streams: Streams
    """Random numbers."""

    def look(self, layout_of_look: Plan, variant: NDArray[np.intp], *, look: int) -> Look:
        """Scores."""
        return draw_look(self.scenario, layout_of_look, self.truth, variant, self.streams, look=look)


@dataclass(frozen=True)
class OfCounts:
    """Successes and failures that are seen as they are."""

    scenario: Scenario
    """The experiment."""
    truth: Rates
    """What is true."""
    streams: Streams
    """Random numbers."""

    def look(self, layout_of_look: Plan, variant: NDArray[np.intp], *, look: int) -> Look:
        """Verdicts of 1 and 0."""
        return draw_verdicts(self.scenario, layout_of_look, self.truth, variant, self.streams, look=look)


@dataclass(frozen=True)
class OfStars:
    """Raters and judges who give one of a few steps."""

    scenario: Scenario
    """The experiment."""
    truth: StarWorld
    """What is true."""
    streams: Streams
    """Random numbers."""

    def look(self, layout_of_look: Plan, variant: NDArray[np.intp], *, look: int) -> Look:
        """Whole points."""
        return draw_stars(self.scenario, layout_of_look, self.truth, variant, self.streams, look=look)


@dataclass(frozen=True)
class OfDuels:
    """Two outputs side by side, told by people and judges with their order effects, ties and tastes."""

    scenario: Scenario
    """The experiment."""
    truth: DuelWorld
    """What is true."""
    streams: Streams
    """Random numbers."""

    def look(self, layout_of_look: Plan, variant: NDArray[np.intp], *, look: int) -> Look:
        """Comparisons, with their sides."""
        return draw_duels(self.scenario, layout_of_look, self.truth, variant, self.streams, look=look)


@dataclass(frozen=True)
class OfPodiums:
    """The outputs of an item put in order by people and judges with their tastes."""

    scenario: Scenario
    """The experiment."""
    truth: PodiumWorld
    """What is true."""
    streams: Streams
    """Random numbers."""

    def look(self, layout_of_look: Plan, variant: NDArray[np.intp], *, look: int) -> Look:
        """Rankings, as places."""
        return draw_podiums(self.scenario, layout_of_look, self.truth, variant, self.streams, look=look)


def story_of(scenario: Scenario, streams: Streams, *, truth: Truth = "declared") -> Story:
    """What is true of each replication, by the kind of outcome.

    Examples
    --------
    >>> from expsim_bayes.scenario import load
    >>> from expsim_bayes.simulate.streams import Streams
    >>> story_of(load("reranker"), Streams(1, 0, 3)).truth.quality.shape
    (3, 2)
    """
    if scenario.outcome == "binary":
        return OfCounts(scenario, draw_rates(scenario, streams, truth=truth), streams)
    if scenario.outcome == "ordinal":
        return OfStars(scenario, draw_star_world(scenario, streams, truth=truth), streams)
    if scenario.outcome == "preference":
        return OfDuels(scenario, draw_duel_world(scenario, streams, truth=truth), streams)
    if scenario.outcome == "ranking":
        return OfPodiums(scenario, draw_podium_world(scenario, streams, truth=truth), streams)
    return OfScores(scenario, draw_world(scenario, streams, truth=truth), streams)


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
