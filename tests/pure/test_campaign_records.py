"""A campaign's record says what was said, and what differs; presets are complete by themselves."""

import pytest

from tasks.records.campaigns import (
    CampaignSpec,
    Change,
    GeneratorUse,
    GuidelineSpec,
    ReleasePlan,
    TargetSpec,
    find_changes,
)
from tasks.records.parameters import find_problems, read_settings
from tasks.records.presets import DEFAULT_LABELS, PRESETS
from tasks.vocabulary import CampaignState, Kind, MessageRole, OutputTerms, Preset, ReleaseSchedule, Widget


def test_an_empty_record_says_nothing():
    assert CampaignSpec(slug="birds").as_values() == {}


def test_everything_said_is_plain_json():
    spec = CampaignSpec(
        slug="birds",
        title="Birds",
        purpose="",
        languages=("en", "pt-BR"),
        kinds=(Kind.RANK,),
        allow_guests=False,
        parameters={"redundancy": 2},
        guideline=GuidelineSpec("Rank.", ({"title": "One"},)),
        targets=(TargetSpec("pt-BR", "", 3), TargetSpec("en", "song", 5), TargetSpec("en", "", 4)),
        generators=(GeneratorUse("b", 2), GeneratorUse("a")),
        output_terms=(OutputTerms.FREE, OutputTerms.ATTRIBUTION),
        model_licences=("MIT",),
        release=ReleasePlan(ReleaseSchedule.WEEKLY),
        state=CampaignState.OPEN,
    )
    assert spec.as_values() == {
        "title": "Birds",
        "purpose": "",
        "languages": ["en", "pt-BR"],
        "kinds": ["rank"],
        "allow_guests": False,
        "guideline": {"text": "Rank.", "examples": [{"title": "One"}]},
        "targets": [
            {"language": "en", "topic": "", "judgments": 4},
            {"language": "en", "topic": "song", "judgments": 5},
            {"language": "pt-BR", "topic": "", "judgments": 3},
        ],
        "generators": [{"name": "a", "samples": 1}, {"name": "b", "samples": 2}],
        "output_terms": ["free", "attribution"],
        "model_licences": ["MIT"],
        "release": {"schedule": "weekly"},
        "state": "open",
        "parameters.redundancy": 2,
    }


def test_only_what_differs_is_a_change():
    before = {"title": "Birds", "purpose": "", "parameters.daily_cap": 5}
    after = {"title": "Birds", "purpose": "Song", "parameters.daily_cap": None, "state": "open"}
    assert find_changes(before=before, after=after) == (
        Change("purpose", "", "Song"),
        Change("parameters.daily_cap", 5, None),
        Change("state", None, "open"),
    )


def test_every_preset_is_complete():
    assert set(PRESETS) == set(Preset)
    for preset in PRESETS.values():
        assert preset.kinds
        assert preset.guideline.text.strip() == preset.guideline.text != ""
        assert preset.summary.endswith(".")
        assert find_problems(preset.parameters) == {}


def test_presets_ask_for_what_their_names_say():
    assert {preset: PRESETS[preset].kinds for preset in Preset} == {
        Preset.RANK: (Kind.RANK,),
        Preset.COMPARE: (Kind.COMPARE,),
        Preset.LABEL: (Kind.LABEL,),
        Preset.TREES: (
            Kind.WRITE_ASSISTANT_REPLY,
            Kind.WRITE_PROMPTER_REPLY,
            Kind.WRITE_PROMPT,
            Kind.IMPROVE_REPLY,
            Kind.RANK,
            Kind.LABEL,
        ),
    }


def test_only_the_preset_of_trees_lets_them_grow():
    grown = {preset: read_settings(PRESETS[preset].parameters).grow_trees for preset in Preset}
    assert grown == {Preset.RANK: False, Preset.COMPARE: False, Preset.LABEL: False, Preset.TREES: True}


def test_the_guideline_of_trees_has_a_part_for_each_kind_of_work():
    text = PRESETS[Preset.TREES].guideline.text
    assert [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")] == [
        "When you write a prompt",
        "When you write a turn of the person who asks",
        "When you write or improve a reply of the assistant",
        "When you review a message",
        "When you rank",
    ]


def test_the_simple_form_asks_what_decides_and_how_good_it_is():
    assert [dimension.name for dimension in DEFAULT_LABELS if dimension.simple] == ["spam", "lang_mismatch", "quality"]


def test_our_own_labels_are_questions_that_can_be_answered():
    assert len({dimension.name for dimension in DEFAULT_LABELS}) == len(DEFAULT_LABELS)
    assert [dimension.name for dimension in DEFAULT_LABELS if dimension.mandatory] == ["spam"]
    for dimension in DEFAULT_LABELS:
        points = [anchor.value for anchor in dimension.anchors]
        assert points == ([0.0, 0.25, 0.5, 0.75, 1.0] if dimension.widget is Widget.SCALE else [])


@pytest.mark.parametrize("name", ["fails_task", "helpfulness"])
def test_only_replies_are_asked_how_they_answer(name):
    (dimension,) = (dimension for dimension in DEFAULT_LABELS if dimension.name == name)
    assert dimension.applies_to == (MessageRole.ASSISTANT,)
