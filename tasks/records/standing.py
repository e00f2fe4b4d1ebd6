"""What is known of a target, of a cell or of a share, and why it is not reached yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Lag(StrEnum):
    """Why a target is not reached. Those of `IMPOSSIBLE` say that it cannot be reached as things stand.

    not_open        the campaign offers no work
    no_language     the campaign does not have its language
    no_prompts      there is no prompt in it, and nobody is asked to write one
    no_candidates   its prompts have too few candidates for anybody to be asked
    no_room         all that its prompts still ask for is less than what is missing
    nobody          nobody who works here knows its language
    all_seen        everybody who works in its language has met all that is open in it
    prompts_wanted  there is no prompt in it yet; people are asked to write some
    no_pace         nothing came in the last whole days
    far             at the present pace it takes more than two years
    few_people      one or two people do all of it
    others_first    other work took more of people's time than its size says
    on_the_way      nothing is wrong: it takes its time
    """

    NOT_OPEN = "not_open"
    NO_LANGUAGE = "no_language"
    NO_PROMPTS = "no_prompts"
    NO_CANDIDATES = "no_candidates"
    NO_ROOM = "no_room"
    NOBODY = "nobody"
    ALL_SEEN = "all_seen"
    PROMPTS_WANTED = "prompts_wanted"
    NO_PACE = "no_pace"
    FAR = "far"
    FEW_PEOPLE = "few_people"
    OTHERS_FIRST = "others_first"
    ON_THE_WAY = "on_the_way"


class Behind(StrEnum):
    """Why a cell of the target space is behind.

    no_prompts      nobody has written a prompt for it
    few_prompts     fewer prompts than it wants finished: more judgments cannot help
    no_people       nobody who has been here lately speaks its language
    few_people      fewer of them than a prompt needs judgments
    all_seen        those who have been here lately have judged all that is open in its language
    under_way       what is being judged now is enough
    waiting         its prompts wait for candidates, for review, or for somebody to write
    its_turn        nothing is in the way: it comes up as people come
    """

    NO_PROMPTS = "no_prompts"
    FEW_PROMPTS = "few_prompts"
    NO_PEOPLE = "no_people"
    FEW_PEOPLE = "few_people"
    ALL_SEEN = "all_seen"
    UNDER_WAY = "under_way"
    WAITING = "waiting"
    ITS_TURN = "its_turn"


#: Reasons for which a cell is not covered however many come and judge.
CANNOT_BE_MET = frozenset({Behind.NO_PROMPTS, Behind.FEW_PROMPTS, Behind.NO_PEOPLE, Behind.FEW_PEOPLE, Behind.ALL_SEEN})


class Unmet(StrEnum):
    """Why a share that is wanted is not reached however many come.

    topic_gone  its topic takes no prompts any more
    no_people   nobody knows its language
    no_tag      no prompt has the tag, and nobody who writes is asked for one
    no_room     shares of other axes leave it less than that
    """

    TOPIC_GONE = "topic_gone"
    NO_PEOPLE = "no_people"
    NO_TAG = "no_tag"
    NO_ROOM = "no_room"


IMPOSSIBLE = frozenset({
    Lag.NOT_OPEN, Lag.NO_LANGUAGE, Lag.NO_PROMPTS, Lag.NO_CANDIDATES, Lag.NO_ROOM, Lag.NOBODY, Lag.ALL_SEEN,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """One target, as it stands. An empty topic is all of the language.

    done     judgments that stand
    room     further judgments that the units in it can take
    prompts  that stand in it
    bare     of them, those that wait for candidates
    people   who judged in it in the last seven whole days
    able     who work in its language, or say that they would
    fresh    who work in its language and have not met all that is open in it; None: nobody looked
    days     judgments by day in UTC, the last seven days and today
    """

    language: str
    topic: str
    target: int
    done: int
    room: int = 0
    prompts: int = 0
    bare: int = 0
    people: int = 0
    able: int = 0
    fresh: int | None = None
    days: Mapping[date, int] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        return max(0, self.target - self.done)


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """What holds for all targets of a campaign. `grows`: trees grow, so that more work comes; `asks`: for prompts."""

    is_open: bool
    languages: tuple[str, ...]
    grows: bool = False
    asks: bool = False
