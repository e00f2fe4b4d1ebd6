"""One part of `million` in a process of its own: run as a program with DATABASE_URL set. Prints one JSON line.

python -m tests.bench.million_parts PART

`cpu`: seconds of the processor that the process took; `server_cpu`: those of all processes of PostgreSQL meanwhile (every
backend of the cluster, parallel and background workers too; 0 where /proc does not say); `seconds`: by the clock; `grew_mb`:
the most memory that the process had beyond what it had after its imports; `statements`, `slowest_ms` and `slowest`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
CHECKS, NEW, JUDGMENTS = 20, 1_000, 1_000
SLUG = "bench"

Figures = dict[str, Any]


class Statements:
    """What the connection was asked, as Django hands it on."""

    def __init__(self) -> None:
        self.count, self.slowest, self.text = 0, 0.0, ""

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            took = (time.perf_counter() - started) * 1000
            self.count += 1
            if took > self.slowest:
                self.slowest, self.text = took, " ".join(str(sql).split())[:80]


def measure(work: Callable[[], Figures | None]) -> Figures:
    from django.db import connection

    connection.ensure_connection()
    postmaster, statements, at_rest = find_postmaster(), Statements(), _peak_mb()
    server, cpu, started = read_server_cpu(postmaster), time.process_time(), time.perf_counter()
    with connection.execute_wrapper(statements):
        more = work() or {}
    return {
        "cpu": round(time.process_time() - cpu, 2),
        "server_cpu": round(read_server_cpu(postmaster) - server, 2),
        "seconds": round(time.perf_counter() - started, 2),
        "grew_mb": round(_peak_mb() - at_rest),
        "statements": statements.count,
        "slowest_ms": round(statements.slowest),
        "slowest": statements.text,
        **more,
    }


def find_postmaster() -> int:
    from annotate.queries.rows import fetch_row

    backend = fetch_row("SELECT pg_backend_pid() AS pid", {})["pid"]
    try:
        return int(Path(f"/proc/{backend}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def read_server_cpu(postmaster: int) -> float:
    """Seconds of the processor that the server and all of its processes have taken, ended ones included."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*/stat") if postmaster else ():
        try:
            fields = entry.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(entry.parent.name) == postmaster:
            total += sum(int(field) for field in fields[11:15])
        elif int(fields[1]) == postmaster:
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def find_campaign() -> Any:
    from annotate.models import Campaign

    return Campaign.objects.get(slug=SLUG)


def tick() -> Figures:
    from django.utils import timezone

    from tasks.jobs.scheduling import schedule_campaign

    return {"bands": schedule_campaign(find_campaign().pk, now=timezone.now())}


def plan_whole() -> Figures:
    """The full plan with its measurement of coverage."""
    from django.utils import timezone

    from tasks.jobs.coverage import measure_campaign

    measure_campaign(_take("TURN_COVERAGE"), now=timezone.now())
    return {}


def find_topics() -> Figures:
    """Look for topics, and put prompts in their places, in as many runs as that takes."""
    from annotate.models import PromptPlace, Stale
    from tasks.jobs.topics import place_in_turn

    runs = 0
    while True:
        turn, runs = _take("TURN_TOPICS"), runs + 1
        place_in_turn(turn)
        if Stale.objects.filter(kind=turn.kind, subject_id=turn.subject_id).exclude(lease_expires_at=None).exists():
            return {"placed": PromptPlace.objects.exclude(fit=0).count(), "runs": runs}


def place_new() -> Figures:
    """As many prompts as `NEW` come in, and get their places."""
    from annotate.models import PromptPlace
    from annotate.queries.rows import run

    run("DELETE FROM annotate_promptplace WHERE message_id IN (SELECT message_id FROM annotate_promptplace ORDER BY message_id DESC LIMIT %(n)s)",
        {"n": NEW})  # fmt: skip
    before = PromptPlace.objects.count()
    found = find_topics()
    return {"placed": PromptPlace.objects.count() - before, "runs": found["runs"]}


def embed_new() -> Figures:
    """As many prompts as `NEW` come in, and get their vectors."""
    from annotate.queries.rows import run
    from tasks.jobs.vectors import embed_missing

    run("DELETE FROM annotate_textvector WHERE message_id IN (SELECT message_id FROM annotate_textvector ORDER BY message_id DESC LIMIT %(n)s)",
        {"n": NEW})  # fmt: skip
    embed_missing(_take("TURN_VECTORS"), "hashing", ends=time.monotonic() + 60)
    return {}


def open_briefs() -> Figures:
    from annotate.models import Campaign

    campaign = find_campaign()
    was = campaign.parameters, campaign.kinds
    parameters = {**campaign.parameters, "grow_trees": True, "open_briefs": True}
    Campaign.objects.filter(pk=campaign.pk).update(parameters=parameters, kinds=[*campaign.kinds, "write_prompt"])
    try:
        import_module("tasks.jobs.briefs").follow_wishes(campaign.pk)
    finally:
        Campaign.objects.filter(pk=campaign.pk).update(parameters=was[0], kinds=was[1])
    return {}


def ask_variety() -> Figures:
    """A stretch in the middle of the campaign, with a generator that is kept for variety."""
    from annotate.models import Campaign, CampaignGenerator, Generator

    campaign = find_campaign()
    generator, _ = Generator.objects.get_or_create(
        campaign=None, name="varied", engine="fake", defaults={"model": "varied"}
    )
    CampaignGenerator.objects.get_or_create(
        campaign=campaign, generator=generator, defaults={"is_for_variety": True, "samples": 1}
    )
    Campaign.objects.filter(pk=campaign.pk).update(parameters={**campaign.parameters, "ask_variety": True})
    last = import_module("tasks.jobs.variety").look_at_stretch(campaign.pk, after=1_000)
    Campaign.objects.filter(pk=campaign.pk).update(parameters=campaign.parameters)
    return {"last": last}


