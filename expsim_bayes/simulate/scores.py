"""Pretend experiments: a scenario and a seed become ratings, one experiment or thousands side by side.

`draw_world` draws what is true of one replication (severities, judges' tastes), `plan` lays out who rates what in a look, and `draw_look`
generates the ratings. Every random number belongs to a purpose and a look, and within them to a replication by its position in the stream,
so the same seed gives the same numbers however the replications are cut into chunks, and strategies compared under one seed share them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from expsim_bayes.evaluators import panel
from expsim_bayes.outcomes import SIDE_BY_SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.scenario import Scenario, StrategyName
    from expsim_bayes.simulate.streams import Streams

Truth = Literal["declared", "prior"]


class World(NamedTuple):
    """What is true of each replication. K evaluators, V variants, J raters."""

    quality: NDArray[np.float64]
    """(replication, V) quality on the reference's scale."""
    level: NDArray[np.float64]
    """(replication, K) level of each evaluator's scale."""
    added: NDArray[np.float64]
    """(replication, V) what each variant adds, q: quality less the reference's level."""
    severity: NDArray[np.float64]
    """(replication, J)"""
    shift: NDArray[np.float64]
    """(replication, K, V)"""
    taste: NDArray[np.float64]
    """(replication, J, V)"""


class Personal(NamedTuple):
    """What raters and judges add of their own in each replication."""

    severity: NDArray[np.float64]
    """(replication, J)"""
    shift: NDArray[np.float64]
    """(replication, K, V)"""
    taste: NDArray[np.float64]
    """(replication, J, V)"""


class Plan(NamedTuple):
    """Who rates what in one look: the same in all replications. Ratings are sorted by item, slot, evaluator and turn.

    A comparison is one rating, of the outputs of slots 0 and 1 of its item, and a ranking one of all of them; its `output` is that of
    slot 0.
    """

    n_items: int
    """New items in the look."""
    n_slots: int
    """Outputs an item gets."""
    first_item: int
    """Items used before this look."""
    item: NDArray[np.intp]
    """(rating,) item within the look."""
    output: NDArray[np.intp]
    """(rating,) output within the look: item * n_slots + slot."""
    evaluator: NDArray[np.intp]
    """(rating,)"""
    rater: NDArray[np.intp]
    """(rating,) numbered through over evaluators."""
    opinion: NDArray[np.intp]
    """(rating,) output-by-rater pair."""
    turn: NDArray[np.intp]
    """(rating,) number of this rating among the rater's ratings of the output, or of the outputs that are rated together."""


class Look(NamedTuple):
    """What came in at one look."""

    score: NDArray[np.float64]
    """(replication, rating); of rankings (replication, rating * slot), the place of each output, 1 for the best."""
    relative_tokens: NDArray[np.float64]
    """(replication or 1, output) tokens of each output, relative to its variant's mean."""
    latency_s: NDArray[np.float64]
    """(replication or 1, output) seconds that each output took to generate."""
    n_clipped: NDArray[np.intp]
    """(replication,) scores beyond the scale that were set to its end."""
    swapped: NDArray[np.bool_] | None = None
    """(replication, rating) of comparisons: whether the output of slot 1 stands on the left; `score` is then 1, .5 or 0 where left, tie
    or right was told."""
    faulty: NDArray[np.bool_] | None = None
    """(replication or 1, output) whether each output has the fault of the scenario; None where none ever has."""


class Operations(NamedTuple):
    """What generating the outputs of a look took, and whether a check finds fault with them."""

    relative_tokens: NDArray[np.float64]
    """As in `Look`."""
    latency_s: NDArray[np.float64]
    """As in `Look`."""
    faulty: NDArray[np.bool_] | None
    """As in `Look`."""


def draw_world(scenario: Scenario, streams: Streams, *, truth: Truth = "declared") -> World:
    """What is true of each replication.

    Parameters
    ----------
    scenario : Scenario
        Declares qualities and the spread of everything else.
    streams : Streams
        Random numbers.
    truth : {"declared", "prior"}
        Qualities, levels and fixed tastes as the scenario declares them, or drawn from what it believes, as calibration
        needs.
    """
    evaluators = scenario.evaluators
    n_variants = len(scenario.variants)
    replications = streams.stop - streams.start
    reference = panel(evaluators).reference
    if truth == "declared":
        declared = np.array([variant.quality for variant in scenario.variants])
        own = np.array([e.severity_mean for e in evaluators])
        middle = declared.mean()
        if (
            evaluators[reference].kind == "human"
        ):  # declared qualities are what these people say, their severity included
            own = own - own[reference]
        level = np.broadcast_to(middle + own, (replications, own.size))
        added = np.broadcast_to(declared - middle, (replications, n_variants))
    else:
        mean, sd = scenario.level_belief
        level = np.concatenate([mean + sd * streams.normals(f"level of {e.name}", 0, (1,)) for e in evaluators], axis=1)
        added = scenario.sd_variant_belief * streams.normals("quality", 0, (n_variants,))
    quality = level[:, [reference]] + added
    return World(quality=quality, level=level, added=added, **draw_personal(scenario, streams, truth)._asdict())


