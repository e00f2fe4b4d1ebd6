"""Who I am, my languages, the terms and my consent; tokens; guests."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from annotate.models import Annotator, ApiToken, AuditEvent, Consent, Membership, User
from annotate.services.guests import create_guest
from annotate.services.terms import CURRENT_TERMS, TERMS
from annotate.services.tokens import MAX_TOKENS, create_token
from tests.api.helpers import details, refusal
from tests.loop import make_campaign

pytestmark = pytest.mark.django_db
API = "/api/v1/"


@pytest.fixture
def guest(db) -> APIClient:
    make_campaign(guests=True)
    _, text = create_guest(languages=["de"], terms_version=CURRENT_TERMS, now=timezone.now())
    client = APIClient(headers={"Authorization": f"Bearer {text}"})
    client.token = text
    return client


# --- Me ---------------------------------------------------------------------------------------
def test_i_see_who_i_am(client_of_ada):
    Membership.objects.create(campaign=make_campaign(), user=client_of_ada.owner, role="moderator")
    assert client_of_ada.get(f"{API}me/").json() == {
        "id": client_of_ada.owner.pk,
        "email": "ada@example.org",
        "display_name": "",
        "interface_language": "en",
        "is_guest": False,
        "is_administrator": False,
        "is_suspended": False,
        "languages": [],
        "roles": [{"campaign": "birds", "role": "moderator"}],
        "scopes": ["annotate", "organize", "read"],
        "terms": {"accepted": CURRENT_TERMS, "current": CURRENT_TERMS},
    }


def test_a_guest_sees_who_they_are(guest):
    assert guest.get(f"{API}me/").json() == {
        "id": None,
        "email": None,
        "display_name": "",
        "interface_language": "en",
        "is_guest": True,
        "is_administrator": False,
        "is_suspended": False,
        "languages": ["de"],
        "roles": [],
        "scopes": ["annotate"],
        "terms": {"accepted": CURRENT_TERMS, "current": CURRENT_TERMS},
    }


@pytest.mark.parametrize("roles", [1, 3])
def test_what_i_see_takes_the_same_queries_however_many_my_roles(client_of_ada, django_assert_num_queries, roles):
    for place in range(roles):
        Membership.objects.create(campaign=make_campaign(slug=f"c{place}"), user=client_of_ada.owner, role="organizer")
    client_of_ada.get(f"{API}me/")
    with django_assert_num_queries(4):
        assert len(client_of_ada.get(f"{API}me/").json()["roles"]) == roles


def test_i_change_what_i_say_about_myself(client_of_ada):
    changed = client_of_ada.patch(f"{API}me/", {"display_name": " Ada ", "interface_language": "pt_br"}).json()
    assert (changed["display_name"], changed["interface_language"]) == ("Ada", "pt-BR")
    client_of_ada.patch(f"{API}me/", {"display_name": ""})
    assert User.objects.values_list("display_name", "interface_language").get() == ("", "pt-BR")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"display_name": 3}, "display_name"),
        ({"display_name": None}, "display_name"),
        ({"display_name": "x" * 81}, "display_name"),
        ({"interface_language": "klingon-language"}, "languages"),
        ({"email": "other@example.org"}, "email"),
        ({"is_administrator": True}, "is_administrator"),
        ([], "non_field_errors"),
        ("x", "non_field_errors"),
    ],
)
def test_what_is_no_profile_is_refused_by_field(client_of_ada, body, field):
    response = client_of_ada.patch(f"{API}me/", body)
    assert refusal(response)[0] == 422
    assert list(details(response)) == [field]


def test_a_guest_has_no_profile(guest):
    assert refusal(guest.patch(f"{API}me/", {"display_name": "x"})) == (403, "account_needed")


def test_a_token_that_reads_changes_nothing(make_client):
    reader = make_client("ada", scopes=("read",))
    assert reader.get(f"{API}me/").status_code == 200
    refused = [
        reader.patch(f"{API}me/", {}),
        reader.put(f"{API}me/languages/", {"languages": []}),
        reader.post(f"{API}me/consent/", {"terms_version": CURRENT_TERMS}),
        reader.delete(f"{API}me/consent/"),
        reader.post(f"{API}tokens/", {"scopes": ["read"]}),
        reader.delete(f"{API}tokens/1/"),
        reader.post(f"{API}me/merge-guest/", {"device_token": "x"}),
    ]
    assert {refusal(response) for response in refused} == {(403, "scope_missing")}


# --- Languages --------------------------------------------------------------------------------
def test_my_languages_are_replaced_as_a_whole(client_of_ada):
    put = client_of_ada.put(f"{API}me/languages/", {"languages": ["PT_br", "de", "de"]})
    assert (put.status_code, put.json()) == (200, {"languages": ["de", "pt-BR"]})
    assert client_of_ada.put(f"{API}me/languages/", {"languages": ["de", "fr"]}).json() == {"languages": ["de", "fr"]}
    assert client_of_ada.get(f"{API}me/languages/").json() == {"languages": ["de", "fr"]}
    assert client_of_ada.put(f"{API}me/languages/", {"languages": []}).json() == {"languages": []}


def test_a_guest_has_languages_too(guest):
    assert guest.put(f"{API}me/languages/", {"languages": ["en"]}).json() == {"languages": ["en"]}


@pytest.mark.parametrize("languages", [["english!"], [""], ["e"], [7], [None], "en", None, ["en"] * 41])
def test_what_is_no_language_is_refused(client_of_ada, languages):
    response = client_of_ada.put(f"{API}me/languages/", {"languages": languages})
    assert refusal(response)[0] == 422
    assert list(details(response)) == ["languages"]


# --- Terms and consent ------------------------------------------------------------------------
def test_the_terms_are_there_for_everyone(client):
    assert client.get(f"{API}terms/").json() == {
        "version": CURRENT_TERMS,
        "summary": TERMS[CURRENT_TERMS].summary,
        "text": TERMS[CURRENT_TERMS].text,
    }


def test_accepting_the_terms_stores_consent_once(make_client):
    client = make_client("bob", with_terms=False)
    assert client.get(f"{API}me/consent/").json()["accepted"] is None
    for _ in range(2):
        answer = client.post(f"{API}me/consent/", {"terms_version": CURRENT_TERMS}).json()
    given = Consent.objects.get()
    assert answer["accepted"] == CURRENT_TERMS
    assert [row["terms_version"] for row in answer["given"]] == [given.terms_version]
    assert Annotator.objects.get().accepted_terms == CURRENT_TERMS


def test_consent_can_be_withdrawn_and_given_again(client_of_ada):
    assert client_of_ada.delete(f"{API}me/consent/").status_code == 204
    assert client_of_ada.delete(f"{API}me/consent/").status_code == 204
    assert client_of_ada.get(f"{API}me/").json()["terms"]["accepted"] is None
    client_of_ada.post(f"{API}me/consent/", {"terms_version": CURRENT_TERMS})
    given = client_of_ada.get(f"{API}me/consent/").json()["given"]
    assert [row["withdrawn_at"] is None for row in given] == [True, False]


@pytest.mark.parametrize(
    ("body", "code"),
    [({"terms_version": "1999"}, "terms_unknown"), ({}, "invalid_input"), ({"terms_version": 1}, "invalid_input")],
)
def test_consent_to_what_is_not_in_force_is_none(client_of_ada, body, code):
    assert refusal(client_of_ada.post(f"{API}me/consent/", body)) == (422, code)


# --- Tokens -----------------------------------------------------------------------------------
def test_a_token_is_shown_once_and_works(client_of_ada):
    made = client_of_ada.post(f"{API}tokens/", {"name": "laptop", "scopes": ["read"]})
    assert (made.status_code, made.json()["scopes"], made.json()["name"]) == (201, ["read"], "laptop")
    text = made.json()["token"]
    assert APIClient(headers={"Authorization": f"Bearer {text}"}).get(f"{API}me/").json()["scopes"] == ["read"]
    listed = client_of_ada.get(f"{API}tokens/")
    assert [row["name"] for row in listed.json()["results"]] == ["laptop", "tests"]
    assert text not in listed.content.decode()
    assert set(listed.json()["results"][0]) == {
        "id", "name", "hint", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at"
    }  # fmt: skip


def test_making_and_revoking_a_token_is_in_the_audit(client_of_ada):
    before = AuditEvent.objects.count()
    made = client_of_ada.post(f"{API}tokens/", {"scopes": ["read"]}).json()
    client_of_ada.delete(f"{API}tokens/{made['id']}/")
    client_of_ada.delete(f"{API}tokens/{made['id']}/")
    events = AuditEvent.objects.order_by("pk")[before:]
    assert [(event.action, event.object_id, event.actor_id) for event in events] == [
        ("token.created", str(made["id"]), client_of_ada.owner.pk),
        ("token.revoked", str(made["id"]), client_of_ada.owner.pk),
    ]
    assert made["token"] not in str([(event.before, event.after) for event in events])


def test_a_revoked_token_ends_at_once(client_of_ada):
    made = client_of_ada.post(f"{API}tokens/", {"scopes": ["read"]}).json()
    client = APIClient(headers={"Authorization": f"Bearer {made['token']}"})
    assert client.get(f"{API}me/").status_code == 200
    assert client_of_ada.delete(f"{API}tokens/{made['id']}/").status_code == 204
    assert refusal(client.get(f"{API}me/")) == (401, "token_revoked")


def test_a_token_that_expires_says_when(client_of_ada):
    end = timezone.now() + timedelta(days=3)
    made = client_of_ada.post(f"{API}tokens/", {"scopes": ["read"], "expires_at": end.isoformat()}).json()
    assert ApiToken.objects.get(pk=made["id"]).expires_at == end


def test_a_token_makes_none_that_may_do_more(make_client):
    client = make_client("ada", scopes=("annotate",))
    response = client.post(f"{API}tokens/", {"scopes": ["annotate", "organize", "read"]})
    assert (refusal(response), details(response)) == ((403, "scope_missing"), {"needed": ["organize", "read"]})


@pytest.mark.parametrize(("name", "given"), [("root", {"is_administrator": True}), ("bob", {})])
def test_the_scope_admin_is_for_administrators(make_client, name, given):
    client = make_client(name, scopes=("admin",) if given else ("organize",), **given)
    response = client.post(f"{API}tokens/", {"scopes": ["admin"]})
    assert response.status_code == (201 if given else 403)
    if not given:
        assert refusal(response) == (403, "administrators_only")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": ["read"], "name": "x" * 81}, "name"),
        ({"scopes": ["read"], "name": None}, "name"),
        ({"scopes": ["read"], "expires_at": "tomorrow"}, "expires_at"),
        ({"scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"scopes": ["read"], "expires_at": 5}, "expires_at"),
        ({"scopes": ["read"], "user": 1}, "user"),
    ],
)
def test_what_is_no_token_is_refused_by_field(client_of_ada, body, field):
    response = client_of_ada.post(f"{API}tokens/", body)
    assert refusal(response) == (422, "invalid_input")
    assert list(details(response)) == [field]


@pytest.mark.parametrize("key", [0, 10**30])
def test_a_token_that_is_not_there_is_not_found(client_of_ada, key):
    assert refusal(client_of_ada.delete(f"{API}tokens/{key}/")) == (404, "token_not_found")


def test_anothers_token_is_not_found(client_of_ada, make_client):
    theirs = ApiToken.objects.get(user=make_client("bob").owner)
    assert refusal(client_of_ada.delete(f"{API}tokens/{theirs.pk}/")) == (404, "token_not_found")
    assert ApiToken.objects.get(pk=theirs.pk).revoked_at is None


def test_nobody_piles_up_tokens(client_of_ada):
    for place in range(MAX_TOKENS - 1):
        ApiToken.objects.create(
            user=client_of_ada.owner, name=str(place), token_hash=str(place).encode(), hint="x", scopes=["read"]
        )
    assert refusal(client_of_ada.post(f"{API}tokens/", {"scopes": ["read"]})) == (403, "too_many_tokens")
    ApiToken.objects.filter(name="0").update(expires_at=timezone.now())
    assert client_of_ada.post(f"{API}tokens/", {"scopes": ["read"]}).status_code == 201


@pytest.mark.parametrize("tokens", [1, 3])
def test_the_list_of_tokens_takes_two_queries_whatever_its_length(client_of_ada, django_assert_num_queries, tokens):
    for _ in range(tokens - 1):
        create_token(
            user=client_of_ada.owner, name="", scopes=["read"], expires_at=None, actor=None, now=timezone.now()
        )
    client_of_ada.get(f"{API}tokens/")
    with django_assert_num_queries(2):
        assert len(client_of_ada.get(f"{API}tokens/").json()["results"]) == tokens


def test_a_list_comes_in_pages_that_miss_nothing(client_of_ada):
    for place in range(6):
        create_token(
            user=client_of_ada.owner, name=str(place), scopes=["read"], expires_at=None, actor=None, now=timezone.now()
        )
    names, cursor = [], ""
    while cursor is not None:
        page = client_of_ada.get(f"{API}tokens/?limit=3" + (f"&cursor={cursor}" if cursor else "")).json()
        names.append([row["name"] for row in page["results"]])
        cursor = page["next"]
    assert names == [["5", "4", "3"], ["2", "1", "0"], ["tests"]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=" + "x" * 65, "cursor"),
        ("cursor=", "cursor"),
        ("limit=", "limit"),
        ("cursor=%00", "cursor"),
        ("cursor=!!!", "cursor"),
        ("cursor=Zm9v", "cursor"),
        ("cursor=OTk5OTk5OTk5OTk5OTk5OTk5OQ", "cursor"),
        ("page=2", "page"),
    ],
)
def test_what_is_no_page_is_refused(client_of_ada, query, field):
    response = client_of_ada.get(f"{API}tokens/?{query}")
    assert refusal(response)[0] == 422
    assert list(details(response)) == [field]


def test_guests_have_no_tokens(guest):
    assert refusal(guest.post(f"{API}tokens/", {"scopes": ["annotate"]})) == (403, "account_needed")
    assert refusal(guest.get(f"{API}tokens/")) == (403, "account_needed")


# --- Guests -----------------------------------------------------------------------------------
def test_a_guest_needs_no_account(client):
    make_campaign(guests=True)
    made = APIClient().post(f"{API}guests/", {"languages": ["de"], "terms_version": CURRENT_TERMS})
    assert made.status_code == 201
    text = made.json().pop("device_token")
    assert {**made.json(), "device_token": None} == {"device_token": None, "languages": ["de"], "scopes": ["annotate"]}
    guest = APIClient(headers={"Authorization": f"Bearer {text}"})
    assert guest.get(f"{API}me/").json()["is_guest"] is True


def test_a_guest_is_made_whoever_is_signed_in(client_of_ada):
    make_campaign(guests=True)
    assert client_of_ada.post(f"{API}guests/", {"terms_version": CURRENT_TERMS}).status_code == 201


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"languages": ["de"]}, (422, "invalid_input")),
        ({"languages": ["german?"], "terms_version": CURRENT_TERMS}, (422, "language_unknown")),
        ({"languages": "de", "terms_version": CURRENT_TERMS}, (422, "invalid_input")),
        ({"terms_version": "1999"}, (422, "terms_unknown")),
        ({"terms_version": CURRENT_TERMS, "name": "x"}, (422, "invalid_input")),
    ],
)
def test_what_is_no_guest_is_refused(body, expected):
    make_campaign(guests=True)
    assert refusal(APIClient().post(f"{API}guests/", body)) == expected
    assert not Annotator.objects.exists()


def test_no_guest_where_no_campaign_takes_them():
    make_campaign()
    body = {"terms_version": CURRENT_TERMS}
    assert refusal(APIClient().post(f"{API}guests/", body)) == (403, "guests_not_allowed")


def test_a_guest_is_merged_into_my_account(client_of_ada, guest):
    merged = client_of_ada.post(f"{API}me/merge-guest/", {"device_token": guest.token})
    assert (merged.status_code, merged.json()) == (200, {"moved": 0, "voided": 0, "released": 0})
    assert refusal(guest.get(f"{API}me/")) == (401, "guest_merged")


def test_a_guest_cannot_merge_another(guest):
    body = {"device_token": guest.token}
    assert refusal(guest.post(f"{API}me/merge-guest/", body)) == (403, "account_needed")


@pytest.mark.parametrize("token", ["chorus-guest_" + "x" * 43, "x"])
def test_an_unknown_guest_is_not_found(client_of_ada, token):
    assert refusal(client_of_ada.post(f"{API}me/merge-guest/", {"device_token": token})) == (404, "guest_not_found")


@pytest.mark.parametrize("token", [7, None, "", "x" * 101])
def test_what_is_no_device_token_is_refused(client_of_ada, token):
    assert refusal(client_of_ada.post(f"{API}me/merge-guest/", {"device_token": token})) == (422, "invalid_input")
