"""What a page of work shows, from an assignment as it was frozen: texts rendered, fields filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from annotate.queries.work_pages import Frame
from annotate.rendering import Prose, render_many
from annotate.web.work_forms import field_of, fill_form
from annotate.web.work_words import (
    describe_reason,
    list_places,
    list_reasons,
    name_languages,
    name_text,
    name_work,
)
from tasks.vocabulary import WRITING_KINDS, Kind, ReasonCode, Widget

#: Words that somebody reads in a minute, and minutes that deciding takes besides.
READING_SPEED = 220
DECIDING_MINUTES = {
    Kind.RANK: 1,
    Kind.COMPARE: 0,
    Kind.LABEL: 1,
    Kind.WRITE_ASSISTANT_REPLY: 4,
    Kind.WRITE_PROMPTER_REPLY: 2,
    Kind.WRITE_PROMPT: 3,
    Kind.WRITE_PAIR: 6,
    Kind.IMPROVE_REPLY: 3,
}
#: Rows of the keyboard that questions take in turn; `s`, `t`, `u`, `?` and Enter act on the page.
KEY_ROWS = ("1234567890", "qweryiop", "adfghjkl", "zxcvbnm")


def show_work(
    assignment: Mapping[str, Any], frame: Frame, *, now: datetime, body: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`work` of the page: an assignment in the API's shape with its draft, or with `body` in its place."""
    subject, kind = assignment["subject"], assignment["kind"]
    shown = [candidate["id"] for candidate in subject["candidates"]]
    draft = assignment["draft"] if body is None else body
    texts = _render(assignment, frame)
    state = fill_form(draft, kind=kind, shown=shown)
    writes = kind in WRITING_KINDS
    place_of = state.get("place_of", {})
    return {
        "id": assignment["id"],
        # What is done with it lies below: templates add `submit/`, `draft/` and `renew/`, which costs no look-up.
        "url": reverse("work", args=[assignment["id"]]),
        "kind": kind,
        **name_work(
            kind=kind,
            candidates=len(shown),
            last_role=subject["thread"][-1]["role"] if subject["thread"] else "",
            reason=frame.reason_code,
        ),
        "ranks_prompts": kind == Kind.RANK and not subject["thread"],
        "campaign": {"slug": frame.slug, "title": frame.title},
        "language": subject["language"],
        "reason": describe_reason(code=frame.reason_code, args=frame.reason_args),
        "minutes": count_minutes(texts["thread"] + texts["candidates"] + texts["original"], kind=kind),
        "state": assignment["state"],
        "draft_version": assignment["draft_version"],
        "lease_expires_at": assignment["lease_expires_at"],
        "lease_seconds_left": count_seconds_left(assignment["lease_expires_at"], now=now),
        "saved_seconds": None,
        "shown": " ".join(shown),
        "arranged": " ".join(f"{handle}{place_of.get(handle) or ''}" for handle in shown),
        "thread": show_thread(subject["thread"], texts["thread"]),
        "candidates": show_candidates(shown, texts["candidates"], kind=kind, places=place_of),
        "places": list_places(len(shown)),
        "guideline": show_guideline(frame, texts["guideline"]),
        "skip_reasons": list_reasons("skip"),
        "cannot_tell_reasons": [] if writes else list_reasons("cannot_tell"),
        "rationale_required": frame.settings.require_rationale and not writes,
        "limits": {"least": None, "most": frame.settings.max_text_chars},
        "languages": name_languages(_languages_of(frame, subject["language"]) if writes else ()),
        "problems": {},
        **state,
        **_show_labels(subject, state.get("answers", {}), is_review=frame.reason_code == ReasonCode.REVIEW_WANTED),
        **(_show_writing(assignment, state, texts) if writes else {"texts": [], "brief": None, "original_html": ""}),
    }


