"""Releases say which models wrote what, and take them by the terms on their texts."""

from __future__ import annotations

import gzip
import json

import pandas as pd
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.access import Actor
from annotate.exceptions import Conflict
from annotate.management.release_tools import list_release_tools
from annotate.models import Campaign, Generator, Judgment, Message, MessageOrigin, ReleaseItem, User
from annotate.queries.generator_identity import find_alike
from annotate.services import release_building
from annotate.services.moderation import remove_message
from annotate.services.release_building import find_folder
from annotate.services.release_freezing import count_left_out
from annotate.services.release_planning import has_changed
from annotate.services.release_writing import write_release
from annotate.services.releases import check_filters, claim_release, request_release
from annotate.services.undo import withdraw_judgment
from tasks.formats.pseudonyms import make_pseudonym
from tests.loop import NOW, make_campaign, make_prompt
from tests.releases import build, make_giver, rank_all, read_lines

pytestmark = pytest.mark.django_db

PROVENANCE = {
    "engine": "transformers",
    "engine_version": "5.24.0",
    "host": "http://gpu-7.internal:8000",
    "model_requested": "org/free",
    "model": "org/free",
    "revision": "abc123",
    "sampling": {"temperature": 0.7},
    "effective_sampling": {"temperature": 0.7, "top_p": 1.0},
    "dropped_sampling": ["min_p"],
    "seed": 42,
    "system_prompt": "Be kind to whoever asks.",
    "prompt_format": "chatml",
    "template_sha256": "ff00",
    "finish_reason": "stop",
    "usage": {"completion_tokens": 9},
    "reasoning": "They want birds.",
    "dtype": "bfloat16",
    "quantization": "bnb_4bit",
    "batching": "padded",
    "device": "cuda",
    "truncated": {"turns": 1, "tokens": 80},
}


@pytest.fixture(autouse=True)
def release_dir(settings, tmp_path):
    settings.RELEASE_DIR = tmp_path / "releases"


def make_generator(name, **values) -> Generator:
    return Generator.objects.create(name=name, **{"engine": "transformers", "model": f"org/{name}", **values})


def came_from(message: Message, generator: Generator | None = None, **values) -> MessageOrigin:
    given = {"kind": "generated" if generator else "written", "key": f"k{MessageOrigin.objects.count()}", **values}
    return MessageOrigin.objects.create(message=message, generator=generator, **given)


def make_world(**campaign) -> tuple[Campaign, list[Message]]:
    """One prompt with four replies, ranked by two people: by a free model, one that forbids training, both, a person."""
    made = make_campaign()
    Campaign.objects.filter(pk=made.pk).update(**campaign)
    made.refresh_from_db()
    prompt = make_prompt(made, "Why do birds sing?")
    replies = list(Message.objects.filter(parent=prompt).order_by("pk"))
    free = make_generator("free", output_terms="free", licence="apache-2.0")
    strict = make_generator("strict", output_terms="no_training", licence="llama3.1", terms_url="https://m.example/t")
    came_from(replies[0], free, provenance=PROVENANCE, reasoning="They want birds.")
    came_from(replies[1], strict)
    came_from(replies[2], strict)
    came_from(replies[2], free)
    came_from(replies[3])
    for name in ("ada", "bob"):
        rank_all(make_giver(name), made)
    return made, replies


def texts_of(release) -> list[str]:
    return sorted(
        reply["text"] for tree in read_lines(release, "trees.jsonl.gz") for reply in tree["prompt"]["replies"]
    )


def place(message: Message) -> str:
    return message.text.rsplit(" ", 1)[1].rstrip(".")


def places(release) -> list[str]:
    return [text.rsplit(" ", 1)[1].rstrip(".") for text in texts_of(release)]


def name_in(release, message: Message) -> str:
    return make_pseudonym("message", message.pk, salt=bytes(release.pseudonym_salt))


