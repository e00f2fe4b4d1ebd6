"""Who came to write prompts and is not needed is told what is needed instead."""

from __future__ import annotations

import pytest

from annotate.queries import vacancies
from annotate.queries.home import list_begun, list_given
from tests.kinds import make_brief, make_growing, make_tree, open_unit
from tests.loop import ask, make_annotator, submit

pytestmark = pytest.mark.django_db
PROMPTS = ["write_prompt", "write_pair"]


def make_busy_campaign(**given):
    """Replies wait in two languages; prompts wait nowhere."""
    campaign = make_growing(languages=("en", "de"), **given)
    for number in range(3):
        open_unit(campaign, "write_assistant_reply", subject=make_tree(campaign, f"Question {number}?")[0])
    open_unit(campaign, "label", subject=make_tree(campaign, "Frage?", language="de")[0])
    return campaign


def test_who_wants_to_write_prompts_is_told_what_is_needed_instead():
    campaign = make_busy_campaign()
    none = ask(make_annotator(), campaign, kinds=PROMPTS)["why_none"]
    assert (none["code"], none["retry_after_seconds"], none["message"]) == (
        "prompts_not_needed",
        600,
        "No new prompts are needed in your languages now: those that are here wait for replies and reviews first.",
    )
    assert none["nearest"] == [
        {"campaign": "birds", "kind": "write_assistant_reply", "language": "en", "open": 3},
        {"campaign": "birds", "kind": "label", "language": "de", "open": 1},
    ]


def test_only_what_somebody_can_do_is_named():
    campaign = make_busy_campaign()
    none = ask(make_annotator(languages=["de"]), campaign, kinds=["write_prompt"])["why_none"]
    assert [near["kind"] for near in none["nearest"]] == ["label"]


def test_many_are_counted_up_to_a_bound(monkeypatch):
    monkeypatch.setattr(vacancies, "NEEDED", vacancies.NEEDED.replace("LIMIT 100)", "LIMIT 2)"))
    none = ask(make_annotator(), make_busy_campaign(), kinds=PROMPTS)["why_none"]
    assert none["nearest"][0]["open"] == 2


def test_where_nothing_else_waits_other_campaigns_are_named():
    campaign = make_growing()
    make_growing(slug="other")
    none = ask(make_annotator(), campaign, kinds=PROMPTS)["why_none"]
    assert (none["code"], none["nearest"]) == ("prompts_not_needed", [])


def test_who_would_do_anything_is_told_what_they_were_told_before():
    none = ask(make_annotator(), make_growing())["why_none"]
    assert none["code"] == "empty"


def test_a_prompt_that_others_hold_is_still_needed():
    campaign = make_busy_campaign()
    open_unit(campaign, "write_prompt", brief=make_brief(campaign))
    assert ask(make_annotator("bob"), campaign, kinds=PROMPTS)["assignment"] is not None
    none = ask(make_annotator(), campaign, kinds=PROMPTS)["why_none"]
    assert none["code"] == "all_held"


def test_prompts_begun_and_given_are_on_ones_own_page():
    campaign = make_growing()
    open_unit(campaign, "write_prompt", brief=make_brief(campaign, topic="Birds", words="Ask what a child would."))
    ada = make_annotator()
    hold = ask(ada, campaign)["assignment"]
    (begun,) = list_begun(annotator_id=ada.pk)
    assert (begun["kind"], begun["text"]) == ("write_prompt", "Ask what a child would.")
    submit(ada, hold["id"], {"text": "Why do birds sing?"})
    (given,) = list_given(annotator_id=ada.pk, before=None, limit=5)
    assert (given["kind"], given["text"]) == ("write_prompt", "Why do birds sing?")