def _show_writing(
    assignment: Mapping[str, Any], state: Mapping[str, Any], texts: Mapping[str, Sequence[Prose]]
) -> dict[str, Any]:
    """What is written and to what: the text fields, the brief, and the reply that is to be improved.

    Who improves a reply begins with its own words.
    """
    kind, subject = assignment["kind"], assignment["subject"]
    names = ("prompt", "reply") if kind == Kind.WRITE_PAIR else ("text",)
    start = subject.get("original", "") if assignment["draft"] is None else ""
    return {
        "texts": [{"name": name, "title": name_text(kind, name), "value": state[name] or start} for name in names],
        "text_language": state["text_language"] or subject["language"],
        "brief": _show_brief(subject.get("brief"), texts["brief"]),
        "original_html": texts["original"][0].html if texts["original"] else "",
        "may_end": kind == Kind.WRITE_PROMPTER_REPLY,
    }


def _show_brief(brief: Mapping[str, Any] | None, words: Sequence[Prose]) -> dict[str, Any] | None:
    """What is asked for, where anything is: a brief that leaves all open is none to read."""
    if brief is None or not (brief["topic"] or brief["difficulty"] or brief["words"] or brief["examples"]):
        return None
    told = {name: brief[name] for name in ("language", "topic", "difficulty", "examples")}
    return {**told, "html": words[0].html if words else ""}


def add_problems(work: dict[str, Any], problems: Mapping[str, str]) -> None:
    """Say what was wrong, above the form and at each question."""
    work["problems"] = dict(problems)
    for label in work["labels"]:
        label["problem"] = problems.get(f"label.{label['name']}", "")
    for text in work["texts"]:
        text["problem"] = problems.get(text["name"], "")


def show_thread(thread: Sequence[Mapping[str, str]], texts: Sequence[Prose]) -> list[dict[str, Any]]:
    last = len(thread) - 1
    return [
        {"role": turn["role"], "html": prose.html, "is_last": place == last}
        for place, (turn, prose) in enumerate(zip(thread, texts, strict=True))
    ]


def show_candidates(
    handles: Sequence[str], texts: Sequence[Prose], *, kind: str, places: Mapping[str, int | None]
) -> list[dict[str, Any]]:
    """Cards in the order shown."""
    letters = name_candidates(handles, kind=kind)
    return [
        {"handle": handle, "letter": letters[handle], "html": prose.html, "is_long": prose.is_long,
         "place": places.get(handle)}
        for handle, prose in zip(handles, texts, strict=True)
    ]  # fmt: skip


def name_candidates(handles: Sequence[str], *, kind: str) -> dict[str, str]:
    """The letter of each handle on the page. Two that are compared are A and B whatever their handles."""
    if kind == Kind.COMPARE and len(handles) == 2:
        return dict(zip(handles, "AB", strict=True))
    return {handle: handle.upper() for handle in handles}


def show_subject(assignment: Mapping[str, Any]) -> dict[str, Any]:
    """What the work was about, to read again: `thread` and `candidates`; nothing of it where its texts are gone."""
    subject = assignment["subject"]
    handles = [candidate["id"] for candidate in subject["candidates"]]
    texts = [part["text"] for part in (*subject["thread"], *subject["candidates"])]
    if not all(texts):
        return {"thread": [], "candidates": []}
    rendered = render_many(texts)
    turns = len(subject["thread"])
    candidates = show_candidates(handles, rendered[turns:], kind=assignment["kind"], places={})
    return {"thread": show_thread(subject["thread"], rendered[:turns]), "candidates": candidates}


def show_guideline(frame: Frame, texts: Sequence[Prose]) -> dict[str, Any] | None:
    if frame.guideline is None:
        return None
    text, *rest = [prose.html for prose in texts]
    examples = []
    for example in frame.guideline.examples:
        prompt, better, worse, why, *rest = rest
        examples.append(
            {"title": example.get("title", ""), "prompt_html": prompt, "better_html": better, "worse_html": worse,
             "why_html": why}
        )  # fmt: skip
    return {"id": frame.guideline.pk, "version": frame.guideline.version, "html": text, "examples": examples}


def count_minutes(texts: Sequence[Prose], *, kind: str) -> int:
    """About how long reading and deciding take, in whole minutes."""
    return max(1, round(sum(prose.words for prose in texts) / READING_SPEED) + DECIDING_MINUTES[Kind(kind)])


