"""Help while somebody writes: what would be refused, what may be a mistake, what is there already. Reads only.

Nothing of it blocks but what the submit refuses too. Rate-limited by person, and bounded: two statements.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput
from annotate.figures import whole
from annotate.limits import take_check
from annotate.models import Campaign
from annotate.queries.alike_prompts import find_alike_prompts
from annotate.queries.near_prompts import MOST_SHOWN, Neighbour, find_near_prompts
from annotate.queries.reading import Reader
from annotate.services.import_plan import make_tree_key
from annotate.services.text_answers import UNWRITABLE, shows_nothing
from tasks.records.parameters import read_settings
from tasks.text.language import detect_language, is_other
from tasks.text.languages import base_language
from tasks.text.normalise import text_hash
from tasks.text.written import find_unwritable
from tasks.vocabulary import STARTING_KINDS, WRITING_KINDS

#: Of a text that is longer than the campaign takes only so much is looked at, besides its length.
MOST_LOOKED_AT = 20_000

_PICTURES = re.compile(r"!\[[^\]]*\]\([^)]*\)|https?://\S+|www\.\S+")
#: Marks of direction and joiners, which languages need; in a text that needs none they may hide something.
_INVISIBLE = re.compile("[\u061c\u200b-\u200f\u202a-\u202c\u2060-\u2064\u2066-\u2069\ufeff]")
_NEEDS_MARKS = re.compile("[\u0590-\u08ff\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u18af\U0001f000-\U0001faff]")


@dataclass(frozen=True, slots=True)
class LanguageVerdict:
    """`work` is the language that was said, `found` the one that the text seems to be in, None where it cannot be told.

    `differs`: they are clearly not the same. `can_be`: the code in the campaign to say instead, None where it does not
    work in what was found, so that the text has to be written in another language.
    """

    work: str
    found: str | None
    confidence: float
    differs: bool
    can_be: str | None


@dataclass(frozen=True, slots=True)
class WritingWarning:
    """One thing to look at. `blocks`: the submit would refuse it. `position` counts from 1."""

    code: str
    message: str
    blocks: bool
    position: int | None = None


@dataclass(frozen=True, slots=True)
class WritingHelp:
    """What is known of a text while it is written. `duplicate`: the very same prompt is there already."""

    chars: int
    max_chars: int
    is_too_long: bool
    language: LanguageVerdict
    duplicate: Neighbour | None
    neighbours: tuple[Neighbour, ...]
    warnings: tuple[WritingWarning, ...]


def check_text(*, campaign: Campaign, kind: str, text: str, language: str, annotator_id: int) -> WritingHelp:
    """Look at a text of one kind of work in a campaign that this person may see; up to three neighbours of a prompt.

    Raises `InvalidInput` (`no_writing`, `unknown_language`) and `TooManyRequests`.
    """
    if kind not in WRITING_KINDS:
        raise InvalidInput(
            _("This kind of work has no text; the kinds that have are %(kinds)s.")
            % {"kinds": ", ".join(WRITING_KINDS)},
            code="no_writing",
            details={"field": "kind"},
        )
    if language not in campaign.languages:
        raise InvalidInput(
            _("This campaign does not work in %(language)s; its languages are %(languages)s.")
            % {"language": repr(language[:16]), "languages": ", ".join(campaign.languages)},
            code="unknown_language",
            details={"field": "language"},
        )
    take_check(annotator_id=annotator_id)
    most = read_settings(campaign.parameters).max_text_chars
    looked_at = text[:MOST_LOOKED_AT]
    near = _find_near(campaign, looked_at, language, annotator_id=annotator_id) if kind in STARTING_KINDS else []
    return WritingHelp(
        chars=len(text),
        max_chars=most,
        is_too_long=len(text) > most,
        language=_judge_language(looked_at, said=language, campaign=campaign),
        duplicate=next((each for each in near if each.similarity == 1.0), None),
        neighbours=tuple(near),
        warnings=tuple(_find_warnings(text, looked_at, most=most)),
    )


def _find_near(campaign: Campaign, text: str, language: str, *, annotator_id: int) -> list[Neighbour]:
    if not text.strip() or find_unwritable(text) is not None:
        return []
    digest = text_hash(text)
    keys = [make_tree_key(language=known, text_hash=digest) for known in campaign.languages]
    reader = Reader(annotator_id)
    near = find_near_prompts(campaign_id=campaign.pk, text=text, keys=keys, reader=reader)
    if len(near) == MOST_SHOWN or read_settings(campaign.parameters).embedder != "hashing":
        return near
    # Beside those with the same passages, those with the same words in another order.
    alike = find_alike_prompts(campaign_id=campaign.pk, text=text, language=language, reader=reader)
    known_ids = {each.message_id for each in near}
    more = [each for each in alike if each.message_id not in known_ids]
    return sorted([*near, *more], key=lambda each: (-each.similarity, each.message_id))[:MOST_SHOWN]


def _judge_language(text: str, *, said: str, campaign: Campaign) -> LanguageVerdict:
    guess = detect_language(text)
    differs = is_other(guess, said)
    fitting = (code for code in campaign.languages if differs and base_language(code) == guess.language)
    return LanguageVerdict(said, guess.language, round(guess.confidence, 2), differs, next(fitting, None))


def _find_warnings(text: str, looked_at: str, *, most: int) -> list[WritingWarning]:
    found = []
    if len(text) > most:
        found.append(
            WritingWarning(
                "text_too_long",
                _("The text has %(length)s characters; this campaign takes %(most)s. Shorten it.")
                % {"length": whole(len(text)), "most": whole(most)},
                blocks=True,
            )
        )
    unwritable = find_unwritable(looked_at)
    if unwritable is not None:
        words = {"position": whole(unwritable.position), "character": unwritable.character}
        said = UNWRITABLE[unwritable.code] % words
        return [*found, WritingWarning(unwritable.code, said, blocks=True, position=unwritable.position)]
    if looked_at.strip() and shows_nothing(looked_at):
        return [*found, WritingWarning("text_empty", _("A reader would see nothing of this text."), blocks=True)]
    rest, pictures = _PICTURES.subn("", looked_at)
    if pictures and not any(character.isalnum() for character in rest):
        said = _("This is only a picture or an address. Readers see no pictures here: write what it is about.")
        found.append(WritingWarning("only_a_link", said, blocks=False))
    invisible = None if _NEEDS_MARKS.search(looked_at) else _INVISIBLE.search(looked_at)
    if invisible is not None:
        said = _(
            "At position %(position)s is a character that nobody sees (%(character)s). Remove it if it is not meant."
        )
        words = {"position": whole(invisible.start() + 1), "character": f"U+{ord(invisible[0]):04X}"}
        found.append(WritingWarning("text_has_invisible", said % words, blocks=False, position=invisible.start() + 1))
    return found
