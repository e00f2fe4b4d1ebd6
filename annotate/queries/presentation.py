"""What an annotator sees of an assignment: one statement, opaque handles, nothing about origins.

A handle is the letter of the position in which a candidate is shown: it means something only inside
its assignment, where no letter ever stands for two candidates. Message ids, generators, authors and times never leave this module.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from string import ascii_lowercase
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, ngettext

from annotate.models import LabelDimension
from annotate.queries.reading import start_of
from annotate.queries.rows import Row, fetch_one, fetch_row
from tasks.records.parameters import CampaignSettings
from tasks.vocabulary import WRITING_KINDS, Kind, MessageRole, ReasonCode

#: What a campaign that says nothing has.
DEFAULTS = CampaignSettings()

#: So much is shown of a prompt that is there already.
EXAMPLE_CHARS = 300

#: By position: a to z, then aa, ab, … for the rare work that is shown anew again and again.
HANDLES = (*ascii_lowercase, *(first + second for first in ascii_lowercase for second in ascii_lowercase))

#: The text of a shown candidate as it was when it was frozen, whatever was revised since; blank once it was removed.
FROZEN_TEXT = """CASE WHEN cm.removed_at IS NOT NULL OR cm.withdrawn_at IS NOT NULL THEN '' WHEN cm.revision = shown.revision THEN cm.text ELSE coalesce(
  (SELECT r.text FROM annotate_messagerevision r WHERE r.message_id = cm.id AND r.number = shown.revision), cm.text) END"""

SUBJECT = """
SELECT s.id, s.state, s.lease_expires_at, s.draft::text AS draft, s.draft_version, s.reason_code, u.public_id, u.kind,
  u.is_simple, m.role, COALESCE(m.language, q.language) AS language, q.campaign_id, c.slug AS campaign, s.label_schema_id, g.version AS guideline_version,
  d.reason_args::text AS reason_args, c.parameters->>'max_text_chars' AS max_chars,
  (SELECT json_build_array(b.language, b.topic, b.difficulty, b.words, (
      SELECT json_agg(left(e.text, 2000) ORDER BY array_position(b.examples, e.id)) FROM annotate_message e
      WHERE e.id = ANY(b.examples) AND u.kind <> 'rank' AND e.removed_at IS NULL AND e.withdrawn_at IS NULL
        AND e.review_state IS DISTINCT FROM 'rejected'))
    FROM annotate_brief b WHERE b.id = u.brief_id)::text AS brief,
  (SELECT json_agg(json_build_array(t.role, CASE WHEN t.removed_at IS NULL AND t.withdrawn_at IS NULL THEN t.text ELSE '' END)
       ORDER BY array_position(m.thread, t.id)) FROM annotate_message t WHERE t.id = ANY(m.thread))::text AS thread,
  {candidates} AS candidates{more}
FROM annotate_assignment s{joins}
JOIN annotate_unit u ON u.id = s.unit_id
JOIN annotate_unitdetail d ON d.unit_id = u.id
JOIN annotate_queue q ON q.id = u.queue_id
JOIN annotate_campaign c ON c.id = q.campaign_id
LEFT JOIN annotate_message m ON m.id = u.subject_id
LEFT JOIN annotate_guideline g ON g.id = s.guideline_id
WHERE s.id = %(assignment)s"""

CANDIDATES_OF = """(SELECT json_agg(json_build_array(shown.position, {text}) ORDER BY shown.position) FROM {rows} shown
  JOIN annotate_message cm ON cm.id = shown.message_id)::text"""


def render_shown(*, more: str = "", joins: str = "") -> str:
    """What an assignment shows, as it was frozen; `more` columns of its row, which starts with a comma, from `joins`."""
    rows = (
        "(SELECT * FROM annotate_assignmentcandidate ac WHERE ac.assignment_id = %(assignment)s AND ac.position >= 0)"
    )
    return SUBJECT.format(candidates=CANDIDATES_OF.format(text=FROZEN_TEXT, rows=rows), more=more, joins=joins)


SHOWN = render_shown()

#: Freezes what is shown and reads it, in one statement; also ties the assignment that led here to this one.
FREEZE = """
WITH shown AS (
  INSERT INTO annotate_assignmentcandidate (assignment_id, position, message_id, revision)
  SELECT %(assignment)s, %(first)s::int + chosen.place - 1, chosen.id, cm.revision
  FROM unnest(%(messages)s::bigint[]) WITH ORDINALITY AS chosen (id, place) JOIN annotate_message cm ON cm.id = chosen.id
  ON CONFLICT (assignment_id, message_id) DO UPDATE SET position = excluded.position, revision = excluded.revision
  RETURNING message_id, position, revision),
