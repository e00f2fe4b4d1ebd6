"""Guests who never gave anything: a press at the door, perhaps a look at one piece of work, and nothing since.

Such a row is removed with its consent, its languages, what they said of themselves and the holds that ended by themselves. Whatever points to a
guest from anywhere else keeps it: a judgment, a text, a report, a reaction, somebody who was merged into it; so do a
hold that lives, a draft, a skip or an answer "I cannot tell", and a suspension.
"""

from datetime import datetime
from functools import cache

from django.db import transaction
from django.db.models.fields.reverse_related import ForeignObjectRel

from annotate.models import Annotator, AnnotatorTraits, Assignment, Consent, Interest, LanguageSkill, SelfDescription
from annotate.queries.rows import fetch_all, run

#: What a guest has without having given anything.
OWN = (Consent, LanguageSkill, SelfDescription, Interest, AnnotatorTraits, Assignment)

_IDLE = """
SELECT a.id FROM annotate_annotator a
WHERE a.user_id IS NULL AND a.device_hash IS NOT NULL AND a.merged_into_id IS NULL AND a.suspended_at IS NULL
  AND a.created_at < %(before)s
  AND NOT EXISTS (SELECT 1 FROM annotate_assignment s WHERE s.annotator_id = a.id AND (
    s.state NOT IN ('expired', 'released') OR s.draft IS NOT NULL OR coalesce(s.closed_at, s.created_at) >= %(before)s
    OR EXISTS (SELECT 1 FROM annotate_assignment o WHERE o.next_assignment_id = s.id)))"""

#: Whoever takes work or gives anything at this moment has their row locked, and is passed over.
_LOCK = " ORDER BY a.id LIMIT %(limit)s FOR UPDATE OF a SKIP LOCKED"
#: Under the lock nothing new can point to a row; what came before it is seen by a second look.
_STILL = " AND a.id = ANY(%(ids)s::bigint[])"

_REMOVE = (
    """DELETE FROM annotate_assignmentcandidate c USING annotate_assignment s
       WHERE s.id = c.assignment_id AND s.annotator_id = ANY(%(ids)s::bigint[])""",
    "DELETE FROM annotate_assignment WHERE annotator_id = ANY(%(ids)s::bigint[])",
    "DELETE FROM annotate_consent WHERE annotator_id = ANY(%(ids)s::bigint[])",
    "DELETE FROM annotate_languageskill WHERE annotator_id = ANY(%(ids)s::bigint[])",
    "DELETE FROM annotate_selfdescription WHERE annotator_id = ANY(%(ids)s::bigint[])",
    "DELETE FROM annotate_interest WHERE annotator_id = ANY(%(ids)s::bigint[])",
    "DELETE FROM annotate_annotatortraits WHERE annotator_id = ANY(%(ids)s::bigint[])",
    "DELETE FROM annotate_annotator WHERE id = ANY(%(ids)s::bigint[])",
)


def remove_idle_guests(*, before: datetime, limit: int) -> int:
    """Remove at most `limit` guests who came before `before` and never gave anything, oldest first; how many it were."""
    with transaction.atomic():
        locked = [row["id"] for row in fetch_all(_find_idle() + _LOCK, {"before": before, "limit": limit})]
        idle = fetch_all(_find_idle() + _STILL, {"before": before, "ids": locked}) if locked else []
        if idle:
            for statement in _REMOVE:
                run(statement, {"ids": [row["id"] for row in idle]})
    return len(idle)


@cache
def _find_idle() -> str:
    """The statement, with a condition for every table that points to annotators, also those that come later."""
    own = [model._meta.db_table for model in OWN]  # noqa: SLF001  (Django's documented API of models)
    fields = [
        field.field
        for field in Annotator._meta.get_fields(include_hidden=True)  # noqa: SLF001
        if isinstance(field, ForeignObjectRel) and not field.many_to_many  # its table points here by a key of its own
    ]
    traces = [
        (field.model._meta.db_table, field.column)  # noqa: SLF001
        for field in fields
        if field.model._meta.db_table not in own  # noqa: SLF001
    ]
    return _IDLE + "".join(
        f"\n  AND NOT EXISTS (SELECT 1 FROM {table} t WHERE t.{column} = a.id)" for table, column in traces
    )
