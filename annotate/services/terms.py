"""The terms that whoever gives work accepts, by version, and the consent to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotate.exceptions import InvalidInput, NotFound
from annotate.models import Annotator, AnnotatorTraits, Consent, Interest, SelfDescription
from annotate.queries.rows import run


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of the terms. A version, once published, is never edited: a change is a new one.

    The English text is the one that counts; pages show it in the reader's language where there is a translation.
    """

    version: str
    summary: str
    text: str


TERMS: Mapping[str, Terms] = {
    terms.version: terms
    for terms in [
        Terms(
            version="2026-11",
            summary=gettext_noop(
                "What you write and judge here is published under each campaign's licence, "
                "without your name, so that everyone may train and test language models with it."
            ),
            text=gettext_noop("""What you give. Rankings, labels, texts and the reasons that you write down. Give only what is yours to give: \
texts that you wrote yourself, and opinions that you hold.

What becomes of it. It is published in releases under the licence that the campaign names, for anyone to use, also \
commercially, and also to train language models. Each judgment is published by itself, not only the average.

What is not published. Your name, your address of e-mail and your account. Your judgments carry a pseudonym that differs from \
release to release.

Personal data. Write nothing about yourself or others by which somebody can be recognised. Each release is \
searched for addresses, numbers and the like; what is found is marked and counted, and moderators can take it out.

How you may leave. You may withdraw this consent at any time: from then on no work is offered to you, and nothing more of yours \
enters a release. You may also ask that what you gave be withdrawn; copies of releases that others already have cannot be called back.

What you may meet. Texts written by people and by machines, some of them wrong, rude or worse. Skip whatever you do not want to read.

Who is behind it. The people who run this site; write to them about anything in these terms."""),
        ),
    ]
}
#: The version that is asked for now.
CURRENT_TERMS = "2026-11"

#: What releases hold of somebody's: the next ones are made without it, and say so. A text goes with its judgment.
_LEAVE_TOMBSTONES = """
INSERT INTO annotate_tombstone (campaign_id, kind, object_id, created_at)
SELECT DISTINCT r.campaign_id, i.kind, i.object_id, %(now)s::timestamptz
FROM (
  SELECT 'judgment' AS kind, j.id FROM annotate_judgment j WHERE j.annotator_id = %(me)s
  UNION ALL
  SELECT 'assignment', s.id FROM annotate_assignment s WHERE s.annotator_id = %(me)s AND s.state = 'skipped') given
JOIN annotate_releaseitem i ON i.kind = given.kind AND i.object_id = given.id
JOIN annotate_release r ON r.id = i.release_id
ON CONFLICT DO NOTHING"""


def get_current_terms() -> Terms:
    return TERMS[CURRENT_TERMS]


def accept_terms(*, annotator_id: int, terms_version: str, now: datetime) -> Consent:
    """Store consent to the version in force; accepting it again changes nothing.

    Raises `InvalidInput` (`terms_unknown`, `terms_not_current`): consent to what nobody reads now is none.
    """
    if terms_version not in TERMS:
        raise InvalidInput(
            _("There are no terms of this version. The version in force is %(version)s.") % {"version": CURRENT_TERMS},
            code="terms_unknown",
            details={"terms_version": [_("Send %(version)s.") % {"version": CURRENT_TERMS}], "current": CURRENT_TERMS},
        )
    if terms_version != CURRENT_TERMS:
        raise InvalidInput(
            _("These terms were replaced. Read version %(version)s, and accept that one.") % {"version": CURRENT_TERMS},
            code="terms_not_current",
            details={"terms_version": [_("Send %(version)s.") % {"version": CURRENT_TERMS}], "current": CURRENT_TERMS},
        )
    with transaction.atomic():
        annotator = lock_annotator(annotator_id=annotator_id)
        standing = annotator.consents.filter(withdrawn_at=None, terms_version=terms_version).first()
        if standing is None:
            standing = Consent.objects.create(annotator=annotator, terms_version=terms_version, accepted_at=now)
        if annotator.accepted_terms != terms_version:
            annotator.accepted_terms = terms_version
            annotator.save(update_fields=["accepted_terms"])
    return standing


def withdraw_consent(*, annotator_id: int, now: datetime) -> int:
    """End every consent that stands, from now on; returns how many. What was given before stays given.

    What somebody said of themselves is deleted. Sealed releases keep their bytes; what they hold of this person leaves its tombstones, which the next ones tell.
    """
    with transaction.atomic():
        annotator = lock_annotator(annotator_id=annotator_id)
        ended = annotator.consents.filter(withdrawn_at=None).update(withdrawn_at=now)
        if annotator.accepted_terms:
            annotator.accepted_terms = ""
            annotator.save(update_fields=["accepted_terms"])
        SelfDescription.objects.filter(annotator_id=annotator_id).delete()
        Interest.objects.filter(annotator_id=annotator_id).delete()
        AnnotatorTraits.objects.filter(annotator_id=annotator_id).delete()
        if ended:
            run(_LEAVE_TOMBSTONES, {"me": annotator_id, "now": now})
    return ended


def lock_annotator(*, annotator_id: int) -> Annotator:
    """The annotator, locked before anything else of theirs (the order of locks). Raises `NotFound`."""
    annotator = Annotator.objects.select_for_update(no_key=True, of=("self",)).filter(pk=annotator_id).first()
    if annotator is None:
        raise NotFound(_("There is no such annotator."), code="annotator_not_found")
    return annotator
