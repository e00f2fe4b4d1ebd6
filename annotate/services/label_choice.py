"""Label any message one likes: nobody has to be offered it first.

1. Lock the person's row and refuse what the predicate refuses at an offer: their tabs take turns, and caps hold.
2. Lock the tree, and find the unit that asks about this message, or make one that asks nobody.
3. Give the person an assignment on it: with a place where one is free; else as a hold that has ended, which takes a
   draft and a submit like any other, and counts as surplus.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.exceptions import ChorusError, Conflict, Gone, NotAllowed, NotFound
from annotate.queries.eligibility import Clause, Level, Moment, find_refusal
from annotate.queries.message_access import get_touchable
from annotate.queries.presentation import find_dimensions, get_shown
from annotate.queries.reading import Reader
from annotate.queries.rows import Row, fetch_one, fetch_row, run
from annotate.services.claims import CONTEXT
from annotate.services.holds import REOPEN
from annotate.services.terms import CURRENT_TERMS
from annotate.services.trees import lock_trees
from annotate.services.units import START_BAND
from tasks.records.parameters import parse_settings
from tasks.vocabulary import Kind, ReasonCode

#: The unit that asks about a message now, or else the last that did.
_FIND_UNIT = """
SELECT u.id FROM annotate_unit u WHERE u.subject_id = %(message)s AND u.kind = 'label'
  AND NOT EXISTS (SELECT 1 FROM annotate_golditem gi WHERE gi.unit_id = u.id AND gi.retired_at IS NOT NULL)
ORDER BY u.is_open DESC, u.id DESC LIMIT 1"""

_JUDGED = """
SELECT j.id FROM annotate_judgment j JOIN annotate_unit u ON u.id = j.unit_id
WHERE j.annotator_id = %(me)s AND j.is_current AND u.subject_id = %(message)s AND u.kind = 'label'"""

#: It is closed and needs nobody: whoever decides what a tree asks for may open it.
_MAKE_UNIT = """
WITH queue AS (
  INSERT INTO annotate_queue (campaign_id, kind, language) VALUES (%(campaign)s, 'label', %(language)s)
  ON CONFLICT (campaign_id, kind, language, qualification, is_gold) DO UPDATE SET kind = excluded.kind RETURNING id),
made AS (
  INSERT INTO annotate_unit (public_id, queue_id, kind, subject_id, band, tie, needed, done, held, surplus, is_open)
  SELECT gen_random_uuid(), queue.id, 'label', %(message)s, %(band)s, (random() * 2147483647)::int, 0, 0, 0, 0, false
  FROM queue RETURNING id)
INSERT INTO annotate_unitdetail (unit_id, stratum_id, wanted, reason_code, reason_args, terms)
SELECT made.id, %(stratum)s, 0, %(reason)s, '{}', '{}' FROM made RETURNING unit_id AS id"""

#: What was skipped before is chosen now; what is held or done stays as it is.
_ASSIGN = """
INSERT INTO annotate_assignment AS s (unit_id, annotator_id, state, lease_grade, reason_code, guideline_id, label_schema_id,
  created_at, closed_at)
SELECT %(unit)s, %(me)s, 'expired', 'active', %(reason)s, c.guideline_id, c.label_schema_id, %(now)s, %(now)s
FROM annotate_campaign c WHERE c.id = %(campaign)s
ON CONFLICT (annotator_id, unit_id) DO UPDATE SET
  state = CASE WHEN s.state = 'skipped' THEN 'expired' ELSE s.state END,
  skip_reason = CASE WHEN s.state = 'skipped' THEN NULL ELSE s.skip_reason END,
  cannot_tell_reason = CASE WHEN s.state = 'skipped' THEN NULL ELSE s.cannot_tell_reason END
