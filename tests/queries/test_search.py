"""Search finds words in every script, in the forms that a language has, and nothing that a reader must not see."""

from __future__ import annotations

import pytest

from annotate.exceptions import InvalidInput
from annotate.models import Message, MessageIndex
from annotate.queries.reading import Reader
from annotate.queries.search import find_messages
from annotate.services.search_index import index_messages, index_prompt
from tasks.text.searching import Segment, read_query
from tests.loop import NOW, make_annotator, make_campaign, make_prompt
from tests.trees import make_tree, rank_all, reader, reply_to

pytestmark = pytest.mark.django_db


def index_all() -> None:
    index_messages(message_ids=list(Message.objects.values_list("pk", flat=True)))


def found(q: str, **given) -> list[str]:
    page = find_messages(q=q, reader=given.pop("reader", Reader()), **given)
    return [each.message.text for each in page.found]


def make_texts(*texts: str, language="en", slug="birds") -> None:
    campaign = make_campaign(slug=slug, kinds=["label"])
    for text in texts:
        make_tree(campaign, text, language=language)
    index_all()


def test_a_word_is_found_in_other_forms_where_the_language_has_a_stemmer():
    make_texts("The birds were singing.", "A birdhouse of wood.")
    assert found("sings bird", language="en") == ["The birds were singing."]
    assert found("wooden houses", language="en") == []


def test_the_last_word_is_found_by_its_beginning_while_it_is_typed():
    make_texts("The birds were singing.", "A birdhouse of wood.")
    assert found("birdh", language="en") == ["A birdhouse of wood."]


def test_without_a_stemmer_every_word_is_found_by_its_beginning():
    make_texts("Ndege huimba asubuhi.", language="sw")
    assert found("huim asub", language="sw") == ["Ndege huimba asubuhi."]
    assert found("NDEGE") == ["Ndege huimba asubuhi."]
    assert found("imba", language="sw") == []


@pytest.mark.parametrize(
    ("text", "language", "queries"),
    [
        ("鳥はなぜ朝に歌うのですか。", "ja", ["なぜ朝", "歌う", "鳥", "か"]),
        ("为什么鸟儿在早晨歌唱?", "zh", ["早晨歌唱", "鸟儿", "唱"]),
        ("ทำไมนกจึงร้องเพลงตอนเช้า", "th", ["ร้องเพลง", "ตอนเช้า"]),
        ("पक्षी सुबह क्यों गाते हैं?", "hi", ["सुबह", "क्यों"]),
        ("لماذا تغرد الطيور في الصباح؟", "ar", ["الطيور", "تغرد"]),
        ("새는 왜 아침에 노래합니까?", "ko", ["아침", "노래"]),
        ("Чому пташки співають уранці?", "uk", ["співа", "ПТАШКИ"]),
        ("Ｆｕｌｌ width ﾃｽﾄ", "ja", ["full", "テスト"]),
    ],
)
def test_every_script_is_found(text, language, queries):
    make_texts(text, language=language)
    assert {query: found(query, language=language) for query in queries} == {query: [text] for query in queries}
    assert {query: found(query) for query in queries} == {query: [text] for query in queries}


def test_all_words_must_be_there():
    make_texts("Owls hunt at night.", "Owls sleep by day.")
    assert found("owls night", language="en") == ["Owls hunt at night."]


@pytest.mark.parametrize("q", ["'", "' | ! & ( :*", "\\", "a' & 'b", "%s %(me)s", "\u202e\u0000x", "<script>"])
def test_signs_in_a_query_are_no_syntax(q):
    make_texts("Nothing of the kind.")
    if read_query(q, is_stemmed=True):
        assert found(q, language="en") == []
    else:
        with pytest.raises(InvalidInput):
            found(q, language="en")


@pytest.mark.parametrize("q", ["", "   ", "?!", "🦜"])
def test_a_query_without_a_word_is_refused(q):
    with pytest.raises(InvalidInput) as refused:
        find_messages(q=q, reader=Reader())
    assert refused.value.code == "query_empty"


