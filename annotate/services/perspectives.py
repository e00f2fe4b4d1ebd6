"""Publish the perspectives of a campaign, and keep where each person stands for the run after.

Who could compare what was published before and after one person's ballots would learn what they said, and in which
group they are. So once groups are published, nothing new is until the votes of ten people have changed; unless a
group that is published has lost so many that fewer than ten are left.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from annotate.models import OpinionMember, Perspectives
from annotate.queries.perspectives import find_published
from annotate.queries.rows import run
from annotate.services.stale import Turn, keep_turn
from tasks.records import perspectives as records
from tasks.vocabulary import OpinionState

#: Who must have changed their votes before figures of groups are published anew.
LEAST_CHANGED = 10
#: What answers to the same question say of the disagreement, and of whom that is, with hashes of their votes and answers.
Described = tuple[Sequence[records.DescribedDivision], Mapping[str, str]]
NOTHING_DESCRIBED: Described = ((), {})
#: In place of a hash, of whoever has no answer or no votes any more: they count as somebody who changed.
TAKEN_BACK = ""

#: Whoever was erased meanwhile is left out.
_ADD = """
INSERT INTO annotate_opinionmember (campaign_id, annotator_id, "group", x, y, votes_hash)
SELECT %(campaign)s, a.id, m.number, m.x, m.y, m.votes_hash
FROM unnest(%(annotators)s::bigint[], %(numbers)s::smallint[], %(xs)s::float8[], %(ys)s::float8[], %(hashes)s::bytea[])
  AS m (annotator, number, x, y, votes_hash)
JOIN annotate_annotator a ON a.id = m.annotator"""


def store_perspectives(
    *,
    turn: Turn,
    record: records.PerspectivesRecord,
    members: Sequence[records.OpinionMember],
    described: Described = NOTHING_DESCRIBED,
    now: datetime,
) -> bool:
    """Publish, or leave what is published; whoever gave no votes any more is forgotten at once in either case.

    `described` is published by the same rule by itself (see `_publish_described`).

    Returns whether it was published. Nothing happens where the turn is another's by now, and the row that says the
    same is left as it is.
    """
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return False
        published = find_published(campaign_id=turn.subject_id)
        is_new = _publish_groups(turn.subject_id, record, members, published=published, now=now)
        _publish_described(turn.subject_id, described, published=published)
    return is_new


def _publish_groups(
    campaign_id: int,
    record: records.PerspectivesRecord,
    members: Sequence[records.OpinionMember],
    *,
    published: Perspectives | None,
    now: datetime,
) -> bool:
    if published is not None and published.result["input_hash"] == record.input_hash:
        return False
    then = _forget_gone(campaign_id, members)
    if published is not None and not may_publish(published, record, then=then, now=members):
        return False
    Perspectives.objects.update_or_create(
        campaign_id=campaign_id,
        defaults={
            "method": record.method,
            "method_version": int(record.method_version),
            "seed": record.seed,
            "result": record.as_result(),
            "computed_at": now,
        },
    )
    _replace_members(campaign_id, members if record.state == OpinionState.FOUND else ())
    return True


def _publish_described(campaign_id: int, described: Described, *, published: Perspectives | None) -> None:
    """Publish what answers say of the disagreement once votes or answers of ten people have changed since it was last told.

    At once where nothing was ever told. A question is taken back at once where fewer than ten people are left of one of its
    answers; what is told beside it stays as it was, and so does of whom it was: else whoever leaves an answer and comes back
    would have figures told anew, and see in them what one other person did.
    """
    divisions, people = described
    then = {} if published is None else published.described_people
    told = [] if published is None else published.described
    changed = sum(people.get(one) != then.get(one) for one in people.keys() | then.keys())
    if then and 0 < changed < LEAST_CHANGED:
        still = {(division.question, group.answer) for division in divisions for group in division.answers}
        new = [one for one in told if all((one["question"], group["answer"]) in still for group in one["answers"])]
        # Of what somebody took back nothing is kept but that it was there.
        people = {one: then[one] if one in people else TAKEN_BACK for one in then}
    else:
        new = [division.as_result() for division in divisions]
        people = people if new else then
    if (new, people) != (told, then):
        Perspectives.objects.filter(campaign_id=campaign_id).update(described=new, described_people=people)


def may_publish(
    published: Perspectives,
    record: records.PerspectivesRecord,
    *,
    then: Mapping[str, OpinionMember],
    now: Sequence[records.OpinionMember],
) -> bool:
    """Whether a new record may take the place of what is published; `then` are its members who still vote."""
    result = published.result
    if result["state"] != OpinionState.FOUND or published.method_version != int(record.method_version):
        return True
    left = Counter(member.group for member in then.values())
    if any(left[group["number"]] < result["least_people"] for group in result["groups"]):
        return True
    gone = sum(group["people"] for group in result["groups"]) - len(then)
    same = sum(one.annotator in then and bytes(then[one.annotator].votes_hash).hex() == one.votes_hash for one in now)
    changed: int = gone + len(now) - same
    return changed >= LEAST_CHANGED


def _forget_gone(campaign_id: int, members: Sequence[records.OpinionMember]) -> dict[str, OpinionMember]:
    """Delete the rows of those who have too few votes now; returns the others'."""
    voting = {int(member.annotator) for member in members}
    rows = {row.annotator_id: row for row in OpinionMember.objects.filter(campaign_id=campaign_id)}
    OpinionMember.objects.filter(campaign_id=campaign_id, annotator_id__in=rows.keys() - voting).delete()
    return {str(annotator): row for annotator, row in rows.items() if annotator in voting}


def _replace_members(campaign_id: int, members: Sequence[records.OpinionMember]) -> None:
    OpinionMember.objects.filter(campaign_id=campaign_id).delete()
    run(
        _ADD,
        {
            "campaign": campaign_id,
            "annotators": [int(member.annotator) for member in members],
            "numbers": [member.group for member in members],
            "xs": [member.x for member in members],
            "ys": [member.y for member in members],
            "hashes": [bytes.fromhex(member.votes_hash) for member in members],
        },
    )
