"""A gold item looks like other work in every page, and is explained calmly: at once, or when it is retired."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Assignment, Campaign, GoldItem, GoldResult, Message
from annotate.services.gold import retire_gold
from annotate.services.holds import release_holds
from tests.gold import TIERS, stand_beside, write_item
from tests.loop import make_campaign, make_prompt
from tests.web.workers import HTMX, ask_next, form_of, judgment_id, post, sign_in

pytestmark = pytest.mark.django_db
#: Texts of equal length, so that nothing but what they say differs between two pages.
WORDS = ["aaaa aaaa", "bbbb bbbb", "cccc cccc", "dddd dddd"]

OF_THE_MOMENT = ("X-Request-ID", "Content-Length", "Expires")


@pytest.fixture
def campaign():
    return make_campaign(gold_share=1.0, explain_gold=True)


def set_parameters(campaign, **changes):
    campaign.parameters |= changes
    Campaign.objects.filter(pk=campaign.pk).update(parameters=campaign.parameters)


def rank(client, assignment, *, right=True, **more):
    """Rank as is known, or the other way round."""
    page = client.get(f"/work/{assignment}/")
    place = {text: number for number, tier in enumerate(TIERS, start=1) for text in tier}
    shown = Assignment.objects.get(pk=assignment).shown.order_by("position")
    tiers = [place[one.message.text] for one in shown]
    tiers = tiers if right else [4 - tier for tier in tiers]
    body = {"tiers": [f"{handle}:{tier}" for handle, tier in zip("abcd", tiers, strict=False)], "acceptable_tiers": "2",
            "kind": "rank", "shown": "a b c d"}  # fmt: skip
    return post(client, assignment, "submit", {**form_of(page), **body}, **more)


def bare(html):
    """A page without what differs between any two pieces of work: numbers, tokens, times, words."""
    html = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "0", html)
    html = re.sub(r'(csrfmiddlewaretoken" value=|nonce=)"[^"]*"', r"\1", html)
    html = re.sub(r'"X-CSRFToken": ?"[^"]*"|X-CSRFToken&quot;: &quot;[^&]*', "", html)
    return re.sub(r"\b([a-d])\1{3}( \1{4})?", "word", html)


def test_the_page_of_a_gold_item_is_the_page_of_ordinary_work(client: Client, campaign) -> None:
    write_item(campaign, prompt="aaaa", tiers=[[text] for text in WORDS])
    prompt = make_prompt(campaign, "bbbb", replies=4)
    for reply, text in zip(prompt.replies.order_by("pk"), WORDS, strict=True):
        Message.objects.filter(pk=reply.pk).update(text=text)
    sign_in(client)
    gold = ask_next(client)
    gold_page = client.get(f"/work/{gold}/")
    annotator = Assignment.objects.get(pk=gold).annotator_id
    release_holds(annotator_id=annotator, now=timezone.now())
    set_parameters(campaign, gold_share=0)
    plain = ask_next(client)
    plain_page = client.get(f"/work/{plain}/")
    is_gold = Assignment.objects.values_list("unit__queue__is_gold", flat=True)
    assert (is_gold.get(pk=gold), is_gold.get(pk=plain)) == (True, False)
    assert bare(gold_page.text) == bare(plain_page.text)
    assert {name: value for name, value in gold_page.headers.items() if name not in OF_THE_MOMENT} == {
        name: value for name, value in plain_page.headers.items() if name not in OF_THE_MOMENT
    }


def test_its_conversation_can_be_looked_up_like_any_other_and_tells_as_little(client: Client, campaign) -> None:
    item = write_item(campaign, prompt="aaaa", tiers=[[text] for text in WORDS])
    prompt = make_prompt(campaign, "bbbb", replies=4)
    sign_in(client)
    ask_next(client)
    pages = [client.get(f"/trees/{tree}/") for tree in (item.unit.subject.tree_id, prompt.tree_id)]
    assert [page.status_code for page in pages] == [200, 200]
    assert bare(pages[0].text) == bare(pages[1].text)
    for text in WORDS:
        assert text not in pages[0].text


def test_where_the_campaign_trains_the_answer_is_told_with_the_work_that_follows(client: Client, campaign) -> None:
    write_item(campaign, explanation="The first says **why**.")
    make_prompt(campaign)
    sign_in(client)
    answer = rank(client, ask_next(client), right=False)
    page = client.get(answer["Location"])
    told = page.text[page.text.index('class="told"') :]
    assert "The answer to this one was known." in told
    assert "Acceptable: the first 2 places." in told
    assert "The first says <strong>why</strong>." in told
    assert "Yours is another one. That happens" in told
    assert "wrong" not in told[: told.index("</div>")].lower()
    assert f"/judgments/{judgment_id(answer['Location'])}/undo/" not in page.text
    assert 'id="answer"' in page.text


@pytest.mark.parametrize(("right", "says"), [(True, "Yours says the same."), (False, "Yours is another one.")])
def test_with_scripts_the_same_is_told(client: Client, campaign, right, says) -> None:
    write_item(campaign)
    make_prompt(campaign)
    sign_in(client)
    answer = rank(client, ask_next(client), right=right, **HTMX)
    assert says in answer.text
    assert answer.text.count('class="told"') == 1


def test_known_labels_are_told_by_their_questions(client: Client) -> None:
    campaign = make_campaign(kinds=("label",), gold_share=1.0, explain_gold=True)
    write_item(campaign, kind="label", prompt="Buy birds", labels={"spam": True, "quality": 0.0})
    stand_beside(campaign)
    sign_in(client)
    assignment = ask_next(client)
    answer = post(
        client, assignment, "submit", {"kind": "label", "shown": "", "label.spam": "yes", "label.quality": "1"}
    )
    page = client.get(answer["Location"]) if answer.status_code == 302 else answer
    assert "spam Yes" in page.text or "spam yes" in page.text.lower()
    assert "The answer to this one was known." in page.text


def test_where_the_campaign_measures_nothing_is_told_until_the_item_is_retired(client: Client, campaign) -> None:
    set_parameters(campaign, explain_gold=False)
    item = write_item(campaign)
    make_prompt(campaign)
    sign_in(client)
    assignment = ask_next(client)
    answer = rank(client, assignment, right=False)
    address = f"/work/{assignment}/"
    for page in (client.get(answer["Location"]), client.get(address), client.get("/me/contributions/")):
        assert "was known" not in page.text
    assert f'action="/judgments/{judgment_id(answer["Location"])}/undo/"' in client.get(answer["Location"]).text
    retire_gold(campaign=campaign, unit_id=item.pk, actor=None, now=timezone.now())
    assert GoldResult.objects.get().told_at is not None
    listed = client.get("/me/contributions/").text
    assert "Its answer was known. Open it to see it, and why." in listed
    ended = client.get(address).text
    assert "The first one says why." in ended
    assert "Look at it again" not in ended
    refused = client.post(f"/judgments/{judgment_id(answer['Location'])}/undo/")
    assert refused.status_code == 409
    assert "was explained to you" in refused.text


def test_ones_own_list_tells_nothing_of_an_item_that_is_not_explained(client: Client, campaign) -> None:
    set_parameters(campaign, explain_gold=False)
    write_item(campaign)
    stand_beside(campaign)
    sign_in(client)
    rank(client, ask_next(client))
    page = client.get("/me/contributions/")
    assert "It has 1 of the 3 judgments it needs." in page.text
    assert str(GoldItem.objects.get().unit.needed) not in page.text