def test_the_newest_are_first_and_pages_go_on_where_the_last_ended():
    make_texts("Owl one", "Owl two", "Owl three")
    first = find_messages(q="owl", reader=Reader(), limit=2)
    second = find_messages(q="owl", reader=Reader(), limit=2, before=first.next_before)
    assert [[f.message.text for f in page.found] for page in (first, second)] == [["Owl three", "Owl two"], ["Owl one"]]
    assert second.next_before is None


def test_search_keeps_to_a_language_and_a_campaign():
    make_texts("Radio", language="de", slug="bees")
    make_texts("Radio", language="es")
    assert [f.message.language for f in find_messages(q="radio", reader=Reader(), language="es").found] == ["es"]
    page = find_messages(q="radio", reader=Reader(), campaign="bees")
    assert [f.message.campaign_slug for f in page.found] == ["bees"]


def test_search_breaks_no_seal():
    campaign = make_campaign()
    prompt = make_prompt(campaign, "Owls?", replies=2)
    index_all()
    ada = make_annotator()
    assert found("reply", reader=reader(ada)) == []
    rank_all(ada, campaign)
    assert len(found("reply", reader=reader(ada))) == 2
    assert found("reply") == []
    assert prompt.replies.count() == 2


@pytest.mark.parametrize("gone", [{"removed_at": NOW}, {"withdrawn_at": NOW}, {"review_state": "rejected"}])
def test_what_was_taken_away_or_rejected_is_not_found(gone):
    make_texts("Owls hunt at night.")
    assert found("owls") == ["Owls hunt at night."]
    Message.objects.update(**gone)
    assert found("owls") == []


def test_a_reply_under_something_removed_is_not_found():
    campaign = make_campaign(kinds=["label"])
    reply_to(make_tree(campaign, "Why?"), "Owls.")
    index_all()
    Message.objects.filter(parent__isnull=True).update(removed_at=NOW)
    assert found("owls") == []


def test_a_draft_is_searched_by_its_members_alone():
    make_texts("Owls hunt at night.")
    Message.objects.get().tree.campaign.__class__.objects.update(state="draft")
    assert (found("owls"), found("owls", reader=Reader(is_administrator=True))) == ([], ["Owls hunt at night."])


def test_hits_are_marked_as_data():
    make_texts("Owls <b>hunt</b> at night; an owl's wing is silent.")
    (hit,) = find_messages(q="owl", reader=Reader(), language="en").found
    assert hit.snippet == (
        Segment("Owls", is_hit=True),
        Segment(" <b>hunt</b> at night; an "),
        Segment("owl", is_hit=True),
        Segment("'s wing is silent."),
    )


def test_a_snippet_is_cut_around_the_first_hit():
    make_texts("Lorem ipsum dolor. " * 60 + "Then an owl came. " + "Sit amet. " * 60)
    (hit,) = find_messages(q="owl", reader=Reader(), language="en").found
    text = "".join(segment.text for segment in hit.snippet)
    assert (text[0], text[-1], "Then an owl came" in text, len(text) < 260) == ("…", "…", True, True)
    assert [segment.text for segment in hit.snippet if segment.is_hit] == ["owl"]


def test_a_long_text_is_indexed_and_found():
    make_texts(
        "鳥の歌 " * 40_000 + "x", "word" * 5_000, " ".join(f"w{n}" for n in range(20_000)), "a\u0301\u0301" * 9_000
    )
    assert (len(found("鳥の歌")), len(found("w777 w12"))) == (1, 1)


def test_a_changed_text_is_found_by_its_new_words_alone():
    make_texts("Owls hunt.")
    Message.objects.update(text="Larks sing.", revision=2)
    index_prompt(message_id=Message.objects.get().pk)
    assert (found("owls"), found("larks"), MessageIndex.objects.get().revision) == ([], ["Larks sing."], 2)


def test_an_older_text_never_replaces_a_newer_in_the_index():
    make_texts("Owls hunt.")
    MessageIndex.objects.update(revision=3)
    Message.objects.update(text="Larks sing.", revision=2)
    index_prompt(message_id=Message.objects.get().pk)
    assert found("owls") == ["Larks sing."]


@pytest.mark.parametrize("messages", [1, 3])
def test_a_search_is_one_query(django_assert_num_queries, messages):
    make_texts(*[f"Owl {number}" for number in range(messages)])
    with django_assert_num_queries(1):
        assert len(found("owl")) == messages
