"""Every kind of writing as a page: its form, what is stored, what is refused at which field, and advice while one writes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains

from annotate.models import Campaign, Judgment, Message, MessageTree
from tests.kinds import make_brief, make_growing, make_tree, open_unit
from tests.web.workers import HTMX, ask_next, form_of, post, sign_in, text_of

pytestmark = pytest.mark.django_db

PROMPT, REPLY = "Which bird sings at night?", "The nightingale sings at night."
CHECK = {"HX-Request": "true", "HX-Target": "checked"}


@pytest.fixture
def campaign() -> Campaign:
    return make_growing()


def open_kind(campaign: Campaign, kind: str, **brief: Any) -> None:
    """One open unit of this kind."""
    if kind in ("write_prompt", "write_pair"):
        open_unit(campaign, kind, brief=make_brief(campaign, **brief))
        return
    thread = make_tree(campaign, PROMPT, REPLY)
    if kind == "improve_reply":
        open_unit(campaign, kind, subject=thread[1])
    else:
        open_unit(campaign, kind, subject=thread[1] if kind == "write_prompter_reply" else thread[0])


def send(client: Client, work: int, verb: str = "submit", **fields: Any):
    """The form as it stands with these fields in it."""
    form = form_of(client.get(f"/work/{work}/"))
    return post(client, work, verb, {**form, **fields})


@pytest.mark.parametrize(
    ("kind", "heading", "texts"),
    [
        ("write_prompt", "Write a prompt", {"text": "Your prompt"}),
        (
            "write_pair",
            "Write a prompt and its reply",
            {"prompt": "Your prompt", "reply": "The reply of a good assistant"},
        ),
        ("write_prompter_reply", "Reply as the person who asks", {"text": "What you say next"}),
        ("write_assistant_reply", "Reply as the assistant", {"text": "Your reply"}),
        ("improve_reply", "Improve this reply", {"text": "The better reply"}),
    ],
)
def test_each_kind_has_its_heading_and_its_texts(client, campaign, kind, heading, texts) -> None:
    open_kind(campaign, kind)
    sign_in(client)
    page = client.get(f"/work/{ask_next(client)}/")
    assertContains(page, f">{heading}</h1>")
    form = form_of(page)
    assert {name: form.get(name) for name in ("text", "prompt", "reply") if name in form}.keys() == texts.keys()
    for title in texts.values():
        assertContains(page, f'aria-label="{title}"')
    assert ("The conversation is finished" in page.text) == (kind == "write_prompter_reply")
    assert form["language"] == "en"
    assertNotContains(page, "I can’t tell")


def test_a_prompt_is_written_and_stored_as_a_tree_under_review(client, campaign) -> None:
    open_kind(campaign, "write_prompt")
    ada = sign_in(client)
    work = ask_next(client)
    answer = send(client, work, text="Why do robins sing in winter?", typed_chars="29", pasted_chars="0")
    assertContains(answer, "Your prompt is stored.")
    message = Message.objects.get(author=ada)
    assert (message.text, message.review_state, message.tree.state) == (
        "Why do robins sing in winter?", "pending", "prompt_review",
    )  # fmt: skip
    assert Judgment.objects.get().signals == {"typed_chars": 29, "pasted_chars": 0}


def test_a_page_without_scripts_counts_nothing(client, campaign) -> None:
    open_kind(campaign, "write_prompt")
    sign_in(client)
    send(client, ask_next(client), text="Why do robins sing in winter?")
    assert Judgment.objects.get().signals is None


def test_a_brief_is_read_above_the_form(client, campaign) -> None:
    open_kind(campaign, "write_prompt", topic="Birds", difficulty="hard", words="About **song**, please.")
    sign_in(client)
    page = client.get(f"/work/{ask_next(client)}/")
    for words in ("<bdi>Birds</bdi>", "<bdi>hard</bdi>", "<strong>song</strong>"):
        assertContains(page, words)


def test_a_brief_that_leaves_all_open_takes_no_room(client, campaign) -> None:
    open_kind(campaign, "write_prompt")
    sign_in(client)
    assertNotContains(client.get(f"/work/{ask_next(client)}/"), 'class="brief"')


def test_a_pair_is_stored_whole_and_undone_into_the_same_form(client, campaign) -> None:
    open_kind(campaign, "write_pair")
    sign_in(client)
    work = ask_next(client)
    texts = {"prompt": "What do robins eat?", "reply": "Worms, beetles and berries."}
    send(client, work, **texts)
    assert set(Message.objects.values_list("text", flat=True)) == set(texts.values())
    undone = client.post(f"/judgments/{Judgment.objects.get().pk}/undo/")
    assert undone.status_code == 302
    form = form_of(client.get(f"/work/{work}/"))
    assert {name: form[name] for name in texts} == texts


def test_half_a_pair_is_refused_at_the_half_that_is_missing(client, campaign) -> None:
    open_kind(campaign, "write_pair")
    sign_in(client)
    work = ask_next(client)
    answer = send(client, work, prompt="What do robins eat?", reply="  ")
    assert answer.status_code == 422
    assert "A pair has a prompt and its reply" in text_of(answer)
    assert answer.text.count('aria-invalid="true"') == 1
    assert form_of(answer)["prompt"] == "What do robins eat?"
    assert MessageTree.objects.count() == 0


def test_the_conversation_can_be_finished_instead_of_going_on(client, campaign) -> None:
    open_kind(campaign, "write_prompter_reply")
    sign_in(client)
    assertContains(send(client, ask_next(client), text="half a", ends_thread="yes"), "Your reply is stored.")
    judgment = Judgment.objects.get()
    assert (judgment.ends_thread, judgment.message_id) == (True, None)


def test_a_draft_never_ends_a_conversation(client, campaign) -> None:
    open_kind(campaign, "write_prompter_reply")
    sign_in(client)
    work = ask_next(client)
    send(client, work, "draft", text="half a", ends_thread="yes")
    assert (form_of(client.get(f"/work/{work}/"))["text"], Judgment.objects.count()) == ("half a", 0)


def test_improving_begins_with_the_reply_as_it_is(client, campaign) -> None:
    open_kind(campaign, "improve_reply")
    sign_in(client)
    work = ask_next(client)
    page = client.get(f"/work/{work}/")
    assertContains(page, "The reply as it is")
    assert form_of(page)["text"] == REPLY
    unchanged = send(client, work)
    assert unchanged.status_code == 422
    assert "word for word" in text_of(unchanged)
    better = "The nightingale sings at night, mostly in May."
    assertContains(send(client, work, text=better), "Your reply is stored.")
    assert Message.objects.filter(text=better, parent__text=PROMPT).exists()


def test_an_exact_repeat_is_refused_with_the_text_kept(client, campaign) -> None:
    make_tree(campaign, PROMPT)
    open_kind(campaign, "write_prompt")
    sign_in(client)
    send(client, ask_next(client), text="Why do robins sing in winter?")
    open_kind(campaign, "write_prompt", topic="again")
    other = Client()
    sign_in(other, "grace")
    work = ask_next(other)
    answer = send(other, work, text="Why do robins sing in winter?")
    assert (answer.status_code, form_of(answer)["text"]) == (409, "Why do robins sing in winter?")
    assert 'aria-invalid="true"' in answer.text


def test_two_tabs_that_send_the_same_text_with_other_counts_are_one_answer(client, campaign) -> None:
    open_kind(campaign, "write_prompt")
    sign_in(client)
    work = ask_next(client)
    form = form_of(client.get(f"/work/{work}/")) | {"text": "Why do robins sing in winter?"}
    for counts in ({"typed_chars": "29", "pasted_chars": "0"}, {"typed_chars": "1", "pasted_chars": "28"}):
        assertContains(post(client, work, "submit", form | counts), "Your prompt is stored.")
    assert Judgment.objects.count() == 1


def test_prompts_are_ranked_without_a_conversation(client, campaign) -> None:
    prompts = [make_tree(campaign, text, state="waiting")[0] for text in ("Why is it blue?", "What is a fjord?")]
    open_unit(campaign, "rank", brief=make_brief(campaign), candidates=prompts)
    sign_in(client)
    page = client.get(f"/work/{ask_next(client)}/")
    assertContains(page, ">Rank 2 prompts</h1>")
    for prompt in prompts:
        assertContains(page, prompt.text)


# --- advice while one writes


def test_another_language_is_said_with_a_way_to_correct_either(client) -> None:
    campaign = make_growing(languages=("en", "de"))
    open_kind(campaign, "write_prompt")
    sign_in(client)
    work = ask_next(client)
    german = "Warum singen die Rotkehlchen auch im Winter, wenn es draußen kalt ist und schneit?"
    answer = post(
        client, work, "check", {"kind": "write_prompt", "shown": "", "text": german, "language": "en"}, **CHECK
    )
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="checked"')
    assert 'data-language="de"' in answer.text
    assert "This looks like Deutsch." in text_of(answer)


def test_nearly_the_same_prompts_are_shown_before_submitting(client, campaign) -> None:
    open_kind(campaign, "write_prompt")
    sign_in(client)
    send(client, ask_next(client), text="Why do robins sing all through the cold and dark winter?")
    open_kind(campaign, "write_prompt", topic="again")
    other = Client()
    sign_in(other, "grace")
    work = ask_next(other)
    answer = send(other, work, "check", text="Why do robins sing all through the cold and dark winters?")
    assert answer.status_code == 200
    said = text_of(answer)
    assert "Close to what is here already:" in said
    assert "Why do robins sing all through the cold and dark winter?" in said
    assert form_of(answer)["text"] == "Why do robins sing all through the cold and dark winters?"
    assert Judgment.objects.count() == 1


def test_without_anything_to_say_the_whole_page_says_so_and_the_fragment_is_silent(client, campaign) -> None:
    open_kind(campaign, "write_prompt")
    sign_in(client)
    work = ask_next(client)
    fine = "Why do robins sing in winter when it is cold outside?"
    assert "Nothing stands out." in text_of(send(client, work, "check", text=fine))
    answer = post(client, work, "check", {"text": fine, "language": "en"}, **CHECK)
    assert text_of(answer).strip() == ""


def test_hostile_neighbours_are_text(client, campaign) -> None:
    open_kind(campaign, "write_prompt")
    sign_in(client)
    evil = "<script>alert(1)</script> why do robins sing all through the cold dark winter?"
    send(client, ask_next(client), text=evil)
    open_kind(campaign, "write_prompt", topic="again")
    other = Client()
    sign_in(other, "grace")
    answer = send(other, ask_next(other), "check", text=evil + " Say it.")
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("kind", ["rank", "label"])
def test_work_without_a_text_has_nothing_to_look_at(client, campaign, kind) -> None:
    thread = make_tree(campaign, PROMPT, REPLY)
    if kind == "label":
        open_unit(campaign, kind, subject=thread[1])
    else:
        other = make_tree(campaign, "Another one?", state="waiting")
        open_unit(campaign, kind, brief=make_brief(campaign), candidates=[thread[0], other[0]])
    sign_in(client)
    assert post(client, ask_next(client), "check", {"text": "x", "language": "en"}).status_code == 404


def test_nobody_looks_at_the_text_of_somebody_elses_work(client, campaign) -> None:
    open_kind(campaign, "write_prompt")
    sign_in(client)
    work = ask_next(client)
    other = Client()
    sign_in(other, "grace")
    assert post(other, work, "check", {"text": "x", "language": "en"}).status_code == 404


def test_an_answer_by_htmx_gives_the_next_work_in_place(client, campaign) -> None:
    brief = make_brief(campaign)
    for _ in range(2):
        open_unit(campaign, "write_prompt", brief=brief)
    sign_in(client)
    work = ask_next(client)
    form = form_of(client.get(f"/work/{work}/")) | {"text": "Why do robins sing in winter?"}
    answer = post(client, work, "submit", form, **HTMX)
    assert answer.status_code == 200
    assert "Your prompt is stored." in text_of(answer)
    assert "Write a prompt" in text_of(answer)
