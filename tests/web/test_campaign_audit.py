"""The audit is read by filters in the address, with what was before and after."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from annotate.access import Actor
from annotate.models import AuditEvent
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import change_campaign
from annotate.services.memberships import set_member
from tasks.vocabulary import CampaignRole
from tests.web.organizing import HTMX, make_person, make_run, sign_in

pytestmark = pytest.mark.django_db

HERE = "/campaigns/birds/audit/"


@pytest.fixture
def campaign():
    """Made by Ines, with Otto as a moderator whom the system added, and a change of his."""
    campaign = make_run(guideline="Listen.")
    make_run("fish")
    otto = Actor(user=make_person("otto"), scopes=None)
    set_member(
        campaign=campaign, email="otto@example.org", role=CampaignRole.ORGANIZER, actor=None, reason="He <asked>."
    )
    change_campaign(
        campaign=campaign,
        spec=read_campaign({"redundancy": 5, "guideline": "Listen.\nTwice."}),
        actor=otto,
        now=timezone.now(),
    )
    return campaign


@pytest.fixture
def ines(campaign):
    return sign_in("ines")


def actions(answer):
    return [event["action"] for event in answer.context["events"]]


def test_events_are_shown_newest_first_with_what_changed(ines):
    answer = ines.get(HERE)
    assert actions(answer)[:3] == ["guideline.published", "campaign.changed", "member.added"]
    assert {event["campaign"] for event in answer.context["events"]} == {"birds"}
    [change] = answer.context["events"][1]["changes"]
    assert (change.title, change.before, change.after) == ("Judgments for each piece of work", "3", "5")
    shown = (str(make_person("otto")), "The system", "added a member", "He &lt;asked&gt;.")
    assert [words for words in shown if words not in answer.text] == []
    lines = {line.sign + line.text for change in answer.context["events"][0]["changes"] for line in change.lines}
    assert ("+Twice." in lines, "-Listen." in lines) == (True, False)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"action": "member.added"}, ["member.added", "member.added"]),
        ({"object_kind": "guideline"}, ["guideline.published", "guideline.published"]),
        ({"action": "campaign.changed", "object_kind": "campaign"}, ["campaign.changed"]),
        ({"action": "campaign.changed", "object_kind": "user"}, []),
        ({"until": "2020-01-01"}, []),
        ({"since": "2999-01-01T00:00"}, []),
        ({"object_kind": "user", "object_id": "0"}, []),
        ({"actor": "99999999999999999999"}, []),
        ({"actor": "x"}, []),
    ],
)
def test_filters_are_in_the_address(ines, query, found):
    assert actions(ines.get(HERE, query)) == found


def test_filter_by_who(ines):
    otto = make_person("otto")
    answer = ines.get(HERE, {"actor": str(otto.pk)})
    assert actions(answer) == ["guideline.published", "campaign.changed"]
    assert f'<option value="{otto.pk}" selected>' in answer.text


@pytest.mark.parametrize("query", [{"since": "yesterday"}, {"until": "2026-99-99"}, {"since": "0000-00-00T99:99"}])
def test_date_that_is_none_is_told_and_left_out(ines, query):
    answer = ines.get(HERE, query)
    assert (answer.status_code, "is no date" in answer.text, len(actions(answer)) > 3) == (200, True, True)


@pytest.mark.parametrize(
    "query", [{"action": "nonsense"}, {"object_kind": "a\0b"}, {"object_id": "x" * 9_000}, {"before": "-1"}]
)
def test_whatever_the_address_says_there_is_a_page(ines, query):
    assert ines.get(HERE, query).status_code == 200


def test_export_has_the_same_filters(ines):
    answer = ines.get(HERE, {"action": "member.added", "since": "2020-01-01", "actor": str(make_person("ines").pk)})
    export = (
        answer.text.partition('href="/api/v1/campaigns/birds/audit/export/')[2].partition('"')[0].replace("&amp;", "&")
    )
    lines = b"".join(ines.get(f"/api/v1/campaigns/birds/audit/export/{export}").streaming_content).splitlines()
    assert [json.loads(line)["id"] for line in lines] == [event["id"] for event in answer.context["events"]]
    assert len(lines) == 1


def test_htmx_gets_the_events_alone(ines):
    answer = ines.get(HERE, {"action": "member.added"}, headers={**HTMX, "HX-Target": "events"})
    assert answer.text.startswith('<div id="events">')


def test_long_audit_goes_on_where_it_stopped_with_its_filters(ines, campaign):
    AuditEvent.objects.bulk_create(
        AuditEvent(campaign=campaign, action="import.started", object_kind="import", object_id=str(number))
        for number in range(35)
    )
    first = ines.get(HERE, {"action": "import.started"})
    assert [event["object"]["id"] for event in first.context["events"]] == [str(n) for n in range(34, 4, -1)]
    second = ines.get(HERE + first.context["part"].older)
    assert [event["object"]["id"] for event in second.context["events"]] == ["4", "3", "2", "1", "0"]


def test_event_of_any_shape_is_shown(ines, campaign):
    odd = {
        "languages": 3,
        "kinds": "rank",
        "release": None,
        "state": "odd",
        "role": "king",
        "x": [1, {"y": None}],
        "text": "a",
        "targets": [],
    }
    for action in ("unheard.of", "token.created"):
        AuditEvent.objects.create(
            campaign=campaign, action=action, object_kind="odd", object_id="?&<", before=odd, after={"text": None}
        )
    page = ines.get(HERE)
    assert (page.status_code, "unheard.of" in page.text, "odd ?&amp;&lt;" in page.text) == (200, True, True)


@pytest.mark.parametrize("rows", [1, 3])
def test_page_costs_the_same_whatever_its_length(ines, campaign, rows, django_assert_num_queries):
    AuditEvent.objects.bulk_create(
        AuditEvent(
            campaign=campaign, actor=make_person(f"p{number}"), action="import.started", object_kind="import",
            object_id=str(number), created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for number in range(rows)
    )  # fmt: skip
    with django_assert_num_queries(4):
        assert len(actions(ines.get(HERE, {"action": "import.started"}))) == rows
