"""`make bench BENCH=near_duplicates`: the help that somebody gets while writing a prompt, among 100,000 of one campaign.

A fresh PostgreSQL from the wheel. Prompts of ordinary words, a fiftieth of them made from one template, so that very
many share their beginning. They are indexed by the product's own job (`indexed_per_second`). Then texts are checked as
the pages do (`check_text`: length, language, neighbours, characters): new ones, long ones, ones after the template, and
prompts that are there with a few words changed (`recall`: how many of those with a likeness of 0.6 or more are found).

Ends with one line of JSON: `p50_ms` and `p99_ms` (goal: below 30), and `ratio`: how many times longer it takes to read
all prompts and measure each. QUICK=1: 10,000 prompts.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from annotate.embedded.engines import start_engines
from annotate.embedded.places import Places

set_up_django = import_module("tests.bench.import").set_up_django

QUICK = os.environ.get("QUICK") == "1"
PROMPTS = 10_000 if QUICK else 100_000
CHECKS = 200 if QUICK else 1_000
SCANS = 3
TEMPLATE = "Please translate the following sentence into plain French, and say what is hard about it: "
ONE_IN = 50

SYLLABLES = [first + second for first in "bdfghklmnprstwz" for second in "aeio"]


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="chorus-bench-", dir="/tmp"))
    home.chmod(0o711)  # the engines' account must reach its folder
    places = Places(data=home / "data", run=home / "run")
    engines = start_engines(places)
    try:
        set_up_django(places, home)
        result = measure()
    finally:
        engines.stop()
        shutil.rmtree(home, ignore_errors=True)
    print(json.dumps(result), flush=True)


def measure() -> dict[str, Any]:
    from annotate import limits
    from tests.loop import make_annotator, make_campaign

    limits.MOST_CHECKS = 0  # no limit
    rng = random.Random(20261126)
    vocabulary = make_vocabulary(rng)
    texts = [make_prompt(rng, vocabulary) for _ in range(PROMPTS)]
    campaign = make_campaign(slug="bench", kinds=("write_prompt",), languages=("en", "de"))
    store(campaign.pk, texts)
    indexing = index_all()
    print(f"indexed {PROMPTS:,} prompts in {indexing:.0f} s", file=sys.stderr)
    annotator = make_annotator()
    took, found, planted = check_all(rng, vocabulary, texts, campaign=campaign, annotator_id=annotator.pk)
    scan = statistics.median(scan_all(rng.choice(texts), campaign.pk) for _ in range(SCANS))
    return {
        "bench": "near_duplicates",
        "prompts": PROMPTS,
        "checks": len(took),
        "p50_ms": round(took[len(took) // 2] * 1000, 2),
        "p99_ms": round(took[int(len(took) * 0.99)] * 1000, 2),
        "recall": round(found / planted, 3),
        "planted": planted,
        "scan_ms": round(scan * 1000),
        "ratio": round(scan / took[len(took) // 2], 1),
        "indexed_per_second": round(PROMPTS / indexing),
    }


def make_vocabulary(rng: random.Random) -> list[str]:
    return ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(20_000)]


def make_prompt(rng: random.Random, vocabulary: list[str]) -> str:
    words = [vocabulary[min(int(rng.expovariate(1 / 1500)), len(vocabulary) - 1)] for _ in range(rng.randint(6, 60))]
    text = " ".join(words).capitalize() + "?"
    return TEMPLATE + text[:60] if rng.randrange(ONE_IN) == 0 else text


def store(campaign_id: int, texts: list[str]) -> None:
    from django.db import connection

    from annotate.models import Stratum
    from tasks.text.normalise import text_hash

    stratum = Stratum.objects.create(campaign_id=campaign_id, language="en")
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO annotate_messagetree (id, campaign_id, stratum_id, state, language, topic, key, created_at)
               SELECT n, %s, %s, 'ranking', 'en', '', 'bench:' || n, now() FROM generate_series(1, %s) n""",
            [campaign_id, stratum.pk, len(texts)],
        )
        columns = "id, tree_id, thread, role, text, text_hash, language, revision, removed_reason, created_at"
        with cursor.copy(f"COPY annotate_message ({columns}) FROM STDIN") as copy:
            for number, text in enumerate(texts, start=1):
                copy.write_row((number, number, [number], "prompter", text, text_hash(text), "en", 1, "", "2026-01-01"))
        cursor.execute("ANALYZE annotate_message")


def index_all() -> float:
    from django.db import connection

    from annotate.models import MessageIndex
    from tasks.jobs.search import index_messages_job

    begun = time.perf_counter()
    while MessageIndex.objects.count() < PROMPTS:
        index_messages_job()
    seconds = time.perf_counter() - begun
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) annotate_messageindex")
    return seconds


def check_all(
    rng: random.Random, vocabulary: list[str], texts: list[str], *, campaign: Any, annotator_id: int
) -> tuple[list[float], int, int]:
    """Seconds of each check, sorted; how many planted texts were found, and how many there were."""
    from annotate.services.writing_help import check_text
    from tasks.text.fingerprints import jaccard

    took, found, planted = [], 0, 0
    check_text(campaign=campaign, kind="write_prompt", text=texts[0], language="en", annotator_id=annotator_id)
    for turn in range(CHECKS):
        number = rng.randrange(len(texts))
        text = make_prompt(rng, vocabulary)
        if turn % 4 == 1:
            text = change_words(rng, texts[number], vocabulary)
        elif turn % 4 == 2:
            text = " ".join(make_prompt(rng, vocabulary) for _ in range(8))
        elif turn % 4 == 3:
            text = TEMPLATE + text[:60]
        begun = time.perf_counter()
        help_ = check_text(campaign=campaign, kind="write_prompt", text=text, language="en", annotator_id=annotator_id)
        took.append(time.perf_counter() - begun)
        if turn % 4 == 1 and not texts[number].startswith(TEMPLATE) and jaccard(text, texts[number]) >= 0.6:
            planted += 1
            found += any(near.message_id == number + 1 for near in help_.neighbours)
    return sorted(took), found, planted


def change_words(rng: random.Random, text: str, vocabulary: list[str]) -> str:
    words = text.split()
    for _ in range(max(1, len(words) // 12)):
        words[rng.randrange(len(words))] = rng.choice(vocabulary)
    return " ".join(words)


def scan_all(text: str, campaign_id: int) -> float:
    """Seconds to read every prompt of the campaign and measure it."""
    from annotate.models import Message
    from tasks.text.fingerprints import jaccard

    begun = time.perf_counter()
    prompts = Message.objects.filter(tree__campaign_id=campaign_id, parent=None).values_list("text", flat=True)
    near = sorted((jaccard(text, prompt) for prompt in prompts.iterator(chunk_size=5000)), reverse=True)[:3]
    assert near[0] == 1.0, "the text itself is among them"
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
