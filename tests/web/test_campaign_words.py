"""Every word of the product that these pages show has a word for people."""

from __future__ import annotations

import pytest
from django.utils import translation

from annotate.services.campaign_states import TRANSITIONS as SERVICE_TRANSITIONS
from annotate.services.campaign_values import Reader
from annotate.services.generator_fields import ATTENTIONS, DTYPES, QUANTIZATIONS
from annotate.services.release_writing import COUNTED, GOLD, LEFT_OUT
from annotate.web.audit_words import ACTIONS
from annotate.web.campaign_forms import PARAMETER_NAMES
from annotate.web.campaign_words import FIELDS, PARAMETER, PRESETS, ROLES, SCHEDULES, TRANSITIONS, WIDGETS
from annotate.web.generator_words import (
    ATTENTIONS as ATTENTION_WORDS,
)
from annotate.web.generator_words import (
    BATCHINGS,
    OUTCOMES,
    RELATIONS,
    REQUEST_STATES,
    SERVER_KINDS,
    TRIAL_STATES,
    WORKER_STATES,
)
from annotate.web.generator_words import DTYPES as DTYPE_WORDS
from annotate.web.generator_words import QUANTIZATIONS as QUANTIZATION_WORDS
from annotate.web.import_words import FORMATS, STATES
from annotate.web.release_words import COUNTS, PERSONAL_DATA, TABLES
from annotate.web.release_words import STATES as RELEASE_STATES
from tasks.records.parameters import NAMES
from tasks.vocabulary import (
    AuditAction,
    Batching,
    CampaignRole,
    GenerationOutcome,
    ImportFormat,
    ImportState,
    ModelRelation,
    PersonalDataKind,
    Preset,
    ReleaseSchedule,
    ReleaseState,
    ReleaseTable,
    RequestState,
    ServerKind,
    TrialState,
    Widget,
    WorkerState,
)


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (ACTIONS, AuditAction),
        (PRESETS, Preset),
        (ROLES, CampaignRole),
        (SCHEDULES, [None, *ReleaseSchedule]),
        (WIDGETS, Widget),
        (OUTCOMES, GenerationOutcome),
        (REQUEST_STATES, RequestState),
        (SERVER_KINDS, ServerKind),
        (RELATIONS, [None, *ModelRelation]),
        (BATCHINGS, Batching),
        (TRIAL_STATES, TrialState),
        (WORKER_STATES, WorkerState),
        (DTYPE_WORDS, DTYPES),
        (QUANTIZATION_WORDS, ["", *QUANTIZATIONS]),
        (ATTENTION_WORDS, ["", *ATTENTIONS]),
        (FORMATS, ImportFormat),
        (STATES, ImportState),
        (RELEASE_STATES, ReleaseState),
        (COUNTS, [*COUNTED, "annotators", LEFT_OUT, GOLD]),
        (TABLES, ReleaseTable),
        (PERSONAL_DATA, PersonalDataKind),
        (TRANSITIONS, SERVICE_TRANSITIONS),
    ],
)
def test_each_word_is_told_in_words(words, known):
    assert set(words) == set(known)


def test_each_parameter_is_in_a_form_with_its_words():
    assert set(PARAMETER_NAMES) | {"release_target"} == set(NAMES)
    assert {f"{PARAMETER}{name}" for name in NAMES} <= set(FIELDS)


@pytest.mark.parametrize(("language", "number"), [("en", "2,000,000"), ("de", "2.000.000"), ("ar", "2,000,000")])
def test_numbers_in_refusals_are_written_as_readers_write_them(language, number):
    reader = Reader()
    with translation.override(language):
        assert reader.text("title", "x" * 2_000_000, longest=160) is None
    assert number in reader.problems["title"]


def test_what_no_text_may_hold_is_told_in_the_language_of_the_reader():
    reader = Reader()
    with translation.override("de"):
        assert reader.text("title", "a\0b", longest=160) is None
        assert reader.language("languages[0]", "x y") is None
    assert reader.problems == {
        "title": "Der Text enthält ein NUL-Zeichen an Stelle 2. Entferne es.",
        "languages[0]": "„x y“ ist kein Sprachcode. Schreib einen wie „en“, „de“ oder „pt-BR“.",
    }
