"""The coordinate of small standard deviations: a way there and back, with the derivative that the density needs."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor
import pytest
from scipy import integrate

from expsim_bayes.models._small_sd import SMALL_SD


@pytest.mark.parametrize("scale", [1.0, 25.0])
def test_there_and_back(scale: float) -> None:
    sd = scale * np.array([1e-6, 1e-3, 0.02, 0.3, 1.0, 5.0, 400.0])
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        value = SMALL_SD.forward(pytensor.tensor.constant(sd), scale).eval()
        np.testing.assert_allclose(SMALL_SD.backward(pytensor.tensor.constant(value), scale).eval(), sd, rtol=1e-10)
        step = 1e-6
        up, down = (SMALL_SD.backward(pytensor.tensor.constant(value + s), scale).eval() for s in (step, -step))
        slope = np.log((up - down) / (2 * step))
        np.testing.assert_allclose(
            SMALL_SD.log_jac_det(pytensor.tensor.constant(value), scale).eval(), slope, atol=1e-6
        )


def test_the_prior_is_the_same_in_this_coordinate() -> None:
    """The density of the coordinate adds up to 1, and puts as much below an SD as the half-normal does."""
    with pm.Model() as model:
        pm.HalfNormal("sd", 0.5, default_transform=SMALL_SD)
    (value,) = model.value_vars
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        logp = model.compile_logp()
    density = lambda x: float(np.exp(logp({value.name: np.asarray(x)})))  # noqa: E731
    at = float(SMALL_SD.forward(pytensor.tensor.constant(0.5), 0.5).eval())
    below = integrate.quad(density, -4.0, at, epsabs=1e-10)[0]
    above = integrate.quad(density, at, 3.0, epsabs=1e-10)[0]
    assert below == pytest.approx(0.6826894921, abs=1e-7)
    assert below + above == pytest.approx(1.0, abs=1e-6)
