"""What a release holds: ids, frozen once, before anything is written.

1. `freeze_items` notes the ids of all that may be published, in one transaction, with what a row may change later
   (`version`). From then on a judgment in it cannot be undone.
2. `prune_items` takes out again what may not be published any more. It runs before each writing and in the
   transaction that seals, so that nothing that was taken back before the seal is in a sealed release.

A judgment may be published when it stands, was given under terms that its annotator still consents to, and the thread
that it is about may be published. A message may be when nothing on its thread was removed or withdrawn, and whoever
wrote it here consents. A tree is in a release when people gave something in it. "I cannot tell" and skips are
given while their annotator consents to any terms.

Where terms of models limit a release (`release_terms`), what they leave out when it is frozen is not in it. Pruning does
not ask for them again: a release says its terms as they were then.

A candidate that was removed leaves ballots as they were given: its id stands in them, and in no tree. What reviewers
rejected stands in its tree, and says so.
"""

from collections.abc import Mapping
from typing import Any

from annotate.queries.rows import Row, fetch_one, fetch_row, run
from annotate.services.release_terms import LIMITS, PLACE, as_parameters, is_limited, put_terms
from tasks.vocabulary import ReviewState, TreeState

#: The kinds of items, and what `version` means.
JUDGMENT = "judgment"  # 1: it filled a place; 0: surplus
ASSIGNMENT = "assignment"  # an outcome without a judgment; 1
TREE = "tree"  # the place of its state in TREE_STATES, from 1
MESSAGE = "message"  # its revision
REVIEW = "review"  # of a message: the place of its review in REVIEWS, from 1; none needed: no item
ORIGIN = "origin"  # 1
TOMBSTONE = "tombstone"  # 1

#: States of trees in the order in which items number them; only ever added to, at the end.
TREE_STATES: tuple[TreeState, ...] = (
    TreeState.RANKING,
    TreeState.DONE,
    TreeState.HALTED,
    TreeState.PROMPT_REVIEW,
    TreeState.WAITING,
    TreeState.GROWING,
    TreeState.LOW_GRADE,
    TreeState.RETIRED,
)
#: The same for reviews.
REVIEWS: tuple[ReviewState, ...] = (ReviewState.PENDING, ReviewState.ACCEPTED, ReviewState.REJECTED)

_CONSENT = """EXISTS (SELECT 1 FROM annotate_consent c WHERE c.annotator_id = j.annotator_id
    AND c.terms_version = j.terms_version AND c.withdrawn_at IS NULL)"""

#: Of a message `m`: nothing on its thread stands in the way. Of a pair the judgment names the prompt, and is for both.
#: Whoever changed its words since has not taken back their consent; a moderator may never have been asked for any.
_MESSAGE_MAY = f"""NOT EXISTS (
    SELECT 1 FROM annotate_message o WHERE o.id = ANY(m.thread || m.id) AND (
      o.removed_at IS NOT NULL OR o.withdrawn_at IS NOT NULL
      OR o.author_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM annotate_judgment w JOIN annotate_consent c ON c.annotator_id = w.annotator_id
          AND c.terms_version = w.terms_version AND c.withdrawn_at IS NULL
        WHERE w.message_id = ANY(ARRAY[o.id, o.parent_id]) AND w.is_current AND w.withdrawn_at IS NULL
          AND (w.message_id = o.id OR w.kind = 'write_pair' AND EXISTS (
            SELECT 1 FROM annotate_message p WHERE p.id = o.parent_id AND p.author_id = o.author_id)))
      OR EXISTS (SELECT 1 FROM annotate_messagerevision r JOIN annotate_consent c ON c.annotator_id = r.author_id
        WHERE r.message_id = o.id AND c.withdrawn_at IS NOT NULL AND NOT EXISTS (
          SELECT 1 FROM annotate_consent s WHERE s.annotator_id = r.author_id AND s.withdrawn_at IS NULL)){PLACE}))"""

#: Of the unit `u`: it is the campaign's, and asked for. `m` is what it is about: its subject, or the prompt that was
#: written to its brief. Where prompts are put in order it is about none in particular.
#: Judgments of gold items are in no release: they are about people, and would tell which items are gold. The card counts them.
_IN_CAMPAIGN = """q.campaign_id = %(campaign)s AND NOT q.is_gold
  AND (%(languages)s::text[] IS NULL OR q.language = ANY(%(languages)s::text[]))
  AND (%(kinds)s::text[] IS NULL OR q.kind = ANY(%(kinds)s::text[]))"""

