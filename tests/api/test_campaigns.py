"""Campaigns over HTTP: the spine that others build on, who may do what, and what nobody is told."""

from __future__ import annotations

import pytest

from annotate.models import AuditEvent, Campaign, CampaignGenerator, Generator, Membership
from tasks.records.parameters import NAMES
from tests.api.conftest import API

pytestmark = pytest.mark.django_db

BIRDS = {"slug": "birds", "title": "Birds", "preset": "rank", "languages": ["en"], "redundancy": 3}


def make(client, **values):
    answer = client.post(f"{API}campaigns/", {**BIRDS, **values})
    assert answer.status_code == 201, answer.json()
    return answer.json()


def error(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# --- Growing trees ------------------------------------------------------------------------------


def test_trees_grow_where_the_preset_says_so_unless_it_is_said_otherwise(client_of_ada):
    made = make(client_of_ada, preset="trees")
    assert (made["parameters"]["grow_trees"], "write_prompt" in made["kinds"], "write_pair" in made["kinds"]) == (
        True,
        True,
        False,
    )
    simple = [row["name"] for row in made["label_schema"]["dimensions"] if row["simple"]]
    assert simple == ["spam", "lang_mismatch", "quality"]
    assert make(client_of_ada, slug="fish", preset="trees", grow_trees=False)["parameters"]["grow_trees"] is False


def test_parameters_of_growing_trees_are_read_and_changed_like_all_others(client_of_ada):
    make(client_of_ada)
    said = {"grow_trees": True, "min_goal_tree_size": 5, "full_label_share_prompter": 0.5, "report_limit": 2}
    answer = client_of_ada.patch(f"{API}campaigns/birds/", {"parameters": said})
    assert {name: answer.json()["parameters"][name] for name in said} == said
    wrong = client_of_ada.patch(f"{API}campaigns/birds/", {"max_reviews": 1, "min_goal_tree_size": 99, "pair_share": 2})
    assert error(wrong) == (422, "campaign_invalid")
    assert list(wrong.json()["error"]["details"]) == ["pair_share"]
    between = client_of_ada.patch(f"{API}campaigns/birds/", {"max_reviews": 1, "min_goal_tree_size": 99})
    assert sorted(between.json()["error"]["details"]) == ["max_reviews", "min_goal_tree_size"]
    together = {"max_reviews": 1, "min_reviews": 1, "min_goal_tree_size": 99, "goal_tree_size": 100}
    assert client_of_ada.patch(f"{API}campaigns/birds/", together).status_code == 200
    assert client_of_ada.patch(f"{API}campaigns/birds/", {"min_goal_tree_size": 50}).status_code == 200


# --- Making and reading -----------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["rank", "compare", "trees", "label"])
def test_a_campaign_is_made_opened_and_read(client_of_ada, preset):
    made = make(client_of_ada, preset=preset)
    assert (made["slug"], made["state"], made["parameters"]["redundancy"], made["role"]) == (
        "birds",
        "draft",
        3,
        "organizer",
    )
    opened = client_of_ada.patch(f"{API}campaigns/birds/", {"state": "open"})
    assert (opened.status_code, opened.json()["state"]) == (200, "open")
    read = client_of_ada.get(f"{API}campaigns/birds/")
    assert (read.status_code, read.json()) == (200, opened.json())


def test_the_answer_says_everything_of_a_campaign(client_of_ada):
    made = make(
        client_of_ada,
        languages=["en", "PT-br"],
        targets=[{"language": "en", "topic": "song", "judgments": 5}],
        release={"schedule": "target", "target": 40},
        guideline={"text": "Rank.", "examples": [{"title": "One"}]},
        label_schema={"dimensions": [{"name": "spam", "title": "Spam?", "widget": "yes_no"}]},
        purpose="Song",
    )
    assert sorted(made.pop("parameters")) == sorted(NAMES)
    for when in ("created_at", "state_changed_at"):
        assert made.pop(when).endswith("Z")
    for part in ("guideline", "label_schema"):
        assert made[part].pop("created_at").endswith("Z")
    assert made == {
        "slug": "birds",
        "title": "Birds",
        "purpose": "Song",
        "licence": "CC-BY-4.0",
        "preset": "rank",
        "state": "draft",
        "languages": ["en", "pt-BR"],
        "kinds": ["rank"],
        "allow_guests": False,
        "role": "organizer",
        "parameters_version": 1,
        "guideline": {"version": 1, "text": "Rank.", "examples": [{"title": "One"}]},
        "label_schema": {
            "version": 1,
            "dimensions": [
                {
                    "name": "spam",
                    "title": "Spam?",
                    "widget": "yes_no",
                    "applies_to": ["prompter", "assistant"],
                    "anchors": [],
                    "mandatory": False,
                    "simple": False,
                }
            ],
        },
        "targets": [{"language": "en", "topic": "song", "judgments": 5}],
        "generators": [],
        "output_terms": [],
        "model_licences": [],
        "release": {"schedule": "target", "target": 40, "next_release_at": None},
    }


def test_what_is_wrong_is_told_at_once_and_nothing_is_made(client_of_ada):
    answer = client_of_ada.post(f"{API}campaigns/", {"slug": "Birds", "preset": "ranks", "titel": "Birds"})
    assert error(answer) == (422, "campaign_invalid")
    assert list(answer.json()["error"]["details"]) == ["titel", "slug", "preset"]
    assert (Campaign.objects.count(), AuditEvent.objects.filter(object_kind="campaign").count()) == (0, 0)


@pytest.mark.parametrize("body", ["[]", '"birds"', "3", "null", '[{"slug": "birds"}]'])
def test_a_body_that_is_no_object_is_refused(client_of_ada, body):
    answer = client_of_ada.post(f"{API}campaigns/", body, content_type="application/json")
    assert error(answer) == (422, "invalid_input")


def test_a_slug_is_taken_once(client_of_ada, make_client):
    make(client_of_ada)
    assert error(make_client("bob").post(f"{API}campaigns/", BIRDS)) == (409, "slug_taken")


def test_a_campaign_that_is_not_ready_is_not_made(client_of_ada):
    make(client_of_ada)
    client_of_ada.patch(f"{API}campaigns/birds/", {"state": "open"})
    answer = client_of_ada.patch(f"{API}campaigns/birds/", {"state": "draft"})
    assert error(answer) == (409, "state_not_reachable")


# --- Changing ---------------------------------------------------------------------------------


def test_a_change_is_made_told_and_answered(client_of_ada):
    make(client_of_ada)
    answer = client_of_ada.patch(
        f"{API}campaigns/birds/",
        {"title": "All birds", "parameters": {"daily_cap": 9}, "guideline": "Second.", "reason": "More voices."},
    ).json()
    assert (answer["title"], answer["parameters"]["daily_cap"], answer["parameters_version"]) == ("All birds", 9, 2)
    assert (answer["guideline"]["version"], answer["guideline"]["text"]) == (2, "Second.")
    event = AuditEvent.objects.get(action="campaign.changed")
    assert (event.actor, event.before, event.after, event.reason) == (
        client_of_ada.owner,
        {"title": "Birds", "parameters.daily_cap": None},
        {"title": "All birds", "parameters.daily_cap": 9},
        "More voices.",
    )


def test_a_change_from_an_old_version_is_a_conflict_with_what_is_there(client_of_ada):
    make(client_of_ada)
    client_of_ada.patch(f"{API}campaigns/birds/", {"redundancy": 5})
    answer = client_of_ada.patch(f"{API}campaigns/birds/", {"redundancy": 4, "parameters_version": 1})
    assert error(answer) == (409, "parameters_changed")
    details = answer.json()["error"]["details"]
    assert (details["parameters_version"], details["parameters"]["redundancy"]) == (2, 5)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"parameters_version": "1"}, "parameters_version"),
        ({"parameters_version": True}, "parameters_version"),
        ({"reason": 3}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"slug": "bees"}, "slug"),
        ({"created_at": "2026-01-01T00:00:00Z"}, "created_at"),
    ],
)
def test_a_change_that_cannot_be_is_refused_at_its_place(client_of_ada, body, place):
    make(client_of_ada)
    answer = client_of_ada.patch(f"{API}campaigns/birds/", body)
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (422, [place])


