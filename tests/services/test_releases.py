"""What enters a release, what its files say, and that it is built once, whole and for good."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from types import SimpleNamespace

import pandas as pd
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from annotate.access import Actor
from annotate.exceptions import ChorusError, Conflict
from annotate.management.release_tools import list_release_tools
from annotate.models import (
    AgreementReport,
    Annotator,
    Assignment,
    AssignmentCandidate,
    AuditEvent,
    Consent,
    Judgment,
    Message,
    MessageTree,
    Release,
    ReleaseFile,
    ReleaseItem,
    Tombstone,
    User,
)
from annotate.queries import release_content
from annotate.services import release_building, releases
from annotate.services.judgments import skip_assignment
from annotate.services.moderation import remove_message
from annotate.services.release_building import find_folder
from annotate.services.release_writing import write_release
from annotate.services.releases import request_release, withdraw_release
from annotate.services.terms import CURRENT_TERMS, accept_terms, withdraw_consent
from annotate.services.undo import undo_judgment, withdraw_judgment
from tasks.formats.pseudonyms import make_pseudonym
from tasks.jobs.quality import recompute_stale_job
from tasks.vocabulary import PersonalDataKind
from tests.loop import NOW, ask, make_annotator, make_campaign, make_prompt, submit
from tests.releases import NAMES, build, make_given, make_giver, rank_all, read_lines

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def release_dir(settings, tmp_path):
    settings.RELEASE_DIR = tmp_path / "releases"
    return settings.RELEASE_DIR


@pytest.fixture
def administrator_actor():
    return Actor(user=User.objects.create(email="root@example.org", is_superuser=True), scopes=None)


def test_a_release_has_every_file_with_its_checksum():
    campaign, _ = make_given("ada", "bob", "cy", prompts=2)
    release = build(campaign)
    assert (release.state, release.number, release.sealed_at, release.lease_token) == ("sealed", 1, NOW, None)
    files = {file.name: file for file in release.files.all()}
    assert sorted(files) == NAMES == sorted(path.name for path in find_folder(release).iterdir())
    for name, file in files.items():
        content = (find_folder(release) / name).read_bytes()
        assert (file.sha256, file.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
        assert file.path == f"birds/1/{name}"
    assert release.counts == {
        "ballots": 6, "label_sets": 0, "texts_written": 0, "cannot_tell": 0, "skipped": 0, "surplus": 0, "trees": 2,
        "messages": 10, "preference_pairs": release.counts["preference_pairs"], "annotators": 3,
    }  # fmt: skip
    assert Judgment.objects.count() == files["ballots.parquet"].rows == files["ballots.jsonl.gz"].rows == 6
    assert len(pd.read_parquet(find_folder(release) / "preference_pairs.parquet")) == release.counts["preference_pairs"]
    assert read_lines(release, "withdrawn.jsonl") == []
    assert ReleaseFile.objects.count() == len(NAMES)
    assert Release.objects.count() == 1


def names_of(release: Release) -> dict[str, str]:
    return dict(release.files.values_list("name", "sha256"))


def test_the_same_items_give_the_same_bytes(tmp_path):
    campaign, _ = make_given("ada", "bob", prompts=3)
    release = build(campaign)
    again = write_release(release=release, folder=tmp_path / "again", tools=list_release_tools(), beat=lambda: None)
    assert {file.name: file.sha256 for file in again.files} == names_of(release)
    for name in NAMES:
        assert (tmp_path / "again" / name).read_bytes() == (find_folder(release) / name).read_bytes()


def test_a_rebuild_is_the_same_whatever_happened_since(tmp_path):
    campaign, (ada, _) = make_given("ada", "bob", prompts=2, redundancy=1)
    release = build(campaign)
    Judgment.objects.filter(counted=False).update(counted=True)
    MessageTree.objects.update(state="halted")
    campaign.title, campaign.licence, campaign.purpose = "New", "MIT", "Other"
    campaign.save()
    AgreementReport.objects.create(
        campaign=campaign, kind="rank", coefficient="kendall_w", result={"value": 1}, computed_at=NOW
    )
    make_prompt(campaign, "Newer")
    rank_all(ada, campaign)
    again = write_release(release=release, folder=tmp_path / "again", tools=list_release_tools(), beat=lambda: None)
    assert {file.name: file.sha256 for file in again.files} == names_of(release)


def test_ballots_say_what_was_given():
    campaign, _ = make_given("ada")
    release = build(campaign)
    judgment = Judgment.objects.get()
    (row,) = read_lines(release, "ballots.jsonl.gz")
    (tree,) = read_lines(release, "trees.jsonl.gz")
    texts = {reply["message_id"]: reply["text"] for reply in tree["prompt"]["replies"]}
    shown = list(judgment.assignment.shown.order_by("position").values_list("message__text", flat=True))
    assert [texts[message] for message in row["shown"]] == shown
    assert [[texts[message] for message in tier] for tier in row["tiers"]] == [[text] for text in shown]
    assert (row["parent_id"], row["message_tree_id"]) == (tree["prompt"]["message_id"], tree["message_tree_id"])
    keep = (
        "kind",
        "outcome",
        "acceptable_tiers",
        "rest_worse",
        "counted",
        "guideline_version",
        "language",
        "created_at",
    )
    assert {name: row[name] for name in keep} == {
        "kind": "rank", "outcome": "judged", "acceptable_tiers": 2, "rest_worse": False, "counted": True,
        "guideline_version": 1, "language": "en", "created_at": "2026-05-04T12:00:00.000000Z",
    }  # fmt: skip


def test_nobody_is_named_by_what_the_database_knows():
    campaign, people = make_given("ada", "bob")
    first, second = build(campaign), build(campaign)
    known = {str(value) for person in people for value in (person.pseudonym_seed, person.user.email)}
    for release in (first, second):
        for name in NAMES:
            if not name.endswith(".parquet"):
                text = (
                    json.dumps(read_lines(release, name))
                    if "jsonl" in name
                    else (find_folder(release) / name).read_text()
                )
                assert [value for value in known if value in text] == []
    ids = [{row["annotator_id"] for row in read_lines(release, "ballots.jsonl.gz")} for release in (first, second)]
    assert [len(one) for one in ids] == [2, 2]
    assert ids[0] & ids[1] == set()


def test_without_consent_nothing_is_in_it():
    campaign, (ada, bob) = make_given("ada", "bob")
    stranger = make_annotator("eve")  # the terms are named on her row, and no consent is on record
    rank_all(stranger, campaign)
    withdraw_consent(annotator_id=bob.pk, now=NOW)
    release = build(campaign)
    assert release.counts["ballots"] == 1
    assert ReleaseItem.objects.filter(kind="judgment").count() == 1
    assert ReleaseItem.objects.get(kind="judgment").object_id == Judgment.objects.get(annotator=ada).pk
    Consent.objects.create(annotator=bob, terms_version=CURRENT_TERMS, accepted_at=NOW)
    assert build(campaign).counts["ballots"] == 2


def test_where_nobody_consents_there_is_nothing_to_release():
    campaign = make_campaign()
    make_prompt(campaign)
    rank_all(make_annotator("eve"), campaign)
    with pytest.raises(Conflict) as refused:
        build(campaign)
    assert refused.value.code == "nothing_to_release"
    assert Release.objects.count() == 0


def test_what_was_undone_is_not_in_it_and_what_is_in_it_cannot_be_undone():
    campaign, (ada, bob) = make_given("ada", "bob")
    undo_judgment(annotator_id=bob.pk, judgment_id=Judgment.objects.get(annotator=bob).pk, now=NOW)
    assert build(campaign).counts["ballots"] == 1
    with pytest.raises(Conflict) as refused:
        undo_judgment(annotator_id=ada.pk, judgment_id=Judgment.objects.get(annotator=ada).pk, now=NOW)
    assert refused.value.code == "sealed"


def test_a_withdrawal_leaves_sealed_files_alone_and_is_told_by_the_next_release():
    campaign, (ada, _) = make_given("ada", "bob")
    first = build(campaign)
    before = {path.name: path.read_bytes() for path in find_folder(first).iterdir()}
    mine = Judgment.objects.get(annotator=ada)
    name = make_pseudonym("judgment", mine.pk, salt=bytes(first.pseudonym_salt))
    assert name in {row["ballot_id"] for row in read_lines(first, "ballots.jsonl.gz")}
    withdraw_judgment(annotator_id=ada.pk, judgment_id=mine.pk, now=NOW)
    second = build(campaign)
    assert {path.name: path.read_bytes() for path in find_folder(first).iterdir()} == before
    assert second.counts["ballots"] == 1
    (row,) = read_lines(second, "withdrawn.jsonl")
    assert row.pop("withdrawn_at").endswith("Z")
    assert row == {"kind": "judgment", "release": 1, "id": name}
    assert second.files.get(name="withdrawn.jsonl").rows == 1


def test_a_withdrawn_consent_is_told_by_the_next_release_for_all_that_earlier_ones_hold():
    campaign, (ada, _) = make_given("ada", "bob", prompts=3)
    make_prompt(campaign, "Why do cats purr?")
    hold = ask(ada, campaign)["assignment"]
    submit(ada, hold["id"], {"cannot_tell_reason": "need_expertise"})
    first = build(campaign)
    known = [make_pseudonym("judgment", pk, salt=bytes(first.pseudonym_salt))
             for pk in Judgment.objects.filter(annotator=ada).values_list("pk", flat=True)]  # fmt: skip
    outcome = make_pseudonym("assignment", hold["id"], salt=bytes(first.pseudonym_salt))
    assert {outcome, *known} <= {row["ballot_id"] for row in read_lines(first, "ballots.jsonl.gz")}
    withdraw_consent(annotator_id=ada.pk, now=NOW)
    second = build(campaign)
    told = read_lines(second, "withdrawn.jsonl")
    assert sorted((row["kind"], row["release"], row["id"]) for row in told) == sorted(
        [("assignment", 1, outcome), *(("judgment", 1, name) for name in known)]
    )
    assert {row["withdrawn_at"] for row in told} == {"2026-05-04T12:00:00.000000Z"}


def test_what_no_release_held_leaves_no_tombstone_with_its_consent():
    campaign, (ada, _) = make_given("ada", "bob")
    withdraw_consent(annotator_id=ada.pk, now=NOW)
    assert Tombstone.objects.count() == 0
    assert read_lines(build(campaign), "withdrawn.jsonl") == []


def test_a_text_of_somebody_who_withdrew_their_consent_is_told_too():
    campaign = make_campaign(kinds=("write_assistant_reply",))
    make_prompt(campaign, replies=0)
    ada, bob = make_giver("ada"), make_giver("bob")
    for annotator in (ada, bob):
        hold = ask(annotator, campaign)["assignment"]
        submit(annotator, hold["id"], {"text": f"Because, says {annotator.pk}.", "language": "en"})
    build(campaign)
    withdraw_consent(annotator_id=bob.pk, now=NOW)
    assert [(row["kind"], row["release"]) for row in read_lines(build(campaign), "withdrawn.jsonl")] == [
        ("message", 1),
        ("judgment", 1),
    ]


def test_who_consents_again_is_in_the_next_release_and_not_told_as_withdrawn():
    campaign, (ada, _) = make_given("ada", "bob")
    build(campaign)
    withdraw_consent(annotator_id=ada.pk, now=NOW)
    accept_terms(annotator_id=ada.pk, terms_version=CURRENT_TERMS, now=NOW)
    second = build(campaign)
    assert (second.counts["ballots"], read_lines(second, "withdrawn.jsonl")) == (2, [])


def test_what_was_withdrawn_is_not_rebuilt(tmp_path):
    campaign, (ada, _) = make_given("ada", "bob")
    release = build(campaign)
    withdraw_judgment(annotator_id=ada.pk, judgment_id=Judgment.objects.get(annotator=ada).pk, now=NOW)
    again = write_release(release=release, folder=tmp_path / "again", tools=list_release_tools(), beat=lambda: None)
    assert again.counts["ballots"] == 1


def test_what_is_withdrawn_while_files_are_written_is_not_sealed(monkeypatch):
    campaign, (ada, _) = make_given("ada", "bob")
    mine = Judgment.objects.get(annotator=ada)
    write, times = release_building.write_release, []

    def withdraw_then_write(**given):
        written = write(**given)
        times.append(written.counts["ballots"])
        withdraw_judgment(annotator_id=ada.pk, judgment_id=mine.pk, now=NOW)
        return written

    monkeypatch.setattr(release_building, "write_release", withdraw_then_write)
    release = build(campaign)
    assert (times, release.counts["ballots"], len(read_lines(release, "ballots.jsonl.gz"))) == ([2, 1], 1, 1)
    assert not ReleaseItem.objects.filter(kind="judgment", object_id=mine.pk).exists()


def test_surplus_is_in_it_and_marked():
    campaign, _ = make_given("ada", prompts=1, redundancy=1)
    late = make_giver("late")
    judgment = Judgment.objects.get()
    again = Assignment.objects.create(
        unit=judgment.unit, annotator=late, state="expired", lease_grade="active", reason_code="first_judgment"
    )
    for row in judgment.assignment.shown.all():
        AssignmentCandidate.objects.create(assignment=again, position=row.position, message=row.message, revision=1)
    submit(late, again.pk, {"tiers": [["a", "b", "c", "d"]], "acceptable_tiers": None})
    release = build(campaign)
    rows = read_lines(release, "ballots.jsonl.gz")
    assert [(row["counted"], len(row["tiers"])) for row in rows] == [(True, 4), (False, 1)]
    assert (release.counts["ballots"], release.counts["surplus"]) == (2, 1)


def test_what_was_drawn_by_lot_says_so_whether_it_was_judged_or_skipped():
    campaign, _ = make_given("ada", prompts=2, redundancy=3)
    bob = make_giver("bob")
    hold = ask(bob, campaign)["assignment"]["id"]
    skip_assignment(annotator_id=bob.pk, assignment_id=hold, skip_reason="too_long", now=NOW, rng=random.Random(1))
    drawn = Assignment.objects.filter(state="submitted").order_by("pk").first()
    Assignment.objects.filter(pk__in=[drawn.pk, hold]).update(is_random=True)
    rows = read_lines(build(campaign), "ballots.jsonl.gz")
    assert sorted((row["outcome"], row["asked_at_random"]) for row in rows) == [
        ("judged", False), ("judged", True), ("skipped", True),
    ]  # fmt: skip


def test_whoever_could_not_tell_or_skipped_is_in_it_with_the_reason():
    campaign, _ = make_given("ada")
    for name, act in (("bob", "cannot"), ("cy", "skip")):
        hold = ask(make_giver(name), campaign)["assignment"]
        annotator = Annotator.objects.get(user__email=f"{name}@example.org")
        if act == "cannot":
            submit(annotator, hold["id"], {"cannot_tell_reason": "need_expertise", "rationale": "Not my field."})
        else:
            skip_assignment(
                annotator_id=annotator.pk,
                assignment_id=hold["id"],
                skip_reason="too_long",
                now=NOW,
                rng=random.Random(1),
            )
    release = build(campaign)
    rows = read_lines(release, "ballots.jsonl.gz")
    assert [(row["outcome"], row["cannot_tell_reason"], row["skip_reason"], row["rationale"]) for row in rows] == [
        ("judged", None, None, None),
        ("cannot_tell", "need_expertise", None, "Not my field."),
        ("skipped", None, "too_long", None),
    ]
    assert [row["tiers"] is None for row in rows] == [False, True, True]
    assert (release.counts["ballots"], release.counts["cannot_tell"], release.counts["skipped"]) == (1, 1, 1)


def test_a_removed_candidate_stays_in_ballots_and_its_text_is_gone(administrator_actor):
    campaign, _ = make_given("ada", "bob")
    bad = Message.objects.filter(parent__isnull=False).first()
    remove_message(campaign=campaign, message_id=bad.pk, actor=administrator_actor, reason="Spam", now=NOW)
    release = build(campaign)
    (tree,) = read_lines(release, "trees.jsonl.gz")
    texts = {reply["message_id"]: reply["text"] for reply in tree["prompt"]["replies"]}
    gone = make_pseudonym("message", bad.pk, salt=bytes(release.pseudonym_salt))
    assert (len(texts), gone in texts) == (3, False)
    for row in read_lines(release, "ballots.jsonl.gz"):
        assert gone in row["shown"]
        assert [gone in tier for tier in row["tiers"]].count(True) == 1
    for pair in read_lines(release, "preference_pairs.jsonl.gz"):
        assert gone not in (pair["chosen_id"], pair["rejected_id"])
    assert gone not in json.dumps(tree)
    assert bad.text not in (gzip.decompress((find_folder(release) / "trees.jsonl.gz").read_bytes())).decode()


def test_a_removed_prompt_takes_everything_below_it_along(administrator_actor):
    campaign, _ = make_given("ada", prompts=2)
    prompt = Message.objects.filter(parent=None).first()
    remove_message(campaign=campaign, message_id=prompt.pk, actor=administrator_actor, reason="Spam", now=NOW)
    release = build(campaign)
    assert (release.counts["trees"], release.counts["ballots"], release.counts["messages"]) == (1, 1, 5)


def test_the_consensus_follows_from_the_ballots_in_it():
    campaign, (_, bob, _) = make_given("ada", "bob", "cy", prompts=2)
    recompute_stale_job()
    whole = build(campaign)
    stored = {message.pk: message.current_consensus.result for message in Message.objects.filter(parent=None)}
    for tree in read_lines(whole, "trees.jsonl.gz"):
        (result,) = [r for pk, r in stored.items() if names(whole, pk) == tree["prompt"]["message_id"]]
        assert tree["prompt"]["consensus"]["tiers"] == [[names(whole, one) for one in tier] for tier in result["tiers"]]
        assert tree["prompt"]["consensus"]["confidence"] == result["confidence"]
        scores = {names(whole, one): score for one, score in zip(result["candidates"], result["scores"], strict=True)}
        assert {reply["message_id"]: reply["score"] for reply in tree["prompt"]["replies"]} == scores
        ranks = [reply["rank"] for reply in tree["prompt"]["replies"]]
        assert (ranks == sorted(ranks), ranks[0]) == (True, 0)
    withdraw_consent(annotator_id=bob.pk, now=NOW)
    part = build(campaign)
    assert {tree["prompt"]["consensus"]["n_ballots"] for tree in read_lines(part, "trees.jsonl.gz")} == {2}


def names(release: Release, message: int) -> str:
    return make_pseudonym("message", message, salt=bytes(release.pseudonym_salt))


def test_personal_data_is_counted_by_table_and_flagged_by_row():
    campaign, _ = make_given(prompts=0)
    make_prompt(campaign, "Write to ann@example.com")  # its four replies repeat it
    rank_all(make_giver("ada"), campaign, rationale="Ask me: bob@example.com or cy@example.com")
    release = build(campaign)
    assert {table: kinds["email"] for table, kinds in release.personal_data.items()} == {
        "ballots": 2, "labels": 0, "trees": 5, "preference_pairs": 3 * release.counts["preference_pairs"],
    }  # fmt: skip
    manifest = json.loads((find_folder(release) / "MANIFEST.json").read_text())
    assert manifest["personal_data"] == dict.fromkeys(sorted(PersonalDataKind), 0) | {"email": 7}
    assert manifest["personal_data_by_table"] == release.personal_data
    assert [row["personal_data"] for row in read_lines(release, "ballots.jsonl.gz")] == [["email"]]
    (tree,) = read_lines(release, "trees.jsonl.gz")
    assert tree["prompt"]["personal_data"] == ["email"]
    assert "ann@example.com" in tree["prompt"]["text"]  # texts are not altered
    assert "- e-mail addresses: 7" in (find_folder(release) / "README.md").read_text()


def test_a_limit_leaves_out_other_languages():
    campaign = make_campaign(languages=("en", "de"))
    make_prompt(campaign, "Question")
    make_prompt(campaign, "Frage", language="de")
    rank_all(make_giver("ada"), campaign)
    release = build(campaign, filters={"languages": ["de"]})
    assert (release.counts["ballots"], release.filters) == (1, {"languages": ["de"]})
    assert [tree["prompt"]["text"] for tree in read_lines(release, "trees.jsonl.gz")] == ["Frage"]


def test_labels_are_rows_and_means():
    campaign = make_campaign(kinds=("label",))
    make_prompt(campaign, replies=1)
    for name, quality in (("ada", 0.5), ("bob", None)):
        annotator = make_giver(name)
        hold = ask(annotator, campaign)["assignment"]
        while hold is not None:
            sent = {"labels": {"spam": False, "quality": quality}}
            hold = submit(annotator, hold["id"], sent)["next"]["assignment"]
    release = build(campaign)
    frame = pd.read_parquet(find_folder(release) / "labels.parquet")
    given = frame[frame.dimension == "quality"].sort_values("annotator_id")
    assert sorted(given.answer) == ["given", "given", "skipped", "skipped"]
    assert sorted(given.value.dropna()) == [0.5, 0.5]
    assert release.counts["label_sets"] == Judgment.objects.count() == 4
    (tree,) = read_lines(release, "trees.jsonl.gz")
    assert tree["prompt"]["labels"]["quality"] == {"value": 0.5, "count": 1}
    assert (tree["prompt"]["labels"]["spam"], tree["prompt"]["review_count"]) == ({"value": 0.0, "count": 2}, 2)


def test_a_written_text_is_in_it_while_its_author_consents():
    campaign = make_campaign(kinds=("write_assistant_reply",))
    make_prompt(campaign, replies=0)
    ada, bob = make_giver("ada"), make_giver("bob")
    for annotator in (ada, bob):
        hold = ask(annotator, campaign)["assignment"]
        submit(annotator, hold["id"], {"text": f"Because, says {annotator.pk}.", "language": "en"})
    first = build(campaign)
    (tree,) = read_lines(first, "trees.jsonl.gz")
    assert [(reply["synthetic"], reply["user_id"][:10]) for reply in tree["prompt"]["replies"]] == [
        (False, "annotator-")
    ] * 2
    assert (first.counts["texts_written"], first.counts["annotators"]) == (2, 2)
    withdraw_consent(annotator_id=bob.pk, now=NOW)
    withdraw_judgment(annotator_id=ada.pk, judgment_id=Judgment.objects.get(annotator=ada).pk, now=NOW)
    Consent.objects.filter(annotator=bob).update(withdrawn_at=None)
    second = build(campaign)
    (tree,) = read_lines(second, "trees.jsonl.gz")
    assert [reply["text"] for reply in tree["prompt"]["replies"]] == [f"Because, says {bob.pk}."]
    assert [(row["kind"], row["release"]) for row in read_lines(second, "withdrawn.jsonl")] == [
        ("message", 1),
        ("judgment", 1),
    ]
    withdraw_consent(annotator_id=bob.pk, now=NOW)
    with pytest.raises(Conflict, match="nothing to release"):
        build(campaign)


def test_a_sealed_release_does_not_change():
    campaign, _ = make_given("ada")
    release = build(campaign)
    for change in ({"counts": {}}, {"sealed_at": None}, {"state": "requested"}, {"pseudonym_salt": b"x" * 32}):
        with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
            Release.objects.filter(pk=release.pk).update(**change)


def test_the_database_refuses_a_second_release_in_progress():
    campaign, _ = make_given("ada")
    request_release(campaign=campaign, actor=None, now=NOW)
    with pytest.raises(IntegrityError, match="a_campaign_builds_one_release_at_a_time"), transaction.atomic():
        Release.objects.create(
            campaign=campaign, number=2, state="building", licence="X", pseudonym_salt=bytes(32), requested_at=NOW
        )


def test_trees_come_in_batches_with_the_same_queries_for_each(tmp_path, monkeypatch):
    campaign, _ = make_given("ada", prompts=3)
    release = build(campaign)
    assert release.campaign == campaign
    counts = []
    for size in (1, 3):
        monkeypatch.setattr(release_content, "TREES_AT_ONCE", size)
        with CaptureQueriesContext(connection) as queries:
            write_release(release=release, folder=tmp_path / str(size), tools=list_release_tools(), beat=lambda: None)
        counts.append(len(queries))
    assert counts == [3 * 6 + 5, 6 + 5]  # campaign, two of orders of prompts, withdrawn, how many
    assert (tmp_path / "1" / "MANIFEST.json").read_bytes() == (tmp_path / "3" / "MANIFEST.json").read_bytes()


def test_a_release_is_withdrawn_with_a_reason_that_the_audit_keeps(administrator_actor):
    campaign, _ = make_given("ada")
    release = build(campaign)
    before = {field.attname: getattr(release, field.attname) for field in Release._meta.fields}
    gone = withdraw_release(campaign=campaign, number=1, actor=administrator_actor, reason=" Names are in it. ")
    after = {field.attname: getattr(gone, field.attname) for field in Release._meta.fields}
    assert {name: value for name, value in after.items() if value != before[name]} == {
        "state": "withdrawn",
        "reason": "Names are in it.",
    }
    event = AuditEvent.objects.get(action="release.withdrawn")
    assert (event.actor_id, event.campaign_id, event.object_kind, event.object_id, event.reason) == (
        administrator_actor.user_id,
        campaign.pk,
        "release",
        "1",
        "Names are in it.",
    )
    assert (event.before, event.after) == ({"state": "sealed"}, {"state": "withdrawn"})


def test_the_next_release_is_made_as_if_the_last_one_had_not_been_withdrawn(administrator_actor, monkeypatch):
    monkeypatch.setattr(releases, "secrets", SimpleNamespace(token_bytes=bytes))  # names that can be compared
    campaign, (ada, _bob) = make_given("ada", "bob")
    build(campaign)
    withdraw_judgment(annotator_id=ada.pk, judgment_id=Judgment.objects.get(annotator=ada).pk, now=NOW)
    standing = build(campaign)
    withdraw_release(campaign=campaign, number=1, actor=administrator_actor, reason="A mistake")
    withdraw_release(campaign=campaign, number=2, actor=administrator_actor, reason="A mistake")
    following = build(campaign)
    assert (following.number, following.state, following.counts) == (3, "sealed", standing.counts)
    told = [(row["kind"], row["release"]) for row in read_lines(following, "withdrawn.jsonl")]
    assert (
        told == [(row["kind"], row["release"]) for row in read_lines(standing, "withdrawn.jsonl")] == [("judgment", 1)]
    )
    for name in ("ballots.parquet", "ballots.jsonl.gz", "trees.jsonl.gz", "preference_pairs.parquet"):
        assert (find_folder(following) / name).read_bytes() == (find_folder(standing) / name).read_bytes()


def test_what_is_in_a_withdrawn_release_was_published_and_cannot_be_undone(administrator_actor):
    campaign, (ada,) = make_given("ada")
    build(campaign)
    withdraw_release(campaign=campaign, number=1, actor=administrator_actor, reason="A mistake")
    with pytest.raises(Conflict, match="is in a release"):
        undo_judgment(annotator_id=ada.pk, judgment_id=Judgment.objects.get().pk, now=NOW)


@pytest.mark.parametrize(
    ("number", "state", "reason", "code"),
    [
        (1, "requested", "Why", "release_not_sealed"),
        (1, "building", "Why", "release_not_sealed"),
        (1, "failed", "Why", "release_not_sealed"),
        (1, "withdrawn", "Why", "release_withdrawn"),
        (2, "sealed", "Why", "release_not_found"),
        (1, "sealed", "  ", "invalid_input"),
    ],
)
def test_a_withdrawal_is_refused_and_changes_nothing(administrator_actor, number, state, reason, code):
    campaign, _ = make_given("ada")
    Release.objects.create(
        campaign=campaign, number=1, state=state, reason="so", licence="X", pseudonym_salt=bytes(32),
        requested_at=NOW, sealed_at=NOW,
    )  # fmt: skip
    with pytest.raises(ChorusError) as refused:
        withdraw_release(campaign=campaign, number=number, actor=administrator_actor, reason=reason)
    assert refused.value.code == code
    assert list(Release.objects.values_list("state", "reason")) == [(state, "so")]
    assert not AuditEvent.objects.filter(action="release.withdrawn").exists()
