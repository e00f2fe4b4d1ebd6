"""Lists show a text as plain words on one line."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.text.snippets import as_plain_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Two  words\n\nand more", "Two words and more"),
        ("# Title\n\nText", "Title Text"),
        ("**Bold** and *slanted*, __bold__ and _slanted_, ***both***", "Bold and slanted, bold and slanted, both"),
        ("**Step 1:** Wash *all* of it", "Step 1: Wash all of it"),
        ("- milk\n- eggs\n* bread", "• milk • eggs • bread"),
        ("1. First\n2. Second", "1. First 2. Second"),
        ("- [ ] to do\n- [x] done", "• to do • done"),
        ("> quoted\n>> twice", "quoted twice"),
        ("See [the guide](https://example.org/a_(b)) and ![a cat](cat.png)", "See the guide and a cat"),
        ("See <https://example.org/_x_>", "See https://example.org/_x_"),
        ("```python\nprint(1)\n```\nThat is it", "print(1) That is it"),
        ("Use `a * b * c` or `**kwargs`", "Use a * b * c or **kwargs"),
        ("~~No~~ yes", "No yes"),
        ("Title\n=====\n\n---\n\nText", "Title Text"),
        (r"\*not bold\*", "*not bold*"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b | | 1 | 2 |"),
    ],
)
def test_marks_of_markdown_go_and_words_stay(text, line) -> None:
    assert as_plain_line(text) == line


@pytest.mark.parametrize(
    "text",
    [
        "2 * 3 * 4 = 24", "2*3*4", "snake_case_name and _private", "a > b", "5 - 3 = 2", "#hashtag", "**cut in the mid",
        "f(x) = x**2 + y**2", "[1, 2, 3](no link here", "`unclosed", "C# and F#", "نص *عربي", "-5 degrees",
    ],
)  # fmt: skip
def test_what_is_no_mark_stays(text) -> None:
    assert as_plain_line(text) == text


@given(st.text(max_size=300))
def test_any_text_becomes_one_line_and_no_character_is_made_up(text) -> None:
    line = as_plain_line(text)
    assert line == " ".join(line.split())
    assert set(line) <= set(text) | {"•", " "}


@pytest.mark.parametrize(
    "part", ["*", "_", "`", "[", "![](", "> ", "**a", "_a_", "- ", "~~", "\\", "[a](", "<http://a"]
)
def test_hostile_texts_cost_little(part) -> None:
    started = process_time()
    as_plain_line(part * (4000 // len(part)))
    assert process_time() - started < 0.5