_UNIT = """JOIN annotate_unit u ON u.id = {of}.unit_id
JOIN annotate_queue q ON q.id = u.queue_id
LEFT JOIN annotate_message m ON m.id = {about}"""

JUDGMENTS_THAT_MAY = f"""
FROM annotate_judgment j {_UNIT.format(of="j", about="COALESCE(u.subject_id, j.message_id)")}
WHERE {_IN_CAMPAIGN} AND j.is_current AND j.withdrawn_at IS NULL AND j.terms_version <> '' AND {_CONSENT} AND {_MESSAGE_MAY}
  AND NOT EXISTS (SELECT 1 FROM annotate_message t WHERE t.id = j.message_id
    AND (t.removed_at IS NOT NULL OR t.withdrawn_at IS NOT NULL))"""

OUTCOMES_THAT_MAY = f"""
FROM annotate_assignment j {_UNIT.format(of="j", about="u.subject_id")}
WHERE {_IN_CAMPAIGN} AND j.state = 'skipped' AND (j.cannot_tell_reason IS NOT NULL OR j.skip_reason IS NOT NULL)
  AND u.kind = ANY('{{rank,compare,label}}'::text[])
  AND EXISTS (SELECT 1 FROM annotate_consent c WHERE c.annotator_id = j.annotator_id AND c.withdrawn_at IS NULL)
  AND {_MESSAGE_MAY}"""

_ADD = "INSERT INTO annotate_releaseitem (release_id, kind, object_id, version)"

_FREEZE = (
    f"{_ADD} SELECT %(release)s, 'judgment', j.id, j.counted::int {JUDGMENTS_THAT_MAY}",
    f"{_ADD} SELECT %(release)s, 'assignment', j.id, 1 {OUTCOMES_THAT_MAY}",
    f"""{_ADD} SELECT %(release)s, 'tree', t.id, array_position(%(states)s::text[], t.state::text)
    FROM annotate_messagetree t WHERE t.id IN (
      SELECT m.tree_id FROM annotate_releaseitem i JOIN annotate_judgment j ON j.id = i.object_id
      JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_message m ON m.id = COALESCE(u.subject_id, j.message_id)
      WHERE i.release_id = %(release)s AND i.kind = 'judgment'
      UNION
      SELECT m.tree_id FROM annotate_releaseitem i JOIN annotate_assignment s ON s.id = i.object_id
      JOIN annotate_unit u ON u.id = s.unit_id JOIN annotate_message m ON m.id = u.subject_id
      WHERE i.release_id = %(release)s AND i.kind = 'assignment')""",
    f"""{_ADD} SELECT %(release)s, 'message', m.id, m.revision
    FROM annotate_releaseitem i JOIN annotate_message m ON m.tree_id = i.object_id
    WHERE i.release_id = %(release)s AND i.kind = 'tree' AND {_MESSAGE_MAY}""",
    f"""{_ADD} SELECT %(release)s, 'review', m.id, array_position(%(reviews)s::text[], m.review_state::text)
    FROM annotate_releaseitem i JOIN annotate_message m ON m.id = i.object_id
    WHERE i.release_id = %(release)s AND i.kind = 'message' AND m.review_state <> 'none'""",
    f"""{_ADD} SELECT %(release)s, 'origin', o.id, 1
    FROM annotate_releaseitem i JOIN annotate_messageorigin o ON o.message_id = i.object_id
    WHERE i.release_id = %(release)s AND i.kind = 'message'""",
    # Who consents again gives it again: what this release holds was not taken from it.
    f"""{_ADD} SELECT %(release)s, 'tombstone', t.id, 1 FROM annotate_tombstone t WHERE t.campaign_id = %(campaign)s
    AND NOT EXISTS (SELECT 1 FROM annotate_releaseitem i
      WHERE i.release_id = %(release)s AND i.kind = t.kind AND i.object_id = t.object_id)""",
)

#: Tables that may just have grown by an import or an evening's judgments, unseen by autovacuum: the plans of a
#: freeze are good only on fresh counts (measured: minutes instead of milliseconds).
_COUNT_AGAIN = """ANALYZE annotate_judgment, annotate_assignment, annotate_unit, annotate_message, annotate_messagetree,
  annotate_messageorigin, annotate_consent"""
_COUNT_ITEMS = "ANALYZE annotate_releaseitem"

_OF = "DELETE FROM annotate_releaseitem i WHERE i.release_id = %(release)s AND i.kind ="

