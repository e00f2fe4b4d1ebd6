"""Signs of manipulation in the ballots of a campaign, by kind; what counts as honest work stands in each module.

Everything is a test that may be repeated after every ballot (`betting`); nothing depends on the order in which ballots are
given, there are no dice, and the error rate holds for all people and kinds together: where many signs are strong, each needs
less. Who is found has not been judged: people look at the evidence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import log

from tasks.agreement.consensus import collector_paused
from tasks.agreement.manipulation.against import find_contrary, find_random
from tasks.agreement.manipulation.betting import LEAST_EVIDENCE, find_threshold
from tasks.agreement.manipulation.cliques import SMALLEST_CLIQUE, find_collusion
from tasks.agreement.manipulation.copies import find_copied
from tasks.agreement.manipulation.likes import score_ballots
from tasks.agreement.manipulation.orders import line_up
from tasks.agreement.manipulation.pace import find_hurried, find_scripted
from tasks.agreement.manipulation.places import find_position
from tasks.records.manipulation import ObservedBallot, Sign
from tasks.vocabulary import FindingKind

METHOD_VERSION = "2"

#: What tells more of somebody than that their ballots are no better than a coin.
TELLS_MORE = {FindingKind.POSITION, FindingKind.COLLUSION}


def find_signs(ballots: Sequence[ObservedBallot]) -> list[Sign]:
    """Return what was found, by annotator and kind; for each annotator and kind the strongest.

    `copied` is not told of two in one clique, and `random` is not where `TELLS_MORE` is.
    """
    with collector_paused():
        names = sorted({each.ballot.annotator for each in ballots})
        strongest = _keep_strongest(_look(ballots, names))
        threshold = find_threshold((sign.strength * log(10.0) for sign in strongest), people=len(names))
        return _choose([sign for sign in strongest if sign.strength * log(10.0) >= threshold])


def _look(ballots: Sequence[ObservedBallot], names: list[str]) -> list[Sign]:
    """Everything that may be worth telling; how much is asked of each depends on all."""
    ballots = sorted(ballots, key=lambda each: (each.created_at, each.judgment))
    numbers = {name: at for at, name in enumerate(names)}
    threshold = LEAST_EVIDENCE
    blocks = line_up(ballots, numbers)
    scores, taste = score_ballots(blocks, len(names))

    def judgment(row: int) -> int:
        return ballots[row].judgment

    return [
        *find_random(scores, names=names, judgment=judgment, threshold=threshold),
        *find_contrary(scores, taste=taste.of, names=names, judgment=judgment, threshold=threshold),
        *find_position(ballots, numbers, names=names, threshold=threshold),
        *find_copied(ballots, numbers, names=names, threshold=threshold),
        *find_collusion(blocks, taste, names=names, judgment=judgment, threshold=threshold),
        *find_hurried(ballots, numbers, names=names, threshold=threshold),
        *find_scripted(ballots, numbers, names=names, threshold=threshold),
    ]


def _keep_strongest(signs: Iterable[Sign]) -> list[Sign]:
    strongest: dict[tuple[str, FindingKind], Sign] = {}
    for sign in signs:
        known = strongest.get((sign.annotator, sign.kind))
        if known is None or sign.strength > known.strength:
            strongest[sign.annotator, sign.kind] = sign
    return [strongest[key] for key in sorted(strongest)]


def _choose(signs: Sequence[Sign]) -> list[Sign]:
    """Return what is told of these: cliques of those who are still in one, and nothing that another sign says better."""
    members = {sign.annotator for sign in signs if sign.kind == FindingKind.COLLUSION}
    whole = [_limit_to(sign, members) if sign.kind == FindingKind.COLLUSION else sign for sign in signs]
    signs = [s for s in whole if s.kind != FindingKind.COLLUSION or len(s.others) + 1 >= SMALLEST_CLIQUE]
    telling = {(sign.annotator, sign.kind) for sign in signs}
    clique = {sign.annotator: set(sign.others) for sign in signs if sign.kind == FindingKind.COLLUSION}
    return [
        sign
        for sign in signs
        if not (sign.kind == FindingKind.RANDOM and any((sign.annotator, kind) in telling for kind in TELLS_MORE))
        and not (sign.kind == FindingKind.COPIED and set(sign.others) <= clique.get(sign.annotator, set()))
    ]


def _limit_to(sign: Sign, members: set[str]) -> Sign:
    return replace(sign, others=tuple(other for other in sign.others if other in members))