def draw_personal(scenario: Scenario, streams: Streams, truth: Truth) -> Personal:
    """Severities, tastes of judges and tastes of people in each replication."""
    evaluators, n_variants = scenario.evaluators, len(scenario.variants)
    severity = [e.severity_sd * streams.normals(f"severity of {e.name}", 0, (e.raters,)) for e in evaluators]
    taste = [e.taste_sd * streams.normals(f"taste of {e.name}", 0, (e.raters, n_variants)) for e in evaluators]
    return Personal(
        severity=np.concatenate(severity, axis=1),
        shift=np.stack([draw_shift(e, scenario.variant_names, streams, truth) for e in evaluators], axis=1),
        taste=np.concatenate(taste, axis=1),
    )


def draw_shift(evaluator: Evaluator, variants: tuple[str, ...], streams: Streams, truth: Truth) -> NDArray[np.float64]:
    """(replication, variant) taste of a judge for each variant: fixed by the story, or drawn."""
    shift = evaluator.shift_sd * streams.normals(f"shift of {evaluator.name}", 0, (len(variants),))
    for position, name in enumerate(variants):
        if truth == "declared" and name in evaluator.shift:
            shift[:, position] = evaluator.shift[name]
    return shift


def n_rated_by_people(scenario: Scenario, n_items: NDArray[np.intp]) -> NDArray[np.intp]:
    """How many of the first `n_items` items people rate: the overlap's share, evenly spread; all where no judge takes part."""
    if all(e.kind == "human" for e in scenario.evaluators):
        return n_items
    return np.floor(n_items * scenario.overlap + 1e-9).astype(np.intp)


