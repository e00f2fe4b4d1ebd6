"""Ended sessions go; the others, and whoever is signed in with them, stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import Session
from tasks.jobs import operations
from tasks.jobs.operations import clear_sessions_job

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_sessions_that_have_ended_are_deleted_and_no_other(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(operations, "SESSIONS_AT_ONCE", at_once)
    now = timezone.now()
    for name, hours in [("past", -1), ("long-past", -900), ("ending", -0.01), ("open", 1)]:
        Session.objects.create(session_key=name, session_data="", expire_date=now + timedelta(hours=hours))
    clear_sessions_job()
    assert [session.session_key for session in Session.objects.all()] == ["open"]
