"""Roles in a campaign: given, changed and taken away, each told; somebody always runs it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from annotate.exceptions import Conflict, NotFound
from annotate.models import AuditEvent, Membership, User
from annotate.services.memberships import remove_member, set_member
from tasks.vocabulary import CampaignRole
from tests.loop import make_campaign

pytestmark = pytest.mark.django_db

ORGANIZER, MODERATOR = CampaignRole.ORGANIZER, CampaignRole.MODERATOR


def make_user(name: str) -> User:
    return User.objects.create(email=f"{name}@example.org")


def roles() -> dict[str, str]:
    return dict(Membership.objects.values_list("user__email", "role"))


def told() -> list[tuple]:
    return list(AuditEvent.objects.order_by("id").values_list("action", "object_id", "before", "after", "reason"))


def test_a_role_is_given_by_address_whatever_its_case():
    campaign, user = make_campaign(), make_user("olga")
    member, is_new = set_member(
        campaign=campaign, email=" Olga@Example.org ", role=MODERATOR, actor=None, reason="She knows birds."
    )
    assert (member.user, member.role, is_new) == (user, "moderator", True)
    assert told() == [("member.added", str(user.pk), None, {"role": "moderator"}, "She knows birds.")]


def test_a_role_is_changed_and_the_same_one_again_is_no_change():
    campaign, user = make_campaign(), make_user("olga")
    set_member(campaign=campaign, email=user.email, role=MODERATOR, actor=None)
    assert set_member(campaign=campaign, email=user.email, role=ORGANIZER, actor=None)[1] is False
    set_member(campaign=campaign, email=user.email, role=ORGANIZER, actor=None)
    assert roles() == {"olga@example.org": "organizer"}
    assert [action for action, *_ in told()] == ["member.added", "member.changed"]
    assert told()[1][2:4] == ({"role": "moderator"}, {"role": "organizer"})


@pytest.mark.parametrize("is_active", [None, False])
def test_somebody_who_is_not_here_is_not_found(is_active):
    if is_active is False:
        User.objects.create(email="olga@example.org", is_active=False)
    with pytest.raises(NotFound) as refused:
        set_member(campaign=make_campaign(), email="olga@example.org", role=MODERATOR, actor=None)
    assert refused.value.code == "user_not_found"


def test_a_role_is_taken_away_and_told():
    campaign, user = make_campaign(), make_user("olga")
    set_member(campaign=campaign, email=user.email, role=MODERATOR, actor=None)
    remove_member(campaign=campaign, user_id=user.pk, actor=None, reason="Thank you.")
    assert roles() == {}
    assert told()[1] == ("member.removed", str(user.pk), {"role": "moderator"}, None, "Thank you.")


def test_whoever_has_no_role_cannot_lose_one():
    campaign, other = make_campaign(), make_campaign(slug="bees")
    user = make_user("olga")
    set_member(campaign=other, email=user.email, role=MODERATOR, actor=None)
    with pytest.raises(NotFound) as refused:
        remove_member(campaign=campaign, user_id=user.pk, actor=None)
    assert (refused.value.code, roles()) == ("member_not_found", {"olga@example.org": "moderator"})


def test_the_last_organizer_stays():
    campaign, user = make_campaign(), make_user("olga")
    set_member(campaign=campaign, email=user.email, role=ORGANIZER, actor=None)
    with pytest.raises(Conflict) as refused:
        remove_member(campaign=campaign, user_id=user.pk, actor=None)
    assert refused.value.code == "last_organizer"
    with pytest.raises(Conflict) as refused:
        set_member(campaign=campaign, email=user.email, role=MODERATOR, actor=None)
    assert (refused.value.code, roles()) == ("last_organizer", {"olga@example.org": "organizer"})


@pytest.mark.django_db(transaction=True)
def test_organizers_who_remove_each_other_at_once_leave_one():
    campaign = make_campaign()
    users = [make_user(name) for name in ("a", "b", "c", "d")]
    for user in users:
        set_member(campaign=campaign, email=user.email, role=ORGANIZER, actor=None)

    def remove(user: User) -> str:
        try:
            remove_member(campaign=campaign, user_id=user.pk, actor=None)
        except Conflict as refusal:
            return refusal.code
        finally:
            connection.close()
        return "removed"

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(remove, users))
    assert answers == ["last_organizer", "removed", "removed", "removed"]
    assert Membership.objects.count() == 1
