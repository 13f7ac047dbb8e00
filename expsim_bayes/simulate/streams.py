"""Random numbers by purpose and look, the same however the replications are cut into chunks."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HALF_STEP = 2.0**-54  # keeps a uniform number away from 0, where the normal quantile is infinite


@dataclass(frozen=True)
class Streams:
    """Random numbers by purpose and look for replications `start` to `stop`, the same for any cut into chunks.

    Each (purpose, look) has its own child of one `SeedSequence`, and each replication its own stretch of that child's stream, reached by
    PCG64's jump ahead.
    """

    random_seed: int
    """Seed of the whole run."""
    start: int
    """First replication."""
    stop: int
    """One past the last replication."""

    def uniforms(self, purpose: str, look: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Uniform numbers in (0, 1), shaped (replication, *shape)."""
        child = np.random.SeedSequence(self.random_seed, spawn_key=(zlib.crc32(purpose.encode()), look))
        each = int(np.prod(shape))
        bits = np.random.PCG64(child)
        bits.advance(self.start * each)
        numbers = np.random.Generator(bits).random((self.stop - self.start, *shape))
        np.maximum(numbers, _HALF_STEP, out=numbers)
        return numbers

    def normals(self, purpose: str, look: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Standard normal numbers, shaped (replication, *shape)."""
        numbers = self.uniforms(purpose, look, shape)
        return ndtri(numbers, out=numbers)
