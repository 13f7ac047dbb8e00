"""The loop itself, look after look: allocate, rate, update, drop, decide, for the replications of one chunk.

It asks the story of an outcome for looks (`simulate.stories`) and a posterior of that outcome for what they tell (`posterior.known`), and
knows nothing else of either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from expsim_bayes.allocation import Fixed
from expsim_bayes.outcomes import VOTES
from expsim_bayes.posterior import nothing_known
from expsim_bayes.record import Record
from expsim_bayes.simulate import Guide, Look, assign, draw_operations, items_under_way, part_of, plan, story_of
from expsim_bayes.spending import nothing_spent, price_of_look, prob_breach, spend
from expsim_bayes.stopping import (
    COLLECT,
    CONTINUE,
    Budget,
    Evidence,
    Inferiority,
    MaxDays,
    MaxRatings,
    Verdicts,
    eligible,
    first,
)
from expsim_bayes.superiority import nobody_asked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.posterior import Known
    from expsim_bayes.scenario import Scenario, StrategyName
    from expsim_bayes.simulate import Plan, Streams, Truth
    from expsim_bayes.spending import Tally
    from expsim_bayes.stopping import Rule
    from expsim_bayes.superiority import Superiority


class Loop:
    """The replications of one chunk: what is true of them, what is known, what was spent."""

    def __init__(self, scenario: Scenario, strategy: StrategyName, streams: Streams, truth: Truth) -> None:
        self.scenario = scenario
        self.strategy = strategy
        self.streams = streams
        self.story = story_of(scenario, streams, truth=truth)
        self.rules = scenario.rules(strategy)
        self.limits: tuple[Rule, ...] = tuple(r for r in self.rules if isinstance(r, MaxRatings | Budget | MaxDays))
        self.inferiority = next((r for r in self.rules if isinstance(r, Inferiority)), None)
        self.replications = streams.stop - streams.start
        self.known = before_any_look(scenario, strategy, self.replications)
        shape = (self.replications, len(scenario.variants))
        self.prob_best = np.full(shape, 1.0 / shape[1])
        self.dropped = None if self.inferiority is None else np.zeros(shape, bool)
        self.asked = True

    def run(
        self,
        *,
        history: bool,
        keep: list[tuple[Plan, NDArray[np.intp], Look]] | None = None,
        probabilities: bool = True,
    ) -> None:
        """Play all looks.

        Parameters
        ----------
        history : bool
            Record every look, or only the stop.
        keep : list, optional
            Receives plan, variants and ratings of each look of a lone replication.
        probabilities : bool
            Compute which variant is best; False leaves NaN, where neither a rule nor a policy asks.
        """
        self.asked = probabilities
        scenario, strategy = self.scenario, self.scenario.strategies[self.strategy]
        record = self.record = Record(
            scenario=scenario,
            quality=self.story.truth.quality,
            names=self.known.names(),
            truth=self.known.truth(self.story.truth),
            history=history,
        )
        adaptive = not isinstance(strategy.allocation, Fixed)
        active = np.arange(self.replications)
        tally = nothing_spent(scenario, self.replications)
        upcoming = _plan_of(scenario, self.strategy, 0)
        older: Guide | None = None
        for look in range(scenario.looks):
            assert upcoming is not None
            layout_of_look, upcoming = upcoming, _plan_of(scenario, self.strategy, look + 1)
            variant = self._assign(layout_of_look, look, older)
            rated = self.story.look(layout_of_look, variant, look=look)
            if keep is not None:
                keep.append((layout_of_look, variant, rated))
            tally = spend(tally, scenario, layout_of_look, variant, rated)
            self.known = self.known.after(layout_of_look, variant, rated, active)
            older = self._guide() if scenario.pending_outputs else None
            last = look == scenario.looks - 1
            may_stop = last or strategy.decide == "every look" or bool(self.limits)
            if not (may_stop or adaptive or history):
                continue
            snapshot, evidence = self._judge(self._paid(tally, upcoming, look, older), tally, active, look)
            self.prob_best[active] = evidence.prob_best
            verdicts = self._decide(evidence, look)
            done = verdicts.decision != CONTINUE
            snapshot |= {"decision": verdicts.decision, "launched": verdicts.variant, "rule": verdicts.rule}
            record.look(snapshot, active, done, look)
            if done.any():
                record.stop(self.known.of(done), active[done])
                active = active[~done]
            if not active.size:
                break
            if done.any():
                self.known = self.known.of(~done)

    def _guide(self) -> Guide:
        """What is known now, for outputs that will be under way at the next look."""
        return Guide(self.prob_best.copy(), None if self.dropped is None else ~self.dropped)

    def _assign(self, layout_of_look: Plan, look: int, older: Guide | None) -> NDArray[np.intp]:
        """(replication or 1, item, slot) variants that answer the items of a look."""
        remaining = None if self.dropped is None else ~self.dropped
        return assign(
            self.scenario,
            self.strategy,
            layout_of_look,
            self.prob_best,
            self.streams,
            look=look,
            eligible=remaining,
            older=older,
        )

    def _paid(self, tally: Tally, upcoming: Plan | None, look: int, older: Guide | None) -> Tally:
        """The tally with the outputs on it that are under way at a look: they will be paid for, whatever is decided."""
        if older is None or upcoming is None:
            return tally
        n_items = items_under_way(self.scenario, upcoming)
        part = part_of(upcoming, last=n_items)
        variant = self._assign(upcoming, look + 1, older)
        used = draw_operations(self.scenario, variant, self.streams, look + 1)
        outputs = n_items * upcoming.n_slots
        shown = Look(
            score=np.empty((0, 0)),
            relative_tokens=used.relative_tokens[:, :outputs],
            latency_s=used.latency_s[:, :outputs],
            n_clipped=np.empty(0, np.intp),
            faulty=None if used.faulty is None else used.faulty[:, :outputs],
        )
        return spend(tally, self.scenario, part, variant[:, :n_items], shown)._replace(days=tally.days)

    def _next_price(self, look: int) -> tuple[float, int]:
        """Most dollars and ratings that going on to the next look adds to what is spent or under way."""
        following, after = (_plan_of(self.scenario, self.strategy, look + k) for k in (1, 2))
        parts = [] if following is None else [following]
        if following is not None and self.scenario.pending_outputs:
            parts = [part_of(following, first=items_under_way(self.scenario, following), last=following.n_items)]
            parts += [] if after is None else [part_of(after, last=items_under_way(self.scenario, after))]
        prices = [price_of_look(self.scenario, part) for part in parts]
        return sum(usd for usd, _ in prices), sum(ratings for _, ratings in prices)

    def _judge(
        self, paid: Tally, seen: Tally, active: NDArray[np.intp], look: int
    ) -> tuple[dict[str, NDArray[Any]], Evidence]:
        """What is known and spent at a look, for the record and for the rules, and what the next would take."""
        scenario = self.scenario
        breach = prob_breach(paid, scenario, active)
        found = self._superiority(eligible(scenario.guardrails, breach, scenario.control_index), active, look)
        next_dollars, next_ratings = self._next_price(look)
        usd = paid.usd_generation.sum(1) + paid.usd_rating.sum(1)
        evidence = Evidence(
            prob_best=found.prob_best,
            prob_superior=found.prob_superior,
            expected_loss=found.expected_loss,
            prob_equivalent=found.prob_equivalent,
            prob_breach=breach,
            dollars=usd[active],
            ratings=paid.ratings.sum(1)[active].astype(np.int64),
            days=paid.days[active],
            control=scenario.control_index,
            next_dollars=next_dollars,
            next_ratings=next_ratings,
            dropped=None if self.dropped is None else self.dropped[active],
        )
        quality = self.known.qualities(scenario.control_index or 0)
        snapshot = {
            "quality_mean": quality.mean,
            "quality_sd": quality.sd,
            "effect_mean": quality.effect_mean,
            "effect_sd": quality.effect_sd,
            "prob_best": found.prob_best,
            "prob_superior": found.prob_superior,
            "expected_loss": found.expected_loss,
            "prob_equivalent": found.prob_equivalent,
            "mcse": found.mcse,
            "outputs": paid.outputs[active],
            "ratings": paid.ratings[active],
            "usd_rating": paid.usd_rating[active],
            "usd_generation": paid.usd_generation[active],
            "seconds": paid.seconds[active],
            "days": paid.days[active],
        }
        if any(v.fault_rate for v in scenario.variants):
            snapshot["faults"] = paid.faults[active]
        if scenario.pending_outputs:
            snapshot["under_way"] = paid.outputs[active] - seen.outputs[active]
        if self.dropped is not None:
            snapshot["dropped"] = self.dropped[active].astype(float)
        return snapshot, evidence

    def _superiority(self, allowed: NDArray[np.bool_] | None, active: NDArray[np.intp], look: int) -> Superiority:
        """Which variant is best among those that may be launched, after those are dropped who probably are not.

        Whenever variants are dropped, the others are judged again among themselves, until nobody is dropped.
        """
        if not self.asked:
            return nobody_asked(active.size, len(self.scenario.variants))
        if self.dropped is None or self.inferiority is None:
            return self.known.superiority(eligible=allowed)
        remaining = ~self.dropped[active]
        may_win = remaining if allowed is None else allowed & remaining
        found = self.known.superiority(eligible=may_win)
        every_look = self.scenario.strategies[self.strategy].decide == "every look"
        if look + 1 < self.inferiority.from_look or not (every_look or look == self.scenario.looks - 1):
            return found
        for _ in range(len(self.scenario.variants)):
            low = self.inferiority.drops(found.prob_best, may_win, self.scenario.control_index)
            again = low.any(axis=1)
            if not again.any():
                break
            remaining[low], may_win[low] = False, False
            anew = self.known.of(again).superiority(eligible=may_win[again])
            for kept, value in zip(found, anew, strict=True):
                kept[again] = value
        self.dropped[active] = ~remaining
        return found

    def _decide(self, evidence: Evidence, look: int) -> Verdicts:
        """The verdict of the rules; where they are asked only at the end, limits on spending end it early."""
        verdicts = first(self.rules, evidence, look=look + 1)
        if look == self.scenario.looks - 1:
            undecided = verdicts.decision == CONTINUE
            return verdicts._replace(decision=np.where(undecided, COLLECT, verdicts.decision))
        if self.scenario.strategies[self.strategy].decide == "every look":
            return verdicts
        spent = first(self.limits, evidence, look=look + 1).decision != CONTINUE
        return Verdicts(
            decision=np.where(spent, verdicts.decision, np.int8(CONTINUE)),
            variant=np.where(spent, verdicts.variant, -1),
            rule=np.where(spent, verdicts.rule, -1),
        )


def before_any_look(scenario: Scenario, strategy: StrategyName, replications: int) -> Known:
    """What is known before any look: with the components that the scenario believes in, or with these estimated as well."""
    if scenario.outcome in VOTES:
        from expsim_bayes.votes.known import KnownVotes

        return KnownVotes.nothing(scenario, strategy, replications)
    if scenario.components == "given" or scenario.outcome == "binary":
        return nothing_known(scenario, replications)
    from expsim_bayes.fast.looks import EstimatedScores

    return EstimatedScores.nothing(scenario, strategy, replications)


def _plan_of(scenario: Scenario, strategy: StrategyName, look: int) -> Plan | None:
    """Who rates what at a look (from 0); None after the last."""
    return plan(scenario, strategy, look) if look < scenario.looks else None