def card_of(release) -> str:
    return (find_folder(release) / "README.md").read_text()


# --- What is said of models -------------------------------------------------------------------


def test_each_generator_is_a_row_with_what_it_is_and_its_share():
    campaign, _ = make_world()
    release = build(campaign)
    rows = read_lines(release, "generators.jsonl.gz")
    assert rows == [
        {
            "generator": "free", "engine": "transformers", "model": "org/free", "revision": None,
            "model_key": "org/free", "root_key": "org/free", "base_model": None, "relation": None, "quantization": None,
            "licence": "apache-2.0", "output_terms": "free", "terms_url": None, "texts": 2, "share": 0.5,
        },
        {
            "generator": "strict", "engine": "transformers", "model": "org/strict", "revision": None,
            "model_key": "org/strict", "root_key": "org/strict", "base_model": None, "relation": None,
            "quantization": None, "licence": "llama3.1", "output_terms": "no_training",
            "terms_url": "https://m.example/t", "texts": 2, "share": 0.5,
        },
    ]  # fmt: skip
    assert len(pd.read_parquet(find_folder(release) / "generators.parquet")) == 2
    card = card_of(release)
    assert "| free | org/free | – | apache-2.0 | free for every use | 2 | 50.0% |" in card
    assert (
        "| strict | org/strict | – | llama3.1 | not for training other models (https://m.example/t) | 2 | 50.0% |"
        in card
    )
    assert "Left out because" not in card
    assert "left_out_by_terms" not in release.counts


def test_how_a_text_was_made_stands_with_it_and_nothing_that_is_private_does():
    campaign, replies = make_world()
    release = build(campaign)
    (tree,) = read_lines(release, "trees.jsonl.gz")
    origins = {reply["message_id"]: reply["origins"] for reply in tree["prompt"]["replies"]}
    assert origins[name_in(release, replies[0])] == [
        {
            "kind": "generated",
            "generator": "free",
            "human": False,
            "generation": {
                "model": "org/free", "revision": "abc123", "engine": "transformers", "engine_version": "5.24.0",
                "dtype": "bfloat16", "quantization": "bnb_4bit", "batching": "padded", "prompt_format": "chatml",
                "template_sha256": "ff00", "seed": 42, "finish_reason": "stop",
                "effective_sampling": '{"temperature": 0.7, "top_p": 1.0}', "dropped_sampling": ["min_p"],
                "truncated_turns": 1, "truncated_tokens": 80,
                "more": '{"device": "cuda", "usage": {"completion_tokens": 9}}',
            },
        }
    ]  # fmt: skip
    assert [origin["generation"] for origin in origins[name_in(release, replies[3])]] == [None]
    everything = json.dumps(tree) + pd.read_parquet(find_folder(release) / "trees.parquet").to_json(date_format="iso")
    for private in ("They want birds", "gpu-7.internal", "Be kind to whoever asks"):
        assert private not in everything


@pytest.mark.parametrize(
    "odd",
    [
        {"model": ["a"], "seed": "7", "truncated": 4, "effective_sampling": [], "dropped_sampling": "x", "dtype": 3},
        {
            "usage": {"note": "x", "deep": {"a": 1}},
            "device": {"id": "a"},
            "system_fingerprint": ["f"],
            "attempts": None,
        },
        {"seed": 2**80, "truncated": {"turns": True, "tokens": 1.5}},
        {},
    ],
)
def test_what_a_server_told_oddly_is_left_out(odd):
    campaign, replies = make_world()
    MessageOrigin.objects.filter(message=replies[0]).update(provenance=odd)
    release = build(campaign)
    (tree,) = read_lines(release, "trees.jsonl.gz")
    (told,) = [
        r["origins"][0]["generation"]
        for r in tree["prompt"]["replies"]
        if r["message_id"] == name_in(release, replies[0])
    ]
    assert {name: value for name, value in told.items() if value} == {}


