"""The form means what the API's body means: every ranking, both ways; and every kind comes back as it was."""

from __future__ import annotations

import json

import pytest
from django.http import QueryDict
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from annotate.exceptions import InvalidInput
from annotate.models import Judgment
from annotate.services.answers import read_answer
from annotate.web.work_forms import VERDICTS, field_of, fill_form, is_empty, read_form
from tasks.records.parameters import CampaignSettings
from tasks.vocabulary import Kind
from tests.loop import make_campaign, make_prompt
from tests.web.workers import ask_next, form_of, post, sign_in

SHOWN = tuple("abcdefgh")
#: For each of up to eight candidates the number of its place, or none; with a bar, or none.
FORMS = st.integers(2, 8).flatmap(
    lambda count: st.tuples(
        st.lists(st.none() | st.integers(1, 12), min_size=count, max_size=count), st.none() | st.integers(0, 12)
    )
)


def form_with(places, bar=None, **more) -> QueryDict:
    form = QueryDict(mutable=True)
    for handle, place in zip(SHOWN, places, strict=False):
        form.appendlist("tiers", f"{handle}:{'' if place is None else place}")
    form["acceptable_tiers"] = "" if bar is None else str(bar)
    for name, value in more.items():
        form[name] = value
    return form


def read_as_api(body, shown):
    """What the service stores for a body."""
    return read_answer(
        kind=Kind.RANK, body=body, shown={handle: number for number, handle in enumerate(shown)}, dimensions=(),
        asked=(), settings=CampaignSettings(), languages=["en"], language="en",
    )  # fmt: skip


@given(FORMS, st.booleans())
def test_every_form_is_the_ballot_that_it_shows(form, has_rest) -> None:
    places, bar = form
    shown = SHOWN[: len(places)]
    body = read_form(form_with(places, bar, **({"rest_worse": "1"} if has_rest else {})), kind=Kind.RANK, shown=shown)
    placed = {handle: place for handle, place in zip(shown, places, strict=True) if place is not None}
    if not placed or (len(placed) < len(shown) and not has_rest):
        with pytest.raises(InvalidInput):
            read_as_api(body, shown)
        return
    stored = read_as_api(body, shown)
    tier_of = {shown[number]: tier for tier, numbers in enumerate(stored.tiers, start=1) for number in numbers}
    numbers = {**placed, **{handle: max(placed.values()) + 1 for handle in shown if handle not in placed}}
    for one in shown:
        for other in shown:
            assert (tier_of[one] < tier_of[other]) == (numbers[one] < numbers[other])
        if bar is None:
            assert stored.acceptable_tiers is None
        else:
            assert (tier_of[one] <= stored.acceptable_tiers) == (numbers[one] <= bar)
    assert stored.rest_worse == (len(placed) < len(shown))


@given(FORMS, st.booleans())
def test_draft_of_any_form_is_the_same_form_without_gaps(form, has_rest) -> None:
    places, bar = form
    shown = SHOWN[: len(places)]
    sent = form_with(places, bar, **({"rest_worse": "1"} if has_rest else {}))
    draft = read_form(sent, kind=Kind.RANK, shown=shown, is_draft=True)
    state = fill_form(json.loads(json.dumps(draft)), kind=Kind.RANK, shown=shown)
    numbers = sorted({place for place in places if place is not None})
    closed = {number: place for place, number in enumerate(numbers, start=1)}
    assert state["rest_worse"] == has_rest
    if not (has_rest and None not in places and len(numbers) > 1):
        assert list(state["place_of"].values()) == [None if place is None else closed[place] for place in places]
    again = form_with(
        state["place_of"].values(), state["acceptable_tiers"], **({"rest_worse": "1"} if has_rest else {})
    )
    assert fill_form(read_form(again, kind=Kind.RANK, shown=shown, is_draft=True), kind=Kind.RANK, shown=shown) == state


@pytest.mark.parametrize("verdict", list(VERDICTS))
@pytest.mark.parametrize("both_bad", [True, False])
def test_every_verdict_comes_back(verdict, both_bad) -> None:
    form = form_with([], preference=verdict, **({"both_bad": "1"} if both_bad else {}))
    body = read_form(form, kind=Kind.COMPARE, shown=["c", "d"])
    state = fill_form(body, kind=Kind.COMPARE, shown=["c", "d"])
    assert (state["preference"], state["both_bad"]) == (verdict, both_bad)


