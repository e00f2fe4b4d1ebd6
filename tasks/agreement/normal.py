"""The normal distribution function on arrays, by the standard library's erf."""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Two-sided 95 % of a standard normal.
Z_95 = 1.959963984540054

_erf = np.frompyfunc(math.erf, 1, 1)


def normal_cdf(z: Floats) -> Floats:
    """Return P(N(0, 1) <= z) elementwise, same shape."""
    share: Floats = 0.5 + 0.5 * np.asarray(_erf(z * math.sqrt(0.5)), dtype=np.float64)
    return share