@pytest.mark.parametrize("role", ["moderator", "annotator", None])
def test_only_organizers_change_a_campaign(client_of_ada, make_client, role):
    make(client_of_ada, state="open")
    bob = make_client("bob")
    if role:
        Membership.objects.create(campaign=Campaign.objects.get(), user=bob.owner, role=role)
    assert error(bob.patch(f"{API}campaigns/birds/", {"title": "Bees"})) == (403, "role_missing")
    assert Campaign.objects.get().title == "Birds"


def test_administrators_change_any_campaign(client_of_ada, administrator):
    make(client_of_ada)
    assert administrator.patch(f"{API}campaigns/birds/", {"title": "Bees"}).json()["title"] == "Bees"


@pytest.mark.parametrize("scopes", [("read",), ("annotate",)])
def test_a_token_without_the_scope_makes_and_changes_nothing(make_client, scopes):
    make(make_client("ada"))
    client = make_client("ada", scopes=scopes)
    assert error(client.post(f"{API}campaigns/", {**BIRDS, "slug": "bees"})) == (403, "scope_missing")
    assert error(client.patch(f"{API}campaigns/birds/", {"title": "Bees"})) == (403, "scope_missing")
    assert error(client.put(f"{API}campaigns/birds/members/", {})) == (403, "scope_missing")
    assert error(client.delete(f"{API}campaigns/birds/members/1/")) == (403, "scope_missing")


