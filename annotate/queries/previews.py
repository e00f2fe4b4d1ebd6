"""Work as volunteers would see it, for those who run a campaign: read only, nobody holds it."""

import json
from typing import Any

from annotate.models import Campaign
from annotate.queries.door import Text
from annotate.queries.presentation import present_subject
from annotate.queries.rows import Row, fetch_one
from tasks.vocabulary import ORDERING_KINDS, STARTING_KINDS, Kind, MessageRole

FRONT = """
SELECT m.role, COALESCE(m.language, q.language) AS language, u.is_simple,
  (SELECT json_build_array(b.language, b.topic, b.difficulty, b.words) FROM annotate_brief b WHERE b.id = u.brief_id)::text
    AS brief,
  (SELECT json_agg(json_build_array(t.id, t.revision, t.role, t.text) ORDER BY array_position(m.thread, t.id))
   FROM annotate_message t WHERE t.id = ANY(m.thread) AND t.removed_at IS NULL AND t.withdrawn_at IS NULL)::text AS thread,
  (SELECT json_agg(json_build_array(cm.id, cm.revision, 'assistant', cm.text) ORDER BY cm.id)
   FROM (SELECT * FROM annotate_unitcandidate uc WHERE uc.unit_id = u.id AND uc.removed_at IS NULL
         ORDER BY uc.message_id LIMIT %(most)s) uc
   JOIN annotate_message cm ON cm.id = uc.message_id)::text AS candidates
FROM annotate_queue q CROSS JOIN LATERAL (
  SELECT u.* FROM annotate_unit u WHERE u.queue_id = q.id AND u.is_vacant ORDER BY u.band DESC, u.tie LIMIT 1) u
LEFT JOIN annotate_message m ON m.id = u.subject_id
WHERE q.campaign_id = %(campaign)s AND q.kind = %(kind)s AND NOT q.is_gold
ORDER BY u.band DESC, u.id LIMIT 1"""


def find_preview(*, campaign: Campaign, kind: Kind, shown: int) -> dict[str, Any]:
    """A piece of work of this kind in the API's shape: what the campaign needs most, or an example of its guideline."""
    most = 2 if kind == Kind.COMPARE else shown
    row = fetch_one(FRONT, {"campaign": campaign.pk, "kind": kind, "most": most})
    if row is not None:
        return _as_assignment(campaign, kind, row)
    return _as_assignment(campaign, kind, _make_example(campaign, kind))


def _make_example(campaign: Campaign, kind: Kind) -> Row:
    """What the guideline's first example would look like as work; its words are the organizer's own."""
    examples = campaign.guideline.examples if campaign.guideline is not None else []
    example = examples[0] if examples else {}
    prompt = [0, 1, MessageRole.PROMPTER, example.get("prompt") or ""]
    replies = [[0, 1, MessageRole.ASSISTANT, example.get(name) or ""] for name in ("better", "worse")]
    # What is labelled or answered by a prompter is the better reply, and what is improved is the worse one.
    below = {Kind.LABEL: replies[:1], Kind.WRITE_PROMPTER_REPLY: replies[:1], Kind.IMPROVE_REPLY: replies[1:]}
    starts = kind in STARTING_KINDS
    return {
        "role": MessageRole.ASSISTANT if kind == Kind.LABEL else MessageRole.PROMPTER,
        "language": campaign.languages[0],
        "is_simple": False,
        "brief": json.dumps([campaign.languages[0], "", "", ""]) if starts else None,
        "thread": json.dumps([] if starts else [prompt, *below.get(kind, ())]),
        "candidates": json.dumps(replies),
    }


def _as_assignment(campaign: Campaign, kind: Kind, row: Row) -> dict[str, Any]:
    thread = [Text(*values) for values in json.loads(row["thread"] or "[]")]
    candidates = [Text(*values) for values in json.loads(row["candidates"] or "[]")] if kind in ORDERING_KINDS else []
    shown = thread[-1:] if kind == Kind.IMPROVE_REPLY else candidates
    subject = present_subject(
        {
            **row,
            "kind": kind,
            "label_schema_id": campaign.label_schema_id,
            "max_chars": campaign.parameters.get("max_text_chars"),
            "thread": json.dumps([[text.role, text.text] for text in thread]),
            "candidates": json.dumps([[place, text.text] for place, text in enumerate(shown)]),
        }
    )
    return {"id": 0, "kind": kind.value, "state": "live", "lease_expires_at": None, "draft": None, "draft_version": 0,
            "subject": subject}  # fmt: skip
