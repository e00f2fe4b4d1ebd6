"""Administrators look at records; nobody writes past the services."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import CompositePrimaryKey
from django.test import Client
from django.utils import timezone

from annotate.models import ApiToken, Campaign, Session, User
from annotate.services.people import create_user
from annotate.services.tokens import create_token
from tests.loop import ask, make_campaign, make_prompt, ranking_of, submit

pytestmark = pytest.mark.django_db
RECORDS = [model for model in admin.site._registry if model._meta.app_label == "annotate"]


@pytest.fixture
def administrator(db) -> Client:
    client = Client()
    client.force_login(create_user(email="root@example.org", now=timezone.now(), is_administrator=True))
    return client


@pytest.fixture
def work(db) -> Campaign:
    """A campaign with a judgment and a token in it, so that there is something to show."""
    campaign = make_campaign()
    make_prompt(campaign)
    ada = create_user(email="ada@example.org", now=timezone.now(), with_terms=True)
    create_token(user=ada, name="laptop", scopes=["read"], expires_at=None, actor=None, now=timezone.now())
    assignment = ask(ada.annotator, campaign, now=timezone.now())["assignment"]
    submit(ada.annotator, assignment["id"], ranking_of(assignment), now=timezone.now())
    return campaign


def address(model: type, rest: str = "") -> str:
    return f"/admin/annotate/{model._meta.model_name}/{rest}"


def test_every_record_with_a_key_of_one_column_is_there_but_sessions():
    with_one = {
        m for m in apps.get_app_config("annotate").get_models() if not isinstance(m._meta.pk, CompositePrimaryKey)
    }
    assert set(RECORDS) == with_one - {Session}


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.__name__)
def test_a_record_is_listed_and_shown(administrator, work, model):
    assert administrator.get(address(model)).status_code == 200
    for row in model.objects.all()[:1]:
        assert administrator.get(address(model, f"{row.pk}/change/")).status_code == 200


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.__name__)
def test_a_record_is_not_added_changed_or_deleted(administrator, work, model):
    assert administrator.post(address(model, "add/"), {}).status_code == 403
    for row in model.objects.all()[:1]:
        assert administrator.post(address(model, f"{row.pk}/change/"), {}).status_code == 403
        assert administrator.post(address(model, f"{row.pk}/delete/"), {"post": "yes"}).status_code == 403


def test_hashes_and_passwords_are_not_shown(administrator, work):
    token, user = ApiToken.objects.get(), User.objects.get(email="ada@example.org")
    shown = administrator.get(address(ApiToken, f"{token.pk}/change/")).content.decode()
    shown += administrator.get(address(User, f"{user.pk}/change/")).content.decode()
    assert ("laptop" in shown, "ada@example.org" in shown) == (True, True)
    assert [secret for secret in ("token_hash", "password", user.password) if secret in shown] == []


@pytest.mark.parametrize("is_staff", [True, False])
def test_nobody_else_gets_in(work, is_staff):
    ada = User.objects.get(email="ada@example.org")
    ada.is_staff = is_staff
    ada.save()
    client = Client()
    client.force_login(ada)
    assert client.get(address(User)).status_code == (403 if is_staff else 302)
    assert Client().get(address(User)).status_code == 302


def test_the_pages_are_sent_with_the_strict_policy(administrator):
    policy = administrator.get("/admin/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
