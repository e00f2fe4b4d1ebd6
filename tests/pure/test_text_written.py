"""What somebody may write: everything that a language or an emoji needs, nothing that hides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.text.guards import is_blank
from tasks.text.written import Unwritable, find_unwritable

PERSIAN = "می\u200cخواهم"
FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    "text",
    [
        "One\ttwo\r\nthree\fnew page",
        "<script>alert(1)</script> &nbsp; <!-- as written -->",
        "![](https://example.org/a.png)",
        PERSIAN,
        "क्\u200dष",  # a half form
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \u2764\ufe0f\u200d\U0001f525",
        f"Alba {FLAG} gu bràth",
        "\u200fעברית\u200f and \u2067isolated\u2069",
        "葛\U000e0100城市",
        "ไทย\u200bไทย",
        "x" * 100_000,
        "",
    ],
)
def test_what_languages_and_emoji_need_may_be_written(text):
    assert find_unwritable(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\x00", Unwritable("text_has_nul", 2, "U+0000")),
        ("ab\ud800", Unwritable("text_has_surrogate", 3, "U+D800")),
        ("\x1b[31mred", Unwritable("text_has_control", 1, "U+001B")),
        ("a\x9fb", Unwritable("text_has_control", 2, "U+009F")),
        ("a\ufffe", Unwritable("text_has_control", 2, "U+FFFE")),
        ("good \u202efdp.exe", Unwritable("text_has_override", 6, "U+202E")),
        ("\u202dabc", Unwritable("text_has_override", 1, "U+202D")),
        ("Hi\U000e0049\U000e0067", Unwritable("text_has_hidden", 3, "U+E0049")),
        (f"{FLAG}\U000e0041", Unwritable("text_has_hidden", 8, "U+E0041")),
        ("no" + "\u200b\u200c\u200d\u2060\ufeff", Unwritable("text_has_hidden", 3, "U+200B")),
        ("v" + "\ufe00\ufe01\ufe02\ufe03\ufe04", Unwritable("text_has_hidden", 2, "U+FE00")),
        ("Z" + "\u0301" * 31, Unwritable("text_has_stacked_marks", 2, "U+0301")),
        ("\u202e then \x00", Unwritable("text_has_nul", 8, "U+0000")),
    ],
)
def test_what_hides_or_cannot_be_stored_is_found_with_its_place(text, found):
    assert find_unwritable(text) == found


@pytest.mark.parametrize("text", ["\u3164", "\u2800 \u2800", "\u115f\u1160", "\ufe0f\u200d", "\uffa0\n", "\U000e0041"])
def test_fillers_alone_are_blank(text):
    assert is_blank(text)


@given(st.text())
def test_what_passes_can_be_stored(text):
    if find_unwritable(text) is None:
        assert "\x00" not in text
        text.encode()
