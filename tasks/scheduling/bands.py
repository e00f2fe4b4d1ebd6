"""Bands: how much the campaign wants each unit now, how many judgments it should have, and why.

    band = 1000 * (0.50 * deficit + 0.35 * uncertainty + 0.15 * vacancy), to the nearest 20

deficit      how far the unit's stratum is from its target, work under way counted as done:
             (target - done - held) / target within [0, 1]; 0 where no target was set
uncertainty  of the consensus on the unit's subject; 1 while nothing was judged, so that every
             subject gets a first judgment before others get more
vacancy      share of the wanted judgments that are neither done nor under way

Bands are coarse on purpose: a change that is not worth a write is none.

The reason is made of the kind of work, of whether a first judgment stands, and of the stratum. It
never depends on the uncertainty or on the number of judgments wanted, which follows from it: "asked
again because opinions differ" would tell an annotator what others thought.
"""

from collections.abc import Iterable, Mapping, Sequence

from tasks.records.scheduling import Band, Redundancy, StratumState, UnitState
from tasks.scheduling.redundancy import decide_wanted
from tasks.vocabulary import WRITING_KINDS, ReasonCode

DEFICIT_WEIGHT = 0.50
UNCERTAINTY_WEIGHT = 0.35
VACANCY_WEIGHT = 0.15
HIGHEST_BAND = 1000
BAND_STEP = 20
#: A stratum that lacks this share of its target is called thin.
THIN_DEFICIT = 0.5
DIGITS = 4


def score_units(units: Iterable[UnitState], *, strata: Iterable[StratumState], redundancy: Redundancy) -> list[Band]:
    """Return the band of every unit, in the order of `units`.

    strata      every stratum that a unit names; one that is missing counts as without a target
    redundancy  of this campaign and kind of work
    """
    by_name = {stratum.stratum: stratum for stratum in strata}
    deficits = {name: measure_deficit(stratum) for name, stratum in by_name.items()}
    return [
        _score_unit(
            unit,
            stratum=by_name.get(unit.stratum),
            deficit=deficits.get(unit.stratum, 0.0),
            redundancy=redundancy,
        )
        for unit in units
    ]


def list_changes(units: Sequence[UnitState], bands: Sequence[Band]) -> list[Band]:
    """Return the bands that differ from what stands in their unit, in band or wanted judgments."""
    return [
        band for unit, band in zip(units, bands, strict=True) if (unit.band, unit.wanted) != (band.band, band.wanted)
    ]


def measure_deficit(stratum: StratumState) -> float:
    """Return the share of its target that a stratum lacks, in [0, 1]; 0 without a target."""
    if not stratum.target:
        return 0.0
    missing = (stratum.target - stratum.done - stratum.held) / stratum.target
    return min(max(missing, 0.0), 1.0)


def _score_unit(unit: UnitState, *, stratum: StratumState | None, deficit: float, redundancy: Redundancy) -> Band:
    """Return the band of one unit, and the terms it came from."""
    wanted = decide_wanted(unit, redundancy=redundancy)
    vacancy = max(wanted - unit.done - unit.held, 0) / wanted
    uncertainty = 1.0 if unit.uncertainty is None else min(max(unit.uncertainty, 0.0), 1.0)
    score = DEFICIT_WEIGHT * deficit + UNCERTAINTY_WEIGHT * uncertainty + VACANCY_WEIGHT * vacancy
    reason, args = _give_reason(unit, stratum, deficit)
    return Band(
        unit=unit.unit,
        band=round(score * HIGHEST_BAND / BAND_STEP) * BAND_STEP,
        wanted=wanted,
        reason_code=reason,
        reason_args=args,
        terms={
            "deficit": round(deficit, DIGITS),
            "uncertainty": None if unit.uncertainty is None else round(uncertainty, DIGITS),
            "vacancy": round(vacancy, DIGITS),
            "score": round(score, DIGITS),
        },
    )


def _give_reason(unit: UnitState, stratum: StratumState | None, deficit: float) -> tuple[ReasonCode, Mapping[str, str]]:
    """Return why this work, for annotators: nothing here may depend on what others thought."""
    named = {"stratum": stratum.label} if stratum is not None and stratum.label else {}
    if unit.kind in WRITING_KINDS:
        return ReasonCode.REPLY_WANTED, named
    if deficit >= THIN_DEFICIT:
        return ReasonCode.STRATUM_THIN, named
    if unit.done == 0:
        return ReasonCode.FIRST_JUDGMENT, named
    return ReasonCode.MORE_VOICES, named
