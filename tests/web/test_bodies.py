"""How much is sent, and whether it can be kept, is looked at before anything is done with it."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from annotate.models import Session
from annotate.web.bodies import FRAME_BYTES
from annotate.web.visitors import GUEST_COOKIE
from tests.loop import make_campaign, make_prompt
from tests.web.workers import ask_next, post, sign_in, work_id

pytestmark = pytest.mark.django_db
MULTIPART = {"CONTENT_TYPE": "multipart/form-data; boundary=x"}


class Unreadable(BytesIO):
    """A body that tells when somebody reads of it."""

    def read(self, *_size: int | None) -> bytes:
        raise AssertionError("the body was read")


def send(path: str, length: int):
    return Client(enforce_csrf_checks=True).generic(
        "POST", path, **MULTIPART, CONTENT_LENGTH=str(length), **{"wsgi.input": Unreadable()}
    )


@pytest.mark.parametrize("name", ["set_interface_language", "try_pair", "start", "account_login", "preview_text"])
def test_body_longer_than_any_form_is_refused_unread(name: str) -> None:
    answer = send(reverse(name), settings.DATA_UPLOAD_MAX_MEMORY_SIZE + FRAME_BYTES + 1)
    assert (answer.status_code, "takes at once" in answer.text) == (413, True)


def test_text_with_a_nul_is_refused_wherever_it_is_sent(client: Client) -> None:
    sign_in(client)
    make_prompt(make_campaign())
    assignment = ask_next(client)
    for verb, field in [("submit", "skip_reason"), ("draft", "rationale"), ("submit", "rationale"), ("draft", "x\0")]:
        answer = post(client, assignment, verb, {field: "a\0b"})
        assert (answer.status_code, "NUL character" in answer.text) == (422, True)
    assert client.get(f"/work/{assignment}/").status_code == 200


@pytest.mark.parametrize("place", ["0001" + "1" * 5_000, "9" * 5_000, "21", "-1", "٣", "²"])
def test_number_of_a_place_that_no_form_sends_is_refused(client: Client, place: str) -> None:
    sign_in(client)
    make_prompt(make_campaign())
    assignment = ask_next(client)
    for fields in ({"tiers": f"a:{place}"}, {"tiers": "a:1", "acceptable_tiers": place}):
        answer = post(client, assignment, "draft", fields)
        assert (answer.status_code, "could not be read" in answer.text) == (422, True)


def test_stale_forms_of_a_guest_without_a_session_are_limited(settings) -> None:
    """Each would have a session of its own, with all that was sent in it."""
    settings.LIMIT_GUESTS = 2
    campaign = make_campaign(guests=True)
    make_prompt(campaign)
    client = Client()
    assignment = work_id(client.post("/start/", {"campaign": campaign.slug})["Location"])
    answers = []
    for _time in range(3):
        stale = Client(enforce_csrf_checks=True)
        stale.cookies[GUEST_COOKIE] = client.cookies[GUEST_COOKIE].value
        answers.append(post(stale, assignment, "submit", {"rationale": "So."}, Origin="http://testserver"))
    assert [answer.status_code for answer in answers] == [403, 403, 429]
    assert Session.objects.count() == 2


def test_stale_forms_count_as_calls(settings) -> None:
    settings.LIMIT_ADDRESS = 1
    answers = [
        post(Client(enforce_csrf_checks=True), 1, "submit", {"rationale": "So."}, Origin="http://testserver")
        for _time in range(2)
    ]
    assert [answer.status_code for answer in answers] == [302, 429]
