"""A campaign is read whole: what is right becomes a record, what is wrong is told at once, each at its place."""

from __future__ import annotations

import pytest

from annotate.exceptions import InvalidInput
from annotate.services.campaign_files import MAX_FILE_BYTES, read_campaign, read_campaign_file
from tasks.records.campaigns import (
    Anchor,
    CampaignSpec,
    DimensionSpec,
    GeneratorUse,
    GuidelineSpec,
    ReleasePlan,
    TargetSpec,
)
from tasks.records.parameters import NAMES
from tasks.vocabulary import CampaignState, Kind, MessageRole, Preset, ReleaseSchedule, Widget

WHOLE = """
slug = "birds"
title = "  Birds  "
purpose = '''
Why do they
sing?'''
licence = "CC0-1.0"
preset = "rank"
languages = ["en", "PT_br"]
kinds = ["rank", "label"]
allow_guests = true
redundancy = 4
state = "open"
parameters = { daily_cap = 50 }
release = { schedule = "target", target = 900 }

[guideline]
text = "Rank by truth."
[[guideline.examples]]
title = "Short and right"
better = "No."
worse = "Well."

[[label_schema.dimensions]]
name = "spam"
title = "Spam?"
widget = "yes_no"
mandatory = true

[[label_schema.dimensions]]
name = "quality"
title = "How good?"
widget = "scale"
applies_to = ["assistant"]
anchors = [{ value = 0, title = "Bad" }, { value = 1.0, title = "Good" }]

[[targets]]
language = "pt-br"
topic = "song"
judgments = 12

[[generators]]
name = "small-model"
"""


def problems_of(values) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as refused:
        read_campaign(values)
    assert refused.value.code == "campaign_invalid"
    return refused.value.details


def test_a_file_becomes_a_record():
    assert read_campaign_file(WHOLE.encode()) == CampaignSpec(
        slug="birds",
        title="Birds",
        purpose="Why do they\nsing?",
        licence="CC0-1.0",
        preset=Preset.RANK,
        languages=("en", "pt-BR"),
        kinds=(Kind.RANK, Kind.LABEL),
        allow_guests=True,
        parameters={"redundancy": 4, "daily_cap": 50, "release_target": 900},
        guideline=GuidelineSpec("Rank by truth.", ({"title": "Short and right", "better": "No.", "worse": "Well."},)),
        label_schema=(
            DimensionSpec("spam", "Spam?", Widget.YES_NO, mandatory=True),
            DimensionSpec(
                "quality",
                "How good?",
                Widget.SCALE,
                applies_to=(MessageRole.ASSISTANT,),
                anchors=(Anchor(0.0, "Bad"), Anchor(1.0, "Good")),
            ),
        ),
        targets=(TargetSpec("pt-BR", "song", 12),),
        generators=(GeneratorUse("small-model"),),
        release=ReleasePlan(ReleaseSchedule.TARGET),
        state=CampaignState.OPEN,
    )


def test_what_is_not_said_stays_open():
    assert read_campaign({"title": "Birds"}) == CampaignSpec(title="Birds")


def test_a_guideline_may_be_its_text_alone():
    assert read_campaign({"guideline": "Rank."}).guideline == GuidelineSpec("Rank.")


def test_a_schedule_may_be_taken_away():
    assert read_campaign({"release": {"schedule": None}}).release == ReleasePlan(None)


def test_roles_of_a_dimension_are_a_set():
    dimension = {
        "name": "spam",
        "title": "Spam?",
        "widget": "flag",
        "applies_to": ["assistant", "prompter", "assistant"],
    }
    problems = problems_of({"label_schema": {"dimensions": [{**dimension}]}})
    assert list(problems) == ["label_schema.dimensions[0].applies_to"]
    dimension["applies_to"] = ["assistant", "prompter"]
    (read,) = read_campaign({"label_schema": {"dimensions": [dimension]}}).label_schema
    assert read.applies_to == (MessageRole.PROMPTER, MessageRole.ASSISTANT)


def test_a_file_that_is_not_toml_says_where():
    with pytest.raises(InvalidInput, match=r"not TOML.*line 2, column 6"):
        read_campaign_file(b'title = "Birds"\nslug birds')


def test_a_file_that_is_not_utf8_is_refused():
    with pytest.raises(InvalidInput, match="not TOML"):
        read_campaign_file(b'slug = "\xff"')


def test_a_file_without_a_slug_names_no_campaign():
    with pytest.raises(InvalidInput, match="names no campaign"):
        read_campaign_file(b'title = "Birds"')


