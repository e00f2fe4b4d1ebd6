"""`simulate` compares policies and parameters on a campaign, on a file that describes one, or on prompts, and changes nothing."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotate.models import Assignment, Unit
from tests.loop import make_campaign, make_prompt

pytestmark = pytest.mark.django_db

SMALL = ("--annotators", "6", "--days", "2", "--runs", "2")


def simulate(*arguments: object) -> str:
    out = StringIO()
    call_command("simulate", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def campaign():
    campaign = make_campaign()
    for number in range(8):
        make_prompt(campaign, f"Prompt {number}")
    return campaign


def test_it_compares_policies_and_parameters_and_says_how_fast(campaign) -> None:
    before = list(Unit.objects.order_by("pk").values())
    told = simulate("birds", "redundancy=2,4", "--policy", "coverage", "--policy", "uniform", *SMALL)
    heads = [line for line in told.splitlines() if not line.startswith(" ")]
    assert heads[:4] == [
        "coverage, redundancy=2", "coverage, redundancy=4", "uniform, redundancy=2", "uniform, redundancy=4",
    ]  # fmt: skip
    assert re.search(r"[\d,]+ judgments in [\d.,]+ s: [\d,]+ a second", heads[-1])
    assert list(Unit.objects.order_by("pk").values()) == before
    assert not Assignment.objects.exists()


def test_parameters_may_be_named_behind_options(campaign) -> None:
    told = simulate("birds", "--policy", "uniform", *SMALL, "redundancy=2,4")
    assert [line for line in told.splitlines() if not line.startswith(" ")][:2] == [
        "uniform, redundancy=2",
        "uniform, redundancy=4",
    ]


def test_the_report_is_a_page_that_fetches_nothing_and_the_same_as_json(campaign, tmp_path) -> None:
    page, data = tmp_path / "report.html", tmp_path / "report.json"
    simulate("birds", "--policy", "coverage", "--policy", "uniform", *SMALL, "--html", page, "--json", data)
    report = json.loads(data.read_text())
    html = page.read_text()
    assert report["asked"]["annotators"] == 6
    assert html.count("<polyline") == 6 * 2
    assert "Only orders are imagined" in html
    assert f"{report['arms'][1]['end']['covered']['mean']:.3f}" in html
    assert not re.search(r"<script|https?://|url\(|@import|\son\w+=", html)


def test_names_in_a_report_are_text(tmp_path) -> None:
    campaign = make_campaign()
    campaign.title = "<b>Birds</b> & more"
    campaign.save()
    make_prompt(campaign)
    simulate("birds", *SMALL, "--html", tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text()
    assert "&lt;b&gt;Birds&lt;/b&gt; &amp; more" in html
    assert "<b>Birds" not in html


def test_a_campaigns_file_is_imagined_with_made_up_prompts(tmp_path) -> None:
    path = tmp_path / "birds.toml"
    path.write_text(
        'slug = "birds"\ntitle = "Birds"\npreset = "rank"\nlanguages = ["en", "sw"]\nredundancy = 2\n'
        '[[targets]]\nlanguage = "sw"\njudgments = 50\n'
    )
    simulate(path, "--prompts", "40", *SMALL, "--json", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["prompts"], report["languages"], report["targets"]) == (40, ["en", "sw"], 1)


def test_prompts_alone_are_imagined_with_candidates(tmp_path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "Why?", "language": "de", "topic": "birds"}\n"How?"\n')
    simulate(path, *SMALL, "--json", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["prompts"], sorted(report["languages"])) == (2, ["de", "en"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cats",), 'There is no campaign "cats", and no file of that name.'),
        (("birds", "redundancy"), "write NAME=VALUE"),
        (("birds", "redundancy=0"), "redundancy must be a whole number from 1 to 100."),
        (("birds", "colour=red"), "There is no parameter 'colour'."),
        (("birds", "--annotators", "0"), "annotators must be a whole number from 1 to 20000."),
        (("birds", "redundancy=1,2,3,4,5,6,7,8,9"), "At most 8 ways"),
        (("birds", "--prompts", "0"), "--prompts must be"),
    ],
)
def test_what_cannot_be_imagined_is_refused(campaign, arguments, words) -> None:
    with pytest.raises(CommandError, match=re.escape(words)):
        simulate(*arguments)


def test_a_campaign_without_anything_to_put_in_order_is_refused() -> None:
    make_campaign()
    with pytest.raises(CommandError, match="nothing to put in order"):
        simulate("birds")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("birds.toml", "slug = ", "not TOML"),
        ("prompts.jsonl", '{"text": 1}\n', "line 1"),
        ("prompts.jsonl", "", "has no prompt"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, name, content, words) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(CommandError, match=words):
        simulate(path)
