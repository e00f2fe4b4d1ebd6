"""Texts are rendered once, in the words of the interface, and pages go on when the cache is away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.template import Context, Template
from django.utils import translation

from annotate import rendering
from annotate.rendering import Kept, Prose, render_many, render_text
from tests.attacks import VECTORS

#: With code, so that they are worth a question to the cache.
TEXTS = [f"```\ntext {number}\n```" for number in range(9)]


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    cache.clear()
    rendering.kept.clear()
    yield
    cache.clear()
    rendering.kept.clear()


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were rendered anew."""
    found: list[str] = []
    really = rendering.render_markdown

    def render(text: str, **given: object):
        found.append(text)
        return really(text, **given)

    monkeypatch.setattr(rendering, "render_markdown", render)
    return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions to the cache."""
    found: list[str] = []
    for name in ("get_many", "set_many"):
        really = getattr(cache, name)

        def ask(*given: object, name=name, really=really):
            found.append(name)
            return really(*given)

        monkeypatch.setattr(rendering.shared_cache, name, ask)
    return found


def test_a_text_is_rendered_once(rendered: list[str]):
    assert [render_text("*a*") for _ in range(3)] == ['<p dir="auto"><em>a</em></p>'] * 3
    assert rendered == ["*a*"]


def test_another_process_takes_the_text_from_the_cache(rendered: list[str]):
    first = render_many(TEXTS)
    rendering.kept.clear()
    assert render_many(TEXTS) == first
    assert rendered == TEXTS


def test_nine_texts_are_one_question_and_nine_that_are_kept_are_none(asked: list[str]):
    render_many(TEXTS)
    render_many(TEXTS)
    rendering.kept.clear()
    render_many(TEXTS)
    assert asked == ["get_many", "set_many", "get_many"]


def test_text_that_is_rendered_sooner_than_the_cache_answers_is_not_asked_for(asked: list[str]):
    render_many([f"text *{number}*" for number in range(9)])
    assert asked == []


@pytest.mark.parametrize(
    "text", ["x" * 2_001, "```\na\n```", "$a$", r"\(a\)", r"\[a\]", "a | b\n--|--\n| 1 | 2", "> | a |"]
)
def test_long_texts_and_those_with_code_maths_or_tables_are_shared(asked: list[str], text: str):
    render_text(text)
    assert asked == ["get_many", "set_many"]


def test_texts_come_in_their_order_and_equal_ones_are_rendered_once(rendered: list[str]):
    assert [prose.html for prose in render_many(["a", "b", "a"])] == [f'<p dir="auto">{text}</p>' for text in "aba"]
    assert rendered == ["a", "b"]


def test_a_text_has_the_words_of_the_interface_that_shows_it(rendered: list[str]):
    with translation.override("en"):
        render_text("```\na\n```")
    with translation.override("ar"):
        render_text("```\na\n```")
    assert len(rendered) == 2


def test_a_new_renderer_takes_nothing_that_an_old_one_made(rendered: list[str], monkeypatch: pytest.MonkeyPatch):
    render_text("a")
    monkeypatch.setattr(rendering, "VERSION", rendering.VERSION + 1)
    rendering._renderers.cache_clear()
    render_text("a")
    monkeypatch.undo()
    rendering._renderers.cache_clear()
    assert rendered == ["a", "a"]


def test_pages_go_on_when_the_cache_is_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rendering.shared_cache, "get_many", lambda _keys: {})
    monkeypatch.setattr(rendering.shared_cache, "set_many", lambda _values, _seconds: [])
    assert render_text("a") == '<p dir="auto">a</p>'


def test_what_is_kept_has_a_size_and_the_oldest_goes_first():
    kept = Kept(most_chars=10)
    for key in "abc":
        kept.put(key, Prose(html=key * 4, is_long=False, words=1))
    kept.put("d", Prose(html="d" * 11, is_long=False, words=1))
    assert [kept.get(key) is not None for key in "abcd"] == [False, True, True, False]
    assert kept.chars == 8


def test_any_text_is_kept_and_found_again_as_it_was_made():
    texts = [text for _, text in VECTORS]
    made = render_many(texts)
    rendering.kept.clear()
    assert render_many(texts) == made


def test_in_a_template_a_text_is_rendered_and_none_is_nothing():
    page = Template("{% load prose %}{{ text|prose }}|{{ none|prose }}|{{ host|visible }}")
    shown = page.render(Context({"text": "<b>*a*", "none": None, "host": "<a\u202eb"}))
    assert shown == '<p dir="auto">&lt;b&gt;<em>a</em></p>||&lt;a<span class="unseen">U+202E</span>b'