def test_where_a_model_lies_on_a_disk_is_nobodys_business():
    campaign, replies = make_world()
    Generator.objects.filter(name="free").update(model="/srv/secret/models/tiny-chat", base_model="~/lab/tiny-base")
    told = {"model": "/srv/secret/models/tiny-chat"}
    MessageOrigin.objects.filter(message=replies[0]).update(provenance=told)
    release = build(campaign)
    row = read_lines(release, "generators.jsonl.gz")[0]
    assert (row["model"], row["base_model"], row["model_key"]) == ("tiny-chat", "tiny-base", "tiny-chat")
    (tree,) = read_lines(release, "trees.jsonl.gz")
    origins = [origin for reply in tree["prompt"]["replies"] for origin in reply["origins"]]
    assert "tiny-chat" in [origin["generation"]["model"] for origin in origins if origin["generation"]]
    for path in find_folder(release).glob("*"):
        content = path.read_bytes()
        text = gzip.decompress(content) if path.name.endswith(".gz") else content
        assert (b"secret" in text, b"/lab" in text) == (False, False)


def test_one_model_under_two_names_is_told_as_one():
    campaign, _ = make_world()
    Generator.objects.filter(name="free").update(model="meta-llama/Llama-3.1-8B-Instruct")
    Generator.objects.filter(name="strict").update(
        model="llama3.1:8b-instruct-q4_K_M", base_model="meta-llama/Llama-3.1-8B", relation="finetuned"
    )
    release = build(campaign)
    rows = read_lines(release, "generators.jsonl.gz")
    assert [(row["model_key"], row["root_key"], row["quantization"]) for row in rows] == [
        ("llama-3.1-8b-instruct", "llama-3.1-8b", None),
        ("llama-3.1-8b-instruct", "llama-3.1-8b", "q4_k_m"),
    ]
    assert "One model under several names, llama-3.1-8b-instruct: free, strict." in card_of(release)


def test_what_is_written_of_a_generator_afterwards_changes_no_release(tmp_path):
    campaign, _ = make_world(output_terms=["free"])
    release = build(campaign)
    Generator.objects.update(licence="MIT", output_terms="no_training", model="other", base_model="x/y")
    Generator.objects.filter(name="free").update(name="renamed")
    make_generator("late", model="org/free", base_model="org/root")
    Campaign.objects.update(output_terms=[])
    again = write_release(release=release, folder=tmp_path / "again", tools=list_release_tools(), beat=lambda: None)
    assert {file.name: file.sha256 for file in again.files} == dict(release.files.values_list("name", "sha256"))


# --- What is left out -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({}, ["0", "1", "2", "3"]),
        ({"output_terms": ["free"]}, ["0", "2", "3"]),
        ({"output_terms": ["no_training"]}, ["1", "2", "3"]),
        ({"output_terms": ["unknown"]}, ["3"]),
        ({"output_terms": ["free", "no_training"]}, ["0", "1", "2", "3"]),
        ({"model_licences": ["Apache-2.0"]}, ["0", "2", "3"]),
        ({"model_licences": ["MIT"]}, ["3"]),
        ({"output_terms": ["free"], "model_licences": ["llama3.1"]}, ["3"]),
    ],
)
def test_a_text_stays_where_one_of_its_origins_is_taken(filters, kept):
    campaign, _ = make_world()
    release = build(campaign, filters=filters)
    assert (places(release), release.filters) == (kept, filters)
    assert release.counts.get("left_out_by_terms") == (4 - len(kept) if filters else None)
    assert release.counts["messages"] == 1 + len(kept)


