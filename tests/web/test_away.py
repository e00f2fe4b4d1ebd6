"""The page that asks before a link is followed, and the preview of a text."""

from __future__ import annotations

from html import unescape
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from annotate import limits
from annotate.services.guests import create_guest
from annotate.services.terms import CURRENT_TERMS
from annotate.web.visitors import GUEST_COOKIE
from tasks.text.markdown.render import MAX_MARKDOWN_CHARS
from tests.html_walk import walk
from tests.loop import make_campaign

pytestmark = pytest.mark.django_db


def ask_for(client: Client, address: str, **headers: str) -> str:
    answer = client.get(f"/away/?to={quote(address, safe='')}", headers=headers)
    assert answer.status_code == 200
    return answer.text


@pytest.fixture
def guest(client: Client) -> Client:
    make_campaign(guests=True)
    _, client.cookies[GUEST_COOKIE] = create_guest(languages=["en"], terms_version=CURRENT_TERMS, now=timezone.now())
    return client


def test_a_link_is_asked_about_and_offered_without_telling_where_one_comes_from(client: Client):
    text = ask_for(client, "https://a.example/b?c=d&e")
    assert '<bdi dir="ltr">a.example</bdi>' in text
    assert (
        '<a class="btn main" href="https://a.example/b?c=d&amp;e" rel="nofollow noopener noreferrer">Open it</a>'
        in text
    )


def test_what_only_looks_like_a_place_is_exposed_and_left_out(client: Client):
    text = ask_for(client, "https://good.example@evil.example/x")
    assert '<bdi dir="ltr">evil.example</bdi>' in text
    assert '<bdi dir="ltr" class="place-said">good.example</bdi>, is not where this leads.' in text
    assert 'href="https://evil.example/x"' in text


def test_a_name_in_another_script_is_shown_in_both_its_forms(client: Client):
    text = ask_for(client, "https://xn--80ak6aa92e.example/")
    assert '<bdi dir="ltr">xn--80ak6aa92e.example</bdi>' in text
    assert '<bdi class="place-said">аррӏе.example</bdi>' in text


def test_a_connection_that_is_not_encrypted_is_said(client: Client):
    said = "not encrypted"
    assert [said in ask_for(client, f"{scheme}://a.example") for scheme in ("http", "https")] == [True, False]


def test_a_mail_address_is_asked_about_in_its_own_words(client: Client):
    text = ask_for(client, "mailto:a@b.example")
    assert ("Write a mail?" in text, 'href="mailto:a@b.example"' in text) == (True, True)


@pytest.mark.parametrize(
    ("came_from", "back"),
    [
        ("http://testserver/work/7/", "/work/7/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("//evil.example/", "/"),
        ("", "/"),
    ],
)
def test_the_way_back_leads_to_a_page_of_ours(client: Client, came_from: str, back: str):
    text = ask_for(client, "https://a.example", Referer=came_from)
    found = text.partition('<a class="btn" href="')[2].partition('"')[0]
    assert found.removeprefix("http://testserver") == back


@pytest.mark.parametrize(
    "address",
    ["", "x", "javascript:alert(1)", "data:text/html,x", "ftp://a.example", "//a.example", "/me/", "https://a.example\\@b", "https://a\nb",
     "https://2130706433/", "https://" + "a" * 3_000, "\x00", "mailto:a@b?cc=d"],
)  # fmt: skip
def test_an_address_that_is_no_ordinary_link_is_refused_with_a_sentence(client: Client, address: str):
    answer = client.get("/away/", {"to": address})
    assert answer.status_code == 422
    assert "This link leads nowhere that we can name" in unescape(answer.text)
    assert "btn main" in answer.text


def test_the_page_that_asks_needs_no_question_to_the_database_from_nobody(client: Client, django_assert_num_queries):
    with django_assert_num_queries(0):
        ask_for(client, "https://a.example")


def test_a_preview_is_the_text_as_its_readers_will_see_it(guest: Client):
    answer = guest.post("/preview/", {"text": "*a* <script>b</script>"})
    assert (answer.status_code, answer.text.strip()) == (
        200,
        '<p dir="auto"><em>a</em> &lt;script&gt;b&lt;/script&gt;</p>',
    )


def test_a_preview_of_nothing_says_so(guest: Client):
    assert "Nothing written yet." in guest.post("/preview/", {"text": " \n"}).text


def test_a_preview_holds_nothing_but_what_a_text_may(guest: Client):
    text = guest.post("/preview/", {"text": "<img src=x onerror=y>\n\n[x](javascript:y)\n\n$\\href{z}{x}$"}).text
    assert walk(text).wrongs == []


def test_a_preview_of_too_much_is_refused_and_the_text_is_safe(guest: Client):
    answer = guest.post("/preview/", {"text": "a" * (MAX_MARKDOWN_CHARS + 1)})
    assert (answer.status_code, "Your text is safe where you wrote it." in answer.text) == (422, True)


def test_a_preview_is_for_those_who_take_part(client: Client):
    assert client.post("/preview/", {"text": "a"}).status_code == 401


def test_a_preview_is_posted(guest: Client):
    assert guest.get("/preview/").status_code == 405


def test_previews_of_one_person_are_limited(guest: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "MOST_PREVIEWS", 2)
    assert [guest.post("/preview/", {"text": "a"}).status_code for _time in range(3)] == [200, 200, 429]