def test_a_campaign_that_is_not_there_is_not_found(client_of_ada):
    assert error(client_of_ada.get(f"{API}campaigns/bees/")) == (404, "campaign_not_found")
    assert error(client_of_ada.patch(f"{API}campaigns/bees/", {"title": "Bees"})) == (404, "campaign_not_found")


# --- Who sees what ----------------------------------------------------------------------------


def slugs(client, **query) -> list[str]:
    answer = client.get(f"{API}campaigns/", query)
    assert answer.status_code == 200, answer.json()
    return [row["slug"] for row in answer.json()["results"]]


def test_drafts_are_there_for_their_members_and_administrators_alone(client_of_ada, make_client, administrator):
    make(client_of_ada)
    make(client_of_ada, slug="bees", state="open")
    bob = make_client("bob")
    assert (slugs(client_of_ada), slugs(bob), slugs(administrator)) == (["bees", "birds"], ["bees"], ["bees", "birds"])
    assert error(bob.get(f"{API}campaigns/birds/")) == (404, "campaign_not_found")
    assert error(bob.get(f"{API}campaigns/birds/guideline/")) == (404, "campaign_not_found")


def test_campaigns_are_filtered(client_of_ada, make_client):
    make(client_of_ada, state="open", languages=["en", "de"])
    make(client_of_ada, slug="bees", preset="label", state="open")
    make(make_client("bob"), slug="newts", state="open", languages=["de"])
    assert slugs(client_of_ada, language="de") == ["newts", "birds"]
    assert slugs(client_of_ada, kind="label") == ["bees"]
    assert slugs(client_of_ada, mine="true") == ["bees", "birds"]
    client_of_ada.patch(f"{API}campaigns/bees/", {"state": "paused"})
    assert slugs(client_of_ada, state="paused") == ["bees"]
    assert slugs(client_of_ada, state="closed") == []


