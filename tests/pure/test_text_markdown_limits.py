"""No text costs more than its length allows; what does is shown as plain paragraphs, whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tasks.text.markdown import grammar
from tasks.text.markdown.grammar import TooCostly, parse
from tasks.text.markdown.inline import MAX_FORMULAS, MAX_LINKS
from tasks.text.markdown.render import MAX_MARKDOWN_CHARS, render_markdown
from tasks.text.markdown.writer import MAX_CELLS
from tests.html_walk import walk

FLOODS = {
    "open brackets": "[",
    "pictures": "![",
    "nested pictures": "[![](",
    "close and open": "](",
    "stars": "*",
    "words and stars": "a*",
    "mixed emphasis": "*a_",
    "tildes": "~~a",
    "quotes": ">",
    "quoted lines": "> a\n",
    "ticks": "`",
    "ticks apart": "` ",
    "fences": "```\n",
    "dollars": "$",
    "dollars apart": "$a ",
    "formulas": "$a$ ",
    "formula lines": "$$\n",
    "formula brackets": "\\[\n",
    "inline brackets": "\\(",
    "pipes": "|",
    "table lines": "a|b\n-|-\n",
    "definitions": "[a]: b\n",
    "headings": "# a\n",
    "underlines": "a\n=\n",
    "items": "- a\n",
    "items in items": "- ",
    "numbers": "1. a\n",
    "angles": "<",
    "mails": "<a@b",
    "entities": "&amp;",
    "backslashes": "\\",
    "addresses": "https://",
    "lines": "a\n",
    "paragraphs": "a\n\n",
    "without a space": "a",
    "signs": "漢",
    "hidden": "\u200b",
    "accents": "\u0301",
}


@pytest.mark.parametrize("flood", FLOODS)
def test_twice_the_text_takes_about_twice_the_steps(flood: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(grammar, "STEPS_PER_CHAR", 10_000)
    unit = FLOODS[flood]
    steps = [count_steps(unit * (chars // len(unit))) for chars in (3_000, 6_000)]
    assert steps[1] <= 2.2 * steps[0] + 100


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_a_hundred_thousand_characters_is_shown_whole_and_plain(flood: str):
    unit = FLOODS[flood]
    rendered = render_markdown(unit * (100_000 // len(unit)))
    assert (rendered.is_plain, rendered.is_long) == (True, True)
    reader = walk(rendered.html)
    assert (reader.wrongs, set(reader.tags) <= {"p", "br", "span"}) == ([], True)


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_at_the_limit_renders_within_the_walk(flood: str):
    unit = FLOODS[flood]
    rendered = render_markdown(unit * (20_000 // len(unit)))
    assert walk(rendered.html).wrongs == []


def test_a_text_that_takes_too_many_steps_is_shown_plain():
    with pytest.raises(TooCostly):
        parse("[![](" * 4_000)
    rendered = render_markdown("[![](" * 4_000)
    assert (rendered.is_plain, "".join(walk(rendered.html).words)) == (True, "[![](" * 4_000)


@pytest.mark.parametrize(
    "text", ["> " * 40 + "the words", "".join("  " * deep + "- a\n" for deep in range(60)) + "the words"]
)
def test_nothing_is_lost_in_a_text_that_is_nested_too_deep(text: str):
    rendered = render_markdown(text)
    assert (rendered.is_plain, "the words" in rendered.html) == (True, True)


def test_definitions_alone_are_shown_as_they_are_written():
    assert render_markdown("[//]: # (hidden)").html == '<p dir="auto">[//]: # (hidden)</p>'


@pytest.mark.parametrize(
    ("unit", "most", "head"),
    [("[a](https://a.example)\n", MAX_LINKS, ""), ("|a\n", MAX_CELLS, "|b\n|-\n")],
)
def test_more_links_or_cells_than_a_page_holds_are_shown_plain(unit: str, most: int, head: str):
    most -= bool(head)  # the heading is a cell too
    assert [render_markdown(head + unit * count).is_plain for count in (most, most + 1)] == [False, True]


def test_formulas_past_the_most_are_shown_as_they_are_written():
    html = render_markdown("$x$ " * (MAX_FORMULAS + 2)).html
    assert (html.count("<math"), html.count('<code dir="auto">$x$</code>')) == (MAX_FORMULAS, 2)


def test_a_text_just_within_the_length_is_markdown_and_one_past_it_is_not():
    text = "*a* " * (MAX_MARKDOWN_CHARS // 4)
    assert [render_markdown(text).is_plain, render_markdown(text + "b").is_plain] == [False, True]


@pytest.mark.parametrize(
    "latex", ["{" * 60 + "x" + "}" * 60, "\\left(" * 60 + "\\right)" * 60, "\\sqrt" * 300 + "x", "x" * 2_001, "\\frac"]
)
def test_a_formula_too_deep_too_long_or_broken_is_shown_as_code(latex: str):
    html = render_markdown(f"\\({latex}\\)").html
    assert ("<math" in html, "".join(walk(html).words)) == (
        False,
        f"\\({latex}\\)" if "<code" in html else f"({latex})",
    )


def test_code_that_is_long_or_odd_keeps_its_words_and_loses_its_colours():
    long, odd = "x = 1\n" * 2_000, "y" * 300
    for code in (long, odd):
        html = render_markdown(f"```python\n{code}\n```").html
        assert ("<span" in html, "".join(walk(html).words)) == (False, code.rstrip("\n"))


@pytest.mark.real_data
def test_real_texts_take_few_steps_and_none_is_shown_plain():
    texts: list[str] = []
    trees = Path(os.environ["CHORUS_REAL_DATA"]) / "open-assistant/en_100_tree.jsonl"
    for line in trees.read_text(encoding="utf-8").split("\n")[:-1]:
        waiting = [json.loads(line)["prompt"]]
        while waiting:
            message = waiting.pop()
            texts.append(message["text"])
            waiting += message.get("replies", [])
    assert len(texts) > 1_000
    assert [text for text in texts if render_markdown(text).is_plain] == []
    assert [
        text for text in texts if len(text) > 200 and count_steps(text) > len(text) * grammar.STEPS_PER_CHAR / 2
    ] == []


def count_steps(text: str) -> int:
    try:
        return parse(text)[1]
    except TooCostly:  # nested too deep, which costs nothing more
        return 0
