"""Previews: what volunteers see, for those who run the campaign, before and while it is open; nothing is taken."""

from __future__ import annotations

import pytest
from django.test import Client

from annotate.models import Assignment, Campaign, Guideline, Membership
from tests.loop import make_campaign, make_prompt
from tests.web.workers import sign_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(client: Client) -> Campaign:
    campaign = make_campaign(kinds=("rank", "compare", "label", "write_assistant_reply"), state="draft")
    ada = sign_in(client)
    Membership.objects.create(campaign=campaign, user=ada.user, role="organizer")
    return campaign


@pytest.mark.parametrize(
    ("kind", "heading"),
    [
        ("", "Rank 4 replies"),
        ("rank", "Rank 4 replies"),
        ("compare", "Which reply is better?"),
        ("label", "Label this message"),
        ("write_assistant_reply", "Reply as the assistant"),
    ],
)
def test_preview_shows_real_work_with_buttons_that_do_nothing(client: Client, campaign, kind, heading) -> None:
    make_prompt(campaign)
    page = client.get(f"/campaigns/birds/preview/?kind={kind}")
    assert page.status_code == 200
    assert heading in text_of(page)
    assert "Why do birds sing?" in page.text
    assert "This is a preview" in page.text
    form = page.text[page.text.index('<form id="answer"') :]
    before = page.text[: page.text.index('<form id="answer"')]
    assert '<fieldset class="preview" disabled>' in before
    assert "</fieldset>" in form[form.index("</form>") :]
    assert "site/js/work.js" not in page.text
    assert Assignment.objects.count() == 0


@pytest.mark.parametrize("kind", ["rank", "compare", "label", "write_assistant_reply"])
def test_preview_without_prompts_shows_the_guidelines_example(client: Client, campaign, kind) -> None:
    Guideline.objects.update(
        examples=[
            {"title": "Short", "prompt": "How long?", "better": "Six minutes.", "worse": "It depends.", "why": "So."}
        ]
    )
    words = text_of(client.get(f"/campaigns/birds/preview/?kind={kind}"))
    assert "How long?" in words
    assert "Six minutes." in words


def test_preview_without_prompts_and_examples_is_there_all_the_same(client: Client, campaign) -> None:
    assert client.get("/campaigns/birds/preview/").status_code == 200


def test_kind_that_the_campaign_does_not_ask_for_is_not_there(client: Client, campaign) -> None:
    Campaign.objects.update(kinds=["rank"])
    assert client.get("/campaigns/birds/preview/?kind=compare").status_code == 404


def test_preview_is_for_those_who_run_the_campaign(campaign) -> None:
    other = Client()
    assert other.get("/campaigns/birds/preview/").status_code == 302
    sign_in(other, "bob")
    assert other.get("/campaigns/birds/preview/").status_code == 404
    Campaign.objects.update(state="open")
    assert other.get("/campaigns/birds/preview/").status_code == 403
