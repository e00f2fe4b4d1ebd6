"""Who is given which of the few units that a claim looks at. Standard library only: this is asked while somebody waits.

A claim sees the front of the queues (at most some sixteen units that one may do). Among those in the highest band, and in
the bands next to it, one is drawn by lot; each has the weight exp(worth), and its worth is the sum of

    reliability   STAKE · (sharpness² - 1) · (stake - ½)    of rankings and comparisons. A ballot tells as much as the square
                  of its annotator's sharpness. What is at stake goes to those who are sharper than usual, and what is nearly
                  known, or not begun, to those who are known to be careless; who is typical takes either.
    newcomers     HEARD · judgments there are                of whom little is known: what others judged tells how they judge
    others        - SAME · share of those who judged it that are of the same group of people
    variety       - ALIKE · share of the last few that were of the same kind and about the same thing
    interests     ± LIKED                                    where they said what they would rather be asked about
    band          - BELOW · steps below the highest

Whoever has done LONGEST_RUN alike in a row is given another kind or topic, if the claim sees one. What is drawn first may be
taken by others at this moment, so all are drawn, one after the other.

Nothing of this can be told from the work itself: everybody is given units of the same front, of the same kinds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from random import Random

from tasks.vocabulary import ORDERING_KINDS

STAKE, SAME, ALIKE, LIKED, BELOW, HEARD = 6.0, 1.5, 1.5, 1.0, 0.5, 0.4
#: A unit so far below the highest band that the claim sees is left for later; how far one step is.
NEIGHBOURING, BAND_STEP = 40, 20
#: Judgments after which a person's sharpness says something of them.
KNOWN_AFTER = 5
#: Below this sharpness somebody who is known counts as careless.
CARELESS_BELOW = 0.5
#: The last units of a person that count for variety, and how many alike in a row are enough.
LAST, LONGEST_RUN = 20, 12
#: What is at stake where nobody has judged: the first order is in nobody's way.
UNBEGUN_STAKE = 0.25


@dataclass(frozen=True, slots=True)
class Traits:
    """What a claim knows of a person in a campaign; nobody is told. `group`: of people, "" where it is not known."""

    sharpness: float = 1.0
    group: str = ""
    judgments: int = 0

    @property
    def is_known(self) -> bool:
        """Whether enough was judged to say something of the sharpness."""
        return self.judgments >= KNOWN_AFTER

    @property
    def is_careless(self) -> bool:
        """Whether this person is known to judge hardly better than a coin."""
        return self.is_known and self.sharpness < CARELESS_BELOW


@dataclass(frozen=True, slots=True)
class Choice:
    """One unit that the claim sees.

    needed, done, held  its counters
    uncertainty, gain   of the order under its subject: 1 - confidence, and its expected rise by one more ballot; None: unknown
    groups              of those who judged it or are at it, once for each
    about               where it lies in the target space; None: nowhere
    likes               whether this person likes its topic; None: they did not say
    """

    unit: int
    kind: str
    band: int
    needed: int
    done: int = 0
    held: int = 0
    uncertainty: float | None = None
    gain: float | None = None
    groups: tuple[str, ...] = ()
    about: int | None = None
    likes: bool | None = None


#: Kind and place in the target space of something done, the newest first.
Past = Sequence[tuple[str, int | None]]


def draw_order(person: Traits, choices: Sequence[Choice], *, past: Past, rng: Random) -> list[int]:
    """Return the units in the order in which to try to take them, those to leave for later behind."""
    if not choices:
        return []
    top = max(choice.band for choice in choices)
    near = [choice for choice in choices if top - choice.band <= NEIGHBOURING]
    far = sorted((choice for choice in choices if top - choice.band > NEIGHBOURING), key=lambda choice: -choice.band)
    near, again = part_alike(near, past=past)
    worth = weigh(person, [*near, *again], past=past)
    drawn = [
        *_draw([choice.unit for choice in near], worth, rng),
        *_draw([choice.unit for choice in again], worth, rng),
    ]
    return drawn + [choice.unit for choice in far]


def part_alike(choices: Sequence[Choice], *, past: Past) -> tuple[list[Choice], list[Choice]]:
    """Return those that may be taken, and those that would be one more of very many alike, where there are others."""
    if len(past) < LONGEST_RUN or len(set(past[:LONGEST_RUN])) > 1:
        return list(choices), []
    others = [choice for choice in choices if (choice.kind, choice.about) != past[0]]
    again = [choice for choice in choices if (choice.kind, choice.about) == past[0]]
    return (others, again) if others else (again, [])


def weigh(person: Traits, choices: Sequence[Choice], *, past: Past) -> dict[int, float]:
    """Return the worth of each unit for this person, by unit; see above."""
    stakes = measure_stakes(choices)
    top = max((choice.band for choice in choices), default=0)
    recent = list(past[:LAST])
    return {
        choice.unit: _rate_reliability(person, choice, stakes[choice.unit])
        - SAME * _share_same(person.group, choice.groups)
        - ALIKE * (recent.count((choice.kind, choice.about)) / LAST)
        + LIKED * (0 if choice.likes is None else 1 if choice.likes else -1)
        - BELOW * (top - choice.band) / BAND_STEP
        for choice in choices
    }


def measure_stakes(choices: Sequence[Choice]) -> dict[int, float]:
    """Return what hangs on the next ballot of each unit, in [0, 1], against the others that are seen with it.

    By the gain where it is known, else by the uncertainty and by how many ballots are still to come.
    """
    rough = {choice.unit: _find_stake(choice) for choice in choices}
    known = [stake for stake in rough.values() if stake is not None]
    most = max(known, default=0.0)
    return {
        unit: UNBEGUN_STAKE if stake is None else stake / most if most > 0 else 0.0 for unit, stake in rough.items()
    }


def _find_stake(choice: Choice) -> float | None:
    if choice.gain is not None:
        return max(choice.gain, 0.0)
    if choice.uncertainty is None:
        return None
    open_share = max(choice.needed - choice.done - choice.held, 0) / max(choice.needed, 1)
    return max(choice.uncertainty, 0.0) * open_share


def _rate_reliability(person: Traits, choice: Choice, stake: float) -> float:
    if choice.kind not in ORDERING_KINDS:
        return 0.0
    if not person.is_known:
        return HEARD * min(choice.done, KNOWN_AFTER)
    above = min(max(person.sharpness**2 - 1.0, -1.0), 1.0)
    return STAKE * above * (stake - 0.5)


def _share_same(group: str, groups: Sequence[str]) -> float:
    return groups.count(group) / len(groups) if group and groups else 0.0


def _draw(units: Sequence[int], worth: Mapping[int, float], rng: Random) -> list[int]:
    """Return all of them, drawn one after the other with weights exp(worth) (Gumbel's trick)."""
    keys = {unit: worth[unit] - log(max(rng.expovariate(1.0), 1e-300)) for unit in units}
    return sorted(units, key=lambda unit: -keys[unit])
