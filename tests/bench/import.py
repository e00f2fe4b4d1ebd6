"""`make bench BENCH=import`: a file of prompts with four candidates each, through the product's own import.

A fresh PostgreSQL from the wheel, safe against a power cut (fsync on), and Valkey beside it; a campaign
that ranks; a JSONL file read where it lies, as `manage.py import_data` does. Then the same file, read by the
same reader, is copied into a bare table: no ids, keys, origins or units, which is as fast as it could be.

Ends with one line of JSON: `rows` are messages (prompts and candidates); `mib_at_10k` and `mib_at_100k` is what
the importing process held in memory after so many prompts; `ratio` is its rate to that of the bare copy.
QUICK=1: 10,000 prompts, and then `mib_at_100k` is null.
"""
# ruff: noqa: N999  (benchmarks are run by their names, and this one is called import)

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from annotate.embedded.engines import start_engines
from annotate.embedded.places import Places

CANDIDATES = 4
MARKS = (10_000, 100_000)
TEXT = (
    "the of and to in is that it for was on are with as be at one have this from by hot word but what some we can out "
    "other were all there when up use your how said an each she which do their time if will way about many then them "
    "write would like so these her long make thing see him two has look more day could go come did number sound no most "
    "people my over know water than call first who may down side been now find any new work part take get place made"
)
WORDS = TEXT.split()


def main() -> None:
    prompts = 10_000 if os.environ.get("QUICK") == "1" else 100_000
    home = Path(tempfile.mkdtemp(prefix="chorus-bench-", dir="/tmp"))
    home.chmod(0o711)  # the engines' account must reach its folder
    places = Places(data=home / "data", run=home / "run")
    engines = start_engines(places)
    try:
        result = measure(places=places, home=home, prompts=prompts)
    finally:
        engines.stop()
        shutil.rmtree(home, ignore_errors=True)
    print(json.dumps(result), flush=True)


def measure(*, places: Places, home: Path, prompts: int) -> dict[str, Any]:
    set_up_django(places, home)
    path = home / "prompts.jsonl"
    write_prompts(path, prompts=prompts)
    print(
        f"{prompts:,} prompts with {CANDIDATES} candidates each, {path.stat().st_size / 2**20:,.0f} MiB",
        file=sys.stderr,
    )
    rows = prompts * (1 + CANDIDATES)
    seconds, memory = run_import(path, prompts=prompts)
    print(f"imported in {seconds:.1f} s: {rows / seconds:,.0f} messages a second", file=sys.stderr)
    check_rows(prompts=prompts)
    bare = copy_bare(path)
    print(f"copied into a bare table in {bare:.1f} s: {rows / bare:,.0f} messages a second", file=sys.stderr)
    return {
        "bench": "import",
        "rows": rows,
        "rows_per_second": round(rows / seconds),
        "mib_at_10k": memory.get(MARKS[0]),
        "mib_at_100k": memory.get(MARKS[1]),
        "seconds": round(seconds, 2),
        "bare_rows_per_second": round(rows / bare),
        "ratio": round(bare / seconds, 3),
    }


def set_up_django(places: Places, home: Path) -> None:
    for name in [name for name in os.environ if name.startswith("CHORUS_")]:
        del os.environ[name]
    os.environ.update(
        DJANGO_SETTINGS_MODULE="annotate.settings",
        DATABASE_URL=places.database_url,
        REDIS_URL=places.redis_url,
        SECRET_KEY="bench-" + "x" * 60,
        CHORUS_DATA=str(home / "files"),
        CHORUS_LOG_LEVEL="WARNING",
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def write_prompts(path: Path, *, prompts: int) -> None:
    """Texts of ordinary length from a fixed seed; each candidate is another text."""
    rng = random.Random(20261121)
    with path.open("w", encoding="utf-8") as file:
        for number in range(prompts):
            candidates = [
                {"text": f"{words(rng, 20, 120)} {number}.{place}", "generator": f"model-{place}"}
                for place in range(CANDIDATES)
            ]
            prompt = f"{words(rng, 6, 30)} {number}?"
            file.write(json.dumps({"prompt": prompt, "topic": f"topic {number % 20}", "candidates": candidates}) + "\n")


def words(rng: random.Random, fewest: int, most: int) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(fewest, most))).capitalize()


def run_import(path: Path, *, prompts: int) -> tuple[float, dict[int, float]]:
    """Seconds from reading the first byte to the end, and MiB held in memory after so many prompts."""
    from django.utils import timezone

    from annotate.models import Campaign, ImportRun
    from annotate.services.import_runs import Progress, run_import
    from annotate.services.imports import ImportOptions, start_own_import
    from tasks.formats.import_stream import ImportStream

    campaign = Campaign.objects.create(
        slug="bench", title="Bench", preset="rank", languages=["en"], kinds=["rank"], parameters={"redundancy": 3}
    )
    memory: dict[int, float] = {}

    def watch_memory(progress: Progress) -> None:
        for mark in MARKS:
            if progress.read >= mark and mark not in memory:
                memory[mark] = resident_mib()
                print(f"{progress.read:,} prompts: {memory[mark]} MiB in memory", file=sys.stderr)

    claimed = start_own_import(campaign=campaign, path=path, options=ImportOptions(), now=timezone.now())
    start = time.perf_counter()
    ended: ImportRun = run_import(
        claimed=claimed,
        open_records=lambda run, watch: ImportStream(
            Path(run.stored_path), name=path.name, file_format=None, watch=watch
        ),
        clock=timezone.now,
        report=watch_memory,
    )
    seconds = time.perf_counter() - start
    assert (ended.state, ended.added, ended.bad) == ("done", prompts, 0), (
        ended.state,
        ended.reason,
        ended.added,
        ended.bad,
    )
    return seconds, memory


def resident_mib() -> float:
    """What this process holds in memory now."""
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)
    import resource

    return round(
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 1
    )  # macOS: the most it ever held, in bytes


def check_rows(*, prompts: int) -> None:
    """What was imported is all there, with the work that it asks for."""
    from annotate.models import Message, MessageOrigin, MessageTree, Unit, UnitCandidate, UnitDetail

    expected = {
        MessageTree: prompts,
        Message: prompts * (1 + CANDIDATES),
        MessageOrigin: prompts * (1 + CANDIDATES),
        Unit: prompts,
        UnitDetail: prompts,
        UnitCandidate: prompts * CANDIDATES,
    }
    found = {model: model.objects.count() for model in expected}
    assert found == expected, found
    print(f"{sum(found.values()):,} rows in {len(found)} tables", file=sys.stderr)


def copy_bare(path: Path) -> float:
    """Seconds to read the same file and copy the same texts into a table without keys."""
    from django.db import connection

    from tasks.formats.readers import open_import
    from tasks.records.imports import ImportedPrompt, ImportLimits
    from tasks.vocabulary import ImportFormat

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare (prompt bigint, role text, text text, text_hash bytea, language text)")
        start = time.perf_counter()
        with cursor.copy("COPY bare FROM STDIN") as copy:
            for record in open_import(path, ImportFormat.JSONL, ImportLimits()):
                assert isinstance(record, ImportedPrompt), record
                copy.write_row((record.ordinal, "prompter", record.text, f"\\x{record.text_hash.hex()}", "en"))
                for candidate in record.candidates:
                    copy.write_row(
                        (record.ordinal, "assistant", candidate.text, f"\\x{candidate.text_hash.hex()}", "en")
                    )
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
