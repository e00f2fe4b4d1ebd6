"""One message for somebody who wants to do something with it: there for them, or not there at all."""

from django.utils.translation import gettext as _

from annotate.exceptions import Gone, NotAllowed, NotFound
from annotate.queries.reading import IS_AHEAD, IS_BEGUN, IS_INSIDER, MAY_READ, STANDS, Reader
from annotate.queries.rows import Row, fetch_one

#: Of a message `m` of a tree `t`: what its tree shows to this reader. Every step on the way to it leads past no seal.
_IS_READABLE = f"""(t.state = ANY(%(ended)s::text[]) OR {IS_INSIDER} OR NOT EXISTS (
  SELECT 1 FROM unnest(m.thread[:cardinality(m.thread) - 1], m.thread[2:]) AS step (parent, reply)
  JOIN annotate_unit u ON u.subject_id = step.parent AND u.kind = ANY(%(sealing)s::text[])
  WHERE {IS_AHEAD}
    AND NOT EXISTS (SELECT 1 FROM annotate_message own
      WHERE own.tree_id = m.tree_id AND own.author_id = %(me)s::bigint AND step.reply = ANY(own.thread))
    AND NOT EXISTS (SELECT 1 FROM annotate_message sm JOIN annotate_unit su ON su.subject_id = sm.id
      JOIN annotate_assignment sa ON sa.unit_id = su.id AND sa.annotator_id = %(me)s::bigint
      WHERE sm.tree_id = m.tree_id AND step.reply = ANY(sm.thread))))"""

_FIND = f"""
SELECT m.id, m.tree_id, m.parent_id, m.role, m.language, m.text, m.revision, m.author_id, m.review_state,
  t.state AS tree_state, t.language AS tree_language, t.stratum_id, c.id AS campaign_id, c.slug, c.state AS campaign_state,
  m.author_id IS NOT NULL AND m.author_id = %(me)s::bigint AS is_mine, {IS_INSIDER} AS is_insider, ({STANDS}) AS stands, {IS_BEGUN} AS is_begun,
  m.removed_at IS NOT NULL AS is_removed, m.withdrawn_at IS NOT NULL AS is_withdrawn, m.removed_reason,
  (SELECT a.suspended_at IS NOT NULL FROM annotate_annotator a WHERE a.id = %(me)s::bigint) AS is_suspended
FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id JOIN annotate_campaign c ON c.id = t.campaign_id
WHERE m.id = %(message)s AND {MAY_READ} AND {_IS_READABLE}"""


def get_readable(*, message_id: int, reader: Reader) -> Row:
    """The message with what its tree and campaign say, in one query. Raises `NotFound` (`message_not_found`)."""
    row = fetch_one(_FIND, {**reader.as_parameters(), "message": message_id})
    if row is None:
        raise NotFound(
            _("There is no such message for you to see. It may be among what you can still be asked to judge."),
            code="message_not_found",
        )
    return row


def get_touchable(*, message_id: int, reader: Reader) -> Row:
    """The same for somebody who may do something with it now: it stands, and they are not suspended.

    Raises `NotFound`, `NotAllowed` (`suspended`) and `Gone` (`message_removed`).
    """
    row = get_readable(message_id=message_id, reader=reader)
    if row["is_suspended"]:
        raise NotAllowed(
            _("Your account is suspended, so nothing can be changed. Write to the organizers to appeal."),
            code="suspended",
        )
    if not row["stands"]:
        raise Gone(
            _("This message, or one that it answers, was removed. There is nothing more to do with it."),
            code="message_removed",
        )
    return row
