"""Guideline, questions and targets: rows that grow, move and go, with and without scripts; each applied in two presses."""

from __future__ import annotations

import pytest
from django.utils import timezone

from annotate.models import AuditEvent, Guideline, LabelDimension, LabelSchema, Stratum
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import change_campaign
from tests.web.organizing import HTMX, make_run, read_form, sign_in

pytestmark = pytest.mark.django_db

GUIDELINE, QUESTIONS, TARGETS = (f"/campaigns/birds/edit/{part}/" for part in ("guideline", "questions", "targets"))
EXAMPLE = {"title": "Short wins", "prompt": "Why?", "better": "Because.", "worse": "Well…", "why": "It answers."}
SCALE = {
    "name": "song",
    "title": "How good is the song?",
    "widget": "scale",
    "applies_to": ["assistant"],
    "anchors": [{"value": 0, "title": "Poor"}, {"value": 1, "title": "Fine"}],
}
FLAG = {"name": "pii", "title": "Personal data", "widget": "flag"}


@pytest.fixture
def campaign():
    return make_run(
        kinds=["rank", "label"],
        guideline={"text": "Listen.", "examples": [EXAMPLE]},
        label_schema={"dimensions": [SCALE, FLAG]},
        targets=[{"language": "de", "topic": "songs", "judgments": 4}, {"language": "en", "judgments": 9}],
    )


@pytest.fixture
def ines(campaign):
    return sign_in("ines")


def press(client, here, sent, step, **more):
    return client.post(here, {**sent, **more, "step": step})


def values(sent, prefix, name):
    """What the rows have in one field, in their order."""
    return [
        value[0] if value else "" for key, value in sent.items() if key.startswith(prefix) and key.endswith(f".{name}")
    ]


@pytest.mark.parametrize("here", [GUIDELINE, QUESTIONS, TARGETS])
def test_form_that_is_not_touched_changes_nothing(ines, here):
    answer = press(ines, here, read_form(ines.get(here)), "look")
    assert (answer.status_code, answer.context["press"].is_same) == (200, True)


def test_guideline_is_published_as_its_next_version(ines, campaign):
    looked = press(ines, GUIDELINE, read_form(ines.get(GUIDELINE)), "look", text="Listen.\r\n\r\nTwice.")
    assert [(line.sign, line.text) for line in looked.context["press"].changes[0].lines][:3] == [
        ("", "Listen."),
        ("+", ""),
        ("+", "Twice."),
    ]
    assert Guideline.objects.count() == 1
    applied = press(ines, GUIDELINE, read_form(looked), "apply", reason="Clearer.")
    campaign.refresh_from_db()
    assert (applied.status_code, campaign.guideline.version, campaign.guideline.text) == (302, 2, "Listen.\n\nTwice.")
    assert campaign.guideline.examples == [EXAMPLE]
    event = AuditEvent.objects.order_by("-pk").first()
    assert (event.action, event.reason) == ("guideline.published", "Clearer.")


def test_examples_are_added_moved_and_removed_without_scripts(ines, campaign):
    sent = read_form(press(ines, GUIDELINE, read_form(ines.get(GUIDELINE)), "add"))
    assert values(sent, "example.", "title") == ["Short wins", ""]
    sent["example.1.title"] = ["Right wins"]
    sent = read_form(press(ines, GUIDELINE, sent, "up-1"))
    assert values(sent, "example.", "title") == ["Right wins", "Short wins"]
    sent = read_form(press(ines, GUIDELINE, sent, "down-0"))
    assert values(sent, "example.", "title") == ["Short wins", "Right wins"]
    sent = read_form(press(ines, GUIDELINE, sent, "remove-0"))
    assert values(sent, "example.", "title") == ["Right wins"]
    looked = press(ines, GUIDELINE, sent, "look")
    assert press(ines, GUIDELINE, read_form(looked), "apply").status_code == 302
    campaign.refresh_from_db()
    assert campaign.guideline.examples == [{"title": "Right wins"}]


