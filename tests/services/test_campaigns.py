"""Campaigns are made whole, changed field by field, and every change is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from annotate.access import Actor
from annotate.exceptions import Conflict, InvalidInput
from annotate.models import (
    AuditEvent,
    Campaign,
    CampaignGenerator,
    CampaignParameters,
    Generator,
    Guideline,
    LabelSchema,
    Membership,
    Stale,
    Stratum,
    User,
)
from annotate.queries.campaigns import describe_campaign
from annotate.services import campaign_rows
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import apply_campaign, change_campaign, create_campaign
from tasks.records.campaigns import CampaignSpec, Change
from tasks.records.parameters import CampaignSettings
from tasks.records.presets import DEFAULT_LABELS, PRESETS
from tasks.vocabulary import AuditAction, CampaignState, Kind, Preset, StaleKind

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)

pytestmark = pytest.mark.django_db


def spec_of(**values) -> CampaignSpec:
    return read_campaign({"slug": "birds", "title": "Birds", "preset": "rank", "languages": ["en"], **values})


def make_actor(name="olga") -> Actor:
    return Actor(user=User.objects.create(email=f"{name}@example.org"), scopes=None)


def make(**values) -> Campaign:
    return create_campaign(spec=spec_of(**values), actor=None, now=NOW)


def change(campaign: Campaign, *, actor: Actor | None = None, reason: str = "", **values) -> tuple[Change, ...]:
    return change_campaign(campaign=campaign, spec=read_campaign(values), actor=actor, now=LATER, reason=reason)


def events(*actions: AuditAction) -> list[tuple]:
    found = AuditEvent.objects.order_by("id")
    return [(e.action, e.before, e.after) for e in found if not actions or e.action in actions]


def problems_of(callable_, *args, **kwargs) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as refused:
        callable_(*args, **kwargs)
    return refused.value.details


# --- Making one -------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", list(Preset))
def test_every_preset_works_with_no_further_fields(preset):
    campaign = make(preset=str(preset), state="open")
    described = describe_campaign(Campaign.objects.get())
    assert (campaign.state, campaign.kinds) == ("open", [str(kind) for kind in PRESETS[preset].kinds])
    assert described["guideline"] == PRESETS[preset].guideline.as_values()
    asks_labels = Kind.LABEL in PRESETS[preset].kinds
    assert described["label_schema"] == (
        {"dimensions": [dimension.as_values() for dimension in DEFAULT_LABELS]} if asks_labels else None
    )


def test_a_new_campaign_is_a_draft_with_defaults():
    actor = make_actor()
    campaign = create_campaign(spec=spec_of(), actor=actor, now=NOW)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.licence, campaign.allow_guests, campaign.created_by) == (
        "draft",
        "CC-BY-4.0",
        False,
        actor.user,
    )
    assert campaign.parameters == asdict(CampaignSettings())
    assert list(CampaignParameters.objects.values_list("version", "values", "created_by_id")) == [
        (1, asdict(CampaignSettings()), actor.user_id)
    ]


def test_whoever_makes_a_campaign_is_its_organizer():
    actor = make_actor()
    create_campaign(spec=spec_of(), actor=actor, now=NOW)
    assert list(Membership.objects.values_list("user_id", "role")) == [(actor.user_id, "organizer")]


def test_everything_that_is_said_is_kept():
    Generator.objects.create(name="small", engine="openai", endpoint="http://127.0.0.1:1/v1", model="m")
    values = {
        "purpose": "Song",
        "licence": "CC0-1.0",
        "languages": ["en", "de"],
        "kinds": ["rank", "label"],
        "allow_guests": True,
        "guideline": {"text": "Rank.", "examples": [{"title": "One", "why": "Two"}]},
        "label_schema": {"dimensions": [{"name": "spam", "title": "Spam?", "widget": "yes_no", "mandatory": True}]},
        "targets": [{"language": "en", "topic": "song", "judgments": 5}, {"language": "de", "judgments": 7}],
        "generators": [{"name": "small", "samples": 3}],
        "release": {"schedule": "monthly"},
        "redundancy": 5,
        "state": "open",
    }
    spec = spec_of(**values)
    create_campaign(spec=spec, actor=None, now=NOW)
    campaign = Campaign.objects.get()
    described = describe_campaign(campaign)
    assert {name: described[name] for name in spec.as_values()} == spec.as_values()
    assert campaign.next_release_at == datetime(2026, 6, 1, tzinfo=UTC)


def test_what_is_missing_is_told_at_once():
    assert problems_of(create_campaign, spec=read_campaign({"purpose": "x"}), actor=None, now=NOW) == {
        name: ["This is missing."] for name in ("slug", "title", "preset", "languages")
    }


def test_a_slug_is_taken_once():
    make()
    with pytest.raises(Conflict) as refused:
        make(title="Other birds")
    assert refused.value.code == "slug_taken"
    assert Campaign.objects.get().title == "Birds"


def test_making_a_campaign_is_audited():
    actor = make_actor()
    create_campaign(spec=spec_of(redundancy=2), actor=actor, now=NOW, reason="For the song book.")
    created = AuditEvent.objects.get(action=AuditAction.CAMPAIGN_CREATED)
    assert (
        created.actor_id,
        created.reason,
        created.before,
        created.after["slug"],
        created.after["parameters.redundancy"],
    ) == (
        actor.user_id,
        "For the song book.",
        None,
        "birds",
        2,
    )
    assert [action for action, _, _ in events()] == [
        AuditAction.CAMPAIGN_CREATED,
        AuditAction.MEMBER_ADDED,
        AuditAction.GUIDELINE_PUBLISHED,
    ]


def test_a_refused_campaign_leaves_nothing_behind():
    with pytest.raises(InvalidInput), transaction.atomic():
        make(generators=[{"name": "nobody"}])
    assert (Campaign.objects.count(), AuditEvent.objects.count()) == (0, 0)


# --- Contradictions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({"min_judgments": 5, "max_judgments": 4},
         {"max_judgments": ["max_judgments must be at least min_judgments."]}),
        ({"lease_seconds": 60},
         {"offered_lease_seconds": ["offered_lease_seconds must be at most lease_seconds."]}),
        ({"release": {"schedule": "target"}},
         {"release.target": ["Say at how many judgments the release is made."]}),
    ],
)  # fmt: skip
def test_fields_that_contradict_each_other_are_refused(values, problems):
    assert problems_of(make, **values) == problems
    campaign = make()
    assert problems_of(change, campaign, **values) == problems


def test_a_language_with_a_target_cannot_be_dropped():
    campaign = make(languages=["en", "de"], targets=[{"language": "de", "judgments": 3}])
    assert problems_of(change, campaign, languages=["en"]) == {
        "targets[0].language": ['The campaign has no language "de". Add the language, or drop the target.']
    }
    assert [c.field for c in change(campaign, languages=["en"], targets=[])] == ["languages", "targets"]


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({"slug": "bees"}, {"slug": ["A campaign keeps its slug: addresses and releases name it."]}),
        ({"preset": "label"},
         {"preset": ["A campaign keeps its preset, which only filled it at first. Change its kinds instead."]}),
    ],
)  # fmt: skip
def test_what_a_campaign_was_made_with_stays(values, problems):
    assert problems_of(change, make(), **values) == problems


# --- Changing one -----------------------------------------------------------------------------


def test_only_what_is_said_changes():
    campaign = make(purpose="Song", redundancy=5)
    before = describe_campaign(campaign)
    assert change(campaign, title="All birds") == (Change("title", "Birds", "All birds"),)
    assert describe_campaign(Campaign.objects.get()) == {**before, "title": "All birds"}


def test_saying_what_is_there_changes_and_records_nothing():
    campaign = make(redundancy=5, targets=[{"language": "en", "judgments": 3}])
    before = AuditEvent.objects.count()
    assert (
        change(campaign, title="Birds", redundancy=5, targets=[{"language": "en", "judgments": 3}], state="draft") == ()
    )
    assert (AuditEvent.objects.count(), CampaignParameters.objects.count()) == (before, 1)


def test_a_change_is_audited_with_both_sides():
    campaign, actor = make(), make_actor()
    change(campaign, actor=actor, reason="More voices.", title="All birds", redundancy=5)
    event = AuditEvent.objects.get(action=AuditAction.CAMPAIGN_CHANGED)
    assert (event.actor_id, event.campaign_id, event.before, event.after, event.reason) == (
        actor.user_id,
        campaign.pk,
        {"title": "Birds", "parameters.redundancy": 3},
        {"title": "All birds", "parameters.redundancy": 5},
        "More voices.",
    )


def test_changed_parameters_are_a_new_version_and_earlier_ones_are_kept():
    campaign = make()
    change(campaign, redundancy=5)
    change(campaign, parameters={"daily_cap": 20})
    campaign.refresh_from_db()
    assert (campaign.parameters_version, campaign.parameters["redundancy"], campaign.parameters["daily_cap"]) == (
        3,
        5,
        20,
    )
    kept = CampaignParameters.objects.order_by("version")
    assert [(row.version, row.values["redundancy"], row.values["daily_cap"]) for row in kept] == [
        (1, 3, None),
        (2, 5, None),
        (3, 5, 20),
    ]


def test_a_parameter_may_be_taken_back_to_none():
    campaign = make(daily_cap=20)
    assert change(campaign, daily_cap=None) == (Change("parameters.daily_cap", 20, None),)


def test_a_change_made_from_an_old_version_is_refused_with_the_new_one():
    campaign = make()
    change(campaign, redundancy=5)
    with pytest.raises(Conflict) as refused:
        change_campaign(
            campaign=campaign, spec=read_campaign({"redundancy": 4}), actor=None, now=LATER, parameters_version=1
        )
    assert (refused.value.code, refused.value.details["parameters_version"]) == ("parameters_changed", 2)
    assert refused.value.details["parameters"]["redundancy"] == 5
    change_campaign(
        campaign=campaign, spec=read_campaign({"redundancy": 4}), actor=None, now=LATER, parameters_version=2
    )
    assert Campaign.objects.get().parameters["redundancy"] == 4


def test_parameters_written_past_the_lock_are_not_overwritten(monkeypatch):
    campaign = make()
    settings = campaign_rows.read_settings

    def somebody_else_writes(values):
        Campaign.objects.update(parameters_version=7)
        return settings(values)

    monkeypatch.setattr(campaign_rows, "read_settings", somebody_else_writes)
    with pytest.raises(Conflict) as refused:
        change(campaign, redundancy=5)
    assert refused.value.code == "parameters_changed"


def test_a_changed_guideline_is_a_new_version():
    campaign = make(guideline="First.")
    change(campaign, guideline={"text": "Second.", "examples": [{"text": "So."}]})
    assert list(Guideline.objects.order_by("version").values_list("version", "text", "examples")) == [
        (1, "First.", []),
        (2, "Second.", [{"text": "So."}]),
    ]
    assert Campaign.objects.get().guideline.version == 2
    assert events(AuditAction.GUIDELINE_PUBLISHED)[-1] == (
        AuditAction.GUIDELINE_PUBLISHED,
        {"version": 1, "text": "First.", "examples": []},
        {"version": 2, "text": "Second.", "examples": [{"text": "So."}]},
    )


def test_a_changed_label_schema_is_a_new_version_and_the_old_one_stays_whole():
    campaign = make(preset="label")
    dimension = {"name": "spam", "title": "Spam?", "widget": "flag"}
    change(campaign, label_schema={"dimensions": [dimension]})
    first, second = LabelSchema.objects.order_by("version")
    assert (first.version, first.dimensions.count()) == (1, len(DEFAULT_LABELS))
    assert (second.version, list(second.dimensions.values_list("name", "title"))) == (2, [("spam", "Spam?")])
    assert Campaign.objects.get().label_schema == second
    _, before, after = events(AuditAction.LABEL_SCHEMA_PUBLISHED)[-1]
    assert (before["version"], after["version"], [d["name"] for d in after["dimensions"]]) == (1, 2, ["spam"])


def test_a_campaign_that_begins_to_ask_for_labels_takes_our_questions():
    campaign = make()
    assert [c.field for c in change(campaign, kinds=["rank", "label"])] == ["kinds", "label_schema"]
    assert Campaign.objects.get().label_schema.dimensions.count() == len(DEFAULT_LABELS)


def test_a_label_schema_of_ones_own_outlives_the_kind_that_asked_for_it():
    campaign = make(preset="label", label_schema={"dimensions": [{"name": "spam", "title": "Spam?", "widget": "flag"}]})
    change(campaign, kinds=["rank"])
    assert [c.field for c in change(campaign, kinds=["rank", "label"])] == ["kinds"]


def test_targets_are_replaced_and_their_cells_are_kept():
    campaign = make(targets=[{"language": "en", "topic": "song", "judgments": 5}, {"language": "en", "judgments": 7}])
    Stratum.objects.create(campaign=campaign, language="en", topic="nests", done=4)
    change(campaign, targets=[{"language": "en", "topic": "nests", "judgments": 9}, {"language": "en", "judgments": 8}])
    assert list(Stratum.objects.order_by("topic").values_list("language", "topic", "target", "done")) == [
        ("en", "", 8, 0),
        ("en", "nests", 9, 4),
        ("en", "song", None, 0),
    ]


def test_a_schedule_sets_the_date_of_the_next_release():
    campaign = make(state="open")
    change(campaign, release={"schedule": "weekly"})
    assert Campaign.objects.get().next_release_at == datetime(2026, 5, 11, tzinfo=UTC)
    change(campaign, release={"schedule": None})
    assert Campaign.objects.get().next_release_at is None


def test_a_draft_waits_with_its_first_release_until_it_opens():
    campaign = make(release={"schedule": "weekly"})
    assert Campaign.objects.get().next_release_at is None
    change(campaign, release={"schedule": "monthly"})
    assert Campaign.objects.get().next_release_at is None
    change(campaign, state="open")
    assert Campaign.objects.get().next_release_at == datetime(2026, 6, 1, tzinfo=UTC)


def test_a_release_at_a_target_has_no_date():
    campaign = make(state="open", release={"schedule": "target", "target": 100})
    assert (campaign.release_schedule, campaign.parameters["release_target"], campaign.next_release_at) == (
        "target",
        100,
        None,
    )


@pytest.mark.parametrize(
    ("values", "is_marked"),
    [
        ({"redundancy": 4}, True),
        ({"replies_wanted": 4}, True),
        ({"stop_confidence": 0.9}, True),
        ({"kinds": ["rank", "compare"]}, True),
        ({"lease_seconds": 600}, False),
        ({"title": "All birds"}, False),
    ],
)
def test_units_follow_a_change_that_reaches_them(values, is_marked):
    campaign = make()
    change(campaign, **values)
    marks = [(StaleKind.CAMPAIGN_UNITS, campaign.pk)] if is_marked else []
    # Turns are no marks.
    assert list(Stale.objects.exclude(kind__startswith="turn").values_list("kind", "subject_id")) == marks


# --- Generators -------------------------------------------------------------------------------


def make_generator(name: str, **given) -> Generator:
    return Generator.objects.create(
        **{"name": name, "engine": "openai", "endpoint": "http://127.0.0.1:1/v1", "model": "m", **given}
    )


def test_the_generators_of_a_campaign_are_replaced_as_a_whole():
    for name in ("one", "two", "three"):
        make_generator(name)
    campaign = make(generators=[{"name": "one"}, {"name": "two", "samples": 2}])
    change(campaign, generators=[{"name": "two", "samples": 4}, {"name": "three"}])
    uses = CampaignGenerator.objects.order_by("generator__name").values_list("generator__name", "samples")
    assert list(uses) == [("three", 1), ("two", 4)]


def test_an_unknown_generator_is_refused_with_the_nearest_one():
    make_generator("small-model")
    assert problems_of(make, generators=[{"name": "smal-model"}]) == {
        "generators[0].name": [
            'The site has no generator "smal-model". Did you mean "small-model"? Administrators make them.'
        ]
    }


def test_the_label_of_an_import_is_never_a_generator_that_can_be_asked():
    campaign = make()
    Generator.objects.create(campaign=campaign, name="gpt", engine="label")
    assert list(problems_of(change, campaign, generators=[{"name": "gpt"}])) == ["generators[0].name"]
    site = make_generator("gpt")
    change(campaign, generators=[{"name": "gpt"}])
    assert CampaignGenerator.objects.get().generator == site


# --- Files ------------------------------------------------------------------------------------


def test_applying_a_file_twice_changes_nothing_the_second_time():
    spec = spec_of(
        kinds=["rank", "label"],
        guideline={"text": "Rank.", "examples": [{"title": "One"}]},
        targets=[{"language": "en", "judgments": 3}, {"language": "en", "topic": "a", "judgments": 1}],
        release={"schedule": "weekly"},
        state="open",
        redundancy=2,
    )
    first = apply_campaign(spec=spec, actor=None, now=NOW)
    told = events()
    second = apply_campaign(spec=spec, actor=None, now=LATER)
    assert (first.is_new, second.is_new, second.changes, second.campaign) == (True, False, (), first.campaign)
    assert events() == told
    assert [Guideline.objects.count(), LabelSchema.objects.count(), CampaignParameters.objects.count()] == [1, 1, 1]


def test_a_dry_run_shows_what_would_happen_and_changes_nothing():
    spec = spec_of(redundancy=2)
    planned = apply_campaign(spec=spec, actor=None, now=NOW, dry_run=True)
    assert (planned.is_new, Change("parameters.redundancy", None, 2) in planned.changes) == (True, True)
    assert (Campaign.objects.count(), AuditEvent.objects.count()) == (0, 0)
    apply_campaign(spec=spec, actor=None, now=NOW)
    planned = apply_campaign(spec=replace(spec, title="All birds"), actor=None, now=NOW, dry_run=True)
    assert planned.changes == (Change("title", "Birds", "All birds"),)
    assert Campaign.objects.get().title == "Birds"


def test_a_dry_run_refuses_what_would_be_refused():
    make()
    with pytest.raises(Conflict) as refused:
        apply_campaign(spec=CampaignSpec(slug="birds", state=CampaignState.PAUSED), actor=None, now=NOW, dry_run=True)
    assert refused.value.code == "state_not_reachable"


# --- Two at once ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_organizers_who_change_different_parameters_at_once_both_keep_their_change():
    campaign = make()
    changes = [{"redundancy": 7}, {"daily_cap": 9}, {"max_held": 4}, {"title": "All birds"}, {"lease_seconds": 900}]

    def change_it(values) -> None:
        try:
            mine = Campaign.objects.get(pk=campaign.pk)
            change_campaign(campaign=mine, spec=read_campaign(values), actor=None, now=LATER)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(changes)) as pool:
        list(pool.map(change_it, changes))
    campaign.refresh_from_db()
    described = describe_campaign(campaign)
    assert {
        name: described[name] for name in read_campaign({k: v for c in changes for k, v in c.items()}).as_values()
    } == {
        "title": "All birds",
        "parameters.redundancy": 7,
        "parameters.daily_cap": 9,
        "parameters.max_held": 4,
        "parameters.lease_seconds": 900,
    }
    assert campaign.parameters_version == 5
    assert list(CampaignParameters.objects.order_by("version").values_list("version", flat=True)) == [1, 2, 3, 4, 5]


@pytest.mark.django_db(transaction=True)
def test_two_guidelines_published_at_once_are_two_versions():
    campaign = make()

    def publish(text) -> None:
        try:
            mine = Campaign.objects.get(pk=campaign.pk)
            change_campaign(campaign=mine, spec=read_campaign({"guideline": text}), actor=None, now=LATER)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(publish, ["a", "b", "c", "d"]))
    assert sorted(Guideline.objects.values_list("version", flat=True)) == [1, 2, 3, 4, 5]
    campaign.refresh_from_db()
    assert campaign.guideline.version == 5


@pytest.mark.django_db(transaction=True)
def test_one_slug_asked_for_at_once_makes_one_campaign():
    def make_it(title) -> str:
        try:
            return make(title=title).title
        except Conflict as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(make_it, ["a", "b", "c", "d"]))
    assert sorted(answers)[1:] == ["slug_taken"] * 3
    assert Campaign.objects.get().title in answers
