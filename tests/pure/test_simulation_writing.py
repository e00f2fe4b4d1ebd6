"""What made-up volunteers write and think: texts of a topic, spam by dice, judgments as sharp as whoever gives them."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from tasks.records.coverage import length_of
from tasks.scheduling.simulation.volunteers import Crowd, assume_profile, make_crowd
from tasks.scheduling.simulation.writing import TOPICS, Authors, find_topic, list_words
from tasks.text.hashing_vectors import embed_text

SPAM = {"name": "spam", "widget": "yes_no", "anchors": [], "mandatory": True}
QUALITY = {
    "name": "quality",
    "widget": "scale",
    "anchors": [{"value": step / 4} for step in range(5)],
    "mandatory": False,
}
RUDE = {"name": "rude", "widget": "flag", "anchors": [], "mandatory": False}


def make_people(count: int = 12, **fixed: float) -> Crowd:
    crowd = make_crowd(
        assume_profile(("en",)), languages=("en",), topics=TOPICS, count=count, days=1, rng=np.random.default_rng(1)
    )
    return replace(crowd, **{name: np.full(count, value) for name, value in fixed.items()})


def make_authors(**fixed: float) -> Authors:
    return Authors(make_people(**{"is_spam": False, **fixed}), Random(1))


def test_a_text_has_words_of_its_topic_and_is_known_again() -> None:
    authors = make_authors()
    texts = [authors.write_prompt(0, language="en", topic="birds") for _ in range(50)]
    assert len(set(texts)) == 50
    effort = [text for text in texts if not authors.find(text).is_spam]
    assert len(effort) > 40
    assert {authors.find(text).topic for text in texts} == {"birds"}
    assert all(set(text.split()) & set(list_words("en", "birds")) for text in effort)


def test_a_topic_that_was_named_by_its_words_is_that_topic_again() -> None:
    name = ", ".join(list_words("en", "topic 3")[:3])
    assert find_topic("en", name) == "topic 3"
    assert find_topic("en", "birds") == "birds"


def test_texts_of_one_topic_are_nearer_to_each_other_than_to_others() -> None:
    authors = make_authors()
    vectors = {
        topic: [np.array(embed_text(authors.write_prompt(0, language="en", topic=topic, length="middle"))) for _ in range(8)]
        for topic in ("birds", "bread")
    }  # fmt: skip
    within = np.mean([a @ b for a in vectors["birds"][:4] for b in vectors["birds"][4:]])
    between = np.mean([a @ b for a in vectors["birds"] for b in vectors["bread"]])
    assert within > between + 0.2


@pytest.mark.parametrize("length", ["short", "middle", "long"])
def test_a_prompt_is_as_long_as_its_brief_asks(length: str) -> None:
    authors = make_authors()
    texts = [authors.write_prompt(0, language="en", length=length) for _ in range(30)]
    assert {length_of(len(text)) for text in texts if not authors.find(text).is_spam} == {length}


def test_a_reply_is_about_what_the_prompt_is_about() -> None:
    authors = make_authors()
    prompt = authors.write_prompt(0, language="en", topic="birds")
    assert authors.find(authors.write_reply(1, [{"text": prompt}], language="en")).topic == "birds"


def test_whoever_answers_by_dice_writes_spam_and_the_sharp_see_it() -> None:
    authors = make_authors(sharpness=3.0)
    dice = Authors(make_people(is_spam=True, sharpness=0.0), Random(2), authors.texts)
    spam = [dice.write_prompt(0, language="en") for _ in range(40)]
    assert all(authors.find(text).is_spam for text in spam)
    assert sum(authors.label(0, [SPAM], text)["spam"] for text in spam) > 36
    told = [dice.label(0, [SPAM], text)["spam"] for text in spam * 5]
    assert 60 < sum(told) < 140


def test_a_form_is_answered_where_it_must_be_and_scales_follow_the_worth() -> None:
    authors = make_authors(sharpness=3.0)
    texts = [authors.write_reply(person, [], language="en") for person in range(12)]
    worths = [authors.find(text).worth for text in texts]
    answers = [authors.label(0, [SPAM, QUALITY, RUDE], text) for text in texts]
    assert all(set(answer) == {"spam", "quality"} for answer in answers)
    assert np.corrcoef(worths, [answer["quality"] for answer in answers])[0, 1] > 0.5
    assert authors.label(0, [RUDE], texts[0]) == {"rude": False}


def test_the_sharp_rank_by_worth_and_the_others_by_dice() -> None:
    sharp, blunt = make_authors(sharpness=50.0, opinion=0), make_authors(sharpness=0.0, opinion=0)
    texts = {str(number): sharp.write_reply(number, [], language="en") for number in range(6)}
    blunt.texts = sharp.texts

    def worth(handle: str) -> float:
        text = sharp.find(texts[handle])
        return text.worth + text.tilt[0]

    best = sorted(texts, key=worth, reverse=True)
    assert [tier[0] for tier in sharp.rank(0, texts)][:2] == best[:2]
    firsts = {blunt.rank(0, texts)[0][0] for _ in range(60)}
    assert firsts == set(texts)


def test_an_improvement_is_better_more_often_than_not() -> None:
    authors = make_authors()
    originals = [authors.write_reply(0, [], language="en") for _ in range(60)]
    better = [
        authors.find(authors.improve(1, text, language="en")).worth > authors.find(text).worth for text in originals
    ]
    assert sum(better) > 40


def test_a_text_of_somebody_else_is_nothing_in_particular() -> None:
    authors = make_authors(sharpness=50.0)
    assert not authors.label(0, [SPAM], "Why do birds sing?")["spam"]
    assert authors.find("").worth == 0.0
