"""A person's own work in whatever state it is: as a form while an answer would be taken, else what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import require_annotator
from annotate.exceptions import InvalidInput, NotFound
from annotate.queries.gold import find_told
from annotate.queries.work_pages import (
    Frame,
    Standing,
    find_hold,
    find_judgment,
    find_offer_refusal,
    rebuild_stored,
)
from annotate.services.terms import CURRENT_TERMS
from annotate.services.undo import list_undoable
from annotate.web.pages import PageRequest, render_page
from annotate.web.work_edits import Run, compare_texts
from annotate.web.work_forms import read_form
from annotate.web.work_kept import find_kept
from annotate.web.work_shown import add_problems, name_candidates, show_subject, show_work
from annotate.web.work_told import show_told
from annotate.web.work_words import CANNOT_TELL_REASONS, SKIP_REASONS, describe_answer, describe_stored
from tasks.vocabulary import AssignmentState, CampaignState

#: The largest number that the database can look for.
LARGEST_ID = 2**63 - 1
PAGE, FRAGMENT = "work/show.html", "work/_work.html"


@dataclass(frozen=True, slots=True)
class Held:
    """An assignment as it was shown, what surrounds it and how it stands."""

    assignment: dict[str, Any]
    frame: Frame
    standing: Standing

    @property
    def shown(self) -> list[str]:
        return [candidate["id"] for candidate in self.assignment["subject"]["candidates"]]

    def describe(self, body: Mapping[str, Any] | None) -> dict[str, Any]:
        """An answer to this work in words."""
        titles = {label["name"]: label["title"] for label in self.assignment["subject"].get("labels", ())}
        letters = name_candidates(self.shown, kind=self.assignment["kind"])
        return describe_answer(body, titles=titles, letters=letters)


def get_held(request: PageRequest, assignment_id: int) -> Held:
    """This person's assignment. Raises `NotFound` for everybody else's, as for none at all."""
    found = None
    if assignment_id <= LARGEST_ID:
        found = find_hold(
            annotator_id=require_annotator(request.actor),
            assignment_id=assignment_id,
            now=timezone.now(),
        )
    if found is None:
        raise NotFound(_("You hold no such work. Ask for the next piece."), code="assignment_not_found")
    return Held(*found)


def show_assignment(request: PageRequest, held: Held, *, stored: dict[str, Any] | None = None) -> HttpResponse:
    """The page of an assignment, with what was kept for it in this browser."""
    stored = stored or find_stored_note(request)
    if ended := _find_end(request, held):
        return show_ended(request, ended, stored=stored)
    body, kept = _take_kept(request, held)
    return show_form(request, held, body=body, kept=kept, stored=stored)


def show_form(
    request: PageRequest,
    held: Held,
    *,
    body: Mapping[str, Any] | None = None,
    problems: Mapping[str, str] | None = None,
    kept: dict[str, Any] | None = None,
    checked: dict[str, Any] | None = None,
    stored: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    """The form, with the draft or with `body` in it; `checked`: what was seen in its texts."""
    work = show_work(held.assignment, held.frame, now=timezone.now(), body=body)
    work |= {"notice": _find_notice(request, held), "kept": kept, "checked": checked}
    add_problems(work, problems or {})
    return render_work(request, work=work, stored=stored, status=status)


def show_ended(
    request: PageRequest, ended: Mapping[str, Any], *, stored: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    return render_work(request, ended=ended, stored=stored, status=status)


def render_work(
    request: PageRequest,
    *,
    work: Mapping[str, Any] | None = None,
    ended: Mapping[str, Any] | None = None,
    none: Mapping[str, Any] | None = None,
    stored: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    """The page of `work`, of what became of it, or of why there is `none`; `stored` is said above it.

    All of them are named in every page: a template takes long to find that a name is nowhere.
    """
    (shown,) = (each for each in (work, ended, none) if each is not None)
    context = {"title": shown["title"], "work": work, "ended": ended, "none": none, "stored": stored}
    return render_page(request, PAGE, context, fragment=FRAGMENT, status=status)


def describe_end(
    held: Held, *, title: str, sentence: str, body: Mapping[str, Any] | None, **more: Any
) -> dict[str, Any]:
    """`ended` of the page: what happened, one's own words to copy, and the way on."""
    return {
        "title": title,
        "sentence": sentence,
        **held.describe(body),
        **show_subject(held.assignment),
        "changes": _show_edit(held, body),
        "campaign": {"slug": held.frame.slug, "title": held.frame.title},
        "language": held.assignment["subject"]["language"],
        "next_url": reverse("next_work", args=[held.frame.slug]),
        **more,
    }


def _show_edit(held: Held, body: Mapping[str, Any] | None) -> list[Run]:
    """What somebody made of the reply that they improved; nothing where it is gone, or nothing was changed."""
    original, text = held.assignment["subject"].get("original"), (body or {}).get("text")
    if not original or not isinstance(text, str) or text in ("", original):
        return []
    return compare_texts(original, text)


