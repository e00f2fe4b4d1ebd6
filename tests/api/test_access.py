"""The check of a permission is the fetch: who reaches which campaign, in which role, with which scope."""

from __future__ import annotations

import pytest

from annotate.access import (
    ALL_SCOPES,
    ANONYMOUS,
    Actor,
    get_campaign_for,
    require_account,
    require_administrator,
    require_annotator,
    require_scope,
)
from annotate.exceptions import ChorusError, NotAllowed, NotFound, NotSignedIn
from annotate.models import Campaign, Membership, User
from tasks.vocabulary import CampaignRole, Scope
from tests.api.helpers import refusal
from tests.loop import make_campaign

pytestmark = pytest.mark.django_db
GUEST = Actor(annotator_id=7, scopes=frozenset({"annotate"}))


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign()


def actor(user: User, *scopes: str) -> Actor:
    return Actor(user=user, annotator_id=user.annotator.pk, scopes=frozenset(scopes) if scopes else None)


def reach(who: Actor, role: CampaignRole | None = None) -> str:
    """`reached`, or the code of the refusal."""
    try:
        return "reached" if get_campaign_for(who, "birds", role).slug == "birds" else "another"
    except ChorusError as refused:
        return refused.code


REACH = {
    None: {"annotator", "moderator", "organizer", "stranger", "administrator"},
    CampaignRole.ANNOTATOR: {"annotator", "moderator", "organizer", "administrator"},
    CampaignRole.MODERATOR: {"moderator", "organizer", "administrator"},
    CampaignRole.ORGANIZER: {"organizer", "administrator"},
}


@pytest.mark.parametrize("wanted", REACH)
@pytest.mark.parametrize("who", ["annotator", "moderator", "organizer", "stranger", "administrator"])
def test_a_role_includes_those_below_it(campaign, make_user, who, wanted):
    user = make_user(who, is_administrator=who == "administrator")
    if who in set(CampaignRole):
        Membership.objects.create(campaign=campaign, user=user, role=who)
    assert reach(actor(user), wanted) == ("reached" if who in REACH[wanted] else "role_missing")


@pytest.mark.parametrize("role", [None, *CampaignRole])
@pytest.mark.parametrize("who", ["stranger", "guest", "nobody"])
def test_a_draft_is_not_there_for_those_outside_of_it(campaign, make_user, who, role):
    Campaign.objects.update(state="draft")
    found = {"stranger": actor(make_user()), "guest": GUEST, "nobody": ANONYMOUS}[who]
    assert reach(found, role) == "campaign_not_found"


@pytest.mark.parametrize("who", ["annotator", "moderator", "organizer", "administrator"])
def test_a_draft_is_there_for_members_and_administrators(campaign, make_user, who):
    Campaign.objects.update(state="draft")
    user = make_user(who, is_administrator=who == "administrator")
    if who in set(CampaignRole):
        Membership.objects.create(campaign=campaign, user=user, role=who)
    assert reach(actor(user)) == "reached"


def test_a_role_in_another_campaign_is_none_in_this_one(campaign, make_user):
    user = make_user()
    Membership.objects.create(campaign=make_campaign(slug="trees"), user=user, role="organizer")
    assert reach(actor(user), CampaignRole.MODERATOR) == "role_missing"


def test_a_campaign_that_is_not_there_is_not_found(make_user):
    assert reach(actor(make_user())) == "campaign_not_found"


def test_an_administrator_whose_account_is_closed_is_none(campaign, make_user):
    user = make_user(is_administrator=True)
    user.is_active = False
    assert reach(actor(user), CampaignRole.ORGANIZER) == "role_missing"


def test_the_fetch_with_its_check_and_what_comes_along_is_one_query(campaign, make_user, django_assert_num_queries):
    user = make_user()
    Membership.objects.create(campaign=campaign, user=user, role="organizer")
    with django_assert_num_queries(1):
        found = get_campaign_for(actor(user), "birds", CampaignRole.ORGANIZER, "guideline", "label_schema")
        assert (found.guideline.version, found.label_schema.version, found.actor_role) == (1, 1, "organizer")


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_covers_itself_and_admin_covers_all(make_user, scope):
    user = make_user()
    covered = {wanted for wanted in Scope if actor(user, scope).has_scope(wanted)}
    assert covered == (set(Scope) if scope == Scope.ADMIN else {scope})


def test_a_session_has_every_scope_and_nobody_has_none(make_user):
    assert (actor(make_user()).effective_scopes, ANONYMOUS.effective_scopes) == (ALL_SCOPES, frozenset())


def test_a_missing_scope_is_named(make_user):
    with pytest.raises(NotAllowed) as refused:
        require_scope(actor(make_user(), "read"), Scope.ORGANIZE, Scope.ANNOTATE)
    assert (refused.value.code, refused.value.details) == ("scope_missing", {"needed": ["organize", "annotate"]})


@pytest.mark.parametrize(("who", "error"), [(GUEST, NotAllowed), (ANONYMOUS, NotSignedIn)])
def test_an_account_is_needed_where_it_is_asked_for(who, error):
    with pytest.raises(error):
        require_account(who)


def test_a_guest_is_an_annotator_and_nobody_is_not():
    assert require_annotator(GUEST) == 7
    with pytest.raises(NotSignedIn):
        require_annotator(ANONYMOUS)


def test_an_administrators_token_needs_the_scope_admin(make_user):
    user = make_user(is_administrator=True)
    assert require_administrator(actor(user)) == user
    assert require_administrator(actor(user, "admin")) == user
    with pytest.raises(NotAllowed) as refused:
        require_administrator(actor(user, "organize"))
    assert refused.value.code == "scope_missing"


def test_an_ordinary_account_is_no_administrator(make_user):
    with pytest.raises(NotAllowed) as refused:
        require_administrator(actor(make_user()))
    assert refused.value.code == "administrators_only"


def test_what_a_stranger_may_not_see_and_what_is_not_there_read_alike(campaign, make_user):
    Campaign.objects.update(state="draft")
    stranger = actor(make_user())
    with pytest.raises(NotFound) as hidden:
        get_campaign_for(stranger, "birds")
    with pytest.raises(NotFound) as missing:
        get_campaign_for(stranger, "bards")
    assert hidden.value.message.replace("birds", "bards") == missing.value.message


CAMPAIGN = {"slug": "owls", "title": "Owls", "preset": "rank", "languages": ["en"], "redundancy": 3}


@pytest.mark.parametrize(("anybody", "status"), [(True, 201), (False, 403)])
def test_whoever_is_signed_in_makes_campaigns_unless_the_site_says_no(client_of_ada, settings, anybody, status):
    settings.OPEN_CAMPAIGNS = anybody
    response = client_of_ada.post("/api/v1/campaigns/", CAMPAIGN)
    assert response.status_code == status
    roles = list(Membership.objects.filter(user=client_of_ada.owner).values_list("campaign__slug", "role"))
    assert roles == ([("owls", "organizer")] if anybody else [])


def test_an_administrator_makes_campaigns_whatever_the_site_says(administrator, settings):
    settings.OPEN_CAMPAIGNS = False
    assert administrator.post("/api/v1/campaigns/", CAMPAIGN).status_code == 201


def test_a_token_without_the_scope_organize_makes_no_campaign(make_client):
    response = make_client("ada", scopes=("annotate", "read")).post("/api/v1/campaigns/", CAMPAIGN)
    assert refusal(response) == (403, "scope_missing")
