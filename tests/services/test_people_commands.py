"""create_user, create_token and export_audit print what a script needs, and nothing else, on standard output."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from annotate.models import ApiToken, AuditEvent, User
from annotate.services.audit import record_event
from annotate.services.terms import CURRENT_TERMS
from tasks.vocabulary import AuditAction
from tests.loop import make_campaign

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[list[str], str]:
    """The lines on standard output, and what is on standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue().splitlines(), err.getvalue()


def test_create_user_prints_the_id_alone():
    out, err = run("create_user", "Ada@example.org")
    assert out == [str(User.objects.get(email="ada@example.org").pk)]
    assert "Made the account ada@example.org." in err
    assert CURRENT_TERMS in err


def test_create_user_records_consent_unless_told_not_to():
    run("create_user", "ada@example.org")
    run("create_user", "bob@example.org", "--no-terms")
    assert list(User.objects.order_by("pk").values_list("annotator__accepted_terms", flat=True)) == [CURRENT_TERMS, ""]


def test_create_user_takes_languages_a_name_and_the_whole_site():
    run("create_user", "ada@example.org", "--administrator", "--name", "Ada", "--language", "de", "--language", "EN")
    user = User.objects.get()
    assert (user.display_name, user.is_superuser, user.is_staff) == ("Ada", True, True)
    assert sorted(user.annotator.language_skills.values_list("language", flat=True)) == ["de", "en"]


def test_create_user_reads_the_password_from_the_first_line_of_a_file(tmp_path):
    (tmp_path / "password").write_text("correct horse battery\nanother line\n")
    run("create_user", "ada@example.org", "--password-file", str(tmp_path / "password"))
    assert User.objects.get().check_password("correct horse battery")


def test_create_user_reads_the_password_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\r\n"))
    run("create_user", "ada@example.org", "--password-file", "-")
    assert User.objects.get().check_password("correct horse battery")


@pytest.mark.parametrize(("text", "said"), [(None, "cannot be read"), ("", "no password"), ("short", "too weak")])
def test_create_user_refuses_a_password_that_is_none(tmp_path, text, said):
    if text is not None:
        (tmp_path / "password").write_text(text)
    with pytest.raises(CommandError, match=said):
        run("create_user", "ada@example.org", "--password-file", str(tmp_path / "password"))
    assert not User.objects.exists()


@pytest.mark.parametrize(("arguments", "said"), [(["ada@example.org"], "already"), (["ada"], "address")])
def test_create_user_says_why_it_makes_none(arguments, said):
    run("create_user", "ada@example.org")
    with pytest.raises(CommandError, match=said):
        run("create_user", *arguments)


def test_create_token_prints_a_token_that_works():
    run("create_user", "ada@example.org")
    out, err = run("create_token", "ADA@example.org", "--scope", "annotate", "--scope", "organize")
    (text,) = out
    me = APIClient(headers={"Authorization": f"Bearer {text}"}).get("/api/v1/me/").json()
    assert (me["email"], me["scopes"]) == ("ada@example.org", ["annotate", "organize"])
    assert text not in err
    assert "when it is revoked" in err


def test_create_token_may_end():
    run("create_user", "ada@example.org")
    before = timezone.now()
    run("create_token", "ada@example.org", "--scope", "read", "--expires-days", "2", "--name", "ci")
    token = ApiToken.objects.get()
    assert (token.name, timedelta(days=2) <= token.expires_at - before < timedelta(days=2, minutes=5)) == ("ci", True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bob@example.org", "--scope", "read"], "no account"),
        (["ada@example.org"], "required"),
        (["ada@example.org", "--scope", "everything"], "invalid choice"),
        (["ada@example.org", "--scope", "admin"], "administrators"),
        (["ada@example.org", "--scope", "read", "--expires-days", "0"], "1 to 36500"),
    ],
)
def test_create_token_says_why_it_makes_none(arguments, said):
    run("create_user", "ada@example.org")
    with pytest.raises(CommandError, match=said):
        run("create_token", *arguments)
    assert not ApiToken.objects.exists()


def test_an_administrator_can_have_a_token_for_everything():
    run("create_user", "root@example.org", "--administrator")
    out, _ = run("create_token", "root@example.org", "--scope", "admin")
    me = APIClient(headers={"Authorization": f"Bearer {out[-1]}"}).get("/api/v1/me/").json()
    assert (me["is_administrator"], me["scopes"]) == (True, ["admin", "annotate", "organize", "read"])


def tell(slug: str) -> AuditEvent:
    campaign = make_campaign(slug=slug)
    return record_event(
        actor=None,
        action=AuditAction.CAMPAIGN_CREATED,
        object_kind="campaign",
        object_id=campaign.pk,
        campaign=campaign,
        reason="für alle",
    )


def test_export_audit_writes_one_event_a_line():
    told = [tell("birds").pk, tell("trees").pk]
    out, err = run("export_audit")
    assert [json.loads(line)["id"] for line in out] == told
    assert json.loads(out[0])["reason"] == "für alle"
    assert "2 events." in err


def test_export_audit_of_one_campaign_leaves_the_others_out():
    tell("birds")
    trees = tell("trees").pk
    out, _ = run("export_audit", "trees")
    assert [json.loads(line)["id"] for line in out] == [trees]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [(["--since", "2020-01-01"], 1), (["--until", "2020-01-01"], 0), (["--since", "2999-01-01T10:00"], 0)],
)
def test_export_audit_takes_times(arguments, count):
    tell("birds")
    assert len(run("export_audit", *arguments)[0]) == count


def test_export_audit_writes_a_new_file_and_replaces_none(tmp_path):
    tell("birds")
    path = tmp_path / "audit.jsonl"
    run("export_audit", "--output", str(path))
    assert len(path.read_text().splitlines()) == 1
    with pytest.raises(CommandError, match="cannot be written"):
        run("export_audit", "--output", str(path))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["bees"], "no campaign"), (["--since", "soon"], "not a time"), (["--until", "2026-13-40"], "not a time")],
)
def test_export_audit_says_what_it_cannot_read(arguments, said):
    with pytest.raises(CommandError, match=said):
        run("export_audit", *arguments)