def test_ballots_stand_as_they_were_given_and_everything_else_is_without_it():
    campaign, replies = make_world()
    release = build(campaign, filters={"output_terms": ["free"]})
    gone = name_in(release, replies[1])
    ballots = read_lines(release, "ballots.jsonl.gz")
    assert len(ballots) == 2
    for row in ballots:
        assert gone in row["shown"]
        assert [gone in tier for tier in row["tiers"]].count(True) == 1
    (tree,) = read_lines(release, "trees.jsonl.gz")
    assert gone not in json.dumps(tree)
    assert [len(tier) for tier in tree["prompt"]["consensus"]["tiers"]].count(0) == 0
    assert sum(len(tier) for tier in tree["prompt"]["consensus"]["tiers"]) == 3
    pairs = read_lines(release, "preference_pairs.jsonl.gz")
    assert pairs
    assert all(gone not in (pair["chosen_id"], pair["rejected_id"]) for pair in pairs)
    manifest = json.loads((find_folder(release) / "MANIFEST.json").read_text())
    assert (manifest["counts"]["left_out_by_terms"], manifest["filters"]) == (1, {"output_terms": ["free"]})
    assert "Left out because of the terms of their models: 1. Ballots name them by id alone." in card_of(release)


def test_a_removed_text_is_not_counted_as_left_out():
    campaign, replies = make_world()
    root = Actor(user=User.objects.create(email="root@example.org", is_superuser=True), scopes=None)
    remove_message(campaign=campaign, message_id=replies[1].pk, actor=root, reason="Spam", now=NOW)
    release = build(campaign, filters={"output_terms": ["free"]})
    assert (places(release), release.counts["left_out_by_terms"]) == (["0", "2", "3"], 0)


def test_all_that_answers_a_text_that_is_left_out_goes_with_it():
    campaign, replies = make_world()
    below = Message.objects.create(
        tree=replies[1].tree, parent=replies[1], role="prompter", text="And then?", text_hash=b"x" * 32, language="en",
        thread=[],
    )  # fmt: skip
    Message.objects.filter(pk=below.pk).update(thread=[*replies[1].thread, below.pk])
    release = build(campaign, filters={"output_terms": ["free"]})
    assert (places(release), release.counts["left_out_by_terms"]) == (["0", "2", "3"], 2)


def test_an_improvement_of_a_text_is_under_its_terms():
    campaign, replies = make_world()
    MessageOrigin.objects.filter(message=replies[3]).delete()
    came_from(replies[3], kind="improved", provenance={"of": replies[1].pk})
    assert places(build(campaign, filters={"output_terms": ["free"]})) == ["0", "2"]
    MessageOrigin.objects.filter(message=replies[3]).update(provenance={"of": replies[2].pk})
    assert places(build(campaign, filters={"output_terms": ["free"]})) == ["0", "2", "3"]


def test_a_label_of_an_import_is_under_terms_that_nobody_knows():
    campaign, replies = make_world()
    label = Generator.objects.create(campaign=campaign, name="gpt", engine="label")
    MessageOrigin.objects.filter(message=replies[3]).delete()
    came_from(replies[3], label, kind="imported")
    assert places(build(campaign, filters={"output_terms": ["free"]})) == ["0", "2"]
    assert places(build(campaign, filters={"output_terms": ["free", "unknown"]})) == ["0", "2", "3"]


def test_what_the_campaign_takes_holds_for_every_release_of_it():
    campaign, _ = make_world(output_terms=["free", "attribution"])
    release = build(campaign)
    assert (places(release), release.filters) == (["0", "2", "3"], {"output_terms": ["free", "attribution"]})
    narrower = build(campaign, filters={"output_terms": ["no_training", "free"], "model_licences": ["MIT"]})
    assert (places(narrower), narrower.filters) == (["3"], {"output_terms": ["free"], "model_licences": ["MIT"]})


