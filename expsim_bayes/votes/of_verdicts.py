"""Real verdicts of pass or fail as the votes of one data set: which effects each edge hangs on, and effects as the model names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from expsim_bayes.errors import RatingsError
from expsim_bayes.models._centring import shift_layout
from expsim_bayes.models._effects import turn
from expsim_bayes.models._verdicts import panel, verdicts
from expsim_bayes.models.binary import INNER, INNER_WEIGHTS, Priors
from expsim_bayes.votes.components import Component, Components, half_normal
from expsim_bayes.votes.rows import numbered
from expsim_bayes.votes.sets import Tables
from expsim_bayes.votes.verdicts import Judged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.models._verdicts import Verdicts
    from expsim_bayes.ratings import Ratings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

PLAIN, DOMAIN, SHIFT, SENSITIVITY = range(4)
"""What an effect is a multiple of: what its prior says, or a component; from `SENSITIVITY` on two of each pool."""


class Ruled(NamedTuple):
    """Verdicts of one data set; K evaluators, D kinds of item, V variants, P persons, n effects."""

    seen: Verdicts
    priors: Priors
    votes: Judged
    components: Components
    level: Ints
    """(1,) place of the average variant's level."""
    q: Ints
    """(V,) of what variants add, turned as the model turns them."""
    free: tuple[Ints, Ints]
    """(K,) of sensitivity and of specificity; -1 where absent, here and below."""
    by_domain: tuple[Ints, Ints]
    """(K, D) of what kinds of item change in either, turned."""
    shift: Ints
    """(K, V) of judges' tastes, turned."""
    person: tuple[Ints, Ints]
    """(raters,) of what sets a person apart in either."""
    kind: Ints
    """(n,) what each effect is a multiple of."""
    base: Floats
    """(E,) edges without any effect but for those of the panel."""
    of_panel: NDArray[np.bool_]
    """(C,) cells of the evaluator whose errors are components."""

    @classmethod
    def of(cls, ratings: Ratings, priors: Priors) -> Self:
        """From ratings.

        Raises
        ------
        RatingsError
            Effects of items would have to be sampled.
        """
        seen = verdicts(ratings, gold=priors.gold, domain=priors.domain, declared=priors.declared)
        if seen.item and not seen.integrated:
            raise RatingsError(
                "items were answered so often that how they differ has to be sampled",
                where=ratings.source,
                remedy="fit with the sampler (--engine nuts)",
            )
        return cls.told(seen, priors)

    @classmethod
    def told(cls, seen: Verdicts, priors: Priors) -> Self:
        """From verdicts as the model sees them."""
        data = seen.data
        variants, evaluators, domains = len(data.variants), len(data.evaluators), len(seen.domains)
        told = np.array([k not in (seen.gold, seen.bound) for k in range(evaluators)])
        several, each = np.full((evaluators, domains), domains > 1), np.ones(variants, dtype=bool)
        apart = seen.individual[data.rater_evaluator]
        (level, q, hit, rejected, hit_domain, rejected_domain, shift, hit_person, rejected_person), size = numbered(
            0, np.ones(1, dtype=bool), each, told, told, several, several, np.outer(seen.shift, each), apart, apart
        )
        free, by_domain, person = (hit, rejected), (hit_domain, rejected_domain), (hit_person, rejected_person)
        kind = np.full(size, PLAIN)
        kind[np.concatenate([places[places >= 0] for places in by_domain])] = DOMAIN
        kind[shift[shift >= 0]] = SHIFT
        pool = np.cumsum(seen.individual) - 1
        pools = int(seen.individual.sum())
        for n, places in enumerate(person):
            kind[places[apart]] = SENSITIVITY + n * pools + pool[data.rater_evaluator[apart]]
        loads = np.zeros((variants + 2 * seen.cell_rater.size, size))
        loads[:variants, level] = np.hypot(priors.level_sd, priors.sd_variant / np.sqrt(variants))
        loads[:variants, q] = priors.sd_variant * _apart(variants)
        k, d, v, r = seen.cell_evaluator, seen.cell_domain, seen.cell_variant, seen.cell_rater
        differs = np.flatnonzero(~panel(seen)[k]) if domains > 1 else k[:0]
        moved = np.flatnonzero(seen.shift[k])
        for n, sign in ((0, 1.0), (1, -1.0)):
            row = variants + n * k.size + np.arange(k.size)
            loads[row[told[k]], free[n][k[told[k]]]] = priors.sd_accuracy
            loads[row[differs, None], by_domain[n][k[differs]]] = _apart(domains)[d[differs]]
            loads[row[moved, None], shift[k[moved]]] = sign * _apart(variants)[v[moved]]
            loads[row[apart[r]], person[n][r[apart[r]]]] = 1.0
        base = np.repeat([priors.level_mean, priors.sensitivity, priors.specificity], [variants, k.size, k.size])
        of_panel = k == seen.bound
        base[variants:][np.tile(of_panel, 2)] = 0.0
        both = np.sqrt(2.0) * priors.sd_accuracy
        bound = int(seen.bound >= 0)
        components = Components.of(
            Component("panel_sum", both, bound, priors.sensitivity + priors.specificity, positive=True),
            Component("panel_difference", both, bound, priors.sensitivity - priors.specificity),
            half_normal("sd_item", priors.sd_item, int(seen.item)),
            half_normal("sd_domain", priors.sd_domain, int(domains > 1)),
            half_normal("sd_shift", priors.sd_shift, int(seen.shift.any())),
            half_normal("sd_sensitivity", priors.sd_rater, pools),
            half_normal("sd_specificity", priors.sd_rater, pools),
        )
        return cls(
            seen,
            priors,
            _blocks(seen, loads),
            components,
            level,
            q,
            free,
            by_domain,
            shift,
            person,
            kind,
            base,
            of_panel,
        )

    def start(self) -> Floats:
        """(n,) where effects are sought first."""
        return np.zeros(self.kind.size)

    def tables(self, given: dict[str, Floats]) -> Tables:
        """Scales of effects, and edges without them, at S sets of components."""
        sets = len(given["panel_sum"])
        by_kind = [np.ones((sets, 1))]
        by_kind += [given[name].sum(axis=1, keepdims=True) for name in ("sd_domain", "sd_shift")]
        by_kind += [given["sd_sensitivity"], given["sd_specificity"]]
        total, lean = (given[name].sum(axis=1, keepdims=True) for name in ("panel_sum", "panel_difference"))
        edges = np.repeat(self.base[None], sets, axis=0)
        cells = edges[:, self.votes.variants :].reshape(sets, 2, -1)
        cells[:, 0, self.of_panel], cells[:, 1, self.of_panel] = (total + lean) / 2.0, (total - lean) / 2.0
        scale = np.concatenate(by_kind, axis=1)[:, self.kind]
        return Tables(scale, edges, np.zeros((sets, 0)), given["sd_item"].sum(axis=1, keepdims=True))

    @property
    def absorbs(self) -> bool:
        """Nothing absorbs the mean of what items add."""
        return False

    @property
    def apart(self) -> tuple[str, ...]:
        """None: truths and what items add are drawn by the model, as it does for a sampler."""
        return ()

    @property
    def observed(self) -> int:
        """How many values the model has observed."""
        return self.seen.ones.size

    def named(self, given: dict[str, Floats], x: Floats) -> dict[str, Floats]:
        """Values of the model's free variables, from D components and effects."""
        seen, priors = self.seen, self.priors
        single = {
            name: given[name].sum(axis=1)
            for name in ("panel_sum", "panel_difference", "sd_item", "sd_domain", "sd_shift")
        }
        spread = np.hypot(priors.level_sd, priors.sd_variant / np.sqrt(self.q.size))
        found = {
            "level": priors.level_mean + spread * x[:, self.level[0]],
            "q_raw": priors.sd_variant * x[:, self.q],
        }
        for what, free, by_domain, person in zip(
            ("sensitivity", "specificity"), self.free, self.by_domain, self.person, strict=True
        ):
            mean: float = getattr(priors, what)
            found[f"{what}_logit"] = mean + priors.sd_accuracy * x[:, free[free >= 0]]
            found[f"person_{what}_raw"] = x[:, person[person >= 0]]
            if len(seen.domains) > 1:
                found[f"{what}_domain_logit_raw"] = single["sd_domain"][:, None, None] * x[:, by_domain]
        if seen.shift.any():
            centred = shift_layout(seen.data, seen.shift, max(seen.gold, seen.bound)).centred
            sd = single["sd_shift"][:, None, None]
            found["shift_logit_raw"] = sd**centred * x[:, self.shift[seen.shift]]
        return found | given | single

    def nested(self, _own: Floats, _given: dict[str, Floats]) -> dict[str, tuple[str | None, Floats]]:
        """Nothing: the model draws truths and items itself."""
        return {}


