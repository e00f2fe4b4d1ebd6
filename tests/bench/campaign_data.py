"""Fill and read the database of `campaign_hour`: run as a program with DATABASE_URL set. Each prints one JSON line.

python -m tests.bench.campaign_data fill PEOPLE   migrates; an open campaign that grows trees; people of uneven languages
python -m tests.bench.campaign_data look          trees by state, trees that are stuck, counters that are not true
"""

from __future__ import annotations

import json
import os
import random
import sys
from typing import Any

from tests.bench.serving_data import open_session

SLUG = "hour"
#: What share of the people works in each language; Lithuanian has a handful.
LANGUAGES = {"en": 0.8, "de": 0.3, "es": 0.3, "ar": 0.15, "lt": 0.05}
PARAMETERS = {
    "grow_trees": True,
    "goal_tree_size": 12,
    "min_goal_tree_size": 6,
    "max_tree_depth": 4,
    "active_trees": 60,
    "waiting_prompts": 30,
    "redundancy": 3,
    "max_held": 8,
}

#: Trees that have not ended, are not waiting for their turn, and ask nobody for anything.
STUCK = """
SELECT t.id FROM annotate_messagetree t WHERE t.state IN ('prompt_review', 'growing', 'ranking')
  AND NOT EXISTS (SELECT 1 FROM annotate_unit u JOIN annotate_message m ON m.id = u.subject_id
                  WHERE m.tree_id = t.id AND u.is_open AND u.needed > u.done)"""
STATES = "SELECT language, state, count(*) FROM annotate_messagetree GROUP BY 1, 2 ORDER BY 1, 2"
ENDED_WITH_WORK = """
SELECT count(*) FROM annotate_unit u JOIN annotate_message m ON m.id = u.subject_id JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE u.is_open AND t.state IN ('done', 'low_grade', 'halted', 'retired')"""
BEHIND = "SELECT kind, count(*) FROM annotate_stale WHERE marked > computed GROUP BY 1"
MADE = "SELECT (SELECT count(*) FROM annotate_message), (SELECT count(*) FROM annotate_judgment)"


def fill(people: int) -> dict[str, Any]:
    from django.core.management import call_command
    from django.utils import timezone

    from annotate.access import Actor
    from annotate.models import LanguageSkill, User
    from annotate.services.campaigns import create_campaign
    from tasks.records.campaigns import CampaignSpec
    from tasks.vocabulary import CampaignState, Preset
    from tests.loop import make_annotator

    call_command("migrate", verbosity=0)
    owner = make_annotator("owner")
    spec = CampaignSpec(
        slug=SLUG, title="An hour", preset=Preset.TREES, languages=tuple(LANGUAGES), parameters=PARAMETERS,
        state=CampaignState.OPEN,
    )  # fmt: skip
    actor = Actor(user=User.objects.get(pk=owner.user_id), annotator_id=owner.pk)
    create_campaign(spec=spec, actor=actor, now=timezone.now())
    rng = random.Random(7)
    made = []
    for number in range(people):
        person = make_annotator(f"p{number}")
        spoken = [language for language, share in LANGUAGES.items() if rng.random() < share] or ["en"]
        LanguageSkill.objects.bulk_create(LanguageSkill(annotator=person, language=language) for language in spoken)
        made.append({"session": open_session(person.user), "languages": spoken})
    return {"slug": SLUG, "people": made}


def look() -> dict[str, Any]:
    from django.db import connection

    from tests.loop import find_drift

    with connection.cursor() as cursor:

        def rows(sql: str) -> list[tuple[Any, ...]]:
            cursor.execute(sql)
            return cursor.fetchall()

        states: dict[str, dict[str, int]] = {}
        for language, state, count in rows(STATES):
            states.setdefault(language, {})[state] = count
        messages, judgments = rows(MADE)[0]
        return {
            "states": states,
            "stuck": [row[0] for row in rows(STUCK)],
            "ended_with_work": rows(ENDED_WITH_WORK)[0][0],
            "behind": dict(rows(BEHIND)),
            "messages": messages,
            "judgments": judgments,
            "drift": {name: len(found) for name, found in find_drift().items()},
        }


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "annotate.settings"
    import django

    django.setup()
    print(json.dumps(fill(int(sys.argv[2])) if sys.argv[1] == "fill" else look()))
