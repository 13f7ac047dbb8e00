"""How a fit went, in words: the verdict in a few, why it is good, and what there is to see on its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsim_bayes.amounts import count, listed
from expsim_bayes.diagnosis.chains import MOST_CHAINS, apart

if TYPE_CHECKING:
    from expsim_bayes.diagnosis.chains import Draws, Energies, Ranks
    from expsim_bayes.diagnostics import Verdict

HEADLINES = {
    "ok": "OK: this fit may be believed",
    "caution": "Caution: take its probabilities as approximate",
    "refuse": "Refuse: this fit is not to be trusted",
}
"""The verdict in a few words."""


def passed(found: Verdict) -> str:
    """Why a verdict is good, with its numbers."""
    if found.points == 1:
        return "Fitted without a sampler, exactly."
    if found.points:
        shape = "" if found.k_hat is None else f" (Pareto k-hat {found.k_hat:.2f}, at most {found.good_k:.2f})"
        worth = f"draws are worth at least {found.worst_ess:,.0f} independent ones"
        return f"Fitted without a sampler, over {found.points:,} weighted points{shape}; {worth}."
    return f"The chains agree, enough of the {found.chains * found.draws:,} draws are independent, and none diverged."


def of_trace(found: Draws) -> str:
    """What a trace shows."""
    between = apart(found.values[:MOST_CHAINS])
    if between is None:
        return "The draws do not move at all."
    said = f"The means of the chains lie at most {between:.2f} standard deviations apart; lines that cover each other are good."
    if found.diverging is not None and found.diverging.any():
        diverged = int(found.diverging.sum())
        said += (
            f" Crosses: the {count(diverged)} draws that diverged."
            if diverged > 1
            else " Cross: the draw that diverged."
        )
    return said


def of_ranks(found: Ranks) -> str:
    """What ranks show."""
    return (
        f"If the {count(len(found.times))} chains see the same, 99 of 100 steps lie within the grey band; "
        f"{100 * (1 - found.outside):.0f} of 100 do. Draws that hang together leave it more often."
    )


def of_energies(found: Energies) -> str:
    """What energies show."""
    each = listed([f"{value:.2f}" for value in found.bfmi])
    return f"BFMI of the chains: {each}. From .3 the sampler moves fast enough between the middle and the tails."
