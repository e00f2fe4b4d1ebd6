"""The job makes messages findable once, whatever is lost, doubled or late."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import Message, MessageIndex, MessageRevision, Stale
from annotate.services import search_index
from tasks.jobs.search import WHOLE_SITE, index_messages_job
from tests.loop import make_campaign, make_prompt
from tests.trees import make_tree, reply_to

pytestmark = pytest.mark.django_db


def indexed() -> dict[int, int]:
    return dict(MessageIndex.objects.values_list("message_id", "revision"))


def all_messages() -> dict[int, int]:
    return dict(Message.objects.values_list("pk", "revision"))


@pytest.mark.parametrize("at_once", [1, 2, 200])
def test_every_message_is_indexed_once_run_after_run(monkeypatch, at_once):
    monkeypatch.setattr(search_index, "MESSAGES_AT_ONCE", at_once)
    make_prompt(make_campaign(), replies=3)
    index_messages_job()
    assert indexed() == all_messages()
    MessageIndex.objects.update(bands=[7])
    index_messages_job()
    assert list(MessageIndex.objects.values_list("bands", flat=True).distinct()) == [[7]]


def test_prompts_alone_have_bands():
    make_prompt(make_campaign(), replies=1)
    index_messages_job()
    bands = {
        index.message.parent_id is None: len(index.bands) for index in MessageIndex.objects.select_related("message")
    }
    assert bands == {True: 32, False: 0}


def test_a_changed_text_is_indexed_anew_though_it_lies_far_behind_the_cursor():
    prompt = make_tree(make_campaign())
    index_messages_job()
    Stale.objects.filter(kind="turn_index").update(marked=10**9, computed=10**9)
    MessageRevision.objects.create(message=prompt, number=1, text=prompt.text)
    Message.objects.update(text="Owls.", revision=2)
    index_messages_job()
    assert indexed() == {prompt.pk: 2}


def test_what_is_committed_late_is_found_though_later_ids_were_seen():
    campaign = make_campaign()
    prompt = make_tree(campaign)
    late = reply_to(prompt, "Late.")
    reply_to(prompt, "Early.")
    index_messages_job()
    MessageIndex.objects.filter(message=late).delete()
    index_messages_job()
    assert indexed() == all_messages()


def test_the_cursor_moves_on_once_nothing_can_come_any_more(monkeypatch):
    monkeypatch.setattr(search_index, "LATE_IDS", 0)
    prompt = make_tree(make_campaign())
    Message.objects.update(created_at=timezone.now() - timedelta(days=1))
    new = reply_to(prompt, "New.")
    index_messages_job()
    assert Stale.objects.get(kind="turn_index", subject_id=WHOLE_SITE).marked == prompt.pk < new.pk


def test_what_was_withdrawn_is_passed_over():
    make_tree(make_campaign())
    Message.objects.update(withdrawn_at=timezone.now())
    index_messages_job()
    assert indexed() == {}


def test_two_runs_at_once_do_not_meet():
    make_tree(make_campaign())
    Stale.objects.create(
        kind="turn_index", subject_id=0, marked=0, lease_expires_at=timezone.now() + timedelta(hours=1)
    )
    index_messages_job()
    assert indexed() == {}