def test_campaigns_come_in_pages(client_of_ada):
    for number in range(5):
        make(client_of_ada, slug=f"birds-{number}")
    found, cursor = [], None
    while True:
        page = client_of_ada.get(f"{API}campaigns/", {"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        found.append([row["slug"] for row in page["results"]])
        cursor = page["next"]
        if cursor is None:
            break
    assert found == [["birds-4", "birds-3"], ["birds-2", "birds-1"], ["birds-0"]]


@pytest.mark.parametrize(
    "query", [{"state": "opened"}, {"kind": "ranks"}, {"cursor": "!"}, {"limit": 0}, {"sort": "x"}]
)
def test_a_filter_that_is_none_is_refused(client_of_ada, query):
    assert client_of_ada.get(f"{API}campaigns/", query).status_code == 422


def test_whoever_judges_is_never_told_which_generators_a_campaign_asks(client_of_ada, make_client):
    make(client_of_ada, state="open")
    generator = Generator.objects.create(
        name="canary-model", engine="openai", endpoint="http://127.0.0.1:1/v1", model="m"
    )
    CampaignGenerator.objects.create(campaign=Campaign.objects.get(), generator=generator, samples=2)
    told = [{"name": "canary-model", "samples": 2}]
    assert client_of_ada.get(f"{API}campaigns/birds/").json()["generators"] == told
    bob = make_client("bob")
    for path in ("", "birds/", "birds/guideline/"):
        assert "canary" not in bob.get(f"{API}campaigns/{path}").content.decode()
    Membership.objects.create(campaign=Campaign.objects.get(), user=bob.owner, role="annotator")
    assert bob.get(f"{API}campaigns/birds/").json()["generators"] is None
    Membership.objects.update(role="moderator")
    assert bob.get(f"{API}campaigns/birds/").json()["generators"] == told


# --- Versions ---------------------------------------------------------------------------------


def test_every_version_of_a_guideline_can_be_read(client_of_ada, make_client):
    make(client_of_ada, guideline="First.", state="open")
    client_of_ada.patch(f"{API}campaigns/birds/", {"guideline": "Second."})
    bob = make_client("bob", scopes=("annotate",))
    current = bob.get(f"{API}campaigns/birds/guideline/").json()
    assert (current["version"], current["text"], current["examples"], current["versions"]) == (2, "Second.", [], [2, 1])
    first = bob.get(f"{API}campaigns/birds/guideline/", {"version": 1}).json()
    assert (first["version"], first["text"]) == (1, "First.")
    assert error(bob.get(f"{API}campaigns/birds/guideline/", {"version": 3})) == (404, "version_not_found")


def test_every_version_of_a_label_schema_can_be_read(client_of_ada):
    make(client_of_ada, preset="label")
    dimension = {"name": "spam", "title": "Spam?", "widget": "flag"}
    client_of_ada.patch(f"{API}campaigns/birds/", {"label_schema": {"dimensions": [dimension]}})
    current = client_of_ada.get(f"{API}campaigns/birds/label-schema/").json()
    assert (current["version"], [d["name"] for d in current["dimensions"]], current["versions"]) == (
        2,
        ["spam"],
        [2, 1],
    )
    first = client_of_ada.get(f"{API}campaigns/birds/label-schema/", {"version": 1}).json()
    assert len(first["dimensions"]) > 5


def test_a_campaign_without_labels_has_no_label_schema(client_of_ada):
    make(client_of_ada)
    assert error(client_of_ada.get(f"{API}campaigns/birds/label-schema/")) == (404, "version_not_found")


# --- Members ----------------------------------------------------------------------------------


def test_members_are_added_changed_listed_and_removed(client_of_ada, make_client):
    make(client_of_ada)
    bob = make_client("bob")
    members = f"{API}campaigns/birds/members/"
    added = client_of_ada.put(members, {"email": "Bob@example.org", "role": "moderator", "reason": "Fair."})
    assert (added.status_code, added.json()["user"], added.json()["role"]) == (201, bob.owner.pk, "moderator")
    changed = client_of_ada.put(members, {"email": "bob@example.org", "role": "organizer"})
    assert (changed.status_code, changed.json()["role"]) == (200, "organizer")
    listed = client_of_ada.get(members).json()["results"]
    assert [(row["email"], row["role"]) for row in listed] == [
        ("ada@example.org", "organizer"),
        ("bob@example.org", "organizer"),
    ]
    assert client_of_ada.delete(f"{members}{bob.owner.pk}/").status_code == 204
    assert Membership.objects.count() == 1
    assert AuditEvent.objects.get(action="member.added", object_id=bob.owner.pk).reason == "Fair."


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"email": "nobody@example.org", "role": "moderator"}, (404, "user_not_found")),
        ({"email": "bob@example.org", "role": "king"}, (422, "invalid_input")),
        ({"email": "bob@example.org"}, (422, "invalid_input")),
        ({"email": "ada@example.org", "role": "moderator"}, (409, "last_organizer")),
    ],
)
def test_a_member_that_cannot_be_is_refused(client_of_ada, make_client, body, refused):
    make(client_of_ada)
    make_client("bob")
    assert error(client_of_ada.put(f"{API}campaigns/birds/members/", body)) == refused


