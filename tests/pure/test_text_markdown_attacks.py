"""Whatever a text holds, its HTML is made of allowed tags, attributes and addresses alone."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.text.markdown.maths import write_formula
from tasks.text.markdown.render import render_markdown, render_plain
from tasks.text.markdown.sanitise import LostFormula, put_in, sanitise
from tasks.text.markdown.unseen import CLOSE, OPEN, clean_source
from tasks.text.markdown.words import Words
from tests.attacks import ATTACKS, EVENTS, FOREIGN_MARKUP, RAW_SCRIPT, VECTORS
from tests.html_walk import walk


@pytest.mark.parametrize("kind", ATTACKS)
def test_attacks_leave_nothing_but_what_a_text_may_hold(kind: str):
    wrongs = {text: found for text in ATTACKS[kind] if (found := walk(render_markdown(text).html).wrongs)}
    assert wrongs == {}


def test_attacks_all_in_one_text_leave_nothing_either():
    html = render_markdown("\n\n".join(text for _, text in VECTORS)).html
    assert walk(html).wrongs == []


def test_attacks_shown_as_plain_paragraphs_leave_paragraphs_alone():
    reader = walk("".join(render_plain(clean_source(text)) for _, text in VECTORS))
    assert (reader.wrongs, set(reader.tags)) == ([], {"p", "br", "span"})


def test_the_walk_finds_what_is_wrong_in_the_attacks_themselves():
    bare = [text for text in RAW_SCRIPT[:6] + EVENTS[:20] + FOREIGN_MARKUP[:30] if walk(text).wrongs == []]
    assert bare == []


@pytest.mark.parametrize(
    "html", ["<a href='javascript:x'>", "<a href='//evil.example/?to=x'>", "<p style=x>", "<a id=x>"]
)
def test_the_sanitiser_alone_would_hold(html: str):
    assert sanitise(html) in ('<a rel="nofollow noopener noreferrer ugc"></a>', "<p></p>")


@pytest.mark.parametrize("kind", ATTACKS)
def test_attacks_given_to_the_sanitiser_as_html_leave_nothing(kind: str):
    found = {
        text: [
            wrong
            for wrong in walk(sanitise(text.encode(errors="replace").decode())).wrongs
            if not wrong.startswith("text ")
        ]
        for text in ATTACKS[kind]
    }
    assert {text: wrongs for text, wrongs in found.items() if wrongs} == {}


@pytest.mark.parametrize("kind", ATTACKS)
def test_attacks_written_as_formulas_leave_nothing(kind: str):
    made = [write_formula(text, display=True) for text in ATTACKS[kind]]
    assert [walk(html).wrongs for html in made if html is not None and walk(html).wrongs] == []


def test_a_script_in_a_text_is_shown_as_it_was_written():
    assert walk(render_markdown("<b onclick=x>hello</b> & <script>y</script>").html).words == [
        "<b onclick=x>hello</b> & <script>y</script>"
    ]


def test_a_picture_is_its_words_and_where_it_would_have_come_from():
    html = render_markdown("![a *red* boat](https://pictures.example/boat.png)").html
    assert html == (
        '<p dir="auto">a red boat <span class="aside" dir="auto">(picture at pictures.example, not loaded)</span></p>'
    )


def test_a_place_of_a_formula_cannot_be_written():
    html = render_markdown(f"$x$ {OPEN}0{CLOSE} https://a.example/%EF%B7%900%EF%B7%91").html
    assert html.count("<math") == 1


@pytest.mark.parametrize("html", [f"{OPEN}0{CLOSE}{OPEN}0{CLOSE}", f"{OPEN}1{CLOSE}", ""])
def test_a_place_that_is_missing_or_doubled_is_no_formula(html: str):
    with pytest.raises(LostFormula):
        put_in(html, ["<math></math>"])


def test_words_of_the_interface_are_escaped_too():
    words = Words(code='"><script>', table="<b>", formula="'&", picture_at="<i>{host}", done="<u>", to_do='" x="')
    html = render_markdown(
        "- [ ] a\n- [x] b\n\n![p](https://a.example)\n\n    code\n\n|a|\n|-|\n\n$$x$$", words=words
    ).html
    assert set(walk(html).tags) <= {
        "ul",
        "li",
        "span",
        "p",
        "pre",
        "code",
        "div",
        "table",
        "thead",
        "tr",
        "th",
        "math",
        "mrow",
        "mi",
    }
    assert "<script" not in html


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example/", "/\\evil/", 'x"', "/", ""])
def test_links_lead_to_a_page_of_ours_or_rendering_is_refused(away: str):
    with pytest.raises(ValueError, match="not an address of a page of ours"):
        render_markdown("x", away=away)


PIECES = st.one_of(
    st.text(max_size=8),
    st.text(alphabet="*_`~[]()<>!#|-+.:/\\$&;\"'= \n\t0aх1", max_size=12),
    st.sampled_from([*(text for _, text in VECTORS), "$", "$$", "\\(", "\\)", "\\[", "\\]", "```", "\n\n", "> ", "- ", "| ", "\n|-|\n"]),
    st.characters(),
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join))
@example("\ud800")
def test_any_text_renders_within_the_walk_and_the_same_again(text: str):
    rendered = render_markdown(text)
    assert walk(rendered.html).wrongs == []
    assert render_markdown(text) == rendered
    rendered.html.encode()
