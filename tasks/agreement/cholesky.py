"""Cholesky's method for many small matrices at once: arrays (k, k, P), the problems last.

Every step runs along the problems and is elementwise, so that the result for one matrix does not
depend on the others, and small matrices cost no call each.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def factorize(matrices: Floats) -> Floats:
    """Return (k, k, P) the lower triangles L with L·Lᵀ = each symmetric, positive definite matrix."""
    rest = matrices.copy()
    lower = np.zeros_like(matrices)
    for j in range(len(matrices)):
        np.sqrt(rest[j, j], out=lower[j, j])
        column = rest[j + 1 :, j] / lower[j, j]
        lower[j + 1 :, j] = column
        rest[j + 1 :, j + 1 :] -= column[:, None] * column[None, :]
    return lower


def solve(lower: Floats, right: Floats) -> Floats:
    """Return (k, P) the solutions x of L·Lᵀ·x = right (k, P)."""
    x = right.copy()
    size = len(x)
    for j in range(size):
        x[j] /= lower[j, j]
        x[j + 1 :] -= lower[j + 1 :, j] * x[j]
    for j in range(size - 1, -1, -1):
        x[j] /= lower[j, j]
        x[:j] -= lower[j, :j] * x[j]
    return x


def invert(lower: Floats) -> Floats:
    """Return (k, k, P) the inverses of L·Lᵀ."""
    size = len(lower)
    roots = np.zeros_like(lower)
    for j in range(size):
        roots[j, j] = 1.0
    for j in range(size):
        roots[j, : j + 1] /= lower[j, j]
        roots[j + 1 :, : j + 1] -= lower[j + 1 :, j, None] * roots[j, : j + 1]
    inverses = np.zeros_like(lower)
    for row in roots:
        inverses += row[:, None] * row[None, :]
    return inverses