def test_limits_that_leave_nothing_of_what_the_campaign_takes_are_refused():
    campaign, _ = make_world(output_terms=["free"], model_licences=["Apache-2.0"])
    assert check_filters(campaign=campaign, filters={"output_terms": ["gratis"]}) == {
        "output_terms": [
            "There are no terms gratis; there are free, attribution, share_alike, non_commercial, no_training, unknown."
        ]
    }
    told = "The campaign takes only %s, so that nothing by a generator would be left. Choose among these."
    assert check_filters(campaign=campaign, filters={"output_terms": ["unknown"], "model_licences": ["mit"]}) == {
        "output_terms": [told % "free"],
        "model_licences": [told % "Apache-2.0"],
    }
    assert check_filters(campaign=campaign, filters={"output_terms": ["free"], "model_licences": ["apache-2.0"]}) == {}


def test_a_campaign_whose_prompts_are_all_left_out_has_nothing_to_release():
    campaign, replies = make_world()
    came_from(Message.objects.get(pk=replies[0].parent_id), Generator.objects.get(name="strict"))
    with pytest.raises(Conflict) as refused:
        request_release(campaign=campaign, actor=None, now=NOW, filters={"output_terms": ["free"]})
    assert refused.value.code == "nothing_to_release"


def test_a_withdrawal_is_followed_and_terms_are_those_of_the_freeze(tmp_path):
    campaign, _ = make_world(output_terms=["free"])
    release = build(campaign)
    Generator.objects.update(output_terms="no_training")
    mine = Judgment.objects.order_by("pk").first()
    withdraw_judgment(annotator_id=mine.annotator_id, judgment_id=mine.pk, now=NOW)
    again = write_release(release=release, folder=tmp_path / "again", tools=list_release_tools(), beat=lambda: None)
    assert (again.counts["ballots"], again.counts["messages"], again.counts["left_out_by_terms"]) == (1, 4, 1)
    following = build(campaign)
    assert (following.counts["messages"], following.counts["left_out_by_terms"]) == (2, 3)
    assert [row["kind"] for row in read_lines(following, "withdrawn.jsonl")] == ["judgment"]


def test_terms_that_change_while_it_is_made_do_not_change_it(monkeypatch):
    campaign, replies = make_world()
    request_release(campaign=campaign, actor=None, now=NOW, filters={"output_terms": ["free"]})
    claimed = claim_release(now=NOW)

    def write_then_change(**given):
        written = write_release(**given)
        Generator.objects.update(output_terms="no_training")
        return written

    monkeypatch.setattr(release_building, "write_release", write_then_change)
    release = release_building.build_release(claimed=claimed, tools=list_release_tools(), clock=lambda: NOW)
    assert (release.state, places(release)) == ("sealed", ["0", "2", "3"])
    assert ReleaseItem.objects.filter(release=release, kind="message", object_id=replies[0].pk).exists()


def test_a_scheduled_release_is_due_when_terms_changed():
    campaign, _ = make_world(output_terms=["free", "no_training"])
    build(campaign)
    assert has_changed(campaign=campaign) is False
    Generator.objects.filter(name="strict").update(output_terms="unknown")
    assert has_changed(campaign=campaign) is True
    build(campaign)
    assert has_changed(campaign=campaign) is False
    campaign.output_terms = ["free"]
    assert has_changed(campaign=campaign) is True


def test_without_limits_nothing_is_asked_of_terms():
    campaign, _ = make_world()
    assert count_left_out(campaign_id=campaign.pk, filters={}) is None
    with CaptureQueriesContext(connection) as asked:
        request_release(campaign=campaign, actor=None, now=NOW)
    assert [query["sql"] for query in asked if "output_terms = ANY" in query["sql"]] == []


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_one_model_takes_two_queries(count, django_assert_num_queries):
    campaign = make_campaign()
    for number in range(count):
        make_generator(f"q{number}", model=f"TheBloke/Mistral-7B-Instruct-v0.2-{['AWQ', 'GPTQ', 'GGUF'][number]}")
    with django_assert_num_queries(2):
        found = find_alike(campaign_id=campaign.pk, names=["q0", "q1", "q2", "human"])
    names = ["q0", "q1", "q2"][:count]
    assert found == ({"mistral-v0.2-7b-instruct": names} if count > 1 else {})
