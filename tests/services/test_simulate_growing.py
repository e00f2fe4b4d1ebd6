"""`simulate` of a campaign that grows trees: in memory it says what is not imagined; exactly, everything is done by the services."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotate.management.simulation_sources import find_growing
from annotate.models import Annotator, Assignment, Brief, Campaign, Judgment, Message, MessageTree, Unit
from annotate.queries.simulations import load_growing
from annotate.services.campaign_files import read_campaign
from annotate.services.tree_marks import mark_trees
from tests.growing import NOW, do, grow, make_growing
from tests.loop import make_annotator, make_prompt

pytestmark = pytest.mark.django_db

GROVE = (
    'slug = "grove"\ntitle = "Grove"\npreset = "trees"\nlanguages = ["en"]\nactive_trees = 3\nwaiting_prompts = 1\n'
    "goal_tree_size = 3\nreplies_wanted = 2\nmin_reviews = 1\nredundancy = 1\nimprovements_wanted = 0\n"
)


def simulate(*arguments: object) -> str:
    out = StringIO()
    call_command("simulate", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.slow
def test_volunteers_write_review_reply_and_rank_until_trees_are_done(tmp_path) -> None:
    grove = tmp_path / "grove.toml"
    grove.write_text(GROVE)
    data, page = tmp_path / "report.json", tmp_path / "report.html"
    told = simulate(
        grove, "--exact", "--annotators", 24, "--days", 2, "--runs", 1, "--json", data, "--html", page
    )  # fmt: skip
    report: dict[str, Any] = json.loads(data.read_text())
    (arm,) = report["arms"]
    kinds = {kind: done["mean"] for kind, done in arm["kinds"].items()}
    assert {"write_prompt", "label", "write_assistant_reply", "rank"} <= set(kinds)
    end, tally = arm["end"], {name: one["mean"] for name, one in arm["tally"].items()}
    assert sum(kinds.values()) == tally["submitted"] == end["judgments"]["mean"]
    assert tally["claims"] == sum(tally[name] for name in ("submitted", "skipped", "run_out", "under_way", "refused"))
    assert arm["refused"] == {}
    assert end["trees"]["mean"] >= 1
    assert end["stuck"]["mean"] == 0
    assert end["begun"]["mean"] == kinds["write_prompt"]
    assert end["messages"]["mean"] + end["rejected"]["mean"] <= kinds["write_prompt"] + kinds["write_assistant_reply"]
    assert end["coverage"]["mean"] > 0
    assert [point["trees"]["mean"] for point in arm["curve"]] == sorted(
        point["trees"]["mean"] for point in arm["curve"]
    )
    assert f"Reviews: {kinds['label']:,.0f}" in told
    assert "What this leaves out:" in told
    assert "Trees done" in page.read_text()
    made = (Campaign, Annotator, MessageTree, Unit, Judgment)
    assert [model.objects.count() for model in made] == [0] * len(made)


def test_in_memory_it_grows_from_nothing_and_says_so_before_it_runs(tmp_path) -> None:
    campaign = make_growing()
    mark_trees(tree_ids=[make_prompt(campaign, replies=2).tree_id])
    grow()
    data, page = tmp_path / "report.json", tmp_path / "report.html"
    told = simulate("grove", "--annotators", 30, "--days", 4, "--runs", 2, "--json", data, "--html", page)
    assert told.startswith("This campaign grows trees. It is imagined from nothing")
    report = json.loads(data.read_text())
    (arm,) = report["arms"]
    assert {"write_prompt", "label", "write_assistant_reply", "rank"} <= set(arm["kinds"])
    assert arm["end"]["trees"]["mean"] > 0
    assert arm["end"]["trees"]["low"] is not None
    assert report["assumed"][0] in page.read_text().replace("&#x27;", "'")
    assert "is_exact" not in report
    assert not Assignment.objects.exists()


def test_a_growing_campaign_starts_from_what_its_organizers_decided_and_from_nobodys_text() -> None:
    campaign = make_growing(languages=("en", "de"))
    grow()
    owner = make_annotator("owner").user
    Brief.objects.create(campaign=campaign, language="en", topic="birds", wanted=3, created_by=owner)
    Brief.objects.create(campaign=campaign, language="en", topic="closed", is_open=False, created_by=owner)
    Brief.objects.create(campaign=campaign, language="en", topic="its own", origin="scheduler")
    assert do(make_annotator(languages=("en",)), campaign, kind="write_prompt", text="A secret of mine?")
    loaded = load_growing(campaign=campaign, now=NOW)
    assert [brief["topic"] for brief in loaded.briefs] == ["birds"]
    assert "secret" not in json.dumps(loaded.as_json())
    assert loaded.description["kinds"] == campaign.kinds
    assert [len(person.judgments) for person in loaded.past.people] == [1]
    spec = read_campaign({**loaded.description, "slug": "again", "title": "Again"})
    assert {one.name for one in spec.label_schema or ()} >= {"spam", "quality", "lang_mismatch"}
    assert Message.objects.count() == 1


def test_what_a_growing_campaign_starts_from_takes_as_many_queries_for_many_as_for_few(
    django_assert_num_queries,
) -> None:
    campaign = make_growing(waiting_prompts=20)
    grow()
    with django_assert_num_queries(7):
        load_growing(campaign=campaign, now=NOW)
    for number in range(4):
        assert do(make_annotator(f"p{number}", languages=("en",)), campaign, kind="write_prompt")
        Brief.objects.create(campaign=campaign, language="en", topic=f"topic {number}")
    with django_assert_num_queries(7):
        assert len(load_growing(campaign=campaign, now=NOW).past.people) == 4


def test_a_file_says_by_its_preset_or_its_parameter_that_trees_grow(tmp_path) -> None:
    path = tmp_path / "campaign.toml"
    for text, grows in ((GROVE, True), (GROVE.replace('"trees"', '"rank"'), False)):
        path.write_text(text)
        assert (find_growing(str(path)) is not None) == grows
    kinds = 'kinds = ["write_prompt", "write_assistant_reply", "rank"]\n'
    path.write_text(GROVE.replace('"trees"', '"rank"') + "grow_trees = true\n" + kinds)
    found = find_growing(str(path))
    assert found is not None
    assert (found.title, found.languages, found.parameters["goal_tree_size"]) == ("Grove", ("en",), 3)


def test_where_nobody_begins_a_tree_orders_are_imagined() -> None:
    make_growing(slug="flat", grow_trees=False)
    assert find_growing("flat") is None
    make_growing(slug="brought", kinds=("rank", "label"))
    assert find_growing("brought") is None
    with pytest.raises(CommandError, match="nothing to put in order"):
        simulate("brought")
    assert find_growing("nothing") is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--policy", "best"), "policy must be"),
        (("--annotators", "0"), "annotators must be a whole number from 1 to 20000."),
        (("--days", "366"), "days must be a whole number from 1 to 365."),
        (("--runs", "0"), "runs must be a whole number from 1 to 30."),
        (("--html", "/no/such/folder/report.html"), "no report can be written to"),
        (("--json", "/"), "no report can be written to"),
        (("goal_tree_size=0",), "goal_tree_size must be"),
        (("--annotators", "10000", "--days", "300"), "would take hours"),
    ],
)
def test_what_cannot_be_imagined_is_refused_before_anything_runs(arguments, words) -> None:
    make_growing()
    with pytest.raises(CommandError, match=words):
        simulate("grove", *arguments, "--exact")
    if "would take hours" not in words:
        with pytest.raises(CommandError, match=words):
            simulate("grove", *arguments)
    assert not Assignment.objects.exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("grove.toml", b"title = 'Grove'\n", "names no campaign"),
        ("grove.toml", b"\xff\xfe\x00", "not TOML"),
        ("grove.toml", b'slug = "grove"\npreset = "forest"\n', "cannot be used as it is written"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\x00\xff", "line 1"),
        ("words.txt", b"Once upon a time\n", "line 1"),
    ],
)
def test_a_file_that_is_no_campaign_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for more in ((), ("--exact",)):
        with pytest.raises(CommandError, match=words):
            simulate(path, *more)