def count_seconds_left(lease_expires_at: str | None, *, now: datetime) -> int | None:
    """Whole seconds of a hold that are left; None where it has ended."""
    end = parse_datetime(lease_expires_at) if lease_expires_at else None
    return None if end is None else max(0, int((end - now).total_seconds()))


def _render(assignment: Mapping[str, Any], frame: Frame) -> dict[str, list[Prose]]:
    """Every text of the page, with one question to the cache."""
    subject = assignment["subject"]
    parts = {
        "thread": [turn["text"] for turn in subject["thread"]],
        "candidates": [candidate["text"] for candidate in subject["candidates"]],
        "original": [subject["original"]] if "original" in subject else [],
        "brief": [subject["brief"]["words"]] if subject.get("brief") and subject["brief"]["words"] else [],
        "guideline": _guideline_texts(frame),
    }
    rendered = iter(render_many([text for texts in parts.values() for text in texts]))
    return {name: [next(rendered) for _text in texts] for name, texts in parts.items()}


def _guideline_texts(frame: Frame) -> list[str]:
    if frame.guideline is None:
        return []
    names = ("prompt", "better", "worse", "why")
    return [
        frame.guideline.text,
        *(str(example.get(name) or "") for example in frame.guideline.examples for name in names),
    ]


def _show_labels(subject: Mapping[str, Any], answers: Mapping[str, str | None], *, is_review: bool) -> dict[str, Any]:
    """Questions with their answers and keys; flags apart, because they are ticked and not chosen.

    What decides about a text under review stands first: what must be answered, and the flags, which follow so many
    questions (`flags_after`).
    """
    asked = [_show_label(label, answers.get(label["name"])) for label in subject.get("labels", ())]
    questions = [label for label in asked if label["widget"] != Widget.FLAG]
    flags = [label for label in asked if label["widget"] == Widget.FLAG]
    first = [label for label in questions if label["mandatory"]] if is_review and flags else questions
    rest = [label for label in questions if label not in first]
    rows = list(KEY_ROWS)
    _give_keys(first, rows)
    _give_flag_keys(flags, rows)
    _give_keys(rest, rows)
    return {"labels": [*first, *rest], "flags": flags, "flags_after": len(first)}


def _show_label(label: Mapping[str, Any], value: str | None) -> dict[str, Any]:
    anchors = [{**anchor, "field": field_of(float(anchor["value"])), "key": ""} for anchor in label["anchors"]]
    return {**label, "anchors": anchors, "value": value, "problem": "", "na_key": "", "keys": []}


def _give_keys(questions: Sequence[dict[str, Any]], rows: list[str]) -> None:
    """A row of the keyboard for each question, as long as there are rows that are long enough."""
    for label in questions:
        count = (len(label["anchors"]) if label["widget"] == Widget.SCALE else 2) + 1
        label["keys"] = list(_take_row(rows, count)[:count]) or [""] * count
        label["na_key"] = label["keys"][-1]
        label["answers"] = _show_answers(label)


def _give_flag_keys(flags: Sequence[dict[str, Any]], rows: list[str]) -> None:
    """One row for all flags."""
    row = _take_row(rows, len(flags)) if flags else ""
    for place, label in enumerate(flags):
        label["key"] = row[place] if row else ""


def _take_row(rows: list[str], count: int) -> str:
    row = next((row for row in rows if len(row) >= count), "")
    if row:
        rows.remove(row)
    return row


def _show_answers(label: Mapping[str, Any]) -> list[dict[str, str]]:
    if label["widget"] == Widget.SCALE:
        answers = [{"field": anchor["field"], "title": anchor["title"]} for anchor in label["anchors"]]
    else:
        answers = [{"field": "no", "title": _("No")}, {"field": "yes", "title": _("Yes")}]
    return [{**answer, "key": key} for answer, key in zip(answers, label["keys"], strict=False)]


def _languages_of(frame: Frame, language: str) -> list[str]:
    return [*frame.languages, *([] if language in frame.languages else [language])]
