"""One turn of the loop on Open Assistant's data, over HTTP alone but for the jobs: from files to a release in pandas.

A hundred trees with human replies and three models' answers to the same prompts are one ranking campaign; ten scripted
people rank three hundred sets of candidates, with opinions and with noise.
"""

from __future__ import annotations

import io
import json
import math
import os
import random
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from annotate.models import Judgment, Message, MessageOrigin, MessageTree, RankedCandidate, Unit
from annotate.queries.integrity import find_broken_rules
from annotate.queries.origins import HUMAN, load_origins
from annotate.services.people import create_user
from annotate.services.tokens import create_token
from tasks.jobs.imports import run_imports_job
from tasks.jobs.quality import recompute_stale_job
from tasks.jobs.releases import build_releases_job
from tasks.jobs.scheduling import schedule_units_job
from tasks.text.normalise import text_hash

pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.django_db]

API = "/api/v1/"
CAMPAIGN = f"{API}campaigns/open-assistant/"
FILES = (
    "en_100_tree.jsonl",
    "sampling_pythia-1b-sft.json",
    "sampling_pythia-3b-sft.json",
    "sampling_pythia-12b-sft.json",
)
PEOPLE, RANKINGS = 10, 300
#: What an opinion adds for a text by a person, for every doubling of its length, and how much of it is chance.
FOR_HUMANS, FOR_LENGTH, NOISE = 3.0, 1.0, 0.5


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.RELEASE_DIR, settings.UPLOAD_DIR = tmp_path / "releases", tmp_path / "uploads"


def sign_in(name: str, *scopes: str) -> APIClient:
    """A client with a token of somebody new who accepted the terms."""
    user = create_user(email=f"{name}@example.org", now=timezone.now(), with_terms=True)
    _, text = create_token(user=user, name="script", scopes=scopes, expires_at=None, actor=None, now=timezone.now())
    return APIClient(headers={"Authorization": f"Bearer {text}"})


def ok(response, status: int = 200):
    assert response.status_code == status, response.content
    return response.json()


def bring_in(organizer: APIClient, name: str) -> dict:
    """Import one file over HTTP; how it ended."""
    content = Path(os.environ["CHORUS_REAL_DATA"], "open-assistant", name).read_bytes()
    started = ok(
        organizer.post(f"{CAMPAIGN}imports/", {"file": SimpleUploadedFile(name, content)}, format="multipart"), 202
    )
    run_imports_job()
    return ok(organizer.get(f"{CAMPAIGN}imports/{started['id']}/"))


def list_human_texts() -> set[bytes]:
    """Digests of the texts that people wrote: what the scripted annotators like, and nobody tells them."""
    origins = load_origins(message_ids=list(Message.objects.values_list("pk", flat=True)))
    human = [message for message, names in origins.items() if HUMAN in names]
    return {bytes(digest) for digest in Message.objects.filter(pk__in=human).values_list("text_hash", flat=True)}


def judge(assignment: dict, human: set[bytes], rng: random.Random) -> dict:
    """A ranking by length and by who wrote it, with ties where the difference is small."""
    candidates = assignment["subject"]["candidates"]
    liked = {
        one["id"]: FOR_HUMANS * (text_hash(one["text"]) in human)
        + FOR_LENGTH * math.log2(len(one["text"]) + 1)
        + rng.gauss(0, NOISE)
        for one in candidates
    }
    tiers: list[list[str]] = []
    for handle in sorted(liked, key=liked.__getitem__, reverse=True):
        if tiers and liked[tiers[-1][0]] - liked[handle] < 0.2:
            tiers[-1].append(handle)
        else:
            tiers.append([handle])
    return {
        "tiers": tiers,
        "acceptable_tiers": rng.randint(0, len(tiers)),
        "active_seconds": round(rng.uniform(5, 90), 1),
    }


def work_in_turns(people: list[APIClient], human: set[bytes], rng: random.Random) -> int:
    """Everybody ranks what they are given, one after the other; returns how many rankings that made."""
    given = 0
    holds = [ok(person.post(f"{CAMPAIGN}next/", {}, format="json"))["assignment"] for person in people]
    while given < RANKINGS and any(holds):
        for at, person in enumerate(people):
            if holds[at] is None or given == RANKINGS:
                continue
            body = judge(holds[at], human, rng)
            answer = ok(person.post(f"{API}assignments/{holds[at]['id']}/submit/", body, format="json"))
            holds[at] = answer["next"]["assignment"]
            given += answer["judgment"] is not None
    return given


def fetch(client: APIClient, file: dict) -> io.BytesIO:
    return io.BytesIO(b"".join(client.get(file["url"]).streaming_content))


def import_everything(organizer: APIClient) -> None:
    """Every file whole, and once more nothing new."""
    for name in FILES:
        ended = bring_in(organizer, name)
        assert (ended["state"], ended["read"], ended["bad"], ended["errors"]) == ("done", 100, 0, [])
    again = bring_in(organizer, FILES[0])
    assert (again["state"], again["added"], again["skipped"]) == ("done", 0, 100)
    prompts = Message.objects.filter(parent=None)
    candidates = Message.objects.filter(parent__in=prompts)
    assert MessageTree.objects.count() == prompts.count() == 100
    assert candidates.count() == 333 + 3 * 700 - 217  # what repeats a text under the same prompt is one candidate
    assert MessageOrigin.objects.filter(message__in=candidates).count() > candidates.count()


