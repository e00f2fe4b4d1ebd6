"""From rows to a plan, and from a plan to bands: what the tick of the schedule and the full plan have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annotate.queries.backlog import Cell, describe_cells
from annotate.queries.planning import UnitRow
from annotate.queries.rows import Row
from tasks.records.coverage import KIND_CODES, KINDS_BY_CODE, Cells, Plan, PlanSettings, Pool, Surroundings
from tasks.records.parameters import CampaignSettings
from tasks.records.scheduling import GUESSED_MINUTES, Band, StratumState, UnitState
from tasks.scheduling.arms import match_bands
from tasks.scheduling.bands import give_reason, measure_deficit
from tasks.scheduling.plan import plan
from tasks.scheduling.pools import make_cells, make_pool, take_units
from tasks.scheduling.queues import raise_orders
from tasks.scheduling.redundancy import decide_wanted, read_redundancy
from tasks.scheduling.split import arm_of
from tasks.vocabulary import ORDERING_KINDS, WRITING_KINDS, Kind, PolicyName

TIES = 2**31
#: As they are stored; nothing is noted for what no plan has looked at.
POLICY_CODES: Mapping[str, int] = {str(name): code for code, name in enumerate(PolicyName)}
DIGITS = 4
SEED = 8


@dataclass(frozen=True)
class Ground:
    """What all units of a campaign are planned on."""

    settings: CampaignSettings
    rows: Sequence[Row]
    strata: Sequence[Cell]
    minutes: Mapping[str, float]

    @cached_property
    def languages(self) -> dict[str, int]:
        names = {row["language"] for row in self.rows} | {stratum.language for stratum in self.strata}
        return {name: code for code, name in enumerate(sorted(names))}

    @cached_property
    def places(self) -> dict[int, int]:
        return {row["id"]: place for place, row in enumerate(self.rows)}

    @cached_property
    def cells(self) -> Cells:
        groups = sorted({name for row in self.rows for name in row["groups"]})
        return make_cells(
            [row["share"] for row in self.rows],
            language=[self.languages[row["language"]] for row in self.rows],
            topic=[-1 if row["topic"] is None else row["topic"] for row in self.rows],
            prompts=[row["prompts"] for row in self.rows],
            finished=[row["finished"] for row in self.rows],
            held=[row["under_way"] for row in self.rows],
            judgments=[row["judgments"] for row in self.rows],
            groups=np.array([[row["groups"].get(name, 0) for name in groups] for row in self.rows], dtype=float),
            is_targeted=[row["is_targeted"] for row in self.rows],
        )

    @cached_property
    def stratum_of(self) -> dict[int, StratumState]:
        """The stratum whose target counts for units of each: its own, or that of its whole language."""
        states = {stratum.id: state for stratum, state in zip(self.strata, describe_cells(self.strata), strict=True)}
        whole = {
            stratum.language: states[stratum.id] for stratum in self.strata if not stratum.topic and stratum.target
        }
        return {
            stratum.id: states[stratum.id] if stratum.target else whole.get(stratum.language, states[stratum.id])
            for stratum in self.strata
        }

    def decide_wanted(self, unit: UnitRow) -> int | None:
        """How many judgments a unit should have; None: nothing here is the scheduler's.

        The need of writing is not decided here. Where trees grow, texts and reviews stand where their tree put them.
        """
        kind = Kind(unit.kind)
        if self.settings.grow_trees and kind not in ORDERING_KINDS:
            return None
        if kind in WRITING_KINDS:
            return unit.wanted or None
        redundancy = read_redundancy(self.settings)
        if not redundancy.is_adaptive:
            return redundancy.base
        return decide_wanted(
            UnitState(unit.id, kind, "", unit.done, unit.held, unit.needed, unit.wanted, None, unit.uncertainty,
                      unit.p_best if self.settings.stop_best is not None else None,
                      unit.gain if self.settings.least_gain is not None else None),
            redundancy=redundancy,
        )  # fmt: skip


@dataclass(frozen=True)
class Loaded:
    """Units in columns, as they are planned and as they stand."""

    pool: Pool
    tree: NDArray[np.int64]
    stratum: NDArray[np.int64]
    band: NDArray[np.int64]
    needed: NDArray[np.int64]
    stood: NDArray[np.int64]
    is_scored: NDArray[np.bool_]
    #: The code of the policy that is noted for it: a name each would be the largest of all columns.
    policy: NDArray[np.int8]
    #: Whether these are all open units of the campaign.
    is_whole: bool = True

    def __len__(self) -> int:
        return len(self.pool)


def load_pool(parts: Iterable[Sequence[UnitRow]], *, ground: Ground, is_whole: bool = True) -> Loaded:
    """All units of these parts that are the scheduler's, part by part made into columns.

    `is_whole`: they are all open units of the campaign. Of a prompt of which there may be more units than these, each is the
    part of it that it last was known to be.
    """
    columns = [_make_columns(part, ground) for part in parts]
    if not columns:
        columns = [_make_columns([], ground)]
    # Column by column, so that what was joined is not there twice.
    joined = {name: np.concatenate([part.pop(name) for part in columns]) for name in tuple(columns[0])}
    tree = joined.pop("tree")
    stands = {name: joined.pop(name) for name in ("stratum", "band", "needed", "stood", "is_scored", "policy")}
    _, of_tree, units = np.unique(tree, return_inverse=True, return_counts=True)
    part, known = 1.0 / units[of_tree] if len(tree) else np.zeros(0), joined.pop("part")
    if not is_whole:
        part = np.fmin(part, known)
    return Loaded(make_pool(joined.pop("unit"), part=part, **joined), tree, **stands, is_whole=is_whole)


def plan_units(loaded: Loaded, *, ground: Ground, surroundings: Surroundings | None = None) -> list[Plan]:
    """The plan of each half of the prompts by its policy, both over all units: the rival's bands brought to equal heights."""
    settings = PlanSettings(wait_days=float(ground.settings.wait_days))
    policy = PolicyName(ground.settings.policy)
    rng = np.random.default_rng(SEED)
    made = plan(loaded.pool, ground.cells, policy=policy, settings=settings, rng=rng, surroundings=surroundings)
    if ground.settings.rival_policy is None:
        return [_stand_among(made, loaded, ground)]
    arm = find_arms(loaded)
    bands = np.zeros(len(loaded), dtype=np.int16)
    plans = []
    for number, name in enumerate((policy, PolicyName(ground.settings.rival_policy))):
        half = np.flatnonzero(arm == number)
        one = plan(
            take_units(loaded.pool, half), ground.cells, policy=name, settings=settings, rng=np.random.default_rng(SEED),
            surroundings=surroundings,
        )  # fmt: skip
        bands[half] = one.band
        plans.append(
            Plan(name, bands, {term: _spread(values, half, len(loaded)) for term, values in one.terms.items()})
        )
    queue = loaded.pool.kind * (len(ground.languages) + 1) + loaded.pool.language
    matched = match_bands(bands, arm=arm, queue=queue, tie=loaded.pool.tie)
    return [_stand_among(Plan(one.policy, matched, one.terms), loaded, ground) for one in plans]