def test_a_file_larger_than_any_campaign_is_refused_unread():
    with pytest.raises(InvalidInput, match="no campaign needs"):
        read_campaign_file(b"#" * (MAX_FILE_BYTES + 1))


def test_every_problem_is_told_at_once_and_at_its_place():
    problems = problems_of(
        {
            "slug": "Birds!",
            "languages": ["en", "english please", "en"],
            "kinds": ["ranking"],
            "redundancy": 0,
            "redundncy": 3,
            "targets": [{"language": "en", "judgments": 0}],
        }
    )
    assert problems == {
        "redundncy": ['There is no field "redundncy" here. Did you mean "redundancy"?'],
        "slug": ['Write small letters, digits and single hyphens, such as "everyday-questions".'],
        "languages[1]": ['"english please" is not a language code. Write one such as "en", "de" or "pt-BR".'],
        "kinds[0]": [
            (
                '"ranking" is not known; write one of rank, compare, label, write_assistant_reply, '
                'write_prompter_reply, write_prompt, write_pair, improve_reply. Did you mean "rank"?'
            )
        ],
        "targets[0].judgments": ["This must be a whole number from 1 to 1,000,000,000."],
        "redundancy": ["redundancy must be a whole number from 1 to 100."],
    }


def test_the_message_says_the_first_problem_and_how_many_more():
    with pytest.raises(InvalidInput) as refused:
        read_campaign({"title": "", "purpose": 3})
    assert refused.value.message == (
        "The campaign cannot be used as it is written. title: This must not be empty. "
        "And 1 more thing is wrong: see the details."
    )