@pytest.mark.parametrize("step", ["up-0", "down-1", "remove-7", "up-99", "remove-", "up-x"])
def test_step_that_leads_nowhere_changes_nothing(ines, step):
    sent = read_form(ines.get(QUESTIONS))
    answer = press(ines, QUESTIONS, sent, step)
    assert (answer.status_code, values(read_form(answer), "question.", "name")) == (200, ["song", "pii"])


def test_rows_come_alone_to_htmx_with_the_focus_in_the_new_one(ines):
    for here, target in ((GUIDELINE, "examples"), (QUESTIONS, "questions"), (TARGETS, "targets")):
        page = ines.get(here)
        assert page.text.count(f'id="{target}"') == 1  # htmx takes the first
        sent = read_form(page)
        answer = ines.post(here, {**sent, "step": "add"}, headers={**HTMX, "HX-Target": target})
        assert (answer.status_code, "<html" in answer.text, f'id="{target}"' in answer.text) == (200, False, True)
        assert answer.text.count(" autofocus") == 1


def test_preview_shows_the_text_as_volunteers_see_it_and_keeps_it_safe(ines):
    sent = read_form(ines.get(GUIDELINE))
    text = "# Listen\n\n*Twice* <script>alert(1)</script>"
    page = press(ines, GUIDELINE, sent, "preview", text=text)
    part = ines.post(GUIDELINE, {**sent, "text": text, "step": "preview"}, headers={**HTMX, "HX-Target": "seen"})
    for answer in (page, part):
        assert ("<em>Twice</em>" in answer.text, "<script>alert" in answer.text) == (True, False)
    assert part.text.lstrip().startswith("<section")
    assert Guideline.objects.count() == 1


def test_empty_guideline_is_refused_at_its_field(ines):
    answer = press(ines, GUIDELINE, read_form(ines.get(GUIDELINE)), "look", text="  ")
    assert (answer.status_code, [field.name for field in answer.context["wrong"]]) == (422, ["text"])


def test_question_is_published_with_the_points_of_its_scale(ines, campaign):
    sent = read_form(press(ines, QUESTIONS, read_form(ines.get(QUESTIONS)), "add"))
    sent |= {
        "question.2.title": ["How true?"],
        "question.2.name": ["true"],
        "question.2.widget": ["scale"],
        "question.2.anchors": ["Wrong\nHalf\nRight"],
        "question.2.mandatory": ["on"],
        "question.2.simple": ["on"],
    }
    looked = press(ines, QUESTIONS, sent, "look")
    assert press(ines, QUESTIONS, read_form(looked), "apply").status_code == 302
    campaign.refresh_from_db()
    rows = LabelDimension.objects.filter(schema=campaign.label_schema).values_list(
        "name", "mandatory", "simple", "applies_to", "anchors"
    )
    assert (campaign.label_schema.version, rows[2]) == (
        2,
        (
            "true",
            True,
            True,
            ["prompter", "assistant"],
            [{"value": 0, "title": "Wrong"}, {"value": 0.5, "title": "Half"}, {"value": 1, "title": "Right"}],
        ),
    )
    assert rows[0][4] == [{"value": 0, "title": "Poor"}, {"value": 1, "title": "Fine"}]


def test_what_is_wrong_with_a_question_is_told_at_its_field(ines):
    sent = read_form(ines.get(QUESTIONS)) | {
        "question.0.anchors": ["0 Poor\nmuch Fine"],
        "question.0.applies_to": [],
        "question.1.name": ["Not a name"],
        "question.1.title": [""],
    }
    answer = press(ines, QUESTIONS, sent, "look")
    assert answer.status_code == 422
    assert {field.name for field in answer.context["wrong"]} == {
        "question.0.anchors",
        "question.0.applies_to",
        "question.1.name",
        "question.1.title",
    }
    assert (answer.context["rest"], LabelSchema.objects.count()) == ([], 1)


