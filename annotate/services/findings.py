"""Keep the signs of manipulation that were found, and what moderators decided about them.

1. A job takes a campaign's turn (`StaleKind.TURN_FINDINGS`), loads its ballots, and looks for signs.
2. `store_findings` opens what is new, updates what is open, and says of the rest that it is gone. Nothing follows by itself.
3. A moderator looks at the evidence and upholds or dismisses (`decide_finding`). Whoever a finding is upheld of counts for nothing
   where rankings are weighed, from the next snapshot of reliability on, which is brought forward. Nothing is deleted,
   and a decision may be changed: the weights follow again.

What was dismissed comes back when the evidence has become `GROWN` times as strong, and not before. Of whoever a finding
is upheld no more are opened.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, InvalidInput, NotAllowed, NotFound
from annotate.models import Annotator, Campaign, Finding
from annotate.services.audit import record_event
from annotate.services.reliability import bring_forward
from annotate.services.stale import Turn, keep_turn
from tasks.records.manipulation import Sign
from tasks.vocabulary import AuditAction, FindingState

GROWN = 1.5
MAX_NOTE_CHARS = 2000

Key = tuple[int, str]


def store_findings(*, turn: Turn, signs: Sequence[Sign], now: datetime) -> int:
    """Bring the campaign's findings in line with what was found; returns how many are new. Nothing where the turn is lost."""
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return 0
        known = _lock_findings(turn.subject_id)
        people = _find_people(signs)
        upheld = {person for (person, _), rows in known.items() if _find(rows, FindingState.UPHELD)}
        found = {(int(sign.annotator), sign.kind.value): sign for sign in signs if int(sign.annotator) in people}
        new = sum(
            _store(turn.subject_id, sign, known.get(key, []), people, now)
            for key, sign in found.items()
            if key[0] not in upheld
        )
        for key, rows in known.items():
            if key not in found and (is_open := _find(rows, FindingState.OPEN)):
                is_open.state = FindingState.GONE
                is_open.save(update_fields=["state"])
    return new


def decide_finding(
    *, campaign: Campaign, finding_id: int, upholds: bool, reason: str, actor: Actor, now: datetime
) -> Finding:
    """Uphold a finding or dismiss it, with the reason that the audit keeps; a decision may be changed.

    Raises NotFound (`finding_not_found`), InvalidInput (`reason_required`, `reason_too_long`), NotAllowed (`own_finding`) and
    Conflict: `finding_gone`, `decided_already`.
    """
    reason = _check_reason(reason)
    state = FindingState.UPHELD if upholds else FindingState.DISMISSED
    with transaction.atomic():
        finding = _lock_finding(campaign, finding_id)
        if finding.annotator.user_id is not None and finding.annotator.user_id == actor.user_id:
            raise NotAllowed(_("This is about your own work. Somebody else must decide about it."), code="own_finding")
        if finding.state == FindingState.GONE:
            raise Conflict(_("Later rankings made this go away, so there is nothing to decide."), code="finding_gone")
        if finding.state == state:
            raise Conflict(_("Somebody has decided so already. Nothing was changed."), code="decided_already")
        before, finding.state = finding.state, state
        finding.decided_by_id, finding.decided_at, finding.decision_note = actor.user_id, now, reason
        finding.save(update_fields=["state", "decided_by", "decided_at", "decision_note"])
        record_event(
            actor=actor,
            action=AuditAction.FINDING_UPHELD if upholds else AuditAction.FINDING_DISMISSED,
            object_kind="finding",
            object_id=finding.pk,
            campaign=campaign,
            before={"state": before},
            after={"state": state.value, "kind": finding.kind, "annotator": finding.annotator_id},
            reason=reason,
        )
        if FindingState.UPHELD in {before, state}:
            bring_forward(campaign_id=campaign.pk)
    return finding


def _store(campaign_id: int, sign: Sign, rows: list[Finding], people: set[int], now: datetime) -> bool:
    """Update what is open, open it again, or make it; True where it was not open before."""
    dismissed = [row.strength for row in rows if row.state == FindingState.DISMISSED]
    finding = _find(rows, FindingState.OPEN)
    is_new = finding is None
    if is_new and dismissed and sign.strength < GROWN * max(dismissed):
        return False
    if finding is None:
        finding = _find(rows, FindingState.GONE) or Finding(
            campaign_id=campaign_id, annotator_id=int(sign.annotator), kind=sign.kind
        )
        finding.state, finding.found_at = FindingState.OPEN, now
    finding.strength, finding.evidence, finding.seen_at = sign.strength, dict(sign.evidence), now
    finding.save()
    finding.others.set(sorted({int(other) for other in sign.others} & people))
    return is_new


def _lock_findings(campaign_id: int) -> Mapping[Key, list[Finding]]:
    """All findings of a campaign by person and kind; a guest who became an account counts as that."""
    rows = Finding.objects.select_for_update(of=("self",)).filter(campaign_id=campaign_id).select_related("annotator")
    known: dict[Key, list[Finding]] = {}
    for row in rows.order_by("pk"):
        known.setdefault((row.annotator.merged_into_id or row.annotator_id, row.kind), []).append(row)
    return known


def _lock_finding(campaign: Campaign, finding_id: int) -> Finding:
    found = (
        Finding.objects.select_for_update(of=("self",))
        .select_related("annotator")
        .filter(pk=finding_id, campaign=campaign)
        .first()
    )
    if found is None:
        raise NotFound(_("This campaign has no such finding."), code="finding_not_found")
    return found


def _find_people(signs: Iterable[Sign]) -> set[int]:
    """Those of whom something is told who are still there."""
    wanted = {int(name) for sign in signs for name in (sign.annotator, *sign.others)}
    return set(Annotator.objects.filter(pk__in=wanted).values_list("pk", flat=True))


def _find(rows: Iterable[Finding], state: FindingState) -> Finding | None:
    return next((row for row in rows if row.state == state), None)


def _check_reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise InvalidInput(_("Say in a few words why. It is kept in the audit."), code="reason_required")
    if len(reason) > MAX_NOTE_CHARS:
        raise InvalidInput(
            _("The reason is longer than %(most)s characters. Nothing was changed; shorten it.")
            % {"most": MAX_NOTE_CHARS},
            code="reason_too_long",
        )
    return reason
