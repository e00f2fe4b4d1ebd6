"""What a page of work says it is for, and what stands first where an answer decides about a text."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains

from annotate.models import UnitDetail
from tests.kinds import make_brief, make_growing, make_tree, open_unit
from tests.web.workers import ask_next, sign_in, text_of

pytestmark = pytest.mark.django_db
REVIEW = "You help to decide whether it may stay."


def review(client: Client) -> str:
    campaign = make_growing()
    (prompt,) = make_tree(campaign, "Which bird sings at night?", state="prompt_review", reviews=("pending",))
    unit = open_unit(campaign, "label", subject=prompt)
    UnitDetail.objects.filter(unit=unit).update(reason_code="review_wanted")
    sign_in(client)
    return client.get(f"/work/{ask_next(client)}/").text


def test_a_review_says_what_it_decides(client: Client) -> None:
    page = review(client)
    assert ">Review a message</h1>" in page
    assert REVIEW in page


def test_in_a_review_what_decides_stands_first_and_has_keys(client: Client) -> None:
    page = review(client)
    assert list(dict.fromkeys(re.findall(r'name="label\.(\w+)"', page))) == ["spam", "pii", "quality"]
    flag = re.search(r'<input type="checkbox" name="label\.pii"[^>]*data-key="(\w)"', page)
    assert flag is not None
    assert f"<kbd>{flag[1]}</kbd>" in page
    keys = re.findall(r'data-key="([^"]+)"', page[page.index('<div class="answers">') : page.index("<answer-check")])
    assert len(keys) == len(set(keys)) == 3 + 1 + 6


def test_labels_that_decide_nothing_say_so_of_nothing(client: Client) -> None:
    campaign = make_growing()
    (prompt,) = make_tree(campaign, "Which bird sings at night?")
    open_unit(campaign, "label", subject=prompt)
    sign_in(client)
    page = client.get(f"/work/{ask_next(client)}/")
    assertContains(page, ">Label this message</h1>")
    assertNotContains(page, REVIEW)
    assert list(dict.fromkeys(re.findall(r'name="label\.(\w+)"', page.text))) == ["spam", "quality", "pii"]


def test_turns_of_one_who_asks_are_ranked_under_their_own_name(client: Client) -> None:
    campaign = make_growing(rank_prompter_replies=True)
    _prompt, reply, first = make_tree(campaign, "Which bird sings at night?", "The nightingale.", "And by day?")
    _other, _reply, second = make_tree(campaign, "Which?", "That.", "How far can one hear it?")
    open_unit(campaign, "rank", subject=reply, candidates=[first, second])
    sign_in(client)
    page = client.get(f"/work/{ask_next(client)}/")
    assertContains(page, ">Rank 2 ways to go on</h1>")
    assertContains(page, "Each of them is what the person who asks might say next.")


def test_prompts_are_called_prompts_where_they_are_ranked(client: Client) -> None:
    campaign = make_growing()
    prompts = [make_tree(campaign, text, state="waiting")[0] for text in ("Why is it blue?", "What is a fjord?")]
    open_unit(campaign, "rank", brief=make_brief(campaign), candidates=prompts)
    sign_in(client)
    said = text_of(client.get(f"/work/{ask_next(client)}/"))
    assert "Prompt A" in said
    assert "Reply A" not in said
    assert "Acceptable means: it may have its turn." in said


def test_who_came_to_write_prompts_sees_what_is_needed_and_how_much_of_it(client: Client) -> None:
    campaign = make_growing()
    for text in ("Which bird sings at night?", "Why is it blue?"):
        (prompt,) = make_tree(campaign, text)
        open_unit(campaign, "write_assistant_reply", subject=prompt, needed=2)
    sign_in(client)
    page = client.post("/campaigns/birds/next/", {"kind": "write_prompt"})
    assertContains(page, "No new prompts are needed now</h1>")
    said = text_of(page)
    assert "What you could do instead" in said
    assert "2 wait" in said