def test_targets_are_changed_and_taken_away(ines, campaign):
    sent = read_form(ines.get(TARGETS))
    assert values(sent, "target.", "judgments") == ["4", "9"]
    sent = read_form(press(ines, TARGETS, sent | {"target.0.judgments": ["6"]}, "remove-1"))
    sent = read_form(press(ines, TARGETS, sent, "add")) | {"target.1.topic": ["nests"], "target.1.judgments": ["2"]}
    looked = press(ines, TARGETS, sent, "look")
    assert press(ines, TARGETS, read_form(looked), "apply").status_code == 302
    assert {(cell.language, cell.topic): cell.target for cell in Stratum.objects.all()} == {
        ("de", "songs"): 6,
        ("en", "nests"): 2,
        ("en", ""): None,
    }


@pytest.mark.parametrize("number", ["0", "many", "-3", "1.5", ""])
def test_target_that_is_no_number_is_refused_at_its_field(ines, number):
    answer = press(ines, TARGETS, read_form(ines.get(TARGETS)) | {"target.0.judgments": [number]}, "look")
    assert (answer.status_code, [field.name for field in answer.context["wrong"]]) == (422, ["target.0.judgments"])


def test_cell_that_is_there_twice_is_refused(ines):
    sent = read_form(ines.get(TARGETS)) | {"target.1.language": ["de"], "target.1.topic": ["songs"]}
    answer = press(ines, TARGETS, sent, "look")
    assert (answer.status_code, answer.context["rest_count"]) == (422, 1)


def test_more_targets_than_a_form_takes_are_changed_in_the_file(ines, campaign):
    rows = [{"language": "de", "topic": f"t{number}", "judgments": 1} for number in range(201)]
    change_campaign(campaign=campaign, spec=read_campaign({"targets": rows}), actor=None, now=timezone.now())
    page = ines.get(TARGETS).text
    assert ("201 targets, more than this form takes" in page, 'name="target.0' in page) == (True, False)


@pytest.mark.parametrize("here", [GUIDELINE, QUESTIONS, TARGETS])
def test_change_of_somebody_else_meanwhile_is_not_overwritten(ines, campaign, here):
    added = {GUIDELINE: {"text": "Mine."}, QUESTIONS: {"question.1.title": "Mine"}, TARGETS: {"target.0.topic": "mine"}}
    theirs = {"guideline": "Theirs.", "label_schema": {"dimensions": [FLAG]}, "targets": []}
    looked = press(ines, here, read_form(ines.get(here)), "look", **added[here])
    change_campaign(campaign=campaign, spec=read_campaign(theirs), actor=None, now=timezone.now())
    answer = press(ines, here, read_form(looked), "apply")
    assert (answer.status_code, answer.context["press"].is_stale) == (409, True)
    campaign.refresh_from_db()
    assert campaign.guideline.text == "Theirs."


@pytest.mark.parametrize(
    ("query", "text"), [({}, "Listen twice."), ({"version": "1"}, "Listen."), ({"version": "2"}, "Listen twice.")]
)
def test_guideline_is_read_in_force_or_by_version(ines, campaign, query, text):
    change_campaign(
        campaign=campaign,
        spec=read_campaign({"guideline": "Listen twice.", "state": "open"}),
        actor=None,
        now=timezone.now(),
    )
    answer = ines.get("/campaigns/birds/guideline/", query)
    assert answer.context["guideline"].text == text
    assert ("earlier version" in answer.text) == (query.get("version") == "1")


@pytest.mark.parametrize("version", ["3", "0", "x", "99999999999999999999"])
def test_version_that_is_not_there_is_not_found(ines, version):
    assert ines.get("/campaigns/birds/guideline/", {"version": version}).status_code == 404


def test_guideline_shows_examples_side_by_side(ines):
    page = ines.get("/campaigns/birds/guideline/").text
    assert [
        words for words in ("Short wins", "Because.", "Well…", "It answers.", "Better", "Worse") if words not in page
    ] == []