def traits() -> Figures:
    from tasks.jobs.traits import refresh_in_turn

    refresh_in_turn(_take("TURN_TRAITS"))
    return {}


def standing() -> Figures:
    from tasks.jobs.standing import measure_campaign

    measure_campaign(_take("TURN_STANDING"))
    return {}


def summaries() -> Figures:
    from tasks.jobs.work import summarize_queues_job

    summarize_queues_job()
    return {}


def near_duplicates() -> Figures:
    """The second statement of what somebody sees who writes a prompt: those near by their vectors."""
    from annotate.queries.alike_prompts import find_alike_prompts
    from annotate.queries.reading import Reader
    from tests.bench.million_data import iterate_prompts

    campaign, waits, found = find_campaign(), [], 0
    reader = Reader()
    for number, language, _, text in iterate_prompts(CHECKS * 50):
        if number % 50:
            continue
        started = time.perf_counter()
        found += bool(find_alike_prompts(campaign_id=campaign.pk, text=f"{text} so", language=language, reader=reader))
        waits.append((time.perf_counter() - started) * 1000)
    return {"p50_ms": round(sorted(waits)[len(waits) // 2], 1), "most_ms": round(max(waits), 1), "found": found}


def claims() -> Figures:
    """Everybody claims, then everybody skips what they have and gets the next: seconds of each claim."""
    import random

    from django.utils import timezone

    from annotate.models import Annotator, Assignment
    from annotate.services.claims import offer_next
    from annotate.services.judgments import skip_assignment

    rng, waits, given, ends = random.Random(3), [], 0, time.monotonic() + float(os.environ.get("CLAIM_SECONDS", "0"))
    people = list(Annotator.objects.order_by("pk").values_list("pk", flat=True))
    while True:
        for person in people:
            held = Assignment.objects.filter(annotator_id=person, state="live").values_list("pk", flat=True).first()
            started = time.perf_counter()
            if held is None:
                offer = offer_next(annotator_id=person, slug=SLUG, now=timezone.now(), rng=rng).as_answer()
                given += bool(offer["assignment"])
            else:
                skip_assignment(
                    annotator_id=person, assignment_id=held, skip_reason="other", now=timezone.now(), rng=rng
                )
            waits.append((time.perf_counter() - started) * 1000)
        if time.monotonic() > ends:
            break
    waits.sort()
    middle, late = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
    return {"claims": len(waits), "p50_ms": round(middle, 1), "p99_ms": round(late, 1), "most_ms": round(waits[-1], 1)}


def pages() -> Figures:
    """Each page as somebody sees it who administers the site: the second of two looks at each."""
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    from annotate.models import Unit, User
    from tests.bench.serving_data import open_session

    User.objects.filter(email="p0@example.org").update(is_superuser=True)
    user = User.objects.get(email="p0@example.org")
    client, told = Client(headers={"accept-language": "en"}, SERVER_NAME="localhost"), {}
    client.cookies["sessionid"] = open_session(user)
    unit = Unit.objects.filter(is_vacant=True).order_by("-band").values_list("public_id", flat=True)[0]
    for name in ("home", "campaign", "coverage", "target_space", "prompt_map", "unit_why"):
        arguments = [] if name == "home" else [SLUG, unit] if name == "unit_why" else [SLUG]
        path, postmaster = reverse(name, args=arguments), find_postmaster()
        for _look in range(2):
            statements = Statements()
            server, cpu, started = read_server_cpu(postmaster), time.process_time(), time.perf_counter()
            with connection.execute_wrapper(statements):
                answer = client.get(path)
            told[name] = {
                "status": answer.status_code,
                "cpu": round(time.process_time() - cpu, 2),
                "server_cpu": round(read_server_cpu(postmaster) - server, 2),
                "seconds": round(time.perf_counter() - started, 2),
                "kb": len(answer.content) // 1024,
                "statements": statements.count,
                "slowest_ms": round(statements.slowest),
                "slowest": statements.text,
            }
    return {"pages": told}


def judge() -> Figures:
    from annotate.models import Annotator
    from tests.bench.million_data import judge_lately

    judge_lately(first=Annotator.objects.order_by("pk").values_list("pk", flat=True)[0], judgments=JUDGMENTS)
    return {}


def disturb() -> Figures:
    """Bands as they were not, so that the next full plan writes very many."""
    from annotate.queries.rows import run

    return {"units": run("UPDATE annotate_unit SET band = 100 WHERE is_open AND id %% 10 = 0", {})}


def _take(kind: str) -> Any:
    from django.utils import timezone

    from annotate.models import Stale
    from annotate.services.stale import take_turn
    from tasks.vocabulary import StaleKind

    campaign = find_campaign()
    Stale.objects.filter(kind=StaleKind[kind], subject_id=campaign.pk).update(lease_expires_at=None)
    turn = take_turn(kind=StaleKind[kind], subject_id=campaign.pk, now=timezone.now(), lease_seconds=930)
    assert turn is not None
    return turn


PARTS: dict[str, Callable[[], Figures | None]] = {
    "tick": tick,
    "plan": plan_whole,
    "topics": find_topics,
    "place": place_new,
    "embed": embed_new,
    "briefs": open_briefs,
    "variety": ask_variety,
    "traits": traits,
    "standing": standing,
    "summaries": summaries,
    "near": near_duplicates,
    "claims": claims,
    "pages": pages,
    "judge": judge,
    "disturb": disturb,
}


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "annotate.settings"
    import django

    django.setup()
    import_module("tasks.jobs.coverage")
    print(json.dumps(measure(PARTS[sys.argv[1]])))