RETURNING s.id, s.state"""


def choose_label(*, reader: Reader, message_id: int, now: datetime) -> dict[str, Any]:
    """An assignment to label this message, in the API's shape. Choosing twice gives the same one.

    Raises `NotFound`, `Gone` (`message_removed`, `withdrawn`), `NotAllowed` (`suspended`), and `Conflict`: `own_text`,
    `kind_not_wanted`, `no_questions`, `already_judged`, or what the predicate says of offers (`campaign_not_open`,
    `terms_not_accepted`, `capped`, `too_many_holds`, `guests_not_allowed`).
    """
    with transaction.atomic():
        row = get_touchable(message_id=message_id, reader=reader)
        person = _get_person(row, reader=reader, now=now)
        lock_trees(message_ids=[message_id])
        _check(row, person)
        assignment = _assign(row, unit=_find_unit(row), person=person, now=now)
        return get_shown(assignment_id=assignment)


def _get_person(row: Row, *, reader: Reader, now: datetime) -> Row:
    params = {"me": reader.annotator_id, "slug": row["slug"], "now": now, "terms": CURRENT_TERMS, "closing": None,
              "giving": 0}  # fmt: skip
    person = fetch_one(CONTEXT, params)
    if person is None:
        raise NotFound(_("There is no such annotator."), code="annotator_not_found")
    return person


def _check(row: Row, person: Row) -> None:
    if row["is_mine"]:
        raise Conflict(_("This is your own text, so others judge it."), code="own_text")
    mine = {"me": person["me"], "message": row["id"]}
    judged = fetch_one(_JUDGED, mine)
    if judged is not None:
        raise Conflict(
            _("You have labelled this message, and it counts. Undo that judgment first if you have changed your mind."),
            code="already_judged",
            details={"judgment": judged["id"]},
        )
    refusal = find_refusal(person, moment=Moment.OFFER, level=Level.PERSON)
    # One who holds as much as they may is told so, unless this very work is among it.
    if refusal is not None and not (refusal.name == "too_many_holds" and _holds(mine)):
        raise _refuse(refusal)
    if Kind.LABEL not in person["kinds"]:
        raise Conflict(_("This campaign does not ask for labels."), code="kind_not_wanted")


def _holds(mine: Row) -> bool:
    sql = """SELECT s.id FROM annotate_assignment s JOIN annotate_unit u ON u.id = s.unit_id
      WHERE s.annotator_id = %(me)s AND s.state = 'live' AND u.subject_id = %(message)s AND u.kind = 'label'"""
    return fetch_one(sql, mine) is not None


def _find_unit(row: Row) -> int:
    params = {"message": row["id"], "campaign": row["campaign_id"], "language": row["tree_language"],
              "stratum": row["stratum_id"], "band": START_BAND, "reason": ReasonCode.OWN_CHOICE}  # fmt: skip
    found = fetch_one(_FIND_UNIT, params) or fetch_row(_MAKE_UNIT, params)
    return int(found["id"])


def _assign(row: Row, *, unit: int, person: Row, now: datetime) -> int:
    params = {
        "unit": unit,
        "me": person["me"],
        "campaign": person["campaign"],
        "reason": ReasonCode.OWN_CHOICE,
        "now": now,
    }
    given = fetch_row(_ASSIGN, params)
    if given["state"] == "withdrawn":
        raise Gone(_("You withdrew your labels of this message; a withdrawal is for good."), code="withdrawn")
    schema = fetch_row("SELECT label_schema_id FROM annotate_assignment WHERE id = %(id)s", {"id": given["id"]})
    if not find_dimensions(schema_id=schema["label_schema_id"], role=row["role"]):
        raise Conflict(_("This campaign asks no questions about messages of this kind."), code="no_questions")
    if given["state"] != "live":
        seconds = parse_settings(person["parameters"]).lease_seconds
        run(REOPEN, {"unit": unit, "assignment": given["id"], "lease_expires_at": now + timedelta(seconds=seconds)})
    return int(given["id"])


def _refuse(clause: Clause) -> ChorusError:
    kinds: dict[int, type[ChorusError]] = {403: NotAllowed, 409: Conflict}
    return kinds[clause.status](clause.refusal, code=clause.name)
