"""Fingerprints find texts that are nearly the same, in every script, and the exact measure tells how near."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.text.fingerprints import BANDS, fingerprint, jaccard, list_shingles

LETTERS = "eeeeaaaoooiitttnnnssshhrrdlluucmwfgypbvk"


def make_words(rng: random.Random, words: int = 40) -> list[str]:
    return ["".join(rng.choices(LETTERS, k=rng.randint(3, 7))) for _ in range(words)]


def shares_a_band(a: str, b: str) -> bool:
    return not set(fingerprint(a)).isdisjoint(fingerprint(b))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Why do birds sing?", "why do birds sing"),
        ("Why do birds sing?", "  Why — do\nbirds SING!!"),
        ("Straße", "STRASSE"),
        ("Ａｂｃ def ghi", "abc DEF ghi"),
        ("cafe\u0301 au lait", "café au lait"),
        ("鳥はなぜ歌う?", "鳥はなぜ歌う。"),
    ],
)
def test_case_signs_and_ways_of_writing_make_no_difference(a, b):
    assert (jaccard(a, b), fingerprint(a)) == (1.0, fingerprint(b))


def test_the_measure_is_the_share_of_common_shingles():
    assert list_shingles("abcde") == {" abc", "abcd", "bcde", "cde "}
    assert jaccard("abcde", "abcdf") == 2 / 6
    assert list_shingles("鳥は歌う") == {"鳥は", "は歌", "歌う"}
    assert (jaccard("abcde", "vwxyz"), jaccard("", ""), jaccard("?!", "?!")) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Why do birds sing in the early morning?", "Why do the birds sing in the early morning hours?"),
        ("Почему птицы поют рано утром?", "Почему же птицы поют рано утром?"),
        ("鳥はなぜ朝早くに歌うのですか?", "鳥はなぜ朝早くから歌うのですか?"),
        ("ทำไมนกจึงร้องเพลงตอนเช้า", "ทำไมนกถึงร้องเพลงตอนเช้า"),
        ("لماذا تغرد الطيور في الصباح الباكر؟", "لماذا تغرد الطيور دائما في الصباح الباكر؟"),
    ],
)
def test_near_texts_are_near_in_every_script(a, b):
    assert jaccard(a, b) > 0.5
    assert shares_a_band(a, b)


def test_a_text_has_as_many_bands_as_there_are_and_a_text_without_words_none():
    assert (len(fingerprint("x")), len(set(fingerprint("Why do birds sing?")))) == (BANDS, BANDS)
    assert (fingerprint(""), fingerprint(" ?! \n")) == ([], [])


def test_numbers_fit_a_bigint_and_stay_what_they_are():
    bands = fingerprint("Why do birds sing?")
    assert all(-(2**63) <= band < 2**63 for band in bands)
    # Stored ones must stay comparable: another function would be another column.
    assert bands[:2] == [-4577357179275529933, -5417497475377694172]


def test_texts_find_each_other_as_often_as_their_likeness_says():
    rng = random.Random(7)
    near, found_near, far, found_far = 0, 0, 0, 0
    for _ in range(300):
        one = make_words(rng)
        changed = [word if rng.random() > 0.08 else make_words(rng, 1)[0] for word in one]
        other = make_words(rng)
        if jaccard(" ".join(one), " ".join(changed)) >= 0.6:
            near += 1
            found_near += shares_a_band(" ".join(one), " ".join(changed))
        if jaccard(" ".join(one), " ".join(other)) <= 0.2:
            far += 1
            found_far += shares_a_band(" ".join(one), " ".join(other))
    assert near > 100
    assert far > 100
    assert (found_near / near > 0.97, found_far / far < 0.05) == (True, True)


@given(st.text(max_size=300), st.text(max_size=300))
def test_the_measure_is_symmetric_and_bounded(a, b):
    assert jaccard(a, b) == jaccard(b, a)
    assert 0.0 <= jaccard(a, b) <= 1.0
    assert jaccard(a, a) in (0.0, 1.0)


@pytest.mark.parametrize(
    "text", ["a\u0301" * 50_000, "x" * 1_000_000, "\ud800" * 100, "字" * 500_000, "a b " * 200_000]
)
def test_hostile_texts_have_fingerprints(text):
    assert len(fingerprint(text)) == BANDS or text.startswith("\ud800")