def test_only_organizers_see_and_change_members(client_of_ada, make_client):
    make(client_of_ada, state="open")
    bob = make_client("bob")
    Membership.objects.create(campaign=Campaign.objects.get(), user=bob.owner, role="moderator")
    members = f"{API}campaigns/birds/members/"
    assert error(bob.get(members)) == (403, "role_missing")
    assert error(bob.put(members, {"email": "bob@example.org", "role": "organizer"})) == (403, "role_missing")
    assert error(bob.delete(f"{members}{client_of_ada.owner.pk}/")) == (403, "role_missing")
    assert Membership.objects.count() == 2


def test_anybody_may_give_up_their_own_role_but_the_last_organizer(client_of_ada, make_client):
    make(client_of_ada, state="open")
    bob = make_client("bob")
    Membership.objects.create(campaign=Campaign.objects.get(), user=bob.owner, role="moderator")
    members = f"{API}campaigns/birds/members/"
    assert bob.delete(f"{members}{bob.owner.pk}/").status_code == 204
    assert error(client_of_ada.delete(f"{members}{client_of_ada.owner.pk}/")) == (409, "last_organizer")
    assert error(client_of_ada.delete(f"{members}{10**30}/")) == (404, "member_not_found")


# --- Queries ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 3])
def test_a_list_of_campaigns_is_two_queries_whatever_its_length(client_of_ada, django_assert_num_queries, rows):
    for number in range(rows):
        make(client_of_ada, slug=f"birds-{number}")
    with django_assert_num_queries(2):  # who asks; the campaigns
        assert len(slugs(client_of_ada)) == rows


@pytest.mark.parametrize("rows", [1, 3])
def test_a_list_of_members_is_three_queries_whatever_its_length(
    client_of_ada, make_client, django_assert_num_queries, rows
):
    make(client_of_ada)
    for number in range(1, rows):
        user = make_client(f"m{number}").owner
        Membership.objects.create(campaign=Campaign.objects.get(), user=user, role="moderator")
    with django_assert_num_queries(3):  # who asks; the campaign and their role in it; the members
        assert len(client_of_ada.get(f"{API}campaigns/birds/members/").json()["results"]) == rows


@pytest.mark.parametrize("rows", [1, 3])
def test_a_campaign_is_read_in_five_queries_whatever_it_holds(client_of_ada, django_assert_num_queries, rows):
    dimensions = [{"name": f"d{number}", "title": "?", "widget": "flag"} for number in range(rows)]
    targets = [{"language": "en", "topic": f"t{number}", "judgments": 1} for number in range(rows)]
    make(client_of_ada, label_schema={"dimensions": dimensions}, targets=targets)
    # Who asks; the campaign with its guideline and schema; dimensions; targets; generators.
    with django_assert_num_queries(5):
        answer = client_of_ada.get(f"{API}campaigns/birds/").json()
    assert (len(answer["label_schema"]["dimensions"]), len(answer["targets"])) == (rows, rows)


@pytest.mark.parametrize("rows", [1, 3])
def test_versions_are_read_in_four_queries_whatever_their_number(client_of_ada, django_assert_num_queries, rows):
    make(client_of_ada, preset="label")
    for number in range(1, rows):
        dimension = {"name": f"d{number}", "title": "?", "widget": "flag"}
        client_of_ada.patch(f"{API}campaigns/birds/", {"label_schema": {"dimensions": [dimension]}})
    with django_assert_num_queries(4):  # who asks; the campaign; the versions; their dimensions
        assert len(client_of_ada.get(f"{API}campaigns/birds/label-schema/").json()["versions"]) == rows
