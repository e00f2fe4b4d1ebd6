"""The page of a tree: all of it in its order, nothing that is sealed, and what one may do with each message."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from annotate.models import Annotator, Campaign, Consensus, Membership, Message, MessageTree, Reaction
from annotate.web.tree_layout import MOST_LEVELS
from annotate.web.trees import PAGE_SIZE
from tests.loop import NOW, make_annotator, make_campaign, make_prompt
from tests.trees import label, leave_window, make_tree, open_work, reply_to
from tests.web.organizing import sign_in as come_in
from tests.web.page_walk import STORED_ATTACKS, find_wrongs

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Annotator:
    return make_annotator("ada")


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(kinds=["label"])


def sign_in(annotator: Annotator) -> Client:
    client = Client()
    client.force_login(annotator.user)
    return client


def make_moderator(campaign: Campaign, role="moderator") -> Annotator:
    annotator = make_annotator("mo")
    Membership.objects.create(campaign=campaign, user=annotator.user, role=role)
    return annotator


def read(client: Client, tree: MessageTree, query="") -> str:
    answer = client.get(f"/trees/{tree.pk}/{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


def order(page: str) -> list[int]:
    """Messages as they stand on the page."""
    return [int(number) for number in re.findall(r'<li id="m(\d+)"', page)]


def test_a_conversation_runs_on_and_branches_where_it_is_answered_twice(campaign, ada):
    prompt = make_tree(campaign)
    first, second = reply_to(prompt, "To find a mate."), reply_to(prompt, "For joy.")
    more = reply_to(first, "Which birds?", role="prompter")
    page = read(sign_in(ada), prompt.tree)
    assert order(page) == [prompt.pk, first.pk, more.pk, second.pk]
    assert [bool(given) for given in re.findall(r'<details class="branch"( open)?>', page)] == [True, False]
    assert page.count('<details class="branch" open') == 1
    assert read(sign_in(ada), prompt.tree, "?all=1").count('<details class="branch" open') == 2
    assert read(sign_in(ada), prompt.tree, f"?to={second.pk}").count('<details class="branch" open') == 2


def test_who_is_nobody_signs_in_first(campaign):
    prompt = make_tree(campaign)
    answer = Client().get(f"/trees/{prompt.tree_id}/")
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/account/login/")


@pytest.mark.parametrize("path", ["/trees/0/", "/trees/999999/", f"/trees/{10**30}/", "/messages/999999/"])
def test_what_is_not_there_is_not_found(ada, path):
    assert sign_in(ada).get(path).status_code == 404


def test_a_tree_of_a_draft_is_there_for_its_members_alone(ada):
    prompt = make_tree(make_campaign(state="draft", kinds=["label"]))
    assert sign_in(ada).get(f"/trees/{prompt.tree_id}/").status_code == 404
    assert sign_in(make_moderator(prompt.tree.campaign)).get(f"/trees/{prompt.tree_id}/").status_code == 200


def test_what_is_sealed_is_not_on_the_page_and_the_page_says_why(ada):
    prompt = make_prompt(make_campaign(), replies=3)
    secrets = [reply.text for reply in prompt.replies.all()]
    page = read(sign_in(ada), prompt.tree)
    assert len(secrets) == 3
    assert [text for text in secrets if text in page] == []
    assert [reply.pk for reply in prompt.replies.all() if f"m{reply.pk}" in page] == []
    assert "3 replies are not shown. You may still be asked to answer here or to rank these replies" in page
    insider = read(sign_in(make_moderator(prompt.tree.campaign)), prompt.tree)
    assert [text for text in secrets if text not in insider] == []


def test_who_wrote_what_others_think_and_when_is_told_after_ones_judgment_alone(campaign, ada):
    prompt = make_tree(campaign)
    bob = make_annotator("bob")
    reply = reply_to(prompt, "For joy.", author=bob, review_state="accepted")
    other = reply_to(prompt, "To find a mate.")
    when = NOW - timedelta(days=400)
    Message.objects.update(created_at=when)
    consensus = Consensus.objects.create(
        parent=prompt, method_version=1, method="davidson", n=2, input_hash=b"x", seed=1, computed_at=NOW, result={"tiers": f"[[{other.pk}], [{reply.pk}]]"}
    )  # fmt: skip
    Message.objects.filter(pk=prompt.pk).update(current_consensus=consensus)
    open_work(campaign, prompt, reply, other)
    told = ["by a volunteer", "accepted", "place 1", f"/{when.year}"]
    page = read(sign_in(ada), prompt.tree)
    assert reply.text in page
    assert [word for word in told if word in page] == []
    MessageTree.objects.update(state="done")
    page = read(sign_in(ada), prompt.tree)
    assert [word for word in told if word not in page] == []
    assert "bob" not in page
    assert order(page) == [prompt.pk, other.pk, reply.pk]


def test_counts_of_reactions_are_told_after_ones_own(campaign, ada):
    prompt = make_tree(campaign)
    for name in ("bob", "cyd"):
        Reaction.objects.create(message=prompt, annotator=make_annotator(name), code="heart", created_at=NOW)
    client = sign_in(ada)
    assert 'class="given' not in read(client, prompt.tree)
    Reaction.objects.create(message=prompt, annotator=ada, code="laugh", created_at=NOW)
    found = re.findall(r'#sign-(\w+)"></use></svg><span class="sr">[^<]*</span> (\d+)', read(client, prompt.tree))
    assert found == [("heart", "2"), ("laugh", "1")]


def test_what_was_taken_away_is_read_by_its_author_and_moderators_alone(campaign, ada):
    prompt = make_tree(campaign)
    gone = reply_to(prompt, "Call 555-0199.", author=ada, removed_at=NOW, removed_reason="A number.")
    assert gone.text in read(sign_in(ada), prompt.tree)
    assert gone.text in read(sign_in(make_moderator(campaign)), prompt.tree)
    page = read(sign_in(make_annotator("bob")), prompt.tree)
    assert (gone.text in page, "A number." in page, "took this text away" in page) == (False, False, True)


def test_moderators_alone_find_what_moderators_do(campaign, ada):
    prompt = make_tree(campaign)
    Message.objects.update(author=make_annotator("bob"))
    verbs = ["?do=hide", "?do=edit", f"/trees/{prompt.tree_id}/moderate/"]
    assert [verb for verb in verbs if verb in read(sign_in(ada), prompt.tree)] == []
    page = read(sign_in(make_moderator(campaign)), prompt.tree)
    assert [verb for verb in verbs if verb not in page] == []
    assert "?do=suspend" not in page
    assert "?do=suspend" in read(come_in("root", is_administrator=True), prompt.tree)


def test_ones_own_text_is_fixed_and_not_reported_labelled_or_reacted_to(campaign, ada):
    prompt = make_tree(campaign)
    Message.objects.update(author=ada)
    page = read(sign_in(ada), prompt.tree)
    assert "Fix your text" in page
    acts = ["/react/", "/report/", "/label/", "Propose another wording"]
    assert [act for act in acts if act in page] == []
    page = read(sign_in(make_annotator("bob")), prompt.tree)
    assert [act for act in acts if act not in page] == []


def test_a_campaign_that_asks_for_no_labels_or_is_closed_offers_none(ada):
    prompt = make_tree(make_campaign(kinds=["rank"]))
    assert "/label/" not in read(sign_in(ada), prompt.tree)
    Campaign.objects.update(kinds=["label"], state="closed")
    page = read(sign_in(ada), prompt.tree)
    assert ("/label/" in page, "/revise/" in page) == (False, False)


@pytest.mark.parametrize("way", STORED_ATTACKS)
def test_hostile_texts_stay_texts(campaign, ada, way):
    prompt = make_tree(campaign, STORED_ATTACKS[way][0])
    for text in STORED_ATTACKS[way]:
        reply_to(prompt, text)
    page = read(sign_in(ada), prompt.tree, "?all=1")
    assert len(order(page)) == min(len(STORED_ATTACKS[way]) + 1, PAGE_SIZE)
    assert find_wrongs(page) == []


def test_a_thread_deeper_than_any_screen_stays_flat(campaign, ada):
    at = make_tree(campaign)
    tree = at.tree
    for depth in range(MOST_LEVELS + 4):
        reply_to(at, f"No, {depth}", role="assistant")
        at = reply_to(at, f"Yes, {depth}", role="assistant")
    page = read(sign_in(ada), tree)
    assert len(order(page)) == 2 * (MOST_LEVELS + 4) + 1
    assert page.count('<ol class="branches">') == MOST_LEVELS
    assert page.count("What this answers") == 8


def test_a_long_tree_goes_page_by_page_and_a_message_leads_to_its_own(campaign, ada):
    prompt = make_tree(campaign)
    tree, at = prompt.tree, prompt
    for number in range(PAGE_SIZE + 5):
        at = reply_to(at, f"Turn {number}")
    client = sign_in(ada)
    first = read(client, tree)
    following = re.search(r'href="(\?after=\d+)"', first)
    second = read(client, tree, following[1])
    ids = list(tree.messages.order_by("pk").values_list("pk", flat=True))
    assert order(first) + order(second) == ids
    assert ("To the start" in first, "To the start" in second) == (False, True)
    place = client.get(f"/messages/{at.pk}/")
    assert place["Location"] == f"/trees/{tree.pk}/?to={at.pk}&after={at.parent_id}#m{at.pk}"
    assert order(read(client, tree, place["Location"].split("/")[-1].split("#")[0])) == [at.pk]
    assert client.get(f"/messages/{prompt.pk}/")["Location"] == f"/trees/{tree.pk}/?to={prompt.pk}#m{prompt.pk}"


def test_goal_and_state_are_told_in_words(campaign, ada):
    prompt = make_tree(campaign, state="growing")
    MessageTree.objects.update(goal_size=9, state_reason="drawn")
    page = read(sign_in(ada), prompt.tree)
    assert "1 message of the 9 it is to have" in page
    assert "Its turn came by a draw." in page
    assert "/trees/states/#growing" in page


def test_what_reviewers_said_is_told_with_its_n_and_what_nobody_answered_is_no_zero(campaign, ada):
    prompt = make_tree(campaign)
    open_work(campaign, prompt)
    client = sign_in(ada)
    assert "What reviewers said" not in read(client, prompt.tree)
    label(ada, campaign, quality=0.75)
    page = read(client, prompt.tree)
    assert "What reviewers said" not in page
    assert "shown once your answer cannot be undone any more" in page
    leave_window(ada)
    page = read(client, prompt.tree)
    assert "cannot be undone any more" not in page
    said = re.search(r'<dl class="says">(.*?)</dl>', page, re.DOTALL)[1]
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", said))
    assert said.strip() == "quality 75 % n = 1 pii no answer Nobody said yes to spam n = 1"


@pytest.mark.parametrize("replies", [1, 3])
def test_a_tree_takes_as_many_queries_whatever_its_size(campaign, ada, replies, django_assert_num_queries):
    prompt = make_tree(campaign)
    for place in range(replies):
        reply_to(prompt, f"Reply {place}")
    client = sign_in(ada)
    read(client, prompt.tree)
    with django_assert_num_queries(10):
        read(client, prompt.tree)


def test_the_text_as_it_was_written_is_nothing_but_text(campaign, ada):
    prompt = make_tree(campaign, "<b>Why</b>?")
    answer = sign_in(ada).get(f"/messages/{prompt.pk}/text/")
    assert (answer.content, answer["Content-Type"]) == (b"<b>Why</b>?", "text/plain; charset=utf-8")
    assert answer["X-Content-Type-Options"] == "nosniff"
    Message.objects.update(removed_at=NOW)
    assert sign_in(ada).get(f"/messages/{prompt.pk}/text/").status_code == 410


def test_a_sealed_text_is_not_read_in_another_way(ada):
    reply = make_prompt(make_campaign(), replies=2).replies.first()
    for path in ("text", "report", "revise"):
        assert sign_in(ada).get(f"/messages/{reply.pk}/{path}/").status_code == 404
