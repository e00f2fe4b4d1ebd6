"""Words and queries in every script, and snippets that are cut where they should be."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tasks.text.folding import find_words, fold, split_words
from tasks.text.searching import Segment, Term, cut_snippet, list_lexemes, read_query, stemmer_of


def test_words_keep_their_marks_and_scripts_without_blanks_stand_apart():
    assert split_words(fold("हिन्दी Größe3 C++ it's 東京タワーtower ไทย")) == [
        "हिन्दी",
        "grösse3",
        "c",
        "it",
        "s",
        "東京タワー",
        "tower",
        "ไทย",
    ]


def test_what_has_no_blanks_is_kept_in_pairs():
    assert list_lexemes("東京 to Oslo") == ["oslo", "to", "京", "東京"]


def test_a_query_says_how_each_word_is_found():
    assert read_query("Owls hoot", is_stemmed=True) == [
        Term("'owls'", "owls", "owls"),
        Term("'hoot':*", "hoot", "hoot"),
    ]
    assert read_query("Owls ab", is_stemmed=False) == [Term("'owls':*", "owls", "owls"), Term("'ab'", "ab", "ab")]
    assert read_query("東京塔 京", is_stemmed=False) == [
        Term("'東京' & '京塔'", "", "東京塔"),
        Term("'京':*", "", "京"),
    ]


def test_languages_of_one_base_share_a_stemmer():
    assert (stemmer_of("pt-BR"), stemmer_of("nb"), stemmer_of("ja"), stemmer_of("sw")) == (
        "portuguese",
        "norwegian",
        None,
        None,
    )


def test_hits_in_a_script_without_blanks_are_marked_within_their_run():
    terms = read_query("京都", is_stemmed=False)
    assert cut_snippet("東京都と京都府", terms, is_stemmed=False) == [
        Segment("東"),
        Segment("京都", is_hit=True),
        Segment("と"),
        Segment("京都", is_hit=True),
        Segment("府"),
    ]


@given(st.text(max_size=400), st.text(max_size=60), st.booleans())
def test_a_snippet_is_a_part_of_its_text(text, query, is_stemmed):
    terms = read_query(query, is_stemmed=is_stemmed)
    segments = cut_snippet(text, terms, is_stemmed=is_stemmed)
    shown = "".join(segment.text for segment in segments)
    assert shown.removeprefix("…").removesuffix("…") in text or shown in text
    assert all(segment.text for segment in segments)


@given(st.text(max_size=200))
def test_words_are_spans_of_the_text_in_order(text):
    spans = find_words(text)
    assert all(start < end for start, end in spans)
    assert spans == sorted(spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))


@given(st.text(max_size=200))
def test_folding_again_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=200), st.booleans())
def test_lexemes_of_a_query_are_quoted_and_hold_no_sign_of_the_syntax(text, is_stemmed):
    for term in read_query(text, is_stemmed=is_stemmed):
        for lexeme in term.lexemes.removesuffix(":*").split(" & "):
            assert lexeme[0] == lexeme[-1] == "'"
            assert not set("'\\ \n") & set(lexeme[1:-1])


def test_a_horse_is_no_horn_and_horses_are_horses():
    text = "A horse, two horses and a horn."
    segments = cut_snippet(text, read_query("horse now", is_stemmed=True), is_stemmed=True)
    assert [segment.text for segment in segments if segment.is_hit] == ["horse", "horses"]