def plan(scenario: Scenario, strategy: StrategyName, look: int) -> Plan:
    """Who rates what at one look, counted from 0.

    Judges rate every output. People rate all outputs of the overlap's share of the items, spread evenly. The people of a pool take turns by
    item, so one person rates all variants of an item and severity cancels between them. A comparison or a ranking takes all outputs of an
    item at once.
    """
    who = panel(scenario.evaluators)
    n_slots = scenario.outputs_per_item(strategy)
    rated_apart = 1 if scenario.outcome in SIDE_BY_SIDE else n_slots
    first_item = scenario.outputs_before(look) // n_slots
    n_items = scenario.outputs_before(look + 1) // n_slots - first_item
    items = np.arange(n_items, dtype=np.intp)
    of_people = n_rated_by_people(scenario, first_item + np.arange(n_items + 1, dtype=np.intp))
    parts = []
    for k, kind in enumerate(who.kinds):
        rated = np.flatnonzero(np.diff(of_people)) if kind == "human" else items
        turn = of_people[:-1][rated] if kind == "human" else first_item + rated
        item, slot, j = np.ix_(np.arange(rated.size), np.arange(rated_apart), np.arange(who.ratings_per_output[k]))
        rater = who.first_rater[k] + (turn[item] * who.ratings_per_output[k] + j) % who.pool_size[k]
        fields = np.broadcast_arrays(rated[item], slot, k, rater, j // who.pool_size[k])
        parts.append(np.stack([field.ravel() for field in fields]).astype(np.intp))
    columns = np.concatenate(parts, axis=1)
    columns = columns[:, np.lexsort((columns[4], columns[3], columns[2], columns[1], columns[0]))]
    output = columns[0] * n_slots + columns[1]
    return Plan(
        n_items=n_items,
        n_slots=n_slots,
        first_item=first_item,
        item=columns[0],
        output=output,
        evaluator=columns[2],
        rater=columns[3],
        opinion=output * len(who.raters) + columns[3],
        turn=columns[4],
    )


def part_of(layout_of_look: Plan, *, first: int = 0, last: int) -> Plan:
    """The plan of some of the items of a look, from `first` to one before `last`; items keep their numbers."""
    kept = (layout_of_look.item >= first) & (layout_of_look.item < last)
    columns = ("item", "output", "evaluator", "rater", "opinion", "turn")
    return layout_of_look._replace(
        n_items=last - first, **{name: getattr(layout_of_look, name)[kept] for name in columns}
    )


def draw_look(
    scenario: Scenario, layout_of_look: Plan, world: World, variant: NDArray[np.intp], streams: Streams, *, look: int
) -> Look:
    """Ratings, costs and latencies of one look.

    Parameters
    ----------
    scenario : Scenario
        The experiment.
    layout_of_look : Plan
        Who rates what.
    world : World
        What is true.
    variant : numpy.ndarray
        (replication or 1, item, slot) variant that answers each item in each slot.
    streams : Streams
        Random numbers, for the replications of `world`.
    look : int
        Number of the look, from 0.
    """
    score = without_noise(scenario, layout_of_look, world, variant, streams, look=look)
    _add_rating_noise(score, scenario, layout_of_look, streams, look)
    n_clipped = np.zeros(len(score), dtype=np.intp)
    low, high = scenario.score_range
    if scenario.clip_to_range and score.size and (score.min() < low or score.max() > high):
        n_clipped = ((score < low) | (score > high)).sum(axis=1)
        np.clip(score, low, high, out=score)
    return Look(score=score, n_clipped=n_clipped, **draw_operations(scenario, variant, streams, look)._asdict())


def without_noise(
    scenario: Scenario, layout_of_look: Plan, world: World, variant: NDArray[np.intp], streams: Streams, *, look: int
) -> NDArray[np.float64]:
    """(replication, rating) what each rating would be but for lasting opinions and noise; parameters as in `draw_look`."""
    latent = _outputs(scenario, layout_of_look, variant, streams, look)
    answered = variant.reshape(variant.shape[0], -1)[:, layout_of_look.output]
    who, rater = layout_of_look.evaluator, layout_of_look.rater
    each = np.arange(streams.stop - streams.start)[:, None]
    score = world.added[:, answered[0]] if len(answered) == 1 else world.added[each, answered]
    if latent is not None:
        score += latent[:, layout_of_look.output]
    scale = np.array([e.scale_use for e in scenario.evaluators])
    if np.any(scale != 1):
        score *= scale[who]
    score += world.level[:, who]
    if world.severity.any():
        score += world.severity[:, rater]
    if world.shift.any():
        score += world.shift[each, who, answered]
    if world.taste.any():
        score += world.taste[each, rater, answered]
    return score


def _outputs(
    scenario: Scenario, layout_of_look: Plan, variant: NDArray[np.intp], streams: Streams, look: int
) -> NDArray[np.float64] | None:
    """(replication, output) how far each output lies from its variant's quality; None where nothing varies."""
    n_items, n_variants = layout_of_look.n_items, len(scenario.variants)
    effect: NDArray[np.float64] | None = None
    # One generation of a variant on an item: what suits the item and what this generation adds are one effect.
    sd_cell = np.hypot(scenario.items.interaction_sd, [v.output_sd for v in scenario.variants])
    if sd_cell.any():
        cells = streams.normals("cells", look, (n_items, n_variants)) * sd_cell
        effect = np.take_along_axis(cells, np.broadcast_to(variant, (cells.shape[0], *variant.shape[1:])), axis=2)
    if scenario.items.sd > 0:
        items = scenario.items.sd * streams.normals("items", look, (n_items, 1))
        effect = items + (effect if effect is not None else np.zeros((1, 1, layout_of_look.n_slots)))
    return None if effect is None else effect.reshape(effect.shape[0], -1)


def _add_rating_noise(
    score: NDArray[np.float64], scenario: Scenario, layout_of_look: Plan, streams: Streams, look: int
) -> None:
    """Add noise and lasting opinions to the scores, in place; each evaluator has streams of its own."""
    for k, evaluator in enumerate(scenario.evaluators):
        mine = np.flatnonzero(layout_of_look.evaluator == k)
        if mine.size == 0:
            continue
        columns: NDArray[np.intp] | slice = slice(None) if mine.size == score.shape[1] else mine
        repeated = bool(layout_of_look.turn[mine].any())
        noise_sd = evaluator.noise_sd if repeated else float(np.hypot(evaluator.noise_sd, evaluator.opinion_sd))
        score[:, columns] += noise_sd * streams.normals(f"noise of {evaluator.name}", look, (mine.size,))
        if repeated and evaluator.opinion_sd > 0:
            score[:, mine] += opinions(evaluator, layout_of_look.opinion[mine], streams, look)


def opinions(evaluator: Evaluator, pair: NDArray[np.intp], streams: Streams, look: int) -> NDArray[np.float64]:
    """(replication, rating) lasting opinions behind an evaluator's ratings: one for each of its output-by-rater pairs."""
    pairs, position = np.unique(pair, return_inverse=True)
    drawn = evaluator.opinion_sd * streams.normals(f"opinions of {evaluator.name}", look, (pairs.size,))
    lasting: NDArray[np.float64] = drawn[:, position]
    return lasting


def draw_operations(scenario: Scenario, variant: NDArray[np.intp], streams: Streams, look: int) -> Operations:
    """Relative tokens and seconds of each generated output, log-normal around the variant's mean, and its faults."""
    outputs = variant.reshape(variant.shape[0], -1)
    drawn = []
    for purpose, mean, log_sd in (
        ("tokens", [1.0 for _ in scenario.variants], [v.tokens_log_sd for v in scenario.variants]),
        ("latency", [v.latency_s for v in scenario.variants], [v.latency_log_sd for v in scenario.variants]),
    ):
        middle = np.array(mean)[outputs]
        if any(log_sd):
            spread = np.array(log_sd)[outputs]
            middle = middle * np.exp(spread * streams.normals(purpose, look, outputs.shape[1:]) - spread**2 / 2)
        drawn.append(middle)
    rates = np.array([v.fault_rate for v in scenario.variants])
    faulty = streams.uniforms("faults", look, outputs.shape[1:]) < rates[outputs] if rates.any() else None
    return Operations(drawn[0], drawn[1], faulty)


def ratings_of(
    scenario: Scenario, looks: Sequence[tuple[Plan, NDArray[np.intp], Look]], *, replication: int = 0
) -> Ratings:
    """The ratings of one replication as the long table that every model takes.

    Parameters
    ----------
    scenario : Scenario
        The experiment.
    looks : sequence of (Plan, variants, Look)
        What was planned, which variants answered, and what came in, for each look.
    replication : int
        Position of the replication in the arrays.
    """
    import pandas as pd

    from expsim_bayes.ratings import validate

    who = panel(scenario.evaluators)
    width = len(str(sum(p.n_items for p, _, _ in looks)))
    parts = []
    for number, (layout_of_look, variant, rated) in enumerate(looks, start=1):
        answered = variant[min(replication, variant.shape[0] - 1)].reshape(-1)
        shown = layout_of_look.output
        item = [f"item {layout_of_look.first_item + i + 1:0{width}d}" for i in layout_of_look.item]
        named = np.array(scenario.variant_names)[answered[shown]]
        parts.append(
            pd.DataFrame(
                {
                    "look": number,
                    "variant": named,
                    "item": item,
                    "rater": np.array(who.raters)[layout_of_look.rater],
                    "evaluator": np.array(who.names)[layout_of_look.evaluator],
                    "kind": np.array(who.kinds)[layout_of_look.evaluator],
                    "repeat": layout_of_look.turn + 1,
                    "score": rated.score[replication],
                }
            )
        )
    n_clipped = sum(int(rated.n_clipped[replication]) for _, _, rated in looks)
    ratings = validate(
        pd.concat(parts, ignore_index=True),
        source=f"{scenario.name} (simulated)",
        score_range=scenario.score_range
        if scenario.clip_to_range or scenario.outcome in ("binary", "ordinal")
        else None,
        higher_is_better=scenario.higher_is_better,
        control=scenario.control,
        reference=who.names[who.reference] if who.kinds[who.reference] == "human" else None,
        variants=scenario.variant_names,
    )
    if n_clipped == 0:
        return ratings
    low, high = scenario.score_range
    note = f"{n_clipped} simulated scores lay outside {low:g} to {high:g} and were set to the end of the scale."
    return replace(ratings, notices=(*ratings.notices, note))


def operations_of(
    scenario: Scenario, looks: Sequence[tuple[Plan, NDArray[np.intp], Look]], *, replication: int = 0
) -> pd.DataFrame:
    """Every generated output: columns variant, item, tokens_in, tokens_out, latency_s, and fault (0 or 1) where a variant has some."""
    import pandas as pd

    width = len(str(sum(p.n_items for p, _, _ in looks)))
    tokens = np.array([(v.tokens_in, v.tokens_out) for v in scenario.variants])
    parts = []
    for layout_of_look, variant, rated in looks:
        answered = variant[min(replication, variant.shape[0] - 1)].reshape(-1)
        item = np.repeat(np.arange(layout_of_look.n_items), layout_of_look.n_slots) + layout_of_look.first_item + 1
        relative, seconds = (
            values[min(replication, len(values) - 1)] for values in (rated.relative_tokens, rated.latency_s)
        )
        made: dict[str, Any] = {
            "variant": np.array(scenario.variant_names)[answered],
            "item": [f"item {i:0{width}d}" for i in item],
            "tokens_in": np.rint(tokens[answered, 0] * relative).astype(int),
            "tokens_out": np.rint(tokens[answered, 1] * relative).astype(int),
            "latency_s": seconds,
        }
        if rated.faulty is not None:
            made["fault"] = rated.faulty[min(replication, len(rated.faulty) - 1)].astype(int)
        parts.append(pd.DataFrame(made))
    return pd.concat(parts, ignore_index=True)