def _stand_among(made: Plan, loaded: Loaded, ground: Ground) -> Plan:
    """Where trees grow, orders stand among the other work of their trees."""
    if not ground.settings.grow_trees:
        return made
    stood = None if loaded.is_whole else np.where(loaded.is_scored, loaded.band, -1)
    return Plan(made.policy, raise_orders(made.band, loaded.pool, stood=stood), made.terms)


def find_arms(loaded: Loaded) -> NDArray[np.int64]:
    """By which of two policies each unit is scheduled."""
    trees, of_tree = np.unique(loaded.tree, return_inverse=True)
    return np.array([arm_of(int(tree)) for tree in trees], dtype=np.int64)[of_tree]


def list_bands(loaded: Loaded, plans: Sequence[Plan], *, ground: Ground) -> Iterator[Band]:
    """The bands that say something else than their unit does now: in band, in need, or by which policy."""
    pool = loaded.pool
    arm = find_arms(loaded) if len(plans) > 1 else np.zeros(len(loaded), dtype=np.int64)
    band = plans[0].band
    need = np.maximum(pool.wanted, pool.done + pool.held)
    noted = np.array([POLICY_CODES[one.policy] for one in plans], dtype=np.int8)[arm]
    changed = (loaded.band != band) | (loaded.needed != need) | (loaded.stood != pool.wanted)
    changed |= ~loaded.is_scored | (loaded.policy != noted)
    for place in np.flatnonzero(changed).tolist():
        one = plans[int(arm[place])]
        reason, args = give_reason(
            kind=KINDS_BY_CODE[pool.kind[place]],
            done=int(pool.done[place]),
            stratum=ground.stratum_of.get(int(loaded.stratum[place])),
        )
        terms = {name: round(float(values[place]), DIGITS) for name, values in one.terms.items()}
        yield Band(
            unit=int(pool.unit[place]),
            band=int(band[place]),
            wanted=int(pool.wanted[place]),
            reason_code=reason,
            reason_args=args,
            terms=terms | _tell_known(pool, place),
            policy=str(one.policy),
        )


