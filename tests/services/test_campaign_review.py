"""What a change would do is shown without doing it, and is applied only as it was seen."""

from __future__ import annotations

import pytest
from django.utils import timezone

from annotate.access import Actor
from annotate.exceptions import Conflict, InvalidInput
from annotate.models import AuditEvent, Campaign, CampaignParameters, Guideline
from annotate.services.campaign_files import read_campaign
from annotate.services.campaign_review import apply_change, plan_campaign, plan_change
from annotate.services.campaigns import change_campaign
from tests.web.organizing import make_person, make_run

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def campaign():
    return make_run()


@pytest.fixture
def ines(campaign):
    return Actor(user=make_person("ines"), scopes=None)


def changes_of(planned):
    return [(change.field, change.before, change.after) for change in planned.changes]


def test_plan_shows_and_changes_nothing(campaign, ines):
    spec = read_campaign({"title": "Songbirds", "redundancy": 5, "guideline": "Listen."})
    events, guidelines = AuditEvent.objects.count(), Guideline.objects.count()
    planned = plan_change(campaign=campaign, spec=spec, actor=ines, now=NOW)
    assert [field for field, *_ in changes_of(planned)] == ["title", "guideline", "parameters.redundancy"]
    assert (campaign.title, campaign.parameters["redundancy"], campaign.guideline.version) == ("Birds", 3, 1)
    fresh = Campaign.objects.get()
    assert (fresh.title, fresh.parameters_version, fresh.parameters["redundancy"]) == ("Birds", 1, 3)
    assert (AuditEvent.objects.count(), Guideline.objects.count()) == (events, guidelines)
    assert CampaignParameters.objects.count() == 1


def test_plan_refuses_what_the_change_would(campaign, ines):
    spec = read_campaign({"targets": [{"language": "fr", "judgments": 3}]})
    with pytest.raises(InvalidInput) as refused:
        plan_change(campaign=campaign, spec=spec, actor=ines, now=NOW)
    assert list(refused.value.details) == ["targets[0].language"]


def test_change_is_applied_as_it_was_seen(campaign, ines):
    spec = read_campaign({"redundancy": 5})
    planned = plan_change(campaign=campaign, spec=spec, actor=ines, now=NOW)
    apply_change(campaign=campaign, spec=spec, actor=ines, now=NOW, seen=planned.seen, reason="More voices.")
    event = AuditEvent.objects.order_by("-pk").first()
    assert Campaign.objects.get().parameters["redundancy"] == 5
    assert (event.before, event.reason) == ({"parameters.redundancy": 3}, "More voices.")


def test_change_of_the_same_field_meanwhile_is_not_overwritten(campaign, ines):
    spec = read_campaign({"redundancy": 5})
    planned = plan_change(campaign=campaign, spec=spec, actor=ines, now=NOW)
    change_campaign(campaign=campaign, spec=read_campaign({"redundancy": 7}), actor=None, now=NOW)
    with pytest.raises(Conflict) as refused:
        apply_change(campaign=campaign, spec=spec, actor=ines, now=NOW, seen=planned.seen)
    assert (refused.value.code, Campaign.objects.get().parameters["redundancy"]) == ("campaign_changed", 7)


def test_change_of_another_field_meanwhile_is_kept(campaign, ines):
    spec = read_campaign({"redundancy": 5})
    planned = plan_change(campaign=campaign, spec=spec, actor=ines, now=NOW)
    change_campaign(campaign=campaign, spec=read_campaign({"title": "Songbirds"}), actor=None, now=NOW)
    apply_change(campaign=campaign, spec=spec, actor=ines, now=NOW, seen=planned.seen)
    fresh = Campaign.objects.get()
    assert (fresh.title, fresh.parameters["redundancy"]) == ("Songbirds", 5)


def test_campaign_is_planned_without_being_made(ines):
    values = {"slug": "fish", "title": "Fish", "preset": "label", "languages": ["en"]}
    changes = plan_campaign(spec=read_campaign(values), actor=ines, now=NOW)
    shown = {change.field: change.after for change in changes}
    assert (shown["kinds"], shown["state"], bool(shown["label_schema"])) == (["label"], "draft", True)
    assert not Campaign.objects.filter(slug="fish").exists()


def test_campaign_whose_address_is_taken_is_not_planned(campaign, ines):
    values = {"slug": "birds", "title": "Fish", "preset": "label", "languages": ["en"]}
    with pytest.raises(Conflict) as refused:
        plan_campaign(spec=read_campaign(values), actor=ines, now=NOW)
    assert refused.value.code == "slug_taken"
