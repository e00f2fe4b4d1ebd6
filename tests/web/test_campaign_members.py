"""Roles are given, changed and taken away, and somebody always runs the campaign."""

from __future__ import annotations

import pytest

from annotate.models import AuditEvent, Membership
from tests.web.organizing import make_person, make_run, sign_in

pytestmark = pytest.mark.django_db

HERE = "/campaigns/birds/members/"


@pytest.fixture
def campaign():
    return make_run()


@pytest.fixture
def ines(campaign):
    return sign_in("ines")


def roles():
    return {member.user.email.partition("@")[0]: member.role for member in Membership.objects.select_related("user")}


def last_event():
    return AuditEvent.objects.order_by("-pk").first()


def test_account_is_added_changed_and_removed(ines):
    otto = make_person("otto")
    assert ines.post(HERE, {"email": " Otto@Example.org ", "role": "moderator", "reason": "Helps."}).status_code == 302
    assert (roles(), last_event().action, last_event().reason) == (
        {"ines": "organizer", "otto": "moderator"},
        "member.added",
        "Helps.",
    )
    ines.post(HERE, {"email": "otto@example.org", "role": "organizer"})
    assert (roles()["otto"], last_event().action) == ("organizer", "member.changed")
    answer = ines.post(f"{HERE}{otto.pk}/remove/")
    assert (answer.status_code, roles(), last_event().action) == (302, {"ines": "organizer"}, "member.removed")


@pytest.mark.parametrize(
    ("sent", "field", "status"),
    [
        ({"email": "nobody@example.org", "role": "moderator"}, "email", 404),
        ({"email": "", "role": "moderator"}, "email", 404),
        ({"email": "ines@example.org", "role": "moderator"}, "role", 409),
        ({"email": "ines@example.org", "role": "king"}, "role", 422),
    ],
)
def test_what_cannot_be_is_told_at_its_field(ines, sent, field, status):
    answer = ines.post(HERE, sent)
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (status, [field])
    assert (roles(), f'value="{sent["email"]}"' in answer.text) == ({"ines": "organizer"}, True)


def test_last_organizer_does_not_leave(ines):
    answer = ines.post(f"{HERE}{make_person('ines').pk}/remove/")
    assert (answer.status_code, roles()) == (409, {"ines": "organizer"})
    assert "only organizer" in answer.text


def test_organizer_may_leave_when_another_one_stays(ines):
    make_person("otto")
    ines.post(HERE, {"email": "otto@example.org", "role": "organizer"})
    answer = ines.post(f"{HERE}{make_person('ines').pk}/remove/")
    assert (answer["Location"], roles()) == ("/campaigns/", {"otto": "organizer"})


def test_who_makes_themselves_less_is_not_sent_to_a_page_they_may_not_see(ines):
    make_person("otto")
    ines.post(HERE, {"email": "otto@example.org", "role": "organizer"})
    assert ines.post(HERE, {"email": "ines@example.org", "role": "annotator"})["Location"] == "/campaigns/"


def test_moderator_may_give_up_their_own_role(ines, campaign):
    otto = make_person("otto")
    ines.post(HERE, {"email": "otto@example.org", "role": "moderator"})
    assert sign_in("otto").post(f"{HERE}{otto.pk}/remove/").status_code == 302
    assert roles() == {"ines": "organizer"}


def test_person_without_a_role_is_not_removed(ines):
    assert ines.post(f"{HERE}{make_person('otto').pk}/remove/").status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
def test_list_costs_the_same_whatever_its_length(ines, campaign, rows, django_assert_num_queries):
    for number in range(rows - 1):
        Membership.objects.create(campaign=campaign, user=make_person(f"p{number}"), role="moderator")
    with django_assert_num_queries(3):
        assert len(ines.get(HERE).context["members"]) == rows