_PRUNE = (
    f"{_OF} 'judgment' AND NOT EXISTS (SELECT 1 {JUDGMENTS_THAT_MAY} AND j.id = i.object_id)",
    f"{_OF} 'assignment' AND NOT EXISTS (SELECT 1 {OUTCOMES_THAT_MAY} AND j.id = i.object_id)",
    f"{_OF} 'message' AND NOT EXISTS (SELECT 1 FROM annotate_message m WHERE m.id = i.object_id AND {_MESSAGE_MAY})",
)

#: Whether what may be published now differs from what a release holds.
_DIFFERS = f"""
SELECT EXISTS (SELECT 1 {JUDGMENTS_THAT_MAY} AND NOT EXISTS (
    SELECT 1 FROM annotate_releaseitem i WHERE i.release_id = %(release)s AND i.kind = 'judgment' AND i.object_id = j.id))
  OR EXISTS (SELECT 1 {OUTCOMES_THAT_MAY} AND NOT EXISTS (
    SELECT 1 FROM annotate_releaseitem i WHERE i.release_id = %(release)s AND i.kind = 'assignment' AND i.object_id = j.id))
  OR EXISTS (SELECT 1 FROM annotate_releaseitem i WHERE i.release_id = %(release)s AND (
    i.kind = 'judgment' AND NOT EXISTS (SELECT 1 {JUDGMENTS_THAT_MAY} AND j.id = i.object_id)
    OR i.kind = 'assignment' AND NOT EXISTS (SELECT 1 {OUTCOMES_THAT_MAY} AND j.id = i.object_id)
    OR i.kind = 'message' AND NOT EXISTS (
      SELECT 1 FROM annotate_message m WHERE m.id = i.object_id AND {_MESSAGE_MAY})))
  AS differs"""

#: Texts that would be in the release if it took every generator.
_LEFT_OUT = f"""
WITH given AS (SELECT m.tree_id {JUDGMENTS_THAT_MAY} UNION SELECT m.tree_id {OUTCOMES_THAT_MAY})
SELECT count(*) AS n FROM annotate_message m
WHERE m.tree_id IN (SELECT tree_id FROM given) AND {_MESSAGE_MAY} AND NOT {{limited}}"""

_ANY = f"SELECT EXISTS (SELECT 1 {JUDGMENTS_THAT_MAY}) AS found"


def freeze_items(*, release_id: int, campaign_id: int, filters: Mapping[str, Any]) -> None:
    """Note what the release holds. The caller's transaction."""
    states = {"states": [state.value for state in TREE_STATES], "reviews": [review.value for review in REVIEWS]}
    run(_COUNT_AGAIN, {})
    for statement in _FREEZE:
        run(put_terms(statement, filters), {**_parameters(campaign_id, filters), "release": release_id, **states})
        run(_COUNT_ITEMS, {})


def count_left_out(*, campaign_id: int, filters: Mapping[str, Any]) -> int | None:
    """How many texts the terms of their models keep out of a release; None where it takes any."""
    if not is_limited(filters):
        return None
    statement = _LEFT_OUT.replace("{limited}", put_terms(_MESSAGE_MAY, filters))
    return int(fetch_row(statement, _parameters(campaign_id, filters))["n"])


def prune_items(*, release_id: int, campaign_id: int, filters: Mapping[str, Any]) -> int:
    """Take out what may not be published any more; returns how many items that were."""
    kept = {name: value for name, value in filters.items() if name not in LIMITS}
    params = {**_parameters(campaign_id, kept), "release": release_id}
    return sum(run(statement, params) for statement in _PRUNE)


def drop_items(*, release_id: int) -> None:
    """Forget what a release that failed would have held: its judgments may be undone again."""
    run("DELETE FROM annotate_releaseitem WHERE release_id = %(release)s", {"release": release_id})


def has_something(*, campaign_id: int, filters: Mapping[str, Any]) -> bool:
    """Whether there is a judgment that may be published."""
    row: Row | None = fetch_one(put_terms(_ANY, filters), _parameters(campaign_id, filters))
    return row is not None and bool(row["found"])


def differs_from(*, release_id: int, campaign_id: int, filters: Mapping[str, Any]) -> bool:
    """Whether a release made now would hold other judgments, outcomes or messages than this one."""
    row = fetch_one(put_terms(_DIFFERS, filters), {**_parameters(campaign_id, filters), "release": release_id})
    return row is not None and bool(row["differs"])


def _parameters(campaign_id: int, filters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "campaign": campaign_id,
        "languages": filters.get("languages"),
        "kinds": filters.get("kinds"),
        **as_parameters(filters),
    }
