"""What a guest felt, reported and proposed is the account's after a merge; of what both said the account's stands."""

from __future__ import annotations

import pytest

from annotate.models import Annotator, Reaction, Report, RevisionProposal
from annotate.services.guests import create_guest, merge_guest
from annotate.services.reactions import react
from annotate.services.reports import report_message
from annotate.services.revisions import revise_message
from annotate.services.terms import CURRENT_TERMS
from tests.loop import NOW, make_annotator, make_campaign
from tests.trees import LATER, make_tree, reader

pytestmark = pytest.mark.django_db


def test_a_merge_brings_reactions_reports_and_proposals_along():
    campaign = make_campaign(kinds=["label"], guests=True)
    first, second = make_tree(campaign, "One?"), make_tree(campaign, "Two?")
    guest, token = create_guest(languages=["en"], terms_version=CURRENT_TERMS, now=NOW)
    ada = make_annotator()
    for who in (guest, ada):
        react(reader=reader(who), message_id=first.pk, code="heart", now=NOW)
        report_message(reader=reader(who), message_id=first.pk, reason="spam", now=NOW)
    react(reader=reader(guest), message_id=second.pk, code="clap", now=NOW)
    report_message(reader=reader(guest), message_id=second.pk, reason="copied", now=NOW)
    revise_message(
        reader=reader(guest), message_id=second.pk, text="Two or three?", reason="More.", base_revision=1, now=NOW
    )
    merge_guest(annotator_id=ada.pk, device_token=token, now=LATER)
    assert {(r.message_id, r.annotator_id, r.code) for r in Reaction.objects.all()} == {
        (first.pk, ada.pk, "heart"),
        (second.pk, ada.pk, "clap"),
    }
    assert {(r.message_id, r.annotator_id, r.reason) for r in Report.objects.all()} == {
        (first.pk, ada.pk, "spam"),
        (second.pk, ada.pk, "copied"),
    }
    assert RevisionProposal.objects.get().author == ada
    assert Annotator.objects.get(pk=guest.pk).merged_into == ada
