"""`apply_campaign` shows what it would change and does it once; `create_demo` leaves a campaign open for work."""

from __future__ import annotations

import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from annotate.management.commands.create_demo import CAMPAIGN_FILE, PROMPTS_FILE
from annotate.models import AuditEvent, Campaign, ImportRun, Membership, Message, MessageTree, Unit, User
from annotate.queries.campaigns import describe_campaign
from annotate.services.campaign_files import read_campaign_file
from tests.loop import ask, make_annotator

pytestmark = pytest.mark.django_db

BIRDS = """
slug = "birds"
title = "Birds"
preset = "rank"
languages = ["en"]
redundancy = 3
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text: str = BIRDS) -> str:
        path = tmp_path / "birds.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write_file


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("apply_campaign", *arguments, stdout=out)
    return out.getvalue()


def test_a_new_campaign_is_shown_and_made(write):
    shown = run(write()).splitlines()
    assert shown[0] == "birds: a new campaign."
    assert '  title: "Birds"' in shown
    assert "  parameters.redundancy: 3" in shown
    assert shown[-1] == "Done."
    assert Campaign.objects.get().title == "Birds"


def test_the_second_time_there_is_nothing_to_change(write):
    run(write())
    before = AuditEvent.objects.count()
    assert run(write()) == "birds: nothing to change.\n"
    assert AuditEvent.objects.count() == before


def test_a_change_is_shown_with_both_sides_and_done(write):
    run(write())
    assert run(write(BIRDS.replace("3", "5") + 'purpose = "Song"\n')).splitlines() == [
        "birds: changes.",
        '  purpose: "" → "Song"',
        "  parameters.redundancy: 3 → 5",
        "Done.",
    ]
    campaign = Campaign.objects.get()
    assert (campaign.purpose, campaign.parameters["redundancy"]) == ("Song", 5)


def test_what_the_file_does_not_name_stays(write):
    run(write(BIRDS + 'purpose = "Song"\ndaily_cap = 9\n'))
    assert run(write()) == "birds: nothing to change.\n"
    campaign = Campaign.objects.get()
    assert (campaign.purpose, campaign.parameters["daily_cap"]) == ("Song", 9)


def test_a_dry_run_shows_and_changes_nothing(write):
    assert run(write(), "--dry-run").splitlines()[0] == "birds: a new campaign."
    assert Campaign.objects.count() == 0
    run(write())
    assert "  parameters.redundancy: 3 → 5" in run(write(BIRDS.replace("3", "5")), "--dry-run").splitlines()
    assert Campaign.objects.get().parameters["redundancy"] == 3


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "redundancy"), [("y\n", 5), ("yes\n", 5), ("n\n", 3), ("\n", 3)])
def test_a_person_at_a_terminal_is_asked_before_a_campaign_is_changed(write, monkeypatch, answer, redundancy):
    run(write())
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    shown = run(write(BIRDS.replace("3", "5")))
    assert Campaign.objects.get().parameters["redundancy"] == redundancy
    assert shown.splitlines()[-1] == ("Done." if redundancy == 5 else "Nothing was changed.")


def test_whoever_says_yes_beforehand_is_not_asked(write, monkeypatch):
    run(write())
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    run(write(BIRDS.replace("3", "5")), "--yes")
    assert Campaign.objects.get().parameters["redundancy"] == 5


def test_an_account_that_does_it_is_named_and_organizes(write):
    user = User.objects.create(email="olga@example.org")
    run(write(), "--as", "Olga@example.org")
    assert Membership.objects.get().user == user
    assert set(AuditEvent.objects.values_list("actor", flat=True)) == {user.pk}


def refusal_of(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    return str(refused.value)


def test_an_account_that_is_not_there_is_refused(write):
    assert refusal_of(write(), "--as", "olga@example.org") == (
        "There is no account olga@example.org: make it with create_user."
    )
    assert Campaign.objects.count() == 0


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert "cannot be read: No such file or directory." in refusal_of(str(tmp_path / "none.toml"))


def test_every_problem_of_a_file_is_told(write):
    told = refusal_of(write(BIRDS + 'tilte = "x"\nlicence = "my own"\n')).splitlines()
    assert told[1:] == [
        '  tilte: There is no field "tilte" here. Did you mean "title"?',
        '  licence: Write the SPDX name of a licence, such as "CC-BY-4.0" or "CC0-1.0".',
    ]
    assert Campaign.objects.count() == 0


def test_what_cannot_happen_is_refused_before_anything_changes(write):
    run(write())
    assert "draft" in refusal_of(write(BIRDS.replace("3", "5") + 'state = "paused"\n'))
    assert Campaign.objects.get().parameters["redundancy"] == 3


# --- The demo ---------------------------------------------------------------------------------


def test_the_demo_file_is_a_campaign():
    spec = read_campaign_file(CAMPAIGN_FILE.read_bytes())
    assert (spec.slug, spec.kinds, len(spec.targets), spec.guideline is not None, spec.label_schema is not None) == (
        "everyday-questions",
        ("rank", "compare", "label"),
        8,
        True,
        True,
    )


def create_demo() -> str:
    out = StringIO()
    call_command("create_demo", stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_demo_is_made_once_and_offers_work():
    assert create_demo().splitlines()[-1] == "The demo campaign everyday-questions is open."
    campaign = Campaign.objects.get()
    prompts = len(PROMPTS_FILE.read_text(encoding="utf-8").splitlines())
    assert (campaign.state, MessageTree.objects.count(), ImportRun.objects.get().state) == ("open", prompts, "done")
    assert Unit.objects.filter(kind="rank", is_open=True).count() == prompts
    assert ask(make_annotator(), campaign)["assignment"] is not None
    messages, told = Message.objects.count(), AuditEvent.objects.count()
    assert create_demo() == "The demo campaign everyday-questions is there.\n"
    assert (Message.objects.count(), AuditEvent.objects.count()) == (messages, told)


@pytest.mark.django_db(transaction=True)
def test_a_demo_that_was_changed_or_closed_stays_so():
    create_demo()
    Campaign.objects.update(state="closed", title="Ours now")
    create_demo()
    assert list(Campaign.objects.values_list("state", "title")) == [("closed", "Ours now")]


@pytest.mark.django_db(transaction=True)
def test_a_demo_that_was_interrupted_is_gone_on_with():
    call_command("apply_campaign", str(CAMPAIGN_FILE), stdout=StringIO())
    assert Campaign.objects.get().state == "draft"
    create_demo()
    assert (Campaign.objects.get().state, ImportRun.objects.get().state) == ("open", "done")


@pytest.mark.django_db(transaction=True)
def test_applying_the_demo_file_to_the_demo_changes_nothing():
    create_demo()
    before = describe_campaign(Campaign.objects.get())
    assert run(str(CAMPAIGN_FILE)) == "everyday-questions: nothing to change.\n"
    assert describe_campaign(Campaign.objects.get()) == before
