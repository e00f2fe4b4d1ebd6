"""A campaign written as a file reads back as the same campaign."""

from __future__ import annotations

import tomllib

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from annotate.services.campaign_files import read_campaign_file
from annotate.services.campaign_review import plan_change
from annotate.services.campaign_text import _value, write_campaign_file
from annotate.services.generators import create_generator
from tests.web.organizing import make_run

NASTY = 'A "quoted" \\ line\nand """three"""\n\ttab, délice 鳥 ends in a quote"'
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=40) | st.text('"\\\n\r\t a', max_size=14)


@given(texts)
def test_any_text_reads_back(text):
    assert tomllib.loads(f"a = {_value(text)}") == {"a": text}


@given(
    st.recursive(
        texts | st.integers(-(2**63), 2**63 - 1) | st.booleans(),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=6,
    )
)
def test_any_value_reads_back(value):
    assert tomllib.loads(f"a = {_value(value)}") == {"a": value}


@pytest.mark.django_db
def test_campaign_reads_back_without_a_change():
    create_generator(values={"name": "m", "engine": "transformers", "model": "m", "licence": "mit"}, actor=None)
    campaign = make_run(
        purpose=NASTY,
        kinds=["rank", "label"],
        allow_guests=True,
        guideline={"text": NASTY, "examples": [{"title": "One", "better": NASTY, "why": "x"}, {"text": "Two"}]},
        label_schema={
            "dimensions": [
                {"name": "spam", "title": 'Is it "spam"?', "widget": "yes_no", "mandatory": True},
                {"name": "good", "title": "Good?", "widget": "scale", "applies_to": ["assistant"],
                 "anchors": [{"value": 0, "title": "No"}, {"value": 0.125, "title": "A bit"}, {"value": 1, "title": "Yes"}]},
            ]
        },
        targets=[{"language": "en", "topic": "songs", "judgments": 9}, {"language": "de", "judgments": 3}],
        generators=[{"name": "m", "samples": 2}],
        output_terms=["unknown", "free"],
        model_licences=["MIT", "Apache-2.0"],
        release={"schedule": "target", "target": 100},
        parameters={"stop_confidence": 0.95, "lease_seconds": 900.5},
    )  # fmt: skip
    written = write_campaign_file(campaign)
    spec = read_campaign_file(written.encode())
    assert plan_change(campaign=campaign, spec=spec, actor=None, now=timezone.now()).changes == ()
    assert "state" not in tomllib.loads(written)


@pytest.mark.django_db
def test_campaign_without_parts_reads_back_without_a_change():
    campaign = make_run()
    spec = read_campaign_file(write_campaign_file(campaign).encode())
    assert plan_change(campaign=campaign, spec=spec, actor=None, now=timezone.now()).changes == ()
    assert (spec.targets, spec.generators) == ((), ())
