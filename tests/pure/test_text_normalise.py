"""Equality of texts, what may be stored, and language codes."""

import hashlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.text.guards import BadText, check_text, is_blank
from tasks.text.languages import BadLanguage, base_language, normalise_language
from tasks.text.normalise import canonical_text, longest_combining_run, text_hash

LONE_SURROGATE = "\ud800"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("one\r\ntwo", "one\ntwo"),
        ("one\rtwo", "one\ntwo"),
        ("one  \ntwo\t", "one\ntwo"),
        ("  one\n", "one"),
        ("caf\u00e9", "cafe\u0301"),
        ("\u00a0one\u3000", "one"),
    ],
)
def test_texts_that_look_alike_are_equal(left, right):
    assert canonical_text(left) == canonical_text(right)
    assert text_hash(left) == text_hash(right)


@pytest.mark.parametrize(("left", "right"), [("one two", "one  two"), ("a\nb", "a\n\nb"), ("A", "a"), ("\ufb01", "fi")])
def test_texts_that_read_differently_are_not_equal(left, right):
    assert text_hash(left) != text_hash(right)


def test_the_indent_of_inner_lines_is_kept():
    assert canonical_text("def f():\n    return 1\n\n") == "def f():\n    return 1"


def test_the_hash_of_a_plain_text_is_that_of_its_bytes():
    assert text_hash("One text.") == hashlib.sha256(b"One text.").digest()


@given(st.text())
def test_canonical_text_of_canonical_text_is_itself(text):
    assert canonical_text(canonical_text(text)) == canonical_text(text)


@given(st.text(alphabet="e\u0301\u0327 \n\r\ta"))
def test_composed_and_decomposed_forms_hash_the_same(text):
    assert text_hash(unicodedata.normalize("NFD", text)) == text_hash(unicodedata.normalize("NFC", text))


def test_a_lone_surrogate_is_hashed_rather_than_failing():
    assert len(text_hash(LONE_SURROGATE)) == 32


def test_a_million_marks_on_one_letter_are_compared_as_they_are():
    # Normalising these would cost the square of their number.
    text = "a" + "\u0301\u0327" * 500_000
    assert canonical_text(text) == text
    assert longest_combining_run(text) == 1_000_000


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "text_is_blank"),
        (" \n\t\u00a0\u200b\ufeff", "text_is_blank"),
        ("a\x00b", "text_has_nul"),
        ("a" + LONE_SURROGATE, "text_has_surrogate"),
        ("x" * 101, "text_too_long"),
        ("a" + "\u0301" * 31, "text_has_stacked_marks"),
    ],
)
def test_a_text_that_cannot_be_stored_is_refused_with_its_code(text, code):
    with pytest.raises(BadText) as refusal:
        check_text(text, max_chars=100)
    assert refusal.value.code == code
    assert refusal.value.sentence == str(refusal.value)
    assert refusal.value.sentence.endswith(".")


@pytest.mark.parametrize("text", ["x" * 100, "نعم", "👩‍👩‍👧", "a\u0301b", "  indented", "tab\tand\nline"])
def test_a_text_that_can_be_read_passes_unchanged(text):
    assert check_text(text, max_chars=100) == text


def test_a_refusal_says_where_the_character_stands():
    with pytest.raises(BadText, match="NUL character at position 3"):
        check_text("ab\x00", max_chars=10)


@given(st.text(alphabet=st.characters(categories=["Zs", "Zl", "Zp", "Cf", "Cc"])))
def test_a_text_of_invisible_characters_is_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize(
    ("given_code", "written"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("pt_br", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        (" de ", "de"),
        ("es-419", "es-419"),
    ],
)
def test_a_language_code_is_written_one_way(given_code, written):
    assert normalise_language(given_code) == written


@pytest.mark.parametrize(
    "code", ["", "e", "english", "en-", "12", "en us", "en\x00", "d" * 300, "zh-hant-tw-x-abcdefgh"]
)
def test_what_is_no_language_code_is_refused(code):
    with pytest.raises(BadLanguage, match="is not a language code"):
        normalise_language(code)


def test_the_base_of_a_language_code_has_no_region():
    assert [base_language(code) for code in ("pt-BR", "en")] == ["pt", "en"]
