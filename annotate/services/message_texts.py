"""Change the text of a message: the earlier one is kept as a revision, with who changed it and why.

Labels and ballots keep the version that they were given for (what an assignment shows is frozen with its revision,
and revisions have their times): a changed text changes nobody's word about the one before.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, Gone, NotFound
from annotate.models import Campaign, Message, MessageRevision
from annotate.services.audit import record_event
from annotate.services.text_answers import read_texts
from annotate.services.tree_marks import mark_tree_of
from annotate.services.trees import lock_trees
from tasks.records.parameters import read_settings
from tasks.text.normalise import text_hash
from tasks.vocabulary import AuditAction, Kind


def edit_message(
    *, campaign: Campaign, message_id: int, text: str, actor: Actor, reason: str, now: datetime
) -> Message:
    """A moderator changes a text, as where it tells personal data. The reviews and ballots it has stay.

    Raises NotFound, Gone for a message that was withdrawn, what `read_texts` refuses, and Conflict `text_unchanged` or
    `text_duplicate`.
    """
    with transaction.atomic():
        message = lock_message(campaign=campaign, message_id=message_id)
        settings = read_settings(campaign.parameters)
        written = read_texts(
            {"text": text},
            kind=Kind.WRITE_ASSISTANT_REPLY,
            settings=settings,
            languages=campaign.languages,
            language=message.language,
        )
        before = message.revision
        write_revision(message=message, text=written["text"], author_id=actor.annotator_id, reason=reason, now=now)
        record_event(
            actor=actor,
            action=AuditAction.MESSAGE_EDITED,
            object_kind="message",
            object_id=message.pk,
            campaign=campaign,
            before={"revision": before},
            after={"revision": message.revision},
            reason=reason,
        )
        mark_tree_of(message_ids=[message.pk])
    return message


def lock_message(*, campaign: Campaign, message_id: int) -> Message:
    """The message under the lock of its tree. Raises NotFound, and Gone for one that its author withdrew."""
    here = Message.objects.filter(pk=message_id, tree__campaign=campaign)
    if not here.exists():
        raise NotFound(_("This campaign has no such message."), code="message_not_found")
    lock_trees(message_ids=[message_id])
    message = here.get()
    if message.withdrawn_at is not None:
        raise Gone(_("Its author withdrew this message, so it has no text any more."), code="message_withdrawn")
    return message


def write_revision(*, message: Message, text: str, author_id: int | None, reason: str, now: datetime) -> None:
    """Give a message a new text, in the transaction of a caller who holds the lock of its tree; it is refreshed.

    `author_id`: the annotator who changed it. Raises Conflict `text_unchanged`, or `text_duplicate` where the same
    words stand beside it.
    """
    digest = text_hash(text)
    if digest == bytes(message.text_hash):
        raise Conflict(
            _("This is the text that is there already. Change something, or leave it."), code="text_unchanged"
        )
    number, earlier = message.revision, message.text
    message.text, message.text_hash, message.revision = text, digest, number + 1
    try:
        with transaction.atomic():
            message.save(update_fields=["text", "text_hash", "revision"])
    except IntegrityError as error:
        raise Conflict(
            _("The same words stand beside this message already, so it cannot have them too."), code="text_duplicate"
        ) from error
    MessageRevision.objects.create(
        message=message, number=number, text=earlier, author_id=author_id, reason=reason, created_at=now
    )
