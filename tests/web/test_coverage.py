"""What a campaign covers: told to whoever sees the campaign, by what was measured and by nothing else."""

from __future__ import annotations

import re
from html import unescape

import pytest

from annotate.models import Campaign
from tests.opinions import make_campaign
from tests.web.organizing import come_as

pytestmark = pytest.mark.django_db

PAGE = "/campaigns/birds/coverage/"


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign()


def read(response) -> str:
    """The words of a page, spaces made one."""
    main = response.content.decode().split("<main", 1)[1]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main)))


@pytest.mark.parametrize("who", ["nobody", "annotator", "moderator", "organizer", "administrator"])
def test_before_anything_is_measured_it_says_so_to_whoever_sees_the_campaign(campaign, who) -> None:
    answer = come_as(who, campaign).get(PAGE)
    assert answer.status_code == 200
    assert "Nothing is measured yet." in read(answer)


def test_a_draft_is_nothing_to_strangers(campaign) -> None:
    Campaign.objects.update(state="draft")
    assert come_as("nobody", campaign).get(PAGE).status_code == 404
