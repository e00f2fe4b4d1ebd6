"""Accounts: each has an annotator, an address once, and consent as it was given."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from annotate.exceptions import Conflict, InvalidInput
from annotate.models import Annotator, AuditEvent, Consent, User
from annotate.services.people import create_user
from annotate.services.terms import CURRENT_TERMS, TERMS, accept_terms

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_an_account_has_an_annotator_its_languages_and_its_consent():
    user = create_user(email=" Ada@Example.ORG ", now=NOW, languages=["de", "EN"], with_terms=True)
    annotator = Annotator.objects.get(user=user)
    assert (user.email, user.has_usable_password(), user.is_administrator) == ("ada@example.org", False, False)
    assert sorted(annotator.language_skills.values_list("language", flat=True)) == ["de", "en"]
    assert (annotator.accepted_terms, annotator.consents.get().accepted_at) == (CURRENT_TERMS, NOW)


def test_an_account_without_consent_has_none():
    annotator = create_user(email="ada@example.org", now=NOW).annotator
    assert (annotator.accepted_terms, Consent.objects.count()) == ("", 0)


def test_making_an_account_is_in_the_audit_without_its_address():
    user = create_user(email="ada@example.org", now=NOW, is_administrator=True)
    event = AuditEvent.objects.get(object_kind="user")
    assert (event.action, event.object_id, event.actor_id) == ("user.created", str(user.pk), None)
    assert event.after == {"administrator": True, "languages": [], "with_terms": False}


@pytest.mark.parametrize("again", ["ada@example.org", "ADA@example.org", " ada@EXAMPLE.org"])
def test_an_address_has_one_account(again):
    create_user(email="ada@example.org", now=NOW)
    with pytest.raises(Conflict) as refused:
        create_user(email=again, now=NOW)
    assert (refused.value.code, User.objects.count(), Annotator.objects.count()) == ("address_taken", 1, 1)


def test_the_database_keeps_an_address_in_lower_case():
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="Ada@example.org")


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@example.org", "ada@example", "a b@example.org", "x" * 250 + "@e.org"]
)
def test_what_is_no_address_is_refused(email):
    with pytest.raises(InvalidInput):
        create_user(email=email, now=NOW)
    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["short", "password123", "1234567890", "ada@example.org"])
def test_a_weak_password_is_refused(password):
    with pytest.raises(InvalidInput) as refused:
        create_user(email="ada@example.org", now=NOW, password=password)
    assert (refused.value.code, User.objects.exists()) == ("weak_password", False)


def test_a_password_is_stored_hashed():
    user = create_user(email="ada@example.org", now=NOW, password="correct horse battery")
    assert user.check_password("correct horse battery")
    assert "correct horse" not in User.objects.get().password


def test_too_many_languages_are_refused():
    codes = [f"{first}{second}" for first in "abcdefg" for second in "abcdefg"]
    with pytest.raises(InvalidInput):
        create_user(email="ada@example.org", now=NOW, languages=codes)


def test_former_terms_cannot_be_accepted(monkeypatch):
    annotator = create_user(email="ada@example.org", now=NOW).annotator
    former = TERMS[CURRENT_TERMS]
    monkeypatch.setitem(TERMS, "2020-01", former)
    with pytest.raises(InvalidInput) as refused:
        accept_terms(annotator_id=annotator.pk, terms_version="2020-01", now=NOW)
    assert (refused.value.code, refused.value.details["current"]) == ("terms_not_current", CURRENT_TERMS)


def test_every_version_of_the_terms_has_a_line_and_a_text():
    assert [version for version, terms in TERMS.items() if version != terms.version] == []
    assert all(len(terms.summary) < 250 and "\n\n" in terms.text for terms in TERMS.values())
