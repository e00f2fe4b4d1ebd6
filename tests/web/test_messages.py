"""Messages in lists and by search: filters in the address, hits as data, pages by cursor, nothing that is sealed."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from annotate.models import Annotator, Campaign, Membership, Message, MessageTree
from annotate.services.search_index import index_messages
from annotate.web import messages as page_module
from tests.loop import NOW, ask, make_annotator, make_campaign, make_prompt, submit
from tests.trees import make_tree, reply_to
from tests.web.organizing import come_as
from tests.web.page_walk import STORED_ATTACKS, find_wrongs

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Annotator:
    return make_annotator("ada")


@pytest.fixture
def client(ada) -> Client:
    client = Client()
    client.force_login(ada.user)
    return client


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(kinds=["label"])


def list_texts(answer) -> list[str]:
    """The texts of a list, without the marks in them."""
    assert answer.status_code == 200, answer.text
    found = re.findall(r'<a class="found-text what"[^>]*>(.*?)</a>', answer.text, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", text) for text in found]


def index_all() -> None:
    index_messages(message_ids=list(Message.objects.values_list("pk", flat=True)))


def test_the_newest_come_first_by_language_and_campaign(client, campaign):
    make_tree(campaign, "Hello")
    make_tree(campaign, "Hallo", language="de")
    make_tree(make_campaign(slug="bees", kinds=["label"]), "Buzz")
    assert list_texts(client.get("/messages/")) == ["Buzz", "Hallo", "Hello"]
    assert list_texts(client.get("/messages/?language=de")) == ["Hallo"]
    assert list_texts(client.get("/messages/?language=%3F")) == ["Buzz", "Hallo", "Hello"]
    assert list_texts(client.get("/messages/?campaign=birds")) == ["Hallo", "Hello"]
    assert list_texts(client.get("/messages/?campaign=none")) == ["Buzz", "Hallo", "Hello"]
    assert list_texts(client.get("/campaigns/birds/messages/")) == ["Hallo", "Hello"]
    assert client.get("/campaigns/none/messages/").status_code == 404


def test_prompts_alone_are_listed_and_found(client, campaign):
    reply_to(make_tree(campaign, "Owls?"), "Owls.")
    index_all()
    assert list_texts(client.get("/messages/")) == ["Owls.", "Owls?"]
    assert list_texts(client.get("/messages/?prompts=1")) == ["Owls?"]
    assert list_texts(client.get("/messages/?prompts=1&q=owl")) == ["Owls?"]


def test_hits_are_marked_and_nothing_of_a_text_is_markup(client, campaign):
    make_tree(campaign, "An <b>owl</b> & co")
    index_all()
    answer = client.get("/messages/?q=owl")
    assert "An &lt;b&gt;<mark>owl</mark>&lt;/b&gt; &amp; co" in answer.text


@pytest.mark.parametrize("way", STORED_ATTACKS)
def test_hostile_texts_and_queries_stay_texts(client, campaign, way):
    for text in STORED_ATTACKS[way]:
        make_tree(campaign, text)
    index_all()
    pages = [client.get("/messages/"), *(client.get("/messages/", {"q": text}) for text in STORED_ATTACKS[way][:8])]
    assert [page.status_code for page in pages if page.status_code != 200] == []
    assert len(list_texts(pages[0])) == min(len(STORED_ATTACKS[way]), 30)
    assert [wrong for page in pages for wrong in find_wrongs(page.text)] == []


def test_a_search_without_a_word_says_so_and_lists_the_newest(client, campaign):
    make_tree(campaign, "Hello")
    answer = client.get("/messages/?q=%3F")
    assert "There is no word to search for" in answer.text
    assert list_texts(answer) == ["Hello"]


def test_nothing_found_says_what_to_try(client, campaign):
    assert "Nothing is there to read yet." in client.get("/messages/").text
    make_tree(campaign, "Hello")
    index_all()
    assert "Nothing that you may read has these words." in client.get("/messages/?q=zebra").text


def test_pages_go_on_where_the_last_one_ended(client, campaign):
    for number in range(35):
        make_tree(campaign, f"Prompt {number:02}")
    first = client.get("/messages/?language=en")
    older = re.search(r'href="(\?[^"]*before=\d+)" rel="next"', first.text)[1].replace("&amp;", "&")
    second = client.get(f"/messages/{older}")
    assert list_texts(first) + list_texts(second) == [f"Prompt {number:02}" for number in reversed(range(35))]
    assert "language=en" in older
    assert ('rel="next"' in second.text, "Newest</a>" in second.text) == (False, True)


def test_htmx_is_given_the_list_alone(client, campaign):
    make_tree(campaign, "Hello")
    answer = client.get("/messages/?q=", headers={"HX-Request": "true", "HX-Target": "found"})
    assert answer.text.startswith('<div id="found">')
    assert list_texts(answer) == ["Hello"]


def test_what_is_sealed_is_in_no_list(client):
    prompt = make_prompt(make_campaign(), replies=2)
    index_all()
    assert all("Reply" in reply.text for reply in prompt.replies.all())
    for path in ("/messages/", "/messages/?q=reply", "/campaigns/birds/messages/"):
        assert "Reply 0" not in client.get(path).text
    MessageTree.objects.update(state="done")
    assert len(list_texts(client.get("/messages/?q=reply"))) == 2


def test_when_a_reply_was_written_is_not_told_while_it_is_judged(client, campaign):
    prompt = make_tree(campaign)
    reply_to(prompt, "For joy.", created_at=NOW.replace(year=1999))
    assert "1999" not in client.get("/messages/").text
    MessageTree.objects.update(state="done")
    assert "1999" in client.get("/messages/").text


def test_a_draft_is_listed_for_its_members_alone(client, ada):
    campaign = make_campaign(state="draft", kinds=["label"])
    make_tree(campaign, "Hello")
    assert list_texts(client.get("/messages/?campaign=birds")) == []
    assert client.get("/campaigns/birds/messages/").status_code == 404
    Membership.objects.create(campaign=campaign, user=ada.user, role="annotator")
    assert list_texts(client.get("/campaigns/birds/messages/")) == ["Hello"]


def test_a_campaign_beyond_those_to_choose_from_is_chosen_by_its_address(client, campaign, monkeypatch):
    make_tree(campaign, "Hello")
    make_campaign(slug="bees")
    monkeypatch.setattr(page_module, "MOST_CAMPAIGNS", 1)
    answer = client.get("/messages/?campaign=birds")
    assert '<option value="birds" selected>' in answer.text
    assert list_texts(answer) == ["Hello"]


def test_who_is_nobody_signs_in_first(campaign):
    for path in ("/messages/", "/campaigns/birds/messages/"):
        assert Client().get(path)["Location"].startswith("/account/login/?next=")


@pytest.mark.parametrize("path", ["/messages/", "/messages/?q=prompt", "/campaigns/birds/messages/"])
@pytest.mark.parametrize("rows", [1, 3])
def test_a_list_takes_as_many_queries_whatever_its_length(client, campaign, path, rows, django_assert_num_queries):
    for number in range(rows):
        make_tree(campaign, f"Prompt {number}")
    index_all()
    client.get(path)
    with django_assert_num_queries(3):
        assert len(list_texts(client.get(path))) == rows


def test_what_one_wrote_leads_to_its_conversation_from_ones_contributions(client, ada):
    campaign = make_campaign(kinds=["write_assistant_reply"])
    make_prompt(campaign, replies=0)
    submit(ada, ask(ada, campaign)["assignment"]["id"], {"text": "For joy."})
    mine = Message.objects.get(author=ada)
    assert f'<a href="/messages/{mine.pk}/">Read it in its conversation</a>' in client.get("/me/contributions/").text
    assert client.get(f"/messages/{mine.pk}/", follow=True).text.count("For joy.") == 1


def test_reading_is_in_the_navigation_of_whoever_is_signed_in(client, campaign):
    assert '<a href="/messages/" aria-current="page">Read</a>' in client.get("/messages/").text
    assert '<a href="/campaigns/birds/messages/">Messages</a>' in client.get("/campaigns/birds/").text
    assert '<a href="/messages/">' not in Client().get("/").text


def test_a_guest_reads_reacts_and_reports(campaign):
    Campaign.objects.update(allow_guests=True)
    prompt = make_tree(campaign, "Hello")
    guest = come_as("guest", campaign)
    assert list_texts(guest.get("/messages/")) == ["Hello"]
    assert guest.get(f"/trees/{prompt.tree_id}/").status_code == 200
    assert guest.post(f"/messages/{prompt.pk}/react/", {"code": "heart"}).status_code == 302
    assert guest.post(f"/messages/{prompt.pk}/report/", {"reason": "spam"}).status_code == 302
    assert (prompt.reactions.count(), prompt.reports.count()) == (1, 1)
