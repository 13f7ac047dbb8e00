"""The coordinate in which standard deviations are sampled that may be next to nothing.

In its log, an SD about which ratings say only that it is small has a long flat tail to the left, in which a sampler loses its way. Here the
tail falls off doubly exponentially, and large values are as in the log. A coordinate changes how the sampler moves, never the model.
"""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
from pymc.logprob.transforms import Transform

Tensor = Any
"""A symbolic array of pytensor, which has no usable static types."""
STEPS = 25
"""Newton steps of the way from an SD to its coordinate, which is gone only for starting values."""


class _SmallSD(Transform):  # type: ignore[misc]
    """log (sd / scale) = x - exp(-x), where scale is that of the half-normal prior."""

    name = "small"

    def backward(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """The SD at a coordinate."""
        return inputs[-1] * pt.exp(value - pt.exp(-value))

    def forward(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """The coordinate of an SD: Newton's method from the left of the root, where it cannot overshoot."""
        target = pt.log(value / inputs[-1])
        found = -pt.softplus(-target)
        for _ in range(STEPS):
            found = found - (found - pt.exp(-found) - target) / (1 + pt.exp(-found))
        return found

    def log_jac_det(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """Log of the derivative of the SD by its coordinate."""
        return pt.log(inputs[-1] * (1 + pt.exp(value))) - pt.exp(-value)


SMALL_SD = _SmallSD()
"""For `pm.HalfNormal(..., default_transform=SMALL_SD)`."""