@given(st.none() | st.booleans() | st.just("not_applicable") | st.floats(0, 1))
def test_every_label_comes_back(value) -> None:
    field = field_of(value)
    form = QueryDict(mutable=True)
    form["label.quality"] = field or ""
    read = read_form(form, kind=Kind.LABEL, shown=[])["labels"]["quality"]
    assert read == (pytest.approx(value, abs=1e-9) if isinstance(value, float) else value)


@pytest.mark.parametrize(
    "draft",
    [None, [], "x", {"tiers": "x", "labels": [], "text": 3, "rationale": {}, "acceptable_tiers": True, "active_seconds": -1},
     {"tiers": [["a", 3], "b", [], ["z"]], "acceptable_tiers": -4, "labels": {"x": ["y"]}, "active_seconds": "1"}],
)  # fmt: skip
@pytest.mark.parametrize("kind", list(Kind))
def test_any_draft_of_another_client_fills_a_form(draft, kind) -> None:
    state = fill_form(draft, kind=kind, shown=["a", "b"])
    assert (state["rationale"], state["active_seconds"]) == ("", 0)


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("", None),
        ("0", None),
        ("x", None),
        ("-3", None),
        ("nan", None),
        ("31.5", 31.5),
        ("inf", 86_400.0),
        ("9e99", 86_400.0),
    ],
)
def test_seconds_that_are_not_known_are_none(sent, seconds) -> None:
    body = read_form(form_with([1, 2], active_seconds=sent), kind=Kind.RANK, shown=["a", "b"])
    assert body.get("active_seconds") == seconds


@pytest.mark.parametrize(
    ("body", "empty"),
    [
        ({}, True),
        ({"tiers": [], "acceptable_tiers": None}, True),
        ({"labels": {"a": None}}, True),
        ({"text": " \n"}, True),
        ({"active_seconds": 3.0}, True),
        ({"labels": {"a": False}}, False),
        ({"labels": {"a": 0.0}}, False),
        ({"acceptable_tiers": 0}, False),
        ({"rest_worse": True}, False),
        ({"tiers": [["a"]]}, False),
        ({"rationale": "So."}, False),
        ({"text": "x"}, False),
    ],
)
def test_what_counts_as_untouched(body, empty) -> None:
    assert is_empty(body) is empty


ANSWERS = {
    "rank": [
        {"tiers": ["a:2", "b:1", "c:2", "d:3"], "acceptable_tiers": "1", "rationale": "B is short.\n\nAnd right."},
        {"tiers": ["a:2", "b:1", "", ""], "acceptable_tiers": "3", "rest_worse": "1"},
        {"tiers": ["a:1", "b:1", "c:1", "d:1"], "acceptable_tiers": ""},
        {"tiers": ["a:1", "b:2", "c:3", "d:4"], "acceptable_tiers": "0"},
    ],
    "compare": [{"preference": verdict, "both_bad": "1"} for verdict in VERDICTS],
    "label": [
        {"label.spam": "no", "label.quality": "0", "label.humor": "na", "label.pii": "yes"},
        {"label.spam": "na", "rationale": "Nothing to see."},
    ],
    "write_assistant_reply": [{"text": "\nTo be heard.\n\n<b>&amp;\n", "language": "de", "active_seconds": "12"}],
}


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "answer"), [(kind, answer) for kind, some in ANSWERS.items() for answer in some])
def test_every_kind_of_work_comes_back_as_it_was_answered(client: Client, kind, answer) -> None:
    """Render, act, store, load again: the form stands as it was sent, after a draft and after an undo."""
    prompt = make_prompt(make_campaign(kinds=(kind,), languages=("en", "de")), replies=2 if kind == "compare" else 4)
    if kind == "label":  # the prompt is no reply, of which more is asked
        answer = {name: value for name, value in answer.items() if name != "label.humor" or prompt.role == "assistant"}
    sign_in(client)
    assignment = ask_next(client)
    blank = form_of(client.get(f"/work/{assignment}/"))
    if kind == "label" and "label.humor" in client.get(f"/work/{assignment}/").text:
        answer = {**answer, "label.humor": "na"}
    post(client, assignment, "draft", {**blank, **answer})
    drafted = form_of(client.get(f"/work/{assignment}/"))
    drafted.pop("draft_version")
    blank.pop("draft_version")
    assert drafted == {**blank, **answer}
    post(client, assignment, "submit", drafted)
    assert client.post(f"/judgments/{Judgment.objects.get().pk}/undo/").status_code == 302
    undone = form_of(client.get(f"/work/{assignment}/"))
    undone.pop("draft_version")
    assert undone == drafted
