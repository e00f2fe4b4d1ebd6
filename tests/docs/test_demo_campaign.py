"""The demo campaign is what a visitor sees first: its two files belong together and hold what they promise."""

import json
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from annotate.services.campaign_files import read_campaign_file
from tasks.formats.readers import open_import
from tasks.records.imports import ImportedPrompt, ImportLimits
from tasks.vocabulary import ImportFormat, Kind, Preset, ReleaseSchedule, Widget

DEMO = Path(__file__).resolve().parents[2] / "annotate" / "demo"


@pytest.fixture(scope="module")
def campaign():
    return tomllib.loads((DEMO / "demo.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def items():
    return [json.loads(line) for line in (DEMO / "demo.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_campaign_speaks_the_words_of_the_vocabulary(campaign):
    assert Preset(campaign["preset"]) == Preset.RANK
    assert {Kind(kind) for kind in campaign["kinds"]} == {Kind.RANK, Kind.COMPARE, Kind.LABEL}
    assert ReleaseSchedule(campaign["release"]["schedule"]) == ReleaseSchedule.MONTHLY
    assert {Widget(d["widget"]) for d in campaign["label_schema"]["dimensions"]} == set(Widget)


def test_whoever_looks_in_may_judge_at_once(campaign):
    assert campaign["allow_guests"] is True


def test_scales_have_anchors_from_zero_to_one_in_order(campaign):
    for dimension in campaign["label_schema"]["dimensions"]:
        values = [anchor["value"] for anchor in dimension.get("anchors", [])]
        if dimension["widget"] == "scale":
            assert (values[0], values[-1], sorted(values)) == (0.0, 1.0, values)
        else:
            assert values == []


def test_the_guideline_has_two_examples_with_both_sides(campaign):
    assert [sorted(example) for example in campaign["guideline"]["examples"]] == [
        ["better", "prompt", "title", "why", "worse"],
        ["better", "prompt", "title", "why", "worse"],
    ]


def test_prompts_and_campaign_name_the_same_languages(campaign, items):
    assert {item["language"] for item in items} == set(campaign["languages"])


def test_every_target_has_prompts(campaign, items):
    cells = {(item["language"], item["topic"]) for item in items}
    assert {(target["language"], target["topic"]) for target in campaign["targets"]} <= cells


def test_the_prompts_are_many_and_various(items):
    assert len(items) >= 24
    assert len({item["language"] for item in items}) >= 5
    assert len({item["topic"] for item in items}) >= 6
    assert len({item["external_id"] for item in items}) == len(items)


def test_every_item_has_the_keys_of_the_import_format(items):
    assert {tuple(sorted(item)) for item in items} == {("candidates", "external_id", "language", "prompt", "topic")}
    assert {tuple(sorted(c)) for item in items for c in item["candidates"]} == {("generator", "text")}


def test_every_prompt_has_four_or_more_candidates_of_different_generators(items):
    for item in items:
        generators = [candidate["generator"] for candidate in item["candidates"]]
        assert len(generators) >= 4
        assert len(set(generators)) == len(generators)


def test_the_order_of_the_file_does_not_tell_which_candidate_is_best(items):
    places = Counter([c["generator"] for c in item["candidates"]].index("demo-careful") for item in items)
    assert all(places[place] > 0 for place in range(4))
    assert max(places.values()) < len(items) / 2


def test_no_text_tells_who_wrote_it(items):
    for item in items:
        for candidate in item["candidates"]:
            assert "demo-" not in candidate["text"]
            assert candidate["text"].strip() == candidate["text"] != ""


def test_the_campaign_file_is_one_that_is_taken():
    spec = read_campaign_file((DEMO / "demo.toml").read_bytes())
    assert (spec.slug, spec.preset, spec.parameters) == ("everyday-questions", Preset.RANK, {"redundancy": 3})


def test_every_line_of_the_prompts_is_imported(items):
    records = list(open_import(DEMO / "demo.jsonl", ImportFormat.JSONL, ImportLimits()))
    assert [(type(record), record.external_id) for record in records] == [
        (ImportedPrompt, item["external_id"]) for item in items
    ]
    assert sum(len(record.candidates) for record in records) == sum(len(item["candidates"]) for item in items)
