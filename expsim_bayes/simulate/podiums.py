r"""Pretend rankings, look after look: everyone who rates puts the outputs of an item in order.

The story is that of `models.ranking`: rater :math:`r` of evaluator :math:`k` orders the variants :math:`v` shown on item :math:`i` by
:math:`\lambda_k (q_v + g_{iv}) + d_{kv} + t_{rv}` plus Gumbel noise, the highest first, which is the law of Plackett and Luce.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from expsim_bayes.evaluators import panel
from expsim_bayes.simulate.duels import Eyes, abilities, qualities, side_by_side
from expsim_bayes.simulate.scores import Look, draw_operations, draw_personal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Evaluator
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.scenario import Scenario
    from expsim_bayes.simulate.scores import Plan, Truth
    from expsim_bayes.simulate.streams import Streams


class PodiumWorld(NamedTuple):
    """What is true of each replication. K evaluators, V variants, J raters."""

    quality: NDArray[np.float64]
    """(replication, V) share of rankings in which a variant stands before the control, or without one before another variant."""
    q: NDArray[np.float64]
    """(replication, V) what each variant is worth to the reference, less the mean; logits."""
    shift: NDArray[np.float64]
    """(replication, K, V) tastes of judges; logits."""
    taste: NDArray[np.float64]
    """(replication, J, V) tastes of raters; logits."""


def ranking_eyes(evaluator: Evaluator, sd_fit: float) -> Eyes:
    """The eyes of one evaluator, whose people have tastes of their own, where variants fit items with an SD.

    Examples
    --------
    >>> from expsim_bayes.evaluators import Evaluator
    >>> crowd = Evaluator(name="crowd", kind="human", raters=4, taste_sd=0.6, usd_per_rating=0.3)
    >>> ranking_eyes(crowd, 0.8).beats([0.0, 1.0]).round(3)
    array([0.5  , 0.675])
    """
    return Eyes(np.hypot(sd_fit, evaluator.taste_sd), 0.0, 0.0, -np.inf)


def ranked_abilities(scenario: Scenario) -> NDArray[np.float64]:
    """(variant,) q, less the mean, that give the declared qualities to 1e-9; logits of the reference of those who rate."""
    reference = scenario.defines_quality
    eyes = ranking_eyes(reference, reference.scale_use * scenario.items.interaction_sd)
    quality = np.array([v.quality for v in scenario.variants])
    return abilities(quality, eyes, scenario.control_index) / reference.scale_use


def draw_podium_world(scenario: Scenario, streams: Streams, *, truth: Truth = "declared") -> PodiumWorld:
    """What is true of each replication, with a ranking as outcome.

    Parameters
    ----------
    scenario, streams
        As in `draw_world`.
    truth : {"declared", "prior"}
        Abilities that give the declared qualities, and tastes of judges as declared; or all drawn from what is believed, as
        `models.ranking` has it.

    Notes
    -----
    Quality is in the eyes of the reference, and judges who rate alone are told of as in `draw_duel_world`.
    """
    n_variants, replications = len(scenario.variants), streams.stop - streams.start
    if truth == "declared":
        quality = np.broadcast_to([v.quality for v in scenario.variants], (replications, n_variants))
        q = np.broadcast_to(ranked_abilities(scenario), quality.shape)
    else:
        q = scenario.sd_variant_belief * streams.normals("quality", 0, (n_variants,))
        q = q - q.mean(axis=1, keepdims=True)
        reference = scenario.evaluators[panel(scenario.evaluators).reference]
        eyes = ranking_eyes(reference, scenario.items.interaction_sd)
        quality = qualities(q, eyes, scenario.control_index)
    own = draw_personal(scenario, streams, truth)
    return PodiumWorld(quality, q, own.shift, own.taste)


def draw_podiums(
    scenario: Scenario,
    layout_of_look: Plan,
    world: PodiumWorld,
    variant: NDArray[np.intp],
    streams: Streams,
    *,
    look: int,
) -> Look:
    """Rankings of one look: the places of all outputs of an item, slot by slot, one ranking after the other.

    Parameters
    ----------
    scenario, layout_of_look, variant, streams, look
        As in `draw_look`.
    world : PodiumWorld
        What is true.
    """
    item, who, rater = layout_of_look.item, layout_of_look.evaluator, layout_of_look.rater
    n_variants = world.q.shape[1]
    cells = streams.normals("cells", look, (layout_of_look.n_items, n_variants))
    worth = world.q[:, None] + scenario.items.interaction_sd * cells
    use = np.array([e.scale_use for e in scenario.evaluators])[who, None]
    latent = use * worth[:, item]
    if world.shift.any():
        latent += world.shift[:, who]
    if world.taste.any():
        latent += world.taste[:, rater]
    for k, evaluator in enumerate(scenario.evaluators):
        mine = np.flatnonzero(who == k)
        chance = streams.uniforms(f"verdicts of {evaluator.name}", look, (mine.size, n_variants))
        latent[:, mine] -= np.log(-np.log(chance))
    shown = np.broadcast_to(variant, (len(latent), *variant.shape[1:]))[:, item]
    seen = np.take_along_axis(latent, shown, axis=2)
    place = (-seen).argsort(axis=2).argsort(axis=2).astype(np.float64) + 1.0
    used = draw_operations(scenario, variant, streams, look)._asdict()
    return Look(score=place.reshape(len(place), -1), n_clipped=np.zeros(len(place), dtype=np.intp), **used)


def rankings_of(
    scenario: Scenario, looks: Sequence[tuple[Plan, NDArray[np.intp], Look]], *, replication: int = 0
) -> Ratings:
    """The rankings of one replication as the long table that models take, a row a place.

    Parameters
    ----------
    scenario : Scenario
        The experiment.
    looks : sequence of (Plan, variants, Look)
        What was planned, assigned and told, look by look.
    replication : int
        Position of the replication in the arrays.
    """
    names = np.array(scenario.variant_names)
    nothing: dict[str, NDArray[Any]] = {}
    parts = []
    for layout_of_look, variant, told in looks:
        shown = variant[min(replication, variant.shape[0] - 1)][layout_of_look.item]
        each = np.repeat(np.arange(len(shown)), layout_of_look.n_slots)
        places = {"variant": names[shown.ravel()], "rank": told.score[replication].astype(int)}
        parts.append((layout_of_look, each, places, nothing))
    return side_by_side(scenario, parts)