def _tell_known(pool: Pool, place: int) -> dict[str, float]:
    """What a claim reads of a unit, and a tick that does not see all units of its prompt."""
    known = {"uncertainty": float(pool.uncertainty[place]), "gain": float(pool.gain[place])}
    if pool.part[place] < 1:
        known["part"] = float(pool.part[place])
    return {name: round(value, DIGITS) for name, value in known.items() if not np.isnan(value)}


def _spread(values: NDArray[np.float32], half: NDArray[np.int64], size: int) -> NDArray[np.float32]:
    spread = np.zeros(size, dtype=np.float32)
    spread[half] = values
    return spread


def _make_columns(units: Sequence[UnitRow], ground: Ground) -> dict[str, NDArray[np.generic]]:
    kept = [(unit, wanted) for unit in units if (wanted := ground.decide_wanted(unit)) is not None]
    nan = float("nan")
    minutes = {kind: ground.minutes.get(kind.value, guess) for kind, guess in GUESSED_MINUTES.items()}
    deficits = {stratum: measure_deficit(state) for stratum, state in ground.stratum_of.items()}

    def integers(values: Iterable[int]) -> NDArray[np.int64]:
        return np.fromiter(values, dtype=np.int64, count=len(kept))

    def floats(values: Iterable[float]) -> NDArray[np.float64]:
        return np.fromiter(values, dtype=np.float64, count=len(kept))

    return {
        "unit": integers(unit.id for unit, _ in kept),
        "kind": integers(KIND_CODES[Kind(unit.kind)] for unit, _ in kept),
        "language": integers(ground.languages.get(unit.language, len(ground.languages)) for unit, _ in kept),
        "cell": integers(ground.places.get(unit.cell_id or 0, -1) for unit, _ in kept),
        "done": integers(unit.done for unit, _ in kept),
        "held": integers(unit.held for unit, _ in kept),
        "wanted": integers(wanted for _, wanted in kept),
        "uncertainty": floats(1.0 if unit.uncertainty is None else unit.uncertainty for unit, _ in kept),
        "gain": floats(nan if unit.gain is None else unit.gain for unit, _ in kept),
        "deficit": floats(deficits.get(unit.stratum_id, 0.0) for unit, _ in kept),
        "reach": floats(nan if unit.reach is None else unit.reach for unit, _ in kept),
        "part": floats(nan if unit.part is None else unit.part for unit, _ in kept),
        "waiting": floats(max(0.0, float(unit.waiting)) for unit, _ in kept),
        "minutes": floats(minutes[Kind(unit.kind)] for unit, _ in kept),
        "tie": floats(unit.tie / TIES for unit, _ in kept),
        "author": integers(-1 if unit.author_id is None else unit.author_id for unit, _ in kept),
        "tree": integers(unit.tree_id for unit, _ in kept),
        "stratum": integers(unit.stratum_id for unit, _ in kept),
        "band": integers(unit.band for unit, _ in kept),
        "needed": integers(unit.needed for unit, _ in kept),
        "stood": integers(unit.wanted for unit, _ in kept),
        "is_scored": np.fromiter((unit.is_scored for unit, _ in kept), dtype=bool, count=len(kept)),
        "policy": np.fromiter((POLICY_CODES.get(unit.policy, -1) for unit, _ in kept), dtype=np.int8, count=len(kept)),
    }