def rank_everything(organizer: APIClient) -> None:
    """Ten people, over HTTP, blind."""
    human = list_human_texts()
    assert len(human) > 300
    ok(organizer.patch(CAMPAIGN, {"state": "open"}, format="json"))
    schedule_units_job()
    people = [sign_in(f"annotator{number}", "annotate") for number in range(PEOPLE)]
    assert work_in_turns(people, human, random.Random(20261121)) == RANKINGS
    assert Judgment.objects.count() == RANKINGS
    assert find_broken_rules() == []


def look_at_results(organizer: APIClient) -> None:
    """Consensus and agreement, as organizers see them."""
    recompute_stale_job()
    schedule_units_job()
    agreement = ok(organizer.get(f"{CAMPAIGN}agreement/"))
    (alpha,) = [
        one for one in agreement["results"] if (one["coefficient"], one["language"]) == ("pairwise_alpha", None)
    ]
    assert alpha["low"] < alpha["value"] < alpha["high"]
    assert alpha["low"] > 0  # they share opinions, and are not of one mind
    board = ok(organizer.get(f"{CAMPAIGN}leaderboard/"))
    assert board["entries"][0]["generator"] == HUMAN
    assert board["n_ballots"] <= RANKINGS
    consensus = ok(organizer.get(f"{CAMPAIGN}consensus/", {"limit": 200, "texts": "false"}))["results"]
    assert {entry["parent"] for entry in consensus} == set(Judgment.objects.values_list("unit__subject_id", flat=True))
    progress = ok(organizer.get(f"{CAMPAIGN}progress/"))
    assert (progress["judgments"], progress["annotators"]) == (RANKINGS, PEOPLE)


def read_release(organizer: APIClient) -> tuple[dict, dict[str, dict]]:
    """Have a release made; what it says of itself, and its files by name."""
    asked = ok(organizer.post(f"{CAMPAIGN}releases/", {}, format="json"), 202)
    build_releases_job()
    release = ok(organizer.get(f"{CAMPAIGN}releases/{asked['number']}/"))
    assert (release["state"], release["reason"]) == ("sealed", None)
    return release, {file["name"]: file for file in release["files"]}


def read_table(organizer: APIClient, files: dict[str, dict], name: str) -> pd.DataFrame:
    """A table in both its forms, which say the same."""
    packed = pd.read_parquet(fetch(organizer, files[f"{name}.parquet"]))
    lines = fetch(organizer, files[f"{name}.jsonl.gz"])
    plain = pd.read_json(lines, lines=True, compression="gzip") if len(packed) else packed
    assert len(packed) == len(plain) == files[f"{name}.parquet"]["rows"] == files[f"{name}.jsonl.gz"]["rows"]
    assert list(packed.columns) == list(plain.columns)
    return packed


def compare_ballots(ballots: pd.DataFrame, release: dict) -> None:
    judged = Judgment.objects.values_list("unit__subject_id", flat=True).distinct()
    assert len(ballots) == Judgment.objects.count() == release["counts"]["ballots"]
    assert ballots.annotator_id.nunique() == PEOPLE
    assert ballots.parent_id.nunique() == judged.count()
    assert ballots.unit_id.nunique() == Unit.objects.filter(judgments__isnull=False).distinct().count()
    placed = ballots.tiers.map(lambda tiers: sum(len(tier) for tier in tiers))
    assert placed.sum() == RankedCandidate.objects.count()
    assert Counter(ballots.acceptable_tiers) == Counter(Judgment.objects.values_list("acceptable_tiers", flat=True))


def compare_trees(messages: pd.DataFrame, nested: pd.DataFrame, release: dict) -> None:
    trees = Judgment.objects.values("unit__subject__tree_id").distinct()
    candidates = Message.objects.filter(parent__in=Message.objects.filter(parent=None))
    assert len(messages) == Message.objects.filter(tree__in=trees).count() == release["counts"]["messages"]
    assert messages.message_tree_id.nunique() == trees.count() == len(nested)
    assert sum(len(prompt["replies"]) for prompt in nested.prompt) == candidates.filter(tree__in=trees).count()


def compare_pairs(pairs: pd.DataFrame, messages: pd.DataFrame) -> None:
    assert set(pairs.chosen_id) | set(pairs.rejected_id) <= set(messages.message_id)
    assert (pairs.confidence >= 0.5).all()
    sure = pairs[pairs.confidence > 0.9]
    of_people = messages[messages.synthetic == False].message_id  # noqa: E712  (an unknown author is neither)
    assert sure.chosen_id.isin(of_people).mean() > sure.rejected_id.isin(of_people).mean()


def test_open_assistants_data_goes_once_around_the_loop():
    organizer = sign_in("olga", "organize", "read")
    made = {"slug": "open-assistant", "title": "Open Assistant", "preset": "rank", "languages": ["en"], "redundancy": 3}
    ok(organizer.post(f"{API}campaigns/", made, format="json"), 201)
    import_everything(organizer)
    rank_everything(organizer)
    look_at_results(organizer)
    release, files = read_release(organizer)
    ballots, pairs = (read_table(organizer, files, name) for name in ("ballots", "preference_pairs"))
    messages = pd.read_parquet(fetch(organizer, files["trees.parquet"]))
    nested = pd.read_json(fetch(organizer, files["trees.jsonl.gz"]), lines=True, compression="gzip")
    assert len(read_table(organizer, files, "labels")) == 0
    compare_ballots(ballots, release)
    compare_trees(messages, nested, release)
    compare_pairs(pairs, messages)
    assert set(ballots.shown.explode()) <= set(messages.message_id)
    manifest = json.load(fetch(organizer, files["MANIFEST.json"]))
    assert {file["name"]: file["sha256"] for file in manifest["files"]} == {
        name: file["sha256"] for name, file in files.items() if name != "MANIFEST.json"
    }
    assert manifest["counts"] == release["counts"]
