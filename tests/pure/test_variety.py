"""Candidates that show too little to choose from, and who is asked for another one."""

from __future__ import annotations

import pytest

from tasks.scheduling.variety import are_alike, choose_sample

SAME = (
    "Birds sing to call a mate and to mark the place where they live, mostly in the morning.",
    "Birds sing to call a mate, and to mark the place where they live, most of all in the morning.",
)
OTHER = "Song is learned: young finches listen to their fathers for weeks before they try a note of their own."


def test_texts_that_say_the_same_in_nearly_the_same_words_are_alike() -> None:
    assert are_alike(SAME, near_duplicate=0.8)


def test_texts_that_say_different_things_are_not() -> None:
    assert not are_alike((SAME[0], OTHER), near_duplicate=0.8)


def test_one_that_is_different_makes_up_for_two_that_are_alike() -> None:
    assert not are_alike((*SAME, OTHER, "Nobody knows."), near_duplicate=0.8)


def test_the_same_words_in_another_order_are_alike() -> None:
    words = [
        "early",
        "nightingales",
        "warn",
        "rivals",
        "loudly",
        "while",
        "courting",
        "silent",
        "females",
        "near",
        "hedges",
    ]
    assert are_alike((" ".join(words), " ".join(reversed(words))), near_duplicate=1.0)


@pytest.mark.parametrize("texts", [(), ("One.",)])
def test_fewer_than_two_are_never_alike(texts) -> None:
    assert not are_alike(texts, near_duplicate=0.5)


def test_texts_without_a_word_are_not_alike() -> None:
    assert not are_alike(("…", "!!!"), near_duplicate=0.5)


def test_who_was_asked_least_is_asked_next_in_the_order_named() -> None:
    named = [(7, 2), (3, 1)]
    assert choose_sample(named, {}) == (7, 0)
    assert choose_sample(named, {7: {0}}) == (3, 0)
    assert choose_sample(named, {7: {0}, 3: {0}}) == (7, 1)
    assert choose_sample(named, {7: {1}}) == (3, 0)
    assert choose_sample(named, {7: {0, 1}, 3: {0}}) is None
    assert choose_sample([], {}) is None