def make_stored_note(
    *, kind: str, judgment_id: int, counted: bool, told: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What is said above the next work. Where the known answer is `told`, one's own stays as it is."""
    return {
        "sentence": describe_stored(kind=kind, counted=counted),
        "judgment_id": judgment_id,
        "undo_url": None if told else reverse("undo", args=[judgment_id]),
        "told": told,
    }


def find_stored_note(request: PageRequest) -> dict[str, Any] | None:
    """What `?stored=` names, if it is this person's and stands."""
    number = request.GET.get("stored", "")
    if not number.isdecimal() or not number.isascii() or len(number) > 18:
        return None
    row = find_judgment(annotator_id=require_annotator(request.actor), judgment_id=int(number))
    if row is None:
        return None
    told = find_told(judgment_id=row["id"]) if row["is_told"] else None
    shown = show_told(told, judgment_id=row["id"], assignment_id=row["assignment"])
    return make_stored_note(kind=row["kind"], judgment_id=row["id"], counted=row["counted"], told=shown)


def find_undo(request: PageRequest, judgment_id: int | None) -> str | None:
    """The address that takes a judgment back, where it is among the last ones."""
    undoable = {row["id"] for row in list_undoable(annotator_id=require_annotator(request.actor))}
    return reverse("undo", args=[judgment_id]) if judgment_id in undoable else None


def read_sent(form: QueryDict, held: Held, *, is_draft: bool = True) -> dict[str, Any]:
    """The body that a form means for this very work."""
    return read_form(form, kind=held.assignment["kind"], shown=held.shown, is_draft=is_draft)


def _find_end(request: PageRequest, held: Held) -> dict[str, Any] | None:
    """Why there is no form any more; None where there is one."""
    state, standing, draft = held.assignment["state"], held.standing, held.assignment["draft"]
    if state == AssignmentState.SUBMITTED and standing.judgment is not None:
        return _describe_submitted(request, held)
    if state == AssignmentState.WITHDRAWN:
        return describe_end(held, title=_("This was taken out"), body=draft,
                            sentence=_("Your judgment here does not count any more, and that is for good."))  # fmt: skip
    if state == AssignmentState.SKIPPED and "again" not in request.GET:
        return describe_end(held, title=_("You skipped this"), sentence=_describe_skip(standing), body=draft,
                            again_url=reverse("work", args=[held.assignment["id"]]) + "?again=1")  # fmt: skip
    if standing.submit is not None:
        return describe_end(held, title=_("This cannot be answered any more"), body=draft,
                            sentence=str(standing.submit.refusal))  # fmt: skip
    return None


def _describe_submitted(request: PageRequest, held: Held) -> dict[str, Any]:
    standing = held.standing
    assert standing.judgment is not None
    sentence = describe_stored(kind=held.assignment["kind"], counted=bool(standing.counted))
    undo_url = find_undo(request, standing.judgment)
    if undo_url is None:
        sentence += " " + _("It can no longer be undone here; you can withdraw it among your contributions.")
    body = rebuild_stored(judgment_id=standing.judgment)
    told = show_told(
        find_told(judgment_id=standing.judgment) if standing.is_told else None,
        judgment_id=standing.judgment,
        assignment_id=held.assignment["id"],
    )
    return describe_end(
        held,
        title=_("You have answered this"),
        sentence=sentence,
        body=body,
        undo_url=undo_url if told is None else None,
        told=told,
    )


def _describe_skip(standing: Standing) -> str:
    if standing.cannot_tell_reason:
        reason: Any = CANNOT_TELL_REASONS.get(standing.cannot_tell_reason)  # type: ignore[call-overload]  # words are strings
        said = _("You said that you cannot tell, and that is kept as your answer.")
    else:
        reason = SKIP_REASONS.get(standing.skip_reason)  # type: ignore[call-overload]
        said = _("You will not be asked about it again.")
    return f"{said} {_('Your reason: %(words)s') % {'words': reason}}." if reason else said


def _find_notice(request: PageRequest, held: Held) -> dict[str, Any] | None:
    """What is unusual about a form that is there all the same."""
    state, campaign = held.assignment["state"], held.frame.campaign_state
    if state in (AssignmentState.EXPIRED, AssignmentState.RELEASED):
        return _describe_places(request, held)
    if state == AssignmentState.LIVE and campaign == CampaignState.PAUSED:
        return _note(_("This campaign is paused: it offers nothing new, and what you hold can still be submitted."))
    if state == AssignmentState.LIVE and campaign == CampaignState.CLOSED:
        return _note(_("This campaign is closed. What you hold is taken until your time for it is over."))
    return None


def _describe_places(request: PageRequest, held: Held) -> dict[str, Any]:
    """Who has the work now, in general terms, after one's own hold has ended."""
    standing = held.standing
    if standing.is_vacant:
        refused = find_offer_refusal(
            annotator_id=require_annotator(request.actor),
            assignment_id=held.assignment["id"],
            now=timezone.now(),
            terms=CURRENT_TERMS,
        )
        if refused is not None:
            return _note(_("Your time for this ended, and your answer is safe.") + " " + str(refused.refusal))
        return _note(_("Your time for this ended, and its place is still free. Your answer is safe."), take_up=True)
    if standing.is_open and standing.held:
        return _note(
            _(
                "Your time for this ended, and others hold it now. Your answer is safe: submit it, and it is kept as an extra."
            )
        )
    return _note(
        _(
            "Your time for this ended, and it has all the judgments it needs. Submit your answer, and it is kept as an extra."
        )
    )


def _note(sentence: str, *, take_up: bool = False) -> dict[str, Any]:
    return {"sentence": sentence, "take_up": take_up}


def _take_kept(request: PageRequest, held: Held) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """What was kept goes into the form where the draft is no newer, else beside it: (body, beside)."""
    form = find_kept(request, held.assignment["id"])
    if form is None:
        return None, None
    try:
        body = read_sent(form, held)
    except InvalidInput:
        return None, None
    if held.assignment["draft"] is None or form.get("draft_version") == str(held.assignment["draft_version"]):
        sentence = _(
            "Your sign-in or the form had expired when you sent this. It is filled in again, and not stored yet."
        )
        return body, {"sentence": sentence, "text": "", "lines": []}
    sentence = _("Your sign-in or the form had expired, and this work was saved elsewhere since. What you sent then:")
    return None, {"sentence": sentence, **held.describe(body)}