link AS (UPDATE annotate_assignment SET next_assignment_id = %(assignment)s WHERE id = %(previous)s)
""" + SUBJECT.format(candidates=CANDIDATES_OF.format(text="cm.text", rows="shown"), more="", joins="")

REASONS: Mapping[str, Promise] = {
    ReasonCode.FIRST_JUDGMENT: gettext_lazy("Nobody has been asked about this yet."),
    ReasonCode.MORE_VOICES: gettext_lazy("This needs more voices before it counts."),
    ReasonCode.REPLY_WANTED: gettext_lazy("This prompt waits for a reply by a person."),
    ReasonCode.TURN_WANTED: gettext_lazy("This conversation waits for its next turn."),
    ReasonCode.PROMPT_WANTED: gettext_lazy("New conversations are wanted in this language."),
    ReasonCode.REVIEW_WANTED: gettext_lazy("Somebody wrote this; others look at it before it counts."),
    ReasonCode.IMPROVEMENT_WANTED: gettext_lazy("Perhaps this reply can be better. Make it so."),
}


def get_shown(*, assignment_id: int) -> dict[str, Any]:
    """The presentation of an assignment as it was frozen."""
    row = fetch_row(SHOWN, {"assignment": assignment_id})
    return present(row)


def present(row: Row) -> dict[str, Any]:
    """The API's shape of an assignment from a row of `SUBJECT`."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "campaign": row["campaign"],
        "unit": str(row["public_id"]),
        "state": row["state"],
        "reason": describe_reason(code=row["reason_code"], args=json.loads(row["reason_args"])),
        "guideline_version": row["guideline_version"],
        "lease_expires_at": format_time(row["lease_expires_at"]),
        "draft": None if row["draft"] is None else json.loads(row["draft"]),
        "draft_version": row["draft_version"],
        "subject": present_subject(row),
    }


def present_subject(row: Row) -> dict[str, Any]:
    """The conversation so far and what is asked about it; each kind of work has what it needs and no more."""
    thread = [{"role": role, "text": text} for role, text in json.loads(row["thread"] or "[]")]
    candidates = json.loads(row["candidates"] or "[]")
    subject: dict[str, Any] = {"thread": thread, "candidates": [], "language": row["language"]}
    if row["brief"] is not None:
        subject["brief"] = present_brief(*json.loads(row["brief"]))
    if row["kind"] == Kind.IMPROVE_REPLY:
        # The first one shown is the reply itself, as it was then; what was made of it is shown to nobody here.
        subject |= {"thread": thread[:-1], "original": candidates[0][1] if candidates else ""}
    else:
        subject["candidates"] = [{"id": HANDLES[place], "text": text} for place, text in candidates]
    if row["kind"] == Kind.LABEL:
        subject["labels"] = list_dimensions(schema_id=row["label_schema_id"], role=row["role"], simple=row["is_simple"])
    if row["kind"] in WRITING_KINDS:
        subject["max_chars"] = int(row["max_chars"] or DEFAULTS.max_text_chars)
    return subject


def present_brief(
    language: str, topic: str, difficulty: str, words: str, examples: Sequence[str] | None
) -> dict[str, Any]:
    """What is asked of whoever writes a prompt; null: as they like. `examples`: the beginnings of some that are there."""
    asked = {"language": language, "topic": topic or None, "difficulty": difficulty or None, "words": words or None}
    return {**asked, "examples": [start_of(text, length=EXAMPLE_CHARS) for text in examples or ()]}


def describe_reason(*, code: str, args: Mapping[str, Any]) -> str:
    """Why this work, in words that tell nothing about what others thought of it."""
    if code == ReasonCode.STRATUM_THIN and {"where", "done", "target"} <= args.keys():
        sentence = ngettext(
            "%(where)s: %(done)s of %(target)s judgment so far.",
            "%(where)s: %(done)s of %(target)s judgments so far.",
            int(args["target"]),
        )
        return sentence % dict(args)
    return str(REASONS.get(code, REASONS[ReasonCode.MORE_VOICES]))


def format_time(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with `Z`."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=1024)
def _dimensions_of(schema_id: int) -> tuple[LabelDimension, ...]:
    # A schema version never changes once it exists, so that a process may remember it.
    return tuple(LabelDimension.objects.filter(schema_id=schema_id))


def find_dimensions(*, schema_id: int | None, role: str, simple: bool = False) -> tuple[LabelDimension, ...]:
    """The dimensions of a schema version that apply to a message of this role.

    `simple`: those of the simple form; a schema that says nothing of one has only the full form.
    """
    if schema_id is None:
        return ()
    wanted = MessageRole(role).value
    full = tuple(dimension for dimension in _dimensions_of(schema_id) if wanted in dimension.applies_to)
    return (simple and tuple(dimension for dimension in full if dimension.mandatory or dimension.simple)) or full


def list_dimensions(*, schema_id: int | None, role: str, simple: bool = False) -> list[dict[str, Any]]:
    """The questions of a label form, in the API's shape."""
    return [
        {
            "name": dimension.name,
            "title": dimension.title,
            "widget": dimension.widget,
            "anchors": dimension.anchors,
            "mandatory": dimension.mandatory,
        }
        for dimension in find_dimensions(schema_id=schema_id, role=role, simple=simple)
    ]


def is_assignment_of(*, annotator_id: int, assignment_id: int) -> bool:
    """Whether this is one of that person's assignments."""
    sql = "SELECT 1 FROM annotate_assignment WHERE id = %(assignment)s AND annotator_id = %(me)s"
    return fetch_one(sql, {"assignment": assignment_id, "me": annotator_id}) is not None