@pytest.mark.parametrize(
    ("values", "place", "sentence"),
    [
        ({"slug": "new"}, "slug", '"new" is an address of the site. Choose another name.'),
        ({"slug": "a" * 65}, "slug", "This has 65 characters; at most 64 are taken."),
        ({"title": "a\nb"}, "title", "This must be a single line."),
        ({"title": "a\x00b"}, "title", "The text holds a NUL character at position 2. Remove it."),
        ({"title": None}, "title", "This must be a text."),
        ({"title": "\u200b"}, "title", "This must not be empty."),
        ({"licence": "my own"}, "licence", 'Write the SPDX name of a licence, such as "CC-BY-4.0" or "CC0-1.0".'),
        ({"languages": []}, "languages", "This has 0 items; it takes at least 1 and at most 200."),
        ({"languages": "en"}, "languages", "This must be a list."),
        ({"languages": ["de", "DE"]}, "languages[1]", "This language is there twice. Keep one."),
        ({"languages": [3]}, "languages[0]", 'This must be a language code, such as "en" or "pt-BR".'),
        ({"kinds": ["rank", "rank"]}, "kinds[1]", "This kind of work is there twice. Keep one."),
        ({"allow_guests": 1}, "allow_guests", "This must be true or false."),
        ({"parameters": 3}, "parameters", "This must be a table of names and values."),
        ({"parameters": {"redundancies": 1}}, "parameters.redundancies",
         'There is no parameter "redundancies". Did you mean "redundancy"?'),
        ({"redundancy": 3, "parameters": {"redundancy": 3}}, "parameters.redundancy",
         "This parameter is said twice: here and on top. Keep one."),
        ({"parameters": {"stop_confidence": 2}}, "parameters.stop_confidence",
         "stop_confidence must be a number from 0.5 to 0.999 or null."),
        ({"guideline": {"text": " "}}, "guideline.text", "This must not be empty."),
        ({"guideline": {}}, "guideline.text", "This is missing."),
        ({"guideline": {"text": "x", "examples": [{"good": "y"}]}}, "guideline.examples[0].good",
         'There is no field "good" here.'),
        ({"guideline": {"text": "x", "examples": [{}]}}, "guideline.examples[0]",
         "An example has some of title, prompt, better, worse, text, why."),
        ({"label_schema": []}, "label_schema", "This must be a table of names and values."),
        ({"label_schema": {"dimensions": []}}, "label_schema.dimensions",
         "This has 0 items; it takes at least 1 and at most 60."),
        ({"targets": [{"language": "en", "judgments": 1}, {"language": "EN", "topic": "", "judgments": 2}]}, "targets[1]",
         "This cell is there twice. Keep one."),
        ({"languages": ["en"], "targets": [{"language": "de", "judgments": 1}]}, "targets[0].language",
         'The campaign has no language "de"; it has en.'),
        ({"targets": [{"language": "en"}]}, "targets[0].judgments", "This is missing."),
        ({"output_terms": "free"}, "output_terms", "This must be a list."),
        ({"output_terms": ["free", "free"]}, "output_terms[1]", "This word is there twice. Keep one."),
        ({"output_terms": ["gratis"]}, "output_terms[0]",
         '"gratis" is not known; write one of free, attribution, share_alike, non_commercial, no_training, unknown.'),
        ({"model_licences": ["MIT", "mit"]}, "model_licences[1]", "This licence is there twice. Keep one."),
        ({"model_licences": ["my own"]}, "model_licences[0]",
         "Write the licence by its short name, such as Apache-2.0, MIT or llama3.1."),
        ({"model_licences": [3]}, "model_licences[0]", "This must be a text."),
        ({"generators": [{"name": "a"}, {"name": "a"}]}, "generators[1]", "This generator is there twice. Keep one."),
        ({"generators": [{"name": "a", "samples": 17}]}, "generators[0].samples", "This must be a whole number from 1 to 16."),
        ({"generators": [{"name": "a", "for_variety": "yes"}]}, "generators[0].for_variety", "This must be true or false."),
        ({"generators": [{"name": "a", "endpoint": "http://10.0.0.1"}]}, "generators[0].endpoint",
         'There is no field "endpoint" here.'),
        ({"release": {"schedule": "daily"}}, "release.schedule",
         '"daily" is not known; write one of weekly, monthly, target.'),
        ({"release": {"target": 5}, "release_target": 6}, "release.target",
         "This is said twice: here and as release_target. Keep one."),
        ({"state": "opened"}, "state",
         '"opened" is not known; write one of draft, open, paused, closed. Did you mean "open"?'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_a_sentence(values, place, sentence):
    assert problems_of(values) == {place: [sentence]}


def dimension_with(**fields):
    return {"label_schema": {"dimensions": [{"name": "quality", "title": "How good?", "widget": "scale", **fields}]}}


@pytest.mark.parametrize(
    ("fields", "place", "sentence"),
    [
        ({}, "anchors", "A scale needs two anchors or more, each with a value from 0 to 1 and a title."),
        ({"widget": "flag", "anchors": [{"value": 0, "title": "No"}]}, "anchors",
         "Only a scale has anchors. Leave them out, or make this a scale."),
        ({"anchors": [{"value": 1, "title": "Good"}, {"value": 0, "title": "Bad"}]}, "anchors",
         "The values of the anchors must rise from one to the next."),
        ({"anchors": [{"value": 0, "title": "Bad"}, {"value": 0, "title": "Good"}]}, "anchors",
         "The values of the anchors must rise from one to the next."),
        ({"widget": "flag", "name": "Bad Name"}, "name",
         'Write small letters, digits and underscores, such as "factual_error".'),
        ({"widget": "flag", "applies_to": []}, "applies_to", "This has 0 items; it takes at least 1 and at most 2."),
        ({"widget": "flag", "mandatory": "yes"}, "mandatory", "This must be true or false."),
    ],
)  # fmt: skip
def test_a_dimension_that_cannot_be_answered_is_refused(fields, place, sentence):
    assert problems_of(dimension_with(**fields)) == {f"label_schema.dimensions[0].{place}": [sentence]}


def test_an_anchor_outside_zero_to_one_is_refused():
    anchors = [{"value": 0, "title": "Bad"}, {"value": 1.5, "title": "Good"}, {"value": 1, "title": "Best"}]
    assert problems_of(dimension_with(anchors=anchors)) == {
        "label_schema.dimensions[0].anchors[1].value": ["This must be a number from 0 to 1."]
    }


def test_two_dimensions_of_one_name_are_refused():
    dimension = {"name": "spam", "title": "Spam?", "widget": "flag"}
    assert problems_of({"label_schema": {"dimensions": [dimension, dimension]}}) == {
        "label_schema.dimensions[1]": ["This name is there twice. Keep one."]
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_can_be_said_on_top_and_in_its_table(name):
    for values in ({name: "wrong"}, {"parameters": {name: "wrong"}}):
        (place,) = problems_of(values)
        assert place.removeprefix("parameters.") == name


@pytest.mark.parametrize("junk", [None, 3, "x", [], {}, [[]], [None], {"text": None}, [{"name": None}], True, 1.5, [3]])
@pytest.mark.parametrize(
    "field",
    ["slug", "title", "languages", "kinds", "guideline", "label_schema", "targets", "generators", "release", "preset"],
)
def test_no_junk_is_a_failure(field, junk):
    assert all(place.startswith(field) for place in find_problems({field: junk}))


def find_problems(values) -> dict[str, list[str]]:
    try:
        read_campaign(values)
    except InvalidInput as refusal:
        return refusal.details
    return {}
