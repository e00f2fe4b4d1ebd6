"""What was written enters a tree: as its beginning, as a reply, or as a better version of one."""

import random
from dataclasses import dataclass
from datetime import datetime

from annotate.queries.rows import Row
from annotate.services.answers import ReadAnswer
from annotate.services.prompts import begin_tree
from annotate.services.replies import write_improvement, write_reply
from tasks.records.parameters import CampaignSettings
from tasks.vocabulary import STARTING_KINDS, Kind, ReviewState


@dataclass(frozen=True, slots=True)
class Written:
    """What came of an answer before it is stored: its message, the tree it is about, and the order that it means."""

    message: int | None
    tree: int | None
    tiers: tuple[tuple[int, ...], ...]


def write_texts(
    *, row: Row, answer: ReadAnswer, settings: CampaignSettings, now: datetime, rng: random.Random
) -> Written:
    """Store the texts of an answer, if it has any; the caller's transaction, before units are locked.

    Where trees grow, reviewers have to accept a text before it counts. An improvement is a ballot too: the edit stands
    above its original.
    """
    if answer.text is None:
        return Written(None, row["tree"], answer.tiers)
    language = str(answer.language)
    review = ReviewState.PENDING if settings.grow_trees else ReviewState.NONE
    if answer.kind in STARTING_KINDS:
        message, tree = begin_tree(
            row=row, text=answer.text, reply=answer.reply, language=language, settings=settings, review=review, now=now,
            rng=rng,
        )  # fmt: skip
        return Written(message, tree, ())
    if answer.kind == Kind.IMPROVE_REPLY:
        edit = write_improvement(row=row, text=answer.text, language=language, review=review, now=now)
        return Written(edit, row["tree"], ((edit,), (row["subject"],)))
    reply = write_reply(row=row, text=answer.text, language=language, review=review, now=now)
    return Written(reply, row["tree"], ())
