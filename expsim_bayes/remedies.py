"""What to do about a fit that is not to be trusted, in the words of the program that made it."""

from __future__ import annotations

from typing import NamedTuple


class Remedies(NamedTuple):
    """What to do about a fit, in the words of the program that made it."""

    chains: str
    """Where too few chains were run."""
    steps: str
    """Where draws diverged."""
    energy: str
    """Where the energy moves too slowly."""
    seed: str
    """Where a number does not move."""
    longer: str
    """Where chains disagree."""
    more: str
    """Where too few draws are independent."""


OURS = Remedies(
    chains="run with 4 (--chains 4)",
    steps="let it take smaller steps (--target-accept .995), and see whether a term with few replicates should be given or left out",
    energy="tune longer (--tune 3000)",
    seed="run again with another seed (--seed)",
    longer="run longer (--draws and --tune doubled)",
    more="run longer (--draws doubled)",
)
"""For fits of `expsim fit`."""
ANY = Remedies(
    chains="run 4 from different starting points",
    steps="let it take smaller steps (in Stan, PyMC and NumPyro a target acceptance rate of .995), and write effects of small groups "
    "as multiples of their standard deviation (not centred)",
    energy="warm up longer, and look for effects whose standard deviation may come close to nothing",
    seed="run again with another seed, and leave out what is fixed",
    longer="run longer, with twice the warm-up and twice the draws",
    more="run longer, with twice the draws, and keep them all (no thinning)",
)
"""For fits of any program."""
