"""Build pools and cells with checks and sensible defaults, and take parts of them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.records.coverage import Cells, Pool

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_POOL_INTEGERS = {"unit", "kind", "language", "cell", "done", "held", "wanted", "author", "point"}
_CELL_INTEGERS = {"language", "topic", "prompts", "judgments"}
_POOL_DEFAULTS: dict[str, float] = {
    "kind": 0,
    "language": 0,
    "cell": -1,
    "done": 0,
    "held": 0,
    "wanted": 1,
    "uncertainty": 1.0,
    "gain": np.nan,
    "deficit": 0.0,
    "reach": np.nan,
    "waiting": 0.0,
    "minutes": 1.0,
    "part": 1.0,
    "tie": 0.0,
    "author": -1,
    "point": -1,
}
_CELL_DEFAULTS: dict[str, float] = {
    "language": 0,
    "topic": -1,
    "prompts": 1,
    "finished": 0.0,
    "held": 0.0,
    "judgments": 0,
}


def make_pool(unit: ArrayLike, **columns: ArrayLike) -> Pool:
    """A pool of these units; a column that is left out has its plain value, a single number counts for all.

    Raises ValueError when a column is unknown or of another length.
    """
    return Pool(**_make_columns(np.asarray(unit, dtype=np.int64), "unit", _POOL_DEFAULTS, _POOL_INTEGERS, columns))


def make_cells(share: ArrayLike, **columns: ArrayLike) -> Cells:
    """Cells with these shares, which are brought to sum to 1; left-out columns have their plain values."""
    shares = np.asarray(share, dtype=np.float64)
    if (shares < 0).any() or not np.isfinite(shares).all():
        raise ValueError("A share is a number of at least 0.")
    total = shares.sum()
    if total > 0:
        shares = shares / total
    elif len(shares):
        shares = np.full(len(shares), 1.0 / len(shares))
    groups = np.asarray(columns.pop("groups", np.zeros((len(shares), 0))), dtype=np.float64)
    groups = groups if groups.ndim == 2 and len(groups) == len(shares) else np.zeros((len(shares), 0))
    targeted = np.broadcast_to(np.asarray(columns.pop("is_targeted", False), dtype=bool), shares.shape).copy()
    made = _make_columns(shares, "share", _CELL_DEFAULTS, _CELL_INTEGERS, columns)
    return Cells(**made, groups=groups, is_targeted=targeted)


def take_units(pool: Pool, which: ArrayLike) -> Pool:
    """The pool of these units alone, by index or by mask."""
    index = np.asarray(which)
    return Pool(**{field.name: getattr(pool, field.name)[index] for field in fields(Pool)})


def _make_columns(
    first: Any, name: str, defaults: dict[str, float], integers: set[str], columns: dict[str, ArrayLike]
) -> dict[str, Any]:
    if unknown := set(columns) - set(defaults):
        raise ValueError(f"There is no column {', '.join(sorted(unknown))}.")
    made = {name: first}
    for column, plain in defaults.items():
        dtype = np.int64 if column in integers else np.float64
        values = np.asarray(columns.get(column, plain), dtype=dtype)
        made[column] = np.broadcast_to(values, first.shape).copy() if values.ndim == 0 else values
        if made[column].shape != first.shape:
            raise ValueError(f"The column {column} has {len(made[column])} entries, not {len(first)}.")
    return made
