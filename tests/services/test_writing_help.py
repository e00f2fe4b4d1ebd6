"""Help while writing: length, language, what is there already, what hides. It reads, and blocks nothing by itself."""

from __future__ import annotations

import pytest

from annotate import limits
from annotate.exceptions import ChorusError
from annotate.models import Campaign, Message, MessageTree
from annotate.services.import_plan import make_tree_key
from annotate.services.search_index import index_messages
from annotate.services.writing_help import LanguageVerdict, WritingHelp, check_text
from tests.loop import NOW, make_annotator, make_campaign
from tests.trees import make_tree, reply_to

pytestmark = pytest.mark.django_db

PROMPT = "Why do birds sing so loudly before the sun has risen?"
NEAR = "Why do the birds sing so very loudly before the sun has risen?"
OTHER = "Write a poem about an old lighthouse keeper and his cat."


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(kinds=["write_prompt"], languages=["en", "de", "pt-BR"])


def look(campaign: Campaign, text: str, *, kind="write_prompt", language="en", who=None) -> WritingHelp:
    who = who or make_annotator()
    return check_text(campaign=campaign, kind=kind, text=text, language=language, annotator_id=who.pk)


def make_prompts(campaign: Campaign, *texts: str) -> list[Message]:
    prompts = [make_tree(campaign, text) for text in texts]
    index_messages(message_ids=[prompt.pk for prompt in prompts])
    return prompts


def codes(shown: WritingHelp) -> list[tuple[str, bool]]:
    return [(warning.code, warning.blocks) for warning in shown.warnings]


def test_a_good_text_has_nothing_to_look_at(campaign):
    make_prompts(campaign, OTHER)
    shown = look(campaign, PROMPT)
    assert (shown.chars, shown.max_chars, shown.is_too_long) == (len(PROMPT), 20_000, False)
    assert (shown.duplicate, shown.neighbours, shown.warnings) == (None, (), ())
    assert (shown.language.work, shown.language.found, shown.language.differs) == ("en", "en", False)


def test_neighbours_of_a_prompt_are_shown_nearest_first_three_at_most(campaign):
    near = [
        NEAR,
        PROMPT + " Tell me.",
        "So why do birds sing so loudly before the sun has risen?",
        PROMPT + " Please, I wonder.",
    ]
    prompts = make_prompts(campaign, *near, OTHER)
    shown = look(campaign, PROMPT)
    assert len(shown.neighbours) == 3
    likeness = [each.similarity for each in shown.neighbours]
    assert likeness == sorted(likeness, reverse=True)
    assert min(likeness) >= 0.5
    assert {each.message_id for each in shown.neighbours} < {prompt.pk for prompt in prompts[:4]}
    assert shown.neighbours[0].text in near


def test_the_very_same_prompt_is_told_in_whichever_language_and_before_it_is_indexed(campaign):
    prompt = make_tree(campaign, PROMPT, language="de")
    MessageTree.objects.update(key=make_tree_key(language="de", text_hash=bytes(prompt.text_hash)))
    shown = look(campaign, PROMPT + "  ")
    assert (shown.duplicate.message_id, shown.duplicate.tree_id, shown.duplicate.similarity) == (
        prompt.pk,
        prompt.tree_id,
        1.0,
    )


def test_only_other_kinds_than_prompts_have_no_neighbours(campaign):
    make_prompts(campaign, PROMPT)
    assert look(campaign, PROMPT, kind="write_assistant_reply").neighbours == ()
    assert len(look(campaign, PROMPT, kind="write_pair", who=make_annotator("bob")).neighbours) == 1


@pytest.mark.parametrize("gone", [{"removed_at": NOW}, {"withdrawn_at": NOW}, {"review_state": "rejected"}])
def test_what_was_taken_away_or_rejected_is_no_neighbour(campaign, gone):
    make_prompts(campaign, PROMPT)
    Message.objects.update(**gone)
    assert look(campaign, NEAR).neighbours == ()


def test_neighbours_are_prompts_of_the_same_campaign(campaign):
    make_prompts(make_campaign(slug="bees"), PROMPT)
    reply = reply_to(make_tree(campaign, OTHER), PROMPT)
    index_messages(message_ids=[reply.pk])
    assert look(campaign, PROMPT).neighbours == ()


def test_another_language_is_told_with_what_to_say_instead(campaign):
    german = "Warum singen die Vögel so laut, bevor die Sonne aufgegangen ist?"
    shown = look(campaign, german).language
    assert (shown.work, shown.found, shown.differs, shown.can_be) == ("en", "de", True, "de")
    ada = make_annotator("bob")
    assert look(campaign, german, language="de", who=ada).language.differs is False
    brazilian = "Por que os pássaros cantam tão alto antes de o sol nascer?"
    assert look(campaign, brazilian, who=ada).language.can_be == "pt-BR"
    french = "Pourquoi les oiseaux chantent-ils si fort avant le lever du soleil ?"
    verdict = look(campaign, french, who=ada).language
    assert (verdict.found, verdict.differs, verdict.can_be) == ("fr", True, None)


def test_a_short_text_is_in_no_other_language(campaign):
    assert look(campaign, "Warum?").language == LanguageVerdict("en", None, 0.0, differs=False, can_be=None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x" * 20_001, [("text_too_long", True)]),
        ("a\x07b", [("text_has_control", True)]),
        ("a\u202eb", [("text_has_override", True)]),
        ("a\u0301" * 3 + "b" + "\u0301" * 40, [("text_has_stacked_marks", True)]),
        ("a" + "\u200b" * 6 + "b", [("text_has_hidden", True)]),
        ("a\u200bb", [("text_has_invisible", False)]),
        ("سلام\u200cعزیز", []),
        ("👩\u200d🚀 writes", []),
        ("![a bird](https://example.org/bird.png)", [("only_a_link", False)]),
        ("https://example.org/", [("only_a_link", False)]),
        ("&nbsp; \n&#8203;", [("text_empty", True)]),
        ("?!", []),
        ("", []),
    ],
)
def test_what_a_reader_would_not_see_is_told(campaign, text, expected):
    assert codes(look(campaign, text)) == expected


def test_a_warning_says_where_it_is_and_what_to_do(campaign):
    (warning,) = look(campaign, "Hello\u202e there").warnings
    assert (warning.position, "U+202E" in warning.message, "Remove it" in warning.message) == (6, True, True)


@pytest.mark.parametrize(
    ("given", "code"),
    [({"kind": "rank"}, "no_writing"), ({"kind": "sing"}, "no_writing"), ({"language": "fr"}, "unknown_language")],
)
def test_what_is_refused(campaign, given, code):
    with pytest.raises(ChorusError) as refused:
        look(campaign, PROMPT, **given)
    assert refused.value.code == code


def test_who_asks_too_often_is_told_when_to_come_again(campaign, monkeypatch):
    monkeypatch.setattr(limits, "MOST_CHECKS", 1)
    ada = make_annotator()
    look(campaign, PROMPT, who=ada)
    with pytest.raises(ChorusError) as refused:
        look(campaign, PROMPT, who=ada)
    assert (refused.value.code, refused.value.details["limit"]) == ("too_many_requests", "checks")


@pytest.mark.parametrize(("prompts", "queries"), [(1, 2), (3, 1)])
def test_help_is_two_queries_and_one_where_that_tells_enough(django_assert_num_queries, campaign, prompts, queries):
    make_prompts(campaign, *[f"{PROMPT} {number}" for number in range(prompts)])
    ada = make_annotator()
    with django_assert_num_queries(queries):
        assert len(look(campaign, PROMPT, who=ada).neighbours) == prompts
