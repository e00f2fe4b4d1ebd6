"""What was changed in a text that was improved: the way from one to the other, in words or in lines."""

from __future__ import annotations

import pytest
from django.test import Client

from annotate.web.work_edits import MOST_PIECES, Run, compare_texts
from tests.kinds import make_growing, make_tree, open_unit
from tests.web.workers import ask_next, form_of, post, sign_in


def test_words_that_stay_go_and_come() -> None:
    assert compare_texts("It sings at night.", "It mostly sings by day.") == [
        Run("", "It "), Run("+", "mostly "), Run("", "sings "), Run("-", "at night."), Run("+", "by day."),
    ]  # fmt: skip


def test_a_paragraph_that_comes_leaves_the_word_before_it_as_it_is() -> None:
    assert compare_texts("It sings.", "It sings.\n\nAt night.") == [Run("", "It sings."), Run("+", "\n\nAt night.")]


@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("a", "a"), ("a\n\nb  c", "a\n\nc"), (" a ", "a"), ("أ ب", "أ ج"), ("a " * 2000, "b\n" * 300)],
)
def test_both_texts_can_be_read_out_of_the_way_between_them(before: str, after: str) -> None:
    runs = compare_texts(before, after)
    assert "".join(run.text for run in runs if run.sign != "+") == before
    assert "".join(run.text for run in runs if run.sign != "-") == after


def test_texts_of_too_many_lines_are_not_compared() -> None:
    assert compare_texts("a\n" * (MOST_PIECES + 1), "b") == []


@pytest.mark.django_db
def test_what_was_changed_is_shown_where_the_answer_is_read_again(client: Client) -> None:
    campaign = make_growing()
    _prompt, reply = make_tree(campaign, "Which bird sings at night?", "The <b>nightingale</b> sings at night.")
    open_unit(campaign, "improve_reply", subject=reply)
    sign_in(client)
    work = ask_next(client)
    form = form_of(client.get(f"/work/{work}/"))
    post(client, work, "submit", {**form, "text": "The <i>nightingale</i> sings at night."})
    page = client.get(f"/work/{work}/").text
    assert "<del>&lt;b&gt;nightingale&lt;/b&gt; </del><ins>&lt;i&gt;nightingale&lt;/i&gt; </ins>sings at night." in page
    assert page.count("What you changed</h2>") == 1


@pytest.mark.django_db
def test_a_draft_that_changes_nothing_yet_shows_no_changes(client: Client) -> None:
    campaign = make_growing()
    _prompt, reply = make_tree(campaign, "Which bird sings at night?", "The nightingale.")
    open_unit(campaign, "improve_reply", subject=reply)
    sign_in(client)
    work = ask_next(client)
    post(client, work, "submit", {"skip_reason": "other"})
    assert "What you changed" not in client.get(f"/work/{work}/").text
