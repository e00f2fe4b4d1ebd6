"""Signs of manipulation in the ballots of a campaign, by kind; what counts as honest work stands in each module.

Everything is a test that may be repeated after every ballot (`betting`); nothing depends on the order in which ballots are
given, there are no dice, and the error rate holds for all people and kinds together. Who is found has not been judged: people look at
the evidence.
"""

from collections.abc import Sequence

from tasks.agreement.consensus import collector_paused
from tasks.agreement.manipulation.against import find_contrary, find_random
from tasks.agreement.manipulation.betting import log_threshold
from tasks.agreement.manipulation.cliques import find_collusion
from tasks.agreement.manipulation.copies import find_copied
from tasks.agreement.manipulation.likes import score_ballots
from tasks.agreement.manipulation.orders import line_up
from tasks.agreement.manipulation.pace import find_hurried, find_scripted
from tasks.agreement.manipulation.places import find_position
from tasks.records.manipulation import ObservedBallot, Sign
from tasks.vocabulary import FindingKind

METHOD_VERSION = "1"

#: What tells more of somebody than that their ballots are no better than a coin.
TELLS_MORE = {FindingKind.POSITION, FindingKind.COLLUSION}


def find_signs(ballots: Sequence[ObservedBallot]) -> list[Sign]:
    """Return what was found, by annotator and kind; for each annotator and kind the strongest.

    `copied` is not told of two in one clique, and `random` is not where `TELLS_MORE` is.
    """
    with collector_paused():
        return _choose(_look(ballots))


def _look(ballots: Sequence[ObservedBallot]) -> list[Sign]:
    ballots = sorted(ballots, key=lambda each: (each.created_at, each.judgment))
    names = sorted({each.ballot.annotator for each in ballots})
    numbers = {name: at for at, name in enumerate(names)}
    threshold = log_threshold(len(names))
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


def _choose(signs: Sequence[Sign]) -> list[Sign]:
    telling = {(sign.annotator, sign.kind) for sign in signs}
    clique = {sign.annotator: set(sign.others) for sign in signs if sign.kind == FindingKind.COLLUSION}
    strongest: dict[tuple[str, FindingKind], Sign] = {}
    for sign in signs:
        if sign.kind == FindingKind.RANDOM and any((sign.annotator, kind) in telling for kind in TELLS_MORE):
            continue
        if sign.kind == FindingKind.COPIED and set(sign.others) <= clique.get(sign.annotator, set()):
            continue
        known = strongest.get((sign.annotator, sign.kind))
        if known is None or sign.strength > known.strength:
            strongest[sign.annotator, sign.kind] = sign
    return [strongest[key] for key in sorted(strongest)]