def _apart(size: int) -> Floats:
    """(size, size) what turned numbers add to each member of a group, less their mean."""
    matrix = turn(np.zeros(size, dtype=np.intp))
    return np.asarray(matrix - matrix.mean(axis=0))


def _blocks(seen: Verdicts, loads: Floats) -> Judged:
    """Outputs by block, blocks that are alike counted."""
    data = seen.data
    outputs = np.arange(len(data.outputs))
    own = np.flatnonzero(seen.evaluator != seen.gold)
    own = own[np.argsort(seen.output[own], kind="stable")]
    truth = np.where(seen.label >= 0, seen.ones[np.maximum(seen.label, 0)], -1)
    entries = np.column_stack([seen.cell[own], seen.ones[own], seen.asked[own]])
    parts = np.split(entries, np.searchsorted(seen.output[own], outputs[1:]))
    said = [
        (int(v), int(label), *sorted(map(tuple, part.tolist())))
        for v, label, part in zip(data.output_variant, truth, parts, strict=True)
    ]
    members: dict[int, list[tuple[object, ...]]] = {}
    for o, block in enumerate(data.output_item if seen.integrated else outputs):
        members.setdefault(int(block), []).append(said[o])
    counted: dict[tuple[tuple[object, ...], ...], int] = {}
    for some in members.values():
        key = tuple(sorted(some))
        counted[key] = counted.get(key, 0) + 1
    of_output = [one for block in counted for one in block]
    of_entry = np.array([entry for one in of_output for entry in one[2:]], dtype=np.int64).reshape(-1, 3)
    nodes, weights = (INNER, INNER_WEIGHTS) if seen.integrated else (np.zeros(1), np.ones(1))
    return Judged(
        variants=len(data.variants),
        times=np.array(list(counted.values()), dtype=float),
        outputs_from=np.cumsum([0, *map(len, counted)]).astype(np.int64),
        variant=np.array([one[0] for one in of_output], dtype=np.int64),
        truth=np.array([one[1] for one in of_output], dtype=np.int64),
        entries_from=np.cumsum([0, *(len(one) - 2 for one in of_output)]).astype(np.int64),
        cell=of_entry[:, 0].copy(),
        ones=of_entry[:, 1].astype(float),
        zeros=(of_entry[:, 2] - of_entry[:, 1]).astype(float),
        nodes=nodes,
        log_weights=np.log(weights / weights.sum()),
        loads=loads,
    )
