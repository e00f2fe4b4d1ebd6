"""Open Assistant's own files come in as one ranking campaign: human replies and three models' answers together."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from django.db.models import Count

from annotate.models import Campaign, Message, MessageOrigin, MessageTree, Unit, UnitCandidate
from tests.services.imports import import_file, make_campaign, outcome

pytestmark = [pytest.mark.django_db, pytest.mark.real_data]

MODELS = ("1b", "3b", "12b")
NAMES = (
    "theblackcat102/pythia-1b-deduped-sft",
    "theblackcat102/pythia-3b-deduped-sft",
    "theblackcat102/pythia-12b-deduped-sft",
)
#: Distinct texts under a prompt → prompts: 16 to 29 of the 23 to 30 answers that the files bring.
DISTINCT = {16: 2, 17: 3, 18: 3, 19: 3, 20: 13, 21: 14, 22: 12, 23: 15, 24: 23, 25: 9, 26: 1, 27: 1, 29: 1}
ANSWERS = {23: 8, 24: 67, 25: 18, 26: 3, 27: 2, 29: 1, 30: 1}


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["CHORUS_REAL_DATA"]) / "open-assistant"


def import_all(campaign: Campaign, folder: Path, *, trees_first: bool) -> dict[str, tuple[int, int, int]]:
    """Import the four files; returns records added, prompts added and candidates added, by file."""
    paths = [folder / "en_100_tree.jsonl", *(folder / f"sampling_pythia-{size}-sft.json" for size in MODELS)]
    told = {}
    for path in paths if trees_first else reversed(paths):
        run = import_file(campaign, path)
        assert outcome(run) == ("done", 100, 100, 0, 0), (path.name, run.reason)
        told[path.name] = (run.added, run.prompts_added, run.candidates_added)
    return told


@pytest.mark.parametrize("trees_first", [True, False])
def test_trees_and_reports_become_one_tree_a_prompt(folder, trees_first) -> None:
    campaign = make_campaign(languages=["en"])
    told = import_all(campaign, folder, trees_first=trees_first)
    assert sum(prompts for _, prompts, _ in told.values()) == MessageTree.objects.count() == 100

    prompts = Message.objects.filter(parent=None)
    distinct = Counter(prompts.annotate(n=Count("replies")).values_list("n", flat=True))
    answers = Counter(prompts.annotate(n=Count("replies__origins")).values_list("n", flat=True))
    assert (dict(distinct), dict(answers)) == (DISTINCT, ANSWERS)
    under_prompts = Message.objects.filter(parent__parent=None, parent__isnull=False)
    origins = MessageOrigin.objects.filter(message__in=under_prompts)
    assert origins.count() - under_prompts.count() == 217  # answers that repeat another's text
    repeated = under_prompts.annotate(n=Count("origins")).filter(n__gt=1)
    assert repeated.values("parent").distinct().count() == 69

    # The trees go on below: 329 replies by prompters, 346 answers to those, and deeper.
    assert Counter(Message.objects.values_list("role", flat=True)) == {"prompter": 480, "assistant": 2216 + 354}
    assert sum(candidates for _, _, candidates in told.values()) == 2216 + 354


def test_every_parent_with_two_answers_is_ranked_and_shows_all_of_them(folder) -> None:
    campaign = make_campaign(languages=["en"])
    import_all(campaign, folder, trees_first=True)
    parents = Message.objects.filter(replies__role="assistant").annotate(n=Count("replies")).distinct()
    crowded = {parent.pk for parent in parents if parent.replies.filter(role="assistant").count() >= 2}
    assert set(Unit.objects.values_list("subject_id", flat=True)) == crowded
    assert len(crowded) >= 100
    shown = UnitCandidate.objects.filter(unit__subject__parent=None).values("unit").annotate(n=Count("message"))
    assert Counter(row["n"] for row in shown) == DISTINCT


def test_origins_tell_people_from_models(folder) -> None:
    campaign = make_campaign(languages=["en"])
    import_all(campaign, folder, trees_first=True)
    under_prompts = MessageOrigin.objects.filter(message__parent__parent=None, message__parent__isnull=False)
    by_model = Counter(under_prompts.values_list("generator__name", flat=True))
    assert by_model[None] == 316
    assert {name: n for name, n in by_model.items() if name and "pythia" in name} == dict.fromkeys(NAMES, 700)
    human = under_prompts.filter(generator=None).values_list("provenance__human", flat=True)
    assert set(human) == {True}
    sampled = under_prompts.filter(generator__name__contains="pythia").first()
    assert {"sampling_config", "temperature"} <= sampled.provenance["sampling"].keys()


def test_the_same_files_again_add_nothing(folder) -> None:
    campaign = make_campaign(languages=["en"])
    import_all(campaign, folder, trees_first=True)
    before = [model.objects.count() for model in (MessageTree, Message, MessageOrigin, Unit, UnitCandidate)]
    for name in ("en_100_tree.jsonl", "sampling_pythia-1b-sft.json"):
        assert outcome(import_file(campaign, folder / name)) == ("done", 100, 0, 100, 0)
    assert [model.objects.count() for model in (MessageTree, Message, MessageOrigin, Unit, UnitCandidate)] == before


def test_the_prompts_that_waited_for_a_lottery_come_in(folder) -> None:
    run = import_file(make_campaign(languages=["en"]), folder / "prompt_lottery_en_250_text.jsonl")
    assert (run.format, outcome(run)) == ("jsonl", ("done", 250, 250, 0, 0))
    assert run.prompts_added == MessageTree.objects.count() == 250


def test_flat_messages_are_joined_into_trees_and_impossible_ones_are_told(folder) -> None:
    run = import_file(make_campaign(languages=["en"]), folder / "realistic_seed_data.json")
    assert (run.format, run.state, run.bad) == ("oasst_messages", "done", 2)
    # In two of its trees the assistant answers itself.
    assert all("is a reply to the assistant" in problem.reason for problem in run.errors.all())
    assert run.prompts_added == MessageTree.objects.count() == run.read - run.bad
