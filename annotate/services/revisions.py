"""A better wording of a message: one's own is changed at once until others have begun to work with it; then it is proposed.

1. Lock the person's row, then the tree: whoever begins to judge, and whoever else changes the text, takes turns with us.
2. Refuse what is not there, what was changed meanwhile, and what cannot be stored.
3. Own text that nobody has begun with: write the revision, and index it at once.
4. Otherwise keep a proposal, one at a time for a message.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotate.exceptions import Conflict, InvalidInput, NotAllowed, TooLarge
from annotate.figures import whole
from annotate.models import Annotator, Campaign, Message, MessageTree, RevisionProposal
from annotate.queries.message_access import get_touchable
from annotate.queries.reading import Reader
from annotate.queries.rows import Row, run
from annotate.services.import_plan import make_tree_key
from annotate.services.message_texts import lock_message, write_revision
from annotate.services.search_index import index_prompt
from annotate.services.terms import CURRENT_TERMS, lock_annotator
from annotate.services.text_answers import read_texts
from tasks.records.parameters import read_settings
from tasks.text.normalise import text_hash
from tasks.vocabulary import CampaignState, Kind, ProposalState

MAX_REASON_CHARS = 2000

#: Whoever asks for work passes over what is locked: nobody is given this text while it changes.
_LOCK_UNITS = "SELECT id FROM annotate_unit WHERE subject_id = %(message)s ORDER BY id FOR NO KEY UPDATE"


@dataclass(frozen=True, slots=True)
class Revised:
    """What came of it: the message has the text as `revision`, or it waits as a proposal."""

    message_id: int
    revision: int
    proposal_id: int | None

    @property
    def is_proposed(self) -> bool:
        return self.proposal_id is not None


def revise_message(
    *, reader: Reader, message_id: int, text: str, reason: str, base_revision: int, now: datetime
) -> Revised:
    """Change one's own text, or propose another for one that others have begun to work with.

    `base_revision` is the one that was read. Raises `NotFound`, `Gone` (`message_removed`), `NotAllowed` (`suspended`,
    `terms_not_accepted`), `Conflict` (`campaign_not_open`, `revision_moved`, `proposal_open`, `text_unchanged`,
    `text_duplicate`), and `InvalidInput` or `TooLarge` for what cannot be stored.
    """
    words = _read_reason(reason)
    with transaction.atomic():
        person = lock_annotator(annotator_id=reader.annotator_id or 0)
        row = get_touchable(message_id=message_id, reader=reader)
        campaign = Campaign.objects.get(pk=row["campaign_id"])
        message = lock_message(campaign=campaign, message_id=message_id)
        run(_LOCK_UNITS, {"message": message_id})
        row = get_touchable(message_id=message_id, reader=reader)  # as it is under the locks
        _check(person=person, campaign=campaign)
        check_base(message=message, base_revision=base_revision)
        written = _read(text, campaign=campaign, message=message)
        if row["is_mine"] and not row["is_begun"]:
            write_text(message=message, text=written, author_id=person.pk, reason=words, now=now)
            return Revised(message.pk, message.revision, None)
        return Revised(message.pk, message.revision, _propose(row, person, message, written, words, now=now))


def write_text(*, message: Message, text: str, author_id: int, reason: str, now: datetime) -> None:
    """Write a revision under the lock of the tree, name a tree after its prompt's new words, and make them findable."""
    before = bytes(message.text_hash)
    write_revision(message=message, text=text, author_id=author_id, reason=reason, now=now)
    if message.parent_id is None and message.author_id is not None:
        # What was imported keeps its name, so that importing it again finds it.
        names = {"language": message.language}
        tree = MessageTree.objects.filter(pk=message.tree_id, key=make_tree_key(text_hash=before, **names))
        try:
            with transaction.atomic():
                tree.update(key=make_tree_key(text_hash=bytes(message.text_hash), **names))
        except IntegrityError as error:
            raise Conflict(
                _("This campaign has this very prompt already, word for word. Write it otherwise, or leave it."),
                code="text_duplicate",
            ) from error
    index_prompt(message_id=message.pk)


def check_base(*, message: Message, base_revision: int) -> None:
    """Refuse what was written about an earlier text."""
    if message.revision != base_revision:
        raise Conflict(
            _("This message was changed while you were writing. Look at its text as it is now, and decide again."),
            code="revision_moved",
            details={"revision": message.revision, "base_revision": base_revision, "text": message.text},
        )


def _propose(row: Row, person: Annotator, message: Message, text: str, reason: str, *, now: datetime) -> int:
    if text_hash(text) == bytes(message.text_hash):
        raise Conflict(
            _("This is the text that is there already. Change something, or leave it."), code="text_unchanged"
        )
    # One about an earlier text can never be accepted, and stands in nobody's way.
    RevisionProposal.objects.filter(message=message, state=ProposalState.OPEN).exclude(
        base_revision=message.revision
    ).update(state=ProposalState.REJECTED, decided_at=now)
    if RevisionProposal.objects.filter(message=message, state=ProposalState.OPEN).exists():
        raise Conflict(
            _("Another wording of this message is proposed already. It is decided first; say what you think of it."),
            code="proposal_open",
        )
    proposal = RevisionProposal.objects.create(
        message=message, author=person, base_revision=message.revision, text=text, reason=reason, created_at=now
    )
    return int(proposal.pk)


def _check(*, person: Annotator, campaign: Campaign) -> None:
    if person.accepted_terms != CURRENT_TERMS:
        raise NotAllowed(
            _("Before you write, read and accept the terms. What you wrote is still here."), code="terms_not_accepted"
        )
    if campaign.state not in (CampaignState.OPEN, CampaignState.PAUSED):
        raise Conflict(_("This campaign is not open, so its texts stay as they are."), code="campaign_not_open")


def _read(text: str, *, campaign: Campaign, message: Message) -> str:
    read = read_texts(
        {"text": text},
        kind=Kind.WRITE_ASSISTANT_REPLY,
        settings=read_settings(campaign.parameters),
        languages=campaign.languages,
        language=message.language,
    )
    return str(read["text"])


def _read_reason(reason: str) -> str:
    words = reason.strip()
    if not words:
        raise InvalidInput(
            _("Say in a few words what you changed and why; it is kept with the text."),
            code="reason_required",
            details={"field": "reason"},
        )
    if len(words) > MAX_REASON_CHARS:
        raise TooLarge(
            _("Your reason is %(chars)s characters long; %(most)s are the most. Shorten it and send again.")
            % {"chars": whole(len(words)), "most": whole(MAX_REASON_CHARS)},
            code="reason_too_long",
            details={"field": "reason", "chars": len(words), "max_chars": MAX_REASON_CHARS},
        )
    return words
